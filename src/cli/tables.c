#include "tables.h"

#include <string.h>
#include <strings.h>

static char *pending; /* the list of the table that was read last */

/* ---- the list ---- */

static void put_clean(asc_buf *b, const char *name)
{
    for (const unsigned char *p = (const unsigned char *)name; *p; p++)
        asc_buf_putc(b, *p < 0x20 || *p == 0x7f ? '?' : (char)*p);
}

static bool is_domain(const asc_table_column *c)
{
    return strcmp(c->role, "weight") == 0 || strcmp(c->role, "domain tokens") == 0;
}

static bool is_target(const asc_table_column *c)
{
    return c->as && !is_domain(c);
}

static bool is_ignored(const asc_table_column *c)
{
    return strcmp(c->role, "ignored") == 0;
}

/* Does the column's own name say what it is: weight_web for the domain web? */
static bool says_itself(const asc_table_column *c)
{
    size_t n = strlen(c->name), k = strlen(c->as);
    return n >= k && strcmp(c->name + n - k, c->as) == 0 &&
           (n == k || (c->name[n - k - 1] == '_' && n - k <= strlen("weight_")));
}

static void put_columns(asc_buf *b, const asc_table_layout *l, const char *what,
                        bool (*which)(const asc_table_column *))
{
    size_t n = 0;
    for (size_t i = 0; i < l->n_columns; i++)
        n += which(&l->columns[i]);
    if (n == 0)
        return;
    asc_buf_printf(b, "  %s:", what);
    for (size_t i = 0, k = 0; i < l->n_columns; i++) {
        const asc_table_column *c = &l->columns[i];
        if (!which(c))
            continue;
        asc_buf_puts(b, k++ ? ", " : " ");
        put_clean(b, c->as ? c->as : c->name);
        if (c->as && !says_itself(c)) {
            asc_buf_puts(b, " (");
            put_clean(b, c->name);
            asc_buf_putc(b, ')');
        }
    }
    asc_buf_putc(b, '\n');
}

static void keep_list(const asc_table_layout *l, const asc_cli_args *a, size_t first)
{
    asc_buf b = {0};
    for (size_t i = first; i < asc__cli_n_files(a); i++) {
        asc_buf_puts(&b, i > first ? " + " : "");
        put_clean(&b, asc__cli_file(a, i));
    }
    asc_buf_printf(&b, ": %zu rows, %zu runs", l->n_rows, l->n_runs);
    if (l->layout)
        asc_buf_printf(&b, "; read as: %s", l->layout);
    if (l->key)
        asc_buf_printf(&b, "; joined on '%s'", l->key);
    asc_buf_putc(&b, '\n');
    put_columns(&b, l, "domains", is_domain);
    put_columns(&b, l, "targets", is_target);
    put_columns(&b, l, "ignored columns", is_ignored);
    asc_free(pending);
    pending = b.oom ? NULL : b.data;
    if (b.oom)
        asc_buf_clear(&b);
}

void asc__cli_list_table(void)
{
    if (pending)
        fputs(pending, stderr);
    asc_free(pending);
    pending = NULL;
}

/* ---- reading ---- */

asc_status asc__cli_read_table_layout(asc_table *t, asc_table_layout *layout, const asc_cli_args *a, size_t first,
                                      const asc_law_set *law, asc_error *err)
{
    const char *maps[64], *files[ASC_CLI_MAX_TABLES];
    size_t n_maps = 0, n_files = asc__cli_n_files(a) - first;
    for (const char *m; (m = asc__cli_nth(a, "map", n_maps)); maps[n_maps++] = m)
        if (n_maps == sizeof maps / sizeof *maps)
            return ASC_FAIL(err, ASC_EINVAL, "--map: at most %zu may be given", sizeof maps / sizeof *maps);
    for (size_t i = 0; i < n_files; i++)
        files[i] = asc__cli_file(a, first + i);
    asc_table_opts o = {.map = maps, .n_map = n_maps, .key = asc__cli_get(a, "key")};
    if (law) {
        o.trusting = true; /* what counts was settled when the law was fitted */
        o.only_domains = law->domains;
        o.n_only_domains = law->n_domains;
        o.only_targets = law->targets;
        o.n_only_targets = law->n_targets;
    }
    return asc_table_read_files(t, layout, files, n_files, &o, err);
}

asc_status asc__cli_read_table(asc_table *t, const asc_cli_args *a, size_t first, const asc_law_set *law,
                               asc_error *err)
{
    asc_table_layout layout = {0};
    asc_status st = asc__cli_read_table_layout(t, &layout, a, first, law, err);
    if (st == ASC_OK && !asc__cli_quiet(a))
        keep_list(&layout, a, first);
    asc_table_layout_clear(&layout);
    return st;
}

static json_t *names_json(char *const *names, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_string(names[i]));
    return list;
}

json_t *asc__cli_columns_json(const asc_table *t)
{
    json_t *j = json_object();
    json_object_set_new(j, "domains", names_json(t->runs.domains, t->runs.n_domains));
    json_object_set_new(j, "targets", names_json(t->runs.targets, t->runs.n_targets));
    json_object_set_new(j, "ignored", names_json(t->unknown, t->n_unknown));
    return j;
}
