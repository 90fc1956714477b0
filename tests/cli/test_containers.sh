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
{ echo '['; sed 's/$/,/' lines.jsonl | sed 's/line/element/'; echo '"the last one"]'; } >array.json
gzip -c lines.jsonl >packed.jsonl
