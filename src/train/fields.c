#include "fields.h"

#include "spec/spec.h"

#include <string.h>

enum { MAX_KEYS = 64 };

static asc_status check_keys(const field *table, size_t n, const char *const *more, size_t n_more, const json_t *obj,
                             const char *where, asc_error *err)
{
    const char *names[MAX_KEYS], *key;
    size_t n_names = 0;
    for (size_t i = 0; i < n; i++)
        names[n_names++] = table[i].key;
    for (size_t i = 0; i < n_more; i++)
        names[n_names++] = more[i];
    json_t *value;
    json_object_foreach((json_t *)obj, key, value)
    {
        size_t i = 0;
        while (i < n_names && strcmp(names[i], key) != 0)
            i++;
        if (i < n_names)
            continue;
        const char *near = asc_nearest_name(key, names, n_names);
        if (near)
            return ASC_FAIL(err, ASC_EINVAL, "%s: unknown field '%s'; did you mean '%s'?", where, key, near);
        return ASC_FAIL(err, ASC_EINVAL, "%s: unknown field '%s'", where, key);
    }
    return ASC_OK;
}

static asc_status check_range(const field *f, double x, const char *where, asc_error *err)
{
    if (x >= f->lo && x <= f->hi)
        return ASC_OK;
    return ASC_FAIL(err, ASC_EINVAL, "%s: field '%s': expected a number from %g to %g, found %.17g", where, f->key,
                    f->lo, f->hi, x);
}

static asc_status read_number(void *at, const field *f, const json_t *obj, const char *where, asc_error *err)
{
    int64_t n = 0;
    double x = 0;
    if (f->kind == FIELD_REAL)
        ASC_TRY(asc_json_get_double(obj, where, f->key, &x, err));
    else
        ASC_TRY(asc_json_get_count(obj, where, f->key, &n, err));
    if (f->kind == FIELD_REAL) {
        ASC_TRY(check_range(f, x, where, err));
        *(double *)at = x;
        return ASC_OK;
    }
    ASC_TRY(check_range(f, (double)n, where, err));
    if (f->kind == FIELD_INT)
        *(int *)at = (int)n;
    else if (f->kind == FIELD_COUNT)
        *(int64_t *)at = n;
    else
        *(uint64_t *)at = (uint64_t)n;
    return ASC_OK;
}

static asc_status read_text(void *at, const field *f, const json_t *obj, const char *where, asc_error *err)
{
    const char *s;
    ASC_TRY(asc_json_get_string(obj, where, f->key, &s, err));
    if (f->kind == FIELD_WORD) {
        if (!f->parse(s, at))
            return ASC_FAIL(err, ASC_EINVAL, "%s: field '%s': expected %s, found '%s'", where, f->key,
                            f->words ? f->words : asc_arch_list(), s);
        return ASC_OK;
    }
    if (s[0] == 0)
        return ASC_FAIL(err, ASC_EINVAL, "%s: field '%s': expected a text, found an empty one", where, f->key);
    if (strlen(s) != json_string_length(json_object_get(obj, f->key)))
        return ASC_FAIL(err, ASC_EINVAL, "%s: field '%s': a 0 byte in the text", where, f->key);
    char *copy = asc_strdup(s);
    if (!copy)
        return ASC_NOMEM(err);
    asc_free(*(char **)at);
    *(char **)at = copy;
    return ASC_OK;
}

static asc_status read_one(void *base, const field *f, const json_t *obj, const char *where, asc_error *err)
{
    const json_t *v = json_object_get(obj, f->key);
    void *at = (char *)base + f->offset;
    if (!v || (json_is_null(v) && f->kind == FIELD_STRING)) {
        if (f->required)
            return ASC_FAIL(err, ASC_EINVAL, "%s: field '%s' is missing", where, f->key);
        return ASC_OK;
    }
    if (f->kind == FIELD_WORD || f->kind == FIELD_STRING)
        return read_text(at, f, obj, where, err);
    if (f->kind != FIELD_BOOL)
        return read_number(at, f, obj, where, err);
    if (!json_is_boolean(v))
        return ASC_FAIL(err, ASC_EINVAL, "%s: field '%s': expected true or false", where, f->key);
    *(bool *)at = json_is_true(v);
    return ASC_OK;
}

asc_status asc__fields_read(void *base, const field *table, size_t n, const char *const *more, size_t n_more,
                            const json_t *obj, const char *where, asc_error *err)
{
    if (!json_is_object(obj))
        return ASC_FAIL(err, ASC_EINVAL, "%s: expected an object", where);
    ASC_TRY(check_keys(table, n, more, n_more, obj, where, err));
    for (size_t i = 0; i < n; i++)
        ASC_TRY(read_one(base, &table[i], obj, where, err));
    return ASC_OK;
}

static json_t *value_of(const void *at, const field *f)
{
    switch (f->kind) {
    case FIELD_INT:
        return json_integer(*(const int *)at);
    case FIELD_COUNT:
        return json_integer((json_int_t) * (const int64_t *)at);
    case FIELD_SEED:
        return json_integer((json_int_t) * (const uint64_t *)at);
    case FIELD_REAL:
        return asc_json_num(*(const double *)at);
    case FIELD_BOOL:
        return json_boolean(*(const bool *)at);
    case FIELD_WORD:
        return json_string(f->name(at));
    case FIELD_STRING:
        break;
    }
    return json_string(*(char *const *)at);
}

bool asc__fields_write(json_t *obj, const void *base, const field *table, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const void *at = (const char *)base + table[i].offset;
        if (table[i].kind == FIELD_STRING && !*(char *const *)at)
            continue;
        if (json_object_set_new(obj, table[i].key, value_of(at, &table[i])) != 0)
            return false;
    }
    return true;
}
