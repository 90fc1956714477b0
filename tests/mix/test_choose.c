#include "test.h"

#include <math.h>
#include <string.h>

#include "mix/mix.h"

static void steps__are_saved_by_interpolation(void **state)
{
    const double tokens[4] = {100, 200, 300, 400}, a[4] = {5, 4, 3, 2}, b[4] = {5, 4.5, 4, 3.5};
    asc_curve ca = {4, tokens, a}, cb = {4, tokens, b};
    bool reached;
    assert_float_equal(asc_steps_saved(&ca, &cb, &reached), 1 - 250. / 400, 1e-15);
    assert_true(reached);
    assert_true(isnan(asc_steps_saved(&cb, &ca, &reached)) && !reached);
    assert_float_equal(asc_steps_saved(&cb, &cb, &reached), 0, 1e-15);
    assert_float_equal(asc_steps_saved_or_lost(&ca, &cb), 1 - 250. / 400, 1e-15);
    assert_float_equal(asc_steps_saved_or_lost(&cb, &ca), -(1 - 250. / 400), 1e-15);
    asc_curve none = {0, NULL, NULL};
    assert_true(isnan(asc_steps_saved_or_lost(&none, &cb)));
    assert_true(isnan(asc_steps_saved(&none, &cb, NULL)));
    /* Of a trainer that evaluates once, at the end, nobody knows when a run came by another's loss. */
    asc_curve end = {1, tokens + 3, a + 3};
    assert_true(isnan(asc_steps_saved(&end, &cb, &reached)) && !reached);
    asc_curve worse = {1, tokens + 3, b + 3};
    assert_true(isnan(asc_steps_saved_or_lost(&end, &worse)) && isnan(asc_steps_saved_or_lost(&worse, &end)));
    assert_float_equal(asc_steps_saved(&ca, &worse, &reached), 1 - 250. / 400, 1e-15);
}

/* Constant up to 80 %, J = 5 - .2 log(t) there; then both fall by .3. */
static void saved__by_a_shorter_run_where_the_rate_was_constant(void **state)
{
    (void)state;
    enum { N = 10 };
    double tokens[N], a[N], b[N];
    const double gain = .1, slope = -.2;
    for (int k = 0; k < N; k++) {
        tokens[k] = (k + 1) * 1e6;
        double fallen = k == 8 ? .15 : k == 9 ? .3 : 0;
        a[k] = 5 + slope * log(tokens[k] / 1e7) - fallen;
        b[k] = a[k] + gain;
    }
    a[0] += 3; /* what comes before 20 % says nothing */
    const asc_curve ca = {N, tokens, a}, cb = {N, tokens, b};
    double saved = 1 - exp(gain / slope), crossing = asc_steps_saved(&ca, &cb, NULL);
    assert_float_equal(asc_steps_saved_shorter(&ca, &cb, .8), saved, 1e-12);
    assert_float_equal(asc_steps_saved_shorter(&cb, &ca, .8), -saved, 1e-12);
    assert_float_equal(asc_steps_saved_shorter(&ca, &ca, .8), 0, 1e-15);
    assert_true(crossing < .1 && saved > .39); /* the crossing lies in the fall of a */
    assert_true(isnan(asc_steps_saved_shorter(&(asc_curve){3, tokens + 7, a + 7}, &cb, .8))); /* one point before it */
    double flat[N] = {1, 1, 1, 1, 1, 1, 1, 1, 1, .5};
    assert_true(isnan(asc_steps_saved_shorter(&(asc_curve){N, tokens, flat}, &cb, .8)));
    assert_true(isnan(asc_steps_saved_shorter(&(asc_curve){0}, &cb, .8)));
}

static const asc_noise unknown = {NAN, INFINITY};

static void gain__is_judged_against_the_noise(void **state)
{
    const double a[3] = {4.70, 4.71, 4.69}, b[3] = {4.76, 4.75, 4.77}, close[3] = {4.71, 4.69, 4.72};
    asc_gain g = asc_gain_over(a, 3, b, 3, unknown, .95);
    assert_float_equal(g.mean, .06, 1e-12);
    assert_float_equal(g.noise, .01, 1e-12);
    assert_float_equal(g.hi - g.lo, 2 * 2.7764451 * .01 * sqrt(2. / 3), 1e-8);
    assert_true(g.beyond_noise);
    assert_false(asc_gain_over(a, 3, close, 3, unknown, .95).beyond_noise);
    g = asc_gain_over(a, 1, b, 1, unknown, .95);
    assert_true(isnan(g.lo) && !g.beyond_noise);
    g = asc_gain_over(a, 1, b, 1, (asc_noise){.01, INFINITY}, .95);
    assert_true(g.beyond_noise && g.lo > 0);
    /* Two repeats hardly know a noise: six times it, not twice, is beyond. */
    g = asc_gain_over(a, 1, b, 1, (asc_noise){.01, 1}, .9);
    assert_float_equal(g.hi - g.lo, 2 * 6.3137515 * .01 * M_SQRT2, 1e-6);
    assert_false(g.beyond_noise);
    assert_true(isnan(asc_gain_over(a, 0, b, 3, (asc_noise){.01, INFINITY}, .95).mean));
}

static const asc_expected untold = {NAN, NAN, NAN, NAN, NAN, NAN, NAN, {.domain = ASC_NONE}};

static void answer__is_the_best_or_the_simplest_within_noise(void **state)
{
    const double best[2] = {4.737, 4.738}, near[2] = {4.738, 4.7385}, far[2] = {4.764, 4.765},
                 least[2] = {4.736, 4.736};
    asc_candidate c[3] = {
        {"rule", 3, best, 2, NAN, untold}, {"keep-last", 2, near, 2, NAN, untold}, {"uniform", 0, far, 2, NAN, untold}};
    char why[300];
    assert_int_equal(asc_choose_answer(c, 3, unknown, .95, NULL, why, sizeof why), 1);
    assert_non_null(strstr(why, "simpler"));
    c[1].value = far;
    assert_int_equal(asc_choose_answer(c, 3, unknown, .95, NULL, why, sizeof why), 0);
    assert_non_null(strstr(why, "rule has the best"));
    /* One run each and no noise known: the best of them is not called so. With it the same runs are ranked. */
    for (size_t i = 0; i < 3; i++)
        c[i].n = 1;
    assert_int_equal(asc_choose_answer(c, 3, unknown, .95, NULL, why, sizeof why), 2);
    assert_true(strstr(why, "rank nothing") && !strstr(why, "best"));
    assert_int_equal(asc_choose_answer(c, 3, (asc_noise){.001, INFINITY}, .95, NULL, why, sizeof why), 0);
    assert_int_equal(asc_choose_answer(c, 3, (asc_noise){.1, INFINITY}, .95, NULL, why, sizeof why), 2);
    /* What is the best by chance alone is not called so either. */
    c[2].value = least;
    assert_int_equal(asc_choose_answer(c, 3, (asc_noise){.1, INFINITY}, .95, NULL, why, sizeof why), 2);
    assert_true(strstr(why, "within seed noise") && !strstr(why, "best"));
    assert_int_equal(asc_candidate_simplicity(ASC_MIXTURE_UNIFORM), 0);
    assert_int_equal(asc_candidate_simplicity(ASC_MIXTURE_JOINT), 5);
    assert_int_equal(asc_candidate_simplicity(ASC_MIXTURE_FILE), 6); /* all others after those of the list */
}

static asc_expected expects(double value, double p_better)
{
    return (asc_expected){.value = value, .lo = value - .1, .hi = value + .1, .p_better = p_better};
}

static void answer__without_runs_has_the_least_expected_objective(void **state)
{
    asc_candidate c[4] = {{"rule", 3, NULL, 0, .05, expects(4.74, .8)},
                          {"keep-last", 2, NULL, 0, .04, expects(4.75, .7)},
                          {"uniform", 0, NULL, 0, .01, expects(4.76, NAN)},
                          {"joint", 4, NULL, 0, NAN, expects(4.73, .93)}};
    char why[300];
    assert_int_equal(asc_choose_answer(c, 4, unknown, .9, NULL, why, sizeof why), 3);
    assert_non_null(strstr(why, "of 4 candidates joint has the lowest expected objective there, 4.7300"));
    assert_non_null(strstr(why, "P(better than uniform) 0.93"));
    c[3].expected.value = c[0].expected.value; /* of equals the simpler one */
    assert_int_equal(asc_choose_answer(c, 4, unknown, .9, NULL, why, sizeof why), 0);
    c[0].expected = c[3].expected = untold; /* a mixture where the law says nothing is no candidate */
    assert_int_equal(asc_choose_answer(c, 4, unknown, .9, NULL, why, sizeof why), 1);
    c[1].expected = expects(4.75, NAN);
    c[1].expected.lo = NAN;
    assert_int_equal(asc_choose_answer(c, 4, unknown, .9, NULL, why, sizeof why), 1);
    assert_true(strstr(why, "lowest predicted") && !strstr(why, "P("));
    c[0].expected = c[1].expected = c[3].expected = c[2].expected; /* nothing sets them apart */
    assert_int_equal(asc_choose_answer(c, 4, unknown, .9, NULL, why, sizeof why), 2);
    assert_non_null(strstr(
        why, "all 4 candidates are expected to reach the same objective there (4.7600), and uniform is the simplest"));
}

static void answer__says_where_no_law_can_tell(void **state)
{
    asc_candidate c[3] = {{"rule", 3, NULL, 0, .052, untold},
                          {"keep-last", 2, NULL, 0, .045, untold},
                          {"uniform", 0, NULL, 0, NAN, untold}};
    char why[300];
    assert_int_equal(asc_choose_answer(c, 3, unknown, .9, "loss withheld", why, sizeof why), 1);
    assert_true(strstr(why, "no law can predict it") && strstr(why, "(loss withheld)") &&
                strstr(why, "largest measured scale"));
    c[0].past_error = c[1].past_error = NAN;
    assert_int_equal(asc_choose_answer(c, 3, unknown, .9, NULL, why, sizeof why), 1);
    assert_true(strstr(why, "(none could be fitted)") && strstr(why, "keep-last is the measured optimum"));
}

static void repetition__counts_less_each_time(void **state)
{
    assert_true(asc_effective_tokens(50, 100) == 50 && asc_effective_tokens(100, 100) == 100);
    double four = asc_effective_tokens(400, 100), forty = asc_effective_tokens(4000, 100);
    assert_true(four > 360 && four < 400); /* [M23]: up to four epochs nearly as good as new */
    assert_true(forty > four && forty < 100 * 16.4);
    assert_true(asc_effective_tokens(1e9, 100) < 100 * 16.4 && asc_effective_tokens(1e9, INFINITY) == 1e9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(saved__by_a_shorter_run_where_the_rate_was_constant),
        cmocka_unit_test(steps__are_saved_by_interpolation),
        cmocka_unit_test(gain__is_judged_against_the_noise),
        cmocka_unit_test(answer__is_the_best_or_the_simplest_within_noise),
        cmocka_unit_test(answer__without_runs_has_the_least_expected_objective),
        cmocka_unit_test(answer__says_where_no_law_can_tell),
        cmocka_unit_test(repetition__counts_less_each_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
