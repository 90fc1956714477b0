/* result.json of a trainer of one's own: checked against its run, and decoded into the study's own order. */
#include "test.h"

#include <math.h>
#include <string.h>

#include "folder.h"
#include "steps.h"

enum { D = 2, V = 3, T = 16 };

static char dir[32], *names[] = {"books", "code"}, *targets[] = {"books", "code", "news"};
static double planned[D] = {320, 160};
static asc_study_spec spec;
static asc__study s;
static asc_store_run run;
static asc_error err;

static int set_up(void **state)
{
    test_folder(dir);
    spec = (asc_study_spec){.path = "study.yaml",
                            .n_domains = D,
                            .n_targets = V,
                            .domain_names = names,
                            .target_names = targets,
                            .objective = {.kind = ASC_OBJ_MEAN_LOSS, .n_targets = V},
                            .trainer = {.command = "mine"}};
    s = (asc__study){.spec = &spec, .D = D, .V = V, .dir = dir};
    s.model.context = T;
    run = (asc_store_run){.id = "s480-base-r0", .n_domains = D, .tokens = planned, .pid = 7};
    char *folder = asc__run_dir(&s, run.id);
    assert_int_equal(asc_mkdirs(folder, NULL), ASC_OK);
    asc_free(folder);
    return 0;
}

static int tear_down(void **state)
{
    asc_result_free(run.result);
    asc_free(run.why);
    return asc_remove_tree(dir, NULL) == ASC_OK ? 0 : 1;
}

static void put(const char *name, const char *text)
{
    char *path = asc_strf("%s/runs/%s/%s", dir, run.id, name);
    assert_int_equal(asc_write_file(path, text, strlen(text), NULL), ASC_OK);
    asc_free(path);
}

static asc_status take(const char *text)
{
    bool found = false;
    put("result.json", text);
    asc_status st = asc__run_result_take(&found, &s, &run, &err);
    assert_true(found);
    return st;
}

static void result__nothing_there_is_not_found(void **state)
{
    bool found = true;
    assert_int_equal(asc__run_result_take(&found, &s, &run, &err), ASC_OK);
    assert_false(found);
    assert_null(run.result);
}

static void result__is_decoded_by_the_studys_own_order(void **state)
{
    assert_int_equal(take("{\"tokens\": 480, \"loss\": {\"news\": 3.5, \"code\": 2.5, \"books\": 1.5}, \"lr\": 0.01,"
                          "\"domain_tokens\": {\"code\": 160, \"books\": 320}, \"curve\": [{\"tokens\": 240, \"loss\":"
                          "{\"code\": 4, \"books\": 3, \"news\": 5}}]}"),
                     ASC_OK);
    const asc_result *r = run.result;
    assert_int_equal(run.state, ASC_RUN_DONE);
    assert_int_equal(run.pid, 0);
    assert_true(r->loss[0] == 1.5 && r->loss[1] == 2.5 && r->loss[2] == 3.5);
    assert_true(r->domain_tokens[0] == 320 && r->domain_tokens[1] == 160);
    assert_int_equal(r->n_curve, 1);
    assert_true(r->curve_tokens[0] == 240 && r->curve_loss[2] == 5);
    assert_true(r->lr == .01 && isnan(r->wall_s) && r->bursts.n == 0);
    assert_ptr_equal(asc__run_losses(&run), r->loss);
    assert_true(asc__run_objective(&s, &run) == 2.5);
}

static void result__what_is_not_said_is_not_known(void **state)
{
    assert_int_equal(take("{\"tokens\": 490, \"loss\": {\"news\": 3.5, \"code\": 2.5, \"books\": 1.5}}"), ASC_OK);
    assert_true(isnan(run.result->domain_tokens[0]) && isnan(run.result->domain_tokens[1]));
    assert_int_equal(run.result->n_curve, 0);
}

static void result__a_curve_may_stand_in_metrics(void **state)
{
    put("metrics.jsonl", "{\"tokens\": 160, \"loss\": 4.5}\n"
                         "{\"tokens\": 160, \"loss\": {\"books\": 5, \"code\": 6, \"news\": 7}}\n"
                         "{\"tokens\": 320, \"loss\": {\"books\": 4, \"code\": 5}}\n"
                         "{\"tokens\": 400, \"loss\": {\"books\": 3, \"code\": 4, \"news\": 5}}\n");
    assert_int_equal(take("{\"tokens\": 480, \"loss\": {\"news\": 3.5, \"code\": 2.5, \"books\": 1.5}}"), ASC_OK);
    assert_int_equal(run.result->n_curve, 2); /* the point that lacks a target is left out */
    assert_true(run.result->curve_tokens[1] == 400 && run.result->curve_loss[V + 1] == 4);
}

static void result__a_run_that_diverged_has_no_losses(void **state)
{
    assert_int_equal(take("{\"tokens\": 100, \"loss\": {\"news\": NaN, \"code\": 2.5, \"books\": 1.5}}"), ASC_OK);
    assert_int_equal(run.state, ASC_RUN_DIVERGED);
    assert_non_null(strstr(run.why, "news"));
    assert_null(asc__run_losses(&run));
    assert_true(isnan(asc__run_objective(&s, &run)));
}

static void result__of_another_run_is_refused(void **state)
{
    static const struct {
        const char *text, *words;
    } cases[] = {
        {"{\"tokens\": 480, \"loss\": {\"books\": 1, \"code\": 2, \"news\": 3}, \"run\": {\"id\": \"other\"}}",
         "other"},
        {"{\"tokens\": 4800, \"loss\": {\"books\": 1, \"code\": 2, \"news\": 3}}", "field 'tokens'"},
        {"{\"tokens\": 480, \"loss\": {\"books\": 1, \"code\": 2, \"news\": 3}, \"domain_tokens\": {\"prose\": 480}}",
         "prose"},
        {"{\"tokens\": 480, \"loss\": {\"books\": 1, \"code\": 2, \"news\": 3}, \"domain_tokens\": {\"books\": 240, "
         "\"code\": 240}}",
         "domain_tokens of 'books'"},
        {"{\"tokens\": 480, \"loss\": {\"books\": 1, \"code\": 2}}", "news"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_true(take(cases[i].text) != ASC_OK);
        assert_non_null(strstr(err.msg, cases[i].words));
        assert_non_null(strstr(err.msg, "result.json"));
        assert_null(run.result); /* untouched */
    }
}

static void result__of_the_builtin_trainer_needs_its_checksum(void **state)
{
    spec.trainer.command = NULL;
    assert_int_equal(take("{\"tokens\": 480, \"loss\": {\"books\": 1, \"code\": 2, \"news\": 3}}"), ASC_ESTATE);
    assert_null(run.result);
}

#define WITH_STUDY(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STUDY(result__nothing_there_is_not_found),
        WITH_STUDY(result__is_decoded_by_the_studys_own_order),
        WITH_STUDY(result__what_is_not_said_is_not_known),
        WITH_STUDY(result__a_curve_may_stand_in_metrics),
        WITH_STUDY(result__a_run_that_diverged_has_no_losses),
        WITH_STUDY(result__of_another_run_is_refused),
        WITH_STUDY(result__of_the_builtin_trainer_needs_its_checksum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
