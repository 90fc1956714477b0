#include "text_test.h"

static char list[2000];

/* Names below the work folder, one blank after each. */
static asc_status discover(const char *const *patterns, size_t n, asc_error *err)
{
    char **files = NULL;
    size_t n_files = 0;
    list[0] = 0;
    asc_status st = asc_text_discover(&files, &n_files, (char *const *)(uintptr_t)patterns, n, work_dir, err);
    for (size_t i = 0; st == ASC_OK && i < n_files; i++) {
        strcat(list, files[i] + strlen(work_dir) + 1);
        strcat(list, " ");
    }
    asc_text_discover_free(files, n_files);
    return st;
}

static void expect(const char *pattern, const char *want)
{
    asc_error err = {0};
    assert_ok(discover(&pattern, 1, &err), &err);
    assert_string_equal(list, want);
}

static int setup(void **state)
{
    static const char *const names[] = {"a/x.c",         "a/y.h",  "a/b/x.c", "a/b/c/z.c",
                                        "a/.hidden/x.c", "a/.x.c", "top.c",   "odd[1].txt"};
    int rc = make_work_dir(state);
    for (size_t i = 0; rc == 0 && i < sizeof names / sizeof *names; i++)
        put_text(in_work(names[i]), "x");
    return rc != 0 || symlink("..", in_work("a/loop")) != 0 ? -1 : 0;
}

static void discover__files_folders_and_globs(void **state)
{
    expect("top.c", "top.c ");
    expect("a", "a/b/c/z.c a/b/x.c a/x.c a/y.h ");
    expect("a/*.c", "a/x.c ");
    expect("a/**/*.c", "a/b/c/z.c a/b/x.c a/x.c ");
    expect("**/*.h", "a/y.h ");
    expect("a/**", "a/b/c/z.c a/b/x.c a/x.c a/y.h ");
    expect("a/**/c/*", "a/b/c/z.c ");
    expect("a/[xy].?", "a/x.c a/y.h ");
    expect("*/b/*.c", "a/b/x.c ");
    expect("odd[1].txt", "odd[1].txt ");
    expect("a/.hidden/*", "a/.hidden/x.c ");
    expect("a/.*.c", "a/.x.c ");
}

static void discover__each_file_once_and_sorted(void **state)
{
    static const char *const patterns[] = {"top.c", "a/**/*.c", "a/x.c"};
    asc_error err = {0};
    assert_ok(discover(patterns, 3, &err), &err);
    assert_string_equal(list, "a/b/c/z.c a/b/x.c a/x.c top.c ");
}

static void discover__nothing_found_is_an_error_that_names_the_pattern(void **state)
{
    static const char *const bad[] = {"a/*.py", "nowhere", "nowhere/*.c", "nowhere/**"};
    for (size_t i = 0; i < 4; i++) {
        asc_error err = {0};
        assert_int_equal(discover(&bad[i], 1, &err), ASC_EINVAL);
        assert_non_null(strstr(err.msg, bad[i]));
    }
    assert_int_equal(asc_mkdirs(in_work("void"), NULL), ASC_OK);
    const char *empty = "void";
    asc_error err = {0};
    assert_int_equal(discover(&empty, 1, &err), ASC_EINVAL);
    assert_int_equal(discover(NULL, 0, &err), ASC_EINVAL);
}

static void discover__survives_every_failed_allocation(void **state)
{
    static const char *const patterns[] = {"a/**/*.c", "a"};
    asc_status st = ASC_ENOMEM;
    for (uint64_t nth = 1; st != ASC_OK; nth++) {
        asc_fault_arm(ASC_FAULT_ALLOC, nth);
        st = discover(patterns, 2, NULL);
        asc_fault_arm(ASC_FAULT_ALLOC, 0);
        assert_true(st == ASC_OK || st == ASC_ENOMEM);
        assert_true(nth < 500);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(discover__files_folders_and_globs),
        cmocka_unit_test(discover__each_file_once_and_sorted),
        cmocka_unit_test(discover__nothing_found_is_an_error_that_names_the_pattern),
        cmocka_unit_test(discover__survives_every_failed_allocation),
    };
    return cmocka_run_group_tests_name("discover", tests, setup, remove_work_dir);
}
