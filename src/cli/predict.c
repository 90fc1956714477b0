/* autoscale predict: the AutoScale rule from optima at several scales. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "mixing.h"

static json_t *censored_json(const asc_rule_result *r, char *const *domains)
{
    json_t *a = json_array();
    for (size_t i = 0; i < r->n_domains; i++)
        if (r->censored[i])
            json_array_append_new(a, json_string(domains[i]));
    return a;
}

static json_t *bound_json(const asc_rule_result *r, char *const *domains)
{
    json_t *map = json_object();
    for (size_t i = 0; i < r->n_domains; i++)
        if (r->bound[i] != ASC_FREE)
            json_object_set_new(map, domains[i], json_string(asc_bound_name(r->bound[i])));
    return map;
}

/* {"tokens": factor} where the budget lies outside the scales. */
static json_t *extrapolated(const asc_rule_result *r, const asc_optima *o)
{
    json_t *map = json_object();
    double below = o->tokens[0] / (r->beyond * o->tokens[o->n_scales - 1]);
    if (r->beyond > 1.001 || below > 1.001)
        json_object_set_new(map, "tokens", asc_json_num(fmax(r->beyond, below)));
    return map;
}

static asc_status print_json(const asc_rule_result *r, const asc_optima *o, asc_error *err)
{
    size_t D = r->n_domains;
    json_t *j = json_object(), *tokens = json_object();
    for (size_t i = 0; i < D; i++)
        json_object_set_new(tokens, o->domains[i], json_integer(r->tokens[i]));
    json_object_set_new(j, "weights", asc__cli_map(o->domains, r->weights, D));
    json_object_set_new(j, "tokens", tokens);
    json_object_set_new(j, "t", asc_json_num(r->t));
    json_object_set_new(j, "censored", censored_json(r, o->domains));
    json_object_set_new(j, "bound", bound_json(r, o->domains));
    json_object_set_new(j, "keep_last", asc__cli_map(o->domains, r->keep_last, D));
    json_object_set_new(j, "shrunken", asc__cli_map(o->domains, r->shrunken, D));
    json_object_set_new(j, "shrinkage", asc__cli_map(o->domains, r->shrinkage, D));
    json_object_set_new(j, "shrunken_ci", asc__cli_intervals(o->domains, r->shrunken_lo, r->shrunken_hi, D));
    json_object_set_new(j, "extrapolated", extrapolated(r, o));
    json_object_set_new(j, "ci", asc__cli_intervals(o->domains, r->w_lo, r->w_hi, D));
    json_object_set_new(j, "notes", asc__cli_notes(&r->notes));
    asc_status st = asc__cli_print_json(j, err);
    json_decref(j);
    return st;
}

static void print_people(const asc_rule_result *r, const asc_optima *o, const asc_cli_limits *l)
{
    size_t D = r->n_domains, last = o->n_scales - 1;
    int width = asc__cli_width(o->domains, D, 6);
    char b[64], n[32];
    printf("%zu scales, budget %s tokens, t = %.6g (0: first scale, 1: last)\n\n", o->n_scales,
           asc_format_count((double)l->n_tokens, n), r->t);
    printf("%-*s  %7s  %16s  %-16s  %9s  %9s  %9s  %s\n", width, "domain", "share", "tokens", "90 %", "shrunken",
           "keep-last", "measured", "constraint");
    for (size_t i = 0; i < D; i++) {
        const char *bound = asc__cli_constraint(r->bound[i]);
        double lo = r->w_lo ? r->w_lo[i] : NAN, hi = r->w_hi ? r->w_hi[i] : NAN;
        asc__cli_print_name(o->domains[i], width);
        printf("  %7.4f  %16lld  %-16s  %9.4f  %9.4f  %9.4f  %s%s\n", r->weights[i], (long long)r->tokens[i],
               asc__cli_range(lo, hi, 4, b), r->shrunken[i], r->keep_last[i], o->weights[last * D + i], bound,
               r->censored[i] ? " (censored)" : "");
    }
    if (r->residual > 0)
        printf("\nresidual of ln tokens about the fitted lines: rms %.4f\n", r->residual);
    putchar('\n');
    asc__cli_print_notes(r->notes.text, r->notes.n);
}

static json_t *provenance(const asc_rule_result *r, const asc_cli_args *a, const asc_cli_limits *l)
{
    json_t *j = json_object();
    json_object_set_new(j, "command", json_string("predict"));
    json_object_set_new(j, "version", json_string(ASC_VERSION));
    json_object_set_new(j, "source", json_string(asc__cli_file(a, 0)));
    json_object_set_new(j, "tokens", json_integer(l->n_tokens));
    json_object_set_new(j, "t", asc_json_num(r->t));
    json_object_set_new(j, "notes", asc__cli_notes(&r->notes));
    return j;
}

static asc_status show(const asc_rule_result *r, const asc_optima *o, asc_mix_file *mix, const asc_cli_limits *l,
                       const asc_cli_args *a, asc_error *err)
{
    bool to_stdout = false;
    ASC_TRY(asc__cli_fill_mix(mix, r->weights, r->tokens, l->available, provenance(r, a, l), err));
    ASC_TRY(asc__cli_write_mix(mix, a, &to_stdout, err));
    if (asc__cli_json(a))
        return print_json(r, o, err);
    if (!to_stdout)
        print_people(r, o, l);
    return ASC_OK;
}

static asc_status predict(const asc_optima *o, asc_notes *notes, const asc_cli_args *a, asc_error *err)
{
    asc_cli_limits l = {0};
    asc_mix_file mix = {0};
    asc_rule_result r = {0};
    asc_status st = asc_mix_file_init(&mix, o->domains, o->n_domains, err);
    if (st == ASC_OK)
        st = asc__cli_limits(&l, &mix, a, o->domains, o->n_domains, err);
    asc_rule_opts opts = {.n_tokens = l.n_tokens, .limits = asc__cli_limits_view(&l)};
    if (st == ASC_OK)
        st = asc_rule_predict(&r, o, &opts, err);
    if (st == ASC_OK)
        asc_notes_copy(&r.notes, notes, "");
    if (st == ASC_OK)
        st = show(&r, o, &mix, &l, a, err);
    asc_rule_result_clear(&r);
    asc_mix_file_clear(&mix);
    asc__cli_limits_clear(&l);
    return st;
}

static asc_status run_predict(const asc_cli_args *a, asc_error *err)
{
    asc_optima o = {0};
    asc_notes notes = {0};
    asc_status st = asc_optima_read(&o, asc__cli_file(a, 0), &notes, err);
    if (st == ASC_OK)
        st = predict(&o, &notes, a, err);
    asc_notes_clear(&notes);
    asc_optima_clear(&o);
    return st;
}

static const asc_cli_option options[] = {
    ASC_CLI_LIMIT_OPTIONS,
    {"out", 'o', "MIX.json", "write the mixture to MIX.json"},
    {0},
};

const asc_cli_command asc__cli_predict = {
    .name = "predict",
    .usage = "OPTIMA.csv --tokens N [options]",
    .summary = "extrapolate optima from two or more scales (AutoScale)",
    .options = options,
    .min_files = 1,
    .max_files = 1,
    .run = run_predict,
};
