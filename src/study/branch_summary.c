/* A search by branches in the summary, and the phases of its answer. */
#include "steps.h"

#include <math.h>

static json_t *shares_json(const asc__study *s, const int64_t *sequences)
{
    json_t *o = json_object();
    double sum = 0;
    for (size_t i = 0; i < s->D; i++)
        sum += (double)sequences[i];
    for (size_t i = 0; i < s->D; i++)
        json_object_set_new(o, s->spec->domain_names[i], asc_json_num((double)sequences[i] / sum));
    return o;
}

static double prefix_share(const asc__branching *b)
{
    return (double)b->prefix / (double)b->total;
}

json_t *asc__phases_json(const asc__study *s, const asc__mixture *m)
{
    const asc__branching *b = &s->branching;
    return json_pack("[{s:o,s:o},{s:i,s:o}]", "until", asc_json_num(prefix_share(b)), "weights",
                     shares_json(s, b->first), "until", 1, "weights", shares_json(s, m->later));
}

static double *shares(asc_summary *o, const asc__study *s, const int64_t *sequences)
{
    double *x = asc_summary_alloc(o, s->D * sizeof *x), sum = 0;
    for (size_t i = 0; i < s->D; i++)
        sum += (double)sequences[i];
    for (size_t i = 0; x && i < s->D; i++)
        x[i] = (double)sequences[i] / sum;
    return x;
}

asc_summary_phase *asc__phases(size_t *n, asc_summary *o, const asc__study *s, const asc__mixture *m)
{
    *n = 0;
    if (m->kind != ASC_MIXTURE_SCHEDULE)
        return NULL;
    asc_summary_phase *p = asc_summary_alloc(o, 2 * sizeof *p);
    if (!p)
        return NULL;
    *n = 2;
    p[0] = (asc_summary_phase){prefix_share(&s->branching), shares(o, s, s->branching.first)};
    p[1] = (asc_summary_phase){1, shares(o, s, m->later)};
    return p;
}

/* Shares of what a run trained on behind the prefix. */
static double *later(asc_summary *o, const asc__study *s, const asc_store_run *r)
{
    double *x = asc_summary_alloc(o, s->D * sizeof *x), T = s->model.context;
    for (size_t i = 0; x && i < s->D; i++)
        x[i] = (r->tokens[i] / T - (double)s->branching.first[i]) / (double)s->branching.length;
    return x;
}

static void put_round(asc_summary_round *x, asc_summary *o, const asc__study *s, const asc__round *r)
{
    *x = (asc_summary_round){
        .centre = asc_summary_numbers(o, r->centre, s->D), .n_merges = (double)r->n_merges, .predicted = NAN};
    if (!r->fitted)
        return;
    x->law = asc_summary_text(o, r->law.law);
    x->optimum = asc_summary_numbers(o, r->optimum.weights, s->D);
    x->ci = asc_summary_intervals(o, r->optimum.w_lo, r->optimum.w_hi, s->D);
    x->predicted = r->optimum.predicted;
}

static void put_check(asc_summary_check *x, asc_summary *o, const asc__study *s, const asc__check *c)
{
    const asc_store_run *r = &s->runs[c->real];
    *x = (asc_summary_check){.mixture = c->what,
                             .weights = later(o, s, r),
                             .merged = c->merged_value,
                             .real = c->real_value,
                             .run = asc_summary_text(o, r->id)};
}

void asc__put_branching(asc_summary *o, const asc__study *s)
{
    const asc__branching *b = &s->branching;
    asc_summary_search *x = &o->search;
    double T = s->model.context;
    if (!b->n_rounds)
        return;
    *x = (asc_summary_search){.known = true,
                              .method = asc_search_method_name(s->spec->search.method),
                              .tokens = s->spec->target_tokens,
                              .prefix = prefix_share(b),
                              .prefix_tokens = (double)b->prefix * T,
                              .branch_tokens = (double)b->length * T,
                              .eval_tokens = (double)s->spec->search.eval_tokens,
                              .rounds = asc_summary_alloc(o, b->n_rounds * sizeof *x->rounds),
                              .checks = asc_summary_alloc(o, ASC__CHECKS * sizeof *x->checks),
                              .rank = b->n_checks ? b->rank : NAN,
                              .bias = b->n_checks ? b->bias : NAN,
                              .spread = b->n_checks ? b->spread : NAN,
                              .delta = b->delta,
                              .decided = b->why[0] ? asc_summary_text(o, b->why) : NULL,
                              .better = b->better};
    for (; x->rounds && x->n_rounds < b->n_rounds; x->n_rounds++)
        put_round(&x->rounds[x->n_rounds], o, s, &b->rounds[x->n_rounds]);
    for (; x->checks && x->n_checks < b->n_checks; x->n_checks++)
        put_check(&x->checks[x->n_checks], o, s, &b->checks[x->n_checks]);
}
