/* Bounds, available tokens, objectives: small JSON maps by name. */
#include "maps.h"

#include <math.h>
#include <string.h>

#include "table/table.h"

asc_status asc__map_index(size_t *out, const char *name, char *const *names, size_t n, const char *what,
                          const char *where, asc_error *err)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0) {
            *out = i;
            return ASC_OK;
        }
    const char *near = asc_nearest_name(name, (const char *const *)names, n);
    return ASC_FAIL(err, ASC_EINVAL, "%s: no %s named '%.60s'%s%s%s", where, what, name, near ? "; did you mean '" : "",
                    near ? near : "", near ? "'?" : "");
}

asc_status asc__map_numbers(double *out, const json_t *map, char *const *names, size_t n, const char *what,
                            const char *where, asc_error *err)
{
    const char *key;
    json_t *value;
    for (size_t i = 0; i < n; i++)
        out[i] = NAN;
    json_object_foreach((json_t *)map, key, value)
    {
        size_t i;
        ASC_TRY(asc__map_index(&i, key, names, n, what, where, err));
        if (!asc_json_quantity(value, &out[i]))
            ASC_TRY(asc_json_opt_double(map, where, key, &out[i], err));
    }
    return ASC_OK;
}

json_t *asc__map_json(char *const *names, const double *x, size_t n)
{
    json_t *map = json_object();
    for (size_t i = 0; map && i < n; i++)
        if (json_object_set_new(map, names[i], asc_json_num(x[i])) != 0) {
            json_decref(map);
            return NULL;
        }
    return map;
}

asc_status asc__map_normalise(double *w, size_t n, const char *where, asc_error *err)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += w[i];
    if (!(fabs(sum - 1) <= .01 + 1e-12))
        return ASC_FAIL(err, ASC_EINVAL, "%s: expected shares that sum to 1 within .01, found %.6g", where, sum);
    for (size_t i = 0; i < n && fabs(sum - 1) > 1e-9; i++)
        w[i] /= sum;
    return ASC_OK;
}

static asc_status load_map(json_t **out, const char *path, asc_error *err)
{
    json_t *j = NULL;
    ASC_TRY(asc_json_load(&j, path, err));
    if (!json_is_object(j)) {
        json_decref(j);
        return ASC_FAIL(err, ASC_EINVAL, "%s: expected one JSON object {name: ..}", path);
    }
    *out = j;
    return ASC_OK;
}

/* ---- bounds ---- */

static asc_status share(double *out, const json_t *v, const char *path, const char *domain, asc_error *err)
{
    double x = NAN;
    asc_json_quantity(v, &x);
    if (!(x >= 0 && x <= 1))
        return ASC_FAIL(err, ASC_EINVAL,
                        "%s: field '%.60s': expected [lo, hi] or {\"min\": lo, \"max\": hi}, shares in [0, 1]", path,
                        domain);
    *out = x;
    return ASC_OK;
}

static asc_status read_bound(double *lo, double *hi, const json_t *v, const char *path, const char *domain,
                             asc_error *err)
{
    bool both = true; /* where one is given, the other may still be said elsewhere */
    if (json_is_object(v)) {
        const char *key;
        json_t *x;
        both = json_object_get(v, "min") && json_object_get(v, "max");
        json_object_foreach((json_t *)v, key, x)
        {
            if (strcmp(key, "min") != 0 && strcmp(key, "max") != 0)
                return ASC_FAIL(err, ASC_EINVAL, "%s: field '%.60s': expected min or max, found '%.40s'", path, domain,
                                key);
            ASC_TRY(share(key[1] == 'i' ? lo : hi, x, path, domain, err));
        }
    } else if (json_is_array(v) && json_array_size(v) == 2) {
        ASC_TRY(share(lo, json_array_get(v, 0), path, domain, err));
        ASC_TRY(share(hi, json_array_get(v, 1), path, domain, err));
    } else
        ASC_TRY(share(lo, NULL, path, domain, err));
    if (both && *lo > *hi)
        return ASC_FAIL(err, ASC_EINVAL, "%s: field '%.60s': minimum share %g above the maximum %g", path, domain, *lo,
                        *hi);
    return ASC_OK;
}

asc_status asc_bounds_read(double *lo, double *hi, const char *path, char *const *domains, size_t n_domains,
                           asc_error *err)
{
    json_t *map = NULL;
    ASC_TRY(load_map(&map, path, err));
    double *copy = asc_calloc(2 * n_domains + 1, sizeof *copy);
    asc_status st = copy ? ASC_OK : ASC_NOMEM(err);
    if (copy) {
        memcpy(copy, lo, n_domains * sizeof *lo);
        memcpy(copy + n_domains, hi, n_domains * sizeof *hi);
    }
    const char *key;
    json_t *value;
    json_object_foreach(map, key, value)
    {
        size_t i;
        if (st == ASC_OK)
            st = asc__map_index(&i, key, domains, n_domains, "domain", path, err);
        if (st == ASC_OK)
            st = read_bound(&copy[i], &copy[n_domains + i], value, path, key, err);
    }
    if (st == ASC_OK) {
        memcpy(lo, copy, n_domains * sizeof *lo);
        memcpy(hi, copy + n_domains, n_domains * sizeof *hi);
    }
    asc_free(copy);
    json_decref(map);
    return st;
}

/* ---- available tokens ---- */

static asc_status set_text(char **to, const json_t *v, asc_error *err)
{
    char *copy = asc_strdup(json_string_value(v));
    if (!copy)
        return ASC_NOMEM(err);
    asc_free(*to);
    *to = copy;
    return ASC_OK;
}

/* One field of a domain's object. */
static asc_status available_field(double *tokens, double *epochs, asc_mix_file *mix, size_t i, const char *key,
                                  const json_t *v, const char *where, asc_error *err)
{
    double x = NAN;
    asc_json_quantity(v, &x);
    if (strcmp(key, "tokens") == 0 && (x > 0 || json_is_null(v)))
        *tokens = json_is_null(v) ? INFINITY : x;
    else if (strcmp(key, "max_epochs") == 0 && (x > 0 || json_is_null(v)))
        *epochs = x;
    else if (strcmp(key, "path") == 0 && json_is_string(v))
        return mix ? set_text(&mix->paths[i], v, err) : ASC_OK;
    else if (strcmp(key, "bytes_per_token") == 0 && x > 0) {
        if (mix)
            mix->bytes_per_token[i] = x;
    } else if (strcmp(key, "tokens") == 0 || strcmp(key, "max_epochs") == 0 || strcmp(key, "path") == 0 ||
               strcmp(key, "bytes_per_token") == 0)
        return ASC_FAIL(err, ASC_EINVAL, "%s.%s: expected %s", where, key,
                        strcmp(key, "path") == 0 ? "a string" : "a number > 0");
    else
        return ASC_FAIL(err, ASC_EINVAL,
                        "%s: unknown field '%.40s'; expected tokens, max_epochs, path or bytes_per_token", where, key);
    return ASC_OK;
}

static asc_status available_entry(double *tokens, double *epochs, asc_mix_file *mix, size_t i, const char *domain,
                                  const json_t *v, const char *path, asc_error *err)
{
    char where[256];
    snprintf(where, sizeof where, "%.150s: field '%.60s'", path, domain);
    double n;
    if (asc_json_quantity(v, &n) && n > 0) {
        *tokens = n;
        return ASC_OK;
    }
    if (json_is_null(v))
        return ASC_OK;
    if (!json_is_object(v))
        return ASC_FAIL(err, ASC_EINVAL, "%s: expected the number of unique tokens, > 0", where);
    const char *key;
    json_t *x;
    json_object_foreach((json_t *)v, key, x) ASC_TRY(available_field(tokens, epochs, mix, i, key, x, where, err));
    return ASC_OK;
}

/* The parts of mix that the file may fill. */
static asc_status prepare_mix(asc_mix_file *mix, asc_error *err)
{
    if (!mix)
        return ASC_OK;
    if (!mix->paths)
        mix->paths = asc_calloc(mix->n_domains, sizeof *mix->paths);
    if (!mix->bytes_per_token) {
        mix->bytes_per_token = asc_calloc(mix->n_domains, sizeof *mix->bytes_per_token);
        for (size_t i = 0; mix->bytes_per_token && i < mix->n_domains; i++)
            mix->bytes_per_token[i] = NAN;
    }
    return mix->paths && mix->bytes_per_token ? ASC_OK : ASC_NOMEM(err);
}

asc_status asc_available_read(double *available, double *epochs, asc_mix_file *mix, const char *path,
                              char *const *domains, size_t n_domains, asc_error *err)
{
    json_t *map = NULL;
    ASC_TRY(load_map(&map, path, err));
    double *a = asc_calloc(2 * n_domains + 1, sizeof *a), *e = a ? a + n_domains : NULL;
    asc_status st = a ? prepare_mix(mix, err) : ASC_NOMEM(err);
    for (size_t i = 0; a && i < n_domains; i++) {
        a[i] = INFINITY;
        e[i] = NAN;
    }
    const char *key;
    json_t *value;
    json_object_foreach(map, key, value)
    {
        size_t i;
        if (st == ASC_OK)
            st = asc__map_index(&i, key, domains, n_domains, "domain", path, err);
        if (st == ASC_OK)
            st = available_entry(&a[i], &e[i], mix, i, key, value, path, err);
    }
    if (st == ASC_OK) {
        memcpy(available, a, n_domains * sizeof *a);
        if (epochs)
            memcpy(epochs, e, n_domains * sizeof *e);
    }
    asc_free(a);
    json_decref(map);
    return st;
}

/* ---- objectives ---- */

asc_status asc_objective_from_json(asc_objective *out, const json_t *map, const char *where,
                                   const asc_target_names *names, asc_error *err)
{
    char *const *targets = names->targets;
    size_t n_targets = names->n_targets;
    if (json_is_string(map))
        return asc_objective_parse_word(out, json_string_value(map), names, err);
    if (!json_is_object(map))
        return ASC_FAIL(err, ASC_EINVAL, "%s: expected an objective's name or a map {target: weight}", where);
    double *w = asc_calloc(n_targets, sizeof *w), sum = 0;
    if (!w)
        return ASC_NOMEM(err);
    asc_status st = asc__map_numbers(w, map, targets, n_targets, "target", where, err);
    for (size_t v = 0; v < n_targets && st == ASC_OK; v++) {
        if (isnan(w[v]))
            w[v] = 0;
        if (w[v] < 0)
            st =
                ASC_FAIL(err, ASC_EINVAL, "%s: target '%s': expected a weight >= 0, found %g", where, targets[v], w[v]);
        sum += w[v];
    }
    if (st == ASC_OK && !(sum > 0 && sum < HUGE_VAL))
        st = ASC_FAIL(err, ASC_EINVAL, "%s: expected weights with a sum > 0", where);
    if (st != ASC_OK) {
        asc_free(w);
        return st;
    }
    for (size_t v = 0; v < n_targets; v++)
        w[v] /= sum;
    *out = (asc_objective){.kind = ASC_OBJ_WEIGHTS, .n_targets = n_targets, .weights = w};
    return ASC_OK;
}

asc_status asc_objective_read(asc_objective *out, const char *word, const asc_target_names *names, asc_error *err)
{
    static const char *const words[] = {"mean-loss", "mean-targets", "mean-domains", "mean-ppl", "worst"};
    bool known = strncmp(word, "target:", 7) == 0;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        known |= strcmp(word, words[i]) == 0;
    if (known || (strcmp(word, "-") != 0 && !asc_path_exists(word)))
        return asc_objective_parse_word(out, word, names, err);
    json_t *map = NULL;
    ASC_TRY(asc_json_load(&map, word, err));
    asc_status st = asc_objective_from_json(out, map, word, names, err);
    json_decref(map);
    return st;
}

json_t *asc_objective_to_json(const asc_objective *o, const asc_target_names *names)
{
    char name[300];
    asc_objective_word(o, names, name, sizeof name);
    if (strcmp(name, "weights") != 0)
        return json_string(name);
    return asc__map_json(names->targets, o->weights, o->n_targets);
}
