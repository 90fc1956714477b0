/* Thrift's compact protocol, as much of it as Parquet's metadata is written in. Bytes are foreign: a reader never moves
 * past its end, and says so. */
#ifndef THRIFT_H
#define THRIFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    ASC__THRIFT_STOP = 0,
    ASC__THRIFT_TRUE = 1,
    ASC__THRIFT_FALSE = 2,
    ASC__THRIFT_I8 = 3,
    ASC__THRIFT_I16 = 4,
    ASC__THRIFT_I32 = 5,
    ASC__THRIFT_I64 = 6,
    ASC__THRIFT_DOUBLE = 7,
    ASC__THRIFT_BINARY = 8,
    ASC__THRIFT_LIST = 9,
    ASC__THRIFT_SET = 10,
    ASC__THRIFT_MAP = 11,
    ASC__THRIFT_STRUCT = 12,
    ASC__THRIFT_UUID = 13
};

typedef struct asc__thrift {
    const uint8_t *p, *end;
    bool bad;   /* malformed or too short: everything read from now on is 0 */
    bool ended; /* bad because the bytes end: with more of them it may be good */
} asc__thrift;

/* Where a struct stands: {0} before its first field. */
typedef struct asc__field {
    int id, type;
} asc__field;

/* The next field of a struct; false after its last, or where the bytes are bad. */
bool asc__thrift_next(asc__thrift *t, asc__field *f);
/* A whole number of any width or a boolean; anything else is skipped and is 0. */
int64_t asc__thrift_int(asc__thrift *t, const asc__field *f);
/* Bytes of a string, NULL where the field is none (it is skipped). */
const char *asc__thrift_string(asc__thrift *t, const asc__field *f, size_t *n);
/* Elements of a list and their type; 0 where the field is no list (it is skipped). Never more than bytes are left. */
size_t asc__thrift_list(asc__thrift *t, const asc__field *f, int *type);
/* Pass over a value of this type. */
void asc__thrift_skip(asc__thrift *t, int type);

#endif
