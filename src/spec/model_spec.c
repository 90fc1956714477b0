/* The shape of a model and its optional keys, and how a model is trained: defaults. */
#include "spec/spec.h"

#include <math.h>
#include <string.h>

void asc_model_spec_init(asc_model_spec *m)
{
    *m = (asc_model_spec){
        .arch = ASC_ARCH_LLAMA, .n_layers = 6, .n_heads = 8, .width = 256, .context = 256, .mup_base_width = 256};
}

void asc_training_spec_init(asc_training_spec *t)
{
    *t = (asc_training_spec){.batch_tokens = 16384,
                             .lr = 1e-3,
                             .warmup = .1,
                             .min_lr = .1,
                             .schedule = ASC_SCHEDULE_COSINE,
                             .dtype = ASC_DTYPE_FP32,
                             .seed = 42,
                             .weight_decay = .1,
                             .clip = 1,
                             .beta1 = .9,
                             .beta2 = .95,
                             .eps = 1e-8,
                             .divergence_lr = .5};
}

/* ---- optional keys ---- */

#define INT_KEY(key, member, lo, hi, what)                                                                             \
    {                                                                                                                  \
        key, ASC_KEY_INT, offsetof(asc_model_spec, member), lo, hi, {NULL}, what                                       \
    }
#define REAL_KEY(key, member, lo, hi, what)                                                                            \
    {                                                                                                                  \
        key, ASC_KEY_REAL, offsetof(asc_model_spec, member), lo, hi, {NULL}, what                                      \
    }
#define BOOL_KEY(key, member, what)                                                                                    \
    {                                                                                                                  \
        key, ASC_KEY_BOOL, offsetof(asc_model_spec, member), 0, 1, {NULL}, what                                        \
    }

const asc_model_key asc_model_keys[] = {
    INT_KEY("mlp", mlp_width, 1, 1 << 20, "inner width of the MLP"),
    {"tied", ASC_KEY_NOT, offsetof(asc_model_spec, untied), 0, 1, {NULL}, "the output layer is the embedding"},
    REAL_KEY("norm_eps", norm_eps, 1e-20, 1, "added under the norms' root"),
    INT_KEY("kv_heads", n_kv_heads, 1, 1024, "heads of keys and values"),
    INT_KEY("head_dim", head_dim, 2, 4096, "width of a head"),
    REAL_KEY("rope_theta", rope_theta, 1, 1e12, "base of the rotary angles"),
    {"rope_scaling",
     ASC_KEY_WORD,
     offsetof(asc_model_spec, rope_scaling),
     0,
     0,
     {"none", "linear", "llama3"},
     "how the rotary angles are stretched"},
    REAL_KEY("rope_factor", rope_factor, 1e-6, 1e6, "by how much they are"),
    REAL_KEY("rope_low", rope_low, 1e-6, 1e6, "llama3: low_freq_factor"),
    REAL_KEY("rope_high", rope_high, 1e-6, 1e6, "llama3: high_freq_factor"),
    INT_KEY("rope_original", rope_original, 1, 1 << 30, "llama3: original_max_position_embeddings"),
    BOOL_KEY("qkv_bias", qkv_bias, "biases of q, k and v"),
    BOOL_KEY("out_bias", out_bias, "bias of attention's output"),
    BOOL_KEY("mlp_bias", mlp_bias, "biases of the MLP"),
    {"qk_norm", ASC_KEY_WORD, offsetof(asc_model_spec, qk_norm), 0, 0, {"none", "head", "full"}, "RMSNorm of q and k"},
    {"norm", ASC_KEY_WORD, offsetof(asc_model_spec, norm), 0, 0, {"before", "after"}, "where the norms stand"},
};
const size_t asc_n_model_keys = sizeof asc_model_keys / sizeof *asc_model_keys;

/* Words are enums, which are as wide as int here. */
_Static_assert(sizeof(asc_qk_norm) == sizeof(int) && sizeof(asc_rope_scaling) == sizeof(int) &&
                   sizeof(asc_norm_place) == sizeof(int),
               "enums of model keys are read as int");

const asc_model_key *asc_model_key_find(const char *name)
{
    for (size_t i = 0; i < asc_n_model_keys; i++)
        if (strcmp(asc_model_keys[i].name, name) == 0)
            return &asc_model_keys[i];
    return NULL;
}

bool asc_model_key_is_set(const asc_model_key *k, const asc_model_spec *m)
{
    const char *at = (const char *)m + k->offset;
    int n = 0;
    double x = 0;
    if (k->kind == ASC_KEY_BOOL || k->kind == ASC_KEY_NOT)
        return *(const bool *)at;
    if (k->kind == ASC_KEY_REAL)
        memcpy(&x, at, sizeof x);
    else
        memcpy(&n, at, sizeof n);
    return n != 0 || x != 0;
}

static asc_status parse_key_word(int *out, const asc_model_key *k, const char *text, asc_error *err)
{
    for (int i = 0; i < 4 && k->words[i]; i++)
        if (strcmp(text, k->words[i]) == 0) {
            *out = i;
            return ASC_OK;
        }
    return ASC_FAIL(err, ASC_EINVAL, "%s: expected %s, %s%s%s, found '%.40s'", k->name, k->words[0], k->words[1],
                    k->words[2] ? " or " : "", k->words[2] ? k->words[2] : "", text);
}

asc_status asc_model_key_parse(asc_model_spec *m, const asc_model_key *k, const char *text, asc_error *err)
{
    void *at = (char *)m + k->offset;
    bool yes = strcmp(text, "true") == 0 || strcmp(text, "1") == 0,
         no = strcmp(text, "false") == 0 || strcmp(text, "0") == 0;
    double x;
    switch (k->kind) {
    case ASC_KEY_WORD:
        return parse_key_word(at, k, text, err);
    case ASC_KEY_BOOL:
    case ASC_KEY_NOT:
        if (!yes && !no)
            return ASC_FAIL(err, ASC_EINVAL, "%s: expected true or false, found '%.40s'", k->name, text);
        *(bool *)at = k->kind == ASC_KEY_NOT ? no : yes;
        return ASC_OK;
    case ASC_KEY_INT:
    case ASC_KEY_REAL:
        break;
    }
    if (!asc_parse_double(text, &x) || !(x >= k->lo && x <= k->hi) || (k->kind == ASC_KEY_INT && x != floor(x)))
        return ASC_FAIL(err, ASC_EINVAL, "%s: expected a %snumber from %g to %g, found '%.40s'", k->name,
                        k->kind == ASC_KEY_INT ? "whole " : "", k->lo, k->hi, text);
    if (k->kind == ASC_KEY_INT)
        *(int *)at = (int)x;
    else
        *(double *)at = x;
    return ASC_OK;
}

void asc_model_key_text(const asc_model_key *k, const asc_model_spec *m, char buf[32])
{
    const void *at = (const char *)m + k->offset;
    switch (k->kind) {
    case ASC_KEY_WORD:
        snprintf(buf, 32, "%s", k->words[*(const int *)at]);
        break;
    case ASC_KEY_BOOL:
        snprintf(buf, 32, "%s", *(const bool *)at ? "true" : "false");
        break;
    case ASC_KEY_NOT:
        snprintf(buf, 32, "%s", *(const bool *)at ? "false" : "true");
        break;
    case ASC_KEY_INT:
        snprintf(buf, 32, "%d", *(const int *)at);
        break;
    case ASC_KEY_REAL:
        asc_format_double(*(const double *)at, buf);
        break;
    }
}
