/* What a summary's answer makes worse. */
#include <math.h>
#include <string.h>

#include "mix/mix.h"
#include "store/store_summary.h"

enum { MOST_SEEDS = 64 };

static size_t losses_of(double *x, const asc_summary_mixture *m, size_t v)
{
    size_t n = 0;
    for (size_t k = 0; k < m->n_runs && n < MOST_SEEDS; k++)
        if (m->runs[k].loss && isfinite(m->runs[k].loss[v]))
            x[n++] = m->runs[k].loss[v];
    return n;
}

static const asc_summary_mixture *mixture_called(const asc_summary *s, const char *name)
{
    const asc_summary_mixture *m = s->target.mixtures;
    for (size_t k = 0; name && k < s->target.n_mixtures; k++)
        if (m[k].name && strcmp(m[k].name, name) == 0)
            return &m[k];
    return NULL;
}

double asc_summary_worse(bool *single, const asc_summary *s, size_t v)
{
    double x[MOST_SEEDS], y[MOST_SEEDS];
    const asc_summary_mixture *mine = mixture_called(s, s->answer.name), *uniform = mixture_called(s, "uniform");
    if (!mine || !uniform || mine == uniform)
        return NAN;
    asc_gain g = asc_gain_over(x, losses_of(x, mine, v), y, losses_of(y, uniform, v), (asc_noise){NAN, 0}, .9);
    *single = isnan(g.lo);
    return g.mean < 0 && (*single || g.hi < 0) ? -g.mean : NAN;
}
