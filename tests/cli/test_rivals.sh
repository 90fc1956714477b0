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
[ -z "$regmix" ] || all="$all, regmix"
sed "s/scales: .*/scales: [4e3]/; s/design: .*/design: {repeats: 1}/; s/seeds: 2/seeds: 1/
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
for m in unimax dml olmix $regmix; do
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
expect 2 "against: expected uniform, natural, keep-last, joint, unimax, .*; found 'unimaxx'" "$command" plan word.yaml
echo "rivals with${regmix:+} all of: $all"
