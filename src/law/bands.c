/* Figures of a fitted law: on its own rows, on held-out rows, and the bands of its predictions. */
#include "private.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

void asc__fit_stats(asc_law_stats *s, const asc__prep *p, const double *f, const double *y, const double *weight)
{
    double mean = 0, total = 0, left = 0, mre = 0;
    size_t n = 0;
    assert(p->n <= p->ld);
    for (size_t r = 0; r < p->n; r++)
        if (weight[r] != 0) {
            mean += y[r];
            n++;
        }
    mean /= (double)(n ? n : 1);
    for (size_t r = 0; r < p->n; r++)
        if (weight[r] != 0) {
            total += (y[r] - mean) * (y[r] - mean);
            left += (y[r] - f[r]) * (y[r] - f[r]);
            mre += fabs(f[r] - y[r]) / fabs(y[r]);
        }
    s->n_rows = n;
    s->r2 = total > 1e-300 ? 1 - left / total : NAN;
    s->mre = n ? mre / (double)n : NAN;
    s->spearman = asc__cell_spearman(p, f, y, weight);
    s->noise = n ? sqrt(left / (double)n) : NAN;
}

void asc__cv_stats(asc_law_stats *s, const asc__prep *p, const double *held, const double *y, const double *weight)
{
    double sum = 0, squares = 0;
    asc_moments folds = {0};
    size_t n = 0;
    for (int k = 0; k < p->n_folds; k++) {
        double fold = 0;
        size_t m = 0;
        for (size_t r = 0; r < p->n; r++) {
            if (p->fold[r] != k || weight[r] == 0 || isnan(held[r]))
                continue;
            fold += fabs(held[r] - y[r]) / fabs(y[r]);
            squares += (held[r] - y[r]) * (held[r] - y[r]);
            m++;
        }
        if (!m)
            continue;
        sum += fold;
        n += m;
        asc_moments_add(&folds, fold / (double)m);
    }
    s->cv_mre = n ? sum / (double)n : NAN;
    s->cv_mse = n ? squares / (double)n : NAN;
    s->cv_mre_sd = asc_moments_sd(&folds) / sqrt(folds.n);
    s->cv_spearman = n ? asc__cell_spearman(p, held, y, weight) : NAN;
}

/* ---- bands ---- */

typedef struct weighted {
    double value, weight;
} weighted;

static int by_value(const void *a, const void *b)
{
    const weighted *x = a, *y = b;
    return (x->value > y->value) - (x->value < y->value);
}

/* The smallest value that has a share of p of the weight up to it, one more unit counted as beyond them all (the
 * finite-sample correction of conformal prediction); v sorted. */
static double weighted_quantile(const weighted *v, size_t n, size_t n_units, double p)
{
    double total = 0, sum = 0;
    assert(n > 0 && n_units > 0 && p > 0 && p < 1);
    for (size_t i = 0; i < n; i++)
        total += v[i].weight;
    double least = p * total * (double)(n_units + 1) / (double)n_units;
    for (size_t i = 0; i < n; i++)
        if ((sum += v[i].weight) >= least)
            return v[i].value;
    return v[n - 1].value;
}

/* sd of one run about the law from held-out residuals e: 1.25 mean |e| (less at the mercy of tails than the root of the
 * squares), less what the fit's own variance adds; never below half of the sd about the fit itself. */
static double held_noise(const asc_law *l, const asc__prep *p, const double *held, const double *y,
                         const double *weight, const double *var)
{
    double size = 0, variance = 0, total = 0;
    for (size_t r = 0; r < p->n; r++) {
        if (weight[r] == 0 || isnan(held[r]))
            continue;
        size += weight[r] * fabs(held[r] - y[r]);
        variance += weight[r] * var[r];
        total += weight[r];
    }
    if (total == 0)
        return l->stats.noise;
    /* 1.2533 = sqrt(pi / 2): sd over mean |e| of normal residuals */
    double sd = 1.2533 * size / total, least = .5 * l->stats.noise;
    return sqrt(fmax(sd * sd - variance / total, least * least));
}

/* What a picture of the law shows: some rows as measured and as predicted by a fit that did not see their run. */
static asc_status keep_held(asc_law *l, const asc__prep *p, const double *held, const double *y, const double *weight,
                            asc_error *err)
{
    size_t all = 0, seen = 0;
    for (size_t r = 0; r < p->n; r++)
        all += weight[r] != 0 && isfinite(held[r]);
    size_t n = all < ASC_LAW_HELD ? all : ASC_LAW_HELD;
    double *pairs = asc_calloc(2 * n + 1, sizeof *pairs);
    if (!pairs)
        return ASC_NOMEM(err);
    asc_free(l->held);
    l->held = n ? pairs : NULL;
    l->n_held = 0;
    for (size_t r = 0; r < p->n && l->n_held < n; r++) {
        if (weight[r] == 0 || !isfinite(held[r]) || seen++ * n / all < l->n_held)
            continue;
        pairs[2 * l->n_held] = (float)y[r];
        pairs[2 * l->n_held++ + 1] = (float)held[r];
    }
    assert(l->n_held == n); /* every so many rows: as many as there is room for */
    if (!n)
        asc_free(pairs);
    return ASC_OK;
}

/* Quantiles of |held-out residual| / spread at its row. The spread of a fit to all but one of n folds is that of the
 * fit to all with its variance n/(n-1) times as large. Rows count by the root of their trust: trust is learnt from the
 * same residuals, and whole it would take for noisy some runs that chance alone put far off (where all runs are alike,
 * bands of 90 % would cover 86 %; with the root 88 %, simulated). Where a run has many rows they all count alike: what
 * a law misses in one mixture is in all of its rows, and no noise. */
asc_status asc__law_calibrate(asc_law *l, const asc__prep *p, const double *held, const double *y, const double *weight,
                              asc_error *err)
{
    assert(p->n_units > 0 && p->n_units <= p->n);
    ASC_TRY(keep_held(l, p, held, y, weight, err));
    weighted *ratio = asc_calloc(p->n + 1, sizeof *ratio);
    double *var = asc_calloc(p->n + 1, sizeof *var), more = p->n_folds > 1 ? p->n_folds / (p->n_folds - 1.) : 1;
    asc_status s =
        ratio && var ? asc__draws_variance(var, l, p->n, p->runs->tokens, p->runs->params, err) : ASC_NOMEM(err);
    size_t n = 0;
    bool single = p->n_units == p->n;
    for (size_t r = 0; s == ASC_OK && r < p->n; r++)
        var[r] *= more;
    if (s == ASC_OK)
        l->stats.noise = held_noise(l, p, held, y, weight, var);
    for (size_t r = 0; s == ASC_OK && r < p->n; r++) {
        if (weight[r] == 0 || isnan(held[r]))
            continue;
        double spread = sqrt(l->stats.noise * l->stats.noise + var[r] + 1e-300);
        ratio[n++] = (weighted){fabs(held[r] - y[r]) / spread, single ? sqrt(weight[r]) : 1};
    }
    if (n)
        qsort(ratio, n, sizeof *ratio, by_value);
    for (int q = 0; s == ASC_OK && q < ASC_LAW_BANDS; q++)
        l->band[q] = n >= 5 ? weighted_quantile(ratio, n, p->n_units, asc_law_band_level[q]) : NAN;
    asc_free(ratio);
    asc_free(var);
    return s;
}
