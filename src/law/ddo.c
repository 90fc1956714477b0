/* Direct Data Optimization [K24]: y = (x+a)^-b + c along each axis of a star; J = J0 (1 + sum of the axes' changes).
 *
 * Three points, amplitude 1: for any b > 0 exactly one a meets y0 - y1, and what is then left of y1 - y2 is negative
 * at both ends of b with one hill between: 0 or 2 roots, 1 where the hill just touches. */
#include "private.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

extern const asc__family asc__law_ddo;

#define B_LO 1e-3
#define B_HI 300.0

/* ---- exact roots ---- */

typedef struct triple {
    double d1, d2;   /* x1 - x0, x2 - x0 */
    double y01, y12; /* drops, both > 0 */
    double s;        /* log u of the last b that was tried, where the search for the next one starts */
} triple;

/* log(1 + d/u) at s = log u, which a small b and a large drop put far below what u itself can hold. */
static double log_ratio(double d, double s)
{
    return s < -600 ? log(d) - s : log1p(d / exp(s));
}

/* log u, u = x0 + a, with u^-b - (u+d1)^-b = y01, from t->s. log of the left side is concave and falls: Newton cannot
 * miss. Its steps are held, but not so that it fails to arrive from a far b: log u is about -log(1 + y01) / b. */
static double solve_u(triple *t, double b)
{
    double s = t->s;
    for (int k = 0; k < 60; k++) {
        double u = exp(s), g = -expm1(-b * log_ratio(t->d1, s)), most = fmax(8, .5 * fabs(s));
        double value = -b * s + log(g) - log(t->y01);
        double slope = -b * (1 - pow(1 + t->d1 / u, -b - 1)) / g;
        double step = value / slope;
        step = step > most ? most : step < -most ? -most : step;
        s -= step;
        if (fabs(step) < 1e-14 * (1 + fabs(s)))
            break;
    }
    return t->s = s;
}

/* What the second drop has too much, in logarithms, at b = exp(log_b). */
static double excess(void *ctx, double log_b)
{
    triple *t = ctx;
    double b = exp(log_b), u = exp(solve_u(t, b));
    double l1 = log(u + t->d1), step = -expm1(-b * log((u + t->d2) / (u + t->d1)));
    return -b * l1 + log(step) - log(t->y12);
}

/* The hill of excess over log b by golden section. */
static double find_hill(triple *t, double *top)
{
    const double golden = .6180339887498949;
    double lo = log(B_LO), hi = log(B_HI);
    double p = hi - golden * (hi - lo), q = lo + golden * (hi - lo), fp, fq;
    fp = excess(t, p);
    fq = excess(t, q);
    while (hi - lo > 1e-7) {
        if (fp > fq) {
            hi = q;
            q = p;
            fq = fp;
            p = hi - golden * (hi - lo);
            fp = excess(t, p);
        } else {
            lo = p;
            p = q;
            fp = fq;
            q = lo + golden * (hi - lo);
            fq = excess(t, q);
        }
        if (fmax(fp, fq) > 1e-3 && hi - lo < .05)
            break; /* clearly above the ground: the roots are apart, the exact top does not matter */
    }
    *top = fmax(fp, fq);
    return fp > fq ? p : q;
}

static void write_root(double root[3], triple *t, double log_b, double x0, double y0)
{
    double b = exp(log_b), u = exp(solve_u(t, b));
    root[0] = u - x0;
    root[1] = b;
    root[2] = y0 - exp(-b * t->s);
}

int asc_ddo_roots(double root[2][3], const double x[3], const double y[3])
{
    triple t = {x[1] - x[0], x[2] - x[0], y[0] - y[1], y[1] - y[2], 0};
    if (!(t.d1 > 0 && t.d2 > t.d1 && t.y01 > 0 && t.y12 > 0))
        return 0;
    if (!(t.y01 / t.d1 > t.y12 / (t.d2 - t.d1)))
        return 0; /* not convex */
    double top, hill = find_hill(&t, &top);
    if (top < -1e-12)
        return 0;
    if (top < 1e-12) {
        write_root(root[0], &t, hill, x[0], y[0]);
        return 1;
    }
    double high = asc_illinois(hill, log(B_HI), excess, &t), low = asc_illinois(hill, log(B_LO), excess, &t);
    int n = 0;
    if (!isnan(high))
        write_root(root[n++], &t, high, x[0], y[0]);
    if (!isnan(low))
        write_root(root[n++], &t, low, x[0], y[0]);
    return n;
}

/* ---- bounded least squares on any number of points ---- */

#define LSQ_PRIOR 1e-9 /* keeps a direction that the points do not see near a = 2, b = 1.5 */

typedef struct axis {
    size_t n;
    const double *x, *y;
    const size_t *repeat;
} axis;

/* Cost at (log u0, log b), c at its best; gradient and matrix of the 2-d problem unless NULL. */
static double axis_cost(const axis *t, const double z[2], double *c, double g[2], double H[3])
{
    double b = exp(z[1]), a = exp(z[0]) - t->x[0], n = 0, mean = 0, m0 = 0, m1 = 0, cost = 0;
    double prior[2] = {log(2 + t->x[0]), log(1.5)};
    assert(t->n > 0 && b > 0);
    for (size_t k = 0; k < t->n; k++) {
        double wt = (double)t->repeat[k], u = t->x[k] + a, f = pow(u, -b);
        n += wt;
        mean += wt * (t->y[k] - f);
        m0 += wt * -b * f / u * exp(z[0]);
        m1 += wt * -b * log(u) * f;
    }
    /* c enters linearly: at its best it is the mean residual, and both columns of the Jacobian are taken about their
     * means (variable projection, Golub and Pereyra 1973). */
    *c = mean / n;
    if (g)
        g[0] = g[1] = H[0] = H[1] = H[2] = 0;
    for (size_t k = 0; k < t->n; k++) {
        double wt = (double)t->repeat[k], u = t->x[k] + a, f = pow(u, -b), e = t->y[k] - f - *c;
        double j0 = -b * f / u * exp(z[0]) - m0 / n, j1 = -b * log(u) * f - m1 / n;
        cost += wt * e * e;
        if (!g)
            continue;
        g[0] += wt * e * j0;
        g[1] += wt * e * j1;
        H[0] += wt * j0 * j0;
        H[1] += wt * j0 * j1;
        H[2] += wt * j1 * j1;
    }
    for (int i = 0; i < 2; i++) {
        cost += LSQ_PRIOR * (z[i] - prior[i]) * (z[i] - prior[i]);
        if (g) {
            g[i] -= LSQ_PRIOR * (z[i] - prior[i]);
            H[2 * i] += LSQ_PRIOR;
        }
    }
    return cost;
}

static double clip(double x, double lo, double hi)
{
    return x < lo ? lo : x > hi ? hi : x;
}

static double axis_descend(const axis *t, double z[2])
{
    double c, g[2], H[3], cost = axis_cost(t, z, &c, g, H), damping = 1e-3;
    const double lo[2] = {log(.02), log(.01)}, hi[2] = {log(50), log(20)};
    for (int k = 0; k < 100; k++) {
        double h0 = H[0] * (1 + damping) + 1e-18, h2 = H[2] * (1 + damping) + 1e-18, det = h0 * h2 - H[1] * H[1];
        double trial[2] = {clip(z[0] + (h2 * g[0] - H[1] * g[1]) / det, lo[0], hi[0]),
                           clip(z[1] + (h0 * g[1] - H[1] * g[0]) / det, lo[1], hi[1])};
        double next = axis_cost(t, trial, &c, NULL, NULL);
        if (next < cost) {
            bool end = cost - next < 1e-14 * cost;
            memcpy(z, trial, sizeof trial);
            cost = axis_cost(t, z, &c, g, H);
            damping = fmax(damping * .2, 1e-12);
            if (end)
                break;
        } else if ((damping *= 8) > 1e12)
            break;
    }
    return cost;
}

/* Best of nine starts: the surface has a long valley, and a fit costs microseconds. */
static void axis_fit(const axis *t, double root[3])
{
    double best = INFINITY, at[2] = {0, 0}, c;
    for (int k = 0; k < 9; k++) {
        const double u[] = {.3, 2, 6}, b[] = {.4, 1.5, 4};
        double z[2] = {log(u[k / 3] + t->x[0]), log(b[k % 3])}, cost = axis_descend(t, z);
        if (cost < best) {
            best = cost;
            memcpy(at, z, sizeof at);
        }
    }
    axis_cost(t, at, &c, NULL, NULL);
    root[0] = exp(at[0]) - t->x[0];
    root[1] = exp(at[1]);
    root[2] = c;
}

/* ---- the fit ---- */

/* sd of y = J/J_base of one run at losses (V), to first order in the noise (V). */
static double y_noise(const asc_objective *o, const double *loss, const double *noise, size_t V, double j_base)
{
    double sum = 0, worst = -INFINITY, worst_noise = 0;
    for (size_t v = 0; v < V; v++) {
        double w = asc_objective_slope(o, v, loss[v], V);
        sum += w == 0 ? 0 : w * w * noise[v] * noise[v];
        if (loss[v] > worst) {
            worst = loss[v];
            worst_noise = noise[v];
        }
    }
    if (o->kind == ASC_OBJ_WORST)
        return worst_noise / j_base;
    return sqrt(sum) / j_base;
}

static asc_status allocate(asc_law *l, size_t D, asc_error *err)
{
    l->target = asc_strdup("objective");
    l->base = asc_calloc(D, sizeof *l->base);
    l->params = asc_calloc(1 + 3 * D, sizeof *l->params);
    l->roots = asc_calloc(D, sizeof *l->roots);
    l->undetermined = asc_calloc(D, sizeof *l->undetermined);
    l->other = asc_calloc(3 * D, sizeof *l->other);
    l->x_lo = asc_calloc(D, sizeof *l->x_lo);
    l->x_hi = asc_calloc(D, sizeof *l->x_hi);
    bool ok = l->target && l->base && l->params && l->roots && l->undetermined && l->other && l->x_lo && l->x_hi;
    return ok ? ASC_OK : ASC_NOMEM(err);
}

static void fit_axis(asc_law *l, const asc_ddo_star *s, size_t i, double noise)
{
    size_t D = s->n_domains, n = s->n_points[i];
    double root[2][3];
    assert(n > 0 && s->x[i][0] <= s->x[i][n - 1]); /* ascending; the base stands on every axis */
    axis t = {n, s->x[i], s->y[i], s->n_repeat[i]};
    l->roots[i] = n == 3 ? asc_ddo_roots(root, s->x[i], s->y[i]) : -1;
    if (l->roots[i] <= 0)
        axis_fit(&t, root[0]);
    for (size_t k = 0; k < 3; k++) {
        l->params[1 + k * D + i] = root[0][k];
        l->other[k * D + i] = l->roots[i] == 2 ? root[1][k] : NAN;
    }
    l->x_lo[i] = s->x[i][0];
    l->x_hi[i] = s->x[i][n - 1];
    double effect = s->y[i][0] - s->y[i][n - 1];
    bool in_noise = !isnan(noise) && fabs(effect) < 2 * M_SQRT2 * noise;
    l->undetermined[i] = n < 3 || l->roots[i] == 0 || !(effect > 0) || in_noise;
}

static void fit_quality(asc_law *l, const asc_ddo_star *s)
{
    size_t D = s->n_domains, n = 0;
    double left = 0, total = 0, mre = 0;
    for (size_t i = 0; i < D; i++)
        for (size_t k = 0; k < s->n_points[i]; k++) {
            double x = s->x[i][k], a = l->params[1 + i], b = l->params[1 + D + i];
            double f = 1 + pow(x + a, -b) - pow(1 + a, -b), e = f - s->y[i][k];
            if (x == 1)
                continue;
            left += e * e;
            total += (s->y[i][k] - 1) * (s->y[i][k] - 1);
            mre += fabs(e) / s->y[i][k];
            n++;
        }
    l->stats = (asc_law_stats){NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, s->n_rows, true};
    l->stats.r2 = total > 0 ? 1 - left / total : NAN;
    l->stats.mre = n ? mre / (double)n : NAN;
}

static asc_status notes_of_fit(asc_law_set *set, const asc_law *l, const asc_ddo_star *s, double noise, asc_error *err)
{
    for (size_t i = 0; i < s->n_domains; i++) {
        const char *d = set->domains[i];
        size_t n = s->n_points[i];
        if (n < 3)
            ASC_TRY(asc_law_set_say(set, err, FEW_POINTS, d, n, n == 1 ? "" : "s"));
        else if (l->roots[i] == 0)
            ASC_TRY(asc_law_set_say(set, err, NO_ROOT, d));
        else if (l->undetermined[i])
            ASC_TRY(asc_law_set_say(set, err, AXIS_NOISE, d, s->y[i][0] - s->y[i][n - 1], noise));
    }
    return ASC_OK;
}

/* Noise per target: from repeats, else as given, else none. */
static bool noise_of(const asc_ddo_star *s, const asc_law_opts *o, double *noise, bool *measured)
{
    *measured = true;
    for (size_t v = 0; v < s->n_targets; v++) {
        noise[v] = s->noise[v];
        *measured = *measured && !isnan(noise[v]);
    }
    for (size_t v = 0; v < s->n_targets && !*measured; v++)
        noise[v] = isnan(s->noise[v]) ? o->noise : s->noise[v];
    for (size_t v = 0; v < s->n_targets; v++)
        if (isnan(noise[v]))
            return false;
    return true;
}

static asc_status draw(asc_law_set *set, asc_law *l, const asc_ddo_star *s, const asc_law_opts *o, const double *noise,
                       bool known, bool measured, asc_error *err)
{
    if (!known)
        return asc_law_set_say(set, err, NO_NOISE);
    if (o->n_bootstrap == 0)
        return ASC_OK;
    l->draws = asc_calloc(o->n_bootstrap, l->n_params * sizeof *l->draws);
    if (!l->draws)
        return ASC_NOMEM(err);
    l->n_draws = o->n_bootstrap;
    ASC_TRY(asc_ddo_bootstrap(l->draws, l->n_draws, s, l, &set->objective, noise, o->seed, err));
    return asc_law_set_say(set, err, BOOTSTRAP, measured ? "from the repeats" : "as given by --noise");
}

static asc_status fit_star(asc_law_set *set, const asc_ddo_star *s, const asc_law_opts *o, asc_error *err)
{
    size_t D = s->n_domains, V = s->n_targets;
    asc_law *l = set->laws;
    double noise[V + 1];
    bool measured, known = noise_of(s, o, noise, &measured);
    *l = (asc_law){.family = &asc__law_ddo, .n_domains = D, .own = ASC_NONE, .has_tokens = true, .unit_tokens = 1};
    l->unit_params = 1;
    l->n_params = 1 + 3 * D;
    for (int q = 0; q < ASC_LAW_BANDS; q++)
        l->band[q] = NAN;
    ASC_TRY(allocate(l, D, err));
    memcpy(l->base, s->base, D * sizeof *l->base);
    memcpy(set->base_tokens, s->base, D * sizeof *s->base);
    l->params[0] = s->j_base;
    double sd = known ? y_noise(&set->objective, s->loss_base, noise, V, s->j_base) : NAN;
    for (size_t i = 0; i < D; i++)
        fit_axis(l, s, i, sd);
    fit_quality(l, s);
    l->stats.noise = known ? sd * s->j_base : NAN;
    if (known) {
        double sum = 0;
        for (size_t v = 0; v < V; v++)
            sum += noise[v] * noise[v] / (double)V;
        set->noise = sqrt(sum);
    }
    ASC_TRY(notes_of_fit(set, l, s, sd, err));
    ASC_TRY(draw(set, l, s, o, noise, known, measured, err));
    return asc_law_set_say(set, err, DDO_NOT_VALIDATED);
}

/* Fit the star: params, roots, undetermined, other, draws. opts: objective, noise, n_bootstrap, seed, n_threads. */
static asc_status fit(asc_law_set *out, const asc_runs *runs, const asc_law_opts *opts, asc_error *err)
{
    asc_ddo_star star;
    asc_law_set set;
    ASC_TRY(asc_ddo_star_find(&star, runs, opts->objective, err));
    asc_status s = asc__law_set_init(&set, runs, opts, 1, err);
    if (s == ASC_OK) {
        set.law = asc_strdup("ddo");
        s = set.law ? fit_star(&set, &star, opts, err) : ASC_NOMEM(err);
        if (s == ASC_OK)
            *out = set;
        else
            asc_law_set_clear(&set);
    }
    asc_ddo_star_clear(&star);
    return s;
}

/* ---- bootstrap ---- */

static double det_at(const double root[3], const double x[3])
{
    /* dlog(drops) / d(log u, log b) by forward differences. Its determinant is 0 where the two roots meet, so that its
     * sign says on which of their branches a root lies. */
    double u[3], e[3], b = root[1], h = 1e-6;
    double f[3][2];
    for (int k = 0; k < 3; k++) { /* log drops at (s, z), (s + h, z), (s, z + h) */
        double s = log(x[0] + root[0]) + (k == 1 ? h : 0), bb = b * exp(k == 2 ? h : 0);
        for (int j = 0; j < 3; j++) {
            u[j] = exp(s) + x[j] - x[0];
            e[j] = pow(u[j], -bb);
        }
        f[k][0] = log(e[0] - e[1]);
        f[k][1] = log(e[1] - e[2]);
    }
    return (f[1][0] - f[0][0]) * (f[2][1] - f[0][1]) - (f[2][0] - f[0][0]) * (f[1][1] - f[0][1]);
}

typedef struct replicas {
    size_t n, D;
    double *draws;
    const asc_ddo_star *star;
    const asc_law *fit;
    double *J;                     /* (n) base */
    double *y;                     /* (points,n) of the axis at hand */
    double *y01, *y12, *u, *b, *f; /* (n) drops of the axis at hand, and its roots */
    int64_t *arrived;              /* (n) */
} replicas;

/* A replica without the fit's branch: its own roots, else least squares. */
static void one_by_one(const replicas *t, size_t i, size_t k)
{
    size_t n = t->star->n_points[i], P = 1 + 3 * t->D;
    double y[n], root[2][3];
    for (size_t j = 0; j < n; j++)
        y[j] = t->y[j * t->n + k];
    if (n != 3 || asc_ddo_roots(root, t->star->x[i], y) == 0) {
        axis a = {n, t->star->x[i], y, t->star->n_repeat[i]};
        double z[2] = {log(t->fit->params[1 + i] + t->star->x[i][0]), log(t->fit->params[1 + t->D + i])}, c;
        axis_descend(&a, z);
        axis_cost(&a, z, &c, NULL, NULL);
        root[0][0] = exp(z[0]) - t->star->x[i][0];
        root[0][1] = exp(z[1]);
        root[0][2] = c;
    }
    for (int j = 0; j < 3; j++)
        t->draws[k * P + 1 + (size_t)j * t->D + i] = root[0][j];
}

static void refit_axis(const replicas *t, size_t i)
{
    const asc_ddo_star *s = t->star;
    size_t D = t->D, P = 1 + 3 * D;
    if (s->n_points[i] != 3 || t->fit->roots[i] <= 0) {
        for (size_t k = 0; k < t->n; k++)
            one_by_one(t, i, k);
        return;
    }
    const double *x = s->x[i];
    double root[3] = {t->fit->params[1 + i], t->fit->params[1 + D + i], t->fit->params[1 + 2 * D + i]};
    double sign = det_at(root, x) > 0 ? 1 : -1;
    const double *y = t->y;
    for (size_t k = 0; k < t->n; k++) {
        t->y01[k] = y[k] - y[t->n + k];
        t->y12[k] = y[t->n + k] - y[2 * t->n + k];
    }
    asc__ddo_lanes l = {.u = t->u, .b = t->b, .f = t->f, .arrived = t->arrived};
    asc__law_kernels()->ddo_newton(&l, x[0] + root[0], root[1], x[1] - x[0], x[2] - x[0], t->y01, t->y12, sign, t->n);
    for (size_t k = 0; k < t->n; k++) {
        double *row = t->draws + k * P;
        if (!t->arrived[k] || !(t->b[k] < B_HI)) {
            one_by_one(t, i, k);
            continue;
        }
        row[1 + i] = t->u[k] - x[0];
        row[1 + D + i] = t->b[k];
        row[1 + 2 * D + i] = y[k] - t->f[k];
    }
}

asc_status asc_ddo_bootstrap(double *draws, size_t n, const asc_ddo_star *star, const asc_law *fit,
                             const asc_objective *objective, const double *noise, uint64_t seed, asc_error *err)
{
    size_t D = star->n_domains, most = 1, m = (n + 3) / 4 * 4;
    assert(fit->n_params == 1 + 3 * D && star->n_base > 0 && m % ASC_LANES == 0);
    for (size_t i = 0; i < D; i++)
        most = star->n_points[i] > most ? star->n_points[i] : most;
    double *J = asc_calloc(m + 1, 6 * sizeof *J), *y = asc_calloc((m + 1) * most, sizeof *y);
    int64_t *arrived = asc_calloc(m + 1, sizeof *arrived);
    double *rows = asc_calloc(m + 1, (1 + 3 * D) * sizeof *rows); /* padded to whole lanes */
    if (!J || !y || !rows || !arrived) {
        asc_free(J);
        asc_free(y);
        asc_free(rows);
        asc_free(arrived);
        return ASC_NOMEM(err);
    }
    replicas t = {.n = m, .D = D, .draws = rows, .star = star, .fit = fit, .J = J, .y = y, .arrived = arrived};
    t.y01 = J + m;
    t.y12 = t.y01 + m;
    t.u = t.y12 + m;
    t.b = t.u + m;
    t.f = t.b + m;
    asc_rng rng;
    asc_rng_init(&rng, seed, "ddo bootstrap base", 0);
    size_t V = star->n_targets;
    double sd = y_noise(objective, star->loss_base, noise, V, 1) / sqrt((double)star->n_base);
    for (size_t k = 0; k < m; k++) {
        J[k] = star->j_base + sd * asc_rng_normal(&rng);
        rows[k * (1 + 3 * D)] = J[k];
    }
    for (size_t i = 0; i < D; i++) {
        for (size_t p = 0; p < star->n_points[i]; p++) {
            double mean = star->y[i][p] * star->j_base;
            sd = y_noise(objective, star->loss[i][p], noise, V, 1) / sqrt((double)star->n_repeat[i][p]);
            asc_rng_init(&rng, seed, "ddo bootstrap axis", i * 4096 + p);
            bool base = star->x[i][p] == 1;
            for (size_t k = 0; k < m; k++)
                y[p * m + k] = base ? 1 : (mean + sd * asc_rng_normal(&rng)) / J[k];
        }
        refit_axis(&t, i);
    }
    memcpy(draws, rows, n * (1 + 3 * D) * sizeof *draws);
    asc_free(J);
    asc_free(y);
    asc_free(rows);
    asc_free(arrived);
    return ASC_OK;
}

/* ---- the row of the table ---- */

static double point(const asc_law *l, const double *p, const double *tokens, double P, double *gradient)
{
    size_t D = l->n_domains;
    double sum = 1;
    for (size_t i = 0; i < D; i++) {
        double a = p[1 + i], b = p[1 + D + i], x = tokens[i] / l->base[i], t = pow(x + a, -b);
        sum += t - pow(1 + a, -b);
        if (gradient)
            gradient[i] = -p[0] * b * t / (x + a) / l->base[i];
    }
    return p[0] * sum;
}

asc_ddo_axes asc_ddo_axes_of(const asc_law *l)
{
    size_t D = l->n_domains;
    assert(l->n_params == 1 + 3 * D);
    return (asc_ddo_axes){l->params[0], l->params + 1, l->params + 1 + D, l->params + 1 + 2 * D};
}

size_t asc_ddo_param(const asc_law *l, size_t letter, size_t domain)
{
    assert(letter < 3 && domain < l->n_domains);
    return 1 + letter * l->n_domains + domain;
}

static size_t n_params(size_t D, bool tokens, bool params)
{
    return 1 + 3 * D;
}

static void param_name(const asc_law *l, size_t i, char *const *domains, char *buf, size_t n)
{
    static const char *const letter[] = {"a", "b", "c"};
    if (i == 0)
        snprintf(buf, n, "J0");
    else
        snprintf(buf, n, "%s.%s", letter[(i - 1) / l->n_domains], domains[(i - 1) % l->n_domains]);
}

static const char *check(const asc_law *l, const char **expected)
{
    asc_ddo_axes axes = asc_ddo_axes_of(l);
    for (size_t i = 0; i < l->n_domains; i++) {
        if (!l->base || !(l->base[i] > 0)) {
            *expected = "tokens > 0";
            return "base";
        }
        if (!(axes.b[i] > 0)) {
            *expected = "exponents b > 0";
            return "params";
        }
    }
    return NULL;
}

const asc__family asc__law_ddo = {
    .name = "ddo",
    .help = "J = J0 (1 + sum_i [(x_i + a_i)^-b_i - (1 + a_i)^-b_i]) from a star of runs about a base, x_i = tokens_i / "
            "base_i [Kang et al. 2407.20177]",
    .validate = true,
    .of_objective = true,
    .exact_draws = true,
    .not_validated = "not cross-validated: DDO needs every run of its design",
    .check = check,
    .n_params = n_params,
    .param_name = param_name,
    .point = point,
    .fit = fit};
