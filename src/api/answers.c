/* Optimum, what-if and the AutoScale rule: options in, results that the library owns out. */
#include "facade.h"

#include <math.h>
#include <string.h>

#include "mix/mix_what_if.h"
#include "table/table.h"

/* ---- the optimum ---- */

typedef struct optimum {
    asc_optimum shown; /* first: what the caller holds */
    asc_mix_result r;
    const char **bound;
} optimum;

static asc_status read_objective(asc_objective *out, const asc_laws *laws, const char *word, asc_error *err)
{
    const asc_target_names names = {laws->targets, laws->n_targets, laws->domains, laws->n_domains};
    return word ? asc_objective_read(out, word, &names, err) : ASC_OK;
}

static asc_status read_options(asc_mix_opts *m, const asc_optimize_options *o, const asc_laws *laws, asc_error *err)
{
    asc_limits limits;
    if (o->tokens <= 0)
        return ASC_FAIL(err, ASC_EINVAL, "tokens: expected a budget > 0, found %lld", (long long)o->tokens);
    if (o->trust != 0 && !(o->trust >= 1))
        return ASC_FAIL(err, ASC_EINVAL, "trust: expected a factor >= 1, found %g", o->trust);
    if (!(o->level >= 0 && o->level < 1))
        return ASC_FAIL(err, ASC_EINVAL, "level: expected a probability below 1, found %g", o->level);
    if (!(o->kl >= 0) || (o->kl > 0 && !o->prior))
        return ASC_FAIL(err, ASC_EINVAL, "kl: expected a cost >= 0 with a prior, found %g", o->kl);
    ASC_TRY(asc__limits_take(&limits, o->limits, laws->n_domains, err));
    asc_mix_opts_init(m);
    m->n_tokens = o->tokens;
    m->params = o->params > 0 ? o->params : NAN;
    m->limits = limits;
    m->limits.prior = o->kl > 0 ? o->prior : NULL;
    m->limits.kl = o->kl;
    if (o->trust > 0 || o->no_trust)
        m->trust = o->no_trust ? 0 : o->trust;
    m->point = o->point;
    m->seed = o->seed;
    m->n_threads = o->threads > 0 ? o->threads : asc_cpu_count();
    if (o->level > 0)
        m->level = o->level;
    return ASC_OK;
}

/* Views of the result: they live as long as it does. Where the runs do not bear a prediction its figures are NaN, and
 * the mixture stays. */
static asc_status show(optimum *s, asc_error *err)
{
    const asc_mix_result *r = &s->r;
    bool no = r->support.withheld;
    s->bound = asc_calloc(r->n_domains, sizeof *s->bound);
    if (!s->bound)
        return ASC_NOMEM(err);
    for (size_t i = 0; i < r->n_domains; i++)
        s->bound[i] = asc_bound_name(r->bound[i]);
    s->shown = (asc_optimum){
        .n_domains = r->n_domains,
        .shares = r->weights,
        .tokens = r->tokens,
        .share_lo = r->w_lo,
        .share_hi = r->w_hi,
        .bound = s->bound,
        .epochs = r->epochs,
        .objective = no ? NAN : r->predicted,
        .uniform = no ? NAN : r->uniform,
        .objective_lo = no ? NAN : r->ci[0],
        .objective_hi = no ? NAN : r->ci[1],
        .gain = no ? NAN : r->gain,
        .gain_lo = no ? NAN : r->gain_ci[0],
        .gain_hi = no ? NAN : r->gain_ci[1],
        .p_better = r->p_better,
        .kkt = r->kkt,
        .params = r->params,
        .unsupported = no,
        .n_notes = r->notes.n,
        .notes = (const char *const *)r->notes.text,
    };
    return ASC_OK;
}

asc_status asc_laws_optimize(const asc_optimum **out, const asc_laws *laws, const asc_optimize_options *options,
                             asc_error *err)
{
    asc_optimize_options o;
    asc_mix_opts m;
    asc__hooked hooked;
    asc_objective objective = {0};
    ASC__NEEDS(out, err);
    ASC__NEEDS(laws, err);
    ASC__TAKE(o, options);
    ASC_TRY(read_options(&m, &o, laws, err));
    ASC_TRY(read_objective(&objective, laws, o.objective, err));
    m.objective = o.objective ? &objective : NULL;
    m.trades = true;
    optimum *s = asc_calloc(1, sizeof *s);
    asc__hooks_enter(&hooked, o.hooks);
    m.progress = hooked.hooks.progress;
    m.progress_ctx = hooked.hooks.ctx;
    asc_status st = s ? asc_mix_optimum(&s->r, laws, &m, err) : ASC_NOMEM(err);
    asc__hooks_leave(&hooked);
    asc_objective_clear(&objective);
    if (st == ASC_OK)
        st = show(s, err);
    if (st == ASC_OK)
        *out = &s->shown;
    else
        asc_optimum_free(s ? &s->shown : NULL);
    return st;
}

void asc_optimum_free(const asc_optimum *answer)
{
    optimum *s = (optimum *)answer; /* `shown` is its first member */
    if (!s)
        return;
    asc_mix_result_clear(&s->r);
    asc_free(s->bound);
    asc_free(s);
}

/* The mixture keeps the limits that it was made under. */
static asc_status keep_limits(asc_mixture *m, const asc_limits *l, asc_error *err)
{
    if (!l->available)
        return ASC_OK;
    m->available = asc_calloc(m->n_domains, sizeof *m->available);
    m->max_epochs = asc_calloc(m->n_domains, sizeof *m->max_epochs);
    if (!m->available || !m->max_epochs)
        return ASC_NOMEM(err);
    for (size_t i = 0; i < m->n_domains; i++) {
        bool limited = isfinite(l->available[i]);
        double epochs = l->epochs && !isnan(l->epochs[i]) ? l->epochs[i] : 1;
        m->available[i] = limited ? l->available[i] : NAN;
        m->max_epochs[i] = limited ? epochs : NAN;
    }
    return ASC_OK;
}

asc_status asc_optimum_mixture(asc_mixture **out, const asc_optimum *answer, const asc_laws *laws,
                               const asc_optimize_options *options, asc_error *err)
{
    asc_optimize_options o;
    asc_limits limits;
    asc_mixture *m = NULL;
    ASC__NEEDS(out, err);
    ASC__NEEDS(answer, err);
    ASC__NEEDS(laws, err);
    ASC__TAKE(o, options);
    ASC_TRY(asc__limits_take(&limits, o.limits, laws->n_domains, err));
    ASC_TRY(asc_mixture_from_shares(&m, (const char *const *)laws->domains, answer->shares, laws->n_domains, err));
    m->tokens = asc_calloc(m->n_domains, sizeof *m->tokens);
    asc_status st = m->tokens ? keep_limits(m, &limits, err) : ASC_NOMEM(err);
    if (st != ASC_OK) {
        asc_mixture_free(m);
        return st;
    }
    memcpy(m->weights, answer->shares, m->n_domains * sizeof *m->weights);
    memcpy(m->tokens, answer->tokens, m->n_domains * sizeof *m->tokens);
    *out = m;
    return ASC_OK;
}

/* ---- what-if ---- */

typedef struct what_if {
    asc_what_if_answer shown;
    asc_what_if r;
    double *room;
} what_if;

/* Columns of M (and M x V) figures, one after another in room. */
static void take(double **room, const double **value, const double **lo, const double **hi, size_t n, size_t stride,
                 const void *from)
{
    double *v = *room;
    for (size_t k = 0; k < n; k++) {
        const double *x = (const double *)(const void *)((const char *)from + k * stride);
        v[k] = x[0];
        v[n + k] = x[1];
        v[2 * n + k] = x[2];
    }
    *value = v;
    *lo = v + n;
    *hi = v + 2 * n;
    *room = v + 3 * n;
}

static const double *better(double **room, const asc_difference *d, size_t n, size_t step)
{
    double *p = *room;
    for (size_t k = 0; k < n; k++)
        p[k] = d[k * step].p_better;
    *room = p + n;
    return p;
}

static asc_status show_what_if(what_if *s, asc_error *err)
{
    const asc_what_if *r = &s->r;
    asc_what_if_answer *a = &s->shown;
    size_t M = r->n_mixtures, V = r->n_targets;
    asc_difference *first = asc_calloc(M * V + 1, sizeof *first);
    double *room = s->room = asc_calloc(7 * (M + M * V) + 1, sizeof *room);
    if (!first || !room) {
        asc_free(first);
        return ASC_NOMEM(err);
    }
    for (size_t m = 0; m < M; m++) /* of mixture m and the first */
        memcpy(first + m * V, r->loss_difference + m * M * V, V * sizeof *first);
    take(&room, &a->loss, &a->loss_lo, &a->loss_hi, M * V, sizeof *r->loss, r->loss);
    take(&room, &a->objective, &a->objective_lo, &a->objective_hi, M, sizeof *r->objective, r->objective);
    take(&room, &a->change, &a->change_lo, &a->change_hi, M, M * sizeof(asc_difference), r->objective_difference);
    a->p_better = better(&room, r->objective_difference, M, M);
    take(&room, &a->loss_change, &a->loss_change_lo, &a->loss_change_hi, M * V, sizeof *first, first);
    a->loss_p_better = better(&room, first, M * V, 1);
    a->n_mixtures = M;
    a->n_targets = V;
    a->why = (const char *const *)r->why;
    a->n_notes = r->notes.n;
    a->notes = (const char *const *)r->notes.text;
    asc_free(first);
    return ASC_OK;
}

static asc_status check_shares(const double *w, size_t m, size_t d, asc_error *err)
{
    for (size_t k = 0; k < m; k++) {
        double sum = 0;
        for (size_t i = 0; i < d; i++) {
            if (!(w[k * d + i] >= 0))
                return ASC_FAIL(err, ASC_EINVAL, "shares[%zu][%zu]: expected a share >= 0, found %g", k, i,
                                w[k * d + i]);
            sum += w[k * d + i];
        }
        if (!(fabs(sum - 1) <= 1e-6))
            return ASC_FAIL(err, ASC_EINVAL, "shares[%zu]: they sum to %.9g, expected 1", k, sum);
    }
    return ASC_OK;
}

asc_status asc_laws_what_if(const asc_what_if_answer **out, const asc_laws *laws, const double *shares,
                            size_t n_mixtures, const asc_what_if_options *options, asc_error *err)
{
    asc_what_if_options o;
    asc_objective objective = {0};
    ASC__NEEDS(out, err);
    ASC__NEEDS(laws, err);
    ASC__NEEDS(shares, err);
    ASC__TAKE(o, options);
    if (!(o.tokens > 0 && isfinite(o.tokens)))
        return ASC_FAIL(err, ASC_EINVAL, "tokens: expected a budget > 0, found %g", o.tokens);
    if (!(o.level >= 0 && o.level < 1))
        return ASC_FAIL(err, ASC_EINVAL, "level: expected a probability below 1, found %g", o.level);
    ASC_TRY(check_shares(shares, n_mixtures, laws->n_domains, err));
    ASC_TRY(read_objective(&objective, laws, o.objective, err));
    asc_what_if_opts w = {.n_tokens = o.tokens,
                          .params = o.params > 0 ? o.params : NAN,
                          .available = o.available,
                          .objective = o.objective ? &objective : NULL,
                          .level = o.level};
    what_if *s = asc_calloc(1, sizeof *s);
    asc_status st = s ? asc_what_if_predict(&s->r, laws, shares, n_mixtures, &w, err) : ASC_NOMEM(err);
    asc_objective_clear(&objective);
    if (st == ASC_OK)
        st = show_what_if(s, err);
    if (st == ASC_OK)
        *out = &s->shown;
    else
        asc_what_if_free(s ? &s->shown : NULL);
    return st;
}

void asc_what_if_free(const asc_what_if_answer *answer)
{
    what_if *s = (what_if *)answer;
    if (!s)
        return;
    asc_what_if_clear(&s->r);
    asc_free(s->room);
    asc_free(s);
}

/* ---- the AutoScale rule ---- */

typedef struct scaling {
    asc_scaling shown;
    asc_rule_result r;
} scaling;

static asc_status take_optima(asc_optima *p, const asc_scaling_options *o, asc_error *err)
{
    size_t D = o->n_domains;
    for (size_t k = 0; k < o->n_scales; k++)
        if (!(o->tokens[k] > 0 && isfinite(o->tokens[k])) || (k > 0 && !(o->tokens[k] > o->tokens[k - 1])))
            return ASC_FAIL(err, ASC_EINVAL, "tokens[%zu]: expected tokens > 0, ascending, found %g", k, o->tokens[k]);
    ASC_TRY(check_shares(o->shares, o->n_scales, D, err));
    ASC_TRY(asc_optima_init(p, o->n_scales, D, false, err));
    memcpy(p->tokens, o->tokens, o->n_scales * sizeof *p->tokens);
    memcpy(p->weights, o->shares, o->n_scales * D * sizeof *p->weights);
    for (size_t i = 0; i < D; i++)
        if (!(p->domains[i] = asc_strf("domain %zu", i)))
            return ASC_NOMEM(err);
    return ASC_OK;
}

asc_status asc_scaling_predict(const asc_scaling **out, const asc_scaling_options *options, asc_error *err)
{
    asc_scaling_options o;
    asc_limits limits;
    asc_optima optima = {0};
    ASC__NEEDS(out, err);
    ASC__TAKE(o, options);
    if (o.n_scales < 2 || !o.n_domains || !o.tokens || !o.shares)
        return ASC_FAIL(err, ASC_EINVAL, "scaling: expected optima at two or more scales, found %zu", o.n_scales);
    if (o.budget <= 0)
        return ASC_FAIL(err, ASC_EINVAL, "budget: expected tokens > 0, found %lld", (long long)o.budget);
    ASC_TRY(asc__limits_take(&limits, o.limits, o.n_domains, err));
    asc_rule_opts r = {.n_tokens = o.budget, .limits = limits};
    scaling *s = asc_calloc(1, sizeof *s);
    asc_status st = s ? take_optima(&optima, &o, err) : ASC_NOMEM(err);
    if (st == ASC_OK)
        st = asc_rule_predict(&s->r, &optima, &r, err);
    asc_optima_clear(&optima);
    if (st != ASC_OK) {
        asc_scaling_free(s ? &s->shown : NULL);
        return st;
    }
    s->shown = (asc_scaling){s->r.n_domains,
                             s->r.weights,
                             s->r.tokens,
                             s->r.keep_last,
                             s->r.censored,
                             s->r.notes.n,
                             (const char *const *)s->r.notes.text};
    *out = &s->shown;
    return ASC_OK;
}

void asc_scaling_free(const asc_scaling *answer)
{
    scaling *s = (scaling *)answer;
    if (!s)
        return;
    asc_rule_result_clear(&s->r);
    asc_free(s);
}
