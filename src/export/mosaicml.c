/* llm-foundry with mosaicml-streaming 0.7 and later: streams by name, each with `choose` = whole samples per epoch;
 * choose and proportion exclude each other, and choose is the exact one. No epoch_size: streaming refuses it beside
 * choose. */
#include "export_private.h"

#include <string.h>

/* How token files become what streaming reads; llm-foundry takes `tokens` as bytes of int64. */
static void put_convert(asc_buf *out, const asc__plan *p)
{
    bool tokens = false;
    for (size_t i = 0; i < p->n; i++)
        tokens = tokens || p->where[i].pieces[0].data == ASC__DATA_TOKENS;
    if (!tokens)
        return;
    asc_buf_printf(
        out,
        "# convert: a Megatron token file PREFIX to an MDS folder of samples of %lld tokens:\n"
        "#   import numpy, streaming\n"
        "#   def convert(prefix, folder, context=%lld):\n"
        "#       code = open(prefix + \".idx\", \"rb\").read(18)[17]\n"
        "#       ids = numpy.memmap(prefix + \".bin\", {4: \"<i4\", 5: \"<i8\", 8: \"<u2\"}[code], \"r\")\n"
        "#       with streaming.MDSWriter(out=folder, columns={\"tokens\": \"bytes\"}) as out:\n"
        "#           for i in range(len(ids) // context):\n"
        "#               out.write({\"tokens\": ids[i * context : (i + 1) * context].astype(\"<i8\").tobytes()})\n",
        (long long)p->context, (long long)p->context);
}

static void put_stream(asc_buf *out, const asc__plan *p, size_t i, size_t k)
{
    const asc__where *w = &p->where[i];
    int64_t samples = asc__split_by_size(w, k, p->samples[i]);
    asc_buf name = {0};
    if (samples == 0)
        return;
    asc_buf_puts(&name, p->mix->domains[i]);
    if (w->n > 1)
        asc_buf_printf(&name, "-%zu", k);
    asc_buf_puts(out, "      ");
    asc__put_string(out, name.data ? name.data : "");
    asc_buf_puts(out, strstr(w->pieces[k].path, "://") ? ":\n        remote: " : ":\n        local: ");
    asc__put_string(out, w->pieces[k].path);
    asc_buf_printf(out, "\n        choose: %lld\n", (long long)samples);
    out->oom |= name.oom;
    asc_buf_clear(&name);
}

void asc__write_mosaicml(asc_buf *out, const asc__plan *p)
{
    asc__put_head(out, p, "llm-foundry / mosaicml-streaming: the training streams; one epoch of them is the budget");
    put_convert(out, p);
    asc_buf_printf(
        out,
        "max_duration: 1ep\nmax_seq_len: %lld\ntrain_loader:\n  name: text\n  drop_last: true\n  num_workers: 8\n"
        "  dataset:\n    max_seq_len: %lld\n    shuffle: true\n    streams:\n",
        (long long)p->context, (long long)p->context);
    for (size_t i = 0; i < p->n; i++)
        for (size_t k = 0; k < p->where[i].n; k++)
            put_stream(out, p, i, k);
}
