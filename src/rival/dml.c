/* Data Mixing Laws [Ye et al. 2403.16952]: every target's loss is c + exp(t.w) of the shares; the mixture that the laws
 * of a swarm like best. */
#include "rivals.h"

#include <math.h>
#include <string.h>

asc_status asc__rival_fit(asc_law_set *out, const asc_rival_ask *a, asc_error *err)
{
    asc_law_opts o;
    asc_law_opts_init(&o);
    o.law = "dml";
    o.objective = a->objective;
    o.n_bootstrap = o.n_folds = 0;
    o.seed = a->seed;
    o.n_threads = a->n_threads;
    return asc_law_fit(out, a->swarm, &o, err);
}

asc_status asc__rival_optimum(double *w, const asc_law_set *laws, const asc_rival_ask *a, const double *hi,
                              const double *prior, double kl, asc_error *err)
{
    asc_mix_result r = {0};
    asc_mix_opts o;
    asc_mix_opts_init(&o);
    o.n_tokens = (int64_t)laws->tokens_hi;
    o.limits = (asc_limits){.lo = a->lo, .hi = hi ? hi : a->hi, .prior = prior, .kl = kl};
    o.trust = 0;
    o.seed = a->seed;
    o.n_threads = a->n_threads;
    o.no_intervals = o.point = true;
    asc_status st = asc_mix_optimum(&r, laws, &o, err);
    if (st == ASC_OK)
        memcpy(w, r.weights, a->n_domains * sizeof *w);
    asc_mix_result_clear(&r);
    return st;
}

static asc_status weights(double *w, const asc_rival_ask *a, asc_error *err)
{
    asc_law_set laws = {0};
    asc_status st = asc__rival_fit(&laws, a, err);
    if (st == ASC_OK)
        st = asc__rival_optimum(w, &laws, a, NULL, NULL, 0, err);
    asc_law_set_clear(&laws);
    return st;
}

const asc_rival asc__rival_dml = {
    .name = "dml",
    .help = "the optimum of c + exp(t.w), fitted to a swarm of proxies [Ye et al. 2403.16952]",
    .need = ASC_RIVAL_SWARM,
    .weights = weights};
