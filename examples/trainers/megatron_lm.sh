#!/bin/sh
# Megatron-LM (megatron-core 0.8 and later) for a study: a GPT of the study's shape on its own token files, the losses of
# all targets from its validation sets. Options beyond these are given as words of the command. Every option was given to
# Megatron's own parser (tests/export/projects.py); no GPU was available to run it.
#
#   trainer:
#     command: "sh examples/trainers/megatron_lm.sh --micro-batch-size 8 --bf16"
#     env: {MEGATRON: /opt/Megatron-LM, GPUS: 8}
#     metrics: megatron.log
#     heartbeat: 3600
set -eu
cd "$AUTOSCALE_RUN_DIR"

# What is trained on: --train-data-path WEIGHT PREFIX ..., --seq-length, --train-samples; comments are whole lines.
"${AUTOSCALE:-autoscale}" export "$AUTOSCALE_MIXTURE" --to megatron --context "$AUTOSCALE_CONTEXT" -o data.txt
grep -v '^#' data.txt >data.args
batch=$((AUTOSCALE_BATCH_TOKENS / AUTOSCALE_CONTEXT))
iterations=$(($(sed -n 's/^--train-samples //p' data.args) / batch))

# What is measured, after the last step: every NAME.valid beside the training files, each whole, by its name.
tokens=$(dirname "$AUTOSCALE_TOKENIZER")
set -- "$@" --full-validation --multiple-validation-sets --valid-data-path
for f in "$tokens"/*.valid.idx; do set -- "$@" "${f%.idx}"; done
set -- "$@" --validation-set-names
for f in "$tokens"/*.valid.idx; do set -- "$@" "$(basename "$f" .valid.idx)"; done

xargs "${TORCHRUN:-torchrun}" --nproc-per-node "${GPUS:-1}" "$MEGATRON/pretrain_gpt.py" \
    --num-layers "$AUTOSCALE_LAYERS" --hidden-size "$AUTOSCALE_WIDTH" --num-attention-heads "$AUTOSCALE_HEADS" \
    --max-position-embeddings "$AUTOSCALE_CONTEXT" --tokenizer-type NullTokenizer --vocab-size "$AUTOSCALE_VOCAB" \
    --global-batch-size "$batch" --lr "$AUTOSCALE_LR" --min-lr 0 --lr-decay-style cosine \
    --lr-decay-samples "$((iterations * batch))" --lr-warmup-fraction "$AUTOSCALE_WARMUP" --weight-decay 0.1 \
    --clip-grad 1.0 --seed "$AUTOSCALE_SEED" --eval-interval "$iterations" --log-interval 10 \
    --data-cache-path cache --save checkpoint --load checkpoint --save-interval 1000 "$@" \
    <data.args >>megatron.log 2>&1 || { tail -3 megatron.log >&2; exit 1; }

# " validation-NAME loss at iteration 500 on validation set | lm loss value: 3.1E+00 | ...": the last of each name.
awk -v tokens="$((iterations * batch * AUTOSCALE_CONTEXT))" '
    match($0, /validation-.* loss at /) {
        name = substr($0, RSTART + 11, RLENGTH - 20); value = $0
        sub(/.*lm loss value: */, "", value); sub(/ .*/, "", value); loss[name] = value
    }
    END {
        printf "{\"tokens\": %d, \"loss\": {", tokens
        for (name in loss) printf "%s\"%s\": %s", n++ ? ", " : "", name, loss[name]
        print "}}"
    }' megatron.log >result.tmp
mv result.tmp result.json
