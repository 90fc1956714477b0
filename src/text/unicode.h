/* Classes of characters and UTF-8, for the pre-tokenizers. */
#ifndef UNICODE_H
#define UNICODE_H

#include "base/base.h"

/** What GPT-2's pattern tells apart. A byte that is not UTF-8 is OTHER, one byte long. */
enum { ASC__OTHER, ASC__LETTER, ASC__NUMBER, ASC__SPACE };

/** Code point at p (end > p) and its length in bytes; -1 and 1 for a byte that starts no valid character. */
int32_t asc__utf8_decode(const uint8_t *p, const uint8_t *end, size_t *len);
/** Write c (a valid code point) to p (4 bytes of room); its length. */
size_t asc__utf8_encode(uint32_t c, uint8_t *p);
/** True when all of p is valid UTF-8; else *bad is the offset of the first bad byte. */
bool asc__utf8_valid(const void *p, size_t n, size_t *bad);
/** Class of a code point; any thread, tables are built at the first call. */
int asc__char_class(uint32_t c);

/** What BERT's normalizer and pre-tokenizer see in a code point. */
enum {
    ASC__BERT_REMOVED = 1,
    ASC__BERT_BLANK = 2, /**< cleaning makes it ' ' */
    ASC__BERT_SPACE = 4, /**< separates words */
    ASC__BERT_PUNCTUATION = 8,
    ASC__BERT_CHINESE = 16,
    ASC__BERT_MARK = 32,
    ASC__BERT_HAS_PLAIN = 64, /**< decomposes (Hangul is not marked) */
    ASC__BERT_HAS_LOWER = 128
};
unsigned asc__bert_bits(uint32_t c);
enum { ASC__MAX_MAPPED = 8 };
/** Canonical decomposition of c without nonspacing marks, at most ASC__MAX_MAPPED code points; how many. */
size_t asc__bert_plain_of(uint32_t c, uint32_t *out);
/** Lower case of c. */
size_t asc__bert_lower_of(uint32_t c, uint32_t *out);

/** What normal forms and word patterns see in a code point. */
enum {
    ASC__FORM_NFD = 1,  /**< decomposes (Hangul syllables included) */
    ASC__FORM_NFKD = 2, /**< its compatibility decomposition is another one */
    ASC__FORM_NOT_NFC = 4,
    ASC__FORM_NOT_NFKC = 8,
    ASC__FORM_MARK = 16,   /**< combining class is not 0 */
    ASC__FORM_SECOND = 32, /**< composes with what stands before it */
    ASC__FORM_COMBINING = 64,
    ASC__FORM_WORD = 128
};
unsigned asc__form_bits(uint32_t c);
/** Canonical combining class. */
uint8_t asc__combining_class(uint32_t c);
enum { ASC__MAX_DECOMPOSED = 18 };
/** Full decomposition, canonical or compatibility, at most ASC__MAX_DECOMPOSED code points; how many. */
size_t asc__decompose(uint32_t c, bool compatibility, uint32_t *out);
/** The code point that a and b compose to; 0 when they do not. */
uint32_t asc__compose(uint32_t a, uint32_t b);

/** Place in grapheme clusters (Hangul syllables and jamo are OTHER here); NUMERIC: what Digits cuts at. */
enum {
    ASC__GRAPHEME_OTHER,
    ASC__GRAPHEME_EXTEND,
    ASC__GRAPHEME_PREPEND = 2,
    ASC__GRAPHEME_CONTROL = 4,
    ASC__NUMERIC = 8
};
unsigned asc__grapheme_bits(uint32_t c);
/** Number of the script as UnicodeScripts sees it; 0: goes with any. */
unsigned asc__script(uint32_t c);

#endif
