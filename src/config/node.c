#include "config/config.h"
#include "node.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MOST_DEPTH = 64 };

/* ---- loading ---- */

/* Bytes that are no text: libyaml gives an offset, people want a line. */
static asc_status reader_fail(const char *path, const char *text, size_t n, const yaml_parser_t *p, asc_error *err)
{
    size_t line = 1, column = 1;
    for (size_t i = 0; i < p->problem_offset && i < n; i++) {
        column = text[i] == '\n' ? 1 : column + 1;
        line += text[i] == '\n';
    }
    return ASC_FAIL(err, ASC_EINVAL, "%s:%zu:%zu: %s", path, line, column,
                    p->problem ? p->problem : "expected UTF-8 text");
}

/* Brackets in brackets are no study, and libyaml takes a time that is quadratic in their depth: looked at first, event
 * by event, and left at the first that is too deep. */
static asc_status check_depth(const char *path, const char *text, size_t n, asc_error *err)
{
    yaml_parser_t p;
    yaml_event_t e;
    int depth = 0;
    bool more = true;
    asc_status st = ASC_OK;
    if (!yaml_parser_initialize(&p))
        return ASC_NOMEM(err);
    yaml_parser_set_input_string(&p, (const unsigned char *)text, n);
    while (more && st == ASC_OK && yaml_parser_parse(&p, &e)) { /* what is no YAML is told by the second look */
        depth += e.type == YAML_SEQUENCE_START_EVENT || e.type == YAML_MAPPING_START_EVENT;
        depth -= e.type == YAML_SEQUENCE_END_EVENT || e.type == YAML_MAPPING_END_EVENT;
        more = e.type != YAML_STREAM_END_EVENT;
        if (depth > MOST_DEPTH)
            st = ASC_FAIL(err, ASC_EINVAL, "%s:%zu:%zu: lists and maps nested more than %d deep", path,
                          e.start_mark.line + 1, e.start_mark.column + 1, MOST_DEPTH);
        yaml_event_delete(&e);
    }
    yaml_parser_delete(&p);
    return st;
}

asc_status asc__yaml_load(asc__yaml *y, const char *path, const char *text, size_t n, asc_error *err)
{
    *y = (asc__yaml){.path = path};
    ASC_TRY(check_depth(path, text, n, err));
    yaml_parser_t p;
    if (!yaml_parser_initialize(&p))
        return ASC_NOMEM(err);
    yaml_parser_set_input_string(&p, (const unsigned char *)text, n);
    asc_status st = ASC_OK;
    if (!yaml_parser_load(&p, &y->doc)) {
        if (p.error == YAML_MEMORY_ERROR)
            st = ASC_NOMEM(err);
        else if (p.error == YAML_READER_ERROR)
            st = reader_fail(path, text, n, &p, err);
        else
            st = ASC_FAIL(err, ASC_EINVAL, "%s:%zu:%zu: %s", path, p.problem_mark.line + 1, p.problem_mark.column + 1,
                          p.problem ? p.problem : "no YAML");
    } else
        y->loaded = true;
    if (st == ASC_OK && !yaml_document_get_root_node(&y->doc))
        st = ASC_FAIL(err, ASC_EINVAL, "%s:1:1: empty file, expected a map of keys", path);
    yaml_document_t more;
    if (st == ASC_OK && yaml_parser_load(&p, &more)) {
        if (yaml_document_get_root_node(&more))
            st = ASC_FAIL(err, ASC_EINVAL, "%s: a second document begins at line %zu, expected one", path,
                          more.start_mark.line + 1);
        yaml_document_delete(&more);
    } else if (st == ASC_OK)
        st = ASC_FAIL(err, ASC_EINVAL, "%s:%zu:%zu: %s", path, p.problem_mark.line + 1, p.problem_mark.column + 1,
                      p.problem ? p.problem : "not valid YAML from here on");
    yaml_parser_delete(&p);
    if (st == ASC_OK)
        st = asc__yaml_merge(y, err);
    if (st != ASC_OK)
        asc__yaml_clear(y);
    return st;
}

void asc__yaml_clear(asc__yaml *y)
{
    if (y && y->loaded)
        yaml_document_delete(&y->doc);
    if (y)
        y->loaded = false;
}

yaml_node_t *asc__yaml_root(asc__yaml *y)
{
    return yaml_document_get_root_node(&y->doc);
}

size_t asc__yaml_count(const yaml_node_t *node)
{
    if (node->type == YAML_SEQUENCE_NODE)
        return (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
    if (node->type == YAML_MAPPING_NODE)
        return (size_t)(node->data.mapping.pairs.top - node->data.mapping.pairs.start);
    return 0;
}

yaml_node_t *asc__yaml_item(asc__yaml *y, const yaml_node_t *seq, size_t i)
{
    return yaml_document_get_node(&y->doc, seq->data.sequence.items.start[i]);
}

yaml_node_t *asc__yaml_key(asc__yaml *y, const yaml_node_t *map, size_t i)
{
    return yaml_document_get_node(&y->doc, map->data.mapping.pairs.start[i].key);
}

yaml_node_t *asc__yaml_value(asc__yaml *y, const yaml_node_t *map, size_t i)
{
    return yaml_document_get_node(&y->doc, map->data.mapping.pairs.start[i].value);
}

/* ---- errors ---- */

asc_status asc__yaml_fail(const asc__yaml *y, const yaml_node_t *at, asc_error *err, const char *fmt, ...)
{
    char text[800];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return ASC_FAIL(err, ASC_EINVAL, "%s:%zu:%zu: %s", y->path, at->start_mark.line + 1, at->start_mark.column + 1,
                    text);
}

const char *asc__yaml_show(const yaml_node_t *node, char *buf, size_t n)
{
    const char *text = asc__yaml_text(node);
    if (asc__yaml_is_null(node))
        snprintf(buf, n, "nothing");
    else if (text)
        snprintf(buf, n, "'%.60s%s'", text, strlen(text) > 60 ? "..." : "");
    else
        snprintf(buf, n, "%s", node->type == YAML_SEQUENCE_NODE ? "a list" : "a map");
    return buf;
}

/* ---- values ---- */

const char *asc__yaml_text(const yaml_node_t *node)
{
    return node->type == YAML_SCALAR_NODE ? (const char *)node->data.scalar.value : NULL;
}

bool asc__yaml_is_null(const yaml_node_t *node)
{
    const char *s = asc__yaml_text(node);
    return s && node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
           (*s == 0 || strcmp(s, "~") == 0 || strcasecmp(s, "null") == 0 || strcasecmp(s, "none") == 0);
}

/* A key that no list knows: with the nearest name, else with all of them. */
static asc_status unknown_key(asc__yaml *y, const yaml_node_t *at, const char *what, const char *key,
                              const char *const *keys, size_t n, asc_error *err)
{
    const char *near = asc_nearest_name(key, keys, n);
    if (near)
        return asc__yaml_fail(y, at, err, "unknown key '%.60s' in %s; did you mean '%s'?", key, what, near);
    char known[400] = "";
    size_t len = 0;
    for (size_t i = 0; i < n && len < sizeof known; i++)
        len += (size_t)snprintf(known + len, sizeof known - len, "%s%s", i ? ", " : "", keys[i]);
    return asc__yaml_fail(y, at, err, "unknown key '%.60s' in %s; known: %s", key, what, known);
}

static size_t find_name(const char *s, const char *const *names, size_t n)
{
    size_t i = 0;
    while (i < n && strcmp(names[i], s) != 0)
        i++;
    return i;
}

asc_status asc__yaml_check_map(asc__yaml *y, const yaml_node_t *node, const char *what, const char *const *keys,
                               size_t n, asc_error *err)
{
    char shown[80];
    if (node->type != YAML_MAPPING_NODE)
        return asc__yaml_fail(y, node, err, "%s: expected a map of keys, found %s", what,
                              asc__yaml_show(node, shown, sizeof shown));
    size_t count = asc__yaml_count(node);
    uint8_t *seen = asc_calloc(n + 1, 1);
    if (!seen)
        return ASC_NOMEM(err);
    asc_status st = ASC_OK;
    for (size_t i = 0; i < count && st == ASC_OK; i++) {
        yaml_node_t *k = asc__yaml_key(y, node, i);
        const char *key = asc__yaml_text(k);
        size_t at = key ? find_name(key, keys, n) : n;
        if (!key)
            st = asc__yaml_fail(y, k, err, "%s: a key must be a word", what);
        else if (at == n)
            st = unknown_key(y, k, what, key, keys, n, err);
        else if (seen[at]++)
            st = asc__yaml_fail(y, k, err, "key '%s' is given twice in %s", key, what);
    }
    asc_free(seen);
    return st;
}

yaml_node_t *asc__yaml_get(asc__yaml *y, const yaml_node_t *map, const char *key)
{
    for (size_t i = 0; i < asc__yaml_count(map); i++) {
        const char *text = asc__yaml_text(asc__yaml_key(y, map, i));
        if (text && strcmp(text, key) == 0)
            return asc__yaml_value(y, map, i);
    }
    return NULL;
}

/* ---- fields ---- */

static void show_range(asc__range r, char *buf, size_t n)
{
    if (isinf(r.hi))
        snprintf(buf, n, "%s %g", r.open_lo ? ">" : ">=", r.lo);
    else if (r.open_lo)
        snprintf(buf, n, "above %g and up to %g", r.lo, r.hi);
    else
        snprintf(buf, n, "from %g to %g", r.lo, r.hi);
}

asc_status asc__yaml_number_at(const asc__yaml *y, const yaml_node_t *node, const char *what, asc__range range,
                               double *out, asc_error *err)
{
    char shown[80], wanted[80];
    const char *text = asc__yaml_text(node);
    show_range(range, wanted, sizeof wanted);
    double x;
    if (!text || !asc_parse_quantity(text, &x) || x < range.lo || x > range.hi || (range.open_lo && x <= range.lo))
        return asc__yaml_fail(y, node, err, "%s: expected a number %s, found %s", what, wanted,
                              asc__yaml_show(node, shown, sizeof shown));
    *out = x;
    return ASC_OK;
}

asc_status asc__yaml_count64(asc__yaml *y, const yaml_node_t *map, const char *key, asc__range range, int64_t *out,
                             asc_error *err)
{
    const yaml_node_t *node = asc__yaml_get(y, map, key);
    double x = 0;
    if (!node)
        return ASC_OK;
    if (range.hi > 1e15)
        range.hi = 1e15;
    ASC_TRY(asc__yaml_number_at(y, node, key, range, &x, err));
    if (x != floor(x))
        return asc__yaml_fail(y, node, err, "%s: expected a whole number, found '%s'", key, asc__yaml_text(node));
    *out = (int64_t)x;
    return ASC_OK;
}

/* A copy of a scalar's text. Control characters (and a hidden 0 byte) have no place in a path, a name or a command. */
static asc_status copy_text(const asc__yaml *y, const yaml_node_t *node, const char *what, char **out, asc_error *err)
{
    char shown[80];
    const char *text = asc__yaml_text(node);
    if (!text || asc__yaml_is_null(node))
        return asc__yaml_fail(y, node, err, "%s: expected text, found %s", what,
                              asc__yaml_show(node, shown, sizeof shown));
    if (!*text)
        return asc__yaml_fail(y, node, err, "%s: expected text, found nothing", what);
    for (size_t i = 0; i < node->data.scalar.length; i++)
        if ((unsigned char)text[i] < 32 && text[i] != '\n' && text[i] != '\t')
            return asc__yaml_fail(y, node, err, "%s: control character %d in the text", what, text[i]);
    char *copy = asc_strdup(text);
    if (!copy)
        return ASC_NOMEM(err);
    *out = copy;
    return ASC_OK;
}

asc_status asc__yaml_string(asc__yaml *y, const yaml_node_t *map, const char *key, char **out, asc_error *err)
{
    const yaml_node_t *node = asc__yaml_get(y, map, key);
    char *copy = NULL;
    if (!node)
        return ASC_OK;
    if (!asc__yaml_is_null(node))
        ASC_TRY(copy_text(y, node, key, &copy, err));
    asc_free(*out);
    *out = copy;
    return ASC_OK;
}

asc_status asc__yaml_strings(asc__yaml *y, const yaml_node_t *map, const char *key, char ***out, size_t *n,
                             asc_error *err)
{
    const yaml_node_t *node = asc__yaml_get(y, map, key);
    char shown[80];
    if (!node || asc__yaml_is_null(node))
        return ASC_OK;
    if (node->type == YAML_MAPPING_NODE)
        return asc__yaml_fail(y, node, err, "%s: expected text or a list of texts, found %s", key,
                              asc__yaml_show(node, shown, sizeof shown));
    size_t count = node->type == YAML_SEQUENCE_NODE ? asc__yaml_count(node) : 1;
    char **list = asc_calloc(count + 1, sizeof *list);
    asc_status st = list ? ASC_OK : ASC_NOMEM(err);
    for (size_t i = 0; i < count && st == ASC_OK; i++)
        st = copy_text(y, node->type == YAML_SEQUENCE_NODE ? asc__yaml_item(y, node, i) : node, key, &list[i], err);
    if (st == ASC_OK) {
        *out = list;
        *n = count;
        return ASC_OK;
    }
    for (size_t i = 0; list && i < count; i++)
        asc_free(list[i]);
    asc_free(list);
    return st;
}

const char *asc_config_yaml_version(void)
{
    return yaml_get_version_string();
}
