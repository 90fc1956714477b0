#!/bin/sh
# The demo on a few generated folders, as small as it goes: answer, report, going on, refusals.
set -eu
command=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "test_demo: $1"; exit 1; }

# Three kinds of text that differ, each from its own few words; no randomness but awk's own with a fixed seed.
domain() { # $1 name, $2 words, $3 seed
    mkdir -p "$work/data/$1"
    awk -v words="$2" -v seed="$3" 'BEGIN {
        srand(seed); n = split(words, w, " ")
        for (d = 0; d < 60; d++) {
            line = ""
            for (i = 0; i < 160; i++) line = line w[int(rand() * rand() * n) + 1] " "
            printf "{\"text\": \"%s%d\"}\n", line, d
        }
    }' >"$work/data/$1/text.jsonl"
}
domain prose "the a of house river and walked slowly to evening was light in old garden she said that" 1
domain numbers "one two three four five six seven eight nine ten plus minus times equals zero" 2
domain code "int return if else for while ( ) { } = + - x y z i j ; , const char static void" 3

# What the model is to be good at: other sentences of the words of prose and numbers.
mkdir -p "$work/care"
awk 'BEGIN { srand(4); n = split("the river of evening was slowly light one three seven plus in old house", w, " ")
    for (d = 0; d < 40; d++) { line = ""; for (i = 0; i < 120; i++) line = line w[int(rand() * n) + 1] " "
        printf "{\"text\": \"%s%d\"}\n", line, d } }' >"$work/care/essays.jsonl"

export AUTOSCALE_DEMO_SECONDS=1
"$command" demo --fast --data "$work/data" --targets "$work/care" --out "$work/out" >"$work/answer" 2>"$work/log" ||
    { tail -5 "$work/log"; fail "the demo ended with $?"; }
grep -q 'The mixture for' "$work/answer" || fail "no answer on stdout"
grep -q 'Gain over uniform\|No gain over uniform' "$work/answer" || fail "the answer does not speak of its gain"
grep -q 'report.html' "$work/answer" || fail "no path of the report"
grep -q 'in mean-targets' "$work/answer" || fail "the objective is not the held-out text"
grep -q 'If the objective were mean-domains' "$work/answer" || fail "nothing is said of the domains' own mean"
grep -q "merged and trained branches differ by 0\.[0-9]" "$work/answer" || fail "nothing is said of how far merged models are off"
grep -q 'uniform: [0-9]\|What these runs say' "$work/answer" || grep -q 'mixture for .*: uniform' "$work/answer" ||
    fail "what the answer costs the domains"
grep -q '^first effect at .*: change of mean-targets with branches towards ' "$work/log" || fail "progress does not say what is learnt"
grep -q '^learned at .*: change of mean-targets with branches towards .*prose ' "$work/log" || fail "nothing is learnt of a scale"
for name in prose numbers code; do
    grep -q "^  $name " "$work/answer" || fail "no line for $name in the answer"
    grep -q "<bdi>$name</bdi>" "$work/out/report.html" || fail "no $name in the report"
done
grep -q '</html>' "$work/out/report.html" || fail "the report is not whole"

# Again: nothing is trained twice, the same answer. And the study is one that `run` takes.
before=$(cksum <"$work/out/runs.csv")
"$command" demo --fast --data "$work/data" --targets "$work/care" --out "$work/out" --quiet >"$work/again" 2>/dev/null || fail "going on failed"
cmp -s "$work/answer" "$work/again" || fail "another answer the second time"
[ "$before" = "$(cksum <"$work/out/runs.csv")" ] || fail "runs.csv changed"
"$command" run "$work/out/study.yaml" --dir "$work/out" --quiet >/dev/null || fail "run does not take the demo's study"
"$command" report "$work/out" >/dev/null || fail "report failed"
"$command" report "$work/out" --json | grep -q '"report"' || fail "report --json"

# Refusals: one clear line, exit 2 (or 1 for a folder in another use).
expect() { # $1 exit, $2 words of the message, then the command
    want=$1 words=$2
    shift 2
    got=0
    "$command" "$@" >"$work/out.txt" 2>"$work/err.txt" || got=$?
    [ "$got" = "$want" ] || fail "$*: exit $got, expected $want"
    [ "$(wc -l <"$work/err.txt")" = 1 ] || fail "$*: expected one line on stderr"
    grep -q -- "$words" "$work/err.txt" || fail "$*: expected '$words', found: $(cat "$work/err.txt")"
}
mkdir -p "$work/empty" "$work/twins/a b" "$work/twins/a-b"
echo x >"$work/twins/a b/1.txt"
echo x >"$work/twins/a-b/1.txt"
expect 1 'other options' demo --data "$work/data" --targets "$work/care" --out "$work/out" --quiet
expect 2 'two or more folders' demo --data "$work/empty" --out "$work/o2" --quiet
expect 2 'would both be the domain' demo --data "$work/twins" --out "$work/o3" --quiet
expect 2 'needs --data' demo --targets "$work/care" --out "$work/o5" --quiet
expect 2 'No such file' demo --data "$work/nowhere" --out "$work/o4" --quiet
expect 2 'study' report "$work/empty"
echo passed
