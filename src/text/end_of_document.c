/*
 * Which token ends a document: the one that an option names; the eos_token of a tokenizer_config.json or
 * special_tokens_map.json beside the file; what its post-processor appends to a text; or a token of a usual name.
 */
#include "tokenizer.h"
#include "way_json.h"

#include <stdlib.h>
#include <string.h>

static asc_status set_end(asc_tokenizer *t, int32_t id, const char *from, asc_error *err)
{
    char *copy = asc_strdup(from);
    if (!copy)
        return ASC_NOMEM(err);
    asc_free(t->end_from);
    t->end_from = copy;
    t->end_of_document = id;
    return ASC_OK;
}

asc_status asc_tokenizer_set_end(asc_tokenizer *t, const char *token, asc_error *err)
{
    int32_t id = asc__tokenizer_find(t, token, strlen(token));
    size_t digits = strspn(token, "0123456789");
    if (id < 0 && digits > 0 && digits < 10 && token[digits] == 0)
        id = (int32_t)strtol(token, NULL, 10);
    if (id < 0 || (size_t)id >= t->n_ids)
        return ASC_FAIL(err, ASC_EINVAL, "end of document '%s': neither a token nor an id of the tokenizer's %zu",
                        token, t->n_ids);
    t->end_chosen = t->end_chosen || id != t->end_of_document;
    return set_end(t, id, "an option", err);
}

const char *asc_tokenizer_end_source(const asc_tokenizer *t)
{
    return t->end_of_document >= 0 ? t->end_from : NULL;
}

/* {"eos_token": ".."} or {"eos_token": {"content": ".."}} */
static asc_status end_from_config(asc_tokenizer *t, const char *dir, const char *file, asc_error *err)
{
    char *path = asc_path_join(dir, file);
    json_t *root = NULL;
    asc_error ignored;
    if (!path)
        return ASC_NOMEM(err);
    asc_status st = ASC_OK;
    if (asc_path_exists(path) && asc_json_load(&root, path, &ignored) == ASC_OK) {
        const json_t *eos = json_object_get(root, "eos_token");
        eos = json_is_object(eos) ? json_object_get(eos, "content") : eos;
        int32_t id = json_is_string(eos) ? asc__tokenizer_find(t, json_string_value(eos), json_string_length(eos)) : -1;
        if (json_is_string(eos) && id < 0)
            st = ASC_FAIL(err, ASC_EINVAL, "%s: eos_token '%s' is not a token of the tokenizer", path,
                          json_string_value(eos));
        else if (id >= 0)
            st = set_end(t, id, path, err);
    }
    json_decref(root);
    asc_free(path);
    return st;
}

/* The special token that stands last in a template, behind the text. */
static const char *last_of_template(const json_t *processor)
{
    const json_t *single = json_object_get(processor, "single"), *last;
    size_t n = json_array_size(single);
    last = n > 1 ? json_object_get(json_array_get(single, n - 1), "SpecialToken") : NULL;
    return json_string_value(json_object_get(last, "id"));
}

/* BertProcessing and RobertaProcessing name [SEP] as ["[SEP]", 102]. */
static const char *end_of_processor(const json_t *processor, int depth)
{
    const char *type = json_string_value(json_object_get(processor, "type")), *found = NULL;
    const json_t *list = json_object_get(processor, "processors");
    if (!type || depth > 8)
        return NULL;
    if (strcmp(type, "TemplateProcessing") == 0)
        return last_of_template(processor);
    if (strcmp(type, "BertProcessing") == 0 || strcmp(type, "RobertaProcessing") == 0)
        return json_string_value(json_array_get(json_object_get(processor, "sep"), 0));
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *one = end_of_processor(json_array_get(list, i), depth + 1);
        found = one ? one : found;
    }
    return found;
}

static const char *const usual[] = {
    "<|endoftext|>",
    "<|end_of_text|>",
    "</s>",
    "<eos>",
    "<|eos|>",
    "<\357\275\234end\342\226\201of\342\226\201sentence\357\275\234>", /* full-width bars, low blocks */
    "[SEP]",
    "[EOS]",
    "<|END|>",
    "<EOS>",
    "<|END_OF_TURN_TOKEN|>",
    "<|im_end|>"};

enum { N_USUAL = sizeof usual / sizeof *usual };

static int32_t find_added(const asc_tokenizer *t, const char *name)
{
    for (size_t i = 0; i < t->n_added; i++)
        if (strcmp(t->added[i].name, name) == 0)
            return t->added[i].id;
    return -1;
}

asc_status asc__find_end(asc_tokenizer *t, const char *name, const char *dir, const json_t *root, asc_error *err)
{
    if (t->end_chosen)
        return set_end(t, t->end_of_document, name, err);
    const char *processed = end_of_processor(json_object_get(root, "post_processor"), 0);
    int32_t of_processor = processed ? asc__tokenizer_find(t, processed, strlen(processed)) : -1;
    int32_t of_file = of_processor >= 0 ? of_processor : t->end_of_document; /* a tokenizer.model says it itself */
    for (size_t i = 0; of_file < 0 && i < 2 * N_USUAL; i++) /* an added token before a piece that only reads like one */
        of_file = i < N_USUAL ? find_added(t, usual[i])
                              : asc__tokenizer_find(t, usual[i - N_USUAL], strlen(usual[i - N_USUAL]));
    const char *from = of_processor >= 0 ? "the post-processor" : t->end_of_document >= 0 ? "the model" : "its name";
    if (of_file >= 0 && !t->end_from)
        ASC_TRY(set_end(t, of_file, from, err));
    if (dir)
        ASC_TRY(end_from_config(t, dir, "special_tokens_map.json", err));
    if (dir)
        ASC_TRY(end_from_config(t, dir, "tokenizer_config.json", err));
    t->end_chosen = t->end_of_document != of_file;
    return ASC_OK;
}
