/* The law of a round's merged models, and its optimum within what the branches reach. */
#include "branch.h"

#include <math.h>
#include <string.h>

static asc_status make_table(asc_table *t, const asc__study *s, const asc__round *r, asc_error *err)
{
    size_t D = s->D, n = 0;
    ASC_TRY(asc_table_init(t, r->n_merges, s->spec->domain_names, D, s->spec->target_names, s->V, err));
    double total = (double)asc__stage(s)->length * s->model.context;
    for (size_t m = 0; m < r->n_merges; m++) {
        const asc_store_run *run = &s->runs[r->merges[m]];
        const double *loss = asc__run_losses(run);
        if (!loss)
            continue;
        memcpy(t->runs.loss + n * s->V, loss, s->V * sizeof *loss);
        asc__merged_shares(t->runs.tokens + n * D, s, r, r->weights + m * D);
        for (size_t i = 0; i < D; i++)
            t->runs.tokens[n * D + i] *= total;
        t->runs.total[n] = total;
        t->runs.params[n] = asc__size_params(asc__target_size(s));
        t->runs.group[n] = n;
        ASC_TRY(asc_table_set_run(t, n, run->id, err));
        n++;
    }
    t->runs.n_runs = t->runs.n_groups = n;
    t->has_run = t->has_params = t->has_tokens = true;
    return ASC_OK;
}

static asc_status write_table(const asc__study *s, const asc_table *t, size_t round, asc_error *err)
{
    char *stage = asc__stage_label(s, s->n_stages - 1);
    char *path = stage ? asc_strf("%s/merges%s-%zu.csv", s->dir, stage, round + 1) : NULL;
    asc_status st = path ? asc_table_write(path, t, err) : ASC_NOMEM(err);
    asc_free(stage);
    asc_free(path);
    return st;
}

/* Shares that the round's branches reach, within the study's bounds and what caps leave behind the prefix. */
static void reach(double *lo, double *hi, const asc__study *s, const asc__round *r, const int64_t *caps)
{
    double pull = s->spec->search.pull, later = (double)(asc__stage(s)->total - asc__stage(s)->prefix);
    for (size_t i = 0; i < s->D; i++) {
        lo[i] = fmax(s->spec->min[i], (1 - pull) * r->centre[i]);
        hi[i] = fmin(s->spec->max[i], (1 - pull) * r->centre[i] + pull);
        if (caps[i] < ASC_NO_CAP)
            hi[i] = fmin(hi[i], (double)caps[i] / later);
        lo[i] = fmin(lo[i], hi[i]);
    }
}

static asc_status find_optimum(asc__study *s, asc__round *r, asc_error *err)
{
    double *lo = asc_calloc(s->D, sizeof *lo), *hi = asc_calloc(s->D, sizeof *hi);
    int64_t *caps = asc_calloc(s->D, sizeof *caps);
    asc_status st = lo && hi && caps ? ASC_OK : ASC_NOMEM(err);
    if (st == ASC_OK) {
        asc_mix_opts o;
        asc_mix_opts_init(&o);
        asc__caps_left(caps, s);
        reach(lo, hi, s, r, caps);
        o.n_tokens = asc__stage(s)->length * s->model.context;
        o.limits = asc__limits_of(s, s->spec->target_tokens, false);
        o.limits.lo = lo; /* which hold what is left of the caps */
        o.limits.hi = hi;
        o.limits.available = NULL;
        o.n_threads = s->jobs;
        st = asc_mix_optimum(&r->optimum, &r->law, &o, err);
    }
    asc_free(lo);
    asc_free(hi);
    asc_free(caps);
    return st;
}

/* A law of the round's merged models and its optimum; where none fits, the reason. */
asc_status asc__branch_fit(asc__study *s, size_t k, asc_error *err)
{
    asc__branching *b = asc__stage(s);
    asc__round *r = &b->rounds[k];
    asc_table t = {0};
    asc_error why = {0};
    asc_law_opts o;
    asc_law_opts_init(&o);
    o.law = "auto";
    o.objective = &s->spec->objective;
    o.n_threads = s->jobs;
    asc_status st = make_table(&t, s, r, &why);
    if (st == ASC_OK)
        st = write_table(s, &t, k, &why);
    if (st == ASC_OK)
        st = asc_law_fit(&r->law, &t.runs, &o, &why);
    if (st == ASC_OK)
        st = find_optimum(s, r, &why);
    t.runs.n_runs = r->n_merges; /* as allocated */
    asc_table_clear(&t);
    r->fitted = st == ASC_OK;
    if (st == ASC_OK || st == ASC_ENUMERIC || st == ASC_EINVAL) {
        if (st != ASC_OK)
            snprintf(b->why, sizeof b->why, "no law of the merged models: %.*s", 400, why.msg);
        return ASC_OK;
    }
    if (err)
        *err = why;
    return st;
}

/* Weights (D) of the round's branches that make a mixture: w = (1 - pull) centre + pull a. */
void asc__branch_weights(double *a, const asc__study *s, const asc__round *r, const double *w)
{
    double pull = s->spec->search.pull, sum = 0;
    for (size_t i = 0; i < s->D; i++)
        sum += a[i] = fmax(0, (w[i] - (1 - pull) * r->centre[i]) / pull);
    for (size_t i = 0; i < s->D; i++)
        a[i] /= sum;
}

/* Whether the optimum lies where the branches end: a domain with less than them would need others. */
bool asc__branch_at_edge(const asc__study *s, const asc__round *r)
{
    double pull = s->spec->search.pull;
    for (size_t i = 0; i < s->D; i++) {
        double w = r->optimum.weights[i];
        if (w - (1 - pull) * r->centre[i] < 1e-3 && w > s->spec->min[i] + 1e-3)
            return true;
    }
    return false;
}
