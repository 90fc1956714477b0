#!/bin/sh
# What a study must bear from where it runs: a clock that goes backwards, folders that cannot be written, another host's
# lock, files that change under it, names that are no names of files.
set -eu
command=$1
. tests/support/expect.sh
here=$PWD
work=$(mktemp -d)
trap 'chmod -R u+w "$work" 2>/dev/null; rm -rf "$work"' EXIT
scripts/tiny-study "$work"
cd "$work"
same() {
    for f in runs.csv optima.csv mixture.json; do cmp "calm/$f" "$1/$f" || fail "$2: $f differs"; done
}
# flip FILE AT: one bit of the byte AT.
flip() {
    byte=$(od -An -tu1 -j "$2" -N 1 "$1" | tr -d ' ')
    printf "\\$(printf %o $((byte ^ 16)))" | dd of="$1" bs=1 seek="$2" conv=notrunc 2>/dev/null
}
"$command" run study.yaml --dir calm --jobs 2 --quiet >/dev/null

# ---- a clock that goes backwards
if [ -z "${ASC_SMALL:-}" ] && cc -shared -fPIC -O1 -o clock_back.so "$here/tests/support/clock_back.c" 2>/dev/null; then
    LD_PRELOAD=$work/clock_back.so "$command" run study.yaml --dir clock --jobs 2 --quiet >/dev/null || fail "a clock set back"
    same clock "a clock set back"
    LD_PRELOAD=$work/clock_back.so "$command" status clock --json >status.json || fail "status with a clock set back"
    grep -q '"state": "done"' status.json || fail "state with a clock set back"
    grep -qE '"seconds_left": -' status.json && fail "time left below nothing" || true
fi

# ---- a folder that cannot be written (by root everything can)
mkdir readonly
cp study.yaml readonly/
chmod 755 "$work" && chmod -R a+rX . && chmod 555 readonly
as=$([ "$(id -u)" = 0 ] && echo "setpriv --reuid=65534 --regid=65534 --clear-groups" || echo env)
if $as true 2>/dev/null && $as test -x "$command"; then
    expect 1 "readonly" $as "$command" run study.yaml --dir readonly/new --quiet
    expect 1 "readonly/study.lock" $as "$command" run study.yaml --dir readonly --quiet
    # A finished study that one may only read: its state and numbers are shown all the same.
    chmod -R a-w calm
    $as "$command" status calm --json >status.json || fail "status of a study that one may only read"
    grep -q '"state": "done"' status.json || fail "state of a study that one may only read"
    expect 1 "calm/" $as "$command" run study.yaml --dir calm --quiet
    chmod -R u+w calm
fi

# ---- a lock of another host: alive, long silent, from a clock since set back
mkdir far
lock='{"host":"elsewhere","pid":4242,"started":1700000000,"released":false}'
echo "$lock" >far/study.lock
expect 1 "process 4242 on elsewhere" "$command" run study.yaml --dir far --quiet
[ ! -e far/study.db ] || fail "a study was begun beside another host's"
touch -d '1 hour ago' far/study.lock
"$command" run study.yaml --dir far --jobs 2 --quiet >/dev/null || fail "a lock long silent"
same far "a lock long silent"
echo "$lock" >far/study.lock
touch -d '1 day' far/study.lock
"$command" run study.yaml --dir far --jobs 2 --quiet >/dev/null || fail "a lock from the future"

# ---- token files damaged under a study: an index is made again, damaged tokens are named and never trained on
rm -rf hurt
cp -r calm hurt
rm -rf hurt/study.db hurt/runs
flip hurt/tokens/books.train.idx 40
"$command" run study.yaml --dir hurt --jobs 2 --quiet >/dev/null || fail "a damaged index is made again"
same hurt "a damaged index"
rm -rf hurt/study.db hurt/runs
flip hurt/tokens/books.train.bin 2000
expect 1 "books.train.bin: damaged between bytes" "$command" run study.yaml --dir hurt --jobs 2 --quiet
rm hurt/tokens/books.train.bin
"$command" run study.yaml --dir hurt --jobs 2 --quiet >/dev/null || fail "damaged tokens removed"
same hurt "damaged tokens made again"

# ---- a result damaged before the coordinator took it: named, and the run made again
"$command" run study.yaml --dir hurt2 --jobs 1 --quiet >/dev/null 2>&1 &
pid=$!
until [ -n "$(ls hurt2/runs/*/result.json 2>/dev/null | head -1)" ]; do kill -0 $pid 2>/dev/null || break; sleep .01; done
kill -9 $pid 2>/dev/null || true
wait $pid 2>/dev/null || true
sleep .5
rm -f hurt2/study.db # as if no result had been taken
for f in hurt2/runs/*/result.json; do
    at=$(grep -b -o '"loss"' "$f" | head -1 | cut -d: -f1)
    flip "$f" $((at + 25))
done
"$command" run study.yaml --dir hurt2 --jobs 1 >/dev/null 2>err.txt || { cat err.txt; fail "a damaged result"; }
grep -q "result.json.*retrying" err.txt || { cat err.txt; fail "a damaged result is not named"; }
same hurt2 "a damaged result"

# ---- names that would leave the folder
for name in ../evil .hidden "" =cmd; do
    sed "s|name: books,|name: \"$name\",|" study.yaml >evil.yaml
    expect 2 "name" "$command" run evil.yaml --dir evil --quiet
done
sed -e "s|name: books,|name: \"/../../evil\",|; s|name: code,|name: \"<script>alert(1)</script>\",|; s/^scales:.*/scales: [4e3]/" \
    -e 's/^target:.*/target: {tokens: 8e3, validate: false}/' study.yaml >evil.yaml
"$command" run evil.yaml --dir evil --quiet >/dev/null 2>err.txt || { cat err.txt; fail "a strange name"; }
grep -q '<script>alert' evil/report.html && fail "a domain became markup" || true
[ ! -e evil.train.bin ] && [ ! -e ../evil ] && [ ! -e /tmp/evil ] || fail "a name left the folder"

# ---- a trainer's command is run without a shell unless it asks for one
sed 's|^design:|trainer: {command: "echo $(touch pwned) `touch pwned` > pwned ; touch pwned"}\ndesign:|' study.yaml >shell.yaml
sed -i 's/^run: .*/run: {retries: 0}/' shell.yaml
"$command" run shell.yaml --dir shell --quiet >/dev/null 2>&1 && fail "a trainer that makes nothing" || true
grep -qF '$(touch pwned) `touch pwned` > pwned ; touch pwned' shell/runs/*/log.txt || fail "the trainer was not run"
[ -z "$(find . -name pwned)" ] || fail "a command went through a shell"

# ---- what a study or a log holds is text in a report, never markup
sed 's|^study: .*|study: "<script>alert(1)</script>\\"onload=x"|' shell.yaml >hostile.yaml
"$command" run hostile.yaml --dir hostile --quiet >/dev/null 2>&1 || true
grep -q '<script>alert' hostile/report.html && fail "a name became markup" || true
grep -q '&lt;script&gt;alert' hostile/report.html || fail "a strange name is not in the report"
echo "passed"
