/* Runs of a swarm that pause: where, as which runs, which of them are stopped and what the law is told of those. */
#include "test.h"

#include "study_made.h"

enum { RUNS = 8, FIRST = 6 }; /* of them in rounds before */

static asc_law laws[D];

static int set_up(void **state)
{
    if (study_set_up(state))
        return 1;
    spec.search.method = ASC_SEARCH_SWARM;
    spec.search.pause = .5;
    spec.search.runs = 16;
    spec.n_scales = 0;
    return asc__swarm_begin(&s, false, &err) != ASC_OK || s.swarm.n != RUNS;
}

static int tear_down(void **state)
{
    s.joint_law = (asc_law_set){0};
    return study_tear_down(state);
}

static void give(size_t run, const double *loss)
{
    asc_store_run *r = &s.runs[run];
    asc_result_free(r->result);
    r->result = asc_result_create(D, D);
    assert_non_null(r->result);
    memcpy(r->result->loss, loss, D * sizeof *loss);
    for (size_t i = 0; i < D; i++)
        r->result->domain_tokens[i] = r->tokens[i];
    r->result->tokens = asc__run_tokens(r);
    r->state = ASC_RUN_DONE;
}

/* Every run loses .4 from its pause on, give or take `noise`; the k-th stands at levels[k]. */
static void make_all(const double *levels, double noise)
{
    static const double off[FIRST] = {1, -1, .5, -.5, .8, -.8};
    double loss[D];
    for (size_t k = 0; k < RUNS; k++) {
        assert_int_equal(asc__swarm_add_pause(&s, k, false, &err), ASC_OK);
        for (size_t v = 0; v < D; v++)
            loss[v] = levels[k] + .4;
        give(s.swarm.pauses[k], loss);
        for (size_t v = 0; v < D; v++)
            loss[v] = levels[k] + noise * off[k % FIRST];
        if (k < FIRST)
            give(s.swarm.runs[k], loss);
    }
    for (size_t v = 0; v < D; v++)
        laws[v] = (asc_law){.stats = {.noise = .02}};
    s.joint_law = (asc_law_set){.n_laws = D, .n_targets = D, .laws = laws, .noise = NAN};
    s.has_joint = true;
}

static const double levels[RUNS] = {3, 3.1, 3.2, 3.05, 3.15, 3.3, 3.02, 3.6};

static void pause__is_a_whole_step_of_a_cheap_evaluation(void **state)
{
    assert_true(asc__pause_tokens(&s) == 800); /* 1600 tokens in ten steps */
    spec.search.pause = .26;
    assert_true(asc__pause_tokens(&s) == 480);
    spec.search.pause = .02;
    assert_true(asc__pause_tokens(&s) == 0);
    spec.search.pause = NAN; /* three texts of 1000 tokens take longer than a tenth of the run */
    assert_true(asc__pause_tokens(&s) == 0);
    spec.valid_tokens = 100;
    assert_true(asc__pause_tokens(&s) == 800);
    spec.trainer.command = "train {tokens}";
    assert_true(asc__pause_tokens(&s) == 0);
    spec.trainer.command = "train {tokens} {init} {schedule_tokens}";
    assert_true(asc__pause_tokens(&s) == 800);
    spec.search.rounds = 1;
    assert_true(asc__pause_tokens(&s) == 0);
}

static void pause__is_the_run_on_its_own_schedule_up_to_there(void **state)
{
    make_all(levels, .005);
    const asc_store_run *p = &s.runs[s.swarm.pauses[2]], *r = &s.runs[s.swarm.runs[2]];
    assert_string_equal(p->id, "s1.6k-pause-2");
    assert_true(p->kind == ASC_KIND_PAUSE && asc__run_tokens(p) == 800 && p->seed == r->seed);
    for (size_t i = 0; i < D; i++)
        assert_true(fabs(p->tokens[i] - r->tokens[i] / 2) <= T);
    assert_ptr_equal(asc__pause_of(s.runs, s.n_runs, r), p);
    const asc__told *t = asc__told_of(&s, s.swarm.pauses[2]);
    assert_true(t->n_phases == 1 && t->stop == 800 && t->from == ASC_NONE);
    for (size_t i = 0; i < D; i++)
        assert_true(t->phases[i] == r->tokens[i]);
    assert_int_equal(asc__swarm_decide(&s, 0, true, &err), ASC_OK);
    assert_int_equal(asc__told_of(&s, s.swarm.runs[2])->from, s.swarm.pauses[2]);
    assert_true(asc__run_trained(&s, &s.runs[s.swarm.runs[2]]) == 800);
}

static void decision__stops_what_is_far_behind_and_nothing_else(void **state)
{
    make_all(levels, .005);
    assert_int_equal(asc__swarm_decide(&s, FIRST, false, &err), ASC_OK);
    assert_int_equal(s.runs[s.swarm.runs[6]].state, ASC_RUN_PENDING);
    assert_int_equal(s.runs[s.swarm.runs[7]].state, ASC_RUN_STOPPED);
    const asc__stop *x = asc__stop_of(&s, s.swarm.runs[7]);
    assert_non_null(x);
    assert_null(asc__stop_of(&s, s.swarm.runs[6]));
    assert_true(fabs(x->value - 3.6) < .1 && x->sd > 0 && x->sd < .1 && x->trust >= .5 && x->trust <= 1);
    assert_true(fabs(x->best - 3) < .05);
    assert_non_null(strstr(s.runs[s.swarm.runs[7]].why, "at 50 % of its tokens: "));
    double saved = 0;
    assert_int_equal(asc__n_stopped(&saved, &s), 1);
    assert_true(fabs(saved - asc_flops_train(&s.model, 800) - asc_flops_eval(&s.model, D * 1000.)) < 1);
    asc__say_stopped(&s);
    assert_true(asc_notes_have(&s.notes, ASC_NOTE_SWARM_STOPPED));
}

/* What it says of a run depends on the results, not on what was there before: gone through again it is the same. */
static void decision__is_a_function_of_results(void **state)
{
    make_all(levels, .005);
    assert_int_equal(asc__swarm_decide(&s, FIRST, false, &err), ASC_OK);
    asc__stop first = s.swarm.stops[7];
    s.swarm.stops[7] = (asc__stop){0};
    assert_int_equal(asc__swarm_decide(&s, FIRST, false, &err), ASC_OK);
    const asc__stop *again = &s.swarm.stops[7];
    assert_true(again->value == first.value && again->sd == first.sd && again->trust == first.trust);
    assert_memory_equal(again->loss, first.loss, D * sizeof *first.loss);
    asc_free(first.loss);
}

/* A run that was stopped goes on where the study is edited so that it can matter, or none is to be stopped. */
static void decision__is_taken_back(void **state)
{
    make_all(levels, .005);
    assert_int_equal(asc__swarm_decide(&s, FIRST, false, &err), ASC_OK);
    asc_free(s.swarm.stops[7].loss);
    s.swarm.stops[7] = (asc__stop){0};
    s.before = (asc_summary *)(uintptr_t)&s; /* nothing is stored */
    assert_int_equal(asc__swarm_decide(&s, FIRST, true, &err), ASC_OK);
    s.before = NULL;
    assert_int_equal(s.runs[s.swarm.runs[7]].state, ASC_RUN_PENDING);
    assert_null(s.runs[s.swarm.runs[7]].why);
}

static void decision__lets_go_on_what_cannot_be_predicted(void **state)
{
    make_all(levels, .3); /* far more than runs differ by their seeds */
    assert_int_equal(asc__swarm_decide(&s, FIRST, false, &err), ASC_OK);
    assert_int_equal(asc__n_stopped(NULL, &s), 0);
    s.runs[s.swarm.pauses[7]].result->n_retries = 1; /* nor is one begun from that went on at another rate */
    assert_int_equal(asc__swarm_decide(&s, FIRST, true, &err), ASC_OK);
}

static void a_restarted_pause__is_not_gone_on_from(void **state)
{
    make_all(levels, .005);
    s.runs[s.swarm.pauses[7]].result->n_retries = 1;
    assert_int_equal(asc__swarm_decide(&s, FIRST, false, &err), ASC_OK);
    assert_int_equal(asc__n_stopped(NULL, &s), 0);
    assert_null(asc__told_of(&s, s.swarm.runs[7]));
}

static void table__has_stopped_runs_with_their_trust(void **state)
{
    asc_table t = {0};
    make_all(levels, .005);
    assert_int_equal(asc__swarm_decide(&s, FIRST, false, &err), ASC_OK);
    size_t list[] = {s.swarm.runs[0], s.swarm.runs[7]};
    assert_int_equal(asc__study_table(&t, &s, list, 2, &err), ASC_OK);
    const asc__stop *x = asc__stop_of(&s, s.swarm.runs[7]);
    assert_true(t.has_trust && t.runs.trust[0] == 1 && t.runs.trust[1] == x->trust);
    assert_memory_equal(t.runs.loss + D, x->loss, D * sizeof *x->loss);
    assert_true(t.runs.total[1] == 1600);
    asc_table_clear(&t);
}

#define WITH_SWARM(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SWARM(pause__is_a_whole_step_of_a_cheap_evaluation),
        WITH_SWARM(pause__is_the_run_on_its_own_schedule_up_to_there),
        WITH_SWARM(decision__stops_what_is_far_behind_and_nothing_else),
        WITH_SWARM(decision__is_a_function_of_results),
        WITH_SWARM(decision__is_taken_back),
        WITH_SWARM(decision__lets_go_on_what_cannot_be_predicted),
        WITH_SWARM(a_restarted_pause__is_not_gone_on_from),
        WITH_SWARM(table__has_stopped_runs_with_their_trust),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
