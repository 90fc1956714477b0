/* OLMo-core 2: a SourceMixtureList (olmo_core.data.source_mixture). It takes int(requested_tokens * target_ratio)
 * tokens of a source and refuses more than its tokens x max_repetition_ratio. Its files are bare arrays of ids, as the
 * .bin of a token file is (uint16, or int32 read as uint32). */
#include "export_private.h"

#include <math.h>

static void put_array(asc_buf *out, const asc__piece *piece)
{
    asc_buf bin = {0};
    asc_buf_printf(&bin, "%s%s", piece->path, piece->data == ASC__DATA_TOKENS ? ".bin" : "");
    asc_buf_puts(out, "      - ");
    asc__put_string(out, bin.data ? bin.data : "");
    asc_buf_putc(out, '\n');
    out->oom |= bin.oom;
    asc_buf_clear(&bin);
}

static double repetition(const asc__plan *p, size_t i)
{
    const asc_mix_file *m = p->mix;
    if (!m->tokens || !m->available || isnan(m->available[i]))
        return 1;
    double epochs = (double)m->tokens[i] / m->available[i];
    return epochs <= 1 ? 1 : ceil(epochs * 1e6 + 1) / 1e6; /* up in the last printed digit: the check must pass */
}

void asc__write_olmo_core(asc_buf *out, const asc__plan *p)
{
    asc__put_head(out, p, "OLMo-core: SourceMixtureList of a SourceMixtureDatasetConfig");
    if (p->mix->tokens)
        asc_buf_printf(out,
                       "# SourceMixtureDatasetConfig(source_list=.., requested_tokens=%lld, global_batch_size=..)\n",
                       (long long)p->total);
    asc_buf_puts(out, "sources:\n");
    for (size_t i = 0; i < p->n; i++) {
        if (!asc__plan_used(p, i))
            continue;
        asc_buf_puts(out, "  - source_name: ");
        asc__put_string(out, p->mix->domains[i]);
        asc_buf_printf(out, "\n    target_ratio: %s\n    max_repetition_ratio: %.6f\n    paths:\n", p->weight[i],
                       repetition(p, i));
        for (size_t k = 0; k < p->where[i].n; k++)
            put_array(out, &p->where[i].pieces[k]);
    }
}
