/* bzip2 and xz, whose libraries are loaded when a file asks for them: most studies never do. */
#include "unpack.h"

#include <bzlib.h>
#include <dlfcn.h>
#include <lzma.h>
#include <pthread.h>

#define MAX_XZ_MEMORY ((uint64_t)1 << 30) /* of the largest preset 64 MiB are used */

static struct {
    int (*bz_init)(bz_stream *, int, int);
    int (*bz_step)(bz_stream *);
    int (*bz_end)(bz_stream *);
    lzma_ret (*xz_init)(lzma_stream *, uint64_t, uint32_t);
    lzma_ret (*xz_step)(lzma_stream *, lzma_action);
    void (*xz_end)(lzma_stream *);
} lib;
static pthread_once_t loaded = PTHREAD_ONCE_INIT;

static void load(void)
{
    void *bz = dlopen("libbz2.so.1.0", RTLD_NOW | RTLD_LOCAL), *xz = dlopen("liblzma.so.5", RTLD_NOW | RTLD_LOCAL);
    if (bz) {
        *(void **)&lib.bz_init = dlsym(bz, "BZ2_bzDecompressInit");
        *(void **)&lib.bz_step = dlsym(bz, "BZ2_bzDecompress");
        *(void **)&lib.bz_end = dlsym(bz, "BZ2_bzDecompressEnd");
    }
    if (xz) {
        *(void **)&lib.xz_init = dlsym(xz, "lzma_stream_decoder");
        *(void **)&lib.xz_step = dlsym(xz, "lzma_code");
        *(void **)&lib.xz_end = dlsym(xz, "lzma_end");
    }
}

struct asc__unpacker {
    bool xz, open;
    bool between; /* a stream ended; the next one is begun when its first byte is there */
    bz_stream bz_stream;
    lzma_stream xz_stream;
};

static bool begin(asc__unpacker *u)
{
    u->open =
        u->xz ? lib.xz_init(&u->xz_stream, MAX_XZ_MEMORY, 0) == LZMA_OK : lib.bz_init(&u->bz_stream, 0, 0) == BZ_OK;
    u->between = false;
    return u->open;
}

/* As if nothing had been begun: begin() can follow. */
static void end(asc__unpacker *u)
{
    if (u->open && u->xz)
        lib.xz_end(&u->xz_stream);
    else if (u->open)
        lib.bz_end(&u->bz_stream);
    u->open = false;
    u->bz_stream = (bz_stream){0};
    u->xz_stream = (lzma_stream)LZMA_STREAM_INIT;
}

asc_status asc__unpacker_create(asc__unpacker **out, bool xz, const char *path, asc_error *err)
{
    pthread_once(&loaded, load);
    bool there = xz ? lib.xz_init && lib.xz_step && lib.xz_end : lib.bz_init && lib.bz_step && lib.bz_end;
    if (!there)
        return ASC_FAIL(err, ASC_EMISSING, "%s: %s was not found; decompress the file or install %s", path,
                        xz ? "liblzma.so.5" : "libbz2.so.1.0", xz ? "liblzma5" : "libbz2-1.0");
    asc__unpacker *u = asc_calloc(1, sizeof *u);
    if (!u)
        return ASC_NOMEM(err);
    u->xz = xz;
    end(u);
    if (!begin(u)) {
        asc_free(u);
        return ASC_NOMEM(err);
    }
    *out = u;
    return ASC_OK;
}

void asc__unpacker_free(asc__unpacker *u)
{
    if (u)
        end(u);
    asc_free(u);
}

static bool bz_step(asc__unpacker *u, const uint8_t *in, size_t *n_in, uint8_t *out, size_t *n_out, bool *complete)
{
    unsigned cap_in = *n_in < 1u << 30 ? (unsigned)*n_in : 1u << 30,
             cap = *n_out < 1u << 30 ? (unsigned)*n_out : 1u << 30;
    bz_stream *s = &u->bz_stream;
    s->next_in = (char *)(uintptr_t)in;
    s->avail_in = cap_in;
    s->next_out = (char *)out;
    s->avail_out = cap;
    int rc = lib.bz_step(s);
    *n_in = cap_in - s->avail_in;
    *n_out = cap - s->avail_out;
    *complete = rc == BZ_STREAM_END;
    return rc == BZ_OK || rc == BZ_STREAM_END;
}

static bool xz_step(asc__unpacker *u, const uint8_t *in, size_t *n_in, uint8_t *out, size_t *n_out, bool *complete)
{
    lzma_stream *s = &u->xz_stream;
    size_t cap_in = *n_in, cap = *n_out;
    s->next_in = in;
    s->avail_in = cap_in;
    s->next_out = out;
    s->avail_out = cap;
    lzma_ret rc = lib.xz_step(s, LZMA_RUN);
    *n_in = cap_in - s->avail_in;
    *n_out = cap - s->avail_out;
    *complete = rc == LZMA_STREAM_END;
    return rc == LZMA_OK || rc == LZMA_STREAM_END || rc == LZMA_BUF_ERROR;
}

/* Concatenated streams, as pbzip2 and `cat` make them, unpack to their texts one behind the other. */
bool asc__unpacker_step(asc__unpacker *u, const uint8_t *in, size_t *n_in, uint8_t *out, size_t *n_out, bool *complete)
{
    size_t padding = 0;
    if (u->between) {
        while (u->xz && padding < *n_in && in[padding] == 0) /* streams of xz may be padded with zeros */
            padding++;
        if (padding == *n_in) {
            *n_out = 0;
            *complete = true;
            return true;
        }
        end(u);
        if (!begin(u))
            return false;
    }
    *n_in -= padding;
    if (!(u->xz ? xz_step : bz_step)(u, in + padding, n_in, out, n_out, complete))
        return false;
    *n_in += padding;
    u->between = *complete;
    return true;
}
