/* Sets of code points for regular expressions, made of Unicode's general categories. */
#include "pattern.h"
#include "unicode_tables.h"

#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

void asc__ranges_clear(asc__ranges *s)
{
    asc_free(s->r);
    *s = (asc__ranges){0};
}

void asc__ranges_add(asc__ranges *s, uint32_t first, uint32_t last)
{
    assert(first <= last && last <= 0x10ffff);
    uint32_t(*r)[2] = asc_grow(s->r, &s->cap, s->n + 1, sizeof *r);
    if (!r) {
        s->oom = true;
        return;
    }
    s->r = r;
    s->r[s->n][0] = first;
    s->r[s->n++][1] = last;
}

static int cmp(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;
    return x[0] < y[0] ? -1 : x[0] > y[0] ? 1 : 0;
}

/* Afterwards the ranges rise, and between two of them lies at least one code point that is in neither: what the
 * complement and a binary search rely on. */
void asc__ranges_settle(asc__ranges *s, bool complement)
{
    size_t n = 0;
    if (s->n)
        qsort(s->r, s->n, sizeof *s->r, cmp);
    for (size_t i = 0; i < s->n; i++) {
        if (n > 0 && s->r[i][0] <= s->r[n - 1][1] + 1) {
            if (s->r[i][1] > s->r[n - 1][1])
                s->r[n - 1][1] = s->r[i][1];
            continue;
        }
        s->r[n][0] = s->r[i][0];
        s->r[n++][1] = s->r[i][1];
    }
    s->n = n;
    if (!complement)
        return;
    asc__ranges rest = {.oom = s->oom};
    uint32_t next = 0;
    for (size_t i = 0; i < s->n; i++) {
        if (s->r[i][0] > next)
            asc__ranges_add(&rest, next, s->r[i][0] - 1);
        next = s->r[i][1] + 1;
    }
    if (next <= 0x10ffff)
        asc__ranges_add(&rest, next, 0x10ffff);
    asc__ranges_clear(s);
    *s = rest;
}

static const struct {
    const char *name, *means;
} long_names[] = {
    {"letter", "L"},
    {"uppercase_letter", "Lu"},
    {"lowercase_letter", "Ll"},
    {"titlecase_letter", "Lt"},
    {"modifier_letter", "Lm"},
    {"other_letter", "Lo"},
    {"mark", "M"},
    {"nonspacing_mark", "Mn"},
    {"spacing_mark", "Mc"},
    {"enclosing_mark", "Me"},
    {"number", "N"},
    {"decimal_number", "Nd"},
    {"letter_number", "Nl"},
    {"other_number", "No"},
    {"punctuation", "P"},
    {"punct", "P"},
    {"symbol", "S"},
    {"math_symbol", "Sm"},
    {"currency_symbol", "Sc"},
    {"modifier_symbol", "Sk"},
    {"other_symbol", "So"},
    {"separator", "Z"},
    {"space_separator", "Zs"},
    {"other", "C"},
};

/* One or two letters; the second '&' stands for any. */
static bool short_name(char out[3], const char *name, size_t n)
{
    char low[24];
    if (n == 0 || n >= sizeof low)
        return false;
    for (size_t i = 0; i <= n; i++)
        low[i] = i == n ? 0 : name[i] == ' ' || name[i] == '-' ? '_' : (char)tolower((unsigned char)name[i]);
    for (size_t i = 0; i < sizeof long_names / sizeof *long_names; i++)
        if (strcmp(low, long_names[i].name) == 0) {
            strcpy(out, long_names[i].means);
            return true;
        }
    if (n > 2)
        return false;
    out[0] = (char)toupper((unsigned char)low[0]);
    out[1] = low[1];
    out[2] = 0;
    return true;
}

bool asc__ranges_add_category(asc__ranges *s, const char *name, size_t n)
{
    char want[3];
    bool wanted[ASC__CATEGORIES], any = false;
    if (!short_name(want, name, n))
        return false;
    for (size_t k = 0; k < ASC__CATEGORIES; k++) {
        const char *have = asc__unicode_category_names[k];
        wanted[k] = have[0] == want[0] && (!want[1] || have[1] == want[1]);
        any = any || wanted[k];
    }
    for (size_t i = 0; i < asc__unicode_category_n && any; i++) {
        uint32_t first = asc__unicode_category[i] >> 5;
        uint32_t end = i + 1 < asc__unicode_category_n ? asc__unicode_category[i + 1] >> 5 : 0x110000;
        if (wanted[asc__unicode_category[i] & 31])
            asc__ranges_add(s, first, end - 1);
    }
    return any;
}

/* Superscripts and fractions are numbers (No), but below 0x100 Oniguruma's \w inside a class leaves them out. */
static bool latin1_number(uint32_t c)
{
    return c == 0xb2 || c == 0xb3 || c == 0xb9 || (c >= 0xbc && c <= 0xbe);
}

static void add_word(asc__ranges *s, bool in_class)
{
    for (size_t i = 0; i < asc__regex_word_n; i++) {
        uint32_t first = asc__regex_word[i][0], last = asc__regex_word[i][1];
        for (uint32_t c = first; in_class && c <= last && c < 0x100; c++) {
            if (!latin1_number(c))
                asc__ranges_add(s, c, c);
            first = c + 1;
        }
        if (first <= last)
            asc__ranges_add(s, first, last);
    }
}

bool asc__ranges_add_escape(asc__ranges *s, char letter, bool in_class)
{
    asc__ranges own = {0};
    char low = (char)tolower((unsigned char)letter);
    if (low == 's')
        for (size_t i = 0; i < asc__unicode_space_n; i++)
            asc__ranges_add(&own, asc__unicode_space[i][0], asc__unicode_space[i][1]);
    else if (low == 'd')
        asc__ranges_add_category(&own, "Nd", 2);
    else if (low == 'w')
        add_word(&own, in_class);
    else
        return false;
    asc__ranges_settle(&own, letter != low);
    for (size_t i = 0; i < own.n; i++)
        asc__ranges_add(s, own.r[i][0], own.r[i][1]);
    s->oom = s->oom || own.oom;
    asc__ranges_clear(&own);
    return true;
}
