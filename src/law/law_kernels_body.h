/* The kernels, compiled once a set of instructions: KERNELS names the table. See law_private.h. */
#include "law_private.h"
#include "vmath.h"

static void k_exp_affine(double *out, double a, double b, const double *x, size_t n)
{
    for (size_t r = 0; r < n; r += ASC__LANES)
        v4_store(out + r, v4_exp(v4_set(a) + v4_set(b) * v4_load(x + r)));
}

static void k_log(double *out, const double *x, size_t n)
{
    for (size_t r = 0; r < n; r += ASC__LANES)
        v4_store(out + r, v4_log(v4_load(x + r)));
}

static void k_pow_sum(double *s, double *t, const double *c, const double *g, const double *x, size_t d, size_t ld,
                      size_t n)
{
    for (size_t r = 0; r < n; r += ASC__LANES) {
        v4 sum = v4_set(0);
        for (size_t i = 0; i < d; i++) {
            v4 e = v4_exp(v4_set(c[i]) + v4_set(g[i]) * v4_load(x + i * ld + r));
            if (t)
                v4_store(t + i * ld + r, e);
            sum += e;
        }
        v4_store(s + r, sum);
    }
}

static void k_pow_row(double *out, double *out2, const double *q, const double *t, double g, const double *x, size_t n)
{
    for (size_t r = 0; r < n; r += ASC__LANES) {
        v4 v = v4_load(q + r) * v4_load(t + r);
        v4_store(out + r, v);
        if (out2)
            v4_store(out2 + r, v * (v4_set(g) * v4_load(x + r)));
    }
}

static void k_axpy(double *y, double a, const double *x, size_t n)
{
    for (size_t r = 0; r < n; r += ASC__LANES)
        v4_store(y + r, v4_load(y + r) + v4_set(a) * v4_load(x + r));
}

static inline double v4_sum(v4 v)
{
    return (v[0] + v[1]) + (v[2] + v[3]);
}

static double k_dot(const double *a, const double *b, size_t n)
{
    v4 s = v4_set(0);
    for (size_t r = 0; r < n; r += ASC__LANES)
        s += v4_load(a + r) * v4_load(b + r);
    return v4_sum(s);
}

/* Two rows against two: four sums in registers. */
static void k_block(double out[4], const double *a0, const double *a1, const double *b0, const double *b1, size_t n)
{
    v4 s00 = v4_set(0), s01 = s00, s10 = s00, s11 = s00;
    for (size_t r = 0; r < n; r += ASC__LANES) {
        v4 x0 = v4_load(a0 + r), x1 = v4_load(a1 + r), y0 = v4_load(b0 + r), y1 = v4_load(b1 + r);
        s00 += x0 * y0;
        s01 += x0 * y1;
        s10 += x1 * y0;
        s11 += x1 * y1;
    }
    out[0] = v4_sum(s00);
    out[1] = v4_sum(s01);
    out[2] = v4_sum(s10);
    out[3] = v4_sum(s11);
}

static void k_syrk(double *g, const double *j, const double *w, double *scratch, size_t p, size_t ld, size_t n)
{
    for (size_t i = 0; i < p; i++)
        for (size_t r = 0; r < n; r += ASC__LANES)
            v4_store(scratch + i * ld + r, v4_load(j + i * ld + r) * v4_load(w + r));
    for (size_t i = 0; i < p; i += 2)
        for (size_t k = 0; k <= i; k += 2) {
            size_t i1 = i + 1 < p ? i + 1 : i, k1 = k + 1 < p ? k + 1 : k;
            double s[4];
            k_block(s, scratch + i * ld, scratch + i1 * ld, j + k * ld, j + k1 * ld, n);
            g[i * p + k] = s[0];
            g[i1 * p + k1] = s[3];
            g[i1 * p + k] = s[2];
            if (k1 <= i)
                g[i * p + k1] = s[1];
        }
}

static void k_rbf(double *out, const double *x, const double *s, double k, size_t f, size_t ld, size_t n)
{
    for (size_t r = 0; r < n; r += ASC__LANES) {
        v4 sum = v4_set(0);
        for (size_t i = 0; i < f; i++) {
            v4 d = v4_load(x + i * ld + r) - v4_set(s[i]);
            sum += d * d;
        }
        v4_store(out + r, v4_exp(v4_set(-k) * sum));
    }
}

const asc__kernels KERNELS = {k_exp_affine, k_log, k_pow_sum, k_pow_row, k_axpy, k_dot, k_syrk, k_rbf};
