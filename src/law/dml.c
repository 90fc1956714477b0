/* Data Mixing Laws [Y24], shares w, tokens N, parameters P:
 *
 *     L = c + exp(t.w) + exp(u.w) N^-beta + exp(v.w) P^-alpha
 *
 * The paper's law of mixtures c + k exp(t.w) (k is in t, since shares sum to 1), and its step and size laws, whose
 * amplitudes follow the mixture by the same exponential form: one nested law, fitted at once. */
#include "private.h"

#include <math.h>
#include <string.h>

/* theta = [c, t (D), u (D), log beta (tokens vary), v (D), log alpha (params vary)] */

static size_t n_params(size_t D, bool tokens, bool params)
{
    return 1 + D + ((tokens ? 1 : 0) + (params ? 1 : 0)) * (D + 1);
}

/* f += exp(t.w - slope log_z) with rows of J against t, and against log slope where log_z is not NULL. */
static void term(const asc__kernels *k, const asc__features *x, const double *t, const double *log_z, double *f,
                 double *J, double *scratch)
{
    size_t D = x->n_domains, ld = x->ld;
    double *e = scratch, slope = log_z ? exp(t[D]) : 0;
    memset(e, 0, ld * sizeof *e);
    for (size_t i = 0; i < D; i++)
        asc_axpy(e, t[i], x->w + i * ld, ld);
    if (log_z)
        asc_axpy(e, -slope, log_z, ld);
    k->exp_affine(e, 0, 1, e, ld);
    for (size_t r = 0; r < ld; r++)
        f[r] += e[r];
    if (!J)
        return;
    for (size_t i = 0; i < D; i++)
        k->pow_row(J + i * ld, NULL, e, x->w + i * ld, 0, NULL, ld);
    for (size_t r = 0; log_z && r < ld; r++)
        J[D * ld + r] = -slope * log_z[r] * e[r];
}

/* f (ld) and, unless it is NULL, J (P,ld): one term after the other. */
static void eval(const asc__features *x, size_t own, const double *theta, double *f, double *J, double *scratch)
{
    const asc__kernels *k = asc__law_kernels();
    size_t D = x->n_domains, ld = x->ld, at = 1;
    for (size_t r = 0; r < ld; r++)
        f[r] = theta[0];
    for (size_t r = 0; J && r < ld; r++)
        J[r] = 1;
    term(k, x, theta + at, NULL, f, J ? J + at * ld : NULL, scratch);
    at += D;
    if (x->has_tokens) {
        term(k, x, theta + at, x->log_n, f, J ? J + at * ld : NULL, scratch);
        at += D + 1;
    }
    if (x->has_params)
        term(k, x, theta + at, x->log_p, f, J ? J + at * ld : NULL, scratch);
}

/* c of start k, as a part of the smallest loss. */
static const double start_floor[] = {.5, .8, .2};

/* t from the ridge solution of log(y - c) on w; the amplitudes of the other terms a tenth of it, the same everywhere.
 */
static bool start(const asc__data *d, size_t k, double *theta, double *scratch)
{
    if (k >= 3)
        return false;
    const asc__features *x = d->x;
    size_t D = x->n_domains, ld = x->ld, at = 1 + D, p = n_params(D, x->has_tokens, x->has_params);
    double *G = scratch, *b = theta + 1, c = start_floor[k] * d->y_min;
    memset(G, 0, D * D * sizeof *G);
    memset(b, 0, D * sizeof *b);
    for (size_t r = 0; r < ld; r++) {
        if (d->weight[r] == 0)
            continue;
        double z = log(fmax(.8 * (d->y[r] - c), 1e-3)); /* the mixture's own part of what is above c */
        for (size_t i = 0; i < D; i++) {
            b[i] += d->weight[r] * z * x->w[i * ld + r];
            for (size_t j = 0; j <= i; j++)
                G[i * D + j] += d->weight[r] * x->w[i * ld + r] * x->w[j * ld + r];
        }
    }
    for (size_t i = 0; i < D; i++)
        G[i * D + i] += 1e-3 * (double)d->n_used;
    if (asc_chol(G, D))
        asc_chol_solve(G, D, b);
    theta[0] = c;
    for (; at < p; at += D + 1) {
        for (size_t i = 0; i < D; i++)
            theta[at + i] = log(fmax(.1 * (d->y_mean - c), 1e-4));
        theta[at + D] = log(.34);
    }
    return true;
}

static void prior(const asc__data *d, double *centre, double *strength, double *fixed)
{
    size_t D = d->x->n_domains, p = n_params(D, d->x->has_tokens, d->x->has_params);
    for (size_t i = 0; i < D; i++)
        strength[1 + i] = 1;
    for (size_t at = 1 + D; at < p; at += D + 1) {
        for (size_t i = 0; i < D; i++)
            strength[at + i] = 1;
        asc__exponent_prior(d, centre, fixed, at + D);
    }
}

static void bounds(const asc__data *d, double *lo, double *hi)
{
    size_t D = d->x->n_domains, p = n_params(D, d->x->has_tokens, d->x->has_params);
    lo[0] = 0;
    hi[0] = fmax(d->y_min, 0);
    for (size_t j = 1; j < p; j++) {
        lo[j] = -60;
        hi[j] = 10;
    }
    for (size_t at = 1 + D; at < p; at += D + 1) {
        lo[at + D] = log(.03);
        hi[at + D] = log(2);
    }
}

static size_t tie(const asc__data *d, size_t *group)
{
    size_t D = d->x->n_domains, p = n_params(D, d->x->has_tokens, d->x->has_params);
    group[0] = 0;
    size_t n = asc__split(d, group + 1, 1);
    for (size_t at = 1 + D; at < p; at += D + 1) {
        n = asc__split(d, group + at, n);
        group[at + D] = n++;
    }
    return n;
}

static bool is_log(size_t j, size_t D)
{
    return j > D && (j - 1 - D) % (D + 1) == D;
}

static void param_name(const asc_law *l, size_t i, char *const *domains, char *buf, size_t n)
{
    size_t D = l->n_domains;
    bool second = i > D && (i - 1 - D >= D + 1 || !l->has_tokens);
    if (i == 0)
        snprintf(buf, n, "c");
    else if (i <= D)
        snprintf(buf, n, "t.%s", domains[i - 1]);
    else if (is_log(i, D))
        snprintf(buf, n, "%s", second ? "alpha" : "beta");
    else
        snprintf(buf, n, "%s.%s", second ? "v" : "u", domains[(i - 1 - D) % (D + 1)]);
}

static double point(const asc_law *l, const double *p, const double *tokens, double P, double *gradient)
{
    size_t D = l->n_domains, at = 1;
    double N = asc__total(tokens, D), value = p[0], dN = 0, w[D], gw[D];
    if (!(N > 0))
        return NAN;
    for (size_t i = 0; i < D; i++) {
        w[i] = tokens[i] / N;
        gw[i] = 0;
    }
    double z[3] = {1, l->has_tokens ? N / l->unit_tokens : -1, l->has_params ? P / l->unit_params : -1};
    for (int s = 0; s < 3; s++) {
        if (z[s] < 0)
            continue;
        double e = 0;
        for (size_t i = 0; i < D; i++)
            e += p[at + i] * w[i];
        e = exp(e) * (s ? pow(z[s], -p[at + D]) : 1);
        value += e;
        for (size_t i = 0; i < D; i++)
            gw[i] += e * p[at + i];
        if (s == 1)
            dN = -p[at + D] * e / N;
        at += D + (s ? 1 : 0);
    }
    if (gradient)
        asc__shares_gradient(gradient, gw, w, N, dN, D);
    return value;
}

const asc__family asc__law_dml = {
    ASC__NAMES("dml"),        .help = "L = c + exp(t.w) + exp(u.w) N^-beta + exp(v.w) P^-alpha [Ye et al. 2403.16952]",
    .validate = true,         .validate_gp = true,
    .blends = true,           .n_params = n_params,
    .param_name = param_name, .eval = eval,
    .start = start,           .prior = prior,
    .bounds = bounds,         .tie = tie,
    .is_log = is_log,         .point = point};
