#include "mixing.h"
#include "tables.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

json_t *asc__cli_map(char *const *names, const double *x, size_t n)
{
    if (!x)
        return json_null();
    json_t *map = json_object();
    for (size_t i = 0; map && i < n; i++)
        json_object_set_new(map, names[i], asc_json_num(x[i]));
    return map;
}

json_t *asc__cli_interval(double lo, double hi)
{
    return isfinite(lo) && isfinite(hi) ? json_pack("[f,f]", lo, hi) : json_null();
}

json_t *asc__cli_intervals(char *const *names, const double *lo, const double *hi, size_t n)
{
    bool any = false;
    json_t *map = json_object();
    for (size_t i = 0; lo && hi && i < n; i++) {
        any |= isfinite(lo[i]) && isfinite(hi[i]);
        json_object_set_new(map, names[i], asc__cli_interval(lo[i], hi[i]));
    }
    if (any)
        return map;
    json_decref(map);
    return json_null();
}

json_t *asc__cli_notes(const asc_notes *notes)
{
    json_t *a = json_array();
    for (size_t i = 0; i < notes->n; i++)
        json_array_append_new(a, json_string(notes->text[i]));
    return a;
}

void asc__cli_print_notes(char *const *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        printf("note: %s\n", text[i]);
}

const char *asc__cli_figure(double x, int digits, char *buf)
{
    if (isnan(x))
        snprintf(buf, 32, "-");
    else
        snprintf(buf, 32, "%.*f", digits, x);
    return buf;
}

const char *asc__cli_range(double lo, double hi, int digits, char *buf)
{
    if (isnan(lo) || isnan(hi))
        snprintf(buf, 64, "-");
    else
        snprintf(buf, 64, "%.*f .. %.*f", digits, lo, digits, hi);
    return buf;
}

int asc__cli_width(char *const *names, size_t n, int least)
{
    int width = least;
    for (size_t i = 0; i < n; i++)
        if (asc__cli_columns(names[i]) > width)
            width = asc__cli_columns(names[i]);
    return width > 40 ? 40 : width;
}

/* ---- limits ---- */

void asc__cli_limits_clear(asc_cli_limits *l)
{
    asc_free(l->lo);
    asc_free(l->hi);
    asc_free(l->available);
    asc_free(l->epochs);
    *l = (asc_cli_limits){0};
}

static asc_status filled(double **out, size_t n, double x, asc_error *err)
{
    *out = asc_calloc(n, sizeof **out);
    for (size_t i = 0; *out && i < n; i++)
        (*out)[i] = x;
    return *out ? ASC_OK : ASC_NOMEM(err);
}

static asc_status read_share(const asc_cli_args *a, const char *name, double *out, asc_error *err)
{
    ASC_TRY(asc__cli_double(a, name, out, err));
    if (!(*out >= 0 && *out <= 1))
        return ASC_FAIL(err, ASC_EINVAL, "--%s: expected a share in [0, 1], found %g", name, *out);
    return ASC_OK;
}

static asc_status read_bounds(asc_cli_limits *l, const asc_cli_args *a, char *const *domains, size_t n, asc_error *err)
{
    double least = 0, most = 1;
    const char *file = asc__cli_get(a, "bounds");
    ASC_TRY(read_share(a, "min", &least, err));
    ASC_TRY(read_share(a, "max", &most, err));
    if (asc__cli_has(a, "min") || file)
        ASC_TRY(filled(&l->lo, n, least, err));
    if (asc__cli_has(a, "max") || file)
        ASC_TRY(filled(&l->hi, n, most, err));
    return file ? asc_bounds_read(l->lo, l->hi, file, domains, n, err) : ASC_OK;
}

static asc_status read_available(asc_cli_limits *l, asc_mix_file *mix, const asc_cli_args *a, char *const *domains,
                                 size_t n, asc_error *err)
{
    const char *file = asc__cli_get(a, "available");
    l->max_epochs = 1;
    ASC_TRY(asc__cli_double(a, "max-epochs", &l->max_epochs, err));
    if (!(l->max_epochs > 0))
        return ASC_FAIL(err, ASC_EINVAL, "--max-epochs: expected a number > 0, found %g", l->max_epochs);
    if (!file && asc__cli_has(a, "max-epochs"))
        return ASC_FAIL(err, ASC_EINVAL, "--max-epochs needs --available FILE, the unique tokens of each domain");
    if (!file)
        return ASC_OK;
    ASC_TRY(filled(&l->available, n, INFINITY, err));
    ASC_TRY(filled(&l->epochs, n, NAN, err));
    return asc_available_read(l->available, l->epochs, mix, file, domains, n, err);
}

/* A mixture keeps the caps that it was made under. */
static asc_status keep_caps(asc_mix_file *mix, const asc_cli_limits *l, size_t n, asc_error *err)
{
    if (!l->available || !mix)
        return ASC_OK;
    ASC_TRY(filled(&mix->max_epochs, n, NAN, err));
    for (size_t i = 0; i < n; i++)
        if (isfinite(l->available[i]))
            mix->max_epochs[i] = isnan(l->epochs[i]) ? l->max_epochs : l->epochs[i];
    return ASC_OK;
}

asc_status asc__cli_limits(asc_cli_limits *out, asc_mix_file *mix, const asc_cli_args *a, char *const *domains,
                           size_t n_domains, asc_error *err)
{
    asc_cli_limits l = {0};
    if (!asc__cli_has(a, "tokens"))
        return ASC_FAIL(err, ASC_EINVAL, "--tokens N is needed: the budget");
    asc_status st = asc__cli_count(a, "tokens", &l.n_tokens, err);
    if (st == ASC_OK && l.n_tokens <= 0)
        st = ASC_FAIL(err, ASC_EINVAL, "--tokens: expected a number > 0, found %lld", (long long)l.n_tokens);
    if (st == ASC_OK)
        st = read_bounds(&l, a, domains, n_domains, err);
    if (st == ASC_OK)
        st = read_available(&l, mix, a, domains, n_domains, err);
    if (st == ASC_OK)
        st = keep_caps(mix, &l, n_domains, err);
    if (st == ASC_OK)
        *out = l;
    else
        asc__cli_limits_clear(&l);
    return st;
}

/* ---- MIX.json ---- */

asc_status asc__cli_fill_mix(asc_mix_file *mix, const double *weights, const int64_t *tokens, const double *available,
                             json_t *from, asc_error *err)
{
    size_t n = mix->n_domains;
    mix->from = from;
    mix->tokens = asc_calloc(n, sizeof *mix->tokens);
    if (available)
        mix->available = asc_calloc(n, sizeof *mix->available);
    if (!mix->tokens || (available && !mix->available))
        return ASC_NOMEM(err);
    for (size_t i = 0; i < n; i++) {
        mix->weights[i] = weights[i];
        mix->tokens[i] = tokens[i];
        if (available)
            mix->available[i] = isfinite(available[i]) ? available[i] : NAN;
    }
    return ASC_OK;
}

asc_status asc__cli_write_mix(const asc_mix_file *mix, const asc_cli_args *a, bool *to_stdout, asc_error *err)
{
    const char *path = asc__cli_get(a, "output");
    *to_stdout = path && strcmp(path, "-") == 0 && !asc__cli_json(a);
    if (!path || strcmp(path, "-") != 0)
        return path ? asc_mix_file_write(path, mix, err) : ASC_OK;
    if (asc__cli_json(a))
        return ASC_OK; /* one JSON object on stdout: the result, which holds the mixture too */
    json_t *j = NULL;
    ASC_TRY(asc_mix_file_to_json(&j, mix, err));
    asc_status st = asc__cli_print_json(j, err);
    json_decref(j);
    return st;
}

/* ---- laws ---- */

asc_status asc__cli_blame(const char *file, asc_status st, asc_error *err)
{
    asc_error why = *err;
    return st == ASC_EINVAL ? ASC_FAIL(err, st, "%s: %s", file, why.msg) : st;
}

/* Progress, but none of what is over within two seconds. */
static void law_progress(void *args, const char *what, double done, double total, const char *unit)
{
    static double start_s;
    double now = asc_now_s();
    if (start_s == 0)
        start_s = now;
    if (now - start_s > .5)
        asc__cli_list_table();
    if (now - start_s > 2)
        asc__cli_progress(args, what, done, total, unit);
}

asc_status asc__cli_law_opts(asc_law_opts *o, const asc_cli_args *a, asc_error *err)
{
    int64_t seed = 0, draws = (int64_t)o->n_bootstrap, threads = 0;
    ASC_TRY(asc__cli_count(a, "seed", &seed, err));
    ASC_TRY(asc__cli_count(a, "bootstrap", &draws, err));
    ASC_TRY(asc__cli_count(a, "threads", &threads, err));
    if (draws > 100000)
        return ASC_FAIL(err, ASC_EINVAL, "--bootstrap: expected at most 100000 draws, found %lld", (long long)draws);
    o->seed = (uint64_t)seed;
    o->n_bootstrap = (size_t)draws;
    o->n_threads = threads > 0 && threads < 1024 ? (int)threads : asc_cpu_count();
    o->no_trees = asc__cli_has(a, "no-trees");
    o->clock = asc_now_s;
    if (!asc__cli_quiet(a)) {
        o->progress = law_progress;
        o->progress_ctx = (void *)(uintptr_t)a;
    }
    return ASC_OK;
}
