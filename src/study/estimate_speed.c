/* How fast a study's runs are made here: measured, for a second. */
#include "estimate.h"

#include <string.h>

size_t asc__first_group(const asc__study *s, size_t n)
{
    return asc_queue_group(n, asc__torch_most(s, &s->sizes[0]), asc__spreads(s) ? (size_t)asc__places(s) : 1);
}

#define GUESSED_FLOPS 40e12 /* a second, of a card that nobody has measured */

/* Where PyTorch or its device cannot be asked: a guess, and said to be one. */
static asc_status guess_torch(asc__estimate *e, asc__torch_speed_of *v, const char *why, asc_error *err)
{
    const asc__study *s = e->s;
    const char *of = "assuming a GPU sustains 40 TFLOP/s";
    if (strcmp(s->spec->device, "cpu") == 0 || (!s->torch.n_cards && s->spec->executor == ASC_EXECUTOR_LOCAL)) {
        asc_train_speed own;
        ASC_TRY(asc__measure_speed(&own, s, &s->sizes[0], ASC_DTYPE_FP32, err));
        *v = (asc__torch_speed_of){own.train_tokens_per_s, own.eval_tokens_per_s, 10, 1};
        of = "assuming PyTorch is as fast as the built-in trainer";
    } else
        *v = (asc__torch_speed_of){GUESSED_FLOPS / asc_flops_train(&s->model, 1),
                                   GUESSED_FLOPS / asc_flops_eval(&s->model, 1), 30,
                                   (double)asc__torch_most(s, &s->sizes[0])};
    asc_notes_say(&e->notes, GUESSED_SPEED, of, why);
    return ASC_OK;
}

/* Runs of the measured group: a star, a swarm's round; of a branch search one, for the target's own run takes most of
 * the time, and a few that are stacked are about as fast together. */
static size_t n_measured(const asc__study *s)
{
    size_t stars = asc__n_star_runs(s), rounds = (size_t)s->spec->search.rounds;
    if (asc__by_branches(s))
        return 1;
    return stars || !asc__by_swarm(s) ? stars : ((size_t)s->spec->search.runs + rounds - 1) / rounds;
}

/* The speed of one run among those that are stacked. */
static asc_status measure_torch(asc__estimate *e, const char *dir, asc_error *err)
{
    asc__study *s = e->s;
    asc_error why = {0};
    asc__torch_speed_of v = {0};
    size_t n = n_measured(s);
    asc_status st = asc__torch_find(s, &why);
    if (st != ASC_OK)
        asc_notes_say(&e->notes, WILL_REFUSE_HERE, why.msg);
    else if (s->spec->executor != ASC_EXECUTOR_LOCAL)
        st = ASC_FAIL(&why, ASC_EMISSING, "the cluster's nodes were not queried");
    else
        st = asc__torch_speed(&v, s, asc__first_group(s, n), dir, &why);
    if (st == ASC_ENOMEM)
        return ASC_NOMEM(err);
    if (st != ASC_OK)
        ASC_TRY(guess_torch(e, &v, why.msg, err));
    if (asc__by_branches(s))
        v.lanes = 1;
    e->lanes = v.lanes;
    e->group_s = v.start_s > 0 ? v.start_s : 0;
    e->speed[0] =
        (asc_train_speed){.train_tokens_per_s = v.tokens_per_s / v.lanes, .eval_tokens_per_s = v.eval_tokens_per_s};
    for (size_t i = 1; i < s->n_sizes; i++)
        e->speed[i] = asc__speed_by_flops(&e->speed[0], &s->sizes[0], &s->sizes[i]);
    e->timed = true;
    return e->tasks.n_judged ? asc__measure_speed(&e->fp32, s, asc__target_size(s), ASC_DTYPE_FP32, err) : ASC_OK;
}

asc_status asc__estimate_speed(asc__estimate *e, const char *dir, asc_error *err)
{
    const asc__study *s = e->s;
    asc_dtype dtype = s->spec->training.dtype;
    e->speed = asc_calloc(s->n_sizes, sizeof *e->speed);
    if (!e->speed)
        return ASC_NOMEM(err);
    if (s->spec->trainer.command)
        return ASC_OK; /* somebody else's speed */
    if (s->spec->trainer.torch)
        return measure_torch(e, dir, err);
    ASC_TRY(asc__study_check_place(s, err));
    const asc__size *target = asc__target_size(s);
    ASC_TRY(asc__measure_sizes(e->speed, &e->timed, &e->notes, s, err));
    e->fp32 = e->speed[target - s->sizes];
    return e->tasks.n_judged && dtype != ASC_DTYPE_FP32 ? asc__measure_speed(&e->fp32, s, target, ASC_DTYPE_FP32, err)
                                                        : ASC_OK;
}
