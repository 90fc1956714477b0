/* Gradient spikes: a run that was thrown off its course for a moment and came back. Its loss need not tell. */
#include "run_state.h"

#include <assert.h>
#include <math.h>

/* Ours, measured on 1109 runs of some forty studies (docs/results/reliability.md): the largest step is under 8 times
 * the level in 93 of 100 runs, over 16 in 4. The level follows the logarithm of the norm; upward a step counts for no
 * more than a doubling, so that a burst does not raise what it is measured by. */
#define BURST 10.
#define NORM_SHARE (1. / 16)
#define LOSS_SHARE (1. / 4)
enum { FIRST_STEPS = 8 }; /* until there is a level to compare with */

static void found_one(asc_bursts *b, const train_state *s, double tokens, double loss, double norm, double times)
{
    b->n++;
    if (times <= b->times)
        return;
    b->step = s->step;
    b->tokens = tokens;
    b->grad_norm = norm;
    b->times = times;
    b->loss_up = loss - s->burst.loss;
}

void asc__bursts_watch(train_state *s, double tokens, double loss, double grad_norm)
{
    burst_watch *w = &s->burst;
    if (!isfinite(loss) || !isfinite(grad_norm) || !(grad_norm > 0))
        return;
    double z = log(grad_norm);
    if (w->seen == 0) {
        w->log_norm = z;
        w->loss = loss;
    }
    assert(w->seen >= 0 && isfinite(w->log_norm));
    double times = exp(z - w->log_norm);
    if (w->seen >= FIRST_STEPS && times > BURST)
        found_one(&w->found, s, tokens, loss, grad_norm, times);
    w->log_norm += NORM_SHARE * fmin(log(2), z - w->log_norm);
    w->loss += LOSS_SHARE * (loss - w->loss);
    w->seen++;
}
