/* The speed of laws on made tables: one thread, in its CPU time. */
#include "bench_fit.h"

#include <math.h>
#include <string.h>

#include "law/law.h"
#include "mix/mix.h"

enum { N_REPLICAS = 1000, N_MIXTURES = 1000000 };

/* ---- 13 targets x 512 runs ---- */

static asc_status name_all(char **names, size_t n, char letter, asc_error *err)
{
    for (size_t i = 0; i < n; i++)
        if (!(names[i] = asc_strf("%c%zu", letter, i)))
            return ASC_NOMEM(err);
    return ASC_OK;
}

/* A table like RegMix's: 512 mixtures of 17 domains at one budget, 13 targets, made by a law with noise of half a
 * percent of the loss. */
static asc_status made_table(asc_runs *r, asc_error *err)
{
    enum { R = 512, D = 17, V = 13 };
    asc_rng rng;
    asc_rng_init(&rng, 1, "bench fit", 0);
    ASC_TRY(asc_runs_init(r, R, D, V, err));
    ASC_TRY(name_all(r->domains, D, 'd', err));
    ASC_TRY(name_all(r->targets, V, 't', err));
    double c[V][D], w[D];
    for (size_t v = 0; v < V; v++)
        for (size_t d = 0; d < D; d++)
            c[v][d] = asc_rng_double(&rng) * (v == d ? 2 : .3);
    r->n_groups = R;
    for (size_t i = 0; i < R; i++) {
        double sum = 0;
        for (size_t d = 0; d < D; d++)
            sum += w[d] = pow(asc_rng_double(&rng), 4) + 1e-4;
        r->group[i] = i;
        r->total[i] = 1e9;
        for (size_t d = 0; d < D; d++)
            r->tokens[i * D + d] = 1e9 * (w[d] /= sum);
        for (size_t v = 0; v < V; v++) {
            double s = 0;
            for (size_t d = 0; d < D; d++)
                s += c[v][d] * pow(w[d], .4);
            r->loss[i * V + v] = 2 + 1 / (s + .2) + .01 * asc_rng_normal(&rng);
        }
    }
    return ASC_OK;
}

/* tokens (N_MIXTURES,D): exponential deviates, so mixtures spread evenly over the simplex. */
static asc_status time_scoring(double *seconds, const asc_law *l, asc_error *err)
{
    size_t n = (size_t)N_MIXTURES * l->n_domains;
    double *tokens = asc_reallocarray(NULL, n, sizeof *tokens), *out = asc_reallocarray(NULL, N_MIXTURES, sizeof *out);
    asc_status s = tokens && out ? ASC_OK : ASC_NOMEM(err);
    if (s == ASC_OK) {
        asc_rng rng;
        asc_rng_init(&rng, 1, "bench mixtures", 0);
        for (size_t i = 0; i < n; i++)
            tokens[i] = 1e8 * (1e-6 - log(1 - asc_rng_double(&rng)));
        double start = asc_thread_cpu_s();
        s = asc_law_predict_many(out, l, N_MIXTURES, tokens, NULL, 1, 1, err);
        *seconds = asc_thread_cpu_s() - start;
    }
    asc_free(tokens);
    asc_free(out);
    return s;
}

static asc_status time_table(asc__fit_times *t, asc_error *err)
{
    asc_runs runs = {0};
    asc_law_set set = {0};
    asc_law_opts o;
    asc_law_opts_init(&o);
    o.law = "reciprocal-mult";
    o.n_bootstrap = 0;
    o.n_threads = 1;
    asc_status s = made_table(&runs, err);
    double start = asc_thread_cpu_s();
    if (s == ASC_OK)
        s = asc_law_fit(&set, &runs, &o, err);
    t->table_s = asc_thread_cpu_s() - start;
    t->n_targets = runs.n_targets;
    if (s == ASC_OK)
        s = time_scoring(&t->scoring_s, set.laws, err);
    asc_law_set_clear(&set);
    asc_runs_clear(&runs);
    return s;
}

/* ---- the star ---- */

/* The published curves of [K24]'s notebook with x = 1/3, 1, 3: (x + a)^-b + c, perplexity over that of the base. */
static const double star_a[] = {2.17121, 4.784701, 2.176157, 2.022509, 2.065326, 2.35334, 2.67359};
static const double star_b[] = {1.644847, 1.897215, 1.922937, 2.213846, 1.584206, 2.343253, 2.320947};
enum { STAR_D = sizeof star_a / sizeof *star_a };

static asc_status made_star(asc_runs *r, asc_error *err)
{
    enum { D = STAR_D, R = 2 * D + 1 };
    ASC_TRY(asc_runs_init(r, R, D, D, err));
    ASC_TRY(name_all(r->domains, D, 'd', err));
    ASC_TRY(name_all(r->targets, D, 't', err));
    r->n_groups = R;
    for (size_t i = 0; i < R; i++) {
        size_t axis = i == 0 ? 0 : (i - 1) / 2;
        double x = i == 0 ? 1 : i % 2 ? 3 : 1. / 3, a = star_a[axis], b = star_b[axis];
        double y = 1 + pow(x + a, -b) - pow(1 + a, -b);
        r->group[i] = i;
        r->total[i] = 0;
        for (size_t d = 0; d < D; d++)
            r->total[i] += r->tokens[i * D + d] = 1.2e9 / D * (d == axis ? x : 1);
        for (size_t v = 0; v < D; v++)
            r->loss[i * D + v] = log(y * (15 + 5 * (double)v));
    }
    return ASC_OK;
}

/* Refits (asc_ddo_bootstrap) and the optimum of each, within the notebook's floor. */
static asc_status refit_and_solve(double *check, const asc_ddo_star *star, const asc_law *fit,
                                  const asc_objective *objective, asc_error *err)
{
    enum { D = STAR_D, P = 1 + 3 * D };
    double noise[D], lo[D], hi[D], w0[D], x[D];
    double *draws = asc_calloc(N_REPLICAS, P * sizeof *draws);
    if (!draws)
        return ASC_NOMEM(err);
    for (size_t d = 0; d < D; d++) {
        noise[d] = .01;
        lo[d] = .2 / D;
        hi[d] = 1;
        w0[d] = 1. / D;
    }
    asc_status s = asc_ddo_bootstrap(draws, N_REPLICAS, star, fit, objective, noise, 1, err);
    for (size_t k = 0; s == ASC_OK && k < N_REPLICAS; k++) {
        asc_ddo_solve(x, draws + k * P + 1, draws + k * P + 1 + D, w0, 1, lo, hi, D);
        *check += x[0];
    }
    asc_free(draws);
    return s;
}

static asc_status time_star(asc__fit_times *t, asc_error *err)
{
    asc_runs runs = {0};
    asc_law_set set = {0};
    asc_ddo_star star = {0};
    asc_objective objective = {.kind = ASC_OBJ_MEAN_PPL, .n_targets = STAR_D};
    asc_law_opts o;
    asc_law_opts_init(&o);
    o.law = "ddo";
    o.objective = &objective;
    o.n_bootstrap = 0;
    double check = 0;
    asc_status s = made_star(&runs, err);
    if (s == ASC_OK)
        s = asc_law_fit(&set, &runs, &o, err);
    if (s == ASC_OK)
        s = asc_ddo_star_find(&star, &runs, &objective, err);
    double start = asc_thread_cpu_s();
    if (s == ASC_OK)
        s = refit_and_solve(&check, &star, set.laws, &objective, err);
    t->star_s = asc_thread_cpu_s() - start;
    if (s == ASC_OK && !(check > 0))
        s = ASC_FAIL(err, ASC_ENUMERIC, "bench fit: the replicas have no optimum");
    asc_ddo_star_clear(&star);
    asc_law_set_clear(&set);
    asc_runs_clear(&runs);
    return s;
}

asc_status asc__cli_bench_fit(asc__fit_times *out, asc_error *err)
{
    asc__fit_times t = {0};
    ASC_TRY(time_table(&t, err));
    ASC_TRY(time_star(&t, err));
    *out = t;
    return ASC_OK;
}
