/* Device operations as the architectures call them: spread over the model's threads, their time booked by stage. */
#include "internal.h"

#include <assert.h>

void asc__stage_begin(asc_model *m)
{
    if (m->timing)
        m->clock = asc_thread_cpu_s();
}

void asc__stage_end(asc_model *m, asc__stage stage, double flop, double floats)
{
    assert((unsigned)stage < ASC__STAGES);
    if (!m->timing)
        return;
    m->seconds[stage] += asc_thread_cpu_s() - m->clock;
    m->gflop[stage] += flop * 1e-9;
    m->gbytes[stage] += floats * sizeof(float) * 1e-9;
}

void *asc__scratch(asc_model *m, size_t part)
{
    assert(part < (size_t)m->opts.threads);
    return m->scratch + part * m->scratch_size;
}

/* ---- linear ---- */

typedef struct gemm_job {
    asc_model *m;
    const asc_gemm *g;
} gemm_job;

static void run_gemm(void *ctx, size_t part, size_t n_parts)
{
    gemm_job *j = ctx;
    asc_gemm_run(j->m->kernels, j->g, asc__scratch(j->m, part), part, n_parts);
}

/* A, B, C (read as well where it is added to) and what the epilogue reads or writes beside it. */
static double gemm_floats(const asc_gemm *g)
{
    double m = (double)g->m, n = (double)g->n, k = (double)g->k;
    return m * k + k * n +
           m * n * (1 + g->accumulate + (g->aux_in || g->aux_out) + (g->aux_in && g->aux_out) + (g->aux_in2 != NULL));
}

void asc__gemm(asc_model *m, const asc_gemm *g, asc__stage stage)
{
    gemm_job j = {m, g};
    asc__stage_begin(m);
    asc_pool_run(m->pool, run_gemm, &j);
    asc__stage_end(m, stage, 2.0 * (double)g->m * (double)g->n * (double)g->k, gemm_floats(g));
}

void asc__linear_forward(asc_model *m, const asc__linear *l, float *y, const float *x, asc_epilogue epilogue,
                         const float *aux_in, float *aux_out)
{
    assert(l->M <= m->max_rows && m->table[l->weight].offset + l->K * l->N <= m->n_flat);
    asc_gemm g = {.m = l->M, .n = l->N, .k = l->K, .a = x, .lda = l->K, .b = asc__p(m, l->weight)};
    g.ldb = m->arch->weights_out_in ? l->K : l->N;
    g.b_transposed = m->arch->weights_out_in;
    g.c = y;
    g.ldc = l->ld_y ? l->ld_y : l->N;
    g.ld_aux = l->N;
    g.bias = l->bias == ASC__NONE ? NULL : asc__p(m, l->bias);
    g.epilogue = epilogue;
    g.aux_in = aux_in;
    g.aux_out = aux_out;
    asc__gemm(m, &g, ASC__STAGE_LINEAR_FORWARD);
}

typedef struct column_job {
    asc_model *m;
    float *out;
    const float *x;
    size_t ld, R, n;
    bool accumulate;
} column_job;

static void run_column_sum(void *ctx, size_t part, size_t n_parts)
{
    column_job *j = ctx;
    asc_column_sum(j->m->kernels, j->out, j->x, j->ld, j->R, j->n, j->accumulate, part, n_parts);
}

void asc__linear_dw(asc_model *m, const asc__linear *l, const float *dy, const float *x)
{
    assert(l->M <= m->max_rows && m->table[l->weight].offset + l->K * l->N <= m->n_flat);
    size_t ld = l->ld_y ? l->ld_y : l->N;
    /* dW (K,N) = x^T dy, or (N,K) = dy^T x */
    asc_gemm w = {.m = l->K, .n = l->N, .k = l->M, .a = x, .lda = l->K, .a_transposed = true, .b = dy, .ldb = ld};
    if (m->arch->weights_out_in)
        w = (asc_gemm){.m = l->N, .n = l->K, .k = l->M, .a = dy, .lda = ld, .a_transposed = true, .b = x, .ldb = l->K};
    w.c = asc__g(m, l->weight);
    w.ldc = w.n;
    w.accumulate = m->grads_started;
    asc__gemm(m, &w, ASC__STAGE_LINEAR_DW);
    if (l->bias == ASC__NONE)
        return;
    column_job bias = {m, asc__g(m, l->bias), dy, ld, l->M, l->N, m->grads_started};
    asc__stage_begin(m);
    asc_pool_run(m->pool, run_column_sum, &bias);
    asc__stage_end(m, ASC__STAGE_BIAS_GRADIENT, 0, (double)l->M * (double)l->N);
}

asc_gemm asc__linear_dx(asc_model *m, const asc__linear *l, float *dx, const float *dy)
{
    asc_gemm g = {.m = l->M, .n = l->K, .k = l->N, .a = dy, .lda = l->ld_y ? l->ld_y : l->N, .b = asc__p(m, l->weight)};
    g.ldb = m->arch->weights_out_in ? l->K : l->N;
    g.b_transposed = !m->arch->weights_out_in;
    g.c = dx;
    g.ldc = g.ld_aux = l->K;
    return g;
}

void asc__linear_backward(asc_model *m, const asc__linear *l, float *dx, const float *dy, const float *x,
                          asc_epilogue epilogue, const float *aux_in)
{
    asc__linear_dw(m, l, dy, x);
    if (!dx)
        return;
    asc_gemm g = asc__linear_dx(m, l, dx, dy);
    g.epilogue = epilogue;
    g.aux_in = aux_in;
    asc__gemm(m, &g, ASC__STAGE_LINEAR_DX);
}

/* ---- layer normalisation ---- */

typedef struct norm_job {
    asc_model *m;
    float *y, *mean, *rstd; /* forward */
    float *dx;              /* backward */
    const float *dy, *x, *kept_mean, *kept_rstd, *gain, *bias;
    size_t M;
    float eps;
    bool accumulate;
} norm_job;

static void run_norm(void *ctx, size_t part, size_t n_parts)
{
    norm_job *j = ctx;
    asc_layernorm_forward(j->m->kernels, j->y, j->mean, j->rstd, j->x, j->gain, j->bias, j->M, (size_t)j->m->spec.width,
                          j->eps, part, n_parts);
}

void asc__layernorm(asc_model *m, size_t gain, float *y, float *mean, float *rstd, const float *x, size_t M, float eps)
{
    assert(m->table[gain].n == (size_t)m->spec.width && m->table[gain + 1].n == (size_t)m->spec.width);
    norm_job j = {.m = m, .y = y, .mean = mean, .rstd = rstd, .x = x, .M = M, .eps = eps};
    j.gain = asc__p(m, gain);
    j.bias = asc__p(m, gain + 1);
    asc__stage_begin(m);
    asc_pool_run(m->pool, run_norm, &j);
    asc__stage_end(m, ASC__STAGE_LAYERNORM, 0, 2. * (double)M * m->spec.width);
}

static void run_norm_backward(void *ctx, size_t part, size_t n_parts)
{
    norm_job *j = ctx;
    asc_layernorm_backward(j->m->kernels, j->dx, j->m->ln_partial, j->dy, j->x, j->kept_mean, j->kept_rstd, j->gain,
                           j->M, (size_t)j->m->spec.width, j->accumulate, part, n_parts);
}

void asc__layernorm_backward(asc_model *m, size_t gain, float *dx, const float *dy, const float *x, const float *mean,
                             const float *rstd, size_t M, bool accumulate)
{
    size_t C = (size_t)m->spec.width, chunks = (M + ASC_LN_CHUNK - 1) / ASC_LN_CHUNK;
    assert(M > 0 && M <= m->max_rows && m->table[gain].n == C && m->table[gain + 1].n == C);
    norm_job j = {.m = m, .dx = dx, .dy = dy, .x = x, .kept_mean = mean, .kept_rstd = rstd, .M = M};
    j.gain = asc__p(m, gain);
    j.accumulate = accumulate;
    asc__stage_begin(m);
    asc_pool_run(m->pool, run_norm_backward, &j);
    asc_column_sum(m->kernels, asc__g(m, gain), m->ln_partial, 2 * C, chunks, C, m->grads_started, 0, 1);
    asc_column_sum(m->kernels, asc__g(m, gain + 1), m->ln_partial + C, 2 * C, chunks, C, m->grads_started, 0, 1);
    asc__stage_end(m, ASC__STAGE_LAYERNORM_BACKWARD, 0, (3. + accumulate) * (double)M * m->spec.width);
}

/* ---- RMS normalisation, rotary positions ---- */

typedef struct rms_job {
    asc_model *m;
    const asc_rmsnorm *n;
} rms_job;

static void run_rms(void *ctx, size_t part, size_t n_parts)
{
    rms_job *j = ctx;
    asc_rmsnorm_forward(j->m->kernels, j->n, part, n_parts);
}

static void run_rms_backward(void *ctx, size_t part, size_t n_parts)
{
    rms_job *j = ctx;
    asc_rmsnorm_backward(j->m->kernels, j->n, part, n_parts);
}

static asc_rmsnorm rms_of(asc_model *m, const asc__rms *n)
{
    assert(n->M <= m->max_rows && n->G * m->table[n->gain].n <= n->ld_x && n->G * m->table[n->gain].n <= n->ld_y);
    asc_rmsnorm r = {.R = n->M, .G = n->G, .C = m->table[n->gain].n, .ld_x = n->ld_x, .ld_y = n->ld_y, .eps = m->eps};
    r.gain = asc__p(m, n->gain);
    return r;
}

void asc__rmsnorm(asc_model *m, const asc__rms *n, float *y, float *rstd, const float *x, const float *add)
{
    asc_rmsnorm r = rms_of(m, n);
    r.y = y;
    r.rstd = rstd;
    r.x = x;
    r.add = add;
    rms_job j = {m, &r};
    asc__stage_begin(m);
    asc_pool_run(m->pool, run_rms, &j);
    asc__stage_end(m, ASC__STAGE_LAYERNORM, 0, (2. + (add != NULL)) * (double)(n->M * n->G * r.C));
}

void asc__rmsnorm_backward(asc_model *m, const asc__rms *n, float *dx, const float *dy, const float *x,
                           const float *rstd, bool accumulate)
{
    asc_rmsnorm r = rms_of(m, n);
    size_t chunks = (n->M + ASC_LN_CHUNK - 1) / ASC_LN_CHUNK;
    r.dx = dx;
    r.dy = dy;
    r.x = x;
    r.rstd = (float *)(uintptr_t)rstd; /* only read */
    r.partial = m->ln_partial;
    r.accumulate = accumulate;
    rms_job j = {m, &r};
    asc__stage_begin(m);
    asc_pool_run(m->pool, run_rms_backward, &j);
    asc_column_sum(m->kernels, asc__g(m, n->gain), m->ln_partial, r.C, chunks, r.C, m->grads_started, 0, 1);
    asc__stage_end(m, ASC__STAGE_LAYERNORM_BACKWARD, 0, (3. + accumulate) * (double)(n->M * n->G * r.C));
}

typedef struct rope_job {
    asc_model *m;
    asc_rope x;
} rope_job;

static void run_rope(void *ctx, size_t part, size_t n_parts)
{
    rope_job *j = ctx;
    asc_rope_rows(j->m->kernels, &j->x, part, n_parts);
}

void asc__rope(asc_model *m, float *x, size_t ld, size_t n_heads, size_t step, size_t half, size_t M, size_t T,
               bool inverse)
{
    assert(half > 0 && (n_heads - 1) * step + 2 * half <= ld && T <= (size_t)m->spec.context);
    rope_job j = {m, {.x = x, .ld = ld, .R = M, .T = T, .n_heads = n_heads, .step = step, .half = half}};
    j.x.cosine = m->cosine;
    j.x.sine = m->sine;
    j.x.inverse = inverse;
    asc__stage_begin(m);
    asc_pool_run(m->pool, run_rope, &j);
    asc__stage_end(m, ASC__STAGE_ROTARY, 0, 4. * (double)(M * n_heads * half));
}

/* ---- attention ---- */

typedef struct attention_job {
    asc_model *m;
    const asc_attention *a;
} attention_job;

static void run_attention_forward(void *ctx, size_t part, size_t n_parts)
{
    attention_job *j = ctx;
    asc_attention_forward(j->m->kernels, j->a, asc__scratch(j->m, part), part, n_parts);
}

static void run_attention_backward(void *ctx, size_t part, size_t n_parts)
{
    attention_job *j = ctx;
    asc_attention_backward(j->m->kernels, j->a, asc__scratch(j->m, part), part, n_parts);
}

/* Multiply-adds of one product over the scores that the mask leaves. */
static double score_flop(const asc_attention *a)
{
    double keys = a->causal ? (a->T + 1) / 2.0 : a->T;
    return 2.0 * a->B * a->H * a->T * keys * a->d;
}

/* q and out, k and v of one pass */
static double output_floats(const asc_attention *a)
{
    return .5 * (double)a->B * a->T * (a->H + (a->H_kv ? a->H_kv : a->H)) * a->d;
}

void asc__attention_forward(asc_model *m, const asc_attention *a)
{
    assert((size_t)a->B * (size_t)a->T <= m->max_rows && (!a->H_kv || a->H % a->H_kv == 0));
    attention_job j = {m, a};
    asc__stage_begin(m);
    asc_pool_run(m->pool, run_attention_forward, &j);
    asc__stage_end(m, ASC__STAGE_ATTENTION_FORWARD, 2 * score_flop(a), 4 * output_floats(a));
}

void asc__attention_backward(asc_model *m, const asc_attention *a)
{
    assert(a->dout && a->dqkv && !a->by_head);
    attention_job j = {m, a};
    asc__stage_begin(m);
    asc_pool_run(m->pool, run_attention_backward, &j);
    asc__stage_end(m, ASC__STAGE_ATTENTION_BACKWARD, 5 * score_flop(a), 8 * output_floats(a));
}

/* ---- the head's weight, packed both ways ---- */

static void run_pack(void *ctx, size_t part, size_t n_parts)
{
    asc_model *m = ctx;
    size_t V = (size_t)m->spec.vocab, C = (size_t)m->spec.width;
    const float *w = asc__p(m, m->head_weight);
    assert(m->table[m->head_weight].n == V * C);
    asc_gemm_pack(m->kernels, m->packed_logits, w, C, true, C, V, part, n_parts);
    if (m->packed_dx)
        asc_gemm_pack(m->kernels, m->packed_dx, w, C, false, V, C, part, n_parts);
}

void asc__pack_head(asc_model *m)
{
    if (m->packed_valid)
        return;
    asc__stage_begin(m);
    asc_pool_run(m->pool, run_pack, m);
    asc__stage_end(m, ASC__STAGE_PACK, 0, (m->packed_dx ? 4. : 2.) * m->spec.vocab * m->spec.width);
    m->packed_valid = true;
}
