/* The form behind DDO with its amplitudes free [K24, theory]: L = E + sum_i beta_i (a_i + n_i)^-gamma_i + A P^-alpha.
 * Separable and convex in n. Needs more than three distinct points an axis, or a prior that says the rest. */
#include "private.h"

#include <math.h>
#include <string.h>

/* theta = [E, log beta (D), log a (D), log gamma (D), log A, log alpha (params vary)] */

static size_t n_params(size_t D, bool tokens, bool params)
{
    return 1 + 3 * D + (params ? 2 : 0);
}

/* f (ld) and, unless it is NULL, J (P,ld). With z_i = a_i + n_i and t_i = beta_i z_i^-gamma_i:
 *     dL/dlog beta_i = t_i,  dL/dlog a_i = -gamma_i a_i / z_i t_i,  dL/dlog gamma_i = -gamma_i log z_i t_i */
static void eval(const asc__features *x, size_t own, const double *theta, double *f, double *J, double *scratch)
{
    const asc__kernels *k = asc__law_kernels();
    size_t D = x->n_domains, ld = x->ld, at = 1 + 3 * D;
    double *z = scratch, *t = z + ld; /* (ld) log z_i, then t_i */
    for (size_t r = 0; r < ld; r++)
        f[r] = theta[0];
    for (size_t r = 0; J && r < ld; r++)
        J[r] = 1;
    for (size_t i = 0; i < D; i++) {
        const double *n = x->x + i * ld;
        double a = exp(theta[1 + D + i]), gamma = exp(theta[1 + 2 * D + i]);
        for (size_t r = 0; r < ld; r++)
            z[r] = n[r] + a;
        k->log(z, z, ld);
        k->exp_affine(t, theta[1 + i], -gamma, z, ld);
        for (size_t r = 0; r < ld; r++)
            f[r] += t[r];
        for (size_t r = 0; J && r < ld; r++) {
            J[(1 + i) * ld + r] = t[r];
            J[(1 + D + i) * ld + r] = -gamma * a / (n[r] + a) * t[r];
            J[(1 + 2 * D + i) * ld + r] = -gamma * z[r] * t[r];
        }
    }
    if (x->has_params)
        asc__power_term(k, theta + at, x->log_p, f, J ? J + at * ld : NULL, ld, t);
}

/* Of start k: E as a part of the smallest loss, and gamma. */
static const double start_floor[] = {.5, .2, .8};
static const double start_gamma[] = {.3, .15, .8};

/* a_i the mean tokens of the domain, beta_i so that all domains together make up what is above E at the mean. */
static bool start(const asc__data *d, size_t k, double *theta, double *scratch)
{
    if (k >= 3)
        return false;
    size_t D = d->x->n_domains, ld = d->x->ld;
    double A = d->x->has_params ? .1 * d->y_mean : 0;
    theta[0] = start_floor[k] * fmax(d->y_min - A, .1 * d->y_min);
    for (size_t i = 0; i < D; i++) {
        double mean = 1e-9;
        for (size_t r = 0; r < ld; r++)
            mean += d->weight[r] != 0 ? d->x->x[i * ld + r] / (double)d->n_used : 0;
        theta[1 + i] = log(fmax(d->y_mean - A - theta[0], 1e-3) / (double)D) + start_gamma[k] * log(2 * mean);
        theta[1 + D + i] = log(mean);
        theta[1 + 2 * D + i] = log(start_gamma[k]);
    }
    if (d->x->has_params) {
        theta[1 + 3 * D] = log(A);
        theta[2 + 3 * D] = log(.34);
    }
    return true;
}

static void prior(const asc__data *d, double *centre, double *strength, double *fixed)
{
    size_t D = d->x->n_domains;
    for (size_t j = 1; j <= 3 * D; j++)
        strength[j] = .3;
    if (d->x->has_params)
        asc__exponent_prior(d, centre, fixed, 2 + 3 * D);
}

static void bounds(const asc__data *d, double *lo, double *hi)
{
    size_t D = d->x->n_domains;
    lo[0] = 0;
    hi[0] = fmax(d->y_min, 0);
    for (size_t i = 0; i < D; i++) {
        lo[1 + i] = -30;
        hi[1 + i] = 8;
        lo[1 + D + i] = log(1e-6);
        hi[1 + D + i] = log(1e2);
        lo[1 + 2 * D + i] = log(.01);
        hi[1 + 2 * D + i] = log(20);
    }
    if (d->x->has_params)
        asc__term_bounds(lo + 1 + 3 * D, hi + 1 + 3 * D);
}

static size_t tie(const asc__data *d, size_t *group)
{
    size_t D = d->x->n_domains, p = n_params(D, d->x->has_tokens, d->x->has_params), n = 1;
    group[0] = 0;
    for (size_t b = 0; b < 3; b++)
        n = asc__split(d, group + 1 + b * D, n);
    for (size_t j = 1 + 3 * D; j < p; j++)
        group[j] = n++;
    return n;
}

static void param_name(const asc_law *l, size_t i, char *const *domains, char *buf, size_t n)
{
    static const char *const name[] = {"beta", "a", "gamma"};
    size_t D = l->n_domains;
    if (i == 0)
        snprintf(buf, n, "E");
    else if (i <= 3 * D)
        snprintf(buf, n, "%s.%s", name[(i - 1) / D], domains[(i - 1) % D]);
    else
        snprintf(buf, n, "%s", i == 1 + 3 * D ? "A" : "alpha");
}

/* L at params p and tokens (D); gradient (D) against the tokens, or NULL. */
static double point(const asc_law *l, const double *p, const double *tokens, double P, double *gradient)
{
    size_t D = l->n_domains;
    double value = p[0];
    if (!(asc__total(tokens, D) > 0))
        return NAN;
    for (size_t i = 0; i < D; i++) {
        double z = tokens[i] / l->unit_tokens + p[1 + D + i], gamma = p[1 + 2 * D + i], t = p[1 + i] * pow(z, -gamma);
        value += t;
        if (gradient)
            gradient[i] = -gamma * t / z / l->unit_tokens;
    }
    return value + (l->has_params ? p[1 + 3 * D] * pow(P / l->unit_params, -p[2 + 3 * D]) : 0);
}

const asc__family asc__law_ddo_joint = {
    ASC__NAMES("ddo-joint"),
    .help = "L = E + sum_i beta_i (a_i + n_i)^-gamma_i + A P^-alpha [Kang et al. 2407.20177]",
    .validate = true,
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
