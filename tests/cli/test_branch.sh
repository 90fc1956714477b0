#!/bin/sh
# A search by branches: the target's own run, branches from it, merged models, trained branches that check, the target goes
# on with the answer; killed anywhere and for any --jobs the same.
set -eu
command=$1
. tests/support/expect.sh
command -v python3 >/dev/null || { echo "no python3: skipped"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
scripts/tiny-study "$work"
cd "$work"
sed -i '/^scales/d; /^design/d; s/16e3, seeds: 2, against: \[natural\]/32e3, seeds: 1/; s/tokens: 1000/tokens: 400/' study.yaml
echo 'search: {method: branch, at_most: 3, branch_tokens: .1, merges: 9, rounds: 1}' >>study.yaml
study() { name=$1; shift; sed "$@" study.yaml >"$name.yaml"; cmp -s study.yaml "$name.yaml" && fail "$name: sed changed nothing" || true; }
value() { sed -n "s/.*\"$1\": \([0-9.e+-]*\),*.*/\1/p" "$2" | head -n 1; }

# ---- planned and made: the same runs, the same cost
"$command" plan study.yaml --json >plan.json
"$command" run study.yaml --dir one --jobs 1 --json >one.json 2>/dev/null
sed -n 's/.*"id": "\(b[^"]*\)".*/\1/p' plan.json | sort >a; (cd one/runs && ls -d b*) | sort >b
cmp a b || { diff a b; fail "runs planned and made"; }
awk "BEGIN {x = $(value search_share one.json) / $(value share plan.json); exit !(x > .99 && x < 1.01)}" || fail "cost planned and taken"
"$command" run study.yaml --dir one >text 2>/dev/null
grep -q '^Merged models against 4 trained branches: rank correlation' text || { cat text; fail "no word of fidelity"; }

# ---- a run that was merged is what merge and eval make of the branches
python3 - >parts <<'END'
import json
r = json.load(open('one/runs/b32k-1-merge-4/run.json'))
print(' '.join('one/runs/x/%s=%.17g' % (p['from'], p['weight']) for p in r['merge']))
END
mkdir one/runs/x
"$command" merge --base one/runs/b32k-prefix-r0/checkpoint $(cat parts) -o merged -q >/dev/null
python3 - "$command" <<'END' || fail "a merged run and merge + eval differ"
import json, subprocess, sys
run = json.load(open('one/runs/b32k-1-merge-4/run.json'))
loss = json.load(open('one/runs/b32k-1-merge-4/result.json'))['loss']
out = subprocess.run([sys.argv[1], 'eval', 'merged', '--isa', run['isa'], '--valid-tokens', str(run['valid_tokens']),
                      '--tokens-dir', 'one/tokens', '--json'], capture_output=True, text=True, check=True)
got = json.loads(out.stdout)['loss']
assert all(abs(got[t] - x) < 1e-6 for t, x in loss.items()), (got, loss)
END
rmdir one/runs/x

# ---- the schedule goes on from the prefix: one run with both phases has the same bits
python3 - <<'END' || fail "the target's run is no schedule"
import json
r = json.load(open('one/runs/t32k-uniform-r0/run.json'))
b = json.load(open('one/runs/b32k-real-optimum/run.json'))
assert r['init_with'] == b['init_with'] == 'position' and r['phases'][0] == b['phases'][0], r
s = json.load(open('one.json'))
END
cp -r one/runs/t32k-uniform-r0 whole
python3 - <<'END'
import json
r = json.load(open('whole/run.json'))
for k in ('init_from', 'init_with', 'init_digest', 'checksum', 'seal', 'sha256'): r.pop(k, None)
for d in r['domains']: d['train'] = d['train'].replace('../../', '../one/')
for t in r['targets']: t['valid'] = t['valid'].replace('../../', '../one/')
r['tokenizer'] = r['tokenizer'].replace('../../', '../one/')
json.dump(r, open('whole/run.json', 'w'))
END
rm -rf whole/result.json whole/checkpoint whole/metrics.jsonl
"$command" train --run whole -q >/dev/null
cmp whole/checkpoint/model.safetensors one/runs/t32k-uniform-r0/checkpoint/model.safetensors || fail "prefix and rest are not one run"

# ---- any --jobs, killed on the way: the same bytes
for wait in .4 .8 1.2; do
    "$command" run study.yaml --dir two --jobs 2 --quiet >/dev/null 2>&1 & pid=$!
    sleep $wait; kill -9 $pid 2>/dev/null || true; wait $pid 2>/dev/null || true
done
"$command" run study.yaml --dir two --jobs 2 --json >two.json 2>/dev/null
for f in runs.csv merges-1.csv mixture.json; do cmp one/$f two/$f || fail "$f after kills"; done

# ---- without comparisons the target goes on alone; the answer says what changes. The prefix is a part of the answer, so
# that it keeps bounds which the reference, uniform, does not
study alone 's/seeds: 1/validate: false/; $a mixture: {min: {books: .6}}'
"$command" run alone.yaml --dir alone --json >alone.json 2>/dev/null
[ "$(ls -d alone/runs/t* | wc -l)" = 1 ] || fail "runs beside the target's own: $(ls alone/runs)"
python3 - <<'END' || fail "bounds of the prefix and of the answer"
import json
run = json.load(open('alone/runs/b32k-prefix-r0/run.json'))
mix = json.load(open('alone/mixture.json'))
total = sum(run['phases'][0].values())
assert abs(run['phases'][0]['books'] / total - .6) < .01, run['phases'][0]
whole = sum(mix['tokens'].values())
for name, share in mix['weights'].items():
    assert abs(mix['tokens'][name] / whole - share) < .01, mix
assert mix['weights']['books'] > .599, mix
END
if grep -q '"name": "schedule"' alone.json; then
    grep -q '"until": 0.2' alone/mixture.json || { cat alone/mixture.json; fail "no phases in mixture.json"; }
    expect 2 "export them one by one (--phase K)" "$command" export alone/mixture.json --to csv
    for k in 1 2; do "$command" export alone/mixture.json --to csv --phase $k >/dev/null 2>&1 || fail "export of phase $k"; done
fi
grep -Eq '"verdict": "(after 3.* tokens of it the target is|nothing found that beats the reference)' alone.json || { cat alone.json; fail "no straight answer"; }
[ -s alone/report.html ] && grep -q 'id="search"' alone/report.html || fail "no search in the report"

# ---- cut to fit, and refused in one line
study poor 's/at_most: 3/at_most: 1/; s/rounds: 1/rounds: 2/'
"$command" plan poor.yaml --json >poor.json
awk "BEGIN {exit !($(value share poor.json) <= 1)}" || fail "more than at_most"
grep -q 'at_most 1 leaves no room for a second round' poor.json || fail "no word of the second round"
study none 's/at_most: 3/at_most: .01/'
expect 2 "search.at_most 0.01 does not pay for 7 branches of one step" "$command" plan none.yaml
study design '$a design: {repeats: 2}'
expect 2 "design: goes with scales" "$command" plan design.yaml
study pull 's/method: branch/method: ddo/'
expect 2 "search.branch_tokens: goes with method: branch" "$command" plan pull.yaml
