/* ODM [Albalak et al. 2312.02406, Algorithm 1]: a bandit (EXP3) whose arms are the domains and whose reward is the
 * training loss, smoothed. */
#include "rivals.h"

#include <math.h>

#define SMOOTHING .9

/* state: rewards (D), the exploration rate of the step before. */
static size_t n_state(const asc_online_run *r)
{
    return r->n_domains + 1;
}

static void begin(double *state, double *w, const asc_online_run *r)
{
    state[r->n_domains] = 1 / (double)r->n_domains;
    asc__even_weights(state, w, r);
}

/* R_i <- .9 R_i + .1 loss_i / w_i of the domains that were drawn; w_i = (1 - D e_t) exp(e_{t-1} R_i) / sum + e_t. */
static void update(double *state, double *w, const asc_online_run *r, const asc_online_seen *x)
{
    size_t n = r->n_domains;
    double D = (double)n, sum = 0, before = state[n], most = -INFINITY;
    double now = fmin(1 / D, sqrt(log(D) / (D * (double)x->step)));
    for (size_t i = 0; i < n; i++) {
        if (isfinite(x->loss[i]))
            state[i] = SMOOTHING * state[i] + (1 - SMOOTHING) * x->loss[i] / w[i];
        most = fmax(most, before * state[i]);
    }
    for (size_t i = 0; i < n; i++)
        sum += exp(before * state[i] - most);
    for (size_t i = 0; i < n; i++)
        w[i] = (1 - D * now) * exp(before * state[i] - most) / sum + now;
    state[n] = now;
}

static const asc_online rule = {.name = "odm", .n_state = n_state, .begin = begin, .update = update};

const asc_rival asc__rival_odm = {.name = "odm",
                                  .help = "a bandit that is rewarded by the training loss [Albalak et al. 2312.02406]",
                                  .need = ASC_RIVAL_PROXY,
                                  .online = &rule};
