/* The queue with runs that are shell commands: what it tells whoever owns them. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "exec/exec_queue.h"

enum { N = 8 };

/** What became of each run, as the calls told it. */
static struct {
    char *dir[N];
    const char *command[N];
    int n_started[N], n_waits[N], n_ended[N];
    size_t group[N]; /* runs of its last program */
    int n_launches;
    size_t last_place;
    const char *shape[N];
    size_t most; /* of a group */
    bool marks;  /* an end leaves a file "taken" */
    char why[N][900];
    double from, tokens; /* of each run's metrics */
    double most_under_way;
} runs;

static asc_status prepare(void *ctx, size_t run, asc_error *err)
{
    return asc_mkdirs(runs.dir[run], err);
}

/* The first run's command, with the folders of all as its words, in the first's folder. */
static asc_status launch(asc_launch *out, void *ctx, const size_t *list, size_t n, size_t place, asc_error *err)
{
    const char *words[4 + N + 1] = {"/bin/sh", "-c", runs.command[list[0]], "group"};
    for (size_t i = 0; i < n; i++)
        words[4 + i] = runs.dir[list[i]];
    for (size_t i = 0; i < n; i++)
        runs.group[list[i]] = n;
    runs.n_launches++;
    runs.last_place = place;
    ASC_TRY(asc_launch_words(out, words, runs.dir[list[0]], err));
    out->cwd = asc_strdup(runs.dir[list[0]]);
    return ASC_OK;
}

static bool has_result(void *ctx, size_t run)
{
    char *path = asc_path_join(runs.dir[run], "result.json");
    bool there = asc_path_exists(path);
    asc_free(path);
    return there;
}

/* "good" is a result, anything else is wrong. */
static asc_status take(bool *found, void *ctx, size_t run, double wall_s, asc_error *err)
{
    char *path = asc_path_join(runs.dir[run], "result.json"), *text = NULL;
    size_t n = 0;
    *found = asc_path_exists(path);
    asc_status st = *found ? asc_read_file(path, 100, &text, &n, err) : ASC_OK;
    if (text && strcmp(text, "good\n") != 0)
        st = ASC_FAIL(err, ASC_EINVAL, "not good");
    asc_free(text);
    asc_free(path);
    return st;
}

static asc_status started(void *ctx, size_t run, const asc_job *j, bool counted, asc_error *err)
{
    runs.n_started[run] += counted;
    return ASC_OK;
}

static asc_status waits(void *ctx, size_t run, const char *why, asc_error *err)
{
    runs.n_waits[run]++;
    return ASC_OK;
}

static asc_status ended(void *ctx, size_t run, const char *why, asc_error *err)
{
    runs.n_ended[run]++;
    char *mark = runs.marks ? asc_path_join(runs.dir[run], "taken") : NULL;
    if (mark)
        ASC_TRY(asc_write_file(mark, "", 0, err));
    asc_free(mark);
    snprintf(runs.why[run], sizeof runs.why[run], "%s", why ? why : "");
    return ASC_OK;
}

static void note(void *ctx, const char *line, bool lasting) {}

static void progress(void *ctx, double under_way)
{
    runs.most_under_way = under_way > runs.most_under_way ? under_way : runs.most_under_way;
}

/* n runs in a new folder, made with `retries`; what the queue returned. */
static asc_status make(size_t n, int retries, double time_limit_s, asc_error *err)
{
    char work[] = "/tmp/asc-queue-XXXXXX";
    asc_queue *q = NULL;
    asc_queue_item items[N] = {0};
    assert_non_null(mkdtemp(work));
    runs.n_launches = 0;
    for (size_t i = 0; i < n; i++) {
        runs.dir[i] = asc_strf("%s/%zu", work, i);
        items[i] = (asc_queue_item){
            .run = i, .id = "x", .dir = runs.dir[i], .tokens = 1, .shape = runs.shape[i], .most = runs.most};
        items[i].tokens = runs.tokens;
        items[i].from_tokens = runs.from;
        runs.n_started[i] = runs.n_waits[i] = runs.n_ended[i] = 0;
    }
    const asc_queue_opts o = {.place = {.executor = "local", .dir = work, .capacity = 2},
                              .retries = retries,
                              .backoff_s = .01,
                              .time_limit_s = time_limit_s,
                              .metrics = "metrics.jsonl"};
    const asc_queue_calls calls = {.prepare = prepare,
                                   .launch = launch,
                                   .take = take,
                                   .has_result = has_result,
                                   .started = started,
                                   .waits = waits,
                                   .ended = ended,
                                   .note = note,
                                   .progress = progress};
    assert_int_equal(asc_queue_create(&q, &o, &calls, err), ASC_OK);
    asc_status st = asc_queue_make(q, items, n, err);
    asc_queue_free(q);
    for (size_t i = 0; i < n; i++)
        asc_free(runs.dir[i]);
    assert_int_equal(asc_remove_tree(work, NULL), ASC_OK);
    return st;
}

static void queue__each_run_is_started_once_and_its_result_taken(void **state)
{
    asc_error err = {0};
    for (size_t i = 0; i < N; i++)
        runs.command[i] = "echo good >result.json";
    assert_int_equal(make(N, 0, 0, &err), ASC_OK);
    for (size_t i = 0; i < N; i++) {
        assert_int_equal(runs.n_started[i], 1);
        assert_int_equal(runs.n_ended[i], 1);
        assert_string_equal(runs.why[i], "");
    }
}

static void queue__what_fails_is_tried_again_and_then_named(void **state)
{
    asc_error err = {0};
    runs.command[0] = "echo good >result.json";
    runs.command[1] = "echo no luck; exit 3";
    assert_int_equal(make(2, 2, 0, &err), ASC_ENUMERIC);
    assert_int_equal(runs.n_started[1], 3);
    assert_int_equal(runs.n_waits[1], 2);
    assert_string_equal(runs.why[1], "exit code 3 and no result.json; log: no luck");
    assert_non_null(strstr(err.msg, "1 run failed; the first, x: exit code 3"));
}

/* A run that continues another's checkpoint has the other's tokens in its metrics, too. */
static void queue__progress_counts_what_a_run_trains_itself(void **state)
{
    asc_error err = {0};
    runs.from = 100;
    runs.tokens = 300;
    runs.most_under_way = 0;
    runs.command[0] = "echo '{\"tokens\": 150}' >metrics.jsonl; sleep 1.5; echo good >result.json";
    assert_int_equal(make(1, 0, 0, &err), ASC_OK);
    assert_true(runs.most_under_way == 50);
    runs.from = runs.tokens = 0;
}

static void queue__a_second_try_may_do(void **state)
{
    asc_error err = {0};
    runs.command[0] = "[ -e once ] && echo good >result.json; touch once";
    assert_int_equal(make(1, 1, 0, &err), ASC_OK);
    assert_int_equal(runs.n_started[0], 2);
    assert_string_equal(runs.why[0], "");
}

static void queue__wrong_arguments_are_not_tried_again(void **state)
{
    asc_error err = {0};
    runs.command[0] = "exit 2";
    assert_int_equal(make(1, 5, 0, &err), ASC_ENUMERIC);
    assert_int_equal(runs.n_started[0], 1);
}

static void queue__a_wrong_result_is_a_failure_with_its_reason(void **state)
{
    asc_error err = {0};
    runs.command[0] = "echo bad >result.json";
    assert_int_equal(make(1, 0, 0, &err), ASC_ENUMERIC);
    assert_string_equal(runs.why[0], "not good");
}

static void queue__a_run_is_ended_at_its_time_limit(void **state)
{
    asc_error err = {0};
    runs.command[0] = "exec sleep 60";
    assert_int_equal(make(1, 0, .2, &err), ASC_ENUMERIC);
    assert_non_null(strstr(runs.why[0], "stopped: the time limit per run"));
}

/* ---- groups ---- */

#define GOOD "for d; do echo good >$d/result.json; done"

static void grouped(const char *command, size_t most)
{
    runs.most = most;
    for (size_t i = 0; i < N; i++) {
        runs.command[i] = command;
        runs.shape[i] = "small";
    }
}

static void ungroup(void)
{
    runs.most = 0;
    for (size_t i = 0; i < N; i++)
        runs.shape[i] = NULL;
}

static void queue__groups_are_few_and_even(void **state)
{
    assert_int_equal(asc_queue_group(30, 15, 1), 15);
    assert_int_equal(asc_queue_group(30, 29, 1), 15);
    assert_int_equal(asc_queue_group(30, 64, 1), 30);
    assert_int_equal(asc_queue_group(30, 64, 4), 8);
    assert_int_equal(asc_queue_group(3, 64, 8), 1);
    assert_int_equal(asc_queue_group(7, 0, 2), 1);
    assert_int_equal(asc_queue_group(0, 5, 1), 1);
}

static void queue__runs_of_one_shape_go_to_one_program(void **state)
{
    asc_error err = {0};
    grouped(GOOD, 4);
    for (size_t i = 5; i < N; i++)
        runs.shape[i] = "large";
    runs.shape[N - 1] = NULL;
    assert_int_equal(make(N, 0, 0, &err), ASC_OK);
    for (size_t i = 0; i < N; i++) {
        assert_int_equal(runs.n_started[i], 1);
        assert_int_equal(runs.n_ended[i], 1);
        assert_int_equal(runs.group[i], i < 3 ? 3 : i < 5 ? 2 : i < 7 ? 2 : 1);
    }
    assert_int_equal(runs.n_launches, 4);
    ungroup();
}

static void queue__a_group_out_of_memory_is_halved_until_it_fits(void **state)
{
    asc_error err = {0};
    grouped("[ $# -le 2 ] || { echo no memory; exit 75; }; " GOOD, 8);
    assert_int_equal(make(N, 0, 0, &err), ASC_OK); /* no retry is spent on it */
    for (size_t i = 0; i < N; i++)
        assert_in_range(runs.group[i], 1, 2);
    ungroup();
}

static void queue__one_bad_run_harms_no_other_of_its_group(void **state)
{
    asc_error err = {0};
    grouped("for d; do case $d in */5) echo bad luck >>$d/log.txt;; *) echo good >$d/result.json;; esac; done; exit 1",
            8);
    assert_int_equal(make(N, 1, 0, &err), ASC_ENUMERIC);
    for (size_t i = 0; i < N; i++) {
        assert_int_equal(runs.n_started[i], i == 5 ? 2 : 1);
        assert_int_equal(runs.n_ended[i], 1);
    }
    assert_string_equal(runs.why[5], "exit code 1 and no result.json; log: bad luck");
    ungroup();
}

static void queue__a_crash_of_a_group_is_traced_to_its_run(void **state)
{
    asc_error err = {0};
    grouped("for d; do case $d in */5) exit 3; esac; done; " GOOD, 8);
    assert_int_equal(make(N, 0, 0, &err), ASC_ENUMERIC);
    for (size_t i = 0; i < N; i++)
        assert_string_equal(runs.why[i], i == 5 ? "exit code 3 and no result.json" : "");
    ungroup();
}

static void queue__a_run_that_ended_leaves_its_group_at_once(void **state)
{
    asc_error err = {0};
    /* The second is made only when the end of the first was told: it leaves a file. */
    grouped("a=$1; shift; echo good >$a/result.json; n=0; until [ -e $a/taken ] || [ $n = 400 ]; do sleep .02; "
            "n=$((n + 1)); done; [ $n = 400 ] || " GOOD,
            8);
    runs.marks = true;
    assert_int_equal(make(2, 0, 0, &err), ASC_OK);
    runs.marks = false;
    ungroup();
}

static void queue__without_a_device_nothing_is_tried_again(void **state)
{
    asc_error err = {0};
    grouped("echo no card; exit 69", 8);
    assert_int_equal(make(2, 3, 0, &err), ASC_ENUMERIC);
    assert_int_equal(runs.n_started[0], 1);
    assert_string_equal(runs.why[1], "exit code 69 and no result.json; log: no card");
    ungroup();
}

static void queue__a_lost_device_is_left_for_another_place(void **state)
{
    asc_error err = {0};
    grouped("[ -e once ] || { touch once; exit 74; }; " GOOD, 8);
    assert_int_equal(make(1, 0, 0, &err), ASC_OK);
    assert_int_equal(runs.n_started[0], 2);
    assert_int_equal(runs.last_place, 1);
    ungroup();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(queue__each_run_is_started_once_and_its_result_taken),
        cmocka_unit_test(queue__what_fails_is_tried_again_and_then_named),
        cmocka_unit_test(queue__progress_counts_what_a_run_trains_itself),
        cmocka_unit_test(queue__a_second_try_may_do),
        cmocka_unit_test(queue__wrong_arguments_are_not_tried_again),
        cmocka_unit_test(queue__a_wrong_result_is_a_failure_with_its_reason),
        cmocka_unit_test(queue__a_run_is_ended_at_its_time_limit),
        cmocka_unit_test(queue__groups_are_few_and_even),
        cmocka_unit_test(queue__runs_of_one_shape_go_to_one_program),
        cmocka_unit_test(queue__a_group_out_of_memory_is_halved_until_it_fits),
        cmocka_unit_test(queue__one_bad_run_harms_no_other_of_its_group),
        cmocka_unit_test(queue__a_crash_of_a_group_is_traced_to_its_run),
        cmocka_unit_test(queue__a_run_that_ended_leaves_its_group_at_once),
        cmocka_unit_test(queue__without_a_device_nothing_is_tried_again),
        cmocka_unit_test(queue__a_lost_device_is_left_for_another_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
