/* Held-out sets (a new domain's own too) that were added after runs had ended: `autoscale eval` on the checkpoints that
 * are kept, by a program of its own as all work on models. A checkpoint has to give what the run had measured, to be
 * that of its end. */
#include "steps.h"

#include <math.h>
#include <string.h>

#include "exec/exec.h"

#define SAME_LOSS 1e-3 /* other kernels, another machine; another checkpoint differs by more */

static bool lacks(const asc__study *s, const asc_store_run *r)
{
    if (r->state != ASC_RUN_DONE || !r->result)
        return false;
    for (size_t v = 0; v < s->V; v++)
        if (asc__is_text(s, v) && isnan(r->result->loss[v]))
            return true;
    return false;
}

static char *checkpoint_of(const asc__study *s, const asc_store_run *r)
{
    char *dir = asc_strf("%s/runs/%s/checkpoint", s->dir, r->id),
         *file = dir ? asc_path_join(dir, "config.json") : NULL;
    bool there = file && asc_path_exists(file);
    asc_free(file);
    if (there)
        return dir;
    asc_free(dir);
    return NULL;
}

static asc_status evaluate(json_t **out, const asc__study *s, const asc_store_run *r, char *checkpoint, asc_error *err)
{
    char valid[32], threads[16], context[16], eval[] = "eval", dir[] = "--tokens-dir", isa[] = "--isa",
                                              tokens[] = "--valid-tokens", with[] = "--threads", json[] = "--json",
                                              at[] = "--context", quiet[] = "--quiet";
    char *folder = asc_path_join(s->dir, "tokens"), *name = asc_strdup(asc_isa_name(s->isa));
    snprintf(valid, sizeof valid, "%lld",
             (long long)(asc__is_of_branches(r->kind) ? s->spec->search.eval_tokens : s->spec->valid_tokens));
    snprintf(threads, sizeof threads, "%d", s->spec->threads);
    snprintf(context, sizeof context, "%d", s->model.context);
    char *argv[] = {s->program, eval, checkpoint, dir, folder,  tokens, valid, isa,
                    name,       with, threads,    at,  context, json,   quiet, NULL};
    asc_question q = {.argv = argv};
    asc_answer a = {0};
    asc_status st = folder && name ? asc_ask_for(&a, &q, err) : ASC_NOMEM(err);
    if (st == ASC_OK && asc_interrupted())
        st = ASC_FAIL(err, ASC_EINTR, "interrupted");
    if (st == ASC_OK && a.exit_code != 0)
        st = ASC_FAIL(err, ASC_ENUMERIC, "evaluating %s: %.400s", checkpoint, a.said.data ? a.said.data : "no word");
    if (st == ASC_OK)
        st = asc_json_parse(out, "autoscale eval", a.out.data ? a.out.data : "", a.out.len, err);
    asc_answer_clear(&a);
    asc_free(folder);
    asc_free(name);
    return st;
}

/* Whether the losses are those that the run measured, where it did. */
static bool is_its_own(asc__study *s, const asc_store_run *r, const json_t *loss)
{
    for (size_t v = 0; v < s->V; v++) {
        double x = asc_json_number(loss, s->spec->target_names[v]), own = r->result->loss[v];
        if (!asc__is_text(s, v) || isnan(own) || isnan(x) || fabs(x - own) <= SAME_LOSS * (1 + fabs(own)))
            continue;
        asc_notes_say(&s->notes, OTHER_CHECKPOINT, r->id, x, own, s->spec->target_names[v]);
        return false;
    }
    return true;
}

/* Its checkpoint is gone: it is trained once more, to the same bits, and measured on all targets. */
static asc_status make_again(asc__study *s, asc_store_run *r, asc_error *err)
{
    asc_result_free(r->result);
    r->result = NULL;
    r->state = ASC_RUN_PENDING;
    return asc_store_update_run(s->store, r, err);
}

static asc_status measure(asc__study *s, asc_store_run *r, char *checkpoint, asc_error *err)
{
    json_t *answer = NULL;
    ASC_TRY(evaluate(&answer, s, r, checkpoint, err));
    const json_t *loss = json_object_get(answer, "loss");
    asc_status st = ASC_OK;
    if (is_its_own(s, r, loss)) {
        for (size_t v = 0; v < s->V; v++)
            if (asc__is_text(s, v) && isnan(r->result->loss[v]))
                r->result->loss[v] = asc_json_number(loss, s->spec->target_names[v]);
        st = asc_store_update_run(s->store, r, err);
    } else if (!asc__is_inherited(r))
        st = make_again(s, r, err);
    json_decref(answer);
    return st;
}

/* How many were measured and how many were not, and the first of these. */
typedef struct tally {
    size_t all, measured, again, unknown;
    const char *first_again, *first_unknown;
} tally;

/* A run of other domains cannot be made again here: what it did not measure stays unknown. */
static asc_status take(tally *t, asc__study *s, asc_store_run *r, asc_error *err)
{
    char *checkpoint = checkpoint_of(s, r);
    if (s->opts->progress)
        s->opts->progress(s->opts->ctx, "evaluating checkpoints on new targets",
                          (double)(t->measured + t->again + t->unknown), (double)t->all, "runs");
    if (checkpoint) {
        asc_status st = measure(s, r, checkpoint, err);
        t->measured++;
        asc_free(checkpoint);
        return st;
    }
    if (r->kind == ASC_KIND_MERGE) /* which keeps none, and is made of the branches' */
        return asc__is_inherited(r) ? ASC_OK : make_again(s, r, err);
    if (asc__is_inherited(r)) {
        t->first_unknown = t->unknown++ ? t->first_unknown : r->id;
        return ASC_OK;
    }
    t->first_again = t->again++ ? t->first_again : r->id;
    return make_again(s, r, err);
}

asc_status asc__study_new_targets(asc__study *s, asc_error *err)
{
    tally t = {0};
    for (size_t i = 0; i < s->n_runs; i++)
        t.all += lacks(s, &s->runs[i]);
    for (size_t i = 0; i < s->n_runs; i++)
        if (lacks(s, &s->runs[i]))
            ASC_TRY(take(&t, s, &s->runs[i], err));
    if (t.again)
        asc_notes_say(&s->notes, NEW_TARGET, t.measured, t.again, t.first_again, t.again > 1 ? ", ..." : "");
    if (t.unknown)
        asc_notes_say(&s->notes, UNMEASURED, t.unknown, t.first_unknown, t.unknown > 1 ? ", ..." : "");
    return ASC_OK;
}
