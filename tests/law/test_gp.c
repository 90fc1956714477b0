/* The Gaussian process on a law's residual: what it learns, that its three evaluations agree, its slope, its ends. */
#include "test.h"

#include "law_made.h"

enum { D = 3, R = 60 };

static asc_runs runs;
static asc__features x;
static double residual[R + ASC_LANES], weight[R + ASC_LANES];
static asc_gp g;

static double bump(const double *tokens)
{
    double N = asc__total(tokens, D);
    return .3 * sin(4 * sqrt(tokens[0] / N)) + .2 * tokens[1] / N;
}

static int set_up(void **state)
{
    runs = made_runs(R, D, 1, true, true, 5);
    x = made_features(&runs, true, true);
    memset(residual, 0, sizeof residual);
    memset(weight, 0, sizeof weight);
    for (size_t r = 0; r < R; r++) {
        residual[r] = bump(runs.tokens + r * D);
        weight[r] = 1;
    }
    g = (asc_gp){0};
    return 0;
}

static int tear_down(void **state)
{
    asc__gp_clear(&g);
    asc__features_clear(&x);
    asc_runs_clear(&runs);
    return 0;
}

static double *scratch_of(const asc__features *f)
{
    double *s = asc_aligned_alloc((asc__scratch_size(D, f->ld) + (D + 4) * f->ld) * sizeof *s);
    assert_non_null(s);
    return s;
}

/* Factors of the process at rows of a table. */
static void factors(double *f, const asc__features *at)
{
    double *scratch = scratch_of(at);
    for (size_t r = 0; r < at->ld; r++)
        f[r] = 1;
    asc__gp_apply(&g, at, f, scratch);
    asc_aligned_free(scratch);
}

static asc_law law_with_process(void)
{
    static const double E[] = {2, .5, .3, .4, .2};
    asc_law l = made_law("constant", D, true, true, E);
    l.gp = g;
    return l;
}

static void gp__learns_a_smooth_residual(void **state)
{
    assert_int_equal(asc__gp_fit(&g, &x, residual, weight, NULL, NULL), ASC_OK);
    assert_int_equal(g.n, R);
    assert_int_equal(g.n_features, D + 2);
    double f[R + ASC_LANES], error = 0, spread = 0;
    factors(f, &x);
    for (size_t r = 0; r < R; r++)
        assert_true(fabs(log(f[r]) - residual[r]) < .02);
    asc_runs fresh = made_runs(R, D, 1, true, true, 6); /* and where it has not looked */
    asc__features z = made_features(&fresh, true, true);
    factors(f, &z);
    for (size_t r = 0; r < R; r++) {
        error += pow(log(f[r]) - bump(fresh.tokens + r * D), 2);
        spread += pow(bump(fresh.tokens + r * D) - .2, 2);
    }
    assert_true(error < .02 * spread);
    asc__features_clear(&z);
    asc_runs_clear(&fresh);
}

static void gp__calls_noise_noise(void **state)
{
    asc_rng rng;
    asc_rng_init(&rng, 1, "test noise", 0);
    for (size_t r = 0; r < R; r++)
        residual[r] = .1 * asc_rng_normal(&rng);
    assert_int_equal(asc__gp_fit(&g, &x, residual, weight, NULL, NULL), ASC_OK);
    assert_true(g.noise > .06 && g.noise < .14);
    double f[R + ASC_LANES], size = 0;
    factors(f, &x);
    for (size_t r = 0; r < R; r++)
        size += fabs(log(f[r])) / R;
    assert_true(size < .05); /* most of it is left unexplained */
}

static void gp__of_one_point_and_of_many_agree(void **state)
{
    assert_int_equal(asc__gp_fit(&g, &x, residual, weight, NULL, NULL), ASC_OK);
    asc_law l = law_with_process();
    double f[R + ASC_LANES];
    factors(f, &x);
    for (size_t r = 0; r < R; r++)
        assert_true(near_to(asc__gp_point(&l, 3, runs.tokens + r * D, runs.params[r], NULL), 3 * f[r], 1e-11));
    asc_free(l.params);
}

static void gp__slope_is_that_of_differences(void **state)
{
    assert_int_equal(asc__gp_fit(&g, &x, residual, weight, NULL, NULL), ASC_OK);
    asc_law l = law_with_process();
    for (size_t r = 0; r < 10; r++) {
        double n[D], slope[D], P = runs.params[r];
        memcpy(n, runs.tokens + r * D, sizeof n);
        double value = asc_law_gradient(&l, n, P, slope);
        assert_true(value == asc_law_predict(&l, n, P));
        for (size_t i = 0; i < D; i++) {
            double h = 1e-6 * n[i], keep = n[i];
            n[i] = keep + h;
            double up = asc_law_predict(&l, n, P);
            n[i] = keep - h;
            double want = (up - asc_law_predict(&l, n, P)) / (2 * h);
            n[i] = keep;
            if (fabs(want - slope[i]) > 1e-5 * (fabs(want) + 1e-12))
                fail_msg("row %zu domain %zu: slope %g, differences %g", r, i, slope[i], want);
        }
    }
    asc_free(l.params);
}

static void gp__order_of_rows_and_of_domains_does_not_matter(void **state)
{
    double f[R + ASC_LANES], h[R + ASC_LANES];
    assert_int_equal(asc__gp_fit(&g, &x, residual, weight, NULL, NULL), ASC_OK);
    factors(f, &x);
    asc__gp_clear(&g);
    asc_runs turned = made_runs(R, D, 1, true, true, 5);
    for (size_t r = 0; r < R; r++) { /* rows backwards, domains rotated */
        for (size_t i = 0; i < D; i++)
            turned.tokens[r * D + i] = runs.tokens[(R - 1 - r) * D + (i + 1) % D];
        turned.params[r] = runs.params[R - 1 - r];
        turned.total[r] = runs.total[R - 1 - r];
        residual[r] = bump(runs.tokens + (R - 1 - r) * D);
    }
    asc__features z = made_features(&turned, true, true);
    assert_int_equal(asc__gp_fit(&g, &z, residual, weight, NULL, NULL), ASC_OK);
    factors(h, &z);
    for (size_t r = 0; r < R; r++)
        assert_true(near_to(h[R - 1 - r], f[r], 1e-6));
    asc__features_clear(&z);
    asc_runs_clear(&turned);
}

static void gp__rows_without_weight_are_not_there(void **state)
{
    double f[R + ASC_LANES], h[R + ASC_LANES];
    for (size_t r = R / 2; r < R; r++) {
        weight[r] = 0;
        residual[r] = 99;
    }
    assert_int_equal(asc__gp_fit(&g, &x, residual, weight, NULL, NULL), ASC_OK);
    assert_int_equal(g.n, R / 2);
    factors(f, &x);
    asc__gp_clear(&g);
    for (size_t r = R / 2; r < R; r++)
        residual[r] = -99;
    assert_int_equal(asc__gp_fit(&g, &x, residual, weight, NULL, NULL), ASC_OK);
    factors(h, &x);
    assert_memory_equal(f, h, R * sizeof *f);
}

static void gp__lengths_of_another_fit_are_taken_as_they_are(void **state)
{
    asc_gp other = {0};
    assert_int_equal(asc__gp_fit(&other, &x, residual, weight, NULL, NULL), ASC_OK);
    for (size_t r = 0; r < R; r += 3)
        weight[r] = 0;
    assert_int_equal(asc__gp_fit(&g, &x, residual, weight, &other, NULL), ASC_OK);
    assert_true(near_to(g.length, other.length, 1e-12) && near_to(g.log_linear, other.log_linear, 1e-12));
    assert_true(near_to(g.signal / g.noise, other.signal / other.noise, 1e-9));
    assert_int_equal(g.n, R - R / 3);
    asc__gp_clear(&other);
}

static void gp__of_too_few_rows_is_none(void **state)
{
    for (size_t used = 0; used < 6; used++) {
        for (size_t r = 0; r < R; r++)
            weight[r] = r < used;
        assert_int_equal(asc__gp_fit(&g, &x, residual, weight, NULL, NULL), ASC_OK);
        assert_int_equal(g.n, used < 4 ? 0 : used);
        asc__gp_clear(&g);
    }
}

static void gp__sees_budgets_and_sizes_only_where_they_vary(void **state)
{
    asc__features z = made_features(&runs, false, true);
    assert_int_equal(asc__gp_fit(&g, &z, residual, weight, NULL, NULL), ASC_OK);
    assert_int_equal(g.n_features, D + 1);
    asc__features_clear(&z);
}

static void gp__its_linear_part_does_not_run_on_in_budgets(void **state)
{
    assert_int_equal(asc__gp_fit(&g, &x, residual, weight, NULL, NULL), ASC_OK);
    assert_true(g.linear[D] == 0 && g.linear[D + 1] == 0);
    asc_law l = law_with_process();
    double n[D], far = 0, farther = 0;
    for (size_t i = 0; i < D; i++)
        n[i] = runs.tokens[i] * 1e30;
    far = asc__gp_point(&l, 1, n, 1e8, NULL);
    for (size_t i = 0; i < D; i++)
        n[i] *= 1e30;
    farther = asc__gp_point(&l, 1, n, 1e8, NULL);
    assert_true(near_to(far, farther, 1e-12)); /* far beyond the table nothing but the shares is left */
    asc_free(l.params);
}

static void gp__every_failing_allocation_is_survived(void **state)
{
    for (uint64_t n = 1;; n++) {
        asc_fault_arm(ASC_FAULT_ALLOC, n);
        asc_status s = asc__gp_fit(&g, &x, residual, weight, NULL, NULL);
        uint64_t calls = asc_fault_count(ASC_FAULT_ALLOC);
        asc_fault_arm(ASC_FAULT_ALLOC, 0);
        if (calls < n) {
            assert_int_equal(s, ASC_OK);
            return;
        }
        assert_int_equal(s, ASC_ENOMEM);
        assert_int_equal(g.n, 0);
    }
}

#define WITH_TABLE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_TABLE(gp__learns_a_smooth_residual),
        WITH_TABLE(gp__calls_noise_noise),
        WITH_TABLE(gp__of_one_point_and_of_many_agree),
        WITH_TABLE(gp__slope_is_that_of_differences),
        WITH_TABLE(gp__order_of_rows_and_of_domains_does_not_matter),
        WITH_TABLE(gp__rows_without_weight_are_not_there),
        WITH_TABLE(gp__lengths_of_another_fit_are_taken_as_they_are),
        WITH_TABLE(gp__of_too_few_rows_is_none),
        WITH_TABLE(gp__sees_budgets_and_sizes_only_where_they_vary),
        WITH_TABLE(gp__its_linear_part_does_not_run_on_in_budgets),
        WITH_TABLE(gp__every_failing_allocation_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
