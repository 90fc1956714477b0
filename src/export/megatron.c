/* Megatron-LM (megatron-core 0.8 and later): --data-path takes "weight prefix weight prefix .." of indexed datasets,
 * and
 * --train-samples the whole run. NeMo 2: the same list as `paths` of PreTrainingDataModule. */
#include "export_private.h"

void asc__write_megatron(asc_buf *out, const asc__plan *p)
{
    asc__put_head(out, p, "Megatron-LM arguments; in a shell: pretrain_gpt.py $(sed 's/ *#.*//' THIS_FILE) ...");
    asc_buf_puts(out, "--data-path\n");
    for (size_t i = 0; i < p->n; i++) {
        if (!asc__plan_used(p, i))
            continue;
        asc_buf_printf(out, "  %s ", p->weight[i]);
        asc_buf_shell_word(out, asc__plan_path(p, i));
        asc_buf_puts(out, "  # ");
        asc__put_comment(out, p->mix->domains[i]);
        asc_buf_putc(out, '\n');
    }
    if (p->mix->tokens)
        asc_buf_printf(out, "--seq-length %lld\n--train-samples %lld\n", (long long)p->context,
                       (long long)p->total_samples);
}

void asc__write_nemo(asc_buf *out, const asc__plan *p)
{
    asc__put_head(out, p,
                  "NeMo 2: the data module of a pre-training recipe (paths: weight, prefix, weight, prefix ..)");
    asc_buf_puts(out, "data:\n  _target_: nemo.collections.llm.gpt.data.PreTrainingDataModule\n  paths:\n");
    for (size_t i = 0; i < p->n; i++) {
        if (!asc__plan_used(p, i))
            continue;
        asc_buf_printf(out, "    - %s  # ", p->weight[i]);
        asc__put_comment(out, p->mix->domains[i]);
        asc_buf_puts(out, "\n    - ");
        asc__put_string(out, asc__plan_path(p, i));
        asc_buf_putc(out, '\n');
    }
    if (p->mix->tokens)
        asc_buf_printf(out, "  seq_length: %lld\n  num_train_samples: %lld\n", (long long)p->context,
                       (long long)p->total_samples);
}
