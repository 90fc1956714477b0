/* What the proxy runs showed: loss changes, fitted curves. */
#include "page.h"

#include "base/base_json.h"
#include "num/num.h"

#include <math.h>

/* ---- seed noise of a scale: from its base runs ---- */

typedef struct seed_noise {
    double objective,
        loss; /* sd of one run: of the objective; of one target's loss, pooled over targets. NaN: unknown */
    size_t n_runs;
} seed_noise;

static bool is_base_run(const asc_summary_run *r, const asc_summary_scale *c)
{
    return r->kind == ASC_KIND_BASE && fabs(r->scale - c->tokens) <= 1e-9 * c->tokens &&
           (c->params == 0 || r->params == c->params);
}

#define OBJECTIVE SIZE_MAX

/* Of the base runs' losses of one target, or of their objectives (OBJECTIVE). */
static asc_moments of_target(const asc_summary *s, const asc_summary_scale *c, size_t target)
{
    asc_moments m = {0};
    for (size_t i = 0; i < s->n_runs; i++) {
        const asc_summary_run *r = &s->runs[i];
        double x = !is_base_run(r, c) ? NAN : target == OBJECTIVE ? r->objective : r->loss ? r->loss[target] : NAN;
        asc_moments_add(&m, isfinite(x) ? x : NAN);
    }
    return m;
}

static seed_noise noise_of(const asc_summary *s, const asc_summary_scale *c)
{
    double sum = 0;
    asc_moments objective = of_target(s, c, OBJECTIVE);
    size_t n = 0;
    for (size_t v = 0; v < s->n_targets; v++) {
        asc_moments m = of_target(s, c, v);
        if (m.n > 1) {
            sum += asc_moments_variance(&m);
            n++;
        }
    }
    return (seed_noise){asc_moments_sd(&objective), n ? sqrt(sum / (double)n) : NAN, (size_t)objective.n};
}

/* ---- loss changes: one training domain's tokens up or down, all the others as they are ---- */

/* Changes (V) of one domain's run: all NaN where there is none. */
static bool has_run(const double *row, size_t n_targets)
{
    return !isnan(asc_mean_measured(row, n_targets));
}

static double largest_change(const asc_summary *s, const double *changes)
{
    double most = 0;
    for (size_t i = 0; changes && i < s->n_domains * s->n_targets; i++)
        most = fmax(most, fabs(changes[i]));
    return most;
}

static void change_cells(json_t *rows, const asc_summary *s, size_t domain, const double *row)
{
    const char *name = s->domains[domain].name;
    for (size_t v = 0; v < s->n_targets; v++) {
        json_t *cell = isnan(row[v]) ? NULL : asc__chart_row(rows);
        asc__put_str(cell, "train", name);
        asc__put_str(cell, "target", s->targets[v]);
        asc__put_num(cell, "change", row[v]);
    }
    json_t *mean = asc__chart_row(rows);
    asc__put_str(mean, "train", name);
    asc__put_str(mean, "target", "mean");
    asc__put_num(mean, "change", asc_mean_measured(row, s->n_targets));
}

/* changes (D,V) or NULL */
static void change_chart(asc_page *p, const double *changes, double noise, const char *caption, double limit)
{
    const asc_summary *s = p->study;
    json_t *rows = json_array();
    for (size_t i = 0; changes && i < s->n_domains; i++) {
        const double *row = changes + i * s->n_targets;
        if (has_run(row, s->n_targets) && asc__shown(p, s->domains[i].name) && s->n_targets <= 40)
            change_cells(rows, s, i, row);
    }
    asc__chart(p, "change", caption, json_pack("{s:o}", "rows", rows),
               json_pack("{s:f,s:f}", "limit", limit, "noise", isfinite(noise) ? noise : 0.));
}

static void change_table(asc_buf *b, const asc_summary *s, const double *changes, double noise, const char *what)
{
    char exact[32];
    asc_buf_printf(b, "<p class=\"small soft\">%s</p>", what);
    asc__table_begin(b);
    asc__table_head(b, "tokens of", false);
    for (size_t v = 0; changes && v < s->n_targets; v++)
        asc__table_head(b, s->targets[v], true);
    asc__table_head(b, "mean", true);
    asc__table_heads_end(b);
    for (size_t i = 0; changes && i < s->n_domains; i++) {
        const double *row = changes + i * s->n_targets;
        if (!has_run(row, s->n_targets))
            continue;
        asc__row(b);
        asc__cell_name(b, s->domains[i].name);
        for (size_t v = 0; v < s->n_targets; v++) {
            double x = row[v];
            asc_buf_printf(b, "<td class=\"n%s\" data-v=\"%s\">", fabs(x) < 2 * noise ? " within" : "",
                           isfinite(x) ? asc_format_double(x, exact) : "");
            asc_buf_printf(b, isfinite(x) ? "%+.4f</td>" : "</td>", x);
        }
        asc_buf_printf(b, "<td class=\"n\">%+.4f</td>\n", asc_mean_measured(row, s->n_targets));
    }
    asc__table_close(b);
}

static void factor_names(const asc_summary_scale *scale, char up[64], char down[64])
{
    double factor = scale->factor, least = scale->factor_down;
    if (!isfinite(factor))
        factor = 3;
    snprintf(up, 64, "Tokens of one domain \xc3\x97%.3g", factor);
    snprintf(down, 64,
             "Tokens of one domain \xc3\x97"
             "1/%.3g",
             isfinite(least) ? least : factor);
}

static void change_of_scale(asc_page *p, const asc_summary_scale *scale)
{
    asc_buf *b = &p->out;
    const asc_summary *s = p->study;
    const double *up = scale->up, *down = scale->down;
    seed_noise noise = noise_of(s, scale);
    double limit = fmax(largest_change(s, up), largest_change(s, down));
    char name_up[64], name_down[64], caption[160];
    factor_names(scale, name_up, name_down);
    asc_buf_puts(b, "<h3>Base of ");
    asc__html_si(b, scale->tokens);
    asc_buf_puts(b, " tokens");
    if (scale->params > 0) {
        asc_buf_puts(b, ", ");
        asc__html_si(b, scale->params);
        asc_buf_puts(b, " parameters");
    }
    asc_buf_puts(b, "</h3>\n<p class=\"small soft\">Blue: the loss falls. Red: it rises. ");
    if (isfinite(noise.loss))
        asc_buf_printf(
            b,
            "Seed noise, from %zu base runs: a standard deviation of %.4f of one loss and %.4f of the objective; "
            "changes below twice the former are in italics.",
            noise.n_runs, noise.loss, noise.objective);
    else
        asc_buf_puts(b, "Seed noise was not measured at this scale (one base run).");
    /* Two maps stand side by side as long as their columns have room for a name. */
    asc_buf_puts(b, s->n_targets > 12 ? "</p>\n<div class=\"stack\">\n" : "</p>\n<div class=\"pair\">\n");
    snprintf(caption, sizeof caption, "<b>%s</b>", name_up);
    change_chart(p, up, noise.loss, caption, limit > 0 ? limit : 1);
    snprintf(caption, sizeof caption, "<b>%s</b>", name_down);
    change_chart(p, down, noise.loss, caption, limit > 0 ? limit : 1);
    asc_buf_puts(b, "</div>");
    asc__details_open(b, "As tables");
    change_table(b, s, up, noise.loss, name_up);
    change_table(b, s, down, noise.loss, name_down);
    asc__details_close(b);
}

static bool any_change(const asc_summary *s, const asc_summary_scale *c)
{
    for (size_t i = 0; i < s->n_domains; i++)
        if ((c->up && has_run(c->up + i * s->n_targets, s->n_targets)) ||
            (c->down && has_run(c->down + i * s->n_targets, s->n_targets)))
            return true;
    return false;
}

void asc__section_change(asc_page *p)
{
    const asc_summary *s = p->study;
    bool any = false;
    for (size_t k = 0; k < s->n_scales; k++)
        any |= any_change(s, &s->scales[k]);
    if (!any)
        return;
    asc_buf_puts(&p->out,
                 "<section id=\"change\"><h2>What each domain\xe2\x80\x99s tokens change</h2>\n<p>Small models were "
                 "retrained with one domain\xe2\x80\x99s tokens (row) raised or cut, all others unchanged. Numbers: "
                 "change of the loss [nats per token] on each validation set (column) relative to the base run.</p>\n");
    for (size_t k = 0; k < s->n_scales; k++)
        if (any_change(s, &s->scales[k]))
            change_of_scale(p, &s->scales[k]);
    asc_buf_puts(&p->out, "</section>\n");
}

/* ---- fitted curves y = (x+a)^-b + c and their points ---- */

typedef struct fit_data {
    json_t *points, *curves, *scales;
    double lo, hi; /* range of y */
} fit_data;

static void fit_range(fit_data *f, double y)
{
    f->lo = fmin(f->lo, y);
    f->hi = fmax(f->hi, y);
}

static void fit_points(fit_data *f, const asc_summary_scale *scale, const char *domain,
                       const asc_summary_points *points, double noise, double *x0, double *x1)
{
    for (size_t i = 0; i < points->n; i++) {
        double x = points->x[i], y = points->y[i];
        json_t *row = x > 0 && isfinite(y) ? asc__chart_row(f->points) : NULL;
        if (!row)
            continue;
        asc__put_str(row, "domain", domain);
        json_object_set_new(row, "scale", asc__scale_name(scale));
        asc__put_num(row, "x", x);
        asc__put_num(row, "y", y);
        asc__put_num(row, "noise", noise);
        *x0 = fmin(*x0, x);
        *x1 = fmax(*x1, x);
        fit_range(f, y);
    }
}

static void fit_curve(fit_data *f, const asc_summary_scale *scale, const char *name, size_t domain, double x0,
                      double x1)
{
    enum { STEPS = 40 };
    double a = scale->a ? scale->a[domain] : NAN, b = scale->b ? scale->b[domain] : NAN;
    double c = scale->c ? scale->c[domain] : NAN;
    if (!isfinite(a) || !isfinite(b) || !isfinite(c) || !(x1 > x0))
        return;
    for (int i = 0; i <= STEPS; i++) {
        double x = x0 * pow(x1 / x0, (double)i / STEPS), y = pow(x + a, -b) + c;
        json_t *row = isfinite(y) ? asc__chart_row(f->curves) : NULL;
        asc__put_str(row, "domain", name);
        json_object_set_new(row, "scale", asc__scale_name(scale));
        asc__put_num(row, "x", x);
        asc__put_num(row, "y", y);
    }
}

static double base_objective(const asc_summary *s, const asc_summary_scale *c)
{
    asc_moments m = of_target(s, c, OBJECTIVE);
    return asc_moments_mean(&m);
}

static void fits_chart(asc_page *p)
{
    const asc_summary *s = p->study;
    fit_data f = {json_array(), json_array(), json_array(), INFINITY, -INFINITY};
    for (size_t k = 0; k < s->n_scales; k++) {
        const asc_summary_scale *scale = &s->scales[k];
        double noise = noise_of(s, scale).objective, base = base_objective(s, scale);
        json_array_append_new(f.scales, asc__scale_name(scale));
        for (size_t i = 0; scale->points && i < s->n_domains; i++) {
            const char *name = s->domains[i].name;
            double x0 = INFINITY, x1 = 0;
            if (!asc__shown(p, name))
                continue;
            fit_points(&f, scale, name, &scale->points[i], noise / base, &x0, &x1);
            fit_curve(&f, scale, name, i, x0, x1);
        }
    }
    double pad = f.hi > f.lo ? .06 * (f.hi - f.lo) : .01;
    bool any = json_array_size(f.points) > 0;
    json_t *data = json_pack("{s:o,s:o}", "points", f.points, "curves", f.curves);
    json_t *signals = any ? json_pack("{s:o,s:f,s:f}", "scales", f.scales, "yLo", f.lo - pad, "yHi", f.hi + pad) : NULL;
    if (any)
        asc__chart(p, "fits",
                   "<b>Objective relative to the base run</b> against the domain\xe2\x80\x99s tokens relative to the "
                   "base. Lines: the fit. Bars: one standard deviation over seeds.",
                   data, signals);
    else {
        json_decref(data);
        json_decref(f.scales);
    }
}

static void fits_rows(asc_buf *b, const asc_summary *s, const asc_summary_scale *scale)
{
    for (size_t i = 0; scale->points && i < s->n_domains; i++) {
        const asc_summary_points *points = &scale->points[i];
        double roots = scale->roots ? scale->roots[i] : NAN;
        asc__row(b);
        asc__cell_name(b, s->domains[i].name);
        asc_buf_puts(b, "<td class=\"n\">");
        asc__html_si(b, scale->tokens);
        if (scale->params > 0) {
            asc_buf_puts(b, ", ");
            asc__html_si(b, scale->params);
            asc_buf_puts(b, " parameters");
        }
        asc_buf_puts(b, "</td>");
        asc__cell_fixed(b, scale->a ? scale->a[i] : NAN, 4);
        asc__cell_fixed(b, scale->b ? scale->b[i] : NAN, 4);
        asc__cell_fixed(b, scale->c ? scale->c[i] : NAN, 4);
        asc__cell_text(b, isnan(roots) ? "" : roots == 0 ? "none: undetermined" : roots == 1 ? "one" : "two");
        asc_buf_puts(b, "<td>");
        for (size_t k = 0; k < points->n; k++)
            asc_buf_printf(b, "%s%.3g: %.5f", k ? ", " : "\xc3\x97", points->x[k], points->y[k]);
        asc_buf_puts(b, "</td>\n");
    }
}

void asc__section_fits(asc_page *p)
{
    static const char *const heads[] = {"domain", "#scale", "#a", "#b", "#c", "exact roots", "points", NULL};
    const asc_summary *s = p->study;
    asc_buf *b = &p->out;
    bool any = false;
    for (size_t k = 0; k < s->n_scales; k++)
        any |= s->scales[k].points != NULL;
    if (!any)
        return;
    asc_buf_puts(
        b, "<section id=\"fits\"><h2>The fitted curves</h2>\n<p>Along each domain\xe2\x80\x99s axis the objective is "
           "fitted by y = (x + a)<sup>\xe2\x88\x92"
           "b</sup> + c. Where three points have no exact root the domain is "
           "undetermined at that scale.</p>\n");
    fits_chart(p);
    asc__details_open(b, "Coefficients and points");
    asc__table_open(b, heads);
    for (size_t k = 0; k < s->n_scales; k++)
        fits_rows(b, s, &s->scales[k]);
    asc__table_close(b);
    asc__details_close(b);
    for (size_t k = 0; k < s->n_scales; k++)
        asc__html_notes_of(b, &s->scales[k].notes);
    asc_buf_puts(b, "</section>\n");
}
