#!/bin/sh
# autoscale tokenize as a user calls it: results, report, exit codes, and a kill at any moment.
set -eu
command=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
fail() { echo "test_tokenize: $*"; exit 1; }

mkdir a b
for i in $(seq 400); do
    echo "{\"text\": \"document $i of the first domain, which says $((i * 7919 % 1000)) and then $((i * 104729 % 997))\"}"
done >a/a.jsonl
for i in $(seq 60); do echo "int f$i(int x) { return x + $i; }" >"b/f$i.c"; done
printf 'junk\n' >>a/a.jsonl
printf 'a\000b' >b/binary.o

"$command" tokenize a=a/a.jsonl 'b=b/**' -o out --vocab 300 --valid-tokens 200 -q >table || fail "exit $?"
grep -q '^a ' table || fail "no line for a"
grep -q 'rejected a/a.jsonl:401: not a JSON object' table || fail "rejected line not shown"
grep -q 'rejected b/binary.o: a binary file' table || fail "rejected file not shown"
for name in a b; do for part in train valid; do for end in bin idx sum; do
    [ -s "out/$name.$part.$end" ] || fail "out/$name.$part.$end is missing"
done; done; done
"$command" tokenize a=a/a.jsonl 'b=b/**' -o out --vocab 300 --valid-tokens 200 --json 2>/dev/null >json
cmp json out/report.json || fail "--json is not report.json"

# Exit 2 and one line, nothing written.
try() {
    want=$1; shift
    code=0; "$command" tokenize "$@" -o none -q >/dev/null 2>err || code=$?
    [ $code = 2 ] || fail "$*: exit $code, expected 2"
    [ "$(wc -l <err)" = 1 ] || fail "$*: more than one line"
    grep -q -e "$want" err || fail "$*: $(cat err)"
    [ ! -e none ] || fail "$*: something was written"
}
: >empty.jsonl
printf '\001\002\377\n' >junk.jsonl
printf '{"text":"caf\351"}\n' >latin.jsonl
try 'expected NAME=GLOB' a/a.jsonl
try 'no file matches' 'a=a/*.txt'
try 'no document in 1 file' a=empty.jsonl
try 'first rejected: junk.jsonl:1' a=junk.jsonl
try 'not valid UTF-8' a=latin.jsonl
try 'threads: expected 1 to 256' a=a/a.jsonl --threads 0
try 'no such file' a=a/a.jsonl --tokenizer nowhere.json
try "tokenizer kind 'bep'" a=a/a.jsonl --kind bep

# Killed at any moment and started again: the same bytes.
for i in 1 2 3 4 5 6; do
    rm -rf killed
    "$command" tokenize a=a/a.jsonl 'b=b/*.c' -o killed --vocab 300 --valid-tokens 200 -q >/dev/null 2>&1 &
    sleep "0.0$((i * i))"
    kill -9 $! 2>/dev/null || true
    wait $! 2>/dev/null || true
    "$command" tokenize a=a/a.jsonl 'b=b/*.c' -o killed --vocab 300 --valid-tokens 200 -q >/dev/null || fail "after a kill: exit $?"
    for file in a.train.bin a.valid.bin b.train.bin b.valid.bin a.train.idx; do
        cmp "out/$file" "killed/$file" || fail "$file differs after a kill"
    done
    [ -z "$(find killed -name '*.tmp.*')" ] || fail "parts of the killed process are left"
done
echo "test_tokenize: passed"
