/* Threads that wait on a condition between jobs. Spinning ones are slower than a single thread on a busy machine. */
#include "device/device.h"

#include <assert.h>
#include <pthread.h>

typedef struct worker {
    struct asc_pool *pool;
    size_t part;
    pthread_t thread;
} worker;

struct asc_pool {
    pthread_mutex_t lock;
    pthread_cond_t start, done;
    void (*fn)(void *, size_t, size_t);
    void *ctx;
    asc_interrupt interrupt; /* of the thread that runs the job */
    uint64_t job;            /* counts jobs; a worker runs each once */
    size_t n_active;         /* workers not yet through with the job */
    bool stop;
    size_t n_threads, n_started; /* workers are 1..n_threads-1 */
    worker workers[ASC_MAX_THREADS];
};

static void *work(void *arg)
{
    worker *w = arg;
    asc_pool *p = w->pool;
    uint64_t seen = 0;
    pthread_mutex_lock(&p->lock);
    for (;;) {
        while (p->job == seen && !p->stop)
            pthread_cond_wait(&p->start, &p->lock);
        if (p->stop)
            break;
        seen = p->job;
        asc_interrupt_use(p->interrupt);
        pthread_mutex_unlock(&p->lock);
        p->fn(p->ctx, w->part, p->n_threads);
        pthread_mutex_lock(&p->lock);
        if (--p->n_active == 0)
            pthread_cond_signal(&p->done);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

asc_status asc_pool_create(asc_pool **out, int n_threads, asc_error *err)
{
    if (n_threads < 1 || n_threads > ASC_MAX_THREADS)
        return ASC_FAIL(err, ASC_EINVAL, "threads = %d, expected 1..%d", n_threads, ASC_MAX_THREADS);
    asc_pool *p = asc_calloc(1, sizeof *p);
    if (!p)
        return ASC_NOMEM(err);
    p->n_threads = (size_t)n_threads;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->start, NULL);
    pthread_cond_init(&p->done, NULL);
    for (p->n_started = 1; p->n_started < p->n_threads; p->n_started++) {
        worker *w = &p->workers[p->n_started];
        *w = (worker){.pool = p, .part = p->n_started};
        if (!asc_thread_start(&w->thread, work, w)) {
            asc_pool_free(p);
            return ASC_FAIL(err, ASC_ENOMEM, "cannot start thread %zu of %d", p->n_started + 1, n_threads);
        }
    }
    *out = p;
    return ASC_OK;
}

void asc_pool_free(asc_pool *p)
{
    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    p->stop = true;
    pthread_cond_broadcast(&p->start);
    pthread_mutex_unlock(&p->lock);
    for (size_t i = 1; i < p->n_started; i++)
        pthread_join(p->workers[i].thread, NULL);
    pthread_mutex_destroy(&p->lock);
    pthread_cond_destroy(&p->start);
    pthread_cond_destroy(&p->done);
    asc_free(p);
}

int asc_pool_size(const asc_pool *p)
{
    return p ? (int)p->n_threads : 1;
}

void asc_pool_run(asc_pool *p, void (*fn)(void *ctx, size_t part, size_t n_parts), void *ctx)
{
    if (!p || p->n_threads == 1) {
        fn(ctx, 0, 1);
        return;
    }
    pthread_mutex_lock(&p->lock);
    assert(p->n_active == 0); /* one job at a time */
    p->fn = fn;
    p->ctx = ctx;
    p->interrupt = asc_interrupt_used();
    p->n_active = p->n_threads - 1;
    p->job++;
    pthread_cond_broadcast(&p->start);
    pthread_mutex_unlock(&p->lock);
    fn(ctx, 0, p->n_threads);
    pthread_mutex_lock(&p->lock);
    while (p->n_active > 0)
        pthread_cond_wait(&p->done, &p->lock);
    pthread_mutex_unlock(&p->lock);
}
