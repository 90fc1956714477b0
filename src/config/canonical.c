/* The study as one flat object: what decides whether an edited file still means the runs that were made. */
#include "spec/spec_json.h"
#include "study_parser.h"

#include <math.h>

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
    return json_pack("{s:s,s:o,s:o}", "kind", kinds[r->kind], "path", text(r->path), "weights",
                     numbers(r->weights, r->weights ? n : 0));
}

static void put_model(json_t *o, const asc_model_spec *m)
{
    put(o, "model.arch", text(asc_arch_name(m->arch)));
    put(o, "model.layers", json_integer(m->n_layers));
    put(o, "model.heads", json_integer(m->n_heads));
    put(o, "model.width", json_integer(m->width));
    put(o, "model.context", json_integer(m->context));
    put(o, "model.mup", json_boolean(m->mup));
    put(o, "model.mup_base_width", json_integer(m->mup ? m->mup_base_width : 0));
    asc_model_keys_put(o, "model.", m); /* only those that are given: studies of before they existed go on */
}

static void put_training(json_t *o, const asc_training_spec *t)
{
    put(o, "training.batch_tokens", json_integer(t->batch_tokens));
    put(o, "training.micro_batch", json_integer(t->micro_batch));
    put(o, "training.lr", json_real(t->lr));
    put(o, "training.warmup", json_real(t->warmup));
    put(o, "training.min_lr", json_real(t->min_lr));
    put(o, "training.schedule", text(asc_schedule_name(t->schedule)));
    put(o, "training.dtype", text(asc_dtype_name(t->dtype)));
    put(o, "training.seed", json_integer((json_int_t)t->seed));
    put(o, "training.weight_decay", json_real(t->weight_decay));
    put(o, "training.clip", json_real(t->clip));
    put(o, "training.beta1", json_real(t->beta1));
    put(o, "training.beta2", json_real(t->beta2));
    put(o, "training.eps", json_real(t->eps));
    put(o, "training.on_divergence.retry", json_integer(t->retry_on_divergence));
    put(o, "training.on_divergence.lr", json_real(t->divergence_lr));
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

static void put_target(json_t *o, const asc_study_spec *s)
{
    json_t *against = json_array();
    for (size_t i = 0; i < s->n_against; i++)
        json_array_append_new(against, ref(&s->against[i], s->n_domains));
    put(o, "target.tokens", json_real(s->target_tokens));
    put(o, "target.validate", json_boolean(s->validate));
    put(o, "target.seeds", json_integer(s->seeds));
    put(o, "target.curve", json_integer(s->curve_points));
    put(o, "target.against", against);
}

/* As it was before there was an end of document to name, where none is. */
static json_t *tokenizer_json(const asc_study_spec *s)
{
    bool ids = strcmp(s->tokenizer_kind, "ids") == 0;
    json_t *o = s->tokenizer_path ? json_pack("{s:s}", "path", s->tokenizer_path)
                : ids             ? json_pack("{s:I}", "vocab", (json_int_t)s->tokenizer_vocab)
                      : json_pack("{s:s,s:I}", "train", s->tokenizer_kind, "vocab", (json_int_t)s->tokenizer_vocab);
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
    put(o, "validation.tokens", json_integer(s->valid_tokens));
    put(o, "tokenizer", tokenizer_json(s));
    put_model(o, &s->model);
    put_training(o, &s->training);
    put(o, "scales", numbers(s->scales, s->n_scales));
    put(o, "design.factor", json_real(s->factor));
    if (s->down != s->factor)
        put(o, "design.down", json_real(s->down));
    put(o, "design.repeats", json_integer(s->repeats));
    put_mixture(o, s);
    put_target(o, s);
    put(o, "run.threads", json_integer(s->threads));
    put(o, "run.ranks", json_integer(s->ranks));
    put(o, "run.device", text(s->device));
    put(o, "run.isa", text(asc_isa_name(s->isa)));
    put(o, "trainer.command", text(s->trainer.command ? s->trainer.command : "builtin"));
    return o;
}
