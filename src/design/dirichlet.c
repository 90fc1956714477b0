/* Mixtures from a Dirichlet distribution, as in [L24]. */
#include <assert.h>
#include <math.h>

#include "design/design.h"

/* Marsaglia and Tsang 2000; a < 1 through a + 1 and a power. */
static double gamma_draw(asc_rng *r, double a)
{
    assert(a > 0 && isfinite(a));
    if (a < 1)
        return gamma_draw(r, a + 1) * pow(1 - asc_rng_double(r), 1 / a);
    double d = a - 1. / 3, c = 1 / sqrt(9 * d);
    for (;;) {
        double x = asc_rng_normal(r), v = 1 + c * x, u = 1 - asc_rng_double(r);
        if (v <= 0)
            continue;
        v = v * v * v;
        if (log(u) < .5 * x * x + d - d * v + d * log(v))
            return d * v;
    }
}

static bool draw(double *w, asc_rng *r, const double *w0, size_t D, double concentration, const double *lo,
                 const double *hi)
{
    double sum = 0;
    for (size_t i = 0; i < D; i++)
        sum += w[i] = w0[i] > 0 ? gamma_draw(r, concentration * w0[i]) : 0;
    if (!(sum > 0))
        return false;
    for (size_t i = 0; i < D; i++) {
        w[i] /= sum;
        if ((lo && w[i] < lo[i]) || (hi && w[i] > hi[i]))
            return false;
    }
    return true;
}

asc_status asc_design_dirichlet(double *w, size_t n, const double *w0, size_t n_domains, double concentration,
                                const double *lo, const double *hi, uint64_t seed, asc_error *err)
{
    enum { TRIES = 1000 };
    assert(n_domains > 0 && (!lo == !hi));
    if (!(concentration > 0))
        return ASC_FAIL(err, ASC_EINVAL, "design: concentration: expected a number > 0, found %g", concentration);
    for (size_t k = 0; k < n; k++) {
        asc_rng r;
        asc_rng_init(&r, seed, "design/dirichlet", k);
        int tries = 0;
        while (!draw(w + k * n_domains, &r, w0, n_domains, concentration, lo, hi))
            if (++tries == TRIES)
                return ASC_FAIL(err, ASC_EINVAL, "design: no mixture within the bounds in %d draws", TRIES);
    }
    return ASC_OK;
}
