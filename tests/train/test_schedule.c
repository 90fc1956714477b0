#include "test.h"

#include <math.h>

#include "train/train.h"

static asc_training_spec training(asc_schedule schedule)
{
    asc_training_spec t;
    asc_training_spec_init(&t);
    t.lr = 2;
    t.warmup = .1;
    t.min_lr = .1;
    t.schedule = schedule;
    return t;
}

static void near(double a, double b)
{
    if (!(fabs(a - b) <= 1e-12))
        fail_msg("%.17g is not %.17g", a, b);
}

static void schedule__known_answers(void **state)
{
    asc_training_spec t = training(ASC_SCHEDULE_COSINE);
    near(asc_train_lr(&t, 0, 100), .2); /* 10 steps of warm-up */
    near(asc_train_lr(&t, 9, 100), 2);
    near(asc_train_lr(&t, 10, 100), 2);
    near(asc_train_lr(&t, 55, 100), 1.1); /* half-way: the mean of 2 and .2 */
    near(asc_train_lr(&t, 40, 100), 2 * (.1 + .9 * .75));
    t = training(ASC_SCHEDULE_LINEAR);
    near(asc_train_lr(&t, 55, 100), 1.1);
    near(asc_train_lr(&t, 99, 100), 2 * (1 - .9 * 89. / 90));
    t = training(ASC_SCHEDULE_WSD);
    near(asc_train_lr(&t, 79, 100), 2);
    near(asc_train_lr(&t, 80, 100), 2);
    near(asc_train_lr(&t, 90, 100), 1.1);
    t = training(ASC_SCHEDULE_CONSTANT);
    near(asc_train_lr(&t, 99, 100), 2);
}

static void schedule__is_retimed_to_the_runs_own_steps(void **state)
{
    for (int kind = ASC_SCHEDULE_COSINE; kind <= ASC_SCHEDULE_CONSTANT; kind++) {
        asc_training_spec t = training((asc_schedule)kind);
        for (int64_t s = 10; s < 100; s++) /* after the warm-up: the same at the same share of the run */
            near(asc_train_lr(&t, s, 100), asc_train_lr(&t, 10 * s, 1000));
    }
}

static void schedule__stays_within_its_bounds_at_any_length(void **state)
{
    const double warmups[] = {0, .1, .5, .99};
    for (int kind = ASC_SCHEDULE_COSINE; kind <= ASC_SCHEDULE_CONSTANT; kind++)
        for (size_t w = 0; w < 4; w++)
            for (int64_t n = 1; n < 40; n++) {
                asc_training_spec t = training((asc_schedule)kind);
                t.warmup = warmups[w];
                for (int64_t s = 0; s < n; s++) {
                    double lr = asc_train_lr(&t, s, n);
                    assert_true(lr > 0 && lr <= 2);
                }
            }
}

static void steps__are_whole_but_the_last(void **state)
{
    asc_model_spec m;
    asc_training_spec t = training(ASC_SCHEDULE_COSINE);
    asc_model_spec_init(&m);
    m.context = 128;
    m.vocab = 4096;
    t.batch_tokens = 16384;
    for (int64_t n = 1; n < 1000; n += 7) {
        asc_train_steps s = asc_train_steps_of(&m, &t, n);
        assert_int_equal((s.n_steps - 1) * s.batch + s.last, n);
        assert_true(s.last >= 1 && s.last <= s.batch && s.batch <= 128);
        assert_true(s.micro_batch >= 1 && s.micro_batch <= s.batch);
    }
    t.batch_tokens = 100; /* less than a sequence */
    t.micro_batch = 64;
    asc_train_steps s = asc_train_steps_of(&m, &t, 10);
    assert_true(s.batch == 1 && s.n_steps == 10 && s.micro_batch == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(schedule__known_answers),
        cmocka_unit_test(schedule__is_retimed_to_the_runs_own_steps),
        cmocka_unit_test(schedule__stays_within_its_bounds_at_any_length),
        cmocka_unit_test(steps__are_whole_but_the_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
