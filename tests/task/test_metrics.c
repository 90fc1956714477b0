/* Metrics against values made by scikit-learn, scipy and the rules of the official SQuAD script (golden/metrics.py). */
#include "test.h"

#include <math.h>

#include "base/base_json.h"
#include "task/task_metrics.h"

enum { MAX = 256 };

static void assert_double_equal(double found, double expected, double within)
{
    if (!(fabs(found - expected) <= within))
        fail_msg("%.17g, expected %.17g", found, expected);
}

static json_t *golden(void)
{
    json_t *j = NULL;
    asc_error err = {0};
    if (asc_json_load(&j, ASC_SOURCE_DIR "/tests/task/golden/metrics.json", &err) != ASC_OK)
        fail_msg("%s", err.msg);
    return j;
}

static double number(const json_t *j, const char *key)
{
    return json_number_value(json_object_get(j, key));
}

static size_t ints(int *out, const json_t *list)
{
    size_t n = json_array_size(list);
    assert_true(n > 0 && n < MAX);
    for (size_t i = 0; i < n; i++)
        out[i] = (int)json_integer_value(json_array_get(list, i));
    return n;
}

static size_t doubles(double *out, const json_t *list)
{
    size_t n = json_array_size(list);
    assert_true(n > 0 && n < MAX);
    for (size_t i = 0; i < n; i++)
        out[i] = json_number_value(json_array_get(list, i));
    return n;
}

static void metrics__labels_as_scikit_learn(void **state)
{
    (void)state;
    json_t *all = golden(), *c;
    size_t i;
    json_array_foreach(json_object_get(all, "labels"), i, c)
    {
        int truth[MAX], guess[MAX];
        size_t n = ints(truth, json_object_get(c, "truth"));
        ints(guess, json_object_get(c, "guess"));
        assert_double_equal(asc_metric_accuracy(truth, guess, n), number(c, "accuracy"), 1e-12);
        assert_double_equal(asc_metric_matthews(truth, guess, n), number(c, "matthews"), 1e-12);
        if (json_is_number(json_object_get(c, "f1")))
            assert_double_equal(asc_metric_f1(truth, guess, n), number(c, "f1"), 1e-12);
    }
    json_decref(all);
}

static void metrics__correlations_as_scipy(void **state)
{
    (void)state;
    json_t *all = golden(), *c;
    size_t i;
    json_array_foreach(json_object_get(all, "numbers"), i, c)
    {
        double x[MAX], y[MAX];
        size_t n = doubles(x, json_object_get(c, "x"));
        doubles(y, json_object_get(c, "y"));
        assert_double_equal(asc_metric_pearson(x, y, n), number(c, "pearson"), 1e-12);
        assert_double_equal(asc_metric_spearman(x, y, n), number(c, "spearman"), 1e-12);
    }
    json_decref(all);
}

static void metrics__degenerate_inputs_are_not_numbers(void **state)
{
    (void)state;
    double flat[] = {1, 1, 1}, rising[] = {1, 2, 3};
    int none[] = {0, 0};
    assert_true(isnan(asc_metric_pearson(flat, rising, 3)));
    assert_true(isnan(asc_metric_spearman(rising, flat, 3)));
    assert_true(isnan(asc_metric_pearson(rising, rising, 1)));
    assert_true(isnan(asc_metric_accuracy(none, none, 0)));
    assert_double_equal(asc_metric_matthews(none, none, 2), 0, 0);
    assert_double_equal(asc_metric_f1(none, none, 2), 0, 0);
}

static void metrics__squad_as_the_official_rules(void **state)
{
    (void)state;
    json_t *all = golden(), *c;
    size_t i;
    json_array_foreach(json_object_get(all, "squad"), i, c)
    {
        char *answers[8];
        json_t *list = json_object_get(c, "answers");
        for (size_t a = 0; a < json_array_size(list); a++)
            answers[a] = (char *)(uintptr_t)json_string_value(json_array_get(list, a));
        const char *guess = json_string_value(json_object_get(c, "guess"));
        double exact = -1, f1 = -1;
        asc_buf b = {0};
        assert_int_equal(asc_squad_normalise(&b, guess, NULL), ASC_OK);
        assert_string_equal(b.data, json_string_value(json_object_get(c, "normal")));
        asc_buf_clear(&b);
        assert_int_equal(asc_squad_score(&exact, &f1, answers, json_array_size(list), guess, NULL), ASC_OK);
        assert_double_equal(exact, number(c, "exact"), 0);
        assert_double_equal(f1, number(c, "f1"), 1e-12);
    }
    json_decref(all);
}

/* Every allocation of the scoring made to fail: an error each time, nothing lost. */
static void metrics__squad_survives_failed_allocations(void **state)
{
    (void)state;
    char *answers[] = {(char *)"the Denver Broncos", (char *)"Broncos of Denver"};
    asc_status s = ASC_ENOMEM;
    for (uint64_t nth = 1; s != ASC_OK && nth < 1000; nth++) {
        double exact = -1, f1 = -1;
        asc_fault_arm(ASC_FAULT_ALLOC, nth);
        s = asc_squad_score(&exact, &f1, answers, 2, "Denver Broncos", NULL);
        asc_fault_arm(ASC_FAULT_ALLOC, 0);
        if (s != ASC_OK) {
            assert_int_equal(s, ASC_ENOMEM);
            assert_double_equal(exact, -1, 0);
        }
    }
    assert_int_equal(s, ASC_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(metrics__labels_as_scikit_learn),
        cmocka_unit_test(metrics__correlations_as_scipy),
        cmocka_unit_test(metrics__degenerate_inputs_are_not_numbers),
        cmocka_unit_test(metrics__squad_as_the_official_rules),
        cmocka_unit_test(metrics__squad_survives_failed_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
