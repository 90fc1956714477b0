/* DoGE [Fan et al. 2310.15393, Algorithm 1]: weights grow with how far a domain's gradient goes along the goal's; the
 * answer is their mean over the steps. Scores are divided by the mean norm of the gradients and clipped, as the
 * authors' code does. */
#include "rivals.h"

#include <math.h>

#define MU .05
#define MOST_SCORE 5.
#define TINY 1e-6 /* added to the norm */

/* w <- w exp(lr clip(score / norm, 0, 5) / mu), normalised. */
static void update(double *state, double *w, const asc_online_run *r, const asc_online_seen *x)
{
    double sum = 0;
    for (size_t i = 0; i < r->n_domains; i++) {
        double score = isfinite(x->score[i]) ? x->score[i] / (x->norm + TINY) : 0;
        sum += w[i] *= exp(x->lr * fmin(fmax(score, 0), MOST_SCORE) / MU);
    }
    for (size_t i = 0; i < r->n_domains; i++)
        w[i] /= sum;
}

static const asc_online rule = {
    .name = "doge", .gradients = true, .n_state = asc__no_state, .begin = asc__even_weights, .update = update};

const asc_rival asc__rival_doge = {.name = "doge",
                                   .help = "weights by the alignment of gradients [Fan et al. 2310.15393]",
                                   .need = ASC_RIVAL_PROXY,
                                   .online = &rule};
