/* Runs made with other domains: which still are runs on those that the study has, and what they gave them. */
#include "test.h"

#include "study_made.h"

static json_t *lists;
static asc_notes notes;

/* A run on these domains, done. */
static void add_made(const char *id, asc_run_kind kind, const char *domains_json, size_t n, const double *tokens)
{
    json_t *list = json_loads(domains_json, 0, NULL);
    s.runs = asc_grow(s.runs, &s.cap_runs, s.n_runs + 1, sizeof *s.runs);
    asc_store_run *r = &s.runs[s.n_runs++];
    *r = (asc_store_run){.kind = kind, .scale = 1600, .state = ASC_RUN_DONE, .n_domains = n};
    r->id = asc_strdup(id);
    r->mixture = asc_strdup("swarm");
    r->tokens = asc_calloc(n, sizeof *r->tokens);
    memcpy(r->tokens, tokens, n * sizeof *tokens);
    r->result = asc_result_create(D, D);
    if (list)
        json_object_set_new(lists, id, list);
}

static int set_up(void **state)
{
    lists = json_object();
    notes = (asc_notes){0};
    return study_set_up(state);
}

static int tear_down(void **state)
{
    json_decref(lists);
    asc_notes_clear(&notes);
    asc_store_runs_free(s.aside, s.n_aside);
    for (size_t i = 0; i < D; i++)
        domains[i].part_of = NULL;
    return study_tear_down(state);
}

static void map(void)
{
    if (asc__living_map(&s, "/nowhere", lists, &notes, &err) != ASC_OK)
        fail_msg("%s", err.msg);
}

static void map__of_runs_on_the_same_domains_leaves_them(void **state)
{
    add_made("a", ASC_KIND_MIXTURE, "[\"books\",\"code\",\"news\"]", 3, (double[]){100, 200, 300});
    add_made("b", ASC_KIND_MIXTURE, "null", 3, (double[]){1, 2, 3});
    json_object_del(lists, "b"); /* made with what there is now */
    map();
    assert_int_equal(s.n_runs, 2);
    assert_int_equal(s.n_aside, 0);
    assert_false(asc__is_inherited(&s.runs[0]) || asc__is_inherited(&s.runs[1]));
}

static void map__gives_an_added_domain_no_share(void **state)
{
    add_made("a", ASC_KIND_MIXTURE, "[\"news\",\"books\"]", 2, (double[]){300, 100}); /* the order was another */
    map();
    assert_int_equal(s.n_runs, 1);
    const asc_store_run *r = &s.runs[0];
    assert_true(r->n_domains == D && r->tokens[0] == 100 && r->tokens[1] == 0 && r->tokens[2] == 300);
    assert_true(asc__is_inherited(r) && r->n_made == 2 && r->made[0] == 300); /* as its row has them */
    assert_true(asc_notes_have(&notes, ASC_NOTE_RUNS_KEPT));
    assert_int_equal(asc__n_given(&s), 1);
    assert_int_equal(asc__least_new_runs(&s), 3); /* code is new */
}

static void map__sets_aside_what_had_a_domain_that_is_gone(void **state)
{
    const char *four = "[\"books\",\"law\",\"code\",\"news\"]";
    add_made("with", ASC_KIND_MIXTURE, four, 4, (double[]){100, 50, 200, 300});
    add_made("without", ASC_KIND_MIXTURE, four, 4, (double[]){100, 0, 200, 300});
    map();
    assert_int_equal(s.n_runs, 1);
    assert_string_equal(s.runs[0].id, "without");
    assert_int_equal(s.n_aside, 1);
    assert_string_equal(s.aside[0].id, "with");
    assert_true(s.aside[0].tokens[1] == 50); /* untouched */
    assert_true(asc_notes_have(&notes, ASC_NOTE_RUNS_ASIDE_GONE));
}

static asc_domain_report reports[D];

static void map__divides_a_domain_that_was_split_by_size(void **state)
{
    domains[1].part_of = domains[2].part_of = (char *)(uintptr_t) "web";
    s.there[1] = 3000; /* before the text is made, as in a plan */
    s.there[2] = 1000;
    add_made("a", ASC_KIND_MIXTURE, "[\"books\",\"web\"]", 2, (double[]){100, 401});
    map();
    const asc_store_run *r = &s.runs[0];
    assert_int_equal(s.n_runs, 1);
    assert_true(r->tokens[0] == 100 && fabs(r->tokens[1] - 300.75) < 1 && r->tokens[1] + r->tokens[2] == 401);
    assert_true(asc_notes_have(&notes, ASC_NOTE_DOMAIN_SPLIT));
}

static void map__guesses_nothing_where_parts_are_not_the_whole(void **state)
{
    domains[1].part_of = domains[2].part_of = (char *)(uintptr_t) "web";
    for (size_t i = 0; i < D; i++)
        reports[i] = (asc_domain_report){.name = names[i], .n_tokens = 1000};
    s.reports = reports; /* and no report of what was there */
    add_made("a", ASC_KIND_MIXTURE, "[\"books\",\"web\"]", 2, (double[]){100, 400});
    add_made("b", ASC_KIND_MIXTURE, "[\"books\",\"web\"]", 2, (double[]){100, 0});
    map();
    s.reports = NULL;
    assert_int_equal(s.n_runs, 1); /* which gave it no share */
    assert_string_equal(s.runs[0].id, "b");
    assert_true(asc_notes_have(&notes, ASC_NOTE_RUNS_ASIDE_SPLIT));
    assert_false(asc_notes_have(&notes, ASC_NOTE_RUNS_ASIDE_GONE));
}

/* Runs of an earlier search on the same domains: a swarm makes what is left of its own, which may be nothing, chooses
 * by the law from its first round on, and pays for what others took. */
static void swarm__goes_on_where_an_earlier_search_was(void **state)
{
    spec.search.method = ASC_SEARCH_SWARM;
    spec.search.runs = 6;
    spec.n_scales = 0;
    for (size_t k = 0; k < 4; k++) {
        char id[16];
        snprintf(id, sizeof id, "s1.6k-mix-%zu", k);
        add_made(id, ASC_KIND_MIXTURE, "null", 3, (double[]){800, 400, 400});
        s.runs[k].earlier = true;
    }
    assert_int_equal(asc__n_earlier(&s), 4);
    assert_int_equal(asc__search_cut(&s, &notes, &err), ASC_OK);
    assert_int_equal(s.spec->search.runs, 2);
    assert_int_equal(asc__swarm_begin(&s, false, &err), ASC_OK);
    assert_int_equal(s.swarm.n, 0);
    asc_free(s.swarm.runs);
    s.swarm.runs = NULL;
    spec.search.runs = 4;
    s.spec = &spec;
    assert_int_equal(asc__search_cut(&s, &notes, &err), ASC_OK);
    assert_int_equal(s.spec->search.runs, 0);
    double one = (asc__train_flops(&s.sizes[0], 1600) + asc__eval_flops(&s.sizes[0], 3000)) / asc__target_flops(&s);
    spec.search.runs = 20;
    spec.search.at_most = 6.5 * one;
    s.spec = &spec;
    assert_int_equal(asc__search_cut(&s, &notes, &err), ASC_OK);
    assert_int_equal(s.spec->search.runs, 2); /* six in all */
    s.runs[3].scale = 3200;                   /* of another budget: paid for as it was, told of by the law alone */
    s.spec = &spec;
    assert_int_equal(asc__search_cut(&s, &notes, &err), ASC_OK);
    assert_int_equal(s.spec->search.runs, 2); /* 6.5 less one and three */
    assert_int_equal(asc__n_earlier(&s), 3);
}

static void swarm__makes_what_is_left_and_what_new_domains_need(void **state)
{
    spec.search.method = ASC_SEARCH_SWARM;
    spec.search.runs = 5;
    spec.search.rounds = 1;
    for (size_t k = 0; k < 4; k++) {
        char id[8];
        snprintf(id, sizeof id, "m%zu", k);
        add_made(id, ASC_KIND_MIXTURE, "[\"books\",\"news\"]", 2, (double[]){800, 800});
    }
    map();
    assert_int_equal(asc__search_cut(&s, &notes, &err), ASC_OK);
    assert_int_equal(s.spec->search.runs, 3); /* one would be left of five, code needs three */
    spec.search.at_most = 1e-9;
    s.spec = &spec;
    assert_int_equal(asc__search_cut(&s, &notes, &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "pays for 0 more runs"));
    s.spec = &spec;
}

static void map__every_failing_allocation_is_survived(void **state)
{
    for (uint64_t n = 1; n < 60; n++) {
        add_made("a", ASC_KIND_MIXTURE, "[\"news\",\"books\"]", 2, (double[]){300, 100});
        asc_fault_arm(ASC_FAULT_ALLOC, n);
        asc_status st = asc__living_map(&s, "/nowhere", lists, &notes, &err);
        uint64_t calls = asc_fault_count(ASC_FAULT_ALLOC);
        asc_fault_arm(ASC_FAULT_ALLOC, 0);
        asc_store_runs_free(s.runs, s.n_runs);
        asc_store_runs_free(s.aside, s.n_aside);
        s.runs = s.aside = NULL;
        s.n_runs = s.cap_runs = s.n_aside = 0;
        if (calls < n)
            return;
        assert_true(st == ASC_ENOMEM || st == ASC_OK); /* a note that is not there is no failure */
    }
    fail();
}

#define WITH_RUNS(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_RUNS(map__of_runs_on_the_same_domains_leaves_them),
        WITH_RUNS(map__gives_an_added_domain_no_share),
        WITH_RUNS(map__sets_aside_what_had_a_domain_that_is_gone),
        WITH_RUNS(map__divides_a_domain_that_was_split_by_size),
        WITH_RUNS(map__guesses_nothing_where_parts_are_not_the_whole),
        WITH_RUNS(swarm__goes_on_where_an_earlier_search_was),
        WITH_RUNS(swarm__makes_what_is_left_and_what_new_domains_need),
        WITH_RUNS(map__every_failing_allocation_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
