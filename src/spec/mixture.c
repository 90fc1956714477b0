/* Mixtures: shares within bounds, and the one rule by which shares become whole tokens or sequences; what an epoch is.
 */
#include "spec/spec.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define NEARLY 1e-9 /* of a share: rounding, no breach */

/* ---- epochs and caps ---- */

int64_t asc_epoch_sequences(int64_t n_tokens, int context)
{
    return n_tokens > 0 && context > 0 ? (n_tokens - 1) / context : 0;
}

int64_t asc_cap_sequences(int64_t n_tokens, int context, double max_epochs)
{
    if (!isfinite(max_epochs))
        return ASC_NO_CAP;
    double most = floor(max_epochs * (double)asc_epoch_sequences(n_tokens, context) + 1e-9);
    return most < (double)ASC_NO_CAP ? (int64_t)most : ASC_NO_CAP;
}

/* ---- sharing out within limits ---- */

typedef enum held { OPEN, AT_MOST, AT_LEAST } held;

static double least_of(const double *lo, size_t i)
{
    return lo ? lo[i] : 0;
}

static double most_of(const double *hi, size_t i)
{
    return hi ? hi[i] : INFINITY;
}

/* x_i = min(hi_i, scale * w_i) with sum `left` over the domains that are not held at their least: those that pass their
 * most are held there and the rest shared again, at most n times. Zero weights get something only when all others are
 * full. */
static void fill(double *x, held *h, const double *w, size_t n, double left, const double *hi)
{
    for (size_t round = 0; round <= 2 * n; round++) {
        double sum = 0, used = 0;
        size_t open = 0;
        for (size_t i = 0; i < n; i++)
            if (h[i] == OPEN) {
                sum += w[i];
                open++;
            }
        bool hit = false;
        for (size_t i = 0; i < n; i++) {
            if (h[i] != OPEN)
                continue;
            x[i] = sum > 0 ? left * w[i] / sum : left / (double)open;
            if (x[i] > most_of(hi, i)) {
                x[i] = most_of(hi, i);
                used += x[i];
                h[i] = AT_MOST;
                hit = true;
            }
        }
        if (!hit)
            return;
        left -= used;
    }
}

/* x_i = clip(scale * w_i, lo_i, hi_i) with sum total. Holding one at its least leaves less for the others, so that
 * those below their least stay below it: each round adds some to them until none is left, n rounds at most. */
static void share_out(double *x, held *h, const double *w, size_t n, double total, const double *lo, const double *hi)
{
    memset(h, 0, n * sizeof *h);
    for (bool hit = true; hit;) {
        double left = total;
        for (size_t i = 0; i < n; i++) {
            if (h[i] == AT_LEAST) {
                x[i] = least_of(lo, i);
                left -= x[i];
            } else
                h[i] = OPEN;
        }
        fill(x, h, w, n, left, hi);
        hit = false;
        for (size_t i = 0; i < n; i++)
            if (h[i] != AT_LEAST && x[i] < least_of(lo, i)) {
                h[i] = AT_LEAST;
                hit = true;
            }
    }
}

static asc_status check_weights(const double *weights, size_t n, asc_error *err)
{
    double sum = 0;
    if (n == 0)
        return ASC_FAIL(err, ASC_EINVAL, "mixture: expected at least one domain");
    for (size_t i = 0; i < n; i++) {
        if (!(weights[i] >= 0) || isinf(weights[i]))
            return ASC_FAIL(err, ASC_EINVAL, "mixture: domain %zu: expected a share >= 0, found %g", i + 1, weights[i]);
        sum += weights[i];
    }
    return sum > 0 ? ASC_OK : ASC_FAIL(err, ASC_EINVAL, "mixture: all shares are zero");
}

/* ---- shares ---- */

bool asc_is_mixture(const double *weights, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        if (!(weights[i] >= 0))
            return false;
        sum += weights[i];
    }
    return fabs(sum - 1) <= 1e-6;
}

asc_status asc_mixture_within(double *out, bool *moved, const double *weights, size_t n, const double *lo,
                              const double *hi, asc_error *err)
{
    double least = 0, most = 0;
    bool inside = true;
    ASC_TRY(check_weights(weights, n, err));
    for (size_t i = 0; i < n; i++) {
        least += least_of(lo, i);
        most += hi ? hi[i] : 1;
        inside &= weights[i] >= least_of(lo, i) - NEARLY && weights[i] <= most_of(hi, i) + NEARLY;
    }
    if (least > 1 + NEARLY || most < 1 - NEARLY)
        return ASC_FAIL(err, ASC_EINVAL, "mixture: bounds: the %s shares sum to %g, %s than 1",
                        least > 1 ? "minimum" : "maximum", least > 1 ? least : most, least > 1 ? "more" : "less");
    *moved = !inside;
    if (inside) {
        memmove(out, weights, n * sizeof *out);
        return ASC_OK;
    }
    double *x = asc_calloc(n, sizeof *x);
    held *h = asc_calloc(n, sizeof *h);
    if (x && h) {
        share_out(x, h, weights, n, 1, lo, hi);
        memcpy(out, x, n * sizeof *out);
    }
    asc_status st = x && h ? ASC_OK : ASC_NOMEM(err);
    asc_free(x);
    asc_free(h);
    return st;
}

/* ---- whole tokens ---- */

static asc_status check_room(int64_t total, const int64_t *least, const int64_t *most, size_t n, asc_error *err)
{
    double room = 0, needed = 0;
    if (total < 0)
        return ASC_FAIL(err, ASC_EINVAL, "mixture: expected a total >= 0");
    for (size_t i = 0; i < n; i++) {
        room += most ? (double)(most[i] > 0 ? most[i] : 0) : (double)total;
        needed += least ? (double)least[i] : 0;
    }
    if (room < (double)total)
        return ASC_FAIL(err, ASC_EINVAL,
                        "mixture: %lld tokens requested, but the domains' caps allow only %.0f in total",
                        (long long)total, room);
    if (needed > (double)total)
        return ASC_FAIL(err, ASC_EINVAL, "mixture: %lld tokens requested, but the domains' minimums need %.0f in total",
                        (long long)total, needed);
    return ASC_OK;
}

/* Largest remainder: the whole parts first, what is missing to those with the largest remainder that have room. */
static void round_up(int64_t *out, double *x, size_t n, int64_t total, const int64_t *least, const int64_t *most)
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
            bool room = step > 0 ? !most || out[i] < most[i] : out[i] > (least ? least[i] : 0);
            if (room && (best == n || (double)step * x[i] > (double)step * x[best]))
                best = i;
        }
        assert(best < n); /* check_room: least and most leave room for the total */
        out[best] += step;
        x[best] -= (double)step;
        left -= step;
    }
}

/* Numbers of units as doubles: exact up to 2^53, which budgets do not reach. NULL stays NULL. */
static bool as_doubles(double **out, const int64_t *x, size_t n)
{
    if (!x)
        return true;
    *out = asc_calloc(n, sizeof **out);
    for (size_t i = 0; *out && i < n; i++)
        (*out)[i] = x[i] > 0 ? (double)x[i] : 0;
    return *out != NULL;
}

asc_status asc_mixture_whole(int64_t *out, bool *capped, const double *weights, size_t n, int64_t total,
                             const int64_t *least, const int64_t *most, asc_error *err)
{
    ASC_TRY(check_weights(weights, n, err));
    ASC_TRY(check_room(total, least, most, n, err));
    double *x = asc_calloc(n, sizeof *x), *lo = NULL, *hi = NULL;
    held *h = asc_calloc(n, sizeof *h);
    bool ok = x && h && as_doubles(&lo, least, n) && as_doubles(&hi, most, n);
    if (ok) {
        share_out(x, h, weights, n, (double)total, lo, hi);
        round_up(out, x, n, total, least, most);
    }
    for (size_t i = 0; ok && capped && i < n; i++)
        capped[i] = h[i] == AT_MOST;
    asc_free(x);
    asc_free(h);
    asc_free(lo);
    asc_free(hi);
    return ok ? ASC_OK : ASC_NOMEM(err);
}

asc_status asc_mixture_tokens(int64_t *n, bool *capped, const double *weights, size_t n_domains, int64_t total,
                              const int64_t *cap, asc_error *err)
{
    return asc_mixture_whole(n, capped, weights, n_domains, total, NULL, cap, err);
}
