#!/bin/sh
# Proxies before branches: what they find is where the target begins, killed anywhere and for any --jobs the same, and kept
# when the study is edited.
set -eu
command=$1
. tests/support/expect.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
scripts/tiny-study "$work"
cd "$work"
sed -i '/^scales/d; /^design/d; s/16e3, seeds: 2, against: \[natural\]/32e3, seeds: 2/; s/tokens: 1000/tokens: 400/' study.yaml
sed 's/^target/objective: {books: 0.75, code: 0.25}\n&/' study.yaml >swarm.yaml
echo 'search: {method: branch, at_most: 16, branch_tokens: .1, merges: 9, rounds: 1, runs: 14, tokens: .4}' >>swarm.yaml
echo 'scales: [4000]' >>swarm.yaml
run() { "$command" run "$1.yaml" --dir "$2" "${3:---quiet}" 2>/dev/null; }
same() { cmp one/mixture.json "$1/mixture.json" && cmp one/runs.csv "$1/runs.csv" && cmp one/merges-1.csv "$1/merges-1.csv" || fail "$2"; }

# ---- planned and made: the same runs; the target begins on the proxies' optimum
"$command" plan swarm.yaml --json >plan.json
run swarm one >text
sed -n 's/.*"id": "\([sbt][^"]*\)".*/\1/p' plan.json | grep -v schedule | sort >a; ls one/runs | grep -v schedule | sort >b # one if it is better
cmp a b || { diff a b; fail "runs planned and made"; }
grep -q "the target begins on that optimum" text || { cat text; fail "proxies found nothing"; }
python3 - <<'END' || fail "prefix, proxies and cost"
import csv, json
plan = json.load(open('plan.json'))['search']
assert plan['proxies']['runs'] == 21 and abs(plan['proxies']['share'] + plan['branches']['share'] + plan['merges']['share'] - plan['share']) < 1e-9, plan
first = json.load(open('one/runs/b32k-prefix-r0/run.json'))['phases'][0]
first = first.get('tokens', first)
total = sum(first.values()) if isinstance(first, dict) else sum(first)
books = first['books'] if isinstance(first, dict) else first[0]
assert books / total > .5, first # two thirds of the objective and more; uniform has a third
END

# ---- killed at any moment, with another number of processes: the same
for wait in .1 .25 .4 .6; do
    "$command" run swarm.yaml --dir two --jobs 1 --quiet >/dev/null 2>&1 & pid=$!
    sleep $wait; kill -9 $pid 2>/dev/null || true; wait $pid 2>/dev/null || true
done
run swarm two >/dev/null; same two "after kills"
run swarm one >again; cmp text again || { diff text again; fail "once more"; }

# ---- another question: the target's run has begun, and stays where it began; no proxy is made that would come too late
prefix=$(cksum <one/runs/b32k-prefix-r0/result.json)
sed 's/books: 0.75, code: 0.25/books: 0.5, code: 0.5/' swarm.yaml >other.yaml
"$command" plan other.yaml --dir one >plan.txt || { cat plan.txt; fail "plan of the edited study"; }
run other one >text
[ "$(cksum <one/runs/b32k-prefix-r0/result.json)" = "$prefix" ] && [ "$(ls one/runs | grep -c prefix)" = 2 ] && [ "$(ls one/runs | grep -c mix)" = 14 ] || fail "other prefixes or proxies: $(ls one/runs)"
sed 's/runs: 14/runs: 8/' swarm.yaml >proxies.yaml
expect 2 "key 'search.proxies.runs' was changed from 14 to 8" "$command" run proxies.yaml --dir one --quiet
sed 's/, runs: 14, tokens: .4//; s/scales: .*/scales: [4000, 12800]/' swarm.yaml >none.yaml
expect 2 "key 'scales' was changed" "$command" run none.yaml --dir one --quiet

# ---- stars of two budgets instead; too dear; what is wrong in the file
sed 's/, runs: 14, tokens: .4//; s/scales: .*/scales: [1600, 3200]/' swarm.yaml >stars.yaml
run stars three >text
grep -q "The start: the proxies' law" text && [ -d three/runs/s3.2k-base-r0 ] || { cat text; fail "stars before branches"; }
sed 's/at_most: 16/at_most: .5/' swarm.yaml >dear.yaml
expect 2 "search.at_most 0.5 pays for 0 runs of 12800 tokens beside the stars" "$command" plan dear.yaml
sed 's/runs: 14, //' swarm.yaml >alone.yaml
expect 2 "search.tokens: is of proxies before the branches; say how many, search.runs" "$command" plan alone.yaml
sed '/^scales/d' swarm.yaml >one_budget.yaml
expect 2 "search.runs: proxies before branches say where the target begins, and proxies of one budget tell nothing of another" "$command" plan one_budget.yaml
sed 's/scales: .*/scales: [12800]/' swarm.yaml >same.yaml
expect 2 "scales: proxies before branches say where" "$command" plan same.yaml
