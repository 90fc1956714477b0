/* Predictions of fitted laws: one point with its gradient, many points in vectorised blocks, draws, bands. */
#include "private.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* ---- one point ---- */

static double point(const asc_law *l, const double *tokens, double P, double *gradient)
{
    assert(l->n_params == asc_law_count_params(l) && (l->gp.n == 0 || l->family->name_gp));
    if (!(asc__total(tokens, l->n_domains) > 0))
        return NAN;
    double value = l->family->point(l, l->params, tokens, P, gradient);
    return l->gp.n ? asc__gp_point(l, value, tokens, P, gradient) : value;
}

double asc_law_predict(const asc_law *l, const double *tokens, double params)
{
    return point(l, tokens, params, NULL);
}

double asc_law_gradient(const asc_law *l, const double *tokens, double params, double *gradient)
{
    return point(l, tokens, params, gradient);
}

double asc_law_predict_draw(const asc_law *l, size_t k, const double *tokens, double params)
{
    asc_law view = asc_law_draw_view(l, k);
    return point(&view, tokens, params, NULL);
}

void asc_law_predict_draws(double *out, const asc_law *l, size_t n, size_t stride, const double *tokens, double params)
{
    size_t parts = l->pick ? l->n_parts : 1;
    assert(n == 0 || (stride > 0 && (n - 1) * stride < l->n_draws));
    double factor[parts];
    bool valid = asc__total(tokens, l->n_domains) > 0;
    for (size_t i = 0; i < parts; i++) {
        const asc_law *part = l->pick ? &l->parts[i] : l;
        factor[i] = valid && part->gp.n ? asc__gp_point(part, 1, tokens, params, NULL) : 1;
    }
    for (size_t k = 0; k < n; k++) {
        asc_law view = asc_law_draw_view(l, k * stride);
        bool process = view.gp.n > 0;
        view.gp.n = 0;
        out[k] = point(&view, tokens, params, NULL);
        if (process)
            out[k] *= factor[l->pick ? l->pick[2 * k * stride] : 0];
    }
}

/* ---- many points ---- */

#define BLOCK 512

typedef struct many {
    double *out;
    const asc_law *l;
    size_t n;
    const double *tokens, *params, *theta;
    double one_params;
    bool *failed; /* (tasks) out of memory */
    size_t blocks_a_task;
} many;

static void point_by_point(const many *m, size_t from, size_t n)
{
    size_t D = m->l->n_domains;
    for (size_t r = from; r < from + n; r++)
        m->out[r] = asc_law_predict(m->l, m->tokens + r * D, m->params ? m->params[r] : m->one_params);
}

static bool rows_are_valid(const many *m, size_t from, size_t n)
{
    size_t D = m->l->n_domains;
    for (size_t r = from; r < from + n; r++) {
        double total = 0, lowest = 0;
        for (size_t i = 0; i < D; i++) {
            double t = m->tokens[r * D + i];
            total += t;
            lowest = t < lowest ? t : lowest;
        }
        if (!(total > 0) || !isfinite(total) || lowest < 0)
            return false;
    }
    return true;
}

static void task(void *ctx, size_t index)
{
    const many *m = ctx;
    const asc_law *l = m->l;
    size_t D = l->n_domains, from = index * m->blocks_a_task * BLOCK, end = from + m->blocks_a_task * BLOCK;
    const asc__family *fam = l->family;
    asc__features x = {0};
    double *scratch = asc_aligned_alloc((asc__scratch_size(D, BLOCK) + BLOCK) * sizeof *scratch);
    if (!scratch || asc__features_init(&x, BLOCK, D, NULL) != ASC_OK) {
        m->failed[index] = true;
        asc_aligned_free(scratch);
        return;
    }
    x.has_tokens = l->has_tokens;
    x.has_params = l->has_params;
    x.unit_tokens = l->unit_tokens;
    x.unit_params = l->unit_params;
    x.floor = l->floor;
    double *f = scratch + asc__scratch_size(D, BLOCK);
    for (end = end < m->n ? end : m->n; from < end; from += BLOCK) {
        size_t n = end - from < BLOCK ? end - from : BLOCK;
        if (!fam->eval || !rows_are_valid(m, from, n)) {
            point_by_point(m, from, n);
            continue;
        }
        asc__features_fill(&x, m->tokens + from * D, m->params ? m->params + from : NULL, m->one_params, n);
        fam->eval(&x, l->own, m->theta, f, NULL, scratch);
        if (l->gp.n)
            asc__gp_apply(&l->gp, &x, f, scratch);
        memcpy(m->out + from, f, n * sizeof *f);
    }
    asc__features_clear(&x);
    asc_aligned_free(scratch);
}

static asc_status predict_one(double *out, const asc_law *l, size_t n, const double *tokens, const double *params,
                              double one_params, int n_threads, asc_error *err)
{
    const asc__family *fam = l->family;
    size_t blocks = (n + BLOCK - 1) / BLOCK, a_task = 64, n_tasks = (blocks + a_task - 1) / a_task;
    double *theta = asc_calloc(l->n_params + 1, sizeof *theta);
    bool *failed = asc_calloc(n_tasks + 1, sizeof *failed), any = false;
    if (theta && failed) {
        asc__features units = {.n_domains = l->n_domains, .has_tokens = l->has_tokens, .has_params = l->has_params};
        if (fam->eval)
            asc__to_theta(fam, &units, l->params, theta);
        many m = {.out = out, .l = l, .n = n, .tokens = tokens, .params = params, .theta = theta};
        m.one_params = one_params;
        m.failed = failed;
        m.blocks_a_task = a_task;
        asc_parallel_for(n_threads, n_tasks, task, &m);
        for (size_t i = 0; i < n_tasks; i++)
            any = any || failed[i];
    }
    bool ok = theta && failed && !any;
    asc_free(theta);
    asc_free(failed);
    return ok ? ASC_OK : ASC_NOMEM(err);
}

asc_status asc_law_predict_many(double *out, const asc_law *l, size_t n, const double *tokens, const double *params,
                                double one_params, int n_threads, asc_error *err)
{
    if (!l->n_parts)
        return predict_one(out, l, n, tokens, params, one_params, n_threads, err);
    double *part = asc_calloc(n + 1, sizeof *part);
    asc_status s = part ? ASC_OK : ASC_NOMEM(err);
    for (size_t k = 0; s == ASC_OK && k < l->n_parts; k++) {
        s = asc_law_predict_many(part, &l->parts[k], n, tokens, params, one_params, n_threads, err);
        for (size_t r = 0; s == ASC_OK && r < n; r++)
            out[r] = (k ? out[r] : 0) + l->params[k] * part[r];
    }
    asc_free(part);
    return s;
}

/* ---- spread and bands ---- */

/* Variance over l's draws. */
static double variance_of_draws(const asc_law *l, const double *tokens, double params)
{
    asc_moments m = {0};
    for (size_t k = 0; k < l->n_draws; k++) {
        asc_law view = asc_law_draw_view(l, k);
        view.gp.n = 0; /* the same process in every draw: a factor near 1, and slow */
        asc_moments_add(&m, point(&view, tokens, params, NULL));
    }
    return m.n > 1 ? asc_moments_variance(&m) : 0;
}

/* Of a blend: that of each part and that between the parts, weighted by how many draws are of each. */
static double variance(const asc_law *l, const double *tokens, double params)
{
    if (!l->pick)
        return variance_of_draws(l, tokens, params);
    /* The law of total variance: mean of the parts' variances and variance of their means, part i weighted by its
     * draws. */
    double within = 0, mean = 0, squares = 0, total = 0;
    for (size_t i = 0; i < l->n_parts; i++) {
        double q = (double)l->parts[i].n_draws, y = q > 0 ? point(&l->parts[i], tokens, params, NULL) : NAN;
        if (isnan(y))
            continue;
        total += q;
        within += q * variance_of_draws(&l->parts[i], tokens, params);
        double d = y - mean;
        mean += d * q / total;
        squares += q * d * (y - mean);
    }
    return total > 0 ? (within + squares) / total : 0;
}

#define DRIFT .12 /* of the change promised beyond the table */

double asc_law_drift(const asc_law *l, const double *tokens, double params)
{
    size_t D = l->n_domains;
    double total = asc__total(tokens, D), edge[D], P = params;
    double factor = l->tokens_hi > 0 && total > l->tokens_hi ? l->tokens_hi / total : 1;
    if (l->has_params && l->params_hi > 0 && params > l->params_hi)
        P = l->params_hi;
    if (!(total > 0) || (factor == 1 && P == params))
        return 0;
    for (size_t i = 0; i < D; i++)
        edge[i] = tokens[i] * factor;
    /* from the edge of the table, in the same proportions, to the point */
    double d = fabs(point(l, edge, P, NULL) - point(l, tokens, params, NULL));
    return isfinite(d) ? DRIFT * d : 0;
}

double asc_law_spread(const asc_law *l, const double *tokens, double params)
{
    double noise = isnan(l->stats.noise) ? 0 : l->stats.noise, drift = asc_law_drift(l, tokens, params);
    return sqrt(noise * noise + variance(l, tokens, params) + drift * drift);
}

static asc_status draws_variance(double *out, const asc_law *l, size_t n, const double *tokens, const double *params,
                                 double *pred, double *mean, asc_error *err)
{
    asc_status s = ASC_OK;
    memset(out, 0, n * sizeof *out);
    memset(mean, 0, n * sizeof *mean);
    for (size_t k = 0; s == ASC_OK && k < l->n_draws; k++) {
        asc_law view = asc_law_draw_view(l, k);
        view.gp.n = 0; /* as variance_of_draws */
        s = asc_law_predict_many(pred, &view, n, tokens, params, NAN, 1, err);
        for (size_t r = 0; s == ASC_OK && r < n; r++) {
            double d = pred[r] - mean[r];
            mean[r] += d / (double)(k + 1);
            out[r] += d * (pred[r] - mean[r]) / (double)(l->n_draws - 1 ? l->n_draws - 1 : 1);
        }
    }
    return s;
}

/* As `variance`, many points at once. part: scratch (5,n). */
static asc_status blend_variance(double *out, const asc_law *l, size_t n, const double *tokens, const double *params,
                                 double *part, asc_error *err)
{
    double *var = part, *y = part + n, *mean = part + 2 * n, *a = part + 3 * n, *b = part + 4 * n, total = 0;
    asc_status s = ASC_OK;
    memset(out, 0, n * sizeof *out);
    memset(mean, 0, n * sizeof *mean);
    for (size_t i = 0; s == ASC_OK && i < l->n_parts; i++) {
        double q = (double)l->parts[i].n_draws;
        if (q == 0)
            continue;
        total += q;
        s = draws_variance(var, &l->parts[i], n, tokens, params, a, b, err);
        if (s == ASC_OK)
            s = asc_law_predict_many(y, &l->parts[i], n, tokens, params, NAN, 1, err);
        for (size_t r = 0; s == ASC_OK && r < n; r++) {
            double d = y[r] - mean[r];
            mean[r] += d * q / total;
            out[r] += q * (var[r] + d * (y[r] - mean[r]));
        }
    }
    for (size_t r = 0; total > 0 && r < n; r++)
        out[r] /= total;
    return s;
}

asc_status asc__draws_variance(double *out, const asc_law *l, size_t n, const double *tokens, const double *params,
                               asc_error *err)
{
    double *scratch = asc_calloc(5 * n + 1, sizeof *scratch);
    if (!scratch)
        return ASC_NOMEM(err);
    asc_status s = l->pick ? blend_variance(out, l, n, tokens, params, scratch, err)
                           : draws_variance(out, l, n, tokens, params, scratch, scratch + n, err);
    asc_free(scratch);
    return s;
}

bool asc_law_band(const asc_law *l, const double *tokens, double params, size_t q, double *lo, double *hi)
{
    if (q >= ASC_LAW_BANDS || isnan(l->band[q]))
        return false;
    double y = asc_law_predict(l, tokens, params), s = l->band[q] * asc_law_spread(l, tokens, params);
    if (isnan(y) || isnan(s))
        return false;
    *lo = y - s;
    *hi = y + s;
    return true;
}

/* ---- sets ---- */

double asc_law_set_objective(const asc_law_set *s, const double *tokens, double params)
{
    if (asc_law_set_of_objective(s))
        return asc_law_predict(&s->laws[0], tokens, params);
    assert(s->n_laws == s->n_targets);
    double loss[s->n_laws + 1];
    for (size_t v = 0; v < s->n_laws; v++)
        loss[v] = asc_law_predict(&s->laws[v], tokens, params);
    return asc_objective_value(&s->objective, loss, s->n_laws);
}

/* dJ/dL_v at losses (V). */
static void objective_slopes(const asc_objective *o, const double *loss, double *slope, size_t V)
{
    assert(V > 0);
    size_t worst = 0;
    for (size_t v = 0; v < V; v++) {
        worst = loss[v] > loss[worst] ? v : worst;
        slope[v] = asc_objective_slope(o, v, loss[v], V);
    }
    if (o->kind == ASC_OBJ_WORST)
        slope[worst] = 1;
}

double asc_law_set_drift(const asc_law_set *s, const asc_objective *objective, const double *tokens, double params)
{
    size_t V = s->n_laws;
    double loss[V + 1], slope[V + 1], sum = 0;
    memset(loss, 0, sizeof loss);
    const asc_objective *o = objective ? objective : &s->objective;
    if (asc_law_set_of_objective(s))
        return asc_law_drift(&s->laws[0], tokens, params);
    for (size_t v = 0; v < V; v++)
        loss[v] = asc_law_predict(&s->laws[v], tokens, params);
    objective_slopes(o, loss, slope, V);
    for (size_t v = 0; v < V; v++)
        sum += slope[v] == 0 ? 0 : slope[v] * asc_law_drift(&s->laws[v], tokens, params);
    return sum;
}

double asc_law_set_gradient(const asc_law_set *s, const double *tokens, double params, double *gradient)
{
    if (asc_law_set_of_objective(s))
        return asc_law_gradient(&s->laws[0], tokens, params, gradient);
    size_t V = s->n_laws, D = s->n_domains;
    double loss[V + 1], slope[V + 1], part[D + 1];
    memset(loss, 0, sizeof loss);
    memset(part, 0, sizeof part);
    for (size_t v = 0; v < V; v++)
        loss[v] = asc_law_predict(&s->laws[v], tokens, params);
    objective_slopes(&s->objective, loss, slope, V);
    memset(gradient, 0, D * sizeof *gradient);
    for (size_t v = 0; v < V; v++) {
        if (slope[v] == 0)
            continue;
        asc_law_gradient(&s->laws[v], tokens, params, part);
        for (size_t i = 0; i < D; i++)
            gradient[i] += slope[v] * part[i];
    }
    return asc_objective_value(&s->objective, loss, V);
}
