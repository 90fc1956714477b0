#!/bin/sh
# A study that goes on while what it is about changes: caps, seeds, held-out sets. Runs that still are what they say stay.
set -eu
command=$1
. tests/support/expect.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
scripts/tiny-study "$work"
cd "$work"
mkdir held; for k in 1 2 3 4 5 6 7 8 9; do echo "$k of the held-out documents says $k times what nobody has trained on, line $k" >held/$k.txt; done
sed 's/, max_epochs: 8//; s/seeds: 2, against: .natural., curve: 4/seeds: 1/; s/repeats: 2/repeats: 1/; s/^scales:.*/scales: [4e3]/; s/^target: {tokens: 16e3/target: {tokens: 8e3/' study.yaml >one.yaml
"$command" run one.yaml --dir d --quiet >/dev/null
runs=$(ls d/runs | wc -l); grep -c . d/runs.csv >n.txt
before=$(cksum d/runs/*/result.json)

# ---- a new held-out set is measured on the checkpoints there are; nothing is trained again
sed '/^validation/i targets: [{name: held, valid: "held/*.txt"}]' one.yaml >more.yaml
"$command" run more.yaml --dir d --quiet >/dev/null
[ "$(cksum d/runs/*/result.json | head -n 7)" = "$(echo "$before" | head -n 7)" ] || fail "runs were made again"
head -n 1 d/runs.csv | grep -q loss_held || fail "no column of the new set"
[ "$(awk -F, 'NR == 1 {for (i = 1; i <= NF; i++) if ($i == "loss_held") c = i} NR > 1 && $c == "" {n++} END {print n + 0}' d/runs.csv)" = 0 ] || fail "not measured: $(cat d/runs.csv)"
"$command" eval d/runs/s4k-base-r0/checkpoint --tokens-dir d/tokens --valid-tokens 1000 --json >eval.json
a=$(sed -n 's/.*"held": \([0-9.]*\).*/\1/p' eval.json)
b=$(awk -F, 'NR == 1 {for (i = 1; i <= NF; i++) if ($i == "loss_held") c = i} $1 == "s4k-base-r0" {print $c}' d/runs.csv)
awk "BEGIN {d = $a - $b; exit !(d < 1e-4 && d > -1e-4)}" || fail "held: $b in the table, $a by eval"
"$command" run more.yaml --dir d --quiet >/dev/null
cut -d, -f1-8 d/runs.csv >a

# ---- a run that keeps no checkpoint is made once more, to the same bits, and this is said
cp -r d e; rm -r e/runs/s4k-up-books/checkpoint; cp e/runs/s4k-up-code/result.json code.json
sed 's/{name: held/{name: later, valid: "held\/[1-5].txt"}, {name: held/' more.yaml >later.yaml
"$command" run later.yaml --dir e --quiet >/dev/null
grep -q '1 runs had none left (s4k-up-books)' e/report.html || fail "no word of a checkpoint that is gone"
cmp code.json e/runs/s4k-up-code/result.json || fail "a run with a checkpoint was made again"
[ "$(cut -d, -f1-8 e/runs.csv | grep up-books)" = "$(grep up-books a)" ] || fail "other bits"
[ "$(awk -F, 'NR > 1 && $NF == "" {n++} END {print n + 0}' e/runs.csv)" = 0 ] || fail "not measured: $(cat e/runs.csv)"

# ---- a held-out set may go again; another under its name may not come
"$command" run one.yaml --dir d --quiet >/dev/null
"$command" run more.yaml --dir d --quiet >/dev/null; cut -d, -f1-8 d/runs.csv | cmp - a || fail "gone and back"
sed 's/held\/\*.txt/held\/[1-4].txt/' more.yaml >other.yaml
expect 2 "key 'targets.held.valid' was changed" "$command" run other.yaml --dir d --quiet
cp books/$(ls books | head -n 1) held/same.txt
expect 2 "the text of .* has changed since the runs in .* were made" "$command" run more.yaml --dir d --quiet
rm held/same.txt

# ---- a cap: only what it forbids is made anew, and the runs of before stay in the table of all runs
n=$(ls d/runs | grep -c '^s4k')
sed 's/code.*txt"/&, max_epochs: 0.05/' more.yaml >cap.yaml
"$command" run cap.yaml --dir d --quiet >/dev/null
[ "$(ls d/runs | grep -c '^s4k')" -gt "$n" ] || fail "a cap below what was trained changes nothing: $(ls d/runs)"
[ "$(grep -c '^s4k' d/runs.csv)" = "$(ls d/runs | grep -c '^s4k')" ] || fail "runs of before are gone from the table of all"
[ "$(grep -c '^s4k' d/scale-4k.csv)" = 7 ] || fail "two stars in one: $(cat d/scale-4k.csv)"
sed 's/code.*txt"/&, max_epochs: 100/' more.yaml >wide.yaml
"$command" run wide.yaml --dir d --quiet >/dev/null
[ "$(grep -c '^s4k' d/scale-4k.csv)" = 7 ] && grep -q '^s4k-base-r0,' d/scale-4k.csv || fail "a cap that forbids nothing: $(cat d/scale-4k.csv)"

# ---- seeds
sed 's/seeds: 1/seeds: 2/' more.yaml >two.yaml
"$command" run two.yaml --dir d --quiet >/dev/null
ls d/runs | grep -q 't8k-uniform-r1' || fail "a second seed"
sed 's/width: 16/width: 32/' more.yaml >model.yaml
expect 2 "key 'model.width' was changed from 16 to 32" "$command" run model.yaml --dir d --quiet
