/* The target's mixtures behind a search by branches: the schedule that was found, the reference that it had to beat,
 * and those that the study names. */
#include "steps.h"

#include <math.h>
#include <string.h>

/* Goes on from the prefix of a stage with these sequences (D). */
static asc_status go_on(asc__study *s, const asc__branching *b, const int64_t *rest, asc_error *err)
{
    asc__mixture *m = &s->mixtures[s->n_mixtures - 1];
    m->stage = (size_t)(b - s->stages);
    if (!(m->later = asc_calloc(s->D, sizeof *m->later)))
        return ASC_NOMEM(err);
    for (size_t i = 0; i < s->D; i++) {
        m->later[i] = rest[i];
        m->tokens[i] = (b->first[i] + rest[i]) * s->model.context;
    }
    return ASC_OK;
}

/* What the target's run has gone through up to the last branches, and what it goes on with. */
static asc_status add_schedule(asc__study *s, asc_error *err)
{
    const asc__branching *b = asc__stage(s);
    double *w = asc_calloc(s->D, sizeof *w);
    int64_t *rest = asc_calloc(s->D, sizeof *rest);
    asc_status st = w && rest ? ASC_OK : ASC_NOMEM(err);
    if (st == ASC_OK)
        asc__rest_of(rest, s, b);
    for (size_t i = 0; st == ASC_OK && i < s->D; i++)
        w[i] = (double)(b->first[i] + rest[i]) / (double)b->total;
    if (st == ASC_OK)
        st = asc__add_mixture(s, ASC_MIXTURE_SCHEDULE, "schedule", w, err);
    if (st == ASC_OK)
        st = go_on(s, b, rest, err);
    asc_free(w);
    asc_free(rest);
    return st;
}

/* The last stage that the reference went through: all before it kept the reference. */
static const asc__branching *stage_of_reference(const asc__study *s)
{
    const asc__branching *b = &s->stages[0];
    while (b < asc__stage(s) && !b->better)
        b++;
    return b;
}

/* Or the optimum of the proxies' law, which it began with. */
static asc_status add_reference(asc__study *s, asc_error *err)
{
    const asc__branching *b = stage_of_reference(s);
    bool uniform = s->spec->reference.kind == ASC_MIXTURE_UNIFORM;
    int64_t *rest = asc_calloc(s->D, sizeof *rest);
    asc_status st = !rest      ? ASC_NOMEM(err)
                    : s->start ? asc__add_mixture(s, ASC_MIXTURE_JOINT, "joint", s->start, err)
                               : asc__add_mixture(s, uniform ? ASC_MIXTURE_UNIFORM : ASC_MIXTURE_PRIOR,
                                                  uniform ? "uniform" : "prior", s->reference, err);
    for (size_t i = 0; st == ASC_OK && i < s->D; i++)
        rest[i] = b->whole[i] - b->first[i];
    if (st == ASC_OK)
        st = go_on(s, b, rest, err);
    asc_free(rest);
    return st;
}

static bool has_mixture(const asc__study *s, const char *word)
{
    for (size_t i = 0; i < s->n_mixtures; i++)
        if (strcmp(s->mixtures[i].word, word) == 0)
            return true;
    return false;
}

static asc_status add_others(asc__study *s, asc_error *err)
{
    const asc_mixture_ref uniform = {.kind = ASC_MIXTURE_UNIFORM, .name = "uniform"};
    double *w = asc_calloc(s->D, sizeof *w);
    asc_status st = w ? ASC_OK : ASC_NOMEM(err);
    for (size_t i = 0; st == ASC_OK && i < s->spec->n_against + 1; i++) {
        const asc_mixture_ref *ref = i ? &s->spec->against[i - 1] : &uniform;
        if (has_mixture(s, ref->name))
            continue;
        const double *rival = ref->kind == ASC_MIXTURE_RIVAL ? asc__rival_weights(s, ref->name) : w;
        if (!rival)
            continue;
        if (rival == w)
            asc__study_weights(w, s, ref);
        st = asc__add_mixture(s, ref->kind, ref->name, rival, err);
    }
    asc_free(w);
    return st;
}

static const asc_expected nothing = {NAN, NAN, NAN, NAN, NAN, NAN, NAN, {.domain = ASC_NONE}};

asc_status asc__branch_mixtures(asc__study *s, asc_error *err)
{
    bool all = s->spec->validate, better = false;
    for (size_t k = 0; k < s->n_stages; k++)
        better |= s->stages[k].better;
    s->mixtures = asc_calloc(asc__target_most(s->spec), sizeof *s->mixtures);
    if (!s->mixtures)
        return ASC_NOMEM(err);
    if (better)
        ASC_TRY(add_schedule(s, err));
    if (all || !better)
        ASC_TRY(add_reference(s, err));
    if (all)
        ASC_TRY(add_others(s, err));
    for (size_t k = 0; k < s->n_mixtures; k++)
        s->mixtures[k].expected = nothing;
    asc__find_equal_mixtures(s);
    snprintf(s->untold, sizeof s->untold, "branches show what helps next, not where a whole run ends");
    return ASC_OK;
}
