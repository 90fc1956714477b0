/* Gaussian processes of many laws at one point. Laws of one table were fitted to the same runs, so that the distances
 * from the point to the runs are the same for all of them: they are found once, and each law's factor is a sum over
 * them. The form is that of asc_gp in law.h; whoever uses this tries it out against asc_law_predict first. */
#include "worlds.h"

#include <assert.h>
#include <math.h>
#include <string.h>

size_t asc__count_processes(const asc_law *l)
{
    size_t n = l->gp.n > 0;
    for (size_t k = 0; k < l->n_parts; k++)
        n += asc__count_processes(&l->parts[k]);
    return n;
}

static void take(asc__processes *p, const asc_law *l)
{
    if (l->gp.n > 0) {
        p->bare[p->n] = *l;
        p->bare[p->n].gp.n = 0;
        p->law[p->n++] = l;
    }
    for (size_t k = 0; k < l->n_parts; k++)
        take(p, &l->parts[k]);
}

static bool same_inputs(const asc_gp *a, const asc_gp *b)
{
    return a->n == b->n && a->n_features == b->n_features &&
           memcmp(a->inputs, b->inputs, a->n * a->n_features * sizeof *a->inputs) == 0;
}

/* The first law with the same runs, size and units stands for all of them. */
static void find_groups(asc__processes *p)
{
    size_t at = 0;
    for (size_t j = 0; j < p->n; j++) {
        const asc_law *a = p->law[j];
        p->group[j] = j;
        for (size_t k = 0; k < j && p->group[j] == j; k++) {
            const asc_law *b = p->law[k];
            if (p->group[k] == k && a->has_tokens == b->has_tokens && a->has_params == b->has_params &&
                a->unit_tokens == b->unit_tokens && a->unit_params == b->unit_params && same_inputs(&a->gp, &b->gp))
                p->group[j] = k;
        }
        p->offset[j] = p->group[j] == j ? at : p->offset[p->group[j]];
        at += p->group[j] == j ? a->gp.n : 0;
    }
}

asc_status asc__processes_init(asc__processes *p, const asc_law_set *laws, asc_error *err)
{
    size_t n = 0, rows = 0;
    *p = (asc__processes){.D = laws->n_domains};
    for (size_t v = 0; v < laws->n_laws; v++)
        n += asc__count_processes(&laws->laws[v]);
    p->law = asc_calloc(n + 1, sizeof(asc_law *));
    p->bare = asc_calloc(n + 1, sizeof *p->bare);
    p->group = asc_calloc(n + 1, 2 * sizeof *p->group);
    p->factor = asc_calloc(n + 1, (1 + p->D) * sizeof *p->factor);
    p->unused = asc_calloc(n + 1, sizeof *p->unused);
    if (!p->law || !p->bare || !p->group || !p->factor || !p->unused)
        return ASC_NOMEM(err);
    p->offset = p->group + n;
    p->slope = p->factor + n;
    for (size_t v = 0; v < laws->n_laws; v++)
        take(p, &laws->laws[v]);
    for (size_t j = 0; j < p->n; j++)
        rows += p->law[j]->gp.n;
    assert(p->n == n);
    find_groups(p);
    p->distance = asc_calloc(rows + 1, sizeof *p->distance);
    return p->distance ? ASC_OK : ASC_NOMEM(err);
}

void asc__processes_clear(asc__processes *p)
{
    asc_free(p->law);
    asc_free(p->bare);
    asc_free(p->group);
    asc_free(p->unused);
    asc_free(p->factor);
    asc_free(p->distance);
    *p = (asc__processes){0};
}

/* ---- at a point ---- */

static size_t inputs_of(const asc__processes *p, const asc_law *l, double *s, double *total)
{
    size_t at = p->D;
    double N = 0;
    assert(p->tokens);
    for (size_t i = 0; i < p->D; i++)
        N += p->tokens[i];
    for (size_t i = 0; i < p->D; i++)
        s[i] = sqrt(p->tokens[i] / N);
    if (l->has_tokens)
        s[at++] = ASC_GP_LOG_SCALE * log(N / l->unit_tokens);
    if (l->has_params)
        s[at++] = ASC_GP_LOG_SCALE * log(p->params / l->unit_params);
    *total = N;
    return at;
}

static void distances(void *ctx, size_t j)
{
    asc__processes *p = ctx;
    const asc_gp *g = &p->law[j]->gp;
    size_t F = g->n_features;
    double s[p->D + 2], N, *out = p->distance + p->offset[j];
    if (p->group[j] != j || inputs_of(p, p->law[j], s, &N) != F)
        return;
    for (size_t r = 0; r < g->n; r++) {
        const double *x = g->inputs + r * F;
        double a = 0, b = 0;
        size_t f = 0;
        for (; f + 1 < F; f += 2) {
            a += (s[f] - x[f]) * (s[f] - x[f]);
            b += (s[f + 1] - x[f + 1]) * (s[f + 1] - x[f + 1]);
        }
        out[r] = a + b + (f < F ? (s[f] - x[f]) * (s[f] - x[f]) : 0);
    }
}

/* slope (F) += sum of c_r x_r, four rows at a time. */
static void add_rows(double *slope, const double *c, const double *x, size_t n, size_t F)
{
    size_t r = 0;
    for (; r + 4 <= n; r += 4) {
        const double *a = x + r * F, *b = a + F, *d = b + F, *e = d + F;
        for (size_t f = 0; f < F; f++)
            slope[f] += (c[r] * a[f] + c[r + 1] * b[f]) + (c[r + 2] * d[f] + c[r + 3] * e[f]);
    }
    for (; r < n; r++)
        for (size_t f = 0; f < F; f++)
            slope[f] += c[r] * x[r * F + f];
}

/* d ln factor / d tokens from that by the inputs. */
static void to_tokens(double *out, const asc__processes *p, const asc_law *l, const double *slope, const double *s,
                      double N)
{
    assert(N > 0);
    double along = 0, dN = l->has_tokens ? ASC_GP_LOG_SCALE * slope[p->D] / N : 0;
    for (size_t i = 0; i < p->D; i++) {
        out[i] = slope[i] * .5 / fmax(s[i], 1e-3); /* a root is steep at 0: held, as the law holds it */
        along += p->tokens[i] / N * out[i];
    }
    for (size_t i = 0; i < p->D; i++)
        out[i] = (out[i] - along) / N + dN;
}

static void process(void *ctx, size_t j)
{
    asc__processes *p = ctx;
    if (p->unused[j] || asc_interrupted())
        return;
    const asc_law *l = p->law[j];
    const asc_gp *g = &l->gp;
    size_t F = g->n_features;
    double s[p->D + 2], slope[F + 1], c[g->n + 1], N, value = g->mean, sum = 0, k = 1 / (g->length * g->length);
    if (inputs_of(p, l, s, &N) != F) {
        p->factor[j] = NAN;
        return;
    }
    for (size_t f = 0; f < F; f++) {
        slope[f] = g->linear ? g->linear[f] : 0;
        value += slope[f] * s[f];
    }
    for (size_t r = 0; r < g->n; r++) {
        c[r] = g->alpha[r] * exp(-.5 * k * p->distance[p->offset[j] + r]);
        sum += c[r];
    }
    p->factor[j] = exp(value + sum);
    if (!p->want_slope)
        return;
    for (size_t r = 0; r < g->n; r++)
        c[r] *= k;
    add_rows(slope, c, g->inputs, g->n, F);
    for (size_t f = 0; f < F; f++)
        slope[f] -= k * sum * s[f];
    to_tokens(p->slope + j * p->D, p, l, slope, s, N);
}

void asc__processes_at(asc__processes *p, const double *tokens, double params, bool slopes, int n_threads)
{
    p->tokens = tokens;
    p->params = params;
    p->want_slope = slopes;
    size_t work = 0;
    for (size_t j = 0; j < p->n; j++)
        work += p->law[j]->gp.n * (slopes ? p->D : 8);
    asc_parallel_for(1, p->n, distances, p);
    asc_parallel_for(work > 100000 ? n_threads : 1, p->n, process, p);
}
