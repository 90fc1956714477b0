#include "text_test.h"

#include <math.h>

enum { MAX_D = 40 };

/* Token k of domain d is a number that tells both. */
static asc_token_file *make_domain(const char *name, int64_t n_tokens, int32_t base)
{
    asc_error err = {0};
    asc_token_writer *w = NULL;
    asc_token_file *f = NULL;
    int32_t *ids = malloc((size_t)(n_tokens + 1) * sizeof *ids);
    for (int64_t i = 0; i < n_tokens; i++)
        ids[i] = base + (int32_t)i;
    assert_ok(asc_token_writer_create(&w, in_work(name), 1 << 24, &err), &err);
    for (int64_t at = 0; at < n_tokens; at += 100)
        assert_ok(asc_token_writer_add(w, ids + at, (size_t)(n_tokens - at < 100 ? n_tokens - at : 100), &err), &err);
    assert_ok(asc_token_writer_commit(w, &err), &err);
    asc_token_writer_free(w);
    free(ids);
    assert_ok(asc_token_file_open(&f, in_work(name), &err), &err);
    return f;
}

static asc_token_file *files[MAX_D];

static int setup(void **state)
{
    if (make_work_dir(state) != 0)
        return -1;
    for (int d = 0; d < MAX_D; d++) {
        char name[16];
        snprintf(name, sizeof name, "d%d", d);
        files[d] = make_domain(name, 1000 + 137 * d, d * 100000);
    }
    return 0;
}

static int teardown(void **state)
{
    for (int d = 0; d < MAX_D; d++)
        asc_token_file_close(files[d]);
    return remove_work_dir(state);
}

static asc_sampler *make(const int64_t *tokens, size_t n, int context, uint64_t seed, const double *max_epochs)
{
    asc_error err = {0};
    asc_sampler *s = NULL;
    asc_sampler_opts o = {(const asc_token_file *const *)files, n, tokens, context, seed, max_epochs, 1};
    assert_ok(asc_sampler_create(&s, &o, &err), &err);
    return s;
}

static void sampler__totals_by_largest_remainder(void **state)
{
    int64_t tokens[3] = {105, 95, 100}, used[3];
    asc_sampler *s = make(tokens, 3, 10, 1, NULL);
    assert_int_equal(asc_sampler_sequences(s), 30);
    asc_sampler_tokens(s, used);
    assert_true(used[0] == 110 && used[1] == 90 && used[2] == 100); /* equal remainders: the earlier domain */
    asc_sampler_free(s);
    int64_t exact[2] = {64 * 16, 0};
    s = make(exact, 2, 16, 1, NULL);
    asc_sampler_tokens(s, used);
    assert_true(used[0] == 64 * 16 && used[1] == 0 && asc_sampler_sequences(s) == 64);
    asc_sampler_free(s);
}

static void sampler__every_prefix_holds_the_mixture(void **state)
{
    asc_rng r;
    asc_rng_init(&r, 7, "mixtures", 0);
    for (int trial = 0; trial < (small_run() ? 30 : 150); trial++) {
        size_t D = 1 + asc_rng_below(&r, MAX_D), domain;
        int64_t tokens[MAX_D], used[MAX_D], count[MAX_D] = {0};
        for (size_t d = 0; d < D; d++)
            tokens[d] = (int64_t)exp(asc_rng_double(&r) * 9) * (asc_rng_below(&r, 8) > 0);
        tokens[0] += 100;
        asc_sampler *s = make(tokens, D, 8, (uint64_t)trial, NULL);
        asc_sampler_tokens(s, used);
        int64_t total = asc_sampler_sequences(s);
        int32_t out[9];
        for (int64_t k = 1; k <= total; k++) {
            assert_int_equal(asc_sampler_next(s, out, &domain, NULL), ASC_OK);
            count[domain]++;
            for (size_t d = 0; d < D; d++)
                assert_true(fabs((double)count[d] - (double)k * (double)(used[d] / 8) / (double)total) < 1);
        }
        for (size_t d = 0; d < D; d++)
            assert_true(count[d] * 8 == used[d]);
        assert_int_equal(asc_sampler_next(s, out, &domain, NULL), ASC_EINVAL);
        asc_sampler_free(s);
    }
}

static void sampler__sequences_are_consecutive_windows_without_replacement(void **state)
{
    enum { T = 16, EPOCHS = 5 };
    int64_t tokens[2] = {(1000 - 1) / T * T * EPOCHS, 640}; /* the first domain: five times its 62 windows */
    int order[EPOCHS][62], n = 0;
    asc_sampler *s = make(tokens, 2, T, 3, NULL);
    for (int64_t k = 0; k < asc_sampler_sequences(s); k++) {
        int32_t out[T + 1];
        size_t domain;
        assert_int_equal(asc_sampler_next(s, out, &domain, NULL), ASC_OK);
        for (int i = 0; i <= T; i++)
            assert_int_equal(out[i], out[0] + i);
        assert_int_equal(out[0] / 100000, domain);
        assert_int_equal(out[0] % 100000 % T, 0);
        if (domain == 0) {
            order[n / 62][n % 62] = out[0] / T;
            n++;
        }
    }
    assert_int_equal(n, 62 * EPOCHS);
    for (int e = 0; e < EPOCHS; e++) {
        bool seen[62] = {0};
        for (int i = 0; i < 62; i++) {
            assert_in_range(order[e][i], 0, 61);
            assert_false(seen[order[e][i]]);
            seen[order[e][i]] = true;
        }
        assert_true(e == 0 || memcmp(order[e], order[e - 1], sizeof order[e]) != 0);
    }
    asc_sampler_free(s);
}

static void sampler__seed_orders_but_does_not_mix(void **state)
{
    int64_t tokens[3] = {3000, 1000, 500};
    asc_sampler *a = make(tokens, 3, 8, 1, NULL), *b = make(tokens, 3, 8, 2, NULL), *c = make(tokens, 3, 8, 1, NULL);
    int differ = 0;
    for (int64_t k = 0; k < asc_sampler_sequences(a); k++) {
        int32_t x[9], y[9], z[9];
        size_t da, db, dc;
        asc_sampler_next(a, x, &da, NULL);
        asc_sampler_next(b, y, &db, NULL);
        asc_sampler_next(c, z, &dc, NULL);
        assert_true(da == db && da == dc);
        assert_memory_equal(x, z, sizeof x);
        differ += memcmp(x, y, sizeof x) != 0;
    }
    assert_true(differ > 500);
    asc_sampler_free(a);
    asc_sampler_free(b);
    asc_sampler_free(c);
}

static void sampler__position_is_the_whole_state(void **state)
{
    enum { T = 1, N = 400000 }; /* long enough for several snapshots */
    int64_t tokens[3] = {N / 2, N / 3, N / 7};
    asc_sampler *a = make(tokens, 3, T, 5, NULL), *b = make(tokens, 3, T, 5, NULL);
    int64_t n = asc_sampler_sequences(a);
    int32_t *stream = malloc((size_t)n * 2 * sizeof *stream), out[2];
    size_t domain;
    for (int64_t k = 0; k < n; k++)
        assert_int_equal(asc_sampler_next(a, stream + 2 * k, &domain, NULL), ASC_OK);
    asc_rng r;
    asc_rng_init(&r, 1, "seeks", 0);
    for (int i = 0; i < 200; i++) {
        int64_t k = i == 0 ? n - 1 : i == 1 ? 0 : (int64_t)asc_rng_below(&r, (uint64_t)n);
        asc_sampler *s = i % 2 ? a : b;
        assert_int_equal(asc_sampler_seek(s, k, NULL), ASC_OK);
        for (int64_t j = k; j < n && j < k + 3; j++) {
            assert_int_equal(asc_sampler_next(s, out, &domain, NULL), ASC_OK);
            assert_memory_equal(out, stream + 2 * j, sizeof out);
        }
    }
    assert_int_equal(asc_sampler_seek(a, n, NULL), ASC_OK);
    assert_int_equal(asc_sampler_seek(a, n + 1, NULL), ASC_EINVAL);
    free(stream);
    asc_sampler_free(a);
    asc_sampler_free(b);
}

static void sampler__rounding_never_starts_another_epoch(void **state)
{
    /* All 1000 tokens asked for once: 63 sequences of 16 would be one more than there are windows. */
    int64_t tokens[2] = {1000, 1137}, used[2];
    double cap[2] = {1, 1};
    for (int capped = 0; capped < 2; capped++) {
        asc_sampler *s = make(tokens, 2, 16, 1, capped ? cap : NULL);
        asc_sampler_tokens(s, used);
        assert_true(used[0] == 62 * 16 && used[1] == 71 * 16);
        asc_sampler_free(s);
    }
    int64_t twice[1] = {1999}; /* 124.9 sequences */
    asc_sampler *s = make(twice, 1, 16, 1, NULL);
    asc_sampler_tokens(s, used);
    assert_true(used[0] == 2 * 62 * 16);
    asc_sampler_free(s);
}

/* What a plan asks for in whole sequences is what it gets, up to the cap that plans are made with. */
static void sampler__gives_the_sequences_that_were_planned(void **state)
{
    for (int64_t k = 1; k < 400; k++) {
        int64_t tokens[2] = {k * 16, 16}, used[2];
        asc_sampler *s = make(tokens, 2, 16, 1, NULL);
        asc_sampler_tokens(s, used);
        assert_true(used[0] == k * 16 && used[1] == 16);
        asc_sampler_free(s);
    }
    for (double cap = .1; cap < 9; cap += .13) {
        double caps[2] = {cap, cap};
        int64_t tokens[2] = {asc_cap_sequences(1000, 16, cap) * 16, 16}, used[2];
        asc_sampler *s = make(tokens, 2, 16, 1, caps);
        asc_sampler_tokens(s, used);
        assert_true(used[0] == tokens[0] && used[1] == 16);
        asc_sampler_free(s);
    }
    assert_true(asc_epoch_sequences(1000, 16) == 62 && asc_epoch_sequences(17, 16) == 1);
    assert_true(asc_epoch_sequences(16, 16) == 0 && asc_epoch_sequences(0, 16) == 0);
    assert_true(asc_cap_sequences(1000, 16, 2.5) == 155 && asc_cap_sequences(1000, 16, NAN) == ASC_NO_CAP);
}

/* ---- phases ---- */

static asc_sampler *make_phases(const int64_t *tokens, size_t n, size_t K, int context, const double *max_epochs)
{
    asc_error err = {0};
    asc_sampler *s = NULL;
    asc_sampler_opts o = {(const asc_token_file *const *)files, n, tokens, context, 3, max_epochs, K};
    assert_ok(asc_sampler_create(&s, &o, &err), &err);
    return s;
}

/* Every prefix of each phase holds that phase's mixture, and a domain's windows are read on: none twice in an epoch. */
static void sampler__phases_hold_their_mixtures_and_read_on(void **state)
{
    enum { T = 4, D = 3, K = 4 };
    const int64_t tokens[K * D] = {200, 100, 0, 0, 0, 400, 120, 100, 60, 13, 402, 9}; /* the second leaves two out */
    asc_sampler *s = make_phases(tokens, D, K, T, NULL);
    char *seen = calloc(D * 1000, 1);
    int32_t out[T + 1];
    int64_t asked = 0, used[D], count[D] = {0};
    for (size_t k = 0, domain; k < K; k++) {
        int64_t total = 0, begin = asked, in_phase[D] = {0}, n = 0;
        for (size_t d = 0; d < D; d++)
            total += tokens[k * D + d];
        asked += total;
        for (int64_t at = (begin + T / 2) / T; at < (asked + T / 2) / T; at++) {
            assert_int_equal(asc_sampler_next(s, out, &domain, NULL), ASC_OK);
            int64_t window = (out[0] - (int32_t)domain * 100000) / T;
            assert_false(seen[domain * 1000 + (size_t)window]++);
            count[domain]++;
            in_phase[domain]++;
            n++;
            for (size_t d = 0; d < D; d++) {
                double want = (double)n * (double)tokens[k * D + d] / (double)total;
                assert_true(fabs((double)in_phase[d] - want) < 2);
            }
        }
        asc_sampler_tokens_so_far(s, used);
        for (size_t d = 0; d < D; d++)
            assert_int_equal(used[d], count[d] * T);
    }
    assert_int_equal(asc_sampler_next(s, out, &(size_t){0}, NULL), ASC_EINVAL);
    asc_sampler_tokens(s, used);
    for (size_t d = 0; d < D; d++)
        assert_int_equal(used[d], count[d] * T);
    free(seen);
    asc_sampler_free(s);
}

/* What follows later changes nothing of a phase: the first two are the stream of those two alone. */
static void sampler__a_phase_does_not_know_the_later_ones(void **state)
{
    enum { T = 1, N = 150000, D = 2 }; /* over several snapshots */
    const int64_t tokens[3 * D] = {N / 3, N / 5, 0, N / 7, N / 2, N / 9};
    asc_sampler *all = make_phases(tokens, D, 3, T, NULL), *two = make_phases(tokens, D, 2, T, NULL),
                *one = make_phases(tokens, D, 1, T, NULL);
    int64_t n = asc_sampler_sequences(all), n2 = asc_sampler_sequences(two), n1 = asc_sampler_sequences(one);
    int32_t *stream = malloc((size_t)n * 2 * sizeof *stream), out[2];
    size_t domain;
    for (int64_t k = 0; k < n; k++) {
        assert_int_equal(asc_sampler_next(all, stream + 2 * k, &domain, NULL), ASC_OK);
        asc_sampler *same[] = {k < n1 ? one : NULL, k < n2 ? two : NULL};
        for (int i = 0; i < 2; i++)
            if (same[i]) {
                assert_int_equal(asc_sampler_next(same[i], out, &domain, NULL), ASC_OK);
                assert_memory_equal(out, stream + 2 * k, sizeof out);
            }
    }
    asc_rng r;
    asc_rng_init(&r, 1, "seeks", 0);
    asc_sampler *fresh = make_phases(tokens, D, 3, T, NULL);
    for (int i = 0; i < 200; i++) { /* and the position is the whole state */
        int64_t k = i == 0 ? n1 : i == 1 ? n2 : i == 2 ? n - 1 : (int64_t)asc_rng_below(&r, (uint64_t)n);
        asc_sampler *s = i % 2 ? all : fresh;
        assert_int_equal(asc_sampler_seek(s, k, NULL), ASC_OK);
        for (int64_t j = k; j < n && j < k + 3; j++) {
            assert_int_equal(asc_sampler_next(s, out, &domain, NULL), ASC_OK);
            assert_memory_equal(out, stream + 2 * j, sizeof out);
        }
    }
    free(stream);
    asc_sampler_free(all);
    asc_sampler_free(two);
    asc_sampler_free(one);
    asc_sampler_free(fresh);
}

static void sampler__caps_count_over_all_phases(void **state)
{
    const int64_t tokens[4] = {600, 100, 500, 100}, full[4] = {600, 100, 392, 100};
    double cap[2] = {1, 2};
    asc_error err = {0};
    asc_sampler *s = NULL;
    asc_sampler_opts o = {(const asc_token_file *const *)files, 2, tokens, 8, 1, cap, 2};
    assert_int_equal(asc_sampler_create(&s, &o, &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "1100 tokens requested are 1.1 epochs, max_epochs is 1"));
    s = make_phases(full, 2, 2, 8, cap);
    int64_t used[2];
    asc_sampler_tokens(s, used);
    assert_int_equal(used[0], 992); /* 124 windows of 8: all that one epoch has */
    asc_sampler_free(s);
}

static void sampler__impossible_asks_are_errors(void **state)
{
    asc_error err = {0};
    asc_sampler *s = NULL;
    double cap[1] = {2};
    int64_t too_many[1] = {2100}, none[1] = {0}, negative[1] = {-1}, some[1] = {500};
    asc_sampler_opts o = {(const asc_token_file *const *)files, 1, too_many, 16, 1, cap, 1};
    assert_int_equal(asc_sampler_create(&s, &o, &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "max_epochs is 2"));
    o.max_epochs = NULL;
    o.tokens = none;
    assert_int_equal(asc_sampler_create(&s, &o, &err), ASC_EINVAL);
    o.tokens = negative;
    assert_int_equal(asc_sampler_create(&s, &o, &err), ASC_EINVAL);
    o.tokens = some;
    o.context = 1000; /* 1000 tokens are one less than a sequence of 1001 */
    assert_int_equal(asc_sampler_create(&s, &o, &err), ASC_EINVAL);
    o.context = 0;
    assert_int_equal(asc_sampler_create(&s, &o, &err), ASC_EINVAL);
    assert_null(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sampler__totals_by_largest_remainder),
        cmocka_unit_test(sampler__every_prefix_holds_the_mixture),
        cmocka_unit_test(sampler__sequences_are_consecutive_windows_without_replacement),
        cmocka_unit_test(sampler__seed_orders_but_does_not_mix),
        cmocka_unit_test(sampler__position_is_the_whole_state),
        cmocka_unit_test(sampler__rounding_never_starts_another_epoch),
        cmocka_unit_test(sampler__gives_the_sequences_that_were_planned),
        cmocka_unit_test(sampler__phases_hold_their_mixtures_and_read_on),
        cmocka_unit_test(sampler__a_phase_does_not_know_the_later_ones),
        cmocka_unit_test(sampler__caps_count_over_all_phases),
        cmocka_unit_test(sampler__impossible_asks_are_errors),
    };
    return cmocka_run_group_tests_name("sampler", tests, setup, teardown);
}
