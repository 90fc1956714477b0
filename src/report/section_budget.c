/* The optimum by budget: measured scales, the target, and the rule's path beyond. */
#include "page.h"

#include "base/base_json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct stop {
    double tokens;
    const char *kind; /* "measured" | "target" | "predicted" */
    const json_t *weights, *ci;
    bool joins; /* on the dashed line */
} stop;

static int by_tokens(const void *a, const void *b)
{
    const stop *x = a, *y = b;
    return (x->tokens > y->tokens) - (x->tokens < y->tokens);
}

static void add_stop(stop *s, size_t *n, double tokens, const char *kind, const json_t *weights, const json_t *ci)
{
    if (tokens > 0 && json_object_size(weights) > 0)
        s[(*n)++] = (stop){tokens, kind, weights, ci, true};
}

/* Every budget with weights, smallest first; a prediction within a measured scale's budget is left out. */
static stop *collect(const json_t *summary, size_t *n, asc_error *err)
{
    const json_t *scales = asc__at(summary, "scales"), *prediction = asc__at(summary, "prediction");
    const json_t *ladder = asc__at(prediction, "ladder");
    stop *s = asc_calloc(json_array_size(scales) + json_array_size(ladder) + 1, sizeof *s);
    size_t i;
    json_t *item;
    *n = 0;
    if (!s) {
        ASC_NOMEM(err);
        return NULL;
    }
    double last = 0, target = asc__num(prediction, "tokens");
    json_array_foreach(scales, i, item)
    {
        add_stop(s, n, asc__num(item, "tokens"), "measured", asc__at(item, "optimum"), asc__at(item, "ci"));
        last = fmax(last, asc__num(item, "tokens"));
    }
    for (i = 0; i < *n; i++)
        s[i].joins = s[i].tokens >= last;
    add_stop(s, n, target, "target", asc__at(prediction, "weights"), asc__at(prediction, "ci"));
    json_array_foreach(ladder, i, item)
    {
        double tokens = asc__num(item, "tokens");
        if (tokens > last * 1.01 && !(fabs(tokens - target) < .01 * target))
            add_stop(s, n, tokens, "predicted", asc__at(item, "weights"), NULL);
    }
    qsort(s, *n, sizeof *s, by_tokens);
    return s;
}

static void budget_point(json_t *points, const stop *s, const char *domain, double shift)
{
    json_t *row = asc__chart_row(points);
    asc__put_str(row, "domain", domain);
    asc__put_num(row, "tokens", s->tokens);
    asc__put_num(row, "share", asc__num(s->weights, domain));
    asc__put_num(row, "lo", asc__item(asc__at(s->ci, domain), 0));
    asc__put_num(row, "hi", asc__item(asc__at(s->ci, domain), 1));
    asc__put_str(row, "kind", s->kind);
    asc__put_num(row, "shift", s->ci ? shift : 0);
    json_object_set_new(row, "joins", json_boolean(s->joins));
}

static void budget_chart(asc_page *p, const stop *s, size_t n)
{
    json_t *points = json_array(), *name;
    size_t d, n_shown = json_array_size(p->shown);
    for (size_t i = 0; i < n; i++)
        json_array_foreach(p->shown, d, name)
        {
            if (isfinite(asc__num(s[i].weights, json_string_value(name))))
                budget_point(points, &s[i], json_string_value(name), 2.5 * ((double)d - .5 * (double)(n_shown - 1)));
        }
    double target = asc__target_tokens(p->summary);
    asc__chart(p, "optima",
               "<b>Best share of each domain by budget.</b> Solid: optima of the measured scales. Dashed: the "
               "rule\xe2\x80\x99s "
               "prediction. Upright lines: intervals, set side by side. Click a name to hide it.",
               json_pack("{s:o}", "points", points),
               json_pack("{s:O,s:f}", "domains", p->shown, "target", isfinite(target) ? target : 0.));
}

static void budget_table(asc_page *p, const stop *s, size_t n)
{
    asc_buf *b = &p->out;
    const char *domain;
    json_t *value;
    asc__table_begin(b);
    asc__table_head(b, "domain", false);
    for (size_t i = 0; i < n; i++) {
        char tokens[24], head[64];
        snprintf(head, sizeof head, "%s %s", asc_format_count(s[i].tokens, tokens), s[i].kind);
        asc__table_head(b, head, true);
    }
    const json_t *keep = asc__at(asc__at(p->summary, "prediction"), "keep_last");
    const json_t *joint = asc__at(asc__at(p->summary, "prediction"), "joint");
    if (keep)
        asc__table_head(b, "target, kept", true);
    if (json_is_object(joint))
        asc__table_head(b, "target, joint law", true);
    asc__table_heads_end(b);
    json_object_foreach((json_t *)s[0].weights, domain, value)
    {
        asc__row(b);
        asc__cell_name(b, domain);
        for (size_t i = 0; i < n; i++)
            asc__cell_percent(b, asc__num(s[i].weights, domain));
        if (keep)
            asc__cell_percent(b, asc__num(keep, domain));
        if (json_is_object(joint))
            asc__cell_percent(b, asc__num(joint, domain));
        asc_buf_putc(b, '\n');
    }
    asc__table_close(b);
}

static void rule_sentence(asc_page *p)
{
    asc_buf *b = &p->out;
    const json_t *prediction = asc__at(p->summary, "prediction"), *censored = asc__at(prediction, "censored");
    size_t i;
    json_t *name;
    double t = asc__num(prediction, "t");
    if (!json_is_object(prediction))
        return;
    asc_buf_puts(b, "<p>The AutoScale rule continues each domain\xe2\x80\x99s tokens from scale to scale");
    if (isfinite(t))
        asc_buf_printf(b, "; the target lies at t = %.3f (first scale 0, last measured scale 1)", t);
    asc_buf_puts(b, ". Beside it always stands what keeping the last measured optimum would give.</p>\n");
    if (json_array_size(censored) == 0)
        return;
    asc_buf_puts(b, "<p>At a bound, so without information on their growth: ");
    json_array_foreach(censored, i, name)
    {
        asc_buf_puts(b, i ? ", " : "");
        asc__html_name(b, json_is_string(name) ? json_string_value(name) : "");
    }
    asc_buf_puts(b, ".</p>\n");
}

void asc__section_budget(asc_page *p)
{
    size_t n = 0;
    stop *s = p->status == ASC_OK ? collect(p->summary, &n, p->err) : NULL;
    if (!s && p->status == ASC_OK)
        p->status = ASC_ENOMEM;
    if (n > 0) {
        asc_buf_puts(&p->out, "<section id=\"budget\"><h2>The optimum by budget</h2>\n");
        rule_sentence(p);
        budget_chart(p, s, n);
        asc__details_open(&p->out, "Shares by budget");
        budget_table(p, s, n);
        asc__details_close(&p->out);
        asc__html_notes(&p->out, asc__at(asc__at(p->summary, "prediction"), "notes"));
        asc_buf_puts(&p->out, "</section>\n");
    }
    asc_free(s);
}
