/* autoscale score: the error of a law on runs it never saw. */
#include <math.h>
#include <stdio.h>

#include "mixing.h"
#include "tables.h"

static json_t *error_json(const asc_law_error *e, bool objective)
{
    json_t *j = json_object();
    if (!objective)
        json_object_set_new(j, "name", json_string(e->target));
    json_object_set_new(j, "mre", asc_json_num(e->mre));
    json_object_set_new(j, "rmse", asc_json_num(e->rmse));
    json_object_set_new(j, "spearman", asc_json_num(e->spearman));
    if (objective)
        json_object_set_new(j, "regret", asc_json_num(e->regret));
    json_object_set_new(j, "coverage", asc_json_num(e->coverage));
    json_object_set_new(j, "width", asc_json_num(e->width));
    json_object_set_new(j, "n_rows", json_integer((json_int_t)e->n_rows));
    return j;
}

static asc_status print_json(const asc_law_error *e, size_t n, const asc_law_error *objective, const asc_table *t,
                             asc_error *err)
{
    json_t *j = json_object(), *targets = json_array();
    for (size_t v = 0; v < n; v++)
        json_array_append_new(targets, error_json(&e[v], false));
    json_object_set_new(j, "targets", targets);
    json_object_set_new(j, "objective", error_json(objective, true));
    json_object_set_new(j, "n_rows", json_integer((json_int_t)t->runs.n_runs));
    json_object_set_new(j, "columns", asc__cli_columns_json(t));
    json_object_set_new(j, "notes", asc__cli_notes(&t->notes));
    asc_status st = asc__cli_print_json(j, err);
    json_decref(j);
    return st;
}

static void print_line(const asc_law_error *e, int width)
{
    char f[5][32];
    asc__cli_print_name(e->target ? e->target : "objective", width);
    printf("  %8s  %8s  %8s  %8s  %8s  %6zu", asc__cli_figure(100 * e->mre, 3, f[0]), asc__cli_figure(e->rmse, 4, f[1]),
           asc__cli_figure(e->spearman, 4, f[2]), asc__cli_figure(100 * e->coverage, 1, f[3]),
           asc__cli_figure(e->width, 4, f[4]), e->n_rows);
}

static void print_people(const asc_law_error *e, size_t n, const asc_law_error *objective, const asc_table *t)
{
    int width = asc__cli_width(t->runs.targets, t->runs.n_targets, 9);
    char regret[32];
    printf("%-*s  %8s  %8s  %8s  %8s  %8s  %6s\n", width, "target", "MRE %", "RMSE", "rank", "in 90 %", "width",
           "rows");
    for (size_t v = 0; v < n; v++) {
        print_line(&e[v], width);
        putchar('\n');
    }
    print_line(objective, width);
    printf("\n\nregret of the law's choice: %s\n", asc__cli_figure(objective->regret, 5, regret));
    asc__cli_print_notes(t->notes.text, t->notes.n);
}

static asc_status score(const asc_law_set *s, const asc_table *t, const asc_cli_args *a, asc_error *err)
{
    asc_law_error *e = NULL, objective = {0};
    size_t n = 0;
    ASC_TRY(asc__cli_blame(asc__cli_file(a, 1), asc_law_score_runs(&e, &n, &objective, s, &t->runs, err), err));
    asc_status st = ASC_OK;
    asc__cli_list_table();
    if (asc__cli_json(a))
        st = print_json(e, n, &objective, t, err);
    else
        print_people(e, n, &objective, t);
    asc_law_errors_free(e, n);
    asc_free(objective.target);
    return st;
}

/* The rows that lie farthest outside of what the law was fitted to, with how far. */
static void note_reach(asc_table *t, const asc_law_set *s)
{
    double tokens = NAN, params = NAN;
    asc_mix_support far = {.tokens = 1, .params = 1, .shares = 1, .domain = ASC_NONE}, one;
    for (size_t r = 0; r < t->runs.n_runs; r++) {
        asc_mix_support_of(&one, s, NULL, t->runs.total[r], t->runs.params[r]);
        if (one.tokens > far.tokens) {
            far.tokens = one.tokens;
            tokens = t->runs.total[r];
        }
        if (one.params > far.params) {
            far.params = one.params;
            params = t->runs.params[r];
        }
    }
    asc_mix_support_say(&t->notes, &far, s, tokens, params);
}

static asc_status run_score(const asc_cli_args *a, asc_error *err)
{
    asc_law_set s = {0};
    asc_table t = {0};
    ASC_TRY(asc_law_read(&s, asc__cli_file(a, 0), err));
    asc_status st = asc__cli_read_table(&t, a, 1, &s, err);
    if (st == ASC_OK) {
        note_reach(&t, &s);
        st = score(&s, &t, a, err);
    }
    asc_table_clear(&t);
    asc_law_set_clear(&s);
    return st;
}

static const asc_cli_option options[] = {ASC_CLI_TABLE_OPTIONS, {0}};

const asc_cli_command asc__cli_score = {
    .name = "score",
    .usage = "LAW.json TABLE.csv… [options]",
    .summary = "measure a law's error on runs it was not fitted to",
    .options = options,
    .min_files = 2,
    .max_files = 1 + ASC_CLI_MAX_TABLES,
    .run = run_score,
};
