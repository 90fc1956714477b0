/* The mean objective over draws, processes evaluated together: against the laws one by one, and differences. */
#include "test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "expected.h"
#include "mix/mix_expected.h"
#include "mix/mix_slices.h"
#include "mix/mix_values.h"
#include "mix/mix_what_if.h"
#include "worlds.h"

enum { D = 5, V = 3, N = 36 };

static asc_runs simulate(void)
{
    asc_runs t;
    asc_rng r;
    char name[8];
    if (asc_runs_init(&t, N, D, V, NULL) != ASC_OK)
        abort();
    asc_rng_init(&r, 4, "test/worlds", 0);
    for (size_t i = 0; i < D; i++) {
        snprintf(name, sizeof name, "d%zu", i);
        t.domains[i] = asc_strdup(name);
    }
    for (size_t v = 0; v < V; v++) {
        snprintf(name, sizeof name, "t%zu", v);
        t.targets[v] = asc_strdup(name);
    }
    t.n_groups = N;
    for (size_t j = 0; j < N; j++) {
        double sum = 0, total = j % 2 ? 1e9 : 4e9;
        t.group[j] = j;
        t.total[j] = total;
        t.params[j] = NAN;
        for (size_t i = 0; i < D; i++)
            sum += t.tokens[j * D + i] = -log(1 - asc_rng_double(&r)) + .02;
        for (size_t i = 0; i < D; i++)
            t.tokens[j * D + i] *= total / sum;
        for (size_t v = 0; v < V; v++) {
            double own = t.tokens[j * D + v] / total, other = t.tokens[j * D + V] / total;
            t.loss[j * V + v] = 1.5 + exp(-1.5 * own - .3 * other + sin(6 * own) * .1) * pow(total / 1e9, -.1) +
                                .003 * asc_rng_normal(&r);
        }
    }
    return t;
}

static asc_law_set fit(const char *name)
{
    asc_runs t = simulate();
    asc_law_set s;
    asc_law_opts o;
    asc_law_opts_init(&o);
    o.law = name;
    o.n_bootstrap = 24;
    o.n_threads = 1;
    o.no_trees = true;
    assert_int_equal(asc_law_fit(&s, &t, &o, NULL), ASC_OK);
    asc_runs_clear(&t);
    return s;
}

static asc__problem problem_of(const asc_law_set *s)
{
    return (asc__problem){.laws = s, .objective = &s->objective, .n_tokens = 3e9, .params = NAN, .n_threads = 2};
}

static void check_gradient(asc__worlds *w, const double *tokens)
{
    double gradient[D], at[D], unused[D];
    asc__worlds_eval(w, tokens, gradient);
    for (size_t i = 0; i < D; i++) {
        double h = 1e-5 * tokens[i];
        memcpy(at, tokens, sizeof at);
        at[i] = tokens[i] + h;
        double up = asc__worlds_eval(w, at, NULL);
        at[i] = tokens[i] - h;
        double slope = (up - asc__worlds_eval(w, at, unused)) / (2 * h);
        assert_true(fabs(slope - gradient[i]) <= 1e-4 * fabs(slope) + 1e-15);
    }
}

static void worlds__agree_with_the_laws(void **state)
{
    static const char *const names[] = {"effective+gp", "reciprocal-mult+gp", "dml", "auto"};
    static const double tokens[D] = {.9e9, .4e9, .7e9, .6e9, .4e9};
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        asc_law_set s = fit(names[k]);
        for (int kind = ASC_OBJ_MEAN_LOSS; kind <= ASC_OBJ_WORST; kind++) {
            if (kind == ASC_OBJ_WEIGHTS)
                continue;
            s.objective.kind = (asc_objective_kind)kind;
            asc__problem p = problem_of(&s);
            asc__worlds *w;
            double sum = 0;
            size_t n = asc_law_set_n_draws(&s);
            assert_int_equal(asc__worlds_create(&w, &p, n, false, tokens, NULL), ASC_OK);
            assert_int_equal(w->n, n);
            for (size_t j = 0; j < n; j++) {
                asc_law_set view;
                assert_int_equal(asc_law_set_draw_view(&view, &s, j, NULL), ASC_OK);
                sum += asc_law_set_objective(&view, tokens, NAN) / (double)n;
                asc_law_set_view_free(&view);
            }
            assert_true(fabs(asc__worlds_eval(w, tokens, NULL) - sum) < 1e-9);
            check_gradient(w, tokens);
            asc__worlds_free(w);
        }
        asc_law_set_clear(&s);
    }
}

/* One world, the laws as fitted; of a blend the parts that may decide. */
static void worlds__the_estimate_is_one(void **state)
{
    static const double tokens[D] = {.9e9, .4e9, .7e9, .6e9, .4e9};
    static const char *const names[] = {"effective+gp", "auto"};
    for (size_t k = 0; k < 2; k++) {
        asc_law_set s = fit(names[k]);
        asc__problem p = problem_of(&s);
        asc__worlds *w;
        assert_int_equal(asc__worlds_of_estimate(&w, &p, tokens, NULL), ASC_OK);
        double value = asc__worlds_eval(w, tokens, NULL), all = asc_law_set_objective(&s, tokens, NAN);
        bool whole = asc__laws_decide_throughout(&s);
        assert_true(fabs(value - all) < (whole ? 1e-9 : .05));
        for (size_t j = 0; j < w->processes.n; j++)
            assert_true(w->right[j]);
        check_gradient(w, tokens);
        asc__worlds_free(w);
        asc_law_set_clear(&s);
    }
}

/* A mixture is judged as the optimum is: the optimum's own mixture, given from outside, gets the optimum's figures; but
 * the optimum was chosen by the very runs that price it, so its interval reaches further to the worse side. */
static void expected__agrees_with_the_optimum(void **state)
{
    asc_law_set s = fit("auto");
    asc_mix_opts o;
    asc_mix_opts_init(&o);
    o.n_tokens = 8000000000; /* twice the largest: intervals are widened */
    asc_mix_result best;
    assert_int_equal(asc_mix_optimum(&best, &s, &o, NULL), ASC_OK);
    double shares[3][D];
    for (size_t i = 0; i < D; i++) {
        shares[0][i] = best.weights[i];
        shares[1][i] = 1. / D;
        shares[2][i] = i == D - 1 ? .96 : .01; /* of which no target takes anything */
    }
    asc_expected e[3], alone;
    assert_int_equal(asc_mix_expected(e, &s, shares[0], 3, 1, &o, NULL), ASC_OK);
    assert_float_equal(e[0].value, best.predicted, 1e-9);
    assert_float_equal(e[0].lo, best.ci[0], 1e-9);
    assert_true(e[0].hi <= best.ci[1] + 1e-9 && best.ci[1] - e[0].hi < e[0].hi - e[0].lo);
    assert_float_equal(e[0].gain, best.gain, 1e-9);
    assert_true(e[0].gain_lo >= best.gain_ci[0] - 1e-9);
    assert_float_equal(e[0].gain_hi, best.gain_ci[1], 1e-9);
    assert_float_equal(e[0].p_better, best.p_better, 1e-12);
    assert_float_equal(e[1].value, best.uniform, 1e-9);
    assert_true(e[1].gain == 0 && isnan(e[1].p_better));
    assert_true(e[2].value > e[0].value && e[2].gain < e[0].gain && e[2].p_better < .5);
    assert_float_equal(e[2].support.tokens, 2, 1e-9);
    assert_true(e[2].support.shares > 1.1 && e[2].support.domain != ASC_NONE);
    /* Without a reference nothing is said of a gain; threads change no bit. */
    o.n_threads = 3;
    assert_int_equal(asc_mix_expected(&alone, &s, shares[2], 1, ASC_NONE, &o, NULL), ASC_OK);
    assert_true(alone.value == e[2].value && isnan(alone.gain) && isnan(alone.p_better));
    asc_mix_result_clear(&best);
    asc_law_set_clear(&s);
}

/* Asked by itself, draw by draw, a mixture gets the same figures: one rule for all that is said of mixtures. */
static void what_if__agrees_with_what_is_expected(void **state)
{
    asc_law_set s = fit("auto");
    asc_mix_opts o;
    asc_mix_opts_init(&o);
    o.n_tokens = 8000000000;
    double shares[2][D] = {{.3, .25, .25, .15, .05}, {.2, .2, .2, .2, .2}};
    asc_expected e[2];
    asc_what_if w;
    asc_what_if_opts a = {.n_tokens = 8e9, .params = NAN};
    assert_int_equal(asc_mix_expected(e, &s, shares[0], 2, 1, &o, NULL), ASC_OK);
    assert_int_equal(asc_what_if_predict(&w, &s, shares[0], 2, &a, NULL), ASC_OK);
    for (size_t m = 0; m < 2; m++) {
        assert_float_equal(w.objective[m].value, e[m].value, 1e-9);
        assert_float_equal(w.objective[m].lo, e[m].lo, 1e-9);
        assert_float_equal(w.objective[m].hi, e[m].hi, 1e-9);
    }
    asc_difference d = w.objective_difference[1]; /* of the first and the second */
    assert_float_equal(d.value, -e[0].gain, 1e-9);
    assert_float_equal(d.lo, -e[0].gain_hi, 1e-9);
    assert_float_equal(d.hi, -e[0].gain_lo, 1e-9);
    assert_float_equal(d.p_better, e[0].p_better, 1e-12);
    asc_what_if_clear(&w);
    asc_law_set_clear(&s);
}

/* ---- P and interval ---- */

/* P(figure < 0) beside the 90 % interval of the figure. Returns whether that holds 0. */
static bool agrees(double value, double lo, double hi, double p)
{
    assert_true(lo <= value && value <= hi && p > 0 && p < 1);
    assert_true(p >= .95 ? hi <= 0 : hi >= 0);
    assert_true(p <= .05 ? lo >= 0 : lo <= 0);
    assert_true((p > .5) == (value < 0) || p == .5);
    return lo <= 0 && hi >= 0;
}

static bool difference_agrees(asc_difference d)
{
    return isnan(d.p_better) || agrees(d.value, d.lo, d.hi, d.p_better);
}

static bool gain_agrees(const double *gain, double lo, double hi, double p)
{
    return agrees(-*gain, -hi, -lo, p);
}

/* All that is said of a law set at a budget. Returns in how many intervals 0 lies. */
static size_t all_agree(const asc_law_set *s, double n_tokens, const double (*shares)[D], size_t M)
{
    size_t undecided = 0;
    asc_mix_opts o;
    asc_mix_opts_init(&o);
    o.n_tokens = (int64_t)n_tokens;
    asc_expected e[8];
    asc_what_if w;
    asc_values values;
    asc_slices slices;
    asc_what_if_opts asked = {.n_tokens = n_tokens, .params = NAN};
    asc_values_opts vo = {.n_tokens = n_tokens, .params = NAN, .shares = shares[0]};
    asc_slices_opts so = {.n_tokens = n_tokens, .params = NAN, .shares = shares[0]};
    assert_int_equal(asc_mix_expected(e, s, shares[0], M, 0, &o, NULL), ASC_OK);
    assert_int_equal(asc_what_if_predict(&w, s, shares[0], M, &asked, NULL), ASC_OK);
    assert_int_equal(asc_values_of(&values, s, &vo, NULL), ASC_OK);
    assert_int_equal(asc_slices_of(&slices, s, &so, NULL), ASC_OK);
    for (size_t m = 1; m < M; m++)
        undecided += gain_agrees(&e[m].gain, e[m].gain_lo, e[m].gain_hi, e[m].p_better);
    for (size_t k = 0; k < M * M; k++)
        undecided += difference_agrees(w.objective_difference[k]);
    for (size_t k = 0; k < M * M * V; k++)
        undecided += difference_agrees(w.loss_difference[k]);
    for (size_t k = 0; k < D * (V + 1); k++)
        undecided += difference_agrees(values.per_point[k]) + difference_agrees(values.per_token[k]);
    for (size_t k = 0; k < D * ASC_SLICE_POINTS; k++)
        undecided += difference_agrees(slices.change[k]);
    asc_what_if_clear(&w);
    asc_values_clear(&values);
    asc_slices_clear(&slices);
    return undecided;
}

static void odds__never_contradict_an_interval(void **state)
{
    static const double shares[4][D] = {
        {.2, .2, .2, .2, .2}, {.25, .2, .2, .2, .15}, {.2, .24, .18, .2, .18}, {.3, .25, .25, .15, .05}};
    static const double budgets[] = {3e9, 8e9};
    asc_law_set s = fit("auto");
    for (size_t k = 0; k < 2; k++) {
        assert_true(all_agree(&s, budgets[k], shares, 4) > 8);
        for (int point = 0; point < 2; point++) {
            asc_mix_opts o;
            asc_mix_result r;
            asc_mix_opts_init(&o);
            o.n_tokens = (int64_t)budgets[k];
            o.point = point;
            assert_int_equal(asc_mix_optimum(&r, &s, &o, NULL), ASC_OK);
            gain_agrees(&r.gain, r.gain_ci[0], r.gain_ci[1], r.p_better);
            asc_mix_result_clear(&r);
        }
    }
    asc_law_set_clear(&s);
}

static void odds__are_those_of_the_interval(void **state)
{
    assert_float_equal(asc__odds_above(1, 0, 3, .9, 1000), .95, 1e-9);
    assert_float_equal(asc__odds_above(-1, -9, 0, .9, 1000), .05, 1e-9);
    assert_float_equal(asc__odds_above(1, 0, 3, .5, 1000), .75, 1e-9);
    assert_float_equal(asc__odds_above(1, -1.644853627, 1.1, .9, 1000), .7329, 1e-3); /* 1.6449 / 2.6449 sd */
    assert_true(asc__odds_above(0, -1, 5, .9, 1000) == .5 && asc__odds_above(0, 0, 0, .9, 1000) == .5);
    assert_float_equal(asc__odds_above(1, 1, 1, .9, 24), 24.5 / 25, 1e-12); /* so few draws are never certain */
    assert_float_equal(asc__odds_above(-1, -1, -1, .9, 24), .5 / 25, 1e-12);
}

static void expected__is_withheld_where_the_table_says_nothing(void **state)
{
    asc_law_set s = fit("effective");
    asc_mix_opts o;
    asc_mix_opts_init(&o);
    o.n_tokens = 8000000000;
    double even[D] = {.2, .2, .2, .2, .2};
    asc_expected e;
    s.tokens_lo = s.tokens_hi = 4e9; /* as if all runs had one budget */
    assert_int_equal(asc_mix_expected(&e, &s, even, 1, 0, &o, NULL), ASC_OK);
    assert_true(e.support.withheld && *e.support.why && isnan(e.value) && isnan(e.lo) && isnan(e.p_better));
    o.n_tokens = 0;
    asc_error err;
    assert_int_equal(asc_mix_expected(&e, &s, even, 1, 0, &o, &err), ASC_EINVAL);
    asc_law_set_clear(&s);
}

/* Draws are fits to losses that were moved: what a fit is off by for its form and its prior they are off by once more.
 * Where all lie to one side of the fit, what is expected goes by them, and the interval holds the fit's as well. */
static void expected__intervals_hold_draws_to_one_side_and_the_fit(void **state)
{
    asc_law_set s = fit("effective");
    asc_mix_opts o;
    asc_mix_opts_init(&o);
    o.n_tokens = 4000000000;
    double even[D] = {.2, .2, .2, .2, .2};
    asc_expected about, beside;
    assert_int_equal(asc_mix_expected(&about, &s, even, 1, ASC_NONE, &o, NULL), ASC_OK);
    for (size_t v = 0; v < s.n_laws; v++)
        for (size_t k = 0; k < s.laws[v].n_draws; k++)
            s.laws[v].draws[k * s.laws[v].n_params] -= .3; /* E */
    assert_int_equal(asc_mix_expected(&beside, &s, even, 1, ASC_NONE, &o, NULL), ASC_OK);
    assert_true(fabs(beside.value - (about.value - .3)) < 1e-9);
    assert_true(beside.lo <= beside.value && beside.hi >= about.value);
    assert_true(beside.hi > about.hi + .2 && beside.lo < about.lo - .2); /* .3 to either side of the fit */
    assert_true(beside.hi < about.hi + .31 && beside.lo > about.lo - .31);
    asc_law_set_clear(&s);
}

/* Without draws the estimate is all there is. */
static void expected__without_draws_is_the_estimate(void **state)
{
    asc_law_set s = fit("effective");
    asc_mix_opts o;
    asc_mix_opts_init(&o);
    o.n_tokens = 4000000000;
    for (size_t v = 0; v < s.n_laws; v++)
        s.laws[v].n_draws = 0;
    double shares[2 * D] = {.2, .2, .2, .2, .2, .6, .1, .1, .1, .1}, tokens[D];
    asc_expected e[2];
    assert_int_equal(asc_mix_expected(e, &s, shares, 2, 0, &o, NULL), ASC_OK);
    for (size_t i = 0; i < D; i++)
        tokens[i] = shares[D + i] * 4e9;
    assert_float_equal(e[1].value, asc_law_set_objective(&s, tokens, NAN), 1e-12);
    assert_true(e[1].gain == e[0].value - e[1].value);
    assert_true(isnan(e[1].lo) && isnan(e[1].p_better) && isnan(e[1].gain_lo));
    asc_law_set_clear(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(worlds__agree_with_the_laws),
        cmocka_unit_test(worlds__the_estimate_is_one),
        cmocka_unit_test(expected__agrees_with_the_optimum),
        cmocka_unit_test(what_if__agrees_with_what_is_expected),
        cmocka_unit_test(expected__intervals_hold_draws_to_one_side_and_the_fit),
        cmocka_unit_test(odds__never_contradict_an_interval),
        cmocka_unit_test(odds__are_those_of_the_interval),
        cmocka_unit_test(expected__is_withheld_where_the_table_says_nothing),
        cmocka_unit_test(expected__without_draws_is_the_estimate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
