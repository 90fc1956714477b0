/* n-gram overlap. The table maps the hash of an n-gram of the evaluation side to the items that hold it. */
#include "task/task_contamination.h"

#include <string.h>

enum { MIN_N = 2, MAX_N = 64 };

typedef struct eval_item {
    char *id;
    bool too_short, found;
    size_t set;
} eval_item;

/* One n-gram of one item; equal hashes are chained. */
typedef struct gram {
    uint64_t hash;
    uint32_t item;
    uint32_t next; /* index + 1 in grams, 0: end */
} gram;

typedef struct eval_set {
    char *name;
    size_t n_items;
} eval_set;

typedef struct domain {
    char *name;
    int64_t n_documents, n_rejected;
    bool not_searched;
    uint8_t *hits; /* one bit an item */
    size_t n_hits;
} domain;

struct asc_contamination {
    int n;
    eval_set *sets;
    eval_item *items;
    gram *grams;
    domain *domains;
    size_t n_sets, cap_sets, n_items, cap_items, n_grams, cap_grams, n_domains, cap_domains;
    uint32_t *table; /* open addressing, index + 1 of the first gram of a hash; built when the first domain is named */
    size_t n_table;
};

asc_status asc_contamination_create(asc_contamination **out, int n, asc_error *err)
{
    if (n < MIN_N || n > MAX_N)
        return ASC_FAIL(err, ASC_EINVAL, "n-grams of %d words, expected %d to %d", n, MIN_N, MAX_N);
    asc_contamination *c = asc_calloc(1, sizeof *c);
    if (!c)
        return ASC_NOMEM(err);
    c->n = n;
    *out = c;
    return ASC_OK;
}

void asc_contamination_free(asc_contamination *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->n_sets; i++)
        asc_free(c->sets[i].name);
    for (size_t i = 0; i < c->n_items; i++)
        asc_free(c->items[i].id);
    for (size_t i = 0; i < c->n_domains; i++) {
        asc_free(c->domains[i].name);
        asc_free(c->domains[i].hits);
    }
    asc_free(c->sets);
    asc_free(c->items);
    asc_free(c->grams);
    asc_free(c->domains);
    asc_free(c->table);
    asc_free(c);
}

/* ---- words ---- */

/* Runs over a text's words; each n-gram is the hash of its words' hashes. */
typedef struct gram_cursor {
    const char *at, *end;
    uint64_t words[MAX_N]; /* ring of the last n */
    size_t n_words;
    int n;
} gram_cursor;

static bool is_letter(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c >= 0x80;
}

/* The hash of the next word (FNV-1a of lowered bytes, mixed); false at the end. */
static bool next_word(gram_cursor *c, uint64_t *hash)
{
    while (c->at < c->end && !is_letter((unsigned char)*c->at))
        c->at++;
    if (c->at == c->end)
        return false;
    uint64_t h = 0xcbf29ce484222325u;
    for (; c->at < c->end && is_letter((unsigned char)*c->at); c->at++) {
        unsigned char b = (unsigned char)*c->at;
        h = (h ^ (b >= 'A' && b <= 'Z' ? b + 32u : b)) * 0x100000001b3u;
    }
    *hash = h ^ h >> 29;
    return true;
}

static bool next_gram(gram_cursor *c, uint64_t *hash)
{
    uint64_t word = 0;
    size_t n = (size_t)c->n;
    do {
        if (!next_word(c, &word))
            return false;
        c->words[c->n_words++ % n] = word;
    } while (c->n_words < n);
    uint64_t h = 0;
    for (size_t i = 0; i < n; i++)
        h = (h ^ c->words[(c->n_words + i) % n]) * 0x9e3779b97f4a7c15u, h ^= h >> 32;
    *hash = h;
    return true;
}

/* ---- the evaluation side ---- */

asc_status asc_contamination_add_set(asc_contamination *c, const char *name, size_t *set, asc_error *err)
{
    eval_set *sets = asc_grow(c->sets, &c->cap_sets, c->n_sets + 1, sizeof *sets);
    if (!sets)
        return ASC_NOMEM(err);
    c->sets = sets;
    char *copy = asc_strdup(name);
    if (!copy)
        return ASC_NOMEM(err);
    *set = c->n_sets;
    sets[c->n_sets++] = (eval_set){.name = copy};
    return ASC_OK;
}

static asc_status add_gram(asc_contamination *c, uint64_t hash, size_t item, asc_error *err)
{
    if (c->n_grams >= UINT32_MAX - 1)
        return ASC_FAIL(err, ASC_EINVAL, "evaluation sets of more than 4e9 n-grams");
    gram *grams = asc_grow(c->grams, &c->cap_grams, c->n_grams + 1, sizeof *grams);
    if (!grams)
        return ASC_NOMEM(err);
    c->grams = grams;
    grams[c->n_grams++] = (gram){.hash = hash, .item = (uint32_t)item};
    return ASC_OK;
}

asc_status asc_contamination_add_item(asc_contamination *c, size_t set, const char *id, const char *text,
                                      asc_error *err)
{
    if (c->table)
        return ASC_FAIL(err, ASC_EINVAL, "evaluation items after the first domain");
    eval_item *items = asc_grow(c->items, &c->cap_items, c->n_items + 1, sizeof *items);
    if (!items)
        return ASC_NOMEM(err);
    c->items = items;
    gram_cursor cursor = {.at = text, .end = text + strlen(text), .n = c->n};
    uint64_t hash = 0;
    size_t before = c->n_grams;
    while (next_gram(&cursor, &hash))
        ASC_TRY(add_gram(c, hash, c->n_items, err));
    char *copy = asc_strdup(id);
    if (!copy)
        return ASC_NOMEM(err);
    items[c->n_items++] = (eval_item){.id = copy, .too_short = c->n_grams == before, .set = set};
    c->sets[set].n_items++;
    return ASC_OK;
}

/* The passage and the right answers: what would give an item away. Sentences of a pair stand apart. */
static asc_status task_item_text(asc_buf *b, const asc_task *t, const asc_task_item *item, asc_error *err)
{
    b->len = 0;
    asc_buf_puts(b, item->context);
    for (size_t i = 0; i < item->n_choices; i++) {
        if (item->right[i] || t->kind == ASC_TASK_PAIR)
            asc_buf_printf(b, "\n%s", item->choices[i]);
    }
    return b->oom ? ASC_NOMEM(err) : ASC_OK;
}

asc_status asc_contamination_add_task(asc_contamination *c, const asc_task *t, asc_error *err)
{
    size_t set = 0;
    asc_buf b = {0};
    asc_status s = asc_contamination_add_set(c, t->name, &set, err);
    for (size_t i = 0; s == ASC_OK && i < t->n_items; i++) {
        s = task_item_text(&b, t, &t->items[i], err);
        if (s == ASC_OK)
            s = asc_contamination_add_item(c, set, t->items[i].id, b.data, err);
    }
    asc_buf_clear(&b);
    return s;
}

/* ---- the training side ---- */

static size_t slot_of(const asc_contamination *c, uint64_t hash)
{
    size_t mask = c->n_table - 1, at = (size_t)(hash >> 7) & mask;
    while (c->table[at] && c->grams[c->table[at] - 1].hash != hash)
        at = (at + 1) & mask;
    return at;
}

static asc_status build_table(asc_contamination *c, asc_error *err)
{
    size_t size = 16;
    while (size < c->n_grams * 2)
        size *= 2;
    c->table = asc_calloc(size, sizeof *c->table);
    if (!c->table)
        return ASC_NOMEM(err);
    c->n_table = size;
    for (size_t g = 0; g < c->n_grams; g++) {
        size_t at = slot_of(c, c->grams[g].hash);
        c->grams[g].next = c->table[at];
        c->table[at] = (uint32_t)(g + 1);
    }
    return ASC_OK;
}

asc_status asc_contamination_add_domain(asc_contamination *c, const char *name, size_t *out, asc_error *err)
{
    if (!c->table)
        ASC_TRY(build_table(c, err));
    for (size_t i = 0; i < c->n_domains; i++) {
        if (strcmp(c->domains[i].name, name) == 0) {
            *out = i;
            return ASC_OK;
        }
    }
    domain *domains = asc_grow(c->domains, &c->cap_domains, c->n_domains + 1, sizeof *domains);
    if (!domains)
        return ASC_NOMEM(err);
    c->domains = domains;
    domain d = {.name = asc_strdup(name), .hits = asc_calloc(c->n_items / 8 + 1, 1)};
    if (!d.name || !d.hits) {
        asc_free(d.name);
        asc_free(d.hits);
        return ASC_NOMEM(err);
    }
    *out = c->n_domains;
    domains[c->n_domains++] = d;
    return ASC_OK;
}

void asc_contamination_left_out(asc_contamination *c, size_t at, int64_t n_rejected)
{
    c->domains[at].n_rejected += n_rejected;
    c->domains[at].not_searched |= n_rejected == 0;
}

int64_t asc_contamination_documents(const asc_contamination *c, size_t at)
{
    return c->domains[at].n_documents;
}

static bool hit(const domain *d, size_t item)
{
    return d->hits[item / 8] >> (item % 8) & 1;
}

asc_status asc_contamination_scan(asc_contamination *c, size_t at, const char *text, size_t n_bytes, asc_error *err)
{
    if (at >= c->n_domains)
        return ASC_FAIL(err, ASC_EINVAL, "domain %zu of %zu", at, c->n_domains);
    domain *d = &c->domains[at];
    gram_cursor cursor = {.at = text, .end = text + n_bytes, .n = c->n};
    uint64_t hash = 0;
    while (next_gram(&cursor, &hash)) {
        for (uint32_t g = c->table[slot_of(c, hash)]; g; g = c->grams[g - 1].next) {
            size_t item = c->grams[g - 1].item;
            if (hit(d, item))
                continue;
            d->hits[item / 8] |= (uint8_t)(1u << (item % 8));
            d->n_hits++;
            c->items[item].found = true;
        }
    }
    d->n_documents++;
    return ASC_OK;
}

/* ---- what was found ---- */

size_t asc_contamination_count(const asc_contamination *c, size_t at, size_t set)
{
    size_t n = 0;
    for (size_t i = 0; i < c->n_items; i++)
        n += c->items[i].set == set && hit(&c->domains[at], i);
    return n;
}

bool asc_contamination_found(const asc_contamination *c, size_t set, size_t item)
{
    for (size_t i = 0, n = 0; i < c->n_items; i++) {
        if (c->items[i].set == set && n++ == item)
            return c->items[i].found;
    }
    return false;
}

static json_t *set_json(const asc_contamination *c, size_t set)
{
    size_t n_short = 0, n_found = 0;
    json_t *ids = json_array(), *in = json_object();
    for (size_t i = 0; i < c->n_items; i++) {
        if (c->items[i].set != set)
            continue;
        n_short += c->items[i].too_short;
        n_found += c->items[i].found;
        if (c->items[i].found)
            json_array_append_new(ids, json_string(c->items[i].id));
    }
    for (size_t d = 0; d < c->n_domains; d++)
        json_object_set_new(in, c->domains[d].name, json_integer((json_int_t)asc_contamination_count(c, d, set)));
    return json_pack("{s:s, s:I, s:I, s:I, s:o, s:o}", "name", c->sets[set].name, "items",
                     (json_int_t)c->sets[set].n_items, "too_short", (json_int_t)n_short, "found", (json_int_t)n_found,
                     "in", in, "ids", ids);
}

static json_t *domain_json(const domain *d)
{
    return json_pack("{s:s, s:b, s:I, s:I, s:I}", "name", d->name, "searched", !d->not_searched, "documents",
                     (json_int_t)d->n_documents, "rejected", (json_int_t)d->n_rejected, "found", (json_int_t)d->n_hits);
}

json_t *asc_contamination_json(const asc_contamination *c)
{
    json_t *j = json_object(), *sets = json_array(), *domains = json_array();
    if (!j || !sets || !domains) {
        json_decref(j);
        json_decref(sets);
        json_decref(domains);
        return NULL;
    }
    for (size_t s = 0; s < c->n_sets; s++)
        json_array_append_new(sets, set_json(c, s));
    for (size_t d = 0; d < c->n_domains; d++)
        json_array_append_new(domains, domain_json(&c->domains[d]));
    json_object_set_new(j, "n", json_integer(c->n));
    json_object_set_new(j, "sets", sets);
    json_object_set_new(j, "domains", domains);
    return j;
}

asc_status asc_contamination_excluded(json_t **ids, const char *path, const char *name, asc_error *err)
{
    json_t *all = NULL, *sets = NULL, *set, *id, *found = NULL;
    size_t i, k;
    ASC_TRY(asc_json_load(&all, path, err));
    asc_status s = asc_json_get_array(all, path, "sets", &sets, err);
    json_array_foreach(sets, i, set)
    {
        const char *called = json_string_value(json_object_get(set, "name"));
        if (!called || strcmp(called, name) != 0)
            continue;
        found = found ? found : json_object();
        json_array_foreach(json_object_get(set, "ids"), k, id)
        {
            if (json_is_string(id))
                json_object_set_new(found, json_string_value(id), json_true());
        }
    }
    json_decref(all);
    if (s == ASC_OK && !found)
        s = ASC_FAIL(err, ASC_EINVAL, "--exclude: %s has no set '%s'", path, name);
    if (s == ASC_OK)
        *ids = found;
    else
        json_decref(found);
    return s;
}

asc_status asc_contamination_mask(bool **mask, const asc_task *t, const char *path, asc_error *err)
{
    json_t *ids = NULL;
    ASC_TRY(asc_contamination_excluded(&ids, path, t->name, err));
    bool *m = asc_calloc(t->n_items + 1, sizeof *m);
    for (size_t k = 0; m && k < t->n_items; k++)
        m[k] = json_object_get(ids, t->items[k].id) != NULL;
    json_decref(ids);
    if (!m)
        return ASC_NOMEM(err);
    *mask = m;
    return ASC_OK;
}
