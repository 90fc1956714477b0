#!/bin/sh
# Containers through the command: tokenize takes them, plan says what it cannot read before anything runs.
set -eu
command=$1
fixtures=$(pwd)/tests/text/parquet
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
fail() { echo "test_containers: $*"; exit 1; }
refused() { # WORDS, then a command
    words=$1; shift
    code=0; "$@" >out 2>err || code=$?
    [ $code = 2 ] && [ "$(wc -l <err)" = 1 ] && grep -q -e "$words" err || fail "$*: exit $code: $(cat err)"
}

for i in $(seq 60); do echo "{\"text\": \"line $i of some words, $((i * 7919 % 1000)) and $((i * 104729 % 997))\", \"score\": NaN}"; done >lines.jsonl

# ---- one text in many containers is one domain, whatever the file is called ----
seq 5000 5400 | sed 's/^/another text, /' >other.txt
row() { # FILE: its documents, bytes, tokens, held-out tokens
    rm -rf tokens
    "$command" tokenize a="$1" b=other.txt --vocab 280 --valid-tokens 50 -q -o tokens >out 2>err || fail "$1: $(cat err)"
    sed -n 's/^a  *//p' out
}
same() { # FILE: as lines.jsonl
    found=$(row "$1")
    [ "$found" = "$expected" ] || fail "$1: '$found' instead of '$expected'"
}
expected=$(row lines.jsonl)
[ "${expected%% *}" = 57 ] || fail "lines.jsonl: $expected" # the others are held out
{ echo '['; sed 's/$/,/; $s/,$//' lines.jsonl; echo ']'; } >array.json
gzip -c lines.jsonl >packed.jsonl
{ printf '\357\273\277'; cat lines.jsonl; } >marked.jsonl
tr -d '\n' <lines.jsonl | sed 's/}{/}\n\n {/g' >spaced.jsonl
for file in array.json packed.jsonl marked.jsonl spaced.jsonl; do same $file; done
for packer in zstd bzip2 xz; do
    command -v $packer >/dev/null || continue
    $packer -c lines.jsonl >packed-by-$packer.jsonl.gz
    same packed-by-$packer.jsonl.gz
done
[ "$(row "$fixtures/duck-zstd-v2.parquet")" = "$(row "$fixtures/duck-zstd-v2.jsonl")" ] || fail "Parquet and the same lines differ"
split -n l/3 lines.jsonl part- --additional-suffix=.jsonl
same "part-*.jsonl"

# ---- what cannot be read is named for what it is, by plan ----
rm -rf tokens # whose counts plan would take
printf 'PK\003\004\024\000\000\000rest' >file.zip
printf '%%PDF-1.4\n\001\002\000' >file.pdf
head -c 40 "$fixtures/duck-zstd-v2.parquet" >short.parquet
for file in file.zip file.pdf short.parquet; do
    printf 'domains: [{name: a, train: %s}, {name: b, train: lines.jsonl}]\nmodel: {layers: 1, heads: 1, width: 16, context: 16}\ntraining: {batch_tokens: 64}\nscales: [1e3]\ntarget: {tokens: 2e3}\n' $file >study.yaml
    refused "$file" "$command" plan study.yaml
done

# ---- what tokenize would refuse, plan refuses ----
mkdir one two && cp lines.jsonl one/ && ln -s ../one/lines.jsonl two/again.jsonl
study() { # TOKENIZER, the first domain's keys, the second's
    printf 'domains: [{name: a, %s}, {name: b, %s}]\n%s\ntokenizer: %s\nvalidation: {tokens: 20}\n' "$2" "$3" "${4:-}" "$1"
    printf 'model: {layers: 1, heads: 1, width: 16, context: 16}\ntraining: {batch_tokens: 64}\nscales: [1e3]\ntarget: {tokens: 2e3}\n'
}
both() { # WORDS: of plan and of tokenize
    refused "$1" "$command" plan study.yaml
    refused "$2" "$command" tokenize study.yaml -q -o nothing
}
learnt="{train: bpe, vocab: 300}"
study "$learnt" "train: one" "train: two" >study.yaml
both "domain b: its files are those of domain a" "domain b: all 60 documents"
study "$learnt" "train: one" "train: packed.jsonl" "targets: [{name: t, valid: two}]" >study.yaml
both "domain a: its files are those held out for t" "domain a: all 60 documents"
study "{vocab: 300, end: 5}" "train: one" "train: packed.jsonl" >study.yaml
both "domain a: ./one/lines.jsonl: text needs a tokenizer" "domain a: ./one/lines.jsonl: text needs a tokenizer"
printf '\001\000\002\000\005\000' >ids.bin
study "$learnt" "train: one" "train: ids.bin, dtype: uint16" >study.yaml
both "domain b: ./ids.bin: token files need their tokenizer" "domain b: ./ids.bin: token files need their tokenizer"
