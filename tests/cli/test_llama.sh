#!/bin/sh
# arch: llama from end to end: the default of a new study, its keys in studies, train and bench, tasks and fine-tuning of
# its checkpoints; a study begun with another architecture keeps it.
set -eu
command=$1
root=$(pwd)
. tests/support/expect.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
sh "$root/scripts/tiny-study" .
sed -i 's/^scales.*/scales: [2e3, 4e3]/; s/repeats: 2/repeats: 1/; s/tokens: 16e3, seeds: 2/tokens: 8e3, seeds: 1/' study.yaml
cp study.yaml plain.yaml

# ---- a study that was begun with GPT-2 and names no architecture: its runs stay GPT-2's, bit for bit
sed 's/^model: {/model: {arch: gpt2, /' plain.yaml >study.yaml
"$command" run study.yaml --dir old --quiet >/dev/null
cp old/runs.csv before.csv
cp plain.yaml study.yaml
rm -r old/runs/*target* 2>/dev/null || true
sed -i 's/tokens: 8e3, seeds: 1/tokens: 8e3, seeds: 2/' study.yaml # one run more
"$command" run study.yaml --dir old --quiet >/dev/null || fail "a study begun with GPT-2 goes on"
grep -h '"arch"' old/runs/*/run.json | sort -u >archs
[ "$(cat archs)" = '    "arch": "gpt2",' ] || { cat archs; fail "architectures of the study's runs"; }
[ "$(wc -l <old/runs.csv)" -gt "$(wc -l <before.csv)" ] || fail "no run was added"
sed 's/^model: {/model: {arch: llama, /' study.yaml >named.yaml
sed -i 's/^study: tiny/study: tiny/' named.yaml
expect 2 "key 'model.arch' was changed from \"gpt2\" to \"llama\"" "$command" run named.yaml --dir old

# ---- a new one is a Llama; with Qwen3's keys
sed 's/^model: {/model: {kv_heads: 1, head_dim: 6, qk_norm: head, tied: false, rope_theta: 1e6, mlp: 40, /' plain.yaml >qwen.yaml
"$command" plan qwen.yaml --dir new --json >plan.json
"$command" run qwen.yaml --dir new --quiet >/dev/null
checkpoint=$(ls -d new/runs/*/checkpoint | head -1)
grep -q Qwen3ForCausalLM "$checkpoint/config.json" || fail "the class of a checkpoint"
grep -q '"qk_norm": "head"' "$(dirname "$checkpoint")/run.json" || fail "keys in run.json"
"$command" run qwen.yaml --dir new --quiet >/dev/null || fail "an ended study, run again"
sed 's/kv_heads: 1/kv_heads: 2/' qwen.yaml >other.yaml
expect 2 "key 'model.kv_heads' was changed" "$command" run other.yaml --dir new

# ---- its checkpoint alone: losses, tasks, fine-tuning, another run from its weights
"$command" eval "$checkpoint" --tokens-dir new/tokens --json >eval.json
printf '{"context": "aei", "choices": ["ou", "xyz"], "label": 0}\n{"context": "for", "choices": ["{}", "ae"], "label": 1}\n' >t.jsonl
"$command" eval "$checkpoint" --tokens-dir new/tokens --tasks t.jsonl --context 8 >eval.txt || fail "tasks of a llama"
expect 2 "context of 17 tokens, but the model supports at most 16" "$command" eval "$checkpoint" --tasks t.jsonl --context 17
"$command" train --tokens-dir new/tokens --tokens 1e3 --layers 1 --heads 2 --width 16 --context 16 --batch-tokens 256 \
    --model kv_heads=1,head_dim=6,qk_norm=head,tied=false,rope_theta=1e6,mlp=40 --init "$checkpoint" -q -o more >/dev/null
[ -f more/result.json ] || fail "training on from a checkpoint"

# ---- what is refused, by name
bad() { sed "s/^model: {/model: {$1, /" plain.yaml >bad.yaml; expect 2 "$2" "$command" plan bad.yaml; }
bad "kv_heads: 3" "kv_heads: heads 2 is not divisible by 3"
bad "qk_norm: heads" "qk_norm: expected none, head or full, found 'heads'"
bad "arch: gpt2, kv_heads: 1" "kv_heads: arch gpt2 has none"
bad "arch: gpt_neox" "arch: expected gpt2, bert or llama"
bad "norm: after" "go together"
bad "tied: maybe" "tied: expected true or false"
bad "rope_scaling: linear" "needs rope_factor"
bad "kv_head: 1" "kv_heads"
expect 2 "qk_norm: expected" "$command" train --tokens-dir new/tokens --tokens 1e3 -o x --model qk_norm=7
expect 2 "not a model setting" "$command" train --tokens-dir new/tokens --tokens 1e3 -o x --model depth=7
expect 2 "kv_heads" "$command" bench train --model S,arch=llama,kv_heads=3
"$command" bench train --model layers=1,width=16,heads=2,vocab=64,context=16,batch=2,arch=llama,kv_heads=1 --seconds .02 --repeats 1 --json >bench.json
grep -q '"kv_heads": 1' bench.json || fail "keys in bench"
echo "passed"
