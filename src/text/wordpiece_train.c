/*
 * Learning a WordPiece vocabulary. Ours: the merges of BPE over characters, those inside a word with ## in front, the
 * most frequent pair first (as Hugging Face's WordPieceTrainer does), which then serve as pieces only.
 */
#include "tokenizer.h"
#include "unicode.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { MIN_COUNT = 2, MOST_CHARACTERS = 1000 };

/* ---- the alphabet ---- */

struct character {
    uint32_t c;
    uint64_t count;
};

struct alphabet {
    struct character *all; /* sorted by code point while it is gathered */
    size_t n, cap;
};

static int cmp_code(const void *a, const void *b)
{
    const struct character *x = a, *y = b;
    return (x->c > y->c) - (x->c < y->c);
}

static int cmp_count(const void *a, const void *b)
{
    const struct character *x = a, *y = b;
    return x->count != y->count ? (x->count < y->count) - (x->count > y->count) : cmp_code(a, b);
}

/* Counts of characters over all words, sorted by code point. The table of 0x110000 counts is the simple way. */
static asc_status gather(struct alphabet *a, const asc__words *w, asc_error *err)
{
    uint64_t *counts = asc_calloc(0x110000, sizeof *counts);
    if (!counts)
        return ASC_NOMEM(err);
    for (size_t k = 0; k < w->n; k++) {
        const uint8_t *p = (const uint8_t *)w->bytes + w->words[k].at, *end = p + w->words[k].len;
        for (size_t len; p < end; p += len)
            counts[asc__utf8_decode(p, end, &len)] += w->words[k].count; /* words are made of valid characters */
    }
    asc_status st = ASC_OK;
    for (uint32_t c = 0; c < 0x110000 && st == ASC_OK; c++) {
        if (!counts[c])
            continue;
        struct character *grown = asc_grow(a->all, &a->cap, a->n + 1, sizeof *grown);
        if (!grown)
            st = ASC_NOMEM(err);
        else {
            a->all = grown;
            a->all[a->n++] = (struct character){c, counts[c]};
        }
    }
    asc_free(counts);
    return st;
}

/* The most frequent characters stay, in the order of code points; each can start a word or stand inside one. */
static void limit(struct alphabet *a, size_t most)
{
    qsort(a->all, a->n, sizeof *a->all, cmp_count);
    if (a->n > most)
        a->n = most;
    qsort(a->all, a->n, sizeof *a->all, cmp_code);
}

static asc_status first_tokens(asc_tokenizer *t, const struct alphabet *a, asc_error *err)
{
    static const char *const names[] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};
    int32_t id;
    for (size_t i = 0; i < 5; i++)
        ASC_TRY(asc__vocab_intern(&t->vocab, names[i], strlen(names[i]), &id, err));
    for (int inside = 0; inside < 2; inside++)
        for (size_t i = 0; i < a->n; i++) {
            uint8_t piece[6] = "##", *at = piece + 2;
            size_t n = asc__utf8_encode(a->all[i].c, at);
            ASC_TRY(asc__vocab_intern(&t->vocab, (char *)(inside ? piece : at), inside ? n + 2 : n, &id, err));
        }
    return asc__wordpiece_specials(t, err);
}

/* ---- words as symbols ---- */

static int32_t symbol(const asc_tokenizer *t, const uint8_t *p, size_t n, bool inside)
{
    char piece[6] = "##";
    memcpy(piece + 2, p, n);
    return asc__vocab_find(&t->vocab, piece + (inside ? 0 : 2), inside ? n + 2 : n);
}

/* Words with a character outside the alphabet can only be unknown: they are left out. */
static asc_status words_to_symbols(asc__merge_text *text, const asc__words *w, const asc_tokenizer *t, asc_error *err)
{
    assert(w->n > 0);
    text->symbols = asc_reallocarray(NULL, w->n_bytes, sizeof *text->symbols);
    text->starts = asc_reallocarray(NULL, w->n + 1, sizeof *text->starts);
    text->counts = asc_reallocarray(NULL, w->n, sizeof *text->counts);
    if (!text->symbols || !text->starts || !text->counts)
        return ASC_NOMEM(err);
    size_t at = 0;
    for (size_t k = 0; k < w->n; k++) {
        const uint8_t *start = (const uint8_t *)w->bytes + w->words[k].at, *p = start, *end = p + w->words[k].len;
        size_t begin = at;
        for (size_t len; p < end; p += len) {
            asc__utf8_decode(p, end, &len);
            int32_t id = symbol(t, p, len, p > start);
            if (id < 0)
                break;
            text->symbols[at++] = id;
        }
        if (p < end) {
            at = begin;
            continue;
        }
        text->starts[text->n_words] = begin;
        text->counts[text->n_words++] = w->words[k].count;
    }
    text->starts[text->n_words] = at;
    return ASC_OK;
}

/* "ab" + "##cd" is "abcd": the second part always stands inside a word. */
static asc_status name_merge(void *ctx, int32_t a, int32_t b, int32_t *made, asc_error *err)
{
    asc_tokenizer *t = ctx;
    asc_buf name = {0};
    size_t n = 0;
    const char *p = asc_tokenizer_token(t, a, &n);
    asc_buf_append(&name, p, n);
    p = asc_tokenizer_token(t, b, &n);
    asc_buf_append(&name, p + 2, n - 2);
    asc_status st = name.oom ? ASC_NOMEM(err) : asc__vocab_intern(&t->vocab, name.data, name.len, made, err);
    asc_buf_clear(&name);
    return st;
}

static asc_status learn(asc_tokenizer *t, const asc__words *words, size_t vocab, asc_error *err)
{
    struct alphabet a = {0};
    asc__merge_text text = {0};
    asc_status st = gather(&a, words, err);
    size_t room = vocab > 5 ? (vocab - 5) / 2 : 0;
    if (st == ASC_OK) {
        limit(&a, room < MOST_CHARACTERS ? room : MOST_CHARACTERS);
        st = first_tokens(t, &a, err);
    }
    if (st == ASC_OK)
        st = words_to_symbols(&text, words, t, err);
    if (st == ASC_OK)
        st = asc__learn_merges(t, &text, vocab, MIN_COUNT, name_merge, t, err);
    asc_free(a.all);
    asc_free(text.symbols);
    asc_free(text.starts);
    asc_free(text.counts);
    return st;
}

asc_status asc__wordpiece_train(asc_tokenizer **out, asc_tokenizer_learner *trainer, size_t vocab, asc_error *err)
{
    asc_tokenizer *t = asc__tokenizer_new(ASC__WORDPIECE);
    if (!t)
        return ASC_NOMEM(err);
    asc__words_sort(&trainer->words);
    asc_status st = learn(t, &trainer->words, vocab, err);
    t->n_merges = 0; /* pieces are found by length, not by merges */
    t->unknown = asc_tokenizer_special(t, "[UNK]");
    if (st == ASC_OK)
        st = asc__tokenizer_seal(t, "the trained tokenizer", err);
    if (st != ASC_OK) {
        asc_tokenizer_free(t);
        return st;
    }
    *out = t;
    return ASC_OK;
}
