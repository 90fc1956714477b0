/*
 * Pre-tokenizers: one row a kind, each from a piece to pieces, which go straight on to the next and at last to the
 * model. Nothing is kept but the text that a pre-tokenizer changes, one buffer a level.
 */
#include "pattern.h"
#include "tokenizer.h"
#include "unicode.h"

#include <string.h>

static asc_status cut(asc_encoder *e, size_t level, asc__piece piece, asc__sink *out, asc_error *err);

/* ---- what a delimiter does to the pieces around it ---- */

struct splitter {
    asc_encoder *e;
    size_t level;
    asc__piece all;
    asc__behaviour behaviour;
    bool invert;
    asc__sink *out;
    const uint8_t *from, *to; /* a part that waits for what comes next; NULL: none */
    bool waiting_match;
};

static asc_status emit(struct splitter *s, const uint8_t *from, const uint8_t *to, asc_error *err)
{
    if (from == to)
        return ASC_OK;
    asc__piece piece = {from, (size_t)(to - from), s->all.limit, s->all.first && from == s->all.p};
    return cut(s->e, s->level + 1, piece, s->out, err);
}

static asc_status emit_waiting(struct splitter *s, asc_error *err)
{
    const uint8_t *from = s->from;
    s->from = NULL;
    return from ? emit(s, from, s->to, err) : ASC_OK;
}

static void wait_for_next(struct splitter *s, const uint8_t *from, const uint8_t *to, bool match)
{
    s->from = from;
    s->to = to;
    s->waiting_match = match;
}

/* A part of the text, in order; all of it is handed over part by part. */
static asc_status part(struct splitter *s, const uint8_t *from, const uint8_t *to, bool match, asc_error *err)
{
    match = match != s->invert;
    switch (s->behaviour) {
    case ASC__REMOVED:
        return match ? ASC_OK : emit(s, from, to, err);
    case ASC__ISOLATED:
        return emit(s, from, to, err);
    case ASC__CONTIGUOUS:
        if (s->from && s->waiting_match == match) {
            s->to = to;
            return ASC_OK;
        }
        break;
    case ASC__MERGED_WITH_PREVIOUS:
        if (match && s->from && !s->waiting_match) {
            s->to = to;
            return emit_waiting(s, err);
        }
        break;
    case ASC__MERGED_WITH_NEXT:
        if (!match && s->from && s->waiting_match) {
            s->to = to;
            return emit_waiting(s, err);
        }
        break;
    }
    ASC_TRY(emit_waiting(s, err));
    wait_for_next(s, from, to, match);
    return ASC_OK;
}

/* ---- kinds of delimiters: single characters ---- */

static uint32_t char_at(const uint8_t *p, const uint8_t *end, size_t *len)
{
    int32_t c = asc__utf8_decode(p, end, len);
    return c < 0 ? 0xfffd : (uint32_t)c;
}

static bool is_delimiter(const asc__pre *k, asc__pre_kind kind, uint32_t c)
{
    switch (kind) {
    case ASC__PRE_DIGITS:
        return asc__grapheme_bits(c) & ASC__NUMERIC;
    case ASC__PRE_PUNCTUATION:
        return asc__bert_bits(c) & ASC__BERT_PUNCTUATION;
    case ASC__PRE_WHITESPACE_SPLIT:
        return asc__char_class(c) == ASC__SPACE;
    default:
        return c == k->c;
    }
}

static asc_status split_chars(struct splitter *s, const asc__pre *k, asc_error *err)
{
    const uint8_t *p = s->all.p, *end = p + s->all.n, *from = p;
    for (size_t len; p < end; p += len) {
        if (!is_delimiter(k, k->kind, char_at(p, end, &len)))
            continue;
        if (from < p)
            ASC_TRY(part(s, from, p, false, err));
        ASC_TRY(part(s, p, p + len, true, err));
        from = p + len;
    }
    if (from < end)
        ASC_TRY(part(s, from, end, false, err));
    return emit_waiting(s, err);
}

/* ---- searched text ---- */

static asc_status split_search(struct splitter *s, const asc__pre *k, asc_error *err)
{
    const uint8_t *p = s->all.p, *end = p + s->all.n, *at = p, *last_end = NULL, *from, *to, *done = p;
    for (bool found;;) {
        ASC_TRY(asc__search_next(&k->search, p, end, &at, &last_end, &found, &from, &to, err));
        if (!found)
            break;
        if (done < from)
            ASC_TRY(part(s, done, from, false, err));
        ASC_TRY(part(s, from, to, true, err));
        done = to;
    }
    if (done < end)
        ASC_TRY(part(s, done, end, false, err));
    return emit_waiting(s, err);
}

static asc_status split(asc_encoder *e, size_t level, asc__piece piece, asc__sink *out, asc_error *err)
{
    const asc__pre *k = &e->t->pre[level];
    struct splitter s = {e, level, piece, k->behaviour, k->invert, out, NULL, NULL, false};
    if (k->kind != ASC__PRE_SPLIT)
        return split_chars(&s, k, err);
    if (!k->search.gpt2)
        return split_search(&s, k, err);
    for (const uint8_t *p = piece.p, *end = p + piece.n, *q; p < end; p = q) {
        q = asc__gpt2_piece(p, end);
        ASC_TRY(part(&s, p, q, true, err));
    }
    return emit_waiting(&s, err);
}

/* ---- the others ---- */

/* \w+|[^\w\s]+ */
static asc_status whitespace(asc_encoder *e, size_t level, asc__piece piece, asc__sink *out, asc_error *err)
{
    const uint8_t *p = piece.p, *end = p + piece.n, *from = p;
    int kind = 0; /* of the part that began at from: 1 word, 2 neither word nor space, 0 space */
    for (size_t len; p < end; p += len) {
        uint32_t c = char_at(p, end, &len);
        int now = asc__form_bits(c) & ASC__FORM_WORD ? 1 : asc__char_class(c) == ASC__SPACE ? 0 : 2;
        if (now == kind)
            continue;
        if (kind && from < p)
            ASC_TRY(cut(e, level + 1,
                        (asc__piece){from, (size_t)(p - from), piece.limit, piece.first && from == piece.p}, out, err));
        kind = now;
        from = p;
    }
    if (kind && from < end)
        return cut(e, level + 1, (asc__piece){from, (size_t)(end - from), piece.limit, piece.first && from == piece.p},
                   out, err);
    return ASC_OK;
}

/* White space goes, punctuation stands alone. */
static asc_status bert(asc_encoder *e, size_t level, asc__piece piece, asc__sink *out, asc_error *err)
{
    struct splitter s = {e, level, piece, ASC__ISOLATED, false, out, NULL, NULL, false};
    const uint8_t *p = piece.p, *end = p + piece.n, *from = p;
    for (size_t len; p < end; p += len) {
        uint32_t c = char_at(p, end, &len);
        bool space = asc__bert_bits(c) & ASC__BERT_SPACE, mark = asc__bert_bits(c) & ASC__BERT_PUNCTUATION;
        if (!space && !mark)
            continue;
        ASC_TRY(emit(&s, from, p, err));
        if (mark)
            ASC_TRY(emit(&s, p, p + len, err));
        from = p + len;
    }
    return emit(&s, from, end, err);
}

static asc_status fixed_length(asc_encoder *e, size_t level, asc__piece piece, asc__sink *out, asc_error *err)
{
    const asc__pre *k = &e->t->pre[level];
    struct splitter s = {e, level, piece, ASC__ISOLATED, false, out, NULL, NULL, false};
    const uint8_t *p = piece.p, *end = p + piece.n, *from = p;
    size_t n = 0;
    for (size_t len; p < end; p += len) {
        if (n == k->length) {
            ASC_TRY(emit(&s, from, p, err));
            from = p;
            n = 0;
        }
        char_at(p, end, &len);
        n++;
    }
    return emit(&s, from, end, err);
}

/* Kana count as Han; a blank goes with anything. */
static unsigned script_of(uint32_t c)
{
    unsigned k = c == ' ' ? 0 : c == 0x30fc ? asc__script(0x4e00) : asc__script(c);
    return k && (k == asc__script(0x3042) || k == asc__script(0x30a2)) ? asc__script(0x4e00) : k;
}

/* As the reference: a first part before which no script was seen begins at the first character of one. */
static asc_status scripts(asc_encoder *e, size_t level, asc__piece piece, asc__sink *out, asc_error *err)
{
    struct splitter s = {e, level, piece, ASC__ISOLATED, false, out, NULL, NULL, false};
    const uint8_t *p = piece.p, *end = p + piece.n, *from = NULL;
    unsigned last = 0;
    for (size_t len; p < end; p += len) {
        unsigned k = script_of(char_at(p, end, &len));
        if (!k)
            continue;
        if (k != last) {
            if (from)
                ASC_TRY(emit(&s, from, p, err));
            from = p;
        }
        last = k;
    }
    return from ? emit(&s, from, end, err) : ASC_OK;
}

static asc_status metaspace(asc_encoder *e, size_t level, asc__piece piece, asc__sink *out, asc_error *err)
{
    const asc__pre *k = &e->t->pre[level];
    asc_buf *text = &e->levels[level];
    uint8_t marker[4];
    size_t n = asc__utf8_encode(k->c, marker);
    text->len = 0;
    bool stands = piece.n > 0 && (piece.p[0] == ' ' || (piece.n >= n && memcmp(piece.p, marker, n) == 0));
    if (!stands && (k->always || (k->first && piece.first)))
        asc_buf_append(text, marker, n);
    for (const uint8_t *p = piece.p, *end = p + piece.n; p < end;) {
        const uint8_t *space = memchr(p, ' ', (size_t)(end - p)), *stop = space ? space : end;
        asc_buf_append(text, p, (size_t)(stop - p));
        if (space)
            asc_buf_append(text, marker, n);
        p = stop + (space != NULL);
    }
    if (text->oom)
        return ASC_NOMEM(err);
    const uint8_t *made = (const uint8_t *)text->data;
    asc__piece whole = {made, text->len, made + text->len, piece.first};
    if (!k->split)
        return cut(e, level + 1, whole, out, err);
    struct splitter s = {e, level, whole, ASC__MERGED_WITH_NEXT, false, out, NULL, NULL, false};
    return split_chars(&s, k, err);
}

static asc_status prefix_space(asc_encoder *e, size_t level, asc__piece piece, asc__sink *out, asc_error *err)
{
    asc_buf *text = &e->levels[level];
    if (piece.p[0] == ' ')
        return cut(e, level + 1, piece, out, err);
    text->len = 0;
    asc_buf_putc(text, ' ');
    asc_buf_append(text, piece.p, piece.n);
    if (text->oom)
        return ASC_NOMEM(err);
    const uint8_t *made = (const uint8_t *)text->data;
    return cut(e, level + 1, (asc__piece){made, text->len, made + text->len, piece.first}, out, err);
}

static asc_status visible(asc_encoder *e, size_t level, asc__piece piece, asc__sink *out, asc_error *err)
{
    asc_buf *text = &e->levels[level];
    text->len = 0;
    asc__bytes_to_visible(text, (const char *)piece.p, piece.n);
    if (text->oom)
        return ASC_NOMEM(err);
    const uint8_t *made = (const uint8_t *)text->data;
    return cut(e, level + 1, (asc__piece){made, text->len, made + text->len, piece.first}, out, err);
}

typedef asc_status (*pre_fn)(asc_encoder *e, size_t level, asc__piece piece, asc__sink *out, asc_error *err);

static const pre_fn kinds[] = {
    [ASC__PRE_SPLIT] = split,
    [ASC__PRE_DIGITS] = split,
    [ASC__PRE_PUNCTUATION] = split,
    [ASC__PRE_WHITESPACE] = whitespace,
    [ASC__PRE_WHITESPACE_SPLIT] = split,
    [ASC__PRE_METASPACE] = metaspace,
    [ASC__PRE_SCRIPTS] = scripts,
    [ASC__PRE_DELIMITER] = split,
    [ASC__PRE_BERT] = bert,
    [ASC__PRE_FIXED_LENGTH] = fixed_length,
    [ASC__PRE_PREFIX_SPACE] = prefix_space,
    [ASC__PRE_VISIBLE] = visible,
};

void asc__pre_clear(asc__pre *k)
{
    asc__search_clear(&k->search);
}

static asc_status cut(asc_encoder *e, size_t level, asc__piece piece, asc__sink *out, asc_error *err)
{
    if (piece.n == 0)
        return ASC_OK;
    if (level == e->t->n_pre)
        return asc__model_word(e, piece, out, err);
    return kinds[e->t->pre[level].kind](e, level, piece, out, err);
}

/* Patterns of ours that keep every part, nothing else: what most models of today have. */
static asc_status stream(asc_encoder *e, size_t level, const uint8_t *p, const uint8_t *end, const uint8_t *limit,
                         asc__sink *out, asc_error *err)
{
    if (level == e->t->n_pre)
        return asc__model_word(e, (asc__piece){p, (size_t)(end - p), limit, false}, out, err);
    const asc__search *s = &e->t->pre[level].search;
    while (p < end) {
        const uint8_t *from = end, *to = end;
        if (s->gpt2)
            to = asc__gpt2_piece(from = p, end);
        else if (asc__pattern_find(s->pattern, p, end, &from, &to) < 0)
            return ASC_FAIL(err, ASC_EINVAL, "regular expression '%.100s': too much backtracking", s->expression);
        if (p < from)
            ASC_TRY(stream(e, level + 1, p, from, limit, out, err));
        if (from < to)
            ASC_TRY(stream(e, level + 1, from, to, limit, out, err));
        p = to;
    }
    return ASC_OK;
}

asc_status asc__pre_tokenize(asc_encoder *e, asc__piece text, asc__sink *out, asc_error *err)
{
    if (e->t->streams)
        return stream(e, 0, text.p, text.p + text.n, text.limit, out, err);
    return cut(e, 0, text, out, err);
}
