/* Reciprocal laws: E + 1 / sum_i C_i w_i^g_i, with terms in tokens and parameters added, joined or multiplied. */
#include "private.h"

#include <math.h>
#include <string.h>

/* theta = [E, log C (D), log g (D), then
 *   add, mult:  log A, log alpha (params vary), log B, log beta (tokens vary)
 *   joint:      log a (D), gA, log alpha (params vary), log b (D), gB, log beta (tokens vary)
 *   kaplan:     as joint, then log delta (both vary)] */

static size_t n_simple(size_t D, bool tokens, bool params)
{
    return 1 + 2 * D + (params ? 2 : 0) + (tokens ? 2 : 0);
}

static size_t n_joint(size_t D, bool tokens, bool params)
{
    return 1 + 2 * D + ((params ? 1 : 0) + (tokens ? 1 : 0)) * (D + 2);
}

static size_t n_kaplan(size_t D, bool tokens, bool params)
{
    return n_joint(D, tokens, params) + (tokens && params ? 1 : 0);
}

/* The two exponential terms: value A exp(-alpha z) into t, with its derivatives against log A and log alpha. */
static void power_term(const asc__kernels *k, const double *theta, const double *z, double *t, size_t n)
{
    k->exp_affine(t, theta[0], -exp(theta[1]), z, n);
}

typedef struct terms {
    double *s, *t, *q, *p, *n, *m; /* S, C w^g (D,ld), -M/S^2, A term, B term, M */
} terms;

static terms layout(double *scratch, size_t D, size_t ld)
{
    terms t = {.t = scratch};
    double *rest = scratch + D * ld;
    t.s = rest;
    t.q = rest + ld;
    t.p = rest + 2 * ld;
    t.n = rest + 3 * ld;
    t.m = rest + 4 * ld;
    return t;
}

static void exponents(double *g, const double *log_g, size_t D)
{
    for (size_t i = 0; i < D; i++)
        g[i] = exp(log_g[i]);
}

/* Rows of dC and dg: q t_i and q t_i g_i log w_i. */
static void mixture_rows(const asc__kernels *k, const asc__features *x, const terms *t, const double *g, double *J)
{
    size_t D = x->n_domains, ld = x->ld;
    for (size_t i = 0; i < D; i++)
        k->pow_row(J + (1 + i) * ld, J + (1 + D + i) * ld, t->q, t->t + i * ld, g[i], x->log_w + i * ld, ld);
}

static void simple_eval(const asc__features *x, const double *theta, double *f, double *J, double *scratch, bool mult)
{
    const asc__kernels *k = asc__law_kernels();
    size_t D = x->n_domains, ld = x->ld, at = 1 + 2 * D;
    terms t = layout(scratch, D, ld);
    double *g = scratch + (D + 6) * ld; /* (D), D <= 2 D ld */
    exponents(g, theta + 1 + D, D);
    k->pow_sum(t.s, J ? t.t : NULL, theta + 1, g, x->log_w, D, ld, ld);
    size_t p_at = at, n_at = at + (x->has_params ? 2 : 0);
    memset(t.p, 0, 2 * ld * sizeof *t.p);
    if (x->has_params)
        power_term(k, theta + p_at, x->log_p, t.p, ld);
    if (x->has_tokens)
        power_term(k, theta + n_at, x->log_n, t.n, ld);
    for (size_t r = 0; r < ld; r++) {
        double inverse = 1 / t.s[r], extra = t.p[r] + t.n[r];
        f[r] = mult ? theta[0] + (1 + extra) * inverse : theta[0] + inverse + extra;
        t.m[r] = mult ? inverse : 1;
        t.q[r] = -(mult ? 1 + extra : 1) * inverse * inverse;
    }
    if (!J)
        return;
    for (size_t r = 0; r < ld; r++)
        J[r] = 1;
    mixture_rows(k, x, &t, g, J);
    if (x->has_params)
        k->pow_row(J + p_at * ld, J + (p_at + 1) * ld, t.m, t.p, -exp(theta[p_at + 1]), x->log_p, ld);
    if (x->has_tokens)
        k->pow_row(J + n_at * ld, J + (n_at + 1) * ld, t.m, t.n, -exp(theta[n_at + 1]), x->log_n, ld);
}

static void add_eval(const asc__features *x, size_t own, const double *theta, double *f, double *J, double *scratch)
{
    simple_eval(x, theta, f, J, scratch, false);
}

static void mult_eval(const asc__features *x, size_t own, const double *theta, double *f, double *J, double *scratch)
{
    simple_eval(x, theta, f, J, scratch, true);
}

/* u = log of (sum_i a_i w_i)^gamma z^-alpha at theta = [log a (D), gamma, log alpha]; rows of du/dtheta into J. */
static void log_term(const asc__kernels *k, const asc__features *x, const double *theta, const double *log_z, double *u,
                     double *J, double *scratch)
{
    size_t D = x->n_domains, ld = x->ld;
    double *t = scratch, *s = t + D * ld, *q = s + ld, *ones = q + ld;
    double gamma = theta[D], alpha = exp(theta[D + 1]);
    for (size_t i = 0; i < D; i++)
        ones[i] = 1;
    k->pow_sum(s, t, theta, ones, x->log_w, D, ld, ld);
    for (size_t r = 0; r < ld; r++)
        q[r] = gamma / s[r];
    k->log(s, s, ld);
    for (size_t r = 0; r < ld; r++)
        u[r] = gamma * s[r] - alpha * log_z[r];
    if (!J)
        return;
    for (size_t i = 0; i < D; i++)
        k->pow_row(J + i * ld, NULL, q, t + i * ld, 0, NULL, ld);
    memcpy(J + D * ld, s, ld * sizeof *s);
    for (size_t r = 0; r < ld; r++)
        J[(D + 1) * ld + r] = -alpha * log_z[r];
}

/* Rows of J times m. */
static void scale_rows(double *J, size_t n_rows, const double *m, size_t ld)
{
    for (size_t i = 0; i < n_rows; i++)
        asc__law_kernels()->pow_row(J + i * ld, NULL, m, J + i * ld, 0, NULL, ld);
}

/* E + 1/S and its rows. */
static void mixture_eval(const asc__kernels *k, const asc__features *x, const double *theta, double *f, double *J,
                         double *scratch)
{
    size_t D = x->n_domains, ld = x->ld;
    terms t = layout(scratch, D, ld);
    double *g = scratch + (D + 6) * ld;
    exponents(g, theta + 1 + D, D);
    k->pow_sum(t.s, J ? t.t : NULL, theta + 1, g, x->log_w, D, ld, ld);
    for (size_t r = 0; r < ld; r++) {
        double inverse = 1 / t.s[r];
        f[r] = theta[0] + inverse;
        t.q[r] = -inverse * inverse;
    }
    for (size_t r = 0; J && r < ld; r++)
        J[r] = 1;
    if (J)
        mixture_rows(k, x, &t, g, J);
}

/* Term A alone, B alone, or both: added (joint), or as (A^(1/delta) + B^(1/delta))^delta (kaplan). */
static void joined_eval(const asc__features *x, const double *theta, double *f, double *J, double *scratch, bool kaplan)
{
    const asc__kernels *k = asc__law_kernels();
    size_t D = x->n_domains, ld = x->ld, at = 1 + 2 * D, width = D + 2;
    double *u = scratch, *v = u + ld, *rest = v + ld;
    mixture_eval(k, x, theta, f, J, scratch);
    bool both = x->has_params && x->has_tokens;
    double *Ja = J ? J + at * ld : NULL, *Jb = J ? Ja + (x->has_params ? width : 0) * ld : NULL;
    if (x->has_params)
        log_term(k, x, theta + at, x->log_p, u, Ja, rest);
    if (x->has_tokens)
        log_term(k, x, theta + at + (x->has_params ? width : 0), x->log_n, v, Jb, rest);
    if (both && kaplan) {
        double delta = exp(theta[at + 2 * width]), *row = J ? J + (at + 2 * width) * ld : NULL;
        for (size_t r = 0; r < ld; r++) {
            double top = fmax(u[r], v[r]), a = exp((u[r] - top) / delta), b = exp((v[r] - top) / delta);
            double T = exp(top) * pow(a + b, delta), pa = a / (a + b);
            f[r] += T;
            if (row)
                row[r] = T * (delta * log(a + b) - pa * (u[r] - top) - (1 - pa) * (v[r] - top));
            u[r] = T * pa;
            v[r] = T * (1 - pa);
        }
    } else
        for (int s = 0; s < 2; s++)
            if (s == 0 ? x->has_params : x->has_tokens) {
                double *z = s == 0 ? u : v;
                k->exp_affine(z, 0, 1, z, ld);
                asc_axpy(f, 1, z, ld);
            }
    if (J && x->has_params)
        scale_rows(Ja, width, u, ld);
    if (J && x->has_tokens)
        scale_rows(Jb, width, v, ld);
}

static void joint_eval(const asc__features *x, size_t own, const double *theta, double *f, double *J, double *scratch)
{
    joined_eval(x, theta, f, J, scratch, false);
}

static void kaplan_eval(const asc__features *x, size_t own, const double *theta, double *f, double *J, double *scratch)
{
    joined_eval(x, theta, f, J, scratch, true);
}

/* ---- starts ---- */

/* Weights of start k: irreducible share of the smallest loss, exponent of the shares. */
static const double start_floor[] = {.3, .6, .9};
static const double start_gamma[] = {.3, .4, .6};
#define N_STARTS 3

/* log C from the ridge solution of 1/(y-c) on w^g: the positive part, no less than a thousandth of the mean. */
void asc__reciprocal_worths(const asc__data *d, const double *y, double c, double gamma, double *log_c, double *scratch)
{
    const asc__features *x = d->x;
    const asc__kernels *k = asc__law_kernels();
    size_t D = x->n_domains, ld = x->ld;
    double *G = scratch, *b = G + D * D, *t = b + D, trace = 0, mean = 0;
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
        row[D] = x->has_params ? exp(-.3 * x->log_p[r]) : 0;
        row[D + 1] = x->has_tokens ? exp(-.3 * x->log_n[r]) : 0;
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

enum { ADD, JOINT, MULT, KAPLAN };

/* y with the guessed terms in P and N taken out. */
static void take_out(const asc__data *d, int form, double A, double B, double c, double *y)
{
    const asc__features *x = d->x;
    for (size_t r = 0; r < x->ld; r++) {
        double p = x->has_params ? A * exp(-.3 * x->log_p[r]) : 0, n = x->has_tokens ? B * exp(-.3 * x->log_n[r]) : 0;
        y[r] = form == MULT ? c + (d->y[r] - c) / (1 + p + n) : d->y[r] - p - n;
    }
}

static bool start_form(const asc__data *d, size_t k, double *theta, double *scratch, int form)
{
    if (k >= N_STARTS)
        return false;
    const asc__features *x = d->x;
    size_t D = x->n_domains, at = 1 + 2 * D;
    double A = 0, B = 0, *y = scratch, *rest = scratch + x->ld;
    if (x->has_params || x->has_tokens)
        term_sizes(d, &A, &B, rest);
    double lowest = d->y_min - (form == MULT ? 0 : (x->has_params ? A : 0) + (x->has_tokens ? B : 0));
    double c = start_floor[k] * lowest;
    if (form == MULT) {
        A /= fmax(d->y_mean - c, 1e-3);
        B /= fmax(d->y_mean - c, 1e-3);
    }
    take_out(d, form, A, B, c, y);
    theta[0] = c;
    asc__reciprocal_worths(d, y, c, start_gamma[k], theta + 1, rest);
    for (size_t i = 0; i < D; i++)
        theta[1 + D + i] = log(start_gamma[k]);
    double size[2] = {A, B};
    bool has[2] = {x->has_params, x->has_tokens};
    for (int s = 0; s < 2; s++) {
        if (!has[s])
            continue;
        if (form == JOINT || form == KAPLAN) {
            for (size_t i = 0; i < D; i++)
                theta[at + i] = log(size[s]);
            theta[at + D] = 1;
            at += D;
        } else
            theta[at] = log(size[s]);
        theta[at + 1] = log(.3);
        at += 2;
    }
    if (form == KAPLAN && has[0] && has[1])
        theta[at] = log(.7);
    return true;
}

static bool add_start(const asc__data *d, size_t k, double *theta, double *scratch)
{
    return start_form(d, k, theta, scratch, ADD);
}
static bool joint_start(const asc__data *d, size_t k, double *theta, double *scratch)
{
    return start_form(d, k, theta, scratch, JOINT);
}
static bool kaplan_start(const asc__data *d, size_t k, double *theta, double *scratch)
{
    return start_form(d, k, theta, scratch, KAPLAN);
}
static bool mult_start(const asc__data *d, size_t k, double *theta, double *scratch)
{
    return start_form(d, k, theta, scratch, MULT);
}

/* ---- bounds, prior, groups ---- */

static void mixture_bounds(const asc__data *d, double *lo, double *hi)
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

static void simple_bounds(const asc__data *d, double *lo, double *hi)
{
    size_t at = 1 + 2 * d->x->n_domains;
    mixture_bounds(d, lo, hi);
    for (int s = 0; s < 2; s++)
        if (s == 0 ? d->x->has_params : d->x->has_tokens) {
            asc__term_bounds(lo + at, hi + at);
            at += 2;
        }
}

static void joint_bounds(const asc__data *d, double *lo, double *hi)
{
    size_t D = d->x->n_domains, at = 1 + 2 * D;
    mixture_bounds(d, lo, hi);
    for (int s = 0; s < 2; s++)
        if (s == 0 ? d->x->has_params : d->x->has_tokens) {
            for (size_t i = 0; i < D; i++) {
                lo[at + i] = -18;
                hi[at + i] = 6;
            }
            asc__term_bounds(lo + at + D, hi + at + D);
            lo[at + D] = -3;
            hi[at + D] = 3;
            at += D + 2;
        }
}

static void kaplan_bounds(const asc__data *d, double *lo, double *hi)
{
    joint_bounds(d, lo, hi);
    if (d->x->has_params && d->x->has_tokens) {
        size_t at = n_joint(d->x->n_domains, true, true);
        lo[at] = log(.1);
        hi[at] = log(1.5);
    }
}

static void simple_prior(const asc__data *d, double *centre, double *strength, double *fixed)
{
    size_t D = d->x->n_domains, at = 1 + 2 * D;
    for (size_t i = 0; i < 2 * D; i++)
        strength[1 + i] = 1;
    if (d->x->has_params) {
        asc__exponent_prior(d, centre, fixed, at + 1);
        at += 2;
    }
    if (d->x->has_tokens)
        asc__exponent_prior(d, centre, fixed, at + 1);
}

static void joint_prior(const asc__data *d, double *centre, double *strength, double *fixed)
{
    size_t D = d->x->n_domains, at = 1 + 2 * D;
    for (size_t i = 0; i < 2 * D; i++)
        strength[1 + i] = 1;
    for (int s = 0; s < 2; s++)
        if (s == 0 ? d->x->has_params : d->x->has_tokens) {
            for (size_t i = 0; i < D; i++)
                strength[at + i] = 1;
            asc__exponent_prior(d, centre, fixed, at + D + 1);
            at += D + 2;
        }
}

static void kaplan_prior(const asc__data *d, double *centre, double *strength, double *fixed)
{
    joint_prior(d, centre, strength, fixed);
    if (d->x->has_params && d->x->has_tokens) {
        size_t at = n_joint(d->x->n_domains, true, true);
        centre[at] = log(.7);
        fixed[at] = asc__prior_strength(d, .35);
    }
}

/* The own domain stands apart from the others. Groups by first appearance. */
static size_t simple_tie(const asc__data *d, size_t *tie)
{
    size_t D = d->x->n_domains, n = 1;
    tie[0] = 0;
    n = asc__split(d, tie + 1, n);
    n = asc__split(d, tie + 1 + D, n);
    size_t p = n_simple(D, d->x->has_tokens, d->x->has_params);
    for (size_t j = 1 + 2 * D; j < p; j++)
        tie[j] = n++;
    return n;
}

static size_t joint_tie(const asc__data *d, size_t *tie)
{
    size_t D = d->x->n_domains, n = 1, at = 1 + 2 * D;
    tie[0] = 0;
    n = asc__split(d, tie + 1, n);
    n = asc__split(d, tie + 1 + D, n);
    for (int s = 0; s < 2; s++)
        if (s == 0 ? d->x->has_params : d->x->has_tokens) {
            n = asc__split(d, tie + at, n);
            tie[at + D] = n++;
            tie[at + D + 1] = n++;
            at += D + 2;
        }
    return n;
}

static size_t kaplan_tie(const asc__data *d, size_t *tie)
{
    size_t n = joint_tie(d, tie);
    if (d->x->has_params && d->x->has_tokens)
        tie[n_joint(d->x->n_domains, true, true)] = n++;
    return n;
}

/* ---- users' parameters ---- */

static bool is_log_joint(size_t j, size_t D)
{
    if (j == 0)
        return false;
    return j <= 2 * D || (j - 1 - 2 * D) % (D + 2) != D;
}

static void simple_to_params(const asc__features *x, const double *theta, double *params)
{
    asc__log_to_params(params, theta, n_simple(x->n_domains, x->has_tokens, x->has_params));
}

static void simple_to_theta(const asc__features *x, const double *params, double *theta)
{
    asc__log_to_theta(theta, params, n_simple(x->n_domains, x->has_tokens, x->has_params));
}

static void joint_to_params(const asc__features *x, const double *theta, double *params)
{
    size_t p = n_joint(x->n_domains, x->has_tokens, x->has_params);
    for (size_t j = 0; j < p; j++)
        params[j] = is_log_joint(j, x->n_domains) ? exp(theta[j]) : theta[j];
}

static void joint_to_theta(const asc__features *x, const double *params, double *theta)
{
    size_t p = n_joint(x->n_domains, x->has_tokens, x->has_params);
    for (size_t j = 0; j < p; j++)
        theta[j] = is_log_joint(j, x->n_domains) ? log(fmax(params[j], 1e-300)) : params[j];
}

static bool has_delta(const asc__features *x)
{
    return x->has_params && x->has_tokens;
}

static void kaplan_to_params(const asc__features *x, const double *theta, double *params)
{
    size_t at = n_joint(x->n_domains, x->has_tokens, x->has_params);
    joint_to_params(x, theta, params);
    if (has_delta(x))
        params[at] = exp(theta[at]);
}

static void kaplan_to_theta(const asc__features *x, const double *params, double *theta)
{
    size_t at = n_joint(x->n_domains, x->has_tokens, x->has_params);
    joint_to_theta(x, params, theta);
    if (has_delta(x))
        theta[at] = log(fmax(params[at], 1e-300));
}

static const char *const simple_terms[] = {"A", "alpha", "B", "beta"};

static void simple_name(const asc_law *l, size_t i, char *const *domains, char *buf, size_t n)
{
    size_t D = l->n_domains;
    if (i == 0)
        snprintf(buf, n, "E");
    else if (i <= 2 * D)
        snprintf(buf, n, "%s.%s", i <= D ? "C" : "gamma", domains[(i - 1) % D]);
    else
        snprintf(buf, n, "%s", simple_terms[i - 1 - 2 * D + (l->has_params ? 0 : 2)]);
}

static void joint_name(const asc_law *l, size_t i, char *const *domains, char *buf, size_t n)
{
    size_t D = l->n_domains;
    if (i <= 2 * D) {
        simple_name(l, i, domains, buf, n);
        return;
    }
    size_t j = i - 1 - 2 * D;
    bool second = j >= D + 2 || !l->has_params;
    j %= D + 2;
    if (j < D)
        snprintf(buf, n, "%s.%s", second ? "B" : "A", domains[j]);
    else
        snprintf(buf, n, "%s", j == D ? (second ? "gamma_B" : "gamma_A") : second ? "beta" : "alpha");
}

static void kaplan_name(const asc_law *l, size_t i, char *const *domains, char *buf, size_t n)
{
    if (i == n_joint(l->n_domains, l->has_tokens, l->has_params))
        snprintf(buf, n, "delta");
    else
        joint_name(l, i, domains, buf, n);
}

/* ---- one point ---- */

/* S and, if gw is not NULL, dS/dw_i (0 below the floor, where the law is flat). */
static double point_sum(const asc_law *l, const double *C, const double *g, const double *w, double *gw)
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

static double point_simple(const asc_law *l, const double *p, const double *tokens, double P, double *gradient,
                           bool mult)
{
    size_t D = l->n_domains, at = 1 + 2 * D;
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
    double s = point_sum(l, p + 1, p + 1 + D, w, gradient ? gw : NULL), m = mult ? 1 + A + B : 1;
    if (gradient) {
        for (size_t i = 0; i < D; i++)
            gw[i] *= -m / (s * s);
        asc__shares_gradient(gradient, gw, w, N, mult ? dB / s : dB, D);
    }
    return p[0] + m / s + (mult ? 0 : A + B);
}

static double add_point(const asc_law *l, const double *p, const double *tokens, double P, double *gradient)
{
    return point_simple(l, p, tokens, P, gradient, false);
}

static double mult_point(const asc_law *l, const double *p, const double *tokens, double P, double *gradient)
{
    return point_simple(l, p, tokens, P, gradient, true);
}

/* t = (sum a_i w_i)^gamma z^-alpha at p = [a (D), gamma, alpha], and its derivative against w_i. */
static double point_joint_term(const asc_law *l, const double *p, const double *w, double z, double *gw)
{
    size_t D = l->n_domains;
    double s = 0;
    for (size_t i = 0; i < D; i++)
        s += p[i] * fmax(w[i], l->floor);
    double t = pow(s, p[D]) * pow(z, -p[D + 1]);
    for (size_t i = 0; i < D; i++)
        gw[i] = t * p[D] * p[i] / s;
    return t;
}

static double point_joined(const asc_law *l, const double *p, const double *tokens, double P, double *gradient,
                           bool kaplan)
{
    size_t D = l->n_domains, at = 1 + 2 * D, at_b = at + (l->has_params ? D + 2 : 0);
    double N = asc__total(tokens, D), A = 0, B = 0, to_a = 1, to_b = 1;
    if (!(N > 0))
        return NAN;
    double w[D], gw[D], ga[D], gb[D];
    for (size_t i = 0; i < D; i++) {
        w[i] = tokens[i] / N;
        ga[i] = gb[i] = 0;
    }
    double s = point_sum(l, p + 1, p + 1 + D, w, gw);
    if (l->has_params)
        A = point_joint_term(l, p + at, w, P / l->unit_params, ga);
    if (l->has_tokens)
        B = point_joint_term(l, p + at_b, w, N / l->unit_tokens, gb);
    double T = A + B;
    if (kaplan && l->has_params && l->has_tokens) {
        double delta = p[at_b + D + 2], top = fmax(A, B), a = pow(A / top, 1 / delta), b = pow(B / top, 1 / delta);
        T = top * pow(a + b, delta);
        to_a = T / A * a / (a + b); /* dT/dA */
        to_b = T / B * b / (a + b);
    }
    if (gradient) {
        for (size_t i = 0; i < D; i++)
            gw[i] = -gw[i] / (s * s) + to_a * ga[i] + to_b * gb[i];
        asc__shares_gradient(gradient, gw, w, N, l->has_tokens ? -p[at_b + D + 1] * to_b * B / N : 0, D);
    }
    return p[0] + 1 / s + T;
}

static double joint_point(const asc_law *l, const double *p, const double *tokens, double P, double *gradient)
{
    return point_joined(l, p, tokens, P, gradient, false);
}

static double kaplan_point(const asc_law *l, const double *p, const double *tokens, double P, double *gradient)
{
    return point_joined(l, p, tokens, P, gradient, true);
}

const char *asc__twin_without_scale(bool tokens, bool params)
{
    return tokens || params ? NULL : "the same as reciprocal-mult where neither tokens nor params vary";
}

static const char *kaplan_twin(bool tokens, bool params)
{
    const char *twin = asc__twin_without_scale(tokens, params);
    return twin || (tokens && params) ? twin : "the same as reciprocal-joint where tokens and params do not both vary";
}

const asc__family asc__law_reciprocal_kaplan = {ASC__NAMES("reciprocal-kaplan"),
                                                .help =
                                                    "reciprocal-joint with the terms in P and N combined so that the "
                                                    "scarcer resource dominates (ours, after Kaplan et al. 2001.08361)",
                                                .judge = true,
                                                .judge_gp = true,
                                                .blends = true,
                                                .twin = kaplan_twin,
                                                .n_params = n_kaplan,
                                                .param_name = kaplan_name,
                                                .eval = kaplan_eval,
                                                .start = kaplan_start,
                                                .prior = kaplan_prior,
                                                .bounds = kaplan_bounds,
                                                .tie = kaplan_tie,
                                                .to_params = kaplan_to_params,
                                                .to_theta = kaplan_to_theta,
                                                .point = kaplan_point};
const asc__family asc__law_reciprocal_add = {
    ASC__NAMES("reciprocal-add"),
    .help = "L = E + 1 / sum_i C_i w_i^g_i + A P^-alpha + B N^-beta [Shukor et al. 2507.09404]",
    .judge = true,
    .blends = true,
    .twin = asc__twin_without_scale,
    .n_params = n_simple,
    .param_name = simple_name,
    .eval = add_eval,
    .start = add_start,
    .prior = simple_prior,
    .bounds = simple_bounds,
    .tie = simple_tie,
    .to_params = simple_to_params,
    .to_theta = simple_to_theta,
    .point = add_point};
const asc__family asc__law_reciprocal_mult = {ASC__NAMES("reciprocal-mult"),
                                              .help = "L = E + (1 + A P^-alpha + B N^-beta) / sum_i C_i w_i^g_i (ours)",
                                              .judge = true,
                                              .judge_gp = true,
                                              .blends = true,
                                              .n_params = n_simple,
                                              .param_name = simple_name,
                                              .eval = mult_eval,
                                              .start = mult_start,
                                              .prior = simple_prior,
                                              .bounds = simple_bounds,
                                              .tie = simple_tie,
                                              .to_params = simple_to_params,
                                              .to_theta = simple_to_theta,
                                              .point = mult_point};
const asc__family asc__law_reciprocal_joint = {
    ASC__NAMES("reciprocal-joint"),
    .help = "reciprocal-add with A and B that depend on the mixture [Shukor et al. 2507.09404]",
    .judge = true,
    .blends = true,
    .twin = asc__twin_without_scale,
    .n_params = n_joint,
    .param_name = joint_name,
    .eval = joint_eval,
    .start = joint_start,
    .prior = joint_prior,
    .bounds = joint_bounds,
    .tie = joint_tie,
    .to_params = joint_to_params,
    .to_theta = joint_to_theta,
    .point = joint_point};
