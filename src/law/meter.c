/* How far a long fit has come, told from whichever thread gets on. */
#include "private.h"

#include <assert.h>
#include <math.h>

static void tell(asc__meter *m)
{
    if (!m->opts->progress || atomic_flag_test_and_set(&m->busy))
        return; /* another thread is telling */
    double done = m->base + m->span * fmin((double)atomic_load(&m->done) / m->total, 1);
    m->opts->progress(m->opts->progress_ctx, m->what, done, m->end, m->unit);
    atomic_flag_clear(&m->busy);
}

void asc__meter_init(asc__meter *m, const asc_law_opts *o, const char *what, size_t n_jobs, size_t n_draws)
{
    *m = (asc__meter){.opts = o, .what = what, .unit = "steps"};
    m->per_job = ASC__METER_FIT * (2 * o->n_folds + 1) + n_draws;
    m->total = m->span = m->end = (double)(n_jobs * m->per_job);
    atomic_init(&m->done, 0);
    atomic_flag_clear(&m->busy);
    tell(m);
}

void asc__meter_part(asc__meter *m, size_t i, size_t n_parts, const char *unit)
{
    assert(i <= n_parts && n_parts > 0);
    m->base = (double)i;
    m->span = 1;
    m->end = (double)n_parts;
    m->unit = unit;
    atomic_store(&m->done, 0);
    tell(m);
}

void asc__meter_round(asc__meter *m, double from, double to)
{
    assert(0 <= from && from < to && to <= 1);
    m->base = floor(m->base) + from;
    m->span = to - from;
    atomic_store(&m->done, 0);
    tell(m);
}

void asc__meter_add(asc__meter *m, size_t *spent, size_t n)
{
    assert(!m || *spent <= m->per_job);
    size_t left = m ? m->per_job - *spent : 0;
    if (left == 0)
        return;
    n = n < left ? n : left;
    *spent += n;
    atomic_fetch_add(&m->done, n);
    tell(m);
}
