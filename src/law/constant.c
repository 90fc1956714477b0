/* No mixture at all: L = E + B N^-beta + A P^-alpha. With a Gaussian process on its residual it is a plain process on
 * the shares: what can be said without a form. Ours. */
#include "private.h"

#include <math.h>
#include <string.h>

/* theta = [E, log B, log beta (tokens vary), log A, log alpha (params vary)] */

static size_t n_params(size_t D, bool tokens, bool params)
{
    return 1 + (tokens ? 2 : 0) + (params ? 2 : 0);
}

static void eval(const asc__features *x, size_t own, const double *theta, double *f, double *J, double *scratch)
{
    const asc__kernels *k = asc__law_kernels();
    size_t ld = x->ld, at = 1;
    for (size_t r = 0; r < ld; r++)
        f[r] = theta[0];
    for (size_t r = 0; J && r < ld; r++)
        J[r] = 1;
    for (int term = 0; term < 2; term++)
        if (term == 0 ? x->has_tokens : x->has_params) {
            asc__power_term(k, theta + at, term == 0 ? x->log_n : x->log_p, f, J ? J + at * ld : NULL, ld, scratch);
            at += 2;
        }
}

static bool start(const asc__data *d, size_t k, double *theta, double *scratch)
{
    if (k > 0)
        return false;
    size_t p = n_params(0, d->x->has_tokens, d->x->has_params);
    theta[0] = p > 1 ? .7 * d->y_min : d->y_mean;
    for (size_t at = 1; at < p; at += 2) {
        theta[at] = log(fmax(d->y_mean - theta[0], 1e-3) / (double)(p - 1) * 2);
        theta[at + 1] = log(.3);
    }
    return true;
}

static void prior(const asc__data *d, double *centre, double *strength, double *fixed)
{
    for (size_t at = 1; at < n_params(0, d->x->has_tokens, d->x->has_params); at += 2)
        asc__exponent_prior(d, centre, fixed, at + 1);
}

static void bounds(const asc__data *d, double *lo, double *hi)
{
    size_t p = n_params(0, d->x->has_tokens, d->x->has_params);
    lo[0] = 0;
    hi[0] = fmax(p > 1 ? d->y_min : d->y_max, 0);
    for (size_t at = 1; at < p; at += 2)
        asc__term_bounds(lo + at, hi + at);
}

static void param_name(const asc_law *l, size_t i, char *const *domains, char *buf, size_t n)
{
    static const char *const name[] = {"B", "beta", "A", "alpha"};
    snprintf(buf, n, "%s", i == 0 ? "E" : name[i - 1 + (l->has_tokens ? 0 : 2)]);
}

static double point(const asc_law *l, const double *p, const double *tokens, double P, double *gradient)
{
    size_t at = 1;
    double N = asc__total(tokens, l->n_domains), value = p[0], slope = 0;
    if (!(N > 0))
        return NAN;
    if (l->has_tokens) {
        double t = p[at] * pow(N / l->unit_tokens, -p[at + 1]);
        value += t;
        slope = -p[at + 1] * t / N;
        at += 2;
    }
    if (l->has_params)
        value += p[at] * pow(P / l->unit_params, -p[at + 1]);
    for (size_t i = 0; gradient && i < l->n_domains; i++)
        gradient[i] = slope;
    return value;
}

const asc__family asc__law_constant = {ASC__NAMES("constant"),
                                       .help = "L = E + B N^-beta + A P^-alpha, no mixture; constant+gp is a Gaussian "
                                               "process on the shares; does not optimize",
                                       .validate_gp = true,
                                       .blends = true,
                                       .corner = true,
                                       .n_params = n_params,
                                       .param_name = param_name,
                                       .eval = eval,
                                       .start = start,
                                       .prior = prior,
                                       .bounds = bounds,
                                       .is_log = asc__all_but_first,
                                       .point = point};
