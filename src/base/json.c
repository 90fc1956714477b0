#include "base/base_json.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <string.h>

enum { MAX_JSON_BYTES = 1 << 30 };

/* ---- memory ----
 * Of the command, and of tests, jansson's comes from ours; a library leaves the allocator of somebody else's process
 * alone, and knows that memory ran out by errno (base_json.h). While a document is built, each of dozens of calls could
 * say that memory ran out; like a buffer's `oom` this is kept and asked for once, when the document is printed or taken
 * as whole. While one is read, a failed allocation leaves jansson at once: its lexer (2.14) goes on with a token cut
 * short and writes behind it. For that the blocks of the document being read form a ring, from which they can be freed
 * without jansson. */

typedef struct block {            /* in front of every block */
    struct block *before, *after; /* NULL: not of a document being read */
} block;

static _Thread_local bool ran_out;
static _Thread_local block ring;       /* head */
static _Thread_local jmp_buf *give_up; /* NULL: nothing is being read */

static void *json_malloc(size_t n)
{
    block *b = n > SIZE_MAX - sizeof *b ? NULL : asc_malloc(sizeof *b + n);
    if (!b) {
        ran_out = true;
        if (give_up)
            longjmp(*give_up, 1);
        return NULL;
    }
    *b = (block){NULL, NULL};
    if (give_up) {
        *b = (block){&ring, ring.after};
        ring.after->before = b;
        ring.after = b;
    }
    return b + 1;
}

static void json_free(void *p)
{
    block *b = p ? (block *)p - 1 : NULL;
    if (b && b->after) {
        b->before->after = b->after;
        b->after->before = b->before;
    }
    asc_free(b);
}

static bool ours;

void asc_json_use_our_memory(void)
{
    json_set_alloc_funcs(json_malloc, json_free);
    ours = true;
}

void asc__json_begin(void)
{
    errno = 0;
}

json_t *asc__json_made(json_t *j)
{
    ran_out |= !j && errno == ENOMEM;
    return j;
}

/* Bytes of the character that the text begins with; 0: it is no UTF-8. */
static size_t character(const char *text)
{
    char c[5] = {0};
    for (size_t n = 0; n < 4 && text[n]; n++) {
        c[n] = text[n];
        if (asc_is_utf8(c))
            return n + 1;
    }
    return 0;
}

json_t *asc__json_text(const char *text)
{
    asc__json_begin();
    json_t *j = (json_string)(text);
    asc_buf b = {0};
    if (j || !text || asc_is_utf8(text))
        return asc__json_made(j);
    for (size_t n; *text; text += n ? n : 1) {
        n = character(text);
        if (n)
            asc_buf_append(&b, text, n);
        else
            asc_buf_printf(&b, "\\x%02x", (unsigned char)*text);
    }
    j = b.oom ? NULL : ASC__JSON_MADE((json_string)(b.data));
    ran_out |= b.oom;
    asc_buf_clear(&b);
    return j;
}

int asc__json_done(int rc)
{
    ran_out |= rc != 0 && errno == ENOMEM;
    return rc;
}

/* json_loadb; *oom: memory ran out, and nothing is left of what was read. */
static json_t *load(const char *text, size_t n, size_t flags, json_error_t *je, bool *oom)
{
    jmp_buf out_of_memory;
    json_t *volatile j = NULL;
    bool before = ran_out; /* of a document that is being built meanwhile */
    ring = (block){&ring, &ring};
    give_up = ours ? &out_of_memory : NULL;
    errno = 0;
    *oom = setjmp(out_of_memory) != 0;
    if (!*oom)
        j = json_loadb(text, n, flags, je);
    give_up = NULL;
    ran_out = before;
    *oom |= !ours && !j && errno == ENOMEM;
    for (block *b = ring.after, *next; b != &ring; b = next) {
        next = b->after;
        *b = (block){NULL, NULL};
        if (*oom)
            asc_free(b);
    }
    return j;
}

asc_status asc_json_whole(asc_error *err)
{
    if (!ran_out)
        return ASC_OK;
    ran_out = false;
    return ASC_NOMEM(err);
}

/* ---- reading and printing ---- */

/* Length of a NaN, Infinity or -Infinity at p, which JSON does not know and Python writes; 0: none. */
static size_t nonfinite_at(const char *p, const char *end)
{
    static const char *const words[] = {"NaN", "Infinity", "-Infinity"};
    for (size_t i = 0; i < 3; i++) {
        size_t n = strlen(words[i]);
        if ((size_t)(end - p) >= n && memcmp(p, words[i], n) == 0)
            return n;
    }
    return 0;
}

/* The text with these words in quotes, outside strings; *found: there were any. */
static asc_status quote_nonfinite(asc_buf *out, bool *found, const char *text, size_t n, asc_error *err)
{
    const char *end = text + n;
    bool quoted = false;
    *found = false;
    for (const char *p = text; p < end;) {
        size_t word = quoted ? 0 : nonfinite_at(p, end), step = quoted && *p == '\\' && p + 1 < end ? 2 : 1;
        if (word) {
            asc_buf_putc(out, '"');
            asc_buf_append(out, p, word);
            asc_buf_putc(out, '"');
            *found = true;
            p += word;
            continue;
        }
        quoted ^= *p == '"';
        asc_buf_append(out, p, step);
        p += step;
    }
    return out->oom ? ASC_NOMEM(err) : ASC_OK;
}

/* A byte-order mark, as editors of Windows leave it. */
static size_t mark_at(const char *text, size_t n)
{
    return n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
}

static asc_status fail_parse(const char *name, const char *text, size_t n, const json_error_t *je, asc_error *err)
{
    size_t blank = 0;
    if (n >= 2 && (memcmp(text, "\xff\xfe", 2) == 0 || memcmp(text, "\xfe\xff", 2) == 0))
        return ASC_FAIL(err, ASC_EINVAL, "%s: text in UTF-16; expected JSON in UTF-8", name);
    while (blank < n && strchr(" \t\r\n", text[blank]) && text[blank])
        blank++;
    if (blank == n)
        return ASC_FAIL(err, ASC_EINVAL, "%s: empty; expected JSON", name);
    return ASC_FAIL(err, ASC_EINVAL, "%s:%d:%d: %s", name, je->line, je->column, je->text);
}

/* What is no JSON because of NaN or Infinity alone is read with these words as strings. */
static asc_status parse_quoted(json_t **out, const char *text, size_t n, size_t flags, asc_error *err)
{
    asc_buf again = {0};
    json_error_t je;
    bool found, oom = false;
    *out = NULL;
    asc_status st = quote_nonfinite(&again, &found, text, n, err);
    if (st == ASC_OK && found)
        *out = load(again.data, again.len, flags, &je, &oom);
    asc_buf_clear(&again);
    return oom ? ASC_NOMEM(err) : st;
}

asc_status asc_json_parse(json_t **out, const char *name, const char *text, size_t n, asc_error *err)
{
    const size_t flags = JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL;
    size_t mark = mark_at(text, n);
    json_error_t je;
    bool oom;
    text += mark;
    n -= mark;
    json_t *j = load(text, n, flags, &je, &oom);
    if (oom)
        return ASC_NOMEM(err);
    if (!j)
        ASC_TRY(parse_quoted(&j, text, n, flags, err));
    if (!j)
        return fail_parse(name, text, n, &je, err);
    *out = j;
    return ASC_OK;
}

asc_status asc_json_parse_first(json_t **out, size_t *used, const char *name, size_t line, const char *text, size_t n,
                                asc_error *err)
{
    json_error_t je;
    bool oom;
    json_t *j = load(text, n, JSON_REJECT_DUPLICATES | JSON_DISABLE_EOF_CHECK, &je, &oom);
    if (oom)
        return ASC_NOMEM(err);
    if (!j)
        return ASC_FAIL(err, ASC_EINVAL, "%s:%zu:%d: %s", name, line + (size_t)je.line - 1, je.column, je.text);
    *out = j;
    *used = (size_t)je.position;
    return ASC_OK;
}

asc_status asc_json_load(json_t **out, const char *path, asc_error *err)
{
    char *text = NULL;
    size_t n = 0;
    ASC_TRY(asc_read_file(path, MAX_JSON_BYTES, &text, &n, err));
    asc_status st = asc_json_parse(out, path, text, n, err);
    asc_free(text);
    return st;
}

static int append(const char *p, size_t n, void *buf)
{
    asc_buf *b = buf;
    asc_buf_append(b, p, n);
    return b->oom ? -1 : 0;
}

asc_status asc_json_print(char **out, const json_t *j, int indent, asc_error *err)
{
    asc_buf b = {0};
    ASC_TRY(asc_json_whole(err));
    size_t flags = JSON_ENCODE_ANY | JSON_REAL_PRECISION(17) | (indent ? JSON_INDENT((size_t)indent) : JSON_COMPACT);
    if (json_dump_callback(j, append, &b, flags) != 0 || asc_json_whole(NULL) != ASC_OK) {
        asc_buf_clear(&b);
        return ASC_NOMEM(err);
    }
    *out = b.data;
    return ASC_OK;
}

asc_status asc_json_write(const char *path, const json_t *j, int indent, asc_error *err)
{
    char *text = NULL;
    ASC_TRY(asc_json_print(&text, j, indent, err));
    char *line = asc_strf("%s\n", text);
    asc_free(text);
    if (!line)
        return ASC_NOMEM(err);
    asc_status st = asc_write_file(path, line, strlen(line), err);
    asc_free(line);
    return st;
}

/* ---- seals ---- */

static asc_status digest(char *hex, const json_t *obj, asc_error *err)
{
    char *text = NULL;
    ASC_TRY(asc_json_print(&text, obj, 0, err));
    asc_sha256_hex(text, strlen(text), hex);
    asc_free(text);
    return ASC_OK;
}

asc_status asc_json_seal(json_t *obj, asc_error *err)
{
    char hex[65];
    json_object_del(obj, "sha256");
    ASC_TRY(digest(hex, obj, err));
    return json_object_set_new(obj, "sha256", json_string(hex)) == 0 ? ASC_OK : ASC_NOMEM(err);
}

asc_status asc_json_unseal(bool *sealed, json_t *obj, const char *where, asc_error *err)
{
    char hex[65], found[80];
    const json_t *seal = json_object_get(obj, "sha256");
    if (sealed)
        *sealed = seal != NULL;
    if (!seal)
        return ASC_OK;
    const char *text = json_string_value(seal);
    snprintf(found, sizeof found, "%s", text ? text : "");
    json_object_del(obj, "sha256");
    ASC_TRY(digest(hex, obj, err));
    if (strcmp(hex, found) == 0)
        return ASC_OK;
    return ASC_FAIL(err, ASC_ESTATE,
                    "%s: damaged or edited: its checksum (sha256) differs from the recorded one; remove that field to "
                    "use the file as it is",
                    where);
}

/* ---- fields ---- */

double asc_json_number(const json_t *obj, const char *key)
{
    const json_t *x = json_object_get(obj, key);
    return json_is_number(x) ? json_number_value(x) : NAN;
}

bool asc_json_quantity(const json_t *v, double *out)
{
    if (json_is_string(v))
        return asc_parse_quantity(json_string_value(v), out);
    if (json_is_number(v))
        *out = json_number_value(v);
    return json_is_number(v);
}

json_t *asc_json_num(double x)
{
    return isfinite(x) ? json_real(x) : json_null();
}

json_t *asc_json_tally(double n)
{
    return n == floor(n) && fabs(n) < 0x1p63 ? json_integer((json_int_t)n) : asc_json_num(n);
}

static const char *type_name(const json_t *j)
{
    if (!j)
        return "nothing";
    static const char *const names[] = {"an object", "an array", "a string", "a number",
                                        "a number",  "true",     "false",    "null"};
    return names[json_typeof(j)];
}

static asc_status wrong(const json_t *v, const char *where, const char *key, const char *expected, asc_error *err)
{
    return ASC_FAIL(err, ASC_EINVAL, "%s: field '%s': expected %s, found %s", where, key, expected, type_name(v));
}

asc_status asc_json_get_double(const json_t *obj, const char *where, const char *key, double *out, asc_error *err)
{
    const json_t *v = json_object_get(obj, key);
    if (!json_is_number(v))
        return wrong(v, where, key, "a number", err);
    *out = json_number_value(v);
    return ASC_OK;
}

asc_status asc_json_opt_double(const json_t *obj, const char *where, const char *key, double *out, asc_error *err)
{
    const json_t *v = json_object_get(obj, key);
    if (!v || json_is_null(v)) {
        *out = NAN;
        return ASC_OK;
    }
    return asc_json_get_double(obj, where, key, out, err);
}

asc_status asc_json_get_count(const json_t *obj, const char *where, const char *key, int64_t *out, asc_error *err)
{
    double x;
    const json_t *v = json_object_get(obj, key);
    if (json_is_integer(v) && json_integer_value(v) >= 0) {
        *out = (int64_t)json_integer_value(v);
        return ASC_OK;
    }
    ASC_TRY(asc_json_get_double(obj, where, key, &x, err));
    if (!(x >= 0 && x <= 9e15 && x == floor(x)))
        return ASC_FAIL(err, ASC_EINVAL, "%s: field '%s': expected a whole number >= 0, found %.17g", where, key, x);
    *out = (int64_t)x;
    return ASC_OK;
}

asc_status asc_json_get_string(const json_t *obj, const char *where, const char *key, const char **out, asc_error *err)
{
    const json_t *v = json_object_get(obj, key);
    if (!json_is_string(v))
        return wrong(v, where, key, "a string", err);
    *out = json_string_value(v);
    return ASC_OK;
}

asc_status asc_json_get_object(const json_t *obj, const char *where, const char *key, json_t **out, asc_error *err)
{
    json_t *v = json_object_get(obj, key);
    if (!json_is_object(v))
        return wrong(v, where, key, "an object", err);
    *out = v;
    return ASC_OK;
}

asc_status asc_json_get_array(const json_t *obj, const char *where, const char *key, json_t **out, asc_error *err)
{
    json_t *v = json_object_get(obj, key);
    if (!json_is_array(v))
        return wrong(v, where, key, "an array", err);
    *out = v;
    return ASC_OK;
}
