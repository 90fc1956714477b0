/* Documents of one file. Its first bytes say what it is; the name only whether text is JSON lines. */
#include "reader_private.h"
#include "unicode.h"

#include <string.h>
#include <strings.h>

#ifdef ASC_FUZZ
enum { CHUNK = 1 << 13 };
#else
enum { CHUNK = 1 << 18 };
#endif
enum { RAW = CHUNK / 2 }; /* two bytes of UTF-16 become three of UTF-8 at most */

/* "a.jsonl.zst" -> ".jsonl" */
static bool holds_lines(const char *path)
{
    static const char *const packed[] = {".gz", ".zst", ".zstd", ".bz2", ".xz"};
    static const char *const names[] = {".jsonl", ".ndjson", ".json"};
    size_t n = strlen(path);
    for (size_t i = 0; i < 5; i++) {
        size_t m = strlen(packed[i]);
        if (n > m && strcmp(path + n - m, packed[i]) == 0) {
            n -= m;
            break;
        }
    }
    for (size_t i = 0; i < 3; i++) {
        size_t m = strlen(names[i]);
        if (n > m && strncasecmp(path + n - m, names[i], m) == 0)
            return true;
    }
    return false;
}

void asc_reader_close(asc_reader *r)
{
    if (!r)
        return;
    asc__stream_close(r->stream);
    asc_parquet_cursor_close(r->cursor);
    asc_parquet_close(r->parquet);
    asc_free(r->path);
    asc_free(r->field);
    asc_free(r->chunk);
    asc_free(r->raw);
    asc_buf_clear(&r->line);
    asc_free(r);
}

void asc__reader_reject(asc_reader *r, int64_t line, const char *why)
{
    if (r->rejected)
        r->rejected(r->ctx, r->path, line, why);
}

/* ---- bytes ---- */

static uint32_t unit_at(const uint8_t *p, asc__encoding e)
{
    return e == ASC__UTF16_LE ? p[0] | (uint32_t)p[1] << 8 : (uint32_t)p[0] << 8 | p[1];
}

/* A surrogate without its like becomes a byte that is never UTF-8, so that the text is rejected, not changed. */
static size_t put_utf8(uint32_t c, uint8_t *to)
{
    if (c >= 0xd800 && c < 0xe000) {
        *to = 0xff;
        return 1;
    }
    return asc__utf8_encode(c, to);
}

/* From r->raw to the chunk; a half pair at the end stays for the next time. */
static void convert(asc_reader *r, bool last)
{
    uint8_t *to = (uint8_t *)r->chunk;
    size_t i = 0;
    while (i + 2 <= r->n_raw) {
        uint32_t c = unit_at(r->raw + i, r->encoding);
        bool high = c >= 0xd800 && c < 0xdc00;
        if (high && i + 4 > r->n_raw && !last)
            break;
        uint32_t low = high && i + 4 <= r->n_raw ? unit_at(r->raw + i + 2, r->encoding) : 0;
        bool pair = low >= 0xdc00 && low < 0xe000;
        to += put_utf8(pair ? 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00) : c, to);
        i += pair ? 4 : 2;
    }
    if (last && i < r->n_raw) { /* an odd byte */
        *to++ = 0xff;
        i = r->n_raw;
    }
    r->n_raw -= i;
    memmove(r->raw, r->raw + i, r->n_raw);
    r->n = (size_t)(to - (uint8_t *)r->chunk);
}

static asc_status fill_converted(asc_reader *r, asc_error *err)
{
    while (r->n == 0 && !(r->ended && r->n_raw == 0)) {
        size_t n = 0;
        if (!r->ended)
            ASC_TRY(asc__stream_read(r->stream, r->raw + r->n_raw, RAW - r->n_raw, &n, err));
        r->ended = n == 0;
        r->n_raw += n;
        convert(r, r->ended);
    }
    return ASC_OK;
}

asc_status asc__reader_fill(asc_reader *r, asc_error *err)
{
    r->base += (int64_t)r->n;
    r->at = 0;
    r->n = 0;
    if (asc_interrupted())
        return ASC_FAIL(err, ASC_EINTR, "interrupted while reading text");
    if (r->encoding != ASC__UTF8)
        ASC_TRY(fill_converted(r, err));
    else if (!r->ended) {
        ASC_TRY(asc__stream_read(r->stream, r->chunk, CHUNK, &r->n, err));
        r->ended = r->n == 0;
    }
    if (r->watch)
        r->watch(r->watch_ctx, r->n);
    return ASC_OK;
}

void asc_reader_watch(asc_reader *r, void (*watch)(void *ctx, size_t n_bytes), void *ctx)
{
    r->watch = watch;
    r->watch_ctx = ctx;
}

/* The first bytes, as many as a decision needs and conversion has room for. */
static asc_status fill_first(asc_reader *r, asc_error *err)
{
    while (r->n < 4096 && !r->ended) {
        size_t n = 0;
        ASC_TRY(asc__stream_read(r->stream, r->chunk + r->n, RAW - r->n, &n, err));
        r->ended = n == 0;
        r->n += n;
    }
    return ASC_OK;
}

/* ---- what it is ---- */

/* What was read to look at is converted first. */
static asc_status start_utf16(asc_reader *r, size_t mark, asc_error *err)
{
    r->raw = asc_malloc(CHUNK);
    if (!r->raw)
        return ASC_NOMEM(err);
    r->n_raw = r->n - mark;
    memcpy(r->raw, r->chunk + mark, r->n_raw);
    convert(r, r->ended);
    return ASC_OK;
}

/* Bytes that are no text may be known by name. */
static const char *name_of(const uint8_t *p, size_t n)
{
    size_t bad = 0;
    bool text = !memchr(p, 0, n) && (asc__utf8_valid(p, n, &bad) || bad + 4 > n);
    return text ? NULL : asc__sniff_name(p, n);
}

static bool has_no_ending(const char *path)
{
    const char *slash = strrchr(path, '/');
    return !strchr(slash ? slash + 1 : path, '.');
}

static asc_status decide(asc_reader *r, asc_error *err)
{
    size_t mark = 0;
    const uint8_t *head = (const uint8_t *)r->chunk;
    ASC_TRY(fill_first(r, err));
    if (asc__sniff_parquet(head, r->n))
        return asc__reader_open_parquet(r, err);
    r->encoding = asc__sniff_mark(head, r->n, &mark);
    bool utf32 = r->encoding == ASC__UTF32_LE || r->encoding == ASC__UTF32_BE;
    const char *name = r->encoding == ASC__UTF8 || utf32 ? name_of(head, r->n) : NULL;
    if (name) {
        asc__reader_reject(r, 0, name);
        r->reads = ASC__READS_NOTHING;
        return ASC_OK;
    }
    if (r->encoding != ASC__UTF8)
        ASC_TRY(start_utf16(r, mark, err));
    else
        r->at = mark;
    if (holds_lines(r->path))
        r->reads = asc__reader_json_kind(r);
    else if (has_no_ending(r->path) && asc__reader_begins_with_object(r))
        r->reads = ASC__READS_LINES; /* part-00000 */
    return ASC_OK;
}

asc_status asc_reader_open(asc_reader **out, const char *path, const char *field, asc_rejected_fn rejected, void *ctx,
                           asc_error *err)
{
    asc_reader *r = asc_calloc(1, sizeof *r);
    if (!r)
        return ASC_NOMEM(err);
    r->path = asc_strdup(path);
    r->field = asc_strdup(field ? field : "text");
    r->chunk = asc_malloc(CHUNK);
    r->rejected = rejected;
    r->ctx = ctx;
    asc_status st = r->path && r->field && r->chunk ? asc__stream_open(&r->stream, path, err) : ASC_NOMEM(err);
    if (st == ASC_OK)
        st = decide(r, err);
    if (st != ASC_OK) {
        asc_reader_close(r);
        return st;
    }
    *out = r;
    return ASC_OK;
}

/* ---- part of a file ---- */

bool asc_reader_enters(const asc_reader *r)
{
    return r->reads == ASC__READS_LINES && r->encoding == ASC__UTF8 && !asc__stream_packed(r->stream);
}

/* The line that begins before it belongs to whoever reads what lies there. */
asc_status asc_reader_enter(asc_reader *r, int64_t start, int64_t end, asc_error *err)
{
    r->limit = end;
    if (start == 0)
        return ASC_OK;
    ASC_TRY(asc__stream_seek(r->stream, start - 1, err));
    r->n = r->at = 0;
    r->base = start - 1;
    r->ended = false;
    for (;;) {
        if (r->at == r->n)
            ASC_TRY(asc__reader_fill(r, err));
        if (r->n == 0 || r->base >= end)
            return ASC_OK;
        const char *eol = memchr(r->chunk + r->at, '\n', r->n - r->at);
        r->at = eol ? (size_t)(eol - r->chunk) + 1 : r->n;
        if (eol)
            return ASC_OK;
    }
}

/* ---- whole files ---- */

/* What is called so and is no text is most often an array of ids. */
static const char *hint(const char *path)
{
    bool array = asc_ends_with(path, ".bin") || asc_ends_with(path, ".npy");
    return array ? "; if it is an array of token ids, give its dtype (uint16, uint32, ...)" : "";
}

static const char *check_text(const char *path, const char *p, size_t n, char *why, size_t n_why)
{
    size_t bad = 0;
    const char *nul = n ? memchr(p, 0, n) : NULL;
    if (n == 0)
        return "empty";
    if (nul)
        snprintf(why, n_why, "a binary file (NUL at byte %zu)%s", (size_t)(nul - p) + 1, hint(path));
    else if (!asc__utf8_valid(p, n, &bad))
        snprintf(why, n_why, "not valid UTF-8 at byte %zu%s", bad + 1, hint(path));
    else
        return NULL;
    return why;
}

static asc_status next_of_file(asc_reader *r, asc_document *doc, bool *more, asc_error *err)
{
    *more = false;
    if (r->done)
        return ASC_OK;
    r->done = true;
    char why[200];
    const char *bad = NULL;
    for (;;) {
        if (r->at == r->n)
            ASC_TRY(asc__reader_fill(r, err));
        if (r->n == 0)
            break;
        if (r->line.len + (r->n - r->at) > ASC_TEXT_MAX_DOCUMENT) {
            bad = (snprintf(why, sizeof why, "a file of more than %zu MiB", ASC_TEXT_MAX_DOCUMENT >> 20), why);
            break;
        }
        asc_buf_append(&r->line, r->chunk + r->at, r->n - r->at);
        r->at = r->n;
        if (r->line.oom)
            return ASC_NOMEM(err);
    }
    if (!bad)
        bad = check_text(r->path, r->line.data, r->line.len, why, sizeof why);
    if (bad) {
        asc__reader_reject(r, 0, bad);
        return ASC_OK;
    }
    *doc = (asc_document){r->line.data, r->line.len, 0};
    *more = true;
    return ASC_OK;
}

asc_status asc_reader_next(asc_reader *r, asc_document *doc, bool *more, asc_error *err)
{
    switch (r->reads) {
    case ASC__READS_LINES:
        return asc__next_of_lines(r, doc, more, err);
    case ASC__READS_ARRAY:
    case ASC__READS_VALUES:
        return asc__next_of_values(r, doc, more, err);
    case ASC__READS_ROWS:
        return asc__next_of_rows(r, doc, more, err);
    case ASC__READS_FILE:
        return next_of_file(r, doc, more, err);
    default:
        *more = false;
        return ASC_OK;
    }
}
