/* What each share may be: the user's bounds, the tokens there are, the neighbourhood of what was sampled. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "solve.h"

const char *asc_bound_name(asc_bound b)
{
    static const char *const names[] = {NULL, "min", "max", "available", "trust"};
    assert((size_t)b < sizeof names / sizeof *names);
    return names[b];
}

void asc_mix_opts_init(asc_mix_opts *o)
{
    *o = (asc_mix_opts){.params = NAN, .trust = NAN, .level = .9, .limits = {.max_epochs = 1}};
}

static const double r_star = 15.387756; /* [M23] R_D*: after so many more epochs a repeated token is worth 1/e */

double asc_effective_tokens(double n, double unique)
{
    if (!(n > unique) || !(unique > 0))
        return n;
    return unique + unique * r_star * -expm1(-(n / unique - 1) / r_star);
}

double asc__effective_slope(double n, double unique)
{
    return n > unique && unique > 0 ? exp(-(n / unique - 1) / r_star) : 1;
}

static double most_available(const asc_mix_opts *o, size_t i)
{
    if (!o->limits.available || isinf(o->limits.available[i]))
        return INFINITY;
    return floor(o->limits.available[i] * asc_limits_epochs(&o->limits, i)) / (double)o->n_tokens;
}

static asc_status domain_limits(double *lo, double *hi, asc_bound *kind_lo, asc_bound *kind_hi, const asc_mix_opts *o,
                                double range_lo, double range_hi, size_t i, const char *name, asc_error *err)
{
    *lo = o->limits.lo ? o->limits.lo[i] : 0;
    *hi = o->limits.hi ? o->limits.hi[i] : 1;
    *kind_lo = ASC_AT_MIN;
    *kind_hi = ASC_AT_MAX;
    if (!(*lo >= 0 && *lo <= *hi && *hi <= 1))
        return ASC_FAIL(err, ASC_EINVAL, "domain %s: bounds %g .. %g: expected shares, 0 <= minimum <= maximum <= 1",
                        name, *lo, *hi);
    double room = most_available(o, i);
    if (room < *lo)
        return ASC_FAIL(err, ASC_EINVAL,
                        "domain %s: a minimum share of %.4f of %lld tokens, but the available tokens allow only %.4f",
                        name, *lo, (long long)o->n_tokens, room);
    if (room < *hi) {
        *hi = room;
        *kind_hi = ASC_AT_AVAILABLE;
    }
    if (!(o->trust > 0) || isnan(range_lo))
        return ASC_OK;
    /* The user's own bounds and the tokens that exist are stronger than our caution. */
    double near_lo = fmin(range_lo / o->trust, *hi), near_hi = fmax(range_hi * o->trust, *lo);
    if (near_lo > *lo) {
        *lo = near_lo;
        *kind_lo = ASC_AT_TRUST;
    }
    if (near_hi < *hi) {
        *hi = near_hi;
        *kind_hi = ASC_AT_TRUST;
    }
    return ASC_OK;
}

asc_status asc_mix_limits(double *lo, double *hi, asc_bound *kind_lo, asc_bound *kind_hi, const asc_mix_opts *o,
                          const double *range_lo, const double *range_hi, char *const *domains, size_t n_domains,
                          asc_error *err)
{
    double least = 0, most = 0;
    bool trust_lo = false, trust_hi = false;
    if (o->n_tokens <= 0)
        return ASC_FAIL(err, ASC_EINVAL, "budget: expected tokens > 0, found %lld", (long long)o->n_tokens);
    if (o->limits.available && !(o->limits.max_epochs > 0))
        return ASC_FAIL(err, ASC_EINVAL, "max epochs: expected a number > 0, found %g", o->limits.max_epochs);
    for (size_t i = 0; i < n_domains; i++) {
        ASC_TRY(domain_limits(&lo[i], &hi[i], &kind_lo[i], &kind_hi[i], o, range_lo ? range_lo[i] : NAN,
                              range_hi ? range_hi[i] : NAN, i, domains ? domains[i] : "?", err));
        least += lo[i];
        most += hi[i];
        trust_lo |= kind_lo[i] == ASC_AT_TRUST;
        trust_hi |= kind_hi[i] == ASC_AT_TRUST;
    }
    const char *hint = "; shares are limited to the sampled range (--trust off lifts the limit)";
    if (least > 1 + 1e-9)
        return ASC_FAIL(err, ASC_EINVAL, "bounds: the minimum shares sum to %.6g, more than 1%s", least,
                        trust_lo ? hint : "");
    if (most < 1 - 1e-9)
        return ASC_FAIL(err, ASC_EINVAL, "bounds: the maximum shares sum to %.6g, less than 1%s%s", most,
                        o->limits.available ? " (available tokens x epochs are too few for this budget)" : "",
                        trust_hi ? hint : "");
    return ASC_OK;
}

/* ---- projection ---- */

static double sum_shifted(const double *v, const double *scale, const double *lo, const double *hi, double tau,
                          size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        double x = v[i] - tau * (scale ? scale[i] : 1);
        sum += x < lo[i] ? lo[i] : x > hi[i] ? hi[i] : x;
    }
    return sum;
}

void asc__project(double *w, const double *v, const double *scale, const double *lo, const double *hi, size_t n)
{
    double below = INFINITY, above = -INFINITY;
    assert(n > 0);
    for (size_t i = 0; i < n; i++) {
        double s = scale ? scale[i] : 1;
        assert(s > 0 && lo[i] <= hi[i]);
        below = fmin(below, (v[i] - hi[i]) / s);
        above = fmax(above, (v[i] - lo[i]) / s);
    }
    for (int k = 0; k < 120 && above - below > 1e-17 * (fabs(above) + fabs(below)); k++) {
        double tau = .5 * (below + above);
        if (sum_shifted(v, scale, lo, hi, tau, n) > 1)
            below = tau;
        else
            above = tau;
    }
    double tau = .5 * (below + above), sum = 0;
    for (size_t i = 0; i < n; i++) {
        double x = v[i] - tau * (scale ? scale[i] : 1);
        w[i] = x < lo[i] ? lo[i] : x > hi[i] ? hi[i] : x;
        sum += w[i];
    }
    /* The last bits of the sum go to whoever has room. */
    for (size_t i = 0; i < n && sum != 1; i++) {
        double x = w[i] + (1 - sum);
        x = x < lo[i] ? lo[i] : x > hi[i] ? hi[i] : x;
        sum += x - w[i];
        w[i] = x;
    }
}
