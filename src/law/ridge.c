/* Ridge regression of the loss on w, sqrt w, log(w + .01), and log N, log P where they vary: [L24]'s linear law with
 * features that bend. */
#include "private.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* theta = params = [intercept, coefficients of w, sqrt w, log(w+.01) (3D), log N (tokens vary), log P (params vary)] */
#define OFFSET .01

static size_t n_params(size_t D, bool tokens, bool params)
{
    return 1 + 3 * D + (tokens ? 1 : 0) + (params ? 1 : 0);
}

static void feature(double *out, const asc__features *x, size_t j)
{
    size_t D = x->n_domains, ld = x->ld;
    assert(j >= 1 && j < n_params(D, x->has_tokens, x->has_params));
    const double *w = x->w + (j - 1) % D * ld;
    if (j > 3 * D) {
        memcpy(out, j == 1 + 3 * D && x->has_tokens ? x->log_n : x->log_p, ld * sizeof *out);
        return;
    }
    for (size_t r = 0; r < ld; r++)
        out[r] = j <= D ? w[r] : j <= 2 * D ? sqrt(w[r]) : w[r] + OFFSET;
    if (j > 2 * D)
        asc__law_kernels()->log(out, out, ld);
}

static void eval(const asc__features *x, size_t own, const double *theta, double *f, double *J, double *scratch)
{
    size_t p = n_params(x->n_domains, x->has_tokens, x->has_params), ld = x->ld;
    for (size_t r = 0; r < ld; r++)
        f[r] = theta[0];
    for (size_t r = 0; J && r < ld; r++)
        J[r] = 1;
    for (size_t j = 1; j < p; j++) {
        double *row = J ? J + j * ld : scratch;
        feature(row, x, j);
        asc_axpy(f, theta[j], row, ld);
    }
}

static bool start(const asc__data *d, size_t k, double *theta, double *scratch)
{
    if (k > 0)
        return false;
    memset(theta, 0, n_params(d->x->n_domains, d->x->has_tokens, d->x->has_params) * sizeof *theta);
    theta[0] = d->y_mean;
    return true;
}

/* Coefficients shrink to 0 in units of their feature's spread. */
static void prior(const asc__data *d, double *centre, double *strength, double *fixed)
{
    static const double spread[] = {.01, .05, 1};
    size_t D = d->x->n_domains, p = n_params(D, d->x->has_tokens, d->x->has_params);
    for (size_t j = 1; j < p; j++) {
        centre[j] = 0;
        strength[j] = (j <= 3 * D ? spread[(j - 1) / D] : 1e-3) * (double)d->n_used;
    }
}

static void bounds(const asc__data *d, double *lo, double *hi)
{
    size_t p = n_params(d->x->n_domains, d->x->has_tokens, d->x->has_params);
    for (size_t j = 0; j < p; j++) {
        lo[j] = -1e6;
        hi[j] = 1e6;
    }
}

static void param_name(const asc_law *l, size_t i, char *const *domains, char *buf, size_t n)
{
    static const char *const name[] = {"linear", "sqrt", "log"};
    size_t D = l->n_domains;
    if (i == 0)
        snprintf(buf, n, "intercept");
    else if (i <= 3 * D)
        snprintf(buf, n, "%s.%s", name[(i - 1) / D], domains[(i - 1) % D]);
    else
        snprintf(buf, n, "%s", i == 1 + 3 * D && l->has_tokens ? "log_tokens" : "log_params");
}

static double point(const asc_law *l, const double *p, const double *tokens, double P, double *gradient)
{
    size_t D = l->n_domains, at = 1 + 3 * D;
    double N = asc__total(tokens, D), value = p[0], dN = 0, w[D], gw[D];
    if (!(N > 0))
        return NAN;
    for (size_t i = 0; i < D; i++) {
        w[i] = tokens[i] / N;
        value += p[1 + i] * w[i] + p[1 + D + i] * sqrt(w[i]) + p[1 + 2 * D + i] * log(w[i] + OFFSET);
        gw[i] = p[1 + i] + .5 * p[1 + D + i] / sqrt(fmax(w[i], 1e-12)) + p[1 + 2 * D + i] / (w[i] + OFFSET);
    }
    if (l->has_tokens) {
        value += p[at] * log(N / l->unit_tokens);
        dN = p[at++] / N;
    }
    if (l->has_params)
        value += p[at] * log(P / l->unit_params);
    if (gradient)
        asc__shares_gradient(gradient, gw, w, N, dN, D);
    return value;
}

const asc__family asc__law_linear = {
    ASC__NAMES("linear"),
    .help =
        "ridge regression on w, sqrt w, log w, log N, log P [Liu et al. 2407.01492]; predicts but does not optimize",
    .validate = true,
    .blends = true,
    .alias = "ridge",
    .corner = true,
    .n_params = n_params,
    .param_name = param_name,
    .eval = eval,
    .start = start,
    .prior = prior,
    .bounds = bounds,
    .point = point};
