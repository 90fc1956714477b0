#!/bin/sh
# What a search may cost: planned, cut to fit and told, with the same numbers for plan and run.
set -eu
command=$1
. tests/support/expect.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
scripts/tiny-study "$work"
cd "$work"
value() { sed -n "s/.*\"$1\": \([0-9.e+-]*\),*.*/\1/p" "$2" | head -n 1; }
below() { awk "BEGIN {exit !($1 <= $2)}" || fail "$3: $1 is above $2"; }
study() { name=$1; shift; sed "$@" study.yaml >"$name.yaml"; cmp -s study.yaml "$name.yaml" && fail "$name: sed changed nothing" || true; }

# ---- a limit that is kept changes nothing; one that is not cuts the scales, the largest first
study wide '$a search: {method: ddo, at_most: 9}'
study cut '$a search: {at_most: 6.5}'
study narrow '$a search: {at_most: 2}'
"$command" plan study.yaml --json >plan.json
"$command" plan wide.yaml --json >wide.json
sed -n '/"runs"/,/^  \]/p' plan.json | grep -v seconds >a; sed -n '/"runs"/,/^  \]/p' wide.json | grep -v seconds >b
cmp a b || fail "a limit that is kept changed the plan"
for n in cut narrow; do "$command" plan $n.yaml --json >$n.json; done
below "$(value share cut.json)" 6.5 "share of the cut search"
below 6.3 "$(value share cut.json)" "the cut search leaves money"
below "$(value share narrow.json)" 2 "share of the narrow search"
grep -q '"id": "s4k-base-r0"' cut.json && [ "$(grep -c '"kind": "base"' cut.json)" = 4 ] || fail "the smaller scale is not kept"
[ "$(grep -c '"kind": "base"' narrow.json)" = 2 ] || fail "scales that come close are one"
grep -q 'search.at_most 2: .*a single scale cannot measure growth' narrow.json || fail "no word of what was cut"

# ---- the study is the plan
"$command" run narrow.yaml --dir narrow --json --jobs 2 >run.json 2>/dev/null
below "$(value search_share run.json)" 2 "search_share of the answer"
planned=$(value share narrow.json); took=$(value search_share run.json)
awk "BEGIN {exit !($took > .98 * $planned && $took < 1.02 * $planned)}" || fail "planned $planned, took $took"
grep -o 's[0-9.k]*-base-r0' narrow.json | sort -u >a; (cd narrow/runs && ls -d s*-base-r0) >b
cmp a b || fail "scales of plan and run"
"$command" run narrow.yaml --dir narrow 2>/dev/null | grep -q '^The search cost .* times its FLOPs, evaluation included' || fail "cost in the last lines"

grep -Eq '"verdict": "(P.better than uniform. [0-9.]+: [0-9.]+ nats below it|no mixture that was trained beats uniform by more than [0-9.]+ nats|every mixture that was trained is worse).*; the search took 1[0-9.]+ % of the target' run.json || { cat run.json; fail "no straight answer"; }
grep -q 'The answer in one sentence' narrow/report.html || fail "no straight answer in the report"
sed 's/validate: true//; s/seeds: 2/validate: false/' narrow.yaml >law.yaml
"$command" run law.yaml --dir law --json --jobs 2 >law.json 2>/dev/null
grep -q '"verdict": ".*according to the law of all runs; nothing was trained at the target' law.json || { cat law.json; fail "no straight answer of a law"; }

# ---- more money later: an edit that keeps the runs there are
"$command" run wide.yaml --dir narrow --quiet >/dev/null || fail "a wider limit is harmless"
"$command" run study.yaml --dir narrow --quiet >/dev/null || fail "no limit is harmless"

# ---- a swarm: rounds, any --jobs, killed, cut
sed '/^scales/d; /^design/d; s/against: .natural., //' study.yaml >swarm.yaml
echo 'search: {method: swarm, runs: 9, tokens: 4e3, rounds: 3}' >>swarm.yaml
"$command" run swarm.yaml --dir s1 --jobs 1 --json >s1.json 2>/dev/null
[ "$(ls -d s1/runs/s4k-mix-* | wc -l)" = 9 ] || grep -q 'the search ended' s1/report.html || fail "runs of a swarm: $(ls s1/runs)"
"$command" run swarm.yaml --dir s2 --jobs 2 --quiet >/dev/null 2>&1 & pid=$!
sleep 1; kill -9 $pid 2>/dev/null || true; wait $pid 2>/dev/null || true
"$command" run swarm.yaml --dir s2 --jobs 2 --quiet >/dev/null
cmp s1/mixture.json s2/mixture.json || fail "a swarm after a kill"
sort s1/runs.csv >a; sort s2/runs.csv | cmp - a || fail "runs of a swarm after a kill"
# killed in the middle of its second round: the runs of it that are made do not change what the round is
"$command" run swarm.yaml --dir s3 --jobs 1 --quiet >/dev/null 2>&1 & pid=$!
tries=0
until [ -e s3/runs/s4k-mix-5/run.json ] || [ $tries -gt 2000 ]; do sleep .02; tries=$((tries + 1)); done
kill -9 $pid 2>/dev/null || true; wait $pid 2>/dev/null || true
"$command" run swarm.yaml --dir s3 --jobs 1 --quiet >/dev/null
cmp s1/mixture.json s3/mixture.json && cmp s1/runs.csv s3/runs.csv || fail "a swarm killed in its second round: $(ls s3/runs)"
sed 's/^target: {/target: {against: [natural], /' swarm.yaml >again.yaml
"$command" run again.yaml --dir s1 --jobs 2 --quiet >/dev/null
ls s1/runs | grep -q -- '-v2' && fail "one more candidate, and the swarm chose its later runs anew: $(ls s1/runs)"
sed 's/rounds: 3/rounds: 3, at_most: 2/' swarm.yaml >less.yaml
"$command" plan less.yaml --json >less.json
below "$(value share less.json)" 2 "share of a cut swarm"
grep -q 'search.at_most 2 pays for [4-8] of the swarm.s 9 runs' less.json || fail "no word of the runs cut"
sed 's/rounds: 3/rounds: 3, pull: .5/' swarm.yaml >pull.yaml
expect 2 "search.pull: goes with method: branch" "$command" plan pull.yaml
sed 's/at_most: 0.1/at_most: 0.1/; s/rounds: 3/rounds: 3, at_most: .5/' swarm.yaml >few.yaml
expect 2 "search.at_most 0.5 pays for 1 runs of 4000 tokens, a law of 3 domains needs 4" "$command" plan few.yaml

# ---- stars and a swarm in one study: planned as run, one law of all their rows, killed in the swarm's second round
sed 's/^scales: .*/scales: [4e3]/; s/against: .natural., //' study.yaml >both.yaml
echo 'search: {method: swarm, runs: 6, tokens: 6400, rounds: 2}' >>both.yaml
"$command" plan both.yaml --json >plan.json
"$command" run both.yaml --dir b1 --jobs 1 --json >run.json 2>/dev/null
grep -o '"id": "[^"]*-\(base\|up\|down\|mix\)-[^"]*' plan.json | sed 's/.*"//' | sort >a; (cd b1/runs && ls -d s4k-* s6.4k-*) | sort >b
[ "$(wc -l <b)" = 14 ] && cmp a b || fail "stars and swarm: planned $(cat a), made $(cat b)"
[ "$(value share plan.json)" = "$(value search_share run.json)" ] || fail "cost of stars and swarm: $(value share plan.json) planned, $(value search_share run.json) taken"
grep -v '^t16k' b1/runs.csv >rows.csv
"$command" fit rows.csv --objective mean-domains -o law.json --quiet 2>/dev/null
"$command" optimize law.json --tokens 16000 --json >optimum.json 2>/dev/null
books=$(sed -n '/"tokens"/,/}/s/.*"books": \([0-9]*\).*/\1/p' optimum.json); trained=$(awk -F, '$1 == "t16k-joint-r0" {print $5}' b1/runs.csv)
awk "BEGIN {d = $books - $trained; exit !(d <= 16 && d >= -16)}" || fail "the law of all rows gives books $books tokens, the study's $trained"
"$command" run both.yaml --dir b2 --jobs 2 --quiet >/dev/null 2>&1 & pid=$!
tries=0
until [ -e b2/runs/s6.4k-mix-4/run.json ] || [ $tries -gt 2000 ]; do sleep .02; tries=$((tries + 1)); done
kill -9 $pid 2>/dev/null || true; wait $pid 2>/dev/null || true
"$command" run both.yaml --dir b2 --jobs 2 --quiet >/dev/null
cmp b1/mixture.json b2/mixture.json && sort b1/runs.csv >a && sort b2/runs.csv | cmp - a || fail "stars and a swarm after a kill"
# ---- the search changes: what was made feeds the law and counts, only what is missing is made; back to stars alone
sed '/^scales/d; /^design/d; s/runs: 6/runs: 8/' both.yaml >more.yaml
cp -r b1 b3
results=$(cksum b1/runs/s*/result.json | cut -d' ' -f1,2)
"$command" plan more.yaml --dir b1 --json >plan.json
[ "$(grep -c '"id": "s6.4k-mix-[67]"' plan.json)" = 2 ] && [ "$(grep -c '"id": "s' plan.json)" = 2 ] || fail "planned beside what was made: $(grep '"id"' plan.json)"
"$command" run more.yaml --dir b1 --jobs 1 --json >run.json 2>/dev/null
[ "$(ls b1/runs | grep -c '^s')" = 16 ] && ! ls b1/runs | grep '^s' | grep -q -- -v2 || fail "runs of the changed search: $(ls b1/runs)"
[ "$(cd b1/runs && cksum s4k-*/result.json s6.4k-mix-[0-5]/result.json | cut -d' ' -f1,2)" = "$results" ] || fail "runs of before were made again"
[ "$(value share plan.json)" = "$(value search_share run.json)" ] || fail "cost of the changed search: $(value share plan.json) planned, $(value search_share run.json) taken"
grep -q '14 runs were made before the search changed (s4k-base-r0, ...)' plan.json && grep -q '14 runs were made before the search changed' b1/report.html || fail "no word of earlier runs"
"$command" run more.yaml --dir b3 --jobs 2 --quiet >/dev/null 2>&1 & pid=$!
tries=0
until [ -e b3/runs/s6.4k-mix-7/run.json ] || [ $tries -gt 2000 ]; do sleep .02; tries=$((tries + 1)); done
kill -9 $pid 2>/dev/null || true; wait $pid 2>/dev/null || true
"$command" run more.yaml --dir b3 --jobs 2 --quiet >/dev/null
cmp b1/mixture.json b3/mixture.json && sort b1/runs.csv >a && sort b3/runs.csv | cmp - a || fail "a changed search after a kill"
sed '/^search/d' both.yaml >stars.yaml
"$command" run stars.yaml --dir b1 --quiet >/dev/null || fail "back to stars alone"
[ "$(ls b1/runs | grep -c '^s')" = 16 ] && grep -q '^s6.4k-mix-7,' b1/runs.csv || fail "stars after a swarm: $(ls b1/runs)"

sed '/^scales/d' both.yaml >design.yaml
expect 2 "design: goes with scales" "$command" plan design.yaml
sed 's/^target: {/target: {against: [keep-last], /' both.yaml >keep.yaml
expect 2 "'keep-last' goes with search.method ddo; search.method swarm has one law of all runs" "$command" plan keep.yaml

# ---- nothing left of it, bad words
study nothing '$a search: {at_most: 0.1}'
expect 2 "nothing.yaml: search.at_most 0.1 leaves the star's base 0 tokens, and it needs 144" "$command" run nothing.yaml --dir nothing --quiet
study word '$a search: {method: magic}'
expect 2 "word.yaml:[0-9]*:[0-9]*: method: expected ddo" "$command" plan word.yaml
study zero '$a search: {at_most: 0}'
expect 2 "at_most: expected a number" "$command" plan zero.yaml

# ---- two domains, as few runs as a law can be made of; fewer than that, and caps that leave no mixture, before any is made
sed '/name: news/d' swarm.yaml >pair.yaml
sed 's/runs: 9, tokens: 4e3, rounds: 3/runs: 8, tokens: 2e3, rounds: 3, at_most: 1/; s/^target:.*/target: {tokens: 16e3, seeds: 1}/' pair.yaml >few.yaml
"$command" run few.yaml --dir few --quiet >few.txt || fail "a swarm of two domains that its budget leaves few runs"
grep -q "search.at_most 1 pays for [4-7] of the swarm's 8 runs" few.txt && [ "$(ls few/runs | grep -c mix)" -ge 4 ] || fail "few runs: $(cat few.txt)"
sed 's/runs: 8/runs: 3/; s/, at_most: 1//' few.yaml >three.yaml
expect 2 'three.yaml: search.runs: expected 4 runs or more, which a law needs, found 3' "$command" run three.yaml --dir three --quiet
sed 's/txt"/txt", max_epochs: .1/' few.yaml >capped.yaml
"$command" plan capped.yaml >capped.txt
grep -q 'note: judging by file sizes, `autoscale run` will refuse this study: capped.yaml: 16000 tokens requested' capped.txt || fail "caps by file sizes: $(cat capped.txt)"
expect 2 'capped.yaml: 16000 tokens requested, but the max_epochs of all domains allow only' "$command" run capped.yaml --dir capped --quiet
[ ! -e capped/runs ] || fail "runs of a study that cannot be"
