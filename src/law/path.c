/* The fit of one target: a tied fit for the centre of the prior, then all parameters along a path of prior widths, from
 * the tightest (where one minimum is near all starts) to none, each from the last. */
#include "private.h"

#include <assert.h>
#include <math.h>
#include <string.h>

const double asc__path_sd[ASC__PATH] = {.1, .3, .7, 1.7, 5, 20, 200};

asc_status asc__path_init(asc__path *t, size_t p, asc_error *err)
{
    *t = (asc__path){.p = p};
    t->memory = asc_calloc(6 * p + 1, sizeof *t->memory);
    if (!t->memory)
        return ASC_NOMEM(err);
    double **slot[] = {&t->lo, &t->hi, &t->centre, &t->strength, &t->fixed, &t->theta};
    for (size_t i = 0; i < sizeof slot / sizeof *slot; i++)
        *slot[i] = t->memory + i * p;
    return ASC_OK;
}

void asc__path_clear(asc__path *t)
{
    asc_free(t->memory);
    *t = (asc__path){0};
}

void asc__path_load(const asc__path *t, asc__lm *m)
{
    assert(t->p <= m->p);
    size_t size = t->p * sizeof *t->lo;
    memcpy(m->lo, t->lo, size);
    memcpy(m->hi, t->hi, size);
    memcpy(m->centre, t->centre, size);
    memcpy(m->strength, t->strength, size);
    memcpy(m->fixed, t->fixed, size);
}

/* The tied fit: where the prior pulls to. Coordinates with a centre of their own keep it. */
static void find_centre(asc__path *t, asc__lm *m, const asc__family *fam, const asc__data *d, double huber)
{
    size_t groups = fam->tie ? fam->tie(d, m->tie) : 0;
    asc__lm_opts o = {.huber = huber, .max_iter = 30, .tol = 1e-5};
    memcpy(t->theta, t->centre, t->p * sizeof *t->theta);
    if (!groups)
        return;
    asc__path_load(t, m);
    asc__lm_solve_tied(m, fam, d, t->theta, groups, &o);
    for (size_t j = 0; j < t->p; j++)
        if (t->fixed[j] == 0)
            t->centre[j] = t->theta[j];
    memcpy(t->theta, t->centre, t->p * sizeof *t->theta);
}

bool asc__path_begin(asc__path *t, asc__lm *m, const asc__family *fam, const asc__data *d, const asc__path_opts *o)
{
    memset(t->memory, 0, 6 * t->p * sizeof *t->memory);
    fam->bounds(d, t->lo, t->hi);
    if (!fam->start(d, 0, t->centre, m->scratch))
        return false;
    fam->prior(d, t->centre, t->strength, t->fixed);
    asc__pool_prior(d, t->p, t->centre, t->fixed);
    find_centre(t, m, fam, d, o->huber);
    return true;
}

/* The best of the family's starts at the tightest prior. A family with a tied fit starts from that alone: at the
 * tightest prior every start of theirs ends in the same minimum (measured, docs/results/laws.md). */
static asc__lm_result first_step(asc__path *t, asc__lm *m, const asc__family *fam, const asc__data *d,
                                 const asc__lm_opts *o)
{
    asc__lm_result best = {.cost = INFINITY};
    double start[t->p];
    for (size_t k = 0; fam->start(d, k, start, m->scratch); k++) {
        asc__lm_result r = asc__lm_solve(m, fam, d, start, o);
        if (r.cost < best.cost) {
            best = r;
            memcpy(t->theta, start, sizeof start);
        }
    }
    if (isfinite(best.cost)) /* predictions of the best, not of the last */
        fam->eval(d->x, d->own, t->theta, m->f, NULL, m->scratch);
    return best;
}

asc__lm_result asc__path_step(asc__path *t, asc__lm *m, const asc__family *fam, const asc__data *d, size_t s,
                              const asc__path_opts *o)
{
    assert(s < ASC__PATH);
    asc__lm_opts lm = {.huber = o->huber, .max_iter = o->max_iter, .tol = o->tol};
    lm.lambda = asc__prior_strength(d, asc__path_sd[s]);
    asc__path_load(t, m);
    return s == 0 && !fam->tie ? first_step(t, m, fam, d, &lm) : asc__lm_solve(m, fam, d, t->theta, &lm);
}
