/* What the proxy runs showed: loss changes, fitted curves. */
#include "page.h"

#include "base/base_json.h"

#include <math.h>
#include <string.h>

/* ---- seed noise of a scale: from its base runs ---- */

typedef struct seed_noise {
    double objective,
        loss; /* sd of one run: of the objective; of one target's loss, pooled over targets. NaN: unknown */
    size_t n_runs;
} seed_noise;

typedef struct moments {
    double n, sum, squares;
} moments;

static void add_moment(moments *m, double x)
{
    if (!isfinite(x))
        return;
    m->n++;
    m->sum += x;
    m->squares += x * x;
}

static double variance(const moments *m)
{
    return m->n > 1 ? fmax(0, (m->squares - m->sum * m->sum / m->n) / (m->n - 1)) : NAN;
}

static bool is_base_run(const json_t *run, double tokens)
{
    return strcmp(asc__str(run, "kind"), "base") == 0 && fabs(asc__num(run, "scale") - tokens) <= 1e-9 * tokens;
}

/* A loss minus that target's first one, so that the sum of squares loses no digits. */
static moments of_target(const json_t *runs, double tokens, const char *target)
{
    moments m = {0};
    double first = NAN;
    size_t i;
    json_t *run;
    json_array_foreach(runs, i, run)
    {
        const json_t *from = target ? asc__at(run, "loss") : run;
        double x = is_base_run(run, tokens) ? asc__num(from, target ? target : "objective") : NAN;
        first = isfinite(first) ? first : x;
        add_moment(&m, x - first);
    }
    return m;
}

static seed_noise noise_of(const json_t *summary, const json_t *scale)
{
    const json_t *runs = asc__at(summary, "runs"), *targets = asc__at(summary, "targets");
    double tokens = asc__num(scale, "tokens"), sum = 0;
    moments objective = of_target(runs, tokens, NULL);
    size_t i, n = 0;
    json_t *target;
    json_array_foreach(targets, i, target)
    {
        moments m = of_target(runs, tokens, json_is_string(target) ? json_string_value(target) : "");
        if (m.n > 1) {
            sum += variance(&m);
            n++;
        }
    }
    return (seed_noise){sqrt(variance(&objective)), n ? sqrt(sum / (double)n) : NAN, (size_t)objective.n};
}

/* ---- loss changes: one training domain's tokens up or down, all the others as they are ---- */

static double row_mean(const json_t *targets)
{
    double sum = 0;
    size_t n = 0;
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)targets, name, value)
    {
        if (json_is_number(value)) {
            sum += json_number_value(value);
            n++;
        }
    }
    return n ? sum / (double)n : NAN;
}

static double largest_change(const json_t *changes)
{
    double most = 0;
    const char *domain, *target;
    json_t *targets, *value;
    json_object_foreach((json_t *)changes, domain, targets)
    {
        json_object_foreach(targets, target, value)
        {
            most = fmax(most, fabs(json_number_value(value)));
        }
    }
    return most;
}

static void change_cells(json_t *rows, const char *domain, const json_t *targets)
{
    const char *target;
    json_t *value;
    json_object_foreach((json_t *)targets, target, value)
    {
        json_t *cell = json_is_number(value) ? asc__chart_row(rows) : NULL;
        asc__put_str(cell, "train", domain);
        asc__put_str(cell, "target", target);
        asc__put_num(cell, "change", json_number_value(value));
    }
    json_t *mean = asc__chart_row(rows);
    asc__put_str(mean, "train", domain);
    asc__put_str(mean, "target", "mean");
    asc__put_num(mean, "change", row_mean(targets));
}

static void change_chart(asc_page *p, const json_t *changes, double noise, const char *caption, double limit)
{
    const char *domain;
    json_t *targets, *rows = json_array();
    json_object_foreach((json_t *)changes, domain, targets)
    {
        if (asc__shown(p, domain) && json_object_size(targets) <= 40)
            change_cells(rows, domain, targets);
    }
    asc__chart(p, "change", caption, json_pack("{s:o}", "rows", rows),
               json_pack("{s:f,s:f}", "limit", limit, "noise", isfinite(noise) ? noise : 0.));
}

static void change_table(asc_buf *b, const json_t *changes, double noise, const char *what)
{
    const char *domain, *target;
    json_t *targets, *value, *first = NULL;
    json_object_foreach((json_t *)changes, domain, targets)
    {
        first = first ? first : targets;
    }
    asc_buf_printf(b, "<p class=\"small soft\">%s</p>", what);
    asc__table_begin(b);
    asc__table_head(b, "tokens of", false);
    json_object_foreach(first, target, value)
    {
        asc__table_head(b, target, true);
    }
    asc__table_head(b, "mean", true);
    asc__table_heads_end(b);
    json_object_foreach((json_t *)changes, domain, targets)
    {
        asc__row(b);
        asc__cell_name(b, domain);
        json_object_foreach(first, target, value)
        {
            double x = asc__num(targets, target);
            char exact[32];
            asc_buf_printf(b, "<td class=\"n%s\" data-v=\"%s\">", fabs(x) < 2 * noise ? " within" : "",
                           isfinite(x) ? asc_format_double(x, exact) : "");
            asc_buf_printf(b, isfinite(x) ? "%+.4f</td>" : "</td>", x);
        }
        asc_buf_printf(b, "<td class=\"n\">%+.4f</td>\n", row_mean(targets));
    }
    asc__table_close(b);
}

static void factor_names(const json_t *scale, char up[64], char down[64])
{
    double factor = asc__num(scale, "factor"), least = asc__num(scale, "factor_down");
    if (!isfinite(factor))
        factor = 3;
    snprintf(up, 64, "Tokens of one domain \xc3\x97%.3g", factor);
    snprintf(down, 64,
             "Tokens of one domain \xc3\x97"
             "1/%.3g",
             isfinite(least) ? least : factor);
}

static void change_of_scale(asc_page *p, const json_t *scale)
{
    asc_buf *b = &p->out;
    const json_t *up = asc__at(scale, "up"), *down = asc__at(scale, "down");
    seed_noise noise = noise_of(p->summary, scale);
    double limit = fmax(largest_change(up), largest_change(down));
    char name_up[64], name_down[64], caption[160];
    factor_names(scale, name_up, name_down);
    asc_buf_puts(b, "<h3>Base of ");
    asc__html_si(b, asc__num(scale, "tokens"));
    asc_buf_puts(b, " tokens</h3>\n<p class=\"small soft\">Blue: the loss falls. Red: it rises. ");
    if (isfinite(noise.loss))
        asc_buf_printf(
            b,
            "Seed noise, from %zu base runs: a standard deviation of %.4f of one loss and %.4f of the objective; "
            "changes under twice the former are set in italics.",
            noise.n_runs, noise.loss, noise.objective);
    else
        asc_buf_puts(b, "Seed noise was not measured at this scale (one base run).");
    /* Two maps stand side by side as long as their columns have room for a name. */
    asc_buf_puts(b, json_array_size(asc__at(p->summary, "targets")) > 12 ? "</p>\n<div class=\"stack\">\n"
                                                                         : "</p>\n<div class=\"pair\">\n");
    snprintf(caption, sizeof caption, "<b>%s</b>", name_up);
    change_chart(p, up, noise.loss, caption, limit > 0 ? limit : 1);
    snprintf(caption, sizeof caption, "<b>%s</b>", name_down);
    change_chart(p, down, noise.loss, caption, limit > 0 ? limit : 1);
    asc_buf_puts(b, "</div>");
    asc__details_open(b, "The same as tables");
    change_table(b, up, noise.loss, name_up);
    change_table(b, down, noise.loss, name_down);
    asc__details_close(b);
}

void asc__section_change(asc_page *p)
{
    const json_t *scales = asc__at(p->summary, "scales");
    size_t i;
    json_t *scale;
    bool any = false;
    json_array_foreach(scales, i, scale)
    {
        any = any || json_object_size(asc__at(scale, "up")) > 0 || json_object_size(asc__at(scale, "down")) > 0;
    }
    if (!any)
        return;
    asc_buf_puts(
        &p->out,
        "<section id=\"change\"><h2>What each domain\xe2\x80\x99s tokens change</h2>\n<p>Small models were trained "
        "again with one domain\xe2\x80\x99s tokens (row) raised or cut, all others held. Numbers: change of the "
        "loss [nats a token] on each validation set (column) against the base run.</p>\n");
    json_array_foreach(scales, i, scale)
    {
        if (json_object_size(asc__at(scale, "up")) > 0 || json_object_size(asc__at(scale, "down")) > 0)
            change_of_scale(p, scale);
    }
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

static void fit_points(fit_data *f, const json_t *scale, const char *domain, const json_t *points, double noise,
                       double *x0, double *x1)
{
    size_t i;
    json_t *point;
    json_array_foreach(points, i, point)
    {
        double x = asc__item(point, 0), y = asc__item(point, 1);
        json_t *row = x > 0 && isfinite(y) ? asc__chart_row(f->points) : NULL;
        if (!row)
            continue;
        asc__put_str(row, "domain", domain);
        json_object_set_new(row, "scale", asc__si_name(asc__num(scale, "tokens")));
        asc__put_num(row, "x", x);
        asc__put_num(row, "y", y);
        asc__put_num(row, "noise", noise);
        *x0 = fmin(*x0, x);
        *x1 = fmax(*x1, x);
        fit_range(f, y);
    }
}

static void fit_curve(fit_data *f, const json_t *scale, const char *domain, double x0, double x1)
{
    enum { STEPS = 40 };
    const json_t *fit = asc__at(scale, "fit");
    double a = asc__num(asc__at(fit, "a"), domain), b = asc__num(asc__at(fit, "b"), domain);
    double c = asc__num(asc__at(fit, "c"), domain);
    if (!isfinite(a) || !isfinite(b) || !isfinite(c) || !(x1 > x0))
        return;
    for (int i = 0; i <= STEPS; i++) {
        double x = x0 * pow(x1 / x0, (double)i / STEPS), y = pow(x + a, -b) + c;
        json_t *row = isfinite(y) ? asc__chart_row(f->curves) : NULL;
        asc__put_str(row, "domain", domain);
        json_object_set_new(row, "scale", asc__si_name(asc__num(scale, "tokens")));
        asc__put_num(row, "x", x);
        asc__put_num(row, "y", y);
    }
}

static double base_objective(const json_t *summary, const json_t *scale)
{
    moments m = {0};
    size_t i;
    json_t *run;
    json_array_foreach(asc__at(summary, "runs"), i, run)
    {
        if (is_base_run(run, asc__num(scale, "tokens")))
            add_moment(&m, asc__num(run, "objective"));
    }
    return m.n > 0 ? m.sum / m.n : NAN;
}

static void fits_chart(asc_page *p, const json_t *scales)
{
    fit_data f = {json_array(), json_array(), json_array(), INFINITY, -INFINITY};
    size_t i;
    json_t *scale, *points;
    const char *domain;
    json_array_foreach(scales, i, scale)
    {
        double noise = noise_of(p->summary, scale).objective, base = base_objective(p->summary, scale);
        json_array_append_new(f.scales, asc__si_name(asc__num(scale, "tokens")));
        json_object_foreach(json_object_get(scale, "points"), domain, points)
        {
            double x0 = INFINITY, x1 = 0;
            if (!asc__shown(p, domain))
                continue;
            fit_points(&f, scale, domain, points, noise / base, &x0, &x1);
            fit_curve(&f, scale, domain, x0, x1);
        }
    }
    double pad = f.hi > f.lo ? .06 * (f.hi - f.lo) : .01;
    bool any = json_array_size(f.points) > 0;
    json_t *data = json_pack("{s:o,s:o}", "points", f.points, "curves", f.curves);
    json_t *signals = any ? json_pack("{s:o,s:f,s:f}", "scales", f.scales, "yLo", f.lo - pad, "yHi", f.hi + pad) : NULL;
    if (any)
        asc__chart(p, "fits",
                   "<b>Objective relative to the base run</b> over the domain\xe2\x80\x99s tokens relative to the "
                   "base. Lines: "
                   "the fit. Bars: one standard deviation of the seeds.",
                   data, signals);
    else {
        json_decref(data);
        json_decref(f.scales);
    }
}

static void fits_rows(asc_buf *b, const json_t *scale)
{
    const json_t *fit = asc__at(scale, "fit");
    const char *domain;
    json_t *points, *point;
    size_t i;
    json_object_foreach(json_object_get(scale, "points"), domain, points)
    {
        double roots = asc__num(asc__at(fit, "roots"), domain);
        asc__row(b);
        asc__cell_name(b, domain);
        asc_buf_puts(b, "<td class=\"n\">");
        asc__html_si(b, asc__num(scale, "tokens"));
        asc_buf_puts(b, "</td>");
        asc__cell_fixed(b, asc__num(asc__at(fit, "a"), domain), 4);
        asc__cell_fixed(b, asc__num(asc__at(fit, "b"), domain), 4);
        asc__cell_fixed(b, asc__num(asc__at(fit, "c"), domain), 4);
        asc__cell_text(b, isnan(roots) ? "" : roots == 0 ? "none: undetermined" : roots == 1 ? "one" : "two");
        asc_buf_puts(b, "<td>");
        json_array_foreach(points, i, point)
        {
            asc_buf_printf(b, "%s%.3g: %.5f", i ? ", " : "\xc3\x97", asc__item(point, 0), asc__item(point, 1));
        }
        asc_buf_puts(b, "</td>\n");
    }
}

void asc__section_fits(asc_page *p)
{
    static const char *const heads[] = {"domain", "#scale", "#a", "#b", "#c", "exact roots", "points", NULL};
    const json_t *scales = asc__at(p->summary, "scales");
    asc_buf *b = &p->out;
    size_t i;
    json_t *scale;
    bool any = false;
    json_array_foreach(scales, i, scale)
    {
        any = any || json_object_size(asc__at(scale, "points")) > 0;
    }
    if (!any)
        return;
    asc_buf_puts(
        b, "<section id=\"fits\"><h2>The fitted curves</h2>\n<p>Along each domain\xe2\x80\x99s axis the objective is "
           "fitted by y = (x + a)<sup>\xe2\x88\x92"
           "b</sup> + c. Where three points have no exact root the domain is "
           "undetermined at that scale.</p>\n");
    fits_chart(p, scales);
    asc__details_open(b, "Coefficients and points");
    asc__table_open(b, heads);
    json_array_foreach(scales, i, scale)
    {
        fits_rows(b, scale);
    }
    asc__table_close(b);
    asc__details_close(b);
    json_array_foreach(scales, i, scale)
    {
        asc__html_notes(b, asc__at(scale, "notes"));
    }
    asc_buf_puts(b, "</section>\n");
}
