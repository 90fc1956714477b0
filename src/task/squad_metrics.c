/* SQuAD's exact match and F1, as the official scripts evaluate-v1.1 and evaluate-v2.0 compute them. */
#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "task/task_metrics.h"

/* White space of Python's str.split() beyond ASCII, as UTF-8: no-break space, the general punctuation spaces, the line
 * and paragraph separators, ideographic space and the rest. Returns the length of the one at s, or 0. */
static size_t wide_space(const unsigned char *s)
{
    if (s[0] == 0xC2 && (s[1] == 0xA0 || s[1] == 0x85))
        return 2;
    if (s[0] == 0xE1 && s[1] == 0x9A && s[2] == 0x80)
        return 3;
    if (s[0] == 0xE2 && s[1] == 0x80 &&
        ((s[2] >= 0x80 && s[2] <= 0x8A) || s[2] == 0xA8 || s[2] == 0xA9 || s[2] == 0xAF))
        return 3;
    if (s[0] == 0xE2 && s[1] == 0x81 && s[2] == 0x9F)
        return 3;
    if (s[0] == 0xE3 && s[1] == 0x80 && s[2] == 0x80)
        return 3;
    return 0;
}

static size_t space_at(const unsigned char *s)
{
    if ((*s >= 9 && *s <= 13) || (*s >= 28 && *s <= 31) || *s == ' ')
        return 1;
    return wide_space(s);
}

/* Lower case of the letters that evaluation text holds: ASCII, Latin-1, Latin Extended-A, Greek and Cyrillic capitals
 * in UTF-8. (The whole of Unicode would need its tables; text beyond these keeps its case on both sides alike.) */
static size_t lower_letter(char *out, const unsigned char *s)
{
    unsigned code = s[0], next = s[1];
    if (code < 0x80) {
        *out = (char)tolower((int)code);
        return 1;
    }
    if (code < 0xC2 || code > 0xDF || (next & 0xC0) != 0x80) {
        *out = (char)code;
        return 1;
    }
    code = (code & 0x1F) << 6 | (next & 0x3F);
    bool latin1 = code >= 0xC0 && code <= 0xDE && code != 0xD7;
    bool even_pairs =
        (code >= 0x100 && code <= 0x137 && code != 0x130 && code != 0x131) || (code >= 0x14A && code <= 0x177);
    bool odd_pairs = (code >= 0x139 && code <= 0x148) || (code >= 0x179 && code <= 0x17E);
    if (latin1 || (code >= 0x391 && code <= 0x3A9 && code != 0x3A2) || (code >= 0x410 && code <= 0x42F))
        code += 0x20;
    else if (code >= 0x400 && code <= 0x40F)
        code += 0x50;
    else if ((even_pairs && code % 2 == 0) || (odd_pairs && code % 2 == 1))
        code += 1;
    out[0] = (char)(0xC0 | code >> 6);
    out[1] = (char)(0x80 | (code & 0x3F));
    return 2;
}

/* Lowered and without ASCII punctuation, in that order, as the scripts do it. */
static void plain_text(asc_buf *out, const char *text)
{
    for (const unsigned char *s = (const unsigned char *)text; *s;) {
        char letter[2];
        size_t n = lower_letter(letter, s);
        if (n > 1 || !ispunct((unsigned char)letter[0]) || *s >= 0x80)
            asc_buf_append(out, letter, n);
        s += n;
    }
}

/* Letters and digits as the scripts' regular expression takes them; of what is beyond ASCII all but the signs and
 * punctuation of Latin-1 and of the blocks from U+2000 to U+2BFF and U+3000 to U+3003. p points at a character's start.
 */
static bool word_at(const unsigned char *p)
{
    if (*p < 0x80)
        return isalnum(*p);
    static const unsigned char letters[] = {0xAA, 0xB2, 0xB3, 0xB5, 0xB9, 0xBA, 0xBC, 0xBD, 0xBE}; /* of C2 */
    if (*p == 0xC2)
        return memchr(letters, p[1], sizeof letters) != NULL;
    if (*p == 0xC3)
        return p[1] != 0x97 && p[1] != 0xB7;
    if (*p == 0xE2)
        return p[1] > 0xAF;
    return !(*p == 0xE3 && p[1] == 0x80 && p[2] < 0x84);
}

static const unsigned char *before(const unsigned char *start, const unsigned char *p)
{
    assert(p > start);
    do
        p--;
    while (p > start && (*p & 0xC0) == 0x80);
    return p;
}

/* Length of the article that stands at p as a word of its own, or 0. */
static size_t article_at(const unsigned char *start, const unsigned char *p)
{
    static const char *const articles[] = {"a", "an", "the"};
    for (size_t i = 0; i < 3; i++) {
        size_t n = strlen(articles[i]);
        if (strncmp((const char *)p, articles[i], n) == 0 && !(p[n] && word_at(p + n)) &&
            (p == start || !word_at(before(start, p))))
            return n;
    }
    return 0;
}

/* Articles to spaces, then every run of white space to one space, none at the ends. */
static void squeeze(asc_buf *out, const unsigned char *start)
{
    bool gap = false, first = true;
    for (const unsigned char *p = start; *p;) {
        size_t skip = article_at(start, p);
        skip = skip ? skip : space_at(p);
        if (skip) {
            gap = true;
            p += skip;
            continue;
        }
        if (gap && !first)
            asc_buf_putc(out, ' ');
        gap = first = false;
        asc_buf_putc(out, (char)*p++);
    }
}

asc_status asc_squad_normalise(asc_buf *out, const char *text, asc_error *err)
{
    asc_buf plain = {0};
    plain_text(&plain, text);
    asc_buf_puts(&plain, "");
    if (!plain.oom)
        squeeze(out, (const unsigned char *)plain.data);
    asc_buf_puts(out, "");
    bool bad = plain.oom || out->oom;
    asc_buf_clear(&plain);
    return bad ? ASC_NOMEM(err) : ASC_OK;
}

/* Both sides normalised. */
typedef struct pair {
    asc_buf truth, guess;
} pair;

static asc_status normalise_pair(pair *p, const char *truth, const char *guess, asc_error *err)
{
    asc_status s = asc_squad_normalise(&p->truth, truth, err);
    return s == ASC_OK ? asc_squad_normalise(&p->guess, guess, err) : s;
}

static void clear_pair(pair *p)
{
    asc_buf_clear(&p->truth);
    asc_buf_clear(&p->guess);
}

/* 1 when the normalised texts are equal. */
static asc_status exact_match(double *out, const char *truth, const char *guess, asc_error *err)
{
    pair p = {0};
    asc_status s = normalise_pair(&p, truth, guess, err);
    if (s == ASC_OK)
        *out = strcmp(p.truth.data, p.guess.data) == 0;
    clear_pair(&p);
    return s;
}

/* The words of a normalised text, sorted; it is cut up in place. */
static size_t sorted_words(char ***out, char *text)
{
    size_t n = 0, cap = 0;
    char **words = NULL;
    for (char *word = text; word && *word;) {
        char *next = strchr(word, ' ');
        char **more = asc_grow(words, &cap, n + 1, sizeof *words);
        if (!more) {
            asc_free(words);
            *out = NULL;
            return SIZE_MAX;
        }
        words = more;
        words[n++] = word;
        if (next)
            *next++ = 0;
        word = next;
    }
    if (n)
        qsort(words, n, sizeof *words, asc_cmp_strings);
    *out = words;
    return n;
}

static size_t common_words(char **a, size_t n, char **b, size_t m)
{
    size_t i = 0, j = 0, common = 0;
    while (i < n && j < m) {
        int order = strcmp(a[i], b[j]);
        common += order == 0;
        i += order <= 0;
        j += order >= 0;
    }
    return common;
}

/* F1 over the bags of normalised words; v2's rule where a side is empty: 1 if both are, else 0. */
static asc_status f1_of_words(double *out, const char *truth, const char *guess, asc_error *err)
{
    pair p = {0};
    char **a = NULL, **b = NULL;
    asc_status s = normalise_pair(&p, truth, guess, err);
    size_t n = s == ASC_OK ? sorted_words(&a, p.truth.data) : 0, m = s == ASC_OK ? sorted_words(&b, p.guess.data) : 0;
    if (n == SIZE_MAX || m == SIZE_MAX)
        s = ASC_NOMEM(err);
    if (s == ASC_OK) {
        size_t common = common_words(a, n, b, m);
        assert(common <= n && common <= m);
        if (n == 0 || m == 0)
            *out = n == m;
        else
            *out = 2 * (double)common / (double)(n + m);
    }
    asc_free(a);
    asc_free(b);
    clear_pair(&p);
    return s;
}

/* One more right answer: keeps the best. */
static asc_status consider(double *exact, double *f1, const char *truth, const char *guess, asc_error *err)
{
    double e = 0, f = 0;
    ASC_TRY(exact_match(&e, truth, guess, err));
    ASC_TRY(f1_of_words(&f, truth, guess, err));
    *exact = e > *exact ? e : *exact;
    *f1 = f > *f1 ? f : *f1;
    return ASC_OK;
}

asc_status asc_squad_score(double *exact, double *f1, char *const *answers, size_t n_answers, const char *guess,
                           asc_error *err)
{
    double best_exact = 0, best_f1 = 0;
    size_t n_used = 0;
    for (size_t i = 0; i < n_answers; i++) {
        asc_buf b = {0};
        asc_status s = asc_squad_normalise(&b, answers[i], err);
        bool empty = s == ASC_OK && b.len == 0;
        asc_buf_clear(&b);
        ASC_TRY(s);
        if (empty)
            continue;
        ASC_TRY(consider(&best_exact, &best_f1, answers[i], guess, err));
        n_used++;
    }
    if (n_used == 0)
        ASC_TRY(consider(&best_exact, &best_f1, "", guess, err));
    *exact = best_exact;
    *f1 = best_f1;
    return ASC_OK;
}
