#include "test.h"

#include <math.h>
#include <stdlib.h>

#include "mix/mix.h"

/* The published optima of [K24]'s AutoScale notebook: multipliers x N / 7. */
static const double multiplier[2][7] = {
    {1.55818971, .2, 1.1645966, 1.42333261, 1.49550525, .68184781, .47652801},
    {1.63121445, .2, 1.30180479, 1.21425702, 1.83266187, .62006189, .2},
};

static asc_optima published(void)
{
    static char *names[] = {"cc", "github", "books", "wiki", "c4", "se", "arxiv"};
    asc_optima o = {0};
    assert_int_equal(asc_optima_init(&o, 2, 7, false, NULL), ASC_OK);
    o.tokens[0] = .3e9;
    o.tokens[1] = 1.2e9;
    for (size_t i = 0; i < 7; i++) {
        o.domains[i] = asc_strdup(names[i]);
        for (size_t s = 0; s < 2; s++)
            o.weights[s * 7 + i] = multiplier[s][i] / 7;
    }
    return o;
}

static void rule__reproduces_the_published_ladder(void **state)
{
    static const double next[7] = {1.17096789, .13714286, .99783655, .71032654, 1.53999724, .38665696, .0575592};
    static const double totals[4] = {5.000487, 21.389334, 93.228146, 412.440027};
    static const double half[7] = {.13665292, .01714286, .10553923, .11268386, .14190195, .05573326, .02646138};
    asc_optima o = published();
    double n[7];
    asc_rule_at(n, &o, 2);
    for (size_t i = 0; i < 7; i++)
        assert_float_equal(n[i] / 1e9, next[i], 1e-6);
    for (int step = 0; step < 4; step++) {
        double sum = 0;
        asc_rule_at(n, &o, 2 + step);
        for (size_t i = 0; i < 7; i++)
            sum += n[i] / 1e9;
        assert_true(fabs(sum - totals[step]) < 1e-6 * totals[step]);
    }
    asc_rule_at(n, &o, .5);
    for (size_t i = 0; i < 7; i++)
        assert_float_equal(n[i] / 1e9, half[i], 1e-6);
    asc_optima_clear(&o);
}

static void rule__finds_the_ladders_own_t(void **state)
{
    asc_optima o = published();
    double n[7], sum = 0;
    asc_rule_at(n, &o, 3);
    for (size_t i = 0; i < 7; i++)
        sum += n[i];
    asc_rule_opts opts = {.n_tokens = (int64_t)llround(sum)};
    asc_rule_result r;
    assert_int_equal(asc_rule_predict(&r, &o, &opts, NULL), ASC_OK);
    assert_float_equal(r.t, 3, 1e-8);
    for (size_t i = 0; i < 7; i++)
        assert_float_equal(r.weights[i], n[i] / sum, 1e-9);
    assert_null(r.w_lo);
    asc_rule_result_clear(&r);
    asc_optima_clear(&o);
}

static void rule__bounds_hold_and_tokens_sum_exactly(void **state)
{
    asc_optima o = published();
    double lo[7], hi[7];
    for (size_t i = 0; i < 7; i++) {
        lo[i] = .2 / 7;
        hi[i] = .28;
    }
    asc_rule_opts opts = {.n_tokens = 9999999967, .limits = {.lo = lo, .hi = hi}};
    asc_rule_result r;
    assert_int_equal(asc_rule_predict(&r, &o, &opts, NULL), ASC_OK);
    int64_t total = 0;
    double sum = 0;
    for (size_t i = 0; i < 7; i++) {
        total += r.tokens[i];
        sum += r.weights[i];
        assert_true(r.weights[i] >= lo[i] - 1e-12 && r.weights[i] <= hi[i] + 1e-12);
        assert_true(llabs(r.tokens[i] - (int64_t)(r.weights[i] * 9999999967.)) <= 2);
    }
    assert_true(total == 9999999967);
    assert_float_equal(sum, 1, 1e-12);
    /* github and arxiv stand at the floor in the last row */
    assert_true(r.censored[1] && r.censored[6] && !r.censored[0]);
    assert_float_equal(r.weights[1], .2 / 7, 1e-9);
    assert_float_equal(r.weights[4], .28, 1e-9);
    assert_int_equal(r.bound[4], ASC_AT_MAX);
    /* the free ones follow their lines */
    double n[7];
    asc_rule_at(n, &o, r.t);
    assert_float_equal(r.tokens[0] / n[0], 1, 1e-6);
    asc_rule_result_clear(&r);
    asc_optima_clear(&o);
}

static void rule__available_tokens_cap_epochs(void **state)
{
    asc_optima o = published();
    double available[7] = {INFINITY, INFINITY, INFINITY, INFINITY, 4e8, INFINITY, INFINITY};
    asc_rule_opts opts = {.n_tokens = 5000000000, .limits = {.available = available, .max_epochs = 2}};
    asc_rule_result r;
    assert_int_equal(asc_rule_predict(&r, &o, &opts, NULL), ASC_OK);
    assert_true(r.tokens[4] <= 800000000 && r.tokens[4] >= 799999990);
    assert_int_equal(r.bound[4], ASC_AT_AVAILABLE);
    asc_rule_result_clear(&r);
    asc_optima_clear(&o);
}

/* Three scales made from known lines at uneven t: least squares finds them exactly. */
static void rule__three_scales_recover_the_lines(void **state)
{
    const double alpha[3] = {15, 14, 13}, beta[3] = {1.5, 1.0, .4}, t[3] = {0, .37, 1};
    asc_optima o = {0};
    assert_int_equal(asc_optima_init(&o, 3, 3, true, NULL), ASC_OK);
    for (size_t s = 0; s < 3; s++) {
        double sum = 0;
        for (size_t i = 0; i < 3; i++)
            sum += exp(alpha[i] + beta[i] * t[s]);
        o.tokens[s] = sum;
        for (size_t i = 0; i < 3; i++) {
            double w = exp(alpha[i] + beta[i] * t[s]) / sum;
            o.weights[s * 3 + i] = w;
            o.lo[s * 3 + i] = w * .95;
            o.hi[s * 3 + i] = w * 1.05;
        }
    }
    for (size_t i = 0; i < 3; i++)
        o.domains[i] = asc_strdup(i == 0 ? "a" : i == 1 ? "b" : "c");
    double sum = 0;
    for (size_t i = 0; i < 3; i++)
        sum += exp(alpha[i] + beta[i] * 2.5);
    asc_rule_opts opts = {.n_tokens = (int64_t)llround(sum)};
    asc_rule_result r;
    assert_int_equal(asc_rule_predict(&r, &o, &opts, NULL), ASC_OK);
    assert_float_equal(r.t, 2.5, 1e-6);
    assert_true(r.residual < 1e-9);
    for (size_t i = 0; i < 3; i++) {
        assert_float_equal(r.weights[i], exp(alpha[i] + beta[i] * 2.5) / sum, 1e-7);
        assert_true(r.w_lo[i] < r.weights[i] && r.weights[i] < r.w_hi[i]);
    }
    asc_rule_result_clear(&r);
    asc_optima_clear(&o);
}

/* Forty domains with intervals: told to stop, it stops; asked for the point alone, it gives the same one. */
static void rule__stops_when_interrupted_and_may_leave_intervals_out(void **state)
{
    enum { D = 40 };
    asc_optima o = {0};
    double lo[D], hi[D];
    assert_int_equal(asc_optima_init(&o, 3, D, true, NULL), ASC_OK);
    for (size_t i = 0; i < D; i++) {
        char name[8];
        snprintf(name, sizeof name, "d%zu", i);
        o.domains[i] = asc_strdup(name);
        lo[i] = .001;
        hi[i] = .08;
        for (size_t s = 0; s < 3; s++) {
            double w = (1 + .3 * sin((double)(i * (s + 1)))) / D;
            o.weights[s * D + i] = w;
            o.lo[s * D + i] = .9 * w;
            o.hi[s * D + i] = 1.1 * w;
        }
    }
    for (size_t s = 0; s < 3; s++) {
        double sum = 0;
        o.tokens[s] = 1e6 * (double)(1 << s);
        for (size_t i = 0; i < D; i++)
            sum += o.weights[s * D + i];
        for (size_t i = 0; i < D; i++)
            o.weights[s * D + i] /= sum;
    }
    asc_rule_opts opts = {.n_tokens = 16000000, .limits = {.lo = lo, .hi = hi}};
    asc_rule_result all, r;
    asc_error err;
    assert_int_equal(asc_rule_predict(&all, &o, &opts, &err), ASC_OK);
    assert_non_null(all.w_lo);
    opts.point = true;
    assert_int_equal(asc_rule_predict(&r, &o, &opts, &err), ASC_OK);
    assert_memory_equal(r.weights, all.weights, D * sizeof *r.weights);
    assert_memory_equal(r.tokens, all.tokens, D * sizeof *r.tokens);
    assert_true(!r.w_lo && !r.shrunken_lo && r.t == all.t);
    asc_rule_result_clear(&r);
    asc_rule_result_clear(&all);
    opts.point = false;
    asc_interrupt_set();
    assert_int_equal(asc_rule_predict(&r, &o, &opts, &err), ASC_EINTR);
    asc_interrupt_clear();
    asc_optima_clear(&o);
}

/* Optima off their lines by a known noise: the 90 % intervals from residuals hold the truth as often as they say. */
static void rule__intervals_from_residuals_cover(void **state)
{
    enum { TABLES = 120, G = 4 };
    static const char *const names[G] = {"a", "b", "c", "d"};
    const double alpha[G] = {16, 15.5, 15, 14.5}, beta[G] = {1.6, 1.2, .9, .5}, t[4] = {0, .3, .65, 1};
    double inside = 0;
    for (uint64_t k = 0; k < TABLES; k++) {
        asc_rng g;
        asc_optima o = {0};
        asc_rng_init(&g, k, "test/rule", 0);
        assert_int_equal(asc_optima_init(&o, 4, G, false, NULL), ASC_OK);
        for (size_t s = 0; s < 4; s++) {
            double sum = 0;
            o.tokens[s] = 0;
            for (size_t i = 0; i < G; i++) {
                o.tokens[s] += exp(alpha[i] + beta[i] * t[s]);
                sum += o.weights[s * G + i] = exp(alpha[i] + beta[i] * t[s] + .03 * asc_rng_normal(&g));
            }
            for (size_t i = 0; i < G; i++)
                o.weights[s * G + i] /= sum;
        }
        double sum = 0;
        for (size_t i = 0; i < G; i++) {
            o.domains[i] = asc_strdup(names[i]);
            sum += exp(alpha[i] + beta[i] * 1.5);
        }
        asc_rule_opts opts = {.n_tokens = (int64_t)llround(sum)};
        asc_rule_result r;
        assert_int_equal(asc_rule_predict(&r, &o, &opts, NULL), ASC_OK);
        assert_non_null(r.w_lo);
        for (size_t i = 0; i < G; i++) {
            double truth = exp(alpha[i] + beta[i] * 1.5) / sum;
            inside += (r.w_lo[i] <= truth && truth <= r.w_hi[i]) / (double)(G * TABLES);
        }
        asc_rule_result_clear(&r);
        asc_optima_clear(&o);
    }
    if (!(inside > .83 && inside < .97))
        fail_msg("%.3f covered", inside);
}

/* Permuting the domains permutes the answer. */
static void rule__does_not_care_about_order(void **state)
{
    asc_optima o = published(), p = published();
    for (size_t s = 0; s < 2; s++)
        for (size_t i = 0; i < 7; i++)
            p.weights[s * 7 + i] = o.weights[s * 7 + 6 - i];
    asc_rule_opts opts = {.n_tokens = 10000000000};
    asc_rule_result a, b;
    assert_int_equal(asc_rule_predict(&a, &o, &opts, NULL), ASC_OK);
    assert_int_equal(asc_rule_predict(&b, &p, &opts, NULL), ASC_OK);
    for (size_t i = 0; i < 7; i++)
        assert_float_equal(a.weights[i], b.weights[6 - i], 1e-12);
    asc_rule_result_clear(&a);
    asc_rule_result_clear(&b);
    asc_optima_clear(&o);
    asc_optima_clear(&p);
}

static void rule__refuses_what_it_cannot_do(void **state)
{
    asc_optima o = published();
    asc_rule_result r;
    asc_error err;
    asc_rule_opts opts = {.n_tokens = 1000};
    o.tokens[1] = o.tokens[0];
    assert_int_equal(asc_rule_predict(&r, &o, &opts, &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "two rows"));
    o.tokens[1] = 1.2e9;
    double lo[7] = {.3, .3, .3, .3, 0, 0, 0};
    opts.limits.lo = lo;
    assert_int_equal(asc_rule_predict(&r, &o, &opts, &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "sum to 1.2"));
    o.n_scales = 1;
    assert_int_equal(asc_rule_predict(&r, &o, &opts, &err), ASC_EINVAL);
    asc_optima_clear(&o);
}

/* Floors that leave the growing domains nothing, and censored shares that leave them too much or too little: there is
 * no t, but there is an answer, the last scale's shares as far as the bounds allow. */
static void rule__answers_where_bounds_leave_no_root(void **state)
{
    static const double lo[3][7] = {{.1, .9}, {.15, .15, .15, .15, .15, .15, .1}, {0, 0, 0, 0, 0, 0, .75}};
    for (int k = 0; k < 3; k++) {
        asc_optima o = published();
        asc_rule_result r;
        asc_rule_opts opts = {.n_tokens = 1000000007, .limits = {.lo = lo[k]}};
        assert_int_equal(asc_rule_predict(&r, &o, &opts, NULL), ASC_OK);
        double sum = 0;
        int64_t tokens = 0;
        for (size_t i = 0; i < 7; i++) {
            assert_true(r.weights[i] >= lo[k][i] - 1e-12 && r.keep_last[i] >= lo[k][i] - 1e-12);
            assert_true(r.shrunken[i] >= lo[k][i] - 1e-12);
            sum += r.weights[i];
            tokens += r.tokens[i];
        }
        assert_float_equal(sum, 1, 1e-12);
        assert_int_equal(tokens, 1000000007);
        if (k == 0) {
            assert_float_equal(r.weights[0], .1, 1e-9);
            assert_float_equal(r.weights[1], .9, 1e-9);
        }
        bool said = false;
        for (size_t i = 0; i < r.notes.n; i++)
            said |= strstr(r.notes.text[i], "no solution at this budget") != NULL;
        assert_true(said || k > 0);
        asc_rule_result_clear(&r);
        asc_optima_clear(&o);
    }
}

/* The total falls, then grows with t: below its least there is no answer, above it the larger root is taken. */
static void rule__takes_the_larger_root(void **state)
{
    asc_optima o = {0};
    assert_int_equal(asc_optima_init(&o, 2, 2, false, NULL), ASC_OK);
    o.domains[0] = asc_strdup("a");
    o.domains[1] = asc_strdup("b");
    o.tokens[0] = 1000;
    o.tokens[1] = 2000;
    o.weights[0] = .9; /* 900 -> 100 */
    o.weights[1] = .1; /* 100 -> 1900 */
    o.weights[2] = .05;
    o.weights[3] = .95;
    asc_rule_opts opts = {.n_tokens = 1000};
    asc_rule_result r;
    assert_int_equal(asc_rule_predict(&r, &o, &opts, NULL), ASC_OK);
    assert_true(r.t > .3 && r.t < 1); /* t = 0 is a root as well */
    asc_rule_result_clear(&r);
    opts.n_tokens = 200;
    asc_error err;
    assert_int_equal(asc_rule_predict(&r, &o, &opts, &err), ASC_ENUMERIC);
    asc_optima_clear(&o);
}

/* No noise: the published rates are kept. Noise that explains their spread: none is told apart from the common one. */
static void rule__shrinkage_follows_the_noise(void **state)
{
    const double rate[4] = {1, 1.4, 1.8, 1.5}, none[4] = {0}, much[4] = {.5, .5, .5, .5},
                 mixed[4] = {1e-4, .5, 1e-4, 1e-4};
    double s[4];
    asc_rule_shrinkage(s, rate, none, 1.39, 4);
    for (int i = 0; i < 4; i++)
        assert_true(s[i] > .999);
    asc_rule_shrinkage(s, rate, much, 1.39, 4);
    for (int i = 0; i < 4; i++)
        assert_float_equal(s[i], 0, 1e-12);
    asc_rule_shrinkage(s, rate, mixed, 1.39, 4);
    assert_true(s[0] > .99 && s[1] < .5);
}

/* Sure optima: the published rule. Unsure ones: the last scale's shares. In between: in between, its sum 1. */
static void rule__shrunken_lies_between_rule_and_keep_last(void **state)
{
    double before[7] = {0};
    static const double width[3] = {1e-4, .5, 3}; /* of ln share */
    for (int k = 0; k < 3; k++) {
        asc_optima o = published(), with;
        assert_int_equal(asc_optima_init(&with, 2, 7, true, NULL), ASC_OK);
        memcpy(with.tokens, o.tokens, 2 * sizeof *o.tokens);
        memcpy(with.weights, o.weights, 14 * sizeof *o.weights);
        for (size_t i = 0; i < 14; i++) {
            with.lo[i] = o.weights[i] * exp(-width[k]);
            with.hi[i] = o.weights[i] * exp(width[k]);
        }
        for (size_t i = 0; i < 7; i++)
            with.domains[i] = asc_strdup(o.domains[i]);
        asc_rule_opts opts = {.n_tokens = 20000000000};
        asc_rule_result r;
        assert_int_equal(asc_rule_predict(&r, &with, &opts, NULL), ASC_OK);
        double sum = 0;
        for (size_t i = 0; i < 7; i++) {
            double rule = r.weights[i], last = r.keep_last[i], w = r.shrunken[i];
            sum += w;
            assert_true(r.shrinkage[i] >= 0 && r.shrinkage[i] <= 1);
            assert_true(r.shrunken_lo[i] <= w && w <= r.shrunken_hi[i]);
            assert_true(r.w_lo[i] <= rule && rule <= r.w_hi[i]);
            if (k == 0)
                assert_float_equal(w, rule, 1e-3);
            if (k == 2)
                assert_float_equal(w, last, 1e-9);
            if (k > 0)
                assert_true(fabs(w - last) <= fabs(before[i] - last) + 1e-6);
            before[i] = w;
        }
        assert_float_equal(sum, 1, 1e-9);
        assert_true(fabs(r.beyond - 20 / 1.2) < 1e-9);
        bool said = false;
        for (size_t i = 0; i < r.notes.n; i++)
            said |= strstr(r.notes.text[i], "extrapolated: the budget is 16.7 x") != NULL;
        assert_true(said);
        asc_rule_result_clear(&r);
        asc_optima_clear(&with);
        asc_optima_clear(&o);
    }
}

/* The published optima, and between them a smaller model's of the second budget. */
static void rule__of_equal_tokens_takes_the_largest_model(void **state)
{
    asc_optima o = published(), p = {0};
    assert_int_equal(asc_optima_init(&p, 3, 7, false, NULL), ASC_OK);
    p.params = calloc(3, sizeof *p.params);
    for (size_t i = 0; i < 7; i++)
        p.domains[i] = asc_strdup(o.domains[i]);
    for (size_t s = 0; s < 3; s++) {
        p.tokens[s] = o.tokens[s > 0];
        p.params[s] = s == 2 ? 2e8 : 1e8;
        for (size_t i = 0; i < 7; i++)
            p.weights[s * 7 + i] = s == 1 ? 1. / 7 : o.weights[(s > 0) * 7 + i];
    }
    asc_rule_opts opts = {.n_tokens = 5000000000};
    asc_rule_result a, b;
    asc_error err = {0};
    assert_int_equal(asc_rule_predict(&a, &o, &opts, &err), ASC_OK);
    assert_int_equal(asc_rule_predict(&b, &p, &opts, &err), ASC_OK);
    assert_memory_equal(a.weights, b.weights, 7 * sizeof *a.weights);
    assert_true(asc_notes_have(&b.notes, ASC_NOTE_RULE_LARGEST) && !asc_notes_have(&a.notes, ASC_NOTE_RULE_LARGEST));
    asc_rule_result_clear(&a);
    asc_rule_result_clear(&b);
    p.tokens[0] = p.tokens[1]; /* now all of one budget */
    p.params[0] = 5e7;
    assert_int_equal(asc_rule_predict(&b, &p, &opts, &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "all 3 rows have 1.2e+09 tokens"));
    p.params[0] = p.params[1]; /* nothing tells these apart */
    assert_int_equal(asc_rule_predict(&b, &p, &opts, &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "two rows have"));
    asc_optima_clear(&o);
    asc_optima_clear(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rule__reproduces_the_published_ladder),
        cmocka_unit_test(rule__finds_the_ladders_own_t),
        cmocka_unit_test(rule__bounds_hold_and_tokens_sum_exactly),
        cmocka_unit_test(rule__available_tokens_cap_epochs),
        cmocka_unit_test(rule__three_scales_recover_the_lines),
        cmocka_unit_test(rule__stops_when_interrupted_and_may_leave_intervals_out),
        cmocka_unit_test(rule__intervals_from_residuals_cover),
        cmocka_unit_test(rule__does_not_care_about_order),
        cmocka_unit_test(rule__refuses_what_it_cannot_do),
        cmocka_unit_test(rule__answers_where_bounds_leave_no_root),
        cmocka_unit_test(rule__takes_the_larger_root),
        cmocka_unit_test(rule__of_equal_tokens_takes_the_largest_model),
        cmocka_unit_test(rule__shrinkage_follows_the_noise),
        cmocka_unit_test(rule__shrunken_lies_between_rule_and_keep_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
