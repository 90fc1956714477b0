/* A plain table: domain, weight, tokens, samples, path. Several paths are joined with "; ". */
#include "export_private.h"

#include <string.h>

/* A spreadsheet takes a cell that begins like this for a formula, whatever the quotes around it. */
static bool is_formula(const char *s)
{
    double x;
    return *s && strchr("=+-@\t\r", *s) && !asc_parse_double(s, &x);
}

static void put_cell(asc_buf *out, const char *s)
{
    bool formula = is_formula(s);
    if (!strpbrk(s, ",\"\r\n")) {
        asc_buf_printf(out, "%s%s", formula ? "'" : "", s);
        return;
    }
    asc_buf_puts(out, formula ? "\"'" : "\"");
    for (; *s; s++) {
        if (*s == '"')
            asc_buf_putc(out, '"');
        asc_buf_putc(out, *s);
    }
    asc_buf_putc(out, '"');
}

static void put_paths(asc_buf *out, const asc__where *w)
{
    asc_buf paths = {0};
    for (size_t k = 0; w->known && k < w->n; k++)
        asc_buf_printf(&paths, "%s%s", k ? "; " : "", w->pieces[k].path);
    put_cell(out, paths.data ? paths.data : "");
    out->oom |= paths.oom;
    asc_buf_clear(&paths);
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
        put_paths(out, &p->where[i]);
        asc_buf_putc(out, '\n');
    }
}
