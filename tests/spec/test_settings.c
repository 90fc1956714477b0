/* The table of settings, with a toy added to it in one line: the row below. Its member is the clip of training. */
#define ASC_SETTINGS_TEST_ROW                                                                                          \
    {"training", "toy", "training.toy", "toy", ASC_SET_REAL, BOTH(training.clip), 2, 7,                                \
     0,          NULL,  "toys",         "3",   NULL,         "how much toy"},
#include "settings.c" /* in place of the library's */

#include "test.h"

#include <stdio.h>

#include "cli/cli.h"
#include "config/config.h"
#include "spec/spec_json.h"
#include "train/train.h"

#define STUDY_TEXT                                                                                                     \
    "domains:\n  - {name: a, train: x}\n  - {name: b, train: y}\nmodel: {}\nscales: 1e6\ntarget: {tokens: 2e6}\n"

static void settings__rows_are_sound(void **state)
{
    char words[256];
    for (size_t i = 0; i < asc_n_settings(); i++) {
        const asc_setting *s = asc_setting_at(i);
        assert_true(s->section || s->run_key);
        assert_non_null(s->help);
        assert_true((s->kind == ASC_SET_WORD) == (s->words != NULL));
        assert_true(s->kind == ASC_SET_OTHER || s->in_study != ASC_NOWHERE || s->in_run != ASC_NOWHERE);
        assert_true((s->run_key != NULL) == (s->in_run != ASC_NOWHERE));
        assert_true(!s->option || s->run_key);
        assert_true(s->lo <= s->hi);
        assert_true(strlen(asc_setting_expected(s, words, sizeof words)) < 200);
        for (size_t j = 0; j < i; j++) {
            const asc_setting *t = asc_setting_at(j);
            assert_false(s->section && t->section && strcmp(s->section, t->section) == 0 &&
                         strcmp(s->key, t->key) == 0);
            assert_false(s->option && t->option && strcmp(s->option, t->option) == 0);
        }
    }
    asc_study_spec study; /* aborts on a default that does not parse */
    asc_run_spec run;
    asc_settings_init_study(&study);
    asc_settings_init_run(&run);
    assert_int_equal(study.training.retry_on_divergence, 1);
    assert_int_equal(run.training.retry_on_divergence, 0);
    assert_true(run.checkpoint_s == 300 && study.checkpoint_s == 60);
}

static void settings__text_becomes_values(void **state)
{
    const asc_setting *time = asc_setting_find("run", "time_limit"), *jobs = asc_setting_find("run", "jobs"),
                      *seed = asc_setting_find("training", "seed");
    static const struct {
        const char *text;
        double seconds;
    } times[] = {{"90", 90}, {"90m", 5400}, {"2h", 7200}, {"02:00:00", 7200}, {"1-00:00:00", 86400}, {"null", 0}};
    double x = -1;
    int n = -1;
    uint64_t big = 0;
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        assert_int_equal(asc_setting_parse(&x, time, times[i].text, NULL), ASC_OK);
        assert_true(x == times[i].seconds);
    }
    assert_int_equal(asc_setting_parse(&x, time, "0", NULL), ASC_EINVAL);
    assert_int_equal(asc_setting_parse(&x, time, "00:99:00", NULL), ASC_EINVAL);
    assert_int_equal(asc_setting_parse(&n, jobs, "auto", NULL), ASC_OK);
    assert_int_equal(n, 0);
    assert_int_equal(asc_setting_parse(&n, jobs, "0", NULL), ASC_EINVAL);
    assert_int_equal(asc_setting_parse(&big, seed, "9223372036854775807", NULL), ASC_OK);
    assert_true(big == INT64_MAX);
    assert_int_equal(asc_setting_parse(&big, seed, "9223372036854775808", NULL), ASC_EINVAL);
}

static void settings__a_toy_is_one_line(void **state)
{
    asc_study_spec s;
    asc_error err;
    static const char good[] = STUDY_TEXT "training: {toy: 5}\n", bad[] = STUDY_TEXT "training: {toy: 8}\n";
    assert_int_equal(asc_study_parse(&s, "s.yaml", good, strlen(good), &err), ASC_OK);
    assert_true(s.training.clip == 5);
    json_t *identity = asc_study_canonical(&s);
    assert_true(json_real_value(json_object_get(identity, "training.toy")) == 5);
    json_decref(identity);
    asc_study_spec_clear(&s);
    assert_int_equal(asc_study_parse(&s, "s.yaml", bad, strlen(bad), &err), ASC_EINVAL);
    assert_string_equal(err.msg, "s.yaml:7:17: toy: expected a number from 2 to 7, found '8'");

    asc_run_spec run;
    asc_run_spec_init(&run);
    run.training.clip = 4;
    json_t *training = json_object();
    assert_true(asc_settings_write(training, "training", &run));
    assert_true(json_real_value(json_object_get(training, "toy")) == 4);
    json_object_set_new(training, "toy", json_integer(1));
    assert_int_equal(asc_settings_read(&run, "training", training, "run.json", NULL, 0, &err), ASC_EINVAL);
    assert_string_equal(err.msg, "run.json: field 'toy': expected a number from 2 to 7, found '1'");
    json_decref(training);
}

static const asc_cli_command command = {.name = "toys", .usage = "", .summary = "", .settings = true};

static void settings__a_toy_is_an_option(void **state)
{
    asc_cli_option found = {0};
    for (size_t i = 0; i < asc__cli_n_options(&command); i++)
        if (strcmp(asc__cli_option_at(&command, i).name, "toy") == 0)
            found = asc__cli_option_at(&command, i);
    assert_string_equal(found.value, "F");
    assert_string_equal(found.help, "how much toy");
    assert_string_equal(found.fallback, "3");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings__rows_are_sound),
        cmocka_unit_test(settings__text_becomes_values),
        cmocka_unit_test(settings__a_toy_is_one_line),
        cmocka_unit_test(settings__a_toy_is_an_option),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
