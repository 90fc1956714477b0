/* MIX.json: a mixture as it leaves this program, or as somebody else brings it. */
#include <math.h>
#include <string.h>

#include "table/table.h"
#include "csv.h"
#include "maps.h"

enum { MAX_DOMAINS = 100000 };

static void shards_clear(asc_mix_shards *s)
{
    for (size_t k = 0; k < s->n; k++)
        asc_free(s->paths[k]);
    asc_free(s->paths);
    *s = (asc_mix_shards){0};
}

void asc_mix_file_clear(asc_mix_file *m)
{
    if (!m)
        return;
    for (size_t i = 0; i < m->n_domains; i++) {
        if (m->domains)
            asc_free(m->domains[i]);
        if (m->paths)
            asc_free(m->paths[i]);
        if (m->shards)
            shards_clear(&m->shards[i]);
    }
    asc_free(m->shards);
    asc_free(m->max_epochs);
    asc_free(m->domains);
    asc_free(m->paths);
    asc_free(m->weights);
    asc_free(m->tokens);
    asc_free(m->available);
    asc_free(m->bytes_per_token);
    asc_free(m->tokenizer);
    json_decref(m->phases);
    json_decref(m->from);
    *m = (asc_mix_file){0};
}

asc_status asc_mix_file_init(asc_mix_file *m, char *const *domains, size_t n_domains, asc_error *err)
{
    asc_mix_file n = {.n_domains = n_domains};
    n.domains = asc_calloc(n_domains, sizeof *n.domains);
    n.weights = asc_calloc(n_domains, sizeof *n.weights);
    bool ok = n.domains && n.weights;
    for (size_t i = 0; ok && i < n_domains; i++)
        ok = (n.domains[i] = asc_strdup(domains[i])) != NULL;
    if (!ok) {
        asc_mix_file_clear(&n);
        return ASC_NOMEM(err);
    }
    *m = n;
    return ASC_OK;
}

int64_t asc_mix_file_total(const asc_mix_file *m)
{
    int64_t total = 0;
    for (size_t i = 0; m->tokens && i < m->n_domains; i++)
        total += m->tokens[i];
    return total;
}

/* ---- writing ---- */

static json_t *tokens_json(const asc_mix_file *m)
{
    json_t *map = json_object();
    for (size_t i = 0; map && i < m->n_domains; i++)
        json_object_set_new(map, m->domains[i], json_integer(m->tokens[i]));
    return map;
}

static json_t *paths_json(const asc_mix_file *m)
{
    json_t *map = json_object();
    for (size_t i = 0; map && i < m->n_domains; i++) {
        json_t *several = m->shards && m->shards[i].n > 0 ? json_array() : NULL;
        for (size_t k = 0; several && k < m->shards[i].n; k++)
            json_array_append_new(several, json_string(m->shards[i].paths[k]));
        json_object_set_new(map, m->domains[i],
                            several                   ? several
                            : m->paths && m->paths[i] ? json_string(m->paths[i])
                                                      : json_null());
    }
    return map;
}

static json_t *bytes_json(const asc_mix_file *m)
{
    json_t *map = json_object();
    for (size_t i = 0; map && i < m->n_domains; i++)
        json_object_set_new(map, m->domains[i], asc_json_num(m->bytes_per_token ? m->bytes_per_token[i] : NAN));
    return map;
}

asc_status asc_mix_file_to_json(json_t **out, const asc_mix_file *m, asc_error *err)
{
    json_t *j = json_object();
    if (!j)
        return ASC_NOMEM(err);
    int bad = json_object_set_new(j, "weights", asc__map_json(m->domains, m->weights, m->n_domains));
    if (m->tokens)
        bad |= json_object_set_new(j, "tokens", tokens_json(m));
    if (m->available)
        bad |= json_object_set_new(j, "available", asc__map_json(m->domains, m->available, m->n_domains));
    if (m->max_epochs)
        bad |= json_object_set_new(j, "max_epochs", asc__map_json(m->domains, m->max_epochs, m->n_domains));
    bad |= json_object_set_new(j, "paths", paths_json(m));
    bad |= json_object_set_new(j, "tokenizer", m->tokenizer ? json_string(m->tokenizer) : json_null());
    bad |= json_object_set_new(j, "bytes_per_token", bytes_json(m));
    if (m->phases)
        bad |= json_object_set(j, "phases", m->phases);
    if (m->from)
        bad |= json_object_set(j, "from", m->from);
    if (bad) {
        json_decref(j);
        return ASC_FAIL(err, ASC_ENOMEM, "mixture: out of memory, or a name that is not UTF-8");
    }
    *out = j;
    return ASC_OK;
}

asc_status asc_mix_file_write(const char *path, const asc_mix_file *m, asc_error *err)
{
    json_t *j = NULL;
    ASC_TRY(asc_mix_file_to_json(&j, m, err));
    asc_status st = asc_json_write(path, j, 2, err);
    json_decref(j);
    return st;
}

/* ---- reading ---- */

static asc_status read_names(asc_mix_file *m, const json_t *weights, const char *name, asc_error *err)
{
    size_t n = json_object_size(weights);
    if (n == 0 || n > MAX_DOMAINS)
        return ASC_FAIL(err, ASC_EINVAL, "%s: field 'weights': expected 1 to %d domains, found %zu", name, MAX_DOMAINS,
                        n);
    m->domains = asc_calloc(n, sizeof *m->domains);
    m->weights = asc_calloc(n, sizeof *m->weights);
    if (!m->domains || !m->weights)
        return ASC_NOMEM(err);
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)weights, key, value)
    {
        double w = NAN;
        asc_json_quantity(value, &w);
        if (!(w >= 0 && w <= 1.01) || !*key)
            return ASC_FAIL(err, ASC_EINVAL, "%s: domain '%.60s': expected a share in [0, 1]", name, key);
        m->domains[m->n_domains] = asc_strdup(key);
        if (!m->domains[m->n_domains])
            return ASC_NOMEM(err);
        m->weights[m->n_domains++] = w;
    }
    return asc__map_normalise(m->weights, n, name, err);
}

static asc_status read_tokens(asc_mix_file *m, const json_t *j, const char *name, asc_error *err)
{
    const json_t *map = json_object_get(j, "tokens");
    if (!map || json_is_null(map))
        return ASC_OK;
    if (!json_is_object(map) || json_object_size(map) != m->n_domains)
        return ASC_FAIL(err, ASC_EINVAL, "%s: field 'tokens': expected a map with the domains of 'weights'", name);
    m->tokens = asc_calloc(m->n_domains, sizeof *m->tokens);
    if (!m->tokens)
        return ASC_NOMEM(err);
    char where[300];
    snprintf(where, sizeof where, "%.280s: tokens", name);
    int64_t total = 0;
    for (size_t i = 0; i < m->n_domains; i++) {
        ASC_TRY(asc_json_get_count(map, where, m->domains[i], &m->tokens[i], err));
        if (m->tokens[i] > 1000000000000000 || (total += m->tokens[i]) > 1000000000000000)
            return ASC_FAIL(err, ASC_EINVAL, "%s: more than 1e15 tokens", where);
    }
    for (size_t i = 0; i < m->n_domains && total > 0; i++)
        if (fabs((double)m->tokens[i] / (double)total - m->weights[i]) > .01)
            return ASC_FAIL(err, ASC_EINVAL, "%s: domain '%.60s': %lld tokens are %.4f of all, its weight says %.4f",
                            name, m->domains[i], (long long)m->tokens[i], (double)m->tokens[i] / (double)total,
                            m->weights[i]);
    return ASC_OK;
}

/* A map of numbers > 0 by domain that may be absent, and hold nulls. */
static asc_status read_positive(double **out, const asc_mix_file *m, const json_t *j, const char *key, const char *name,
                                asc_error *err)
{
    const json_t *map = json_object_get(j, key);
    if (!map || json_is_null(map))
        return ASC_OK;
    char where[300];
    snprintf(where, sizeof where, "%.280s: %s", name, key);
    if (!json_is_object(map))
        return ASC_FAIL(err, ASC_EINVAL, "%s: expected a map by domain", where);
    *out = asc_calloc(m->n_domains, sizeof **out);
    if (!*out)
        return ASC_NOMEM(err);
    ASC_TRY(asc__map_numbers(*out, map, m->domains, m->n_domains, "domain", where, err));
    for (size_t i = 0; i < m->n_domains; i++)
        if ((*out)[i] <= 0)
            return ASC_FAIL(err, ASC_EINVAL, "%s: domain '%.60s': expected a number > 0", where, m->domains[i]);
    return ASC_OK;
}

static asc_status set_path(char **out, const json_t *path, const char *where, const char *domain, asc_error *err)
{
    if (!json_is_string(path) || !*json_string_value(path) || strpbrk(json_string_value(path), "\r\n"))
        return ASC_FAIL(err, ASC_EINVAL, "%s: domain '%.60s': expected a path on one line, or a list of them", where,
                        domain);
    *out = asc_strdup(json_string_value(path));
    return *out ? ASC_OK : ASC_NOMEM(err);
}

asc_status asc_mix_file_set_paths(asc_mix_file *m, size_t i, const json_t *paths, const char *where, asc_error *err)
{
    size_t n = json_is_array(paths) ? json_array_size(paths) : 1;
    if (!m->paths && !(m->paths = asc_calloc(m->n_domains, sizeof *m->paths)))
        return ASC_NOMEM(err);
    if (!m->shards && n > 1 && !(m->shards = asc_calloc(m->n_domains, sizeof *m->shards)))
        return ASC_NOMEM(err);
    asc_mix_shards s = {asc_calloc(n ? n : 1, sizeof *s.paths), n};
    char *first = NULL;
    asc_status st = s.paths ? ASC_OK : ASC_NOMEM(err);
    if (st == ASC_OK && n == 0)
        st = ASC_FAIL(err, ASC_EINVAL, "%s: domain '%.60s': an empty list of paths", where, m->domains[i]);
    for (size_t k = 0; k < n && st == ASC_OK; k++)
        st = set_path(&s.paths[k], json_is_array(paths) ? json_array_get(paths, k) : paths, where, m->domains[i], err);
    if (st == ASC_OK && !(first = asc_strdup(s.paths[0])))
        st = ASC_NOMEM(err);
    if (st == ASC_OK) {
        asc_free(m->paths[i]);
        m->paths[i] = first;
        if (m->shards)
            shards_clear(&m->shards[i]);
    }
    if (st == ASC_OK && n > 1)
        m->shards[i] = s;
    else
        shards_clear(&s);
    return st;
}

static asc_status read_paths(asc_mix_file *m, const json_t *j, const char *name, asc_error *err)
{
    const json_t *map = json_object_get(j, "paths");
    if (!map || json_is_null(map))
        return ASC_OK;
    if (!json_is_object(map))
        return ASC_FAIL(err, ASC_EINVAL, "%s: field 'paths': expected a map by domain", name);
    m->paths = asc_calloc(m->n_domains, sizeof *m->paths);
    if (!m->paths)
        return ASC_NOMEM(err);
    char where[300];
    const char *key;
    json_t *value;
    snprintf(where, sizeof where, "%.280s: paths", name);
    json_object_foreach((json_t *)map, key, value)
    {
        size_t i;
        ASC_TRY(asc__map_index(&i, key, m->domains, m->n_domains, "domain", name, err));
        if (!json_is_null(value))
            ASC_TRY(asc_mix_file_set_paths(m, i, value, where, err));
    }
    return ASC_OK;
}

/* ---- phases ---- */

size_t asc_mix_file_n_phases(const asc_mix_file *m)
{
    return json_array_size(m->phases);
}

/* Where phase k ends as it is written: a number up to 1 is a share of the run, a larger one tokens; the last may leave
 * it out. */
static double phase_end(const asc_mix_file *m, size_t k)
{
    const json_t *x = json_object_get(json_array_get(m->phases, k), "until");
    double end = NAN;
    if ((!x || json_is_null(x)) && k + 1 == asc_mix_file_n_phases(m))
        return 1;
    asc_json_quantity(x, &end);
    return end;
}

static bool in_tokens(const asc_mix_file *m)
{
    for (size_t k = 0; k < asc_mix_file_n_phases(m); k++)
        if (phase_end(m, k) > 1)
            return true;
    return false;
}

double asc_mix_file_phase_share(const asc_mix_file *m, size_t k, int64_t total)
{
    double end = phase_end(m, k), all = total > 0 ? (double)total : (double)asc_mix_file_total(m);
    if (k + 1 == asc_mix_file_n_phases(m) || !in_tokens(m))
        return k + 1 == asc_mix_file_n_phases(m) ? 1 : end;
    return all > 0 ? fmin(end / all, 1) : NAN;
}

static asc_status phase_weights(double *w, const asc_mix_file *m, size_t k, const char *where, asc_error *err)
{
    const json_t *map = json_object_get(json_array_get(m->phases, k), "weights");
    if (!json_is_object(map))
        return ASC_FAIL(err, ASC_EINVAL, "%s: expected \"weights\", a map {domain: share}", where);
    ASC_TRY(asc__map_numbers(w, map, m->domains, m->n_domains, "domain", where, err));
    for (size_t i = 0; i < m->n_domains; i++) {
        w[i] = isnan(w[i]) ? 0 : w[i];
        if (!(w[i] >= 0 && w[i] <= 1.01))
            return ASC_FAIL(err, ASC_EINVAL, "%s: domain '%.60s': expected a share in [0, 1]", where, m->domains[i]);
    }
    return asc__map_normalise(w, m->n_domains, where, err);
}

/* An end must lie after the one before; the last is the end of the run: 1, all tokens, or left out. */
static asc_status check_end(const asc_mix_file *m, size_t k, double before, const char *where, asc_error *err)
{
    bool last = k + 1 == asc_mix_file_n_phases(m), tokens = in_tokens(m);
    double end = phase_end(m, k), total = (double)asc_mix_file_total(m), most = total > 0 ? total : 1e15;
    if (!(end > 0) || (end > 1 && end != floor(end)))
        return ASC_FAIL(err, ASC_EINVAL, "%s: until: expected a share of the run up to 1, or a whole number of tokens",
                        where);
    if (tokens && !(last && end == 1) && !(end > 1 && end > before && end <= most))
        return ASC_FAIL(err, ASC_EINVAL, "%s: until: expected tokens above %.0f and up to %s%.0f, or shares everywhere",
                        where, before, total > 0 ? "the mixture's " : "", most);
    if (tokens && last && end != 1 && total > 0 && end != total)
        return ASC_FAIL(err, ASC_EINVAL, "%s: until: the last phase ends at %.0f tokens, the mixture has %.0f", where,
                        end, total);
    if (!tokens && (!(end > before && end <= 1) || (last && end != 1)))
        return ASC_FAIL(err, ASC_EINVAL, "%s: until: expected a share of the run above %g%s", where, before,
                        last ? ", 1 for the last" : "");
    return ASC_OK;
}

static asc_status read_phases(asc_mix_file *m, const json_t *j, const char *name, asc_error *err)
{
    json_t *list = json_object_get(j, "phases");
    char where[300];
    if (!list || json_is_null(list))
        return ASC_OK;
    if (!json_is_array(list) || json_array_size(list) == 0)
        return ASC_FAIL(err, ASC_EINVAL, "%s: phases: expected a list of {\"until\": share, \"weights\": {..}}", name);
    m->phases = json_incref(list);
    double *w = asc_calloc(m->n_domains, sizeof *w), before = 0;
    asc_status st = w ? ASC_OK : ASC_NOMEM(err);
    for (size_t k = 0; k < asc_mix_file_n_phases(m) && st == ASC_OK; before = phase_end(m, k++)) {
        snprintf(where, sizeof where, "%.250s: phases: item %zu", name, k + 1);
        st = check_end(m, k, before, where, err);
        if (st == ASC_OK)
            st = phase_weights(w, m, k, where, err);
    }
    asc_free(w);
    return st;
}

asc_status asc_mix_file_take_phase(asc_mix_file *m, size_t k, asc_error *err)
{
    if (k >= asc_mix_file_n_phases(m))
        return ASC_FAIL(err, ASC_EINVAL, "phase %zu: the mixture has %zu", k + 1, asc_mix_file_n_phases(m));
    double part = asc_mix_file_phase_share(m, k, 0) - (k > 0 ? asc_mix_file_phase_share(m, k - 1, 0) : 0);
    ASC_TRY(phase_weights(m->weights, m, k, "phases", err));
    json_decref(m->phases);
    m->phases = NULL;
    if (!m->tokens)
        return ASC_OK;
    int64_t total = (int64_t)floor((double)asc_mix_file_total(m) * part);
    return asc_mixture_tokens(m->tokens, NULL, m->weights, m->n_domains, total, NULL, err);
}

/* Row k of n (K,D): phase k's tokens by the mixture's own order, moved to the asked one. */
static asc_status spread_phase(int64_t *n, const asc_mix_file *m, size_t k, char *const *domains, size_t D,
                               int64_t tokens, double *w, int64_t *own, asc_error *err)
{
    ASC_TRY(phase_weights(w, m, k, "phases", err));
    ASC_TRY(asc_mixture_tokens(own, NULL, w, m->n_domains, tokens, NULL, err));
    for (size_t d = 0; d < D; d++) {
        n[d] = 0;
        for (size_t i = 0; i < m->n_domains; i++)
            if (strcmp(m->domains[i], domains[d]) == 0)
                n[d] = own[i];
    }
    return ASC_OK;
}

asc_status asc_mix_file_phase_tokens(int64_t *n, const asc_mix_file *m, const char *path, char *const *domains,
                                     size_t D, int64_t total, asc_error *err)
{
    size_t K = asc_mix_file_n_phases(m);
    double *w = asc_calloc(m->n_domains + 1, sizeof *w);
    int64_t *own = asc_calloc(m->n_domains + 1, sizeof *own), before = 0;
    asc_status st = w && own ? ASC_OK : ASC_NOMEM(err);
    for (size_t k = 0; st == ASC_OK && k < K; k++) {
        int64_t end = llround(asc_mix_file_phase_share(m, k, total) * (double)total);
        if (k > 0 && k + 1 < K && phase_end(m, k) > (double)total)
            st = ASC_FAIL(err, ASC_EINVAL, "%s: phases: item %zu ends at %.0f tokens, but the run has %lld", path,
                          k + 1, phase_end(m, k), (long long)total);
        if (st == ASC_OK)
            st = end > before ? spread_phase(n + k * D, m, k, domains, D, end - before, w, own, err)
                              : ASC_FAIL(err, ASC_EINVAL, "%s: phases: item %zu has no token in a run of %lld", path,
                                         k + 1, (long long)total);
        before = end;
    }
    asc_free(w);
    asc_free(own);
    return st;
}

static asc_status read_rest(asc_mix_file *m, const json_t *j, const char *name, asc_error *err)
{
    ASC_TRY(read_tokens(m, j, name, err));
    ASC_TRY(read_positive(&m->available, m, j, "available", name, err));
    ASC_TRY(read_positive(&m->max_epochs, m, j, "max_epochs", name, err));
    ASC_TRY(read_positive(&m->bytes_per_token, m, j, "bytes_per_token", name, err));
    ASC_TRY(read_paths(m, j, name, err));
    const json_t *tokenizer = json_object_get(j, "tokenizer");
    if (tokenizer && !json_is_null(tokenizer)) {
        if (!json_is_string(tokenizer))
            return ASC_FAIL(err, ASC_EINVAL, "%s: field 'tokenizer': expected a string", name);
        m->tokenizer = asc_strdup(json_string_value(tokenizer));
        if (!m->tokenizer)
            return ASC_NOMEM(err);
    }
    ASC_TRY(read_phases(m, j, name, err));
    json_t *from = json_object_get(j, "from");
    if (from && !json_is_null(from) && !json_is_object(from))
        return ASC_FAIL(err, ASC_EINVAL, "%s: field 'from': expected an object", name);
    m->from = json_is_object(from) ? json_incref(from) : NULL;
    return ASC_OK;
}

/* The mean of the phases, for a file that gives them alone. */
static asc_status average_phases(asc_mix_file *m, const char *name, asc_error *err)
{
    size_t K = asc_mix_file_n_phases(m), D = m->n_domains;
    if (in_tokens(m))
        return ASC_FAIL(
            err, ASC_EINVAL,
            "%s: field 'weights' is required where phases end at token counts and the run's length is unknown", name);
    double *w = asc_calloc(2 * D + 1, sizeof *w), before = 0;
    asc_status st = w ? ASC_OK : ASC_NOMEM(err);
    for (size_t k = 0; st == ASC_OK && k < K; k++) {
        double end = asc_mix_file_phase_share(m, k, 0);
        st = phase_weights(w, m, k, name, err);
        for (size_t i = 0; st == ASC_OK && i < D; i++)
            w[D + i] += (end - before) * w[i];
        before = end;
    }
    for (size_t i = 0; st == ASC_OK && i < D; i++)
        m->weights[i] = w[D + i];
    asc_free(w);
    return st;
}

asc_status asc_mix_file_from_json(asc_mix_file *out, const json_t *j, const char *name, asc_error *err)
{
    asc_mix_file m = {0};
    const json_t *weights = json_object_get(j, "weights"), *phases = json_object_get(j, "phases");
    if (!json_is_object(j))
        return ASC_FAIL(err, ASC_EINVAL, "%s: expected one JSON object with 'weights'", name);
    if (json_is_array(json_object_get(j, "laws")))
        return ASC_FAIL(err, ASC_EINVAL,
                        "%s: expected a mixture, found a law; `autoscale optimize %s --tokens N -o mix.json` finds one",
                        name, name);
    bool phased = !weights && json_is_array(phases); /* names from the first phase */
    if (phased)
        weights = json_object_get(json_array_get(phases, 0), "weights");
    bool bare = !weights && !phased;
    if (weights && !phased && !json_is_object(weights))
        bare = json_is_number(weights); /* a domain of that name */
    if (!bare && !json_is_object(weights))
        return ASC_FAIL(err, ASC_EINVAL, "%s: field 'weights': expected a map {domain: share}", name);
    asc_status st = read_names(&m, bare ? j : weights, name, err);
    if (st == ASC_OK && phased) { /* tokens are compared with the mean */
        m.phases = json_incref((json_t *)phases);
        st = average_phases(&m, name, err);
        json_decref(m.phases);
        m.phases = NULL;
    }
    if (st == ASC_OK && !bare)
        st = read_rest(&m, j, name, err);
    if (st == ASC_OK)
        *out = m;
    else
        asc_mix_file_clear(&m);
    return st;
}

asc_status asc_mix_file_read(asc_mix_file *out, const char *path, asc_error *err)
{
    json_t *j = NULL;
    asc_file_kind kind = asc_file_kind_of(path);
    if (kind == ASC_FILE_TABLE || kind == ASC_FILE_STUDY)
        return ASC_FAIL(err, ASC_EINVAL, "%s: expected a mixture ({domain: share} in JSON), found %s", path,
                        asc_file_kind_name(kind));
    ASC_TRY(asc_json_load(&j, path, err));
    asc_status st = asc_mix_file_from_json(out, j, path, err);
    json_decref(j);
    return st;
}

asc_status asc_mix_file_weights(double *w, const asc_mix_file *m, const char *path, char *const *domains,
                                size_t n_domains, asc_error *err)
{
    for (size_t i = 0; i < m->n_domains; i++) {
        size_t k;
        ASC_TRY(asc__map_index(&k, m->domains[i], domains, n_domains, "domain", path, err));
    }
    double *copy = asc_calloc(n_domains, sizeof *copy);
    asc_status st = copy ? ASC_OK : ASC_NOMEM(err);
    for (size_t i = 0; i < n_domains && st == ASC_OK; i++) {
        size_t k = 0;
        while (k < m->n_domains && strcmp(m->domains[k], domains[i]) != 0)
            k++;
        if (k == m->n_domains)
            st = ASC_FAIL(err, ASC_EINVAL, "%s: no share for domain '%s'", path, domains[i]);
        else
            copy[i] = m->weights[k];
    }
    if (st == ASC_OK)
        memcpy(w, copy, n_domains * sizeof *w);
    asc_free(copy);
    return st;
}
