/*
 * Byte-level BPE encoding. A word's ids come from a cache where it is short and was seen before, else from its merges:
 * the pair of lowest rank first, leftmost among equals (Sennrich et al. 2016, as in GPT-2 and Hugging Face's
 * tokenizers). Words of up to SHORT bytes scan an array, longer ones use a heap: n log n also on a megabyte of one
 * letter.
 */
#include "tokenizer.h"
#include "word_cache.h"

#include <string.h>

enum { SHORT = 48 };

/* ---- merging ---- */

#define NO_RANK UINT32_MAX

static uint32_t rank_of(const asc_tokenizer *t, int32_t a, int32_t b, int32_t *made)
{
    uint64_t key = (uint64_t)(uint32_t)a << 32 | (uint32_t)b;
    size_t mask = t->n_pairs - 1;
    for (size_t i = asc__pair_home(key, t->n_pairs);; i = (i + 1) & mask) {
        const asc__pair_slot *s = &t->pairs[i];
        if (s->key == key) {
            *made = s->made;
            return s->rank;
        }
        if (s->key == UINT64_MAX)
            return NO_RANK;
    }
}

/* Ids of n <= SHORT bytes into ids; how many. */
static size_t merge_short(const asc_tokenizer *t, const uint8_t *p, size_t n, int32_t *ids)
{
    uint32_t rank[SHORT];
    int32_t made[SHORT];
    for (size_t i = 0; i < n; i++)
        ids[i] = t->byte_id[p[i]];
    for (size_t i = 0; i + 1 < n; i++)
        rank[i] = rank_of(t, ids[i], ids[i + 1], &made[i]);
    while (n > 1) {
        size_t best = 0;
        for (size_t i = 1; i + 1 < n; i++)
            if (rank[i] < rank[best])
                best = i;
        if (rank[best] == NO_RANK)
            break;
        ids[best] = made[best];
        memmove(ids + best + 1, ids + best + 2, (n - best - 2) * sizeof *ids);
        n--;
        if (best + 1 < n) {
            memmove(rank + best + 1, rank + best + 2, (n - best - 2) * sizeof *rank);
            memmove(made + best + 1, made + best + 2, (n - best - 2) * sizeof *made);
            rank[best] = rank_of(t, ids[best], ids[best + 1], &made[best]);
        }
        if (best > 0)
            rank[best - 1] = rank_of(t, ids[best - 1], ids[best], &made[best - 1]);
    }
    return n;
}

/* Smallest first: rank in the upper half, place in the lower. */
static void heap_push(uint64_t *heap, size_t *n, uint64_t x)
{
    size_t i = (*n)++;
    for (; i > 0 && heap[(i - 1) / 2] > x; i = (i - 1) / 2)
        heap[i] = heap[(i - 1) / 2];
    heap[i] = x;
}

static uint64_t heap_pop(uint64_t *heap, size_t *n)
{
    uint64_t top = heap[0], x = heap[--*n];
    size_t i = 0;
    for (size_t c; (c = 2 * i + 1) < *n; i = c) {
        c += c + 1 < *n && heap[c + 1] < heap[c];
        if (heap[c] >= x)
            break;
        heap[i] = heap[c];
    }
    heap[i] = x;
    return top;
}

static asc_status reserve_long(asc_encoder *e, size_t n, asc_error *err)
{
    int32_t *ids = asc_grow(e->ids, &e->cap_ids, n, sizeof *ids);
    if (ids)
        e->ids = ids;
    uint32_t *ranks = asc_grow(e->ranks, &e->cap_ranks, n, sizeof *ranks);
    if (ranks)
        e->ranks = ranks;
    uint64_t *heap = asc_grow(e->heap, &e->cap_heap, 3 * n, sizeof *heap); /* n at first, two more a merge */
    if (heap)
        e->heap = heap;
    int32_t *links = asc_grow(e->links, &e->cap_links, 2 * n, sizeof *links);
    if (links)
        e->links = links;
    return ids && ranks && heap && links ? ASC_OK : ASC_NOMEM(err);
}

/* The rank of the pair that starts at i is kept in ranks[i]: a heap entry whose rank is another one is out of date. */
static void offer_pair(asc_encoder *e, size_t *n_heap, int32_t i, int32_t next)
{
    int32_t made;
    e->ranks[i] = next < 0 ? NO_RANK : rank_of(e->t, e->ids[i], e->ids[next], &made);
    if (e->ranks[i] != NO_RANK)
        heap_push(e->heap, n_heap, (uint64_t)e->ranks[i] << 32 | (uint32_t)i);
}

static asc_status merge_long(asc_encoder *e, const uint8_t *p, size_t n, size_t *n_ids, asc_error *err)
{
    ASC_TRY(reserve_long(e, n, err));
    int32_t *next = e->links, *prev = e->links + n;
    size_t n_heap = 0;
    for (size_t i = 0; i < n; i++) {
        e->ids[i] = e->t->byte_id[p[i]];
        next[i] = i + 1 < n ? (int32_t)i + 1 : -1;
        prev[i] = (int32_t)i - 1;
    }
    for (size_t i = 0; i < n; i++)
        offer_pair(e, &n_heap, (int32_t)i, next[i]);
    while (n_heap > 0) {
        uint64_t top = heap_pop(e->heap, &n_heap);
        int32_t i = (int32_t)(uint32_t)top, made = -1;
        if (e->ranks[i] != (uint32_t)(top >> 32))
            continue;
        int32_t gone = next[i];
        rank_of(e->t, e->ids[i], e->ids[gone], &made);
        e->ids[i] = made;
        e->ranks[gone] = NO_RANK;
        next[i] = next[gone];
        if (next[i] >= 0)
            prev[next[i]] = i;
        offer_pair(e, &n_heap, i, next[i]);
        if (prev[i] >= 0)
            offer_pair(e, &n_heap, prev[i], i);
    }
    size_t k = 0;
    for (int32_t i = 0; i >= 0; i = next[i])
        e->ids[k++] = e->ids[i];
    *n_ids = k;
    return ASC_OK;
}

/* ---- text ---- */

/* Where ids go: grown so that a word's ids always fit. */
struct sink {
    int32_t **ids;
    size_t *n, *cap;
};

static asc_status sink_reserve(struct sink *s, size_t more, asc_error *err)
{
    if (*s->cap - *s->n >= more && *s->ids)
        return ASC_OK;
    int32_t *grown = asc_grow(*s->ids, s->cap, *s->n + more, sizeof *grown);
    if (!grown)
        return ASC_NOMEM(err);
    *s->ids = grown;
    return ASC_OK;
}

static asc_status put_long(asc_encoder *e, const uint8_t *p, size_t n, struct sink *out, asc_error *err)
{
    size_t n_ids = 0;
    ASC_TRY(merge_long(e, p, n, &n_ids, err));
    ASC_TRY(sink_reserve(out, n_ids, err));
    memcpy(*out->ids + *out->n, e->ids, n_ids * sizeof **out->ids);
    *out->n += n_ids;
    return ASC_OK;
}

/* A word that the cache does not hold. */
static asc_status put_fresh(asc_encoder *e, const uint8_t *p, size_t n, struct sink *out, asc_error *err)
{
    if (e->t->ignore_merges) {
        int32_t whole = asc__vocab_find(&e->t->vocab, (const char *)p, n);
        if (whole >= 0) {
            ASC_TRY(sink_reserve(out, 1, err));
            (*out->ids)[(*out->n)++] = whole;
            return ASC_OK;
        }
    }
    if (n > SHORT)
        return put_long(e, p, n, out, err);
    ASC_TRY(sink_reserve(out, n, err));
    *out->n += merge_short(e->t, p, n, *out->ids + *out->n);
    return ASC_OK;
}

static asc_status put_word(asc_encoder *e, const uint8_t *p, size_t n, size_t room, struct sink *out, asc_error *err)
{
    if (n > ASC__CACHED_BYTES)
        return put_fresh(e, p, n, out, err);
    uint64_t key[2];
    asc__cache_key(key, p, n, room);
    struct asc__cached *home = asc__cache_home(e->cache, key);
    ASC_TRY(sink_reserve(out, ASC__CACHED_BYTES, err));
    size_t before = *out->n;
    *out->n += asc__cache_find(e->cache, home, key, *out->ids + before);
    if (*out->n > before)
        return ASC_OK;
    ASC_TRY(put_fresh(e, p, n, out, err));
    asc__cache_put(e->cache, home, key, *out->ids + before, *out->n - before);
    return ASC_OK;
}

asc_status asc__bpe_encode(asc_encoder *e, const char *text, size_t n_bytes, int32_t **ids, size_t *n, size_t *cap,
                           asc_error *err)
{
    if (e->t->add_prefix_space && n_bytes > 0 && text[0] != ' ') {
        e->text.len = 0;
        asc_buf_putc(&e->text, ' ');
        asc_buf_append(&e->text, text, n_bytes);
        if (e->text.oom)
            return ASC_NOMEM(err);
        text = e->text.data;
        n_bytes++;
    }
    const uint8_t *p = (const uint8_t *)text, *end = p + n_bytes;
    struct sink out = {ids, n, cap};
    while (p < end) {
        const uint8_t *q = asc__gpt2_piece(p, end);
        ASC_TRY(put_word(e, p, (size_t)(q - p), (size_t)(end - p), &out, err));
        p = q;
    }
    return ASC_OK;
}
