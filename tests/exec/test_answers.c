/* What schedulers print, as their documents show it. */
#include "test.h"

#include <stdlib.h>

#include "answers.h"

static void id__is_the_first_word_of_the_last_line_or_stands_in_a_pattern(void **state)
{
    static const struct {
        const char *printed, *pattern, *id;
    } cases[] = {
        {"1234.pbs01\n", NULL, "1234.pbs01"},
        {"warning: no project\n \"77\" \n\n", NULL, "77"},
        {"1234[].pbs01\n", "{id}[", "1234"},
        {"Job <1234> is submitted to default queue <normal>.\n", "Job <{id}>", "1234"},
        {"Your job 99 (\"train\") has been submitted\n", "job {id} ", "99"},
        {"Submitting job(s).\n1 job(s) submitted to cluster 12.\n", "cluster {id}.", "12"},
        {"12.0 - 12.4\n", "{id}.", "12"},
        {"job.batch/asc-1-2 created\n", "job.batch/{id}", "asc-1-2"},
        {"", NULL, NULL},
        {"\n \n", NULL, NULL},
        {"Job <> ", "Job <{id}>", NULL},
        {"no id here\n", "Job <{id}>", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *id = asc__read_job_id(cases[i].printed, cases[i].pattern);
        if (cases[i].id)
            assert_string_equal(id, cases[i].id);
        else
            assert_null(id);
        asc_free(id);
    }
}

static void state__is_read_whatever_the_scheduler_calls_it(void **state)
{
    static const struct {
        const char *out, *said;
        int code;
        asc__seen seen;
        bool known;
    } cases[] = {
        {"R\n", "", 0, ASC__SEEN_ALIVE, true}, /* PBS */
        {"F", "", 0, ASC__SEEN_DONE, true},
        {"PEND\n", "", 0, ASC__SEEN_ALIVE, true}, /* LSF */
        {"EXIT\n", "", 0, ASC__SEEN_FAILED, true},
        {"2\n", "", 0, ASC__SEEN_ALIVE, true}, /* HTCondor */
        {"3\n", "", 0, ASC__SEEN_GONE, true},
        {"<none>\n", "", 0, ASC__SEEN_ALIVE, true}, /* Kubernetes */
        {"FailureTarget,Failed\n", "", 0, ASC__SEEN_FAILED, true},
        {"'SUCCEEDED'\n", "", 0, ASC__SEEN_DONE, true}, /* Ray */
        {"RUNNING", "a warning\n", 0, ASC__SEEN_ALIVE, true},
        {"BLOCKED\n", "", 0, ASC__SEEN_ALIVE, false},
        {"", "", 0, ASC__SEEN_GONE, true},
        {"", "qstat: Unknown Job Id 12.pbs\n", 153, ASC__SEEN_GONE, true},
        {"", "qstat: 12.pbs Job has finished, use -x or -H to obtain historical job information", 35, ASC__SEEN_GONE,
         true},
        {"", "Job <12.pbs> is not found\n", 255, ASC__SEEN_GONE, true},
        {"", "No unfinished job found\n", 0, ASC__SEEN_GONE, true},
        {"", "Job <13> is not found\n", 255, ASC__SEEN_NOTHING, true},
        {"", "Connection refused\nqstat: cannot connect to server pbs (errno=111)\n", 111, ASC__SEEN_NOTHING, true},
        {"", "sh: 1: qstat: not found 12.pbs\n", 127, ASC__SEEN_NOTHING, true},
        {"", "Connection refused\n", 0, ASC__SEEN_NOTHING, true}, /* in front of a pipe that ends well */
        {"R\n", "", 1, ASC__SEEN_NOTHING, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char word[12];
        bool known = false;
        asc__seen seen =
            asc__read_state(cases[i].out, cases[i].said, cases[i].code, "12.pbs", word, sizeof word, &known);
        if (seen != cases[i].seen || known != cases[i].known)
            fail_msg("case %zu: %s%s: seen %d, known %d", i, cases[i].out, cases[i].said, (int)seen, known);
    }
}

static void list__tells_each_jobs_state_and_which_are_gone(void **state)
{
    static const char list[] = "12.0 2\n 123 PEND\n\"asc-a-1\" \"RUN\"\n13 DONE\n14";
    char word[8];
    bool known;
    assert_int_equal(asc__find_state(list, "12.0", word, sizeof word, &known), ASC__SEEN_ALIVE);
    assert_int_equal(asc__find_state(list, "123", word, sizeof word, &known), ASC__SEEN_ALIVE);
    assert_string_equal(word, "PEND");
    assert_int_equal(asc__find_state(list, "asc-a-1", word, sizeof word, &known), ASC__SEEN_ALIVE);
    assert_int_equal(asc__find_state(list, "13", word, sizeof word, &known), ASC__SEEN_DONE);
    assert_int_equal(asc__find_state(list, "12", word, sizeof word, &known), ASC__SEEN_GONE);
    assert_int_equal(asc__find_state(list, "14", word, sizeof word, &known), ASC__SEEN_GONE);
    assert_int_equal(asc__find_state("", "12", word, sizeof word, &known), ASC__SEEN_GONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(id__is_the_first_word_of_the_last_line_or_stands_in_a_pattern),
        cmocka_unit_test(state__is_read_whatever_the_scheduler_calls_it),
        cmocka_unit_test(list__tells_each_jobs_state_and_which_are_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
