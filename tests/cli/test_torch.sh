#!/bin/sh
# Studies with trainer torch: what the queue makes of groups, with an interpreter that pretends (its package is the
# built-in trainer, one run after another), and with PyTorch itself where it can be imported.
set -eu
command=$1
here=$(pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
scripts/tiny-study "$work"
cd "$work"
fail() { echo "FAILED: $*"; exit 1; }
sed -i 's/^scales:.*/scales: [4e3]/; s/repeats: 2/repeats: 1/; s/seeds: 2, against: \[natural\]/seeds: 1/' study.yaml
echo "trainer: torch" >torch.part
cat study.yaml torch.part >torch.yaml

# PRETEND is a mode; PRETEND_MOST runs fit into its memory.
cat >python <<END
#!/bin/sh
[ "\$1 \$2" = "-m autoscale.torch" ] || exit 9
shift 2
lanes= parent= measure=
while :; do
    case \${1:-} in
    --probe)
        case \${PRETEND:-} in
        absent) echo "$work/python: No module named autoscale.torch" >&2; exit 1 ;;
        old) echo '{"version": "0.0.1", "torch": "2.0", "devices": []}'; exit 0 ;;
        cards) cards='{"name": "pretended", "memory_bytes": 8e9, "free_bytes": 8e9}' ;;
        esac
        case "\$3" in cuda*) [ -n "\${cards:-}" ] || { echo "autoscale.torch: device '\$3': no CUDA card found" >&2; exit 69; } ;; esac
        echo "{\"version\": \"$("$command" --version | sed 's/.* //')\", \"torch\": \"2.0\", \"devices\": [\${cards:+\$cards, \$cards}]}"
        exit 0 ;;
    --measure) measure=1; shift ;;
    --runs) lanes=\$2; shift 2 ;;
    --seconds) shift 2 ;;
    --quiet) shift ;;
    --device) device=\$2; shift 2 ;;
    --parent) parent=\$2; shift 2 ;;
    *) break ;;
    esac
done
if [ -n "\$measure" ]; then
    echo "{\"runs\": \$lanes, \"lanes\": \$lanes, \"tokens_per_s\": 1e6, \"eval_tokens_per_s\": 2e6, \"start_s\": 1, \"device\": \"cpu\"}"
    exit 0
fi
echo "\$# on \$device" >>"$work/programs"
[ \$# -le \${PRETEND_MOST:-99} ] || { echo "autoscale.torch: out of memory" >&2; exit 75; }
[ "\${PRETEND:-}" != hangs ] || [ -e "$work/hung" ] || { touch "$work/hung"; exec sleep 1000; }
[ "\${PRETEND:-}" != lost ] || [ -e "$work/lost.once" ] || { touch "$work/lost.once"; exit 74; }
for dir; do
    [ -e "\$dir/result.json" ] && continue
    if [ "\${PRETEND:-}" = crawl ] && [ -e "$work/crawl" ] && [ -n "\${one:-}" ]; then while [ -e "$work/crawl" ]; do sleep .05; done; fi
    "$command" train --quiet --run "\$dir" >/dev/null || exit
    one=1
done
END
chmod +x python
export AUTOSCALE_PYTHON="$work/python"

# torch NAME CODE: the study with that trainer in a folder NAME.
torch() {
    code=0
    : >programs
    "$command" run torch.yaml --dir $1 --jobs ${3:-1} --quiet >out.txt 2>err.txt || code=$?
    [ "$code" = "$2" ] || { cat err.txt; fail "$1: exit $code, expected $2"; }
}
"$command" run study.yaml --dir own --jobs 1 --quiet >/dev/null
torch one 0
same() { cmp own/runs.csv $1/runs.csv || fail "$1: other numbers"; }
same one
[ "$(head -1 programs)" = "7 on auto" ] && [ "$(wc -l <programs)" = 2 ] || { cat programs; fail "not in two groups"; }

if [ -z "${ASC_SMALL:-}" ]; then
    # Two programs at once share the runs; a word of the study bounds a group.
    torch two 0 2
    same two
    [ "$(sort -r programs | head -2 | tr "\n" ";")" = "4 on auto;3 on auto;" ] || { cat programs; fail "not shared by two"; }
    sed 's/^run: {/run: {group: 2, /' torch.yaml >small.yaml
    code=0
    : >programs
    "$command" run small.yaml --dir small --jobs 1 --quiet || fail "group: 2"
    same small
    [ "$(head -4 programs | tr '\n' ';')" = "2 on auto;2 on auto;2 on auto;1 on auto;" ] || { cat programs; fail "group: 2"; }

    # Cards: each program has one; one that falls away is left for the other, and groups that do not fit are halved.
    : >programs
    PRETEND=cards "$command" run torch.yaml --dir cards2 --quiet || fail "cards"
    same cards2
    grep -q "on cuda:0" programs && grep -q "on cuda:1" programs || { cat programs; fail "cards are not shared"; }
    PRETEND=lost torch lost 0
    [ -e lost.once ] && same lost
fi
sed 's/^trainer: torch/trainer: {torch: {heartbeat: 2}}/' torch.yaml >beats.yaml
PRETEND=hangs "$command" run beats.yaml --dir hung-study --jobs 1 --quiet >/dev/null || fail "a program that hangs"
[ -e hung ] && same hung-study
PRETEND_MOST=2 torch memory 0
same memory
grep -q "4 on auto" programs && grep -q "2 on auto" programs || { cat programs; fail "not halved"; }

# What is not there is said in a line before any text is read.
PRETEND=absent torch absent 2
grep -q "trainer torch: $work/python: .*No module named autoscale.torch; name an interpreter that has PyTorch: {torch: {python: PATH}} or AUTOSCALE_PYTHON" err.txt || { cat err.txt; fail "absent"; }
# A command that pip has installed asks the interpreter of its own environment.
mkdir -p env/bin
cp "$command" env/bin/autoscale
cp python env/bin/python3
: >env/pyvenv.cfg
env -u AUTOSCALE_PYTHON PRETEND=absent env/bin/autoscale run torch.yaml --dir env-study --quiet 2>err.txt >/dev/null && fail "env"
grep -q "trainer torch: $(readlink -f env)/bin/python3: " err.txt || { cat err.txt; fail "the environment's interpreter was not asked"; }
PRETEND=old torch old 2
grep -q "has autoscale 0.0.1, this is" err.txt || { cat err.txt; fail "old"; }
AUTOSCALE_PYTHON=/no/python torch nobody 2
grep -q "/no/python: cannot start" err.txt || { cat err.txt; fail "nobody"; }
sed 's/^run: {/run: {device: cuda, /' torch.yaml >card.yaml
"$command" run card.yaml --dir card --quiet 2>err.txt && fail "a card that is not there"
grep -q "device 'cuda': no CUDA card found" err.txt || { cat err.txt; fail "no card"; }
for d in absent old nobody card; do [ ! -e $d/tokens ] || fail "$d: tokenised before it was refused"; done
[ "$(grep -c . err.txt)" = 1 ] || fail "more than a line"

# A plan says groups and time; a study that names another interpreter uses it.
"$command" plan torch.yaml --jobs 1 >plan.txt
grep -q "^search: 7 runs in 1 group of 7$" plan.txt && grep -q "^target: 2 runs in 1 group of 2$" plan.txt || { cat plan.txt; fail "plan"; }
! grep -q guess plan.txt || fail "a plan that was measured is no guess"
PRETEND=absent "$command" plan torch.yaml --jobs 1 >plan.txt
grep -q "the time is a rough estimate" plan.txt || { cat plan.txt; fail "plan without PyTorch"; }
echo 'trainer: {torch: {python: ./python}}' | cat study.yaml - >named.yaml
if [ -z "${ASC_SMALL:-}" ]; then
    AUTOSCALE_PYTHON=/no/python "$command" run named.yaml --dir named --quiet || fail "python: of the study"
    same named
fi
echo 'trainer: {torch: {}, command: x}' | cat study.yaml - >both.yaml
"$command" plan both.yaml 2>err.txt && fail "two trainers"
grep -q "'command' cannot be combined with torch" err.txt || { cat err.txt; fail "two trainers"; }

# Killed at any moment, with its program or without: nothing is lost, and nobody's checkpoint is another's.
: >crawl
PRETEND=crawl "$command" run torch.yaml --dir killed --jobs 1 --quiet 2>/dev/null &
pid=$!
tries=0
until "$command" status killed 2>/dev/null | grep -q "1 runs done.*, 6 running"; do
    sleep .1; tries=$((tries + 1)); [ $tries -lt 300 ] || { "$command" status killed; fail "no run of a group was taken while it goes on"; }
done
"$command" status killed >status.txt
grep -q "^now: 6 runs in 1 group of 6$" status.txt || { cat status.txt; fail "status"; }
kill -9 $pid
wait $pid 2>/dev/null || true
rm crawl
torch killed 0
same killed

# killed SECONDS WORDS: a study begun and killed.
killed() {
    wait=$1
    shift
    "$command" run "$@" --quiet >/dev/null 2>&1 & pid=$!
    sleep $wait
    kill -9 $pid 2>/dev/null || true
    wait $pid 2>/dev/null || true
}
# A search by branches: prefix, branches, merged models and the target's rest go through it, in groups of their own; at
# several points, killed on the way.
sed '/^scales/d; /^design/d; s/^target: .*/target: {tokens: 16e3, validate: false}/; s/tokens: 1000/tokens: 400/' study.yaml >branch.yaml
cat >>branch.yaml <<END
search: {method: branch, at_most: 6, branch_tokens: .1, merges: 8, rounds: 1, at: [20, 60]}
objective: target:code
END
cat branch.yaml torch.part >branch-torch.yaml
"$command" plan branch-torch.yaml --jobs 1 >plan.txt
for line in "prefix: 2 runs in 2 groups of 1" "branches: 14 runs in 4 groups of at most 4" "target: 1 run in 1 group of 1"; do
    grep -q "^$line$" plan.txt || { cat plan.txt; fail "plan of branches"; }
done
"$command" run branch.yaml --dir b-own --jobs 1 --quiet >/dev/null
: >programs
"$command" run branch-torch.yaml --dir b-torch --jobs 1 --quiet >/dev/null || fail "branches"
same_branches() { for f in runs.csv merges-1.csv merges-at60-1.csv mixture.json; do cmp b-own/$f $1/$f || fail "$1: $f"; done; }
same_branches b-torch
grep -q '"until": 0.2' b-torch/mixture.json || fail "branches that find nothing"
[ "$(head -3 programs | tr '\n' ';')" = "1 on auto;4 on auto;8 on auto;" ] || { cat programs; fail "groups of branches"; }
if [ -z "${ASC_SMALL:-}" ]; then
    sed 's/^run: {/run: {group: 2, /' branch-torch.yaml >branch-small.yaml
    for wait in .6 1 1.5; do
        killed $wait branch-small.yaml --dir b-killed --jobs 2
    done
    "$command" run branch-small.yaml --dir b-killed --jobs 2 --quiet >/dev/null || fail "branches after kills"
    same_branches b-killed
fi

# One run alone: the same words, made by either trainer.
train() { "$command" train --tokens-dir own/tokens --tokens 4e3 --layers 1 --heads 2 --width 16 --context 16 --batch-tokens 256 --lr 2e-3 --checkpoint 0 -q "$@"; }
refused() {
    code=0
    said=$1
    shift
    train "$@" >out.txt 2>err.txt || code=$?
    [ $code = 2 ] && grep -q -- "$said" err.txt && [ "$(grep -c . err.txt)" = 1 ] || { cat err.txt; fail "$said: exit $code"; }
}
refused "--trainer: expected builtin or torch, found 'jax'" -o none --trainer jax
refused "--device: expected auto, cpu, cuda or cuda:N, found 'tpu'" -o none --trainer torch --device tpu
refused "the built-in trainer runs on the CPU" -o none --device cuda:1
[ ! -e none ] || fail "written before it was refused"
train -o run-own >own.txt
train -o run-torch --trainer torch --device auto >torch.txt || fail "train --trainer torch"
tail -1 programs | grep -q "1 on auto" || { cat programs; fail "the device was not handed on"; }
sed 's/ in .*//' own.txt >a.txt; sed 's/ in .*//' torch.txt | cmp - a.txt || fail "train --trainer torch says something else"
rm -f lost.once
code=0
PRETEND=lost train -o run-lost --trainer torch >/dev/null 2>&1 || code=$?
[ $code = 74 ] || fail "train --trainer torch: exit $code of a program that ends with 74"
AUTOSCALE_PYTHON=/no/python refused "--trainer torch: /no/python: cannot start" -o none --trainer torch
rm -r none

# With PyTorch itself: the built-in trainer's losses, in groups or alone.
unset AUTOSCALE_PYTHON
export AUTOSCALE_PYTHON="${AUTOSCALE_TEST_PYTHON:-python3}"
if [ -n "${ASC_SMALL:-}" ] || ! "$AUTOSCALE_PYTHON" -c "import torch, numpy" 2>/dev/null; then
    echo "PyTorch cannot be imported by $AUTOSCALE_PYTHON, or this is a small test: groups were tested with a trainer that pretends"
    exit 0
fi
sed 's/^run: {/run: {device: cpu, /; s/lr: 1e-2/lr: 2e-3/' torch.yaml >real.yaml
sed 's/^run: {/run: {group: 1, /' real.yaml >alone.yaml
sed 's/lr: 1e-2/lr: 2e-3/' study.yaml >builtin.yaml
"$command" run builtin.yaml --dir builtin --jobs 1 --quiet >/dev/null
"$command" run real.yaml --dir real --jobs 1 --quiet >/dev/null || fail "PyTorch"
"$command" run alone.yaml --dir alone --jobs 2 --quiet >/dev/null || fail "PyTorch, alone"
# close A B MOST: every number of two tables.
close() {
    paste -d, $1/${4:-runs.csv} $2/${4:-runs.csv} | awk -F, -v most=$3 'NR > 1 { n = NF / 2; for (i = 1; i <= n; i++) if ($i != $(i + n)) {
        d = $i - $(i + n); d = d < 0 ? -d : d; if (!(d <= most)) { print $1, $i, $(i + n); bad = 1 } } } END { exit bad }' ||
        fail "$1 and $2: ${4:-runs.csv} differ by more than $3"
}
close builtin real 1e-4
close alone real 1e-5

# Alone, from another run's moments, by one process or two.
train -o from --stop-at 50% >/dev/null
train -o more-own --init from/checkpoint --moments --json >more-own.json
train -o more-torch --init from/checkpoint --moments --trainer torch --device cpu --json >more-torch.json || fail "train with PyTorch"
train -o more-two --init from/checkpoint --moments --trainer torch --device cpu --ranks 2 --json >more-two.json || fail "train of two ranks"
python3 - <<END || fail "train: the losses differ"
import json
a, b, c = (json.load(open("more-%s.json" % n))["loss"] for n in ("own", "torch", "two"))
assert all(abs(a[k] - b[k]) < 1e-5 and abs(a[k] - c[k]) < 1e-5 for k in a), (a, b, c)
END
grep -q "on 2 x cpu, PyTorch" more-two/log.txt || fail "not made by two processes"

# Studies whose runs have two processes each.
sed 's/^run: {/run: {ranks: 2, /' real.yaml >ranks.yaml
"$command" run ranks.yaml --dir ranks --jobs 1 --quiet >/dev/null || fail "ranks with PyTorch"
close builtin ranks 1e-4
grep -q "on 2 x cpu, PyTorch" ranks/runs/*/log.txt || fail "no run has two processes"

# And of a search by branches, killed with its programs on the way.
sed -i 's/, at: .*]//; s/lr: 1e-2/lr: 2e-3/' branch.yaml
sed 's/^run: {/run: {device: cpu, /' branch.yaml | cat - torch.part >branch-real.yaml
"$command" run branch.yaml --dir b-builtin --jobs 1 --quiet >/dev/null
killed 15 branch-real.yaml --dir b-real --jobs 1
"$command" run branch-real.yaml --dir b-real --jobs 1 --quiet >/dev/null || fail "branches with PyTorch"
close b-builtin b-real 1e-4
close b-builtin b-real 1e-5 merges-1.csv
python3 - <<END || fail "the mixtures found differ"
import json
a, b = (json.load(open(d + "/mixture.json")) for d in ("b-builtin", "b-real"))
assert len(a["phases"]) == len(b["phases"]) == 2, (a, b)
for p, q in zip([a, *a["phases"]], [b, *b["phases"]]):
    assert all(abs(p["weights"][k] - q["weights"][k]) < .005 for k in p["weights"]), (p, q)
END

