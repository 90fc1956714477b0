#!/bin/sh
# One run on several processes: the same losses, kills of every process of it, one line for what goes wrong.
set -eu
autoscale=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "FAILED: $*"; exit 1; }

"$autoscale" tokenize code='src/text/*.c' headers='src/**/*.h' --vocab 300 --valid-tokens 2000 -o "$work/tokens" -q >"$work/out"
train() {
    out=$1; shift
    "$autoscale" train --tokens-dir "$work/tokens" --layers 2 --heads 2 --width 32 --context 32 --batch-tokens 320 --lr 3e-3 \
        --tokens 12e3 --valid-tokens 1500 --eval 2 -q -o "$work/$out" "$@"
}
children() { cat /proc/$1/task/*/children; }
numbers() { grep -v -E '"id"|wall_s|tokens_per_s|sha256' "$work/$1/result.json"; }

if ! command -v mpirun >/dev/null || [ ! -f "$(dirname "$autoscale")/autoscale_mpi.so" ]; then
    code=0; train none --ranks 2 >"$work/out" 2>"$work/err" || code=$?
    [ $code = 2 ] && [ "$(wc -l <"$work/err")" = 1 ] && grep -q "Open MPI" "$work/err" || fail "without MPI: $(cat "$work/err")"
    echo "skipped: no Open MPI here; that is said in one line"
    exit 77
fi
code=0; PATH=/nowhere "$autoscale" train --tokens-dir "$work/tokens" --tokens 1e3 -q -o "$work/none" --ranks 2 >"$work/out" 2>"$work/err" || code=$?
[ $code = 2 ] && grep -q "mpirun is not on PATH" "$work/err" || fail "no mpirun: $(cat "$work/err")"

# 1, 2 and 4 ranks, and 3, whose parts are unequal: losses of the first 20 steps within 1e-5, and one line for each step.
for n in 1 2 3 4; do train r$n --ranks $n --json >"$work/r$n.json" || fail "$n ranks: exit $?"; done
for n in 2 3 4; do
    cmp "$work/r$n.json" "$work/r$n/result.json" || fail "$n ranks: --json printed something else than the result"
    for r in 1 $n; do sed -n 's/.*"loss": *\([0-9.]*\).*/\1/p' "$work/r$r/metrics.jsonl" >"$work/loss$r"; done
    paste "$work/loss1" "$work/loss$n" | awk -v n=$n '{ d = $1 - $2; if (d < 0) d = -d; if (NR <= 20 && !(d < 1e-5)) bad = 1 }
        END { if (NR < 20 || bad) { print n " ranks: a loss differs by more than 1e-5, or " NR " steps"; exit 1 } }' || fail "losses"
done
train again --ranks 2 >/dev/null
numbers r2 >"$work/a"; numbers again >"$work/b"
cmp "$work/a" "$work/b" || fail "two runs on two ranks gave other numbers"

# More ranks than sequences in a step: some have nothing to do.
"$autoscale" train --tokens-dir "$work/tokens" --layers 1 --heads 1 --width 16 --context 32 --batch-tokens 64 --tokens 640 \
    --valid-tokens 70 -q -o "$work/few" --ranks 3 >/dev/null || fail "ranks without a sequence"

# Kills: the command, mpirun, a rank; SIGTERM. Each then goes on to the end: as if nothing had been.
train k0 --ranks 2 --checkpoint 0 --tokens 40e3 >/dev/null
numbers k0 >"$work/a"
for what in TERM command mpirun last; do
    k=$work/$what
    mkdir "$k"
    cp "$work/k0/run.json" "$k/"
    "$autoscale" train --run "$k" -q >/dev/null 2>"$work/err" &
    pid=$!
    tries=0
    until [ -d "$k/checkpoint" ]; do
        sleep .02; tries=$((tries + 1)); [ $tries -lt 1500 ] || fail "$what: the run does not begin: $(cat "$work/err")"
    done
    mpirun=$(children $pid)
    ranks=$(children $mpirun)
    case $what in
    TERM) kill -TERM $pid; want=130 ;;
    command) kill -9 $pid; want=137 ;;
    mpirun) kill -9 $mpirun; want=137 ;;
    last) kill -9 $(echo $ranks | cut -d" " -f2); want=137 ;;
    esac
    code=0; wait $pid 2>/dev/null || code=$?
    [ $code = $want ] || fail "$what: exit $code, expected $want: $(cat "$work/err")"
    case $what in
    mpirun | last) [ "$(wc -l <"$work/err")" = 1 ] && grep -q "killed by signal 9" "$work/err" || fail "$what: $(cat "$work/err")" ;;
    TERM) [ "$(wc -l <"$work/err")" = 1 ] && grep -q "interrupted at step" "$work/err" || fail "$what: $(cat "$work/err")" ;;
    esac
    tries=0
    while for p in $mpirun $ranks; do kill -0 $p 2>/dev/null && break; done; do
        sleep .05; tries=$((tries + 1)); [ $tries -lt 400 ] || fail "$what: a process lived on"
    done
    "$autoscale" train --run "$k" -q >/dev/null
    numbers $what >"$work/b"
    cmp "$work/a" "$work/b" || fail "$what: a run of two ranks killed and gone on with ended with other numbers"
done

# One failure, one line: what all ranks meet alike.
cp -r "$work/tokens" "$work/cut"
rm "$work/cut/code.valid.sum"
head -c 100 "$work/tokens/code.valid.bin" >"$work/cut/code.valid.bin"
code=0; train bad --ranks 2 --tokens-dir "$work/cut" >/dev/null 2>"$work/err" || code=$?
[ $code = 2 ] && [ "$(wc -l <"$work/err")" = 1 ] && grep -q "code.valid.bin" "$work/err" || fail "bad input: exit $code: $(cat "$work/err")"

# Under an mpirun of the user's own.
root=$([ "$(id -u)" = 0 ] && echo --allow-run-as-root || true)
mkdir "$work/own"; cp "$work/r2/run.json" "$work/own/"
mpirun -q $root --oversubscribe -np 2 "$autoscale" train --run "$work/own" -q >/dev/null || fail "under mpirun: exit $?"
numbers r2 >"$work/a"; numbers own >"$work/b"
cmp "$work/a" "$work/b" || fail "under the user's mpirun: other numbers"
code=0; mpirun -q $root --oversubscribe -np 3 "$autoscale" train --run "$work/bad" -q >/dev/null 2>"$work/err" || code=$?
[ $code = 2 ] && grep -q "needs 2 ranks but was started with 3" "$work/err" || fail "wrong number of ranks: $(cat "$work/err")"
echo ok
