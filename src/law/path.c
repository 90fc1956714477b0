/* The fit of one target: a tied fit for the centre of the prior, then all parameters along a path of prior strengths,
 * from the strongest (where one minimum is near all starts) to the weakest, each from the last. */
#include "law_private.h"

#include <math.h>
#include <string.h>

const double asc__path_lambda[ASC__PATH] = {1, 1e-1, 1e-2, 1e-3, 1e-4};

/* Best of the family's starts (and the tied fit) at the strongest prior, into theta. */
static asc__lm_result best_start(asc__lm *m, const asc__family *fam, const asc__data *d, double *theta, double *start,
                                 const asc__lm_opts *o, bool from_centre)
{
    size_t p = fam->n_params(d->x->n_domains, d->x->has_tokens, d->x->has_params);
    asc__lm_result best = {.cost = INFINITY};
    for (size_t k = 0; k < 9; k++) {
        if (k == 0 && from_centre)
            memcpy(start, m->centre, p * sizeof *start);
        else if (!fam->start(d, from_centre ? k - 1 : k, start, m->scratch))
            break;
        asc__lm_result r = asc__lm_solve(m, fam, d, start, o);
        if (r.cost < best.cost) {
            best = r;
            memcpy(theta, start, p * sizeof *theta);
        }
    }
    return best;
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
    size_t groups = fam->tie ? fam->tie(d, m->tie) : 0;
    asc__lm_opts lm = {.huber = o->huber, .max_iter = 40, .tol = 1e-7};
    if (groups) {
        memcpy(start, m->centre, p * sizeof *start);
        asc__lm_solve_tied(m, fam, d, start, groups, &lm);
        for (size_t j = 0; j < p; j++)
            if (m->strength[j] > 0)
                m->centre[j] = start[j];
        for (size_t j = 0; j < p; j++)
            if (m->strength[j] == 0 && m->fixed[j] == 0)
                m->centre[j] = start[j];
    }
    bool any = false;
    for (size_t s = 0; s < ASC__PATH; s++) {
        lm.lambda = asc__path_lambda[s];
        lm.max_iter = o->max_iter;
        lm.tol = o->tol;
        asc__lm_result r;
        if (!any)
            r = best_start(m, fam, d, theta, start, &lm, groups > 0);
        else
            r = asc__lm_solve(m, fam, d, theta, &lm);
        any = any || isfinite(r.cost);
        memcpy(thetas + s * p, theta, p * sizeof *theta);
        if (predictions)
            fam->eval(d->x, d->own, theta, predictions + s * ld, NULL, m->scratch);
        results[s] = r;
    }
    return any;
}
