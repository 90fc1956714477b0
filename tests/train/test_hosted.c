/* A run whose arithmetic is done outside: with this engine's own arithmetic it gives the engine's own bits. */
#include "test.h"

#include <time.h>

#include "autoscale/hosted.h"
#include "model/model.h"
#include "train_fixture.h"

static fixture f;
static asc_run_spec spec;

static int set_up(void **state)
{
    fixture_init(&f);
    fixture_spec(&f, &spec);
    spec.n_curve = 2;
    spec.keep_checkpoint = true;
    return 0;
}

static int tear_down(void **state)
{
    asc_run_spec_clear(&spec);
    fixture_clear(&f);
    return 0;
}

/* ---- the caller: one host's run, computed by a model of its own ---- */

typedef struct caller {
    asc_hosted *h;
    asc_model *m;
    int32_t *ids, *targets, lengths[4];
    double weights[4];
} caller;

static void copy(caller *c, bool to_host)
{
    float *there[] = {asc_hosted_params(c->h), asc_hosted_moment1(c->h), asc_hosted_moment2(c->h)};
    float *here[] = {asc_model_params_data(c->m), asc_model_moment1_data(c->m), asc_model_moment2_data(c->m)};
    size_t n = asc_hosted_size(c->h) * sizeof(float);
    for (int i = 0; i < 3; i++)
        memcpy(to_host ? there[i] : here[i], to_host ? here[i] : there[i], n);
    asc_model_params_changed(c->m);
}

static asc_hosted_what caller_open(caller *c, const char *dir)
{
    asc_error err = {0};
    asc_hosted_what next = ASC_HOSTED_ENDED;
    asc_model_opts o = {.dtype = spec.training.dtype, .micro_batch = 3, .training = true};
    *c = (caller){0};
    if (asc_hosted_open(&c->h, dir, "a test", 0, &err) != ASC_OK || asc_hosted_start(c->h, &next, &err) != ASC_OK ||
        asc_model_create(&c->m, &spec.model, &o, &err) != ASC_OK)
        fail_msg("%s", err.msg);
    assert_int_equal(asc_hosted_size(c->h), asc_model_flat_size(c->m));
    c->ids = asc_calloc((size_t)4 * (size_t)spec.model.context, sizeof *c->ids);
    c->targets = asc_calloc((size_t)4 * (size_t)spec.model.context, sizeof *c->targets);
    copy(c, false);
    return next;
}

static void caller_close(caller *c)
{
    asc_hosted_close(c->h);
    asc_model_free(c->m);
    asc_free(c->ids);
    asc_free(c->targets);
}

static asc_batch batch_of(const caller *c, int B, int T)
{
    size_t ld = (size_t)spec.model.context;
    return (asc_batch){.ids = c->ids, .targets = c->targets, .ld_ids = ld, .ld_targets = ld, .B = B, .T = T};
}

static asc_hosted_what caller_step(caller *c)
{
    asc_error err = {0};
    int64_t s = asc_hosted_step(c->h), n = asc_hosted_sequences(c->h, s);
    double sum = 0, part = 0, tokens = (double)n * spec.model.context;
    for (int64_t at = 0; at < n; at += 3) {
        int B = n - at < 3 ? (int)(n - at) : 3;
        assert_int_equal(asc_hosted_rows(c->h, s, at, B, c->ids, c->targets, &err), ASC_OK);
        asc_batch b = batch_of(c, B, spec.model.context);
        assert_int_equal(asc_model_forward_backward(c->m, &b, 1 / tokens, &part, &err), ASC_OK);
        sum += part;
    }
    const asc_training_spec *t = &spec.training;
    int64_t ahead = asc_hosted_steps_ahead(c->h);
    asc_adamw a = {.lr = asc_hosted_lr(c->h, s), .beta1 = t->beta1, .beta2 = t->beta2, .eps = t->eps};
    a.weight_decay = t->weight_decay;
    a.clip = t->clip;
    a.step = asc_hosted_adamw_step(c->h, s);
    double norm = asc_model_step(c->m, &a);
    asc_hosted_what next;
    assert_int_equal(asc_hosted_take_step(c->h, sum / tokens, norm, &next, &err), ASC_OK);
    assert_true((ahead == 1) == (next != ASC_HOSTED_STEP));
    return next;
}

/* One window after the other, the last one short. */
static double caller_loss(caller *c, int64_t v, int64_t n)
{
    asc_error err = {0};
    double sum = 0, part = 0;
    int64_t counted = 0, here = 0;
    for (int64_t i = 0; i < n; i++) {
        assert_int_equal(asc_hosted_windows(c->h, v, i, 1, c->ids, c->targets, c->lengths, c->weights, &err), ASC_OK);
        asc_batch b = batch_of(c, 1, c->lengths[0]);
        assert_int_equal(asc_model_loss(c->m, &b, &part, &here, NULL, NULL, &err), ASC_OK);
        sum += c->weights[0] * part;
        counted += here;
    }
    return sum / (double)counted;
}

static asc_hosted_what caller_evaluate(caller *c)
{
    int64_t T = spec.model.context, n = (spec.valid_tokens - 1 + T - 1) / T;
    double loss[2] = {caller_loss(c, 0, n), caller_loss(c, 1, n)};
    asc_hosted_what next;
    assert_int_equal(asc_hosted_take_losses(c->h, loss, &next, NULL), ASC_OK);
    return next;
}

/* Until the end, or until `most` steps are made. */
static asc_hosted_what caller_run(caller *c, asc_hosted_what next, int64_t most)
{
    while ((next == ASC_HOSTED_STEP && asc_hosted_step(c->h) < most) || next == ASC_HOSTED_EVALUATE)
        next = next == ASC_HOSTED_STEP ? caller_step(c) : caller_evaluate(c);
    return next;
}

/* ---- tests ---- */

static void assert_close_results(const char *a_dir, const char *b_dir)
{
    asc_run_result a = {0}, b = {0};
    fixture_result(a_dir, &a);
    fixture_result(b_dir, &b);
    assert_string_equal(a.state, b.state);
    assert_string_equal(a.digest, b.digest);
    assert_true(a.n_curve > 0 && a.n_curve == b.n_curve);
    for (size_t k = 0; k < a.n_curve; k++) {
        assert_true(a.curve[k].tokens == b.curve[k].tokens);
        for (size_t v = 0; v < a.n_targets; v++) /* windows are summed one by one here: another order */
            assert_true(fabs(a.curve[k].loss[v] - b.curve[k].loss[v]) < 1e-6);
    }
    asc_run_result_clear(&a);
    asc_run_result_clear(&b);
}

static void assert_same_file(const char *a_dir, const char *b_dir, const char *name)
{
    char *a = asc_path_join(a_dir, name), *b = asc_path_join(b_dir, name), *x = NULL, *y = NULL;
    size_t n = 0, m = 0;
    assert_int_equal(asc_read_file(a, 1 << 26, &x, &n, NULL), ASC_OK);
    assert_int_equal(asc_read_file(b, 1 << 26, &y, &m, NULL), ASC_OK);
    assert_int_equal(n, m);
    assert_memory_equal(x, y, n);
    asc_free(a);
    asc_free(b);
    asc_free(x);
    asc_free(y);
}

static void hosted__gives_the_engines_own_weights(void **state)
{
    asc_error err = {0};
    char *ours = fixture_run(&f, &spec, "ours"), *theirs = fixture_run(&f, &spec, "theirs");
    if (asc_train_run(ours, NULL, NULL, &err) != ASC_OK)
        fail_msg("%s", err.msg);
    caller c;
    asc_hosted_what next = caller_open(&c, theirs);
    assert_int_equal(caller_run(&c, next, INT64_MAX), ASC_HOSTED_ENDED);
    copy(&c, true);
    assert_int_equal(asc_hosted_finish(c.h, &err), ASC_OK);
    caller_close(&c);
    assert_close_results(ours, theirs);
    assert_same_file(ours, theirs, "checkpoint/model.safetensors");
    assert_same_file(ours, theirs, "checkpoint/optimizer.safetensors");
    assert_int_equal(caller_open(&c, theirs), ASC_HOSTED_ENDED); /* a result is there */
    caller_close(&c);
    asc_free(ours);
    asc_free(theirs);
}

static void stop_at(void *ctx, const asc_train_status *s)
{
    if (s->step == *(int64_t *)ctx)
        asc_interrupt_set();
}

static void hosted__resumes_what_the_engine_began_and_the_engine_what_it_began(void **state)
{
    asc_error err = {0};
    char *ours = fixture_run(&f, &spec, "whole"), *shared = fixture_run(&f, &spec, "shared");
    assert_int_equal(asc_train_run(ours, NULL, NULL, &err), ASC_OK);
    int64_t at = 9;
    assert_int_equal(asc_train_run(shared, stop_at, &at, &err), ASC_EINTR);
    asc_interrupt_clear();
    caller c;
    asc_hosted_what next = caller_open(&c, shared);
    assert_in_range(asc_hosted_step(c.h), 8, 9);
    assert_int_equal(caller_run(&c, next, 30), ASC_HOSTED_STEP);
    copy(&c, true);
    assert_int_equal(asc_hosted_stop(c.h, &err), ASC_EINTR);
    caller_close(&c);
    assert_int_equal(asc_train_run(shared, NULL, NULL, &err), ASC_OK);
    assert_close_results(ours, shared);
    assert_same_file(ours, shared, "checkpoint/model.safetensors");
    asc_free(ours);
    asc_free(shared);
}

/* The run of spec made by the engine and outside: the same weights and moments. Its checkpoint. */
static char *assert_made_alike(const char *a, const char *b)
{
    asc_error err = {0};
    char *ours = fixture_run(&f, &spec, a), *theirs = fixture_run(&f, &spec, b);
    if (asc_train_run(ours, NULL, NULL, &err) != ASC_OK)
        fail_msg("%s", err.msg);
    caller c;
    asc_hosted_what next = caller_open(&c, theirs);
    assert_int_equal(caller_run(&c, next, 10), ASC_HOSTED_STEP); /* and from a checkpoint of its own */
    copy(&c, true);
    assert_int_equal(asc_hosted_stop(c.h, &err), ASC_EINTR);
    caller_close(&c);
    next = caller_open(&c, theirs);
    assert_int_equal(caller_run(&c, next, INT64_MAX), ASC_HOSTED_ENDED);
    copy(&c, true);
    assert_int_equal(asc_hosted_finish(c.h, &err), ASC_OK);
    caller_close(&c);
    assert_close_results(ours, theirs);
    assert_same_file(ours, theirs, "checkpoint/model.safetensors");
    assert_same_file(ours, theirs, "checkpoint/optimizer.safetensors");
    char *checkpoint = asc_path_join(ours, "checkpoint");
    asc_free(ours);
    asc_free(theirs);
    return checkpoint;
}

static void start_from(const char *checkpoint, asc_start with)
{
    char hex[65];
    asc_error err = {0};
    if (asc_init_digest(hex, checkpoint, with, &err) != ASC_OK)
        fail_msg("%s", err.msg);
    asc_free(spec.init_from);
    asc_free(spec.init_digest);
    spec.init_from = asc_strdup(checkpoint);
    spec.init_digest = asc_strdup(hex);
    spec.init_with = with;
}

/* A branch: from another run's moments, which are older than its steps, in its place, cooling down to a stop. */
static void hosted__goes_on_from_another_runs_moments_and_place(void **state)
{
    const double step = 8 * 32;
    spec.stop_tokens = 20 * step;
    char *trunk = assert_made_alike("trunk", "trunk-hosted");
    start_from(trunk, ASC_START_MOMENTS);
    char *again = assert_made_alike("again", "again-hosted");
    start_from(again, ASC_START_POSITION);
    spec.stop_tokens = 35 * step;
    spec.cool_tokens = 15 * step;
    char *dir = fixture_run(&f, &spec, "described");
    caller c;
    caller_open(&c, dir);
    assert_int_equal(asc_hosted_step(c.h), 20);
    assert_int_equal(asc_hosted_adamw_step(c.h, 20), 20 + 20 + 1);
    assert_true(asc_hosted_lr(c.h, 34) < asc_hosted_lr(c.h, 20) / 10);
    assert_non_null(strstr(asc_hosted_json(c.h), "\"end\":35"));
    caller_close(&c);
    spec.training.lr = 1e-3; /* another branch */
    asc_free(assert_made_alike("branch", "branch-hosted"));
    asc_free(dir);
    asc_free(again);
    asc_free(trunk);
}

static void add_part(const char *checkpoint, double weight)
{
    char hex[65];
    assert_int_equal(asc_init_digest(hex, checkpoint, ASC_START_WEIGHTS, NULL), ASC_OK);
    size_t k = spec.n_parts++;
    spec.part_from[k] = asc_strdup(checkpoint);
    spec.part_digests[k] = asc_strdup(hex);
    spec.part_weights[k] = weight;
}

static void hosted__merges_checkpoints_to_be_evaluated(void **state)
{
    asc_error err = {0};
    spec.stop_tokens = 20 * 8 * 32;
    char *base = assert_made_alike("base", "base-hosted");
    spec.training.seed++;
    char *other = assert_made_alike("other", "other-hosted");
    start_from(base, ASC_START_WEIGHTS);
    spec.part_from = asc_calloc(2, sizeof *spec.part_from);
    spec.part_digests = asc_calloc(2, sizeof *spec.part_digests);
    spec.part_weights = asc_calloc(2, sizeof *spec.part_weights);
    add_part(other, .3);
    spec.n_curve = 0;
    spec.keep_checkpoint = false;
    char *ours = fixture_run(&f, &spec, "merge"), *theirs = fixture_run(&f, &spec, "merge-hosted");
    assert_int_equal(asc_train_run(ours, NULL, NULL, &err), ASC_OK);
    caller c;
    assert_int_equal(caller_open(&c, theirs), ASC_HOSTED_EVALUATE);
    assert_false(asc_hosted_save_due(c.h));
    assert_int_equal(asc_hosted_stop(c.h, &err), ASC_EINTR);
    caller_close(&c);
    assert_int_equal(caller_open(&c, theirs), ASC_HOSTED_EVALUATE);
    assert_int_equal(caller_evaluate(&c), ASC_HOSTED_ENDED);
    assert_int_equal(asc_hosted_finish(c.h, &err), ASC_OK);
    caller_close(&c);
    assert_close_results(ours, theirs);
    assert_same_file(ours, theirs, "merge.json");
    char *left = asc_path_join(theirs, "merged");
    assert_false(asc_path_exists(left));
    asc_free(left);
    /* a loss that is not finite ends it: there is nothing to train again */
    spec.training.retry_on_divergence = 2;
    char *bad = fixture_run(&f, &spec, "merge-bad");
    double loss[2] = {NAN, 1};
    asc_hosted_what next;
    assert_int_equal(caller_open(&c, bad), ASC_HOSTED_EVALUATE);
    assert_int_equal(asc_hosted_take_losses(c.h, loss, &next, &err), ASC_OK);
    assert_int_equal(next, ASC_HOSTED_DIVERGED);
    assert_int_equal(asc_hosted_finish(c.h, &err), ASC_OK);
    caller_close(&c);
    asc_free(bad);
    asc_free(ours);
    asc_free(theirs);
    asc_free(base);
    asc_free(other);
}

static void hosted__divides_time_among_those_that_share_it(void **state)
{
    asc_error err = {0};
    char *dir = fixture_run(&f, &spec, "shares");
    caller c;
    asc_hosted_what next = caller_open(&c, dir);
    asc_hosted_share(c.h, 1 << 30);
    nanosleep(&(struct timespec){.tv_nsec = 400 * 1000 * 1000}, NULL);
    assert_int_equal(caller_run(&c, next, INT64_MAX), ASC_HOSTED_ENDED);
    assert_int_equal(asc_hosted_finish(c.h, &err), ASC_OK);
    caller_close(&c);
    asc_run_result r = {0};
    fixture_result(dir, &r);
    assert_true(r.wall_s >= 0 && r.wall_s < .4); /* the moment before it shared */
    asc_run_result_clear(&r);
    asc_free(dir);
}

static void hosted__restarts_and_ends_what_diverges(void **state)
{
    asc_error err = {0};
    spec.training.retry_on_divergence = 1;
    char *dir = fixture_run(&f, &spec, "diverges");
    caller c;
    asc_hosted_what next = caller_open(&c, dir);
    double rate = asc_hosted_lr(c.h, 20);
    assert_int_equal(asc_hosted_take_step(c.h, NAN, 1, &next, &err), ASC_OK);
    assert_int_equal(next, ASC_HOSTED_RESTARTED);
    assert_int_equal(asc_hosted_step(c.h), 0);
    assert_true(asc_hosted_lr(c.h, 20) < rate);
    assert_int_equal(asc_hosted_take_losses(c.h, c.weights, &next, &err), ASC_ESTATE);
    assert_int_equal(asc_hosted_finish(c.h, &err), ASC_ESTATE);
    assert_int_equal(asc_hosted_take_step(c.h, 5, INFINITY, &next, &err), ASC_OK);
    assert_int_equal(next, ASC_HOSTED_DIVERGED);
    assert_int_equal(asc_hosted_finish(c.h, &err), ASC_OK);
    caller_close(&c);
    asc_run_result r = {0};
    fixture_result(dir, &r);
    assert_string_equal(r.state, "diverged");
    assert_int_equal(r.n_retries, 1);
    asc_run_result_clear(&r);
    asc_free(dir);
}

static void hosted__refuses_what_is_not_there(void **state)
{
    asc_error err = {0};
    char *dir = fixture_run(&f, &spec, "bounds");
    caller c;
    caller_open(&c, dir);
    int64_t last = asc_hosted_sequences(c.h, 0);
    assert_int_equal(asc_hosted_rows(c.h, 0, last, 1, c.ids, c.targets, &err), ASC_EINVAL);
    assert_int_equal(asc_hosted_rows(c.h, -1, 0, 1, c.ids, c.targets, &err), ASC_EINVAL);
    assert_int_equal(asc_hosted_windows(c.h, 2, 0, 1, c.ids, c.targets, c.lengths, c.weights, &err), ASC_EINVAL);
    assert_int_equal(asc_hosted_windows(c.h, 0, 1000, 1, c.ids, c.targets, c.lengths, c.weights, &err), ASC_EINVAL);
    assert_non_null(strstr(asc_hosted_json(c.h), "\"wte.weight\""));
    caller_close(&c);
    asc_free(dir);
}

static void hosted__describes_a_run_without_its_token_files(void **state)
{
    asc_error err = {0};
    asc_hosted *h = NULL;
    asc_hosted_what next;
    int32_t ids[64], targets[64], length;
    double weight;
    spec.train_files[0][strlen(spec.train_files[0]) - 1] = '?';
    char *dir = fixture_run(&f, &spec, "described"), *lock = asc_path_join(dir, "run.lock");
    assert_int_equal(asc_hosted_open(&h, dir, "a test", 0, &err), ASC_EINVAL);
    assert_int_equal(unlink(lock), 0);
    if (asc_hosted_open(&h, dir, "a test", -1, &err) != ASC_OK)
        fail_msg("%s", err.msg);
    assert_non_null(strstr(asc_hosted_json(h), "\"params\""));
    assert_true(asc_hosted_params(h)[0] != 0);
    assert_int_equal(asc_hosted_start(h, &next, &err), ASC_OK);
    assert_int_equal(next, ASC_HOSTED_ENDED);
    assert_int_equal(asc_hosted_rows(h, 0, 0, 1, ids, targets, &err), ASC_EINVAL);
    assert_int_equal(asc_hosted_windows(h, 0, 0, 1, ids, targets, &length, &weight, &err), ASC_EINVAL);
    assert_int_equal(asc_hosted_finish(h, &err), ASC_OK);
    assert_int_equal(access(lock, F_OK), -1);
    asc_hosted_close(h);
    asc_free(dir);
    asc_free(lock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(hosted__gives_the_engines_own_weights, set_up, tear_down),
        cmocka_unit_test_setup_teardown(hosted__resumes_what_the_engine_began_and_the_engine_what_it_began, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(hosted__goes_on_from_another_runs_moments_and_place, set_up, tear_down),
        cmocka_unit_test_setup_teardown(hosted__merges_checkpoints_to_be_evaluated, set_up, tear_down),
        cmocka_unit_test_setup_teardown(hosted__divides_time_among_those_that_share_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(hosted__restarts_and_ends_what_diverges, set_up, tear_down),
        cmocka_unit_test_setup_teardown(hosted__refuses_what_is_not_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(hosted__describes_a_run_without_its_token_files, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
