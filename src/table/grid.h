/* A table as it stands in files: named columns of cells, before anything is known about what they mean. Private to
 * table. */
#ifndef TABLE_GRID_H
#define TABLE_GRID_H

#include "table/table.h"

typedef enum asc__value { ASC__NUMBER, ASC__MISSING, ASC__TEXT } asc__value;

/* Init to {0}. Joined grids hold the columns of several files; line tells where each row stands in each. */
typedef struct asc__grid {
    char *name; /* of the file or files, for errors */
    size_t n_files, n_rows, n_columns;
    char **file;         /* (n_files) */
    char **column;       /* (C) names, "" for a row index without one */
    size_t *column_file; /* (C) */
    size_t *position;    /* (C) from 1, in its file */
    const char **cell;   /* (R,C) "" where a file has no such row or the cell is empty */
    size_t *line;        /* (R, n_files) from 1; 0: the row is not in that file */
    bool *decimal_comma; /* (n_files) */
    char *key;           /* column that files were joined on, or NULL */
    asc_notes notes;     /* how it was read */
    asc_arena text;      /* owns names and cells */
    char *chunk;         /* what is left of the newest block of text */
    size_t n_chunk;
    asc_arena *more; /* (n_more) those of joined files */
    size_t n_more;
} asc__grid;
void asc__grid_clear(asc__grid *g);

/* CSV and its kin, JSON lines, a JSON array: the content decides. Columns without a name are dropped where they are
 * empty, or the first one (a row index).
 * @retval ASC_EINVAL  "FILE:LINE: .."; ragged rows, no header, two columns of one name, a file of another kind (named)
 */
asc_status asc__grid_read(asc__grid *out, const char *path, asc_error *err);
asc_status asc__grid_parse(asc__grid *out, const char *name, const char *text, size_t n, asc_error *err);
/* JSON in text (n bytes, changed in place) into an empty grid that has its file named. */
asc_status asc__grid_parse_json(asc__grid *g, char *text, size_t n, asc_error *err);

/* A Parquet file into an empty grid that has its file named; lines are rows, from 1. */
asc_status asc__grid_read_parquet(asc__grid *g, const char *path, asc_error *err);

/* Rows of the grids (n >= 2; each is cleared) side by side: those of one value in the column `key`, or where that is
 * NULL in the first column that all share and that names rows. One of them may hold several rows of one value
 * (checkpoints). Rows that one lacks get empty cells there. */
asc_status asc__grid_join(asc__grid *out, asc__grid *grids, size_t n, const char *key, asc_error *err);

/* What a cell of column c is; *out untouched unless a number. Missing: blank, NA, N/A, NaN, null, None, - .. */
asc__value asc__grid_value(const asc__grid *g, size_t c, const char *cell, double *out);
static inline const char *asc__grid_cell(const asc__grid *g, size_t row, size_t c)
{
    return g->cell[row * g->n_columns + c];
}
/* The line of a row in the file of column c; of any file where that has no such row. */
size_t asc__grid_line(const asc__grid *g, size_t row, size_t c, const char **file);
/* The error of one cell: "FILE:LINE: column 'x': expected .., found ..". */
asc_status asc__grid_bad_cell(const asc__grid *g, size_t row, size_t c, const char *expected, asc_error *err);
/* Memory and lists of a grid that is being built. */
asc_status asc__grid_keep(asc__grid *g, char **out, const char *s, asc_error *err);
asc_status asc__grid_room(asc__grid *g, char **out, size_t n, asc_error *err);

#endif
