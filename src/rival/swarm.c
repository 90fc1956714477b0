/* The mixtures of a swarm, as RegMix draws them [Liu et al. 2407.01492, section 3.1 and the authors' settings]. */
#include "rivals.h"

#include <math.h>

#define TEMPERATURE .5
#define LEAST_STRENGTH .1
#define MOST_STRENGTH 5.
#define LEAST_SHARE 2e-4
#define TRACE 1e-6 /* of the prior in every draw, so that bounds can be kept (ours) */
enum { STRENGTHS = 15 };

static void keep_large(double *w, size_t D)
{
    double sum = 0;
    for (size_t i = 0; i < D; i++)
        sum += w[i] = w[i] < LEAST_SHARE ? 0 : w[i];
    for (size_t i = 0; i < D; i++)
        w[i] /= sum;
}

static asc_status draw(double *w, size_t k, const double *prior, size_t D, const double *lo, const double *hi,
                       uint64_t seed, asc_error *err)
{
    asc_rng r;
    bool moved = false;
    asc_rng_init(&r, seed, "rival/swarm", k);
    double z = (double)asc_rng_below(&r, STRENGTHS) / (STRENGTHS - 1);
    double strength = exp(log(LEAST_STRENGTH) + z * log(MOST_STRENGTH / LEAST_STRENGTH));
    ASC_TRY(asc_design_dirichlet(w, 1, prior, D, strength, NULL, NULL, asc_rng_u64(&r), err));
    keep_large(w, D);
    if (!lo && !hi)
        return ASC_OK;
    bool out = false;
    for (size_t i = 0; i < D; i++)
        out |= (lo && w[i] < lo[i]) || (hi && w[i] > hi[i]);
    for (size_t i = 0; out && i < D; i++)
        w[i] = (1 - TRACE) * w[i] + TRACE * prior[i];
    return out ? asc_mixture_within(w, &moved, w, D, lo, hi, err) : ASC_OK;
}

asc_status asc_rival_mixtures(double *w, size_t n, const double *natural, size_t D, const double *lo, const double *hi,
                              uint64_t seed, asc_error *err)
{
    double *prior = asc_calloc(D, sizeof *prior), sum = 0;
    asc_status st = prior ? ASC_OK : ASC_NOMEM(err);
    for (size_t i = 0; st == ASC_OK && i < D; i++)
        sum += prior[i] = pow(natural[i], TEMPERATURE);
    for (size_t i = 0; st == ASC_OK && i < D; i++)
        prior[i] /= sum;
    for (size_t k = 0; st == ASC_OK && k < n; k++)
        st = draw(w + k * D, k, prior, D, lo, hi, seed, err);
    asc_free(prior);
    return st;
}
