/* Tables and laws made for the tests of the room law: random mixtures, laws of known parameters, a plane whose least
 * squares are known in closed form. */
#ifndef LAW_MADE_H
#define LAW_MADE_H

#include "private.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* R runs of random mixtures of D domains "d0".. with V targets "t0".., one run a row; budgets of 1 to 4 times 1e9 and
 * sizes of 1 to 4 times 1e8 where they vary. Losses are NaN. */
static inline asc_runs made_runs(size_t R, size_t D, size_t V, bool tokens, bool params, uint64_t seed)
{
    asc_runs t;
    asc_rng rng;
    char name[24];
    if (asc_runs_init(&t, R, D, V, NULL) != ASC_OK)
        abort();
    asc_rng_init(&rng, seed, "made runs", 0);
    for (size_t i = 0; i < D; i++) {
        snprintf(name, sizeof name, "d%zu", i);
        t.domains[i] = asc_strdup(name);
    }
    for (size_t v = 0; v < V; v++) {
        snprintf(name, sizeof name, "t%zu", v);
        t.targets[v] = asc_strdup(name);
    }
    t.n_groups = R;
    for (size_t r = 0; r < R; r++) {
        double sum = 0, N = tokens ? 1e9 * (double)(1 + asc_rng_below(&rng, 4)) : 2e9;
        t.group[r] = r;
        t.total[r] = N;
        t.params[r] = params ? 1e8 * (double)(1 + asc_rng_below(&rng, 4)) : 1e8;
        for (size_t i = 0; i < D; i++)
            sum += t.tokens[r * D + i] = .02 - log(1 - asc_rng_double(&rng));
        for (size_t i = 0; i < D; i++)
            t.tokens[r * D + i] *= N / sum;
    }
    return t;
}

/* A law of D domains with these parameters; units of 1e9 tokens and 1e8 parameters. */
static inline asc_law made_law(const char *name, size_t D, bool tokens, bool params, const double *values)
{
    const asc__family *fam = asc_law_family_named(name, NULL);
    asc_law l = {.family = fam, .n_domains = D, .own = 0, .has_tokens = tokens, .has_params = params};
    l.unit_tokens = 1e9;
    l.unit_params = 1e8;
    l.floor = ASC__FLOOR;
    l.tokens_hi = l.params_hi = NAN;
    l.n_params = fam->n_params(D, tokens, params);
    l.params = asc_calloc(l.n_params + 1, sizeof *l.params);
    memcpy(l.params, values, l.n_params * sizeof *values);
    for (size_t q = 0; q < ASC_LAW_BANDS; q++)
        l.band[q] = NAN;
    l.stats.noise = NAN;
    return l;
}

/* Features of a table in those units. */
static inline asc__features made_features(const asc_runs *t, bool tokens, bool params)
{
    asc__features x;
    if (asc__features_init(&x, t->n_runs, t->n_domains, NULL) != ASC_OK)
        abort();
    x.has_tokens = tokens;
    x.has_params = params;
    x.unit_tokens = 1e9;
    x.unit_params = 1e8;
    asc__features_fill(&x, t->tokens, t->params, 1, t->n_runs);
    return x;
}

/* Losses of target v: a law's, with noise. */
static inline void made_losses(asc_runs *t, size_t v, const asc_law *l, double noise, uint64_t seed)
{
    asc_rng rng;
    asc_rng_init(&rng, seed, "made noise", v);
    for (size_t r = 0; r < t->n_runs; r++)
        t->loss[r * t->n_targets + v] =
            asc_law_predict(l, t->tokens + r * t->n_domains, t->params[r]) + noise * asc_rng_normal(&rng);
}

/* One thread, no draws, no trees. */
static inline asc_law_opts made_opts(const char *law)
{
    asc_law_opts o;
    asc_law_opts_init(&o);
    o.law = law;
    o.n_bootstrap = 0;
    o.n_threads = 1;
    o.no_trees = true;
    return o;
}

static inline bool near_to(double a, double b, double tolerance)
{
    return fabs(a - b) <= tolerance * (1 + fabs(b));
}

/* f = a + b log N + c log P */
static inline size_t plane_params(size_t D, bool tokens, bool params)
{
    return 3;
}

static inline void plane_eval(const asc__features *x, size_t own, const double *theta, double *f, double *J,
                              double *scratch)
{
    for (size_t r = 0; r < x->ld; r++) {
        f[r] = theta[0] + theta[1] * x->log_n[r] + theta[2] * x->log_p[r];
        if (!J)
            continue;
        J[r] = 1;
        J[x->ld + r] = x->log_n[r];
        J[2 * x->ld + r] = x->log_p[r];
    }
}

#endif
