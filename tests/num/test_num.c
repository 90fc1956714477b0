/* The numerical tools against known answers and against the plainest loops that compute the same. */
#include "test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "num/num.h"
#include "products.h"

static void fill(double *v, size_t n, const char *name)
{
    asc_rng r;
    asc_rng_init(&r, 7, name, n);
    for (size_t i = 0; i < n; i++)
        v[i] = asc_rng_normal(&r);
}

static void products__equal_the_plain_loops_at_any_length(void **state)
{
    for (size_t n = 0; n < 40; n++) {
        double a[40], b[40], y[40], sum = 0;
        fill(a, n, "a");
        fill(b, n, "b");
        memcpy(y, b, sizeof y);
        for (size_t i = 0; i < n; i++)
            sum += a[i] * b[i];
        assert_float_equal(asc_dot(a, b, n), sum, 1e-13);
        asc_axpy(y, -2.5, a, n);
        for (size_t i = 0; i < n; i++)
            assert_true(y[i] == b[i] + -2.5 * a[i]);
    }
}

static void products__are_equal_on_every_instruction_set(void **state)
{
    enum { P = 7, N = 64 };
    double j[P * N], w[N], scratch[P * N], g[2][P * P] = {{0}};
    const asc__products *sets[2] = {&asc__products_plain, asc__num_products()};
    fill(j, P * N, "j");
    fill(w, N, "w");
    for (int k = 0; k < 2; k++)
        sets[k]->syrk(g[k], j, w, scratch, P, N, N);
    assert_memory_equal(g[0], g[1], sizeof g[0]);
    assert_true(sets[0]->dot(j, w, N) == sets[1]->dot(j, w, N));
    for (size_t a = 0; a < P; a++)
        for (size_t b = 0; b <= a; b++) {
            double sum = 0;
            for (size_t r = 0; r < N; r++)
                sum += j[a * N + r] * w[r] * j[b * N + r];
            assert_float_equal(g[0][a * P + b], sum, 1e-12);
        }
}

/* Sizes about the panels' edges; A = B B^T + 1. */
static void cholesky__solves_what_it_factored(void **state)
{
    const size_t sizes[] = {1, 2, 3, 5, 31, 32, 33, 64, 70};
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        size_t n = sizes[k];
        double *b = malloc(n * n * sizeof *b), *a = malloc(n * n * sizeof *a), *x = malloc(n * sizeof *x);
        double *l = malloc(n * n * sizeof *l), *y = malloc(n * sizeof *y);
        fill(b, n * n, "matrix");
        fill(y, n, "right side");
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < n; j++)
                a[i * n + j] = asc_dot(b + i * n, b + j * n, n) + (i == j);
        memcpy(l, a, n * n * sizeof *l);
        for (size_t i = 0; i < n; i++)
            for (size_t j = i + 1; j < n; j++)
                l[i * n + j] = NAN; /* what lies above is not read */
        memcpy(x, y, n * sizeof *x);
        assert_true(asc_chol(l, n));
        asc_chol_solve(l, n, x);
        for (size_t i = 0; i < n; i++)
            assert_float_equal(asc_dot(a + i * n, x, n), y[i], 1e-9);
        free(a);
        free(b);
        free(l);
        free(x);
        free(y);
    }
}

static void cholesky__refuses_what_is_not_positive_definite(void **state)
{
    double flat[4] = {1, 0, 1, 1}, turned[4] = {1, 0, 2, 1}, none[1] = {NAN}, endless[1] = {INFINITY};
    assert_false(asc_chol(flat, 2));
    assert_false(asc_chol(turned, 2));
    assert_false(asc_chol(none, 1));
    assert_false(asc_chol(endless, 1));
    assert_true(asc_chol(none, 0));
}

static void means__pass_nan_on_or_leave_it_out_as_they_say(void **state)
{
    const double v[] = {1, NAN, 4}, whole[] = {1, 4};
    assert_true(isnan(asc_mean(v, 3)) && isnan(asc_mean(v, 0)) && isnan(asc_mean_measured(v + 1, 1)));
    assert_true(asc_mean(whole, 2) == 2.5 && asc_mean_measured(v, 3) == 2.5);
    assert_true(asc_squares(v, 3) == 4.5 && asc_squares(v + 1, 1) == 0);
}

static void moments__keep_a_small_spread_about_a_large_mean(void **state)
{
    asc_moments m = {0};
    assert_true(isnan(asc_moments_mean(&m)) && isnan(asc_moments_sd(&m)));
    asc_moments_add(&m, 1e9 + 4);
    asc_moments_add(&m, NAN);
    assert_true(m.n == 1 && isnan(asc_moments_variance(&m)));
    asc_moments_add(&m, 1e9 + 7);
    asc_moments_add(&m, 1e9 + 13);
    assert_true(m.n == 3 && m.mean == 1e9 + 8 && asc_moments_variance(&m) == 21);
}

static void quantiles__interpolate_and_leave_nan_out(void **state)
{
    double v[] = {4, NAN, 1, 3, 2}, even[] = {9, 1, INFINITY, 5}, ends[] = {-INFINITY, INFINITY};
    assert_true(asc_quantile(v, 5, .5) == 2.5);
    assert_true(v[0] == 1 && v[3] == 4 && isnan(v[4]));
    assert_true(asc_quantile(v, 5, 0) == 1 && asc_quantile(v, 5, 1) == 4);
    assert_float_equal(asc_quantile(v, 5, .1), 1.3, 1e-12); /* numpy.quantile([1,2,3,4], .1) */
    assert_true(asc_median(even, 4) == 7);
    assert_true(asc_quantile(ends, 2, 0) == -INFINITY);
    assert_true(isnan(asc_quantile(v, 0, .5)) && isnan(asc_median(v + 4, 1)));
}

/* scipy 1.10: pearsonr, spearmanr of the whole pairs. */
static void correlations__are_of_the_pairs_that_were_measured(void **state)
{
    const double a[] = {1, 2, 3, 4, NAN}, b[] = {10, 20, 40, 30, 5}, ties[] = {1, 1, 2, 2, 3}, up[] = {5, 5, 6, 6, 7};
    const double flat[] = {2, 2, 2, 2, 2}, gaps[] = {NAN, 1, NAN, 2, 3}, far[] = {-INFINITY, 1, 2, 3, INFINITY};
    assert_float_equal(asc_pearson(a, b, 5), .8, 1e-12);
    assert_float_equal(asc_spearman(a, b, 5), .8, 1e-12);
    assert_float_equal(asc_spearman(b, a, 5), .8, 1e-12);
    assert_float_equal(asc_spearman(ties, up, 5), 1, 1e-12);
    assert_float_equal(asc_spearman(far, up, 5), .9486832980505138, 1e-12);
    assert_float_equal(asc_pearson(a, b, 2), 1, 1e-12);
    assert_true(isnan(asc_spearman(a, b, 2)) && isnan(asc_spearman(a, gaps, 5)));
    assert_true(isnan(asc_pearson(a, b, 1)) && isnan(asc_pearson(a, flat, 5)) && isnan(asc_spearman(flat, b, 5)));
    double level[60], rising[60]; /* whatever the rounding of their mean */
    for (size_t n = 2; n <= 60; n++)
        for (int k = 0; k < 4; k++) {
            for (size_t i = 0; i < n; i++) {
                level[i] = k == 0 ? .1 : k == 1 ? 3 : k == 2 ? 1e300 : 1. / 3;
                rising[i] = (double)i;
            }
            assert_true(isnan(asc_pearson(level, rising, n)) && isnan(asc_pearson(rising, level, n)));
            assert_true(isnan(asc_spearman(level, level, n)));
        }
}

/* Table values of Student's t. */
static void student__quantiles_are_those_of_the_tables(void **state)
{
    assert_float_equal(asc_student_quantile(.95, 1), 12.7062047, 1e-6);
    assert_float_equal(asc_student_quantile(.95, 4), 2.7764451, 1e-6);
    assert_float_equal(asc_student_quantile(.90, 10), 1.8124611, 1e-6);
    assert_float_equal(asc_student_quantile(.95, INFINITY), 1.9599640, 1e-6);
    assert_true(isnan(asc_student_quantile(1, 3)) && isnan(asc_student_quantile(.9, 0)));
}

static double cube_less_two(void *ctx, double x)
{
    ++*(int *)ctx;
    return x * x * x - 2;
}

static double falling(void *ctx, double x)
{
    ++*(int *)ctx;
    return exp(-x) - .25;
}

static void roots__are_found_to_the_last_bit_and_on_either_side(void **state)
{
    int calls = 0;
    double below = 0, above = 8;
    asc_bisect(&below, &above, cube_less_two, &calls, 200);
    assert_true(above == nextafter(below, 9) && calls < 70);
    assert_float_equal(below, cbrt(2), 1e-15);
    below = 9; /* a function that falls is below 0 on the right */
    above = 0;
    asc_bisect(&below, &above, falling, &calls, 200);
    assert_float_equal(below, log(4), 1e-15);
    calls = 0;
    below = 0;
    above = 8;
    asc_bisect(&below, &above, cube_less_two, &calls, 3);
    assert_true(calls == 3 && below == 1 && above == 2);
    calls = 0;
    assert_float_equal(asc_illinois(8, 0, cube_less_two, &calls), cbrt(2), 1e-14);
    assert_true(calls < 100); /* where halving takes as many, and one end creeps */
    assert_float_equal(asc_illinois(0, 9, falling, &calls), log(4), 1e-14);
    assert_true(isnan(asc_illinois(8, 2, cube_less_two, &calls))); /* no sign change */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products__equal_the_plain_loops_at_any_length),
        cmocka_unit_test(products__are_equal_on_every_instruction_set),
        cmocka_unit_test(cholesky__solves_what_it_factored),
        cmocka_unit_test(cholesky__refuses_what_is_not_positive_definite),
        cmocka_unit_test(means__pass_nan_on_or_leave_it_out_as_they_say),
        cmocka_unit_test(moments__keep_a_small_spread_about_a_large_mean),
        cmocka_unit_test(quantiles__interpolate_and_leave_nan_out),
        cmocka_unit_test(correlations__are_of_the_pairs_that_were_measured),
        cmocka_unit_test(student__quantiles_are_those_of_the_tables),
        cmocka_unit_test(roots__are_found_to_the_last_bit_and_on_either_side),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
