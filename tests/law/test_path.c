/* The path of prior widths: where it starts, what each step minimises, where it ends. */
#include "test.h"

#include "law_made.h"

enum { R = 16, P = 3 };

/* A plane whose slopes have a prior, with several starts or a tied fit. */
static size_t n_starts, tied_groups;
static double fixed_slope;

static bool start(const asc__data *d, size_t k, double *theta, double *scratch)
{
    if (k >= n_starts)
        return false;
    theta[0] = d->y_mean;
    theta[1] = theta[2] = (double)k;
    return true;
}

static void prior(const asc__data *d, double *centre, double *strength, double *fixed)
{
    centre[1] = centre[2] = 0;
    strength[1] = strength[2] = 1;
    fixed[2] = fixed_slope;
}

static void bounds(const asc__data *d, double *lo, double *hi)
{
    for (size_t j = 0; j < P; j++) {
        lo[j] = -50;
        hi[j] = 50;
    }
}

static size_t tie(const asc__data *d, size_t *group)
{
    group[0] = 0;
    group[1] = group[2] = 1;
    return tied_groups;
}

static const asc__family plain = {
    .name = "plain", .n_params = plane_params, .eval = plane_eval, .start = start, .prior = prior, .bounds = bounds};
static const asc__family tied = {.name = "tied",
                                 .n_params = plane_params,
                                 .eval = plane_eval,
                                 .start = start,
                                 .prior = prior,
                                 .bounds = bounds,
                                 .tie = tie};

static asc_runs runs;
static asc__features x;
static asc__lm m;
static asc__path path;
static double y[R + ASC_LANES], weight[R + ASC_LANES];
static asc__data d;
static const asc__path_opts opts = {.max_iter = 200, .tol = 1e-15};

static int set_up(void **state)
{
    n_starts = 1;
    tied_groups = 2;
    fixed_slope = 0;
    runs = made_runs(R, 2, 1, true, true, 3);
    x = made_features(&runs, true, true);
    assert_int_equal(asc__lm_init(&m, P, x.ld, 2, NULL), ASC_OK);
    assert_int_equal(asc__path_init(&path, P, NULL), ASC_OK);
    memset(weight, 0, sizeof weight);
    for (size_t r = 0; r < R; r++) {
        weight[r] = 1;
        y[r] = 3 - .8 * x.log_n[r] - .4 * x.log_p[r] + .05 * sin(9. * (double)r);
    }
    d = (asc__data){.x = &x, .y = y, .weight = weight, .own = ASC_NONE, .noise2 = .01};
    asc__data_stats(&d);
    return 0;
}

static int tear_down(void **state)
{
    asc__path_clear(&path);
    asc__lm_clear(&m);
    asc__features_clear(&x);
    asc_runs_clear(&runs);
    return 0;
}

static void strength__is_the_noise_over_the_width(void **state)
{
    assert_true(near_to(asc__prior_strength(&d, .1), 1, 1e-12));
    assert_true(near_to(asc__prior_strength(&d, 2), .0025, 1e-12));
    d.noise2 = 0; /* not known: a hundredth of the losses' variance */
    assert_true(near_to(asc__prior_strength(&d, 1), .01 * d.y_var, 1e-12));
}

static void widths__grow_to_no_prior_at_all(void **state)
{
    for (size_t s = 1; s < ASC__PATH; s++)
        assert_true(asc__path_sd[s] > 1.5 * asc__path_sd[s - 1]);
    assert_true(asc__path_sd[0] <= .1 && asc__path_sd[ASC__PATH - 1] >= 100);
}

/* The slopes of ridge regression with the penalty of step s, by Cramer's rule on centred columns. */
static void ridge(double *slope, size_t s, const double *centre)
{
    double mn = 0, mp = 0, my = 0, nn = 0, np = 0, pp = 0, ny = 0, py = 0, k = asc__prior_strength(&d, asc__path_sd[s]);
    for (size_t r = 0; r < R; r++) {
        mn += x.log_n[r] / R;
        mp += x.log_p[r] / R;
        my += y[r] / R;
    }
    for (size_t r = 0; r < R; r++) {
        double a = x.log_n[r] - mn, b = x.log_p[r] - mp, c = y[r] - my;
        nn += a * a;
        np += a * b;
        pp += b * b;
        ny += a * c;
        py += b * c;
    }
    double a = nn + k, b = pp + k + fixed_slope, u = ny + k * centre[0], v = py + (k + fixed_slope) * centre[1];
    double det = a * b - np * np;
    slope[0] = (u * b - v * np) / det;
    slope[1] = (a * v - np * u) / det;
}

static void step__is_ridge_regression_of_its_width(void **state)
{
    double slope[2], zero[2] = {0, 0}, before = 0;
    assert_true(asc__path_begin(&path, &m, &plain, &d, &opts));
    for (size_t s = 0; s < ASC__PATH; s++) {
        asc__lm_result r = asc__path_step(&path, &m, &plain, &d, s, &opts);
        ridge(slope, s, zero);
        assert_true(isfinite(r.cost));
        assert_true(near_to(path.theta[1], slope[0], 1e-7) && near_to(path.theta[2], slope[1], 1e-7));
        assert_true(hypot(path.theta[1], path.theta[2]) >= before - 1e-9); /* further from the centre each time */
        before = hypot(path.theta[1], path.theta[2]);
    }
}

static void step__a_fixed_prior_does_not_fade(void **state)
{
    double slope[2], zero[2] = {0, 0};
    fixed_slope = 5;
    assert_true(asc__path_begin(&path, &m, &plain, &d, &opts));
    for (size_t s = 0; s < ASC__PATH; s++)
        asc__path_step(&path, &m, &plain, &d, s, &opts);
    ridge(slope, ASC__PATH - 1, zero);
    assert_true(near_to(path.theta[2], slope[1], 1e-6));
    assert_true(fabs(path.theta[2]) < .39); /* the data alone would have it near .4 */
}

static void start__the_best_of_several_is_kept(void **state)
{
    n_starts = 4;
    assert_true(asc__path_begin(&path, &m, &plain, &d, &opts));
    asc__path_step(&path, &m, &plain, &d, 0, &opts);
    double slope[2], zero[2] = {0, 0};
    ridge(slope, 0, zero);
    assert_true(near_to(path.theta[1], slope[0], 1e-7));
    double f[R + ASC_LANES]; /* predictions are of the best start, not of the last */
    plane_eval(&x, 0, path.theta, f, NULL, NULL);
    for (size_t r = 0; r < R; r++)
        assert_true(m.f[r] == f[r]);
}

static void start__none_is_no_path(void **state)
{
    n_starts = 0;
    assert_false(asc__path_begin(&path, &m, &plain, &d, &opts));
}

static void centre__comes_from_the_tied_fit(void **state)
{
    assert_true(asc__path_begin(&path, &m, &tied, &d, &opts));
    assert_true(path.centre[1] == path.centre[2] && fabs(path.centre[1]) > .3);
    assert_memory_equal(path.theta, path.centre, P * sizeof(double));
    double slope[2];
    asc__path_step(&path, &m, &tied, &d, 1, &opts);
    ridge(slope, 1, path.centre + 1);
    assert_true(near_to(path.theta[1], slope[0], 1e-6) && near_to(path.theta[2], slope[1], 1e-6));
}

static void centre__of_a_coordinate_with_its_own_prior_stays(void **state)
{
    fixed_slope = 5;
    assert_true(asc__path_begin(&path, &m, &tied, &d, &opts));
    assert_true(path.centre[2] == 0 && path.centre[1] != 0);
}

static void centre__without_groups_is_that_of_the_family(void **state)
{
    tied_groups = 0;
    assert_true(asc__path_begin(&path, &m, &tied, &d, &opts));
    assert_true(path.centre[1] == 0 && path.centre[2] == 0);
}

static void pool__moves_exponents_alone(void **state)
{
    double pool[P] = {7, 8, 9}, sd[P] = {1, 1, .5}, centre[P] = {1, 2, 3}, fixed[P] = {0, 0, 4};
    asc__pool_prior(&d, P, centre, fixed); /* no pool: nothing moves */
    assert_true(centre[2] == 3 && fixed[2] == 4);
    d.pool = pool;
    d.pool_sd = sd;
    asc__pool_prior(&d, P, centre, fixed);
    assert_true(centre[0] == 1 && centre[1] == 2 && centre[2] == 9);
    assert_true(near_to(fixed[2], asc__prior_strength(&d, .5), 1e-12) && fixed[1] == 0);
}

static void path__two_on_one_workspace_do_not_meet(void **state)
{
    asc__path other;
    double alone[P];
    assert_int_equal(asc__path_init(&other, P, NULL), ASC_OK);
    assert_true(asc__path_begin(&path, &m, &plain, &d, &opts));
    for (size_t s = 0; s < 3; s++)
        asc__path_step(&path, &m, &plain, &d, s, &opts);
    memcpy(alone, path.theta, sizeof alone);
    double kept = y[0];
    assert_true(asc__path_begin(&path, &m, &plain, &d, &opts));
    for (size_t s = 0; s < 3; s++) {
        asc__path_step(&path, &m, &plain, &d, s, &opts);
        y[0] = kept + 1; /* the other path sees other losses */
        if (s == 0)
            assert_true(asc__path_begin(&other, &m, &plain, &d, &opts));
        asc__path_step(&other, &m, &plain, &d, s, &opts);
        y[0] = kept;
    }
    assert_memory_equal(path.theta, alone, sizeof alone);
    assert_true(other.theta[0] != path.theta[0]);
    asc__path_clear(&other);
}

#define WITH_PATH(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_PATH(strength__is_the_noise_over_the_width),
        WITH_PATH(widths__grow_to_no_prior_at_all),
        WITH_PATH(step__is_ridge_regression_of_its_width),
        WITH_PATH(step__a_fixed_prior_does_not_fade),
        WITH_PATH(start__the_best_of_several_is_kept),
        WITH_PATH(start__none_is_no_path),
        WITH_PATH(centre__comes_from_the_tied_fit),
        WITH_PATH(centre__of_a_coordinate_with_its_own_prior_stays),
        WITH_PATH(centre__without_groups_is_that_of_the_family),
        WITH_PATH(pool__moves_exponents_alone),
        WITH_PATH(path__two_on_one_workspace_do_not_meet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
