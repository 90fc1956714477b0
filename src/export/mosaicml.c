/* llm-foundry with mosaicml-streaming 0.7 and later: streams by name, each with `choose` = whole samples an epoch;
 * choose and proportion exclude each other, and choose is the exact one. No epoch_size: streaming refuses it beside
 * choose. */
#include "export_private.h"

#include <string.h>

void asc__write_mosaicml(asc_buf *out, const asc__plan *p)
{
    asc__put_head(out, p, "llm-foundry / mosaicml-streaming: the training streams; one epoch of them is the budget");
    asc_buf_printf(
        out,
        "max_duration: 1ep\nmax_seq_len: %lld\ntrain_loader:\n  name: text\n  drop_last: true\n  num_workers: 8\n"
        "  dataset:\n    max_seq_len: %lld\n    shuffle: true\n    streams:\n",
        (long long)p->context, (long long)p->context);
    for (size_t i = 0; i < p->n; i++) {
        if (p->samples[i] == 0)
            continue;
        const char *path = asc__plan_path(p, i);
        asc_buf_puts(out, "      ");
        asc__put_string(out, p->mix->domains[i]);
        asc_buf_puts(out, strstr(path, "://") ? ":\n        remote: " : ":\n        local: ");
        asc__put_string(out, path);
        asc_buf_printf(out, "\n        choose: %lld\n", (long long)p->samples[i]);
    }
}
