/* Mixtures: within bounds, in whole units, under caps and floors. */
#include "test.h"

#include <math.h>

#include "spec/spec.h"

static void within__keeps_ratios_where_bounds_let_it(void **state)
{
    const double w[3] = {.5, .3, .2}, hi[3] = {.05, 1, 1}, lo[3] = {0, 0, .5};
    double out[3];
    bool moved;
    assert_int_equal(asc_mixture_within(out, &moved, w, 3, NULL, hi, NULL), ASC_OK);
    assert_true(moved && out[0] == .05 && fabs(out[1] / out[2] - 1.5) < 1e-12);
    assert_int_equal(asc_mixture_within(out, &moved, w, 3, lo, NULL, NULL), ASC_OK);
    assert_true(moved && out[2] == .5 && fabs(out[0] / out[1] - 5. / 3) < 1e-12);
    assert_int_equal(asc_mixture_within(out, &moved, w, 3, lo, hi, NULL), ASC_OK);
    assert_true(moved && out[0] == .05 && out[2] >= .5 && fabs(out[0] + out[1] + out[2] - 1) < 1e-12);
    assert_int_equal(asc_mixture_within(out, &moved, w, 3, NULL, NULL, NULL), ASC_OK);
    assert_true(!moved);
    assert_memory_equal(out, w, sizeof w);
}

static void within__holds_for_any_bounds(void **state)
{
    asc_rng r;
    asc_rng_init(&r, 7, "test", 0);
    for (int k = 0; k < 3000; k++) {
        double w[8], lo[8], hi[8], out[8], sum = 0, least = 0, most = 0, got = 0;
        size_t D = 1 + asc_rng_below(&r, 8);
        bool moved;
        asc_error err;
        for (size_t i = 0; i < D; i++) {
            sum += w[i] = asc_rng_double(&r) < .2 ? 0 : asc_rng_double(&r);
            least += lo[i] = asc_rng_double(&r) < .5 ? 0 : asc_rng_double(&r) / (double)D;
            most += hi[i] = fmin(1, lo[i] + asc_rng_double(&r));
        }
        if (!(sum > 0))
            continue;
        for (size_t i = 0; i < D; i++)
            w[i] /= sum;
        asc_status st = asc_mixture_within(out, &moved, w, D, lo, hi, &err);
        assert_int_equal(st, least <= 1 && most >= 1 ? ASC_OK : ASC_EINVAL);
        for (size_t i = 0; st == ASC_OK && i < D; i++) {
            assert_true(out[i] >= lo[i] - 1e-9 && out[i] <= hi[i] + 1e-9);
            got += out[i];
        }
        assert_true(st != ASC_OK || fabs(got - 1) < 1e-9);
    }
}

static void whole__keeps_floors_and_caps(void **state)
{
    asc_rng r;
    asc_rng_init(&r, 8, "test", 0);
    for (int k = 0; k < 3000; k++) {
        double w[8], sum = 0;
        int64_t least[8], most[8], n[8], total = (int64_t)asc_rng_below(&r, 1000), needed = 0, room = 0, got = 0;
        size_t D = 1 + asc_rng_below(&r, 8);
        for (size_t i = 0; i < D; i++) {
            sum += w[i] = asc_rng_double(&r) < .2 ? 0 : asc_rng_double(&r);
            needed += least[i] = (int64_t)asc_rng_below(&r, (uint64_t)(total / (int64_t)D + 1));
            room += most[i] = least[i] + (int64_t)asc_rng_below(&r, 1000);
        }
        if (!(sum > 0))
            continue;
        asc_error err;
        asc_status st = asc_mixture_whole(n, NULL, w, D, total, least, most, &err);
        assert_int_equal(st, needed <= total && room >= total ? ASC_OK : ASC_EINVAL);
        for (size_t i = 0; st == ASC_OK && i < D; i++) {
            assert_true(n[i] >= least[i] && n[i] <= most[i]);
            got += n[i];
        }
        assert_true(st != ASC_OK || got == total);
    }
}

/* One rule everywhere: the largest remainder, ties to the earlier domain. */
static void whole__thirds_of_ten(void **state)
{
    const double w[3] = {1. / 3, 1. / 3, 1. / 3};
    int64_t n[3];
    assert_int_equal(asc_mixture_tokens(n, NULL, w, 3, 10, NULL, NULL), ASC_OK);
    assert_true(n[0] == 4 && n[1] == 3 && n[2] == 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(within__keeps_ratios_where_bounds_let_it),
        cmocka_unit_test(within__holds_for_any_bounds),
        cmocka_unit_test(whole__keeps_floors_and_caps),
        cmocka_unit_test(whole__thirds_of_ten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
