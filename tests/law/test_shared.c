/* What targets and tables share: the pool over targets, trust in runs, bands, the rule of few runs, tables too large,
 * progress. */
#include "test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"
#include "law_tables.h"

enum { D = 4, V = 5 };

/* n runs of random mixtures of D domains, V targets; losses of a reciprocal law of one floor and exponents, worth a
 * little different by target, noise sd. Tokens and params vary if asked. */
static asc_runs make_table(size_t n, bool scales, double noise, uint64_t seed)
{
    static const double exponent[D] = {.3, .5, .4, .6};
    asc_runs t;
    asc_rng rng;
    if (asc_runs_init(&t, n, D, V, NULL) != ASC_OK)
        abort();
    asc_rng_init(&rng, seed, "test shared", 0);
    char name[16];
    for (size_t i = 0; i < D; i++) {
        snprintf(name, sizeof name, "d%zu", i);
        t.domains[i] = asc_strdup(name);
    }
    for (size_t v = 0; v < V; v++) {
        snprintf(name, sizeof name, "t%zu", v);
        t.targets[v] = asc_strdup(name);
    }
    t.n_groups = n;
    for (size_t r = 0; r < n; r++) {
        double sum = 0, w[D];
        for (size_t i = 0; i < D; i++)
            sum += w[i] = .03 - log(1 - asc_rng_double(&rng));
        t.group[r] = r;
        t.total[r] = scales ? 1e9 * (double)(1 + r % 4) : 1e9;
        t.params[r] = scales ? 1e8 * (double)(1 + r / 4 % 3) : NAN;
        for (size_t i = 0; i < D; i++)
            t.tokens[r * D + i] = (w[i] /= sum) * t.total[r];
        for (size_t v = 0; v < V; v++) {
            double s = 0;
            for (size_t i = 0; i < D; i++)
                s += (i == v % D ? .8 : .3) * pow(w[i], exponent[i]);
            double scale = scales ? .3 * pow(t.total[r] / 4e9, -.4) + .2 * pow(t.params[r] / 3e8, -.3) : 0;
            t.loss[r * V + v] = 1.5 + (1 + scale) / s + noise * asc_rng_normal(&rng);
        }
    }
    return t;
}

/* ---- pool ---- */

static void trust__falls_on_the_runs_that_are_off_on_all_targets(void **state)
{
    asc_runs t = make_table(80, false, .01, 1);
    asc_rng rng;
    asc_rng_init(&rng, 2, "test noisy runs", 0);
    for (size_t r = 60; r < 80; r++)
        for (size_t v = 0; v < V; v++)
            t.loss[r * V + v] += (asc_rng_below(&rng, 2) ? .12 : -.12);
    t.loss[5 * V] += 1; /* off on one target: the law's or the target's fault, not the run's */
    asc_law_opts o = quick("reciprocal-mult");
    asc__prep p;
    asc__pool pool;
    assert_int_equal(asc__prep_init(&p, &t, &o, NULL), ASC_OK);
    assert_int_equal(asc__pool_init(&pool, &p, asc_law_family_named("reciprocal-mult", NULL), 1, NULL), ASC_OK);
    double good = 0, bad = 0;
    for (size_t r = 0; r < 80; r++)
        *(r < 60 ? &good : &bad) += pool.trust[r] / (r < 60 ? 60 : 20);
    assert_true(good > .85 && bad < .3);
    assert_true(pool.trust[5] > .6);
    asc__pool_clear(&pool);
    asc__prep_clear(&p);
    asc_runs_clear(&t);
}

static void trust__in_noisy_runs_pays_on_unseen_ones(void **state)
{
    double error[2] = {0, 0};
    asc_runs test = make_table(200, false, 0, 50);
    for (uint64_t seed = 0; seed < 6; seed++)
        for (int pooled = 0; pooled < 2; pooled++) {
            asc_runs t = make_table(48, false, .01, seed);
            asc_rng rng;
            asc_rng_init(&rng, seed, "test noisy runs", 0);
            for (size_t r = 0; r < 12; r++)
                for (size_t v = 0; v < V; v++)
                    t.loss[r * V + v] += .15 * asc_rng_normal(&rng);
            asc_law_opts o = quick("reciprocal-mult");
            o.huber = 0;
            asc__prep p;
            asc__pool none = {0}, pool = {0};
            assert_int_equal(asc__prep_init(&p, &t, &o, NULL), ASC_OK);
            if (pooled)
                assert_int_equal(asc__pool_init(&pool, &p, asc_law_family_named("reciprocal-mult", NULL), 1, NULL),
                                 ASC_OK);
            asc_law l = {0};
            asc__fit_job job = {.prep = &p, .opts = &o, .family = asc_law_family_named("reciprocal-mult", NULL)};
            job.pool = pooled ? &pool : &none;
            assert_int_equal(asc__fit_target(&l, &job, NULL), ASC_OK);
            for (size_t r = 0; r < test.n_runs; r++)
                error[pooled] += pow(asc_law_predict(&l, test.tokens + r * D, NAN) - test.loss[r * V], 2);
            asc_law_clear(&l);
            asc__pool_clear(&pool);
            asc__prep_clear(&p);
            asc_runs_clear(&t);
        }
    asc_runs_clear(&test);
    if (!(error[1] < .8 * error[0]))
        fail_msg("squared error with trust %g, without %g", error[1], error[0]);
}

/* Exponents of tokens and params differ less from target to target than those of fits on their own, and the pool is
 * the median. */
static double exponent_spread(const asc_law *laws)
{
    double mean = 0, m2 = 0;
    for (size_t v = 0; v < V; v++) {
        double beta = log(laws[v].params[laws[v].n_params - 1]);
        mean += beta / V;
        m2 += beta * beta / V;
    }
    return m2 - mean * mean;
}

static void pool__holds_exponents_near_their_median(void **state)
{
    asc_runs t = make_table(72, true, .03, 3);
    asc_law_opts o = quick("reciprocal-mult");
    o.n_folds = 0;
    asc__prep p;
    asc__pool pool, none = {0};
    asc_law own[V] = {0}, held[V] = {0};
    assert_int_equal(asc__prep_init(&p, &t, &o, NULL), ASC_OK);
    assert_int_equal(asc__pool_init(&pool, &p, asc_law_family_named("reciprocal-mult", NULL), 1, NULL), ASC_OK);
    assert_non_null(pool.all.centre);
    for (size_t v = 0; v < V; v++) {
        asc__fit_job job = {.prep = &p,
                            .opts = &o,
                            .target = v,
                            .family = asc_law_family_named("reciprocal-mult", NULL),
                            .pool = &none};
        assert_int_equal(asc__fit_target(&own[v], &job, NULL), ASC_OK);
        job.pool = &pool;
        assert_int_equal(asc__fit_target(&held[v], &job, NULL), ASC_OK);
    }
    assert_string_equal(asc_law_param_name(&own[0], own[0].n_params - 1, t.domains, (char[32]){0}, 32), "beta");
    double a = exponent_spread(own), b = exponent_spread(held);
    if (!(b < .5 * a))
        fail_msg("variance of log beta over targets %g with the pool, %g without", b, a);
    for (size_t v = 0; v < V; v++) {
        asc_law_clear(&own[v]);
        asc_law_clear(&held[v]);
    }
    asc__pool_clear(&pool);
    asc__prep_clear(&p);
    asc_runs_clear(&t);
}

/* Mean trust in the runs of 1e9 tokens and of 16e9, of three budgets: either a reciprocal law holds at all, or what
 * helps at first harms later. */
static void trust_by_budget(double *small, double *large, bool turns)
{
    static const double exponent[D] = {.3, .5, .4, .6};
    asc_runs t = make_table(60, false, .01, 7);
    asc_rng rng;
    asc_rng_init(&rng, 8, "test budgets", 0);
    for (size_t r = 0; r < 60; r++) {
        double budget = r % 3 == 0 ? 1e9 : r % 3 == 1 ? 4e9 : 16e9;
        for (size_t i = 0; i < D; i++)
            t.tokens[r * D + i] *= budget / t.total[r];
        t.total[r] = budget;
        for (size_t v = 0; v < V; v++) {
            double s = 0;
            for (size_t i = 0; i < D; i++)
                s += (i == (v + (turns ? r % 3 : 0)) % D ? .8 : .3) * pow(t.tokens[r * D + i] / budget, exponent[i]);
            t.loss[r * V + v] = 1.5 + (1 + .3 * pow(budget / 4e9, -.4)) / s + .01 * asc_rng_normal(&rng);
        }
    }
    asc_law_opts o = quick("reciprocal-mult");
    asc__prep p;
    asc__pool pool;
    assert_int_equal(asc__prep_init(&p, &t, &o, NULL), ASC_OK);
    assert_int_equal(asc__pool_init(&pool, &p, asc_law_family_named("reciprocal-mult", NULL), 1, NULL), ASC_OK);
    *small = *large = 0;
    for (size_t r = 0; r < 60; r++)
        *(r % 3 == 0 ? small : large) += r % 3 == 1 ? 0 : pool.trust[r] / 20;
    asc__pool_clear(&pool);
    asc__prep_clear(&p);
    asc_runs_clear(&t);
}

static void budgets__count_by_their_tokens_where_no_law_holds_at_all_of_them(void **state)
{
    double small, large;
    trust_by_budget(&small, &large, false);
    if (!(small > .8 * large))
        fail_msg("one law holds, and runs of 1e9 tokens count %g, of 16e9 %g", small, large);
    trust_by_budget(&small, &large, true);
    if (!(small < .2 * large))
        fail_msg("effects turn, and runs of 1e9 tokens count %g, of 16e9 %g", small, large);
}

static void pool__needs_three_targets(void **state)
{
    asc_runs t = make_table(30, false, .01, 4);
    asc_law_opts o = quick("reciprocal-mult");
    asc__prep p;
    asc__pool pool;
    for (size_t r = 0; r < t.n_runs; r++)
        for (size_t v = 2; v < V; v++)
            t.loss[r * V + v] = NAN;
    assert_int_equal(asc__prep_init(&p, &t, &o, NULL), ASC_OK);
    assert_int_equal(asc__pool_init(&pool, &p, asc_law_family_named("reciprocal-mult", NULL), 1, NULL), ASC_OK);
    assert_null(pool.all.centre);
    asc__pool_clear(&pool);
    asc__prep_clear(&p);
    asc_runs_clear(&t);
}

/* ---- bands ---- */

/* Noise of a known size: of fresh runs with the same noise 90 % bands hold 85 to 95 %, over tables and targets; they
 * are no wider than a third more than the noise alone would make them. */
static void bands__cover_what_they_say(void **state)
{
    const double noise[2] = {.01, .05};
    for (size_t k = 0; k < 2; k++) {
        double inside = 0, n = 0, width = 0;
        for (uint64_t seed = 0; seed < 6; seed++) {
            asc_runs t = make_table(96, false, noise[k], 10 + seed),
                     fresh = make_table(200, false, noise[k], 90 + seed);
            asc_law_opts o = quick("reciprocal-mult");
            o.n_bootstrap = 30;
            asc_law_set s;
            assert_int_equal(asc_law_fit(&s, &t, &o, NULL), ASC_OK);
            for (size_t r = 0; r < fresh.n_runs; r++)
                for (size_t v = 0; v < V; v++) {
                    double lo, hi, y = fresh.loss[r * V + v];
                    assert_true(asc_law_band(&s.laws[v], fresh.tokens + r * D, NAN, 1, &lo, &hi));
                    inside += y >= lo && y <= hi;
                    width += hi - lo;
                    n++;
                }
            asc_law_set_clear(&s);
            asc_runs_clear(&t);
            asc_runs_clear(&fresh);
        }
        double covered = inside / n, wide = width / n / (2 * 1.645 * noise[k]);
        if (!(covered > .85 && covered < .95 && wide < 1.33))
            fail_msg("noise %g: %.3f covered, %.2f times as wide as the noise alone", noise[k], covered, wide);
    }
}

/* ---- the blend ---- */

static const asc_law_score *score_of(const asc_law_comparison *c, const char *law)
{
    size_t i = 0;
    while (i < c->n_laws && strcmp(c->laws[i].law, law) != 0)
        i++;
    return i < c->n_laws ? &c->laws[i] : NULL;
}

static void blend__is_about_as_good_as_the_best_law_or_better(void **state)
{
    asc_law_opts o = quick("auto");
    asc_law_comparison c;
    double blend = 0, best = 0;
    for (uint64_t seed = 0; seed < 4; seed++) {
        asc_runs t = make_table(24, false, .05, seed);
        assert_int_equal(asc_law_compare(&c, &t, &o, NULL), ASC_OK);
        assert_string_equal(c.chosen, "blend");
        assert_non_null(score_of(&c, "blend"));
        double least = INFINITY;
        for (size_t i = 0; i < c.n_laws; i++)
            if (strcmp(c.laws[i].law, "blend") != 0)
                least = fmin(least, c.laws[i].cv_mse);
        blend += score_of(&c, "blend")->cv_mse;
        best += least;
        asc_law_comparison_clear(&c);
        asc_runs_clear(&t);
    }
    if (!(blend < 1.02 * best))
        fail_msg("squared error of the blend %g, of the best law %g", blend, best);
}

static void blend__leaves_decisions_to_laws_whose_returns_diminish(void **state)
{
    asc_law_opts o = quick("auto");
    asc_law_set s;
    o.n_bootstrap = 30;
    asc_runs t = make_table(24, false, .05, 1);
    assert_int_equal(asc_law_fit(&s, &t, &o, NULL), ASC_OK);
    for (size_t v = 0; v < s.n_laws; v++) {
        const asc_law *l = &s.laws[v];
        double sum = 0;
        assert_int_equal(l->n_draws, 30);
        for (size_t i = 0; i < l->n_parts; i++) {
            sum += l->params[i];
            assert_true(asc_law_decides(&l->parts[i]) || l->parts[i].n_draws == 0);
        }
        assert_true(l->n_parts == 0 || fabs(sum - 1) < 1e-12);
        for (size_t k = 0; k < l->n_draws; k++) {
            asc_law view = asc_law_draw_view(l, k);
            assert_true(asc_law_decides(&view));
        }
    }
    asc_law_set_clear(&s);
    asc_runs_clear(&t);
}

/* ---- many targets ---- */

/* The targets of a table again and again, noise of their own on each. */
static asc_runs repeat_targets(const asc_runs *t, size_t times)
{
    asc_runs many;
    asc_rng rng;
    asc_rng_init(&rng, 3, "test many targets", 0);
    if (asc_runs_init(&many, t->n_runs, D, V * times, NULL) != ASC_OK)
        abort();
    for (size_t i = 0; i < D; i++)
        many.domains[i] = asc_strdup(t->domains[i]);
    for (size_t v = 0; v < V * times; v++) {
        char name[16];
        snprintf(name, sizeof name, "t%zu", v);
        many.targets[v] = asc_strdup(name);
    }
    memcpy(many.tokens, t->tokens, t->n_runs * D * sizeof *t->tokens);
    for (size_t r = 0; r < t->n_runs; r++) {
        many.group[r] = t->group[r];
        many.total[r] = t->total[r];
        many.params[r] = t->params[r];
        for (size_t v = 0; v < V * times; v++)
            many.loss[r * V * times + v] = t->loss[r * V + v % V] + .002 * asc_rng_normal(&rng);
    }
    many.n_groups = t->n_groups;
    return many;
}

/* With many targets the laws are tried on some; what no blend of these would hold is left out with the reason, what is
 * left is judged on all, and no target is fitted worse for it. */
static void many__targets_are_not_tried_on_laws_that_are_behind(void **state)
{
    enum { TIMES = 6 };
    asc_runs few = make_table(40, false, .002, 5), many = repeat_targets(&few, TIMES);
    asc_law_opts o = quick("auto");
    o.n_bootstrap = 0;
    asc_law_comparison c;
    asc_law_set a, b;
    assert_int_equal(asc_law_compare(&c, &many, &o, NULL), ASC_OK);
    size_t left_out = 0;
    for (size_t i = 0; i < c.n_skipped; i++)
        left_out += strstr(c.skipped[i].why, "12 evenly chosen targets") != NULL;
    assert_true(left_out > 0);
    for (size_t i = 0; i < c.n_laws; i++)
        assert_true(isfinite(c.laws[i].cv_mse));
    assert_int_equal(asc_law_fit(&a, &few, &o, NULL), ASC_OK);
    assert_int_equal(asc_law_fit(&b, &many, &o, NULL), ASC_OK);
    double ratio = 0;
    for (size_t v = 0; v < V * TIMES; v++)
        ratio += log(b.laws[v].stats.cv_mse / a.laws[v % V].stats.cv_mse) / (V * TIMES);
    assert_true(ratio < log(2.5)); /* as much noise again */
    asc_law_comparison_clear(&c);
    asc_law_set_clear(&a);
    asc_law_set_clear(&b);
    asc_runs_clear(&few);
    asc_runs_clear(&many);
}

/* ---- tables too large ---- */

/* A table of shapes and groups alone. */
static asc_runs large_table(size_t n, size_t d, size_t rows_a_run)
{
    asc_runs t;
    if (asc_runs_init(&t, n, d, 1, NULL) != ASC_OK)
        abort();
    for (size_t i = 0; i < d; i++)
        t.domains[i] = asc_strdup("d");
    t.targets[0] = asc_strdup("t");
    for (size_t r = 0; r < n; r++) {
        t.group[r] = r / rows_a_run;
        t.total[r] = 1;
        t.tokens[r * d + r % d] = 1;
        t.loss[r] = 2 + (double)r;
    }
    t.n_groups = (n + rows_a_run - 1) / rows_a_run;
    return t;
}

static void sample__keeps_runs_whole_and_is_even(void **state)
{
    enum { ROWS = 30000, EACH = 3 };
    asc_law_opts o = quick("auto");
    asc_runs t = large_table(ROWS, 400, EACH), a, b;
    assert_int_equal(asc__sample_runs(&a, &t, &o, NULL), ASC_OK);
    assert_int_equal(asc__sample_runs(&b, &t, &o, NULL), ASC_OK);
    assert_true(a.n_runs >= 2900 && a.n_runs < ROWS && a.n_runs % EACH == 0);
    assert_int_equal(a.n_runs, b.n_runs);
    assert_memory_equal(a.loss, b.loss, a.n_runs * sizeof *a.loss);
    double largest_gap = 0;
    for (size_t r = 0; r < a.n_runs; r++) {
        double first = a.loss[r - r % EACH];
        assert_true(a.loss[r] == first + (double)(r % EACH)); /* all rows of a run, in order */
        assert_int_equal((int)(first - 2) % EACH, 0);
        if (r >= EACH)
            largest_gap = fmax(largest_gap, a.loss[r] - a.loss[r - EACH]);
    }
    assert_true(largest_gap < 2 * ROWS / (double)a.n_runs * EACH);
    asc_runs_clear(&a);
    asc_runs_clear(&b);
    asc_runs_clear(&t);
    t = large_table(500, 17, 1);
    assert_int_equal(asc__sample_runs(&a, &t, &o, NULL), ASC_OK);
    assert_int_equal(a.n_runs, 0); /* all are taken */
    asc_runs_clear(&t);
}

static void large__laws_are_refused_with_the_reason(void **state)
{
    asc_law_opts o = quick("reciprocal-mult");
    char why[200];
    asc_runs t = large_table(3000, 2000, 1);
    assert_true(asc__too_large(why, sizeof why, &t, &o, asc_law_family_named("reciprocal-mult", NULL)));
    assert_non_null(strstr(why, "3000 rows, 4005 parameters"));
    assert_false(asc__too_large(why, sizeof why, &t, &o, asc_law_family_named("ddo", NULL)));
    asc_law_set s;
    asc_error err = {0};
    assert_int_equal(asc_law_fit(&s, &t, &o, &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "reciprocal-mult: too large"));
    assert_non_null(strstr(err.msg, "give fewer"));
    asc_runs_clear(&t);
}

/* ---- progress ---- */

typedef struct heard {
    size_t n, ends; /* calls, those at the end */
    double last, total;
    bool back; /* it went backwards, or beyond the end */
} heard;

static void hear(void *ctx, const char *what, double done, double total, const char *unit)
{
    heard *h = ctx;
    h->back |= done < h->last || done > total || !*what || !*unit;
    h->n++;
    h->ends += done >= total;
    h->last = done;
    h->total = total;
}

static void progress__reaches_its_end_and_changes_nothing(void **state)
{
    const char *laws[] = {"reciprocal-mult", "reciprocal-mult+gp", "linear"};
    asc_runs t = make_table(40, false, .02, 6);
    t.loss[7 * V] += 3; /* an outlier: a second round of folds */
    for (size_t k = 0; k < 3; k++) {
        heard h = {0};
        asc_law_opts o = quick(laws[k]);
        asc_law_set silent, told;
        o.n_bootstrap = 10;
        assert_int_equal(asc_law_fit(&silent, &t, &o, NULL), ASC_OK);
        o.progress = hear;
        o.progress_ctx = &h;
        assert_int_equal(asc_law_fit(&told, &t, &o, NULL), ASC_OK);
        assert_true(h.n > 20 && !h.back && h.last == h.total);
        assert_memory_equal(silent.laws[0].params, told.laws[0].params, told.laws[0].n_params * sizeof(double));
        asc_law_set_clear(&silent);
        asc_law_set_clear(&told);
    }
    heard h = {0};
    asc_law_opts o = quick("auto");
    asc_law_comparison c;
    o.no_trees = false; /* slow, and the last where they are installed */
    o.progress = hear;
    o.progress_ctx = &h;
    assert_int_equal(asc_law_compare(&c, &t, &o, NULL), ASC_OK);
    assert_true(!h.back && h.last == h.total && h.n > h.total);
    assert_true(h.ends <= 3); /* the end is no place to stay while a slow law is judged a second time */
    asc_law_comparison_clear(&c);
    asc_runs_clear(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trust__falls_on_the_runs_that_are_off_on_all_targets),
        cmocka_unit_test(trust__in_noisy_runs_pays_on_unseen_ones),
        cmocka_unit_test(pool__holds_exponents_near_their_median),
        cmocka_unit_test(budgets__count_by_their_tokens_where_no_law_holds_at_all_of_them),
        cmocka_unit_test(pool__needs_three_targets),
        cmocka_unit_test(bands__cover_what_they_say),
        cmocka_unit_test(blend__is_about_as_good_as_the_best_law_or_better),
        cmocka_unit_test(blend__leaves_decisions_to_laws_whose_returns_diminish),
        cmocka_unit_test(many__targets_are_not_tried_on_laws_that_are_behind),
        cmocka_unit_test(sample__keeps_runs_whole_and_is_even),
        cmocka_unit_test(large__laws_are_refused_with_the_reason),
        cmocka_unit_test(progress__reaches_its_end_and_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
