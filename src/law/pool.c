/* What the targets of one table share, learnt from a first fit of each.
 *
 * Exponents of P and N, and how the two join, belong to the training runs more than to a target: each target's fit is
 * held near the median over all targets. On SlimPajama, 4B to 10B tokens fitted and 20B predicted, it takes a third off
 * the error of reciprocal-kaplan, whose exponents differ at random from target to target without it.
 *
 * Trust in a run: one that is off on all targets at once was noisy as a run. Its weight is that of a multivariate
 * Student law. On RegMix the runs 257 to 384 have nearly twice the residuals of all others.
 *
 * Budgets: where no law holds at all of them, a run counts by its tokens. All three are ours (docs/results/laws.md). */
#include "private.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define POOL_PATH 2 /* prior widths that the first fits go through */
#define POOL_SD .05 /* least spread of the targets' exponents, in logarithms */
#define LEAST_TARGETS 3
#define FREEDOM 8.          /* of the Student law */
#define NORMAL_MEDIAN .4549 /* of a squared normal deviate */
#define SPAN 4.             /* budgets apart by less count alike */
#define LEAST_SAY .01       /* of a run beside the longest */
#define BETTER .8           /* squared error of held-out runs below which budgets count by their tokens */

typedef struct first_fits {
    const asc__prep *prep;
    const asc__family *fam;
    const int8_t *stage; /* (R) rows of stage 0 alone; NULL: all */
    size_t n_params;
    double *thetas;    /* (V,P), NaN where a target has no fit */
    double *noise2;    /* (V) NaN likewise */
    double *residuals; /* (V,ld) of all rows but those of another stage than 0 and 1, NaN where there is none */
    const double *say; /* (ld) weight of each row beside its own, or NULL */
    asc_status *status;
} first_fits;

static void first_fits_clear(first_fits *a)
{
    asc_free(a->thetas);
    asc_free(a->noise2);
    asc_free(a->residuals);
    asc_free(a->status);
}

static asc_status first_fits_init(first_fits *a, asc_error *err)
{
    size_t V = a->prep->n_targets;
    a->thetas = asc_calloc(V * a->n_params, sizeof *a->thetas);
    a->noise2 = asc_calloc(V, sizeof *a->noise2);
    a->residuals = asc_calloc(V * a->prep->ld, sizeof *a->residuals);
    a->status = asc_calloc(V, sizeof *a->status);
    if (!a->thetas || !a->noise2 || !a->residuals || !a->status)
        return ASC_NOMEM(err);
    for (size_t i = 0; i < V * a->n_params; i++)
        a->thetas[i] = NAN;
    for (size_t i = 0; i < V * a->prep->ld; i++)
        a->residuals[i] = NAN;
    for (size_t v = 0; v < V; v++)
        a->noise2[v] = NAN;
    return ASC_OK;
}

/* Variance of one row about the fit that stands in lm, rows of one run counted once. */
static double residual_variance(const first_fits *a, asc__lm *lm, const asc__data *d, const double *theta, size_t s)
{
    const asc__prep *p = a->prep;
    asc__lm_opts o = {.lambda = asc__prior_strength(d, asc__path_sd[s])};
    double n = (double)d->n_used, sum = 0, freedom = asc__lm_freedom(lm, a->fam, d, theta, &o);
    assert(n > 0);
    for (size_t r = 0; r < p->n; r++)
        sum += d->weight[r] * (d->y[r] - lm->f[r]) * (d->y[r] - lm->f[r]);
    double runs = fmax(1, n / (double)(p->runs->n_groups ? p->runs->n_groups : p->n));
    return fmax(sum / fmax(n - freedom, .2 * n) * runs, 1e-14);
}

/* weight: scratch (ld). */
static void fit_target(const first_fits *a, size_t v, asc__lm *lm, asc__path *path, double *weight)
{
    const asc__prep *p = a->prep;
    const double *y = p->y + v * p->ld, *all = p->weight + v * p->ld;
    for (size_t r = 0; r < p->ld; r++)
        weight[r] = (a->stage && (r >= p->n || a->stage[r] != 0) ? 0 : all[r]) * (a->say ? a->say[r] : 1);
    asc__data d = {.x = &p->x, .y = y, .weight = weight, .own = p->own[v]};
    asc__path_opts o = {.max_iter = 15, .tol = 1e-3};
    asc__data_stats(&d);
    if (d.n_used < asc__least_rows(a->fam) || !(d.y_min > 0))
        return;
    for (int pass = 0; pass < 2; pass++) { /* the second knows the noise */
        if (!asc__path_begin(path, lm, a->fam, &d, &o))
            return;
        for (size_t s = 0; s < POOL_PATH; s++)
            if (!isfinite(asc__path_step(path, lm, a->fam, &d, s, &o).cost))
                return;
        d.noise2 = residual_variance(a, lm, &d, path->theta, POOL_PATH - 1);
    }
    a->noise2[v] = d.noise2;
    memcpy(a->thetas + v * a->n_params, path->theta, a->n_params * sizeof *path->theta);
    for (size_t r = 0; r < p->ld; r++)
        a->residuals[v * p->ld + r] =
            weight[r] != 0 || (a->stage && r < p->n && a->stage[r] == 1 && all[r] != 0) ? y[r] - lm->f[r] : NAN;
}

static void task(void *ctx, size_t v)
{
    first_fits *a = ctx;
    const asc__prep *p = a->prep;
    asc__lm lm = {0};
    asc__path path = {0};
    if (asc_interrupted()) {
        a->status[v] = ASC_EINTR;
        return;
    }
    double *weight = asc_aligned_alloc((p->ld + ASC_LANES) * sizeof *weight);
    bool ok = weight && asc__path_init(&path, a->n_params, NULL) == ASC_OK &&
              asc__lm_init(&lm, a->n_params + 1, p->ld, p->n_domains, NULL) == ASC_OK;
    if (ok)
        fit_target(a, v, &lm, &path, weight);
    a->status[v] = ok ? ASC_OK : ASC_ENOMEM;
    asc__lm_clear(&lm);
    asc__path_clear(&path);
    asc_aligned_free(weight);
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

/* Median over targets of each coordinate and how far they lie about it, into out; left NULL if too few targets have a
 * fit. */
static asc_status share_exponents(asc__pooled *out, const first_fits *a, asc_error *err)
{
    size_t V = a->prep->n_targets, P = a->n_params, n = 0;
    assert(P > 0);
    double *centre = asc_calloc(2 * P + 1, sizeof *centre), *column = asc_calloc(V, sizeof *column);
    asc_status s = centre && column ? ASC_OK : ASC_NOMEM(err);
    for (size_t j = 0; s == ASC_OK && j < P; j++) {
        n = 0;
        for (size_t v = 0; v < V; v++)
            if (!isnan(a->thetas[v * P + j]))
                column[n++] = a->thetas[v * P + j];
        centre[j] = asc_quantile(column, n, .5);
        for (size_t k = 0; k < n; k++)
            column[k] = fabs(column[k] - centre[j]);
        centre[P + j] = fmax(1.4826 * asc_quantile(column, n, .5), POOL_SD);
    }
    asc_free(column);
    if (s == ASC_OK && n >= LEAST_TARGETS)
        *out = (asc__pooled){centre, centre + P};
    else
        asc_free(centre);
    return s;
}

/* Correlation of the targets' residuals in one row, each over its root mean square: their sum has a variance of
 * n + n (n-1) rho. */
static double share_correlation(const first_fits *a)
{
    const asc__prep *p = a->prep;
    size_t V = p->n_targets;
    double scale[V], pairs = 0, products = 0;
    for (size_t v = 0; v < V; v++) {
        double sum = 0, n = 0;
        for (size_t r = 0; r < p->n; r++)
            if (!isnan(a->residuals[v * p->ld + r])) {
                sum += a->residuals[v * p->ld + r] * a->residuals[v * p->ld + r];
                n++;
            }
        scale[v] = n > 0 ? sqrt(sum / n) : 0;
    }
    for (size_t r = 0; r < p->n; r++) {
        double sum = 0, squares = 0, n = 0;
        for (size_t v = 0; v < V; v++) {
            double z = a->residuals[v * p->ld + r] / scale[v];
            if (!isfinite(z))
                continue;
            sum += z;
            squares += z * z;
            n++;
        }
        products += sum * sum - squares;
        pairs += n * (n - 1);
    }
    return pairs > 0 ? fmin(fmax(products / pairs, 0), 1) : 0;
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

/* ---- how much a budget says ---- */

/* Weight of each row (ld) by its tokens beside the largest; false where budgets differ by less than SPAN (as a star's
 * runs do). */
static bool say_by_tokens(double *say, const asc__prep *p)
{
    double least = INFINITY;
    for (size_t r = 0; r < p->n; r++)
        least = fmin(least, p->runs->total[r]);
    for (size_t r = 0; r < p->ld; r++)
        say[r] = r < p->n ? fmax(p->runs->total[r] / p->tokens_hi, LEAST_SAY) : 0;
    return p->tokens_hi >= SPAN * least;
}

/* Sum of the squared errors of runs held out fold by fold, in units of their targets' noise: those of at least half of
 * the largest budget. */
static asc_status held_error(double *sum, const first_fits *as, const double *say, int n_threads, asc_error *err)
{
    const asc__prep *p = as->prep;
    int8_t *stage = asc_calloc(p->n, sizeof *stage);
    asc_status s = stage ? ASC_OK : ASC_NOMEM(err);
    *sum = 0;
    for (int k = 0; s == ASC_OK && k < p->n_folds; k++) {
        first_fits a = {.prep = p, .fam = as->fam, .n_params = as->n_params, .stage = stage, .say = say};
        for (size_t r = 0; r < p->n; r++)
            stage[r] = p->fold[r] == k;
        s = first_fits_run(&a, n_threads, err);
        for (size_t r = 0; s == ASC_OK && r < p->n; r++)
            for (size_t v = 0; stage[r] && p->runs->total[r] * 2 > p->tokens_hi && v < p->n_targets; v++) {
                double e = a.residuals[v * p->ld + r];
                *sum += isfinite(e) && as->noise2[v] > 0 ? e * e / as->noise2[v] : 0;
            }
        first_fits_clear(&a);
    }
    asc_free(stage);
    return s;
}

/* No law holds from a model's first steps to its last: what helps early is not what helps late, and a fit to all runs
 * alike may put its error at the largest budget, from which it has to extrapolate. Where runs held out at that budget
 * are predicted better by a fit whose runs count by their tokens, they do (ours; docs/results/laws.md). *say (ld): the
 * weights, NULL where all count alike. `a`: a fit to all rows. */
static asc_status weigh_budgets(double **say, const first_fits *a, int n_threads, asc_error *err)
{
    const asc__prep *p = a->prep;
    double *w = asc_aligned_alloc(p->ld * sizeof *w), alike = 0, weighed = 0;
    asc_status s = w ? ASC_OK : ASC_NOMEM(err);
    bool several = w && p->n_folds > 1 && say_by_tokens(w, p);
    if (several)
        s = held_error(&alike, a, NULL, n_threads, err);
    if (several && s == ASC_OK)
        s = held_error(&weighed, a, w, n_threads, err);
    if (s == ASC_OK && weighed < BETTER * alike)
        *say = w;
    else
        asc_aligned_free(w);
    return s;
}

void asc__pool_clear(asc__pool *p)
{
    asc_free(p->trust);
    asc_free(p->noise2);
    asc_free(p->all.centre);
    for (size_t s = 0; s < ASC__STAGES; s++)
        asc_free(p->early[s].centre);
    *p = (asc__pool){0};
}

/* What the targets share, from fits to all rows whose runs count as `say` (ld) says; NULL: alike. */
static asc_status share(asc__pool *out, first_fits *a, asc_error *err)
{
    const asc__prep *p = a->prep;
    out->rho = share_correlation(a);
    out->noise2 = a->noise2;
    a->noise2 = NULL;
    if (p->n_targets >= LEAST_TARGETS) {
        ASC_TRY(share_trust(&out->trust, a, err));
        ASC_TRY(share_exponents(&out->all, a, err));
    } else if (a->say) {
        if (!(out->trust = asc_calloc(p->ld, sizeof *out->trust)))
            return ASC_NOMEM(err);
        for (size_t r = 0; r < p->ld; r++)
            out->trust[r] = 1;
    }
    for (size_t r = 0; a->say && r < p->ld; r++)
        out->trust[r] *= a->say[r];
    return ASC_OK;
}

static asc_status pool_rows(asc__pool *out, const asc__prep *prep, const asc__family *fam, int n_threads,
                            asc_error *err)
{
    const asc__features *x = &prep->x;
    size_t n_params = fam->n_params(prep->n_domains, x->has_tokens, x->has_params);
    double *say = NULL;
    first_fits a = {.prep = prep, .fam = fam, .n_params = n_params};
    asc_status s = first_fits_run(&a, n_threads, err);
    if (s == ASC_OK)
        s = weigh_budgets(&say, &a, n_threads, err);
    if (s == ASC_OK && say) {
        first_fits_clear(&a);
        a = (first_fits){.prep = prep, .fam = fam, .n_params = n_params, .say = say};
        s = first_fits_run(&a, n_threads, err);
    }
    if (s == ASC_OK)
        s = share(out, &a, err);
    first_fits_clear(&a);
    for (size_t k = 0; s == ASC_OK && prep->n_targets >= LEAST_TARGETS && k < prep->n_stages; k++) {
        a = (first_fits){
            .prep = prep, .fam = fam, .n_params = n_params, .stage = prep->stage + k * prep->n, .say = say};
        s = first_fits_run(&a, n_threads, err);
        if (s == ASC_OK)
            s = share_exponents(&out->early[k], &a, err);
        first_fits_clear(&a);
    }
    asc_aligned_free(say);
    return s;
}

asc_status asc__pool_init(asc__pool *out, const asc__prep *prep, const asc__family *fam, int n_threads, asc_error *err)
{
    asc__pool pool = {0};
    asc_status s = fam->eval ? pool_rows(&pool, prep, fam, n_threads, err) : ASC_OK;
    if (s == ASC_OK)
        *out = pool;
    else
        asc__pool_clear(&pool);
    return s;
}

void asc__pool_prior(const asc__data *d, size_t n_params, double *centre, double *fixed)
{
    assert(!d->pool == !d->pool_sd);
    for (size_t j = 0; d->pool && j < n_params; j++)
        if (fixed[j] > 0) {
            centre[j] = d->pool[j];
            fixed[j] = asc__prior_strength(d, d->pool_sd[j]);
        }
}
