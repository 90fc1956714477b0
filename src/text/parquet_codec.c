/* How pages are compressed. Snappy's and LZ4's blocks are so simple that a decoder of ours is shorter than the loading
 * of a library: literals and copies of what was written before. */
#include "parquet_private.h"

#include <string.h>
#include <zlib.h>
#include <zstd.h>

enum { WILD = 16 }; /* bytes that may be written beyond what is wanted, where there is room */

struct sink {
    uint8_t *start, *at, *end;
};

struct source {
    const uint8_t *p, *end;
};

static bool put_literal(struct sink *to, struct source *from, size_t n)
{
    if (n > (size_t)(to->end - to->at) || n > (size_t)(from->end - from->p))
        return false;
    if (n <= WILD && (size_t)(to->end - to->at) >= WILD && (size_t)(from->end - from->p) >= WILD)
        memcpy(to->at, from->p, WILD); /* most are short: a fixed size is a load and a store */
    else
        memcpy(to->at, from->p, n);
    to->at += n;
    from->p += n;
    return true;
}

/* n bytes from `back` bytes before: they may overlap, then the pattern repeats. */
static bool put_copy(struct sink *to, size_t back, size_t n)
{
    if (back == 0 || back > (size_t)(to->at - to->start) || n > (size_t)(to->end - to->at))
        return false;
    const uint8_t *from = to->at - back;
    if (back >= WILD && (size_t)(to->end - to->at) >= n + WILD)
        for (size_t i = 0; i < n; i += WILD)
            memcpy(to->at + i, from + i, WILD);
    else if (back >= n)
        memcpy(to->at, from, n);
    else
        for (size_t i = 0; i < n; i++)
            to->at[i] = from[i];
    to->at += n;
    return true;
}

static bool get_little(struct source *from, size_t n, uint32_t *x)
{
    if (n > (size_t)(from->end - from->p))
        return false;
    *x = 0;
    for (size_t i = 0; i < n; i++)
        *x |= (uint32_t)from->p[i] << 8 * i;
    from->p += n;
    return true;
}

/* ---- Snappy: google/snappy, format_description.txt ---- */

static bool snappy_length(struct source *from, uint64_t *n)
{
    *n = 0;
    for (int shift = 0; shift < 35 && from->p < from->end; shift += 7) {
        uint8_t c = *from->p++;
        *n |= (uint64_t)(c & 0x7f) << shift;
        if (!(c & 0x80))
            return true;
    }
    return false;
}

static bool snappy_literal(struct sink *to, struct source *from, uint8_t tag)
{
    uint32_t n = tag >> 2;
    if (n >= 60 && !get_little(from, n - 59, &n))
        return false;
    return put_literal(to, from, (size_t)n + 1);
}

static bool snappy_copy(struct sink *to, struct source *from, uint8_t tag)
{
    uint32_t back = 0;
    if ((tag & 3) == 1)
        return get_little(from, 1, &back) && put_copy(to, back | (uint32_t)(tag >> 5) << 8, (tag >> 2 & 7) + 4u);
    return get_little(from, (tag & 3) == 2 ? 2 : 4, &back) && put_copy(to, back, (tag >> 2) + 1u);
}

bool asc__snappy_decode(uint8_t *out, size_t n_out, const uint8_t *p, size_t n)
{
    struct sink to = {out, out, out + n_out};
    struct source from = {p, p + n};
    uint64_t claimed;
    if (!snappy_length(&from, &claimed) || claimed != n_out)
        return false;
    while (from.p < from.end) {
        uint8_t tag = *from.p++;
        if (!((tag & 3) == 0 ? snappy_literal(&to, &from, tag) : snappy_copy(&to, &from, tag)))
            return false;
    }
    return to.at == to.end;
}

/* ---- LZ4: lz4_Block_format.md ---- */

/* A length of 15 goes on in bytes, the last of which is below 255. */
static bool lz4_length(struct source *from, size_t *n)
{
    if (*n < 15)
        return true;
    while (from->p < from->end) {
        uint8_t c = *from->p++;
        *n += c;
        if (c < 255)
            return true;
    }
    return false;
}

bool asc__lz4_decode(uint8_t *out, size_t n_out, const uint8_t *p, size_t n)
{
    struct sink to = {out, out, out + n_out};
    struct source from = {p, p + n};
    while (from.p < from.end) {
        uint8_t token = *from.p++;
        size_t literal = token >> 4, copy = token & 15;
        uint32_t back;
        if (!lz4_length(&from, &literal) || !put_literal(&to, &from, literal))
            return false;
        if (from.p == from.end) /* the last sequence is a literal alone */
            break;
        if (!get_little(&from, 2, &back) || !lz4_length(&from, &copy) || !put_copy(&to, back, copy + 4))
            return false;
    }
    return to.at == to.end;
}

static uint32_t get_big(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Hadoop's frames: sizes unpacked and packed, big-endian, in front of each block. */
static bool hadoop_lz4(uint8_t *out, size_t n_out, const uint8_t *p, size_t n)
{
    size_t done = 0;
    while (n > 0) {
        if (n < 8)
            return false;
        size_t size = get_big(p), packed = get_big(p + 4);
        p += 8;
        n -= 8;
        if (packed > n || size > n_out - done || !asc__lz4_decode(out + done, size, p, packed))
            return false;
        done += size;
        p += packed;
        n -= packed;
    }
    return done == n_out;
}

/* ---- gzip ---- */

static bool gunzip(uint8_t *out, size_t n_out, const uint8_t *p, size_t n)
{
    z_stream z = {0};
    if (n_out > UINT32_MAX || n > UINT32_MAX || inflateInit2(&z, 15 + 32) != Z_OK) /* 32: gzip or zlib */
        return false;
    z.next_in = (uint8_t *)(uintptr_t)p;
    z.avail_in = (uInt)n;
    z.next_out = out;
    z.avail_out = (uInt)n_out;
    int rc = Z_OK;
    while ((rc = inflate(&z, Z_FINISH)) == Z_STREAM_END && z.avail_in > 0 && z.avail_out > 0)
        inflateReset(&z); /* members may follow each other */
    bool whole = rc == Z_STREAM_END && z.avail_out == 0;
    inflateEnd(&z);
    return whole;
}

/* ---- all of them ---- */

const char *asc__pq_unread_codec(int codec)
{
    switch (codec) {
    case ASC__PQ_UNCOMPRESSED:
    case ASC__PQ_SNAPPY:
    case ASC__PQ_GZIP:
    case ASC__PQ_LZ4:
    case ASC__PQ_ZSTD:
    case ASC__PQ_LZ4_RAW:
        return NULL;
    case ASC__PQ_LZO:
        return "LZO";
    case ASC__PQ_BROTLI:
        return "Brotli";
    default:
        return "an unknown codec";
    }
}

uint64_t asc__pq_unpack_limit(int codec, size_t n)
{
    switch (codec) {
    case ASC__PQ_UNCOMPRESSED:
        return n;
    case ASC__PQ_SNAPPY: /* a copy of 64 bytes takes 3 */
        return 22 * (uint64_t)n + 64;
    case ASC__PQ_GZIP:
        return 1032 * (uint64_t)n + 1024;
    case ASC__PQ_LZ4:
    case ASC__PQ_LZ4_RAW:
        return 255 * (uint64_t)n + 64;
    default: /* zstd: a block of 128 KiB takes 4 bytes */
        return 32768 * (uint64_t)n + (1 << 17);
    }
}

bool asc__pq_unpack(int codec, uint8_t *out, size_t n_out, const uint8_t *p, size_t n)
{
    switch (codec) {
    case ASC__PQ_UNCOMPRESSED:
        if (n != n_out)
            return false;
        memcpy(out, p, n);
        return true;
    case ASC__PQ_SNAPPY:
        return asc__snappy_decode(out, n_out, p, n);
    case ASC__PQ_GZIP:
        return gunzip(out, n_out, p, n);
    case ASC__PQ_LZ4: /* some writers left the frames out */
        return hadoop_lz4(out, n_out, p, n) || asc__lz4_decode(out, n_out, p, n);
    case ASC__PQ_LZ4_RAW:
        return asc__lz4_decode(out, n_out, p, n);
    case ASC__PQ_ZSTD:
        return ZSTD_decompress(out, n_out, p, n) == n_out;
    default:
        return false;
    }
}
