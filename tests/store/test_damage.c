/* Each byte of a study.db changed in turn, as a bad disk would: what is read afterwards is what was written, or an
 * error that names the file. Nothing wrong ever comes out, and no row is lost without a word. */
#include "test.h"

#include "store/store.h"
#include "folder.h"

enum { N_RUNS = 12 };
static char *domains[] = {"books", "code"};
static const asc_store_names names = {2, 1, domains, domains};
static char dir[32];
static char *whole; /* (n_whole) bytes of the undamaged file */
static size_t n_whole;

static asc_store_run example(int i, char *id)
{
    static double tokens[2] = {1000, 2000};
    snprintf(id, 32, "s1-run-%d", i);
    return (asc_store_run){.id = id,
                           .kind = ASC_KIND_UP,
                           .mixture = "base",
                           .domain = i % 2 ? "code" : NULL,
                           .scale = 3000,
                           .seed = (uint64_t)i,
                           .n_domains = 2,
                           .tokens = tokens,
                           .state = ASC_RUN_DONE,
                           .attempts = i};
}

static void fill(asc_store *s)
{
    char id[32];
    asc_error err;
    for (int i = 0; i < N_RUNS; i++) {
        asc_store_run r = example(i, id);
        r.result = asc_result_create(2, 1); /* enough of them that the table takes two pages */
        assert_non_null(r.result);
        r.result->loss[0] = 2.5 + i;
        assert_int_equal(asc_store_add_runs(s, &r, 1, &err), ASC_OK);
        asc_result_free(r.result);
    }
    json_t *doc = json_pack("{s:s}", "state", "done");
    assert_int_equal(asc_store_put_doc(s, "summary", doc, &err), ASC_OK);
    json_decref(doc);
}

static void put_file(const char *bytes)
{
    char *path = asc_path_join(dir, "study.db");
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n_whole, f), n_whole);
    assert_int_equal(fclose(f), 0);
    asc_free(path);
}

static int set_up(void **state)
{
    asc_store *s = NULL;
    test_folder(dir);
    assert_int_equal(asc_store_open(&s, dir, NULL), ASC_OK);
    asc_store_set_names(s, &names);
    fill(s);
    asc_store_close(s);
    char *path = asc_path_join(dir, "study.db");
    assert_int_equal(asc_read_file(path, 1 << 24, &whole, &n_whole, NULL), ASC_OK);
    asc_free(path);
    return 0;
}

static int tear_down(void **state)
{
    asc_free(whole);
    return asc_remove_tree(dir, NULL) == ASC_OK ? 0 : 1;
}

static void assert_same_run(const asc_store_run *r, int i, size_t at)
{
    char id[32];
    asc_store_run want = example(i, id);
    if (strcmp(r->id, id) != 0 || r->kind != want.kind || r->scale != want.scale || r->seed != want.seed ||
        r->state != want.state || r->attempts != want.attempts || r->tokens[0] != 1000 || r->tokens[1] != 2000 ||
        r->result->loss[0] != 2.5 + i || (r->domain != NULL) != (want.domain != NULL))
        fail_msg("byte %zu: run %d came out wrong", at, i);
}

static asc_status read_all(size_t at, asc_error *err)
{
    asc_store *s = NULL;
    asc_store_run *runs = NULL;
    json_t *doc = NULL;
    size_t n = 0;
    ASC_TRY(asc_store_open(&s, dir, err));
    asc_store_set_names(s, &names);
    asc_status st = asc_store_runs(&runs, &n, s, err);
    if (st == ASC_OK && n != N_RUNS)
        fail_msg("byte %zu: %zu of %d runs, and no error", at, n, N_RUNS);
    for (size_t i = 0; i < n; i++)
        assert_same_run(&runs[i], (int)i, at);
    asc_store_runs_free(runs, n);
    if (st == ASC_OK)
        st = asc_store_get_doc(&doc, s, "summary", err);
    if (st == ASC_OK && !doc)
        fail_msg("byte %zu: no summary, and no error", at);
    if (doc)
        assert_string_equal(json_string_value(json_object_get(doc, "state")), "done");
    json_decref(doc);
    asc_store_close(s);
    return st;
}

static void store__a_changed_byte_is_found_or_does_not_matter(void **state)
{
    enum { HEADERS = 112 }; /* of the file and of its first page: every bit */
    size_t n_found = 0, n = 0, step = getenv("ASC_SMALL") ? 23 : 1;
    for (size_t k = 0; k < 8 * HEADERS + n_whole; k += step, n++) {
        size_t at = k < 8 * HEADERS ? k / 8 : k - 8 * HEADERS;
        char bit = (char)(1 << k % 8);
        asc_error err = {0};
        whole[at] ^= bit;
        put_file(whole);
        whole[at] ^= bit;
        asc_status st = read_all(at, &err);
        if (st != ASC_OK && (!strstr(err.msg, "study.db") || strchr(err.msg, '\n')))
            fail_msg("byte %zu: %s", at, err.msg);
        n_found += st != ASC_OK;
    }
    print_message("%zu of %zu changes found\n", n_found, n);
    assert_true(n_found > n / 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(store__a_changed_byte_is_found_or_does_not_matter)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
