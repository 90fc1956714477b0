/* The table of executors: an executor added through the table alone. The source of the table is compiled here with one
 * more row: that row and the functions below are all that a new executor takes; the queue runs on it. */
#include "test.h"

#include <stdlib.h>
#include <unistd.h>

#include "exec/exec_queue.h"

#include "executors.h"

static asc_status create_toy(asc_executor **out, const asc_exec_place *place, asc_error *err);
#define ASC__ONE_MORE_EXECUTOR {"toy", create_toy, {"sh", "no-such-command"}, "Toyland"},
#include "executor.c"

/* ---- the new executor's file: every program is run to its end at once ---- */

typedef struct toy {
    asc_executor base;
    int n_started;
} toy;

static toy *last_made;

static asc_status start(asc_executor *e, asc_job **jobs, const asc_launch *launches, size_t n, size_t *n_started,
                        asc_error *err)
{
    for (*n_started = 0; *n_started < n; ++*n_started) {
        asc_job *job = jobs[*n_started];
        asc_buf said = {0};
        asc_status st = asc_ask(launches[*n_started].argv, NULL, &said, &job->exit_code, err);
        asc_buf_clear(&said);
        ASC_TRY(st);
        ((toy *)e)->n_started++;
    }
    return ASC_OK;
}

static asc_job_state poll_toy(asc_executor *e, asc_job *job)
{
    return ASC_JOB_ENDED;
}

static void stop(asc_executor *e, asc_job *job, bool force) {}

static void wait_toy(asc_executor *e, asc_job *const *jobs, size_t n, double timeout_s) {}

static void destroy(asc_executor *e)
{
    last_made = NULL;
    asc_free(e);
}

static asc_status create_toy(asc_executor **out, const asc_exec_place *place, asc_error *err)
{
    toy *t = asc_calloc(1, sizeof *t);
    if (!t)
        return ASC_NOMEM(err);
    t->base = (asc_executor){.name = "toy", .capacity = 2, .together = 2};
    t->base.start = start;
    t->base.poll = poll_toy;
    t->base.stop = stop;
    t->base.wait = wait_toy;
    t->base.destroy = destroy;
    last_made = t;
    *out = &t->base;
    return ASC_OK;
}

/* ---- what comes with it ---- */

static char work[] = "/tmp/asc-toy-XXXXXX";
static int n_ended;

static asc_status prepare(void *ctx, size_t run, asc_error *err)
{
    return ASC_OK;
}

static asc_status launch(asc_launch *out, void *ctx, const size_t *list, size_t n, size_t place, asc_error *err)
{
    const char *const words[] = {"/bin/sh", "-c", "echo good >$0/result.json", work, NULL};
    return asc_launch_words(out, words, work, err);
}

static asc_status take(bool *found, void *ctx, size_t run, double wall_s, asc_error *err)
{
    char *path = asc_path_join(work, "result.json");
    *found = asc_path_exists(path);
    asc_free(path);
    return ASC_OK;
}

static bool has_result(void *ctx, size_t run)
{
    bool found = false;
    take(&found, ctx, run, 0, NULL);
    return found;
}

static asc_status started(void *ctx, size_t run, const asc_job *j, bool counted, asc_error *err)
{
    return ASC_OK;
}

static asc_status waits(void *ctx, size_t run, const char *why, asc_error *err)
{
    return ASC_OK;
}

static asc_status ended(void *ctx, size_t run, const char *why, asc_error *err)
{
    n_ended++;
    assert_null(why);
    return ASC_OK;
}

static void note(void *ctx, const char *line, bool lasting) {}

static void progress(void *ctx, double under_way) {}

static void table__the_queue_runs_on_a_new_executor(void **state)
{
    asc_error err = {0};
    asc_queue *q = NULL;
    const asc_queue_opts o = {.place = {.executor = "toy", .dir = work, .capacity = 1}};
    const asc_queue_calls calls = {.prepare = prepare,
                                   .launch = launch,
                                   .take = take,
                                   .has_result = has_result,
                                   .started = started,
                                   .waits = waits,
                                   .ended = ended,
                                   .note = note,
                                   .progress = progress};
    const asc_queue_item item = {.id = "x", .dir = work, .tokens = 1};
    assert_non_null(mkdtemp(work));
    assert_int_equal(asc_queue_create(&q, &o, &calls, &err), ASC_OK);
    assert_int_equal(asc_queue_make(q, &item, 1, &err), ASC_OK);
    assert_int_equal(last_made->n_started, 1);
    assert_int_equal(n_ended, 1);
    asc_queue_free(q);
    assert_null(last_made);
    assert_int_equal(asc_remove_tree(work, NULL), ASC_OK);
}

static void table__what_it_needs_is_checked_by_its_row(void **state)
{
    asc_error err = {0};
    const asc_exec_place place = {.executor = "toy"}, other = {.executor = "no-such"};
    asc_executor *e = NULL;
    assert_int_equal(asc_executor_check(&place, &err), ASC_EMISSING);
    assert_non_null(strstr(err.msg, "executor: toy: `no-such-command` not found"));
    assert_non_null(strstr(err.msg, "Toyland"));
    assert_int_equal(asc_executor_create(&e, &other, &err), ASC_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table__the_queue_runs_on_a_new_executor),
        cmocka_unit_test(table__what_it_needs_is_checked_by_its_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
