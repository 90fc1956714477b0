/* What a table of runs can tell before a law is fitted to it. */
#include "test.h"

#include <math.h>

#include "table/table.h"

static asc_status evidence(asc_runs *out, asc_table *t, const char *csv, asc_error *err)
{
    asc_error why = {0};
    if (asc_table_parse(t, "t.csv", csv, strlen(csv), &why) != ASC_OK)
        fail_msg("%s", why.msg);
    return asc_table_evidence(out, t, err);
}

static bool noted(const asc_table *t, const char *words)
{
    for (size_t i = 0; i < t->notes.n; i++)
        if (strstr(t->notes.text[i], words))
            return true;
    return false;
}

static void evidence__one_mixture_tells_nothing(void **state)
{
    static const char *const csv[] = {
        "weight_a,weight_b,tokens,loss_x\n.3,.7,1e6,2\n.3,.7,1e6,2.1\n.3,.7,1e6,2.2\n",
        "weight_a,weight_b,tokens,loss_x\n.3,.7,1e6,2\n.3,.7,2e6,1.9\n.3000001,.6999999,4e6,1.8\n",
        "weight_a,weight_b,tokens,loss_x\n.3,.7,1e6,2\n.3,.7,1e6,2\n",
        "weight_a,weight_b,tokens,loss_x\n.3,.7,1e6,2\n",
    };
    for (size_t i = 0; i < 4; i++) {
        asc_table t = {0};
        asc_runs r = {0};
        asc_error err = {0};
        assert_int_equal(evidence(&r, &t, csv[i], &err), ASC_EINVAL);
        if (!strstr(err.msg, "the same mixture ('a' 30 %, ...)"))
            fail_msg("%s", err.msg);
        assert_null(r.tokens);
        asc_table_clear(&t);
    }
}

static void evidence__copies_count_once(void **state)
{
    asc_table t = {0};
    asc_runs r = {0};
    asc_error err = {0};
    /* The fourth row copies the second; the fifth is a repeat of it, which is something else. */
    assert_int_equal(evidence(&r, &t,
                              "run,weight_a,weight_b,tokens,loss_x\np,.3,.7,1e6,2\nq,.5,.5,1e6,2.1\nr,.8,.2,1e6,2.2\n"
                              "s,.5,.5,1e6,2.1\nt,.5,.5,1e6,2.15\n",
                              &err),
                     ASC_OK);
    assert_true(r.n_runs == 4 && r.n_groups == 4 && r.loss[3] == 2.15 && r.group[3] == 3);
    assert_true(noted(&t, "1 of 5 rows are exact copies of others (first: rows 2 and 4)"));
    assert_false(noted(&t, "directions"));
    asc_runs_clear(&r);
    asc_table_clear(&t);
}

static void evidence__fixed_shares_and_ratios_are_told(void **state)
{
    asc_table t = {0};
    asc_runs r = {0};
    asc_error err = {0};
    assert_int_equal(
        evidence(&r, &t,
                 "weight_a,weight_b,weight_c,weight_d,tokens,loss_x\n.2,.4,.2,.2,1e6,2\n.1,.5,.2,.2,1e6,2.1\n"
                 ".3,.3,.2,.2,1e6,2.2\n.4,.2,.2,.2,1e6,1\n",
                 &err),
        ASC_OK);
    assert_true(noted(&t, "the mixtures vary in only 1 of 3 directions; one share in every row: 'c', 'd'"));
    asc_runs_clear(&r);
    asc_table_clear(&t);
    assert_int_equal(evidence(&r, &t,
                              "weight_a,weight_b,weight_c,tokens,loss_x\n.2,.2,.6,1e6,2\n.1,.1,.8,1e6,2.1\n"
                              ".3,.3,.4,1e6,2.2\n.4,.4,.2,1e6,1\n",
                              &err),
                     ASC_OK);
    assert_true(noted(&t, "the mixtures vary in only 1 of 2 directions: the table"));
    asc_runs_clear(&r);
    asc_table_clear(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(evidence__one_mixture_tells_nothing),
        cmocka_unit_test(evidence__copies_count_once),
        cmocka_unit_test(evidence__fixed_shares_and_ratios_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
