/* Every single call of one run that can fail is made to fail, one after the other: the run ends with an error of one
 * line (or goes on where the failure does not matter), and started again it ends with the numbers of an undisturbed
 * one. Under the sanitizers nothing may leak either. */
#include "test.h"

#include "train_fixture.h"

static fixture f;
static char *calm; /* the undisturbed run's folder */

/* Two steps with a checkpoint after each, evaluated twice. */
static char *new_run(const char *name)
{
    asc_run_spec s;
    fixture_spec(&f, &s);
    s.model.n_layers = 1;
    s.model.width = 8;
    s.model.context = 8;
    s.training.batch_tokens = 16;
    s.training.micro_batch = 2;
    s.tokens[0] = 16;
    s.tokens[1] = 16;
    s.valid_tokens = 20;
    s.n_curve = 1;
    s.checkpoint_s = 0;
    s.keep_checkpoint = true;
    char *dir = fixture_run(&f, &s, name);
    asc_run_spec_clear(&s);
    return dir;
}

static void remove_run(char *dir)
{
    assert_int_equal(asc_remove_tree(dir, NULL), ASC_OK);
    asc_free(dir);
}

static void assert_same_file(const char *a_dir, const char *b_dir, const char *name)
{
    char *a = asc_path_join(a_dir, name), *b = asc_path_join(b_dir, name), *x = NULL, *y = NULL;
    size_t n, m;
    assert_int_equal(asc_read_file(a, 1 << 24, &x, &n, NULL), ASC_OK);
    assert_int_equal(asc_read_file(b, 1 << 24, &y, &m, NULL), ASC_OK);
    assert_true(n == m && memcmp(x, y, n) == 0);
    asc_free(a);
    asc_free(b);
    asc_free(x);
    asc_free(y);
}

static void assert_same_result(const char *dir)
{
    asc_run_result a = {0}, b = {0};
    fixture_result(calm, &a);
    fixture_result(dir, &b);
    assert_true(a.n_targets == b.n_targets && a.n_curve == b.n_curve && a.tokens == b.tokens && a.lr == b.lr);
    assert_memory_equal(a.loss, b.loss, a.n_targets * sizeof *a.loss);
    for (size_t i = 0; i < a.n_curve; i++)
        assert_memory_equal(a.curve[i].loss, b.curve[i].loss, a.n_targets * sizeof *a.loss);
    assert_same_file(calm, dir, "checkpoint/model.safetensors");
    assert_same_file(calm, dir, "checkpoint/optimizer.safetensors");
    asc_run_result_clear(&a);
    asc_run_result_clear(&b);
}

/* One run with a fault, then one without. False when the fault lies behind the run's last call. */
static bool survives(asc_fault_kind kind, uint64_t n, void (*arm)(asc_fault_kind, uint64_t))
{
    asc_error err = {0};
    char *dir = new_run("faulty");
    arm(kind, n);
    asc_status st = asc_train_run(dir, NULL, NULL, &err);
    bool hit = asc_fault_count(kind) >= n;
    asc_fault_arm(kind, 0);
    if (st != ASC_OK && (!hit || (st != ASC_ENOMEM && st != ASC_EIO) || !err.msg[0] || strchr(err.msg, '\n')))
        fail_msg("kind %d, call %llu: status %d: %s", kind, (unsigned long long)n, st, err.msg);
    st = asc_train_run(dir, NULL, NULL, &err);
    if (st != ASC_OK)
        fail_msg("kind %d, call %llu: afterwards: %s", kind, (unsigned long long)n, err.msg);
    assert_same_result(dir);
    remove_run(dir);
    return hit;
}

static uint64_t survives_all(asc_fault_kind kind, uint64_t step, void (*arm)(asc_fault_kind, uint64_t))
{
    uint64_t n = 1;
    while (survives(kind, n, arm))
        n += step;
    return n - 1;
}

static void run__survives_every_failed_allocation(void **state)
{
    uint64_t n = survives_all(ASC_FAULT_ALLOC, fixture_small() ? 13 : 1, asc_fault_arm);
    print_message("%llu allocations\n", (unsigned long long)n);
    assert_true(n > 500);
}

static void run__survives_every_failed_open_write_sync_and_rename(void **state)
{
    static const asc_fault_kind kinds[] = {ASC_FAULT_OPEN, ASC_FAULT_WRITE, ASC_FAULT_FSYNC, ASC_FAULT_RENAME};
    for (size_t k = 0; k < 4; k++) {
        uint64_t n = survives_all(kinds[k], fixture_small() ? 3 : 1, asc_fault_arm);
        print_message("kind %d: %llu calls\n", kinds[k], (unsigned long long)n);
        assert_true(n > 5);
    }
}

/* As on a disk that is full, or a file server that is gone: that call and all after it. */
static void run__survives_a_disk_full_from_every_write_on(void **state)
{
    assert_true(survives_all(ASC_FAULT_WRITE, fixture_small() ? 5 : 1, asc_fault_arm_from) > 5);
}

/* In the middle of a file: what is written of it stands there, cut off. */
static void run__survives_a_disk_full_after_any_byte(void **state)
{
    asc_rng rng;
    asc_fault_arm(ASC_FAULT_BYTES, 0);
    char *dir = new_run("counted");
    assert_int_equal(asc_train_run(dir, NULL, NULL, NULL), ASC_OK);
    uint64_t total = asc_fault_count(ASC_FAULT_BYTES);
    remove_run(dir);
    asc_rng_init(&rng, 1, "bytes", 0);
    for (int i = 0; i < (fixture_small() ? 20 : 100); i++)
        survives(ASC_FAULT_BYTES, 1 + asc_rng_below(&rng, total), asc_fault_arm);
}

static int set_up(void **state)
{
    fixture_init(&f);
    calm = new_run("calm");
    return asc_train_run(calm, NULL, NULL, NULL) == ASC_OK ? 0 : 1;
}

static int tear_down(void **state)
{
    asc_free(calm);
    fixture_clear(&f);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(run__survives_every_failed_allocation),
        cmocka_unit_test(run__survives_every_failed_open_write_sync_and_rename),
        cmocka_unit_test(run__survives_a_disk_full_from_every_write_on),
        cmocka_unit_test(run__survives_a_disk_full_after_any_byte),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
