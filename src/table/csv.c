#include "csv.h"

#include <math.h>
#include <string.h>
#include <strings.h>

/* Rows that are looked at for the separator. */
enum { SAMPLE = 32 };

/* ---- records ---- */

/* The end of the record that begins at p: its newline outside quotes, or end. *quoted: a quote is never closed. */
static char *record_end(char *p, char *end, char newline, bool *quoted)
{
    *quoted = false;
    for (; p < end; p++) {
        if (*p == '"')
            *quoted = !*quoted;
        else if (*p == newline && !*quoted)
            return p;
    }
    return end;
}

static size_t count_byte(const char *p, size_t n, char b)
{
    size_t k = 0;
    for (const char *end = p + n; n && (p = memchr(p, b, (size_t)(end - p))); p++)
        k++;
    return k;
}

static bool all_blank(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\r'))
        p++;
    return p == end;
}

/* ---- the separator ---- */

static size_t count_outside_quotes(const char *p, const char *end, char b)
{
    size_t n = 0;
    bool quoted = false;
    for (; p < end; p++) {
        quoted ^= *p == '"';
        n += *p == b && !quoted;
    }
    return n;
}

/* How often b separates the header, *alike: and how many of the next rows as often (one more counts too: row names). */
static size_t separates(const asc__csv *c, char b, size_t *alike)
{
    size_t header = 0, seen = 0;
    bool quoted;
    *alike = 0;
    for (char *p = c->at; p < c->end && seen <= SAMPLE;) {
        char *stop = record_end(p, c->end, c->newline, &quoted);
        if (!all_blank(p, stop)) {
            size_t n = count_outside_quotes(p, stop, b);
            if (seen++ == 0)
                header = n;
            else
                *alike += n == header || n == header + 1;
        }
        p = stop + (stop < c->end);
    }
    return header;
}

/* The first line that holds anything has blanks between words: then columns stand apart by blanks (R's write.table). */
static bool has_blanks(const asc__csv *c)
{
    bool quoted;
    for (char *p = c->at; p < c->end;) {
        char *stop = record_end(p, c->end, c->newline, &quoted);
        if (!all_blank(p, stop)) {
            while (p < stop && *p == ' ')
                p++;
            char *last = stop;
            while (last > p && (last[-1] == ' ' || last[-1] == '\r'))
                last--;
            return count_outside_quotes(p, last, ' ') > 0;
        }
        p = stop + (stop < c->end);
    }
    return false;
}

static char find_separator(const asc__csv *c)
{
    static const char candidates[] = ",;\t|";
    char best = ',';
    size_t best_alike = 0, best_n = 0;
    for (const char *s = candidates; *s; s++) {
        size_t alike, n = separates(c, *s, &alike);
        if (n && (best_n == 0 || alike > best_alike || (alike == best_alike && n > best_n))) {
            best = *s;
            best_alike = alike;
            best_n = n;
        }
    }
    return best_n == 0 && has_blanks(c) ? ' ' : best;
}

/* Lines of remarks before the header: "# made by ..". */
static void skip_remarks(asc__csv *c)
{
    while (c->end - c->at > 2 && c->at[0] == '#' && c->at[1] == ' ') {
        char *stop = c->at;
        while (stop < c->end && *stop != c->newline)
            stop++;
        c->at = stop + (stop < c->end);
        c->next_line++;
    }
}

/* A first line sep=X, as spreadsheets write and obey it. */
static void take_declaration(asc__csv *c)
{
    bool quoted;
    char *stop = record_end(c->at, c->end, c->newline, &quoted), *p = c->at, *last = stop;
    while (last > p && last[-1] == '\r')
        last--;
    if (last - p >= 2 && *p == '"' && last[-1] == '"') {
        p++;
        last--;
    }
    if (last - p != 5 || strncasecmp(p, "sep=", 4) != 0 || !strchr(",;\t|", p[4]))
        return;
    c->separator = p[4];
    c->declared = true;
    c->next_line = 2;
    c->at = stop + (stop < c->end);
}

void asc__csv_open(asc__csv *c, const char *name, char *text, size_t n)
{
    *c = (asc__csv){.name = name, .next_line = 1, .at = text, .end = text + n};
    if (n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        c->at += 3;
    c->newline = n && !memchr(text, '\n', n) ? '\r' : '\n';
    take_declaration(c);
    skip_remarks(c);
    if (!c->declared)
        c->separator = find_separator(c);
}

void asc__csv_close(asc__csv *c)
{
    asc_free(c->cell);
    *c = (asc__csv){.name = c->name};
}

/* ---- splitting ---- */

static bool blank(const asc__csv *c, char ch)
{
    return (ch == ' ' || ch == '\t') && ch != c->separator;
}

/* A blank, also one that does not break or has no width, and a mark of byte order: in front of p..end, or behind. */
static size_t any_blank(const char *p, const char *end, bool behind)
{
    static const char *const blanks[] = {" ",
                                         "\t",
                                         "\xc2\xa0",
                                         "\xe2\x80\xaf",
                                         "\xe2\x80\x89",
                                         "\xe2\x80\x8b",
                                         "\xe2\x80\x8e",
                                         "\xe2\x81\xa0",
                                         "\xe3\x80\x80",
                                         "\xef\xbb\xbf"};
    for (size_t i = 0; i < sizeof blanks / sizeof *blanks; i++) {
        size_t n = strlen(blanks[i]);
        if ((size_t)(end - p) >= n && memcmp(behind ? end - n : p, blanks[i], n) == 0)
            return n;
    }
    return 0;
}

/* The cell without blanks that no keyboard shows at its ends, where two names that look alike would be two. */
static char *trimmed(char *cell)
{
    char *end = cell + strlen(cell);
    bool hidden = (unsigned char)*cell >= 0x80 || (end > cell && (unsigned char)end[-1] >= 0x80);
    for (size_t n = 1; hidden && n;)
        cell += n = any_blank(cell, end, false);
    for (size_t n = 1; hidden && n;)
        end -= n = any_blank(cell, end, true);
    if (hidden)
        *end = 0;
    return cell;
}

static asc_status push_cell(asc__csv *c, char *cell, asc_error *err)
{
    char **p = asc_grow(c->cell, &c->cap_cell, c->n_cells + 1, sizeof *p);
    if (!p)
        return ASC_NOMEM(err);
    c->cell = p;
    c->cell[c->n_cells++] = trimmed(cell);
    return ASC_OK;
}

/* A quoted cell at *s (on its opening quote), unquoted in place; *s ends on the separator or the end. */
static asc_status quoted_cell(asc__csv *c, char **s, const char *end, asc_error *err)
{
    char *from = *s + 1, *to = *s, *cell = *s;
    for (;;) {
        if (from >= end)
            return ASC_FAIL(err, ASC_EINVAL, "%s:%zu: unterminated quoted cell", c->name, c->line);
        if (*from == '"' && from + 1 < end && from[1] == '"')
            from++;
        else if (*from == '"')
            break;
        *to++ = *from++;
    }
    from++;
    while (from < end && blank(c, *from))
        from++;
    if (from < end && *from != c->separator)
        return ASC_FAIL(err, ASC_EINVAL, "%s:%zu: cell %zu: text after the closing quote", c->name, c->line,
                        c->n_cells + 1);
    *to = 0;
    *s = from;
    return push_cell(c, cell, err);
}

static asc_status bare_cell(asc__csv *c, char **s, char *end, asc_error *err)
{
    char *cell = *s, *stop = memchr(cell, c->separator, (size_t)(end - cell));
    if (!stop)
        stop = end;
    if (memchr(cell, '"', (size_t)(stop - cell)))
        return ASC_FAIL(err, ASC_EINVAL, "%s:%zu: cell %zu: a quote inside a cell that does not start with one",
                        c->name, c->line, c->n_cells + 1);
    *s = stop;
    char *last = stop;
    while (last > cell && blank(c, last[-1]))
        last--;
    *last =
        0; /* on a blank or on the separator, which *s still finds: the caller looks at the position, not the byte */
    return push_cell(c, cell, err);
}

/* record[0..len) has one writable byte behind it. */
static asc_status split(asc__csv *c, char *record, size_t len, asc_error *err)
{
    char *s = record, *end = record + len;
    c->n_cells = 0;
    for (;;) {
        while (s < end && (blank(c, *s) || (c->separator == ' ' && *s == ' ')))
            s++; /* several blanks separate as one does */
        ASC_TRY(s < end && *s == '"' ? quoted_cell(c, &s, end, err) : bare_cell(c, &s, end, err));
        if (s >= end)
            return ASC_OK;
        s++;
    }
}

asc_status asc__csv_next(asc__csv *c, asc_error *err)
{
    c->n_cells = 0;
    while (c->at < c->end) {
        bool quoted;
        char *record = c->at, *stop = record_end(record, c->end, c->newline, &quoted);
        c->line = c->next_line;
        if (quoted)
            return ASC_FAIL(err, ASC_EINVAL, "%s:%zu: unterminated quoted cell", c->name, c->line);
        c->next_line += count_byte(record, (size_t)(stop - record), c->newline) + 1;
        c->at = stop + (stop < c->end);
        if (memchr(record, 0, (size_t)(stop - record)))
            return ASC_FAIL(err, ASC_EINVAL, "%s:%zu: NUL byte; is this a text file?", c->name, c->line);
        while (stop > record && (stop[-1] == '\r' || (c->separator == ' ' && stop[-1] == ' ')))
            stop--;
        if (!all_blank(record, stop))
            return split(c, record, (size_t)(stop - record), err);
    }
    return ASC_OK;
}

/* ---- cells ---- */

const char *asc__csv_show(const char *cell, char buf[48])
{
    size_t n = 0;
    bool text = asc_is_utf8(cell); /* what is for no terminal in it is left to whoever prints */
    for (; cell[n] && n < 36; n++)
        buf[n] = (unsigned char)cell[n] < ' ' || (!text && (unsigned char)cell[n] >= 127) ? '?' : cell[n];
    while (text && ((unsigned char)cell[n] & 0xc0) == 0x80) /* a character is shown whole */
        buf[n] = cell[n], n++;
    memcpy(buf + n, cell[n] ? "..." : "", cell[n] ? 4 : 1);
    return buf;
}

void asc__csv_put(asc_buf *b, const char *cell)
{
    size_t n = strlen(cell);
    bool plain = !strpbrk(cell, ",;|\t\"\n\r") && (n == 0 || (cell[0] != ' ' && cell[n - 1] != ' '));
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
