/* L = E + K(P, N) / sum_i C_i w_i^g_i: nothing but E is left of an ever larger run. K joins the power laws of
 * parameters and tokens as Kaplan et al. 2001.08361 (eq. 1.5) do: K = ((A P^-alpha)^(1/delta) + N^(-beta/delta))^delta.
 * Laws that keep a floor of the mixture, 1/S, promise too little of larger runs (docs/results/laws.md). Ours. */
#include "reciprocal.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* theta = [E, log C (D), log g (D), log alpha (params alone) | log beta (tokens alone) |
 *          log A, log alpha, log beta, log delta (both)] */

static size_t n_scale(bool tokens, bool params)
{
    return tokens && params ? 4 : tokens || params ? 1 : 0;
}

static size_t n_params(size_t D, bool tokens, bool params)
{
    return 1 + 2 * D + n_scale(tokens, params);
}

/* log K of every row into u (ld) and, if J is not NULL, its derivatives against the last coordinates. */
static void log_scale(const asc__features *x, const double *theta, double *u, double *J)
{
    size_t ld = x->ld;
    if (!(x->has_tokens && x->has_params)) {
        const double *z = x->has_tokens ? x->log_n : x->log_p;
        double slope = n_scale(x->has_tokens, x->has_params) ? -exp(theta[0]) : 0;
        for (size_t r = 0; r < ld; r++)
            u[r] = slope * z[r];
        if (J && slope != 0)
            memcpy(J, u, ld * sizeof *u);
        return;
    }
    double alpha = exp(theta[1]), beta = exp(theta[2]), delta = exp(theta[3]);
    assert(delta > 0);
    for (size_t r = 0; r < ld; r++) {
        double a = theta[0] - alpha * x->log_p[r], b = -beta * x->log_n[r], top = fmax(a, b);
        double ea = exp((a - top) / delta), eb = exp((b - top) / delta), share = ea / (ea + eb);
        u[r] = top + delta * log(ea + eb);
        if (!J)
            continue;
        J[r] = share;
        J[ld + r] = share * -alpha * x->log_p[r];
        J[2 * ld + r] = (1 - share) * -beta * x->log_n[r];
        J[3 * ld + r] = u[r] - share * a - (1 - share) * b;
    }
}

/* f (ld) and, unless it is NULL, J (P,ld). With u = K / S: q = dL/dS = -u / S, and the derivative against each
 * coordinate of K is u times that of log K. */
static void eval(const asc__features *x, size_t own, const double *theta, double *f, double *J, double *scratch)
{
    const asc__kernels *k = asc__law_kernels();
    size_t D = x->n_domains, ld = x->ld, at = 1 + 2 * D, n = n_scale(x->has_tokens, x->has_params);
    double *t = scratch, *s = t + D * ld, *q = s + ld, *u = q + ld, *g = u + ld; /* g (D) */
    asc__reciprocal_sum(x, theta, s, J ? t : NULL, g);
    log_scale(x, theta + at, u, J ? J + at * ld : NULL);
    k->exp_affine(u, 0, 1, u, ld);
    for (size_t r = 0; r < ld; r++) {
        u[r] /= s[r];
        q[r] = -u[r] / s[r];
        f[r] = theta[0] + u[r];
    }
    if (!J)
        return;
    for (size_t r = 0; r < ld; r++)
        J[r] = 1;
    asc__reciprocal_rows(x, q, t, g, J);
    for (size_t j = at; j < at + n; j++)
        for (size_t r = 0; r < ld; r++)
            J[j * ld + r] *= u[r];
}

/* Of start k: the irreducible share of the smallest loss, and the exponent of the shares. */
static const double start_floor[] = {.6, .3, .9};
static const double start_gamma[] = {.4, .3, .6};

static bool start(const asc__data *d, size_t k, double *theta, double *scratch)
{
    if (k >= 3)
        return false;
    const asc__features *x = d->x;
    size_t D = x->n_domains, ld = x->ld, at = 1 + 2 * D, n = n_scale(x->has_tokens, x->has_params);
    double c = start_floor[k] * d->y_min, *y = scratch, *u = y + ld, *rest = u + ld;
    theta[0] = c;
    for (size_t j = 0; j < n; j++)
        theta[at + j] = log(.3);
    if (n == 4) {
        theta[at] = 0;
        theta[at + 3] = log(.7);
    }
    log_scale(x, theta + at, u, NULL);
    for (size_t r = 0; r < ld; r++) /* as it would be at K = 1 */
        y[r] = c + (d->y[r] - c) * exp(-u[r]);
    asc__reciprocal_worths(d, y, c, start_gamma[k], theta + 1, rest);
    for (size_t i = 0; i < D; i++)
        theta[1 + D + i] = log(start_gamma[k]);
    return true;
}

static void prior(const asc__data *d, double *centre, double *strength, double *fixed)
{
    size_t D = d->x->n_domains, at = 1 + 2 * D, n = n_scale(d->x->has_tokens, d->x->has_params);
    asc__reciprocal_prior(d, strength);
    if (n == 1)
        asc__exponent_prior(d, centre, fixed, at);
    if (n < 4)
        return;
    asc__exponent_prior(d, centre, fixed, at + 1);
    asc__exponent_prior(d, centre, fixed, at + 2);
    centre[at + 3] = log(.7);
    fixed[at + 3] = asc__prior_strength(d, .35);
}

static void bounds(const asc__data *d, double *lo, double *hi)
{
    size_t D = d->x->n_domains, at = 1 + 2 * D, n = n_scale(d->x->has_tokens, d->x->has_params);
    asc__reciprocal_bounds(d, lo, hi);
    for (size_t j = at; j < at + n; j++) {
        lo[j] = log(.03);
        hi[j] = log(2);
    }
    if (n == 4) {
        lo[at] = -10;
        hi[at] = 10;
        lo[at + 3] = log(.1);
        hi[at + 3] = log(1.5);
    }
}

static size_t tie(const asc__data *d, size_t *group)
{
    size_t D = d->x->n_domains, n = asc__reciprocal_tie(d, group), p = n_params(D, d->x->has_tokens, d->x->has_params);
    for (size_t j = 1 + 2 * D; j < p; j++)
        group[j] = n++;
    return n;
}

static void param_name(const asc_law *l, size_t i, char *const *domains, char *buf, size_t n)
{
    static const char *const both[] = {"A", "alpha", "beta", "delta"};
    size_t D = l->n_domains;
    if (i <= 2 * D)
        asc__reciprocal_name(l, i, domains, buf, n);
    else
        snprintf(buf, n, "%s", l->has_tokens && l->has_params ? both[i - 1 - 2 * D] : l->has_tokens ? "beta" : "alpha");
}

/* K at one point, p = its parameters; dK/dN into slope. */
static double scale(const asc_law *l, const double *p, double N, double P, double *slope)
{
    *slope = 0;
    if (!l->has_tokens)
        return l->has_params ? pow(P / l->unit_params, -p[0]) : 1;
    double beta = l->has_params ? p[2] : p[0], b = pow(N / l->unit_tokens, -beta);
    if (!l->has_params) {
        *slope = -beta * b / N;
        return b;
    }
    double a = p[0] * pow(P / l->unit_params, -p[1]), delta = p[3], top = fmax(a, b);
    double ea = pow(a / top, 1 / delta), eb = pow(b / top, 1 / delta), K = top * pow(ea + eb, delta);
    *slope = -beta * K * eb / (ea + eb) / N;
    return K;
}

/* L at params p and tokens (D); gradient (D) against the tokens, or NULL: 0 for shares below the floor. */
static double point(const asc_law *l, const double *p, const double *tokens, double P, double *gradient)
{
    size_t D = l->n_domains;
    double N = asc__total(tokens, D), S = 0, dN, w[D], gw[D];
    if (!(N > 0))
        return NAN;
    double K = scale(l, p + 1 + 2 * D, N, P, &dN);
    for (size_t i = 0; i < D; i++) {
        w[i] = tokens[i] / N;
        double at = fmax(w[i], l->floor), g = p[1 + D + i], t = p[1 + i] * pow(at, g);
        S += t;
        gw[i] = w[i] > l->floor ? g * t / at : 0;
    }
    for (size_t i = 0; i < D; i++)
        gw[i] *= -K / (S * S);
    if (gradient)
        asc__shares_gradient(gradient, gw, w, N, dN / S, D);
    return p[0] + K / S;
}

const asc__family asc__law_reciprocal_scale = {
    ASC__NAMES("reciprocal-scale"),
    .help = "L = E + K(P, N) / sum_i C_i w_i^g_i: the loss tends to E as the run grows (ours)",
    .validate = true,
    .validate_gp = true,
    .blends = true,
    .twin = asc__twin_without_scale,
    .n_params = n_params,
    .param_name = param_name,
    .eval = eval,
    .start = start,
    .prior = prior,
    .bounds = bounds,
    .tie = tie,
    .is_log = asc__all_but_first,
    .point = point};
