/* autoscale plan: what a study will take, before it takes it. */
#include "cli.h"

#include <math.h>
#include <string.h>

#include "study/study.h"

static const asc_cli_option options[] = {
    {"dir", 'd', "DIR", "the study's folder (default: the current one): token files there make epochs exact"},
    {"jobs", 'j', "N", "concurrent runs (default: the study's, else one per core)"},
    {0},
};

static const char *duration(double s, char *buf)
{
    if (!(s >= 0))
        return "?";
    return asc_format_duration(s, buf);
}

/* The most that one domain is seen in a run. */
static double most_epochs(const json_t *run)
{
    double most = NAN;
    const char *key;
    json_t *x;
    json_object_foreach(json_object_get(run, "epochs"), key, x)
    {
        if (json_is_number(x))
            most = fmax(isnan(most) ? 0 : most, json_number_value(x));
    }
    return most;
}

/* Merged models that stand one after another: each is evaluated, none is trained. */
static size_t merged_from(const json_t *runs, size_t i)
{
    size_t n = 0;
    const char *kind;
    while ((kind = json_string_value(json_object_get(json_array_get(runs, i + n), "kind"))) &&
           strcmp(kind, "merge") == 0)
        n++;
    return n;
}

static void print_runs(const json_t *runs)
{
    printf("%-32s %10s %10s %9s %9s\n", "run", "tokens", "FLOPs", "time", "epochs");
    for (size_t i = 0; i < json_array_size(runs); i++) {
        const json_t *r = json_array_get(runs, i);
        size_t merged = merged_from(runs, i);
        char tokens[24], flops[24], time[24], epochs[24] = "";
        double e = most_epochs(r);
        if (!isnan(e))
            snprintf(epochs, sizeof epochs, "%.2f", e);
        const char *state = json_string_value(json_object_get(r, "state"));
        printf("%-32s %10s %10s %9s %9s%s%s\n", json_string_value(json_object_get(r, "id")),
               asc_format_count(asc_json_number(r, "tokens"), tokens),
               asc_format_si(asc_json_number(r, "flops"), flops), duration(asc_json_number(r, "seconds"), time), epochs,
               state ? "  " : "", state ? state : "");
        if (merged > 1)
            printf("  .. and %zu more merged models\n", merged - 1);
        i += merged > 1 ? merged - 1 : 0;
    }
}

/* "search: 30 runs in 2 groups of 15" */
static void print_groups(const json_t *groups)
{
    for (size_t i = 0; i < json_array_size(groups); i++) {
        const json_t *g = json_array_get(groups, i);
        double runs = asc_json_number(g, "runs"), n = asc_json_number(g, "groups"),
               most = asc_json_number(g, "largest");
        printf("%s: %.0f run%s in %.0f group%s of %s%.0f\n", json_string_value(json_object_get(g, "phase")), runs,
               runs == 1 ? "" : "s", n, n == 1 ? "" : "s", n * most == runs ? "" : "at most ", most);
    }
}

static void print_objective(const json_t *plan)
{
    const json_t *heldout = json_object_get(plan, "heldout");
    const char *word = json_string_value(json_object_get(plan, "objective"));
    printf("optimizing for: ");
    asc__cli_print_name(word ? word : "", 0);
    if (word && strcmp(word, "mean-targets") == 0) {
        printf(", the mean over ");
        for (size_t i = 0; i < json_array_size(heldout); i++) {
            printf("%s", i == 0 ? "" : ", ");
            asc__cli_print_name(json_string_value(json_array_get(heldout, i)), 0);
        }
    } else if (word && strcmp(word, "mean-domains") == 0)
        printf(", the mean over the training domains themselves");
    printf("\n\n");
}

/* "its FLOPs are 15 % of those of one run at the target (at most 15 %), its time 17 %" */
static void print_search(const json_t *search)
{
    double most = asc_json_number(search, "at_most"), time = asc_json_number(search, "share_of_time");
    printf("its FLOPs, evaluation included, are %.3g %% of those of one run at the target",
           100 * asc_json_number(search, "share"));
    if (!isnan(most))
        printf(" (search.at_most: %g %%)", 100 * most);
    if (!isnan(time))
        printf(", its time %.3g %%", 100 * time);
    putchar('\n');
    const json_t *branches = json_object_get(search, "branches"), *merges = json_object_get(search, "merges");
    char prefix[24], branch[24];
    if (branches)
        printf("of which %.0f branches of %s tokens %.3g %%, %.0f merged models %.3g %%; the first %s tokens of the "
               "target "
               "are its own\n",
               asc_json_number(branches, "runs"), asc_format_count(asc_json_number(search, "branch_tokens"), branch),
               100 * asc_json_number(branches, "share"), asc_json_number(merges, "runs"),
               100 * asc_json_number(merges, "share"),
               asc_format_count(asc_json_number(search, "prefix_tokens"), prefix));
}

static void print_plan(const json_t *plan)
{
    char tokens[24], flops[24], bytes[24], time[24], search[24];
    const json_t *runs = json_object_get(plan, "runs"), *notes = json_object_get(plan, "notes");
    print_objective(plan);
    print_runs(runs);
    printf("\n%zu runs, %s tokens, %sFLOPs, %s of disk, about %s with %d at once\n", json_array_size(runs),
           asc_format_count(asc_json_number(plan, "tokens"), tokens),
           asc_format_si(asc_json_number(plan, "flops"), flops), asc_format_si(asc_json_number(plan, "bytes"), bytes),
           duration(asc_json_number(plan, "seconds"), time), (int)asc_json_number(plan, "jobs"));
    print_groups(json_object_get(plan, "groups"));
    if (json_object_get(plan, "kept"))
        printf("%.0f of %zu kept: already done in this folder\n", asc_json_number(plan, "kept"), json_array_size(runs));
    if (asc_json_number(plan, "judged") > 0)
        printf("%.0f of them evaluate the target's checkpoints on tasks (%s on one core)\n",
               asc_json_number(plan, "judged"), duration(asc_json_number(plan, "judged_seconds"), time));
    printf("the search costs %s tokens, %.2f times one target run\n",
           asc_format_count(asc_json_number(plan, "search_tokens"), search), asc_json_number(plan, "search_multiple"));
    print_search(json_object_get(plan, "search"));
    for (size_t i = 0; i < json_array_size(notes); i++)
        printf("note: %s\n", json_string_value(json_array_get(notes, i)));
}

static asc_status run(const asc_cli_args *a, asc_error *err)
{
    asc_study_spec spec;
    int64_t jobs = 0;
    json_t *plan = NULL;
    ASC_TRY(asc__cli_count(a, "jobs", &jobs, err));
    ASC_TRY(asc_study_load(&spec, asc__cli_file(a, 0), err));
    asc_study_opts opts = {.dir = asc__cli_get(a, "dir"), .jobs = (int)(jobs < 65536 ? jobs : 65536)};
    asc_status st = asc_study_plan(&plan, &spec, &opts, err);
    if (st == ASC_OK && asc__cli_json(a))
        st = asc__cli_print_json(plan, err);
    else if (st == ASC_OK)
        print_plan(plan);
    json_decref(plan);
    asc_study_spec_clear(&spec);
    return st;
}

const asc_cli_command asc__cli_plan = {
    .name = "plan",
    .usage = "STUDY.yaml [--dir DIR]",
    .summary = "list a study's runs with tokens, FLOPs, time and disk (dry run: nothing is trained)",
    .options = options,
    .min_files = 1,
    .max_files = 1,
    .run = run,
};
