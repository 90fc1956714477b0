/* The published methods named in `target.against`: the runs they need, their mixtures, and what they took, each counted
 * by itself and apart from the study's own search (docs/rivals.md). */
#include "steps.h"

#include <math.h>
#include <string.h>

#define SWARM "swarm" /* the mixture's word of runs that several rivals share */

/* ---- which ---- */

static bool needs_swarm(const asc__rival *r)
{
    return r->method->need == ASC_RIVAL_SWARM;
}

bool asc__rival_has_run(const asc__rival *r, const char *mixture)
{
    return strcmp(mixture, r->method->name) == 0 || (needs_swarm(r) && strcmp(mixture, SWARM) == 0);
}

const double *asc__rival_weights(const asc__study *s, const char *name)
{
    for (size_t k = 0; k < s->rivals.n; k++)
        if (strcmp(s->rivals.list[k].method->name, name) == 0)
            return s->rivals.list[k].weights;
    return NULL;
}

void asc__rivals_clear(asc__study *s)
{
    for (size_t k = 0; k < s->rivals.n; k++)
        asc_free(s->rivals.list[k].weights);
    asc_free(s->rivals.list);
    asc_free(s->rivals.swarm);
    s->rivals = (asc__rivals){0};
}

static asc_status find_rivals(asc__study *s, asc_error *err)
{
    asc__rivals *x = &s->rivals;
    x->list = asc_calloc(s->spec->n_against + 1, sizeof *x->list);
    if (!x->list)
        return ASC_NOMEM(err);
    for (size_t i = 0; i < s->spec->n_against; i++) {
        const asc_mixture_ref *ref = &s->spec->against[i];
        if (ref->kind != ASC_MIXTURE_RIVAL)
            continue;
        const asc_rival *m = asc_rival_named(ref->name);
        const char *missing = m->missing ? m->missing() : NULL;
        if (missing)
            return ASC_FAIL(err, ASC_EMISSING, "%s: against: %s: %s", s->spec->path, m->name, missing);
        x->list[x->n++].method = m;
    }
    return ASC_OK;
}

/* ---- the swarm ---- */

static double whole_tokens(const asc__study *s, double asked)
{
    double T = s->model.context, n = asked < 1 ? asked * s->spec->target_tokens : asked;
    return fmax(floor(n / T), 1) * T;
}

static double run_flops(const asc__study *s, double tokens)
{
    const asc__size *z = asc__size_of(s, asc__size_of_kind(s, ASC_KIND_RIVAL, tokens));
    return asc__train_flops(z, tokens) + asc__eval_flops(z, asc__eval_tokens(s));
}

/* Runs and tokens of each within search.at_most: fewer runs first, down to twice what a law of D domains needs, then
 * shorter ones, down to a step. */
static asc_status cut_swarm(int *runs, double *tokens, const asc__study *s, asc_notes *notes, asc_error *err)
{
    double budget = s->spec->search.at_most * asc__target_flops(s), least = 2 * ((double)s->D + 1);
    char was[24], now[24];
    *runs = s->spec->rivals.runs;
    *tokens = whole_tokens(s, s->spec->rivals.run_tokens);
    if (isnan(budget) || *runs * run_flops(s, *tokens) <= budget)
        return ASC_OK;
    double before = *tokens, most = floor(budget / run_flops(s, *tokens));
    if (most < least && most < *runs) {
        most = fmin(least, *runs);
        double left = budget / most - run_flops(s, 0);
        *tokens = left > 0 ? whole_tokens(s, fmax(1, left / (run_flops(s, 1) - run_flops(s, 0)))) : 0;
        if (*tokens < (double)s->spec->training.batch_tokens)
            return ASC_FAIL(err, ASC_EINVAL,
                            "%s: search.at_most %g leaves the rivals' swarm %.0f runs of less than one step: a larger "
                            "share, or less validation.tokens",
                            s->spec->path, s->spec->search.at_most, most);
    }
    *runs = (int)fmin(most, *runs);
    asc_notes_say(notes, CUT_RIVALS, s->spec->search.at_most, *runs, asc_format_count(*tokens, now),
                  s->spec->rivals.runs, asc_format_count(before, was));
    return ASC_OK;
}

static asc_status add_run(asc__study *s, const double *weights, size_t k, bool store, asc_error *err)
{
    asc__rivals *x = &s->rivals;
    char label[32], *id = asc_strf("v%s-mix-%zu", asc__tokens_label(x->swarm_tokens, label), k);
    int64_t *whole = asc_calloc(s->D, sizeof *whole);
    double *tokens = asc_calloc(s->D, sizeof *tokens);
    asc_status st =
        id && whole && tokens ? asc__whole_tokens(whole, NULL, s, weights, x->swarm_tokens, err) : ASC_NOMEM(err);
    for (size_t i = 0; st == ASC_OK && i < s->D; i++)
        tokens[i] = (double)whole[i];
    asc_store_run want = {.id = id,
                          .kind = ASC_KIND_RIVAL,
                          .mixture = SWARM,
                          .scale = x->swarm_tokens,
                          .seed = s->spec->training.seed,
                          .n_domains = s->D,
                          .tokens = tokens};
    if (st == ASC_OK)
        st = asc__study_add_run(&x->swarm[x->n_swarm], s, &want, store, err);
    x->n_swarm += st == ASC_OK;
    asc_free(id);
    asc_free(whole);
    asc_free(tokens);
    return st;
}

static void natural_shares(double *w, const asc__study *s)
{
    asc__study_weights(w, s, &(asc_mixture_ref){.kind = ASC_MIXTURE_NATURAL});
}

static asc_status begin_swarm(asc__study *s, bool store, asc_notes *notes, asc_error *err)
{
    int n = 0;
    ASC_TRY(cut_swarm(&n, &s->rivals.swarm_tokens, s, notes, err));
    double *natural = asc_calloc(s->D, sizeof *natural), *w = asc_calloc((size_t)n * s->D, sizeof *w);
    s->rivals.swarm = asc_calloc((size_t)n, sizeof *s->rivals.swarm);
    asc_status st = natural && w && s->rivals.swarm ? ASC_OK : ASC_NOMEM(err);
    if (st == ASC_OK) {
        natural_shares(natural, s);
        st = asc_rival_mixtures(w, (size_t)n, natural, s->D, NULL, NULL, s->spec->training.seed, err);
    }
    for (size_t k = 0; st == ASC_OK && k < (size_t)n; k++)
        st = add_run(s, w + k * s->D, k, store, err);
    asc_free(natural);
    asc_free(w);
    return st;
}

asc_status asc__rivals_begin(asc__study *s, bool store, asc_notes *notes, asc_error *err)
{
    bool swarm = false;
    ASC_TRY(find_rivals(s, err));
    for (size_t k = 0; k < s->rivals.n; k++)
        swarm |= needs_swarm(&s->rivals.list[k]);
    return swarm ? begin_swarm(s, store, notes, err) : ASC_OK;
}

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
    natural_shares(natural, s);
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

static asc_status fit(asc__study *s, size_t k, asc_error *err)
{
    asc__rival *r = &s->rivals.list[k];
    asc_table t = {0};
    double *room = asc_calloc(2 * s->D, sizeof *room);
    asc_status st = room ? ASC_OK : ASC_NOMEM(err);
    if (st == ASC_OK && needs_swarm(r))
        st = swarm_table(&t, s, err);
    if (st == ASC_OK)
        st = ask(s, r, &t, room, room + s->D, err);
    asc_table_clear(&t);
    asc_free(room);
    return st;
}

asc_status asc__rivals_make(asc__study *s, asc_error *err)
{
    if (s->rivals.n_swarm)
        ASC_TRY(asc__make_list(s, s->rivals.swarm, s->rivals.n_swarm, asc__publish_all, err));
    for (size_t k = 0; !s->kept && k < s->rivals.n; k++)
        ASC_TRY(asc__study_step(s, "rivals", fit, k, s->rivals.n, err));
    return ASC_OK;
}

/* ---- what they took ---- */

/* Among those that the study now asks for: one that was edited may have others. */
static bool is_asked(const asc__study *s, size_t run)
{
    for (size_t k = 0; k < s->rivals.n_swarm; k++)
        if (s->rivals.swarm[k] == run)
            return true;
    return false;
}

asc__rival_cost asc__rival_took(const asc__study *s, const asc__rival *r)
{
    asc__rival_cost c = {0};
    for (size_t i = 0; i < s->n_runs; i++) {
        const asc_store_run *x = &s->runs[i];
        bool ended = x->state == ASC_RUN_DONE || x->state == ASC_RUN_DIVERGED;
        if (x->kind != ASC_KIND_RIVAL || !ended || !asc__rival_has_run(r, x->mixture) || !is_asked(s, i))
            continue;
        c.runs++;
        c.tokens += asc__run_tokens(x);
        c.flops += run_flops(s, asc__run_tokens(x));
        c.seconds += x->result ? x->result->wall_s : NAN;
    }
    return c;
}

void asc__put_rivals(asc_summary *o, const asc__study *s)
{
    if (s->rivals.n == 0)
        return;
    o->rivals = asc_summary_alloc(o, s->rivals.n * sizeof *o->rivals);
    for (size_t k = 0; o->rivals && k < s->rivals.n; k++) {
        const asc__rival *r = &s->rivals.list[k];
        asc__rival_cost c = asc__rival_took(s, r);
        o->rivals[o->n_rivals++] =
            (asc_summary_rival){.name = asc_summary_text(o, r->method->name),
                                .method = asc_summary_text(o, r->method->help),
                                .weights = r->weights ? asc_summary_numbers(o, r->weights, s->D) : NULL,
                                .n_runs = (double)c.runs,
                                .tokens = c.tokens,
                                .flops = c.flops,
                                .share = c.flops / asc__target_flops(s),
                                .seconds = c.seconds};
    }
}
