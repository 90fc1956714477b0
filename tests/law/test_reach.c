/* What a table's runs reach: of a swarm the shares it sampled, of a star all that its token amounts make up. */
#include "test.h"

#include <math.h>

#include "private.h"

enum { D = 3 };

static asc_runs rows(const double (*tokens)[D], size_t n)
{
    asc_runs t;
    assert_int_equal(asc_runs_init(&t, n, D, 1, NULL), ASC_OK);
    for (size_t r = 0; r < n; r++)
        for (size_t i = 0; i < D; i++)
            t.tokens[r * D + i] = tokens[r][i];
    return t;
}

static void expect_reach(const double (*tokens)[D], size_t n, const double *lo, const double *hi)
{
    asc_runs t = rows(tokens, n);
    double found_lo[D], found_hi[D];
    assert_int_equal(asc__reach_of(found_lo, found_hi, &t, NULL), ASC_OK);
    for (size_t i = 0; i < D; i++) {
        assert_float_equal(found_lo[i], lo[i], 1e-12);
        assert_float_equal(found_hi[i], hi[i], 1e-12);
    }
    asc_runs_clear(&t);
}

static void reach__of_a_swarm_is_what_it_sampled(void **state)
{
    static const double tokens[][D] = {{20, 30, 50}, {60, 30, 10}, {30, 60, 10}, {100, 0, 0}, {40, 60, 100}};
    expect_reach(tokens, 5, (double[]){.2, 0, 0}, (double[]){1, .6, .5});
}

/* Base 9 of each, 27 and 3 of one: all others at 27 leave 3 of 57, all others at 3 leave 27 of 33. The order of rows
 * does not matter, nor what the base is. */
static void reach__of_a_star_is_what_its_tokens_make_up(void **state)
{
    static const double tokens[][D] = {{27, 9, 9}, {3, 9, 9}, {9, 9, 9}, {9, 27, 9},
                                       {9, 9, 9},  {9, 3, 9}, {9, 9, 3}, {9, 9, 27}};
    expect_reach(tokens, 8, (double[]){3 / 57., 3 / 57., 3 / 57.}, (double[]){27 / 33., 27 / 33., 27 / 33.});
    static const double skewed[][D] = {{10, 20, 5}, {30, 20, 5}, {10, 60, 5}, {10, 20, 1}};
    expect_reach(skewed, 4, (double[]){10 / 75., 20 / 55., 1 / 91.}, (double[]){30 / 51., 60 / 71., 5 / 35.});
}

/* Each star by itself: amounts of one are not put together with those of another; other runs add their own shares. */
static void reach__of_several_stars_and_other_runs_is_all_of_theirs(void **state)
{
    static const double tokens[][D] = {{9, 9, 9}, {27, 9, 9},   {3, 9, 9},     {90, 90, 90}, {9, 27, 9},
                                       {9, 3, 9}, {90, 30, 90}, {270, 90, 90}, {1, 0, 49}};
    double lo[D] = {.02, 0, 9 / 63.}, hi[D] = {270 / 390., 27 / 39., .98};
    expect_reach(tokens, 9, lo, hi);
}

static void reach__every_failing_allocation_is_survived(void **state)
{
    static const double tokens[][D] = {{9, 9, 9}, {27, 9, 9}, {3, 9, 9}};
    asc_runs t = rows(tokens, 3);
    double lo[D], hi[D];
    for (uint64_t n = 1; n <= 2; n++) {
        asc_fault_arm(ASC_FAULT_ALLOC, n);
        assert_int_equal(asc__reach_of(lo, hi, &t, NULL), ASC_ENOMEM);
        asc_fault_arm(ASC_FAULT_ALLOC, 0);
    }
    asc_runs_clear(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reach__of_a_swarm_is_what_it_sampled),
        cmocka_unit_test(reach__of_a_star_is_what_its_tokens_make_up),
        cmocka_unit_test(reach__of_several_stars_and_other_runs_is_all_of_theirs),
        cmocka_unit_test(reach__every_failing_allocation_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
