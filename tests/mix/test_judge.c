#include "test.h"

#include <math.h>

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
}

static void gain__is_judged_against_the_noise(void **state)
{
    const double a[3] = {4.70, 4.71, 4.69}, b[3] = {4.76, 4.75, 4.77}, close[3] = {4.71, 4.69, 4.72};
    asc_gain g = asc_gain_over(a, 3, b, 3, NAN, .95);
    assert_float_equal(g.mean, .06, 1e-12);
    assert_float_equal(g.noise, .01, 1e-12);
    assert_float_equal(g.hi - g.lo, 2 * 2.7764451 * .01 * sqrt(2. / 3), 1e-8);
    assert_true(g.beyond_noise);
    assert_false(asc_gain_over(a, 3, close, 3, NAN, .95).beyond_noise);
    g = asc_gain_over(a, 1, b, 1, NAN, .95);
    assert_true(isnan(g.lo) && !g.beyond_noise);
    g = asc_gain_over(a, 1, b, 1, .01, .95);
    assert_true(g.beyond_noise && g.lo > 0);
    assert_true(isnan(asc_gain_over(a, 0, b, 3, .01, .95).mean));
}

static void answer__is_the_best_or_the_simplest_within_noise(void **state)
{
    const double best[2] = {4.737, 4.738}, near[2] = {4.738, 4.7385}, far[2] = {4.764, 4.765};
    asc_candidate c[3] = {{"rule", 3, best, 2, NAN}, {"keep-last", 2, near, 2, NAN}, {"uniform", 0, far, 2, NAN}};
    char why[200];
    assert_int_equal(asc_choose_answer(c, 3, NAN, .95, why, sizeof why), 1);
    assert_non_null(strstr(why, "simpler"));
    c[1].value = far;
    assert_int_equal(asc_choose_answer(c, 3, NAN, .95, why, sizeof why), 0);
    assert_non_null(strstr(why, "rule has the best"));
    /* One run each and no noise known: the best of them is not called so. With it the same runs are ranked. */
    for (size_t i = 0; i < 3; i++)
        c[i].n = 1;
    assert_int_equal(asc_choose_answer(c, 3, NAN, .95, why, sizeof why), 2);
    assert_true(strstr(why, "rank nothing") && !strstr(why, "best"));
    assert_int_equal(asc_choose_answer(c, 3, .001, .95, why, sizeof why), 0);
    assert_int_equal(asc_choose_answer(c, 3, .1, .95, why, sizeof why), 2);
    for (size_t i = 0; i < 3; i++)
        c[i].n = 0;
    c[0].past_error = .052;
    c[1].past_error = .045;
    assert_int_equal(asc_choose_answer(c, 3, NAN, .95, why, sizeof why), 1);
    c[0].past_error = c[1].past_error = NAN;
    assert_int_equal(asc_choose_answer(c, 3, NAN, .95, why, sizeof why), 1);
    assert_int_equal(asc_candidate_simplicity("uniform (capped)"), 0);
    assert_int_equal(asc_candidate_simplicity("llama.json"), 5);
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
        cmocka_unit_test(steps__are_saved_by_interpolation),
        cmocka_unit_test(gain__is_judged_against_the_noise),
        cmocka_unit_test(answer__is_the_best_or_the_simplest_within_noise),
        cmocka_unit_test(repetition__counts_less_each_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
