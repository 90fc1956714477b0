#!/bin/sh
# design: the next runs from a table, a law, a mixture or names alone; as a table, as mixtures, in a trainer's form.
set -eu
command=$1
. tests/support/expect.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
awk 'BEGIN {
    srand(5); print "tokens,weight_web,weight_code,weight_books,loss_web,loss_code"
    for (k = 0; k < 12; k++) {
        w = .15 + .4 * rand(); c = .1 + .3 * rand(); b = 1 - w - c
        printf "1e9,%.6f,%.6f,%.6f,%.5f,%.5f\n", w, c, b, 2.3 + .2 * (w + .3 * b + .05) ^ -.4 + .002 * rand(), 1.8 + .2 * (c + .05) ^ -.4 + .002 * rand()
    }
}' >runs.csv
"$command" fit runs.csv --law effective --bootstrap 60 -q -o law.json >/dev/null

"$command" design law.json --tokens 1B --runs 3 -q >three.txt
grep -q "^next-3 " three.txt && grep -q "expected after these runs" three.txt || { cat three.txt; fail "design of a law"; }
"$command" design law.json --tokens 1B --runs 3 --max code=25% -o next.csv --mixtures mixes --to megatron --json -q >three.json
[ "$(wc -l <next.csv)" = 4 ] && head -1 next.csv | grep -q '^run,tokens,weight_web,weight_code,weight_books$' || { cat next.csv; fail "the table"; }
awk -F, 'NR > 1 && ($4 > .2500001 || $3 + $4 + $5 < .999999 || $3 + $4 + $5 > 1.000001) {exit 1}' next.csv || { cat next.csv; fail "limits of the runs"; }
for k in 1 2 3; do
    [ -s mixes/next-$k.json ] && [ -s mixes/next-$k.megatron ] || fail "files of run $k"
    "$command" export mixes/next-$k.json --to olmo-core -q >/dev/null || fail "export of run $k"
done
"$command" design law.json --tokens 1B --runs 3 --max code=25% -o again.csv -q --threads 1 >/dev/null
cmp -s next.csv again.csv || fail "threads change the runs"
"$command" design runs.csv --tokens 1B --runs 2 -q --no-trees -o - >two.csv
[ "$(wc -l <two.csv)" = 3 ] || { cat two.csv; fail "design of a table"; }

# ---- before there is any run
"$command" design --domains web,code,books,math --tokens 1B --runs 5 -q -o start.csv >/dev/null
sed -n 2p start.csv | grep -q '^next-1,1000000000,0.25,0.25,0.25,0.25$' || { cat start.csv; fail "the prior first"; }
echo '{"web": 0.6, "code": 0.4}' >prior.json
"$command" design prior.json --tokens 1B --runs 2 -q -o - | sed -n 2p | grep -q '^next-1,1000000000,0.6,0.4$' || fail "around a mixture"

expect 2 "a table of runs, LAW.json, MIX.json, or --domains" "$command" design --tokens 1B
expect 2 "--tokens N is required: the tokens of each new run" "$command" design law.json
expect 2 "runs.csv already names the domains" "$command" design runs.csv --domains a,b --tokens 1B
expect 2 "'a' is given twice" "$command" design --domains a,b,a --tokens 1B
expect 2 "--to needs --mixtures DIR" "$command" design law.json --tokens 1B --to megatron
expect 2 "bounds: the maximum shares sum to 0.6" "$command" design law.json --tokens 1B --max .2
expect 2 "--runs: expected 1 to 1000" "$command" design law.json --tokens 1B --runs 0
"$command" fit runs.csv --law effective --bootstrap 0 -q -o bare.json >/dev/null
expect 2 "fit it with --bootstrap 200" "$command" design bare.json --tokens 1B
