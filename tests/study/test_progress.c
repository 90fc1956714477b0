/* How far a study is: counts, groups and lists of its runs, what those under way say of themselves, and the document.
 */
#include "test.h"

#include <math.h>
#include <unistd.h>

#include "folder.h"
#include "steps.h"

enum { D = 2, N = 7 };

static char dir[32], *names[] = {"books", "code"};
static asc_store *store;
static asc_error err;

static void put(const char *id, const char *text)
{
    char *folder = asc_strf("%s/runs/%s", dir, id), *path = asc_strf("%s/metrics.jsonl", folder);
    assert_int_equal(asc_mkdirs(folder, NULL), ASC_OK);
    assert_int_equal(asc_write_file(path, text, strlen(text), NULL), ASC_OK);
    asc_free(folder);
    asc_free(path);
}

static void change(asc_store_run *r)
{
    assert_int_equal(asc_store_update_run(store, r, &err), ASC_OK);
}

/* A star of 300 tokens with a run each that is done, burst, failed and diverged, two under way in one program; the
 * target waits. */
static int set_up(void **state)
{
    static double tokens[D] = {200, 100}, more[D] = {3000, 0};
    static asc_store_run runs[N];
    static const char *const ids[N] = {"done", "burst", "failed", "diverged", "a", "b", "target"};
    static const asc_run_state states[N] = {ASC_RUN_DONE,    ASC_RUN_DONE,    ASC_RUN_FAILED, ASC_RUN_DIVERGED,
                                            ASC_RUN_RUNNING, ASC_RUN_RUNNING, ASC_RUN_PENDING};
    const asc_store_names of = {D, D, names, names};
    test_folder(dir);
    assert_int_equal(asc_store_open(&store, dir, &err), ASC_OK);
    asc_store_set_names(store, &of);
    for (size_t i = 0; i < N; i++)
        runs[i] = (asc_store_run){.id = (char *)ids[i],
                                  .kind = i == N - 1 ? ASC_KIND_TARGET : ASC_KIND_BASE,
                                  .mixture = "base",
                                  .scale = i == N - 1 ? 3000 : 300,
                                  .n_domains = D,
                                  .tokens = i == N - 1 ? more : tokens};
    assert_int_equal(asc_store_add_runs(store, runs, N, &err), ASC_OK);
    for (size_t i = 0; i < N; i++) {
        runs[i].state = states[i];
        runs[i].pid = states[i] == ASC_RUN_RUNNING ? 77 : 0;
        runs[i].why = states[i] == ASC_RUN_FAILED ? "exit code 3" : NULL;
        if (states[i] == ASC_RUN_DONE) {
            runs[i].result = asc_result_create(D, D);
            runs[i].result->tokens = 300;
            runs[i].result->wall_s = 10;
            runs[i].result->loss[0] = runs[i].result->loss[1] = 3;
            runs[i].result->n_retries = i == 0;
            runs[i].result->lr = .01;
            if (i == 1)
                runs[i].result->bursts = (asc_bursts){.n = 1, .step = 43, .tokens = 64, .times = 79};
        }
        change(&runs[i]);
        asc_result_free(runs[i].result);
        runs[i].result = NULL;
    }
    return 0;
}

static int tear_down(void **state)
{
    asc_store_close(store);
    return asc_remove_tree(dir, NULL) == ASC_OK ? 0 : 1;
}

static void progress__counts_by_budget_and_lists_what_is_worth_a_word(void **state)
{
    asc_study_progress *p = NULL;
    assert_int_equal(asc_study_status(&p, dir, &err), ASC_OK);
    assert_true(p->owner.alive); /* this process holds the store */
    assert_int_equal(p->state, ASC_STUDY_RUNNING);
    assert_null(p->summary);
    assert_true(p->done == 3 && p->diverged == 1 && p->failed == 1 && p->running == 2 && p->left == 1);
    assert_int_equal(p->n_scales, 2);
    assert_true(p->scales[0].tokens == 300 && !p->scales[0].target && p->scales[0].done == 3);
    assert_true(p->scales[1].tokens == 3000 && p->scales[1].target && p->scales[1].left == 1);
    /* 600 tokens took 20 s of one process; 600 under way and 3000 waiting on the two that run now */
    assert_true(fabs(p->seconds_left - 3600. * 20 / 600) < 1e-9); /* one program makes both that run */
    assert_int_equal(p->n_problems, 2);
    assert_string_equal(p->problems[0]->why, "exit code 3");
    assert_true(p->n_retried == 1 && strcmp(p->retried[0]->id, "done") == 0);
    assert_true(p->n_bursts == 1 && strcmp(p->bursts[0]->id, "burst") == 0);
    assert_int_equal(p->n_groups, 1);
    assert_true(p->groups[0].n == 2 && strcmp(p->groups[0].ids[1], "b") == 0);
    asc_study_progress_free(p);
}

/* Ours names the validation losses "valid", a result's curve "loss"; foreign lines and half a line are passed over. */
static void progress__runs_under_way_speak_for_themselves(void **state)
{
    asc_study_progress *p = NULL;
    put("a", "{\"tokens\": 100, \"loss\": 4.5}\nnot json\n{\"event\": \"warm\"}\n"
             "{\"tokens\": 150, \"loss\": 4.25, \"valid\": {\"books\": 4.5, \"code\": null}}\n{\"tokens\": 200, \"lo");
    assert_int_equal(asc_study_status(&p, dir, &err), ASC_OK);
    assert_int_equal(p->n_under_way, 2);
    const asc_run_metrics *m = &p->under_way[0].metrics, *none = &p->under_way[1].metrics;
    assert_true(p->under_way[0].tokens_total == 300);
    assert_true(m->n_lines == 2 && m->tokens == 150 && m->loss == 4.25 && m->n_curve == 2);
    assert_int_equal(m->n_valid, 1);
    assert_true(m->valid[0].n == 2 && m->valid[0].loss[0] == 4.5 && isnan(m->valid[0].loss[1]));
    assert_string_equal(m->valid[0].names[1], "code");
    assert_true(none->n_lines == 0 && isnan(none->loss));
    json_t *doc = asc_study_progress_json(p), *first = json_array_get(json_object_get(doc, "progress"), 0);
    assert_string_equal(json_string_value(json_object_get(first, "id")), "a");
    assert_true(json_number_value(json_object_get(first, "tokens")) == 150);
    assert_int_equal(json_array_size(json_object_get(doc, "running_runs")), 2);
    assert_int_equal(json_array_size(json_array_get(json_object_get(doc, "groups"), 0)), 2);
    assert_true(json_is_null(json_object_get(doc, "answer")));
    json_decref(doc);
    asc_study_progress_free(p);
}

/* Runs of a coordinator that is gone are left to be made, and nothing is under way. */
static void progress__nobody_coordinates_it(void **state)
{
    asc_study_progress *p = NULL;
    asc_store_close(store);
    store = NULL;
    assert_int_equal(asc_study_status(&p, dir, &err), ASC_OK);
    assert_int_equal(p->state, ASC_STUDY_INTERRUPTED);
    assert_true(p->running == 0 && p->left == 3 && p->n_under_way == 0 && p->n_groups == 0);
    json_t *doc = asc_study_progress_json(p);
    assert_true(json_is_null(json_object_get(doc, "groups")));
    assert_int_equal(json_integer_value(json_object_get(doc, "left")), 3);
    json_decref(doc);
    asc_study_progress_free(p);
}

static void progress__a_folder_without_a_study_is_said(void **state)
{
    asc_study_progress *p = NULL;
    assert_int_equal(asc_study_status(&p, "/nonexistent", &err), ASC_EINVAL);
    assert_null(p);
}

/* ---- the plan's document ---- */

static void plan__document_says_what_the_struct_holds(void **state)
{
    asc_plan p = {.objective = "mean-loss", .n_domains = D, .domains = names, .n_runs = 2, .seconds = NAN};
    double epochs[D] = {.5, NAN};
    asc_store_run there = {.state = ASC_RUN_DONE};
    asc_plan_run runs[2] = {{.id = "r0", .mixture = "base", .tokens = 300, .epochs = epochs, .there = &there},
                            {.id = "r1", .mixture = "uniform", .tokens = 300}};
    p.runs = runs;
    p.search.at_most = NAN;
    json_t *doc = asc_plan_json(&p), *list = json_object_get(doc, "runs"), *first = json_array_get(list, 0);
    assert_null(json_object_get(first, "state")); /* of no study that was begun */
    assert_true(json_is_null(json_object_get(doc, "seconds")) && !json_object_get(doc, "kept"));
    assert_true(json_number_value(json_object_get(json_object_get(first, "epochs"), "books")) == .5);
    assert_true(json_is_null(json_object_get(json_object_get(first, "epochs"), "code")));
    assert_true(json_is_null(json_object_get(json_array_get(list, 1), "epochs")));
    json_decref(doc);
    p.begun = true;
    p.n_kept = 1;
    p.search.method = ASC_SEARCH_BRANCH;
    p.search.branches.runs = 4;
    assert_string_equal(asc_plan_run_state(&p, &runs[0]), "done");
    assert_string_equal(asc_plan_run_state(&p, &runs[1]), "planned");
    doc = asc_plan_json(&p);
    assert_int_equal(json_integer_value(json_object_get(doc, "kept")), 1);
    json_t *branches = json_object_get(json_object_get(doc, "search"), "branches");
    assert_int_equal(json_integer_value(json_object_get(branches, "runs")), 4);
    json_decref(doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(progress__counts_by_budget_and_lists_what_is_worth_a_word, set_up, tear_down),
        cmocka_unit_test_setup_teardown(progress__runs_under_way_speak_for_themselves, set_up, tear_down),
        cmocka_unit_test_setup_teardown(progress__nobody_coordinates_it, set_up, tear_down),
        cmocka_unit_test(progress__a_folder_without_a_study_is_said),
        cmocka_unit_test(plan__document_says_what_the_struct_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
