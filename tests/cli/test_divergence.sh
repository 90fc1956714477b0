#!/bin/sh
# Runs that diverge: recorded, left out of the fit, restarted at a lower learning rate where the study says so, named in status,
# notes and report; the same after a kill in the middle of the second attempt.
set -eu
command=$1
. tests/support/expect.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
scripts/tiny-study "$work"
cd "$work"
has() { grep -q -- "$1" "$2" || { head -c 3000 "$2"; fail "no '$1' in $2"; }; }

# ---- never again: every run is a recorded result, and the study says why it has no answer
sed 's/lr: 1e-2/lr: 30, on_divergence: {retry: 0}/; s/checkpoint_every: 0.2/retries: 0/' study.yaml >lost.yaml
expect 1 "no scale could be fitted: 16 of 16 runs diverged, the first of them s4k-base-r0 (diverged at learning rate 30: step" \
    "$command" run lost.yaml --dir lost --quiet
has '"state": "diverged"' lost/runs/s4k-base-r0/result.json
has '"retries": 0' lost/runs/s4k-base-r0/result.json
"$command" status lost >status.txt
has '16 runs done (16 of them diverged)' status.txt
has 's8k-down-news diverged: diverged at learning rate 30' status.txt
has 'diverged' lost/report.html
[ ! -e lost/runs.csv ] || fail "a table of runs that have no loss"

# ---- begun again at a rate that does: an answer, and a word for each run
sed 's/lr: 1e-2/lr: 30, on_divergence: {retry: 1, lr: 1e-3}/; s/scales: .*/scales: [100e3]/; s/tokens: 16e3, seeds: 2/tokens: 100e3, seeds: 1/
    s/checkpoint_every: 0.2/checkpoint_every: 0.01/; s/, max_epochs: 8//' study.yaml >again.yaml
"$command" run again.yaml --dir again --jobs 1 --json >again.json 2>err.txt || { cat err.txt; fail "the study"; }
has '"retries": 1' again/runs/s100k-base-r0/result.json
has '"lr": 0.029999999999999999' again/runs/s100k-base-r0/result.json
has '"attempt":1' again/runs/s100k-base-r0/metrics.jsonl
[ "$(grep -c . again/runs.csv)" = "$(($(ls again/runs | wc -l) + 1))" ] || fail "rows of runs that ended well"
"$command" status again >status.txt
has 's100k-base-r0 diverged 1 time, restarted at learning rate 0.03' status.txt
has 'note: .* were restarted at a lower learning rate' status.txt
has 'done, restarted at learning rate 0.03' again/report.html
has 'were restarted at a lower learning rate' again/report.html

# ---- known again when the study is: notes do not depend on who saw the run end
"$command" run again.yaml --dir again >text.txt 2>/dev/null
has 'note: .* were restarted at a lower learning rate' text.txt

# ---- killed in the second attempt
"$command" run again.yaml --dir killed --jobs 1 --quiet >/dev/null 2>&1 &
pid=$!
for run in s100k-base-r0 s100k-up-code s100k-down-books; do
    tries=0
    until [ -e killed/runs/$run/checkpoint/state.json ] && grep -q '"attempt": 1' killed/runs/$run/checkpoint/state.json; do
        [ ! -e killed/runs/$run/result.json ] && [ $tries -lt 3000 ] || break # it was too quick for us
        tries=$((tries + 1))
        sleep .002
    done
    child=$(cat /proc/$pid/task/*/children 2>/dev/null) || true
    kill -9 $pid $child 2>/dev/null || true
    wait $pid 2>/dev/null || true
    "$command" run again.yaml --dir killed --jobs 1 --quiet >/dev/null 2>&1 &
    pid=$!
done
wait $pid
for f in runs.csv mixture.json; do cmp again/$f killed/$f || fail "$f after kills in the second attempt"; done
grep -lq 'resuming from the checkpoint' killed/runs/*/log.txt || echo "no run was killed with a checkpoint"
echo "16 runs lost, $(ls again/runs | wc -l) begun again, 3 kills"
