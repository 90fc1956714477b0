/*
 * What stands beside a tokenizer without a tokenizer.json, in the tokenizer_config.json, added_tokens.json and
 * special_tokens_map.json of transformers: the class, which says how text is cut, its flags and its added tokens.
 */
#include "tokenizer.h"
#include "way_json.h"

#include <stdlib.h>
#include <string.h>

/* One of the files as an object; NULL: there is none. */
static asc_status load(json_t **out, const char *dir, const char *file, asc_error *err)
{
    char *path = asc_path_join(dir, file);
    if (!path)
        return ASC_NOMEM(err);
    asc_status st = asc_path_exists(path) ? asc_json_load(out, path, err) : ASC_OK;
    if (st == ASC_OK && *out && !json_is_object(*out)) {
        json_decref(*out);
        *out = NULL;
        st = ASC_FAIL(err, ASC_EINVAL, "%s: expected an object", path);
    }
    asc_free(path);
    return st;
}

/* ---- classes ---- */

/* Classes whose vocab.json and merges.txt are of bytes; all others would cut text differently. */
static const struct {
    const char *name;
    const char *pattern; /* NULL: GPT-2's */
    bool nfc;
} classes[] = {{"GPT2", NULL, false},
               {"Roberta", NULL, false},
               {"Bart", NULL, false},
               {"OPT", NULL, false},
               {"CodeGen", NULL, false},
               {"LED", NULL, false},
               {"Longformer", NULL, false},
               {"Mvp", NULL, false},
               {"Blenderbot", NULL, false},
               {"Deberta", NULL, false},
               {"Whisper", NULL, false},
               {"GPTNeo", NULL, false},
               {"Qwen2", ASC__QWEN_PATTERN, true}};
enum { N_CLASSES = sizeof classes / sizeof *classes };

static int find_class(const char *name)
{
    for (size_t i = 0; i < N_CLASSES; i++) {
        size_t n = strlen(classes[i].name);
        if (strncmp(name, classes[i].name, n) == 0 &&
            (strcmp(name + n, "Tokenizer") == 0 || strcmp(name + n, "TokenizerFast") == 0))
            return (int)i;
    }
    return -1;
}

asc_status asc__add_nfc(asc_tokenizer *t, asc_error *err)
{
    t->normalizers = asc_calloc(1, sizeof *t->normalizers);
    if (!t->normalizers)
        return ASC_NOMEM(err);
    t->normalizers[t->n_normalizers++] = (asc__normalizer){.kind = ASC__NORMAL_FORM, .compose = true};
    return ASC_OK;
}

static asc_status set_way(asc_tokenizer *t, const char *name, const char *dir, const json_t *config, bool *plain,
                          asc_error *err)
{
    const char *class = json_string_value(json_object_get(config, "tokenizer_class"));
    int k = class ? find_class(class) : 0;
    if (k < 0)
        return ASC_FAIL(err, ASC_EINVAL,
                        "%s: a %s without its tokenizer.json, which says how it cuts text; write it with transformers: "
                        "AutoTokenizer.from_pretrained('%s').save_pretrained('%s')",
                        name, class, dir, dir);
    t->add_prefix_space = asc__json_flag(config, "add_prefix_space", false);
    *plain = !classes[k].pattern && !t->add_prefix_space;
    if (!classes[k].pattern)
        return asc__pre_add_gpt2(t, name, t->add_prefix_space, err);
    if (classes[k].nfc)
        ASC_TRY(asc__add_nfc(t, err));
    return asc__pre_add_split(t, name, classes[k].pattern, err);
}

/* ---- added tokens ---- */

static bool is_added(const asc_tokenizer *t, const char *name)
{
    for (size_t i = 0; i < t->n_added; i++)
        if (strcmp(t->added[i].name, name) == 0)
            return true;
    return false;
}

/* By its id in the model's vocabulary, else by the one that the file says (-1: none, so that it is no token). */
static asc_status add(asc_tokenizer *t, const char *text, const json_t *flags, bool special, json_int_t id,
                      asc_error *err)
{
    int32_t known = text && *text ? asc__tokenizer_find_model(t, text, strlen(text)) : -1;
    id = known >= 0 ? known : id;
    if (!text || !*text || id < 0 || id >= 1 << 24 || is_added(t, text))
        return ASC_OK;
    if (known < 0 && (size_t)id < t->vocab.n && t->vocab.tokens[id].len)
        return ASC_OK; /* the id is another token's */
    asc__added one = {.name = (char *)(uintptr_t)text,
                      .n_bytes = strlen(text),
                      .id = (int32_t)id,
                      .special = asc__json_flag(flags, "special", special),
                      .normalized = asc__json_flag(flags, "normalized", false),
                      .lstrip = asc__json_flag(flags, "lstrip", false),
                      .rstrip = asc__json_flag(flags, "rstrip", false),
                      .single_word = asc__json_flag(flags, "single_word", false)};
    return asc__tokenizer_add_added(t, one, err);
}

/* "bos_token": ".." or {"content": "..", "lstrip": ..}; additional_special_tokens: a list of them. */
static asc_status add_named(asc_tokenizer *t, const json_t *config, asc_error *err)
{
    static const char *const keys[] = {"bos_token", "eos_token", "unk_token", "sep_token",
                                       "pad_token", "cls_token", "mask_token"};
    const json_t *more = json_object_get(config, "additional_special_tokens");
    size_t n_keys = sizeof keys / sizeof *keys;
    for (size_t i = 0; i < n_keys + json_array_size(more); i++) {
        const json_t *one = i < n_keys ? json_object_get(config, keys[i]) : json_array_get(more, i - n_keys);
        const json_t *text = json_is_object(one) ? json_object_get(one, "content") : one;
        ASC_TRY(add(t, json_string_value(text), one, true, -1, err));
    }
    return ASC_OK;
}

/* {"50256": {"content": "<|endoftext|>", "special": true, ..}} */
static asc_status add_decoder(asc_tokenizer *t, const json_t *config, asc_error *err)
{
    json_t *list = json_object_get(config, "added_tokens_decoder");
    const char *key;
    json_t *one;
    json_object_foreach(list, key, one)
    {
        char *end = NULL;
        long id = strtol(key, &end, 10);
        ASC_TRY(add(t, json_string_value(json_object_get(one, "content")), one, false, *end ? -1 : id, err));
    }
    return ASC_OK;
}

/* {"<pad>": 50257} */
static asc_status add_list(asc_tokenizer *t, json_t *list, asc_error *err)
{
    const char *key;
    json_t *id;
    json_object_foreach(list, key, id)
        ASC_TRY(add(t, key, NULL, false, json_is_integer(id) ? json_integer_value(id) : -1, err));
    return ASC_OK;
}

static asc_status add_all(asc_tokenizer *t, const char *dir, const json_t *config, asc_error *err)
{
    json_t *list = NULL, *map = NULL;
    asc_status st = load(&list, dir, "added_tokens.json", err);
    if (st == ASC_OK)
        st = load(&map, dir, "special_tokens_map.json", err);
    if (st == ASC_OK)
        st = add_decoder(t, config, err);
    if (st == ASC_OK)
        st = add_named(t, config, err);
    if (st == ASC_OK)
        st = add_named(t, map, err);
    if (st == ASC_OK)
        st = add_list(t, list, err);
    json_decref(list);
    json_decref(map);
    return st;
}

asc_status asc__config_bpe(asc_tokenizer *t, bool *plain, const char *name, const char *dir, asc_error *err)
{
    json_t *config = NULL;
    ASC_TRY(load(&config, dir, "tokenizer_config.json", err));
    size_t n_added = t->n_added;
    asc_status st = set_way(t, name, dir, config, plain, err);
    if (st == ASC_OK)
        st = add_all(t, dir, config, err);
    *plain = *plain && t->n_added == n_added;
    json_decref(config);
    return st;
}

asc_status asc__config_bert(asc_tokenizer *t, const char *dir, asc_error *err)
{
    json_t *config = NULL;
    ASC_TRY(load(&config, dir, "tokenizer_config.json", err));
    const json_t *accents = json_object_get(config, "strip_accents");
    t->lowercase = asc__json_flag(config, "do_lower_case", true);
    t->strip_accents = json_is_boolean(accents) ? json_is_true(accents) : t->lowercase;
    t->space_cjk = asc__json_flag(config, "tokenize_chinese_chars", true);
    json_decref(config);
    return ASC_OK;
}
