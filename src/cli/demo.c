/* autoscale demo: the whole method on real text of this machine, or on a user's folders. */
#include "cli.h"

#include "demo_plan.h"
#include "demo_text.h"
#include "study_run.h"

#include <stdlib.h>
#include <string.h>

/* Seconds of training aimed at. Text, tokenizer and report come on top, and short runs take half as long again as their
 * steps (starting, evaluating, waiting for the last of a scale): all within the promised ten and two minutes. */
static const double seconds_full = 330, seconds_fast = 58;

typedef struct demo {
    const asc_cli_args *args;
    const char *out, *data;
    bool fast;
    char *study, *marker;
    json_t *domains;
} demo;

static void say(const demo *d, const char *line)
{
    if (asc__cli_quiet(d->args))
        return;
    asc__cli_progress_end();
    fprintf(stderr, "%s\n", line);
}

static void note(void *ctx, const char *line)
{
    say(ctx, line);
}

/* ---- going on with an earlier call ---- */

/* OUT/demo.json says what the demo in OUT was asked for: another question needs another folder. */
static asc_status check_marker(const demo *d, asc_error *err)
{
    json_t *was = NULL;
    if (!asc_path_exists(d->marker)) {
        json_t *now = json_pack("{s:b,s:s}", "fast", d->fast, "data", d->data ? d->data : "");
        asc_status st = now ? asc_json_write(d->marker, now, 2, err) : ASC_NOMEM(err);
        json_decref(now);
        return st;
    }
    ASC_TRY(asc_json_load(&was, d->marker, err));
    const char *data = json_string_value(json_object_get(was, "data"));
    bool same =
        json_is_true(json_object_get(was, "fast")) == d->fast && data && strcmp(data, d->data ? d->data : "") == 0;
    json_decref(was);
    return same ? ASC_OK
                : ASC_FAIL(
                      err, ASC_ESTATE,
                      "%s holds a demo that was begun with other options; give another folder with --out, or remove it",
                      d->out);
}

/* ---- the steps ---- */

static void list_domains(const demo *d)
{
    size_t i;
    json_t *domain;
    char line[512], bytes[24];
    json_array_foreach(d->domains, i, domain)
    {
        const char *name = json_string_value(json_object_get(domain, "name"));
        const char *what = json_string_value(json_object_get(domain, "what"));
        json_t *n = json_object_get(domain, "bytes");
        if (json_is_integer(n))
            snprintf(line, sizeof line, "  %-12s %6sB  %s%s", name, asc_format_si((double)json_integer_value(n), bytes),
                     what, json_is_true(json_object_get(domain, "fetched")) ? " (fetched)" : "");
        else
            snprintf(line, sizeof line, "  %-12s %s", name, what);
        say(d, line);
    }
    if (!d->data) {
        snprintf(line, sizeof line, "  files and licences: %s/text/SOURCES.txt", d->out);
        say(d, line);
    }
}

static asc_status find_text(demo *d, asc_error *err)
{
    if (d->data)
        return asc__demo_folders(&d->domains, d->data, err);
    asc_demo_opts opts = {.out_dir = d->out, .max_bytes = d->fast ? 2500000 : 6000000, .note = note, .ctx = d};
    say(d, "looking for text on this machine");
    return asc__demo_text(&d->domains, &opts, err);
}

static double seconds_wanted(const demo *d)
{
    const char *s = getenv("AUTOSCALE_DEMO_SECONDS");
    double seconds = d->fast ? seconds_fast : seconds_full;
    if (s && (!asc_parse_double(s, &seconds) || !(seconds > 0)))
        seconds = d->fast ? seconds_fast : seconds_full;
    return seconds;
}

static asc_status write_study(demo *d, asc_error *err)
{
    asc_demo_plan plan;
    char line[256], s0[24], s1[24], target[24], time[24];
    int jobs = asc_cpu_count();
    if (asc_path_exists(d->study)) {
        say(d, "going on with the study that is there");
        return ASC_OK;
    }
    ASC_TRY(asc__demo_size(&plan, json_array_size(d->domains), seconds_wanted(d), jobs, err));
    snprintf(line, sizeof line,
             "a GPT-2 of %d layers and width %d; scales of %s and %s tokens, target %s; about %s of training",
             plan.layers, plan.width, asc_format_si(plan.scales[0], s0), asc_format_si(plan.scales[1], s1),
             asc_format_si(plan.target, target), asc_format_duration(plan.seconds, time));
    say(d, line);
    return asc__demo_write_study(d->study, d->fast ? "demo-fast" : "demo", &plan, d->domains, err);
}

/* The same path as `autoscale run`, which also prints the answer and where the report is. */
static asc_status run_study(const demo *d, asc_error *err)
{
    asc_study_spec spec = {0};
    ASC_TRY(asc_study_load(&spec, d->study, err));
    asc_status st = asc__cli_study_run(d->args, &spec, d->out, 0, ASC_ISA_AUTO, err);
    asc_study_spec_clear(&spec);
    if (st == ASC_EINTR)
        return ASC_FAIL(err, ASC_EINTR, "interrupted; the same command goes on from here");
    return st;
}

static asc_status all_steps(demo *d, asc_error *err)
{
    char line[512];
    ASC_TRY(asc_mkdirs(d->out, err));
    ASC_TRY(check_marker(d, err));
    ASC_TRY(find_text(d, err));
    list_domains(d);
    ASC_TRY(write_study(d, err));
    ASC_TRY(run_study(d, err));
    snprintf(line, sizeof line, "the study is %s: edit it and `autoscale run` it into another folder", d->study);
    say(d, line);
    return ASC_OK;
}

static asc_status run(const asc_cli_args *args, asc_error *err)
{
    demo d = {.args = args, .out = asc__cli_get(args, "out"), .data = asc__cli_get(args, "data")};
    d.out = d.out ? d.out : "autoscale-demo";
    d.fast = asc__cli_has(args, "fast");
    d.study = asc_path_join(d.out, "study.yaml");
    d.marker = asc_path_join(d.out, "demo.json");
    asc_status st = d.study && d.marker ? all_steps(&d, err) : ASC_NOMEM(err);
    json_decref(d.domains);
    asc_free(d.study);
    asc_free(d.marker);
    return st;
}

static const asc_cli_option options[] = {
    {"out", 'o', "DIR", "the demo's folder (default: autoscale-demo); a demo begun there goes on"},
    {"data", 'd', "DIR", "your own text: every folder in DIR is a domain"},
    {"fast", 0, NULL, "under two minutes, with numbers to match"},
    {0},
};

const asc_cli_command asc__cli_demo = {
    .name = "demo",
    .usage = "[--out DIR] [--data DIR] [--fast]",
    .summary = "the whole method on real text of this machine, in minutes",
    .options = options,
    .run = run,
};
