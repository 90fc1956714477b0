/* DoReMi [Xie et al. 2305.10429, Algorithm 1]: group DRO on the loss that a reference model does not have, by
 * exponentiated gradient; the answer is the mean of the weights over the steps. */
#include "rivals.h"

#include <math.h>

#define ETA 1.
#define SMOOTHING 1e-3

/* w <- (1 - c) w exp(eta excess) / sum + c / D; a domain that the step did not hold has no excess. */
static void update(double *state, double *w, const asc_online_run *r, const asc_online_seen *x)
{
    double sum = 0, D = (double)r->n_domains;
    for (size_t i = 0; i < r->n_domains; i++)
        sum += w[i] *= exp(ETA * (isfinite(x->excess[i]) ? x->excess[i] : 0));
    for (size_t i = 0; i < r->n_domains; i++)
        w[i] = (1 - SMOOTHING) * w[i] / sum + SMOOTHING / D;
}

static const asc_online rule = {
    .name = "doremi", .excess = true, .n_state = asc__no_state, .begin = asc__even_weights, .update = update};

const asc_rival asc__rival_doremi = {.name = "doremi",
                                     .help = "group DRO on the excess over a reference model [Xie et al. 2305.10429]",
                                     .need = ASC_RIVAL_PROXY,
                                     .online = &rule,
                                     .reference = true};
