/* autoscale compare: every law on one table. */
#include <math.h>
#include <stdio.h>

#include "mixing.h"
#include "tables.h"

static asc_status print_json(const asc_law_comparison *c, const asc_table *t, asc_error *err)
{
    json_t *j = json_object(), *laws = json_array(), *skipped = json_array();
    for (size_t i = 0; i < c->n_laws; i++) {
        const asc_law_score *s = &c->laws[i];
        json_t *law = json_object();
        json_object_set_new(law, "law", json_string(s->law));
        json_object_set_new(law, "cv_mre", asc_json_num(s->cv_mre));
        json_object_set_new(law, "cv_mre_sd", asc_json_num(s->cv_mre_sd));
        json_object_set_new(law, "cv_spearman", asc_json_num(s->cv_spearman));
        json_object_set_new(law, "cv_mse", asc_json_num(s->cv_mse));
        json_object_set_new(law, "forward_mre", asc_json_num(s->forward_mre));
        json_object_set_new(law, "seconds", asc_json_num(s->seconds));
        json_object_set_new(law, "folds", json_integer((json_int_t)s->n_folds_done));
        json_array_append_new(laws, law);
    }
    for (size_t i = 0; i < c->n_skipped; i++)
        json_array_append_new(skipped, json_pack("{s:s,s:s}", "law", c->skipped[i].law, "why", c->skipped[i].why));
    json_object_set_new(j, "laws", laws);
    json_object_set_new(j, "skipped", skipped);
    json_object_set_new(j, "chosen", json_string(c->chosen));
    json_object_set_new(j, "why", json_string(c->why));
    json_object_set_new(j, "columns", asc__cli_columns_json(t));
    json_object_set_new(j, "notes", asc__cli_notes(&t->notes));
    asc_status st = asc__cli_print_json(j, err);
    json_decref(j);
    return st;
}

static void print_people(const asc_law_comparison *c, const asc_table *t)
{
    char f[6][32];
    printf("%-24s  %9s  %8s  %8s  %10s  %9s  %7s\n", "law", "CV MRE %", "+-", "CV rank", "CV MSE", "fwd MRE %",
           "seconds");
    for (size_t i = 0; i < c->n_laws; i++) {
        const asc_law_score *s = &c->laws[i];
        printf("%-24s  %9s  %8s  %8s  %10s  %9s  %7s\n", s->law, asc__cli_figure(100 * s->cv_mre, 4, f[0]),
               asc__cli_figure(100 * s->cv_mre_sd, 4, f[1]), asc__cli_figure(s->cv_spearman, 4, f[2]),
               asc__cli_figure(s->cv_mse, 6, f[3]), asc__cli_figure(100 * s->forward_mre, 4, f[4]),
               asc__cli_figure(s->seconds, 2, f[5]));
    }
    for (size_t i = 0; i < c->n_skipped; i++)
        printf("%-24s  skipped: %s\n", c->skipped[i].law, c->skipped[i].why);
    printf("\nchosen: %s. %s\n", c->chosen, c->why);
    asc__cli_print_notes(t->notes.text, t->notes.n);
}

static asc_status compare(const asc_runs *runs, const asc_table *t, const asc_cli_args *a, asc_error *err)
{
    asc_objective objective = {0};
    asc_law_comparison c = {0};
    asc_law_opts o;
    asc_law_opts_init(&o);
    ASC_TRY(asc__cli_law_opts(&o, a, err));
    ASC_TRY(asc__cli_double(a, "noise", &o.noise, err));
    ASC_TRY(asc__cli_objective(&objective, a, runs, err));
    o.objective = &objective;
    asc_status st = asc__cli_blame(asc__cli_file(a, 0), asc_law_compare(&c, runs, &o, err), err);
    asc__cli_progress_end();
    if (st == ASC_OK)
        asc__cli_list_table();
    if (st == ASC_OK && asc__cli_json(a))
        st = print_json(&c, t, err);
    else if (st == ASC_OK)
        print_people(&c, t);
    asc_law_comparison_clear(&c);
    asc_objective_clear(&objective);
    return st;
}

static asc_status run_compare(const asc_cli_args *a, asc_error *err)
{
    asc_table t = {0};
    ASC_TRY(asc__cli_read_table(&t, a, 0, NULL, err));
    asc_runs runs = {0};
    asc_status st = asc__cli_blame(asc__cli_file(a, 0), asc_table_evidence(&runs, &t, err), err);
    if (st == ASC_OK)
        st = compare(&runs, &t, a, err);
    asc_runs_clear(&runs);
    asc_table_clear(&t);
    return st;
}

static const asc_cli_option options[] = {
    {"objective", 0, "O", ASC_CLI_OBJECTIVES " (default: mean-loss, over all targets)"},
    ASC_CLI_TABLE_OPTIONS,
    {"noise", 0, "F", "standard deviation of a run's loss across seeds, in nats (default: estimated from repeats)"},
    {"seed", 0, "N", "seed of the folds (default: 0)"},
    {"threads", 0, "N", "threads (default: all cores; results do not depend on it)"},
    {"no-trees", 0, NULL, "exclude boosted trees"},
    {0},
};

const asc_cli_command asc__cli_compare = {
    .name = "compare",
    .usage = "TABLE.csv… [options]",
    .summary = "cross-validate and rank every law on a table",
    .options = options,
    .min_files = 1,
    .max_files = ASC_CLI_MAX_TABLES,
    .run = run_compare,
};
