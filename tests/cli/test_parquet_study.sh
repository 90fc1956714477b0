#!/bin/sh
# What a team has on disk: Parquet shards, a tokenizer of Qwen2's shape, a Llama to train. From plan to export, every
# loader named; task items in Parquet as a held-out target. tests/cli/parquet_study/make.py made the files.
set -eu
command=$1
root=$(pwd)
. tests/support/expect.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -r "$root/tests/cli/parquet_study" "$work/data"
cp "$root/tests/task/golden/arc.parquet" "$work/data"
cd "$work"

cat >study.yaml <<'END'
study: shards
domains:
  - {name: books, train: "data/books/*.parquet", field: content}
  - {name: code, train: "data/code/*.parquet", field: content, max_epochs: 6}
  - {name: web, train: "data/web/*.parquet", field: content}
targets:
  - {name: arc, task: arc_easy=data/arc.parquet}
validation: {tokens: 1500}
tokenizer: data/tokenizer.json
model: {arch: llama, layers: 1, heads: 2, kv_heads: 1, width: 16, context: 32, qkv_bias: true}
training: {batch_tokens: 512, lr: 1e-2}
scales: [4e3, 8e3]
target: {tokens: 16e3, seeds: 1, against: [natural]}
END

# ---- before anything runs: the first shard of each domain is looked at
sed 's/field: content, max/field: text, max/' study.yaml >bad.yaml
expect 2 "a Parquet file without a column 'text' (string columns: 'content', 'meta.source')" "$command" plan bad.yaml
"$command" plan study.yaml --json >plan.json || fail "plan"
grep -q '"runs"' plan.json || fail "what plan gives"

"$command" run study.yaml --dir s --quiet >answer.txt || { cat answer.txt; fail "run"; }
"$command" tokenize books=data/books/part-00000.parquet --field content --tokenizer data/tokenizer.json -o one -q >/dev/null
checkpoint=$(ls -d s/runs/*/checkpoint | head -1)
grep -q Qwen2ForCausalLM "$checkpoint/config.json" || fail "the class of a checkpoint"
grep -q '<|endoftext|>' "$checkpoint/tokenizer.json" || fail "the tokenizer beside a checkpoint"
grep -q arc s/runs.csv || fail "the task's columns in the table of runs"
[ -s s/report.html ] || fail "no report"
cp s/runs.csv before.csv
"$command" run study.yaml --dir s --quiet >/dev/null && cmp -s s/runs.csv before.csv || fail "an ended study, run again"

# ---- the same rows as JSON lines are the same tokens
python=$(command -v python3 || true)
if [ -n "$python" ] && "$python" -c 'import pyarrow' 2>/dev/null; then
    "$python" -c "
import json, pyarrow.parquet as pq
for r in pq.read_table('data/books/part-00000.parquet').to_pylist(): print(json.dumps({'content': r['content']}))" >books.jsonl
    "$command" tokenize books=books.jsonl --field content --tokenizer data/tokenizer.json -o two -q >/dev/null
    cmp one/books.train.bin two/books.train.bin || fail "Parquet and JSON lines differ"
fi

for to in megatron nemo olmo-core torchtitan mosaicml levanter hf-datasets litgpt csv; do
    "$command" export s/mixture.json --to $to -o "out.$to" >/dev/null 2>err.txt ||
        { cat err.txt; fail "export --to $to"; }
done
grep -q '"data/.*parquet\|s/tokens' out.hf-datasets || { cat out.hf-datasets; fail "what hf-datasets is given"; }
