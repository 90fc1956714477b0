/* Predictions at given mixtures, and their differences draw by draw. */
#include "mix/mix_what_if.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "losses.h"
#include "session.h"
#include "spec/spec_objective.h"

/* Relative distance from the one value of an axis within which the axis counts as the same. */
static const double same_budget = .01, same_share = .005;

typedef struct asker {
    const asc_law_set *laws;
    const asc_what_if_opts *o;
    asc__losses losses;
    const double *shares;
    size_t M, V, D, K;
    double *tokens;            /* (M,D) as the laws see them */
    double *value, *about;     /* (M, V + 1, K + 1) losses and the objective: asc__losses_at, asc__losses_about_fit */
    double *drift;             /* (M, V + 1) what the law may be off by beyond its table; sd */
    double *room;              /* (K) */
    bool no_tokens, no_params; /* the table says nothing of the loss at this budget, at this size */
    asc_what_if r;
    asc_error *err;
} asker;

void asc_what_if_clear(asc_what_if *w)
{
    if (!w)
        return;
    asc_free(w->loss);
    asc_free(w->objective);
    asc_free(w->loss_difference);
    asc_free(w->objective_difference);
    asc_free(w->beyond);
    for (size_t m = 0; w->why && m < w->n_mixtures; m++)
        asc_free(w->why[m]);
    asc_free(w->why);
    asc_notes_clear(&w->notes);
    *w = (asc_what_if){0};
}

static asc_status allocate(asker *a)
{
    size_t M = a->M, V = a->V;
    asc_what_if *r = &a->r;
    r->n_mixtures = M;
    r->n_targets = V;
    r->n_domains = a->D;
    r->n_draws = a->K;
    r->loss = asc_calloc(M * V + 1, sizeof *r->loss);
    r->objective = asc_calloc(M, sizeof *r->objective);
    r->loss_difference = asc_calloc(M * M * V + 1, sizeof *r->loss_difference);
    r->objective_difference = asc_calloc(M * M, sizeof *r->objective_difference);
    r->beyond = asc_calloc(M * a->D, sizeof *r->beyond);
    r->why = asc_calloc(M, sizeof *r->why);
    a->tokens = asc_calloc(M * a->D, sizeof *a->tokens);
    a->value = asc_calloc(M * asc__losses_size(&a->losses), sizeof *a->value);
    a->about = asc_calloc(M * asc__losses_size(&a->losses), sizeof *a->about);
    a->drift = asc_calloc(M * (V + 1), sizeof *a->drift);
    a->room = asc_calloc(a->K + 1, sizeof *a->room);
    bool ok = r->loss && r->objective && r->loss_difference && r->objective_difference && r->beyond && r->why &&
              a->tokens && a->value && a->about && a->drift && a->room;
    return ok ? ASC_OK : ASC_NOMEM(a->err);
}

/* ---- where the law is asked ---- */

/* x against a range: 1 within it, else the factor by which it lies outside. */
static double beyond(double x, double lo, double hi)
{
    if (isnan(lo) || isnan(hi) || isnan(x) || (x >= lo && x <= hi))
        return 1;
    return x > hi ? (hi > 0 ? x / hi : INFINITY) : (x > 0 ? lo / x : INFINITY);
}

/* The same of a budget or size: what hardly differs is the same. */
static double budget_beyond(double x, double lo, double hi)
{
    return beyond(x, lo * (1 - same_budget), hi * (1 + same_budget)) > 1 ? beyond(x, lo, hi) : 1;
}

/* Did an axis with this range never vary (rounding aside)? */
static bool is_fixed(double lo, double hi)
{
    return isfinite(lo) && hi <= lo * (1 + same_budget);
}

/* Is x elsewhere than all runs of an axis that never varied? */
static bool is_elsewhere(double x, double lo, double hi)
{
    return is_fixed(lo, hi) && (x < lo * (1 - same_budget) || x > hi * (1 + same_budget));
}

enum { REASON = 256 };

/* An axis that never varied bears no other value, one that hardly did not much more: as asc_mix_support_of has it. */
static bool withheld(asc_mix_support *out, const asc_law_set *s, double n_tokens, double params)
{
    asc_mix_support_of(out, s, NULL, n_tokens, params);
    return out->withheld;
}

/* Can the losses at this budget not be told? Then why, in buf. */
static bool misses_axis(asker *a, char buf[REASON])
{
    const asc_law_set *s = a->laws;
    asc_mix_support tokens, params;
    char n[24], at[24];
    a->no_tokens = withheld(&tokens, s, a->o->n_tokens, NAN);
    a->no_params = withheld(&params, s, s->tokens_hi, a->r.params);
    if (is_elsewhere(a->o->n_tokens, s->tokens_lo, s->tokens_hi))
        snprintf(buf, REASON, "every run in the table has %s tokens, so losses at %s are unknown",
                 asc_format_count(s->tokens_hi, at), asc_format_count(a->o->n_tokens, n));
    else if (is_elsewhere(a->r.params, s->params_lo, s->params_hi))
        snprintf(buf, REASON, "every run in the table has %s parameters, so losses at %s are unknown",
                 asc_format_count(s->params_hi, at), asc_format_count(a->r.params, n));
    else if (a->no_tokens || a->no_params)
        snprintf(buf, REASON, "%s", a->no_tokens ? tokens.why : params.why);
    return a->no_tokens || a->no_params;
}

/* Can the losses of one mixture not be told, as a domain whose share never varied lies elsewhere in it? */
static bool misses_domain(const asker *a, const double *w, char buf[REASON])
{
    const asc_law_set *s = a->laws;
    for (size_t i = 0; i < a->D; i++) {
        if (s->share_hi[i] - s->share_lo[i] > 1e-9 || fabs(w[i] - s->share_lo[i]) <= same_share)
            continue;
        snprintf(buf, REASON,
                 "the share of '%.80s' is %.4g in every run of the table, so the effect of changing it is unknown",
                 s->domains[i], s->share_lo[i]);
        return true;
    }
    return false;
}

static asc_status look_at_axes(asker *a)
{
    const asc_law_set *s = a->laws;
    char why[REASON];
    a->r.params = isnan(a->o->params) ? s->params_hi : a->o->params;
    if (isnan(a->o->params) && isfinite(s->params_hi) && !is_fixed(s->params_lo, s->params_hi))
        asc_notes_say(&a->r.notes, SIZE_ASSUMED, s->params_hi);
    a->r.tokens_beyond = budget_beyond(a->o->n_tokens, s->tokens_lo, s->tokens_hi);
    a->r.params_beyond = budget_beyond(a->r.params, s->params_lo, s->params_hi);
    bool axis = misses_axis(a, why);
    if (axis)
        asc_notes_say(&a->r.notes, AXIS_UNKNOWN, why);
    for (size_t m = 0; m < a->M; m++) {
        const double *w = a->shares + m * a->D;
        for (size_t i = 0; i < a->D; i++)
            a->r.beyond[m * a->D + i] = beyond(w[i], s->share_lo[i] - 1e-9, s->share_hi[i] + 1e-9);
        if (!axis && !misses_domain(a, w, why))
            continue;
        a->r.why[m] = asc_strdup(why);
        if (!a->r.why[m])
            return ASC_NOMEM(a->err);
    }
    return ASC_OK;
}

/* Tokens as laws see them: those seen again count less; at the table's budget where no other was ever measured. */
static void count_tokens(asker *a)
{
    const asc_law_set *s = a->laws;
    double n = a->no_tokens ? s->tokens_hi : a->o->n_tokens;
    assert(n > 0);
    for (size_t m = 0; m < a->M; m++)
        for (size_t i = 0; i < a->D; i++) {
            double asked = a->shares[m * a->D + i] * a->o->n_tokens, of = n / a->o->n_tokens;
            double unique = a->o->available ? a->o->available[i] : INFINITY;
            a->tokens[m * a->D + i] = (isinf(unique) ? asked : asc_effective_tokens(asked, unique)) * of;
        }
}

/* ---- predictions ---- */

static size_t place(const asker *a, size_t m, size_t v)
{
    assert(m < a->M && v <= a->V);
    return (m * (a->V + 1) + v) * (a->K + 1);
}

static asc_status predict(asker *a)
{
    size_t V = a->V;
    double params = a->no_params ? a->laws->params_hi : a->r.params;
    for (size_t m = 0; m < a->M; m++) {
        const double *tokens = a->tokens + m * a->D;
        for (size_t v = 0; v < a->laws->n_laws && !a->losses.single; v++)
            a->drift[m * (V + 1) + v] = asc_law_drift(&a->laws->laws[v], tokens, params);
        a->drift[m * (V + 1) + V] = asc_law_set_drift(a->laws, a->losses.objective, tokens, params);
        double *value = a->value + place(a, m, 0);
        asc__losses_at(value, &a->losses, tokens, params);
        asc__losses_about_fit(a->about + place(a, m, 0), value, &a->losses, tokens, params, a->room);
        if (asc_interrupted())
            return ASC_FAIL(a->err, ASC_EINTR, "interrupted");
    }
    return ASC_OK;
}

/* Of loss v of mixture m, or (other not ASC_NONE) of what it is above that of another; without enough draws the
 * estimate, and no interval. */
static asc_difference answer(const asker *a, size_t m, size_t other, size_t v, double drift)
{
    asc__question q = {.x = a->value + place(a, m, v), .about = a->about + place(a, m, v), .K = a->K, .room = a->room};
    q.level = a->o->level;
    q.drift = drift;
    if (other != ASC_NONE) {
        q.minus = a->value + place(a, other, v);
        q.minus_about = a->about + place(a, other, v);
    }
    asc_difference d = {q.x[a->K] - (q.minus ? q.minus[a->K] : 0), NAN, NAN, NAN};
    asc__answer(&d, &q);
    return d;
}

static asc_prediction summarise(const asker *a, size_t m, size_t v)
{
    asc_difference d = answer(a, m, ASC_NONE, v, a->drift[m * (a->V + 1) + v]);
    return a->r.why[m] ? (asc_prediction){NAN, NAN, NAN} : (asc_prediction){d.value, d.lo, d.hi};
}

static asc_difference compare(const asker *a, size_t m, size_t other, size_t v)
{
    size_t row = a->V + 1;
    return answer(a, m, other, v, fabs(a->drift[m * row + v] - a->drift[other * row + v]));
}

static bool domain_untold(const asker *a, size_t m)
{
    char why[REASON];
    return misses_domain(a, a->shares + m * a->D, why);
}

static void fill(asker *a)
{
    size_t M = a->M, V = a->V;
    const asc_difference untold = {NAN, NAN, NAN, NAN};
    for (size_t m = 0; m < M; m++) {
        for (size_t v = 0; v < V; v++)
            a->r.loss[m * V + v] = summarise(a, m, v);
        a->r.objective[m] = summarise(a, m, V);
        for (size_t b = 0; b < M; b++) {
            bool told = !domain_untold(a, m) && !domain_untold(a, b);
            for (size_t v = 0; v < V; v++)
                a->r.loss_difference[(m * M + b) * V + v] = told ? compare(a, m, b, v) : untold;
            a->r.objective_difference[m * M + b] = told ? compare(a, m, b, V) : untold;
        }
    }
}

static void note(asker *a)
{
    char f[24];
    if (a->K < ASC__FEWEST_DRAWS)
        asc_notes_say(&a->r.notes, NO_BOOTSTRAP);
    if (a->r.tokens_beyond > 1 && !a->r.why[0])
        asc_notes_say(&a->r.notes, TOKENS_BEYOND, asc_format_count(a->o->n_tokens, f), a->r.tokens_beyond);
    if (a->r.params_beyond > 1 && !a->r.why[0])
        asc_notes_say(&a->r.notes, PARAMS_BEYOND, asc_format_count(a->r.params, f), a->r.params_beyond);
    if (a->losses.single)
        asc_notes_say(&a->r.notes, OBJECTIVE_ONLY);
}

static asc_status ask(asker *a)
{
    if (a->M == 0 || !(a->o->n_tokens > 0))
        return ASC_FAIL(a->err, ASC_EINVAL, "expected a mixture, and tokens > 0");
    if (a->losses.single && !asc__same_objective(a->losses.objective, &a->laws->objective)) {
        char fitted[300];
        const asc_target_names names = {a->laws->targets, a->laws->n_targets, a->laws->domains, a->laws->n_domains};
        asc_objective_word(&a->laws->objective, &names, fitted, sizeof fitted);
        return ASC_FAIL(a->err, ASC_EINVAL, "this ddo law was fitted to %s and predicts no other objective", fitted);
    }
    ASC_TRY(allocate(a));
    ASC_TRY(look_at_axes(a));
    count_tokens(a);
    ASC_TRY(predict(a));
    fill(a);
    note(a);
    return ASC_OK;
}

asc_status asc_what_if_predict(asc_what_if *out, const asc_law_set *laws, const double *shares, size_t n_mixtures,
                               const asc_what_if_opts *o, asc_error *err)
{
    asker a = {.laws = laws,
               .o = o,
               .losses = asc__losses_of(laws, o->objective, 0),
               .shares = shares,
               .M = n_mixtures,
               .V = laws->n_targets,
               .D = laws->n_domains,
               .K = asc_law_set_n_draws(laws),
               .err = err};
    asc_status st = ask(&a);
    if (st == ASC_OK)
        *out = a.r;
    else
        asc_what_if_clear(&a.r);
    asc_free(a.tokens);
    asc_free(a.value);
    asc_free(a.about);
    asc_free(a.drift);
    asc_free(a.room);
    return st;
}
