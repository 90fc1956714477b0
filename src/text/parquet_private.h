/* Parts of the Parquet reader that are tested by themselves: compression, levels, encodings. */
#ifndef PARQUET_PRIVATE_H
#define PARQUET_PRIVATE_H

#include "text/text_parquet.h"

enum {
    ASC__PQ_BOOLEAN,
    ASC__PQ_INT32,
    ASC__PQ_INT64,
    ASC__PQ_INT96,
    ASC__PQ_FLOAT,
    ASC__PQ_DOUBLE,
    ASC__PQ_BYTE_ARRAY,
    ASC__PQ_FIXED,
    ASC__PQ_TYPES
};

enum {
    ASC__PQ_UNCOMPRESSED,
    ASC__PQ_SNAPPY,
    ASC__PQ_GZIP,
    ASC__PQ_LZO,
    ASC__PQ_BROTLI,
    ASC__PQ_LZ4,
    ASC__PQ_ZSTD,
    ASC__PQ_LZ4_RAW
};

enum {
    ASC__PQ_PLAIN = 0,
    ASC__PQ_PLAIN_DICTIONARY = 2,
    ASC__PQ_RLE = 3,
    ASC__PQ_BIT_PACKED = 4,
    ASC__PQ_DELTA_BINARY_PACKED = 5,
    ASC__PQ_DELTA_LENGTH = 6,
    ASC__PQ_DELTA_BYTE_ARRAY = 7,
    ASC__PQ_RLE_DICTIONARY = 8,
    ASC__PQ_BYTE_STREAM_SPLIT = 9
};

/* ---- the file ---- */

/* A node on the way from the root to a leaf. */
typedef struct asc__pq_step {
    char *name;
    bool optional, repeated;
    bool is_list; /* a group that stands for a list: its one child is repeated and has no name of its own */
    bool alone;   /* a group of one child */
} asc__pq_step;

typedef struct asc__pq_leaf {
    int type, width; /* width: bytes of a value, 0: of any length */
    int max_def, max_rep;
    asc__pq_step *path; /* (n_path), the root not among them */
    size_t n_path;
    int scale; /* of a decimal, -1: none */
    bool is_unsigned, half;
} asc__pq_leaf;

/* One column in one row group. */
typedef struct asc__pq_chunk {
    int64_t start;    /* of its first page */
    int64_t n_values; /* nulls included */
    int64_t n_bytes;  /* uncompressed */
    int codec;
} asc__pq_chunk;

struct asc_parquet {
    char *path;
    int fd;
    int64_t n_bytes; /* in front of the footer: pages lie there */
    int64_t n_rows;
    asc_parquet_column *columns; /* (n_columns) */
    asc__pq_leaf *leaves;        /* (n_columns) */
    size_t n_columns, cap_columns, cap_leaves;
    int64_t *group_rows;   /* (n_groups) */
    asc__pq_chunk *chunks; /* (n_groups, n_columns) */
    size_t n_groups, cap_groups, n_chunks, cap_chunks;
};

/* Dremel's levels of the value that a cursor gave last: how many of the optional and repeated nodes on its path are
 * there, and which of the repeated ones goes on (0: a row begins). */
typedef struct asc__pq_levels {
    uint32_t def, rep;
} asc__pq_levels;
/* As asc_parquet_cursor_open, for columns in lists too: one value at a time, nulls and empty lists as null values. */
asc_status asc__pq_cursor_open(asc_parquet_cursor **out, const asc_parquet *p, size_t column, asc_error *err);
asc__pq_levels asc__pq_cursor_levels(const asc_parquet_cursor *c);

/* n bytes from position at, all of them. */
asc_status asc__pq_read(const asc_parquet *p, int64_t at, void *out, size_t n, asc_error *err);

/* ---- compression (parquet_codec.c) ---- */

/* NULL, or the name of what is not read. */
const char *asc__pq_unread_codec(int codec);
/* Exactly n_out bytes from n packed ones. False: damaged. */
bool asc__pq_unpack(int codec, uint8_t *out, size_t n_out, const uint8_t *p, size_t n);
/* The most that n bytes can unpack to: what a page claims beyond that is a lie. */
uint64_t asc__pq_unpack_limit(int codec, size_t n);
bool asc__snappy_decode(uint8_t *out, size_t n_out, const uint8_t *p, size_t n);
bool asc__lz4_decode(uint8_t *out, size_t n_out, const uint8_t *p, size_t n);

/* ---- encodings (parquet_decode.c) ---- */

/* Runs and bit-packed groups of numbers of one width (0..32 bits). */
typedef struct asc__pq_rle {
    const uint8_t *p, *end;
    int width;
    uint64_t left; /* of the run or group */
    bool packed;
    uint32_t value;
    uint64_t bit; /* within the group */
} asc__pq_rle;
bool asc__pq_rle_init(asc__pq_rle *r, const uint8_t *p, const uint8_t *end, int width);
bool asc__pq_rle_next(asc__pq_rle *r, uint32_t *value);

/* DELTA_BINARY_PACKED. */
typedef struct asc__pq_delta {
    const uint8_t *p, *end;
    uint64_t per_mini, n_mini; /* values of a miniblock, miniblocks of a block */
    uint64_t total, given;     /* values in all; of them given already */
    uint64_t value, least;
    const uint8_t *widths;
    uint64_t mini; /* next miniblock of the block */
    int width;
    uint64_t left, bit; /* of this miniblock, and where in it */
} asc__pq_delta;

/* Values of one page. */
typedef struct asc__pq_values {
    int encoding, type, width;
    const uint8_t *p, *end; /* what is not used yet */
    uint64_t bit;           /* of plain booleans */
    asc__pq_rle rle;
    asc__pq_delta lengths, suffixes;
    asc_buf last;      /* of DELTA_BYTE_ARRAY */
    uint64_t n, given; /* BYTE_STREAM_SPLIT: values in the page, given already */
    uint8_t scratch[16];
    const struct asc__pq_bytes *dictionary;
    size_t n_dictionary;
} asc__pq_values;
typedef struct asc__pq_bytes {
    const uint8_t *p;
    size_t n;
} asc__pq_bytes;
/* n values (nulls not counted) in [p, end); dictionary and last of *v are kept. NULL, or why not. */
const char *asc__pq_values_init(asc__pq_values *v, int encoding, const asc__pq_leaf *leaf, const uint8_t *p,
                                const uint8_t *end, uint64_t n);
/* A reason that is no damage of the file; compared as a pointer. */
extern const char asc__pq_no_memory[];
/* One value's bytes: of numbers their little-endian form, of booleans one byte. NULL, or why not. */
const char *asc__pq_values_next(asc__pq_values *v, asc__pq_bytes *out);

#endif
