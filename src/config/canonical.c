/* The study as one flat object: what decides whether an edited file still means the runs that were made. */
#include "spec/spec_json.h"
#include "study_parser.h"

#include <math.h>
#include <string.h>

static void put(json_t *o, const char *key, json_t *value)
{
    json_object_set_new(o, key, value ? value : json_null());
}

static json_t *text(const char *s)
{
    return s ? json_string(s) : json_null();
}

static json_t *texts(char *const *list, size_t n)
{
    json_t *a = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(a, json_string(list[i]));
    return a;
}

static json_t *numbers(const double *x, size_t n)
{
    json_t *a = json_array();
    for (size_t i = 0; x && i < n; i++)
        json_array_append_new(a, json_real(x[i]));
    return a;
}

static void put_domain(json_t *o, const char *list, const asc_study_domain *d)
{
    char key[160];
    json_t *j = json_pack("{s:o,s:o,s:o}", "train", texts(d->train, d->n_train), "valid", texts(d->valid, d->n_valid),
                          "field", text(d->field));
    if (d->dtype)
        json_object_set_new(j, "dtype", text(d->dtype));
    if (d->sample >= 0)
        json_object_set_new(j, "sample", json_integer(d->sample));
    if (d->available > 0)
        json_object_set_new(j, "available", json_real(d->available));
    if (d->part_of)
        json_object_set_new(j, "part_of", text(d->part_of));
    if (d->task) { /* absent where it is text: studies of before there were tasks go on */
        json_object_set_new(j, "task", text(d->task));
        json_object_set_new(j, "limit", json_integer(d->limit));
        json_object_set_new(j, "shots", json_integer(d->shots));
    }
    snprintf(key, sizeof key, "%s.%s", list, d->name);
    put(o, key, j);
}

static json_t *ref(const asc_mixture_ref *r, size_t n)
{
    static const char *const kinds[] = {"uniform", "natural", "keep-last", "joint", "file", "weights"};
    if (r->kind == ASC_MIXTURE_RIVAL)
        return json_pack("{s:s,s:s}", "kind", "rival", "name", r->name);
    return json_pack("{s:s,s:o,s:o}", "kind", kinds[r->kind], "path", text(r->path), "weights",
                     numbers(r->weights, r->weights ? n : 0));
}

/* The settings that decide numbers: a model's further keys only where they are given, so that studies of before they
 * existed keep their identity. */
static void put_settings(json_t *o, const asc_study_spec *study)
{
    static const char *const sections[] = {"model", "training",  "training.on_divergence", "design", "target",
                                           "run",   "validation"};
    char name[96];
    for (size_t i = 0; i < asc_n_settings(); i++) {
        const asc_setting *s = asc_setting_at(i);
        size_t k = 0;
        while (s->section && k < ASC__COUNT(sections) && strcmp(s->section, sections[k]) != 0)
            k++;
        if (!s->section || k == ASC__COUNT(sections) || s->in_study == ASC_NOWHERE || (s->flags & ASC_SET_FREE))
            continue;
        const void *at = (const char *)study + s->in_study;
        if ((s->flags & ASC_SET_SPARSE) && !asc_setting_is_set(at, s))
            continue;
        snprintf(name, sizeof name, "%s.%s", s->section, s->key);
        put(o, name, asc_setting_json(at, s));
    }
    put(o, "model.mup_base_width", json_integer(study->model.mup ? study->model.mup_base_width : 0));
    if (study->down == study->factor)
        json_object_del(o, "design.down");
}

static void put_mixture(json_t *o, const asc_study_spec *s)
{
    size_t D = s->n_domains;
    put(o, "mixture.reference", ref(&s->reference, D));
    put(o, "mixture.min", numbers(s->min, D));
    put(o, "mixture.max", numbers(s->max, D));
    put(o, "mixture.prior", s->prior.name ? ref(&s->prior, D) : json_null());
    put(o, "mixture.kl", json_real(s->kl));
    put(o, "objective", text(s->objective_text));
    put(o, "objective.weights", numbers(s->objective.weights, s->n_targets));
}

/* Absent where nothing is said of it: studies of before there were searches go on. */
static void put_search(json_t *o, const asc_search_spec *s)
{
    if (s->method == ASC_SEARCH_BRANCH)
        put(o, "search",
            json_pack("{s:s,s:o,s:f,s:f,s:f,s:i,s:i,s:I}", "method", "branch", "at_most", asc_json_num(s->at_most),
                      "prefix", s->prefix, "branch_tokens", s->branch_tokens, "pull", s->pull, "merges", s->merges,
                      "rounds", s->rounds, "eval_tokens", (json_int_t)s->eval_tokens));
    else if (s->method == ASC_SEARCH_SWARM)
        put(o, "search",
            json_pack("{s:s,s:i,s:f,s:i}", "method", "swarm", "runs", s->runs, "tokens", s->swarm_tokens, "rounds",
                      s->rounds));
    if (s->method == ASC_SEARCH_BRANCH && s->runs > 0)
        put(o, "search.proxies", json_pack("{s:i,s:f}", "runs", s->runs, "tokens", s->swarm_tokens));
    double pause = s->method == ASC_SEARCH_SWARM ? asc_search_pause(s) : 0;
    if (pause > 0) /* absent where runs are never paused, as before they could be */
        put(o, "search.pause", json_real(pause));
    json_t *later = s->method == ASC_SEARCH_BRANCH && s->n_at > 1 ? json_array() : NULL;
    for (size_t k = 1; later && k < s->n_at; k++) /* the first is prefix */
        json_array_append_new(later, json_real(s->at[k]));
    if (later)
        put(o, "search.at", later);
    if (s->method == ASC_SEARCH_BRANCH && !s->anneal)
        put(o, "search.anneal", json_false());
    if (s->method != ASC_SEARCH_BRANCH && !isnan(s->at_most))
        put(o, "search.at_most", json_real(s->at_most));
}

/* Whether proxies' text is cut, by which target. */
static bool matches(const asc_study_spec *s)
{
    bool any = s->search.repetition == ASC_REPETITION_MATCHED;
    for (size_t i = 0; i < s->n_domains; i++)
        any |= s->domains[i].available > 0;
    return any && asc_study_has_proxies(s);
}

/* Models of their own size and text cut to theirs; absent where there are none, as before there were such. */
static void put_sizes(json_t *o, const asc_study_spec *s)
{
    json_t *models = json_object();
    char label[40];
    for (size_t k = 0; s->scale_models && k < s->n_scales; k++) {
        snprintf(label, sizeof label, "%.0f", s->scales[k]);
        if (asc_scale_shares_budget(s, k)) { /* a list, for those told apart by their models alone */
            json_t *list = json_object_get(models, label);
            if (!list && (list = json_array()))
                json_object_set_new(models, label, list);
            json_array_append_new(list, text(s->scale_models[k]));
        } else if (s->scale_models[k])
            json_object_set_new(models, label, text(s->scale_models[k]));
    }
    if (json_object_size(models))
        put(o, "scales.model", json_incref(models));
    json_decref(models);
    if (s->search.repetition == ASC_REPETITION_FREE)
        put(o, "search.repetition", json_string("free"));
    else if (matches(s))
        put(o, "search.repetition", json_sprintf("matched to target.tokens %.0f", s->target_tokens));
    if (s->target_model)
        put(o, "target.model", text(s->target_model));
    if (s->search.model)
        put(o, "search.model", text(s->search.model));
}

static void put_target(json_t *o, const asc_study_spec *s)
{
    bool rivals = false;
    json_t *against = json_array();
    for (size_t i = 0; i < s->n_against; i++) {
        json_array_append_new(against, ref(&s->against[i], s->n_domains));
        rivals |= s->against[i].kind == ASC_MIXTURE_RIVAL;
    }
    if (rivals) /* absent where there are none: studies of before there were rivals go on */
        put(o, "target.rivals",
            json_pack("{s:i,s:f,s:f}", "runs", s->rivals.runs, "run_tokens", s->rivals.run_tokens, "tokens",
                      s->rivals.tokens));
    put(o, "target.against", against);
}

/* As it was before there was an end of document to name, where none is. */
static json_t *tokenizer_json(const asc_study_spec *s)
{
    bool ids = s->tokenizer_kind == ASC_TOKENIZER_IDS;
    json_t *o = s->tokenizer_path ? json_pack("{s:s}", "path", s->tokenizer_path)
                : ids             ? json_pack("{s:I}", "vocab", (json_int_t)s->tokenizer_vocab)
                                  : json_pack("{s:s,s:I}", "train", asc_tokenizer_kind_name(s->tokenizer_kind), "vocab",
                                              (json_int_t)s->tokenizer_vocab);
    if (s->tokenizer_end)
        json_object_set_new(o, "end", json_string(s->tokenizer_end));
    else if (s->tokenizer_path) {
        json_decref(o);
        return text(s->tokenizer_path);
    }
    return o;
}

json_t *asc_study_canonical(const asc_study_spec *s)
{
    json_t *o = json_object(), *caps = json_array();
    if (!o || !caps) {
        json_decref(caps);
        json_decref(o);
        return NULL;
    }
    put(o, "study", text(s->name));
    put(o, "domains", texts(s->domain_names, s->n_domains));
    for (size_t i = 0; i < s->n_domains; i++) {
        put_domain(o, "domains", &s->domains[i]);
        json_array_append_new(caps, asc_json_num(s->domains[i].max_epochs));
    }
    put(o, "domains.max_epochs", caps);
    put(o, "targets", texts(s->target_names + s->n_domains, s->n_heldout));
    for (size_t i = 0; i < s->n_heldout; i++)
        put_domain(o, "targets", &s->heldout[i]);
    put_settings(o, s);
    put(o, "tokenizer", tokenizer_json(s));
    put(o, "scales", numbers(s->scales, s->n_scales));
    put_search(o, &s->search);
    put_sizes(o, s);
    put_mixture(o, s);
    put_target(o, s);
    put(o, "trainer.command", text(s->trainer.torch ? "torch" : s->trainer.command ? s->trainer.command : "builtin"));
    return o;
}
