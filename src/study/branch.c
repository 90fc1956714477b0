/* A search by branches of the target's own run (docs/search.md): the run on the reference mixture up to a share of its
 * budget, short branches from there, merged models between them that stand for mixtures, a law of these, its optimum,
 * real branches that check it. Each stage can be repeated: what is done is found done. */
#include "branch.h"

#include <math.h>

/* ---- life ---- */

static void clear_round(asc__round *r)
{
    asc_free(r->centre);
    asc_free(r->sequences);
    asc_free(r->branches);
    asc_free(r->weights);
    asc_free(r->merges);
    asc_law_set_clear(&r->law);
    asc_mix_result_clear(&r->optimum);
}

static void clear_stage(asc__branching *b)
{
    for (size_t k = 0; k < b->n_rounds; k++)
        clear_round(&b->rounds[k]);
    asc_free(b->reference);
    asc_free(b->whole);
    asc_free(b->first);
    asc_free(b->phases);
    asc_free(b->prefixes);
    asc_free(b->answer);
}

void asc__branch_clear(asc__study *s)
{
    for (size_t k = 0; k < s->n_stages; k++)
        clear_stage(&s->stages[k]);
    asc__digests_free(s->digests);
    for (size_t i = 0; i < s->n_told; i++) {
        asc_free(s->told[i].phases);
        asc_free(s->told[i].parts);
        asc_free(s->told[i].weights);
    }
    asc_free(s->told);
}

/* ---- making ---- */

/* How far the branches of a round went, as the first merged model of them found it. */
static asc_status read_delta(asc__study *s, const asc__round *r, asc_error *err)
{
    json_t *j = NULL, *part;
    size_t i;
    char *path = asc_strf("%s/runs/%s/merge.json", s->dir, s->runs[r->merges[0]].id);
    asc_status st = path ? ASC_OK : ASC_NOMEM(err);
    if (st == ASC_OK && asc_path_exists(path))
        st = asc_json_load(&j, path, err);
    json_array_foreach(json_object_get(j, "checkpoints"), i, part)
    {
        double d = asc_json_number(part, "delta");
        if (i > 0 && !isnan(d))
            asc__stage(s)->delta = isnan(asc__stage(s)->delta) ? d : fmax(d, asc__stage(s)->delta);
    }
    json_decref(j);
    asc_free(path);
    return st;
}

static asc_status branch_ended(asc__study *s, size_t run, asc_error *err)
{
    asc__study_say_learnt(s, &s->runs[run], false);
    return asc__publish_summary(s, run, err);
}

static asc_status make_round(asc__study *s, size_t k, asc_error *err)
{
    asc__branching *b = asc__stage(s);
    asc__round *r = &b->rounds[k];
    size_t n = 0, *list = asc_calloc(s->D + 1, sizeof *list);
    if (!list)
        return ASC_NOMEM(err);
    if (k == 0)
        list[n++] = b->checks[0].real;
    for (size_t i = 0; i < s->D; i++)
        list[n++] = r->branches[i];
    asc_status st = asc__make_list(s, list, n, branch_ended, err);
    asc_free(list);
    if (st == ASC_OK && !s->kept && k == 0)
        asc__study_say_learnt(s, &s->runs[r->branches[0]], true);
    for (size_t i = 0; st == ASC_OK && !s->kept && i < s->D; i++)
        if (s->runs[r->branches[i]].state != ASC_RUN_DONE)
            st = ASC_FAIL(err, ASC_ENUMERIC,
                          "run %s has no model to merge (%s): training.lr %g may be too high for its data",
                          s->runs[r->branches[i]].id, s->runs[r->branches[i]].why ? s->runs[r->branches[i]].why : "?",
                          s->spec->training.lr);
    if (st == ASC_OK && !s->kept)
        st = asc__make_list(s, r->merges, r->n_merges, asc__publish_summary, err);
    if (st == ASC_OK && !s->kept)
        st = read_delta(s, r, err);
    return st == ASC_OK && !s->kept ? asc__study_step(s, "fitting", asc__branch_fit, k, 2, err) : st;
}

/* ---- the whole ---- */

/* The phase behind the prefix in whole sequences, within bounds and caps. */
static asc_status settle(asc__study *s, asc_error *err)
{
    asc__branching *b = asc__stage(s);
    const asc__round *r = &b->rounds[b->n_rounds - 1];
    int64_t later = b->total - b->prefix, *caps = asc_calloc(s->D, sizeof *caps);
    b->answer = asc_calloc(s->D, sizeof *b->answer);
    asc_status st = caps && b->answer ? ASC_OK : ASC_NOMEM(err);
    if (st == ASC_OK)
        st = asc_mixture_tokens(b->answer, NULL, r->optimum.weights, s->D, later, asc__caps_left(caps, s) ? caps : NULL,
                                err);
    asc_free(caps);
    return st;
}

static asc_status search_stage(asc__study *s, asc_error *err)
{
    ASC_TRY(asc__branch_begin(s, !s->before, err));
    asc__branching *b = asc__stage(s);
    if (!s->before)
        ASC_TRY(asc__study_publish(s, ASC_STUDY_RUNNING, err));
    ASC_TRY(asc__make_list(s, b->prefixes, (size_t)s->spec->seeds, asc__publish_summary, err));
    for (int r = 0; !s->kept && r < s->spec->seeds; r++)
        if (s->runs[b->prefixes[r]].state != ASC_RUN_DONE)
            return ASC_FAIL(err, ASC_ENUMERIC, "run %s diverged: there is nothing to branch from (training.lr %g)",
                            s->runs[b->prefixes[r]].id, s->spec->training.lr);
    if (!s->kept)
        ASC_TRY(make_round(s, 0, err));
    bool again = !s->kept && b->rounds[0].fitted && s->spec->search.rounds > 1 && asc__branch_at_edge(s, &b->rounds[0]);
    if (again) {
        ASC_TRY(asc__branch_add_round(s, b->rounds[0].optimum.weights, !s->before, err));
        ASC_TRY(make_round(s, 1, err));
    }
    const asc__round *last = &b->rounds[b->n_rounds - 1];
    if (!s->kept && last->fitted)
        ASC_TRY(asc__branch_check(s, err));
    if (s->kept)
        return ASC_OK;
    asc__branch_decide(s);
    return b->better ? settle(s, err) : ASC_OK;
}

asc_status asc__branch_search(asc__study *s, asc_error *err)
{
    for (size_t k = 0; !s->kept && k < asc__most_stages(s->spec); k++)
        ASC_TRY(search_stage(s, err));
    return ASC_OK;
}
