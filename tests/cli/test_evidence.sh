#!/bin/sh
# What a study says is tied to what was asked: answers keep bounds and caps, plans are what is trained on, results belong
# to their runs, and what nothing shows is said so.
set -eu
command=$1
. tests/support/expect.sh
here=$(pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
scripts/tiny-study "$work"
cd "$work"
sed -i 's/^scales:.*/scales: [4e3, 8e3]/; s/^validation:.*/validation: {tokens: 300}/' study.yaml

variant() { sed "$2" study.yaml >$1.yaml; }

# Bounds hold for whichever mixture becomes the answer, trained or not; what they moved is told.
bounded() { # NAME SED CONDITION
    variant $1 "$2"
    "$command" run $1.yaml --dir $1 --quiet >out.txt 2>err.txt || { cat err.txt; fail "$1"; }
    python3 - $1/mixture.json "$3" <<'END' || { cat $1/mixture.json; fail "$1: $3"; }
import json, sys
m = json.load(open(sys.argv[1]))
w, t = m["weights"], m["tokens"]
assert eval(sys.argv[2]), (w, t)
assert abs(sum(w.values()) - 1) < 1e-9
total = sum(t.values())
assert all(abs(t[d] / total - w[d]) < 1.01 * 16 / total for d in w), "tokens are not those of the shares"
END
}
bounded max 's/^target:.*/target: {tokens: 16e3, seeds: 1, curve: 0, against: [natural, {books: .9, code: .1}]}\nmixture: {max: {books: .05}}/' \
    'w["books"] <= .05 and t["books"] <= 800'
grep -q "note: uniform: 'books' at 5 % instead of 33.33 %, as mixture.min or mixture.max asks" out.txt || { cat out.txt; fail "what bounds moved is not told"; }
bounded min 's/^target:.*/target: {tokens: 16e3, validate: false}\nmixture: {min: {books: .7}, max: {news: .1}}/' \
    'w["books"] >= .7 and t["books"] >= .7 * 16000 and w["news"] <= .1'
variant nothing 's/max_epochs: 8/max_epochs: .02/; s/^target:.*/target: {tokens: 16e3}\nmixture: {min: {news: .7}}/'
expect 2 "mixture.min of domain 'news' needs 11200 of 16000 tokens, but its max_epochs allow only" \
    "$command" run nothing.yaml --dir nothing --quiet

# Good at what? The held-out targets, where there are some; a study begun when the default was another keeps it and says so.
variant heldout 's/^target:.*/target: {tokens: 16e3, validate: false}\ntargets: [{name: prose, valid: prose.txt}]/; s/^scales:.*/scales: [4e3]/'
cat books/1.txt news/1.txt books/2.txt news/2.txt >prose.txt
sed '$a objective: mean-loss' heldout.yaml >old.yaml
"$command" plan heldout.yaml | head -1 | grep -q "^optimizing for: mean-targets, the mean over prose$" || fail "plan: the objective"
"$command" plan study.yaml | grep -q "note: the objective is the mean over the training domains .*uniform is hard to beat.*targets:" || fail "plan: how to name targets"
"$command" plan heldout.yaml | grep -q "note: the objective is the mean over the training" && fail "plan: targets are named" || true
"$command" run old.yaml --dir old --quiet >old.txt 2>/dev/null || fail "a study of all targets"
"$command" run heldout.yaml --dir old --quiet >out.txt 2>/dev/null || fail "an old study that names no objective"
grep -v "^note: this study was created when the default objective was mean-loss, over all 4 targets" out.txt | cmp - old.txt || fail "the old default was not kept"
grep -q "^note: this study was created" out.txt || { cat out.txt; fail "no word of the old default"; }

# A capped run takes the largest factor that fits; every run trains on what was planned, to the token.
caps=".0437 .0971"
[ -z "${ASC_SMALL:-}" ] || caps=.0971
for cap in $caps; do
    variant cap "s/max_epochs: 8/max_epochs: $cap/; s/^target:.*/target: {tokens: 16e3, validate: false}/"
    "$command" run cap.yaml --dir cap$cap --quiet >out.txt 2>err.txt || { cat err.txt; fail "max_epochs $cap"; }
    "$command" plan cap.yaml --dir cap$cap --json >plan.json
    ! grep -q "no fit at this scale" cap$cap/report.html || fail "max_epochs $cap: a scale was lost"
    python3 - cap$cap $cap <<'END' || fail "max_epochs $cap: plan, runs and caps disagree"
import csv, json, sys
folder, cap = sys.argv[1], float(sys.argv[2])
plan = {r["id"]: r for r in json.load(open("plan.json"))["runs"]}
rows = list(csv.DictReader(open(folder + "/runs.csv")))
assert len(rows) == len(plan) == 16 - (cap < .05), (len(rows), len(plan))
used = {}
for r in rows:
    assert float(r["tokens"]) == plan[r["run"]]["tokens"], r
    assert plan[r["run"]]["epochs"]["news"] <= cap * (1 + 1e-9), plan[r["run"]]
    used[r["run"]] = [float(r["tokens_" + d]) for d in ("books", "code", "news")]
for id, t in used.items():
    base = used[id.split("-")[0] + "-base-r0"]
    assert sum(a != b for a, b in zip(t, base)) == ("base" not in id), (id, t, base)
END
done

# What nobody trained is judged by what the law of all runs expects, candidate by candidate, everywhere alike.
grep -q "^Expected mean-domains at the target: " out.txt && grep -q "<- the answer" out.txt || { cat out.txt; fail "nothing is expected of an answer"; }
"$command" status cap$cap | grep -q "^Expected mean-domains at the target: " || fail "status: nothing is expected"
grep -q "Predicted, not yet checked.*Expected objective at the target: " cap$cap/report.html || fail "report: nothing is expected"
"$command" run cap.yaml --dir cap$cap --json 2>/dev/null >out.json
python3 - out.json <<'END' || fail "candidates and their expected objective"
import json, sys
r = json.load(open(sys.argv[1]))
found = {c["name"]: c["expected"] for c in r["prediction"]["candidates"]}
e = r["answer"]["expected"]
assert e == found[r["answer"]["name"]] and r["prediction"]["untold"] is None, r
assert e["objective"] <= min(c["objective"] for c in found.values()) + 1e-6, found
assert e["ci"][0] <= e["objective"] <= e["ci"][1] and e["gain_ci"][0] <= e["gain"] <= e["gain_ci"][1], e
odds = [c["p_better"] for name, c in found.items() if not name.startswith("uniform")]
assert len(odds) >= 3 and all(0 < p < 1 for p in odds) and e["extrapolated"]["tokens"] > 1, found
END

# A result in another run's folder is named, and both runs are made again; also where only the seed differs.
variant bind 's/^scales:.*/scales: [4e3]/; s/^target:.*/target: {tokens: 8e3, validate: false}/'
"$command" run bind.yaml --dir s --quiet >/dev/null
cp s/runs.csv before.csv
swap() { mv s/runs/$1/result.json x; mv s/runs/$2/result.json s/runs/$1/; mv x s/runs/$2/result.json; rm -f s/study.db; }
for pair in "s4k-base-r0 s4k-base-r1" "s4k-up-books s4k-down-code"; do
    swap $pair
    "$command" run bind.yaml --dir s >out.txt 2>err.txt || { cat err.txt; fail "swapped results"; }
    [ "$(cat out.txt err.txt | grep -c "the result of run 's4k-.*retrying it")" -ge 2 ] || { cat out.txt err.txt; fail "swapped results are not told"; }
    cmp before.csv s/runs.csv || fail "swapped results: other numbers"
done

# What a trainer of one's own says of its run is held against the plan.
variant own 's/^scales:.*/scales: [4e3]/; s/^target:.*/target: {tokens: 8e3, validate: false}/; s/^run:.*/run: {retries: 0}/'
trainer() { # NAME SED WORDS: a result.json edited so
    printf '#!/bin/sh\nsh %s/examples/trainers/pretend.sh "$@"\n%s\n' "$here" "$2" >$1.sh
    (cat own.yaml; echo "trainer: {command: \"sh $PWD/$1.sh {mixture} {run_dir} {seed}\"}") >$1.yaml
    if [ -n "$3" ]; then expect 1 "$3" "$command" run $1.yaml --dir $1 --quiet; else
        "$command" run $1.yaml --dir $1 --quiet >/dev/null 2>err.txt || { cat err.txt; fail "$1"; }; fi
}
trainer shares 'sed -i "s/}}\$/}, \"domain_tokens\": {\"books\": 1, \"code\": 1, \"news\": 3998}}/" $2/result.json' \
    "domain_tokens of 'books': 1, but the run's budget is"
trainer domains 'sed -i "s/}}\$/}, \"domain_tokens\": {\"bokks\": 1344}}/" $2/result.json' "domain_tokens: 'bokks' is not a domain of this study"
trainer other 'sed -i "s/}}\$/}, \"run\": {\"id\": \"s4k-base-r7\"}}/" $2/result.json' "the result of run 's4k-base-r7', not of"
trainer digest 'sed -i "s/}}\$/}, \"run\": {\"digest\": \"0123\"}}/" $2/result.json' "the result of another run.json"
trainer metric 'sed -i "s/\"books\": /\"val_loss\": /" $2/result.json' "unknown target; the targets are books, code, news"
trainer bound 'd=$(sed -n "s/.*\"digest\": \"\([0-9a-f]*\)\".*/\1/p" $1); sed -i "s/}}\$/}, \"run\": {\"id\": \"${2##*/}\", \"digest\": \"$d\"}}/" $2/result.json' ""
grep -q '"digest": "[0-9a-f]\{64\}"' bound/runs/s4k-base-r0/result.json || fail "no digest in mixture.json"

# A target far beyond the scales, and beyond the text, is said so before and after.
variant far 's/^target:.*/target: {tokens: 20e9, validate: false}/; s/, max_epochs: 8//'
"$command" plan far.yaml --dir far >out.txt
grep -q "note: target.tokens (20[BG]) is 2.5e+06 times the largest scale (8k)" out.txt || { cat out.txt; fail "plan: distance"; }
"$command" run far.yaml --dir far --quiet >out.txt
grep -q "nothing is trained there (target.validate: false)" out.txt || { cat out.txt; fail "run: distance"; }
grep -q "note: the answer repeats text without a max_epochs limit (epochs: " out.txt || { cat out.txt; fail "run: epochs"; }

# Names as people have them: in files, tables and results; a trainer may name targets as the files do.
variant names 's/name: books/name: cc\/en/; s/name: code/name: "source:topic, b"/; s/name: news/name: Common Crawl (en)/; s/^scales:.*/scales: [4e3]/; s/^target:.*/target: {tokens: 8e3, seeds: 1, curve: 0, against: [{cc\/en: .5, "source:topic, b": .5}]}/'
"$command" run names.yaml --dir names --quiet >out.txt 2>err.txt || { cat err.txt; fail "names"; }
[ -e "names/tokens/cc~2Fen.train.bin" ] && [ -e "names/runs/s4k-up-source~3Atopic~2C~20b/result.json" ] || fail "names: files"
head -1 names/runs.csv | grep -q '"loss_source:topic, b"' || fail "names: runs.csv"
"$command" fit names/scale-4k.csv --law ddo -o names.json --quiet >/dev/null 2>err.txt || { cat err.txt; fail "names: fit"; }
"$command" train --tokens-dir names/tokens --out names.run --layers 1 --heads 2 --width 16 --context 16 --batch-tokens 256 --tokens 1600 --json 2>/dev/null >out.txt || fail "names: train"
grep -q '"cc/en"' out.txt || fail "names: train"
sed 's/^run:.*//' names.yaml >own-names.yaml
printf '#!/bin/sh\nsh %s/examples/trainers/pretend.sh "$@"\nsed -i "s#cc/en#cc~2Fen#" $2/result.json\n' "$here" >own-names.sh
echo "trainer: {command: \"sh $PWD/own-names.sh {mixture} {run_dir} {seed}\"}" >>own-names.yaml
"$command" run own-names.yaml --dir own-names --quiet >out.txt 2>err.txt || { cat err.txt; fail "names: a trainer of one's own"; }

# Slurm that is not here is said before any text is read, by plan as a note.
variant slurm 's/^run:.*/executor: slurm/'
expect 2 "executor: slurm: .sbatch. not found" env PATH=/nowhere "$command" run slurm.yaml --dir slurm --quiet
[ ! -e slurm/tokens ] || fail "text was prepared before the executor was looked for"
env PATH=/nowhere "$command" plan slurm.yaml | grep -q "note: .autoscale run. will refuse this study here: .*.sbatch. not found; this executor" || fail "plan: no sbatch"

# One run each and no repeats: nothing is ranked.
variant single 's/repeats: 2/repeats: 1/; s/^scales:.*/scales: [4e3]/; s/^target:.*/target: {tokens: 8e3, seeds: 1, curve: 0}/'
"$command" run single.yaml --dir single --quiet >out.txt
grep -q "rank nothing" out.txt && grep -q "Gain over uniform: unknown" out.txt || { cat out.txt; fail "single runs are ranked"; }
! grep -q "best objective\|beyond noise" out.txt || { cat out.txt; fail "single runs are ranked"; }
echo "evidence: bounds, caps, results, distance, noise"
