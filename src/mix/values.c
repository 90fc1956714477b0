/* What a domain is worth: losses a little to the side, draw by draw. */
#include "mix/mix_values.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "losses.h"
#include "optimum.h"

static const double point = .01, more = .01; /* of share, of the budget */

typedef struct valuer {
    const asc_law_set *laws;
    asc__losses losses;
    size_t D, V, K;
    double *tokens; /* (1 + 2 D, D): the base, a point more of each, a hundredth of the budget more of each */
    double *by;     /* (D) by how much each share is moved */
    double *value;  /* (1 + 2 D, V + 1, K + 1) the last is the estimate */
    double *about;  /* the same, draws laid about the fit */
    asc_values r;
} valuer;

void asc_values_clear(asc_values *v)
{
    if (!v)
        return;
    asc_free(v->shares);
    asc_free(v->per_point);
    asc_free(v->per_token);
    *v = (asc_values){0};
}

static size_t place(const valuer *a, size_t p, size_t v)
{
    assert(p < 1 + 2 * a->D && v <= a->V);
    return (p * (a->V + 1) + v) * (a->K + 1);
}

/* All laws at one of the points, under every draw. */
static void evaluate(void *ctx, size_t p)
{
    const valuer *a = ctx;
    const double *tokens = a->tokens + p * a->D;
    double *value = a->value + place(a, p, 0), column[a->K + 1];
    asc__losses_at(value, &a->losses, tokens, a->r.params);
    asc__losses_about_fit(a->about + place(a, p, 0), value, &a->losses, tokens, a->r.params, column);
}

/* Did the share of a domain never vary, or has its axis no curve? Then no table says what another would do, and it
 * stays where it is. */
static bool is_fixed(const valuer *a, size_t i)
{
    if (a->losses.single && asc__has_no_curve(a->laws->laws, i))
        return true;
    return a->laws->share_hi[i] - a->laws->share_lo[i] <= 1e-9;
}

/* A point more of domain i (less where there is no room above), the others that ever varied less in proportion. */
static double shift(const valuer *a, size_t i, double *tokens)
{
    const double *w = a->r.shares;
    double others = 0;
    size_t n = 0;
    for (size_t j = 0; j < a->D; j++)
        if (j != i && !is_fixed(a, j)) {
            others += w[j];
            n++;
        }
    double by = w[i] + point <= 1 && others >= point ? point : -point;
    for (size_t j = 0; j < a->D; j++) {
        double share = w[j];
        if (j == i)
            share += by;
        else if (!is_fixed(a, j))
            share = others > 0 ? w[j] * (others - by) / others : -by / (double)n;
        tokens[j] = a->r.n_tokens * share;
    }
    return by;
}

/* A hundredth of the budget more of domain i on top; shares that never varied stay. */
static void add(const valuer *a, size_t i, double *tokens)
{
    double fixed = 0, N = a->r.n_tokens;
    for (size_t j = 0; j < a->D; j++)
        fixed += j != i && is_fixed(a, j) ? a->r.shares[j] : 0;
    for (size_t j = 0; j < a->D; j++)
        tokens[j] = N * a->r.shares[j] * (j != i && is_fixed(a, j) ? 1 + more / (1 - fixed) : 1);
    tokens[i] += more * N;
}

static void set_points(valuer *a)
{
    size_t D = a->D;
    for (size_t i = 0; i < D; i++) {
        a->tokens[i] = a->r.n_tokens * a->r.shares[i];
        a->by[i] = shift(a, i, a->tokens + (1 + i) * D);
        add(a, i, a->tokens + (1 + D + i) * D);
    }
}

static asc_difference summarise(const valuer *a, size_t p, size_t v, double per, double level, double *room)
{
    const double *x = a->value + place(a, p, v), *base = a->value + place(a, 0, v);
    asc__question q = {.x = x, .minus = base, .K = a->K, .scale = per, .level = level, .room = room};
    q.about = a->about + place(a, p, v);
    q.minus_about = a->about + place(a, 0, v);
    asc_difference d = {(x[a->K] - base[a->K]) * per, NAN, NAN, NAN};
    asc__answer(&d, &q);
    return d;
}

static asc_status fill(valuer *a, const asc_values_opts *o, asc_error *err)
{
    const asc_law_set *s = a->laws;
    size_t D = a->D, V = a->V;
    double level = o->level > 0 ? o->level : .9;
    bool one_budget = !(s->tokens_hi > s->tokens_lo * 1.01);
    double *room = asc_calloc(a->K + 1, sizeof *room);
    if (!room)
        return ASC_NOMEM(err);
    for (size_t i = 0; i < D; i++)
        for (size_t v = 0; v <= V; v++) {
            const asc_difference untold = {NAN, NAN, NAN, NAN};
            bool fixed = D < 2 || is_fixed(a, i);
            a->r.per_point[i * (V + 1) + v] = fixed ? untold : summarise(a, 1 + i, v, a->by[i] / point, level, room);
            a->r.per_token[i * (V + 1) + v] =
                one_budget || fixed ? untold : summarise(a, 1 + D + i, v, 1 / (more * a->r.n_tokens), level, room);
        }
    asc_free(room);
    return ASC_OK;
}

static asc_status prepare(valuer *a, const asc_values_opts *o, asc_error *err)
{
    const asc_law_set *s = a->laws;
    size_t D = a->D, points = 1 + 2 * D;
    double sum = 0;
    asc_values *r = &a->r;
    r->n_domains = D;
    r->n_targets = a->V;
    r->n_draws = a->K;
    r->params = isnan(o->params) ? s->params_hi : o->params;
    r->shares = asc_calloc(D, sizeof *r->shares);
    r->per_point = asc_calloc(D * (a->V + 1), sizeof *r->per_point);
    r->per_token = asc_calloc(D * (a->V + 1), sizeof *r->per_token);
    a->tokens = asc_calloc(points * D, sizeof *a->tokens);
    a->by = asc_calloc(D, sizeof *a->by);
    a->value = asc_calloc(points * asc__losses_size(&a->losses), sizeof *a->value);
    a->about = asc_calloc(points * asc__losses_size(&a->losses), sizeof *a->about);
    if (!r->shares || !r->per_point || !r->per_token || !a->tokens || !a->by || !a->value || !a->about)
        return ASC_NOMEM(err);
    const double *shares = o->shares ? o->shares : s->base_tokens;
    for (size_t i = 0; i < D; i++)
        sum += shares[i];
    r->n_tokens = !isnan(o->n_tokens) ? o->n_tokens : o->shares ? s->tokens_hi : sum;
    for (size_t i = 0; i < D; i++)
        r->shares[i] = sum > 0 ? shares[i] / sum : 1 / (double)D;
    set_points(a);
    return ASC_OK;
}

static asc_status value_all(valuer *a, const asc_values_opts *o, asc_error *err)
{
    if (a->losses.single && !asc__same_objective(a->losses.objective, &a->laws->objective))
        return ASC_FAIL(err, ASC_EINVAL, "a ddo law predicts only the objective it was fitted to");
    ASC_TRY(prepare(a, o, err));
    asc_parallel_for(o->n_threads > 0 ? o->n_threads : asc_cpu_count(), 1 + 2 * a->D, evaluate, a);
    if (asc_interrupted())
        return ASC_FAIL(err, ASC_EINTR, "interrupted");
    return fill(a, o, err);
}

asc_status asc_values_of(asc_values *out, const asc_law_set *laws, const asc_values_opts *o, asc_error *err)
{
    valuer a = {.laws = laws, .D = laws->n_domains, .V = laws->n_targets};
    a.losses = asc__losses_of(laws, o->objective, o->most_draws);
    a.K = a.losses.K;
    asc_status st = value_all(&a, o, err);
    if (st == ASC_OK)
        *out = a.r;
    else
        asc_values_clear(&a.r);
    asc_free(a.tokens);
    asc_free(a.by);
    asc_free(a.value);
    asc_free(a.about);
    return st;
}
