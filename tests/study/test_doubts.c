/* What a study says against itself, from runs put together by hand. */
#include "test.h"

#include <math.h>
#include <string.h>

#include "steps.h"

enum { D = 3, MOST = 12 };

static char *domains[] = {"books", "code", "news"};
static asc_study_spec spec;
static asc_store_run runs[MOST];
static double word_nats[D] = {6, 6, 6}, scales[] = {1e6};
static asc__study s;

static int set_up(void **state)
{
    spec = (asc_study_spec){.n_domains = D,
                            .n_targets = D,
                            .domain_names = domains,
                            .target_names = domains,
                            .n_scales = 1,
                            .scales = scales,
                            .target_tokens = 8e6,
                            .validate = true,
                            .seeds = 2};
    spec.training = (asc_training_spec){.batch_tokens = 1024, .lr = 4e-3};
    s = (asc__study){.spec = &spec, .D = D, .V = D, .runs = runs, .word_nats = word_nats};
    s.model.context = 64;
    assert_int_equal(asc__sizes_set(&s, NULL), ASC_OK);
    return 0;
}

static int tear_down(void **state)
{
    for (size_t i = 0; i < s.n_runs; i++)
        asc_result_free(runs[i].result);
    memset(runs, 0, sizeof runs);
    asc_notes_clear(&s.notes);
    asc__sizes_clear(&s);
    return 0;
}

/* A run that ended with these losses; step > 0: with a burst there. */
static asc_store_run *add(const char *id, const char *kind_name, const char *domain, const double loss[D], int step)
{
    asc_store_run *r = &runs[s.n_runs++];
    asc_run_kind kind = ASC_KIND_BASE;
    assert_true(asc_run_kind_parse(kind_name, &kind));
    bool target = kind == ASC_KIND_TARGET;
    *r = (asc_store_run){.id = (char *)id,
                         .kind = kind,
                         .mixture = target ? "uniform" : "base",
                         .domain = (char *)domain,
                         .scale = target ? 8e6 : 1e6,
                         .state = ASC_RUN_DONE};
    r->result = asc_result_create(D, D);
    assert_non_null(r->result);
    memcpy(r->result->loss, loss, D * sizeof *loss);
    if (step)
        r->result->bursts =
            (asc_bursts){.n = 1, .step = step, .tokens = 64. * step, .grad_norm = 20, .times = 50, .loss_up = .5};
    return r;
}

static void add_star(void)
{
    add("base-0", "base", NULL, (double[]){4, 4.4, 4.2}, 0);
    add("base-1", "base", NULL, (double[]){4.02, 4.42, 4.22}, 0);
    add("up-books", "up", "books", (double[]){3.6, 4.35, 4.15}, 0);
    add("down-books", "down", "books", (double[]){4.5, 4.45, 4.25}, 0); /* on the others .04 up */
    add("down-news", "down", "news", (double[]){4.07, 4.47, 4.9}, 0);   /* .06 up */
    add("down-code", "down", "code", (double[]){4.51, 5.1, 4.71}, 43);  /* .5 up, after a burst */
}

static bool noted(const char *words)
{
    for (size_t i = 0; i < s.notes.n; i++)
        if (strstr(s.notes.text[i], words))
            return true;
    return false;
}

/* A note of this code is there. */
static bool has(asc_note_code code)
{
    return asc_notes_have(&s.notes, code);
}

static void doubt_first_scale(void)
{
    asc__doubt_scale(&s.notes, &s, &(asc__scale){.k = 0, .tokens = scales[0]});
}

static void bursts__how_far_up_a_run_was_left_is_measured_on_targets_it_was_not_made_for(void **state)
{
    add_star();
    assert_non_null(asc__run_bursts(&runs[5]));
    asc__burst_effect e = asc__burst_effect_of(&s, &runs[5]);
    assert_true(fabs(e.above - .5) < 1e-9);
    assert_true(fabs(e.alike_lo - .04) < 1e-9 && fabs(e.alike_hi - .06) < 1e-9);
    assert_null(asc__run_bursts(&runs[4]));
}

static void bursts__a_run_left_above_its_like_is_named_with_the_remedy(void **state)
{
    add_star();
    doubt_first_scale();
    assert_int_equal(s.notes.n, 1);
    assert_int_equal(s.notes.code[0], ASC_NOTE_BURSTS);
    assert_true(noted("gradient spikes in 1 of 6 runs at 1M tokens: down-code (step 43, 50 times the running level)"));
    assert_true(noted("1 of them ends 0.50 nats above the base"));
    assert_true(noted("0.04 to 0.06"));
    assert_true(noted("lower training.lr (now 0.004)"));
}

static void bursts__one_that_did_no_harm_is_no_note(void **state)
{
    add_star();
    asc_result_free(runs[5].result);
    s.n_runs--;
    add("down-code", "down", "code", (double[]){4.05, 4.9, 4.25}, 43);
    doubt_first_scale();
    assert_int_equal(s.notes.n, 0);
}

static void bursts__base_runs_with_one_are_no_measure(void **state)
{
    add_star();
    add("base-2", "base", NULL, (double[]){5, 5.4, 5.2}, 12);
    assert_true(fabs(asc__burst_effect_of(&s, &runs[5]).above - .5) < 1e-9);
    assert_true(fabs(asc__burst_effect_of(&s, &runs[6]).above - .99) < 1e-9);
}

static void bursts__at_the_target_seeds_of_a_mixture_are_alike(void **state)
{
    add("t-0", "target", NULL, (double[]){3, 3, 3}, 0);
    add("t-1", "target", NULL, (double[]){3.01, 3.01, 3.01}, 0);
    add("t-2", "target", NULL, (double[]){3.3, 3.3, 3.3}, 9);
    asc__doubt_target(&s.notes, &s);
    assert_true(noted("1 of 3 runs at 8M tokens: t-2 (step 9"));
    assert_true(noted("above the other seeds of their mixture"));
}

static void bursts__without_a_calm_run_alike_nothing_is_claimed(void **state)
{
    add("base-0", "base", NULL, (double[]){4, 4, 4}, 3);
    add("up-code", "up", "code", (double[]){4.5, 5, 4.5}, 9);
    asc__burst_effect e = asc__burst_effect_of(&s, &runs[1]);
    assert_true(isnan(e.above) && isnan(e.alike_lo) && isnan(e.alike_hi));
    doubt_first_scale();
    assert_true(noted("2 of 2 runs") && !noted("of them"));
}

static void divergence__runs_lost_to_it_are_named_with_the_first_reason(void **state)
{
    add_star();
    runs[3].state = runs[4].state = ASC_RUN_DIVERGED;
    runs[3].why = "step 7 of 59: the loss is not finite";
    doubt_first_scale();
    assert_true(has(ASC_NOTE_DIVERGED));
    assert_true(noted("2 of 6 runs at 1M tokens diverged and are excluded from the fits: down-books, down-news. The "
                      "first: step 7 of 59"));
}

static void divergence__runs_at_another_rate_than_the_rest_are_named(void **state)
{
    add_star();
    for (size_t i = 0; i < 6; i++) {
        runs[i].result->lr = i == 2 ? 2e-3 : 4e-3;
        runs[i].result->n_retries = i == 2;
    }
    doubt_first_scale();
    assert_true(noted("1 of 6 runs at 1M tokens diverged and were restarted at a lower learning rate: up-books (at "
                      "0.002). The fit cannot"));
    asc_notes_clear(&s.notes);
    for (size_t i = 0; i < 6; i++) {
        runs[i].result->lr = 2e-3;
        runs[i].result->n_retries = 1;
    }
    doubt_first_scale();
    assert_true(noted("6 of 6 runs") && noted("down-books (at 0.002) and 2 more. All restarted at the same"));
}

/* Scales end in any order where several runs are made at once. */
static void scales__their_notes_stand_in_the_order_of_the_study(void **state)
{
    static double two[] = {1e6, 2e6};
    asc__scale parts[2] = {{.k = 0, .tokens = 1e6}, {.k = 1, .tokens = 2e6}};
    spec.n_scales = 2;
    spec.scales = two;
    s.scales = parts;
    add("base-0", "base", NULL, (double[]){5.5, 5.5, 5.6}, 0);
    add("later-0", "base", NULL, (double[]){5.5, 5.4, 5.6}, 0)->scale = 2e6;
    parts[1].ended = true; /* before the smaller one */
    asc__doubt_runs(&s.notes, &s);
    assert_int_equal(s.notes.n, 1);
    assert_true(has(ASC_NOTE_LITTLE_LEARNT) && noted("2M"));
    asc_notes_clear(&s.notes);
    parts[0].ended = true;
    asc__doubt_runs(&s.notes, &s);
    assert_int_equal(s.notes.n, 2);
    assert_int_equal(s.notes.code[0], ASC_NOTE_LITTLE_LEARNT);
    assert_non_null(strstr(s.notes.text[0], "1M"));
    assert_int_equal(s.notes.code[1], ASC_NOTE_LITTLE_LEARNT_AGAIN);
}

static void learning__a_loss_near_word_frequencies_is_said(void **state)
{
    add("base-0", "base", NULL, (double[]){5.5, 5.5, 5.6}, 0);
    doubt_first_scale();
    assert_true(has(ASC_NOTE_LITTLE_LEARNT) && !has(ASC_NOTE_LITTLE_LEARNT_AGAIN));
    assert_true(noted("5.53 nats") && noted("unigram entropy 6.00"));
    add("t-0", "target", NULL, (double[]){5.5, 5.4, 5.6}, 0);
    asc__doubt_target(&s.notes, &s);
    assert_true(has(ASC_NOTE_LITTLE_LEARNT_AGAIN));
    assert_true(noted("likewise at 8M tokens: loss 5.50 (uniform), unigram entropy 6.00"));
    tear_down(state);
    set_up(state);
    add("base-0", "base", NULL, (double[]){5.3, 5.3, 5.3}, 0);
    doubt_first_scale();
    assert_int_equal(s.notes.n, 0);
}

static void noise__effects_inside_it_are_said(void **state)
{
    double x[] = {.33, 1, 3}, y[] = {1.02, 1, .99}, *xs[] = {x, x, x}, *ys[] = {y, y, y}; /* effects of .12 at J 4 */
    size_t n[] = {3, 3, 3};
    asc_law law = {0};
    asc__scale sc = {.tokens = 1e6, .fitted = true, .law = {.laws = &law}};
    sc.star = (asc_ddo_star){.n_domains = D, .j_base = 4, .n_base = 2, .n_points = n, .x = xs, .y = ys};
    law.stats.noise = .04;
    asc__doubt_scale(&s.notes, &s, &sc);
    assert_int_equal(s.notes.n, 0); /* .12 against .113 */
    law.stats.noise = NAN;
    asc__doubt_scale(&s.notes, &s, &sc);
    assert_int_equal(s.notes.n, 0);
    law.stats.noise = .05;
    asc__doubt_scale(&s.notes, &s, &sc);
    assert_true(has(ASC_NOTE_WITHIN_NOISE) && noted("0.12") && noted("0.14"));
}

static void steps__few_of_them_are_said_for_scales_swarm_and_target(void **state)
{
    double two[] = {100e3, 1e6}; /* 98 and 977 steps of 1024 tokens */
    spec.scales = two;
    spec.n_scales = 2;
    spec.target_tokens = 200e3;
    asc__doubt_steps(&s.notes, &s);
    assert_int_equal(s.notes.n, 1);
    assert_true(noted("98 at 100k, 196 at the target's 200k tokens (batches of 1024)"));
    assert_true(noted("Below 400, in our measurements seeds"));
    s.model.arch = ASC_ARCH_BERT; /* needs more of them */
    asc__doubt_steps(&s.notes, &s);
    assert_true(noted("98 at 100k, 977 at 1M, 196 at the target's 200k tokens") &&
                noted("Below 2000, in our measurements masked models"));
    tear_down(state);
    spec.search = (asc_search_spec){.method = ASC_SEARCH_SWARM, .runs = 5, .swarm_tokens = .1};
    asc__doubt_steps(&s.notes, &s);
    assert_true(noted(" at 1M, 20 at the swarm's "));
    spec.trainer.command = "mine"; /* whose steps are its own */
    tear_down(state);
    asc__doubt_steps(&s.notes, &s);
    assert_int_equal(s.notes.n, 0);
}

#define WITH_STUDY(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STUDY(bursts__how_far_up_a_run_was_left_is_measured_on_targets_it_was_not_made_for),
        WITH_STUDY(bursts__a_run_left_above_its_like_is_named_with_the_remedy),
        WITH_STUDY(bursts__one_that_did_no_harm_is_no_note),
        WITH_STUDY(bursts__base_runs_with_one_are_no_measure),
        WITH_STUDY(bursts__at_the_target_seeds_of_a_mixture_are_alike),
        WITH_STUDY(bursts__without_a_calm_run_alike_nothing_is_claimed),
        WITH_STUDY(divergence__runs_lost_to_it_are_named_with_the_first_reason),
        WITH_STUDY(divergence__runs_at_another_rate_than_the_rest_are_named),
        WITH_STUDY(scales__their_notes_stand_in_the_order_of_the_study),
        WITH_STUDY(learning__a_loss_near_word_frequencies_is_said),
        WITH_STUDY(noise__effects_inside_it_are_said),
        WITH_STUDY(steps__few_of_them_are_said_for_scales_swarm_and_target),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
