#!/bin/sh
# run.notify is called once at the end, however that comes, with study, state, folder and the answer's first sentence; what it does itself
# never fails the study.
set -eu
command=$1
here=$(pwd)
work=$(mktemp -d)
trap 'touch "$work/go"; rm -rf "$work"' EXIT
scripts/tiny-study "$work"
cd "$work"
fail() { echo "FAILED: $*"; exit 1; }
sed -i 's/^scales:.*/scales: [4e3]/; s/repeats: 2/repeats: 1/; s/seeds: 2, against: \[natural\]/seeds: 1/' study.yaml
cat >told.sh <<'END2'
#!/bin/sh
echo "$1|$2|$AUTOSCALE_DIR" >>"$3"
cat >"$3.json"
exit "${4:-0}"
END2
chmod +x told.sh
variant() { # NAME NOTIFY [TRAINER]
    sed "s#^run: {#run: {retries: 0, notify: '$2', #" study.yaml >$1.yaml
    [ -z "${3:-}" ] || echo "trainer: {command: \"sh $here/examples/trainers/pretend.sh {mixture} {run_dir} {seed}\", env: {PRETEND: $3, PRETEND_GO: \"$work/go\"}}" >>$1.yaml
}
variant good './told.sh {state} "{message}" good.told'
"$command" run good.yaml --dir good --quiet >/dev/null
[ "$(cat good.told)" = "done|$(sed -n 's/.*"message": "\(.*\)",$/\1/p' good.told.json)|$(readlink -f good)" ] || { cat good.told good.told.json; fail "done"; }
grep -q "^done|The mixture for 16k tokens: [a-z-]*\. " good.told || { cat good.told; fail "no sentence"; }
"$command" run good.yaml --dir good --quiet >/dev/null
[ "$(wc -l <good.told)" = 1 ] || fail "told again of a study that had ended"
grep -q '"study": "tiny"' good.told.json && grep -q '"report": "/.*report.html"' good.told.json && grep -q '"weights"' good.told.json || { cat good.told.json; fail "JSON"; }

variant bad './told.sh {state} "{message}" bad.told' crash
"$command" run bad.yaml --dir bad --quiet >/dev/null 2>bad.err && fail "a trainer that crashes"
grep -q "^failed|.*runs failed; the first, s4k-base-r0: exit code 3" bad.told || { cat bad.told bad.err; fail "failed"; }

variant cut './told.sh {state} "{message}" cut.told' slow
"$command" run cut.yaml --dir cut --quiet >/dev/null 2>cut.err &
pid=$!
tries=0
until [ -s cut/runs/s4k-base-r0/metrics.jsonl ]; do sleep .05; tries=$((tries + 1)); [ $tries -lt 400 ] || fail "nothing under way"; done
kill -INT $pid
code=0
wait $pid || code=$?
[ "$code" = 130 ] && grep -q "^interrupted|interrupted; rerun .autoscale run. to resume" cut.told || { cat cut.err cut.told; fail "interrupted: exit $code"; }
touch go

# A command that fails, is not there, or prints to the study's output.
variant hook './told.sh {state} "{message}" hook.told 9' ok
"$command" run hook.yaml --dir hook >hook.out 2>hook.err || fail "a hook that fails"
grep -q "run.notify: exit code 9" hook.err && [ "$(wc -l <hook.told)" = 1 ] || { cat hook.err; fail "hook"; }
variant none '/no/such/program' ok
"$command" run none.yaml --dir none --json >none.json 2>none.err || fail "a hook that is not there"
grep -q "run.notify: /no/such/program: cannot start" none.err || { cat none.err; fail "none"; }
grep -q '"state": *"done"' none.json || fail "--json"
variant wrong 'mail {statu}'
code=0
"$command" run wrong.yaml --dir wrong 2>wrong.err || code=$?
[ "$code" = 2 ] && grep -q "notify: unknown placeholder {statu}; did you mean {state}" wrong.err || { cat wrong.err; fail "placeholder"; }
echo "told once, of a good end, a failure and an interruption"
