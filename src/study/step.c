/* Long computations of a study (fits, optima, decisions) in a thread of their own. How far they are is kept for the
 * coordinator, who alone prints. */
#include "steps.h"

#include <pthread.h>

#define SILENT_S 2. /* what is done sooner is not worth a line */

struct asc__step {
    asc__study *s;
    asc__step_fn fn;
    const char *what;
    size_t k, n;
    /* What the computation last said of itself, from whichever of its threads; stage "" before it said anything. */
    pthread_mutex_t mutex;
    char stage[64], unit[24];
    double done, total;
};

void asc__step_tell(void *study, const char *what, double done, double total, const char *unit)
{
    asc__step *x = ((const asc__study *)study)->step;
    if (!x)
        return;
    pthread_mutex_lock(&x->mutex);
    snprintf(x->stage, sizeof x->stage, "%s", what);
    snprintf(x->unit, sizeof x->unit, "%s", unit);
    x->done = done;
    x->total = total;
    pthread_mutex_unlock(&x->mutex);
}

static asc_status run_step(void *ctx, asc_error *err)
{
    asc__step *x = ctx;
    return x->fn(x->s, x->k, err);
}

/* The computation's own words where it has some: "predicting, cross-validating laws: 3 of 12 laws". */
static void say(asc__step *x, double elapsed_s)
{
    const asc_study_opts *o = x->s->opts;
    char stage[100], unit[80], time[24];
    pthread_mutex_lock(&x->mutex);
    double done = x->done, total = x->total;
    bool own = x->stage[0];
    snprintf(stage, sizeof stage, "%s%s%s", x->what, own ? ", " : "", x->stage);
    snprintf(unit, sizeof unit, "%s", x->unit);
    pthread_mutex_unlock(&x->mutex);
    if (!own) {
        done = (double)x->k;
        total = (double)x->n;
        snprintf(unit, sizeof unit, "steps, for %s", asc_format_duration(elapsed_s, time));
    }
    o->progress(o->ctx, stage, done, total, unit);
}

void asc__step_tick(void *step, double elapsed_s)
{
    asc__step *x = step;
    if (x->s->queue)
        asc_queue_tick(x->s->queue);
    else if (x->s->opts->progress && elapsed_s > SILENT_S && !asc_interrupted())
        say(x, elapsed_s);
}

asc_status asc__study_step(asc__study *s, const char *what, asc__step_fn fn, size_t k, size_t n, asc_error *err)
{
    asc__step x = {.s = s, .fn = fn, .what = what, .k = k, .n = n};
    pthread_mutex_init(&x.mutex, NULL);
    s->step = &x;
    asc_status st = asc_background(run_step, &x, asc__step_tick, &x, err);
    s->step = NULL;
    pthread_mutex_destroy(&x.mutex);
    return st;
}
