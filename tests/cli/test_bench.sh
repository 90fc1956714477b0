#!/bin/sh
# autoscale bench: the contract's JSON, one line on bad input. No speed is asserted.
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
echo ok
