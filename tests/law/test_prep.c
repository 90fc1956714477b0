/* A table made ready for fits: features, what varies, rows that stay together, folds, cells, forward validations. */
#include "test.h"

#include "law_made.h"

enum { D = 3, V = 2 };

static asc_runs runs;
static asc__prep p;
static asc_law_opts o;
static asc_error err;

static void prepare(void)
{
    asc__prep_clear(&p);
    if (asc__prep_init(&p, &runs, &o, &err) != ASC_OK)
        fail_msg("%s", err.msg);
}

static int set_up(void **state)
{
    runs = made_runs(40, D, V, true, true, 11);
    for (size_t k = 0; k < 40 * V; k++)
        runs.loss[k] = 2 + .01 * (double)k;
    o = made_opts("auto");
    p = (asc__prep){0};
    return 0;
}

static int tear_down(void **state)
{
    asc__prep_clear(&p);
    asc_runs_clear(&runs);
    return 0;
}

/* A row of the same mixture at another budget. */
static void copy_mixture(size_t to, size_t from, double total)
{
    for (size_t i = 0; i < D; i++)
        runs.tokens[to * D + i] = runs.tokens[from * D + i] / runs.total[from] * total;
    runs.total[to] = total;
}

static void features__are_shares_logs_and_scaled_tokens(void **state)
{
    prepare();
    const asc__features *x = &p.x;
    assert_true(x->ld % ASC_LANES == 0 && x->ld >= 40 && x->n == 40);
    assert_true(x->unit_tokens == 4e9 && x->unit_params == 4e8);
    for (size_t r = 0; r < 40; r++) {
        double sum = 0;
        for (size_t i = 0; i < D; i++) {
            double w = runs.tokens[r * D + i] / runs.total[r];
            assert_true(near_to(x->w[i * x->ld + r], w, 1e-12));
            assert_true(near_to(x->log_w[i * x->ld + r], log(fmax(w, ASC__FLOOR)), 1e-12));
            assert_true(near_to(x->x[i * x->ld + r], runs.tokens[r * D + i] / 4e9, 1e-12));
            sum += x->w[i * x->ld + r];
        }
        assert_true(near_to(sum, 1, 1e-12));
        assert_true(near_to(x->log_n[r], log(runs.total[r] / 4e9), 1e-12));
        assert_true(near_to(x->log_p[r], log(runs.params[r] / 4e8), 1e-12));
    }
}

static void features__a_share_of_nothing_is_taken_as_the_floor(void **state)
{
    runs.tokens[0] = 0;
    runs.tokens[1] = runs.total[0] - runs.tokens[2];
    prepare();
    assert_true(p.x.w[0] == 0);
    assert_true(near_to(p.x.log_w[0], log(ASC__FLOOR), 1e-12));
}

static void varies__means_by_more_than_a_hundredth(void **state)
{
    static const struct {
        double tokens, params;
        bool has_tokens, has_params;
    } cases[] = {{1, 1, false, false},       {1.005, 1.005, false, false}, {1.02, 1, true, false},
                 {1, 1.02, false, true},     {3, NAN, true, false},        {2, -1, true, false},
                 {1.011, 1.011, true, true}, {.5, .5, true, true}};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        for (size_t r = 0; r < 40; r++) {
            copy_mixture(r, r, r == 7 ? 1e9 * cases[k].tokens : 1e9);
            runs.params[r] = r == 7 ? 1e8 * cases[k].params : 1e8;
        }
        prepare();
        assert_int_equal(p.x.has_tokens, cases[k].has_tokens);
        assert_int_equal(p.x.has_params, cases[k].has_params);
    }
}

static void losses__that_are_not_measured_weigh_nothing(void **state)
{
    runs.loss[3 * V + 1] = NAN;
    prepare();
    assert_true(p.weight[p.ld + 3] == 0 && p.y[p.ld + 3] == 0);
    assert_true(p.weight[3] == 1 && p.y[3] == runs.loss[3 * V]);
    for (size_t r = 40; r < p.ld; r++)
        assert_true(p.weight[r] == 0 && p.weight[p.ld + r] == 0);
}

/* A row of half the weight: the fit goes past it as if its noise were larger. */
static void rows__weigh_as_much_as_they_are_trusted(void **state)
{
    runs.trust[3] = .25;
    prepare();
    assert_true(p.weight[3] == .25 && p.weight[p.ld + 3] == .25 && p.weight[4] == 1);
    runs.trust[3] = 0;
    asc__prep q;
    assert_int_equal(asc__prep_init(&q, &runs, &o, &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "row 4: trust = 0, expected a number in (0, 1]"));
}

static void own__is_the_domain_of_the_targets_name(void **state)
{
    asc_free(runs.targets[1]);
    runs.targets[1] = asc_strdup("d2");
    prepare();
    assert_true(p.own[0] == ASC_NONE && p.own[1] == 2);
}

static void units__join_checkpoints_of_a_run(void **state)
{
    for (size_t r = 0; r < 40; r++)
        runs.group[r] = r / 4;
    runs.n_groups = 10;
    prepare();
    assert_int_equal(p.n_units, 10);
    for (size_t r = 0; r < 40; r++)
        assert_int_equal(p.unit[r], r / 4);
}

static void units__join_equal_mixtures_of_different_runs(void **state)
{
    copy_mixture(20, 3, 3e9);
    copy_mixture(31, 3, 1e9);
    copy_mixture(8, 7, 2e9);
    prepare();
    assert_int_equal(p.n_units, 37);
    assert_int_equal(p.unit[20], p.unit[3]);
    assert_int_equal(p.unit[31], p.unit[3]);
    assert_int_equal(p.unit[8], p.unit[7]);
    assert_true(p.unit[4] != p.unit[3]);
}

static void units__a_shared_mixture_joins_whole_runs(void **state)
{
    for (size_t r = 0; r < 40; r++)
        runs.group[r] = r / 2;
    runs.n_groups = 20;
    copy_mixture(10, 21, 4e9); /* run 5 and run 10 meet in one row */
    prepare();
    assert_int_equal(p.n_units, 19);
    assert_int_equal(p.unit[11], p.unit[20]);
}

static void folds__are_as_even_as_units_allow(void **state)
{
    for (size_t n_folds = 2; n_folds < 9; n_folds++) {
        size_t count[9] = {0};
        o.n_folds = n_folds;
        prepare();
        assert_int_equal(p.n_folds, n_folds);
        for (size_t r = 0; r < 40; r++)
            count[p.fold[r]]++;
        for (size_t k = 0; k < n_folds; k++)
            assert_true(count[k] == 40 / n_folds || count[k] == 40 / n_folds + 1);
    }
}

static void folds__depend_on_the_seed_alone(void **state)
{
    int first[40];
    prepare();
    memcpy(first, p.fold, sizeof first);
    for (size_t k = 0; k < 40 * V; k++)
        runs.loss[k] *= 2;
    prepare();
    assert_memory_equal(first, p.fold, sizeof first);
    o.seed = 1;
    prepare();
    assert_memory_not_equal(first, p.fold, sizeof first);
}

static void folds__there_are_none_where_too_few_runs_are_apart(void **state)
{
    static const struct {
        size_t groups, asked;
        int folds;
    } cases[] = {{2, 5, 0}, {3, 5, 3}, {4, 5, 4}, {10, 5, 5}, {10, 1, 0}, {10, 0, 0}};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        for (size_t r = 0; r < 40; r++)
            runs.group[r] = r * cases[k].groups / 40;
        runs.n_groups = cases[k].groups;
        o.n_folds = cases[k].asked;
        prepare();
        assert_int_equal(p.n_folds, cases[k].folds);
        for (size_t r = 0; r < 40; r++)
            assert_true(p.n_folds ? p.fold[r] >= 0 && p.fold[r] < p.n_folds : p.fold[r] == -1);
    }
}

static void cells__are_one_size_and_budget(void **state)
{
    prepare();
    for (size_t a = 0; a < 40; a++)
        for (size_t b = 0; b < 40; b++)
            assert_int_equal(p.cell[a] == p.cell[b],
                             runs.total[a] == runs.total[b] && runs.params[a] == runs.params[b]);
    for (size_t r = 0; r < 40; r++) { /* sizes that nobody gave are one size */
        runs.params[r] = NAN;
        copy_mixture(r, r, r % 2 ? 1e9 : 1.005e9); /* and so are budgets within a hundredth */
    }
    prepare();
    assert_int_equal(p.n_cells, 1);
}

/* Rank correlation is of each cell alone: that the second cell lies higher says nothing of mixtures. */
static void rank__is_the_mean_over_cells(void **state)
{
    double pred[64] = {0}, y[64] = {0}, weight[64] = {0};
    for (size_t r = 0; r < 40; r++) {
        bool late = r >= 20;
        copy_mixture(r, r, late ? 2e9 : 1e9);
        runs.params[r] = 1e8;
        y[r] = (double)(r % 20) + (late ? 100 : 0);
        pred[r] = (late ? -1 : 1) * (double)(r % 20);
        weight[r] = 1;
    }
    prepare();
    assert_int_equal(p.n_cells, 2);
    assert_true(near_to(asc__cell_spearman(&p, pred, y, weight), 0, 1e-12));
    for (size_t r = 20; r < 40; r++)
        weight[r] = 0;
    assert_true(near_to(asc__cell_spearman(&p, pred, y, weight), 1, 1e-12));
    for (size_t r = 0; r < 40; r++)
        pred[r] = NAN;
    assert_true(isnan(asc__cell_spearman(&p, pred, y, weight)));
}

/* Sizes and budgets of a table to the forward validations that it allows. */
static void stages__go_from_small_to_large(void **state)
{
    static const struct {
        int sizes, budgets;
        size_t n_stages;
    } cases[] = {{1, 1, 0}, {1, 2, 0}, {1, 4, 1}, {2, 4, 2}, {4, 4, 1}, {4, 1, 1}, {2, 1, 0}};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        for (size_t r = 0; r < 40; r++) {
            copy_mixture(r, r, 1e9 * (double)(1 + r % (size_t)cases[k].budgets));
            runs.params[r] = 1e8 * (double)(1 + r / 4 % (size_t)cases[k].sizes);
        }
        prepare();
        if (p.n_stages != cases[k].n_stages)
            fail_msg("%d sizes, %d budgets: %zu stages, expected %zu", cases[k].sizes, cases[k].budgets, p.n_stages,
                     cases[k].n_stages);
        for (size_t s = 0; s < p.n_stages; s++)
            for (size_t r = 0; r < 40; r++) {
                int8_t stage = p.stage[s * 40 + r];
                bool top_size = runs.params[r] == 1e8 * cases[k].sizes, top_budget = runs.total[r] == 1e9 * 4;
                if (cases[k].sizes > 2) /* all but the largest size predict it */
                    assert_int_equal(stage, top_size ? 1 : 0);
                else if (s == 0) /* up to half the budget predicts the whole of it */
                    assert_int_equal(stage, runs.total[r] <= 2.2e9 ? 0 : top_budget ? 1 : -1);
                else if (!top_size) /* at the largest size, all of the smaller one known */
                    assert_int_equal(stage, 0);
            }
    }
}

static void stages__need_an_axis_that_the_early_rows_show(void **state)
{
    for (size_t r = 0; r < 40; r++) { /* budgets of 1 and 4: the early rows are of one budget */
        copy_mixture(r, r, r % 2 ? 1e9 : 4e9);
        runs.params[r] = 1e8;
    }
    prepare();
    assert_int_equal(p.n_stages, 0);
}

static void tables__that_cannot_be_fitted_are_named(void **state)
{
    asc__prep q;
    double keep = runs.tokens[5 * D];
    runs.tokens[5 * D] = -1;
    assert_int_equal(asc__prep_init(&q, &runs, &o, &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "row 6"));
    runs.tokens[5 * D] = keep;
    runs.loss[9 * V + 1] = INFINITY;
    assert_int_equal(asc__prep_init(&q, &runs, &o, &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "row 10"));
    assert_non_null(strstr(err.msg, "t1"));
    asc_runs none = {0};
    assert_int_equal(asc__prep_init(&q, &none, &o, &err), ASC_EINVAL);
}

static void prep__every_failing_allocation_is_survived(void **state)
{
    asc__prep q;
    for (uint64_t n = 1;; n++) {
        asc_fault_arm(ASC_FAULT_ALLOC, n);
        asc_status s = asc__prep_init(&q, &runs, &o, &err);
        uint64_t calls = asc_fault_count(ASC_FAULT_ALLOC);
        asc_fault_arm(ASC_FAULT_ALLOC, 0);
        if (calls < n) {
            assert_int_equal(s, ASC_OK);
            asc__prep_clear(&q);
            return;
        }
        assert_int_equal(s, ASC_ENOMEM);
    }
}

#define WITH_TABLE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_TABLE(features__are_shares_logs_and_scaled_tokens),
        WITH_TABLE(features__a_share_of_nothing_is_taken_as_the_floor),
        WITH_TABLE(varies__means_by_more_than_a_hundredth),
        WITH_TABLE(losses__that_are_not_measured_weigh_nothing),
        WITH_TABLE(rows__weigh_as_much_as_they_are_trusted),
        WITH_TABLE(own__is_the_domain_of_the_targets_name),
        WITH_TABLE(units__join_checkpoints_of_a_run),
        WITH_TABLE(units__join_equal_mixtures_of_different_runs),
        WITH_TABLE(units__a_shared_mixture_joins_whole_runs),
        WITH_TABLE(folds__are_as_even_as_units_allow),
        WITH_TABLE(folds__depend_on_the_seed_alone),
        WITH_TABLE(folds__there_are_none_where_too_few_runs_are_apart),
        WITH_TABLE(cells__are_one_size_and_budget),
        WITH_TABLE(rank__is_the_mean_over_cells),
        WITH_TABLE(stages__go_from_small_to_large),
        WITH_TABLE(stages__need_an_axis_that_the_early_rows_show),
        WITH_TABLE(tables__that_cannot_be_fitted_are_named),
        WITH_TABLE(prep__every_failing_allocation_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
