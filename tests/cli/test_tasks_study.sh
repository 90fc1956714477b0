#!/bin/sh
# Tasks in a study: as a target of the laws, judging the target's checkpoints, contaminated items left out; resumable.
set -eu
command=$1
work=$(mktemp -d)
trap 'chmod -R u+w "$work" 2>/dev/null; rm -rf "$work"' EXIT
scripts/tiny-study "$work"
cd "$work"
fail() { echo "FAILED: $*"; exit 1; }
has() { grep -q -- "$1" "$2" || { cat "$2"; fail "no '$1' in $2"; }; }
expect() {
    want=$1; words=$2; shift 2
    code=0
    "$@" >out.txt 2>err.txt </dev/null || code=$?
    [ "$code" = "$want" ] || { cat err.txt; fail "exit $code, expected $want: $*"; }
    has "$words" err.txt
    [ "$(grep -c . err.txt)" -le 1 ] || { cat err.txt; fail "more than one line from: $*"; }
}

# Items of three words; the fourth holds thirteen words of a training document.
mkdir evals RTE
planted=$(head -c 400 books/0.txt | cut -d ' ' -f 2-16)
{
    echo '{"task": "mine", "kind": "choice"}'
    echo '{"id": "a", "context": "aei out", "choices": ["nsr aa", "xyz"], "label": 0}'
    echo '{"id": "b", "context": "bcd aei", "choices": ["lmo", "for x"], "label": 0}'
    echo '{"id": "c", "context": "xyz for", "choices": ["aei", "xyz ()"], "label": 1}'
    echo "{\"id\": \"planted\", \"context\": \"$planted\", \"choices\": [\"aei\", \"b\"], \"label\": 0}"
} >evals/mine.jsonl
{
    printf 'index\tsentence1\tsentence2\tlabel\n'
    for i in 1 2 3 4 5 6 7 8; do printf '%s\taei out nsr\tout aei\tentailment\n%s\txyz for\tbcd\tnot_entailment\n' $i $i; done
} >RTE/train.tsv
cp RTE/train.tsv RTE/dev.tsv
sed -e 's/^validation/targets: [{name: mine, task: evals\/mine.jsonl}]\n&/' study.yaml >tasks.yaml
cat >>tasks.yaml <<'END'
objective: {books: 0.5, mine: 0.5}
tasks:
  dir: evals
  eval: [mine]
  finetune: [{task: RTE, data: RTE, seeds: 2, epochs: 1, lr: 1e-3, max_length: 16}]
  contamination: exclude
END
"$command" run tasks.yaml --dir a --json >out.json 2>progress.txt || { cat progress.txt; fail "the study"; }
has 'loss_mine' a/runs.csv; has '"id": "planted"\|"planted"' a/contamination.json
has 'Downstream tasks' a/report.html; has 'bits per byte' a/report.html
run=a/runs/t16k-uniform-r0
has '"n": 3' $run/judged/tasks/result.json; has '"n_excluded": 1' $run/judged/tasks/result.json
has '"accuracy"' $run/judged/RTE/result.json

# A plan knows of every program that judges (two a run of the target; mixtures that turn out equal are trained once), and
# counts the target that is a task.
"$command" plan tasks.yaml --dir a --json >plan.json
has "\"judged\": $((2 * $(grep -c '"id": "t16k-' plan.json)))," plan.json
[ "$(ls -d a/runs/*/judged/* | wc -l)" = "$((2 * $(ls -d a/runs/t16k-* | wc -l)))" ] || fail "a checkpoint of the target that is not judged by both"
"$command" plan study.yaml --dir a --json >bare.json
python3 - <<'END' 2>/dev/null || [ $? = 127 ] || fail "FLOPs of a plan with tasks"
import json
tasks, bare = json.load(open('plan.json')), json.load(open('bare.json'))
assert bare['judged'] == 0 and tasks['judged_seconds'] > 0 and tasks['flops'] > bare['flops']
assert all(t['flops'] > b['flops'] for t, b in zip(tasks['runs'], bare['runs']))
END

# The target's loss is the task's bits per byte in nats a token.
"$command" eval $run/checkpoint --tasks evals/mine.jsonl --exclude a/contamination.json --json -q >eval.json
python3 - <<'END' 2>/dev/null || [ $? = 127 ] || fail "loss of the target and bits per byte"
import json, math
loss = json.load(open('a/runs/t16k-uniform-r0/result.json'))
want = json.load(open('eval.json'))['tasks']['mine']['bits_per_byte']
s = json.load(open('a/tokens/mine.scored.json'))
assert s['items'] == 3 and abs(loss['loss']['mine'] / math.log(2) / s['bytes_per_token'] - want) < 1e-5
assert all('mine' in p['loss'] for p in loss['curve'])

END

# Judged again only what is gone; other settings judge afresh; runs stay as they are.
cp a/runs.csv before.csv
rm -r $run/judged/RTE
touch -d '2020-01-01' $run/judged/tasks/result.json
"$command" run tasks.yaml --dir a --quiet >/dev/null
[ -s $run/judged/RTE/result.json ] || fail "what was gone was not judged again"
[ "$(stat -c %Y $run/judged/tasks/result.json)" = "$(date -d '2020-01-01' +%s)" ] || fail "what was there was judged again"
sed 's/seeds: 2, epochs: 1/seeds: 3, epochs: 1/' tasks.yaml >more.yaml
"$command" run more.yaml --dir a --quiet >/dev/null || fail "other settings of tasks are harmless"
has '"seeds": 3' $run/judged/RTE/result.json
cmp before.csv a/runs.csv || fail "judging changed runs.csv"

# Other items of a target would be another study.
sed -i '2s/aei out/out aei/' evals/mine.jsonl
expect 2 "have changed since the runs" "$command" run tasks.yaml --dir a --quiet
sed 's/evals\/mine.jsonl}/evals\/mine.jsonl, limit: 2}/' tasks.yaml >limit.yaml
expect 2 "targets.mine" "$command" run limit.yaml --dir a --quiet

# Mistakes are said before anything is trained.
bad() { sed "$1" tasks.yaml >bad.yaml; expect 2 "$2" "$command" run bad.yaml --dir none --quiet; }
bad 's/eval: \[mine\]/eval: [nothing]/' "0 files"
bad 's/task: evals\/mine.jsonl/task: evals\/none.jsonl/' "no file 'evals/none.jsonl'"
bad 's/task: evals\/mine.jsonl/valid: news\/0.txt, &/' "not both"
bad "s/layers: 1/arch: bert, &/; s/train: bpe/train: wordpiece/" "require a decoder"
bad 's/data: RTE/data: nowhere/' "no file 'RTE=nowhere'"
bad 's/task: RTE/tsk: RTE/' "did you mean 'task'"
