/* Draws of parameters on laws whose posterior is known: a constant is a mean, and its draws are those of a mean. */
#include "test.h"

#include "law_made.h"

enum { D = 2, R = 40, K = 300 };

static asc_runs runs;
static asc_law_opts o;

/* Losses E plus noise; the same noise on every target where `common`. */
static void make(size_t V, double noise, bool common)
{
    asc_rng rng;
    runs = made_runs(R, D, V, false, false, 3);
    o = made_opts("constant");
    o.n_bootstrap = K;
    for (size_t v = 0; v < V; v++) {
        asc_rng_init(&rng, 4, "test losses", common ? 0 : v);
        for (size_t r = 0; r < R; r++)
            runs.loss[r * V + v] = 2 + (double)v + noise * asc_rng_normal(&rng);
    }
}

static asc_law_set fit(void)
{
    asc_law_set s;
    asc_error err = {0};
    if (asc_law_fit(&s, &runs, &o, &err) != ASC_OK)
        fail_msg("%s", err.msg);
    return s;
}

static void moments(const asc_law *l, double *mean, double *sd)
{
    *mean = *sd = 0;
    for (size_t k = 0; k < l->n_draws; k++)
        *mean += l->draws[k] / (double)l->n_draws;
    for (size_t k = 0; k < l->n_draws; k++)
        *sd += pow(l->draws[k] - *mean, 2) / (double)(l->n_draws - 1);
    *sd = sqrt(*sd);
}

static void draws__of_a_mean_have_its_standard_error(void **state)
{
    static const double noise[] = {.01, .1, .4};
    for (size_t k = 0; k < 3; k++) {
        make(1, noise[k], false);
        asc_law_set s = fit();
        double mean, sd, first = 0, squares = 0;
        for (size_t r = 0; r < R; r++)
            first += runs.loss[r] / R;
        for (size_t r = 0; r < R; r++)
            squares += pow(runs.loss[r] - first, 2) / (R - 1);
        moments(&s.laws[0], &mean, &sd);
        assert_int_equal(s.laws[0].n_draws, K);
        assert_true(near_to(s.laws[0].params[0], first, 1e-6));
        assert_true(fabs(mean - first) < 4 * sd / sqrt(K));
        double want = sqrt(1.2 * squares / R); /* with what a choice adds */
        if (!(sd > .8 * want && sd < 1.25 * want))
            fail_msg("noise %g: sd of the draws %g, of the mean %g", noise[k], sd, want);
        asc_law_set_clear(&s);
        asc_runs_clear(&runs);
    }
}

static void draws__follow_the_noise_that_the_user_gives(void **state)
{
    double mean, sd;
    make(1, .1, false);
    o.noise = .3;
    asc_law_set s = fit();
    moments(&s.laws[0], &mean, &sd);
    double want = sqrt(1.2 * .09 / R);
    assert_true(sd > .8 * want && sd < 1.25 * want);
    asc_law_set_clear(&s);
    asc_runs_clear(&runs);
}

static void draws__do_not_depend_on_how_many_there_are(void **state)
{
    make(1, .1, false);
    asc_law_set many = fit();
    o.n_bootstrap = 7;
    asc_law_set few = fit();
    assert_int_equal(few.laws[0].n_draws, 7);
    assert_memory_equal(few.laws[0].draws, many.laws[0].draws, 7 * sizeof(double));
    o.seed = 1;
    asc_law_set other = fit();
    assert_true(other.laws[0].draws[0] != few.laws[0].draws[0]);
    asc_law_set_clear(&many);
    asc_law_set_clear(&few);
    asc_law_set_clear(&other);
    asc_runs_clear(&runs);
}

static void draws__are_kept_as_floats(void **state)
{
    make(1, .1, false);
    asc_law_set s = fit();
    for (size_t k = 0; k < K; k++)
        assert_true(s.laws[0].draws[k] == (double)(float)s.laws[0].draws[k]);
    assert_false(asc_law_draws_exact(&s.laws[0]));
    asc_law_set_clear(&s);
    asc_runs_clear(&runs);
}

/* One world for all targets: noise that their residuals share is shared by the draws. */
static void worlds__share_what_the_targets_share(void **state)
{
    for (int common = 0; common < 2; common++) {
        double a[K], b[K];
        make(4, .1, common);
        asc_law_set s = fit();
        for (size_t k = 0; k < K; k++) {
            a[k] = s.laws[0].draws[k];
            b[k] = s.laws[3].draws[k];
        }
        double r = asc_pearson(a, b, K);
        if (!(common ? r > .9 : fabs(r) < .3))
            fail_msg("targets %s: correlation of the draws %g", common ? "alike" : "apart", r);
        asc_law_set_clear(&s);
        asc_runs_clear(&runs);
    }
}

/* Checkpoints of a mixture err together: their number does not make a mean surer. */
static void worlds__share_what_the_rows_of_a_run_share(void **state)
{
    double mean, sd[2];
    for (int whole = 0; whole < 2; whole++) {
        make(1, .1, false);
        runs.n_groups = R / 4;
        for (size_t r = 0; r < R; r++) {
            runs.group[r] = r / 4;
            runs.loss[r] = whole ? runs.loss[r / 4 * 4] : runs.loss[r];
        }
        asc_law_set s = fit();
        moments(&s.laws[0], &mean, &sd[whole]);
        asc_law_set_clear(&s);
        asc_runs_clear(&runs);
    }
    assert_true(sd[1] > 1.5 * sd[0]); /* twice, were it known exactly */
}

static void draws__none_are_made_where_none_are_asked_for(void **state)
{
    make(1, .1, false);
    o.n_bootstrap = 0;
    asc_law_set s = fit();
    assert_true(s.laws[0].n_draws == 0 && s.laws[0].draws == NULL);
    asc_law_set_clear(&s);
    asc_runs_clear(&runs);
}

/* ---- the two roots of an axis ---- */

static double curve(const double *r, double x)
{
    return pow(x + r[0], -r[1]) + r[2];
}

static void roots__pass_through_their_points(void **state)
{
    asc_rng rng;
    size_t found = 0;
    asc_rng_init(&rng, 5, "test roots", 0);
    for (int k = 0; k < 400; k++) {
        double x[3] = {1. / 3, 1, 3}, y[3], root[2][3];
        double truth[3] = {.05 + 2 * asc_rng_double(&rng), .1 + 3 * asc_rng_double(&rng), asc_rng_double(&rng)};
        for (int i = 0; i < 3; i++)
            y[i] = curve(truth, x[i]);
        int n = asc_ddo_roots(root, x, y);
        assert_true(n >= 1);
        bool same = false;
        for (int j = 0; j < n; j++) {
            for (int i = 0; i < 3; i++)
                if (!(fabs(curve(root[j], x[i]) - y[i]) < 1e-8))
                    fail_msg("a %g b %g: root %d misses point %d by %g", truth[0], truth[1], j, i,
                             curve(root[j], x[i]) - y[i]);
            assert_true(root[j][0] > -x[0] && root[j][1] > 0);
            same |= fabs(root[j][0] - truth[0]) < 1e-4 && fabs(root[j][1] - truth[1]) < 1e-4;
        }
        assert_true(n < 2 || root[0][1] > root[1][1]); /* the larger b first */
        found += same;
    }
    assert_true(found > 390); /* where both lie close together, either may stand for the truth */
}

static void roots__need_points_that_fall_and_bend(void **state)
{
    static const double x[3] = {1. / 3, 1, 3},
                        bad[][3] = {{1, 1.1, 1.05},   {1.2, 1, 1},  {1.2, 1, 1.1}, {1.2, 1.1, .5},
                                    {1.2, 1, 1 - .6}, {NAN, 1, .9}, {1.2, NAN, .9}};
    double root[2][3];
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++)
        assert_int_equal(asc_ddo_roots(root, x, bad[k]), 0);
    assert_int_equal(asc_ddo_roots(root, (double[]){1, 1, 3}, (double[]){1.2, 1, .9}), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(draws__of_a_mean_have_its_standard_error),
        cmocka_unit_test(draws__follow_the_noise_that_the_user_gives),
        cmocka_unit_test(draws__do_not_depend_on_how_many_there_are),
        cmocka_unit_test(draws__are_kept_as_floats),
        cmocka_unit_test(worlds__share_what_the_targets_share),
        cmocka_unit_test(worlds__share_what_the_rows_of_a_run_share),
        cmocka_unit_test(draws__none_are_made_where_none_are_asked_for),
        cmocka_unit_test(roots__pass_through_their_points),
        cmocka_unit_test(roots__need_points_that_fall_and_bend),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
