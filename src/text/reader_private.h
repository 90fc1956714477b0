/* A reader's state, shared by the files that read one kind each. */
#ifndef READER_PRIVATE_H
#define READER_PRIVATE_H

#include "text/text_parquet.h"
#include "reader.h"
#include "sniff.h"

/* Twice a document: escapes may double the text. */
#define ASC__MAX_LINE (2 * ASC_TEXT_MAX_DOCUMENT)

typedef enum asc__reads {
    ASC__READS_FILE,   /* the file is one document */
    ASC__READS_LINES,  /* a JSON object per line */
    ASC__READS_ARRAY,  /* one JSON array of objects or strings */
    ASC__READS_VALUES, /* JSON objects over several lines, one after another */
    ASC__READS_ROWS,   /* of a Parquet column */
    ASC__READS_NOTHING /* it was rejected whole */
} asc__reads;

struct asc_reader {
    asc__stream *stream;
    char *path, *field;
    asc__reads reads;
    asc_rejected_fn rejected;
    void *ctx;
    char *chunk; /* bytes from at to n are not used yet */
    size_t at, n;
    asc__encoding encoding;
    uint8_t *raw; /* of another encoding than UTF-8: bytes before they are converted */
    size_t n_raw;
    bool ended;
    asc_buf line; /* a line that does not lie in one chunk */
    int64_t n_line;
    bool done;     /* the one document was given; the array has ended */
    int64_t n_row; /* of a Parquet file; of an array */
    asc_parquet *parquet;
    asc_parquet_cursor *cursor;
    int64_t base;  /* bytes of the file before the chunk: of one that is read in part */
    int64_t limit; /* lines that begin here or later are not read; 0: all are */
    void (*watch)(void *ctx, size_t n_bytes);
    void *watch_ctx;
};

/* The next bytes into the chunk, as UTF-8; r->n = 0 at the end. */
asc_status asc__reader_fill(asc_reader *r, asc_error *err);
void asc__reader_reject(asc_reader *r, int64_t line, const char *why);

/* reader_json.c: how a file of JSON is read, by its first chunk; and its documents. */
asc__reads asc__reader_json_kind(const asc_reader *r);
/* The first line is a whole object with the field. */
bool asc__reader_begins_with_object(const asc_reader *r);
asc_status asc__next_of_lines(asc_reader *r, asc_document *doc, bool *more, asc_error *err);
asc_status asc__next_of_values(asc_reader *r, asc_document *doc, bool *more, asc_error *err);
/* reader_parquet.c */
asc_status asc__reader_open_parquet(asc_reader *r, asc_error *err);
asc_status asc__next_of_rows(asc_reader *r, asc_document *doc, bool *more, asc_error *err);

#endif
