/* Reciprocal laws whose terms in P and N depend on the mixture, S(w) as in reciprocal.c:
 *
 *     T_A = (sum_i a_i w_i)^gA P^-alpha,   T_B = (sum_i b_i w_i)^gB N^-beta
 *     reciprocal-joint   L = E + 1 / S + T_A + T_B                                   [Shukor et al. 2507.09404]
 *     reciprocal-kaplan  L = E + 1 / S + (T_A^(1/delta) + T_B^(1/delta))^delta       (ours)
 *
 * The second joins them as Kaplan et al. 2001.08361 (eq. 1.5) do: of parameters and tokens the scarcer dominates.
 *
 * theta = [E, log C (D), log g (D), log a (D), gA, log alpha (where P varies), log b (D), gB, log beta (where N
 * varies), log delta (kaplan, where both vary)] */
#include "reciprocal.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* Coordinates of one term. */
static size_t term_width(size_t D)
{
    return D + 2;
}

static size_t n_joint(size_t D, bool tokens, bool params)
{
    return asc__reciprocal_at(D) + ((params ? 1 : 0) + (tokens ? 1 : 0)) * term_width(D);
}

static size_t n_kaplan(size_t D, bool tokens, bool params)
{
    return n_joint(D, tokens, params) + (tokens && params ? 1 : 0);
}

static bool has_delta(const asc__features *x)
{
    return x->has_params && x->has_tokens;
}

/* ---- predictions of all rows, and their derivatives ---- */

/* E + 1/S, and the rows of J against E, log C and log g. */
static void mixture_eval(const asc__features *x, const double *theta, double *f, double *J, double *scratch)
{
    size_t D = x->n_domains, ld = x->ld;
    double *t = scratch, *s = t + D * ld, *q = s + ld, *g = scratch + (D + 6) * ld; /* t (D,ld), s and q (ld), g (D) */
    asc__reciprocal_sum(x, theta, s, J ? t : NULL, g);
    for (size_t r = 0; r < ld; r++) {
        double inverse = 1 / s[r];
        f[r] = theta[0] + inverse;
        q[r] = -inverse * inverse; /* dL/dS */
    }
    for (size_t r = 0; J && r < ld; r++)
        J[r] = 1;
    if (J)
        asc__reciprocal_rows(x, q, t, g, J);
}

/* u = log T (ld) of one term at theta = [log a (D), gamma, log alpha], and the rows of du/dtheta into J, or NULL:
 *     u = gamma log(sum_i a_i w_i) - alpha log z */
static void log_term(const asc__features *x, const double *theta, const double *log_z, double *u, double *J,
                     double *scratch)
{
    const asc__kernels *k = asc__law_kernels();
    size_t D = x->n_domains, ld = x->ld;
    double *t = scratch, *s = t + D * ld, *q = s + ld, *ones = q + ld; /* t (D,ld) a_i w_i, s and q (ld), ones (D) */
    double gamma = theta[D], alpha = exp(theta[D + 1]);
    assert(ld % ASC_LANES == 0);
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

/* T = (e^(u/delta) + e^(v/delta))^delta onto f, from logarithms so that nothing overflows; u and v become dT/du and
 * dT/dv, row (or NULL) dT/dlog delta. */
static void join_terms(double *f, double *u, double *v, double *row, double delta, size_t ld)
{
    assert(delta > 0);
    for (size_t r = 0; r < ld; r++) {
        double top = fmax(u[r], v[r]), a = exp((u[r] - top) / delta), b = exp((v[r] - top) / delta);
        double T = exp(top) * pow(a + b, delta), pa = a / (a + b);
        f[r] += T;
        if (row)
            row[r] = T * (delta * log(a + b) - pa * (u[r] - top) - (1 - pa) * (v[r] - top));
        u[r] = T * pa;
        v[r] = T * (1 - pa);
    }
}

/* e^u onto f; u becomes its own derivative, e^u. */
static void add_term(double *f, double *u, size_t ld)
{
    asc__law_kernels()->exp_affine(u, 0, 1, u, ld);
    asc_axpy(f, 1, u, ld);
}

/* Rows of J times m: from dlog T/dtheta to dL/dtheta. */
static void scale_rows(double *J, size_t n_rows, const double *m, size_t ld)
{
    for (size_t i = 0; i < n_rows; i++)
        asc__law_kernels()->pow_row(J + i * ld, NULL, m, J + i * ld, 0, NULL, ld);
}

/* f (ld) and, unless it is NULL, J (P,ld): the mixture's own part, the logarithm of each term that there is, then the
 * terms added or joined. */
static void eval(const asc__features *x, const double *theta, double *f, double *J, double *scratch, bool kaplan)
{
    size_t D = x->n_domains, ld = x->ld, width = term_width(D);
    size_t a_at = asc__reciprocal_at(D), b_at = a_at + (x->has_params ? width : 0), delta_at = a_at + 2 * width;
    double *u = scratch, *v = u + ld, *rest = v + ld; /* log T_A, log T_B; then dL/du, dL/dv */
    mixture_eval(x, theta, f, J, scratch);
    if (x->has_params)
        log_term(x, theta + a_at, x->log_p, u, J ? J + a_at * ld : NULL, rest);
    if (x->has_tokens)
        log_term(x, theta + b_at, x->log_n, v, J ? J + b_at * ld : NULL, rest);
    if (kaplan && has_delta(x))
        join_terms(f, u, v, J ? J + delta_at * ld : NULL, exp(theta[delta_at]), ld);
    else {
        if (x->has_params)
            add_term(f, u, ld);
        if (x->has_tokens)
            add_term(f, v, ld);
    }
    if (J && x->has_params)
        scale_rows(J + a_at * ld, width, u, ld);
    if (J && x->has_tokens)
        scale_rows(J + b_at * ld, width, v, ld);
}

static void joint_eval(const asc__features *x, size_t own, const double *theta, double *f, double *J, double *scratch)
{
    eval(x, theta, f, J, scratch, false);
}

static void kaplan_eval(const asc__features *x, size_t own, const double *theta, double *f, double *J, double *scratch)
{
    eval(x, theta, f, J, scratch, true);
}

/* ---- starts, bounds, prior, groups ---- */

static bool joint_start(const asc__data *d, size_t k, double *theta, double *scratch)
{
    return asc__reciprocal_start(d, k, theta, scratch, ASC__RECIPROCAL_JOINT);
}

static bool kaplan_start(const asc__data *d, size_t k, double *theta, double *scratch)
{
    return asc__reciprocal_start(d, k, theta, scratch, ASC__RECIPROCAL_KAPLAN);
}

static int n_terms(const asc__features *x)
{
    return x->has_params + x->has_tokens;
}

static void joint_bounds(const asc__data *d, double *lo, double *hi)
{
    size_t D = d->x->n_domains, at = asc__reciprocal_at(D);
    asc__reciprocal_bounds(d, lo, hi);
    for (int n = n_terms(d->x); n > 0; n--, at += term_width(D)) {
        for (size_t i = 0; i < D; i++) {
            lo[at + i] = -18;
            hi[at + i] = 6;
        }
        asc__term_bounds(lo + at + D, hi + at + D);
        lo[at + D] = -3;
        hi[at + D] = 3;
    }
}

static void kaplan_bounds(const asc__data *d, double *lo, double *hi)
{
    joint_bounds(d, lo, hi);
    if (has_delta(d->x)) {
        size_t at = n_joint(d->x->n_domains, true, true);
        lo[at] = log(.1);
        hi[at] = log(1.5);
    }
}

static void joint_prior(const asc__data *d, double *centre, double *strength, double *fixed)
{
    size_t D = d->x->n_domains, at = asc__reciprocal_at(D);
    asc__reciprocal_prior(d, strength);
    for (int n = n_terms(d->x); n > 0; n--, at += term_width(D)) {
        for (size_t i = 0; i < D; i++)
            strength[at + i] = 1;
        asc__exponent_prior(d, centre, fixed, at + D + 1);
    }
}

static void kaplan_prior(const asc__data *d, double *centre, double *strength, double *fixed)
{
    joint_prior(d, centre, strength, fixed);
    if (has_delta(d->x)) {
        size_t at = n_joint(d->x->n_domains, true, true);
        centre[at] = log(.7);
        fixed[at] = asc__prior_strength(d, .35);
    }
}

static size_t joint_tie(const asc__data *d, size_t *group)
{
    size_t D = d->x->n_domains, n = asc__reciprocal_tie(d, group), at = asc__reciprocal_at(D);
    for (int k = n_terms(d->x); k > 0; k--, at += term_width(D)) {
        n = asc__split(d, group + at, n);
        group[at + D] = n++;
        group[at + D + 1] = n++;
    }
    return n;
}

static size_t kaplan_tie(const asc__data *d, size_t *group)
{
    size_t n = joint_tie(d, group);
    if (has_delta(d->x))
        group[n_joint(d->x->n_domains, true, true)] = n++;
    return n;
}

/* ---- users' parameters: [E, C (D), g (D), a (D), gA, alpha, b (D), gB, beta, delta] ---- */

/* All but E, gA and gB are logarithms in theta. */
static bool is_log(size_t j, size_t D)
{
    size_t at = asc__reciprocal_at(D);
    return j > 0 && (j < at || (j - at) % term_width(D) != D);
}

static void joint_name(const asc_law *l, size_t i, char *const *domains, char *buf, size_t n)
{
    size_t D = l->n_domains, at = asc__reciprocal_at(D);
    if (i < at) {
        asc__reciprocal_name(l, i, domains, buf, n);
        return;
    }
    bool second = i - at >= term_width(D) || !l->has_params; /* of the term in N */
    size_t j = (i - at) % term_width(D);
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

/* T = (sum_i a_i w_i)^gamma z^-alpha at p = [a (D), gamma, alpha], and its derivative against w_i. */
static double term_at(const asc_law *l, const double *p, const double *w, double z, double *gw)
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

/* L at params p and tokens (D); gradient (D) against the tokens, or NULL. */
static double point(const asc_law *l, const double *p, const double *tokens, double P, double *gradient, bool kaplan)
{
    size_t D = l->n_domains, at = asc__reciprocal_at(D), at_b = at + (l->has_params ? term_width(D) : 0);
    double N = asc__total(tokens, D), A = 0, B = 0, to_a = 1, to_b = 1;
    if (!(N > 0))
        return NAN;
    double w[D], gw[D], ga[D], gb[D];
    for (size_t i = 0; i < D; i++) {
        w[i] = tokens[i] / N;
        ga[i] = gb[i] = 0;
    }
    double s = asc__reciprocal_sum_at(l, p + 1, p + 1 + D, w, gw);
    if (l->has_params)
        A = term_at(l, p + at, w, P / l->unit_params, ga);
    if (l->has_tokens)
        B = term_at(l, p + at_b, w, N / l->unit_tokens, gb);
    double T = A + B;
    if (kaplan && l->has_params && l->has_tokens) {
        double delta = p[at_b + term_width(D)], top = fmax(A, B), a = pow(A / top, 1 / delta),
               b = pow(B / top, 1 / delta);
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
    return point(l, p, tokens, P, gradient, false);
}

static double kaplan_point(const asc_law *l, const double *p, const double *tokens, double P, double *gradient)
{
    return point(l, p, tokens, P, gradient, true);
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
                                                .validate = true,
                                                .validate_gp = true,
                                                .blends = true,
                                                .twin = kaplan_twin,
                                                .n_params = n_kaplan,
                                                .param_name = kaplan_name,
                                                .eval = kaplan_eval,
                                                .start = kaplan_start,
                                                .prior = kaplan_prior,
                                                .bounds = kaplan_bounds,
                                                .tie = kaplan_tie,
                                                .is_log = is_log,
                                                .point = kaplan_point};
const asc__family asc__law_reciprocal_joint = {
    ASC__NAMES("reciprocal-joint"),
    .help = "reciprocal-add with A and B that depend on the mixture [Shukor et al. 2507.09404]",
    .validate = true,
    .blends = true,
    .twin = asc__twin_without_scale,
    .n_params = n_joint,
    .param_name = joint_name,
    .eval = joint_eval,
    .start = joint_start,
    .prior = joint_prior,
    .bounds = joint_bounds,
    .tie = joint_tie,
    .is_log = is_log,
    .point = joint_point};
