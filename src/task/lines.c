#include "task_lines.h"

#include <string.h>

#include <zlib.h>
#include <zstd.h>

/* Evaluation files are small; what is larger is not one. */
enum { MAX_FILE = 1 << 30 };

/* ---- unpacking ---- */

static asc_status unzstd(const char *path, const char *in, size_t n, asc_buf *out, asc_error *err)
{
    ZSTD_DStream *stream = ZSTD_createDStream();
    size_t step = ZSTD_DStreamOutSize();
    char *chunk = asc_malloc(step);
    asc_status s = stream && chunk ? ASC_OK : ASC_NOMEM(err);
    ZSTD_inBuffer src = {in, n, 0};
    size_t left = 1;
    while (s == ASC_OK && (src.pos < src.size || left > 0)) {
        ZSTD_outBuffer dst = {chunk, step, 0};
        size_t before = src.pos;
        left = ZSTD_decompressStream(stream, &dst, &src);
        if (ZSTD_isError(left))
            s = ASC_FAIL(err, ASC_EINVAL, "%s: damaged zstd data: %s", path, ZSTD_getErrorName(left));
        else if (left > 0 && dst.pos == 0 && src.pos == before)
            s = ASC_FAIL(err, ASC_EINVAL, "%s: zstd data ends too early", path);
        else if (out->len + dst.pos > MAX_FILE)
            s = ASC_FAIL(err, ASC_EINVAL, "%s: larger than %d bytes unpacked", path, MAX_FILE);
        else
            asc_buf_append(out, chunk, dst.pos);
    }
    ZSTD_freeDStream(stream);
    asc_free(chunk);
    return s;
}

static asc_status ungzip(const char *path, const char *in, size_t n, asc_buf *out, asc_error *err)
{
    z_stream z = {0};
    if (inflateInit2(&z, 15 + 16) != Z_OK)
        return ASC_NOMEM(err);
    char chunk[16384];
    asc_status s = ASC_OK;
    z.next_in = (Bytef *)(uintptr_t)in;
    z.avail_in = (uInt)n;
    int rc = Z_OK;
    while (s == ASC_OK && rc != Z_STREAM_END) {
        z.next_out = (Bytef *)chunk;
        z.avail_out = sizeof chunk;
        rc = inflate(&z, Z_NO_FLUSH);
        if (rc != Z_OK && rc != Z_STREAM_END)
            s = ASC_FAIL(err, ASC_EINVAL, "%s: damaged or cut gzip data", path);
        else if (out->len + sizeof chunk > MAX_FILE)
            s = ASC_FAIL(err, ASC_EINVAL, "%s: larger than %d bytes unpacked", path, MAX_FILE);
        else
            asc_buf_append(out, chunk, sizeof chunk - z.avail_out);
        /* Members may follow one another. */
        if (rc == Z_STREAM_END && z.avail_in > 0 && inflateReset(&z) == Z_OK)
            rc = Z_OK;
    }
    inflateEnd(&z);
    return s;
}

asc_status asc__task_read(const char *path, char **out, size_t *n, asc_error *err)
{
    char *raw = NULL;
    size_t n_raw = 0;
    ASC_TRY(asc_read_file(path, MAX_FILE, &raw, &n_raw, err));
    if (n_raw >= 4 && memcmp(raw, "PAR1", 4) == 0) {
        asc_free(raw);
        return ASC_FAIL(err, ASC_EINVAL,
                        "%s: a Parquet file; items are read as JSON lines: pandas.read_parquet(..).to_json(.., "
                        "orient='records', lines=True)",
                        path);
    }
    bool zstd = n_raw >= 4 && memcmp(raw, "\x28\xb5\x2f\xfd", 4) == 0;
    bool gzip = n_raw >= 2 && memcmp(raw, "\x1f\x8b", 2) == 0;
    if (!zstd && !gzip) {
        *out = raw;
        *n = n_raw;
        return ASC_OK;
    }
    asc_buf text = {0};
    asc_status s = zstd ? unzstd(path, raw, n_raw, &text, err) : ungzip(path, raw, n_raw, &text, err);
    asc_buf_append(&text, "", 0);
    asc_free(raw);
    if (s == ASC_OK && (text.oom || !text.data))
        s = text.oom ? ASC_NOMEM(err) : ASC_FAIL(err, ASC_EINVAL, "%s: empty", path);
    if (s != ASC_OK) {
        asc_buf_clear(&text);
        return s;
    }
    *out = text.data;
    *n = text.len;
    return ASC_OK;
}

/* ---- lines and names ---- */

char *asc__lines_next(asc__lines *l, size_t *n)
{
    if (l->at >= l->end)
        return NULL;
    char *start = l->at, *stop = memchr(start, '\n', (size_t)(l->end - start));
    l->at = stop ? stop + 1 : l->end;
    if (!stop)
        stop = l->end;
    if (stop > start && stop[-1] == '\r')
        stop--;
    *stop = 0;
    *n = (size_t)(stop - start);
    l->line++;
    return start;
}

const char *asc__where(char *buf, size_t n, const char *path, int64_t line)
{
    snprintf(buf, n, "%s:%lld", path, (long long)line);
    return buf;
}

char *asc__stem(const char *path)
{
    const char *name = strrchr(path, '/');
    name = name ? name + 1 : path;
    return asc_strndup(name, strcspn(name, "."));
}

char *asc__find_packed(const char *dir, const char *base)
{
    static const char *const endings[] = {"", ".zst", ".gz"};
    for (size_t i = 0; i < 3; i++) {
        char *path = asc_strf("%s/%s%s", dir, base, endings[i]);
        if (path && asc_path_exists(path))
            return path;
        asc_free(path);
    }
    return NULL;
}
