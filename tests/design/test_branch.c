#include "test.h"

#include "design/design.h"

static void branches__draw_each_domain_by_the_pull(void **state)
{
    const double centre[2] = {.25, .75};
    int64_t out[4];
    assert_int_equal(asc_design_branches(out, centre, 2, .5, 1000, NULL, NULL), ASC_OK);
    assert_true(out[0] == 625 && out[1] == 375 && out[2] == 125 && out[3] == 875);
    const int64_t cap[2] = {400, 5000};
    assert_int_equal(asc_design_branches(out, centre, 2, .5, 1000, cap, NULL), ASC_OK);
    assert_true(out[0] == 400 && out[1] == 600);
    const int64_t none[2] = {400, 500};
    assert_int_equal(asc_design_branches(out, centre, 2, .5, 1000, none, NULL), ASC_EINVAL);
}

static void merges__begin_at_the_centre_and_repeat(void **state)
{
    enum { D = 3, N = 30 };
    const double centre[D] = {.2, .5, .3};
    double a[N * D], b[N * D], mean[D] = {0};
    assert_int_equal(asc_design_merges(a, N, centre, D, 42, NULL), ASC_OK);
    assert_int_equal(asc_design_merges(b, N - 5, centre, D, 42, NULL), ASC_OK);
    assert_memory_equal(a, centre, sizeof centre);
    assert_memory_equal(a, b, (N - 5) * D * sizeof *a); /* more of them leave those before as they were */
    for (size_t m = 0; m < N; m++) {
        double sum = 0;
        for (size_t k = 0; k < D; k++) {
            assert_true(a[m * D + k] >= 0);
            sum += a[m * D + k];
            mean[k] += a[m * D + k] / N;
        }
        assert_float_equal(sum, 1, 1e-12);
    }
    assert_float_equal(mean[1], .5, .15);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(branches__draw_each_domain_by_the_pull),
        cmocka_unit_test(merges__begin_at_the_centre_and_repeat),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
