/* Merged models against branches that are really trained, and what is decided by these. */
#include "branch.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "num/num.h"

/* ---- checks ---- */

typedef struct valued {
    size_t merge;
    double value;
} valued;

static int by_value(const void *x, const void *y)
{
    const valued *a = x, *b = y;
    return a->value != b->value ? (a->value < b->value ? -1 : 1) : a->merge < b->merge ? -1 : a->merge > b->merge;
}

static asc_status add_check(asc__study *s, const char *what, size_t merged, const double *shares, asc_error *err)
{
    asc__branching *b = asc__stage(s);
    asc__check *c = &b->checks[b->n_checks++];
    char name[40];
    int64_t *sequences = asc_calloc(s->D, sizeof *sequences), *caps = asc_calloc(s->D, sizeof *caps);
    asc_status st = sequences && caps ? ASC_OK : ASC_NOMEM(err);
    *c = (asc__check){.what = what, .merged = merged, .judged = ASC_NONE, .merged_value = NAN, .real_value = NAN};
    snprintf(name, sizeof name, "real-%s", what);
    if (st == ASC_OK)
        st = asc_mixture_tokens(sequences, NULL, shares, s->D, b->length, asc__caps_left(caps, s) ? caps : NULL, err);
    if (st == ASC_OK)
        st = asc__branch_add(&c->real, s, name, what, NULL, sequences, !s->before, err);
    asc_free(sequences);
    asc_free(caps);
    return st;
}

/* The optimum, and two merged models at the quarters of their order. */
static asc_status add_checks(asc__study *s, asc_error *err)
{
    asc__branching *b = asc__stage(s);
    asc__round *r = &b->rounds[b->n_rounds - 1];
    size_t D = s->D, M = r->n_merges, n = 0;
    valued *v = asc_calloc(M, sizeof *v);
    double *w = asc_calloc(D, sizeof *w), *a = r->weights + M * D;
    asc_status st = v && w ? ASC_OK : ASC_NOMEM(err);
    b->n_checks = 1;
    b->checks[0].what = "prior";
    b->checks[0].judged = ASC_NONE;
    b->checks[0].merged = b->rounds[0].merges[0];
    if (st == ASC_OK) {
        asc__branch_weights(a, s, r, r->optimum.weights);
        st = asc__branch_add_merge(&r->merges[M], s, r, "merge-optimum", a, !s->before, err);
    }
    if (st == ASC_OK)
        st = add_check(s, "optimum", r->merges[M], r->optimum.weights, err);
    for (size_t m = 1; st == ASC_OK && m < M; m++) {
        double x = asc__run_objective(s, &s->runs[r->merges[m]]);
        if (!isnan(x))
            v[n++] = (valued){m, x};
    }
    if (n > 0)
        qsort(v, n, sizeof *v, by_value);
    for (size_t q = 1; st == ASC_OK && q <= 3 && n >= 4; q += 2) {
        size_t m = v[q * n / 4].merge;
        asc__merged_shares(w, s, r, r->weights + m * D);
        st = add_check(s, q == 1 ? "better" : "worse", r->merges[m], w, err);
    }
    asc_free(v);
    asc_free(w);
    return st;
}

/* A trainer of one's own evaluates as it does; beside merged models its branches are evaluated as these are: each is
 * the merged model of itself alone. */
static asc_status judge(asc__study *s, asc__check *c, asc_error *err)
{
    char name[40];
    int64_t *sequences = asc_calloc(s->D, sizeof *sequences);
    asc__told *t = NULL;
    snprintf(name, sizeof name, "judged-%s", c->what);
    for (size_t i = 0; sequences && i < s->D; i++)
        sequences[i] = (int64_t)s->runs[c->real].tokens[i] / s->model.context;
    asc_status st = sequences ? ASC_OK : ASC_NOMEM(err);
    if (st == ASC_OK)
        st = asc__branch_add_run(&c->judged, s, ASC_KIND_MERGE, name, "merged", NULL, sequences, 0, !s->before, err);
    if (st == ASC_OK)
        st = asc__new_told(&t, s, c->judged, 0, 1, err);
    if (st == ASC_OK) {
        t->parts[0] = c->real;
        t->weights[0] = 1;
        t->from = asc__stage(s)->prefixes[0];
    }
    asc_free(sequences);
    return st;
}

static asc_status judge_checks(asc__study *s, asc_error *err)
{
    asc__branching *b = asc__stage(s);
    size_t list[ASC__CHECKS], n = 0;
    for (size_t i = 0; i < b->n_checks; i++) {
        if (s->runs[b->checks[i].real].state != ASC_RUN_DONE)
            continue;
        ASC_TRY(judge(s, &b->checks[i], err));
        list[n++] = b->checks[i].judged;
    }
    return asc__make_list(s, list, n, asc__publish_summary, err);
}

static double real_value(const asc__study *s, const asc__check *c)
{
    return asc__run_objective(s, &s->runs[c->judged != ASC_NONE ? c->judged : c->real]);
}

asc_status asc__branch_check(asc__study *s, asc_error *err)
{
    asc__branching *b = asc__stage(s);
    size_t list[2 * ASC__CHECKS], n = 0;
    ASC_TRY(add_checks(s, err));
    for (size_t i = 0; i < b->n_checks; i++)
        list[n++] = b->checks[i].real;
    list[n++] = b->checks[1].merged;
    ASC_TRY(asc__make_list(s, list, n, asc__publish_summary, err));
    if (s->spec->trainer.command && !s->kept)
        ASC_TRY(judge_checks(s, err));
    double m[ASC__CHECKS], real[ASC__CHECKS];
    asc_moments off = {0};
    n = 0;
    for (size_t i = 0; i < b->n_checks && !s->kept; i++) {
        asc__check *c = &b->checks[i];
        c->merged_value = asc__run_objective(s, &s->runs[c->merged]);
        c->real_value = real_value(s, c);
        if (isnan(c->merged_value) || isnan(c->real_value))
            continue;
        m[n] = c->merged_value;
        real[n++] = c->real_value;
        asc_moments_add(&off, c->merged_value - c->real_value);
    }
    b->rank = n > 2 ? asc_spearman(m, real, n) : NAN;
    b->bias = asc_moments_mean(&off);
    b->spread = asc_moments_sd(&off);
    return ASC_OK;
}

/* ---- the decision ---- */

static void keep_prior(asc__branching *b, const char *why)
{
    b->better = false;
    if (!b->why[0])
        snprintf(b->why, sizeof b->why, "%s", why);
}

/* Merged models propose, real branches dispose. What an optimum has to beat: the reference, or what an earlier stage
 * came to. */
void asc__branch_decide(asc__study *s)
{
    asc__branching *b = asc__stage(s);
    const asc__check *p = &b->checks[0], *o = &b->checks[1];
    bool had_other = s->n_stages > 1 || s->start;
    const char *had = had_other ? "mixture so far" : "reference";
    const char *of_it = had_other ? "one on the mixture so far" : "reference's";
    char line[400], at[32] = "";
    if (b->n_checks < 2 || isnan(p->real_value) || isnan(o->real_value)) {
        snprintf(line, sizeof line, "the branches that check the optimum have no losses: the %s is kept", had);
        keep_prior(b, line);
        return;
    }
    double gain = p->real_value - o->real_value, said = p->merged_value - o->merged_value;
    b->better = gain > 0;
    if (b->better)
        snprintf(b->why, sizeof b->why,
                 "a branch trained at the optimum ends %.4f nats below the %s (merged models predicted %.4f)", gain,
                 of_it, said);
    snprintf(line, sizeof line,
             "merging disagrees with training: merged models put the optimum %.4f nats below the %s, the branch "
             "trained there ends %.4f nats above: the %s is kept",
             said, had, -gain, had);
    if (!b->better)
        keep_prior(b, line);
    if (asc__most_stages(s->spec) > 1)
        snprintf(at, sizeof at, "at %.3g %%: ", 100 * asc__stage_share(s->spec, s->n_stages - 1));
    if (b->better && b->rank < .5)
        asc_notes_say(&s->notes, CHECKS_DISAGREE, at, b->rank, b->n_checks);
}
