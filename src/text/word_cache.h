/*
 * The encoders' memory of short words: two-way set-associative, a word of up to 15 bytes in one 32-byte slot with its
 * ids. Inlined into the encoders, as most words end here.
 */
#ifndef WORD_CACHE_H
#define WORD_CACHE_H

#include <stdint.h>
#include <string.h>

#include "tokenizer.h"

enum { ASC__CACHED_BYTES = 15, ASC__CACHE_WAYS = 2, ASC__INLINE_IDS = 3 };
#ifdef ASC_FUZZ
enum { ASC__CACHE_SLOTS = 1 << 2, ASC__POOL = 1 << 6 };
#else
enum { ASC__CACHE_SLOTS = 1 << 15, ASC__POOL = 1 << 18 };
#endif

/* The length stands in the last byte of the key (0: empty slot); ids inline, or a place in the pool. */
struct asc__cached {
    uint64_t key[2];
    uint32_t n;
    int32_t ids[ASC__INLINE_IDS];
};

typedef struct asc__word_cache {
    struct asc__cached slots[ASC__CACHE_SLOTS][ASC__CACHE_WAYS];
    int32_t pool[ASC__POOL];
    size_t n_pool;
} asc__word_cache;

/** Key of n <= 15 bytes at p, of which `room` may be read. */
static inline void asc__cache_key(uint64_t key[2], const uint8_t *p, size_t n, size_t room)
{
    if (room >= 16)
        memcpy(key, p, 16);
    else {
        key[0] = key[1] = 0;
        memcpy(key, p, n);
    }
    if (n < 8) {
        key[0] &= ((uint64_t)1 << (8 * n)) - 1;
        key[1] = 0;
    } else
        key[1] &= ((uint64_t)1 << (8 * (n - 8))) - 1;
    key[1] |= (uint64_t)n << 56;
}

static inline struct asc__cached *asc__cache_home(asc__word_cache *c, const uint64_t key[2])
{
    unsigned __int128 m = (unsigned __int128)(key[0] ^ 0x9e3779b97f4a7c15u) * (key[1] ^ 0xd6e8feb86659fd93u);
    return c->slots[((uint64_t)m ^ (uint64_t)(m >> 64)) & (ASC__CACHE_SLOTS - 1)];
}

/** Ids of the word into `to` (room for 15); how many, 0 when the cache does not hold it. */
static inline size_t asc__cache_find(const asc__word_cache *c, const struct asc__cached *home, const uint64_t key[2],
                                     int32_t *to)
{
    for (int way = 0; way < ASC__CACHE_WAYS; way++) {
        const struct asc__cached *s = &home[way];
        if (s->key[0] != key[0] || s->key[1] != key[1])
            continue;
        if (s->n <= ASC__INLINE_IDS)
            memcpy(to, s->ids, sizeof s->ids);
        else
            memcpy(to, c->pool + s->ids[0], s->n * sizeof *to);
        return s->n;
    }
    return 0;
}

/** Keep a word; the older of the two in its place goes. A full pool empties the cache. */
static inline void asc__cache_put(asc__word_cache *c, struct asc__cached *home, const uint64_t key[2],
                                  const int32_t *ids, size_t n)
{
    if (n > ASC__INLINE_IDS && c->n_pool + n > ASC__POOL) {
        memset(c->slots, 0, sizeof c->slots);
        c->n_pool = 0;
    }
    home[1] = home[0];
    home[0] = (struct asc__cached){{key[0], key[1]}, (uint32_t)n, {0}};
    if (n <= ASC__INLINE_IDS) {
        memcpy(home[0].ids, ids, n * sizeof *ids);
        return;
    }
    home[0].ids[0] = (int32_t)c->n_pool;
    memcpy(c->pool + c->n_pool, ids, n * sizeof *ids);
    c->n_pool += n;
}

/** Ids of a word by a model. */
typedef asc_status (*asc__word_fn)(asc_encoder *e, const uint8_t *p, size_t n, asc__sink *out, asc_error *err);

/** Ids of a word of which `room` bytes may be read: remembered, or the model's. */
static inline asc_status asc__remember(asc_encoder *e, const uint8_t *p, size_t n, size_t room, asc__word_fn model,
                                       asc__sink *out, asc_error *err)
{
    if (n > ASC__CACHED_BYTES)
        return model(e, p, n, out, err);
    uint64_t key[2];
    asc__cache_key(key, p, n, room);
    struct asc__cached *home = asc__cache_home(e->cache, key);
    ASC_TRY(asc__sink_reserve(out, ASC__CACHED_BYTES, err));
    size_t before = *out->n;
    *out->n += asc__cache_find(e->cache, home, key, *out->ids + before);
    if (*out->n > before)
        return ASC_OK;
    ASC_TRY(model(e, p, n, out, err));
    if (*out->n - before <= ASC__CACHED_BYTES)
        asc__cache_put(e->cache, home, key, *out->ids + before, *out->n - before);
    return ASC_OK;
}

#endif
