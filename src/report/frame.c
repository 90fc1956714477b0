/* The frame that every page has: head, links, foot, embedded assets; and which domains its charts show. */
#include "assets.h"
#include "page.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_SHOWN = 24 };

/* ---- which domains charts show ---- */

typedef struct share_of {
    const char *name;
    double share;
    size_t order;
} share_of;

static int by_share(const void *a, const void *b)
{
    const share_of *x = a, *y = b;
    if (x->share != y->share)
        return x->share < y->share ? 1 : -1;
    return (x->order > y->order) - (x->order < y->order);
}

static int by_order(const void *a, const void *b)
{
    const share_of *x = a, *y = b;
    return (x->order > y->order) - (x->order < y->order);
}

/* Names of the largest shares in the order of names: all, where they are few. NULL when memory is out. */
static json_t *largest_shares(const json_t *names, const json_t *weights)
{
    size_t n = json_array_size(names), i;
    share_of *list = asc_calloc(n + 1, sizeof *list);
    json_t *shown = json_array(), *name;
    if (!list) {
        json_decref(shown);
        return NULL;
    }
    json_array_foreach(names, i, name)
    {
        double share = asc__num(weights, json_string_value(name));
        list[i] = (share_of){json_string_value(name), isfinite(share) ? share : 0, i};
    }
    if (n > MAX_SHOWN) {
        qsort(list, n, sizeof *list, by_share);
        n = MAX_SHOWN;
        qsort(list, n, sizeof *list, by_order);
    }
    for (i = 0; i < n; i++)
        json_array_append_new(shown, json_string(list[i].name));
    asc_free(list);
    return shown;
}

void asc__page_init(asc_page *p, const json_t *summary, const json_t *names, const json_t *weights,
                    const asc_report_opts *opts, asc_error *err)
{
    *p = (asc_page){.summary = summary, .err = err, .n_domains = json_array_size(names)};
    p->charts = asc_report_has_charts() && !(opts && opts->tables_only);
    p->shown = largest_shares(names, weights);
    if (!p->shown)
        p->status = ASC_NOMEM(err);
}

/* ---- head and foot ---- */

static void write_asset(asc_buf *b, const asc_asset *a)
{
    asc_buf_append(b, a->begin, (size_t)(a->end - a->begin));
}
static void write_head(asc_buf *b, const asc_frame *f)
{
    /* Nothing may be fetched. The chart library compiles its expressions, hence unsafe-eval. */
    asc_buf_puts(
        b, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
           "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
           "script-src 'unsafe-inline' 'unsafe-eval'; img-src data:; base-uri 'none'; form-action 'none'\">\n"
           "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>");
    asc__html_text(b, f->title);
    asc_buf_puts(b, " \xe2\x80\x93 autoscale</title>\n<style>\n");
    write_asset(b, asc__asset("page.css"));
    asc_buf_puts(b, "</style>\n</head>\n<body>\n<header>\n<p class=\"kicker\">How much of each domain to train on");
    if (*f->aside) {
        asc_buf_puts(b, " \xc2\xb7 ");
        asc__html_text(b, f->aside);
    }
    asc_buf_puts(b, "</p>\n<h1>");
    asc__html_name(b, f->title);
    asc_buf_puts(b, "</h1>\n");
}

/* Links to the sections that are there. */
static void write_nav(asc_buf *b, const asc_frame *f, const char *body)
{
    char mark[64];
    asc_buf_puts(b, "<nav aria-label=\"Sections\">");
    for (const asc_section_link *s = f->sections; s->id; s++) {
        snprintf(mark, sizeof mark, "<section id=\"%s\">", s->id);
        if (strstr(body, mark))
            asc_buf_printf(b, "<a href=\"#%s\">%s</a>\n", s->id, s->name);
    }
    asc_buf_puts(b, "</nav>\n");
}

static void write_foot(asc_buf *b, const asc_page *p)
{
    const asc_asset *licence = asc__asset_licence();
    asc_buf_puts(b, "<footer>\n<p>Made by autoscale " ASC_VERSION
                    ". This file is self-contained and fetches nothing.</p>\n");
    if (p->n_domains > json_array_size(p->shown))
        asc_buf_printf(b, "<p>Charts show the %zu domains of the largest shares; the tables show all.</p>\n",
                       json_array_size(p->shown));
    if (!p->charts)
        asc_buf_puts(b, "<p>This report has tables only: it was made without the chart library (Debian\xe2\x80\x99s "
                        "libjs-vega), or with charts disabled.</p>\n");
    else if (licence) {
        asc_buf_puts(b, "<details><summary>Charts are drawn by Vega, embedded here: its licence notice</summary><pre>");
        char *text = asc_strndup(licence->begin, (size_t)(licence->end - licence->begin));
        asc__html_text(b, text ? text : "");
        b->oom = b->oom || !text;
        asc_free(text);
        asc_buf_puts(b, "</pre></details>\n");
    }
    asc_buf_puts(b, "</footer>\n");
}
/* ---- scripts ---- */

/* The module's text without a pointer to its source map (a debugger would go and fetch that) and with every "</script"
 * broken up. */
static void write_module(asc_buf *b, const asc_asset *m)
{
    static const char map[] = "//# sourceMappingURL", tag[] = "</script";
    for (const char *p = m->begin; p < m->end;) {
        size_t left = (size_t)(m->end - p);
        if (left >= sizeof map - 1 && memcmp(p, map, sizeof map - 1) == 0) {
            const char *line = memchr(p, '\n', left);
            p = line ? line : m->end;
        } else if (left >= sizeof tag - 1 && memcmp(p, tag, sizeof tag - 1) == 0) {
            asc_buf_puts(b, "<\\/script");
            p += sizeof tag - 1;
        } else {
            const char *next = memchr(p + 1, '<', left - 1), *slash = memchr(p + 1, '/', left - 1);
            if (!next || (slash && slash < next))
                next = slash;
            next = next ? next : m->end;
            asc_buf_append(b, p, (size_t)(next - p));
            p = next;
        }
    }
}

static void write_script(asc_buf *b, const char *asset)
{
    asc_buf_printf(b, "<script data-source=\"%s\">\n", asset);
    write_asset(b, asc__asset(asset));
    asc_buf_puts(b, "</script>\n");
}

static void write_scripts(asc_buf *b, const asc_page *p, const asc_frame *f)
{
    if (p->charts) {
        asc_buf_puts(b, "<script>const modules = {};</script>\n");
        for (const asc_asset *m = asc__asset_modules(); m->name; m++) {
            asc_buf_printf(b, "<script>modules[\"%s\"] = function (module, exports, require) {\n", m->name);
            write_module(b, m);
            asc_buf_puts(b, "\n};</script>\n");
        }
    }
    write_script(b, "page.js");
    for (const char *const *name = f->scripts; name && *name; name++)
        write_script(b, *name);
}
/* ---- the page ---- */

asc_status asc__page_finish(asc_buf *out, asc_page *p, const asc_frame *f)
{
    asc_buf whole = {0};
    if (p->status == ASC_OK) {
        write_head(&whole, f);
        if (f->banner && f->banner->len)
            asc_buf_append(&whole, f->banner->data, f->banner->len);
        write_nav(&whole, f, p->out.data ? p->out.data : "");
        asc_buf_puts(&whole, "</header>\n<main>\n");
        asc_buf_append(&whole, p->out.data, p->out.len);
        asc_buf_puts(&whole, "</main>\n");
        write_foot(&whole, p);
        write_scripts(&whole, p, f);
        asc_buf_puts(&whole, "</body>\n</html>\n");
        if (whole.oom || p->out.oom || (f->banner && f->banner->oom))
            p->status = ASC_NOMEM(p->err);
    }
    if (p->status == ASC_OK) {
        asc_buf_append(out, whole.data, whole.len);
        if (out->oom)
            p->status = ASC_NOMEM(p->err);
    }
    asc_buf_clear(&whole);
    asc_buf_clear(&p->out);
    json_decref(p->shown);
    p->shown = NULL;
    return p->status;
}
