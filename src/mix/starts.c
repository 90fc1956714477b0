/* The minimum of the objective within the bounds, from several starts: the mixtures that people would try first, and
 * the best of many random ones. The objective need not be convex, so no single start is trusted. */
#include "session.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* max_v L_v has no gradient where two targets tie. It is minimised as smooth * log sum exp(L_v / smooth), which lies at
 * most smooth * log V above it, from .1 nats down to 1e-6, each time from the minimum of the one before. */
double asc__solve_from(const asc__session *s, const asc__objective_fn *fn, double *w, double *work, int max_steps)
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

/* The best n_starts of n_random mixtures, drawn from a Dirichlet about uniform and moved into the bounds, into starts
 * (n_starts,D). */
static asc_status random_starts(const asc__session *s, double *starts, size_t n_starts, size_t n_random)
{
    size_t D = s->D;
    double *w = asc_calloc(n_random, (D + 1) * sizeof *w), *even = asc_calloc(D, sizeof *even);
    double *value = w ? w + n_random * D : NULL; /* (n_random) behind w (n_random,D) */
    asc_status st = w && even ? ASC_OK : ASC_NOMEM(s->err);
    assert(n_starts <= n_random);
    for (size_t i = 0; even && i < D; i++)
        even[i] = 1. / (double)D;
    if (st == ASC_OK)
        st = asc_design_dirichlet(w, n_random, even, D, (double)D, NULL, NULL, s->o.seed, s->err);
    for (size_t k = 0; st == ASC_OK && k < n_random; k++) {
        asc__project(w + k * D, w + k * D, NULL, s->lo, s->hi, D);
        value[k] = s->fn.eval(s->fn.ctx, w + k * D, NULL);
    }
    for (size_t j = 0; st == ASC_OK && j < n_starts; j++) {
        size_t best = 0;
        for (size_t k = 1; k < n_random; k++)
            if (value[k] < value[best])
                best = k;
        memcpy(starts + j * D, w + best * D, D * sizeof *w);
        value[best] = INFINITY;
    }
    asc_free(w);
    asc_free(even);
    return st;
}

void asc__sampled_mean(const asc__session *s, double *w)
{
    const double *tokens = s->laws->base_tokens; /* (D) mean over the table's rows, or NULL */
    double total = 0;
    for (size_t i = 0; i < s->D; i++)
        total += tokens ? tokens[i] : 1;
    for (size_t i = 0; i < s->D; i++)
        w[i] = (tokens ? tokens[i] : 1) / total;
}

/* Minimise from each of the starts (n,D), which become what they lead to, with values (n); the best of them into
 * s->r.weights. Returns its value, INFINITY where none is finite. */
static double descend(asc__session *s, double *starts, double *values, size_t n, int max_steps, const char *what)
{
    double best = INFINITY;
    assert(n > 0);
    for (size_t k = 0; k < n; k++) {
        values[k] = asc__solve_from(s, &s->fn, starts + k * s->D, s->work, max_steps);
        asc__tell(s, what, (double)(k + 1), (double)n);
        if (values[k] < best) {
            best = values[k];
            memcpy(s->r.weights, starts + k * s->D, s->D * sizeof *starts);
        }
    }
    return best;
}

asc_status asc__search_estimate(asc__session *s)
{
    enum { RANDOM = 6, MOST = 3 + RANDOM };
    size_t D = s->D, agree = 0, n = s->large ? 4 : MOST;
    assert(n > 3 && n <= MOST);
    double *starts = asc_calloc(MOST, D * sizeof *starts), values[MOST], best = INFINITY;
    if (!starts)
        return ASC_NOMEM(s->err);
    memcpy(starts, s->uniform, D * sizeof *starts);
    asc__sampled_mean(s, starts + D);
    memcpy(starts + 2 * D, s->o.limits.prior ? s->o.limits.prior : s->uniform, D * sizeof *starts);
    if (s->ddo) /* its closed form, which repetition or a prior has bent */
        asc__solve_ddo(s, starts + 2 * D, asc_ddo_axes_of(s->laws->laws), s->lo, s->hi);
    asc_status st = random_starts(s, starts + 3 * D, n - 3, s->steps ? 20000 : s->large ? 32 : 256);
    if (st == ASC_OK)
        best = descend(s, starts, values, n, s->large ? 60 : 1000, "optimize: starts");
    if (st == ASC_OK)
        st = asc__stopped(s);
    if (st == ASC_OK && !isfinite(best))
        st = ASC_FAIL(s->err, ASC_ENUMERIC, "optimize: the law predicts nothing finite within these bounds");
    for (size_t k = 0; st == ASC_OK && k < n; k++)
        agree += values[k] <= best + 1e-6;
    if (st == ASC_OK && agree < n && !s->large)
        asc_notes_say(&s->r.notes, STARTS_DIFFER, agree, n);
    asc_free(starts);
    return st;
}

asc_status asc__search_draws(asc__session *s)
{
    enum { STARTS = 3 };
    size_t D = s->D, n = s->large ? 2 : STARTS;
    double *starts = asc_calloc(STARTS, D * sizeof *starts), values[STARTS];
    if (!starts)
        return ASC_NOMEM(s->err);
    memcpy(starts, s->r.weights, D * sizeof *starts);
    memcpy(starts + D, s->uniform, D * sizeof *starts);
    asc__sampled_mean(s, starts + 2 * D);
    double best = descend(s, starts, values, n, s->large ? 100 : 1000, "optimize: expected objective");
    asc_free(starts);
    ASC_TRY(asc__stopped(s));
    return isfinite(best) ? ASC_OK : ASC_FAIL(s->err, ASC_ENUMERIC, "optimize: the law's draws predict nothing finite");
}
