/*
 * Added tokens: found in text before the model sees it, those marked normalized after normalization. A trie is entered
 * only where the first two bytes of a key stand, so that a thousand of them cost no more than one.
 */
#include "tokenizer.h"
#include "unicode.h"

#include <string.h>

/* ---- finding ---- */

static void finder_free(asc__finder *f)
{
    if (f)
        asc__trie_clear(&f->trie);
    asc_free(f);
}

static void mark_starts(asc__finder *f, const asc__trie_key *key)
{
    uint8_t a = (uint8_t)key->p[0];
    f->starts[a] = true;
    for (unsigned b = key->n > 1 ? (uint8_t)key->p[1] : 0; b < (key->n > 1 ? (uint8_t)key->p[1] + 1u : 256u); b++)
        f->pairs[(a << 8 | b) >> 6] |= (uint64_t)1 << (b & 63);
}

asc_status asc__finder_create(asc__finder **out, asc__trie_key *keys, size_t n, asc_error *err)
{
    if (n == 0)
        return ASC_OK;
    asc__finder *f = asc_calloc(1, sizeof *f);
    if (!f)
        return ASC_NOMEM(err);
    for (size_t i = 0; i < n; i++)
        mark_starts(f, &keys[i]);
    f->n_keys = n;
    asc_status st = asc__trie_build(&f->trie, keys, n, err);
    if (st != ASC_OK) {
        finder_free(f);
        return st;
    }
    *out = f;
    return ASC_OK;
}

void asc__finder_free(asc__finder *f)
{
    finder_free(f);
}

/* The longest key at p; its length, 0: none. */
size_t asc__finder_longest(const asc__trie *trie, const char *p, const char *end, int32_t *value)
{
    int32_t node = 0;
    size_t longest = 0;
    for (const char *q = p; q < end && asc__trie_step(trie, &node, (uint8_t)*q); q++)
        if (trie->value[node] >= 0) {
            longest = (size_t)(q + 1 - p);
            *value = trie->value[node];
        }
    return longest;
}

/* The next key in p..end: its place, its end and its value; false: none. */
static bool find_next(const asc__finder *f, const char *p, const char *end, const char **from, const char **to,
                      int32_t *value)
{
    for (; p < end; p++) {
        uint8_t a = (uint8_t)*p;
        if (!f->starts[a])
            continue;
        if (p + 1 < end) {
            unsigned pair = (unsigned)a << 8 | (uint8_t)p[1];
            if (!(f->pairs[pair >> 6] >> (pair & 63) & 1))
                continue;
        }
        size_t n = asc__finder_longest(&f->trie, p, end, value);
        if (n) {
            *from = p;
            *to = p + n;
            return true;
        }
    }
    return false;
}

/* ---- the rules of an added token ---- */

static uint32_t char_at(const char *p, const char *end, size_t *len)
{
    int32_t c = asc__utf8_decode((const uint8_t *)p, (const uint8_t *)end, len);
    return c < 0 ? 0xfffd : (uint32_t)c;
}

static const char *char_before(const char *begin, const char *p)
{
    const char *q = p - 1;
    while (q > begin && p - q < 4 && ((uint8_t)*q & 0xc0) == 0x80)
        q--;
    size_t len;
    char_at(q, p, &len);
    return q + len == p ? q : p - 1;
}

static bool word_before(const char *begin, const char *p)
{
    size_t len;
    return p > begin && asc__form_bits(char_at(char_before(begin, p), p, &len)) & ASC__FORM_WORD;
}

static bool word_after(const char *p, const char *end)
{
    size_t len;
    return p < end && asc__form_bits(char_at(p, end, &len)) & ASC__FORM_WORD;
}

static const char *spaces_before(const char *begin, const char *p)
{
    while (p > begin) {
        size_t len;
        const char *q = char_before(begin, p);
        if (asc__char_class(char_at(q, p, &len)) != ASC__SPACE)
            break;
        p = q;
    }
    return p;
}

static const char *spaces_after(const char *p, const char *end)
{
    for (size_t len; p < end && asc__char_class(char_at(p, end, &len)) == ASC__SPACE;)
        p += len;
    return p;
}

/* ---- text with added tokens in it ---- */

/** What becomes of the text between them. */
typedef asc_status (*between_fn)(asc_encoder *e, asc__piece piece, asc__sink *out, asc_error *err);

static asc_status put_id(asc__sink *out, int32_t id, asc_error *err)
{
    ASC_TRY(asc__sink_reserve(out, 1, err));
    (*out->ids)[(*out->n)++] = id;
    return ASC_OK;
}

static asc_status put_between(asc_encoder *e, asc__piece all, const char *from, const char *to, between_fn between,
                              asc__sink *out, asc_error *err)
{
    if (from >= to)
        return ASC_OK;
    asc__piece piece = {(const uint8_t *)from, (size_t)(to - from), all.limit,
                        all.first && from == (const char *)all.p};
    return between(e, piece, out, err);
}

/* As Hugging Face: what a token that strips has taken is not looked at again by it, but by the search for the next. */
static asc_status split_at_added(asc_encoder *e, const asc__finder *f, asc__piece all, between_fn between,
                                 asc__sink *out, asc_error *err)
{
    const char *begin = (const char *)all.p, *end = begin + all.n, *done = begin, *p = begin, *from, *to;
    int32_t index = 0;
    while (f && find_next(f, p, end, &from, &to, &index)) {
        const asc__added *one = &e->t->added[index];
        p = to;
        if (one->single_word && (word_before(begin, from) || word_after(to, end)))
            continue;
        if (one->lstrip) {
            const char *left = spaces_before(begin, from);
            from = left > done ? left : done;
        }
        if (one->rstrip)
            to = spaces_after(to, end);
        ASC_TRY(put_between(e, all, done, from, between, out, err));
        if (from < to) /* the one before may have taken all of it */
            ASC_TRY(put_id(out, one->id, err));
        done = to;
    }
    return put_between(e, all, done, end, between, out, err);
}

static asc_status classic(asc_encoder *e, asc__piece piece, asc__sink *out, asc_error *err)
{
    if (e->t->kind == ASC__BPE)
        return asc__bpe_encode(e, (const char *)piece.p, piece.n, out, err);
    return asc__wordpiece_encode(e, (const char *)piece.p, piece.n, out, err);
}

static asc_status normalized(asc_encoder *e, asc__piece piece, asc__sink *out, asc_error *err)
{
    if (e->t->classic)
        return split_at_added(e, e->t->normal, piece, classic, out, err);
    if (e->t->n_normalizers) {
        ASC_TRY(asc__normalize(e, &piece.p, &piece.n, &piece.first, err));
        if (!piece.p) /* nothing is left, and no buffer was ever needed for it */
            piece.p = (const uint8_t *)"";
        piece.limit = piece.p + piece.n;
    }
    return split_at_added(e, e->t->normal, piece, asc__pre_tokenize, out, err);
}

/* Each byte that is not UTF-8 as U+FFFD: models of characters see nothing else. */
static asc_status make_valid(asc_encoder *e, asc__piece *all, asc_error *err)
{
    size_t bad;
    if (asc__utf8_valid(all->p, all->n, &bad))
        return ASC_OK;
    e->clean.len = 0;
    for (const uint8_t *p = all->p, *end = p + all->n; p < end;) {
        size_t len;
        if (asc__utf8_decode(p, end, &len) < 0)
            asc_buf_append(&e->clean, "\xef\xbf\xbd", 3);
        else
            asc_buf_append(&e->clean, p, len);
        p += len;
    }
    if (e->clean.oom)
        return ASC_NOMEM(err);
    all->p = (const uint8_t *)e->clean.data;
    all->n = e->clean.len;
    all->limit = all->p + all->n;
    return ASC_OK;
}

asc_status asc__encode_text(asc_encoder *e, const char *text, size_t n, asc__sink *out, asc_error *err)
{
    const asc_tokenizer *t = e->t;
    asc__piece all = {(const uint8_t *)text, n, (const uint8_t *)text + n, true};
    if (!t->classic && (!t->byte_level || t->n_normalizers))
        ASC_TRY(make_valid(e, &all, err));
    return split_at_added(e, t->raw, all, normalized, out, err);
}

/* ---- the finders ---- */

/* An added token as the text has it after normalization. */
static asc_status normal_name(asc_tokenizer *t, const asc__added *one, asc_buf *out, asc_error *err)
{
    asc_buf other = {0};
    bool first = false;
    asc_buf_append(out, one->name, one->n_bytes);
    for (size_t i = 0; i < t->n_normalizers; i++) {
        other.len = 0;
        asc_status st =
            asc__normalize_one(&t->normalizers[i], (const uint8_t *)out->data, out->len, &other, &first, err);
        if (st != ASC_OK || other.oom || out->oom) {
            asc_buf_clear(&other);
            return st != ASC_OK ? st : ASC_NOMEM(err);
        }
        asc_buf before = *out;
        *out = other;
        other = before;
    }
    asc_buf_clear(&other);
    return out->oom ? ASC_NOMEM(err) : ASC_OK;
}

static asc_status seal_finder(asc_tokenizer *t, bool wanted, asc__finder **out, asc_error *err)
{
    asc__trie_key *keys = asc_reallocarray(NULL, t->n_added + 1, sizeof *keys);
    asc_buf *names = asc_calloc(t->n_added + 1, sizeof *names);
    asc_status st = keys && names ? ASC_OK : ASC_NOMEM(err);
    size_t n = 0;
    for (size_t i = 0; i < t->n_added && st == ASC_OK; i++) {
        const asc__added *one = &t->added[i];
        if (one->normalized != wanted || t->added_of[one->id] != (int32_t)i)
            continue;
        keys[n] = (asc__trie_key){one->name, one->n_bytes, (int32_t)i};
        if (wanted && t->n_normalizers) {
            st = normal_name(t, one, &names[i], err);
            keys[n].p = names[i].data;
            keys[n].n = names[i].len;
        }
        n += st == ASC_OK && keys[n].n > 0;
    }
    if (st == ASC_OK)
        st = asc__finder_create(out, keys, n, err);
    for (size_t i = 0; i < t->n_added && names; i++)
        asc_buf_clear(&names[i]);
    asc_free(names);
    asc_free(keys);
    return st;
}

asc_status asc__added_seal(asc_tokenizer *t, asc_error *err)
{
    t->n_ids = t->vocab.n > t->hidden.n ? t->vocab.n : t->hidden.n;
    for (size_t i = 0; i < t->n_added; i++)
        if ((size_t)t->added[i].id >= t->n_ids)
            t->n_ids = (size_t)t->added[i].id + 1;
    t->added_of = asc_reallocarray(NULL, t->n_ids + 1, sizeof *t->added_of);
    if (!t->added_of)
        return ASC_NOMEM(err);
    memset(t->added_of, 0xff, (t->n_ids + 1) * sizeof *t->added_of);
    for (size_t i = 0; i < t->n_added; i++)
        t->added_of[t->added[i].id] = (int32_t)i;
    ASC_TRY(seal_finder(t, false, &t->raw, err));
    return seal_finder(t, true, &t->normal, err);
}
