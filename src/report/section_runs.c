/* Every run, and how the study was made. */
#include "page.h"

#include <math.h>
#include <string.h>

/* "done", or "done, begun again at rate 0.002". */
static void state_cell(asc_buf *b, const json_t *run)
{
    char text[120];
    if (!(asc__num(run, "retries") > 0)) {
        asc__cell_text(b, asc__str(run, "state"));
        return;
    }
    snprintf(text, sizeof text, "%.40s, begun again at rate %.3g", asc__str(run, "state"), asc__num(run, "lr"));
    asc__cell_text(b, text);
}

static void run_row(asc_buf *b, const json_t *run, const json_t *targets)
{
    size_t k;
    json_t *target;
    asc__row(b);
    asc__cell_name(b, asc__str(run, "id"));
    asc__cell_text(b, asc__str(run, "kind"));
    asc__cell_text(b, *asc__str(run, "domain") ? asc__str(run, "domain") : asc__str(run, "mixture"));
    asc__cell_count(b, asc__num(run, "seed"));
    state_cell(b, run);
    asc__cell_count(b, asc__num(run, "tokens"));
    asc__cell_fixed(b, asc__num(run, "wall_s"), 1);
    asc__cell_fixed(b, asc__num(run, "objective"), 4);
    json_array_foreach(targets, k, target)
    {
        asc__cell_fixed(b, asc__num(asc__at(run, "loss"), json_is_string(target) ? json_string_value(target) : ""), 3);
    }
    asc_buf_putc(b, '\n');
}

static void burst_row(asc_buf *b, const json_t *run)
{
    const json_t *x = asc__at(run, "bursts"), *alike = asc__at(x, "alike");
    char pair[64] = "\xe2\x80\x93";
    if (json_is_array(alike))
        snprintf(pair, sizeof pair, "%+.3f to %+.3f", asc__item(alike, 0), asc__item(alike, 1));
    asc__row(b);
    asc__cell_name(b, asc__str(run, "id"));
    asc__cell_count(b, asc__num(x, "step"));
    asc__cell_fixed(b, asc__num(x, "times"), 1);
    asc__cell_fixed(b, asc__num(x, "loss_up"), 2);
    asc__cell_count(b, asc__num(x, "steps"));
    asc__cell_fixed(b, asc__num(x, "above"), 3);
    asc__cell_text(b, pair);
    asc_buf_putc(b, '\n');
}

/* Runs that were thrown off their course for a moment and came back: what became of them. */
static void bursts(asc_buf *b, const json_t *runs)
{
    static const char *const heads[] = {"run",         "#step",           "#times its level", "#loss up then",
                                        "#such steps", "#above its base", "calm runs alike",  NULL};
    size_t i, n = 0;
    json_t *run;
    json_array_foreach(runs, i, run)
    {
        n += json_is_object(asc__at(run, "bursts"));
    }
    if (n == 0)
        return;
    asc_buf_puts(b,
                 "<h3>Bursts of gradients</h3>\n<p>A step whose gradient norm is more than ten times its own running "
                 "level. Above its base: what the run ended higher than the base of its star (at the target: than "
                 "the other seeds of its mixture), in nats, the median over the targets that it was not made for; "
                 "beside it the same of runs of its kind that had no burst.</p>\n");
    asc__table_open(b, heads);
    json_array_foreach(runs, i, run)
    {
        if (json_is_object(asc__at(run, "bursts")))
            burst_row(b, run);
    }
    asc__table_close(b);
}

void asc__section_runs(asc_page *p)
{
    static const char *const heads[] = {"run",   "kind",   "domain or mixture", "seed",
                                        "state", "tokens", "seconds",           "objective"};
    const json_t *runs = asc__at(p->summary, "runs"), *targets = asc__at(p->summary, "targets");
    asc_buf *b = &p->out;
    size_t i;
    json_t *item;
    if (json_array_size(runs) == 0)
        return;
    asc_buf_puts(
        b, "<section id=\"runs\"><h2>Every run</h2>\n<p>Losses in nats a token on each validation set. Click a head to "
           "sort.</p>\n");
    asc__table_begin(b);
    for (i = 0; i < sizeof heads / sizeof *heads; i++)
        asc__table_head(b, heads[i], i == 3 || i > 4);
    json_array_foreach(targets, i, item)
    {
        asc__table_head(b, json_is_string(item) ? json_string_value(item) : "", true);
    }
    asc__table_heads_end(b);
    json_array_foreach(runs, i, item)
    {
        run_row(b, item, targets);
    }
    asc__table_close(b);
    bursts(b, runs);
    asc_buf_puts(b, "</section>\n");
}

/* ---- how it was made ---- */

static void value_text(asc_buf *b, const json_t *v)
{
    char number[32];
    if (json_is_string(v))
        asc__html_text(b, json_string_value(v));
    else if (json_is_integer(v))
        asc__html_count(b, (double)json_integer_value(v));
    else if (json_is_real(v))
        asc_buf_puts(b, asc_format_double(json_real_value(v), number));
    else if (json_is_null(v))
        asc_buf_puts(b, "none");
    else if (json_is_boolean(v))
        asc_buf_puts(b, json_is_true(v) ? "yes" : "no");
}

static void values(asc_buf *b, const json_t *v)
{
    const char *key;
    size_t i;
    json_t *item;
    bool first = true;
    if (!json_is_object(v) && !json_is_array(v)) {
        value_text(b, v);
        return;
    }
    json_array_foreach(v, i, item)
    {
        asc_buf_puts(b, i ? ", " : "");
        values(b, item);
    }
    json_object_foreach((json_t *)v, key, item)
    {
        asc_buf_puts(b, first ? "" : " \xc2\xb7 ");
        asc__html_text(b, key);
        asc_buf_puts(b, " ");
        values(b, item);
        first = false;
    }
}

static void fact(asc_buf *b, const char *name, const json_t *v)
{
    if (!v || json_is_null(v))
        return;
    asc_buf_printf(b, "<dt>%s</dt><dd>", name);
    values(b, v);
    asc_buf_puts(b, "</dd>\n");
}

static void seeds_fact(asc_buf *b, const json_t *runs)
{
    double seen[64];
    size_t n = 0, i, k;
    json_t *run;
    json_array_foreach(runs, i, run)
    {
        double seed = asc__num(run, "seed");
        for (k = 0; k < n && seen[k] != seed; k++) {
        }
        if (k == n && n < 64 && isfinite(seed))
            seen[n++] = seed;
    }
    if (n == 0)
        return;
    asc_buf_puts(b, "<dt>seeds</dt><dd>");
    for (k = 0; k < n; k++)
        asc_buf_printf(b, "%s%.0f", k ? ", " : "", seen[k]);
    asc_buf_puts(b, "</dd>\n");
}

static void counts_fact(asc_buf *b, const json_t *runs)
{
    size_t n = json_array_size(runs), i, done = 0;
    json_t *run;
    double tokens = 0, seconds = 0;
    json_array_foreach(runs, i, run)
    {
        done += strcmp(asc__str(run, "state"), "done") == 0;
        tokens += isfinite(asc__num(run, "tokens")) ? asc__num(run, "tokens") : 0;
        seconds += isfinite(asc__num(run, "wall_s")) ? asc__num(run, "wall_s") : 0;
    }
    if (n == 0)
        return;
    asc_buf_printf(b, "<dt>runs</dt><dd>%zu of %zu done, ", done, n);
    asc__html_si(b, tokens);
    asc_buf_puts(b, " tokens, ");
    asc__html_duration(b, seconds);
    asc_buf_puts(b, " of training</dd>\n");
}

void asc__section_made(asc_page *p)
{
    const json_t *s = p->summary;
    asc_buf *b = &p->out;
    asc_buf_puts(b, "<section id=\"made\"><h2>How it was made</h2>\n<dl>\n");
    fact(b, "study", asc__at(s, "study"));
    fact(b, "created", asc__at(s, "created"));
    fact(b, "state", asc__at(s, "state"));
    fact(b, "objective", asc__at(s, "objective"));
    fact(b, "model", asc__at(s, "model"));
    fact(b, "training", asc__at(s, "training"));
    counts_fact(b, asc__at(s, "runs"));
    seeds_fact(b, asc__at(s, "runs"));
    fact(b, "machine", asc__at(s, "machine"));
    fact(b, "autoscale", asc__at(s, "version"));
    asc_buf_puts(b, "</dl>\n");
    const json_t *source = asc__at(s, "source");
    const char *text = json_is_string(source) ? json_string_value(source) : asc__str(source, "text");
    if (*text) {
        asc__details_open(b, "The study file");
        asc_buf_puts(b, "<pre>");
        asc__html_text(b, text);
        asc_buf_puts(b, "</pre>");
        asc__details_close(b);
    }
    asc_buf_puts(b, "</section>\n");
}
