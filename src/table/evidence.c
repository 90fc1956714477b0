/* What a table of runs can tell, asked before a law is fitted to it: whether its mixtures differ at all, in how many
 * directions, and which rows say the same thing twice. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "table/table.h"

/* Ours: shares that differ by less are one mixture (tables are written with six digits); a direction in which mixtures
 * spread by less than a thousandth of the widest one's spread teaches nothing that noise does not drown. */
#define SAME_SHARE 1e-6
#define THIN_SPREAD 1e-3
enum { MOST_DIRECTIONS = 512 }; /* domains for which directions are counted: a cubic cost */

static double share(const asc_runs *r, size_t row, size_t i)
{
    return r->total[row] > 0 ? r->tokens[row * r->n_domains + i] / r->total[row] : 0;
}

/* ---- copies ---- */

static int cmp_doubles(const double *a, const double *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (isnan(a[i]) || isnan(b[i])) {
            if (isnan(a[i]) != isnan(b[i]))
                return isnan(a[i]) ? -1 : 1;
        } else if (a[i] != b[i])
            return a[i] < b[i] ? -1 : 1;
    }
    return 0;
}

/* All that is measured and was asked for, to the last bit. */
static int cmp_content(const asc_runs *r, size_t a, size_t b)
{
    size_t D = r->n_domains, V = r->n_targets;
    int c = cmp_doubles(r->loss + a * V, r->loss + b * V, V);
    c = c ? c : cmp_doubles(r->tokens + a * D, r->tokens + b * D, D);
    c = c ? c : cmp_doubles(r->params + a, r->params + b, 1);
    return c ? c : cmp_doubles(r->horizon + a, r->horizon + b, 1);
}

static int cmp_rows(const void *x, const void *y, void *ctx)
{
    size_t a = *(const size_t *)x, b = *(const size_t *)y;
    int c = cmp_content(ctx, a, b);
    return c ? c : a < b ? -1 : a > b;
}

static bool any_loss(const asc_runs *r, size_t row)
{
    for (size_t v = 0; v < r->n_targets; v++)
        if (!isnan(r->loss[row * r->n_targets + v]))
            return true;
    return false;
}

static int cmp_numbers(const void *x, const void *y)
{
    size_t a = *(const size_t *)x, b = *(const size_t *)y;
    return a < b ? -1 : a > b;
}

/* Rows (R) that are no copies of earlier ones, in order; *n of them. first: a copy and what it copies. */
static asc_status find_unique(size_t *keep, size_t *n, size_t first[2], const asc_runs *r, asc_error *err)
{
    size_t *sorted = asc_calloc(r->n_runs + 1, sizeof *sorted), original = 0;
    if (!sorted)
        return ASC_NOMEM(err);
    for (size_t i = 0; i < r->n_runs; i++)
        sorted[i] = i;
    qsort_r(sorted, r->n_runs, sizeof *sorted, cmp_rows, (void *)r);
    *n = 0;
    for (size_t i = 0; i < r->n_runs; i++) {
        bool copy = i > 0 && any_loss(r, sorted[i]) && cmp_content(r, sorted[i], original) == 0;
        if (!copy)
            keep[(*n)++] = original = sorted[i];
        else if (first[0] == first[1] || sorted[i] < first[1]) {
            first[0] = original;
            first[1] = sorted[i];
        }
    }
    qsort(keep, *n, sizeof *keep, cmp_numbers);
    asc_free(sorted);
    return ASC_OK;
}

/* Groups numbered anew, without those that have no row any more. */
static asc_status renumber(asc_runs *r, asc_error *err)
{
    size_t *of = asc_calloc(r->n_groups + 1, sizeof *of), n = 0;
    if (!of)
        return ASC_NOMEM(err);
    for (size_t i = 0; i < r->n_runs; i++) {
        size_t g = r->group[i];
        if (of[g] == 0)
            of[g] = ++n;
        r->group[i] = of[g] - 1;
    }
    r->n_groups = n;
    asc_free(of);
    return ASC_OK;
}

static asc_status drop_copies(asc_runs *out, asc_table *t, asc_error *err)
{
    const asc_runs *r = &t->runs;
    size_t n = 0, first[2] = {0, 0}, *keep = asc_calloc(r->n_runs + 1, sizeof *keep);
    asc_status st = keep ? find_unique(keep, &n, first, r, err) : ASC_NOMEM(err);
    if (st == ASC_OK && n < r->n_runs)
        asc_notes_say(&t->notes, COPIED_ROWS, r->n_runs - n, r->n_runs, first[0] + 1, first[1] + 1);
    if (st == ASC_OK)
        st = asc_runs_select(out, r, keep, n, err);
    if (st == ASC_OK)
        st = renumber(out, err);
    asc_free(keep);
    return st;
}

/* ---- directions ---- */

static bool one_mixture(const asc_runs *r)
{
    for (size_t k = 1; k < r->n_runs; k++)
        for (size_t i = 0; i < r->n_domains; i++)
            if (fabs(share(r, k, i) - share(r, 0, i)) > SAME_SHARE)
                return false;
    return true;
}

/* Covariance (D,D) of the shares. */
static void spread(double *cov, double *mean, const asc_runs *r)
{
    size_t D = r->n_domains, R = r->n_runs;
    for (size_t k = 0; k < R; k++)
        for (size_t i = 0; i < D; i++)
            mean[i] += share(r, k, i) / (double)R;
    for (size_t k = 0; k < R; k++)
        for (size_t i = 0; i < D; i++)
            for (size_t j = 0; j <= i; j++)
                cov[i * D + j] += (share(r, k, i) - mean[i]) * (share(r, k, j) - mean[j]) / (double)R;
    for (size_t i = 0; i < D; i++)
        for (size_t j = 0; j < i; j++)
            cov[j * D + i] = cov[i * D + j];
}

/* Rank of a covariance by elimination with the largest pivot first; those below THIN_SPREAD^2 of the first are none. */
static size_t rank_of(double *a, size_t D)
{
    double first = 0;
    for (size_t rank = 0; rank < D; rank++) {
        size_t p = 0;
        for (size_t i = 1; i < D; i++)
            if (a[i * D + i] > a[p * D + p])
                p = i;
        double pivot = a[p * D + p];
        first = rank == 0 ? pivot : first;
        if (!(pivot > THIN_SPREAD * THIN_SPREAD * first))
            return rank;
        for (size_t i = 0; i < D; i++) {
            double factor = i == p ? 0 : a[i * D + p] / pivot;
            for (size_t j = 0; j < D && factor != 0; j++)
                a[i * D + j] -= factor * a[p * D + j];
        }
        for (size_t i = 0; i < D; i++)
            a[i * D + p] = a[p * D + i] = 0;
    }
    return D;
}

static void name_fixed(asc_buf *b, const double *cov, const asc_runs *r)
{
    size_t D = r->n_domains, n = 0;
    for (size_t i = 0; i < D; i++)
        if (cov[i * D + i] <= SAME_SHARE * SAME_SHARE && n++ < 4)
            asc_buf_printf(b, "%s'%s'", n > 1 ? ", " : "", r->domains[i]);
    if (n > 4)
        asc_buf_printf(b, " and %zu more", n - 4);
}

static asc_status note_directions(asc_notes *notes, const asc_runs *r, asc_error *err)
{
    size_t D = r->n_domains;
    if (D > MOST_DIRECTIONS || D < 2)
        return ASC_OK;
    double *cov = asc_calloc(D * D, sizeof *cov), *mean = asc_calloc(D, sizeof *mean);
    asc_buf fixed = {0};
    asc_status st = cov && mean ? ASC_OK : ASC_NOMEM(err);
    if (st == ASC_OK) {
        spread(cov, mean, r);
        name_fixed(&fixed, cov, r);
        size_t rank = rank_of(cov, D);
        if (rank + 1 < D && !fixed.oom)
            asc_notes_say(notes, FEW_DIRECTIONS, rank, D - 1, fixed.len ? "; one share in every row: " : "",
                          fixed.len ? fixed.data : "");
    }
    asc_buf_clear(&fixed);
    asc_free(cov);
    asc_free(mean);
    return st;
}

asc_status asc_table_evidence(asc_runs *out, asc_table *t, asc_error *err)
{
    asc_runs r = {0};
    asc_status st = drop_copies(&r, t, err);
    if (st == ASC_OK && one_mixture(&r))
        st = ASC_FAIL(err, ASC_EINVAL,
                      "%s%zu row%s ha%s the same mixture ('%s' %.4g %%, ...): a domain's effect cannot be estimated; "
                      "runs with other mixtures are required",
                      t->runs.n_runs > 1 ? "all " : "", t->runs.n_runs, t->runs.n_runs == 1 ? "" : "s",
                      t->runs.n_runs == 1 ? "s" : "ve", r.domains[0], 100 * share(&r, 0, 0));
    if (st == ASC_OK)
        st = note_directions(&t->notes, &r, err);
    if (st == ASC_OK)
        *out = r;
    else
        asc_runs_clear(&r);
    return st;
}
