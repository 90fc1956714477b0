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

/* ---- classes: two stages, equal blocks of 256 code points shared ---- */

enum { BLOCKS = 0x110000 >> 8, MAX_DISTINCT = 256 };
static uint8_t stage1[BLOCKS];
static uint8_t stage2[MAX_DISTINCT][256];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static int lookup(const uint32_t (*rows)[2], size_t n, uint32_t c)
{
    size_t lo = 0, hi = n;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (rows[mid][1] < c)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < n && rows[lo][0] <= c;
}

static uint8_t slow_class(uint32_t c)
{
    if (lookup(asc__unicode_letter, asc__unicode_letter_n, c))
        return ASC__LETTER;
    if (lookup(asc__unicode_number, asc__unicode_number_n, c))
        return ASC__NUMBER;
    return lookup(asc__unicode_space, asc__unicode_space_n, c) ? ASC__SPACE : ASC__OTHER;
}

static void build(void)
{
    size_t distinct = 0;
    for (size_t b = 0; b < BLOCKS; b++) {
        uint8_t block[256];
        for (uint32_t i = 0; i < 256; i++)
            block[i] = slow_class((uint32_t)(b << 8) | i);
        size_t k = 0;
        while (k < distinct && memcmp(stage2[k], block, 256) != 0)
            k++;
        if (k == distinct) /* Unicode 16 has 100-odd distinct blocks */
            memcpy(stage2[distinct++], block, 256);
        stage1[b] = (uint8_t)k;
    }
}

int asc__char_class(uint32_t c)
{
    pthread_once(&once, build);
    return stage2[stage1[c >> 8]][c & 255];
}
