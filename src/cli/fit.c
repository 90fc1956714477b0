/* autoscale fit: a law from a table of runs. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "num/num.h"
#include "mixing.h"
#include "tables.h"
#include "values.h"

/* Enough for the intervals of what domains are worth. */
enum { VALUE_DRAWS = 100 };

/* ---- JSON ---- */

/* The 90 % interval of params[i] over the draws, which holds the estimate too; NaN where there are none. */
static void draw_interval(const asc_law *l, size_t i, double *column, double *lo, double *hi)
{
    size_t n = 0;
    for (size_t k = 0; k < l->n_draws; k++)
        if (isfinite(l->draws[k * l->n_params + i]))
            column[n++] = l->draws[k * l->n_params + i];
    *lo = *hi = NAN;
    if (n >= 20) {
        *lo = fmin(asc_quantile(column, n, .05), l->params[i]);
        *hi = fmax(asc_quantile(column, n, .95), l->params[i]);
    }
}

/* a, b or c (k = 0, 1, 2) of a domain with its interval; all NaN where the star has too few points for it: what stands
 * in the law there is a start value that no draw ever moves. */
static double ddo_value(const asc_law *l, size_t k, size_t i, double *column, double *lo, double *hi)
{
    size_t at = asc_ddo_param(l, k, i);
    draw_interval(l, at, column, lo, hi);
    bool moved = !isnan(*lo) && *lo < *hi;
    if (l->undetermined && l->undetermined[i] && l->roots && l->roots[i] < 0 && !moved) {
        *lo = *hi = NAN;
        return NAN;
    }
    return l->params[at];
}

static json_t *ddo_json(const asc_law *l, char *const *domains, double *column, bool intervals)
{
    static const char *const names[] = {"a", "b", "c"};
    json_t *j = json_object();
    for (size_t k = 0; k < 3; k++) {
        json_t *map = json_object();
        for (size_t i = 0; i < l->n_domains; i++) {
            double lo, hi, x = ddo_value(l, k, i, column, &lo, &hi);
            json_object_set_new(map, domains[i], intervals ? asc__cli_interval(lo, hi) : asc_json_num(x));
        }
        json_object_set_new(j, names[k], map);
    }
    return j;
}

static json_t *roots_json(const asc_law *l, char *const *domains)
{
    if (!l->roots)
        return json_null();
    json_t *j = json_object();
    for (size_t i = 0; i < l->n_domains; i++)
        json_object_set_new(j, domains[i], l->roots[i] >= 0 ? json_integer(l->roots[i]) : json_null());
    return j;
}

static json_t *params_json(const asc_law *l, char *const *domains, double *column, bool intervals)
{
    if (asc_law_of_objective(l))
        return ddo_json(l, domains, column, intervals);
    json_t *j = json_object();
    for (size_t i = 0; i < l->n_params; i++) {
        char name[160];
        double lo, hi;
        asc_law_param_name(l, i, domains, name, sizeof name);
        if (intervals)
            draw_interval(l, i, column, &lo, &hi);
        json_object_set_new(j, name, intervals ? asc__cli_interval(lo, hi) : asc_json_num(l->params[i]));
    }
    return j;
}

static json_t *part_json(const asc_law *l, double weight, char *const *domains, double *column)
{
    char name[64];
    json_t *j = json_object();
    json_object_set_new(j, "law", json_string(asc_law_name(l, name, sizeof name)));
    json_object_set_new(j, "weight", asc_json_num(weight));
    json_object_set_new(j, "params", params_json(l, domains, column, false));
    json_object_set_new(j, "ci", l->n_draws >= 20 ? params_json(l, domains, column, true) : json_null());
    return j;
}

/* The laws of a blend with their weights; null for a single law. */
static json_t *parts_json(const asc_law *l, char *const *domains, double *column)
{
    if (!l->n_parts)
        return json_null();
    json_t *parts = json_array();
    for (size_t i = 0; i < l->n_parts; i++)
        json_array_append_new(parts, part_json(&l->parts[i], l->params[i], domains, column));
    return parts;
}

static json_t *target_json(const asc_law *l, char *const *domains, double *column)
{
    char name[64];
    const asc_law_stats *s = &l->stats;
    json_t *j = json_object(), *cv = json_object();
    json_object_set_new(j, "name", json_string(l->target));
    json_object_set_new(j, "law", json_string(asc_law_name(l, name, sizeof name)));
    json_object_set_new(j, "params", params_json(l, domains, column, false));
    json_object_set_new(j, "ci", l->n_draws >= 20 && l->draws ? params_json(l, domains, column, true) : json_null());
    json_object_set_new(j, "parts", parts_json(l, domains, column));
    json_object_set_new(j, "r2", asc_json_num(s->r2));
    json_object_set_new(j, "mre", asc_json_num(s->mre));
    json_object_set_new(j, "spearman", asc_json_num(s->spearman));
    json_object_set_new(cv, "mre", asc_json_num(s->cv_mre));
    json_object_set_new(cv, "spearman", asc_json_num(s->cv_spearman));
    json_object_set_new(cv, "forward_mre", asc_json_num(s->forward_mre));
    json_object_set_new(j, "cv", cv);
    json_object_set_new(j, "noise", asc_json_num(s->noise));
    json_object_set_new(j, "roots", roots_json(l, domains));
    json_object_set_new(j, "converged", json_boolean(s->converged));
    return j;
}

static asc_status print_json(const asc_law_set *s, const asc_table *t, const asc_values *values, double *column,
                             asc_error *err)
{
    json_t *j = json_object(), *targets = json_array(), *notes = json_array();
    const asc_target_names names = {s->targets, s->n_targets, s->domains, s->n_domains};
    json_object_set_new(j, "law", json_string(s->law));
    json_object_set_new(j, "objective", asc_objective_to_json(&s->objective, &names));
    json_object_set_new(j, "n_rows", json_integer((json_int_t)s->n_rows));
    json_object_set_new(j, "n_runs", json_integer((json_int_t)s->n_runs));
    for (size_t v = 0; v < s->n_laws; v++)
        json_array_append_new(targets, target_json(&s->laws[v], s->domains, column));
    json_object_set_new(j, "targets", targets);
    for (size_t i = 0; i < s->notes.n; i++)
        json_array_append_new(notes, json_string(s->notes.text[i]));
    json_object_set_new(j, "values", asc__cli_values_json(values, s));
    json_object_set_new(j, "columns", asc__cli_columns_json(t));
    json_object_set_new(j, "notes", notes);
    asc_status st = asc__cli_print_json(j, err);
    json_decref(j);
    return st;
}

/* ---- for people ---- */

static void print_ddo(const asc_law_set *s, double *column)
{
    const asc_law *l = &s->laws[0];
    size_t D = s->n_domains;
    int width = asc__cli_width(s->domains, D, 6);
    char b1[64], b2[64], f[3][32];
    printf("%-*s  %9s  %9s  %9s  %5s  %-18s  %-18s\n", width, "domain", "a", "b", "c", "roots", "a, 90 %", "b, 90 %");
    for (size_t i = 0; i < D; i++) {
        double lo[3], hi[3], x[3];
        for (size_t k = 0; k < 3; k++)
            x[k] = ddo_value(l, k, i, column, &lo[k], &hi[k]);
        char roots[16] = "-";
        if (l->roots && l->roots[i] >= 0)
            snprintf(roots, sizeof roots, "%d", (int)l->roots[i]);
        asc__cli_print_name(s->domains[i], width);
        printf("  %9s  %9s  %9s  %5s  %-18s  %-18s\n", asc__cli_figure(x[0], 5, f[0]), asc__cli_figure(x[1], 5, f[1]),
               asc__cli_figure(x[2], 5, f[2]), roots, asc__cli_range(lo[0], hi[0], 3, b1),
               asc__cli_range(lo[1], hi[1], 3, b2));
    }
}

static void print_targets(const asc_law_set *s)
{
    int width = asc__cli_width(s->targets, s->n_targets, 9);
    char name[64], f[6][32];
    printf("%-*s  %-22s  %8s  %8s  %8s  %8s  %8s  %8s\n", width, "target", "law", "R2", "MRE %", "CV MRE %", "CV rank",
           "fwd MRE%", "noise");
    for (size_t v = 0; v < s->n_laws; v++) {
        const asc_law *l = &s->laws[v];
        const asc_law_stats *t = &l->stats;
        asc__cli_print_name(l->target, width);
        printf("  %-22s  %8s  %8s  %8s  %8s  %8s  %8s%s\n", asc_law_name(l, name, sizeof name),
               asc__cli_figure(t->r2, 4, f[0]), asc__cli_figure(100 * t->mre, 3, f[1]),
               asc__cli_figure(100 * t->cv_mre, 3, f[2]), asc__cli_figure(t->cv_spearman, 4, f[3]),
               asc__cli_figure(100 * t->forward_mre, 3, f[4]), asc__cli_figure(t->noise, 4, f[5]),
               t->converged ? "" : "  not converged");
    }
}

static void print_people(const asc_law_set *s, const asc_values *values, double *column)
{
    char objective[300];
    const asc_target_names names = {s->targets, s->n_targets, s->domains, s->n_domains};
    asc_objective_word(&s->objective, &names, objective, sizeof objective);
    printf("law %s%s, objective %s, %zu runs (%zu rows), %zu domains, %zu targets\n\n", s->law,
           s->chosen ? " (chosen)" : "", objective, s->n_runs, s->n_rows, s->n_domains, s->n_targets);
    if (asc_law_of_objective(&s->laws[0]))
        print_ddo(s, column);
    else
        print_targets(s);
    asc__cli_print_values(values, s);
    putchar('\n');
    asc__cli_print_notes(s->notes.text, s->notes.n);
}

/* ---- the command ---- */

static asc_status add_notes(asc_law_set *s, const asc_notes *notes, asc_error *err)
{
    for (size_t i = 0; i < notes->n; i++)
        ASC_TRY(asc_law_set_note(s, err, notes->code[i], "%s", notes->text[i]));
    return ASC_OK;
}

static asc_status show(const asc_law_set *s, const asc_table *t, const asc_cli_args *a, asc_error *err)
{
    size_t most = 1;
    for (size_t v = 0; v < s->n_laws; v++)
        most = s->laws[v].n_draws > most ? s->laws[v].n_draws : most;
    const char *path = asc__cli_get(a, "out");
    bool to_stdout = path && strcmp(path, "-") == 0;
    if (path && !to_stdout)
        ASC_TRY(asc_law_write(path, s, err));
    if (to_stdout && !asc__cli_json(a)) {
        json_t *j = NULL;
        ASC_TRY(asc_law_to_json(&j, s, err));
        asc_status st = asc__cli_print_json(j, err);
        json_decref(j);
        return st;
    }
    asc_values values = {0};
    asc_values_opts o = {.n_tokens = NAN, .params = NAN, .most_draws = VALUE_DRAWS};
    double *column = asc_calloc(most, sizeof *column);
    asc_status st = column ? asc_values_of(&values, s, &o, err) : ASC_NOMEM(err);
    if (st == ASC_OK && asc__cli_json(a))
        st = print_json(s, t, &values, column, err);
    else if (st == ASC_OK)
        print_people(s, &values, column);
    asc_values_clear(&values);
    asc_free(column);
    return st;
}

static bool known_law(const char *name)
{
    bool gp;
    return !name || asc_law_family_named(name, &gp);
}

static asc_status fit_runs(const asc_runs *runs, const asc_table *t, const asc_cli_args *a, asc_error *err)
{
    asc_objective objective = {0};
    asc_law_opts o;
    ASC_TRY(asc__cli_fit_opts(&o, &objective, a, runs, err));
    asc_law_set s = {0};
    asc_status st = asc_law_fit(&s, runs, &o, err);
    if (known_law(o.law)) /* else it is the option's fault */
        st = asc__cli_blame(asc__cli_file(a, 0), st, err);
    if (st == ASC_OK) {
        st = add_notes(&s, &t->notes, err);
        char line[300];
        const char *counted = asc__cli_objective_note(line, a, runs);
        if (st == ASC_OK && counted)
            st = asc_law_set_note(&s, err, ASC_NOTE_OTHER, "%s", counted);
        asc__cli_progress_end();
        asc__cli_list_table();
        if (st == ASC_OK)
            st = show(&s, t, a, err);
        asc_law_set_clear(&s);
    }
    asc_objective_clear(&objective);
    return st;
}

static asc_status run_fit(const asc_cli_args *a, asc_error *err)
{
    asc_table t = {0};
    ASC_TRY(asc__cli_read_table(&t, a, 0, NULL, err));
    asc_runs runs = {0};
    asc_status st = asc__cli_blame(asc__cli_file(a, 0), asc_table_evidence(&runs, &t, err), err);
    if (st == ASC_OK)
        st = fit_runs(&runs, &t, a, err);
    asc_runs_clear(&runs);
    asc_table_clear(&t);
    return st;
}

/* ---- the table of laws, for help, manual and completion ---- */

static const char *law_name(size_t i)
{
    const char *names[128];
    size_t n = asc_law_names(names, sizeof names / sizeof *names);
    return i < n && i < sizeof names / sizeof *names ? names[i] : NULL;
}

static bool law_line(size_t i, const char **name, const char **help)
{
    const asc_law_family *f = i > 0 ? asc_law_family_at(i - 1) : NULL;
    *name = i == 0 ? "auto" : f ? asc_law_family_name(f) : NULL;
    *help = i == 0 ? "a blend per target, laws weighted by how well they predict held-out runs"
            : f    ? asc_law_family_help(f)
                   : NULL;
    return *name != NULL;
}

static const asc_cli_option options[] = {
    {"law", 'l', "NAME", "one of the laws below, most of them also with +gp, a Gaussian process on the residuals",
     "auto", NULL, law_name},
    {"objective", 0, "O", ASC_CLI_OBJECTIVES " (default: mean-loss, over all targets)"},
    ASC_CLI_TABLE_OPTIONS,
    {"noise", 0, "F", "standard deviation of a run's loss across seeds, in nats (default: estimated from repeats)"},
    {"out", 'o', "LAW.json", "write the law for optimize and score"},
    {"bootstrap", 0, "N", "bootstrap draws for the intervals (default: 200; 0: none)"},
    {"seed", 0, "N", "seed of folds and draws (default: 0)"},
    {"threads", 0, "N", "threads (default: all cores; results do not depend on it)"},
    {"no-trees", 0, NULL, "exclude boosted trees from auto"},
    {0},
};

const asc_cli_command asc__cli_fit = {
    .name = "fit",
    .usage = "TABLE.csv… [options]",
    .summary = "fit a law to a table of runs, with cross-validated error and intervals",
    .options = options,
    .min_files = 1,
    .max_files = ASC_CLI_MAX_TABLES,
    .run = run_fit,
    .list = {"Laws", law_line},
};
