/*
 * The kernels of one instruction set: included once by each kernels_*.c, which defines MR (rows of a tile), KERNELS
 * (name of the table), KERNELS_ISA and, for bf16 pair products, KERNELS_BF16.
 */
#include "kernels.h"
#include "simd.h"

enum { NR = 2 * VL };

/* ---- GELU ---- */

/* gelu(x) = x sigmoid(2u), u = sqrt(2/pi) (x + 0.044715 x^3); the sigmoid as 1 / (1 + 2^t), t = -2u log2(e) */
#define GELU_A 1.5957691216057308f /* 2 sqrt(2/pi) */
#define GELU_B 0.044715f

ASC_INLINE vf gelu_power(vf x, vf x2)
{
    return v_exp2(x * v_fma(x2, v_set1(-GELU_A * GELU_B * LOG2_E), v_set1(-GELU_A * LOG2_E)));
}

ASC_INLINE vf gelu_tanh(vf x)
{
    return x / (v_set1(1) + gelu_power(x, x * x));
}

/* s + x s (1 - s) du/dx */
ASC_INLINE vf gelu_tanh_grad(vf x)
{
    vf x2 = x * x, s = v_set1(1) / (v_set1(1) + gelu_power(x, x2));
    vf du = v_fma(x2, v_set1(3 * GELU_A * GELU_B), v_set1(GELU_A));
    return v_fma(x * s * (v_set1(1) - s), du, s);
}

/* Phi(x) = (1 + erf(x / sqrt 2)) / 2, absolute error below 2e-7: Abramowitz & Stegun 7.1.26 for the tail beyond |x|.
 * density = exp(-x^2 / 2). */
ASC_INLINE vf normal_cdf(vf x, vf density)
{
    vf zero = v_set1(0), z = v_max(x, zero - x);
    vf t = v_set1(1) / v_fma(z, v_set1(0.3275911f * 0.70710678118654752f), v_set1(1));
    vf p = v_fma(t, v_set1(1.061405429f), v_set1(-1.453152027f));
    p = v_fma(p, t, v_set1(1.421413741f));
    p = v_fma(p, t, v_set1(-0.284496736f));
    p = v_fma(p, t, v_set1(0.254829592f));
    vf half = v_set1(0.5f);
    return half + v_copysign(v_fma(p * t * density, zero - half, half), x);
}

ASC_INLINE vf normal_density(vf x)
{
    return v_exp2(x * x * v_set1(-0.5f * LOG2_E));
}

ASC_INLINE vf gelu_erf(vf x)
{
    return x * normal_cdf(x, normal_density(x));
}

/* Phi(x) + x phi(x) */
ASC_INLINE vf gelu_erf_grad(vf x)
{
    vf density = normal_density(x);
    return v_fma(x * v_set1(0.39894228040143268f), density, normal_cdf(x, density));
}

/* ---- SwiGLU ---- */

/* silu(x) = x s(x), s = 1 / (1 + exp(-x)) */
ASC_INLINE vf silu(vf x)
{
    return x / (v_set1(1) + v_exp2(x * v_set1(-LOG2_E)));
}

/* The gradient d of silu(gate) up: what goes to up into *to_up, what goes to the gate returned:
 * silu' = s (1 + x (1 - s)). */
ASC_INLINE vf swiglu_grad(vf d, vf gate, vf up, vf *to_up)
{
    vf one = v_set1(1), s = one / (one + v_exp2(gate * v_set1(-LOG2_E)));
    *to_up = d * gate * s;
    return d * up * (s * v_fma(gate, one - s, one));
}

/* ---- the end of a tile ---- */

/* What happens to a vector of C at row r, column j of the tile before it is stored; kind is known when this is
 * compiled. */
ASC_INLINE vf finish_vector(vf x, asc_epilogue kind, const asc_tile_end *e, size_t r, size_t j, size_t some)
{
    size_t at = r * e->ld + j, out = r * e->ld_out + j;
    float *most = e->row_max + r * NR + j;
    vf y;
    x = x + v_load_some(e->bias + j, some);
    switch (kind) {
    case ASC_EPI_NONE:
    case ASC_EPI_BIAS:
        break;
    case ASC_EPI_RESIDUAL:
        return x + v_load_some(e->in + at, some);
    case ASC_EPI_GELU:
        v_store_some(e->out + out, gelu_tanh(x), some);
        break;
    case ASC_EPI_GELU_ERF:
        v_store_some(e->out + out, gelu_erf(x), some);
        break;
    case ASC_EPI_DGELU:
        return x * gelu_tanh_grad(v_load_some(e->in + at, some));
    case ASC_EPI_DGELU_ERF:
        return x * gelu_erf_grad(v_load_some(e->in + at, some));
    case ASC_EPI_SWIGLU:
        v_store_some(e->out + out, silu(x) * v_load_some(e->in + at, some), some);
        break;
    case ASC_EPI_DSWIGLU:
        x = swiglu_grad(x, v_load_some(e->in + at, some), v_load_some(e->in2 + at, some), &y);
        v_store_some(e->out + out, y, some);
        break;
    case ASC_EPI_ROW_MAX:
        v_store_some(most, v_max(v_load_some(most, some), x), some);
        break;
    }
    return x;
}

/* DO(kind) with the kind of e as a constant. */
#define WITH_EPILOGUE(e, DO)                                                                                           \
    switch ((e)->epilogue) {                                                                                           \
    case ASC_EPI_NONE:                                                                                                 \
    case ASC_EPI_BIAS:                                                                                                 \
        DO(ASC_EPI_BIAS);                                                                                              \
        break;                                                                                                         \
    case ASC_EPI_RESIDUAL:                                                                                             \
        DO(ASC_EPI_RESIDUAL);                                                                                          \
        break;                                                                                                         \
    case ASC_EPI_GELU:                                                                                                 \
        DO(ASC_EPI_GELU);                                                                                              \
        break;                                                                                                         \
    case ASC_EPI_GELU_ERF:                                                                                             \
        DO(ASC_EPI_GELU_ERF);                                                                                          \
        break;                                                                                                         \
    case ASC_EPI_DGELU:                                                                                                \
        DO(ASC_EPI_DGELU);                                                                                             \
        break;                                                                                                         \
    case ASC_EPI_DGELU_ERF:                                                                                            \
        DO(ASC_EPI_DGELU_ERF);                                                                                         \
        break;                                                                                                         \
    case ASC_EPI_SWIGLU:                                                                                               \
        DO(ASC_EPI_SWIGLU);                                                                                            \
        break;                                                                                                         \
    case ASC_EPI_DSWIGLU:                                                                                              \
        DO(ASC_EPI_DSWIGLU);                                                                                           \
        break;                                                                                                         \
    case ASC_EPI_ROW_MAX:                                                                                              \
        DO(ASC_EPI_ROW_MAX);                                                                                           \
        break;                                                                                                         \
    }

/* Sums that lie in memory, on to C. */
ASC_INLINE void finish_part(float *c, size_t ldc, const float *sums, size_t ld, size_t rows, size_t n, bool accumulate,
                            const asc_tile_end *e, asc_epilogue kind)
{
    for (size_t r = 0; r < rows; r++, c += ldc, sums += ld)
        for (size_t j = 0; j < n; j += VL) {
            size_t some = n - j < VL ? n - j : VL;
            vf x = v_load_some(sums + j, some);
            if (accumulate)
                x = x + v_load_some(c + j, some);
            v_store_some(c + j, e ? finish_vector(x, kind, e, r, j, some) : x, some);
        }
}

static void finish(float *c, size_t ldc, const float *sums, size_t ld, size_t rows, size_t n, bool accumulate,
                   const asc_tile_end *e)
{
#define FINISH_PART(kind) finish_part(c, ldc, sums, ld, rows, n, accumulate, e, kind)
    if (e) {
        WITH_EPILOGUE(e, FINISH_PART)
    } else {
        finish_part(c, ldc, sums, ld, rows, n, accumulate, NULL, ASC_EPI_NONE);
    }
}

/* No sums yet; C is on its way while they are made. */
ASC_INLINE void begin_tile(vf s[MR][2], const float *c, size_t ldc)
{
#pragma GCC unroll 16
    for (int i = 0; i < MR; i++) {
        s[i][0] = s[i][1] = v_set1(0);
        __builtin_prefetch(c + (size_t)i * ldc, 1);
        __builtin_prefetch(c + (size_t)i * ldc + NR - 1, 1);
    }
}

/* A whole tile whose sums are still in registers: on to C. */
ASC_INLINE void store_sums(float *c, size_t ldc, vf s[MR][2], bool accumulate, const asc_tile_end *e, asc_epilogue kind)
{
#pragma GCC unroll 16
    for (size_t i = 0; i < MR; i++, c += ldc)
#pragma GCC unroll 2
        for (size_t j = 0; j < 2; j++) {
            vf x = s[i][j];
            if (accumulate)
                x = x + v_load(c + j * VL);
            if (e)
                x = finish_vector(x, kind, e, i, j * VL, VL);
            v_store(c + j * VL, x);
        }
}

ASC_INLINE void end_tile(float *c, size_t ldc, vf s[MR][2], bool accumulate, const asc_tile_end *e)
{
#define STORE_SUMS(kind) store_sums(c, ldc, s, accumulate, e, kind)
    if (e) {
        WITH_EPILOGUE(e, STORE_SUMS)
    } else if (accumulate) {
        store_sums(c, ldc, s, true, NULL, ASC_EPI_NONE);
    } else {
        store_sums(c, ldc, s, false, NULL, ASC_EPI_NONE);
    }
}

/* Turn 8 rows of 8 floats, rows ld apart, and store them ld_out apart. */
ASC_INLINE void transpose8(float *dst, size_t ld_out, const float *b, size_t ld)
{
#if defined(__AVX2__)
    __m256 r[8], t[8];
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++)
        r[i] = _mm256_loadu_ps(b + (size_t)i * ld);
#pragma GCC unroll 4
    for (int i = 0; i < 8; i += 2) {
        t[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
        t[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
    }
#pragma GCC unroll 2
    for (int i = 0; i < 8; i += 4) {
        r[i] = _mm256_shuffle_ps(t[i], t[i + 2], 0x44);
        r[i + 1] = _mm256_shuffle_ps(t[i], t[i + 2], 0xee);
        r[i + 2] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0x44);
        r[i + 3] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0xee);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        _mm256_storeu_ps(dst + (size_t)i * ld_out, _mm256_permute2f128_ps(r[i], r[i + 4], 0x20));
        _mm256_storeu_ps(dst + (size_t)(i + 4) * ld_out, _mm256_permute2f128_ps(r[i], r[i + 4], 0x31));
    }
#else
    for (size_t i = 0; i < 8; i++)
        for (size_t q = 0; q < 8; q++)
            dst[q * ld_out + i] = b[i * ld + q];
#endif
}

/* Probabilities of attention from their scores, and ds from the gradients of the probabilities. */
ASC_INLINE vf softmax_grad(vf *ds, vf s, float scale, float lse, float D)
{
    vf p = v_exp(v_fma(s, v_set1(scale), v_set1(-lse)));
    *ds = p * (*ds - v_set1(D));
    return p;
}

#ifdef KERNELS_BF16
#include "tiles_bf16.h"
#else
#include "tiles_fp32.h"
#endif

static void tile_rows(float *c, size_t ldc, const void *a, size_t lda, const void *b, size_t k, bool accumulate,
                      const asc_tile_end *end)
{
    tile(c, ldc, a, lda, K_UNIT, b, k, accumulate, end);
}

/* Columns hold whole units of k (bf16: pairs). */
static void tile_cols(float *c, size_t ldc, const void *a, size_t lda, const void *b, size_t k, bool accumulate,
                      const asc_tile_end *end)
{
    tile(c, ldc, a, K_UNIT, K_UNIT * lda, b, k, accumulate, end);
}

/* ---- rows ---- */

/* Calls of the form OP(vector) over n floats, the last part filled with `fill`. */
#define FOR_VECTORS(i, n) for (size_t i = 0; i + VL <= (n); i += VL)

static void layernorm_row(float *y, float *mean, float *rstd, const float *x, const float *gain, const float *bias,
                          size_t C, float eps)
{
    size_t whole = C / VL * VL;
    vf s = v_set1(0), q = v_set1(0);
    FOR_VECTORS(i, C)
    s = s + v_load(x + i);
    float sum = v_sum(s);
    for (size_t i = whole; i < C; i++)
        sum += x[i];
    float mu = sum / (float)C;
    FOR_VECTORS(i, C)
    {
        vf t = v_load(x + i) - v_set1(mu);
        q = v_fma(t, t, q);
    }
    float var = v_sum(q);
    for (size_t i = whole; i < C; i++)
        var += (x[i] - mu) * (x[i] - mu);
    float r = 1 / sqrtf(var / (float)C + eps);
    FOR_VECTORS(i, C)
    v_store(y + i, v_fma((v_load(x + i) - v_set1(mu)) * v_set1(r), v_load(gain + i), v_load(bias + i)));
    for (size_t i = whole; i < C; i++)
        y[i] = (x[i] - mu) * r * gain[i] + bias[i];
    *mean = mu;
    *rstd = r;
}

/* dx = rstd (g - mean(g) - xhat mean(g xhat)), g = dy gain */
static void layernorm_back_row(float *dx, float *dgain, float *dbias, const float *dy, const float *x, float mean,
                               float rstd, const float *gain, size_t C, bool accumulate)
{
    size_t whole = C / VL * VL;
    vf s = v_set1(0), q = v_set1(0);
    FOR_VECTORS(i, C)
    {
        vf d = v_load(dy + i), xhat = (v_load(x + i) - v_set1(mean)) * v_set1(rstd), g = d * v_load(gain + i);
        s = s + g;
        q = v_fma(g, xhat, q);
        v_store(dgain + i, v_fma(d, xhat, v_load(dgain + i)));
        v_store(dbias + i, v_load(dbias + i) + d);
    }
    float sum = v_sum(s), sum_x = v_sum(q);
    for (size_t i = whole; i < C; i++) {
        float xhat = (x[i] - mean) * rstd, g = dy[i] * gain[i];
        sum += g;
        sum_x += g * xhat;
        dgain[i] += dy[i] * xhat;
        dbias[i] += dy[i];
    }
    float a = sum / (float)C, b = sum_x / (float)C;
    FOR_VECTORS(i, C)
    {
        vf xhat = (v_load(x + i) - v_set1(mean)) * v_set1(rstd), g = v_load(dy + i) * v_load(gain + i);
        vf d = (g - v_set1(a) - xhat * v_set1(b)) * v_set1(rstd);
        v_store_or_add(dx + i, d, accumulate);
    }
    for (size_t i = whole; i < C; i++) {
        float d = (dy[i] * gain[i] - a - (x[i] - mean) * rstd * b) * rstd;
        dx[i] = accumulate ? dx[i] + d : d;
    }
}

static void rmsnorm_row(float *y, float *rstd, const float *x, const float *gain, const float *add, size_t C, float eps)
{
    size_t whole = C / VL * VL;
    vf q = v_set1(0);
    FOR_VECTORS(i, C)
    q = v_fma(v_load(x + i), v_load(x + i), q);
    float sum = v_sum(q);
    for (size_t i = whole; i < C; i++)
        sum += x[i] * x[i];
    float r = 1 / sqrtf(sum / (float)C + eps);
    FOR_VECTORS(i, C)
    {
        vf t = v_load(x + i) * v_set1(r) * v_load(gain + i);
        if (add)
            t = t + v_load(add + i);
        v_store(y + i, t);
    }
    for (size_t i = whole; i < C; i++)
        y[i] = x[i] * r * gain[i] + (add ? add[i] : 0);
    *rstd = r;
}

/* dx = rstd (g - xhat mean(g xhat)), g = dy gain */
static void rmsnorm_back_row(float *dx, float *dgain, const float *dy, const float *x, float rstd, const float *gain,
                             size_t C, bool accumulate)
{
    size_t whole = C / VL * VL;
    vf q = v_set1(0);
    FOR_VECTORS(i, C)
    {
        vf d = v_load(dy + i), xhat = v_load(x + i) * v_set1(rstd);
        q = v_fma(d * v_load(gain + i), xhat, q);
        v_store(dgain + i, v_fma(d, xhat, v_load(dgain + i)));
    }
    float sum = v_sum(q);
    for (size_t i = whole; i < C; i++) {
        float xhat = x[i] * rstd;
        sum += dy[i] * gain[i] * xhat;
        dgain[i] += dy[i] * xhat;
    }
    float b = sum / (float)C;
    FOR_VECTORS(i, C)
    {
        vf d = v_load(dy + i) * v_load(gain + i) - v_load(x + i) * v_set1(rstd) * v_set1(b);
        v_store_or_add(dx + i, d * v_set1(rstd), accumulate);
    }
    for (size_t i = whole; i < C; i++) {
        float d = (dy[i] * gain[i] - x[i] * rstd * b) * rstd;
        dx[i] = accumulate ? dx[i] + d : d;
    }
}

static void rope_head(float *x, const float *c, const float *s, size_t half, bool inverse)
{
    float *y = x + half, sign = inverse ? -1.0f : 1.0f;
    size_t whole = half / VL * VL;
    FOR_VECTORS(i, half)
    {
        vf a = v_load(x + i), b = v_load(y + i), cosine = v_load(c + i), sine = v_load(s + i) * v_set1(sign);
        v_store(x + i, a * cosine - b * sine);
        v_store(y + i, b * cosine + a * sine);
    }
    for (size_t i = whole; i < half; i++) {
        float a = x[i], b = y[i], sine = s[i] * sign;
        x[i] = a * c[i] - b * sine;
        y[i] = b * c[i] + a * sine;
    }
}

static void add(float *y, const float *x, size_t n)
{
    FOR_VECTORS(i, n)
    v_store(y + i, v_load(y + i) + v_load(x + i));
    for (size_t i = n / VL * VL; i < n; i++)
        y[i] += x[i];
}

/* Four rows at a time: memory is read in order, and the sums stay in the first-level cache. */
static void add_rows(float *out, const float *x, size_t ld, size_t R, size_t n)
{
    size_t r = 0, whole = n / VL * VL;
    for (; r + 4 <= R; r += 4, x += 4 * ld) {
        const float *a = x, *b = x + ld, *c = x + 2 * ld, *d = x + 3 * ld;
        for (size_t j = 0; j < whole; j += VL)
            v_store(out + j, v_load(out + j) + ((v_load(a + j) + v_load(b + j)) + (v_load(c + j) + v_load(d + j))));
        for (size_t j = whole; j < n; j++)
            out[j] += (a[j] + b[j]) + (c[j] + d[j]);
    }
    for (; r < R; r++, x += ld)
        add(out, x, n);
}

static void gelu(float *y, const float *x, size_t n, bool exact)
{
    for (size_t i = 0; i < n; i += VL) {
        size_t some = n - i < VL ? n - i : VL;
        vf v = v_load_some(x + i, some);
        v_store_some(y + i, exact ? gelu_erf(v) : gelu_tanh(v), some);
    }
}

static float max(const float *x, size_t n, float start)
{
    vf m = v_set1(start);
    FOR_VECTORS(i, n)
    m = v_max(m, v_load(x + i));
    size_t i = n / VL * VL;
    if (i < n)
        m = v_max(m, v_load_part(x + i, n - i, start));
    return v_maximum(m);
}

ASC_INLINE float exp_sum_to(float *out, const float *x, size_t n, float shift)
{
    vf s0 = v_set1(0), s1 = v_set1(0);
    size_t i = 0;
    for (; i + 2 * VL <= n; i += 2 * VL) {
        vf e0 = v_exp(v_load(x + i) - v_set1(shift)), e1 = v_exp(v_load(x + i + VL) - v_set1(shift));
        s0 = s0 + e0;
        s1 = s1 + e1;
        if (out) {
            v_store(out + i, e0);
            v_store(out + i + VL, e1);
        }
    }
    if (i + VL <= n) {
        vf e = v_exp(v_load(x + i) - v_set1(shift));
        s0 = s0 + e;
        if (out)
            v_store(out + i, e);
        i += VL;
    }
    if (i < n) { /* lanes without a value add 1e-38 each */
        vf e = v_exp(v_load_part(x + i, n - i, -INFINITY) - v_set1(shift));
        s1 = s1 + e;
        if (out)
            v_store_part(out + i, e, n - i);
    }
    float sum = v_sum(s0 + s1);
    return sum;
}

static float exp_sum(float *x, size_t n, float shift)
{
    return exp_sum_to(x, x, n, shift);
}

static float exp_sum_only(const float *x, size_t n, float shift)
{
    return exp_sum_to(NULL, x, n, shift);
}

static void scale(float *x, size_t n, float s)
{
    FOR_VECTORS(i, n)
    v_store(x + i, v_load(x + i) * v_set1(s));
    for (size_t i = n / VL * VL; i < n; i++)
        x[i] *= s;
}

/* One row of softmax, exponentials not yet divided by their sum, zeros up to n_max. Returns the sum. */
ASC_INLINE float softmax_row(operand *p, const float *s, size_t n, size_t n_max, float scale, float most)
{
    vf sum = v_set1(0), m = v_set1(most), c = v_set1(scale * LOG2_E);
    size_t j = 0;
    for (; j + VL <= n; j += VL) {
        vf e = v_exp2((v_load(s + j) - m) * c);
        sum = sum + e;
        store_operands(p + j, e, VL);
    }
    if (j < n) { /* lanes without a value add 1e-38 each */
        vf e = v_exp2((v_load_part(s + j, n - j, -INFINITY) - m) * c);
        sum = sum + e;
        store_operands(p + j, e, n - j);
    }
    memset(p + n, 0, (n_max - n) * sizeof *p);
    return v_sum(sum);
}

static void softmax_rows(void *p, float *s, size_t ld, const size_t *n, size_t n_max, float scale, float *lse,
                         float *inverse)
{
    for (size_t r = 0; r < MR; r++, s += ld) {
        float most = n[r] > 0 ? max(s, n[r], -INFINITY) : 0;
        float sum = softmax_row((operand *)p + r * ld, s, n[r], n_max, scale, most);
        lse[r] = n[r] > 0 ? most * scale + logf(sum) : 0;
        inverse[r] = n[r] > 0 ? 1 / sum : 0;
    }
}

/* y = or += s x */
static void copy_scaled(float *y, const float *x, size_t n, float s, bool accumulate)
{
    FOR_VECTORS(i, n)
    v_store_or_add(y + i, v_load(x + i) * v_set1(s), accumulate);
    for (size_t i = n / VL * VL; i < n; i++)
        y[i] = (accumulate ? y[i] : 0) + x[i] * s;
}

static float dot(const float *x, const float *y, size_t n)
{
    vf s = v_set1(0);
    FOR_VECTORS(i, n)
    s = v_fma(v_load(x + i), v_load(y + i), s);
    float sum = v_sum(s);
    for (size_t i = n / VL * VL; i < n; i++)
        sum += x[i] * y[i];
    return sum;
}

/* ---- optimiser ---- */

ASC_INLINE void adamw_vector(vf *p, vf g, vf *m, vf *v, const asc_adamw_args *a)
{
    g = g * v_set1(a->grad_scale);
    *m = v_fma(v_set1(a->beta1), *m, g * v_set1(1 - a->beta1));
    *v = v_fma(v_set1(a->beta2), *v, g * g * v_set1(1 - a->beta2));
    vf step = v_set1(a->lr_t) * *m / (v_sqrt(*v) + v_set1(a->eps_t));
    *p = *p - v_fma(v_set1(a->decay_t), *p, step);
}

static void adamw(float *p, const float *g, float *m, float *v, size_t n, const asc_adamw_args *a)
{
    size_t i = 0;
    for (; i + VL <= n; i += VL) {
        vf vp = v_load(p + i), vm = v_load(m + i), vv = v_load(v + i);
        adamw_vector(&vp, v_load(g + i), &vm, &vv, a);
        v_store(p + i, vp);
        v_store(m + i, vm);
        v_store(v + i, vv);
    }
    if (i < n) {
        vf vp = v_load_part(p + i, n - i, 0), vm = v_load_part(m + i, n - i, 0), vv = v_load_part(v + i, n - i, 0);
        adamw_vector(&vp, v_load_part(g + i, n - i, 0), &vm, &vv, a);
        v_store_part(p + i, vp, n - i);
        v_store_part(m + i, vm, n - i);
        v_store_part(v + i, vv, n - i);
    }
}

static double sum_squares(const float *x, size_t n)
{
    vf s0 = v_set1(0), s1 = v_set1(0);
    size_t i = 0;
    for (; i + 2 * VL <= n; i += 2 * VL) {
        s0 = v_fma(v_load(x + i), v_load(x + i), s0);
        s1 = v_fma(v_load(x + i + VL), v_load(x + i + VL), s1);
    }
    double sum = (double)v_sum(s0 + s1);
    for (; i < n; i++)
        sum += (double)x[i] * (double)x[i];
    return sum;
}

/* ---- peaks ---- */

/* Twelve independent chains hide the latency; the barrier keeps the compiler from folding loops. */
static double peak(size_t loops)
{
    vf s[12], x = v_set1(0.999f), y = v_set1(1e-3f);
    for (int i = 0; i < 12; i++)
        s[i] = v_set1((float)i);
    for (size_t l = 0; l < loops; l++) {
#pragma GCC unroll 12
        for (int i = 0; i < 12; i++)
            s[i] = v_fma(s[i], x, y);
#if defined(__x86_64__)
        __asm__ volatile("" : "+x"(x), "+x"(y));
#elif defined(__aarch64__)
        __asm__ volatile("" : "+w"(x), "+w"(y));
#endif
    }
    vf t = s[0];
    for (int i = 1; i < 12; i++)
        t = t + s[i];
    volatile float keep = v_sum(t);
    (void)keep;
    return (double)loops * 12 * 2 * VL;
}

#ifdef KERNELS_BF16
static double peak_bf16(size_t loops)
{
    vf s[12];
    __m512bh x = (__m512bh)_mm512_set1_epi32(0x3f803f80);
    for (int i = 0; i < 12; i++)
        s[i] = v_set1((float)i);
    for (size_t l = 0; l < loops; l++) {
#pragma GCC unroll 12
        for (int i = 0; i < 12; i++)
            s[i] = _mm512_dpbf16_ps(s[i], x, x);
        __asm__ volatile("" : "+v"(x));
    }
    vf t = s[0];
    for (int i = 1; i < 12; i++)
        t = t + s[i];
    volatile float keep = v_sum(t);
    (void)keep;
    return (double)loops * 12 * 4 * VL;
}
#endif

const asc_kernels KERNELS = {
    .isa = KERNELS_ISA,
    .mr = MR,
    .nr = NR,
    .dtype = OPERANDS,
    .k_unit = K_UNIT,
    .tile_rows = tile_rows,
    .tile_cols = tile_cols,
    .pack_b = pack_b,
    .pack_a_rows = pack_a_rows,
    .pack_a_cols = pack_a_cols,
#ifdef KERNELS_BF16
    .turn_a_cols = turn_a_cols,
    .peak_bf16 = peak_bf16,
#endif
    .layernorm_row = layernorm_row,
    .layernorm_back_row = layernorm_back_row,
    .rmsnorm_row = rmsnorm_row,
    .rmsnorm_back_row = rmsnorm_back_row,
    .rope_head = rope_head,
    .add_rows = add_rows,
    .gelu = gelu,
    .finish = finish,
    .add = add,
    .max = max,
    .exp_sum = exp_sum,
    .exp_sum_only = exp_sum_only,
    .scale = scale,
    .softmax_rows = softmax_rows,
    .softmax_grad_rows = softmax_grad_rows,
    .dot = dot,
    .copy_scaled = copy_scaled,
    .adamw = adamw,
    .sum_squares = sum_squares,
    .peak = peak,
};
