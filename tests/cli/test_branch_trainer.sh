#!/bin/sh
# A search by branches with a trainer of one's own: it is told which checkpoint to start from, we merge and evaluate what it leaves,
# from plan to export, killed on the way.
set -eu
command=$1
. tests/support/expect.sh
command -v python3 >/dev/null || { echo "no python3: skipped"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
scripts/tiny-study "$work"
cp examples/trainers/continue.sh "$work"
cd "$work"
sed '/^scales/d; /^design/d; s/, max_epochs: 8//; s/^target: .*/target: {tokens: 8e3, validate: false}/; s/tokens: 1000/tokens: 400/; s/^model: {/model: {arch: gpt2, /' study.yaml >one.yaml
echo 'search: {method: branch, at_most: 3, branch_tokens: .1, merges: 8, rounds: 1, eval_tokens: 400}
trainer: {command: "sh continue.sh {run_dir} {mixture} {tokens} {seed} {init}", env: {AUTOSCALE: "'"$command"'"}}' >>one.yaml
"$command" plan one.yaml --json >plan.json
"$command" run one.yaml --dir d --quiet >/dev/null || fail "a study with a trainer of its own"
sed -n 's/.*"id": "\(b[^"]*\)".*/\1/p' plan.json | sort >a; (cd d/runs && ls -d b*) | sort >b
cmp a b || { diff a b; fail "runs planned and made"; }

# ---- what it was told, and what was made of what it left
python3 - <<'END' || fail "what the runs were told"
import json, glob
prefix, branch = (json.load(open('d/runs/%s/mixture.json' % r)) for r in ('b8k-prefix-r0', 'b8k-1-code'))
assert 'phases' not in prefix and len(branch['phases']) == 2, branch
assert branch['phases'][0]['until'] == sum(prefix['tokens'].values()), branch['phases']
assert branch['phases'][1]['until'] == sum(branch['tokens'].values()), branch['phases']
run = json.load(open('d/runs/b8k-1-code/run.json'))
assert run['init_from'].endswith('b8k-prefix-r0/checkpoint'), run['init_from']
merged = json.load(open('d/runs/b8k-1-merge-3/result.json'))['loss']
assert set(merged) == {'books', 'code', 'news'}, merged
END
# a branch and the merged model of itself alone are one model, evaluated alike
"$command" eval d/runs/b8k-real-optimum/checkpoint --tokens-dir d/tokens --valid-tokens 400 --json >eval.json
python3 - <<'END' || fail "what judges a branch"
import json
e = json.load(open('eval.json'))['loss']; j = json.load(open('d/runs/b8k-judged-optimum/result.json'))['loss']
assert all(abs(e[k] - j[k]) < 1e-4 for k in j), (e, j)
END
[ "$(ls -d d/runs/t8k-* | wc -l)" = 1 ] && "$command" export d/mixture.json --to csv --phase 1 >/dev/null 2>&1 || "$command" export d/mixture.json --to csv >/dev/null || fail "export"

# ---- killed: the same
for wait in .5 1; do
    "$command" run one.yaml --dir e --jobs 2 --quiet >/dev/null 2>&1 & pid=$!
    sleep $wait; kill -9 $pid 2>/dev/null || true; wait $pid 2>/dev/null || true
done
"$command" run one.yaml --dir e --jobs 2 --quiet >/dev/null
for f in merges-1.csv mixture.json; do cmp d/$f e/$f || fail "$f after kills"; done

# ---- in one line
sed 's/ {run_dir} {mixture}/ {out} {mixture}/; s/ {init}"/"/' one.yaml >blind.yaml
expect 2 "the command asks neither for {init}" "$command" plan blind.yaml
sed 's/command: "sh continue.sh/command: "sh nothing.sh/' one.yaml >none.yaml
cat >nothing.sh <<'T'
echo '{"tokens": '$3', "loss": {"books": 3, "code": 3, "news": 3}}' >$1/result.json
T
expect 2 "run b8k-prefix-r0 left no such folder" "$command" run none.yaml --dir f --quiet

# ---- checkpoints that only a command of one's own can merge
cat >merge.sh <<'T'
python3 - "$1" "$AUTOSCALE" <<'END'
import json, os, subprocess, sys
run, autoscale = sys.argv[1:]
r = json.load(open(run + '/run.json'))
parts = ['%s=%.17g' % (os.path.join(run, p['from']), p['weight']) for p in r['merge']]
subprocess.run([autoscale, 'merge', '--base', os.path.join(run, r['init_from'])] + parts + ['-o', run + '/mine', '-q'], check=True, stdout=2)
out = subprocess.run([autoscale, 'eval', run + '/mine', '--tokens-dir', run + '/../../tokens', '--valid-tokens', str(r['valid_tokens']), '--json'], check=True, capture_output=True)
tokens = sum(d['tokens'] for d in r['domains'])
json.dump({'tokens': tokens, 'loss': json.loads(out.stdout)['loss']}, open(run + '/result.new', 'w'))
os.rename(run + '/result.new', run + '/result.json')
END
T
sed 's/eval_tokens: 400}/eval_tokens: 400, merge: "sh merge.sh {run_dir}"}/' one.yaml >merge.yaml
sed -i 's/^study: tiny/study: mine/' merge.yaml
"$command" run merge.yaml --dir m --quiet >/dev/null || fail "merged by a command"
[ -d m/runs/b8k-1-merge-0/mine ] || fail "not merged by the command"
python3 - <<'END' || fail "merged by a command and by us"
import json
a, b = (json.load(open(d + '/runs/b8k-1-merge-2/result.json'))['loss'] for d in 'dm')
assert all(abs(a[k] - b[k]) < 1e-4 for k in a), (a, b)
END
sed 's/{run_dir}"}$/{rundir}"}/' merge.yaml >word.yaml
expect 2 "search.merge: unknown placeholder {rundir}; did you mean {run_dir}" "$command" plan word.yaml
