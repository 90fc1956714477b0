/* What counts as a burst of gradients, and that a stop and a going-on do not change what is found. */
#include "test.h"

#include "run_state.h"

#include "train_fixture.h"

/* Steps 1..n of a smooth run with a little unrest, norm 20 times the usual at each of `at`. */
static train_state watched(int n, const int *at, int n_at)
{
    train_state s = {0};
    for (int k = 1; k <= n; k++) {
        double norm = .4 + .1 * sin(k), loss = 8 - .01 * k;
        for (int i = 0; i < n_at; i++)
            if (at[i] == k) {
                norm = 8 + k;
                loss += .5;
            }
        s.step = k;
        asc__bursts_watch(&s, 100. * k, loss, norm);
    }
    return s;
}

static void bursts__a_calm_run_has_none(void **state)
{
    train_state s = watched(500, NULL, 0);
    assert_int_equal(s.burst.found.n, 0);
}

static void bursts__a_norm_that_falls_or_rises_slowly_is_none(void **state)
{
    train_state s = {0};
    for (int k = 1; k <= 500; k++) { /* two orders of magnitude down in 100 steps, and up again in 400 */
        s.step = k;
        asc__bursts_watch(&s, k, 5, k < 100 ? 40 * pow(.955, k) : .4 * pow(1.0116, k - 100));
    }
    assert_int_equal(s.burst.found.n, 0);
}

static void bursts__the_worst_is_told_with_its_place_and_height(void **state)
{
    static const int at[] = {40, 90};
    train_state s = watched(300, at, 2);
    const asc_bursts *b = &s.burst.found;
    assert_int_equal(b->n, 2);
    assert_int_equal(b->step, 90);
    assert_true(b->tokens == 9000 && b->grad_norm == 98);
    assert_true(b->times > 200 && b->times < 300);
    assert_true(b->loss_up > .4 && b->loss_up < .55);
}

/* A level that followed every burst would hide the next ones. */
static void bursts__many_in_a_row_are_counted(void **state)
{
    static const int at[] = {50, 51, 52, 53, 54};
    assert_int_equal(watched(100, at, 5).burst.found.n, 5);
}

static void bursts__the_first_steps_have_no_level_yet(void **state)
{
    static const int at[] = {2, 5, 8};
    assert_int_equal(watched(8, at, 3).burst.found.n, 0);
}

static void bursts__numbers_that_are_none_are_left_to_the_test_for_divergence(void **state)
{
    train_state s = watched(20, NULL, 0), t = s;
    asc__bursts_watch(&t, 1, NAN, 1);
    asc__bursts_watch(&t, 1, 1, INFINITY);
    asc__bursts_watch(&t, 1, 1, 0);
    assert_memory_equal(&s, &t, sizeof s);
}

static void stop_now_and_then(void *ctx, const asc_train_status *s)
{
    if (s->step % *(int *)ctx == 0)
        asc_interrupt_set();
}

static void constant_tokens(const fixture *f, const char *name, size_t n)
{
    asc_token_writer *w = NULL;
    char *prefix = fixture_path(f, name);
    int32_t *ids = asc_calloc(n, sizeof *ids);
    assert_int_equal(asc_token_writer_create(&w, prefix, 256, NULL), ASC_OK);
    assert_int_equal(asc_token_writer_add(w, ids, n, NULL), ASC_OK);
    assert_int_equal(asc_token_writer_commit(w, NULL), ASC_OK);
    asc_token_writer_free(w);
    asc_free(ids);
    asc_free(prefix);
}

/* One token over and over, soon known by heart, and three sequences of text among them. */
static void bursts__are_the_same_however_often_the_run_was_stopped(void **state)
{
    fixture f;
    asc_run_spec spec;
    asc_run_result r[2] = {0};
    int every[] = {1000, 7};
    fixture_init(&f);
    constant_tokens(&f, "code.train", 20000);
    fixture_spec(&f, &spec);
    spec.tokens[0] = 480 * 32;
    spec.tokens[1] = 3 * 32; /* a third, a half and five sixths of the way: about steps 10, 30 and 50 of 61 */
    spec.training.lr = .01;
    for (int i = 0; i < 2; i++) {
        asc_status st;
        char *dir = fixture_run(&f, &spec, i ? "stopped" : "whole");
        do {
            asc_interrupt_clear();
            st = asc_train_run(dir, stop_now_and_then, &every[i], NULL);
        } while (st == ASC_EINTR);
        asc_interrupt_clear();
        assert_int_equal(st, ASC_OK);
        fixture_result(dir, &r[i]);
        asc_free(dir);
    }
    assert_string_equal(r[0].state, "done");
    assert_true(r[0].bursts.n > 0);
    assert_memory_equal(&r[0].bursts, &r[1].bursts, sizeof r[0].bursts);
    asc_run_result_clear(&r[0]);
    asc_run_result_clear(&r[1]);
    asc_run_spec_clear(&spec);
    fixture_clear(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bursts__a_calm_run_has_none),
        cmocka_unit_test(bursts__a_norm_that_falls_or_rises_slowly_is_none),
        cmocka_unit_test(bursts__the_worst_is_told_with_its_place_and_height),
        cmocka_unit_test(bursts__many_in_a_row_are_counted),
        cmocka_unit_test(bursts__the_first_steps_have_no_level_yet),
        cmocka_unit_test(bursts__numbers_that_are_none_are_left_to_the_test_for_divergence),
        cmocka_unit_test(bursts__are_the_same_however_often_the_run_was_stopped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
