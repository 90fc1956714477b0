/* BiMix [G24]: L = c + (w_v + e)^-a (K + B N^-beta + A P^-alpha), v the domain that the target names. The offsets c and
 * e are ours: without e a domain of share 0 has infinite loss. */
#include "private.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* theta = [c, log K, log e, log a, log B, log beta (tokens vary), log A, log alpha (params vary)] */

static size_t n_params(size_t D, bool tokens, bool params)
{
    return 4 + (tokens ? 2 : 0) + (params ? 2 : 0);
}

/* Without an own domain the law is never fitted (asc__fit_target says so); evaluation then takes the first domain. */
static void eval(const asc__features *x, size_t own, const double *theta, double *f, double *J, double *scratch)
{
    const asc__kernels *k = asc__law_kernels();
    size_t ld = x->ld, at = 4;
    const double *w = x->w + (own == ASC_NONE ? 0 : own) * ld;
    double *z = scratch, *s = z + ld, *m = s + ld, e = exp(theta[2]), a = exp(theta[3]), K = exp(theta[1]);
    assert(ld % ASC_LANES == 0 && (own == ASC_NONE || own < x->n_domains));
    for (size_t r = 0; r < ld; r++) {
        z[r] = w[r] + e;
        m[r] = K;
    }
    k->log(z, z, ld);
    k->exp_affine(s, 0, -a, z, ld);
    for (int term = 0; term < 2; term++)
        if (term == 0 ? x->has_tokens : x->has_params) {
            const double *log_z = term == 0 ? x->log_n : x->log_p;
            asc__power_term(k, theta + at, log_z, m, J ? J + at * ld : NULL, ld, f);
            for (size_t i = at; J && i < at + 2; i++)
                for (size_t r = 0; r < ld; r++)
                    J[i * ld + r] *= s[r];
            at += 2;
        }
    for (size_t r = 0; r < ld; r++)
        f[r] = theta[0] + s[r] * m[r];
    /* u = w_v + e, s = u^-a, m the sum of terms: dL/dlog K = K s, dL/dlog e = -a e/u s m, dL/dlog a = -a log u s m */
    for (size_t r = 0; J && r < ld; r++) {
        J[r] = 1;
        J[ld + r] = K * s[r];
        J[2 * ld + r] = -a * e / (w[r] + e) * s[r] * m[r];
        J[3 * ld + r] = -a * z[r] * s[r] * m[r];
    }
}

static const double start_e[] = {.02, .002, .2};
static const double start_a[] = {.15, .08, .5};

static bool start(const asc__data *d, size_t k, double *theta, double *scratch)
{
    if (k >= 3)
        return false;
    theta[0] = .3 * d->y_min;
    theta[2] = log(start_e[k]);
    theta[3] = log(start_a[k]);
    theta[1] = log(.7 * fmax(d->y_mean - theta[0], 1e-3) * pow(.1, start_a[k]));
    size_t p = n_params(0, d->x->has_tokens, d->x->has_params);
    for (size_t at = 4; at < p; at += 2) {
        theta[at] = theta[1] - 2;
        theta[at + 1] = log(.34);
    }
    return true;
}

static void prior(const asc__data *d, double *centre, double *strength, double *fixed)
{
    size_t p = n_params(0, d->x->has_tokens, d->x->has_params);
    centre[2] = log(.02);
    centre[3] = log(.15);
    strength[2] = strength[3] = .1;
    for (size_t at = 4; at < p; at += 2)
        asc__exponent_prior(d, centre, fixed, at + 1);
}

static void bounds(const asc__data *d, double *lo, double *hi)
{
    size_t p = n_params(0, d->x->has_tokens, d->x->has_params);
    lo[0] = 0;
    hi[0] = fmax(d->y_min, 0);
    lo[1] = -18;
    hi[1] = 6;
    lo[2] = log(1e-5);
    hi[2] = log(3);
    lo[3] = log(1e-3);
    hi[3] = log(20);
    for (size_t at = 4; at < p; at += 2)
        asc__term_bounds(lo + at, hi + at);
}

static void param_name(const asc_law *l, size_t i, char *const *domains, char *buf, size_t n)
{
    static const char *const name[] = {"c", "K", "e", "a", "B", "beta", "A", "alpha"};
    snprintf(buf, n, "%s", name[i >= 4 && !l->has_tokens ? i + 2 : i]);
}

static double point(const asc_law *l, const double *p, const double *tokens, double P, double *gradient)
{
    size_t D = l->n_domains, own = l->own == ASC_NONE ? 0 : l->own, at = 4;
    double N = asc__total(tokens, D), m = p[1], dm = 0;
    if (!(N > 0))
        return NAN;
    if (l->has_tokens) {
        double t = p[at] * pow(N / l->unit_tokens, -p[at + 1]);
        m += t;
        dm = -p[at + 1] * t / N;
        at += 2;
    }
    if (l->has_params)
        m += p[at] * pow(P / l->unit_params, -p[at + 1]);
    double w = tokens[own] / N, s = pow(w + p[2], -p[3]), slope = -p[3] * s / (w + p[2]) * m;
    for (size_t i = 0; gradient && i < D; i++)
        gradient[i] = slope * ((i == own) - w) / N + s * dm;
    return p[0] + s * m;
}

const asc__family asc__law_bimix = {ASC__NAMES("bimix"),
                                    .help = "L = c + (w_v + e)^-a (K + B N^-beta + A P^-alpha), v the domain the "
                                            "target is named after [Ge et al. 2405.14908]",
                                    .validate = true,
                                    .needs_own = true,
                                    .n_params = n_params,
                                    .param_name = param_name,
                                    .eval = eval,
                                    .start = start,
                                    .prior = prior,
                                    .bounds = bounds,
                                    .is_log = asc__all_but_first,
                                    .point = point};
