/* Thrift's compact protocol, in which Parquet writes its footer and its pages' headers. A struct is a row of fields,
 * each headed by the step from the id before it and its type; what a reader does not know it can skip. Damage sets
 * t->bad and leaves nothing to be read, so that callers ask once, at the end. */
#include "thrift.h"

#include <assert.h>

enum { MAX_NESTING = 32 };

static uint64_t fail(asc__thrift *t, bool ended)
{
    t->bad = true;
    t->ended |= ended;
    t->p = t->end;
    return 0;
}

/* Seven bits per byte, the lowest first; the eighth says that more follow. */
static uint64_t varint(asc__thrift *t)
{
    uint64_t x = 0;
    for (int shift = 0; shift < 64; shift += 7) {
        if (t->p == t->end)
            return fail(t, true);
        uint8_t c = *t->p++;
        x |= (uint64_t)(c & 0x7f) << shift;
        if (!(c & 0x80))
            return x;
    }
    return fail(t, false);
}

/* 0, -1, 1, -2, … as 0, 1, 2, 3, …: small numbers of either sign take few bytes. */
static int64_t zigzag(asc__thrift *t)
{
    uint64_t x = varint(t);
    return (int64_t)(x >> 1 ^ (0 - (x & 1)));
}

static const uint8_t *take(asc__thrift *t, uint64_t n)
{
    assert(t->p <= t->end);
    if (n > (uint64_t)(t->end - t->p)) {
        fail(t, true);
        return NULL;
    }
    t->p += n;
    return t->p - n;
}

bool asc__thrift_next(asc__thrift *t, asc__field *f)
{
    const uint8_t *head = take(t, 1);
    if (!head || (*head & 15) == ASC__THRIFT_STOP)
        return false;
    int delta = *head >> 4; /* 0: the id itself follows */
    f->type = *head & 15;
    int64_t id = delta ? f->id + delta : zigzag(t);
    if (id < 0 || id > INT16_MAX)
        fail(t, false);
    f->id = (int)id;
    return !t->bad;
}

int64_t asc__thrift_int(asc__thrift *t, const asc__field *f)
{
    const uint8_t *p;
    switch (f->type) {
    case ASC__THRIFT_TRUE:
        return 1;
    case ASC__THRIFT_FALSE:
        return 0;
    case ASC__THRIFT_I8:
        p = take(t, 1);
        return p ? (int8_t)*p : 0;
    case ASC__THRIFT_I16:
    case ASC__THRIFT_I32:
    case ASC__THRIFT_I64:
        return zigzag(t);
    default:
        asc__thrift_skip(t, f->type);
        return 0;
    }
}

const char *asc__thrift_string(asc__thrift *t, const asc__field *f, size_t *n)
{
    *n = 0;
    if (f->type != ASC__THRIFT_BINARY) {
        asc__thrift_skip(t, f->type);
        return NULL;
    }
    uint64_t len = varint(t);
    const uint8_t *p = take(t, len);
    *n = p ? (size_t)len : 0;
    return (const char *)p;
}

static size_t list_head(asc__thrift *t, int *type)
{
    const uint8_t *head = take(t, 1);
    if (!head)
        return 0;
    uint64_t n = *head >> 4 == 15 ? varint(t) : *head >> 4;
    *type = *head & 15;
    if (n > (uint64_t)(t->end - t->p)) /* every element takes a byte at least */
        return (size_t)fail(t, true);
    return (size_t)n;
}

size_t asc__thrift_list(asc__thrift *t, const asc__field *f, int *type)
{
    if (f->type == ASC__THRIFT_LIST || f->type == ASC__THRIFT_SET)
        return list_head(t, type);
    asc__thrift_skip(t, f->type);
    return 0;
}

static void skip(asc__thrift *t, int type, int nesting);

/* Booleans stand in a field's header, but are a byte of their own in a list or map. */
static void skip_element(asc__thrift *t, int type, int nesting)
{
    if (type == ASC__THRIFT_TRUE || type == ASC__THRIFT_FALSE)
        take(t, 1);
    else
        skip(t, type, nesting);
}

static void skip_map(asc__thrift *t, int nesting)
{
    uint64_t n = varint(t);
    const uint8_t *types = n ? take(t, 1) : NULL;
    for (uint64_t i = 0; types && i < n && !t->bad; i++) {
        skip_element(t, *types >> 4, nesting);
        skip_element(t, *types & 15, nesting);
    }
}

static void skip(asc__thrift *t, int type, int nesting)
{
    asc__field f = {0};
    int element = 0;
    if (nesting > MAX_NESTING)
        fail(t, false);
    if (t->bad)
        return;
    switch (type) {
    case ASC__THRIFT_TRUE:
    case ASC__THRIFT_FALSE:
        break;
    case ASC__THRIFT_I8:
        take(t, 1);
        break;
    case ASC__THRIFT_I16:
    case ASC__THRIFT_I32:
    case ASC__THRIFT_I64:
        varint(t);
        break;
    case ASC__THRIFT_DOUBLE:
        take(t, 8);
        break;
    case ASC__THRIFT_UUID:
        take(t, 16);
        break;
    case ASC__THRIFT_BINARY:
        take(t, varint(t));
        break;
    case ASC__THRIFT_LIST:
    case ASC__THRIFT_SET:
        for (size_t n = list_head(t, &element); n > 0 && !t->bad; n--)
            skip_element(t, element, nesting + 1);
        break;
    case ASC__THRIFT_MAP:
        skip_map(t, nesting + 1);
        break;
    case ASC__THRIFT_STRUCT:
        while (asc__thrift_next(t, &f))
            skip(t, f.type, nesting + 1);
        break;
    default:
        fail(t, false);
    }
}

void asc__thrift_skip(asc__thrift *t, int type)
{
    skip(t, type, 0);
}
