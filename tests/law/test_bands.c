/* Figures of fitted and held-out predictions from hand-made rows, and the bands that are calibrated on them. */
#include "test.h"

#include "law_made.h"

enum { D = 2, R = 40 };

static asc_runs runs;
static asc__prep p;
static double y[R + ASC_LANES], f[R + ASC_LANES], weight[R + ASC_LANES];
static asc_law l;

static int set_up(void **state)
{
    static const double E[] = {2};
    asc_law_opts o = made_opts("constant");
    runs = made_runs(R, D, 1, false, false, 2);
    for (size_t r = 0; r < R; r++) {
        y[r] = runs.loss[r] = 2 + .1 * (double)(r % 7);
        f[r] = y[r];
        weight[r] = 1;
    }
    assert_int_equal(asc__prep_init(&p, &runs, &o, NULL), ASC_OK);
    l = made_law("constant", D, false, false, E);
    return 0;
}

static int tear_down(void **state)
{
    asc_law_clear(&l);
    asc__prep_clear(&p);
    asc_runs_clear(&runs);
    return 0;
}

static void fit__a_perfect_law_has_no_error(void **state)
{
    asc_law_stats s = {0};
    asc__fit_stats(&s, &p, f, y, weight);
    assert_int_equal(s.n_rows, R);
    assert_true(s.r2 == 1 && s.mre == 0 && s.noise == 0 && near_to(s.spearman, 1, 1e-12));
}

static void fit__figures_are_those_of_their_definitions(void **state)
{
    asc_law_stats s = {0};
    double mean = 0, total = 0, left = 0, mre = 0, n = 0;
    weight[4] = 0;
    f[4] = 1e9;
    for (size_t r = 0; r < R; r++) {
        f[r] += r == 4 ? 0 : .02 * sin((double)r);
        if (r == 4)
            continue;
        mean += y[r];
        n++;
    }
    mean /= n;
    for (size_t r = 0; r < R; r++)
        if (r != 4) {
            total += (y[r] - mean) * (y[r] - mean);
            left += (y[r] - f[r]) * (y[r] - f[r]);
            mre += fabs(y[r] - f[r]) / y[r] / n;
        }
    asc__fit_stats(&s, &p, f, y, weight);
    assert_int_equal(s.n_rows, R - 1);
    assert_true(near_to(s.r2, 1 - left / total, 1e-12) && near_to(s.mre, mre, 1e-12));
    assert_true(near_to(s.noise, sqrt(left / n), 1e-12));
}

static void fit__of_equal_losses_there_is_no_r2(void **state)
{
    asc_law_stats s = {0};
    for (size_t r = 0; r < R; r++)
        y[r] = f[r] = 3;
    asc__fit_stats(&s, &p, f, y, weight);
    assert_true(isnan(s.r2));
    assert_true(s.mre == 0);
    assert_true(isnan(s.spearman));
    memset(weight, 0, sizeof weight);
    asc__fit_stats(&s, &p, f, y, weight);
    assert_true(s.n_rows == 0 && isnan(s.mre) && isnan(s.noise));
}

static void held__errors_are_means_over_rows_and_their_sd_over_folds(void **state)
{
    asc_law_stats s = {0};
    double sum = 0, squares = 0, fold[5] = {0}, size[5] = {0}, mean = 0, m2 = 0;
    for (size_t r = 0; r < R; r++) {
        f[r] = y[r] * (1 + .01 * (1 + p.fold[r])); /* each fold has an error of its own */
        sum += fabs(f[r] - y[r]) / y[r];
        squares += (f[r] - y[r]) * (f[r] - y[r]);
        fold[p.fold[r]] += .01 * (1 + p.fold[r]);
        size[p.fold[r]]++;
    }
    for (int k = 0; k < 5; k++)
        mean += fold[k] / size[k] / 5;
    for (int k = 0; k < 5; k++)
        m2 += pow(fold[k] / size[k] - mean, 2);
    asc__cv_stats(&s, &p, f, y, weight);
    assert_true(near_to(s.cv_mre, sum / R, 1e-10) && near_to(s.cv_mse, squares / R, 1e-10));
    assert_true(near_to(s.cv_mre_sd, sqrt(m2 / 4 / 5), 1e-10));
}

static void held__rows_without_a_prediction_are_left_out(void **state)
{
    asc_law_stats s = {0};
    for (size_t r = 0; r < R; r++)
        f[r] = p.fold[r] == 2 ? NAN : y[r] * 1.02;
    asc__cv_stats(&s, &p, f, y, weight);
    assert_true(near_to(s.cv_mre, .02, 1e-10) && near_to(s.cv_mre_sd, 0, 1e-10));
    for (size_t r = 0; r < R; r++)
        f[r] = NAN;
    asc__cv_stats(&s, &p, f, y, weight);
    assert_true(isnan(s.cv_mre) && isnan(s.cv_mse) && isnan(s.cv_mre_sd) && isnan(s.cv_spearman));
}

/* Held-out residuals 1 .. R hundredths: bands are order statistics over the noise. */
static void bands__are_quantiles_of_held_out_residuals(void **state)
{
    for (size_t r = 0; r < R; r++)
        f[r] = y[r] + .01 * (double)(r + 1) * (r % 2 ? 1 : -1);
    l.stats.noise = .05;
    assert_int_equal(asc__law_calibrate(&l, &p, f, y, weight, NULL), ASC_OK);
    double noise = 1.2533 * .01 * (R + 1) / 2;
    assert_true(near_to(l.stats.noise, noise, 1e-9));
    for (int q = 0; q < ASC_LAW_BANDS; q++) {
        double rank = ceil(asc_law_band_level[q] * (R + 1) - 1e-9); /* one more unit counts as beyond them all */
        assert_true(near_to(l.band[q] * noise, .01 * rank, 1e-9));
    }
}

static void bands__a_row_of_little_trust_counts_by_its_root(void **state)
{
    double whole;
    for (size_t r = 0; r < R; r++)
        f[r] = y[r] + .01 * (double)(r + 1);
    assert_int_equal(asc__law_calibrate(&l, &p, f, y, weight, NULL), ASC_OK);
    whole = l.band[1] * l.stats.noise;
    for (size_t r = R - 4; r < R; r++)
        weight[r] = .01; /* the four worst runs were noisy: their residuals are no measure */
    assert_int_equal(asc__law_calibrate(&l, &p, f, y, weight, NULL), ASC_OK);
    assert_true(l.band[1] * l.stats.noise < whole);
    assert_true(l.band[1] * l.stats.noise > .01 * .8 * R * .9);
}

static void bands__of_few_residuals_are_none(void **state)
{
    for (size_t r = 0; r < R; r++)
        f[r] = r < 4 ? y[r] + .01 : NAN;
    l.stats.noise = .3;
    assert_int_equal(asc__law_calibrate(&l, &p, f, y, weight, NULL), ASC_OK);
    for (int q = 0; q < ASC_LAW_BANDS; q++)
        assert_true(isnan(l.band[q]));
    for (size_t r = 0; r < R; r++)
        f[r] = NAN;
    l.stats.noise = .3;
    assert_int_equal(asc__law_calibrate(&l, &p, f, y, weight, NULL), ASC_OK);
    assert_true(l.stats.noise == .3); /* nothing held out: what the fit itself left */
    assert_true(l.n_held == 0 && l.held == NULL);
}

static void bands__noise_is_never_below_half_of_the_fits_own(void **state)
{
    l.stats.noise = .2;
    for (size_t r = 0; r < R; r++)
        f[r] = y[r] + 1e-6;
    assert_int_equal(asc__law_calibrate(&l, &p, f, y, weight, NULL), ASC_OK);
    assert_true(near_to(l.stats.noise, .1, 1e-9));
}

static void held__pairs_are_kept_for_pictures(void **state)
{
    for (size_t r = 0; r < R; r++)
        f[r] = r % 10 == 3 ? NAN : y[r] + .01;
    assert_int_equal(asc__law_calibrate(&l, &p, f, y, weight, NULL), ASC_OK);
    assert_int_equal(l.n_held, R - R / 10);
    for (size_t k = 0; k < l.n_held; k++)
        assert_true(fabs(l.held[2 * k + 1] - l.held[2 * k] - .01) < 1e-6);
}

static void held__of_many_rows_some_are_kept_evenly(void **state)
{
    enum { MANY = 1500 };
    asc_law_opts o = made_opts("constant");
    asc_runs big = made_runs(MANY, D, 1, false, false, 4);
    asc__prep q;
    double *rows = asc_calloc(3 * (MANY + ASC_LANES), sizeof *rows), *a = rows + MANY + ASC_LANES,
           *w = a + MANY + ASC_LANES;
    for (size_t r = 0; r < MANY; r++) {
        big.loss[r] = a[r] = 1 + (double)r / MANY;
        rows[r] = a[r] + .001;
        w[r] = 1;
    }
    assert_int_equal(asc__prep_init(&q, &big, &o, NULL), ASC_OK);
    assert_int_equal(asc__law_calibrate(&l, &q, rows, a, w, NULL), ASC_OK);
    assert_int_equal(l.n_held, ASC_LAW_HELD);
    for (size_t k = 1; k < l.n_held; k++) { /* in order, and no gap much wider than the mean one */
        double gap = l.held[2 * k] - l.held[2 * (k - 1)];
        assert_true(gap > 0 && gap < 2.5 / ASC_LAW_HELD);
    }
    asc_free(rows);
    asc__prep_clear(&q);
    asc_runs_clear(&big);
}

/* Factors of three targets and more move towards their median by what sampling explains. */
static void steady__bands_of_targets_that_agree_become_one(void **state)
{
    asc_law laws[4];
    asc__prep four = p;
    four.n_targets = 4;
    for (int pass = 0; pass < 2; pass++) {
        for (size_t v = 0; v < 4; v++) {
            laws[v] = l;
            laws[v].stats.n_rows = pass ? 100000 : 40;
            for (int q = 0; q < ASC_LAW_BANDS; q++)
                laws[v].band[q] = 1.6 * exp(.08 * ((double)v - 1.5));
        }
        assert_int_equal(asc__steady_bands(laws, &four, NULL), ASC_OK);
        double spread = laws[3].band[1] / laws[0].band[1];
        assert_true(pass ? spread > 1.2 : spread < 1.001); /* many rows: the spread is real and stays */
        assert_true(near_to(sqrt(laws[1].band[1] * laws[2].band[1]), 1.6, 1e-6));
    }
}

static void steady__two_targets_are_left_as_they_are(void **state)
{
    asc_law laws[2] = {l, l};
    asc__prep two = p;
    two.n_targets = 2;
    laws[0].band[1] = 1;
    laws[1].band[1] = 3;
    assert_int_equal(asc__steady_bands(laws, &two, NULL), ASC_OK);
    assert_true(laws[0].band[1] == 1 && laws[1].band[1] == 3);
}

#define WITH_ROWS(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_ROWS(fit__a_perfect_law_has_no_error),
        WITH_ROWS(fit__figures_are_those_of_their_definitions),
        WITH_ROWS(fit__of_equal_losses_there_is_no_r2),
        WITH_ROWS(held__errors_are_means_over_rows_and_their_sd_over_folds),
        WITH_ROWS(held__rows_without_a_prediction_are_left_out),
        WITH_ROWS(bands__are_quantiles_of_held_out_residuals),
        WITH_ROWS(bands__a_row_of_little_trust_counts_by_its_root),
        WITH_ROWS(bands__of_few_residuals_are_none),
        WITH_ROWS(bands__noise_is_never_below_half_of_the_fits_own),
        WITH_ROWS(held__pairs_are_kept_for_pictures),
        WITH_ROWS(held__of_many_rows_some_are_kept_evenly),
        WITH_ROWS(steady__bands_of_targets_that_agree_become_one),
        WITH_ROWS(steady__two_targets_are_left_as_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
