/* The objective along each domain's share, through one mixture. */
#include "mix/mix_slices.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "losses.h"
#include "optimum.h"

enum { S = ASC_SLICE_POINTS };

typedef struct slicer {
    const asc_law_set *laws;
    const asc_slices_opts *o;
    asc__losses losses;
    size_t D, K;
    double params, n_tokens; /* where the laws are asked */
    double *column; /* (1 + D S, 2, K + 1) the objective, its draws as they are and about the fit; the mixture first */
    bool *failed;   /* (1 + D S) out of memory */
    asc_slices r;
} slicer;

void asc_slices_clear(asc_slices *s)
{
    if (!s)
        return;
    asc_free(s->share);
    asc_free(s->change);
    *s = (asc_slices){0};
}

/* As for values: what no table tells of stays where it is. */
static bool is_fixed(const slicer *a, size_t i)
{
    if (a->losses.single && asc__has_no_curve(a->laws->laws, i))
        return true;
    return a->laws->share_hi[i] - a->laws->share_lo[i] <= 1e-9;
}

/* Shares of a slice: evenly from 0 to a little beyond what was sampled and what the mixture has, whose own share takes
 * the place of the nearest. */
static void place_points(slicer *a, size_t i)
{
    double *x = a->r.share + i * S, own = a->o->shares[i], most = 0;
    for (size_t j = 0; j < a->D; j++)
        most += j == i || !is_fixed(a, j) ? a->o->shares[j] : 0;
    double end = fmin(most, fmax(1.15 * fmax(a->laws->share_hi[i], own), .02));
    size_t nearest = 0;
    for (size_t k = 0; k < S; k++) {
        x[k] = is_fixed(a, i) ? NAN : end * (double)k / (S - 1);
        nearest = fabs(x[k] - own) < fabs(x[nearest] - own) ? k : nearest;
    }
    if (!is_fixed(a, i))
        x[nearest] = own;
}

/* Tokens of the mixture with share x of domain i (i = D: as it is), as laws see them. */
static void tokens_at(const slicer *a, size_t i, double x, double *tokens)
{
    assert(i <= a->D);
    const double *w = a->o->shares;
    double others = 0;
    size_t n = 0;
    for (size_t j = 0; j < a->D; j++)
        if (i < a->D && j != i && !is_fixed(a, j)) {
            others += w[j];
            n++;
        }
    double left = i < a->D ? others + w[i] - x : 0;
    for (size_t j = 0; j < a->D; j++) {
        double share = w[j];
        if (j == i)
            share = x;
        else if (i < a->D && !is_fixed(a, j))
            share = others > 0 ? w[j] * fmax(left, 0) / others : left / (double)n;
        double asked = share * a->o->n_tokens, unique = a->o->available ? a->o->available[j] : INFINITY;
        tokens[j] = (isinf(unique) ? asked : asc_effective_tokens(asked, unique)) * (a->n_tokens / a->o->n_tokens);
    }
}

static void evaluate(void *ctx, size_t p)
{
    const slicer *a = ctx;
    size_t D = a->D, row = a->K + 1, size = asc__losses_size(&a->losses), i = p ? (p - 1) / S : D;
    double tokens[D], x = p ? a->r.share[p - 1] : 0;
    if (isnan(x))
        return;
    double *value = asc_malloc((2 * size + row) * sizeof *value);
    a->failed[p] = !value;
    if (!value)
        return;
    tokens_at(a, i, x, tokens);
    asc__losses_at(value, &a->losses, tokens, a->params);
    asc__losses_about_fit(value + size, value, &a->losses, tokens, a->params, value + 2 * size);
    for (size_t about = 0; about < 2; about++)
        memcpy(a->column + (2 * p + about) * row, value + about * size + a->losses.V * row, row * sizeof *value);
    asc_free(value);
}

static void compare(slicer *a, size_t p, double *room)
{
    size_t row = a->K + 1;
    const double *x = a->column + 2 * p * row, *own = a->column;
    asc_difference d = {x[a->K] - own[a->K], NAN, NAN, NAN};
    asc__question q = {.x = x, .minus = own, .about = x + row, .minus_about = own + row};
    q.K = a->K;
    q.level = a->o->level;
    q.room = room;
    if (isnan(a->r.share[p - 1]))
        d.value = NAN;
    else
        asc__answer(&d, &q);
    a->r.change[p - 1] = d;
}

static asc_status slice_all(slicer *a, asc_error *err)
{
    assert(a->D > 0 && asc_is_mixture(a->o->shares, a->D));
    size_t points = 1 + a->D * S;
    a->r.n_domains = a->D;
    a->r.share = asc_calloc(a->D * S, sizeof *a->r.share);
    a->r.change = asc_calloc(a->D * S, sizeof *a->r.change);
    a->column = asc_calloc(2 * points * (a->K + 1) + a->K, sizeof *a->column);
    a->failed = asc_calloc(points, sizeof *a->failed);
    if (!a->r.share || !a->r.change || !a->column || !a->failed)
        return ASC_NOMEM(err);
    for (size_t i = 0; i < a->D; i++)
        place_points(a, i);
    asc_parallel_for(a->o->n_threads > 0 ? a->o->n_threads : asc_cpu_count(), points, evaluate, a);
    if (asc_interrupted())
        return ASC_FAIL(err, ASC_EINTR, "interrupted");
    for (size_t p = 0; p < points; p++)
        if (a->failed[p])
            return ASC_NOMEM(err);
    for (size_t p = 1; p < points; p++)
        compare(a, p, a->column + 2 * points * (a->K + 1));
    return ASC_OK;
}

asc_status asc_slices_of(asc_slices *out, const asc_law_set *laws, const asc_slices_opts *o, asc_error *err)
{
    slicer a = {
        .laws = laws, .o = o, .losses = asc__losses_of(laws, o->objective, o->most_draws), .D = laws->n_domains};
    asc_mix_support tokens, params;
    a.K = a.losses.K;
    a.params = isnan(o->params) ? laws->params_hi : o->params;
    asc_mix_support_of(&tokens, laws, NULL, o->n_tokens, NAN);
    asc_mix_support_of(&params, laws, NULL, laws->tokens_hi, a.params);
    a.n_tokens = tokens.withheld ? laws->tokens_hi : o->n_tokens;
    a.params = params.withheld ? laws->params_hi : a.params;
    if (a.losses.single && !asc__same_objective(a.losses.objective, &laws->objective))
        return ASC_FAIL(err, ASC_EINVAL, "a ddo law predicts only the objective it was fitted to");
    asc_status st = slice_all(&a, err);
    if (st == ASC_OK)
        *out = a.r;
    else
        asc_slices_clear(&a.r);
    asc_free(a.column);
    asc_free(a.failed);
    return st;
}
