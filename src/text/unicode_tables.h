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

#endif
