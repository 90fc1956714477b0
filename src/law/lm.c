/* Bounded Levenberg-Marquardt with a Gaussian prior and Huber's loss (by reweighting). A tied fit moves groups of
 * coordinates together: the same code on a Jacobian whose rows are summed by group. */
#include "private.h"

#include <assert.h>
#include <math.h>
#include <string.h>

size_t asc__scratch_size(size_t n_domains, size_t ld)
{
    return (3 * n_domains + 10) * ld + 12 * (n_domains + 2) * (n_domains + 2);
}

static size_t round_lanes(size_t n)
{
    return (n + ASC_LANES - 1) / ASC_LANES * ASC_LANES;
}

asc_status asc__lm_init(asc__lm *m, size_t p, size_t ld, size_t n_domains, asc_error *err)
{
    *m = (asc__lm){.p = p, .ld = ld};
    size_t q = round_lanes(p);
    struct {
        double **slot;
        size_t n;
    } part[] = {{&m->J, p * ld},   {&m->JW, p * ld},  {&m->G, q * q}, {&m->L, q * q},
                {&m->g, q},        {&m->step, q},     {&m->trial, q}, {&m->f, ld},
                {&m->f_trial, ld}, {&m->weight, ld},  {&m->lo, q},    {&m->hi, q},
                {&m->centre, q},   {&m->strength, q}, {&m->fixed, q}, {&m->z, q},
                {&m->full, q},     {&m->z_lo, q},     {&m->z_hi, q},  {&m->scratch, asc__scratch_size(n_domains, ld)}};
    size_t total = 0, n_parts = sizeof part / sizeof *part;
    for (size_t i = 0; i < n_parts; i++)
        total += part[i].n;
    m->memory = asc_aligned_alloc((total ? total : 1) * sizeof(double));
    m->active = asc_calloc(p ? p : 1, sizeof *m->active);
    m->tie = asc_calloc(p ? p : 1, sizeof *m->tie);
    if (!m->memory || !m->active || !m->tie) {
        asc__lm_clear(m);
        return ASC_NOMEM(err);
    }
    memset(m->memory, 0, total * sizeof(double));
    double *at = m->memory;
    for (size_t i = 0; i < n_parts; i++) {
        *part[i].slot = at;
        at += part[i].n;
    }
    return ASC_OK;
}

void asc__lm_clear(asc__lm *m)
{
    asc_aligned_free(m->memory);
    asc_free(m->active);
    asc_free(m->tie);
    *m = (asc__lm){0};
}

/* One solve: coordinates z (n_z) that are theta itself, or groups of it. */
typedef struct problem {
    asc__lm *m;
    const asc__family *fam;
    const asc__data *d;
    const asc__lm_opts *o;
    size_t p, n_z;
    bool tied;
    const double *lo, *hi;
    double cost, damping;
    bool stop, converged;
    bool stale; /* f and J are of a point that was refused */
} problem;

static const double *expand(const problem *b, const double *z)
{
    if (!b->tied)
        return z;
    for (size_t j = 0; j < b->p; j++)
        b->m->full[j] = z[b->m->tie[j]];
    return b->m->full;
}

/* Sum the rows of J by group. Groups are numbered by first appearance, so row k is read before it is overwritten. */
static void collapse(const problem *b)
{
    assert(b->tied);
    asc__lm *m = b->m;
    size_t ld = b->d->x->ld, seen = 0;
    for (size_t j = 0; j < b->p; j++) {
        assert(m->tie[j] <= seen); /* numbered by first appearance */
        double *from = m->J + j * ld, *to = m->J + m->tie[j] * ld;
        if (m->tie[j] == seen) {
            seen++;
            if (to != from)
                memcpy(to, from, ld * sizeof *to);
        } else
            asc_axpy(to, 1, from, ld);
    }
}

/* Cost of the losses at f; weights of the reweighted problem into weight unless NULL. */
static double data_cost(const asc__data *d, const double *f, double huber, double *weight)
{
    double cost = 0;
    for (size_t r = 0; r < d->x->ld; r++) {
        double e = d->y[r] - f[r], w = d->weight[r];
        if (weight)
            weight[r] = w;
        if (w == 0)
            continue;
        double a = fabs(e);
        bool far = huber > 0 && a > huber;
        cost += w * (far ? huber * (2 * a - huber) : e * e);
        if (weight && far)
            weight[r] = w * huber / a;
    }
    return cost;
}

static double prior_cost(const problem *b, const double *z)
{
    const asc__lm *m = b->m;
    const double *theta = expand(b, z);
    double cost = 0;
    for (size_t j = 0; j < b->p; j++) {
        double e = theta[j] - m->centre[j];
        cost += ((b->tied ? 0 : b->o->lambda * m->strength[j]) + m->fixed[j]) * e * e;
    }
    return cost;
}

/* f and J at z. A trial point is evaluated with its Jacobian at once: most are accepted, and when one is not, the
 * normal equations of the last point stand already. */
static double evaluate(const problem *b, const double *z)
{
    b->fam->eval(b->d->x, b->d->own, expand(b, z), b->m->f, b->m->J, b->m->scratch);
    return data_cost(b->d, b->m->f, b->o->huber, NULL) + prior_cost(b, z);
}

/* From f and J at z: half gradient into m->g, Gauss-Newton matrix into m->G (lower), and which bounds hold. */
static void normal_equations(problem *b, const double *z)
{
    asc__lm *m = b->m;
    size_t ld = b->d->x->ld, n = b->n_z;
    assert(ld == m->ld && n <= m->p && ld % ASC_LANES == 0);
    const double *theta = expand(b, z);
    data_cost(b->d, m->f, b->o->huber, m->weight);
    if (b->tied)
        collapse(b);
    double *e = m->f_trial;
    for (size_t r = 0; r < ld; r++)
        e[r] = m->weight[r] == 0 ? 0 : b->d->y[r] - m->f[r];
    asc_syrk(m->G, m->J, m->weight, m->JW, n, ld, ld);
    for (size_t j = 0; j < n; j++)
        m->g[j] = asc_dot(m->JW + j * ld, e, ld);
    for (size_t j = 0; j < b->p; j++) {
        size_t i = b->tied ? m->tie[j] : j;
        double s = (b->tied ? 0 : b->o->lambda * m->strength[j]) + m->fixed[j];
        m->g[i] -= s * (theta[j] - m->centre[j]);
        m->G[i * n + i] += s;
    }
    for (size_t j = 0; j < n; j++)
        m->active[j] = (z[j] <= b->lo[j] && m->g[j] < 0) || (z[j] >= b->hi[j] && m->g[j] > 0);
}

/* (G + damping diag G) step = g with active coordinates held. */
static bool damped_step(const problem *b)
{
    /* Marquardt 1963: the diagonal grows with the damping; what is added beside it keeps directions that the rows do
     * not see from dividing by nothing. */
    asc__lm *m = b->m;
    size_t n = b->n_z;
    double top = 0;
    for (size_t j = 0; j < n; j++)
        top = fmax(top, m->G[j * n + j]);
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < i; j++)
            m->L[i * n + j] = m->active[i] || m->active[j] ? 0 : m->G[i * n + j];
        double diag = m->G[i * n + i];
        m->L[i * n + i] = m->active[i] ? 1 : diag * (1 + b->damping) + top * (1e-14 + 1e-6 * b->damping) + 1e-300;
        m->step[i] = m->active[i] ? 0 : m->g[i];
    }
    if (!asc_chol(m->L, n))
        return false;
    asc_chol_solve(m->L, n, m->step);
    return true;
}

static double clip(double x, double lo, double hi)
{
    return x < lo ? lo : x > hi ? hi : x;
}

/* One accepted step, or stop. */
static void iterate(problem *b, double *z)
{
    asc__lm *m = b->m;
    normal_equations(b, z);
    for (int tries = 0; tries < 12; tries++) {
        bool solved = damped_step(b);
        double moved = 0;
        for (size_t j = 0; j < b->n_z && solved; j++) {
            m->trial[j] = clip(z[j] + m->step[j], b->lo[j], b->hi[j]);
            moved = fmax(moved, fabs(m->trial[j] - z[j]) / (1 + fabs(z[j])));
        }
        if (solved && moved < 1e-12)
            break;
        double cost = solved ? evaluate(b, m->trial) : INFINITY;
        b->stale = true;
        if (cost < b->cost) {
            double fall = b->cost - cost;
            memcpy(z, m->trial, b->n_z * sizeof *z);
            b->damping = fmax(b->damping * .2, 1e-9);
            b->stop = b->converged = fall <= b->o->tol * b->cost;
            b->cost = cost;
            b->stale = false;
            return;
        }
        b->damping = fmax(b->damping * 6, 1e-4);
    }
    b->stop = b->converged = true; /* no direction falls any more: a minimum to rounding */
}

static asc__lm_result solve(problem *b, double *z)
{
    asc__lm_result res = {0};
    for (size_t j = 0; j < b->n_z; j++) {
        assert(b->lo[j] <= b->hi[j]);
        z[j] = clip(z[j], b->lo[j], b->hi[j]);
    }
    assert(b->n_z <= b->p && b->p <= b->m->p);
    b->damping = 1e-3;
    b->cost = evaluate(b, z);
    if (!isfinite(b->cost)) {
        res.cost = res.data_cost = INFINITY;
        return res;
    }
    while (!b->stop && res.n_iter < b->o->max_iter && !asc_interrupted()) {
        iterate(b, z);
        res.n_iter++;
    }
    if (b->stale)
        evaluate(b, z);
    res.cost = b->cost;
    res.data_cost = res.cost - prior_cost(b, z);
    res.converged = b->converged;
    return res;
}

static size_t count_params(const asc__family *fam, const asc__data *d)
{
    return fam->n_params(d->x->n_domains, d->x->has_tokens, d->x->has_params);
}

asc__lm_result asc__lm_solve(asc__lm *m, const asc__family *fam, const asc__data *d, double *theta,
                             const asc__lm_opts *o)
{
    size_t p = count_params(fam, d);
    problem b = {.m = m, .fam = fam, .d = d, .o = o, .p = p, .n_z = p, .lo = m->lo, .hi = m->hi};
    return solve(&b, theta);
}

asc__lm_result asc__lm_solve_tied(asc__lm *m, const asc__family *fam, const asc__data *d, double *theta,
                                  size_t n_groups, const asc__lm_opts *o)
{
    size_t p = count_params(fam, d);
    assert(n_groups > 0 && n_groups <= p && p <= m->p);
    problem b = {.m = m, .fam = fam, .d = d, .o = o, .p = p, .n_z = n_groups, .tied = true};
    b.lo = m->z_lo;
    b.hi = m->z_hi;
    for (size_t g = 0; g < n_groups; g++) {
        double sum = 0, count = 0;
        m->z_lo[g] = -INFINITY;
        m->z_hi[g] = INFINITY;
        for (size_t j = 0; j < p; j++)
            if (m->tie[j] == g) {
                sum += theta[j];
                count++;
                m->z_lo[g] = fmax(m->z_lo[g], m->lo[j]);
                m->z_hi[g] = fmin(m->z_hi[g], m->hi[j]);
            }
        assert(count > 0 && m->z_lo[g] <= m->z_hi[g]);
        m->z[g] = sum / count;
    }
    asc__lm_result res = solve(&b, m->z);
    for (size_t j = 0; j < p; j++)
        theta[j] = m->z[m->tie[j]];
    return res;
}

double asc__lm_freedom(asc__lm *m, const asc__family *fam, const asc__data *d, const double *theta,
                       const asc__lm_opts *o)
{
    size_t p = count_params(fam, d);
    assert(p > 0 && p <= m->p && d->x->ld == m->ld);
    double freedom = 0, z[p], column[p];
    problem b = {.m = m, .fam = fam, .d = d, .o = o, .p = p, .n_z = p, .lo = m->lo, .hi = m->hi};
    memcpy(z, theta, sizeof z);
    evaluate(&b, z);
    normal_equations(&b, z);
    for (size_t i = 0; i < p; i++) /* the prior, once more, in L: (J'WJ + prior) */
        for (size_t j = 0; j <= i; j++)
            m->L[i * p + j] = m->active[i] || m->active[j] ? (double)(i == j) : m->G[i * p + j];
    for (size_t i = 0; i < p; i++)
        m->L[i * p + i] += 1e-12 * m->L[i * p + i] + 1e-300;
    if (!asc_chol(m->L, p))
        return (double)p;
    for (size_t j = 0; j < p; j++) { /* trace of I - (J'WJ + prior)^-1 prior */
        double s = o->lambda * m->strength[j] + m->fixed[j];
        if (m->active[j])
            continue;
        memset(column, 0, sizeof column);
        column[j] = s;
        asc_chol_solve(m->L, p, column);
        freedom += 1 - column[j];
    }
    return freedom;
}
