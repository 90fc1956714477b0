#!/bin/sh
# Runs of a swarm that pause: those that can no longer matter are stopped, what they leave buys others, and the study is the same
# whatever the number of processes and wherever it is killed. One that was begun without pauses goes on without them.
set -eu
command=$1
. tests/support/expect.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
scripts/tiny-study "$work"
cd "$work"
value() { sed -n "s/.*\"$1\": \([0-9.e+-]*\),*.*/\1/p" "$2" | head -n 1; }

sed '/^scales/d; /^design/d; s/against: .natural., //; s/curve: 4/curve: 0/; s/seeds: 2/seeds: 1/; s/tokens: 1000/tokens: 400/; s/16e3/40e3/' study.yaml >base.yaml
{ cat base.yaml; echo 'search: {method: swarm, runs: 20, tokens: 16e3, rounds: 3}'; } >plain.yaml
sed 's/rounds: 3/rounds: 3, pause: .5/' plain.yaml >swarm.yaml
sed 's/rounds: 3/rounds: 3, pause: 0/' plain.yaml >whole.yaml

# ---- planned: the most that it may cost, and where runs pause
"$command" plan swarm.yaml >plan.txt
grep -q 'its runs pause at 8.19k tokens: .* so this is the most that it costs' plan.txt || { cat plan.txt; fail "no word of the pause"; }
"$command" plan swarm.yaml --json >plan.json
[ "$(value pause_tokens plan.json)" = 8192.0 ] || fail "pause of the plan: $(value pause_tokens plan.json)"
"$command" plan whole.yaml --json >none.json
grep -q pause_tokens none.json && fail "a pause where there is none" || true
"$command" plan plain.yaml --json | grep -q '"pause_tokens": 8192' || fail "the default pause"

# ---- made: some are stopped, others are bought, within what was planned; said wherever runs are listed
"$command" run swarm.yaml --dir s1 --jobs 1 --json >s1.json 2>s1.err
stopped=$(grep -c '^s16k-mix-[0-9]* stopped at 51.2 % of its tokens: ' s1.err) || true
[ "$stopped" -ge 1 ] && [ "$stopped" -le 10 ] || { cat s1.err; fail "stopped runs: $stopped"; }
"$command" status s1 --json >status.json
[ "$(sed -n '/"stopped"/,/\]/p' status.json | grep -c '"id": "s16k-mix-')" = "$stopped" ] || fail "stopped runs of status"
"$command" status s1 | grep -q "$stopped stopped at their pause" || fail "no word of them in status"
grep -q "$stopped of the swarm.* runs were stopped at 51.2 %" s1/report.html && grep -q 'stopped at 51.2 % of its tokens' s1/report.html || fail "no word of them in the report"
[ "$(awk -F, 'NR == 1 {for (i = 1; i <= NF; i++) if ($i == "trust") c = i} NR > 1 && $c < 1' s1/runs.csv | wc -l)" = "$stopped" ] || { cat s1/runs.csv; fail "their trust"; }
made=$(grep -c '^s16k-mix' s1/runs.csv)
[ "$made" -ge 20 ] && awk "BEGIN {exit !(16000 * ($made - $stopped) + 8192 * $stopped <= 20 * 16000)}" || fail "$made runs, $stopped of them stopped"
awk "BEGIN {exit !($(value search_share s1.json) <= $(value share plan.json))}" || fail "it cost more than planned"
[ "$(ls -d s1/runs/s16k-mix-* | wc -l)" = $((made - stopped)) ] || fail "runs that were stopped were made: $(ls s1/runs)"
grep -v '^t40k' s1/runs.csv >rows.csv
"$command" fit rows.csv -o law.json --quiet >/dev/null 2>&1 || fail "a law of its table"

# ---- a run that pauses and goes on is the run
"$command" run whole.yaml --dir w1 --jobs 2 --quiet >/dev/null
ls w1/runs | grep -q pause && fail "pauses where there are none" || true
head -n 1 s1/runs.csv | grep -q trust && ! head -n 1 w1/runs.csv | grep -q trust || fail "columns"
cut -d, -f1-3,5- s1/runs.csv | grep '^s16k-mix-[0-5],' >a; grep '^s16k-mix-[0-5],' w1/runs.csv | cmp - a || fail "a run that went on is another than one that never paused"

# ---- killed in the pauses of the second round, and behind them; with other --jobs
for at in s16k-pause-8 s16k-mix-1[0-2]; do
    rm -rf s2
    "$command" run swarm.yaml --dir s2 --jobs 2 --quiet >/dev/null 2>&1 & pid=$!
    tries=0
    until ls s2/runs/$at/run.json >/dev/null 2>&1 || [ $tries -gt 2000 ]; do sleep .02; tries=$((tries + 1)); done
    kill -9 $pid 2>/dev/null || true; wait $pid 2>/dev/null || true
    "$command" run swarm.yaml --dir s2 --jobs 2 --quiet >/dev/null
    cmp s1/mixture.json s2/mixture.json || fail "killed at $at: another mixture"
    sort s1/runs.csv >a; sort s2/runs.csv | cmp - a || fail "killed at $at: other runs"
done

# ---- begun without pauses: a file that does not name them changes nothing; one that does is taken over, and no run is made twice
cp w1/runs.csv before.csv; cp w1/mixture.json before.json
"$command" run plain.yaml --dir w1 --jobs 2 --quiet >/dev/null
cmp before.csv w1/runs.csv && cmp before.json w1/mixture.json && ! ls w1/runs | grep -q pause || fail "a study without pauses got some: $(ls w1/runs)"
"$command" plan plain.yaml --dir w1 --json | grep -q pause_tokens && fail "planned pauses of a study without" || true
had=$(ls -d s2/runs/s16k-mix-* | wc -l)
"$command" run whole.yaml --dir s2 --jobs 2 --quiet >/dev/null || fail "pauses dropped"
[ "$(ls -d s2/runs/s16k-mix-* | wc -l)" = 20 ] && [ "$had" -lt 20 ] || fail "without pauses it has runs to 20: $(ls s2/runs)"

# ---- bad words
sed 's/rounds: 3/rounds: 3, pause: 1/' plain.yaml >bad.yaml
expect 2 "pause: expected a number" "$command" plan bad.yaml
sed 's/rounds: 3/rounds: 3, pause: .5/' plain.yaml >cannot.yaml
echo 'trainer: {command: "train {mixture} {tokens} {out}x"}' >>cannot.yaml
expect 2 "search.pause: needs the built-in trainer" "$command" plan cannot.yaml
sed 's/method: swarm, runs: 20, tokens: 16e3, rounds: 3/method: branch, pause: .5/' plain.yaml >branch.yaml
expect 2 "search.pause: goes with method: swarm" "$command" plan branch.yaml
