#!/bin/sh
# autoscale bench: the JSON of docs/cli.md, one line on bad input. No speed is asserted.
set -eu
autoscale=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "FAILED: $*"; exit 1; }
tiny="--model layers=1,heads=2,width=16,vocab=64,context=16,batch=2 --seconds .02 --repeats 1 -q"
for stage in gemm train tokenize sample; do
    "$autoscale" bench $stage $tiny --json -o "$work/$stage.json" >"$work/out" 2>"$work/err"
    cmp "$work/out" "$work/$stage.json" || fail "$stage: -o and --json differ"
    [ ! -s "$work/err" ] || fail "$stage: --quiet is not quiet"
    for key in '"stage": "'$stage'"' '"value": [0-9]' '"unit"' '"peak_gflops"' '"fraction"' '"threads": 1' '"machine"' \
        '"cpu"' '"cores"' '"isa"'; do
        grep -q "$key" "$work/out" || fail "$stage: no $key"
    done
done
grep -q '"fraction": [0-9]' "$work/train.json" || fail "train: no share of the peak"
grep -q '"params": 4592' "$work/train.json" || fail "train: other parameters than the model has"
# Text and a tokenizer of one's own: the same tokenizer is learned and, loaded, has the same fingerprint.
"$autoscale" bench tokenize --text src/base/json.c --vocab 300 --repeats 1 --json -q >"$work/learned"
grep -q "\"text_bytes\": $(wc -c <src/base/json.c)," "$work/learned" || fail "tokenize --text: other bytes than the file's"
grep -q '"learn_seconds": [0-9]' "$work/learned" || fail "tokenize --text: no time of learning"
"$autoscale" tokenize code:valid=src/base/json.c other=src/base/files.c --vocab 300 -o "$work/tokens" -q >/dev/null
"$autoscale" bench tokenize --text src/base/json.c --tokenizer "$work/tokens/tokenizer.json" --repeats 1 --json -q >"$work/loaded"
grep -q '"learn_seconds": null' "$work/loaded" || fail "tokenize --tokenizer: a time of learning where nothing is learned"
print=$(sed -n 's/.*"fingerprint": \("[0-9a-f]*"\).*/\1/p' "$work/tokens/report.json")
grep -q "\"tokenizer\": $print" "$work/loaded" || fail "tokenize --tokenizer: another fingerprint than the report's"

refused() {
    text=$1; shift
    code=0; "$autoscale" bench "$@" >"$work/out" 2>"$work/err" || code=$?
    [ $code = 2 ] && grep -q -e "$text" "$work/err" && [ "$(wc -l <"$work/err")" = 1 ] ||
        fail "$*: exit $code, $(cat "$work/err")"
}
refused "did you mean 'train'" trian
refused "layer" train --model layer=3
refused "divisible" train --model heads=3,width=16
refused "dtype" train --dtype fp64
refused "seconds" train --seconds 0
refused "no such file" tokenize -q --text "$work/none"
refused "vocabulary" tokenize -q --text src/base/json.c --vocab 3
"$autoscale" bench train --model S,recompute=0,layers=1,width=16,vocab=64,batch=1 --seconds .02 --repeats 1 -q >/dev/null || fail "recompute=0"
echo ok
