/* Whole tokens of a mixture under caps. */
#include <math.h>
#include <string.h>

#include "autoscale/design.h"

static asc_status check(double *sum, const double *weights, size_t n, int64_t total, const int64_t *cap, asc_error *err)
{
    double room = 0, s = 0;
    if (n == 0 || total < 0)
        return ASC_FAIL(err, ASC_EINVAL, "mixture: expected at least one domain and a total >= 0");
    for (size_t i = 0; i < n; i++) {
        if (!(weights[i] >= 0) || isinf(weights[i]))
            return ASC_FAIL(err, ASC_EINVAL, "mixture: domain %zu: expected a share >= 0, found %g", i + 1, weights[i]);
        s += weights[i];
        room += cap ? (double)(cap[i] > 0 ? cap[i] : 0) : (double)total;
    }
    if (!(s > 0))
        return ASC_FAIL(err, ASC_EINVAL, "mixture: all shares are zero");
    if (room < (double)total)
        return ASC_FAIL(err, ASC_EINVAL,
                        "mixture: %lld tokens asked for, but the domains' caps hold only %.0f together",
                        (long long)total, room);
    *sum = s;
    return ASC_OK;
}

static double ceiling(const int64_t *cap, size_t i)
{
    return cap ? (double)(cap[i] > 0 ? cap[i] : 0) : INFINITY;
}

/* Real-valued water filling: x_i = min(cap_i, scale * w_i) with sum total; domains that hit their cap are fixed and the
 * rest shared again, at most n times. Zero weights get something only when all others are full. */
static void fill(double *x, bool *full, const double *weights, size_t n, double total, const int64_t *cap)
{
    double left = total;
    memset(full, 0, n * sizeof *full);
    for (size_t round = 0; round <= 2 * n; round++) {
        double sum = 0;
        size_t open = 0;
        for (size_t i = 0; i < n; i++)
            if (!full[i]) {
                sum += weights[i];
                open++;
            }
        bool hit = false;
        double used = 0;
        for (size_t i = 0; i < n; i++) {
            if (full[i])
                continue;
            x[i] = sum > 0 ? left * weights[i] / sum : left / (double)open;
            if (x[i] > ceiling(cap, i)) {
                x[i] = ceiling(cap, i);
                used += x[i];
                full[i] = hit = true;
            }
        }
        if (!hit)
            return;
        left -= used;
    }
}

/* Largest remainder: the floors first, what is missing to those with the largest remainder that have room. */
static void round_up(int64_t *out, double *x, size_t n, int64_t total, const int64_t *cap)
{
    int64_t left = total;
    for (size_t i = 0; i < n; i++) {
        out[i] = (int64_t)floor(x[i]);
        x[i] -= (double)out[i];
        left -= out[i];
    }
    while (left != 0) {
        int64_t step = left > 0 ? 1 : -1;
        size_t best = n;
        for (size_t i = 0; i < n; i++) {
            bool room = step > 0 ? !cap || out[i] < cap[i] : out[i] > 0;
            if (room && (best == n || (double)step * x[i] > (double)step * x[best]))
                best = i;
        }
        if (best == n)
            return;
        out[best] += step;
        x[best] -= (double)step;
        left -= step;
    }
}

asc_status asc_mixture_tokens(int64_t *n, bool *capped, const double *weights, size_t n_domains, int64_t total,
                              const int64_t *cap, asc_error *err)
{
    double sum;
    ASC_TRY(check(&sum, weights, n_domains, total, cap, err));
    double *x = asc_calloc(n_domains, sizeof *x);
    bool *full = asc_calloc(n_domains, sizeof *full);
    if (!x || !full) {
        asc_free(x);
        asc_free(full);
        return ASC_NOMEM(err);
    }
    fill(x, full, weights, n_domains, (double)total, cap);
    round_up(n, x, n_domains, total, cap);
    for (size_t i = 0; capped && i < n_domains; i++)
        capped[i] = full[i];
    asc_free(x);
    asc_free(full);
    return ASC_OK;
}
