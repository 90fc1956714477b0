/* From runs to optima, predictions and what they would have missed: stars whose losses follow a known law. */
#include "test.h"

#include "study_made.h"

static const double strength[D] = {40, 20, 10};
static double power[D];

static void one_run(asc_run_kind kind, double scale, size_t domain, double factor)
{
    char id[48];
    snprintf(id, sizeof id, "%d-%zu-%g-%zu", (int)kind, domain, scale, s.n_runs);
    asc_store_run *r = add_done(kind, id, kind == ASC_KIND_BASE ? NULL : names[domain], scale, 0);
    r->tokens[domain] *= factor;
    for (size_t v = 0; v < D; v++)
        r->result->loss[v] = 2 + strength[v] * pow(r->tokens[v], -power[v]);
}

static void star(double scale)
{
    one_run(ASC_KIND_BASE, scale, 0, 1);
    for (size_t i = 0; i < D; i++) {
        one_run(ASC_KIND_UP, scale, i, spec.factor);
        one_run(ASC_KIND_DOWN, scale, i, 1 / spec.down);
    }
}

static int set_up(void **state)
{
    if (study_set_up(state) != 0)
        return 1;
    for (size_t i = 0; i < D; i++)
        power[i] = .4;
    s.scales = asc_calloc(spec.n_scales, sizeof *s.scales);
    for (size_t k = 0; s.scales && k < spec.n_scales; k++)
        s.scales[k] = (asc__scale){.k = k, .tokens = scales[k]};
    return s.scales ? 0 : 1;
}

static int tear_down(void **state)
{
    for (size_t k = 0; k < spec.n_scales; k++) {
        asc_law_set_clear(&s.scales[k].law);
        asc_ddo_star_clear(&s.scales[k].star);
        asc_mix_result_clear(&s.scales[k].optimum);
        asc_free(s.scales[k].why);
    }
    asc_optima_clear(&s.optima);
    asc_rule_result_clear(&s.rule);
    asc_law_set_clear(&s.joint_law);
    asc_mix_result_clear(&s.joint);
    return study_tear_down(state);
}

static void ok(asc_status st)
{
    if (st != ASC_OK)
        fail_msg("%s", err.msg);
}

/* Of the sum of a n^-p with sum(n) = tokens: a p n^(-p-1) is the same for all, found by bisection. */
static void best_shares(double *w, double tokens)
{
    double lo = -80, hi = 80;
    for (int it = 0; it < 200; it++) {
        double m = (lo + hi) / 2, sum = 0;
        for (size_t i = 0; i < D; i++)
            sum += w[i] = exp((log(strength[i] * power[i]) - m) / (power[i] + 1)) / tokens;
        *(sum > 1 ? &lo : &hi) = m;
    }
}

static void scale__finds_the_best_shares_of_a_known_law(void **state)
{
    double truth[D];
    star(scales[0]);
    star(scales[1]);
    for (size_t k = 0; k < 2; k++) {
        ok(asc__study_fit_scale(&s, k, &err));
        assert_true(s.scales[k].fitted && s.scales[k].ended && !s.scales[k].why);
        best_shares(truth, scales[k]);
        for (size_t i = 0; i < D; i++)
            if (fabs(s.scales[k].optimum.weights[i] - truth[i]) > .02)
                fail_msg("scale %zu, %s: %g, truth %g", k, names[i], s.scales[k].optimum.weights[i], truth[i]);
    }
}

/* A limit of the study's bounds its optimum too. */
static void scale__keeps_the_limits(void **state)
{
    star(scales[0]);
    most[0] = .36;
    ok(asc__study_fit_scale(&s, 0, &err));
    assert_true(fabs(s.scales[0].optimum.weights[0] - .36) < 1e-6);
}

static void scale__without_its_star_says_why(void **state)
{
    one_run(ASC_KIND_BASE, scales[0], 0, 1);
    ok(asc__study_fit_scale(&s, 0, &err));
    assert_true(s.scales[0].ended && !s.scales[0].fitted);
    assert_true(s.scales[0].why && strlen(s.scales[0].why) > 0 && s.scales[0].notes.n == 1);
    star(scales[0]); /* too late: a scale is tried once */
    ok(asc__study_fit_scale(&s, 0, &err));
    assert_false(s.scales[0].fitted);
}

static void prediction__needs_a_fitted_scale(void **state)
{
    one_run(ASC_KIND_BASE, scales[0], 0, 1);
    ok(asc__study_fit_scale(&s, 0, &err));
    assert_int_equal(asc__study_predict(&s, &err), ASC_ENUMERIC);
    assert_non_null(strstr(err.msg, s.scales[0].why));
    s.runs[0].state = ASC_RUN_DIVERGED;
    assert_int_equal(asc__study_predict(&s, &err), ASC_ENUMERIC);
    assert_non_null(strstr(err.msg, "1 of 1 runs diverged"));
}

static void prediction__of_equal_powers_keeps_the_shares(void **state)
{
    double truth[D], sum = 0;
    star(scales[0]);
    star(scales[1]);
    ok(asc__study_fit_scale(&s, 0, &err));
    ok(asc__study_fit_scale(&s, 1, &err));
    ok(asc__study_predict(&s, &err));
    assert_true(s.has_rule && s.has_joint && s.optima.n_scales == 2);
    best_shares(truth, spec.target_tokens);
    for (size_t i = 0; i < D; i++) {
        sum += s.rule.shrunken[i];
        if (fabs(s.rule.shrunken[i] - truth[i]) > .03)
            fail_msg("%s: %g, truth %g", names[i], s.rule.shrunken[i], truth[i]);
    }
    assert_true(fabs(sum - 1) < 1e-9);
}

static void past_error__is_half_the_sum_of_differences(void **state)
{
    double w[D] = {.5, .3, .2}, *o, x;
    asc__mixture m = {.kind = ASC_MIXTURE_UNIFORM, .weights = w};
    assert_true(isnan(asc__study_past_error(&s, &m)));
    for (size_t i = 0; i < D; i++)
        power[i] = .3 + .1 * (double)i; /* shares move with the budget */
    star(scales[0]);
    star(scales[1]);
    ok(asc__study_fit_scale(&s, 0, &err));
    ok(asc__study_fit_scale(&s, 1, &err));
    ok(asc__study_predict(&s, &err));
    o = s.optima.weights;
    x = (fabs(.5 - o[D]) + fabs(.3 - o[D + 1]) + fabs(.2 - o[D + 2])) / 2;
    assert_true(fabs(asc__study_past_error(&s, &m) - x) < 1e-12);
    m.kind = ASC_MIXTURE_KEEP_LAST;
    x = (fabs(o[0] - o[D]) + fabs(o[1] - o[D + 1]) + fabs(o[2] - o[D + 2])) / 2;
    assert_true(x > 0 && fabs(asc__study_past_error(&s, &m) - x) < 1e-12);
    m.kind = ASC_MIXTURE_RULE; /* needs two scales before the last */
    assert_true(isnan(asc__study_past_error(&s, &m)));
}

static void table__has_what_was_used_where_the_trainer_says(void **state)
{
    asc_table t = {0};
    static const size_t list[] = {1, 0};
    one_run(ASC_KIND_BASE, scales[0], 0, 1);
    one_run(ASC_KIND_UP, scales[0], 2, 3);
    s.runs[1].result->domain_tokens[2] = 4321;
    ok(asc__study_table(&t, &s, list, 2, &err));
    assert_true(t.runs.n_runs == 2 && t.has_run && t.has_seed && t.has_params);
    assert_true(t.runs.tokens[2] == 4321 && t.runs.tokens[0] == 1600 && t.runs.total[0] == 1600 + 1600 + 4321);
    assert_true(t.runs.total[1] == 4800 && t.runs.loss[D] == s.runs[0].result->loss[0]);
    assert_true(t.runs.params[0] == (double)asc_model_params(&s.model) && t.seed[0] == 1 && t.seed[1] == 0);
    asc_table_clear(&t);
}

static void learned__effects_are_in_order_of_their_change(void **state)
{
    char text[200];
    static const double change[D] = {-.1, .25, -.3};
    assert_int_equal(asc__study_learnt(text, sizeof text, &s, beside(scales[0])), 0);
    assert_string_equal(text, "");
    add_done(ASC_KIND_BASE, "b1", NULL, scales[0], 2.9);
    add_done(ASC_KIND_BASE, "b2", NULL, scales[0], 3.1);
    for (size_t i = 0; i < D; i++)
        add_done(ASC_KIND_UP, names[i], names[i], scales[0], 3 + change[i]);
    add_done(ASC_KIND_UP, "other", names[0], scales[1], 1); /* of another scale */
    assert_int_equal(asc__study_learnt(text, sizeof text, &s, beside(scales[0])), D);
    assert_string_equal(text, "3x news -0.300, books -0.100, code +0.250");
}

static void flops__are_those_of_the_products(void **state)
{
    /* A token: 12 C^2 weights of the layer, attention 2 T C, output 100 C; two FLOPs each; training three times. */
    double C = 8, a_token = 2 * (12 * C * C + 2 * T * C + 100 * C);
    assert_true(asc_flops_eval(&s.model, 1000) == 1000 * a_token);
    assert_true(asc_flops_train(&s.model, 1000) == 3000 * a_token);
    assert_true(asc__flops_forward(&s.model, 1000, 10) == 1000 * a_token - 990 * 2 * 100 * C);
}

#define T_(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T_(scale__finds_the_best_shares_of_a_known_law),
        T_(scale__keeps_the_limits),
        T_(scale__without_its_star_says_why),
        T_(prediction__needs_a_fitted_scale),
        T_(prediction__of_equal_powers_keeps_the_shares),
        T_(past_error__is_half_the_sum_of_differences),
        T_(table__has_what_was_used_where_the_trainer_says),
        T_(learned__effects_are_in_order_of_their_change),
        T_(flops__are_those_of_the_products),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
