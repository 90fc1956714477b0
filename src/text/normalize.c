/*
 * Normalizers: one row a kind, each from text to text. `first` is what Metaspace's "first" asks later: whether the text
 * still begins where the document does, which is lost when its first character is removed.
 */
#include "pattern.h"
#include "tokenizer.h"
#include "unicode.h"
#include "way_json.h"

#include <string.h>

typedef asc_status (*normal_fn)(const asc__normalizer *k, const uint8_t *p, size_t n, asc_buf *out, bool *first,
                                asc_error *err);

void asc__put_char(asc_buf *out, uint32_t c)
{
    uint8_t utf8[4];
    asc_buf_append(out, utf8, asc__utf8_encode(c, utf8));
}

static uint32_t next_char(const uint8_t *p, const uint8_t *end, size_t *len)
{
    int32_t c = asc__utf8_decode(p, end, len);
    return c < 0 ? 0xfffd : (uint32_t)c;
}

static bool is_ascii(const uint8_t *p, size_t n)
{
    uint64_t w;
    for (; n >= 8; p += 8, n -= 8)
        if (memcpy(&w, p, 8), w & 0x8080808080808080u)
            return false;
    while (n--)
        if (*p++ & 0x80)
            return false;
    return true;
}

/* ---- character by character ---- */

/** Append what c becomes. */
typedef void (*char_fn)(const asc__normalizer *k, uint32_t c, asc_buf *out);

static void each_char(const asc__normalizer *k, const uint8_t *p, size_t n, asc_buf *out, bool *first, char_fn fn)
{
    const uint8_t *end = p + n;
    for (size_t len, at = 0; p < end; p += len, at++) {
        uint32_t c = next_char(p, end, &len);
        fn(k, c, out);
        if (at == 0 && out->len == 0)
            *first = false;
    }
}

static void put_lower(asc_buf *out, uint32_t c)
{
    uint32_t lower[ASC__MAX_MAPPED];
    if (c < 128) {
        asc_buf_putc(out, (char)(c >= 'A' && c <= 'Z' ? c + 32 : c));
        return;
    }
    size_t n = asc__bert_bits(c) & ASC__BERT_HAS_LOWER ? asc__bert_lower_of(c, lower) : 0;
    for (size_t i = 0; i < n; i++)
        asc__put_char(out, lower[i]);
    if (n == 0)
        asc__put_char(out, c);
}

static void lower_char(const asc__normalizer *k, uint32_t c, asc_buf *out)
{
    put_lower(out, c);
}

static asc_status lowercase(const asc__normalizer *k, const uint8_t *p, size_t n, asc_buf *out, bool *first,
                            asc_error *err)
{
    each_char(k, p, n, out, first, lower_char);
    return ASC_OK;
}

static void strip_mark(const asc__normalizer *k, uint32_t c, asc_buf *out)
{
    if (!(asc__form_bits(c) & ASC__FORM_COMBINING))
        asc__put_char(out, c);
}

static asc_status strip_accents(const asc__normalizer *k, const uint8_t *p, size_t n, asc_buf *out, bool *first,
                                asc_error *err)
{
    each_char(k, p, n, out, first, strip_mark);
    return ASC_OK;
}

static void nmt_char(const asc__normalizer *k, uint32_t c, asc_buf *out)
{
    bool removed = (c >= 1 && c <= 8) || c == 0xb || (c >= 0xe && c <= 0x1f) || c == 0x7f || c == 0x8f || c == 0x9f;
    bool blank = c == 9 || c == 0xa || c == 0xc || c == 0xd || c == 0x1680 || (c >= 0x200b && c <= 0x200f) ||
                 c == 0x2028 || c == 0x2029 || c == 0x2581 || c == 0xfeff || c == 0xfffd;
    if (!removed)
        asc__put_char(out, blank ? ' ' : c);
}

static asc_status nmt(const asc__normalizer *k, const uint8_t *p, size_t n, asc_buf *out, bool *first, asc_error *err)
{
    each_char(k, p, n, out, first, nmt_char);
    return ASC_OK;
}

static void bert_char(const asc__normalizer *k, uint32_t c, asc_buf *out)
{
    unsigned bits = asc__bert_bits(c);
    if (k->clean && bits & ASC__BERT_REMOVED)
        return;
    if (k->clean && bits & ASC__BERT_BLANK)
        c = ' ';
    bool apart = k->chinese && bits & ASC__BERT_CHINESE;
    if (apart)
        asc_buf_putc(out, ' ');
    asc__put_char(out, c);
    if (apart)
        asc_buf_putc(out, ' ');
}

static void bert_strip_char(const asc__normalizer *k, uint32_t c, asc_buf *out)
{
    if (k->accents && asc__bert_bits(c) & ASC__BERT_MARK)
        return;
    if (k->lower)
        put_lower(out, c);
    else
        asc__put_char(out, c);
}

static asc_status bert(const asc__normalizer *k, const uint8_t *p, size_t n, asc_buf *out, bool *first, asc_error *err)
{
    asc_buf clean = {0}, plain = {0};
    asc_status st = ASC_OK;
    each_char(k, p, n, &clean, first, bert_char);
    asc_buf *from = &clean;
    if (k->accents && clean.len) {
        st = asc__normal_form(&plain, (const uint8_t *)clean.data, clean.len, false, false, err);
        from = &plain;
    }
    if (st == ASC_OK && from->len)
        each_char(k, (const uint8_t *)from->data, from->len, out, first, bert_strip_char);
    out->oom = out->oom || clean.oom || plain.oom;
    asc_buf_clear(&clean);
    asc_buf_clear(&plain);
    return st;
}

/* ---- the others ---- */

static bool space_at(const uint8_t *p, const uint8_t *end, size_t *len)
{
    return asc__char_class(next_char(p, end, len)) == ASC__SPACE;
}

static asc_status strip(const asc__normalizer *k, const uint8_t *p, size_t n, asc_buf *out, bool *first, asc_error *err)
{
    const uint8_t *end = p + n, *from = p, *stop;
    size_t len;
    while (k->left && from < end && space_at(from, end, &len))
        from += len;
    if (from > p)
        *first = false;
    stop = k->right ? from : end;
    for (const uint8_t *q = from; k->right && q < end; q += len)
        if (!space_at(q, end, &len))
            stop = q + len;
    asc_buf_append(out, from, (size_t)(stop - from));
    return ASC_OK;
}

static asc_status form(const asc__normalizer *k, const uint8_t *p, size_t n, asc_buf *out, bool *first, asc_error *err)
{
    return asc__normal_form(out, p, n, k->compose, k->compatibility, err);
}

static asc_status precompiled(const asc__normalizer *k, const uint8_t *p, size_t n, asc_buf *out, bool *first,
                              asc_error *err)
{
    asc__precompiled(&k->map, p, n, out);
    return ASC_OK;
}

static asc_status sentencepiece(const asc__normalizer *k, const uint8_t *p, size_t n, asc_buf *out, bool *first,
                                asc_error *err)
{
    asc__sentencepiece_normalize(k, p, n, out);
    return ASC_OK;
}

static size_t count_chars(const uint8_t *p, const uint8_t *end)
{
    size_t n = 0;
    for (; p < end; p++)
        n += (*p & 0xc0) != 0x80;
    return n;
}

static asc_status replace(const asc__normalizer *k, const uint8_t *p, size_t n, asc_buf *out, bool *first,
                          asc_error *err)
{
    const uint8_t *end = p + n, *at = p, *last_end = NULL, *done = p, *from, *to;
    for (bool found;;) {
        ASC_TRY(asc__search_next(&k->search, p, end, &at, &last_end, &found, &from, &to, err));
        if (!found)
            break;
        if (from == p && to > from && (k->n_text == 0 || count_chars(from, to) > 1))
            *first = false;
        asc_buf_append(out, done, (size_t)(from - done));
        asc_buf_append(out, k->text, k->n_text);
        done = to;
    }
    asc_buf_append(out, done, (size_t)(end - done));
    return ASC_OK;
}

static asc_status prepend(const asc__normalizer *k, const uint8_t *p, size_t n, asc_buf *out, bool *first,
                          asc_error *err)
{
    if (n)
        asc_buf_append(out, k->text, k->n_text);
    asc_buf_append(out, p, n);
    return ASC_OK;
}

static asc_status byte_level(const asc__normalizer *k, const uint8_t *p, size_t n, asc_buf *out, bool *first,
                             asc_error *err)
{
    asc__bytes_to_visible(out, (const char *)p, n);
    return ASC_OK;
}

static const normal_fn kinds[] = {
    [ASC__NORMAL_BERT] = bert,
    [ASC__NORMAL_STRIP] = strip,
    [ASC__NORMAL_STRIP_ACCENTS] = strip_accents,
    [ASC__NORMAL_FORM] = form,
    [ASC__NORMAL_LOWERCASE] = lowercase,
    [ASC__NORMAL_NMT] = nmt,
    [ASC__NORMAL_PRECOMPILED] = precompiled,
    [ASC__NORMAL_REPLACE] = replace,
    [ASC__NORMAL_PREPEND] = prepend,
    [ASC__NORMAL_BYTE_LEVEL] = byte_level,
    [ASC__NORMAL_SENTENCEPIECE] = sentencepiece,
};

asc_status asc__normalize_one(const asc__normalizer *k, const uint8_t *p, size_t n, asc_buf *out, bool *first,
                              asc_error *err)
{
    if (n == 0)
        return ASC_OK;
    return kinds[k->kind](k, p, n, out, first, err);
}

/* Text that stays as it is, told without making it anew. */
static bool stays(const asc__normalizer *k, const uint8_t *p, size_t n)
{
    if (k->kind == ASC__NORMAL_STRIP_ACCENTS)
        return is_ascii(p, n);
    return k->kind == ASC__NORMAL_FORM && asc__is_normal_form(p, n, k->compose, k->compatibility);
}

asc_status asc__normalize(asc_encoder *e, const uint8_t **p, size_t *n, bool *first, asc_error *err)
{
    int to = 0;
    for (size_t i = 0; i < e->t->n_normalizers; i++) {
        const asc__normalizer *k = &e->t->normalizers[i];
        if (stays(k, *p, *n))
            continue;
        asc_buf *out = &e->normal[to];
        out->len = 0;
        ASC_TRY(asc__normalize_one(k, *p, *n, out, first, err));
        if (out->oom)
            return ASC_NOMEM(err);
        *p = (const uint8_t *)out->data;
        *n = out->len;
        to = !to;
    }
    return ASC_OK;
}

void asc__normalizer_clear(asc__normalizer *k)
{
    asc__search_clear(&k->search);
    asc_free(k->text);
    asc__charsmap_clear(&k->map);
    asc__finder_free(k->fixed);
}

/* ---- searching ---- */

void asc__search_clear(asc__search *s)
{
    asc_free(s->literal);
    asc_free(s->expression);
    asc__pattern_free(s->pattern);
    asc__regex_free(s->regex);
    *s = (asc__search){0};
}

/* Line ends as they are often written into an expression, escaped. */
static void escape_ends(asc_buf *out, const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (text[i] == '\r' || text[i] == '\n')
            asc_buf_puts(out, text[i] == '\r' ? "\\r" : "\\n");
        else
            asc_buf_putc(out, text[i]);
}

static bool is_gpt2(const char *text, size_t n)
{
    return n == sizeof ASC__GPT2_PATTERN - 1 && memcmp(text, ASC__GPT2_PATTERN, n) == 0;
}

asc_status asc__search_init(asc__search *s, const char *text, size_t n, bool expression, asc_error *err)
{
    if (!expression && n > 0) {
        s->literal = asc_strndup(text, n);
        s->n_literal = n;
        return s->literal ? ASC_OK : ASC_NOMEM(err);
    }
    s->gpt2 = is_gpt2(text, n);
    s->expression = asc_strndup(text, n);
    if (!s->expression)
        return ASC_NOMEM(err);
    asc_buf escaped = {0};
    escape_ends(&escaped, text, n);
    asc_status st = escaped.oom ? ASC_NOMEM(err) : asc__pattern_compile(&s->pattern, escaped.data, escaped.len, err);
    asc_buf_clear(&escaped);
    if (st == ASC_OK && !s->pattern)
        st = asc__regex_compile(&s->regex, text, n, err);
    return st;
}

/* An empty match where the last one ended is none: the search goes on behind the next character. */
static asc_status regex_next(const asc__search *s, const uint8_t *p, const uint8_t *end, const uint8_t **at,
                             const uint8_t **last_end, bool *found, const uint8_t **from, const uint8_t **to,
                             asc_error *err)
{
    for (;;) {
        *found = false;
        if (*at > end)
            return ASC_OK;
        ASC_TRY(asc__regex_find(s->regex, p, end, *at, found, from, to, err));
        if (!*found)
            return ASC_OK;
        if (*from < *to || !*last_end || *last_end != *to)
            break;
        size_t len = 1;
        if (*at < end)
            next_char(*at, end, &len);
        *at += len;
    }
    *at = *last_end = *to;
    return ASC_OK;
}

asc_status asc__search_next(const asc__search *s, const uint8_t *p, const uint8_t *end, const uint8_t **at,
                            const uint8_t **last_end, bool *found, const uint8_t **from, const uint8_t **to,
                            asc_error *err)
{
    if (s->regex)
        return regex_next(s, p, end, at, last_end, found, from, to, err);
    if (s->pattern) {
        int found_one = asc__pattern_find(s->pattern, *at, end, from, to);
        if (found_one < 0)
            return ASC_FAIL(err, ASC_EINVAL, "regular expression '%.100s': too much backtracking", s->expression);
        *found = found_one > 0;
    } else {
        *from = memmem(*at, (size_t)(end - *at), s->literal, s->n_literal);
        *found = *from != NULL;
        *to = *found ? *from + s->n_literal : NULL;
    }
    if (*found)
        *at = *to;
    return ASC_OK;
}
