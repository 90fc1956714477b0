/* Runs made by a program in folders: their order, what the store is told, what becomes of those that fail. The program
 * is a script that answers as a user's trainer would. */
#include "test.h"

#include "study_made.h"

/* Writes its run's id to order.log, and a result with the tokens that it was told. */
#define TRAIN                                                                                                          \
    "#!/bin/sh\necho \"$1\" >>\"${0%/*}/order.log\"\n"                                                                 \
    "echo \"{\\\"tokens\\\": $2, \\\"loss\\\": {\\\"books\\\": 3, \\\"code\\\": 2, \\\"news\\\": 1}}\" "               \
    ">\"$3/result.json\"\n"

static char *program;
static size_t n_ended, last_ended;
static char last_note[500], last_stage[500], last_unit[100];
static double last_total;

static asc_status count_end(asc__study *x, size_t run, asc_error *why)
{
    n_ended++;
    last_ended = run;
    return ASC_OK;
}

static void take_note(void *ctx, const char *line)
{
    snprintf(last_note, sizeof last_note, "%s", line);
}

static void take_progress(void *ctx, const char *what, double done, double total, const char *unit)
{
    snprintf(last_stage, sizeof last_stage, "%s", what);
    snprintf(last_unit, sizeof last_unit, "%s", unit);
    last_total = total;
}

/* A star of one scale is in the store, to be made by the script, one run at a time. */
static void with_trainer(const char *script)
{
    with_store();
    program = put_program("train", script);
    spec.trainer.command = asc_strf("%s {run} {tokens} {run_dir}", program);
    spec.trainer.backoff_s = .01;
    spec.base_dir = folder;
    spec.n_scales = 1;
    spec.threads = spec.ranks = 1;
    spec.device = "cpu";
    s.jobs = 1;
    s.reports = asc_calloc(D, sizeof *s.reports);
    opts.note = take_note;
    opts.progress = take_progress;
    n_ended = 0;
    last_stage[0] = 0;
    assert_int_equal(asc__study_stars(&s, true, &err), ASC_OK);
}

static int free_trainer(void **state)
{
    asc_free(program);
    asc_free(spec.trainer.command);
    asc_free(s.reports);
    program = NULL;
    return study_tear_down(state);
}

static asc_status make_all(void)
{
    return asc__study_make(&s, s.scales[0].runs, s.scales[0].n_runs, count_end, &err);
}

/* The store's own row of a run. */
static asc_run_state stored(size_t run, char **why)
{
    asc_store_run *rows;
    size_t n;
    assert_int_equal(asc_store_runs(&rows, &n, s.store, &err), ASC_OK);
    asc_run_state state = rows[run].state;
    if (why)
        *why = rows[run].why ? asc_strdup(rows[run].why) : NULL;
    asc_store_runs_free(rows, n);
    return state;
}

/* ---- good runs ---- */

/* The base first, so that effects are known as soon as others end; then the larger ones. */
static void make__base_first_then_by_size(void **state)
{
    with_trainer(TRAIN);
    if (make_all() != ASC_OK)
        fail_msg("%s", err.msg);
    assert_int_equal(n_ended, 2 + 2 * D);
    char *order = read_text("order.log");
    static const char *const ids[] = {"base-r0", "base-r1", "up-books", "up-code", "up-news", "down-books"};
    const char *at = order;
    for (size_t k = 0; k < sizeof ids / sizeof *ids; k++) {
        const char *next = strstr(at, ids[k]);
        if (!next)
            fail_msg("%s is not behind those before it: %s", ids[k], order);
        at = next;
    }
    asc_free(order);
    for (size_t i = 0; i < s.n_runs; i++) {
        assert_true(s.runs[i].state == ASC_RUN_DONE && s.runs[i].pid == 0 && s.runs[i].attempts == 1);
        assert_true(s.runs[i].result->loss[1] == 2 && s.runs[i].result->wall_s >= 0); /* timed, as it does not itself */
        assert_int_equal(stored(i, NULL), ASC_RUN_DONE);
    }
}

static void make__done_runs_and_doubles_are_not_made(void **state)
{
    with_trainer(TRAIN);
    size_t list[] = {s.scales[0].runs[0], s.scales[0].runs[1], s.scales[0].runs[0]};
    assert_int_equal(asc__study_make(&s, list, 3, count_end, &err), ASC_OK);
    assert_int_equal(n_ended, 2);
    s.runs[s.scales[0].runs[2]].state = ASC_RUN_DIVERGED; /* recorded: no reason to try again */
    assert_int_equal(make_all(), ASC_OK);
    assert_int_equal(n_ended, s.scales[0].n_runs - 1);
    assert_true(s.runs[s.scales[0].runs[2]].attempts == 0);
}

static void make__takes_what_an_earlier_session_left(void **state)
{
    with_trainer("#!/bin/sh\nexit 1\n"); /* nothing is to be started */
    size_t run = s.scales[0].runs[0];
    asc_store_run *r = &s.runs[run];
    assert_int_equal(asc__run_dir_prepare(&s, r, &err), ASC_OK);
    char *path = asc_strf("runs/%s/result.json", r->id),
         *text = asc_strf("{\"tokens\": %.0f, \"loss\": {\"books\": 3, \"code\": 2, \"news\": 1}}", asc__run_tokens(r));
    put_file(path, text);
    asc_free(path);
    asc_free(text);
    r->state = ASC_RUN_RUNNING; /* the coordinator died between the end and its note of it */
    r->attempts = 1;
    assert_int_equal(asc__study_make(&s, &run, 1, count_end, &err), ASC_OK);
    assert_true(n_ended == 1 && last_ended == run && r->state == ASC_RUN_DONE && r->attempts == 1);
}

/* ---- bad ones ---- */

static void make__a_run_that_fails_is_tried_again_and_then_named(void **state)
{
    char *why = NULL;
    with_trainer("#!/bin/sh\necho out of memory\nexit 3\n");
    spec.retries = 1;
    size_t run = s.scales[0].runs[0];
    assert_int_equal(asc__study_make(&s, &run, 1, count_end, &err), ASC_ENUMERIC);
    assert_non_null(strstr(err.msg, s.runs[run].id));
    assert_int_equal(s.runs[run].attempts, 2);
    assert_int_equal(stored(run, &why), ASC_RUN_FAILED);
    assert_non_null(strstr(why, "out of memory"));
    assert_non_null(strstr(why, "exit code 3"));
    asc_free(why);
    assert_int_equal(n_ended, 1);
}

static void make__a_new_session_is_a_new_chance(void **state)
{
    with_trainer("#!/bin/sh\nexit 3\n");
    size_t run = s.scales[0].runs[0];
    assert_int_equal(asc__study_make(&s, &run, 1, count_end, &err), ASC_ENUMERIC);
    asc_free(put_program("train", TRAIN)); /* mended */
    assert_int_equal(asc__study_make(&s, &run, 1, count_end, &err), ASC_OK);
    assert_int_equal(stored(run, NULL), ASC_RUN_DONE);
}

static void make__a_result_of_other_targets_is_a_failure(void **state)
{
    char *why = NULL;
    with_trainer("#!/bin/sh\necho \"{\\\"tokens\\\": $2, \\\"loss\\\": {\\\"poems\\\": 3}}\" >\"$3/result.json\"\n");
    size_t run = s.scales[0].runs[0];
    assert_int_equal(asc__study_make(&s, &run, 1, count_end, &err), ASC_ENUMERIC);
    assert_int_equal(stored(run, &why), ASC_RUN_FAILED);
    assert_non_null(strstr(why, "result.json"));
    asc_free(why);
}

static asc_status stop_here(asc__study *x, size_t run, asc_error *why)
{
    return ASC_FAIL(why, ASC_EIO, "the disk is full");
}

static void make__what_the_study_cannot_keep_ends_it(void **state)
{
    with_trainer(TRAIN);
    assert_int_equal(asc__study_make(&s, s.scales[0].runs, s.scales[0].n_runs, stop_here, &err), ASC_EIO);
    assert_non_null(strstr(err.msg, "the disk is full"));
    assert_null(s.queue);
    size_t done = 0;
    for (size_t i = 0; i < s.n_runs; i++)
        done += s.runs[i].state == ASC_RUN_DONE;
    assert_int_equal(done, 1);
}

/* ---- what is said meanwhile ---- */

static void make__progress_names_the_stage(void **state)
{
    with_trainer("#!/bin/sh\nsleep .7\nexec \"${0%/*}/quick\" \"$@\"\n");
    asc_free(put_program("quick", TRAIN));
    spec.validate = false;
    size_t run = s.scales[0].runs[0];
    assert_int_equal(asc__make_list(&s, &run, 1, count_end, &err), ASC_OK);
    assert_memory_equal(last_stage, "training proxies, 4.8k", 22);
    assert_non_null(strstr(last_unit, "/8 runs"));
    double all = 0;
    for (size_t i = 0; i < s.n_runs; i++)
        all += asc__run_tokens(&s.runs[i]);
    assert_true(last_total == all); /* nothing is trained at the target */
}

/* The mixtures of the target's list, a run per seed, are expected before their shares are known. */
static void totals__count_the_target_before_it_is_planned(void **state)
{
    with_trainer(TRAIN);
    assert_int_equal(asc__make_list(&s, NULL, 0, count_end, &err), ASC_OK);
    double all = 0;
    for (size_t i = 0; i < s.n_runs; i++)
        all += asc__run_tokens(&s.runs[i]);
    assert_true(near(s.tokens_total, all + 2 * 2 * 160000.)); /* two seeds of the best and uniform */
    assert_true(s.tokens_done == 0 && s.runs_to_come == 4);
    asc_mixture_ref against[] = {{.kind = ASC_MIXTURE_UNIFORM, .name = (char *)"uniform"},
                                 {.kind = ASC_MIXTURE_JOINT, .name = (char *)"joint"}};
    spec.against = against; /* as the demo does: the two that there are anyway, not four */
    spec.n_against = 2;
    assert_int_equal(asc__make_list(&s, NULL, 0, count_end, &err), ASC_OK);
    assert_true(near(s.tokens_total, all + 2 * 2 * 160000.) && s.runs_to_come == 4);
    spec.n_against = 0;
    spec.against = NULL;
    by_branches(); /* the rest of schedule and reference, which is uniform */
    assert_int_equal(asc__make_list(&s, NULL, 0, count_end, &err), ASC_OK);
    assert_true(near(s.tokens_total, all + 2 * (2 * .8) * 160000.));
    spec.validate = false;
    assert_int_equal(asc__make_list(&s, NULL, 0, count_end, &err), ASC_OK);
    assert_true(near(s.tokens_total, all + 2 * .8 * 160000.));
    spec.search.method = ASC_SEARCH_DDO;
    spec.n_scales = 1;
}

static void keep__an_ended_study_makes_no_new_runs(void **state)
{
    with_trainer("#!/bin/sh\nexit 1\n");
    s.before = asc_summary_create(D, D);
    assert_int_equal(asc__make_list(&s, s.scales[0].runs, 1, count_end, &err), ASC_OK);
    assert_true(s.kept && n_ended == 0);
    s.kept = false;
    s.runs[s.scales[0].runs[0]].state = ASC_RUN_DONE; /* which it had */
    assert_int_equal(asc__make_list(&s, s.scales[0].runs, 1, count_end, &err), ASC_OK);
    assert_false(s.kept);
    asc_summary_free(s.before);
}

#define WITH_TRAINER(f) cmocka_unit_test_setup_teardown(f, study_set_up, free_trainer)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_TRAINER(make__base_first_then_by_size),
        WITH_TRAINER(make__done_runs_and_doubles_are_not_made),
        WITH_TRAINER(make__takes_what_an_earlier_session_left),
        WITH_TRAINER(make__a_run_that_fails_is_tried_again_and_then_named),
        WITH_TRAINER(make__a_new_session_is_a_new_chance),
        WITH_TRAINER(make__a_result_of_other_targets_is_a_failure),
        WITH_TRAINER(make__what_the_study_cannot_keep_ends_it),
        WITH_TRAINER(make__progress_names_the_stage),
        WITH_TRAINER(totals__count_the_target_before_it_is_planned),
        WITH_TRAINER(keep__an_ended_study_makes_no_new_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
