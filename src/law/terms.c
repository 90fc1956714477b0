/* What several families share: a term in P or N, its bounds and prior, and the groups of a tied fit. */
#include "private.h"

#include <assert.h>
#include <math.h>

void asc__power_term(const asc__kernels *k, const double *theta, const double *log_z, double *f, double *J, size_t ld,
                     double *scratch)
{
    assert(J || scratch);
    double slope = -exp(theta[1]);
    double *t = J ? J : scratch;
    k->exp_affine(t, theta[0], slope, log_z, ld);
    for (size_t r = 0; r < ld; r++)
        f[r] += t[r];
    for (size_t r = 0; J && r < ld; r++)
        J[ld + r] = slope * log_z[r] * t[r];
}

void asc__term_bounds(double *lo, double *hi)
{
    lo[0] = -18;
    hi[0] = 6;
    lo[1] = log(.03);
    hi[1] = log(2);
}

double asc__data_noise2(const asc__data *d)
{
    return d->noise2 > 0 ? d->noise2 : fmax(.01 * d->y_var, 1e-12);
}

double asc__prior_strength(const asc__data *d, double sd)
{
    assert(sd > 0);
    return asc__data_noise2(d) / (sd * sd);
}

/* .34: the exponents of Hoffmann et al. (2203.15556) and of its replication (2404.10102) lie between .28 and .37; those
 * of runs with one schedule each lie wider. */
#define EXPONENT .34
#define EXPONENT_SD .35

void asc__exponent_prior(const asc__data *d, double *centre, double *fixed, size_t at)
{
    centre[at] = log(EXPONENT);
    fixed[at] = asc__prior_strength(d, EXPONENT_SD);
}

bool asc__all_but_first(size_t j, size_t n_domains)
{
    return j > 0;
}

size_t asc__split(const asc__data *d, size_t *tie, size_t next)
{
    size_t D = d->x->n_domains, own = d->own, n = 1;
    assert(own == ASC_NONE || own < D);
    for (size_t i = 0; i < D; i++) {
        bool apart = own != ASC_NONE && D > 1 && (i == own) != (own == 0);
        tie[i] = next + (apart ? 1 : 0);
        n = apart ? 2 : n;
    }
    return next + n;
}
