/* ADO [Jiang et al. 2410.11820]: a power law of every domain's training loss, fitted as the run goes; a domain is
 * preferred where its loss falls fast and its own text was the cause. */
#include "rivals.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "num/num.h"
#include "rival/rival_ado.h"

#define HISTORY .9 /* of the share that a domain had lately */
#define CREDIT .5  /* power of it */
#define LEAST .01  /* share */
#define STEADY .9  /* of the mean so far in the weights */
#define LEAST_POWER .05
#define MOST_POWER .8
#define DELTA 1e-3 /* Huber's, of log loss */
enum { UNIT = 1000, UNITS = 60, BINS = 100, LEAST_BINS = 5, STEPS = 100 };

/* ---- the law of one domain ---- */

typedef struct points {
    size_t n;
    const double *z, *loss; /* place relative to the last; loss > 0 */
    double least;           /* loss */
} points;

/* q = [log B, E / least loss, alpha] */
static double misfit(const points *p, const double *q)
{
    double sum = 0, E = q[1] * p->least, B = exp(q[0]);
    for (size_t k = 0; k < p->n; k++) {
        double d = fabs(log(p->loss[k]) - log(E + B * pow(p->z[k], -q[2])));
        sum += d > DELTA ? DELTA * (d - DELTA / 2) : d * d / 2;
    }
    return sum;
}

/* Normal equations of Huber's weights: G (3,3), g (3). */
static void equations(double *G, double *g, const points *p, const double *q)
{
    assert(p->n > 0);
    double E = q[1] * p->least, B = exp(q[0]);
    memset(G, 0, 9 * sizeof *G);
    memset(g, 0, 3 * sizeof *g);
    for (size_t k = 0; k < p->n; k++) {
        double part = B * pow(p->z[k], -q[2]), f = E + part, x = log(p->loss[k] / f);
        double row[3] = {part / f, p->least / f, -part * log(p->z[k]) / f}, h = fabs(x) > DELTA ? DELTA / fabs(x) : 1;
        for (int i = 0; i < 3; i++) {
            g[i] += h * row[i] * x;
            for (int j = 0; j <= i; j++)
                G[3 * i + j] += h * row[i] * row[j];
        }
    }
}

/* Levenberg and Marquardt's steps, within the bounds. */
static void refine(double *q, const points *p)
{
    double G[9], L[9], g[3], t[3], damping = 1e-3, best = misfit(p, q);
    equations(G, g, p, q);
    for (int k = 0; k < STEPS && damping < 1e9; k++) {
        memcpy(L, G, sizeof L);
        memcpy(t, g, sizeof t);
        for (int i = 0; i < 3; i++)
            L[4 * i] += damping * (G[4 * i] + 1e-12);
        if (!asc_chol(L, 3))
            return;
        asc_chol_solve(L, 3, t);
        t[0] += q[0];
        t[1] = fmin(fmax(q[1] + t[1], 0), .999);
        t[2] = fmin(fmax(q[2] + t[2], 0), MOST_POWER);
        double x = misfit(p, t);
        if (!(x < best)) {
            damping *= 6;
            continue;
        }
        bool still = best - x < 1e-12 * best;
        best = x;
        memcpy(q, t, sizeof t);
        equations(G, g, p, q);
        damping = fmax(damping / 4, 1e-12);
        if (still)
            return;
    }
}

asc_ado_law asc_ado_fit(const double *n, const double *loss, size_t count)
{
    assert(count > 0 && n[0] > 0);
    static const double floors[] = {.2, .5, .8, .95}, powers[] = {.1, .3, .6};
    double z[BINS], value = INFINITY, found[3] = {0};
    points p = {count < BINS ? count : BINS, z, loss, INFINITY};
    for (size_t k = 0; k < p.n; k++) {
        z[k] = n[k] / n[p.n - 1];
        p.least = fmin(p.least, loss[k]);
    }
    for (int f = 0; f < 4; f++)
        for (int a = 0; a < 3; a++) {
            double q[3] = {log((1 - floors[f]) * p.least), floors[f], powers[a]};
            refine(q, &p);
            double x = misfit(&p, q);
            if (x < value) {
                value = x;
                memcpy(found, q, sizeof q);
            }
        }
    return (asc_ado_law){found[1] * p.least, exp(found[0]), found[2]};
}

/* ---- the rule ---- */

/* state: share lately (D), mean preference (D), floor, height and power of each law (3 D), whether they are known; then
 * by bin the sums of losses (D) and how many steps had one (D), and steps. */
typedef struct view {
    double *lately, *mean, *floor, *height, *power, *known, *sum, *had, *steps;
} view;

static view view_of(double *s, size_t D)
{
    assert(D > 0);
    return (view){s,
                  s + D,
                  s + 2 * D,
                  s + 3 * D,
                  s + 4 * D,
                  s + 5 * D,
                  s + 5 * D + 1,
                  s + 5 * D + 1 + BINS * D,
                  s + 5 * D + 1 + 2 * BINS * D};
}

static size_t n_state(const asc_online_run *r)
{
    return 5 * r->n_domains + 1 + 2 * BINS * r->n_domains + BINS;
}

static int64_t unit_of(const asc_online_run *r)
{
    int64_t u = r->n_steps / UNITS;
    return u < 1 ? 1 : u > UNIT ? UNIT : u;
}

static int64_t bin_steps(const asc_online_run *r)
{
    return (r->n_steps + BINS - 1) / BINS;
}

static void begin(double *state, double *w, const asc_online_run *r)
{
    view v = view_of(state, r->n_domains);
    for (size_t i = 0; i < r->n_domains; i++)
        v.lately[i] = v.mean[i] = w[i] = r->prior[i];
}

static void note(view *v, const asc_online_run *r, const asc_online_seen *x)
{
    assert(x->step >= 1 && x->step <= r->n_steps);
    size_t D = r->n_domains, b = (size_t)((x->step - 1) / bin_steps(r));
    double all = 0;
    for (size_t i = 0; i < D; i++)
        all += x->count[i];
    for (size_t i = 0; i < D; i++) {
        v->lately[i] = HISTORY * v->lately[i] + (1 - HISTORY) * x->count[i] / all;
        if (isfinite(x->loss[i])) {
            v->sum[b * D + i] += x->loss[i];
            v->had[b * D + i]++;
        }
    }
    v->steps[b]++;
}

/* Laws of all domains by the bins that are full and lie behind the first unit; n is counted in steps of all domains, as
 * the authors count it. A domain that has too few keeps its law. */
static void fit(view *v, const asc_online_run *r, int64_t steps)
{
    size_t D = r->n_domains, full = (size_t)(steps / bin_steps(r));
    bool all = true;
    for (size_t i = 0; i < D; i++) {
        double n[BINS], loss[BINS];
        size_t count = 0;
        for (size_t b = 0; b < full && b < BINS; b++) {
            double middle = ((double)b + .5) * (double)bin_steps(r);
            if (v->had[b * D + i] == 0 || middle < (double)unit_of(r))
                continue;
            n[count] = middle;
            loss[count++] = v->sum[b * D + i] / v->had[b * D + i];
        }
        if (count < LEAST_BINS) {
            all &= *v->known != 0;
            continue;
        }
        asc_ado_law law = asc_ado_fit(n, loss, count);
        v->floor[i] = law.floor;
        v->height[i] = law.height * pow(n[count - 1], law.power); /* of one step */
        v->power[i] = law.power;
    }
    *v->known = all;
}

void asc_ado_weights(double *w, double *mean, const asc_online_run *r, const double *lately, const asc_ado_law *laws,
                     int64_t step)
{
    assert(step >= 1);
    size_t D = r->n_domains;
    double sum = 0, t = (double)step, clipped = 0;
    for (size_t i = 0; i < D; i++) {
        double slope = fmax(laws[i].power, LEAST_POWER) * laws[i].height * pow(t, -laws[i].power) / t;
        sum += w[i] = slope * r->prior[i] * pow(lately[i], CREDIT);
    }
    for (size_t i = 0; i < D; i++)
        clipped += w[i] = fmax(w[i] / sum, LEAST);
    for (size_t i = 0; i < D; i++) {
        double now = w[i] / clipped;
        w[i] = STEADY * mean[i] + (1 - STEADY) * now;
        mean[i] += (now - mean[i]) / (t + 1);
    }
}

static void update(double *state, double *w, const asc_online_run *r, const asc_online_seen *x)
{
    view v = view_of(state, r->n_domains);
    note(&v, r, x);
    if (x->step % unit_of(r) == 0)
        fit(&v, r, x->step);
    if (!*v.known)
        return;
    for (size_t i = 0; i < r->n_domains; i++) /* a law that is not known yet cannot be here: known asks for all */
        w[i] = 0;
    asc_ado_law laws[r->n_domains];
    for (size_t i = 0; i < r->n_domains; i++)
        laws[i] = (asc_ado_law){v.floor[i], v.height[i], v.power[i]};
    asc_ado_weights(w, v.mean, r, v.lately, laws, x->step);
}

static const asc_online rule = {.name = "ado", .n_state = n_state, .begin = begin, .update = update};

const asc_rival asc__rival_ado = {.name = "ado",
                                  .help = "the slope of each domain's fitted loss curve [Jiang et al. 2410.11820]",
                                  .need = ASC_RIVAL_PROXY,
                                  .online = &rule};
