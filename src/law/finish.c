/* How paused runs would end (law_finish.h): one line per target, the change from the point to the end on the loss
 * there. From half of their budget on, SlimPajama's runs end within a third of what mixtures differ by of where it says
 * (docs/results/search.md). */
#include "law/law_finish.h"

#include <assert.h>
#include <math.h>

/* Ours: how much more or less a run changes for every nat that it stands above others. */
#define SLOPE_SD .2

/* y = mean + slope (x - centre), of n points. */
typedef struct line {
    size_t n;
    double centre, mean, slope;
    double squares;  /* of x about its centre */
    double kept;     /* share of the least-squares slope that the prior leaves, in [0,1] */
    double variance; /* of a point about the line; NaN: not known */
} line;

/* Change of target v over the runs that ended, on its loss at the point; those without one are left out. */
static line fit_line(const asc_finish_runs *r, size_t v)
{
    line l = {.variance = NAN};
    size_t V = r->n_targets;
    double product = 0, rest = 0;
    assert(v < V);
    for (size_t i = 0; i < r->n; i++) {
        double x = r->paused[i * V + v], y = r->ended[i * V + v] - x;
        if (!isfinite(x) || !isfinite(y))
            continue;
        double step = x - l.centre, up = y - l.mean;
        l.n++;
        l.centre += step / (double)l.n;
        l.mean += up / (double)l.n;
        l.squares += step * (x - l.centre);
        product += step * (y - l.mean);
        rest += up * (y - l.mean);
    }
    if (l.n < ASC_FINISH_LEAST)
        return l;
    double free = l.squares > 0 ? product / l.squares : 0;
    double noise2 = fmax(rest - free * product, 0) / (double)(l.n - 2);
    l.kept = l.squares > 0 ? l.squares / (l.squares + noise2 / (SLOPE_SD * SLOPE_SD)) : 0;
    l.slope = l.kept * free;
    /* sum (y - slope x)^2 about the means */
    double left = fmax(rest - 2 * l.slope * product + l.slope * l.slope * l.squares, 0);
    l.variance = left / ((double)l.n - 1 - l.kept);
    return l;
}

static double end_of(const line *l, double x)
{
    return l->n < ASC_FINISH_LEAST ? NAN : x + l->mean + l->slope * (x - l->centre);
}

/* Variance of a new point at x over that of the points: what the line itself is off by included. */
static double leverage(const line *l, double x)
{
    double apart = x - l->centre;
    return 1 + 1 / (double)l->n + (l->squares > 0 ? l->kept * apart * apart / l->squares : 0);
}

static double freedom_of(const line *l)
{
    return (double)l->n - 1 - l->kept;
}

/* Of the objective: its residuals over the runs that ended about what the lines make of them. kept: the mean over the
 * targets, for the line that they make together. */
static line objective_line(const asc_finish_runs *r, const line *lines, double *room)
{
    size_t V = r->n_targets;
    line l = {.variance = NAN};
    double rest = 0;
    for (size_t v = 0; v < V; v++)
        l.kept += lines[v].kept / (double)V;
    for (size_t i = 0; i < r->n; i++) {
        for (size_t v = 0; v < V; v++)
            room[v] = end_of(&lines[v], r->paused[i * V + v]);
        double x = asc_objective_value(r->objective, r->paused + i * V, V);
        double off =
            asc_objective_value(r->objective, r->ended + i * V, V) - asc_objective_value(r->objective, room, V);
        if (!isfinite(x) || !isfinite(off))
            continue;
        double step = x - l.centre;
        l.n++;
        l.centre += step / (double)l.n;
        l.squares += step * (x - l.centre);
        rest += off * off;
    }
    if (l.n >= ASC_FINISH_LEAST)
        l.variance = rest / freedom_of(&l);
    return l;
}

/* Standard deviation of Student's t by its scale; with two degrees of freedom or fewer there is none. */
static double widened(double variance, double freedom)
{
    return freedom > 2 ? sqrt(variance * freedom / (freedom - 2)) : NAN;
}

static void predict(asc_finish *f, const asc_finish_runs *r, const line *lines, const line *whole)
{
    size_t V = r->n_targets;
    for (size_t k = 0; k < r->m; k++) {
        const double *x = r->open + k * V;
        for (size_t v = 0; v < V; v++) {
            const line *l = &lines[v];
            f->loss[k * V + v] = end_of(l, x[v]);
            f->loss_sd[k * V + v] =
                l->n < ASC_FINISH_LEAST ? NAN : widened(l->variance * leverage(l, x[v]), freedom_of(l));
        }
        f->value[k] = asc_objective_value(r->objective, f->loss + k * V, V);
        double at = asc_objective_value(r->objective, x, V);
        f->value_t[k] = whole->n < ASC_FINISH_LEAST ? NAN : sqrt(whole->variance * leverage(whole, at));
        f->freedom[k] = freedom_of(whole);
    }
}

void asc_finish_clear(asc_finish *f)
{
    if (!f)
        return;
    asc_free(f->loss);
    asc_free(f->loss_sd);
    asc_free(f->value);
    asc_free(f->value_t);
    asc_free(f->freedom);
    *f = (asc_finish){0};
}

asc_status asc_finish_predict(asc_finish *out, const asc_finish_runs *r, asc_error *err)
{
    size_t V = r->n_targets;
    asc_finish f = {.m = r->m, .n_targets = V};
    if (r->n < ASC_FINISH_LEAST)
        return ASC_FAIL(err, ASC_EINVAL, "%zu runs were trained beyond the pause, expected at least %d", r->n,
                        ASC_FINISH_LEAST);
    line *lines = asc_calloc(V + 1, sizeof *lines);
    double *room = asc_calloc(V + 1, sizeof *room);
    f.loss = asc_calloc(r->m * V + 1, sizeof *f.loss);
    f.loss_sd = asc_calloc(r->m * V + 1, sizeof *f.loss_sd);
    f.value = asc_calloc(r->m + 1, sizeof *f.value);
    f.value_t = asc_calloc(r->m + 1, sizeof *f.value_t);
    f.freedom = asc_calloc(r->m + 1, sizeof *f.freedom);
    bool ok = lines && room && f.loss && f.loss_sd && f.value && f.value_t && f.freedom;
    for (size_t v = 0; ok && v < V; v++)
        lines[v] = fit_line(r, v);
    if (ok) {
        line whole = objective_line(r, lines, room);
        predict(&f, r, lines, &whole);
        *out = f;
    } else
        asc_finish_clear(&f);
    asc_free(lines);
    asc_free(room);
    return ok ? ASC_OK : ASC_NOMEM(err);
}
