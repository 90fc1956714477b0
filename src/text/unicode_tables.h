/* Facts of the Unicode Character Database as ranges [first, last] of code points, rising; made by
 * scripts/unicode-tables.
 */
#ifndef UNICODE_TABLES_H
#define UNICODE_TABLES_H

#include <stddef.h>
#include <stdint.h>

extern const uint32_t asc__unicode_letter[][2], asc__unicode_number[][2], asc__unicode_space[][2];
extern const size_t asc__unicode_letter_n, asc__unicode_number_n, asc__unicode_space_n;

#endif
