/* The star design of Direct Data Optimization [K24], read from a table: a base run (or repeats of it), and runs that
 * differ from it in the tokens of one domain each. Its points on axis i are x = tokens / base tokens and y = objective
 * / objective of the base, means over the rows that hold the same; the base stands on every axis at x = 1, y = 1. */
#include "private.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SAME 1e-6 /* relative difference of tokens below which two rows hold the same */

void asc_ddo_star_clear(asc_ddo_star *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->n_domains; i++) {
        for (size_t k = 0; s->loss && s->loss[i] && k < s->n_points[i]; k++)
            asc_free(s->loss[i][k]);
        asc_free(s->loss ? s->loss[i] : NULL);
        asc_free(s->x ? s->x[i] : NULL);
        asc_free(s->y ? s->y[i] : NULL);
        asc_free(s->n_repeat ? s->n_repeat[i] : NULL);
    }
    asc_free(s->loss);
    asc_free(s->x);
    asc_free(s->y);
    asc_free(s->n_repeat);
    asc_free(s->n_points);
    asc_free(s->base);
    asc_free(s->loss_base);
    asc_free(s->noise);
    *s = (asc_ddo_star){0};
}

size_t asc__rows_differ(const asc_runs *t, size_t a, size_t b, size_t *which, size_t most)
{
    size_t n = 0, D = t->n_domains;
    assert(a < t->n_runs && b < t->n_runs && most > 0);
    for (size_t i = 0; i < D && n < most; i++) {
        double x = t->tokens[a * D + i], y = t->tokens[b * D + i];
        if (fabs(x - y) > SAME * fmax(x, y)) {
            *which = i;
            n++;
        }
    }
    return n;
}

/* Repeats of row b, rows that are no arm of a star around it, and how evenly the arms lie on both sides. */
typedef struct candidate {
    size_t repeats, broken, first_broken;
    long lean;
} candidate;

/* Row b as the base. all: count every row that is no arm, else stop at the first. */
static candidate look_at(const asc_runs *t, size_t b, bool all)
{
    candidate c = {.first_broken = ASC_NONE};
    for (size_t r = 0; r < t->n_runs && (all || !c.broken); r++) {
        size_t i = 0, n = asc__rows_differ(t, b, r, &i, 2);
        if (n == 0)
            c.repeats++;
        else if (n == 1)
            c.lean += t->tokens[r * t->n_domains + i] > t->tokens[b * t->n_domains + i] ? 1 : -1;
        else if (c.broken++ == 0)
            c.first_broken = r;
    }
    return c;
}

/* The row around which the others are a star: the one with most repeats, then the one in the middle of its arms. Where
 * there is none, the one that is nearest to it says which row is wrong. */
static asc_status find_base(const asc_runs *t, size_t *base, asc_error *err)
{
    candidate best = {0};
    size_t at = ASC_NONE;
    for (size_t b = 0; b < t->n_runs; b++) {
        candidate c = look_at(t, b, false);
        bool better =
            at == ASC_NONE || c.repeats > best.repeats || (c.repeats == best.repeats && labs(c.lean) < labs(best.lean));
        if (!c.broken && better) {
            best = c;
            at = b;
        }
    }
    if (at != ASC_NONE) {
        *base = at;
        return ASC_OK;
    }
    for (size_t b = 0; b < t->n_runs && b < 64; b++) { /* no star: the error names the best of the first few */
        candidate c = look_at(t, b, true);
        if (at == ASC_NONE || c.broken < best.broken) {
            best = c;
            at = b;
        }
    }
    assert(at != ASC_NONE && best.broken > 0); /* were it whole, it would be the base */
    size_t i, n = asc__rows_differ(t, at, best.first_broken, &i, t->n_domains);
    return ASC_FAIL(
        err, ASC_EINVAL,
        "ddo: the table is not a star: row %zu differs from the base (row %zu) in the tokens of %zu domains, "
        "expected 1",
        best.first_broken + 1, at + 1, n);
}

static asc_status check_rows(const asc_runs *t, const asc_objective *o, asc_error *err)
{
    size_t V = t->n_targets;
    if (t->n_runs < 3)
        return ASC_FAIL(err, ASC_EINVAL, "ddo: %zu rows, a star needs a base and runs around it", t->n_runs);
    for (size_t r = 0; r < t->n_runs; r++) {
        if (!(asc__total(t->tokens + r * t->n_domains, t->n_domains) > 0))
            return ASC_FAIL(err, ASC_EINVAL, "ddo: row %zu: tokens must be >= 0 with a sum > 0", r + 1);
        if (!isfinite(asc_objective_value(o, t->loss + r * V, V)))
            return ASC_FAIL(err, ASC_EINVAL, "ddo: row %zu: a loss needed for the objective is blank", r + 1);
        double p = t->params[r], q = t->params[0];
        if (fabs(p - q) > .01 * fabs(q) || isnan(p) != isnan(q))
            return ASC_FAIL(err, ASC_EINVAL, "ddo: row %zu has %g parameters, row 1 has %g; expected one size", r + 1,
                            p, q);
    }
    return ASC_OK;
}

static asc_status allocate(asc_ddo_star *s, asc_error *err)
{
    size_t D = s->n_domains, V = s->n_targets;
    s->base = asc_calloc(D, sizeof *s->base);
    s->n_points = asc_calloc(D, sizeof *s->n_points);
    s->x = asc_calloc(D, sizeof *s->x);
    s->y = asc_calloc(D, sizeof *s->y);
    s->n_repeat = asc_calloc(D, sizeof *s->n_repeat);
    s->loss = asc_calloc(D, sizeof *s->loss);
    s->loss_base = asc_calloc(V, sizeof *s->loss_base);
    s->noise = asc_calloc(V, sizeof *s->noise);
    bool ok = s->base && s->n_points && s->x && s->y && s->n_repeat && s->loss && s->loss_base && s->noise;
    return ok ? ASC_OK : ASC_NOMEM(err);
}

/* Room for one more point on axis i, at x in ascending order; returns its index or ASC_NONE. */
static size_t insert_point(asc_ddo_star *s, size_t i, double x)
{
    assert(i < s->n_domains && s->base[i] > 0);
    size_t n = s->n_points[i], at = 0;
    while (at < n && s->x[i][at] < x * (1 - SAME))
        at++;
    if (at < n && s->x[i][at] <= x * (1 + SAME))
        return at;
    double *xs = asc_reallocarray(s->x[i], n + 1, sizeof *xs);
    s->x[i] = xs ? xs : s->x[i];
    double *ys = asc_reallocarray(s->y[i], n + 1, sizeof *ys);
    s->y[i] = ys ? ys : s->y[i];
    size_t *reps = asc_reallocarray(s->n_repeat[i], n + 1, sizeof *reps);
    s->n_repeat[i] = reps ? reps : s->n_repeat[i];
    double **loss = asc_reallocarray(s->loss[i], n + 1, sizeof *loss);
    s->loss[i] = loss ? loss : s->loss[i];
    double *row = asc_calloc(s->n_targets, sizeof *row);
    if (!xs || !ys || !reps || !loss || !row) {
        asc_free(row);
        return ASC_NONE;
    }
    for (size_t k = n; k > at; k--) {
        xs[k] = xs[k - 1];
        ys[k] = ys[k - 1];
        reps[k] = reps[k - 1];
        loss[k] = loss[k - 1];
    }
    xs[at] = x;
    ys[at] = 0;
    reps[at] = 0;
    loss[at] = row;
    s->n_points[i]++;
    return at;
}

/* Add a row to a point's running means. */
static bool add_row(asc_ddo_star *s, size_t i, double x, double J, const double *loss)
{
    size_t at = insert_point(s, i, x);
    if (at == ASC_NONE)
        return false;
    double n = (double)++s->n_repeat[i][at];
    s->y[i][at] += (J - s->y[i][at]) / n;
    for (size_t v = 0; v < s->n_targets; v++)
        s->loss[i][at][v] += (loss[v] - s->loss[i][at][v]) / n;
    return true;
}

/* Every row into its point: the base, or one on the axis of the domain that it differs in. Then the base onto every
 * axis, and objectives relative to it. */
static asc_status add_rows(asc_ddo_star *s, const asc_runs *t, const asc_objective *o, size_t base, asc_error *err)
{
    size_t D = s->n_domains, V = s->n_targets;
    for (size_t r = 0; r < t->n_runs; r++) {
        size_t i = 0;
        double J = asc_objective_value(o, t->loss + r * V, V);
        if (asc__rows_differ(t, base, r, &i, 2) == 0) {
            s->n_base++;
            s->j_base += (J - s->j_base) / (double)s->n_base;
            for (size_t v = 0; v < V; v++)
                s->loss_base[v] += (t->loss[r * V + v] - s->loss_base[v]) / (double)s->n_base;
            continue;
        }
        if (!(s->base[i] > 0))
            return ASC_FAIL(err, ASC_EINVAL, "ddo: row %zu: the base holds no tokens of %s", r + 1, t->domains[i]);
        if (!add_row(s, i, t->tokens[r * D + i] / s->base[i], J, t->loss + r * V))
            return ASC_NOMEM(err);
    }
    for (size_t i = 0; i < D; i++) {
        if (!add_row(s, i, 1, s->j_base, s->loss_base))
            return ASC_NOMEM(err);
        for (size_t k = 0; k < s->n_points[i]; k++) {
            s->y[i][k] /= s->j_base;
            if (s->x[i][k] == 1)
                s->n_repeat[i][k] = s->n_base;
        }
    }
    return ASC_OK;
}

/* Standard deviation of each target's loss over repeats of one point, pooled over points. */
static void find_noise(asc_ddo_star *s, const asc_runs *t, size_t base)
{
    size_t V = s->n_targets, D = s->n_domains;
    for (size_t v = 0; v < V; v++) {
        double squares = 0, free = 0;
        for (size_t r = 0; r < t->n_runs; r++) {
            size_t i = 0;
            double mean = s->loss_base[v], x = t->loss[r * V + v];
            if (asc__rows_differ(t, base, r, &i, 2) > 0) {
                size_t at = insert_point(s, i, t->tokens[r * D + i] / s->base[i]); /* found, never made */
                assert(at != ASC_NONE && s->n_repeat[i][at] > 0);
                mean = s->loss[i][at][v];
            }
            squares += isnan(x) ? 0 : (x - mean) * (x - mean);
            free++;
        }
        free -= 1; /* a mean for the base, and one for every other point */
        for (size_t i = 0; i < D; i++)
            free -= (double)(s->n_points[i] - 1);
        s->noise[v] = free >= 1 && isfinite(squares) ? sqrt(squares / free) : NAN;
    }
}

/* Objectives are means so far while rows are added, and exact at the end whatever their order but for rounding. */
asc_status asc_ddo_star_find(asc_ddo_star *out, const asc_runs *runs, const asc_objective *objective, asc_error *err)
{
    asc_objective mean = {.kind = ASC_OBJ_MEAN_LOSS, .n_targets = runs->n_targets};
    const asc_objective *o = objective ? objective : &mean;
    size_t base = 0;
    asc_ddo_star s = {.n_domains = runs->n_domains, .n_targets = runs->n_targets, .n_rows = runs->n_runs};
    ASC_TRY(check_rows(runs, o, err));
    ASC_TRY(find_base(runs, &base, err));
    asc_status status = allocate(&s, err);
    if (status == ASC_OK) {
        memcpy(s.base, runs->tokens + base * s.n_domains, s.n_domains * sizeof *s.base);
        status = add_rows(&s, runs, o, base, err);
    }
    if (status != ASC_OK) {
        asc_ddo_star_clear(&s);
        return status;
    }
    find_noise(&s, runs, base);
    *out = s;
    return ASC_OK;
}
