/* Hugging Face folders: config.json and model.safetensors, and the optimiser's moments in the same file format. */
#include <math.h>
#include <string.h>

#include "autoscale/base_json.h"
#include "internal.h"
#include "weights.h"

enum { MAX_NAME = 80 };
/* The same as in run.json; no product of them overflows. */
enum { MOST_LAYERS = 1024, MOST_WIDTH = 65536, MOST_CONTEXT = 1 << 20, MOST_VOCAB = 1 << 24 };

/* ---- config.json ---- */

static json_t *gpt2_config(const asc_model_spec *s)
{
    /* <|endoftext|> is known only for GPT-2's own vocabulary; elsewhere tokenizer.json says it */
    json_t *eos = s->vocab == 50257 ? json_integer(50256) : json_null();
    return json_pack(
        "{s:[s], s:s, s:i, s:i, s:i, s:i, s:i, s:i, s:s, s:f, s:f, s:f, s:f, s:f, s:b, s:b, s:O, s:o, s:s}",
        "architectures", "GPT2LMHeadModel", "model_type", "gpt2", "vocab_size", s->vocab, "n_positions", s->context,
        "n_ctx", s->context, "n_embd", s->width, "n_layer", s->n_layers, "n_head", s->n_heads, "activation_function",
        "gelu_new", "layer_norm_epsilon", 1e-5, "resid_pdrop", 0.0, "embd_pdrop", 0.0, "attn_pdrop", 0.0,
        "initializer_range", 0.02, "tie_word_embeddings", 1, "scale_attn_weights", 1, "bos_token_id", eos,
        "eos_token_id", eos, "torch_dtype", "float32");
}

static json_t *bert_config(const asc_model_spec *s)
{
    return json_pack("{s:[s], s:s, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:s, s:f, s:f, s:f, s:f, s:i, s:s, s:b, s:s}",
                     "architectures", "BertForMaskedLM", "model_type", "bert", "vocab_size", s->vocab,
                     "max_position_embeddings", s->context, "hidden_size", s->width, "num_hidden_layers", s->n_layers,
                     "num_attention_heads", s->n_heads, "intermediate_size", 4 * s->width, "type_vocab_size", 2,
                     "hidden_act", "gelu", "layer_norm_eps", 1e-12, "hidden_dropout_prob", 0.0,
                     "attention_probs_dropout_prob", 0.0, "initializer_range", 0.02, "pad_token_id", 0,
                     "position_embedding_type", "absolute", "tie_word_embeddings", 1, "torch_dtype", "float32");
}

static asc_status int_field(const json_t *j, const char *path, const char *key, int most, int *out, asc_error *err)
{
    int64_t x;
    ASC_TRY(asc_json_get_count(j, path, key, &x, err));
    if (x < 1 || x > most)
        return ASC_FAIL(err, ASC_EINVAL, "%s: field '%s': expected 1 to %d, found %lld", path, key, most, (long long)x);
    *out = (int)x;
    return ASC_OK;
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

/* A field that, where present, must have the one value this implementation computes. */
static asc_status same_or_absent(const json_t *j, const char *path, const char *key, const json_t *want, asc_error *err)
{
    const json_t *x = json_object_get(j, key);
    bool same = !x || json_is_null(x) || json_equal(x, want) ||
                (json_is_number(x) && json_is_number(want) &&
                 fabs(json_number_value(x) - json_number_value(want)) <= 1e-9 * fabs(json_number_value(want)));
    if (!same) {
        char *found = as_written(x), *expected = as_written(want);
        ASC_FAIL(err, ASC_EINVAL, "%s: field '%s': found %s, only %s is supported", path, key, found ? found : "?",
                 expected ? expected : "?");
        asc_free(found);
        asc_free(expected);
    }
    return same ? ASC_OK : ASC_EINVAL;
}

static asc_status check_fixed(const json_t *j, const char *path, int width, asc_error *err)
{
    const char *activation = json_string_value(json_object_get(j, "activation_function"));
    if (activation && strcmp(activation, "gelu_new") != 0 && strcmp(activation, "gelu_pytorch_tanh") != 0)
        return ASC_FAIL(err, ASC_EINVAL, "%s: field 'activation_function': found %s, only gelu_new is supported", path,
                        activation);
    json_t *eps = json_real(1e-5), *inner = json_integer(4 * (json_int_t)width), *yes = json_true(), *no = json_false();
    asc_status s = same_or_absent(j, path, "layer_norm_epsilon", eps, err);
    if (s == ASC_OK)
        s = same_or_absent(j, path, "n_inner", inner, err);
    if (s == ASC_OK)
        s = same_or_absent(j, path, "scale_attn_weights", yes, err);
    if (s == ASC_OK)
        s = same_or_absent(j, path, "tie_word_embeddings", yes, err);
    if (s == ASC_OK)
        s = same_or_absent(j, path, "scale_attn_by_inverse_layer_idx", no, err);
    if (s == ASC_OK)
        s = same_or_absent(j, path, "add_cross_attention", no, err);
    json_decref(eps);
    json_decref(inner);
    return s;
}

static asc_status check_fixed_bert(const json_t *j, const char *path, int width, asc_error *err)
{
    json_t *activation = json_string("gelu"), *eps = json_real(1e-12), *inner = json_integer(4 * (json_int_t)width);
    json_t *positions = json_string("absolute"), *two = json_integer(2), *yes = json_true(), *no = json_false();
    asc_status s = same_or_absent(j, path, "hidden_act", activation, err);
    if (s == ASC_OK)
        s = same_or_absent(j, path, "layer_norm_eps", eps, err);
    if (s == ASC_OK)
        s = same_or_absent(j, path, "intermediate_size", inner, err);
    if (s == ASC_OK)
        s = same_or_absent(j, path, "position_embedding_type", positions, err);
    if (s == ASC_OK)
        s = same_or_absent(j, path, "type_vocab_size", two, err);
    if (s == ASC_OK)
        s = same_or_absent(j, path, "tie_word_embeddings", yes, err);
    if (s == ASC_OK)
        s = same_or_absent(j, path, "is_decoder", no, err);
    json_decref(activation);
    json_decref(eps);
    json_decref(inner);
    json_decref(positions);
    json_decref(two);
    return s;
}

static asc_status spec_of_bert(asc_model_spec *out, const json_t *j, const char *path, asc_error *err)
{
    asc_model_spec s;
    asc_model_spec_init(&s);
    s.arch = ASC_ARCH_BERT;
    ASC_TRY(int_field(j, path, "vocab_size", MOST_VOCAB, &s.vocab, err));
    ASC_TRY(int_field(j, path, "max_position_embeddings", MOST_CONTEXT, &s.context, err));
    ASC_TRY(int_field(j, path, "hidden_size", MOST_WIDTH, &s.width, err));
    ASC_TRY(int_field(j, path, "num_hidden_layers", MOST_LAYERS, &s.n_layers, err));
    ASC_TRY(int_field(j, path, "num_attention_heads", MOST_LAYERS, &s.n_heads, err));
    ASC_TRY(check_fixed_bert(j, path, s.width, err));
    *out = s;
    return ASC_OK;
}

static asc_status spec_of(asc_model_spec *out, const json_t *j, const char *path, asc_error *err)
{
    const char *type;
    ASC_TRY(asc_json_get_string(j, path, "model_type", &type, err));
    if (strcmp(type, "bert") == 0)
        return spec_of_bert(out, j, path, err);
    if (strcmp(type, "gpt2") != 0)
        return ASC_FAIL(err, ASC_EINVAL, "%s: field 'model_type': found '%s', expected gpt2 or bert", path, type);
    asc_model_spec s;
    asc_model_spec_init(&s);
    ASC_TRY(int_field(j, path, "vocab_size", MOST_VOCAB, &s.vocab, err));
    ASC_TRY(int_field(j, path, "n_positions", MOST_CONTEXT, &s.context, err));
    ASC_TRY(int_field(j, path, "n_embd", MOST_WIDTH, &s.width, err));
    ASC_TRY(int_field(j, path, "n_layer", MOST_LAYERS, &s.n_layers, err));
    ASC_TRY(int_field(j, path, "n_head", MOST_LAYERS, &s.n_heads, err));
    ASC_TRY(check_fixed(j, path, s.width, err));
    *out = s;
    return ASC_OK;
}

/* A config.json that claims more than its weights hold would have gigabytes asked for before they are looked at. */
static asc_status check_size(const asc_model_spec *s, const char *dir, asc_error *err)
{
    int64_t size, least = 2 * (int64_t)asc_model_params(s); /* bytes, were all of it 16 bits wide */
    ASC_TRY(asc__weights_size(&size, dir, err));
    if (size > 0 && size < least)
        return ASC_FAIL(err, ASC_EINVAL, "%s: weights of %lld bytes, but config.json is of a model of at least %lld",
                        dir, (long long)size, (long long)least);
    return ASC_OK;
}

asc_status asc_model_spec_read(asc_model_spec *out, const char *dir, asc_error *err)
{
    char *path = asc_path_join(dir, "config.json");
    json_t *j = NULL;
    asc_model_spec spec;
    if (!path)
        return ASC_NOMEM(err);
    asc_status s = asc_json_load(&j, path, err);
    if (s == ASC_OK)
        s = spec_of(&spec, j, path, err);
    if (s == ASC_OK && spec.width % spec.n_heads != 0)
        s = ASC_FAIL(err, ASC_EINVAL, "%s: a width of %d is not divisible by %d heads", path, spec.width, spec.n_heads);
    if (s == ASC_OK)
        s = check_size(&spec, dir, err);
    if (s == ASC_OK)
        *out = spec;
    json_decref(j);
    asc_free(path);
    return s;
}

/* ---- tensors ---- */

/* Names as they stand in the file: prefix + table name. */
typedef struct named {
    asc__st_tensor *tensors;
    char (*names)[MAX_NAME];
    size_t n;
} named;

static void named_clear(named *x)
{
    asc_free(x->tensors);
    asc_free(x->names);
}

static asc_status named_init(named *x, size_t n, asc_error *err)
{
    *x = (named){.tensors = asc_calloc(n, sizeof *x->tensors), .names = asc_calloc(n, sizeof *x->names)};
    if (x->tensors && x->names)
        return ASC_OK;
    named_clear(x);
    return ASC_NOMEM(err);
}

static void named_add(named *x, const asc_model *m, const char *prefix, const float *flat)
{
    for (size_t i = 0; i < m->n_tensors; i++) {
        const asc_param *p = &m->table[i];
        snprintf(x->names[x->n], MAX_NAME, "%s%s", prefix, p->name);
        x->tensors[x->n] =
            (asc__st_tensor){.name = x->names[x->n], .n_dims = p->n_dims, .dims = {p->dims[0], p->dims[1]}, .n = p->n};
        x->tensors[x->n].data = flat + p->offset;
        x->n++;
    }
}

static asc_status save_config(const asc_model *m, const char *dir, asc_error *err)
{
    char *path = asc_path_join(dir, "config.json");
    json_t *config = m->spec.arch == ASC_ARCH_BERT ? bert_config(&m->spec) : gpt2_config(&m->spec);
    asc_status s = path && config ? asc_json_write(path, config, 2, err) : ASC_NOMEM(err);
    json_decref(config);
    asc_free(path);
    return s;
}

asc_status asc_model_save(const asc_model *m, const char *dir, asc_error *err)
{
    named x;
    char *path = asc_path_join(dir, "model.safetensors");
    if (!path)
        return ASC_NOMEM(err);
    asc_status s = named_init(&x, m->n_tensors, err);
    if (s == ASC_OK) {
        named_add(&x, m, m->arch->file_prefix, m->params);
        s = asc__st_write(path, x.tensors, x.n, err);
        named_clear(&x);
    }
    asc_free(path);
    return s == ASC_OK ? save_config(m, dir, err) : s;
}

/* The tensor of table row p, under its name with prefix or alone, with its shape. */
static asc_status find_checked(const asc__st_tensor **out, const asc__st_file **in, const asc__weights *w,
                               const char *prefix, const asc_param *p, asc_error *err)
{
    char name[MAX_NAME];
    snprintf(name, sizeof name, "%s%s", prefix, p->name);
    const asc__st_tensor *t = asc__weights_find(in, w, name);
    if (!t)
        t = asc__weights_find(in, w, p->name);
    if (!t)
        return ASC_FAIL(err, ASC_EINVAL, "%s: tensor '%s' is missing (of type F32, F16 or BF16)", w->files[0].path,
                        name);
    bool same = t->n_dims == p->n_dims;
    for (int d = 0; same && d < p->n_dims; d++)
        same = t->dims[d] == p->dims[d];
    if (!same)
        return ASC_FAIL(err, ASC_EINVAL, "%s: tensor '%s' has shape [%lld, %lld], expected [%lld, %lld]", (*in)->path,
                        name, (long long)t->dims[0], (long long)t->dims[1], (long long)p->dims[0],
                        (long long)p->dims[1]);
    *out = t;
    return ASC_OK;
}

/* All tensors of the table, or all but BERT's head, which becomes 0, into a flat array; NULL: only looked for. */
static asc_status read_flat(float *flat, const asc_model *m, const asc__weights *w, const char *prefix, bool head,
                            asc_error *err)
{
    for (size_t i = 0; i < m->n_tensors; i++) {
        const asc_param *p = &m->table[i];
        const asc__st_file *f = NULL;
        const asc__st_tensor *t = NULL;
        bool wanted = head || strncmp(p->name, "cls.", 4) != 0;
        if (wanted)
            ASC_TRY(find_checked(&t, &f, w, prefix, p, err));
        if (flat && wanted)
            ASC_TRY(asc__st_read(f, t, flat + p->offset, err));
        else if (flat)
            memset(flat + p->offset, 0, p->n * sizeof *flat);
    }
    return ASC_OK;
}

/* Straight into the parameters, once every tensor is known to be there: a second copy of them would be as large. */
static asc_status load(asc_model *m, const char *dir, bool head, asc_error *err)
{
    asc__weights w = {0};
    asc_status s = asc__weights_open(&w, dir, err);
    if (s == ASC_OK)
        s = read_flat(NULL, m, &w, m->arch->file_prefix, head, err);
    if (s == ASC_OK) {
        s = read_flat(m->params, m, &w, m->arch->file_prefix, head, err);
        asc_model_params_changed(m);
    }
    asc__weights_close(&w);
    return s;
}

asc_status asc_model_load(asc_model *m, const char *dir, asc_error *err)
{
    return load(m, dir, true, err);
}

asc_status asc_model_load_body(asc_model *m, const char *dir, asc_error *err)
{
    return load(m, dir, false, err);
}

/* ---- optimiser state ---- */

asc_status asc_model_save_optimizer(const asc_model *m, const char *path, asc_error *err)
{
    named x;
    if (!m->opts.training)
        return ASC_FAIL(err, ASC_EINVAL, "model made without training has no optimiser state");
    ASC_TRY(named_init(&x, 2 * m->n_tensors, err));
    named_add(&x, m, "m.", m->moment1);
    named_add(&x, m, "v.", m->moment2);
    asc_status s = asc__st_write(path, x.tensors, x.n, err);
    named_clear(&x);
    return s;
}

asc_status asc_model_load_optimizer(asc_model *m, const char *path, asc_error *err)
{
    asc__st_file f = {0};
    if (!m->opts.training)
        return ASC_FAIL(err, ASC_EINVAL, "model made without training has no optimiser state");
    asc_status s = asc__st_open(&f, path, err);
    asc__weights w = {&f, 1};
    float *const into[] = {NULL, NULL, m->moment1, m->moment2}; /* first looked for, then read */
    for (int i = 0; i < 4 && s == ASC_OK; i++)
        s = read_flat(into[i], m, &w, i % 2 ? "v." : "m.", true, err);
    asc__st_close(&f);
    return s;
}
