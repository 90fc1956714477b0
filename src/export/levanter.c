/* Levanter 1.2 and later: LMMixtureDatasetConfig, `configs` by name and `train_weights` by the same names. It tokenizes
 * itself: train_urls are JSON lines, Parquet or text. */
#include "export_private.h"

#include <string.h>

enum { MAX_BLOCK = 65535 }; /* levanter's own limit is below 2^16 */

/* It loads a folder or a name on the Hub, not the file. */
static void put_tokenizer(asc_buf *out, const char *tokenizer)
{
    size_t n = strlen(tokenizer), m = strlen("/tokenizer.json");
    bool file = n > m && strcmp(tokenizer + n - m, "/tokenizer.json") == 0;
    asc_buf name = {0};
    asc_buf_append(&name, tokenizer, file ? n - m : n);
    if (file)
        asc_buf_puts(out, "  # A folder that AutoTokenizer loads: "
                          "PreTrainedTokenizerFast(tokenizer_file=..).save_pretrained(FOLDER)\n");
    asc_buf_puts(out, "  tokenizer: ");
    asc__put_string(out, name.data ? name.data : "");
    asc_buf_putc(out, '\n');
    out->oom |= name.oom;
    asc_buf_clear(&name);
}

void asc__write_levanter(asc_buf *out, const asc__plan *p)
{
    asc__put_head(out, p, "Levanter: the data section (a mixture; restart repeats a domain that runs out)");
    asc_buf_puts(out, "data:\n");
    if (p->mix->tokenizer)
        put_tokenizer(out, p->mix->tokenizer);
    /* Levanter rounds shares to whole samples of a block: with a block of all samples they are the exact numbers. */
    if (p->mix->tokens && p->total_samples > 0)
        asc_buf_printf(out, "  mixture_block_size: %lld\n",
                       (long long)(p->total_samples <= MAX_BLOCK ? p->total_samples : MAX_BLOCK));
    asc_buf_puts(out, "  stop_strategy: restart\n  configs:\n");
    for (size_t i = 0; i < p->n; i++) {
        asc_buf_puts(out, "    ");
        asc__put_string(out, p->mix->domains[i]);
        asc_buf_puts(out, ":\n      train_urls:\n");
        for (size_t k = 0; k < p->where[i].n; k++) {
            asc_buf_puts(out, "        - ");
            asc__put_string(out, p->where[i].pieces[k].path);
            asc_buf_putc(out, '\n');
        }
    }
    asc_buf_puts(out, "  train_weights:\n");
    for (size_t i = 0; i < p->n; i++) {
        asc_buf_puts(out, "    ");
        asc__put_string(out, p->mix->domains[i]);
        asc_buf_printf(out, ": %s\n", p->weight[i]);
    }
}
