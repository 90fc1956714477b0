/* Objectives: which targets count, and what they are called. */
#include "test.h"

#include "spec/spec_objective.h"

static char *const domains[] = {(char *)"books", (char *)"code"};
static char *const targets[] = {(char *)"books", (char *)"code", (char *)"news", (char *)"law"};
static const asc_target_names all = {targets, 4, domains, 2};
static const asc_target_names own = {targets, 2, domains, 2};
static const asc_target_names foreign = {targets + 2, 2, domains, 2};

static void means(const asc_target_names *names, const char *word, const double *weights, double value)
{
    const double loss[4] = {1, 2, 4, 8};
    asc_objective o = {0};
    char back[100];
    assert_int_equal(asc_objective_parse_word(&o, word, names, NULL), ASC_OK);
    for (size_t v = 0; weights && v < names->n_targets; v++)
        assert_true(o.weights[v] == weights[v]);
    assert_true((weights == NULL) == (o.weights == NULL));
    assert_true(asc_objective_value(&o, loss, names->n_targets) == value);
    asc_objective_word(&o, names, back, sizeof back);
    assert_string_equal(back, weights ? word : "mean-loss");
    asc_objective_clear(&o);
}

static void objective__counts_the_targets_that_its_word_names(void **state)
{
    means(&all, "mean-targets", (const double[]){0, 0, .5, .5}, 6);
    means(&all, "mean-domains", (const double[]){.5, .5, 0, 0}, 1.5);
    means(&all, "mean-loss", NULL, 3.75);
    means(&own, "mean-domains", NULL, 1.5);
    means(&foreign, "mean-targets", NULL, 1.5);
    assert_int_equal(asc_targets_beside(&all), 2);
}

static void objective__none_of_that_kind_is_an_error(void **state)
{
    asc_objective o = {0};
    asc_error err = {0};
    assert_int_equal(asc_objective_parse_word(&o, "mean-targets", &own, &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "no targets beside the domains' own"));
    assert_int_equal(asc_objective_parse_word(&o, "mean-domains", &foreign, &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "no target is a domain's own"));
    assert_int_equal(asc_objective_parse_word(&o, "mean-target", &all, &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "mean-targets"));
}

static void objective__of_one_target_is_called_by_it(void **state)
{
    const asc_target_names one = {targets, 3, domains, 2};
    asc_objective o = {0};
    char back[100];
    assert_int_equal(asc_objective_parse_word(&o, "mean-targets", &one, NULL), ASC_OK);
    asc_objective_word(&o, &one, back, sizeof back);
    assert_string_equal(back, "target:news");
    asc_objective_clear(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objective__counts_the_targets_that_its_word_names),
        cmocka_unit_test(objective__none_of_that_kind_is_an_error),
        cmocka_unit_test(objective__of_one_target_is_called_by_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
