#include "test.h"

#include <math.h>

#include "mix/mix_values.h"

enum { D = 3, V = 2, K = 40 };

/* L_v = E_v + (sum_j k_vj n_j)^-gamma in billions of tokens; draws move E and, a little, k of the first domain. */
static void make(asc_law_set *s)
{
    static const double k[V][D] = {{2, .5, .1}, {.2, 1.5, .6}};
    *s = (asc_law_set){.n_domains = D,
                       .n_targets = V,
                       .n_laws = V,
                       .tokens_lo = 1e9,
                       .tokens_hi = 4e9,
                       .params_lo = NAN,
                       .params_hi = NAN,
                       .noise = NAN};
    s->law = asc_strdup("effective");
    s->domains = asc_calloc(D, sizeof *s->domains);
    s->targets = asc_calloc(V, sizeof *s->targets);
    s->laws = asc_calloc(V, sizeof *s->laws);
    s->share_lo = asc_calloc(D, sizeof(double));
    s->share_hi = asc_calloc(D, sizeof(double));
    s->base_tokens = asc_calloc(D, sizeof(double));
    for (size_t i = 0; i < D; i++) {
        s->domains[i] = asc_strf("d%d", (int)i);
        s->share_hi[i] = .6;
        s->base_tokens[i] = 4e9 * (i == 0 ? .5 : .25);
    }
    for (size_t v = 0; v < V; v++) {
        asc_law *l = &s->laws[v];
        s->targets[v] = asc_strf("t%d", (int)v);
        *l = (asc_law){.family = asc_law_family_named("effective", NULL),
                       .n_domains = D,
                       .own = ASC_NONE,
                       .has_tokens = true,
                       .unit_tokens = 1e9,
                       .unit_params = 1,
                       .n_params = D + 2,
                       .n_draws = K,
                       .band = {NAN, NAN, NAN}};
        l->target = asc_strdup(s->targets[v]);
        l->params = asc_calloc(D + 2, sizeof(double));
        l->draws = asc_calloc(K * (D + 2), sizeof(double));
        for (size_t d = 0; d <= K; d++) {
            double *p = d == K ? l->params : l->draws + d * (D + 2), by = d == K ? 0 : ((double)d - (K - 1) / 2.) / K;
            p[0] = 2 + by;
            for (size_t i = 0; i < D; i++)
                p[1 + i] = k[v][i] * (i == 0 ? 1 + .02 * by : 1);
            p[1 + D] = .3;
        }
    }
}

static void values__are_the_derivatives_of_the_laws(void **state)
{
    asc_law_set s;
    asc_values r;
    make(&s);
    asc_values_opts o = {.n_tokens = NAN, .params = NAN, .n_threads = 2};
    assert_int_equal(asc_values_of(&r, &s, &o, NULL), ASC_OK);
    assert_true(r.n_tokens == 4e9 && r.shares[0] == .5);
    for (size_t v = 0; v < V; v++) {
        double g[D], mean = 0;
        asc_law_gradient(&s.laws[v], s.base_tokens, NAN, g);
        for (size_t i = 0; i < D; i++)
            mean += r.shares[i] * g[i];
        for (size_t i = 0; i < D; i++) {
            double point = .01 * 4e9 * (g[i] - mean) / (1 - r.shares[i]);
            asc_difference p = r.per_point[i * (V + 1) + v], t = r.per_token[i * (V + 1) + v];
            assert_float_equal(p.value, point, .03 * fabs(point) + 1e-6);
            assert_float_equal(t.value * 1e9, g[i] * 1e9, .03 * fabs(g[i]) * 1e9);
            assert_true(t.value < 0 && t.p_better > .97 && t.lo <= t.value && t.value <= t.hi);
        }
    }
    /* the first domain helps the first target and takes from the second */
    assert_true(r.per_point[0].hi < 0 && r.per_point[1].lo > 0);
    assert_true(r.per_point[0].hi - r.per_point[0].lo < .2 * fabs(r.per_point[0].value)); /* not blurred by the level */
    asc_values_clear(&r);
    asc_law_set_clear(&s);
}

static void values__do_not_depend_on_threads_and_say_what_is_unknown(void **state)
{
    asc_law_set s;
    asc_values one, many;
    make(&s);
    s.tokens_lo = s.tokens_hi * .999;    /* one budget */
    s.share_lo[2] = s.share_hi[2] = .25; /* one share */
    asc_values_opts o = {.n_tokens = NAN, .params = NAN, .n_threads = 1};
    assert_int_equal(asc_values_of(&one, &s, &o, NULL), ASC_OK);
    o.n_threads = 7;
    assert_int_equal(asc_values_of(&many, &s, &o, NULL), ASC_OK);
    for (size_t k = 0; k < D * (V + 1); k++) {
        bool unknown = k / (V + 1) == 2;
        assert_true(isnan(one.per_token[k].value) && isnan(one.per_point[k].value) == unknown);
        assert_true(unknown ||
                    (one.per_point[k].value == many.per_point[k].value && one.per_point[k].lo == many.per_point[k].lo));
    }
    asc_values_clear(&one);
    asc_values_clear(&many);
    asc_law_set_clear(&s);
}

static void values__every_failing_allocation_is_survived(void **state)
{
    asc_law_set s;
    make(&s);
    asc_values_opts o = {.n_tokens = NAN, .params = NAN, .n_threads = 1};
    for (uint64_t n = 1;; n++) {
        asc_values r = {0};
        asc_fault_arm(ASC_FAULT_ALLOC, n);
        asc_status st = asc_values_of(&r, &s, &o, NULL);
        bool hit = asc_fault_count(ASC_FAULT_ALLOC) >= n;
        asc_fault_arm(ASC_FAULT_ALLOC, 0);
        assert_true(st == ASC_OK || st == ASC_ENOMEM);
        asc_values_clear(&r);
        if (!hit)
            break;
        assert_true(n < 1000);
    }
    asc_law_set_clear(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values__are_the_derivatives_of_the_laws),
        cmocka_unit_test(values__do_not_depend_on_threads_and_say_what_is_unknown),
        cmocka_unit_test(values__every_failing_allocation_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
