#!/bin/sh
# autoscale merge: the sum, weights and bases as people write them, moments, and what is refused.
set -eu
command=$1
. tests/support/expect.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$command" tokenize code='src/base/*.c' headers='src/base/*.h' --vocab 300 --valid-tokens 500 -o "$work/tokens" -q >/dev/null
"$command" tokenize pages='docs/*.md' --vocab 300 --valid-tokens 500 -o "$work/foreign" -q >/dev/null
cd "$work"
train() {
    out=$1; shift
    "$command" train --tokens-dir tokens --tokens 4096 --layers 1 --heads 2 --width 16 --context 32 --batch-tokens 512 \
        --valid-tokens 200 -q -o "$out" "$@" >/dev/null
}
train one --mix code=1
train two --mix headers=1
train wide --width 32
a=one/checkpoint b=two/checkpoint

# A checkpoint of weight 1 is itself; the order of a sum does not matter; evaluation takes the result.
"$command" merge $a=1 -o same -q >/dev/null
"$command" eval $a --tokens-dir tokens --json >e1.json
"$command" eval same --tokens-dir tokens --json >e2.json
cmp e1.json e2.json || fail "weight 1 changed a loss"
for file in config.json tokenizer.json merge.json; do [ -f same/$file ] || fail "no $file"; done
[ ! -e same/state.json ] || fail "a place in a run without moments"
"$command" merge $a=.25 $b=75% -o m1 -q >/dev/null
"$command" merge $a=1 $b=3 --normalize -o m2 -q >/dev/null
"$command" merge $b=.75 --base $a -o m3 --json -q >m3.json
cmp m1/model.safetensors m2/model.safetensors || fail "weights 1:3 are not .25 and .75"
cmp m1/model.safetensors m3/model.safetensors || fail "a + .75 (b - a) is not .25 a + .75 b"
grep -q '"delta": 0\.[0-9]' m3.json || fail "no delta: $(cat m3.json)"
"$command" merge $a $b -o m4 -q >/dev/null
"$command" merge $a=.5 $b=.5 -o m5 -q >/dev/null
cmp m4/model.safetensors m5/model.safetensors || fail "no weights are not equal weights"
"$command" merge $a=.5 $b=.5 -o m5 -q >/dev/null || fail "a merge is not made again over itself"
"$command" merge $a=.5 $b=.5 -o sharded --shard-size 4000 -q >/dev/null
"$command" merge sharded=1 -o joined -q >/dev/null
cmp joined/model.safetensors m5/model.safetensors || fail "shards hold other numbers"

# Moments and the step go along.
"$command" merge $a=.5 $b=.5 --moments -o mm -q >/dev/null
[ -s mm/optimizer.safetensors ] && grep -q '"step": 8' mm/state.json || fail "no moments at step 8"
train long --mix code=1 --tokens 8192
expect 2 "at step 16, but one/checkpoint at step 8" "$command" merge $a=.5 long/checkpoint=.5 --moments -o bad
expect 2 "m1: no state.json: --moments needs checkpoints" "$command" merge m1=.5 $a=.5 --moments -o bad

# What is refused, each in one line, with nothing left behind.
expect 2 "the weights sum to 0.9, expected 1; --normalize" "$command" merge $a=.5 $b=.4 -o bad
expect 2 "two/checkpoint has no weight" "$command" merge $a=.5 $b -o bad
expect 2 "weight of one/checkpoint: expected a number, found 'x'" "$command" merge $a=x $b=1 -o bad
expect 2 "nowhere: no such folder" "$command" merge nowhere=1 -o bad
expect 2 "the width is 32, but 16 in one/checkpoint" "$command" merge $a=.5 wide/checkpoint=.5 -o bad
expect 2 "-o DIR is required" "$command" merge $a=1
expect 2 "--dtype: expected fp32 or bf16" "$command" merge $a=1 --dtype int8 -o bad
expect 1 "one/checkpoint: exists" "$command" merge $b=1 -o one/checkpoint
cp -r two/checkpoint damaged
printf x | dd of=damaged/model.safetensors bs=1 seek=2000 conv=notrunc 2>/dev/null
expect 1 "damaged (its checksum" "$command" merge $a=.5 damaged=.5 -o bad
cp -r m1 other && cp foreign/tokenizer.json other/tokenizer.json
expect 2 "other: tokenizer differs from that of" "$command" merge $a=.5 other=.5 -o bad
[ ! -e bad ] && [ ! -e .bad.merging ] || fail "something was left behind"

# A disk that fails at any write leaves nothing half made, and the earlier result whole.
for fault in write:1 write:3 bytes:20000 open:9 fsync:2 rename:1 rename:4; do
    AUTOSCALE_FAULT="$fault" "$command" merge $a=.9 $b=.1 -o m5 -q >/dev/null 2>err.txt && fail "$fault did not fail"
    cmp joined/model.safetensors m5/model.safetensors || fail "an earlier result was lost at $fault"
    [ ! -e .m5.merging ] || fail "$fault left .m5.merging behind"
done

# What lies beside is the user's, whatever it is called; a name may end in a slash, as shells complete it; none is no name.
mkdir m6.tmp m6.old
: >m6.tmp/mine; : >m6.old/mine
"$command" merge $a=.5 $b=.5 -o m6/ -q >/dev/null || fail "merge -o m6/"
"$command" merge $a=.9 $b=.1 -o m7 -q >/dev/null && "$command" merge $a=.9 $b=.1 -o m6// -q >/dev/null || fail "merge -o m6// again"
cmp m7/model.safetensors m6/model.safetensors || fail "m6/ is another merge"
expect 1 "damaged (its checksum" "$command" merge $a=.5 damaged=.5 -o m6
[ -e m6.tmp/mine ] && [ -e m6.old/mine ] || fail "folders of the user's are gone"
[ "$(ls -A | grep -c '^\.m[0-9]')" = 0 ] || { ls -A; fail "something was left behind"; }
expect 2 "merge: --out is empty, expected DIR" "$command" merge $a=.9 $b=.1 -o ""
echo "passed"
