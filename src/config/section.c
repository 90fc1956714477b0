/* A section of the study file by the table of settings: its keys known, its values read. */
#include <string.h>

#include "spec/spec_settings.h"
#include "study_parser.h"

enum { MOST_KEYS = 64 };

/* "a study", "a domain", "training": what the section is called in messages. */
static const char *name_of(const char *section)
{
    static const char *const names[][2] = {{"", "a study"}, {"domains", "a domain"}, {"targets", "a target"}};
    const char *dot = strrchr(section, '.');
    for (size_t i = 0; i < ASC__COUNT(names); i++)
        if (strcmp(section, names[i][0]) == 0)
            return names[i][1];
    return dot ? dot + 1 : section;
}

static bool is_of(const asc_setting *s, const char *section)
{
    return s->section && strcmp(s->section, section) == 0;
}

asc_status asc__section_check(asc__yaml *y, const yaml_node_t *node, const char *section, asc_error *err)
{
    const char *names[MOST_KEYS];
    size_t n = 0;
    for (size_t i = 0; i < asc_n_settings() && n < MOST_KEYS; i++)
        if (is_of(asc_setting_at(i), section))
            names[n++] = asc_setting_at(i)->key;
    return asc__yaml_check_map(y, node, name_of(section), names, n, err);
}

static asc_status read_text(char **at, const asc_setting *s, asc__yaml *y, const yaml_node_t *map, asc_error *err)
{
    ASC_TRY(asc__yaml_string(y, map, s->key, at, err));
    if (*at || !s->fallback || s->fallback[0] == '(')
        return ASC_OK;
    *at = asc_strdup(s->fallback);
    return *at ? ASC_OK : ASC_NOMEM(err);
}

static asc_status read_one(void *at, const asc_setting *s, asc__yaml *y, const yaml_node_t *map, asc_error *err)
{
    if (s->kind == ASC_SET_TEXT)
        return read_text(at, s, y, map, err);
    const yaml_node_t *node = asc__yaml_get(y, map, s->key);
    asc_error why = {0};
    char shown[80], wanted[240];
    if (!node || ((s->flags & ASC_SET_SPARSE) && asc__yaml_is_null(node)))
        return ASC_OK;
    const char *text = asc__yaml_text(node);
    bool none = asc__yaml_is_null(node);
    if (!text || (none && !(s->flags & ASC_SET_NONE) && s->kind != ASC_SET_WORD))
        return asc__yaml_fail(y, node, err, "%s: expected %s, found %s", s->key,
                              asc_setting_expected(s, wanted, sizeof wanted),
                              asc__yaml_show(node, shown, sizeof shown));
    asc_status st = asc_setting_parse(at, s, none && s->kind != ASC_SET_WORD ? "null" : text, &why);
    return st == ASC_EINVAL ? asc__yaml_fail(y, node, err, "%s: %s", s->key, why.msg) : st;
}

asc_status asc__section_values(void *base, asc__yaml *y, const yaml_node_t *node, const char *section, asc_error *err)
{
    for (size_t i = 0; i < asc_n_settings(); i++) {
        const asc_setting *s = asc_setting_at(i);
        if (is_of(s, section) && s->in_study != ASC_NOWHERE)
            ASC_TRY(read_one((char *)base + s->in_study, s, y, node, err));
    }
    return ASC_OK;
}

asc_status asc__section_read(yaml_node_t **out, void *base, asc__yaml *y, const yaml_node_t *map, const char *key,
                             const char *section, asc_error *err)
{
    yaml_node_t *node = asc__yaml_get(y, map, key);
    *out = NULL;
    if (!node || asc__yaml_is_null(node))
        return ASC_OK;
    ASC_TRY(asc__section_check(y, node, section, err));
    *out = node;
    return base ? asc__section_values(base, y, node, section, err) : ASC_OK;
}
