/* How fast models of each size are made here, measured; those that this machine has no memory for, by their FLOPs. */
#include "steps.h"

#include <math.h>

#include "device/device.h"

enum { MAX_SIDE = 16 }; /* measurements at once */

/* The same measurement on as many cores as the study will use at once: side by side they share caches and memory. */
typedef struct side_by_side {
    const asc__study *s;
    const asc_model_spec *model;
    asc_training_spec training;
    asc_train_speed speed[MAX_SIDE];
    asc_status status[MAX_SIDE];
    asc_error error[MAX_SIDE];
} side_by_side;

static void measure_one(void *ctx, size_t i)
{
    side_by_side *x = ctx;
    const asc__study *s = x->s;
    double seconds = fmax(.25, 1 / (double)s->n_sizes); /* many sizes are not measured longer than a few */
    x->status[i] = asc_train_measure(&x->speed[i], x->model, &x->training, asc_device_isa_resolve(s->isa),
                                     s->spec->threads, seconds, &x->error[i]);
}

static int side(const asc__study *s)
{
    int cores = asc_cpu_count() / s->spec->threads, n = s->jobs < cores ? s->jobs : cores;
    return n < 1 ? 1 : n > MAX_SIDE ? MAX_SIDE : n;
}

asc_status asc__measure_speed(asc_train_speed *out, const asc__study *s, const asc__size *z, asc_dtype dtype,
                              asc_error *err)
{
    int n = side(s);
    side_by_side x = {.s = s, .model = &z->model, .training = s->spec->training};
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

asc_train_speed asc__speed_by_flops(const asc_train_speed *v, const asc__size *of, const asc__size *z)
{
    double larger = asc__size_params(z) / asc__size_params(of);
    asc_train_speed x = *v;
    x.train_tokens_per_s *= asc__train_flops(of, 1) / asc__train_flops(z, 1);
    x.eval_tokens_per_s *= asc__eval_flops(of, 1) / asc__eval_flops(z, 1);
    x.update_s *= larger;
    x.checkpoint_s *= larger;
    return x;
}

double asc__size_memory(const asc__study *s, const asc__size *z)
{
    const asc_training_spec *t = &s->spec->training;
    asc_train_steps steps = asc_train_steps_of(&z->model, t, INT64_MAX / 4);
    asc_model_opts o = {.isa = asc_device_isa_resolve(s->isa),
                        .dtype = t->dtype,
                        .threads = s->spec->threads,
                        .micro_batch = (int)steps.micro_batch,
                        .training = true};
    return isnan(z->params) ? (double)asc_model_memory(&z->model, &o) : NAN;
}

/* Whether a run of it is made here: the last size may stand for a target that is not. */
static bool is_made(const asc__study *s, size_t i)
{
    const asc__size *z = &s->sizes[i];
    bool scale = false;
    for (size_t k = 0; k < s->spec->n_scales; k++)
        scale |= asc__size_of(s, asc__size_at_scale(s, k)) == z;
    bool swarm = asc_study_has_swarm(s->spec) && asc__size_of(s, s->spec->search.model) == z;
    bool target = asc__target_size(s) == z && asc__target_trained(s);
    return scale || swarm || target;
}

asc_status asc__measure_sizes(asc_train_speed *out, bool *timed, asc_notes *notes, const asc__study *s, asc_error *err)
{
    double room = asc_memory_available() / side(s);
    size_t best = SIZE_MAX;
    char params[32], bytes[32];
    for (size_t i = 0; i < s->n_sizes; i++) {
        const asc__size *z = &s->sizes[i];
        double memory = asc__size_memory(s, z);
        if (s->n_sizes > 1 && (!is_made(s, i) || !(memory < room))) {
            if (is_made(s, i) && memory >= room && isnan(z->params))
                asc_notes_say(notes, NO_MEMORY, asc_format_count(asc__size_params(z), params),
                              asc_format_si(memory, bytes));
            continue;
        }
        ASC_TRY(asc__measure_speed(&out[i], s, z, s->spec->training.dtype, err));
        best = best == SIZE_MAX || asc__size_params(z) > asc__size_params(&s->sizes[best]) ? i : best;
    }
    for (size_t i = 0; best != SIZE_MAX && i < s->n_sizes; i++)
        if (!(out[i].train_tokens_per_s > 0))
            out[i] = asc__speed_by_flops(&out[best], &s->sizes[best], &s->sizes[i]);
    *timed = best != SIZE_MAX;
    return ASC_OK;
}
