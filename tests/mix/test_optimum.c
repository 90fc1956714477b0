#include "test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "mix/mix.h"

enum { D = 4, V = 3 };

/* Laws with known parameters: reciprocal-add over the mixture and the tokens, three targets. */
static const double C[V][D] = {{.9, .2, .1, .3}, {.1, 1.1, .2, .2}, {.2, .1, .8, .5}};

static char *names(const char *s)
{
    return asc_strdup(s);
}

static asc_law make_law(size_t v, const double *shift)
{
    static const char *const targets[V] = {"a", "b", "c"};
    asc_law l = {
        .family = asc_law_family_named("reciprocal-add", NULL), .n_domains = D, .own = ASC_NONE, .has_tokens = true};
    l.target = names(targets[v]);
    l.unit_tokens = 1e9;
    l.unit_params = 1e9;
    l.floor = 1e-4;
    l.n_params = asc_law_count_params(&l);
    assert_int_equal(l.n_params, 1 + 2 * D + 2);
    l.params = asc_calloc(l.n_params, sizeof(double));
    l.params[0] = 1.5 + .1 * (double)v;
    for (size_t i = 0; i < D; i++) {
        l.params[1 + i] = C[v][i] * (shift ? shift[i] : 1);
        l.params[1 + D + i] = .35 + .05 * (double)i;
    }
    l.params[1 + 2 * D] = .8;
    l.params[2 + 2 * D] = .3;
    l.stats.converged = true;
    return l;
}

static asc_law_set make_set(void)
{
    static const char *const domains[D] = {"a", "b", "c", "d"}, *const targets[V] = {"a", "b", "c"};
    asc_law_set s = {.n_domains = D, .n_targets = V, .n_laws = V, .n_rows = 40, .n_runs = 40};
    s.law = names("reciprocal-add");
    s.domains = asc_calloc(D, sizeof(char *));
    s.targets = asc_calloc(V, sizeof(char *));
    s.laws = asc_calloc(V, sizeof(asc_law));
    s.share_lo = asc_calloc(D, sizeof(double));
    s.share_hi = asc_calloc(D, sizeof(double));
    s.base_tokens = asc_calloc(D, sizeof(double));
    for (size_t i = 0; i < D; i++) {
        s.domains[i] = names(domains[i]);
        s.share_hi[i] = 1;
        s.base_tokens[i] = 25e7;
    }
    for (size_t v = 0; v < V; v++) {
        s.targets[v] = names(targets[v]);
        s.laws[v] = make_law(v, NULL);
    }
    s.tokens_lo = .5e9;
    s.tokens_hi = 2e9;
    s.params_lo = s.params_hi = s.noise = NAN;
    s.objective = (asc_objective){.kind = ASC_OBJ_MEAN_LOSS, .n_targets = V};
    return s;
}

/* K draws: coefficients times lognormal factors. */
static void add_draws(asc_law_set *s, size_t K)
{
    for (size_t v = 0; v < V; v++) {
        asc_law *l = &s->laws[v];
        l->n_draws = K;
        l->draws = asc_calloc(K * l->n_params, sizeof(double));
        for (size_t k = 0; k < K; k++) {
            asc_rng r;
            asc_rng_init(&r, v, "test/draws", k);
            for (size_t i = 0; i < l->n_params; i++) {
                double z = asc_rng_normal(&r);
                l->draws[k * l->n_params + i] = l->params[i] * (i >= 1 && i <= D ? exp(.05 * z) : 1);
            }
        }
    }
}

static double value(const asc_law_set *s, const double *w, double n, const double *unique)
{
    double tokens[D];
    for (size_t i = 0; i < D; i++)
        tokens[i] = unique ? asc_effective_tokens(w[i] * n, unique[i]) : w[i] * n;
    return asc_law_set_objective(s, tokens, NAN);
}

/* No feasible exchange between two shares is better, judged by the law itself. */
static void check_best(const asc_law_set *s, const asc_mix_result *r, const asc_mix_opts *o, const double *lo,
                       const double *hi)
{
    double sum = 0, best = value(s, r->weights, r->budget, o->limits.available), n = r->budget;
    int64_t total = 0;
    for (size_t i = 0; i < D; i++) {
        sum += r->weights[i];
        total += r->tokens[i];
        assert_true(r->weights[i] >= lo[i] - 1e-12 && r->weights[i] <= hi[i] + 1e-12);
    }
    assert_float_equal(sum, 1, 1e-12);
    assert_true(total == o->n_tokens);
    asc_rng g;
    asc_rng_init(&g, 9, "test/perturb", 0);
    for (int k = 0; k < 20000; k++) {
        double w[D];
        memcpy(w, r->weights, sizeof w);
        size_t i = asc_rng_below(&g, D), j = asc_rng_below(&g, D);
        double move = asc_rng_double(&g) * pow(10, -5 * asc_rng_double(&g));
        w[i] -= move;
        w[j] += move;
        if (i == j || w[i] < lo[i] || w[j] > hi[j])
            continue;
        assert_true(value(s, w, n, o->limits.available) >= best - 1e-10);
    }
}

static const double zeros[D] = {0}, ones[D] = {1, 1, 1, 1};

static void optimum__no_feasible_exchange_is_better(void **state)
{
    asc_law_set s = make_set();
    for (int kind = ASC_OBJ_MEAN_LOSS; kind <= ASC_OBJ_WORST; kind++) {
        s.objective.kind = (asc_objective_kind)kind;
        asc_mix_opts o;
        asc_mix_opts_init(&o);
        o.n_tokens = 1000000007;
        asc_mix_result r;
        assert_int_equal(asc_mix_optimum(&r, &s, &o, NULL), ASC_OK);
        if (kind == ASC_OBJ_WORST) /* smoothed by 1e-5 */
            assert_true(r.predicted < r.uniform);
        else {
            check_best(&s, &r, &o, zeros, ones);
            assert_true(r.kkt < 1e-6);
        }
        assert_true(isnan(r.ci[0]) && isnan(r.w_lo[0]));
        asc_mix_result_clear(&r);
    }
    asc_law_set_clear(&s);
}

/* The largest loss is least where no exchange lowers it: a grid over the simplex finds nothing better. */
static void optimum__the_worst_domain_is_helped_most(void **state)
{
    asc_law_set s = make_set();
    s.objective.kind = ASC_OBJ_WORST;
    asc_mix_opts o;
    asc_mix_opts_init(&o);
    o.n_tokens = 1000000000;
    asc_mix_result r;
    assert_int_equal(asc_mix_optimum(&r, &s, &o, NULL), ASC_OK);
    double least = INFINITY;
    for (int a = 0; a <= 40; a++)
        for (int b = 0; a + b <= 40; b++)
            for (int c = 0; a + b + c <= 40; c++) {
                double w[D] = {a / 40., b / 40., c / 40., (40 - a - b - c) / 40.};
                least = fmin(least, value(&s, w, 1e9, NULL));
            }
    assert_true(r.predicted <= least + 2e-5);
    asc_mix_result_clear(&r);
    asc_law_set_clear(&s);
}

static void optimum__bounds_and_available_tokens_hold(void **state)
{
    asc_law_set s = make_set();
    double lo[D] = {.05, .05, .05, .05}, hi[D] = {.9, .3, .9, .9}, available[D] = {1e8, INFINITY, INFINITY, INFINITY};
    asc_mix_opts o;
    asc_mix_opts_init(&o);
    o.n_tokens = 1000000000;
    o.limits.lo = lo;
    o.limits.hi = hi;
    o.limits.available = available;
    o.limits.max_epochs = 2;
    asc_mix_result r;
    assert_int_equal(asc_mix_optimum(&r, &s, &o, NULL), ASC_OK);
    double cap[D] = {.2, .3, .9, .9};
    check_best(&s, &r, &o, lo, cap);
    assert_true(r.tokens[0] <= 200000000 && r.epochs[0] <= 2 && isnan(r.epochs[1]));
    assert_true(r.bound[1] == ASC_AT_MAX || r.weights[1] < .3);
    asc_mix_result_clear(&r);
    hi[1] = .1;
    o.limits.hi = hi;
    double few[D] = {1e6, 1e6, 1e6, 1e6};
    o.limits.available = few;
    asc_error err;
    assert_int_equal(asc_mix_optimum(&r, &s, &o, &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "available"));
    asc_law_set_clear(&s);
}

static void optimum__the_trust_region_binds_and_says_so(void **state)
{
    asc_law_set s = make_set();
    s.share_lo[0] = .05;
    s.share_hi[0] = .1;
    asc_mix_opts o;
    asc_mix_opts_init(&o);
    o.n_tokens = 1000000000;
    asc_mix_result r;
    assert_int_equal(asc_mix_optimum(&r, &s, &o, NULL), ASC_OK);
    bool bound = false, said = false;
    for (size_t i = 0; i < D; i++) {
        assert_true(i > 0 || (r.weights[i] >= .04 - 1e-12 && r.weights[i] <= .125 + 1e-12));
        bound |= r.bound[i] == ASC_AT_TRUST;
    }
    for (size_t i = 0; i < r.notes.n; i++)
        said |= strstr(r.notes.text[i], "trust") != NULL;
    assert_true(bound && said);
    asc_mix_result_clear(&r);
    o.trust = 0;
    assert_int_equal(asc_mix_optimum(&r, &s, &o, NULL), ASC_OK);
    check_best(&s, &r, &o, zeros, ones);
    asc_mix_result_clear(&r);
    asc_law_set_clear(&s);
}

static void optimum__a_heavy_prior_wins(void **state)
{
    asc_law_set s = make_set();
    const double prior[D] = {.1, .2, .3, .4};
    asc_mix_opts o;
    asc_mix_opts_init(&o);
    o.n_tokens = 1000000000;
    o.limits.prior = prior;
    asc_mix_result free, held;
    assert_int_equal(asc_mix_optimum(&free, &s, &o, NULL), ASC_OK);
    o.limits.kl = 1000;
    assert_int_equal(asc_mix_optimum(&held, &s, &o, NULL), ASC_OK);
    for (size_t i = 0; i < D; i++)
        assert_float_equal(held.weights[i], prior[i], 2e-3);
    assert_true(held.predicted >= free.predicted);
    assert_true(held.kkt < 1e-4);
    asc_mix_result_clear(&free);
    asc_mix_result_clear(&held);
    asc_law_set_clear(&s);
}

/* No cost of distance: the prior changes nothing. More cost: never farther from it, in KL. */
static void optimum__a_prior_counts_as_its_cost_says(void **state)
{
    asc_law_set s = make_set();
    const double prior[D] = {.1, .2, .3, .4}, cost[] = {1e-9, .001, .01, .1, 1, 1e4};
    asc_mix_opts o;
    asc_mix_opts_init(&o);
    o.n_tokens = 1000000000;
    asc_mix_result free, r;
    assert_int_equal(asc_mix_optimum(&free, &s, &o, NULL), ASC_OK);
    o.limits.prior = prior;
    double before = INFINITY;
    for (size_t k = 0; k < sizeof cost / sizeof *cost; k++) {
        o.limits.kl = cost[k];
        assert_int_equal(asc_mix_optimum(&r, &s, &o, NULL), ASC_OK);
        double kl = 0;
        for (size_t i = 0; i < D; i++) {
            kl += r.weights[i] > 0 ? r.weights[i] * log(r.weights[i] / prior[i]) : 0;
            assert_true(k > 0 || fabs(r.weights[i] - free.weights[i]) < 1e-4);
        }
        assert_true(kl <= before + 1e-9);
        assert_true(r.predicted >= free.predicted - 1e-12);
        before = kl;
        asc_mix_result_clear(&r);
    }
    assert_true(before < 1e-6);
    asc_mix_result_clear(&free);
    asc_law_set_clear(&s);
}

/* Many epochs of a little: with repetition discounted the answer takes less of it than without, and is the best by the
 * tokens that count. */
static void optimum__repeated_tokens_count_less(void **state)
{
    asc_law_set s = make_set();
    const double available[D] = {2e6, INFINITY, INFINITY, INFINITY};
    asc_mix_opts o;
    asc_mix_opts_init(&o);
    o.n_tokens = 1000000000;
    o.limits.available = available;
    o.limits.max_epochs = 1000;
    asc_mix_result counted, ignored;
    assert_int_equal(asc_mix_optimum(&counted, &s, &o, NULL), ASC_OK);
    o.no_repetition = true;
    assert_int_equal(asc_mix_optimum(&ignored, &s, &o, NULL), ASC_OK);
    o.no_repetition = false;
    check_best(&s, &counted, &o, zeros, ones);
    assert_true(ignored.epochs[0] > 50 && counted.epochs[0] < .8 * ignored.epochs[0]);
    assert_true(value(&s, counted.weights, 1e9, available) < value(&s, ignored.weights, 1e9, available) - 1e-6);
    bool said = false;
    for (size_t i = 0; i < counted.notes.n; i++)
        said |= strstr(counted.notes.text[i], "repeated tokens are discounted") != NULL;
    assert_true(said);
    asc_mix_result_clear(&counted);
    asc_mix_result_clear(&ignored);
    asc_law_set_clear(&s);
}

/* Draws that all lie on one side of the fit: the answer is in its own interval all the same, and so is the fit. */
static void optimum__lies_in_its_own_interval(void **state)
{
    asc_law_set s = make_set();
    add_draws(&s, 60);
    for (size_t v = 0; v < V; v++)
        for (size_t k = 0; k < 60; k++)
            s.laws[v].draws[k * s.laws[v].n_params] += .5; /* the floor */
    asc_mix_opts o;
    asc_mix_opts_init(&o);
    o.n_tokens = 1000000000;
    asc_mix_result r;
    assert_int_equal(asc_mix_optimum(&r, &s, &o, NULL), ASC_OK);
    assert_true(r.ci[0] < r.predicted && r.predicted < r.ci[1]);
    assert_true(r.gain_ci[0] < r.gain && r.gain < r.gain_ci[1]);
    assert_true(r.ci[0] < value(&s, r.weights, 1e9, NULL) &&
                r.ci[1] - r.ci[0] < 1.3); /* .5 to either side of the fit */
    asc_mix_result_clear(&r);
    asc_law_set_clear(&s);
}

static void optimum__intervals_cover_the_draws_for_any_number_of_threads(void **state)
{
    asc_law_set s = make_set();
    add_draws(&s, 60);
    asc_mix_opts o;
    asc_mix_opts_init(&o);
    o.n_tokens = 1000000000;
    asc_mix_result a, b;
    assert_int_equal(asc_mix_optimum(&a, &s, &o, NULL), ASC_OK);
    o.n_threads = 3;
    assert_int_equal(asc_mix_optimum(&b, &s, &o, NULL), ASC_OK);
    assert_true(a.ci[0] < a.predicted && a.predicted < a.ci[1] && a.gain_ci[0] < a.gain && a.gain < a.gain_ci[1]);
    for (size_t i = 0; i < D; i++)
        assert_true(a.w_lo[i] <= a.weights[i] + 1e-6 && a.weights[i] - 1e-6 <= a.w_hi[i]);
    assert_memory_equal(a.weights, b.weights, sizeof(double[D]));
    assert_memory_equal(a.w_lo, b.w_lo, sizeof(double[D]));
    assert_memory_equal(a.ci, b.ci, sizeof a.ci);
    asc_mix_result_clear(&a);
    asc_mix_result_clear(&b);
    asc_law_set_clear(&s);
}

/* Each law so many times, under other names: the mean is the same function. */
static asc_law_set many_of_each(size_t times, size_t K)
{
    asc_law_set few = make_set(), s = make_set();
    char name[24];
    add_draws(&few, K);
    for (size_t v = 0; v < V; v++) {
        asc_law_clear(&s.laws[v]);
        asc_free(s.targets[v]);
    }
    asc_free(s.laws);
    asc_free(s.targets);
    s.n_targets = s.n_laws = s.objective.n_targets = times * V;
    s.laws = asc_calloc(times * V, sizeof *s.laws);
    s.targets = asc_calloc(times * V, sizeof *s.targets);
    for (size_t v = 0; v < times * V; v++) {
        const asc_law *l = &few.laws[v % V];
        snprintf(name, sizeof name, "t%zu", v);
        s.laws[v] = make_law(v % V, NULL);
        asc_free(s.laws[v].target);
        s.laws[v].target = names(name);
        s.targets[v] = names(name);
        s.laws[v].n_draws = K;
        s.laws[v].draws = asc_calloc(K * l->n_params, sizeof(double));
        memcpy(s.laws[v].draws, l->draws, K * l->n_params * sizeof(double));
    }
    asc_law_set_clear(&few);
    return s;
}

/* With many laws the draws' optima come from an expansion to second order about the answer; they lie where those that
 * are solved for lie. */
static void optimum__intervals_of_many_laws_are_those_of_few_that_say_the_same(void **state)
{
    asc_law_set few = make_set(), many = many_of_each(700, 36);
    add_draws(&few, 36);
    asc_mix_opts o;
    asc_mix_opts_init(&o);
    o.n_tokens = 1000000000;
    asc_mix_result a, b;
    assert_int_equal(asc_mix_optimum(&a, &few, &o, NULL), ASC_OK);
    assert_int_equal(asc_mix_optimum(&b, &many, &o, NULL), ASC_OK);
    assert_true(fabs(a.predicted - b.predicted) < 1e-4 && fabs(a.gain - b.gain) < 1e-4);
    assert_true(fabs(a.ci[0] - b.ci[0]) < .01 && fabs(a.ci[1] - b.ci[1]) < .01);
    for (size_t i = 0; i < D; i++) {
        double width = a.w_hi[i] - a.w_lo[i];
        assert_true(width > .01 && fabs(a.weights[i] - b.weights[i]) < .005);
        assert_true(fabs(a.w_lo[i] - b.w_lo[i]) < .1 * width && fabs(a.w_hi[i] - b.w_hi[i]) < .1 * width);
    }
    asc_mix_result_clear(&a);
    asc_mix_result_clear(&b);
    asc_law_set_clear(&few);
    asc_law_set_clear(&many);
}

/* Draws that take one domain for another: the answer treats the two alike and is the best of their mean; it is the
 * estimate's own optimum where that is asked for, or where the draws agree. */
static void optimum__what_is_uncertain_pulls_to_the_middle(void **state)
{
    asc_law_set s = make_set();
    asc_mix_opts o;
    asc_mix_opts_init(&o);
    o.n_tokens = 1000000000;
    asc_mix_result plain, agree, point, mean;
    assert_int_equal(asc_mix_optimum(&plain, &s, &o, NULL), ASC_OK);
    add_draws(&s, 40);
    asc_law_set twins = s; /* draws that all say what the estimate says */
    double *drawn[V];
    for (size_t v = 0; v < V; v++) {
        drawn[v] = twins.laws[v].draws;
        twins.laws[v].draws = asc_calloc(40 * s.laws[v].n_params, sizeof(double));
        for (size_t k = 0; k < 40; k++)
            memcpy(twins.laws[v].draws + k * s.laws[v].n_params, s.laws[v].params, s.laws[v].n_params * sizeof(double));
    }
    assert_int_equal(asc_mix_optimum(&agree, &twins, &o, NULL), ASC_OK);
    for (size_t v = 0; v < V; v++) {
        asc_free(s.laws[v].draws);
        s.laws[v].draws = drawn[v];
        size_t P = s.laws[v].n_params;
        for (size_t k = 0; k < 40; k++) { /* every other draw takes a for b: nobody knows which is worth what */
            double *draw = s.laws[v].draws + k * P, *worth = draw + 1, *g = worth + D;
            memcpy(draw, s.laws[v].params, P * sizeof *draw);
            double c = worth[0], e = g[0];
            if (k % 2) {
                worth[0] = worth[1];
                g[0] = g[1];
                worth[1] = c;
                g[1] = e;
            }
        }
    }
    assert_int_equal(asc_mix_optimum(&mean, &s, &o, NULL), ASC_OK);
    o.point = true;
    assert_int_equal(asc_mix_optimum(&point, &s, &o, NULL), ASC_OK);
    double expected[2] = {0};
    for (size_t i = 0; i < D; i++) {
        assert_float_equal(plain.weights[i], point.weights[i], 1e-6);
        assert_float_equal(plain.weights[i], agree.weights[i], 1e-6);
    }
    assert_true(fabs(point.weights[0] - point.weights[1]) > .02);
    assert_float_equal(mean.weights[0], mean.weights[1], 1e-6);
    for (size_t k = 0; k < 40; k++) {
        asc_law_set view;
        assert_int_equal(asc_law_set_draw_view(&view, &s, k, NULL), ASC_OK);
        expected[0] += value(&view, mean.weights, 1e9, NULL) / 40;
        expected[1] += value(&view, point.weights, 1e9, NULL) / 40;
        asc_law_set_view_free(&view);
    }
    assert_true(expected[0] < expected[1]);
    assert_float_equal(mean.predicted, expected[0], 1e-9);
    assert_true(mean.kkt < 1e-6);
    assert_true(mean.p_better > .5 && mean.p_better < 1 && agree.p_better > .95 && isnan(plain.p_better));
    asc_mix_result_clear(&plain);
    asc_mix_result_clear(&agree);
    asc_mix_result_clear(&point);
    asc_mix_result_clear(&mean);
    asc_law_set_clear(&s);
}

static bool says(const asc_mix_result *r, const char *what)
{
    bool said = false;
    for (size_t i = 0; i < r->notes.n; i++)
        said |= strstr(r->notes.text[i], what) != NULL;
    return said;
}

/* Inside: nothing. Outside of what varied: said with how far. Where an axis never varied: withheld, with the reason. */
static void optimum__says_how_far_it_extrapolates(void **state)
{
    asc_law_set s = make_set();
    asc_mix_opts o;
    asc_mix_opts_init(&o);
    o.n_tokens = 1000000000;
    asc_mix_result r;
    assert_int_equal(asc_mix_optimum(&r, &s, &o, NULL), ASC_OK);
    assert_true(r.support.tokens == 1 && r.support.shares == 1 && !r.support.withheld && !says(&r, "extrapolated"));
    assert_true(r.steps_saved > 0 && r.steps_saved < 1);
    double even[D] = {.25, .25, .25, .25}, at = value(&s, r.weights, 1e9 * (1 - r.steps_saved), NULL);
    assert_float_equal(at, value(&s, even, 1e9, NULL), 1e-6);
    asc_mix_result_clear(&r);
    o.n_tokens = 200000000000;
    assert_int_equal(asc_mix_optimum(&r, &s, &o, NULL), ASC_OK);
    assert_float_equal(r.support.tokens, 100, 1e-9);
    assert_true(says(&r, "extrapolated: 200B tokens are 100 x above the largest") && !r.support.withheld);
    asc_mix_result_clear(&r);
    s.tokens_lo = s.tokens_hi;
    assert_int_equal(asc_mix_optimum(&r, &s, &o, NULL), ASC_OK);
    assert_true(r.support.withheld && says(&r, "loss not predicted: tokens never varied"));
    asc_mix_result_clear(&r);
    s.tokens_lo = .5e9;
    s.params_lo = s.params_hi = 1e8;
    o.params = 1e9;
    assert_int_equal(asc_mix_optimum(&r, &s, &o, NULL), ASC_OK);
    assert_true(r.support.withheld && r.support.params > 9.99 && says(&r, "parameters never varied"));
    asc_mix_result_clear(&r);
    asc_law_set_clear(&s);
}

static void optimum__an_interrupt_ends_it(void **state)
{
    asc_law_set s = make_set();
    asc_mix_opts o;
    asc_mix_opts_init(&o);
    o.n_tokens = 1000000000;
    asc_mix_result r;
    asc_interrupt_set();
    assert_int_equal(asc_mix_optimum(&r, &s, &o, NULL), ASC_EINTR);
    asc_interrupt_clear();
    asc_law_set_clear(&s);
}

/* Domains in another order: the same answer, in that order. */
static void optimum__does_not_care_about_order(void **state)
{
    static const size_t order[D] = {2, 0, 3, 1};
    asc_law_set s = make_set(), t = make_set();
    add_draws(&s, 30);
    add_draws(&t, 30);
    for (size_t v = 0; v < V; v++)
        for (size_t i = 0; i < D; i++) {
            size_t P = s.laws[v].n_params;
            for (size_t half = 0; half < 2; half++) {
                t.laws[v].params[1 + half * D + i] = s.laws[v].params[1 + half * D + order[i]];
                for (size_t k = 0; k < 30; k++)
                    t.laws[v].draws[k * P + 1 + half * D + i] = s.laws[v].draws[k * P + 1 + half * D + order[i]];
            }
        }
    asc_mix_opts o;
    asc_mix_opts_init(&o);
    o.n_tokens = 1000000000;
    asc_mix_result a, b;
    assert_int_equal(asc_mix_optimum(&a, &s, &o, NULL), ASC_OK);
    assert_int_equal(asc_mix_optimum(&b, &t, &o, NULL), ASC_OK);
    for (size_t i = 0; i < D; i++)
        assert_float_equal(b.weights[i], a.weights[order[i]], 1e-6);
    asc_mix_result_clear(&a);
    asc_mix_result_clear(&b);
    asc_law_set_clear(&s);
    asc_law_set_clear(&t);
}

static void optimum__every_failing_allocation_is_survived(void **state)
{
    asc_law_set s = make_set();
    asc_mix_opts o;
    asc_mix_opts_init(&o);
    o.n_tokens = 1000;
    for (uint64_t n = 1; n < 200; n++) {
        asc_mix_result r = {0};
        asc_fault_arm(ASC_FAULT_ALLOC, n);
        asc_status st = asc_mix_optimum(&r, &s, &o, NULL);
        bool hit = asc_fault_count(ASC_FAULT_ALLOC) >= n;
        asc_fault_arm(ASC_FAULT_ALLOC, 0);
        if (st == ASC_OK)
            asc_mix_result_clear(&r);
        if (!hit) {
            asc_law_set_clear(&s);
            return;
        }
    }
    fail();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(optimum__no_feasible_exchange_is_better),
        cmocka_unit_test(optimum__the_worst_domain_is_helped_most),
        cmocka_unit_test(optimum__bounds_and_available_tokens_hold),
        cmocka_unit_test(optimum__the_trust_region_binds_and_says_so),
        cmocka_unit_test(optimum__a_heavy_prior_wins),
        cmocka_unit_test(optimum__a_prior_counts_as_its_cost_says),
        cmocka_unit_test(optimum__repeated_tokens_count_less),
        cmocka_unit_test(optimum__lies_in_its_own_interval),
        cmocka_unit_test(optimum__intervals_cover_the_draws_for_any_number_of_threads),
        cmocka_unit_test(optimum__intervals_of_many_laws_are_those_of_few_that_say_the_same),
        cmocka_unit_test(optimum__what_is_uncertain_pulls_to_the_middle),
        cmocka_unit_test(optimum__says_how_far_it_extrapolates),
        cmocka_unit_test(optimum__an_interrupt_ends_it),
        cmocka_unit_test(optimum__does_not_care_about_order),
        cmocka_unit_test(optimum__every_failing_allocation_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
