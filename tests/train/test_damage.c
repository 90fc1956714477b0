/* Bytes changed in what a run reads and leaves: token files, run.json, the checkpoint, result.json. Each change is
 * found and the file named, or the run ends with the numbers of an undisturbed one: nothing damaged is trained on. */
#include "test.h"

#include "train_fixture.h"

static fixture f;
static asc_run_spec spec;
static char *calm;

/* A byte is changed at every `step`-th place; the runs behind them take milliseconds. */
static size_t stride(size_t step)
{
    return fixture_small() ? 7 * step : step;
}

static char *read_bytes(const char *dir, const char *name, size_t *n)
{
    char *path = asc_path_join(dir, name), *bytes = NULL;
    asc_error err = {0};
    if (asc_read_file(path, 1 << 24, &bytes, n, &err) != ASC_OK)
        fail_msg("%s", err.msg);
    asc_free(path);
    return bytes;
}

static void put_bytes(const char *dir, const char *name, const char *bytes, size_t n)
{
    char *path = asc_path_join(dir, name);
    assert_int_equal(asc_write_file(path, bytes, n, NULL), ASC_OK);
    asc_free(path);
}

static void put_damaged(const char *dir, const char *name, char *bytes, size_t n, size_t at)
{
    char keep = bytes[at];
    bytes[at] ^= (char)(1 << at % 8);
    put_bytes(dir, name, bytes, n);
    bytes[at] = keep;
}

static void stop_at_once(void *ctx, const asc_train_status *s)
{
    asc_interrupt_set();
}

/* A new folder with the run, stopped after its first step: there is a checkpoint. */
static char *begun(const char *name)
{
    char *dir = fixture_run(&f, &spec, name);
    assert_int_equal(asc_train_run(dir, stop_at_once, NULL, NULL), ASC_EINTR);
    asc_interrupt_clear();
    return dir;
}

static void assert_same_numbers(const char *dir, const char *name, size_t at)
{
    asc_run_result a = {0}, b = {0};
    fixture_result(calm, &a);
    fixture_result(dir, &b);
    if (a.tokens != b.tokens || a.n_curve != b.n_curve || a.lr != b.lr ||
        memcmp(a.loss, b.loss, a.n_targets * sizeof *a.loss) != 0)
        fail_msg("%s, byte %zu: other numbers", name, at);
    asc_run_result_clear(&a);
    asc_run_result_clear(&b);
}

static void remove_file(const char *dir, const char *name)
{
    char *path = asc_path_join(dir, name);
    assert_int_equal(unlink(path), 0);
    asc_free(path);
}

/* Run after run on one damaged file of `where`; those that come to an end must have the right numbers. */
static size_t n_refused(const char *where, const char *name, size_t step)
{
    size_t n, refused = 0;
    char *bytes = read_bytes(where, name, &n), *dir = fixture_run(&f, &spec, "damaged");
    for (size_t at = 0; at < n; at += step) {
        asc_error err = {0};
        put_damaged(where, name, bytes, n, at);
        if (asc_train_run(dir, NULL, NULL, &err) == ASC_OK) {
            assert_same_numbers(dir, name, at);
            remove_file(dir, "result.json");
        } else if (!strstr(err.msg, name) || strchr(err.msg, '\n'))
            fail_msg("%s, byte %zu: %s", name, at, err.msg);
        else
            refused++;
    }
    put_bytes(where, name, bytes, n);
    assert_int_equal(asc_remove_tree(dir, NULL), ASC_OK);
    asc_free(bytes);
    asc_free(dir);
    return refused;
}

static void damage__in_a_token_file_is_never_trained_on(void **state)
{
    assert_true(n_refused(f.dir, "code.train.bin", stride(2001)) > 0);
    assert_true(n_refused(f.dir, "docs.valid.bin", stride(501)) > 0);
}

static void damage__in_an_index_or_its_checksums_is_named(void **state)
{
    size_t n;
    asc_free(read_bytes(f.dir, "code.train.idx", &n));
    assert_int_equal(n_refused(f.dir, "code.train.idx", 1), n);
    asc_free(read_bytes(f.dir, "code.train.sum", &n));
    assert_int_equal(n_refused(f.dir, "code.train.sum", 1), n);
}

static void damage__in_a_checkpoint_costs_no_more_than_the_checkpoint(void **state)
{
    static const char *const names[] = {"checkpoint/model.safetensors", "checkpoint/optimizer.safetensors",
                                        "checkpoint/config.json", "checkpoint/state.json"};
    for (size_t i = 0; i < 4; i++) {
        char *dir = begun("checkpoint");
        size_t n, k = 0;
        char *bytes = read_bytes(dir, names[i], &n);
        assert_int_equal(asc_remove_tree(dir, NULL), ASC_OK);
        asc_free(dir);
        for (size_t at = 0; at < n; at += stride(n / 40 + 1), k++) {
            dir = begun("checkpoint");
            put_damaged(dir, names[i], bytes, n, at);
            assert_int_equal(asc_train_run(dir, NULL, NULL, NULL), ASC_OK);
            assert_same_numbers(dir, names[i], at);
            assert_int_equal(asc_remove_tree(dir, NULL), ASC_OK);
            asc_free(dir);
        }
        assert_true(k >= 5);
        asc_free(bytes);
    }
}

/* By whoever reads it: the coordinator asks for a checksum of its own runs. */
static void damage__in_a_result_is_found_at_every_byte(void **state)
{
    size_t n, found = 0;
    char *bytes = read_bytes(calm, "result.json", &n), *dir = fixture_path(&f, "");
    char *path = asc_path_join(dir, "result.json");
    for (size_t at = 0; at < n; at++)
        for (int bit = 0; bit < 8; bit++) {
            asc_run_result r = {0};
            asc_error err = {0};
            bytes[at] ^= (char)(1 << bit);
            asc_status st = asc_run_result_parse(&r, "result.json", bytes, n, NULL, 0, &err);
            bytes[at] ^= (char)(1 << bit);
            if (st == ASC_OK && r.sealed) { /* white space */
                put_bytes(dir, "result.json", bytes, n);
                assert_same_numbers(dir, "result.json", at);
            } else if (st != ASC_OK && !strstr(err.msg, "result.json"))
                fail_msg("byte %zu: %s", at, err.msg);
            else
                found++;
            asc_run_result_clear(&r);
        }
    assert_true(found > 6 * n);
    asc_free(bytes);
    asc_free(path);
    asc_free(dir);
}

static void damage__in_a_run_json_is_found_at_every_byte(void **state)
{
    size_t n, found = 0;
    char *bytes = read_bytes(calm, "run.json", &n);
    for (size_t at = 0; at < n; at++)
        for (int bit = 0; bit < 8; bit++) {
            asc_run_spec s = {0};
            asc_error err = {0};
            bool same = false;
            bytes[at] ^= (char)(1 << bit);
            asc_status st = asc_run_spec_parse(&s, "run.json", "/", bytes, n, &err);
            bytes[at] ^= (char)(1 << bit);
            if (st == ASC_OK) {
                assert_int_equal(asc_run_spec_same(&same, &s, &spec, NULL), ASC_OK);
                assert_true(same);
            } else if (!strstr(err.msg, "run.json"))
                fail_msg("byte %zu: %s", at, err.msg);
            found += st != ASC_OK;
            asc_run_spec_clear(&s);
        }
    assert_true(found > 6 * n);
    asc_free(bytes);
}

static int set_up(void **state)
{
    fixture_init(&f);
    fixture_spec(&f, &spec);
    spec.model.n_layers = 1;
    spec.model.width = 8;
    spec.model.context = 8;
    spec.training.batch_tokens = 16;
    spec.tokens[0] = spec.tokens[1] = 16;
    spec.valid_tokens = 20;
    spec.n_curve = 0;
    spec.isa = ASC_ISA_PLAIN;
    calm = fixture_run(&f, &spec, "calm");
    return asc_train_run(calm, NULL, NULL, NULL) == ASC_OK ? 0 : 1;
}

static int tear_down(void **state)
{
    asc_run_spec_clear(&spec);
    asc_free(calm);
    fixture_clear(&f);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(damage__in_a_token_file_is_never_trained_on),
        cmocka_unit_test(damage__in_an_index_or_its_checksums_is_named),
        cmocka_unit_test(damage__in_a_checkpoint_costs_no_more_than_the_checkpoint),
        cmocka_unit_test(damage__in_a_result_is_found_at_every_byte),
        cmocka_unit_test(damage__in_a_run_json_is_found_at_every_byte),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
