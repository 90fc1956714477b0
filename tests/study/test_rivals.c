/* The methods named in `against`: the runs that they need, what these are told and cost, and the mixtures that come of
 * them. */
#include "test.h"

#include "study_made.h"

enum { MOST = 4 };
static asc_mixture_ref against[MOST];

static void ask_for(const char *name)
{
    against[spec.n_against++] = (asc_mixture_ref){.kind = ASC_MIXTURE_RIVAL, .name = (char *)(uintptr_t)name};
    spec.against = against;
    spec.rivals = (asc_rivals_spec){.runs = 12, .run_tokens = .01, .tokens = .02};
}

static void begin(void)
{
    if (asc__rivals_begin(&s, false, &s.notes, &err) != ASC_OK)
        fail_msg("%s", err.msg);
}

/* The run is done, or not: its losses rise with the share of the last domain. */
static void end_run(size_t run, asc_run_state state)
{
    asc_store_run *r = &s.runs[run];
    r->state = state;
    r->result = asc_result_create(D, D);
    r->result->wall_s = 2;
    for (size_t v = 0; v < D; v++)
        r->result->loss[v] = state == ASC_RUN_DONE ? 3 + r->tokens[D - 1] / asc__run_tokens(r) : NAN;
}

/* ---- which runs ---- */

static void begin__other_mixtures_are_no_rivals(void **state)
{
    against[0] = (asc_mixture_ref){.kind = ASC_MIXTURE_NATURAL, .name = "natural"};
    spec.against = against;
    spec.n_against = 1;
    begin();
    assert_true(s.rivals.n == 0 && s.n_runs == 0);
    assert_null(asc__rival_weights(&s, "natural"));
}

static void begin__a_closed_form_needs_no_run(void **state)
{
    ask_for("unimax");
    begin();
    assert_true(s.rivals.n == 1 && s.n_runs == 0);
    assert_false(asc__rival_has_proxy(&s.rivals.list[0]) || asc__rival_needs_swarm(&s.rivals.list[0]));
    assert_true(asc__rival_has_run(&s.rivals.list[0], "unimax"));
    assert_false(asc__rival_has_run(&s.rivals.list[0], "swarm"));
}

/* ODM learns in one run; DoReMi compares its run with a reference on the natural mixture, made before it. */
static void begin__proxies_are_even_and_their_reference_natural(void **state)
{
    ask_for("odm");
    ask_for("doremi");
    s.available[0] = 8e6;
    s.available[1] = s.available[2] = 4e6;
    begin();
    assert_int_equal(s.n_runs, 3);
    assert_true(s.rivals.list[0].n_runs == 1 && s.rivals.list[1].n_runs == 2);
    const asc_store_run *odm = &s.runs[0], *reference = &s.runs[1], *doremi = &s.runs[2];
    assert_string_equal(odm->id, "v3.2k-odm"); /* .02 of 160000 */
    assert_string_equal(reference->id, "v3.2k-doremi-reference");
    assert_string_equal(doremi->id, "v3.2k-doremi");
    assert_true(asc__run_tokens(odm) == 3200 && asc__run_tokens(reference) == 3200);
    assert_true(reference->tokens[0] == 1600 && reference->tokens[1] == 800);
    for (size_t i = 0; i < D; i++)
        assert_true(fabs(doremi->tokens[i] - 3200. / D) < T);
    assert_true(odm->seed == 42 && odm->kind == ASC_KIND_RIVAL);
    assert_true(asc__learns_mixture(&s, odm) && asc__learns_mixture(&s, doremi));
    assert_false(asc__learns_mixture(&s, reference));
}

static void begin__twice_finds_the_same_runs(void **state)
{
    ask_for("regmix");
    ask_for("doremi");
    begin();
    size_t n = s.n_runs;
    char *first = asc_strdup(s.runs[0].id);
    asc__rivals_clear(&s);
    begin();
    assert_int_equal(s.n_runs, n);
    assert_string_equal(s.runs[0].id, first);
    asc_free(first);
}

static void swarm__is_shared_and_holds_no_mixture_twice(void **state)
{
    ask_for("regmix");
    ask_for("dml");
    begin();
    const asc__rivals *x = &s.rivals;
    assert_int_equal(x->n_swarm, 12);
    assert_int_equal(s.n_runs, 12);
    assert_true(x->swarm_tokens == 1600);
    for (size_t k = 0; k < x->n_swarm; k++) {
        const asc_store_run *r = &s.runs[x->swarm[k]];
        assert_true(asc__run_tokens(r) == 1600);
        assert_true(asc__rival_has_run(&x->list[0], r->mixture) && asc__rival_has_run(&x->list[1], r->mixture));
        assert_false(asc__learns_mixture(&s, r));
        for (size_t j = 0; j < k; j++)
            assert_memory_not_equal(r->tokens, s.runs[x->swarm[j]].tokens, D * sizeof *r->tokens);
    }
}

static void natural__shares_follow_the_text(void **state)
{
    double w[D];
    s.available[0] = 1e6;
    s.available[1] = 3e6;
    s.available[2] = 6e6;
    asc__natural_shares(w, &s);
    assert_true(near(w[0], .1) && near(w[1], .3) && near(w[2], .6));
}

/* ---- within search.at_most ---- */

static double of_target(double flops)
{
    return flops / asc__target_flops(&s);
}

static double swarm_run(double tokens)
{
    return asc__train_flops(&s.sizes[0], tokens) + asc__eval_flops(&s.sizes[0], asc__eval_tokens(&s));
}

/* Twelve runs fit exactly; a budget for nine leaves nine of the same length; one for four keeps 2 (D + 1) = 8 shorter
 * ones. */
static void cut__a_swarm_loses_runs_and_then_their_length(void **state)
{
    static const struct {
        double of;
        size_t runs;
        bool shorter;
    } cases[] = {{12.001, 12, false}, {9.5, 9, false}, {4, 8, true}};
    ask_for("olmix");
    spec.valid_tokens = 16;
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        spec.search.at_most = of_target(cases[k].of * swarm_run(1600));
        begin();
        const asc__rivals *x = &s.rivals;
        assert_int_equal(x->n_swarm, cases[k].runs);
        assert_int_equal(x->swarm_tokens < 1600, cases[k].shorter);
        assert_true(fmod(x->swarm_tokens, T) == 0);
        assert_true((double)x->n_swarm * swarm_run(x->swarm_tokens) <= cases[k].of * swarm_run(1600));
        assert_int_equal(asc_notes_have(&s.notes, ASC_NOTE_CUT_RIVALS), cases[k].runs < 12);
        asc__rivals_clear(&s);
        asc_notes_clear(&s.notes);
    }
}

static void cut__nothing_left_of_a_swarm_is_refused(void **state)
{
    ask_for("olmix");
    spec.search.at_most = of_target(swarm_run(160)); /* eight runs in the place of one step */
    assert_int_equal(asc__rivals_begin(&s, false, &s.notes, &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "study.yaml: search.at_most"));
    assert_non_null(strstr(err.msg, "less than one step"));
}

static void cut__a_proxy_is_shortened_to_what_it_may_cost(void **state)
{
    ask_for("odm");
    spec.valid_tokens = 16;
    double budget = swarm_run(1600);
    spec.search.at_most = of_target(budget);
    begin();
    const asc_store_run *r = &s.runs[0];
    double tokens = asc__run_tokens(r);
    assert_true(tokens < 3200 && tokens >= 1600 - T);
    assert_true(swarm_run(tokens) + asc__rival_extra_flops(&s, r) <= budget);
    assert_true(asc_notes_have(&s.notes, ASC_NOTE_CUT_RIVAL));
}

static void cut__a_proxy_of_less_than_a_step_is_refused(void **state)
{
    ask_for("doremi");
    spec.search.at_most = 1e-6;
    assert_int_equal(asc__rivals_begin(&s, false, &s.notes, &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "leaves doremi less than one step"));
    assert_int_equal(s.n_runs, 0);
}

/* ---- what they cost beside training ---- */

/* ODM needs nothing; DoReMi a forward pass of the reference and one of its own per token. */
static void extra__is_what_the_rule_asks_for(void **state)
{
    ask_for("odm");
    ask_for("doremi");
    begin();
    assert_true(asc__rival_extra_flops(&s, &s.runs[0]) == 0);
    assert_true(asc__rival_extra_flops(&s, &s.runs[1]) == 0); /* the reference is a plain run */
    assert_true(near(asc__rival_extra_flops(&s, &s.runs[2]), 2 * asc__eval_flops(&s.sizes[0], 3200)));
    assert_true(asc__rival_extra_flops(&s, add_done(ASC_KIND_BASE, "base", NULL, 4800, 3)) == 0);
}

/* ---- what runs are told ---- */

static void told__the_learner_its_rule_and_its_reference(void **state)
{
    asc_run_spec r = {0};
    ask_for("doremi");
    begin();
    assert_int_equal(asc__tell_rival(&r, &s, &s.runs[0], &err), ASC_OK);
    assert_true(r.keep_checkpoint && !r.online); /* the reference is kept for the proxy */
    asc_run_spec_clear(&r);
    r = (asc_run_spec){0};
    assert_int_equal(asc__tell_rival(&r, &s, &s.runs[1], &err), ASC_OK);
    assert_string_equal(r.online, "doremi");
    assert_string_equal(r.online_reference, "../v3.2k-doremi-reference/checkpoint");
    assert_true(near(r.online_prior[0], 1. / D));
    assert_null(r.online_goal); /* all targets are domains: all alike */
    asc_run_spec_clear(&r);
}

static void told__held_out_targets_are_the_goal(void **state)
{
    asc_run_spec r = {0};
    double weights[D] = {0, .25, .75};
    ask_for("doge");
    s.D = 2; /* the third target is a held-out set */
    spec.n_domains = 2;
    spec.n_heldout = 1;
    spec.heldout = &domains[2];
    spec.objective = (asc_objective){.kind = ASC_OBJ_WEIGHTS, .weights = weights, .n_targets = D};
    begin();
    assert_int_equal(asc__tell_rival(&r, &s, &s.runs[0], &err), ASC_OK);
    assert_non_null(r.online_goal);
    assert_true(r.online_goal[0] == 0 && r.online_goal[1] == .25 && r.online_goal[2] == .75);
    r.n_domains = 2;
    asc_run_spec_clear(&r);
}

static void told__other_runs_nothing(void **state)
{
    asc_run_spec r = {0};
    ask_for("regmix");
    begin();
    assert_int_equal(asc__tell_rival(&r, &s, &s.runs[0], &err), ASC_OK);
    assert_true(!r.online && !r.keep_checkpoint);
    assert_int_equal(asc__tell_rival(&r, &s, add_done(ASC_KIND_UP, "up", "code", 4800, 3), &err), ASC_OK);
    assert_true(!r.online && !r.keep_checkpoint);
}

/* ---- what they took ---- */

static void took__is_of_runs_that_ended_and_are_asked_for(void **state)
{
    ask_for("odm");
    ask_for("doremi");
    begin();
    end_run(0, ASC_RUN_DONE);
    end_run(1, ASC_RUN_DIVERGED);
    asc__rival_cost odm = asc__rival_took(&s, &s.rivals.list[0]), doremi = asc__rival_took(&s, &s.rivals.list[1]);
    assert_true(odm.runs == 1 && odm.tokens == 3200 && odm.seconds == 2);
    assert_true(near(odm.flops, swarm_run(3200)));
    assert_true(doremi.runs == 1 && doremi.seconds == 2); /* its proxy has not ended */
    s.rivals.list[0].n_runs = 0;                          /* an edited study asks for another */
    assert_int_equal(asc__rival_took(&s, &s.rivals.list[0]).runs, 0);
}

static void summary__has_each_with_its_cost(void **state)
{
    ask_for("unimax");
    ask_for("odm");
    begin();
    end_run(0, ASC_RUN_DONE);
    asc_summary *o = asc_summary_create(D, D);
    asc__put_rivals(o, &s);
    assert_int_equal(o->n_rivals, 2);
    assert_string_equal(o->rivals[0].name, "unimax");
    assert_true(o->rivals[0].n_runs == 0 && o->rivals[0].flops == 0 && !o->rivals[0].weights);
    assert_true(o->rivals[1].n_runs == 1 && near(o->rivals[1].share, of_target(o->rivals[1].flops)));
    asc_summary_free(o);
}

/* ---- their mixtures ---- */

static void make(void)
{
    in_folder();
    if (asc__rivals_make(&s, &err) != ASC_OK)
        fail_msg("%s", err.msg);
}

/* Equal tokens, but no more than 4 epochs of what there is. */
static void mixture__of_a_closed_form(void **state)
{
    ask_for("unimax");
    s.available[0] = 4000; /* 16000 of 160000 tokens at most */
    begin();
    make();
    const double *w = asc__rival_weights(&s, "unimax");
    assert_non_null(w);
    assert_true(near(w[0], .1) && near(w[1], .45) && near(w[2], .45));
}

static void mixture__is_the_mean_that_the_proxy_left(void **state)
{
    ask_for("odm");
    begin();
    end_run(0, ASC_RUN_DONE);
    in_folder();
    put_file("runs/v3.2k-odm/schedule.json", "{\"books\": 0.5, \"code\": 0.3, \"news\": 0.2}");
    assert_int_equal(asc__rivals_make(&s, &err), ASC_OK);
    const double *w = asc__rival_weights(&s, "odm");
    assert_non_null(w);
    assert_true(near(w[0], .5) && near(w[1], .3) && near(w[2], .2));
}

static void mixture__of_a_run_that_diverged_is_none_and_said(void **state)
{
    ask_for("odm");
    begin();
    end_run(0, ASC_RUN_DIVERGED);
    make();
    assert_null(asc__rival_weights(&s, "odm"));
    assert_true(asc_notes_have(&s.notes, ASC_NOTE_NO_RIVAL));
    assert_non_null(strstr(s.notes.text[0], "v3.2k-odm diverged"));
}

static void mixture__other_domains_in_the_proxys_file_are_said(void **state)
{
    ask_for("odm");
    begin();
    end_run(0, ASC_RUN_DONE);
    in_folder();
    put_file("runs/v3.2k-odm/schedule.json", "{\"books\": 0.5, \"poems\": 0.5}");
    assert_int_equal(asc__rivals_make(&s, &err), ASC_OK);
    assert_null(asc__rival_weights(&s, "odm"));
    assert_true(asc_notes_have(&s.notes, ASC_NOTE_NO_RIVAL));
}

/* The swarm's losses rise with the share of news: regmix gives it less than the others; the table is kept. */
static void mixture__is_fitted_to_the_swarm(void **state)
{
    ask_for("regmix");
    begin();
    for (size_t k = 0; k < s.rivals.n_swarm; k++)
        end_run(s.rivals.swarm[k], ASC_RUN_DONE);
    make();
    const double *w = asc__rival_weights(&s, "regmix");
    assert_non_null(w);
    assert_true(near(w[0] + w[1] + w[2], 1));
    assert_true(w[2] < w[0] + w[1] && w[2] < 1. / D);
    assert_true(is_there("rivals.csv"));
}

/* A study that had ended without these runs stays as it was. */
static void make__keeps_a_study_that_had_ended(void **state)
{
    ask_for("odm");
    begin();
    s.before = asc_summary_create(D, D);
    make();
    assert_true(s.kept && !asc__rival_weights(&s, "odm"));
    asc_summary_free(s.before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STUDY(begin__other_mixtures_are_no_rivals),
        WITH_STUDY(begin__a_closed_form_needs_no_run),
        WITH_STUDY(begin__proxies_are_even_and_their_reference_natural),
        WITH_STUDY(begin__twice_finds_the_same_runs),
        WITH_STUDY(swarm__is_shared_and_holds_no_mixture_twice),
        WITH_STUDY(natural__shares_follow_the_text),
        WITH_STUDY(cut__a_swarm_loses_runs_and_then_their_length),
        WITH_STUDY(cut__nothing_left_of_a_swarm_is_refused),
        WITH_STUDY(cut__a_proxy_is_shortened_to_what_it_may_cost),
        WITH_STUDY(cut__a_proxy_of_less_than_a_step_is_refused),
        WITH_STUDY(extra__is_what_the_rule_asks_for),
        WITH_STUDY(told__the_learner_its_rule_and_its_reference),
        WITH_STUDY(told__held_out_targets_are_the_goal),
        WITH_STUDY(told__other_runs_nothing),
        WITH_STUDY(took__is_of_runs_that_ended_and_are_asked_for),
        WITH_STUDY(summary__has_each_with_its_cost),
        WITH_STUDY(mixture__of_a_closed_form),
        WITH_STUDY(mixture__is_the_mean_that_the_proxy_left),
        WITH_STUDY(mixture__of_a_run_that_diverged_is_none_and_said),
        WITH_STUDY(mixture__other_domains_in_the_proxys_file_are_said),
        WITH_STUDY(mixture__is_fitted_to_the_swarm),
        WITH_STUDY(make__keeps_a_study_that_had_ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
