#include "base/base.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>

struct job {
    atomic_size_t next;
    size_t n;
    void (*fn)(void *, size_t);
    void *ctx;
};

static void *worker(void *arg)
{
    struct job *j = arg;
    for (size_t i; (i = atomic_fetch_add(&j->next, 1)) < j->n;)
        j->fn(j->ctx, i);
    return NULL;
}

void asc_parallel_for(int n_threads, size_t n, void (*fn)(void *ctx, size_t i), void *ctx)
{
    enum { MAX_THREADS = 256 };
    pthread_t threads[MAX_THREADS];
    struct job j = {.n = n, .fn = fn, .ctx = ctx};
    if (n_threads > MAX_THREADS)
        n_threads = MAX_THREADS;
    if ((size_t)(n_threads > 0 ? n_threads : 0) > n)
        n_threads = (int)n;
    int started = 0;
    while (started < n_threads - 1 && pthread_create(&threads[started], NULL, worker, &j) == 0)
        started++;
    worker(&j); /* the caller works too: with no thread to be had the loop still ends */
    for (int t = 0; t < started; t++)
        pthread_join(threads[t], NULL);
}

int asc_cpu_count(void)
{
    cpu_set_t set;
    int n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    return n > 0 ? n : 1;
}

static double clock_s(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

double asc_now_s(void)
{
    return clock_s(CLOCK_MONOTONIC);
}

double asc_thread_cpu_s(void)
{
    return clock_s(CLOCK_THREAD_CPUTIME_ID);
}

static volatile sig_atomic_t interrupted;

void asc_interrupt_set(void)
{
    interrupted = 1;
}

void asc_interrupt_clear(void)
{
    interrupted = 0;
}

bool asc_interrupted(void)
{
    return interrupted != 0;
}
