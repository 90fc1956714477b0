/* A study whose domains change: which of the runs made with others still are runs on mixtures of those it has now. A
 * domain that a run did not have has no share in it; one that was split has its parts' shares by their size; a run that
 * gave a share to a domain that is gone is set aside, until it is back. */
#include "steps.h"

#include <math.h>
#include <string.h>

#define LISTS "run-domains"

/* ---- which domains a run was made with ---- */

static bool same_names(const json_t *list, char *const *names, size_t n)
{
    bool same = json_array_size(list) == n;
    for (size_t i = 0; same && i < n; i++)
        same = strcmp(json_string_value(json_array_get(list, i)), names[i]) == 0;
    return same;
}

static bool has_ended(const asc_store_run *r)
{
    return r->state == ASC_RUN_DONE || r->state == ASC_RUN_DIVERGED;
}

/* A run that has not ended has told nothing yet, and is not wanted any more. */
asc_status asc__drop_unended(asc__study *s, bool (*of)(const asc_store_run *r), asc_error *err)
{
    size_t n = 0;
    asc_status st = ASC_OK;
    for (size_t i = 0; i < s->n_runs; i++) {
        asc_store_run r = s->runs[i];
        if (st == ASC_OK && !has_ended(&r) && (!of || of(&r))) {
            st = asc_store_drop_run(s->store, r.id, err);
            asc_store_run_clear(&r);
        } else
            s->runs[n++] = r;
    }
    s->n_runs = n;
    return st;
}

asc_status asc__doc_of_runs(json_t **out, asc_store *store, const char *name, asc_error *err)
{
    ASC_TRY(asc_store_get_doc(out, store, name, err));
    *out = *out ? *out : json_object();
    return *out ? ASC_OK : ASC_NOMEM(err);
}

/* The store's lists, and these names for the runs (n) without one. */
static asc_status lists_with(json_t **out, asc_store *store, const asc_store_run *runs, size_t n, const json_t *names,
                             asc_error *err)
{
    ASC_TRY(asc__doc_of_runs(out, store, LISTS, err));
    bool ok = true;
    for (size_t i = 0; ok && names && i < n; i++)
        if (!json_object_get(*out, runs[i].id))
            ok = json_object_set(*out, runs[i].id, (json_t *)(uintptr_t)names) == 0;
    return ok ? ASC_OK : ASC_NOMEM(err);
}

asc_status asc__living_note(asc__study *s, const json_t *before, asc_error *err)
{
    json_t *lists = NULL;
    ASC_TRY(asc__drop_unended(s, NULL, err));
    asc_status st = lists_with(&lists, s->store, s->runs, s->n_runs, json_object_get(before, "domains"), err);
    if (st == ASC_OK)
        st = asc_store_put_doc(s->store, LISTS, lists, err);
    json_decref(lists);
    return st;
}

asc_status asc__living_lists(json_t **out, asc_store *store, asc_error *err)
{
    return asc_store_get_doc(out, store, LISTS, err);
}

asc_status asc__living_lists_now(json_t **out, asc_store *store, const asc_store_run *runs, size_t n, asc_error *err)
{
    json_t *spec = NULL;
    ASC_TRY(asc_store_get_doc(&spec, store, "spec", err));
    asc_status st = lists_with(out, store, runs, n, json_object_get(spec, "domains"), err);
    json_decref(spec);
    return st;
}

/* ---- a domain that was split ---- */

typedef struct split {
    const char *whole;
    size_t n_parts;
    double *share; /* (D) of its tokens */
    bool known;
} split;

typedef struct mapping {
    const asc__study *s;
    asc_domain_report *there; /* (n_there) of all text that runs were made of */
    size_t n_there;
    split *splits;
    size_t n_splits, cap_splits;
    size_t n_kept, n_gone, n_unknown;
    const char *kept, *gone, *gone_domain, *unknown, *unknown_domain; /* the first of them */
} mapping;

static const asc_domain_report *named(const mapping *m, const char *name)
{
    for (size_t i = 0; i < m->n_there; i++)
        if (strcmp(m->there[i].name, name) == 0)
            return &m->there[i];
    return NULL;
}

static double tokens_of(const mapping *m, size_t i)
{
    return m->s->reports ? (double)m->s->reports[i].n_tokens : m->s->there[i];
}

/* The parts' text is that of the whole: the same documents, and as many tokens to train on. A plan, made before the
 * text is, takes it to be so. */
static bool is_whole(const mapping *m, const split *x, const asc_domain_report *const *parts, double tokens)
{
    const asc_domain_report *whole = named(m, x->whole);
    if (!m->s->reports)
        return true;
    return whole && asc_corpus_adds_up(whole, parts, x->n_parts) && (double)whole->n_tokens == tokens;
}

static asc_status add_split(split **out, mapping *m, const char *whole, asc_error *err)
{
    const asc__study *s = m->s;
    for (size_t k = 0; k < m->n_splits; k++)
        if (strcmp(m->splits[k].whole, whole) == 0) {
            *out = &m->splits[k];
            return ASC_OK;
        }
    split *more = asc_grow(m->splits, &m->cap_splits, m->n_splits + 1, sizeof *more);
    if (!more)
        return ASC_NOMEM(err);
    m->splits = more;
    split *x = *out = &more[m->n_splits++];
    *x = (split){.whole = whole, .share = asc_calloc(s->D, sizeof *x->share)};
    const asc_domain_report **parts = asc_calloc(s->D + 1, sizeof *parts);
    double tokens = 0;
    asc_status st = x->share && parts ? ASC_OK : ASC_NOMEM(err);
    for (size_t i = 0; st == ASC_OK && i < s->D; i++) {
        const char *of = s->spec->domains[i].part_of;
        if (!of || strcmp(of, whole) != 0)
            continue;
        parts[x->n_parts++] = s->reports ? &s->reports[i] : NULL;
        tokens += x->share[i] = tokens_of(m, i);
    }
    for (size_t i = 0; st == ASC_OK && i < s->D; i++)
        x->share[i] /= tokens;
    x->known = st == ASC_OK && x->n_parts > 0 && is_whole(m, x, parts, tokens);
    asc_free(parts);
    return st;
}

/* ---- one run ---- */

static size_t domain_called(const asc__study *s, const char *name)
{
    for (size_t i = 0; i < s->D; i++)
        if (strcmp(s->spec->domain_names[i], name) == 0)
            return i;
    return ASC_NONE;
}

/* One domain's tokens of a run into those of the domains that there are now. *fits false: there is no place for them.
 */
static asc_status put(double *tokens, bool *fits, mapping *m, const asc_store_run *r, const char *name, double n,
                      asc_error *err)
{
    split *x = NULL;
    size_t at = domain_called(m->s, name);
    if (at != ASC_NONE || n == 0) {
        if (at != ASC_NONE)
            tokens[at] += n;
        return ASC_OK;
    }
    ASC_TRY(add_split(&x, m, name, err));
    for (size_t i = 0; x->known && i < m->s->D; i++)
        tokens[i] += x->share[i] * n;
    if (x->known)
        return ASC_OK;
    *fits = false;
    if (x->n_parts && !m->n_unknown++) {
        m->unknown = r->id;
        m->unknown_domain = name;
    }
    if (!x->n_parts && !m->n_gone++) {
        m->gone = r->id;
        m->gone_domain = name;
    }
    return ASC_OK;
}

/* Whole numbers with the sum that they had. */
static void round_tokens(double *tokens, size_t n)
{
    double sum = 0, whole = 0;
    for (size_t i = 0; i < n; i++) {
        sum += tokens[i];
        tokens[i] = floor(sum + .5) - whole;
        whole += tokens[i];
    }
}

static asc_status map_run(bool *fits, mapping *m, asc_store_run *r, const json_t *list, asc_error *err)
{
    size_t D = m->s->D;
    *fits = r->n_domains == json_array_size(list);
    double *tokens = asc_calloc(D, sizeof *tokens);
    if (!tokens)
        return ASC_NOMEM(err);
    asc_status st = ASC_OK;
    for (size_t i = 0; st == ASC_OK && *fits && i < r->n_domains; i++)
        st = put(tokens, fits, m, r, json_string_value(json_array_get(list, i)), r->tokens[i], err);
    if (st != ASC_OK || !*fits) {
        asc_free(tokens);
        return st;
    }
    round_tokens(tokens, D);
    r->made = r->tokens;
    r->n_made = r->n_domains;
    r->tokens = tokens;
    r->n_domains = D;
    m->kept = m->n_kept++ ? m->kept : r->id;
    return ASC_OK;
}

/* ---- all of them ---- */

static const char *more(size_t n)
{
    return n > 1 ? ", ..." : "";
}

static void say_splits(asc_notes *notes, const mapping *m)
{
    for (size_t k = 0; k < m->n_splits; k++) {
        const split *x = &m->splits[k];
        asc_buf b = {0};
        for (size_t i = 0; x->known && i < m->s->D; i++)
            if (x->share[i] > 0)
                asc_buf_printf(&b, "%s%s %.3g %%", b.len ? ", " : "", m->s->spec->domain_names[i], 100 * x->share[i]);
        if (b.len && !b.oom)
            asc_notes_say(notes, DOMAIN_SPLIT, x->whole, b.data);
        asc_buf_clear(&b);
    }
}

static void say(asc_notes *notes, const mapping *m)
{
    if (m->n_kept)
        asc_notes_say(notes, RUNS_KEPT, m->n_kept, m->kept, more(m->n_kept));
    say_splits(notes, m);
    if (m->n_gone)
        asc_notes_say(notes, RUNS_ASIDE_GONE, m->n_gone, m->gone, more(m->n_gone), m->gone_domain);
    if (m->n_unknown)
        asc_notes_say(notes, RUNS_ASIDE_SPLIT, m->n_unknown, m->unknown, more(m->n_unknown), m->unknown_domain,
                      m->unknown_domain);
}

/* Those that fit to the front of s->runs, the others to s->aside; a run's lists name it. */
static asc_status map_all(mapping *m, asc__study *s, const json_t *lists, asc_error *err)
{
    size_t n = 0;
    asc_status st = ASC_OK;
    s->aside = asc_calloc(s->n_runs + 1, sizeof *s->aside);
    if (!s->aside)
        return ASC_NOMEM(err);
    for (size_t i = 0; i < s->n_runs; i++) {
        const json_t *list = json_object_get(lists, s->runs[i].id);
        bool fits = true;
        if (st == ASC_OK && list && !same_names(list, s->spec->domain_names, s->D))
            st = map_run(&fits, m, &s->runs[i], list, err);
        if (fits)
            s->runs[n++] = s->runs[i];
        else
            s->aside[s->n_aside++] = s->runs[i];
    }
    s->n_runs = n;
    return st;
}

asc_status asc__living_map(asc__study *s, const char *dir, const json_t *lists, asc_notes *notes, asc_error *err)
{
    mapping m = {.s = s};
    if (!json_object_size(lists) || !s->n_runs)
        return ASC_OK;
    char *tokens = asc_path_join(dir, "tokens");
    asc_status st = tokens ? asc_corpus_reports(&m.there, &m.n_there, tokens, err) : ASC_NOMEM(err);
    if (st == ASC_OK)
        st = map_all(&m, s, lists, err);
    if (st == ASC_OK)
        say(notes, &m);
    for (size_t k = 0; k < m.n_splits; k++)
        asc_free(m.splits[k].share);
    asc_free(m.splits);
    asc_domain_reports_free(m.there, m.n_there);
    asc_free(tokens);
    return st;
}

/* ---- whose ---- */

bool asc__is_inherited(const asc_store_run *r)
{
    return r->made != NULL;
}

const asc_store_run *asc__past_runs(size_t *n, const asc__study *s)
{
    *n = s->past ? s->n_past : s->n_runs;
    return s->past ? s->past : s->runs;
}

bool asc__is_given(const asc_store_run *r)
{
    return asc__is_inherited(r) || r->earlier;
}

/* Of an earlier search's those of the model alone that the swarm has now. */
bool asc__is_of_swarm(const asc__study *s, const asc_store_run *r)
{
    double tokens = asc__swarm_tokens(s);
    bool sized = asc__is_inherited(r) || asc__at_budget(s, r, tokens);
    return r->kind == ASC_KIND_MIXTURE && r->state == ASC_RUN_DONE && r->scale == tokens && sized;
}

static size_t count_past(const asc__study *s, bool (*is)(const asc__study *s, const asc_store_run *r))
{
    size_t n = 0, n_past;
    const asc_store_run *r = asc__past_runs(&n_past, s);
    for (size_t i = 0; i < n_past; i++)
        n += is(s, &r[i]);
    return n;
}

static bool given_to_swarm(const asc__study *s, const asc_store_run *r)
{
    return asc__is_given(r) && asc__is_of_swarm(s, r);
}

static bool earlier_of_swarm(const asc__study *s, const asc_store_run *r)
{
    return r->earlier && asc__is_of_swarm(s, r);
}

static bool told_before(const asc__study *s, const asc_store_run *r)
{
    return r->earlier && r->state == ASC_RUN_DONE && r->kind != ASC_KIND_PAUSE;
}

size_t asc__n_given(const asc__study *s)
{
    return count_past(s, given_to_swarm);
}

size_t asc__n_earlier(const asc__study *s)
{
    return count_past(s, earlier_of_swarm);
}

size_t asc__n_told_before(const asc__study *s)
{
    return count_past(s, told_before);
}

static bool is_new(const asc__study *s, size_t i)
{
    size_t n;
    const asc_store_run *r = asc__past_runs(&n, s);
    for (size_t k = 0; k < n; k++)
        if (asc__is_given(&r[k]) && r[k].kind != ASC_KIND_PAUSE && r[k].tokens[i] > 0)
            return false;
    return true;
}

size_t asc__least_new_runs(const asc__study *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->D; i++)
        n += 2 * is_new(s, i);
    return n == 0 && asc__n_earlier(s) ? 0 : n + 1;
}

size_t asc__least_swarm(const asc__study *s)
{
    if (asc__n_given(s) || (asc__n_told_before(s) && !s->spec->n_scales))
        return asc__least_new_runs(s);
    size_t alone = s->D + 1 > ASC_LAW_LEAST_ROWS ? s->D + 1 : ASC_LAW_LEAST_ROWS;
    return s->spec->n_scales ? 1 : alone;
}
