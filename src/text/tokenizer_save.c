/*
 * Writing a tokenizer.json. What was read from one is written as it was; GPT-2's folders, lists of words and learnt
 * tokenizers in Hugging Face's form. A chosen end of document is kept in the model's field "end_of_document", which
 * other readers skip.
 */
#include "tokenizer.h"

#include <string.h>

/* The visible form of a token as a JSON string. */
static json_t *visible(const asc_tokenizer *t, int32_t id, asc_buf *scratch)
{
    size_t n = t->vocab.tokens[id].len;
    const char *p = t->vocab.bytes + t->vocab.tokens[id].at;
    scratch->len = 0;
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
    for (size_t i = 0; i < t->n_added; i++) {
        const asc__added *k = &t->added[i];
        json_array_append_new(added, json_pack("{s:i, s:s%, s:b, s:b, s:b, s:b, s:b}", "id", (int)k->id, "content",
                                               k->name, k->n_bytes, "single_word", (int)k->single_word, "lstrip",
                                               (int)k->lstrip, "rstrip", (int)k->rstrip, "normalized",
                                               (int)k->normalized, "special", (int)k->special));
    }
    return added;
}

/* GPT-2's way, or another pattern with the alphabet of bytes behind it. */
static json_t *bpe_pre_json(const asc_tokenizer *t)
{
    bool other = t->n_pre == 1 && !t->pre[0].search.gpt2;
    json_t *bytes = json_pack("{s:s, s:b, s:b, s:b}", "type", "ByteLevel", "add_prefix_space", (int)t->add_prefix_space,
                              "trim_offsets", 1, "use_regex", (int)!other);
    if (!other)
        return bytes;
    return json_pack("{s:s, s:[{s:s, s:{s:s}, s:s, s:b}, o]}", "type", "Sequence", "pretokenizers", "type", "Split",
                     "pattern", "Regex", t->pre[0].search.expression, "behavior", "Isolated", "invert", 0, bytes);
}

static json_t *bpe_json(const asc_tokenizer *t)
{
    json_t *pre = bpe_pre_json(t);
    json_t *post = json_pack("{s:s, s:b, s:b, s:b}", "type", "ByteLevel", "add_prefix_space", 1, "trim_offsets", 0,
                             "use_regex", 1);
    json_t *decoder = json_pack("{s:s, s:b, s:b, s:b}", "type", "ByteLevel", "add_prefix_space", 1, "trim_offsets", 1,
                                "use_regex", 1);
    json_t *model =
        json_pack("{s:s, s:n, s:n, s:n, s:n, s:b, s:b, s:b, s:o, s:o}", "type", "BPE", "dropout", "unk_token",
                  "continuing_subword_prefix", "end_of_word_suffix", "fuse_unk", 0, "byte_fallback", 0, "ignore_merges",
                  (int)t->ignore_merges, "vocab", vocab_json(t), "merges", merges_json(t));
    json_t *normalizer = t->n_normalizers ? json_pack("{s:s}", "type", "NFC") : json_null(); /* no other is made here */
    return json_pack("{s:s, s:n, s:n, s:o, s:o, s:o, s:o, s:o, s:o}", "version", "1.0", "truncation", "padding",
                     "added_tokens", added_json(t), "normalizer", normalizer, "pre_tokenizer", pre, "post_processor",
                     post, "decoder", decoder, "model", model);
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

asc_status asc__tokenizer_through_json(asc_tokenizer **out, const char *name, const asc_tokenizer *made, asc_error *err)
{
    json_t *root = made->kind == ASC__BPE ? bpe_json(made) : wordpiece_json(made);
    char *text = NULL;
    asc_status st = root ? asc_json_print(&text, root, 0, err) : ASC_NOMEM(err);
    json_decref(root);
    if (st == ASC_OK)
        st = asc__tokenizer_json_parse(out, name, text, strlen(text), err);
    asc_free(text);
    return st;
}

/* The end of document as the model's field, where reading the file would find another. */
static asc_status put_end(json_t *root, const asc_tokenizer *t)
{
    if (!t->end_chosen)
        return ASC_OK;
    return json_object_set_new(json_object_get(root, "model"), "end_of_document", json_integer(t->end_of_document)) == 0
               ? ASC_OK
               : ASC_ENOMEM;
}

asc_status asc_tokenizer_save(const asc_tokenizer *t, const char *path, asc_error *err)
{
    if (t->source && !t->end_chosen)
        return asc_write_file(path, t->source, t->n_source, err);
    json_t *root = NULL;
    if (t->source)
        ASC_TRY(asc_json_parse(&root, path, t->source, t->n_source, err));
    else
        root = t->kind == ASC__BPE ? bpe_json(t) : wordpiece_json(t);
    if (!root || put_end(root, t) != ASC_OK) {
        json_decref(root);
        return ASC_NOMEM(err);
    }
    asc_status st = asc_json_write(path, root, 2, err);
    json_decref(root);
    return st;
}
