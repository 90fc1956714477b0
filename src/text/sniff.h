/* What a file is, by its first bytes. */
#ifndef SNIFF_H
#define SNIFF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum asc__encoding { ASC__UTF8, ASC__UTF16_LE, ASC__UTF16_BE, ASC__UTF32_LE, ASC__UTF32_BE } asc__encoding;
/* The encoding that a byte-order mark names, and the mark's length (0: there is none, UTF-8 is taken). */
asc__encoding asc__sniff_mark(const uint8_t *p, size_t n, size_t *mark);

bool asc__sniff_parquet(const uint8_t *p, size_t n);

/* What bytes that are no text are: "a PDF document; extract its text first"; NULL: unknown. n: the first bytes, a few
 * hundred where there are so many. */
const char *asc__sniff_name(const uint8_t *p, size_t n);

#endif
