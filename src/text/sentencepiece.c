/*
 * SentencePiece's tokenizer.model: a protocol buffer of pieces, the trainer's settings and the normalizer's map of
 * characters. Ids are SentencePiece's own; the tokenizer.json that is saved for it carries the model whole, beside
 * what other readers can make of it.
 */
#include "tokenizer.h"
#include "way_json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- protocol buffers ---- */

struct message {
    const uint8_t *p, *end;
};

struct field {
    uint32_t number, type;
    uint64_t value; /* type 0; type 5: its four bytes */
    struct message bytes;
};

static bool read_varint(struct message *m, uint64_t *out)
{
    *out = 0;
    for (int shift = 0; m->p < m->end && shift < 64; shift += 7) {
        uint8_t byte = *m->p++;
        *out |= (uint64_t)(byte & 127) << shift;
        if (byte < 128)
            return true;
    }
    return false;
}

/* The next field; false at the end and where none stands (then *bad). */
static bool next_field(struct message *m, struct field *f, bool *bad)
{
    uint64_t tag, n;
    if (m->p >= m->end)
        return false;
    *bad = true;
    if (!read_varint(m, &tag) || tag >> 3 == 0 || tag >> 35)
        return false;
    *f = (struct field){.number = (uint32_t)(tag >> 3), .type = (uint32_t)(tag & 7)};
    size_t left = (size_t)(m->end - m->p), skip = 0;
    if (f->type == 0) {
        if (!read_varint(m, &f->value))
            return false;
    } else if (f->type == 2) {
        if (!read_varint(m, &n) || n > (uint64_t)(m->end - m->p))
            return false;
        f->bytes = (struct message){m->p, m->p + n};
        skip = (size_t)n;
    } else if ((f->type == 5 && left >= 4) || (f->type == 1 && left >= 8)) {
        uint32_t four;
        memcpy(&four, m->p, 4);
        f->value = four;
        skip = f->type == 5 ? 4 : 8;
    } else
        return false;
    m->p += skip;
    *bad = false;
    return true;
}

/* ---- pieces ---- */

enum { NORMAL = 1, UNKNOWN = 2, CONTROL = 3, USER_DEFINED = 4, UNUSED = 5, BYTE = 6 };

struct reader {
    asc_tokenizer *t;
    const char *name;
    asc__kind kind;
    bool known_kind, byte_fallback, suffix;
    int32_t end;
    size_t cap_scores, cap_user, n_user;
    struct message normalizer;
};

static asc_status add_piece(struct reader *r, struct message text, float score, uint64_t type, asc_error *err)
{
    asc_tokenizer *t = r->t;
    size_t id = t->n_scores, n = (size_t)(text.end - text.p);
    double *scores = asc_grow(t->scores, &r->cap_scores, id + 1, sizeof *scores);
    if (scores)
        t->scores = scores;
    bool *user = asc_grow(t->user, &r->cap_user, id + 1, sizeof *user);
    if (user)
        t->user = user;
    if (!scores || !user)
        return ASC_NOMEM(err);
    t->scores[id] = type == NORMAL || type == USER_DEFINED ? (double)score : (double)NAN;
    t->user[id] = type == USER_DEFINED;
    t->n_scores++;
    r->n_user += type == USER_DEFINED;
    if (type == UNKNOWN)
        t->unknown = (int32_t)id;
    if (type == NORMAL && score > t->best_score)
        t->best_score = (double)score;
    asc_error why = {0};
    asc_status st = n ? asc__vocab_put(&t->vocab, (const char *)text.p, n, (int32_t)id, &why)
                      : asc__vocab_reserve(&t->vocab, (int32_t)id, &why);
    return st == ASC_OK ? ASC_OK : ASC_FAIL(err, st, "%s: piece %zu: %s", r->name, id + 1, why.msg);
}

static asc_status read_piece(struct reader *r, struct message m, bool *bad, asc_error *err)
{
    struct message text = {0};
    struct field f;
    float score = 0;
    uint64_t type = NORMAL;
    while (next_field(&m, &f, bad))
        if (f.number == 1 && f.type == 2)
            text = f.bytes;
        else if (f.number == 2 && f.type == 5) {
            uint32_t four = (uint32_t)f.value;
            memcpy(&score, &four, 4);
        } else if (f.number == 3 && f.type == 0)
            type = f.value;
    return *bad ? ASC_OK : add_piece(r, text, score, type, err);
}

/* trainer_spec: kind of model, byte fallback, the end of a sentence. */
static asc_status read_trainer(struct reader *r, struct message m, bool *bad, asc_error *err)
{
    struct field f;
    while (next_field(&m, &f, bad)) {
        if (f.type != 0)
            continue;
        if (f.number == 3 && f.value != 1 && f.value != 2)
            return ASC_FAIL(err, ASC_EINVAL,
                            "%s: a SentencePiece model of words or characters; expected unigram or bpe", r->name);
        if (f.number == 3)
            r->kind = f.value == 2 ? ASC__BPE : ASC__UNIGRAM;
        else if (f.number == 24)
            r->suffix = f.value != 0;
        else if (f.number == 35)
            r->byte_fallback = f.value != 0;
        else if (f.number == 42)
            r->end = (int64_t)f.value < 0 || f.value > INT32_MAX ? -1 : (int32_t)f.value;
    }
    return ASC_OK;
}

static asc_status read_normalizer(struct reader *r, bool *bad, asc_error *err)
{
    asc_tokenizer *t = r->t;
    struct field f;
    asc__normalizer *k = asc_calloc(1, sizeof *k);
    if (!k)
        return ASC_NOMEM(err);
    t->normalizers = k;
    t->n_normalizers = 1;
    *k = (asc__normalizer){
        .kind = ASC__NORMAL_SENTENCEPIECE, .dummy_prefix = true, .squeeze = true, .escape = true, .suffix = r->suffix};
    asc_status st = ASC_OK;
    for (struct message m = r->normalizer; st == ASC_OK && next_field(&m, &f, bad);)
        if (f.number == 2 && f.type == 2) {
            asc__charsmap_clear(&k->map);
            st = asc__charsmap_read(&k->map, f.bytes.p, (size_t)(f.bytes.end - f.bytes.p), err);
        } else if (f.number == 3 && f.type == 0)
            k->dummy_prefix = f.value != 0;
        else if (f.number == 4 && f.type == 0)
            k->squeeze = f.value != 0;
        else if (f.number == 5 && f.type == 0)
            k->escape = f.value != 0;
    return st;
}

/* ---- the model ---- */

/* Symbols of the user: the normalizer leaves them alone, BPE never cuts them. */
static asc_status seal_user(struct reader *r, asc_error *err)
{
    asc_tokenizer *t = r->t;
    asc__trie_key *keys = asc_reallocarray(NULL, 2 * r->n_user + 1, sizeof *keys);
    size_t n = 0;
    if (!keys)
        return ASC_NOMEM(err);
    for (size_t id = 0; id < t->n_scores; id++)
        if (t->user[id] && t->vocab.tokens[id].len)
            keys[n++] = (asc__trie_key){t->vocab.bytes + t->vocab.tokens[id].at, t->vocab.tokens[id].len, (int32_t)id};
    memcpy(keys + n, keys, n * sizeof *keys);
    asc_status st = n ? asc__finder_create(&t->normalizers[0].fixed, keys, n, err) : ASC_OK;
    if (st == ASC_OK && n && t->kind == ASC__BPE)
        st = asc__trie_build(&t->fixed, keys + n, n, err);
    asc_free(keys);
    return st;
}

struct scored {
    double score;
    int32_t id;
};

static int by_score(const void *x, const void *y)
{
    const struct scored *p = x, *q = y;
    if (p->score != q->score)
        return p->score > q->score ? -1 : 1;
    return p->id < q->id ? -1 : p->id > q->id;
}

/* The join of the highest score first. */
static asc_status add_merges(asc_tokenizer *t, asc_error *err)
{
    size_t n = 0;
    struct scored *s = asc_reallocarray(NULL, t->n_scores + 1, sizeof *s);
    int32_t *order = asc_reallocarray(NULL, t->n_scores + 1, sizeof *order);
    for (size_t i = 0; s && i < t->n_scores; i++)
        if (asc__may_merge(t, (int32_t)i))
            s[n++] = (struct scored){t->scores[i], (int32_t)i};
    if (s && n)
        qsort(s, n, sizeof *s, by_score);
    for (size_t i = 0; s && order && i < n; i++)
        order[i] = s[i].id;
    asc_status st = s && order ? asc__merges_of_vocab(t, order, n, err) : ASC_NOMEM(err);
    asc_free(s);
    asc_free(order);
    return st;
}

static asc_status finish(struct reader *r, asc_error *err)
{
    asc_tokenizer *t = r->t;
    t->kind = r->kind;
    t->classic = t->byte_level = false;
    t->byte_fallback = r->byte_fallback;
    t->single = t->fuse_unknown = true;
    if (t->unknown < 0)
        return ASC_FAIL(err, ASC_EINVAL, "%s: it has no unknown piece", r->name);
    if (r->end >= 0 && (size_t)r->end < t->n_scores)
        t->end_of_document = r->end;
    ASC_TRY(seal_user(r, err));
    if (t->kind == ASC__BPE)
        ASC_TRY(add_merges(t, err));
    return asc__tokenizer_seal(t, r->name, err);
}

static asc_status read_model(struct reader *r, struct message m, asc_error *err)
{
    struct field f;
    bool bad = false;
    asc_status st = ASC_OK;
    while (st == ASC_OK && !bad && next_field(&m, &f, &bad))
        if (f.number == 1 && f.type == 2)
            st = read_piece(r, f.bytes, &bad, err);
        else if (f.number == 2 && f.type == 2)
            st = read_trainer(r, f.bytes, &bad, err);
        else if (f.number == 3 && f.type == 2)
            r->normalizer = f.bytes;
    ASC_TRY(st);
    if (!bad && r->t->n_scores)
        ASC_TRY(read_normalizer(r, &bad, err));
    if (bad || r->t->n_scores == 0)
        return ASC_FAIL(err, ASC_EINVAL,
                        "%s: neither a SentencePiece model nor a list of base64 tokens with their ranks", r->name);
    return finish(r, err);
}

asc_status asc__sentencepiece_read(asc_tokenizer **out, const char *name, const uint8_t *p, size_t n, asc_error *err)
{
    struct reader r = {.t = asc__tokenizer_new(ASC__UNIGRAM), .name = name, .kind = ASC__UNIGRAM, .end = 2};
    if (!r.t)
        return ASC_NOMEM(err);
    r.t->best_score = -INFINITY;
    asc_status st = read_model(&r, (struct message){p, p + n}, err);
    if (st == ASC_OK) {
        asc_sha256 s;
        asc_sha256_init(&s);
        asc_sha256_update(&s, p, n);
        asc_sha256_final(&s, r.t->way);
        *out = r.t;
        return ASC_OK;
    }
    asc_tokenizer_free(r.t);
    return st;
}

/* ---- as a tokenizer.json ---- */

static json_t *piece_text(const asc_tokenizer *t, size_t id)
{
    return json_stringn(t->vocab.bytes + t->vocab.tokens[id].at, t->vocab.tokens[id].len);
}

static json_t *unigram_json(const asc_tokenizer *t)
{
    json_t *vocab = json_array();
    for (size_t i = 0; i < t->n_scores; i++)
        json_array_append_new(vocab, json_pack("[o, f]", piece_text(t, i),
                                               isnan(t->scores[i]) || isinf(t->scores[i]) ? 0 : t->scores[i]));
    return json_pack("{s:s, s:i, s:o, s:b}", "type", "Unigram", "unk_id", (int)t->unknown, "vocab", vocab,
                     "byte_fallback", (int)t->byte_fallback);
}

static json_t *bpe_json(const asc_tokenizer *t)
{
    json_t *vocab = json_object(), *merges = json_array(), *unknown = piece_text(t, (size_t)t->unknown);
    for (size_t i = 0; i < t->n_scores; i++) {
        json_t *text = piece_text(t, i);
        if (text && t->vocab.tokens[i].len)
            json_object_setn_new(vocab, json_string_value(text), json_string_length(text), json_integer((json_int_t)i));
        json_decref(text);
    }
    for (size_t i = 0; i < t->n_merges; i++)
        json_array_append_new(
            merges, json_pack("[o, o]", piece_text(t, (size_t)t->merges[i].a), piece_text(t, (size_t)t->merges[i].b)));
    return json_pack("{s:s, s:o, s:b, s:b, s:o, s:o}", "type", "BPE", "unk_token", unknown, "fuse_unk", 1,
                     "byte_fallback", (int)t->byte_fallback, "vocab", vocab, "merges", merges);
}

static json_t *added_json(const asc_tokenizer *t)
{
    json_t *added = json_array();
    for (size_t i = 0; i < t->n_scores; i++) {
        bool control = isnan(t->scores[i]) && t->vocab.tokens[i].len && t->vocab.bytes[t->vocab.tokens[i].at] == '<' &&
                       t->vocab.bytes[t->vocab.tokens[i].at + 1] != '0';
        if (control || t->user[i])
            json_array_append_new(added, json_pack("{s:i, s:o, s:b, s:b, s:b, s:b, s:b}", "id", (int)i, "content",
                                                   piece_text(t, i), "single_word", 0, "lstrip", 0, "rstrip", 0,
                                                   "normalized", 0, "special", (int)control));
    }
    return added;
}

/* Blanks joined, U+2581 for them and in front, as Hugging Face's converters have it; the map itself is left out. */
static json_t *normalizer_json(const asc_tokenizer *t)
{
    const asc__normalizer *k = &t->normalizers[0];
    json_t *list = json_array();
    if (k->squeeze)
        json_array_append_new(list, json_pack("{s:s, s:b, s:b}", "type", "Strip", "strip_left", 1, "strip_right", 1));
    if (k->squeeze)
        json_array_append_new(
            list, json_pack("{s:s, s:{s:s}, s:s}", "type", "Replace", "pattern", "Regex", " {2,}", "content", " "));
    if (k->dummy_prefix)
        json_array_append_new(list, json_pack("{s:s, s:s}", "type", "Prepend", "prepend", "\xe2\x96\x81"));
    json_array_append_new(
        list, json_pack("{s:s, s:{s:s}, s:s}", "type", "Replace", "pattern", "String", " ", "content", "\xe2\x96\x81"));
    return json_pack("{s:s, s:o}", "type", "Sequence", "normalizers", list);
}

static json_t *whole_json(const asc_tokenizer *t, const char *p, size_t n)
{
    asc_buf base64 = {0};
    json_t *model = t->kind == ASC__BPE ? bpe_json(t) : unigram_json(t);
    asc__base64_encode(&base64, p, n);
    if (base64.oom || !model ||
        json_object_set_new(model, "sentencepiece", json_stringn(base64.data, base64.len)) != 0) {
        json_decref(model);
        model = NULL;
    }
    asc_buf_clear(&base64);
    if (!model)
        return NULL;
    return json_pack("{s:s, s:n, s:n, s:o, s:o, s:n, s:n, s:{s:s, s:s, s:s, s:b}, s:o}", "version", "1.0", "truncation",
                     "padding", "added_tokens", added_json(t), "normalizer", normalizer_json(t), "pre_tokenizer",
                     "post_processor", "decoder", "type", "Metaspace", "replacement", "\xe2\x96\x81", "prepend_scheme",
                     "always", "split", 0, "model", model);
}

asc_status asc__sentencepiece_parse(asc_tokenizer **out, const char *name, const char *p, size_t n, asc_error *err)
{
    asc_tokenizer *t = NULL;
    ASC_TRY(asc__sentencepiece_read(&t, name, (const uint8_t *)p, n, err));
    json_t *root = whole_json(t, p, n);
    asc_status st = root ? asc_json_print(&t->source, root, 0, err) : ASC_NOMEM(err);
    json_decref(root);
    if (st != ASC_OK) {
        asc_tokenizer_free(t);
        return st;
    }
    t->n_source = strlen(t->source);
    *out = t;
    return ASC_OK;
}
