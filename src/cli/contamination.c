/* Which evaluation items stand in the training text. */
#include "cli.h"

#include <string.h>

#include "task/task_contamination.h"
#include "task/task_list.h"

static const asc_cli_option options[] = {
    {"tasks", 0, "LIST", "evaluation sets: PATH, NAME=PATH or NAME, comma-separated; GLUE: RTE=FOLDER"},
    {"tasks-dir", 0, "DIR", "folder in which a bare NAME is looked up as NAME*.jsonl[.zst|.gz]"},
    {"ngram", 'n', "N", "n-gram length in words (default: 13)"},
    {"field", 0, "NAME", "JSON field or Parquet column that holds the text (default: text)"},
    {"out", 'o', "FILE", "write the items found to FILE, for `autoscale eval --exclude`"},
    {0},
};

/* "NAME=GLOB", or a path whose file name is the domain's. */
static asc_status scan_domain(const asc_cli_args *a, asc_contamination *c, const char *arg, asc_error *err)
{
    const char *equals = strchr(arg, '=');
    bool named = equals && equals > arg && !memchr(arg, '/', (size_t)(equals - arg));
    char *pattern = asc_strdup(named ? equals + 1 : arg), *name = NULL;
    if (!pattern)
        return ASC_NOMEM(err);
    const char *slash = strrchr(pattern, '/'), *file = slash && slash[1] ? slash + 1 : pattern;
    name = named ? asc_strndup(arg, (size_t)(equals - arg)) : asc_strndup(file, strcspn(file, ".*"));
    asc_status s = name ? asc_contamination_scan_files(c, name, &pattern, 1, ".", asc__cli_get(a, "field"), NULL,
                                                       asc__cli_progress, (void *)(uintptr_t)a, err)
                        : ASC_NOMEM(err);
    asc__cli_progress_end();
    asc_free(name);
    asc_free(pattern);
    return s;
}

static asc_status find_all(const asc_cli_args *a, asc_contamination *c, asc_error *err)
{
    asc_task_list l = {0};
    ASC_TRY(asc_task_list_parse(&l, asc__cli_get(a, "tasks"), asc__cli_get(a, "tasks-dir"), err));
    asc_status s = ASC_OK;
    for (size_t i = 0; s == ASC_OK && i < l.n; i++)
        s = asc_contamination_add_spec(c, l.specs[i], err);
    asc_task_list_clear(&l);
    for (size_t i = 0; s == ASC_OK && i < asc__cli_n_files(a); i++)
        s = scan_domain(a, c, asc__cli_file(a, i), err);
    return s;
}

static void print_found(const json_t *found)
{
    size_t i;
    json_t *set, *n;
    const char *domain;
    json_array_foreach(json_object_get(found, "sets"), i, set)
    {
        printf("%-24s %lld of %lld items found", json_string_value(json_object_get(set, "name")),
               (long long)json_integer_value(json_object_get(set, "found")),
               (long long)json_integer_value(json_object_get(set, "items")));
        json_object_foreach(json_object_get(set, "in"), domain, n)
        {
            if (json_integer_value(n) > 0)
                printf("  %s %lld", domain, (long long)json_integer_value(n));
        }
        printf("\n");
    }
}

/* What was not searched: nothing was found there either. */
static void print_left_out(const json_t *found)
{
    size_t i;
    json_t *d;
    json_array_foreach(json_object_get(found, "domains"), i, d)
    {
        const char *name = json_string_value(json_object_get(d, "name"));
        json_int_t rejected = json_integer_value(json_object_get(d, "rejected"));
        if (json_is_false(json_object_get(d, "searched")))
            printf("note: %s holds token files and was not searched; give the text they were made from\n", name);
        else if (rejected > 0)
            printf("note: %lld documents of %s could not be read\n", (long long)rejected, name);
    }
}

static asc_status report(const asc_cli_args *a, const asc_contamination *c, asc_error *err)
{
    json_t *found = asc_contamination_json(c);
    bool shown = false;
    asc_status s = found ? asc__cli_give(&shown, a, found, err) : ASC_NOMEM(err);
    if (s == ASC_OK && !shown) {
        print_found(found);
        print_left_out(found);
    }
    json_decref(found);
    return s;
}

static asc_status run(const asc_cli_args *a, asc_error *err)
{
    int64_t n = 13;
    asc_contamination *c = NULL;
    if (!asc__cli_has(a, "tasks"))
        return ASC_FAIL(err, ASC_EINVAL, "contamination: --tasks LIST is required: the evaluation sets to look for");
    ASC_TRY(asc__cli_count(a, "ngram", &n, err));
    ASC_TRY(asc_contamination_create(&c, n < 1000 ? (int)n : 1000, err));
    asc_status s = find_all(a, c, err);
    if (s == ASC_OK)
        s = report(a, c, err);
    asc_contamination_free(c);
    return s;
}

const asc_cli_command asc__cli_contamination = {
    .name = "contamination",
    .usage = "[NAME=]GLOB... --tasks LIST [options]",
    .summary = "find evaluation items in the training text",
    .options = options,
    .min_files = 1,
    .max_files = 100000,
    .run = run,
};
