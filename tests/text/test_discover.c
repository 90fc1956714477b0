#include "text_test.h"

#include <sys/stat.h>

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
    return rc != 0 || symlink(".", in_work("a/loop")) != 0 ? -1 : 0;
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

static void discover__links_to_folders_are_read_each_folder_once(void **state)
{
    /* tree/real/f, a link to it from outside, one that closes a circle, and two ways into an outer folder */
    put_text(in_work("tree/real/f.txt"), "x");
    put_text(in_work("outer/deep/g.txt"), "x");
    assert_int_equal(symlink("../outer", in_work("tree/linked")), 0);
    assert_int_equal(symlink("../outer/deep", in_work("tree/linked_too")), 0);
    assert_int_equal(symlink("real", in_work("tree/again")), 0);
    assert_int_equal(symlink("..", in_work("tree/real/up")), 0);
    expect("tree", "tree/linked/deep/g.txt tree/real/f.txt ");
    expect("tree/**/*.txt", "tree/linked/deep/g.txt tree/real/f.txt ");
    expect("tree/linked", "tree/linked/deep/g.txt ");
}

static void discover__a_deep_tree_is_read_to_its_end(void **state)
{
    char path[1200] = "abyss", want[1300];
    for (int i = 0; i < 100; i++)
        strcat(path, "/d");
    strcat(path, "/f.txt");
    put_text(in_work(path), "x");
    snprintf(want, sizeof want, "%s ", path);
    expect("abyss", want);
    expect("abyss/**/*.txt", want);
}

static char skipped[1000];

static void note_skipped(void *ctx, const char *file, int64_t line, const char *why)
{
    assert_int_equal(line, 0);
    size_t k = strlen(skipped);
    snprintf(skipped + k, sizeof skipped - k, "%s: %s; ", file + strlen(work_dir) + 1, why);
}

static void discover__what_is_passed_over_is_told(void **state)
{
    static char *const pattern[] = {"odd"};
    put_text(in_work("odd/f.txt"), "x");
    put_text(in_work("odd/.git/config"), "x");
    assert_int_equal(mkfifo(in_work("odd/pipe"), 0600), 0);
    assert_int_equal(symlink("nowhere", in_work("odd/void")), 0);
    char **files = NULL;
    size_t n = 0;
    bool tokens;
    asc_error err = {0};
    assert_ok(asc_corpus_files_told(&files, &n, &tokens, pattern, 1, work_dir, NULL, note_skipped, NULL, &err), &err);
    assert_int_equal(n, 1);
    asc_text_discover_free(files, n);
    assert_string_equal(skipped, "odd/.git: hidden (its name begins with a dot); odd/pipe: not a regular file; "
                                 "odd/void: a broken link; ");
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
        cmocka_unit_test(discover__links_to_folders_are_read_each_folder_once),
        cmocka_unit_test(discover__a_deep_tree_is_read_to_its_end),
        cmocka_unit_test(discover__what_is_passed_over_is_told),
        cmocka_unit_test(discover__survives_every_failed_allocation),
    };
    return cmocka_run_group_tests_name("discover", tests, setup, remove_work_dir);
}
