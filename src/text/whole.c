/* A file read as a whole, unpacked where it is packed. The limit is on what comes out: a small file can unpack to more
 * than memory holds. */
#include "text/text_whole.h"

#include "reader.h"

enum { STEP = 1 << 16 };

static asc_status read_all(asc__stream *stream, const char *path, size_t max, asc_buf *text, asc_error *err)
{
    char *chunk = asc_malloc(STEP);
    asc_status s = chunk ? ASC_OK : ASC_NOMEM(err);
    for (size_t n = 1; s == ASC_OK && n > 0;) {
        s = asc__stream_read(stream, chunk, STEP, &n, err);
        if (s == ASC_OK && n > max - text->len)
            s = ASC_FAIL(err, ASC_EINVAL, "%s: larger than %zu MiB%s", path, max >> 20,
                         asc__stream_packed(stream) ? " decompressed" : "");
        else if (s == ASC_OK)
            asc_buf_append(text, chunk, n);
        if (s == ASC_OK && text->oom)
            s = ASC_NOMEM(err);
    }
    asc_free(chunk);
    return s;
}

asc_status asc_text_read_whole(const char *path, size_t max, char **out, size_t *n, asc_error *err)
{
    asc__stream *stream = NULL;
    asc_buf text = {0};
    ASC_TRY(asc__stream_open(&stream, path, err));
    asc_buf_append(&text, "", 0);
    asc_status s = read_all(stream, path, max, &text, err);
    asc__stream_close(stream);
    if (s == ASC_OK && !text.data)
        s = ASC_NOMEM(err);
    if (s != ASC_OK) {
        asc_buf_clear(&text);
        return s;
    }
    *out = text.data;
    *n = text.len;
    return ASC_OK;
}
