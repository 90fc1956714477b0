#!/bin/sh
# Token files that another program wrote (megatron_files.py, by the layout alone) as a study's domains.
set -eu
autoscale=$1
if ! command -v python3 >/dev/null; then
    echo "skipped: python3 is not here"
    exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "FAILED: $*"; exit 1; }
files="python3 $PWD/tests/text/megatron_files.py"
cat >"$work/make.py" <<'END'
import json, random
random.seed(5)
def documents(n, most_sequences):
    out = []
    for i in range(n):
        out.append([[random.randrange(256) for _ in range(random.randrange(1, 90))] for _ in range(random.randrange(1, most_sequences + 1))])
    return out
json.dump(documents(120, 1), open("plain.json", "w"))
json.dump(documents(80, 3), open("parts.json", "w"))   # several sequences a document, as --split-sentences makes them
json.dump(documents(9, 1), open("held.json", "w"))
json.dump([[[1, 2, 70000]]], open("large.json", "w"))
END
cd "$work"
python3 make.py
for i in 1 2 3 4 5 6 7 8 9 10 11 12; do seq $i 7 2000 >t$i.txt; done
"$autoscale" tokenize 't=t*.txt' --vocab 300 --valid-tokens 100 -o made -q >out
$files write plain 8 plain.json
$files write parts_text_document 4 parts.json
$files write held 8 held.json
$files write large 4 large.json

# Taken whole, and split by document: nothing lost, nothing twice, no document on both sides.
"$autoscale" tokenize plain=plain parts=parts_text_document 'parts:valid=held.idx' --tokenizer made/tokenizer.json \
    --valid-tokens 300 -o tokens -q --json >report.json
for f in plain.train plain.valid parts.train parts.valid; do $files read tokens/$f >$f.json; done
python3 - <<'END' || fail "documents"
import json
from collections import Counter
load = lambda f: json.load(open(f))
flat = lambda f: [[t for s in d for t in s] for d in load(f)]
once = lambda docs: list({tuple(d): d for d in docs}.values())  # duplicates are dropped
assert load("parts.train.json") == once(flat("parts.json")), "parts"
assert load("parts.valid.json") == once(flat("held.json")), "held"
train, valid = load("plain.train.json"), load("plain.valid.json")
# A document longer than a twentieth of the held-out part may be cut: tokens are counted, whole documents compared.
assert sum(map(len, train + valid)) == sum(map(len, once(flat("plain.json")))), "tokens"
share = sum(map(len, valid)) / sum(map(len, train + valid))
assert .02 < share < .1, share
report = {d["name"]: d for d in load("report.json")["domains"]}
assert report["plain"]["tokens"] == sum(map(len, train))
assert report["parts"]["tokens"] == sum(map(len, load("parts.train.json")))
END

# A study of them: plan counts their tokens, run trains on them.
cat >study.yaml <<'END'
domains:
  - {name: plain, train: plain}
  - {name: parts, train: parts_text_document.idx, valid: held}
targets: [{name: held, valid: held.bin}]
tokenizer: made/tokenizer.json
validation: {tokens: 300}
model: {layers: 1, heads: 1, width: 16, context: 16}
training: {batch_tokens: 128, lr: 1e-2}
scales: [1e3]
target: {tokens: 2e3, validate: false}
END
"$autoscale" plan study.yaml --json >plan.json
"$autoscale" run study.yaml --dir study -q --json >run.json
grep -q '"state": "done"' run.json || fail "the study did not end: $(cat run.json)"
$files read study/tokens/parts.train | cmp - parts.train.json || fail "the study's tokens are others"

# One line for what cannot be.
refused() {
    text=$1; shift
    code=0; "$@" >out 2>err || code=$?
    [ $code = 2 ] && [ "$(wc -l <err)" = 1 ] && grep -q -e "$text" err || fail "$*: exit $code: $(cat err)"
}
refused "token 70000, but the tokenizer has" "$autoscale" tokenize x=large --tokenizer made/tokenizer.json -o x -q
refused "need their tokenizer" "$autoscale" tokenize x=plain -o x -q
refused "text among token files" "$autoscale" tokenize x=plain x=t1.txt --tokenizer made/tokenizer.json -o x -q
head -c 50 plain.idx >cut.idx; cp plain.bin cut.bin
refused "cut.idx" "$autoscale" tokenize x=cut --tokenizer made/tokenizer.json -o x -q
cp plain.idx short.idx; head -c 100 plain.bin >short.bin
refused "short.bin" "$autoscale" tokenize x=short --tokenizer made/tokenizer.json -o x -q
echo ok
