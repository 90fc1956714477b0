#!/bin/sh
# Tables as people have them, through the commands: dialects, other tools' layouts, --map, joins, columns that look wrong.
set -eu
command=$1
shared=${ASC_SHARED_DIR:-../shared}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
command -v python3 >/dev/null 2>&1 || { echo "skipped: no python3 to check JSON with"; exit 77; }
die() { echo "FAILED: $*"; exit 1; }
check() { python3 -c "import json,sys; d=json.load(open(sys.argv[1])); assert $2, d" "$1" || die "$2 in $1"; }
# refuses MESSAGE ARGS..: exit 2, one line with the message
refuses() {
    message=$1
    shift
    set +e
    "$command" "$@" >"$work/out" 2>"$work/err"
    code=$?
    set -e
    [ $code = 2 ] || die "exit $code instead of 2: $*"
    [ "$(wc -l <"$work/err")" = 1 ] || die "not one line: $(cat "$work/err")"
    grep -qF -e "$message" "$work/err" || die "'$(cat "$work/err")' instead of '$message'"
}

# ---- one table, many dialects: the same law to the last bit ----
awk 'BEGIN {
    srand(3); print "run,tokens,weight_web,weight_code,weight_books,loss_web,loss_code"
    for (k = 0; k < 16; k++) {
        u = .05 + rand(); v = .05 + rand(); w = .05 + rand(); s = u + v + w; a = int(1000 * u / s) / 1000; b = int(1000 * v / s) / 1000
        printf "r%d,1000000000,%.3f,%.3f,%.3f,%.4f,%.4f\n", k, a, b, 1 - a - b, 2 + .4 / (a + .1) ^ .3, 2.2 + .5 / (b + .1) ^ .4
    }
}' >"$work/plain.csv"
fit() { "$command" fit "$@" --law dml --bootstrap 20 -q -o "$work/law.json" >/dev/null 2>"$work/err" || die "fit $*: $(cat "$work/err")"; }
digest() { python3 -c "
import json,sys; d=json.load(open(sys.argv[1])); del d['notes']; print(json.dumps(d))" "$work/law.json" | sha256sum; }
fit "$work/plain.csv"
want=$(digest)
tr ',' '\t' <"$work/plain.csv" >"$work/tab.tsv"
tr ',.' ';,' <"$work/plain.csv" >"$work/semicolon.csv"
(echo 'sep=,'; cat "$work/plain.csv") >"$work/sep.csv"
tr '\n' '\r' <"$work/plain.csv" >"$work/cr.csv"
awk 'NR == 1 { print "," $0; next } { print NR - 2 "," $0 }' "$work/plain.csv" >"$work/index.csv"
sed 's/$/,/' "$work/plain.csv" >"$work/trailing.csv"
sed 's/,1000000000,/,1B,/' "$work/plain.csv" >"$work/unit.csv"
python3 - "$work" <<'PY'
import csv, json, sys
rows = list(csv.DictReader(open(sys.argv[1] + "/plain.csv")))
number = lambda k, v: v if k == "run" else float(v)
with open(sys.argv[1] + "/lines.jsonl", "w") as f:
    for r in rows:
        print(json.dumps({k: number(k, v) for k, v in r.items()}), file=f)
with open(sys.argv[1] + "/mix.csv", "w") as f, open(sys.argv[1] + "/loss.csv", "w") as g:
    print("run,name,index,web,code,books", file=f)
    print("run,eval/web/loss,eval/code/loss", file=g)
    for i, r in enumerate(rows):
        print(r["run"], "x", i, r["weight_web"], r["weight_code"], r["weight_books"], sep=",", file=f)
    for r in reversed(rows):
        print(r["run"], r["loss_web"], r["loss_code"], sep=",", file=g)
PY
for t in tab.tsv semicolon.csv sep.csv cr.csv index.csv trailing.csv unit.csv lines.jsonl; do
    fit "$work/$t"
    [ "$(digest)" = "$want" ] || die "$t gives another law"
done
fit "$work/mix.csv" "$work/loss.csv" --map tokens=1e9
[ "$(digest)" = "$want" ] || die "two joined files give another law"
head -1 "$work/plain.csv" | tr a-z A-Z >"$work/upper.csv"
tail -n +2 "$work/plain.csv" >>"$work/upper.csv"
"$command" table "$work/upper.csv" --json >"$work/t.json"
check "$work/t.json" 'd["domains"] == ["WEB", "CODE", "BOOKS"] and d["targets"] == ["WEB", "CODE"] and d["n_runs"] == 16'

# ---- table: what is taken for what, the table anew ----
"$command" table "$work/mix.csv" "$work/loss.csv" --map tokens=1e9 -o "$work/runs.csv" >"$work/t.txt"
grep -q "joined on run" "$work/t.txt" && grep -q "share of books" "$work/t.txt" || die "text of table"
head -1 "$work/runs.csv" | grep -qx "run,tokens,weight_web,weight_code,weight_books,loss_web,loss_code,name,index" || die "columns of runs.csv"
fit "$work/runs.csv"
[ "$(digest)" = "$want" ] || die "the written table gives another law"
"$command" table "$work/mix.csv" "$work/loss.csv" --map tokens=1e9 --json -o "$work/runs2.csv" >"$work/t.json"
cmp -s "$work/runs.csv" "$work/runs2.csv" || die "table --json -o"
check "$work/t.json" 'd["key"] == "run" and [c["role"] for c in d["columns"]][:3] == ["run", "ignored", "ignored"] and d["ignored"] == ["name", "index"]'
"$command" table "$work/runs.csv" -o - | cmp -s - "$work/runs.csv" || die "table -o - of a table that is in order already"
refuses "weight_ columns need a column 'tokens'" table "$work/mix.csv" "$work/loss.csv"
grep -q "share of web" "$work/out" || die "what is known is shown where something is missing"
refuses "no column named 'stp'" table "$work/plain.csv" --map tokens=stp
refuses "expected ROLE=COLUMN" fit "$work/plain.csv" --map weights

# ---- said before it is used; quiet is quiet ----
"$command" fit "$work/mix.csv" "$work/loss.csv" --map tokens=1e9 --law dml --bootstrap 0 --json >"$work/fit.json" 2>"$work/err"
grep -q "domains: web, code, books" "$work/err" && grep -q "targets: web (eval/web/loss), code (eval/code/loss)" "$work/err" &&
    grep -q "ignored columns: name, index" "$work/err" || die "list of columns: $(cat "$work/err")"
check "$work/fit.json" 'd["columns"] == {"domains": ["web", "code", "books"], "targets": ["web", "code"], "ignored": ["name", "index"]}'
"$command" compare "$work/plain.csv" --no-trees -q --json 2>"$work/err" >"$work/cmp.json"
[ ! -s "$work/err" ] || die "--quiet: $(cat "$work/err")"
"$command" score "$work/law.json" "$work/plain.csv" --json 2>"$work/err" >"$work/score.json"
grep -q "targets: web, code" "$work/err" || die "score lists"
# score looks at what the law knows alone
awk -F, 'NR == 1 { print $0 ",loss_scale,loss_new"; next } { print $0 ",65536,nonsense" }' "$work/plain.csv" >"$work/more.csv"
"$command" score "$work/law.json" "$work/more.csv" --json 2>/dev/null | cmp -s - "$work/score.json" || {
    "$command" score "$work/law.json" "$work/more.csv" --json 2>/dev/null >"$work/more.json"
    check "$work/more.json" 'd["columns"]["ignored"] == ["loss_scale", "loss_new"]'
    python3 -c "import json,sys; a,b=(json.load(open(p)) for p in sys.argv[1:]); assert a['targets']==b['targets'] and a['objective']==b['objective']" \
        "$work/score.json" "$work/more.json" || die "score with columns that the law does not know"
}

# ---- what looks wrong ----
awk -F, 'NR == 1 { print $0 ",loss_scale"; next } { print $0 "," (NR % 2 ? 65536 : 32768) }' "$work/plain.csv" >"$work/scale.csv"
refuses "column 'loss_scale': read as target 'scale' by its name, but values of 32768 to 65536 nats" fit "$work/scale.csv"
refuses "--map 'ignore=loss_scale' excludes it" compare "$work/scale.csv"
refuses "read as target 'scale'" table "$work/scale.csv" -o "$work/no.csv"
grep -q "loss_scale .*<- looks wrong" "$work/out" || die "table marks the column"
[ ! -e "$work/no.csv" ] || die "a table that looks wrong was written"
fit "$work/scale.csv" --map ignore=loss_scale
[ "$(digest)" = "$want" ] || die "--map ignore"

refuses "unknown objective 'web'; did you mean 'target:web'?" fit "$work/plain.csv" --objective web
refuses "expected a law (LAW.json), found a table; \`autoscale fit" optimize "$work/plain.csv" --tokens 1e9
echo "Law of the land" >"$work/prose"
refuses "expected a law (LAW.json), found something else" optimize "$work/prose" --tokens 1e9

# ---- Parquet as pandas writes it, beside the same rows as JSON lines ----
"$command" table tests/table/runs.parquet -o "$work/parquet.csv" >/dev/null
"$command" table tests/table/runs.jsonl -o "$work/lines.csv" >/dev/null
for f in parquet lines; do cut -d, -f1-8 "$work/$f.csv" >"$work/$f.cut"; done
cmp -s "$work/parquet.cut" "$work/lines.cut" || die "Parquet and JSON lines differ"
[ "$(wc -l <"$work/parquet.csv")" = 13 ] && grep -q "^r3,.*,,2.4313,b" "$work/parquet.csv" || die "table from Parquet"
# compressed as they are, by their first bytes
for pack in gzip zstd bzip2 xz; do
    command -v $pack >/dev/null || continue
    $pack -c "$work/plain.csv" >"$work/packed.csv"
    "$command" table "$work/packed.csv" -o "$work/unpacked.csv" >/dev/null || die "a table compressed with $pack"
    "$command" table "$work/plain.csv" -o "$work/as_is.csv" >/dev/null
    cmp -s "$work/unpacked.csv" "$work/as_is.csv" || die "a table compressed with $pack differs"
done
gzip -c "$work/plain.csv" >"$work/packed.csv.gz"
gzip -c "$work/plain.csv" | head -c 60 >"$work/cut.csv"
refuses "truncated or damaged" table "$work/cut.csv"
refuses "compressed with gzip; give \`zcat FILE\`" table - <"$work/packed.csv.gz"
refuses "a Parquet file, which can only be read from a file" table - <tests/table/runs.parquet

# ---- numbers as people write them ----
"$command" optimize "$work/law.json" --tokens 5B --max 60% --min 1_0e-2 --json >"$work/opt.json"
check "$work/opt.json" 'sum(d["tokens"].values()) == 5000000000 and max(d["weights"].values()) <= .6 and min(d["weights"].values()) >= .1 - 1e-12'
echo '{"web": ["5%", "50%"]}' >"$work/bounds.json"
echo '{"code": "1.5B", "books": {"tokens": "2G", "max_epochs": 4}}' >"$work/available.json"
"$command" optimize "$work/law.json" --tokens 5e9 --bounds "$work/bounds.json" --available "$work/available.json" --json >"$work/opt.json"
check "$work/opt.json" 'd["weights"]["web"] <= .5 + 1e-12 and d["tokens"]["code"] <= 1500000000'
refuses "--tokens: expected a whole number" optimize "$work/law.json" --tokens 5Q
printf ',tokens;weight_a;weight_b\n' | sed 's/^,//' >"$work/optima.csv"
printf '1e6;0,5;0,5\n4e6;0,4;0,6\n' >>"$work/optima.csv"
"$command" predict "$work/optima.csv" --tokens 16M --json >"$work/rule.json"
check "$work/rule.json" 'abs(d["keep_last"]["a"] - .4) < 1e-12 and sum(d["tokens"].values()) == 16000000'

# ---- the cases at hand ----
cases=$shared/cases
[ -d "$cases" ] || { echo "no ../shared/cases here: not checked"; exit 0; }
c1=$cases/C1-prefix-columns
answer() { # of the best law of a table, as before: code .62, no gain from nowhere
    "$command" fit "$1" --no-trees -q --bootstrap 0 -o "$work/l.json" >/dev/null 2>&1 && "$command" optimize "$work/l.json" --tokens 1e9 --json 2>/dev/null
}
answer "$c1/plain.csv" >"$work/a.json"
answer "$c1/tokens_form.csv" >"$work/b.json"
python3 - "$work/a.json" "$work/b.json" <<'PY'
import json, sys
a, b = (json.load(open(p)) for p in sys.argv[1:])
assert all(abs(a["weights"][d] - b["weights"][d]) < .02 for d in a["weights"]), (a, b)
assert 0 <= a["objective"]["gain"] < .02 and 0 <= b["objective"]["gain"] < .02, (a, b)
PY
refuses "loss_scale" fit "$c1/loss_scale_var.csv"
refuses "the sum of the other tokens_ columns in every row" fit "$c1/tokens_form_seen.csv"
for f in pandas_index trailing_comma; do "$command" table "$cases/C2-unnamed-columns/$f.csv" --json | grep -q '"n_runs": 24' || die "$f"; done
for f in cr semicolon_weightfirst sep_line tab upper; do "$command" table "$cases/C3-separator-hints/$f.csv" --json | grep -q '"n_runs": 24' || die "$f"; done
for f in C2-unnamed-columns/opt_idx C3-separator-hints/opt_sc; do "$command" predict "$cases/$f.csv" --tokens 16e6 >/dev/null || die "$f"; done
for f in NA nan null; do
    "$command" table "$cases/C4-missing-words/missing_$f.csv" --json >"$work/t.json"
    check "$work/t.json" 'any("books: not measured in 2 of 24" in n for n in d["notes"])'
done
c5=$cases/C5-other-swarms
for pair in "$c5/ratios.csv $c5/metrics.csv" "$c5/regmix_mixture.csv $c5/regmix_loss.csv" "$c5/regmix_joined.csv"; do
    "$command" table $pair --map tokens=1e9 --json >"$work/t.json"
    check "$work/t.json" 'd["domains"] == ["web", "code", "books"] and d["targets"] == ["web", "code", "books"] and d["n_runs"] == 24 and d["layout"]'
done
"$command" table "$c5/wandb.csv" --json >"$work/t.json"
check "$work/t.json" 'd["domains"] == ["web", "code", "books"] and d["targets"] == ["web", "code", "books"]'
"$command" table "$cases/truth/wandb.csv" --json >"$work/t.json"
check "$work/t.json" 'd["layout"] == "Weights & Biases export" and d["domains"] == ["web", "code", "books", "math"] and d["targets"] == ["c4", "code", "gsm8k"]'
"$command" table "$cases/truth/wandb.csv" --map 'weight=train/mix/*' --map 'loss=eval/*/loss' --map 'tokens=_step*2048' --json >"$work/t.json"
check "$work/t.json" 'd["domains"] == ["web", "code", "books", "math"] and d["targets"] == ["c4", "code", "gsm8k"]'
"$command" table "$cases/Y2-domain-names/odd_names.csv" --json >"$work/t.json"
check "$work/t.json" 'd["domains"] == ["Common Crawl (en)", "github/code", "no"]'
# A star of 19 runs: what is printed beside an interval agrees with it, and one note tells which fits did not converge.
star=$cases/truth/star19.csv
"$command" fit "$star" --no-trees -q --json -o "$work/star.json" >"$work/fit.json" 2>/dev/null
"$command" optimize "$work/star.json" --tokens 1e6 --min .02 --json >"$work/o.json" 2>/dev/null
python3 - "$work/fit.json" "$work/o.json" <<'PY'
import json, sys
fit, best = (json.load(open(p)) for p in sys.argv[1:])
def agree(p, lo, hi): # P(below 0) and the interval
    assert (lo <= 0 <= hi) == (.05 < p < .95) and (p >= .95) == (hi < 0), (p, lo, hi)
for domain in fit["values"]["domains"].values():
    for kind in domain.values():
        for v in [kind["objective"], *kind["loss"].values()] if kind else []:
            agree(v["p_better"], *v["ci"])
lo, hi = best["objective"]["gain_ci"]
agree(best["p_better"], -hi, -lo)
assert sum("did not converge" in n for n in fit["notes"]) <= 1, fit["notes"]
PY
