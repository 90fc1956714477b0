#include "test.h"

#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/store.h"
#include "folder.h"
#include "store_private.h"

static char *test_tmpdir(void)
{
    char *dir = malloc(32);
    assert_non_null(dir);
    test_folder(dir);
    return dir;
}

static void test_rmdir(char *dir)
{
    asc_error err;
    assert_int_equal(asc_remove_tree(dir, &err), ASC_OK);
    free(dir);
}

static asc_store_run example(const char *id)
{
    static double tokens[2] = {1000, 2000};
    return (asc_store_run){.id = (char *)id,
                           .kind = ASC_KIND_UP,
                           .mixture = "base",
                           .domain = "code",
                           .scale = 3000,
                           .seed = 7,
                           .n_domains = 2,
                           .tokens = tokens};
}

static char *domains[] = {"books", "code"}, *targets[] = {"books", "code", "news"};
static const asc_store_names names = {2, 3, domains, targets};

/* Two points of a curve, one loss not measured, tokens of one domain not said. */
static asc_result *example_result(void)
{
    asc_result *r = asc_result_create(2, 3);
    assert_non_null(r);
    assert_int_equal(asc_result_set_curve(r, 2, NULL), ASC_OK);
    r->tokens = 3000;
    r->domain_tokens[1] = 2000;
    r->wall_s = 12.5;
    r->lr = 1. / 3;
    r->n_retries = 1;
    r->bursts = (asc_bursts){.n = 2, .step = 43, .tokens = 640, .grad_norm = 20.5, .times = 50, .loss_up = -.25};
    for (size_t v = 0; v < 3; v++)
        r->loss[v] = 1 / (v + 3.);
    for (size_t i = 0; i < 2; i++) {
        r->curve_tokens[i] = 1000. * (double)(i + 1);
        for (size_t v = 0; v < 2; v++)
            r->curve_loss[i * 3 + v] = 2 / (double)(3 * i + v + 7);
    }
    return r;
}

static void assert_same_doubles(const double *a, const double *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        assert_true(a[i] == b[i] || (isnan(a[i]) && isnan(b[i])));
}

/* To the last bit. */
static void assert_same_result(const asc_result *a, const asc_result *b)
{
    assert_int_equal(a->n_domains, b->n_domains);
    assert_int_equal(a->n_targets, b->n_targets);
    assert_int_equal(a->n_curve, b->n_curve);
    assert_int_equal(a->n_retries, b->n_retries);
    assert_same_doubles((double[]){a->tokens, a->wall_s, a->tokens_per_s, a->lr},
                        (double[]){b->tokens, b->wall_s, b->tokens_per_s, b->lr}, 4);
    assert_same_doubles(a->domain_tokens, b->domain_tokens, a->n_domains);
    assert_same_doubles(a->loss, b->loss, a->n_targets);
    assert_same_doubles(a->curve_tokens, b->curve_tokens, a->n_curve);
    assert_same_doubles(a->curve_loss, b->curve_loss, a->n_curve * a->n_targets);
    assert_int_equal(a->bursts.n, b->bursts.n);
    assert_int_equal(a->bursts.step, b->bursts.step);
    assert_true(a->bursts.tokens == b->bursts.tokens && a->bursts.grad_norm == b->bursts.grad_norm &&
                a->bursts.times == b->bursts.times && a->bursts.loss_up == b->bursts.loss_up);
}

static void open_ok(asc_store **s, const char *dir)
{
    asc_error err;
    if (asc_store_open(s, dir, &err) != ASC_OK)
        fail_msg("%s", err.msg);
}

static void store__keeps_runs_in_order_and_updates_them(void **state)
{
    char *dir = test_tmpdir();
    asc_store *s;
    asc_error err;
    open_ok(&s, dir);
    asc_store_run two[2] = {example("s1-up-code"), example("s1-base-r0")};
    two[1].domain = NULL;
    assert_int_equal(asc_store_add_runs(s, two, 2, &err), ASC_OK);
    two[0].seed = 99; /* known ids are left as they are */
    assert_int_equal(asc_store_add_runs(s, two, 2, &err), ASC_OK);
    two[0].seed = 7;
    two[0].state = ASC_RUN_DONE;
    two[0].attempts = 2;
    two[0].result = example_result();
    asc_store_set_names(s, &names);
    assert_int_equal(asc_store_update_run(s, &two[0], &err), ASC_OK);
    asc_store_close(s);

    open_ok(&s, dir);
    asc_store_set_names(s, &names);
    asc_store_run *runs;
    size_t n;
    assert_int_equal(asc_store_runs(&runs, &n, s, &err), ASC_OK);
    assert_int_equal(n, 2);
    assert_string_equal(runs[0].id, "s1-up-code");
    assert_string_equal(runs[0].domain, "code");
    assert_int_equal(runs[0].seed, 7);
    assert_int_equal(runs[0].state, ASC_RUN_DONE);
    assert_int_equal(runs[0].attempts, 2);
    assert_true(runs[0].tokens[1] == 2000);
    assert_same_result(runs[0].result, two[0].result);
    assert_null(runs[1].domain);
    assert_null(runs[1].result);
    asc_store_runs_free(runs, n);

    asc_store_set_names(s, &(asc_store_names){0}); /* a reader that asks for no names: the figures alone */
    assert_int_equal(asc_store_runs(&runs, &n, s, &err), ASC_OK);
    assert_int_equal(runs[0].result->n_targets, 0);
    assert_int_equal(runs[0].result->n_curve, 0);
    assert_true(runs[0].result->wall_s == 12.5 && runs[0].result->bursts.step == 43);
    asc_store_runs_free(runs, n);
    asc_result_free(two[0].result);
    asc_store_close(s);
    test_rmdir(dir);
}

static void store__names_a_row_whose_bits_changed(void **state)
{
    char *dir = test_tmpdir();
    asc_store *s;
    asc_error err;
    open_ok(&s, dir);
    asc_store_run r = example("s1-up-code");
    assert_int_equal(asc_store_add_runs(s, &r, 1, &err), ASC_OK);
    assert_int_equal(asc__db_exec(s, "UPDATE runs SET seed=8", &err), ASC_OK);
    asc_store_run *runs;
    size_t n;
    assert_int_equal(asc_store_runs(&runs, &n, s, &err), ASC_ESTATE);
    assert_non_null(strstr(err.msg, "s1-up-code"));
    json_t *doc = json_pack("{s:i}", "a", 1);
    assert_int_equal(asc_store_put_doc(s, "summary", doc, &err), ASC_OK);
    json_decref(doc);
    assert_int_equal(asc__db_exec(s, "UPDATE docs SET json='{\"a\":2}'", &err), ASC_OK);
    assert_int_equal(asc_store_get_doc(&doc, s, "summary", &err), ASC_ESTATE);
    assert_non_null(strstr(err.msg, "summary"));
    asc_store_close(s);
    test_rmdir(dir);
}

static void store__documents_are_replaced_and_absent_ones_are_null(void **state)
{
    char *dir = test_tmpdir();
    asc_store *s;
    asc_error err;
    open_ok(&s, dir);
    json_t *doc = (json_t *)1;
    assert_int_equal(asc_store_get_doc(&doc, s, "summary", &err), ASC_OK);
    assert_null(doc);
    for (int i = 1; i <= 2; i++) {
        doc = json_pack("{s:i}", "a", i);
        assert_int_equal(asc_store_put_doc(s, "summary", doc, &err), ASC_OK);
        json_decref(doc);
    }
    assert_int_equal(asc_store_get_doc(&doc, s, "summary", &err), ASC_OK);
    assert_int_equal(json_integer_value(json_object_get(doc, "a")), 2);
    json_decref(doc);
    asc_store_close(s);
    test_rmdir(dir);
}

static void store__one_coordinator_at_a_time_and_readers_beside_it(void **state)
{
    char *dir = test_tmpdir();
    asc_store *s, *other, *reader;
    asc_error err;
    asc_store_owner o;
    open_ok(&s, dir);
    assert_int_equal(asc_store_open(&other, dir, &err), ASC_ESTATE);
    char pid[32];
    snprintf(pid, sizeof pid, "process %d", (int)getpid());
    assert_non_null(strstr(err.msg, pid));
    assert_int_equal(asc_store_owner_get(&o, dir, &err), ASC_OK);
    assert_true(o.alive && o.here && o.pid == getpid());
    assert_int_equal(asc_store_open_readonly(&reader, dir, &err), ASC_OK);
    json_t *doc = json_object();
    assert_int_not_equal(asc_store_put_doc(reader, "x", doc, &err), ASC_OK);
    json_decref(doc);
    asc_store_close(reader);
    asc_store_close(s);
    assert_int_equal(asc_store_owner_get(&o, dir, &err), ASC_OK);
    assert_false(o.alive);
    open_ok(&s, dir);
    asc_store_close(s);
    test_rmdir(dir);
}

/* A child that dies holding the lock leaves it free, and what it committed. */
static void store__lock_of_a_killed_process_is_taken_over(void **state)
{
    char *dir = test_tmpdir();
    asc_error err;
    pid_t child = fork();
    if (child == 0) {
        asc_store *s;
        asc_store_run r = example("s1-up-code");
        if (asc_store_open(&s, dir, &err) != ASC_OK || asc_store_add_runs(s, &r, 1, &err) != ASC_OK)
            _exit(1);
        kill(getpid(), SIGKILL);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    asc_store *s;
    asc_store_run *runs;
    size_t n;
    open_ok(&s, dir);
    assert_int_equal(asc_store_runs(&runs, &n, s, &err), ASC_OK);
    assert_int_equal(n, 1);
    asc_store_runs_free(runs, n);
    asc_store_close(s);
    test_rmdir(dir);
}

/* A child between fork and exec holds the locks of its killed parent for a moment more. */
static void store__locks_that_outlive_their_process_are_waited_for(void **state)
{
    char *dir = test_tmpdir();
    asc_error err;
    asc_store *s;
    pid_t child = fork();
    if (child == 0) {
        if (asc_store_open(&s, dir, &err) != ASC_OK)
            _exit(1);
        pid_t late = fork();
        if (late == 0) {
            const struct timespec pause = {.tv_nsec = 300000000};
            nanosleep(&pause, NULL);
            _exit(0);
        }
        kill(getpid(), SIGKILL);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    open_ok(&s, dir);
    asc_store_close(s);
    test_rmdir(dir);
}

static void store__a_living_coordinator_on_another_host_is_respected(void **state)
{
    char *dir = test_tmpdir(), *path = asc_path_join(dir, "study.lock");
    asc_error err;
    asc_store *s;
    const char *text = "{\"host\":\"elsewhere\",\"pid\":4242,\"started\":1,\"released\":false}";
    assert_int_equal(asc_write_file(path, text, strlen(text), &err), ASC_OK);
    assert_int_equal(asc_store_open(&s, dir, &err), ASC_ESTATE);
    assert_non_null(strstr(err.msg, "elsewhere"));
    struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}}; /* no output in its log for years */
    assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
    assert_int_equal(asc_store_open(&s, dir, &err), ASC_OK);
    asc_store_close(s);
    asc_free(path);
    test_rmdir(dir);
}

static void store__says_what_is_wrong_with_a_folder(void **state)
{
    char *dir = test_tmpdir(), *path = asc_path_join(dir, "study.db");
    asc_store *s;
    asc_error err;
    assert_int_equal(asc_store_open_readonly(&s, dir, &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "no study here"));
    char junk[4096];
    memset(junk, 'x', sizeof junk);
    assert_int_equal(asc_write_file(path, junk, sizeof junk, &err), ASC_OK);
    assert_int_equal(asc_store_open(&s, dir, &err), ASC_ESTATE);
    assert_non_null(strstr(err.msg, "study.db"));
    assert_int_equal(asc_store_open_readonly(&s, dir, &err), ASC_ESTATE);
    asc_free(path);
    test_rmdir(dir);
}

/* Every allocation, open, write and sync, ours and SQLite's, and every statement made to fail in turn: an error each
 * time, and the store as it was or as asked. */
static asc_status write_some(const char *dir, asc_error *err)
{
    asc_store *s;
    ASC_TRY(asc_store_open(&s, dir, err));
    asc_store_run r = example("s1-up-code");
    asc_status st = asc_store_add_runs(s, &r, 1, err);
    r.state = ASC_RUN_DONE;
    if (st == ASC_OK)
        st = asc_store_update_run(s, &r, err);
    asc_store_run *runs = NULL;
    size_t n = 0;
    if (st == ASC_OK)
        st = asc_store_runs(&runs, &n, s, err);
    asc_store_runs_free(runs, n);
    asc_store_close(s);
    return st;
}

static uint64_t survives_every_failed(asc_fault_kind kind, uint64_t step, void (*arm)(asc_fault_kind, uint64_t))
{
    asc_error err;
    for (uint64_t nth = 1;; nth += step) {
        char *dir = test_tmpdir();
        arm(kind, nth);
        asc_status st = write_some(dir, &err);
        bool hit = asc_fault_count(kind) >= nth;
        asc_fault_arm(kind, 0);
        assert_true(st == ASC_OK || hit);
        if (write_some(dir, &err) != ASC_OK)
            fail_msg("kind %d, call %llu: afterwards: %s", kind, (unsigned long long)nth, err.msg);
        test_rmdir(dir);
        if (!hit)
            return nth - 1;
    }
}

static void store__survives_every_failed_allocation(void **state)
{
    assert_true(survives_every_failed(ASC_FAULT_ALLOC, getenv("ASC_SMALL") ? 7 : 1, asc_fault_arm) > 100);
}

static void store__survives_every_failed_open_write_sync_and_step(void **state)
{
    static const asc_fault_kind kinds[] = {ASC_FAULT_OPEN, ASC_FAULT_WRITE, ASC_FAULT_FSYNC, ASC_FAULT_STEP};
    for (size_t k = 0; k < 4; k++) {
        assert_true(survives_every_failed(kinds[k], 1, asc_fault_arm) > 2);
        survives_every_failed(kinds[k], 1, asc_fault_arm_from); /* and all after it */
    }
}

static void store__holds_a_hundred_thousand_runs(void **state)
{
    size_t n = getenv("ASC_SMALL") ? 2000 : 100000, found = 0;
    char *dir = test_tmpdir(), (*ids)[24] = malloc(n * sizeof *ids);
    asc_store_run *runs = malloc(n * sizeof *runs), *read = NULL;
    asc_store *s;
    asc_error err;
    assert_true(ids && runs);
    for (size_t i = 0; i < n; i++) {
        snprintf(ids[i], sizeof ids[i], "s1-run-%zu", i);
        runs[i] = example(ids[i]);
    }
    open_ok(&s, dir);
    assert_int_equal(asc_store_add_runs(s, runs, n, &err), ASC_OK);
    asc_store_close(s);
    open_ok(&s, dir); /* with its check of the whole file */
    runs[n - 1].state = ASC_RUN_DONE;
    assert_int_equal(asc_store_update_run(s, &runs[n - 1], &err), ASC_OK);
    assert_int_equal(asc_store_runs(&read, &found, s, &err), ASC_OK);
    assert_int_equal(found, n);
    for (size_t i = 0; i < n; i++)
        assert_string_equal(read[i].id, ids[i]);
    assert_int_equal(read[n - 1].state, ASC_RUN_DONE);
    asc_store_runs_free(read, found);
    asc_store_close(s);
    free(runs);
    free(ids);
    test_rmdir(dir);
}

/* SQLite calls a database whose folder was renamed read-only; people would look for rights. */
static void store__a_folder_that_moved_is_no_read_only_one(void **state)
{
    char *dir = test_tmpdir();
    char away[64];
    asc_store *s;
    asc_error err = {0};
    open_ok(&s, dir);
    asc_store_run one = example("s1-up-code");
    assert_int_equal(asc_store_add_runs(s, &one, 1, &err), ASC_OK);
    snprintf(away, sizeof away, "%s.away", dir);
    assert_int_equal(rename(dir, away), 0);
    one.attempts = 3;
    assert_int_equal(asc_store_update_run(s, &one, &err), ASC_EIO);
    assert_true(strstr(err.msg, "moved or deleted") && !strstr(err.msg, "read-only"));
    assert_int_equal(rename(away, dir), 0);
    asc_store_close(s);
    test_rmdir(dir);
}

int main(void)
{
    asc_error err;
    if (asc_store_use_faults(&err) != ASC_OK)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(store__keeps_runs_in_order_and_updates_them),
        cmocka_unit_test(store__a_folder_that_moved_is_no_read_only_one),
        cmocka_unit_test(store__names_a_row_whose_bits_changed),
        cmocka_unit_test(store__documents_are_replaced_and_absent_ones_are_null),
        cmocka_unit_test(store__one_coordinator_at_a_time_and_readers_beside_it),
        cmocka_unit_test(store__lock_of_a_killed_process_is_taken_over),
        cmocka_unit_test(store__locks_that_outlive_their_process_are_waited_for),
        cmocka_unit_test(store__a_living_coordinator_on_another_host_is_respected),
        cmocka_unit_test(store__says_what_is_wrong_with_a_folder),
        cmocka_unit_test(store__holds_a_hundred_thousand_runs),
        cmocka_unit_test(store__survives_every_failed_allocation),
        cmocka_unit_test(store__survives_every_failed_open_write_sync_and_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
