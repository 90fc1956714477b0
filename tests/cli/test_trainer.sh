#!/bin/sh
# A trainer of one's own: a study with it, and each way in which it can fail, explained in one line.
set -eu
command=$1
here=$(pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
scripts/tiny-study "$work"
cd "$work"
fail() { echo "FAILED: $*"; exit 1; }
sed -i 's/^scales:.*/scales: [4e3]/; s/repeats: 2/repeats: 1/; s/seeds: 2, against: \[natural\]/seeds: 1/' study.yaml
echo "trainer: {command: \"sh $here/examples/trainers/pretend.sh {mixture} {run_dir} {seed}\", env: {PRETEND: MODE}, backoff: 0.05}" >>study.yaml

# mode NAME CODE WORDS: the study with a trainer that fails so.
mode() {
    sed "s/MODE/$1/; s/^run: {/run: {retries: 1, /" study.yaml >$1.yaml
    [ -z "${4:-}" ] || sed -i "$4" $1.yaml
    code=0
    "$command" run $1.yaml --dir $1 --quiet >out.txt 2>err.txt || code=$?
    [ "$code" = "$2" ] || { cat err.txt; fail "$1: exit $code, expected $2"; }
    [ -z "$3" ] || grep -q -- "$3" err.txt || { cat err.txt; fail "$1: no '$3'"; }
    [ "$(grep -c . err.txt)" -le 1 ] || fail "$1: more than one line"
}
mode ok 0 ""
mode once 0 ""
mode noisy-exit 0 ""
for other in once noisy-exit; do cmp ok/runs.csv $other/runs.csv || fail "$other: other numbers"; done
grep -q '"domains"\|"paths"' ok/runs/s4k-base-r0/mixture.json || fail "no mixture.json for the trainer"
mode crash 1 "exit code 3 and no result.json; log: .*device-side assert"
mode nan 1 "near 'NaN'"
mode missing-target 1 "no loss of target 'news'"
mode no-result 1 "ended without a result.json"
mode garbage 1 "result.json:2:"
mode wrong-tokens 1 "but the run was to train on"
mode killed 1 "killed by signal 9"
mode diverged 1 "no scale could be fitted"
mode hang 1 "no sign of life" 's/backoff: 0.05/backoff: 0.05, heartbeat: 0.3/; s/retries: 1/retries: 0/'
sed 's#sh .*pretend.sh#/no/such/program#' study.yaml >absent.yaml
code=0
"$command" run absent.yaml --dir absent --quiet 2>err.txt >/dev/null || code=$?
[ "$code" = 2 ] && grep -q "cannot start '/no/such/program'" err.txt || { cat err.txt; fail "a program that is not there"; }
# A trainer mended after a failure goes on in the same folder.
sed "s/MODE/ok/" study.yaml >mended.yaml
"$command" run mended.yaml --dir crash --quiet >/dev/null || fail "mended"
cmp ok/runs.csv crash/runs.csv || fail "mended: other numbers"
if python3 -c 'import torch, numpy' 2>/dev/null; then
    sed "s#sh .*pretend.sh.*seed}\"#python3 $here/examples/trainers/torch_gpt.py --mixture {mixture} --run-dir {run_dir} --seed {seed} --layers {layers} --heads {heads} --width {width} --context {context} --vocab {vocab} --batch-tokens {batch_tokens} --lr {lr}\"#" study.yaml >torch.yaml
    "$command" run torch.yaml --dir torch --quiet >/dev/null || fail "the PyTorch trainer"
    grep -q '^s4k-up-news' torch/runs.csv || fail "runs of the PyTorch trainer"
else
    echo "no PyTorch here: its example is not run"
fi
echo "a trainer of one's own: three good ways, ten bad ones"
