/* A plain table: domain, weight, tokens, samples, path. */
#include "export_private.h"

#include <string.h>

static void put_cell(asc_buf *out, const char *s)
{
    if (!strpbrk(s, ",\"\r\n")) {
        asc_buf_puts(out, s);
        return;
    }
    asc_buf_putc(out, '"');
    for (; *s; s++) {
        if (*s == '"')
            asc_buf_putc(out, '"');
        asc_buf_putc(out, *s);
    }
    asc_buf_putc(out, '"');
}

void asc__write_csv(asc_buf *out, const asc__plan *p)
{
    asc_buf_puts(out, "domain,weight,tokens,samples,path\n");
    for (size_t i = 0; i < p->n; i++) {
        put_cell(out, p->mix->domains[i]);
        asc_buf_printf(out, ",%s,", p->weight[i]);
        if (p->mix->tokens)
            asc_buf_printf(out, "%lld,%lld", (long long)p->mix->tokens[i], (long long)p->samples[i]);
        else
            asc_buf_putc(out, ',');
        asc_buf_putc(out, ',');
        put_cell(out, p->mix->paths && p->mix->paths[i] ? p->mix->paths[i] : "");
        asc_buf_putc(out, '\n');
    }
}
