#include "test.h"

#include <math.h>

#include "mix/mix.h"
#include "mix/mix_values.h"

enum { D = 7 };

/* [K24]'s notebook as published. */
static const double a[D] = {2.6658732, 6.6161756, 2.6736028, 2.4631073, 2.5183841, 2.8899579, 3.3191739};
static const double b[D] = {1.2492024, 1.4360012, 1.5362603, 1.8287307, 1.1858722, 1.9536276, 1.9266711};
static const double multipliers[D] = {1.62475352, .2, 1.27415166, 1.17979573, 1.8518998, .63716376, .23223551};

static double value(const double *x)
{
    double sum = 0;
    for (size_t i = 0; i < D; i++)
        sum += pow(x[i] + a[i], -b[i]);
    return sum;
}

static void set(double *p, double x)
{
    for (size_t i = 0; i < D; i++)
        p[i] = x;
}

static void ddo__reproduces_the_published_multipliers(void **state)
{
    double x[D], w0[D], lo[D], hi[D];
    set(w0, 1. / D);
    set(lo, .2 / D);
    set(hi, 1);
    asc_ddo_solve(x, a, b, w0, 1, lo, hi, D);
    for (size_t i = 0; i < D; i++)
        assert_float_equal(x[i], multipliers[i], 2e-6); /* a and b stand there with seven decimals */
}

/* Nothing that satisfies the bounds is better, judged by the function itself. */
static void ddo__no_feasible_change_is_better(void **state)
{
    double x[D], y[D], w0[D], lo[D], hi[D], total = 0;
    asc_rng r;
    asc_rng_init(&r, 7, "test", 0);
    for (size_t i = 0; i < D; i++)
        total += w0[i] = .5 + asc_rng_double(&r);
    for (size_t i = 0; i < D; i++)
        w0[i] /= total;
    set(lo, .04);
    set(hi, .3);
    for (double ratio = .3; ratio < 20; ratio *= 2.3) {
        asc_ddo_solve(x, a, b, w0, ratio, lo, hi, D);
        double spent = 0, best = value(x);
        for (size_t i = 0; i < D; i++) {
            spent += w0[i] * x[i];
            double share = w0[i] * x[i] / ratio;
            assert_true(share > .04 - 1e-12 && share < .3 + 1e-12);
        }
        assert_float_equal(spent / ratio, 1, 1e-13);
        for (int k = 0; k < 20000; k++) {
            memcpy(y, x, sizeof y);
            size_t i = asc_rng_below(&r, D), j = asc_rng_below(&r, D);
            double move = asc_rng_double(&r) * pow(10, -6 * asc_rng_double(&r)) * ratio * .2;
            y[i] -= move / w0[i];
            y[j] += move / w0[j];
            if (i == j || w0[i] * y[i] / ratio < .04 || w0[j] * y[j] / ratio > .3)
                continue;
            assert_true(value(y) >= best - 1e-15);
        }
    }
}

static void ddo__poles_below_zero_are_survived(void **state)
{
    const double aa[2] = {-.2, .5}, bb[2] = {.5, 2}, w0[2] = {.5, .5}, lo[2] = {0, 0}, hi[2] = {1, 1};
    double x[2];
    asc_ddo_solve(x, aa, bb, w0, 1, lo, hi, 2);
    assert_true(x[0] > .2 && isfinite(x[1]));
    assert_float_equal(.5 * x[0] + .5 * x[1], 1, 1e-12);
}

enum { THREE = 3 };

/* The law of a star of three domains, the base twice, with these arms: d0 x 1/3, d0 x 3, d1 x 1/3 and so on. */
static asc_law_set fit_star(const bool *arms, double effect)
{
    asc_runs t;
    size_t n = 2, r = 0;
    for (size_t k = 0; k < 2 * THREE; k++)
        n += arms[k];
    assert_int_equal(asc_runs_init(&t, n, THREE, 1, NULL), ASC_OK);
    t.n_groups = n;
    t.targets[0] = asc_strdup("t");
    for (size_t i = 0; i < THREE; i++)
        t.domains[i] = asc_strf("d%d", (int)i);
    for (size_t k = 0; k < 2 + 2 * THREE; k++) {
        if (k >= 2 && !arms[k - 2])
            continue;
        t.group[r] = r;
        t.params[r] = NAN;
        t.total[r] = 0;
        t.loss[r] = 2 + (k == 1 ? .002 : 0);
        for (size_t i = 0; i < THREE; i++) {
            double x = k >= 2 && (k - 2) / 2 == i ? (k % 2 ? 3 : 1. / 3) : 1;
            t.tokens[r * THREE + i] = 1e8 * x;
            t.total[r] += 1e8 * x;
            t.loss[r] += (i == 0 ? .4 : effect) * (pow(x + .2, -.5) - pow(1.2, -.5));
        }
        r++;
    }
    asc_law_opts lo;
    asc_law_set s;
    asc_law_opts_init(&lo);
    lo.law = "ddo";
    lo.noise = .002;
    assert_int_equal(asc_law_fit(&s, &t, &lo, NULL), ASC_OK);
    asc_runs_clear(&t);
    return s;
}

static asc_mix_result optimum_of(const asc_law_set *s)
{
    asc_mix_opts o;
    asc_mix_result r;
    asc_mix_opts_init(&o);
    o.n_tokens = 300000000;
    assert_int_equal(asc_mix_optimum(&r, s, &o, NULL), ASC_OK);
    return r;
}

/* Nothing tells what a domain is worth whose axis has no points: it stays, its interval and value are not known, and
 * what is said of the others does not come from it. */
static void ddo__an_axis_without_points_stays_at_the_base(void **state)
{
    asc_law_set s = fit_star((bool[]){1, 1, 1, 1, 0, 0}, .1);
    asc_mix_result r = optimum_of(&s);
    assert_float_equal(r.weights[2], 1. / 3, 1e-9);
    assert_true(isnan(r.w_lo[2]) && isnan(r.w_hi[2]));
    assert_true(r.w_lo[0] < r.w_hi[0] && r.weights[0] > r.weights[1]);
    asc_mix_result_clear(&r);
    asc_values v;
    asc_values_opts o = {.n_tokens = NAN, .params = NAN, .n_threads = 1};
    assert_int_equal(asc_values_of(&v, &s, &o, NULL), ASC_OK);
    const asc_difference *point = v.per_point + 1, *token = v.per_token + 1; /* column of the objective: every second */
    assert_true(isnan(point[2 * 2].value) && isnan(token[2 * 2].value) && isnan(point[2 * 2].p_better));
    assert_true(point[0].value < 0 && point[2].value > 0);
    assert_float_equal(point[0].value, -point[2].value, .1 * point[2].value); /* the two take from each other alone */
    asc_values_clear(&v);
    asc_law_set_clear(&s);
}

/* With one arm of great effect a domain is undetermined and held near the base; where its best share lies the draws say
 * by themselves, beyond that too. */
static void ddo__an_undetermined_share_has_an_interval_of_the_draws(void **state)
{
    asc_law_set s = fit_star((bool[]){1, 1, 0, 1, 1, 1}, 2);
    asc_mix_result r = optimum_of(&s);
    assert_true(s.laws->undetermined[1] && r.bound[1] == ASC_AT_TRUST);
    assert_float_equal(r.weights[1], 1.25 / 3, 1e-6);
    assert_true(r.w_lo[1] <= r.weights[1] && r.w_hi[1] > r.weights[1] + .01);
    asc_mix_result_clear(&r);
    asc_law_set_clear(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ddo__an_axis_without_points_stays_at_the_base),
        cmocka_unit_test(ddo__an_undetermined_share_has_an_interval_of_the_draws),
        cmocka_unit_test(ddo__reproduces_the_published_multipliers),
        cmocka_unit_test(ddo__no_feasible_change_is_better),
        cmocka_unit_test(ddo__poles_below_zero_are_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
