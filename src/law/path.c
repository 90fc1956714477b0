/* The fit of one target: a tied fit for the centre of the prior, then all parameters along a path of prior strengths,
 * from the strongest (where one minimum is near all starts) to the weakest, each from the last. */
#include "law_private.h"

#include <math.h>
#include <string.h>

const double asc__path_lambda[ASC__PATH] = {1, 1e-1, 2e-2, 3e-3};

/* The best of the family's starts at the strongest prior, into theta. A family with a tied fit starts from that alone:
 * at the strongest prior every start of theirs ends in the same minimum (measured, docs/results/laws.md). */
static asc__lm_result first_fit(asc__lm *m, const asc__family *fam, const asc__data *d, double *theta, double *start,
                                size_t p, const asc__lm_opts *o, bool tied)
{
    asc__lm_result best = {.cost = INFINITY};
    if (tied) {
        memcpy(theta, m->centre, p * sizeof *theta);
        return asc__lm_solve(m, fam, d, theta, o);
    }
    for (size_t k = 0; fam->start(d, k, start, m->scratch); k++) {
        asc__lm_result r = asc__lm_solve(m, fam, d, start, o);
        if (r.cost < best.cost) {
            best = r;
            memcpy(theta, start, p * sizeof *theta);
        }
    }
    return best;
}

/* The tied fit: where the prior pulls to. Coordinates with a centre of their own keep it. */
static void find_centre(asc__lm *m, const asc__family *fam, const asc__data *d, double *start, size_t p, size_t groups,
                        const asc__lm_opts *o)
{
    memcpy(start, m->centre, p * sizeof *start);
    asc__lm_solve_tied(m, fam, d, start, groups, o);
    for (size_t j = 0; j < p; j++)
        if (m->fixed[j] == 0)
            m->centre[j] = start[j];
}

bool asc__path_fit(asc__lm *m, const asc__family *fam, const asc__data *d, const asc__path_opts *o, double *thetas,
                   double *predictions, asc__lm_result *results)
{
    size_t p = fam->n_params(d->x->n_domains, d->x->has_tokens, d->x->has_params), ld = d->x->ld;
    double start[p], theta[p];
    memset(m->strength, 0, p * sizeof *m->strength);
    memset(m->fixed, 0, p * sizeof *m->fixed);
    fam->bounds(d, m->lo, m->hi);
    if (!fam->start(d, 0, m->centre, m->scratch))
        return false;
    fam->prior(d, m->centre, m->strength, m->fixed);
    asc__pool_prior(d, p, m->centre, m->fixed);
    size_t groups = fam->tie ? fam->tie(d, m->tie) : 0;
    asc__lm_opts lm = {.huber = o->huber, .max_iter = 30, .tol = 1e-5};
    if (groups)
        find_centre(m, fam, d, start, p, groups, &lm);
    lm.max_iter = o->max_iter;
    lm.tol = o->tol;
    for (size_t s = 0; s < o->n_path; s++) {
        lm.lambda = asc__path_lambda[s];
        results[s] =
            s == 0 ? first_fit(m, fam, d, theta, start, p, &lm, groups > 0) : asc__lm_solve(m, fam, d, theta, &lm);
        if (!isfinite(results[s].cost))
            return false;
        memcpy(thetas + s * p, theta, p * sizeof *theta);
        if (predictions)
            memcpy(predictions + s * ld, m->f, ld * sizeof *predictions);
    }
    return true;
}
