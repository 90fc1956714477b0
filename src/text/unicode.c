#include "unicode.h"
#include "unicode_tables.h"

#include <pthread.h>
#include <string.h>

/* ---- UTF-8 ---- */

int32_t asc__utf8_decode(const uint8_t *p, const uint8_t *end, size_t *len)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    uint32_t c = *p;
    *len = 1;
    if (c < 0x80)
        return (int32_t)c;
    size_t n = c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;
    if (n == 0 || (size_t)(end - p) < n)
        return -1;
    c &= 0x7fu >> n;
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return -1;
        c = c << 6 | (p[i] & 0x3fu);
    }
    if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
        return -1;
    *len = n;
    return (int32_t)c;
}

size_t asc__utf8_encode(uint32_t c, uint8_t *p)
{
    if (c < 0x80) {
        p[0] = (uint8_t)c;
        return 1;
    }
    size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const uint8_t lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = n - 1; i > 0; i--, c >>= 6)
        p[i] = (uint8_t)(0x80 | (c & 0x3f));
    p[0] = (uint8_t)(lead[n] | c);
    return n;
}

bool asc__utf8_valid(const void *text, size_t n, size_t *bad)
{
    const uint8_t *p = text, *start = p, *end = p + n;
    while (p < end) {
        uint64_t w;
        if (end - p >= 8 && (memcpy(&w, p, 8), (w & 0x8080808080808080u) == 0)) {
            p += 8;
            continue;
        }
        size_t len;
        if (asc__utf8_decode(p, end, &len) < 0) {
            *bad = (size_t)(p - start);
            return false;
        }
        p += len;
    }
    return true;
}

/* ---- two-stage tables: equal blocks of 256 code points are stored once ---- */

enum { BLOCKS = 0x110000 >> 8, MAX_DISTINCT = 512 }; /* 120 and 240 are in use */

struct table {
    uint16_t block[BLOCKS];
    uint8_t bits[MAX_DISTINCT][256];
};

/* Rows of unicode_tables.h and the bits that their code points get. */
struct layer {
    const uint32_t (*rows)[2];
    const size_t *n;
    uint8_t bits;
    bool map; /* rows are {from, index}, not {first, last} */
};

/* The bits of one block; *at is the layer's first row that may reach into it. */
static void paint(uint8_t *block, uint32_t first, const struct layer *l, size_t *at)
{
    for (; *at < *l->n; ++*at) {
        uint32_t lo = l->rows[*at][0], hi = l->map ? lo : l->rows[*at][1];
        if (lo > first + 255)
            return;
        for (uint32_t c = lo < first ? first : lo; c <= hi && c <= first + 255; c++)
            block[c - first] |= l->bits;
        if (hi > first + 255)
            return;
    }
}

static void build(struct table *t, const struct layer *layers, size_t n_layers)
{
    size_t distinct = 0, at[10] = {0};
    uint64_t hashes[MAX_DISTINCT];
    for (uint32_t b = 0; b < BLOCKS; b++) {
        uint8_t block[256] = {0};
        for (size_t i = 0; i < n_layers; i++)
            paint(block, b << 8, &layers[i], &at[i]);
        uint64_t hash = asc_hash64(block, sizeof block, 0);
        size_t k = distinct;
        /* Backwards: neighbours are often equal. */
        while (k > 0 && (hashes[k - 1] != hash || memcmp(t->bits[k - 1], block, sizeof block) != 0))
            k--;
        if (k == 0) {
            hashes[distinct] = hash;
            memcpy(t->bits[distinct++], block, sizeof block);
            k = distinct;
        }
        t->block[b] = (uint16_t)(k - 1);
    }
}

static struct table gpt2, bert, forms, graphemes;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void build_all(void)
{
    static const struct layer of_gpt2[] = {
        {asc__unicode_letter, &asc__unicode_letter_n, ASC__LETTER, false},
        {asc__unicode_number, &asc__unicode_number_n, ASC__NUMBER, false},
        {asc__unicode_space, &asc__unicode_space_n, ASC__SPACE, false},
    };
    static const struct layer of_bert[] = {
        {asc__bert_removed, &asc__bert_removed_n, ASC__BERT_REMOVED, false},
        {asc__bert_blank, &asc__bert_blank_n, ASC__BERT_BLANK, false},
        {asc__bert_space, &asc__bert_space_n, ASC__BERT_SPACE, false},
        {asc__bert_punctuation, &asc__bert_punctuation_n, ASC__BERT_PUNCTUATION, false},
        {asc__bert_chinese, &asc__bert_chinese_n, ASC__BERT_CHINESE, false},
        {asc__bert_mark, &asc__bert_mark_n, ASC__BERT_MARK, false},
        {asc__bert_plain, &asc__bert_plain_n, ASC__BERT_HAS_PLAIN, true},
        {asc__bert_lower, &asc__bert_lower_n, ASC__BERT_HAS_LOWER, true},
    };
    static const uint32_t hangul[][2] = {{0xac00, 0xd7a3}};
    static const size_t hangul_n = 1;
    static const struct layer of_forms[] = {
        {asc__unicode_nfd, &asc__unicode_nfd_n, ASC__FORM_NFD, true},
        {asc__unicode_nfkd, &asc__unicode_nfkd_n, ASC__FORM_NFKD, true},
        {asc__unicode_not_nfc, &asc__unicode_not_nfc_n, ASC__FORM_NOT_NFC, false},
        {asc__unicode_not_nfkc, &asc__unicode_not_nfkc_n, ASC__FORM_NOT_NFKC, false},
        {asc__unicode_mark, &asc__unicode_mark_n, ASC__FORM_MARK, false},
        {asc__unicode_second, &asc__unicode_second_n, ASC__FORM_SECOND, false},
        {asc__unicode_combining, &asc__unicode_combining_n, ASC__FORM_COMBINING, false},
        {asc__unicode_word, &asc__unicode_word_n, ASC__FORM_WORD, false},
        {hangul, &hangul_n, ASC__FORM_NFD, false},
    };
    static const struct layer of_graphemes[] = {
        {asc__grapheme_extend, &asc__grapheme_extend_n, ASC__GRAPHEME_EXTEND, false},
        {asc__grapheme_prepend, &asc__grapheme_prepend_n, ASC__GRAPHEME_PREPEND, false},
        {asc__grapheme_control, &asc__grapheme_control_n, ASC__GRAPHEME_CONTROL, false},
        {asc__unicode_numeric, &asc__unicode_numeric_n, ASC__NUMERIC, false},
    };
    build(&forms, of_forms, sizeof of_forms / sizeof *of_forms);
    build(&graphemes, of_graphemes, sizeof of_graphemes / sizeof *of_graphemes);
    build(&gpt2, of_gpt2, sizeof of_gpt2 / sizeof *of_gpt2);
    build(&bert, of_bert, sizeof of_bert / sizeof *of_bert);
}

int asc__char_class(uint32_t c)
{
    pthread_once(&once, build_all);
    return gpt2.bits[gpt2.block[c >> 8]][c & 255];
}

unsigned asc__bert_bits(uint32_t c)
{
    pthread_once(&once, build_all);
    return bert.bits[bert.block[c >> 8]][c & 255];
}

unsigned asc__form_bits(uint32_t c)
{
    pthread_once(&once, build_all);
    return forms.bits[forms.block[c >> 8]][c & 255];
}

unsigned asc__grapheme_bits(uint32_t c)
{
    pthread_once(&once, build_all);
    return graphemes.bits[graphemes.block[c >> 8]][c & 255];
}

/* ---- runs of code points: the last that begins at or before c ---- */

static size_t run_of(const uint32_t *starts, size_t n, int shift, uint32_t c)
{
    size_t lo = 0, hi = n; /* starts[lo] >> shift <= c < starts[hi] >> shift */
    while (hi - lo > 1) {
        size_t mid = (lo + hi) / 2;
        if (starts[mid] >> shift <= c)
            lo = mid;
        else
            hi = mid;
    }
    return lo;
}

unsigned asc__script(uint32_t c)
{
    uint32_t run = asc__unicode_script[run_of(asc__unicode_script, asc__unicode_script_n, 8, c)];
    return run >> 8 <= c ? run & 255 : 0;
}

uint8_t asc__combining_class(uint32_t c)
{
    if (!(asc__form_bits(c) & ASC__FORM_MARK))
        return 0;
    size_t lo = 0, hi = asc__unicode_mark_n;
    while (hi - lo > 1) {
        size_t mid = (lo + hi) / 2;
        if (asc__unicode_mark[mid][0] <= c)
            lo = mid;
        else
            hi = mid;
    }
    return asc__unicode_mark_class[lo];
}

/* ---- what a code point becomes ---- */

static const uint32_t *mapped(const uint32_t (*rows)[2], size_t n, const uint32_t *pool, uint32_t c)
{
    size_t lo = 0, hi = n;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (rows[mid][0] < c)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < n && rows[lo][0] == c ? pool + rows[lo][1] : NULL;
}

/* Unicode 3.12: a Hangul syllable is a leading consonant, a vowel and perhaps a trailing consonant. */
static size_t hangul(uint32_t c, uint32_t *out)
{
    uint32_t k = c - 0xac00, tail = k % 28;
    out[0] = 0x1100 + k / 588;
    out[1] = 0x1161 + k % 588 / 28;
    out[2] = 0x11a7 + tail;
    return tail ? 3 : 2;
}

static size_t copy_run(const uint32_t *run, uint32_t c, uint32_t *out)
{
    size_t n = 0;
    if (!run) {
        out[0] = c;
        return 1;
    }
    for (; run[n] && n < ASC__MAX_MAPPED; n++)
        out[n] = run[n];
    return n;
}

size_t asc__bert_plain_of(uint32_t c, uint32_t *out)
{
    if (c >= 0xac00 && c < 0xd7a4)
        return hangul(c, out);
    return copy_run(mapped(asc__bert_plain, asc__bert_plain_n, asc__bert_plain_pool, c), c, out);
}

size_t asc__bert_lower_of(uint32_t c, uint32_t *out)
{
    return copy_run(mapped(asc__bert_lower, asc__bert_lower_n, asc__bert_lower_pool, c), c, out);
}

size_t asc__decompose(uint32_t c, bool compatibility, uint32_t *out)
{
    unsigned bits = asc__form_bits(c);
    const uint32_t *run = NULL;
    if (c >= 0xac00 && c < 0xd7a4)
        return hangul(c, out);
    if (compatibility && bits & ASC__FORM_NFKD)
        run = mapped(asc__unicode_nfkd, asc__unicode_nfkd_n, asc__unicode_nfkd_pool, c);
    else if (bits & ASC__FORM_NFD)
        run = mapped(asc__unicode_nfd, asc__unicode_nfd_n, asc__unicode_nfd_pool, c);
    size_t n = 0;
    for (; run && run[n] && n < ASC__MAX_DECOMPOSED; n++)
        out[n] = run[n];
    if (n == 0)
        out[n++] = c;
    return n;
}

/* Unicode 3.12 the other way: leading consonant and vowel, syllable without and trailing consonant. */
static uint32_t compose_hangul(uint32_t a, uint32_t b)
{
    if (a >= 0x1100 && a < 0x1113 && b >= 0x1161 && b < 0x1176)
        return 0xac00 + ((a - 0x1100) * 21 + (b - 0x1161)) * 28;
    if (a >= 0xac00 && a < 0xd7a4 && (a - 0xac00) % 28 == 0 && b > 0x11a7 && b < 0x11c3)
        return a + (b - 0x11a7);
    return 0;
}

uint32_t asc__compose(uint32_t a, uint32_t b)
{
    size_t lo = 0, hi = asc__unicode_pair_n;
    if (!(asc__form_bits(b) & ASC__FORM_SECOND))
        return 0;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        const uint32_t *p = asc__unicode_pair[mid];
        if (p[0] == a && p[1] == b)
            return p[2];
        if (p[0] < a || (p[0] == a && p[1] < b))
            lo = mid + 1;
        else
            hi = mid;
    }
    return compose_hangul(a, b);
}
