/* RegMix [Liu et al. 2407.01492]: boosted trees from shares to the objective, fitted to a swarm; the mean of the 128
 * mixtures that they like best of 100,000. */
#include "rivals.h"

#include <math.h>
#include <stdlib.h>

#include "law/law_trees.h"

enum { CANDIDATES = 100000, BEST = 128, ROUNDS = 1000, LEAVES = 31, LEAST_IN_LEAF = 20 };
#define RATE .01

/* ---- the fit ---- */

static asc_status learn(asc_trees *out, const asc_rival_ask *a, asc_error *err)
{
    const asc_runs *s = a->swarm;
    size_t D = a->n_domains, n = 0;
    float *x = asc_reallocarray(NULL, s->n_runs * D + 1, sizeof *x);
    float *y = asc_reallocarray(NULL, s->n_runs + 1, sizeof *y);
    asc_status st = x && y ? ASC_OK : ASC_NOMEM(err);
    for (size_t r = 0; st == ASC_OK && r < s->n_runs; r++) {
        double value = asc_objective_value(a->objective, s->loss + r * s->n_targets, s->n_targets);
        if (!isfinite(value))
            continue;
        for (size_t i = 0; i < D; i++)
            x[n * D + i] = (float)(s->tokens[r * D + i] / s->total[r]);
        y[n++] = (float)value;
    }
    /* As published for 512 runs; leaves shrink with smaller swarms (ours), or no tree would have a branch. */
    asc_trees_opts o = {.rounds = ROUNDS, .rate = RATE, .leaves = LEAVES, .seed = a->seed};
    o.least_in_leaf = fmax(1, fmin(LEAST_IN_LEAF, floor((double)n * LEAST_IN_LEAF / 512)));
    if (st == ASC_OK && n < 4)
        st = ASC_FAIL(err, ASC_ENUMERIC, "regmix: %zu runs with a loss, expected at least 4", n);
    if (st == ASC_OK)
        st = asc_trees_learn(out, x, y, n, D, &o, err);
    asc_free(x);
    asc_free(y);
    return st;
}

/* ---- the best of many ---- */

struct candidate {
    double value;
    size_t k;
};

static int by_value(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    if (x->value != y->value)
        return x->value < y->value ? -1 : 1;
    return x->k < y->k ? -1 : x->k > y->k;
}

typedef struct crowd {
    const asc_trees *trees;
    const double *w; /* (n,D) */
    size_t n, D;
    struct candidate *c; /* (n) */
} crowd;
enum { BLOCK = 1000, MOST_DOMAINS = 4096 };

static void judge_block(void *ctx, size_t b)
{
    const crowd *x = ctx;
    float row[MOST_DOMAINS];
    for (size_t k = b * BLOCK; k < x->n && k < (b + 1) * BLOCK && !asc_interrupted(); k++) {
        for (size_t i = 0; i < x->D; i++)
            row[i] = (float)x->w[k * x->D + i];
        x->c[k] = (struct candidate){asc_trees_value(x->trees, row), k};
    }
}

static asc_status best_mean(double *out, const asc_trees *t, const asc_rival_ask *a, asc_error *err)
{
    size_t D = a->n_domains, n = a->n_candidates ? a->n_candidates : CANDIDATES, best = n < BEST ? n : BEST;
    double *w = asc_reallocarray(NULL, n * D, sizeof *w);
    struct candidate *c = asc_calloc(n, sizeof *c);
    asc_status st = w && c ? ASC_OK : ASC_NOMEM(err);
    if (st == ASC_OK)
        st = asc_rival_mixtures(w, n, a->natural, D, a->lo, a->hi, a->seed + 1, err); /* others than were trained */
    crowd x = {t, w, n, D, c};
    if (st == ASC_OK)
        asc_parallel_for(a->n_threads, (n + BLOCK - 1) / BLOCK, judge_block, &x);
    if (st == ASC_OK && asc_interrupted())
        st = ASC_FAIL(err, ASC_EINTR, "interrupted");
    if (st == ASC_OK) {
        qsort(c, n, sizeof *c, by_value);
        for (size_t i = 0; i < D; i++) {
            out[i] = 0;
            for (size_t k = 0; k < best; k++)
                out[i] += w[c[k].k * D + i] / (double)best;
        }
    }
    asc_free(w);
    asc_free(c);
    return st;
}

static asc_status weights(double *w, const asc_rival_ask *a, asc_error *err)
{
    asc_trees t = {0};
    ASC_TRY(learn(&t, a, err));
    asc_status st = best_mean(w, &t, a, err);
    asc_trees_clear(&t);
    return st;
}

const asc_rival asc__rival_regmix = {
    .name = "regmix",
    .help = "boosted trees on a swarm of proxies; the mean of the best 128 of 100,000 mixtures [Liu et al. 2407.01492]",
    .need = ASC_RIVAL_SWARM,
    .weights = weights,
    .missing = asc_trees_missing};
