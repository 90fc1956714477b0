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

/*
 * exp(x), relative error below 2e-7: x = n ln 2 + r with |r| <= ln(2)/2, Taylor polynomial of degree 7 in r.
 * Below -87.3 the result is about 1e-38 (never denormal), above 88 it stays finite; NaN stays NaN.
 */
ASC_INLINE vf v_exp(vf x)
{
    const float magic = 12582912.0f; /* 1.5 * 2^23: adding it rounds to a whole number in the low bits */
    x = v_min(v_set1(88.0f), v_max(v_set1(-87.3f), x));
    vf t = v_fma(x, v_set1(1.44269504088896341f), v_set1(magic));
    vf n = t - v_set1(magic);
    vf r = v_fma(n, v_set1(-0.693359375f), x);
    r = v_fma(n, v_set1(2.12194440054690583e-4f), r);
    vf p = v_fma(r, v_set1(1.0f / 5040), v_set1(1.0f / 720));
    p = v_fma(p, r, v_set1(1.0f / 120));
    p = v_fma(p, r, v_set1(1.0f / 24));
    p = v_fma(p, r, v_set1(1.0f / 6));
    p = v_fma(p, r, v_set1(0.5f));
    p = v_fma(p, r, v_set1(1.0f));
    p = v_fma(p, r, v_set1(1.0f));
#if VL > 1
    vi e = (((vi)t) + 127) << 23; /* magic's own bits are shifted out */
    return p * (vf)e;
#else
    int32_t e;
    memcpy(&e, &t, sizeof e);
    uint32_t u = ((uint32_t)e + 127u) << 23;
    memcpy(&t, &u, sizeof t);
    return p * t;
#endif
}

/* 1 / (1 + exp(-x)) */
ASC_INLINE vf v_sigmoid(vf x)
{
    return v_set1(1.0f) / (v_set1(1.0f) + v_exp(v_set1(0.0f) - x));
}

#endif
