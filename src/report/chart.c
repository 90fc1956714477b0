/* A chart is a plain Vega spec (charts/NAME.json) whose data sets and signals are filled from the summary. */
#include "assets.h"
#include "page.h"

#include "base/base_json.h"

#include <math.h>
#include <string.h>

json_t *asc__chart_row(json_t *array)
{
    json_t *row = json_object();
    return row && json_array_append_new(array, row) == 0 ? row : NULL;
}

void asc__put_num(json_t *row, const char *key, double x)
{
    json_object_set_new(row, key, asc_json_num(x));
}

void asc__put_str(json_t *row, const char *key, const char *s)
{
    json_object_set_new(row, key, json_string(s));
}

json_t *asc__scale_name(const asc_summary_scale *c)
{
    char text[24], params[24];
    const char *tokens = isfinite(c->tokens) ? asc_format_count(c->tokens, text) : "?";
    return c->params > 0 ? json_sprintf("%s, %s parameters", tokens, asc_format_count(c->params, params))
                         : json_string(tokens);
}

bool asc__shown(const asc_page *p, const char *domain)
{
    size_t i;
    json_t *name;
    json_array_foreach(p->shown, i, name)
    {
        if (strcmp(json_string_value(name), domain) == 0)
            return true;
    }
    return false;
}

/* Set `key` of the object called `name` in list; objects that are not there are the spec's mistake. */
static bool fill(json_t *list, const char *name, const char *key, json_t *value)
{
    size_t i;
    json_t *item;
    json_array_foreach(list, i, item)
    {
        if (strcmp(asc__str(item, "name"), name) == 0)
            return json_object_set(item, key, value) == 0;
    }
    return false;
}

static asc_status build_spec(json_t **out, const char *name, const json_t *data, const json_t *signals, asc_error *err)
{
    char file[64];
    const char *key;
    json_t *value, *spec = NULL;
    snprintf(file, sizeof file, "%s.json", name);
    const asc_asset *asset = asc__asset(file);
    if (!asset)
        return ASC_FAIL(err, ASC_EMISSING, "report: no chart called %s", name);
    ASC_TRY(asc_json_parse(&spec, file, asset->begin, (size_t)(asset->end - asset->begin), err));
    bool ok = true;
    json_object_foreach((json_t *)data, key, value)
    {
        ok = ok && fill(json_object_get(spec, "data"), key, "values", value);
    }
    json_object_foreach((json_t *)signals, key, value)
    {
        ok = ok && fill(json_object_get(spec, "signals"), key, "value", value);
    }
    if (!ok) {
        json_decref(spec);
        return ASC_NOMEM(err);
    }
    *out = spec;
    return ASC_OK;
}

/* Names of domains are values in our rows and keys in Vega's own objects, where these words are there already: they get
 * a word joiner, which nobody sees. */
static json_t *safe_name(const char *s)
{
    static const char *const taken[] = {"__proto__",        "constructor",      "hasOwnProperty",
                                        "isPrototypeOf",    "valueOf",          "propertyIsEnumerable",
                                        "toString",         "toLocaleString",   "__defineGetter__",
                                        "__defineSetter__", "__lookupGetter__", "__lookupSetter__"};
    size_t i = 0;
    while (i < sizeof taken / sizeof *taken && strcmp(taken[i], s) != 0)
        i++;
    if (i == sizeof taken / sizeof *taken)
        return NULL;
    char *safe = asc_strf("%s\xe2\x81\xa0", s);
    json_t *j = safe ? json_string(safe) : NULL;
    asc_free(safe);
    return j;
}

static void make_safe(json_t *j)
{
    const char *key;
    void *next;
    json_t *value, *safe;
    size_t i;
    json_array_foreach(j, i, value)
    {
        if (json_is_string(value) && (safe = safe_name(json_string_value(value))))
            json_array_set_new(j, i, safe);
        else
            make_safe(value);
    }
    json_object_foreach_safe(j, next, key, value)
    {
        if (json_is_string(value) && (safe = safe_name(json_string_value(value))))
            json_object_set_new(j, key, safe);
        else
            make_safe(value);
        if ((safe = safe_name(key))) {
            json_object_set(j, json_string_value(safe), value);
            json_object_del(j, key);
            json_decref(safe);
        }
    }
}

void asc__chart(asc_page *p, const char *name, const char *caption, json_t *data, json_t *signals)
{
    json_t *spec = NULL;
    asc_status st = p->status;
    make_safe(data);
    make_safe(signals);
    if (p->charts && st == ASC_OK)
        st = data && signals ? build_spec(&spec, name, data, signals, p->err) : ASC_NOMEM(p->err);
    if (spec) {
        asc_buf_printf(&p->out, "<figure data-chart=\"%s\"><figcaption>%s</figcaption>", name, caption);
        asc_buf_puts(&p->out, "<div class=\"view undrawn\"></div>\n<script type=\"application/json\">");
        st = asc__html_json(&p->out, spec, p->err);
        asc_buf_puts(&p->out, "</script></figure>\n");
    }
    p->status = st;
    json_decref(spec);
    json_decref(data);
    json_decref(signals);
}
