#!/bin/sh
# The limits of docs/limits.md at their edge: 10^15 tokens and 1000 domains through prediction, optimum and export, one
# step beyond refused in one line.
set -eu
command=$1
. tests/support/expect.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
# sum FILE: of the third column of a csv export, exactly (awk's doubles hold whole numbers to 9e15).
sum() { awk -F, 'NR > 1 { s += $3 } END { printf "%.0f", s }' "$1"; }

# ---- optima of 1000 domains at two scales
awk 'BEGIN {
    srand(1); D = 1000
    printf "tokens"; for (i = 0; i < D; i++) printf ",weight_d%d", i; print ""
    for (t = 1e9; t < 5e9; t *= 4) {
        s = 0; for (i = 0; i < D; i++) s += w[i] = .01 + rand()
        printf "%.0f", t; for (i = 0; i < D; i++) printf ",%.17g", w[i] / s; print ""
    }
}' >optima.csv
"$command" predict optima.csv --tokens 1e15 -o mix.json --quiet >/dev/null
"$command" export mix.json --to csv -q >mix.csv
[ "$(sum mix.csv)" = 1000000000000000 ] || fail "tokens of the prediction sum to $(sum mix.csv)"
for to in megatron nemo olmo-core torchtitan mosaicml levanter hf-datasets litgpt; do
    "$command" export mix.json --to $to -q >"$to.txt" || fail "export to $to of 1000 domains"
done
expect 2 "1e15" "$command" predict optima.csv --tokens 1.001e15

# ---- a star of 300 domains: its law and optimum at 10^15 tokens
awk 'BEGIN {
    D = 300; base = 1e6
    printf "run"; for (i = 0; i < D; i++) printf ",tokens_d%d", i; print ",loss_a"
    row("base", -1, 1)
    for (k = 0; k < D; k++) { row("up" k, k, 3); row("down" k, k, 1 / 3) }
}
function row(name, which, factor,   i, n, loss) {
    printf "%s", name; loss = 2
    for (i = 0; i < D; i++) {
        n = int(base * (i == which ? factor : 1)); printf ",%d", n
        loss += .02 * (1 + i % 7) * exp(-.2 * log(n / 1e5 + 1))
    }
    printf ",%.12g\n", loss
}' >star.csv
"$command" fit star.csv --law ddo -o law.json --quiet >/dev/null
"$command" optimize law.json --tokens 1e15 -o best.json --quiet >/dev/null
"$command" export best.json --to csv -q >best.csv
[ "$(sum best.csv)" = 1000000000000000 ] || fail "tokens of the optimum sum to $(sum best.csv)"
expect 2 "1e15" "$command" optimize law.json --tokens 1e16

# ---- a study of 1000 domains, planned
mkdir text
awk 'BEGIN { for (i = 0; i < 1000; i++) { f = "text/d" i ".txt"; for (k = 0; k < 400; k++) printf "%d %d ", i, k * i >f; close(f) } }'
{
    echo "study: wide"
    echo "domains:"
    awk 'BEGIN { for (i = 0; i < 1000; i++) printf "  - {name: d%d, train: \"text/d%d.txt\", max_epochs: 1e9}\n", i, i }'
    echo "tokenizer: {train: bpe, vocab: 300}"
    echo "model: {layers: 1, heads: 2, width: 16, context: 16}"
    echo "scales: [4e6]"
    echo "target: {tokens: 1e15}"
} >wide.yaml
"$command" plan wide.yaml --json >plan.json
[ "$(grep -c '"id"' plan.json)" -gt 2000 ] || fail "runs of a plan for 1000 domains"
sed 's/tokens: 1e15/tokens: 1.1e15/' wide.yaml >beyond.yaml
expect 2 "1e+15" "$command" plan beyond.yaml
{
    echo "domains:"
    awk 'BEGIN { for (i = 0; i < 4097; i++) printf "  - {name: d%d, train: \"text/d0.txt\"}\n", i }'
    echo "model: {layers: 1, heads: 2, width: 16, context: 16}"
    echo "scales: [4e6]"
    echo "target: {tokens: 1e9}"
} >wider.yaml
expect 2 "4096" "$command" plan wider.yaml
sed "s/^scales:.*/scales: [$(seq -s ', ' 4000000 1000 4050000)]/" wide.yaml >many.yaml
expect 2 "102051 runs (51 scales of 2001), expected at most 100000" "$command" plan many.yaml
: >t.jsonl
expect 2 "threads: expected 1 to 256, found 257" "$command" eval . --tokens-dir . --threads 257
echo "passed"
