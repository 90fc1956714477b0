/*
 * Mistral's tekken.json: ranks of bytes as in tiktoken's lists, behind a fixed number of special tokens, whose ids come
 * first. Of the ranks only so many count as fill the vocabulary. Files older than the list of special tokens have the
 * twenty names below; the remaining special ids are fillers.
 */
#include "tokenizer.h"
#include "way_json.h"

#include <string.h>

static const char *const first_specials[] = {"<unk>",
                                             "<s>",
                                             "</s>",
                                             "[INST]",
                                             "[/INST]",
                                             "[AVAILABLE_TOOLS]",
                                             "[/AVAILABLE_TOOLS]",
                                             "[TOOL_RESULTS]",
                                             "[/TOOL_RESULTS]",
                                             "[TOOL_CALLS]",
                                             "[IMG]",
                                             "<pad>",
                                             "[IMG_BREAK]",
                                             "[IMG_END]",
                                             "[PREFIX]",
                                             "[MIDDLE]",
                                             "[SUFFIX]",
                                             "[SYSTEM_PROMPT]",
                                             "[/SYSTEM_PROMPT]",
                                             "[TOOL_CONTENT]"};
enum { N_FIRST = sizeof first_specials / sizeof *first_specials, MAX_IDS = 1 << 24 };

bool asc__tekken_is(const json_t *root)
{
    const json_t *config = json_object_get(root, "config");
    return !json_object_get(root, "model") && json_is_string(json_object_get(config, "pattern")) &&
           json_is_array(json_object_get(root, "vocab"));
}

struct sizes {
    json_int_t all, special;
};

static asc_status read_sizes(struct sizes *out, const char *name, const json_t *root, asc_error *err)
{
    const json_t *config = json_object_get(root, "config");
    const json_t *all = json_object_get(config, "default_vocab_size");
    const json_t *special = json_object_get(config, "default_num_special_tokens");
    *out = (struct sizes){json_integer_value(all), json_integer_value(special)};
    json_int_t n = (json_int_t)json_array_size(json_object_get(root, "vocab"));
    if (!json_is_integer(all) || !json_is_integer(special) || out->special < 1 || out->all <= out->special ||
        out->all > MAX_IDS || out->all - out->special > n)
        return ASC_FAIL(err, ASC_EINVAL,
                        "%s: config: %lld ids, %lld of them special, do not fit the %lld tokens of its vocabulary",
                        name, (long long)out->all, (long long)out->special, (long long)n);
    return ASC_OK;
}

static asc_status read_token(asc_tokenizer *t, const char *name, size_t i, const json_t *one, const struct sizes *sizes,
                             asc_buf *bytes, asc_error *err)
{
    const json_t *rank = json_object_get(one, "rank"), *text = json_object_get(one, "token_bytes");
    bytes->len = 0;
    if (!json_is_integer(rank) || json_integer_value(rank) < 0 || !json_is_string(text) ||
        !asc__base64_decode(bytes, json_string_value(text), json_string_length(text)) ||
        (bytes->len == 0 && !bytes->oom))
        return ASC_FAIL(err, ASC_EINVAL, "%s: token %zu: expected a rank and token_bytes in base64", name, i + 1);
    if (bytes->oom)
        return ASC_NOMEM(err);
    if (json_integer_value(rank) >= sizes->all - sizes->special)
        return ASC_OK;
    asc_error why = {0};
    asc_status st =
        asc__vocab_add(&t->vocab, bytes->data, bytes->len, (int32_t)(json_integer_value(rank) + sizes->special), &why);
    return st == ASC_OK ? ASC_OK : ASC_FAIL(err, st, "%s: token %zu: %s", name, i + 1, why.msg);
}

static asc_status read_tokens(asc_tokenizer *t, const char *name, const json_t *root, const struct sizes *sizes,
                              asc_error *err)
{
    const json_t *vocab = json_object_get(root, "vocab");
    asc_buf bytes = {0};
    asc_status st = ASC_OK;
    for (size_t i = 0; i < json_array_size(vocab) && st == ASC_OK; i++)
        st = read_token(t, name, i, json_array_get(vocab, i), sizes, &bytes, err);
    asc_buf_clear(&bytes);
    return st;
}

/* The name of a special id: the file's, the old list's, or a filler's. */
static const char *special_name(char filler[32], const json_t *specials, json_int_t id)
{
    for (size_t i = 0; i < json_array_size(specials); i++) {
        const json_t *one = json_array_get(specials, i), *rank = json_object_get(one, "rank");
        if (json_is_integer(rank) && json_integer_value(rank) == id)
            return json_string_value(json_object_get(one, "token_str"));
    }
    if (!json_is_array(specials) && id < N_FIRST)
        return first_specials[id];
    snprintf(filler, 32, "<SPECIAL_%lld>", (long long)id);
    return filler;
}

/* In the vocabulary too, so that their ids are kept by all who read the tokenizer.json. */
static asc_status add_specials(asc_tokenizer *t, const char *name, const json_t *root, json_int_t n, asc_error *err)
{
    const json_t *specials = json_object_get(root, "special_tokens");
    char filler[32];
    for (json_int_t id = 0; id < n; id++) {
        const char *token = special_name(filler, specials, id);
        if (!token || !*token)
            return ASC_FAIL(err, ASC_EINVAL, "%s: special token %lld: expected token_str", name, (long long)id);
        if (asc__vocab_find(&t->vocab, token, strlen(token)) < 0)
            ASC_TRY(asc__vocab_add(&t->vocab, token, strlen(token), (int32_t)id, err));
        ASC_TRY(asc__tokenizer_add_special(t, token, asc__vocab_find(&t->vocab, token, strlen(token)), err));
    }
    return ASC_OK;
}

static asc_status build(asc_tokenizer *t, const char *name, const json_t *root, asc_error *err)
{
    struct sizes sizes;
    ASC_TRY(read_sizes(&sizes, name, root, err));
    ASC_TRY(read_tokens(t, name, root, &sizes, err));
    t->ignore_merges = true;
    ASC_TRY(asc__pre_add_split(t, name, json_string_value(json_object_get(json_object_get(root, "config"), "pattern")),
                               err));
    ASC_TRY(asc__merges_of_vocab(t, NULL, t->vocab.n, err));
    return add_specials(t, name, root, sizes.special, err);
}

asc_status asc__tekken_read(asc_tokenizer **out, const char *name, const json_t *root, asc_error *err)
{
    asc_tokenizer *t = asc__tokenizer_new(ASC__BPE);
    asc_status st = t ? build(t, name, root, err) : ASC_NOMEM(err);
    if (st == ASC_OK)
        st = asc__tokenizer_through_json(out, name, t, err);
    asc_tokenizer_free(t);
    return st;
}
