#!/bin/sh
# Published methods as candidates: planned, made, charged; the same bits for any --jobs and after a kill.
set -eu
command=$1
. tests/support/expect.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
scripts/tiny-study "$work"
cd "$work"
all="unimax, dml, olmix"
regmix=regmix
sed "s/against: .natural./against: [natural, regmix]/; /checkpoint_every/d" study.yaml >probe.yaml
"$command" plan probe.yaml >/dev/null 2>probe.txt || { grep -q 'against: regmix: needs XGBoost' probe.txt || { cat probe.txt; fail "regmix"; }; regmix=; }
sed "s/scales: .*/scales: [2e3]/; s/design: .*/design: {repeats: 1}/; s/seeds: 2/seeds: 1/
    s/against: .natural./against: [natural, $all]/; /checkpoint_every/d" study.yaml >all.yaml
echo 'rivals: {runs: 9, run_tokens: 2e3}' >>all.yaml
echo 'mixture: {min: .1, max: .6}' >>all.yaml

# ---- the plan names them and their cost, apart from the search's
"$command" plan all.yaml --json >plan.json
sed 's/, natural.*\(curve\)/, \1/; /^rivals/d; s/, against: .[^]]*.//' all.yaml >none.yaml
"$command" plan none.yaml --json >none.json
for key in search_tokens search_multiple; do
    grep "\"$key\"" plan.json >a; grep "\"$key\"" none.json | cmp -s - a || fail "rivals are charged to the search: $key"
done
grep -q '"name": "unimax"' plan.json && [ "$(grep -c '"kind": "rival"' plan.json)" = 9 ] || fail "plan"
"$command" plan all.yaml | grep -q '  olmix: 9 runs, [0-9.]* % of the FLOPs of one run at the target' || fail "cost in the plan"

# ---- made; whatever --jobs, killed or not
"$command" run all.yaml --dir one --jobs 1 --quiet >answer.txt
"$command" run all.yaml --dir two --jobs 2 --quiet >/dev/null 2>&1 & pid=$!
sleep 1; kill -9 $pid 2>/dev/null || true; wait $pid 2>/dev/null || true
"$command" run all.yaml --dir two --jobs 2 --quiet >/dev/null
for f in mixture.json rivals.csv runs.csv; do
    sort one/$f >a; sort two/$f | cmp - a || fail "$f differs"
done
[ "$(grep -c . one/rivals.csv)" = 10 ] && ! grep -q '^v' one/runs.csv || fail "tables of the rivals' runs"
grep -q '^Rivals took, as shares of the target.s FLOPs: unimax 0 %' answer.txt || { cat answer.txt; fail "no word of what they took"; }
for m in unimax dml olmix; do
    [ -d one/runs/t16k-$m-r0 ] || grep -q "$m (same as" one/report.html || fail "$m was not trained"
done
grep -q 'Published methods' one/report.html || fail "no rivals in the report"
"$command" status one --json | grep -q '"failed": 0' || fail "status"
awk -F, 'NR == 1 {for (i = 1; i <= NF; i++) if ($i ~ /^(weight|tokens)_/) c[++n] = i}
    /^t16k/ {s = 0; for (i = 1; i <= n; i++) s += $c[i]; for (i = 1; i <= n; i++) if ($c[i] < .099 * s || $c[i] > .601 * s) exit 1}' one/runs.csv ||
    fail "a candidate beyond the bounds"

# ---- a limit cuts their swarm, and says so; words
sed 's/^rivals.*/rivals: {runs: 90, run_tokens: 2e3}/' all.yaml >cut.yaml
echo 'search: {at_most: 4}' >>cut.yaml
"$command" plan cut.yaml --json >cut.json
grep -q "search.at_most 4: the rivals' swarm is [0-9]* runs of" cut.json || fail "no word of the cut"
sed 's/unimax/unimaxx/' all.yaml >word.yaml
expect 2 "against: expected uniform, natural, keep-last, joint, doremi, .*; found 'unimaxx'" "$command" plan word.yaml
# ---- methods that learn their weights while a run trains; code is what the study is for
sed 's/against: .natural[^]]*./against: [doremi, doge, odm, ado, aioli'"${regmix:+, regmix}"']/' all.yaml >online.yaml
sed -i 's/^rivals.*/rivals: {tokens: .5, runs: 6, run_tokens: 2e3}/; /^mixture/d' online.yaml
mkdir more && mv code/3?.txt more/
echo 'run: {checkpoint_every: .001}' >>online.yaml
echo 'targets: [{name: more-code, valid: "more/*.txt"}]' >>online.yaml
"$command" plan online.yaml --json >online.json
[ "$(grep -c '"id": "v8k-' online.json)" = 6 ] || fail "a run each, and DoReMi's reference"
"$command" run online.yaml --dir three --jobs 2 --quiet >three.txt
cp -r three four; rm -r four/runs/t16k-* four/study.db four/mixture.json
grep -q "regmix [0-9]" three.txt || [ -z "$regmix" ] || fail "regmix gave no mixture"
for m in doremi doge odm ado aioli; do
    run=v8k-$m
    [ -s three/runs/$run/schedule.json ] || fail "$m left no schedule"
    grep -q "$m" three.txt || fail "$m in the answer's last lines"
    # killed at any moment, and again: the same bits
    rm -r four/runs/$run/checkpoint four/runs/$run/result.json four/runs/$run/schedule.json four/runs/$run/metrics.jsonl
    "$command" train --quiet --run four/runs/$run >/dev/null 2>&1 & pid=$!
    sleep .1; kill -9 $pid 2>/dev/null || true; wait $pid 2>/dev/null || true
    "$command" train --quiet --run four/runs/$run >/dev/null || fail "$m does not go on"
    cmp three/runs/$run/schedule.json four/runs/$run/schedule.json || fail "$m after kills"
    cmp three/runs/$run/checkpoint/model.safetensors four/runs/$run/checkpoint/model.safetensors || fail "$m: other weights after kills"
done
largest() { sed -n '/"weights"/,/}/p' "$1" | sed -n '2,4s/.*"\([a-z]*\)": \([0-9.]*\),*/\2 \1/p' | sort -rn | head -n 1 | cut -d' ' -f2; }
[ "$(largest three/runs/v8k-doge/schedule.json)" = code ] || { cat three/runs/v8k-doge/schedule.json; fail "doge does not follow its goal"; }
sed 's/^trainer.*//; $a trainer: {command: "true"}' online.yaml >other.yaml
expect 2 "against: doremi learns its weights from every step of a run" "$command" plan other.yaml
sed 's/, aioli/, aioli, nosuch/' online.yaml >word.yaml
expect 2 "found 'nosuch'" "$command" plan word.yaml
[ -n "$regmix" ] || echo "without regmix: no XGBoost here"
