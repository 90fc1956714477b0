/*
 * Llama (Touvron et al. 2302.13971) and what grew out of it: decoder with RMSNorm, rotary positions, SwiGLU,
 * grouped-query attention; options make it Mistral, Qwen2 (biases of q, k, v), Qwen3 (RMSNorm of each head's q and k)
 * and OLMo-2 (RMSNorm of whole q and k, norms after attention and MLP). Weights of linear layers are (out, in). Query,
 * key and value stand one behind another in the table, gate and up too, so that they are one product where that serves.
 */
#include "hf_config.h"
#include "internal.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define NORM_EPS 1e-5 /* where config.json says nothing */

/* Rows of a layer, in the table's order; which there are depends on the spec. */
enum {
    NORM1,
    QUERY,
    KEY,
    VALUE,
    QUERY_B,
    KEY_B,
    VALUE_B,
    PROJ,
    PROJ_B,
    QUERY_NORM,
    KEY_NORM,
    NORM2,
    GATE,
    UP,
    GATE_B,
    UP_B,
    DOWN,
    DOWN_B,
    N_SLOTS
};
enum { EMBEDDING, FIRST_LAYER };

/* Shapes of a call: M rows, C width, Q and KV columns of queries and keys, F the MLP's width. */
typedef struct sizes {
    size_t M, T, C, H, Hkv, d, Q, KV, F;
} sizes;

static sizes sizes_of(const asc_model *m, size_t M, size_t T)
{
    sizes s = {.M = M, .T = T, .C = (size_t)m->spec.width, .H = (size_t)m->spec.n_heads};
    s.Hkv = (size_t)asc_model_kv_heads(&m->spec);
    s.d = (size_t)asc_model_head_dim(&m->spec);
    s.Q = s.H * s.d;
    s.KV = s.Hkv * s.d;
    s.F = (size_t)asc_model_mlp_width(&m->spec);
    assert(s.Hkv > 0 && s.H % s.Hkv == 0 && s.d % 2 == 0 && M <= m->max_rows);
    return s;
}

static size_t tensor(const asc_model *m, size_t layer, int which)
{
    assert(which >= 0 && which < N_SLOTS && m->slots[which] < m->per_layer);
    return m->slots[which] < 0 ? ASC__NONE : FIRST_LAYER + layer * (size_t)m->per_layer + (size_t)m->slots[which];
}

static size_t final_norm(const asc_model *m)
{
    return FIRST_LAYER + (size_t)m->spec.n_layers * (size_t)m->per_layer;
}

static bool norm_after(const asc_model *m)
{
    return m->spec.norm == ASC_NORM_AFTER;
}

/* ---- shape ---- */

static int mlp_width(int width)
{
    return (int)(((int64_t)width * 8 + 191) / 192 * 64); /* 8/3 C up to a multiple of 64 */
}

/* Only what one of transformers' classes computes: a checkpoint must be loaded there as it is. */
static asc_status check_class(const asc_model_spec *s, asc_error *err)
{
    if ((s->norm == ASC_NORM_AFTER) != (s->qk_norm == ASC_QK_NORM_FULL))
        return ASC_FAIL(err, ASC_EINVAL, "norm: after and qk_norm: full go together (OLMo-2)");
    if (s->out_bias && !s->qkv_bias)
        return ASC_FAIL(err, ASC_EINVAL, "out_bias: needs qkv_bias");
    if (s->qk_norm != ASC_QK_NORM_NONE && s->qkv_bias && !s->out_bias)
        return ASC_FAIL(err, ASC_EINVAL, "qkv_bias: with qk_norm it needs out_bias");
    if (s->mlp_bias && (s->qk_norm != ASC_QK_NORM_NONE || (s->qkv_bias && !s->out_bias)))
        return ASC_FAIL(err, ASC_EINVAL, "mlp_bias: does not go with qk_norm, nor with qkv_bias alone");
    if (s->qkv_bias && !s->out_bias && asc_model_head_dim(s) * s->n_heads != s->width)
        return ASC_FAIL(err, ASC_EINVAL, "head_dim: with qkv_bias alone (Qwen2) only width / heads");
    return ASC_OK;
}

static asc_status check(const asc_model_spec *s, asc_error *err)
{
    int kv = asc_model_kv_heads(s), d = asc_model_head_dim(s);
    if (kv > s->n_heads || s->n_heads % kv != 0)
        return ASC_FAIL(err, ASC_EINVAL, "kv_heads: heads %d is not divisible by %d", s->n_heads, kv);
    if (d % 2 != 0)
        return ASC_FAIL(err, ASC_EINVAL, "heads of width %d, which must be even for rotary positions", d);
    if (s->rope_scaling != ASC_ROPE_NONE && !(s->rope_factor > 0))
        return ASC_FAIL(err, ASC_EINVAL, "rope_scaling: needs rope_factor");
    return check_class(s, err);
}

/* ---- table ---- */

/* One row of a layer; cols 0: a vector, of ones where it is a norm's gain. */
typedef struct table_row {
    const char *name; /* behind "layers.N." */
    int64_t rows, cols;
    bool there, joined, residual;
} table_row;

static asc_status add_row(asc_model *m, int layer, const table_row *r, asc_error *err)
{
    bool matrix = r->cols > 0, gain = strstr(r->name, "norm") != NULL;
    double ratio = m->spec.mup ? (double)m->spec.mup_base_width / (double)m->spec.width : 1;
    double sd = .02 * (r->residual ? 1 / sqrt(2.0 * m->spec.n_layers) : 1);
    asc_param p = {.n_dims = matrix ? 2 : 1, .dims = {r->rows, r->cols}, .joined = r->joined, .decay = matrix};
    p.init = matrix ? ASC_INIT_NORMAL : gain ? ASC_INIT_CONST : ASC_INIT_ZERO;
    p.init_value = matrix ? sd * sqrt(ratio) : gain;
    p.lr_scale = matrix ? ratio : 1;
    snprintf(p.name, sizeof p.name, "layers.%d.%s", layer, r->name);
    return asc__add_param(m, p, err);
}

static asc_status add_layer(asc_model *m, int layer, asc_error *err)
{
    const asc_model_spec *s = &m->spec;
    bool after = s->norm == ASC_NORM_AFTER, normed = s->qk_norm != ASC_QK_NORM_NONE,
         full = s->qk_norm == ASC_QK_NORM_FULL;
    int64_t C = s->width, d = asc_model_head_dim(s), Q = s->n_heads * d, KV = asc_model_kv_heads(s) * d;
    int64_t F = asc_model_mlp_width(s);
    const table_row rows[N_SLOTS] = {
        [NORM1] = {after ? "post_attention_layernorm.weight" : "input_layernorm.weight", C, 0, true, false, false},
        [QUERY] = {"self_attn.q_proj.weight", Q, C, true, false, false},
        [KEY] = {"self_attn.k_proj.weight", KV, C, true, true, false},
        [VALUE] = {"self_attn.v_proj.weight", KV, C, true, true, false},
        [QUERY_B] = {"self_attn.q_proj.bias", Q, 0, s->qkv_bias, false, false},
        [KEY_B] = {"self_attn.k_proj.bias", KV, 0, s->qkv_bias, true, false},
        [VALUE_B] = {"self_attn.v_proj.bias", KV, 0, s->qkv_bias, true, false},
        [PROJ] = {"self_attn.o_proj.weight", C, Q, true, false, true},
        [PROJ_B] = {"self_attn.o_proj.bias", C, 0, s->out_bias, false, false},
        [QUERY_NORM] = {"self_attn.q_norm.weight", full ? Q : d, 0, normed, false, false},
        [KEY_NORM] = {"self_attn.k_norm.weight", full ? KV : d, 0, normed, false, false},
        [NORM2] = {after ? "post_feedforward_layernorm.weight" : "post_attention_layernorm.weight", C, 0, true, false,
                   false},
        [GATE] = {"mlp.gate_proj.weight", F, C, true, false, false},
        [UP] = {"mlp.up_proj.weight", F, C, true, true, false},
        [GATE_B] = {"mlp.gate_proj.bias", F, 0, s->mlp_bias, false, false},
        [UP_B] = {"mlp.up_proj.bias", F, 0, s->mlp_bias, true, false},
        [DOWN] = {"mlp.down_proj.weight", C, F, true, false, true},
        [DOWN_B] = {"mlp.down_proj.bias", C, 0, s->mlp_bias, false, false},
    };
    m->per_layer = 0;
    for (int i = 0; i < N_SLOTS; i++) {
        m->slots[i] = rows[i].there ? m->per_layer++ : -1;
        if (rows[i].there)
            ASC_TRY(add_row(m, layer, &rows[i], err));
    }
    return ASC_OK;
}

/* With µP the head's 1/width multiplier stands in the final norm's gain, as in GPT-2. */
static asc_status table(asc_model *m, asc_error *err)
{
    const asc_model_spec *s = &m->spec;
    double out = s->mup ? (double)s->mup_base_width / (double)s->width : 1;
    asc_param p = {.name = "embed_tokens.weight", .n_dims = 2, .dims = {s->vocab, s->width}, .init = ASC_INIT_NORMAL};
    p.init_value = .02;
    p.decay = true;
    p.lr_scale = 1;
    p.part = ASC_PART_EMBEDDING;
    m->embedding = EMBEDDING;
    ASC_TRY(asc__add_param(m, p, err));
    for (int l = 0; l < s->n_layers; l++)
        ASC_TRY(add_layer(m, l, err));
    asc_param norm = {.name = "norm.weight", .n_dims = 1, .dims = {s->width}, .init = ASC_INIT_CONST};
    norm.init_value = norm.lr_scale = out;
    ASC_TRY(asc__add_param(m, norm, err));
    return asc__add_output(m, "lm_head.weight", .02, 1, err);
}

/* ---- memory ---- */

static asc__layer_acts take_layer(const asc_model *m, asc__layout *at)
{
    sizes s = sizes_of(m, m->max_rows, 0);
    asc__layer_acts a = {0};
    bool full = m->spec.qk_norm == ASC_QK_NORM_FULL;
    a.ln1 = asc__take(at, s.M * s.C); /* norm after: attention's output before it */
    a.rstd1 = asc__take(at, s.M);
    a.qkv = asc__take(at, s.M * (s.Q + 2 * s.KV));
    a.att = asc__take(at, s.M * s.Q);
    a.lse = asc__take(at, s.M * s.H);
    a.mid = asc__take(at, s.M * s.C);
    a.ln2 = asc__take(at, s.M * s.C); /* norm after: the MLP's output before it */
    a.rstd2 = asc__take(at, s.M);
    a.gate = asc__take(at, s.M * s.F);
    a.fc = asc__take(at, s.M * s.F);
    a.act = asc__take(at, s.M * s.F);
    if (m->spec.qk_norm != ASC_QK_NORM_NONE) {
        a.raw = asc__take(at, s.M * (s.Q + s.KV));
        a.rstd_q = asc__take(at, s.M * (full ? 1 : s.H));
        a.rstd_k = asc__take(at, s.M * (full ? 1 : s.Hkv));
    }
    return a;
}

static size_t most(size_t a, size_t b)
{
    return a > b ? a : b;
}

static void layout(asc_model *m, asc__layout *at)
{
    sizes s = sizes_of(m, m->max_rows, 0);
    size_t L = (size_t)m->spec.n_layers, angles = (size_t)m->spec.context * (s.d / 2);
    bool train = m->opts.training, keep = train && !m->spec.recompute;
    float *shared_residual = train ? NULL : asc__take(at, s.M * s.C);
    asc__layer_acts shared = {0};
    if (!keep)
        shared = take_layer(m, at);
    for (size_t l = 0; l <= L; l++) {
        m->residual[l] = train ? asc__take(at, s.M * s.C) : shared_residual;
        if (l < L)
            m->acts[l] = keep ? take_layer(m, at) : shared;
    }
    m->cosine = asc__take(at, angles);
    m->sine = asc__take(at, angles);
    m->hidden = m->trunk = asc__take(at, s.M * s.C);
    m->rstd_f = asc__take(at, s.M);
    if (train) {
        m->d_hidden = m->d_trunk = asc__take(at, s.M * most(s.C, s.Q));
        m->d_res = asc__take(at, s.M * s.C);
        m->d_wide = asc__take(at, s.M * most(2 * s.F, s.Q + 2 * s.KV));
        m->d_row = m->d_hidden; /* free again once the final norm is behind */
        m->d_att = norm_after(m) ? asc__take(at, s.M * s.Q) : m->d_row;
        m->ln_partial = asc__take(at, (s.M / ASC_LN_CHUNK + 1) * most(s.C, s.Q));
    }
}

/* The angle per position of column pair i, after llama3's way (transformers' modeling_rope_utils): long waves are
 * slowed by the factor, short ones kept, those between blended. */
static double llama3_frequency(const asc_model_spec *s, double f)
{
    assert(f > 0 && s->rope_factor > 0);
    asc_rope_values r = asc_model_rope(s);
    double wave = 2 * 3.14159265358979323846 / f;
    if (wave < r.original / r.high)
        return f;
    if (wave > r.original / r.low)
        return f / s->rope_factor;
    double blend = (r.original / wave - r.low) / (r.high - r.low);
    return (1 - blend) * f / s->rope_factor + blend * f;
}

/* Frequencies and angles are rounded to float where transformers rounds them. */
static void start(asc_model *m)
{
    const asc_model_spec *s = &m->spec;
    size_t half = (size_t)asc_model_head_dim(s) / 2;
    double theta = asc_model_rope(s).theta;
    for (size_t i = 0; i < half; i++) {
        double f = (double)(float)pow(theta, -(double)i / (double)half);
        if (s->rope_scaling == ASC_ROPE_LINEAR)
            f /= s->rope_factor;
        if (s->rope_scaling == ASC_ROPE_LLAMA3)
            f = llama3_frequency(s, f);
        for (size_t t = 0; t < (size_t)s->context; t++) {
            double angle = (double)((float)t * (float)f);
            m->cosine[t * half + i] = (float)cos(angle);
            m->sine[t * half + i] = (float)sin(angle);
        }
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
    size_t C = (size_t)j->m->spec.width, T = (size_t)j->b->T, begin, end;
    asc_part_range((size_t)j->b->B * T, 8, part, n_parts, &begin, &end);
    for (size_t r = begin; r < end; r++)
        memcpy(j->m->residual[0] + r * C, asc__p(j->m, EMBEDDING) + (size_t)j->b->ids[r / T * j->b->ld_ids + r % T] * C,
               C * sizeof(float));
}

/* Each thread owns some columns, so that sums have one order. */
static void run_embed_backward(void *ctx, size_t part, size_t n_parts)
{
    embed_job *j = ctx;
    asc_model *m = j->m;
    size_t C = (size_t)m->spec.width, T = (size_t)j->b->T, B = (size_t)j->b->B, begin, end;
    float *words = asc__g(m, EMBEDDING);
    asc_part_range(C, 16, part, n_parts, &begin, &end);
    if (!m->grads_started && !asc__is_tied(m)) /* else the head's gradient stands there */
        for (size_t v = 0; v < (size_t)m->spec.vocab; v++)
            memset(words + v * C + begin, 0, (end - begin) * sizeof *words);
    for (size_t r = 0; r < B * T; r++) {
        const float *d = m->d_res + r * C;
        float *word = words + (size_t)j->b->ids[r / T * j->b->ld_ids + r % T] * C;
        for (size_t i = begin; i < end; i++)
            word[i] += d[i];
    }
}

/* ---- layers ---- */

static asc_attention attention_of(const asc_model *m, const asc_batch *b, const asc__layer_acts *a)
{
    int d = asc_model_head_dim(&m->spec);
    asc_attention x = {.B = b->B, .T = b->T, .H = m->spec.n_heads, .H_kv = asc_model_kv_heads(&m->spec), .d = d};
    x.causal = true;
    x.scale = 1 / sqrtf((float)d);
    x.qkv = a->qkv;
    x.out = a->att;
    x.lse = a->lse;
    return x;
}

/* The norms of q (which = QUERY_NORM) and k, from a->raw to `to`, a row of q, k, v. */
static asc__rms qk_norm(const asc_model *m, size_t l, int which, const sizes *s)
{
    bool full = m->spec.qk_norm == ASC_QK_NORM_FULL;
    assert(which == QUERY_NORM || which == KEY_NORM);
    size_t heads = which == QUERY_NORM ? s->H : s->Hkv;
    return (asc__rms){tensor(m, l, which), s->M, full ? 1 : heads, s->Q + s->KV, s->Q + 2 * s->KV};
}

/* x (M,C) to a->qkv, normed and turned. */
static void queries_keys_values(asc_model *m, size_t l, const sizes *s, asc__layer_acts *a, const float *x)
{
    size_t ld = s->Q + 2 * s->KV;
    if (m->spec.qk_norm == ASC_QK_NORM_NONE) {
        asc__linear all = {s->M, s->C, ld, tensor(m, l, QUERY), tensor(m, l, QUERY_B), 0};
        asc__linear_forward(m, &all, a->qkv, x, ASC_EPI_BIAS, NULL, NULL);
    } else {
        asc__linear qk = {s->M, s->C, s->Q + s->KV, tensor(m, l, QUERY), tensor(m, l, QUERY_B), 0};
        asc__linear v = {s->M, s->C, s->KV, tensor(m, l, VALUE), tensor(m, l, VALUE_B), ld};
        asc__rms q_norm = qk_norm(m, l, QUERY_NORM, s), k_norm = qk_norm(m, l, KEY_NORM, s);
        asc__linear_forward(m, &qk, a->raw, x, ASC_EPI_BIAS, NULL, NULL);
        asc__linear_forward(m, &v, a->qkv + s->Q + s->KV, x, ASC_EPI_BIAS, NULL, NULL);
        asc__rmsnorm(m, &q_norm, a->qkv, a->rstd_q, a->raw, NULL);
        asc__rmsnorm(m, &k_norm, a->qkv + s->Q, a->rstd_k, a->raw + s->Q, NULL);
    }
    asc__rope(m, a->qkv, ld, s->H + s->Hkv, s->d, s->d / 2, s->M, s->T, false);
}

/* x (M,C) to a->act (M,F) = silu(gate) up. */
static void gated(asc_model *m, size_t l, const sizes *s, asc__layer_acts *a, const float *x)
{
    asc__linear up = {s->M, s->C, s->F, tensor(m, l, UP), tensor(m, l, UP_B), 0};
    asc__linear gate = {s->M, s->C, s->F, tensor(m, l, GATE), tensor(m, l, GATE_B), 0};
    asc__linear_forward(m, &up, a->fc, x, ASC_EPI_BIAS, NULL, NULL);
    asc__linear_forward(m, &gate, a->gate, x, ASC_EPI_SWIGLU, a->fc, a->act);
}

static asc__rms whole_rows(size_t gain, const sizes *s)
{
    return (asc__rms){gain, s->M, 1, s->C, s->C};
}

/* residual[l] -> residual[l+1]; `whole` false (recomputation): without the final sum, where nothing else needs it. */
static void layer_forward(asc_model *m, size_t l, const asc_batch *b, bool whole)
{
    sizes s = sizes_of(m, (size_t)b->B * (size_t)b->T, (size_t)b->T);
    asc__layer_acts *a = &m->acts[l];
    assert(l < (size_t)m->spec.n_layers);
    const float *x = m->residual[l];
    bool after = norm_after(m);
    asc__rms norm1 = whole_rows(tensor(m, l, NORM1), &s), norm2 = whole_rows(tensor(m, l, NORM2), &s);
    asc__linear proj = {s.M, s.Q, s.C, tensor(m, l, PROJ), tensor(m, l, PROJ_B), 0};
    asc__linear down = {s.M, s.F, s.C, tensor(m, l, DOWN), tensor(m, l, DOWN_B), 0};
    if (!after)
        asc__rmsnorm(m, &norm1, a->ln1, a->rstd1, x, NULL);
    queries_keys_values(m, l, &s, a, after ? x : a->ln1);
    asc_attention att = attention_of(m, b, a);
    asc__attention_forward(m, &att);
    if (after) {
        asc__linear_forward(m, &proj, a->ln1, a->att, ASC_EPI_BIAS, NULL, NULL);
        asc__rmsnorm(m, &norm1, a->mid, a->rstd1, a->ln1, x);
    } else {
        asc__linear_forward(m, &proj, a->mid, a->att, ASC_EPI_RESIDUAL, x, NULL);
        asc__rmsnorm(m, &norm2, a->ln2, a->rstd2, a->mid, NULL);
    }
    gated(m, l, &s, a, after ? a->mid : a->ln2);
    if (after) {
        asc__linear_forward(m, &down, a->ln2, a->act, ASC_EPI_BIAS, NULL, NULL);
        asc__rmsnorm(m, &norm2, m->residual[l + 1], a->rstd2, a->ln2, a->mid);
    } else if (whole) {
        asc__linear_forward(m, &down, m->residual[l + 1], a->act, ASC_EPI_RESIDUAL, a->mid, NULL);
    }
}

/* dx (M,K) = or += dy W */
static void product_dx(asc_model *m, const asc__linear *l, float *dx, const float *dy, bool accumulate)
{
    asc_gemm g = asc__linear_dx(m, l, dx, dy);
    g.accumulate = accumulate;
    asc__gemm(m, &g, ASC__STAGE_LINEAR_DX);
}

/* dy (M,C) through the MLP: dx (M,C) = or += the gradient at its input x. */
static void mlp_backward(asc_model *m, size_t l, const sizes *s, float *dx, const float *dy, const float *x,
                         bool accumulate)
{
    asc__layer_acts *a = &m->acts[l];
    assert(dx != m->d_wide && dy != m->d_wide); /* where the gradients of gate and up go */
    asc__linear down = {s->M, s->F, s->C, tensor(m, l, DOWN), tensor(m, l, DOWN_B), 0};
    asc__linear both = {s->M, s->C, 2 * s->F, tensor(m, l, GATE), tensor(m, l, GATE_B), 0};
    asc__linear_dw(m, &down, dy, a->act);
    asc_gemm g = asc__linear_dx(m, &down, m->d_wide, dy); /* d gate | d up, rows 2F apart */
    g.ldc = g.ld_out = 2 * s->F;
    g.epilogue = ASC_EPI_DSWIGLU;
    g.aux_in = a->gate;
    g.aux_in2 = a->fc;
    g.aux_out = m->d_wide + s->F;
    asc__gemm(m, &g, ASC__STAGE_LINEAR_DX);
    asc__linear_dw(m, &both, m->d_wide, x);
    product_dx(m, &both, dx, m->d_wide, accumulate);
}

/* The same through attention. */
static void attention_backward(asc_model *m, size_t l, const sizes *s, const asc_batch *b, float *dx, const float *dy,
                               const float *x, bool accumulate)
{
    asc__layer_acts *a = &m->acts[l];
    assert(dx != m->d_wide && dy != m->d_wide);
    size_t ld = s->Q + 2 * s->KV;
    asc__linear proj = {s->M, s->Q, s->C, tensor(m, l, PROJ), tensor(m, l, PROJ_B), 0};
    asc__linear qkv = {s->M, s->C, ld, tensor(m, l, QUERY), tensor(m, l, QUERY_B), 0};
    asc_attention att = attention_of(m, b, a);
    asc__linear_dw(m, &proj, dy, a->att);
    product_dx(m, &proj, m->d_att, dy, false);
    att.dout = m->d_att;
    att.dqkv = m->d_wide;
    asc__attention_backward(m, &att);
    asc__rope(m, m->d_wide, ld, s->H + s->Hkv, s->d, s->d / 2, s->M, s->T, true);
    if (m->spec.qk_norm != ASC_QK_NORM_NONE) {
        asc__rms q_norm = qk_norm(m, l, QUERY_NORM, s), k_norm = qk_norm(m, l, KEY_NORM, s);
        asc__rmsnorm_backward(m, &q_norm, m->d_wide, m->d_wide, a->raw, a->rstd_q, false);
        asc__rmsnorm_backward(m, &k_norm, m->d_wide + s->Q, m->d_wide + s->Q, a->raw + s->Q, a->rstd_k, false);
    }
    asc__linear_dw(m, &qkv, m->d_wide, x);
    product_dx(m, &qkv, dx, m->d_wide, accumulate);
}

/* d_res: gradient of residual[l+1] in, of residual[l] out. */
static void layer_backward(asc_model *m, size_t l, const asc_batch *b)
{
    sizes s = sizes_of(m, (size_t)b->B * (size_t)b->T, (size_t)b->T);
    asc__layer_acts *a = &m->acts[l];
    asc__rms norm1 = whole_rows(tensor(m, l, NORM1), &s), norm2 = whole_rows(tensor(m, l, NORM2), &s);
    float *d = m->d_res, *row = m->d_row;
    if (norm_after(m)) {
        asc__rmsnorm_backward(m, &norm2, row, d, a->ln2, a->rstd2, false);
        mlp_backward(m, l, &s, d, row, a->mid, true);
        asc__rmsnorm_backward(m, &norm1, row, d, a->ln1, a->rstd1, false);
        attention_backward(m, l, &s, b, d, row, m->residual[l], true);
    } else {
        mlp_backward(m, l, &s, row, d, a->ln2, false);
        asc__rmsnorm_backward(m, &norm2, d, row, a->mid, a->rstd2, true);
        attention_backward(m, l, &s, b, row, d, a->ln1, false);
        asc__rmsnorm_backward(m, &norm1, d, row, m->residual[l], a->rstd1, true);
    }
}

/* ---- the whole ---- */

static void forward(asc_model *m, const asc_batch *b)
{
    size_t M = (size_t)b->B * (size_t)b->T, L = (size_t)m->spec.n_layers;
    sizes s = sizes_of(m, M, (size_t)b->T);
    asc__rms norm = whole_rows(final_norm(m), &s);
    embed_job j = {m, b};
    asc__stage_begin(m);
    asc_pool_run(m->pool, run_embed, &j);
    asc__stage_end(m, ASC__STAGE_EMBEDDING, 0, 2. * (double)(M * s.C));
    for (size_t l = 0; l < L; l++)
        layer_forward(m, l, b, true);
    asc__rmsnorm(m, &norm, m->trunk, m->rstd_f, m->residual[L], NULL);
}

static void backward(asc_model *m, const asc_batch *b)
{
    size_t M = (size_t)b->B * (size_t)b->T, L = (size_t)m->spec.n_layers;
    sizes s = sizes_of(m, M, (size_t)b->T);
    asc__rms norm = whole_rows(final_norm(m), &s);
    asc__rmsnorm_backward(m, &norm, m->d_res, m->d_trunk, m->residual[L], m->rstd_f, false);
    for (size_t l = L; l-- > 0;) {
        if (m->spec.recompute)
            layer_forward(m, l, b, false);
        layer_backward(m, l, b);
    }
    embed_job j = {m, b};
    asc__stage_begin(m);
    asc_pool_run(m->pool, run_embed_backward, &j);
    asc__stage_end(m, ASC__STAGE_EMBEDDING, 0, 3. * (double)(M * s.C));
}

static void to_head(asc_model *m)
{
    asc__gather_rows(m, m->hidden, m->trunk);
}

static void from_head(asc_model *m, size_t M)
{
    asc__scatter_rows(m, m->d_trunk, m->d_hidden, M);
}

/* ---- config.json ---- */

/* Which of transformers' classes a shape is; asc_model_spec_check lets only such shapes through. */
typedef struct class
{
    const char *type, *name;
} class;

static class class_of(const asc_model_spec *s)
{
    if (s->norm == ASC_NORM_AFTER)
        return (class){"olmo2", "Olmo2ForCausalLM"};
    if (s->qk_norm == ASC_QK_NORM_HEAD)
        return (class){"qwen3", "Qwen3ForCausalLM"};
    if (s->qkv_bias && !s->out_bias)
        return (class){"qwen2", "Qwen2ForCausalLM"};
    return (class){"llama", "LlamaForCausalLM"};
}

static json_t *scaling_json(const asc_model_spec *s)
{
    if (s->rope_scaling == ASC_ROPE_NONE)
        return json_null();
    if (s->rope_scaling == ASC_ROPE_LINEAR)
        return json_pack("{s:s, s:f}", "rope_type", "linear", "factor", s->rope_factor);
    asc_rope_values r = asc_model_rope(s);
    return json_pack("{s:s, s:f, s:f, s:f, s:i}", "rope_type", "llama3", "factor", s->rope_factor, "low_freq_factor",
                     r.low, "high_freq_factor", r.high, "original_max_position_embeddings", r.original);
}

static json_t *write_config(const asc_model_spec *s)
{
    class c = class_of(s);
    json_t *j = json_pack(
        "{s:[s], s:s, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:s, s:f, s:f, s:o, s:b, s:f, s:f, s:n, s:n, s:n, s:s, "
        "s:b}",
        "architectures", c.name, "model_type", c.type, "vocab_size", s->vocab, "max_position_embeddings", s->context,
        "hidden_size", s->width, "num_hidden_layers", s->n_layers, "num_attention_heads", s->n_heads,
        "num_key_value_heads", asc_model_kv_heads(s), "head_dim", asc_model_head_dim(s), "intermediate_size",
        asc_model_mlp_width(s), "hidden_act", "silu", "rms_norm_eps", asc_model_norm_eps(s), "rope_theta",
        asc_model_rope(s).theta, "rope_scaling", scaling_json(s), "attention_bias", s->qkv_bias && s->out_bias,
        "attention_dropout", 0.0, "initializer_range", 0.02, "bos_token_id", "eos_token_id", "pad_token_id",
        "torch_dtype", "float32", "tie_word_embeddings", !s->untied);
    if (j && strcmp(c.type, "llama") == 0)
        json_object_set_new(j, "mlp_bias", json_boolean(s->mlp_bias));
    if (j && strncmp(c.type, "qwen", 4) == 0)
        json_object_set_new(j, "use_sliding_window", json_false());
    return j;
}

static asc_status read_scaling(asc_model_spec *s, const json_t *x, const char *path, asc_error *err)
{
    const char *type = json_string_value(json_object_get(x, "rope_type"));
    if (!type)
        type = json_string_value(json_object_get(x, "type"));
    if (!type && json_object_get(x, "factor"))
        return ASC_FAIL(err, ASC_EINVAL, "%s: rope_scaling: a factor without rope_type", path);
    if (!type || strcmp(type, "default") == 0)
        return ASC_OK;
    bool linear = strcmp(type, "linear") == 0;
    if (!linear && strcmp(type, "llama3") != 0)
        return ASC_FAIL(err, ASC_EINVAL, "%s: rope_scaling '%.40s': only linear and llama3 are supported", path, type);
    s->rope_scaling = linear ? ASC_ROPE_LINEAR : ASC_ROPE_LLAMA3;
    s->rope_factor = 1;
    ASC_TRY(asc__config_real(x, path, "factor", 1e-6, 1e6, &s->rope_factor, err));
    if (linear)
        return ASC_OK;
    ASC_TRY(asc__config_real(x, path, "low_freq_factor", 1e-6, 1e6, &s->rope_low, err));
    ASC_TRY(asc__config_real(x, path, "high_freq_factor", 1e-6, 1e6, &s->rope_high, err));
    return asc__config_opt_int(x, path, "original_max_position_embeddings", 1 << 30, &s->rope_original, err);
}

/* transformers 5 keeps all of it in rope_parameters, 4 in rope_theta and rope_scaling. */
static asc_status read_rope(asc_model_spec *s, const json_t *j, const char *path, asc_error *err)
{
    const json_t *all = json_object_get(j, "rope_parameters"), *scaling = json_object_get(j, "rope_scaling");
    double share = 1;
    ASC_TRY(asc__config_map(j, path, "rope_parameters", err));
    ASC_TRY(asc__config_map(j, path, "rope_scaling", err));
    s->rope_theta = 10000;
    ASC_TRY(asc__config_real(j, path, "rope_theta", 1, 1e12, &s->rope_theta, err));
    ASC_TRY(asc__config_real(j, path, "partial_rotary_factor", 0, 1, &share, err));
    if (json_is_object(all)) {
        ASC_TRY(asc__config_real(all, path, "rope_theta", 1, 1e12, &s->rope_theta, err));
        ASC_TRY(asc__config_real(all, path, "partial_rotary_factor", 0, 1, &share, err));
    }
    if (share != 1)
        return ASC_FAIL(err, ASC_EINVAL, "%s: field 'partial_rotary_factor': found %g, only 1 is supported", path,
                        share);
    s->rope_theta = s->rope_theta == 10000 ? 0 : s->rope_theta;
    return read_scaling(s, json_is_object(all) ? all : scaling, path, err);
}

/* Up to its width a sliding window sees what full attention sees: sequences are kept that short. */
static asc_status read_window(asc_model_spec *s, const json_t *j, const char *path, bool by_default, asc_error *err)
{
    const json_t *types = json_object_get(j, "layer_types");
    bool used = by_default;
    int window = s->context;
    ASC_TRY(asc__config_flag(j, path, "use_sliding_window", &used, err));
    for (size_t i = 0; i < json_array_size(types); i++) {
        const char *type = json_string_value(json_array_get(types, i));
        bool slides = type && strcmp(type, "sliding_attention") == 0;
        if (!type || (!slides && strcmp(type, "full_attention") != 0))
            return ASC_FAIL(err, ASC_EINVAL,
                            "%s: layer_types[%zu]: only full_attention and sliding_attention are supported", path, i);
        used = used || slides;
    }
    ASC_TRY(asc__config_opt_int(j, path, "sliding_window", ASC__MOST_CONTEXT, &window, err));
    s->context = used && window < s->context ? window : s->context;
    return ASC_OK;
}

static asc_status read_shape(asc_model_spec *s, const json_t *j, const char *path, asc_error *err)
{
    ASC_TRY(asc__config_int(j, path, "vocab_size", ASC__MOST_VOCAB, &s->vocab, err));
    ASC_TRY(asc__config_int(j, path, "max_position_embeddings", ASC__MOST_CONTEXT, &s->context, err));
    ASC_TRY(asc__config_int(j, path, "hidden_size", ASC__MOST_WIDTH, &s->width, err));
    ASC_TRY(asc__config_int(j, path, "num_hidden_layers", ASC__MOST_LAYERS, &s->n_layers, err));
    ASC_TRY(asc__config_int(j, path, "num_attention_heads", ASC__MOST_LAYERS, &s->n_heads, err));
    ASC_TRY(asc__config_opt_int(j, path, "num_key_value_heads", ASC__MOST_LAYERS, &s->n_kv_heads, err));
    ASC_TRY(asc__config_opt_int(j, path, "head_dim", 4096, &s->head_dim, err));
    ASC_TRY(asc__config_int(j, path, "intermediate_size", ASC__MOST_INNER, &s->mlp_width, err));
    s->n_kv_heads = s->n_kv_heads == s->n_heads ? 0 : s->n_kv_heads;
    s->head_dim = s->head_dim * s->n_heads == s->width ? 0 : s->head_dim;
    int given = s->mlp_width;
    s->mlp_width = 0;
    s->mlp_width = asc_model_mlp_width(s) == given ? 0 : given;
    return ASC_OK;
}

static asc_status read_config(asc_model_spec *s, const json_t *j, const char *path, asc_error *err)
{
    static const char *const activations[] = {"silu", "swish", NULL};
    const char *type = json_string_value(json_object_get(j, "model_type"));
    bool olmo = strcmp(type, "olmo2") == 0, qwen2 = strcmp(type, "qwen2") == 0, bias = false;
    double eps = olmo ? 1e-5 : 1e-6; /* each class's own */
    ASC_TRY(read_shape(s, j, path, err));
    ASC_TRY(asc__config_word(j, path, "hidden_act", activations, err));
    ASC_TRY(asc__config_real(j, path, "rms_norm_eps", 1e-20, 1, &eps, err));
    s->norm_eps = fabs(eps - NORM_EPS) <= 1e-9 * NORM_EPS ? 0 : eps;
    ASC_TRY(asc__config_flag(j, path, "attention_bias", &bias, err));
    s->qkv_bias = qwen2 || bias;
    s->out_bias = !qwen2 && bias;
    if (strcmp(type, "llama") == 0)
        ASC_TRY(asc__config_flag(j, path, "mlp_bias", &s->mlp_bias, err));
    s->qk_norm = olmo ? ASC_QK_NORM_FULL : strcmp(type, "qwen3") == 0 ? ASC_QK_NORM_HEAD : ASC_QK_NORM_NONE;
    s->norm = olmo ? ASC_NORM_AFTER : ASC_NORM_BEFORE;
    ASC_TRY(read_rope(s, j, path, err));
    return read_window(s, j, path, strcmp(type, "mistral") == 0, err);
}

static const char *const model_types[] = {"llama", "mistral", "qwen2", "qwen3", "olmo2", NULL};

const asc__arch_ops asc__llama = {.table = table,
                                  .layout = layout,
                                  .start = start,
                                  .forward = forward,
                                  .backward = backward,
                                  .to_head = to_head,
                                  .from_head = from_head,
                                  .weights_out_in = true,
                                  .model_types = model_types,
                                  .read_config = read_config,
                                  .write_config = write_config,
                                  .file_prefix = "model.",
                                  .embedding = "embed_tokens.weight",
                                  .output = "lm_head.weight",
                                  .norm_eps = NORM_EPS,
                                  .mlp_width = mlp_width,
                                  .check = check,
                                  .all_keys = true,
                                  .any_context = true};
