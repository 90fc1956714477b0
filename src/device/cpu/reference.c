/*
 * Every kernel once in plain C, as the formula is written: what the fast ones are tested against, and the table of
 * `plain`. Inner sums in double where that costs nothing in clarity.
 */
#include "kernels.h"

#include <math.h>
#include <string.h>

static float gelu_of(float x, bool exact)
{
    if (exact)
        return 0.5f * x * (1 + erff(x / sqrtf(2)));
    return 0.5f * x * (1 + tanhf(sqrtf(2 / 3.14159265358979f) * (x + 0.044715f * x * x * x)));
}

static float gelu_grad_of(float x, bool exact)
{
    if (exact)
        return 0.5f * (1 + erff(x / sqrtf(2))) + x * expf(-x * x / 2) / sqrtf(2 * 3.14159265358979f);
    float a = sqrtf(2 / 3.14159265358979f), t = tanhf(a * (x + 0.044715f * x * x * x));
    return 0.5f * (1 + t) + 0.5f * x * (1 - t * t) * a * (1 + 3 * 0.044715f * x * x);
}

static float sigmoid_of(float x)
{
    return 1 / (1 + expf(-x));
}

/* ---- matrix product ---- */

static float a_at(const asc_gemm *g, size_t i, size_t p)
{
    return g->a_transposed ? g->a[p * g->lda + i] : g->a[i * g->lda + p];
}

static float b_at(const asc_gemm *g, size_t p, size_t j)
{
    if (g->b_packed)
        return ((const float *)g->b_packed)[p * g->n + j];
    return g->b_transposed ? g->b[j * g->ldb + p] : g->b[p * g->ldb + j];
}

static void finish(const asc_gemm *g, size_t i, size_t j)
{
    float *c = g->c + i * g->ldc + j;
    size_t at = i * g->ld_aux + j, out = i * (g->ld_out ? g->ld_out : g->ld_aux) + j;
    if (g->bias)
        *c += g->bias[j];
    float s, d = *c;
    switch (g->epilogue) {
    case ASC_EPI_NONE:
    case ASC_EPI_BIAS:
        break;
    case ASC_EPI_RESIDUAL:
        *c += g->aux_in[at];
        break;
    case ASC_EPI_GELU:
    case ASC_EPI_GELU_ERF:
        g->aux_out[out] = gelu_of(*c, g->epilogue == ASC_EPI_GELU_ERF);
        break;
    case ASC_EPI_DGELU:
    case ASC_EPI_DGELU_ERF:
        *c *= gelu_grad_of(g->aux_in[at], g->epilogue == ASC_EPI_DGELU_ERF);
        break;
    case ASC_EPI_SWIGLU:
        g->aux_out[out] = *c * sigmoid_of(*c) * g->aux_in[at];
        break;
    case ASC_EPI_DSWIGLU:
        s = sigmoid_of(g->aux_in[at]);
        g->aux_out[out] = d * g->aux_in[at] * s;
        *c = d * g->aux_in2[at] * s * (1 + g->aux_in[at] * (1 - s));
        break;
    case ASC_EPI_ROW_MAX:
        if (!(g->row_max[i] >= *c))
            g->row_max[i] = *c;
        break;
    }
}

void asc__reference_gemm(const asc_gemm *g, size_t part, size_t n_parts)
{
    size_t begin, end;
    asc_part_range(g->m, 1, part, n_parts, &begin, &end);
    for (size_t i = begin; i < end; i++)
        for (size_t j = 0; j < g->n; j++) {
            double sum = 0;
            for (size_t p = 0; p < g->k; p++)
                sum += (double)a_at(g, i, p) * (double)b_at(g, p, j);
            float *c = g->c + i * g->ldc + j;
            *c = g->accumulate ? *c + (float)sum : (float)sum;
            finish(g, i, j);
        }
}

/* ---- attention ---- */

/* Where one query head's rows stand, and its keys' and values'. */
typedef struct view {
    size_t ld, ld_out, n_keys;
    const float *q, *k, *v;          /* row 0 of the head; rows ld apart */
    size_t at_q, at_k, at_v, at_out; /* the same as places in qkv and out */
} view;

static view view_of(const asc_attention *a, size_t index)
{
    size_t H = (size_t)a->H, Hkv = a->H_kv ? (size_t)a->H_kv : H, d = (size_t)a->d, T = (size_t)a->T;
    size_t b = index / H, h = index % H, kv = h / (H / Hkv);
    view w = {.ld = (H + 2 * Hkv) * d, .ld_out = H * d, .n_keys = T};
    size_t row = b * T * w.ld;
    w.at_q = row + h * (a->by_head ? 3 * d : d);
    w.at_k = a->by_head ? w.at_q + d : row + (H + kv) * d;
    w.at_v = a->by_head ? w.at_q + 2 * d : row + (H + Hkv + kv) * d;
    w.at_out = b * T * w.ld_out + h * d;
    w.q = a->qkv + w.at_q;
    w.k = a->qkv + w.at_k;
    w.v = a->qkv + w.at_v;
    if (a->lengths && (size_t)a->lengths[b] < T)
        w.n_keys = (size_t)a->lengths[b];
    return w;
}

static size_t seen(const asc_attention *a, const view *w, size_t t)
{
    return a->causal && t + 1 < w->n_keys ? t + 1 : w->n_keys;
}

static double score(const asc_attention *a, const view *w, size_t t, size_t u)
{
    double s = 0;
    for (size_t i = 0; i < (size_t)a->d; i++)
        s += (double)w->q[t * w->ld + i] * (double)w->k[u * w->ld + i];
    return s * (double)a->scale;
}

void asc__reference_attention_forward(const asc_attention *a, size_t part, size_t n_parts)
{
    size_t begin, end, T = (size_t)a->T;
    asc_part_range((size_t)a->B * (size_t)a->H, 1, part, n_parts, &begin, &end);
    for (size_t index = begin; index < end; index++) {
        view w = view_of(a, index);
        float *out = a->out + w.at_out;
        for (size_t t = 0; t < T; t++) {
            size_t n = seen(a, &w, t);
            double m = -INFINITY, sum = 0;
            for (size_t u = 0; u < n; u++)
                m = fmax(m, score(a, &w, t, u));
            for (size_t u = 0; u < n; u++)
                sum += exp(score(a, &w, t, u) - m);
            a->lse[index * T + t] = n ? (float)(m + log(sum)) : 0;
            for (size_t i = 0; i < (size_t)a->d; i++) {
                double o = 0;
                for (size_t u = 0; u < n; u++)
                    o += exp(score(a, &w, t, u) - m) / sum * (double)w.v[u * w.ld + i];
                out[t * w.ld_out + i] = (float)o;
            }
        }
    }
}

/* One query head; its part of the gradients of k and v is added. */
static void attention_backward_head(const asc_attention *a, size_t index)
{
    view w = view_of(a, index);
    size_t T = (size_t)a->T, d = (size_t)a->d, ld = w.ld;
    const float *out = a->out + w.at_out, *dout = a->dout + w.at_out;
    float *dq = a->dqkv + w.at_q, *dk = a->dqkv + w.at_k, *dv = a->dqkv + w.at_v;
    for (size_t t = 0; t < T; t++) {
        double D = 0;
        for (size_t i = 0; i < d; i++)
            D += (double)dout[t * w.ld_out + i] * (double)out[t * w.ld_out + i];
        for (size_t u = 0; u < seen(a, &w, t); u++) {
            double p = exp(score(a, &w, t, u) - (double)a->lse[index * T + t]), dp = 0;
            for (size_t i = 0; i < d; i++)
                dp += (double)dout[t * w.ld_out + i] * (double)w.v[u * ld + i];
            float ds = (float)(p * (dp - D)) * a->scale;
            for (size_t i = 0; i < d; i++) {
                dq[t * ld + i] += ds * w.k[u * ld + i];
                dk[u * ld + i] += ds * w.q[t * ld + i];
                dv[u * ld + i] += (float)p * dout[t * w.ld_out + i];
            }
        }
    }
}

/* Parts hold whole groups of query heads, which share keys and values. */
void asc__reference_attention_backward(const asc_attention *a, size_t part, size_t n_parts)
{
    size_t begin, end, T = (size_t)a->T, d = (size_t)a->d;
    size_t group = a->H_kv ? (size_t)(a->H / a->H_kv) : 1;
    asc_part_range((size_t)a->B * (size_t)a->H, group, part, n_parts, &begin, &end);
    for (size_t index = begin; index < end; index++) {
        view w = view_of(a, index);
        for (size_t t = 0; t < T; t++)
            for (size_t i = 0; i < d; i++) {
                a->dqkv[w.at_q + t * w.ld + i] = 0;
                if (index % group == 0)
                    a->dqkv[w.at_k + t * w.ld + i] = a->dqkv[w.at_v + t * w.ld + i] = 0;
            }
    }
    for (size_t index = begin; index < end; index++)
        attention_backward_head(a, index);
}

/* ---- rows ---- */

static void layernorm_row(float *y, float *mean, float *rstd, const float *x, const float *gain, const float *bias,
                          size_t C, float eps)
{
    double mu = 0, var = 0;
    for (size_t i = 0; i < C; i++)
        mu += (double)x[i] / (double)C;
    for (size_t i = 0; i < C; i++)
        var += ((double)x[i] - mu) * ((double)x[i] - mu) / (double)C;
    double r = 1 / sqrt(var + (double)eps);
    for (size_t i = 0; i < C; i++)
        y[i] = (float)(((double)x[i] - mu) * r) * gain[i] + bias[i];
    *mean = (float)mu;
    *rstd = (float)r;
}

static void layernorm_back_row(float *dx, float *dgain, float *dbias, const float *dy, const float *x, float mean,
                               float rstd, const float *gain, size_t C, bool accumulate)
{
    double a = 0, b = 0;
    for (size_t i = 0; i < C; i++) {
        float xhat = (x[i] - mean) * rstd;
        a += (double)(dy[i] * gain[i]) / (double)C;
        b += (double)(dy[i] * gain[i] * xhat) / (double)C;
        dgain[i] += dy[i] * xhat;
        dbias[i] += dy[i];
    }
    for (size_t i = 0; i < C; i++) {
        float d = (float)(((double)(dy[i] * gain[i]) - a - (double)((x[i] - mean) * rstd) * b) * (double)rstd);
        dx[i] = accumulate ? dx[i] + d : d;
    }
}

static void rmsnorm_row(float *y, float *rstd, const float *x, const float *gain, const float *add, size_t C, float eps)
{
    double squares = 0;
    for (size_t i = 0; i < C; i++)
        squares += (double)x[i] * (double)x[i] / (double)C;
    double r = 1 / sqrt(squares + (double)eps);
    for (size_t i = 0; i < C; i++)
        y[i] = (float)((double)x[i] * r) * gain[i] + (add ? add[i] : 0);
    *rstd = (float)r;
}

static void rmsnorm_back_row(float *dx, float *dgain, const float *dy, const float *x, float rstd, const float *gain,
                             size_t C, bool accumulate)
{
    double b = 0;
    for (size_t i = 0; i < C; i++) {
        b += (double)(dy[i] * gain[i] * x[i] * rstd) / (double)C;
        dgain[i] += dy[i] * x[i] * rstd;
    }
    for (size_t i = 0; i < C; i++) {
        float d = (float)(((double)(dy[i] * gain[i]) - (double)(x[i] * rstd) * b) * (double)rstd);
        dx[i] = accumulate ? dx[i] + d : d;
    }
}

static void rope_head(float *x, const float *c, const float *s, size_t half, bool inverse)
{
    for (size_t i = 0; i < half; i++) {
        float a = x[i], b = x[i + half], sine = inverse ? -s[i] : s[i];
        x[i] = a * c[i] - b * sine;
        x[i + half] = b * c[i] + a * sine;
    }
}

static void add_rows(float *out, const float *x, size_t ld, size_t R, size_t n)
{
    for (size_t j = 0; j < n; j++) {
        double sum = 0;
        for (size_t r = 0; r < R; r++)
            sum += (double)x[r * ld + j];
        out[j] += (float)sum;
    }
}

static void gelu(float *y, const float *x, size_t n, bool exact)
{
    for (size_t i = 0; i < n; i++)
        y[i] = gelu_of(x[i], exact);
}

static void add(float *y, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] += x[i];
}

static float max(const float *x, size_t n, float start)
{
    for (size_t i = 0; i < n; i++)
        if (!(start >= x[i]))
            start = x[i];
    return start;
}

static float exp_sum(float *x, size_t n, float shift)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)(x[i] = expf(x[i] - shift));
    return (float)sum;
}

static float exp_sum_only(const float *x, size_t n, float shift)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)expf(x[i] - shift);
    return (float)sum;
}

static void scale(float *x, size_t n, float s)
{
    for (size_t i = 0; i < n; i++)
        x[i] *= s;
}

static float dot(const float *x, const float *y, size_t n)
{
    double s = 0;
    for (size_t i = 0; i < n; i++)
        s += (double)x[i] * (double)y[i];
    return (float)s;
}

static void copy_scaled(float *y, const float *x, size_t n, float s, bool accumulate)
{
    for (size_t i = 0; i < n; i++)
        y[i] = (accumulate ? y[i] : 0) + x[i] * s;
}

static void adamw(float *p, const float *g, float *m, float *v, size_t n, const asc_adamw_args *a)
{
    for (size_t i = 0; i < n; i++) {
        float grad = g[i] * a->grad_scale;
        m[i] = a->beta1 * m[i] + (1 - a->beta1) * grad;
        v[i] = a->beta2 * v[i] + (1 - a->beta2) * grad * grad;
        p[i] -= a->lr_t * m[i] / (sqrtf(v[i]) + a->eps_t) + a->decay_t * p[i];
    }
}

static double sum_squares(const float *x, size_t n)
{
    double s = 0;
    for (size_t i = 0; i < n; i++)
        s += (double)x[i] * (double)x[i];
    return s;
}

static double peak(size_t loops)
{
    volatile float keep;
    float s[8] = {0};
    for (size_t l = 0; l < loops; l++)
        for (int i = 0; i < 8; i++)
            s[i] = s[i] * 0.999f + 1e-3f;
    keep = s[0] + s[1] + s[2] + s[3] + s[4] + s[5] + s[6] + s[7];
    (void)keep;
    return (double)loops * 16;
}

const asc_kernels asc__kernels_plain = {
    .isa = ASC_ISA_PLAIN,
    .reference = true,
    .mr = 1,
    .nr = 1,
    .k_unit = 1,
    .layernorm_row = layernorm_row,
    .layernorm_back_row = layernorm_back_row,
    .rmsnorm_row = rmsnorm_row,
    .rmsnorm_back_row = rmsnorm_back_row,
    .rope_head = rope_head,
    .add_rows = add_rows,
    .gelu = gelu,
    .add = add,
    .max = max,
    .exp_sum = exp_sum,
    .exp_sum_only = exp_sum_only,
    .scale = scale,
    .dot = dot,
    .copy_scaled = copy_scaled,
    .adamw = adamw,
    .sum_squares = sum_squares,
    .peak = peak,
};
