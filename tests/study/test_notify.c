/* run.notify: the command that is called when a study has ended, with the answer in a sentence and in a document. */
#include "test.h"

#include "study_made.h"

static char last_note[900];
static int n_notes;

static void take_note(void *ctx, const char *line)
{
    snprintf(last_note, sizeof last_note, "%s", line);
    n_notes++;
}

/* The command writes its words, a line each, to `called`, and what it is given to read to `document`. */
static void notify_by(const char *script)
{
    in_folder();
    char *path = put_program("tell", script);
    asc_free(spec.notify);
    spec.notify = asc_strf("%s {state} {dir} {report}", path);
    spec.base_dir = folder;
    opts.note = take_note;
    last_note[0] = 0;
    n_notes = 0;
    asc_free(path);
}

#define KEEP "#!/bin/sh\nprintf '%s\\n' \"$@\" \"$AUTOSCALE_MESSAGE\" >\"$2/called\"\ncat >\"$2/document\"\n"

static json_t *document(void)
{
    json_t *j = NULL;
    char *path = asc_path_join(folder, "document");
    assert_int_equal(asc_json_load(&j, path, &err), ASC_OK);
    asc_free(path);
    return j;
}

static const char *word(const json_t *j, const char *key)
{
    return json_string_value(json_object_get(j, key));
}

static void notify__says_the_answer(void **state)
{
    double shares[D] = {.5, .25, .25};
    notify_by(KEEP);
    with_mixtures(1);
    assert_int_equal(asc__add_mixture(&s, ASC_MIXTURE_JOINT, "joint", shares, &err), ASC_OK);
    snprintf(s.answer.verdict, sizeof s.answer.verdict, "P(better than uniform) 0.99");
    s.answer.known = true;
    asc__study_notify(&s, ASC_STUDY_DONE, NULL);
    char *called = read_text("called");
    assert_int_equal(n_notes, 0);
    assert_memory_equal(called, "done\n/", 6);
    assert_non_null(strstr(called, "The mixture for 160k tokens: joint. P(better than uniform) 0.99"));
    asc_free(called);
    json_t *j = document();
    assert_string_equal(word(j, "study"), "tiny");
    assert_string_equal(word(j, "state"), "done");
    assert_string_equal(word(j, "dir"), folder);
    assert_null(word(j, "report")); /* none was written */
    json_decref(j);
}

/* Far enough for a summary, and with a report. */
static void notify__has_the_answer_as_numbers(void **state)
{
    double shares[D] = {.5, .25, .25};
    static asc_domain_report reports[D];
    notify_by(KEEP);
    put_file("report.html", "<html>");
    with_mixtures(1);
    assert_int_equal(asc__add_mixture(&s, ASC_MIXTURE_JOINT, "joint", shares, &err), ASC_OK);
    s.answer = (asc__answer){.known = true, .pays_from_tokens = NAN};
    spec.validate = false;
    s.created.isa = ASC_ISA_AVX2;
    s.reports = reports;
    asc__study_notify(&s, ASC_STUDY_DONE, NULL);
    s.reports = NULL;
    json_t *j = document(), *weights = json_object_get(json_object_get(j, "answer"), "weights");
    assert_true(near(json_number_value(json_object_get(weights, "books")), .5));
    assert_non_null(word(j, "report"));
    json_decref(j);
}

static void notify__says_why_a_study_failed(void **state)
{
    asc_error why = {0};
    notify_by(KEEP);
    ASC_FAIL(&why, ASC_EIO, "no space left on device");
    asc__study_notify(&s, ASC_STUDY_FAILED, &why);
    json_t *j = document();
    assert_string_equal(word(j, "state"), "failed");
    assert_string_equal(word(j, "message"), "no space left on device");
    assert_true(json_is_null(json_object_get(j, "answer")));
    json_decref(j);
    asc__study_notify(&s, ASC_STUDY_INTERRUPTED, NULL);
    j = document();
    assert_string_equal(word(j, "message"), "interrupted; rerun `autoscale run` to resume");
    json_decref(j);
}

/* What the command does with it is no business of the study's: it goes on, and the line says what was wrong. */
static void notify__a_command_that_fails_is_noted(void **state)
{
    notify_by("#!/bin/sh\necho cannot reach mail >&2\nexit 3\n");
    asc__study_notify(&s, ASC_STUDY_DONE, NULL);
    assert_string_equal(last_note, "run.notify: exit code 3: cannot reach mail");
    spec.notify[0] = '?'; /* no such program */
    asc__study_notify(&s, ASC_STUDY_DONE, NULL);
    assert_int_equal(n_notes, 2);
    assert_memory_equal(last_note, "run.notify: ", 12);
}

static void notify__nobody_is_told_twice(void **state)
{
    notify_by(KEEP);
    s.before = asc_summary_create(D, D); /* it had ended before, and was told then */
    asc__study_notify(&s, ASC_STUDY_DONE, NULL);
    assert_false(is_there("called"));
    asc__study_notify(&s, ASC_STUDY_FAILED, NULL);
    assert_true(is_there("called"));
    asc_summary_free(s.before);
    asc_free(spec.notify);
    spec.notify = NULL;
    asc__study_notify(&s, ASC_STUDY_DONE, NULL); /* and nobody to be told */
    assert_int_equal(n_notes, 0);
}

static int free_command(void **state)
{
    asc_free(spec.notify);
    spec.notify = NULL;
    return study_tear_down(state);
}

#define WITH_COMMAND(f) cmocka_unit_test_setup_teardown(f, study_set_up, free_command)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_COMMAND(notify__says_the_answer),         WITH_COMMAND(notify__has_the_answer_as_numbers),
        WITH_COMMAND(notify__says_why_a_study_failed), WITH_COMMAND(notify__a_command_that_fails_is_noted),
        WITH_COMMAND(notify__nobody_is_told_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
