#!/bin/sh
# A search by branches that goes on while what it is about changes: held-out sets, caps, domains. The target's own prefix
# stays, branches that still are what they say stay, merged models are evaluated again.
set -eu
command=$1
. tests/support/expect.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
scripts/tiny-study "$work"
cd "$work"
mkdir held more; for k in 1 2 3 4 5 6 7 8 9; do echo "$k of the held-out documents says $k times what nobody has trained on, line $k" >held/$k.txt; done
for k in 1 2 3 4 5 6 7 8 9 10 11 12; do
    awk -v k=$k 'BEGIN {srand(k); for (i = 0; i < 250; i++) printf "%s ", substr("whereasherebyparty", 1 + int(rand() * 12), 2 + int(rand() * 5))}' >more/$k.txt
done
sed '/^scales/d; /^design/d; s/, max_epochs: 8//; s/^target: .*/target: {tokens: 8e3, validate: false}/; s/tokens: 1000/tokens: 400/' study.yaml >one.yaml
echo 'search: {method: branch, at_most: 2, branch_tokens: .1, merges: 8, rounds: 1}' >>one.yaml
run() { "$command" run "$1.yaml" --dir d --quiet >/dev/null; }
trained() { cksum d/runs/b8k-prefix-r0/result.json d/runs/b8k-1-[bcnp]*/result.json; }
run one
before=$(trained)

# ---- a held-out set: evaluated on the checkpoints of prefix and branches; merged models again; nothing trained again
sed '/^validation/i targets: [{name: held, valid: "held/*.txt"}]' one.yaml >held.yaml
"$command" plan held.yaml --dir d >plan.txt || { cat plan.txt; fail "plan of the edited study"; }
run held
[ "$(trained)" = "$before" ] || fail "prefix or branches were made again"
[ "$(ls d/runs | grep -c '^b8k-1-.*-v2')" = 0 ] || fail "other branches: $(ls d/runs)"
[ "$(awk -F, 'NR == 1 {for (i = 1; i <= NF; i++) if ($i == "loss_held") c = i} NR > 1 && $c != "" {n++} END {print n + 0}' d/merges-1.csv)" = 8 ] || { cat d/merges-1.csv; fail "merged models are not measured on it"; }
grep -q '"objective": "mean-targets"' d/report.html || "$command" status d --json | grep -q . || fail "no status"
"$command" run held.yaml --dir d --json 2>/dev/null >a.json; cp d/merges-1.csv a.csv
"$command" run held.yaml --dir d --json 2>/dev/null >b.json; cmp a.json b.json && cmp d/merges-1.csv a.csv || fail "once more"

# ---- killed while that is done: the same
run one
for wait in .2 .5; do
    "$command" run held.yaml --dir d --quiet >/dev/null 2>&1 & pid=$!
    sleep $wait; kill -9 $pid 2>/dev/null || true; wait $pid 2>/dev/null || true
done
run held; cmp d/merges-1.csv a.csv || fail "after kills"

# ---- a cap that the prefix keeps: what it leaves to the rest of the run is less
sed 's/code.*txt"/&, max_epochs: 0.3/' held.yaml >cap.yaml
run cap
[ "$(cksum d/runs/b8k-prefix-r0/result.json)" = "$(echo "$before" | head -n 1)" ] || fail "the prefix was trained again"
grep -q '"max_epochs": {"code": 0.3\|"code": 0.3' d/mixture.json || { cat d/mixture.json; fail "the cap is not that of the answer"; }

# ---- a domain that joins while the target is under way: its prefix is what it is
sed 's/^  - {name: news.*/&\n  - {name: more, train: "more\/*.txt"}/' one.yaml >domain.yaml
run domain
[ "$(cksum d/runs/b8k-prefix-r0/result.json)" = "$(echo "$before" | head -n 1)" ] && [ ! -e d/runs/b8k-prefix-r0-v2 ] || fail "another prefix: $(ls d/runs)"
[ -e d/runs/b8k-1-more/result.json ] || fail "no branch of the new domain"
grep -q 'weight_more\|tokens_more' d/merges-1.csv || fail "merged models without it"
[ "$(awk -F, 'NR == 1 {for (i = 1; i <= NF; i++) if ($i == "loss_more") c = i} NR > 1 && $c != "" {n++} END {print n + 0}' d/merges-1.csv)" = 8 ] || fail "not measured on it"

# ---- what would make other branches of the same name is refused
sed 's/branch_tokens: .1/branch_tokens: .2/' domain.yaml >length.yaml
expect 2 "key 'search.branch_tokens' was changed from 0.1 to 0.2" "$command" run length.yaml --dir d --quiet
sed 's/rounds: 1}/rounds: 1, anneal: false}/' domain.yaml >anneal.yaml
expect 2 "key 'search.anneal' was changed" "$command" run anneal.yaml --dir d --quiet
