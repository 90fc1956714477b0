/* Whole small files of lines: evaluation sets are tens of megabytes at most, so they are read at once. */
#ifndef TASK_LINES_H
#define TASK_LINES_H

#include "base/base_json.h"

/** A file's lines, decompressed by its first bytes; of a Parquet file a JSON object per row. Free *out with asc_free.
 */
asc_status asc__task_read(const char *path, char **out, size_t *n, asc_error *err);

/** Cursor over the lines of a text; a line ends at \n, \r\n or the end. */
typedef struct asc__lines {
    char *at, *end;
    int64_t line; /* of the line last given */
} asc__lines;
/** The next line, 0-terminated in place; NULL at the end. Its length in *n. */
char *asc__lines_next(asc__lines *l, size_t *n);

/** "PATH:LINE" for errors; buf >= 256. */
const char *asc__where(char *buf, size_t n, const char *path, int64_t line);
/** First word of a file's name, "boolq_val.jsonl.zst" -> "boolq_val". New string, NULL when memory is out. */
char *asc__stem(const char *path);
/** The path that exists among BASE, BASE.zst, BASE.gz, BASE.bz2, BASE.xz; NULL if none (or no memory). New string. */
char *asc__find_packed(const char *dir, const char *base);

#endif
