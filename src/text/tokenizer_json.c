/* Tokenizer files: Hugging Face's tokenizer.json (byte-level BPE and uncased WordPiece), GPT-2's encoder.json with
 * vocab.bpe. Foreign bytes: whatever would make other ids than Hugging Face's is an error, never a guess. */
#include "tokenizer.h"

#include <string.h>

#include "autoscale/base_json.h"

enum { MAX_FILE = 1 << 28 };

static asc_status unsupported(const char *name, const char *what, const json_t *found, asc_error *err)
{
    const char *type = json_string_value(json_object_get(found, "type"));
    return ASC_FAIL(err, ASC_EINVAL, "%s: %s '%s' is not supported", name, what, type ? type : "(other)");
}

static bool has_type(const json_t *j, const char *type)
{
    const char *s = json_string_value(json_object_get(j, "type"));
    return s && strcmp(s, type) == 0;
}

static bool flag(const json_t *j, const char *key, bool missing)
{
    const json_t *v = json_object_get(j, key);
    return json_is_boolean(v) ? json_is_true(v) : missing;
}

/* ---- vocabulary and merges ---- */

/* A token's bytes as the encoder sees them; text that is not in the visible alphabet (a special token) stays as it is.
 */
static void token_bytes(asc_buf *out, const asc_tokenizer *t, const char *s, size_t n)
{
    out->len = 0;
    if (t->kind == ASC__BPE && asc__visible_to_bytes(out, s, n))
        return;
    out->len = 0;
    asc_buf_append(out, s, n);
}

static asc_status add_token(asc_tokenizer *t, const char *name, const char *s, size_t n, json_int_t id, size_t limit,
                            asc_buf *scratch, asc_error *err)
{
    if (id < 0 || (uint64_t)id >= limit)
        return ASC_FAIL(err, ASC_EINVAL, "%s: id %lld of token '%s' is out of range", name, (long long)id, s);
    token_bytes(scratch, t, s, n);
    if (scratch->oom)
        return ASC_NOMEM(err);
    asc_error why;
    asc_status st = asc__vocab_add(&t->vocab, scratch->data ? scratch->data : "", scratch->len, (int32_t)id, &why);
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

static asc_status read_merge(asc_tokenizer *t, const char *name, struct parts m, asc_buf *scratch, asc_error *err)
{
    scratch->len = 0;
    if (m.n_a == 0 || m.n_b == 0 || !asc__visible_to_bytes(scratch, m.a, m.n_a))
        return ASC_FAIL(err, ASC_EINVAL, "%s: merge %zu: expected two tokens", name, t->n_merges + 1);
    size_t cut = scratch->len;
    if (!asc__visible_to_bytes(scratch, m.b, m.n_b))
        return ASC_FAIL(err, ASC_EINVAL, "%s: merge %zu: expected two tokens", name, t->n_merges + 1);
    if (scratch->oom)
        return ASC_NOMEM(err);
    int32_t a = asc__vocab_find(&t->vocab, scratch->data, cut);
    int32_t b = asc__vocab_find(&t->vocab, scratch->data + cut, scratch->len - cut);
    int32_t made = asc__vocab_find(&t->vocab, scratch->data, scratch->len);
    if (a < 0 || b < 0 || made < 0)
        return ASC_FAIL(err, ASC_EINVAL, "%s: merge %zu: '%.*s' '%.*s' is not in the vocabulary", name, t->n_merges + 1,
                        (int)(m.n_a < 100 ? m.n_a : 100), m.a, (int)(m.n_b < 100 ? m.n_b : 100), m.b);
    return asc__tokenizer_add_merge(t, a, b, made, err);
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
        st = read_merge(t, name, parts, &scratch, err);
    }
    asc_buf_clear(&scratch);
    return st;
}

/* ---- tokenizer.json ---- */

static asc_status read_added(asc_tokenizer *t, const char *name, json_t *root, asc_error *err)
{
    json_t *added = json_object_get(root, "added_tokens");
    size_t limit = 2 * t->vocab.n + 65536;
    asc_buf scratch = {0};
    asc_status st = ASC_OK;
    for (size_t i = 0; i < json_array_size(added) && st == ASC_OK; i++) {
        json_t *one = json_array_get(added, i), *id = json_object_get(one, "id");
        const char *content = json_string_value(json_object_get(one, "content"));
        if (!content || !*content || !json_is_integer(id)) {
            st = ASC_FAIL(err, ASC_EINVAL, "%s: added token %zu: expected content and id", name, i + 1);
            break;
        }
        if (flag(one, "single_word", false) || flag(one, "lstrip", false) || flag(one, "rstrip", false) ||
            (t->kind == ASC__WORDPIECE && flag(one, "normalized", false))) {
            st = ASC_FAIL(err, ASC_EINVAL, "%s: added token '%s': its flags are not supported", name, content);
            break;
        }
        token_bytes(&scratch, t, content, strlen(content));
        if (scratch.oom)
            st = ASC_NOMEM(err);
        else if (asc__vocab_find(&t->vocab, scratch.data, scratch.len) != json_integer_value(id))
            st = add_token(t, name, content, strlen(content), json_integer_value(id), limit, &scratch, err);
        if (st == ASC_OK)
            st = asc__tokenizer_add_special(t, content, (int32_t)json_integer_value(id), err);
    }
    asc_buf_clear(&scratch);
    return st;
}

static asc_status check_bpe_model(const char *name, const json_t *model, asc_error *err)
{
    static const char *const absent[] = {"continuing_subword_prefix", "end_of_word_suffix"};
    for (size_t i = 0; i < 2; i++) {
        const char *s = json_string_value(json_object_get(model, absent[i]));
        if (s && *s)
            return ASC_FAIL(err, ASC_EINVAL, "%s: model.%s '%s' is not supported", name, absent[i], s);
    }
    double dropout = json_number_value(json_object_get(model, "dropout"));
    if (dropout != 0)
        return ASC_FAIL(err, ASC_EINVAL, "%s: model.dropout %g is not supported", name, dropout);
    return ASC_OK;
}

static asc_status read_bpe(asc_tokenizer *t, const char *name, json_t *root, json_t *model, asc_error *err)
{
    json_t *normalizer = json_object_get(root, "normalizer"), *pre = json_object_get(root, "pre_tokenizer");
    if (normalizer && !json_is_null(normalizer))
        return unsupported(name, "normalizer", normalizer, err);
    json_t *list = has_type(pre, "Sequence") ? json_object_get(pre, "pretokenizers") : NULL;
    if (json_array_size(list) == 1)
        pre = json_array_get(list, 0);
    if (!has_type(pre, "ByteLevel"))
        return unsupported(name, "pre-tokenizer", pre, err);
    if (!flag(pre, "use_regex", true))
        return ASC_FAIL(err, ASC_EINVAL, "%s: a ByteLevel pre-tokenizer without GPT-2's pattern is not supported",
                        name);
    t->add_prefix_space = flag(pre, "add_prefix_space", true);
    t->ignore_merges = flag(model, "ignore_merges", false);
    ASC_TRY(check_bpe_model(name, model, err));
    ASC_TRY(read_vocab(t, name, json_object_get(model, "vocab"), err));
    return read_merges(t, name, json_object_get(model, "merges"), err);
}

static asc_status read_wordpiece(asc_tokenizer *t, const char *name, json_t *root, json_t *model, asc_error *err)
{
    json_t *normalizer = json_object_get(root, "normalizer"), *pre = json_object_get(root, "pre_tokenizer");
    if (!has_type(normalizer, "BertNormalizer"))
        return unsupported(name, "normalizer", normalizer, err);
    if (!has_type(pre, "BertPreTokenizer"))
        return unsupported(name, "pre-tokenizer", pre, err);
    const char *prefix = json_string_value(json_object_get(model, "continuing_subword_prefix"));
    if (prefix && strcmp(prefix, "##") != 0)
        return ASC_FAIL(err, ASC_EINVAL, "%s: continuing_subword_prefix '%s', expected '##'", name, prefix);
    t->lowercase = flag(normalizer, "lowercase", true);
    t->strip_accents = flag(normalizer, "strip_accents", t->lowercase);
    t->clean_text = flag(normalizer, "clean_text", true);
    t->space_cjk = flag(normalizer, "handle_chinese_chars", true);
    json_t *longest = json_object_get(model, "max_input_chars_per_word");
    json_int_t chars = json_is_integer(longest) ? json_integer_value(longest) : 100;
    if (chars < 1 || chars > 1000000)
        return ASC_FAIL(err, ASC_EINVAL, "%s: max_input_chars_per_word %lld, expected 1 to 1000000", name,
                        (long long)chars);
    t->max_word_chars = (size_t)chars;
    ASC_TRY(read_vocab(t, name, json_object_get(model, "vocab"), err));
    const char *unknown = json_string_value(json_object_get(model, "unk_token"));
    unknown = unknown ? unknown : "[UNK]";
    t->unknown = asc__vocab_find(&t->vocab, unknown, strlen(unknown));
    return t->unknown >= 0 ? ASC_OK : ASC_FAIL(err, ASC_EINVAL, "%s: no token '%s'", name, unknown);
}

/* Files older than the field name the model by what it has. */
static bool is_model(const json_t *model, const char *type, const char *field)
{
    return has_type(model, type) || (!json_object_get(model, "type") && json_object_get(model, field));
}

static asc_status read_root(asc_tokenizer *t, const char *name, json_t *root, json_t *model, asc_error *err)
{
    ASC_TRY(t->kind == ASC__BPE ? read_bpe(t, name, root, model, err) : read_wordpiece(t, name, root, model, err));
    ASC_TRY(read_added(t, name, root, err));
    t->end_of_document = asc_tokenizer_special(t, t->kind == ASC__BPE ? "<|endoftext|>" : "[SEP]");
    if (t->end_of_document < 0 && t->kind == ASC__BPE)
        t->end_of_document = asc__vocab_find(&t->vocab, "<|endoftext|>", 13);
    if (t->kind == ASC__WORDPIECE)
        ASC_TRY(asc__wordpiece_specials(t, err));
    return asc__tokenizer_seal(t, name, err);
}

asc_status asc__tokenizer_json_parse(asc_tokenizer **out, const char *name, const char *text, size_t n, asc_error *err)
{
    json_t *root = NULL;
    ASC_TRY(asc_json_parse(&root, name, text, n, err));
    json_t *model = json_object_get(root, "model");
    asc_tokenizer *t = NULL;
    asc_status st = ASC_OK;
    bool bpe = is_model(model, "BPE", "merges"), wordpiece = is_model(model, "WordPiece", "max_input_chars_per_word");
    if (!json_is_object(model))
        st = ASC_FAIL(err, ASC_EINVAL, "%s: field 'model': expected an object", name);
    else if (!bpe && !wordpiece)
        st = unsupported(name, "model", model, err);
    else if (!(t = asc__tokenizer_new(bpe ? ASC__BPE : ASC__WORDPIECE)))
        st = ASC_NOMEM(err);
    else
        st = read_root(t, name, root, model, err);
    json_decref(root);
    if (st != ASC_OK) {
        asc_tokenizer_free(t);
        return st;
    }
    *out = t;
    return ASC_OK;
}

asc_status asc__tokenizer_json_load(asc_tokenizer **out, const char *path, asc_error *err)
{
    char *text = NULL;
    size_t n = 0;
    ASC_TRY(asc_read_file(path, MAX_FILE, &text, &n, err));
    asc_status st = asc__tokenizer_json_parse(out, path, text, n, err);
    asc_free(text);
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

static asc_status read_folder(asc_tokenizer *t, const char *vocab_path, const char *merges_path, asc_error *err)
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
    t->end_of_document = asc__vocab_find(&t->vocab, "<|endoftext|>", 13);
    if (t->end_of_document >= 0)
        ASC_TRY(asc__tokenizer_add_special(t, "<|endoftext|>", t->end_of_document, err));
    return asc__tokenizer_seal(t, vocab_path, err);
}

asc_status asc__gpt2_folder_load(asc_tokenizer **out, const char *dir, asc_error *err)
{
    char *encoder = asc_path_join(dir, "encoder.json");
    bool original = encoder && asc_path_exists(encoder);
    char *vocab = asc_path_join(dir, original ? "encoder.json" : "vocab.json");
    char *merges = asc_path_join(dir, original ? "vocab.bpe" : "merges.txt");
    asc_tokenizer *t = asc__tokenizer_new(ASC__BPE);
    asc_status st = encoder && vocab && merges && t ? read_folder(t, vocab, merges, err) : ASC_NOMEM(err);
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

/* ---- saving ---- */

/* The visible form of a token as a JSON string. */
static json_t *visible(const asc_tokenizer *t, int32_t id, asc_buf *scratch)
{
    size_t n = 0;
    const char *p = asc_tokenizer_token(t, id, &n);
    scratch->len = 0;
    if (!p)
        return NULL;
    if (t->kind == ASC__BPE)
        asc__bytes_to_visible(scratch, p, n);
    else
        asc_buf_append(scratch, p, n);
    return scratch->oom ? NULL : json_stringn(scratch->data, scratch->len);
}

static json_t *vocab_json(const asc_tokenizer *t)
{
    json_t *vocab = json_object();
    asc_buf scratch = {0};
    for (size_t id = 0; id < t->vocab.n && vocab; id++) {
        if (t->vocab.tokens[id].len == 0)
            continue;
        json_t *key = visible(t, (int32_t)id, &scratch);
        if (!key || json_object_setn_new(vocab, json_string_value(key), json_string_length(key),
                                         json_integer((json_int_t)id)) != 0) {
            json_decref(vocab);
            vocab = NULL;
        }
        json_decref(key);
    }
    asc_buf_clear(&scratch);
    return vocab;
}

static json_t *merges_json(const asc_tokenizer *t)
{
    json_t *merges = json_array();
    asc_buf scratch = {0};
    for (size_t i = 0; i < t->n_merges; i++) {
        json_t *a = visible(t, t->merges[i].a, &scratch), *b = visible(t, t->merges[i].b, &scratch);
        json_array_append_new(merges, json_pack("[o,o]", a, b));
    }
    asc_buf_clear(&scratch);
    return merges;
}

static json_t *added_json(const asc_tokenizer *t)
{
    json_t *added = json_array();
    for (size_t i = 0; i < t->n_specials; i++)
        json_array_append_new(added, json_pack("{s:i, s:s, s:b, s:b, s:b, s:b, s:b}", "id", (int)t->specials[i].id,
                                               "content", t->specials[i].name, "single_word", 0, "lstrip", 0, "rstrip",
                                               0, "normalized", 0, "special", 1));
    return added;
}

static json_t *bpe_json(const asc_tokenizer *t)
{
    json_t *pre = json_pack("{s:s, s:b, s:b, s:b}", "type", "ByteLevel", "add_prefix_space", (int)t->add_prefix_space,
                            "trim_offsets", 1, "use_regex", 1);
    json_t *post = json_pack("{s:s, s:b, s:b, s:b}", "type", "ByteLevel", "add_prefix_space", 1, "trim_offsets", 0,
                             "use_regex", 1);
    json_t *decoder = json_pack("{s:s, s:b, s:b, s:b}", "type", "ByteLevel", "add_prefix_space", 1, "trim_offsets", 1,
                                "use_regex", 1);
    json_t *model =
        json_pack("{s:s, s:n, s:n, s:n, s:n, s:b, s:b, s:b, s:o, s:o}", "type", "BPE", "dropout", "unk_token",
                  "continuing_subword_prefix", "end_of_word_suffix", "fuse_unk", 0, "byte_fallback", 0, "ignore_merges",
                  (int)t->ignore_merges, "vocab", vocab_json(t), "merges", merges_json(t));
    return json_pack("{s:s, s:n, s:n, s:o, s:n, s:o, s:o, s:o, s:o}", "version", "1.0", "truncation", "padding",
                     "added_tokens", added_json(t), "normalizer", "pre_tokenizer", pre, "post_processor", post,
                     "decoder", decoder, "model", model);
}

static json_t *template_piece(const char *kind, const char *id, int type_id)
{
    return json_pack("{s:{s:s, s:i}}", kind, "id", id, "type_id", type_id);
}

static json_t *special_entry(const asc_tokenizer *t, const char *name)
{
    return json_pack("{s:s, s:[i], s:[s]}", "id", name, "ids", (int)asc_tokenizer_special(t, name), "tokens", name);
}

/* [CLS] A [SEP] and [CLS] A [SEP] B [SEP], as BERT wants its input. */
static json_t *bert_template(const asc_tokenizer *t)
{
    json_t *single = json_pack("[o,o,o]", template_piece("SpecialToken", "[CLS]", 0),
                               template_piece("Sequence", "A", 0), template_piece("SpecialToken", "[SEP]", 0));
    json_t *pair = json_pack("[o,o,o,o,o]", template_piece("SpecialToken", "[CLS]", 0),
                             template_piece("Sequence", "A", 0), template_piece("SpecialToken", "[SEP]", 0),
                             template_piece("Sequence", "B", 1), template_piece("SpecialToken", "[SEP]", 1));
    return json_pack("{s:s, s:o, s:o, s:{s:o, s:o}}", "type", "TemplateProcessing", "single", single, "pair", pair,
                     "special_tokens", "[CLS]", special_entry(t, "[CLS]"), "[SEP]", special_entry(t, "[SEP]"));
}

static json_t *wordpiece_json(const asc_tokenizer *t)
{
    size_t n = 0;
    const char *unknown = asc_tokenizer_token(t, t->unknown, &n);
    json_t *normalizer = json_pack("{s:s, s:b, s:b, s:b, s:b}", "type", "BertNormalizer", "clean_text",
                                   (int)t->clean_text, "handle_chinese_chars", (int)t->space_cjk, "strip_accents",
                                   (int)t->strip_accents, "lowercase", (int)t->lowercase);
    json_t *decoder = json_pack("{s:s, s:s, s:b}", "type", "WordPiece", "prefix", "##", "cleanup", 1);
    json_t *model = json_pack("{s:s, s:s%, s:s, s:I, s:o}", "type", "WordPiece", "unk_token", unknown ? unknown : "", n,
                              "continuing_subword_prefix", "##", "max_input_chars_per_word",
                              (json_int_t)t->max_word_chars, "vocab", vocab_json(t));
    bool framed = asc_tokenizer_special(t, "[CLS]") >= 0 && asc_tokenizer_special(t, "[SEP]") >= 0;
    return json_pack("{s:s, s:n, s:n, s:o, s:o, s:{s:s}, s:o, s:o, s:o}", "version", "1.0", "truncation", "padding",
                     "added_tokens", added_json(t), "normalizer", normalizer, "pre_tokenizer", "type",
                     "BertPreTokenizer", "post_processor", framed ? bert_template(t) : json_null(), "decoder", decoder,
                     "model", model);
}

asc_status asc_tokenizer_save(const asc_tokenizer *t, const char *path, asc_error *err)
{
    json_t *root = t->kind == ASC__BPE ? bpe_json(t) : wordpiece_json(t);
    if (!root)
        return ASC_NOMEM(err);
    asc_status st = asc_json_write(path, root, 2, err);
    json_decref(root);
    return st;
}
