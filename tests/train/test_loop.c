#include "test.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/base_json.h"
#include "device/device.h"
#include "train_fixture.h"

/* ---- helpers ---- */

/* Interrupts the run after so many steps, and keeps the losses that it saw. */
struct watcher {
    int64_t stop_after, seen;
    double loss[64], lr[64];
};

static void watch(void *ctx, const asc_train_status *s)
{
    struct watcher *w = ctx;
    if (s->step >= 1 && s->step <= 64) {
        w->loss[s->step - 1] = s->loss_train;
        w->lr[s->step - 1] = s->lr;
    }
    if (++w->seen == w->stop_after)
        asc_interrupt_set();
}

static void finish_run(const char *dir)
{
    asc_error err = {0};
    if (asc_train_run(dir, NULL, NULL, &err) != ASC_OK)
        fail_msg("%s", err.msg);
}

static char *slurp(const char *dir, const char *name)
{
    char *path = asc_path_join(dir, name), *text = NULL;
    size_t n = 0;
    asc_error err = {0};
    if (asc_read_file(path, 1 << 24, &text, &n, &err) != ASC_OK)
        fail_msg("%s", err.msg);
    asc_free(path);
    return text;
}

static bool there(const char *dir, const char *name)
{
    char *path = asc_path_join(dir, name);
    bool is = asc_path_exists(path);
    asc_free(path);
    return is;
}

static void assert_same_numbers(const char *a_dir, const char *b_dir)
{
    asc_run_result a = {0}, b = {0};
    fixture_result(a_dir, &a);
    fixture_result(b_dir, &b);
    assert_string_equal(a.state, b.state);
    assert_true(a.tokens == b.tokens && a.lr == b.lr && a.n_retries == b.n_retries);
    assert_int_equal(a.n_curve, b.n_curve);
    for (size_t v = 0; v < a.n_targets; v++) {
        assert_memory_equal(&a.loss[v], &b.loss[v], sizeof(double));
        for (size_t k = 0; k < a.n_curve; k++)
            assert_memory_equal(&a.curve[k].loss[v], &b.curve[k].loss[v], sizeof(double));
    }
    asc_run_result_clear(&a);
    asc_run_result_clear(&b);
}

/* Steps of metrics.jsonl, in order; -1 ends them. */
static void assert_metrics_have_each_step_once(const char *dir)
{
    char *text = slurp(dir, "metrics.jsonl"), *rest = NULL;
    int64_t last = 0;
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        json_t *j = NULL;
        int64_t step = 0;
        assert_int_equal(asc_json_parse(&j, "line", line, strlen(line), NULL), ASC_OK);
        assert_int_equal(asc_json_get_count(j, "line", "step", &step, NULL), ASC_OK);
        if (json_object_get(j, "loss")) {
            assert_int_equal(step, last + 1);
            last = step;
        }
        json_decref(j);
    }
    assert_int_equal(last, 48);
    asc_free(text);
}

static fixture f;
static asc_run_spec spec;
static char *whole; /* folder of the undisturbed run */

static int set_up(void **state)
{
    fixture_init(&f);
    fixture_spec(&f, &spec);
    whole = fixture_run(&f, &spec, "whole");
    finish_run(whole);
    return 0;
}

static int tear_down(void **state)
{
    asc_run_spec_clear(&spec);
    asc_free(whole);
    fixture_clear(&f);
    return 0;
}

/* ---- tests ---- */

static void train__learns_from_real_text(void **state)
{
    asc_run_result r = {0};
    fixture_result(whole, &r);
    assert_string_equal(r.state, "done");
    assert_int_equal(r.n_curve, 4); /* three along the run and the last */
    for (size_t v = 0; v < 2; v++) {
        assert_true(r.loss[v] == r.curve[3].loss[v]);
        assert_true(r.loss[v] < log(256) - 1.5);
        assert_true(r.loss[v] < r.curve[0].loss[v] - .1);
    }
    assert_true(r.tokens == 379 * 32); /* 250 + 129 sequences */
    assert_true(r.domain_tokens[0] == 250 * 32 && r.domain_tokens[1] == 129 * 32);
    assert_true(r.curve[3].tokens == r.tokens);
    asc_run_result_clear(&r);
    assert_metrics_have_each_step_once(whole);
    assert_false(there(whole, "checkpoint"));
}

static double greatest_difference(const double *a, const double *b, int n)
{
    double most = 0;
    for (int i = 0; i < n; i++)
        most = fmax(most, fabs(a[i] - b[i]));
    return most;
}

/* 48 steps of 8 x 32 tokens, the last 12 of them cooling: until then the run is as without, and then its rate is what
 * the schedule says times 12/12, 11/12 ... 1/12. */
static void train__the_rate_falls_to_zero_over_the_tokens_that_cool(void **state)
{
    struct watcher plain = {0}, cooling = {0};
    asc_error err = {0};
    asc_run_spec cool = spec;
    double want[48];
    char *dir[2] = {fixture_run(&f, &spec, "uncooled")};
    cool.cool_tokens = 12 * 256;
    dir[1] = fixture_run(&f, &cool, "cooled");
    assert_int_equal(asc_train_run(dir[0], watch, &plain, &err), ASC_OK);
    assert_int_equal(asc_train_run(dir[1], watch, &cooling, &err), ASC_OK);
    for (int i = 0; i < 48; i++)
        want[i] = plain.lr[i] * (i < 36 ? 1 : (48 - i) / 12.);
    assert_true(greatest_difference(cooling.lr, want, 48) < 1e-15);
    assert_memory_equal(cooling.loss, plain.loss, 37 * sizeof(double));
    assert_true(cooling.loss[47] != plain.loss[47]);
    asc_free(dir[0]);
    asc_free(dir[1]);
}

static void train__a_finished_run_returns_at_once(void **state)
{
    char *before = slurp(whole, "metrics.jsonl");
    finish_run(whole);
    char *after = slurp(whole, "metrics.jsonl");
    assert_string_equal(before, after);
    asc_free(before);
    asc_free(after);
}

static void train__interrupted_at_any_step_gives_the_same_bits(void **state)
{
    asc_rng r;
    asc_rng_init(&r, 5, "stops", 0);
    for (int trial = 0; trial < (fixture_small() ? 1 : 4); trial++) {
        char name[32];
        snprintf(name, sizeof name, "stopped-%d", trial);
        char *dir = fixture_run(&f, &spec, name);
        int stops = 0;
        for (;;) {
            struct watcher w = {.stop_after = 1 + (int64_t)asc_rng_below(&r, 20)};
            asc_error err = {0};
            asc_status st = asc_train_run(dir, watch, &w, &err);
            asc_interrupt_clear();
            if (st == ASC_OK)
                break;
            assert_int_equal(st, ASC_EINTR);
            assert_true(there(dir, "checkpoint/model.safetensors") && there(dir, "checkpoint/config.json"));
            stops++;
        }
        assert_true(stops >= 2);
        assert_same_numbers(whole, dir);
        assert_metrics_have_each_step_once(dir);
        asc_free(dir);
    }
}

static void train__goes_on_from_whichever_checkpoint_a_kill_left(void **state)
{
    static const char *const left_as[] = {"checkpoint.tmp", "checkpoint.old"};
    for (size_t i = 0; i < 2; i++) { /* killed between the two renames, or before the new one was whole */
        char *dir = fixture_run(&f, &spec, left_as[i]);
        struct watcher w = {.stop_after = 20};
        assert_int_equal(asc_train_run(dir, watch, &w, NULL), ASC_EINTR);
        asc_interrupt_clear();
        char *from = asc_path_join(dir, "checkpoint"), *to = asc_path_join(dir, left_as[i]);
        assert_int_equal(asc_rename(from, to, NULL), ASC_OK);
        w = (struct watcher){.stop_after = 5};
        assert_int_equal(asc_train_run(dir, watch, &w, NULL), ASC_EINTR);
        asc_interrupt_clear();
        assert_true(w.loss[20] > 0 && w.loss[0] == 0); /* step 21 was its first */
        finish_run(dir);
        assert_same_numbers(whole, dir);
        asc_free(from);
        asc_free(to);
        asc_free(dir);
    }
}

static void flip_byte(const char *dir, const char *name, long at)
{
    char *path = asc_path_join(dir, name);
    int fd = open(path, O_RDWR);
    unsigned char c = 0;
    assert_true(fd >= 0 && pread(fd, &c, 1, at) == 1);
    c ^= 1;
    assert_true(pwrite(fd, &c, 1, at) == 1);
    close(fd);
    asc_free(path);
}

static void train__a_damaged_checkpoint_is_named_and_the_run_begins_anew(void **state)
{
    static const char *const damaged[] = {"checkpoint/model.safetensors", "checkpoint/optimizer.safetensors",
                                          "checkpoint/state.json"};
    for (size_t i = 0; i < 3; i++) {
        char name[32];
        snprintf(name, sizeof name, "damaged-%zu", i);
        char *dir = fixture_run(&f, &spec, name);
        struct watcher w = {.stop_after = 10};
        assert_int_equal(asc_train_run(dir, watch, &w, NULL), ASC_EINTR);
        asc_interrupt_clear();
        flip_byte(dir, damaged[i], i == 2 ? 40 : 5000);
        finish_run(dir);
        char *log = slurp(dir, "log.txt");
        assert_non_null(strstr(log, damaged[i]));
        asc_free(log);
        assert_same_numbers(whole, dir);
        assert_metrics_have_each_step_once(dir);
        asc_free(dir);
    }
}

static void train__a_checkpoint_of_other_settings_is_not_taken(void **state)
{
    char *dir = fixture_run(&f, &spec, "edited");
    struct watcher w = {.stop_after = 10};
    double lr = spec.training.lr;
    spec.training.lr = 1e-4;
    asc_free(fixture_run(&f, &spec, "edited"));
    assert_int_equal(asc_train_run(dir, watch, &w, NULL), ASC_EINTR);
    asc_interrupt_clear();
    spec.training.lr = lr;
    asc_free(fixture_run(&f, &spec, "edited"));
    finish_run(dir);
    assert_same_numbers(whole, dir);
    asc_free(dir);
}

static void train__a_failed_write_loses_no_run(void **state)
{
    static const asc_fault_kind kinds[] = {ASC_FAULT_OPEN, ASC_FAULT_WRITE, ASC_FAULT_FSYNC, ASC_FAULT_RENAME};
    spec.checkpoint_s = 0; /* after every step */
    char *dir = fixture_run(&f, &spec, "faults");
    spec.checkpoint_s = 300;
    uint64_t step = fixture_small() ? 61 : 17;
    for (size_t k = 0; k < 4; k++)
        for (uint64_t n = 1; n < (fixture_small() ? 70 : 120); n += step) {
            struct watcher w = {.stop_after = 4};
            asc_fault_arm(kinds[k], n);
            asc_status st = asc_train_run(dir, watch, &w, NULL);
            asc_fault_arm(kinds[k], 0);
            asc_interrupt_clear();
            assert_true(st == ASC_EIO || st == ASC_EINTR || st == ASC_OK);
        }
    finish_run(dir);
    assert_same_numbers(whole, dir);
    asc_free(dir);
}

static void train__a_diverged_run_is_a_result(void **state)
{
    asc_run_spec bad;
    fixture_spec(&f, &bad);
    bad.training.lr = 1e6;
    bad.training.warmup = 0;
    bad.training.retry_on_divergence = 1;
    bad.training.divergence_lr = .5;
    char *dir = fixture_run(&f, &bad, "diverged");
    asc_run_result r = {0};
    finish_run(dir);
    fixture_result(dir, &r);
    assert_string_equal(r.state, "diverged");
    assert_non_null(strstr(r.why, "step"));
    assert_true(isnan(r.loss[0]) && r.n_retries == 1 && r.lr == 5e5);
    asc_run_result_clear(&r);
    asc_free(dir);
    asc_run_spec_clear(&bad);
}

static void train__a_diverged_run_is_tried_again_at_a_lower_rate(void **state)
{
    asc_run_spec again;
    fixture_spec(&f, &again);
    again.training.lr = 3e5;
    again.training.warmup = 0;
    again.training.retry_on_divergence = 2;
    again.training.divergence_lr = 1e-4; /* 3e5, then 30, then 3e-3: the rate of the undisturbed run */
    again.training.clip = 0;
    char *dir = fixture_run(&f, &again, "again");
    asc_run_result r = {0};
    finish_run(dir);
    fixture_result(dir, &r);
    assert_string_equal(r.state, "done");
    assert_true(r.n_retries >= 1 && r.lr < 3e5);
    assert_true(r.loss[0] < log(256) && r.n_curve == 4);
    asc_run_result_clear(&r);
    asc_free(dir);
    asc_run_spec_clear(&again);
}

/* Stopped in the first attempt, in the second, and between the two, where the checkpoint is still that of the first. */
static void train__a_run_that_was_begun_again_is_the_same_however_often_it_was_stopped(void **state)
{
    asc_run_spec again;
    fixture_spec(&f, &again);
    again.training.lr = 30; /* diverges after some steps: what is stopped has a checkpoint of the first attempt */
    again.training.warmup = 0;
    again.training.retry_on_divergence = 1;
    again.training.divergence_lr = 1e-4;
    char *undisturbed = fixture_run(&f, &again, "begun-again");
    finish_run(undisturbed);
    asc_run_result r = {0};
    fixture_result(undisturbed, &r);
    assert_string_equal(r.state, "done");
    assert_true(r.n_retries == 1 && r.lr == 30 * 1e-4);
    asc_run_result_clear(&r);
    for (int64_t every = 3; every < 30; every += 6) {
        char name[32];
        snprintf(name, sizeof name, "begun-again-%lld", (long long)every);
        char *dir = fixture_run(&f, &again, name);
        int stops = 0;
        for (asc_status st = ASC_EINTR; st != ASC_OK; stops++) {
            struct watcher w = {.stop_after = every + stops}; /* so that it gets on in the end */
            st = asc_train_run(dir, watch, &w, NULL);
            assert_true(st == ASC_OK || st == ASC_EINTR);
            asc_interrupt_clear();
        }
        assert_true(stops >= 2);
        assert_same_numbers(undisturbed, dir);
        char *log = slurp(dir, "log.txt");
        assert_non_null(strstr(log, "restarted at learning rate 0.003"));
        asc_free(log);
        asc_free(dir);
    }
    asc_free(undisturbed);
    asc_run_spec_clear(&again);
}

static void train__one_curve_on_every_instruction_set(void **state)
{
    const asc_isa sets[] = {ASC_ISA_PLAIN, ASC_ISA_SSE41, ASC_ISA_AVX2, ASC_ISA_AVX512};
    struct watcher first = {0};
    for (size_t i = 0; i < 4; i++) {
        if (!asc_device_isa_has(sets[i]))
            continue;
        struct watcher w = {.stop_after = 20};
        spec.isa = sets[i];
        char *dir = fixture_run(&f, &spec, asc_isa_name(sets[i]));
        asc_error err = {0};
        if (asc_train_run(dir, watch, &w, &err) != ASC_EINTR)
            fail_msg("%s", err.msg);
        asc_interrupt_clear();
        if (!first.seen)
            first = w;
        for (int s = 0; s < 20; s++)
            if (!(fabs(w.loss[s] - first.loss[s]) < 1e-5))
                fail_msg("%s, step %d: %.9g against %.9g", asc_isa_name(sets[i]), s + 1, w.loss[s], first.loss[s]);
        asc_free(dir);
    }
    spec.isa = ASC_ISA_AUTO;
}

static void train__what_this_build_lacks_is_said(void **state)
{
    asc_error err = {0};
    spec.device[1] = 'x';
    char *dir = fixture_run(&f, &spec, "device");
    assert_int_equal(asc_train_run(dir, NULL, NULL, &err), ASC_EMISSING);
    assert_non_null(strstr(err.msg, "cxu"));
    spec.device[1] = 'p';
    asc_free(dir);
}

static void train__missing_and_short_files_are_named(void **state)
{
    asc_error err = {0};
    char *good = spec.train_files[0];
    spec.train_files[0] = asc_strdup("/nowhere/code");
    char *dir = fixture_run(&f, &spec, "missing");
    assert_int_equal(asc_train_run(dir, NULL, NULL, &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "/nowhere/code"));
    asc_free(spec.train_files[0]);
    spec.train_files[0] = good;
    asc_free(dir);
    fixture_tokens(&f, "short", "docs/cli.md", 0, 1);
    good = spec.valid_files[1];
    spec.valid_files[1] = fixture_path(&f, "short");
    dir = fixture_run(&f, &spec, "short-run");
    assert_int_equal(asc_train_run(dir, NULL, NULL, &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "docs"));
    asc_free(spec.valid_files[1]);
    spec.valid_files[1] = good;
    asc_free(dir);
}

/* ---- checkpoints by themselves ---- */

static void eval__of_the_kept_checkpoint_is_the_runs_last_loss(void **state)
{
    spec.keep_checkpoint = true;
    char *dir = fixture_run(&f, &spec, "kept");
    spec.keep_checkpoint = false;
    finish_run(dir);
    assert_same_numbers(whole, dir);
    asc_run_result r = {0};
    fixture_result(dir, &r);
    char *checkpoint = asc_path_join(dir, "checkpoint");
    double loss[2] = {0};
    asc_error err = {0};
    asc_status st = asc_eval_checkpoint(loss, checkpoint, spec.valid_files, 2, 700, ASC_ISA_AUTO, 1, &err);
    if (st != ASC_OK)
        fail_msg("%s", err.msg);
    for (size_t v = 0; v < 2; v++)
        assert_true(fabs(loss[v] - r.loss[v]) < 1e-6);
    asc_run_result_clear(&r);
    /* another run begins with these weights */
    asc_run_spec next;
    fixture_spec(&f, &next);
    next.init_from = asc_strdup(checkpoint);
    next.tokens[0] = 64;
    next.tokens[1] = 64;
    next.training.lr = 1e-9;
    next.n_curve = 0;
    char *dir2 = fixture_run(&f, &next, "next");
    finish_run(dir2);
    fixture_result(dir2, &r);
    for (size_t v = 0; v < 2; v++)
        assert_true(fabs(loss[v] - r.loss[v]) < 1e-4);
    asc_run_result_clear(&r);
    asc_run_spec_clear(&next);
    asc_free(dir2);
    asc_free(checkpoint);
    asc_free(dir);
}

static void eval__counts_every_token_of_the_last_partial_window(void **state)
{
    spec.keep_checkpoint = true;
    char *dir = fixture_run(&f, &spec, "windows");
    spec.keep_checkpoint = false;
    finish_run(dir);
    char *checkpoint = asc_path_join(dir, "checkpoint");
    double all = 0, part = 0, one = 0;
    char *const file[] = {spec.valid_files[0]};
    /* 32 whole predictions, then 33: the second window has one. (33 p33 - 32 p32) is the loss of that one alone. */
    assert_int_equal(asc_eval_checkpoint(&part, checkpoint, file, 1, 33, ASC_ISA_AUTO, 1, NULL), ASC_OK);
    assert_int_equal(asc_eval_checkpoint(&all, checkpoint, file, 1, 34, ASC_ISA_AUTO, 1, NULL), ASC_OK);
    one = 33 * all - 32 * part;
    assert_true(one > 0 && one < 20 && fabs(one - all) > 1e-9);
    assert_int_equal(asc_eval_checkpoint(&one, checkpoint, file, 1, 1, ASC_ISA_AUTO, 1, NULL), ASC_EINVAL);
    asc_free(checkpoint);
    asc_free(dir);
}

static void estimate__counts_training_and_evaluation(void **state)
{
    asc_train_speed v = {.train_tokens_per_s = 1000, .update_s = .5, .eval_tokens_per_s = 2000, .start_s = 1};
    /* 12128 tokens: 379 sequences in 48 steps */
    double s = asc_train_seconds(&v, &spec.model, &spec.training, 379 * 32, 4, 3000);
    assert_true(fabs(s - (1 + 12.128 + 48 * .5 + 4 * 1.5)) < 1e-9);
    assert_int_equal(asc_train_measure(&v, &spec.model, &spec.training, ASC_ISA_AUTO, 1, .05, NULL), ASC_OK);
    assert_true(v.train_tokens_per_s > 0 && v.eval_tokens_per_s > 0 && v.update_s > 0);
    assert_int_equal(asc_train_estimate(&s, &spec, NULL), ASC_OK);
    assert_true(s > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(train__learns_from_real_text),
        cmocka_unit_test(train__the_rate_falls_to_zero_over_the_tokens_that_cool),
        cmocka_unit_test(train__a_finished_run_returns_at_once),
        cmocka_unit_test(train__interrupted_at_any_step_gives_the_same_bits),
        cmocka_unit_test(train__goes_on_from_whichever_checkpoint_a_kill_left),
        cmocka_unit_test(train__a_damaged_checkpoint_is_named_and_the_run_begins_anew),
        cmocka_unit_test(train__a_checkpoint_of_other_settings_is_not_taken),
        cmocka_unit_test(train__a_failed_write_loses_no_run),
        cmocka_unit_test(train__a_diverged_run_is_a_result),
        cmocka_unit_test(train__a_diverged_run_is_tried_again_at_a_lower_rate),
        cmocka_unit_test(train__a_run_that_was_begun_again_is_the_same_however_often_it_was_stopped),
        cmocka_unit_test(train__one_curve_on_every_instruction_set),
        cmocka_unit_test(train__what_this_build_lacks_is_said),
        cmocka_unit_test(train__missing_and_short_files_are_named),
        cmocka_unit_test(eval__of_the_kept_checkpoint_is_the_runs_last_loss),
        cmocka_unit_test(eval__counts_every_token_of_the_last_partial_window),
        cmocka_unit_test(estimate__counts_training_and_evaluation),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
