/* Regular expressions: those that cut text for language models by code of ours, any other through Oniguruma. */
#ifndef PATTERN_H
#define PATTERN_H

#include "base/base.h"

/* ---- sets of code points: ranges [first, last], rising and apart once sorted ---- */

typedef struct asc__ranges {
    uint32_t (*r)[2];
    size_t n, cap;
    bool oom;
} asc__ranges;
void asc__ranges_clear(asc__ranges *s);
void asc__ranges_add(asc__ranges *s, uint32_t first, uint32_t last);
/** Sort and join; all but these when `complement`. */
void asc__ranges_settle(asc__ranges *s, bool complement);
/** Add the code points of a general category ("L", "Lu", "Letter"); false: no such category. */
bool asc__ranges_add_category(asc__ranges *s, const char *name, size_t n);
/** Add those of \s, \d or \w, all others for a capital letter. Within [...] Oniguruma's \w lacks superior figures and
 * fractions of Latin-1, which it has outside. */
bool asc__ranges_add_escape(asc__ranges *s, char letter, bool in_class);

/* ---- ours ---- */

/**
 * Alternatives of runs of sets, literals, optional groups and look-ahead: what byte-level BPE is pre-tokenized with
 * (GPT-2, GPT-4, GPT-4o, Qwen, DeepSeek, ...). Properties are Unicode 16's. A byte that is not UTF-8 counts as U+FFFD.
 */
typedef struct asc__pattern asc__pattern;
/** *out = NULL, without an error, where the expression is none of these: then it is Oniguruma's. */
asc_status asc__pattern_compile(asc__pattern **out, const char *text, size_t n, asc_error *err);
void asc__pattern_free(asc__pattern *g);
/** The first match in p..end, which is never empty: 1; 0: none; -1: given up after millions of steps back. */
int asc__pattern_find(const asc__pattern *g, const uint8_t *p, const uint8_t *end, const uint8_t **from,
                      const uint8_t **to);

/* ---- Oniguruma's ---- */

typedef struct asc__regex asc__regex;
/** @retval ASC_EINVAL  not a regular expression (Oniguruma says why) */
asc_status asc__regex_compile(asc__regex **out, const char *text, size_t n, asc_error *err);
void asc__regex_free(asc__regex *r);
/** The first match in text p..end that starts at or after `start`; matches may be empty. Any thread. */
asc_status asc__regex_find(const asc__regex *r, const uint8_t *p, const uint8_t *end, const uint8_t *start, bool *found,
                           const uint8_t **from, const uint8_t **to, asc_error *err);

#endif
