/* Parquet to a grid: each column that holds one value per row. */
#include <math.h>
#include <string.h>

#include "text/text_parquet.h"
#include "csv.h"
#include "grid.h"

enum { MAX_PARQUET_COLUMNS = 20000 };
static const int64_t max_cells = (int64_t)1 << 28;

static asc_status put_text(asc__grid *g, const char **cell, const asc_parquet_value *v, asc_error *err)
{
    char *copy = NULL;
    ASC_TRY(asc__grid_room(g, &copy, v->n_bytes + 1, err));
    if (v->n_bytes)
        memcpy(copy, v->text, v->n_bytes); /* a NUL ends it */
    copy[v->n_bytes] = 0;
    *cell = copy;
    return ASC_OK;
}

static asc_status put_number(asc__grid *g, const char **cell, const asc_parquet_value *v, asc_error *err)
{
    char number[40], *copy;
    if (isnan(v->number))
        return ASC_OK;
    if (isinf(v->number))
        snprintf(number, sizeof number, "%sinf", v->number < 0 ? "-" : "");
    else if (v->number == (double)v->whole && fabs(v->number) >= 0x1p53)
        snprintf(number, sizeof number, "%lld", (long long)v->whole); /* ids of more digits than a double has */
    else
        asc_format_double(v->number, number);
    ASC_TRY(asc__grid_keep(g, &copy, number, err));
    *cell = copy;
    return ASC_OK;
}

static asc_status read_column(asc__grid *g, const asc_parquet *p, size_t source, size_t c, asc_error *err)
{
    asc_parquet_cursor *cursor = NULL;
    asc_parquet_kind kind = asc_parquet_get_column(p, source)->kind;
    ASC_TRY(asc_parquet_cursor_open(&cursor, p, source, err));
    asc_status st = ASC_OK;
    for (size_t row = 0; st == ASC_OK; row++) {
        asc_parquet_value v;
        bool more = false;
        st = asc_parquet_next(cursor, &v, &more, err);
        if (st != ASC_OK || !more || row == g->n_rows)
            break;
        const char **cell = &g->cell[row * g->n_columns + c];
        if (!v.null && kind == ASC_PARQUET_NUMBER)
            st = put_number(g, cell, &v, err);
        else if (!v.null && kind == ASC_PARQUET_TEXT)
            st = put_text(g, cell, &v, err);
        if (st == ASC_OK && asc_interrupted())
            st = ASC_FAIL(err, ASC_EINTR, "%s: interrupted", g->name);
    }
    asc_parquet_cursor_close(cursor);
    return st;
}

/* pandas keeps its index as such a column. */
static bool is_index(const char *name)
{
    return strncmp(name, "__index_level_", 14) == 0;
}

static asc_status name_columns(asc__grid *g, const asc_parquet *p, size_t *source, asc_error *err)
{
    for (size_t i = 0; i < asc_parquet_n_columns(p); i++) {
        const asc_parquet_column *c = asc_parquet_get_column(p, i);
        if (c->repeated || is_index(c->name))
            continue;
        if (g->n_columns == MAX_PARQUET_COLUMNS)
            return ASC_FAIL(err, ASC_EINVAL, "%s: more than %d columns", g->name, MAX_PARQUET_COLUMNS);
        if (!*c->name || !asc_is_utf8(c->name) || strpbrk(c->name, "\r\n\t"))
            return ASC_FAIL(err, ASC_EINVAL, "%s: the name of column %zu is not UTF-8 text on one line", g->name,
                            i + 1);
        for (size_t k = 0; k < g->n_columns; k++)
            if (strcmp(g->column[k], c->name) == 0)
                return ASC_FAIL(err, ASC_EINVAL, "%s: column '%s' is given twice", g->name, c->name);
        ASC_TRY(asc__grid_keep(g, &g->column[g->n_columns], c->name, err));
        g->position[g->n_columns] = i + 1;
        source[g->n_columns++] = i;
    }
    return ASC_OK;
}

static asc_status fill(asc__grid *g, const asc_parquet *p, size_t *source, asc_error *err)
{
    int64_t rows = asc_parquet_rows(p);
    ASC_TRY(name_columns(g, p, source, err));
    if (g->n_columns && rows > max_cells / (int64_t)g->n_columns)
        return ASC_FAIL(err, ASC_EINVAL, "%s: %lld rows of %zu columns are too many for a table of runs", g->name,
                        (long long)rows, g->n_columns);
    g->n_rows = (size_t)rows;
    g->cell = asc_calloc(g->n_rows * g->n_columns + 1, sizeof *g->cell);
    g->line = asc_calloc(g->n_rows + 1, sizeof *g->line);
    if (!g->cell || !g->line)
        return ASC_NOMEM(err);
    for (size_t i = 0; i < g->n_rows * g->n_columns; i++)
        g->cell[i] = "";
    for (size_t row = 0; row < g->n_rows; row++)
        g->line[row] = row + 1;
    for (size_t c = 0; c < g->n_columns; c++)
        ASC_TRY(read_column(g, p, source[c], c, err));
    return ASC_OK;
}

asc_status asc__grid_read_parquet(asc__grid *g, const char *path, asc_error *err)
{
    asc_parquet *p = NULL;
    ASC_TRY(asc_parquet_open(&p, path, err));
    size_t n = asc_parquet_n_columns(p), *source = asc_calloc(n + 1, sizeof *source);
    g->column = asc_calloc(n + 1, sizeof *g->column);
    g->column_file = asc_calloc(n + 1, sizeof *g->column_file);
    g->position = asc_calloc(n + 1, sizeof *g->position);
    bool ok = source && g->column && g->column_file && g->position;
    asc_status st = ok ? fill(g, p, source, err) : ASC_NOMEM(err);
    asc_free(source);
    asc_parquet_close(p);
    return st;
}
