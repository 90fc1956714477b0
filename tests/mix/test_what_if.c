#include "test.h"

#include <math.h>
#include <string.h>

#include "mix/mix_what_if.h"

enum { D = 3, V = 2, K = 40 };

/* L_v = E_v + (sum_j k_vj n_j)^-gamma, in billions of tokens, with draws about it. */
static void make(asc_law_set *s, bool tokens_vary)
{
    static const double k[V][D] = {{2, .5, .1}, {.2, 1.5, .6}};
    *s = (asc_law_set){.n_domains = D,
                       .n_targets = V,
                       .n_laws = V,
                       .n_rows = 30,
                       .n_runs = 30,
                       .tokens_lo = 1e9,
                       .tokens_hi = tokens_vary ? 4e9 : 1e9,
                       .params_lo = NAN,
                       .params_hi = NAN,
                       .noise = NAN};
    s->law = asc_strdup("effective");
    s->domains = asc_calloc(D, sizeof *s->domains);
    s->targets = asc_calloc(V, sizeof *s->targets);
    s->laws = asc_calloc(V, sizeof *s->laws);
    s->share_lo = asc_calloc(D, sizeof(double));
    s->share_hi = asc_calloc(D, sizeof(double));
    s->base_tokens = asc_calloc(D, sizeof(double));
    for (size_t i = 0; i < D; i++) {
        s->domains[i] = asc_strf("d%d", (int)i);
        s->share_lo[i] = .1;
        s->share_hi[i] = .6;
        s->base_tokens[i] = 1e9 / 3;
    }
    for (size_t v = 0; v < V; v++) {
        asc_law *l = &s->laws[v];
        s->targets[v] = asc_strf("t%d", (int)v);
        *l = (asc_law){.family = asc_law_family_named("effective", NULL),
                       .n_domains = D,
                       .own = ASC_NONE,
                       .has_tokens = true,
                       .unit_tokens = 1e9,
                       .unit_params = 1,
                       .n_params = D + 2,
                       .n_draws = K,
                       .band = {NAN, NAN, NAN}};
        l->target = asc_strdup(s->targets[v]);
        l->params = asc_calloc(D + 2, sizeof(double));
        l->draws = asc_calloc(K * (D + 2), sizeof(double));
        for (size_t d = 0; d <= K; d++) {
            double *p = d == K ? l->params : l->draws + d * (D + 2);
            double by = d == K ? 0 : ((double)d - (K - 1) / 2.) / K; /* -.5 .. .5 */
            p[0] = 2 + by;                                           /* a level that all mixtures share */
            for (size_t i = 0; i < D; i++)
                p[1 + i] = k[v][i] * (i == 0 ? 1 + .02 * by : 1);
            p[1 + D] = .3;
        }
    }
}

static const double two[2 * D] = {.2, .4, .4, .5, .3, .2};

static void what_if__predicts_what_the_laws_do(void **state)
{
    asc_law_set s;
    asc_what_if r;
    make(&s, true);
    asc_what_if_opts o = {.n_tokens = 2e9, .params = NAN};
    assert_int_equal(asc_what_if_predict(&r, &s, two, 2, &o, NULL), ASC_OK);
    for (size_t m = 0; m < 2; m++) {
        double tokens[D], mean = 0;
        for (size_t i = 0; i < D; i++)
            tokens[i] = two[m * D + i] * 2e9;
        for (size_t v = 0; v < V; v++) {
            asc_prediction p = r.loss[m * V + v];
            assert_float_equal(p.value, asc_law_predict(&s.laws[v], tokens, NAN), 1e-3);
            assert_true(p.lo < p.value && p.value < p.hi && p.hi - p.lo > .8);
            mean += asc_law_predict(&s.laws[v], tokens, NAN) / V;
        }
        assert_float_equal(r.objective[m].value, mean, 1e-3);
        assert_null(r.why[m]);
    }
    assert_true(r.tokens_beyond == 1 && r.params_beyond == 1);
    asc_what_if_clear(&r);
    asc_law_set_clear(&s);
}

/* The level that is uncertain for all mixtures alike leaves their difference certain. */
static void what_if__differences_are_taken_draw_by_draw(void **state)
{
    asc_law_set s;
    asc_what_if r;
    make(&s, true);
    asc_what_if_opts o = {.n_tokens = 2e9, .params = NAN};
    assert_int_equal(asc_what_if_predict(&r, &s, two, 2, &o, NULL), ASC_OK);
    asc_difference d = r.loss_difference[(1 * 2 + 0) * V + 0], back = r.loss_difference[(0 * 2 + 1) * V + 0];
    assert_true(d.value < -.01 && d.p_better > .98 && d.hi - d.lo < .02 && d.lo <= d.value && d.value <= d.hi);
    assert_float_equal(d.value, -back.value, 1e-12);
    assert_float_equal(back.p_better, 1 - d.p_better, 1e-12);
    assert_true(r.loss_difference[(1 * 2 + 0) * V + 1].p_better < .02);
    asc_difference self = r.objective_difference[0];
    assert_true(self.value == 0 && self.p_better == .5);
    asc_what_if_clear(&r);
    asc_law_set_clear(&s);
}

static void what_if__says_where_it_is_asked_beyond_the_table(void **state)
{
    static const double far[2 * D] = {.9, .1, 0, .1, .45, .45};
    asc_law_set s;
    asc_what_if r;
    make(&s, true);
    asc_what_if_opts o = {.n_tokens = 40e9, .params = NAN};
    assert_int_equal(asc_what_if_predict(&r, &s, far, 2, &o, NULL), ASC_OK);
    assert_float_equal(r.beyond[0], 1.5, 1e-6);
    assert_true(r.beyond[1] == 1 && isinf(r.beyond[2]) && r.beyond[D] == 1);
    assert_float_equal(r.tokens_beyond, 10, .2);
    asc_what_if_clear(&r);
    asc_law_set_clear(&s);
}

static void what_if__is_silent_where_an_axis_never_varied(void **state)
{
    asc_law_set s;
    asc_what_if r;
    make(&s, false);
    asc_what_if_opts o = {.n_tokens = 1.001e9, .params = NAN};
    assert_int_equal(asc_what_if_predict(&r, &s, two, 2, &o, NULL), ASC_OK);
    assert_true(isfinite(r.loss[0].value) && !r.why[0]);
    double difference = r.objective_difference[2].value;
    asc_what_if_clear(&r);
    o.n_tokens = 50e9;
    assert_int_equal(asc_what_if_predict(&r, &s, two, 2, &o, NULL), ASC_OK);
    assert_true(isnan(r.loss[0].value) && isnan(r.loss[0].lo) && isnan(r.objective[1].value));
    assert_non_null(strstr(r.why[0], "every run in the table has 1"));
    assert_float_equal(r.objective_difference[2].value, difference, 1e-4); /* of the table's own budget */
    assert_true(r.notes.n > 0);
    asc_what_if_clear(&r);
    s.share_lo[1] = s.share_hi[1] = .4; /* d1 was the same in all runs */
    o.n_tokens = 1e9;
    assert_int_equal(asc_what_if_predict(&r, &s, two, 2, &o, NULL), ASC_OK);
    assert_true(isfinite(r.loss[0].value) && isnan(r.loss[V].value) && isnan(r.objective_difference[2].value));
    assert_non_null(strstr(r.why[1], "the share of 'd1' is 0.4 in every run"));
    asc_what_if_clear(&r);
    asc_law_set_clear(&s);
}

/* What the law may be off by beyond its table is in the intervals, as in those of the optimum; differences keep theirs.
 */
static void what_if__intervals_widen_beyond_the_table(void **state)
{
    asc_law_set s;
    asc_what_if in, out;
    make(&s, true);
    for (size_t v = 0; v < V; v++)
        s.laws[v].tokens_hi = 4e9;
    asc_what_if_opts near = {.n_tokens = 4e9, .params = NAN}, far = {.n_tokens = 40e9, .params = NAN};
    assert_int_equal(asc_what_if_predict(&in, &s, two, 2, &near, NULL), ASC_OK);
    assert_int_equal(asc_what_if_predict(&out, &s, two, 2, &far, NULL), ASC_OK);
    double tokens[D];
    for (size_t i = 0; i < D; i++)
        tokens[i] = two[i] * 40e9;
    asc_prediction a = in.loss[0], b = out.loss[0];
    double half = .5 * (a.hi - a.lo), drift = 1.6449 * asc_law_drift(&s.laws[0], tokens, NAN);
    assert_true(drift > .05);
    assert_float_equal(.5 * (b.hi - b.lo), hypot(half, drift), .02 * half);
    assert_true(out.objective[0].hi - out.objective[0].lo > in.objective[0].hi - in.objective[0].lo + .01);
    assert_true(out.loss_difference[2 * V].hi - out.loss_difference[2 * V].lo < half);
    assert_float_equal(out.tokens_beyond, 10, 1e-12);
    asc_what_if_clear(&in);
    asc_what_if_clear(&out);
    asc_law_set_clear(&s);
}

/* A star's totals differ a little: that says nothing of three times as many tokens, here as in the optimum. */
static void what_if__is_silent_where_an_axis_hardly_varied(void **state)
{
    asc_law_set s;
    asc_what_if r;
    make(&s, true);
    s.tokens_lo = .9e9;
    s.tokens_hi = 1.3e9;
    asc_what_if_opts o = {.n_tokens = 4e9, .params = NAN};
    assert_int_equal(asc_what_if_predict(&r, &s, two, 2, &o, NULL), ASC_OK);
    assert_true(r.why[0] && strncmp(r.why[0], "the runs span only 900M to 1.3", 30) == 0 && isnan(r.loss[0].value));
    assert_true(isfinite(r.loss_difference[2 * V].value));
    asc_what_if_clear(&r);
    asc_law_set_clear(&s);
}

static void what_if__repeated_tokens_count_less(void **state)
{
    double available[D] = {1e8, INFINITY, INFINITY};
    asc_law_set s;
    asc_what_if plain, repeated;
    make(&s, true);
    asc_what_if_opts o = {.n_tokens = 2e9, .params = NAN};
    assert_int_equal(asc_what_if_predict(&plain, &s, two, 2, &o, NULL), ASC_OK);
    o.available = available;
    assert_int_equal(asc_what_if_predict(&repeated, &s, two, 2, &o, NULL), ASC_OK);
    assert_true(repeated.loss[V].value > plain.loss[V].value);
    asc_what_if_clear(&plain);
    asc_what_if_clear(&repeated);
    asc_law_set_clear(&s);
}

static void what_if__every_failing_allocation_is_survived(void **state)
{
    asc_law_set s;
    make(&s, false);
    asc_what_if_opts o = {.n_tokens = 50e9, .params = NAN};
    for (uint64_t n = 1;; n++) {
        asc_what_if r = {0};
        asc_fault_arm(ASC_FAULT_ALLOC, n);
        asc_status st = asc_what_if_predict(&r, &s, two, 2, &o, NULL);
        bool hit = asc_fault_count(ASC_FAULT_ALLOC) >= n;
        asc_fault_arm(ASC_FAULT_ALLOC, 0);
        if (st == ASC_OK)
            assert_true(isnan(r.loss[0].value)); /* never a number because the reason could not be kept */
        asc_what_if_clear(&r);
        if (!hit)
            break;
        assert_true(n < 1000);
    }
    asc_law_set_clear(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_if__predicts_what_the_laws_do),
        cmocka_unit_test(what_if__differences_are_taken_draw_by_draw),
        cmocka_unit_test(what_if__says_where_it_is_asked_beyond_the_table),
        cmocka_unit_test(what_if__is_silent_where_an_axis_never_varied),
        cmocka_unit_test(what_if__intervals_widen_beyond_the_table),
        cmocka_unit_test(what_if__is_silent_where_an_axis_hardly_varied),
        cmocka_unit_test(what_if__repeated_tokens_count_less),
        cmocka_unit_test(what_if__every_failing_allocation_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
