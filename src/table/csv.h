/* One CSV record after another, from a file, standard input or memory, in memory of one record. Private to table. */
#ifndef TABLE_CSV_H
#define TABLE_CSV_H

#include "autoscale/base.h"

typedef struct asc__csv {
    const char *name; /* of the file, for errors */
    size_t line;      /* line on which the current record starts, from 1 */
    char **cell;      /* cells of the current record: 0-terminated, unquoted, outer blanks of bare cells removed */
    size_t n_cells;   /* 0 at the end of the file */
    /* the rest is the reader's own */
    int fd; /* -1: memory */
    bool owns_fd, end, started;
    char *buf;
    size_t n_buf, cap_buf, pos, cap_cell, next_line;
} asc__csv;

asc_status asc__csv_open(asc__csv *c, const char *path, asc_error *err);
asc_status asc__csv_open_memory(asc__csv *c, const char *name, const char *text, size_t n, asc_error *err);
void asc__csv_close(asc__csv *c);
/* The next record that is not blank. Errors: a quote out of place or never closed, a NUL byte, a record over 256 MB. */
asc_status asc__csv_next(asc__csv *c, asc_error *err);

/* A whole cell as a finite number: correctly rounded, no locale, no hex, no nan. */
bool asc__csv_number(const char *s, double *out);
/* A cell that fits on an error line. Returns buf. */
const char *asc__csv_show(const char *cell, char buf[48]);
bool asc__csv_utf8(const char *s);
/* Append a cell, quoted where it must be. */
void asc__csv_put(asc_buf *b, const char *cell);
/* Append a number, nothing for NaN. */
void asc__csv_put_number(asc_buf *b, double x);

#endif
