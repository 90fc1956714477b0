/* Effective data: L = E + (sum_j k_j n_j)^-gamma + A P^-alpha, k >= 0: what a token of each domain is worth to the
 * target. Convex in n. Ours. */
#include "private.h"

#include <math.h>
#include <string.h>

/* theta = [E, log k (D), log gamma, log A, log alpha] */

static size_t n_params(size_t D, bool tokens, bool params)
{
    return D + 2 + (params ? 2 : 0);
}

static void eval(const asc__features *x, size_t own, const double *theta, double *f, double *J, double *scratch)
{
    const asc__kernels *k = asc__law_kernels();
    size_t D = x->n_domains, ld = x->ld, at = D + 2;
    double *s = scratch, *t = s + ld, *u = t + ld, gamma = exp(theta[D + 1]);
    memset(s, 0, ld * sizeof *s);
    for (size_t i = 0; i < D; i++)
        asc_axpy(s, exp(theta[1 + i]), x->x + i * ld, ld);
    for (size_t r = 0; r < ld; r++)
        s[r] = s[r] > 1e-12 ? s[r] : 1e-12;
    k->log(u, s, ld);
    k->exp_affine(t, 0, -gamma, u, ld);
    for (size_t r = 0; r < ld; r++)
        f[r] = theta[0] + t[r];
    if (J) {
        for (size_t r = 0; r < ld; r++) {
            J[r] = 1;
            J[(D + 1) * ld + r] = -gamma * u[r] * t[r];
            t[r] *= -gamma / s[r];
        }
        for (size_t i = 0; i < D; i++) {
            double ki = exp(theta[1 + i]);
            for (size_t r = 0; r < ld; r++)
                J[(1 + i) * ld + r] = ki * x->x[i * ld + r] * t[r];
        }
    }
    if (x->has_params)
        asc__power_term(k, theta + at, x->log_p, f, J ? J + at * ld : NULL, ld, t);
}

static const double start_floor[] = {.6, .3, .9};
static const double start_gamma[] = {.3, .15, .6};

static bool start(const asc__data *d, size_t k, double *theta, double *scratch)
{
    if (k >= 3)
        return false;
    size_t D = d->x->n_domains;
    double A = d->x->has_params ? .1 * d->y_mean : 0;
    theta[0] = start_floor[k] * fmax(d->y_min - A, .1 * d->y_min);
    theta[D + 1] = log(start_gamma[k]);
    double s = pow(fmax(d->y_mean - A - theta[0], 1e-3), -1 / start_gamma[k]);
    for (size_t i = 0; i < D; i++)
        theta[1 + i] = log(s) + (i == d->own ? 1 : -.5);
    if (d->x->has_params) {
        theta[D + 2] = log(A);
        theta[D + 3] = log(.34);
    }
    return true;
}

static void prior(const asc__data *d, double *centre, double *strength, double *fixed)
{
    size_t D = d->x->n_domains;
    for (size_t i = 0; i < D; i++)
        strength[1 + i] = .3;
    if (d->x->has_params)
        asc__exponent_prior(d, centre, fixed, D + 3);
}

static void bounds(const asc__data *d, double *lo, double *hi)
{
    size_t D = d->x->n_domains;
    lo[0] = 0;
    hi[0] = fmax(d->y_min, 0);
    for (size_t i = 0; i < D; i++) {
        lo[1 + i] = -60;
        hi[1 + i] = 40;
    }
    lo[D + 1] = log(.02);
    hi[D + 1] = log(3);
    if (d->x->has_params)
        asc__term_bounds(lo + D + 2, hi + D + 2);
}

static size_t tie(const asc__data *d, size_t *group)
{
    size_t D = d->x->n_domains, p = n_params(D, d->x->has_tokens, d->x->has_params);
    group[0] = 0;
    size_t n = asc__split(d, group + 1, 1);
    for (size_t j = 1 + D; j < p; j++)
        group[j] = n++;
    return n;
}

static void param_name(const asc_law *l, size_t i, char *const *domains, char *buf, size_t n)
{
    size_t D = l->n_domains;
    static const char *const tail[] = {"gamma", "A", "alpha"};
    if (i > 0 && i <= D)
        snprintf(buf, n, "k.%s", domains[i - 1]);
    else
        snprintf(buf, n, "%s", i == 0 ? "E" : tail[i - 1 - D]);
}

static double point(const asc_law *l, const double *p, const double *tokens, double P, double *gradient)
{
    size_t D = l->n_domains;
    double s = 0, gamma = p[D + 1];
    if (!(asc__total(tokens, D) > 0))
        return NAN;
    for (size_t i = 0; i < D; i++)
        s += p[1 + i] * tokens[i] / l->unit_tokens;
    s = fmax(s, 1e-12);
    double t = pow(s, -gamma);
    for (size_t i = 0; gradient && i < D; i++)
        gradient[i] = -gamma * t / s * p[1 + i] / l->unit_tokens;
    return p[0] + t + (l->has_params ? p[D + 2] * pow(P / l->unit_params, -p[D + 3]) : 0);
}

const asc__family asc__law_effective = {
    ASC__NAMES("effective"),
    .help = "L = E + (sum_i k_i n_i)^-gamma + A P^-alpha: effective tokens, weighted by domain (ours)",
    .validate = true,
    .validate_gp = true,
    .blends = true,
    .n_params = n_params,
    .param_name = param_name,
    .eval = eval,
    .start = start,
    .prior = prior,
    .bounds = bounds,
    .tie = tie,
    .is_log = asc__all_but_first,
    .point = point};
