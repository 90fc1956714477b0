#!/bin/sh
# A study whose runs go through a user's submit, poll and cancel: the same numbers as on this machine, to the last bit, with the
# coordinator killed, jobs killed and cancelled by others, a scheduler that refuses, does not answer, or never starts a job.
set -eu
command=$1
here=$(pwd)
work=$(mktemp -d)
trap 'touch "$work/go"; sleep .2; rm -rf "$work"' EXIT
scripts/tiny-study "$work"
cd "$work"
fail() { echo "FAILED: $*"; exit 1; }
fake=$here/tests/support/fake-scheduler
sed -i 's/^scales:.*/scales: [4e3]/; s/repeats: 2/repeats: 1/; s/seeds: 2, against: \[natural\]/seeds: 1/' study.yaml
# variant NAME EXECUTOR [SED]: a study of its own, and a scheduler.
variant() {
    mkdir -p "$work/$1.jobs"
    { sed "${3:-}" study.yaml; echo "executor: {$2, refresh: 0.1}"; } >$1.yaml
    FAKE=$work/$1.jobs
    export FAKE
}
each="submit: '$fake submit {script}', poll: '$fake poll {id}', cancel: '$fake cancel {id}', id: 'Job <{id}>'"
array="submit: '$fake submit {script} {first} {last}', poll: '$fake poll', cancel: '$fake cancel {id}', id: 'Job <{id}>'"
run() { "$command" run $1.yaml --dir $1 --quiet >$1.out 2>$1.err || { cat $1.err; fail "$1"; }; }
same() { cmp local/runs.csv $1/runs.csv || fail "$1: other numbers than on this machine"; }
wait_for() {
    tries=0
    until eval "$1"; do sleep .05; tries=$((tries + 1)); [ $tries -lt 400 ] || fail "waited in vain for: $1"; done
}
"$command" run study.yaml --dir local --quiet >/dev/null

variant each "$each"
run each
same each
[ "$(wc -l <"$FAKE/submitted")" = "$(sed 1d each/runs.csv | wc -l)" ] || fail "a run was submitted twice"
ls each/jobs/batch-0/1.exit >/dev/null || fail "no exit code of a job"

# Arrays: several runs a submit, one poll for all, the task in a variable.
variant array "$array, array: 5, index: FAKE_TASK, task: '{job}.{index}'"
run array
same array
[ "$(head -1 "$FAKE/submitted")" = "5 tasks" ] || fail "no array: $(cat "$FAKE/submitted")"

# The coordinator is killed while jobs wait and while they run; nothing is made twice.
variant killed "$each" "s/^run:.*/run: {checkpoint_every: 0.1}/"
: >"$FAKE/hold"
"$command" run killed.yaml --dir killed --quiet >/dev/null 2>&1 &
pid=$!
wait_for '[ "$(ls "$FAKE" | grep -c held)" = 7 ]'
wait_for '[ "$(cat killed/jobs/batch-0/ids | grep -vc " -$")" = 7 ]'
kill -9 $pid
wait $pid 2>/dev/null || true
"$command" run killed.yaml --dir killed --quiet >/dev/null 2>killed.err &
pid=$!
wait_for '"$command" status killed --json | grep -q "\"running\": *7"'
[ "$(wc -l <"$FAKE/submitted")" = 7 ] || fail "waiting jobs were submitted again"
"$fake" cancel 3 # by somebody else: submitted again
"$fake" release
wait $pid || { cat killed.err; fail "killed"; }
same killed
[ "$(wc -l <"$FAKE/submitted")" = "$(sed 1d local/runs.csv | wc -l)" ] && fail "the cancelled job was not submitted again"
[ "$(wc -l <"$FAKE/submitted")" = "$(($(sed 1d local/runs.csv | wc -l) + 1))" ] || fail "$(wc -l <"$FAKE/submitted") jobs submitted"

# Ctrl-C: jobs that wait are taken from the queue and cannot start any more, whatever the scheduler does; then on.
variant stopped "$each"
: >"$FAKE/hold"
"$command" run stopped.yaml --dir stopped >/dev/null 2>stopped.err &
pid=$!
wait_for '[ "$(ls "$FAKE" | grep -c held)" = 7 ]'
mkdir kept && cp "$FAKE"/*.held kept
kill -INT $pid
code=0
wait $pid || code=$?
[ "$code" = 130 ] || { cat stopped.err; fail "exit $code after Ctrl-C, expected 130"; }
[ "$(ls "$FAKE" | grep -c held)" = 0 ] || fail "jobs were left in the queue"
cp kept/*.held "$FAKE"
"$fake" release
sleep .3
[ -z "$(ls stopped/runs/*/result.json 2>/dev/null)" ] || fail "a cancelled job has run"
run stopped
same stopped

# A scheduler that refuses jobs for a while after it took some, and one that takes none.
variant none "$each"
echo "qsub: Unauthorized Request" >"$FAKE/refuse"
code=0
"$command" run none.yaml --dir none --quiet >/dev/null 2>none.err || code=$?
[ "$code" = 1 ] && grep -q "executor: submit: exit code 1: qsub: Unauthorized Request" none.err || { cat none.err; fail "a refusal: exit $code"; }
[ "$(wc -l <none.err)" = 1 ] || fail "more than one line"

# A poll that does not answer changes nothing while jobs run; without it an old job cannot be found.
variant deaf "$each"
echo "server: connection refused" >"$FAKE/deaf"
"$command" run deaf.yaml --dir deaf >/dev/null 2>deaf.err || { cat deaf.err; fail "deaf"; }
same deaf
variant lost "$each"
: >"$FAKE/hold"
"$command" run lost.yaml --dir lost --quiet >/dev/null 2>&1 &
pid=$!
wait_for '[ "$(ls "$FAKE" | grep -c held)" = 7 ] && [ "$(grep -vc " -$" lost/jobs/batch-0/ids)" = 7 ]'
kill -9 $pid
wait $pid 2>/dev/null || true
echo "server: connection refused" >"$FAKE/deaf"
code=0
"$command" run lost.yaml --dir lost --quiet >/dev/null 2>lost.err || code=$?
[ "$code" = 1 ] && grep -q "executor: poll: server: connection refused; running jobs cannot be found" lost.err || { cat lost.err; fail "no answer: exit $code"; }

# A job that ends before its script begins: the state and the last line of the scheduler's own log are told.
echo 'echo no such image >"$2"; echo 5' >never.sh
variant never "submit: 'sh never.sh {script} {log}', poll: 'echo Failed {id}', cancel: 'true {id}'" "s/^run:.*/run: {retries: 0}/"
code=0
"$command" run never.yaml --dir never --quiet >/dev/null 2>never.err || code=$?
[ "$code" = 1 ] && grep -q "job 5 ended before its script began: Failed: no such image" never.err || { cat never.err; fail "never: exit $code"; }

# A trainer of one's own through it, one that fails once and is named when it fails for good.
for mode in once crash; do
    variant $mode "$each" "s/^run:.*/run: {retries: 1}/"
    echo "trainer: {command: \"sh $here/examples/trainers/pretend.sh {mixture} {run_dir} {seed}\", env: {PRETEND: $mode}, backoff: 0.05}" >>$mode.yaml
done
FAKE=$work/once.jobs
run once
FAKE=$work/crash.jobs
"$command" run crash.yaml --dir crash --quiet >/dev/null 2>crash.err && fail "crash"
grep -q "exit code 3 and no result.json; log: .*device-side assert" crash.err || { cat crash.err; fail "crash"; }

# What is wrong in the study file, each in one line.
wrong() { # WORDS EXECUTOR
    { cat study.yaml; echo "executor: $2"; } >wrong.yaml
    code=0
    "$command" run wrong.yaml --dir wrong --quiet >/dev/null 2>wrong.err || code=$?
    [ "$code" = 2 ] && [ "$(wc -l <wrong.err)" = 1 ] && grep -q -- "$1" wrong.err || { cat wrong.err; fail "$1: exit $code"; }
}
wrong "missing key 'poll'" "{submit: 'qsub {script}', cancel: 'qdel {id}'}"
wrong "submit: expected {script}" "{submit: qsub, poll: 'qstat {id}', cancel: 'qdel {id}'}"
wrong "submit: unknown placeholder {scrip}; did you mean {script}?" "{submit: 'qsub {scrip}', poll: 'qstat {id}', cancel: 'qdel {id}'}"
wrong "cancel: expected {id} or {name}" "{submit: 'true {script}', poll: 'true {id}', cancel: 'true'}"
wrong "array: expected {first}" "{submit: 'true {script}', poll: 'true {id}', cancel: 'true {id}', array: 5}"
wrong "need .array: N" "{submit: 'true {script} {count}', poll: 'true {id}', cancel: 'true {id}'}"
wrong "executor: submit: .no-such-qsub. not found" "{submit: 'no-such-qsub {script}', poll: 'true {id}', cancel: 'true {id}'}"
wrong "'submit' cannot be combined with slurm" "{slurm: {}, submit: 'true {script}', poll: 'true {id}', cancel: 'true {id}'}"
wrong "id: expected name, or text with {id}" "{submit: 'true {script}', poll: 'true {id}', cancel: 'true {id}', id: '('}"
echo "a scheduler of three commands: the same numbers as on this machine, whatever is killed, cancelled, refused or deaf"
