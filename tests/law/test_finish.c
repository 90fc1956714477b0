/* How paused runs would end: lines that are known, errors that are honest, what cannot be told. */
#include "test.h"

#include "law/law_finish.h"
#include "num/num.h"

#include <math.h>
#include <string.h>

enum { N = 8, M = 3, V = 2 };

static double paused[64 * V], ended[64 * V], open_[64 * V];
static asc_objective objective;
static asc_finish_runs runs;
static asc_finish f;
static asc_error err;

static int set_up(void **state)
{
    objective = (asc_objective){.kind = ASC_OBJ_MEAN_LOSS, .n_targets = V};
    runs = (asc_finish_runs){
        .n = N, .m = M, .n_targets = V, .paused = paused, .ended = ended, .open = open_, .objective = &objective};
    f = (asc_finish){0};
    return 0;
}

static int tear_down(void **state)
{
    asc_finish_clear(&f);
    return 0;
}

static void fill(size_t n, size_t m, double slope, double noise, uint64_t seed)
{
    asc_rng rng;
    asc_rng_init(&rng, seed, "finish", 0);
    for (size_t i = 0; i < (n + m) * V; i++) {
        double x = 3 + .3 * asc_rng_normal(&rng), y = x - .4 + slope * (x - 3) + noise * asc_rng_normal(&rng);
        if (i < n * V) {
            paused[i] = x;
            ended[i] = y;
        } else {
            open_[i - n * V] = x;
            ended[i] = y; /* the truth of those that wait */
        }
    }
}

static void finish__recovers_a_line_that_is_known(void **state)
{
    fill(N, M, -.3, 0, 1);
    assert_int_equal(asc_finish_predict(&f, &runs, &err), ASC_OK);
    for (size_t k = 0; k < M; k++) {
        for (size_t v = 0; v < V; v++) {
            double x = open_[k * V + v];
            assert_true(fabs(f.loss[k * V + v] - (x - .4 - .3 * (x - 3))) < 1e-6);
            assert_true(f.loss_sd[k * V + v] < 1e-5);
        }
        assert_true(fabs(f.value[k] - (f.loss[k * V] + f.loss[k * V + 1]) / V) < 1e-12);
        assert_true(f.value_t[k] < 1e-5);
    }
}

/* Of each draw: is the truth within Student's interval? The standard deviation is that of t, no smaller than the
 * errors. */
static void errors__are_those_of_students_t(void **state)
{
    size_t within = 0, all = 0;
    double sum = 0, expected = 0;
    for (uint64_t seed = 0; seed < 400; seed++) {
        runs.n = 5 + seed % 6;
        fill(runs.n, M, .1, .02, seed);
        assert_int_equal(asc_finish_predict(&f, &runs, &err), ASC_OK);
        for (size_t k = 0; k < M; k++) {
            const double *truth = ended + (runs.n + k) * V;
            double off = fabs(f.value[k] - (truth[0] + truth[1]) / V);
            within += off < f.value_t[k] * asc_student_quantile(.9, f.freedom[k]);
            for (size_t v = 0; v < V && runs.n > 6; v++) {
                sum += pow(f.loss[k * V + v] - truth[v], 2);
                expected += pow(f.loss_sd[k * V + v], 2);
            }
            all++;
        }
        asc_finish_clear(&f);
    }
    assert_true((double)within > .86 * (double)all && (double)within < .96 * (double)all);
    assert_true(sum / expected > .5 && sum / expected < 1);
}

/* A slope that four noisy runs show is mostly chance. */
static void few_noisy_runs__are_predicted_by_their_mean_change(void **state)
{
    for (size_t i = 0; i < 4 * V; i++) {
        paused[i] = 3 + .01 * (double)(i / V);
        ended[i] = paused[i] - .4 + ((i / V) % 2 ? .05 : -.05);
    }
    open_[0] = open_[1] = 3.5;
    runs.n = 4;
    runs.m = 1;
    assert_int_equal(asc_finish_predict(&f, &runs, &err), ASC_OK);
    assert_true(fabs(f.loss[0] - 3.1) < .01); /* the line through the four alone would say 4.1 */
}

static void a_target_of_too_few_runs__is_not_told(void **state)
{
    fill(N, M, 0, .01, 3);
    for (size_t i = 0; i < N - 3; i++)
        ended[i * V + 1] = NAN;
    assert_int_equal(asc_finish_predict(&f, &runs, &err), ASC_OK);
    assert_true(isfinite(f.loss[0]) && isnan(f.loss[1]) && isnan(f.loss_sd[1]) && isnan(f.value[0]));
    asc_finish_clear(&f);
    runs.n = 3;
    assert_int_equal(asc_finish_predict(&f, &runs, &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "expected at least 4"));
}

static void equal_losses__at_the_pause_have_no_slope(void **state)
{
    for (size_t i = 0; i < N * V; i++) {
        paused[i] = 3;
        ended[i] = 2.5 + .01 * (double)(i / V);
    }
    for (size_t i = 0; i < M * V; i++)
        open_[i] = 4;
    assert_int_equal(asc_finish_predict(&f, &runs, &err), ASC_OK);
    assert_true(fabs(f.loss[0] - 3.535) < 1e-9 && f.loss_sd[0] > 0 && isfinite(f.loss_sd[0]));
}

static void finish__every_failing_allocation_is_survived(void **state)
{
    fill(N, M, .1, .02, 5);
    for (uint64_t n = 1;; n++) {
        asc_fault_arm(ASC_FAULT_ALLOC, n);
        asc_status st = asc_finish_predict(&f, &runs, &err);
        uint64_t calls = asc_fault_count(ASC_FAULT_ALLOC);
        asc_fault_arm(ASC_FAULT_ALLOC, 0);
        if (calls < n) {
            assert_int_equal(st, ASC_OK);
            break;
        }
        assert_int_equal(st, ASC_ENOMEM);
        assert_null(f.loss);
    }
}

#define WITH_RUNS(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_RUNS(finish__recovers_a_line_that_is_known),
        WITH_RUNS(errors__are_those_of_students_t),
        WITH_RUNS(few_noisy_runs__are_predicted_by_their_mean_change),
        WITH_RUNS(a_target_of_too_few_runs__is_not_told),
        WITH_RUNS(equal_losses__at_the_pause_have_no_slope),
        WITH_RUNS(finish__every_failing_allocation_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
