/* Exponents of P and N, and how the two join, belong to the training runs more than to a target: each target's fit is
 * held near the median over all targets. Ours. On SlimPajama, 4B to 10B tokens fitted and 20B predicted, it takes a
 * third off the error of reciprocal-kaplan, whose exponents differ at random from target to target without it
 * (docs/results/laws.md). */
#include "law_private.h"

#include <math.h>
#include <string.h>

#define POOL_STRENGTH .1 /* of y_var n per squared logarithm: a tenth off costs a thousandth of the variance */
#define POOL_PATH 2      /* prior strengths that the first fits go through */
#define LEAST_TARGETS 3

typedef struct first_fits {
    const asc__prep *prep;
    const asc__family *fam;
    const int8_t *stage; /* (R) rows of stage 0 alone; NULL: all */
    size_t P;            /* parameters */
    double *thetas;      /* (V,P), NaN where a target has no fit */
    asc_status *status;
} first_fits;

static asc_status fit_one(const first_fits *a, size_t v, asc_error *err)
{
    const asc__prep *p = a->prep;
    asc__lm lm;
    asc__lm_result results[POOL_PATH];
    double *mask = asc_aligned_alloc((p->ld + ASC__LANES) * sizeof *mask);
    double *thetas = asc_calloc(POOL_PATH * a->P, sizeof *thetas);
    asc_status s = asc__lm_init(&lm, a->P + 1, p->ld, p->n_domains, err);
    if (s == ASC_OK && (!mask || !thetas))
        s = ASC_NOMEM(err);
    if (s == ASC_OK) {
        for (size_t r = 0; r < p->ld; r++)
            mask[r] = a->stage && (r >= p->n || a->stage[r] != 0) ? 0 : p->weight[v * p->ld + r];
        asc__data d = {.x = &p->x, .y = p->y + v * p->ld, .weight = mask, .own = p->own[v]};
        asc__path_opts o = {.n_path = POOL_PATH, .max_iter = 12, .tol = 1e-3};
        asc__data_stats(&d);
        bool can = d.n_used >= asc__least_rows(a->fam->id) && d.y_min > 0;
        if (can && asc__path_fit(&lm, a->fam, &d, &o, thetas, NULL, results))
            memcpy(a->thetas + v * a->P, thetas + (POOL_PATH - 1) * a->P, a->P * sizeof *thetas);
    }
    asc__lm_clear(&lm);
    asc_aligned_free(mask);
    asc_free(thetas);
    return s;
}

static void task(void *ctx, size_t v)
{
    first_fits *a = ctx;
    a->status[v] = asc_interrupted() ? ASC_EINTR : fit_one(a, v, NULL);
}

/* Median over targets of each coordinate into pool (P); false if too few targets have a fit. */
static bool medians(double *pool, const first_fits *a, double *column)
{
    for (size_t j = 0; j < a->P; j++) {
        size_t n = 0;
        for (size_t v = 0; v < a->prep->n_targets; v++)
            if (!isnan(a->thetas[v * a->P + j]))
                column[n++] = a->thetas[v * a->P + j];
        if (n < LEAST_TARGETS)
            return false;
        pool[j] = asc_quantile(column, n, .5);
    }
    return true;
}

static asc_status pool_stage(double **out, first_fits *a, int n_threads, asc_error *err)
{
    size_t V = a->prep->n_targets;
    double *pool = asc_calloc(a->P + 1, sizeof *pool), *column = asc_calloc(V, sizeof *column);
    a->thetas = asc_calloc(V * a->P, sizeof *a->thetas);
    a->status = asc_calloc(V, sizeof *a->status);
    asc_status s = pool && column && a->thetas && a->status ? ASC_OK : ASC_NOMEM(err);
    if (s == ASC_OK) {
        for (size_t i = 0; i < V * a->P; i++)
            a->thetas[i] = NAN;
        asc_parallel_for(n_threads > 0 ? n_threads : asc_cpu_count(), V, task, a);
        for (size_t v = 0; v < V && s == ASC_OK; v++)
            s = a->status[v];
        if (s != ASC_OK)
            s = ASC_FAIL(err, s, "%s", s == ASC_EINTR ? "interrupted" : "out of memory");
    }
    if (s == ASC_OK && medians(pool, a, column)) {
        *out = pool;
        pool = NULL;
    }
    asc_free(pool);
    asc_free(column);
    asc_free(a->thetas);
    asc_free(a->status);
    return s;
}

void asc__pool_clear(asc__pool *p)
{
    asc_free(p->all);
    for (size_t s = 0; s < ASC__STAGES; s++)
        asc_free(p->early[s]);
    *p = (asc__pool){0};
}

asc_status asc__pool_init(asc__pool *out, const asc__prep *prep, asc_law_family family, int n_threads, asc_error *err)
{
    const asc__features *x = &prep->x;
    first_fits a = {.prep = prep, .fam = asc__law_family(family)};
    *out = (asc__pool){0};
    if (!a.fam || prep->n_targets < LEAST_TARGETS || !(x->has_tokens || x->has_params))
        return ASC_OK;
    a.P = a.fam->n_params(prep->n_domains, x->has_tokens, x->has_params);
    asc_status s = pool_stage(&out->all, &a, n_threads, err);
    for (size_t k = 0; s == ASC_OK && k < prep->n_stages; k++) {
        a.stage = prep->stage + k * prep->n;
        s = pool_stage(&out->early[k], &a, n_threads, err);
    }
    if (s != ASC_OK)
        asc__pool_clear(out);
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
