/*
 * SentencePiece's maps of characters, as Hugging Face's Precompiled reads them (by grapheme clusters, the shortest
 * entry) and as SentencePiece does (the longest entry, spaces joined, a blank in front).
 */
#include "tokenizer.h"
#include "unicode.h"

#include <string.h>

/* ---- the map: units of a double array (Darts-clone's layout), then texts that end with 0 ---- */

static uint32_t read_u32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

void asc__charsmap_clear(asc__charsmap *m)
{
    asc_free(m->units);
    asc_free(m->texts);
    *m = (asc__charsmap){0};
}

asc_status asc__charsmap_read(asc__charsmap *m, const uint8_t *p, size_t n, asc_error *err)
{
    if (n == 0)
        return ASC_OK;
    size_t bytes = n >= 4 ? read_u32(p) : 0;
    if (n < 4 || bytes > n - 4 || bytes % 4 || bytes == 0)
        return ASC_FAIL(err, ASC_EINVAL, "precompiled character map: %zu bytes are not one", n);
    m->n_units = bytes / 4;
    m->n_texts = n - 4 - bytes + 1;
    m->units = asc_reallocarray(NULL, m->n_units, sizeof *m->units);
    m->texts = asc_malloc(m->n_texts);
    if (!m->units || !m->texts)
        return ASC_NOMEM(err);
    for (size_t i = 0; i < m->n_units; i++)
        m->units[i] = read_u32(p + 4 + 4 * i);
    memcpy(m->texts, p + 4 + bytes, m->n_texts - 1);
    m->texts[m->n_texts - 1] = 0;
    return ASC_OK;
}

static size_t offset_of(uint32_t unit)
{
    return (size_t)(unit >> 10) << ((unit & 1u << 9) >> 6);
}

/* What the shortest (or longest) prefix of p..p+n in the map becomes, NULL: none; its length in *len. */
static const char *find(const asc__charsmap *m, const uint8_t *p, size_t n, bool longest, size_t *len)
{
    const char *found = NULL;
    size_t node = m->n_units ? offset_of(m->units[0]) : 0;
    for (size_t i = 0; i < n && p[i]; i++) {
        node ^= p[i];
        if (node >= m->n_units || (m->units[node] & (1u << 31 | 255)) != p[i])
            break;
        uint32_t unit = m->units[node];
        node ^= offset_of(unit);
        if (!(unit >> 8 & 1) || node >= m->n_units)
            continue;
        size_t at = m->units[node] & 0x7fffffff;
        if (at >= m->n_texts)
            continue;
        found = m->texts + at;
        *len = i + 1;
        if (!longest)
            break;
    }
    return found;
}

/* ---- grapheme clusters (Unicode 29): as far as clusters of up to five bytes can tell ---- */

enum { NONE, LEAD, VOWEL, TAIL, SYLLABLE_LV, SYLLABLE_LVT };

static int hangul(uint32_t c)
{
    if (c >= 0xac00 && c < 0xd7a4)
        return (c - 0xac00) % 28 ? SYLLABLE_LVT : SYLLABLE_LV;
    if ((c >= 0x1100 && c < 0x1160) || (c >= 0xa960 && c < 0xa97d))
        return LEAD;
    if ((c >= 0x1160 && c < 0x11a8) || (c >= 0xd7b0 && c < 0xd7c7))
        return VOWEL;
    return (c >= 0x11a8 && c < 0x1200) || (c >= 0xd7cb && c < 0xd7fc) ? TAIL : NONE;
}

static bool joined(uint32_t a, uint32_t b)
{
    unsigned x = a < 0x300 && a >= 0x20 && a != 0x7f && !(a >= 0x80 && a < 0xae) ? 0 : asc__grapheme_bits(a);
    unsigned y = asc__grapheme_bits(b);
    if (a == '\r' && b == '\n')
        return true;
    if ((x | y) & ASC__GRAPHEME_CONTROL)
        return false;
    if (y & ASC__GRAPHEME_EXTEND || x & ASC__GRAPHEME_PREPEND)
        return true;
    int h = hangul(a), k = hangul(b);
    if (h == LEAD)
        return k == LEAD || k == VOWEL || k == SYLLABLE_LV || k == SYLLABLE_LVT;
    if (h == VOWEL || h == SYLLABLE_LV)
        return k == VOWEL || k == TAIL;
    return (h == TAIL || h == SYLLABLE_LVT) && k == TAIL;
}

static uint32_t char_at(const uint8_t *p, const uint8_t *end, size_t *len)
{
    int32_t c = asc__utf8_decode(p, end, len);
    return c < 0 ? 0xfffd : (uint32_t)c;
}

static const uint8_t *cluster_end(const uint8_t *p, const uint8_t *end)
{
    size_t len;
    uint32_t c = char_at(p, end, &len);
    for (p += len; p < end; p += len) {
        uint32_t next = char_at(p, end, &len);
        if ((c < 128 && next < 128 && c != '\r') || !joined(c, next))
            break;
        c = next;
    }
    return p;
}

static void put_chars(const asc__charsmap *m, const uint8_t *p, const uint8_t *end, asc_buf *out)
{
    for (size_t len, used; p < end; p += len) {
        char_at(p, end, &len);
        const char *becomes = find(m, p, len, false, &used);
        if (becomes)
            asc_buf_puts(out, becomes);
        else
            asc_buf_append(out, p, len);
    }
}

void asc__precompiled(const asc__charsmap *m, const uint8_t *p, size_t n, asc_buf *out)
{
    const uint8_t *end = p + n;
    while (p < end) {
        const uint8_t *q = cluster_end(p, end);
        size_t used;
        const char *becomes = q - p < 6 ? find(m, p, (size_t)(q - p), false, &used) : NULL;
        if (becomes)
            asc_buf_puts(out, becomes);
        else
            put_chars(m, p, q, out);
        p = q;
    }
}

/* ---- SentencePiece's own normalization (normalizer.cc) ---- */

/* What the text at p begins with after the map; its source's length in *len. */
static const char *next_part(const asc__normalizer *k, const uint8_t *p, const uint8_t *end, size_t *len, size_t *n)
{
    int32_t value;
    if (k->fixed && (*len = asc__finder_longest(&k->fixed->trie, (const char *)p, (const char *)end, &value)) > 0) {
        *n = *len;
        return (const char *)p;
    }
    const char *becomes = find(&k->map, p, (size_t)(end - p), true, len);
    if (becomes) {
        *n = strlen(becomes);
        return becomes;
    }
    char_at(p, end, len);
    *n = *len;
    return (const char *)p;
}

static void put_space(const asc__normalizer *k, asc_buf *out)
{
    asc_buf_puts(out, k->escape ? "\xe2\x96\x81" : " ");
}

static void drop_spaces(const asc__normalizer *k, asc_buf *out)
{
    const char *space = k->escape ? "\xe2\x96\x81" : " ";
    size_t n = strlen(space);
    while (out->len >= n && memcmp(out->data + out->len - n, space, n) == 0)
        out->len -= n;
}

void asc__sentencepiece_normalize(const asc__normalizer *k, const uint8_t *p, size_t n_bytes, asc_buf *out)
{
    const uint8_t *end = p + n_bytes;
    size_t len, n;
    while (k->squeeze && p < end) {
        const char *part = next_part(k, p, end, &len, &n);
        if (n != 1 || *part != ' ')
            break;
        p += len;
    }
    if (p == end)
        return;
    if (k->dummy_prefix && !k->suffix)
        put_space(k, out);
    for (bool after_space = k->squeeze; p < end; p += len) {
        const char *part = next_part(k, p, end, &len, &n);
        for (; after_space && n > 0 && *part == ' '; n--)
            part++;
        for (size_t i = 0; i < n; i++)
            if (part[i] == ' ')
                put_space(k, out);
            else
                asc_buf_putc(out, part[i]);
        if (n > 0)
            after_space = k->squeeze && part[n - 1] == ' ';
    }
    if (k->squeeze)
        drop_spaces(k, out);
    if (k->dummy_prefix && k->suffix)
        put_space(k, out);
}
