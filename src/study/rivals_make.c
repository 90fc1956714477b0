/* The rivals' runs made, and the mixture that each asks for worked out from them. */
#include "steps.h"

#include <math.h>
#include <string.h>

/* ---- their mixtures ---- */

/* The swarm's runs that ended well, as a table; kept as rivals.csv too. */
static asc_status swarm_table(asc_table *t, const asc__study *s, asc_error *err)
{
    size_t n = 0, *done = asc_calloc(s->rivals.n_swarm + 1, sizeof *done);
    char *path = asc_path_join(s->dir, "rivals.csv");
    asc_status st = done && path ? ASC_OK : ASC_NOMEM(err);
    for (size_t k = 0; st == ASC_OK && k < s->rivals.n_swarm; k++)
        if (s->runs[s->rivals.swarm[k]].state == ASC_RUN_DONE && s->runs[s->rivals.swarm[k]].result)
            done[n++] = s->rivals.swarm[k];
    if (st == ASC_OK)
        st = asc__study_table(t, s, done, n, err);
    if (st == ASC_OK && n && !s->before)
        st = asc_table_write(path, t, err);
    asc_free(done);
    asc_free(path);
    return st;
}

/* Shares that the target may have of each domain: the study's bounds, and within max_epochs. */
static void most_shares(double *hi, const asc__study *s)
{
    double sequences = floor(s->spec->target_tokens / s->model.context);
    for (size_t i = 0; i < s->D; i++)
        hi[i] = fmin(s->spec->max[i], (double)s->cap_sequences[i] / sequences);
}

static asc_status ask(asc__study *s, asc__rival *r, const asc_table *t, double *natural, double *hi, asc_error *err)
{
    asc_error why = {0};
    double *w = asc_calloc(s->D, sizeof *w);
    if (!w)
        return ASC_NOMEM(err);
    asc__natural_shares(natural, s);
    most_shares(hi, s);
    asc_rival_ask a = {.n_domains = s->D,
                       .n_tokens = s->spec->target_tokens,
                       .natural = natural,
                       .available = s->available,
                       .max_epochs = s->max_epochs,
                       .lo = s->spec->min,
                       .hi = hi,
                       .swarm = &t->runs,
                       .objective = &s->spec->objective,
                       .seed = s->spec->training.seed,
                       .n_threads = s->jobs};
    asc_status st = r->method->weights(w, &a, &why);
    asc_free(r->weights);
    r->weights = st == ASC_OK ? w : NULL;
    if (st == ASC_OK)
        return ASC_OK;
    asc_free(w);
    if (st == ASC_ENOMEM || st == ASC_EINTR) {
        if (err)
            *err = why;
        return st;
    }
    asc_notes_say(&s->notes, NO_RIVAL, r->method->name, why.msg);
    return ASC_OK;
}

/* The mean over its proxy's steps, as the trainer left it. */
static asc_status read_proxy(asc__study *s, asc__rival *r, asc_error *err)
{
    const asc_store_run *run = &s->runs[r->runs[r->n_runs - 1]];
    asc_mix_file m = {0};
    asc_error why = {0};
    char *path = asc_strf("%s/runs/%s/schedule.json", s->dir, run->id);
    asc_free(r->weights);
    r->weights = asc_calloc(s->D, sizeof *r->weights);
    asc_status st = path && r->weights ? ASC_OK : ASC_NOMEM(&why);
    if (st == ASC_OK && run->state != ASC_RUN_DONE)
        st = ASC_FAIL(&why, ASC_ENUMERIC, "its run %s %s", run->id,
                      run->state == ASC_RUN_DIVERGED ? "diverged" : "did not end");
    if (st == ASC_OK)
        st = asc_mix_file_read(&m, path, &why);
    if (st == ASC_OK)
        st = asc_mix_file_weights(r->weights, &m, path, s->spec->domain_names, s->D, &why);
    asc_mix_file_clear(&m);
    asc_free(path);
    if (st == ASC_OK || st == ASC_ENOMEM)
        return st == ASC_OK ? ASC_OK : ASC_NOMEM(err);
    asc_free(r->weights);
    r->weights = NULL;
    asc_notes_say(&s->notes, NO_RIVAL, r->method->name, why.msg);
    return ASC_OK;
}

static asc_status fit(asc__study *s, size_t k, asc_error *err)
{
    asc__rival *r = &s->rivals.list[k];
    asc_table t = {0};
    if (asc__rival_has_proxy(r))
        return read_proxy(s, r, err);
    double *room = asc_calloc(2 * s->D, sizeof *room);
    asc_status st = room ? ASC_OK : ASC_NOMEM(err);
    if (st == ASC_OK && asc__rival_needs_swarm(r))
        st = swarm_table(&t, s, err);
    if (st == ASC_OK)
        st = ask(s, r, &t, room, room + s->D, err);
    asc_table_clear(&t);
    asc_free(room);
    return st;
}

/* First all runs that wait for no other, then the proxies that have a reference: not where that did not end. */
static asc_status make_runs(asc__study *s, bool first, asc_error *err)
{
    size_t n = 0, *list = asc_calloc(s->rivals.n_swarm + s->rivals.n + 1, sizeof *list);
    if (!list)
        return ASC_NOMEM(err);
    for (size_t k = 0; first && k < s->rivals.n_swarm; k++)
        list[n++] = s->rivals.swarm[k];
    for (size_t k = 0; k < s->rivals.n; k++) {
        const asc__rival *r = &s->rivals.list[k];
        if (first && r->n_runs)
            list[n++] = r->runs[0];
        if (!first && r->n_runs > 1 && s->runs[r->runs[0]].state == ASC_RUN_DONE)
            list[n++] = r->runs[1];
    }
    asc_status st = n ? asc__make_list(s, list, n, asc__publish_all, err) : ASC_OK;
    asc_free(list);
    return st;
}

asc_status asc__rivals_make(asc__study *s, asc_error *err)
{
    ASC_TRY(make_runs(s, true, err));
    if (!s->kept)
        ASC_TRY(make_runs(s, false, err));
    for (size_t k = 0; !s->kept && k < s->rivals.n; k++)
        ASC_TRY(asc__study_step(s, "rivals", fit, k, s->rivals.n, err));
    return ASC_OK;
}
