#include "test.h"

#include <math.h>

#include "design/design.h"

static void star__has_two_runs_a_domain_and_the_base(void **state)
{
    const int64_t base[3] = {300, 600, 100};
    asc_star_opts o = {.n_domains = 3, .base = base, .factor = 3, .down = 3, .base_repeats = 2, .arm_repeats = 1};
    asc_design d;
    assert_int_equal(asc_design_star(&d, &o, NULL), ASC_OK);
    assert_int_equal(d.n_runs, 8);
    assert_int_equal(d.runs[1].repeat, 1);
    assert_int_equal(d.runs[2].kind, ASC_DESIGN_UP);
    assert_true(d.runs[2].tokens[0] == 900 && d.runs[2].tokens[1] == 600 && d.runs[2].total == 1600);
    assert_int_equal(d.runs[7].kind, ASC_DESIGN_DOWN);
    assert_true(d.runs[7].domain == 2 && d.runs[7].tokens[2] == 33);
    assert_float_equal(d.runs[7].factor, .33, 1e-15); /* the true one */
    asc_design_clear(&d);
}

static void star__caps_give_the_largest_factor_that_fits(void **state)
{
    const int64_t base[3] = {100, 100, 100}, cap[3] = {1000, 250, 100};
    asc_star_opts o = {
        .n_domains = 3, .base = base, .factor = 3, .down = 3, .base_repeats = 1, .arm_repeats = 1, .cap = cap};
    asc_design d;
    assert_int_equal(asc_design_star(&d, &o, NULL), ASC_OK);
    assert_int_equal(d.n_runs, 6); /* the third domain has no room above the base */
    assert_float_equal(d.runs[3].factor, 2.5, 1e-15);
    assert_int_equal(d.runs[5].kind, ASC_DESIGN_DOWN);
    asc_design_clear(&d);
}

/* The paper's BERT runs: x2 and x1/3. */
static void star__up_and_down_have_factors_of_their_own(void **state)
{
    const int64_t base[2] = {300, 600};
    asc_star_opts o = {.n_domains = 2, .base = base, .factor = 2, .down = 3, .base_repeats = 1, .arm_repeats = 1};
    asc_design d;
    asc_error err;
    assert_int_equal(asc_design_star(&d, &o, &err), ASC_OK);
    assert_int_equal(d.runs[1].tokens[0], 600);
    assert_int_equal(d.runs[2].tokens[0], 100);
    assert_int_equal(d.runs[3].tokens[1], 1200);
    assert_int_equal(d.runs[4].tokens[1], 200);
    asc_design_clear(&d);
    o.down = 1;
    assert_int_equal(asc_design_star(&d, &o, &err), ASC_EINVAL);
}

static void star__refuses_nonsense(void **state)
{
    const int64_t base[2] = {100, 0}, cap[2] = {50, 50}, fine[2] = {100, 100};
    asc_design d;
    asc_error err;
    asc_star_opts o = {.n_domains = 2, .base = base, .factor = 3, .down = 3, .base_repeats = 1, .arm_repeats = 1};
    assert_int_equal(asc_design_star(&d, &o, &err), ASC_EINVAL);
    o.base = fine;
    o.cap = cap;
    assert_int_equal(asc_design_star(&d, &o, &err), ASC_EINVAL);
    o.cap = NULL;
    o.factor = 1;
    assert_int_equal(asc_design_star(&d, &o, &err), ASC_EINVAL);
    o.factor = 3;
    o.arm_repeats = 0;
    assert_int_equal(asc_design_star(&d, &o, &err), ASC_EINVAL);
}

static void tokens__sum_exactly_for_any_weights(void **state)
{
    asc_rng r;
    asc_rng_init(&r, 1, "test", 0);
    for (int k = 0; k < 2000; k++) {
        double w[9], sum = 0;
        int64_t n[9], total = (int64_t)asc_rng_below(&r, k % 2 ? 100 : 1000000000000000), got = 0;
        size_t D = 1 + asc_rng_below(&r, 9);
        for (size_t i = 0; i < D; i++)
            sum += w[i] = asc_rng_double(&r) < .2 ? 0 : asc_rng_double(&r);
        if (sum == 0)
            continue;
        assert_int_equal(asc_mixture_tokens(n, NULL, w, D, total, NULL, NULL), ASC_OK);
        for (size_t i = 0; i < D; i++) {
            got += n[i];
            assert_true(fabs((double)n[i] - w[i] / sum * (double)total) <= 1 + 1e-15 * (double)total);
        }
        assert_true(got == total);
    }
}

static void tokens__caps_hold_and_the_rest_is_shared(void **state)
{
    const double w[4] = {.25, .25, .25, .25};
    const int64_t cap[4] = {100, 1000, 1000, 1000};
    int64_t n[4];
    bool capped[4];
    assert_int_equal(asc_mixture_tokens(n, capped, w, 4, 1000, cap, NULL), ASC_OK);
    assert_true(n[0] == 100 && n[1] == 300 && n[2] == 300 && n[3] == 300);
    assert_true(capped[0] && !capped[1]);
    const int64_t small[4] = {100, 100, 100, 100};
    asc_error err;
    assert_int_equal(asc_mixture_tokens(n, NULL, w, 4, 1000, small, &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "400"));
    assert_int_equal(asc_mixture_tokens(n, NULL, w, 4, 400, small, NULL), ASC_OK);
    assert_true(n[0] == 100 && n[3] == 100);
    const double bad[2] = {NAN, 1}, zero[2] = {0, 0};
    assert_int_equal(asc_mixture_tokens(n, NULL, bad, 2, 10, NULL, &err), ASC_EINVAL);
    assert_int_equal(asc_mixture_tokens(n, NULL, zero, 2, 10, NULL, &err), ASC_EINVAL);
}

/* When every weighted domain is full, those without weight take the rest. */
static void tokens__zero_weights_come_last(void **state)
{
    const double w[2] = {1, 0};
    const int64_t cap[2] = {30, 100};
    int64_t n[2];
    assert_int_equal(asc_mixture_tokens(n, NULL, w, 2, 50, cap, NULL), ASC_OK);
    assert_true(n[0] == 30 && n[1] == 20);
}

static void dirichlet__has_the_right_mean_and_keeps_bounds(void **state)
{
    enum { N = 4000 };
    static double w[N * 3];
    const double w0[3] = {.5, .3, .2}, lo[3] = {.1, .1, .05}, hi[3] = {.9, .9, .9};
    double mean[3] = {0};
    assert_int_equal(asc_design_dirichlet(w, N, w0, 3, 20, NULL, NULL, 5, NULL), ASC_OK);
    for (size_t k = 0; k < N; k++)
        for (size_t i = 0; i < 3; i++)
            mean[i] += w[k * 3 + i] / N;
    for (size_t i = 0; i < 3; i++)
        assert_float_equal(mean[i], w0[i], .01);
    assert_int_equal(asc_design_dirichlet(w, N, w0, 3, 5, lo, hi, 5, NULL), ASC_OK);
    for (size_t k = 0; k < N; k++)
        for (size_t i = 0; i < 3; i++)
            assert_true(w[k * 3 + i] >= lo[i] && w[k * 3 + i] <= hi[i]);
    const double none[3] = {.4, .4, .4};
    assert_int_equal(asc_design_dirichlet(w, 1, w0, 3, 5, none, hi, 5, NULL), ASC_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(star__has_two_runs_a_domain_and_the_base),
        cmocka_unit_test(star__caps_give_the_largest_factor_that_fits),
        cmocka_unit_test(star__up_and_down_have_factors_of_their_own),
        cmocka_unit_test(star__refuses_nonsense),
        cmocka_unit_test(tokens__sum_exactly_for_any_weights),
        cmocka_unit_test(tokens__caps_hold_and_the_rest_is_shared),
        cmocka_unit_test(tokens__zero_weights_come_last),
        cmocka_unit_test(dirichlet__has_the_right_mean_and_keeps_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
