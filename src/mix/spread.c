/* What the draws say of an answer: expected objective and gain, their intervals, P(better), each share's interval. */
#include "session.h"

#include <math.h>
#include <string.h>

#include "expected.h"
#include "num/num.h"

typedef struct spread {
    asc__session *s;
    size_t K;                        /* draws whose optimum is known */
    double *w;                       /* (K,D) optimum of each */
    bool *known;                     /* (K) */
    double *work;                    /* (K, doubles) */
    size_t per_draw;                 /* doubles of one solution, + 2D + V */
    double *answer, *uniform, *gain; /* (worlds) J there */
    double *gradient, *hessian;      /* large: (K,D) of each world at the answer, (D,D) of their mean */
} spread;

static void interval(double *v, size_t n, double level, double *lo, double *hi)
{
    *lo = asc_quantile(v, n, .5 - level / 2);
    *hi = asc_quantile(v, n, .5 + level / 2);
}

/* About an estimate that is not the draws' own mean: moved so that their median lies on it. */
static void move_to(double estimate, const double *v, size_t n, double *lo, double *hi)
{
    double median = asc_quantile_sorted(v, n, .5); /* sorted by interval() */
    *lo += estimate - median;
    *hi += estimate - median;
}

/* ---- objective and gain ---- */

static void tokens_of(const asc__session *s, const double *w, double *tokens)
{
    for (size_t i = 0; i < s->D; i++) {
        double n = w[i] * s->problem.n_tokens;
        tokens[i] = s->problem.available ? asc_effective_tokens(n, s->problem.available[i]) : n;
    }
}

static void judge(spread *d, size_t n)
{
    asc_mix_result *r = &d->s->r;
    asc_expected e;
    double uniform = asc_mean(d->uniform, n);
    asc__expect(&e, d->answer, d->uniform, d->gain, n, d->s->o.level);
    r->p_better = e.p_better;
    r->ci[0] = e.lo;
    r->ci[1] = e.hi;
    r->gain_ci[0] = e.gain_lo;
    r->gain_ci[1] = e.gain_hi;
    if (d->s->o.point) {
        move_to(r->predicted, d->answer, n, &r->ci[0], &r->ci[1]);
        move_to(r->gain, d->gain, n, &r->gain_ci[0], &r->gain_ci[1]);
    } else {
        r->predicted = e.value;
        r->uniform = uniform;
        r->gain = e.gain;
    }
    asc__hold(r->predicted, &r->ci[0], &r->ci[1]);
    asc__hold(r->gain, &r->gain_ci[0], &r->gain_ci[1]);
}

static void add_drift(spread *d)
{
    asc__session *s = d->s;
    asc_mix_result *r = &s->r;
    double *tokens = s->problem.tokens, at[2];
    for (int k = 0; k < 2; k++) {
        tokens_of(s, k ? s->uniform : r->weights, tokens);
        at[k] = asc_law_set_drift(s->laws, s->problem.objective, tokens, s->problem.params);
    }
    if (!(at[0] > 0) || !isfinite(at[1]))
        return;
    asc__widen(r->predicted, at[0], s->o.level, &r->ci[0], &r->ci[1]);
    asc__widen(r->gain, fabs(at[1] - at[0]), s->o.level, &r->gain_ci[0], &r->gain_ci[1]);
}

/* All draws as they are, at the answer and at uniform. */
static asc_status objective(spread *d)
{
    asc__session *s = d->s;
    double *tokens = s->problem.tokens;
    asc__worlds *all;
    tokens_of(s, s->uniform, tokens);
    ASC_TRY(asc__worlds_create(&all, &s->problem, d->K, false, tokens, s->err));
    size_t n = all->n;
    memcpy(d->uniform, all->value, n * sizeof *d->uniform);
    tokens_of(s, s->r.weights, tokens);
    asc__worlds_eval(all, tokens, NULL);
    size_t kept = 0;
    for (size_t k = 0; k < n; k++)
        if (isfinite(all->value[k])) {
            d->uniform[kept] = d->uniform[k];
            d->answer[kept++] = all->value[k];
        }
    asc__worlds_free(all);
    if (kept >= ASC__FEWEST_DRAWS) {
        judge(d, kept);
        add_drift(d);
    }
    return ASC_OK;
}

/* ---- steps ---- */

/* Mean objective of w at another budget: over the deciding worlds, or at the estimate. */
static double at_budget(asc__session *s, const double *w, double n_tokens)
{
    asc__problem p = s->problem;
    p.n_tokens = n_tokens;
    double tokens_then = s->problem.n_tokens, value;
    if (!p.worlds)
        return asc__problem_objective(&p, w);
    s->problem.n_tokens = n_tokens; /* what tokens_of goes by */
    tokens_of(s, w, p.tokens);
    value = asc__worlds_eval(p.worlds, p.tokens, NULL);
    s->problem.n_tokens = tokens_then;
    return value;
}

typedef struct sooner {
    asc__session *s;
    double wanted;
} sooner;

/* What the answer still lacks of the wanted objective with this logarithm of the budget's share; falling. */
static double lacking(void *ctx, double log_share)
{
    const sooner *a = ctx;
    double value = at_budget(a->s, a->s->r.weights, a->s->r.budget * exp(log_share));
    return value > a->wanted ? 1 : -1;
}

/* Tokens that the answer needs for what uniform reaches at the budget, by bisection on their logarithm. */
void asc__fewer_steps(asc__session *s)
{
    const asc_law_set *laws = s->laws;
    asc_mix_result *r = &s->r;
    bool knows = laws->tokens_hi > 1.5 * laws->tokens_lo && !s->ddo && !s->steps && !s->held;
    r->steps_saved = NAN;
    if (!knows || !isfinite(r->gain) || r->gain < 0)
        return;
    double lo = log(1e-3), hi = 0;
    sooner a = {s, at_budget(s, s->uniform, r->budget)};
    if (lacking(&a, lo) < 0)
        return; /* the law hardly knows tokens */
    asc_bisect(&hi, &lo, lacking, &a, 30);
    r->steps_saved = 1 - exp(hi);
}

/* ---- shares: each draw's own optimum ---- */

static void solve_draw(void *ctx, size_t k)
{
    spread *d = ctx;
    const asc__session *s = d->s;
    size_t D = s->D;
    double *w = d->w + k * D, *work = d->work + k * d->per_draw;
    asc_law_set view;
    if (asc_interrupted() || asc__world_that_decides(&view, s->laws, k, NULL) != ASC_OK)
        return;
    asc__problem p = s->problem;
    p.laws = &view;
    p.worlds = NULL;
    p.tokens = work;
    p.part = work + D;
    p.loss = work + 2 * D;
    asc__objective_fn fn = s->fn;
    fn.ctx = &p;
    memcpy(w, s->r.weights, D * sizeof *w);
    double value = asc__problem_objective(&p, w);
    d->known[k] = isfinite(value);
    if (s->exact)
        asc__solve_ddo(s, w, asc_ddo_axes_of(view.laws));
    else if (d->known[k])
        asc__solve_from(s, &fn, w, work + 2 * D + s->laws->n_targets, 200);
    asc_law_set_view_free(&view);
}

/* J about the answer to second order: the draw's own slope, the curvature of all. */
typedef struct expansion {
    const double *about, *gradient, *hessian;
    size_t n;
} expansion;

static double expansion_eval(void *ctx, const double *w, double *gradient)
{
    const expansion *x = ctx;
    double value = 0;
    for (size_t i = 0; i < x->n; i++) {
        double s = 0;
        for (size_t j = 0; j < x->n; j++)
            s += x->hessian[i * x->n + j] * (w[j] - x->about[j]);
        value += (w[i] - x->about[i]) * (x->gradient[i] + .5 * s);
        if (gradient)
            gradient[i] = x->gradient[i] + s;
    }
    return value;
}

static void expand_draw(void *ctx, size_t k)
{
    spread *d = ctx;
    const asc__session *s = d->s;
    expansion x = {s->r.weights, d->gradient + k * s->D, d->hessian, s->D};
    asc__objective_fn fn = {.eval = expansion_eval, .ctx = &x, .n = s->D, .lo = s->lo, .hi = s->hi};
    double *w = d->w + k * s->D;
    memcpy(w, s->r.weights, s->D * sizeof *w);
    asc__solve(w, &fn, 60, d->work + k * d->per_draw);
    d->known[k] = true;
}

/* The deciding draws' own slopes about the answer, moved by what the objective has beside their mean (a prior; all of
 * the difference where the estimate decides). */
static asc_status expand(spread *d)
{
    asc__session *s = d->s;
    size_t D = s->D;
    double *own = s->problem.part, *mean = s->work + 4 * D, *tokens = s->problem.tokens;
    tokens_of(s, s->r.weights, tokens);
    if (!s->worlds)
        ASC_TRY(asc__worlds_create(&s->worlds, &s->problem, asc__deciding_draws(s), true, tokens, s->err));
    size_t n = d->K = s->worlds->n;
    d->gradient = asc_calloc(n + 1, D * sizeof *d->gradient);
    d->hessian = asc_calloc(D, D * sizeof *d->hessian);
    if (!d->gradient || !d->hessian)
        return ASC_NOMEM(s->err);
    asc__hessian(d->hessian, own, s->r.weights, &s->fn, s->work);
    tokens_of(s, s->r.weights, tokens);
    asc__worlds_eval(s->worlds, tokens, mean);
    for (size_t i = 0; i < D; i++) {
        double at = s->r.weights[i] * s->problem.n_tokens, slope = s->problem.n_tokens;
        if (s->problem.available)
            slope *= asc__effective_slope(at, s->problem.available[i]);
        for (size_t k = 0; k < n; k++)
            d->gradient[k * D + i] = slope * (s->worlds->gradient[k * D + i] - mean[i]) + own[i];
    }
    asc_parallel_for(s->problem.n_threads, n, expand_draw, d);
    return ASC_OK;
}

static void shares(const spread *d, double *column)
{
    const asc__session *s = d->s;
    asc_mix_result *r = &d->s->r;
    for (size_t i = 0; i < s->D; i++) {
        size_t m = 0;
        for (size_t k = 0; k < d->K; k++)
            if (d->known[k])
                column[m++] = d->w[k * s->D + i];
        if (m < ASC__FEWEST_DRAWS)
            continue;
        interval(column, m, s->o.level, &r->w_lo[i], &r->w_hi[i]);
        asc__hold(r->weights[i], &r->w_lo[i], &r->w_hi[i]);
    }
}

/* ---- together ---- */

static bool allocate(spread *d)
{
    const asc__session *s = d->s;
    size_t D = s->D, K = d->K;
    d->per_draw = 2 * D + s->laws->n_targets + asc__work_doubles(D);
    d->w = asc_calloc(K, D * sizeof *d->w);
    d->known = asc_calloc(K, sizeof *d->known);
    d->work = asc_calloc(K, d->per_draw * sizeof *d->work);
    d->answer = asc_calloc(K, sizeof *d->answer);
    d->uniform = asc_calloc(K, sizeof *d->uniform);
    d->gain = asc_calloc(K, sizeof *d->gain);
    return d->w && d->known && d->work && d->answer && d->uniform && d->gain;
}

static asc_status all_of_it(spread *d)
{
    asc__session *s = d->s;
    if (!allocate(d))
        return ASC_NOMEM(s->err);
    ASC_TRY(objective(d));
    if (s->steps || s->held)
        return ASC_OK;
    asc__tell(s, "optimize: intervals", 0, (double)d->K);
    if (s->large && s->problem.worlds)
        ASC_TRY(expand(d));
    else
        asc_parallel_for(s->problem.n_threads, d->K, solve_draw, d);
    asc__tell(s, "optimize: intervals", (double)d->K, (double)d->K);
    shares(d, d->gain);
    return ASC_OK;
}

asc_status asc__spread(asc__session *s)
{
    asc_mix_result *r = &s->r;
    spread d = {.s = s, .K = s->o.no_intervals ? 0 : asc__draws_that_count(s->laws)};
    r->ci[0] = r->ci[1] = r->gain_ci[0] = r->gain_ci[1] = r->p_better = NAN;
    for (size_t i = 0; i < s->D; i++)
        r->w_lo[i] = r->w_hi[i] = NAN;
    if (d.K == 0) {
        if (!s->o.no_intervals)
            asc_notes_add(&r->notes, "no intervals: the law holds no draws of its parameters");
        return ASC_OK;
    }
    asc_status st = all_of_it(&d);
    asc_free(d.w);
    asc_free(d.known);
    asc_free(d.work);
    asc_free(d.answer);
    asc_free(d.uniform);
    asc_free(d.gain);
    asc_free(d.gradient);
    asc_free(d.hessian);
    return st;
}
