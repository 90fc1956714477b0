/* autoscale plan: what a study will take, before it takes it. */
#include "cli.h"

#include <math.h>
#include <string.h>

#include "study/study_plan.h"

static const asc_cli_option options[] = {
    {"dir", 'd', "DIR", "the study's folder (default: the current one): token files there make epochs exact"},
    {"jobs", 'j', "N", "concurrent runs (default: the study's, else one per core)"},
    {"at", 0, "20,60", "branches at these percents of the target's run (default: the study's search.at)"},
    {0},
};

static const char *duration(double s, char *buf)
{
    if (!(s >= 0))
        return "?";
    return asc_format_duration(s, buf);
}

/* The most that one domain is seen in a run; NaN: its mixture is not known yet. */
static double most_epochs(const asc_plan *p, const asc_plan_run *r)
{
    double most = NAN;
    for (size_t i = 0; r->epochs && i < p->n_domains; i++)
        if (isfinite(r->epochs[i]))
            most = fmax(isnan(most) ? 0 : most, r->epochs[i]);
    return most;
}

/* Merged models that stand one after another from run i on: each is evaluated, none is trained. */
static size_t merged_from(const asc_plan *p, size_t i)
{
    size_t n = 0;
    while (i + n < p->n_runs && p->runs[i + n].kind == ASC_KIND_MERGE)
        n++;
    return n;
}

/* Whether the runs' models differ in size. */
static bool any_sizes(const asc_plan *p)
{
    for (size_t i = 1; i < p->n_runs; i++)
        if (p->runs[i].params != p->runs[0].params)
            return true;
    return false;
}

static void print_run(const asc_plan *p, const asc_plan_run *r, bool sizes)
{
    char params[24], tokens[24], flops[24], time[24], epochs[24] = "";
    const char *state = asc_plan_run_state(p, r);
    double e = most_epochs(p, r);
    if (!isnan(e))
        snprintf(epochs, sizeof epochs, "%.2f", e);
    printf("%-32s", r->id);
    if (sizes)
        printf("  %10s", asc_format_count(r->params, params));
    printf(" %10s %10s %9s %9s%s%s\n", asc_format_count(r->tokens, tokens), asc_format_si(r->flops, flops),
           duration(r->seconds, time), epochs, state ? "  " : "", state ? state : "");
}

static void print_runs(const asc_plan *p)
{
    bool sizes = any_sizes(p);
    printf("%-32s%s %10s %10s %9s %9s\n", "run", sizes ? "  parameters" : "", "tokens", "FLOPs", "time", "epochs");
    for (size_t i = 0; i < p->n_runs; i++) {
        size_t merged = merged_from(p, i);
        print_run(p, &p->runs[i], sizes);
        if (merged > 1)
            printf("  .. and %zu more merged models\n", merged - 1);
        i += merged > 1 ? merged - 1 : 0;
    }
}

/* "search: 30 runs in 2 groups of 15" */
static void print_groups(const asc_plan *p)
{
    for (size_t i = 0; i < p->n_groups; i++) {
        const asc_plan_group *g = &p->groups[i];
        printf("%s: %zu run%s in %zu group%s of %s%zu\n", g->phase, g->runs, g->runs == 1 ? "" : "s", g->groups,
               g->groups == 1 ? "" : "s", g->groups * g->largest == g->runs ? "" : "at most ", g->largest);
    }
}

static void print_objective(const asc_plan *p)
{
    printf("optimizing for: ");
    asc__cli_print_name(p->objective, 0);
    if (strcmp(p->objective, "mean-targets") == 0) {
        printf(", the mean over ");
        for (size_t i = 0; i < p->n_heldout; i++) {
            printf("%s", i == 0 ? "" : ", ");
            asc__cli_print_name(p->heldout[i], 0);
        }
    } else if (strcmp(p->objective, "mean-domains") == 0)
        printf(", the mean over the training domains themselves");
    printf("\n\n");
}

/* "its FLOPs are 15 % of those of one run at the target (at most 15 %), its time 17 %" */
static void print_search(const asc_plan_search *x)
{
    char prefix[24], branch[24], share[32];
    printf("its FLOPs, evaluation included, are %s of those of one run at the target",
           asc_format_percent(x->share, share));
    if (!isnan(x->at_most))
        printf(" (search.at_most: %g %%)", 100 * x->at_most);
    if (!isnan(x->share_of_time))
        printf(", its time %s", asc_format_percent(x->share_of_time, share));
    putchar('\n');
    if (x->method == ASC_SEARCH_BRANCH && x->proxies.runs)
        printf("of which %zu proxies, for the mixture that the target begins with, %.3g %%\n", x->proxies.runs,
               100 * x->proxies.share);
    if (x->pause_tokens > 0)
        printf("its runs pause at %s tokens: those of later rounds that can no longer be the best end there, and what "
               "they leave buys further runs, so this is the most that it costs\n",
               asc_format_count(x->pause_tokens, branch));
    if (x->method == ASC_SEARCH_BRANCH)
        printf("of which %zu branches of %s tokens %.3g %%, %zu merged models %.3g %%; the first %s tokens of the "
               "target are its own\n",
               x->branches.runs, asc_format_count(x->branch_tokens, branch), 100 * x->branches.share, x->merges.runs,
               100 * x->merges.share, asc_format_count(x->prefix_tokens, prefix));
    for (size_t k = 0; k < x->n_at; k++)
        printf("%s%.4g %%%s", k ? ", " : "the mixture is looked for at ", x->at[k],
               k + 1 < x->n_at ? "" : " of the target, each time from where its own run is\n");
}

/* "regmix: 512 runs, 310 % of the FLOPs of one run at the target, 4m on one core" */
static void print_rivals(const asc_plan *p)
{
    for (size_t i = 0; i < p->n_rivals; i++) {
        const asc_plan_rival *r = &p->rivals[i];
        char time[24], share[32];
        printf("%s%s: ", i == 0 ? "rivals, beside the search (docs/rivals.md; shared runs count for each):\n  " : "  ",
               r->name);
        if (r->runs == 0) {
            puts("no runs");
            continue;
        }
        printf("%zu runs, %s of the FLOPs of one run at the target", r->runs, asc_format_percent(r->share, share));
        if (!isnan(r->seconds))
            printf(", %s on one core", duration(r->seconds, time));
        putchar('\n');
    }
}

/* Of a target that no run of the list, or none of another size, speaks of. */
static void print_target(const asc_plan *p)
{
    char tokens[24], params[24], flops[24];
    if (p->target_trained && !any_sizes(p) && p->target_params == (double)p->n_params)
        return;
    printf("the target: %s tokens, %s parameters, %sFLOPs to train%s\n", asc_format_count(p->target_tokens, tokens),
           asc_format_count(p->target_params, params), asc_format_si(p->search.target_flops, flops),
           p->target_trained ? "" : ", elsewhere");
}

static void print_plan(const asc_plan *p)
{
    char tokens[24], flops[24], bytes[24], time[24], search[24];
    print_objective(p);
    print_runs(p);
    printf("\n%zu runs, %s tokens, %sFLOPs, %s of disk, about %s with %d at once\n", p->n_runs,
           asc_format_count(p->tokens, tokens), asc_format_si(p->flops, flops), asc_format_si(p->bytes, bytes),
           duration(p->seconds, time), p->jobs);
    if (!isnan(p->memory))
        printf("%s of memory for concurrent runs\n", asc_format_si(p->memory, bytes));
    print_groups(p);
    if (p->begun)
        printf("%zu of %zu kept: already done in this folder\n", p->n_kept, p->n_runs);
    if (p->n_judged > 0)
        printf("%zu of them evaluate the target's checkpoints on tasks (%s on one core)\n", p->n_judged,
               duration(p->judged_seconds, time));
    print_target(p);
    printf("the search costs %s tokens, %.2f times one target run\n", asc_format_count(p->search_tokens, search),
           p->search_multiple);
    print_search(&p->search);
    print_rivals(p);
    for (size_t i = 0; i < p->notes.n; i++)
        printf("note: %s\n", p->notes.text[i]);
}

static asc_status print_json(const asc_plan *plan, asc_error *err)
{
    json_t *doc = asc_plan_json(plan);
    asc_status st = asc__cli_print_json(doc, err);
    json_decref(doc);
    return st;
}

static asc_status run(const asc_cli_args *a, asc_error *err)
{
    asc_study_spec spec;
    int64_t jobs = 0;
    asc_plan *plan = NULL;
    ASC_TRY(asc__cli_count(a, "jobs", &jobs, err));
    ASC_TRY(asc_study_load(&spec, asc__cli_file(a, 0), err));
    asc_study_opts opts = {.dir = asc__cli_get(a, "dir"), .jobs = (int)(jobs < 65536 ? jobs : 65536)};
    asc_status st = asc__cli_get(a, "at") ? asc_study_search_at(&spec, asc__cli_get(a, "at"), err) : ASC_OK;
    if (st == ASC_OK)
        st = asc_study_plan(&plan, &spec, &opts, err);
    if (st == ASC_OK && asc__cli_json(a))
        st = print_json(plan, err);
    else if (st == ASC_OK)
        print_plan(plan);
    asc_plan_free(plan);
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
