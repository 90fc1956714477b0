/*
 * Unigram (Kudo 2018): of all ways to cut a word into pieces of the vocabulary the one of the largest sum of scores, by
 * dynamic programming over a trie. Sums and ties as in Hugging Face's tokenizers (double), or, for SentencePiece's own
 * files, as in SentencePiece (sums kept as float).
 */
#include "tokenizer.h"
#include "unicode.h"

#include <assert.h>
#include <math.h>
#include <string.h>

static const double UNKNOWN_PENALTY = 10;

asc_status asc__unigram_seal(asc_tokenizer *t, asc_error *err)
{
    asc__trie_key *keys = asc_reallocarray(NULL, t->n_scores + 1, sizeof *keys);
    size_t n = 0;
    double least = INFINITY;
    if (!keys)
        return ASC_NOMEM(err);
    for (size_t i = 0; i < t->vocab.n; i++) {
        const asc__token *k = &t->vocab.tokens[i];
        if (i < t->n_scores && t->scores[i] < least && !(t->user && t->user[i]))
            least = t->scores[i];
        if (k->len && i < t->n_scores && !isnan(t->scores[i]))
            keys[n++] = (asc__trie_key){t->vocab.bytes + k->at, k->len, (int32_t)i};
    }
    t->unknown_score = t->single ? (double)((float)least - (float)UNKNOWN_PENALTY) : least - UNKNOWN_PENALTY;
    asc_status st = asc__trie_build(&t->trie, keys, n, err);
    asc_free(keys);
    for (int b = 0; b < 256; b++) {
        char code[8];
        int len = snprintf(code, sizeof code, "<0x%02X>", (unsigned)b);
        t->byte_id[b] = asc__vocab_find(&t->vocab, code, (size_t)len);
    }
    return st;
}

/* A way to place `at` that came from `from`, if it is the best so far. */
static void offer(const asc_tokenizer *t, asc__step *step, double score, size_t from, int32_t id)
{
    if (t->single)
        score = (double)(float)score;
    if (step->from == SIZE_MAX || score > step->score)
        *step = (asc__step){score, from, id};
}

static double score_of(const asc_tokenizer *t, int32_t id, size_t len)
{
    assert(id >= 0 && (size_t)id < t->n_scores);
    if (t->user && t->user[id])
        return (double)((float)len * (float)t->best_score) - 0.1;
    return t->scores[id];
}

static void walk(const asc_tokenizer *t, asc__step *steps, const uint8_t *p, size_t n, size_t at, size_t char_len)
{
    int32_t node = 0;
    assert(char_len > 0 && at + char_len <= n &&
           (at == 0 || steps[at].from != SIZE_MAX)); /* a place that some piece ends at */
    bool single = false;
    double so_far = steps[at].score;
    for (size_t i = at; i < n && asc__trie_step(&t->trie, &node, p[i]); i++) {
        int32_t id = t->trie.value[node];
        if (id < 0)
            continue;
        offer(t, &steps[i + 1], score_of(t, id, i + 1 - at) + so_far, at, id);
        single = single || i + 1 - at == char_len;
    }
    if (single)
        return;
    offer(t, &steps[at + char_len], t->unknown_score + so_far, at, -1);
}

static asc_status put_unknown(asc_encoder *e, const uint8_t *p, size_t n, asc__sink *out, asc_error *err)
{
    const asc_tokenizer *t = e->t;
    int32_t whole = t->single ? -1 : asc__vocab_find(&t->vocab, (const char *)p, n);
    bool bytes = t->byte_fallback && whole < 0;
    ASC_TRY(asc__sink_reserve(out, n, err));
    for (size_t i = 0; i < n && bytes; i++)
        bytes = t->byte_id[p[i]] >= 0;
    if (bytes) {
        for (size_t i = 0; i < n; i++)
            (*out->ids)[(*out->n)++] = t->byte_id[p[i]];
        return ASC_OK;
    }
    if (whole < 0 && t->unknown < 0)
        return ASC_FAIL(err, ASC_EINVAL, "no piece covers '%.*s', and the tokenizer names no unk_id",
                        (int)(n < 40 ? n : 40), (const char *)p);
    (*out->ids)[(*out->n)++] = whole >= 0 ? whole : t->unknown;
    return ASC_OK;
}

/* The steps that were taken, last first; turned round by writing their ends into the places that they began at. */
static void turn_round(asc__step *steps, size_t n)
{
    size_t next = n;
    int32_t id = steps[n].id;
    for (size_t at = steps[n].from; next > 0;) {
        size_t before = at ? steps[at].from : 0;
        int32_t id_before = steps[at].id;
        steps[at].from = next;
        steps[at].id = id;
        next = at;
        at = before;
        id = id_before;
    }
}

asc_status asc__unigram_word(asc_encoder *e, const uint8_t *p, size_t n, asc__sink *out, asc_error *err)
{
    const asc_tokenizer *t = e->t;
    asc__step *steps = asc_grow(e->steps, &e->cap_steps, n + 1, sizeof *steps);
    if (!steps)
        return ASC_NOMEM(err);
    e->steps = steps;
    for (size_t i = 0; i <= n; i++)
        steps[i] = (asc__step){0, SIZE_MAX, -1};
    for (size_t at = 0, len; at < n; at += len) {
        asc__utf8_decode(p + at, p + n, &len);
        walk(t, steps, p, n, at, len);
    }
    turn_round(steps, n);
    for (size_t at = 0, end; at < n; at = end) {
        end = steps[at].from;
        int32_t id = steps[at].id;
        if (id < 0 || id == t->unknown) {
            while (end < n && (steps[end].id < 0 || steps[end].id == t->unknown))
                end = steps[end].from;
            ASC_TRY(put_unknown(e, p + at, end - at, out, err));
            continue;
        }
        ASC_TRY(asc__sink_reserve(out, 1, err));
        (*out->ids)[(*out->n)++] = id;
    }
    return ASC_OK;
}
