#!/bin/sh
# autoscale eval --tasks and autoscale contamination, from files to output.
set -eu
command=$1
golden=tests/task/golden
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "failed: $1"; exit 1; }

"$command" eval $golden/tiny --tasks boolq,asdiv,crows_pairs --tasks-dir $golden/raw --shots 1 --details "$work/d" --json -q >"$work/a.json"
grep -q '"boolq": *{' "$work/a.json" || fail "no figures of boolq"
grep -q '"pct_stereotype"' "$work/a.json" || fail "no figure of crows_pairs"
[ "$(wc -l <"$work/d/boolq.jsonl")" = 5 ] || fail "details of boolq"

# An item planted in training text is found, and left out when asked.
printf '{"text":"x %s y"}\n' "$(sed -n 2p $golden/raw/asdiv.jsonl | sed 's/.*"body": "\([^"]*\)".*/\1/') How far in two hours?" >"$work/train.jsonl"
"$command" contamination planted="$work/train.jsonl" --tasks asdiv --tasks-dir $golden/raw -n 5 -o "$work/found.json" -q >"$work/found.txt"
grep -q 'asdiv .*1 of 4 items found  planted 1' "$work/found.txt" || fail "the planted item: $(cat "$work/found.txt")"
"$command" eval $golden/tiny --tasks asdiv --tasks-dir $golden/raw --exclude "$work/found.json" --json -q >"$work/b.json"
grep -q '"n": *3' "$work/b.json" && grep -q '"n_excluded": *1' "$work/b.json" || fail "the item was not left out"

# Errors: one line, exit 2.
check_error() {
    expected=$1
    shift
    rc=0
    "$command" "$@" >"$work/out" 2>"$work/err" || rc=$?
    [ $rc = 2 ] || fail "exit $rc of: $*"
    grep -q -e "$expected" "$work/err" || fail "no '$expected' in: $(cat "$work/err")"
    [ "$(wc -l <"$work/err")" = 1 ] || fail "more than one line: $*"
}
check_error "tokens-dir DIR or --tasks LIST" eval $golden/tiny
check_error "--tasks-dir DIR" eval $golden/tiny --tasks boolq
check_error "0 files" eval $golden/tiny --tasks nothing --tasks-dir $golden/raw
check_error "two tasks are named 'boolq'" eval $golden/tiny --tasks boolq,boolq --tasks-dir $golden/raw
check_error "no folder" eval $golden/tiny --tasks boolq --tasks-dir $golden/raw -o "$work/none/x.json"
check_error "found a folder" eval $golden/tiny --tasks boolq --tasks-dir $golden/raw -o "$work"
check_error "no such file" eval $golden/tiny/config.json --tasks boolq --tasks-dir $golden/raw
check_error "has no set" eval $golden/tiny --tasks piqa --tasks-dir $golden/raw --exclude "$work/found.json"
check_error "few-shot examples" eval $golden/tiny --tasks asdiv --tasks-dir $golden/raw --shots 4
check_error "no field 'txt'" contamination "$work/train.jsonl" --tasks asdiv --tasks-dir $golden/raw --field txt -q
(cat "$work/train.jsonl"; echo nonsense) >"$work/half.jsonl"
"$command" contamination planted="$work/train.jsonl" planted="$work/half.jsonl" --tasks asdiv --tasks-dir $golden/raw -n 5 -q >"$work/half.txt"
grep -q 'note: 1 documents of planted could not be read' "$work/half.txt" || fail "rejected text: $(cat "$work/half.txt")"
grep -q 'asdiv .*1 of 4 items found  planted 1' "$work/half.txt" || fail "one domain of two files: $(cat "$work/half.txt")"
check_error "2 to 64" contamination "$work/train.jsonl" --tasks asdiv --tasks-dir $golden/raw -n 1

# `-o -` is stdout: the JSON and nothing else.
"$command" eval $golden/tiny --tasks asdiv --tasks-dir $golden/raw -q -o - >"$work/dash.json"
"$command" eval $golden/tiny --tasks asdiv --tasks-dir $golden/raw -q --json >"$work/json.json"
cmp "$work/dash.json" "$work/json.json" || fail "-o - is not what --json prints"
[ ! -e ./- ] || fail "-o - made a file"
