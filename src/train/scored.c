/* Weighted continuations as a target: the file, and its loss. */
#include "train/train_scored.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/base_json.h"

enum { VERSION = 1 };

void asc_scored_clear(asc_scored *s)
{
    if (!s)
        return;
    asc_free(s->ids);
    asc_free(s->windows);
    asc_free(s->weights);
    *s = (asc_scored){0};
}

/* ---- writing ---- */

static json_t *window_json(const asc_scored *s, size_t i)
{
    assert(i < s->n_windows && s->windows[i].at + s->windows[i].n < s->n_ids);
    const asc_window *w = &s->windows[i];
    json_t *ids = json_array();
    for (size_t t = 0; t <= w->n; t++)
        json_array_append_new(ids, json_integer(s->ids[w->at + t]));
    return json_pack("{s:o,s:I,s:f}", "ids", ids, "scored", (json_int_t)w->n_scored, "weight", s->weights[i]);
}

asc_status asc_scored_write(const asc_scored *s, const char *path, asc_error *err)
{
    json_t *list = json_array(), *o = NULL;
    bool ok = list != NULL;
    for (size_t i = 0; ok && i < s->n_windows; i++)
        ok = json_array_append_new(list, window_json(s, i)) == 0;
    if (ok)
        o = json_pack("{s:i,s:I,s:f,s:O}", "version", VERSION, "items", (json_int_t)s->n_items, "bytes_per_token",
                      s->bytes_per_token, "windows", list);
    json_decref(list);
    asc_status st = o ? asc_json_seal(o, err) : ASC_NOMEM(err);
    if (st == ASC_OK)
        st = asc_json_write(path, o, 0, err);
    json_decref(o);
    return st;
}

/* ---- reading ---- */

static asc_status read_ids(asc_scored *s, const json_t *list, const char *place, asc_error *err)
{
    for (size_t t = 0; t < json_array_size(list); t++) {
        const json_t *x = json_array_get(list, t);
        json_int_t id = json_integer_value(x);
        if (!json_is_integer(x) || id < 0 || id > INT32_MAX)
            return ASC_FAIL(err, ASC_EINVAL, "%s: ids[%zu]: expected a token id", place, t);
        s->ids[s->n_ids++] = (int32_t)id;
    }
    return ASC_OK;
}

static asc_status read_window(asc_scored *s, size_t i, const json_t *o, const char *name, asc_error *err)
{
    char place[300];
    json_t *ids;
    int64_t scored;
    snprintf(place, sizeof place, "%.250s: windows[%zu]", name, i);
    ASC_TRY(asc_json_get_array(o, place, "ids", &ids, err));
    ASC_TRY(asc_json_get_count(o, place, "scored", &scored, err));
    ASC_TRY(asc_json_get_double(o, place, "weight", &s->weights[i], err));
    size_t n = json_array_size(ids);
    if (n < 2 || scored < 1 || (uint64_t)scored > n - 1)
        return ASC_FAIL(err, ASC_EINVAL, "%s: field 'scored': expected 1 to one less than the %zu ids, found %lld",
                        place, n, (long long)scored);
    if (!(s->weights[i] > 0 && isfinite(s->weights[i])))
        return ASC_FAIL(err, ASC_EINVAL, "%s: field 'weight': expected more than 0, found %g", place, s->weights[i]);
    s->windows[i] = (asc_window){.at = s->n_ids, .n = n - 1, .n_scored = (size_t)scored, .owner = i};
    return read_ids(s, ids, place, err);
}

static asc_status read_windows(asc_scored *s, const json_t *list, const char *name, asc_error *err)
{
    size_t n_ids = 0, n = json_array_size(list);
    for (size_t i = 0; i < n; i++)
        n_ids += json_array_size(json_object_get(json_array_get(list, i), "ids"));
    s->ids = asc_malloc((n_ids + 1) * sizeof *s->ids);
    s->windows = asc_calloc(n + 1, sizeof *s->windows);
    s->weights = asc_calloc(n + 1, sizeof *s->weights);
    if (!s->ids || !s->windows || !s->weights)
        return ASC_NOMEM(err);
    for (size_t i = 0; i < n; i++)
        ASC_TRY(read_window(s, i, json_array_get(list, i), name, err));
    s->n_windows = n;
    return n ? ASC_OK : ASC_FAIL(err, ASC_EINVAL, "%s: field 'windows': none", name);
}

static asc_status read_object(asc_scored *s, const json_t *o, const char *name, asc_error *err)
{
    int64_t version, items;
    json_t *list;
    ASC_TRY(asc_json_get_count(o, name, "version", &version, err));
    if (version != VERSION)
        return ASC_FAIL(err, ASC_EINVAL, "%s: field 'version': expected %d, found %lld", name, VERSION,
                        (long long)version);
    ASC_TRY(asc_json_get_count(o, name, "items", &items, err));
    ASC_TRY(asc_json_get_double(o, name, "bytes_per_token", &s->bytes_per_token, err));
    ASC_TRY(asc_json_get_array(o, name, "windows", &list, err));
    s->n_items = (size_t)items;
    return read_windows(s, list, name, err);
}

/* o is taken over. */
static asc_status take(asc_scored *out, json_t *o, const char *name, asc_error *err)
{
    asc_scored s = {0};
    asc_status st = json_is_object(o) ? asc_json_unseal(NULL, o, name, err)
                                      : ASC_FAIL(err, ASC_EINVAL, "%s: expected an object", name);
    if (st == ASC_OK)
        st = read_object(&s, o, name, err);
    json_decref(o);
    if (st == ASC_OK)
        *out = s;
    else
        asc_scored_clear(&s);
    return st;
}

asc_status asc_scored_parse(asc_scored *out, const char *name, const char *text, size_t n, asc_error *err)
{
    json_t *o = NULL;
    ASC_TRY(asc_json_parse(&o, name, text, n, err));
    return take(out, o, name, err);
}

asc_status asc_scored_read(asc_scored *out, const char *path, asc_error *err)
{
    json_t *o = NULL;
    ASC_TRY(asc_json_load(&o, path, err));
    return take(out, o, path, err);
}

/* ---- the loss ---- */

asc_status asc_scored_loss(double *loss, const asc_scored *s, asc_model *m, asc_error *err)
{
    size_t T = (size_t)asc_model_get_spec(m)->context;
    asc_window *sorted = asc_malloc(s->n_windows * sizeof *sorted);
    if (!sorted)
        return ASC_NOMEM(err);
    asc_status st = ASC_OK;
    for (size_t i = 0; st == ASC_OK && i < s->n_windows; i++) {
        sorted[i] = s->windows[i];
        sorted[i].owner = i;
        if (s->windows[i].n > T)
            st = ASC_FAIL(err, ASC_EINVAL, "a continuation of %zu tokens, the model's context is %zu", s->windows[i].n,
                          T);
    }
    if (st == ASC_OK)
        st = asc_model_score(sorted, s->n_windows, m, s->ids, NULL, NULL, err);
    double sum = 0;
    for (size_t i = 0; st == ASC_OK && i < s->n_windows; i++)
        sum += s->weights[sorted[i].owner] * sorted[i].nll;
    asc_free(sorted);
    if (st == ASC_OK)
        *loss = sum;
    return st;
}
