/* Models of their own size: of a scale, of a swarm's proxies, of the target. Each says what differs from `model`. */
#include "spec/spec_json.h"
#include "study_parser.h"

#include <math.h>
#include <string.h>

#include "model/model.h"

/* The keys of m that differ from those of base, in the table's order; an empty object where none does. */
static json_t *differences(const asc_model_spec *m, const asc_model_spec *base)
{
    json_t *o = json_object();
    for (size_t i = 0; o && i < asc_n_settings(); i++) {
        const asc_setting *s = asc_setting_at(i);
        if (!s->section || strcmp(s->section, "model") != 0 || s->in_study == ASC_NOWHERE)
            continue;
        json_t *a = asc_setting_json(asc_model_setting((asc_model_spec *)(uintptr_t)m, s), s);
        json_t *b = asc_setting_json(asc_model_setting((asc_model_spec *)(uintptr_t)base, s), s);
        if (!json_equal(a, b))
            json_object_set(o, s->key, a);
        json_decref(a);
        json_decref(b);
    }
    return o;
}

/* One tokenizer, one length of sequences and one kind of model: else losses are of different things. */
static asc_status check_shared(asc__yaml *y, const yaml_node_t *node, const char *what, asc_error *err)
{
    static const char *const shared[] = {"arch", "context"};
    for (size_t i = 0; i < ASC__COUNT(shared); i++)
        if (asc__yaml_get(y, node, shared[i]))
            return asc__yaml_fail(y, asc__yaml_get(y, node, shared[i]), err,
                                  "%s.%s: every run of a study shares model.%s", what, shared[i], shared[i]);
    return ASC_OK;
}

/* The same, and the model itself. */
static asc_status read_sized(char **out, asc_model_spec *model, const asc_study_spec *s, asc__yaml *y,
                             const yaml_node_t *map, const char *what, asc_error *err)
{
    yaml_node_t *m;
    asc_error why = {0};
    asc_study_spec own = {.model = s->model};
    *model = s->model;
    ASC_TRY(asc__section_read(&m, &own, y, map, "model", "model", err));
    if (!m)
        return ASC_OK;
    ASC_TRY(check_shared(y, m, what, err));
    if (asc_model_spec_check(&own.model, &why) != ASC_OK)
        return asc__yaml_fail(y, m, err, "%s: %s", what, why.msg);
    *model = own.model;
    json_t *o = differences(&own.model, &s->model);
    asc_status st = !o ? ASC_NOMEM(err) : json_object_size(o) ? asc_json_print(out, o, 0, err) : ASC_OK;
    json_decref(o);
    return st;
}

asc_status asc__study_sized(char **out, const asc_study_spec *s, asc__yaml *y, const yaml_node_t *map, const char *what,
                            asc_error *err)
{
    asc_model_spec ignored;
    return read_sized(out, &ignored, s, y, map, what, err);
}

/* ---- scales ---- */

/* Rising budgets; where two are equal, rising models, told without their embeddings: the vocabulary may not be known.
 */
static asc_status check_rising(const asc_study_spec *s, size_t i, const asc_model_spec *before,
                               const asc_model_spec *model, asc__yaml *y, const yaml_node_t *at, asc_error *err)
{
    if (i == 0 || s->scales[i] > s->scales[i - 1])
        return ASC_OK;
    if (s->scales[i] < s->scales[i - 1])
        return asc__yaml_fail(y, at, err, "scales: expected increasing budgets, found %.17g after %.17g", s->scales[i],
                              s->scales[i - 1]);
    int64_t was = asc_model_body_params(before), is = asc_model_body_params(model);
    return is > was ? ASC_OK
                    : asc__yaml_fail(y, at, err,
                                     "scales: of equal budgets (%.17g tokens) expected increasing models, found %lld "
                                     "parameters after %lld (without embeddings)",
                                     s->scales[i], (long long)is, (long long)was);
}

/* A budget, or {tokens, model}. model: that of the scale before, then its own. */
static asc_status parse_scale(asc_study_spec *s, asc_model_spec *model, size_t i, asc__yaml *y, yaml_node_t *node,
                              asc_error *err)
{
    yaml_node_t *at = node;
    asc_model_spec before = *model;
    *model = s->model;
    if (node->type == YAML_MAPPING_NODE) {
        ASC_TRY(asc__section_check(y, node, "scales", err));
        if (!(at = asc__yaml_get(y, node, "tokens")))
            return asc__yaml_fail(y, node, err, "scales: missing key 'tokens', the scale's budget");
        ASC_TRY(read_sized(&s->scale_models[i], model, s, y, node, "scales.model", err));
    }
    ASC_TRY(asc__yaml_number_at(y, at, "scales", (asc__range){1, 1e15, false}, &s->scales[i], err));
    if (s->scales[i] != floor(s->scales[i]))
        return asc__yaml_fail(y, at, err, "scales: expected whole tokens, found '%s'", asc__yaml_text(at));
    return check_rising(s, i, &before, model, y, at, err);
}

asc_status asc__study_scales(asc_study_spec *s, asc__yaml *y, const yaml_node_t *root, asc_error *err)
{
    yaml_node_t *node = asc__yaml_get(y, root, "scales");
    char shown[80];
    if (s->search.method != ASC_SEARCH_DDO && !node)
        return ASC_OK;
    if (!node)
        return asc__yaml_fail(y, root, err, "missing key 'scales': [1e6, 4e6], the token budgets at which DDO runs");
    bool list = node->type == YAML_SEQUENCE_NODE;
    size_t n = list ? asc__yaml_count(node) : 1;
    if (n == 0 || n > ASC_STUDY_MAX_SCALES)
        return asc__yaml_fail(y, node, err, "scales: expected a list of 1 to %d token budgets, found %s",
                              ASC_STUDY_MAX_SCALES, n == 0 ? "none" : asc__yaml_show(node, shown, sizeof shown));
    s->scales = asc_calloc(n, sizeof *s->scales);
    s->scale_models = asc_calloc(n, sizeof *s->scale_models);
    if (!s->scales || !s->scale_models)
        return ASC_NOMEM(err);
    s->n_scales = n;
    asc_model_spec model = s->model;
    for (size_t i = 0; i < n; i++)
        ASC_TRY(parse_scale(s, &model, i, y, list ? asc__yaml_item(y, node, i) : node, err));
    return ASC_OK;
}

/* ---- the target ---- */

/* Whether the command asks for a shape, which parameters alone do not tell. */
static const char *shape_asked(const asc_study_spec *s)
{
    static const char *const words[] = {"{layers}", "{heads}", "{width}"};
    for (size_t i = 0; s->trainer.command && i < ASC__COUNT(words); i++)
        if (strstr(s->trainer.command, words[i]))
            return words[i];
    return NULL;
}

asc_status asc__study_check_sizes(const asc_study_spec *s, asc__yaml *y, const yaml_node_t *root, asc_error *err)
{
    const yaml_node_t *target = asc__yaml_get(y, root, "target"), *at = asc__yaml_get(y, target, "params");
    if (!(s->target_params > 0))
        return ASC_OK;
    if (asc__yaml_get(y, target, "model"))
        return asc__yaml_fail(y, at, err, "target.params: target.model says it already; give one of them");
    if (s->search.method == ASC_SEARCH_BRANCH)
        return asc__yaml_fail(y, at, err,
                              "target.params: branches are made of the target's own run; give its shape, target.model");
    if (s->validate && !s->trainer.command)
        return asc__yaml_fail(y, at, err,
                              "target.params: a target trained here needs its shape, target.model; or say validate: "
                              "false, or use a trainer of your own");
    const char *word = s->validate ? shape_asked(s) : NULL;
    if (word)
        return asc__yaml_fail(y, at, err,
                              "target.params: trainer.command asks for %s, which only target.model can give", word);
    return ASC_OK;
}
