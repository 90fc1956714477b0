/* The library in somebody else's process: their allocator, their jansson, their threads, their wish to stop. No test.h:
 * that one gives jansson our memory, as the command does, which a library must not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "runs.h"

/* ---- an allocator that counts, and can fail ---- */

typedef struct counter {
    atomic_long live, calls, fail_at; /* fail_at 0: never */
} counter;

static counter heap;

static bool fails(counter *c)
{
    return ++c->calls == c->fail_at;
}

static void *take(void *ctx, size_t n)
{
    counter *c = ctx;
    void *p = fails(c) ? NULL : malloc(n);
    c->live += p != NULL;
    return p;
}

static void *move(void *ctx, void *p, size_t n)
{
    return fails(ctx) ? NULL : realloc(p, n);
}

static void release(void *ctx, void *p)
{
    ((counter *)ctx)->live--;
    free(p);
}

static int set_allocator(void **state)
{
    asc_error err = {ASC_OK, ""};
    asc_allocator a = {take, move, release, &heap}, half = {take, NULL, release, &heap};
    assert_int_equal(asc_set_allocator(&half, &err), ASC_EINVAL);
    assert_int_equal(asc_set_allocator(&a, &err), ASC_OK);
    return 0;
}

/* From a table to a mixture's export. */
static asc_status whole_answer(const run_table *runs, const char *law, size_t draws, const char *path, asc_error *err)
{
    asc_table_arrays arrays = runs_arrays(runs);
    asc_fit_options fit = {.size = sizeof fit, .law = law, .draws = draws, .threads = 2};
    asc_optimize_options at = {.size = sizeof at, .tokens = 1000000000, .threads = 2};
    asc_what_if_options ask = {.size = sizeof ask, .tokens = 1e9};
    asc_table *table = NULL;
    asc_laws *laws = NULL, *again = NULL;
    asc_mixture *mixture = NULL;
    const asc_optimum *best = NULL;
    const asc_what_if_answer *what = NULL;
    char *text = NULL;
    asc_status st = asc_table_from_arrays(&table, &arrays, err);
    if (st == ASC_OK)
        st = asc_laws_fit(&laws, table, &fit, err);
    if (st == ASC_OK)
        st = asc_laws_optimize(&best, laws, &at, err);
    if (st == ASC_OK)
        st = asc_laws_what_if(&what, laws, best->shares, 1, &ask, err);
    if (st == ASC_OK)
        st = asc_optimum_mixture(&mixture, best, laws, &at, err);
    if (st == ASC_OK)
        st = asc_mixture_export(&text, mixture, "megatron", 0, err);
    if (st == ASC_OK && path)
        st = asc_laws_save(laws, path, err);
    if (st == ASC_OK && path)
        st = asc_laws_load(&again, path, err);
    asc_text_free(text);
    asc_mixture_free(mixture);
    asc_what_if_free(what);
    asc_optimum_free(best);
    asc_laws_free(again);
    asc_laws_free(laws);
    asc_table_free(table);
    return st;
}

static void allocator__gets_back_what_it_gave(void **state)
{
    static run_table runs;
    asc_error err = {ASC_OK, ""};
    char path[] = "/tmp/asc-law-XXXXXX";
    json_malloc_t json_take = NULL, json_take_then = NULL;
    json_free_t json_release = NULL, json_release_then = NULL;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    json_get_alloc_funcs(&json_take, &json_release);
    runs_make(&runs, 0);
    if (whole_answer(&runs, "auto", 20, path, &err) != ASC_OK)
        fail_msg("%s", err.msg);
    assert_true(heap.calls > 1000);
    assert_int_equal(heap.live, 0);
    json_get_alloc_funcs(&json_take_then, &json_release_then);
    assert_true(json_take == json_take_then && json_release == json_release_then && json_take == malloc);
    asc_allocator other = {take, move, release, NULL};
    assert_int_equal(asc_set_allocator(&other, &err), ASC_ESTATE); /* too late */
    unlink(path);
}

/* Every stride-th allocation fails once: a status, a line, and nothing is lost. */
static void allocator__may_fail_anywhere(void **state)
{
    static run_table runs;
    asc_error err = {ASC_OK, ""};
    runs_make(&runs, 0);
    heap.calls = 0;
    assert_int_equal(whole_answer(&runs, "dml", 5, NULL, &err), ASC_OK);
    long n = heap.calls, stride = n / 300 + 1;
    int failed = 0;
    for (long k = 1; k <= n; k += k < 40 ? 1 : stride) {
        err = (asc_error){ASC_OK, ""};
        heap.calls = 0;
        heap.fail_at = k;
        asc_status st = whole_answer(&runs, "dml", 5, NULL, &err);
        heap.fail_at = 0;
        failed += st != ASC_OK;
        if (st != ASC_OK && (st != ASC_ENOMEM || strcmp(err.msg, "out of memory") != 0))
            fail_msg("allocation %ld: %d: %s", k, st, err.msg);
        if (heap.live != 0)
            fail_msg("allocation %ld: %ld blocks lost", k, heap.live);
    }
    assert_true(failed > 30);
}

/* ---- threads ---- */

typedef struct job {
    run_table runs;
    const char *law;
    bool stop; /* by its hook, after a few questions */
    atomic_int asked;
    asc_status status;
    double answer[D + V + 1];
} job;

static bool wants_to_stop(void *ctx)
{
    job *j = ctx;
    return ++j->asked > 20 && j->stop;
}

static asc_status answer(job *j, asc_error *err)
{
    static const double tokens[D] = {3e8, 2e8, 1e8};
    asc_hooks hooks = {.size = sizeof hooks, .interrupted = wants_to_stop, .ctx = j};
    asc_table_arrays arrays = runs_arrays(&j->runs);
    asc_fit_options fit = {.size = sizeof fit, .law = j->law, .draws = 40, .threads = 2, .hooks = &hooks};
    asc_optimize_options at = {.size = sizeof at, .tokens = 1000000000, .threads = 2, .hooks = &hooks};
    asc_table *table = NULL;
    asc_laws *laws = NULL;
    const asc_optimum *best = NULL;
    asc_status st = asc_table_from_arrays(&table, &arrays, err);
    if (st == ASC_OK)
        st = asc_laws_fit(&laws, table, &fit, err);
    if (st == ASC_OK)
        st = asc_laws_optimize(&best, laws, &at, err);
    if (st == ASC_OK)
        st = asc_laws_predict(j->answer, j->answer + V, laws, tokens, NAN, err);
    for (size_t i = 0; st == ASC_OK && i < D; i++)
        j->answer[V + 1 + i] = best->shares[i];
    asc_optimum_free(best);
    asc_laws_free(laws);
    asc_table_free(table);
    return st;
}

static void *work(void *ctx)
{
    job *j = ctx;
    asc_error err = {ASC_OK, ""};
    j->status = answer(j, &err);
    return NULL;
}

enum { JOBS = 4 };

static void threads__fit_at_the_same_time(void **state)
{
    static const char *const laws[JOBS] = {"dml", "effective", "reciprocal-mult", "effective"};
    static job alone[JOBS], together[JOBS];
    pthread_t threads[JOBS];
    for (int i = 0; i < JOBS; i++) {
        runs_make(&alone[i].runs, i);
        runs_make(&together[i].runs, i);
        alone[i].law = together[i].law = laws[i];
        work(&alone[i]);
    }
    together[3].stop = true;
    for (int i = 0; i < JOBS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, work, &together[i]), 0);
    for (int i = 0; i < JOBS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < JOBS; i++)
        assert_true(alone[i].status == ASC_OK && alone[i].asked > 20);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(together[i].status, ASC_OK);
        assert_memory_equal(alone[i].answer, together[i].answer, sizeof alone[i].answer);
    }
    assert_int_equal(together[3].status, ASC_EINTR); /* alone, the others went on */
    assert_int_equal(heap.live, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(allocator__gets_back_what_it_gave),
        cmocka_unit_test(allocator__may_fail_anywhere),
        cmocka_unit_test(threads__fit_at_the_same_time),
    };
    return cmocka_run_group_tests(tests, set_allocator, NULL);
}
