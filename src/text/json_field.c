/*
 * One field of one line of JSON. As strict as a full parser (RFC 8259: grammar, escapes, surrogates, UTF-8), but
 * without building anything: the text is the bulk of the line and is read once. More than RFC 8259: Python's json.dumps
 * writes NaN, Infinity and -Infinity where a number is none.
 */
#include "reader.h"
#include "unicode.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_NESTING = 200 };

struct parser {
    uint8_t *p, *end, *start;
    const char *why; /* what is wrong at p */
};

static bool wrong(struct parser *j, const char *why)
{
    if (!j->why)
        j->why = why;
    return false;
}

static void blanks(struct parser *j)
{
    while (j->p < j->end && (*j->p == ' ' || *j->p == '\t' || *j->p == '\r' || *j->p == '\n'))
        j->p++;
}

/* ---- strings ---- */

static int hex4(const uint8_t *p, const uint8_t *end)
{
    int x = 0;
    if (end - p < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        int c = p[i], d = c >= '0' && c <= '9'                 ? c - '0'
                          : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10
                                                               : -1;
        if (d < 0)
            return -1;
        x = x << 4 | d;
    }
    return x;
}

/* After a backslash; p moves behind the escape. The code point, or -1. */
static int32_t escape(uint8_t **p, const uint8_t *end)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    if (*p == end)
        return -1;
    uint8_t c = *(*p)++;
    const char *k = c ? strchr(from, c) : NULL;
    if (k)
        return to[k - from];
    int x = c == 'u' ? hex4(*p, end) : -1;
    if (x < 0 || (x >= 0xdc00 && x < 0xe000))
        return -1;
    *p += 4;
    if (x < 0xd800 || x >= 0xe000)
        return x;
    if (end - *p < 6 || (*p)[0] != '\\' || (*p)[1] != 'u')
        return -1;
    int low = hex4(*p + 2, end);
    if (low < 0xdc00 || low >= 0xe000)
        return -1;
    *p += 6;
    return 0x10000 + ((x - 0xd800) << 10) + (low - 0xdc00);
}

/* 8 bytes at once that are neither quote, backslash, control character nor outside ASCII. */
static bool plain8(const uint8_t *p)
{
    const uint64_t ones = 0x0101010101010101u, high = 0x8080808080808080u;
    uint64_t w;
    memcpy(&w, p, 8);
    uint64_t quote = w ^ (ones * '"'), back = w ^ (ones * '\\');
    return ((w | (w - ones * 0x20) | (quote - ones) | (back - ones)) & high) == 0;
}

/* From the opening quote to behind the closing one; *escapes when there is any. */
static bool string(struct parser *j, uint8_t **text, size_t *n, bool *escapes)
{
    if (j->p == j->end || *j->p != '"')
        return wrong(j, "expected a string");
    uint8_t *p = j->p + 1, *start = p;
    *escapes = false;
    for (;;) {
        while (j->end - p >= 8 && plain8(p))
            p += 8;
        j->p = p;
        if (p == j->end)
            return wrong(j, "the string has no end");
        size_t len = 1;
        if (*p == '"')
            break;
        if (*p < 0x20)
            return wrong(j, "control character in a string");
        if (*p == '\\') {
            *escapes = true;
            p++;
            if (escape(&p, j->end) < 0)
                return wrong(j, "bad escape in a string");
            continue;
        }
        if (*p >= 0x80 && asc__utf8_decode(p, j->end, &len) < 0)
            return wrong(j, "not valid UTF-8");
        p += len;
    }
    *text = start;
    *n = (size_t)(p - start);
    j->p = p + 1;
    return true;
}

/* In place: an escape is never shorter than what it stands for. */
static size_t unescape(uint8_t *p, size_t n)
{
    uint8_t *to = p, *end = p + n;
    while (p < end) {
        uint8_t *stop = memchr(p, '\\', (size_t)(end - p));
        size_t plain = stop ? (size_t)(stop - p) : (size_t)(end - p);
        memmove(to, p, plain);
        to += plain;
        p += plain;
        if (stop) {
            p++;
            to += asc__utf8_encode((uint32_t)escape(&p, end), to);
        }
    }
    return n - (size_t)(end - to);
}

/* ---- other values ---- */

static bool digits(struct parser *j)
{
    uint8_t *start = j->p;
    while (j->p < j->end && *j->p >= '0' && *j->p <= '9')
        j->p++;
    return j->p > start;
}

static bool word(struct parser *j, const char *w)
{
    size_t n = strlen(w);
    if ((size_t)(j->end - j->p) < n || memcmp(j->p, w, n) != 0)
        return wrong(j, "expected a value");
    j->p += n;
    return true;
}

static bool number(struct parser *j)
{
    if (j->p < j->end && *j->p == '-')
        j->p++;
    if (j->p < j->end && *j->p == 'I')
        return word(j, "Infinity");
    bool zero = j->p < j->end && *j->p == '0';
    uint8_t *start = j->p;
    if (!digits(j) || (zero && j->p - start > 1))
        return wrong(j, "expected a value");
    if (j->p < j->end && *j->p == '.') {
        j->p++;
        if (!digits(j))
            return wrong(j, "expected digits");
    }
    if (j->p < j->end && (*j->p | 32) == 'e') {
        j->p++;
        if (j->p < j->end && (*j->p == '+' || *j->p == '-'))
            j->p++;
        if (!digits(j))
            return wrong(j, "expected digits");
    }
    return true;
}

static bool expect(struct parser *j, char c, const char *why)
{
    blanks(j);
    if (j->p == j->end || *j->p != (uint8_t)c)
        return wrong(j, why);
    j->p++;
    blanks(j);
    return true;
}

static bool value(struct parser *j, int nesting);

/* , or the closing bracket; *more says which. */
static bool separator(struct parser *j, char close, bool *more)
{
    blanks(j);
    if (j->p < j->end && (*j->p == ',' || *j->p == (uint8_t)close)) {
        *more = *j->p++ == ',';
        blanks(j);
        return true;
    }
    return wrong(j, close == ']' ? "expected , or ]" : "expected , or }");
}

static bool container(struct parser *j, char close, int nesting)
{
    if (nesting >= MAX_NESTING)
        return wrong(j, "nested too deeply");
    j->p++;
    blanks(j);
    if (j->p < j->end && *j->p == (uint8_t)close) {
        j->p++;
        return true;
    }
    for (bool more = true; more;) {
        uint8_t *text;
        size_t n;
        bool escapes;
        if (close == '}' && (!string(j, &text, &n, &escapes) || !expect(j, ':', "expected :")))
            return false;
        if (!value(j, nesting + 1) || !separator(j, close, &more))
            return false;
    }
    return true;
}

static bool value(struct parser *j, int nesting)
{
    uint8_t *text;
    size_t n;
    bool escapes;
    switch (j->p < j->end ? *j->p : 0) {
    case '"':
        return string(j, &text, &n, &escapes);
    case '{':
        return container(j, '}', nesting);
    case '[':
        return container(j, ']', nesting);
    case 't':
        return word(j, "true");
    case 'f':
        return word(j, "false");
    case 'n':
        return word(j, "null");
    case 'N':
        return word(j, "NaN");
    default:
        return number(j);
    }
}

/* ---- the line ---- */

struct found {
    uint8_t *text; /* NULL: the field is not there or no string */
    size_t n;
    bool escapes, present;
};

static bool member(struct parser *j, const char *field, struct found *f)
{
    uint8_t *key;
    size_t n;
    bool escapes;
    if (!string(j, &key, &n, &escapes))
        return false;
    if (escapes)
        n = unescape(key, n);
    if (!expect(j, ':', "expected :"))
        return false;
    if (n != strlen(field) || memcmp(key, field, n) != 0)
        return value(j, 1);
    if (f->present)
        return wrong(j, "duplicate field");
    f->present = true;
    if (j->p < j->end && *j->p == '"')
        return string(j, &f->text, &f->n, &f->escapes);
    return value(j, 1);
}

static bool object(struct parser *j, const char *field, struct found *f)
{
    if (!expect(j, '{', "expected an object"))
        return false;
    bool more = j->p == j->end || *j->p != '}';
    if (!more)
        j->p++;
    while (more)
        if (!member(j, field, f) || !separator(j, '}', &more))
            return false;
    blanks(j);
    return j->p == j->end ? true : wrong(j, "trailing text after the object");
}

const char *asc__json_field(char *line, size_t n, const char *field, char **text, size_t *n_text, char *why,
                            size_t n_why)
{
    struct parser j = {(uint8_t *)line, (uint8_t *)line + n, (uint8_t *)line, NULL};
    struct found f = {0};
    if (!object(&j, field, &f))
        snprintf(why, n_why, "not a JSON object: column %zu: %s", (size_t)(j.p - j.start) + 1, j.why);
    else if (!f.text)
        snprintf(why, n_why, f.present ? "field '%s' is not a string" : "no field '%s'", field);
    else if (f.n == 0)
        snprintf(why, n_why, "field '%s' is empty", field);
    else {
        *text = (char *)f.text;
        *n_text = f.escapes ? unescape(f.text, f.n) : f.n;
        return NULL;
    }
    return why;
}

const char *asc__json_string(char *line, size_t n, char **text, size_t *n_text, char *why, size_t n_why)
{
    struct parser j = {(uint8_t *)line, (uint8_t *)line + n, (uint8_t *)line, NULL};
    struct found f = {0};
    if (!string(&j, &f.text, &f.n, &f.escapes) || (j.p != j.end && !wrong(&j, "trailing text after the string")))
        snprintf(why, n_why, "not a JSON string: column %zu: %s", (size_t)(j.p - j.start) + 1, j.why);
    else if (f.n == 0)
        snprintf(why, n_why, "empty");
    else {
        *text = (char *)f.text;
        *n_text = f.escapes ? unescape(f.text, f.n) : f.n;
        return NULL;
    }
    return why;
}
