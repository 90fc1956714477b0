/* Models of their own size: of a scale, of a swarm's proxies, of the target. A run holds what differs from the study's
 * model as text (asc_store_run.model), so that it stays what it is whatever the file comes to say. */
#include "steps.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "spec/spec_json.h"

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

/* The model that text stands for, over the study's own. {"params": N} is one of which no more is known. */
static asc_status resolve(asc__size *z, const asc__study *s, asc_error *err)
{
    json_t *o = NULL;
    const char *key;
    json_t *value;
    z->model = s->model;
    z->params = NAN;
    if (!z->text)
        return ASC_OK;
    asc_status st = asc_json_parse(&o, "a run's model", z->text, strlen(z->text), err);
    json_object_foreach(o, key, value)
    {
        const asc_setting *k = asc_setting_find("model", key);
        if (st == ASC_OK && strcmp(key, "params") == 0)
            z->params = json_number_value(value);
        else if (st == ASC_OK && k)
            st = asc_setting_take(asc_model_setting(&z->model, k), k, value, err);
    }
    json_decref(o);
    return st;
}

static asc_status add(asc__study *s, const char *text, asc_error *err)
{
    for (size_t i = 0; i < s->n_sizes; i++)
        if (same_text(s->sizes[i].text, text))
            return ASC_OK;
    asc__size *more = asc_grow(s->sizes, &s->cap_sizes, s->n_sizes + 1, sizeof *more);
    if (!more)
        return ASC_NOMEM(err);
    s->sizes = more;
    asc__size *z = &s->sizes[s->n_sizes];
    *z = (asc__size){.text = text ? asc_strdup(text) : NULL};
    if (text && !z->text)
        return ASC_NOMEM(err);
    s->n_sizes++;
    return resolve(z, s, err);
}

asc_status asc__sizes_set(asc__study *s, asc_error *err)
{
    const asc_study_spec *spec = s->spec;
    ASC_TRY(add(s, NULL, err));
    for (size_t k = 0; spec->scale_models && k < spec->n_scales; k++)
        ASC_TRY(add(s, spec->scale_models[k], err));
    ASC_TRY(add(s, spec->search.model, err));
    asc_free(s->target_size);
    s->target_size = spec->target_params > 0 ? asc_strf("{\"params\":%.0f}", spec->target_params)
                     : spec->target_model    ? asc_strdup(spec->target_model)
                                             : NULL;
    if (!s->target_size && (spec->target_params > 0 || spec->target_model))
        return ASC_NOMEM(err);
    ASC_TRY(add(s, s->target_size, err));
    for (size_t i = 0; i < s->n_runs; i++)
        ASC_TRY(add(s, s->runs[i].model, err));
    for (size_t i = 0; i < s->n_sizes; i++)
        ASC_TRY(resolve(&s->sizes[i], s, err));
    return ASC_OK;
}

void asc__sizes_clear(asc__study *s)
{
    for (size_t i = 0; i < s->n_sizes; i++)
        asc_free(s->sizes[i].text);
    asc_free(s->sizes);
    asc_free(s->target_size);
    s->sizes = NULL;
    s->target_size = NULL;
    s->n_sizes = s->cap_sizes = 0;
}

/* ---- whose ---- */

const asc__size *asc__size_of(const asc__study *s, const char *text)
{
    for (size_t i = 0; i < s->n_sizes; i++)
        if (same_text(s->sizes[i].text, text))
            return &s->sizes[i];
    return &s->sizes[0];
}

const char *asc__size_at_scale(const asc__study *s, size_t k)
{
    assert(k < s->spec->n_scales);
    return s->spec->scale_models ? s->spec->scale_models[k] : NULL;
}

const char *asc__size_of_kind(const asc__study *s, asc_run_kind kind)
{
    assert(!asc__is_star(kind)); /* its scale's */
    switch (kind) {
    case ASC_KIND_MIXTURE:
    case ASC_KIND_PAUSE:
    case ASC_KIND_RIVAL: /* proxies of a swarm, whoever asks for it */
        return s->spec->search.model;
    default:
        return s->target_size;
    }
}

/* A run of a star that an edit has made another is of this scale no more, whatever its tokens and model. */
static bool left_star(const asc__study *s, const asc_store_run *r, size_t k)
{
    const asc__scale *sc = s->scales ? &s->scales[k] : NULL;
    for (size_t i = 0; sc && i < sc->n_runs; i++)
        if (&s->runs[sc->runs[i]] == r)
            return false;
    return sc && sc->n_runs > 0;
}

bool asc__at_scale(const asc__study *s, const asc_store_run *r, size_t k)
{
    return asc__is_star(r->kind) && r->scale == s->spec->scales[k] && same_text(r->model, asc__size_at_scale(s, k)) &&
           !left_star(s, r, k);
}

size_t asc__scale_of(const asc__study *s, const asc_store_run *r)
{
    size_t k = 0;
    while (k < s->spec->n_scales && !asc__at_scale(s, r, k))
        k++;
    return k < s->spec->n_scales ? k : ASC_NONE;
}

bool asc__at_budget(const asc__study *s, const asc_store_run *r, double tokens)
{
    return !asc__is_star(r->kind) && r->scale == tokens && same_text(r->model, asc__size_of_kind(s, r->kind));
}

bool asc__same_scale(const asc_store_run *a, const asc_store_run *b)
{
    return a->scale == b->scale && same_text(a->model, b->model);
}

const asc__size *asc__target_size(const asc__study *s)
{
    return asc__size_of(s, s->target_size);
}

bool asc__target_trained(const asc__study *s)
{
    return s->spec->validate || asc__by_branches(s);
}

/* ---- what it costs ---- */

double asc__size_params(const asc__size *z)
{
    return isnan(z->params) ? (double)asc_model_params(&z->model) : z->params;
}

/* Six FLOPs a parameter and token where no shape is known, two of them forward. */
double asc__train_flops(const asc__size *z, double tokens)
{
    return isnan(z->params) ? asc_flops_train(&z->model, tokens) : 6 * z->params * tokens;
}

double asc__eval_flops(const asc__size *z, double tokens)
{
    return isnan(z->params) ? asc_flops_eval(&z->model, tokens) : 2 * z->params * tokens;
}

/* ---- what a scale is called ---- */

static double params_at(const asc__study *s, size_t k)
{
    return asc__size_params(asc__size_of(s, asc__size_at_scale(s, k)));
}

/* "8.94k"; whole where three digits do not tell it from another scale of these tokens. */
static char *params_label(const asc__study *s, size_t k, char buf[32])
{
    char other[32];
    bool alike = false;
    asc_format_count(params_at(s, k), buf);
    for (size_t i = 0; i < s->spec->n_scales; i++)
        alike |= i != k && s->spec->scales[i] == s->spec->scales[k] &&
                 strcmp(asc_format_count(params_at(s, i), other), buf) == 0;
    if (alike)
        snprintf(buf, 32, "%.0f", params_at(s, k));
    return buf;
}

char *asc__scale_label(const asc__study *s, size_t k, char buf[64])
{
    char tokens[32], params[32];
    asc__tokens_label(s->spec->scales[k], tokens);
    if (asc_scale_shares_budget(s->spec, k))
        snprintf(buf, 64, "%s-p%s", tokens, params_label(s, k, params));
    else
        snprintf(buf, 64, "%s", tokens);
    return buf;
}

char *asc__scale_words(const asc__study *s, size_t k, const char *unit, char buf[80])
{
    char tokens[32], params[32];
    asc_format_count(s->spec->scales[k], tokens);
    if (asc_scale_shares_budget(s->spec, k))
        snprintf(buf, 80, "%s%s (%s parameters)", tokens, unit, params_label(s, k, params));
    else
        snprintf(buf, 80, "%s%s", tokens, unit);
    return buf;
}
