/*
 * BERT (Devlin et al. 2018): post-LayerNorm transformer encoder; token, position and segment embeddings; exact GELU;
 * masked-LM head with a transform, tied embeddings and a bias. No dropout. Weights of linear layers are (out, in), as
 * torch's Linear and so Hugging Face's BertForMaskedLM keep them; query, key and value stand one after another in the
 * table, so that the three are one product.
 */
#include "hf_config.h"
#include "internal.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define NORM_EPS 1e-12 /* where config.json says nothing */

enum { WORDS, POSITIONS, SEGMENTS, EMBED_LN, EMBED_LN_B, FIRST_LAYER };
enum {
    QUERY,
    KEY,
    VALUE,
    QUERY_B,
    KEY_B,
    VALUE_B,
    ATT_OUT,
    ATT_OUT_B,
    LN1,
    LN1_B,
    FC,
    FC_B,
    OUT,
    OUT_B,
    LN2,
    LN2_B,
    PER_LAYER
};
enum { TRANSFORM, TRANSFORM_B, TRANSFORM_LN, TRANSFORM_LN_B, HEAD_BIAS }; /* after the layers */

static size_t tensor(size_t layer, int which)
{
    assert(which >= 0 && which < PER_LAYER);
    return FIRST_LAYER + layer * PER_LAYER + (size_t)which;
}

static size_t head_tensor(const asc_model *m, int which)
{
    assert(which >= TRANSFORM && which <= HEAD_BIAS);
    return FIRST_LAYER + (size_t)m->spec.n_layers * PER_LAYER + (size_t)which;
}

static size_t head_bias(const asc_model *m)
{
    return head_tensor(m, HEAD_BIAS);
}

/* ---- table ---- */

static asc_status add(asc_model *m, const char *name, int64_t rows, int64_t cols, double value, asc_error *err)
{
    bool matrix = cols > 0;
    asc_param p = {.n_dims = matrix ? 2 : 1, .dims = {rows, cols}, .lr_scale = 1, .decay = matrix};
    p.init = matrix ? ASC_INIT_NORMAL : value != 0 ? ASC_INIT_CONST : ASC_INIT_ZERO;
    p.init_value = matrix ? .02 : value;
    bool embedding = strncmp(name, "bert.embeddings.", 16) == 0 && matrix;
    p.part = embedding ? ASC_PART_EMBEDDING : strncmp(name, "cls.", 4) == 0 ? ASC_PART_TRANSFORM : ASC_PART_BODY;
    p.joined = strstr(name, ".self.key.") || strstr(name, ".self.value."); /* to the query: the three are one product */
    p.part = strcmp(name, "cls.predictions.bias") == 0 ? ASC_PART_OUTPUT : p.part;
    snprintf(p.name, sizeof p.name, "%s", name);
    return asc__add_param(m, p, err);
}

static asc_status add_norm(asc_model *m, const char *prefix, asc_error *err)
{
    char name[64];
    snprintf(name, sizeof name, "%s.weight", prefix);
    ASC_TRY(add(m, name, m->spec.width, 0, 1, err));
    snprintf(name, sizeof name, "%s.bias", prefix);
    return add(m, name, m->spec.width, 0, 0, err);
}

static asc_status add_linear(asc_model *m, const char *prefix, int64_t out, int64_t in, asc_error *err)
{
    char name[64];
    snprintf(name, sizeof name, "%s.weight", prefix);
    ASC_TRY(add(m, name, out, in, 0, err));
    snprintf(name, sizeof name, "%s.bias", prefix);
    return add(m, name, out, 0, 0, err);
}

static asc_status add_layer(asc_model *m, int layer, asc_error *err)
{
    static const char *const parts[] = {"query", "key", "value"};
    int64_t C = m->spec.width, F = asc_model_mlp_width(&m->spec);
    char name[64];
#define NAME(s) (snprintf(name, sizeof name, "bert.encoder.layer.%d." s, layer), name)
    for (int weight = 1; weight >= 0; weight--) {
        for (int i = 0; i < 3; i++) {
            snprintf(name, sizeof name, "bert.encoder.layer.%d.attention.self.%s.%s", layer, parts[i],
                     weight ? "weight" : "bias");
            ASC_TRY(add(m, name, C, weight ? C : 0, 0, err));
        }
    }
    ASC_TRY(add_linear(m, NAME("attention.output.dense"), C, C, err));
    ASC_TRY(add_norm(m, NAME("attention.output.LayerNorm"), err));
    ASC_TRY(add_linear(m, NAME("intermediate.dense"), F, C, err));
    ASC_TRY(add_linear(m, NAME("output.dense"), C, F, err));
    return add_norm(m, NAME("output.LayerNorm"), err);
#undef NAME
}

static asc_status check(const asc_model_spec *s, asc_error *err)
{
    return s->mup ? ASC_FAIL(err, ASC_EINVAL, "mup: for decoders only, not for bert") : ASC_OK;
}

static asc_status table(asc_model *m, asc_error *err)
{
    const asc_model_spec *s = &m->spec;
    m->embedding = WORDS;
    ASC_TRY(add(m, "bert.embeddings.word_embeddings.weight", s->vocab, s->width, 0, err));
    ASC_TRY(add(m, "bert.embeddings.position_embeddings.weight", s->context, s->width, 0, err));
    ASC_TRY(add(m, "bert.embeddings.token_type_embeddings.weight", 2, s->width, 0, err));
    ASC_TRY(add_norm(m, "bert.embeddings.LayerNorm", err));
    for (int l = 0; l < s->n_layers; l++)
        ASC_TRY(add_layer(m, l, err));
    ASC_TRY(add_linear(m, "cls.predictions.transform.dense", s->width, s->width, err));
    ASC_TRY(add_norm(m, "cls.predictions.transform.LayerNorm", err));
    ASC_TRY(add(m, "cls.predictions.bias", s->vocab, 0, 0, err));
    return asc__add_output(m, "cls.predictions.decoder.weight", .02, 1, err);
}

/* ---- memory ---- */

static asc__layer_acts take_layer(const asc_model *m, asc__layout *at)
{
    size_t M = m->max_rows, C = (size_t)m->spec.width, F = (size_t)asc_model_mlp_width(&m->spec);
    asc__layer_acts a = {0};
    a.qkv = asc__take(at, M * 3 * C);
    a.att = asc__take(at, M * C);
    a.lse = asc__take(at, M * (size_t)m->spec.n_heads);
    a.mid = asc__take(at, M * C); /* x + attention, before the first norm */
    a.ln1 = asc__take(at, M * C);
    a.mean1 = asc__take(at, M);
    a.rstd1 = asc__take(at, M);
    a.fc = asc__take(at, M * F);
    a.act = asc__take(at, M * F);
    a.ln2 = asc__take(at, M * C); /* ln1 + MLP, before the second norm */
    a.mean2 = asc__take(at, M);
    a.rstd2 = asc__take(at, M);
    return a;
}

static void layout(asc_model *m, asc__layout *at)
{
    size_t M = m->max_rows, C = (size_t)m->spec.width, L = (size_t)m->spec.n_layers;
    size_t F = (size_t)asc_model_mlp_width(&m->spec), wide = F > 4 * C ? F : 4 * C;
    bool train = m->opts.training, keep = train && !m->spec.recompute;
    float *shared_residual = train ? NULL : asc__take(at, M * C);
    asc__layer_acts shared = {0};
    if (!keep)
        shared = take_layer(m, at);
    for (size_t l = 0; l <= L; l++) {
        m->residual[l] = train ? asc__take(at, M * C) : shared_residual;
        if (l < L)
            m->acts[l] = keep ? take_layer(m, at) : shared;
    }
    m->trunk = m->residual[L];
    m->bert.embedded = asc__take(at, M * C);
    m->mean_f = asc__take(at, M);
    m->rstd_f = asc__take(at, M);
    m->bert.picked = asc__take(at, M * C);
    m->bert.dense = asc__take(at, M * C);
    m->bert.act = asc__take(at, M * C);
    m->bert.mean = asc__take(at, M);
    m->bert.rstd = asc__take(at, M);
    m->hidden = asc__take(at, M * C);
    if (train) {
        m->d_hidden = asc__take(at, M * C);
        m->bert.back = asc__take(at, M * C);
        m->d_res = m->d_trunk = asc__take(at, M * C);
        m->d_wide = asc__take(at, M * wide);
        m->d_row = asc__take(at, M * C);
        m->ln_partial = asc__take(at, (M / ASC_LN_CHUNK + 1) * 2 * C);
    }
}

/* ---- embedding ---- */

typedef struct embed_job {
    asc_model *m;
    const asc_batch *b;
} embed_job;

static int32_t segment_at(const asc_batch *b, size_t row, size_t t)
{
    return b->segments ? b->segments[row * b->ld_ids + t] : 0;
}

static void run_embed(void *ctx, size_t part, size_t n_parts)
{
    embed_job *j = ctx;
    asc_model *m = j->m;
    size_t C = (size_t)m->spec.width, T = (size_t)j->b->T, begin, end;
    asc_part_range((size_t)j->b->B * T, 8, part, n_parts, &begin, &end);
    for (size_t r = begin; r < end; r++) {
        size_t row = r / T, t = r % T;
        const float *word = asc__p(m, WORDS) + (size_t)j->b->ids[row * j->b->ld_ids + t] * C;
        const float *position = asc__p(m, POSITIONS) + t * C;
        const float *segment = asc__p(m, SEGMENTS) + (size_t)segment_at(j->b, row, t) * C;
        float *x = m->bert.embedded + r * C;
        for (size_t i = 0; i < C; i++)
            x[i] = word[i] + segment[i] + position[i];
    }
}

/* Each thread owns some columns of the three tables, so that sums have one order. d: gradient of the sum (M,C). */
static void run_embed_backward(void *ctx, size_t part, size_t n_parts)
{
    embed_job *j = ctx;
    asc_model *m = j->m;
    size_t C = (size_t)m->spec.width, T = (size_t)j->b->T, B = (size_t)j->b->B, begin, end;
    float *words = asc__g(m, WORDS), *positions = asc__g(m, POSITIONS), *segments = asc__g(m, SEGMENTS);
    asc_part_range(C, 16, part, n_parts, &begin, &end);
    for (size_t t = 0; !m->grads_started && t < (size_t)m->spec.context; t++)
        memset(positions + t * C + begin, 0, (end - begin) * sizeof *positions);
    for (size_t s = 0; !m->grads_started && s < 2; s++)
        memset(segments + s * C + begin, 0, (end - begin) * sizeof *segments);
    for (size_t v = 0; !m->grads_started && !asc__is_tied(m) && v < (size_t)m->spec.vocab; v++)
        memset(words + v * C + begin, 0, (end - begin) * sizeof *words);
    for (size_t r = 0; r < B * T; r++) {
        size_t row = r / T, t = r % T;
        const float *d = m->d_row + r * C;
        float *word = words + (size_t)j->b->ids[row * j->b->ld_ids + t] * C, *position = positions + t * C;
        float *segment = segments + (size_t)segment_at(j->b, row, t) * C;
        for (size_t i = begin; i < end; i++) {
            word[i] += d[i];
            position[i] += d[i];
            segment[i] += d[i];
        }
    }
}

/* ---- layers ---- */

static asc_attention attention_of(const asc_model *m, const asc_batch *b, const asc__layer_acts *a)
{
    int H = m->spec.n_heads, d = m->spec.width / H;
    asc_attention x = {.B = b->B, .T = b->T, .H = H, .d = d, .scale = 1 / sqrtf((float)d), .lengths = b->lengths};
    x.qkv = a->qkv;
    x.out = a->att;
    x.lse = a->lse;
    return x;
}

static asc__linear linear(size_t M, size_t K, size_t N, size_t weight, size_t bias)
{
    return (asc__linear){.M = M, .K = K, .N = N, .weight = weight, .bias = bias};
}

/* residual[l] -> residual[l+1]; `whole` false (recomputation): without the last norm, whose output is kept. */
static void layer_forward(asc_model *m, size_t l, const asc_batch *b, bool whole)
{
    size_t M = (size_t)b->B * (size_t)b->T, C = (size_t)m->spec.width, F = (size_t)asc_model_mlp_width(&m->spec);
    asc__layer_acts *a = &m->acts[l];
    assert(l < (size_t)m->spec.n_layers && M <= m->max_rows);
    const float *x = m->residual[l];
    asc__linear qkv = linear(M, C, 3 * C, tensor(l, QUERY), tensor(l, QUERY_B));
    asc__linear out = linear(M, C, C, tensor(l, ATT_OUT), tensor(l, ATT_OUT_B));
    asc__linear fc = linear(M, C, F, tensor(l, FC), tensor(l, FC_B));
    asc__linear back = linear(M, F, C, tensor(l, OUT), tensor(l, OUT_B));
    asc__linear_forward(m, &qkv, a->qkv, x, ASC_EPI_BIAS, NULL, NULL);
    asc_attention att = attention_of(m, b, a);
    asc__attention_forward(m, &att);
    asc__linear_forward(m, &out, a->mid, a->att, ASC_EPI_RESIDUAL, x, NULL);
    asc__layernorm(m, tensor(l, LN1), a->ln1, a->mean1, a->rstd1, a->mid, M, m->eps);
    asc__linear_forward(m, &fc, a->fc, a->ln1, ASC_EPI_GELU_ERF, NULL, a->act);
    asc__linear_forward(m, &back, a->ln2, a->act, ASC_EPI_RESIDUAL, a->ln1, NULL);
    if (whole)
        asc__layernorm(m, tensor(l, LN2), m->residual[l + 1], a->mean2, a->rstd2, a->ln2, M, m->eps);
}

/* d_res: gradient of residual[l+1] in, of residual[l] out. */
static void layer_backward(asc_model *m, size_t l, const asc_batch *b)
{
    size_t M = (size_t)b->B * (size_t)b->T, C = (size_t)m->spec.width, F = (size_t)asc_model_mlp_width(&m->spec);
    asc__layer_acts *a = &m->acts[l];
    assert(l < (size_t)m->spec.n_layers && M <= m->max_rows);
    float *d = m->d_res, *wide = m->d_wide, *row = m->d_row, *d_att = m->d_wide + M * 3 * C;
    asc__linear qkv = linear(M, C, 3 * C, tensor(l, QUERY), tensor(l, QUERY_B));
    asc__linear out = linear(M, C, C, tensor(l, ATT_OUT), tensor(l, ATT_OUT_B));
    asc__linear fc = linear(M, C, F, tensor(l, FC), tensor(l, FC_B));
    asc__linear back = linear(M, F, C, tensor(l, OUT), tensor(l, OUT_B));
    asc__layernorm_backward(m, tensor(l, LN2), row, d, a->ln2, a->mean2, a->rstd2, M, false);
    asc__linear_backward(m, &back, wide, row, a->act, ASC_EPI_DGELU_ERF, a->fc);
    /* the residual's share is added as the product is written */
    asc__linear_backward(m, &fc, d, wide, a->ln1, ASC_EPI_RESIDUAL, row);
    asc__layernorm_backward(m, tensor(l, LN1), row, d, a->mid, a->mean1, a->rstd1, M, false);
    asc__linear_backward(m, &out, d_att, row, a->att, ASC_EPI_NONE, NULL);
    asc_attention att = attention_of(m, b, a);
    att.dout = d_att;
    att.dqkv = wide; /* (M,3C); d_att stands behind it */
    asc__attention_backward(m, &att);
    asc__linear_backward(m, &qkv, d, wide, m->residual[l], ASC_EPI_RESIDUAL, row);
}

static void forward(asc_model *m, const asc_batch *b)
{
    size_t M = (size_t)b->B * (size_t)b->T;
    embed_job j = {m, b};
    asc__stage_begin(m);
    asc_pool_run(m->pool, run_embed, &j);
    asc__stage_end(m, ASC__STAGE_EMBEDDING, 0, 4. * (double)M * m->spec.width);
    asc__layernorm(m, EMBED_LN, m->residual[0], m->mean_f, m->rstd_f, m->bert.embedded, M, m->eps);
    for (size_t l = 0; l < (size_t)m->spec.n_layers; l++)
        layer_forward(m, l, b, true);
}

static void backward(asc_model *m, const asc_batch *b)
{
    size_t M = (size_t)b->B * (size_t)b->T;
    for (size_t l = (size_t)m->spec.n_layers; l-- > 0;) {
        if (m->spec.recompute) {
            layer_forward(m, l, b, false);
            /* the norm's statistics were overwritten by later layers */
            asc__layernorm(m, tensor(l, LN2), m->d_row, m->acts[l].mean2, m->acts[l].rstd2, m->acts[l].ln2, M, m->eps);
        }
        layer_backward(m, l, b);
    }
    asc__layernorm_backward(m, EMBED_LN, m->d_row, m->d_res, m->bert.embedded, m->mean_f, m->rstd_f, M, false);
    embed_job j = {m, b};
    asc__stage_begin(m);
    asc_pool_run(m->pool, run_embed_backward, &j);
    asc__stage_end(m, ASC__STAGE_EMBEDDING, 0, 7. * (double)M * m->spec.width);
}

/* ---- masked-LM head: transform of the counted rows ---- */

static asc__linear transform(const asc_model *m)
{
    size_t C = (size_t)m->spec.width;
    assert(m->n_head > 0 && m->n_head <= m->max_rows);
    return linear(m->n_head, C, C, head_tensor(m, TRANSFORM), head_tensor(m, TRANSFORM_B));
}

static void to_head(asc_model *m)
{
    asc__bert_acts *a = &m->bert;
    if (m->n_head == 0)
        return;
    asc__gather_rows(m, a->picked, m->trunk);
    asc__linear t = transform(m);
    asc__linear_forward(m, &t, a->dense, a->picked, ASC_EPI_GELU_ERF, NULL, a->act);
    asc__layernorm(m, head_tensor(m, TRANSFORM_LN), m->hidden, a->mean, a->rstd, a->act, m->n_head, m->eps);
}

/* gelu'(x) = Phi(x) + x phi(x) */
static float gelu_slope(float x)
{
    const double root_half = 0.70710678118654752, root_2pi = 0.39894228040143268;
    double z = (double)x;
    return (float)(.5 * (1 + erf(z * root_half)) + z * root_2pi * exp(-.5 * z * z));
}

/* No row counts: the transform's gradients are those of earlier batches, or 0. */
static void start_transform(asc_model *m)
{
    for (int i = TRANSFORM; !m->grads_started && i < HEAD_BIAS; i++) {
        size_t t = head_tensor(m, i);
        memset(asc__g(m, t), 0, m->table[t].n * sizeof(float));
    }
}

static void from_head(asc_model *m, size_t M)
{
    asc__bert_acts *a = &m->bert;
    size_t K = m->n_head, C = (size_t)m->spec.width;
    if (K == 0) {
        start_transform(m);
    } else {
        asc__layernorm_backward(m, head_tensor(m, TRANSFORM_LN), a->back, m->d_hidden, a->act, a->mean, a->rstd, K,
                                false);
        for (size_t i = 0; i < K * C; i++)
            a->back[i] *= gelu_slope(a->dense[i]);
        asc__linear t = transform(m);
        asc__linear_backward(m, &t, m->d_hidden, a->back, a->picked, ASC_EPI_NONE, NULL);
    }
    asc__scatter_rows(m, m->d_trunk, m->d_hidden, M);
}

/* ---- config.json ---- */

static json_t *write_config(const asc_model_spec *s)
{
    return json_pack("{s:[s], s:s, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:s, s:f, s:f, s:f, s:f, s:i, s:s, s:b, s:s}",
                     "architectures", "BertForMaskedLM", "model_type", "bert", "vocab_size", s->vocab,
                     "max_position_embeddings", s->context, "hidden_size", s->width, "num_hidden_layers", s->n_layers,
                     "num_attention_heads", s->n_heads, "intermediate_size", asc_model_mlp_width(s), "type_vocab_size",
                     2, "hidden_act", "gelu", "layer_norm_eps", asc_model_norm_eps(s), "hidden_dropout_prob", 0.0,
                     "attention_probs_dropout_prob", 0.0, "initializer_range", 0.02, "pad_token_id", 0,
                     "position_embedding_type", "absolute", "tie_word_embeddings", !s->untied, "torch_dtype",
                     "float32");
}

static asc_status read_config(asc_model_spec *s, const json_t *j, const char *path, asc_error *err)
{
    static const char *const activations[] = {"gelu", NULL}, *const positions[] = {"absolute", NULL};
    int segments = 2;
    ASC_TRY(asc__config_int(j, path, "vocab_size", ASC__MOST_VOCAB, &s->vocab, err));
    ASC_TRY(asc__config_int(j, path, "max_position_embeddings", ASC__MOST_CONTEXT, &s->context, err));
    ASC_TRY(asc__config_int(j, path, "hidden_size", ASC__MOST_WIDTH, &s->width, err));
    ASC_TRY(asc__config_int(j, path, "num_hidden_layers", ASC__MOST_LAYERS, &s->n_layers, err));
    ASC_TRY(asc__config_int(j, path, "num_attention_heads", ASC__MOST_LAYERS, &s->n_heads, err));
    ASC_TRY(asc__config_opt_int(j, path, "intermediate_size", ASC__MOST_INNER, &s->mlp_width, err));
    s->mlp_width = s->mlp_width == 4 * s->width ? 0 : s->mlp_width;
    ASC_TRY(asc__config_eps(j, path, "layer_norm_eps", NORM_EPS, &s->norm_eps, err));
    ASC_TRY(asc__config_word(j, path, "hidden_act", activations, err));
    ASC_TRY(asc__config_word(j, path, "position_embedding_type", positions, err));
    ASC_TRY(asc__config_opt_int(j, path, "type_vocab_size", 1 << 20, &segments, err));
    if (segments != 2)
        return ASC_FAIL(err, ASC_EINVAL, "%s: field 'type_vocab_size': found %d, only 2 is supported", path, segments);
    return asc__config_bool(j, path, "is_decoder", false, err);
}

static const char *const model_types[] = {"bert", NULL};

const asc__arch_ops asc__bert = {.table = table,
                                 .layout = layout,
                                 .forward = forward,
                                 .backward = backward,
                                 .to_head = to_head,
                                 .from_head = from_head,
                                 .head_bias = head_bias,
                                 .weights_out_in = true,
                                 .model_types = model_types,
                                 .read_config = read_config,
                                 .write_config = write_config,
                                 .tied_by_default = true,
                                 .file_prefix = "",
                                 .embedding = "bert.embeddings.word_embeddings.weight",
                                 .output = "cls.predictions.decoder.weight",
                                 .output_bias = "cls.predictions.decoder.bias",
                                 .check = check,
                                 .norm_eps = NORM_EPS};
