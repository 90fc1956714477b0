/* The kernels, compiled once a set of instructions: KERNELS names the table. See private.h. */
#include "private.h"

#include "num/num_vmath.h"

static void k_exp_affine(double *out, double a, double b, const double *x, size_t n)
{
    for (size_t r = 0; r < n; r += ASC_LANES)
        v4_store(out + r, v4_exp(v4_set(a) + v4_set(b) * v4_load(x + r)));
}

static void k_log(double *out, const double *x, size_t n)
{
    for (size_t r = 0; r < n; r += ASC_LANES)
        v4_store(out + r, v4_log(v4_load(x + r)));
}

/* Two vectors of rows at a time: the polynomial of one hides the latency of the other. */
static void k_pow_sum(double *s, double *t, const double *c, const double *g, const double *x, size_t d, size_t ld,
                      size_t n)
{
    size_t r = 0;
    for (; r + 2 * ASC_LANES <= n; r += 2 * ASC_LANES) {
        v4 sum = v4_set(0), sum2 = sum;
        for (size_t i = 0; i < d; i++) {
            const double *at = x + i * ld + r;
            v4 e = v4_exp(v4_set(c[i]) + v4_set(g[i]) * v4_load(at));
            v4 e2 = v4_exp(v4_set(c[i]) + v4_set(g[i]) * v4_load(at + ASC_LANES));
            if (t) {
                v4_store(t + i * ld + r, e);
                v4_store(t + i * ld + r + ASC_LANES, e2);
            }
            sum += e;
            sum2 += e2;
        }
        v4_store(s + r, sum);
        v4_store(s + r + ASC_LANES, sum2);
    }
    for (; r < n; r += ASC_LANES) {
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
    for (size_t r = 0; r < n; r += ASC_LANES) {
        v4 v = v4_load(q + r) * v4_load(t + r);
        v4_store(out + r, v);
        if (out2)
            v4_store(out2 + r, v * (v4_set(g) * v4_load(x + r)));
    }
}

static void k_rbf(double *out, const double *x, const double *s, double k, size_t f, size_t ld, size_t n)
{
    for (size_t r = 0; r < n; r += ASC_LANES) {
        v4 sum = v4_set(0);
        for (size_t i = 0; i < f; i++) {
            v4 d = v4_load(x + i * ld + r) - v4_set(s[i]);
            sum += d * d;
        }
        v4_store(out + r, v4_exp(v4_set(-k) * sum));
    }
}

/* Two vectors of replicas at once: the exponentials of one hide the latency of the other. */
#define PAIR 2

static v4 magnitude(v4 x)
{
    return v4_select(x > v4_set(0), x, -x);
}

/* One step at (s, z) = (log u, log b); err and det of the point it starts from. */
static void ddo_step(v4 *s, v4 *z, v4 *err, v4 *det, double d1, double d2, v4 log_y01, v4 log_y12)
{
    v4 u = v4_exp(*s), b = v4_exp(*z), u1 = u + v4_set(d1), u2 = u + v4_set(d2), l1 = v4_log(u1), l2 = v4_log(u2);
    v4 e0 = v4_exp(-b * *s), e1 = v4_exp(-b * l1), e2 = v4_exp(-b * l2), p = e0 - e1, q = e1 - e2;
    v4 f = v4_log(p) - log_y01, g = v4_log(q) - log_y12;
    /* derivatives of log p, log q against s and z */
    v4 w1 = e1 * (u / u1), w2 = e2 * (u / u2), over_p = -b / p, over_q = -b / q;
    v4 fs = over_p * (e0 - w1), gs = over_q * (w1 - w2);
    v4 fz = over_p * (e0 * *s - e1 * l1), gz = over_q * (e1 * l1 - e2 * l2);
    *det = fs * gz - fz * gs;
    v4 ds = (f * gz - g * fz) / *det, dz = (fs * g - gs * f) / *det;
    v4 size = magnitude(ds) + magnitude(dz);
    v4 scale = v4_select(size > v4_set(.7), v4_set(.7) / size, v4_set(1));
    *s -= scale * ds;
    *z -= scale * dz;
    *err = magnitude(f) + magnitude(g);
}

/* Errors are those before the last step, which squares them: a millionth is enough to arrive. */
static void k_ddo_newton(asc__ddo_lanes *out, double u0, double b0, double d1, double d2, const double *y01,
                         const double *y12, double sign, size_t n)
{
    const v4 start_s = v4_log(v4_set(u0)), start_z = v4_log(v4_set(b0)), some = v4_set(.1), least = v4_set(1e-12);
    for (size_t r = 0; r < n; r += PAIR * ASC_LANES) {
        v4 s[PAIR], z[PAIR], err[PAIR], det[PAIR], log_y01[PAIR], log_y12[PAIR];
        i4 falls[PAIR];
        size_t m = n - r < PAIR * ASC_LANES ? 1 : PAIR;
        for (size_t j = 0; j < m; j++) {
            v4 p = v4_load(y01 + r + j * ASC_LANES), q = v4_load(y12 + r + j * ASC_LANES);
            falls[j] = (p > least) & (q > least);
            log_y01[j] = v4_log(v4_select(falls[j], p, some));
            log_y12[j] = v4_log(v4_select(falls[j], q, some));
            s[j] = start_s;
            z[j] = start_z;
        }
        for (int k = 0; k < 12; k++) {
            i4 busy = {0};
            for (size_t j = 0; j < m; j++) {
                ddo_step(&s[j], &z[j], &err[j], &det[j], d1, d2, log_y01[j], log_y12[j]);
                busy |= ~(err[j] < v4_set(1e-7)) & falls[j];
            }
            if (!(busy[0] | busy[1] | busy[2] | busy[3]))
                break;
        }
        for (size_t j = 0; j < m; j++) {
            size_t at = r + j * ASC_LANES;
            v4 b = v4_exp(z[j]);
            i4 ok = (err[j] < v4_set(1e-6)) & (det[j] * v4_set(sign) > v4_set(0)) & falls[j];
            v4_store(out->u + at, v4_exp(s[j]));
            v4_store(out->b + at, b);
            v4_store(out->f + at, v4_exp(-b * s[j]));
            memcpy(out->arrived + at, &ok, sizeof ok);
        }
    }
}

const asc__kernels KERNELS = {k_exp_affine, k_log, k_pow_sum, k_pow_row, k_rbf, k_ddo_newton};
