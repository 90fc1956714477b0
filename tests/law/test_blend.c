/* The weights of a blend, from hand-made held-out errors; how laws are judged and ranked; the meter of a long fit. */
#include "test.h"

#include "law_made.h"

enum { D = 2, R = 24, MOST = 8 };

static asc_runs runs;
static asc__prep p;
static asc_law_opts o;
static asc__contender laws[MOST];
static asc__field f;
static double *memory;

/* A table of V targets; every run apart. */
static void table_of(size_t V)
{
    o = made_opts("auto");
    runs = made_runs(R, D, V, false, false, 1);
    for (size_t i = 0; i < R * V; i++)
        runs.loss[i] = 2;
    assert_int_equal(asc__prep_init(&p, &runs, &o, NULL), ASC_OK);
    memory = asc_calloc(MOST * V * (p.ld + 4), sizeof *memory);
    f = (asc__field){.prep = &p, .o = &o, .laws = laws};
    memset(laws, 0, sizeof laws);
}

static void done(void)
{
    asc_free(memory);
    asc__prep_clear(&p);
    asc_runs_clear(&runs);
}

/* One more law in the field: on target v it is off by offset[v] everywhere. */
static asc__contender *add(const char *name, bool gp, const double *offset, const double *forward)
{
    size_t V = p.n_targets;
    asc__contender *c = &laws[f.n];
    double *at = memory + f.n++ * V * (p.ld + 4);
    *c = (asc__contender){.family = asc_law_family_named(name, NULL), .gp = gp, .held = at};
    c->mre = at + V * p.ld;
    c->mse = c->mre + V;
    c->spearman = c->mse + V;
    c->forward = c->spearman + V;
    for (size_t v = 0; v < V; v++) {
        for (size_t r = 0; r < p.ld; r++)
            c->held[v * p.ld + r] = 2 + offset[v];
        c->mre[v] = fabs(offset[v]) / 2;
        c->mse[v] = offset[v] * offset[v];
        c->spearman[v] = NAN;
        c->forward[v] = forward ? forward[v] : NAN;
    }
    return c;
}

/* By how much the blend of the field is off. */
static double offset_of_blend(void)
{
    asc_law_score s;
    assert_int_equal(asc__blend_score(&s, &f, NULL), ASC_OK);
    assert_string_equal(s.law, "blend");
    return sqrt(s.cv_mse);
}

static void weights__fall_with_the_square_of_the_squared_error(void **state)
{
    table_of(1);
    add("effective", false, (double[]){.1}, NULL);
    add("reciprocal-mult", false, (double[]){.2}, NULL);
    /* squared errors .01 and .04: weights 1 and 1/16 */
    assert_true(near_to(offset_of_blend(), (.1 + .2 / 16) / (1 + 1. / 16), 1e-9));
    done();
}

static void weights__of_errors_on_both_sides_cancel(void **state)
{
    table_of(1);
    add("effective", false, (double[]){.1}, NULL);
    add("reciprocal-mult", false, (double[]){-.1}, NULL);
    assert_true(offset_of_blend() < 1e-12);
    done();
}

static void weights__below_a_twenty_fifth_are_none(void **state)
{
    table_of(1);
    add("effective", false, (double[]){.1}, NULL);
    add("reciprocal-mult", false, (double[]){.3}, NULL); /* (1/9)^2 = .0123 */
    assert_true(near_to(offset_of_blend(), .1, 1e-12));
    done();
}

static void parts__are_the_better_form_of_each_family(void **state)
{
    table_of(1);
    add("effective", false, (double[]){.2}, NULL);
    add("effective", true, (double[]){.1}, NULL);
    add("reciprocal-mult", false, (double[]){.1}, NULL);
    add("reciprocal-mult", true, (double[]){.15}, NULL);
    assert_true(near_to(offset_of_blend(), .1, 1e-12)); /* neither worse form takes part */
    done();
}

static void parts__always_hold_one_that_may_decide(void **state)
{
    table_of(1);
    add("linear", false, (double[]){.01}, NULL); /* far ahead, but it decides nothing */
    add("effective", false, (double[]){-.5}, NULL);
    double w = pow(.0001 / .25, 2);
    assert_true(near_to(offset_of_blend(), fabs(.01 - .5 * w) / (1 + w), 1e-9));
    done();
}

static void parts__are_six_at_most(void **state)
{
    static const char *const names[] = {"effective",      "reciprocal-mult",  "dml",      "reciprocal-scale",
                                        "reciprocal-add", "reciprocal-joint", "ddo-joint"};
    table_of(1);
    for (size_t i = 0; i < 7; i++)
        add(names[i], false, (double[]){i < 6 ? .1 : .1001}, NULL);
    laws[6].held[0] = laws[6].held[1] = 1e6; /* would show */
    assert_true(near_to(offset_of_blend(), .1, 1e-9));
    done();
}

static void forward__counts_where_the_table_can_judge_it(void **state)
{
    table_of(1);
    add("effective", false, (double[]){.1}, (double[]){.2});         /* four times its held-out error of .05 */
    add("reciprocal-mult", false, (double[]){-.1}, (double[]){.05}); /* as good forward as held out */
    double w = pow(.01 / .04, 2);                                    /* squared errors .04 and .01 */
    assert_true(near_to(offset_of_blend(), fabs(.1 * w - .1) / (1 + w), 1e-9));
    done();
    table_of(1);
    add("effective", false, (double[]){.1}, NULL); /* without the figure that others have: left out */
    add("reciprocal-mult", false, (double[]){-.2}, (double[]){.1});
    assert_true(near_to(offset_of_blend(), .2, 1e-12));
    done();
}

/* With few runs what a law does on the other targets counts too: the log errors are drawn towards their mean. */
static void few__runs_draw_a_targets_weights_towards_all(void **state)
{
    table_of(2);
    double keep = R / (R + 40.);
    add("effective", false, (double[]){.1, .1}, NULL);
    add("reciprocal-mult", false, (double[]){.2, .05}, NULL); /* the same mean of logarithms */
    double e = log(.01), m1 = keep * log(.04) + (1 - keep) * e, m2 = keep * log(.0025) + (1 - keep) * e, sum = 0;
    double ratio[2] = {exp(2 * (e - m1)), exp(2 * (m2 - e))}; /* of the worse to the better */
    sum += pow((.1 + ratio[0] * .2) / (1 + ratio[0]), 2);
    sum += pow((.05 + ratio[1] * .1) / (1 + ratio[1]), 2);
    assert_true(near_to(offset_of_blend(), sqrt(sum / 2), 1e-9));
    done();
}

static void field__without_figures_has_no_blend(void **state)
{
    table_of(1);
    add("effective", false, (double[]){NAN}, NULL);
    asc_law_score s;
    assert_int_equal(asc__blend_score(&s, &f, NULL), ASC_OK);
    assert_true(isnan(s.cv_mre) && isnan(s.cv_mse) && isnan(s.cv_spearman));
    done();
}

static void judged__error_is_held_out_and_forward(void **state)
{
    assert_true(asc__held_out_error(.04, .1, NAN) == .04);
    assert_true(near_to(asc__held_out_error(.04, .1, .3), .12, 1e-15));
    assert_true(near_to(asc__held_out_error(.04, .1, .05), .02, 1e-15));
    assert_true(asc__held_out_error(.04, 0, .3) == .04); /* nothing to compare with */
    assert_true(isnan(asc__held_out_error(NAN, NAN, NAN)));
}

/* Whole laws: what made the table is ahead, linear never decides alone. */
static void blend__fitted_has_weights_that_sum_to_one(void **state)
{
    static const double truth[] = {1.3, .9, .4, .3, .6};
    asc_runs t = made_runs(30, D, 3, false, false, 2);
    asc_law l = made_law("reciprocal-mult", D, false, false, truth);
    asc_law_set s;
    for (size_t v = 0; v < 3; v++)
        made_losses(&t, v, &l, .01, v);
    o = made_opts("auto");
    o.n_bootstrap = 24;
    assert_int_equal(asc_law_fit(&s, &t, &o, NULL), ASC_OK);
    assert_true(s.chosen && s.n_laws == 3);
    for (size_t v = 0; v < 3; v++) {
        const asc_law *b = &s.laws[v];
        double sum = 0;
        size_t count[8] = {0};
        if (b->n_parts == 0)
            continue; /* one law alone was left */
        assert_true(b->n_parts <= 6 && asc_law_decides(b) && b->n_draws == 24);
        for (size_t i = 0; i < b->n_parts; i++) {
            assert_true(b->params[i] > 0 && (i == 0 || b->params[i] <= b->params[i - 1]));
            sum += b->params[i];
        }
        assert_true(near_to(sum, 1, 1e-12));
        for (size_t k = 0; k < b->n_draws; k++) { /* each draw of a law that may decide, each of its draws once */
            size_t part = (size_t)b->pick[2 * k];
            assert_true(asc_law_decides(&b->parts[part]));
            assert_int_equal(b->pick[2 * k + 1], count[part]++);
        }
        for (size_t i = 0; i < b->n_parts; i++)
            assert_int_equal(b->parts[i].n_draws, count[i]);
    }
    asc_law_set_clear(&s);
    asc_law_clear(&l);
    asc_runs_clear(&t);
}

/* A table can be so large that only laws are tried that decide nothing: their blend predicts, with draws of any part.
 */
static void blend__of_laws_that_decide_nothing_has_draws_of_all(void **state)
{
    static const char *const names[] = {"constant", "linear"};
    for (size_t n = 1; n <= 2; n++) {
        asc__pool pools[2] = {0};
        asc__verdict verdicts[2];
        asc_law out = {0};
        size_t count[2] = {0, 0};
        table_of(1);
        o.n_bootstrap = 8;
        for (size_t r = 0; r < R; r++)
            p.y[r] += .1 * sin((double)r);
        for (size_t i = 0; i < n; i++) {
            asc__contender *c = add(names[i], false, (double[]){.1 + .01 * (double)i}, NULL);
            assert_int_equal(asc__pool_init(&pools[i], &p, c->family, 1, NULL), ASC_OK);
            verdicts[i] = (asc__verdict){.known = true, .sd = 1, .held = c->held, .forward_mre = NAN};
            c->pool = &pools[i];
            c->verdicts = &verdicts[i];
        }
        assert_int_equal(asc__blend_laws(&out, &f, NULL), ASC_OK);
        assert_true(!asc_law_decides(&out) && out.n_draws == 8 && out.n_parts == (n > 1 ? n : 0));
        for (size_t k = 0; k < 8 && n > 1; k++)
            count[out.pick[2 * k]]++;
        assert_true(n == 1 || (count[0] > 0 && count[1] > 0 && count[0] == out.parts[0].n_draws));
        asc_law_clear(&out);
        for (size_t i = 0; i < n; i++)
            asc__pool_clear(&pools[i]);
        done();
    }
}

/* ---- meter ---- */

typedef struct told {
    size_t n;
    double done, total;
    char unit[16];
} told;

static void tell(void *ctx, const char *what, double at, double total, const char *unit)
{
    told *t = ctx;
    assert_string_equal(what, "testing");
    assert_true(at <= total + 1e-12);
    t->n++;
    t->done = at;
    t->total = total;
    snprintf(t->unit, sizeof t->unit, "%s", unit);
}

static void meter__counts_jobs_to_their_share_and_no_further(void **state)
{
    told t = {0};
    asc__meter m;
    o = made_opts("auto");
    o.progress = tell;
    o.progress_ctx = &t;
    asc__meter_init(&m, &o, "testing", 2, 10);
    assert_true(t.n == 1 && t.done == 0 && strcmp(t.unit, "steps") == 0);
    size_t per_job = ASC__METER_FIT * (2 * o.n_folds + 1) + 10, spent[2] = {0, 0};
    assert_true(t.total == (double)(2 * per_job));
    asc__meter_add(&m, &spent[0], 5);
    assert_true(t.done == 5 && spent[0] == 5);
    asc__meter_add(&m, &spent[0], SIZE_MAX); /* done: what it did not need is added */
    assert_true(t.done == (double)per_job);
    asc__meter_add(&m, &spent[0], 3); /* nothing is left of its share */
    assert_true(t.done == (double)per_job);
    asc__meter_add(&m, &spent[1], SIZE_MAX);
    assert_true(t.done == t.total);
    asc__meter_add(NULL, &spent[1], 3); /* nobody listens */
}

static void meter__parts_and_rounds_share_the_way(void **state)
{
    told t = {0};
    asc__meter m;
    size_t spent = 0;
    o = made_opts("auto");
    o.progress = tell;
    o.progress_ctx = &t;
    asc__meter_init(&m, &o, "testing", 1, 0);
    asc__meter_part(&m, 2, 4, "laws");
    assert_true(t.done == 2 && t.total == 4 && strcmp(t.unit, "laws") == 0);
    asc__meter_round(&m, 0, .25);
    asc__meter_add(&m, &spent, SIZE_MAX);
    assert_true(near_to(t.done, 2.25, 1e-12));
    spent = 0;
    asc__meter_round(&m, .25, 1);
    assert_true(near_to(t.done, 2.25, 1e-12));
    asc__meter_add(&m, &spent, SIZE_MAX);
    assert_true(near_to(t.done, 3, 1e-12));
    asc__meter_part(&m, 4, 4, "laws");
    assert_true(t.done == 4);
}

static void draws__are_limited_by_what_a_file_may_hold(void **state)
{
    static const struct {
        size_t asked, targets, params, found;
    } cases[] = {{200, 1, 10, 200}, {0, 1, 10, 0}, {200, 110, 128, 42}, {200, 1000, 1000, 40}, {30, 1000, 1000, 30}};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        o.n_bootstrap = cases[k].asked;
        assert_int_equal(asc__count_draws(&o, cases[k].targets, cases[k].params), cases[k].found);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weights__fall_with_the_square_of_the_squared_error),
        cmocka_unit_test(weights__of_errors_on_both_sides_cancel),
        cmocka_unit_test(weights__below_a_twenty_fifth_are_none),
        cmocka_unit_test(parts__are_the_better_form_of_each_family),
        cmocka_unit_test(parts__always_hold_one_that_may_decide),
        cmocka_unit_test(parts__are_six_at_most),
        cmocka_unit_test(forward__counts_where_the_table_can_judge_it),
        cmocka_unit_test(few__runs_draw_a_targets_weights_towards_all),
        cmocka_unit_test(field__without_figures_has_no_blend),
        cmocka_unit_test(judged__error_is_held_out_and_forward),
        cmocka_unit_test(blend__fitted_has_weights_that_sum_to_one),
        cmocka_unit_test(blend__of_laws_that_decide_nothing_has_draws_of_all),
        cmocka_unit_test(meter__counts_jobs_to_their_share_and_no_further),
        cmocka_unit_test(meter__parts_and_rounds_share_the_way),
        cmocka_unit_test(draws__are_limited_by_what_a_file_may_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
