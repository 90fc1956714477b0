/* How fast a study's runs are made here: measured, for a second. */
#include "estimate.h"

#include <string.h>

#include "device/device.h"

enum { MAX_SIDE = 16 }; /* measurements at once */

size_t asc__first_group(const asc__study *s, size_t n)
{
    return asc_queue_group(n, asc__torch_most(s), asc__spreads(s) ? (size_t)asc__places(s) : 1);
}

/* The same measurement on as many cores as the study will use at once: side by side they share caches and memory. */
typedef struct side_by_side {
    const asc__study *s;
    asc_training_spec training;
    asc_train_speed speed[MAX_SIDE];
    asc_status status[MAX_SIDE];
    asc_error error[MAX_SIDE];
} side_by_side;

static void measure_one(void *ctx, size_t i)
{
    side_by_side *x = ctx;
    const asc__study *s = x->s;
    x->status[i] = asc_train_measure(&x->speed[i], &s->model, &x->training, asc_device_isa_resolve(s->isa),
                                     s->spec->threads, 1, &x->error[i]);
}

static asc_status measure_speed(asc_train_speed *out, const asc__study *s, asc_dtype dtype, asc_error *err)
{
    int cores = asc_cpu_count() / s->spec->threads, n = s->jobs < cores ? s->jobs : cores;
    n = n < 1 ? 1 : n > MAX_SIDE ? MAX_SIDE : n;
    side_by_side x = {.s = s, .training = s->spec->training};
    x.training.dtype = dtype;
    asc_parallel_for(n, (size_t)n, measure_one, &x);
    asc_train_speed v = x.speed[0];
    v.train_tokens_per_s = v.eval_tokens_per_s = v.update_s = 0;
    for (int i = 0; i < n; i++) {
        if (x.status[i] != ASC_OK)
            return ASC_FAIL(err, x.status[i], "%s", x.error[i].msg);
        v.train_tokens_per_s += x.speed[i].train_tokens_per_s / n;
        v.eval_tokens_per_s += x.speed[i].eval_tokens_per_s / n;
        v.update_s += x.speed[i].update_s / n;
    }
    *out = v;
    return ASC_OK;
}

#define GUESSED_FLOPS 40e12 /* a second, of a card that nobody has measured */

/* Where PyTorch or its device cannot be asked: a guess, and said to be one. */
static asc_status guess_torch(asc__estimate *e, asc__torch_speed_of *v, const char *why, asc_error *err)
{
    const asc__study *s = e->s;
    const char *of = "assuming a GPU sustains 40 TFLOP/s";
    if (strcmp(s->spec->device, "cpu") == 0 || (!s->torch.n_cards && s->spec->executor == ASC_EXECUTOR_LOCAL)) {
        asc_train_speed own;
        ASC_TRY(measure_speed(&own, s, ASC_DTYPE_FP32, err));
        *v = (asc__torch_speed_of){own.train_tokens_per_s, own.eval_tokens_per_s, 10, 1};
        of = "assuming PyTorch is as fast as the built-in trainer";
    } else
        *v = (asc__torch_speed_of){GUESSED_FLOPS / asc_flops_train(&s->model, 1),
                                   GUESSED_FLOPS / asc_flops_eval(&s->model, 1), 30, (double)asc__torch_most(s)};
    asc_notes_say(&e->notes, GUESSED_SPEED, of, why);
    return ASC_OK;
}

/* The speed of one run among those that are stacked. */
static asc_status measure_torch(asc__estimate *e, const char *dir, asc_error *err)
{
    asc__study *s = e->s;
    asc_error why = {0};
    asc__torch_speed_of v = {0};
    size_t stars = s->spec->n_scales * (2 * s->D + (size_t)s->spec->repeats);
    asc_status st = asc__torch_find(s, &why);
    if (st != ASC_OK)
        asc_notes_say(&e->notes, WILL_REFUSE_HERE, why.msg);
    else if (s->spec->executor != ASC_EXECUTOR_LOCAL)
        st = ASC_FAIL(&why, ASC_EMISSING, "the cluster's nodes were not queried");
    else
        st = asc__torch_speed(&v, s, asc__first_group(s, stars), dir, &why);
    if (st == ASC_ENOMEM)
        return ASC_NOMEM(err);
    if (st != ASC_OK)
        ASC_TRY(guess_torch(e, &v, why.msg, err));
    e->lanes = v.lanes;
    e->group_s = v.start_s > 0 ? v.start_s : 0;
    e->speed =
        (asc_train_speed){.train_tokens_per_s = v.tokens_per_s / v.lanes, .eval_tokens_per_s = v.eval_tokens_per_s};
    e->timed = true;
    return e->tasks.n_judged ? measure_speed(&e->fp32, s, ASC_DTYPE_FP32, err) : ASC_OK;
}

asc_status asc__estimate_speed(asc__estimate *e, const char *dir, asc_error *err)
{
    const asc__study *s = e->s;
    asc_dtype dtype = s->spec->training.dtype;
    if (s->spec->trainer.command)
        return ASC_OK; /* somebody else's speed */
    if (s->spec->trainer.torch)
        return measure_torch(e, dir, err);
    ASC_TRY(asc__study_check_place(s, err));
    ASC_TRY(measure_speed(&e->speed, s, dtype, err));
    e->fp32 = e->speed;
    e->timed = true;
    return e->tasks.n_judged && dtype != ASC_DTYPE_FP32 ? measure_speed(&e->fp32, s, ASC_DTYPE_FP32, err) : ASC_OK;
}
