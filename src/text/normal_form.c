/*
 * NFC, NFD, NFKC, NFKD (Unicode 15, UAX 15). Runs of characters that no form changes are copied; from the last of them
 * to the next such character is one cluster: decomposed, put into the order of combining classes, composed.
 */
#include "tokenizer.h"
#include "unicode.h"

#include <stdlib.h>
#include <string.h>

struct mark {
    uint32_t c;
    uint8_t class;
};

/* A cluster, kept from one to the next. */
struct cluster {
    struct mark *marks;
    size_t n, cap;
    bool oom;
};

static unsigned changing(bool compose, bool compatibility)
{
    unsigned bits = ASC__FORM_MARK;
    if (compose)
        return bits | ASC__FORM_SECOND | (compatibility ? ASC__FORM_NOT_NFKC : ASC__FORM_NOT_NFC);
    return bits | ASC__FORM_NFD | (compatibility ? ASC__FORM_NFKD : 0);
}

static uint32_t next_char(const uint8_t *p, const uint8_t *end, size_t *len)
{
    int32_t c = asc__utf8_decode(p, end, len);
    return c < 0 ? 0xfffd : (uint32_t)c;
}

bool asc__is_normal_form(const uint8_t *p, size_t n, bool compose, bool compatibility)
{
    unsigned bits = changing(compose, compatibility);
    for (const uint8_t *end = p + n; p < end;) {
        uint64_t w;
        if (end - p >= 8 && (memcpy(&w, p, 8), (w & 0x8080808080808080u) == 0)) {
            p += 8;
            continue;
        }
        size_t len;
        uint32_t c = next_char(p, end, &len);
        if (c >= 128 && asc__form_bits(c) & bits)
            return false;
        p += len;
    }
    return true;
}

static void add(struct cluster *k, uint32_t c, bool compatibility)
{
    uint32_t parts[ASC__MAX_DECOMPOSED];
    size_t n = c < 128 ? 1 : asc__decompose(c, compatibility, parts);
    if (c < 128)
        parts[0] = c;
    struct mark *marks = asc_grow(k->marks, &k->cap, k->n + n, sizeof *marks);
    if (!marks) {
        k->oom = true;
        return;
    }
    k->marks = marks;
    for (size_t i = 0; i < n; i++)
        k->marks[k->n++] = (struct mark){parts[i], parts[i] < 128 ? 0 : asc__combining_class(parts[i])};
}

/* Stable: equal classes keep their order. Long runs of marks, which no text but a hostile one has, by counting. */
static void sort_marks(struct cluster *k, size_t lo, size_t hi)
{
    if (hi - lo > 64) {
        struct mark *sorted = asc_reallocarray(NULL, hi - lo, sizeof *sorted);
        size_t at[257] = {0};
        if (!sorted) {
            k->oom = true;
            return;
        }
        for (size_t i = lo; i < hi; i++)
            at[k->marks[i].class + 1]++;
        for (size_t c = 0; c < 256; c++)
            at[c + 1] += at[c];
        for (size_t i = lo; i < hi; i++)
            sorted[at[k->marks[i].class]++] = k->marks[i];
        memcpy(k->marks + lo, sorted, (hi - lo) * sizeof *sorted);
        asc_free(sorted);
        return;
    }
    for (size_t i = lo + 1; i < hi; i++) {
        struct mark m = k->marks[i];
        size_t j = i;
        for (; j > lo && k->marks[j - 1].class > m.class; j--)
            k->marks[j] = k->marks[j - 1];
        k->marks[j] = m;
    }
}

static void order(struct cluster *k)
{
    for (size_t i = 0; i < k->n;) {
        size_t j = i;
        while (j < k->n && k->marks[j].class != 0)
            j++;
        if (j > i + 1)
            sort_marks(k, i, j);
        i = j + (j == i);
    }
}

/* UAX 15, D117: a character composes with the last starter unless one of its class or a higher one stands between. */
static void compose_cluster(struct cluster *k)
{
    size_t starter = 0, n = 1;
    int last = k->n && k->marks[0].class ? 256 : 0;
    for (size_t i = 1; i < k->n; i++) {
        struct mark m = k->marks[i];
        uint32_t both = last < m.class || last == 0 ? asc__compose(k->marks[starter].c, m.c) : 0;
        if (both) {
            k->marks[starter].c = both;
            continue;
        }
        if (m.class == 0)
            starter = n;
        last = m.class;
        k->marks[n++] = m;
    }
    k->n = k->n ? n : 0;
}

static void flush(struct cluster *k, asc_buf *out, bool compose)
{
    order(k);
    if (compose)
        compose_cluster(k);
    for (size_t i = 0; i < k->n; i++)
        asc__put_char(out, k->marks[i].c);
    k->n = 0;
}

/* The end of the run of characters at p that stay; *last: where its last one begins. */
static const uint8_t *stable_run(const uint8_t *p, const uint8_t *end, unsigned bits, const uint8_t **last)
{
    *last = p;
    while (p < end) {
        size_t len = 1;
        if (*p >= 128 && asc__form_bits(next_char(p, end, &len)) & bits)
            break;
        *last = p;
        p += len;
    }
    return p;
}

asc_status asc__normal_form(asc_buf *out, const uint8_t *p, size_t n, bool compose, bool compatibility, asc_error *err)
{
    unsigned bits = changing(compose, compatibility);
    const uint8_t *end = p + n, *last;
    struct cluster k = {0};
    while (p < end && !k.oom) {
        const uint8_t *q = stable_run(p, end, bits, &last);
        if (q == end) {
            asc_buf_append(out, p, (size_t)(end - p));
            break;
        }
        size_t len;
        asc_buf_append(out, p, (size_t)(last - p)); /* the last one may compose with what follows */
        for (p = last; p < q; p += len)
            add(&k, next_char(p, end, &len), compatibility);
        for (; p < end; p += len) {
            uint32_t c = next_char(p, end, &len);
            if (c < 128 || !(asc__form_bits(c) & bits))
                break;
            add(&k, c, compatibility);
        }
        flush(&k, out, compose);
    }
    asc_free(k.marks);
    return k.oom ? ASC_NOMEM(err) : ASC_OK;
}
