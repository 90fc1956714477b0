#!/bin/sh
# Text as it is: more of it exists than the files hold, caps count against all of it, and proxies repeat it as the target will.
set -eu
command=$1
. tests/support/expect.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
scripts/tiny-study "$work"
cd "$work"
cat >train.sh <<'T'
awk -v n="$2" 'BEGIN {printf "{\"tokens\":%s,\"loss\":{\"books\":%.4f,\"code\":2.1,\"news\":2.2}}\n", n, 2 + 9 * n^-.3}' >"$1/result.json"
T
sed 's/, max_epochs: 8//; s/seeds: 2, against: .natural., curve: 4/validate: false/; s/repeats: 2/repeats: 1/; s/tokens: 16e3/tokens: 160e3/' study.yaml >all.yaml
echo 'trainer: {command: "sh train.sh {run_dir} {tokens}"}' >>all.yaml
sed 's/books.*txt"/&, available: 100e3, max_epochs: 2/; s/code.*txt"/&, available: 200e3/; s/news.*txt"/&, available: 60e3/' all.yaml >pool.yaml
tokens() { echo $(($(wc -c <"$1.bin") / 2)); }
epochs() { sed -n "/\"id\": \"$1\"/,/}/s/.*\"$2\": \([0-9.]*\).*/\1/p" "$3"; }

# ---- pools are available × proxy / target to the token, in files of whole documents within each other
"$command" run pool.yaml --dir d --quiet >/dev/null
for want in 4k/books:2500 4k/code:5000 4k/news:1500 8k/books:5000 8k/code:10000 8k/news:3000; do
    [ "$(tokens "d/tokens/pools/${want%:*}.train")" = "${want#*:}" ] || fail "pool $want: $(tokens "d/tokens/pools/${want%:*}.train")"
done
grep -q '"train": "../../tokens/pools/8k/code.train"' d/runs/s8k-up-books/run.json || fail "the run's file"
grep -q '"code": ".*/tokens/pools/8k/code.train"' d/runs/s8k-up-books/mixture.json || fail "the file of a trainer of one's own"
grep -q '"code": 10000.0' d/runs/s8k-up-books/mixture.json || fail "what is available to a trainer of one's own"
"$command" plan pool.yaml --dir d --json >plan.json
for d in books:0.534 code:0.267 news:0.891; do
    for n in 4k 8k; do
        awk "BEGIN {exit !($(epochs s$n-base-r0 ${d%:*} plan.json) / ${d#*:} > .97 && $(epochs s$n-base-r0 ${d%:*} plan.json) / ${d#*:} < 1.03)}" ||
            fail "epochs of $d at $n: $(epochs s$n-base-r0 ${d%:*} plan.json)"
    done
done
grep -q 'at 8k tokens proxies repeat text as often as the target will: .*books 5k tokens, 0.534 epochs' plan.json || fail "no word of repetition"

# ---- the answer and the exports go by what exists; caps too, in proxies and answer
grep -A3 '"available"' d/mixture.json | grep -q '"books": 100000.0' || fail "available of the answer"
sed 's/max_epochs: 2/max_epochs: 0.6/' pool.yaml >cap.yaml
"$command" run cap.yaml --dir c --json 2>/dev/null >c.json
books=$(sed -n '/"tokens": {/,/}/s/.*"books": \([0-9]*\).*/\1/p' c.json | head -n 1)
[ "$books" -le 60000 ] || fail "the answer takes $books tokens of books, .6 epochs of 100k are 60k"
[ "$(sed -n 's/.*s4k-up-books,42,[0-9]*,[0-9]*,\([0-9]*\),.*/\1/p' c/runs.csv)" -le 1500 ] || fail "a proxy above its cap: $(grep up-books c/runs.csv)"

# ---- a sample too small to match says so; none to match is as before; all text when it is free
sed 's/available: 200e3/available: 4e6/' pool.yaml >short.yaml
"$command" plan short.yaml --dir d --json | grep -q "domain 'code': its files hold .* of the 100k that match the target's repetition at 4k tokens" || fail "a sample too small"
sed '$a search: {repetition: free}' pool.yaml >free.yaml
"$command" run free.yaml --dir f --quiet >/dev/null
[ ! -e f/tokens/pools ] && grep -q '"train": "../../tokens/code.train"' f/runs/s8k-up-books/run.json || fail "free"
"$command" run all.yaml --dir a --quiet >/dev/null
[ ! -e a/tokens/pools ] || fail "a study that names nothing available is cut"
sed '$a search: {repetition: matched}' all.yaml >all2.yaml
"$command" run all2.yaml --dir b --quiet >/dev/null
[ -e b/tokens/pools/4k/books.train.bin ] || fail "matched to the files alone"

# ---- resumed; what it rests on may not change
cp d/runs.csv a.csv; rm -r d/runs/s4k-base-r0 d/tokens/pools/4k
"$command" run pool.yaml --dir d --quiet >/dev/null && cmp a.csv d/runs.csv || fail "resumed"
sed 's/tokens: 160e3/tokens: 320e3/' pool.yaml >later.yaml
expect 2 "key 'search.repetition' was changed from \"matched to target.tokens 160000\" to" "$command" run later.yaml --dir d --quiet
sed 's/available: 60e3/available: 6e3/' pool.yaml >less.yaml
expect 2 "domain 'news': available: 6000 tokens, but its files, a sample of them, hold" "$command" run less.yaml --dir l --quiet
