/* run.json: all that one run needs. */
#include "train/train.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "spec/spec_json.h"

#include "run_state.h"

enum { MAX_SPEC_BYTES = 64 << 20, MAX_DOMAINS = 65536, MAX_PHASES = 10000, MAX_PARTS = 65536 };
#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define MOST_TOKENS 1e15

static const char *const run_objects[] = {"model", "training", "domains", "targets", "phases", "merge", "online"};

void asc_run_spec_init(asc_run_spec *s)
{
    asc_settings_init_run(s);
}

static void free_strings(char **p, size_t n)
{
    for (size_t i = 0; p && i < n; i++)
        asc_free(p[i]);
    asc_free(p);
}

void asc_run_spec_clear(asc_run_spec *s)
{
    if (!s)
        return;
    asc_free(s->id);
    asc_free(s->device);
    asc_free(s->tokenizer);
    asc_free(s->init_from);
    asc_free(s->init_digest);
    asc_free(s->phase_tokens);
    asc_free(s->online);
    asc_free(s->online_reference);
    asc_free(s->online_prior);
    asc_free(s->online_goal);
    free_strings(s->part_from, s->n_parts);
    free_strings(s->part_digests, s->n_parts);
    asc_free(s->part_weights);
    free_strings(s->domains, s->n_domains);
    free_strings(s->train_files, s->n_domains);
    asc_free(s->tokens);
    asc_free(s->max_epochs);
    free_strings(s->targets, s->n_targets);
    free_strings(s->valid_files, s->n_targets);
    free_strings(s->scored_files, s->n_targets);
    *s = (asc_run_spec){0};
}

/* ---- reading ---- */

/* Paths of the file start at its folder. */
static asc_status resolve(char **path, const char *dir, asc_error *err)
{
    if (!*path)
        return ASC_OK;
    char *full = asc_path_join(dir, *path);
    if (!full)
        return ASC_NOMEM(err);
    asc_free(*path);
    *path = full;
    return ASC_OK;
}

static int cmp_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static asc_status check_distinct(char *const *names, size_t n, const char *where, const char *what, asc_error *err)
{
    char **sorted = asc_malloc(n * sizeof *sorted);
    if (!sorted)
        return ASC_NOMEM(err);
    memcpy(sorted, names, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, cmp_names);
    asc_status st = ASC_OK;
    for (size_t i = 1; i < n && st == ASC_OK; i++)
        if (strcmp(sorted[i - 1], sorted[i]) == 0)
            st = ASC_FAIL(err, ASC_EINVAL, "%s: two %s are called '%s'", where, what, sorted[i]);
    asc_free(sorted);
    return st;
}

/* A copy of a string that is there and not empty; *out NULL where it is absent and may be. */
static asc_status read_string(char **out, const json_t *obj, const char *key, bool needed, const char *where,
                              asc_error *err)
{
    const char *text = NULL;
    const json_t *v = json_object_get(obj, key);
    if ((!v || json_is_null(v)) && !needed)
        return ASC_OK;
    if (!v)
        return ASC_FAIL(err, ASC_EINVAL, "%s: missing field '%s'", where, key);
    ASC_TRY(asc_json_get_string(obj, where, key, &text, err));
    if (*text == 0 || strlen(text) != json_string_length(v))
        return ASC_FAIL(err, ASC_EINVAL, "%s: field '%s': expected text, found %s", where, key,
                        *text ? "a NUL byte" : "an empty string");
    *out = asc_strdup(text);
    return *out ? ASC_OK : ASC_NOMEM(err);
}

static asc_status read_domain(asc_run_spec *s, size_t i, const json_t *obj, const char *where, asc_error *err)
{
    static const char *const keys[] = {"name", "train", "tokens", "max_epochs"};
    char place[300];
    snprintf(place, sizeof place, "%s: domains[%zu]", where, i);
    ASC_TRY(asc_json_known_keys(obj, keys, COUNT(keys), place, err));
    ASC_TRY(read_string(&s->domains[i], obj, "name", true, place, err));
    ASC_TRY(read_string(&s->train_files[i], obj, "train", true, place, err));
    ASC_TRY(asc_json_get_double(obj, place, "tokens", &s->tokens[i], err));
    ASC_TRY(asc_json_opt_double(obj, place, "max_epochs", &s->max_epochs[i], err));
    if (!(s->tokens[i] >= 0 && s->tokens[i] <= MOST_TOKENS && s->tokens[i] == floor(s->tokens[i])))
        return ASC_FAIL(err, ASC_EINVAL, "%s: field 'tokens': expected a whole number from 0 to %g, found %.17g", place,
                        MOST_TOKENS, s->tokens[i]);
    if (!(isnan(s->max_epochs[i]) || s->max_epochs[i] > 0))
        return ASC_FAIL(err, ASC_EINVAL, "%s: field 'max_epochs': expected a number > 0, found %g", place,
                        s->max_epochs[i]);
    return ASC_OK;
}

static asc_status read_domains(asc_run_spec *s, const json_t *obj, const char *where, asc_error *err)
{
    json_t *list;
    ASC_TRY(asc_json_get_array(obj, where, "domains", &list, err));
    size_t n = json_array_size(list);
    if (n < 1 || n > MAX_DOMAINS)
        return ASC_FAIL(err, ASC_EINVAL, "%s: field 'domains': expected 1 to %d of them, found %zu", where, MAX_DOMAINS,
                        n);
    s->domains = asc_calloc(n, sizeof *s->domains);
    s->train_files = asc_calloc(n, sizeof *s->train_files);
    s->tokens = asc_calloc(n, sizeof *s->tokens);
    s->max_epochs = asc_calloc(n, sizeof *s->max_epochs);
    if (!s->domains || !s->train_files || !s->tokens || !s->max_epochs)
        return ASC_NOMEM(err);
    s->n_domains = n;
    double total = 0;
    for (size_t i = 0; i < n; i++) {
        ASC_TRY(read_domain(s, i, json_array_get(list, i), where, err));
        total += s->tokens[i];
    }
    if (!(total > 0 && total <= MOST_TOKENS))
        return ASC_FAIL(err, ASC_EINVAL, "%s: domains: expected tokens in all from 1 to %g, found %g", where,
                        MOST_TOKENS, total);
    return check_distinct(s->domains, n, where, "domains", err);
}

/* One map {domain: tokens} a phase; together they are the domains' tokens. */
static asc_status read_phases(asc_run_spec *s, const json_t *obj, const char *where, asc_error *err)
{
    json_t *list = json_object_get(obj, "phases");
    size_t K = json_array_size(list), D = s->n_domains;
    if (!list || json_is_null(list))
        return ASC_OK;
    if (!json_is_array(list) || K < 1 || K > MAX_PHASES)
        return ASC_FAIL(err, ASC_EINVAL, "%s: field 'phases': expected a list of 1 to %d maps {domain: tokens}", where,
                        MAX_PHASES);
    if (!(s->phase_tokens = asc_calloc(K, D * sizeof *s->phase_tokens)))
        return ASC_NOMEM(err);
    s->n_phases = K;
    for (size_t k = 0; k < K; k++) {
        const json_t *map = json_array_get(list, k);
        size_t known = 0;
        for (size_t i = 0; i < D; i++) {
            const json_t *x = json_object_get(map, s->domains[i]);
            double n = x ? json_number_value(x) : 0;
            known += x != NULL;
            if ((x && !json_is_number(x)) || !(n >= 0 && n <= MOST_TOKENS) || n != floor(n))
                return ASC_FAIL(err, ASC_EINVAL, "%s: phases[%zu]: domain '%s': expected a whole number of tokens",
                                where, k, s->domains[i]);
            s->phase_tokens[k * D + i] = n;
        }
        if (!json_is_object(map) || known != json_object_size(map))
            return ASC_FAIL(err, ASC_EINVAL, "%s: phases[%zu]: expected a map {domain: tokens} of this run's domains",
                            where, k);
    }
    for (size_t i = 0; i < D; i++) {
        double sum = 0;
        for (size_t k = 0; k < K; k++)
            sum += s->phase_tokens[k * D + i];
        if (sum != s->tokens[i])
            return ASC_FAIL(err, ASC_EINVAL, "%s: domain '%s': its phases have %.0f tokens, its field 'tokens' %.0f",
                            where, s->domains[i], sum, s->tokens[i]);
    }
    return ASC_OK;
}

static asc_status read_part(asc_run_spec *s, size_t k, const json_t *obj, const char *where, asc_error *err)
{
    static const char *const keys[] = {"from", "weight", "digest"};
    char place[300];
    snprintf(place, sizeof place, "%s: merge[%zu]", where, k);
    ASC_TRY(asc_json_known_keys(obj, keys, COUNT(keys), place, err));
    ASC_TRY(read_string(&s->part_from[k], obj, "from", true, place, err));
    ASC_TRY(read_string(&s->part_digests[k], obj, "digest", true, place, err));
    ASC_TRY(asc_json_get_double(obj, place, "weight", &s->part_weights[k], err));
    return isfinite(s->part_weights[k])
               ? ASC_OK
               : ASC_FAIL(err, ASC_EINVAL, "%s: field 'weight': expected a finite number", place);
}

static asc_status read_parts(asc_run_spec *s, const json_t *obj, const char *where, asc_error *err)
{
    json_t *list = json_object_get(obj, "merge");
    size_t n = json_array_size(list);
    if (!list || json_is_null(list))
        return ASC_OK;
    if (!json_is_array(list) || n < 1 || n > MAX_PARTS)
        return ASC_FAIL(err, ASC_EINVAL, "%s: field 'merge': expected a list of 1 to %d {from, weight, digest}", where,
                        MAX_PARTS);
    s->part_from = asc_calloc(n, sizeof *s->part_from);
    s->part_digests = asc_calloc(n, sizeof *s->part_digests);
    s->part_weights = asc_calloc(n, sizeof *s->part_weights);
    if (!s->part_from || !s->part_digests || !s->part_weights)
        return ASC_NOMEM(err);
    s->n_parts = n;
    for (size_t k = 0; k < n; k++)
        ASC_TRY(read_part(s, k, json_array_get(list, k), where, err));
    if (!s->init_from || s->init_with != ASC_START_WEIGHTS)
        return ASC_FAIL(err, ASC_EINVAL,
                        "%s: field 'merge': needs 'init_from' with weights alone, what is merged about", where);
    return ASC_OK;
}

static asc_status check_init(const asc_run_spec *s, const char *where, asc_error *err)
{
    if (!s->init_from && (s->init_with != ASC_START_WEIGHTS || s->init_digest))
        return ASC_FAIL(err, ASC_EINVAL, "%s: field '%s': needs 'init_from', a checkpoint", where,
                        s->init_digest ? "init_digest" : "init_with");
    return ASC_OK;
}

static asc_status read_targets(asc_run_spec *s, const json_t *obj, const char *where, asc_error *err)
{
    static const char *const keys[] = {"name", "valid", "scored"};
    json_t *list;
    ASC_TRY(asc_json_get_array(obj, where, "targets", &list, err));
    size_t n = json_array_size(list);
    if (n < 1 || n > MAX_DOMAINS)
        return ASC_FAIL(err, ASC_EINVAL, "%s: field 'targets': expected 1 to %d of them, found %zu", where, MAX_DOMAINS,
                        n);
    s->targets = asc_calloc(n, sizeof *s->targets);
    s->valid_files = asc_calloc(n, sizeof *s->valid_files);
    s->scored_files = asc_calloc(n, sizeof *s->scored_files);
    if (!s->targets || !s->valid_files || !s->scored_files)
        return ASC_NOMEM(err);
    s->n_targets = n;
    for (size_t i = 0; i < n; i++) {
        char place[300];
        snprintf(place, sizeof place, "%s: targets[%zu]", where, i);
        const json_t *at = json_array_get(list, i);
        ASC_TRY(asc_json_known_keys(at, keys, COUNT(keys), place, err));
        ASC_TRY(read_string(&s->targets[i], at, "name", true, place, err));
        ASC_TRY(read_string(&s->valid_files[i], at, "valid", false, place, err));
        ASC_TRY(read_string(&s->scored_files[i], at, "scored", false, place, err));
        if (!s->valid_files[i] == !s->scored_files[i])
            return ASC_FAIL(err, ASC_EINVAL, "%s: expected either field 'valid' or field 'scored'", place);
    }
    return check_distinct(s->targets, n, where, "targets", err);
}

static asc_status read_shares(double **out, const json_t *obj, const char *key, size_t n, const char *where,
                              asc_error *err)
{
    const json_t *list = json_object_get(obj, key);
    if (json_array_size(list) != n)
        return ASC_FAIL(err, ASC_EINVAL, "%s: field '%s': expected a list of %zu shares", where, key, n);
    if (!(*out = asc_calloc(n, sizeof **out)))
        return ASC_NOMEM(err);
    for (size_t i = 0; i < n; i++) {
        (*out)[i] = json_number_value(json_array_get(list, i));
        if (!json_is_number(json_array_get(list, i)) || !((*out)[i] >= 0 && (*out)[i] <= 1))
            return ASC_FAIL(err, ASC_EINVAL, "%s: field '%s': item %zu: expected a share", where, key, i + 1);
    }
    return ASC_OK;
}

static asc_status read_online(asc_run_spec *s, const json_t *obj, const char *where, asc_error *err)
{
    static const char *const keys[] = {"method", "reference", "prior", "goal"};
    const json_t *at = json_object_get(obj, "online"), *goal = json_object_get(at, "goal");
    char place[300];
    if (!at || json_is_null(at))
        return ASC_OK;
    snprintf(place, sizeof place, "%s: online", where);
    ASC_TRY(asc_json_known_keys(at, keys, COUNT(keys), place, err));
    ASC_TRY(read_string(&s->online, at, "method", true, place, err));
    ASC_TRY(read_string(&s->online_reference, at, "reference", false, place, err));
    ASC_TRY(read_shares(&s->online_prior, at, "prior", s->n_domains, place, err));
    return goal && !json_is_null(goal) ? read_shares(&s->online_goal, at, "goal", s->n_targets, place, err) : ASC_OK;
}

static asc_status read_object(asc_run_spec *s, const char *key, const json_t *obj, const char *where, asc_error *err)
{
    json_t *child;
    char place[300];
    ASC_TRY(asc_json_get_object(obj, where, key, &child, err));
    snprintf(place, sizeof place, "%s: %s", where, key);
    return asc_settings_read(s, key, child, place, NULL, 0, err);
}

static asc_status check_shape(const asc_run_spec *s, const char *where, asc_error *err)
{
    asc_error why = {0};
    if (asc_model_spec_check(&s->model, &why) != ASC_OK)
        return ASC_FAIL(err, ASC_EINVAL, "%s: model: %s", where, why.msg);
    return ASC_OK;
}

static asc_status resolve_all(asc_run_spec *s, const char *dir, asc_error *err)
{
    ASC_TRY(resolve(&s->tokenizer, dir, err));
    ASC_TRY(resolve(&s->init_from, dir, err));
    ASC_TRY(resolve(&s->online_reference, dir, err));
    for (size_t k = 0; k < s->n_parts; k++)
        ASC_TRY(resolve(&s->part_from[k], dir, err));
    for (size_t i = 0; i < s->n_domains; i++)
        ASC_TRY(resolve(&s->train_files[i], dir, err));
    for (size_t i = 0; i < s->n_targets; i++)
        ASC_TRY(resolve(s->valid_files[i] ? &s->valid_files[i] : &s->scored_files[i], dir, err));
    return ASC_OK;
}

static asc_status read_all(asc_run_spec *s, const json_t *obj, const char *where, const char *dir, asc_error *err)
{
    ASC_TRY(asc_settings_read(s, "", obj, where, run_objects, COUNT(run_objects), err));
    ASC_TRY(read_object(s, "model", obj, where, err));
    ASC_TRY(read_object(s, "training", obj, where, err));
    ASC_TRY(check_shape(s, where, err));
    ASC_TRY(read_domains(s, obj, where, err));
    ASC_TRY(read_phases(s, obj, where, err));
    ASC_TRY(read_parts(s, obj, where, err));
    ASC_TRY(check_init(s, where, err));
    ASC_TRY(read_targets(s, obj, where, err));
    ASC_TRY(read_online(s, obj, where, err));
    if (!s->device && !(s->device = asc_strdup("cpu")))
        return ASC_NOMEM(err);
    return resolve_all(s, dir, err);
}

asc_status asc_run_spec_parse(asc_run_spec *out, const char *name, const char *dir, const char *text, size_t n,
                              asc_error *err)
{
    json_t *obj = NULL;
    ASC_TRY(asc_json_parse(&obj, name, text, n, err));
    asc_run_spec s;
    asc_run_spec_init(&s);
    asc_status st = asc_json_unseal(NULL, obj, name, err);
    if (st == ASC_OK)
        st = read_all(&s, obj, name, dir, err);
    json_decref(obj);
    if (st == ASC_OK)
        *out = s;
    else
        asc_run_spec_clear(&s);
    return st;
}

asc_status asc_run_spec_read(asc_run_spec *out, const char *dir, asc_error *err)
{
    char *path = asc_path_join(dir, "run.json"), *text = NULL;
    size_t n = 0;
    if (!path)
        return ASC_NOMEM(err);
    asc_status st = asc_read_file(path, MAX_SPEC_BYTES, &text, &n, err);
    if (st == ASC_OK)
        st = asc_run_spec_parse(out, path, dir, text, n, err);
    asc_free(text);
    asc_free(path);
    return st;
}

/* ---- writing ---- */

/* Keys with defaults of the architecture are left out where they have them: runs of before they existed keep their
 * identity. */
static bool add_object(json_t *obj, const char *key, const asc_run_spec *s)
{
    json_t *child = json_object();
    bool ok = child && asc_settings_write(child, key, s);
    return json_object_set_new(obj, key, child) == 0 && ok;
}

static bool add_domains(json_t *obj, const asc_run_spec *s)
{
    json_t *list = json_array();
    bool ok = json_object_set_new(obj, "domains", list) == 0;
    for (size_t i = 0; ok && i < s->n_domains; i++) {
        json_t *d = json_object();
        ok = json_array_append_new(list, d) == 0 && json_object_set_new(d, "name", json_string(s->domains[i])) == 0 &&
             json_object_set_new(d, "train", json_string(s->train_files[i])) == 0 &&
             json_object_set_new(d, "tokens", json_integer((json_int_t)s->tokens[i])) == 0;
        if (ok && s->max_epochs && !isnan(s->max_epochs[i]))
            ok = json_object_set_new(d, "max_epochs", asc_json_num(s->max_epochs[i])) == 0;
    }
    return ok;
}

static bool add_targets(json_t *obj, const asc_run_spec *s)
{
    json_t *list = json_array();
    bool ok = json_object_set_new(obj, "targets", list) == 0;
    for (size_t i = 0; ok && i < s->n_targets; i++) {
        json_t *t = json_object();
        const char *scored = s->scored_files ? s->scored_files[i] : NULL;
        ok = json_array_append_new(list, t) == 0 && json_object_set_new(t, "name", json_string(s->targets[i])) == 0 &&
             json_object_set_new(t, scored ? "scored" : "valid", json_string(scored ? scored : s->valid_files[i])) == 0;
    }
    return ok;
}

static json_t *phase_json(const asc_run_spec *s, size_t k)
{
    json_t *map = json_object();
    bool ok = map != NULL;
    for (size_t i = 0; ok && i < s->n_domains; i++)
        ok = json_object_set_new(map, s->domains[i], json_integer((json_int_t)s->phase_tokens[k * s->n_domains + i])) ==
             0;
    if (ok)
        return map;
    json_decref(map);
    return NULL;
}

static bool add_phases(json_t *obj, const asc_run_spec *s)
{
    if (s->n_phases == 0)
        return true;
    json_t *list = json_array();
    bool ok = json_object_set_new(obj, "phases", list) == 0;
    for (size_t k = 0; ok && k < s->n_phases; k++)
        ok = json_array_append_new(list, phase_json(s, k)) == 0;
    return ok;
}

/* With the folders, or without: a study's may be moved. */
static bool add_parts(json_t *obj, const asc_run_spec *s, bool folders)
{
    if (s->n_parts == 0)
        return true;
    json_t *list = json_array();
    bool ok = json_object_set_new(obj, "merge", list) == 0;
    for (size_t k = 0; ok && k < s->n_parts; k++) {
        json_t *part = json_pack("{s:f,s:s}", "weight", s->part_weights[k], "digest", s->part_digests[k]);
        ok = part && (!folders || json_object_set_new(part, "from", json_string(s->part_from[k])) == 0);
        ok = json_array_append_new(list, part) == 0 && ok;
    }
    return ok;
}

/* JSON holds UTF-8 alone, and a path has to be found again byte for byte. */
static asc_status check_text(const char *text, const char *what, asc_error *err)
{
    return !text || asc_is_utf8(text)
               ? ASC_OK
               : ASC_FAIL(err, ASC_EINVAL, "%s '%s' is not valid UTF-8, which run.json needs: rename it", what, text);
}

static asc_status check_texts(const asc_run_spec *s, asc_error *err)
{
    ASC_TRY(check_text(s->id, "the run's name", err));
    ASC_TRY(check_text(s->tokenizer, "the path", err));
    ASC_TRY(check_text(s->init_from, "the path", err));
    ASC_TRY(check_text(s->online_reference, "the path", err));
    for (size_t i = 0; i < s->n_domains; i++)
        ASC_TRY(check_text(s->train_files[i], "the path", err));
    for (size_t i = 0; i < s->n_targets; i++) {
        ASC_TRY(check_text(s->scored_files ? s->scored_files[i] : NULL, "the path", err));
        ASC_TRY(check_text(s->valid_files[i], "the path", err));
    }
    return ASC_OK;
}

static json_t *shares_json(const double *x, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_real(x[i]));
    return list;
}

/* folders: the reference too, which a study that moved finds elsewhere. */
static bool add_online(json_t *obj, const asc_run_spec *s, bool folders)
{
    if (!s->online)
        return true;
    json_t *o = json_pack("{s:s,s:o}", "method", s->online, "prior", shares_json(s->online_prior, s->n_domains));
    bool ok = o != NULL;
    if (ok && s->online_goal)
        ok = json_object_set_new(o, "goal", shares_json(s->online_goal, s->n_targets)) == 0;
    if (ok && folders && s->online_reference)
        ok = json_object_set_new(o, "reference", json_string(s->online_reference)) == 0;
    return json_object_set_new(obj, "online", o) == 0 && ok;
}

asc_status asc_run_spec_write(const asc_run_spec *s, const char *dir, asc_error *err)
{
    ASC_TRY(check_texts(s, err));
    if (s->training.seed > INT64_MAX)
        return ASC_FAIL(err, ASC_EINVAL, "training: seed %llu does not fit into 63 bits",
                        (unsigned long long)s->training.seed);
    char *path = asc_path_join(dir, "run.json");
    json_t *obj = json_object();
    bool ok = path && obj && asc_settings_write(obj, "", s) && add_object(obj, "model", s) &&
              add_object(obj, "training", s) && add_domains(obj, s) && add_phases(obj, s) && add_parts(obj, s, true) &&
              add_online(obj, s, true) && add_targets(obj, s);
    asc_status st = ok ? asc_json_seal(obj, err) : ASC_NOMEM(err);
    if (st == ASC_OK)
        st = asc_json_write(path, obj, 2, err);
    json_decref(obj);
    asc_free(path);
    return st;
}

/* ---- identity ---- */

/* Names and tokens without the paths: a study's folder may be moved, not changed. */
static bool add_identity(json_t *obj, const asc_run_spec *s)
{
    json_t *list = json_array();
    bool ok = list != NULL;
    for (size_t i = 0; ok && i < s->n_domains; i++) {
        double epochs = s->max_epochs ? s->max_epochs[i] : NAN;
        ok = json_array_append_new(list, json_pack("[s f o]", s->domains[i], s->tokens[i], asc_json_num(epochs))) == 0;
    }
    for (size_t v = 0; ok && v < s->n_targets; v++)
        ok = json_array_append_new(list, json_string(s->targets[v])) == 0;
    if (s->ranks > 1) /* another order of additions */
        ok = ok && json_object_set_new(obj, "ranks", json_integer(s->ranks)) == 0;
    ok = ok && add_phases(obj, s) && add_parts(obj, s, false) && add_online(obj, s, false);
    if (s->init_with != ASC_START_WEIGHTS)
        ok = ok && json_object_set_new(obj, "init_with", json_string(asc_start_name(s->init_with))) == 0;
    if (s->init_digest)
        ok = ok && json_object_set_new(obj, "init", json_string(s->init_digest)) == 0;
    if (s->stop_tokens > 0)
        ok = ok && json_object_set_new(obj, "stop_tokens", json_real(s->stop_tokens)) == 0;
    if (s->cool_tokens > 0)
        ok = ok && json_object_set_new(obj, "cool_tokens", json_real(s->cool_tokens)) == 0;
    return json_object_set_new(obj, "data", list) == 0 && ok &&
           json_object_set_new(obj, "run",
                               json_pack("[I i i i b]", (json_int_t)s->valid_tokens, s->n_curve, s->threads,
                                         (int)s->isa, s->init_from != NULL)) == 0;
}

asc_status asc_run_spec_digest(const asc_run_spec *s, char *hex, asc_error *err)
{
    json_t *obj = json_object();
    char *text = NULL;
    bool ok = obj && add_object(obj, "model", s) && add_object(obj, "training", s) && add_identity(obj, s);
    asc_status st = ok ? asc_json_print(&text, obj, 0, err) : ASC_NOMEM(err);
    if (st == ASC_OK)
        asc_sha256_hex(text, strlen(text), hex);
    asc_free(text);
    json_decref(obj);
    return st;
}

asc_status asc_run_spec_same(bool *same, const asc_run_spec *a, const asc_run_spec *b, asc_error *err)
{
    char x[65], y[65];
    ASC_TRY(asc_run_spec_digest(a, x, err));
    ASC_TRY(asc_run_spec_digest(b, y, err));
    *same = strcmp(x, y) == 0;
    return ASC_OK;
}
