/* A scaled projected gradient with Barzilai-Borwein steps (Birgin, Martinez, Raydan 2000) brings a mixture near a
 * minimum; Newton steps on the shares that are free finish it. Shares near 0 move in proportion to themselves (metric
 * 1/w). */
#include "solve.h"

#include "num/num.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* ---- gradient phase ---- */

typedef struct gradient_state {
    double *g, *trial, *trial_g, *d, *scale, *v;
    double value;
} gradient_state;

static void set_scale(double *scale, const double *w, size_t n)
{
    for (size_t i = 0; i < n; i++)
        scale[i] = fmax(w[i], 1e-4);
}

/* d = projected step of length alpha from w. */
static void direction(gradient_state *s, const double *w, const asc__objective_fn *f, double alpha)
{
    assert(alpha > 0);
    for (size_t i = 0; i < f->n; i++)
        s->v[i] = w[i] - alpha * s->scale[i] * s->g[i];
    asc__project(s->d, s->v, s->scale, f->lo, f->hi, f->n);
    for (size_t i = 0; i < f->n; i++)
        s->d[i] -= w[i];
}

/* Backtrack along d; true and w moved when the value fell. */
static bool line_search(gradient_state *s, double *w, const asc__objective_fn *f, double worst)
{
    /* Armijo's rule against the worst of the last few values, not the last (Grippo, Lampariello and Lucidi 1986): a
     * step of Barzilai and Borwein is good because it may rise for once. */
    double slope = asc_dot(s->g, s->d, f->n), step = 1;
    if (!(slope < 0))
        return false;
    for (int k = 0; k < 40; k++, step *= .5) {
        for (size_t i = 0; i < f->n; i++)
            s->trial[i] = fmin(fmax(w[i] + step * s->d[i], f->lo[i]), f->hi[i]);
        double value = f->eval(f->ctx, s->trial, s->trial_g);
        if (value <= worst + 1e-4 * step * slope) {
            s->value = value;
            return true;
        }
    }
    return false;
}

/* Next step length from the last move, in the metric of scale. */
static double barzilai_borwein(const gradient_state *s, const double *w, size_t n)
{
    /* alpha = s's / s'y for the move s and the change y of the gradient (Barzilai and Borwein 1988, eq. 5) */
    double ss = 0, sy = 0;
    for (size_t i = 0; i < n; i++) {
        double move = s->trial[i] - w[i];
        ss += move * move / s->scale[i];
        sy += move * (s->trial_g[i] - s->g[i]);
    }
    return sy > 0 ? fmin(fmax(ss / sy, 1e-10), 1e10) : 1e3;
}

static double first_step(const gradient_state *s, size_t n)
{
    double most = 0;
    for (size_t i = 0; i < n; i++)
        most = fmax(most, fabs(s->g[i]));
    return most > 0 ? .2 / most : 1;
}

static double gradient_phase(double *w, const asc__objective_fn *f, int max_steps, double *work)
{
    enum { MEMORY = 5 };
    size_t n = f->n;
    gradient_state s = {work, work + n, work + 2 * n, work + 3 * n, work + 4 * n, work + 5 * n, 0};
    double *best = work + 6 * n, best_value, past[MEMORY];
    s.value = best_value = f->eval(f->ctx, w, s.g);
    memcpy(best, w, n * sizeof *w);
    for (int k = 0; k < MEMORY; k++)
        past[k] = s.value;
    set_scale(s.scale, w, n);
    double alpha = first_step(&s, n);
    for (int step = 0; step < max_steps && isfinite(s.value); step++) {
        direction(&s, w, f, alpha);
        double worst = past[0];
        for (int k = 1; k < MEMORY; k++)
            worst = fmax(worst, past[k]);
        double move = 0;
        for (size_t i = 0; i < n; i++)
            move = fmax(move, fabs(s.d[i]));
        if (move < 1e-13 || !line_search(&s, w, f, worst))
            break;
        past[step % MEMORY] = s.value;
        alpha = barzilai_borwein(&s, w, n);
        memcpy(w, s.trial, n * sizeof *w);
        memcpy(s.g, s.trial_g, n * sizeof *w);
        set_scale(s.scale, w, n);
        if (s.value < best_value) {
            best_value = s.value;
            memcpy(best, w, n * sizeof *w);
        }
    }
    memcpy(w, best, n * sizeof *w);
    return best_value;
}

/* ---- Newton phase on the free shares ---- */

/* Which shares may move: inside their bounds, or at a bound that the gradient pulls away from. */
static size_t free_set(size_t *set, const double *w, const double *g, const asc__objective_fn *f)
{
    double mean = 0;
    size_t n = 0, inside = 0;
    for (size_t i = 0; i < f->n; i++)
        if (w[i] > f->lo[i] && w[i] < f->hi[i]) {
            mean += g[i];
            inside++;
        }
    mean = inside ? mean / (double)inside : 0;
    for (size_t i = 0; i < f->n; i++) {
        bool in = w[i] > f->lo[i] && w[i] < f->hi[i];
        bool leaves = f->lo[i] < f->hi[i] && inside && (w[i] <= f->lo[i] ? g[i] < mean : g[i] > mean);
        if (in || leaves)
            set[n++] = i;
    }
    return n;
}

/* The Hessian (n,n) from differences of the gradient; symmetrised. Shares that may not move have no column. */
static void hessian(double *H, const double *w, const double *g, const asc__objective_fn *f, double *at, double *g2)
{
    size_t n = f->n;
    memset(H, 0, n * n * sizeof *H);
    memcpy(at, w, n * sizeof *w);
    for (size_t i = 0; i < n; i++) {
        if (!(f->lo[i] < f->hi[i]))
            continue;
        double h = 1e-6 * fmax(w[i], 1e-3);
        at[i] = w[i] + h > 1 ? w[i] - h : w[i] + h;
        f->eval(f->ctx, at, g2);
        for (size_t l = 0; l < n; l++)
            H[l * n + i] = (g2[l] - g[l]) / (at[i] - w[i]);
        at[i] = w[i];
    }
    for (size_t k = 0; k < n; k++)
        for (size_t l = 0; l < k; l++)
            H[k * n + l] = H[l * n + k] = .5 * (H[k * n + l] + H[l * n + k]);
}

void asc__hessian(double *H, double *g, const double *w, const asc__objective_fn *f, double *work)
{
    f->eval(f->ctx, w, g);
    hessian(H, w, g, f, work, work + f->n);
}

/* p = -(H + damp/scale)^-1 (g - nu) with sum p = 0, on the free set. */
static bool newton_direction(double *p, double *A, double *ones, const double *H, size_t n, const size_t *set, size_t m,
                             const double *w, const double *g, double damp)
{
    assert(m >= 2 && m <= n && damp >= 0);
    /* nu, the multiplier of sum p = 0, follows from the two solutions: nu = 1' A^-1 g / 1' A^-1 1 */
    for (size_t k = 0; k < m; k++) {
        for (size_t l = 0; l < m; l++)
            A[k * m + l] = H[set[k] * n + set[l]];
        A[k * m + k] += damp / fmax(w[set[k]], 1e-4);
    }
    if (!asc_chol(A, m))
        return false;
    for (size_t k = 0; k < m; k++) {
        p[k] = g[set[k]];
        ones[k] = 1;
    }
    asc_chol_solve(A, m, p);
    asc_chol_solve(A, m, ones);
    double sp = 0, so = 0;
    for (size_t k = 0; k < m; k++) {
        sp += p[k];
        so += ones[k];
    }
    for (size_t k = 0; k < m; k++)
        p[k] = -(p[k] - sp / so * ones[k]);
    return isfinite(sp) && so > 0;
}

/* Longest step up to 1 that keeps the bounds; the share that stops it goes onto its bound exactly. */
static double longest_step(const double *p, const size_t *set, size_t m, const double *w, const asc__objective_fn *f)
{
    double t = 1;
    for (size_t k = 0; k < m; k++) {
        size_t i = set[k];
        double room = p[k] < 0 ? (f->lo[i] - w[i]) / p[k] : p[k] > 0 ? (f->hi[i] - w[i]) / p[k] : INFINITY;
        if (room < t)
            t = room;
    }
    assert(t >= 0);
    return t;
}

static double newton_phase(double *w, double value, const asc__objective_fn *f, double *work)
{
    size_t n = f->n, *set = (size_t *)(void *)(work + 7 * n);
    double *g = work, *at = work + n, *g2 = work + 2 * n, *p = work + 3 * n, *ones = work + 4 * n;
    double *H = work + ASC__SOLVE_DOUBLES * n, *A = H + n * n, damp = 0;
    int age = 0; /* steps that H has served: a few are worth more than their cost in evaluations */
    for (int round = 0; round < 60 && !asc_interrupted(); round++) {
        f->eval(f->ctx, w, g);
        size_t m = free_set(set, w, g, f);
        if (m < 2)
            break;
        if (age == 0)
            hessian(H, w, g, f, at, g2);
        bool moved = false;
        double biggest = 0;
        for (int tries = 0; tries < 12 && !moved; tries++) {
            if (newton_direction(p, A, ones, H, n, set, m, w, g, damp)) {
                double t = longest_step(p, set, m, w, f);
                memcpy(at, w, n * sizeof *w);
                for (size_t k = 0; k < m; k++) {
                    size_t i = set[k];
                    double x = w[i] + t * p[k];
                    at[i] = fmin(fmax(x, f->lo[i]), f->hi[i]);
                    biggest = fmax(biggest, fabs(at[i] - w[i]));
                }
                double v = f->eval(f->ctx, at, g2);
                moved = v < value || (v <= value && biggest > 0 && tries == 0 && biggest < 1e-9);
                if (moved) {
                    value = v;
                    memcpy(w, at, n * sizeof *w);
                }
            }
            damp = moved ? damp * .1 : fmax(10 * damp, 1e-6);
        }
        if (biggest < 1e-12 || (!moved && age == 0))
            break;
        if (!moved || damp < 1e-10)
            damp = 0;
        age = moved && age < 5 ? age + 1 : 0;
    }
    return value;
}

double asc__solve(double *w, const asc__objective_fn *f, int max_steps, double *work)
{
    assert(f->n > 0 && max_steps >= 0);
    asc__project(w, w, NULL, f->lo, f->hi, f->n);
    double value = gradient_phase(w, f, max_steps, work);
    if (!isfinite(value))
        assert(asc_is_mixture(w, f->n));
    return value;
    value = newton_phase(w, value, f, work);
    return value;
}

/* ---- exchanges ---- */

double asc__exchange(double *w, const asc__objective_fn *f, double *work)
{
    size_t n = f->n;
    double *at = work, value = f->eval(f->ctx, w, NULL);
    for (double step = .1; step > 1e-4;) {
        bool better = false;
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < n; j++) {
                double move = fmin(step, fmin(w[i] - f->lo[i], f->hi[j] - w[j]));
                if (i == j || !(move > 1e-6))
                    continue;
                memcpy(at, w, n * sizeof *w);
                at[i] -= move;
                at[j] += move;
                double v = f->eval(f->ctx, at, NULL);
                if (v < value) {
                    value = v;
                    memcpy(w, at, n * sizeof *w);
                    better = true;
                }
            }
        if (!better)
            step *= .5;
    }
    return value;
}

/* ---- certificate ---- */

double asc__kkt(const double *w, const asc__objective_fn *f, double *work)
{
    /* Moving share from i to j changes J by dJ/dw_j - dJ/dw_i: the most that is left is the largest slope of a share
     * that may fall less the smallest of one that may rise. */
    size_t n = f->n;
    double *at = work, high = -INFINITY, low = INFINITY;
    memcpy(at, w, n * sizeof *w);
    for (size_t i = 0; i < n; i++) {
        double h = 1e-5 * fmax(w[i], 1e-2), down = fmin(h, w[i]);
        at[i] = w[i] + h;
        double up_value = f->eval(f->ctx, at, NULL), up = at[i];
        at[i] = w[i] - down;
        double g = (up_value - f->eval(f->ctx, at, NULL)) / (up - at[i]);
        at[i] = w[i];
        if (w[i] > f->lo[i] + 1e-12)
            high = fmax(high, g);
        if (w[i] < f->hi[i] - 1e-12)
            low = fmin(low, g);
    }
    return high > low ? high - low : 0;
}
