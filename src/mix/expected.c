/* What a law expects of mixtures that were given, draw by draw. */
#include "mix/mix_expected.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "expected.h"
#include "num/num.h"
#include "session.h"
#include "spec/spec_objective.h"

/* ---- of draws ---- */

double asc__odds_above(double estimate, double lo, double hi, double level, size_t n)
{
    assert(level > 0 && level < 1 && !(lo > hi));
    double most = ((double)n + .5) / ((double)n + 1), size = fabs(estimate);
    double towards_0 = estimate < 0 ? hi - estimate : estimate - lo;
    if (size == 0)
        return .5;
    double z = towards_0 > 0 ? asc_student_quantile(level, INFINITY) * size / towards_0 : INFINITY;
    double odds = fmin(.5 * erfc(-z * sqrt(.5)), most);
    return estimate < 0 ? 1 - odds : odds;
}

void asc__expect(asc_expected *e, double *value, const double *reference, double *gain, size_t n, double level)
{
    assert(n > 0 && level > 0 && level < 1);
    for (size_t k = 0; k < n; k++)
        gain[k] = reference[k] - value[k];
    e->value = asc_mean(value, n);
    e->gain = asc_mean(gain, n);
    e->lo = asc_quantile(value, n, .5 - level / 2);
    e->hi = asc_quantile(value, n, .5 + level / 2);
    e->gain_lo = asc_quantile(gain, n, .5 - level / 2);
    e->gain_hi = asc_quantile(gain, n, .5 + level / 2);
}

void asc__hull(double *lo, double *hi, double other_lo, double other_hi)
{
    *lo = fmin(*lo, other_lo);
    *hi = fmax(*hi, other_hi);
}

void asc__hold(double estimate, double *lo, double *hi)
{
    asc__hull(lo, hi, estimate, estimate);
}

void asc__widen(double estimate, double drift, double level, double *lo, double *hi)
{
    double more = drift * asc_student_quantile(level, INFINITY);
    *lo = estimate - hypot(fmax(estimate - *lo, 0), more);
    *hi = estimate + hypot(fmax(*hi - estimate, 0), more);
}

/* ---- of mixtures ---- */

typedef struct expectation {
    asc__problem p;
    const double *shares;
    size_t M, D, K, reference;
    double level;
    double *value; /* (2,M,K) objective of each mixture under each draw, as they are and laid about the fit */
    double *drift; /* (M) */
    double *room;  /* (3,K) */
    asc_error *err;
} expectation;

static const asc_expected nothing = {NAN, NAN, NAN, NAN, NAN, NAN, NAN, {.domain = ASC_NONE}};

static const double *tokens_of(expectation *j, size_t m)
{
    assert(m < j->M);
    asc__problem_tokens(&j->p, j->shares + m * j->D, j->p.tokens);
    return j->p.tokens;
}

static asc_status predict_all(expectation *j, asc_expected *out)
{
    asc__worlds *w = NULL;
    if (j->K > 0)
        ASC_TRY(asc__worlds_create(&w, &j->p, j->K, false, tokens_of(j, j->reference), j->err));
    j->K = w ? w->n : 0;
    asc_status st = ASC_OK;
    for (size_t about = 0; about < 2 && st == ASC_OK; about++) {
        if (w && about)
            st = asc__worlds_centre(w, j->err);
        for (size_t m = 0; w && st == ASC_OK && m < j->M; m++) {
            asc__worlds_eval(w, tokens_of(j, m), NULL);
            memcpy(j->value + (about * j->M + m) * j->K, w->value, j->K * sizeof *w->value);
        }
    }
    for (size_t m = 0; m < j->M; m++) {
        j->drift[m] = asc_law_set_drift(j->p.laws, j->p.objective, tokens_of(j, m), j->p.params);
        if (!w)
            out[m].value = asc__problem_objective(&j->p, j->shares + m * j->D);
    }
    asc__worlds_free(w);
    return st == ASC_OK && asc_interrupted() ? ASC_FAIL(j->err, ASC_EINTR, "interrupted") : st;
}

/* Over the draws under which both have a value. Returns how many these are; fewer than ASC__FEWEST_DRAWS: *e untouched.
 */
static size_t expect_one(expectation *j, asc_expected *e, size_t about, size_t m)
{
    double *value = j->room, *reference = value + j->K, *gain = reference + j->K;
    const double *all = j->value + about * j->M * j->K;
    assert(about < 2 && m < j->M && j->reference < j->M);
    size_t n = 0;
    for (size_t k = 0; k < j->K; k++) {
        value[n] = all[m * j->K + k];
        reference[n] = all[j->reference * j->K + k];
        n += isfinite(value[n]) && isfinite(reference[n]);
    }
    if (n >= ASC__FEWEST_DRAWS)
        asc__expect(e, value, reference, gain, n, j->level);
    return n;
}

/* As for the optimum: what is expected by the draws as they are, intervals that hold those about the fit too. */
static void expect_mixture(expectation *j, asc_expected *e, size_t m)
{
    asc_expected other = nothing;
    size_t n = expect_one(j, e, 0, m);
    if (n < ASC__FEWEST_DRAWS)
        return;
    if (expect_one(j, &other, 1, m) >= ASC__FEWEST_DRAWS) {
        asc__hull(&e->lo, &e->hi, other.lo, other.hi);
        asc__hull(&e->gain_lo, &e->gain_hi, other.gain_lo, other.gain_hi);
    }
    asc__hold(e->value, &e->lo, &e->hi);
    asc__hold(e->gain, &e->gain_lo, &e->gain_hi);
    if (j->drift[m] > 0 && isfinite(j->drift[j->reference])) {
        asc__widen(e->value, j->drift[m], j->level, &e->lo, &e->hi);
        asc__widen(e->gain, fabs(j->drift[j->reference] - j->drift[m]), j->level, &e->gain_lo, &e->gain_hi);
    }
    if (m != j->reference)
        e->p_better = asc__odds_above(e->gain, e->gain_lo, e->gain_hi, j->level, n);
}

static asc_status expect_all(expectation *j, asc_expected *out, bool has_reference)
{
    ASC_TRY(predict_all(j, out));
    for (size_t m = 0; m < j->M; m++) {
        asc_expected *e = &out[m];
        if (j->K > 0)
            expect_mixture(j, e, m);
        else
            e->gain = out[j->reference].value - e->value;
        if (!has_reference)
            e->gain = e->gain_lo = e->gain_hi = e->p_better = NAN;
        asc_mix_support_of(&e->support, j->p.laws, j->shares + m * j->D, j->p.n_tokens, j->p.params);
        if (e->support.withheld) {
            asc_mix_support support = e->support;
            *e = nothing;
            e->support = support;
        }
    }
    return ASC_OK;
}

static asc_status check(const expectation *j, const asc_mix_opts *o)
{
    if (j->M == 0 || o->n_tokens <= 0)
        return ASC_FAIL(j->err, ASC_EINVAL, "expected a mixture, and tokens > 0");
    if (j->p.single && !asc__same_objective(j->p.objective, &j->p.laws->objective)) {
        char fitted[300];
        const asc_target_names names = {j->p.laws->targets, j->p.laws->n_targets, j->p.laws->domains,
                                        j->p.laws->n_domains};
        asc_objective_word(&j->p.laws->objective, &names, fitted, sizeof fitted);
        return ASC_FAIL(j->err, ASC_EINVAL, "this ddo law was fitted to %s and predicts no other objective", fitted);
    }
    return ASC_OK;
}

asc_status asc_mix_expected(asc_expected *out, const asc_law_set *laws, const double *shares, size_t n_mixtures,
                            size_t reference, const asc_mix_opts *o, asc_error *err)
{
    size_t M = n_mixtures, D = laws->n_domains, V = laws->n_targets, K = asc__draws_that_count(laws);
    expectation j = {.shares = shares, .M = M, .D = D, .K = K, .level = o->level > 0 ? o->level : .9, .err = err};
    j.reference = reference < M ? reference : 0;
    j.p = (asc__problem){.laws = laws,
                         .objective = o->objective ? o->objective : &laws->objective,
                         .single = asc_law_set_of_objective(laws),
                         .n_tokens = (double)o->n_tokens,
                         .params = isnan(o->params) ? laws->params_hi : o->params,
                         .n_threads = o->n_threads > 0 ? o->n_threads : 1,
                         .available = o->no_repetition ? NULL : o->limits.available};
    ASC_TRY(check(&j, o));
    double *block = asc_calloc(2 * M * K + M + 3 * K + 2 * D + V, sizeof *block);
    asc_expected *found = asc_calloc(M, sizeof *found);
    asc_status st = block && found ? ASC_OK : ASC_NOMEM(err);
    if (st == ASC_OK) {
        for (size_t m = 0; m < M; m++)
            found[m] = nothing;
        j.value = block;
        j.drift = j.value + 2 * M * K;
        j.room = j.drift + M;
        j.p.tokens = j.room + 3 * K;
        j.p.part = j.p.tokens + D;
        j.p.loss = j.p.part + D;
        st = expect_all(&j, found, reference < M);
    }
    if (st == ASC_OK)
        memcpy(out, found, M * sizeof *out);
    asc_free(found);
    asc_free(block);
    return st;
}
