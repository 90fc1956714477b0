/* run.notify: somebody is told that the study has ended, whichever way. What they do with it is no business of the
 * study's: a command that fails is noted, and nothing else. */
#include "steps.h"

#include <string.h>

#include "exec/exec.h"
#include "exec/exec_launch.h"
#include "spec/spec_placeholders.h"

#define NOTIFY_S 60. /* then it is ended */

/* The answer in a sentence, or why there is none. */
static void say_message(char *out, size_t n, const asc__study *s, asc_study_state state, const asc_error *why)
{
    char tokens[24];
    const char *verdict = s->answer.verdict;
    if (state == ASC_STUDY_FAILED)
        snprintf(out, n, "%.590s", why && why->msg[0] ? why->msg : "failed");
    else if (state == ASC_STUDY_INTERRUPTED)
        snprintf(out, n, "interrupted; rerun `autoscale run` to resume");
    else
        snprintf(out, n, "The mixture for %s tokens: %s%s%s", asc_format_count(s->spec->target_tokens, tokens),
                 s->n_mixtures ? s->mixtures[s->answer.mixture].name : "none", *verdict ? ". " : "", verdict);
}

static asc_status write_document(const char *path, asc__study *s, asc_study_state state, const char *message,
                                 const char *report, asc_error *err)
{
    bool known = s->created.isa != ASC_ISA_AUTO && s->reports; /* far enough for a summary */
    asc_summary *summary = known ? asc__study_summary(s, state) : NULL;
    json_t *doc = known && !summary ? NULL
                                    : json_pack("{s:s,s:s,s:s,s:s,s:s?}", "study", s->spec->name, "state",
                                                asc_study_state_name(state), "dir", s->dir, "message", message,
                                                "report", asc_path_exists(report) ? report : NULL);
    if (doc)
        json_object_set_new(doc, "answer",
                            summary && summary->answer.known ? asc_summary_answer_json(summary) : json_null());
    asc_status st = doc ? asc_json_write(path, doc, 2, err) : ASC_NOMEM(err);
    json_decref(doc);
    asc_summary_free(summary);
    return st;
}

static asc_status call(const asc__study *s, const char *document, const asc_launch_value *values, size_t n,
                       asc_error *err)
{
    asc_answer a = {0};
    const asc_trainer_spec words = {.command = s->spec->notify};
    const asc_question q = {.input = document, .timeout_s = NOTIFY_S};
    asc_status st = asc_ask_command(&a, &q, &words, s->spec->base_dir, s->dir, values, n, err);
    if (st == ASC_OK && a.exit_code != 0) {
        const char *said = a.said.data[strspn(a.said.data, " \n")] ? a.said.data : a.out.data;
        st = ASC_FAIL(err, ASC_EIO, "exit code %d%s%.*s", a.exit_code, *said ? ": " : "", (int)strcspn(said, "\n"),
                      said);
    }
    asc_answer_clear(&a);
    return st;
}

void asc__study_notify(asc__study *s, asc_study_state state, const asc_error *why)
{
    if (!s->spec->notify || !s->dir || (s->before && state == ASC_STUDY_DONE))
        return;
    char message[640], line[800];
    asc_error wrong = {0};
    char *report = asc_path_join(s->dir, "report.html"), *document = asc_path_join(s->dir, "notify.json");
    say_message(message, sizeof message, s, state, why);
    char *const text[ASC_N_OF_NOTIFY] = {[ASC_OF_NOTIFY_STUDY] = s->spec->name,
                                         [ASC_OF_NOTIFY_STATE] = (char *)(uintptr_t)asc_study_state_name(state),
                                         [ASC_OF_NOTIFY_DIR] = s->dir,
                                         [ASC_OF_NOTIFY_MESSAGE] = message,
                                         [ASC_OF_NOTIFY_REPORT] = report};
    asc_launch_value values[ASC_N_OF_NOTIFY];
    asc_launch_values_of(values, asc_of_notify, text, ASC_N_OF_NOTIFY);
    asc_status st =
        report && document ? write_document(document, s, state, message, report, &wrong) : ASC_NOMEM(&wrong);
    if (st == ASC_OK)
        st = call(s, document, values, ASC_N_OF_NOTIFY, &wrong);
    if (st != ASC_OK && s->opts->note) {
        snprintf(line, sizeof line, "run.notify: %.780s", wrong.msg);
        s->opts->note(s->opts->ctx, asc_text_printable(line, false));
    }
    asc_free(report);
    asc_free(document);
}
