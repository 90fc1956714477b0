/* Steps and learning rate of a run. */
#include "train/train.h"

#include <assert.h>
#include <math.h>

#include "model/model.h"

#define PI 3.14159265358979323846
#define WSD_DECAY .2 /* share of the run, its end, in which wsd falls */

asc_train_steps asc_train_steps_of(const asc_model_spec *m, const asc_training_spec *t, int64_t n_sequences)
{
    asc_train_steps s = {.n_sequences = n_sequences, .batch = t->batch_tokens / m->context};
    if (s.batch > n_sequences)
        s.batch = n_sequences;
    if (s.batch < 1)
        s.batch = 1;
    assert(n_sequences >= 0 && m->context > 0);
    s.n_steps = (n_sequences + s.batch - 1) / s.batch;
    s.last = s.n_steps > 0 ? n_sequences - (s.n_steps - 1) * s.batch : 0;
    s.micro_batch = t->micro_batch ? t->micro_batch : asc_model_micro_batch(m, t->batch_tokens);
    if (s.micro_batch > s.batch)
        s.micro_batch = s.batch;
    return s;
}

double asc_train_constant_until(const asc_training_spec *t)
{
    return t->schedule == ASC_SCHEDULE_WSD ? 1 - WSD_DECAY : t->schedule == ASC_SCHEDULE_CONSTANT ? 1 : 0;
}

/* The fall after the warm-up: 1 -> min_lr as p goes 0 -> 1. */
static double fall(const asc_training_spec *t, double p)
{
    assert(p >= 0 && p <= 1);
    return t->schedule == ASC_SCHEDULE_COSINE ? t->min_lr + (1 - t->min_lr) * .5 * (1 + cos(PI * p))
                                              : 1 + (t->min_lr - 1) * p;
}

double asc_train_lr(const asc_training_spec *t, int64_t step, int64_t n_steps)
{
    assert(step >= 0 && step < n_steps && t->warmup >= 0 && t->warmup < 1);
    double n = (double)n_steps, s = (double)step, warm = floor(t->warmup * n + .5);
    if (s < warm)
        return t->lr * (s + 1) / warm;
    if (t->schedule == ASC_SCHEDULE_CONSTANT)
        return t->lr;
    double start = warm;
    if (t->schedule == ASC_SCHEDULE_WSD) {
        start = fmax(warm, n - floor(WSD_DECAY * n + .5));
        if (s < start)
            return t->lr;
    }
    return t->lr * fall(t, (s - start) / (n - start));
}
