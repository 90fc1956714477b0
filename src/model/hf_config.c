#include "hf_config.h"

#include <math.h>
#include <string.h>

static const json_t *present(const json_t *j, const char *key)
{
    const json_t *x = json_object_get(j, key);
    return json_is_null(x) ? NULL : x;
}

/* A value as people write it: 1e-5, not 1.0000000000000001e-05. */
static char *as_written(const json_t *x)
{
    char *text = NULL, number[32];
    if (json_is_real(x))
        return asc_strdup(asc_format_double(json_real_value(x), number));
    asc_json_print(&text, x, 0, NULL);
    return text;
}

static asc_status only(const json_t *x, const char *path, const char *key, const char *supported, asc_error *err)
{
    char *found = as_written(x);
    asc_status s = ASC_FAIL(err, ASC_EINVAL, "%s: field '%s': found %.200s, only %s is supported", path, key,
                            found ? found : "?", supported);
    asc_free(found);
    return s;
}

asc_status asc__config_int(const json_t *j, const char *path, const char *key, int most, int *out, asc_error *err)
{
    int64_t x;
    ASC_TRY(asc_json_get_count(j, path, key, &x, err));
    if (x < 1 || x > most)
        return ASC_FAIL(err, ASC_EINVAL, "%s: field '%s': expected 1 to %d, found %lld", path, key, most, (long long)x);
    *out = (int)x;
    return ASC_OK;
}

asc_status asc__config_opt_int(const json_t *j, const char *path, const char *key, int most, int *out, asc_error *err)
{
    return present(j, key) ? asc__config_int(j, path, key, most, out, err) : ASC_OK;
}

asc_status asc__config_real(const json_t *j, const char *path, const char *key, double lo, double hi, double *out,
                            asc_error *err)
{
    double x;
    if (!present(j, key))
        return ASC_OK;
    ASC_TRY(asc_json_get_double(j, path, key, &x, err));
    if (!(x >= lo && x <= hi))
        return ASC_FAIL(err, ASC_EINVAL, "%s: field '%s': expected a number from %g to %g, found %g", path, key, lo, hi,
                        x);
    *out = x;
    return ASC_OK;
}

asc_status asc__config_eps(const json_t *j, const char *path, const char *key, double own, double *out, asc_error *err)
{
    double x = own;
    ASC_TRY(asc__config_real(j, path, key, 1e-20, 1, &x, err));
    *out = fabs(x - own) <= 1e-9 * own ? 0 : x;
    return ASC_OK;
}

asc_status asc__config_word(const json_t *j, const char *path, const char *key, const char *const *words,
                            asc_error *err)
{
    const json_t *x = present(j, key);
    const char *found = json_string_value(x);
    for (size_t i = 0; found && words[i]; i++)
        if (strcmp(found, words[i]) == 0)
            return ASC_OK;
    return x ? only(x, path, key, words[0], err) : ASC_OK;
}

asc_status asc__config_bool(const json_t *j, const char *path, const char *key, bool want, asc_error *err)
{
    const json_t *x = present(j, key);
    bool same = !x || (json_is_boolean(x) && json_is_true(x) == want);
    return same ? ASC_OK : only(x, path, key, want ? "true" : "false", err);
}

asc_status asc__config_map(const json_t *j, const char *path, const char *key, asc_error *err)
{
    const json_t *x = present(j, key);
    return !x || json_is_object(x) ? ASC_OK
                                   : ASC_FAIL(err, ASC_EINVAL, "%s: field '%s': expected an object or null", path, key);
}

asc_status asc__config_flag(const json_t *j, const char *path, const char *key, bool *out, asc_error *err)
{
    const json_t *x = present(j, key);
    if (x && !json_is_boolean(x))
        return ASC_FAIL(err, ASC_EINVAL, "%s: field '%s': expected true or false", path, key);
    if (x)
        *out = json_is_true(x);
    return ASC_OK;
}
