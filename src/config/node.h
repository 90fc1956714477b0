/* YAML as a tree of nodes with places, read by key: what the parser of studies stands on. */
#ifndef CONFIG_NODE_H
#define CONFIG_NODE_H

#include <yaml.h>

#include "base/base.h"

/** A parsed file: errors name it. */
typedef struct asc__yaml {
    const char *path;
    yaml_document_t doc;
    bool loaded;
} asc__yaml;

asc_status asc__yaml_load(asc__yaml *y, const char *path, const char *text, size_t n, asc_error *err);
void asc__yaml_clear(asc__yaml *y);
/** Merge keys (<<) resolved in all maps; asc__yaml_load does it. merge.c */
asc_status asc__yaml_merge(asc__yaml *y, asc_error *err);
yaml_node_t *asc__yaml_root(asc__yaml *y);
yaml_node_t *asc__yaml_item(asc__yaml *y, const yaml_node_t *seq, size_t i);
size_t asc__yaml_count(const yaml_node_t *node); /**< items of a sequence, pairs of a mapping, 0 of a scalar */
yaml_node_t *asc__yaml_key(asc__yaml *y, const yaml_node_t *map, size_t i);
yaml_node_t *asc__yaml_value(asc__yaml *y, const yaml_node_t *map, size_t i);

/** EINVAL "PATH:LINE:COL: …" at a node. */
asc_status asc__yaml_fail(const asc__yaml *y, const yaml_node_t *at, asc_error *err, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/** "a list", "a map", "'text'" for errors; into buf. */
const char *asc__yaml_show(const yaml_node_t *node, char *buf, size_t n);

/** A scalar's text, or NULL for lists and maps. */
const char *asc__yaml_text(const yaml_node_t *node);
/** An unquoted null, Null, NULL, ~, none or nothing. */
bool asc__yaml_is_null(const yaml_node_t *node);

/** node is a map whose keys are all in keys (n), each at most once; what names the map in errors. */
asc_status asc__yaml_check_map(asc__yaml *y, const yaml_node_t *node, const char *what, const char *const *keys,
                               size_t n, asc_error *err);
/** Value of key, or NULL. */
yaml_node_t *asc__yaml_get(asc__yaml *y, const yaml_node_t *map, const char *key);

/* Fields of a map by key: absent leaves *out as it is. Ranges are closed; open_lo excludes lo itself. */
typedef struct asc__range {
    double lo, hi;
    bool open_lo;
} asc__range;
asc_status asc__yaml_count64(asc__yaml *y, const yaml_node_t *map, const char *key, asc__range range, int64_t *out,
                             asc_error *err);
/** A string, freshly allocated; null gives NULL. The old value of *out is freed. */
asc_status asc__yaml_string(asc__yaml *y, const yaml_node_t *map, const char *key, char **out, asc_error *err);
/** A string or a list of strings. */
asc_status asc__yaml_strings(asc__yaml *y, const yaml_node_t *map, const char *key, char ***out, size_t *n,
                             asc_error *err);
/** One number at a node, as asc_parse_quantity reads it. */
asc_status asc__yaml_number_at(const asc__yaml *y, const yaml_node_t *node, const char *what, asc__range range,
                               double *out, asc_error *err);

#endif
