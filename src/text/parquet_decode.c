/* Encodings of a page's values: apache/parquet-format, Encodings.md. */
#include "parquet_private.h"

#include <string.h>

const char asc__pq_no_memory[] = "out of memory";

/* width (0..64) bits from bit `at` of [p, end), the lowest first; the caller knows that they are there. */
static uint64_t bits_at(const uint8_t *p, const uint8_t *end, uint64_t at, int width)
{
    if (width == 0)
        return 0;
    const uint8_t *from = p + at / 8;
    int shift = (int)(at % 8);
    uint64_t low = 0, mask = width == 64 ? UINT64_MAX : ((uint64_t)1 << width) - 1;
    size_t n = (size_t)(end - from) < 8 ? (size_t)(end - from) : 8;
    memcpy(&low, from, n);
    low >>= shift;
    if (shift + width > 64)
        low |= (uint64_t)from[8] << (64 - shift);
    return low & mask;
}

/* At most 64 bits, seven to a byte, the lowest first. */
static bool uleb(const uint8_t **p, const uint8_t *end, uint64_t *x)
{
    *x = 0;
    for (int shift = 0; shift < 64 && *p < end; shift += 7) {
        uint8_t c = *(*p)++;
        *x |= (uint64_t)(c & 0x7f) << shift;
        if (!(c & 0x80))
            return true;
    }
    return false;
}

/* ---- runs and bit-packed groups ---- */

bool asc__pq_rle_init(asc__pq_rle *r, const uint8_t *p, const uint8_t *end, int width)
{
    *r = (asc__pq_rle){.p = p, .end = end, .width = width};
    return width >= 0 && width <= 32;
}

static bool rle_run(asc__pq_rle *r)
{
    uint64_t head;
    size_t n = (size_t)(r->width + 7) / 8;
    if (!uleb(&r->p, r->end, &head))
        return false;
    r->packed = head & 1;
    r->left = head >> 1;
    if (r->packed) { /* groups of eight; the last one may be cut short behind what is used */
        if (r->left > UINT64_MAX / 64)
            return false;
        r->left *= 8;
        r->bit = 0;
        return true;
    }
    if (n > (size_t)(r->end - r->p))
        return false;
    r->value = 0;
    memcpy(&r->value, r->p, n);
    r->p += n;
    return r->width == 32 || r->value >> r->width == 0;
}

/* Behind the last value of a group. */
static void end_group(asc__pq_rle *r)
{
    size_t n = (size_t)((r->bit + 7) / 8);
    r->p += n < (size_t)(r->end - r->p) ? n : (size_t)(r->end - r->p);
}

bool asc__pq_rle_next(asc__pq_rle *r, uint32_t *value)
{
    while (r->left == 0)
        if (!rle_run(r))
            return false;
    r->left--;
    if (!r->packed) {
        *value = r->value;
        return true;
    }
    uint64_t n_bits = (uint64_t)(r->end - r->p) * 8;
    if (r->bit + (unsigned)r->width > n_bits)
        return false;
    *value = (uint32_t)bits_at(r->p, r->end, r->bit, r->width);
    r->bit += (unsigned)r->width;
    if (r->left == 0)
        end_group(r);
    return true;
}

/* ---- DELTA_BINARY_PACKED ---- */

static bool delta_init(asc__pq_delta *d, const uint8_t *p, const uint8_t *end)
{
    uint64_t block, first;
    *d = (asc__pq_delta){.p = p, .end = end};
    if (!uleb(&d->p, end, &block) || !uleb(&d->p, end, &d->n_mini) || !uleb(&d->p, end, &d->total) ||
        !uleb(&d->p, end, &first))
        return false;
    d->value = first >> 1 ^ (0 - (first & 1));
    if (block > 1 << 24 || d->n_mini == 0 || block % d->n_mini != 0 || block / d->n_mini % 8 != 0 || block == 0)
        return false;
    d->per_mini = block / d->n_mini;
    d->mini = d->n_mini; /* no block yet */
    return true;
}

/* On to the next miniblock; its bits stand at d->p. */
static bool delta_mini(asc__pq_delta *d)
{
    if (d->mini == d->n_mini) {
        uint64_t least;
        if (!uleb(&d->p, d->end, &least) || d->n_mini > (uint64_t)(d->end - d->p))
            return false;
        d->least = least >> 1 ^ (0 - (least & 1));
        d->widths = d->p;
        d->p += d->n_mini;
        d->mini = 0;
    }
    d->width = d->widths[d->mini++];
    d->left = d->per_mini;
    d->bit = 0;
    return d->width <= 64 && d->per_mini / 8 * (unsigned)d->width <= (uint64_t)(d->end - d->p);
}

static void delta_end_mini(asc__pq_delta *d)
{
    d->p += d->per_mini / 8 * (unsigned)d->width;
}

static bool delta_next(asc__pq_delta *d, int64_t *value)
{
    if (d->given == d->total)
        return false;
    if (d->given++ > 0) {
        if (d->left == 0 && !delta_mini(d))
            return false;
        d->value += d->least + bits_at(d->p, d->end, d->bit, d->width);
        d->bit += (unsigned)d->width;
        if (--d->left == 0)
            delta_end_mini(d);
    }
    memcpy(value, &d->value, sizeof *value);
    return true;
}

/* The byte behind all values, without giving them; NULL: damaged. */
static const uint8_t *delta_end(const asc__pq_delta *from)
{
    asc__pq_delta d = *from;
    uint64_t left = d.total > 0 ? d.total - 1 : 0;
    while (left > 0) {
        if (!delta_mini(&d))
            return NULL;
        delta_end_mini(&d);
        left -= left < d.per_mini ? left : d.per_mini;
    }
    while (d.mini < d.n_mini && d.widths) /* miniblocks of the last block that hold nothing have no bytes */
        d.mini++;
    return d.p;
}

/* ---- values ---- */

static const char *start_lengths(asc__pq_values *v, const uint8_t *end)
{
    if (v->type != ASC__PQ_BYTE_ARRAY && v->type != ASC__PQ_FIXED)
        return "an encoding of strings in a column of numbers";
    if (!delta_init(&v->lengths, v->p, end))
        return "bad lengths of strings";
    v->p = delta_end(&v->lengths);
    if (v->p && v->encoding == ASC__PQ_DELTA_BYTE_ARRAY) {
        if (!delta_init(&v->suffixes, v->p, end))
            return "bad lengths of strings";
        v->p = delta_end(&v->suffixes);
    }
    v->last.len = 0;
    return v->p ? NULL : "bad lengths of strings";
}

static const char *start_rle(asc__pq_values *v)
{
    uint32_t n;
    if (v->type != ASC__PQ_BOOLEAN)
        return "run-length encoding in a column that is not boolean";
    if (v->end - v->p < 4)
        return "too short";
    memcpy(&n, v->p, 4);
    if (n > (size_t)(v->end - v->p - 4))
        return "too short";
    asc__pq_rle_init(&v->rle, v->p + 4, v->p + 4 + n, 1);
    return NULL;
}

static const char *start_dictionary(asc__pq_values *v, uint64_t n)
{
    if (n == 0)
        return NULL; /* nulls alone: there may be neither dictionary nor width */
    if (!v->dictionary)
        return "values of a missing dictionary";
    if (v->p == v->end || !asc__pq_rle_init(&v->rle, v->p + 1, v->end, *v->p))
        return "bad indices into the dictionary";
    return NULL;
}

static const char *start_split(asc__pq_values *v, uint64_t n)
{
    if (v->width == 0 || v->width > (int)sizeof v->scratch)
        return "byte-stream split of values of this type";
    if (n > (uint64_t)(v->end - v->p) / (unsigned)v->width)
        return "too short";
    v->n = n;
    v->given = 0;
    return NULL;
}

const char *asc__pq_values_init(asc__pq_values *v, int encoding, const asc__pq_leaf *leaf, const uint8_t *p,
                                const uint8_t *end, uint64_t n)
{
    v->encoding = encoding == ASC__PQ_PLAIN_DICTIONARY ? ASC__PQ_RLE_DICTIONARY : encoding;
    v->type = leaf->type;
    v->width = leaf->width;
    v->p = p;
    v->end = end;
    v->bit = 0;
    switch (v->encoding) {
    case ASC__PQ_PLAIN:
        return NULL;
    case ASC__PQ_RLE:
        return start_rle(v);
    case ASC__PQ_RLE_DICTIONARY:
        return start_dictionary(v, n);
    case ASC__PQ_DELTA_BINARY_PACKED:
        if (v->type != ASC__PQ_INT32 && v->type != ASC__PQ_INT64)
            return "delta encoding in a column that is not integer";
        return delta_init(&v->lengths, p, end) ? NULL : "bad differences";
    case ASC__PQ_DELTA_LENGTH:
    case ASC__PQ_DELTA_BYTE_ARRAY:
        return start_lengths(v, end);
    case ASC__PQ_BYTE_STREAM_SPLIT:
        return start_split(v, n);
    default:
        return "an unsupported encoding";
    }
}

static const char *take(asc__pq_values *v, asc__pq_bytes *out, uint64_t n)
{
    if (n > (uint64_t)(v->end - v->p))
        return "too short";
    *out = (asc__pq_bytes){v->p, (size_t)n};
    v->p += n;
    return NULL;
}

static const char *next_plain(asc__pq_values *v, asc__pq_bytes *out)
{
    if (v->type == ASC__PQ_BOOLEAN) {
        if (v->bit / 8 >= (uint64_t)(v->end - v->p))
            return "too short";
        v->scratch[0] = v->p[v->bit / 8] >> v->bit % 8 & 1;
        v->bit++;
        *out = (asc__pq_bytes){v->scratch, 1};
        return NULL;
    }
    uint32_t n = (uint32_t)v->width;
    if (v->type == ASC__PQ_BYTE_ARRAY) {
        if (v->end - v->p < 4)
            return "too short";
        memcpy(&n, v->p, 4);
        v->p += 4;
    }
    return take(v, out, n);
}

static const char *next_of_dictionary(asc__pq_values *v, asc__pq_bytes *out)
{
    uint32_t i;
    if (!asc__pq_rle_next(&v->rle, &i))
        return "bad indices into the dictionary";
    if (i >= v->n_dictionary)
        return "an index outside the dictionary";
    *out = v->dictionary[i];
    return NULL;
}

static const char *next_difference(asc__pq_values *v, asc__pq_bytes *out)
{
    int64_t x;
    if (!delta_next(&v->lengths, &x))
        return "bad differences";
    memcpy(v->scratch, &x, sizeof x); /* the lower half of it of 32 bits */
    *out = (asc__pq_bytes){v->scratch, (size_t)v->width};
    return NULL;
}

/* What it shares with the value before, and the rest of it. */
static const char *next_suffix(asc__pq_values *v, asc__pq_bytes *out)
{
    int64_t shared, n;
    if (!delta_next(&v->lengths, &shared) || !delta_next(&v->suffixes, &n) || n < 0 || shared < 0 ||
        (uint64_t)shared > v->last.len)
        return "bad lengths of strings";
    const char *why = take(v, out, (uint64_t)n);
    if (why)
        return why;
    v->last.len = (size_t)shared;
    asc_buf_append(&v->last, out->p, (size_t)n);
    if (v->last.oom)
        return asc__pq_no_memory;
    *out = (asc__pq_bytes){(const uint8_t *)v->last.data, v->last.len};
    return NULL;
}

static void next_split(asc__pq_values *v, asc__pq_bytes *out)
{
    for (size_t i = 0; i < (size_t)v->width; i++)
        v->scratch[i] = v->p[i * v->n + v->given];
    v->given++;
    *out = (asc__pq_bytes){v->scratch, (size_t)v->width};
}

const char *asc__pq_values_next(asc__pq_values *v, asc__pq_bytes *out)
{
    const char *why = NULL;
    int64_t n;
    uint32_t bit;
    switch (v->encoding) {
    case ASC__PQ_PLAIN:
        why = next_plain(v, out);
        break;
    case ASC__PQ_RLE:
        if (!asc__pq_rle_next(&v->rle, &bit))
            return "bad runs";
        v->scratch[0] = (uint8_t)bit;
        *out = (asc__pq_bytes){v->scratch, 1};
        break;
    case ASC__PQ_RLE_DICTIONARY:
        return next_of_dictionary(v, out); /* checked when it was read */
    case ASC__PQ_DELTA_BINARY_PACKED:
        return next_difference(v, out);
    case ASC__PQ_DELTA_LENGTH:
        why = !delta_next(&v->lengths, &n) || n < 0 ? "bad lengths of strings" : take(v, out, (uint64_t)n);
        break;
    case ASC__PQ_DELTA_BYTE_ARRAY:
        why = next_suffix(v, out);
        break;
    default:
        if (v->given == v->n)
            return "too short";
        next_split(v, out);
    }
    if (!why && v->type == ASC__PQ_FIXED && out->n != (size_t)v->width)
        return "a value of another length than its column's";
    return why;
}
