/* GPT-2's pre-tokenization by hand: the pattern's alternatives in their order, one look at each character. */
#include "tokenizer.h"
#include "unicode.h"

enum { WIDE = 4 }; /* first byte of a character outside ASCII, or no UTF-8 at all */

#define L ASC__LETTER
#define N ASC__NUMBER
#define S ASC__SPACE
#define O ASC__OTHER
#define W WIDE
static const uint8_t byte_class[256] = {
    O, O, O, O, O, O, O, O, O, S, S, S, S, S, O, O, O, O, O, O, O, O, O, O, O, O, O, O, O, O, O, O, /* 00 */
    S, O, O, O, O, O, O, O, O, O, O, O, O, O, O, O, N, N, N, N, N, N, N, N, N, N, O, O, O, O, O, O, /* 20 */
    O, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, O, O, O, O, O, /* 40 */
    O, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, O, O, O, O, O, /* 60 */
    W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, /* 80 */
    W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, /* a0 */
    W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, /* c0 */
    W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, /* e0 */
};
#undef L
#undef N
#undef S
#undef O
#undef W

static int wide_class(const uint8_t *p, const uint8_t *end, size_t *len)
{
    int32_t c = asc__utf8_decode(p, end, len);
    return c < 0 ? ASC__OTHER : asc__char_class((uint32_t)c);
}

static int class_at(const uint8_t *p, const uint8_t *end, size_t *len)
{
    *len = 1;
    int c = byte_class[*p];
    return c == WIDE ? wide_class(p, end, len) : c;
}

static const uint8_t *run(const uint8_t *p, const uint8_t *end, int class)
{
    for (;;) {
        while (p < end && byte_class[*p] == class)
            p++;
        if (p == end || byte_class[*p] != WIDE)
            return p;
        size_t len;
        if (wide_class(p, end, &len) != class)
            return p;
        p += len;
    }
}

/* 's 't 'm 'd 're 've 'll; NULL when none stands here. */
static const uint8_t *contraction(const uint8_t *p, const uint8_t *end)
{
    if (end - p < 2)
        return NULL;
    uint8_t a = p[1], b = end - p > 2 ? p[2] : 0;
    if (a == 's' || a == 't' || a == 'm' || a == 'd')
        return p + 2;
    if ((a == 'r' && b == 'e') || (a == 'v' && b == 'e') || (a == 'l' && b == 'l'))
        return p + 3;
    return NULL;
}

/* \s+(?!\S)|\s+ : all of a run at the end of the text, else all but its last character, else that one alone. */
static const uint8_t *spaces(const uint8_t *p, const uint8_t *end)
{
    const uint8_t *last = p, *q = p;
    for (size_t len; q < end && class_at(q, end, &len) == ASC__SPACE; q += len)
        last = q;
    return q == end || last == p ? q : last;
}

const uint8_t *asc__gpt2_piece(const uint8_t *p, const uint8_t *end)
{
    const uint8_t *q = p;
    size_t len;
    if (*p == '\'' && (q = contraction(p, end)))
        return q;
    q = p + (*p == ' ' && end - p > 1);
    int class = class_at(q, end, &len);
    if (class != ASC__SPACE)
        return run(q + len, end, class);
    return spaces(p, end);
}
