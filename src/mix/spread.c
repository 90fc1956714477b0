/* What the draws say of an answer: expected objective and gain, their intervals, P(better), each share's interval. */
#include "session.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "expected.h"
#include "num/num.h"

typedef struct spread {
    asc__session *s;
    size_t K;                        /* draws whose optimum is known */
    size_t n_gains;                  /* draws that gain and gain_ci go by; 0: too few */
    double *w;                       /* (K,D) optimum of each */
    bool *known;                     /* (K) */
    double *work;                    /* (K, doubles) */
    size_t per_draw;                 /* doubles of one solution, + 2D + V */
    double *answer, *uniform, *gain; /* (worlds) J there */
    double *far;             /* (K,D) optimum of each where the sampled range does not hold it; NULL: it never does */
    double *far_lo, *far_hi; /* (D) limits there */
    double *optimism;        /* (K) see add_optimism; NaN where it is not known */
    double *tokens, *slope;  /* large: (D) at the answer, of tokens by shares */
    double *noise;           /* large: (K,D) of the gradient, what of it is the draw's alone */
    double *gradient, *hessian; /* large: (K,D) of each world at the answer, (D,D) of their mean */
} spread;

static void interval(double *v, size_t n, double level, double *lo, double *hi)
{
    assert(n > 0 && level > 0 && level < 1);
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

static void expect_answer(spread *d, size_t n)
{
    assert(n >= ASC__FEWEST_DRAWS);
    asc_mix_result *r = &d->s->r;
    asc_expected e;
    double uniform = asc_mean(d->uniform, n);
    asc__expect(&e, d->answer, d->uniform, d->gain, n, d->s->o.level);
    d->n_gains = n;
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
    if (asc_interrupted())
        return;
    asc_mix_result *r = &s->r;
    double *tokens = s->problem.tokens, at[2];
    for (int k = 0; k < 2; k++) {
        asc__problem_tokens(&s->problem, k ? s->uniform : r->weights, tokens);
        at[k] = asc_law_set_drift(s->laws, s->problem.objective, tokens, s->problem.params);
    }
    if (!(at[0] > 0) || !isfinite(at[1]))
        return;
    asc__widen(r->predicted, at[0], s->o.level, &r->ci[0], &r->ci[1]);
    asc__widen(r->gain, fabs(at[1] - at[0]), s->o.level, &r->gain_ci[0], &r->gain_ci[1]);
}

/* J of every world at the answer and at uniform, those without a value left out. Returns how many are left. */
static size_t evaluate(spread *d, asc__worlds *all)
{
    asc__session *s = d->s;
    double *tokens = s->problem.tokens;
    size_t kept = 0, n = all->n;
    assert(n <= d->K); /* the room for values */
    asc__problem_tokens(&s->problem, s->uniform, tokens);
    asc__worlds_eval(all, tokens, NULL);
    memcpy(d->uniform, all->value, n * sizeof *d->uniform);
    asc__problem_tokens(&s->problem, s->r.weights, tokens);
    asc__worlds_eval(all, tokens, NULL);
    for (size_t k = 0; k < n; k++)
        if (isfinite(all->value[k]) && isfinite(d->uniform[k])) {
            d->uniform[kept] = d->uniform[k];
            d->answer[kept++] = all->value[k];
        }
    return kept;
}

/* What is expected goes by the draws as they are, as the search did. A draw repeats what the fit is off by for its form
 * and prior; laid as far on the other side of the fit they take that off. Which lie nearer the truth is not known:
 * intervals hold both. */
static asc_status objective(spread *d)
{
    asc__session *s = d->s;
    asc__worlds *all;
    asc__problem_tokens(&s->problem, s->uniform, s->problem.tokens);
    ASC_TRY(asc__worlds_create(&all, &s->problem, d->K, false, s->problem.tokens, s->err));
    asc_mix_result *r = &s->r;
    asc_status st = ASC_OK;
    size_t kept = evaluate(d, all);
    if (kept >= ASC__FEWEST_DRAWS) {
        expect_answer(d, kept);
        st = asc__worlds_centre(all, s->err);
        kept = st == ASC_OK ? evaluate(d, all) : 0;
        if (kept >= ASC__FEWEST_DRAWS) {
            asc_expected e;
            asc__expect(&e, d->answer, d->uniform, d->gain, kept, s->o.level);
            asc__hull(&r->ci[0], &r->ci[1], e.lo, e.hi);
            asc__hull(&r->gain_ci[0], &r->gain_ci[1], e.gain_lo, e.gain_hi);
        }
        add_drift(d);
    }
    asc__worlds_free(all);
    return st;
}

/* ---- steps ---- */

/* Mean objective of w at another budget: over the deciding worlds, or at the estimate. */
static double at_budget(asc__session *s, const double *w, double n_tokens)
{
    asc__problem p = s->problem;
    p.n_tokens = n_tokens;
    if (!p.worlds)
        return asc__problem_objective(&p, w);
    asc__problem_tokens(&p, w, p.tokens);
    return asc__worlds_eval(p.worlds, p.tokens, NULL);
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
    bool knows = laws->tokens_hi > 1.5 * laws->tokens_lo && !s->ddo && !s->steps && !s->corner;
    r->steps_saved = NAN;
    if (!knows || !isfinite(r->gain) || r->gain < 0 || asc_interrupted())
        return;
    double lo = log(1e-3), hi = 0;
    sooner a = {s, at_budget(s, s->uniform, r->budget)};
    if (lacking(&a, lo) < 0)
        return; /* the law hardly knows tokens */
    asc_bisect(&hi, &lo, lacking, &a, 30);
    r->steps_saved = 1 - exp(hi);
}

/* ---- what choosing costs ---- */

/* The least of many estimates is one that erred to the low side: where the runs leave a mixture open in many directions
 * the answer goes where their noise happens to point. How far is known from the draws: each is to the fit as the fit is
 * to the truth, so what draw k promises of its own optimum w_k beside the answer w, and what the law that it is a draw
 * of says of both, differ by as much as the fit's own promise errs. Intervals reach that much further to the worse
 * side. */
static double promise(double own_w, double own_wk, double law_w, double law_wk)
{
    return (law_wk - law_w) - (own_wk - own_w);
}

static void add_optimism(spread *d)
{
    asc_mix_result *r = &d->s->r;
    size_t n = 0;
    for (size_t k = 0; k < d->K; k++)
        if (d->known[k] && isfinite(d->optimism[k]))
            d->gain[n++] = d->optimism[k];
    if (n < ASC__FEWEST_DRAWS)
        return;
    double more = fmax(asc_quantile(d->gain, n, .5), 0);
    r->ci[1] += more;
    r->gain_ci[0] -= more;
}

/* ---- shares: each draw's own optimum ---- */

static void solve_draw(void *ctx, size_t k)
{
    spread *d = ctx;
    const asc__session *s = d->s;
    size_t D = s->D;
    assert(k < d->K);
    double *w = d->w + k * D, *work = d->work + k * d->per_draw;
    asc_law_set view, law = *s->laws;
    asc_law centre[law.n_laws];
    if (asc_interrupted() || asc__world_that_decides(&view, s->laws, k, NULL) != ASC_OK)
        return;
    asc__problem p = s->problem, q;
    p.laws = &view;
    p.worlds = NULL;
    p.tokens = work;
    p.part = work + D;
    p.loss = work + 2 * D;
    q = p;
    q.laws = &law;
    law.laws = centre;
    asc__world_centre(centre, s->laws, &view);
    asc__objective_fn fn = s->fn;
    fn.ctx = &p;
    memcpy(w, s->r.weights, D * sizeof *w);
    double value = asc__problem_objective(&p, w), expected = asc__problem_objective(&q, w);
    d->known[k] = isfinite(value);
    if (s->exact)
        asc__solve_ddo(s, w, asc_ddo_axes_of(view.laws), s->lo, s->hi);
    else if (d->known[k])
        asc__solve_from(s, &fn, w, work + 2 * D + s->laws->n_targets, 200);
    if (d->far && d->known[k]) {
        fn.lo = d->far_lo;
        fn.hi = d->far_hi;
        memcpy(d->far + k * D, w, D * sizeof *w);
        if (s->exact)
            asc__solve_ddo(s, d->far + k * D, asc_ddo_axes_of(view.laws), d->far_lo, d->far_hi);
        else
            asc__solve_from(s, &fn, d->far + k * D, work + 2 * D + s->laws->n_targets, 200);
    }
    if (d->known[k])
        d->optimism[k] = promise(value, asc__problem_objective(&p, w), expected, asc__problem_objective(&q, w));
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
    d->optimism[k] = 0;
    for (size_t i = 0; i < s->D; i++)
        d->optimism[k] -= (w[i] - s->r.weights[i]) * d->noise[k * s->D + i];
    d->known[k] = true;
}

/* Of the slope of draw k what the law that it is a draw of has not. */
static void part_noise(void *ctx, size_t k)
{
    spread *d = ctx;
    const asc__session *s = d->s;
    assert(k < s->worlds->n);
    asc_law_set law = *s->laws;
    asc_law centre[law.n_laws];
    double *out = d->noise + k * s->D;
    if (asc_interrupted())
        return;
    asc__world_centre(centre, s->laws, &s->worlds->view[k]);
    law.laws = centre;
    law.objective = *s->problem.objective;
    asc_law_set_gradient(&law, d->tokens, s->problem.params, out);
    for (size_t i = 0; i < s->D; i++)
        out[i] = d->slope[i] * (s->worlds->gradient[k * s->D + i] - out[i]);
}

/* The deciding draws' own slopes about the answer, moved by what the objective has beside their mean (a prior; all of
 * the difference where the estimate decides). */
static asc_status expand(spread *d)
{
    asc__session *s = d->s;
    size_t D = s->D;
    double *own = s->problem.part, *mean = s->work + 4 * D, *tokens = s->problem.tokens;
    asc__problem_tokens(&s->problem, s->r.weights, tokens);
    if (!s->worlds)
        ASC_TRY(asc__worlds_create(&s->worlds, &s->problem, asc__deciding_draws(s), true, tokens, s->err));
    assert(s->worlds);
    size_t n = d->K = s->worlds->n;
    assert(n <= asc__draws_that_count(s->laws));
    d->gradient = asc_calloc(n + 1, D * sizeof *d->gradient);
    d->hessian = asc_calloc(D + 1, D * sizeof *d->hessian);
    d->noise = asc_calloc(n + 1, D * sizeof *d->noise);
    if (!d->gradient || !d->hessian || !d->noise)
        return ASC_NOMEM(s->err);
    d->slope = d->hessian + D * D;
    d->tokens = tokens;
    asc__hessian(d->hessian, own, s->r.weights, &s->fn, s->work);
    asc__problem_tokens(&s->problem, s->r.weights, tokens);
    asc__worlds_eval(s->worlds, tokens, mean);
    for (size_t i = 0; i < D; i++) {
        double at = s->r.weights[i] * s->problem.n_tokens, slope = s->problem.n_tokens;
        if (s->problem.available)
            slope *= asc__effective_slope(at, s->problem.available[i]);
        d->slope[i] = slope;
        for (size_t k = 0; k < n; k++)
            d->gradient[k * D + i] = slope * (s->worlds->gradient[k * D + i] - mean[i]) + own[i];
    }
    asc_parallel_for(s->problem.n_threads, n, part_noise, d);
    asc_parallel_for(s->problem.n_threads, n, expand_draw, d);
    return ASC_OK;
}

/* Of share i over the optima w (K,D) of the draws. False: too few of them. */
static bool share_interval(const spread *d, const double *w, size_t i, double *column, double *lo, double *hi)
{
    size_t m = 0, D = d->s->D;
    for (size_t k = 0; k < d->K; k++)
        if (d->known[k])
            column[m++] = w[k * D + i];
    if (m < ASC__FEWEST_DRAWS)
        return false;
    interval(column, m, d->s->o.level, lo, hi);
    return true;
}

/* The answer keeps to what was sampled; where the best share lies, nobody has said that it does: the interval holds
 * what the draws make of it within the sampled range and without. */
static void shares(const spread *d, double *column)
{
    const asc__session *s = d->s;
    asc_mix_result *r = &d->s->r;
    double lo, hi;
    for (size_t i = 0; i < s->D; i++) {
        if (!share_interval(d, d->w, i, column, &r->w_lo[i], &r->w_hi[i]))
            continue;
        asc__hold(r->weights[i], &r->w_lo[i], &r->w_hi[i]);
        if (d->far && share_interval(d, d->far, i, column, &lo, &hi))
            asc__hull(&r->w_lo[i], &r->w_hi[i], lo, hi);
    }
}

/* Limits without the sampled range (of a star's undetermined shares: the neighbourhood of the base), and room for the
 * optima within them, where that range holds anything. A share of which a star says nothing stays at its base. */
static asc_status look_far(spread *d)
{
    asc__session *s = d->s;
    size_t D = s->D;
    bool holds = false;
    asc_mix_opts o = s->o;
    for (size_t i = 0; i < D; i++)
        holds |= s->kind_lo[i] == ASC_AT_TRUST || s->kind_hi[i] == ASC_AT_TRUST;
    if (!holds)
        return ASC_OK;
    asc_bound *kind = asc_calloc(2 * D, sizeof *kind);
    d->far = asc_calloc(d->K + 2, D * sizeof *d->far);
    asc_status st = kind && d->far ? ASC_OK : ASC_NOMEM(s->err);
    if (st == ASC_OK) {
        o.trust = 0;
        d->far_lo = d->far + d->K * D;
        d->far_hi = d->far_lo + D;
        st = asc_mix_limits(d->far_lo, d->far_hi, kind, kind + D, &o, NULL, NULL, s->laws->domains, D, s->err);
        for (size_t i = 0; i < D && s->ddo; i++)
            if (asc__has_no_curve(s->laws->laws, i)) {
                d->far_lo[i] = s->lo[i];
                d->far_hi[i] = s->hi[i];
            }
    }
    asc_free(kind);
    return st;
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
    d->optimism = asc_calloc(K, sizeof *d->optimism);
    for (size_t k = 0; d->optimism && k < K; k++)
        d->optimism[k] = NAN;
    return d->w && d->known && d->work && d->answer && d->uniform && d->gain && d->optimism;
}

static asc_status all_of_it(spread *d)
{
    asc__session *s = d->s;
    if (!allocate(d))
        return ASC_NOMEM(s->err);
    ASC_TRY(objective(d));
    if (s->steps || s->corner)
        return ASC_OK;
    asc__tell(s, "optimize: intervals", 0, (double)d->K);
    if (s->large && s->problem.worlds)
        ASC_TRY(expand(d));
    else {
        ASC_TRY(look_far(d));
        asc_parallel_for(s->problem.n_threads, d->K, solve_draw, d);
    }
    asc__tell(s, "optimize: intervals", (double)d->K, (double)d->K);
    add_optimism(d);
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
            asc_notes_say(&r->notes, NO_DRAWS);
        return ASC_OK;
    }
    asc_status st = all_of_it(&d);
    if (st == ASC_OK && d.n_gains)
        r->p_better = asc__odds_above(r->gain, r->gain_ci[0], r->gain_ci[1], s->o.level, d.n_gains);
    asc_free(d.w);
    asc_free(d.known);
    asc_free(d.work);
    asc_free(d.answer);
    asc_free(d.uniform);
    asc_free(d.gain);
    asc_free(d.far);
    asc_free(d.optimism);
    asc_free(d.noise);
    asc_free(d.gradient);
    asc_free(d.hessian);
    return st;
}
