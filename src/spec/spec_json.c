#include "spec/spec_json.h"

#include <stdint.h>
#include <string.h>

enum { MOST_KEYS = 128 };

/* ---- one member ---- */

json_t *asc_setting_json(const void *at, const asc_setting *s)
{
    switch (s->kind) {
    case ASC_SET_INT:
        return json_integer(*(const int *)at);
    case ASC_SET_COUNT:
        return json_integer((json_int_t) * (const int64_t *)at);
    case ASC_SET_SEED:
        return json_integer((json_int_t) * (const uint64_t *)at);
    case ASC_SET_REAL:
    case ASC_SET_TIME:
        return asc_json_num(*(const double *)at);
    case ASC_SET_BOOL:
        return json_boolean(*(const bool *)at);
    case ASC_SET_NOT:
        return json_boolean(!*(const bool *)at);
    case ASC_SET_WORD:
        return json_string(s->words[*(const int *)at]);
    case ASC_SET_TEXT:
        return *(char *const *)at ? json_string(*(char *const *)at) : json_null();
    case ASC_SET_OTHER:
        break;
    }
    return json_null();
}

static const char *type_of(const json_t *v)
{
    static const char *const names[] = {"an object", "a list",        "a string",      "a whole number",
                                        "a number",  "a truth value", "a truth value", "null"};
    return names[json_typeof(v)];
}

static bool fits(const asc_setting *s, const json_t *v)
{
    if (s->kind == ASC_SET_BOOL || s->kind == ASC_SET_NOT)
        return json_is_boolean(v);
    if (s->kind == ASC_SET_WORD || s->kind == ASC_SET_TEXT)
        return json_is_string(v);
    return json_is_number(v);
}

asc_status asc_setting_take(void *at, const asc_setting *s, const json_t *v, asc_error *err)
{
    char text[64], wanted[240];
    if (!fits(s, v))
        return ASC_FAIL(err, ASC_EINVAL, "expected %s, found %s", asc_setting_expected(s, wanted, sizeof wanted),
                        type_of(v));
    if (json_is_string(v)) {
        const char *string = json_string_value(v);
        if (*string == 0)
            return ASC_FAIL(err, ASC_EINVAL, "expected %s, found an empty string",
                            asc_setting_expected(s, wanted, sizeof wanted));
        if (strlen(string) != json_string_length(v))
            return ASC_FAIL(err, ASC_EINVAL, "a NUL byte in the text");
        return asc_setting_parse(at, s, string, err);
    }
    if (json_is_integer(v))
        snprintf(text, sizeof text, "%lld", (long long)json_integer_value(v));
    else if (json_is_real(v))
        snprintf(text, sizeof text, "%.17g", json_real_value(v));
    else
        snprintf(text, sizeof text, "%s", json_is_true(v) ? "true" : "false");
    return asc_setting_parse(at, s, text, err);
}

/* ---- the objects of run.json ---- */

/* The key within the object, or NULL where the setting is not of it. */
static const char *key_in(const asc_setting *s, const char *object)
{
    size_t n = strlen(object);
    if (!s->run_key)
        return NULL;
    if (n == 0)
        return strchr(s->run_key, '.') ? NULL : s->run_key;
    return strncmp(s->run_key, object, n) == 0 && s->run_key[n] == '.' ? s->run_key + n + 1 : NULL;
}

asc_status asc_json_known_keys(const json_t *obj, const char *const *names, size_t n, const char *where, asc_error *err)
{
    const char *key;
    json_t *value;
    if (!json_is_object(obj))
        return ASC_FAIL(err, ASC_EINVAL, "%s: expected an object", where);
    json_object_foreach((json_t *)obj, key, value)
    {
        size_t i = 0;
        while (i < n && strcmp(names[i], key) != 0)
            i++;
        const char *near = i < n ? NULL : asc_nearest_name(key, names, n);
        if (near)
            return ASC_FAIL(err, ASC_EINVAL, "%s: unknown field '%s'; did you mean '%s'?", where, key, near);
        if (i == n)
            return ASC_FAIL(err, ASC_EINVAL, "%s: unknown field '%s'", where, key);
    }
    return ASC_OK;
}

static asc_status read_one(void *at, const asc_setting *s, const char *key, const json_t *obj, const char *where,
                           asc_error *err)
{
    const json_t *v = json_object_get(obj, key);
    asc_error why = {0};
    if (!v || (json_is_null(v) && s->kind == ASC_SET_TEXT))
        return s->flags & ASC_SET_NEEDED ? ASC_FAIL(err, ASC_EINVAL, "%s: missing field '%s'", where, key) : ASC_OK;
    asc_status st = asc_setting_take(at, s, v, &why);
    return st == ASC_OK ? st : ASC_FAIL(err, st, "%s: field '%s': %s", where, key, why.msg);
}

asc_status asc_settings_read(asc_run_spec *run, const char *object, const json_t *obj, const char *where,
                             const char *const *more, size_t n_more, asc_error *err)
{
    const char *names[MOST_KEYS];
    size_t n = 0;
    for (size_t i = 0; i < asc_n_settings() && n < MOST_KEYS; i++)
        if (key_in(asc_setting_at(i), object))
            names[n++] = key_in(asc_setting_at(i), object);
    for (size_t i = 0; i < n_more && n < MOST_KEYS; i++)
        names[n++] = more[i];
    ASC_TRY(asc_json_known_keys(obj, names, n, where, err));
    for (size_t i = 0; i < asc_n_settings(); i++) {
        const asc_setting *s = asc_setting_at(i);
        const char *key = key_in(s, object);
        if (key)
            ASC_TRY(read_one((char *)run + s->in_run, s, key, obj, where, err));
    }
    return ASC_OK;
}

bool asc_settings_write(json_t *obj, const char *object, const asc_run_spec *run)
{
    for (size_t i = 0; i < asc_n_settings(); i++) {
        const asc_setting *s = asc_setting_at(i);
        const char *key = key_in(s, object);
        const void *at = key ? (const char *)run + s->in_run : NULL;
        if (!key || ((s->kind == ASC_SET_TEXT || (s->flags & ASC_SET_SPARSE)) && !asc_setting_is_set(at, s)))
            continue;
        if (json_object_set_new(obj, key, asc_setting_json(at, s)) != 0)
            return false;
    }
    return true;
}

bool asc_model_keys_put(json_t *o, const asc_model_spec *m)
{
    for (size_t i = 0; i < asc_n_settings(); i++) {
        const asc_setting *s = asc_setting_at(i);
        if (!asc_setting_is_model_key(s))
            continue;
        const void *at = asc_model_setting((asc_model_spec *)m, s);
        if (asc_setting_is_set(at, s) && json_object_set_new(o, s->key, asc_setting_json(at, s)) != 0)
            return false;
    }
    return true;
}

void asc_notes_put(json_t *o, const asc_notes *notes)
{
    json_t *text = json_array(), *code = json_array();
    for (size_t i = 0; i < notes->n; i++) {
        json_array_append_new(text, json_string(notes->text[i]));
        json_array_append_new(code, json_string(asc_note_code_name(notes->code[i])));
    }
    json_object_set_new(o, "notes", text);
    json_object_set_new(o, "note_codes", code);
}
