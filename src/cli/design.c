/* autoscale design: choose the next mixtures to train, and how much they would narrow the answer. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "export/export.h"
#include "mix/mix_next.h"
#include "mixing.h"
#include "tables.h"

typedef struct request {
    bool has_law;
    asc_law_set laws;
    asc_mix_file prior; /* without a law: the mixture that the runs lie around */
    asc_objective objective;
    asc_cli_limits limits;
    asc_mix_file mix; /* what --available says of paths */
    asc_next_opts opts;
} request;

static void clear(request *r)
{
    asc_law_set_clear(&r->laws);
    asc_mix_file_clear(&r->prior);
    asc_objective_clear(&r->objective);
    asc__cli_limits_clear(&r->limits);
    asc_mix_file_clear(&r->mix);
}

static char *const *domains_of(const request *r)
{
    return r->has_law ? r->laws.domains : r->prior.domains;
}

static size_t n_domains(const request *r)
{
    return r->has_law ? r->laws.n_domains : r->prior.n_domains;
}

/* ---- what is given ---- */

static asc_status fit_table(request *r, const asc_cli_args *a, asc_error *err)
{
    asc_table t = {0};
    asc_runs runs = {0};
    asc_law_opts o;
    asc_law_opts_init(&o);
    ASC_TRY(asc__cli_read_table(&t, a, 0, NULL, err));
    asc__cli_list_table();
    asc_status st = asc__cli_blame(asc__cli_file(a, 0), asc_table_evidence(&runs, &t, err), err);
    if (st == ASC_OK)
        st = asc__cli_law_opts(&o, a, err);
    if (st == ASC_OK)
        st = asc__cli_blame(asc__cli_file(a, 0), asc_law_fit(&r->laws, &runs, &o, err), err);
    asc__cli_progress_end();
    asc_runs_clear(&runs);
    asc_table_clear(&t);
    return st;
}

/* --domains a,b,c: evenly. */
static asc_status even_prior(asc_mix_file *m, const char *names, asc_error *err)
{
    char *copy = asc_strdup(names), *list[1000], *rest = NULL;
    size_t n = 0;
    for (char *name = copy ? strtok_r(copy, ",", &rest) : NULL; name && n < 1000; name = strtok_r(NULL, ",", &rest))
        list[n++] = name;
    asc_status st = !copy    ? ASC_NOMEM(err)
                    : n >= 2 ? asc_mix_file_init(m, list, n, err)
                             : ASC_FAIL(err, ASC_EINVAL, "--domains: expected two names or more, found '%s'", names);
    for (size_t i = 0; st == ASC_OK && i < n; i++) {
        m->weights[i] = 1 / (double)n;
        for (size_t k = 0; k < i; k++)
            if (strcmp(list[i], list[k]) == 0)
                st = ASC_FAIL(err, ASC_EINVAL, "--domains: '%s' is given twice", list[i]);
    }
    asc_free(copy);
    return st;
}

/* A law, a mixture, or else a table, by what the file holds. */
static asc_status read_source(request *r, const asc_cli_args *a, asc_error *err)
{
    const char *names = asc__cli_get(a, "domains"), *file = asc__cli_n_files(a) ? asc__cli_file(a, 0) : NULL;
    if (names && file)
        return ASC_FAIL(err, ASC_EINVAL, "--domains applies only without a table or law; %s already names the domains",
                        file);
    if (names)
        return even_prior(&r->prior, names, err);
    if (!file)
        return ASC_FAIL(err, ASC_EINVAL, "expected a table of runs, LAW.json, MIX.json, or --domains NAME,NAME,..");
    json_t *j = NULL;
    bool one = asc__cli_n_files(a) == 1 && strcmp(file, "-") != 0 && asc_json_load(&j, file, NULL) == ASC_OK;
    bool law = one && json_is_object(j) && json_object_get(j, "laws");
    const char *key;
    json_t *value;
    bool mix = one && json_is_object(j) && json_object_size(j) > 0 && !law;
    if (mix && !json_is_object(json_object_get(j, "weights")) && !json_is_array(json_object_get(j, "phases")))
        json_object_foreach(j, key, value) mix = mix && json_is_number(value);
    json_decref(j);
    r->has_law = !mix;
    return law   ? asc_law_read(&r->laws, file, err)
           : mix ? asc_mix_file_read(&r->prior, file, err)
                 : fit_table(r, a, err);
}

static asc_status read_positive(const asc_cli_args *a, const char *name, double *x, asc_error *err)
{
    ASC_TRY(asc__cli_double(a, name, x, err));
    if (asc__cli_has(a, name) && !(*x > 0 && *x < 0x1p62))
        return ASC_FAIL(err, ASC_EINVAL, "--%s: expected a number > 0, found %g", name, *x);
    return ASC_OK;
}

static asc_status read_request(request *r, const asc_cli_args *a, asc_error *err)
{
    asc_next_opts *o = &r->opts;
    const char *objective = asc__cli_get(a, "objective");
    int64_t runs = 8, seed = 0, threads = 0;
    asc_next_opts_init(o);
    ASC_TRY(asc__cli_count(a, "runs", &runs, err));
    if (runs < 1 || runs > ASC_NEXT_MOST)
        return ASC_FAIL(err, ASC_EINVAL, "--runs: expected 1 to %d, found %lld", ASC_NEXT_MOST, (long long)runs);
    ASC_TRY(read_positive(a, "params", &o->params, err));
    ASC_TRY(read_positive(a, "for", &o->decide_tokens, err));
    ASC_TRY(read_positive(a, "for-params", &o->decide_params, err));
    ASC_TRY(asc__cli_count(a, "seed", &seed, err));
    ASC_TRY(asc__cli_count(a, "threads", &threads, err));
    ASC_TRY(asc__cli_trust(&o->trust, a, err));
    if (!asc__cli_has(a, "tokens"))
        return ASC_FAIL(err, ASC_EINVAL, "--tokens N is required: the tokens of each new run");
    ASC_TRY(read_source(r, a, err));
    ASC_TRY(asc_mix_file_init(&r->mix, domains_of(r), n_domains(r), err));
    ASC_TRY(asc__cli_limits(&r->limits, &r->mix, a, domains_of(r), n_domains(r), err));
    if (objective && r->has_law) {
        const asc_target_names names = {r->laws.targets, r->laws.n_targets, r->laws.domains, r->laws.n_domains};
        ASC_TRY(asc_objective_read(&r->objective, objective, &names, err));
        o->objective = &r->objective;
    }
    o->n_runs = (size_t)runs;
    o->seed = (uint64_t)seed;
    o->n_threads = threads > 0 && threads < 1024 ? (int)threads : asc_cpu_count();
    o->n_tokens = r->limits.n_tokens;
    o->limits = asc__cli_limits_view(&r->limits);
    o->progress = asc__cli_quiet(a) ? NULL : asc__cli_progress;
    o->progress_ctx = (void *)(uintptr_t)a;
    return ASC_OK;
}

/* ---- results ---- */

/* "next-3": sorts by number. */
static const char *run_name(char buf[32], size_t k, size_t n)
{
    snprintf(buf, 32, "next-%0*zu", n < 10 ? 1 : n < 100 ? 2 : n < 1000 ? 3 : 4, k + 1);
    return buf;
}

static void cell(asc_buf *csv, const char *text)
{
    bool quote = strpbrk(text, ",\"\n\r") != NULL;
    if (!quote) {
        asc_buf_puts(csv, text);
        return;
    }
    asc_buf_putc(csv, '"');
    for (; *text; text++) {
        if (*text == '"')
            asc_buf_putc(csv, '"');
        asc_buf_putc(csv, *text);
    }
    asc_buf_putc(csv, '"');
}

/* A table of runs with everything but the losses. */
static asc_status make_csv(asc_buf *csv, const request *r, const asc_next *n, asc_error *err)
{
    char name[32], number[40];
    double params = !isnan(r->opts.params) ? r->opts.params : r->has_law ? r->laws.params_lo : NAN;
    asc_buf_puts(csv, isnan(params) ? "run,tokens" : "run,params,tokens");
    for (size_t i = 0; i < n->n_domains; i++) {
        asc_buf_putc(csv, ',');
        char *column = asc_strf("weight_%s", domains_of(r)[i]);
        if (!column)
            return ASC_NOMEM(err);
        cell(csv, column);
        asc_free(column);
    }
    asc_buf_putc(csv, '\n');
    for (size_t k = 0; k < n->n_runs; k++) {
        asc_buf_puts(csv, run_name(name, k, n->n_runs));
        if (!isnan(params))
            asc_buf_printf(csv, ",%s", asc_format_double(params, number));
        asc_buf_printf(csv, ",%lld", (long long)r->opts.n_tokens);
        for (size_t i = 0; i < n->n_domains; i++)
            asc_buf_printf(csv, ",%s", asc_format_double(n->weights[k * n->n_domains + i], number));
        asc_buf_putc(csv, '\n');
    }
    return csv->oom ? ASC_NOMEM(err) : ASC_OK;
}

static json_t *run_json(const request *r, const asc_next *n, size_t k)
{
    char name[32];
    size_t D = n->n_domains;
    json_t *j = json_object();
    json_object_set_new(j, "run", json_string(run_name(name, k, n->n_runs)));
    json_object_set_new(j, "weights", asc__cli_map(domains_of(r), n->weights + k * D, D));
    json_object_set_new(j, "tokens", asc__cli_tokens_map(domains_of(r), n->tokens + k * D, D));
    json_object_set_new(j, "expected", asc_json_num(n->expect[k].value));
    json_object_set_new(j, "ci", asc__cli_interval(n->expect[k].lo, n->expect[k].hi));
    json_object_set_new(j, "spread_after", asc_json_num(n->spread[k + 1]));
    json_object_set_new(j, "gain_sd_after", asc_json_num(n->gain_sd[k + 1]));
    return j;
}

static asc_status print_json(const request *r, const asc_next *n, asc_error *err)
{
    json_t *j = json_object(), *runs = json_array();
    for (size_t k = 0; k < n->n_runs; k++)
        json_array_append_new(runs, run_json(r, n, k));
    json_object_set_new(j, "runs", runs);
    json_object_set_new(j, "law", r->has_law ? json_string(r->laws.law) : json_null());
    json_object_set_new(j, "best_now", n->best ? asc__cli_map(domains_of(r), n->best, n->n_domains) : json_null());
    json_object_set_new(j, "gain", asc_json_num(n->gain));
    json_object_set_new(j, "spread", asc_json_num(n->spread[0]));
    json_object_set_new(j, "gain_sd", asc_json_num(n->gain_sd[0]));
    json_object_set_new(j, "notes", asc__cli_notes(&n->notes));
    asc_status st = asc__cli_print_json(j, err);
    json_decref(j);
    return st;
}

static void print_shares(const request *r, const asc_next *n, size_t k)
{
    const double *w = n->weights + k * n->n_domains;
    size_t shown = 0;
    for (size_t i = 0; i < n->n_domains; i++)
        if (w[i] >= .005) {
            printf("%s", shown++ ? ", " : "");
            asc__cli_print_name(domains_of(r)[i], 0);
            printf(" %.0f %%", 100 * w[i]);
        }
    printf("\n");
}

static void print_people(const request *r, const asc_next *n)
{
    char name[32], tokens[24], budget[24], figure[32], range[64];
    bool law = r->has_law;
    printf("%zu runs of %s tokens to train next", n->n_runs, asc_format_count((double)r->opts.n_tokens, tokens));
    if (law)
        printf(
            ", to choose a mixture at %s tokens (law %s)",
            asc_format_count(isnan(r->opts.decide_tokens) ? (double)r->opts.n_tokens : r->opts.decide_tokens, budget),
            r->laws.law);
    printf("\n\n%-10s", "run");
    printf(law ? "  %9s  %-18s  %14s  mixture\n" : "  mixture\n", "expected", "90 %", "gain +-, after");
    for (size_t k = 0; k < n->n_runs; k++) {
        printf("%-10s", run_name(name, k, n->n_runs));
        if (law)
            printf("  %9s  %-18s  %14.4f", asc__cli_figure(n->expect[k].value, 4, figure),
                   asc__cli_range(n->expect[k].lo, n->expect[k].hi, 4, range), 1.645 * n->gain_sd[k + 1]);
        printf("  ");
        print_shares(r, n, k);
    }
    if (law)
        printf(
            "\ngain over uniform of the mixture chosen now: %.4f +- %.4f (90 %%); expected after these runs: +- %.4f\n",
            n->gain, 1.645 * n->gain_sd[0], 1.645 * n->gain_sd[n->n_runs]);
    asc__cli_print_notes(n->notes.text, n->notes.n);
}

/* DIR/next-1.json, and with --to the trainer's own form beside it. */
static asc_status write_run(const request *r, const asc_next *n, size_t k, const char *dir, const char *trainer,
                            asc_error *err)
{
    char name[32];
    size_t D = n->n_domains;
    asc_mix_file m = {0};
    asc_buf text = {0};
    json_t *from = json_object();
    json_object_set_new(from, "command", json_string("design"));
    json_object_set_new(from, "version", json_string(ASC_VERSION));
    ASC_TRY(asc_mix_file_init(&m, domains_of(r), D, err));
    asc_status st = asc__cli_fill_mix(&m, n->weights + k * D, n->tokens + k * D, r->limits.available, from, err);
    char *path = asc_strf("%s/%s.json", dir, run_name(name, k, n->n_runs)),
         *form = asc_strf("%s/%s.%s", dir, name, trainer ? trainer : "");
    if (st == ASC_OK && (!path || !form))
        st = ASC_NOMEM(err);
    if (st == ASC_OK)
        st = asc_mix_file_write(path, &m, err);
    if (st == ASC_OK && trainer)
        st = asc_export(&text, &m, trainer, &(asc_export_opts){0}, err);
    if (st == ASC_OK && trainer)
        st = asc_write_file(form, text.data, text.len, err);
    asc_buf_clear(&text);
    asc_free(path);
    asc_free(form);
    asc_mix_file_clear(&m);
    return st;
}

static asc_status write_runs(const request *r, const asc_next *n, const char *dir, const char *trainer, asc_error *err)
{
    ASC_TRY(asc_mkdirs(dir, err));
    for (size_t k = 0; k < n->n_runs; k++)
        ASC_TRY(write_run(r, n, k, dir, trainer, err));
    return ASC_OK;
}

static asc_status show(const request *r, const asc_next *n, const asc_cli_args *a, asc_error *err)
{
    const char *output = asc__cli_get(a, "out"), *dir = asc__cli_get(a, "mixtures");
    bool to_stdout = output && strcmp(output, "-") == 0;
    asc_buf csv = {0};
    asc_status st = dir ? write_runs(r, n, dir, asc__cli_get(a, "to"), err) : ASC_OK;
    if (st == ASC_OK)
        st = make_csv(&csv, r, n, err);
    if (st == ASC_OK && output && !to_stdout)
        st = asc_write_file(output, csv.data, csv.len, err);
    if (st == ASC_OK && asc__cli_json(a))
        st = print_json(r, n, err);
    else if (st == ASC_OK && to_stdout)
        st = asc__cli_data(csv.data, csv.len, err);
    else if (st == ASC_OK)
        print_people(r, n);
    asc_buf_clear(&csv);
    return st;
}

static asc_status run_design(const asc_cli_args *a, asc_error *err)
{
    request r = {0};
    asc_next n = {0};
    asc_status st = ASC_OK;
    if (asc__cli_has(a, "to") && !asc__cli_has(a, "mixtures"))
        st = ASC_FAIL(err, ASC_EINVAL, "--to needs --mixtures DIR, the folder for each run's file");
    if (st == ASC_OK)
        st = read_request(&r, a, err);
    if (st == ASC_OK)
        st = r.has_law ? asc_next_runs(&n, &r.laws, &r.opts, err)
                       : asc_next_filling(&n, r.prior.weights, domains_of(&r), n_domains(&r), &r.opts, err);
    asc__cli_progress_end();
    if (st == ASC_OK)
        st = show(&r, &n, a, err);
    asc_next_clear(&n);
    clear(&r);
    return st;
}

static const asc_cli_option options[] = {
    {"runs", 'r', "R", "number of runs (default: 8)"},
    ASC_CLI_LIMIT_OPTIONS,
    {"for", 0, "N", "budget the mixture is chosen for (default: that of the runs)"},
    {"params", 'p', "P", "model size of the new runs, in parameters (default: the smallest in the table)"},
    {"for-params", 0, "P", "model size the mixture is chosen for (default: the largest in the table)"},
    {"objective", 0, "O", ASC_CLI_OBJECTIVES " (default: as fitted)"},
    {"domains", 0, "NAME,NAME", "design from scratch: these domains, around the uniform mixture"},
    {"trust", 0, "F", "keep shares within F x the sampled range, or off (default: 2)"},
    {"out", 'o', "FILE", "write the runs as CSV, a table without losses (-: stdout)"},
    {"mixtures", 0, "DIR", "write each run's MIX.json to DIR"},
    {"to", 0, "TRAINER", "with --mixtures: also write each mixture for this trainer (as export --to)"},
    ASC_CLI_TABLE_OPTIONS,
    {"bootstrap", 0, "N", "bootstrap draws of a law fitted to a table (default: 200)"},
    {"no-trees", 0, NULL, "exclude boosted trees"},
    {"seed", 0, "N", "seed of candidate mixtures, folds and draws (default: 0)"},
    {"threads", 0, "N", "threads (default: all cores; results do not depend on it)"},
    {0},
};

const asc_cli_command asc__cli_design = {
    .name = "design",
    .usage = "[TABLE.csv… | LAW.json | MIX.json] --tokens N [options]",
    .summary = "choose the next mixtures to train, and how much they would narrow the answer",
    .options = options,
    .min_files = 0,
    .max_files = ASC_CLI_MAX_TABLES,
    .run = run_design,
};
