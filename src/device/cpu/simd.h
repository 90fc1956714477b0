/*
 * One name for each vector operation the kernels need, at the width of the instruction set that the including file is
 * compiled for: 16 floats with AVX-512, 8 with AVX2, 4 with SSE and NEON. Included by kernel files only.
 *
 * v_max(a, x) and v_min(a, x) return x when it is NaN on every path, so NaN passes through and a diverged run shows.
 */
#ifndef ASC_DEVICE_SIMD_H
#define ASC_DEVICE_SIMD_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__AVX512F__)
#include <immintrin.h>
#define VL 16
typedef __m512 vf;
#define v_load(p) _mm512_loadu_ps(p)
#define v_store(p, x) _mm512_storeu_ps(p, x)
#define v_set1(x) _mm512_set1_ps(x)
#define v_fma(a, b, c) _mm512_fmadd_ps(a, b, c)
#define v_max(a, x) _mm512_max_ps(a, x)
#define v_min(a, x) _mm512_min_ps(a, x)
#define v_sqrt(x) _mm512_sqrt_ps(x)
#elif defined(__AVX2__)
#include <immintrin.h>
#define VL 8
typedef __m256 vf;
#define v_load(p) _mm256_loadu_ps(p)
#define v_store(p, x) _mm256_storeu_ps(p, x)
#define v_set1(x) _mm256_set1_ps(x)
#define v_fma(a, b, c) _mm256_fmadd_ps(a, b, c)
#define v_max(a, x) _mm256_max_ps(a, x)
#define v_min(a, x) _mm256_min_ps(a, x)
#define v_sqrt(x) _mm256_sqrt_ps(x)
#elif defined(__SSE2__)
#include <immintrin.h>
#define VL 4
typedef __m128 vf;
#define v_load(p) _mm_loadu_ps(p)
#define v_store(p, x) _mm_storeu_ps(p, x)
#define v_set1(x) _mm_set1_ps(x)
#define v_fma(a, b, c) _mm_add_ps(_mm_mul_ps(a, b), c)
#define v_max(a, x) _mm_max_ps(a, x)
#define v_min(a, x) _mm_min_ps(a, x)
#define v_sqrt(x) _mm_sqrt_ps(x)
#elif defined(__ARM_NEON) && defined(__aarch64__)
#include <arm_neon.h>
#define VL 4
typedef float32x4_t vf;
#define v_load(p) vld1q_f32(p)
#define v_store(p, x) vst1q_f32(p, x)
#define v_set1(x) vdupq_n_f32(x)
#define v_fma(a, b, c) vfmaq_f32(c, a, b)
#define v_max(a, x) vmaxq_f32(a, x)
#define v_min(a, x) vminq_f32(a, x)
#define v_sqrt(x) vsqrtq_f32(x)
#else
#define VL 1
typedef float vf;
#define v_load(p) (*(p))
#define v_store(p, x) (*(p) = (x))
#define v_set1(x) (x)
#define v_fma(a, b, c) ((a) * (b) + (c))
#define v_max(a, x) ((a) > (x) ? (a) : (x))
#define v_min(a, x) ((a) < (x) ? (a) : (x))
#define v_sqrt(x) sqrtf(x)
#endif

#if VL > 1
typedef int32_t vi __attribute__((vector_size(4 * VL)));
#else
typedef int32_t vi;
#endif

#define ASC_INLINE static inline __attribute__((always_inline))

ASC_INLINE void v_store_or_add(float *p, vf x, int accumulate)
{
    if (accumulate)
        x = x + v_load(p);
    v_store(p, x);
}

#if defined(__AVX512F__)
ASC_INLINE float v_sum(vf x)
{
    return _mm512_reduce_add_ps(x);
}

ASC_INLINE float v_maximum(vf x)
{
    return _mm512_reduce_max_ps(x);
}

/* The first n < VL floats of p, the rest filled. */
ASC_INLINE vf v_load_part(const float *p, size_t n, float fill)
{
    return _mm512_mask_loadu_ps(v_set1(fill), (__mmask16)((1u << n) - 1), p);
}

ASC_INLINE void v_store_part(float *p, vf x, size_t n)
{
    _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), x);
}
#else
/* Sum of the lanes, halves first: the same tree at every width. */
ASC_INLINE float v_sum(vf x)
{
    float t[VL];
    v_store(t, x);
    for (int h = VL / 2; h > 0; h /= 2)
        for (int i = 0; i < h; i++)
            t[i] += t[i + h];
    return t[0];
}

ASC_INLINE float v_maximum(vf x)
{
    float t[VL], m;
    v_store(t, x);
    m = t[0];
    for (int i = 1; i < VL; i++)
        m = t[i] > m ? t[i] : m;
    return m;
}

/* The first n < VL floats of p, the rest filled. */
ASC_INLINE vf v_load_part(const float *p, size_t n, float fill)
{
    float t[VL];
    for (size_t i = 0; i < VL; i++)
        t[i] = i < n ? p[i] : fill;
    return v_load(t);
}

ASC_INLINE void v_store_part(float *p, vf x, size_t n)
{
    float t[VL];
    v_store(t, x);
    for (size_t i = 0; i < n && i < VL; i++)
        p[i] = t[i];
}
#endif

/* The first n <= VL floats of p, the rest 0; and as many back. */
ASC_INLINE vf v_load_some(const float *p, size_t n)
{
    return n == VL ? v_load(p) : v_load_part(p, n, 0);
}

ASC_INLINE void v_store_some(float *p, vf x, size_t n)
{
    if (n == VL)
        v_store(p, x);
    else
        v_store_part(p, x, n);
}

/* |h| with the sign of x */
ASC_INLINE vf v_copysign(vf h, vf x)
{
#if VL > 1
    return (vf)((((vi)h) & INT32_MAX) | (((vi)x) & INT32_MIN));
#else
    return copysignf(h, x);
#endif
}

/*
 * 2^t, relative error below 3e-7: t = n + f with |f| <= 1/2, minimax polynomial of degree 5 in f (Remez, in double).
 * Below -126 the result stays about 1e-38 (never denormal), above 127 it is large or infinite; NaN stays NaN.
 */
ASC_INLINE vf v_exp2(vf t)
{
    t = v_max(v_set1(-126.0f), t);
#if defined(__AVX512F__)
    vf n = _mm512_roundscale_ps(t, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
#else
    const float magic = 12582912.0f; /* 1.5 * 2^23: adding it rounds to a whole number in the low bits */
    t = v_min(v_set1(127.0f), t);
    vf z = t + v_set1(magic), n = z - v_set1(magic);
#endif
    vf f = t - n;
    vf p = v_fma(f, v_set1(0.001327647199258419f), v_set1(0.009675541334454401f));
    p = v_fma(p, f, v_set1(0.05550713273497929f));
    p = v_fma(p, f, v_set1(0.2402211972383998f));
    p = v_fma(p, f, v_set1(0.6931469670647603f));
    p = v_fma(p, f, v_set1(1.0f));
#if defined(__AVX512F__)
    return _mm512_scalef_ps(p, n);
#elif VL > 1
    vi e = (((vi)z) + 127) << 23; /* magic's own bits are shifted out */
    return p * (vf)e;
#else
    uint32_t e;
    memcpy(&e, &z, sizeof e);
    e = (e + 127u) << 23;
    memcpy(&z, &e, sizeof z);
    return p * z;
#endif
}

#define LOG2_E 1.44269504088896341f

/* exp(x), relative error below 3e-7 + 6e-8 |x|; ends as v_exp2's */
ASC_INLINE vf v_exp(vf x)
{
    return v_exp2(x * v_set1(LOG2_E));
}

#endif
