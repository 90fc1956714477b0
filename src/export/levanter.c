/* Levanter 1.2 and later: LMMixtureDatasetConfig, `configs` by name and `train_weights` by the same names. */
#include "export_private.h"

void asc__write_levanter(asc_buf *out, const asc__plan *p)
{
    asc__put_head(out, p, "Levanter: the data section (a mixture; restart repeats a domain that runs out)");
    asc_buf_puts(out, "data:\n");
    if (p->mix->tokenizer) {
        asc_buf_puts(out, "  tokenizer: ");
        asc__put_string(out, p->mix->tokenizer);
        asc_buf_putc(out, '\n');
    }
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
