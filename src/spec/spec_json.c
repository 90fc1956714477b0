#include "spec/spec_json.h"

json_t *asc_model_key_json(const asc_model_key *k, const asc_model_spec *m)
{
    const void *at = (const char *)m + k->offset;
    switch (k->kind) {
    case ASC_KEY_INT:
        return json_integer(*(const int *)at);
    case ASC_KEY_REAL:
        return json_real(*(const double *)at);
    case ASC_KEY_BOOL:
        return json_boolean(*(const bool *)at);
    case ASC_KEY_NOT:
        return json_boolean(!*(const bool *)at);
    case ASC_KEY_WORD:
        break;
    }
    return json_string(k->words[*(const int *)at]);
}

asc_status asc_model_key_take(asc_model_spec *m, const asc_model_key *k, const json_t *value, asc_error *err)
{
    char text[64];
    if (json_is_boolean(value))
        snprintf(text, sizeof text, "%s", json_is_true(value) ? "true" : "false");
    else if (json_is_integer(value))
        snprintf(text, sizeof text, "%lld", (long long)json_integer_value(value));
    else if (json_is_real(value))
        snprintf(text, sizeof text, "%.17g", json_real_value(value));
    else
        snprintf(text, sizeof text, "%s", json_is_string(value) ? json_string_value(value) : "a list or map");
    return asc_model_key_parse(m, k, text, err);
}

bool asc_model_keys_put(json_t *o, const char *prefix, const asc_model_spec *m)
{
    char name[64];
    bool ok = true;
    for (size_t i = 0; ok && i < asc_n_model_keys; i++) {
        const asc_model_key *k = &asc_model_keys[i];
        snprintf(name, sizeof name, "%s%s", prefix, k->name);
        if (asc_model_key_is_set(k, m))
            ok = json_object_set_new(o, name, asc_model_key_json(k, m)) == 0;
    }
    return ok;
}
