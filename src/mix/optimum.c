/* The best mixture at a budget: limits, starts, solution, certificate, intervals, notes. */
#include "optimum.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Everything one call works with. */
typedef struct session {
    const asc_law_set *laws;
    asc_mix_opts o;
    asc__problem problem;
    asc__objective_fn fn;
    asc_mix_result r;
    size_t D;
    bool ddo, steps, exact;
    double *lo, *hi, *uniform, *work; /* (D), (D), (D), solver's */
    double *share, ratio;             /* ddo: (D) shares of the base, budget / base tokens */
    asc_bound *kind_lo, *kind_hi;     /* (D) */
    double *block;
    asc_error *err;
} session;

void asc_mix_result_clear(asc_mix_result *r)
{
    if (!r)
        return;
    asc_free(r->weights);
    asc_free(r->tokens);
    asc_free(r->w_lo);
    asc_free(r->w_hi);
    asc_free(r->bound);
    asc_free(r->epochs);
    asc_notes_clear(&r->notes);
    *r = (asc_mix_result){0};
}

static size_t work_doubles(size_t D)
{
    return ASC__SOLVE_DOUBLES * D + 2 * D * D;
}

static asc_status allocate(session *s)
{
    size_t D = s->D, V = s->laws->n_targets;
    asc_mix_result *r = &s->r;
    r->n_domains = D;
    r->weights = asc_calloc(D, sizeof *r->weights);
    r->tokens = asc_calloc(D, sizeof *r->tokens);
    r->w_lo = asc_calloc(D, sizeof *r->w_lo);
    r->w_hi = asc_calloc(D, sizeof *r->w_hi);
    r->bound = asc_calloc(D, sizeof *r->bound);
    r->epochs = asc_calloc(D, sizeof *r->epochs);
    s->block = asc_calloc(6 * D + V + work_doubles(D), sizeof *s->block);
    s->kind_lo = asc_calloc(2 * D, sizeof *s->kind_lo);
    if (!r->weights || !r->tokens || !r->w_lo || !r->w_hi || !r->bound || !r->epochs || !s->block || !s->kind_lo)
        return ASC_NOMEM(s->err);
    s->kind_hi = s->kind_lo + D;
    s->lo = s->block;
    s->hi = s->lo + D;
    s->uniform = s->hi + D;
    s->problem.tokens = s->uniform + D;
    s->problem.part = s->problem.tokens + D;
    s->problem.loss = s->problem.part + D;
    s->share = s->problem.loss + V;
    s->work = s->share + D;
    return ASC_OK;
}

/* ---- what is asked ---- */

static asc_status settle_options(session *s)
{
    const asc_law_set *laws = s->laws;
    asc_mix_opts *o = &s->o;
    s->ddo = laws->n_laws == 1 && laws->laws[0].family == ASC_LAW_DDO;
    s->steps = asc__problem_has_steps(laws);
    if (s->ddo && o->objective && !asc__same_objective(o->objective, &laws->objective)) {
        char name[200];
        asc_objective_name(&laws->objective, laws->targets, name, sizeof name);
        return ASC_FAIL(s->err, ASC_EINVAL,
                        "objective: this ddo law was fitted to %s and holds for no other; fit it again", name);
    }
    if (isnan(o->trust))
        o->trust = s->ddo ? 0 : 1.25;
    if (o->trust != 0 && !(o->trust >= 1))
        return ASC_FAIL(s->err, ASC_EINVAL, "trust: expected a factor >= 1, or off; found %g", o->trust);
    if (!(o->kl >= 0))
        return ASC_FAIL(s->err, ASC_EINVAL, "kl: expected a weight >= 0, found %g", o->kl);
    if (o->level == 0)
        o->level = .9;
    bool sized = false;
    for (size_t v = 0; v < laws->n_laws; v++)
        sized |= laws->laws[v].has_params;
    if (isnan(o->params)) {
        o->params = laws->params_hi;
        if (sized)
            asc_notes_add(&s->r.notes, "no model size was given: the largest of the table, %.4g parameters, is taken",
                          o->params);
    }
    return ASC_OK;
}

/* A share whose effect the runs do not determine stays near the base. */
static void hold_undetermined(session *s)
{
    const asc_law *l = &s->laws->laws[0];
    double total = 0;
    for (size_t i = 0; i < s->D && l->base; i++)
        total += l->base[i];
    asc_buf names = {0};
    for (size_t i = 0; s->ddo && l->undetermined && i < s->D; i++) {
        if (!l->undetermined[i])
            continue;
        double near = l->base[i] / total, lo = fmin(near / 1.25, s->hi[i]), hi = fmax(near * 1.25, s->lo[i]);
        if (lo > s->lo[i]) {
            s->lo[i] = lo;
            s->kind_lo[i] = ASC_AT_TRUST;
        }
        if (hi < s->hi[i]) {
            s->hi[i] = hi;
            s->kind_hi[i] = ASC_AT_TRUST;
        }
        asc_buf_printf(&names, "%s%s", names.len ? ", " : "", s->laws->domains[i]);
    }
    if (names.len && !names.oom)
        asc_notes_add(&s->r.notes, "undetermined by these runs, so held within 1.25 x of the base's share: %s",
                      names.data);
    asc_buf_clear(&names);
}

static bool feasible(const session *s)
{
    double least = 0, most = 0;
    for (size_t i = 0; i < s->D; i++) {
        least += s->lo[i];
        most += s->hi[i];
    }
    return least <= 1 + 1e-12 && most >= 1 - 1e-12;
}

/* KL from a prior that has nothing of a domain is infinite for any share of it: it is kept at its least, unless the
 * others may not hold what that leaves. */
static void hold_to_prior(session *s)
{
    double most = 0;
    for (size_t i = 0; i < s->D; i++)
        most += s->o.prior[i] == 0 ? s->lo[i] : s->hi[i];
    for (size_t i = 0; i < s->D && most >= 1; i++)
        if (s->o.prior[i] == 0) {
            s->hi[i] = s->lo[i];
            s->kind_hi[i] = s->kind_lo[i];
        }
}

static asc_status set_limits(session *s)
{
    const asc_law_set *laws = s->laws;
    ASC_TRY(asc_mix_limits(s->lo, s->hi, s->kind_lo, s->kind_hi, &s->o, laws->share_lo, laws->share_hi, laws->domains,
                           s->D, s->err));
    hold_undetermined(s);
    if (!feasible(s)) { /* other bounds need those shares: let them go again */
        asc_notes_add(&s->r.notes, "the bounds leave no mixture that holds undetermined domains near the base");
        ASC_TRY(asc_mix_limits(s->lo, s->hi, s->kind_lo, s->kind_hi, &s->o, laws->share_lo, laws->share_hi,
                               laws->domains, s->D, s->err));
    }
    if (s->o.prior && s->o.kl > 0)
        hold_to_prior(s);
    return ASC_OK;
}

/* Uniform as somebody would run it: capped by what is available, by nothing else. */
static asc_status set_uniform(session *s)
{
    double *even = s->work, *none = s->work + s->D;
    bool capped = false;
    for (size_t i = 0; i < s->D; i++) {
        even[i] = 1. / (double)s->D;
        none[i] = 0;
        s->work[2 * s->D + i] = s->kind_hi[i] == ASC_AT_AVAILABLE ? s->hi[i] : 1;
        capped |= even[i] > s->work[2 * s->D + i];
    }
    asc__project(s->uniform, even, NULL, none, s->work + 2 * s->D, s->D);
    if (capped)
        asc_notes_add(&s->r.notes, "uniform would need more tokens than are available: it is capped too");
    return ASC_OK;
}

static void set_problem(session *s)
{
    asc__problem *p = &s->problem;
    p->laws = s->laws;
    p->objective = s->o.objective ? s->o.objective : &s->laws->objective;
    p->single = s->ddo;
    p->n_tokens = (double)s->o.n_tokens;
    p->params = s->o.params;
    p->available = s->o.no_repetition ? NULL : s->o.available;
    p->prior = s->o.prior;
    p->kl = s->o.prior ? s->o.kl : 0;
    s->fn = (asc__objective_fn){.eval = asc__problem_eval, .ctx = p, .n = s->D, .lo = s->lo, .hi = s->hi};
    s->exact = s->ddo && p->kl == 0;
    for (size_t i = 0; p->available && i < s->D; i++)
        if (s->hi[i] * p->n_tokens > p->available[i])
            s->exact = false; /* repetition bends the axes */
}

/* ---- solving ---- */

/* Shares of the base run and budget / base; share (D). */
static double base_shares(const session *s, double *share)
{
    const double *base = s->laws->laws[0].base;
    double n_base = 0;
    for (size_t i = 0; i < s->D; i++)
        n_base += base[i];
    for (size_t i = 0; i < s->D; i++)
        share[i] = base[i] / n_base;
    return (double)s->o.n_tokens / n_base;
}

static void solve_ddo(const session *s, double *w, const double *a, const double *b)
{
    asc_ddo_solve(w, a, b, s->share, s->ratio, s->lo, s->hi, s->D);
    for (size_t i = 0; i < s->D; i++)
        w[i] = fmin(fmax(w[i] * s->share[i] / s->ratio, s->lo[i]), s->hi[i]);
}

/* From one start to a minimum: for `worst` the maximum is sharpened step by step. */
static double solve_from(const session *s, const asc__objective_fn *fn, double *w, double *work, int max_steps)
{
    asc__problem *p = fn->ctx;
    if (p->objective->kind == ASC_OBJ_WORST && !p->single) {
        for (p->smooth = .1; p->smooth > 2e-6; p->smooth *= .1)
            asc__solve(w, fn, max_steps, work);
        p->smooth = 1e-5;
    }
    double value = asc__solve(w, fn, max_steps, work);
    return s->steps ? asc__exchange(w, fn, work) : value;
}

/* Random mixtures within the bounds; the best of them start the search beside uniform, the sampled mean and the prior.
 */
static asc_status random_starts(const session *s, double *starts, size_t n_starts, size_t n_random)
{
    size_t D = s->D;
    double *w = asc_calloc(n_random, (D + 1) * sizeof *w), *even = asc_calloc(D, sizeof *even);
    asc_status st = w && even ? ASC_OK : ASC_NOMEM(s->err);
    for (size_t i = 0; even && i < D; i++)
        even[i] = 1. / (double)D;
    if (st == ASC_OK)
        st = asc_design_dirichlet(w, n_random, even, D, (double)D, NULL, NULL, s->o.seed, s->err);
    for (size_t k = 0; st == ASC_OK && k < n_random; k++) {
        double *wk = w + k * D;
        asc__project(wk, wk, NULL, s->lo, s->hi, D);
        w[n_random * D + k] = s->fn.eval(s->fn.ctx, wk, NULL);
    }
    for (size_t j = 0; st == ASC_OK && j < n_starts; j++) {
        size_t best = 0;
        for (size_t k = 1; k < n_random; k++)
            if (w[n_random * D + k] < w[n_random * D + best])
                best = k;
        memcpy(starts + j * D, w + best * D, D * sizeof *w);
        w[n_random * D + best] = INFINITY;
    }
    asc_free(w);
    asc_free(even);
    return st;
}

static void sampled_mean(const session *s, double *w)
{
    double total = 0;
    for (size_t i = 0; i < s->D; i++)
        total += s->laws->base_tokens ? s->laws->base_tokens[i] : 1;
    for (size_t i = 0; i < s->D; i++)
        w[i] = (s->laws->base_tokens ? s->laws->base_tokens[i] : 1) / total;
}

static asc_status solve_general(session *s)
{
    enum { RANDOM = 6, STARTS = RANDOM + 3 };
    size_t D = s->D, agree = 0;
    double *starts = asc_calloc(STARTS, D * sizeof *starts), values[STARTS], best = INFINITY;
    if (!starts)
        return ASC_NOMEM(s->err);
    memcpy(starts, s->uniform, D * sizeof *starts);
    sampled_mean(s, starts + D);
    memcpy(starts + 2 * D, s->o.prior ? s->o.prior : s->uniform, D * sizeof *starts);
    if (s->ddo)
        solve_ddo(s, starts + 2 * D, s->laws->laws[0].params + 1, s->laws->laws[0].params + 1 + D);
    asc_status st = random_starts(s, starts + 3 * D, RANDOM, s->steps ? 20000 : 256);
    for (size_t k = 0; st == ASC_OK && k < STARTS; k++) {
        values[k] = solve_from(s, &s->fn, starts + k * D, s->work, 1000);
        if (values[k] < best) {
            best = values[k];
            memcpy(s->r.weights, starts + k * D, D * sizeof *starts);
        }
    }
    if (st == ASC_OK && !isfinite(best))
        st = ASC_FAIL(s->err, ASC_ENUMERIC, "optimize: the law predicts nothing finite within these bounds");
    for (size_t k = 0; st == ASC_OK && k < STARTS; k++)
        agree += values[k] <= best + 1e-6;
    if (st == ASC_OK && agree < STARTS)
        asc_notes_add(&s->r.notes,
                      "%zu of %d starts ended at the answer, the others at worse mixtures: the best is taken", agree,
                      (int)STARTS);
    asc_free(starts);
    return st;
}

/* ---- intervals ---- */

typedef struct draws {
    const session *s;
    double *w;      /* (K,D) optimum of each draw */
    double *answer; /* (K) J of the answer */
    double *gain;   /* (K) J of uniform less that */
    double *work;   /* (K, doubles of one solve + 2D + V) */
    size_t per_draw;
} draws;

static void solve_draw(void *ctx, size_t k)
{
    const draws *d = ctx;
    const session *s = d->s;
    size_t D = s->D;
    double *w = d->w + k * D, *work = d->work + k * d->per_draw;
    asc_law_set view;
    d->answer[k] = NAN;
    if (asc_law_set_draw_view(&view, s->laws, k, NULL) != ASC_OK)
        return;
    asc__problem p = s->problem;
    p.laws = &view;
    p.tokens = work;
    p.part = work + D;
    p.loss = work + 2 * D;
    asc__objective_fn fn = s->fn;
    fn.ctx = &p;
    d->answer[k] = asc__problem_objective(&p, s->r.weights);
    d->gain[k] = asc__problem_objective(&p, s->uniform) - d->answer[k];
    memcpy(w, s->r.weights, D * sizeof *w);
    if (s->exact)
        solve_ddo(s, w, view.laws[0].params + 1, view.laws[0].params + 1 + D);
    else if (!s->steps)
        solve_from(s, &fn, w, work + 2 * D + s->laws->n_targets, 200);
    asc_law_set_view_free(&view);
}

static size_t keep_finite(double *v, const double *answer, size_t n, size_t stride)
{
    size_t m = 0;
    for (size_t k = 0; k < n; k++)
        if (isfinite(answer[k]) && isfinite(v[k * stride]))
            v[m++ * stride] = v[k * stride];
    return m;
}

static void interval(double *v, size_t n, double level, double *lo, double *hi)
{
    *lo = asc_quantile(v, n, .5 - level / 2);
    *hi = asc_quantile(v, n, .5 + level / 2);
}

/* The same about an estimate: moved so that the draws' median lies on it. Refits of resamples are off to one side by a
 * little (fewer separate runs, curved laws), which says nothing of which side the truth is on; as they are, an estimate
 * could lie outside of its own interval. */
static void interval_about(double estimate, double *v, size_t n, double level, double *lo, double *hi)
{
    interval(v, n, level, lo, hi);
    double shift = estimate - asc_quantile(v, n, .5);
    *lo += shift;
    *hi += shift;
}

static void summarise(session *s, draws *d, size_t K, double *column)
{
    asc_mix_result *r = &s->r;
    for (size_t i = 0; i < s->D; i++) {
        size_t m = 0;
        for (size_t k = 0; k < K; k++)
            if (isfinite(d->answer[k]))
                column[m++] = d->w[k * s->D + i];
        interval(column, m, s->o.level, &r->w_lo[i], &r->w_hi[i]);
        if (s->steps)
            r->w_lo[i] = r->w_hi[i] = NAN;
    }
    size_t m = keep_finite(d->gain, d->answer, K, 1);
    interval_about(r->gain, d->gain, m, s->o.level, &r->gain_ci[0], &r->gain_ci[1]);
    m = keep_finite(d->answer, d->answer, K, 1);
    interval_about(r->predicted, d->answer, m, s->o.level, &r->ci[0], &r->ci[1]);
}

static asc_status intervals(session *s)
{
    size_t D = s->D, K = s->o.no_intervals ? 0 : asc_law_set_n_draws(s->laws);
    asc_mix_result *r = &s->r;
    r->ci[0] = r->ci[1] = r->gain_ci[0] = r->gain_ci[1] = NAN;
    for (size_t i = 0; i < D; i++)
        r->w_lo[i] = r->w_hi[i] = NAN;
    if (K < 20) {
        if (!s->o.no_intervals)
            asc_notes_add(&r->notes, "no intervals: the law holds no draws of its parameters");
        return ASC_OK;
    }
    draws d = {.s = s, .per_draw = 2 * D + s->laws->n_targets + work_doubles(D)};
    d.w = asc_calloc(K, D * sizeof *d.w);
    d.answer = asc_calloc(K, sizeof *d.answer);
    d.gain = asc_calloc(K, sizeof *d.gain);
    d.work = asc_calloc(K, d.per_draw * sizeof *d.work);
    double *column = asc_calloc(K, sizeof *column);
    asc_status st = d.w && d.answer && d.gain && d.work && column ? ASC_OK : ASC_NOMEM(s->err);
    if (st == ASC_OK) {
        asc_parallel_for(s->o.n_threads > 0 ? s->o.n_threads : 1, K, solve_draw, &d);
        summarise(s, &d, K, column);
    }
    asc_free(d.w);
    asc_free(d.answer);
    asc_free(d.gain);
    asc_free(d.work);
    asc_free(column);
    return st;
}

/* ---- the answer in whole tokens, and what there is to say about it ---- */

static asc_status set_tokens(session *s)
{
    asc_mix_result *r = &s->r;
    size_t D = s->D;
    int64_t *cap = asc_calloc(D, sizeof *cap);
    if (!cap)
        return ASC_NOMEM(s->err);
    for (size_t i = 0; i < D; i++) {
        double most =
            s->kind_hi[i] == ASC_AT_AVAILABLE ? round(s->hi[i] * (double)s->o.n_tokens) : (double)s->o.n_tokens;
        double room =
            s->o.available && !isinf(s->o.available[i])
                ? s->o.available[i] * (s->o.epochs && !isnan(s->o.epochs[i]) ? s->o.epochs[i] : s->o.max_epochs)
                : INFINITY;
        cap[i] = (int64_t)fmin(fmax(most, 0), fmin(floor(room), 9e15));
    }
    asc_status st = asc_mixture_tokens(r->tokens, NULL, r->weights, D, s->o.n_tokens, cap, s->err);
    for (size_t i = 0; i < D; i++) {
        double unique = s->o.available ? s->o.available[i] : NAN;
        r->epochs[i] = isfinite(unique) ? (double)r->tokens[i] / unique : NAN;
        double w = r->weights[i];
        r->bound[i] = w <= s->lo[i] + 1e-9 ? s->kind_lo[i] : w >= s->hi[i] - 1e-9 ? s->kind_hi[i] : ASC_FREE;
    }
    asc_free(cap);
    return st;
}

/* "a, b" of the domains for which yes(i) holds, appended to a note. */
static void list_domains(session *s, const bool *yes, const char *fmt)
{
    asc_buf names = {0};
    for (size_t i = 0; i < s->D; i++)
        if (yes[i])
            asc_buf_printf(&names, "%s%s", names.len ? ", " : "", s->laws->domains[i]);
    if (names.len && !names.oom)
        asc_notes_add(&s->r.notes, "%s: %s", fmt, names.data);
    asc_buf_clear(&names);
}

static void note_bounds(session *s, bool *yes)
{
    for (size_t i = 0; i < s->D; i++)
        yes[i] = s->r.bound[i] == ASC_AT_TRUST && s->o.trust > 0;
    list_domains(s, yes, "held near the shares that were sampled (the trust region binds; --trust off lets go)");
    for (size_t i = 0; i < s->D; i++)
        yes[i] = s->r.epochs[i] > 1;
    list_domains(s, yes,
                 s->o.no_repetition ? "seen more than once"
                                    : "seen more than once, repeated tokens counting less [M23]");
    for (size_t i = 0; i < s->D; i++)
        yes[i] = s->o.prior && s->o.kl > 0 && s->o.prior[i] == 0;
    list_domains(s, yes, "the prior has nothing of these, so they are kept at their least where the others allow it");
    bool outside = false;
    for (size_t i = 0; i < s->D; i++) {
        double w = s->r.weights[i];
        yes[i] = s->laws->share_lo && (w < s->laws->share_lo[i] / 1.25 || w > s->laws->share_hi[i] * 1.25);
        outside |= yes[i];
    }
    if (outside && !s->ddo && s->o.trust == 0)
        list_domains(s, yes, "outside the range of shares that were sampled, where the law is a guess");
}

static void note_other_root(session *s)
{
    const asc_law *l = &s->laws->laws[0];
    size_t D = s->D, n_other = 0;
    double *a = s->work + D, *b = a + D, *w = b + D;
    for (size_t i = 0; l->other && i < D; i++) {
        bool there = isfinite(l->other[i]) && isfinite(l->other[D + i]) && l->other[D + i] > 0;
        a[i] = there ? l->other[i] : l->params[1 + i];
        b[i] = there ? l->other[D + i] : l->params[1 + D + i];
        n_other += there;
    }
    if (n_other == 0 || !s->exact)
        return;
    solve_ddo(s, w, a, b);
    asc_buf text = {0};
    for (size_t i = 0; i < D; i++)
        asc_buf_printf(&text, "%s%s %.3f", i ? ", " : "", s->laws->domains[i], w[i]);
    if (!text.oom)
        asc_notes_add(&s->r.notes, "%zu domains have a second exact root; taken instead, the optimum would be %s",
                      n_other, text.data);
    asc_buf_clear(&text);
}

static void note_ddo(session *s, bool *yes)
{
    const asc_law *l = &s->laws->laws[0];
    double n_base = 0;
    for (size_t i = 0; i < s->D; i++)
        n_base += l->base[i];
    for (size_t i = 0; i < s->D; i++) {
        double x = s->r.weights[i] * (double)s->o.n_tokens / l->base[i];
        double lo = l->x_lo ? l->x_lo[i] : 1. / 3, hi = l->x_hi ? l->x_hi[i] : 3;
        yes[i] = x < lo * (1 - 1e-9) || x > hi * (1 + 1e-9);
    }
    list_domains(s, yes, "outside the measured range of tokens (base x 1/3 to 3), where the fit is a guess");
    if (fabs((double)s->o.n_tokens / n_base - 1) > 1e-3)
        asc_notes_add(
            &s->r.notes,
            "the runs were made at %.4g tokens, %.3g were asked for: for another budget measure optima at two "
            "scales and use `autoscale predict`",
            n_base, (double)s->o.n_tokens);
    asc_notes_add(
        &s->r.notes,
        "ddo adds up effects measured one by one and promises too much (in the paper 1.63 PPL, 1.15 measured)");
    note_other_root(s);
}

static asc_status note_all(session *s)
{
    bool *yes = asc_calloc(s->D, sizeof *yes);
    if (!yes)
        return ASC_NOMEM(s->err);
    note_bounds(s, yes);
    if (s->ddo)
        note_ddo(s, yes);
    if (s->steps)
        asc_notes_add(&s->r.notes,
                      "boosted trees have no slope: the best of 20000 mixtures and of exchanges between shares; no "
                      "certificate, no interval of weights");
    if (s->problem.objective->kind == ASC_OBJ_WORST && !s->ddo)
        asc_notes_add(&s->r.notes,
                      "worst domain: the maximum is smoothed by %.0e nats, the answer within %.0e of the best",
                      s->problem.smooth, s->problem.smooth * log((double)s->laws->n_targets + 1));
    if (s->r.gain < 0)
        asc_notes_add(&s->r.notes, "worse than uniform by the law: the bounds or the prior ask for it");
    else if (s->r.gain_ci[0] <= 0)
        asc_notes_add(&s->r.notes, "the gain over uniform is within its uncertainty");
    double n = (double)s->o.n_tokens;
    bool by_tokens = !s->ddo && s->laws->tokens_hi > 0;
    if (by_tokens && (n > 1.001 * s->laws->tokens_hi || n < .999 * s->laws->tokens_lo)) {
        bool knows = false;
        for (size_t v = 0; v < s->laws->n_laws; v++)
            knows |= s->laws->laws[v].has_tokens || s->laws->laws[v].family == ASC_LAW_EFFECTIVE;
        asc_notes_add(&s->r.notes,
                      knows ? "the budget lies outside the %.3g .. %.3g tokens of the table: extrapolated"
                            : "all runs have %.3g .. %.3g tokens: the law cannot tell another budget apart",
                      s->laws->tokens_lo, s->laws->tokens_hi);
    }
    asc_free(yes);
    return ASC_OK;
}

static asc_status solve_all(session *s)
{
    ASC_TRY(settle_options(s));
    ASC_TRY(set_limits(s));
    ASC_TRY(set_uniform(s));
    set_problem(s);
    if (s->ddo)
        s->ratio = base_shares(s, s->share);
    if (s->exact)
        solve_ddo(s, s->r.weights, s->laws->laws[0].params + 1, s->laws->laws[0].params + 1 + s->D);
    else
        ASC_TRY(solve_general(s));
    s->r.predicted = asc__problem_objective(&s->problem, s->r.weights);
    s->r.uniform = asc__problem_objective(&s->problem, s->uniform);
    s->r.gain = s->r.uniform - s->r.predicted;
    s->r.kkt = s->steps ? NAN : asc__kkt(s->r.weights, &s->fn, s->work);
    s->r.budget = (double)s->o.n_tokens;
    s->r.params = s->o.params;
    if (!isfinite(s->r.predicted))
        return ASC_FAIL(s->err, ASC_ENUMERIC, "optimize: the law predicts nothing finite at its optimum");
    ASC_TRY(intervals(s));
    ASC_TRY(set_tokens(s));
    return note_all(s);
}

asc_status asc_mix_optimum(asc_mix_result *out, const asc_law_set *laws, const asc_mix_opts *o, asc_error *err)
{
    session s = {.laws = laws, .o = *o, .D = laws->n_domains, .err = err};
    asc_status st = allocate(&s);
    if (st == ASC_OK)
        st = solve_all(&s);
    asc_free(s.block);
    asc_free(s.kind_lo);
    if (st == ASC_OK)
        *out = s.r;
    else
        asc_mix_result_clear(&s.r);
    return st;
}
