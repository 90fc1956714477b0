/*
 * Learning byte-level BPE. Pair counts are kept up to date through the words that hold the pair, and candidates wait in
 * a heap; a count that fell since it was queued is corrected when it comes up. The order of merges (count, then the
 * smaller pair of ids) and the numbering of tokens are those of Hugging Face's BpeTrainer, so equal text gives an equal
 * tokenizer.
 */
#include "tokenizer.h"
#include "unicode.h"

#include <assert.h>
#include <string.h>

/* ---- pairs: a table of counts, and lists of the words that hold a new pair ---- */

struct list {
    uint32_t *words;
    size_t n, cap;
};

struct pair {
    uint64_t key; /* a << 32 | b */
    int64_t count;
    struct list fresh; /* words in which the pair appeared since it was last queued */
    bool queued;       /* stands in `touched` of this merge */
};

struct candidate {
    int64_t count;
    uint64_t key;
    struct list words;
};

struct learner {
    struct pair *pairs;
    size_t n_pairs, cap_pairs;
    uint32_t *slots; /* index + 1 into pairs */
    size_t n_slots;
    struct candidate *heap;
    size_t n_heap, cap_heap;
    uint32_t *touched; /* pairs that grew in this merge */
    size_t n_touched, cap_touched;
    uint32_t *lengths; /* (n_words) symbols left in each word */
};

static void learner_clear(struct learner *l)
{
    for (size_t i = 0; i < l->n_pairs; i++)
        asc_free(l->pairs[i].fresh.words);
    for (size_t i = 0; i < l->n_heap; i++)
        asc_free(l->heap[i].words.words);
    asc_free(l->pairs);
    asc_free(l->slots);
    asc_free(l->heap);
    asc_free(l->touched);
    asc_free(l->lengths);
}

static asc_status grow_slots(struct learner *l, asc_error *err)
{
    size_t n = l->n_slots ? l->n_slots * 2 : 1 << 16;
    uint32_t *slots = asc_calloc(n, sizeof *slots);
    if (!slots)
        return ASC_NOMEM(err);
    for (size_t k = 0; k < l->n_pairs; k++) {
        size_t i = asc__pair_home(l->pairs[k].key, n);
        while (slots[i])
            i = (i + 1) & (n - 1);
        slots[i] = (uint32_t)k + 1;
    }
    asc_free(l->slots);
    l->slots = slots;
    l->n_slots = n;
    return ASC_OK;
}

/* The pair's entry, made where it is missing; NULL when memory is out. Valid until the next call. */
static struct pair *pair_of(struct learner *l, int32_t a, int32_t b, asc_error *err)
{
    if (2 * (l->n_pairs + 1) > l->n_slots && grow_slots(l, err) != ASC_OK)
        return NULL;
    assert(l->n_pairs < l->n_slots && (l->n_slots & (l->n_slots - 1)) == 0);
    uint64_t key = (uint64_t)(uint32_t)a << 32 | (uint32_t)b;
    size_t mask = l->n_slots - 1, i = asc__pair_home(key, l->n_slots);
    for (; l->slots[i]; i = (i + 1) & mask)
        if (l->pairs[l->slots[i] - 1].key == key)
            return &l->pairs[l->slots[i] - 1];
    struct pair *pairs = asc_grow(l->pairs, &l->cap_pairs, l->n_pairs + 1, sizeof *pairs);
    if (!pairs) {
        ASC_NOMEM(err);
        return NULL;
    }
    l->pairs = pairs;
    l->pairs[l->n_pairs] = (struct pair){.key = key};
    l->slots[i] = (uint32_t)++l->n_pairs;
    return &l->pairs[l->n_pairs - 1];
}

static asc_status add_count(struct learner *l, int32_t a, int32_t b, int64_t count, uint32_t word, asc_error *err)
{
    struct pair *p = pair_of(l, a, b, err);
    if (!p)
        return ASC_ENOMEM;
    p->count += count;
    if (count <= 0)
        return ASC_OK;
    if (!p->queued) {
        uint32_t *touched = asc_grow(l->touched, &l->cap_touched, l->n_touched + 1, sizeof *touched);
        if (!touched)
            return ASC_NOMEM(err);
        l->touched = touched;
        l->touched[l->n_touched++] = (uint32_t)(p - l->pairs);
        p->queued = true;
    }
    if (p->fresh.n && p->fresh.words[p->fresh.n - 1] == word)
        return ASC_OK;
    uint32_t *words = asc_grow(p->fresh.words, &p->fresh.cap, p->fresh.n + 1, sizeof *words);
    if (!words)
        return ASC_NOMEM(err);
    p->fresh.words = words;
    p->fresh.words[p->fresh.n++] = word;
    return ASC_OK;
}

/* ---- the heap of candidates ---- */

static bool before(const struct candidate *x, const struct candidate *y)
{
    return x->count != y->count ? x->count > y->count : x->key < y->key;
}

static void sift_down(struct learner *l, struct candidate x)
{
    size_t i = 0;
    for (size_t c; (c = 2 * i + 1) < l->n_heap; i = c) {
        c += c + 1 < l->n_heap && before(&l->heap[c + 1], &l->heap[c]);
        if (!before(&l->heap[c], &x))
            break;
        l->heap[i] = l->heap[c];
    }
    l->heap[i] = x;
}

static asc_status push(struct learner *l, struct candidate x, asc_error *err)
{
    struct candidate *heap = asc_grow(l->heap, &l->cap_heap, l->n_heap + 1, sizeof *heap);
    if (!heap)
        return ASC_NOMEM(err);
    l->heap = heap;
    size_t i = l->n_heap++;
    for (; i > 0 && before(&x, &l->heap[(i - 1) / 2]); i = (i - 1) / 2)
        l->heap[i] = l->heap[(i - 1) / 2];
    l->heap[i] = x;
    return ASC_OK;
}

static struct candidate pop(struct learner *l)
{
    assert(l->n_heap > 0);
    struct candidate top = l->heap[0], last = l->heap[--l->n_heap];
    if (l->n_heap)
        sift_down(l, last);
    return top;
}

/* Pairs that grew become candidates with the words in which they did. */
static asc_status queue_touched(struct learner *l, asc_error *err)
{
    for (size_t i = 0; i < l->n_touched; i++) {
        struct pair *p = &l->pairs[l->touched[i]];
        p->queued = false;
        if (p->count > 0) {
            ASC_TRY(push(l, (struct candidate){p->count, p->key, p->fresh}, err));
            p->fresh = (struct list){0};
        } else
            p->fresh.n = 0;
    }
    l->n_touched = 0;
    return ASC_OK;
}

/* ---- merging ---- */

struct rule {
    int32_t a, b, made;
};

/* Every a b of the word, from the left, becomes made; the counts of the pairs around it follow. */
static asc_status merge_word(struct learner *l, asc__merge_text *text, uint32_t word, struct rule r, asc_error *err)
{
    int32_t *s = text->symbols + text->starts[word];
    int64_t count = (int64_t)text->counts[word];
    uint32_t n = l->lengths[word], to = 0;
    assert(word < text->n_words && n <= text->starts[word + 1] - text->starts[word]);
    for (uint32_t i = 0; i < n; to++) {
        if (s[i] != r.a || i + 1 >= n || s[i + 1] != r.b) {
            s[to] = s[i++];
            continue;
        }
        if (to > 0) {
            ASC_TRY(add_count(l, s[to - 1], r.a, -count, word, err));
            ASC_TRY(add_count(l, s[to - 1], r.made, count, word, err));
        }
        s[to] = r.made;
        i += 2;
        if (i < n) {
            ASC_TRY(add_count(l, r.b, s[i], -count, word, err));
            ASC_TRY(add_count(l, r.made, s[i], count, word, err));
        }
    }
    l->lengths[word] = to;
    return ASC_OK;
}

static asc_status count_pairs(struct learner *l, const asc__merge_text *text, asc_error *err)
{
    l->lengths = asc_reallocarray(NULL, text->n_words + 1, sizeof *l->lengths);
    if (!l->lengths)
        return ASC_NOMEM(err);
    for (size_t w = 0; w < text->n_words; w++) {
        const int32_t *s = text->symbols + text->starts[w];
        size_t n = text->starts[w + 1] - text->starts[w];
        l->lengths[w] = (uint32_t)n;
        for (size_t i = 0; i + 1 < n; i++)
            ASC_TRY(add_count(l, s[i], s[i + 1], (int64_t)text->counts[w], (uint32_t)w, err));
    }
    return queue_touched(l, err);
}

static asc_status merge_best(struct learner *l, asc_tokenizer *t, asc__merge_text *text, const struct candidate *best,
                             asc__merge_name_fn name, void *ctx, asc_error *err)
{
    struct rule r = {(int32_t)(best->key >> 32), (int32_t)(uint32_t)best->key, -1};
    ASC_TRY(name(ctx, r.a, r.b, &r.made, err));
    ASC_TRY(asc__tokenizer_add_merge(t, r.a, r.b, r.made, err));
    for (size_t i = 0; i < best->words.n; i++)
        ASC_TRY(merge_word(l, text, best->words.words[i], r, err));
    return queue_touched(l, err);
}

static asc_status learn(struct learner *l, asc_tokenizer *t, asc__merge_text *text, size_t vocab, uint64_t min_count,
                        asc__merge_name_fn name, void *ctx, asc_error *err)
{
    ASC_TRY(count_pairs(l, text, err));
    while (t->vocab.n < vocab && l->n_heap > 0) {
        if (asc_interrupted())
            return ASC_FAIL(err, ASC_EINTR, "interrupted while training a tokenizer");
        struct candidate best = pop(l);
        struct pair *p = pair_of(l, (int32_t)(best.key >> 32), (int32_t)(uint32_t)best.key, err);
        asc_status st = p ? ASC_OK : ASC_ENOMEM;
        if (p && p->count != best.count) {
            best.count = p->count;
            st = push(l, best, err);
            if (st == ASC_OK)
                continue;
        } else if (p && best.count < (int64_t)min_count) {
            asc_free(best.words.words);
            return ASC_OK;
        } else if (p)
            st = merge_best(l, t, text, &best, name, ctx, err);
        asc_free(best.words.words);
        ASC_TRY(st);
    }
    return ASC_OK;
}

asc_status asc__learn_merges(asc_tokenizer *t, asc__merge_text *text, size_t vocab, uint64_t min_count,
                             asc__merge_name_fn name, void *ctx, asc_error *err)
{
    struct learner l = {0};
    asc_status st = learn(&l, t, text, vocab, min_count, name, ctx, err);
    learner_clear(&l);
    return st;
}

/* ---- byte-level BPE ---- */

/* Special token first, then the bytes in the order of their visible characters. */
static asc_status first_tokens(asc_tokenizer *t, asc_error *err)
{
    static const char end[] = "<|endoftext|>";
    int32_t id = 0;
    ASC_TRY(asc__vocab_intern(&t->vocab, end, sizeof end - 1, &id, err));
    ASC_TRY(asc__tokenizer_add_special(t, end, id, err));
    t->end_of_document = id;
    for (uint32_t c = 0; c < 0x100 + 68; c++)
        for (int b = 0; b < 256; b++)
            if (asc__byte_char((uint8_t)b) == c) {
                char byte = (char)b;
                ASC_TRY(asc__vocab_intern(&t->vocab, &byte, 1, &id, err));
                t->byte_id[b] = id;
            }
    return ASC_OK;
}

static asc_status name_merge(void *ctx, int32_t a, int32_t b, int32_t *made, asc_error *err)
{
    asc_tokenizer *t = ctx;
    asc_buf name = {0};
    size_t n = 0;
    const char *p = asc_tokenizer_token(t, a, &n);
    asc_buf_append(&name, p, n);
    p = asc_tokenizer_token(t, b, &n);
    asc_buf_append(&name, p, n);
    asc_status st = name.oom ? ASC_NOMEM(err) : asc__vocab_intern(&t->vocab, name.data, name.len, made, err);
    asc_buf_clear(&name);
    return st;
}

static asc_status words_to_symbols(asc__merge_text *text, const asc__words *w, const asc_tokenizer *t, asc_error *err)
{
    text->n_words = w->n;
    text->symbols = asc_reallocarray(NULL, w->n_bytes, sizeof *text->symbols);
    text->starts = asc_reallocarray(NULL, w->n + 1, sizeof *text->starts);
    text->counts = asc_reallocarray(NULL, w->n, sizeof *text->counts);
    if (!text->symbols || !text->starts || !text->counts)
        return ASC_NOMEM(err);
    size_t at = 0;
    for (size_t k = 0; k < w->n; k++) {
        text->starts[k] = at;
        text->counts[k] = w->words[k].count;
        for (size_t i = 0; i < w->words[k].len; i++)
            text->symbols[at++] = t->byte_id[(uint8_t)w->bytes[w->words[k].at + i]];
    }
    assert(at == w->n_bytes);
    text->starts[w->n] = at;
    return ASC_OK;
}

enum { MIN_COUNT = 2 }; /* a pair seen once is no rule */

static asc_status bpe_train(asc_tokenizer **out, asc_tokenizer_learner *trainer, size_t vocab, asc_error *err)
{
    asc__merge_text text = {0};
    asc_tokenizer *t = asc__tokenizer_new(ASC__BPE);
    asc_status st = t ? first_tokens(t, err) : ASC_NOMEM(err);
    asc__words_sort(&trainer->words);
    if (st == ASC_OK)
        st = words_to_symbols(&text, &trainer->words, t, err);
    if (st == ASC_OK)
        st = asc__learn_merges(t, &text, vocab, MIN_COUNT, name_merge, t, err);
    if (st == ASC_OK)
        st = asc__tokenizer_seal(t, "the trained tokenizer", err);
    asc_free(text.symbols);
    asc_free(text.starts);
    asc_free(text.counts);
    if (st != ASC_OK) {
        asc_tokenizer_free(t);
        return st;
    }
    *out = t;
    return ASC_OK;
}

/* ---- the trainer ---- */

asc_status asc_tokenizer_learner_create(asc_tokenizer_learner **out, asc_tokenizer_kind kind, asc_error *err)
{
    assert(kind != ASC_TOKENIZER_IDS);
    asc_tokenizer_learner *t = asc_calloc(1, sizeof *t);
    if (!t)
        return ASC_NOMEM(err);
    t->kind = kind == ASC_TOKENIZER_BPE ? ASC__BPE : ASC__WORDPIECE;
    *out = t;
    return ASC_OK;
}

void asc_tokenizer_learner_free(asc_tokenizer_learner *t)
{
    if (!t)
        return;
    asc__words_clear(&t->words);
    asc_buf_clear(&t->scratch);
    asc_free(t);
}

asc_status asc_tokenizer_learner_add(asc_tokenizer_learner *t, const char *text, size_t n_bytes, asc_error *err)
{
    if (t->kind == ASC__WORDPIECE)
        return asc__wordpiece_count(t, text, n_bytes, err);
    const uint8_t *p = (const uint8_t *)text, *end = p + n_bytes;
    while (p < end) {
        const uint8_t *q = asc__gpt2_piece(p, end);
        ASC_TRY(asc__words_add(&t->words, (const char *)p, (size_t)(q - p), 1, err));
        p = q;
    }
    return ASC_OK;
}

asc_status asc_tokenizer_learner_finish(asc_tokenizer **out, asc_tokenizer_learner *t, int64_t vocab, asc_error *err)
{
    int64_t least = t->kind == ASC__BPE ? 257 : 6;
    if (vocab < least || vocab > 1 << 24)
        return ASC_FAIL(err, ASC_EINVAL, "vocabulary of %lld, expected %lld (bytes and special tokens) to %d",
                        (long long)vocab, (long long)least, 1 << 24);
    if (t->words.n == 0)
        return ASC_FAIL(err, ASC_EINVAL, "no text to train a tokenizer on");
    if (t->kind == ASC__BPE)
        return bpe_train(out, t, (size_t)vocab, err);
    return asc__wordpiece_train(out, t, (size_t)vocab, err);
}
