#include "base/base.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool reserve(asc_buf *b, size_t extra)
{
    if (b->oom)
        return false;
    if (extra > SIZE_MAX / 2 - b->len) {
        b->oom = true;
        return false;
    }
    char *p = asc_grow(b->data, &b->cap, b->len + extra + 1, 1);
    if (!p) {
        b->oom = true;
        return false;
    }
    b->data = p;
    return true;
}

void asc_buf_append(asc_buf *b, const void *p, size_t n)
{
    if (!reserve(b, n))
        return;
    if (n)
        memcpy(b->data + b->len, p, n);
    b->len += n;
    b->data[b->len] = 0;
}

void asc_buf_puts(asc_buf *b, const char *s)
{
    asc_buf_append(b, s, strlen(s));
}

void asc_buf_putc(asc_buf *b, char c)
{
    asc_buf_append(b, &c, 1);
}

static void buf_vprintf(asc_buf *b, const char *fmt, va_list ap)
{
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    if (n >= 0 && reserve(b, (size_t)n)) {
        vsnprintf(b->data + b->len, (size_t)n + 1, fmt, again);
        b->len += (size_t)n;
    }
    va_end(again);
}

void asc_buf_printf(asc_buf *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    buf_vprintf(b, fmt, ap);
    va_end(ap);
}

void asc_buf_shell_word(asc_buf *b, const char *s)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:@%+=,";
    if (*s && strspn(s, plain) == strlen(s)) {
        asc_buf_puts(b, s);
        return;
    }
    asc_buf_putc(b, '\'');
    for (; *s; s++)
        if (*s == '\'')
            asc_buf_puts(b, "'\\''");
        else
            asc_buf_putc(b, *s);
    asc_buf_putc(b, '\'');
}

void asc_buf_clear(asc_buf *b)
{
    if (!b)
        return;
    asc_free(b->data);
    *b = (asc_buf){0};
}

char *asc_strf(const char *fmt, ...)
{
    asc_buf b = {0};
    va_list ap;
    va_start(ap, fmt);
    buf_vprintf(&b, fmt, ap);
    va_end(ap);
    if (b.oom) {
        asc_buf_clear(&b);
        return NULL;
    }
    return b.data;
}

/* Only decimal digits, sign, point and exponent: strtod alone would take hex, inf, nan and leading blanks. */
static bool stands_for_itself(unsigned char c)
{
    return c >= 0x80 || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("_.+-", c));
}

char *asc_file_name(const char *name)
{
    asc_buf b = {0};
    asc_buf_puts(&b, ""); /* never NULL */
    for (const char *p = name; *p; p++) {
        unsigned char c = (unsigned char)*p;
        if (stands_for_itself(c) && !(p == name && c == '.'))
            asc_buf_putc(&b, (char)c);
        else
            asc_buf_printf(&b, "~%02X", c);
    }
    if (!b.oom && b.data)
        return b.data;
    asc_buf_clear(&b);
    return NULL;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

void asc_file_name_read(char *text)
{
    char *out = text;
    for (const char *p = text; *p; out++) {
        int hi = *p == '~' ? hex_digit(p[1]) : -1, lo = hi >= 0 ? hex_digit(p[2]) : -1;
        int c = lo >= 0 ? 16 * hi + lo : 0;
        bool ours = c > 0 && c < 0x80;
        *out = ours ? (char)c : *p;
        p += ours ? 3 : 1;
    }
    *out = 0;
}

bool asc_parse_double(const char *s, double *out)
{
    if (!s || !*s || strspn(s, "0123456789+-.eE") != strlen(s) || !strpbrk(s, "0123456789"))
        return false;
    char *end;
    double x = strtod(s, &end);
    if (*end || !isfinite(x))
        return false;
    *out = x;
    return true;
}

bool asc_parse_count(const char *s, int64_t *out)
{
    double x;
    if (!asc_parse_double(s, &x) || x < 0 || x > 1e15 || x != floor(x))
        return false;
    *out = (int64_t)x;
    return true;
}

/* The mantissa at s without its group marks into buf; *rest: what stands behind it. False where a mark is out of place.
 */
static bool ungroup(const char *s, char *buf, size_t n, const char **rest)
{
    size_t len = 0, commas = 0, run = 0; /* run: digits since the last comma or the beginning */
    bool point = false, ok = true;
    for (; *s && strchr("0123456789_,.+-eE", *s) && len + 1 < n; s++) {
        bool digit = *s >= '0' && *s <= '9';
        if (*s == '_')
            ok &= len > 0 && s[-1] >= '0' && s[-1] <= '9' && s[1] >= '0' && s[1] <= '9';
        else if (*s == ',') {
            ok &= !point && (commas ? run == 3 : run >= 1 && run <= 3);
            commas++;
            run = 0;
        } else {
            if (commas && !point && !digit)
                ok &= run == 3 && *s == '.';
            point |= !digit && len > 0;
            run += digit && !point;
            buf[len++] = *s;
        }
    }
    buf[len] = 0;
    *rest = s;
    return ok && (commas == 0 || (commas > 1 && (point || run == 3)));
}

bool asc_parse_quantity(const char *s, double *out)
{
    static const struct {
        const char *units, *exponent;
    } suffix[] = {{"kK", "e3"}, {"mM", "e6"}, {"bBgG", "e9"}, {"tT", "e12"}, {"%", "e-2"}};
    char number[96];
    const char *rest;
    if (!s || !ungroup(s, number, sizeof number - 4, &rest))
        return false;
    if (!*rest)
        return asc_parse_double(number, out);
    if (*rest == ' ')
        rest++;
    if (!*rest || rest[1] || strpbrk(number, "eE"))
        return false;
    for (size_t i = 0; i < sizeof suffix / sizeof *suffix; i++)
        if (strchr(suffix[i].units, *rest)) {
            strcat(number, suffix[i].exponent);
            return asc_parse_double(number, out);
        }
    return false;
}

char *asc_format_double(double x, char *buf)
{
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(buf, 32, "%.*g", digits, x);
        if (strtod(buf, NULL) == x)
            break;
    }
    return buf;
}

/* unit: what follows thousands, millions, .. */
static char *format_scaled(double x, char *buf, const char *unit)
{
    size_t u = 0;
    double v = x;
    while (fabs(v) >= 999.5 && unit[u]) {
        v /= 1000;
        u++;
    }
    const char *fmt = u == 0          ? (v == floor(v) ? "%.0f" : "%.2f")
                      : fabs(v) < 10  ? "%.2f"
                      : fabs(v) < 100 ? "%.1f"
                                      : "%.0f";
    snprintf(buf, 15, fmt, v);
    if (u > 0 && strchr(buf, '.')) { /* 1.00M -> 1M */
        char *e = buf + strlen(buf);
        while (e[-1] == '0')
            *--e = 0;
        if (e[-1] == '.')
            *--e = 0;
    }
    if (u > 0)
        strncat(buf, unit + u - 1, 1);
    return buf;
}

char *asc_format_si(double x, char *buf)
{
    return format_scaled(x, buf, "kMGTP");
}

char *asc_format_count(double x, char *buf)
{
    return format_scaled(x, buf, "kMBT");
}

char *asc_format_percent(double share, char *buf)
{
    double x = 100 * share;
    snprintf(buf, 32, fabs(x) < 999.5 ? "%.3g %%" : "%.0f %%", x);
    return buf;
}

char *asc_format_duration(double seconds, char *buf)
{
    if (!(seconds < 1e9)) {
        snprintf(buf, 24, "?");
        return buf;
    }
    long s = (long)(seconds + .5);
    if (seconds < 10)
        snprintf(buf, 24, "%.1fs", seconds);
    else if (s < 60)
        snprintf(buf, 24, "%lds", s);
    else if (s < 3600)
        snprintf(buf, 24, "%ldm%02lds", s / 60, s % 60);
    else if (s < 48 * 3600)
        snprintf(buf, 24, "%ldh%02ldm", s / 3600, s / 60 % 60);
    else
        snprintf(buf, 24, "%ldd%02ldh", s / 86400, s / 3600 % 24);
    return buf;
}

/* Levenshtein distance, both at most 63 bytes. */
static size_t edit_distance(const char *a, const char *b)
{
    size_t row[64], n = strlen(a), m = strlen(b);
    if (n > 63 || m > 63)
        return SIZE_MAX;
    for (size_t j = 0; j <= m; j++)
        row[j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t diag = row[0];
        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t change = diag + (tolower((unsigned char)a[i - 1]) != tolower((unsigned char)b[j - 1]));
            diag = row[j];
            size_t best = row[j] + 1 < row[j - 1] + 1 ? row[j] + 1 : row[j - 1] + 1;
            row[j] = change < best ? change : best;
        }
    }
    return row[m];
}

bool asc_ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), k = strlen(end);
    return n >= k && strcmp(s + n - k, end) == 0;
}

const char *asc_nearest_name(const char *s, const char *const *names, size_t n)
{
    const char *best = NULL;
    size_t best_d = SIZE_MAX;
    for (size_t i = 0; i < n; i++) {
        size_t d = edit_distance(s, names[i]);
        if (d < best_d) {
            best_d = d;
            best = names[i];
        }
    }
    return best_d != SIZE_MAX && best_d <= 1 + strlen(s) / 3 ? best : NULL;
}

int asc_cmp_strings(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* ---- foreign text on a terminal ---- */

/* Bytes of the UTF-8 character at p, 0 if none begins there; *c its code. */
static size_t utf8_at(const unsigned char *p, uint32_t *c)
{
    size_t n = *p < 0x80 ? 1 : *p >= 0xc2 && *p < 0xe0 ? 2 : (*p & 0xf0) == 0xe0 ? 3 : *p >= 0xf0 && *p < 0xf5 ? 4 : 0;
    if (n == 0)
        return 0;
    *c = n == 1 ? *p : *p & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        *c = *c << 6 | (p[i] & 0x3f);
    }
    bool too_short = (n == 3 && *c < 0x800) || (n == 4 && *c < 0x10000);
    return too_short || *c > 0x10ffff || (*c >= 0xd800 && *c < 0xe000) ? 0 : n;
}

/* Controls, marks of direction (they turn the text around them), separators of lines, marks without a width. */
static bool is_hidden(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x200b && c <= 0x200f && c != 0x200c && c != 0x200d) ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff;
}

/* Behind an escape sequence that begins at p (CSI, OSC or one character), so that its letters are not left over. */
static const unsigned char *behind_escape(const unsigned char *p)
{
    if (p[1] == '[') {
        for (p += 2; *p >= 0x20 && *p < 0x40; p++)
            ;
        return *p >= 0x40 && *p < 0x7f ? p + 1 : p;
    }
    if (p[1] == ']') {
        for (p += 2; *p && *p != 7 && *p != 0x1b && *p != '\n'; p++)
            ;
        return *p == 7 ? p + 1 : *p == 0x1b && p[1] == '\\' ? p + 2 : p;
    }
    return p + 1;
}

char *asc_text_printable(char *s, bool lines)
{
    unsigned char *out = (unsigned char *)s;
    for (const unsigned char *p = out; *p;) {
        uint32_t c = 0;
        size_t n = utf8_at(p, &c);
        if (*p == 0x1b) {
            p = behind_escape(p);
            *out++ = '?';
        } else if (n > 0 && (!is_hidden(c) || (lines && (c == '\n' || c == '\t')))) {
            memmove(out, p, n);
            out += n;
            p += n;
        } else {
            *out++ = '?';
            p += n ? n : 1;
        }
    }
    *out = 0;
    return s;
}

bool asc_is_utf8(const char *text)
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
