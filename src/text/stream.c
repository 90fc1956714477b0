/* A file's bytes, decompressed where its first bytes say so. A stream that ends too early is an error. */
#include "reader.h"
#include "unicode.h"
#include "unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#ifdef ASC_FUZZ
enum { IN_BYTES = 1 << 12 };
#else
enum { IN_BYTES = 1 << 17 };
#endif

typedef enum packing { PLAIN, GZIP, ZSTD, BZIP2, XZ } packing;

struct asc__stream {
    char *path;
    int fd;
    packing packing;
    uint8_t *in; /* IN_BYTES; those from in_at to in_n are not used yet */
    size_t in_at, in_n;
    bool in_ended; /* the file has no more */
    bool complete; /* the last gzip member or zstd frame is whole */
    z_stream z;
    bool z_open;
    ZSTD_DStream *zstd;
    asc__unpacker *other; /* bzip2 or xz */
};

void asc__stream_close(asc__stream *s)
{
    if (!s)
        return;
    if (s->fd >= 0)
        close(s->fd);
    if (s->z_open)
        inflateEnd(&s->z);
    ZSTD_freeDStream(s->zstd);
    asc__unpacker_free(s->other);
    asc_free(s->in);
    asc_free(s->path);
    asc_free(s);
}

static asc_status read_some(asc__stream *s, void *p, size_t cap, size_t *n, asc_error *err)
{
    ssize_t k = asc_file_read(s->fd, p, cap);
    if (k < 0 && errno == EINTR)
        return ASC_FAIL(err, ASC_EINTR, "interrupted");
    if (k < 0)
        return ASC_FAIL(err, ASC_EIO, "%s: cannot read: %s", s->path, strerror(errno));
    *n = (size_t)k;
    return ASC_OK;
}

static bool begins(const asc__stream *s, const char *magic, size_t n)
{
    return s->in_n >= n && memcmp(s->in, magic, n) == 0;
}

/* Skippable frames may stand in front of zstd's own. */
static bool begins_as_zstd(const asc__stream *s)
{
    return begins(s, "\x28\xb5\x2f\xfd", 4) ||
           (s->in_n >= 4 && (s->in[0] & 0xf0) == 0x50 && memcmp(s->in + 1, "\x2a\x4d\x18", 3) == 0);
}

static bool begins_as_bzip2(const asc__stream *s)
{
    return begins(s, "BZh", 3) && s->in_n >= 10 && s->in[3] >= '1' && s->in[3] <= '9' &&
           (memcmp(s->in + 4, "\x31\x41\x59\x26\x53\x59", 6) == 0 ||
            memcmp(s->in + 4, "\x17\x72\x45\x38\x50\x90", 6) == 0);
}

/* The first bytes decide, not the name. But where a name promises a packing and neither it nor any text is there, the
 * file is damaged. */
static asc_status find_packing(asc__stream *s, asc_error *err)
{
    static const struct {
        const char *ending;
        packing packing;
    } names[] = {{".gz", GZIP}, {".zst", ZSTD}, {".zstd", ZSTD}, {".bz2", BZIP2}, {".xz", XZ}};
    s->packing = begins(s, "\x1f\x8b", 2) ? GZIP
                 : begins_as_zstd(s)      ? ZSTD
                 : begins_as_bzip2(s)     ? BZIP2
                 : begins(s,
                          "\xfd"
                          "7zXZ\0",
                          6)
                     ? XZ
                     : PLAIN;
    for (size_t i = 0; s->packing == PLAIN && i < sizeof names / sizeof *names; i++) {
        size_t bad;
        if (!asc_ends_with(s->path, names[i].ending))
            continue;
        size_t n = s->in_n < 1000 ? s->in_n : 1000;
        bool cut = s->in_n < 10, text = asc__utf8_valid((const char *)s->in, n, &bad) || bad + 4 > n;
        if (cut || !text || memchr(s->in, 0, n))
            return ASC_FAIL(err, ASC_EINVAL, "%s: truncated or damaged: neither %s nor text", s->path,
                            names[i].ending + 1);
    }
    return ASC_OK;
}

static asc_status open_packing(asc__stream *s, asc_error *err)
{
    ASC_TRY(read_some(s, s->in, IN_BYTES, &s->in_n, err));
    s->in_ended = s->in_n == 0;
    ASC_TRY(find_packing(s, err));
    if (s->packing == BZIP2 || s->packing == XZ)
        return asc__unpacker_create(&s->other, s->packing == XZ, s->path, err);
    if (s->packing == GZIP)
        s->z_open = inflateInit2(&s->z, 15 + 16) == Z_OK; /* 15: largest window, 16: gzip header */
    if (s->packing == ZSTD)
        s->zstd = ZSTD_createDStream();
    if ((s->packing == GZIP && !s->z_open) || (s->packing == ZSTD && !s->zstd))
        return ASC_NOMEM(err);
    if (s->zstd)
        ZSTD_DCtx_setParameter(s->zstd, ZSTD_d_windowLogMax, 31); /* files made with --long */
    return ASC_OK;
}

asc_status asc__open_regular(int *fd, const char *path, asc_error *err)
{
    struct stat sb;
    int f = -1;
    ASC_TRY(asc_file_open(&f, path, O_RDONLY, err));
    if (fstat(f, &sb) == 0 && S_ISREG(sb.st_mode)) {
        *fd = f;
        return ASC_OK;
    }
    close(f);
    return ASC_FAIL(err, ASC_EINVAL, "%s: not a regular file (text is read more than once)", path);
}

asc_status asc__stream_open(asc__stream **out, const char *path, asc_error *err)
{
    asc__stream *s = asc_calloc(1, sizeof *s);
    if (!s)
        return ASC_NOMEM(err);
    s->fd = -1;
    s->path = asc_strdup(path);
    s->in = asc_malloc(IN_BYTES);
    asc_status st = s->path && s->in ? asc__open_regular(&s->fd, path, err) : ASC_NOMEM(err);
    if (st == ASC_OK)
        st = open_packing(s, err);
    if (st != ASC_OK) {
        asc__stream_close(s);
        return st;
    }
    *out = s;
    return ASC_OK;
}

bool asc__stream_packed(const asc__stream *s)
{
    return s->packing != PLAIN;
}

asc_status asc__stream_seek(asc__stream *s, int64_t at, asc_error *err)
{
    if (lseek(s->fd, (off_t)at, SEEK_SET) < 0)
        return ASC_FAIL(err, ASC_EIO, "%s: cannot seek: %s", s->path, strerror(errno));
    s->in_at = s->in_n = 0;
    s->in_ended = false;
    return ASC_OK;
}

static asc_status refill(asc__stream *s, asc_error *err)
{
    if (s->in_at < s->in_n || s->in_ended)
        return ASC_OK;
    s->in_at = 0;
    ASC_TRY(read_some(s, s->in, IN_BYTES, &s->in_n, err));
    s->in_ended = s->in_n == 0;
    return ASC_OK;
}

static asc_status damaged(const asc__stream *s, const char *why, asc_error *err)
{
    return ASC_FAIL(err, ASC_EINVAL, "%s: truncated or damaged: %s", s->path, why ? why : "bad data");
}

/* One step of zlib; several members may follow each other. */
static asc_status gzip_step(asc__stream *s, uint8_t *p, size_t cap, size_t *n, asc_error *err)
{
    while (s->complete && s->in_at < s->in_n && s->in[s->in_at] == 0) /* tapes are padded with zeros */
        s->in_at++;
    if (s->complete && s->in_at == s->in_n)
        return ASC_OK;
    if (s->complete) {
        inflateReset(&s->z);
        s->complete = false;
    }
    s->z.next_in = s->in + s->in_at;
    s->z.avail_in = (uInt)(s->in_n - s->in_at);
    s->z.next_out = p;
    s->z.avail_out = (uInt)(cap < 1u << 30 ? cap : 1u << 30);
    uInt room = s->z.avail_out;
    int rc = inflate(&s->z, Z_NO_FLUSH);
    s->in_at = s->in_n - s->z.avail_in;
    *n = room - s->z.avail_out;
    if (rc == Z_STREAM_END)
        s->complete = true;
    else if (rc != Z_OK && rc != Z_BUF_ERROR)
        return damaged(s, s->z.msg, err);
    return ASC_OK;
}

static asc_status zstd_step(asc__stream *s, uint8_t *p, size_t cap, size_t *n, asc_error *err)
{
    ZSTD_inBuffer in = {s->in, s->in_n, s->in_at};
    ZSTD_outBuffer out = {p, cap, 0};
    size_t rc = ZSTD_decompressStream(s->zstd, &out, &in);
    if (ZSTD_isError(rc))
        return damaged(s, ZSTD_getErrorName(rc), err);
    s->complete = rc == 0;
    s->in_at = in.pos;
    *n = out.pos;
    return ASC_OK;
}

static asc_status other_step(asc__stream *s, uint8_t *p, size_t cap, size_t *n, asc_error *err)
{
    size_t used = s->in_n - s->in_at;
    *n = cap;
    if (!asc__unpacker_step(s->other, s->in + s->in_at, &used, p, n, &s->complete))
        return damaged(s, NULL, err);
    s->in_at += used;
    return ASC_OK;
}

/* What was read to look at comes first. */
static asc_status read_plain(asc__stream *s, void *p, size_t cap, size_t *n, asc_error *err)
{
    *n = s->in_n - s->in_at < cap ? s->in_n - s->in_at : cap;
    if (*n == 0)
        return read_some(s, p, cap, n, err);
    memcpy(p, s->in + s->in_at, *n);
    s->in_at += *n;
    return ASC_OK;
}

asc_status asc__stream_read(asc__stream *s, void *p, size_t cap, size_t *n, asc_error *err)
{
    *n = 0;
    if (asc_interrupted())
        return ASC_FAIL(err, ASC_EINTR, "interrupted");
    if (s->packing == PLAIN)
        return read_plain(s, p, cap, n, err);
    while (*n == 0) {
        ASC_TRY(refill(s, err));
        bool end = s->in_at == s->in_n;
        if (end && s->complete)
            return ASC_OK;
        size_t before = s->in_at;
        ASC_TRY(s->packing == GZIP   ? gzip_step(s, p, cap, n, err)
                : s->packing == ZSTD ? zstd_step(s, p, cap, n, err)
                                     : other_step(s, p, cap, n, err));
        if (end && *n == 0 && !s->complete)
            return damaged(s, "it ends in the middle", err);
        if (!end && *n == 0 && s->in_at == before && !s->complete)
            return damaged(s, NULL, err);
    }
    return ASC_OK;
}
