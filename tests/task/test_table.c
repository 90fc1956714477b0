/* The table of built-in tasks: a task added through the table alone. The source of the table is compiled here with one
 * more row: that row and the function below are all that a new task takes. */
#include "test.h"

#include <math.h>
#include <unistd.h>

#include "task/task.h"

#include "task_convert.h"

static asc_status toy(asc_task_item *item, const json_t *line, asc_arena *memory, const char *where, asc_error *err);
#define ASC__ONE_MORE_TASK {"toy", ASC_TASK_CHOICE, " ", " ", "Riddles.\n\n", toy},
#include "convert.c"

/* ---- the new task's file ---- */

/* {"riddle": text, "answers": [text, ...], "nth": number of the right one, from 0} */
static asc_status toy(asc_task_item *item, const json_t *line, asc_arena *memory, const char *where, asc_error *err)
{
    const char *text = NULL;
    json_t *answers = NULL;
    ASC_TRY(asc_json_get_string(line, where, "riddle", &text, err));
    ASC_TRY(asc_json_get_array(line, where, "answers", &answers, err));
    ASC_TRY(asc__keep(&item->context, memory, text, err));
    ASC_TRY(asc__task_choices(item, answers, memory, where, err));
    return asc__task_label(item, line, "nth", where, err);
}

/* ---- what comes with it ---- */

static char path[64];

static void put(const char *text)
{
    snprintf(path, sizeof path, "/tmp/toy_riddles-%d.jsonl", (int)getpid());
    assert_int_equal(asc_write_file(path, text, strlen(text), NULL), ASC_OK);
}

static int remove_it(void **state)
{
    unlink(path);
    return 0;
}

/* Read by the name that the file's own begins with, or by NAME=PATH; prompts and figures come with the row. */
static void table__a_task_is_one_row(void **state)
{
    asc_task t = {0};
    asc_task_request *r = NULL;
    asc_task_opts o = {0};
    asc_task_result result = {0};
    asc_error err = {0};
    size_t n = 0;
    put("{\"riddle\": \"White as snow?\", \"answers\": [\"coal\", \"milk\"], \"nth\": 1}\n"
        "{\"riddle\": \"Two hands?\", \"answers\": [\"a clock\", \"a fish\", \"a tree\"], \"nth\": 0}\n");
    char *spec = asc_strf("toy=%s", path);
    assert_int_equal(asc_task_load(&t, spec, &err), ASC_OK);
    assert_int_equal(t.n_items, 2);
    assert_int_equal(t.kind, ASC_TASK_CHOICE);
    assert_int_equal(t.items[1].n_choices, 3);
    assert_int_equal(asc_task_requests(&r, &n, &t, &o, &err), ASC_OK);
    assert_int_equal(n, 5);
    assert_string_equal(r[0].context, "Riddles.\n\nWhite as snow?");
    assert_string_equal(r[1].continuation, " milk");
    const asc_task_score scores[] = {{-9, false}, {-1, true}, {-3, true}, {-2, false}, {-4, false}};
    assert_int_equal(asc_task_judge(&result, &t, r, scores, n, &err), ASC_OK);
    assert_true(result.acc == .5);
    assert_true(fabs(result.chance - (1. / 2 + 1. / 3) / 2) < 1e-12);
    asc_task_requests_free(r, n);
    asc_task_clear(&t);
    asc_free(spec);
}

/* The file's own name tells as well, and what is wrong with a line is said with its place. */
static void table__its_name_begins_the_files(void **state)
{
    asc_task t = {0};
    asc_error err = {0};
    put("{\"riddle\": \"Two hands?\", \"answers\": [\"a clock\"], \"nth\": 1}\n");
    assert_int_equal(asc_task_load(&t, path, &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, ".jsonl:1"));
    put("{\"answers\": [\"a clock\"], \"nth\": 0}\n");
    assert_int_equal(asc_task_load(&t, path, &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "'riddle'"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(table__a_task_is_one_row, remove_it),
        cmocka_unit_test_teardown(table__its_name_begins_the_files, remove_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
