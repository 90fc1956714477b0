/* The table of exports: a trainer added through the table alone. The source of the table is compiled here with one more
 * row: that row and the function below are all that a new trainer takes. */
#include "test.h"

#include "export_private.h"

static void write_toy(asc_buf *out, const asc__plan *p);
#define ASC__ONE_MORE_EXPORT {"toy-trainer", true, false, true, ASC__DATA_ANY, "whatever there is", write_toy},
#include "export.c"

/* ---- the new trainer's file ---- */

static void write_toy(asc_buf *out, const asc__plan *p)
{
    asc__put_head(out, p, "A toy's data");
    for (size_t i = 0; i < p->n; i++)
        if (asc__plan_used(p, i)) {
            asc__put_string(out, p->mix->domains[i]);
            asc_buf_printf(out, " %s\n", p->weight[i]);
        }
}

/* ---- what comes with it ---- */

static asc_mix_file mixture(bool tokens)
{
    static char *const names[] = {"web", "no \"quotes\"", "unused"};
    asc_mix_file m = {0};
    assert_int_equal(asc_mix_file_init(&m, names, 3, NULL), ASC_OK);
    m.weights[0] = .75;
    m.weights[1] = .25;
    if (tokens) {
        m.tokens = asc_calloc(3, sizeof *m.tokens);
        m.tokens[0] = 3000;
        m.tokens[1] = 1000;
    }
    return m;
}

static void table__a_trainer_is_one_row(void **state)
{
    asc_mix_file m = mixture(true);
    asc_buf text = {0};
    asc_error err = {0};
    assert_int_equal(asc_export(&text, &m, "toy-trainer", NULL, &err), ASC_OK);
    assert_non_null(strstr(text.data, "# A toy's data"));
    assert_non_null(strstr(text.data, "\n\"web\" 0.7500000000\n\"no \\\"quotes\\\"\" 0.2500000000\n"));
    assert_null(strstr(text.data, "\"unused\""));
    asc_buf_clear(&text);
    asc_mix_file_clear(&m);
}

static void table__its_row_is_what_all_else_knows_of_it(void **state)
{
    asc_mix_file m = mixture(false);
    asc_buf text = {0};
    asc_error err = {0};
    size_t n = 0;
    bool listed = false;
    for (const char *const *name = asc_export_names(); *name; name++, n++)
        listed |= strcmp(*name, "toy-trainer") == 0;
    assert_true(listed && n == N_TRAINERS);
    assert_int_equal(asc_export(&text, &m, "toy-trianer", NULL, &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "did you mean 'toy-trainer'?"));
    assert_int_equal(asc_export(&text, &m, "toy-trainer", NULL, &err), ASC_EINVAL); /* it needs tokens */
    assert_non_null(strstr(err.msg, "tokens"));
    assert_null(text.data);
    asc_mix_file_clear(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table__a_trainer_is_one_row),
        cmocka_unit_test(table__its_row_is_what_all_else_knows_of_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
