/* Hugging Face's tokenizer.json: models, added tokens. Foreign bytes: what would make other ids is an error. */
#include "tokenizer.h"
#include "way_json.h"

#include <string.h>

enum { MAX_FILE = 1 << 28 };

static bool has_type(const json_t *j, const char *type)
{
    const char *s = json_string_value(json_object_get(j, "type"));
    return s && strcmp(s, type) == 0;
}

/* ---- vocabulary and merges ---- */

/* Under its bytes; a string of other characters than the alphabet's in a vocabulary of bytes is given by no text. */
static asc_status add_token(asc_tokenizer *t, const char *name, const char *s, size_t n, json_int_t id, size_t limit,
                            asc_buf *scratch, asc_error *err)
{
    if (id < 0 || (uint64_t)id >= limit)
        return ASC_FAIL(err, ASC_EINVAL, "%s: id %lld of token '%s' is out of range", name, (long long)id, s);
    asc_error why;
    asc__vocab *v = &t->vocab;
    scratch->len = 0;
    if (t->byte_level && n > 0 && !asc__visible_to_bytes(scratch, s, n)) {
        v = &t->hidden;
        scratch->len = 0;
    }
    if (scratch->len == 0)
        asc_buf_append(scratch, s, n);
    if (scratch->oom)
        return ASC_NOMEM(err);
    asc_status st = n == 0 ? asc__vocab_reserve(v, (int32_t)id, &why)
                           : asc__vocab_add(v, scratch->data, scratch->len, (int32_t)id, &why);
    return st == ASC_OK ? ASC_OK : ASC_FAIL(err, st, "%s: token '%s': %s", name, s, why.msg);
}

static asc_status read_vocab(asc_tokenizer *t, const char *name, json_t *vocab, asc_error *err)
{
    if (!json_is_object(vocab) || json_object_size(vocab) == 0)
        return ASC_FAIL(err, ASC_EINVAL, "%s: expected a vocabulary, an object of tokens and ids", name);
    size_t limit = 2 * json_object_size(vocab) + 65536; /* a hole or two is fine, a lying id is not */
    asc_buf scratch = {0};
    asc_status st = ASC_OK;
    for (void *it = json_object_iter(vocab); it && st == ASC_OK; it = json_object_iter_next(vocab, it)) {
        const char *key = json_object_iter_key(it);
        json_t *id = json_object_iter_value(it);
        if (!json_is_integer(id))
            st = ASC_FAIL(err, ASC_EINVAL, "%s: the id of token '%s' is not a whole number", name, key);
        else
            st = add_token(t, name, key, json_object_iter_key_len(it), json_integer_value(id), limit, &scratch, err);
    }
    asc_buf_clear(&scratch);
    return st;
}

struct parts {
    const char *a, *b;
    size_t n_a, n_b;
};

/* What stands for a merged string in the vocabulary: bytes, or the string itself. */
static bool put_key(const asc_tokenizer *t, asc_buf *out, const char *s, size_t n)
{
    if (t->byte_level)
        return asc__visible_to_bytes(out, s, n);
    asc_buf_append(out, s, n);
    return true;
}

/* The second part of a merge loses the prefix that it has inside a word. */
static asc_status read_merge(asc_tokenizer *t, const char *name, struct parts m, asc_buf *scratch, asc_error *err)
{
    size_t n_inside = t->inside ? strlen(t->inside) : 0;
    int32_t ids[2] = {-1, -1};
    scratch->len = 0;
    if (m.n_a == 0 || m.n_b == 0 || m.n_b < n_inside)
        return ASC_FAIL(err, ASC_EINVAL, "%s: merge %zu: expected two tokens", name, t->n_merges + 1);
    bool good = put_key(t, scratch, m.b, m.n_b) && !scratch->oom;
    ids[1] = good ? asc__vocab_find(&t->vocab, scratch->data, scratch->len) : -1;
    scratch->len = 0;
    good = good && put_key(t, scratch, m.a, m.n_a) && !scratch->oom;
    ids[0] = good ? asc__vocab_find(&t->vocab, scratch->data, scratch->len) : -1;
    good = good && put_key(t, scratch, m.b + n_inside, m.n_b - n_inside);
    if (scratch->oom)
        return ASC_NOMEM(err);
    int32_t made = good ? asc__vocab_find(&t->vocab, scratch->data, scratch->len) : -1;
    if (ids[0] < 0 || ids[1] < 0 || made < 0)
        return ASC_FAIL(err, ASC_EINVAL, "%s: merge %zu: '%.*s' '%.*s' is not in the vocabulary", name, t->n_merges + 1,
                        (int)(m.n_a < 100 ? m.n_a : 100), m.a, (int)(m.n_b < 100 ? m.n_b : 100), m.b);
    return asc__tokenizer_add_merge(t, ids[0], ids[1], made, err);
}

/* "a b", as in vocab.bpe and older files. */
static struct parts split_merge(const char *s, size_t n)
{
    const char *space = memchr(s, ' ', n);
    if (!space)
        return (struct parts){0};
    return (struct parts){s, space + 1, (size_t)(space - s), n - (size_t)(space - s) - 1};
}

static asc_status read_merges(asc_tokenizer *t, const char *name, json_t *merges, asc_error *err)
{
    if (!json_is_array(merges))
        return ASC_FAIL(err, ASC_EINVAL, "%s: field 'merges': expected an array", name);
    asc_buf scratch = {0};
    asc_status st = ASC_OK;
    for (size_t i = 0; i < json_array_size(merges) && st == ASC_OK; i++) {
        json_t *m = json_array_get(merges, i), *a = json_array_get(m, 0), *b = json_array_get(m, 1);
        struct parts parts = {0};
        if (json_is_string(m))
            parts = split_merge(json_string_value(m), json_string_length(m));
        else if (json_array_size(m) == 2 && json_is_string(a) && json_is_string(b))
            parts = (struct parts){json_string_value(a), json_string_value(b), json_string_length(a),
                                   json_string_length(b)};
        if (json_is_string(m) && strncmp(json_string_value(m), "#version", 8) == 0)
            continue;
        st = read_merge(t, name, parts, &scratch, err);
    }
    asc_buf_clear(&scratch);
    return st;
}

/* ---- models ---- */

/* A string that may be null or empty: NULL. */
static asc_status read_affix(char **out, const json_t *model, const char *field, asc_error *err)
{
    const json_t *text = json_object_get(model, field);
    asc_free(*out);
    *out = NULL;
    if (json_string_length(text) == 0)
        return ASC_OK;
    *out = asc_strdup(json_string_value(text));
    return *out ? ASC_OK : ASC_NOMEM(err);
}

enum { NAMED_BUT_MISSING = -2 };

static int32_t read_unknown(const asc_tokenizer *t, const json_t *model)
{
    const json_t *unknown = json_object_get(model, "unk_token");
    if (!json_is_string(unknown))
        return -1;
    int32_t id = asc__tokenizer_find_model(t, json_string_value(unknown), json_string_length(unknown));
    return id >= 0 ? id : NAMED_BUT_MISSING;
}

static asc_status read_bpe(asc_tokenizer *t, const char *name, json_t *root, json_t *model, asc_error *err)
{
    double dropout = json_number_value(json_object_get(model, "dropout"));
    if (dropout != 0)
        return ASC_FAIL(err, ASC_EINVAL, "%s: model.dropout %g makes ids random; expected 0 or null", name, dropout);
    t->ignore_merges = asc__json_flag(model, "ignore_merges", false);
    t->byte_fallback = asc__json_flag(model, "byte_fallback", false);
    t->fuse_unknown = asc__json_flag(model, "fuse_unk", false);
    ASC_TRY(read_affix(&t->inside, model, "continuing_subword_prefix", err));
    ASC_TRY(read_affix(&t->suffix, model, "end_of_word_suffix", err));
    t->byte_level = asc__json_is_byte_level(root) && !t->byte_fallback && !t->inside && !t->suffix;
    ASC_TRY(read_vocab(t, name, json_object_get(model, "vocab"), err));
    t->unknown = read_unknown(t, model);
    return read_merges(t, name, json_object_get(model, "merges"), err);
}

static asc_status read_wordpiece(asc_tokenizer *t, const char *name, json_t *root, json_t *model, asc_error *err)
{
    json_t *longest = json_object_get(model, "max_input_chars_per_word");
    json_int_t chars = json_is_integer(longest) ? json_integer_value(longest) : 100;
    if (chars < 0)
        return ASC_FAIL(err, ASC_EINVAL, "%s: max_input_chars_per_word %lld, expected 0 or more", name,
                        (long long)chars);
    t->max_word_chars = (size_t)chars;
    if (json_object_get(model, "continuing_subword_prefix"))
        ASC_TRY(read_affix(&t->inside, model, "continuing_subword_prefix", err));
    ASC_TRY(read_vocab(t, name, json_object_get(model, "vocab"), err));
    t->unknown = read_unknown(t, model);
    if (!json_object_get(model, "unk_token"))
        t->unknown = asc__vocab_find(&t->vocab, "[UNK]", 5);
    return ASC_OK;
}

static asc_status read_wordlevel(asc_tokenizer *t, const char *name, json_t *root, json_t *model, asc_error *err)
{
    ASC_TRY(read_vocab(t, name, json_object_get(model, "vocab"), err));
    t->unknown = read_unknown(t, model);
    return ASC_OK;
}

static asc_status add_scored(asc_tokenizer *t, const char *name, json_t *pair, size_t i, asc_error *err)
{
    json_t *piece = json_array_get(pair, 0), *score = json_array_get(pair, 1);
    if (!json_is_string(piece) || !json_is_number(score))
        return ASC_FAIL(err, ASC_EINVAL, "%s: token %zu: expected [piece, score]", name, i + 1);
    asc_error why = {0};
    size_t n = json_string_length(piece);
    asc_status st = n ? asc__vocab_put(&t->vocab, json_string_value(piece), n, (int32_t)i, &why)
                      : asc__vocab_reserve(&t->vocab, (int32_t)i, &why);
    t->scores[i] = json_number_value(score);
    return st == ASC_OK ? ASC_OK : ASC_FAIL(err, st, "%s: token %zu: %s", name, i + 1, why.msg);
}

static asc_status read_unigram(asc_tokenizer *t, const char *name, json_t *root, json_t *model, asc_error *err)
{
    json_t *vocab = json_object_get(model, "vocab"), *unknown = json_object_get(model, "unk_id");
    size_t n = json_array_size(vocab);
    if (!json_is_array(vocab) || n == 0 || n > INT32_MAX / 4)
        return ASC_FAIL(err, ASC_EINVAL, "%s: expected a vocabulary, an array of [piece, score]", name);
    t->scores = asc_reallocarray(NULL, n, sizeof *t->scores);
    if (!t->scores)
        return ASC_NOMEM(err);
    t->n_scores = n;
    for (size_t i = 0; i < n; i++)
        ASC_TRY(add_scored(t, name, json_array_get(vocab, i), i, err));
    t->byte_fallback = asc__json_flag(model, "byte_fallback", false);
    if (json_is_integer(unknown)) {
        json_int_t id = json_integer_value(unknown);
        if (id < 0 || (uint64_t)id >= n)
            return ASC_FAIL(err, ASC_EINVAL, "%s: unk_id %lld is not in the vocabulary of %zu", name, (long long)id, n);
        t->unknown = (int32_t)id;
    }
    return ASC_OK;
}

/* Ours: ids without texts, of token files whose tokenizer is not known. */
static asc_status read_ids(asc_tokenizer *t, const char *name, json_t *root, json_t *model, asc_error *err)
{
    json_int_t n = json_integer_value(json_object_get(model, "vocab_size"));
    if (n < 1 || n > 1 << 24)
        return ASC_FAIL(err, ASC_EINVAL, "%s: vocab_size %lld, expected 1 to %d", name, (long long)n, 1 << 24);
    return asc__vocab_reserve(&t->vocab, (int32_t)(n - 1), err);
}

/* Files older than the field "type" name the model by what it has. */
static const struct {
    const char *type, *field;
    asc__kind kind;
    asc_status (*read)(asc_tokenizer *t, const char *name, json_t *root, json_t *model, asc_error *err);
} models[] = {
    {"BPE", "merges", ASC__BPE, read_bpe},
    {"WordPiece", "max_input_chars_per_word", ASC__WORDPIECE, read_wordpiece},
    {"Unigram", "unk_id", ASC__UNIGRAM, read_unigram},
    {"WordLevel", "unk_token", ASC__WORDLEVEL, read_wordlevel},
    {"Ids", "vocab_size", ASC__IDS, read_ids},
};

static int find_model(const json_t *model)
{
    bool typed = json_object_get(model, "type") != NULL;
    for (size_t i = 0; i < sizeof models / sizeof *models; i++)
        if (typed ? has_type(model, models[i].type) : json_object_get(model, models[i].field) != NULL)
            return (int)i;
    return -1;
}

/* ---- added tokens ---- */

/* An id of its own, or as Hugging Face counts on: from the number of the model's tokens, whatever the file says. */
static asc_status read_one_added(asc_tokenizer *t, const char *name, json_t *one, size_t i, json_t *fresh,
                                 int32_t *next, asc_error *err)
{
    const json_t *content = json_object_get(one, "content");
    if (!json_is_string(content) || !json_is_integer(json_object_get(one, "id")))
        return ASC_FAIL(err, ASC_EINVAL, "%s: added token %zu: expected content and id", name, i + 1);
    asc__added k = {.name = (char *)(uintptr_t)json_string_value(content),
                    .n_bytes = json_string_length(content),
                    .special = asc__json_flag(one, "special", false),
                    .normalized = asc__json_flag(one, "normalized", false),
                    .lstrip = asc__json_flag(one, "lstrip", false),
                    .rstrip = asc__json_flag(one, "rstrip", false),
                    .single_word = asc__json_flag(one, "single_word", false)};
    if (k.n_bytes == 0)
        return ASC_OK;
    if (memchr(k.name, 0, k.n_bytes))
        return ASC_FAIL(err, ASC_EINVAL, "%s: added token %zu holds a NUL character", name, i + 1);
    k.id = asc__tokenizer_find_model(t, k.name, k.n_bytes);
    if (k.id < 0 && json_object_get(fresh, k.name))
        k.id = (int32_t)json_integer_value(json_object_get(fresh, k.name));
    if (k.id < 0) {
        k.id = (*next)++;
        if (json_object_set_new(fresh, k.name, json_integer(k.id)) != 0)
            return ASC_NOMEM(err);
    }
    return asc__tokenizer_add_added(t, k, err);
}

static size_t model_size(json_t *model)
{
    json_t *vocab = json_object_get(model, "vocab");
    return json_is_array(vocab) ? json_array_size(vocab) : json_object_size(vocab);
}

static asc_status read_added(asc_tokenizer *t, const char *name, json_t *root, json_t *model, asc_error *err)
{
    json_t *added = json_object_get(root, "added_tokens");
    if (added && !json_is_array(added) && !json_is_null(added))
        return ASC_FAIL(err, ASC_EINVAL, "%s: field 'added_tokens': expected an array", name);
    int32_t next = (int32_t)model_size(model);
    asc_status st = ASC_OK;
    json_t *fresh = json_object(); /* ids of those that the model does not have */
    if (!fresh)
        return ASC_NOMEM(err);
    for (size_t i = 0; i < json_array_size(added) && st == ASC_OK; i++)
        st = read_one_added(t, name, json_array_get(added, i), i, fresh, &next, err);
    json_decref(fresh);
    return st;
}

/* ---- the file ---- */

/* A hash of all but vocabulary and merges, which are hashed as they are, and of a chosen end, which is hashed as an id.
 */
static asc_status hash_way(asc_tokenizer *t, json_t *root, json_t *model, asc_error *err)
{
    asc_sha256 s;
    json_object_del(model, "vocab");
    json_object_del(model, "merges");
    json_object_del(model, "end_of_document");
    char *text = NULL;
    ASC_TRY(asc_json_print(&text, root, 0, err));
    asc_sha256_init(&s);
    asc_sha256_update(&s, text, strlen(text));
    asc_sha256_final(&s, t->way);
    asc_free(text);
    return ASC_OK;
}

static asc_status read_root(asc_tokenizer *t, int kind, const char *name, const char *dir, json_t *root, json_t *model,
                            asc_error *err)
{
    ASC_TRY(models[kind].read(t, name, root, model, err));
    ASC_TRY(asc__json_read_way(t, name, root, err));
    ASC_TRY(read_added(t, name, root, model, err));
    ASC_TRY(asc__tokenizer_seal(t, name, err));
    const json_t *end = json_object_get(model, "end_of_document");
    if (json_is_integer(end) && json_integer_value(end) >= 0 && (size_t)json_integer_value(end) < t->n_ids) {
        t->end_of_document = (int32_t)json_integer_value(end);
        t->end_chosen = true;
    }
    ASC_TRY(asc__find_end(t, name, dir, root, err));
    return hash_way(t, root, model, err);
}

/* A tokenizer.model in base64, which the rest of the file only stands for. */
static asc_status read_sentencepiece(asc_tokenizer **out, const char *name, const char *dir, const json_t *model,
                                     asc_error *err)
{
    const json_t *inner = json_object_get(model, "sentencepiece"), *end = json_object_get(model, "end_of_document");
    asc_buf bytes = {0};
    asc_tokenizer *t = NULL;
    asc_buf_puts(&bytes, "");
    bool good = asc__base64_decode(&bytes, json_string_value(inner), json_string_length(inner));
    asc_status st = bytes.oom ? ASC_NOMEM(err)
                    : !good   ? ASC_FAIL(err, ASC_EINVAL, "%s: model.sentencepiece: expected base64", name)
                              : asc__sentencepiece_read(&t, name, (const uint8_t *)bytes.data, bytes.len, err);
    asc_buf_clear(&bytes);
    ASC_TRY(st);
    if (json_is_integer(end) && json_integer_value(end) >= 0 && (size_t)json_integer_value(end) < t->n_ids) {
        t->end_of_document = (int32_t)json_integer_value(end);
        t->end_chosen = true;
    }
    st = asc__find_end(t, name, dir, NULL, err);
    if (st != ASC_OK)
        asc_tokenizer_free(t);
    else
        *out = t;
    return st;
}

static asc_status keep_source(asc_tokenizer *t, const char *text, size_t n, asc_error *err)
{
    t->source = asc_strndup(text, n);
    t->n_source = n;
    return t->source ? ASC_OK : ASC_NOMEM(err);
}

static asc_status parse(asc_tokenizer **out, const char *name, const char *dir, const char *text, size_t n,
                        asc_error *err)
{
    json_t *root = NULL;
    ASC_TRY(asc_json_parse(&root, name, text, n, err));
    json_t *model = json_object_get(root, "model");
    int kind = json_is_object(model) ? find_model(model) : -1;
    bool inner = json_is_string(json_object_get(model, "sentencepiece"));
    asc_tokenizer *t = kind >= 0 && !inner ? asc__tokenizer_new(models[kind].kind) : NULL;
    asc_status st = ASC_OK;
    if (asc__tekken_is(root)) {
        st = asc__tekken_read(&t, name, root, err);
        if (st == ASC_OK)
            st = asc__find_end(t, name, dir, NULL, err);
    } else if (!json_is_object(model))
        st = ASC_FAIL(err, ASC_EINVAL, "%s: field 'model': expected an object", name);
    else if (kind < 0)
        st = ASC_FAIL(err, ASC_EINVAL, "%s: model '%s': expected BPE, Unigram, WordPiece or WordLevel", name,
                      json_is_string(json_object_get(model, "type")) ? json_string_value(json_object_get(model, "type"))
                                                                     : "(no type)");
    else if (inner)
        st = read_sentencepiece(&t, name, dir, model, err);
    else
        st = t ? read_root(t, kind, name, dir, root, model, err) : ASC_NOMEM(err);
    if (st == ASC_OK && !t->source)
        st = keep_source(t, text, n, err);
    json_decref(root);
    if (st != ASC_OK) {
        asc_tokenizer_free(t);
        return st;
    }
    *out = t;
    return ASC_OK;
}

asc_status asc__tokenizer_json_parse(asc_tokenizer **out, const char *name, const char *text, size_t n, asc_error *err)
{
    return parse(out, name, NULL, text, n, err);
}

asc_status asc_tokenizer_of_ids(asc_tokenizer **out, int64_t n, const char *end, asc_error *err)
{
    asc_tokenizer *t = NULL;
    char text[160];
    if (n < 1 || n > 1 << 24)
        return ASC_FAIL(err, ASC_EINVAL, "a vocabulary of %lld ids, expected 1 to %d", (long long)n, 1 << 24);
    snprintf(text, sizeof text, "{\"version\": \"1.0\", \"model\": {\"type\": \"Ids\", \"vocab_size\": %lld}}",
             (long long)n);
    ASC_TRY(asc__tokenizer_json_parse(&t, "vocabulary of ids", text, strlen(text), err));
    asc_status st = end ? asc_tokenizer_set_end(t, end, err) : ASC_OK;
    if (st != ASC_OK)
        asc_tokenizer_free(t);
    else
        *out = t;
    return st;
}

bool asc_tokenizer_has_texts(const asc_tokenizer *t)
{
    return t->kind != ASC__IDS;
}

asc_status asc__tokenizer_json_load(asc_tokenizer **out, const char *path, const char *text, size_t n, asc_error *err)
{
    char *dir = asc_path_dir(path);
    asc_status st = dir ? parse(out, path, dir, text, n, err) : ASC_NOMEM(err);
    asc_free(dir);
    return st;
}

/* ---- encoder.json + vocab.bpe (or vocab.json + merges.txt) ---- */

static asc_status read_bpe_lines(asc_tokenizer *t, const char *name, const char *text, size_t n, asc_error *err)
{
    asc_buf scratch = {0};
    asc_status st = ASC_OK;
    for (const char *p = text, *end = text + n; p < end && st == ASC_OK;) {
        const char *eol = memchr(p, '\n', (size_t)(end - p)), *stop = eol ? eol : end;
        size_t len = (size_t)(stop - p);
        len -= len > 0 && p[len - 1] == '\r';
        bool version = p == text && len >= 8 && memcmp(p, "#version", 8) == 0;
        if (len > 0 && !version)
            st = read_merge(t, name, split_merge(p, len), &scratch, err);
        p = eol ? eol + 1 : end;
    }
    asc_buf_clear(&scratch);
    return st;
}

static asc_status read_folder(asc_tokenizer *t, const char *dir, const char *vocab_path, const char *merges_path,
                              bool *plain, asc_error *err)
{
    json_t *vocab = NULL;
    ASC_TRY(asc_json_load(&vocab, vocab_path, err));
    asc_status st = read_vocab(t, vocab_path, vocab, err);
    json_decref(vocab);
    ASC_TRY(st);
    char *text = NULL;
    size_t n = 0;
    ASC_TRY(asc_read_file(merges_path, MAX_FILE, &text, &n, err));
    st = read_bpe_lines(t, merges_path, text, n, err);
    asc_free(text);
    ASC_TRY(st);
    int32_t end = asc__vocab_find(&t->vocab, "<|endoftext|>", 13);
    if (end >= 0)
        ASC_TRY(asc__tokenizer_add_special(t, "<|endoftext|>", end, err));
    ASC_TRY(asc__config_bpe(t, plain, vocab_path, dir, err));
    return asc__tokenizer_seal(t, vocab_path, err);
}

/* What is not GPT-2's own way goes by way of a tokenizer.json, so that the one that is saved is the one that is used.
 */
static asc_status finish_folder(asc_tokenizer **t, bool plain, const char *name, const char *dir, asc_error *err)
{
    asc_tokenizer *other = NULL;
    if (!plain) {
        ASC_TRY(asc__tokenizer_through_json(&other, name, *t, err));
        asc_tokenizer_free(*t);
        *t = other;
    }
    return asc__find_end(*t, name, dir, NULL, err);
}

asc_status asc__gpt2_folder_load(asc_tokenizer **out, const char *dir, asc_error *err)
{
    char *encoder = asc_path_join(dir, "encoder.json");
    bool original = encoder && asc_path_exists(encoder);
    char *vocab = asc_path_join(dir, original ? "encoder.json" : "vocab.json");
    char *merges = asc_path_join(dir, original ? "vocab.bpe" : "merges.txt");
    asc_tokenizer *t = asc__tokenizer_new(ASC__BPE);
    bool plain = true;
    asc_status st = encoder && vocab && merges && t ? read_folder(t, dir, vocab, merges, &plain, err) : ASC_NOMEM(err);
    if (st == ASC_OK)
        st = finish_folder(&t, plain, vocab, dir, err);
    asc_free(encoder);
    asc_free(vocab);
    asc_free(merges);
    if (st != ASC_OK) {
        asc_tokenizer_free(t);
        return st;
    }
    *out = t;
    return ASC_OK;
}
