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

/* Phases of a mixture that goes on from a prefix: a stage that kept what the run had begins no phase. seq: (n_phases +
 * 1, D) sequences of each, until: (n_phases + 1) shares of the run. Returns how many there are. */
static size_t phases_of(int64_t *seq, double *until, const asc__study *s, const asc__mixture *m)
{
    const asc__branching *b = &s->stages[m->stage];
    size_t n = 0, D = s->D;
    for (size_t k = 0; k <= b->n_phases; k++) {
        bool last = k == b->n_phases;
        for (size_t i = 0; i < D; i++)
            seq[n * D + i] += last ? m->later[i] : b->phases[k * D + i];
        if (!last && !s->stages[k].better)
            continue;
        until[n++] = last ? 1 : prefix_share(&s->stages[k]);
    }
    return n;
}

json_t *asc__phases_json(const asc__study *s, const asc__mixture *m)
{
    size_t most = s->stages[m->stage].n_phases + 1;
    int64_t *seq = asc_calloc(most, s->D * sizeof *seq);
    double until[ASC_MOST_STAGES + 1];
    size_t n = seq ? phases_of(seq, until, s, m) : 0;
    json_t *list = seq ? json_array() : NULL;
    for (size_t k = 0; k < n; k++) {
        json_t *at = k + 1 < n ? asc_json_num(until[k]) : json_integer(1);
        json_array_append_new(list, json_pack("{s:o,s:o}", "until", at, "weights", shares_json(s, seq + k * s->D)));
    }
    asc_free(seq);
    return list;
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
    size_t most = s->stages[m->stage].n_phases + 1;
    int64_t *seq = asc_calloc(most, s->D * sizeof *seq);
    double until[ASC_MOST_STAGES + 1];
    asc_summary_phase *p = asc_summary_alloc(o, most * sizeof *p);
    o->oom |= !seq;
    *n = seq && p ? phases_of(seq, until, s, m) : 0;
    for (size_t k = 0; k < *n; k++)
        p[k] = (asc_summary_phase){until[k], shares(o, s, seq + k * s->D)};
    asc_free(seq);
    return *n ? p : NULL;
}

/* Shares of what a run trained on behind the prefix. */
static double *later(asc_summary *o, const asc__study *s, const asc__branching *b, const asc_store_run *r)
{
    double *x = asc_summary_alloc(o, s->D * sizeof *x), T = s->model.context;
    for (size_t i = 0; x && i < s->D; i++)
        x[i] = (r->tokens[i] / T - (double)b->first[i]) / (double)b->length;
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

static void put_check(asc_summary_check *x, asc_summary *o, const asc__study *s, const asc__branching *b,
                      const asc__check *c)
{
    const asc_store_run *r = &s->runs[c->real];
    *x = (asc_summary_check){.mixture = c->what,
                             .weights = later(o, s, b, r),
                             .merged = c->merged_value,
                             .real = c->real_value,
                             .run = asc_summary_text(o, r->id),
                             .merged_run = asc_summary_text(o, s->runs[c->merged].id)};
}

static void put_stage(asc_summary_search *x, asc_summary *o, const asc__study *s, const asc__branching *b)
{
    double T = s->model.context;
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
        put_check(&x->checks[x->n_checks], o, s, b, &b->checks[x->n_checks]);
}

void asc__put_branching(asc_summary *o, const asc__study *s)
{
    asc_summary_search *x = &o->search;
    size_t n = 0;
    while (n < s->n_stages && s->stages[n].n_rounds)
        n++;
    if (!n)
        return;
    put_stage(x, o, s, &s->stages[0]);
    x->began = s->start_known ? asc_summary_text(o, s->start_why) : NULL;
    if (asc__most_stages(s->spec) == 1)
        return;
    x->stages = asc_summary_alloc(o, n * sizeof *x->stages);
    for (; x->stages && x->n_stages < n; x->n_stages++)
        put_stage(&x->stages[x->n_stages], o, s, &s->stages[x->n_stages]);
}

void asc__branch_why(char *out, size_t n, const asc__study *s)
{
    asc_buf b = {0};
    for (size_t k = 0; k < s->n_stages; k++) {
        if (s->n_stages > 1)
            asc_buf_printf(&b, "%sat %.3g %%: ", k ? "; " : "", 100 * asc__stage_share(s->spec, k));
        asc_buf_puts(&b, s->stages[k].why);
    }
    snprintf(out, n, "%s", b.oom || !b.data ? "" : b.data);
    asc_buf_clear(&b);
}
