#include "csv.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK = 1 << 18, MAX_RECORD = 1 << 28 };

/* ---- input ---- */

static void init(asc__csv *c, const char *name)
{
    *c = (asc__csv){.name = name, .fd = -1, .next_line = 1};
}

asc_status asc__csv_open(asc__csv *c, const char *path, asc_error *err)
{
    init(c, strcmp(path, "-") == 0 ? "standard input" : path);
    if (strcmp(path, "-") == 0) {
        c->fd = STDIN_FILENO;
        return ASC_OK;
    }
    c->fd = asc_fault_hit(ASC_FAULT_OPEN) ? (errno = EIO, -1) : open(path, O_RDONLY | O_CLOEXEC);
    if (c->fd < 0)
        return errno == ENOENT ? ASC_FAIL(err, ASC_EINVAL, "%s: no such file", path)
                               : ASC_FAIL(err, ASC_EIO, "%s: cannot open: %s", path, strerror(errno));
    c->owns_fd = true;
    return ASC_OK;
}

asc_status asc__csv_open_memory(asc__csv *c, const char *name, const char *text, size_t n, asc_error *err)
{
    init(c, name);
    c->buf = asc_malloc(n + 1);
    if (!c->buf)
        return ASC_NOMEM(err);
    if (n)
        memcpy(c->buf, text, n);
    c->buf[n] = 0;
    c->cap_buf = n + 1;
    c->n_buf = n;
    c->end = true;
    return ASC_OK;
}

void asc__csv_close(asc__csv *c)
{
    if (c->owns_fd)
        close(c->fd);
    asc_free(c->buf);
    asc_free(c->cell);
    init(c, c->name);
}

/* More bytes behind those not yet used; they move to the front first. Always leaves room for a 0 at the end. */
static asc_status fill(asc__csv *c, asc_error *err)
{
    if (c->pos) {
        memmove(c->buf, c->buf + c->pos, c->n_buf - c->pos);
        c->n_buf -= c->pos;
        c->pos = 0;
    }
    if (c->n_buf > MAX_RECORD)
        return ASC_FAIL(err, ASC_EINVAL, "%s:%zu: a record of more than %d MB; is a quote never closed?", c->name,
                        c->line, MAX_RECORD >> 20);
    char *p = asc_grow(c->buf, &c->cap_buf, c->n_buf + CHUNK + 1, 1);
    if (!p)
        return ASC_NOMEM(err);
    c->buf = p;
    ssize_t k;
    do
        k = read(c->fd, c->buf + c->n_buf, CHUNK);
    while (k < 0 && errno == EINTR);
    if (k < 0)
        return errno == EISDIR ? ASC_FAIL(err, ASC_EINVAL, "%s: expected a file, found a folder", c->name)
                               : ASC_FAIL(err, ASC_EIO, "%s: cannot read: %s", c->name, strerror(errno));
    c->n_buf += (size_t)k;
    c->buf[c->n_buf] = 0;
    c->end = k == 0;
    return ASC_OK;
}

static size_t count_byte(const char *p, size_t n, char b)
{
    size_t k = 0;
    for (const char *end = p + n; (p = memchr(p, b, (size_t)(end - p))); p++)
        k++;
    return k;
}

/* Length of the record at pos without its newline: up to the first newline outside quotes. *whole: newline included. */
static asc_status find_record(asc__csv *c, size_t *len, size_t *whole, asc_error *err)
{
    size_t scanned = 0;
    bool quoted = false;
    for (;;) {
        const char *start = c->buf + c->pos, *from = start + scanned;
        size_t left = c->n_buf - c->pos - scanned;
        const char *nl = left ? memchr(from, '\n', left) : NULL;
        size_t part = nl ? (size_t)(nl - from) : left;
        if (count_byte(from, part, '"') % 2)
            quoted = !quoted;
        scanned += part;
        if (nl && !quoted) {
            *len = scanned;
            *whole = scanned + 1;
            return ASC_OK;
        }
        if (nl) {
            scanned++;
            continue;
        }
        if (c->end) {
            if (quoted)
                return ASC_FAIL(err, ASC_EINVAL, "%s:%zu: a quoted cell is never closed", c->name, c->line);
            *len = *whole = scanned;
            return ASC_OK;
        }
        ASC_TRY(fill(c, err));
    }
}

/* ---- splitting ---- */

static bool blank(char ch)
{
    return ch == ' ' || ch == '\t';
}

static asc_status push_cell(asc__csv *c, char *cell, asc_error *err)
{
    char **p = asc_grow(c->cell, &c->cap_cell, c->n_cells + 1, sizeof *p);
    if (!p)
        return ASC_NOMEM(err);
    c->cell = p;
    c->cell[c->n_cells++] = cell;
    return ASC_OK;
}

/* A quoted cell at *s (on its opening quote), unquoted in place; *s ends on the comma or the end. */
static asc_status quoted_cell(asc__csv *c, char **s, const char *end, asc_error *err)
{
    char *from = *s + 1, *to = *s, *cell = *s;
    for (;;) {
        if (from >= end)
            return ASC_FAIL(err, ASC_EINVAL, "%s:%zu: a quoted cell is never closed", c->name, c->line);
        if (*from == '"' && from + 1 < end && from[1] == '"')
            from++;
        else if (*from == '"')
            break;
        *to++ = *from++;
    }
    from++;
    while (from < end && blank(*from))
        from++;
    if (from < end && *from != ',')
        return ASC_FAIL(err, ASC_EINVAL, "%s:%zu: cell %zu: text after the closing quote", c->name, c->line,
                        c->n_cells + 1);
    *to = 0;
    *s = from;
    return push_cell(c, cell, err);
}

static asc_status bare_cell(asc__csv *c, char **s, char *end, asc_error *err)
{
    char *cell = *s, *stop = memchr(cell, ',', (size_t)(end - cell));
    if (!stop)
        stop = end;
    if (memchr(cell, '"', (size_t)(stop - cell)))
        return ASC_FAIL(err, ASC_EINVAL, "%s:%zu: cell %zu: a quote inside a cell that does not start with one",
                        c->name, c->line, c->n_cells + 1);
    *s = stop;
    char *last = stop;
    while (last > cell && blank(last[-1]))
        last--;
    *last = 0; /* on a blank or on the comma, which *s still finds: the caller looks at the position, not the byte */
    return push_cell(c, cell, err);
}

/* record[0..len) has one writable byte behind it. */
static asc_status split(asc__csv *c, char *record, size_t len, asc_error *err)
{
    char *s = record, *end = record + len;
    c->n_cells = 0;
    for (;;) {
        while (s < end && blank(*s))
            s++;
        ASC_TRY(s < end && *s == '"' ? quoted_cell(c, &s, end, err) : bare_cell(c, &s, end, err));
        if (s >= end)
            return ASC_OK;
        s++;
    }
}

asc_status asc__csv_next(asc__csv *c, asc_error *err)
{
    c->n_cells = 0;
    for (;;) {
        c->line = c->next_line;
        if (!c->end && c->pos == c->n_buf)
            ASC_TRY(fill(c, err));
        if (c->pos == c->n_buf && c->end)
            return ASC_OK;
        size_t len = 0, whole = 0;
        ASC_TRY(find_record(c, &len, &whole, err));
        char *record = c->buf + c->pos;
        c->pos += whole;
        c->next_line += count_byte(record, len, '\n') + 1;
        if (memchr(record, 0, len))
            return ASC_FAIL(err, ASC_EINVAL, "%s:%zu: a NUL byte; is this a text file?", c->name, c->line);
        if (!c->started && len >= 3 && memcmp(record, "\xef\xbb\xbf", 3) == 0) {
            record += 3;
            len -= 3;
        }
        c->started = true;
        while (len && record[len - 1] == '\r')
            len--;
        if (len && strspn(record, " \t") < len)
            return split(c, record, len, err);
    }
}

/* ---- cells ---- */

/* At most 15 digits and a power of ten up to 22: both exact in a double, so one operation rounds correctly
 * (Clinger 1990). Anything else goes through strtod. */
bool asc__csv_number(const char *s, double *out)
{
    static const double ten[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    const char *p = s;
    uint64_t m = 0;
    int digits = 0, point = 0;
    bool minus = *p == '-', after = false;
    p += *p == '-' || *p == '+';
    for (; (*p >= '0' && *p <= '9') || (*p == '.' && !after); p++) {
        if (*p == '.') {
            after = true;
            continue;
        }
        m = m * 10 + (uint64_t)(*p - '0');
        digits++;
        point += after;
        if (digits > 15)
            return asc_parse_double(s, out);
    }
    if (*p || digits == 0)
        return asc_parse_double(s, out);
    double x = (double)m / ten[point];
    *out = minus ? -x : x;
    return true;
}

const char *asc__csv_show(const char *cell, char buf[48])
{
    size_t n = 0;
    for (; cell[n] && n < 36; n++)
        buf[n] = (unsigned char)cell[n] < ' ' || (unsigned char)cell[n] >= 127 ? '?' : cell[n];
    memcpy(buf + n, cell[n] ? "..." : "", cell[n] ? 4 : 1);
    return buf;
}

bool asc__csv_utf8(const char *text)
{
    for (const unsigned char *s = (const unsigned char *)text; *s;) {
        int more = *s < 0x80                 ? 0
                   : *s >= 0xc2 && *s < 0xe0 ? 1
                   : *s >= 0xe0 && *s < 0xf0 ? 2
                   : *s >= 0xf0 && *s < 0xf5 ? 3
                                             : -1;
        if (more < 0)
            return false;
        unsigned lo = *s == 0xe0 ? 0xa0 : *s == 0xf0 ? 0x90 : 0x80, hi = *s == 0xed ? 0x9f : *s == 0xf4 ? 0x8f : 0xbf;
        s++;
        for (int i = 0; i < more; i++, s++) {
            if (*s < lo || *s > hi)
                return false;
            lo = 0x80;
            hi = 0xbf;
        }
    }
    return true;
}

void asc__csv_put(asc_buf *b, const char *cell)
{
    size_t n = strlen(cell);
    bool plain = !strpbrk(cell, ",\"\n\r") && (n == 0 || (!blank(cell[0]) && !blank(cell[n - 1])));
    if (plain) {
        asc_buf_puts(b, cell);
        return;
    }
    asc_buf_putc(b, '"');
    for (const char *s = cell; *s; s++) {
        if (*s == '"')
            asc_buf_putc(b, '"');
        asc_buf_putc(b, *s);
    }
    asc_buf_putc(b, '"');
}

void asc__csv_put_number(asc_buf *b, double x)
{
    char s[32];
    if (!isnan(x))
        asc_buf_puts(b, asc_format_double(x, s));
}
