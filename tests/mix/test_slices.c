#include "test.h"

#include <math.h>

#include "mix/mix_slices.h"

enum { D = 4, K = 40, S = ASC_SLICE_POINTS };

/* L = 2 + (sum_j k_j n_j)^-.3 in billions of tokens; draws move k of the first domain; the last one's share never
 * varied. */
static void make(asc_law_set *s, size_t draws)
{
    static const double k[D] = {2, .5, .1, .3};
    *s = (asc_law_set){.n_domains = D, .n_targets = 1, .n_laws = 1, .n_rows = 9, .n_runs = 9};
    s->law = asc_strdup("effective");
    s->domains = asc_calloc(D, sizeof *s->domains);
    s->targets = asc_calloc(1, sizeof *s->targets);
    s->targets[0] = asc_strdup("t");
    s->laws = asc_calloc(1, sizeof *s->laws);
    s->share_lo = asc_calloc(D, sizeof(double));
    s->share_hi = asc_calloc(D, sizeof(double));
    s->base_tokens = asc_calloc(D, sizeof(double));
    s->tokens_lo = 1e9;
    s->tokens_hi = 4e9;
    s->params_lo = s->params_hi = s->noise = NAN;
    for (size_t i = 0; i < D; i++) {
        s->domains[i] = asc_strf("d%d", (int)i);
        s->share_hi[i] = i == 3 ? .1 : .6;
        s->share_lo[i] = i == 3 ? .1 : 0;
        s->base_tokens[i] = 1e9;
    }
    asc_law *l = &s->laws[0];
    *l = (asc_law){.family = asc_law_family_named("effective", NULL), .n_domains = D, .own = ASC_NONE};
    l->target = asc_strdup("t");
    l->has_tokens = true;
    l->unit_tokens = 1e9;
    l->unit_params = 1;
    l->n_params = D + 2;
    l->n_draws = draws;
    l->params = asc_calloc(D + 2, sizeof(double));
    l->draws = draws ? asc_calloc(draws * (D + 2), sizeof(double)) : NULL;
    for (size_t d = 0; d <= draws; d++) {
        double *p = d == draws ? l->params : l->draws + d * (D + 2);
        p[0] = 2;
        for (size_t i = 0; i < D; i++)
            p[1 + i] = k[i];
        p[1] += d == draws ? 0 : .5 * ((double)d / (double)draws - .5);
        p[1 + D] = .3;
    }
}

static const double mixture[D] = {.5, .25, .15, .1};

static asc_slices slice(const asc_law_set *s, double n_tokens)
{
    asc_slices r = {0};
    asc_error err = {0};
    const asc_slices_opts o = {.shares = mixture, .n_tokens = n_tokens, .params = NAN, .n_threads = 2};
    if (asc_slices_of(&r, s, &o, &err) != ASC_OK)
        fail_msg("%s", err.msg);
    return r;
}

static void slices__are_differences_of_the_law(void **state)
{
    asc_law_set s;
    make(&s, 0);
    asc_slices r = slice(&s, 4e9);
    double own = 0, tokens[D], there;
    for (size_t i = 0; i < D; i++)
        tokens[i] = 4e9 * mixture[i];
    own = asc_law_set_objective(&s, tokens, NAN);
    for (size_t i = 0; i < 3; i++)
        for (size_t k = 0; k < S; k++) {
            double x = r.share[i * S + k], others = .9 - mixture[i];
            assert_true(k == 0 ? x == 0 : x > r.share[i * S + k - 1]);
            for (size_t j = 0; j < D; j++)
                tokens[j] = 4e9 * (j == i ? x : j == 3 ? .1 : mixture[j] * (.9 - x) / others);
            there = asc_law_set_objective(&s, tokens, NAN);
            assert_true(fabs(r.change[i * S + k].value - (there - own)) < 1e-12);
            assert_true(isnan(r.change[i * S + k].lo));
        }
    assert_true(isnan(r.share[3 * S]) && isnan(r.change[3 * S].value));
    asc_slices_clear(&r);
    asc_law_set_clear(&s);
}

static void slices__hold_the_mixture_itself_and_a_band(void **state)
{
    asc_law_set s;
    make(&s, K);
    asc_slices r = slice(&s, 4e9);
    for (size_t i = 0; i < 3; i++) {
        size_t own = 0;
        for (size_t k = 0; k < S; k++) {
            asc_difference d = r.change[i * S + k];
            own += r.share[i * S + k] == mixture[i];
            if (r.share[i * S + k] == mixture[i])
                assert_true(d.value == 0 && d.lo == 0 && d.hi == 0);
            else
                assert_true(d.lo <= d.value && d.value <= d.hi && d.lo < d.hi);
        }
        assert_int_equal(own, 1);
    }
    asc_slices_clear(&r);
    asc_law_set_clear(&s);
}

/* A budget that no run tells of: the slices are those at the table's own. */
static void slices__stay_at_the_budget_of_the_table(void **state)
{
    asc_law_set s;
    make(&s, K);
    s.tokens_lo = s.tokens_hi;
    asc_slices at = slice(&s, s.tokens_hi), beyond = slice(&s, 100 * s.tokens_hi);
    for (size_t k = 0; k < 3 * S; k++)
        assert_true(fabs(at.change[k].value - beyond.change[k].value) < 1e-12);
    asc_slices_clear(&at);
    asc_slices_clear(&beyond);
    asc_law_set_clear(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slices__are_differences_of_the_law),
        cmocka_unit_test(slices__hold_the_mixture_itself_and_a_band),
        cmocka_unit_test(slices__stay_at_the_budget_of_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
