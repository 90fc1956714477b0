/* The laws: Jacobians and gradients against central differences, known parameters recovered, tables that are bad,
 * folds, threads, permutations, bands on published runs. */
#include "test.h"

#include "private.h"
#include "law_tables.h"

enum { D = 4 };
static const char *const parametric[] = {
    "ddo-joint",       "effective",         "dml",    "bimix", "reciprocal-add", "reciprocal-joint",
    "reciprocal-mult", "reciprocal-kaplan", "linear",
};
#define N_PARAMETRIC (sizeof parametric / sizeof *parametric)

/* n runs of random mixtures of D domains, tokens and params drawn from a few values where they vary. */
static asc_runs random_runs(size_t n, size_t d, bool tokens, bool params, uint64_t seed)
{
    asc_runs t;
    asc_rng rng;
    char name[16];
    if (asc_runs_init(&t, n, d, 1, NULL) != ASC_OK)
        abort();
    asc_rng_init(&rng, seed, "test runs", 0);
    for (size_t i = 0; i < d; i++) {
        snprintf(name, sizeof name, "d%zu", i);
        t.domains[i] = asc_strdup(name);
    }
    t.targets[0] = asc_strdup("d1");
    t.n_groups = n;
    for (size_t r = 0; r < n; r++) {
        double sum = 0, N = tokens ? 1e9 * (double)(1 + asc_rng_below(&rng, 4)) : 2e9;
        t.group[r] = r;
        t.total[r] = N;
        t.params[r] = params ? 1e8 * (double)(1 + asc_rng_below(&rng, 4)) : 1e8;
        for (size_t i = 0; i < d; i++)
            sum += t.tokens[r * d + i] = -log(1 - asc_rng_double(&rng)) + .02;
        for (size_t i = 0; i < d; i++)
            t.tokens[r * d + i] *= N / sum;
    }
    return t;
}

static asc__features features_of(const asc_runs *t, bool tokens, bool params)
{
    asc__features x;
    if (asc__features_init(&x, t->n_runs, t->n_domains, NULL) != ASC_OK)
        abort();
    x.has_tokens = tokens;
    x.has_params = params;
    x.unit_tokens = 4e9;
    x.unit_params = 4e8;
    asc__features_fill(&x, t->tokens, t->params, 1, t->n_runs);
    return x;
}

/* A plausible theta: the family's start on losses between 2 and 4, moved a little. */
static const asc__family *named(const char *name)
{
    return asc_law_family_named(name, NULL);
}

static void some_theta(const asc__family *fam, asc__features *x, double *theta, double *scratch)
{
    double y[512], w[512];
    for (size_t r = 0; r < x->ld; r++) {
        y[r] = 2 + .5 * (double)(r % 5);
        w[r] = r < x->n;
    }
    asc__data d = {.x = x, .y = y, .weight = w, .own = 1};
    asc__data_stats(&d);
    assert_true(fam->start(&d, 0, theta, scratch));
    size_t p = fam->n_params(x->n_domains, x->has_tokens, x->has_params);
    for (size_t j = 0; j < p; j++)
        theta[j] += .05 * sin(3. * (double)j) + (strcmp(fam->name, "linear") == 0 ? .1 : 0);
}

static void family__jacobian_matches_central_differences(void **state)
{
    for (size_t k = 0; k < 4 * N_PARAMETRIC; k++) {
        const asc__family *fam = named(parametric[k / 4]);
        bool tokens = k & 1, params = k & 2;
        asc_runs t = random_runs(20, D, tokens, params, k);
        asc__features x = features_of(&t, tokens, params);
        size_t p = fam->n_params(D, tokens, params), ld = x.ld;
        double theta[64], f[64], up[64], down[64], *J = calloc(p * ld, sizeof *J);
        double *scratch = calloc(asc__scratch_size(D, ld), sizeof *scratch);
        some_theta(fam, &x, theta, scratch);
        fam->eval(&x, 1, theta, f, J, scratch);
        for (size_t j = 0; j < p; j++) {
            double h = 1e-5, keep = theta[j];
            theta[j] = keep + h;
            fam->eval(&x, 1, theta, up, NULL, scratch);
            theta[j] = keep - h;
            fam->eval(&x, 1, theta, down, NULL, scratch);
            theta[j] = keep;
            for (size_t r = 0; r < x.n; r++) {
                double want = (up[r] - down[r]) / (2 * h), found = J[j * ld + r];
                if (fabs(want - found) > 1e-6 * (1 + fabs(want)))
                    fail_msg("%s, tokens %d params %d: df[%zu]/dtheta[%zu] = %g, differences give %g", fam->name,
                             tokens, params, r, j, found, want);
            }
        }
        free(J);
        free(scratch);
        asc__features_clear(&x);
        asc_runs_clear(&t);
    }
}

/* A law with params from some_theta. */
static asc_law law_of(const char *name, bool tokens, bool params)
{
    const asc__family *fam = named(name);
    asc_runs t = random_runs(20, D, tokens, params, 5);
    asc__features x = features_of(&t, tokens, params);
    double theta[64], *scratch = calloc(asc__scratch_size(D, x.ld), sizeof *scratch);
    some_theta(fam, &x, theta, scratch);
    asc_law l = {.family = fam, .n_domains = D, .own = 1, .has_tokens = tokens, .has_params = params};
    l.unit_tokens = 4e9;
    l.unit_params = 4e8;
    l.floor = x.floor;
    l.n_params = fam->n_params(D, tokens, params);
    l.params = asc_calloc(l.n_params, sizeof *l.params);
    asc__to_params(fam, &x, theta, l.params);
    free(scratch);
    asc__features_clear(&x);
    asc_runs_clear(&t);
    return l;
}

static void law__gradient_matches_central_differences(void **state)
{
    for (size_t k = 0; k < 4 * N_PARAMETRIC; k++) {
        bool tokens = k & 1, params = k & 2;
        asc_law l = law_of(parametric[k / 4], tokens, params);
        double n[D] = {4e8, 9e8, 2e8, 6e8}, g[D];
        double y = asc_law_gradient(&l, n, 2e8, g);
        assert_float_equal(y, asc_law_predict(&l, n, 2e8), 1e-14);
        for (size_t i = 0; i < D; i++) {
            double h = 1e-5 * n[i], keep = n[i];
            n[i] = keep + h;
            double up = asc_law_predict(&l, n, 2e8);
            n[i] = keep - h;
            double want = (up - asc_law_predict(&l, n, 2e8)) / (2 * h);
            n[i] = keep;
            if (fabs(want - g[i]) * 1e9 > 1e-5 * (1 + fabs(want) * 1e9))
                fail_msg("%s: dL/dtokens[%zu] = %g, differences give %g", asc_law_family_name(l.family), i, g[i], want);
        }
        asc_law_clear(&l);
    }
}

static void law__many_points_agree_with_one(void **state)
{
    asc_runs t = random_runs(700, D, true, true, 9);
    double *out = calloc(t.n_runs, sizeof *out);
    for (size_t k = 0; k < N_PARAMETRIC; k++) {
        asc_law l = law_of(parametric[k], true, true);
        assert_int_equal(asc_law_predict_many(out, &l, t.n_runs, t.tokens, t.params, NAN, 2, NULL), ASC_OK);
        for (size_t r = 0; r < t.n_runs; r++) {
            double want = asc_law_predict(&l, t.tokens + r * D, t.params[r]);
            assert_float_equal(out[r] / want, 1, 1e-12);
        }
        asc_law_clear(&l);
    }
    t.tokens[5] = -1; /* a bad point is NaN, not its neighbours */
    asc_law l = law_of("effective", true, true);
    assert_int_equal(asc_law_predict_many(out, &l, t.n_runs, t.tokens, t.params, NAN, 1, NULL), ASC_OK);
    assert_true(isnan(out[1]) && isfinite(out[0]));
    asc_law_clear(&l);
    free(out);
    asc_runs_clear(&t);
}

/* Losses of a law at every row. */
static void fill_losses(asc_runs *t, const asc_law *l, double noise)
{
    asc_rng rng;
    asc_rng_init(&rng, 3, "test noise", 0);
    for (size_t r = 0; r < t->n_runs; r++)
        t->loss[r] = asc_law_predict(l, t->tokens + r * t->n_domains, t->params[r]) + noise * asc_rng_normal(&rng);
}

static void law__recovers_what_made_the_table(void **state)
{
    for (size_t k = 0; k < N_PARAMETRIC; k++) {
        bool varies = strcmp(parametric[k], "ddo-joint") != 0;
        asc_law truth = law_of(parametric[k], varies, varies);
        asc_runs t = random_runs(160, D, varies, varies, 21);
        fill_losses(&t, &truth, 0);
        asc_law_opts o = quick(parametric[k]);
        asc_law_set s;
        asc_error err = {0};
        if (asc_law_fit(&s, &t, &o, &err) != ASC_OK)
            fail_msg("%s: %s", o.law, err.msg);
        double spread = 0, error = 0;
        asc_runs fresh = random_runs(50, D, varies, varies, 22);
        fill_losses(&fresh, &truth, 0);
        for (size_t r = 0; r < 50; r++) {
            double e = asc_law_predict(s.laws, fresh.tokens + r * D, fresh.params[r]) - fresh.loss[r];
            error += e * e / 50;
            spread += pow(fresh.loss[r] - fresh.loss[0], 2) / 50;
        }
        if (!(error < 2e-3 * spread + 1e-10))
            fail_msg("%s: error %g against a spread of %g", o.law, sqrt(error), sqrt(spread));
        asc_law_set_clear(&s);
        asc_law_clear(&truth);
        asc_runs_clear(&t);
        asc_runs_clear(&fresh);
    }
}

static void law__permuting_domains_permutes_the_answer(void **state)
{
    asc_law truth = law_of("reciprocal-mult", false, false);
    asc_runs t = random_runs(60, D, false, false, 4), p = random_runs(60, D, false, false, 4);
    fill_losses(&t, &truth, .01);
    for (size_t r = 0; r < 60; r++) {
        p.loss[r] = t.loss[r];
        for (size_t i = 0; i < D; i++)
            p.tokens[r * D + i] = t.tokens[r * D + (i + 1) % D];
    }
    for (size_t i = 0; i < D; i++) {
        asc_free(p.domains[i]);
        p.domains[i] = asc_strdup(t.domains[(i + 1) % D]);
    }
    asc_law_opts o = quick("reciprocal-mult");
    asc_law_set a, b;
    assert_int_equal(asc_law_fit(&a, &t, &o, NULL), ASC_OK);
    assert_int_equal(asc_law_fit(&b, &p, &o, NULL), ASC_OK);
    for (size_t r = 0; r < 60; r++)
        assert_float_equal(asc_law_predict(a.laws, t.tokens + r * D, NAN),
                           asc_law_predict(b.laws, p.tokens + r * D, NAN), 1e-4);
    asc_law_set_clear(&a);
    asc_law_set_clear(&b);
    asc_law_clear(&truth);
    asc_runs_clear(&t);
    asc_runs_clear(&p);
}

static void law__threads_do_not_change_a_bit(void **state)
{
    asc_law truth = law_of("reciprocal-add", false, false);
    asc_runs one = random_runs(40, D, false, false, 8), t;
    fill_losses(&one, &truth, .02);
    assert_int_equal(asc_runs_init(&t, 40, D, 3, NULL), ASC_OK);
    memcpy(t.tokens, one.tokens, 40 * D * sizeof(double));
    memcpy(t.total, one.total, 40 * sizeof(double));
    for (size_t i = 0; i < D; i++)
        t.domains[i] = asc_strdup(one.domains[i]);
    t.n_groups = 40;
    for (size_t v = 0; v < 3; v++)
        t.targets[v] = asc_strdup(v == 0 ? "d0" : v == 1 ? "d1" : "else");
    for (size_t r = 0; r < 40; r++) {
        t.group[r] = r;
        for (size_t v = 0; v < 3; v++)
            t.loss[r * 3 + v] = one.loss[r] * (1 + .1 * (double)v);
    }
    asc_law_opts o = quick("reciprocal-mult+gp");
    o.n_bootstrap = 10;
    asc_law_set a, b;
    assert_int_equal(asc_law_fit(&a, &t, &o, NULL), ASC_OK);
    o.n_threads = 3;
    assert_int_equal(asc_law_fit(&b, &t, &o, NULL), ASC_OK);
    for (size_t v = 0; v < 3; v++) {
        assert_memory_equal(a.laws[v].params, b.laws[v].params, a.laws[v].n_params * sizeof(double));
        assert_memory_equal(a.laws[v].draws, b.laws[v].draws, 10 * a.laws[v].n_params * sizeof(double));
        assert_true(a.laws[v].band[1] == b.laws[v].band[1]);
    }
    asc_law_set_clear(&a);
    asc_law_set_clear(&b);
    asc_law_clear(&truth);
    asc_runs_clear(&one);
    asc_runs_clear(&t);
}

static void folds__keep_runs_and_mixtures_together(void **state)
{
    asc_runs t = random_runs(60, D, true, false, 2);
    asc_law_opts o = quick("auto");
    asc__prep p;
    for (size_t r = 0; r < 60; r++)
        t.group[r] = r / 3; /* three checkpoints a run */
    t.n_groups = 20;
    for (size_t i = 0; i < D; i++) /* another run with the mixture of row 0 */
        t.tokens[30 * D + i] = t.tokens[i] / t.total[0] * t.total[30];
    assert_int_equal(asc__prep_init(&p, &t, &o, NULL), ASC_OK);
    for (size_t r = 0; r < 60; r++)
        assert_int_equal(p.fold[r], p.fold[r / 3 * 3]);
    assert_int_equal(p.fold[30], p.fold[0]);
    assert_int_equal(p.n_units, 19);
    int seen[5] = {0};
    for (size_t r = 0; r < 60; r++)
        seen[p.fold[r]]++;
    for (int k = 0; k < 5; k++)
        assert_true(seen[k] > 0);
    asc__prep_clear(&p);
    asc_runs_clear(&t);
}

static void expect_error(const asc_runs *t, const char *law, asc_status status, const char *part)
{
    asc_law_opts o = quick(law);
    asc_law_set s;
    asc_error err = {0};
    assert_int_equal(asc_law_fit(&s, t, &o, &err), status);
    if (!strstr(err.msg, part))
        fail_msg("'%s' does not say '%s'", err.msg, part);
}

static void law__bad_tables_are_said_to_be_bad(void **state)
{
    asc_runs t = random_runs(12, D, false, false, 6), one;
    size_t rows[] = {0};
    expect_error(&t, "reciprocal-mult", ASC_EINVAL, "no row has a loss");
    for (size_t r = 0; r < 12; r++)
        t.loss[r] = 3;
    expect_error(&t, "reciprocl-mult", ASC_EINVAL, "reciprocal-mult");
    expect_error(&t, "ddo", ASC_EINVAL, "row");
    t.loss[3] = -1;
    expect_error(&t, "reciprocal-mult", ASC_EINVAL, "expected > 0");
    t.loss[3] = INFINITY;
    expect_error(&t, "reciprocal-mult", ASC_EINVAL, "row 4");
    t.loss[3] = 3;
    assert_int_equal(asc_runs_select(&one, &t, rows, 1, NULL), ASC_OK);
    expect_error(&one, "reciprocal-mult", ASC_EINVAL, "needs");
    expect_error(&one, "auto", ASC_EINVAL, "no law can be fitted");
    asc_runs_clear(&one);
    asc_runs_clear(&t);
}

static bool has_note(const asc_law_set *s, const char *part)
{
    for (size_t i = 0; i < s->notes.n; i++)
        if (strstr(s->notes.text[i], part))
            return true;
    return false;
}

/* Constant losses, one mixture, two equal columns: an answer that predicts what was seen, and what cannot be said. */
static void law__degenerate_tables_are_fitted(void **state)
{
    for (int kind = 0; kind < 3; kind++) {
        asc_runs t = random_runs(16, D, false, false, 6);
        for (size_t r = 0; r < 16; r++) {
            for (size_t i = 0; i < D && kind == 1; i++)
                t.tokens[r * D + i] = t.total[r] / D;
            if (kind == 2)
                t.tokens[r * D] = t.tokens[r * D + 1];
            t.total[r] = asc__total(t.tokens + r * D, D);
            t.loss[r] = kind == 2 ? 3 + .2 * t.tokens[r * D + 2] / t.total[r] : 3;
        }
        for (size_t k = 0; k < N_PARAMETRIC; k++) {
            asc_law_opts o = quick(parametric[k]);
            o.n_bootstrap = 4;
            asc_law_set s;
            asc_error err = {0};
            if (asc_law_fit(&s, &t, &o, &err) != ASC_OK)
                fail_msg("%s: %s", o.law, err.msg);
            for (size_t r = 0; r < 16; r++)
                assert_float_equal(asc_law_predict(s.laws, t.tokens + r * D, NAN), t.loss[r], .12);
            assert_true(has_note(&s, kind == 0   ? "all losses are 3"
                                     : kind == 1 ? "1 separate mixtures of 4 domains"
                                                 : "1 of 4 domains follow from those of the others"));
            asc_law_set_clear(&s);
        }
        asc_runs_clear(&t);
    }
}

static void compare__ranks_no_law_above_the_one_that_made_the_table(void **state)
{
    asc_law truth = law_of("dml", false, false);
    asc_runs t = random_runs(120, D, false, false, 31);
    fill_losses(&t, &truth, 1e-4);
    asc_law_opts o = quick("auto");
    asc_law_comparison c;
    assert_int_equal(asc_law_compare(&c, &t, &o, NULL), ASC_OK);
    /* A law with a Gaussian process on its residual may come as near to the noise as the truth; none comes nearer. */
    size_t dml = 0;
    while (dml < c.n_laws && strcmp(c.laws[dml].law, "dml") != 0)
        dml++;
    assert_true(dml < c.n_laws && dml <= 2);
    assert_true(c.laws[dml].cv_mre <= 1.1 * c.laws[0].cv_mre);
    assert_true(isnan(c.laws[0].forward_mre));
    assert_true(c.n_skipped >= 3); /* ddo, trees, twins */
    for (size_t i = 0; i < c.n_skipped; i++)
        assert_true(strlen(c.skipped[i].why) > 10);
    asc_law_comparison_clear(&c);
    asc_law_clear(&truth);
    asc_runs_clear(&t);
}

static void regmix__held_out_error_and_bands(void **state)
{
    asc_runs train, test;
    if (!read_table(&train, ASC_SHARED_DIR "/tables/regmix_1m_train.csv") ||
        !read_table(&test, ASC_SHARED_DIR "/tables/regmix_1m_test.csv")) {
        print_message("skipped: the published tables are not here\n");
        skip();
    }
    asc_runs few = draw_rows(&train, 64, 1);
    asc_law_opts o = quick("reciprocal-mult");
    o.n_bootstrap = 20;
    asc_law_set s;
    assert_int_equal(asc_law_fit(&s, &few, &o, NULL), ASC_OK);
    asc_law_error *e, whole;
    size_t n;
    assert_int_equal(asc_law_score_runs(&e, &n, &whole, &s, &test, NULL), ASC_OK);
    double mse = 0, coverage = 0;
    for (size_t v = 0; v < n; v++) {
        mse += e[v].rmse * e[v].rmse / (double)n;
        coverage += e[v].coverage / (double)n;
        assert_true(e[v].width > 0);
    }
    assert_int_equal(n, 13);
    assert_true(mse < .023);
    assert_true(coverage > .85 && coverage < .98);
    assert_true(whole.regret < .01);
    asc_law_errors_free(e, n);
    asc_free(whole.target);
    asc_law_set_clear(&s);
    asc_runs_clear(&few);
    asc_runs_clear(&train);
    asc_runs_clear(&test);
}

static void kernels__are_accurate_and_equal_on_every_instruction_set(void **state)
{
    double x[1024], a[1024], b[1024];
    for (size_t i = 0; i < 1024; i++)
        x[i] = -30 + .06 * (double)i;
    asc__law_kernels_plain.exp_affine(a, .1, 1, x, 1024);
    asc__law_kernels()->exp_affine(b, .1, 1, x, 1024);
    assert_memory_equal(a, b, sizeof a);
    for (size_t i = 0; i < 1024; i++)
        assert_float_equal(a[i] / exp(.1 + x[i]), 1, 2e-15);
    for (size_t i = 0; i < 1024; i++)
        x[i] = exp(-20 + .05 * (double)i);
    asc__law_kernels_plain.log(a, x, 1024);
    asc__law_kernels()->log(b, x, 1024);
    assert_memory_equal(a, b, sizeof a);
    for (size_t i = 0; i < 1024; i++)
        assert_float_equal(a[i], log(x[i]), 1e-15 * (1 + fabs(log(x[i]))));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(family__jacobian_matches_central_differences),
        cmocka_unit_test(law__gradient_matches_central_differences),
        cmocka_unit_test(law__many_points_agree_with_one),
        cmocka_unit_test(law__recovers_what_made_the_table),
        cmocka_unit_test(law__permuting_domains_permutes_the_answer),
        cmocka_unit_test(law__threads_do_not_change_a_bit),
        cmocka_unit_test(folds__keep_runs_and_mixtures_together),
        cmocka_unit_test(law__bad_tables_are_said_to_be_bad),
        cmocka_unit_test(law__degenerate_tables_are_fitted),
        cmocka_unit_test(compare__ranks_no_law_above_the_one_that_made_the_table),
        cmocka_unit_test(regmix__held_out_error_and_bands),
        cmocka_unit_test(kernels__are_accurate_and_equal_on_every_instruction_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
