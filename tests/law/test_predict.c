/* Predictions of laws with known parameters and draws: views of draws, spread, drift, bands, objectives of sets. */
#include "test.h"

#include "law_made.h"

enum { D = 3, K = 5 };

/* effective: E, k (D), gamma; tokens always vary in it */
static const double params[] = {1.5, .8, .3, 1.9, .25};
static const double other[] = {1.2, .5, .9, .4, .35};
static const double at[D] = {4e8, 9e8, 5e8};

static void add_draws(asc_law *l, double step)
{
    l->n_draws = K;
    l->draws = asc_calloc(K * l->n_params, sizeof *l->draws);
    for (size_t k = 0; k < K; k++)
        for (size_t j = 0; j < l->n_params; j++)
            l->draws[k * l->n_params + j] = l->params[j] * (1 + step * ((double)k - 2));
}

static asc_law plain(double step)
{
    asc_law l = made_law("effective", D, true, false, params);
    add_draws(&l, step);
    return l;
}

/* Two parts of weights .75 and .25 whose draws are 3 and 2 of the blend's. */
static asc_law blended(void)
{
    asc_law l = {.family = asc_law_family_named("blend", NULL), .n_domains = D, .own = 0, .has_tokens = true};
    l.unit_tokens = 1e9;
    l.unit_params = 1e8;
    l.tokens_hi = l.params_hi = l.stats.noise = NAN;
    l.n_parts = l.n_params = 2;
    l.params = asc_calloc(2, sizeof *l.params);
    l.params[0] = .75;
    l.params[1] = .25;
    l.parts = asc_calloc(2, sizeof *l.parts);
    l.parts[0] = plain(.02);
    l.parts[1] = made_law("effective", D, true, false, other);
    add_draws(&l.parts[1], .03);
    l.parts[0].n_draws = 3;
    l.parts[1].n_draws = 2;
    l.pick = asc_calloc(2 * K, sizeof *l.pick);
    static const int32_t pick[2 * K] = {0, 0, 1, 0, 0, 1, 0, 2, 1, 1};
    memcpy(l.pick, pick, sizeof pick);
    l.n_draws = K;
    for (size_t q = 0; q < ASC_LAW_BANDS; q++)
        l.band[q] = NAN;
    return l;
}

static void draw__has_its_own_parameters(void **state)
{
    asc_law l = plain(.1);
    for (size_t k = 0; k < K; k++) {
        asc_law same = made_law("effective", D, true, false, l.draws + k * l.n_params);
        assert_true(asc_law_predict_draw(&l, k, at, NAN) == asc_law_predict(&same, at, NAN));
        asc_law_clear(&same);
    }
    asc_law view = asc_law_draw_view(&l, K); /* no such draw: the estimate */
    assert_ptr_equal(view.params, l.params);
    asc_law_clear(&l);
}

static void draw__of_a_blend_is_of_one_part(void **state)
{
    asc_law l = blended();
    for (size_t k = 0; k < K; k++) {
        const asc_law *part = &l.parts[l.pick[2 * k]];
        double want = asc_law_predict_draw(part, (size_t)l.pick[2 * k + 1], at, NAN);
        assert_true(asc_law_predict_draw(&l, k, at, NAN) == want);
    }
    double mean = .75 * asc_law_predict(&l.parts[0], at, NAN) + .25 * asc_law_predict(&l.parts[1], at, NAN);
    assert_true(near_to(asc_law_predict(&l, at, NAN), mean, 1e-14));
    asc_law_clear(&l);
}

static void draws__of_a_stride_are_single_ones(void **state)
{
    asc_law laws[2] = {plain(.05), blended()};
    double out[K];
    for (size_t i = 0; i < 2; i++) {
        for (size_t stride = 1; stride < 4; stride++) {
            size_t n = (K + stride - 1) / stride;
            asc_law_predict_draws(out, &laws[i], n, stride, at, NAN);
            for (size_t k = 0; k < n; k++)
                assert_true(out[k] == asc_law_predict_draw(&laws[i], k * stride, at, NAN));
        }
        asc_law_clear(&laws[i]);
    }
}

static void many__points_of_a_blend_are_its_parts_mean(void **state)
{
    asc_law l = blended();
    asc_runs t = made_runs(1200, D, 1, true, false, 3);
    double *out = asc_calloc(1200, sizeof *out);
    assert_int_equal(asc_law_predict_many(out, &l, 1200, t.tokens, NULL, NAN, 3, NULL), ASC_OK);
    for (size_t r = 0; r < 1200; r += 7)
        assert_true(near_to(out[r], asc_law_predict(&l, t.tokens + r * D, NAN), 1e-12));
    asc_free(out);
    asc_runs_clear(&t);
    asc_law_clear(&l);
}

/* Variance over the draws, by its definition. */
static double variance_of(const asc_law *l)
{
    double mean = 0, squares = 0;
    for (size_t k = 0; k < l->n_draws; k++)
        mean += asc_law_predict_draw(l, k, at, NAN) / (double)l->n_draws;
    for (size_t k = 0; k < l->n_draws; k++)
        squares += pow(asc_law_predict_draw(l, k, at, NAN) - mean, 2);
    return squares / (double)(l->n_draws - 1);
}

static void spread__is_noise_and_draws_and_drift(void **state)
{
    asc_law l = plain(.03);
    double v = variance_of(&l);
    assert_true(v > 0 && near_to(asc_law_spread(&l, at, NAN), sqrt(v), 1e-12));
    l.stats.noise = .05;
    assert_true(near_to(asc_law_spread(&l, at, NAN), sqrt(v + .0025), 1e-12));
    l.tokens_hi = 9e8; /* half of the tokens at the point: it lies beyond */
    double half[D], drift;
    for (size_t i = 0; i < D; i++)
        half[i] = at[i] / 2;
    drift = .12 * fabs(asc_law_predict(&l, half, NAN) - asc_law_predict(&l, at, NAN));
    assert_true(near_to(asc_law_drift(&l, at, NAN), drift, 1e-12));
    assert_true(near_to(asc_law_spread(&l, at, NAN), sqrt(v + .0025 + drift * drift), 1e-12));
    l.tokens_hi = 1.8e9;
    assert_true(asc_law_drift(&l, at, NAN) == 0);
    asc_law_clear(&l);
}

static void drift__counts_sizes_beyond_the_table_too(void **state)
{
    static const double p[] = {1.5, .8, .3, 1.9, .25, .4, .34};
    asc_law l = made_law("effective", D, true, true, p);
    l.tokens_hi = 1.8e9;
    l.params_hi = 2e8;
    assert_true(asc_law_drift(&l, at, 2e8) == 0);
    double change = fabs(asc_law_predict(&l, at, 2e8) - asc_law_predict(&l, at, 8e8));
    assert_true(near_to(asc_law_drift(&l, at, 8e8), .12 * change, 1e-12));
    assert_true(asc_law_drift(&l, (double[]){0, 0, 0}, 8e8) == 0);
    asc_law_clear(&l);
}

static void variance__of_a_blend_is_within_and_between(void **state)
{
    asc_law l = blended();
    double v[2], y[2], mean, want, out, tokens[D];
    for (size_t i = 0; i < 2; i++) {
        v[i] = variance_of(&l.parts[i]);
        y[i] = asc_law_predict(&l.parts[i], at, NAN);
    }
    mean = .6 * y[0] + .4 * y[1];
    want = .6 * (v[0] + pow(y[0] - mean, 2)) + .4 * (v[1] + pow(y[1] - mean, 2));
    memcpy(tokens, at, sizeof tokens);
    assert_int_equal(asc__draws_variance(&out, &l, 1, tokens, (double[]){NAN}, NULL), ASC_OK);
    assert_true(near_to(out, want, 1e-10));
    l.stats.noise = 0;
    assert_true(near_to(asc_law_spread(&l, at, NAN), sqrt(want), 1e-10));
    asc_law_clear(&l);
}

static void band__lies_about_the_prediction(void **state)
{
    asc_law l = plain(.03);
    double lo = 7, hi = 7;
    assert_false(asc_law_band(&l, at, NAN, 1, &lo, &hi)); /* none was calibrated */
    assert_true(lo == 7 && hi == 7);
    l.band[1] = 1.7;
    l.stats.noise = .02;
    assert_true(asc_law_band(&l, at, NAN, 1, &lo, &hi));
    double y = asc_law_predict(&l, at, NAN), s = 1.7 * asc_law_spread(&l, at, NAN);
    assert_true(near_to(lo, y - s, 1e-12) && near_to(hi, y + s, 1e-12));
    assert_false(asc_law_band(&l, at, NAN, ASC_LAW_BANDS, &lo, &hi));
    assert_false(asc_law_band(&l, (double[]){-1, 1, 1}, NAN, 1, &lo, &hi));
    asc_law_clear(&l);
}

/* ---- sets ---- */

enum { V = 3 };

static asc_law_set set_of(asc_objective_kind kind)
{
    asc_law_set s = {.n_domains = D, .n_targets = V, .n_laws = V};
    s.laws = asc_calloc(V, sizeof *s.laws);
    for (size_t v = 0; v < V; v++) {
        s.laws[v] = plain(.02);
        s.laws[v].params[0] += .2 * (double)v; /* the last is the worst, everywhere */
        s.laws[v].params[1 + v] *= 2;
    }
    s.objective = (asc_objective){.kind = kind, .n_targets = V};
    if (kind == ASC_OBJ_WEIGHTS) {
        s.objective.weights = asc_calloc(V, sizeof(double));
        s.objective.weights[0] = .2;
        s.objective.weights[2] = .8;
    }
    return s;
}

static const asc_objective_kind kinds[] = {ASC_OBJ_MEAN_LOSS, ASC_OBJ_MEAN_PPL, ASC_OBJ_WORST, ASC_OBJ_WEIGHTS};

static void objective__is_of_the_predicted_losses(void **state)
{
    for (size_t k = 0; k < 4; k++) {
        asc_law_set s = set_of(kinds[k]);
        double y[V], J = asc_law_set_objective(&s, at, NAN);
        for (size_t v = 0; v < V; v++)
            y[v] = asc_law_predict(&s.laws[v], at, NAN);
        double want = k == 0   ? (y[0] + y[1] + y[2]) / 3
                      : k == 1 ? (exp(y[0]) + exp(y[1]) + exp(y[2])) / 3
                      : k == 2 ? fmax(y[0], fmax(y[1], y[2]))
                               : .2 * y[0] + .8 * y[2];
        assert_true(near_to(J, want, 1e-13));
        asc_law_set_clear(&s);
    }
}

static void objective__slope_is_that_of_differences(void **state)
{
    for (size_t k = 0; k < 4; k++) {
        asc_law_set s = set_of(kinds[k]);
        double n[D], slope[D];
        memcpy(n, at, sizeof n);
        assert_true(asc_law_set_gradient(&s, n, NAN, slope) == asc_law_set_objective(&s, n, NAN));
        for (size_t i = 0; i < D; i++) {
            double h = 1e-5 * n[i], keep = n[i];
            n[i] = keep + h;
            double up = asc_law_set_objective(&s, n, NAN);
            n[i] = keep - h;
            double want = (up - asc_law_set_objective(&s, n, NAN)) / (2 * h);
            n[i] = keep;
            assert_true(fabs(want - slope[i]) < 1e-6 * fabs(want));
        }
        asc_law_set_clear(&s);
    }
}

static void objective__drifts_with_all_targets_to_one_side(void **state)
{
    for (size_t k = 0; k < 4; k++) {
        asc_law_set s = set_of(kinds[k]);
        double d[V], y[V];
        for (size_t v = 0; v < V; v++) {
            s.laws[v].tokens_hi = 5e8;
            d[v] = asc_law_drift(&s.laws[v], at, NAN);
            y[v] = asc_law_predict(&s.laws[v], at, NAN);
            assert_true(d[v] > 0);
        }
        double want = k == 0   ? (d[0] + d[1] + d[2]) / 3
                      : k == 1 ? (d[0] * exp(y[0]) + d[1] * exp(y[1]) + d[2] * exp(y[2])) / 3
                      : k == 2 ? d[2]
                               : .2 * d[0] + .8 * d[2];
        assert_true(near_to(asc_law_set_drift(&s, NULL, at, NAN), want, 1e-12));
        asc_law_set_clear(&s);
    }
}

static void set__has_as_many_draws_as_its_poorest_law(void **state)
{
    asc_law_set s = set_of(ASC_OBJ_MEAN_LOSS), view;
    assert_int_equal(asc_law_set_n_draws(&s), K);
    s.laws[1].n_draws = 2;
    assert_int_equal(asc_law_set_n_draws(&s), 2);
    assert_int_equal(asc_law_set_n_draws(&(asc_law_set){0}), 0);
    assert_int_equal(asc_law_set_draw_view(&view, &s, 1, NULL), ASC_OK);
    double sum = 0;
    for (size_t v = 0; v < V; v++)
        sum += asc_law_predict_draw(&s.laws[v], 1, at, NAN) / V;
    assert_true(near_to(asc_law_set_objective(&view, at, NAN), sum, 1e-13));
    asc_law_set_view_free(&view);
    asc_law_set_clear(&s);
}

/* ---- life ---- */

static void copy__is_deep(void **state)
{
    asc_law l = blended(), c;
    l.target = asc_strdup("web");
    l.n_held = 1;
    l.held = asc_calloc(2, sizeof *l.held);
    l.held[1] = 3;
    assert_int_equal(asc_law_copy(&c, &l, NULL), ASC_OK);
    double before = asc_law_predict_draw(&l, 4, at, NAN);
    assert_string_equal(c.target, "web");
    assert_true(c.held != l.held && c.held[1] == 3);
    l.params[0] = 99; /* nothing of it is shared */
    l.parts[1].draws[0] = 99;
    asc_law_clear(&l);
    assert_true(asc_law_predict_draw(&c, 4, at, NAN) == before);
    assert_true(c.params[0] == .75 && c.parts[1].draws[0] != 99);
    asc_law_clear(&c);
}

static void copy__every_failing_allocation_is_survived(void **state)
{
    asc_law l = blended(), c;
    l.target = asc_strdup("web");
    for (uint64_t n = 1;; n++) {
        asc_fault_arm(ASC_FAULT_ALLOC, n);
        asc_status s = asc_law_copy(&c, &l, NULL);
        uint64_t calls = asc_fault_count(ASC_FAULT_ALLOC);
        asc_fault_arm(ASC_FAULT_ALLOC, 0);
        if (s == ASC_OK)
            asc_law_clear(&c);
        if (calls < n)
            break;
        assert_int_equal(s, ASC_ENOMEM);
    }
    asc_law_clear(&l);
}

static void notes__are_kept_in_order(void **state)
{
    asc_law_set s = {0};
    for (int i = 0; i < 4; i++)
        assert_int_equal(asc_law_set_note(&s, NULL, ASC_NOTE_OTHER, "note %d of %s", i, "four"), ASC_OK);
    assert_int_equal(s.notes.n, 4);
    assert_string_equal(s.notes.text[2], "note 2 of four");
    asc_law_set_clear(&s);
    assert_int_equal(s.notes.n, 0);
    asc_law_set_clear(NULL);
    asc_law_clear(NULL);
}

static void law__says_whether_it_decides(void **state)
{
    asc_law l = blended();
    static const double E[] = {2};
    assert_true(asc_law_decides(&l) && !asc_law_has_steps(&l) && !asc_law_of_objective(&l));
    asc_law c = made_law("constant", D, false, false, E);
    assert_false(asc_law_decides(&c)); /* no mixture in it: it never decides one */
    asc_law_clear(&l.parts[0]);
    asc_law_clear(&l.parts[1]);
    l.parts[0] = made_law("constant", D, false, false, E);
    l.parts[1] = c;
    assert_false(asc_law_decides(&l));
    assert_int_equal(asc_law_count_params(&l), 2);
    assert_int_equal(asc_law_count_params(&c), 1);
    asc_law_clear(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(draw__has_its_own_parameters),
        cmocka_unit_test(draw__of_a_blend_is_of_one_part),
        cmocka_unit_test(draws__of_a_stride_are_single_ones),
        cmocka_unit_test(many__points_of_a_blend_are_its_parts_mean),
        cmocka_unit_test(spread__is_noise_and_draws_and_drift),
        cmocka_unit_test(drift__counts_sizes_beyond_the_table_too),
        cmocka_unit_test(variance__of_a_blend_is_within_and_between),
        cmocka_unit_test(band__lies_about_the_prediction),
        cmocka_unit_test(objective__is_of_the_predicted_losses),
        cmocka_unit_test(objective__slope_is_that_of_differences),
        cmocka_unit_test(objective__drifts_with_all_targets_to_one_side),
        cmocka_unit_test(set__has_as_many_draws_as_its_poorest_law),
        cmocka_unit_test(copy__is_deep),
        cmocka_unit_test(copy__every_failing_allocation_is_survived),
        cmocka_unit_test(notes__are_kept_in_order),
        cmocka_unit_test(law__says_whether_it_decides),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
