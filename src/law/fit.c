/* The fit of one target, whatever the law: cross-validated choice of the prior's strength, the final fit, a Gaussian
 * process on the residual, draws, bands. */
#include "law_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct work {
    const asc__prep *p;
    const asc_law_opts *o;
    asc__fit_job *job;
    const asc__family *fam;
    asc__data data; /* of the target, weights replaced fold by fold */
    const double *y;
    double *all; /* (ld) weight of each row, 0: no loss */
    size_t n_params, ld;
    int n_folds;
    asc__lm lm;
    double *thetas;      /* (PATH,P) */
    double *fold_thetas; /* (n_folds,PATH,P) */
    double *pred;        /* (PATH,ld) */
    double *held;        /* (PATH,ld) held-out predictions, NaN where there are none */
    double *mask;        /* (ld) */
    double *residual;    /* (ld) */
    double *scratch;
    double huber;  /* absolute threshold, 0: none */
    size_t chosen; /* prior strength */
    asc_gp gp;
} work;

static void work_clear(work *w)
{
    asc__lm_clear(&w->lm);
    asc__gp_clear(&w->gp);
    asc_free(w->thetas);
    asc_free(w->fold_thetas);
    asc_aligned_free(w->pred);
    asc_aligned_free(w->held);
    asc_aligned_free(w->mask);
    asc_aligned_free(w->all);
    asc_aligned_free(w->residual);
    asc_aligned_free(w->scratch);
}

static double *row_memory(size_t n)
{
    double *p = asc_aligned_alloc((n + ASC__LANES) * sizeof *p);
    if (p)
        memset(p, 0, (n + ASC__LANES) * sizeof *p);
    return p;
}

static asc_status work_init(work *w, asc__fit_job *job, asc_error *err)
{
    const asc__prep *p = job->prep;
    size_t D = p->n_domains, v = job->target, ld = p->ld;
    *w = (work){.p = p, .o = job->opts, .job = job, .fam = asc__law_family(job->family), .ld = ld};
    w->y = p->y + v * ld;
    w->n_folds = job->max_folds && job->max_folds < p->n_folds ? job->max_folds : p->n_folds;
    w->n_params = w->fam ? w->fam->n_params(D, p->x.has_tokens, p->x.has_params) : 0;
    ASC_TRY(asc__lm_init(&w->lm, w->n_params + 1, ld, D, err));
    size_t path = ASC__PATH * (w->n_params + 1);
    w->thetas = asc_calloc(path, sizeof *w->thetas);
    w->fold_thetas = asc_calloc(path * (size_t)(p->n_folds + 1), sizeof *w->fold_thetas);
    w->pred = row_memory(ASC__PATH * ld);
    w->held = row_memory(ASC__PATH * ld);
    w->mask = row_memory(ld);
    w->all = row_memory(ld);
    w->residual = row_memory(ld);
    w->scratch = row_memory(asc__scratch_size(D, ld));
    if (!w->thetas || !w->fold_thetas || !w->pred || !w->held || !w->mask || !w->all || !w->residual || !w->scratch)
        return ASC_NOMEM(err);
    for (size_t r = 0; r < ld; r++)
        w->all[r] = p->weight[v * ld + r] * (job->pool->trust ? job->pool->trust[r] : 1);
    w->data = (asc__data){.x = &p->x, .y = w->y, .weight = w->all, .own = p->own[v], .pool = job->pool->all};
    asc__data_stats(&w->data);
    return ASC_OK;
}

/* ---- what a law can be fitted to ---- */

static asc_status check(const work *w, asc_error *err)
{
    const char *target = w->p->runs->targets[w->job->target], *law = asc_law_family_name(w->job->family);
    if (w->data.n_used == 0)
        return ASC_FAIL(err, ASC_EINVAL, "target %s: no row has a loss", target);
    if (w->job->family == ASC_LAW_BIMIX && w->data.own == ASC_NONE)
        return ASC_FAIL(err, ASC_EINVAL, "bimix: target %s names no domain of the table", target);
    size_t least = asc__least_rows(w->job->family);
    if (w->data.n_used < least)
        return ASC_FAIL(err, ASC_EINVAL, "%s: target %s has %zu rows with a loss, needs %zu", law, target,
                        w->data.n_used, least);
    if (w->fam && !(w->data.y_min > 0))
        return ASC_FAIL(err, ASC_EINVAL, "%s: target %s has a loss of %g; expected > 0", law, target, w->data.y_min);
    return ASC_OK;
}

size_t asc__least_rows(asc_law_family f)
{
    return f == ASC_LAW_TREES ? 10 : 4;
}

/* ---- cross-validation ---- */

static bool fit_path(work *w, size_t n_path, double *thetas, asc__lm_result *results)
{
    asc__path_opts o = {.huber = w->huber, .n_path = n_path, .max_iter = 12, .tol = 1e-3};
    asc__data_stats(&w->data);
    if (w->data.n_used < 2 || asc_interrupted())
        return false;
    return asc__path_fit(&w->lm, w->fam, &w->data, &o, thetas, w->pred, results);
}

static void mask_fold(work *w, int k)
{
    for (size_t r = 0; r < w->ld; r++)
        w->mask[r] = r < w->p->n && w->p->fold[r] == k ? 0 : w->all[r];
    w->data.weight = w->mask;
}

static void cross_validate(work *w)
{
    size_t P = w->n_params;
    for (size_t i = 0; i < ASC__PATH * w->ld; i++)
        w->held[i] = NAN;
    for (int k = 0; k < w->n_folds; k++) {
        asc__lm_result results[ASC__PATH];
        mask_fold(w, k);
        if (!fit_path(w, ASC__PATH, w->fold_thetas + (size_t)k * ASC__PATH * P, results))
            continue;
        asc__meter_add(w->job->meter, &w->job->spent, ASC__METER_FIT);
        for (size_t s = 0; s < ASC__PATH; s++)
            for (size_t r = 0; r < w->p->n; r++)
                if (w->p->fold[r] == k && w->all[r] != 0)
                    w->held[s * w->ld + r] = w->pred[s * w->ld + r];
    }
    w->data.weight = w->all;
    asc__data_stats(&w->data);
}

/* Mean of losses of held-out residuals at prior strength s, errors beyond the threshold counted linearly. */
static double held_cost(const work *w, size_t s, double huber)
{
    double cost = 0, n = 0;
    for (size_t r = 0; r < w->p->n; r++) {
        double e = fabs(w->held[s * w->ld + r] - w->y[r]);
        if (w->all[r] == 0 || isnan(e))
            continue;
        cost += w->all[r] * (huber > 0 && e > huber ? huber * (2 * e - huber) : e * e);
        n += w->all[r];
    }
    return n > 0 ? cost / n : NAN;
}

/* 1.48 times the median |held-out residual|: a standard deviation that outliers do not move. */
static double held_scale(work *w, size_t s, double *largest)
{
    size_t n = 0;
    *largest = 0;
    for (size_t r = 0; r < w->p->n; r++) {
        double e = fabs(w->held[s * w->ld + r] - w->y[r]);
        if (w->all[r] == 0 || isnan(e))
            continue;
        w->residual[n++] = e;
        *largest = fmax(*largest, e);
    }
    return 1.4826 * asc_quantile(w->residual, n, .5);
}

/* The strength with the least held-out cost; without folds a middling one. */
static void choose(work *w)
{
    double best = INFINITY;
    w->chosen = 1;
    for (size_t s = 0; s < ASC__PATH; s++) {
        double cost = held_cost(w, s, w->huber);
        if (cost < best) {
            best = cost;
            w->chosen = s;
        }
    }
}

/* Twice where held-out residuals show outliers: then with Huber's threshold. */
static void validate(work *w)
{
    cross_validate(w);
    choose(w);
    double largest, scale = held_scale(w, w->chosen, &largest);
    if (w->o->huber > 0 && scale > 0 && largest > 2.5 * w->o->huber * scale) {
        w->huber = w->o->huber * scale;
        cross_validate(w);
        choose(w);
    }
}

/* ---- Gaussian process ---- */

static void log_residual(work *w, const double *f)
{
    for (size_t r = 0; r < w->ld; r++)
        w->residual[r] = w->all[r] != 0 && f[r] > 0 ? log(w->y[r] / f[r]) : 0;
}

/* Held-out predictions of the chosen strength corrected by a process fitted to the rest of each fold. */
static asc_status validate_gp(work *w, asc_error *err)
{
    double *held = w->held + w->chosen * w->ld, *f = w->pred;
    for (int k = 0; k < w->n_folds; k++) {
        asc_gp g;
        const double *theta = w->fold_thetas + ((size_t)k * ASC__PATH + w->chosen) * w->n_params;
        mask_fold(w, k);
        w->data.weight = w->all;
        w->fam->eval(&w->p->x, w->data.own, theta, f, NULL, w->scratch);
        log_residual(w, f);
        ASC_TRY(asc__gp_fit(&g, &w->p->x, w->residual, w->mask, &w->gp, err));
        if (g.n)
            asc__gp_apply(&g, &w->p->x, f, w->scratch);
        asc__gp_clear(&g);
        asc__meter_add(w->job->meter, &w->job->spent, ASC__METER_FIT);
        for (size_t r = 0; r < w->p->n; r++)
            if (w->p->fold[r] == k && w->all[r] != 0)
                held[r] = f[r];
    }
    return ASC_OK;
}

/* ---- final fit ---- */

static const double *final_theta(const work *w)
{
    return w->thetas + w->chosen * w->n_params;
}

static asc_status final_fit(work *w, bool *converged, asc_error *err)
{
    asc__lm_result results[ASC__PATH];
    w->data.weight = w->all;
    if (!fit_path(w, w->chosen + 1, w->thetas, results))
        return ASC_FAIL(err, ASC_ENUMERIC, "%s: target %s: no start point can be evaluated", w->fam->name,
                        w->p->runs->targets[w->job->target]);
    double *theta = w->thetas + w->chosen * w->n_params;
    asc__lm_opts o = {.lambda = asc__path_lambda[w->chosen], .huber = w->huber, .max_iter = 100, .tol = 1e-7};
    asc__lm_result r = asc__lm_solve(&w->lm, w->fam, &w->data, theta, &o);
    *converged = r.converged && isfinite(r.cost);
    memcpy(w->pred, w->lm.f, w->ld * sizeof *w->pred);
    if (w->job->gp) {
        log_residual(w, w->pred);
        ASC_TRY(asc__gp_fit(&w->gp, &w->p->x, w->residual, w->all, NULL, err));
    }
    return ASC_OK;
}

/* ---- forward ---- */

/* Rows that forward validation k fits, into the mask. */
static void mask_stage(work *w, size_t k)
{
    const asc__prep *p = w->p;
    for (size_t r = 0; r < w->ld; r++)
        w->mask[r] = r < p->n && p->stage[k * p->n + r] == 0 ? w->all[r] : 0;
    w->data.weight = w->mask;
}

/* Mean relative error of f on the rows that forward validation k predicts. */
static double stage_error(work *w, size_t k, const double *f)
{
    const asc__prep *p = w->p;
    for (size_t r = 0; r < p->n; r++)
        w->residual[r] = p->stage[k * p->n + r] == 1 && w->all[r] != 0 ? f[r] : NAN;
    return asc_mean_relative_error(w->residual, w->y, p->n);
}

/* Fit the early rows of validation k at the chosen strength, predict the late ones; NaN error where no fit can be had.
 * A process learns its lengths again: those of all rows know how the late ones go on. */
static asc_status forward_once(work *w, size_t k, double *error, asc_error *err)
{
    asc__lm_result results[ASC__PATH];
    double *f = w->pred + w->chosen * w->ld;
    *error = NAN;
    mask_stage(w, k);
    w->data.pool = w->job->pool->early[k];
    if (!fit_path(w, w->chosen + 1, w->fold_thetas, results)) /* thetas of folds: no longer needed */
        return ASC_OK;
    if (w->gp.n) {
        asc_gp g;
        log_residual(w, f);
        ASC_TRY(asc__gp_fit(&g, &w->p->x, w->residual, w->mask, NULL, err));
        if (g.n)
            asc__gp_apply(&g, &w->p->x, f, w->scratch);
        asc__gp_clear(&g);
    }
    *error = stage_error(w, k, f);
    return ASC_OK;
}

/* Mean over the forward validations that the table allows. */
static asc_status forward(work *w, asc_status (*once)(work *, size_t, double *, asc_error *), asc_error *err)
{
    double sum = 0, n = 0;
    for (size_t k = 0; k < w->p->n_stages; k++) {
        double error;
        ASC_TRY(once(w, k, &error, err));
        if (!isnan(error)) {
            sum += error;
            n++;
        }
    }
    w->job->forward_mre = n > 0 ? sum / n : NAN;
    w->data.weight = w->all;
    w->data.pool = w->job->pool->all;
    asc__data_stats(&w->data);
    return ASC_OK;
}

/* ---- the law that comes out ---- */

static void fit_stats(asc_law_stats *s, const asc__prep *p, const double *f, const double *y, const double *weight)
{
    double mean = 0, total = 0, left = 0, mre = 0;
    size_t n = 0;
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

/* Figures of held-out predictions (ld, NaN where there are none); sd of the mean over folds. */
static void cv_stats(asc_law_stats *s, const asc__prep *p, const double *held, const double *y, const double *weight)
{
    double sum = 0, squares = 0, folds = 0, mean = 0, m2 = 0;
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
        double d = fold / (double)m - mean;
        folds++;
        mean += d / folds;
        m2 += d * (fold / (double)m - mean);
    }
    s->cv_mre = n ? sum / (double)n : NAN;
    s->cv_mse = n ? squares / (double)n : NAN;
    s->cv_mre_sd = folds > 1 ? sqrt(m2 / (folds - 1) / folds) : NAN;
    s->cv_spearman = n ? asc__cell_spearman(p, held, y, weight) : NAN;
}

static asc_status law_init(asc_law *l, const work *w, asc_error *err)
{
    const asc__prep *p = w->p;
    *l = (asc_law){.family = w->job->family, .n_domains = p->n_domains, .own = w->data.own};
    l->has_tokens = p->x.has_tokens;
    l->has_params = p->x.has_params;
    l->unit_tokens = p->x.unit_tokens;
    l->unit_params = p->x.unit_params;
    l->floor = p->x.floor;
    l->n_params = w->n_params;
    l->stats = (asc_law_stats){NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, 0, false};
    for (int q = 0; q < ASC_LAW_BANDS; q++)
        l->band[q] = NAN;
    l->target = asc_strdup(p->runs->targets[w->job->target]);
    l->params = asc_calloc(w->n_params + 1, sizeof *l->params);
    return l->target && l->params ? ASC_OK : ASC_NOMEM(err);
}

/* ---- draws ---- */

/* How often each unit is drawn in resample k: the same for every target, so that a draw is one world. */
static void resample(const asc__prep *p, uint64_t seed, size_t k, double *count)
{
    asc_rng rng;
    asc_rng_init(&rng, seed, "law bootstrap", k);
    memset(count, 0, p->n_units * sizeof *count);
    for (size_t i = 0; i < p->n_units; i++)
        count[asc_rng_below(&rng, p->n_units)] += 1;
}

static asc_status bootstrap(work *w, asc_law *l, asc_error *err)
{
    const asc__prep *p = w->p;
    size_t K = w->o->n_bootstrap, P = w->n_params;
    if (K == 0 || p->n_units < 4 || P == 0)
        return ASC_OK;
    double *count = asc_calloc(p->n_units, sizeof *count), theta[P];
    l->draws = asc_calloc(K, P * sizeof *l->draws);
    if (!count || !l->draws) {
        asc_free(count);
        return ASC_NOMEM(err);
    }
    asc__lm_opts o = {.lambda = asc__path_lambda[w->chosen], .huber = w->huber, .max_iter = 6, .tol = 1e-3};
    for (size_t k = 0; k < K; k++) {
        resample(p, w->o->seed, k, count);
        for (size_t r = 0; r < w->ld; r++)
            w->mask[r] = r < p->n ? w->all[r] * count[p->unit[r]] : 0;
        w->data.weight = w->mask;
        memcpy(theta, final_theta(w), sizeof theta);
        asc__lm_solve(&w->lm, w->fam, &w->data, theta, &o);
        w->fam->to_params(&p->x, theta, l->draws + k * P);
        asc__meter_add(w->job->meter, &w->job->spent, 1);
    }
    l->n_draws = K;
    w->data.weight = w->all;
    asc_free(count);
    return ASC_OK;
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
    for (size_t i = 0; i < n; i++)
        total += v[i].weight;
    double least = p * total * (double)(n_units + 1) / (double)n_units;
    for (size_t i = 0; i < n; i++)
        if ((sum += v[i].weight) >= least)
            return v[i].value;
    return v[n - 1].value;
}

/* Variance over the draws at every row into out (R). */
static asc_status draws_variance(double *out, const asc_law *l, const asc__prep *p, asc_error *err)
{
    double *pred = asc_calloc(p->n + 1, sizeof *pred), *mean = asc_calloc(p->n + 1, sizeof *mean);
    asc_status s = pred && mean ? ASC_OK : ASC_NOMEM(err);
    memset(out, 0, p->n * sizeof *out);
    for (size_t k = 0; s == ASC_OK && k < l->n_draws; k++) {
        asc_law view = asc_law_draw_view(l, k);
        view.gp.n = 0; /* as asc_law_spread */
        s = asc_law_predict_many(pred, &view, p->n, p->runs->tokens, p->runs->params, NAN, 1, err);
        for (size_t r = 0; s == ASC_OK && r < p->n; r++) {
            double d = pred[r] - mean[r];
            mean[r] += d / (double)(k + 1);
            out[r] += d * (pred[r] - mean[r]) / (double)(l->n_draws - 1 ? l->n_draws - 1 : 1);
        }
    }
    asc_free(pred);
    asc_free(mean);
    return s;
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
    double sd = 1.2533 * size / total, least = .5 * l->stats.noise;
    return sqrt(fmax(sd * sd - variance / total, least * least));
}

/* Quantiles of |held-out residual| / spread at its row. The spread of a fit to all but one of n folds is that of the
 * fit to all with its variance n/(n-1) times as large. Rows count by the root of their trust: trust is learnt from the
 * same residuals, and whole it would take for noisy some runs that chance alone put far off (where all runs are alike,
 * bands of 90 % would cover 86 %; with the root 88 %, simulated). Where a run has many rows they all count alike: what
 * a law misses in one mixture is in all of its rows, and no noise. */
asc_status asc__law_calibrate(asc_law *l, const asc__prep *p, const double *held, const double *y, const double *weight,
                              asc_error *err)
{
    weighted *ratio = asc_calloc(p->n + 1, sizeof *ratio);
    double *var = asc_calloc(p->n + 1, sizeof *var), more = p->n_folds > 1 ? p->n_folds / (p->n_folds - 1.) : 1;
    asc_status s = ratio && var ? draws_variance(var, l, p, err) : ASC_NOMEM(err);
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

/* ---- trees ---- */

/* Fit on the rows of mask, prediction of all rows into w->pred; the trees kept in out unless NULL. */
static asc_status trees_once(work *w, const double *mask, asc_trees *out, asc_error *err)
{
    asc_trees t;
    asc__data d = w->data;
    d.weight = mask;
    asc__data_stats(&d);
    ASC_TRY(asc__trees_fit(&t, &d, w->o->seed, err));
    asc__trees_apply(&t, &w->p->x, w->pred);
    if (out)
        *out = t;
    else
        asc__trees_clear(&t);
    return ASC_OK;
}

static asc_status forward_trees(work *w, size_t k, double *error, asc_error *err)
{
    mask_stage(w, k);
    w->data.weight = w->all;
    ASC_TRY(trees_once(w, w->mask, NULL, err));
    *error = stage_error(w, k, w->pred);
    return ASC_OK;
}

static asc_status fit_trees(asc_law *law, work *w, asc_error *err)
{
    const asc__prep *p = w->p;
    for (size_t r = 0; r < w->ld; r++)
        w->held[r] = NAN;
    for (int k = 0; k < w->n_folds; k++) {
        mask_fold(w, k);
        w->data.weight = w->all;
        ASC_TRY(trees_once(w, w->mask, NULL, err));
        asc__meter_add(w->job->meter, &w->job->spent, ASC__METER_FIT);
        for (size_t r = 0; r < p->n; r++)
            if (p->fold[r] == k && w->all[r] != 0)
                w->held[r] = w->pred[r];
    }
    ASC_TRY(forward(w, forward_trees, err));
    if (w->job->cv_pred)
        memcpy(w->job->cv_pred, w->held, w->ld * sizeof *w->held);
    if (w->job->judge_only)
        return ASC_OK;
    ASC_TRY(law_init(law, w, err));
    ASC_TRY(trees_once(w, w->all, &law->trees, err));
    law->stats.converged = true;
    fit_stats(&law->stats, p, w->pred, w->y, w->all);
    cv_stats(&law->stats, p, w->held, w->y, w->all);
    law->stats.noise = isnan(law->stats.cv_mse) ? law->stats.noise : sqrt(law->stats.cv_mse); /* it fits its own rows */
    law->stats.forward_mre = w->job->forward_mre;
    return asc__law_calibrate(law, p, w->held, w->y, w->all, err);
}

/* ---- one target ---- */

static asc_status finish(asc_law *law, work *w, bool converged, const double *held, asc_error *err)
{
    ASC_TRY(law_init(law, w, err));
    w->fam->to_params(&w->p->x, final_theta(w), law->params);
    if (w->gp.n) {
        law->gp = w->gp;
        w->gp = (asc_gp){0};
    }
    law->stats.converged = converged;
    w->fam->eval(&w->p->x, w->data.own, final_theta(w), w->pred, NULL, w->scratch);
    if (law->gp.n)
        asc__gp_apply(&law->gp, &w->p->x, w->pred, w->scratch);
    fit_stats(&law->stats, w->p, w->pred, w->y, w->all);
    cv_stats(&law->stats, w->p, held, w->y, w->all);
    law->stats.forward_mre = w->job->forward_mre;
    ASC_TRY(bootstrap(w, law, err));
    return asc__law_calibrate(law, w->p, held, w->y, w->all, err);
}

static asc_status fit_family(asc_law *law, work *w, asc_error *err)
{
    bool converged = false;
    validate(w);
    double *held = w->held + w->chosen * w->ld;
    if (!w->job->judge_only || w->job->gp)
        ASC_TRY(final_fit(w, &converged, err));
    if (w->gp.n)
        ASC_TRY(validate_gp(w, err));
    ASC_TRY(forward(w, forward_once, err));
    if (w->job->cv_pred)
        memcpy(w->job->cv_pred, held, w->ld * sizeof *held);
    return w->job->judge_only ? ASC_OK : finish(law, w, converged, held, err);
}

asc_status asc__fit_target(asc_law *law, asc__fit_job *job, asc_error *err)
{
    work w;
    asc_law out = {0};
    job->forward_mre = NAN;
    asc_status s = work_init(&w, job, err);
    if (s == ASC_OK)
        s = check(&w, err);
    if (s == ASC_OK)
        s = job->family == ASC_LAW_TREES ? fit_trees(&out, &w, err) : fit_family(&out, &w, err);
    work_clear(&w);
    asc__meter_add(job->meter, &job->spent, SIZE_MAX);
    if (asc_interrupted())
        s = ASC_FAIL(err, ASC_EINTR, "interrupted");
    if (s != ASC_OK || job->judge_only)
        asc_law_clear(&out);
    else
        *law = out;
    return s;
}
