/* A Gaussian process on the residual of a parametric law: covariance of log y - log f is
 * noise^2 (1 + r_f exp(-|s-s'|^2/2l^2) + r_l s.s' + r_m), s = sqrt w (and scaled log N, log P). The ratios and l by
 * maximum likelihood (noise^2 has a closed form), first on few rows, then in small steps on many. */
#include "private.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define COARSE 160 /* rows of the coarse search, then of the fine one */
#define FINE 400

typedef struct hyper {
    double log_length, log_rf, log_rl;
} hyper;

typedef struct rows {
    size_t n, n_features, n_linear; /* the linear part sees the shares alone: it must not run on in N and P */
    double *s;                      /* (n,F) */
    double *e;                      /* (n) */
    double *K, *a;
    double *apart, *inner; /* (n,n) lower: squared distances of rows, inner products of their shares' part */
} rows;

static size_t count_features(const asc__features *x)
{
    return x->n_domains + (x->has_tokens ? 1 : 0) + (x->has_params ? 1 : 0);
}

static void input_of(const asc__features *x, size_t r, double *s)
{
    assert(r < x->ld);
    size_t D = x->n_domains, at = D;
    for (size_t i = 0; i < D; i++)
        s[i] = sqrt(x->w[i * x->ld + r]);
    if (x->has_tokens)
        s[at++] = ASC_GP_LOG_SCALE * x->log_n[r];
    if (x->has_params)
        s[at] = ASC_GP_LOG_SCALE * x->log_p[r];
}

static void rows_clear(rows *t)
{
    asc_free(t->s);
    asc_free(t->e);
    asc_free(t->K);
    asc_free(t->a);
    asc_free(t->apart);
    asc_free(t->inner);
}

/* What does not depend on the lengths, once. */
static void pair_rows(rows *t)
{
    size_t F = t->n_features, L = t->n_linear, n = t->n;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j <= i; j++) {
            const double *a = t->s + i * F, *b = t->s + j * F;
            double apart = 0;
            for (size_t k = 0; k < F; k++)
                apart += (a[k] - b[k]) * (a[k] - b[k]);
            t->apart[i * n + j] = apart;
            t->inner[i * n + j] = asc_dot(a, b, L);
        }
}

/* At most `most` of the used rows, evenly taken. */
static bool rows_take(rows *t, const asc__features *x, const double *residual, const double *weight, size_t most)
{
    size_t used = 0, seen = 0, F = count_features(x);
    for (size_t r = 0; r < x->n; r++)
        used += weight[r] != 0;
    size_t n = used < most ? used : most;
    *t = (rows){.n_features = F, .n_linear = x->n_domains};
    t->s = asc_reallocarray(NULL, n * F + 1, sizeof *t->s);
    t->e = asc_reallocarray(NULL, n + 1, sizeof *t->e);
    t->a = asc_reallocarray(NULL, n + 1, sizeof *t->a);
    t->K = asc_reallocarray(NULL, n * n + 1, sizeof *t->K);
    t->apart = asc_reallocarray(NULL, n * n + 1, sizeof *t->apart);
    t->inner = asc_reallocarray(NULL, n * n + 1, sizeof *t->inner);
    if (!t->s || !t->e || !t->a || !t->K || !t->apart || !t->inner) {
        rows_clear(t);
        return false;
    }
    for (size_t r = 0; r < x->n; r++) {
        if (weight[r] == 0)
            continue;
        if (seen++ * n / used < t->n)
            continue;
        if (t->n == n)
            break;
        input_of(x, r, t->s + t->n * F);
        t->e[t->n++] = residual[r];
    }
    assert(t->n == n);
    pair_rows(t);
    return true;
}

/* Covariance over noise^2, lower triangle. */
static void covariance(rows *t, const hyper *h)
{
    double k = .5 * exp(-2 * h->log_length), rf = exp(h->log_rf), rl = exp(h->log_rl);
    size_t n = t->n;
    double e[n + ASC_LANES];
    for (size_t i = 0; i < n; i++) {
        double *row = t->K + i * n;
        const double *inner = t->inner + i * n;
        memcpy(e, t->apart + i * n, (i + 1) * sizeof *e);
        memset(e + i + 1, 0, (ASC_LANES - 1) * sizeof *e);
        asc__law_kernels()->exp_affine(e, 0, -k, e, (i + ASC_LANES) / ASC_LANES * ASC_LANES);
        for (size_t j = 0; j <= i; j++)
            row[j] = rf * e[j] + rl * (inner[j] + 1);
        row[i] += 1;
    }
}

/* Solve for a = K^-1 e; minus twice the log likelihood but for a constant, noise^2 at its best value. */
static double likelihood(rows *t, const hyper *h, double *noise2)
{
    /* Rasmussen and Williams 2006, eq. 5.8, with K = noise^2 K': n log noise^2 + log |K'| + e' K'^-1 e / noise^2, whose
     * last term is n at the best noise^2 = e' K'^-1 e / n and is left out. */
    covariance(t, h);
    if (!asc_chol(t->K, t->n))
        return INFINITY;
    double log_det = 0;
    for (size_t i = 0; i < t->n; i++)
        log_det += 2 * log(t->K[i * t->n + i]);
    memcpy(t->a, t->e, t->n * sizeof *t->a);
    asc_chol_solve(t->K, t->n, t->a);
    *noise2 = fmax(asc_dot(t->a, t->e, t->n) / (double)t->n, 1e-20);
    return (double)t->n * log(*noise2) + log_det;
}

/* Coordinate search on the logarithms from h, steps halved down to `least`: the surface is smooth and
 * three-dimensional. Interrupted, it stays where it is: whoever fits looks for that at the end. */
static hyper search(rows *t, hyper h, double step, double least, int rounds)
{
    hyper best = h;
    double noise2, f = likelihood(t, &best, &noise2);
    for (; step >= least; step *= .5)
        for (int try = 0; try < 6 * rounds && !asc_interrupted(); try++) {
            hyper trial = best;
            int c = try / 2 % 3;
            double *x = c == 0 ? &trial.log_length : c == 1 ? &trial.log_rf : &trial.log_rl;
            *x += (try % 2 ? 1 : -1) * step * (c == 0 ? .5 : 1.2);
            if (trial.log_length < log(.05) || trial.log_length > log(4))
                continue;
            double g = likelihood(t, &trial, &noise2);
            if (g < f) {
                f = g;
                best = trial;
            }
        }
    return best;
}

static asc_status find_hyper(hyper *h, const asc__features *x, const double *residual, const double *weight,
                             asc_error *err)
{
    rows t;
    hyper start = {log(.4), log(1), log(.1)};
    if (!rows_take(&t, x, residual, weight, COARSE))
        return ASC_NOMEM(err);
    bool all = t.n < COARSE;
    *h = search(&t, start, 1, all ? .25 : .5, 2);
    rows_clear(&t);
    if (all)
        return ASC_OK;
    if (!rows_take(&t, x, residual, weight, FINE))
        return ASC_NOMEM(err);
    *h = search(&t, *h, .5, .25, 2);
    rows_clear(&t);
    return ASC_OK;
}

/* From K^-1 e: the weights of the linear part follow from the same vector. */
static asc_status keep(asc_gp *g, const rows *t, const hyper *h, double noise2, asc_error *err)
{
    size_t F = t->n_features;
    assert(t->n >= 4 && noise2 > 0);
    asc_gp p = {.n = t->n, .n_features = F, .length = exp(h->log_length), .noise = sqrt(noise2)};
    double rf = exp(h->log_rf), rl = exp(h->log_rl);
    p.signal = p.noise * sqrt(rf);
    p.linear = asc_calloc(F + 1, sizeof *p.linear);
    p.inputs = asc_reallocarray(NULL, t->n * F + 1, sizeof *p.inputs);
    p.alpha = asc_reallocarray(NULL, t->n + 1, sizeof *p.alpha);
    if (!p.linear || !p.inputs || !p.alpha) {
        asc__gp_clear(&p);
        return ASC_NOMEM(err);
    }
    memcpy(p.inputs, t->s, t->n * F * sizeof *p.inputs);
    for (size_t r = 0; r < t->n; r++) {
        p.alpha[r] = rf * t->a[r];
        p.mean += rl * t->a[r];
        for (size_t i = 0; i < t->n_linear; i++)
            p.linear[i] += rl * t->a[r] * t->s[r * F + i];
    }
    *g = p;
    return ASC_OK;
}

asc_status asc__gp_fit(asc_gp *g, const asc__features *x, const double *residual, const double *weight,
                       const asc_gp *like, asc_error *err)
{
    rows t;
    hyper h;
    *g = (asc_gp){0};
    if (like && like->n) {
        assert(like->noise > 0 && like->signal > 0 && like->length > 0);
        double rf = like->signal / like->noise;
        h = (hyper){log(like->length), 2 * log(rf), like->log_linear};
    } else
        ASC_TRY(find_hyper(&h, x, residual, weight, err));
    if (!rows_take(&t, x, residual, weight, ASC__GP_ROWS))
        return ASC_NOMEM(err);
    double noise2 = NAN;
    asc_status s = ASC_OK;
    if (t.n >= 4 && isfinite(likelihood(&t, &h, &noise2)))
        s = keep(g, &t, &h, noise2, err);
    g->log_linear = h.log_rl;
    rows_clear(&t);
    return s;
}

void asc__gp_apply(const asc_gp *g, const asc__features *x, double *f, double *scratch)
{
    const asc__kernels *k = asc__law_kernels();
    size_t ld = x->ld, F = g->n_features;
    assert(F == count_features(x) && ld % ASC_LANES == 0);
    double *s = scratch, *sum = s + F * ld, *e = sum + ld;
    for (size_t r = 0; r < ld; r++) {
        double row[F + 2]; /* all F are filled; zeroed for analyzers, which cannot tell */
        memset(row, 0, sizeof row);
        input_of(x, r, row);
        for (size_t i = 0; i < F; i++)
            s[i * ld + r] = row[i];
        sum[r] = g->mean;
    }
    for (size_t i = 0; i < F; i++)
        asc_axpy(sum, g->linear[i], s + i * ld, ld);
    for (size_t r = 0; r < g->n; r++) {
        k->rbf(e, s, g->inputs + r * F, .5 / (g->length * g->length), F, ld, ld);
        asc_axpy(sum, g->alpha[r], e, ld);
    }
    k->exp_affine(sum, 0, 1, sum, ld);
    for (size_t r = 0; r < ld; r++)
        f[r] *= sum[r];
}

/* log process and its derivative against s (F). */
static double process(const asc_gp *g, const double *s, double *slope)
{
    /* d/ds_i: linear_i - sum_r alpha_r exp(-|s - s_r|^2 / (2 l^2)) (s_i - s_ri) / l^2 */
    size_t F = g->n_features;
    double sum = g->mean + asc_dot(g->linear, s, F), l2 = g->length * g->length;
    memcpy(slope, g->linear, F * sizeof *slope);
    for (size_t r = 0; r < g->n; r++) {
        const double *t = g->inputs + r * F;
        double d2 = 0;
        for (size_t i = 0; i < F; i++)
            d2 += (s[i] - t[i]) * (s[i] - t[i]);
        double e = g->alpha[r] * exp(-.5 * d2 / l2);
        sum += e;
        for (size_t i = 0; i < F; i++)
            slope[i] -= e * (s[i] - t[i]) / l2;
    }
    return sum;
}

double asc__gp_point(const asc_law *l, double value, const double *tokens, double P, double *gradient)
{
    size_t D = l->n_domains, at = D;
    double N = asc__total(tokens, D), s[D + 2], slope[D + 2], gw[D], w[D], along[D], dN = 0;
    assert(l->gp.n_features <= D + 2);
    memset(s, 0, sizeof s);
    for (size_t i = 0; i < D; i++) {
        w[i] = tokens[i] / N;
        s[i] = sqrt(w[i]);
    }
    if (l->has_tokens)
        s[at++] = ASC_GP_LOG_SCALE * log(N / l->unit_tokens);
    if (l->has_params)
        s[at] = ASC_GP_LOG_SCALE * log(P / l->unit_params);
    double factor = exp(process(&l->gp, s, slope));
    if (gradient) {
        for (size_t i = 0; i < D; i++)
            gw[i] = slope[i] * .5 / fmax(s[i], 1e-3); /* sqrt is steep at 0: held */
        if (l->has_tokens)
            dN = ASC_GP_LOG_SCALE * slope[D] / N;
        asc__shares_gradient(along, gw, w, N, dN, D);
        for (size_t i = 0; i < D; i++)
            gradient[i] = factor * (gradient[i] + value * along[i]);
    }
    return value * factor;
}
