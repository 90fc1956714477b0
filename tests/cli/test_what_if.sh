#!/bin/sh
# what-if: predictions of given mixtures and their differences; limits named on the command line.
set -eu
command=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
command -v python3 >/dev/null 2>&1 || { echo "skipped: no python3 to check JSON with"; exit 77; }
die() { echo "FAILED: $*"; exit 1; }
check() { python3 -c "import json,sys; d=json.load(open(sys.argv[1])); assert $2, d" "$1" || die "$2 in $1"; }
refuses() {
    message=$1
    shift
    set +e
    "$command" "$@" >"$work/out" 2>"$work/err"
    code=$?
    set -e
    [ $code = 2 ] || die "exit $code instead of 2: $*"
    [ ! -s "$work/out" ] || die "stdout not empty: $*"
    [ "$(wc -l <"$work/err")" = 1 ] || die "not one line: $(cat "$work/err")"
    grep -qF -e "$message" "$work/err" || die "'$(cat "$work/err")' instead of '$message'"
}
# two budgets, three domains of which d is always 10 %, an accuracy; truth: code helps code, web helps web
awk 'BEGIN {
    srand(5); print "tokens,weight_web,weight_code,weight_d,loss_web,loss_code,acc_quiz"
    for (k = 0; k < 40; k++) {
        w = .15 + .6 * rand(); c = .9 - w; n = k % 2 ? 1e9 : 4e9; g = .3 * (n / 1e9) ^ -.3
        printf "%g,%.6f,%.6f,.1,%.5f,%.5f,%.5f\n", n, w, c, 2 + g + .2 * (w + .05) ^ -.4 + .002 * rand(), 1.5 + g + .2 * (c + .05) ^ -.4 + .002 * rand(), 1 / (1 + exp(-(w - .5)))
    }
}' >"$work/runs.csv"
"$command" fit "$work/runs.csv" --law reciprocal-add --bootstrap 60 -q -o "$work/law.json" >"$work/fit.txt"
# ---- what domains are worth, in fit ----
grep -q "^code .*  code -1\.7.*  acc_quiz +10" "$work/fit.txt" && grep -q "^domain.*1B more" "$work/fit.txt" && grep -q "^code  *+[0-9.]*\*  *-1[0-9.]*\*" "$work/fit.txt" || die "text of values: $(cat "$work/fit.txt")"
"$command" fit "$work/runs.csv" --law reciprocal-add --bootstrap 60 -q --json >"$work/fit.json"
check "$work/fit.json" 'd["values"]["domains"]["code"]["per_point"]["loss"]["code"]["ci"][1] < 0 < d["values"]["domains"]["code"]["per_point"]["loss"]["web"]["ci"][0]'
check "$work/fit.json" 'd["values"]["domains"]["web"]["per_billion_tokens"]["loss"]["web"]["change"] < 0 and abs(sum(d["values"]["weights"].values()) - 1) < 1e-9'
check "$work/fit.json" 'd["values"]["domains"]["d"]["per_point"]["objective"]["change"] is None and d["values"]["tokens"] > 3.9e9'
# ---- what-if ----
"$command" what-if "$work/law.json" --tokens 2B --mix web=.6,code=30%,d=.1 --mix web=.3,code=.6,d=.1 --json >"$work/w.json"
check "$work/w.json" '[m["name"] for m in d["mixtures"]] == ["web=.6,code=30%,d=.1", "web=.3,code=.6,d=.1"] and d["tokens"] == 2000000000'
check "$work/w.json" 'all(m["why"] is None and m["loss"]["web"]["ci"][0] <= m["loss"]["web"]["predicted"] <= m["loss"]["web"]["ci"][1] for m in d["mixtures"])'
python3 - "$work/w.json" <<'PY' # the truth that the table was made of
import json, sys
d = json.load(open(sys.argv[1]))
g = .3 * 2 ** -.3
for m in d["mixtures"]:
    w, c = m["weights"]["web"], m["weights"]["code"]
    for name, want in (("web", 2.001 + g + .2 * (w + .05) ** -.4), ("code", 1.501 + g + .2 * (c + .05) ** -.4)):
        got = m["loss"][name]["predicted"]
        assert abs(got - want) < .01, (name, got, want)
    import math
    assert abs(m["loss"]["acc_quiz"]["accuracy"] - 1 / (1 + math.exp(.5 - w))) < .02, m
x = d["differences"]
assert len(x) == 1 and x[0]["against"].startswith("web=.6")
assert x[0]["loss"]["web"]["difference"] > .02 and x[0]["loss"]["web"]["p_better"] < .05
assert x[0]["loss"]["code"]["difference"] < -.02 and x[0]["loss"]["code"]["p_better"] > .95
PY
# one share set, the others in proportion; a file; named starts
"$command" optimize "$work/law.json" --tokens 2e9 --min d=10% --max d=10% -o "$work/mix.json" >/dev/null
"$command" what-if "$work/law.json" --tokens 2e9 --mix "$work/mix.json" --set code=30% --json >"$work/w.json"
check "$work/w.json" 'abs(d["mixtures"][1]["weights"]["code"] - .3) < 1e-12 and abs(sum(d["mixtures"][1]["weights"].values()) - 1) < 1e-12'
check "$work/w.json" 'd["differences"][0]["mixture"].endswith("mix.json with code=30%")'
check "$work/w.json" 'abs(d["mixtures"][1]["weights"]["d"] - .1) < 1e-9 and d["mixtures"][1]["why"] is None and d["differences"][0]["objective"]["p_better"] is not None'
"$command" what-if "$work/law.json" --tokens 2e9 --mix "$work/mix.json" --set d=30% --json >"$work/w.json"
check "$work/w.json" 'd["mixtures"][1]["why"] is not None and d["mixtures"][1]["loss"]["web"]["predicted"] is None and d["differences"][0]["objective"]["p_better"] is None'
"$command" what-if "$work/law.json" --tokens 2e9 --mix uniform --mix base | grep -q "the share of 'd' is 0.1 in every run" || die "a share that never varied"
"$command" what-if "$work/law.json" --tokens 2e9 --mix natural --available web=1B,code=.4B --available d=.2B:4 --json >"$work/w.json"
check "$work/w.json" 'abs(d["mixtures"][0]["weights"]["web"] - .625) < 1e-12 and abs(d["mixtures"][0]["epochs"]["web"] - 1.25) < 1e-12'
"$command" what-if "$work/law.json" --tokens 40B --mix web=.85,code=.05,d=.1 --json >"$work/w.json"
check "$work/w.json" '9 < d["extrapolated"]["tokens"] < 11 and d["mixtures"][0]["extrapolated"]["code"] > 1 and "d" not in d["mixtures"][0]["extrapolated"]'
"$command" what-if "$work/law.json" --tokens 2e9 --mix web=.6,code=.3,d=.1 --mix web=.3,code=.6,d=.1 >"$work/w.txt"
grep -q "P(better)" "$work/w.txt" && grep -q "^  acc_quiz      *0\.5" "$work/w.txt" || die "text of what-if"
# all runs of one budget: losses elsewhere are not invented
awk -F, 'NR == 1 || $1 == 1e9' "$work/runs.csv" >"$work/one.csv"
"$command" fit "$work/one.csv" --law reciprocal-add --bootstrap 40 -q --json -o "$work/one.json" >"$work/fit.json"
check "$work/fit.json" 'd["values"]["domains"]["web"]["per_billion_tokens"] is None'
"$command" what-if "$work/one.json" --tokens 50B --mix web=.6,code=.3,d=.1 --mix web=.3,code=.6,d=.1 --json >"$work/w.json"
check "$work/w.json" 'all(m["objective"]["predicted"] is None and "are unknown" in m["why"] for m in d["mixtures"]) and d["differences"][0]["loss"]["code"]["p_better"] > .9'
check "$work/w.json" 'any("differences between mixtures" in n for n in d["notes"])'
refuses "--mix A is required" what-if "$work/law.json" --tokens 2e9
refuses "--tokens N is required" what-if "$work/law.json" --mix uniform
refuses "no domain named 'wbe'; did you mean 'web'?" what-if "$work/law.json" --tokens 2e9 --mix wbe=1
refuses "expected shares that sum to 1 within .01, found 0.5" what-if "$work/law.json" --tokens 2e9 --mix web=.5
refuses "expected a file, uniform, natural, base" what-if "$work/law.json" --tokens 2e9 --mix nowhere.json
refuses "needs the tokens of 'web'" what-if "$work/law.json" --tokens 2e9 --mix natural
refuses "more than 1" what-if "$work/law.json" --tokens 2e9 --mix uniform --set web=.7 --set code=.7
refuses "--set: expected a share (.1 or 10%), found 'much'" what-if "$work/law.json" --tokens 2e9 --mix uniform --set web=much

# ---- limits by name ----
"$command" optimize "$work/law.json" --tokens 2e9 --max 80% --max code=20% --min web=10%,d=.1 --max d=.1 --json >"$work/o.json"
check "$work/o.json" 'd["weights"]["code"] <= .2 + 1e-12 and abs(d["weights"]["d"] - .1) < 1e-9'
"$command" optimize "$work/law.json" --tokens 2e9 --available code=100M:2 --available web=4B --json >"$work/o.json"
check "$work/o.json" 'd["tokens"]["code"] <= 200000000 and d["epochs"]["code"] <= 2.0001'
echo '{"code": 50000000, "web": {"tokens": "2B"}}' >"$work/available.json"
"$command" optimize "$work/law.json" --tokens 2e9 --available "$work/available.json" --available code=100M --json >"$work/o.json"
check "$work/o.json" '50000000 < d["tokens"]["code"] <= 100000000'
printf 'tokens,weight_a,weight_b\n1e6,.5,.5\n4e6,.4,.6\n' >"$work/optima.csv"
"$command" predict "$work/optima.csv" --tokens 16M --max b=62% --json >"$work/r.json"
check "$work/r.json" 'd["weights"]["b"] <= .62 + 1e-12'
refuses "--max: no domain named 'cod'; did you mean 'code'?" optimize "$work/law.json" --tokens 2e9 --max cod=.1
refuses "--max: domain 'code' is given twice" optimize "$work/law.json" --tokens 2e9 --max code=.1,code=.2
refuses "--max: expected a share in [0, 1], found 12" optimize "$work/law.json" --tokens 2e9 --max code=12
refuses "minimum share 0.5 exceeds its maximum 0.2" optimize "$work/law.json" --tokens 2e9 --max code=.2 --min code=.5
refuses "expected TOKENS or TOKENS:EPOCHS (40B:4), found '40B:x'" optimize "$work/law.json" --tokens 2e9 --available code=40B:x
