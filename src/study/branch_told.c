/* What a run of a branch search is told in its run.json: phases, where to begin and to end, what to merge. */
#include "steps.h"

#include <assert.h>
#include <math.h>
#include <string.h>

typedef struct digest {
    size_t run;
    asc_start with;
    char hex[65];
} digest;

/* Of checkpoints that are named again and again. */
struct asc__digests {
    digest *at;
    size_t n, cap;
};

asc__digests *asc__digests_create(void)
{
    return asc_calloc(1, sizeof(asc__digests));
}

void asc__digests_free(asc__digests *d)
{
    if (d)
        asc_free(d->at);
    asc_free(d);
}

static asc_status find_digest(char *hex, const asc__study *s, size_t run, asc_start with, asc_error *err)
{
    asc__digests *d = s->digests;
    if (s->spec->trainer.command) /* whose moments are its own */
        with = ASC_START_WEIGHTS;
    for (size_t i = 0; i < d->n; i++)
        if (d->at[i].run == run && d->at[i].with == with) {
            memcpy(hex, d->at[i].hex, sizeof d->at[i].hex);
            return ASC_OK;
        }
    char *dir = asc_strf("%s/runs/%s/checkpoint", s->dir, s->runs[run].id);
    asc_status st = dir ? ASC_OK : ASC_NOMEM(err);
    if (st == ASC_OK && s->spec->trainer.command && !asc_path_exists(dir))
        st = ASC_FAIL(err, ASC_EINVAL,
                      "%s: run %s left no such folder: with search.method branch, and with search.pause, a trainer "
                      "leaves its checkpoint "
                      "there, as a Hugging Face folder",
                      dir, s->runs[run].id);
    if (st == ASC_OK)
        st = asc_init_digest(hex, dir, with, err);
    asc_free(dir);
    ASC_TRY(st);
    digest *more = asc_grow(d->at, &d->cap, d->n + 1, sizeof *more);
    if (!more)
        return ASC_NOMEM(err);
    d->at = more;
    more[d->n] = (digest){.run = run, .with = with};
    memcpy(more[d->n++].hex, hex, 65);
    return ASC_OK;
}

const asc__told *asc__told_of(const asc__study *s, size_t run)
{
    for (size_t i = 0; i < s->n_told; i++)
        if (s->told[i].run == run)
            return &s->told[i];
    return NULL;
}

asc_status asc__new_told(asc__told **out, asc__study *s, size_t run, size_t K, size_t n, asc_error *err)
{
    asc__told *t = (asc__told *)(uintptr_t)asc__told_of(s, run);
    if (!t) {
        asc__told *more = asc_grow(s->told, &s->cap_told, s->n_told + 1, sizeof *more);
        if (!more)
            return ASC_NOMEM(err);
        s->told = more;
        t = &more[s->n_told++];
    } else {
        asc_free(t->phases);
        asc_free(t->parts);
        asc_free(t->weights);
    }
    *t = (asc__told){.run = run, .from = ASC_NONE, .n_phases = K, .n_parts = n};
    t->phases = K ? asc_calloc(K, s->D * sizeof *t->phases) : NULL;
    t->parts = n ? asc_calloc(n, sizeof *t->parts) : NULL;
    t->weights = n ? asc_calloc(n, sizeof *t->weights) : NULL;
    *out = t;
    return (K && !t->phases) || (n && (!t->parts || !t->weights)) ? ASC_NOMEM(err) : ASC_OK;
}

void asc__tell_past(asc__told *t, const asc__study *s, const asc__branching *b)
{
    assert(t->n_phases >= b->n_phases && (t->phases || !b->n_phases));
    for (size_t i = 0; i < b->n_phases * s->D; i++)
        t->phases[i] = (double)(b->phases[i] * s->model.context);
}

asc_status asc__branch_tell_target(asc__study *s, const asc__mixture *m, size_t run, int r, asc_error *err)
{
    const asc__branching *b = &s->stages[m->stage];
    double T = s->model.context;
    size_t past = b->n_phases * s->D;
    asc__told *t;
    if (!m->later)
        return ASC_OK;
    ASC_TRY(asc__new_told(&t, s, run, b->n_phases + 1, 0, err));
    assert(t->phases);
    asc__tell_past(t, s, b);
    for (size_t i = 0; i < s->D; i++)
        t->phases[past + i] = (double)m->later[i] * T;
    t->from = b->prefixes[r];
    return ASC_OK;
}

/* The folder beside that of the run which is told, and what it holds now. */
static asc_status name_checkpoint(char **from, char **hex, const asc__study *s, size_t run, asc_start with,
                                  asc_error *err)
{
    char digest_hex[65];
    ASC_TRY(find_digest(digest_hex, s, run, with, err));
    *from = asc_strf("../%s/checkpoint", s->runs[run].id);
    *hex = asc_strdup(digest_hex);
    return *from && *hex ? ASC_OK : ASC_NOMEM(err);
}

static asc_status tell_phases(asc_run_spec *out, const asc__study *s, const asc__told *t, asc_error *err)
{
    size_t D = s->D, n = t->n_phases * D;
    if (!(out->phase_tokens = asc_calloc(n, sizeof *out->phase_tokens)))
        return ASC_NOMEM(err);
    out->n_phases = t->n_phases;
    memcpy(out->phase_tokens, t->phases, n * sizeof *t->phases);
    memset(out->tokens, 0, D * sizeof *out->tokens);
    for (size_t k = 0; k < n; k++)
        out->tokens[k % D] += t->phases[k];
    out->stop_tokens = t->stop;
    out->cool_tokens = t->cool;
    return ASC_OK;
}

static asc_status tell_parts(asc_run_spec *out, const asc__study *s, const asc__told *t, asc_error *err)
{
    size_t n = t->n_parts;
    out->part_from = asc_calloc(n, sizeof *out->part_from);
    out->part_digests = asc_calloc(n, sizeof *out->part_digests);
    out->part_weights = asc_calloc(n, sizeof *out->part_weights);
    if (!out->part_from || !out->part_digests || !out->part_weights)
        return ASC_NOMEM(err);
    out->n_parts = n;
    for (size_t k = 0; k < n; k++) {
        out->part_weights[k] = t->weights[k];
        ASC_TRY(name_checkpoint(&out->part_from[k], &out->part_digests[k], s, t->parts[k], ASC_START_WEIGHTS, err));
    }
    return ASC_OK;
}

asc_status asc__tell_run(asc_run_spec *out, const asc__study *s, const asc_store_run *r, asc_error *err)
{
    const asc__told *t = asc__told_of(s, (size_t)(r - s->runs));
    if (!t)
        return ASC_OK;
    if (asc__is_of_branches(r->kind))
        out->valid_tokens = s->spec->search.eval_tokens;
    for (size_t i = 0; r->kind == ASC_KIND_BRANCH && i < s->D; i++) /* what lies behind its end is never trained on */
        out->max_epochs[i] = NAN;
    if (t->n_phases)
        ASC_TRY(tell_phases(out, s, t, err));
    if (t->n_parts)
        ASC_TRY(tell_parts(out, s, t, err));
    if (t->from == ASC_NONE)
        return ASC_OK;
    out->init_with = t->n_parts ? ASC_START_WEIGHTS : ASC_START_POSITION;
    return name_checkpoint(&out->init_from, &out->init_digest, s, t->from, out->init_with, err);
}
