/* Megatron-LM (megatron-core 0.8 and later): --train-data-path takes "weight prefix weight prefix .." of indexed
 * datasets and, unlike --data-path, trains on all of them (--data-path splits 3.1 % off for validation and test unless
 * --split says otherwise, so that a budget of whole epochs would begin another one). --train-samples is the whole run.
 * A domain of several prefixes is several entries that share its weight by their sizes.
 * NeMo 2: the same list as `paths` of PreTrainingDataModule, whose own split would hold back a tenth. */
#include "export_private.h"

/* A prefix that begins with - would be read as an option. */
static void put_prefix(asc_buf *out, const char *path)
{
    if (path[0] != '-') {
        asc_buf_shell_word(out, path);
        return;
    }
    asc_buf local = {0};
    asc_buf_printf(&local, "./%s", path);
    if (local.data && !local.oom)
        asc_buf_shell_word(out, local.data);
    out->oom |= local.oom;
    asc_buf_clear(&local);
}

void asc__write_megatron(asc_buf *out, const asc__plan *p)
{
    asc__put_head(out, p, "Megatron-LM arguments: grep -v '^#' THIS_FILE | xargs torchrun pretrain_gpt.py ARGUMENTS");
    asc_buf_puts(out, "--train-data-path\n");
    for (size_t i = 0; i < p->n; i++) {
        if (!asc__plan_used(p, i))
            continue;
        asc_buf_puts(out, "# ");
        asc__put_comment(out, p->mix->domains[i]);
        asc_buf_putc(out, '\n');
        for (size_t k = 0; k < p->where[i].n; k++) {
            int64_t units = asc__split_by_size(&p->where[i], k, p->units[i]);
            if (units == 0)
                continue;
            asc_buf_puts(out, "  ");
            asc__put_units(out, p, units);
            asc_buf_putc(out, ' ');
            put_prefix(out, p->where[i].pieces[k].path);
            asc_buf_putc(out, '\n');
        }
    }
    if (p->mix->tokens)
        asc_buf_printf(out, "--seq-length %lld\n--train-samples %lld\n", (long long)p->context,
                       (long long)p->total_samples);
}

void asc__write_nemo(asc_buf *out, const asc__plan *p)
{
    asc__put_head(out, p,
                  "NeMo 2: the data module of a pre-training recipe (paths: weight, prefix, weight, prefix ..)");
    asc_buf_puts(out,
                 "# All of it is trained on: set limit_val_batches: 0, or give `paths` as a map {train, validation, "
                 "test}.\n");
    if (p->mix->tokens)
        asc_buf_puts(out, "# max_steps: num_train_samples / global_batch_size, rounded down.\n");
    asc_buf_puts(out, "data:\n  _target_: nemo.collections.llm.gpt.data.PreTrainingDataModule\n  split: \"100,0,0\"\n"
                      "  paths:\n");
    for (size_t i = 0; i < p->n; i++) {
        if (!asc__plan_used(p, i))
            continue;
        for (size_t k = 0; k < p->where[i].n; k++) {
            int64_t units = asc__split_by_size(&p->where[i], k, p->units[i]);
            if (units == 0)
                continue;
            asc_buf_puts(out, "    - ");
            asc__put_units(out, p, units);
            asc_buf_puts(out, "  # ");
            asc__put_comment(out, p->mix->domains[i]);
            asc_buf_puts(out, "\n    - ");
            asc__put_string(out, p->where[i].pieces[k].path);
            asc_buf_putc(out, '\n');
        }
    }
    if (p->mix->tokens)
        asc_buf_printf(out, "  seq_length: %lld\n  num_train_samples: %lld\n", (long long)p->context,
                       (long long)p->total_samples);
}
