#!/bin/sh
# Who makes a run and who makes a study: trainers that leave helpers behind, coordinators that die, locks that are
# removed, folders of a group, folders that go away.
set -eu
command=$1
here=$(pwd)
. tests/support/expect.sh
work=$(mktemp -d)
trap 'kill $(cat "$work"/*.pid 2>/dev/null) 2>/dev/null || true; rm -rf "$work"' EXIT
scripts/tiny-study "$work"
cd "$work"
sed -i 's/^scales:.*/scales: [4e3]/; s/repeats: 2/repeats: 1/; s/seeds: 2, against: \[natural\]/validate: false/; s/, curve: 4//' study.yaml
# study NAME TRAINER [RUN [KEYS]]: NAME.yaml with `sh TRAINER MIXTURE RUN_DIR SEED`.
study() {
    sed "s/^run: {.*/run: {jobs: 1, ${3:-retries: 1}}/" study.yaml >$1.yaml
    echo "trainer: {command: \"sh $2 {mixture} {run_dir} {seed}\", backoff: 0.05${4:-}}" >>$1.yaml
}
# until_there SECONDS FILE...
until_there() {
    n=$(($1 * 20)); shift
    until ls "$@" >/dev/null 2>&1; do n=$((n - 1)); [ $n -gt 0 ] || fail "never there: $*"; sleep .05; done
}
gone() { ! kill -0 "$1" 2>/dev/null || [ "$(cut -d' ' -f3 /proc/$1/stat 2>/dev/null)" = Z ]; }
wait_gone() {
    n=200
    until gone $1; do n=$((n - 1)); [ $n -gt 0 ] || fail "$2"; sleep .05; done
}
pretend="sh $here/examples/trainers/pretend.sh"
study calm $here/examples/trainers/pretend.sh
"$command" run calm.yaml --dir calm --quiet >/dev/null

# ---- a helper that lives on (experiment trackers do), the first time beside a failure: it holds nothing
cat >tracker.sh <<END
[ -e "$work/failed.once" ] || { : >"$work/failed.once"; setsid sleep 300 & echo \$! >"$work/tracker.pid"; sleep 1; exit 3; }
exec $pretend "\$@"
END
study tracker "$work/tracker.sh"
timeout 60 "$command" run tracker.yaml --dir tracker --quiet >/dev/null || fail "a helper that lives on ($?)"
cmp calm/runs.csv tracker/runs.csv || fail "a helper that lives on: other numbers"
ls -l /proc/"$(cat tracker.pid)"/fd | grep -q "$work/tracker/.*db" && fail "the helper has the study's files open" || true
kill "$(cat tracker.pid)"

# ---- what a trainer leaves in its own process group ends with it, after success and after failure
cat >group.sh <<END
sleep 300 & echo \$! >>"$work/group.pid"
[ -e "$work/failed.twice" ] || { : >"$work/failed.twice"; exit 3; }
exec $pretend "\$@"
END
study group "$work/group.sh"
"$command" run group.yaml --dir group --quiet >/dev/null || fail "a process group"
for pid in $(cat group.pid); do wait_gone $pid "a process of a trainer's group lives on"; done

# ---- the coordinator is killed: its trainer is found by the next one, which keeps all limits and heeds signals
cat >slow.sh <<END
echo \$\$ >"$work/slow.pid"
while [ ! -e "$work/go" ]; do sleep .05; done
exec $pretend "\$@"
END
# orphan NAME: NAME.yaml is begun and its coordinator killed; its trainer is \$trainer.
orphan() {
    rm -f slow.pid go
    "$command" run $1.yaml --dir $1 --quiet >/dev/null 2>&1 &
    pid=$!
    until_there 20 slow.pid
    sleep .3
    kill -9 $pid; wait $pid 2>/dev/null || true
    trainer=$(cat slow.pid)
}
study limit "$work/slow.sh" "retries: 0, time_limit: 1"
orphan limit
expect 1 "the time limit per run" timeout 60 "$command" run limit.yaml --dir limit --quiet
wait_gone $trainer "an adopted run outlives its time limit"
study beat "$work/slow.sh" "retries: 0" ", heartbeat: 0.5"
orphan beat
expect 1 "no output in its log" timeout 60 "$command" run beat.yaml --dir beat --quiet
wait_gone $trainer "an adopted run outlives its heartbeat"
study signal "$work/slow.sh"
orphan signal
"$command" run signal.yaml --dir signal --quiet >/dev/null 2>err.txt &
pid=$!
sleep 1
kill -TERM $pid
code=0
wait $pid || code=$?
[ $code = 130 ] || { cat err.txt; fail "SIGTERM with an adopted run: exit $code"; }
wait_gone $trainer "an adopted run outlives SIGTERM"
# ... and goes on to its end where nothing is wrong
orphan signal
"$command" run signal.yaml --dir signal --quiet >/dev/null 2>err.txt &
pid=$!
sleep .5
: >go
wait $pid || { cat err.txt; fail "an adopted run that ends well"; }
cmp calm/runs.csv signal/runs.csv || fail "adopted: other numbers"
# what killed processes left is gone; what is not theirs stays
ls signal/runs/*/lock signal/runs/*/run.lock 2>/dev/null | grep . && fail "locks of ended runs" || true
touch calm/study.tmp.4194305.7 calm/mine.tmp.4194305.txt
"$command" run calm.yaml --dir calm --quiet >/dev/null
[ ! -e calm/study.tmp.4194305.7 ] && [ -e calm/mine.tmp.4194305.txt ] || fail "leftovers"

# ---- a finished result counts before any lock, and before its process has ended
cat >late.sh <<END
$pretend "\$@"; echo \$\$ >"$work/late.pid"; exec sleep 300
END
study late "$work/late.sh"
"$command" run late.yaml --dir late --quiet >/dev/null 2>&1 &
pid=$!
until_there 20 late.pid
kill -9 $pid; wait $pid 2>/dev/null || true
sed -i 's/; echo.*//' late.sh
timeout 60 "$command" run late.yaml --dir late --quiet >/dev/null || fail "a finished result behind a lock"
cmp calm/runs.csv late/runs.csv || fail "a finished result behind a lock: other numbers"

# ---- study.lock removed under a coordinator: nobody else gets in, and it puts the file back
study live "$work/slow.sh"
rm -f go slow.pid
"$command" run live.yaml --dir live --quiet >/dev/null 2>live.txt &
pid=$!
until_there 20 slow.pid
rm live/study.lock
expect 1 "run by another process" "$command" run live.yaml --dir live --quiet
until_there 30 live/study.lock
n=300
until grep -q "\"pid\":$pid" live/study.lock; do n=$((n - 1)); [ $n -gt 0 ] || fail "study.lock is not put back"; sleep .05; done
expect 1 "run by process $pid" "$command" run live.yaml --dir live --quiet
: >go
wait $pid || { cat live.txt; fail "a study whose lock was removed"; }

# ---- a study's folder that is moved or deleted under it
for how in "mv moved elsewhere" "rm -rf moved"; do
    study moved "$work/slow.sh"
    rm -rf go slow.pid elsewhere
    "$command" run moved.yaml --dir moved --quiet >/dev/null 2>moved.txt &
    pid=$!
    until_there 20 slow.pid
    $how
    : >go
    code=0
    wait $pid || code=$?
    [ $code = 1 ] && grep -q "moved or deleted\|no such file" moved.txt || { cat moved.txt; fail "$how: exit $code"; }
    [ "$(grep -c . moved.txt)" = 1 ] || { cat moved.txt; fail "$how: more than one line"; }
    rm -rf moved
done

# ---- a folder of a group
if [ "$(id -u)" = 0 ] && setpriv --reuid=1234 --regid=4321 --clear-groups test -x "$command" 2>/dev/null; then
    mkdir group_folder
    chmod 755 "$work"; chmod -R a+rX .
    chgrp 4321 group_folder; chmod 2775 group_folder
    member() { id=$1; shift; (umask 002; setpriv --reuid=$id --regid=4321 --clear-groups "$@"); }
    member 1234 "$command" run calm.yaml --dir group_folder/s --quiet >/dev/null || fail "the first of the group"
    find group_folder ! -perm -g+w | grep . && fail "not writable for the group" || true
    sed -i 's/scales:.*/scales: [4e3, 8e3]/' calm.yaml
    member 1235 "$command" run calm.yaml --dir group_folder/s --quiet >/dev/null || fail "the second of the group"
    member 1234 "$command" status group_folder/s >/dev/null || fail "status by the first"
fi
echo "helpers, dead coordinators, removed locks, moved folders, groups"
