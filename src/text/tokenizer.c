/* The tokenizer object: vocabulary, added tokens, what a token stands for, encoders. */
#include "tokenizer.h"
#include "unicode.h"
#include "word_cache.h"

#include <pthread.h>
#include <string.h>

/* ---- vocabulary ---- */

static void vocab_clear(asc__vocab *v)
{
    asc_free(v->bytes);
    asc_free(v->tokens);
    asc_free(v->slots);
    *v = (asc__vocab){0};
}

static size_t slot_of(const asc__vocab *v, const char *p, size_t n)
{
    size_t mask = v->n_slots - 1, i = (size_t)asc_hash64(p, n, 0) & mask;
    for (; v->slots[i] >= 0; i = (i + 1) & mask) {
        const asc__token *k = &v->tokens[v->slots[i]];
        if (k->len == n && memcmp(v->bytes + k->at, p, n) == 0)
            break;
    }
    return i;
}

int32_t asc__vocab_find(const asc__vocab *v, const char *p, size_t n)
{
    return v->n_slots ? v->slots[slot_of(v, p, n)] : -1;
}

static asc_status grow_slots(asc__vocab *v, asc_error *err)
{
    size_t n = v->n_slots ? v->n_slots * 2 : ASC__LEAST_SLOTS;
    int32_t *slots = asc_reallocarray(NULL, n, sizeof *slots);
    if (!slots)
        return ASC_NOMEM(err);
    memset(slots, -1, n * sizeof *slots);
    asc_free(v->slots);
    v->slots = slots;
    v->n_slots = n;
    for (size_t id = 0; id < v->n; id++)
        if (v->tokens[id].len)
            v->slots[slot_of(v, v->bytes + v->tokens[id].at, v->tokens[id].len)] = (int32_t)id;
    return ASC_OK;
}

/* Bytes of a token under a free id. */
static asc_status store(asc__vocab *v, const char *p, size_t n, int32_t id, asc_error *err)
{
    size_t i = (size_t)id;
    asc__token *tokens = asc_grow(v->tokens, &v->cap, i + 1, sizeof *tokens);
    if (tokens)
        v->tokens = tokens;
    char *bytes = asc_grow(v->bytes, &v->cap_bytes, v->n_bytes + n, 1);
    if (bytes)
        v->bytes = bytes;
    if (!tokens || !bytes)
        return ASC_NOMEM(err);
    if (i >= v->n) {
        memset(v->tokens + v->n, 0, (i + 1 - v->n) * sizeof *v->tokens);
        v->n = i + 1;
    }
    memcpy(v->bytes + v->n_bytes, p, n);
    v->tokens[i] = (asc__token){v->n_bytes, (uint32_t)n};
    v->n_bytes += n;
    return ASC_OK;
}

static asc_status check_token(const asc__vocab *v, size_t n, int32_t id, asc_error *err)
{
    if (n == 0 || n > UINT32_MAX)
        return ASC_FAIL(err, ASC_EINVAL, "token %d: %zu bytes, expected at least 1", id, n);
    if ((size_t)id < v->n && v->tokens[id].len)
        return ASC_FAIL(err, ASC_EINVAL, "id %d stands for two tokens", id);
    return ASC_OK;
}

asc_status asc__vocab_put(asc__vocab *v, const char *p, size_t n, int32_t id, asc_error *err)
{
    ASC_TRY(check_token(v, n, id, err));
    if (2 * (v->n_set + 1) > v->n_slots)
        ASC_TRY(grow_slots(v, err));
    ASC_TRY(store(v, p, n, id, err));
    size_t slot = slot_of(v, p, n);
    v->n_set += v->slots[slot] < 0;
    v->slots[slot] = id;
    return ASC_OK;
}

asc_status asc__vocab_add(asc__vocab *v, const char *p, size_t n, int32_t id, asc_error *err)
{
    int32_t other = n ? asc__vocab_find(v, p, n) : -1;
    ASC_TRY(check_token(v, n, id, err));
    if (other >= 0)
        return ASC_FAIL(err, ASC_EINVAL, "a token has two ids, %d and %d", other, id);
    return asc__vocab_put(v, p, n, id, err);
}

asc_status asc__vocab_reserve(asc__vocab *v, int32_t id, asc_error *err)
{
    if ((size_t)id < v->n)
        return v->tokens[id].len ? ASC_FAIL(err, ASC_EINVAL, "id %d stands for two tokens", id) : ASC_OK;
    return store(v, "", 0, id, err);
}

asc_status asc__vocab_intern(asc__vocab *v, const char *p, size_t n, int32_t *id, asc_error *err)
{
    int32_t found = asc__vocab_find(v, p, n);
    if (found < 0) {
        found = (int32_t)v->n;
        ASC_TRY(asc__vocab_add(v, p, n, found, err));
    }
    *id = found;
    return ASC_OK;
}

/* ---- GPT-2's visible alphabet ---- */

/* Printable Latin-1 characters stand for themselves; the 68 other bytes follow from U+0100 on, in order. */
static bool stands_for_itself(unsigned b)
{
    return (b >= '!' && b <= '~') || (b >= 0xa1 && b != 0xad);
}

uint32_t asc__byte_char(uint8_t byte)
{
    if (stands_for_itself(byte))
        return byte;
    uint32_t k = 0x100;
    for (unsigned b = 0; b < byte; b++)
        k += !stands_for_itself(b);
    return k;
}

static int16_t byte_of[0x144]; /* of a character of the alphabet, -1 */
static uint8_t visible_form[256][4], visible_len[256];
static pthread_once_t alphabet_once = PTHREAD_ONCE_INIT;

static void build_alphabet(void)
{
    memset(byte_of, 0xff, sizeof byte_of);
    for (unsigned b = 0; b < 256; b++) {
        byte_of[asc__byte_char((uint8_t)b)] = (int16_t)b;
        visible_len[b] = (uint8_t)asc__utf8_encode(asc__byte_char((uint8_t)b), visible_form[b]);
    }
}

void asc__bytes_to_visible(asc_buf *out, const char *p, size_t n)
{
    pthread_once(&alphabet_once, build_alphabet);
    for (size_t i = 0; i < n; i++)
        asc_buf_append(out, visible_form[(uint8_t)p[i]], visible_len[(uint8_t)p[i]]);
}

bool asc__visible_to_bytes(asc_buf *out, const char *p, size_t n)
{
    const uint8_t *q = (const uint8_t *)p, *end = q + n;
    pthread_once(&alphabet_once, build_alphabet);
    for (size_t len; q < end; q += len) {
        int32_t c = asc__utf8_decode(q, end, &len);
        if (c < 0 || c >= 0x144 || byte_of[c] < 0)
            return false;
        asc_buf_putc(out, (char)byte_of[c]);
    }
    return true;
}

/* ---- making ---- */

asc_tokenizer *asc__tokenizer_new(asc__kind kind)
{
    asc_tokenizer *t = asc_calloc(1, sizeof *t);
    if (!t)
        return NULL;
    t->kind = kind;
    t->end_of_document = t->unknown = -1;
    t->lowercase = t->strip_accents = t->clean_text = t->space_cjk = true;
    t->max_word_chars = 100;
    t->byte_level = kind == ASC__BPE;
    t->classic = kind == ASC__BPE || kind == ASC__WORDPIECE;
    if (kind == ASC__WORDPIECE && !(t->inside = asc_strdup("##"))) {
        asc_free(t);
        return NULL;
    }
    return t;
}

static void free_parts(asc_tokenizer *t)
{
    for (size_t i = 0; i < t->n_added; i++)
        asc_free(t->added[i].name);
    for (size_t i = 0; i < t->n_normalizers; i++)
        asc__normalizer_clear(&t->normalizers[i]);
    for (size_t i = 0; i < t->n_pre; i++)
        asc__pre_clear(&t->pre[i]);
    asc_free(t->added);
    asc_free(t->normalizers);
    asc_free(t->pre);
}

void asc_tokenizer_free(asc_tokenizer *t)
{
    if (!t)
        return;
    free_parts(t);
    vocab_clear(&t->vocab);
    vocab_clear(&t->hidden);
    vocab_clear(&t->texts);
    asc__finder_free(t->raw);
    asc__finder_free(t->normal);
    asc__trie_clear(&t->trie);
    asc__trie_clear(&t->fixed);
    asc_free(t->added_of);
    asc_free(t->end_from);
    asc_free(t->source);
    asc_free(t->inside);
    asc_free(t->suffix);
    asc_free(t->scores);
    asc_free(t->user);
    asc_free(t->merges);
    asc_free(t->pairs);
    asc_free(t);
}

asc_status asc__tokenizer_add_added(asc_tokenizer *t, asc__added one, asc_error *err)
{
    asc__added *grown = asc_grow(t->added, &t->cap_added, t->n_added + 1, sizeof *grown);
    if (!grown)
        return ASC_NOMEM(err);
    t->added = grown;
    one.name = asc_strndup(one.name, one.n_bytes);
    if (!one.name)
        return ASC_NOMEM(err);
    t->added[t->n_added++] = one;
    return ASC_OK;
}

asc_status asc__tokenizer_add_special(asc_tokenizer *t, const char *name, int32_t id, asc_error *err)
{
    asc__added one = {.name = (char *)(uintptr_t)name, .n_bytes = strlen(name), .id = id, .special = true};
    return asc__tokenizer_add_added(t, one, err);
}

asc_status asc__tokenizer_add_merge(asc_tokenizer *t, int32_t a, int32_t b, int32_t made, asc_error *err)
{
    asc__merge *grown = asc_grow(t->merges, &t->cap_merges, t->n_merges + 1, sizeof *grown);
    if (!grown)
        return ASC_NOMEM(err);
    t->merges = grown;
    t->merges[t->n_merges++] = (asc__merge){a, b, made};
    return ASC_OK;
}

/* ---- what a token of characters stands for ---- */

static const char marker[] = "\xe2\x96\x81";

static bool visible_model(const asc_tokenizer *t)
{
    bool visible = false;
    for (size_t i = 0; i < t->n_pre; i++)
        visible = visible || t->pre[i].kind == ASC__PRE_VISIBLE;
    for (size_t i = 0; i < t->n_normalizers; i++)
        visible = visible || t->normalizers[i].kind == ASC__NORMAL_BYTE_LEVEL;
    return visible;
}

/* U+2581 as a blank, the end of a word as one behind it. */
static void put_blanks(const asc_tokenizer *t, asc_buf *out, const char *p, size_t n)
{
    size_t n_suffix = t->suffix ? strlen(t->suffix) : 0;
    bool ends = n_suffix && n > n_suffix && memcmp(p + n - n_suffix, t->suffix, n_suffix) == 0;
    const char *end = p + n - (ends ? n_suffix : 0);
    while (p < end) {
        const char *at = memmem(p, (size_t)(end - p), marker, 3), *stop = at ? at : end;
        asc_buf_append(out, p, (size_t)(stop - p));
        if (at)
            asc_buf_putc(out, ' ');
        p = stop + (at ? 3 : 0);
    }
    if (ends)
        asc_buf_putc(out, ' ');
}

static asc_status put_texts(asc_tokenizer *t, asc_buf *scratch, asc_error *err)
{
    bool visible = visible_model(t);
    unsigned byte;
    for (size_t id = 0; id < t->vocab.n; id++) {
        const asc__token *k = &t->vocab.tokens[id];
        const char *p = t->vocab.bytes + k->at;
        if (k->len == 0)
            continue;
        scratch->len = 0;
        if (t->byte_fallback && k->len == 6 && memcmp(p, "<0x", 3) == 0 && sscanf(p, "<0x%2X>", &byte) == 1)
            asc_buf_putc(scratch, (char)byte);
        else if (!visible || !asc__visible_to_bytes(scratch, p, k->len)) {
            scratch->len = 0;
            put_blanks(t, scratch, p, k->len);
        }
        if (scratch->oom)
            return ASC_NOMEM(err);
        if (scratch->len)
            ASC_TRY(asc__vocab_put(&t->texts, scratch->data, scratch->len, (int32_t)id, err));
    }
    return ASC_OK;
}

asc_status asc__tokenizer_seal(asc_tokenizer *t, const char *name, asc_error *err)
{
    for (size_t i = 0; i < t->vocab.n; i++)
        if (t->vocab.tokens[i].len > t->longest_token)
            t->longest_token = t->vocab.tokens[i].len;
    ASC_TRY(asc__added_seal(t, err));
    if (t->kind == ASC__BPE)
        ASC_TRY(asc__bpe_seal(t, err));
    if (t->kind == ASC__UNIGRAM)
        ASC_TRY(asc__unigram_seal(t, err));
    t->classic = t->classic && (t->kind == ASC__WORDPIECE ? !t->normal : t->whole_bytes);
    if (t->classic || t->byte_level || t->kind == ASC__WORDPIECE)
        return ASC_OK;
    asc_buf scratch = {0};
    asc_status st = put_texts(t, &scratch, err);
    asc_buf_clear(&scratch);
    return st;
}

/* ---- asking ---- */

size_t asc_tokenizer_vocab(const asc_tokenizer *t)
{
    return t->n_ids;
}

int32_t asc__tokenizer_find(const asc_tokenizer *t, const char *name, size_t n)
{
    for (size_t i = 0; i < t->n_added; i++)
        if (t->added[i].n_bytes == n && memcmp(t->added[i].name, name, n) == 0)
            return t->added[i].id;
    return asc__tokenizer_find_model(t, name, n);
}

int32_t asc__tokenizer_find_model(const asc_tokenizer *t, const char *name, size_t n)
{
    if (!t->byte_level)
        return asc__vocab_find(&t->vocab, name, n);
    asc_buf bytes = {0};
    int32_t id = asc__visible_to_bytes(&bytes, name, n) && !bytes.oom
                     ? asc__vocab_find(&t->vocab, bytes.data, bytes.len)
                     : asc__vocab_find(&t->hidden, name, n);
    asc_buf_clear(&bytes);
    return id;
}

int32_t asc_tokenizer_special(const asc_tokenizer *t, const char *name)
{
    if (!name)
        return t->end_of_document;
    for (size_t i = 0; i < t->n_added; i++)
        if (strcmp(t->added[i].name, name) == 0)
            return t->added[i].id;
    return t->kind == ASC__WORDPIECE ? asc__vocab_find(&t->vocab, name, strlen(name)) : -1;
}

static const char *token_of(const asc__vocab *v, int32_t id, size_t *n_bytes)
{
    if ((size_t)id >= v->n || v->tokens[id].len == 0)
        return NULL;
    *n_bytes = v->tokens[id].len;
    return v->bytes + v->tokens[id].at;
}

const char *asc_tokenizer_token(const asc_tokenizer *t, int32_t id, size_t *n_bytes)
{
    if (id < 0)
        return NULL;
    if (!t->added_of) /* still being learned */
        return token_of(&t->vocab, id, n_bytes);
    if ((size_t)id >= t->n_ids)
        return NULL;
    if (t->added_of[id] >= 0) {
        *n_bytes = t->added[t->added_of[id]].n_bytes;
        return t->added[t->added_of[id]].name;
    }
    const char *p = t->texts.n ? token_of(&t->texts, id, n_bytes) : token_of(&t->vocab, id, n_bytes);
    return p ? p : token_of(&t->hidden, id, n_bytes);
}

static void hash_vocab(asc_sha256 *s, const asc__vocab *v)
{
    for (size_t i = 0; i < v->n; i++) {
        asc_sha256_update(s, &v->tokens[i].len, sizeof v->tokens[i].len);
        asc_sha256_update(s, v->bytes + v->tokens[i].at, v->tokens[i].len);
    }
}

void asc_tokenizer_fingerprint(const asc_tokenizer *t, char *hex)
{
    asc_sha256 s;
    uint8_t digest[32];
    int32_t head[8] = {(int32_t)t->kind, t->add_prefix_space, t->ignore_merges, t->lowercase,
                       t->strip_accents, t->clean_text,       t->space_cjk,     t->end_of_document};
    asc_sha256_init(&s);
    asc_sha256_update(&s, head, sizeof head);
    hash_vocab(&s, &t->vocab);
    asc_sha256_update(&s, t->merges, t->n_merges * sizeof *t->merges);
    if (!t->classic) {
        hash_vocab(&s, &t->hidden);
        asc_sha256_update(&s, t->scores, t->n_scores * sizeof *t->scores);
        asc_sha256_update(&s, t->way, sizeof t->way);
    }
    asc_sha256_final(&s, digest);
    asc_hex(hex, digest, sizeof digest);
}

/* ---- encoding and decoding ---- */

void asc_encoder_free(asc_encoder *e)
{
    if (!e)
        return;
    asc_free(e->cache);
    asc_free(e->ids);
    asc_free(e->ranks);
    asc_free(e->heap);
    asc_free(e->links);
    asc_free(e->steps);
    asc_buf_clear(&e->text);
    asc_buf_clear(&e->word);
    asc_buf_clear(&e->key);
    asc_buf_clear(&e->clean);
    asc_buf_clear(&e->normal[0]);
    asc_buf_clear(&e->normal[1]);
    for (size_t i = 0; e->levels && i < e->t->n_pre; i++)
        asc_buf_clear(&e->levels[i]);
    asc_free(e->levels);
    asc_free(e);
}

asc_status asc_encoder_create(asc_encoder **out, const asc_tokenizer *t, asc_error *err)
{
    asc_encoder *e = asc_calloc(1, sizeof *e);
    if (!e)
        return ASC_NOMEM(err);
    e->t = t;
    e->cache = asc_calloc(1, sizeof *e->cache);
    e->levels = asc_calloc(t->n_pre + 1, sizeof *e->levels);
    if (!e->cache || !e->levels) {
        asc_encoder_free(e);
        return ASC_NOMEM(err);
    }
    *out = e;
    return ASC_OK;
}

asc_status asc_encode(asc_encoder *e, const char *text, size_t n_bytes, int32_t **ids, size_t *n, size_t *cap,
                      asc_error *err)
{
    size_t before = *n;
    asc__sink out = {ids, n, cap};
    asc_status st = asc__encode_text(e, text, n_bytes, &out, err);
    if (st != ASC_OK)
        *n = before;
    return st;
}

asc_status asc_decode(const asc_tokenizer *t, const int32_t *ids, size_t n, asc_buf *out, asc_error *err)
{
    size_t n_inside = t->inside && t->kind == ASC__WORDPIECE ? strlen(t->inside) : 0;
    for (size_t i = 0; i < n; i++) {
        size_t len;
        const char *p = asc_tokenizer_token(t, ids[i], &len);
        if (!p)
            return ASC_FAIL(err, ASC_EINVAL, "token %zu: id %d is not in the vocabulary of %zu", i, ids[i], t->n_ids);
        if (t->kind == ASC__WORDPIECE) {
            bool joined = n_inside && len > n_inside && memcmp(p, t->inside, n_inside) == 0;
            if (!joined && out->len > 0)
                asc_buf_putc(out, ' ');
            p += joined ? n_inside : 0;
            len -= joined ? n_inside : 0;
        }
        asc_buf_append(out, p, len);
    }
    return out->oom ? ASC_NOMEM(err) : ASC_OK;
}
