/* The fit of one target, whatever the law: cross-validated choice of the prior's width, the final fit, a Gaussian
 * process on the residual, draws, bands. */
#include "private.h"

#include <assert.h>
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
    asc__path *paths;    /* (n_folds + 1) one per fold, the last of all rows */
    double *fold_thetas; /* (n_folds,PATH,P) */
    double *held;        /* (PATH,ld) held-out predictions, NaN where there are none */
    double *pred;        /* (ld) */
    double *mask;        /* (ld) */
    double *residual;    /* (ld) */
    double *scratch;
    double huber;  /* absolute threshold, 0: none */
    size_t chosen; /* the prior's width */
    asc_gp gp;
} work;

static void work_clear(work *w)
{
    asc__lm_clear(&w->lm);
    asc__gp_clear(&w->gp);
    for (int k = 0; w->paths && k <= w->p->n_folds; k++)
        asc__path_clear(&w->paths[k]);
    asc_free(w->paths);
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
    double *p = asc_aligned_alloc((n + ASC_LANES) * sizeof *p);
    if (p)
        memset(p, 0, (n + ASC_LANES) * sizeof *p);
    return p;
}

static void work_data(work *w)
{
    const asc__pool *pool = w->job->pool;
    size_t v = w->job->target;
    for (size_t r = 0; r < w->ld; r++)
        w->all[r] = w->p->weight[v * w->ld + r] * (pool->trust ? pool->trust[r] : 1);
    w->data = (asc__data){.x = &w->p->x, .y = w->y, .weight = w->all, .own = w->p->own[v]};
    w->data.pool = pool->all.centre;
    w->data.pool_sd = pool->all.sd;
    w->data.noise2 = pool->noise2 ? pool->noise2[v] : 0;
    asc__data_stats(&w->data);
}

static asc_status work_init(work *w, asc__fit_job *job, asc_error *err)
{
    const asc__prep *p = job->prep;
    size_t D = p->n_domains, ld = p->ld;
    assert(job->target < p->n_targets && job->pool && ld % ASC_LANES == 0);
    *w = (work){.p = p, .o = job->opts, .job = job, .fam = job->family, .ld = ld};
    w->y = p->y + job->target * ld;
    w->n_folds = job->max_folds && job->max_folds < p->n_folds ? job->max_folds : p->n_folds;
    w->n_params = asc__family_params(w->fam, D, p->x.has_tokens, p->x.has_params);
    ASC_TRY(asc__lm_init(&w->lm, w->n_params + 1, ld, D, err));
    w->paths = asc_calloc((size_t)p->n_folds + 1, sizeof *w->paths);
    w->fold_thetas = asc_calloc(ASC__PATH * (w->n_params + 1) * (size_t)(p->n_folds + 1), sizeof *w->fold_thetas);
    w->pred = row_memory(ld);
    w->held = row_memory(ASC__PATH * ld);
    w->mask = row_memory(ld);
    w->all = row_memory(ld);
    w->residual = row_memory(ld);
    w->scratch = row_memory(asc__scratch_size(D, ld));
    if (!w->paths || !w->fold_thetas || !w->pred || !w->held || !w->mask || !w->all || !w->residual || !w->scratch)
        return ASC_NOMEM(err);
    for (int k = 0; k <= p->n_folds; k++)
        ASC_TRY(asc__path_init(&w->paths[k], w->n_params, err));
    for (size_t i = 0; i < ASC__PATH * ld; i++)
        w->held[i] = NAN;
    work_data(w);
    return ASC_OK;
}

/* ---- what a law can be fitted to ---- */

static asc_status check(const work *w, asc_error *err)
{
    const char *target = w->p->runs->targets[w->job->target], *law = w->fam->name;
    if (w->data.n_used == 0)
        return ASC_FAIL(err, ASC_EINVAL, "target %s: no row has a loss", target);
    if (w->fam->needs_own && w->data.own == ASC_NONE)
        return ASC_FAIL(err, ASC_EINVAL, "%s: target %s is not named after a domain of the table", law, target);
    size_t least = asc__least_rows(w->fam);
    if (w->data.n_used < least)
        return ASC_FAIL(err, ASC_EINVAL, "%s: target %s has %zu rows with a loss, needs %zu", law, target,
                        w->data.n_used, least);
    if (w->fam->eval && !(w->data.y_min > 0))
        return ASC_FAIL(err, ASC_EINVAL, "%s: target %s has a loss of %g; expected > 0", law, target, w->data.y_min);
    return ASC_OK;
}

/* ---- cross-validation ---- */

static void mask_fold(work *w, int k)
{
    assert(0 <= k && k < w->n_folds);
    for (size_t r = 0; r < w->ld; r++)
        w->mask[r] = r < w->p->n && w->p->fold[r] == k ? 0 : w->all[r];
    w->data.weight = w->mask;
}

static void all_rows(work *w)
{
    w->data.weight = w->all;
    w->data.pool = w->job->pool->all.centre;
    w->data.pool_sd = w->job->pool->all.sd;
    asc__data_stats(&w->data);
}

/* One step of a path on the rows that data.weight says; predictions of all rows in lm.f. */
static bool advance(work *w, asc__path *path, size_t s)
{
    assert(s < ASC__PATH && path->p == w->n_params);
    asc__path_opts o = {.huber = w->huber, .max_iter = 15, .tol = 5e-4};
    asc__data_stats(&w->data);
    if (w->data.n_used < 2 || asc_interrupted())
        return false;
    if (s == 0 && !asc__path_begin(path, &w->lm, w->fam, &w->data, &o))
        return false;
    return isfinite(asc__path_step(path, &w->lm, w->fam, &w->data, s, &o).cost);
}

/* Every fold at width s; its held-out predictions into held[s]. */
static void validate_width(work *w, size_t s)
{
    size_t P = w->n_params;
    for (int k = 0; k < w->n_folds; k++) {
        mask_fold(w, k);
        bool ok = advance(w, &w->paths[k], s);
        memcpy(w->fold_thetas + ((size_t)k * ASC__PATH + s) * P, w->paths[k].theta, P * sizeof *w->fold_thetas);
        for (size_t r = 0; r < w->p->n; r++)
            if (w->p->fold[r] == k)
                w->held[s * w->ld + r] = ok && w->all[r] != 0 ? w->lm.f[r] : NAN;
        asc__meter_add(w->job->meter, &w->job->spent, 2);
    }
}

/* Mean of losses of held-out residuals at width s, errors beyond the threshold counted linearly. */
static double held_cost(const work *w, size_t s, double huber)
{
    assert(s < ASC__PATH);
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

/* The width with the least held-out cost: wider and wider until two in a row do worse. Without folds a middling one. */
static void choose_width(work *w)
{
    double best = INFINITY;
    w->chosen = 1;
    for (size_t s = 0; w->n_folds && s < ASC__PATH && s <= w->chosen + 2; s++) {
        validate_width(w, s);
        double cost = held_cost(w, s, w->huber);
        if (cost < best) {
            best = cost;
            w->chosen = s;
        }
    }
    assert(w->chosen < ASC__PATH);
    all_rows(w);
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

/* Twice where held-out residuals show outliers: then with Huber's threshold. */
static void validate(work *w)
{
    choose_width(w);
    double largest, scale = held_scale(w, w->chosen, &largest);
    if (w->o->huber > 0 && scale > 0 && largest > 2.5 * w->o->huber * scale) {
        w->huber = w->o->huber * scale;
        choose_width(w);
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

static asc__path *final_path(const work *w)
{
    return &w->paths[w->p->n_folds];
}

static asc_status final_fit(work *w, bool *converged, asc_error *err)
{
    asc__path *path = final_path(w);
    all_rows(w);
    for (size_t s = 0; s <= w->chosen; s++)
        if (!advance(w, path, s))
            return ASC_FAIL(err, ASC_ENUMERIC, "%s: target %s: no start point can be evaluated", w->fam->name,
                            w->p->runs->targets[w->job->target]);
    asc__path_opts o = {.huber = w->huber, .max_iter = 100, .tol = 1e-7};
    asc__lm_result r = asc__path_step(path, &w->lm, w->fam, &w->data, w->chosen, &o);
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
    assert(k < p->n_stages && k < ASC__STAGES);
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

/* Fit the early rows of validation k at the chosen width, predict the late ones; NaN error where no fit can be had. A
 * process learns its lengths again: those of all rows know how the late ones go on. */
static asc_status forward_once(work *w, size_t k, double error[2], asc_error *err)
{
    asc__path path = {0};
    mask_stage(w, k);
    w->data.pool = w->job->pool->early[k].centre;
    w->data.pool_sd = w->job->pool->early[k].sd;
    ASC_TRY(asc__path_init(&path, w->n_params, err));
    bool ok = true;
    for (size_t s = 0; ok && s <= w->chosen; s++)
        ok = advance(w, &path, s);
    asc__path_clear(&path);
    if (!ok)
        return ASC_OK;
    memcpy(w->pred, w->lm.f, w->ld * sizeof *w->pred);
    error[0] = error[1] = stage_error(w, k, w->pred);
    if (w->gp.n) {
        asc_gp g;
        log_residual(w, w->pred);
        ASC_TRY(asc__gp_fit(&g, &w->p->x, w->residual, w->mask, NULL, err));
        if (g.n)
            asc__gp_apply(&g, &w->p->x, w->pred, w->scratch);
        asc__gp_clear(&g);
        error[1] = stage_error(w, k, w->pred);
    }
    return ASC_OK;
}

/* Mean over the forward validations that the table allows: of the law alone and with its process. */
static asc_status forward(work *w, asc_status (*once)(work *, size_t, double *, asc_error *), asc_error *err)
{
    double sum[2] = {0, 0}, n = 0;
    for (size_t k = 0; k < w->p->n_stages; k++) {
        double error[2] = {NAN, NAN};
        ASC_TRY(once(w, k, error, err));
        if (isnan(error[0]) || isnan(error[1]))
            continue;
        sum[0] += error[0];
        sum[1] += error[1];
        n++;
    }
    w->job->verdict->forward_mre = n > 0 ? sum[1] / n : NAN;
    if (w->job->plain)
        w->job->plain->forward_mre = n > 0 ? sum[0] / n : NAN;
    all_rows(w);
    return ASC_OK;
}

/* ---- the law that comes out ---- */

static asc_status law_init(asc_law *l, const work *w, asc_error *err)
{
    const asc__prep *p = w->p;
    *l = (asc_law){.family = w->job->family, .n_domains = p->n_domains, .own = w->data.own};
    l->has_tokens = p->x.has_tokens;
    l->has_params = p->x.has_params;
    l->unit_tokens = p->x.unit_tokens;
    l->unit_params = p->x.unit_params;
    l->floor = p->x.floor;
    l->tokens_hi = p->tokens_hi;
    l->params_hi = p->params_hi;
    l->n_params = w->n_params;
    l->stats = (asc_law_stats){NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, 0, false};
    for (int q = 0; q < ASC_LAW_BANDS; q++)
        l->band[q] = NAN;
    l->target = asc_strdup(p->runs->targets[w->job->target]);
    l->params = asc_calloc(w->n_params + 1, sizeof *l->params);
    return l->target && l->params ? ASC_OK : ASC_NOMEM(err);
}

static void give_verdict(work *w, asc__verdict *v, const double *held)
{
    v->known = true;
    v->sd = w->chosen;
    v->huber = w->huber;
    if (v->held)
        memcpy(v->held, held, w->ld * sizeof *held);
}

/* ---- laws that learn in their own way ---- */

/* Learn from the rows of mask, predict all rows into w->pred; l holds what was learnt. */
static asc_status learn_once(asc_law *l, work *w, const double *mask, asc_error *err)
{
    asc__data d = w->data;
    assert(w->fam->learn && w->fam->rows);
    d.weight = mask;
    asc__data_stats(&d);
    ASC_TRY(w->fam->learn(l, &d, w->o->seed, err));
    w->fam->rows(l, &w->p->x, w->pred);
    return ASC_OK;
}

/* The same for a while. */
static asc_status learn_apart(work *w, asc_error *err)
{
    asc_law l;
    asc_status s = law_init(&l, w, err);
    if (s == ASC_OK)
        s = learn_once(&l, w, w->mask, err);
    asc_law_clear(&l);
    return s;
}

static asc_status forward_learner(work *w, size_t k, double error[2], asc_error *err)
{
    mask_stage(w, k);
    w->data.weight = w->all;
    ASC_TRY(learn_apart(w, err));
    error[0] = error[1] = stage_error(w, k, w->pred);
    return ASC_OK;
}

static asc_status fit_learner(asc_law *law, work *w, asc_error *err)
{
    const asc__prep *p = w->p;
    for (int k = 0; k < w->n_folds; k++) {
        mask_fold(w, k);
        w->data.weight = w->all;
        ASC_TRY(learn_apart(w, err));
        asc__meter_add(w->job->meter, &w->job->spent, ASC__METER_FIT);
        for (size_t r = 0; r < p->n; r++)
            if (p->fold[r] == k && w->all[r] != 0)
                w->held[r] = w->pred[r];
    }
    ASC_TRY(forward(w, forward_learner, err));
    give_verdict(w, w->job->verdict, w->held);
    if (w->job->validate_only)
        return ASC_OK;
    ASC_TRY(law_init(law, w, err));
    ASC_TRY(learn_once(law, w, w->all, err));
    law->stats.converged = true;
    asc__fit_stats(&law->stats, p, w->pred, w->y, w->all);
    asc__cv_stats(&law->stats, p, w->held, w->y, w->all);
    law->stats.noise = isnan(law->stats.cv_mse) ? law->stats.noise : sqrt(law->stats.cv_mse); /* it fits its own rows */
    law->stats.forward_mre = w->job->verdict->forward_mre;
    return asc__law_calibrate(law, p, w->held, w->y, w->all, err);
}

/* ---- one target ---- */

static asc_status finish(asc_law *law, work *w, bool converged, const double *held, asc_error *err)
{
    const double *theta = final_path(w)->theta;
    ASC_TRY(law_init(law, w, err));
    asc__to_params(w->fam, &w->p->x, theta, law->params);
    if (w->gp.n) {
        law->gp = w->gp;
        w->gp = (asc_gp){0};
    }
    law->stats.converged = converged;
    w->fam->eval(&w->p->x, w->data.own, theta, w->pred, NULL, w->scratch);
    if (law->gp.n)
        asc__gp_apply(&law->gp, &w->p->x, w->pred, w->scratch);
    asc__fit_stats(&law->stats, w->p, w->pred, w->y, w->all);
    asc__cv_stats(&law->stats, w->p, held, w->y, w->all);
    law->stats.forward_mre = w->job->verdict->forward_mre;
    asc__path_load(final_path(w), &w->lm);
    ASC_TRY(asc__law_draws(law, w->job, &w->lm, &w->data, theta, err));
    return asc__law_calibrate(law, w->p, held, w->y, w->all, err);
}

/* From an earlier validation of the same law on the same rows. */
static asc_status fit_validated(asc_law *law, work *w, asc_error *err)
{
    assert(w->job->verdict->held && w->job->verdict->sd < ASC__PATH);
    bool converged = false;
    w->chosen = w->job->verdict->sd;
    w->huber = w->job->verdict->huber;
    ASC_TRY(final_fit(w, &converged, err));
    return finish(law, w, converged, w->job->verdict->held, err);
}

static asc_status fit_family(asc_law *law, work *w, asc_error *err)
{
    assert(w->fam->eval && w->fam->start && w->fam->prior && w->fam->bounds && w->fam->point);
    bool converged = false;
    if (w->job->verdict->known)
        return fit_validated(law, w, err);
    validate(w);
    double *held = w->held + w->chosen * w->ld;
    if (!w->job->validate_only || w->job->gp)
        ASC_TRY(final_fit(w, &converged, err));
    if (w->job->plain)
        give_verdict(w, w->job->plain, held);
    if (w->gp.n)
        ASC_TRY(validate_gp(w, err));
    ASC_TRY(forward(w, forward_once, err));
    give_verdict(w, w->job->verdict, held);
    return w->job->validate_only ? ASC_OK : finish(law, w, converged, held, err);
}

asc_status asc__fit_target(asc_law *law, asc__fit_job *job, asc_error *err)
{
    assert((law || job->validate_only) && (!job->gp || job->family->name_gp));
    work w;
    asc_law out = {0};
    asc__verdict verdict = {0};
    if (!job->verdict)
        job->verdict = &verdict;
    if (!job->verdict->known)
        job->verdict->forward_mre = NAN;
    asc_status s = work_init(&w, job, err);
    if (s == ASC_OK)
        s = check(&w, err);
    if (s == ASC_OK)
        s = job->family->learn ? fit_learner(&out, &w, err) : fit_family(&out, &w, err);
    work_clear(&w);
    asc__meter_add(job->meter, &job->spent, SIZE_MAX);
    if (asc_interrupted())
        s = ASC_FAIL(err, ASC_EINTR, "interrupted");
    if (s != ASC_OK || job->validate_only)
        asc_law_clear(&out);
    else
        *law = out;
    return s;
}
