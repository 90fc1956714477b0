/* When a run has gone wrong for good. */
#include "run_state.h"

#include <assert.h>
#include <math.h>

/* Ours: an average over a step's batch moves by far less than a nat; a run this far above where it began, for this many
 * steps in a row, has lost what it had. */
#define FAR_NATS 1.0
enum { PATIENCE = 20 };

void asc__state_clear(train_state *s)
{
    asc_free(s->online);
    for (size_t i = 0; i < s->n_curve; i++)
        asc_free(s->curve[i].loss);
    asc_free(s->curve);
    *s = (train_state){.first_loss = NAN};
}

asc_curve_point *asc__state_add_point(train_state *s, double tokens, size_t n_targets)
{
    asc_curve_point *curve = asc_reallocarray(s->curve, s->n_curve + 1, sizeof *curve);
    if (!curve)
        return NULL;
    s->curve = curve;
    asc_curve_point *p = &curve[s->n_curve];
    *p = (asc_curve_point){.tokens = tokens, .loss = asc_calloc(n_targets + 1, sizeof *p->loss)};
    if (!p->loss)
        return NULL;
    s->n_curve++;
    return p;
}

bool asc__diverged(train_state *s, double loss, double grad_norm, int64_t n_steps, char *why)
{
    assert(s->step <= n_steps);
    long long step = (long long)s->step, n = (long long)n_steps;
    if (!isfinite(loss) || !isfinite(grad_norm)) {
        snprintf(why, 200, "step %lld of %lld: %s is not finite", step, n,
                 isfinite(loss) ? "the gradient" : "the loss");
        return true;
    }
    if (isnan(s->first_loss))
        s->first_loss = loss;
    s->high_steps = loss > s->first_loss + FAR_NATS ? s->high_steps + 1 : 0;
    if (s->high_steps < PATIENCE)
        return false;
    snprintf(why, 200, "step %lld of %lld: the loss has been more than %g nats above its start (%.4g) for %d steps",
             step, n, FAR_NATS, s->first_loss, PATIENCE);
    return true;
}
