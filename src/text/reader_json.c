/* Documents of JSON: an object per line; one array; objects over several lines. */
#include "reader_private.h"

#include <string.h>
#include <strings.h>

/* ---- lines ---- */

/* The next line without its end; *text NULL: it is too long and was passed over; *more false: no line is left. */
static asc_status next_line(asc_reader *r, char **text, size_t *n, bool *more, asc_error *err)
{
    bool too_long = false, any = false;
    r->line.len = 0;
    for (;;) {
        if (r->at == r->n)
            ASC_TRY(asc__reader_fill(r, err));
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
        too_long = too_long || r->line.len + len > ASC__MAX_LINE;
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

/* One value, an object or a string by its first byte. True: *doc is set; else why is. */
static bool take_value(asc_reader *r, char *value, size_t n, asc_document *doc, char *why, size_t n_why)
{
    char *text = NULL;
    size_t n_text = 0;
    if (n == 0) {
        snprintf(why, n_why, "found nothing");
        return false;
    }
    const char *bad = *value == '"' && r->reads == ASC__READS_ARRAY
                          ? asc__json_string(value, n, &text, &n_text, why, n_why)
                          : asc__json_field(value, n, r->field, &text, &n_text, why, n_why);
    if (!bad && n_text > ASC_TEXT_MAX_DOCUMENT) {
        snprintf(why, n_why, "a document of more than %zu MiB", ASC_TEXT_MAX_DOCUMENT >> 20);
        bad = why;
    }
    if (!bad)
        *doc = (asc_document){text, n_text, r->n_line};
    return !bad;
}

asc_status asc__next_of_lines(asc_reader *r, asc_document *doc, bool *more, asc_error *err)
{
    for (;;) {
        char *line = NULL, why[200];
        size_t n = 0;
        if (r->limit > 0 && r->base + (int64_t)r->at >= r->limit) {
            *more = false;
            return ASC_OK;
        }
        ASC_TRY(next_line(r, &line, &n, more, err));
        if (!*more)
            return ASC_OK;
        r->n_line++;
        if (line && blank(line, n))
            continue;
        if (!line)
            snprintf(why, sizeof why, "a line of more than %zu MiB", (size_t)ASC__MAX_LINE >> 20);
        else if (take_value(r, line, n, doc, why, sizeof why))
            return ASC_OK;
        asc__reader_reject(r, r->limit > 0 ? 0 : r->n_line, why); /* which one it is nobody has counted */
    }
}

/* ---- one value after another ---- */

/* -1 at the end. */
static asc_status peek(asc_reader *r, int *c, asc_error *err)
{
    if (r->at == r->n)
        ASC_TRY(asc__reader_fill(r, err));
    *c = r->n == 0 ? -1 : (uint8_t)r->chunk[r->at];
    return ASC_OK;
}

static bool is_blank(int c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The first byte that is no blank stays unread. */
static asc_status pass_blanks(asc_reader *r, int *c, asc_error *err)
{
    for (;;) {
        ASC_TRY(peek(r, c, err));
        if (!is_blank(*c))
            return ASC_OK;
        r->n_line += *c == '\n';
        r->at++;
    }
}

/* How far a value has been followed. */
struct follow {
    int depth;
    bool in_string, escaped, too_long;
};

/* Whether the value ends behind c. */
static bool follow(struct follow *f, char c)
{
    if (f->escaped)
        f->escaped = false;
    else if (f->in_string && c == '\\')
        f->escaped = true;
    else if (c == '"') {
        f->in_string = !f->in_string;
        return f->depth == 0 && !f->in_string;
    } else if (!f->in_string && (c == '{' || c == '['))
        f->depth++;
    else if (!f->in_string && (c == '}' || c == ']'))
        return --f->depth == 0;
    return false;
}

/* Bytes of an object, array or string into r->line, or passed over where it is too long; *whole = false: the file ends
 * within it. Numbers and words are followed up to the next separator. */
static asc_status gather(asc_reader *r, bool *whole, bool *too_long, asc_error *err)
{
    struct follow f = {0};
    int64_t lines = 0;
    bool first = true, scalar = false;
    r->line.len = 0;
    *whole = false;
    while (!*whole) {
        if (r->at == r->n)
            ASC_TRY(asc__reader_fill(r, err));
        if (r->n == 0)
            break;
        size_t from = r->at;
        for (; r->at < r->n && !*whole; r->at++) {
            char c = r->chunk[r->at];
            scalar = first ? c != '{' && c != '[' && c != '"' : scalar;
            first = false;
            if (scalar && (is_blank(c) || c == ',' || c == ']' || c == '}'))
                break;
            lines += c == '\n';
            *whole = !scalar && follow(&f, c);
        }
        f.too_long |= r->line.len + (r->at - from) > ASC__MAX_LINE;
        if (f.too_long)
            r->line.len = 0;
        else
            asc_buf_append(&r->line, r->chunk + from, r->at - from);
        if (r->line.oom)
            return ASC_NOMEM(err);
        if (scalar && r->at < r->n)
            *whole = true;
    }
    r->n_line += lines;
    *too_long = f.too_long;
    return ASC_OK;
}

static asc_status rest_is_bad(asc_reader *r, const char *expected)
{
    char why[200];
    if (r->n_row > 0)
        snprintf(why, sizeof why, "the rest of the file, behind value %lld: expected %s", (long long)r->n_row,
                 expected);
    else
        snprintf(why, sizeof why, "invalid JSON: expected %s", expected);
    asc__reader_reject(r, r->n_line, why);
    r->done = true;
    return ASC_OK;
}

/* To the beginning of the next value: over the bracket, commas, blanks. r->done: there is none. */
static asc_status find_value(asc_reader *r, asc_error *err)
{
    int c;
    bool array = r->reads == ASC__READS_ARRAY;
    ASC_TRY(pass_blanks(r, &c, err));
    if (!array) {
        r->done = c < 0;
        return c < 0 || c == '{' ? ASC_OK : rest_is_bad(r, "an object");
    }
    if (c == ']') {
        r->at++;
        ASC_TRY(pass_blanks(r, &c, err));
        r->done = true;
        return c < 0 ? ASC_OK : rest_is_bad(r, "nothing after the array");
    }
    if (c != (r->n_row == 0 ? '[' : ','))
        return rest_is_bad(r, r->n_row == 0 ? "[" : ", or ]");
    r->at++;
    ASC_TRY(pass_blanks(r, &c, err));
    if (c == ']' && r->n_row == 0)
        return find_value(r, err); /* an empty array */
    return c < 0 || c == ']' || c == ',' ? rest_is_bad(r, "a value") : ASC_OK;
}

asc_status asc__next_of_values(asc_reader *r, asc_document *doc, bool *more, asc_error *err)
{
    *more = false;
    while (!r->done) {
        char what[150], why[200];
        bool whole = false, too_long = false;
        if (r->n_line == 0)
            r->n_line = 1;
        ASC_TRY(find_value(r, err));
        if (r->done)
            break;
        int64_t line = r->n_line;
        ASC_TRY(gather(r, &whole, &too_long, err));
        if (!whole)
            return rest_is_bad(r, "the end of the value that begins there");
        r->n_row++;
        if (too_long)
            snprintf(what, sizeof what, "it has more than %zu MiB", (size_t)ASC__MAX_LINE >> 20);
        else if (take_value(r, r->line.data, r->line.len, doc, what, sizeof what)) {
            doc->line = line;
            *more = true;
            return ASC_OK;
        }
        snprintf(why, sizeof why, "value %lld: %s", (long long)r->n_row, what);
        asc__reader_reject(r, line, why);
    }
    return ASC_OK;
}

/* ---- which of them ---- */

static bool ends_in(const char *path, const char *suffix)
{
    size_t n = strlen(path), m = strlen(suffix);
    return n > m && strcasecmp(path + n - m, suffix) == 0;
}

/* An object that goes on behind the end of its line. */
static bool over_lines(const char *p, const char *end)
{
    struct follow f = {0};
    for (; p < end; p++) {
        if (*p == '\n')
            return !f.in_string;
        if (follow(&f, *p))
            return false;
    }
    return false;
}

/* A file of lines needs an object in each; so one that begins with [ and an object or a string is an array. */
asc__reads asc__reader_json_kind(const asc_reader *r)
{
    const char *p = r->chunk + r->at, *end = r->chunk + r->n;
    bool json = ends_in(r->path, ".json") || ends_in(r->path, ".json.gz") || ends_in(r->path, ".json.zst") ||
                ends_in(r->path, ".json.bz2") || ends_in(r->path, ".json.xz");
    while (p < end && is_blank(*p))
        p++;
    if (p < end && *p == '[') {
        for (p++; p < end && is_blank(*p);)
            p++;
        bool elements = p < end && (*p == '{' || (json && (*p == '"' || *p == ']')));
        return elements || p == end ? ASC__READS_ARRAY : ASC__READS_LINES;
    }
    return json && p < end && *p == '{' && over_lines(p, end) ? ASC__READS_VALUES : ASC__READS_LINES;
}

bool asc__reader_begins_with_object(const asc_reader *r)
{
    const char *p = r->chunk + r->at, *eol = memchr(p, '\n', r->n - r->at);
    size_t n = eol ? (size_t)(eol - p) : r->n - r->at, n_text;
    char why[200], *text, *copy = NULL;
    if (n > 0 && *p == '{' && !memchr(p, 0, n))
        copy = asc_strndup(p, n);
    bool is = copy && !asc__json_field(copy, n, r->field, &text, &n_text, why, sizeof why);
    asc_free(copy);
    return is;
}
