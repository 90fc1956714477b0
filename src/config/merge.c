/* Merge keys of YAML 1.1, `<<: *defaults` and `<<: [*a, *b]`: what is merged is as if it were written there; keys of
 * the map itself come first, then those of earlier maps. libyaml leaves them to its callers. */
#include <string.h>

#include "node.h"

enum { MOST_MERGED = 100000 }; /* pairs of a file: chains of aliases multiply */

typedef struct merger {
    asc__yaml *y;
    uint8_t *state; /* of each node: 0 not seen, 1 under way, 2 done */
    size_t merged;
    asc_error *err;
} merger;

static asc_status resolve(merger *m, int id);

static bool is_merge_key(const yaml_node_t *key)
{
    const char *text = asc__yaml_text(key);
    return text && key->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && strcmp(text, "<<") == 0;
}

static yaml_node_t *node_of(merger *m, int id)
{
    return yaml_document_get_node(&m->y->doc, id);
}

static bool has_key(merger *m, const yaml_node_t *map, const yaml_node_t *key)
{
    const char *text = asc__yaml_text(key);
    return text && asc__yaml_get(m->y, map, text) != NULL;
}

/* The pairs of map `from` that map `into` does not have. */
static asc_status merge_map(merger *m, int into, int from, const yaml_node_t *at)
{
    if (node_of(m, from)->type != YAML_MAPPING_NODE)
        return asc__yaml_fail(m->y, at, m->err, "<<: expected a map (an alias as *name) or a list of maps");
    if (m->state[from - 1] == 1)
        return asc__yaml_fail(m->y, at, m->err, "<<: a map cannot be merged into itself");
    ASC_TRY(resolve(m, from));
    size_t n = asc__yaml_count(node_of(m, from));
    for (size_t i = 0; i < n; i++) {
        yaml_node_pair_t pair = node_of(m, from)->data.mapping.pairs.start[i];
        if (has_key(m, node_of(m, into), node_of(m, pair.key)))
            continue;
        if (++m->merged > MOST_MERGED)
            return asc__yaml_fail(m->y, at, m->err, "<<: more than %d keys merged in this file", MOST_MERGED);
        if (!yaml_document_append_mapping_pair(&m->y->doc, into, pair.key, pair.value))
            return ASC_NOMEM(m->err);
    }
    return ASC_OK;
}

static void drop_pair(yaml_node_t *map, size_t i)
{
    size_t n = asc__yaml_count(map);
    yaml_node_pair_t *pairs = map->data.mapping.pairs.start;
    memmove(pairs + i, pairs + i + 1, (n - i - 1) * sizeof *pairs);
    map->data.mapping.pairs.top--;
}

static asc_status merge_value(merger *m, int id, int value)
{
    const yaml_node_t *v = node_of(m, value);
    if (v->type != YAML_SEQUENCE_NODE)
        return merge_map(m, id, value, v);
    size_t n = asc__yaml_count(v);
    for (size_t i = 0; i < n; i++)
        ASC_TRY(merge_map(m, id, node_of(m, value)->data.sequence.items.start[i], node_of(m, value)));
    return ASC_OK;
}

static asc_status resolve(merger *m, int id)
{
    yaml_node_t *map = node_of(m, id);
    if (map->type != YAML_MAPPING_NODE || m->state[id - 1] == 2)
        return ASC_OK;
    m->state[id - 1] = 1;
    for (size_t i = 0; i < asc__yaml_count(node_of(m, id));) {
        map = node_of(m, id);
        yaml_node_pair_t pair = map->data.mapping.pairs.start[i];
        if (!is_merge_key(node_of(m, pair.key))) {
            i++;
            continue;
        }
        drop_pair(map, i);
        ASC_TRY(merge_value(m, id, pair.value));
    }
    m->state[id - 1] = 2;
    return ASC_OK;
}

asc_status asc__yaml_merge(asc__yaml *y, asc_error *err)
{
    size_t n = (size_t)(y->doc.nodes.top - y->doc.nodes.start);
    merger m = {.y = y, .state = asc_calloc(n + 1, 1), .err = err};
    asc_status st = m.state ? ASC_OK : ASC_NOMEM(err);
    for (size_t i = 0; i < n && st == ASC_OK; i++)
        st = resolve(&m, (int)i + 1);
    asc_free(m.state);
    return st;
}
