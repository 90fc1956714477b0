/* The summary as a document: what was written is what is read, and what is absent or of another kind is not known. */
#include "test.h"

#include <math.h>

#include "folder.h"
#include "store/store_summary.h"

enum { D = 2, V = 3 };

static double *numbers(asc_summary *s, double first, size_t n)
{
    double *x = asc_summary_alloc(s, n * sizeof *x);
    for (size_t i = 0; i < n; i++)
        x[i] = first / (double)(i + 3);
    return x;
}

static asc_interval *intervals(asc_summary *s)
{
    return asc_summary_intervals(s, (double[]){.125, .25}, (double[]){.5, 1. / 3}, D);
}

static asc_summary_expected expected(void)
{
    return (asc_summary_expected){.known = true,
                                  .law = "olmix",
                                  .objective = 3.5,
                                  .ci = {3.25, 3.75},
                                  .gain = .1,
                                  .gain_ci = {-.1, .3},
                                  .p_better = .9,
                                  .beyond_tokens = 4,
                                  .beyond_params = NAN,
                                  .beyond_shares = NAN};
}

static void fill_scale(asc_summary *s)
{
    s->scales = asc_summary_alloc(s, 2 * sizeof *s->scales);
    s->n_scales = 2;
    s->scales[1] =
        (asc_summary_scale){.tokens = 4e6, .params = 5e7, .factor = 3, .factor_down = 2}; /* nothing has ended there */
    asc_summary_scale *c = &s->scales[0];
    *c = (asc_summary_scale){.tokens = 1e6,
                             .base = numbers(s, 6e6, D),
                             .factor = 3,
                             .factor_down = 3,
                             .up = numbers(s, -.5, D * V),
                             .down = numbers(s, .25, D * V),
                             .fitted = true,
                             .noise = .007,
                             .a = numbers(s, 1, D),
                             .b = numbers(s, .3, D),
                             .c = numbers(s, .7, D),
                             .roots = numbers(s, NAN, D),
                             .points = asc_summary_alloc(s, D * sizeof *c->points),
                             .optimum = numbers(s, 1, D),
                             .ci = intervals(s),
                             .predicted = 4.25,
                             .uniform_objective = 4.5};
    for (size_t v = 0; v < V; v++)
        c->down[V + v] = NAN; /* no such run yet */
    c->roots[0] = 2;
    c->points[1] = (asc_summary_points){.n = 3, .x = numbers(s, 3, 3), .y = numbers(s, 1.1, 3)};
    asc_notes_say(&c->notes, BASE_CAPPED, "code");
    asc_notes_add(&c->notes, "something else");
}

static void fill_target(asc_summary *s)
{
    asc_summary_mixture *m = asc_summary_alloc(s, 2 * sizeof *m);
    asc_summary_seed *r = asc_summary_alloc(s, 2 * sizeof *r);
    asc_summary_point *p = asc_summary_alloc(s, sizeof *p);
    r[0] = (asc_summary_seed){"t16M-uniform-r0", 42, ASC_RUN_DONE, 3.5, numbers(s, 9, V)};
    r[1] = (asc_summary_seed){"t16M-uniform-r1", UINT64_C(1) << 62, ASC_RUN_RUNNING, NAN, NULL};
    *p = (asc_summary_point){8e6, 3.75, 3.5, 4};
    m[0] = (asc_summary_mixture){.name = "uniform", .weights = numbers(s, 1, D), .n_runs = 2, .runs = r, .mean = 3.5};
    m[0].sd = NAN;
    m[1] = (asc_summary_mixture){.name = "natural (capped)", .weights = numbers(s, 2, D), .same_as = "uniform"};
    m[1].curve = p;
    m[1].n_curve = 1;
    m[1].saved = (asc_summary_saved){2, .1, -.05, .25};
    s->target = (asc_summary_target){true, 16e6, 2, m};
    s->target_run = (asc_summary_target_run){true, 16e6, 1e9, 9.6e16, true};
}

static void fill_prediction(asc_summary *s)
{
    asc_summary_prediction *p = &s->prediction;
    *p = (asc_summary_prediction){.known = true,
                                  .tokens = 16e6,
                                  .weights = numbers(s, 1.5, D),
                                  .ci = intervals(s),
                                  .keep_last = numbers(s, 1.2, D),
                                  .joint_law = "olmix",
                                  .censored = asc_summary_alloc(s, D),
                                  .t = 1.75,
                                  .n_ladder = 1,
                                  .ladder = asc_summary_alloc(s, sizeof *p->ladder),
                                  .n_candidates = 2,
                                  .candidates = asc_summary_alloc(s, 2 * sizeof *p->candidates),
                                  .untold = "why"};
    p->censored[1] = true;
    p->ladder[0] = (asc_summary_step){32e6, numbers(s, .9, D)};
    p->candidates[0] = (asc_summary_candidate){"predicted", expected(), .0625};
    p->candidates[1] = (asc_summary_candidate){.name = "uniform", .past_error = NAN};
    asc_notes_add(&p->notes, "joint law: of no use");
}

static void fill_tasks(asc_summary *s)
{
    asc_summary_task *t = s->tasks = asc_summary_alloc(s, sizeof *t);
    s->n_tasks = 1;
    *t = (asc_summary_task){"likelihood", "piqa", "acc", "higher",
                            .5,           500,    1,     asc_summary_alloc(s, sizeof *t->mixtures)};
    *t->mixtures = (asc_summary_score){"uniform", 2, numbers(s, 1.5, 2), .4375, .0625, .375, .5};
    s->task_targets = asc_summary_alloc(s, sizeof *s->task_targets);
    s->n_task_targets = 1;
    *s->task_targets = (asc_summary_task_target){"mine", 12, 4.5};
    s->contamination = (asc_summary_contamination){.known = true, .n_words = 13, .mode = ASC_CONTAMINATION_EXCLUDE};
    s->contamination.n_sets = s->contamination.n_domains = 1;
    s->contamination.sets = asc_summary_alloc(s, sizeof(asc_summary_set));
    s->contamination.domains = asc_summary_alloc(s, sizeof(asc_summary_searched));
    *s->contamination.domains = (asc_summary_searched){"books", true, 40, 1, 3};
    asc_summary_count *in = asc_summary_alloc(s, sizeof *in);
    *in = (asc_summary_count){"books", 3};
    *s->contamination.sets = (asc_summary_set){"mine", 12, 1, 3, 1, in};
}

static asc_summary *example(void)
{
    asc_summary *s = asc_summary_create(D, V);
    assert_non_null(s);
    const asc_model_spec model = {
        .n_layers = 2, .n_heads = 2, .width = 16, .context = 16, .vocab = 300, .untied = true};
    s->study = "tiny";
    s->version = "0.1.0";
    s->objective = "mean-targets";
    s->created = "2026-11-27T10:00:00Z";
    s->state = ASC_STUDY_RUNNING;
    s->domains[0] = (asc_summary_domain){"books", 40, 1e6, 250e3, 2, 1000, 1, 0, 4.0625, 5.5, NAN, .4};
    s->domains[1] = (asc_summary_domain){"code", 41, 2e6, 450e3, 3, 1001, 0, 2, 3.0625, 5.25, 8, .5};
    memcpy(s->targets, (const char *[]){"books", "code", "mine"}, V * sizeof *s->targets);
    s->model = asc_summary_model(s, &model, 12345, 678);
    fill_scale(s);
    fill_prediction(s);
    fill_target(s);
    s->answer = (asc_summary_answer){.known = true,
                                     .name = "predicted",
                                     .weights = numbers(s, 1, D),
                                     .tokens = numbers(s, 12, D),
                                     .ci = intervals(s),
                                     .gain = {true, .05, .01, .09, .02, true},
                                     .expected = expected(),
                                     .saved = {3, .2, .1, .3},
                                     .why = "it is the best",
                                     .search_tokens = 1e6,
                                     .search_seconds = NAN};
    fill_tasks(s);
    s->runs = asc_summary_alloc(s, sizeof *s->runs);
    s->n_runs = 1;
    *s->runs = (asc_summary_run){.id = "s1M-up-code",
                                 .kind = ASC_KIND_UP,
                                 .scale = 1e6,
                                 .mixture = "base",
                                 .domain = "code",
                                 .seed = 7,
                                 .state = ASC_RUN_DIVERGED,
                                 .tokens = 3e6,
                                 .loss = numbers(s, 9, V),
                                 .lr = 1e-3,
                                 .why = "step 7",
                                 .bursts = {1, 43, 640, 20.5, 50, -.25},
                                 .burst_above = .5,
                                 .burst_alike = {.04, .06}};
    asc_notes_say(&s->notes, ONE_SCALE);
    assert_false(s->oom);
    return s;
}

static void summary__what_is_written_is_read_to_the_last_bit(void **state)
{
    asc_summary *s = example(), *read = NULL;
    json_t *doc = asc_summary_json(s);
    assert_int_equal(asc_summary_read(&read, doc, NULL), ASC_OK);
    json_t *again = asc_summary_json(read);
    char *a = NULL, *b = NULL;
    assert_int_equal(asc_json_print(&a, doc, 1, NULL), ASC_OK);
    assert_int_equal(asc_json_print(&b, again, 1, NULL), ASC_OK);
    assert_string_equal(a, b);
    assert_int_equal(read->n_domains, D);
    assert_int_equal(read->scales[0].notes.code[0], ASC_NOTE_BASE_CAPPED);
    assert_true(read->scales[0].down[0] == s->scales[0].down[0] && isnan(read->scales[0].down[V]));
    assert_true(read->scales[1].params == 5e7 && read->scales[0].params == 0);
    assert_true(read->target_run.known && read->target_run.flops == 9.6e16 && read->target_run.trained);
    assert_false(read->scales[1].fitted);
    assert_null(read->scales[1].up);
    assert_true(read->prediction.censored[1] && !read->prediction.censored[0]);
    assert_int_equal(read->target.mixtures[0].runs[1].seed, UINT64_C(1) << 62);
    assert_null(read->target.mixtures[0].runs[1].loss);
    assert_true(read->answer.gain.beyond_noise && read->answer.saved.pairs == 3);
    assert_int_equal(read->runs[0].bursts.step, 43);
    assert_true(read->runs[0].burst_alike.hi == .06);
    asc_free(a);
    asc_free(b);
    json_decref(doc);
    json_decref(again);
    asc_summary_free(s);
    asc_summary_free(read);
}

static void summary__the_store_keeps_it(void **state)
{
    char dir[32];
    asc_store *store = NULL;
    asc_summary *s = example(), *read = NULL;
    test_folder(dir);
    assert_int_equal(asc_store_open(&store, dir, NULL), ASC_OK);
    assert_int_equal(asc_store_get_summary(&read, store, NULL), ASC_OK);
    assert_null(read);
    assert_int_equal(asc_store_put_summary(store, s, NULL), ASC_OK);
    assert_int_equal(asc_store_get_summary(&read, store, NULL), ASC_OK);
    assert_string_equal(read->answer.why, "it is the best");
    asc_store_close(store);
    asc_summary_free(s);
    asc_summary_free(read);
    assert_int_equal(asc_remove_tree(dir, NULL), ASC_OK);
}

/* A document without a list of domains: the answer's own. */
static void summary__of_another_version_is_read_as_far_as_it_goes(void **state)
{
    static const char text[] = "{\"state\":\"finished\",\"answer\":{\"weights\":{\"b\":0.25,\"a\":0.75},\"gain\":7,"
                               "\"steps_saved\":{\"mean\":0.5}},\"notes\":[\"one\",2],\"runs\":[3,{\"loss\":[]}]}";
    json_t *doc = NULL;
    asc_summary *s = NULL;
    assert_int_equal(asc_json_parse(&doc, "test", text, sizeof text - 1, NULL), ASC_OK);
    assert_int_equal(asc_summary_read(&s, doc, NULL), ASC_OK);
    assert_int_equal(s->state, ASC_STUDY_UNKNOWN);
    assert_int_equal(s->n_domains, 2);
    assert_string_equal(s->domains[1].name, "a");
    assert_true(s->answer.weights[1] == .75 && !s->answer.gain.known);
    assert_int_equal(s->answer.saved.pairs, 1); /* it did not say how many */
    assert_int_equal(s->notes.n, 1);
    assert_int_equal(s->n_runs, 2);
    assert_true(isnan(s->runs[0].tokens) && !s->runs[1].loss);
    assert_false(s->prediction.known);
    json_decref(doc);
    asc_summary_free(s);
    doc = json_array();
    assert_int_equal(asc_summary_read(&s, doc, NULL), ASC_EINVAL);
    json_decref(doc);
}

static void summary__every_allocation_may_fail(void **state)
{
    asc_summary *s = example();
    json_t *doc = asc_summary_json(s);
    for (uint64_t n = 1;; n++) {
        asc_summary *read = NULL;
        asc_fault_arm(ASC_FAULT_ALLOC, n);
        asc_status st = asc_summary_read(&read, doc, NULL);
        uint64_t calls = asc_fault_count(ASC_FAULT_ALLOC);
        asc_fault_arm(ASC_FAULT_ALLOC, 0);
        assert_true(st == ASC_OK || (st == ASC_ENOMEM && !read));
        asc_summary_free(read);
        if (calls < n)
            break;
    }
    json_decref(doc);
    asc_summary_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(summary__what_is_written_is_read_to_the_last_bit),
        cmocka_unit_test(summary__the_store_keeps_it),
        cmocka_unit_test(summary__of_another_version_is_read_as_far_as_it_goes),
        cmocka_unit_test(summary__every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
