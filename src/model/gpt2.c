/*
 * GPT-2 (Radford et al. 2019): pre-LayerNorm transformer decoder, learned positions, tied head, GELU in tanh form.
 * Weights of linear layers are (in, out), as Hugging Face's Conv1D keeps them.
 */
#include "hf_config.h"
#include "internal.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define NORM_EPS 1e-5 /* where config.json says nothing */

/* Tensors of a layer, in the table's order after wte and wpe. */
enum { LN1, LN1_B, QKV, QKV_B, PROJ, PROJ_B, LN2, LN2_B, FC, FC_B, OUT, OUT_B, PER_LAYER };
enum { WTE, WPE, FIRST_LAYER };

static size_t tensor(size_t layer, int which)
{
    assert(which >= 0 && which < PER_LAYER);
    return FIRST_LAYER + layer * PER_LAYER + (size_t)which;
}

static size_t final_norm(const asc_model *m)
{
    return FIRST_LAYER + (size_t)m->spec.n_layers * PER_LAYER;
}

/* ---- table ---- */

static asc_status add_matrix(asc_model *m, const char *name, int64_t rows, int64_t cols, double sd, bool body,
                             asc_error *err)
{
    asc_param p = {.n_dims = 2, .dims = {rows, cols}, .init = ASC_INIT_NORMAL, .init_value = sd, .decay = true};
    p.lr_scale = 1;
    p.part = body ? ASC_PART_BODY : ASC_PART_EMBEDDING;
    if (body && m->spec.mup) {
        double ratio = (double)m->spec.mup_base_width / (double)m->spec.width;
        p.init_value *= sqrt(ratio);
        p.lr_scale = ratio;
    }
    snprintf(p.name, sizeof p.name, "%s", name);
    return asc__add_param(m, p, err);
}

static asc_status add_vector(asc_model *m, const char *name, int64_t n, double value, double lr_scale, asc_error *err)
{
    asc_param p = {.n_dims = 1, .dims = {n}, .init = value != 0 ? ASC_INIT_CONST : ASC_INIT_ZERO, .init_value = value};
    p.lr_scale = lr_scale;
    snprintf(p.name, sizeof p.name, "%s", name);
    return asc__add_param(m, p, err);
}

static asc_status add_layer(asc_model *m, int layer, asc_error *err)
{
    int64_t C = m->spec.width, F = asc_model_mlp_width(&m->spec);
    double sd = .02, sd_residual = sd / sqrt(2.0 * m->spec.n_layers);
    char name[64];
#define NAME(s) (snprintf(name, sizeof name, "h.%d." s, layer), name)
    ASC_TRY(add_vector(m, NAME("ln_1.weight"), C, 1, 1, err));
    ASC_TRY(add_vector(m, NAME("ln_1.bias"), C, 0, 1, err));
    ASC_TRY(add_matrix(m, NAME("attn.c_attn.weight"), C, 3 * C, sd, true, err));
    ASC_TRY(add_vector(m, NAME("attn.c_attn.bias"), 3 * C, 0, 1, err));
    ASC_TRY(add_matrix(m, NAME("attn.c_proj.weight"), C, C, sd_residual, true, err));
    ASC_TRY(add_vector(m, NAME("attn.c_proj.bias"), C, 0, 1, err));
    ASC_TRY(add_vector(m, NAME("ln_2.weight"), C, 1, 1, err));
    ASC_TRY(add_vector(m, NAME("ln_2.bias"), C, 0, 1, err));
    ASC_TRY(add_matrix(m, NAME("mlp.c_fc.weight"), C, F, sd, true, err));
    ASC_TRY(add_vector(m, NAME("mlp.c_fc.bias"), F, 0, 1, err));
    ASC_TRY(add_matrix(m, NAME("mlp.c_proj.weight"), F, C, sd_residual, true, err));
    return add_vector(m, NAME("mlp.c_proj.bias"), C, 0, 1, err);
#undef NAME
}

/* With µP the tied head's 1/width multiplier stands in the final norm's gain: start and rate scaled by base/C give the
 * same function under Adam, and the checkpoint needs no multiplier of its own. */
static asc_status table(asc_model *m, asc_error *err)
{
    const asc_model_spec *s = &m->spec;
    double out = s->mup ? (double)s->mup_base_width / (double)s->width : 1;
    m->embedding = WTE;
    ASC_TRY(add_matrix(m, "wte.weight", s->vocab, s->width, .02, false, err));
    ASC_TRY(add_matrix(m, "wpe.weight", s->context, s->width, .02, false, err));
    for (int l = 0; l < s->n_layers; l++)
        ASC_TRY(add_layer(m, l, err));
    ASC_TRY(add_vector(m, "ln_f.weight", s->width, out, out, err));
    ASC_TRY(add_vector(m, "ln_f.bias", s->width, 0, out, err));
    return asc__add_output(m, "lm_head.weight", .02, 1, err);
}

/* ---- memory ---- */

static asc__layer_acts take_layer(const asc_model *m, asc__layout *at)
{
    size_t M = m->max_rows, C = (size_t)m->spec.width, F = (size_t)asc_model_mlp_width(&m->spec);
    asc__layer_acts a = {0};
    a.ln1 = asc__take(at, M * C);
    a.mean1 = asc__take(at, M);
    a.rstd1 = asc__take(at, M);
    a.qkv = asc__take(at, M * 3 * C);
    a.att = asc__take(at, M * C);
    a.lse = asc__take(at, M * (size_t)m->spec.n_heads);
    a.mid = asc__take(at, M * C);
    a.ln2 = asc__take(at, M * C);
    a.mean2 = asc__take(at, M);
    a.rstd2 = asc__take(at, M);
    a.fc = asc__take(at, M * F);
    a.act = asc__take(at, M * F);
    return a;
}

static void layout(asc_model *m, asc__layout *at)
{
    size_t M = m->max_rows, C = (size_t)m->spec.width, L = (size_t)m->spec.n_layers;
    size_t F = (size_t)asc_model_mlp_width(&m->spec), wide = F > 3 * C ? F : 3 * C;
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
    m->hidden = m->trunk = asc__take(at, M * C);
    m->mean_f = asc__take(at, M);
    m->rstd_f = asc__take(at, M);
    if (train) {
        m->d_hidden = m->d_trunk = asc__take(at, M * C);
        m->d_res = asc__take(at, M * C);
        m->d_wide = asc__take(at, M * wide);
        m->d_row = m->d_hidden; /* free again once the final norm is behind */
        m->ln_partial = asc__take(at, (M / ASC_LN_CHUNK + 1) * 2 * C);
    }
}

/* ---- embedding ---- */

typedef struct embed_job {
    asc_model *m;
    const asc_batch *b;
} embed_job;

static void run_embed(void *ctx, size_t part, size_t n_parts)
{
    embed_job *j = ctx;
    asc_model *m = j->m;
    size_t C = (size_t)m->spec.width, T = (size_t)j->b->T, begin, end;
    const float *wte = asc__p(m, WTE), *wpe = asc__p(m, WPE);
    asc_part_range((size_t)j->b->B * T, 8, part, n_parts, &begin, &end);
    for (size_t r = begin; r < end; r++) {
        const float *token = wte + (size_t)j->b->ids[r / T * j->b->ld_ids + r % T] * C, *pos = wpe + r % T * C;
        float *x = m->residual[0] + r * C;
        for (size_t i = 0; i < C; i++)
            x[i] = token[i] + pos[i];
    }
}

/* Each thread owns some columns of both tables, so that sums have one order. */
static void run_embed_backward(void *ctx, size_t part, size_t n_parts)
{
    embed_job *j = ctx;
    asc_model *m = j->m;
    size_t C = (size_t)m->spec.width, T = (size_t)j->b->T, B = (size_t)j->b->B, begin, end;
    float *wte = asc__g(m, WTE), *wpe = asc__g(m, WPE);
    asc_part_range(C, 16, part, n_parts, &begin, &end);
    if (!m->grads_started)
        for (size_t t = 0; t < (size_t)m->spec.context; t++)
            memset(wpe + t * C + begin, 0, (end - begin) * sizeof *wpe);
    if (!m->grads_started && !asc__is_tied(m)) /* else the head's gradient stands there */
        for (size_t v = 0; v < (size_t)m->spec.vocab; v++)
            memset(wte + v * C + begin, 0, (end - begin) * sizeof *wte);
    for (size_t b = 0; b < B; b++)
        for (size_t t = 0; t < T; t++) {
            const float *d = m->d_res + (b * T + t) * C;
            float *token = wte + (size_t)j->b->ids[b * j->b->ld_ids + t] * C, *pos = wpe + t * C;
            for (size_t i = begin; i < end; i++) {
                token[i] += d[i];
                pos[i] += d[i];
            }
        }
}

/* ---- layers ---- */

static asc_attention attention_of(const asc_model *m, const asc_batch *b, const asc__layer_acts *a)
{
    int H = m->spec.n_heads, d = m->spec.width / H;
    asc_attention x = {.B = b->B, .T = b->T, .H = H, .d = d, .causal = true, .scale = 1 / sqrtf((float)d)};
    x.qkv = a->qkv;
    x.out = a->att;
    x.lse = a->lse;
    return x;
}

/* residual[l] -> residual[l+1]; without `last` step (recomputation) the final sum is left out. */
static void layer_forward(asc_model *m, size_t l, const asc_batch *b, bool whole)
{
    size_t M = (size_t)b->B * (size_t)b->T, C = (size_t)m->spec.width, F = (size_t)asc_model_mlp_width(&m->spec);
    asc__layer_acts *a = &m->acts[l];
    assert(l < (size_t)m->spec.n_layers && M <= m->max_rows);
    const float *x = m->residual[l];
    asc__layernorm(m, tensor(l, LN1), a->ln1, a->mean1, a->rstd1, x, M, m->eps);
    asc__linear_forward(m, &(asc__linear){M, C, 3 * C, tensor(l, QKV), tensor(l, QKV_B), 0}, a->qkv, a->ln1,
                        ASC_EPI_BIAS, NULL, NULL);
    asc_attention att = attention_of(m, b, a);
    asc__attention_forward(m, &att);
    asc__linear_forward(m, &(asc__linear){M, C, C, tensor(l, PROJ), tensor(l, PROJ_B), 0}, a->mid, a->att,
                        ASC_EPI_RESIDUAL, x, NULL);
    asc__layernorm(m, tensor(l, LN2), a->ln2, a->mean2, a->rstd2, a->mid, M, m->eps);
    asc__linear_forward(m, &(asc__linear){M, C, F, tensor(l, FC), tensor(l, FC_B), 0}, a->fc, a->ln2, ASC_EPI_GELU,
                        NULL, a->act);
    if (whole)
        asc__linear_forward(m, &(asc__linear){M, F, C, tensor(l, OUT), tensor(l, OUT_B), 0}, m->residual[l + 1], a->act,
                            ASC_EPI_RESIDUAL, a->mid, NULL);
}

/* d_res: gradient of residual[l+1] in, of residual[l] out. */
static void layer_backward(asc_model *m, size_t l, const asc_batch *b)
{
    size_t M = (size_t)b->B * (size_t)b->T, C = (size_t)m->spec.width, F = (size_t)asc_model_mlp_width(&m->spec);
    asc__layer_acts *a = &m->acts[l];
    assert(l < (size_t)m->spec.n_layers && M <= m->max_rows);
    float *d = m->d_res, *wide = m->d_wide, *row = m->d_row;
    asc__linear_backward(m, &(asc__linear){M, F, C, tensor(l, OUT), tensor(l, OUT_B), 0}, wide, d, a->act,
                         ASC_EPI_DGELU, a->fc);
    asc__linear_backward(m, &(asc__linear){M, C, F, tensor(l, FC), tensor(l, FC_B), 0}, row, wide, a->ln2, ASC_EPI_NONE,
                         NULL);
    asc__layernorm_backward(m, tensor(l, LN2), d, row, a->mid, a->mean2, a->rstd2, M, true);
    asc__linear_backward(m, &(asc__linear){M, C, C, tensor(l, PROJ), tensor(l, PROJ_B), 0}, row, d, a->att,
                         ASC_EPI_NONE, NULL);
    asc_attention att = attention_of(m, b, a);
    att.dout = row;
    att.dqkv = wide; /* (M,3C) fits */
    asc__attention_backward(m, &att);
    asc__linear_backward(m, &(asc__linear){M, C, 3 * C, tensor(l, QKV), tensor(l, QKV_B), 0}, row, wide, a->ln1,
                         ASC_EPI_NONE, NULL);
    asc__layernorm_backward(m, tensor(l, LN1), d, row, m->residual[l], a->mean1, a->rstd1, M, true);
}

static void forward(asc_model *m, const asc_batch *b)
{
    size_t M = (size_t)b->B * (size_t)b->T, L = (size_t)m->spec.n_layers;
    embed_job j = {m, b};
    asc__stage_begin(m);
    asc_pool_run(m->pool, run_embed, &j);
    asc__stage_end(m, ASC__STAGE_EMBEDDING, 0, 3. * (double)M * m->spec.width);
    for (size_t l = 0; l < L; l++)
        layer_forward(m, l, b, true);
    asc__layernorm(m, final_norm(m), m->trunk, m->mean_f, m->rstd_f, m->residual[L], M, m->eps);
}

static void to_head(asc_model *m)
{
    asc__gather_rows(m, m->hidden, m->trunk);
}

static void from_head(asc_model *m, size_t M)
{
    asc__scatter_rows(m, m->d_trunk, m->d_hidden, M);
}

static void backward(asc_model *m, const asc_batch *b)
{
    size_t M = (size_t)b->B * (size_t)b->T, L = (size_t)m->spec.n_layers;
    asc__layernorm_backward(m, final_norm(m), m->d_res, m->d_trunk, m->residual[L], m->mean_f, m->rstd_f, M, false);
    for (size_t l = L; l-- > 0;) {
        if (m->spec.recompute)
            layer_forward(m, l, b, false);
        layer_backward(m, l, b);
    }
    embed_job j = {m, b};
    asc__stage_begin(m);
    asc_pool_run(m->pool, run_embed_backward, &j);
    asc__stage_end(m, ASC__STAGE_EMBEDDING, 0, 5. * (double)M * m->spec.width);
}

/* ---- config.json ---- */

static json_t *write_config(const asc_model_spec *s)
{
    /* <|endoftext|> is known only for GPT-2's own vocabulary; elsewhere tokenizer.json says it */
    json_t *eos = s->vocab == 50257 ? json_integer(50256) : json_null();
    json_t *inner = s->mlp_width > 0 ? json_integer(s->mlp_width) : json_null();
    return json_pack(
        "{s:[s], s:s, s:i, s:i, s:i, s:i, s:i, s:i, s:s, s:f, s:f, s:f, s:f, s:f, s:b, s:b, s:O, s:o, s:s, s:o}",
        "architectures", "GPT2LMHeadModel", "model_type", "gpt2", "vocab_size", s->vocab, "n_positions", s->context,
        "n_ctx", s->context, "n_embd", s->width, "n_layer", s->n_layers, "n_head", s->n_heads, "activation_function",
        "gelu_new", "layer_norm_epsilon", asc_model_norm_eps(s), "resid_pdrop", 0.0, "embd_pdrop", 0.0, "attn_pdrop",
        0.0, "initializer_range", 0.02, "tie_word_embeddings", !s->untied, "scale_attn_weights", 1, "bos_token_id", eos,
        "eos_token_id", eos, "torch_dtype", "float32", "n_inner", inner);
}

static asc_status read_config(asc_model_spec *out, const json_t *j, const char *path, asc_error *err)
{
    static const char *const activations[] = {"gelu_new", "gelu_pytorch_tanh", NULL};
    asc_model_spec *s = out;
    ASC_TRY(asc__config_int(j, path, "vocab_size", ASC__MOST_VOCAB, &s->vocab, err));
    ASC_TRY(asc__config_int(j, path, "n_positions", ASC__MOST_CONTEXT, &s->context, err));
    ASC_TRY(asc__config_int(j, path, "n_embd", ASC__MOST_WIDTH, &s->width, err));
    ASC_TRY(asc__config_int(j, path, "n_layer", ASC__MOST_LAYERS, &s->n_layers, err));
    ASC_TRY(asc__config_int(j, path, "n_head", ASC__MOST_LAYERS, &s->n_heads, err));
    ASC_TRY(asc__config_opt_int(j, path, "n_inner", ASC__MOST_INNER, &s->mlp_width, err));
    s->mlp_width = s->mlp_width == 4 * s->width ? 0 : s->mlp_width;
    ASC_TRY(asc__config_eps(j, path, "layer_norm_epsilon", NORM_EPS, &s->norm_eps, err));
    ASC_TRY(asc__config_word(j, path, "activation_function", activations, err));
    ASC_TRY(asc__config_bool(j, path, "scale_attn_weights", true, err));
    ASC_TRY(asc__config_bool(j, path, "scale_attn_by_inverse_layer_idx", false, err));
    return asc__config_bool(j, path, "add_cross_attention", false, err);
}

static const char *const model_types[] = {"gpt2", NULL};

const asc__arch_ops asc__gpt2 = {.table = table,
                                 .layout = layout,
                                 .forward = forward,
                                 .backward = backward,
                                 .to_head = to_head,
                                 .from_head = from_head,
                                 .model_types = model_types,
                                 .read_config = read_config,
                                 .write_config = write_config,
                                 .tied_by_default = true,
                                 .biases_optional = true,
                                 .file_prefix = "transformer.",
                                 .embedding = "wte.weight",
                                 .output = "lm_head.weight",
                                 .norm_eps = NORM_EPS};
