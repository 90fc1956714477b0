/* The optimum by budget: measured scales, the target, and the rule's path beyond. */
#include "page.h"

#include "base/base_json.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct stop {
    double tokens, params;  /* params: where another scale has as many tokens; else 0 */
    const char *kind;       /* "measured" | "target" | "predicted" */
    const double *weights;  /* (D) */
    const asc_interval *ci; /* (D) or NULL */
    bool joins;             /* on the dashed line */
    bool shown;             /* in the chart: of scales of equal tokens the largest model's */
} stop;

static int by_tokens(const void *a, const void *b)
{
    const stop *x = a, *y = b;
    if (x->tokens != y->tokens)
        return (x->tokens > y->tokens) - (x->tokens < y->tokens);
    return (x->params > y->params) - (x->params < y->params);
}

static void add_stop(stop *s, size_t *n, double tokens, const char *kind, const double *weights, const asc_interval *ci)
{
    if (tokens > 0 && weights)
        s[(*n)++] = (stop){tokens, 0, kind, weights, ci, true, true};
}

/* Every budget with weights, smallest first; a prediction within a measured scale's budget is left out. */
static stop *collect(const asc_summary *x, size_t *n, asc_error *err)
{
    const asc_summary_prediction *p = &x->prediction;
    stop *s = asc_calloc(x->n_scales + p->n_ladder + 1, sizeof *s);
    *n = 0;
    if (!s) {
        ASC_NOMEM(err);
        return NULL;
    }
    double last = 0;
    for (size_t i = 0; i < x->n_scales; i++) {
        const asc_summary_scale *c = &x->scales[i];
        size_t before = *n;
        add_stop(s, n, c->tokens, "measured", c->optimum, c->ci);
        if (*n > before)
            s[before].params = c->params;
        if (*n > before && before > 0 && s[before - 1].tokens == c->tokens) /* scales rise in size, too */
            s[before - 1].shown = false;
        last = fmax(last, c->tokens);
    }
    for (size_t i = 0; i < *n; i++)
        s[i].joins = s[i].shown && s[i].tokens >= last;
    if (p->known)
        add_stop(s, n, p->tokens, "target", p->weights, p->ci);
    for (size_t i = 0; p->known && i < p->n_ladder; i++) {
        double tokens = p->ladder[i].tokens;
        if (tokens > last * 1.01 && !(fabs(tokens - p->tokens) < .01 * p->tokens))
            add_stop(s, n, tokens, "predicted", p->ladder[i].weights, NULL);
    }
    qsort(s, *n, sizeof *s, by_tokens);
    return s;
}

static void budget_point(json_t *points, const stop *s, const char *name, size_t domain, double shift)
{
    json_t *row = asc__chart_row(points);
    asc__put_str(row, "domain", name);
    asc__put_num(row, "tokens", s->tokens);
    asc__put_num(row, "share", s->weights[domain]);
    asc__put_num(row, "lo", s->ci ? s->ci[domain].lo : NAN);
    asc__put_num(row, "hi", s->ci ? s->ci[domain].hi : NAN);
    asc__put_str(row, "kind", s->kind);
    asc__put_num(row, "shift", s->ci ? shift : 0);
    json_object_set_new(row, "joins", json_boolean(s->joins));
}

static void budget_chart(asc_page *p, const stop *s, size_t n)
{
    const asc_summary *x = p->study;
    json_t *points = json_array();
    size_t n_shown = json_array_size(p->shown);
    bool any = false;
    for (size_t i = 0; i < n; i++)
        any |= !s[i].shown;
    for (size_t i = 0; i < n; i++)
        for (size_t d = 0, shown = 0; s[i].shown && d < x->n_domains; d++) {
            if (!asc__shown(p, x->domains[d].name))
                continue;
            double shift = 2.5 * ((double)shown++ - .5 * (double)(n_shown - 1));
            assert(s && s[i].weights); /* a stop without them is none */
            if (isfinite(s[i].weights[d]))
                budget_point(points, &s[i], x->domains[d].name, d, shift);
        }
    double target = asc__target_tokens(p->study);
    asc__chart(
        p, "optima",
        any ? "<b>Best share of each domain by budget.</b> Solid: optima of the measured scales, of those of "
              "equal tokens the largest model\xe2\x80\x99s (all of them are in the table). Dashed: the AutoScale "
              "prediction. Vertical lines: intervals, side by side. Click a name to hide it."
            : "<b>Best share of each domain by budget.</b> Solid: optima of the measured scales. Dashed: the "
              "AutoScale prediction. Vertical lines: intervals, side by side. Click a name to hide it.",
        json_pack("{s:o}", "points", points),
        json_pack("{s:O,s:f}", "domains", p->shown, "target", isfinite(target) ? target : 0.));
}

static void budget_table(asc_page *p, const stop *s, size_t n)
{
    asc_buf *b = &p->out;
    const asc_summary *x = p->study;
    const double *keep = x->prediction.known ? x->prediction.keep_last : NULL;
    const double *joint = x->prediction.known ? x->prediction.joint : NULL;
    asc__table_begin(b);
    asc__table_head(b, "domain", false);
    for (size_t i = 0; i < n; i++) {
        char tokens[24], params[24], head[96];
        snprintf(head, sizeof head, "%s %s%s%s", asc_format_count(s[i].tokens, tokens), s[i].kind,
                 s[i].params > 0 ? ", parameters " : "", s[i].params > 0 ? asc_format_count(s[i].params, params) : "");
        asc__table_head(b, head, true);
    }
    if (keep)
        asc__table_head(b, "target, kept", true);
    if (joint)
        asc__table_head(b, "target, joint law", true);
    asc__table_heads_end(b);
    for (size_t d = 0; d < x->n_domains; d++) {
        asc__row(b);
        asc__cell_name(b, x->domains[d].name);
        for (size_t i = 0; i < n; i++)
            asc__cell_percent(b, s[i].weights[d]);
        if (keep)
            asc__cell_percent(b, keep[d]);
        if (joint)
            asc__cell_percent(b, joint[d]);
        asc_buf_putc(b, '\n');
    }
    asc__table_close(b);
}

static void rule_sentence(asc_page *p)
{
    asc_buf *b = &p->out;
    const asc_summary *s = p->study;
    const asc_summary_prediction *x = &s->prediction;
    size_t n = 0;
    if (!x->known)
        return;
    asc_buf_puts(b, "<p>AutoScale extrapolates each domain\xe2\x80\x99s tokens from scale to scale");
    if (isfinite(x->t))
        asc_buf_printf(b, "; the target lies at t = %.3f (first scale 0, last measured scale 1)", x->t);
    asc_buf_puts(b, ". Shown beside it: keeping the last measured optimum.</p>\n");
    for (size_t i = 0; x->censored && i < s->n_domains; i++) {
        if (!x->censored[i])
            continue;
        asc_buf_puts(b, n++ ? ", " : "<p>At a bound, so their growth is unknown: ");
        asc__html_name(b, s->domains[i].name);
    }
    asc_buf_puts(b, n ? ".</p>\n" : "");
}

void asc__section_budget(asc_page *p)
{
    size_t n = 0;
    stop *s = p->status == ASC_OK ? collect(p->study, &n, p->err) : NULL;
    if (!s && p->status == ASC_OK)
        p->status = ASC_ENOMEM;
    if (n > 0) {
        asc_buf_puts(&p->out, "<section id=\"budget\"><h2>The optimum by budget</h2>\n");
        rule_sentence(p);
        budget_chart(p, s, n);
        asc__details_open(&p->out, "Shares by budget");
        budget_table(p, s, n);
        asc__details_close(&p->out);
        asc__html_notes_of(&p->out, &p->study->prediction.notes);
        asc_buf_puts(&p->out, "</section>\n");
    }
    asc_free(s);
}
