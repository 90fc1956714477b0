/* Long computations of a study (fits, optima, decisions) in a thread of their own, so that the coordinator goes on to
 * watch its runs, to keep their limits, to heed signals and to show that it lives. The study belongs to that thread
 * meanwhile: the coordinator looks at processes and prints, and touches nothing else. */
#include "steps.h"

#include <pthread.h>
#include <time.h>

#define TICK_S .2
#define SILENT_S 2. /* what is done sooner is not worth a line */

typedef struct work {
    asc__study *s;
    asc__step_fn fn;
    size_t k;
    asc_error err;
    asc_status status;
    bool done;
    pthread_mutex_t mutex;
    pthread_cond_t ended;
} work;

static void *run(void *arg)
{
    work *w = arg;
    asc_status st = w->fn(w->s, w->k, &w->err);
    if (st == ASC_OK) /* what JSON lost for want of memory is known to this thread alone */
        st = asc_json_whole(&w->err);
    pthread_mutex_lock(&w->mutex);
    w->status = st;
    w->done = true;
    pthread_cond_signal(&w->ended);
    pthread_mutex_unlock(&w->mutex);
    return NULL;
}

static bool wait_some(work *w)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    long ns = t.tv_nsec + (long)(TICK_S * 1e9);
    t.tv_sec += ns / 1000000000;
    t.tv_nsec = ns % 1000000000;
    pthread_mutex_lock(&w->mutex);
    if (!w->done)
        pthread_cond_timedwait(&w->ended, &w->mutex, &t);
    bool done = w->done;
    pthread_mutex_unlock(&w->mutex);
    return done;
}

static void watch(work *w, const char *what, size_t n)
{
    const asc_study_opts *o = w->s->opts;
    double start = asc_now_s();
    while (!wait_some(w)) {
        char unit[80], time[24];
        double s = asc_now_s() - start;
        snprintf(unit, sizeof unit, "steps, for %s", asc_format_duration(s, time));
        if (w->s->tick)
            w->s->tick(w->s->tick_ctx);
        else if (o->progress && s > SILENT_S && !asc_interrupted())
            o->progress(o->ctx, what, (double)w->k, (double)n, unit);
    }
}

asc_status asc__study_step(asc__study *s, const char *what, asc__step_fn fn, size_t k, size_t n, asc_error *err)
{
    work w = {.s = s, .fn = fn, .k = k};
    pthread_t thread;
    pthread_mutex_init(&w.mutex, NULL);
    pthread_cond_init(&w.ended, NULL);
    if (pthread_create(&thread, NULL, run, &w) == 0) {
        watch(&w, what, n);
        pthread_join(thread, NULL);
    } else
        run(&w); /* no thread to be had: in silence then */
    pthread_cond_destroy(&w.ended);
    pthread_mutex_destroy(&w.mutex);
    if (w.status != ASC_OK && err)
        *err = w.err;
    return w.status;
}
