#!/bin/sh
# A search by branches at several points of the target's run: each stage starts from what the one before came to.
set -eu
command=$1
. tests/support/expect.sh
command -v python3 >/dev/null || { echo "no python3: skipped"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
scripts/tiny-study "$work"
cp examples/trainers/continue.sh "$work"
cd "$work"
sed -i '/^scales/d; /^design/d; s/, max_epochs: 8//; s/^target: .*/target: {tokens: 8e3, validate: false}/; s/tokens: 1000/tokens: 400/' study.yaml
echo 'search: {method: branch, at_most: 6, branch_tokens: .1, merges: 8, rounds: 1, at: [20, 60]}' >>study.yaml
study() { name=$1; shift; sed "$@" study.yaml >"$name.yaml"; cmp -s study.yaml "$name.yaml" && fail "$name: sed changed nothing" || true; }
value() { sed -n "s/.*\"$1\": \([0-9.e+-]*\),*.*/\1/p" "$2" | head -n 1; }
same_runs() { sed -n 's/.*"id": "\(b[^"]*\)".*/\1/p' "$1" | sort >a; (cd "$2/runs" && ls -d b*) | sort >b; cmp a b || { diff a b; fail "runs planned and made: $2"; }; }

# ---- planned and made: the same runs, the same cost
"$command" plan study.yaml --json >plan.json
"$command" run study.yaml --dir one --jobs 1 --json >one.json 2>/dev/null
same_runs plan.json one
awk "BEGIN {x = $(value search_share one.json) / $(value share plan.json); exit !(x > .99 && x < 1.01)}" || fail "cost planned and taken"
[ -s one/merges-1.csv ] && [ -s one/merges-at60-1.csv ] || fail "tables of merged models: $(ls one)"
[ "$(ls -d one/runs/t* | wc -l)" = 1 ] || fail "runs beside the target's own: $(ls one/runs)"

# ---- each stage goes on from the one before, on what that came to; the target's run is one
cat >stages.py <<'END'
import json, os, sqlite3, sys
d = sys.argv[1]
run = lambda name: json.load(open('%s/runs/%s/run.json' % (d, name)))
db = sqlite3.connect(d + '/study.db')
s = [json.loads(x) for row in db.execute("select * from docs where name = 'summary'") for x in row if str(x)[:1] == '{'][0]['search']
assert all(abs(x['prefix'] - p) < .02 for x, p in zip(s['stages'], [.2, .6], strict=True)), s
assert s['prefix'] == s['stages'][0]['prefix'] and s['decided'] == s['stages'][0]['decided'], s
first, second = run('b8k-prefix-r0'), run('b8k-at60-prefix-r0')
total = sum(sum(p.values()) for p in second['phases'])
assert total == sum(sum(p.values()) for p in first['phases']) and abs(second['stop_tokens'] / total - .6) < .02, second
assert second['init_from'] == '../b8k-prefix-r0/checkpoint' and second['init_with'] == 'position', second
assert len(second['phases']) == 3 and second['phases'][0] == first['phases'][0], second['phases']
shares = lambda p: {k: v / sum(p.values()) for k, v in p.items()}
near = lambda a, b: all(abs(a[k] - b[k]) < 16 * 2 / (total * .4) for k in b)
came = run('b8k-real-optimum')['phases'][1] if s['stages'][0]['better'] else first['phases'][1]
assert all(abs(shares(second['phases'][1])[k] - x) < .05 for k, x in shares(came).items()), (second['phases'], came)
assert near(shares(second['phases'][1]), shares(second['phases'][2])), second['phases']
prior = run('b8k-at60-1-prior')
assert prior['phases'][:2] == second['phases'][:2] and prior['init_from'] == '../b8k-at60-prefix-r0/checkpoint', prior
target = run([n for n in os.listdir(d + '/runs') if n.startswith('t8k')][0])
assert target['init_from'] == '../b8k-at60-prefix-r0/checkpoint' and target['phases'][:2] == second['phases'][:2]
mix = json.load(open(d + '/mixture.json'))
better = [x['better'] for x in s['stages']]
if any(better):
    assert [p['until'] for p in mix['phases']] == [x['prefix'] for x in s['stages'] if x['better']] + [1], mix['phases']
    phases = [dict(target['phases'][0])] # a stage that kept what the run had begins none
    for p, new in zip(target['phases'][1:], better, strict=True):
        if new: phases.append(dict(p))
        else: phases[-1] = {k: phases[-1].get(k, 0) + x for k, x in p.items()}
    for p, q in zip(mix['phases'], phases, strict=True):
        assert all(abs(p['weights'][n] - x) < 1e-9 for n, x in shares(q).items()), (p, q)
whole = {k: sum(p.get(k, 0) for p in target['phases']) for k in mix['tokens']}
assert whole == mix['tokens'], (whole, mix['tokens'])
END
python3 stages.py one || fail "stages"
"$command" run study.yaml --dir one >text 2>/dev/null
[ "$(grep -c 'Merged models against' text)" = 2 ] || { cat text; fail "fidelity of each stage"; }
grep -q 'at 20 %: .*; at 60 %: ' text || { cat text; fail "what each stage came to"; }
grep -q 'At 60.*% of the run</h3>' one/report.html || fail "no second stage in the report"
if grep -q '"phases"' one/mixture.json; then
    for k in $(seq $(grep -c '"until"' one/mixture.json)); do "$command" export one/mixture.json --to csv --phase $k >/dev/null 2>&1 || fail "export of phase $k"; done
fi

# ---- any --jobs, killed on the way: the same bytes
for wait in .4 .9; do
    "$command" run study.yaml --dir two --jobs 2 --quiet >/dev/null 2>&1 & pid=$!
    sleep $wait; kill -9 $pid 2>/dev/null || true; wait $pid 2>/dev/null || true
done
"$command" run study.yaml --dir two --jobs 2 --quiet >/dev/null
for f in runs.csv merges-1.csv merges-at60-1.csv mixture.json; do cmp one/$f two/$f || fail "$f after kills"; done

# ---- the first stage is what a search at one point is; the second is added later, by the option too, and taken back
study single 's/at: \[20, 60\]/prefix: .2/'
"$command" run single.yaml --dir late --quiet >/dev/null
for f in merges-1.csv runs/b8k-prefix-r0/checkpoint/model.safetensors runs/b8k-real-optimum/result.json; do
    [ "${f%.json}" = "$f" ] || { grep -o '"loss".*' one/$f >a; grep -o '"loss".*' late/$f >b; cmp a b || fail "$f of the first stage"; continue; }
    cmp one/$f late/$f || fail "$f of the first stage"
done
made=$(cksum late/runs/b8k-[1prm]*/result.json)
"$command" plan single.yaml --at 20,60 --dir late --json >more.json
same_runs more.json one
"$command" run single.yaml --at 20,60 --dir late --quiet >/dev/null
[ "$made" = "$(cksum late/runs/b8k-[1prm]*/result.json)" ] || fail "the first stage was made again"
cmp one/mixture.json late/mixture.json 2>/dev/null || { sed 's/"study": "[^"]*"//' one/mixture.json >a; sed 's/"study": "[^"]*"//' late/mixture.json >b; cmp a b; } || fail "a stage added later"
"$command" run single.yaml --dir late --json >back.json 2>/dev/null
grep -q at60 back.json && fail "a stage that is gone" || true

# ---- a trainer of one's own
if [ -z "${ASC_SMALL:-}" ]; then
study own 's/^model: {/model: {arch: gpt2, /; s/at: \[20, 60\]/eval_tokens: 400, at: [20%, .6]/'
echo 'trainer: {command: "sh continue.sh {run_dir} {mixture} {tokens} {seed} {init}", env: {AUTOSCALE: "'"$command"'"}}' >>own.yaml
"$command" plan own.yaml --json >own.json
"$command" run own.yaml --dir own --quiet >/dev/null || fail "a trainer of one's own"
same_runs own.json own
python3 - <<'END' || fail "what the trainer was told"
import json
m = json.load(open('own/runs/b8k-at60-1-code/mixture.json'))
assert len(m['phases']) == 3 and m['phases'][-1]['until'] == sum(m['tokens'].values()), m['phases']
END
fi

# ---- cut to fit, and refused in one line
study poor 's/at_most: 6/at_most: 2.5/'
"$command" plan poor.yaml --json >poor.json
awk "BEGIN {exit !($(value share poor.json) <= 2.5)}" || fail "more than at_most"
study falls 's/\[20, 60\]/[60, 20]/'
expect 2 "search.at: expected rising points, found 20 % after 60 %" "$command" plan falls.yaml
study both 's/at: \[20, 60\]/at: [20, 60], prefix: .2/'
expect 2 "search.at: its first point is what search.prefix says" "$command" plan both.yaml
study close 's/\[20, 60\]/[20, 25]/'
expect 2 "search.at: from 20 % to 25 % there are" "$command" plan close.yaml
study ddo 's/method: branch.*/method: swarm}/; s/, validate: false//'
expect 2 "it goes with" "$command" plan ddo.yaml --at 20,60
expect 2 "expected percents of the target's run, 20,60; found 'x'" "$command" plan single.yaml --at x
study first 's/\[20, 60\]/[30, 60]/'
expect 2 "key 'search.prefix' was changed from 0.2 to 0.3" "$command" run first.yaml --dir one --quiet
study dear 's/at: \[20, 60\]/prefix: .2/; s/at_most: 6/at_most: 1.5/'
expect 2 "search.at: 2 points with branches as long as those already made" "$command" run dear.yaml --at 20,60 --dir late --quiet
"$command" run dear.yaml --dir late --json >cheap.json 2>/dev/null # at_most alone changes nothing that was made
[ "$made" = "$(cksum late/runs/b8k-[1prm]*/result.json)" ] || fail "at_most made other branches"
