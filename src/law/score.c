/* The error of fitted laws on runs that they never saw. */
#include "private.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

void asc_law_errors_free(asc_law_error *e, size_t n)
{
    for (size_t i = 0; e && i < n; i++)
        asc_free(e[i].target);
    asc_free(e);
}

typedef struct scoring {
    const asc_law_set *s;
    const asc_runs *t;
    size_t *domain; /* (D) column of the table for each domain of the law */
    size_t *target; /* (V) column, or ASC_NONE */
    double *tokens; /* (R,D) in the law's order */
    double *pred;   /* (V,R), or (1,R) for ddo */
    double *y;      /* (V,R) */
    bool *last;     /* (R) rows at the largest tokens of their params */
    size_t *group;  /* (R) by params */
    size_t n_groups;
} scoring;

static void clear(scoring *c)
{
    asc_free(c->domain);
    asc_free(c->target);
    asc_free(c->tokens);
    asc_free(c->pred);
    asc_free(c->y);
    asc_free(c->last);
    asc_free(c->group);
}

static size_t find(const char *name, char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (names[i] && strcmp(names[i], name) == 0)
            return i;
    return ASC_NONE;
}

static asc_status match(scoring *c, asc_error *err)
{
    size_t any = 0;
    for (size_t i = 0; i < c->s->n_domains; i++) {
        c->domain[i] = find(c->s->domains[i], c->t->domains, c->t->n_domains);
        if (c->domain[i] == ASC_NONE)
            return ASC_FAIL(err, ASC_EINVAL, "the table has no domain '%s', which the law was fitted to",
                            c->s->domains[i]);
    }
    for (size_t v = 0; v < c->s->n_targets; v++) {
        c->target[v] = find(c->s->targets[v], c->t->targets, c->t->n_targets);
        any += c->target[v] != ASC_NONE;
    }
    if (!any)
        return ASC_FAIL(err, ASC_EINVAL, "the table has no loss of any target of the law ('%s', ...)",
                        c->s->n_targets ? c->s->targets[0] : "");
    /* Tokens of a domain that the law does not know cannot be scored. */
    for (size_t j = 0; j < c->t->n_domains; j++) {
        if (find(c->t->domains[j], c->s->domains, c->s->n_domains) != ASC_NONE)
            continue;
        for (size_t r = 0; r < c->t->n_runs; r++)
            if (c->t->tokens[r * c->t->n_domains + j] > 0)
                return ASC_FAIL(err, ASC_EINVAL, "row %zu uses domain '%s', which is not in the law", r + 1,
                                c->t->domains[j]);
    }
    return ASC_OK;
}

static bool same_size(double a, double b)
{
    return (isnan(a) && isnan(b)) || fabs(a - b) <= .01 * fabs(b);
}

static void group_rows(scoring *c)
{
    const asc_runs *t = c->t;
    for (size_t r = 0; r < t->n_runs; r++) {
        size_t q = 0;
        while (q < r && !same_size(t->params[r], t->params[q]))
            q++;
        c->group[r] = q < r ? c->group[q] : c->n_groups++;
    }
    for (size_t r = 0; r < t->n_runs; r++) {
        c->last[r] = true;
        for (size_t q = 0; q < t->n_runs && c->last[r]; q++)
            if (c->group[q] == c->group[r] && t->total[q] > t->total[r] * 1.01)
                c->last[r] = false;
    }
}

static asc_status init(scoring *c, const asc_law_set *s, const asc_runs *t, asc_error *err)
{
    size_t R = t->n_runs, D = s->n_domains, V = s->n_targets;
    *c = (scoring){.s = s, .t = t};
    c->domain = asc_calloc(D + 1, sizeof *c->domain);
    c->target = asc_calloc(V + 1, sizeof *c->target);
    c->tokens = asc_calloc(R * D + 1, sizeof *c->tokens);
    c->pred = asc_calloc(V * R + 1, sizeof *c->pred);
    c->y = asc_calloc(V * R + 1, sizeof *c->y);
    c->last = asc_calloc(R + 1, sizeof *c->last);
    c->group = asc_calloc(R + 1, sizeof *c->group);
    if (!c->domain || !c->target || !c->tokens || !c->pred || !c->y || !c->last || !c->group)
        return ASC_NOMEM(err);
    if (R == 0)
        return ASC_FAIL(err, ASC_EINVAL, "the table has no rows");
    ASC_TRY(match(c, err));
    for (size_t r = 0; r < R; r++) {
        for (size_t i = 0; i < D; i++)
            c->tokens[r * D + i] = t->tokens[r * t->n_domains + c->domain[i]];
        for (size_t v = 0; v < V; v++)
            c->y[v * R + r] = c->target[v] == ASC_NONE ? NAN : t->loss[r * t->n_targets + c->target[v]];
    }
    group_rows(c);
    for (size_t v = 0; v < s->n_laws; v++)
        ASC_TRY(asc_law_predict_many(c->pred + v * R, &s->laws[v], R, c->tokens, t->params, NAN, 1, err));
    return ASC_OK;
}

/* Mean over sizes of Spearman's correlation, and of the regret of the best predicted, at each size's last tokens. */
static void by_group(const scoring *c, const double *pred, const double *y, double *spearman, double *regret)
{
    size_t R = c->t->n_runs, m = 0, m_regret = 0;
    assert(R > 0 && c->n_groups <= R);
    double a[R], b[R], sum = 0, sum_regret = 0;
    for (size_t g = 0; g < c->n_groups; g++) {
        size_t n = 0, chosen = 0, best = 0;
        for (size_t r = 0; r < R; r++)
            if (c->group[r] == g && c->last[r] && !isnan(pred[r]) && !isnan(y[r])) {
                a[n] = pred[r];
                b[n] = y[r];
                chosen = a[n] < a[chosen] ? n : chosen;
                best = b[n] < b[best] ? n : best;
                n++;
            }
        double rho = asc_spearman(a, b, n);
        if (!isnan(rho)) {
            sum += rho;
            m++;
        }
        if (n >= 2) {
            sum_regret += b[chosen] - b[best];
            m_regret++;
        }
    }
    *spearman = m ? sum / (double)m : NAN;
    *regret = m_regret ? sum_regret / (double)m_regret : NAN;
}

/* Share of rows inside the 90 % band, and the band's median width. */
static asc_status coverage(const scoring *c, size_t v, asc_law_error *e, asc_error *err)
{
    size_t R = c->t->n_runs, D = c->s->n_domains, n = 0, inside = 0;
    assert(v < c->s->n_laws);
    const asc_law *l = &c->s->laws[v];
    e->coverage = e->width = NAN;
    if (isnan(l->band[1]))
        return ASC_OK;
    double *width = asc_calloc(R + 1, sizeof *width);
    if (!width)
        return ASC_NOMEM(err);
    for (size_t r = 0; r < R; r++) {
        double y = c->y[v * R + r], lo, hi;
        if (isnan(y) || !asc_law_band(l, c->tokens + r * D, c->t->params[r], 1, &lo, &hi))
            continue;
        inside += y >= lo && y <= hi;
        width[n++] = hi - lo;
    }
    if (n) {
        e->coverage = (double)inside / (double)n;
        e->width = asc_quantile(width, n, .5);
    }
    asc_free(width);
    return ASC_OK;
}

static asc_status fill(const scoring *c, asc_law_error *e, const char *name, const double *pred, const double *y,
                       asc_error *err)
{
    double regret;
    size_t R = c->t->n_runs;
    e->target = asc_strdup(name);
    e->mre = asc_mean_relative_error(pred, y, R);
    e->rmse = asc_rmse(pred, y, R);
    e->coverage = e->width = NAN;
    by_group(c, pred, y, &e->spearman, &regret);
    e->regret = regret;
    for (size_t r = 0; r < R; r++)
        e->n_rows += !isnan(pred[r]) && !isnan(y[r]);
    return e->target ? ASC_OK : ASC_NOMEM(err);
}

/* J predicted and measured of every row; pred and y (R). */
static void objective_rows(const scoring *c, double *pred, double *y)
{
    size_t R = c->t->n_runs, V = c->s->n_targets;
    bool ddo = asc_law_set_of_objective(c->s);
    double p[V + 1], q[V + 1];
    for (size_t r = 0; r < R; r++) {
        for (size_t v = 0; v < V; v++) {
            p[v] = ddo ? NAN : c->pred[v * R + r];
            q[v] = c->y[v * R + r];
        }
        pred[r] = ddo ? c->pred[r] : asc_objective_value(&c->s->objective, p, V);
        y[r] = asc_objective_value(&c->s->objective, q, V);
    }
}

static asc_status score(const scoring *c, asc_law_error **targets, size_t *n, asc_law_error *objective, asc_error *err)
{
    size_t R = c->t->n_runs, V = c->s->n_laws;
    bool ddo = asc_law_set_of_objective(c->s);
    asc_law_error *e = asc_calloc(V + 1, sizeof *e), whole = {0};
    double *rows = asc_calloc(2 * R + 1, sizeof *rows);
    asc_status s = e && rows ? ASC_OK : ASC_NOMEM(err);
    for (size_t v = 0; s == ASC_OK && !ddo && v < V; v++) {
        s = fill(c, &e[v], c->s->targets[v], c->pred + v * R, c->y + v * R, err);
        e[v].regret = NAN;
        if (s == ASC_OK)
            s = coverage(c, v, &e[v], err);
    }
    if (s == ASC_OK) {
        objective_rows(c, rows, rows + R);
        s = fill(c, &whole, "objective", rows, rows + R, err);
    }
    asc_free(rows);
    if (s != ASC_OK || ddo) {
        asc_law_errors_free(e, V);
        e = NULL;
    }
    if (s != ASC_OK) {
        asc_free(whole.target);
        return s;
    }
    *targets = e;
    *n = ddo ? 0 : V;
    *objective = whole;
    return ASC_OK;
}

asc_status asc_law_score_runs(asc_law_error **targets, size_t *n_targets, asc_law_error *objective,
                              const asc_law_set *s, const asc_runs *runs, asc_error *err)
{
    scoring c;
    asc_status status = init(&c, s, runs, err);
    if (status == ASC_OK)
        status = score(&c, targets, n_targets, objective, err);
    clear(&c);
    return status;
}
