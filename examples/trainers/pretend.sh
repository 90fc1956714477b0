#!/bin/sh
# A trainer that trains nothing: its losses follow a known law of the mixture, so that a study with it takes seconds and
# its answer can be checked; and it fails in chosen ways, to see what a study makes of that.
#
#   trainer: {command: "sh pretend.sh {mixture} {run_dir} {seed}", env: {PRETEND: ok}}
#
# PRETEND: ok | crash | once (fails the first time) | nan | missing-target | no-result | garbage | wrong-tokens |
#          diverged | hang | killed | noisy-exit (a good result, but exit 1) | slow (says how far it is, and waits for
#          a file PRETEND_GO)
set -eu
mixture=$1 run_dir=$2 seed=$3
mode=${PRETEND:-ok}
echo "pretending: $mode, seed $seed"

case $mode in
crash) echo "CUDA error: device-side assert triggered" >&2; exit 3 ;;
once) if [ ! -e "$run_dir/tried" ]; then : >"$run_dir/tried"; echo "node lost" >&2; exit 1; fi ;;
no-result) exit 0 ;;
garbage) echo '{"tokens": 12, "loss": {' >"$run_dir/result.json"; exit 0 ;;
hang) sleep 1000 ;;
slow)
    echo '{"tokens": 1000, "loss": 5.5}' >"$run_dir/metrics.jsonl"
    echo '{"tokens": 1600, "valid": {"books": 5.25, "code": 5.5, "news": 5.75}}' >>"$run_dir/metrics.jsonl"
    until [ -e "$PRETEND_GO" ]; do sleep .05; done ;;
killed) kill -9 $$ ;;
esac

# mixture.json: {"weights": {...}, "tokens": {"books": 1344, ...}, ...}. A law with transfer between domains:
# loss_v = 2 + 30 (n_v + .2 sum of the others + 500)^-.35, the "hard" third of the domains a little higher.
awk -v mode="$mode" -v seed="$seed" '
    /"tokens": *\{/ { on = 1; next }
    on && /\}/ { on = 0 }
    on { split($0, part, "\""); name[++n] = part[2]; value = $0; sub(/.*: */, "", value); sub(/,.*/, "", value)
         tokens[n] = value + 0; total += tokens[n] }
    END {
        srand(seed)
        printf "{\"tokens\": %d, \"loss\": {", (mode == "wrong-tokens" ? total * 3 : total)
        if (mode == "diverged") { printf "}, \"state\": \"diverged\", \"why\": \"loss is not finite at step 12\"}\n"; exit }
        for (v = 1; v <= n; v++) {
            if (mode == "missing-target" && v == n) continue
            loss = 2 + .1 * (v % 3) + 30 * exp(-.35 * log(tokens[v] + .2 * (total - tokens[v]) + 500)) + .001 * (rand() - .5)
            if (mode == "nan" && v == 1) loss = "NaN"
            printf "%s\"%s\": %s", (v > 1 ? ", " : ""), name[v], loss
        }
        printf "}}\n"
    }' "$mixture" >"$run_dir/result.tmp"
mv "$run_dir/result.tmp" "$run_dir/result.json" # whole or not at all
[ "$mode" != noisy-exit ]
