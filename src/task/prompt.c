/* Prompts with worked examples, and the requests that a task makes of a model. */
#include <string.h>

#include "task/task.h"

/* ---- worked examples ---- */

/* The items that examples are drawn from. */
static const asc_task_item *shot_pool(const asc_task *t, const asc_task_opts *opts, size_t *n)
{
    const asc_task *from = opts->pool ? opts->pool : t;
    if (from->n_shots) {
        *n = from->n_shots;
        return from->shots;
    }
    *n = from->n_items;
    return from->items;
}

/* An item is never its own example, also where the pool is another copy of the file. */
static bool same_item(const asc_task_item *a, const asc_task_item *b)
{
    if (a == b)
        return true;
    if (a->n_choices != b->n_choices || strcmp(a->context, b->context) != 0)
        return false;
    for (size_t c = 0; c < a->n_choices; c++) {
        if (strcmp(a->choices[c], b->choices[c]) != 0)
            return false;
    }
    return true;
}

static bool taken(const asc_task_item *const *chosen, size_t n, const asc_task_item *item)
{
    for (size_t i = 0; i < n; i++) {
        if (chosen[i] == item)
            return true;
    }
    return false;
}

/* k examples for item i into chosen. */
static asc_status choose_shots(const asc_task_item **chosen, size_t k, const asc_task *t, size_t i,
                               const asc_task_opts *opts, asc_error *err)
{
    size_t n_pool = 0, n_usable = 0;
    const asc_task_item *pool = shot_pool(t, opts, &n_pool), *item = &t->items[i];
    for (size_t p = 0; p < n_pool && n_usable < k; p++) {
        if (!same_item(&pool[p], item))
            chosen[n_usable++] = &pool[p];
    }
    if (n_usable < k)
        return ASC_FAIL(err, ASC_EINVAL, "%s: %zu few-shot examples requested, the pool has %zu besides the item",
                        t->name, k, n_usable);
    if (!opts->random_shots)
        return ASC_OK;
    asc_rng rng;
    asc_rng_init(&rng, opts->seed, "shots", i);
    /* Items that equal this one may stand in the pool more than once: give up drawing after a fair number of misses and
     * keep the first ones for what is left. */
    size_t misses = 0;
    for (size_t s = 0; s < k && misses < 100 * k;) {
        const asc_task_item *drawn = &pool[asc_rng_below(&rng, n_pool)];
        if (taken(chosen, s, drawn) || same_item(drawn, item)) {
            misses++;
            continue;
        }
        for (size_t later = s + 1; later < k; later++) {
            if (chosen[later] == drawn)
                chosen[later] = chosen[s];
        }
        chosen[s++] = drawn;
    }
    return ASC_OK;
}

static const char *right_answer(const asc_task_item *item)
{
    for (size_t c = 0; c < item->n_choices; c++) {
        if (item->right[c])
            return item->choices[c];
    }
    return item->choices[0];
}

/* The prompt that choice c follows. */
static asc_status prompt_of(char **out, const asc_task *t, size_t i, size_t c, const asc_task_opts *opts,
                            asc_error *err)
{
    size_t k = opts->shots > 0 ? (size_t)opts->shots : 0;
    const asc_task_item **chosen = asc_calloc(k + 1, sizeof *chosen);
    if (!chosen)
        return ASC_NOMEM(err);
    asc_status s = k ? choose_shots(chosen, k, t, i, opts, err) : ASC_OK;
    asc_buf b = {0};
    asc_buf_puts(&b, t->primer);
    for (size_t e = 0; s == ASC_OK && e < k; e++)
        asc_buf_printf(&b, "%s%s%s\n\n", chosen[e]->context, t->shot_delimiter, right_answer(chosen[e]));
    asc_buf_puts(&b, t->items[i].contexts ? t->items[i].contexts[c] : t->items[i].context);
    asc_free(chosen);
    if (s == ASC_OK && b.oom)
        s = ASC_NOMEM(err);
    if (s != ASC_OK) {
        asc_buf_clear(&b);
        return s;
    }
    *out = b.data;
    return ASC_OK;
}

asc_status asc_task_prompt(char **out, const asc_task *t, size_t i, const asc_task_opts *opts, asc_error *err)
{
    return prompt_of(out, t, i, 0, opts, err);
}

/* ---- requests ---- */

void asc_task_requests_free(asc_task_request *r, size_t n)
{
    for (size_t i = 0; r && i < n; i++) {
        asc_free(r[i].context);
        asc_free(r[i].continuation);
    }
    asc_free(r);
}

static asc_status item_requests(asc_task_request *r, const asc_task *t, size_t i, const asc_task_opts *opts,
                                asc_error *err)
{
    const asc_task_item *item = &t->items[i];
    for (size_t c = 0; c < item->n_choices; c++) {
        r[c].item = i;
        r[c].choice = c;
        ASC_TRY(prompt_of(&r[c].context, t, i, c, opts, err));
        r[c].continuation = asc_strf("%s%s", t->delimiter, item->choices[c]);
        if (!r[c].continuation)
            return ASC_NOMEM(err);
    }
    return ASC_OK;
}

asc_status asc_task_requests(asc_task_request **out, size_t *n, const asc_task *t, const asc_task_opts *opts,
                             asc_error *err)
{
    size_t n_items = opts->limit && opts->limit < t->n_items ? opts->limit : t->n_items, n_all = 0;
    for (size_t i = 0; i < n_items; i++)
        n_all += opts->excluded && opts->excluded[i] ? 0 : t->items[i].n_choices;
    if (n_all == 0)
        return ASC_FAIL(err, ASC_EINVAL, "%s: every item is excluded", t->name);
    asc_task_request *r = asc_calloc(n_all, sizeof *r);
    asc_status s = r ? ASC_OK : ASC_NOMEM(err);
    size_t at = 0;
    for (size_t i = 0; s == ASC_OK && i < n_items; i++) {
        if (opts->excluded && opts->excluded[i])
            continue;
        s = item_requests(r + at, t, i, opts, err);
        at += t->items[i].n_choices;
    }
    if (s != ASC_OK) {
        asc_task_requests_free(r, n_all);
        return s;
    }
    *out = r;
    *n = n_all;
    return ASC_OK;
}
