/* Pairs of shares that trade off: found where the truth has such a direction, and only there. */
#include "test.h"

#include <math.h>
#include <stdlib.h>

#include "mix/mix.h"

enum { D = 5, V = 3, N = 40 };
static const double budget = 2e9;

/* Tokens of each domain (columns) for each target. In the first truth a target takes tokens of d0 and d1 alike. */
static const double alike[V][D] = {{1, 1, .2, .1, .1}, {.2, .2, 1, .1, .2}, {.1, .1, .2, 1, .3}};
static const double apart[V][D] = {{1, .1, .2, .1, .1}, {.2, .2, 1, .1, .2}, {.1, 1, .2, .4, .9}};

static double loss(const double *k, size_t v, const double *tokens)
{
    double n = 0;
    for (size_t i = 0; i < D; i++)
        n += k[i] * tokens[i] / 1e9;
    return 1.5 + .2 * (double)v + pow(n + .02, -.3);
}

static asc_law_set fit(const double k[V][D])
{
    asc_runs t;
    asc_rng r;
    char name[8];
    asc_law_set s;
    asc_law_opts o;
    if (asc_runs_init(&t, N, D, V, NULL) != ASC_OK)
        abort();
    asc_rng_init(&r, 6, "test/trades", 0);
    for (size_t i = 0; i < D + V; i++) {
        snprintf(name, sizeof name, "%c%zu", i < D ? 'd' : 't', i < D ? i : i - D);
        *(i < D ? &t.domains[i] : &t.targets[i - D]) = asc_strdup(name);
    }
    t.n_groups = N;
    for (size_t j = 0; j < N; j++) {
        double sum = 0;
        t.group[j] = j;
        t.total[j] = budget;
        t.params[j] = NAN;
        for (size_t i = 0; i < D; i++)
            sum += t.tokens[j * D + i] = -log(1 - asc_rng_double(&r)) + .02;
        for (size_t i = 0; i < D; i++)
            t.tokens[j * D + i] *= budget / sum;
        for (size_t v = 0; v < V; v++)
            t.loss[j * V + v] = loss(k[v], v, t.tokens + j * D) + .004 * asc_rng_normal(&r);
    }
    asc_law_opts_init(&o);
    o.law = "effective";
    o.n_bootstrap = 40;
    o.n_threads = 1;
    assert_int_equal(asc_law_fit(&s, &t, &o, NULL), ASC_OK);
    asc_runs_clear(&t);
    return s;
}

static asc_mix_result optimum(const asc_law_set *s, int n_threads, double max)
{
    asc_mix_result r;
    asc_mix_opts o;
    double lo[D] = {0}, hi[D] = {1, max, 1, 1, 1};
    asc_mix_opts_init(&o);
    o.n_tokens = (int64_t)budget;
    o.n_threads = n_threads;
    o.trades = true;
    o.limits.lo = lo;
    o.limits.hi = hi;
    assert_int_equal(asc_mix_optimum(&r, s, &o, NULL), ASC_OK);
    return r;
}

/* The true objective with the first of a pair at share x, their sum kept. */
static double truth_at(const asc_mix_result *r, const asc_trade *t, double x)
{
    double tokens[D], sum = 0;
    for (size_t i = 0; i < D; i++)
        tokens[i] = budget * (i == t->first ? x : i == t->second ? t->sum - x : r->weights[i]);
    for (size_t v = 0; v < V; v++)
        sum += loss(alike[v], v, tokens) / V;
    return sum;
}

static void trades__are_found_along_a_flat_direction(void **state)
{
    asc_law_set s = fit(alike);
    asc_mix_result r = optimum(&s, 1, 1), again = optimum(&s, 3, 1);
    assert_int_equal(r.n_trades, 1);
    const asc_trade *t = r.trades;
    assert_int_equal(t->first + t->second, 1); /* d0 and d1 */
    assert_true(r.weights[t->first] >= r.weights[t->second]);
    assert_float_equal(t->sum, r.weights[0] + r.weights[1], 1e-12);
    assert_true(t->lo <= r.weights[t->first] && r.weights[t->first] <= t->hi && t->lo >= 0 && t->hi <= t->sum + 1e-12);
    assert_true(t->hi - t->lo > .5 * t->sum && t->hi - t->lo > 2 * (t->sum_hi - t->sum_lo));
    assert_true(t->sum_lo <= t->sum && t->sum <= t->sum_hi);
    for (int k = 0; k < 2; k++)
        assert_true(t->change_lo[k] <= 0 && t->change_lo[k] <= t->change[k] && t->change[k] <= t->change_hi[k]);
    assert_float_equal(truth_at(&r, t, t->lo), truth_at(&r, t, t->hi), 1e-9); /* it is flat indeed */
    bool said = false;
    for (size_t k = 0; k < r.notes.n; k++)
        said |= strstr(r.notes.text[k], "d0 and d1 trade off: their sum") ||
                strstr(r.notes.text[k], "d1 and d0 trade off: their sum");
    assert_true(said);
    assert_true(again.n_trades == 1 && again.trades->lo == t->lo && again.trades->hi == t->hi);
    asc_mix_result_clear(&again);
    /* A limit is kept. */
    asc_mix_result held = optimum(&s, 1, .02);
    for (size_t k = 0; k < held.n_trades; k++) {
        const asc_trade *h = &held.trades[k];
        double most = h->first == 1 ? h->hi : h->second == 1 ? h->sum - h->lo : 0;
        assert_true(most <= .02 + 1e-9);
    }
    asc_mix_result_clear(&held);
    asc_mix_result_clear(&r);
    asc_law_set_clear(&s);
}

static void trades__are_not_found_without_one(void **state)
{
    asc_law_set s = fit(apart);
    asc_mix_result r = optimum(&s, 1, 1);
    assert_int_equal(r.n_trades, 0);
    for (size_t k = 0; k < r.notes.n; k++)
        assert_null(strstr(r.notes.text[k], "trade off"));
    asc_mix_result_clear(&r);
    asc_law_set_clear(&s);
}

static void trades__every_failing_allocation_is_survived(void **state)
{
    asc_law_set s = fit(alike);
    asc_mix_opts o;
    asc_mix_opts_init(&o);
    o.n_tokens = (int64_t)budget;
    o.trades = true;
    asc_mix_result r;
    assert_int_equal(asc_mix_optimum(&r, &s, &o, NULL), ASC_OK);
    asc_mix_result_clear(&r);
    for (uint64_t n = 1;; n++) {
        asc_fault_arm(ASC_FAULT_ALLOC, n);
        asc_status st = asc_mix_optimum(&r, &s, &o, NULL);
        bool hit = asc_fault_count(ASC_FAULT_ALLOC) >= n;
        asc_fault_arm(ASC_FAULT_ALLOC, 0);
        assert_true(st == ASC_OK || st == ASC_ENOMEM);
        if (st == ASC_OK)
            asc_mix_result_clear(&r);
        if (!hit)
            break;
        n += n / 8; /* every so many: the search's own are tested elsewhere */
        assert_true(n < 100000);
    }
    asc_law_set_clear(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trades__are_found_along_a_flat_direction),
        cmocka_unit_test(trades__are_not_found_without_one),
        cmocka_unit_test(trades__every_failing_allocation_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
