/* Levanter 1.2 and later: LMMixtureDatasetConfig, `configs` by name and `train_weights` by the same names. */
#include "export_private.h"

enum { MAX_BLOCK = 65535 }; /* levanter's own limit is below 2^16 */

void asc__write_levanter(asc_buf *out, const asc__plan *p)
{
    asc__put_head(out, p, "Levanter: the data section (a mixture; restart repeats a domain that runs out)");
    asc_buf_puts(out, "data:\n");
    if (p->mix->tokenizer) {
        asc_buf_puts(out, "  tokenizer: ");
        asc__put_string(out, p->mix->tokenizer);
        asc_buf_putc(out, '\n');
    }
    /* Levanter rounds shares to whole samples of a block: with a block of all samples they are the exact numbers. */
    if (p->mix->tokens && p->total_samples > 0)
        asc_buf_printf(out, "  mixture_block_size: %lld\n",
                       (long long)(p->total_samples <= MAX_BLOCK ? p->total_samples : MAX_BLOCK));
    asc_buf_puts(out, "  stop_strategy: restart\n  configs:\n");
    for (size_t i = 0; i < p->n; i++) {
        asc_buf_puts(out, "    ");
        asc__put_string(out, p->mix->domains[i]);
        asc_buf_puts(out, ":\n      train_urls:\n        - ");
        asc__put_string(out, asc__plan_path(p, i));
        asc_buf_putc(out, '\n');
    }
    asc_buf_puts(out, "  train_weights:\n");
    for (size_t i = 0; i < p->n; i++) {
        asc_buf_puts(out, "    ");
        asc__put_string(out, p->mix->domains[i]);
        asc_buf_printf(out, ": %s\n", p->weight[i]);
    }
}
