#!/bin/sh
# Domains that come, go and are split: runs that still are runs on mixtures of the domains stay, are measured on what is
# new, and feed the law; the tokenizer stays; what counts no longer is named; back again everything is as it was.
set -eu
command=$1
. tests/support/expect.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
scripts/tiny-study "$work"
cd "$work"
mkdir law; for k in 1 2 3 4 5 6 7 8 9 10 11 12; do
    awk -v k=$k 'BEGIN {srand(k); for (i = 0; i < 250; i++) printf "%s ", substr("whereasherebyparty", 1 + int(rand() * 12), 2 + int(rand() * 5))}' >law/$k.txt
done
mkdir deep flat; i=0; for f in code/*.txt; do i=$((i + 1)); [ $((i % 4)) = 0 ] && cp $f deep/ || cp $f flat/; done
sed '/^scales/d; /^design/d; s/, max_epochs: 8//; s/^target: .*/target: {tokens: 2e3, seeds: 1}/' study.yaml >one.yaml
echo 'search: {method: swarm, runs: 5, tokens: 1600, rounds: 1}' >>one.yaml
run() { "$command" run "$1.yaml" --dir d --quiet >/dev/null; }
column() { awk -F, -v c="$1" 'NR == 1 {for (i = 1; i <= NF; i++) if ($i == c) k = i; if (!k) print "no " c} NR > 1 {print $1, $k}' d/runs.csv; }
# empty C: rows of runs that have no value in column C
empty() { column "$1" | awk 'NF < 2' | wc -l; }
run one || fail "the study of before"
cp d/runs.csv before.csv; cksum d/tokens/tokenizer.json d/tokens/*.train.bin >text.txt
results=$(cksum d/runs/s1.6k-mix-?/result.json)

# ---- planned: what still counts, and what is made
sed '/news.txt/!s/^  - {name: code/  - {name: law, train: "law\/*.txt"}\n&/' one.yaml >added.yaml
"$command" plan added.yaml --dir d --json >plan.json
grep -Eq "[67] runs were made before the domains changed .s1.6k-mix-0, .... and still count" plan.json || { cat plan.json; fail "no word of kept runs"; }
[ "$(grep -c '"id": "s1.6k-mix' plan.json)" = 3 ] || fail "runs planned beside five that count: $(grep '"id"' plan.json)"

# ---- added, in the middle of the list: no share in the runs of before, which are measured on it and made no second time
run added
[ "$(cksum d/runs/s1.6k-mix-?/result.json)" = "$results" ] || fail "runs of before were made again"
[ "$(ls d/runs | grep -c '^s1.6k')" = 8 ] || fail "not three more: $(ls d/runs)"
[ "$(grep -c '^s1.6k-mix-[0-4],' d/runs.csv)" = 5 ] && [ "$(empty loss_law)" = 0 ] || { cat d/runs.csv; fail "not measured on the new domain"; }
[ "$(column tokens_law | grep -c '^s1.6k-mix-[0-4] 0$')" = 5 ] || [ "$(column weight_law | grep -c '^s1.6k-mix-[0-4] 0$')" = 5 ] || { cat d/runs.csv; fail "a share of a domain that was not there"; }
[ "$(cksum d/tokens/tokenizer.json d/tokens/books.train.bin d/tokens/code.train.bin d/tokens/news.train.bin | sort)" = "$(sort text.txt)" ] || fail "tokenizer or text changed"
"$command" eval d/runs/s1.6k-mix-1/checkpoint --tokens-dir d/tokens --valid-tokens 1000 --json >eval.json
a=$(sed -n 's/.*"law": \([0-9.]*\).*/\1/p' eval.json); b=$(column loss_law | sed -n 's/^s1.6k-mix-1 //p')
awk "BEGIN {d = $a - $b; exit !(d < 1e-4 && d > -1e-4)}" || fail "law: $b in the table, $a by eval"
grep -Eq "[67] runs were made before the domains changed" d/report.html || fail "no word in the report"
cp d/runs.csv added.csv; { column tokens_law || true; column weight_law; } >shares
run added && cmp d/runs.csv added.csv || fail "once more: other runs"


# ---- gone again: the runs of before are there; those that had a share of it count no longer, and this is said
run one
cut -d, -f1-4 d/runs.csv | sort >a; cut -d, -f1-4 before.csv | sort >b
[ -z "$(comm -13 a b)" ] || { diff a b; fail "back to the domains of before"; }
for r in $(comm -23 a b | sed -n 's/^\(s[^,]*\),.*/\1/p'); do
    grep -q "^$r 0$" shares || fail "$r had a share of what is gone"
done
grep -Eq '[1-5] runs no longer count .[a-z0-9.-]*v2(, ...)?.: they gave a share to domain .*law' d/report.html || { grep -o "[^>]*no longer count[^<]*" d/report.html; fail "no word of runs set aside"; }
run added && cut -d, -f1-4 d/runs.csv | sort >a; cut -d, -f1-4 added.csv | sort >b; [ -z "$(comm -13 a b)" ] || { diff a b; fail "gone and back"; }
cut -d, -f1-4 before.csv | sort >b

# ---- a checkpoint that is gone: what is not known is said, the run tells of the other targets
sed 's/name: law, train: .law/name: rule, train: "law/' added.yaml >rule.yaml
mv d/runs/s1.6k-mix-2/checkpoint gone
run rule
[ "$(empty loss_rule)" = 1 ] && grep -q '1 runs made before the domains changed have no checkpoint left (s1.6k-mix-2)' d/report.html || { cat d/runs.csv; fail "a checkpoint that is gone"; }
mv gone d/runs/s1.6k-mix-2/checkpoint

# ---- split: the sum is known, and parts have their size of it
sed 's/^  - {name: code.*/  - {name: deep, train: "deep\/*.txt", part_of: code}\n  - {name: flat, train: "flat\/*.txt", part_of: code}/' one.yaml >split.yaml
run split
grep -q "domain .*code.* was split: .*(deep 2[0-9.]* %, flat 7[0-9.]* %)" d/report.html || { grep -o 'domain .code[^<]*' d/report.html; fail "no word of the split"; }
[ "$(grep -c '^s1.6k-mix-[0-4],' d/runs.csv)" = 5 ] && [ "$(empty loss_deep)" = 0 ] || { cat d/runs.csv; fail "runs of before the split"; }
python3 - <<'END' || fail "shares of the parts"
import csv
now = {r['run']: r for r in csv.DictReader(open('d/runs.csv'))}
for r in csv.DictReader(open('before.csv')):
    n = now[r['run']]
    def tokens(r, d): return float(r['tokens_' + d]) if 'tokens_' + d in r else float(r['weight_' + d]) * float(r['tokens'])
    assert abs(tokens(n, 'deep') + tokens(n, 'flat') - tokens(r, 'code')) < 2, (r, n)
END
# held-out text of the parts is what was held out of the whole: no run was trained on it
python3 - <<'END' || fail "held out of the parts and of the whole"
import json
r = json.load(open('d/tokens/report.json'))
d = {x['name']: x for x in r['domains'] + r['gone']}
assert d['deep']['valid_tokens'] + d['flat']['valid_tokens'] == d['code']['valid_tokens'], d
assert d['deep']['tokens'] + d['flat']['tokens'] == d['code']['tokens'], d
END

# ---- parts that are not all of it: no guess
rm deep/$(ls deep | tail -n 1)
sed 's/name: deep/name: dip/; s/name: flat/name: flut/' split.yaml >less.yaml
run less
grep -q 'runs no longer count (s1.6k-mix-0, ...): they gave a share to domain .*code.*, and what was split off it is not all' d/report.html || fail "parts that are less"

# ---- another text under a name that runs were made with, other words
cp law/1.txt books/extra.txt
expect 2 'the text of domain books has changed since the runs in .* were made' "$command" run one.yaml --dir d --quiet
rm books/extra.txt
mkdir near; cp law/[2-5].txt near/; cp "$(ls books/*.txt | sed -n 5p)" near/
sed '/^validation/i targets: [{name: near, valid: "near/*.txt"}]' one.yaml >near.yaml
expect 2 'shares documents with the text that the runs in .* were trained on' "$command" run near.yaml --dir d --quiet
run one && cut -d, -f1-4 d/runs.csv | sort >a; [ -z "$(comm -13 a b)" ] || fail "after what was refused"
sed 's/part_of: code/part_of: deep/' split.yaml >bad.yaml
expect 2 "part_of: a part of 'deep' needs a name of its own" "$command" plan bad.yaml --dir d
