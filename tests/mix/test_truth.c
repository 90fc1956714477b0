/* Tables whose truth is known: what fit and optimize make of them. A small fixed part of bench/truth, with thresholds
 * that leave room for other machines' last bits; the whole is measured there. */
#include "test.h"

#include <math.h>
#include <stdlib.h>

#include "mix/mix.h"

enum { D = 4, V = 3 };

typedef struct world {
    double E[V], B[V], gamma[V], k[V][D];
} world;

/* Three targets, each with a domain of its own; the last domain is worth next to nothing. */
static world draw_world(asc_rng *r)
{
    world t;
    for (size_t v = 0; v < V; v++) {
        t.E[v] = 1 + 1.4 * asc_rng_double(r);
        t.B[v] = .9 + .7 * asc_rng_double(r);
        t.gamma[v] = .2 + .15 * asc_rng_double(r);
        for (size_t i = 0; i < D; i++)
            t.k[v][i] = i == v ? 1 : .25 * exp(asc_rng_normal(r));
        t.k[v][D - 1] = .02;
    }
    return t;
}

static double loss(const world *t, size_t v, const double *w, double n_tokens)
{
    double n = 0;
    for (size_t i = 0; i < D; i++)
        n += t->k[v][i] * w[i] * n_tokens / 1e9;
    return t->E[v] + t->B[v] * pow(n, -t->gamma[v]);
}

static double objective(const world *t, const double *w, double n_tokens)
{
    double sum = 0;
    for (size_t v = 0; v < V; v++)
        sum += loss(t, v, w, n_tokens) / V;
    return sum;
}

/* n runs at budgets in turn, Dirichlet shares, noise that the targets of a run share by half. */
static asc_runs simulate(const world *t, size_t n, const double *budget, size_t n_budgets, double noise, asc_rng *r)
{
    asc_runs runs;
    char name[8];
    if (asc_runs_init(&runs, n, D, V, NULL) != ASC_OK)
        abort();
    for (size_t i = 0; i < D; i++) {
        snprintf(name, sizeof name, "d%zu", i);
        runs.domains[i] = asc_strdup(name);
    }
    for (size_t v = 0; v < V; v++) {
        snprintf(name, sizeof name, "t%zu", v);
        runs.targets[v] = asc_strdup(name);
    }
    runs.n_groups = n;
    for (size_t j = 0; j < n; j++) {
        double w[D], sum = 0, common = asc_rng_normal(r);
        for (size_t i = 0; i < D; i++)
            sum += w[i] = -log(1 - asc_rng_double(r)) + .02;
        runs.group[j] = j;
        runs.total[j] = budget[j % n_budgets];
        runs.params[j] = NAN;
        for (size_t i = 0; i < D; i++)
            runs.tokens[j * D + i] = (w[i] /= sum) * runs.total[j];
        for (size_t v = 0; v < V; v++)
            runs.loss[j * V + v] = loss(t, v, w, runs.total[j]) + noise * sqrt(.5) * (common + asc_rng_normal(r));
    }
    return runs;
}

/* The truth as a law: its optimum is what regret is counted from. */
static double best_value(const world *t, const asc_law_set *fitted, const asc_mix_opts *o)
{
    asc_law_set s = *fitted;
    asc_law laws[V];
    double params[V][1 + D + 1];
    for (size_t v = 0; v < V; v++) {
        laws[v] = (asc_law){
            .family = asc_law_family_named("effective", NULL), .n_domains = D, .own = ASC_NONE, .has_tokens = true};
        laws[v].unit_tokens = 1e9;
        laws[v].unit_params = 1e9;
        laws[v].params = params[v];
        laws[v].n_params = asc_law_count_params(&laws[v]);
        assert_int_equal(laws[v].n_params, D + 2);
        params[v][0] = t->E[v];
        params[v][1 + D] = t->gamma[v];
        for (size_t i = 0; i < D; i++)
            params[v][1 + i] = t->k[v][i] * pow(t->B[v], -1 / t->gamma[v]);
    }
    s.laws = laws;
    s.n_laws = V;
    asc_mix_result r;
    assert_int_equal(asc_mix_optimum(&r, &s, o, NULL), ASC_OK);
    double value = objective(t, r.weights, (double)o->n_tokens);
    assert_float_equal(r.predicted, value, 1e-9);
    asc_mix_result_clear(&r);
    return value;
}

typedef struct tally {
    double regret, uniform, run; /* sums over tables */
    int n, objective_in, shares_in, gain_in, better, said_better;
} tally;

static double best_run(const world *t, const asc_runs *runs, double n_tokens)
{
    double best = INFINITY;
    for (size_t j = 0; j < runs->n_runs; j++) {
        double w[D];
        for (size_t i = 0; i < D; i++)
            w[i] = runs->tokens[j * D + i] / runs->total[j];
        best = fmin(best, objective(t, w, n_tokens));
    }
    return best;
}

static void judge(tally *y, const world *t, const asc_runs *runs, const asc_law_set *law, double n_tokens)
{
    asc_mix_opts o;
    asc_mix_opts_init(&o);
    o.n_tokens = (int64_t)n_tokens;
    asc_mix_result r;
    assert_int_equal(asc_mix_optimum(&r, law, &o, NULL), ASC_OK);
    const double even[D] = {.25, .25, .25, .25};
    double best = best_value(t, law, &o), truth = objective(t, r.weights, n_tokens),
           uniform = objective(t, even, n_tokens);
    y->regret += truth - best;
    y->uniform += uniform - best;
    y->run += best_run(t, runs, n_tokens) - best;
    y->objective_in += r.ci[0] <= truth && truth <= r.ci[1];
    y->gain_in += r.gain_ci[0] <= uniform - truth && uniform - truth <= r.gain_ci[1];
    y->better += truth < uniform;
    y->said_better += r.p_better > .5;
    y->n++;
    assert_true(r.ci[0] <= r.predicted && r.predicted <= r.ci[1]);
    assert_true(r.gain_ci[0] <= r.gain && r.gain <= r.gain_ci[1]);
    double sum = 0;
    for (size_t i = 0; i < D; i++) {
        assert_true(r.weights[i] >= 0 && r.w_lo[i] <= r.weights[i] && r.weights[i] <= r.w_hi[i]);
        sum += r.weights[i];
    }
    assert_float_equal(sum, 1, 1e-9);
    assert_true(r.p_better > 0 && r.p_better < 1);
    asc_mix_result_clear(&r);
}

static tally try_tables(int n_tables, size_t n, const double *budget, size_t n_budgets, double noise, double asked)
{
    tally y = {0};
    for (int k = 0; k < n_tables; k++) {
        asc_rng r;
        asc_rng_init(&r, 12, "test/truth", (uint64_t)k);
        world t = draw_world(&r);
        asc_runs runs = simulate(&t, n, budget, n_budgets, noise, &r);
        asc_law_set law = {0};
        asc_law_opts o;
        asc_law_opts_init(&o);
        o.no_trees = true;
        o.n_bootstrap = 60;
        o.n_threads = 2;
        assert_int_equal(asc_law_fit(&law, &runs, &o, NULL), ASC_OK);
        judge(&y, &t, &runs, &law, asked);
        asc_law_set_clear(&law);
        asc_runs_clear(&runs);
    }
    print_message(
        "%zu runs, noise %g, asked at %g: regret %.4f, uniform %.4f, best run %.4f; of %d: objective in %d, gain "
        "in %d, better %d\n",
        n, noise, asked, y.regret / y.n, y.uniform / y.n, y.run / y.n, y.n, y.objective_in, y.gain_in, y.better);
    return y;
}

static int tables(int all)
{
    return getenv("ASC_SMALL") ? 1 : all;
}

/* 40 runs at one budget: the truth is found, at a third of uniform's regret and below the best run's. */
static void truth__a_swarm_is_enough(void **state)
{
    const double budget[1] = {1e10};
    tally y = try_tables(tables(4), 40, budget, 1, .006, 1e10);
    assert_true(y.regret < y.uniform / 3 && y.regret < y.run + .0005 * y.n);
    assert_true(y.better == y.n && y.said_better == y.n);
    assert_true(y.n < 4 || y.objective_in + y.gain_in >= 4); /* of eight intervals of 90 % */
}

/* Three budgets, asked for a hundred times the largest: never worse than uniform, and said to be extrapolated. */
static void truth__a_hundred_times_the_budget(void **state)
{
    const double budget[3] = {2e9, 5e9, 1e10};
    tally y = try_tables(tables(3), 42, budget, 3, .006, 1e12);
    assert_true(y.regret < y.uniform / 2 + .0005 * y.n);
}

/* Twelve runs whose noise is as large as what the mixture changes: no worse than uniform. */
static void truth__where_little_is_known(void **state)
{
    const double budget[1] = {1e10};
    tally y = try_tables(tables(6), 12, budget, 1, .06, 1e10);
    assert_true(y.regret < y.uniform + .001 * y.n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(truth__a_swarm_is_enough),
        cmocka_unit_test(truth__a_hundred_times_the_budget),
        cmocka_unit_test(truth__where_little_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
