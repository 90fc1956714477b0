#!/bin/sh
# A trainer of one's own for `search: {method: branch}`: it starts from the checkpoint that it is told, if it is told one, and leaves
# its own in RUN_DIR/checkpoint as a Hugging Face folder, from which the next run starts and which is merged and evaluated. Here the
# training itself is that of `autoscale train`; put your own command in its place.
#   trainer: {command: "sh continue.sh {run_dir} {mixture} {tokens} {seed} {init}"}
set -eu
run_dir=$1 mixture=$2 tokens=$3 seed=$4 init=${5:-}
rm -rf "$run_dir/work"
"${AUTOSCALE:-autoscale}" train --tokens-dir "$run_dir/../../tokens" --mix "$mixture" --tokens "$tokens" --seed "$seed" \
    ${init:+--init "$init" --continue} --arch gpt2 --layers "$AUTOSCALE_LAYERS" --heads "$AUTOSCALE_HEADS" --width "$AUTOSCALE_WIDTH" \
    --context "$AUTOSCALE_CONTEXT" --batch-tokens "$AUTOSCALE_BATCH_TOKENS" --lr "$AUTOSCALE_LR" --schedule constant --warmup 0 \
    --valid-tokens 400 -o "$run_dir/work" --json --quiet >"$run_dir/result.tmp"
rm -rf "$run_dir/checkpoint"
mv "$run_dir/work/checkpoint" "$run_dir/checkpoint"
python3 - "$run_dir" "$tokens" <<'END'
import json, os, sys
run, tokens = sys.argv[1], int(sys.argv[2])
loss = json.load(open(run + '/result.tmp'))['loss']
with open(run + '/result.new', 'w') as f:
    json.dump({'tokens': tokens, 'loss': loss}, f)
os.rename(run + '/result.new', run + '/result.json')  # last, and whole
END
