/* autoscale table: what the columns of a table are taken for, what looks wrong, and the table as the others read it. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "mixing.h"
#include "tables.h"

/* ---- JSON ---- */

static json_t *text_or_null(const char *s)
{
    return s ? json_string(s) : json_null();
}

static json_t *column_json(const asc_table_column *c)
{
    json_t *j = json_object();
    json_object_set_new(j, "file", json_string(c->file));
    json_object_set_new(j, "column", json_string(c->name));
    json_object_set_new(j, "role", json_string(c->role));
    json_object_set_new(j, "name", text_or_null(c->as));
    json_object_set_new(j, "why", text_or_null(c->why));
    json_object_set_new(j, "min", asc_json_num(c->lo));
    json_object_set_new(j, "max", asc_json_num(c->hi));
    json_object_set_new(j, "missing", json_integer((json_int_t)c->n_missing));
    json_object_set_new(j, "text", json_integer((json_int_t)c->n_text));
    json_object_set_new(j, "problem", text_or_null(c->problem));
    return j;
}

static json_t *result_json(const asc_table *t, const asc_table_layout *l, const char *out)
{
    json_t *j = asc__cli_columns_json(t), *columns = json_array();
    for (size_t i = 0; i < l->n_columns; i++)
        json_array_append_new(columns, column_json(&l->columns[i]));
    json_object_set_new(j, "n_rows", json_integer((json_int_t)l->n_rows));
    json_object_set_new(j, "n_runs", json_integer((json_int_t)l->n_runs));
    json_object_set_new(j, "layout", text_or_null(l->layout));
    json_object_set_new(j, "key", text_or_null(l->key));
    json_object_set_new(j, "columns", columns);
    json_object_set_new(j, "notes", asc__cli_notes(&t->notes));
    json_object_set_new(j, "output", text_or_null(out));
    return j;
}

/* ---- for people ---- */

static void print_column(const asc_table_column *c, int name_width, int role_width, bool files)
{
    char role[256], range[64] = "";
    snprintf(role, sizeof role, "%s%s%.200s",
             strcmp(c->role, "weight") == 0          ? "share of"
             : strcmp(c->role, "domain tokens") == 0 ? "tokens of"
                                                     : c->role,
             c->as ? " " : "", c->as ? c->as : "");
    asc__cli_print_name(c->name, name_width);
    printf("  ");
    asc__cli_print_name(role, role_width);
    if (!isnan(c->lo))
        snprintf(range, sizeof range, "%.6g .. %.6g", c->lo, c->hi);
    printf("  %-24s", c->n_text ? c->n_text == 1 ? "text in 1 row" : "text" : range);
    if (c->n_missing)
        printf("  %zu missing", c->n_missing);
    if (c->why)
        printf("  [%s]", c->why);
    if (files) {
        const char *slash = strrchr(c->file, '/');
        printf("  ");
        asc__cli_print_name(slash ? slash + 1 : c->file, 0);
    }
    if (c->problem)
        printf("  <- looks wrong: %s", c->problem);
    putchar('\n');
}

static void print_people(const asc_table_layout *l)
{
    int width = 6;
    bool files = false;
    for (size_t i = 0; i < l->n_columns; i++) {
        int n = asc__cli_columns(l->columns[i].name);
        width = n > width ? n : width;
        files |= strcmp(l->columns[i].file, l->columns[0].file) != 0;
    }
    width = width > 48 ? 48 : width;
    printf("%zu rows", l->n_rows);
    if (l->n_runs)
        printf(", %zu runs", l->n_runs);
    if (l->layout)
        printf("; read as: %s", l->layout);
    if (l->key) {
        printf("; joined on ");
        asc__cli_print_name(l->key, 0);
    }
    printf("\n\n%-*s  %-24s  %s\n", width, "column", "read as", "values");
    for (size_t i = 0; i < l->n_columns; i++)
        print_column(&l->columns[i], width, 24, files);
}

/* ---- the command ---- */

static asc_status give(const asc_table *t, const asc_table_layout *l, const asc_cli_args *a, asc_error *err)
{
    const char *path = asc__cli_get(a, "out");
    bool to_stdout = path && strcmp(path, "-") == 0;
    asc_buf b = {0};
    if (path && !to_stdout)
        ASC_TRY(asc_table_write(path, t, err));
    if (asc__cli_json(a)) {
        json_t *j = result_json(t, l, to_stdout ? NULL : path);
        asc_status st = asc__cli_print_json(j, err);
        json_decref(j);
        return st;
    }
    if (!to_stdout) {
        print_people(l);
        putchar('\n');
        asc__cli_print_notes(t->notes.text, t->notes.n);
        if (path) {
            printf("wrote ");
            asc__cli_print_name(path, 0);
            putchar('\n');
        }
        return ASC_OK;
    }
    ASC_TRY(asc_table_print(&b, t, err));
    asc_status st = asc__cli_data(b.data, b.len, err);
    asc_buf_clear(&b);
    return st;
}

static asc_status run_table(const asc_cli_args *a, asc_error *err)
{
    asc_table t = {0};
    asc_table_layout l = {0};
    const char *path = asc__cli_get(a, "out");
    asc_status st = asc__cli_read_table_layout(&t, &l, a, 0, NULL, err);
    if (st == ASC_OK)
        st = give(&t, &l, a, err);
    else if (l.columns && !asc__cli_json(a) && !(path && strcmp(path, "-") == 0))
        print_people(&l); /* so far as it goes, to see what to map */
    asc_table_clear(&t);
    asc_table_layout_clear(&l);
    return st;
}

static const asc_cli_option options[] = {
    ASC_CLI_TABLE_OPTIONS,
    {"out", 'o', "runs.csv", "write the table with standard column names (-: stdout)"},
    {0},
};

const asc_cli_command asc__cli_table = {
    .name = "table",
    .usage = "FILE… [--map ROLE=COLUMN] [-o runs.csv]",
    .summary = "inspect a table of runs: column roles and problems; rewrite it with standard names",
    .options = options,
    .min_files = 1,
    .max_files = ASC_CLI_MAX_TABLES,
    .run = run_table,
};
