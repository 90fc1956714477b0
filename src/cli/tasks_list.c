#include "tasks_list.h"

#include <string.h>

#include "autoscale/text.h"

void asc__tasks_list_clear(tasks_list *l)
{
    for (size_t i = 0; i < l->n; i++)
        asc_free(l->specs[i]);
    asc_free(l->specs);
    *l = (tasks_list){0};
}

/* The path of the one file FOLDER/NAME*.jsonl[.zst|.gz]. */
static asc_status look_up(char **out, const char *name, const char *folder, asc_error *err)
{
    static const char *const endings[] = {"jsonl", "jsonl.zst", "jsonl.gz"};
    char *found = NULL;
    size_t n_found = 0;
    for (size_t e = 0; e < 3; e++) {
        char *pattern = asc_strf("%s*.%s", name, endings[e]), **files = NULL;
        size_t n = 0;
        if (!pattern)
            return ASC_NOMEM(err);
        if (asc_text_discover(&files, &n, &pattern, 1, folder, NULL) == ASC_OK) {
            asc_free(found);
            found = n ? asc_strdup(files[0]) : NULL;
            n_found += n;
            asc_text_discover_free(files, n);
        }
        asc_free(pattern);
    }
    asc_status s = ASC_OK;
    if (n_found != 1)
        s = ASC_FAIL(err, ASC_EINVAL, "--tasks: %s: %zu files %s/%s*.jsonl[.zst|.gz], expected one", name, n_found,
                     folder, name);
    else if (!found)
        s = ASC_NOMEM(err);
    if (s == ASC_OK)
        *out = found;
    else
        asc_free(found);
    return s;
}

static bool is_file_spec(const char *entry)
{
    const char *equals = strchr(entry, '=');
    return asc_path_exists(entry) || (equals && equals > entry && asc_path_exists(equals + 1));
}

static asc_status add_entry(tasks_list *l, const char *entry, const char *folder, asc_error *err)
{
    if (is_file_spec(entry)) {
        l->specs[l->n] = asc_strdup(entry);
    } else if (folder && !strchr(entry, '/') && !strchr(entry, '=')) {
        ASC_TRY(look_up(&l->specs[l->n], entry, folder, err));
    } else {
        return ASC_FAIL(err, ASC_EINVAL, "--tasks: no file '%s'%s", entry,
                        folder ? "" : "; a name alone needs --tasks-dir DIR");
    }
    if (!l->specs[l->n])
        return ASC_NOMEM(err);
    l->n++;
    return ASC_OK;
}

asc_status asc__tasks_list_parse(tasks_list *out, const char *list, const char *folder, asc_error *err)
{
    tasks_list l = {0};
    size_t n = 1;
    for (const char *p = list; *p; p++)
        n += *p == ',';
    char *copy = asc_strdup(list), *at = copy;
    l.specs = asc_calloc(n, sizeof *l.specs);
    asc_status s = copy && l.specs ? ASC_OK : ASC_NOMEM(err);
    while (s == ASC_OK && at) {
        char *next = strchr(at, ',');
        if (next)
            *next++ = 0;
        if (*at)
            s = add_entry(&l, at, folder, err);
        at = next;
    }
    if (s == ASC_OK && l.n == 0)
        s = ASC_FAIL(err, ASC_EINVAL, "--tasks: expected at least one task");
    asc_free(copy);
    if (s != ASC_OK) {
        asc__tasks_list_clear(&l);
        return s;
    }
    *out = l;
    return ASC_OK;
}
