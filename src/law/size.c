/* Tables too large for a law: an estimate of the work, a sample of the runs, a reason to give. */
#include "private.h"

#include <assert.h>
#include <math.h>

/* Multiplications of one law on one table: steps of all folds, prior strengths and draws, each a matrix J^T J of R
 * rows. */
#define STEPS_A_FOLD 40.
#define STEPS_A_DRAW 6.
#define MOST_WORK 5e12    /* some minutes of one thread at most */
#define ENOUGH_ROWS 3000. /* no sample is smaller */

static double work(const asc_runs *t, const asc_law_opts *o, double n_rows, double n_params)
{
    assert(n_rows > 0 && n_params > 0);
    double steps = STEPS_A_FOLD * (double)(o->n_folds + 3) + STEPS_A_DRAW * (double)o->n_bootstrap;
    return (double)t->n_targets * steps * n_rows * n_params * n_params;
}

bool asc__too_large(char *why, size_t n, const asc_runs *t, const asc_law_opts *o, const asc__family *family)
{
    size_t P = family->n_params ? family->n_params(t->n_domains, true, true) : t->n_domains;
    double w = work(t, o, (double)t->n_runs, (double)P);
    if (family->of_objective || w <= MOST_WORK)
        return false;
    snprintf(
        why, n,
        "too large: %zu rows, %zu parameters per target, %zu targets take about %.0e multiplications, at most %.0e; "
        "give fewer domains, targets, rows or draws",
        t->n_runs, P, t->n_targets, w, MOST_WORK);
    return true;
}

/* Rows that a law of 2 D + 5 parameters is fitted to in the work allowed. */
static double rows_allowed(const asc_runs *t, const asc_law_opts *o)
{
    double P = 2 * (double)t->n_domains + 5;
    return fmax(ENOUGH_ROWS, MOST_WORK / work(t, o, 1, P));
}

asc_status asc__sample_runs(asc_runs *out, const asc_runs *t, const asc_law_opts *o, asc_error *err)
{
    double most = rows_allowed(t, o), share = most / (double)t->n_runs;
    *out = (asc_runs){0};
    if (!(share < 1))
        return ASC_OK;
    size_t *rows = asc_reallocarray(NULL, t->n_runs, sizeof *rows), n = 0;
    if (!rows)
        return ASC_NOMEM(err);
    for (size_t r = 0; r < t->n_runs; r++) {
        double g = (double)t->group[r];
        if (floor((g + 1) * share) > floor(g * share))
            rows[n++] = r;
    }
    asc_status s = n ? asc_runs_select(out, t, rows, n, err) : ASC_OK;
    asc_free(rows);
    return s;
}
