#!/bin/sh
# The shared cases E1 to E5 through the command.
set -eu
command=$1
cases=$(pwd)/../shared/cases
[ -d "$cases" ] || { echo "skipped: no shared cases"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "test_cases: $*"; exit 1; }
refused() { # WORDS, then the command's arguments
    words=$1; shift
    code=0; "$command" export "$@" >"$work/out" 2>"$work/err" || code=$?
    [ $code = 2 ] && grep -q -e "$words" "$work/err" && [ "$(wc -l <"$work/err")" = 1 ] || fail "$*: exit $code, $(cat "$work/err")"
    [ ! -s "$work/out" ] || fail "$*: something was written"
}

"$command" export "$cases/E1-zero-sample-domain/tiny.json" --to hf-datasets >"$work/hf.py" 2>"$work/err"
grep -q "domain 'books': 500 tokens are less than one sample of 2048" "$work/err" || fail "E1: not told"
refused 'no domain has a whole sample' "$cases/E2-all-below-a-sample/hundred.json" --to megatron
refused 'no domain has a whole sample' "$cases/E2-all-below-a-sample/hundred.json" --to mosaicml
"$command" export "$cases/E2-all-below-a-sample/extreme.json" --to olmo-core 2>/dev/null | grep -q 'target_ratio: 0.00000000005' || fail "E2: a weight of 0"
cp "$cases/E3-study-mixture-exports/mixture.json" "$work/mixture.json"
mkdir "$work/tokens"; for f in tokenizer.json no.train.idx no.train.bin 1e5.train.idx 1e5.train.bin; do echo x >"$work/tokens/$f"; done
"$command" export "$work/mixture.json" --to levanter >"$work/out" 2>"$work/err"
grep -q "tokenizer: \"$work/tokens\"" "$work/out" || fail "E3: tokenizer not resolved: $(grep tokenizer: "$work/out")"
for to in levanter mosaicml; do
    "$command" export "$work/mixture.json" --to $to --context 256 2>&1 >/dev/null | grep -q "token files .* are not what $to reads" || fail "E3: $to without a word"
done
"$command" export "$cases/E4-many-shards/zero.json" --to megatron --paths "$cases/E4-many-shards/paths.json" >"$work/out" 2>"$work/err"
grep -q '  0.3500000000 /d/web-01' "$work/out" || fail "E4: shards"
grep -q "share its weight equally" "$work/err" || fail "E4: unsaid"
refused 'does not expand patterns' "$cases/E4-many-shards/zero.json" --to megatron --paths "$cases/E4-many-shards/paths2.json"
"$command" export "$cases/E5-line-separators-in-names/nel.json" --to nemo >"$work/out" 2>/dev/null
LC_ALL=C grep -q -e "$(printf '\302\205')" -e "$(printf '\342\200\250')" "$work/out" && fail "E5: a line separator stands in YAML"
cat >"$work/caps.json" <<'JSON'
{"weights": {"code": 0.4, "web": 0.6}, "tokens": {"code": 4000000, "web": 6000000},
 "available": {"code": 1000000}, "max_epochs": {"code": 4}}
JSON
refused "domain 'code': 8M tokens are 8 epochs" "$work/caps.json" --to megatron --tokens 20e6
refused "did you mean 'hf-datasets'" "$work/caps.json" --to hf
"$command" export "$work/caps.json" --to csv --tokens 5e6 2>&1 >/dev/null | grep -q 'optimized for 10M tokens but is exported for 5M' || fail "budget unsaid"
