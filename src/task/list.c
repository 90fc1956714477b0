#include "task/task_list.h"

#include <string.h>

#include "text/text.h"

void asc_task_list_clear(asc_task_list *l)
{
    for (size_t i = 0; i < l->n; i++)
        asc_free(l->specs[i]);
    asc_free(l->specs);
    *l = (asc_task_list){0};
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
        s = ASC_FAIL(err, ASC_EINVAL, "tasks: %s: %zu files %s/%s*.jsonl[.zst|.gz], expected one", name, n_found,
                     folder, name);
    else if (!found)
        s = ASC_NOMEM(err);
    if (s == ASC_OK)
        *out = found;
    else
        asc_free(found);
    return s;
}

/* "NAME=PATH" or "PATH" with the path below base, NULL where there is no such file. */
static asc_status file_spec(char **out, const char *entry, const char *base, asc_error *err)
{
    const char *equals = strchr(entry, '=');
    char *whole = asc_path_join(base, entry), *part = equals && equals > entry ? asc_path_join(base, equals + 1) : NULL;
    asc_status s = whole && (part || !equals || equals == entry) ? ASC_OK : ASC_NOMEM(err);
    *out = NULL;
    if (s == ASC_OK && asc_path_exists(whole)) {
        *out = whole;
        whole = NULL;
    } else if (s == ASC_OK && part && asc_path_exists(part)) {
        *out = asc_strf("%.*s=%s", (int)(equals - entry), entry, part);
        s = *out ? ASC_OK : ASC_NOMEM(err);
    }
    asc_free(whole);
    asc_free(part);
    return s;
}

asc_status asc_task_list_add(asc_task_list *l, const char *entry, const char *base, const char *folder, asc_error *err)
{
    char *spec = NULL, **more = asc_reallocarray(l->specs, l->n + 1, sizeof *more);
    if (!more)
        return ASC_NOMEM(err);
    l->specs = more;
    ASC_TRY(file_spec(&spec, entry, base, err));
    if (!spec && folder && !strchr(entry, '/') && !strchr(entry, '=')) {
        char *below = asc_path_join(base, folder);
        asc_status s = below ? look_up(&spec, entry, below, err) : ASC_NOMEM(err);
        asc_free(below);
        ASC_TRY(s);
    }
    if (!spec)
        return ASC_FAIL(err, ASC_EINVAL, "tasks: no file '%s'%s", entry,
                        folder ? "" : "; a bare NAME is looked up in --tasks-dir DIR");
    l->specs[l->n++] = spec;
    return ASC_OK;
}

asc_status asc_task_list_parse(asc_task_list *out, const char *list, const char *folder, asc_error *err)
{
    asc_task_list l = {0};
    char *copy = asc_strdup(list), *at = copy;
    asc_status s = copy ? ASC_OK : ASC_NOMEM(err);
    while (s == ASC_OK && at) {
        char *next = strchr(at, ',');
        if (next)
            *next++ = 0;
        if (*at)
            s = asc_task_list_add(&l, at, ".", folder, err);
        at = next;
    }
    if (s == ASC_OK && l.n == 0)
        s = ASC_FAIL(err, ASC_EINVAL, "--tasks: expected at least one task");
    asc_free(copy);
    if (s != ASC_OK) {
        asc_task_list_clear(&l);
        return s;
    }
    *out = l;
    return ASC_OK;
}
