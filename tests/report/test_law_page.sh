#!/bin/sh
# The page of a law: what its own script computes is what `autoscale what-if` prints, law by law; what the page holds for
# each kind of subject; errors. Needs node for the script.
set -eu
command=$1
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
die() { echo "FAILED: $*"; exit 1; }
refuses() {
    message=$1
    shift
    set +e
    "$command" "$@" >out 2>err
    code=$?
    set -e
    [ $code = 2 ] && [ ! -s out ] && [ "$(wc -l <err)" = 1 ] && grep -qF -e "$message" err || die "exit $code, '$(cat err)' instead of '$message'"
}
# four domains, two sizes, three budgets, d always 10 %, a target that names a domain; and a star
awk 'BEGIN {
    srand(11); print "tokens,params,weight_web,weight_code,weight_books,weight_d,loss_web,loss_code,loss_other"
    for (k = 0; k < 48; k++) {
        a = .2 + rand(); b = .2 + rand(); c = .2 + rand(); s = (a + b + c) / .9; w = a / s; x = b / s; y = c / s
        n = 10 ^ (9 + k % 3 * .4); p = k % 2 ? 1e8 : 3e8; g = .3 * (n / 1e9) ^ -.3 + .2 * (p / 1e8) ^ -.3
        printf "%.0f,%.0f,%.6f,%.6f,%.6f,%.6f,%.5f,%.5f,%.5f\n", n, p, w, x, y, 1 - w - x - y, 2 + g + .2 * (w + .05) ^ -.4 + .003 * rand(), 1.5 + g + .2 * (x + .05) ^ -.4 + .003 * rand(), 2.2 + g + .1 * (w + y + .05) ^ -.4 + .003 * rand()
    }
}' >runs.csv
awk 'BEGIN {
    print "tokens_a,tokens_b,tokens_c,loss_x,loss_y"
    for (r = 0; r < 7; r++) {
        f[0] = f[1] = f[2] = 1
        if (r) f[int((r - 1) / 2)] = r % 2 ? 3 : 1 / 3
        printf "%.6e,%.6e,%.6e,%.6f,%.6f\n", 1e6 * f[0], 1e6 * f[1], 1e6 * f[2], 2 + .3 * f[0] ^ -.3 + .2 * f[1] ^ -.2, 2 + .4 * f[2] ^ -.3 + .1 * f[1] ^ -.2
    }
}' >star.csv
cut -d, -f1,3- runs.csv >nosize.csv
head -31 runs.csv >short.csv
if command -v node >/dev/null 2>&1; then node=node; else node=; echo "no node here: the page's script is not run"; fi
# $1 a name, $2 options of fit, $3 of what-if and report, $4 "page": through a page too. Asked inside the table's budgets
# and beyond them.
list=
compare() {
    "$command" fit $2 -q --threads 1 -o "$1.json" >/dev/null
    subject=$1.json
    if [ "${4:-}" = page ]; then
        "$command" report "$1.json" $3 -q --threads 1 -o "$1.html" >/dev/null
        grep -q '<section id="try">' "$1.html" && grep -q 'data-source="law.js"' "$1.html" || die "$1: no sliders in the page"
        subject=$1.html
    fi
    case $1 in star) mixes="--mix a=.2,b=.3,c=.5 --mix uniform --mix base" budget=1e8 ;;
    *) mixes="--mix web=.3,code=.5,books=.1,d=.1 --mix web=.05,code=.8,books=.05,d=.1 --mix uniform" budget=50e9 ;; esac
    for n in 2e9 $budget; do
        "$command" what-if "$1.json" --tokens $n $mixes $3 --json >"$1.$n.json"
        list="$list $subject $1.$n.json"
    done
}
small="--bootstrap 24"
compare mult "runs.csv --law reciprocal-mult+gp $small" "" page
compare auto "nosize.csv $small --no-trees" "--objective target:code" page
compare repeats "nosize.csv --law reciprocal-add $small --objective mean-ppl" "--available code=.4e9:9" page
compare star "star.csv --noise .01" "" page
for law in effective dml reciprocal-kaplan reciprocal-joint reciprocal-scale linear constant+gp ddo-joint; do
    compare "$law" "short.csv --law $law $small" ""
done
compare bimix "short.csv --law bimix $small --map ignore=loss_other" ""
"$command" version | grep -q 'xgboost.*not found' || [ -n "${ASC_SMALL:-}" ] || compare trees "short.csv --law trees" ""
[ -z "$node" ] || $node "$here/law_page.js" mult.html $list || die "the page does not compute what what-if does"
# ---- what the page holds ----
"$command" report runs.csv --law effective $small -q --max web=30% --mix uniform >/dev/null # a table: fitted first; report.html here
for id in answer try worth slices budget fit made; do
    grep -q "<section id=\"$id\">" report.html || die "no section $id"
done
grep -q '"held out"' report.html || grep -q 'without the chart library' report.html || die "no held-out points"
grep -q 'here the mixture is taken as given' report.html || die "why P at the top and P of the sliders differ is not said"
! grep -q '<dt>parameters</dt><dd>–' report.html || die "sizes that the table does not have"
grep -q 'your maximum' report.html || die "the limit is not said"
! sed '/<script/,/<\/script>/d' report.html | grep -qi 'src=\|href="[^#]\|url(' || die "the page fetches something"
"$command" fit runs.csv --law effective $small -q -o seen.json >/dev/null
"$command" report seen.json runs.csv -q -o seen.html >/dev/null
grep -q '"never seen"' seen.html || grep -q 'without the chart library' seen.html || die "runs given are not shown"
"$command" optimize seen.json --tokens 4e9 -q -o mix.json >/dev/null
[ "$("$command" report mix.json --json | grep -c '"report": "report.html"')" = 1 ] || die "report --json of a mixture"
grep -q 'autoscale export mix.json --to megatron' report.html || die "no export lines"
! grep -q '<dd>null</dd>' report.html || die "the page of a mixture shows what was not given as null"
! grep -q '2.[0-9]\{9\}</dd>' report.html || die "a mixture's page shows 17 digits"
for trainer in $("$command" export --help | sed -n 's/.*--to *\([a-z|-]*\).*/\1/p' | head -1 | tr '|' ' '); do
    grep -q -e "--to $trainer" report.html || die "export to $trainer is not in the page"
done
touch study.db # a study's report stays its own
[ "$("$command" report mix.json)" = mix.html ] || die "a study's report.html would be overwritten"
# ---- errors ----
refuses "--tokens is for the report of a law" report mix.json --tokens 1e9
refuses "seen.json is a law already" report seen.json --noise .1
refuses "no domain named 'webb'" report seen.json --max webb=.1
echo '{"laws": 3}' >bad.json
refuses "bad.json" report bad.json
refuses "nowhere" report nowhere.csv
