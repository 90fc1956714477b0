/* Bounded least squares with a prior, on problems whose answer is known in closed form. */
#include "test.h"

#include "law_made.h"

enum { R = 12, P = 3 };

static const asc__family plane = {.name = "plane", .n_params = plane_params, .eval = plane_eval};
static asc_runs runs;
static asc__features x;
static asc__lm m;
static double y[R + ASC_LANES], weight[R + ASC_LANES];
static asc__data d;

static int set_up(void **state)
{
    runs = made_runs(R, 2, 1, true, true, 7);
    x = made_features(&runs, true, true);
    assert_int_equal(asc__lm_init(&m, P, x.ld, 2, NULL), ASC_OK);
    for (size_t j = 0; j < P; j++) {
        m.lo[j] = -INFINITY;
        m.hi[j] = INFINITY;
    }
    memset(y, 0, sizeof y);
    memset(weight, 0, sizeof weight);
    for (size_t r = 0; r < R; r++) {
        weight[r] = 1;
        y[r] = 1 + 2 * x.log_n[r] - .5 * x.log_p[r];
    }
    d = (asc__data){.x = &x, .y = y, .weight = weight, .own = ASC_NONE};
    return 0;
}

static int tear_down(void **state)
{
    asc__lm_clear(&m);
    asc__features_clear(&x);
    asc_runs_clear(&runs);
    return 0;
}

static asc__lm_result solve(double *theta, double lambda, double huber)
{
    asc__lm_opts o = {.lambda = lambda, .huber = huber, .max_iter = 200, .tol = 1e-15};
    asc__data_stats(&d);
    return asc__lm_solve(&m, &plane, &d, theta, &o);
}

/* Cost of theta by the definition. */
static double cost_at(const double *theta, double lambda)
{
    double f[R + ASC_LANES], cost = 0;
    plane_eval(&x, 0, theta, f, NULL, NULL);
    for (size_t r = 0; r < R; r++)
        cost += weight[r] * (y[r] - f[r]) * (y[r] - f[r]);
    for (size_t j = 0; j < P; j++)
        cost += (lambda * m.strength[j] + m.fixed[j]) * (theta[j] - m.centre[j]) * (theta[j] - m.centre[j]);
    return cost;
}

static void lm__solves_a_plane_exactly(void **state)
{
    double theta[P] = {9, -3, 4};
    asc__lm_result r = solve(theta, 0, 0);
    assert_true(r.converged && r.cost < 1e-18 && r.n_iter > 0);
    assert_true(near_to(theta[0], 1, 1e-9) && near_to(theta[1], 2, 1e-9) && near_to(theta[2], -.5, 1e-9));
    for (size_t k = 0; k < R; k++) /* f(theta) at the end */
        assert_true(near_to(m.f[k], y[k], 1e-9));
}

static void lm__the_answer_does_not_depend_on_the_start(void **state)
{
    double first[P] = {0, 0, 0};
    for (size_t r = 0; r < R; r++)
        y[r] += .1 * sin((double)r);
    solve(first, 0, 0);
    for (int k = 0; k < 5; k++) {
        double theta[P] = {cos(k) * 10, sin(k) * 10, k};
        solve(theta, 0, 0);
        for (size_t j = 0; j < P; j++)
            assert_true(near_to(theta[j], first[j], 1e-7));
    }
}

static void lm__rows_without_weight_do_not_count(void **state)
{
    double theta[P] = {0};
    y[3] = 1e6;
    weight[3] = 0;
    solve(theta, 0, 0);
    assert_true(near_to(theta[0], 1, 1e-9) && near_to(theta[1], 2, 1e-9));
}

static void lm__a_row_of_weight_two_is_two_rows(void **state)
{
    double once[P] = {0}, twice[P] = {0};
    for (size_t r = 0; r < R; r++)
        y[r] += .3 * cos(5. * (double)r);
    for (size_t k = 0; k < 2; k++) { /* the last row as a copy of the first */
        runs.tokens[(R - 1) * 2 + k] = runs.tokens[k];
    }
    runs.params[R - 1] = runs.params[0];
    asc__features_fill(&x, runs.tokens, runs.params, 1, R);
    y[R - 1] = y[0];
    solve(twice, 0, 0);
    weight[R - 1] = 0;
    weight[0] = 2;
    solve(once, 0, 0);
    for (size_t j = 0; j < P; j++)
        assert_true(near_to(once[j], twice[j], 1e-8));
}

/* Only the constant is free: theta = (sum w y + s c) / (sum w + s). */
static void lm__a_prior_pulls_as_much_as_it_weighs(void **state)
{
    static const struct {
        double lambda, strength, fixed, centre;
    } cases[] = {{1, 4, 0, 3}, {.5, 4, 0, -2}, {0, 4, 6, 10}, {2, 1, 3, 0}, {0, 0, 0, 5}};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        double theta[P] = {0}, sum = 0, s = cases[k].lambda * cases[k].strength + cases[k].fixed;
        for (size_t r = 0; r < R; r++)
            sum += y[r];
        m.lo[1] = m.hi[1] = m.lo[2] = m.hi[2] = 0;
        m.centre[0] = cases[k].centre;
        m.strength[0] = cases[k].strength;
        m.fixed[0] = cases[k].fixed;
        asc__lm_result r = solve(theta, cases[k].lambda, 0);
        assert_true(near_to(theta[0], (sum + s * cases[k].centre) / (R + s), 1e-10));
        assert_true(theta[1] == 0 && theta[2] == 0);
        assert_true(near_to(r.cost, cost_at(theta, cases[k].lambda), 1e-12));
        double pull = s * (theta[0] - cases[k].centre) * (theta[0] - cases[k].centre);
        assert_true(near_to(r.cost - r.data_cost, pull, 1e-12));
    }
}

static void lm__bounds_hold_and_the_rest_is_optimal_given_them(void **state)
{
    for (int side = 0; side < 2; side++) {
        double theta[P] = {0, 1, 0}, best = INFINITY, trial[P];
        m.lo[1] = side ? 2.5 : -INFINITY; /* the free optimum is 2 */
        m.hi[1] = side ? INFINITY : 1.5;
        solve(theta, 0, 0);
        assert_true(theta[1] == (side ? 2.5 : 1.5));
        for (int k = 0; k < 400; k++) { /* no other point of the face is better */
            trial[0] = theta[0] + .01 * sin(k);
            trial[1] = theta[1];
            trial[2] = theta[2] + .01 * cos(1.7 * k);
            best = fmin(best, cost_at(trial, 0));
        }
        assert_true(cost_at(theta, 0) <= best);
    }
}

static void lm__a_start_outside_the_bounds_is_moved_inside(void **state)
{
    double theta[P] = {100, 100, 100};
    for (size_t j = 0; j < P; j++) {
        m.lo[j] = -1;
        m.hi[j] = 3;
    }
    solve(theta, 0, 0);
    assert_true(near_to(theta[0], 1, 1e-8) && near_to(theta[1], 2, 1e-8) && near_to(theta[2], -.5, 1e-8));
}

/* R - 1 rows at 0 and one far off: the sum of clipped residuals is 0 at threshold / (R - 1). */
static void lm__huber_holds_an_outlier_to_its_threshold(void **state)
{
    double theta[P] = {.5, 0, 0}, plain[P] = {.5, 0, 0};
    m.lo[1] = m.hi[1] = m.lo[2] = m.hi[2] = 0;
    for (size_t r = 0; r < R; r++)
        y[r] = r == 5 ? 100 : 0;
    solve(theta, 0, .2);
    assert_true(near_to(theta[0], .2 / (R - 1), 1e-6));
    solve(plain, 0, 0);
    assert_true(near_to(plain[0], 100. / R, 1e-9));
}

static void lm__tied_coordinates_move_together(void **state)
{
    asc__lm_opts o = {.max_iter = 200, .tol = 1e-15};
    double theta[P] = {5, 1, 3}, num = 0, den = 0, mean_z = 0, mean_y = 0;
    m.tie[0] = 0;
    m.tie[1] = m.tie[2] = 1;
    asc__data_stats(&d);
    asc__lm_result r = asc__lm_solve_tied(&m, &plane, &d, theta, 2, &o);
    for (size_t k = 0; k < R; k++) { /* the regression on log N + log P */
        mean_z += (x.log_n[k] + x.log_p[k]) / R;
        mean_y += y[k] / R;
    }
    for (size_t k = 0; k < R; k++) {
        double z = x.log_n[k] + x.log_p[k] - mean_z;
        num += z * (y[k] - mean_y);
        den += z * z;
    }
    assert_true(r.converged && theta[1] == theta[2]);
    assert_true(near_to(theta[1], num / den, 1e-8));
    assert_true(near_to(theta[0], mean_y - num / den * mean_z, 1e-8));
}

static void lm__a_group_keeps_the_tightest_of_its_bounds(void **state)
{
    asc__lm_opts o = {.max_iter = 200, .tol = 1e-15};
    double theta[P] = {0, 0, 0};
    m.tie[0] = 0;
    m.tie[1] = m.tie[2] = 1;
    m.hi[1] = .4;
    m.hi[2] = .1;
    m.lo[2] = -.2;
    asc__data_stats(&d);
    asc__lm_solve_tied(&m, &plane, &d, theta, 2, &o);
    assert_true(theta[1] == theta[2] && theta[1] >= -.2 && theta[1] <= .1);
}

static void lm__freedom_counts_what_the_data_decide(void **state)
{
    asc__lm_opts o = {.lambda = 1};
    double theta[P] = {1, 2, -.5};
    asc__data_stats(&d);
    assert_true(near_to(asc__lm_freedom(&m, &plane, &d, theta, &o), 3, 1e-6));
    m.lo[1] = m.hi[1] = 2; /* held at its bound, pushed against it */
    m.lo[2] = m.hi[2] = -.5;
    for (size_t r = 0; r < R; r++)
        y[r] += .2 * x.log_n[r] + .2 * x.log_p[r];
    m.strength[0] = 4; /* the constant alone: n / (n + s) */
    double freedom = asc__lm_freedom(&m, &plane, &d, theta, &o);
    assert_true(near_to(freedom, R / (R + 4.), 1e-6));
}

static void lm__stops_at_its_limit_of_steps(void **state)
{
    double theta[P] = {50, 50, 50};
    asc__lm_opts o = {.max_iter = 1, .tol = 0};
    asc__data_stats(&d);
    asc__lm_result r = asc__lm_solve(&m, &plane, &d, theta, &o);
    assert_int_equal(r.n_iter, 1);
    double one = r.cost;
    o.max_iter = 6;
    r = asc__lm_solve(&m, &plane, &d, theta, &o);
    assert_true(r.cost <= one);
}

static void nowhere(const asc__features *f_x, size_t own, const double *theta, double *f, double *J, double *scratch)
{
    for (size_t r = 0; r < f_x->ld; r++)
        f[r] = NAN;
}

static void lm__a_law_that_cannot_be_evaluated_has_no_cost(void **state)
{
    static const asc__family bad = {.name = "bad", .n_params = plane_params, .eval = nowhere};
    double theta[P] = {1, 1, 1};
    asc__lm_opts o = {.max_iter = 5, .tol = 1e-9};
    asc__data_stats(&d);
    asc__lm_result r = asc__lm_solve(&m, &bad, &d, theta, &o);
    assert_true(isinf(r.cost) && isinf(r.data_cost) && !r.converged && r.n_iter == 0);
}

/* exp(a + b log N): a curve, from a start that a plain Gauss-Newton step overshoots. */
static size_t curve_params(size_t D, bool tokens, bool params)
{
    return 2;
}
static void curve_eval(const asc__features *f_x, size_t own, const double *theta, double *f, double *J, double *scratch)
{
    for (size_t r = 0; r < f_x->ld; r++) {
        f[r] = exp(fmin(theta[0] + theta[1] * f_x->log_n[r], 300));
        if (J) {
            J[r] = f[r];
            J[f_x->ld + r] = f[r] * f_x->log_n[r];
        }
    }
}

static void lm__damping_carries_a_curve_home(void **state)
{
    static const asc__family curve = {.name = "curve", .n_params = curve_params, .eval = curve_eval};
    asc__lm_opts o = {.max_iter = 300, .tol = 1e-15};
    for (int k = 0; k < 6; k++) {
        double theta[2] = {-5 + 2. * k, 4 - k}, a = .3, b = -1.2 + .4 * k;
        for (size_t r = 0; r < R; r++)
            y[r] = exp(a + b * x.log_n[r]);
        asc__data_stats(&d);
        asc__lm_result r = asc__lm_solve(&m, &curve, &d, theta, &o);
        if (!(r.cost < 1e-12 && near_to(theta[0], a, 1e-6) && near_to(theta[1], b, 1e-6)))
            fail_msg("start %d: cost %g at %g %g, expected %g %g", k, r.cost, theta[0], theta[1], a, b);
    }
}

static void lm__without_memory_says_so(void **state)
{
    asc__lm none;
    for (uint64_t n = 1; n <= 3; n++) {
        asc_fault_arm(ASC_FAULT_ALLOC, n);
        asc_status s = asc__lm_init(&none, P, 16, 2, NULL);
        asc_fault_arm(ASC_FAULT_ALLOC, 0);
        assert_int_equal(s, ASC_ENOMEM);
        assert_null(none.memory);
    }
}

#define WITH_LM(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_LM(lm__solves_a_plane_exactly),
        WITH_LM(lm__the_answer_does_not_depend_on_the_start),
        WITH_LM(lm__rows_without_weight_do_not_count),
        WITH_LM(lm__a_row_of_weight_two_is_two_rows),
        WITH_LM(lm__a_prior_pulls_as_much_as_it_weighs),
        WITH_LM(lm__bounds_hold_and_the_rest_is_optimal_given_them),
        WITH_LM(lm__a_start_outside_the_bounds_is_moved_inside),
        WITH_LM(lm__huber_holds_an_outlier_to_its_threshold),
        WITH_LM(lm__tied_coordinates_move_together),
        WITH_LM(lm__a_group_keeps_the_tightest_of_its_bounds),
        WITH_LM(lm__freedom_counts_what_the_data_decide),
        WITH_LM(lm__stops_at_its_limit_of_steps),
        WITH_LM(lm__a_law_that_cannot_be_evaluated_has_no_cost),
        WITH_LM(lm__damping_carries_a_curve_home),
        WITH_LM(lm__without_memory_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
