/* Olmix [Chen et al. 2602.12237]: exp(c) + exp(t.w) for every target by Huber's loss on a swarm; the mixture with the
 * least mean plus KL(w || natural), no domain more than four times over. */
#include "rivals.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "num/num.h"

#define DELTA .02 /* Huber's */
#define KL .05
#define EPOCHS 4.
enum { STEPS = 200 };

/* ---- the fit: Levenberg-Marquardt on Huber's weights ---- */

typedef struct fit {
    const asc_runs *runs;
    size_t v, D;
    double *p, *trial; /* (1+D) log c, t */
    double *G, *L, *g; /* (1+D)^2 twice, (1+D) */
    double *row;       /* (1+D) */
} fit;

/* Residual of run r under p; its derivatives into f->row. False where it was not measured. */
static bool residual(double *out, const fit *f, const double *p, size_t r)
{
    const double *n = f->runs->tokens + r * f->D;
    double y = f->runs->loss[r * f->runs->n_targets + f->v], z = 0;
    if (!isfinite(y))
        return false;
    for (size_t i = 0; i < f->D; i++)
        z += p[1 + i] * n[i] / f->runs->total[r];
    double e = exp(z);
    f->row[0] = exp(p[0]);
    for (size_t i = 0; i < f->D; i++)
        f->row[1 + i] = e * n[i] / f->runs->total[r];
    *out = y - f->row[0] - e;
    return true;
}

/* Huber's loss; with G not NULL also the normal equations of its weights. */
static double huber(fit *f, const double *p, bool equations)
{
    size_t n = f->D + 1;
    double sum = 0, x;
    if (equations) {
        memset(f->G, 0, n * n * sizeof *f->G);
        memset(f->g, 0, n * sizeof *f->g);
    }
    for (size_t r = 0; r < f->runs->n_runs; r++) {
        if (!residual(&x, f, p, r))
            continue;
        double a = fabs(x), h = a > DELTA ? DELTA / a : 1;
        sum += a > DELTA ? DELTA * (a - DELTA / 2) : x * x / 2;
        for (size_t i = 0; equations && i < n; i++) {
            f->g[i] += h * f->row[i] * x;
            for (size_t j = 0; j <= i; j++)
                f->G[i * n + j] += h * f->row[i] * f->row[j];
        }
    }
    return sum;
}

/* One damped step from p into trial; false where the equations have no solution. */
static bool step(fit *f, double damping)
{
    size_t n = f->D + 1;
    memcpy(f->L, f->G, n * n * sizeof *f->L);
    for (size_t i = 0; i < n; i++)
        f->L[i * n + i] += damping * (f->G[i * n + i] + 1e-12);
    memcpy(f->trial, f->g, n * sizeof *f->g);
    if (!asc_chol(f->L, n))
        return false;
    asc_chol_solve(f->L, n, f->trial);
    for (size_t i = 0; i < n; i++)
        f->trial[i] += f->p[i];
    return true;
}

static void descend(fit *f)
{
    double damping = 1e-3, value = huber(f, f->p, true);
    for (int k = 0; k < STEPS && damping < 1e12; k++) {
        double next = step(f, damping) ? huber(f, f->trial, false) : INFINITY;
        if (!(next < value)) {
            damping *= 8;
            continue;
        }
        bool still = value - next < 1e-14 * (1 + value);
        memcpy(f->p, f->trial, (f->D + 1) * sizeof *f->p);
        value = huber(f, f->p, true);
        damping = fmax(damping / 4, 1e-12);
        if (still)
            return;
    }
}

/* The least-squares law of target v is where it begins; its parameters are [c, t]. */
static asc_status refine(asc_law *l, size_t v, const asc_rival_ask *a, asc_error *err)
{
    assert(l->n_params == a->n_domains + 1 && v < a->swarm->n_targets);
    size_t n = a->n_domains + 1;
    double *work = asc_calloc(2 * n * n + 4 * n, sizeof *work);
    if (!work)
        return ASC_NOMEM(err);
    fit f = {.runs = a->swarm, .v = v, .D = a->n_domains, .p = work, .trial = work + n, .g = work + 2 * n};
    f.row = work + 3 * n;
    f.G = work + 4 * n;
    f.L = f.G + n * n;
    f.p[0] = log(fmax(l->params[0], 1e-2));
    memcpy(f.p + 1, l->params + 1, (n - 1) * sizeof *f.p);
    descend(&f);
    l->params[0] = exp(f.p[0]);
    memcpy(l->params + 1, f.p + 1, (n - 1) * sizeof *f.p);
    asc_free(work);
    return ASC_OK;
}

static asc_status weights(double *w, const asc_rival_ask *a, asc_error *err)
{
    asc_law_set laws = {0};
    double *hi = asc_calloc(a->n_domains, sizeof *hi), room = 0;
    asc_status st = hi ? asc__rival_fit(&laws, a, err) : ASC_NOMEM(err);
    for (size_t v = 0; st == ASC_OK && v < laws.n_laws; v++)
        st = refine(&laws.laws[v], v, a, err);
    for (size_t i = 0; st == ASC_OK && i < a->n_domains; i++) {
        double most = a->hi ? a->hi[i] : 1, cap = EPOCHS * a->available[i] / a->n_tokens;
        hi[i] = fmin(most, fmax(cap, a->lo ? a->lo[i] : 0));
        room += hi[i];
    }
    if (st == ASC_OK) /* no mixture repeats so little: then the study's own caps alone */
        st = asc__rival_optimum(w, &laws, a, room >= 1 ? hi : NULL, a->natural, KL, err);
    asc_law_set_clear(&laws);
    asc_free(hi);
    return st;
}

const asc_rival asc__rival_olmix = {
    .name = "olmix",
    .help = "the optimum of exp(c) + exp(t.w) by Huber's loss, kept near the natural mixture [Olmix 2602.12237]",
    .need = ASC_RIVAL_SWARM,
    .weights = weights};
