/* The answer in one sentence: what is said of measured, expected, branched and unknown gains. */
#include "test.h"

#include "study_made.h"

enum { SEEDS = 3, MIXTURES = 3 };

static asc__mixture mixtures[MIXTURES];
static size_t of[MIXTURES][SEEDS];
static const asc_mixture_kind kinds[MIXTURES] = {ASC_MIXTURE_RULE, ASC_MIXTURE_KEEP_LAST, ASC_MIXTURE_UNIFORM};
static asc__answer answer;
static char text[400];

/* Mixtures at the target with these mean losses, seeds .01 apart; NaN: not trained. */
static void at_the_target(double predicted, double keep_last, double uniform)
{
    const double mean[MIXTURES] = {predicted, keep_last, uniform};
    spec.seeds = SEEDS;
    s.mixtures = mixtures;
    s.n_mixtures = MIXTURES;
    for (size_t k = 0; k < MIXTURES; k++) {
        for (size_t r = 0; r < SEEDS; r++) {
            char id[32];
            snprintf(id, sizeof id, "t-%zu-r%zu", k, r);
            asc_store_run *run = add_done(ASC_KIND_TARGET, id, NULL, 160000, mean[k] + .01 * ((double)r - 1));
            of[k][r] = (size_t)(run - s.runs);
            if (isnan(mean[k]))
                run->state = ASC_RUN_PENDING;
        }
        mixtures[k] = (asc__mixture){.name = "m", .kind = kinds[k], .same_as = k, .runs = of[k]};
        mixtures[k].expected = (asc_expected){NAN, NAN, NAN, NAN, NAN, NAN, NAN, {.domain = ASC_NONE}};
    }
    answer = (asc__answer){.known = true, .search_flops = .5 * asc__target_flops(&s)};
    answer.gain = (asc_summary_gain){.known = true, .mean = uniform - predicted, .noise = .01, .lo = .07, .hi = .13};
    answer.gain.beyond_noise = uniform - predicted > .05;
}

static const char *verdict(void)
{
    asc__study_verdict(text, sizeof text, &s, &answer);
    return text;
}

static void says(const char *part)
{
    if (!strstr(verdict(), part))
        fail_msg("'%s' lacks '%s'", text, part);
}

static void measured__gain_has_its_probability_and_interval(void **state)
{
    at_the_target(2.9, 2.95, 3);
    says("P(better than uniform) 0.99"); /* ten standard errors: never certain */
    says("0.1000 nats below it (90 %: 0.0700 to 0.1300)");
    says("; the search took 50 % of the target's FLOPs");
    answer.saved = (asc_summary_saved){.pairs = 3, .mean = .28, .lo = .22, .hi = .36};
    says("28 % of the steps saved (22 to 36)");
    spec.objective.kind = ASC_OBJ_MEAN_PPL;
    says("0.1000 PPL below it");
}

static void measured__probability_falls_with_the_gain(void **state)
{
    double last = 1;
    at_the_target(2.9, 2.95, 3);
    for (double gain = .1; gain > .004; gain /= 2) {
        for (size_t r = 0; r < SEEDS; r++)
            for (size_t v = 0; v < D; v++)
                s.runs[of[0][r]].result->loss[v] = 3 - gain + .01 * ((double)r - 1);
        answer.gain.beyond_noise = true;
        double p = strtod(strstr(verdict(), "uniform) ") + 9, NULL);
        assert_true(p <= last && p > .5);
        last = p;
    }
    assert_true(last < .8);
}

/* sd .01, three seeds each, a gain of one standard error: Student's law of four degrees. */
static void measured__probability_is_students(void **state)
{
    at_the_target(2.9, 2.95, 3);
    double se = .01 * sqrt(2. / 3);
    for (size_t r = 0; r < SEEDS; r++)
        for (size_t v = 0; v < D; v++)
            s.runs[of[0][r]].result->loss[v] = 3 - se + .01 * ((double)r - 1);
    answer.gain.beyond_noise = true;
    says("P(better than uniform) 0.813"); /* P(t_4 < 1) = .8130 */
}

static void measured__none_beyond_noise_says_how_much_there_may_be(void **state)
{
    at_the_target(2.995, 3.02, 3);
    answer.mixture = 2;
    /* .005 + t_4(.95) .00816 = .0224 */
    says("no mixture that was trained beats uniform by more than 0.022");
    at_the_target(3.5, 3.6, 3);
    answer.mixture = 2;
    says("every mixture that was trained is worse than uniform");
}

static void measured__uniform_alone_compares_with_nothing(void **state)
{
    at_the_target(NAN, NAN, 3);
    answer.mixture = 2;
    answer.gain.beyond_noise = false;
    says("only uniform was trained at the target");
}

static void measured__single_runs_rank_nothing(void **state)
{
    at_the_target(2.9, 2.95, 3);
    answer.gain.noise = NAN;
    says("single runs at the target rank nothing: use target.seeds: 2 or more");
}

static void expected__gain_is_the_laws(void **state)
{
    at_the_target(2.9, 2.95, 3);
    answer.gain.known = false;
    mixtures[0].expected.p_better = .93;
    mixtures[0].expected.gain = .04;
    mixtures[0].expected.gain_lo = -.01;
    mixtures[0].expected.gain_hi = .09;
    says("P(better than uniform) 0.93: expected 0.0400 nats below it (90 %: -0.0100 to 0.0900)");
    says("according to the law of all runs; nothing was trained at the target");
    answer.mixture = 2; /* uniform is the answer: the others may gain so much at most */
    says("no mixture among the candidates beats uniform by more than 0.0900 nats");
    mixtures[0].expected.gain_hi = -.01;
    says("every mixture among the candidates is worse than uniform");
}

static void expected__without_a_law_is_unknown(void **state)
{
    at_the_target(2.9, 2.95, 3);
    answer.gain.known = false;
    says("its gain over uniform is unknown");
}

static void branched__says_what_was_seen_after_the_branches(void **state)
{
    at_the_target(2.9, 2.95, 3);
    answer.gain.known = false;
    spec.search.method = ASC_SEARCH_BRANCH;
    s.stages[0].length = 1000;
    s.stages[0].better = true;
    s.stages[0].checks[0].real_value = 3;
    s.stages[0].checks[1].real_value = 2.95;
    says("after 16k tokens of it the target is 0.0500 nats lower than on the reference");
    says("not measured (target.validate)");
    s.stages[0].better = false;
    says("nothing found that beats the reference");
}

static void verdict__is_cut_to_its_room(void **state)
{
    char small[20];
    at_the_target(2.9, 2.95, 3);
    asc__study_verdict(small, sizeof small, &s, &answer);
    assert_int_equal(strlen(small), sizeof small - 1);
    asc_fault_arm(ASC_FAULT_ALLOC, 1); /* and without memory it is empty, not wrong */
    asc__study_verdict(small, sizeof small, &s, &answer);
    asc_fault_arm(ASC_FAULT_ALLOC, 0);
    assert_true(strlen(small) < sizeof small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STUDY(measured__gain_has_its_probability_and_interval),
        WITH_STUDY(measured__probability_falls_with_the_gain),
        WITH_STUDY(measured__probability_is_students),
        WITH_STUDY(measured__none_beyond_noise_says_how_much_there_may_be),
        WITH_STUDY(measured__uniform_alone_compares_with_nothing),
        WITH_STUDY(measured__single_runs_rank_nothing),
        WITH_STUDY(expected__gain_is_the_laws),
        WITH_STUDY(expected__without_a_law_is_unknown),
        WITH_STUDY(branched__says_what_was_seen_after_the_branches),
        WITH_STUDY(verdict__is_cut_to_its_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
