/* One record after another of a separated text in memory: CSV, TSV, semicolons, any line ends. Private to table. */
#ifndef TABLE_CSV_H
#define TABLE_CSV_H

#include "base/base.h"

typedef struct asc__csv {
    const char *name; /* of the file, for errors */
    size_t line;      /* line on which the current record starts, from 1 */
    char **cell;      /* cells of the current record: 0-terminated, unquoted, outer blanks of bare cells removed */
    size_t n_cells;   /* 0 at the end of the text */
    char separator;   /* , ; tab | or blank */
    bool declared;    /* by a first line sep=X */
    /* the rest is the reader's own */
    char *at, *end, newline;
    size_t cap_cell, next_line;
} asc__csv;

/* Begin at text (n bytes and one writable byte behind them; cells are cut out of it in place): the separator is that of
 * a first line sep=X, else the one that splits header and first rows alike. Line ends: LF, CRLF, or CR where there is
 * no LF. */
void asc__csv_open(asc__csv *c, const char *name, char *text, size_t n);
void asc__csv_close(asc__csv *c);
/* The next record that is not blank. Errors: a quote out of place or never closed, a NUL byte. */
asc_status asc__csv_next(asc__csv *c, asc_error *err);

/* A cell that fits on an error line. Returns buf. */
const char *asc__csv_show(const char *cell, char buf[48]);
/* Append a cell, quoted where it must be. */
void asc__csv_put(asc_buf *b, const char *cell);
/* Append a number, nothing for NaN. */
void asc__csv_put_number(asc_buf *b, double x);

#endif
