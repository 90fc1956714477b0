/* A search by branches as it is kept and told: what a run starts from, the schedule of an answer, its summary. */
#include "test.h"

#include "study_made.h"

static void begin(void)
{
    spec.search.method = ASC_SEARCH_BRANCH;
    if (asc__branch_begin(&s, false, &err) != ASC_OK)
        fail_msg("%s", err.msg);
}

static double total(const double *tokens)
{
    return tokens[0] + tokens[1] + tokens[2];
}

static void ids__name_target_round_and_domain(void **state)
{
    static const char *const want[] = {"b160k-prefix-r0", "b160k-prefix-r1", "b160k-1-prior",  "b160k-1-books",
                                       "b160k-1-code",    "b160k-1-news",    "b160k-1-merge-0"};
    begin();
    for (size_t k = 0; k < sizeof want / sizeof *want; k++)
        assert_string_equal(s.runs[k].id, want[k]);
    assert_int_equal(s.runs[1].seed, 43); /* one prefix a seed of the target */
}

static void begin__twice_finds_what_is_there(void **state)
{
    begin();
    size_t n = s.n_runs, told = s.n_told;
    asc__branching before = s.stages[0];
    s.stages[0] = (asc__branching){0};
    s.n_stages = 0;
    begin();
    assert_int_equal(s.n_runs, n);
    assert_int_equal(s.n_told, told);
    assert_int_equal(s.stages[0].prefixes[1], before.prefixes[1]);
    asc__branching again = s.stages[0]; /* both are to be freed */
    s.stages[0] = before;
    for (size_t k = 0; k < before.n_rounds; k++) {
        asc_free(again.rounds[k].centre);
        asc_free(again.rounds[k].sequences);
        asc_free(again.rounds[k].branches);
        asc_free(again.rounds[k].weights);
        asc_free(again.rounds[k].merges);
    }
    asc_free(again.reference);
    asc_free(again.whole);
    asc_free(again.first);
    asc_free(again.phases);
    asc_free(again.prefixes);
}

static void prefix__is_the_beginning_of_the_whole_reference(void **state)
{
    s.reference[0] = .6;
    s.reference[1] = .3;
    s.reference[2] = .1;
    begin();
    const asc__branching *b = &s.stages[0];
    const asc__told *t = asc__told_of(&s, b->prefixes[0]);
    assert_int_equal(t->n_phases, 2);
    assert_int_equal(t->from, ASC_NONE);
    assert_true(t->stop == 2000 * T);
    for (size_t i = 0; i < D; i++) {
        assert_true(t->phases[i] == (double)(b->first[i] * T));
        assert_true(t->phases[i] + t->phases[D + i] == (double)(b->whole[i] * T)); /* of one run, cut in two */
        assert_true(fabs((double)b->first[i] / 2000 - s.reference[i]) < 1e-3);
    }
}

static void reference__is_moved_within_the_studys_bounds(void **state)
{
    most[0] = .4;
    s.reference[0] = .6;
    s.reference[1] = .3;
    s.reference[2] = .1;
    begin();
    assert_true(fabs(s.stages[0].reference[0] - .4) < 1e-9);
    assert_true(fabs((double)s.stages[0].whole[0] / 10000 - .4) < 1e-3);
}

static void branches__keep_what_caps_leave(void **state)
{
    s.available[1] = 16. * 3400 + 1; /* the whole reference takes 3334 of its 3400 sequences, the prefix 667 */
    cap_epochs(1, 1);
    begin();
    for (size_t k = 0; k < D; k++)
        assert_true(s.stages[0].rounds[0].sequences[k * D + 1] <= 3400 - s.stages[0].first[1]);
}

static void told__is_replaced_where_it_is_told_again(void **state)
{
    asc__told *t;
    assert_int_equal(asc__new_told(&t, &s, 5, 2, 0, &err), ASC_OK);
    t->phases[0] = 7;
    assert_int_equal(asc__new_told(&t, &s, 5, 0, 3, &err), ASC_OK);
    assert_int_equal(s.n_told, 1);
    assert_true(t->n_phases == 0 && t->n_parts == 3 && t->from == ASC_NONE && t->phases == NULL);
    assert_null(asc__told_of(&s, 6));
    assert_ptr_equal(asc__told_of(&s, 5), t);
}

static void target__goes_on_from_the_prefix_of_its_seed(void **state)
{
    int64_t later[D] = {1000, 5000, 2000};
    asc__mixture m = {.kind = ASC_MIXTURE_SCHEDULE, .later = later}, plain = {.kind = ASC_MIXTURE_UNIFORM};
    begin();
    size_t told = s.n_told, run = s.n_runs - 1;
    assert_int_equal(asc__branch_tell_target(&s, &plain, 0, 0, &err), ASC_OK); /* one mixture from the start */
    assert_int_equal(s.n_told, told);
    assert_int_equal(asc__branch_tell_target(&s, &m, run, 1, &err), ASC_OK);
    const asc__told *t = asc__told_of(&s, run);
    assert_int_equal(t->from, s.stages[0].prefixes[1]);
    assert_true(total(t->phases) == 2000 * T && total(t->phases + D) == 8000 * T && t->phases[D] == 1000 * T);
    assert_true(t->stop == 0);
}

static void phases__of_a_schedule_are_shares_until_the_end(void **state)
{
    int64_t later[D] = {1000, 5000, 2000};
    asc__mixture m = {.kind = ASC_MIXTURE_SCHEDULE, .later = later}, plain = {.kind = ASC_MIXTURE_UNIFORM};
    asc_summary *o = asc_summary_create(D, D);
    size_t n = 9;
    begin();
    s.stages[0].better = true;
    assert_null(asc__phases(&n, o, &s, &plain));
    assert_int_equal(n, 0);
    asc_summary_phase *p = asc__phases(&n, o, &s, &m);
    assert_int_equal(n, 2);
    assert_true(fabs(p[0].until - .2) < 1e-12 && p[1].until == 1);
    assert_true(fabs(p[1].weights[1] - .625) < 1e-12 && fabs(p[0].weights[0] - 1. / 3) < 1e-3);
    json_t *j = asc__phases_json(&s, &m);
    assert_int_equal(json_array_size(j), 2);
    json_t *weights = json_object_get(json_array_get(j, 1), "weights");
    assert_true(fabs(json_number_value(json_object_get(weights, "code")) - .625) < 1e-12);
    json_decref(j);
    asc_summary_free(o);
}

static void summary__has_the_search_as_far_as_it_is(void **state)
{
    asc_summary *o = asc_summary_create(D, D);
    asc__put_branching(o, &s); /* none was begun */
    assert_false(o->search.known);
    begin();
    s.stages[0].n_checks = 1;
    s.stages[0].checks[0].what = "prior";
    s.stages[0].checks[0].real_value = 3.5;
    s.stages[0].checks[0].merged_value = 3.4;
    s.stages[0].rank = 1;
    asc__put_branching(o, &s);
    const asc_summary_search *x = &o->search;
    assert_true(x->known && x->tokens == 160000 && fabs(x->prefix - .2) < 1e-12);
    assert_true(x->prefix_tokens == 2000 * T && x->branch_tokens == 100 * T);
    assert_int_equal(x->n_rounds, 1);
    assert_true(x->rounds[0].n_merges == 8 && isnan(x->rounds[0].predicted) && x->rounds[0].optimum == NULL);
    assert_int_equal(x->n_checks, 1);
    assert_string_equal(x->checks[0].run, "b160k-1-prior");
    for (size_t i = 0; i < D; i++) /* shares behind the prefix alone */
        assert_true(fabs(x->checks[0].weights[i] - 1. / 3) < .01);
    assert_null(x->decided);
    asc_summary_free(o);
}

static void begin__every_failing_allocation_is_survived(void **state)
{
    spec.search.method = ASC_SEARCH_BRANCH;
    for (uint64_t n = 1; n < 400; n += 7) {
        asc_fault_arm(ASC_FAULT_ALLOC, n);
        asc_status st = asc__branch_begin(&s, false, &err);
        uint64_t calls = asc_fault_count(ASC_FAULT_ALLOC);
        asc_fault_arm(ASC_FAULT_ALLOC, 0);
        asc__branch_clear(&s);
        memset(s.stages, 0, sizeof s.stages);
        s.n_stages = 0;
        s.digests = NULL;
        s.told = NULL;
        s.n_told = s.cap_told = 0;
        asc_store_runs_free(s.runs, s.n_runs);
        s.runs = NULL;
        s.n_runs = s.cap_runs = 0;
        if (calls < n) {
            assert_int_equal(st, ASC_OK);
            return;
        }
        assert_int_equal(st, ASC_ENOMEM);
    }
}

/* Two stages, the first of which found an answer. */
static void begin_two(void)
{
    static const int64_t answer[D] = {1000, 5000, 2000};
    spec.search.n_at = 2;
    spec.search.at[0] = 20;
    spec.search.at[1] = 60;
    begin();
    s.stages[0].better = true;
    s.stages[0].answer = asc_calloc(D, sizeof *s.stages[0].answer);
    memcpy(s.stages[0].answer, answer, sizeof answer);
    begin();
}

static const asc_store_run *run_named(const char *id)
{
    for (size_t i = 0; i < s.n_runs; i++)
        if (strcmp(s.runs[i].id, id) == 0)
            return &s.runs[i];
    fail_msg("no run %s", id);
    return NULL;
}

static void stages__go_on_from_the_answer_before(void **state)
{
    begin_two();
    const asc__branching *b = &s.stages[1];
    assert_true(b->prefix == 6000 && b->n_phases == 2 && b->length == 100);
    const asc__told *t = asc__told_of(&s, b->prefixes[1]);
    assert_int_equal(t->from, s.stages[0].prefixes[1]);
    assert_int_equal(t->n_phases, 3);
    assert_true(total(t->phases) == 2000 * T && total(t->phases + D) == 4000 * T &&
                total(t->phases + 2 * D) == 4000 * T);
    assert_true(t->stop == 6000 * T && t->phases[D] == 500 * T && t->phases[2 * D + 1] == 2500 * T);
    assert_true(near(b->reference[0], .125) && near(b->rounds[0].centre[1], .625));
    for (size_t i = 0; i < D; i++)
        assert_int_equal(b->first[i], s.stages[0].first[i] + b->phases[D + i]);
    const asc_store_run *r = run_named("b160k-at60-1-code"), *prefix = run_named("b160k-at60-prefix-r0");
    t = asc__told_of(&s, (size_t)(r - s.runs));
    assert_true(t->n_phases == 4 && t->from == b->prefixes[0] && t->stop == 6100 * T);
    assert_true(asc__run_trained(&s, r) == 100 * T && asc__run_trained(&s, prefix) == 4000 * T);
    run_named("b160k-at60-1-merge-0");
    assert_true(asc__run_trained(&s, run_named("b160k-1-code")) == 100 * T);
}

static void stages__schedule_and_reference_each_from_its_last(void **state)
{
    size_t n;
    spec.reference = (asc_mixture_ref){.kind = ASC_MIXTURE_UNIFORM, .name = "uniform"};
    begin_two();
    assert_int_equal(asc__branch_mixtures(&s, &err), ASC_OK);
    own_mixtures = true;
    asc__mixture *schedule = asc__mixture_of(&s, ASC_MIXTURE_SCHEDULE);
    asc__mixture *uniform = asc__mixture_of(&s, ASC_MIXTURE_UNIFORM);
    assert_true(schedule->stage == 1 && uniform->stage == 0); /* which the first stage left */
    assert_true(schedule->later[1] == 2500 &&
                total((double[]){schedule->tokens[0], schedule->tokens[1], schedule->tokens[2]}) == 160000);
    asc_summary *o = asc_summary_create(D, D);
    asc_summary_phase *p = asc__phases(&n, o, &s, schedule); /* the second stage kept what it had */
    assert_true(n == 2 && near(p[0].until, .2) && near(p[1].weights[1], .625));
    s.stages[1].better = true;
    p = asc__phases(&n, o, &s, schedule);
    assert_int_equal(n, 3);
    assert_true(near(p[0].until, .2) && near(p[1].until, .6) && p[2].until == 1 && near(p[1].weights[1], .625));
    json_t *j = asc__phases_json(&s, schedule);
    assert_int_equal(json_array_size(j), 3);
    json_decref(j);
    asc__put_branching(o, &s);
    assert_int_equal(o->search.n_stages, 2);
    assert_true(near(o->search.prefix, .2) && near(o->search.stages[1].prefix, .6));
    asc_summary_free(o);
}

static void stages__reference_goes_through_all_that_kept_it(void **state)
{
    spec.reference = (asc_mixture_ref){.kind = ASC_MIXTURE_UNIFORM, .name = "uniform"};
    spec.search.n_at = 2;
    spec.search.at[0] = 20;
    spec.search.at[1] = 60;
    begin();
    begin();
    assert_int_equal(asc__branch_mixtures(&s, &err), ASC_OK);
    own_mixtures = true;
    assert_null(asc__mixture_of(&s, ASC_MIXTURE_SCHEDULE));
    asc__mixture *m = asc__mixture_of(&s, ASC_MIXTURE_UNIFORM);
    assert_int_equal(m->stage, 1);
    for (size_t i = 0; i < D; i++)
        assert_int_equal(m->tokens[i], s.stages[0].whole[i] * T); /* no matter where it was cut */
    snprintf(s.stages[0].why, sizeof s.stages[0].why, "kept");
    snprintf(s.stages[1].why, sizeof s.stages[1].why, "kept too");
    char why[200];
    asc__branch_why(why, sizeof why, &s);
    assert_string_equal(why, "at 20 %: kept; at 60 %: kept too");
}

static const char *value_of(const asc_launch_value *v, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(v[i].name, name) == 0)
            return v[i].text;
    fail_msg("no value %s", name);
    return NULL;
}

static void values__name_checkpoint_and_schedule(void **state)
{
    static char *domain_names[] = {"books", "code"};
    double tokens[] = {100, 60};
    for (int begins = 0; begins < 2; begins++) {
        asc_launch_value v[ASC_N_OF_RUN] = {0};
        asc_run_spec r;
        size_t n = 0;
        asc_run_spec_init(&r);
        char *none = r.init_from;
        asc_free(r.id);
        r.id = asc_strdup("b160k-1-code");
        r.n_domains = 2;
        r.domains = domain_names;
        r.tokens = tokens;
        r.params = 5;
        r.init_from = begins ? (char *)(uintptr_t) "." : NULL;
        assert_int_equal(asc__launch_values(v, &n, "tiny", &r, ".", 120, &err), ASC_OK);
        assert_string_equal(value_of(v, n, "tokens"), "120"); /* where it ends */
        assert_string_equal(value_of(v, n, "schedule_tokens"), "160");
        const char *init = value_of(v, n, "init");
        assert_true(begins ? init[0] == '/' : init[0] == 0);
        for (size_t i = 0; i < n; i++)
            asc_free(v[i].text);
        r.init_from = none;
        r.n_domains = 0;
        r.domains = NULL;
        r.tokens = NULL;
        asc_run_spec_clear(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STUDY(ids__name_target_round_and_domain),
        WITH_STUDY(begin__twice_finds_what_is_there),
        WITH_STUDY(prefix__is_the_beginning_of_the_whole_reference),
        WITH_STUDY(reference__is_moved_within_the_studys_bounds),
        WITH_STUDY(branches__keep_what_caps_leave),
        WITH_STUDY(told__is_replaced_where_it_is_told_again),
        WITH_STUDY(target__goes_on_from_the_prefix_of_its_seed),
        WITH_STUDY(phases__of_a_schedule_are_shares_until_the_end),
        WITH_STUDY(summary__has_the_search_as_far_as_it_is),
        WITH_STUDY(stages__go_on_from_the_answer_before),
        WITH_STUDY(stages__schedule_and_reference_each_from_its_last),
        WITH_STUDY(stages__reference_goes_through_all_that_kept_it),
        WITH_STUDY(values__name_checkpoint_and_schedule),
        WITH_STUDY(begin__every_failing_allocation_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
