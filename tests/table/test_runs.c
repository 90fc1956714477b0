#include "test.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "table/table.h"

static asc_status parse(asc_table *t, const char *text, asc_error *err)
{
    return asc_table_parse(t, "t.csv", text, strlen(text), err);
}

static void good(asc_table *t, const char *text)
{
    asc_error err = {0};
    if (parse(t, text, &err) != ASC_OK)
        fail_msg("%s", err.msg);
}

static void runs__shares_become_tokens(void **state)
{
    asc_table t;
    good(&t, "run,params,tokens,weight_a,weight_b,loss_x,loss_y,seed,horizon\n"
             "r1,1e6,1000,.25,0.75,3.5,,7,2000\n"
             "r1,1e6,2000,.25,.75,3.25,2,,\n"
             "r2,2e6,2000,1,0,3,1.5,,\n");
    assert_int_equal(t.runs.n_runs, 3);
    assert_int_equal(t.runs.n_groups, 2);
    assert_string_equal(t.runs.domains[1], "b");
    assert_string_equal(t.runs.targets[1], "y");
    assert_true(t.runs.tokens[0] == 250 && t.runs.tokens[1] == 750 && t.runs.total[1] == 2000);
    assert_true(isnan(t.runs.loss[1]) && t.runs.loss[2] == 3.25);
    assert_true(t.runs.params[2] == 2e6 && t.runs.horizon[0] == 2000 && isnan(t.runs.horizon[1]));
    assert_true(t.seed[0] == 7 && isnan(t.seed[1]));
    assert_true(t.runs.group[0] == t.runs.group[1] && t.runs.group[2] != t.runs.group[0]);
    assert_string_equal(t.run[2], "r2");
    assert_int_equal(t.notes.n, 1); /* y not measured once */
    asc_table_clear(&t);
}

static void runs__perplexities_become_losses(void **state)
{
    asc_table t;
    good(&t, "tokens_a,tokens_b,ppl_x\n30,10,20\n10,30,1\n");
    assert_float_equal(t.runs.loss[0], log(20), 1e-15);
    assert_true(t.runs.loss[1] == 0 && t.runs.total[0] == 40 && t.form[0] == ASC_FORM_PPL && t.runs.n_groups == 2);
    asc_table_clear(&t);
}

static void runs__marks_quotes_and_line_ends_are_taken(void **state)
{
    asc_table t;
    good(&t, "\xef\xbb\xbfrun , \"weight_a, the \"\"first\"\"\",weight_b,tokens, loss_x\r\n"
             "\"one\r\ntwo\", 0.5 ,0.5,\t10,2\r\n"
             "\r\n"
             "b,1,0,10,2");
    assert_int_equal(t.runs.n_runs, 2);
    assert_string_equal(t.runs.domains[0], "a, the \"first\"");
    assert_string_equal(t.run[0], "one\r\ntwo");
    assert_true(t.runs.tokens[0] == 5 && t.runs.tokens[2] == 10);
    asc_table_clear(&t);
}

static void runs__sums_within_a_hundredth_are_normalised_with_one_note(void **state)
{
    asc_table t;
    good(&t, "tokens,weight_a,weight_b,loss_x\n100,.5,.495,1\n100,.5,.505,1\n100,.5,.5,1\n");
    assert_int_equal(t.notes.n, 1);
    assert_non_null(strstr(t.notes.text[0], "2 of 3 rows"));
    assert_non_null(strstr(t.notes.text[0], "1-0.005 .. 1+0.005 (first at line 2)"));
    for (size_t r = 0; r < 3; r++)
        assert_float_equal(t.runs.tokens[2 * r] + t.runs.tokens[2 * r + 1], 100, 1e-12);
    asc_table_clear(&t);
    good(&t, "tokens,weight_a,weight_b,loss_x\n100,.5,.499998,1\n100,.5,.500003,1\n");
    assert_non_null(strstr(t.notes.text[0], "1-2e-06 .. 1+3e-06")); /* not "1 .. 1" */
    asc_table_clear(&t);
}

static void runs__unknown_columns_are_kept_and_said(void **state)
{
    asc_table t, u;
    good(&t, "tokens,note,weight_a,loss_x,lr\n10,\"hello, you\",1,2,1e-3\n20,,1,3,2e-3\n");
    assert_int_equal(t.n_unknown, 2);
    assert_string_equal(t.unknown[1], "lr");
    assert_string_equal(t.unknown_cell[0], "hello, you");
    assert_string_equal(t.unknown_cell[2], "");
    assert_non_null(strstr(t.notes.text[0], "'note', 'lr'"));
    asc_buf b = {0};
    assert_int_equal(asc_table_print(&b, &t, NULL), ASC_OK);
    good(&u, b.data);
    assert_string_equal(u.unknown_cell[0], "hello, you");
    asc_buf_clear(&b);
    asc_table_clear(&t);
    asc_table_clear(&u);
}

static void runs__have_a_trust_of_their_own(void **state)
{
    asc_table t, u;
    good(&t, "trust,tokens,weight_a,loss_x\n.25,10,1,2\n,10,1,3\n1,10,1,4\n");
    assert_true(t.has_trust && t.runs.trust[0] == .25 && t.runs.trust[1] == 1 && t.runs.trust[2] == 1);
    asc_buf b = {0};
    assert_int_equal(asc_table_print(&b, &t, NULL), ASC_OK);
    good(&u, b.data);
    assert_true(u.has_trust && u.runs.trust[0] == .25 && u.runs.trust[1] == 1);
    const size_t rows[] = {2, 0};
    asc_runs some;
    assert_int_equal(asc_runs_select(&some, &u.runs, rows, 2, NULL), ASC_OK);
    assert_true(some.trust[0] == 1 && some.trust[1] == .25);
    asc_runs_clear(&some);
    asc_buf_clear(&b);
    asc_table_clear(&u);
    asc_table_clear(&t);
    good(&t, "tokens,weight_a,loss_x\n10,1,2\n");
    assert_true(!t.has_trust && t.runs.trust[0] == 1);
    asc_table_clear(&t);
}

/* Text, expected message. */
static const char *const bad[][2] = {
    {"", "t.csv: empty"},
    {"\n\n", "t.csv: empty"},
    {"tokens,weight_a,loss_x\n", "no rows below the header"},
    {"tokens,weight_a,loss_x\n10,1\n", "t.csv:2: expected 3 cells as in the header, found 2"},
    {"tokens,weight_a,loss_x\n10,1,2\n10,1,2,3\n", "t.csv:3: expected 3 cells as in the header, found 4"},
    {"tokens,weight_a,loss_x\n10,1,abc\n",
     "t.csv:2: column 'loss_x': expected a loss >= 0 in nats, or blank, found 'abc'"},
    {"tokens,weight_a,loss_x\n10,1,inf\n", "column 'loss_x'"},
    {"tokens,weight_a,loss_x\n10,1,0x10\n", "column 'loss_x'"},
    {"tokens,weight_a,loss_x\n10,1,-.1\n", "found '-.1'"},
    {"tokens,weight_a,loss_x\n10,1,1;5\n", "column 'loss_x'"},
    {"tokens,weight_a,loss_x\n10,,1\n", "t.csv:2: column 'weight_a': expected a share >= 0, found nothing"},
    {"tokens,weight_a,loss_x\n0,1,1\n", "column 'tokens': expected a total of tokens > 0, found '0'"},
    {"tokens,weight_a,weight_b,loss_x\n10,.5,.48,1\n",
     "t.csv:2: columns weight_*: expected shares that sum to 1 within .01, found 0.98"},
    {"tokens,weight_a,weight_b,loss_x\n10,1.5,-.5,1\n", "column 'weight_b': expected a share >= 0"},
    {"tokens,weight_a,weight_a,loss_x\n10,.5,.5,1\n", "t.csv:1: column 'weight_a' is given twice (columns 2 and 3)"},
    {"tokens,weight_a,loss_x,ppl_x\n10,1,1,3\n", "target 'x' has a loss_ and a ppl_ column"},
    {"tokens,weight_a,tokens_b,loss_x\n10,1,1,3\n", "weight_ and tokens_ columns in one table"},
    {"tokens,weight_a,ppl_x\n10,1,.5\n", "expected a perplexity >= 1, or blank, found '.5'"},
    {"weight_a,loss_x\n1,1\n", "weight_ columns need a column 'tokens'"},
    {"tokens,weight_a\n10,1\n", "no column loss_<target> or ppl_<target>"},
    {"tokens,loss_x\n10,1\n", "no column weight_<domain> or tokens_<domain>"},
    {"a;b;c\n10;1;1\n", "no column weight_<domain> or tokens_<domain>; name the share columns with --map "
                        "'weight=PATTERN*' (found: a, b, c)"},
    {"tokens,weight_,loss_x\n10,1,1\n", "expected a domain's name"},
    {"tokens,,weight_a,loss_x\n10,1,1,1\n", "column 2 has no name"},
    {"tokens,weight_a,loss_x\n10,\"1,1\n", "t.csv:2: unterminated quoted cell"},
    {"tokens,weight_a,loss_x\n10,1,\"1\"x\n", "text after the closing quote"},
    {"tokens,weight_a,loss_x\n10,1,1\"x\"\n", "a quote inside a cell"},
    {"tokens_a,tokens_b,loss_x\n0,0,1\n", "columns tokens_*: expected a sum > 0"},
    {"tokens_a,tokens_b,tokens,loss_x\n5,5,11,1\n", "column 'tokens': expected the sum of tokens_*, 10, found 11"},
    {"tokens_a,tokens_b,loss_x\n-1,5,1\n", "t.csv:2: column 'tokens_a': expected tokens >= 0, found '-1'"},
    {"run,tokens,weight_a,loss_x\n,10,1,1\n", "column 'run': expected a run's id"},
    {"params,tokens,weight_a,loss_x\n-3,10,1,1\n", "column 'params'"},
    {"trust,tokens,weight_a,loss_x\n0,10,1,1\n", "column 'trust': expected a weight in (0, 1], or blank, found '0'"},
    {"trust,tokens,weight_a,loss_x\n2,10,1,1\n", "column 'trust': expected a weight in (0, 1], or blank, found '2'"},
    {"tokens,weight_\xff,loss_x\n10,1,1\n", "not UTF-8"},
};

static void runs__what_is_wrong_is_said_with_line_and_column(void **state)
{
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        asc_table t = {0};
        asc_error err = {0};
        if (parse(&t, bad[i][0], &err) != ASC_EINVAL || !strstr(err.msg, bad[i][1]))
            fail_msg("case %zu: '%s' instead of '%s'", i, err.msg, bad[i][1]);
        assert_null(t.run);
    }
}

static void runs__a_nul_byte_is_no_text(void **state)
{
    asc_table t;
    asc_error err;
    const char text[] = "tokens,weight_a,loss_x\n10,1\0,1\n";
    assert_int_equal(asc_table_parse(&t, "t.csv", text, sizeof text - 1, &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "t.csv:2: NUL byte"));
}

static void runs__numbers_are_rounded_as_strtod_rounds(void **state)
{
    asc_rng r;
    asc_rng_init(&r, 3, "test", 0);
    for (int k = 0; k < 20000; k++) {
        char text[128], cell[60];
        int digits = 1 + (int)asc_rng_below(&r, 17);
        double x = ldexp(asc_rng_double(&r), (int)asc_rng_below(&r, 60));
        snprintf(cell, sizeof cell, k % 2 ? "%.*g" : "%.*f", digits, x);
        snprintf(text, sizeof text, "tokens_a,tokens_b,loss_x\n%s,1,2\n", cell);
        asc_table t;
        good(&t, text);
        assert_true(t.runs.tokens[0] == strtod(cell, NULL));
        asc_table_clear(&t);
    }
}

/* Written and read again: the same bits, and the same bytes from the second writing. */
static void runs__a_written_table_reads_back(void **state)
{
    static char *domains[] = {"a", "b,c"}, *targets[] = {"x", "y"};
    asc_table t, u;
    assert_int_equal(asc_table_init(&t, 3, domains, 2, targets, 2, NULL), ASC_OK);
    t.has_seed = t.has_params = true;
    for (size_t r = 0; r < 3; r++) {
        char id[8];
        snprintf(id, sizeof id, "r%d", (int)r);
        assert_int_equal(asc_table_set_run(&t, r, id, NULL), ASC_OK);
        t.seed[r] = (double)r;
        t.runs.params[r] = 1234567;
        t.runs.total[r] = 0;
        for (size_t i = 0; i < 2; i++)
            t.runs.total[r] += t.runs.tokens[r * 2 + i] = 1e15 / 3 * (double)(r + i + 1);
        t.runs.loss[r * 2] = 1. / 3 + (double)r;
    }
    char path[] = "/tmp/asc_runs_XXXXXX";
    close(mkstemp(path));
    assert_int_equal(asc_table_write(path, &t, NULL), ASC_OK);
    assert_int_equal(asc_table_read(&u, path, NULL), ASC_OK);
    assert_memory_equal(t.runs.tokens, u.runs.tokens, 6 * sizeof(double));
    for (size_t k = 0; k < 6; k++)
        assert_true(t.runs.loss[k] == u.runs.loss[k] || (isnan(t.runs.loss[k]) && isnan(u.runs.loss[k])));
    asc_buf one = {0}, two = {0};
    assert_int_equal(asc_table_print(&one, &t, NULL), ASC_OK);
    assert_int_equal(asc_table_print(&two, &u, NULL), ASC_OK);
    assert_string_equal(one.data, two.data);
    asc_buf_clear(&one);
    asc_buf_clear(&two);
    unlink(path);
    asc_table_clear(&t);
    asc_table_clear(&u);
}

static void runs__large_tables_are_read(void **state)
{
    size_t rows = getenv("ASC_SMALL") ? 300 : 4000, columns = 250;
    asc_buf b = {0};
    asc_buf_puts(&b, "run,tokens");
    for (size_t i = 0; i < columns; i++)
        asc_buf_printf(&b, ",weight_d%zu,loss_t%zu", i, i);
    asc_buf_putc(&b, '\n');
    for (size_t r = 0; r < rows; r++) {
        asc_buf_printf(&b, "%zu,1000000", r / 4);
        for (size_t i = 0; i < columns; i++)
            asc_buf_puts(&b, ",.004,3.25");
        asc_buf_putc(&b, '\n');
    }
    asc_table t;
    assert_int_equal(asc_table_parse(&t, "big", b.data, b.len, NULL), ASC_OK);
    assert_int_equal(t.runs.n_runs, rows);
    assert_int_equal(t.runs.n_groups, rows / 4);
    assert_float_equal(t.runs.tokens[rows * columns - 1], 4000, 1e-9);
    asc_buf_clear(&b);
    asc_table_clear(&t);
}

static void runs__every_failing_allocation_is_survived(void **state)
{
    const char *text = "run,note,tokens,weight_a,weight_b,loss_x,lr\nr1,n,100,.5,.4951,3,1\nr2,m,100,.5,.5,,2\n";
    for (uint64_t n = 1; n < 1000; n++) {
        asc_table t = {0};
        asc_error err = {0};
        asc_fault_arm(ASC_FAULT_ALLOC, n);
        asc_status st = parse(&t, text, &err);
        bool hit = asc_fault_count(ASC_FAULT_ALLOC) >= n;
        asc_fault_arm(ASC_FAULT_ALLOC, 0);
        if (st == ASC_OK)
            asc_table_clear(&t);
        else
            assert_int_equal(st, ASC_ENOMEM);
        if (!hit)
            return;
    }
    fail();
}

static void runs__a_missing_file_is_named(void **state)
{
    asc_table t;
    asc_error err;
    assert_int_equal(asc_table_read(&t, "/nowhere/x.csv", &err), ASC_EINVAL);
    assert_string_equal(err.msg, "/nowhere/x.csv: no such file");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs__shares_become_tokens),
        cmocka_unit_test(runs__perplexities_become_losses),
        cmocka_unit_test(runs__marks_quotes_and_line_ends_are_taken),
        cmocka_unit_test(runs__sums_within_a_hundredth_are_normalised_with_one_note),
        cmocka_unit_test(runs__unknown_columns_are_kept_and_said),
        cmocka_unit_test(runs__have_a_trust_of_their_own),
        cmocka_unit_test(runs__what_is_wrong_is_said_with_line_and_column),
        cmocka_unit_test(runs__a_nul_byte_is_no_text),
        cmocka_unit_test(runs__numbers_are_rounded_as_strtod_rounds),
        cmocka_unit_test(runs__a_written_table_reads_back),
        cmocka_unit_test(runs__large_tables_are_read),
        cmocka_unit_test(runs__every_failing_allocation_is_survived),
        cmocka_unit_test(runs__a_missing_file_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
