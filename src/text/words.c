/* Counting words: open addressing on indices, bytes in one pool. */
#include "tokenizer.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void asc__words_clear(asc__words *w)
{
    asc_free(w->bytes);
    asc_free(w->words);
    asc_free(w->slots);
    *w = (asc__words){0};
}

/* A slot holds a word's index and 1, so that 0 is an empty one; at most half of them are taken. */
static asc_status grow(asc__words *w, asc_error *err)
{
    size_t n = w->n_slots ? w->n_slots * 2 : 1 << 14;
    uint32_t *slots = asc_calloc(n, sizeof *slots);
    if (!slots)
        return ASC_NOMEM(err);
    for (size_t k = 0; k < w->n; k++) {
        size_t i = (size_t)w->words[k].hash & (n - 1);
        while (slots[i])
            i = (i + 1) & (n - 1);
        slots[i] = (uint32_t)k + 1;
    }
    asc_free(w->slots);
    w->slots = slots;
    w->n_slots = n;
    return ASC_OK;
}

asc_status asc__words_add(asc__words *w, const char *p, size_t n, uint64_t count, asc_error *err)
{
    assert(n > 0 && count > 0);
    if (2 * (w->n + 1) > w->n_slots)
        ASC_TRY(grow(w, err));
    assert(w->n < w->n_slots); /* a search ends at an empty slot */
    uint64_t hash = asc_hash64(p, n, 0);
    size_t mask = w->n_slots - 1, i = (size_t)hash & mask;
    for (; w->slots[i]; i = (i + 1) & mask) {
        asc__word *k = &w->words[w->slots[i] - 1];
        if (k->hash == hash && k->len == n && memcmp(w->bytes + k->at, p, n) == 0) {
            k->count += count;
            return ASC_OK;
        }
    }
    if (w->n >= UINT32_MAX - 1 || n > UINT32_MAX)
        return ASC_FAIL(err, ASC_EINVAL, "too many different words to train a tokenizer on");
    asc__word *words = asc_grow(w->words, &w->cap, w->n + 1, sizeof *words);
    if (words)
        w->words = words;
    char *bytes = asc_grow(w->bytes, &w->cap_bytes, w->n_bytes + n, 1);
    if (bytes)
        w->bytes = bytes;
    if (!words || !bytes)
        return ASC_NOMEM(err);
    memcpy(w->bytes + w->n_bytes, p, n);
    w->words[w->n] = (asc__word){hash, count, w->n_bytes, (uint32_t)n};
    w->n_bytes += n;
    w->slots[i] = (uint32_t)++w->n;
    return ASC_OK;
}

/* By hash, which is a function of the word; the bytes only decide between equal hashes. */
static int cmp(const void *a, const void *b, void *ctx)
{
    const asc__word *x = a, *y = b;
    const char *bytes = ctx;
    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    if (x->len != y->len)
        return x->len < y->len ? -1 : 1;
    return memcmp(bytes + x->at, bytes + y->at, x->len);
}

void asc__words_sort(asc__words *w)
{
    if (w->n)
        qsort_r(w->words, w->n, sizeof *w->words, cmp, w->bytes);
}
