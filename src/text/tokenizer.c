/* The tokenizer object: vocabulary, special tokens, dispatch to byte-level BPE and WordPiece. */
#include "tokenizer.h"
#include "unicode.h"
#include "word_cache.h"

#include <string.h>

/* ---- vocabulary ---- */

void asc__vocab_clear(asc__vocab *v)
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
    size_t n = v->n_slots ? v->n_slots * 2 : 1024;
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

asc_status asc__vocab_add(asc__vocab *v, const char *p, size_t n, int32_t id, asc_error *err)
{
    size_t i = (size_t)id;
    if (n == 0 || n > UINT32_MAX)
        return ASC_FAIL(err, ASC_EINVAL, "token %d: %zu bytes, expected at least 1", id, n);
    if (i < v->n && v->tokens[i].len)
        return ASC_FAIL(err, ASC_EINVAL, "id %d stands for two tokens", id);
    if (2 * (v->n_set + 1) > v->n_slots)
        ASC_TRY(grow_slots(v, err));
    size_t slot = slot_of(v, p, n);
    if (v->slots[slot] >= 0)
        return ASC_FAIL(err, ASC_EINVAL, "a token has two ids, %d and %d", v->slots[slot], id);
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
    v->slots[slot] = id;
    v->n_set++;
    return ASC_OK;
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

void asc__bytes_to_visible(asc_buf *out, const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint8_t utf8[4];
        asc_buf_append(out, utf8, asc__utf8_encode(asc__byte_char((uint8_t)p[i]), utf8));
    }
}

static int char_byte(int32_t c)
{
    if (c < 0x100)
        return c >= 0 && stands_for_itself((unsigned)c) ? c : -1;
    int32_t k = 0x100;
    for (int b = 0; b < 256; b++)
        if (!stands_for_itself((unsigned)b) && k++ == c)
            return b;
    return -1;
}

bool asc__visible_to_bytes(asc_buf *out, const char *p, size_t n)
{
    const uint8_t *q = (const uint8_t *)p, *end = q + n;
    for (size_t len; q < end; q += len) {
        int b = char_byte(asc__utf8_decode(q, end, &len));
        if (b < 0)
            return false;
        asc_buf_putc(out, (char)b);
    }
    return true;
}

/* ---- making ---- */

asc_tokenizer *asc__tokenizer_new(asc__kind kind)
{
    asc_tokenizer *t = asc_calloc(1, sizeof *t);
    if (t) {
        t->kind = kind;
        t->end_of_document = t->unknown = -1;
        t->lowercase = t->strip_accents = t->clean_text = t->space_cjk = true;
        t->max_word_chars = 100;
    }
    return t;
}

void asc_tokenizer_free(asc_tokenizer *t)
{
    if (!t)
        return;
    asc__vocab_clear(&t->vocab);
    for (size_t i = 0; i < t->n_specials; i++)
        asc_free(t->specials[i].name);
    asc_free(t->specials);
    asc_free(t->merges);
    asc_free(t->pairs);
    asc_free(t);
}

asc_status asc__tokenizer_add_special(asc_tokenizer *t, const char *name, int32_t id, asc_error *err)
{
    asc__special *grown = asc_grow(t->specials, &t->cap_specials, t->n_specials + 1, sizeof *grown);
    if (!grown)
        return ASC_NOMEM(err);
    t->specials = grown;
    char *copy = asc_strdup(name);
    if (!copy)
        return ASC_NOMEM(err);
    t->specials[t->n_specials++] = (asc__special){copy, id};
    t->special_start[(uint8_t)name[0]] = true;
    return ASC_OK;
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

static asc_status seal_pairs(asc_tokenizer *t, asc_error *err)
{
    size_t n = 1024;
    while (n < 2 * t->n_merges)
        n *= 2;
    t->pairs = asc_reallocarray(NULL, n, sizeof *t->pairs);
    if (!t->pairs)
        return ASC_NOMEM(err);
    memset(t->pairs, 0xff, n * sizeof *t->pairs);
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

asc_status asc__tokenizer_seal(asc_tokenizer *t, const char *name, asc_error *err)
{
    for (size_t i = 0; i < t->vocab.n; i++)
        if (t->vocab.tokens[i].len > t->longest_token)
            t->longest_token = t->vocab.tokens[i].len;
    if (t->kind == ASC__WORDPIECE)
        return ASC_OK;
    for (int b = 0; b < 256; b++) {
        char byte = (char)b;
        t->byte_id[b] = asc__vocab_find(&t->vocab, &byte, 1);
        if (t->byte_id[b] < 0)
            return ASC_FAIL(err, ASC_EINVAL, "%s: the vocabulary has no token for byte 0x%02x", name, (unsigned)b);
    }
    return seal_pairs(t, err);
}

/* ---- asking ---- */

size_t asc_tokenizer_vocab(const asc_tokenizer *t)
{
    return t->vocab.n;
}

int32_t asc_tokenizer_special(const asc_tokenizer *t, const char *name)
{
    if (!name)
        return t->end_of_document;
    for (size_t i = 0; i < t->n_specials; i++)
        if (strcmp(t->specials[i].name, name) == 0)
            return t->specials[i].id;
    return -1;
}

const char *asc_tokenizer_token(const asc_tokenizer *t, int32_t id, size_t *n_bytes)
{
    if (id < 0 || (size_t)id >= t->vocab.n || t->vocab.tokens[id].len == 0)
        return NULL;
    *n_bytes = t->vocab.tokens[id].len;
    return t->vocab.bytes + t->vocab.tokens[id].at;
}

void asc_tokenizer_fingerprint(const asc_tokenizer *t, char *hex)
{
    asc_sha256 s;
    uint8_t digest[32];
    int32_t head[8] = {(int32_t)t->kind, t->add_prefix_space, t->ignore_merges, t->lowercase,
                       t->strip_accents, t->clean_text,       t->space_cjk,     t->end_of_document};
    asc_sha256_init(&s);
    asc_sha256_update(&s, head, sizeof head);
    for (size_t i = 0; i < t->vocab.n; i++) {
        asc_sha256_update(&s, &t->vocab.tokens[i].len, sizeof t->vocab.tokens[i].len);
        asc_sha256_update(&s, t->vocab.bytes + t->vocab.tokens[i].at, t->vocab.tokens[i].len);
    }
    asc_sha256_update(&s, t->merges, t->n_merges * sizeof *t->merges);
    asc_sha256_final(&s, digest);
    for (int i = 0; i < 32; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
}

asc_status asc_tokenizer_load(asc_tokenizer **out, const char *path, asc_error *err)
{
    if (!asc_path_is_dir(path)) {
        size_t n = strlen(path);
        if (n > 4 && strcmp(path + n - 4, ".txt") == 0)
            return asc__vocab_txt_load(out, path, err);
        return asc__tokenizer_json_load(out, path, err);
    }
    static const char *const names[] = {"tokenizer.json", "encoder.json", "vocab.json", "vocab.txt"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *file = asc_path_join(path, names[i]);
        if (!file)
            return ASC_NOMEM(err);
        bool there = asc_path_exists(file);
        asc_status st = ASC_OK;
        if (there)
            st = i == 0   ? asc__tokenizer_json_load(out, file, err)
                 : i == 3 ? asc__vocab_txt_load(out, file, err)
                          : asc__gpt2_folder_load(out, path, err);
        asc_free(file);
        if (there)
            return st;
    }
    return ASC_FAIL(err, ASC_EINVAL, "%s: expected tokenizer.json, encoder.json and vocab.bpe, or vocab.txt in it",
                    path);
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
    asc_buf_clear(&e->text);
    asc_buf_clear(&e->word);
    asc_free(e);
}

asc_status asc_encoder_create(asc_encoder **out, const asc_tokenizer *t, asc_error *err)
{
    asc_encoder *e = asc_calloc(1, sizeof *e);
    if (!e)
        return ASC_NOMEM(err);
    e->t = t;
    e->cache = asc_calloc(1, sizeof *e->cache);
    if (!e->cache) {
        asc_encoder_free(e);
        return ASC_NOMEM(err);
    }
    *out = e;
    return ASC_OK;
}

/* The next special token written out in text (the longest of those that start first); end when there is none. */
static const char *find_special(const asc_tokenizer *t, const char *p, const char *end, const asc__special **found)
{
    for (; p < end; p++) {
        if (!t->special_start[(uint8_t)*p])
            continue;
        size_t longest = 0;
        for (size_t i = 0; i < t->n_specials; i++) {
            size_t n = strlen(t->specials[i].name);
            if (n > longest && n <= (size_t)(end - p) && memcmp(p, t->specials[i].name, n) == 0) {
                longest = n;
                *found = &t->specials[i];
            }
        }
        if (longest)
            return p;
    }
    return end;
}

static asc_status encode_plain(asc_encoder *e, const char *p, size_t n_bytes, int32_t **ids, size_t *n, size_t *cap,
                               asc_error *err)
{
    if (n_bytes == 0)
        return ASC_OK;
    if (e->t->kind == ASC__BPE)
        return asc__bpe_encode(e, p, n_bytes, ids, n, cap, err);
    return asc__wordpiece_encode(e, p, n_bytes, ids, n, cap, err);
}

static asc_status encode_all(asc_encoder *e, const char *p, const char *end, int32_t **ids, size_t *n, size_t *cap,
                             asc_error *err)
{
    for (;;) {
        const asc__special *special = NULL;
        const char *stop = find_special(e->t, p, end, &special);
        ASC_TRY(encode_plain(e, p, (size_t)(stop - p), ids, n, cap, err));
        if (!special)
            return ASC_OK;
        int32_t *grown = asc_grow(*ids, cap, *n + 1, sizeof *grown);
        if (!grown)
            return ASC_NOMEM(err);
        *ids = grown;
        grown[(*n)++] = special->id;
        p = stop + strlen(special->name);
    }
}

asc_status asc_encode(asc_encoder *e, const char *text, size_t n_bytes, int32_t **ids, size_t *n, size_t *cap,
                      asc_error *err)
{
    size_t before = *n;
    asc_status st = encode_all(e, text, text + n_bytes, ids, n, cap, err);
    if (st != ASC_OK)
        *n = before;
    return st;
}

asc_status asc_decode(const asc_tokenizer *t, const int32_t *ids, size_t n, asc_buf *out, asc_error *err)
{
    for (size_t i = 0; i < n; i++) {
        size_t len;
        const char *p = asc_tokenizer_token(t, ids[i], &len);
        if (!p)
            return ASC_FAIL(err, ASC_EINVAL, "token %zu: id %d is not in the vocabulary of %zu", i, ids[i], t->vocab.n);
        if (t->kind == ASC__WORDPIECE) {
            bool joined = len > 2 && p[0] == '#' && p[1] == '#';
            if (!joined && out->len > 0)
                asc_buf_putc(out, ' ');
            p += joined ? 2 : 0;
            len -= joined ? 2 : 0;
        }
        asc_buf_append(out, p, len);
    }
    return out->oom ? ASC_NOMEM(err) : ASC_OK;
}
