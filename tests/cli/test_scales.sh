#!/bin/sh
# Scales of equal tokens that differ in their models: told apart in names, tables, plan, status, report and laws; what is
# refused; begun, killed, edited and gone on with. Most runs are made by a trainer whose losses are known.
set -eu
command=$1
. tests/support/expect.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
scripts/tiny-study "$work"
cd "$work"
cat >train.sh <<'T1'
set -- "$@" $(sed -n '/"tokens": {/,/}/s/.*: *\([0-9][0-9]*\).*/\1/p' "$4")
mkdir -p "$1/checkpoint"
awk -v p="$2" -v s="$3" -v b="$5" -v c="$6" -v n="$7" 'BEGIN {
  q = 8 * p^-.3 + (s % 7) / 2e3
  printf "{\"tokens\":%d,\"loss\":{\"books\":%.6f,\"code\":%.6f,\"news\":%.6f}}\n", b + c + n,
    1 + 9 * (b + .2 * c + .3 * n)^-.2 + q, 1 + 9 * (.2 * b + c + .1 * n)^(-.22 * (p / 1e4)^.1) + q, 1 + 9 * (.3 * b + .1 * c + n)^-.26 + q}' >"$1/result.json"
T1
sed 's/, max_epochs: 8//; s/seeds: 2, against: .natural., curve: 4/seeds: 1/' study.yaml >here.yaml
sed '/^run:/d' here.yaml >one.yaml
echo 'trainer: {command: "sh train.sh {run_dir} {params} {seed} {mixture}"}' >>one.yaml
pair='[{tokens: 8e3, model: {width: 8}}, {tokens: 8e3, model: {width: 32}}]'
sed "s/^scales:.*/scales: $pair/; s/^target: {/target: {model: {width: 48}, /" one.yaml >pair.yaml
params() { cut -d, -f1,3 "$1" | sed -n "s/^$2,//p" | sort -u; }

# ---- runs, tables, laws
"$command" plan pair.yaml >plan.txt
grep -q '^s8k-p4.22k-base-r0  *4.22k ' plan.txt && grep -q '^s8k-p26.1k-down-news  *26.1k ' plan.txt || fail "names in the plan: $(cat plan.txt)"
grep -q '^t16k-joint-r0' plan.txt && ! grep -q 'predicted' plan.txt || fail "what the target is trained on: $(cat plan.txt)"
"$command" run pair.yaml --dir d --jobs 2 --quiet >run.txt
[ "$(params d/runs.csv 's8k-p4.22k-.*')" = 4216 ] && [ "$(params d/runs.csv 's8k-p26.1k-.*')" = 26080 ] || fail "sizes: $(cat d/runs.csv)"
for s in p4.22k p26.1k; do
    [ "$(wc -l <d/scale-8k-$s.csv)" = 9 ] && [ "$(grep -c "^s8k-$s-" d/scale-8k-$s.csv)" = 8 ] || fail "the star of $s: $(cat d/scale-8k-$s.csv)"
done
[ "$(cut -d, -f1-2 d/optima.csv | tr '\n' ' ')" = 'tokens,params 8000,4216 8000,26080 ' ] || fail "optima: $(cat d/optima.csv)"
grep -q 'note: the 2 fitted scales all have 8k tokens: the AutoScale rule' run.txt || fail "no word of the rule: $(cat run.txt)"
[ -d d/runs/t16k-joint-r0 ] || fail "the law of all runs is not trained: $(ls d/runs)"
expect 2 'all 2 rows have 8000 tokens, and the rule, which extrapolates in tokens, needs two budgets' "$command" predict d/optima.csv --tokens 16e3
"$command" fit d/scale-8k-p26.1k.csv --law ddo -o l.json --quiet >fit.txt
"$command" optimize l.json --tokens 8e3 --json >o.json
grep -q "$(tail -n 1 d/optima.csv | cut -d, -f3 | cut -c 1-8)" o.json || fail "the optimum of one scale by itself"

# ---- status and report
"$command" status d --json >status.json
[ "$(grep -A1 '"scale": 8000' status.json | grep -c params)" = 2 ] || fail "status: $(cat status.json)"
"$command" status d --watch >watch.txt
grep -q 'scale .* 8k .* 8 of 8 runs of 26.1k parameters' watch.txt && grep -q 'at 8k and parameters 26.1k:' watch.txt || fail "watch: $(cat watch.txt)"
for words in 'Base of 8k tokens, 4.22k parameters' 'Base of 8k tokens, 26.1k parameters' '8k measured, parameters 4.22k' '8k, 26.1k parameters'; do
    grep -q "$words" d/report.html || fail "report: no '$words'"
done

# ---- gone on with after a kill, whatever the number of processes
sed "s/^scales:.*/scales: $pair/; s/^target: {/target: {model: {width: 48}, /" here.yaml >ours.yaml
"$command" run ours.yaml --dir whole --jobs 2 --quiet >/dev/null
"$command" run ours.yaml --dir killed --jobs 2 --quiet >/dev/null 2>&1 &
pid=$!
for i in $(seq 200); do
    [ "$(ls killed/runs/s8k-p*/result.json 2>/dev/null | wc -l)" -ge 3 ] && break
    sleep .05
done
kill -9 $pid 2>/dev/null || true
wait $pid 2>/dev/null || true
"$command" run ours.yaml --dir killed --jobs 1 --quiet >/dev/null
for f in runs.csv optima.csv mixture.json scale-8k-p4.22k.csv scale-8k-p26.1k.csv; do
    cmp whole/$f killed/$f || fail "another $f after a kill"
done

# ---- one more model at a budget that has runs, and gone again: what was made stays and keeps its name
sed 's/^scales:.*/scales: [{tokens: 8e3, model: {width: 8}}]/' pair.yaml >alone.yaml
"$command" run alone.yaml --dir e --quiet >/dev/null
n=$(ls e/runs | grep -c '^s8k')
[ "$n" = 8 ] && [ -e e/scale-8k.csv ] || fail "names of a scale alone: $(ls e/runs)"
"$command" plan pair.yaml --dir e >plan.txt
grep -q '^s8k-base-r0 .*done' plan.txt && grep -q '^s8k-p26.1k-base-r0 .*planned' plan.txt || fail "what is kept: $(cat plan.txt)"
"$command" run pair.yaml --dir e --quiet >/dev/null
[ "$(ls e/runs | grep -c '^s8k-p26.1k')" = 8 ] && [ "$(ls e/runs | grep -c '^s8k')" = 16 ] || fail "made again: $(ls e/runs)"
[ "$(grep -c '^s8k-[bud]' e/scale-8k-p4.22k.csv)" = 8 ] || fail "the star that was there: $(cat e/scale-8k-p4.22k.csv)"
for f in optima.csv mixture.json; do
    sed 's/s8k-p4.22k/s8k/' d/$f | cmp - e/$f || fail "another $f for the way it came about"
done
"$command" run alone.yaml --dir e --quiet >/dev/null
[ "$(ls e/runs | grep -c '^s8k')" = 16 ] || fail "a scale that is left out: $(ls e/runs)"

# ---- two budgets: the rule takes the largest model of each
sed 's/^scales:.*/scales: [{tokens: 4e3, model: {width: 32}}, {tokens: 8e3, model: {width: 8}}, {tokens: 8e3, model: {width: 32}}]/' pair.yaml >three.yaml
"$command" run three.yaml --dir d --quiet >three.txt
grep -q 'predicted' d/mixture.json || ls d/runs | grep -q '^t16k-predicted-r0' || fail "no rule over two budgets: $(cat three.txt)"
! grep -q 'the model grows with the scales' three.txt || fail "the largest models are of one size"
[ "$(ls d/runs | grep -c '^s4k-[bud]')" = 8 ] && [ "$(ls d/runs | grep -c '^s8k')" = 16 ] || fail "runs of three scales: $(ls d/runs)"
"$command" predict d/optima.csv --tokens 16e3 >predict.txt
grep -q 'note: 3 optima of 2 budgets: of those of equal tokens' predict.txt || fail "predict: $(cat predict.txt)"

# ---- a swarm beside them; less than they ask for; trained elsewhere
sed '/^search/d' pair.yaml >swarm.yaml
echo 'search: {method: swarm, runs: 4, tokens: 8e3, rounds: 2, model: {width: 8}}' >>swarm.yaml
"$command" run swarm.yaml --dir s --quiet >/dev/null
[ "$(ls s/runs | grep -c '^s8k-mix')" -ge 1 ] && [ "$(ls s/runs | grep -c '^s8k-p')" = 16 ] || fail "a swarm beside: $(ls s/runs)"
(cat pair.yaml && echo 'search: {at_most: .5}') >cut.yaml
"$command" plan cut.yaml >cut.txt
[ "$(sed -n 's/^s\([0-9.]*k*\)-p.*-base-r0 .*/\1/p' cut.txt | sort -u | wc -l)" = 1 ] && grep -q 'instead of 8k' cut.txt || fail "cut apart: $(cat cut.txt)"
sed 's/^target: .*/target: {tokens: 16e3, params: 2e5, validate: false}/' pair.yaml >away.yaml
"$command" run away.yaml --dir a --quiet >away.txt
grep -q 'for 16k tokens: joint' away.txt && grep -q 'extrapolated: 200k parameters are' away.txt || fail "elsewhere: $(cat away.txt)"

# ---- bad words
bad() { sed "s/^scales:.*/scales: $1/" pair.yaml >bad.yaml; expect 2 "$2" "$command" plan bad.yaml; }
bad '[8e3, 8e3]' 'bad.yaml:[0-9]*:[0-9]*: scales: of equal budgets (8000 tokens) expected increasing models, found [0-9]* parameters after'
bad '[{tokens: 8e3, model: {width: 32}}, {tokens: 8e3, model: {width: 8}}]' 'expected increasing models'
bad '[8e3, {tokens: 4e3, model: {width: 32}}]' 'expected increasing budgets, found 4000 after 8000'
