/* Reciprocal laws: the loss of a target falls as one over what the mixture is worth. Shares w, parameters P, tokens N:
 *
 *     S(w) = sum_i C_i w_i^g_i
 *     reciprocal-add    L = E + 1 / S + A P^-alpha + B N^-beta         [Shukor et al. 2507.09404]
 *     reciprocal-mult   L = E + (1 + A P^-alpha + B N^-beta) / S       (ours)
 *
 * and, in reciprocal_joint.c and reciprocal_scale.c, those whose terms depend on the mixture or leave no floor of it.
 * Terms whose variable does not vary in the table are left out. P and N are in units of the table (asc__features).
 *
 * theta = [E, log C (D), log g (D), log A, log alpha (where P varies), log B, log beta (where N varies)] */
#include "reciprocal.h"

#include <assert.h>
#include <math.h>
#include <string.h>

static size_t n_params(size_t D, bool tokens, bool params)
{
    return asc__reciprocal_at(D) + (params ? 2 : 0) + (tokens ? 2 : 0);
}

/* ---- the worth of a mixture ---- */

void asc__reciprocal_sum(const asc__features *x, const double *theta, double *s, double *t, double *g)
{
    size_t D = x->n_domains, ld = x->ld;
    assert(ld % ASC_LANES == 0);
    for (size_t i = 0; i < D; i++)
        g[i] = exp(theta[1 + D + i]);
    asc__law_kernels()->pow_sum(s, t, theta + 1, g, x->log_w, D, ld, ld);
}

void asc__reciprocal_rows(const asc__features *x, const double *q, const double *t, const double *g, double *J)
{
    const asc__kernels *k = asc__law_kernels();
    size_t D = x->n_domains, ld = x->ld;
    for (size_t i = 0; i < D; i++)
        k->pow_row(J + (1 + i) * ld, J + (1 + D + i) * ld, q, t + i * ld, g[i], x->log_w + i * ld, ld);
}

double asc__reciprocal_sum_at(const asc_law *l, const double *C, const double *g, const double *w, double *gw)
{
    double s = 0;
    for (size_t i = 0; i < l->n_domains; i++) {
        double x = fmax(w[i], l->floor), t = C[i] * pow(x, g[i]);
        s += t;
        if (gw)
            gw[i] = t * g[i] / x;
    }
    return s;
}

/* ---- predictions of all rows, and their derivatives ---- */

/* f (ld) and, unless it is NULL, J (P,ld) against theta. With X = A P^-alpha + B N^-beta, m = dL/dX and q = dL/dS:
 *     add   m = 1,    q = -1 / S^2
 *     mult  m = 1/S,  q = -(1 + X) / S^2 */
static void eval(const asc__features *x, const double *theta, double *f, double *J, double *scratch, bool mult)
{
    const asc__kernels *k = asc__law_kernels();
    size_t D = x->n_domains, ld = x->ld;
    size_t p_at = asc__reciprocal_at(D), n_at = p_at + (x->has_params ? 2 : 0);
    double *t = scratch;             /* (D,ld) C_i w_i^g_i */
    double *s = scratch + D * ld;    /* (ld) S */
    double *q = s + ld, *m = q + ld; /* (ld) */
    double *p = m + ld, *n = p + ld; /* (ld) A P^-alpha, B N^-beta */
    double *g = n + 2 * ld;          /* (D) */

    asc__reciprocal_sum(x, theta, s, J ? t : NULL, g);
    memset(p, 0, 2 * ld * sizeof *p); /* and n behind it */
    if (x->has_params)
        k->exp_affine(p, theta[p_at], -exp(theta[p_at + 1]), x->log_p, ld);
    if (x->has_tokens)
        k->exp_affine(n, theta[n_at], -exp(theta[n_at + 1]), x->log_n, ld);
    for (size_t r = 0; r < ld; r++) {
        double inverse = 1 / s[r], extra = p[r] + n[r];
        f[r] = mult ? theta[0] + (1 + extra) * inverse : theta[0] + inverse + extra;
        m[r] = mult ? inverse : 1;
        q[r] = -(mult ? 1 + extra : 1) * inverse * inverse;
    }
    if (!J)
        return;

    for (size_t r = 0; r < ld; r++)
        J[r] = 1;
    asc__reciprocal_rows(x, q, t, g, J);
    if (x->has_params)
        k->pow_row(J + p_at * ld, J + (p_at + 1) * ld, m, p, -exp(theta[p_at + 1]), x->log_p, ld);
    if (x->has_tokens)
        k->pow_row(J + n_at * ld, J + (n_at + 1) * ld, m, n, -exp(theta[n_at + 1]), x->log_n, ld);
}

static void add_eval(const asc__features *x, size_t own, const double *theta, double *f, double *J, double *scratch)
{
    eval(x, theta, f, J, scratch, false);
}

static void mult_eval(const asc__features *x, size_t own, const double *theta, double *f, double *J, double *scratch)
{
    eval(x, theta, f, J, scratch, true);
}

/* ---- starts ---- */

/* Of start k: the irreducible share of the smallest loss, and the exponent of the shares. */
static const double start_floor[] = {.3, .6, .9};
static const double start_gamma[] = {.3, .4, .6};
enum { N_STARTS = sizeof start_floor / sizeof *start_floor };
#define START_EXPONENT .3 /* alpha and beta, near those of [Hoffmann et al. 2203.15556] */
#define START_DELTA .7

/* log C (D) from the ridge solution of 1/(y-c) on w^g: the positive part, no less than a thousandth of the mean. */
void asc__reciprocal_worths(const asc__data *d, const double *y, double c, double gamma, double *log_c, double *scratch)
{
    const asc__features *x = d->x;
    const asc__kernels *k = asc__law_kernels();
    size_t D = x->n_domains, ld = x->ld;
    double *G = scratch, *b = G + D * D, *t = b + D, trace = 0, mean = 0;
    assert(d->n_used > 0 && gamma > 0);
    memset(G, 0, (D * D + D) * sizeof *G);
    for (size_t i = 0; i < D; i++)
        k->exp_affine(t + i * ld, 0, gamma, x->log_w + i * ld, ld);
    for (size_t r = 0; r < ld; r++) {
        if (d->weight[r] == 0)
            continue;
        double z = 1 / fmax(y[r] - c, 1e-3);
        mean += z / (double)d->n_used;
        /* 1/z has an error z^2 times that of y: weighted so that it is the error of y that counts */
        double wt = d->weight[r] / (z * z * z * z);
        for (size_t i = 0; i < D; i++) {
            b[i] += wt * z * t[i * ld + r];
            for (size_t j = 0; j <= i; j++)
                G[i * D + j] += wt * t[i * ld + r] * t[j * ld + r];
        }
    }
    for (size_t i = 0; i < D; i++)
        trace += G[i * D + i] / (double)D;
    for (size_t i = 0; i < D; i++)
        G[i * D + i] += 1e-2 * trace + 1e-300;
    if (asc_chol(G, D))
        asc_chol_solve(G, D, b);
    for (size_t i = 0; i < D; i++)
        log_c[i] = log(fmax(b[i], fmax(1e-3 * mean, 1e-12)));
}

/* Size of the terms in P and N, by ridge regression of y on 1, w, P^-.3, N^-.3; >= a hundredth of the mean loss. */
static void term_sizes(const asc__data *d, double *A, double *B, double *scratch)
{
    const asc__features *x = d->x;
    size_t D = x->n_domains, ld = x->ld, p = D + 2;
    double *G = scratch, *b = G + p * p, *row = b + p;
    memset(G, 0, (p * p + p) * sizeof *G);
    for (size_t r = 0; r < ld; r++) {
        if (d->weight[r] == 0)
            continue;
        for (size_t i = 0; i < D; i++)
            row[i] = x->w[i * ld + r];
        row[D] = x->has_params ? exp(-START_EXPONENT * x->log_p[r]) : 0;
        row[D + 1] = x->has_tokens ? exp(-START_EXPONENT * x->log_n[r]) : 0;
        for (size_t i = 0; i < p; i++) {
            b[i] += d->weight[r] * row[i] * d->y[r];
            for (size_t j = 0; j <= i; j++)
                G[i * p + j] += d->weight[r] * row[i] * row[j];
        }
    }
    for (size_t i = 0; i < p; i++)
        G[i * p + i] += 1e-8 * (double)d->n_used + 1e-300;
    if (asc_chol(G, p))
        asc_chol_solve(G, p, b);
    *A = fmin(fmax(b[D], .01 * fabs(d->y_mean)), .3 * d->y_min);
    *B = fmin(fmax(b[D + 1], .01 * fabs(d->y_mean)), .3 * d->y_min);
}

/* y with the guessed terms in P and N taken out. */
static void take_out(const asc__data *d, asc__reciprocal_form form, double A, double B, double c, double *y)
{
    const asc__features *x = d->x;
    for (size_t r = 0; r < x->ld; r++) {
        double p = x->has_params ? A * exp(-START_EXPONENT * x->log_p[r]) : 0,
               n = x->has_tokens ? B * exp(-START_EXPONENT * x->log_n[r]) : 0;
        y[r] = form == ASC__RECIPROCAL_MULT ? c + (d->y[r] - c) / (1 + p + n) : d->y[r] - p - n;
    }
}

/* A start without a search: E a part of the smallest loss, the terms in P and N by ridge regression, worths by another
 * of what is left. */
bool asc__reciprocal_start(const asc__data *d, size_t k, double *theta, double *scratch, asc__reciprocal_form form)
{
    if (k >= N_STARTS)
        return false;
    const asc__features *x = d->x;
    assert(d->y_min > 0); /* checked before any fit: logarithms of parts of it follow */
    bool mult = form == ASC__RECIPROCAL_MULT, joined = form == ASC__RECIPROCAL_JOINT || form == ASC__RECIPROCAL_KAPLAN;
    size_t D = x->n_domains, at = asc__reciprocal_at(D);
    double A = 0, B = 0, *y = scratch, *rest = scratch + x->ld;
    if (x->has_params || x->has_tokens)
        term_sizes(d, &A, &B, rest);
    double lowest = d->y_min - (mult ? 0 : (x->has_params ? A : 0) + (x->has_tokens ? B : 0));
    double c = start_floor[k] * lowest;
    if (mult) { /* shares of 1/S, not nats */
        A /= fmax(d->y_mean - c, 1e-3);
        B /= fmax(d->y_mean - c, 1e-3);
    }

    theta[0] = c;
    take_out(d, form, A, B, c, y);
    asc__reciprocal_worths(d, y, c, start_gamma[k], theta + 1, rest);
    for (size_t i = 0; i < D; i++)
        theta[1 + D + i] = log(start_gamma[k]);
    const double size[2] = {A, B};
    const bool has[2] = {x->has_params, x->has_tokens};
    for (int s = 0; s < 2; s++) {
        if (!has[s])
            continue;
        if (joined) { /* the same of every domain, with exponent 1: log a (D), gamma */
            for (size_t i = 0; i < D; i++)
                theta[at + i] = log(size[s]);
            theta[at + D] = 1;
            at += D;
        } else
            theta[at] = log(size[s]);
        theta[at + 1] = log(START_EXPONENT);
        at += 2;
    }
    if (form == ASC__RECIPROCAL_KAPLAN && has[0] && has[1])
        theta[at] = log(START_DELTA);
    return true;
}

static bool add_start(const asc__data *d, size_t k, double *theta, double *scratch)
{
    return asc__reciprocal_start(d, k, theta, scratch, ASC__RECIPROCAL_ADD);
}

static bool mult_start(const asc__data *d, size_t k, double *theta, double *scratch)
{
    return asc__reciprocal_start(d, k, theta, scratch, ASC__RECIPROCAL_MULT);
}

/* ---- bounds, prior, groups ---- */

/* 0 <= E <= the smallest loss, e^-25 <= C <= e^12, .02 <= g <= 3. */
void asc__reciprocal_bounds(const asc__data *d, double *lo, double *hi)
{
    size_t D = d->x->n_domains;
    lo[0] = 0;
    hi[0] = fmax(d->y_min, 0);
    for (size_t i = 0; i < D; i++) {
        lo[1 + i] = -25;
        hi[1 + i] = 12;
        lo[1 + D + i] = log(.02);
        hi[1 + D + i] = log(3);
    }
}

void asc__reciprocal_prior(const asc__data *d, double *strength)
{
    for (size_t i = 0; i < 2 * d->x->n_domains; i++)
        strength[1 + i] = 1;
}

size_t asc__reciprocal_tie(const asc__data *d, size_t *group)
{
    size_t n = 1;
    group[0] = 0;
    n = asc__split(d, group + 1, n);
    return asc__split(d, group + 1 + d->x->n_domains, n);
}

static void bounds(const asc__data *d, double *lo, double *hi)
{
    size_t at = asc__reciprocal_at(d->x->n_domains);
    asc__reciprocal_bounds(d, lo, hi);
    for (int n = d->x->has_params + d->x->has_tokens; n > 0; n--, at += 2)
        asc__term_bounds(lo + at, hi + at);
}

static void prior(const asc__data *d, double *centre, double *strength, double *fixed)
{
    size_t at = asc__reciprocal_at(d->x->n_domains);
    asc__reciprocal_prior(d, strength);
    for (int n = d->x->has_params + d->x->has_tokens; n > 0; n--, at += 2)
        asc__exponent_prior(d, centre, fixed, at + 1);
}

static size_t tie(const asc__data *d, size_t *group)
{
    size_t D = d->x->n_domains, n = asc__reciprocal_tie(d, group);
    for (size_t j = asc__reciprocal_at(D); j < n_params(D, d->x->has_tokens, d->x->has_params); j++)
        group[j] = n++;
    return n;
}

/* ---- users' parameters: [E, C (D), g (D), A, alpha, B, beta] ---- */

void asc__reciprocal_name(const asc_law *l, size_t i, char *const *domains, char *buf, size_t n)
{
    size_t D = l->n_domains;
    assert(i < asc__reciprocal_at(D));
    if (i == 0)
        snprintf(buf, n, "E");
    else
        snprintf(buf, n, "%s.%s", i <= D ? "C" : "gamma", domains[(i - 1) % D]);
}

static void param_name(const asc_law *l, size_t i, char *const *domains, char *buf, size_t n)
{
    static const char *const terms[] = {"A", "alpha", "B", "beta"};
    size_t at = asc__reciprocal_at(l->n_domains);
    if (i < at)
        asc__reciprocal_name(l, i, domains, buf, n);
    else
        snprintf(buf, n, "%s", terms[i - at + (l->has_params ? 0 : 2)]);
}

/* ---- one point ---- */

/* L at params p and tokens (D); gradient (D) against the tokens, or NULL. */
static double point(const asc_law *l, const double *p, const double *tokens, double P, double *gradient, bool mult)
{
    size_t D = l->n_domains, at = asc__reciprocal_at(D);
    double N = asc__total(tokens, D), A = 0, B = 0, dB = 0;
    if (!(N > 0))
        return NAN;
    double w[D], gw[D];
    for (size_t i = 0; i < D; i++)
        w[i] = tokens[i] / N;
    if (l->has_params) {
        A = p[at] * pow(P / l->unit_params, -p[at + 1]);
        at += 2;
    }
    if (l->has_tokens) {
        B = p[at] * pow(N / l->unit_tokens, -p[at + 1]);
        dB = -p[at + 1] * B / N;
    }
    double s = asc__reciprocal_sum_at(l, p + 1, p + 1 + D, w, gradient ? gw : NULL), m = mult ? 1 + A + B : 1;
    if (gradient) {
        for (size_t i = 0; i < D; i++)
            gw[i] *= -m / (s * s);
        asc__shares_gradient(gradient, gw, w, N, mult ? dB / s : dB, D);
    }
    return p[0] + m / s + (mult ? 0 : A + B);
}

static double add_point(const asc_law *l, const double *p, const double *tokens, double P, double *gradient)
{
    return point(l, p, tokens, P, gradient, false);
}

static double mult_point(const asc_law *l, const double *p, const double *tokens, double P, double *gradient)
{
    return point(l, p, tokens, P, gradient, true);
}

const char *asc__twin_without_scale(bool tokens, bool params)
{
    return tokens || params ? NULL : "the same as reciprocal-mult where neither tokens nor params vary";
}

const asc__family asc__law_reciprocal_add = {
    ASC__NAMES("reciprocal-add"),
    .help = "L = E + 1 / sum_i C_i w_i^g_i + A P^-alpha + B N^-beta [Shukor et al. 2507.09404]",
    .validate = true,
    .blends = true,
    .twin = asc__twin_without_scale,
    .n_params = n_params,
    .param_name = param_name,
    .eval = add_eval,
    .start = add_start,
    .prior = prior,
    .bounds = bounds,
    .tie = tie,
    .is_log = asc__all_but_first,
    .point = add_point};
const asc__family asc__law_reciprocal_mult = {ASC__NAMES("reciprocal-mult"),
                                              .help = "L = E + (1 + A P^-alpha + B N^-beta) / sum_i C_i w_i^g_i (ours)",
                                              .validate = true,
                                              .validate_gp = true,
                                              .blends = true,
                                              .n_params = n_params,
                                              .param_name = param_name,
                                              .eval = mult_eval,
                                              .start = mult_start,
                                              .prior = prior,
                                              .bounds = bounds,
                                              .tie = tie,
                                              .is_log = asc__all_but_first,
                                              .point = mult_point};
