/* Each law against its equation in docs/method.md, written down a second time; its units; its parameters' names; the
 * way from users' parameters to the solver's and back. */
#include "test.h"

#include "law_made.h"

enum { D = 3, MOST = 24 };

/* A law, its parameters at the largest of its forms (tokens and sizes vary), and the equation again: w shares, n tokens
 * and N, P in the law's units. */
typedef double (*equation)(const double *p, const double *w, const double *n, double N, double P);
typedef struct law_case {
    const char *name;
    double params[MOST];
    equation value;
    const char *names; /* of the parameters, one after another */
} law_case;

static double power_sum(const double *C, const double *w, const double *g)
{
    double s = 0;
    for (size_t i = 0; i < D; i++)
        s += C[i] * pow(fmax(w[i], ASC__FLOOR), g[i]);
    return s;
}

static double dot(const double *a, const double *b)
{
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

/* A Kaplan join of two terms. */
static double join(double a, double b, double delta)
{
    return pow(pow(a, 1 / delta) + pow(b, 1 / delta), delta);
}

/* (sum of a_i w_i)^gamma z^-alpha; shares below the floor count as the floor. */
static double follows(const double *p, const double *w, double z)
{
    double s = 0;
    for (size_t i = 0; i < D; i++)
        s += p[i] * fmax(w[i], ASC__FLOOR);
    return pow(s, p[D]) * pow(z, -p[D + 1]);
}

static double effective(const double *p, const double *w, const double *n, double N, double P)
{
    return p[0] + pow(dot(p + 1, n), -p[4]) + p[5] * pow(P, -p[6]);
}
static double ddo_joint(const double *p, const double *w, const double *n, double N, double P)
{
    double sum = p[0] + p[10] * pow(P, -p[11]);
    for (size_t i = 0; i < D; i++)
        sum += p[1 + i] * pow(p[4 + i] + n[i], -p[7 + i]);
    return sum;
}
static double dml(const double *p, const double *w, const double *n, double N, double P)
{
    return p[0] + exp(dot(p + 1, w)) + exp(dot(p + 4, w)) * pow(N, -p[7]) + exp(dot(p + 8, w)) * pow(P, -p[11]);
}
static double bimix(const double *p, const double *w, const double *n, double N, double P)
{
    return p[0] + pow(w[0] + p[2], -p[3]) * (p[1] + p[4] * pow(N, -p[5]) + p[6] * pow(P, -p[7]));
}
static double reciprocal_add(const double *p, const double *w, const double *n, double N, double P)
{
    return p[0] + 1 / power_sum(p + 1, w, p + 4) + p[7] * pow(P, -p[8]) + p[9] * pow(N, -p[10]);
}
static double reciprocal_mult(const double *p, const double *w, const double *n, double N, double P)
{
    return p[0] + (1 + p[7] * pow(P, -p[8]) + p[9] * pow(N, -p[10])) / power_sum(p + 1, w, p + 4);
}
static double reciprocal_joint(const double *p, const double *w, const double *n, double N, double P)
{
    return p[0] + 1 / power_sum(p + 1, w, p + 4) + follows(p + 7, w, P) + follows(p + 12, w, N);
}
static double reciprocal_kaplan(const double *p, const double *w, const double *n, double N, double P)
{
    return p[0] + 1 / power_sum(p + 1, w, p + 4) + join(follows(p + 7, w, P), follows(p + 12, w, N), p[17]);
}
static double reciprocal_scale(const double *p, const double *w, const double *n, double N, double P)
{
    return p[0] + join(p[7] * pow(P, -p[8]), pow(N, -p[9]), p[10]) / power_sum(p + 1, w, p + 4);
}
static double linear(const double *p, const double *w, const double *n, double N, double P)
{
    double sum = p[0] + p[10] * log(N) + p[11] * log(P);
    for (size_t i = 0; i < D; i++)
        sum += p[1 + i] * w[i] + p[4 + i] * sqrt(w[i]) + p[7 + i] * log(w[i] + .01);
    return sum;
}
static double constant(const double *p, const double *w, const double *n, double N, double P)
{
    return p[0] + p[1] * pow(N, -p[2]) + p[3] * pow(P, -p[4]);
}

#define SHARES .9, .5, 1.4, .3, .6, .45
static const law_case cases[] = {
    {"effective", {1.5, .8, .3, 1.9, .25, .4, .34}, effective, "E k.a k.b k.c gamma A alpha"},
    {"ddo-joint",
     {1.2, .5, .4, .6, .3, .9, .1, .4, .7, .2, .3, .3},
     ddo_joint,
     "E beta.a beta.b beta.c a.a a.b a.c gamma.a gamma.b gamma.c A alpha"},
    {"dml", {1.1, .2, -.4, .5, -1, -2, -1.5, .4, -2, -1, -.5, .3}, dml, NULL},
    {"bimix", {1.4, .9, .05, .2, .3, .4, .2, .3}, bimix, "c K e a B beta A alpha"},
    {"reciprocal-add",
     {1.3, SHARES, .2, .3, .4, .5},
     reciprocal_add,
     "E C.a C.b C.c gamma.a gamma.b gamma.c A alpha B beta"},
    {"reciprocal-mult",
     {1.3, SHARES, .2, .3, .4, .5},
     reciprocal_mult,
     "E C.a C.b C.c gamma.a gamma.b gamma.c A alpha B beta"},
    {"reciprocal-joint", {1.3, SHARES, .2, .3, .1, .8, .3, .4, .2, .5, 1.2, .5}, reciprocal_joint, NULL},
    {"reciprocal-kaplan", {1.3, SHARES, .2, .3, .1, .8, .3, .4, .2, .5, 1.2, .5, .7}, reciprocal_kaplan, NULL},
    {"reciprocal-scale",
     {1.3, SHARES, .8, .3, .4, .6},
     reciprocal_scale,
     "E C.a C.b C.c gamma.a gamma.b gamma.c A alpha beta delta"},
    {"linear", {3, -.2, .1, .3, -.4, .2, .1, -.05, .02, .01, -.1, -.07}, linear, NULL},
    {"constant", {2, .3, .4, .2, .3}, constant, "E B beta A alpha"},
};
#define N_CASES (sizeof cases / sizeof *cases)

static asc_law law_of(const law_case *c)
{
    return made_law(c->name, D, true, true, c->params);
}

static void equation__is_that_of_the_documents(void **state)
{
    asc_runs t = made_runs(30, D, 1, true, true, 8);
    for (size_t i = 0; i < D; i++) /* and a domain that is not there */
        t.tokens[3 * D + i] = i == 0 ? 0 : 5e8 * (double)i;
    for (size_t k = 0; k < N_CASES; k++) {
        asc_law l = law_of(&cases[k]);
        for (size_t r = 0; r < 30; r++) {
            double w[D], n[D], N = 0;
            for (size_t i = 0; i < D; i++)
                N += n[i] = t.tokens[r * D + i] / 1e9;
            for (size_t i = 0; i < D; i++)
                w[i] = n[i] / N;
            double want = cases[k].value(cases[k].params, w, n, N, t.params[r] / 1e8);
            double found = asc_law_predict(&l, t.tokens + r * D, t.params[r]);
            if (!near_to(found, want, 1e-11))
                fail_msg("%s, row %zu: %.15g, its equation gives %.15g", cases[k].name, r, found, want);
        }
        asc_law_clear(&l);
    }
    asc_runs_clear(&t);
}

static void equation__of_rows_is_that_of_points(void **state)
{
    asc_runs t = made_runs(17, D, 1, true, true, 9); /* not a multiple of the lanes */
    asc__features x = made_features(&t, true, true);
    double *scratch = asc_aligned_alloc(asc__scratch_size(D, x.ld) * sizeof *scratch);
    for (size_t k = 0; k < N_CASES; k++) {
        asc_law l = law_of(&cases[k]);
        double theta[MOST], f[32];
        asc__to_theta(l.family, &x, l.params, theta);
        l.family->eval(&x, 0, theta, f, NULL, scratch);
        for (size_t r = 0; r < 17; r++)
            if (!near_to(f[r], asc_law_predict(&l, t.tokens + r * D, t.params[r]), 1e-11))
                fail_msg("%s, row %zu", cases[k].name, r);
        asc_law_clear(&l);
    }
    asc_aligned_free(scratch);
    asc__features_clear(&x);
    asc_runs_clear(&t);
}

static void params__go_to_theta_and_back(void **state)
{
    asc__features x = {.n_domains = D, .has_tokens = true, .has_params = true};
    for (size_t k = 0; k < N_CASES; k++) {
        asc_law l = law_of(&cases[k]);
        double theta[MOST] = {0}, back[MOST] = {0};
        asc__to_theta(l.family, &x, l.params, theta);
        asc__to_params(l.family, &x, theta, back);
        for (size_t j = 0; j < l.n_params; j++)
            if (!near_to(back[j], l.params[j], 1e-13))
                fail_msg("%s: parameter %zu is %g, was %g", cases[k].name, j, back[j], l.params[j]);
        asc_law_clear(&l);
    }
}

static void params__have_names_of_their_own(void **state)
{
    char *domains[D] = {"a", "b", "c"}, all[MOST][64], text[MOST * 66];
    for (size_t k = 0; k < N_CASES; k++) {
        asc_law l = law_of(&cases[k]);
        text[0] = 0;
        for (size_t j = 0; j < l.n_params; j++) {
            asc_law_param_name(&l, j, domains, all[j], sizeof all[j]);
            assert_true(all[j][0] && all[j][0] != '?');
            for (size_t i = 0; i < j; i++)
                if (strcmp(all[i], all[j]) == 0)
                    fail_msg("%s: parameters %zu and %zu are both called %s", cases[k].name, i, j, all[j]);
            strcat(strcat(text, j ? " " : ""), all[j]);
        }
        if (cases[k].names)
            assert_string_equal(text, cases[k].names);
        asc_law_clear(&l);
    }
}

/* What does not vary in a table is not there: fewer parameters, and no dependence. */
static void params__drop_with_the_axis_that_does_not_vary(void **state)
{
    for (size_t k = 0; k < N_CASES; k++) {
        const asc__family *fam = asc_law_family_named(cases[k].name, NULL);
        size_t all = fam->n_params(D, true, true), none = fam->n_params(D, false, false);
        assert_true(fam->n_params(D, false, true) <= all && fam->n_params(D, true, false) <= all && none <= all);
        if (none == all)
            continue;
        asc_law l = made_law(cases[k].name, D, false, false, cases[k].params);
        double n[D] = {4e8, 3e8, 5e8}, more[D] = {8e8, 6e8, 10e8};
        bool by_amount = strcmp(cases[k].name, "effective") == 0 || strcmp(cases[k].name, "ddo-joint") == 0;
        if (!by_amount)
            assert_true(near_to(asc_law_predict(&l, n, 1e8), asc_law_predict(&l, more, 1e8), 1e-12));
        assert_true(asc_law_predict(&l, n, 1e8) == asc_law_predict(&l, n, 7e9));
        asc_law_clear(&l);
    }
}

/* A law in other units of tokens and parameters is the same law where its amplitudes are told in them. */
static void units__are_a_matter_of_bookkeeping(void **state)
{
    for (size_t k = 0; k < N_CASES; k++) {
        asc_law l = law_of(&cases[k]);
        double n[D] = {4e8, 9e8, 5e8}, before = asc_law_predict(&l, n, 3e8), many[D];
        l.unit_tokens *= 1000;
        l.unit_params *= 10;
        for (size_t i = 0; i < D; i++)
            many[i] = 1000 * n[i];
        assert_true(near_to(asc_law_predict(&l, many, 3e9), before, 1e-12));
        asc_law_clear(&l);
    }
}

static void loss__falls_with_tokens_and_size(void **state)
{
    for (size_t k = 0; k < N_CASES; k++) {
        asc_law l = law_of(&cases[k]);
        double before = INFINITY;
        for (double scale = 1; scale < 1e4; scale *= 3) {
            double n[D] = {4e8 * scale, 9e8 * scale, 5e8 * scale}, y = asc_law_predict(&l, n, 1e8 * scale);
            assert_true(y < before);
            before = y;
        }
        asc_law_clear(&l);
    }
}

static void point__without_tokens_is_nothing(void **state)
{
    static const double bad[][D] = {{0, 0, 0}, {-1, 1e9, 1e9}, {NAN, 1e9, 1e9}, {INFINITY, 1, 1}};
    for (size_t k = 0; k < N_CASES; k++) {
        asc_law l = law_of(&cases[k]);
        for (size_t b = 0; b < 4; b++)
            assert_true(isnan(asc_law_predict(&l, bad[b], 1e8)));
        asc_law_clear(&l);
    }
}

/* Starts lie inside the bounds and can be evaluated, on tables of every form. */
static void starts__lie_inside_their_bounds(void **state)
{
    for (size_t k = 0; k < 4 * N_CASES; k++) {
        const law_case *c = &cases[k / 4];
        bool tokens = k & 1, params = k & 2;
        asc_law truth = law_of(c);
        asc_runs t = made_runs(30, D, 1, tokens, params, k);
        made_losses(&t, 0, &truth, .01, k);
        asc__features x = made_features(&t, tokens, params);
        double *y = asc_calloc(2 * x.ld, sizeof *y), *w = y + x.ld, theta[MOST], lo[MOST], hi[MOST], f[40];
        double *scratch = asc_aligned_alloc(asc__scratch_size(D, x.ld) * sizeof *scratch);
        for (size_t r = 0; r < 30; r++) {
            y[r] = t.loss[r];
            w[r] = 1;
        }
        asc__data d = {.x = &x, .y = y, .weight = w, .own = 0};
        asc__data_stats(&d);
        truth.family->bounds(&d, lo, hi);
        size_t n = 0, p = truth.family->n_params(D, tokens, params);
        for (; truth.family->start(&d, n, theta, scratch); n++) {
            for (size_t j = 0; j < p; j++)
                if (!(theta[j] >= lo[j] - 1e-9 && theta[j] <= hi[j] + 1e-9))
                    fail_msg("%s, start %zu: theta[%zu] = %g is not in %g .. %g", c->name, n, j, theta[j], lo[j],
                             hi[j]);
            truth.family->eval(&x, 0, theta, f, NULL, scratch);
            for (size_t r = 0; r < 30; r++)
                assert_true(isfinite(f[r]));
        }
        assert_true(n >= 1 && n < 10);
        asc_free(y);
        asc_aligned_free(scratch);
        asc__features_clear(&x);
        asc_runs_clear(&t);
        asc_law_clear(&truth);
    }
}

static void kaplan__joins_as_the_sum_where_delta_is_one(void **state)
{
    asc_law joint = law_of(&cases[6]), kaplan = law_of(&cases[7]);
    assert_string_equal(asc_law_family_name(joint.family), "reciprocal-joint");
    double n[D] = {4e8, 9e8, 5e8};
    kaplan.params[17] = 1;
    assert_true(near_to(asc_law_predict(&kaplan, n, 2e8), asc_law_predict(&joint, n, 2e8), 1e-12));
    kaplan.params[17] = 1e-3; /* and to the larger of the two where it is none */
    double w[D] = {4. / 18, 9. / 18, 5. / 18}, a = follows(kaplan.params + 7, w, 2),
           b = follows(kaplan.params + 12, w, 1.8);
    double floor = kaplan.params[0] + 1 / power_sum(kaplan.params + 1, w, kaplan.params + 4);
    assert_true(near_to(asc_law_predict(&kaplan, n, 2e8), floor + fmax(a, b), 1e-3));
    asc_law_clear(&joint);
    asc_law_clear(&kaplan);
}

static void names__are_found_with_and_without_a_process(void **state)
{
    static const struct {
        const char *name, *found;
        bool gp;
    } asked[] = {{"effective", "effective", false},
                 {"effective+gp", "effective", true},
                 {"ridge", "linear", false},
                 {"auto", "blend", false},
                 {"ddo", "ddo", false},
                 {"ddo+gp", NULL, false},
                 {"trees+gp", NULL, false},
                 {"", NULL, false},
                 {"+gp", NULL, false},
                 {"Effective", NULL, false},
                 {"effective+GP", NULL, false}};
    for (size_t k = 0; k < sizeof asked / sizeof *asked; k++) {
        bool gp = false;
        const asc_law_family *f = asc_law_family_named(asked[k].name, &gp);
        if (!asked[k].found) {
            assert_null(f);
            continue;
        }
        assert_string_equal(asc_law_family_name(f), asked[k].found);
        assert_int_equal(gp, asked[k].gp);
        assert_true(strlen(asc_law_family_help(f)) > 10);
    }
    assert_string_equal(asc_law_family_name(NULL), "unknown");
    const char *names[64];
    size_t n = asc_law_names(names, 64);
    assert_true(n == asc_law_names(NULL, 0) && n < 64);
    assert_string_equal(names[0], "auto");
    for (size_t i = 1; i < n; i++)
        assert_non_null(asc_law_family_named(names[i], &(bool){false}));
    char text[600], small[8];
    assert_non_null(strstr(asc_law_names_text(text, sizeof text), "reciprocal-kaplan"));
    assert_true(strlen(asc_law_names_text(small, sizeof small)) < sizeof small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equation__is_that_of_the_documents),
        cmocka_unit_test(equation__of_rows_is_that_of_points),
        cmocka_unit_test(params__go_to_theta_and_back),
        cmocka_unit_test(params__have_names_of_their_own),
        cmocka_unit_test(params__drop_with_the_axis_that_does_not_vary),
        cmocka_unit_test(units__are_a_matter_of_bookkeeping),
        cmocka_unit_test(loss__falls_with_tokens_and_size),
        cmocka_unit_test(point__without_tokens_is_nothing),
        cmocka_unit_test(starts__lie_inside_their_bounds),
        cmocka_unit_test(kaplan__joins_as_the_sum_where_delta_is_one),
        cmocka_unit_test(names__are_found_with_and_without_a_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
