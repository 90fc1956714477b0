/* result.json: what a run found, ours or an external trainer's. */
#include "train/train.h"

#include <math.h>
#include <string.h>

#include "base/base_json.h"

enum { MAX_RESULT_BYTES = 256 << 20, MAX_CURVE = 1000000 };
#define MOST_LOSS 1e6

void asc_run_result_clear(asc_run_result *r)
{
    if (!r)
        return;
    asc_free(r->id);
    asc_free(r->digest);
    asc_free(r->state);
    asc_free(r->why);
    for (size_t i = 0; r->domains && i < r->n_domains; i++)
        asc_free(r->domains[i]);
    for (size_t i = 0; r->targets && i < r->n_targets; i++)
        asc_free(r->targets[i]);
    for (size_t i = 0; r->curve && i < r->n_curve; i++)
        asc_free(r->curve[i].loss);
    asc_free(r->domains);
    asc_free(r->targets);
    asc_free(r->domain_tokens);
    asc_free(r->loss);
    asc_free(r->curve);
    *r = (asc_run_result){0};
}

/* ---- reading ---- */

struct reader {
    asc_run_result *r;
    const char *where;
    asc_error *err;
};

/* Trainers take the names of targets from those of their files: either form is one. */
static size_t find_name(char *const *names, size_t n, const char *name)
{
    size_t i = 0;
    while (i < n && strcmp(names[i], name) != 0)
        i++;
    char *read = i == n && strchr(name, '~') ? asc_strdup(name) : NULL;
    if (!read)
        return i;
    asc_file_name_read(read);
    for (i = 0; i < n && strcmp(names[i], read) != 0;)
        i++;
    asc_free(read);
    return i;
}

static asc_status copy_text(char **out, const char *s, asc_error *err)
{
    char *copy = asc_strdup(s);
    if (!copy)
        return ASC_NOMEM(err);
    *out = copy;
    return ASC_OK;
}

static asc_status read_state(const struct reader *rd, const json_t *obj)
{
    const char *state = "done", *why;
    if (json_object_get(obj, "state"))
        ASC_TRY(asc_json_get_string(obj, rd->where, "state", &state, rd->err));
    if (strcmp(state, "done") != 0 && strcmp(state, "diverged") != 0)
        return ASC_FAIL(rd->err, ASC_EINVAL, "%s: field 'state': expected \"done\" or \"diverged\", found \"%s\"",
                        rd->where, state);
    ASC_TRY(copy_text(&rd->r->state, state, rd->err));
    const json_t *given = json_object_get(obj, "why");
    if (!given || json_is_null(given))
        return ASC_OK;
    ASC_TRY(asc_json_get_string(obj, rd->where, "why", &why, rd->err));
    return copy_text(&rd->r->why, why, rd->err);
}

/* Which run.json it answers; a trainer of one's own may leave it out, and have keys of its own called so. */
static asc_status read_binding(const struct reader *rd, const json_t *obj)
{
    const json_t *run = json_object_get(obj, "run");
    const char *id = json_string_value(json_object_get(run, "id"));
    const char *digest = json_string_value(json_object_get(run, "digest"));
    if (id)
        ASC_TRY(copy_text(&rd->r->id, id, rd->err));
    return digest ? copy_text(&rd->r->digest, digest, rd->err) : ASC_OK;
}

/* "a, b, c", cut where it gets long. */
static const char *list_names(char *buf, size_t size, char *const *names, size_t n)
{
    size_t len = 0;
    buf[0] = 0;
    for (size_t i = 0; i < n && len + 5 < size; i++)
        len += (size_t)snprintf(buf + len, size - len, "%s%s", i ? ", " : "", names[i]);
    if (len + 5 >= size)
        snprintf(buf + size - 5, 5, " ...");
    return buf;
}

/* NaN and Infinity as asc_json_parse leaves them. */
static bool is_nonfinite(const json_t *x)
{
    const char *s = json_string_value(x);
    return s && (strcmp(s, "NaN") == 0 || strcmp(s, "Infinity") == 0 || strcmp(s, "-Infinity") == 0);
}

/* The targets expected, or those that the file measures. */
static asc_status set_targets(const struct reader *rd, const json_t *loss, char *const *targets, size_t n)
{
    asc_run_result *r = rd->r;
    if (!targets)
        n = json_object_size(loss);
    r->targets = asc_calloc(n + 1, sizeof *r->targets);
    r->loss = asc_malloc((n + 1) * sizeof *r->loss);
    if (!r->targets || !r->loss)
        return ASC_NOMEM(rd->err);
    r->n_targets = n;
    void *it = targets ? NULL : json_object_iter((json_t *)loss);
    for (size_t v = 0; v < n; v++) {
        ASC_TRY(copy_text(&r->targets[v], targets ? targets[v] : json_object_iter_key(it), rd->err));
        it = targets ? NULL : json_object_iter_next((json_t *)loss, it);
    }
    return ASC_OK;
}

/* {target: nats} -> out (V), NaN where the map is silent, says null or is not finite. */
static asc_status read_losses(const struct reader *rd, const json_t *map, const char *where, double *out)
{
    const asc_run_result *r = rd->r;
    char known[300];
    for (size_t v = 0; v < r->n_targets; v++)
        out[v] = NAN;
    const char *key;
    json_t *x;
    json_object_foreach((json_t *)map, key, x)
    {
        size_t v = find_name(r->targets, r->n_targets, key);
        if (v == r->n_targets)
            return ASC_FAIL(rd->err, ASC_EINVAL, "%s: loss of '%.80s': unknown target; the targets are %s", where, key,
                            list_names(known, sizeof known, r->targets, r->n_targets));
        if (json_is_null(x) || is_nonfinite(x))
            continue;
        double loss = json_number_value(x);
        if (!json_is_number(x))
            return ASC_FAIL(rd->err, ASC_EINVAL, "%s: loss of '%s': expected a number >= 0 [nats/token], found %s",
                            where, key, json_is_string(x) ? "a string" : "no number");
        if (!(loss >= 0 && loss <= MOST_LOSS))
            return ASC_FAIL(rd->err, ASC_EINVAL, "%s: loss of '%s': expected %s [nats/token], found %.6g", where, key,
                            loss < 0 ? "a number >= 0" : "at most 1e6", loss);
        if (loss == 0 && strcmp(r->state, "done") == 0) /* trainers write 0 where nothing was measured */
            return ASC_FAIL(rd->err, ASC_EINVAL,
                            "%s: loss of '%s': expected a number above 0 [nats/token], found exactly 0, which no model "
                            "has; what was not measured is null",
                            where, key);
        out[v] = loss;
    }
    return ASC_OK;
}

/* A model whose loss is no number diverged, whatever its trainer calls it. */
static asc_status find_divergence(const struct reader *rd, const json_t *loss)
{
    asc_run_result *r = rd->r;
    const char *key;
    json_t *x;
    json_object_foreach((json_t *)loss, key, x)
    {
        if (strcmp(r->state, "done") != 0 || !is_nonfinite(x))
            continue;
        asc_free(r->state);
        asc_free(r->why);
        r->state = asc_strdup("diverged");
        r->why = asc_strf("loss of '%s' is %s", key, json_string_value(x));
        if (!r->state || !r->why)
            return ASC_NOMEM(rd->err);
    }
    for (size_t v = 0; v < r->n_targets && strcmp(r->state, "done") != 0; v++)
        r->loss[v] = NAN;
    return ASC_OK;
}

static asc_status check_complete(const struct reader *rd)
{
    const asc_run_result *r = rd->r;
    char given[300];
    size_t n = 0;
    if (strcmp(r->state, "done") != 0)
        return ASC_OK;
    for (size_t v = 0; v < r->n_targets; v++) {
        char **names = r->targets;
        if (!isnan(r->loss[v]))
            continue;
        for (size_t i = 0; i < r->n_targets; i++) /* those given, to see which name it has there */
            n += !isnan(r->loss[i]);
        return ASC_FAIL(rd->err, ASC_EINVAL, "%s: no loss of target '%s'; found %zu of %zu targets (%s)", rd->where,
                        names[v], n, r->n_targets, list_names(given, sizeof given, names, r->n_targets));
    }
    if (!(r->tokens > 0))
        return ASC_FAIL(rd->err, ASC_EINVAL, "%s: field 'tokens': expected a number > 0, found %g", rd->where,
                        r->tokens);
    return ASC_OK;
}

static asc_status read_point(const struct reader *rd, size_t i, const json_t *item)
{
    asc_run_result *r = rd->r;
    asc_curve_point *p = &r->curve[i];
    char place[300];
    json_t *map;
    snprintf(place, sizeof place, "%s: curve[%zu]", rd->where, i);
    ASC_TRY(asc_json_get_double(item, place, "tokens", &p->tokens, rd->err));
    double before = i ? r->curve[i - 1].tokens : 0;
    if (!(p->tokens > before && isfinite(p->tokens)))
        return ASC_FAIL(rd->err, ASC_EINVAL, "%s: field 'tokens': expected more than the %g before, found %g", place,
                        before, p->tokens);
    if (p->tokens > r->tokens * 1.01) /* a batch may end a little behind what was asked for */
        return ASC_FAIL(rd->err, ASC_EINVAL, "%s: field 'tokens': %g, beyond the run's own %g", place, p->tokens,
                        r->tokens);
    ASC_TRY(asc_json_get_object(item, place, "loss", &map, rd->err));
    p->loss = asc_malloc((r->n_targets + 1) * sizeof *p->loss);
    return p->loss ? read_losses(rd, map, place, p->loss) : ASC_NOMEM(rd->err);
}

static asc_status read_curve(const struct reader *rd, const json_t *obj)
{
    json_t *list = json_object_get(obj, "curve");
    if (!list || json_is_null(list))
        return ASC_OK;
    ASC_TRY(asc_json_get_array(obj, rd->where, "curve", &list, rd->err));
    size_t n = json_array_size(list);
    if (n > MAX_CURVE)
        return ASC_FAIL(rd->err, ASC_EINVAL, "%s: field 'curve': more than %d points", rd->where, MAX_CURVE);
    rd->r->curve = asc_calloc(n + 1, sizeof *rd->r->curve);
    if (!rd->r->curve)
        return ASC_NOMEM(rd->err);
    for (size_t i = 0; i < n; i++) {
        rd->r->n_curve = i + 1;
        ASC_TRY(read_point(rd, i, json_array_get(list, i)));
    }
    return ASC_OK;
}

static asc_status read_domain_tokens(const struct reader *rd, const json_t *obj)
{
    json_t *map = json_object_get(obj, "domain_tokens"), *x;
    if (!map || json_is_null(map))
        return ASC_OK;
    ASC_TRY(asc_json_get_object(obj, rd->where, "domain_tokens", &map, rd->err));
    asc_run_result *r = rd->r;
    size_t n = json_object_size(map);
    r->domains = asc_calloc(n + 1, sizeof *r->domains);
    r->domain_tokens = asc_malloc((n + 1) * sizeof *r->domain_tokens);
    if (!r->domains || !r->domain_tokens)
        return ASC_NOMEM(rd->err);
    const char *key;
    json_object_foreach(map, key, x)
    {
        double t = json_number_value(x);
        if (!json_is_number(x) || !(t >= 0 && isfinite(t)))
            return ASC_FAIL(rd->err, ASC_EINVAL, "%s: domain_tokens of '%s': expected a number >= 0", rd->where, key);
        ASC_TRY(copy_text(&r->domains[r->n_domains], key, rd->err));
        r->domain_tokens[r->n_domains++] = t;
    }
    return ASC_OK;
}

static asc_status read_figures(const struct reader *rd, const json_t *obj)
{
    asc_run_result *r = rd->r;
    ASC_TRY(asc_json_get_double(obj, rd->where, "tokens", &r->tokens, rd->err));
    if (!(r->tokens >= 0 && isfinite(r->tokens)))
        return ASC_FAIL(rd->err, ASC_EINVAL, "%s: field 'tokens': expected a number >= 0, found %g", rd->where,
                        r->tokens);
    static const char *const optional[] = {"wall_s", "tokens_per_s", "lr"};
    for (size_t i = 0; i < 3; i++) /* not finite is not known */
        if (is_nonfinite(json_object_get(obj, optional[i])))
            json_object_del((json_t *)obj, optional[i]);
    ASC_TRY(asc_json_opt_double(obj, rd->where, "wall_s", &r->wall_s, rd->err));
    ASC_TRY(asc_json_opt_double(obj, rd->where, "tokens_per_s", &r->tokens_per_s, rd->err));
    ASC_TRY(asc_json_opt_double(obj, rd->where, "lr", &r->lr, rd->err));
    const double figures[] = {r->wall_s, r->tokens_per_s, r->lr};
    for (size_t i = 0; i < 3; i++)
        if (figures[i] < 0)
            return ASC_FAIL(rd->err, ASC_EINVAL, "%s: field '%s': expected a number >= 0, found %g", rd->where,
                            optional[i], figures[i]);
    int64_t retries = 0;
    if (json_object_get(obj, "retries"))
        ASC_TRY(asc_json_get_count(obj, rd->where, "retries", &retries, rd->err));
    r->n_retries = retries < 1000000 ? (int)retries : 1000000;
    return ASC_OK;
}

static asc_status read_result(const struct reader *rd, const json_t *obj, char *const *targets, size_t n_targets)
{
    if (!json_is_object(obj))
        return ASC_FAIL(rd->err, ASC_EINVAL, "%s: expected an object", rd->where);
    json_t *loss;
    ASC_TRY(read_state(rd, obj));
    ASC_TRY(read_binding(rd, obj));
    ASC_TRY(read_figures(rd, obj));
    ASC_TRY(asc_bursts_take(&rd->r->bursts, obj, rd->where, rd->err));
    ASC_TRY(asc_json_get_object(obj, rd->where, "loss", &loss, rd->err));
    ASC_TRY(set_targets(rd, loss, targets, n_targets));
    ASC_TRY(read_losses(rd, loss, rd->where, rd->r->loss));
    ASC_TRY(find_divergence(rd, loss));
    ASC_TRY(check_complete(rd));
    ASC_TRY(read_curve(rd, obj));
    return read_domain_tokens(rd, obj);
}

asc_status asc_run_result_parse(asc_run_result *out, const char *name, const char *text, size_t n, char *const *targets,
                                size_t n_targets, asc_error *err)
{
    json_t *obj = NULL;
    ASC_TRY(asc_json_parse(&obj, name, text, n, err));
    asc_run_result r = {0};
    struct reader rd = {.r = &r, .where = name, .err = err};
    asc_status st = asc_json_unseal(&r.sealed, obj, name, err);
    if (st == ASC_OK)
        st = read_result(&rd, obj, targets, n_targets);
    json_decref(obj);
    if (st == ASC_OK)
        *out = r;
    else
        asc_run_result_clear(&r);
    return st;
}

asc_status asc_run_result_read(asc_run_result *out, const char *path, char *const *targets, size_t n_targets,
                               asc_error *err)
{
    char *text = NULL;
    size_t n = 0;
    ASC_TRY(asc_read_file(path, MAX_RESULT_BYTES, &text, &n, err));
    asc_status st = asc_run_result_parse(out, path, text, n, targets, n_targets, err);
    asc_free(text);
    return st;
}

/* ---- writing ---- */

static json_t *map_of(char *const *names, const double *values, size_t n, json_t *(*number)(double))
{
    json_t *map = json_object();
    for (size_t i = 0; map && i < n; i++)
        if (json_object_set_new(map, names[i], number(values[i])) != 0) {
            json_decref(map);
            return NULL;
        }
    return map;
}

static json_t *curve_of(const asc_run_result *r)
{
    json_t *list = json_array();
    for (size_t i = 0; list && i < r->n_curve; i++) {
        json_t *p = json_object();
        bool ok = json_array_append_new(list, p) == 0 &&
                  json_object_set_new(p, "tokens", asc_json_tally(r->curve[i].tokens)) == 0 &&
                  json_object_set_new(p, "loss", map_of(r->targets, r->curve[i].loss, r->n_targets, asc_json_num)) == 0;
        if (!ok) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static bool fill(json_t *obj, const asc_run_result *r)
{
    bool ok = json_object_set_new(obj, "state", json_string(r->state ? r->state : "done")) == 0;
    if (r->id && r->digest)
        ok = ok && json_object_set_new(obj, "run", json_pack("{s:s,s:s}", "id", r->id, "digest", r->digest)) == 0;
    if (r->why)
        ok = ok && json_object_set_new(obj, "why", json_string(r->why)) == 0;
    ok = ok && json_object_set_new(obj, "tokens", asc_json_tally(r->tokens)) == 0 &&
         json_object_set_new(obj, "loss", map_of(r->targets, r->loss, r->n_targets, asc_json_num)) == 0 &&
         json_object_set_new(obj, "curve", curve_of(r)) == 0;
    if (r->domain_tokens)
        ok = ok && json_object_set_new(obj, "domain_tokens",
                                       map_of(r->domains, r->domain_tokens, r->n_domains, asc_json_tally)) == 0;
    if (r->bursts.n > 0)
        ok = ok && json_object_set_new(obj, "bursts", asc_bursts_json(&r->bursts)) == 0;
    return ok && json_object_set_new(obj, "lr", asc_json_num(r->lr)) == 0 &&
           json_object_set_new(obj, "retries", json_integer(r->n_retries)) == 0 &&
           json_object_set_new(obj, "wall_s", asc_json_num(r->wall_s)) == 0 &&
           json_object_set_new(obj, "tokens_per_s", asc_json_num(r->tokens_per_s)) == 0;
}

asc_status asc_run_result_write(const asc_run_result *r, const char *path, asc_error *err)
{
    json_t *obj = json_object();
    asc_status st = obj && fill(obj, r)
                        ? asc_json_seal(obj, err)
                        : ASC_FAIL(err, ASC_ENOMEM, "%s: out of memory, or a name that is not valid UTF-8", path);
    if (st == ASC_OK)
        st = asc_json_write(path, obj, 2, err);
    json_decref(obj);
    return st;
}
