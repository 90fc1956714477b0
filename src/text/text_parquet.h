/**
 * text_parquet: columns of a Parquet file, one value after another. Memory holds one page and one dictionary at a time;
 * nothing in the file is believed unchecked. Rooms above use it for tables too.
 */
#ifndef AUTOSCALE_TEXT_PARQUET_H
#define AUTOSCALE_TEXT_PARQUET_H

#include "base/base.h"

typedef enum asc_parquet_kind {
    ASC_PARQUET_NUMBER, /**< booleans, whole numbers of any width, floats, decimals */
    ASC_PARQUET_TEXT,   /**< byte strings that are no decimals */
    ASC_PARQUET_OTHER   /**< UUIDs, 12-byte timestamps and other fixed-length bytes */
} asc_parquet_kind;

typedef struct asc_parquet_column {
    char *name; /**< path from the root, joined with dots: "text", "meta.url" */
    asc_parquet_kind kind;
    bool repeated; /**< it lies in a list or map: several values per row; asc_parquet_to_json_lines reads those alone */
} asc_parquet_column;

typedef struct asc_parquet_value {
    bool null;        /**< the row, or a group around the column, holds nothing; the rest is not set */
    double number;    /**< NUMBER */
    int64_t whole;    /**< NUMBER of whole numbers; else number, truncated and held to the range */
    const char *text; /**< TEXT and OTHER: bytes, not 0-terminated, valid until the next call */
    size_t n_bytes;
} asc_parquet_value;

/** A file's footer: its columns and where their pages lie. One cursor per thread may read from it. */
typedef struct asc_parquet asc_parquet;
/** @retval ASC_EINVAL not a Parquet file, an encrypted one, a damaged footer @retval ASC_EIO it cannot be read */
asc_status asc_parquet_open(asc_parquet **out, const char *path, asc_error *err);
void asc_parquet_close(asc_parquet *p);
int64_t asc_parquet_rows(const asc_parquet *p);
size_t asc_parquet_n_columns(const asc_parquet *p);
/** Columns are the leaves of the schema, in its order. */
const asc_parquet_column *asc_parquet_get_column(const asc_parquet *p, size_t i);
/** Index of the column of a name, SIZE_MAX where there is none. */
size_t asc_parquet_find(const asc_parquet *p, const char *name);
/** Bytes of a column's pages before compression, levels and dictionaries included. */
int64_t asc_parquet_column_bytes(const asc_parquet *p, size_t column);

/** Reads one column from the first row to the last. The file must stay open. */
typedef struct asc_parquet_cursor asc_parquet_cursor;
/** @retval ASC_EINVAL a repeated column, or one compressed in a way that is not read (named) */
asc_status asc_parquet_cursor_open(asc_parquet_cursor **out, const asc_parquet *p, size_t column, asc_error *err);
void asc_parquet_cursor_close(asc_parquet_cursor *c);
/**
 * The next row's value; *more = false after the last (then *v is untouched). Encodings: PLAIN, PLAIN_DICTIONARY,
 * RLE_DICTIONARY, RLE (booleans), DELTA_BINARY_PACKED, DELTA_LENGTH_BYTE_ARRAY, DELTA_BYTE_ARRAY, BYTE_STREAM_SPLIT;
 * data pages v1 and v2; uncompressed, Snappy, gzip, zstd, LZ4 (raw and Hadoop's frames).
 * @retval ASC_EINVAL damaged, or made in a way that is not read: where, and what it is
 */
asc_status asc_parquet_next(asc_parquet_cursor *c, asc_parquet_value *v, bool *more, asc_error *err);

/**
 * Every row as one JSON object on a line of its own, lists, groups and maps (as lists of pairs) included; null where
 * there is nothing; columns of fixed-length bytes and of bytes that are not UTF-8 (images) are left out. For small
 * files of records such as tasks.
 * @param max the most bytes of *out
 * @retval ASC_EINVAL damaged, or larger than max
 */
asc_status asc_parquet_to_json_lines(const char *path, size_t max, asc_buf *out, asc_error *err);

#endif
