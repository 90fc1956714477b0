/* A file's bytes, through zlib or zstd where its name says so. A stream that ends too early is an error. */
#include "reader.h"
#include "unicode.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

enum { IN_BYTES = 1 << 17 };

typedef enum packing { PLAIN, GZIP, ZSTD } packing;

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
};

static bool ends_with(const char *s, const char *suffix)
{
    size_t n = strlen(s), m = strlen(suffix);
    return n >= m && strcmp(s + n - m, suffix) == 0;
}

void asc__stream_close(asc__stream *s)
{
    if (!s)
        return;
    if (s->fd >= 0)
        close(s->fd);
    if (s->z_open)
        inflateEnd(&s->z);
    ZSTD_freeDStream(s->zstd);
    asc_free(s->in);
    asc_free(s->path);
    asc_free(s);
}

static asc_status open_packing(asc__stream *s, asc_error *err)
{
    s->packing = ends_with(s->path, ".gz") ? GZIP : ends_with(s->path, ".zst") ? ZSTD : PLAIN;
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

asc_status asc__stream_open(asc__stream **out, const char *path, asc_error *err)
{
    asc__stream *s = asc_calloc(1, sizeof *s);
    if (!s)
        return ASC_NOMEM(err);
    s->fd = -1;
    s->path = asc_strdup(path);
    s->in = asc_malloc(IN_BYTES);
    asc_status st = s->path && s->in ? open_packing(s, err) : ASC_NOMEM(err);
    if (st == ASC_OK && (s->fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
        st = ASC_FAIL(err, errno == ENOENT ? ASC_EINVAL : ASC_EIO, "%s: cannot open: %s", path, strerror(errno));
    if (st != ASC_OK) {
        asc__stream_close(s);
        return st;
    }
    *out = s;
    return ASC_OK;
}

static asc_status read_some(asc__stream *s, void *p, size_t cap, size_t *n, asc_error *err)
{
    ssize_t k;
    do
        k = read(s->fd, p, cap);
    while (k < 0 && errno == EINTR);
    if (k < 0)
        return ASC_FAIL(err, ASC_EIO, "%s: cannot read: %s", s->path, strerror(errno));
    *n = (size_t)k;
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
    if (s->complete && s->in_at < s->in_n) {
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

asc_status asc__stream_read(asc__stream *s, void *p, size_t cap, size_t *n, asc_error *err)
{
    *n = 0;
    if (s->packing == PLAIN)
        return read_some(s, p, cap, n, err);
    while (*n == 0) {
        ASC_TRY(refill(s, err));
        bool end = s->in_at == s->in_n;
        if (end && s->complete)
            return ASC_OK;
        size_t before = s->in_at;
        ASC_TRY(s->packing == GZIP ? gzip_step(s, p, cap, n, err) : zstd_step(s, p, cap, n, err));
        if (end && *n == 0 && !s->complete)
            return damaged(s, "it ends in the middle", err);
        if (!end && *n == 0 && s->in_at == before && !s->complete)
            return damaged(s, NULL, err);
    }
    return ASC_OK;
}
