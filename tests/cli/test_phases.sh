#!/bin/sh
# Runs whose mixture changes on the way, and runs that begin with a checkpoint: the same bits however they are made.
set -eu
command=$1
. tests/support/expect.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$command" tokenize code='src/base/*.c' headers='src/base/*.h' --vocab 300 --valid-tokens 500 -o "$work/tokens" -q >/dev/null
cd "$work"
shape="--layers 1 --heads 2 --width 16 --context 32"
rest="--batch-tokens 512 --valid-tokens 200 --lr 3e-3"
train() { out=$1; shift; "$command" train --tokens-dir tokens $rest -q -o "$out" "$@" >/dev/null; }
same() {
    cmp "$1/checkpoint/model.safetensors" "$2/checkpoint/model.safetensors" &&
        cmp "$1/checkpoint/optimizer.safetensors" "$2/checkpoint/optimizer.safetensors" || fail "$1 and $2 differ"
}
cat >mix.json <<'J'
{"weights": {"code": 0.3, "headers": 0.7},
 "phases": [{"until": 0.25, "weights": {"code": 0.9, "headers": 0.1}}, {"until": 1, "weights": {"code": 0.1, "headers": 0.9}}]}
J

# In one go; killed on the way; in two runs, of which the second knows another future.
train whole $shape --mix mix.json --tokens 16384
grep -q '"code": 4896' whole/result.json || fail "domain_tokens: $(grep code whole/result.json)"
"$command" train --tokens-dir tokens $rest $shape -q -o killed --mix mix.json --tokens 16384 --checkpoint 0 >/dev/null &
pid=$!
sleep .3; kill -9 $pid 2>/dev/null || true; wait $pid 2>/dev/null || true
train killed $shape --mix mix.json --tokens 16384 --checkpoint 0
same whole killed
sed 's/"code": 0.1, "headers": 0.9/"code": 0.8, "headers": 0.2/' mix.json >other.json
train trunk $shape --mix other.json --tokens 16384 --stop-at 25%
grep -q '"tokens": 4096' trunk/result.json || fail "stopped elsewhere: $(cat trunk/result.json)"
train rest --mix mix.json --tokens 16384 --init trunk/checkpoint --continue
same whole rest
cp -r rest again && rm -rf again/result.json again/checkpoint
"$command" train --run again -q >/dev/null
same whole again

# The same with ends in tokens, the last left out, and no weights beside the phases.
cat >tokens.json <<'J'
{"phases": [{"until": 4096, "weights": {"code": 0.9, "headers": 0.1}}, {"weights": {"code": 0.1, "headers": 0.9}}], "weights": {"code": 0.3, "headers": 0.7}}
J
train bytokens $shape --mix tokens.json --tokens 16384
same whole bytokens
echo '{"phases": [{"until": "25%", "weights": {"code": 0.9, "headers": 0.1}}, {"weights": {"code": 0.1, "headers": 0.9}}]}' >bare.json
train bare $shape --mix bare.json --tokens 16384
same whole bare

# Weights alone, with moments, merged: shape from the folder, each its own numbers, the step of the moments kept.
train weights --tokens 4096 --init trunk/checkpoint
train moments --tokens 4096 --init trunk/checkpoint --moments
cmp -s weights/checkpoint/model.safetensors moments/checkpoint/model.safetensors && fail "moments made no difference"
grep -q '"moments_at": 8' moments/checkpoint/state.json || fail "the step of the moments is lost"
train other --tokens 4096 --init trunk/checkpoint --moments --seed 7
"$command" merge other/checkpoint=.5 moments/checkpoint=.5 --moments -o merged -q >/dev/null
expect 2 "moments of step 8" "$command" merge weights/checkpoint=.5 moments/checkpoint=.5 --moments -o mixed
train go --tokens 4096 --init merged --moments
grep -q '"moments_at": 16' go/checkpoint/state.json || fail "the steps of merged moments are lost"
grep -q '"layers": 1' go/run.json || fail "shape of the checkpoint: $(cat go/run.json)"

# Refused, each in one line.
expect 2 "--width: trunk/checkpoint has 16, found 32" "$command" train --tokens-dir tokens -o bad --tokens 4096 --init trunk/checkpoint --width 32
expect 2 "needs --init DIR" "$command" train --tokens-dir tokens -o bad --tokens 4096 --moments
expect 2 "nowhere/config.json: no such file" "$command" train --tokens-dir tokens -o bad --tokens 4096 --init nowhere
"$command" merge trunk/checkpoint=1 -o bare_weights -q >/dev/null
expect 2 "no state.json: moments are those" "$command" train --tokens-dir tokens -o bad --tokens 4096 --init bare_weights --moments
expect 2 "batch and context must be the same" "$command" train --tokens-dir tokens -o bad1 --tokens 16384 --init trunk/checkpoint --continue --batch-tokens 1024 --valid-tokens 200
expect 2 "stands at step 8, this run ends at 4" "$command" train --tokens-dir tokens $rest -o bad2 --tokens 2048 --init trunk/checkpoint --continue
expect 2 "--stop-at: 20000 tokens, but the run has 16384" "$command" train --tokens-dir tokens $rest $shape -o bad --tokens 16384 --stop-at 20000
sed 's/"until": 0.25/"until": 1.5/' mix.json >bad.json
expect 2 "phases: item 1: until: expected a share of the run up to 1, or a whole number of tokens" "$command" train --tokens-dir tokens $shape -o bad --mix bad.json --tokens 4096
sed 's/"until": 4096/"until": 40960/' tokens.json >late.json
expect 2 "phases: item" "$command" train --tokens-dir tokens $shape -o bad --mix late.json --tokens 16384
cp -r trunk/checkpoint moving
"$command" train --tokens-dir tokens $rest -q -o follow --tokens 4096 --init moving >/dev/null
cp weights/checkpoint/model.safetensors moving/
rm -rf follow/result.json follow/checkpoint
expect 1 "no longer the checkpoint this run was set up to start from" "$command" train --run follow -q
echo "passed"
