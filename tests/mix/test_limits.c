/* What each share may be, the nearest mixture within such limits, and how far a question lies from the runs. */
#include "test.h"

#include <math.h>
#include <stdlib.h>

#include "session.h"

enum { D = 3 };

static char *names[D] = {"web", "code", "books"};
static asc_error err;

/* ---- limits ---- */

typedef struct limit_case {
    const char *what;
    double lo[D], hi[D], available[D], epochs; /* available[0] < 0: none given */
    double trust;
    double want_lo[D], want_hi[D];
    asc_bound kind_lo[D], kind_hi[D];
    const char *why; /* of an error, NULL: none */
} limit_case;

#define NONE                                                                                                           \
    {                                                                                                                  \
        -1, 0, 0                                                                                                       \
    }
#define ALL                                                                                                            \
    {0, 0, 0},                                                                                                         \
    {                                                                                                                  \
        1, 1, 1                                                                                                        \
    }
#define MIN                                                                                                            \
    {                                                                                                                  \
        ASC_AT_MIN, ASC_AT_MIN, ASC_AT_MIN                                                                             \
    }
#define MAX                                                                                                            \
    {                                                                                                                  \
        ASC_AT_MAX, ASC_AT_MAX, ASC_AT_MAX                                                                             \
    }

/* The sampled range is .1 to .4 of web, .2 to .5 of code, 0 to .7 of books; the budget 1000 tokens. */
static const limit_case cases[] = {
    {"nothing is limited", ALL, NONE, 1, 0, ALL, MIN, MAX, NULL},
    {"bounds of the user", {.1, 0, .2}, {.5, .3, 1}, NONE, 1, 0, {.1, 0, .2}, {.5, .3, 1}, MIN, MAX, NULL},
    {"tokens that exist",
     ALL,
     {100, INFINITY, 250},
     2,
     0,
     {0, 0, 0},
     {.2, 1, .5},
     MIN,
     {ASC_AT_AVAILABLE, ASC_AT_MAX, ASC_AT_AVAILABLE},
     NULL},
    {"fewer tokens than the maximum",
     {0, 0, 0},
     {.1, 1, 1},
     {500, 900, 900},
     1,
     0,
     {0, 0, 0},
     {.1, .9, .9},
     MIN,
     {ASC_AT_MAX, ASC_AT_AVAILABLE, ASC_AT_AVAILABLE},
     NULL},
    {"the sampled range",
     ALL,
     NONE,
     1,
     1.25,
     {.08, .16, 0},
     {.5, .625, .875},
     {ASC_AT_TRUST, ASC_AT_TRUST, ASC_AT_MIN},
     {ASC_AT_TRUST, ASC_AT_TRUST, ASC_AT_TRUST},
     NULL},
    {"bounds are stronger than trust",
     {.7, 0, 0},
     {1, .1, 1},
     NONE,
     1,
     1.25,
     {.7, .1, 0},
     {.7, .1, .875},
     {ASC_AT_MIN, ASC_AT_TRUST, ASC_AT_MIN},
     {ASC_AT_TRUST, ASC_AT_MAX, ASC_AT_TRUST},
     NULL},
    {"a minimum above the maximum", {.5, 0, 0}, {.4, 1, 1}, NONE, 1, 0, ALL, MIN, MAX, "domain web: bounds"},
    {"a share beyond 1", {0, 0, 0}, {1, 1.2, 1}, NONE, 1, 0, ALL, MIN, MAX, "domain code: bounds"},
    {"a minimum without the text",
     {0, .5, 0},
     {1, 1, 1},
     {900, 400, 900},
     1,
     0,
     ALL,
     MIN,
     MAX,
     "domain code: a minimum"},
    {"minima above 1", {.4, .4, .4}, {1, 1, 1}, NONE, 1, 0, ALL, MIN, MAX, "minimum shares sum to 1.2"},
    {"maxima below 1", {0, 0, 0}, {.2, .2, .2}, NONE, 1, 0, ALL, MIN, MAX, "maximum shares sum to 0.6"},
    {"too little text", ALL, {100, 200, 300}, 1, 0, ALL, MIN, MAX, "too few for this budget"},
    {"no epochs", ALL, {100, 200, 300}, 0, 0, ALL, MIN, MAX, "max epochs"},
};

static void limits__are_the_strongest_of_all(void **state)
{
    static const double range_lo[D] = {.1, .2, 0}, range_hi[D] = {.4, .5, .7};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        const limit_case *c = &cases[k];
        asc_mix_opts o;
        double lo[D], hi[D];
        asc_bound kind_lo[D], kind_hi[D];
        asc_mix_opts_init(&o);
        o.n_tokens = 1000;
        o.limits.lo = c->lo;
        o.limits.hi = c->hi;
        o.limits.available = c->available[0] < 0 ? NULL : c->available;
        o.limits.max_epochs = c->epochs;
        o.trust = c->trust;
        asc_status s = asc_mix_limits(lo, hi, kind_lo, kind_hi, &o, range_lo, range_hi, names, D, &err);
        if (c->why) {
            if (s != ASC_EINVAL || !strstr(err.msg, c->why))
                fail_msg("%s: status %d, '%s' lacks '%s'", c->what, s, err.msg, c->why);
            continue;
        }
        if (s != ASC_OK)
            fail_msg("%s: %s", c->what, err.msg);
        for (size_t i = 0; i < D; i++)
            if (fabs(lo[i] - c->want_lo[i]) > 1e-12 || fabs(hi[i] - c->want_hi[i]) > 1e-12 ||
                kind_lo[i] != c->kind_lo[i] || kind_hi[i] != c->kind_hi[i])
                fail_msg("%s: %s is %g (%d) to %g (%d)", c->what, names[i], lo[i], kind_lo[i], hi[i], kind_hi[i]);
    }
}

static void limits__without_a_range_trust_nothing_and_everything(void **state)
{
    asc_mix_opts o;
    double lo[D], hi[D];
    asc_bound kind_lo[D], kind_hi[D];
    asc_mix_opts_init(&o);
    o.n_tokens = 1000;
    o.trust = 1.25;
    assert_int_equal(asc_mix_limits(lo, hi, kind_lo, kind_hi, &o, NULL, NULL, names, D, &err), ASC_OK);
    for (size_t i = 0; i < D; i++)
        assert_true(lo[i] == 0 && hi[i] == 1 && kind_hi[i] == ASC_AT_MAX);
    o.n_tokens = 0;
    assert_int_equal(asc_mix_limits(lo, hi, kind_lo, kind_hi, &o, NULL, NULL, names, D, &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "budget"));
}

static void bounds__have_names(void **state)
{
    static const char *const want[] = {NULL, "min", "max", "available", "trust"};
    assert_null(asc_bound_name(ASC_FREE));
    for (int b = ASC_AT_MIN; b <= ASC_AT_TRUST; b++)
        assert_string_equal(asc_bound_name((asc_bound)b), want[b]);
}

static void repetition__is_the_formula_and_its_slope(void **state)
{
    const double R = 15.387756;
    for (double n = 10; n < 1e6; n *= 1.7) {
        double want = n <= 1000 ? n : 1000 + 1000 * R * (1 - exp(-(n / 1000 - 1) / R)), h = 1e-4 * n;
        assert_true(fabs(asc_effective_tokens(n, 1000) - want) <= 1e-9 * want);
        double slope = (asc_effective_tokens(n + h, 1000) - asc_effective_tokens(n - h, 1000)) / (2 * h);
        if (n < 990 || n > 1010)
            assert_true(fabs(asc__effective_slope(n, 1000) - slope) < 1e-6);
    }
    assert_true(asc_effective_tokens(5e9, INFINITY) == 5e9 && asc__effective_slope(5e9, INFINITY) == 1);
    assert_true(asc_effective_tokens(5, 0) == 5);
}

/* ---- projection ---- */

static double apart(const double *a, const double *b, const double *scale)
{
    double sum = 0;
    for (size_t i = 0; i < D; i++)
        sum += (a[i] - b[i]) * (a[i] - b[i]) / (scale ? scale[i] : 1);
    return sum;
}

static void projection__is_the_nearest_of_a_fine_grid(void **state)
{
    enum { N = 200 };
    static const double lo[D] = {.05, 0, .1}, hi[D] = {.6, .5, .9};
    asc_rng rng;
    asc_rng_init(&rng, 1, "test projection", 0);
    for (int k = 0; k < 60; k++) {
        double v[D], w[D], scale[D], best = INFINITY, sum = 0;
        bool scaled = k % 2;
        for (size_t i = 0; i < D; i++) {
            v[i] = 3 * asc_rng_double(&rng) - 1;
            scale[i] = .2 + 2 * asc_rng_double(&rng);
        }
        asc__project(w, v, scaled ? scale : NULL, lo, hi, D);
        for (size_t i = 0; i < D; i++) {
            assert_true(w[i] >= lo[i] && w[i] <= hi[i]);
            sum += w[i];
        }
        assert_true(fabs(sum - 1) < 1e-15);
        for (int a = 0; a <= N; a++)
            for (int b = 0; b <= N - a; b++) {
                double u[D] = {(double)a / N, (double)b / N, (double)(N - a - b) / N};
                bool inside = true;
                for (size_t i = 0; i < D; i++)
                    inside &= u[i] >= lo[i] && u[i] <= hi[i];
                if (inside)
                    best = fmin(best, apart(u, v, scaled ? scale : NULL));
            }
        assert_true(apart(w, v, scaled ? scale : NULL) <= best + 1e-12);
    }
}

static void projection__of_a_mixture_is_itself(void **state)
{
    static const double lo[D] = {0, 0, 0}, hi[D] = {1, 1, 1}, v[D] = {.2, .5, .3};
    double w[D];
    asc__project(w, v, NULL, lo, hi, D);
    for (size_t i = 0; i < D; i++)
        assert_true(fabs(w[i] - v[i]) < 1e-15);
    static const double one[D] = {.2, .5, .3}; /* limits that leave one mixture */
    asc__project(w, (double[]){9, -9, 0}, NULL, one, one, D);
    for (size_t i = 0; i < D; i++)
        assert_true(w[i] == one[i]);
}

/* ---- support ---- */

static asc_law_set sampled(double tokens_lo, double tokens_hi, double params_lo, double params_hi)
{
    static double share_lo[D] = {.1, .2, 0}, share_hi[D] = {.4, .5, .7};
    return (asc_law_set){.n_domains = D,
                         .domains = names,
                         .share_lo = share_lo,
                         .share_hi = share_hi,
                         .tokens_lo = tokens_lo,
                         .tokens_hi = tokens_hi,
                         .params_lo = params_lo,
                         .params_hi = params_hi};
}

static void support__is_the_factor_beyond_the_table(void **state)
{
    static const struct {
        double lo, hi, p_lo, p_hi, tokens, params;
        double want_tokens, want_params;
        bool withheld;
    } asked[] = {
        {1e9, 1e10, 1e8, 1e9, 5e9, 5e8, 1, 1, false}, {1e9, 1e10, 1e8, 1e9, 1e11, 5e8, 10, 1, false},
        {1e9, 1e10, 1e8, 1e9, 5e8, 4e9, 2, 4, false}, {1e9, 1e9, 1e8, 1e9, 1e9, 5e8, 1, 1, false},
        {1e9, 1e9, 1e8, 1e9, 2e9, 5e8, 2, 1, true},   {1e9, 1.5e9, 1e8, 1e9, 2.2e9, 5e8, 2.2 / 1.5, 1, false},
        {1e9, 1.5e9, 1e8, 1e9, 9e9, 5e8, 6, 1, true}, {1e9, 1e10, 1e8, 1e8, 5e9, 5e8, 1, 5, true},
        {1e9, 1e10, NAN, NAN, 5e9, NAN, 1, 1, false}, {1e9, 1e10, NAN, NAN, 5e9, 1e9, 1, NAN, false},
    };
    for (size_t k = 0; k < sizeof asked / sizeof *asked; k++) {
        asc_law_set laws = sampled(asked[k].lo, asked[k].hi, asked[k].p_lo, asked[k].p_hi);
        asc_mix_support s;
        asc_mix_support_of(&s, &laws, NULL, asked[k].tokens, asked[k].params);
        if (fabs(s.tokens - asked[k].want_tokens) > 1e-9 || s.withheld != asked[k].withheld ||
            (isnan(asked[k].want_params) ? !isnan(s.params) : fabs(s.params - asked[k].want_params) > 1e-9))
            fail_msg("case %zu: tokens %g, params %g, withheld %d", k, s.tokens, s.params, s.withheld);
        assert_int_equal(s.why[0] != 0, asked[k].withheld);
    }
}

static void support__names_the_share_farthest_out(void **state)
{
    asc_law_set laws = sampled(1e9, 1e10, NAN, NAN);
    asc_mix_support s;
    asc_mix_support_of(&s, &laws, (double[]){.3, .3, .4}, 1e9, NAN);
    assert_true(s.shares == 1 && s.domain == ASC_NONE);
    asc_mix_support_of(&s, &laws, (double[]){.8, .2, 0}, 1e9, NAN);
    assert_true(s.domain == 0 && fabs(s.shares - .802 / .402) < 1e-9);
    asc_mix_support_of(&s, &laws, (double[]){.3, 0, .7}, 1e9, NAN); /* code was never below a fifth */
    assert_true(s.domain == 1 && fabs(s.shares - .202 / .002) < 1e-9);
}

static void support__says_what_lies_beyond(void **state)
{
    asc_law_set laws = sampled(1e9, 1e9, 1e8, 1e9);
    asc_mix_support s;
    asc_notes notes = {0};
    asc_mix_support_of(&s, &laws, (double[]){.8, .2, 0}, 5e9, 4e9);
    asc_mix_support_say(&notes, &s, &laws, 5e9, 4e9);
    assert_int_equal(notes.n, 4);
    static const char *const parts[] = {"5B tokens are 5 x above", "4B parameters are 4 x above the largest",
                                        "share of web is", "tokens never varied"};
    for (size_t i = 0; i < 4; i++)
        if (!strstr(notes.text[i], parts[i]))
            fail_msg("'%s' lacks '%s'", notes.text[i], parts[i]);
    asc_notes_clear(&notes);
    asc_mix_support_of(&s, &laws, (double[]){.3, .3, .4}, 1e9, 5e8); /* nothing to say */
    asc_mix_support_say(&notes, &s, &laws, 1e9, 5e8);
    assert_int_equal(notes.n, 0);
    asc_notes_clear(&notes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(limits__are_the_strongest_of_all),
        cmocka_unit_test(limits__without_a_range_trust_nothing_and_everything),
        cmocka_unit_test(bounds__have_names),
        cmocka_unit_test(repetition__is_the_formula_and_its_slope),
        cmocka_unit_test(projection__is_the_nearest_of_a_fine_grid),
        cmocka_unit_test(projection__of_a_mixture_is_itself),
        cmocka_unit_test(support__is_the_factor_beyond_the_table),
        cmocka_unit_test(support__names_the_share_farthest_out),
        cmocka_unit_test(support__says_what_lies_beyond),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
