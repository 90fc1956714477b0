/* exp and log on vectors of four doubles, in plain C with GCC/clang vector types: the compiler lowers them to whatever
 * the file is compiled for, and every instruction set gives the same bits. Relative error below 4e-16. */
#ifndef VMATH_H
#define VMATH_H

#pragma GCC diagnostic ignored "-Wpsabi" /* all is inlined: no vector crosses a call */

#include <stdint.h>
#include <string.h>

typedef double v4 __attribute__((vector_size(32)));
typedef int64_t i4 __attribute__((vector_size(32)));

static inline v4 v4_load(const double *p)
{
    v4 v;
    memcpy(&v, p, sizeof v);
    return v;
}
static inline void v4_store(double *p, v4 v)
{
    memcpy(p, &v, sizeof v);
}
static inline v4 v4_set(double x)
{
    return (v4){x, x, x, x};
}
/* mask ? a : b, mask all ones or zeros a lane */
static inline v4 v4_select(i4 mask, v4 a, v4 b)
{
    return (v4)(((i4)a & mask) | ((i4)b & ~mask));
}

/* exp(x) = 2^k exp(r), |r| <= ln2/2, Taylor to r^13. Outside [-708, 708] clipped: results stay normal and finite. */
static inline v4 v4_exp(v4 x)
{
    const v4 magic = v4_set(6755399441055744.0); /* 1.5 2^52: adding it rounds to a whole number */
    x = v4_select(x > v4_set(708), v4_set(708), x);
    x = v4_select(x < v4_set(-708), v4_set(-708), x);
    v4 shifted = x * v4_set(1.4426950408889634074) + magic;
    v4 k = shifted - magic;
    v4 r = x - k * v4_set(6.93147180369123816490e-01) - k * v4_set(1.90821492927058770002e-10);
    v4 r2 = r * r, r4 = r2 * r2;
    /* pairs, then pairs of pairs: short chains keep the processor busy */
    v4 c01 = v4_set(1.0) + r, c23 = v4_set(0.5) + r * v4_set(1.0 / 6.0);
    v4 c45 = v4_set(1.0 / 24.0) + r * v4_set(1.0 / 120.0), c67 = v4_set(1.0 / 720.0) + r * v4_set(1.0 / 5040.0);
    v4 c89 = v4_set(1.0 / 40320.0) + r * v4_set(1.0 / 362880.0);
    v4 cab = v4_set(1.0 / 3628800.0) + r * v4_set(1.0 / 39916800.0);
    v4 ccd = v4_set(1.0 / 479001600.0) + r * v4_set(1.0 / 6227020800.0);
    v4 high = (c89 + r2 * cab) + r4 * ccd;
    v4 p = c01 + (r2 * c23 + r4 * ((c45 + r2 * c67) + r4 * high));
    i4 scale = ((i4)shifted - (i4)magic + 1023) << 52;
    return p * (v4)scale;
}

/* log(x), x > 0 and normal: x = 2^k m, m in [sqrt(1/2), sqrt 2), s = (m-1)/(m+1), log m = 2 s (1 + s^2/3 + ...). */
static inline v4 v4_log(v4 x)
{
    const i4 root_half = {0x3fe6a09e667f3bcd, 0x3fe6a09e667f3bcd, 0x3fe6a09e667f3bcd, 0x3fe6a09e667f3bcd};
    i4 bits = (i4)x;
    i4 t = bits - root_half;
    i4 k = t & (int64_t)0xfff0000000000000; /* exponent of x / sqrt(1/2), in place */
    v4 m = (v4)(bits - k);
    /* k >> 52 as a double, without an arithmetic shift of 64 bits (AVX2 has none): 2^52 + 2^51 + value trick */
    i4 biased = ((k + ((int64_t)1024 << 52)) >> 52) & 0xfff;
    v4 kd = (v4)(biased | (int64_t)0x4330000000000000) - v4_set(4503599627370496.0 + 1024.0);
    v4 s = (m - v4_set(1)) / (m + v4_set(1));
    v4 z = s * s;
    v4 p = v4_set(1.0 / 21);
    p = p * z + v4_set(1.0 / 19);
    p = p * z + v4_set(1.0 / 17);
    p = p * z + v4_set(1.0 / 15);
    p = p * z + v4_set(1.0 / 13);
    p = p * z + v4_set(1.0 / 11);
    p = p * z + v4_set(1.0 / 9);
    p = p * z + v4_set(1.0 / 7);
    p = p * z + v4_set(1.0 / 5);
    p = p * z + v4_set(1.0 / 3);
    v4 two_s = s + s;
    v4 low = two_s * (z * p) + kd * v4_set(1.90821492927058770002e-10);
    return kd * v4_set(6.93147180369123816490e-01) + (two_s + low);
}

#endif
