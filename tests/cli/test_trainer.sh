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
mode nan 1 "no scale could be fitted: 7 of 7 runs diverged, the first of them s4k-base-r0 (loss of 'books' is NaN)"
mode missing-target 1 "no loss of target 'news'"
mode no-result 1 "ended without a result.json"
mode garbage 1 "result.json:2:"
mode wrong-tokens 1 "but the run's budget is"
mode killed 1 "killed by signal 9" 's/retries: 1/retries: 0/'
[ "$(grep -c '^pretending' killed/runs/s4k-base-r0/log.txt)" = 3 ] || { cat killed/runs/s4k-base-r0/log.txt; fail "tries of a trainer that is killed"; }
mode diverged 1 "no scale could be fitted"
mode hang 1 "no output in its log" 's/backoff: 0.05/backoff: 0.05, heartbeat: 0.3/; s/retries: 1/retries: 0/'
sed 's#sh .*pretend.sh#/no/such/program#' study.yaml >absent.yaml
code=0
"$command" run absent.yaml --dir absent --quiet 2>err.txt >/dev/null || code=$?
[ "$code" = 2 ] && grep -q "cannot start '/no/such/program'" err.txt || { cat err.txt; fail "a program that is not there"; }
# A study that never came to its text has no name yet, and its status still begins with a word.
sed '1,/name: books/s#train: "books/[*].txt"#train: "books/none"#' study.yaml >textless.yaml
"$command" run textless.yaml --dir textless --quiet 2>/dev/null >/dev/null && fail "a study without text"
"$command" status textless | grep -q '^study: interrupted; 0 runs done' || { "$command" status textless; fail "status of a study without text"; }
# A trainer mended after a failure goes on in the same folder.
sed "s/MODE/ok/" study.yaml >mended.yaml
"$command" run mended.yaml --dir crash --quiet >/dev/null || fail "mended"
cmp ok/runs.csv crash/runs.csv || fail "mended: other numbers"
mode hang 1 "the time limit per run" 's/retries: 1/retries: 0, time_limit: 0.3/'

# While it runs: how far each run is, and its losses; afterwards its curve, which the result did not say.
sed "s/MODE/slow, PRETEND_GO: \"$(pwd | sed 's#/#\\/#g')\/go\"/" study.yaml >slow.yaml
"$command" run slow.yaml --dir slow --jobs 2 --quiet >/dev/null &
pid=$!
tries=0
until [ "$("$command" status slow 2>/dev/null | grep -c '^now: s4k.* 1.6k of .* tokens, loss 5.5000, valid books 5.2500 code 5.5000 news 5.7500')" = 2 ]; do
    sleep .1; tries=$((tries + 1)); [ $tries -lt 200 ] || { "$command" status slow; fail "no progress of two runs"; }
done
"$command" status slow --json >status.json
grep -q '"tokens_total"' status.json && grep -q '5.75' status.json || fail "status --json"
: >go
wait $pid || fail "slow"
cmp ok/runs.csv slow/runs.csv || fail "slow: other numbers"

# The examples in Python, where what they need is here.
words='--mixture {mixture} --run-dir {run_dir} --seed {seed} --layers {layers} --heads {heads} --width {width} --context {context} --vocab {vocab} --batch-tokens {batch_tokens} --lr {lr}'
example() { # FILE IMPORTS
    python3 -c "import $2" 2>/dev/null || { echo "no $2 here: examples/trainers/$1 is not run"; return 0; }
    sed "s#sh .*pretend.sh.*seed}\"#python3 $here/examples/trainers/$1 $words\"#" study.yaml >$1.yaml
    "$command" run $1.yaml --dir $1.study --quiet >/dev/null 2>err.txt || { cat err.txt; fail "$1"; }
    grep -q '^s4k-up-news' $1.study/runs.csv || fail "$1: no runs"
}
example torch_gpt.py torch,numpy
example hf_trainer.py torch,numpy,transformers,accelerate

# The recipe for Megatron-LM with a Megatron that only says what it would: options in, losses out.
cat >torchrun <<'END'
#!/bin/sh
[ "$1" = --nproc-per-node ] && [ "$3" = /m/pretrain_gpt.py ] || exit 9
for w in "$@"; do echo "$w"; done >words
for n in books code news; do echo " validation-$n loss at iteration 9 on validation set | lm loss value: 4.5E+00 | lm loss PPL: 90 | "; done
END
chmod +x torchrun
sed "s#^trainer:.*#trainer: {command: \"sh $here/examples/trainers/megatron_lm.sh --bf16\", metrics: megatron.log, env: {MEGATRON: /m, TORCHRUN: $PWD/torchrun, AUTOSCALE: $command}}#" study.yaml >megatron.yaml
"$command" run megatron.yaml --dir megatron --quiet >/dev/null 2>err.txt || grep -q "no scale could be fitted\|undetermined" err.txt || { cat err.txt; fail "megatron_lm.sh"; }
grep -q '4.5' megatron/runs.csv || fail "megatron_lm.sh: no losses"
for option in --train-data-path --train-samples --validation-set-names --bf16; do
    grep -q -x -e $option megatron/runs/s4k-base-r0/words || fail "megatron_lm.sh: no $option"
done
echo "a trainer of one's own: five good ways, eleven bad ones"
