/* What the pre-tokenizers know of code points; made by scripts/unicode-tables. Ranges [first, last], rising; maps
 * {from, index into the pool}, rising, what it maps to being the code points in the pool up to a 0. */
#ifndef UNICODE_TABLES_H
#define UNICODE_TABLES_H

#include <stddef.h>
#include <stdint.h>

extern const uint32_t asc__unicode_letter[][2], asc__unicode_number[][2], asc__unicode_space[][2];
extern const size_t asc__unicode_letter_n, asc__unicode_number_n, asc__unicode_space_n;

extern const uint32_t asc__bert_removed[][2], asc__bert_blank[][2], asc__bert_space[][2], asc__bert_punctuation[][2],
    asc__bert_chinese[][2], asc__bert_mark[][2];
extern const size_t asc__bert_removed_n, asc__bert_blank_n, asc__bert_space_n, asc__bert_punctuation_n,
    asc__bert_chinese_n, asc__bert_mark_n;

extern const uint32_t asc__bert_plain[][2], asc__bert_plain_pool[], asc__bert_lower[][2], asc__bert_lower_pool[];
extern const size_t asc__bert_plain_n, asc__bert_lower_n;

/* General categories: first code point of a run << 5 | index of the name, rising. */
extern const uint32_t asc__unicode_category[];
extern const size_t asc__unicode_category_n;
extern const char asc__unicode_category_names[][3];
enum { ASC__CATEGORIES = 30 };

/* Normal forms: combining classes by range, decompositions, pairs {first, second, both} that compose. */
extern const uint32_t asc__unicode_mark[][2], asc__unicode_nfd[][2], asc__unicode_nfd_pool[], asc__unicode_nfkd[][2],
    asc__unicode_nfkd_pool[], asc__unicode_pair[][3], asc__unicode_second[][2], asc__unicode_not_nfc[][2],
    asc__unicode_not_nfkc[][2], asc__unicode_combining[][2], asc__unicode_word[][2], asc__regex_word[][2];
extern const size_t asc__unicode_mark_n, asc__unicode_nfd_n, asc__unicode_nfkd_n, asc__unicode_pair_n,
    asc__unicode_second_n, asc__unicode_not_nfc_n, asc__unicode_not_nfkc_n, asc__unicode_combining_n,
    asc__unicode_word_n, asc__regex_word_n;
extern const uint8_t asc__unicode_mark_class[];

/* Scripts: first code point of a run << 8 | number, 0 going with any; clusters of graphemes. */
extern const uint32_t asc__unicode_script[], asc__grapheme_extend[][2], asc__grapheme_prepend[][2],
    asc__grapheme_control[][2], asc__unicode_numeric[][2];
extern const size_t asc__unicode_script_n, asc__grapheme_extend_n, asc__grapheme_prepend_n, asc__grapheme_control_n,
    asc__unicode_numeric_n;

#endif
