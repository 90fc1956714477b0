/* JSON to a grid: one object per line, objects one after another, an array of them, or pandas' own forms. Objects in
 * objects become columns named a/b. */
#include <assert.h>
#include <string.h>

#include "base/base_json.h"
#include "grid.h"

enum { MAX_DEPTH = 16, MAX_JSON_COLUMNS = 20000 };

typedef struct json_reader {
    asc__grid *g;
    json_t *index; /* column's name -> its number */
    char ***rows;  /* cells of each row, as many as columns were known when it was read */
    size_t *width, cap_rows, cap_width, cap_lines, cap_names, line;
    asc_error *err;
} json_reader;

/* NaN becomes null and Infinity "inf" in place, as Python writes them; outside strings alone. */
static void mend_numbers(char *p, const char *end)
{
    static const struct {
        const char *word, *mended; /* of equal length */
    } words[] = {{"NaN", "\"\" "}, {"-Infinity", "\"-inf\"   "}, {"Infinity", "\"inf\"   "}};
    bool string = false;
    while (p < end) {
        size_t n = 1;
        if (string && *p == '\\')
            n = 2;
        else if (*p == '"')
            string = !string;
        for (size_t i = 0; n == 1 && !string && i < sizeof words / sizeof *words; i++) {
            size_t len = strlen(words[i].word);
            if ((size_t)(end - p) < len || memcmp(p, words[i].word, len) != 0)
                continue;
            memcpy(p, words[i].mended, len);
            n = len; /* its quotes are no string that begins here */
        }
        p += n;
    }
}

/* ---- cells ---- */

static asc_status column_index(json_reader *r, const char *name, size_t *out)
{
    asc__grid *g = r->g;
    const json_t *known = json_object_get(r->index, name);
    if (known) {
        *out = (size_t)json_integer_value(known);
        return ASC_OK;
    }
    if (g->n_columns == MAX_JSON_COLUMNS)
        return ASC_FAIL(r->err, ASC_EINVAL, "%s:%zu: more than %d fields", g->name, r->line, MAX_JSON_COLUMNS);
    if (!*name || strpbrk(name, "\r\n\t"))
        return ASC_FAIL(r->err, ASC_EINVAL, "%s:%zu: a field without a name on one line", g->name, r->line);
    char **names = asc_grow(g->column, &r->cap_names, g->n_columns + 1, sizeof *names);
    if (!names)
        return ASC_NOMEM(r->err);
    g->column = names;
    ASC_TRY(asc__grid_keep(g, &names[g->n_columns], name, r->err));
    *out = g->n_columns++;
    return json_object_set_new(r->index, name, json_integer((json_int_t)*out)) == 0 ? ASC_OK : ASC_NOMEM(r->err);
}

static asc_status put_cell(json_reader *r, const char *name, const char *cell)
{
    size_t c = 0, row = r->g->n_rows;
    ASC_TRY(column_index(r, name, &c));
    if (c >= r->width[row]) {
        size_t cap = r->width[row];
        char **cells = asc_grow(r->rows[row], &cap, c + 1, sizeof *cells);
        if (!cells)
            return ASC_NOMEM(r->err);
        memset(cells + r->width[row], 0, (cap - r->width[row]) * sizeof *cells);
        r->rows[row] = cells;
        r->width[row] = cap;
    }
    if (r->rows[row][c])
        return ASC_FAIL(r->err, ASC_EINVAL, "%s:%zu: field '%.60s' is given twice", r->g->name, r->line, name);
    return asc__grid_keep(r->g, &r->rows[row][c], cell, r->err);
}

static asc_status put_array(json_reader *r, const char *name, const json_t *v)
{
    char *text = NULL;
    ASC_TRY(asc_json_print(&text, v, 0, r->err));
    asc_status st = put_cell(r, name, text);
    asc_free(text);
    return st;
}

static asc_status put_value(json_reader *r, const char *name, const json_t *v, int depth);

static asc_status put_object(json_reader *r, const char *name, const json_t *v, int depth)
{
    const char *key;
    json_t *value;
    if (depth == MAX_DEPTH)
        return ASC_FAIL(r->err, ASC_EINVAL, "%s:%zu: objects nested more than %d deep", r->g->name, r->line, MAX_DEPTH);
    json_object_foreach((json_t *)v, key, value)
    {
        char *path = *name ? asc_strf("%s/%s", name, key) : asc_strdup(key);
        asc_status st = path ? put_value(r, path, value, depth + 1) : ASC_NOMEM(r->err);
        asc_free(path);
        ASC_TRY(st);
    }
    return ASC_OK;
}

static asc_status put_value(json_reader *r, const char *name, const json_t *v, int depth)
{
    char number[40];
    switch (json_typeof(v)) {
    case JSON_OBJECT:
        return put_object(r, name, v, depth);
    case JSON_ARRAY:
        return put_array(r, name, v);
    case JSON_STRING:
        return put_cell(r, name, json_string_value(v));
    case JSON_INTEGER:
        snprintf(number, sizeof number, "%lld", (long long)json_integer_value(v));
        return put_cell(r, name, number);
    case JSON_REAL:
        return put_cell(r, name, asc_format_double(json_real_value(v), number));
    case JSON_NULL:
        return put_cell(r, name, "");
    default:
        return put_cell(r, name, json_is_true(v) ? "true" : "false");
    }
}

/* ---- rows ---- */

static asc_status begin_row(json_reader *r)
{
    asc__grid *g = r->g;
    size_t need = g->n_rows + 1;
    char ***rows = asc_grow(r->rows, &r->cap_rows, need, sizeof *rows);
    if (rows)
        r->rows = rows;
    size_t *width = asc_grow(r->width, &r->cap_width, need, sizeof *width);
    if (width)
        r->width = width;
    size_t *line = asc_grow(g->line, &r->cap_lines, need, sizeof *line);
    if (line)
        g->line = line;
    if (!rows || !width || !line)
        return ASC_NOMEM(r->err);
    rows[g->n_rows] = NULL;
    width[g->n_rows] = 0;
    line[g->n_rows] = r->line;
    return ASC_OK;
}

static asc_status add_object(json_reader *r, const json_t *v)
{
    if (!json_is_object(v))
        return ASC_FAIL(r->err, ASC_EINVAL, "%s:%zu: expected an object with the fields of one run", r->g->name,
                        r->line);
    if (asc_interrupted())
        return ASC_FAIL(r->err, ASC_EINTR, "%s: interrupted at line %zu", r->g->name, r->line);
    ASC_TRY(begin_row(r));
    asc_status st = put_object(r, "", v, 0);
    r->g->n_rows++; /* also after a failure: its cells are freed with the others */
    return st;
}

/* {"columns": [..], "data": [[..], ..]}: pandas, orient="split". */
static asc_status add_split(json_reader *r, const json_t *v)
{
    const json_t *columns = json_object_get(v, "columns"), *data = json_object_get(v, "data");
    for (size_t k = 0; k < json_array_size(data); k++) {
        const json_t *row = json_array_get(data, k);
        if (!json_is_array(row) || json_array_size(row) != json_array_size(columns))
            return ASC_FAIL(r->err, ASC_EINVAL, "%s: data[%zu]: expected an array as long as 'columns', %zu",
                            r->g->name, k, json_array_size(columns));
        ASC_TRY(begin_row(r));
        asc_status st = ASC_OK;
        for (size_t c = 0; st == ASC_OK && c < json_array_size(columns); c++) {
            const char *name = json_string_value(json_array_get(columns, c));
            st = name ? put_value(r, name, json_array_get(row, c), 0)
                      : ASC_FAIL(r->err, ASC_EINVAL, "%s: columns[%zu]: expected a string", r->g->name, c);
        }
        r->g->n_rows++;
        ASC_TRY(st);
    }
    return ASC_OK;
}

/* {"run": {"0": .., "1": ..}, ..}: pandas, orient="columns". The first column says which rows there are. */
static bool is_columns(const json_t *v)
{
    const char *key, *inner;
    json_t *column, *cell;
    json_object_foreach((json_t *)v, key, column)
    {
        if (!json_is_object(column) || json_object_size(column) == 0)
            return false;
        json_object_foreach(column, inner,
                            cell) if (inner[strspn(inner, "0123456789")] || json_is_object(cell)) return false;
    }
    return json_object_size(v) > 0;
}

static asc_status add_columns(json_reader *r, const json_t *v)
{
    const char *key, *row;
    json_t *column, *cell;
    const json_t *first = json_object_iter_value(json_object_iter((json_t *)v));
    json_object_foreach((json_t *)first, row, cell)
    {
        ASC_TRY(begin_row(r));
        asc_status st = ASC_OK;
        json_object_foreach((json_t *)v, key, column) if (st == ASC_OK && json_object_get(column, row)) st =
            put_value(r, key, json_object_get(column, row), 0);
        r->g->n_rows++;
        ASC_TRY(st);
    }
    return ASC_OK;
}

static asc_status add_document(json_reader *r, const json_t *v)
{
    if (json_is_array(v)) {
        for (size_t k = 0; k < json_array_size(v); k++)
            ASC_TRY(add_object(r, json_array_get(v, k)));
        return ASC_OK;
    }
    if (json_is_array(json_object_get(v, "columns")) && json_is_array(json_object_get(v, "data")))
        return add_split(r, v);
    if (json_is_array(json_object_get(v, "laws")))
        return ASC_FAIL(r->err, ASC_EINVAL, "%s: expected a table of runs, found a law; `autoscale optimize` reads it",
                        r->g->name);
    return is_columns(v) ? add_columns(r, v) : add_object(r, v);
}

static asc_status read_documents(json_reader *r, char *p, char *end)
{
    while (p < end) {
        for (; p < end && strchr(" \t\r\n,", *p) && *p; p++)
            r->line += *p == '\n';
        if (p == end)
            break;
        size_t used;
        json_t *v;
        ASC_TRY(asc_json_parse_first(&v, &used, r->g->name, r->line, p, (size_t)(end - p), r->err));
        asc_status st = add_document(r, v);
        json_decref(v);
        ASC_TRY(st);
        for (const char *stop = p + used; p < stop; p++)
            r->line += *p == '\n';
    }
    return ASC_OK;
}

/* The rows, which may lack the columns that came later, as one matrix. */
static asc_status settle(json_reader *r)
{
    asc__grid *g = r->g;
    size_t C = g->n_columns, all;
    if (__builtin_mul_overflow(g->n_rows, C, &all))
        return ASC_NOMEM(r->err);
    g->cell = asc_calloc(all + 1, sizeof *g->cell);
    g->column_file = asc_calloc(C + 1, sizeof *g->column_file);
    g->position = asc_calloc(C + 1, sizeof *g->position);
    if (!g->cell || !g->column_file || !g->position)
        return ASC_NOMEM(r->err);
    assert(g->n_rows == 0 || (r->rows && r->width));
    for (size_t row = 0; row < g->n_rows; row++)
        for (size_t c = 0; c < C; c++)
            g->cell[row * C + c] = c < r->width[row] && r->rows[row][c] ? r->rows[row][c] : "";
    for (size_t c = 0; c < C; c++)
        g->position[c] = c + 1;
    return ASC_OK;
}

asc_status asc__grid_parse_json(asc__grid *g, char *text, size_t n, asc_error *err)
{
    json_reader r = {.g = g, .index = json_object(), .line = 1, .err = err};
    size_t bom = n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    mend_numbers(text + bom, text + n);
    asc_status st = r.index ? read_documents(&r, text + bom, text + n) : ASC_NOMEM(err);
    if (st == ASC_OK)
        st = settle(&r);
    for (size_t row = 0; r.rows && row < g->n_rows; row++)
        asc_free(r.rows[row]);
    asc_free(r.rows);
    asc_free(r.width);
    json_decref(r.index);
    return st;
}
