/*
 * Tokenizers in the other files that people have: they give the ids of the tokenizer.json of the same shape, whose ids
 * are those of the reference (test_shapes.c). The files are written here from the shapes.
 */
#include "text_test.h"

#include <jansson.h>

#include "base/base_json.h"

static const char golden[] = ASC_SOURCE_DIR "/tests/text/golden/";

static char *shape(const char *name)
{
    static char path[2][400];
    static int turn;
    char *p = path[turn++ % 2];
    snprintf(p, sizeof path[0], "%sshapes/%s", golden, name);
    return p;
}

static json_t *load_shape(const char *name)
{
    json_t *root = NULL;
    asc_error err = {0};
    assert_ok(asc_json_load(&root, shape(name), &err), &err);
    return root;
}

static asc_tokenizer *load(const char *path)
{
    asc_tokenizer *t = NULL;
    asc_error err = {0};
    assert_ok(asc_tokenizer_load(&t, path, &err), &err);
    return t;
}

struct ids {
    int32_t *p;
    size_t n, cap;
};

/* All strings of strings.txt, or under the sanitizers the first of them, each with an ending. */
static void encode_strings(const asc_tokenizer *t, const char *ending, struct ids *out)
{
    char path[400], line[4000];
    asc_encoder *e = NULL;
    asc_error err = {0};
    snprintf(path, sizeof path, "%sstrings.txt", golden);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    assert_ok(asc_encoder_create(&e, t, &err), &err);
    for (int k = 0; fgets(line, sizeof line, f) && (!small_run() || k < 400); k++) {
        json_t *j = json_loads(line, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        asc_buf text = {0};
        asc_buf_append(&text, json_string_value(j), json_string_length(j));
        asc_buf_puts(&text, ending);
        assert_ok(asc_encode(e, text.data, text.len, &out->p, &out->n, &out->cap, &err), &err);
        asc_buf_clear(&text);
        json_decref(j);
    }
    fclose(f);
    asc_encoder_free(e);
}

/* Two tokenizers, the second also as it is saved; `shift` is added to the ids of the first. */
static void expect_same(const char *one, const char *other, const char *ending, int32_t shift)
{
    asc_tokenizer *t[3] = {load(one), load(other), NULL};
    struct ids ids[3] = {0};
    asc_error err = {0};
    assert_ok(asc_tokenizer_save(t[1], in_work("saved.json"), &err), &err);
    t[2] = load(in_work("saved.json"));
    for (int i = 0; i < 3; i++)
        encode_strings(t[i], ending, &ids[i]);
    for (size_t k = 0; k < ids[0].n; k++)
        ids[0].p[k] += shift;
    for (int i = 1; i < 3; i++) {
        assert_int_equal(ids[i].n, ids[0].n);
        assert_memory_equal(ids[i].p, ids[0].p, ids[0].n * sizeof *ids[0].p);
    }
    for (int i = 0; i < 3; i++) {
        asc_free(ids[i].p);
        asc_tokenizer_free(t[i]);
    }
}

/* ---- names that say nothing ---- */

static void files__content_decides_not_the_name(void **state)
{
    char *text = NULL;
    size_t n = 0;
    asc_error err = {0};
    assert_ok(asc_read_file(shape("spm-plain.model"), 1 << 24, &text, &n, &err), &err);
    put_file(in_work("mistral.model.v3"), text, n);
    asc_free(text);
    expect_same(shape("spm-plain.model"), in_work("mistral.model.v3"), "", 0);
}

/* ---- tekken.json ---- */

/* The ranks of a .tiktoken list and three more, which the size of the vocabulary leaves out. */
static json_t *tekken_vocab(const char *list, size_t *n)
{
    json_t *vocab = json_array();
    char line[1000], token[900];
    FILE *f = fopen(list, "r");
    assert_non_null(f);
    for (int rank; fgets(line, sizeof line, f) && sscanf(line, "%899s %d", token, &rank) == 2; (*n)++)
        json_array_append_new(vocab, json_pack("{s:i, s:s, s:n}", "rank", rank, "token_bytes", token, "token_str"));
    fclose(f);
    for (int k = 0; k < 3; k++) {
        snprintf(token, sizeof token, "%cW5vdGhlciBvbmU", 'a' + k);
        json_array_append_new(vocab, json_pack("{s:i, s:s}", "rank", (int)*n + k, "token_bytes", token));
    }
    return vocab;
}

static json_t *tekken(int n_special)
{
    size_t n = 0;
    json_t *vocab = tekken_vocab(shape("cl100k_base-tiny.tiktoken"), &n);
    const char *pattern =
        "'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|"
        "\\s+\\z|\\s*[\\r\\n]|\\s+(?!\\S)|\\s";
    json_t *root =
        json_pack("{s:{s:s, s:i, s:i, s:s}, s:o}", "config", "pattern", pattern, "default_vocab_size",
                  (int)n + n_special, "default_num_special_tokens", n_special, "version", "v3", "vocab", vocab);
    assert_non_null(root);
    return root;
}

static void put_json(const char *path, json_t *root)
{
    char *text = NULL;
    asc_error err = {0};
    assert_ok(asc_json_print(&text, root, 0, &err), &err);
    put_text(path, text);
    asc_free(text);
}

static void tekken__ids_are_ranks_behind_the_special_tokens(void **state)
{
    json_t *root = tekken(40);
    put_json(in_work("mistral/tekken.json"), root);
    expect_same(shape("cl100k_base-tiny.tiktoken"), in_work("mistral"), "", 40);
    asc_tokenizer *t = load(in_work("mistral/tekken.json"));
    assert_int_equal(asc_tokenizer_special(t, NULL), 2);
    assert_int_equal(asc_tokenizer_special(t, "[TOOL_CONTENT]"), 19);
    assert_int_equal(asc_tokenizer_special(t, "<SPECIAL_39>"), 39);
    asc_tokenizer_free(t);
    json_object_set_new(
        root, "special_tokens",
        json_pack("[{s:i, s:s}, {s:i, s:s}]", "rank", 0, "token_str", "<unk>", "rank", 1, "token_str", "</s>"));
    put_json(in_work("own.json"), root);
    t = load(in_work("own.json"));
    assert_int_equal(asc_tokenizer_special(t, NULL), 1);
    assert_int_equal(asc_tokenizer_special(t, "<SPECIAL_2>"), 2);
    asc_tokenizer_free(t);
    json_decref(root);
}

static void tekken_error(json_t *root, const char *why)
{
    asc_tokenizer *t = NULL;
    asc_error err = {0};
    put_json(in_work("bad.json"), root);
    assert_int_equal(asc_tokenizer_load(&t, in_work("bad.json"), &err), ASC_EINVAL);
    if (!strstr(err.msg, why))
        fail_msg("'%s' does not say '%s'", err.msg, why);
    json_decref(root);
}

static void tekken__damage_is_named(void **state)
{
    json_t *root = tekken(40);
    json_object_set_new(json_object_get(root, "config"), "default_vocab_size", json_integer(1 << 20));
    tekken_error(root, "do not fit the");
    root = tekken(40);
    json_object_set_new(json_array_get(json_object_get(root, "vocab"), 7), "token_bytes", json_string("!"));
    tekken_error(root, "token 8: expected a rank and token_bytes");
    root = tekken(40);
    json_object_set_new(root, "special_tokens", json_pack("[{s:i}]", "rank", 0));
    tekken_error(root, "special token 0: expected token_str");
}

/* ---- vocab.json and merges.txt with the files of transformers beside ---- */

static void put_folder(const char *name, const char *config)
{
    json_t *root = load_shape(name), *model = json_object_get(root, "model"), *merge;
    asc_buf lines = {0};
    size_t i;
    put_json(in_work("folder/vocab.json"), json_object_get(model, "vocab"));
    asc_buf_puts(&lines, "#version: 0.2\n");
    json_array_foreach(json_object_get(model, "merges"), i, merge) asc_buf_printf(
        &lines, "%s %s\n", json_string_value(json_array_get(merge, 0)), json_string_value(json_array_get(merge, 1)));
    put_file(in_work("folder/merges.txt"), lines.data, lines.len);
    put_text(in_work("folder/tokenizer_config.json"), config);
    asc_buf_clear(&lines);
    json_decref(root);
}

static void folder__class_and_added_tokens_are_obeyed(void **state)
{
    put_folder("qwen2.json", "{\"tokenizer_class\": \"Qwen2Tokenizer\", \"eos_token\": \"<|endoftext|>\", "
                             "\"added_tokens_decoder\": {\"0\": {\"content\": \"<|endoftext|>\", \"special\": true}, "
                             "\"1\": {\"content\": \"<|im_start|>\", \"special\": true}, "
                             "\"2\": {\"content\": \"<|im_end|>\", \"special\": true}}}");
    expect_same(shape("qwen2.json"), in_work("folder"), "cafe\xcc\x81 12345<|im_end|>x", 0);
    put_folder("roberta.json", "{\"tokenizer_class\": \"RobertaTokenizer\", \"eos_token\": \"</s>\", \"unk_token\": "
                               "\"<unk>\", \"bos_token\": {\"content\": \"<s>\"}, \"pad_token\": \"<pad>\"}");
    put_text(in_work("folder/added_tokens.json"), "{\"<mask>\": 600, \"nowhere\": \"x\"}");
    expect_same(shape("roberta.json"), in_work("folder"), "1234 </s> x<s>", 0);
    asc_tokenizer *t = load(in_work("folder"));
    assert_int_equal(asc_tokenizer_special(t, NULL), 2);
    asc_tokenizer_free(t);
    assert_int_equal(asc_remove_tree(in_work("folder"), NULL), ASC_OK);
}

static void folder__another_class_is_refused(void **state)
{
    asc_tokenizer *t = NULL;
    asc_error err = {0};
    put_folder("clip.json", "{\"tokenizer_class\": \"CLIPTokenizer\"}");
    assert_int_equal(asc_tokenizer_load(&t, in_work("folder"), &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "a CLIPTokenizer without its tokenizer.json"));
    assert_int_equal(asc_remove_tree(in_work("folder"), NULL), ASC_OK);
}

/* ---- vocab.txt ---- */

static void vocab_txt__case_is_as_the_config_says(void **state)
{
    json_t *root = load_shape("bert-cased.json"), *vocab = json_object_get(json_object_get(root, "model"), "vocab"),
           *id;
    const char *token, *words[2000] = {NULL};
    asc_buf lines = {0};
    json_object_foreach(vocab, token, id) words[json_integer_value(id)] = token;
    for (size_t i = 0; i < json_object_size(vocab); i++)
        asc_buf_printf(&lines, "%s\n", words[i]);
    put_file(in_work("bert/vocab.txt"), lines.data, lines.len);
    put_text(in_work("bert/tokenizer_config.json"), "{\"do_lower_case\": false}");
    expect_same(shape("bert-cased.json"), in_work("bert"), " Bab CAPS [SEP]", 0);
    asc_buf_clear(&lines);
    json_decref(root);
}

/* ---- Qwen's list of ranks ---- */

static void tiktoken__qwen_composes_its_text(void **state)
{
    char *text = NULL;
    size_t n = 0;
    asc_error err = {0};
    struct ids ids[2] = {0};
    const char *const texts[] = {"caf\xc3\xa9", "cafe\xcc\x81"};
    assert_ok(asc_read_file(shape("cl100k_base-tiny.tiktoken"), 1 << 24, &text, &n, &err), &err);
    put_file(in_work("qwen.tiktoken"), text, n);
    asc_free(text);
    asc_tokenizer *t = load(in_work("qwen.tiktoken"));
    asc_encoder *e = NULL;
    assert_ok(asc_encoder_create(&e, t, &err), &err);
    for (int i = 0; i < 2; i++)
        assert_ok(asc_encode(e, texts[i], strlen(texts[i]), &ids[i].p, &ids[i].n, &ids[i].cap, &err), &err);
    assert_int_equal(ids[0].n, ids[1].n);
    assert_memory_equal(ids[0].p, ids[1].p, ids[0].n * sizeof *ids[0].p);
    for (int i = 0; i < 2; i++)
        asc_free(ids[i].p);
    asc_encoder_free(e);
    asc_tokenizer_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files__content_decides_not_the_name),
        cmocka_unit_test(tekken__ids_are_ranks_behind_the_special_tokens),
        cmocka_unit_test(tekken__damage_is_named),
        cmocka_unit_test(folder__class_and_added_tokens_are_obeyed),
        cmocka_unit_test(folder__another_class_is_refused),
        cmocka_unit_test(vocab_txt__case_is_as_the_config_says),
        cmocka_unit_test(tiktoken__qwen_composes_its_text),
    };
    return cmocka_run_group_tests_name("tokenizer files", tests, make_work_dir, remove_work_dir);
}
