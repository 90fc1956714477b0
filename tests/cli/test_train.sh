#!/bin/sh
# autoscale train and eval: stand-alone form, kills, parents, bad input.
set -eu
autoscale=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "FAILED: $*"; exit 1; }

"$autoscale" tokenize code='src/**/*.c' headers='src/**/*.h' --vocab 512 --valid-tokens 2000 -o "$work/tokens" -q
model="--layers 2 --heads 2 --width 32 --context 64 --batch-tokens 1024 --lr 3e-3 --valid-tokens 1000"
train() { out=$1; shift; "$autoscale" train --tokens-dir "$work/tokens" --tokens 60e3 $model -q -o "$work/$out" "$@"; }
numbers() { grep -v -E '"id"|wall_s|tokens_per_s|sha256' "$work/$1/result.json"; }
# Expects exit 2 and one line that holds the text.
refused() {
    text=$1; shift
    code=0; "$@" >"$work/out" 2>"$work/err" || code=$?
    [ $code = 2 ] || fail "$*: exit $code, expected 2: $(cat "$work/err")"
    [ "$(wc -l <"$work/err")" = 1 ] || fail "$*: not one line: $(cat "$work/err")"
    grep -q -e "$text" "$work/err" || fail "$*: '$(cat "$work/err")' does not say '$text'"
    [ ! -s "$work/out" ] || fail "$*: something on stdout"
}

# An undisturbed run; --json is result.json.
train whole --eval 2 --json >"$work/whole.json"
cmp "$work/whole.json" "$work/whole/result.json" || fail "--json is not the content of result.json"
for file in config.json model.safetensors tokenizer.json; do
    [ -f "$work/whole/checkpoint/$file" ] || fail "no checkpoint/$file"
done

# kill -9 at any moment, again and again: the same numbers.
for round in 1 2 3 4 5; do
    "$autoscale" train --tokens-dir "$work/tokens" --tokens 60e3 $model -q -o "$work/killed" --eval 2 --checkpoint 0 \
        >/dev/null 2>&1 &
    pid=$!
    sleep .$((round * 2 - 1))
    kill -9 $pid 2>/dev/null || true
    wait $pid 2>/dev/null || true
done
train killed --eval 2 --checkpoint 0 >/dev/null
numbers whole >"$work/a"; numbers killed >"$work/b"
cmp "$work/a" "$work/b" || fail "a run killed five times ended with other numbers"

# Two at once on one run: the second waits and finds it made.
"$autoscale" train --tokens-dir "$work/tokens" --tokens 60e3 $model -q -o "$work/twice" --eval 2 >/dev/null &
pid=$!
train twice --eval 2 >/dev/null
wait $pid || fail "one of two processes on a run failed"
numbers twice >"$work/b"
cmp "$work/a" "$work/b" || fail "two processes on one run gave other numbers"
[ "$(grep -c "started: " "$work/twice/log.txt")" = 1 ] || fail "a run was made twice"

# SIGTERM: a checkpoint and 130.
"$autoscale" train --tokens-dir "$work/tokens" --tokens 2e6 $model -q -o "$work/long" >/dev/null 2>"$work/err" &
pid=$!
tries=0
until [ -s "$work/long/metrics.jsonl" ]; do sleep .1; tries=$((tries + 1)); [ $tries -lt 300 ] || fail "no metrics"; done
kill -TERM $pid
code=0; wait $pid || code=$?
[ $code = 130 ] || fail "SIGTERM: exit $code, expected 130"
[ -f "$work/long/checkpoint/state.json" ] || fail "SIGTERM left no checkpoint"

# A parent that dies takes the run with it, after a checkpoint.
rm -rf "$work/long/checkpoint" "$work/long/metrics.jsonl"
sh -c '"$1" train --run "$2" --parent $$ -q >/dev/null 2>&1 & echo $! >"$2/pid"; sleep 60' sh "$autoscale" "$work/long" &
parent=$!
tries=0
until [ -s "$work/long/metrics.jsonl" ]; do sleep .1; tries=$((tries + 1)); [ $tries -lt 300 ] || fail "no metrics"; done
child=$(cat "$work/long/pid")
kill -9 $parent
wait $parent 2>/dev/null || true
tries=0
while kill -0 "$child" 2>/dev/null; do
    sleep .1; tries=$((tries + 1)); [ $tries -lt 300 ] || fail "the child outlived its parent"
done
[ -f "$work/long/checkpoint/state.json" ] || fail "the orphan left no checkpoint"
[ ! -f "$work/long/result.json" ] || fail "the orphan made the run to its end"

# The checkpoint's loss is the run's last one.
"$autoscale" eval "$work/whole/checkpoint" --tokens-dir "$work/tokens" --valid-tokens 1000 --json -o "$work/eval.json" \
    >"$work/eval.out"
cmp "$work/eval.out" "$work/eval.json" || fail "eval -o wrote another thing than --json printed"
a=$(sed -n 's/.*"code": \([0-9.]*\).*/\1/p' "$work/eval.json" | cut -c1-7)
b=$(sed -n 's/.*"code": \([0-9.]*\).*/\1/p' "$work/whole/result.json" | head -1 | cut -c1-7)
[ -n "$a" ] && [ "$a" = "$b" ] || fail "eval says $a, the run $b"

# A mixture file, shares, and one instruction set that every such machine has.
echo '{"code": 0.75, "headers": 0.25}' >"$work/mix.json"
train file --mix "$work/mix.json" >/dev/null
train shares --mix code=.75,headers=.25 >/dev/null
numbers file >"$work/a"; numbers shares >"$work/b"
cmp "$work/a" "$work/b" || fail "a mixture file and the same shares differ"
if [ "$(uname -m)" = x86_64 ]; then
    train sse41 --isa sse41 >/dev/null
fi

# Other settings in a used folder, and bad input.
code=0; train whole --lr 1e-4 >/dev/null 2>"$work/err" || code=$?
[ $code = 1 ] && grep -q "other settings" "$work/err" || fail "a used folder was taken for another run"
refused "run DIR" "$autoscale" train
refused "tokens N" "$autoscale" train --tokens-dir "$work/tokens" -o "$work/x" $model
refused "no such file" "$autoscale" train --run "$work/nothing"
refused "sum to 2" "$autoscale" train --tokens-dir "$work/tokens" --tokens 1e4 --mix code=1,headers=1 -o "$work/x" $model
refused "no domain named 'cod'; did you mean 'code'" "$autoscale" train --tokens-dir "$work/tokens" --tokens 1e4 --mix cod=1 -o "$work/x" $model
refused "not divisible" "$autoscale" train --tokens-dir "$work/tokens" --tokens 1e4 -o "$work/x" --heads 3 --width 32
refused "schedule" "$autoscale" train --tokens-dir "$work/tokens" --tokens 1e4 -o "$work/x" --schedule sin
refused "config.json: no such file" "$autoscale" finetune "$work/nothing" --task RTE --data "$work" # no --max-length: the default
refused "isa" "$autoscale" train --tokens-dir "$work/tokens" --tokens 1e4 -o "$work/x" --isa mmx
refused "token files" "$autoscale" train --tokens-dir "$work" --tokens 1e4 -o "$work/x"
refused "tokens-dir" "$autoscale" eval "$work/whole/checkpoint"
refused "config.json" "$autoscale" eval "$work" --tokens-dir "$work/tokens"
[ ! -e "$work/x" ] || fail "a refused call left a folder"
"$autoscale" tokenize code='src/base/*.c' --vocab 300 -o "$work/others" -q
refused "differs from the tokenizer of" "$autoscale" eval "$work/whole/checkpoint" --tokens-dir "$work/others"
refused "headers.train: .* less than one sequence" "$autoscale" train --tokens-dir "$work/tokens" --tokens 1e6 --context 500000 \
    -o "$work/again"
train again >/dev/null || fail "settings that were refused keep others out of their folder"
mkdir "$work/bad"
echo '{"id": "x", "modle": {}}' >"$work/bad/run.json"
refused "model" "$autoscale" train --run "$work/bad"
echo ok
