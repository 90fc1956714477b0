/* The products, compiled once for each instruction set: PRODUCTS names the table. */
#include "products.h"

#include "num/num_vmath.h"

static void k_axpy(double *y, double a, const double *x, size_t n)
{
    for (size_t r = 0; r < n; r += ASC_LANES)
        v4_store(y + r, v4_load(y + r) + v4_set(a) * v4_load(x + r));
}

static inline double v4_sum(v4 v)
{
    return (v[0] + v[1]) + (v[2] + v[3]);
}

static double k_dot(const double *a, const double *b, size_t n)
{
    v4 s = v4_set(0);
    for (size_t r = 0; r < n; r += ASC_LANES)
        s += v4_load(a + r) * v4_load(b + r);
    return v4_sum(s);
}

/* Two rows against four: eight sums in registers. */
static void k_block(double out[8], const double *const a[2], const double *const b[4], size_t n)
{
    v4 s0 = v4_set(0), s1 = s0, s2 = s0, s3 = s0, t0 = s0, t1 = s0, t2 = s0, t3 = s0;
    for (size_t r = 0; r < n; r += ASC_LANES) {
        v4 x = v4_load(a[0] + r), y = v4_load(a[1] + r);
        v4 z = v4_load(b[0] + r), w = v4_load(b[1] + r);
        s0 += x * z;
        t0 += y * z;
        s1 += x * w;
        t1 += y * w;
        z = v4_load(b[2] + r);
        w = v4_load(b[3] + r);
        s2 += x * z;
        t2 += y * z;
        s3 += x * w;
        t3 += y * w;
    }
    const v4 sums[8] = {s0, s1, s2, s3, t0, t1, t2, t3};
    for (int i = 0; i < 8; i++)
        out[i] = v4_sum(sums[i]);
}

static void k_syrk(double *g, const double *j, const double *w, double *scratch, size_t p, size_t ld, size_t n)
{
    for (size_t i = 0; i < p; i++)
        for (size_t r = 0; r < n; r += ASC_LANES)
            v4_store(scratch + i * ld + r, v4_load(j + i * ld + r) * v4_load(w + r));
    for (size_t i = 0; i < p; i += 2)
        for (size_t k = 0; k <= i + 1 && k < p; k += 4) {
            const double *a[2], *b[4];
            double s[8];
            for (size_t c = 0; c < 2; c++)
                a[c] = scratch + (i + c < p ? i + c : i) * ld;
            for (size_t c = 0; c < 4; c++)
                b[c] = j + (k + c < p ? k + c : k) * ld;
            k_block(s, a, b, n);
            for (size_t c = 0; c < 8; c++) {
                size_t row = i + c / 4, column = k + c % 4;
                if (row < p && column <= row)
                    g[row * p + column] = s[c];
            }
        }
}

const asc__products PRODUCTS = {k_dot, k_axpy, k_block, k_syrk};
