/* Long computations (fits, optima, decisions) in a thread of their own, so that the coordinator goes on to watch its
 * runs, to keep their limits, to heed signals and to show that it lives. What the computation works on belongs to that
 * thread meanwhile: the coordinator looks at processes and prints, and touches nothing else. */
#include "exec/exec.h"

#include <pthread.h>
#include <time.h>

#include "base/base_json.h"

#define TICK_S .2

typedef struct work {
    asc_status (*fn)(void *ctx, asc_error *err);
    void *ctx;
    asc_error err;
    asc_status status;
    bool done;
    pthread_mutex_t mutex;
    pthread_cond_t ended;
} work;

static void *run(void *arg)
{
    work *w = arg;
    asc_status st = w->fn(w->ctx, &w->err);
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

asc_status asc_background(asc_status (*fn)(void *ctx, asc_error *err), void *ctx,
                          void (*tick)(void *tick_ctx, double elapsed_s), void *tick_ctx, asc_error *err)
{
    work w = {.fn = fn, .ctx = ctx};
    pthread_t thread;
    double start = asc_now_s();
    pthread_mutex_init(&w.mutex, NULL);
    pthread_cond_init(&w.ended, NULL);
    if (pthread_create(&thread, NULL, run, &w) == 0) {
        while (!wait_some(&w))
            tick(tick_ctx, asc_now_s() - start);
        pthread_join(thread, NULL);
    } else
        run(&w); /* no thread to be had: in silence then */
    pthread_cond_destroy(&w.ended);
    pthread_mutex_destroy(&w.mutex);
    if (w.status != ASC_OK && err)
        *err = w.err;
    return w.status;
}
