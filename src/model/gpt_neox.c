/*
 * GPT-NeoX (Black et al. 2204.06745), so that Pythia can be evaluated: LayerNorm, rotary positions on a part of each
 * head, exact GELU, attention and MLP side by side on one input. Forward only. Query, key and value of a head stand
 * side by side, as its checkpoints keep them.
 */
#include "hf_config.h"
#include "internal.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define NORM_EPS 1e-5 /* where config.json says nothing */

enum { LN1, LN1_B, LN2, LN2_B, QKV, QKV_B, PROJ, PROJ_B, FC, FC_B, OUT, OUT_B, PER_LAYER };
enum { EMBEDDING, FIRST_LAYER };

static size_t tensor(size_t layer, int which)
{
    assert(which >= 0 && which < PER_LAYER);
    return FIRST_LAYER + layer * PER_LAYER + (size_t)which;
}

static size_t final_norm(const asc_model *m)
{
    return FIRST_LAYER + (size_t)m->spec.n_layers * PER_LAYER;
}

/* Rotated columns of a head, half of them. */
static size_t half_rotated(const asc_model_spec *s)
{
    double share = s->rotary_share > 0 ? s->rotary_share : .25;
    return (size_t)(share * asc_model_head_dim(s)) / 2;
}

static asc_status check(const asc_model_spec *s, asc_error *err)
{
    if (half_rotated(s) < 1)
        return ASC_FAIL(err, ASC_EINVAL, "heads of width %d, too narrow for partial rotation", asc_model_head_dim(s));
    return s->mup ? ASC_FAIL(err, ASC_EINVAL, "mup: not for gpt_neox") : ASC_OK;
}

/* ---- table ---- */

static asc_status add(asc_model *m, const char *name, int64_t rows, int64_t cols, asc_error *err)
{
    asc_param p = {.n_dims = cols > 0 ? 2 : 1, .dims = {rows, cols}, .init = ASC_INIT_NORMAL, .init_value = .02};
    p.lr_scale = 1;
    p.part = strncmp(name, "embed_in", 8) == 0 ? ASC_PART_EMBEDDING : ASC_PART_BODY;
    snprintf(p.name, sizeof p.name, "%s", name);
    return asc__add_param(m, p, err);
}

static asc_status add_pair(asc_model *m, const char *prefix, int64_t out, int64_t in, asc_error *err)
{
    char name[64];
    snprintf(name, sizeof name, "%s.weight", prefix);
    ASC_TRY(add(m, name, out, in, err));
    snprintf(name, sizeof name, "%s.bias", prefix);
    return add(m, name, out, 0, err);
}

static asc_status add_layer(asc_model *m, int layer, asc_error *err)
{
    int64_t C = m->spec.width, F = asc_model_mlp_width(&m->spec);
    char name[64];
#define NAME(s) (snprintf(name, sizeof name, "layers.%d." s, layer), name)
    ASC_TRY(add_pair(m, NAME("input_layernorm"), C, 0, err));
    ASC_TRY(add_pair(m, NAME("post_attention_layernorm"), C, 0, err));
    ASC_TRY(add_pair(m, NAME("attention.query_key_value"), 3 * C, C, err));
    ASC_TRY(add_pair(m, NAME("attention.dense"), C, C, err));
    ASC_TRY(add_pair(m, NAME("mlp.dense_h_to_4h"), F, C, err));
    return add_pair(m, NAME("mlp.dense_4h_to_h"), C, F, err);
#undef NAME
}

static asc_status table(asc_model *m, asc_error *err)
{
    m->embedding = EMBEDDING;
    ASC_TRY(add(m, "embed_in.weight", m->spec.vocab, m->spec.width, err));
    for (int l = 0; l < m->spec.n_layers; l++)
        ASC_TRY(add_layer(m, l, err));
    ASC_TRY(add_pair(m, "final_layer_norm", m->spec.width, 0, err));
    return asc__add_output(m, "embed_out.weight", .02, 1, err);
}

/* ---- memory ---- */

static void layout(asc_model *m, asc__layout *at)
{
    size_t M = m->max_rows, C = (size_t)m->spec.width, F = (size_t)asc_model_mlp_width(&m->spec);
    size_t angles = (size_t)m->spec.context * half_rotated(&m->spec);
    asc__layer_acts *a = &m->acts[0];
    m->residual[0] = asc__take(at, M * C);
    *a = (asc__layer_acts){.ln1 = asc__take(at, M * C), .mean1 = asc__take(at, M), .rstd1 = asc__take(at, M)};
    a->qkv = asc__take(at, M * 3 * C);
    a->att = asc__take(at, M * C);
    a->lse = asc__take(at, M * (size_t)m->spec.n_heads);
    a->mid = asc__take(at, M * C);
    a->fc = asc__take(at, M * F);
    a->act = asc__take(at, M * F);
    m->cosine = asc__take(at, angles);
    m->sine = asc__take(at, angles);
    m->hidden = m->trunk = asc__take(at, M * C);
    m->mean_f = asc__take(at, M);
    m->rstd_f = asc__take(at, M);
}

static void start(asc_model *m)
{
    size_t half = half_rotated(&m->spec);
    double theta = asc_model_rope(&m->spec).theta;
    for (size_t i = 0; i < half; i++) {
        float f = (float)pow(theta, -(double)i / (double)half);
        for (size_t t = 0; t < (size_t)m->spec.context; t++) {
            double angle = (double)((float)t * f);
            m->cosine[t * half + i] = (float)cos(angle);
            m->sine[t * half + i] = (float)sin(angle);
        }
    }
}

/* ---- forward ---- */

/* residual[0] (M,C) -> itself. */
static void layer_forward(asc_model *m, size_t l, const asc_batch *b)
{
    size_t M = (size_t)b->B * (size_t)b->T, C = (size_t)m->spec.width, F = (size_t)asc_model_mlp_width(&m->spec);
    size_t H = (size_t)m->spec.n_heads, d = C / H, half = half_rotated(&m->spec);
    assert(H * d == C && 2 * half <= d && M <= m->max_rows);
    asc__layer_acts *a = &m->acts[0];
    float *x = m->residual[0];
    asc__linear qkv = {M, C, 3 * C, tensor(l, QKV), tensor(l, QKV_B), 0};
    asc__linear proj = {M, C, C, tensor(l, PROJ), tensor(l, PROJ_B), 0};
    asc__linear fc = {M, C, F, tensor(l, FC), tensor(l, FC_B), 0}, out = {M, F, C, tensor(l, OUT), tensor(l, OUT_B), 0};
    asc__layernorm(m, tensor(l, LN1), a->ln1, a->mean1, a->rstd1, x, M, m->eps);
    asc__linear_forward(m, &qkv, a->qkv, a->ln1, ASC_EPI_BIAS, NULL, NULL);
    asc__rope(m, a->qkv, 3 * C, H, 3 * d, half, M, (size_t)b->T, false);     /* the queries */
    asc__rope(m, a->qkv + d, 3 * C, H, 3 * d, half, M, (size_t)b->T, false); /* the keys */
    asc_attention att = {.B = b->B, .T = b->T, .H = (int)H, .d = (int)d, .by_head = true, .causal = true};
    att.scale = 1 / sqrtf((float)d);
    att.qkv = a->qkv;
    att.out = a->att;
    att.lse = a->lse;
    asc__attention_forward(m, &att);
    asc__linear_forward(m, &proj, a->mid, a->att, ASC_EPI_RESIDUAL, x, NULL);
    asc__layernorm(m, tensor(l, LN2), a->ln1, a->mean1, a->rstd1, m->spec.sequential ? a->mid : x, M, m->eps);
    asc__linear_forward(m, &fc, a->fc, a->ln1, ASC_EPI_GELU_ERF, NULL, a->act);
    asc__linear_forward(m, &out, x, a->act, ASC_EPI_RESIDUAL, a->mid, NULL);
}

static void forward(asc_model *m, const asc_batch *b)
{
    size_t M = (size_t)b->B * (size_t)b->T, C = (size_t)m->spec.width, T = (size_t)b->T;
    for (size_t r = 0; r < M; r++)
        memcpy(m->residual[0] + r * C, asc__p(m, EMBEDDING) + (size_t)b->ids[r / T * b->ld_ids + r % T] * C,
               C * sizeof(float));
    for (size_t l = 0; l < (size_t)m->spec.n_layers; l++)
        layer_forward(m, l, b);
    asc__layernorm(m, final_norm(m), m->trunk, m->mean_f, m->rstd_f, m->residual[0], M, m->eps);
}

static void to_head(asc_model *m)
{
    asc__gather_rows(m, m->hidden, m->trunk);
}

/* ---- config.json ---- */

static asc_status read_rotary(asc_model_spec *s, const json_t *j, const char *path, asc_error *err)
{
    const json_t *all = json_object_get(j, "rope_parameters"), *scaling = json_object_get(j, "rope_scaling");
    ASC_TRY(asc__config_map(j, path, "rope_parameters", err));
    ASC_TRY(asc__config_map(j, path, "rope_scaling", err));
    s->rotary_share = .25;
    s->rope_theta = 10000;
    ASC_TRY(asc__config_real(j, path, "rotary_pct", 0, 1, &s->rotary_share, err));
    ASC_TRY(asc__config_real(j, path, "rotary_emb_base", 1, 1e12, &s->rope_theta, err));
    if (json_is_object(all)) {
        static const char *const types[] = {"default", NULL};
        ASC_TRY(asc__config_real(all, path, "partial_rotary_factor", 0, 1, &s->rotary_share, err));
        ASC_TRY(asc__config_real(all, path, "rope_theta", 1, 1e12, &s->rope_theta, err));
        return asc__config_word(all, path, "rope_type", types, err);
    }
    if (json_is_object(scaling))
        return ASC_FAIL(err, ASC_EINVAL, "%s: field 'rope_scaling': not supported for gpt_neox", path);
    return ASC_OK;
}

static asc_status read_config(asc_model_spec *s, const json_t *j, const char *path, asc_error *err)
{
    static const char *const activations[] = {"gelu", NULL};
    bool parallel = true;
    ASC_TRY(asc__config_int(j, path, "vocab_size", ASC__MOST_VOCAB, &s->vocab, err));
    ASC_TRY(asc__config_int(j, path, "max_position_embeddings", ASC__MOST_CONTEXT, &s->context, err));
    ASC_TRY(asc__config_int(j, path, "hidden_size", ASC__MOST_WIDTH, &s->width, err));
    ASC_TRY(asc__config_int(j, path, "num_hidden_layers", ASC__MOST_LAYERS, &s->n_layers, err));
    ASC_TRY(asc__config_int(j, path, "num_attention_heads", ASC__MOST_LAYERS, &s->n_heads, err));
    ASC_TRY(asc__config_int(j, path, "intermediate_size", ASC__MOST_INNER, &s->mlp_width, err));
    ASC_TRY(asc__config_eps(j, path, "layer_norm_eps", NORM_EPS, &s->norm_eps, err));
    ASC_TRY(asc__config_word(j, path, "hidden_act", activations, err));
    ASC_TRY(asc__config_bool(j, path, "attention_bias", true, err));
    ASC_TRY(asc__config_flag(j, path, "use_parallel_residual", &parallel, err));
    s->sequential = !parallel;
    return read_rotary(s, j, path, err);
}

static json_t *write_config(const asc_model_spec *s)
{
    return json_pack("{s:[s], s:s, s:i, s:i, s:i, s:i, s:i, s:i, s:s, s:f, s:f, s:f, s:b, s:b, s:s}", "architectures",
                     "GPTNeoXForCausalLM", "model_type", "gpt_neox", "vocab_size", s->vocab, "max_position_embeddings",
                     s->context, "hidden_size", s->width, "num_hidden_layers", s->n_layers, "num_attention_heads",
                     s->n_heads, "intermediate_size", asc_model_mlp_width(s), "hidden_act", "gelu", "layer_norm_eps",
                     asc_model_norm_eps(s), "rotary_pct", s->rotary_share, "rotary_emb_base", s->rope_theta,
                     "use_parallel_residual", !s->sequential, "tie_word_embeddings", !s->untied, "torch_dtype",
                     "float32");
}

static const char *const model_types[] = {"gpt_neox", NULL};

const asc__arch_ops asc__gpt_neox = {.table = table,
                                     .layout = layout,
                                     .start = start,
                                     .forward = forward,
                                     .to_head = to_head,
                                     .weights_out_in = true,
                                     .model_types = model_types,
                                     .read_config = read_config,
                                     .write_config = write_config,
                                     .file_prefix = "gpt_neox.",
                                     .embedding = "embed_in.weight",
                                     .output = "embed_out.weight",
                                     .check = check,
                                     .all_keys = true, /* rope_theta among them; others are not read */
                                     .any_context = true,
                                     .norm_eps = NORM_EPS};
