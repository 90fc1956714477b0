/* A run's result in its row: JSON by the names of the study's domains and targets. */
#include "store_private.h"

#include <assert.h>
#include <math.h>
#include <string.h>

static json_t *by_name(char *const *names, const double *x, size_t n)
{
    json_t *o = json_object();
    for (size_t i = 0; i < n; i++)
        json_object_set_new(o, names[i], asc_json_num(x[i]));
    return o;
}

/* Tokens by domain, as far as the trainer said them. */
static json_t *tokens_by_name(char *const *names, const double *x, size_t n)
{
    json_t *o = json_object();
    for (size_t i = 0; i < n; i++)
        if (!isnan(x[i]))
            json_object_set_new(o, names[i], asc_json_num(x[i]));
    return o;
}

json_t *asc__result_json(const asc_result *r, const asc_store_names *names)
{
    assert(r->n_domains == names->n_domains && r->n_targets == names->n_targets);
    size_t V = r->n_targets;
    json_t *o = json_object(), *curve = json_array();
    json_object_set_new(o, "tokens", asc_json_num(r->tokens));
    json_object_set_new(o, "domain_tokens", tokens_by_name(names->domains, r->domain_tokens, r->n_domains));
    json_object_set_new(o, "loss", by_name(names->targets, r->loss, V));
    for (size_t i = 0; i < r->n_curve; i++) {
        json_t *p = json_object();
        json_object_set_new(p, "tokens", asc_json_num(r->curve_tokens[i]));
        json_object_set_new(p, "loss", by_name(names->targets, r->curve_loss + i * V, V));
        json_array_append_new(curve, p);
    }
    json_object_set_new(o, "curve", curve);
    json_object_set_new(o, "wall_s", asc_json_num(r->wall_s));
    json_object_set_new(o, "tokens_per_s", asc_json_num(r->tokens_per_s));
    json_object_set_new(o, "lr", asc_json_num(r->lr));
    json_object_set_new(o, "retries", r->n_retries < 0 ? json_null() : json_integer(r->n_retries));
    if (r->bursts.n > 0)
        json_object_set_new(o, "bursts", asc_bursts_json(&r->bursts));
    return o;
}

/* Keys of was that map lacks. */
static void keep_absent(json_t *map, const json_t *was)
{
    const char *name;
    json_t *x;
    json_object_foreach((json_t *)(uintptr_t)was, name, x)
    {
        if (!json_object_get(map, name))
            json_object_set(map, name, x);
    }
}

void asc__result_keep(json_t *now, const json_t *was)
{
    const json_t *before = json_object_get(was, "curve"), *after = json_object_get(now, "curve");
    keep_absent(json_object_get(now, "loss"), json_object_get(was, "loss"));
    keep_absent(json_object_get(now, "domain_tokens"), json_object_get(was, "domain_tokens"));
    for (size_t i = 0; json_array_size(before) == json_array_size(after) && i < json_array_size(after); i++)
        keep_absent(json_object_get(json_array_get(after, i), "loss"),
                    json_object_get(json_array_get(before, i), "loss"));
}

static void take_by_name(double *out, char *const *names, size_t n, const json_t *map)
{
    for (size_t i = 0; i < n; i++)
        out[i] = asc_json_number(map, names[i]);
}

static asc_status take_curve(asc_result *r, const json_t *curve, const asc_store_names *names, asc_error *err)
{
    size_t n = json_array_size(curve), V = r->n_targets;
    if (n == 0 || V == 0)
        return ASC_OK;
    ASC_TRY(asc_result_set_curve(r, n, err));
    for (size_t i = 0; i < n; i++) {
        const json_t *p = json_array_get(curve, i);
        r->curve_tokens[i] = asc_json_number(p, "tokens");
        take_by_name(r->curve_loss + i * V, names->targets, V, json_object_get(p, "loss"));
    }
    return ASC_OK;
}

/* A row's checksum has told that it is as it was written: what an older version did not write is not known. */
asc_status asc__result_take(asc_result **out, const json_t *o, const asc_store_names *names, const char *where,
                            asc_error *err)
{
    asc_result *r = asc_result_create(names->n_domains, names->n_targets);
    if (!r)
        return ASC_NOMEM(err);
    const json_t *retries = json_object_get(o, "retries");
    r->tokens = asc_json_number(o, "tokens");
    r->wall_s = asc_json_number(o, "wall_s");
    r->tokens_per_s = asc_json_number(o, "tokens_per_s");
    r->lr = asc_json_number(o, "lr");
    r->n_retries = json_is_integer(retries) ? (int)json_integer_value(retries) : -1;
    take_by_name(r->domain_tokens, names->domains, r->n_domains, json_object_get(o, "domain_tokens"));
    take_by_name(r->loss, names->targets, r->n_targets, json_object_get(o, "loss"));
    asc_status st = take_curve(r, json_object_get(o, "curve"), names, err);
    if (st == ASC_OK)
        st = asc_bursts_take(&r->bursts, o, where, err);
    if (st == ASC_OK)
        *out = r;
    else
        asc_result_free(r);
    return st;
}
