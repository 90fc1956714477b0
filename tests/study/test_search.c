/* What a search may cost: FLOPs by their formula, stars, swarms and branches cut to a share of the target's, the first
 * round of each. */
#include "test.h"

#include "study_made.h"

static asc_notes notes;

static asc_status cut(double at_most)
{
    spec.search.at_most = at_most;
    asc_notes_clear(&notes);
    notes = (asc_notes){0};
    return asc__search_cut(&s, &notes, &err);
}

static double one(double tokens)
{
    return asc_flops_train(&s.model, tokens);
}

/* FLOPs of a star whose base has so many tokens: the base twice, each domain at 3 and at 1/3, each run evaluated. */
static double star(double tokens)
{
    double total = tokens * (2 + 2 * D + 2 - 2. / 3);
    return one(total) + (2 + 2 * D) * asc_flops_eval(&s.model, D * 1000.);
}

static void flops__grow_with_tokens_layers_and_vocabulary(void **state)
{
    double base = asc_flops_train(&s.model, 1000);
    assert_true(base > 0 && fabs(asc_flops_train(&s.model, 3000) - 3 * base) < 1e-6 * base);
    assert_true(fabs(asc_flops_eval(&s.model, 1000) - base / 3) < 1e-6 * base);
    asc_model_spec m = s.model;
    m.vocab *= 2; /* the output layer alone: 6 V C a token */
    assert_true(fabs(asc_flops_train(&m, 1000) - base - 6. * 100 * 8 * 1000) < 1e-6 * base);
    m = s.model;
    m.n_layers = 2;
    double body = asc_flops_train(&m, 1000) - base;
    m.n_layers = 5;
    assert_true(fabs(asc_flops_train(&m, 1000) - base - 4 * body) < 1e-6 * base);
}

static void eval__counts_texts_and_not_tasks(void **state)
{
    asc_study_domain held[2] = {{.name = "forum", .task = NULL}, {.name = "piqa", .task = "piqa.jsonl"}};
    assert_true(asc__eval_tokens(&s) == D * 1000.);
    spec.heldout = held;
    spec.n_heldout = 2;
    s.V = D + 2;
    assert_true(asc__eval_tokens(&s) == (D + 1) * 1000.);
    s.V = D;
}

static void target__is_what_a_search_is_measured_by(void **state)
{
    assert_true(fabs(asc__target_flops(&s) / one(160000) - 1) < 1e-12);
    asc__sizes_clear(&s);
    spec.target_params = 7e9; /* of a model of which no more is known: 6 P N */
    assert_int_equal(asc__sizes_set(&s, &err), ASC_OK);
    assert_true(fabs(asc__target_flops(&s) / (6 * 7e9 * 160000) - 1) < 1e-12);
}

static void star__within_its_budget_stays(void **state)
{
    double whole = (star(4800) + star(9600)) / one(160000);
    assert_int_equal(cut(NAN), ASC_OK);
    assert_ptr_equal(s.spec, &spec);
    assert_int_equal(cut(whole * 1.001), ASC_OK);
    assert_ptr_equal(s.spec, &spec);
    assert_int_equal(notes.n, 0);
}

static void star__shrinks_at_its_largest_scale(void **state)
{
    double at_most = (star(4800) + star(7000)) / one(160000);
    assert_int_equal(cut(at_most), ASC_OK);
    assert_int_equal(s.spec->n_scales, 2);
    assert_true(s.spec->scales[0] == 4800);
    assert_true(s.spec->scales[1] <= 7000 && s.spec->scales[1] > 6900); /* three digits, rounded down */
    assert_true(star(4800) + star(s.spec->scales[1]) <= at_most * one(160000) * (1 + 1e-9));
    assert_true(asc_notes_have(&notes, ASC_NOTE_CUT_SCALES));
    assert_non_null(strstr(notes.text[0], "7k tokens instead of 9.6k"));
    assert_true(spec.scales[1] == 9600); /* the study's own words stay */
}

static void star__near_the_next_scale_is_left_out(void **state)
{
    double at_most = (star(4800) + star(5500)) / one(160000); /* less than 1.25 times the smaller one */
    assert_int_equal(cut(at_most), ASC_OK);
    assert_int_equal(s.spec->n_scales, 1);
    assert_true(s.spec->scales[0] == 4800);
    assert_non_null(strstr(notes.text[0], "a single scale cannot measure growth"));
}

static void star__too_small_for_a_sequence_is_refused(void **state)
{
    /* the run with least of a domain has a ninth of the base: 16 tokens of 144 */
    assert_int_equal(cut(star(100) / one(160000)), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "needs 144"));
    assert_ptr_equal(s.spec, &spec);
    assert_int_equal(cut(1e-6), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "0 tokens"));
    assert_int_equal(cut(star(150) / one(160000)), ASC_OK);
    assert_true(s.spec->n_scales == 1 && s.spec->scales[0] == 150);
}

/* Scales that differ in their models alone are cut alike: equal tokens are what they are for. */
static void star__of_equal_tokens_are_cut_together(void **state)
{
    static char *models[] = {"{\"width\":4}", NULL};
    scales[0] = scales[1];
    spec.scale_models = models;
    asc__sizes_clear(&s);
    assert_int_equal(asc__sizes_set(&s, &err), ASC_OK);
    assert_int_equal(cut(star(7000) / one(160000)), ASC_OK); /* one of full size and one of about half */
    assert_int_equal(s.spec->n_scales, 2);
    assert_true(s.spec->scales[0] == s.spec->scales[1]);
    assert_true(s.spec->scales[0] < 7000 && s.spec->scales[0] > 3500);
    assert_null(strstr(notes.text[0], "fewer scales"));
}

/* ---- a swarm ---- */

static void swarm__tokens_are_whole_sequences_of_a_share(void **state)
{
    static const struct {
        double asked, found;
    } cases[] = {{.01, 1600}, {.0105, 1680}, {.01001, 1600}, {1000, 992}, {1, 0}, {16, 16}};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        spec.search.swarm_tokens = cases[k].asked;
        assert_true(asc__swarm_tokens(&s) == cases[k].found);
    }
}

static void swarm__has_as_many_runs_as_its_budget_pays(void **state)
{
    spec.search.method = ASC_SEARCH_SWARM;
    spec.n_scales = 0;
    double run = (one(1600) + asc_flops_eval(&s.model, D * 1000.)) / one(160000);
    assert_int_equal(cut(20 * run), ASC_OK);
    assert_ptr_equal(s.spec, &spec);
    assert_int_equal(cut(7.5 * run), ASC_OK);
    assert_int_equal(s.spec->search.runs, 7);
    assert_true(asc_notes_have(&notes, ASC_NOTE_CUT_SWARM));
    s.spec = &spec;
    assert_int_equal(cut(3.9 * run), ASC_EINVAL); /* a law of three domains needs four */
    assert_non_null(strstr(err.msg, "needs 4"));
    s.spec = &spec;
    spec.search.runs = 3; /* however they end */
    assert_int_equal(cut(NAN), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "search.runs: expected 4 runs or more"));
}

static void swarm__whose_caps_leave_no_mixture_is_refused_by_the_targets(void **state)
{
    spec.search.method = ASC_SEARCH_SWARM;
    spec.n_scales = 0;
    for (size_t i = 0; i < D; i++) {
        s.available[i] = 50000;
        cap_epochs(i, 1);
    }
    assert_int_equal(asc__swarm_begin(&s, false, &err), ASC_EINVAL);
    assert_non_null(
        strstr(err.msg, "study.yaml: 160000 tokens requested, but the max_epochs of all domains allow only"));
    assert_int_equal(s.n_runs, 0);
}

static void swarm__begins_with_the_reference_and_fills_the_space(void **state)
{
    spec.search.method = ASC_SEARCH_SWARM;
    spec.n_scales = 0;
    s.reference[0] = .5;
    s.reference[1] = .3;
    s.reference[2] = .2;
    assert_int_equal(asc__swarm_begin(&s, false, &err), ASC_OK);
    assert_int_equal(s.swarm.n, 6); /* half of twelve, in two rounds */
    assert_int_equal(s.n_runs, 6);
    const asc_store_run *first = &s.runs[s.swarm.runs[0]];
    assert_string_equal(first->id, "s1.6k-mix-0");
    assert_int_equal(first->kind, ASC_KIND_MIXTURE);
    for (size_t i = 0; i < D; i++)
        assert_true(fabs(first->tokens[i] / 1600 - s.reference[i]) < 1. / 100);
    for (size_t a = 0; a < 6; a++) {
        const asc_store_run *x = &s.runs[s.swarm.runs[a]];
        double sum = 0;
        for (size_t i = 0; i < D; i++) {
            sum += x->tokens[i];
            assert_true(fmod(x->tokens[i], T) == 0);
        }
        assert_true(sum == 1600 && x->seed == 42);
        for (size_t b = 0; b < a; b++) {
            double apart = 0;
            for (size_t i = 0; i < D; i++)
                apart += fabs(x->tokens[i] - s.runs[s.swarm.runs[b]].tokens[i]) / 1600;
            assert_true(apart > .1); /* no two of them say the same */
        }
    }
}

static void swarm__first_round_is_what_a_law_needs_at_least(void **state)
{
    static const struct {
        int runs, rounds;
        size_t first;
    } cases[] = {{12, 2, 6}, {12, 12, 4}, {12, 1, 12}, {5, 3, 4}, {3, 3, 3}};
    spec.search.method = ASC_SEARCH_SWARM;
    spec.n_scales = 0;
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        spec.search.runs = cases[k].runs;
        spec.search.rounds = cases[k].rounds;
        asc__swarm_clear(&s);
        assert_int_equal(asc__swarm_begin(&s, false, &err), ASC_OK);
        assert_int_equal(s.swarm.n, cases[k].first);
    }
}

static void swarm__runs_keep_within_epochs(void **state)
{
    spec.search.method = ASC_SEARCH_SWARM;
    spec.n_scales = 0;
    s.available[1] = 161; /* ten sequences */
    cap_epochs(1, 2);
    assert_int_equal(asc__swarm_begin(&s, false, &err), ASC_OK);
    for (size_t k = 0; k < s.swarm.n; k++)
        assert_true(s.runs[s.swarm.runs[k]].tokens[1] <= 20 * T);
}

/* Stars first: they are paid before the swarm is, and tell of every domain. */
static void swarm__with_stars_has_what_they_leave(void **state)
{
    spec.search.method = ASC_SEARCH_SWARM;
    double run = (one(1600) + asc_flops_eval(&s.model, D * 1000.)) / one(160000);
    double stars = (star(4800) + star(9600)) / one(160000);
    assert_int_equal(cut(stars + 7.5 * run), ASC_OK);
    assert_int_equal(s.spec->search.runs, 7);
    assert_int_equal(s.spec->n_scales, 2);
    s.spec = &spec;
    assert_int_equal(cut(stars + 1.5 * run), ASC_OK); /* alone it would need four */
    assert_int_equal(s.spec->search.runs, 1);
    s.spec = &spec;
    assert_int_equal(cut(stars + .5 * run), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "pays for 0 runs of 1600 tokens beside the stars, a law of 3 domains needs 1"));
}

/* ---- branches ---- */

static double branch_flops(int rounds, double steps, double eval)
{
    double branches = rounds * D + ASC__CHECKS, models = branches + rounds * 8 + 1;
    return branches * steps * one(160) + models * asc_flops_eval(&s.model, D * eval);
}

static void branches__within_their_budget_stay(void **state)
{
    by_branches();
    spec.search.eval_tokens = 500;
    assert_int_equal(cut(branch_flops(2, 10, 500) / one(160000) * 1.001), ASC_OK);
    assert_int_equal(notes.n, 0);
    assert_int_equal(s.spec->search.rounds, 2);
    assert_true(s.spec->search.branch_tokens == 1600);
}

static void branches__lose_their_second_round_then_their_length(void **state)
{
    by_branches();
    spec.search.eval_tokens = 500;
    assert_int_equal(cut(branch_flops(1, 10, 500) / one(160000) * 1.001), ASC_OK);
    assert_int_equal(s.spec->search.rounds, 1);
    assert_true(s.spec->search.branch_tokens == 1600);
    assert_true(asc_notes_have(&notes, ASC_NOTE_CUT_ROUND) && !asc_notes_have(&notes, ASC_NOTE_CUT_BRANCHES));
    s.spec = &spec;
    assert_int_equal(cut(branch_flops(1, 4, 500) / one(160000) * 1.001), ASC_OK);
    assert_true(s.spec->search.rounds == 1 && s.spec->search.branch_tokens == 640);
    assert_true(asc_notes_have(&notes, ASC_NOTE_CUT_ROUND) && asc_notes_have(&notes, ASC_NOTE_CUT_BRANCHES));
    s.spec = &spec;
    assert_int_equal(cut(branch_flops(1, .9, 500) / one(160000)), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "does not pay for 7 branches"));
}

/* Half of the budget is theirs at most, and branches have what they leave. */
static void branches__share_their_budget_with_proxies(void **state)
{
    by_branches();
    spec.search.eval_tokens = 500;
    spec.search.runs = 40;
    spec.search.swarm_tokens = .01;
    double proxy = one(1600) + asc_flops_eval(&s.model, D * 1000), all = 2 * 8 * proxy;
    assert_int_equal(cut(all / one(160000) * 1.001), ASC_OK);
    assert_int_equal(s.spec->search.runs, 8);
    assert_true(asc_notes_have(&notes, ASC_NOTE_CUT_SWARM) && asc_notes_have(&notes, ASC_NOTE_CUT_ROUND));
    double flops = branch_flops(s.spec->search.rounds, s.spec->search.branch_tokens / 160, 500);
    assert_true(flops <= 8 * proxy * 1.01);
    s.spec = &spec;
    s.start_known = true; /* the target has begun: proxies that nobody pays for any more are no reason to refuse it */
    spec.search.runs = 4;
    spec.search.eval_tokens = 100;
    assert_int_equal(cut(2 * 3 * proxy / one(160000)), ASC_OK);
    s.spec = &spec;
    s.start_known = false;
    assert_int_equal(cut(2 * 3 * proxy / one(160000)), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "a law of 3 domains needs 4"));
}

static void branches__alone_have_one_target_run(void **state)
{
    by_branches();
    spec.validate = false;
    assert_int_equal(cut(NAN), ASC_OK);
    assert_int_equal(s.spec->seeds, 1);
    assert_int_equal(s.spec->n_against, 0);
}

static size_t count(asc_run_kind kind)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n_runs; i++)
        n += s.runs[i].kind == kind;
    return n;
}

static double total(const double *tokens)
{
    return tokens[0] + tokens[1] + tokens[2];
}

static void branches__leave_the_prefix_with_each_domain_pulled(void **state)
{
    by_branches();
    assert_int_equal(asc__branch_begin(&s, false, &err), ASC_OK);
    const asc__branching *b = &s.stages[0];
    assert_true(b->total == 10000 && b->batch == 10 && b->prefix == 2000 && b->length == 100);
    assert_int_equal(count(ASC_KIND_PREFIX), 2); /* one a seed */
    assert_int_equal(count(ASC_KIND_BRANCH), 1 + D);
    assert_int_equal(count(ASC_KIND_MERGE), 8);
    for (size_t k = 0; k < D; k++) {
        const asc__told *t = asc__told_of(&s, b->rounds[0].branches[k]);
        assert_non_null(t);
        assert_int_equal(t->from, b->prefixes[0]);
        assert_int_equal(t->n_phases, 3);
        assert_true(total(t->phases) == 2000 * T && total(t->phases + D) == 100 * T);
        assert_true(total(t->phases + 2 * D) == 7900 * T); /* what is left of the schedule, never trained on */
        assert_true(t->stop == 2100 * T);
        for (size_t i = 0; i < D; i++) { /* half its domain, half the reference */
            double share = t->phases[D + i] / (100 * T);
            assert_true(fabs(share - (i == k ? .5 + .5 / 3 : .5 / 3)) <= .01);
        }
    }
}

static void merges__are_mixtures_of_the_branches(void **state)
{
    by_branches();
    assert_int_equal(asc__branch_begin(&s, false, &err), ASC_OK);
    const asc__round *r = &s.stages[0].rounds[0];
    for (size_t m = 0; m < r->n_merges; m++) {
        const asc__told *t = asc__told_of(&s, r->merges[m]);
        double sum = 0;
        assert_int_equal(t->n_parts, D);
        for (size_t k = 0; k < D; k++) {
            assert_int_equal(t->parts[k], r->branches[k]);
            assert_true(t->weights[k] >= 0);
            sum += t->weights[k];
        }
        assert_true(fabs(sum - 1) < 1e-12);
        assert_true(asc__run_trained(&s, &s.runs[r->merges[m]]) == 0); /* it is evaluated alone */
    }
    for (size_t k = 0; k < D; k++) /* the first is the centre itself */
        assert_true(fabs(r->weights[k] - 1. / D) < 1e-12);
}

static void prefix__and_branches_must_fit_into_the_target(void **state)
{
    by_branches();
    spec.search.prefix = .95;
    spec.search.branch_tokens = .1;
    assert_int_equal(asc__branch_begin(&s, false, &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "do not fit into the target's 10000"));
}

/* ---- what it took ---- */

static void cost__is_of_the_searches_ended_runs(void **state)
{
    add_done(ASC_KIND_BASE, "base", NULL, 4800, 3);
    add_done(ASC_KIND_UP, "up", "code", 4800, 3)->state = ASC_RUN_DIVERGED;
    add_done(ASC_KIND_DOWN, "down", "code", 4800, 3)->state = ASC_RUN_RUNNING;
    add_done(ASC_KIND_TARGET, "target", NULL, 160000, 2);
    double want = 2 * (one(4800) + asc_flops_eval(&s.model, D * 1000.));
    assert_true(fabs(asc__search_flops(&s) / want - 1) < 1e-12);
    assert_true(asc__is_search(ASC_KIND_BASE) && asc__is_search(ASC_KIND_BRANCH) && asc__is_search(ASC_KIND_MIXTURE));
    assert_false(asc__is_search(ASC_KIND_TARGET) || asc__is_search(ASC_KIND_PREFIX));
}

static void cost__of_a_branch_is_without_its_prefix(void **state)
{
    by_branches();
    spec.search.eval_tokens = 500;
    assert_int_equal(asc__branch_begin(&s, false, &err), ASC_OK);
    asc_store_run *r = &s.runs[s.stages[0].rounds[0].branches[0]];
    assert_true(asc__run_tokens(r) == 2100 * T && asc__run_trained(&s, r) == 100 * T);
    r->state = ASC_RUN_DONE;
    assert_true(fabs(asc__search_flops(&s) / (one(100 * T) + asc_flops_eval(&s.model, D * 500.)) - 1) < 1e-12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STUDY(flops__grow_with_tokens_layers_and_vocabulary),
        WITH_STUDY(eval__counts_texts_and_not_tasks),
        WITH_STUDY(target__is_what_a_search_is_measured_by),
        WITH_STUDY(star__within_its_budget_stays),
        WITH_STUDY(star__shrinks_at_its_largest_scale),
        WITH_STUDY(star__near_the_next_scale_is_left_out),
        WITH_STUDY(star__too_small_for_a_sequence_is_refused),
        WITH_STUDY(star__of_equal_tokens_are_cut_together),
        WITH_STUDY(swarm__tokens_are_whole_sequences_of_a_share),
        WITH_STUDY(swarm__has_as_many_runs_as_its_budget_pays),
        WITH_STUDY(swarm__begins_with_the_reference_and_fills_the_space),
        WITH_STUDY(swarm__whose_caps_leave_no_mixture_is_refused_by_the_targets),
        WITH_STUDY(swarm__first_round_is_what_a_law_needs_at_least),
        WITH_STUDY(swarm__runs_keep_within_epochs),
        WITH_STUDY(swarm__with_stars_has_what_they_leave),
        WITH_STUDY(branches__within_their_budget_stay),
        WITH_STUDY(branches__lose_their_second_round_then_their_length),
        WITH_STUDY(branches__share_their_budget_with_proxies),
        WITH_STUDY(branches__alone_have_one_target_run),
        WITH_STUDY(branches__leave_the_prefix_with_each_domain_pulled),
        WITH_STUDY(merges__are_mixtures_of_the_branches),
        WITH_STUDY(prefix__and_branches_must_fit_into_the_target),
        WITH_STUDY(cost__is_of_the_searches_ended_runs),
        WITH_STUDY(cost__of_a_branch_is_without_its_prefix),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    asc_notes_clear(&notes);
    return failed;
}
