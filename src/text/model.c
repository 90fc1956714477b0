/* From a piece of text to the model's ids: words that are remembered, and the model's own look at the others. */
#include "tokenizer.h"
#include "word_cache.h"

#include <string.h>

static asc_status wordlevel_word(asc_encoder *e, const uint8_t *p, size_t n, asc__sink *out, asc_error *err)
{
    int32_t id = asc__vocab_find(&e->t->vocab, (const char *)p, n);
    if (id < 0)
        id = e->t->unknown;
    if (id < 0)
        return ASC_FAIL(err, ASC_EINVAL,
                        "'%.*s' is not a token, and the tokenizer's unk_token is not in its vocabulary",
                        (int)(n < 40 ? n : 40), (const char *)p);
    ASC_TRY(asc__sink_reserve(out, 1, err));
    (*out->ids)[(*out->n)++] = id;
    return ASC_OK;
}

static asc_status ids_word(asc_encoder *e, const uint8_t *p, size_t n, asc__sink *out, asc_error *err)
{
    return ASC_FAIL(err, ASC_EINVAL, "a vocabulary of %zu ids cannot encode text: give the tokenizer", e->t->n_ids);
}

static const asc__word_fn models[] = {
    [ASC__BPE] = asc__bpe_word,
    [ASC__WORDPIECE] = asc__wordpiece_word,
    [ASC__UNIGRAM] = asc__unigram_word,
    [ASC__WORDLEVEL] = wordlevel_word,
    [ASC__IDS] = ids_word,
};

/* The place behind p before which a U+2581 stands that no token goes over; end: none. */
static const uint8_t *next_marker(const asc_tokenizer *t, const uint8_t *p, const uint8_t *end)
{
    while (end - p > 3 && (p = memchr(p + 1, 0xe2, (size_t)(end - p - 1))))
        if (end - p >= 3 && p[1] == 0x96 && p[2] == 0x81 && !t->joins[p[-1]])
            return p;
        else if (end - p <= 3)
            break;
    return end;
}

asc_status asc__model_word(asc_encoder *e, asc__piece piece, asc__sink *out, asc_error *err)
{
    const uint8_t *p = piece.p, *end = p + piece.n;
    asc__word_fn model = models[e->t->kind];
    if (!e->t->cut_at_marker)
        return asc__remember(e, p, piece.n, (size_t)(piece.limit - p), model, out, err);
    while (p < end) {
        const uint8_t *q = next_marker(e->t, p, end);
        ASC_TRY(asc__remember(e, p, (size_t)(q - p), (size_t)(piece.limit - p), model, out, err));
        p = q;
    }
    return ASC_OK;
}
