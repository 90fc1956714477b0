/* The table of laws: what every row promises, and a law added through the table alone. The source of the table is
 * compiled here with one more line: that line and the row below are all that a new law takes. */
#define ASC__ONE_MORE_LAW(line) line(toy)
#include "families.c"

#include "test.h"

#include <math.h>
#include <stdlib.h>

#include "law_tables.h"

/* ---- the new law's file ---- */

/* L = E + sum_i c_i (1 - w_i)^2, theta = params = [E, c (D)]. */
static size_t toy_params(size_t D, bool tokens, bool params)
{
    return 1 + D;
}

static void toy_name(const asc_law *l, size_t i, char *const *domains, char *buf, size_t n)
{
    snprintf(buf, n, "%s%s", i ? "c." : "E", i ? domains[i - 1] : "");
}

static double toy_point(const asc_law *l, const double *p, const double *tokens, double P, double *gradient)
{
    size_t D = l->n_domains;
    double N = asc__total(tokens, D), value = p[0], gw[D], w[D];
    for (size_t i = 0; i < D; i++) {
        w[i] = tokens[i] / N;
        value += p[1 + i] * (1 - w[i]) * (1 - w[i]);
        gw[i] = -2 * p[1 + i] * (1 - w[i]);
    }
    if (gradient)
        asc__shares_gradient(gradient, gw, w, N, 0, D);
    return value;
}

static void toy_eval(const asc__features *x, size_t own, const double *theta, double *f, double *J, double *scratch)
{
    size_t D = x->n_domains, ld = x->ld;
    for (size_t r = 0; r < ld; r++) {
        f[r] = theta[0];
        for (size_t i = 0; i < D; i++) {
            double far = (1 - x->w[i * ld + r]) * (1 - x->w[i * ld + r]);
            f[r] += theta[1 + i] * far;
            if (J)
                J[(1 + i) * ld + r] = far;
        }
        if (J)
            J[r] = 1;
    }
}

static bool toy_start(const asc__data *d, size_t k, double *theta, double *scratch)
{
    theta[0] = .5 * d->y_min;
    for (size_t i = 0; i < d->x->n_domains; i++)
        theta[1 + i] = .1;
    return k == 0;
}

static void toy_prior(const asc__data *d, double *centre, double *strength, double *fixed)
{
    for (size_t i = 0; i < d->x->n_domains; i++)
        strength[1 + i] = 1;
}

static void toy_bounds(const asc__data *d, double *lo, double *hi)
{
    for (size_t j = 0; j <= d->x->n_domains; j++) {
        lo[j] = 0;
        hi[j] = 20;
    }
}

const asc__family asc__law_toy = {ASC__NAMES("toy"),      .help = "L = E + sum_i c_i (1 - w_i)^2",
                                  .validate = true,       .validate_gp = true,
                                  .blends = true,         .n_params = toy_params,
                                  .param_name = toy_name, .point = toy_point,
                                  .eval = toy_eval,       .start = toy_start,
                                  .prior = toy_prior,     .bounds = toy_bounds};

/* ---- what the tool makes of it ---- */

enum { D = 4 };

/* n mixtures of D domains, two targets whose losses are the toy's own. */
static asc_runs toy_table(size_t n)
{
    static const double c[2][D] = {{.2, 1, .4, .1}, {.9, .1, .3, .5}};
    asc_runs t;
    asc_rng rng;
    assert_int_equal(asc_runs_init(&t, n, D, 2, NULL), ASC_OK);
    asc_rng_init(&rng, 3, "toy", 0);
    for (size_t i = 0; i < D; i++)
        t.domains[i] = asc_strf("d%d", (int)i);
    for (size_t v = 0; v < 2; v++)
        t.targets[v] = asc_strf("t%d", (int)v);
    t.n_groups = n;
    for (size_t r = 0; r < n; r++) {
        double w[D], sum = 0;
        t.group[r] = r;
        t.total[r] = 1e9;
        t.params[r] = NAN;
        for (size_t i = 0; i < D; i++)
            sum += w[i] = -log(1 - asc_rng_double(&rng));
        for (size_t i = 0; i < D; i++)
            t.tokens[r * D + i] = w[i] / sum * 1e9;
        for (size_t v = 0; v < 2; v++) {
            t.loss[r * 2 + v] = 1.5 + .003 * asc_rng_normal(&rng);
            for (size_t i = 0; i < D; i++)
                t.loss[r * 2 + v] += c[v][i] * (1 - w[i] / sum) * (1 - w[i] / sum);
        }
    }
    return t;
}

static void table__a_new_law_is_one_row(void **state)
{
    bool gp;
    const char *names[64];
    char text[600];
    size_t n = asc_law_names(names, 64), found = 0;
    for (size_t i = 0; i < n; i++)
        found += strcmp(names[i], "toy") == 0 || strcmp(names[i], "toy+gp") == 0;
    assert_int_equal(found, 2);
    assert_non_null(strstr(asc_law_names_text(text, sizeof text), "toy"));
    assert_ptr_equal(asc_law_family_named("toy+gp", &gp), &asc__law_toy);
    assert_true(gp);

    asc_runs t = toy_table(40);
    asc_law_opts o = quick("toy");
    asc_law_set s;
    o.n_bootstrap = 30;
    assert_int_equal(asc_law_fit(&s, &t, &o, NULL), ASC_OK);
    assert_string_equal(s.law, "toy");
    assert_int_equal(s.laws[0].n_draws, 30);
    assert_float_equal(s.laws[0].params[2], 1, .1);
    char name[40];
    assert_string_equal(asc_law_param_name(&s.laws[0], 2, s.domains, name, sizeof name), "c.d1");
    assert_true(s.laws[0].stats.cv_mre < .005);
    asc_law_set_clear(&s);

    asc_law_comparison c;
    o.law = "auto";
    o.no_trees = true;
    assert_int_equal(asc_law_compare(&c, &t, &o, NULL), ASC_OK);
    bool first = strncmp(c.laws[0].law, "toy", 3) == 0 || strncmp(c.laws[1].law, "toy", 3) == 0;
    assert_true(first); /* its own table: nothing but the blend does better */
    asc_law_comparison_clear(&c);
    asc_runs_clear(&t);
}

static void table__every_row_keeps_its_promises(void **state)
{
    const asc_law_family *f;
    for (size_t i = 0; (f = asc_law_family_at(i)); i++) {
        bool gp = true;
        assert_ptr_equal(asc_law_family_named(f->name, &gp), f);
        assert_false(gp);
        assert_true(f->help && strlen(f->help) > 10 && f->point);
        assert_int_equal((f->fit != NULL) + (f->learn != NULL) + (f->eval != NULL), 1); /* one way to be fitted */
        if (f->eval)
            assert_true(f->n_params && f->param_name && f->start && f->prior && f->bounds && f->name_gp);
        if (f->learn)
            assert_true(f->rows && !f->name_gp);
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(f->name, asc_law_family_at(k)->name);
    }
    bool gp = false;
    assert_ptr_equal(asc_law_family_named("ridge+gp", &gp), asc_law_family_named("linear", NULL));
    assert_true(gp);
    assert_null(asc_law_family_named("toy+g", NULL));
    assert_null(asc_law_family_named("trees+gp", &(bool){0}));
}

static void table__draws_at_one_point_are_the_draws(void **state)
{
    asc_runs t = toy_table(30);
    static const char *const laws[] = {"auto", "effective+gp", "toy"};
    for (size_t k = 0; k < 3; k++) {
        asc_law_opts o = quick(laws[k]);
        asc_law_set s;
        double out[16];
        o.n_bootstrap = 48;
        o.no_trees = true;
        assert_int_equal(asc_law_fit(&s, &t, &o, NULL), ASC_OK);
        asc_law_predict_draws(out, &s.laws[1], 16, 3, t.tokens, NAN);
        for (size_t i = 0; i < 16; i++)
            assert_true(out[i] == asc_law_predict_draw(&s.laws[1], 3 * i, t.tokens, NAN));
        asc_law_set_clear(&s);
    }
    asc_runs_clear(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table__a_new_law_is_one_row),
        cmocka_unit_test(table__every_row_keeps_its_promises),
        cmocka_unit_test(table__draws_at_one_point_are_the_draws),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
