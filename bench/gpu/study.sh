#!/bin/sh
# bench/gpu/study.yaml from an empty folder to its answer, timed. Killed, it goes on where it stopped.
#   bench/gpu/study.sh AUTOSCALE DATA DIR [--toy]
# DATA holds the seven NAME.jsonl.zst; DIR is where the study is made; --toy: the same in a minute or two on a CPU.
set -eu
command=$1 data=$2 dir=$3 toy=${4:-}
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$dir"
[ -e "$dir/data" ] || ln -s "$(cd "$data" && pwd)" "$dir/data"
cp "$here/study.yaml" "$dir/study.yaml"
if [ "$toy" = --toy ]; then
    sed -i 's/vocab: 4096/vocab: 512/; s/layers: 7, heads: 5, width: 320, context: 256/layers: 1, heads: 2, width: 32, context: 64/
        s/batch_tokens: 16384, lr: 2e-3, dtype: bf16/batch_tokens: 1024, lr: 5e-3/; s/tokens: 100e3/tokens: 5e3/
        s/scales: .*/scales: [16e3, 32e3]/; s/tokens: 40e6/tokens: 64e3/' "$dir/study.yaml"
fi
begun=$(date +%s)
"$command" run "$dir/study.yaml" --dir "$dir/out"
echo "the study took $(($(date +%s) - begun)) s"
echo "what its plan says:"
"$command" plan "$dir/study.yaml" --dir "$dir/out" | grep -A9 "^$"
