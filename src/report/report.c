/* The page as a whole: head, sections, embedded assets. */
#include "report/report.h"

#include "assets.h"
#include "page.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_SHOWN = 24, MAX_FAILURES = 3 };

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

static const json_t *best_weights(const json_t *summary)
{
    const json_t *w = asc__at(asc__at(summary, "answer"), "weights"), *scales = asc__at(summary, "scales");
    if (json_object_size(w) == 0)
        w = asc__at(asc__at(summary, "prediction"), "weights");
    for (size_t i = json_array_size(scales); i-- > 0 && json_object_size(w) == 0;)
        w = asc__at(json_array_get(scales, i), "optimum");
    return w;
}

/* Names in the order of the study: of its domains, else of the weights. All of them, or those of the largest shares. */
static json_t *shown_domains(const json_t *summary)
{
    const json_t *domains = asc__at(summary, "domains"), *weights = best_weights(summary);
    size_t n = 0, i, most = json_array_size(domains) + json_object_size(weights);
    share_of *list = asc_calloc(most + 1, sizeof *list);
    json_t *shown = json_array(), *value;
    const char *name;
    if (!list) {
        json_decref(shown);
        return NULL;
    }
    json_array_foreach(domains, i, value)
    {
        if (*asc__str(value, "name"))
            list[n++] = (share_of){asc__str(value, "name"), asc__num(weights, asc__str(value, "name")), i};
    }
    if (n == 0)
        json_object_foreach((json_t *)weights, name, value)
        {
            list[n] = (share_of){name, json_number_value(value), n};
            n++;
        }
    for (i = 0; i < n; i++)
        list[i].share = isfinite(list[i].share) ? list[i].share : 0;
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

/* ---- head and foot ---- */

static void write_asset(asc_buf *b, const asc_asset *a)
{
    asc_buf_append(b, a->begin, (size_t)(a->end - a->begin));
}

static bool finished(const json_t *summary)
{
    const char *state = asc__str(summary, "state");
    return strcmp(state, "done") == 0 || strcmp(state, "finished") == 0;
}

static void write_head(asc_buf *b, const json_t *summary)
{
    const char *study = *asc__str(summary, "study") ? asc__str(summary, "study") : "study";
    /* Nothing may be fetched. The chart library compiles its expressions, hence unsafe-eval. */
    asc_buf_puts(
        b, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
           "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
           "script-src 'unsafe-inline' 'unsafe-eval'; img-src data:; base-uri 'none'; form-action 'none'\">\n"
           "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>");
    asc__html_text(b, study);
    asc_buf_puts(b, " \xe2\x80\x93 autoscale</title>\n<style>\n");
    write_asset(b, asc__asset("page.css"));
    asc_buf_puts(b, "</style>\n</head>\n<body>\n<header>\n<p class=\"kicker\">How much of each domain to train on");
    if (*asc__str(summary, "created")) {
        asc_buf_puts(b, " \xc2\xb7 ");
        asc__html_text(b, asc__str(summary, "created"));
    }
    asc_buf_puts(b, "</p>\n<h1>");
    asc__html_name(b, study);
    asc_buf_puts(b, "</h1>\n");
}

/* The first runs that failed, and why. */
static void write_failures(asc_buf *b, const json_t *runs)
{
    size_t i, n = 0;
    json_t *run;
    json_array_foreach(runs, i, run)
    {
        if (strcmp(asc__str(run, "state"), "failed") != 0)
            continue;
        if (n < MAX_FAILURES) {
            asc_buf_puts(b, n ? "<li>" : "<ul><li>");
            asc__html_name(b, asc__str(run, "id"));
            asc_buf_puts(b, ": ");
            asc__html_text(b, asc__str(run, "why"));
            asc_buf_puts(b, "</li>");
        }
        n++;
    }
    if (n > MAX_FAILURES)
        asc_buf_printf(b, "<li>and %zu more</li>", n - MAX_FAILURES);
    if (n)
        asc_buf_puts(b, "</ul>");
}

static void write_banner(asc_buf *b, const json_t *summary)
{
    const json_t *runs = asc__at(summary, "runs");
    size_t i, done = 0;
    json_t *run;
    if (finished(summary))
        return;
    json_array_foreach(runs, i, run)
    {
        done += strcmp(asc__str(run, "state"), "done") == 0;
    }
    bool failed = strcmp(asc__str(summary, "state"), "failed") == 0;
    asc_buf_puts(b, failed ? "<div class=\"banner failed\"><b>This study failed</b> (state: "
                           : "<div class=\"banner\"><b>This study is not finished</b> (state: ");
    asc__html_text(b, *asc__str(summary, "state") ? asc__str(summary, "state") : "unknown");
    asc_buf_printf(b, "). %zu of %zu runs are done; what follows is what there is so far. The same command goes on.",
                   done, json_array_size(runs));
    write_failures(b, runs);
    asc_buf_puts(b, "</div>\n");
}

/* Links to the sections that are there. */
static void write_nav(asc_buf *b, const char *body)
{
    static const char *const parts[][2] = {{"answer", "Answer"}, {"data", "Data"},        {"change", "Changes"},
                                           {"fits", "Curves"},   {"budget", "By budget"}, {"target", "At the target"},
                                           {"tasks", "Tasks"},   {"runs", "Runs"},        {"made", "How it was made"}};
    char mark[64];
    asc_buf_puts(b, "<nav aria-label=\"Sections\">");
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        snprintf(mark, sizeof mark, "<section id=\"%s\">", parts[i][0]);
        if (strstr(body, mark))
            asc_buf_printf(b, "<a href=\"#%s\">%s</a>\n", parts[i][0], parts[i][1]);
    }
    asc_buf_puts(b, "</nav>\n");
}

static void write_foot(asc_buf *b, const asc_page *p)
{
    const asc_asset *licence = asc__asset_licence();
    asc_buf_puts(b, "<footer>\n<p>Made by autoscale " ASC_VERSION
                    ". This file is complete in itself and fetches nothing.</p>\n");
    if (json_array_size(asc__at(p->summary, "domains")) > MAX_SHOWN)
        asc_buf_printf(b, "<p>Charts show the %d domains of the largest shares; the tables show all.</p>\n", MAX_SHOWN);
    if (!p->charts)
        asc_buf_puts(b, "<p>This report has tables only: it was made without the chart library (Debian\xe2\x80\x99s "
                        "libjs-vega), or was asked to leave charts out.</p>\n");
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

static void write_scripts(asc_buf *b, bool charts)
{
    if (charts) {
        asc_buf_puts(b, "<script>const modules = {};</script>\n");
        for (const asc_asset *m = asc__asset_modules(); m->name; m++) {
            asc_buf_printf(b, "<script>modules[\"%s\"] = function (module, exports, require) {\n", m->name);
            write_module(b, m);
            asc_buf_puts(b, "\n};</script>\n");
        }
    }
    asc_buf_puts(b, "<script>\n");
    write_asset(b, asc__asset("page.js"));
    asc_buf_puts(b, "</script>\n");
}

/* ---- the page ---- */

bool asc_report_has_charts(void)
{
    return asc__asset_modules()->name != NULL;
}

static void write_sections(asc_page *p)
{
    asc__section_answer(p);
    asc__section_data(p);
    asc__section_change(p);
    asc__section_fits(p);
    asc__section_budget(p);
    asc__section_target(p);
    asc__section_tasks(p);
    asc__section_runs(p);
    asc__section_made(p);
}

static void assemble(asc_buf *whole, const asc_page *p)
{
    write_head(whole, p->summary);
    write_banner(whole, p->summary);
    write_nav(whole, p->out.data ? p->out.data : "");
    asc_buf_puts(whole, "</header>\n<main>\n");
    asc_buf_append(whole, p->out.data, p->out.len);
    asc_buf_puts(whole, "</main>\n");
    write_foot(whole, p);
    write_scripts(whole, p->charts);
    asc_buf_puts(whole, "</body>\n</html>\n");
}

asc_status asc_report_html(asc_buf *out, const json_t *summary, const asc_report_opts *opts, asc_error *err)
{
    if (!json_is_object(summary))
        return ASC_FAIL(err, ASC_EINVAL, "the study's summary is no JSON object");
    asc_page p = {.summary = summary, .charts = asc_report_has_charts() && !(opts && opts->tables_only), .err = err};
    asc_buf whole = {0};
    p.shown = shown_domains(summary);
    if (!p.shown)
        p.status = ASC_NOMEM(err);
    if (p.status == ASC_OK)
        write_sections(&p);
    if (p.status == ASC_OK) {
        assemble(&whole, &p);
        if (whole.oom || p.out.oom)
            p.status = ASC_NOMEM(err);
    }
    if (p.status == ASC_OK) {
        asc_buf_append(out, whole.data, whole.len);
        if (out->oom)
            p.status = ASC_NOMEM(err);
    }
    asc_buf_clear(&whole);
    asc_buf_clear(&p.out);
    json_decref(p.shown);
    return p.status;
}
