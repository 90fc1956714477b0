/* Laws scored on runs that they never saw: errors by definition, groups by size, regret, coverage, names. */
#include "test.h"

#include "law_made.h"

enum { D = 2, V = 2 };

static asc_law_set s;
static asc_runs runs;
static asc_error err;
static asc_law_error *targets, whole;
static size_t n_targets;

/* Two laws without a mixture but for a slope in the first share: L = a + b w_0 as a linear law. */
static asc_law slope_law(double a, double b)
{
    double p[1 + 3 * D] = {a, b};
    return made_law("linear", D, false, false, p);
}

static int set_up(void **state)
{
    runs = made_runs(6, D, V, false, false, 1);
    for (size_t r = 0; r < 6; r++) { /* first share .1 .2 .. .6 */
        double w = .1 * (double)(r + 1);
        runs.total[r] = 1e9;
        runs.tokens[r * D] = w * 1e9;
        runs.tokens[r * D + 1] = (1 - w) * 1e9;
        runs.params[r] = NAN;
        runs.loss[r * V] = 3 + w;
        runs.loss[r * V + 1] = 4 - w;
    }
    s = (asc_law_set){.n_domains = D, .n_targets = V, .n_laws = V};
    s.domains = asc_calloc(D, sizeof *s.domains);
    s.targets = asc_calloc(V, sizeof *s.targets);
    s.laws = asc_calloc(V, sizeof *s.laws);
    for (size_t i = 0; i < D; i++)
        s.domains[i] = asc_strdup(runs.domains[i]);
    for (size_t v = 0; v < V; v++)
        s.targets[v] = asc_strdup(runs.targets[v]);
    s.objective.n_targets = V;
    s.laws[0] = slope_law(3, 1);
    s.laws[1] = slope_law(4, -1);
    return 0;
}

static int tear_down(void **state)
{
    asc_law_set_clear(&s);
    asc_runs_clear(&runs);
    return 0;
}

static void score(void)
{
    if (asc_law_score_runs(&targets, &n_targets, &whole, &s, &runs, &err) != ASC_OK)
        fail_msg("%s", err.msg);
}

static void done(void)
{
    asc_law_errors_free(targets, n_targets);
    asc_free(whole.target);
}

static void score__of_the_truth_is_none(void **state)
{
    score();
    assert_int_equal(n_targets, V);
    for (size_t v = 0; v < V; v++) {
        assert_string_equal(targets[v].target, runs.targets[v]);
        assert_true(targets[v].mre < 1e-12 && targets[v].rmse < 1e-12 && near_to(targets[v].spearman, 1, 1e-12));
        assert_int_equal(targets[v].n_rows, 6);
        assert_true(isnan(targets[v].regret) && isnan(targets[v].coverage));
    }
    assert_string_equal(whole.target, "objective");
    assert_true(whole.mre < 1e-12);
    done();
}

static void score__errors_are_those_of_their_definitions(void **state)
{
    double mre = 0, squares = 0;
    s.laws[0].params[0] = 3.1;
    for (size_t r = 0; r < 6; r++) {
        mre += .1 / runs.loss[r * V] / 6;
        squares += .01 / 6;
    }
    score();
    assert_true(near_to(targets[0].mre, mre, 1e-12) && near_to(targets[0].rmse, sqrt(squares), 1e-12));
    assert_true(near_to(targets[0].spearman, 1, 1e-12)); /* a bias ranks as well as the truth */
    assert_true(near_to(whole.rmse, .05, 1e-12));        /* half of it in the mean of two */
    done();
}

static void score__regret_is_of_the_mixture_that_the_law_would_choose(void **state)
{
    s.objective = (asc_objective){.kind = ASC_OBJ_WEIGHTS, .n_targets = V, .weights = asc_calloc(V, sizeof(double))};
    s.objective.weights[0] = 1;
    score();
    assert_true(whole.regret == 0);
    done();
    s.laws[0].params[1] = -1; /* the wrong slope: it chooses the largest share, .5 worse than the best */
    score();
    assert_true(near_to(whole.regret, .5, 1e-12) && near_to(whole.spearman, -1, 1e-12));
    done();
}

static void score__groups_are_sizes_at_their_last_tokens(void **state)
{
    for (size_t r = 0; r < 6; r++) {
        runs.params[r] = r < 3 ? 1e8 : 2e8;
        if (r == 0) { /* an early checkpoint of the smaller size, far off: no part of rank and regret */
            runs.total[0] /= 2;
            for (size_t i = 0; i < D; i++)
                runs.tokens[i] /= 2;
            runs.loss[0] = 9;
        }
    }
    score();
    assert_true(near_to(targets[0].spearman, 1, 1e-12)); /* of the larger size: two runs alone have no rank */
    assert_true(targets[0].mre > .05);                   /* but its row counts in the error */
    done();
}

static void score__columns_are_matched_by_name(void **state)
{
    char *keep = runs.domains[0];
    runs.domains[0] = runs.domains[1];
    runs.domains[1] = keep;
    for (size_t r = 0; r < 6; r++) {
        double t = runs.tokens[r * D];
        runs.tokens[r * D] = runs.tokens[r * D + 1];
        runs.tokens[r * D + 1] = t;
    }
    score();
    assert_true(targets[0].mre < 1e-12 && targets[1].mre < 1e-12);
    done();
}

static void score__rows_without_a_loss_are_left_out(void **state)
{
    runs.loss[2 * V] = NAN;
    score();
    assert_true(targets[0].n_rows == 5 && targets[1].n_rows == 6 && whole.n_rows == 5);
    done();
}

static void score__a_target_that_the_table_lacks_has_no_figures(void **state)
{
    asc_free(s.targets[1]);
    s.targets[1] = asc_strdup("elsewhere");
    score();
    assert_true(targets[1].n_rows == 0 && isnan(targets[1].mre) && isnan(targets[1].rmse));
    assert_true(isnan(whole.mre)); /* the objective needs both */
    done();
}

static void score__coverage_counts_rows_inside_the_band(void **state)
{
    s.laws[0].stats.noise = .1;
    s.laws[0].band[1] = 2; /* +- .2 */
    for (size_t r = 0; r < 6; r++)
        runs.loss[r * V] += .05 * (double)r; /* 0 to .25: the last is outside */
    score();
    assert_true(near_to(targets[0].coverage, 5. / 6, 1e-12) && near_to(targets[0].width, .4, 1e-12));
    assert_true(isnan(targets[1].coverage));
    done();
}

static void score__what_does_not_fit_the_law_is_refused_by_name(void **state)
{
    static const struct {
        const char *domain, *target, *why;
    } cases[] = {{"other", NULL, "no domain 'd1'"}, {NULL, "other", "no loss of any target of the law"}};
    for (size_t k = 0; k < 2; k++) {
        char *domain = runs.domains[1], *first = runs.targets[0], *second = runs.targets[1];
        if (cases[k].domain)
            runs.domains[1] = "other";
        if (cases[k].target)
            runs.targets[0] = runs.targets[1] = "other";
        assert_int_equal(asc_law_score_runs(&targets, &n_targets, &whole, &s, &runs, &err), ASC_EINVAL);
        if (!strstr(err.msg, cases[k].why))
            fail_msg("'%s' lacks '%s'", err.msg, cases[k].why);
        runs.domains[1] = domain;
        runs.targets[0] = first;
        runs.targets[1] = second;
    }
    runs.n_runs = 0;
    assert_int_equal(asc_law_score_runs(&targets, &n_targets, &whole, &s, &runs, &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "no rows"));
    runs.n_runs = 6;
}

static void score__a_domain_beyond_the_law_may_be_there_unused(void **state)
{
    asc_runs wide = made_runs(6, D + 1, V, false, false, 1);
    for (size_t r = 0; r < 6; r++) {
        memcpy(wide.tokens + r * (D + 1), runs.tokens + r * D, D * sizeof(double));
        wide.tokens[r * (D + 1) + D] = 0;
        wide.total[r] = 1e9;
        wide.params[r] = NAN;
        memcpy(wide.loss + r * V, runs.loss + r * V, V * sizeof(double));
    }
    assert_int_equal(asc_law_score_runs(&targets, &n_targets, &whole, &s, &wide, &err), ASC_OK);
    assert_true(targets[0].mre < 1e-12);
    done();
    wide.tokens[4 * (D + 1) + D] = 5;
    assert_int_equal(asc_law_score_runs(&targets, &n_targets, &whole, &s, &wide, &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "row 5 uses domain 'd2'"));
    asc_runs_clear(&wide);
}

static void score__every_failing_allocation_is_survived(void **state)
{
    s.laws[0].band[1] = 1;
    s.laws[0].stats.noise = .1;
    for (uint64_t n = 1;; n++) {
        asc_fault_arm(ASC_FAULT_ALLOC, n);
        asc_status st = asc_law_score_runs(&targets, &n_targets, &whole, &s, &runs, &err);
        uint64_t calls = asc_fault_count(ASC_FAULT_ALLOC);
        asc_fault_arm(ASC_FAULT_ALLOC, 0);
        if (st == ASC_OK)
            done();
        if (calls < n)
            return;
    }
}

#define WITH_SET(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SET(score__of_the_truth_is_none),
        WITH_SET(score__errors_are_those_of_their_definitions),
        WITH_SET(score__regret_is_of_the_mixture_that_the_law_would_choose),
        WITH_SET(score__groups_are_sizes_at_their_last_tokens),
        WITH_SET(score__columns_are_matched_by_name),
        WITH_SET(score__rows_without_a_loss_are_left_out),
        WITH_SET(score__a_target_that_the_table_lacks_has_no_figures),
        WITH_SET(score__coverage_counts_rows_inside_the_band),
        WITH_SET(score__what_does_not_fit_the_law_is_refused_by_name),
        WITH_SET(score__a_domain_beyond_the_law_may_be_there_unused),
        WITH_SET(score__every_failing_allocation_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
