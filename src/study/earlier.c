/* A study whose search changes while its domains stay: runs that were made for another swarm or for stars are still
 * what they say, and feed the law of the search that there is now. Which they are is noted when the edit is taken over,
 * so that a search gone through again finds the same. */
#include "steps.h"

#include <string.h>

#define DOC "earlier-runs"

const char *asc__search_method_of(const json_t *study)
{
    const char *method = json_string_value(json_object_get(json_object_get(study, "search"), "method"));
    return method ? method : asc_search_method_name(ASC_SEARCH_DDO);
}

bool asc__search_between(const json_t *before, const json_t *now, asc_search_method method)
{
    const char *name = asc_search_method_name(method);
    return strcmp(asc__search_method_of(before), name) == 0 || strcmp(asc__search_method_of(now), name) == 0;
}

/* What decides which runs a swarm chooses, or how many. */
static bool search_changed(const json_t *before, const json_t *now)
{
    static const char *const keys[] = {"search", "search.model", "search.at_most", "search.proxies", "search.pause",
                                       "scales", "scales.model", "design.repeats", "target.tokens"};
    bool same = true;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const json_t *a = json_object_get(before, keys[i]), *b = json_object_get(now, keys[i]);
        same &= a == b || (a && b && json_equal(a, b));
    }
    bool swarm = asc__search_between(before, now, ASC_SEARCH_SWARM) || json_object_get(before, "search.proxies") ||
                 json_object_get(now, "search.proxies");
    return !same && swarm;
}

static bool is_proxy(const asc_store_run *r)
{
    return r->kind == ASC_KIND_MIXTURE || asc__is_star(r->kind);
}

/* A swarm's proxies up to where they paused are dropped with them, but tell no law anything. */
static bool is_dropped(const asc_store_run *r)
{
    return is_proxy(r) || r->kind == ASC_KIND_PAUSE;
}

/* The store's list, and these runs (n) where the search has changed. */
static asc_status list_with(json_t **out, asc_store *store, const asc_store_run *runs, size_t n, bool changed,
                            asc_error *err)
{
    ASC_TRY(asc__doc_of_runs(out, store, DOC, err));
    bool ok = true;
    for (size_t i = 0; ok && changed && i < n; i++)
        if (is_dropped(&runs[i]) && (runs[i].state == ASC_RUN_DONE || runs[i].state == ASC_RUN_DIVERGED))
            ok = json_object_set_new(*out, runs[i].id, json_true()) == 0;
    return ok ? ASC_OK : ASC_NOMEM(err);
}

asc_status asc__earlier_note(asc__study *s, const json_t *before, const json_t *now, asc_error *err)
{
    json_t *list = NULL;
    if (!search_changed(before, now))
        return ASC_OK;
    ASC_TRY(asc__drop_unended(s, is_dropped, err));
    asc_status st = list_with(&list, s->store, s->runs, s->n_runs, true, err);
    if (st == ASC_OK)
        st = asc_store_put_doc(s->store, DOC, list, err);
    json_decref(list);
    return st;
}

asc_status asc__earlier_list(json_t **out, asc_store *store, const asc_study_spec *spec, const asc_store_run *runs,
                             size_t n, asc_error *err)
{
    json_t *before = NULL, *now = spec ? asc_study_canonical(spec) : NULL;
    asc_status st = spec && !now ? ASC_NOMEM(err) : ASC_OK;
    if (st == ASC_OK && spec)
        st = asc_store_get_doc(&before, store, "spec", err);
    if (st == ASC_OK)
        st = list_with(out, store, runs, n, before && search_changed(before, now), err);
    json_decref(before);
    json_decref(now);
    return st;
}

void asc__earlier_mark(asc_notes *notes, asc_store_run *runs, size_t n, const json_t *list)
{
    size_t marked = 0;
    const char *first = "";
    for (size_t i = 0; i < n; i++) {
        runs[i].earlier = json_object_get(list, runs[i].id) != NULL;
        if (runs[i].earlier && is_proxy(&runs[i]) && runs[i].state == ASC_RUN_DONE)
            first = marked++ ? first : runs[i].id;
    }
    if (marked)
        asc_notes_say(notes, RUNS_EARLIER, marked, first, marked > 1 ? ", ..." : "");
}
