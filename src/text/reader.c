/* Documents of one file: lines of JSON, or the file as a whole. */
#include "reader.h"
#include "unicode.h"

#include <string.h>
#include <strings.h>

enum { CHUNK = 1 << 18 };
/* Twice a document: escapes may double the text. */
#define MAX_LINE (2 * ASC_TEXT_MAX_DOCUMENT)

struct asc_reader {
    asc__stream *stream;
    char *path, *field;
    bool lines; /* a .jsonl; else the file is one document */
    asc_rejected_fn rejected;
    void *ctx;
    char *chunk; /* bytes from at to n are not used yet */
    size_t at, n;
    bool ended;
    asc_buf line; /* a line that does not lie in one chunk */
    int64_t n_line;
    bool done; /* the one document was given */
};

/* "a.jsonl.zst" -> ".jsonl" */
static bool holds_lines(const char *path)
{
    size_t n = strlen(path);
    if (n > 3 && strcmp(path + n - 3, ".gz") == 0)
        n -= 3;
    else if (n > 4 && strcmp(path + n - 4, ".zst") == 0)
        n -= 4;
    static const char *const names[] = {".jsonl", ".ndjson", ".json"};
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
    asc_free(r->path);
    asc_free(r->field);
    asc_free(r->chunk);
    asc_buf_clear(&r->line);
    asc_free(r);
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
    r->lines = holds_lines(path);
    r->rejected = rejected;
    r->ctx = ctx;
    asc_status st = r->path && r->field && r->chunk ? asc__stream_open(&r->stream, path, err) : ASC_NOMEM(err);
    if (st != ASC_OK) {
        asc_reader_close(r);
        return st;
    }
    *out = r;
    return ASC_OK;
}

static void reject(asc_reader *r, int64_t line, const char *why)
{
    if (r->rejected)
        r->rejected(r->ctx, r->path, line, why);
}

static asc_status fill(asc_reader *r, asc_error *err)
{
    r->at = 0;
    r->n = 0;
    if (r->ended)
        return ASC_OK;
    ASC_TRY(asc__stream_read(r->stream, r->chunk, CHUNK, &r->n, err));
    r->ended = r->n == 0;
    return ASC_OK;
}

/* ---- lines ---- */

/* The next line without its end; *text NULL: it is too long and was passed over; *more false: no line is left. */
static asc_status next_line(asc_reader *r, char **text, size_t *n, bool *more, asc_error *err)
{
    bool too_long = false, any = false;
    r->line.len = 0;
    for (;;) {
        if (r->at == r->n)
            ASC_TRY(fill(r, err));
        if (r->n == 0)
            break;
        any = true;
        char *from = r->chunk + r->at, *eol = memchr(from, '\n', r->n - r->at);
        size_t len = eol ? (size_t)(eol - from) : r->n - r->at;
        r->at += len + (eol != NULL);
        if (eol && r->line.len == 0 && !too_long) {
            *text = from;
            *n = len;
            *more = true;
            return ASC_OK;
        }
        too_long = too_long || r->line.len + len > MAX_LINE;
        if (too_long)
            r->line.len = 0;
        else
            asc_buf_append(&r->line, from, len);
        if (r->line.oom)
            return ASC_NOMEM(err);
        if (eol)
            break;
    }
    *text = too_long ? NULL : r->line.data;
    *n = r->line.len;
    *more = any;
    return ASC_OK;
}

static bool blank(const char *p, size_t n)
{
    while (n > 0 && (p[n - 1] == ' ' || p[n - 1] == '\t' || p[n - 1] == '\r'))
        n--;
    return n == 0;
}

static asc_status next_of_lines(asc_reader *r, asc_document *doc, bool *more, asc_error *err)
{
    for (;;) {
        char *line = NULL, *text = NULL, why[200];
        size_t n = 0, n_text = 0;
        ASC_TRY(next_line(r, &line, &n, more, err));
        if (!*more)
            return ASC_OK;
        r->n_line++;
        if (r->n_line == 1 && line && n >= 3 && memcmp(line, "\xef\xbb\xbf", 3) == 0) { /* a byte order mark */
            line += 3;
            n -= 3;
        }
        if (line && blank(line, n))
            continue;
        const char *bad = NULL;
        if (!line)
            snprintf(why, sizeof why, "a line of more than %zu MiB", (size_t)MAX_LINE >> 20);
        else
            bad = asc__json_field(line, n, r->field, &text, &n_text, why, sizeof why);
        if (line && !bad && n_text > ASC_TEXT_MAX_DOCUMENT)
            bad = (snprintf(why, sizeof why, "a document of more than %zu MiB", ASC_TEXT_MAX_DOCUMENT >> 20), why);
        if (line && !bad) {
            *doc = (asc_document){text, n_text, r->n_line};
            return ASC_OK;
        }
        reject(r, r->n_line, why);
    }
}

/* ---- whole files ---- */

static const char *check_text(const char *p, size_t n, char *why, size_t n_why)
{
    size_t bad = 0;
    const char *nul = n ? memchr(p, 0, n) : NULL;
    if (n == 0)
        return "empty";
    if (nul)
        snprintf(why, n_why, "a binary file (NUL at byte %zu)", (size_t)(nul - p) + 1);
    else if (!asc__utf8_valid(p, n, &bad))
        snprintf(why, n_why, "not valid UTF-8 at byte %zu", bad + 1);
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
        ASC_TRY(fill(r, err));
        if (r->n == 0)
            break;
        if (r->line.len + r->n > ASC_TEXT_MAX_DOCUMENT) {
            bad = (snprintf(why, sizeof why, "a file of more than %zu MiB", ASC_TEXT_MAX_DOCUMENT >> 20), why);
            break;
        }
        asc_buf_append(&r->line, r->chunk, r->n);
        if (r->line.oom)
            return ASC_NOMEM(err);
    }
    if (!bad)
        bad = check_text(r->line.data, r->line.len, why, sizeof why);
    if (bad) {
        reject(r, 0, bad);
        return ASC_OK;
    }
    *doc = (asc_document){r->line.data, r->line.len, 0};
    *more = true;
    return ASC_OK;
}

asc_status asc_reader_next(asc_reader *r, asc_document *doc, bool *more, asc_error *err)
{
    return r->lines ? next_of_lines(r, doc, more, err) : next_of_file(r, doc, more, err);
}
