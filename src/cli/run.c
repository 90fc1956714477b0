/* autoscale run: a study from text to answer, and on from where it stopped. */
#include "cli.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "report/report.h"
#include "study_run.h"

static const asc_cli_option options[] = {
    {"dir", 'd', "DIR", "the study's folder (default: the current one)"},
    {"jobs", 'j', "N", "concurrent runs (default: the study's, else one per core)"},
    {"ranks", 0, "N", "processes per run, under mpirun (default: the study's run.ranks)"},
    {"isa", 0, "NAME", "auto, sse41, avx2, avx512, avx512_bf16, amx or plain; fixed when the study is created"},
    {"at", 0, "20,60", "branches at these percents of the target's run (default: the study's search.at)"},
    {"refit", 0, NULL, "continue a finished study where this version would train or choose other mixtures"},
    {0},
};

/** What the callbacks need. */
typedef struct context {
    const asc_cli_args *args;
} context;

static void on_progress(void *ctx, const char *what, double done, double total, const char *unit)
{
    asc__cli_progress((void *)(uintptr_t)((context *)ctx)->args, what, done, total, unit);
}

static void on_note(void *ctx, const char *line)
{
    if (asc__cli_quiet(((context *)ctx)->args))
        return;
    asc__cli_progress_end();
    fprintf(stderr, "%s\n", line);
}

static asc_status on_report(void *ctx, const char *dir, asc_error *err)
{
    return asc_report_write(dir, err);
}

static asc_status print_result(const asc_cli_args *a, asc_summary *summary, const char *dir, asc_error *err)
{
    char *report = asc_path_join(dir, "report.html"), *table = asc_path_join(dir, "runs.csv");
    char *mixture = asc_path_join(dir, "mixture.json");
    asc_status st = report && table && mixture ? ASC_OK : ASC_NOMEM(err);
    if (st == ASC_OK && asc__cli_json(a)) {
        json_t *o = json_pack("{s:s,s:o,s:o,s:o}", "state", "done", "report", json_string(report), "runs",
                              json_string(table), "mixture", json_string(mixture));
        if (summary->answer.known)
            json_object_set_new(o, "answer", asc_summary_answer_json(summary));
        if (summary->prediction.known)
            json_object_set_new(o, "prediction", asc_summary_prediction_json(summary));
        if (summary->target_run.known)
            json_object_set_new(o, "target_run", asc_summary_target_run_json(summary));
        st = o ? asc__cli_print_json(o, err) : ASC_NOMEM(err);
        json_decref(o);
    } else if (st == ASC_OK) {
        asc__cli_print_answer(summary);
        putchar('\n');
        asc__cli_print_name(report, 0);
        putchar('\n');
    }
    asc_free(report);
    asc_free(table);
    asc_free(mixture);
    return st;
}

asc_status asc__cli_study_run(const asc_cli_args *a, const asc_study_spec *spec, const char *dir, int jobs, asc_isa isa,
                              asc_error *err)
{
    context ctx = {.args = a};
    asc_study_opts opts = {.dir = dir,
                           .jobs = jobs,
                           .isa = isa,
                           .refit = asc__cli_has(a, "refit"),
                           .progress = on_progress,
                           .note = on_note,
                           .report = on_report,
                           .ctx = &ctx};
    asc_summary *summary = NULL;
    asc_status st = asc_study_run(&summary, spec, &opts, err);
    asc__cli_progress_end();
    if (st == ASC_OK)
        st = print_result(a, summary, dir, err);
    asc_summary_free(summary);
    return st;
}

static asc_status read_isa(const asc_cli_args *a, asc_isa *out, asc_error *err)
{
    const char *s = asc__cli_get(a, "isa");
    if (s && !asc_isa_parse(s, out))
        return ASC_FAIL(err, ASC_EINVAL,
                        "--isa: expected auto, sse41, avx2, avx512, avx512_bf16, amx or plain; found '%s'", s);
    return ASC_OK;
}

static asc_status say_how_to_go_on(const asc_cli_args *a, const char *study, const char *dir, asc_error *err)
{
    asc_buf command = {0};
    asc_buf_puts(&command, "autoscale run ");
    asc_buf_shell_word(&command, study);
    asc_buf_puts(&command, " --dir ");
    asc_buf_shell_word(&command, dir);
    if (asc__cli_get(a, "at")) {
        asc_buf_puts(&command, " --at ");
        asc_buf_shell_word(&command, asc__cli_get(a, "at"));
    }
    asc_status st = ASC_FAIL(err, ASC_EINTR, "interrupted; rerun `%s` to resume",
                             command.oom || !command.data ? "autoscale run" : command.data);
    asc_buf_clear(&command);
    return st;
}

static asc_status run(const asc_cli_args *a, asc_error *err)
{
    asc_study_spec spec;
    int64_t jobs = 0, ranks = 0;
    asc_isa isa = ASC_ISA_AUTO;
    const char *dir = asc__cli_get(a, "dir");
    dir = dir ? dir : ".";
    ASC_TRY(asc__cli_count(a, "jobs", &jobs, err));
    if (jobs > 65536)
        return ASC_FAIL(err, ASC_EINVAL, "--jobs: expected at most 65536, found %lld", (long long)jobs);
    ASC_TRY(asc__cli_count(a, "ranks", &ranks, err));
    if (ranks > 4096)
        return ASC_FAIL(err, ASC_EINVAL, "--ranks: expected 1 to 4096, found %lld", (long long)ranks);
    ASC_TRY(read_isa(a, &isa, err));
    ASC_TRY(asc_study_load(&spec, asc__cli_file(a, 0), err));
    if (ranks > 0)
        spec.ranks = (int)ranks;
    asc_status st = asc__cli_get(a, "at") ? asc_study_search_at(&spec, asc__cli_get(a, "at"), err) : ASC_OK;
    if (st == ASC_OK)
        st = asc__cli_study_run(a, &spec, dir, (int)jobs, isa, err);
    asc_study_spec_clear(&spec);
    return st == ASC_EINTR ? say_how_to_go_on(a, asc__cli_file(a, 0), dir, err) : st;
}

const asc_cli_command asc__cli_run = {
    .name = "run",
    .usage = "STUDY.yaml [--dir DIR] [--jobs N]",
    .summary = "run a study from text to answer; rerun the same command to resume",
    .options = options,
    .min_files = 1,
    .max_files = 1,
    .run = run,
};
