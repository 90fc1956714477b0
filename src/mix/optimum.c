/* The best mixture at a budget N:
 *
 *     minimise  J(w) = objective(L_1(N w), ..., L_V(N w)) + kl * KL(w || prior)
 *     over      sum_i w_i = 1,  lo_i <= w_i <= hi_i
 *
 * L_v are the laws at the estimate, or J is its mean over the laws' draws (docs/method.md#deciding-under-uncertainty).
 * Where tokens repeat, N w_i is replaced by the tokens that they are worth [M23]. solve() below tells it from start to
 * end; the minimum from several starts is starts.c, intervals are spread.c, the draws worlds.c, sentences said.c. */
#include "session.h"
#include "spec/spec_objective.h"

#include <assert.h>
#include <math.h>
#include <string.h>

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
    asc_free(r->trades);
    asc_notes_clear(&r->notes);
    *r = (asc_mix_result){0};
}

size_t asc__work_doubles(size_t D)
{
    return ASC__SOLVE_DOUBLES * D + 2 * D * D;
}

static asc_status allocate(asc__session *s)
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
    s->block = asc_calloc(6 * D + V + asc__work_doubles(D), sizeof *s->block);
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

/* Which kind of law decides, and what stands for options that were not given. */
static asc_status settle_options(asc__session *s)
{
    const asc_law_set *laws = s->laws;
    asc_mix_opts *o = &s->o;
    s->ddo = asc_law_set_of_objective(laws);
    s->steps = asc__problem_has_steps(laws) && !asc__laws_may_decide(laws);
    if (s->ddo && o->objective && !asc__same_objective(o->objective, &laws->objective)) {
        char name[200];
        const asc_target_names names = {laws->targets, laws->n_targets, laws->domains, laws->n_domains};
        asc_objective_word(&laws->objective, &names, name, sizeof name);
        return ASC_FAIL(s->err, ASC_EINVAL,
                        "objective: this ddo law was fitted to %s and holds for no other objective; refit it", name);
    }
    s->corner = !s->ddo && !s->steps && !asc__laws_may_decide(laws);
    if (isnan(o->trust))
        o->trust = s->ddo ? 0 : 1.25;
    if (o->trust != 0 && !(o->trust >= 1))
        return ASC_FAIL(s->err, ASC_EINVAL, "trust: expected a factor >= 1, or off; found %g", o->trust);
    if (!(o->limits.kl >= 0))
        return ASC_FAIL(s->err, ASC_EINVAL, "kl: expected a weight >= 0, found %g", o->limits.kl);
    if (o->level == 0)
        o->level = .9;
    bool sized = false;
    for (size_t v = 0; v < laws->n_laws; v++)
        sized |= laws->laws[v].has_params;
    if (isnan(o->params)) {
        o->params = laws->params_hi;
        if (sized)
            asc_notes_say(&s->r.notes, LARGEST_MODEL, o->params);
    }
    return ASC_OK;
}

bool asc__has_no_curve(const asc_law *l, size_t i)
{
    if (!l->base || !l->undetermined || !l->undetermined[i] || !l->roots || l->roots[i] >= 0)
        return false;
    double b = asc_ddo_axes_of(l).b[i];
    for (size_t k = 0; k < l->n_draws; k++) {
        asc_law view = asc_law_draw_view(l, k);
        if (asc_ddo_axes_of(&view).b[i] != b)
            return false;
    }
    return true;
}

/* A share whose effect the runs do not determine stays near the base; where they say nothing of it at all, at the
 * base. */
static void hold_undetermined(asc__session *s)
{
    const asc_law *l = &s->laws->laws[0];
    double total = 0;
    for (size_t i = 0; i < s->D && l->base; i++)
        total += l->base[i];
    asc_buf names = {0};
    for (size_t i = 0; s->ddo && l->undetermined && i < s->D; i++) {
        if (!l->undetermined[i])
            continue;
        assert(l->base); /* what is undetermined is an axis of a star */
        double near = l->base[i] / total, room = asc__has_no_curve(l, i) ? 1 : 1.25;
        double lo = fmin(near / room, s->hi[i]), hi = fmax(near * room, s->lo[i]);
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
        asc_notes_say(&s->r.notes, UNDETERMINED, names.data);
    asc_buf_clear(&names);
}

static bool feasible(const asc__session *s)
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
static void hold_to_prior(asc__session *s)
{
    double most = 0;
    for (size_t i = 0; i < s->D; i++)
        most += s->o.limits.prior[i] == 0 ? s->lo[i] : s->hi[i];
    for (size_t i = 0; i < s->D && most >= 1; i++)
        if (s->o.limits.prior[i] == 0) {
            s->hi[i] = s->lo[i];
            s->kind_hi[i] = s->kind_lo[i];
        }
}

/* lo and hi from bounds, available tokens and the sampled range, each with the limit that set it. */
static asc_status find_limits(asc__session *s)
{
    const asc_law_set *l = s->laws;
    bool reach = l->reach_lo && l->reach_hi;
    return asc_mix_limits(s->lo, s->hi, s->kind_lo, s->kind_hi, &s->o, reach ? l->reach_lo : l->share_lo,
                          reach ? l->reach_hi : l->share_hi, l->domains, s->D, s->err);
}

/* The same, with what the runs or the prior say nothing of held where it is known. */
static asc_status set_limits(asc__session *s)
{
    ASC_TRY(find_limits(s));
    hold_undetermined(s);
    if (!feasible(s)) { /* other bounds need those shares: let them go again */
        asc_notes_say(&s->r.notes, UNDETERMINED_MOVED);
        ASC_TRY(find_limits(s));
    }
    if (s->o.limits.prior && s->o.limits.kl > 0)
        hold_to_prior(s);
    return ASC_OK;
}

/* Uniform as somebody would run it: capped by what is available, by nothing else. */
static asc_status set_uniform(asc__session *s)
{
    double *even = s->work, *none = s->work + s->D;
    assert(s->D > 0);
    bool capped = false;
    for (size_t i = 0; i < s->D; i++) {
        even[i] = 1. / (double)s->D;
        none[i] = 0;
        s->work[2 * s->D + i] = s->kind_hi[i] == ASC_AT_AVAILABLE ? s->hi[i] : 1;
        capped |= even[i] > s->work[2 * s->D + i];
    }
    asc__project(s->uniform, even, NULL, none, s->work + 2 * s->D, s->D);
    if (capped)
        asc_notes_say(&s->r.notes, UNIFORM_CAPPED);
    return ASC_OK;
}

/* J, and whether its minimum has a closed form: one ddo law, no prior, no repetition within the limits. */
static void set_problem(asc__session *s)
{
    asc__problem *p = &s->problem;
    for (size_t i = 0; i < s->D; i++)
        assert(s->lo[i] >= 0 && s->lo[i] <= s->hi[i]);
    p->laws = s->laws;
    p->objective = s->o.objective ? s->o.objective : &s->laws->objective;
    p->single = s->ddo;
    p->n_tokens = (double)s->o.n_tokens;
    p->params = s->o.params;
    p->n_threads = s->o.n_threads > 0 ? s->o.n_threads : 1;
    p->available = s->o.no_repetition ? NULL : s->o.limits.available;
    p->prior = s->o.limits.prior;
    p->kl = s->o.limits.prior ? s->o.limits.kl : 0;
    s->fn = (asc__objective_fn){.eval = asc__problem_eval, .ctx = p, .n = s->D, .lo = s->lo, .hi = s->hi};
    s->exact = s->ddo && p->kl == 0;
    for (size_t i = 0; p->available && i < s->D; i++)
        if (s->hi[i] * p->n_tokens > p->available[i])
            s->exact = false; /* repetition bends the axes */
}

/* ---- solving ---- */

/* Shares of the base run into share (D), all > 0; returns budget / base tokens. */
static double base_shares(const asc__session *s, double *share)
{
    const double *base = s->laws->laws[0].base;
    double n_base = 0;
    assert(base); /* a ddo law's own */
    for (size_t i = 0; i < s->D; i++)
        n_base += base[i];
    for (size_t i = 0; i < s->D; i++)
        share[i] = base[i] / n_base;
    return (double)s->o.n_tokens / n_base;
}

void asc__tell(const asc__session *s, const char *what, double done, double total)
{
    if (s->o.progress && s->large) /* what is done at once needs none */
        s->o.progress(s->o.progress_ctx, what, done, total, "");
}

asc_status asc__stopped(const asc__session *s)
{
    return asc_interrupted() ? ASC_FAIL(s->err, ASC_EINTR, "interrupted; nothing was written") : ASC_OK;
}

void asc__solve_ddo(const asc__session *s, double *w, asc_ddo_axes axes, const double *lo, const double *hi)
{
    assert(s->ddo && s->ratio > 0);
    asc_ddo_solve(w, axes.a, axes.b, s->share, s->ratio, lo, hi, s->D);
    for (size_t i = 0; i < s->D; i++)
        w[i] = fmin(fmax(w[i] * s->share[i] / s->ratio, lo[i]), hi[i]);
}

/* ---- the mean over the draws ---- */

/* Work of one evaluation of the objective at the estimate, in products. */
static double work_of(const asc_law *l)
{
    double n = (double)(l->n_domains * (1 + l->gp.n));
    for (size_t k = 0; k < l->n_parts; k++)
        n += work_of(&l->parts[k]);
    return n;
}

static bool is_large(const asc_law_set *laws)
{
    double n = 0;
    for (size_t v = 0; v < laws->n_laws; v++)
        n += work_of(&laws->laws[v]);
    return n > 8000;
}

/* As many draws as decide well enough: all of them for few laws, some dozens for many. */
size_t asc__deciding_draws(const asc__session *s)
{
    assert(s->laws->n_laws > 0);
    size_t some = 300000 / (s->D * s->laws->n_laws);
    return some < 32 ? 32 : some;
}

size_t asc__draws_that_count(const asc_law_set *laws)
{
    size_t K = asc_law_set_n_draws(laws);
    return K < ASC__FEWEST_DRAWS ? 0 : K;
}

static bool draws_decide(const asc__session *s)
{
    return !s->o.point && !s->steps && !s->corner && asc__draws_that_count(s->laws) > 0;
}

static const double *tokens_at_uniform(asc__session *s)
{
    for (size_t i = 0; i < s->D; i++)
        s->problem.tokens[i] = s->uniform[i] * s->problem.n_tokens;
    return s->problem.tokens;
}

static void keep_uniform(asc__session *s)
{
    asc__project(s->r.weights, s->uniform, NULL, s->lo, s->hi, s->D);
    asc_notes_say(&s->r.notes, CORNER_LAW, s->laws->law);
}

/* The estimate evaluated as one world, which shares what its laws have in common. */
static asc_status hasten_estimate(asc__session *s)
{
    if (s->steps || s->ddo || (!s->large && asc__laws_decide_throughout(s->laws)))
        return ASC_OK;
    ASC_TRY(asc__worlds_of_estimate(&s->estimate, &s->problem, tokens_at_uniform(s), s->err));
    s->problem.worlds = s->estimate;
    return ASC_OK;
}

/* From here on the objective is the mean over the draws. */
static asc_status use_draws(asc__session *s)
{
    ASC_TRY(asc__worlds_create(&s->worlds, &s->problem, asc__deciding_draws(s), true, tokens_at_uniform(s), s->err));
    if (s->worlds->n < ASC__FEWEST_DRAWS)
        return ASC_FAIL(s->err, ASC_ENUMERIC, "optimize: the law's draws predict nothing finite");
    assert(s->worlds->D == s->D);
    s->problem.worlds = s->worlds;
    return ASC_OK;
}

/* ---- the answer in whole tokens, and what there is to say about it ---- */

/* No domain gets more than its limit leaves, rounding included. */
static asc_status set_tokens(asc__session *s)
{
    asc_mix_result *r = &s->r;
    size_t D = s->D;
    assert(s->o.n_tokens > 0);
    int64_t *cap = asc_calloc(D, sizeof *cap);
    if (!cap)
        return ASC_NOMEM(s->err);
    for (size_t i = 0; i < D; i++) {
        double most =
            s->kind_hi[i] == ASC_AT_AVAILABLE ? round(s->hi[i] * (double)s->o.n_tokens) : (double)s->o.n_tokens;
        double room = s->o.limits.available && !isinf(s->o.limits.available[i])
                          ? s->o.limits.available[i] * asc_limits_epochs(&s->o.limits, i)
                          : INFINITY;
        cap[i] = (int64_t)fmin(fmax(most, 0), fmin(floor(room), 9e15));
    }
    asc_status st = asc_mixture_tokens(r->tokens, NULL, r->weights, D, s->o.n_tokens, cap, s->err);
    for (size_t i = 0; i < D; i++) {
        double unique = s->o.limits.available ? s->o.limits.available[i] : NAN;
        r->epochs[i] = isfinite(unique) ? (double)r->tokens[i] / unique : NAN;
        double w = r->weights[i];
        r->bound[i] = w <= s->lo[i] + 1e-9 ? s->kind_lo[i] : w >= s->hi[i] - 1e-9 ? s->kind_hi[i] : ASC_FREE;
    }
    asc_free(cap);
    return st;
}

/* Objective at the answer and at uniform, and the certificate: no feasible exchange of shares gains more than kkt. */
static asc_status measure(asc__session *s)
{
    asc_mix_result *r = &s->r;
    r->predicted = asc__problem_objective(&s->problem, r->weights);
    r->uniform = asc__problem_objective(&s->problem, s->uniform);
    r->gain = r->uniform - r->predicted;
    r->kkt = s->steps || s->corner ? NAN : asc__kkt(r->weights, &s->fn, s->work);
    r->budget = (double)s->o.n_tokens;
    r->params = s->o.params;
    if (!isfinite(r->predicted))
        return ASC_FAIL(s->err, ASC_ENUMERIC, "optimize: the law predicts nothing finite at its optimum");
    return ASC_OK;
}

static asc_status solve(asc__session *s)
{
    /* What is asked: options, lo and hi from every limit, and uniform within what is available. */
    ASC_TRY(settle_options(s));
    ASC_TRY(set_limits(s));
    ASC_TRY(set_uniform(s));

    /* J as a function of w; a ddo law works in multiples of its base run: x_i = w_i * ratio / share_i. */
    set_problem(s);
    if (s->ddo)
        s->ratio = base_shares(s, s->share);
    s->large = is_large(s->laws);

    /* The minimum at the estimate: in closed form, by descent from several starts, or none where another decides. */
    if (s->corner)
        keep_uniform(s);
    else if (s->exact)
        asc__solve_ddo(s, s->r.weights, asc_ddo_axes_of(s->laws->laws), s->lo, s->hi);
    else if (s->large && draws_decide(s))
        asc__sampled_mean(s, s->r.weights); /* an evaluation is dear: the draws' own minimum is looked for at once */
    else {
        ASC_TRY(hasten_estimate(s));
        ASC_TRY(asc__search_estimate(s));
    }

    /* From there the minimum of the mean over the draws. J is that mean from here on. */
    if (draws_decide(s)) {
        ASC_TRY(use_draws(s));
        ASC_TRY(asc__search_draws(s));
    }
    ASC_TRY(measure(s));
    assert(asc_is_mixture(s->r.weights, s->D) && asc_is_mixture(s->uniform, s->D));

    /* How sure: intervals of shares and objective, P(better than uniform), steps saved, what trades off. */
    ASC_TRY(asc__spread(s));
    for (size_t i = 0; i < s->D && s->ddo; i++)
        if (asc__has_no_curve(s->laws->laws, i)) /* its interval is not narrow: it is not known */
            s->r.w_lo[i] = s->r.w_hi[i] = NAN;
    asc__fewer_steps(s);
    ASC_TRY(asc__find_trades(s));
    ASC_TRY(asc__stopped(s));

    /* Whole tokens, which limit binds, how far beyond the runs all this lies, and what there is to say about it. */
    ASC_TRY(set_tokens(s));
    asc_mix_support_of(&s->r.support, s->laws, s->r.weights, s->r.budget, s->o.params);
    return asc__say(s);
}

asc_status asc_mix_optimum(asc_mix_result *out, const asc_law_set *laws, const asc_mix_opts *o, asc_error *err)
{
    asc__session s = {.laws = laws, .o = *o, .D = laws->n_domains, .err = err};
    asc_status st = allocate(&s);
    if (st == ASC_OK)
        st = solve(&s);
    asc__worlds_free(s.worlds);
    asc__worlds_free(s.estimate);
    asc_free(s.block);
    asc_free(s.kind_lo);
    if (st == ASC_OK)
        *out = s.r;
    else
        asc_mix_result_clear(&s.r);
    return st;
}
