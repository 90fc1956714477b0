#include "private.h"

#include <assert.h>
#include <math.h>
#include <string.h>

void asc__features_clear(asc__features *f)
{
    asc_aligned_free(f->memory);
    *f = (asc__features){0};
}

asc_status asc__features_init(asc__features *f, size_t n, size_t n_domains, asc_error *err)
{
    size_t ld = (n + ASC_LANES - 1) / ASC_LANES * ASC_LANES, total;
    if (__builtin_mul_overflow(ld, 3 * n_domains + 2, &total) || total > SIZE_MAX / 16)
        return ASC_NOMEM(err);
    double *p = asc_aligned_alloc((total ? total : 1) * sizeof *p);
    if (!p)
        return ASC_NOMEM(err);
    memset(p, 0, total * sizeof *p);
    *f = (asc__features){.n = n, .ld = ld, .n_domains = n_domains, .unit_tokens = 1, .unit_params = 1, .memory = p};
    f->floor = ASC__FLOOR;
    f->w = p;
    f->log_w = f->w + n_domains * ld;
    f->x = f->log_w + n_domains * ld;
    f->log_n = f->x + n_domains * ld;
    f->log_p = f->log_n + ld;
    return ASC_OK;
}

/* Rows turned at a time: whole cache lines, as columns lie a power of two apart and share their sets. */
enum { STRIP = 8 };

/* Rows r to r + m, m <= STRIP, of tokens (n,D). Rows beyond n repeat row 0 (or are all zero) so that no lane meets a
 * domain error; their weight is 0. */
static void fill_strip(asc__features *f, const double *tokens, const double *params, double one_params, size_t r,
                       size_t m)
{
    size_t D = f->n_domains, ld = f->ld;
    assert(m <= STRIP && r + m <= ld && f->unit_tokens > 0 && f->unit_params > 0);
    const double *row[STRIP];
    double total[STRIP], inverse[STRIP];
    for (size_t k = 0; k < m; k++) {
        size_t from = r + k < f->n ? r + k : 0;
        row[k] = tokens + from * D;
        total[k] = 0;
        for (size_t i = 0; i < D; i++)
            total[k] += row[k][i];
        inverse[k] = 1 / total[k];
        f->log_n[r + k] = f->has_tokens ? total[k] / f->unit_tokens : 1;
        f->log_p[r + k] = f->has_params ? (params ? params[from] : one_params) / f->unit_params : 1;
    }
    for (size_t i = 0; i < D; i++) {
        double *w = f->w + i * ld + r, *log_w = f->log_w + i * ld + r, *x = f->x + i * ld + r;
        for (size_t k = 0; k < m; k++) {
            w[k] = row[k][i] * inverse[k];
            log_w[k] = w[k] > f->floor ? w[k] : f->floor;
            x[k] = row[k][i] / f->unit_tokens;
        }
    }
}

void asc__features_fill(asc__features *f, const double *tokens, const double *params, double one_params, size_t n)
{
    size_t D = f->n_domains, ld = f->ld;
    assert(0 < n && n <= ld); /* row 0 stands for the padding */
    f->n = n;
    for (size_t r = 0; r < ld; r += STRIP)
        fill_strip(f, tokens, params, one_params, r, ld - r < STRIP ? ld - r : STRIP);
    const asc__kernels *k = asc__law_kernels();
    k->log(f->log_w, f->log_w, D * ld);
    k->log(f->log_n, f->log_n, ld);
    k->log(f->log_p, f->log_p, ld);
}

void asc__data_stats(asc__data *d)
{
    double lo = INFINITY, hi = -INFINITY, sum = 0, sum_w = 0, ss = 0;
    assert(d->x->ld % ASC_LANES == 0);
    d->n_used = 0;
    for (size_t r = 0; r < d->x->ld; r++) {
        if (d->weight[r] == 0)
            continue;
        lo = fmin(lo, d->y[r]);
        hi = fmax(hi, d->y[r]);
        sum += d->weight[r] * d->y[r];
        sum_w += d->weight[r];
        d->n_used++;
    }
    d->y_mean = sum_w > 0 ? sum / sum_w : NAN;
    for (size_t r = 0; r < d->x->ld; r++)
        if (d->weight[r] != 0)
            ss += d->weight[r] * (d->y[r] - d->y_mean) * (d->y[r] - d->y_mean);
    d->y_var = sum_w > 0 ? ss / sum_w : NAN;
    d->y_min = lo;
    d->y_max = hi;
}

double asc__total(const double *tokens, size_t n_domains)
{
    double sum = 0;
    for (size_t i = 0; i < n_domains; i++) {
        if (!(tokens[i] >= 0) || !isfinite(tokens[i]))
            return NAN;
        sum += tokens[i];
    }
    return sum;
}

void asc__shares_gradient(double *gradient, const double *gw, const double *w, double N, double dN, size_t n_domains)
{
    assert(N > 0);
    /* n_i = N w_i with sum_i w_i = 1: dL/dn_i = (dL/dw_i - sum_j w_j dL/dw_j) / N + dL/dN */
    double along = 0;
    for (size_t i = 0; i < n_domains; i++)
        along += w[i] * gw[i];
    for (size_t i = 0; i < n_domains; i++)
        gradient[i] = (gw[i] - along) / N + dN;
}
