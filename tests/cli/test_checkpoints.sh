#!/bin/sh
# Checkpoints as people have them: heads of their own, tied heads under either name, shards, wrappers' prefixes, other
# types, weights that cannot be read or are not finite. The losses were computed in numpy from the same files.
set -eu
command=$1
. tests/support/expect.sh
cases=$(pwd)/../shared/cases
[ -d "$cases/K1-untied-head" ] || { echo "skipped: $cases is not there"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
tokens=$cases/K1-untied-head/tok

# loss WANT FOLDER: of the one target, to four digits
loss() {
    "$command" eval "$cases/$2" --tokens-dir "$tokens" >out.txt || fail "eval $2"
    grep -q "^d  *$1 nats" out.txt || { cat out.txt; fail "loss of $2, expected $1"; }
}
loss 8.5969 K1-untied-head/lmhead_untied
loss 8.5797 K2-head-without-embedding/lmhead_only
loss 8.5797 K3-index-ignored/shard_dup_rev
loss 8.5379 K5-nanogpt-shapes/nobias
loss 8.5797 K5-nanogpt-shapes/f64
loss 8.5797 K5-nanogpt-shapes/compiled
loss 8.4386 K5-nanogpt-shapes/n_inner
loss 8.5797 K7-pad-not-resized/pad_not_resized

expect 2 "model-00002-of-00002.safetensors is missing" "$command" eval "$cases/K4-missing-shard/shard_missing" --tokens-dir "$tokens"
expect 2 "pytorch_model.bin, which is not read; convert them: python3 -c" "$command" eval "$cases/K5-nanogpt-shapes/bin_only" --tokens-dir "$tokens"
expect 1 "tensor 'transformer.ln_f.weight' holds NaN" "$command" eval "$cases/K6-nan-loss/nan" --tokens-dir "$tokens"
printf '{"context": "a", "choices": ["b", "c"], "label": 0}\n' >t.jsonl
expect 1 "holds NaN" "$command" eval "$cases/K6-nan-loss/nan" --tasks t.jsonl

# more tokens than the model has rows: they may be there, not occur
"$command" eval "$cases/K7-pad-not-resized/pad_not_resized" --tasks t.jsonl >out.txt || fail "a tokenizer with one token more"
printf '{"context": "a", "choices": ["[PAD]", "c"], "label": 0}\n' >pad.jsonl
expect 2 "token 1200 ('\[PAD\]') occurs" "$command" eval "$cases/K7-pad-not-resized/pad_not_resized" --tasks pad.jsonl
# what Python and Windows leave in JSON: a byte-order mark, NaN in fields that nobody reads; and what is damaged
cp -rL "$cases/K1-untied-head/lmhead_untied" own
chmod -R u+w own
{ printf '\357\273\277'; sed '$ s/}[[:space:]]*$/, "best_metric": NaN, "seen": [-Infinity]}/' "$cases/K1-untied-head/lmhead_untied/config.json"; } >own/config.json
"$command" eval own --tokens-dir "$tokens" >out.txt || fail "eval of a config.json with a byte-order mark and NaN"
grep -q "^d  *8.5969 nats" out.txt || { cat out.txt; fail "loss under a config.json with a byte-order mark"; }
sed 's/"n_layer": *[0-9]*/"n_layer": NaN/' "$cases/K1-untied-head/lmhead_untied/config.json" >own/config.json
expect 2 "config.json: field 'n_layer': expected" "$command" eval own --tokens-dir "$tokens"
: >own/config.json
expect 2 "own/config.json: empty; expected JSON" "$command" eval own --tokens-dir "$tokens"
cp "$cases/K1-untied-head/lmhead_untied/config.json" own/config.json
sed 's/"n_embd": *[0-9]*/"n_embd": 24/' "$cases/K1-untied-head/lmhead_untied/config.json" >own/config.json
expect 2 "has shape \[[0-9]*, [0-9]*\], expected \[" "$command" eval own --tokens-dir "$tokens"
cp "$cases/K1-untied-head/lmhead_untied/config.json" own/config.json
echo '{"version": ' >own/tokenizer.json
"$command" eval own --tokens-dir "$tokens" >out.txt 2>note.txt || fail "eval beside a damaged tokenizer"
[ ! -e "$tokens/tokenizer.json" ] || grep -q "^note: the tokenizer of own was not compared with" note.txt || { cat note.txt; fail "no word of a damaged tokenizer"; }
echo "passed"
