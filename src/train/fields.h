/* Tables of the fields of a JSON object: one row drives reading, checking and writing. */
#ifndef TRAIN_FIELDS_H
#define TRAIN_FIELDS_H

#include "base/base_json.h"

typedef enum field_kind {
    FIELD_INT,   /* int */
    FIELD_COUNT, /* int64_t */
    FIELD_SEED,  /* uint64_t, up to 2^63-1: JSON integers are signed */
    FIELD_REAL,  /* double */
    FIELD_BOOL,
    FIELD_WORD,  /* enum, by the functions parse and name */
    FIELD_STRING /* char *; absent or null: NULL unless required */
} field_kind;

typedef struct field {
    const char *key;
    field_kind kind;
    size_t offset;
    bool required;
    double lo, hi; /* numbers: lo <= x <= hi */
    bool (*parse)(const char *s, void *out);
    const char *(*name)(const void *value);
    const char *words; /* what parse takes, for errors; NULL: asc_arch_list() */
} field;

/** Fill the struct at base from obj by the table; other keys than the table's and `more`'s (both may be NULL) are
 * errors. Fields left out keep what base holds. Strings are fresh copies. */
asc_status asc__fields_read(void *base, const field *table, size_t n, const char *const *more, size_t n_more,
                            const json_t *obj, const char *where, asc_error *err);
/** Append the fields to obj; false when memory is out. NULL strings are left out. */
bool asc__fields_write(json_t *obj, const void *base, const field *table, size_t n);

#endif
