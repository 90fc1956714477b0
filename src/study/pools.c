/* Repetition matched [2606.07597]: a proxy of N tokens is given as much of a domain's text as is to the target's budget
 * what N is, so that a mixture repeats text in it as often as the target will. One pool per scale, cut by documents in
 * the order of their hashes, each within the larger ones; plan, design, caps and runs go by the same numbers. */
#include "steps.h"

#include <assert.h>
#include <math.h>
#include <string.h>

bool asc__matches(const asc_study_spec *spec)
{
    bool any = false;
    for (size_t i = 0; i < spec->n_domains; i++)
        any |= spec->domains[i].available > 0;
    if (!asc_study_has_proxies(spec) || spec->search.repetition == ASC_REPETITION_FREE)
        return false;
    return any || spec->search.repetition == ASC_REPETITION_MATCHED;
}

void asc__epochs_of(asc__epochs *out, double tokens, int context, double max_epochs)
{
    assert(tokens >= 0 && context > 0);
    int64_t n = (int64_t)tokens;
    out->tokens = tokens;
    out->epoch_tokens = fmax(1, (double)asc_epoch_sequences(n, context)) * context;
    out->cap_sequences = asc_cap_sequences(n, context, max_epochs);
    out->cap_epochs = out->cap_sequences < ASC_NO_CAP ? (double)out->cap_sequences * context / tokens : NAN;
}

/* ---- the pools ---- */

/* Of the scales, and of the swarm behind them. */
static double budget_at(const asc__study *s, size_t k)
{
    return k < s->spec->n_scales ? s->spec->scales[k] : asc__swarm_tokens(s);
}

static asc_status make_pool(asc__pool *p, const asc__study *s, double budget, asc_error *err)
{
    int T = s->model.context;
    p->budget = budget;
    p->of = asc_calloc(s->D, sizeof *p->of);
    p->available = asc_calloc(s->D, sizeof *p->available);
    p->cap_sequences = asc_calloc(s->D, sizeof *p->cap_sequences);
    p->cap_epochs = asc_calloc(s->D, sizeof *p->cap_epochs);
    p->there = asc_calloc(s->D, sizeof *p->there);
    if (!p->of || !p->available || !p->cap_sequences || !p->cap_epochs || !p->there)
        return ASC_NOMEM(err);
    for (size_t i = 0; i < s->D; i++) {
        double share = fmin(1, budget / s->spec->target_tokens);
        double tokens = fmax(floor(s->available[i] * share), T + 1);
        asc__epochs_of(&p->of[i], tokens, T, s->max_epochs[i]);
        p->available[i] = tokens;
        p->cap_sequences[i] = p->of[i].cap_sequences;
        p->cap_epochs[i] = p->of[i].cap_epochs;
        p->there[i] = fmin(tokens, s->there[i]);
    }
    return ASC_OK;
}

void asc__pools_clear(asc__study *s)
{
    for (size_t k = 0; k < s->n_pools; k++) {
        asc_free(s->pools[k].of);
        asc_free(s->pools[k].available);
        asc_free(s->pools[k].cap_sequences);
        asc_free(s->pools[k].cap_epochs);
        asc_free(s->pools[k].there);
    }
    asc_free(s->pools);
    s->pools = NULL;
    s->n_pools = 0;
}

asc_status asc__pools_set(asc__study *s, asc_error *err)
{
    asc__pools_clear(s);
    size_t n = !asc__matches(s->spec) ? 0 : s->spec->n_scales + asc_study_has_swarm(s->spec);
    s->pools = asc_calloc(n + 1, sizeof *s->pools);
    if (!s->pools)
        return ASC_NOMEM(err);
    for (size_t k = 0; k < n; k++) {
        if (asc__pool_at(s, budget_at(s, k)))
            continue; /* a swarm of a scale's budget shares its text */
        asc_status st = make_pool(&s->pools[s->n_pools++], s, budget_at(s, k), err);
        if (st != ASC_OK)
            return st;
    }
    return ASC_OK;
}

const asc__pool *asc__pool_at(const asc__study *s, double budget)
{
    for (size_t k = 0; k < s->n_pools; k++)
        if (s->pools[k].budget == budget)
            return &s->pools[k];
    return NULL;
}

const asc__pool *asc__pool_of(const asc__study *s, const asc_store_run *r)
{
    return asc__is_star(r->kind) || r->kind == ASC_KIND_MIXTURE || r->kind == ASC_KIND_PAUSE ? asc__pool_at(s, r->scale)
                                                                                             : NULL;
}

const int64_t *asc__caps_at(const asc__study *s, double budget)
{
    const asc__pool *p = asc__pool_at(s, budget);
    return p ? p->cap_sequences : s->cap_sequences;
}

/* ---- their files ---- */

static bool is_cut(const asc__study *s, const asc__pool *p, size_t i)
{
    return p->there[i] < s->there[i];
}

static char *pool_dir(const asc__pool *p, const char *tokens)
{
    char label[32];
    return asc_strf("%s/pools/%s", tokens, asc__tokens_label(p->budget, label));
}

char *asc__pool_prefix(const asc__study *s, const asc__pool *p, const char *tokens, size_t i)
{
    const char *name = s->spec->domain_names[i];
    if (!p || !is_cut(s, p, i))
        return asc_corpus_prefix(tokens, name, false);
    char *dir = pool_dir(p, tokens);
    char *prefix = dir ? asc_corpus_prefix(dir, name, false) : NULL;
    asc_free(dir);
    return prefix;
}

static asc_status cut_domain(const asc__study *s, const asc__pool *p, const char *tokens, size_t i, asc_error *err)
{
    asc_token_file *f = NULL, *there = NULL;
    char *to = asc__pool_prefix(s, p, tokens, i), *from = asc_corpus_prefix(tokens, s->spec->domain_names[i], false);
    asc_status st = to && from ? ASC_OK : ASC_NOMEM(err);
    /* Made before, of this text: other text is refused or begins the folder anew. */
    bool made = st == ASC_OK && asc_token_file_open(&there, to, NULL) == ASC_OK &&
                asc_token_file_tokens(there) == (int64_t)p->there[i];
    asc_token_file_close(there);
    if (st == ASC_OK && !made)
        st = asc_token_file_open(&f, from, err);
    if (st == ASC_OK && !made)
        st = asc_token_file_cut(f, (int64_t)p->there[i], (size_t)s->model.vocab, to, err);
    asc_token_file_close(f);
    asc_free(to);
    asc_free(from);
    return st;
}

asc_status asc__pools_make(const asc__study *s, asc_error *err)
{
    char *tokens = asc_path_join(s->dir, "tokens");
    asc_status st = tokens ? ASC_OK : ASC_NOMEM(err);
    for (size_t k = 0; st == ASC_OK && k < s->n_pools; k++) {
        const asc__pool *p = &s->pools[k];
        char *dir = pool_dir(p, tokens);
        st = dir ? asc_mkdirs(dir, err) : ASC_NOMEM(err);
        asc_free(dir);
        for (size_t i = 0; st == ASC_OK && i < s->D; i++) {
            if (s->opts->progress)
                s->opts->progress(s->opts->ctx, "cutting text to the proxies' share", (double)(k * s->D + i),
                                  (double)(s->n_pools * s->D), "domains");
            if (is_cut(s, p, i))
                st = cut_domain(s, p, tokens, i, err);
        }
    }
    asc_free(tokens);
    return st;
}

double asc__run_text(const asc__study *s, const asc_store_run *r, size_t i)
{
    const asc__pool *p = asc__pool_of(s, r);
    return p ? p->there[i] : s->there[i];
}

/* The cap as the run's own file has to be told of it: that of all the text that exists allows more passes over a sample
 * of it. */
double asc__run_max_epochs(const asc__study *s, const asc_store_run *r, size_t i)
{
    const asc__pool *p = asc__pool_of(s, r);
    int T = s->model.context;
    int64_t most = p ? p->cap_sequences[i] : s->cap_sequences[i], there = (int64_t)asc__run_text(s, r, i);
    if (most >= ASC_NO_CAP || asc_cap_sequences(there, T, s->max_epochs[i]) >= most)
        return s->max_epochs[i];
    return (double)most / fmax(1, (double)asc_epoch_sequences(there, T));
}

/* ---- notes ---- */

enum { NAMED = 5 };

/* "books 1.2k tokens (0.31 epochs), …" of the reference at a scale. */
static void list_pool(asc_buf *b, const asc__study *s, const asc__pool *p)
{
    char label[32];
    for (size_t i = 0; i < s->D && i < NAMED; i++)
        asc_buf_printf(b, "%s%s %s tokens, %.3g epochs", i ? "; " : "", s->spec->domain_names[i],
                       asc_format_count(p->there[i], label),
                       s->reference[i] * p->budget / fmin(p->of[i].epoch_tokens, p->there[i]));
    if (s->D > NAMED)
        asc_buf_printf(b, "; and %zu more", s->D - NAMED);
}

void asc__doubt_repetition(asc_notes *notes, const asc__study *s)
{
    char label[32], there[32], wanted[32];
    for (size_t k = 0; k < s->n_pools; k++) {
        asc_buf b = {0};
        const asc__pool *p = &s->pools[k];
        list_pool(&b, s, p);
        if (b.len && !b.oom)
            asc_notes_say(notes, REPETITION_MATCHED, asc_format_count(p->budget, label), b.data);
        asc_buf_clear(&b);
        for (size_t i = 0; i < s->D; i++)
            if (p->there[i] < p->available[i])
                asc_notes_say(notes, SAMPLE_SHORT, s->spec->domain_names[i], asc_format_count(p->there[i], there),
                              asc_format_count(p->available[i], wanted), label, p->available[i] / p->there[i]);
    }
    bool here = asc__target_trained(s);
    for (size_t i = 0; here && !s->spec->trainer.command && i < s->D; i++)
        if (s->reference[i] * s->spec->target_tokens > s->there[i] && s->there[i] < s->available[i])
            asc_notes_say(notes, TARGET_SAMPLE, s->spec->domain_names[i], asc_format_count(s->there[i], there),
                          s->reference[i] * s->spec->target_tokens / s->there[i],
                          s->reference[i] * s->spec->target_tokens / s->available[i]);
}
