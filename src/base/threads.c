#include "base/base.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

struct job {
    atomic_size_t next;
    size_t n;
    void (*fn)(void *, size_t);
    void *ctx;
    asc_interrupt interrupt;
};

static void *worker(void *arg)
{
    struct job *j = arg;
    asc_interrupt_use(j->interrupt);
    for (size_t i; (i = atomic_fetch_add(&j->next, 1)) < j->n;)
        j->fn(j->ctx, i);
    return NULL;
}

bool asc_thread_start(pthread_t *thread, void *(*fn)(void *), void *ctx)
{
    static const int own[] = {SIGBUS,  SIGSEGV, SIGFPE, SIGILL,
                              SIGTRAP, SIGSYS,  SIGPROF}; /* what a thread raises itself */
    sigset_t all, before;
    sigfillset(&all);
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        sigdelset(&all, own[i]);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool started = pthread_create(thread, NULL, fn, ctx) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

void asc_parallel_for(int n_threads, size_t n, void (*fn)(void *ctx, size_t i), void *ctx)
{
    enum { MAX_THREADS = 256 };
    pthread_t threads[MAX_THREADS];
    struct job j = {.n = n, .fn = fn, .ctx = ctx, .interrupt = asc_interrupt_used()};
    if (n_threads > MAX_THREADS)
        n_threads = MAX_THREADS;
    if ((size_t)(n_threads > 0 ? n_threads : 0) > n)
        n_threads = (int)n;
    int started = 0;
    while (started < n_threads - 1 && asc_thread_start(&threads[started], worker, &j))
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

double asc_memory_available(void)
{
    char line[128];
    double kb = -1;
    FILE *f = NULL;
    (void)asc_file_stream(&f, "/proc/meminfo", NULL);
    while (f && kb < 0 && fgets(line, sizeof line, f))
        if (sscanf(line, "MemAvailable: %lf kB", &kb) != 1)
            kb = -1;
    if (f)
        fclose(f);
    /* Without /proc what is free now, which a full file cache makes nearly nothing. */
    return kb >= 0 ? 1024 * kb : (double)sysconf(_SC_AVPHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);
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

static _Thread_local asc_interrupt used;

asc_interrupt asc_interrupt_use(asc_interrupt next)
{
    asc_interrupt before = used;
    used = next;
    return before;
}

asc_interrupt asc_interrupt_used(void)
{
    return used;
}

bool asc_interrupted(void)
{
    return used.asked ? used.asked(used.ctx) : interrupted != 0;
}
