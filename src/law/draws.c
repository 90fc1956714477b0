/* Draws of a law's parameters, by randomise-then-optimise (Bardsley et al. 2014): losses and the prior's centre are
 * moved by noise of their own size and the law is fitted again, from where it stands. For a linear law these are draws
 * from the posterior; for others nearly so, and no draw is a point that the data speak against. Works from two rows on,
 * where resampling the runs cannot.
 *
 * Draw k is one world for all targets of a table: part of the noise of a row is the same for all of them, by the
 * correlation of their residuals, and part of the noise of a mixture is the same for all of its rows. */
#include "private.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define WIDEST 1.5 /* sd of a prior in draws: without any the worth of a domain that the runs do not show runs away */
#define PRIOR_ROWS 3.
/* Variances are taken this much larger: about one fit, draws know nothing of how it was chosen (width of the prior,
 * weights of a blend). Measured on tables whose truth is known (docs/results/truth.md). */
#define CHOICE 1.2

typedef struct noise {
    const asc__fit_job *job;
    const asc__data *data;
    double sd;             /* of one row [nats] */
    double rho_target;     /* share of the variance that the targets share */
    double rho_unit;       /* share of the variance that the rows of a unit share */
    double *row;           /* (R) */
    double *unit, *common; /* (n_units) */
} noise;

/* Correlation of the residuals e (R) of rows of one unit, from their products. */
static double unit_correlation(const asc__prep *p, const double *e, const double *weight, double *sum, double *count)
{
    double products = 0, squares = 0, pairs = 0, n = 0;
    memset(sum, 0, p->n_units * sizeof *sum);
    memset(count, 0, p->n_units * sizeof *count);
    for (size_t r = 0; r < p->n; r++)
        if (weight[r] != 0) {
            sum[p->unit[r]] += e[r];
            count[p->unit[r]]++;
            squares += e[r] * e[r];
            n++;
        }
    assert(n > 0);
    for (size_t u = 0; u < p->n_units; u++) {
        products += sum[u] * sum[u];
        pairs += count[u] * (count[u] - 1);
    }
    products -= squares;
    return pairs > 0 && squares > 0 ? fmin(fmax(products / pairs / (squares / n), 0), .95) : 0;
}

/* Variance of a row: that of the residuals by their degrees of freedom, drawn towards the held-out error as if that had
 * been seen in a few rows more; never below what held-out errors leave when the fit's own variance is taken off (a law
 * of the wrong form misses more where it was not fitted), nor below what the user says of the noise. */
static double row_variance(const noise *z, const asc_law *l, asc__lm *lm, const double *theta, const asc__lm_opts *o)
{
    const asc__data *d = z->data;
    double sum = 0, n = (double)d->n_used;
    double freedom = asc__lm_freedom(lm, l->family, d, theta, o);
    assert(d->n_used > 0);
    for (size_t r = 0; r < d->x->n; r++)
        sum += d->weight[r] * (d->y[r] - lm->f[r]) * (d->y[r] - lm->f[r]);
    double held = l->stats.cv_mse, left = fmax(n - freedom, 0);
    double s2 = isnan(held) ? sum / fmax(left, .2 * n) : (sum + PRIOR_ROWS * held) / (left + PRIOR_ROWS);
    if (held > 0)
        s2 = fmax(s2, held / (1 + freedom / n));
    double given = z->job->opts->noise;
    return CHOICE * (given > 0 ? fmax(s2, given * given) : s2);
}

static asc_status noise_init(noise *z, const asc_law *l, asc__lm *lm, const double *theta, const asc__lm_opts *o,
                             asc_error *err)
{
    const asc__prep *p = z->job->prep;
    z->row = asc_calloc(p->n + 2 * p->n_units + 1, sizeof *z->row);
    if (!z->row)
        return ASC_NOMEM(err);
    z->unit = z->row + p->n;
    z->common = z->unit + p->n_units;
    z->sd = sqrt(row_variance(z, l, lm, theta, o));
    for (size_t r = 0; r < p->n; r++)
        z->row[r] = z->data->y[r] - lm->f[r];
    z->rho_unit = unit_correlation(p, z->row, z->data->weight, z->unit, z->common);
    z->rho_target = z->job->pool->rho;
    return ASC_OK;
}

/* n standard normal deviates of which a share rho of the variance is common to all targets. */
static void shared_normals(double *out, size_t n, const noise *z, const char *name, size_t k)
{
    asc_rng shared, own;
    char stream[64];
    assert(z->rho_target >= 0 && z->rho_target <= 1);
    snprintf(stream, sizeof stream, "%s %zu", name, z->job->target);
    asc_rng_init(&shared, z->job->opts->seed, name, k);
    asc_rng_init(&own, z->job->opts->seed, stream, k);
    double a = sqrt(z->rho_target), b = sqrt(1 - z->rho_target);
    for (size_t i = 0; i < n; i++) {
        double s = asc_rng_normal(&shared), t = asc_rng_normal(&own);
        out[i] = a * s + b * t;
    }
}

/* Losses of world k into y (ld). */
static void redraw_losses(double *y, const noise *z, size_t k)
{
    const asc__prep *p = z->job->prep;
    assert(z->rho_unit >= 0 && z->rho_unit < 1);
    double within = sqrt(1 - z->rho_unit), between = sqrt(z->rho_unit);
    shared_normals(z->row, p->n, z, "law draws", k);
    shared_normals(z->unit, p->n_units, z, "law draws of units", k);
    for (size_t r = 0; r < p->n; r++) {
        double w = z->data->weight[r], sd = w > 0 ? z->sd / sqrt(fmin(w, 1)) : 0;
        y[r] = z->data->y[r] + sd * (within * z->row[r] + between * z->unit[p->unit[r]]);
    }
}

/* The prior's centre of world k into lm: every coordinate by its own sd. */
static void redraw_centre(asc__lm *lm, const double *centre, size_t p, double lambda, const noise *z, size_t k)
{
    asc_rng rng;
    char stream[64];
    double noise2 = asc__data_noise2(z->data);
    snprintf(stream, sizeof stream, "law draws of prior %zu", z->job->target);
    asc_rng_init(&rng, z->job->opts->seed, stream, k);
    for (size_t j = 0; j < p; j++) {
        double strength = lambda * lm->strength[j] + lm->fixed[j];
        double sd = strength > 0 ? sqrt(noise2 / strength) : 0, step = asc_rng_normal(&rng);
        lm->centre[j] = centre[j] + sd * step;
    }
}

asc_status asc__law_draws(asc_law *l, const asc__fit_job *job, asc__lm *lm, const asc__data *data, const double *theta,
                          asc_error *err)
{
    const asc__prep *p = job->prep;
    const asc__family *fam = l->family;
    size_t K = job->n_draws, P = l->n_params;
    double centre[P + 1], start[P + 1];
    if (K == 0 || P == 0)
        return ASC_OK;
    assert(P <= lm->p && job->verdict && job->verdict->sd < ASC__PATH);
    noise z = {.job = job, .data = data};
    double width = fmin(asc__path_sd[job->verdict->sd], WIDEST);
    asc__lm_opts o = {.lambda = asc__prior_strength(data, width), .huber = job->verdict->huber};
    o.max_iter = 8;
    o.tol = 1e-3;
    double *y = asc_aligned_alloc((p->ld + ASC_LANES) * sizeof *y);
    l->draws = asc_calloc(K, P * sizeof *l->draws);
    asc_status s = y && l->draws ? noise_init(&z, l, lm, theta, &o, err) : ASC_NOMEM(err);
    if (y)
        memset(y, 0, (p->ld + ASC_LANES) * sizeof *y);
    memcpy(centre, lm->centre, P * sizeof *centre);
    asc__data world = *data;
    world.y = y;
    for (size_t k = 0; s == ASC_OK && k < K && !asc_interrupted(); k++) {
        redraw_losses(y, &z, k);
        redraw_centre(lm, centre, P, o.lambda, &z, k);
        memcpy(start, theta, P * sizeof *start);
        asc__lm_solve(lm, fam, &world, start, &o);
        asc__to_params(fam, &p->x, start, l->draws + k * P);
        for (size_t j = 0; j < P; j++) /* as LAW.json keeps them */
            l->draws[k * P + j] = (double)(float)l->draws[k * P + j];
        l->n_draws = k + 1;
    }
    asc_aligned_free(y);
    asc_free(z.row);
    return s;
}
