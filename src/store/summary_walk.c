/* Single values, objects, lists and maps of the summary, each written and read by one function. */
#include "summary_walk.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "spec/spec_json.h"

/* ---- single values ---- */

void asc__walk_number(walk *w, json_t *o, const char *key, double *x)
{
    if (w->write)
        json_object_set_new(o, key, asc_json_num(*x));
    else
        *x = asc_json_number(o, key);
}

void asc__walk_whole(walk *w, json_t *o, const char *key, double *x)
{
    if (w->write)
        json_object_set_new(o, key, asc_json_tally(*x));
    else
        *x = asc_json_number(o, key);
}

void asc__walk_whole_if(walk *w, json_t *o, const char *key, double *x)
{
    if (w->write ? *x != 0 : json_is_number(json_object_get(o, key)))
        asc__walk_whole(w, o, key, x);
}

void asc__walk_count(walk *w, json_t *o, const char *key, int64_t *n)
{
    if (w->write)
        json_object_set_new(o, key, json_integer((json_int_t)*n));
    else
        *n = json_integer_value(json_object_get(o, key));
}

void asc__walk_seed(walk *w, json_t *o, uint64_t *n)
{
    if (w->write)
        json_object_set_new(o, "seed", json_integer((json_int_t)*n));
    else
        *n = (uint64_t)json_integer_value(json_object_get(o, "seed"));
}

void asc__walk_truth(walk *w, json_t *o, const char *key, bool *x)
{
    if (w->write)
        json_object_set_new(o, key, json_boolean(*x));
    else
        *x = json_is_true(json_object_get(o, key));
}

void asc__walk_text(walk *w, json_t *o, const char *key, const char **x)
{
    if (w->write)
        json_object_set_new(o, key, *x ? json_string(*x) : json_null());
    else
        *x = asc_summary_text(w->s, json_string_value(json_object_get(o, key)));
}

void asc__walk_text_if(walk *w, json_t *o, const char *key, const char **x)
{
    if (!w->write || *x)
        asc__walk_text(w, o, key, x);
}

void asc__walk_word(walk *w, json_t *o, const char *key, const char *const *words, size_t n, int *x)
{
    if (w->write) {
        assert(*x >= 0 && (size_t)*x < n);
        json_object_set_new(o, key, json_string(words[*x]));
        return;
    }
    const char *s = json_string_value(json_object_get(o, key));
    *x = 0;
    for (size_t i = 0; s && i < n; i++)
        if (strcmp(words[i], s) == 0)
            *x = (int)i;
}

void asc__walk_run_state(walk *w, json_t *o, asc_run_state *x)
{
    const char *words[ASC_RUN_STOPPED + 1];
    int i = (int)*x;
    for (int k = 0; k <= ASC_RUN_STOPPED; k++)
        words[k] = asc_run_state_name((asc_run_state)k);
    asc__walk_word(w, o, "state", words, ASC_RUN_STOPPED + 1, &i);
    *x = (asc_run_state)i;
}

void asc__walk_run_kind(walk *w, json_t *o, asc_run_kind *x)
{
    const char *words[ASC_KIND_PAUSE + 1];
    int i = (int)*x;
    for (int k = 0; k <= ASC_KIND_PAUSE; k++)
        words[k] = asc_run_kind_name((asc_run_kind)k);
    asc__walk_word(w, o, "kind", words, ASC_KIND_PAUSE + 1, &i);
    *x = (asc_run_kind)i;
}

void asc__walk_interval(walk *w, json_t *o, const char *key, asc_interval *x)
{
    if (w->write) {
        bool known = !isnan(x->lo) && !isnan(x->hi);
        json_object_set_new(o, key, known ? json_pack("[o,o]", asc_json_num(x->lo), asc_json_num(x->hi)) : json_null());
        return;
    }
    const json_t *pair = json_object_get(o, key);
    const json_t *lo = json_array_get(pair, 0), *hi = json_array_get(pair, 1);
    *x = (asc_interval){json_is_number(lo) ? json_number_value(lo) : NAN,
                        json_is_number(hi) ? json_number_value(hi) : NAN};
}

/* ---- objects, lists, maps ---- */

json_t *asc__walk_inside(walk *w, json_t *o, const char *key)
{
    if (w->write)
        json_object_set_new(o, key, json_object());
    json_t *x = json_object_get(o, key);
    return json_is_object(x) ? x : NULL;
}

bool asc__walk_maybe(walk *w, json_t *o, const char *key, bool *known, json_t **x)
{
    if (w->write && !*known) {
        json_object_set_new(o, key, json_null());
        return false;
    }
    *x = asc__walk_inside(w, o, key);
    *known = *x != NULL;
    return *known;
}

void *asc__walk_room(walk *w, size_t n, size_t size)
{
    return n ? asc_summary_alloc(w->s, n * size) : NULL;
}

void asc__walk_list(walk *w, json_t *o, const char *key, size_t *n, void *items, size_t size, asc__walk_item fn)
{
    char *at = NULL;
    json_t *all = NULL;
    if (w->write) {
        memcpy(&at, items, sizeof at);
        all = json_array();
        for (size_t i = 0; i < *n; i++)
            json_array_append_new(all, json_object());
        json_object_set_new(o, key, all);
    } else {
        all = json_object_get(o, key);
        *n = json_array_size(all);
        at = asc__walk_room(w, *n, size);
        *n = at ? *n : 0;
        memcpy(items, &at, sizeof at);
    }
    for (size_t i = 0; i < *n; i++)
        fn(w, json_array_get(all, i), at + i * size);
}

/* The map by domains' names under key; written where there are none: null. */
static json_t *by_name(walk *w, json_t *o, const char *key, bool there)
{
    if (!w->write || there)
        return asc__walk_inside(w, o, key);
    json_object_set_new(o, key, json_null());
    return NULL;
}

void asc__walk_by_domain(walk *w, json_t *o, const char *key, double **x, json_t *(*print)(double))
{
    const asc_summary *s = w->s;
    json_t *map = by_name(w, o, key, *x != NULL);
    if (!w->write)
        *x = json_object_size(map) ? asc__walk_room(w, s->n_domains, sizeof **x) : NULL;
    for (size_t i = 0; *x && i < s->n_domains; i++) {
        if (w->write)
            json_object_set_new(map, s->domains[i].name, print((*x)[i]));
        else
            (*x)[i] = asc_json_number(map, s->domains[i].name);
    }
}

void asc__walk_intervals(walk *w, json_t *o, const char *key, asc_interval **x)
{
    const asc_summary *s = w->s;
    json_t *map = by_name(w, o, key, *x != NULL);
    if (!w->write)
        *x = json_object_size(map) ? asc__walk_room(w, s->n_domains, sizeof **x) : NULL;
    for (size_t i = 0; *x && i < s->n_domains; i++) {
        asc_interval *v = &(*x)[i];
        if (w->write) /* with null for one end that is not known */
            json_object_set_new(map, s->domains[i].name, json_pack("[o,o]", asc_json_num(v->lo), asc_json_num(v->hi)));
        else
            asc__walk_interval(w, map, s->domains[i].name, v);
    }
}

void asc__walk_losses_at(walk *w, json_t *o, double *loss)
{
    const asc_summary *s = w->s;
    for (size_t v = 0; v < s->n_targets; v++)
        asc__walk_number(w, o, s->targets[v], &loss[v]);
}

void asc__walk_losses(walk *w, json_t *o, double **loss)
{
    json_t *map = asc__walk_inside(w, o, "loss");
    if (!w->write)
        *loss = json_object_size(map) ? asc__walk_room(w, w->s->n_targets, sizeof **loss) : NULL;
    if (*loss)
        asc__walk_losses_at(w, map, *loss);
}

void asc__walk_notes(walk *w, json_t *o, asc_notes *n)
{
    if (w->write) {
        asc_notes_put(o, n);
        return;
    }
    const json_t *codes = json_object_get(o, "note_codes");
    size_t i;
    json_t *x;
    json_array_foreach(json_object_get(o, "notes"), i, x)
    {
        asc_note_code code = ASC_NOTE_OTHER;
        const char *name = json_string_value(json_array_get(codes, i));
        if (name)
            asc_note_code_parse(name, &code);
        if (json_is_string(x))
            asc_notes_add_as(n, code, "%s", json_string_value(x));
    }
}
