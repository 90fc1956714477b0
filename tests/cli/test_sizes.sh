#!/bin/sh
# Models of their own size: of scales, of a swarm, of the target; a target that is only known by its parameters. Most
# runs are made by a trainer that writes what it was asked, for nothing of this depends on how a loss came about.
set -eu
command=$1
. tests/support/expect.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
scripts/tiny-study "$work"
cd "$work"
value() { sed -n "s/.*\"$1\": \([0-9.e+-]*\),*.*/\1/p" "$2" | head -n 1; }
params() { cut -d, -f1,3 "$1" | sed -n "s/^$2,//p" | sort -u; }
cat >train.sh <<'T'
echo "$AUTOSCALE_PARAMS $2" >"$1/asked"
mkdir -p "$1/checkpoint"
awk -v n="$3" -v p="$2" -v s="$4" 'BEGIN {l = 2 + 9 * n^-.3 + 9 * p^-.4 + (s % 7) / 1e3;
  printf "{\"tokens\":%s,\"loss\":{\"books\":%.5f,\"code\":%.5f,\"news\":%.5f}}\n", n, l, l + .1, l + .2}' >"$1/result.json"
T
sed 's/, max_epochs: 8//; s/seeds: 2, against: .natural., curve: 4/seeds: 1/; s/repeats: 2/repeats: 1/' study.yaml >here.yaml
cp here.yaml one.yaml
echo 'trainer: {command: "sh train.sh {run_dir} {params} {tokens} {seed}"}' >>one.yaml
ladder='s/^scales:.*/scales: [{tokens: 4e3, model: {layers: 1}}, {tokens: 8e3, model: {width: 48}}]/'

# ---- the same model, said in other words, is the same study
"$command" plan one.yaml --json >a
sed 's/^scales:.*/scales: [{tokens: 4e3}, {tokens: 8e3, model: {width: 16, layers: 1}}]/; s/^target: {/target: {model: {heads: 2}, /' one.yaml >same.yaml
"$command" plan same.yaml --json | cmp - a || fail "a model that is the study's own"

# ---- each run is planned, trained and counted with its own model
sed "$ladder; s/^target: {/target: {model: {layers: 2, width: 32}, /" one.yaml >sized.yaml
"$command" plan sized.yaml >plan.txt
grep -q '^run *parameters *tokens' plan.txt || fail "no sizes in the plan"
grep -q 'note: the model grows with the scales' plan.txt || fail "no word of the rule along both"
"$command" run sized.yaml --dir d --json --jobs 2 >run.json 2>/dev/null
[ "$(params d/runs.csv 's4k.*')" = 8944 ] && [ "$(params d/runs.csv 's8k.*')" = 42192 ] || fail "sizes of the scales: $(cat d/runs.csv)"
P=$(params d/runs.csv 't16k.*')
[ "$(cat d/runs/t16k-uniform-r0/asked)" = "$P $P" ] && [ "$(cat d/runs/s4k-base-r0/asked)" = "8944 8944" ] || fail "what the trainer was told"
grep -q '"width": 32' d/runs/t16k-uniform-r0/run.json || fail "the target's model in run.json"
"$command" plan sized.yaml --dir d --json >plan.json
planned=$(value share plan.json); took=$(value search_share run.json)
awk "BEGIN {exit !($took > .99 * $planned && $took < 1.01 * $planned)}" || fail "planned $planned, took $took"
grep -q '>parameters<' d/report.html || fail "no sizes in the report"

# ---- another size of a scale or of the target: what was made stays, what differs is made
sed 's/layers: 2, width: 32/layers: 1, width: 32/' sized.yaml >edit.yaml
"$command" run edit.yaml --dir d --quiet >/dev/null
ls d/runs | grep -q '^t16k-uniform-r0-v2$' || fail "an edited target is not trained anew"
[ "$(ls d/runs | grep -c '^s')" = 14 ] || fail "proxies were made again"
"$command" run edit.yaml --dir d --quiet >/dev/null
"$command" run sized.yaml --dir d --quiet >/dev/null
[ ! -e d/runs/t16k-uniform-r0-v3 ] || fail "a target that was made is trained again"
sed 's/width: 48/width: 64/' sized.yaml >edit.yaml
"$command" run edit.yaml --dir d --quiet >/dev/null
[ "$(params d/runs.csv 's8k-base-r0-v2')" -gt 70000 ] && [ "$(ls d/runs | grep -c '^s4k')" = 7 ] || fail "an edited scale: $(ls d/runs)"
[ "$(params d/runs.csv 's8k-base-r0')" = 42192 ] || fail "the scale's runs of before left the table of all runs"
[ "$(wc -l <d/scale-8k.csv)" = 8 ] || fail "runs of two sizes in one star: $(cat d/scale-8k.csv)"

# ---- trained elsewhere: parameters, budget and FLOPs are known
sed "$ladder; s/^target: .*/target: {tokens: 16e3, params: 2e5, validate: false}/" one.yaml >away.yaml
"$command" plan away.yaml --json >away.json
[ "$(value target_flops away.json)" = 19200000000.0 ] && [ "$(value target_params away.json)" = 200000 ] || fail "FLOPs of a target trained elsewhere"
[ "$(value target_tokens away.json)" = 16000 ] && grep -q '"target_trained": false' away.json || fail "budget of a target trained elsewhere"
"$command" plan away.yaml | grep -q '^the target: 16k tokens, 200k parameters, 19.2GFLOPs to train, elsewhere' || fail "a target trained elsewhere in the plan"
sed '/^scales/s/.*/scales: [4e3]/' away.yaml >flat.yaml
"$command" run flat.yaml --dir f --quiet >/dev/null
grep -q 'every proxy 8.94k: how losses change with size is not measured' f/report.html || fail "one size says nothing"
grep -q 'parameters never varied in the table' f/report.html || fail "a loss is promised for another size"
grep -q '<dt>target</dt><dd>16k tokens, 200k parameters, 19.2GFLOPs to train, elsewhere' f/report.html || fail "the target in the report"
"$command" run flat.yaml --dir f --quiet | grep -q '^The target: 16k tokens, 200k parameters, 19.2GFLOPs to train, elsewhere' || fail "the target in the answer"
"$command" run flat.yaml --dir f --quiet --json >flat.json
[ "$(value params flat.json)" = 200000 ] && [ "$(value flops flat.json)" = 19200000000.0 ] && grep -q '"trained": false' flat.json || fail "the target in the answer's document"
sed 's/validate: false/seeds: 1/' flat.yaml >own.yaml
"$command" run own.yaml --dir f --quiet >/dev/null
[ "$(cat f/runs/t16k-uniform-r0/asked)" = "200000 200000" ] || fail "params of the target"
grep -q '"params": 200000' f/runs/t16k-uniform-r0/run.json || fail "run.json of the target"
grep -q '<dt>target</dt><dd>16k tokens, 200k parameters, 19.2GFLOPs to train<' f/report.html || fail "a target of a trainer of one's own in the report"
"$command" plan here.yaml | grep -q '^the target:' && fail "a target like its proxies is said twice"
sed 's/^target: {/target: {validate: false, /' here.yaml >untried.yaml
"$command" plan untried.yaml | grep -q '^the target: 16k tokens, 8.94k parameters, .*FLOPs to train, elsewhere' || fail "a target of the study's model, trained elsewhere"

# ---- the built-in trainer: a swarm of its own size; branches of the target's
sed '/^scales/d; /^design/d; s/^target: {/target: {model: {width: 32}, /' here.yaml >swarm.yaml
sed 's/target: {/target: {validate: false, /' swarm.yaml >branch.yaml
echo 'search: {method: swarm, runs: 4, tokens: 4e3, rounds: 1, model: {width: 8}}' >>swarm.yaml
echo 'search: {method: branch, prefix: .2, branch_tokens: 512, merges: 8, rounds: 1, at_most: 9}' >>branch.yaml
"$command" run swarm.yaml --dir s --quiet >/dev/null
[ "$(params s/runs.csv 's4k-mix-0')" -lt 4500 ] && [ "$(params s/runs.csv 't16k-uniform-r0')" -gt 20000 ] || fail "sizes of a swarm: $(cat s/runs.csv)"
grep -Eq '"(n_embd|hidden_size)": 32' s/runs/t16k-uniform-r0/checkpoint/config.json || fail "the target's model"
"$command" plan branch.yaml --json >branch.json
[ "$(value params branch.json)" -gt 20000 ] || fail "branches of the target's own model"

# ---- bad words
bad() { sed "$1" sized.yaml >bad.yaml; expect 2 "$2" "$command" plan bad.yaml; }
bad 's/layers: 1}/context: 32}/' 'bad.yaml:[0-9]*:[0-9]*: scales.model.context: every run of a study shares model.context'
bad 's/{tokens: 4e3, /{/' "scales: missing key 'tokens'"
bad 's/width: 48/width: 49/' 'scales.model: '
bad 's/tokens: 4e3, model/tokens: 4e3, modle/' "did you mean 'model'"
bad 's/^target: {/target: {params: 2e5, /' 'target.params: target.model says it already'
sed 's/^target: {/target: {params: 2e5, /' here.yaml >bad.yaml
expect 2 'target.params: a target trained here needs its shape' "$command" plan bad.yaml
sed 's/{params}/{width}/' own.yaml >bad.yaml
expect 2 'target.params: trainer.command asks for {width}' "$command" plan bad.yaml
