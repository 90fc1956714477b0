/*
 * BPE encoding, of bytes or of characters. A word's ids come from a cache where it is short and was seen before, else
 * from its merges: the pair of lowest rank first, leftmost among equals (Sennrich et al. 2016, as in GPT-2 and Hugging
 * Face's tokenizers). Words of up to SHORT bytes scan an array, longer ones use a heap: n log n also on a megabyte of
 * one letter.
 */
#include "tokenizer.h"
#include "unicode.h"
#include "word_cache.h"

#include <assert.h>
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

/* Merge n <= SHORT symbols in place; how many are left. */
static size_t merge_short(const asc_tokenizer *t, size_t n, int32_t *ids)
{
    uint32_t rank[SHORT];
    int32_t made[SHORT];
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
    assert(*n > 0);
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
    uint32_t *ranks = asc_grow(e->ranks, &e->cap_ranks, n, sizeof *ranks);
    if (ranks)
        e->ranks = ranks;
    uint64_t *heap = asc_grow(e->heap, &e->cap_heap, 3 * n, sizeof *heap); /* n at first, two more a merge */
    if (heap)
        e->heap = heap;
    int32_t *links = asc_grow(e->links, &e->cap_links, 2 * n, sizeof *links);
    if (links)
        e->links = links;
    return ranks && heap && links ? ASC_OK : ASC_NOMEM(err);
}

/* The rank of the pair that starts at i is kept in ranks[i]: a heap entry whose rank is another one is out of date. */
static void offer_pair(asc_encoder *e, size_t *n_heap, int32_t i, int32_t next)
{
    int32_t made;
    e->ranks[i] = next < 0 ? NO_RANK : rank_of(e->t, e->ids[i], e->ids[next], &made);
    assert(*n_heap < e->cap_heap);
    if (e->ranks[i] != NO_RANK)
        heap_push(e->heap, n_heap, (uint64_t)e->ranks[i] << 32 | (uint32_t)i);
}

/* The n symbols in e->ids. */
static asc_status merge_long(asc_encoder *e, size_t n, size_t *n_ids, asc_error *err)
{
    ASC_TRY(reserve_long(e, n, err));
    int32_t *next = e->links, *prev = e->links + n;
    size_t n_heap = 0;
    for (size_t i = 0; i < n; i++) {
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
        assert(gone >= 0); /* a pair of the heap that is not out of date has its right side */
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
    assert(k >= 1 && k <= n);
    *n_ids = k;
    return ASC_OK;
}

/* ---- the symbols that a word begins as ---- */

static asc_status put_symbol(asc_encoder *e, size_t *n, int32_t id, asc_error *err)
{
    int32_t *ids = asc_grow(e->ids, &e->cap_ids, *n + 1, sizeof *ids);
    if (!ids)
        return ASC_NOMEM(err);
    e->ids = ids;
    e->ids[(*n)++] = id;
    return ASC_OK;
}

/* A character's id, with the file's prefix inside a word and its suffix at the end; *key: what was looked for. */
static int32_t char_symbol(asc_encoder *e, const uint8_t *p, size_t len, bool inside, bool last, const uint8_t **key,
                           size_t *n_key)
{
    const asc_tokenizer *t = e->t;
    *key = p;
    *n_key = len;
    if (t->byte_level)
        return t->byte_id[*p];
    if (!(t->inside && inside) && !(t->suffix && last))
        return *p < 128 ? t->char_id[*p] : asc__vocab_find(&t->vocab, (const char *)p, len);
    e->key.len = 0;
    if (t->inside && inside)
        asc_buf_puts(&e->key, t->inside);
    asc_buf_append(&e->key, p, len);
    if (t->suffix && last)
        asc_buf_puts(&e->key, t->suffix);
    if (e->key.oom)
        return -1;
    *key = (const uint8_t *)e->key.data;
    *n_key = e->key.len;
    return asc__vocab_find(&t->vocab, e->key.data, e->key.len);
}

/* <0xNN> of each byte, if the vocabulary has them all. */
static asc_status put_bytes(asc_encoder *e, const uint8_t *p, size_t len, size_t *n, bool *done, asc_error *err)
{
    *done = e->t->byte_fallback;
    for (size_t i = 0; i < len && *done; i++)
        *done = e->t->byte_id[p[i]] >= 0;
    for (size_t i = 0; i < len && *done; i++)
        ASC_TRY(put_symbol(e, n, e->t->byte_id[p[i]], err));
    return ASC_OK;
}

static asc_status missing_unknown(const uint8_t *p, size_t len, asc_error *err)
{
    return ASC_FAIL(err, ASC_EINVAL, "no token covers '%.*s', and the tokenizer's unk_token is not in its vocabulary",
                    (int)(len < 40 ? len : 40), (const char *)p);
}

/* As Hugging Face: an unknown character waits, so that the next ones may join it; without unk_token it is dropped. */
static asc_status fill_symbols(asc_encoder *e, const uint8_t *p, size_t n_bytes, size_t *n, asc_error *err)
{
    const asc_tokenizer *t = e->t;
    const uint8_t *begin = p, *end = p + n_bytes, *key;
    bool waiting = false, done;
    for (size_t len = 1, n_key; p < end; p += len) {
        if (!t->byte_level)
            asc__utf8_decode(p, end, &len);
        int32_t id = char_symbol(e, p, len, p > begin, p + len == end, &key, &n_key);
        if (e->key.oom)
            return ASC_NOMEM(err);
        if (id >= 0) {
            if (waiting)
                ASC_TRY(put_symbol(e, n, t->unknown, err));
            waiting = false;
            ASC_TRY(put_symbol(e, n, id, err));
            continue;
        }
        ASC_TRY(put_bytes(e, key, n_key, n, &done, err));
        if (done || t->unknown == -1)
            continue;
        if (t->unknown < 0)
            return missing_unknown(p, len, err);
        if (waiting && !t->fuse_unknown)
            ASC_TRY(put_symbol(e, n, t->unknown, err));
        waiting = true;
    }
    return waiting ? put_symbol(e, n, t->unknown, err) : ASC_OK;
}

/* ---- words ---- */

static asc_status put_merged(asc_encoder *e, size_t n, asc__sink *out, asc_error *err)
{
    if (n > SHORT)
        ASC_TRY(merge_long(e, n, &n, err));
    else
        n = merge_short(e->t, n, e->ids);
    ASC_TRY(asc__sink_reserve(out, n + 1, err));
    memcpy(*out->ids + *out->n, e->ids, n * sizeof **out->ids);
    *out->n += n;
    return ASC_OK;
}

/* A word whose every byte is a symbol: what byte-level models have. */
static asc_status put_byte_word(asc_encoder *e, const uint8_t *p, size_t n, asc__sink *out, asc_error *err)
{
    assert(e->t->whole_bytes);
    if (n <= SHORT) {
        ASC_TRY(asc__sink_reserve(out, n, err));
        int32_t *ids = *out->ids + *out->n;
        for (size_t i = 0; i < n; i++)
            ids[i] = e->t->byte_id[p[i]];
        *out->n += merge_short(e->t, n, ids);
        return ASC_OK;
    }
    int32_t *ids = asc_grow(e->ids, &e->cap_ids, n, sizeof *ids);
    if (!ids)
        return ASC_NOMEM(err);
    e->ids = ids;
    for (size_t i = 0; i < n; i++)
        e->ids[i] = e->t->byte_id[p[i]];
    return put_merged(e, n, out, err);
}

static asc_status put_chars(asc_encoder *e, const uint8_t *p, size_t n, asc__sink *out, asc_error *err)
{
    size_t symbols = 0;
    if (n == 0)
        return ASC_OK;
    if (n > INT32_MAX / 4)
        return ASC_FAIL(err, ASC_EINVAL, "a text of %zu bytes without a cut is too long for this tokenizer", n);
    ASC_TRY(put_symbol(e, &symbols, 0, err)); /* so that there is an array */
    symbols = 0;
    ASC_TRY(fill_symbols(e, p, n, &symbols, err));
    return put_merged(e, symbols, out, err);
}

/* Symbols that are never cut nor merged, as SentencePiece has them, and the text between. */
static asc_status put_around_fixed(asc_encoder *e, const uint8_t *p, size_t n, asc__sink *out, asc_error *err)
{
    const uint8_t *end = p + n, *from = p;
    int32_t id = -1;
    for (size_t len; p < end; p += len) {
        size_t found = asc__finder_longest(&e->t->fixed, (const char *)p, (const char *)end, &id);
        if (!found) {
            asc__utf8_decode(p, end, &len);
            continue;
        }
        ASC_TRY(put_chars(e, from, (size_t)(p - from), out, err));
        ASC_TRY(asc__sink_reserve(out, 1, err));
        (*out->ids)[(*out->n)++] = id;
        len = found;
        from = p + len;
    }
    return put_chars(e, from, (size_t)(end - from), out, err);
}

asc_status asc__bpe_word(asc_encoder *e, const uint8_t *p, size_t n, asc__sink *out, asc_error *err)
{
    if (e->t->ignore_merges) {
        int32_t whole = asc__vocab_find(&e->t->vocab, (const char *)p, n);
        if (whole >= 0) {
            ASC_TRY(asc__sink_reserve(out, 1, err));
            (*out->ids)[(*out->n)++] = whole;
            return ASC_OK;
        }
    }
    if (e->t->whole_bytes)
        return put_byte_word(e, p, n, out, err);
    if (e->t->fixed.n)
        return put_around_fixed(e, p, n, out, err);
    return put_chars(e, p, n, out, err);
}

/* ---- text ---- */

asc_status asc__bpe_encode(asc_encoder *e, const char *text, size_t n_bytes, asc__sink *out, asc_error *err)
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
    while (p < end) {
        const uint8_t *q = asc__gpt2_piece(p, end);
        ASC_TRY(asc__remember(e, p, (size_t)(q - p), (size_t)(end - p), asc__bpe_word, out, err));
        p = q;
    }
    return ASC_OK;
}

/* ---- tables ---- */

static asc_status seal_pairs(asc_tokenizer *t, asc_error *err)
{
    size_t n = ASC__LEAST_SLOTS;
    while (n < 2 * t->n_merges)
        n *= 2;
    t->pairs = asc_reallocarray(NULL, n, sizeof *t->pairs);
    if (!t->pairs)
        return ASC_NOMEM(err);
    memset(t->pairs, 0xff, n * sizeof *t->pairs);
    assert((n & (n - 1)) == 0 && n > t->n_merges);
    t->n_pairs = n;
    for (size_t r = 0; r < t->n_merges; r++) {
        uint64_t key = (uint64_t)(uint32_t)t->merges[r].a << 32 | (uint32_t)t->merges[r].b;
        size_t i = asc__pair_home(key, n);
        while (t->pairs[i].key != UINT64_MAX && t->pairs[i].key != key)
            i = (i + 1) & (n - 1);
        t->pairs[i] = (asc__pair_slot){key, (uint32_t)r, t->merges[r].made}; /* listed twice: the later one counts */
    }
    return ASC_OK;
}

/* Without an unknown token, characters that are no tokens vanish, and those around them become neighbours. */
static bool drops_characters(const asc_tokenizer *t)
{
    bool bytes = t->byte_fallback;
    for (int b = 0; b < 256 && bytes; b++)
        bytes = t->byte_id[b] >= 0;
    return t->unknown < 0 && !bytes;
}

/* Where U+2581 begins a token wherever it stands, save after the characters that end with a byte of `joins`. Where
 * characters vanish, the byte before it does not say what it will stand behind. */
static void find_marker_joins(asc_tokenizer *t)
{
    static const char marker[] = "\xe2\x96\x81";
    bool drops = drops_characters(t);
    t->cut_at_marker =
        !t->byte_level && !t->ignore_merges && !t->inside && !t->suffix && asc__vocab_find(&t->vocab, marker, 3) >= 0;
    for (size_t i = 0; i < t->vocab.n && t->cut_at_marker; i++) {
        const char *p = t->vocab.bytes + t->vocab.tokens[i].at, *end = p + t->vocab.tokens[i].len;
        for (const char *q = p; q < end && (q = memmem(q, (size_t)(end - q), marker, 3)); q++)
            if (q > p) {
                t->joins[(uint8_t)q[-1]] = true;
                t->cut_at_marker = t->cut_at_marker && !drops;
            }
    }
}

asc_status asc__bpe_seal(asc_tokenizer *t, asc_error *err)
{
    t->whole_bytes = t->byte_level;
    for (int b = 0; b < 256; b++) {
        char byte = (char)b, code[8];
        int n = snprintf(code, sizeof code, "<0x%02X>", (unsigned)b);
        t->byte_id[b] =
            t->byte_level ? asc__vocab_find(&t->vocab, &byte, 1) : asc__vocab_find(&t->vocab, code, (size_t)n);
        t->whole_bytes = t->whole_bytes && t->byte_id[b] >= 0;
        if (b < 128)
            t->char_id[b] = asc__vocab_find(&t->vocab, &byte, 1);
    }
    find_marker_joins(t);
    return seal_pairs(t, err);
}
