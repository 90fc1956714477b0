/* Parts of the reader that are tested by themselves: the byte stream and the field of a JSON line. */
#ifndef READER_H
#define READER_H

#include "text/text.h"

/** A file opened for reading that is one: no pipe, device or folder. @retval ASC_EINVAL it is none, or is not there */
asc_status asc__open_regular(int *fd, const char *path, asc_error *err);

/** Bytes of a file, decompressed as they are asked for where it begins as gzip, zstd, bzip2 or xz, whatever its name.
 */
typedef struct asc__stream asc__stream;
asc_status asc__stream_open(asc__stream **out, const char *path, asc_error *err);
void asc__stream_close(asc__stream *s);
/** Whether it is compressed. */
bool asc__stream_packed(const asc__stream *s);
/** The next bytes are those from this one on: of a file that is not compressed. */
asc_status asc__stream_seek(asc__stream *s, int64_t at, asc_error *err);
/** Up to cap bytes (cap >= 1) into p; *n = 0 only at the end. */
asc_status asc__stream_read(asc__stream *s, void *p, size_t cap, size_t *n, asc_error *err);

/**
 * The string in a field of a line that must be one JSON object (RFC 8259, all of it checked; UTF-8 too; NaN, Infinity
 * and -Infinity pass as numbers, as Python writes them). The string is unescaped in place: *text points into line.
 * @return NULL, or why the line is no good (written to why, of size n_why)
 */
const char *asc__json_field(char *line, size_t n, const char *field, char **text, size_t *n_text, char *why,
                            size_t n_why);
/** The same of a JSON string that stands alone. */
const char *asc__json_string(char *line, size_t n, char **text, size_t *n_text, char *why, size_t n_why);

#endif
