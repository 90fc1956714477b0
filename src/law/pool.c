/* What the targets of one table share, learnt from a first fit of each.
 *
 * Exponents of P and N, and how the two join, belong to the training runs more than to a target: each target's fit is
 * held near the median over all targets. On SlimPajama, 4B to 10B tokens fitted and 20B predicted, it takes a third off
 * the error of reciprocal-kaplan, whose exponents differ at random from target to target without it.
 *
 * Trust in a run: one that is off on all targets at once was noisy as a run. Its weight is that of a multivariate
 * Student law. On RegMix the runs 257 to 384 have nearly twice the residuals of all others. Both are ours
 * (docs/results/laws.md). */
#include "law_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define POOL_STRENGTH .1 /* of y_var n per squared logarithm: a tenth off costs a thousandth of the variance */
#define POOL_PATH 2      /* prior strengths that the first fits go through */
#define LEAST_TARGETS 3
#define FREEDOM 8.          /* of the Student law */
#define NORMAL_MEDIAN .4549 /* of a squared normal deviate */

typedef struct first_fits {
    const asc__prep *prep;
    const asc__family *fam;
    const int8_t *stage; /* (R) rows of stage 0 alone; NULL: all */
    size_t n_params;
    double *thetas;    /* (V,P), NaN where a target has no fit */
    double *residuals; /* (V,ld) of all rows, NaN where there is none */
    asc_status *status;
} first_fits;

static void first_fits_clear(first_fits *a)
{
    asc_free(a->thetas);
    asc_free(a->residuals);
    asc_free(a->status);
}

static asc_status first_fits_init(first_fits *a, asc_error *err)
{
    size_t V = a->prep->n_targets;
    a->thetas = asc_calloc(V * a->n_params, sizeof *a->thetas);
    a->residuals = asc_calloc(V * a->prep->ld, sizeof *a->residuals);
    a->status = asc_calloc(V, sizeof *a->status);
    if (!a->thetas || !a->residuals || !a->status)
        return ASC_NOMEM(err);
    for (size_t i = 0; i < V * a->n_params; i++)
        a->thetas[i] = NAN;
    for (size_t i = 0; i < V * a->prep->ld; i++)
        a->residuals[i] = NAN;
    return ASC_OK;
}

/* weight, predictions: scratch (ld), (POOL_PATH,ld). */
static void fit_target(const first_fits *a, size_t v, asc__lm *lm, double *thetas, double *weight, double *predictions)
{
    const asc__prep *p = a->prep;
    const double *y = p->y + v * p->ld, *all = p->weight + v * p->ld;
    asc__lm_result results[POOL_PATH];
    for (size_t r = 0; r < p->ld; r++)
        weight[r] = a->stage && (r >= p->n || a->stage[r] != 0) ? 0 : all[r];
    asc__data d = {.x = &p->x, .y = y, .weight = weight, .own = p->own[v]};
    asc__path_opts o = {.n_path = POOL_PATH, .max_iter = 12, .tol = 1e-3};
    asc__data_stats(&d);
    if (d.n_used < asc__least_rows(a->fam->id) || !(d.y_min > 0) ||
        !asc__path_fit(lm, a->fam, &d, &o, thetas, predictions, results))
        return;
    const double *last = predictions + (POOL_PATH - 1) * p->ld;
    memcpy(a->thetas + v * a->n_params, thetas + (POOL_PATH - 1) * a->n_params, a->n_params * sizeof *thetas);
    for (size_t r = 0; r < p->ld; r++)
        a->residuals[v * p->ld + r] = weight[r] != 0 ? y[r] - last[r] : NAN;
}

static void task(void *ctx, size_t v)
{
    first_fits *a = ctx;
    const asc__prep *p = a->prep;
    asc__lm lm = {0};
    if (asc_interrupted()) {
        a->status[v] = ASC_EINTR;
        return;
    }
    double *rows = asc_aligned_alloc(((1 + POOL_PATH) * p->ld + ASC__LANES) * sizeof *rows);
    double *thetas = asc_calloc(POOL_PATH * a->n_params, sizeof *thetas);
    bool ok = rows && thetas && asc__lm_init(&lm, a->n_params + 1, p->ld, p->n_domains, NULL) == ASC_OK;
    if (ok)
        fit_target(a, v, &lm, thetas, rows, rows + p->ld);
    a->status[v] = ok ? ASC_OK : ASC_ENOMEM;
    asc__lm_clear(&lm);
    asc_aligned_free(rows);
    asc_free(thetas);
}

static asc_status first_fits_run(first_fits *a, int n_threads, asc_error *err)
{
    size_t V = a->prep->n_targets;
    ASC_TRY(first_fits_init(a, err));
    asc_parallel_for(n_threads > 0 ? n_threads : asc_cpu_count(), V, task, a);
    for (size_t v = 0; v < V; v++)
        if (a->status[v] != ASC_OK)
            return ASC_FAIL(err, a->status[v], "%s", a->status[v] == ASC_EINTR ? "interrupted" : "out of memory");
    return ASC_OK;
}

/* Median over targets of each coordinate into *out (P); left NULL if too few targets have a fit. */
static asc_status share_exponents(double **out, const first_fits *a, asc_error *err)
{
    size_t V = a->prep->n_targets, P = a->n_params, n = 0;
    double *pool = asc_calloc(P + 1, sizeof *pool), *column = asc_calloc(V, sizeof *column);
    asc_status s = pool && column ? ASC_OK : ASC_NOMEM(err);
    for (size_t j = 0; s == ASC_OK && j < P; j++) {
        n = 0;
        for (size_t v = 0; v < V; v++)
            if (!isnan(a->thetas[v * P + j]))
                column[n++] = a->thetas[v * P + j];
        pool[j] = asc_quantile(column, n, .5);
    }
    asc_free(column);
    if (n >= LEAST_TARGETS)
        *out = pool;
    else
        asc_free(pool);
    return s;
}

/* 1.48 times the median |residual|; 0 if there is none. */
static double robust_scale(const double *residual, size_t n, double *column)
{
    size_t m = 0;
    for (size_t r = 0; r < n; r++)
        if (!isnan(residual[r]))
            column[m++] = fabs(residual[r]);
    return m ? 1.4826 * asc_quantile(column, m, .5) : 0;
}

/* Weight of each row into *out (ld): n targets measured, m the median of their squared residuals over its value for
 * normal noise (residuals in units of their target's scale): (f + n) / (f + n m). The median, as a law that fails on
 * one target says nothing of the run. */
static asc_status share_trust(double **out, const first_fits *a, asc_error *err)
{
    const asc__prep *p = a->prep;
    size_t V = p->n_targets;
    double *trust = asc_calloc(p->ld, sizeof *trust), *scale = asc_calloc(V, sizeof *scale);
    double *column = asc_calloc(p->n + V, sizeof *column);
    asc_status s = trust && scale && column ? ASC_OK : ASC_NOMEM(err);
    for (size_t v = 0; s == ASC_OK && v < V; v++)
        scale[v] = robust_scale(a->residuals + v * p->ld, p->n, column);
    for (size_t r = 0; s == ASC_OK && r < p->ld; r++) {
        size_t n = 0;
        for (size_t v = 0; v < V; v++) {
            double z = a->residuals[v * p->ld + r] / scale[v];
            if (isfinite(z))
                column[n++] = z * z;
        }
        double m = n ? asc_quantile(column, n, .5) / NORMAL_MEDIAN : 1;
        trust[r] = (FREEDOM + (double)n) / (FREEDOM + (double)n * m);
    }
    asc_free(scale);
    asc_free(column);
    if (s == ASC_OK)
        *out = trust;
    else
        asc_free(trust);
    return s;
}

void asc__pool_clear(asc__pool *p)
{
    asc_free(p->trust);
    asc_free(p->all);
    for (size_t s = 0; s < ASC__STAGES; s++)
        asc_free(p->early[s]);
    *p = (asc__pool){0};
}

static asc_status pool_rows(asc__pool *out, const asc__prep *prep, const asc__family *fam, int n_threads,
                            asc_error *err)
{
    const asc__features *x = &prep->x;
    first_fits a = {.prep = prep, .fam = fam};
    a.n_params = fam->n_params(prep->n_domains, x->has_tokens, x->has_params);
    asc_status s = first_fits_run(&a, n_threads, err);
    if (s == ASC_OK)
        s = share_trust(&out->trust, &a, err);
    if (s == ASC_OK)
        s = share_exponents(&out->all, &a, err);
    first_fits_clear(&a);
    for (size_t k = 0; s == ASC_OK && k < prep->n_stages; k++) {
        a = (first_fits){.prep = prep, .fam = fam, .n_params = a.n_params, .stage = prep->stage + k * prep->n};
        s = first_fits_run(&a, n_threads, err);
        if (s == ASC_OK)
            s = share_exponents(&out->early[k], &a, err);
        first_fits_clear(&a);
    }
    return s;
}

asc_status asc__pool_init(asc__pool *out, const asc__prep *prep, asc_law_family family, int n_threads, asc_error *err)
{
    const asc__family *fam = asc__law_family(family);
    asc__pool pool = {0};
    asc_status s = fam && prep->n_targets >= LEAST_TARGETS ? pool_rows(&pool, prep, fam, n_threads, err) : ASC_OK;
    if (s == ASC_OK)
        *out = pool;
    else
        asc__pool_clear(&pool);
    return s;
}

void asc__pool_prior(const asc__data *d, size_t n_params, double *centre, double *fixed)
{
    for (size_t j = 0; d->pool && j < n_params; j++)
        if (fixed[j] > 0) {
            centre[j] = d->pool[j];
            fixed[j] = POOL_STRENGTH * d->y_var * (double)d->n_used;
        }
}
