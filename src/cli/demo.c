/* autoscale demo: the whole method on real text of this machine, or on a user's folders. */
#include "cli.h"

#include "demo_own.h"
#include "demo_plan.h"
#include "demo_text.h"
#include "study_run.h"

#include <stdlib.h>
#include <string.h>

/* Seconds of training aimed at. Text, tokenizer, fits and report come on top: all within five minutes and 90 seconds.
 */
static const double seconds_full = 210, seconds_fast = 52;

typedef struct demo {
    const asc_cli_args *args;
    const char *out, *data, *targets;
    bool fast;
    int64_t seed;
    char *study, *marker;
    json_t *texts;
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

static json_t *what_was_asked(const demo *d)
{
    return json_pack("{s:b,s:s,s:s,s:I}", "fast", d->fast, "data", d->data ? d->data : "", "targets",
                     d->targets ? d->targets : "", "seed", (json_int_t)d->seed);
}

/* OUT/demo.json says what the demo in OUT was asked for: another question needs another folder. */
static asc_status check_marker(const demo *d, asc_error *err)
{
    json_t *was = NULL, *now = what_was_asked(d);
    asc_status st = now ? ASC_OK : ASC_NOMEM(err);
    bool there = asc_path_exists(d->marker);
    if (st == ASC_OK)
        st = there ? asc_json_load(&was, d->marker, err) : asc_json_write(d->marker, now, 2, err);
    if (st == ASC_OK && there && !json_equal(was, now))
        st = ASC_FAIL(err, ASC_ESTATE,
                      "%s holds a demo started with other options; choose another folder with --out, or remove it",
                      d->out);
    json_decref(was);
    json_decref(now);
    return st;
}

/* ---- the steps ---- */

static void list_texts(const demo *d)
{
    size_t i;
    json_t *domain;
    char line[512], bytes[24];
    bool told = false;
    say(d, "domains:");
    json_array_foreach(d->texts, i, domain)
    {
        const char *name = json_string_value(json_object_get(domain, "name"));
        const char *what = json_string_value(json_object_get(domain, "what"));
        json_t *n = json_object_get(domain, "bytes");
        bool heldout = json_is_true(json_object_get(domain, "heldout"));
        if (heldout && !told)
            say(d, "held-out targets, what the model should be good at:");
        told = heldout;
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
    if (d->data) {
        json_t *targets = NULL;
        ASC_TRY(asc__demo_folders(&d->texts, d->data, false, err));
        if (d->targets)
            ASC_TRY(asc__demo_folders(&targets, d->targets, true, err));
        bool ok = json_array_extend(d->texts, targets) == 0 || !targets;
        json_decref(targets);
        return ok ? ASC_OK : ASC_NOMEM(err);
    }
    asc_demo_opts opts = {.out_dir = d->out, .max_bytes = d->fast ? 4000000 : 8000000, .note = note, .ctx = d};
    say(d, "looking for text on this machine");
    return asc__demo_text(&d->texts, &opts, err);
}

static double seconds_wanted(const demo *d)
{
    const char *s = getenv("AUTOSCALE_DEMO_SECONDS");
    double seconds = d->fast ? seconds_fast : seconds_full;
    if (s && (!asc_parse_double(s, &seconds) || !(seconds > 0)))
        seconds = d->fast ? seconds_fast : seconds_full;
    return seconds;
}

static size_t count_heldout(const json_t *texts)
{
    size_t i, n = 0;
    json_t *t;
    json_array_foreach(texts, i, t)
    {
        n += json_is_true(json_object_get(t, "heldout"));
    }
    return n;
}

static asc_status write_study(demo *d, asc_error *err)
{
    asc_demo_plan plan;
    char line[256], branch[24], target[24], time[24];
    int jobs = asc_cpu_count();
    if (asc_path_exists(d->study)) {
        say(d, "resuming the existing study");
        return ASC_OK;
    }
    size_t n_targets = count_heldout(d->texts);
    ASC_TRY(asc__demo_size(&plan, json_array_size(d->texts) - n_targets, n_targets, seconds_wanted(d), jobs, err));
    plan.seed = (uint64_t)d->seed;
    snprintf(line, sizeof line,
             "a GPT-2 of %d layers and width %d; target %s tokens, branches of %s; about %s of training", plan.layers,
             plan.width, asc_format_count(plan.target, target), asc_format_count(plan.branch, branch),
             asc_format_duration(plan.seconds, time));
    say(d, line);
    return asc__demo_write_study(d->study, d->fast ? "demo-fast" : "demo", &plan, d->texts, err);
}

/* The same path as `autoscale run`, which also prints the answer and where the report is. */
static asc_status run_study(const demo *d, asc_error *err)
{
    asc_study_spec spec = {0};
    ASC_TRY(asc_study_load(&spec, d->study, err));
    asc_status st = asc__cli_study_run(d->args, &spec, d->out, 0, ASC_ISA_AUTO, err);
    asc_study_spec_clear(&spec);
    if (st == ASC_EINTR)
        return ASC_FAIL(err, ASC_EINTR, "interrupted; rerun the same command to resume");
    return st;
}

static asc_status all_steps(demo *d, asc_error *err)
{
    char line[512];
    ASC_TRY(asc_mkdirs(d->out, err));
    ASC_TRY(check_marker(d, err));
    ASC_TRY(find_text(d, err));
    list_texts(d);
    ASC_TRY(write_study(d, err));
    ASC_TRY(run_study(d, err));
    if (count_heldout(d->texts) && !asc__cli_json(d->args))
        ASC_TRY(asc__demo_own_mean(d->out, err));
    snprintf(line, sizeof line, "study file: %s (edit it, and `autoscale run` it in another folder)", d->study);
    say(d, line);
    return ASC_OK;
}

static asc_status run(const asc_cli_args *args, asc_error *err)
{
    demo d = {.args = args, .out = asc__cli_get(args, "out"), .data = asc__cli_get(args, "data")};
    d.out = d.out ? d.out : "autoscale-demo";
    d.fast = asc__cli_has(args, "fast");
    d.targets = asc__cli_get(args, "targets");
    d.seed = 42;
    ASC_TRY(asc__cli_count(args, "seed", &d.seed, err));
    if (d.targets && !d.data)
        return ASC_FAIL(err, ASC_EINVAL, "--targets needs --data DIR, the domains to learn from");
    d.study = asc_path_join(d.out, "study.yaml");
    d.marker = asc_path_join(d.out, "demo.json");
    asc_status st = d.study && d.marker ? all_steps(&d, err) : ASC_NOMEM(err);
    json_decref(d.texts);
    asc_free(d.study);
    asc_free(d.marker);
    return st;
}

static const asc_cli_option options[] = {
    {"out", 'o', "DIR", "the demo's folder (default: autoscale-demo); rerun the same command to resume"},
    {"data", 'd', "DIR", "your own text: one domain per folder in DIR"},
    {"targets", 't', "DIR", "with --data: held-out text the model should be good at, one target per folder or file"},
    {"fast", 0, NULL, "finish within 90 seconds, with noisier results"},
    {"seed", 's', "N", "seed of the runs (default: 42)"},
    {0},
};

const asc_cli_command asc__cli_demo = {
    .name = "demo",
    .usage = "[--out DIR] [--data DIR [--targets DIR]] [--fast]",
    .summary = "run the whole method on real text from this machine, in minutes",
    .options = options,
    .run = run,
};
