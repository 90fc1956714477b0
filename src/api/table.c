/* Tables of runs: asc_table is the table room's own, read from a file, a text, or the caller's arrays. */
#include "facade.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "table/table.h"

static asc_status create(asc_table **out, asc_error *err)
{
    *out = asc_calloc(1, sizeof **out);
    return *out ? ASC_OK : ASC_NOMEM(err);
}

asc_status asc_table_load(asc_table **out, const char *path, asc_error *err)
{
    asc_table *t = NULL;
    ASC__NEEDS(out, err);
    ASC__NEEDS(path, err);
    ASC_TRY(create(&t, err));
    asc_status st = asc_table_read(t, path, err);
    if (st == ASC_OK)
        *out = t;
    else
        asc_table_free(t);
    return st;
}

asc_status asc_table_from_text(asc_table **out, const char *name, const char *text, size_t n, asc_error *err)
{
    asc_table *t = NULL;
    ASC__NEEDS(out, err);
    ASC__NEEDS(text, err);
    ASC_TRY(create(&t, err));
    asc_status st = asc_table_parse(t, name ? name : "table", text, n, err);
    if (st == ASC_OK)
        *out = t;
    else
        asc_table_free(t);
    return st;
}

/* What a file's row is asked too (table/runs.c); *total its tokens. */
static asc_status check_row(const asc_table_arrays *a, size_t r, double *total, asc_error *err)
{
    *total = 0;
    for (size_t i = 0; i < a->n_domains; i++) {
        double x = a->tokens[r * a->n_domains + i];
        if (!(x >= 0 && isfinite(x)))
            return ASC_FAIL(err, ASC_EINVAL, "row %zu: tokens of '%s': expected a number >= 0, found %g", r,
                            a->domains[i], x);
        *total += x;
    }
    if (!(*total > 0))
        return ASC_FAIL(err, ASC_EINVAL, "row %zu: all its tokens are 0", r);
    for (size_t v = 0; v < a->n_targets; v++) {
        double x = a->losses[r * a->n_targets + v];
        if (!isnan(x) && !(x >= 0 && isfinite(x)))
            return ASC_FAIL(err, ASC_EINVAL, "row %zu: loss of '%s': expected nats per token >= 0, found %g", r,
                            a->targets[v], x);
    }
    if (a->params && !isnan(a->params[r]) && !(a->params[r] > 0 && isfinite(a->params[r])))
        return ASC_FAIL(err, ASC_EINVAL, "row %zu: params: expected a number > 0, found %g", r, a->params[r]);
    if (a->horizon && !isnan(a->horizon[r]) && !(a->horizon[r] > 0 && isfinite(a->horizon[r])))
        return ASC_FAIL(err, ASC_EINVAL, "row %zu: horizon: expected tokens > 0, found %g", r, a->horizon[r]);
    return ASC_OK;
}

/* Rows of one run side by side, in their own order. */
static int cmp_runs(const void *x, const void *y, void *ctx)
{
    size_t a = *(const size_t *)x, b = *(const size_t *)y;
    const size_t *run = ctx;
    return run[a] != run[b] ? (run[a] < run[b] ? -1 : 1) : (a > b) - (a < b);
}

/* Runs numbered from 0 in the order in which they first stand. */
static asc_status number_runs(asc_runs *runs, const size_t *run, asc_error *err)
{
    size_t R = runs->n_runs, *sorted = asc_calloc(R, 2 * sizeof *sorted), *first = sorted ? sorted + R : NULL;
    if (!sorted)
        return ASC_NOMEM(err);
    for (size_t r = 0; r < R; r++)
        sorted[r] = first[r] = r;
    if (run)
        qsort_r(sorted, R, sizeof *sorted, cmp_runs, (void *)run);
    for (size_t k = 1; run && k < R; k++) /* the first row of each row's run */
        if (run[sorted[k]] == run[sorted[k - 1]])
            first[sorted[k]] = first[sorted[k - 1]];
    runs->n_groups = 0;
    for (size_t r = 0; r < R; r++)
        runs->group[r] = first[r] == r ? runs->n_groups++ : runs->group[first[r]];
    asc_free(sorted);
    return ASC_OK;
}

static asc_status fill(asc_table *t, const asc_table_arrays *a, asc_error *err)
{
    asc_runs *runs = &t->runs;
    for (size_t r = 0; r < a->n_rows; r++) {
        char id[32];
        ASC_TRY(check_row(a, r, &runs->total[r], err));
        runs->params[r] = a->params ? a->params[r] : NAN;
        t->has_params |= !isnan(runs->params[r]);
        runs->horizon[r] = a->horizon ? a->horizon[r] : NAN;
        t->has_horizon |= !isnan(runs->horizon[r]);
        snprintf(id, sizeof id, "%zu", a->runs ? a->runs[r] : r + 1);
        ASC_TRY(asc_table_set_run(t, r, id, err));
    }
    memcpy(runs->tokens, a->tokens, a->n_rows * a->n_domains * sizeof *a->tokens);
    memcpy(runs->loss, a->losses, a->n_rows * a->n_targets * sizeof *a->losses);
    t->has_run = a->runs != NULL;
    return number_runs(runs, a->runs, err);
}

asc_status asc_table_from_arrays(asc_table **out, const asc_table_arrays *arrays, asc_error *err)
{
    asc_table_arrays a;
    asc_table *t = NULL;
    ASC__NEEDS(out, err);
    ASC__TAKE(a, arrays);
    if (!a.n_rows || !a.n_domains || !a.n_targets || !a.domains || !a.targets || !a.tokens || !a.losses)
        return ASC_FAIL(err, ASC_EINVAL,
                        "arrays: expected rows, domains, targets, tokens and losses, found none for at least one");
    ASC_TRY(asc__names_check("domains", a.domains, a.n_domains, err));
    ASC_TRY(asc__names_check("targets", a.targets, a.n_targets, err));
    ASC_TRY(create(&t, err));
    asc_status st =
        asc_table_init(t, a.n_rows, (char *const *)a.domains, a.n_domains, (char *const *)a.targets, a.n_targets, err);
    if (st == ASC_OK)
        st = fill(t, &a, err);
    if (st == ASC_OK)
        *out = t;
    else
        asc_table_free(t);
    return st;
}

void asc_table_free(asc_table *table)
{
    if (table)
        asc_table_clear(table);
    asc_free(table);
}

size_t asc_table_n_rows(const asc_table *table)
{
    return table->runs.n_runs;
}

size_t asc_table_n_domains(const asc_table *table)
{
    return table->runs.n_domains;
}

size_t asc_table_n_targets(const asc_table *table)
{
    return table->runs.n_targets;
}

const char *asc_table_domain(const asc_table *table, size_t i)
{
    return i < table->runs.n_domains ? table->runs.domains[i] : NULL;
}

const char *asc_table_target(const asc_table *table, size_t v)
{
    return v < table->runs.n_targets ? table->runs.targets[v] : NULL;
}

double asc_table_tokens(const asc_table *table, size_t r, size_t i)
{
    const asc_runs *t = &table->runs;
    return r < t->n_runs && i < t->n_domains ? t->tokens[r * t->n_domains + i] : NAN;
}

double asc_table_loss(const asc_table *table, size_t r, size_t v)
{
    const asc_runs *t = &table->runs;
    return r < t->n_runs && v < t->n_targets ? t->loss[r * t->n_targets + v] : NAN;
}

const char *asc_table_note(const asc_table *table, size_t k)
{
    return k < table->notes.n ? table->notes.text[k] : NULL;
}
