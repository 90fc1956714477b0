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

json_t *asc__cli_tokens_map(char *const *names, const int64_t *tokens, size_t n)
{
    json_t *map = json_object();
    for (size_t i = 0; map && i < n; i++)
        json_object_set_new(map, names[i], json_integer(tokens[i]));
    return map;
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

const char *asc__cli_constraint(asc_bound b)
{
    static const char *const words[] = {[ASC_AT_MIN] = "minimum share",
                                        [ASC_AT_MAX] = "maximum share",
                                        [ASC_AT_AVAILABLE] = "available tokens",
                                        [ASC_AT_TRUST] = "sampled range"};
    return b == ASC_FREE ? "" : words[b];
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

asc_limits asc__cli_limits_view(const asc_cli_limits *l)
{
    return (asc_limits){
        .lo = l->lo, .hi = l->hi, .available = l->available, .max_epochs = l->max_epochs, .epochs = l->epochs};
}

static asc_status filled(double **out, size_t n, double x, asc_error *err)
{
    *out = asc_calloc(n, sizeof **out);
    for (size_t i = 0; *out && i < n; i++)
        (*out)[i] = x;
    return *out ? ASC_OK : ASC_NOMEM(err);
}

/* ---- NAME=VALUE,NAME=VALUE on the command line ---- */

typedef asc_status (*set_value)(void *ctx, size_t domain, const char *value, asc_error *err);

static size_t find_name(char *const *domains, size_t n, const char *name, size_t len)
{
    size_t i = 0;
    while (i < n && (strlen(domains[i]) != len || strncmp(domains[i], name, len) != 0))
        i++;
    return i;
}

static asc_status no_such_domain(const char *option, const char *part, size_t len, char *const *domains, size_t n,
                                 asc_error *err)
{
    char name[128];
    snprintf(name, sizeof name, "%.*s", (int)(len < sizeof name ? len : sizeof name - 1), part);
    const char *near = asc_nearest_name(name, (const char *const *)domains, n);
    return ASC_FAIL(err, ASC_EINVAL, "--%s: no domain named '%s'%s%s%s", option, name, near ? "; did you mean '" : "",
                    near ? near : "", near ? "'?" : "");
}

/* One NAME=VALUE of len characters; names may hold '=' themselves. seen (n): the names so far. */
static asc_status one_pair(bool *seen, const char *option, const char *text, size_t len, char *const *domains, size_t n,
                           set_value set, void *ctx, asc_error *err)
{
    char value[64];
    size_t cut = len;
    while (cut > 0 && text[cut - 1] != '=')
        cut--;
    if (cut < 2 || cut == len || len - cut >= sizeof value)
        return ASC_FAIL(err, ASC_EINVAL, "--%s: expected NAME=VALUE, found '%.*s'", option, (int)(len < 80 ? len : 80),
                        text);
    size_t i = find_name(domains, n, text, cut - 1);
    if (i == n)
        return no_such_domain(option, text, cut - 1, domains, n, err);
    if (seen[i])
        return ASC_FAIL(err, ASC_EINVAL, "--%s: domain '%s' is given twice", option, domains[i]);
    seen[i] = true;
    memcpy(value, text + cut, len - cut);
    value[len - cut] = 0;
    return set(ctx, i, value, err);
}

/* Pairs with commas between them, or one whose name holds commas. */
static asc_status all_pairs(const char *option, const char *text, char *const *domains, size_t n, set_value set,
                            void *ctx, asc_error *err)
{
    const char *last = strrchr(text, '=');
    bool whole = last && find_name(domains, n, text, (size_t)(last - text)) < n;
    bool *seen = asc_calloc(n ? n : 1, sizeof *seen);
    asc_status st = seen ? ASC_OK : ASC_NOMEM(err);
    for (const char *p = text; st == ASC_OK; p++) {
        size_t len = whole ? strlen(p) : strcspn(p, ",");
        st = one_pair(seen, option, p, len, domains, n, set, ctx, err);
        p += len;
        if (!*p)
            break;
    }
    asc_free(seen);
    return st;
}

typedef struct share_setter {
    double *w;
    const char *option;
    char *const *domains;
} share_setter;

static asc_status parse_share(const char *option, const char *value, double *out, asc_error *err)
{
    double x;
    if (!asc_parse_quantity(value, &x))
        return ASC_FAIL(err, ASC_EINVAL, "--%s: expected a share (.1 or 10%%), found '%s'", option, value);
    if (!(x >= 0 && x <= 1))
        return ASC_FAIL(err, ASC_EINVAL, "--%s: expected a share in [0, 1], found %g", option, x);
    *out = x;
    return ASC_OK;
}

static asc_status set_share(void *ctx, size_t i, const char *value, asc_error *err)
{
    share_setter *s = ctx;
    return parse_share(s->option, value, &s->w[i], err);
}

asc_status asc__cli_inline_shares(double *w, const char *option, const char *text, char *const *domains,
                                  size_t n_domains, asc_error *err)
{
    share_setter s = {.w = w, .option = option, .domains = domains};
    return all_pairs(option, text, domains, n_domains, set_share, &s, err);
}

/* ---- bounds ---- */

/* The share of an option for all domains: its last value without a name. */
static asc_status read_share(const asc_cli_args *a, const char *name, double *out, asc_error *err)
{
    for (size_t k = 0; asc__cli_nth(a, name, k); k++)
        if (!strchr(asc__cli_nth(a, name, k), '='))
            ASC_TRY(parse_share(name, asc__cli_nth(a, name, k), out, err));
    return ASC_OK;
}

/* Those of single domains: --max code=10%. */
static asc_status read_named_shares(double *w, const asc_cli_args *a, const char *name, char *const *domains, size_t n,
                                    asc_error *err)
{
    for (size_t k = 0; asc__cli_nth(a, name, k); k++)
        if (strchr(asc__cli_nth(a, name, k), '='))
            ASC_TRY(asc__cli_inline_shares(w, name, asc__cli_nth(a, name, k), domains, n, err));
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
    if (file)
        ASC_TRY(asc_bounds_read(l->lo, l->hi, file, domains, n, err));
    ASC_TRY(read_named_shares(l->lo, a, "min", domains, n, err));
    ASC_TRY(read_named_shares(l->hi, a, "max", domains, n, err));
    for (size_t i = 0; l->lo && l->hi && i < n; i++)
        if (l->lo[i] > l->hi[i])
            return ASC_FAIL(err, ASC_EINVAL, "domain '%s': minimum share %g exceeds its maximum %g", domains[i],
                            l->lo[i], l->hi[i]);
    return ASC_OK;
}

/* ---- available tokens ---- */

/* TOKENS or TOKENS:EPOCHS of one domain. */
static asc_status set_available(void *ctx, size_t i, const char *value, asc_error *err)
{
    asc_cli_limits *l = ctx;
    char tokens[64];
    const char *colon = strchr(value, ':');
    double n, k = NAN;
    size_t len = colon ? (size_t)(colon - value) : strlen(value);
    memcpy(tokens, value, len);
    tokens[len] = 0;
    if (!asc_parse_quantity(tokens, &n) || !(n > 0) || (colon && (!asc_parse_quantity(colon + 1, &k) || !(k > 0))))
        return ASC_FAIL(err, ASC_EINVAL, "--available: expected TOKENS or TOKENS:EPOCHS (40B:4), found '%s'", value);
    l->available[i] = n;
    l->epochs[i] = k;
    return ASC_OK;
}

static bool is_inline(const char *text)
{
    return strchr(text, '=') && !asc_path_exists(text);
}

static asc_status read_available(asc_cli_limits *l, asc_mix_file *mix, const asc_cli_args *a, char *const *domains,
                                 size_t n, asc_error *err)
{
    const char *file = NULL;
    l->max_epochs = 1;
    ASC_TRY(asc__cli_double(a, "max-epochs", &l->max_epochs, err));
    if (!(l->max_epochs > 0))
        return ASC_FAIL(err, ASC_EINVAL, "--max-epochs: expected a number > 0, found %g", l->max_epochs);
    if (!asc__cli_has(a, "available"))
        return asc__cli_has(a, "max-epochs")
                   ? ASC_FAIL(err, ASC_EINVAL, "--max-epochs needs --available, the unique tokens of each domain")
                   : ASC_OK;
    ASC_TRY(filled(&l->available, n, INFINITY, err));
    ASC_TRY(filled(&l->epochs, n, NAN, err));
    for (size_t k = 0; asc__cli_nth(a, "available", k); k++)
        if (!is_inline(asc__cli_nth(a, "available", k))) {
            if (file)
                return ASC_FAIL(err, ASC_EINVAL, "--available: two files, %s and %s; expected one", file,
                                asc__cli_nth(a, "available", k));
            file = asc__cli_nth(a, "available", k);
        }
    if (file)
        ASC_TRY(asc_available_read(l->available, l->epochs, mix, file, domains, n, err));
    for (size_t k = 0; asc__cli_nth(a, "available", k); k++)
        if (is_inline(asc__cli_nth(a, "available", k)))
            ASC_TRY(all_pairs("available", asc__cli_nth(a, "available", k), domains, n, set_available, l, err));
    return ASC_OK;
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

asc_status asc__cli_trust(double *trust, const asc_cli_args *a, asc_error *err)
{
    const char *s = asc__cli_get(a, "trust");
    if (!s)
        return ASC_OK;
    if (strcmp(s, "off") == 0) {
        *trust = 0;
        return ASC_OK;
    }
    if (!asc_parse_quantity(s, trust) || !(*trust >= 1))
        return ASC_FAIL(err, ASC_EINVAL, "--trust: expected a factor >= 1 or off, found '%s'", s);
    return ASC_OK;
}

asc_status asc__cli_limits(asc_cli_limits *out, asc_mix_file *mix, const asc_cli_args *a, char *const *domains,
                           size_t n_domains, asc_error *err)
{
    if (!asc__cli_has(a, "tokens"))
        return ASC_FAIL(err, ASC_EINVAL, "--tokens N is required: the budget");
    return asc__cli_limits_at(out, mix, a, 0, domains, n_domains, err);
}

asc_status asc__cli_limits_at(asc_cli_limits *out, asc_mix_file *mix, const asc_cli_args *a, int64_t n_tokens,
                              char *const *domains, size_t n_domains, asc_error *err)
{
    asc_cli_limits l = {.n_tokens = n_tokens};
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
    const char *path = asc__cli_get(a, "out");
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

asc_status asc__cli_objective(asc_objective *out, const asc_cli_args *a, const asc_runs *runs, asc_error *err)
{
    const asc_target_names names = {runs->targets, runs->n_targets, runs->domains, runs->n_domains};
    const char *word = asc__cli_get(a, "objective");
    return asc_objective_read(out, word ? word : "mean-loss", &names, err);
}

const char *asc__cli_objective_note(char *buf, const asc_cli_args *a, const asc_runs *runs)
{
    const asc_target_names names = {runs->targets, runs->n_targets, runs->domains, runs->n_domains};
    size_t beside = asc_targets_beside(&names), V = runs->n_targets;
    if (asc__cli_has(a, "objective") || beside == 0 || beside == V)
        return NULL;
    snprintf(buf, 300,
             "objective mean-loss weights all %zu targets equally, %zu of them the domains' own; to optimize for the "
             "other %zu alone, use --objective mean-targets",
             V, V - beside, beside);
    return buf;
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

asc_status asc__cli_fit_opts(asc_law_opts *o, asc_objective *objective, const asc_cli_args *a, const asc_runs *runs,
                             asc_error *err)
{
    asc_law_opts_init(o);
    o->law = asc__cli_get(a, "law");
    ASC_TRY(asc__cli_law_opts(o, a, err));
    ASC_TRY(asc__cli_double(a, "noise", &o->noise, err));
    if (asc__cli_has(a, "noise") && !(o->noise > 0))
        return ASC_FAIL(err, ASC_EINVAL, "--noise: expected a standard deviation > 0, found %g", o->noise);
    ASC_TRY(asc__cli_objective(objective, a, runs, err));
    o->objective = objective;
    return ASC_OK;
}
