#include "test.h"

#include <stdlib.h>
#include <unistd.h>

#include "words.h"

static void expect_words(const char *line, const char *const *want)
{
    char **words;
    asc_error err;
    assert_int_equal(asc__split_words(&words, line, &err), ASC_OK);
    size_t i = 0;
    for (; want[i]; i++)
        assert_string_equal(words[i], want[i]);
    assert_null(words[i]);
    for (i = 0; words[i]; i++)
        asc_free(words[i]);
    asc_free(words);
}

static void command__is_split_as_a_shell_would(void **state)
{
    expect_words("python train.py  --lr 1e-3", (const char *[]){"python", "train.py", "--lr", "1e-3", NULL});
    expect_words(" a 'b c' \"d e\" f\\ g ", (const char *[]){"a", "b c", "d e", "f g", NULL});
    expect_words("a '' \"x'y\" 'p\"q' r's't", (const char *[]){"a", "", "x'y", "p\"q", "rst", NULL});
    expect_words("a \"b\\\"c\\d\" 'e\\f'", (const char *[]){"a", "b\"c\\d", "e\\f", NULL});
    expect_words("a $HOME `id` *", (const char *[]){"a", "$HOME", "`id`", "*", NULL}); /* nothing is expanded */
    char **words;
    asc_error err;
    assert_int_equal(asc__split_words(&words, "a 'b", &err), ASC_EINVAL);
    assert_int_equal(asc__split_words(&words, "  ", &err), ASC_EINVAL);
}

static void command__placeholders_are_filled_and_others_left(void **state)
{
    const asc_launch_value values[] = {{"run", "{run_dir}"}, {"run_dir", "/x y"}}; /* filled in once */
    char *s = asc__fill_in("a {run} {run_dir}/z ${HOME} {other} {", values, 2);
    assert_string_equal(s, "a {run_dir} /x y/z ${HOME} {other} {");
    asc_free(s);
}

/* A study's name and a path that would be commands to a shell. */
static void launch(asc_launch *l, const char *command, bool shell)
{
    asc_error err;
    const asc_trainer_spec t = {.command = (char *)command, .shell = shell};
    const asc_launch_value values[] = {{"run_dir", "/tmp/a b/$(id)"},
                                       {"tokens", "4000"},
                                       {"seed", "7"},
                                       {"study", "x'; rm -rf /; '"},
                                       {"domains", "a,b"}};
    if (asc_launch_command(l, &t, "/", "/tmp/a b/$(id)", values, 5, &err) != ASC_OK)
        fail_msg("%s", err.msg);
}

static bool has_env(const asc_launch *l, const char *entry)
{
    for (size_t i = 0; l->env[i]; i++)
        if (strcmp(l->env[i], entry) == 0)
            return true;
    return false;
}

static void command__values_stay_one_word(void **state)
{
    asc_launch l;
    launch(&l, "t --out {run_dir} --n={tokens} {seed} {study}", false);
    assert_string_equal(l.argv[2], "/tmp/a b/$(id)");
    assert_string_equal(l.argv[3], "--n=4000");
    assert_string_equal(l.argv[4], "7");
    assert_string_equal(l.argv[5], "x'; rm -rf /; '");
    assert_null(l.argv[6]);
    assert_true(has_env(&l, "AUTOSCALE_TOKENS=4000"));
    assert_true(has_env(&l, "AUTOSCALE_RUN_DIR=/tmp/a b/$(id)"));
    assert_true(has_env(&l, "AUTOSCALE_DOMAINS=a,b"));
    asc_launch_clear(&l);
}

/* With a shell the values are quoted: echo prints them as they are. */
static void command__a_shell_sees_quoted_values(void **state)
{
    asc_launch l;
    launch(&l, "printf '%s|' {run_dir} {study}", true);
    assert_string_equal(l.argv[0], "/bin/sh");
    char *line = asc_strf("%s", l.argv[2]), got[200] = "";
    FILE *p = popen(line, "r");
    assert_non_null(p);
    assert_non_null(fgets(got, sizeof got, p));
    pclose(p);
    assert_string_equal(got, "/tmp/a b/$(id)|x'; rm -rf /; '|");
    asc_free(line);
    asc_launch_clear(&l);
}

static void log__its_last_lines_fit_one(void **state)
{
    char path[] = "/tmp/autoscale-log-XXXXXX", tail[100];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    const char *text = "one\ntwo\nthree\tx\nfour\x1b[31m\n\n";
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    asc_log_tail(tail, sizeof tail, path);
    assert_string_equal(tail, "two | three x | four");
    /* Three tries that said the same, in colours, with a bar that was drawn over itself. */
    const char *tries = "try\n\033[31mout of memory\033[0m\ntry\n\033[31mout of memory\033[0m\n 10%\r 20%\r 30%\r\n"
                        "try\n\033[1;31mout of memory\033[0m\n";
    assert_int_equal(asc_write_file(path, tries, strlen(tries), NULL), ASC_OK);
    asc_log_tail(tail, sizeof tail, path);
    assert_string_equal(tail, " 30% | try | out of memory");
    asc_log_tail(tail, 8, path);
    assert_true(strlen(tail) < 8);
    unlink(path);
    asc_log_tail(tail, sizeof tail, path);
    assert_string_equal(tail, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(command__is_split_as_a_shell_would),
        cmocka_unit_test(command__placeholders_are_filled_and_others_left),
        cmocka_unit_test(command__values_stay_one_word),
        cmocka_unit_test(command__a_shell_sees_quoted_values),
        cmocka_unit_test(log__its_last_lines_fit_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
