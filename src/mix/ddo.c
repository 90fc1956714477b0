/* The exact optimum of the separable law of [K24]: closed form and one root (docs/method.md#optimum-of-a-star). */
#include <assert.h>
#include <math.h>

#include "mix/mix.h"

typedef struct star_problem {
    const double *a, *b, *w0, *lo, *hi;
    double ratio;
    size_t n;
} star_problem;

static double clip(double x, double lo, double hi)
{
    return x < lo ? lo : x > hi ? hi : x;
}

/* sum_i w0_i x_i(mu), mu = ln lambda, and its derivative; ln_bw (n) holds ln(b_i/w0_i). x may be ln_bw's own place only
 * when it is no longer needed. */
static double spent(const star_problem *p, const double *ln_bw, double mu, double *slope, double *x)
{
    /* Where the bounds let it, lambda w0_i = b_i (x_i + a_i)^-(b_i + 1): x_i = (b_i / (w0_i lambda))^(1 / (b_i + 1)) -
     * a_i */
    double sum = 0, ds = 0;
    for (size_t i = 0; i < p->n; i++) {
        double r = 1 / (p->b[i] + 1), q = exp(r * (ln_bw[i] - mu));
        double least = p->lo[i] * p->ratio / p->w0[i], most = p->hi[i] * p->ratio / p->w0[i];
        double free = q - p->a[i], xi = clip(free, least, most);
        sum += p->w0[i] * xi;
        if (free > least && free < most)
            ds -= p->w0[i] * r * q;
        if (x)
            x[i] = xi;
    }
    *slope = ds;
    return sum;
}

/* A multiplier at which everything is at its least (top) or its most (bottom). */
static double edge(const star_problem *p, const double *ln_bw, bool top)
{
    double mu = 0;
    bool any = false;
    for (size_t i = 0; i < p->n; i++) {
        double at = (top ? p->lo[i] : p->hi[i]) * p->ratio / p->w0[i] + p->a[i];
        if (!(at > 0)) /* below the pole of a root with a < 0 nothing can stand: take a hair above it */
            at = 1e-12;
        double m = ln_bw[i] - (p->b[i] + 1) * log(at);
        if (!any || (top ? m > mu : m < mu))
            mu = m;
        any = true;
    }
    return mu;
}

/* Safeguarded Newton on the decreasing, piecewise convex sum: a bisection that is quick. */
static double solve_multiplier(const star_problem *p, const double *ln_bw)
{
    double lo = edge(p, ln_bw, false), hi = edge(p, ln_bw, true), mu = .5 * (lo + hi);
    for (int k = 0; k < 200; k++) {
        double slope, miss = spent(p, ln_bw, mu, &slope, NULL) - p->ratio;
        if (miss > 0)
            lo = mu;
        else
            hi = mu;
        if (fabs(miss) <= 4e-16 * p->ratio || hi - lo <= 1e-15 * (fabs(mu) + 1))
            break;
        double next = slope < 0 ? mu - miss / slope : lo;
        mu = next > lo && next < hi ? next : .5 * (lo + hi);
    }
    return mu;
}

double asc_ddo_solve(double *x, const double *a, const double *b, const double *w0, double budget_ratio,
                     const double *lo, const double *hi, size_t n_domains)
{
    star_problem p = {.a = a, .b = b, .w0 = w0, .lo = lo, .hi = hi, .ratio = budget_ratio, .n = n_domains};
    assert(n_domains > 0 && budget_ratio > 0);
    for (size_t i = 0; i < n_domains; i++)
        x[i] = log(b[i] / w0[i]); /* x is the scratch until the last line */
    double mu = solve_multiplier(&p, x), slope;
    spent(&p, x, mu, &slope, x);
    return exp(mu);
}
