#!/bin/sh
# A study of seconds from text to answer: equal for --jobs 1 and 2, the same as its parts give, kind to edits, clear
# about bad input.
set -eu
command=$1
. tests/support/expect.sh
work=$(mktemp -d)
trap 'chmod -R u+w "$work" 2>/dev/null; rm -rf "$work"' EXIT
scripts/tiny-study "$work"
cd "$work"
# study NAME SED...: study.yaml changed by sed, as NAME.yaml.
study() { name=$1; shift; sed "$@" study.yaml >"$name.yaml"; cmp -s study.yaml "$name.yaml" && fail "$name: sed changed nothing" || true; }

# ---- plan: writes nothing, names every run
"$command" plan study.yaml --dir none --json >plan.json
[ ! -e none ] || fail "plan made a folder"
grep -q '"search_multiple": 7' plan.json || fail "search_multiple of a plan"
[ "$(grep -c '"kind": "target"' plan.json)" = 8 ] || fail "four mixtures with two seeds in a plan"

# ---- the study, with 2 jobs and with 1
"$command" run study.yaml --dir two --jobs 2 --json >two.json 2>progress.txt
"$command" run study.yaml --dir one --jobs 1 --quiet >/dev/null &
runner=$!
while kill -0 $runner 2>/dev/null && ! "$command" status one --json 2>/dev/null | grep -q '"state": "running"'; do sleep .1; done
"$command" status one --watch --every .2 --json >watched.jsonl
wait $runner || fail "the study that was watched"
[ "$(wc -l <watched.jsonl)" -ge 2 ] && head -1 watched.jsonl | grep -q '"state":"running"' && tail -1 watched.jsonl | grep -q '"state":"done"' ||
    fail "status --watch --json: $(cut -c1-120 watched.jsonl | head -3)"
tail -1 watched.jsonl | grep -q '"scales":\[{"scale":4000,"target":false,"done":[0-9]*,"running":0,"left":0,"failed":0}' || fail "runs by scale"
"$command" status one --watch | grep -q '^  target  *[0-9.k]*  \[##*\]  \([0-9]*\) of \1 runs$' || fail "the screen of status --watch"
"$command" status one --metrics | grep -q '^autoscale_runs{study="[^"]*",state="done"} 2[0-9]$' || fail "status --metrics"
for f in runs.csv optima.csv mixture.json scale-4k.csv; do cmp "two/$f" "one/$f" || fail "$f: jobs 1 and 2"; done
# A plan of a folder with runs says which are kept; mixtures that turn out equal are made once and count as made.
grep -q '"state"\|"kept"' plan.json && fail "runs of a folder that is not there"
"$command" plan study.yaml --dir two >plan.txt
grep -q '^24 of 24 kept' plan.txt || { cat plan.txt; fail "runs kept by a plan of an ended study"; }
sed 's/scales: \[4e3/scales: [2e3, 4e3/' study.yaml >more.yaml
"$command" plan more.yaml --dir two --json >more.json
grep -q '"kept": 24,' more.json && [ "$(grep -c '"state": "planned"' more.json)" = 8 ] || fail "runs that a new scale adds"
[ -s two/report.html ] || fail "no report"
"$command" status two --json >status.json
grep -q '"state": "done"' status.json || fail "state of an ended study"
grep -q '"left": 0' status.json || fail "runs left of an ended study"
cp two/runs.csv before.csv
"$command" run study.yaml --dir two --quiet >/dev/null
cmp before.csv two/runs.csv || fail "an ended study was changed by another run"

# ---- what has ended stays so, also for a version that would train other mixtures (here: that misses some of the runs)
rm two/report.html two/mixture.json two/optima.csv
"$command" run study.yaml --dir two --quiet >/dev/null
[ -s two/report.html ] && cmp two/mixture.json one/mixture.json && cmp two/optima.csv one/optima.csv || fail "what was lost of an ended study"
if command -v python3 >/dev/null && python3 -c 'import sqlite3' 2>/dev/null; then
    cp -r two ended
    python3 -c "
import sqlite3
db = sqlite3.connect('ended/study.db')
db.execute(\"delete from runs where id like 't16k-predicted%'\")
db.commit()"
    rm -r ended/runs/t16k-predicted-r*
    "$command" run study.yaml --dir ended --json >ended.json 2>ended.txt || { cat ended.txt; fail "an ended study"; }
    grep -q 'keeps its answer.*--refit' ended.txt || { cat ended.txt; fail "no word of other mixtures"; }
    sed 's#"ended/#"two/#' ended.json | cmp - two.json || fail "another answer of an ended study"
    [ ! -e ended/runs/t16k-predicted-r0 ] || fail "an ended study was trained on"
    "$command" status ended --json | grep -q '"state": "done"' || fail "an ended study is no longer done"
    "$command" run study.yaml --dir ended --refit --quiet >/dev/null
    sort ended/runs.csv >refit.csv
    sort before.csv | cmp - refit.csv || fail "runs.csv after --refit"
    "$command" run study.yaml --dir ended --quiet 2>ended.txt >/dev/null
    ! grep -q refit ended.txt || fail "a study that was fitted anew is not its own"
fi

# ---- the commands give the study's own numbers on the tables it wrote
"$command" fit two/scale-8k.csv --law ddo -o law.json --quiet >/dev/null
"$command" optimize law.json --tokens 8000 -o mix.json --quiet >/dev/null
python3 - <<'END' 2>/dev/null || [ $? = 127 ] || fail "fit and optimize differ from the study"
import json, csv
study = list(csv.DictReader(open('two/optima.csv')))[1]
mix = json.load(open('mix.json'))['weights']
for d, w in mix.items():
    assert abs(float(study['weight_' + d]) - w) < 1e-9, (d, study, mix)
END

# ---- what is trained as `predicted` is the shrunken form of the rule, to a sequence (16 tokens) of each domain
python3 - <<'END' || [ $? = 127 ] || fail "predicted is not the shrunken rule"
import json, csv
p = json.load(open('two.json'))['prediction']
row = next(r for r in csv.DictReader(open('two/runs.csv')) if r['run'] == 't16k-predicted-r0')
for d, w in p['shrunken'].items():
    assert abs(float(row['tokens_' + d]) - w * 16000) <= 16, (d, row, p)
assert 0 <= min(p['shrinkage'].values()) and max(p['shrinkage'].values()) < 1, p
END

# ---- a mixture's paths start at its own folder
"$command" export two/mixture.json --to csv >export.csv
grep -q '^books,.*,two/tokens/books.train$' export.csv || { cat export.csv; fail "paths of an exported mixture"; }
(cd two && "$command" export mixture.json --to csv) | grep -q ',\./tokens/books.train$\|,tokens/books.train$' || fail "paths from within"

# ---- interrupted: the line that goes on can be pasted, whatever the names
mkdir "my study"
sed 's#"\([a-z]*/\*.txt\)"#"../\1"#' study.yaml >"my study/a b.yaml"
sed -i 's/16e3/1600e3/' "my study/a b.yaml"
code=0
"$command" run "my study/a b.yaml" --dir "my study/out" --quiet 2>err.txt >/dev/null & pid=$!
while [ ! -e "my study/out/study.db" ]; do sleep .02; done
kill -INT $pid
wait $pid || code=$?
[ "$code" = 130 ] || fail "interrupted: exit $code"
grep -q "rerun .autoscale run 'my study/a b.yaml' --dir 'my study/out'. to resume" err.txt || { cat err.txt; fail "how to go on"; }

# ---- a study edited after its runs
study objective 's/^study: tiny/&\nobjective: worst/'
"$command" run objective.yaml --dir two --quiet >/dev/null || fail "another objective is harmless"
study seeds 's/seeds: 2/seeds: 3/'
"$command" run seeds.yaml --dir one --quiet >/dev/null || fail "more seeds are harmless"
study rate 's/lr: 1e-2/lr: 2e-2/'
expect 2 "training.lr. was changed from 0.01 to 0.02" "$command" run rate.yaml --dir two
study order '/name: books/{h;d;};/name: code/{G;}'
expect 2 "key 'domains' was changed" "$command" run order.yaml --dir two
study name 's/study: tiny/study: other/'
expect 2 "holds the study 'tiny'" "$command" run name.yaml --dir two
echo "one line more" >>books/1.txt
expect 2 "the text of domain books has changed since the runs" "$command" run study.yaml --dir two --quiet
sed -i '$d' books/1.txt
"$command" run study.yaml --dir two --quiet >/dev/null || fail "the text was put back"

# ---- one coordinator
"$command" run study.yaml --dir locked --jobs 1 --quiet >/dev/null 2>&1 &
pid=$!
while [ ! -e locked/study.db ]; do sleep .02; done
sleep .1
expect 1 "is being run by process $pid" "$command" run study.yaml --dir locked
"$command" status locked >/dev/null || fail "status of a running study"
kill -INT "$pid"
code=0
wait "$pid" || code=$?
[ "$code" = 130 ] || [ "$code" = 0 ] || fail "interrupted: exit $code"
"$command" run study.yaml --dir locked --quiet >/dev/null
cmp before.csv locked/runs.csv || fail "runs.csv after an interruption"

# ---- killed, coordinator and runs
for wait in .2 .6; do
    "$command" run study.yaml --dir killed --quiet >/dev/null 2>&1 &
    pid=$!
    sleep $wait
    kill -9 "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
done
"$command" run study.yaml --dir killed --quiet >/dev/null
cmp before.csv killed/runs.csv || fail "runs.csv after kill -9"

# ---- bad studies: one line with its place, exit 2, nothing made
study key 's/^scales:/scale:/'
expect 2 "key.yaml:[0-9]*:1: unknown key 'scale' in a study; did you mean 'scales'" "$command" run key.yaml --dir bad
study twice 's/^scales: .*/&\nscales: [1e3]/'
expect 2 "twice.yaml:[0-9]*:1: key 'scales' is given twice" "$command" run twice.yaml --dir bad
study sum 's/^design:.*/&\nmixture: {reference: {books: 1, code: .5, news: .5}}/'
expect 2 "the weights sum to 2, expected 1" "$command" run sum.yaml --dir bad
study zero 's/tokens: 16e3/tokens: 0/'
expect 2 "expected a whole number from 1" "$command" run zero.yaml --dir bad
study short 's/tokens: 16e3/tokens: 15/'
expect 2 "target.tokens: 15 are less than one sequence (model.context 16)" "$command" plan short.yaml
expect 2 "target.tokens: 15 are less than one sequence (model.context 16)" "$command" run short.yaml --dir short --quiet
[ ! -e short/runs/s4k-base-r0 ] || fail "stars were trained for a target that cannot be"
study hostile 's/name: books/name: "..\/..\/books"/'
expect 2 "name '../../books'" "$command" run hostile.yaml --dir bad
study syntax 's/^model: {/model: {{/'
expect 2 "syntax.yaml:[0-9]*:[0-9]*: " "$command" run syntax.yaml --dir bad
{ echo "domains:"; awk 'BEGIN { for (i = 0; i < 70000; i++) print "  - {name: d" i ", train: x}" }'; } >many.yaml
expect 2 "70000 given, at most" "$command" run many.yaml --dir bad
expect 2 "none.yaml" "$command" run none.yaml --dir bad
[ ! -e bad ] || fail "a bad study made a folder"
study weights 's/\[natural\]/[natural, weights.json]/'
expect 2 "weights.yaml:[0-9]*:[0-9]*: against: ./weights.json: no such file" "$command" run weights.yaml --dir bad
study nobert 's/^model: {/model: {arch: bert, /'
expect 2 "nobert.yaml:[0-9]*:[0-9]*: tokenizer.train: bpe has no" "$command" run nobert.yaml --dir bad
[ ! -e bad ] || fail "a bad study made a folder"
study place 's/^run: {/run: {device: "cuda:7", /'
expect 2 "run.device 'cuda:7': the built-in trainer runs on the CPU" "$command" run place.yaml --dir nowhere
[ ! -e nowhere/runs ] || fail "runs were begun on a device that is not there"
expect 2 "run.device 'cuda:7'" "$command" plan place.yaml --dir nowhere
study heldout 's#^scales#targets: [{name: unseen, valid: "unseen/*"}]\nscales#'
expect 2 "domain unseen: ./unseen/\*: no file matches" "$command" plan heldout.yaml
expect 2 "expected a file, found a folder" "$command" run books
study isa 's/^run: {/run: {isa: neon, /'
expect 2 "isa: expected auto, plain" "$command" run isa.yaml --dir bad

# ---- bad text
mkdir -p empty junk latin cut long
: >empty/a.txt
head -c 20000 /dev/urandom >junk/a.txt
printf 'caf\351 %.0s' 1 2 3 4 5 6 7 8 >latin/a.txt
if command -v zstd >/dev/null; then
    cat books/*.txt | zstd -q -c >whole.zst
    head -c 2000 whole.zst >cut/a.txt.zst
    study cut 's#books/\*.txt#cut/*.zst#'
    expect 2 "cut/a.txt.zst" "$command" run cut.yaml --dir bad-cut --quiet
fi
for bad in empty junk latin; do
    study $bad "s#books/\*.txt#$bad/*.txt#"
    expect 2 "books" "$command" run $bad.yaml --dir bad-$bad --quiet
    [ ! -e bad-$bad/runs.csv ] || fail "$bad: half a study"
done
study missing 's#books/\*.txt#nowhere/*.txt#'
expect 2 "nowhere" "$command" run missing.yaml --dir bad-missing --quiet

# ---- a folder that cannot be written
if [ "$(id -u)" != 0 ]; then
    mkdir locked-folder && chmod 500 locked-folder
    expect 1 "locked-folder" "$command" run study.yaml --dir locked-folder
fi
: >file
expect 1 "file" "$command" run study.yaml --dir file
echo "a study end to end, edited, interrupted, killed, and $(ls *.yaml | wc -l) study files"
