/* autoscale optimize: the best mixture at a budget. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "mixing.h"

typedef struct request {
    asc_law_set laws;
    asc_objective objective;
    asc_cli_limits limits;
    asc_mix_opts opts;
    asc_mix_file mix;
    double *prior;
    asc_notes notes;
} request;

static void clear(request *r)
{
    asc_law_set_clear(&r->laws);
    asc_objective_clear(&r->objective);
    asc__cli_limits_clear(&r->limits);
    asc_mix_file_clear(&r->mix);
    asc_free(r->prior);
    asc_notes_clear(&r->notes);
}

/* ---- options ---- */

static asc_status read_prior(request *r, const asc_cli_args *a, asc_error *err)
{
    const char *path = asc__cli_get(a, "prior");
    ASC_TRY(asc__cli_double(a, "kl", &r->opts.limits.kl, err));
    if (!path && asc__cli_has(a, "kl"))
        return ASC_FAIL(err, ASC_EINVAL, "--kl needs --prior FILE, the mixture to stay near");
    if (path && !asc__cli_has(a, "kl"))
        return ASC_FAIL(err, ASC_EINVAL, "--prior needs --kl F, the weight of the distance from it");
    if (!path)
        return ASC_OK;
    r->prior = asc_calloc(r->laws.n_domains, sizeof *r->prior);
    if (!r->prior)
        return ASC_NOMEM(err);
    asc_mix_file m = {0};
    ASC_TRY(asc_mix_file_read(&m, path, err));
    asc_status st = asc_mix_file_weights(r->prior, &m, path, r->laws.domains, r->laws.n_domains, err);
    asc_mix_file_clear(&m);
    r->opts.limits.prior = r->prior;
    return st;
}

static asc_status read_request(request *r, const asc_cli_args *a, asc_error *err)
{
    asc_mix_opts *o = &r->opts;
    const char *objective = asc__cli_get(a, "objective");
    int64_t threads = 0;
    asc_mix_opts_init(o);
    ASC_TRY(asc_law_read(&r->laws, asc__cli_file(a, 0), err));
    ASC_TRY(asc_mix_file_init(&r->mix, r->laws.domains, r->laws.n_domains, err));
    ASC_TRY(asc__cli_limits(&r->limits, &r->mix, a, r->laws.domains, r->laws.n_domains, err));
    if (objective) {
        const asc_target_names names = {r->laws.targets, r->laws.n_targets, r->laws.domains, r->laws.n_domains};
        ASC_TRY(asc_objective_read(&r->objective, objective, &names, err));
        o->objective = &r->objective;
    }
    ASC_TRY(asc__cli_double(a, "params", &o->params, err));
    if (asc__cli_has(a, "params") && !(o->params > 0))
        return ASC_FAIL(err, ASC_EINVAL, "--params: expected a number > 0, found %g", o->params);
    ASC_TRY(asc__cli_trust(&o->trust, a, err));
    o->limits = asc__cli_limits_view(&r->limits);
    ASC_TRY(read_prior(r, a, err));
    ASC_TRY(asc__cli_count(a, "threads", &threads, err));
    o->n_threads = threads > 0 && threads < 1024 ? (int)threads : asc_cpu_count();
    o->point = asc__cli_has(a, "point");
    o->progress = asc__cli_has(a, "quiet") ? NULL : asc__cli_progress;
    o->progress_ctx = (void *)a;
    o->n_tokens = r->limits.n_tokens;
    o->trades = true;
    return ASC_OK;
}

/* ---- results ---- */

static json_t *bound_map(const asc_mix_result *m, char *const *domains)
{
    json_t *map = json_object();
    for (size_t i = 0; map && i < m->n_domains; i++)
        if (m->bound[i] != ASC_FREE)
            json_object_set_new(map, domains[i], json_string(asc_bound_name(m->bound[i])));
    return map;
}

static json_t *epochs_map(const asc_mix_result *m, char *const *domains)
{
    json_t *map = json_object();
    for (size_t i = 0; map && i < m->n_domains; i++)
        if (!isnan(m->epochs[i]))
            json_object_set_new(map, domains[i], asc_json_num(m->epochs[i]));
    return map;
}

/* Pairs of domains that trade off. */
static json_t *trades_list(const asc_mix_result *m, char *const *domains)
{
    json_t *list = json_array();
    for (size_t k = 0; list && k < m->n_trades; k++) {
        const asc_trade *t = &m->trades[k];
        const char *first = domains[t->first], *second = domains[t->second];
        json_t *j = json_object(), *shares = json_object();
        json_object_set_new(j, "domains", json_pack("[s, s]", first, second));
        json_object_set_new(j, "sum", asc_json_num(t->sum));
        json_object_set_new(j, "sum_range", asc__cli_interval(t->sum_lo, t->sum_hi));
        json_object_set_new(shares, first, asc__cli_interval(t->lo, t->hi));
        json_object_set_new(shares, second, asc__cli_interval(t->sum - t->hi, t->sum - t->lo));
        json_object_set_new(j, "shares", shares);
        json_object_set_new(j, "change", asc__cli_interval(t->change[0], t->change[1]));
        json_object_set_new(j, "change_ci",
                            json_pack("[o, o]", asc__cli_interval(t->change_lo[0], t->change_hi[0]),
                                      asc__cli_interval(t->change_lo[1], t->change_hi[1])));
        json_array_append_new(list, j);
    }
    return list;
}

/* {axis: factor} of what lies outside the runs; a factor that nobody knows is null. */
static json_t *extrapolated_map(const asc_mix_support *s)
{
    const struct {
        const char *axis;
        double factor;
    } axes[] = {{"tokens", s->tokens}, {"params", s->params}, {"shares", s->shares}};
    json_t *map = json_object();
    for (size_t i = 0; map && i < sizeof axes / sizeof *axes; i++)
        if (axes[i].factor > 1.001)
            json_object_set_new(map, axes[i].axis, asc_json_num(axes[i].factor));
    return map;
}

/* What the table cannot support is null. */
static double supported(const asc_mix_result *m, double x)
{
    return m->support.withheld ? NAN : x;
}

static json_t *objective_map(const asc_mix_result *m)
{
    json_t *j = json_object();
    bool no = m->support.withheld;
    json_object_set_new(j, "predicted", asc_json_num(supported(m, m->predicted)));
    json_object_set_new(j, "uniform", asc_json_num(supported(m, m->uniform)));
    json_object_set_new(j, "ci", no ? json_null() : asc__cli_interval(m->ci[0], m->ci[1]));
    json_object_set_new(j, "gain", asc_json_num(supported(m, m->gain)));
    json_object_set_new(j, "gain_ci", no ? json_null() : asc__cli_interval(m->gain_ci[0], m->gain_ci[1]));
    json_object_set_new(j, "steps_saved", asc_json_num(supported(m, m->steps_saved)));
    return j;
}

static asc_status print_json(const request *r, const asc_mix_result *m, asc_error *err)
{
    char *const *domains = r->laws.domains;
    size_t D = m->n_domains;
    json_t *j = json_object();
    json_object_set_new(j, "weights", asc__cli_map(domains, m->weights, D));
    json_object_set_new(j, "tokens", asc__cli_tokens_map(domains, m->tokens, D));
    json_object_set_new(j, "objective", objective_map(m));
    json_object_set_new(j, "p_better", asc_json_num(m->p_better));
    json_object_set_new(j, "extrapolated", extrapolated_map(&m->support));
    json_object_set_new(j, "ci", asc__cli_intervals(domains, m->w_lo, m->w_hi, D));
    json_object_set_new(j, "bound", bound_map(m, domains));
    json_object_set_new(j, "epochs", epochs_map(m, domains));
    json_object_set_new(j, "kkt", asc_json_num(m->kkt));
    json_object_set_new(j, "trade_offs", trades_list(m, domains));
    json_object_set_new(j, "notes", asc__cli_notes(&m->notes));
    asc_status st = asc__cli_print_json(j, err);
    json_decref(j);
    return st;
}

static void print_objective(const request *r, const asc_mix_result *m)
{
    char b1[64], b2[64];
    if (m->support.withheld)
        printf("\nobjective not predicted: see the notes\n");
    else
        printf("\n%s objective %.5f (90 %%: %s), uniform %.5f, gain %.5f (90 %%: %s)\n",
               r->opts.point || isnan(m->p_better) ? "predicted" : "expected", m->predicted,
               asc__cli_range(m->ci[0], m->ci[1], 4, b1), m->uniform, m->gain,
               asc__cli_range(m->gain_ci[0], m->gain_ci[1], 4, b2));
    if (!isnan(m->p_better))
        printf("P(better than uniform) %.3f", m->p_better);
    if (!isnan(supported(m, m->steps_saved)))
        printf("%smatches uniform with %.1f %% fewer steps", isnan(m->p_better) ? "" : "; ", 100 * m->steps_saved);
    if (!isnan(m->p_better) || !isnan(supported(m, m->steps_saved)))
        putchar('\n');
    if (!isnan(m->kkt))
        printf("optimal under this law (largest remaining first-order gain %.2g)\n", m->kkt);
}

static void print_people(const request *r, const asc_mix_result *m)
{
    size_t D = m->n_domains;
    int width = asc__cli_width(r->laws.domains, D, 6);
    char b1[64], b3[32], n[32];
    bool epochs = r->limits.available != NULL;
    printf("law %s, budget %s tokens\n\n%-*s  %7s  %16s  %-16s  %-17s%s\n", r->laws.law, asc_format_count(m->budget, n),
           width, "domain", "share", "tokens", "90 %", "constraint", epochs ? "  epochs" : "");
    for (size_t i = 0; i < D; i++) {
        const char *bound = asc__cli_constraint(m->bound[i]);
        asc__cli_print_name(r->laws.domains[i], width);
        printf("  %7.4f  %16lld  %-16s  %-17s", m->weights[i], (long long)m->tokens[i],
               asc__cli_range(m->w_lo[i], m->w_hi[i], 4, b1), bound);
        printf(epochs ? "  %6s\n" : "\n", asc__cli_figure(m->epochs[i], 2, b3));
    }
    print_objective(r, m);
    asc__cli_print_notes(m->notes.text, m->notes.n);
}

static json_t *provenance(const request *r, const asc_mix_result *m, const asc_cli_args *a)
{
    const asc_objective *o = r->opts.objective ? r->opts.objective : &r->laws.objective;
    const asc_target_names names = {r->laws.targets, r->laws.n_targets, r->laws.domains, r->laws.n_domains};
    json_t *j = json_object();
    json_object_set_new(j, "command", json_string("optimize"));
    json_object_set_new(j, "version", json_string(ASC_VERSION));
    json_object_set_new(j, "source", json_string(asc__cli_file(a, 0)));
    json_object_set_new(j, "law", json_string(r->laws.law));
    json_object_set_new(j, "objective", asc_objective_to_json(o, &names));
    json_object_set_new(j, "tokens", json_integer(r->opts.n_tokens));
    json_object_set_new(j, "params", asc_json_num(m->params));
    json_object_set_new(j, "predicted", asc_json_num(supported(m, m->predicted)));
    json_object_set_new(j, "notes", asc__cli_notes(&m->notes));
    return j;
}

static asc_status show(request *r, const asc_mix_result *m, const asc_cli_args *a, asc_error *err)
{
    bool to_stdout = false;
    ASC_TRY(asc__cli_fill_mix(&r->mix, m->weights, m->tokens, r->limits.available, provenance(r, m, a), err));
    ASC_TRY(asc__cli_write_mix(&r->mix, a, &to_stdout, err));
    if (asc__cli_json(a))
        return print_json(r, m, err);
    if (!to_stdout)
        print_people(r, m);
    return ASC_OK;
}

static asc_status run_optimize(const asc_cli_args *a, asc_error *err)
{
    request r = {0};
    asc_mix_result m = {0};
    asc_status st = read_request(&r, a, err);
    if (st == ASC_OK)
        st = asc_mix_optimum(&m, &r.laws, &r.opts, err);
    asc__cli_progress_end();
    if (st == ASC_OK)
        st = show(&r, &m, a, err);
    asc_mix_result_clear(&m);
    clear(&r);
    return st;
}

static const asc_cli_option options[] = {
    ASC_CLI_LIMIT_OPTIONS,
    {"params", 'p', "P", "model size in parameters (default: the largest in the table)"},
    {"objective", 0, "O", ASC_CLI_OBJECTIVES " (default: as fitted)"},
    {"prior", 0, "FILE", "a mixture to stay near: JSON {domain: share} or MIX.json"},
    {"kl", 0, "F", "weight of KL(mixture || prior), in units of the objective"},
    {"trust", 0, "F", "keep shares within F x the sampled range, or off (default: 1.25; off for ddo)"},
    {"point", 0, NULL, "optimize the point estimate instead of the mean over the law's draws"},
    {"out", 'o', "MIX.json", "write the mixture to MIX.json"},
    {"threads", 0, "N", "threads (default: all cores; results do not depend on it)"},
    {0},
};

const asc_cli_command asc__cli_optimize = {
    .name = "optimize",
    .usage = "LAW.json --tokens N [options]",
    .summary = "find the best mixture at a budget",
    .options = options,
    .min_files = 1,
    .max_files = 1,
    .run = run_optimize,
};
