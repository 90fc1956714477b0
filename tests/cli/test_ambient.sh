#!/bin/sh
# What a command takes for granted and may not have: open descriptors, files that are files, room for files, memory and
# stack, mapped files that keep their length.
set -eu
command=$1
. tests/support/expect.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
scripts/tiny-study "$work"
cd "$work"
# within SECONDS COMMAND...: it must not hang. Exit 124 when it does.
within() { timeout -k 5 "$@"; }

# ---- descriptors that are closed: no file gets the number of stderr, and with it the progress
"$command" tokenize books=books code=code --out ok --vocab 300 -q >/dev/null
for closed in '2>&-' '<&- 2>&-' '>/dev/null <&-'; do
    eval "'$command' tokenize books=books code=code --out shut --vocab 300 >/dev/null $closed" || fail "closed: $closed"
    for f in books.train.bin books.train.idx code.valid.bin tokenizer.json; do
        cmp "ok/$f" "shut/$f" || fail "$f with $closed"
    done
    rm -rf shut
done
code=0
"$command" plan study.yaml --json 2>err.txt >&- || code=$?
[ $code = 1 ] && grep -q "standard output" err.txt || fail "a result that nobody can read (exit $code)"

# ---- a FIFO, a folder or a device where a file is expected: a line, and no waiting
mkfifo pipe
mkdir folder
for what in "fit pipe" "optimize pipe --tokens 1e6" "predict pipe --tokens 1e6" "run pipe --dir x" "export pipe --to csv" \
    "plan pipe" "tokenize a=pipe" "score pipe pipe" "compare pipe" "train --run pipe" "eval pipe --tokens-dir ok"; do
    expect "[12]" "pipe" within 20 "$command" $what
done
expect 2 "expected a file, found a FIFO" within 20 "$command" fit pipe
expect 2 "expected a file, found a folder" within 20 "$command" fit folder
expect 2 "expected a file, found a device" within 20 "$command" fit /dev/zero
# ... but a descriptor that was given is read, whatever it is
printf 'domain,max\nno_such,1\n' >limits.csv
cat limits.csv | within 20 "$command" fit /dev/stdin >out.txt 2>err.txt && fail "no losses" || grep -q "stdin" err.txt ||
    { cat err.txt; fail "/dev/stdin"; }
grep -q "FIFO" err.txt && fail "/dev/stdin taken for a FIFO" || true

# ---- the same in a run's folder: result.json, metrics.jsonl, log.txt
"$command" run study.yaml --dir s --quiet >/dev/null
run=$(ls s/runs | head -1)
for file in result.json metrics.jsonl log.txt run.json; do
    cp -r s/runs/$run broken
    rm -f broken/$file broken/result.json broken/checkpoint/state.json
    mkfifo broken/$file
    code=0
    within 30 "$command" train --run broken --quiet >out.txt 2>err.txt </dev/null || code=$?
    [ $code != 124 ] && [ $code != 137 ] || fail "hangs: $file is a FIFO"
    rm -rf broken
done
for file in result.json ${ASC_SMALL:-log.txt metrics.jsonl run.json}; do
    [ "$file" != 1 ] || continue
    cp -r s fifo
    rm -f fifo/study.db fifo/runs/$run/$file
    mkfifo fifo/runs/$run/$file
    code=0
    within 60 "$command" run study.yaml --dir fifo --quiet >out.txt 2>err.txt </dev/null || code=$?
    [ $code != 124 ] && [ $code != 137 ] || fail "a study hangs: $file is a FIFO"
    within 30 "$command" status fifo >out.txt 2>&1 || true
    rm -rf fifo
done
mkdir db && mkfifo db/study.db
expect "[12]" "study.db" within 20 "$command" status db
expect "[12]" "study.db" within 20 "$command" run study.yaml --dir db --quiet

# ---- limits of the process
(ulimit -f 80 && expect 1 "File too large" "$command" run study.yaml --dir small --quiet)
if ! nm -D "$command" 2>/dev/null | grep -q __asan_init; then
    (ulimit -v 100000 && expect 1 "limited to 97 MB" "$command" plan study.yaml)
    (ulimit -s 64 && "$command" run study.yaml --dir stack --quiet >/dev/null) || fail "a stack of 64 kB"
    cmp s/runs.csv stack/runs.csv || fail "other numbers on a small stack"
fi

# ---- what foreign text may not do to a terminal: escapes, marks of direction
code=0
"$command" fit "$(printf 'no\033[31m\033]0;title\007such\342\200\256file')" 2>err.txt || code=$?
[ $code = 2 ] && ! LC_ALL=C grep -q "$(printf '\033')\|$(printf '\342\200\256')\|$(printf '\007')" err.txt ||
    { cat -v err.txt; fail "escapes in an error"; }
cat >evil.sh <<'END'
printf '{"tokens": 4000, "loss": {}, "state": "diverged", "why": "x\u001b[2Jy\u202ez"}' >$1/result.json
END
sed 's/^scales:.*/scales: [4e3]/; s/repeats: 2/repeats: 1/; s/seeds: 2, against: \[natural\]/validate: false/; s/, curve: 4//' study.yaml >evil.yaml
echo "trainer: {command: \"sh $work/evil.sh {run_dir}\"}" >>evil.yaml
"$command" run evil.yaml --dir evil >all.txt 2>&1 </dev/null && fail "nothing but diverged runs" || true
"$command" status evil >>all.txt 2>&1
grep -q "x?y?z" all.txt || { cat -v all.txt; fail "the reason is not shown"; }
LC_ALL=C grep -q "$(printf '\033')\|$(printf '\342\200\256')" all.txt && { cat -v all.txt; fail "escapes in a reason"; } || true

# ---- a study file of brackets; durations as Slurm writes them
{ printf 'objective: '; head -c 200000 /dev/zero | tr '\0' '['; } >deep.yaml
expect 2 "deep.yaml:1:.* deep" within 10 "$command" plan deep.yaml
sed 's/^run: {/run: {time_limit: "1-00:00:00", /' study.yaml >days.yaml
"$command" plan days.yaml >/dev/null || fail "time_limit: 1-00:00:00"

# ---- Slurm is not here: said before anything is made
sed 's/^run:/executor: {slurm: {partition: gpu}}\nrun:/' study.yaml >slurm.yaml
if ! command -v sbatch >/dev/null; then
    expect 2 "not found; this executor" "$command" run slurm.yaml --dir slurm
    [ ! -e slurm/tokens ] || fail "text was tokenized for a study that cannot run"
fi

# ---- text: links to folders and deep folders are read; what is passed over is listed, in any bytes
mkdir -p odd/.git outside "$(printf 'odd/caf\351')"
cp books/1.txt odd/; cp books/2.txt outside/; cp books/3.txt "$(printf 'odd/caf\351/3.txt')"
echo x >odd/.git/config
ln -s ../outside odd/linked
mkfifo odd/pipe
printf '{"text": "good text of a line"}\nno json\n' >"$(printf 'odd/caf\351/lines.jsonl')"
"$command" tokenize odd=odd --out odd_tokens --vocab 300 --json -q >odd.json 2>err.txt || { cat err.txt; fail "odd names"; }
for want in '"documents_read": 4' 'odd/.git", "line": 0, "why": "hidden' 'odd/pipe' 'caf\\\\xe9/lines.jsonl'; do
    tr -s ' \n' ' ' <odd.json | grep -q -- "$want" || { cat odd.json; fail "no $want"; }
done

# ---- much text in which there is nothing: a sign of life, and SIGTERM is heeded
if [ -z "${ASC_SMALL:-}" ]; then
    mkdir blank
    head -c 3000000000 /dev/zero | tr '\0' '\n' | gzip -1 >blank/a.jsonl.gz &
    making=$!
    cp books/1.txt blank/
    sleep 3
    kill $making 2>/dev/null && wait $making 2>/dev/null || true # cut off: long enough, and damaged only at its end
    "$command" tokenize blank=blank --out blank_tokens --vocab 300 >/dev/null 2>blank.txt </dev/null &
    pid=$!
    n=0
    until grep -q "reading text: .*bytes" blank.txt; do n=$((n + 1)); [ $n -lt 300 ] || break; kill -0 $pid 2>/dev/null || break; sleep .1; done
    kill -TERM $pid 2>/dev/null || true
    code=0
    within 20 tail --pid=$pid -f /dev/null || fail "SIGTERM is not heeded while text is read"
    wait $pid || code=$?
    [ $code = 130 ] || [ $code = 2 ] || { cat blank.txt; fail "exit $code while text is read"; }
fi

# ---- a token file that is cut under its reader
cat >long.yaml <<'END'
study: long
domains: [{name: books, train: "books/*.txt"}, {name: code, train: "code/*.txt"}]
validation: {tokens: 1000}
tokenizer: {train: bpe, vocab: 300}
model: {layers: 1, heads: 2, width: 16, context: 16}
training: {batch_tokens: 256, lr: 1e-2}
scales: [5e7]
target: {tokens: 5e7, validate: false}
run: {jobs: 1, retries: 0}
END
"$command" run long.yaml --dir long --quiet >out.txt 2>err.txt </dev/null &
pid=$!
n=0
until ls long/runs/*/metrics.jsonl >/dev/null 2>&1; do n=$((n + 1)); [ $n -lt 600 ] || fail "no run begins"; sleep .1; done
: >long/tokens/books.train.bin
code=0
wait $pid || code=$?
[ $code = 1 ] || { cat err.txt; fail "exit $code of a study whose tokens were cut"; }
grep -q "books.train.bin: was truncated" long/runs/*/log.txt || { cat err.txt long/runs/*/log.txt; fail "no line about the file that was cut"; }
echo "descriptors, FIFOs, limits, a file that is cut: one line each, nothing hangs"
