/* A tokenizer.json's normalizer and pre_tokenizer: one row a kind, sequences taken apart. */
#include "tokenizer.h"
#include "unicode.h"
#include "way_json.h"

#include <string.h>

enum { MAX_STEPS = 64, MAX_NESTING = 16 };

bool asc__json_flag(const json_t *j, const char *key, bool missing)
{
    const json_t *v = json_object_get(j, key);
    return json_is_boolean(v) ? json_is_true(v) : missing;
}

static const char *type_of(const json_t *j)
{
    const char *s = json_string_value(json_object_get(j, "type"));
    return s ? s : "(no type)";
}

static asc_status bad_field(const char *name, const json_t *j, const char *field, const char *wanted, asc_error *err)
{
    return ASC_FAIL(err, ASC_EINVAL, "%s: %s: field '%s': expected %s", name, type_of(j), field, wanted);
}

/* {"String": ".."} or {"Regex": ".."} */
static asc_status read_search(asc__search *s, const char *name, const json_t *j, asc_error *err)
{
    const json_t *pattern = json_object_get(j, "pattern"), *text = json_object_get(pattern, "Regex");
    bool expression = text != NULL;
    text = text ? text : json_object_get(pattern, "String");
    if (!json_is_string(text))
        return bad_field(name, j, "pattern", "{\"String\": \"..\"} or {\"Regex\": \"..\"}", err);
    asc_error why = {0};
    asc_status st = asc__search_init(s, json_string_value(text), json_string_length(text), expression, &why);
    return st == ASC_OK ? ASC_OK : ASC_FAIL(err, st, "%s: %s: %s", name, type_of(j), why.msg);
}

static asc_status copy_text(char **out, size_t *n, const char *name, const json_t *j, const char *field, asc_error *err)
{
    const json_t *text = json_object_get(j, field);
    if (!json_is_string(text))
        return bad_field(name, j, field, "a string", err);
    *out = asc_strndup(json_string_value(text), json_string_length(text));
    *n = json_string_length(text);
    return *out ? ASC_OK : ASC_NOMEM(err);
}

/* ---- normalizers ---- */

typedef asc_status (*normal_fn)(asc__normalizer *k, const char *name, const json_t *j, asc_error *err);

static asc_status read_bert(asc__normalizer *k, const char *name, const json_t *j, asc_error *err)
{
    k->clean = asc__json_flag(j, "clean_text", true);
    k->chinese = asc__json_flag(j, "handle_chinese_chars", true);
    k->lower = asc__json_flag(j, "lowercase", true);
    k->accents = asc__json_flag(j, "strip_accents", k->lower);
    return ASC_OK;
}

static asc_status read_strip(asc__normalizer *k, const char *name, const json_t *j, asc_error *err)
{
    k->left = asc__json_flag(j, "strip_left", true);
    k->right = asc__json_flag(j, "strip_right", true);
    return ASC_OK;
}

static asc_status read_form(asc__normalizer *k, const char *name, const json_t *j, asc_error *err)
{
    k->compatibility = type_of(j)[2] == 'K';
    k->compose = type_of(j)[strlen(type_of(j)) - 1] == 'C';
    return ASC_OK;
}

static asc_status read_replace(asc__normalizer *k, const char *name, const json_t *j, asc_error *err)
{
    ASC_TRY(read_search(&k->search, name, j, err));
    return copy_text(&k->text, &k->n_text, name, j, "content", err);
}

static asc_status read_prepend(asc__normalizer *k, const char *name, const json_t *j, asc_error *err)
{
    return copy_text(&k->text, &k->n_text, name, j, "prepend", err);
}

static asc_status read_precompiled(asc__normalizer *k, const char *name, const json_t *j, asc_error *err)
{
    const json_t *text = json_object_get(j, "precompiled_charsmap");
    asc_buf bytes = {0};
    if (!json_is_string(text) || !asc__base64_decode(&bytes, json_string_value(text), json_string_length(text))) {
        asc_buf_clear(&bytes);
        return bad_field(name, j, "precompiled_charsmap", "base64", err);
    }
    asc_error why = {0};
    asc_status st = bytes.oom ? ASC_NOMEM(&why) : asc__charsmap_read(&k->map, (uint8_t *)bytes.data, bytes.len, &why);
    asc_buf_clear(&bytes);
    return st == ASC_OK ? ASC_OK : ASC_FAIL(err, st, "%s: %s", name, why.msg);
}

static asc_status read_nothing(asc__normalizer *k, const char *name, const json_t *j, asc_error *err)
{
    return ASC_OK;
}

static const struct {
    const char *type;
    asc__normal_kind kind;
    normal_fn read;
} normal_kinds[] = {
    {"Bert", ASC__NORMAL_BERT, read_bert},
    {"BertNormalizer", ASC__NORMAL_BERT, read_bert},
    {"Strip", ASC__NORMAL_STRIP, read_strip},
    {"StripNormalizer", ASC__NORMAL_STRIP, read_strip},
    {"StripAccents", ASC__NORMAL_STRIP_ACCENTS, read_nothing},
    {"NFC", ASC__NORMAL_FORM, read_form},
    {"NFD", ASC__NORMAL_FORM, read_form},
    {"NFKC", ASC__NORMAL_FORM, read_form},
    {"NFKD", ASC__NORMAL_FORM, read_form},
    {"Lowercase", ASC__NORMAL_LOWERCASE, read_nothing},
    {"Nmt", ASC__NORMAL_NMT, read_nothing},
    {"Precompiled", ASC__NORMAL_PRECOMPILED, read_precompiled},
    {"Replace", ASC__NORMAL_REPLACE, read_replace},
    {"Prepend", ASC__NORMAL_PREPEND, read_prepend},
    {"ByteLevel", ASC__NORMAL_BYTE_LEVEL, read_nothing},
};

static asc_status add_normalizer(asc_tokenizer *t, const char *name, const json_t *j, asc_error *err)
{
    size_t k = 0, n = sizeof normal_kinds / sizeof *normal_kinds;
    while (k < n && strcmp(normal_kinds[k].type, type_of(j)) != 0)
        k++;
    if (k == n)
        return ASC_FAIL(err, ASC_EINVAL, "%s: unknown normalizer '%s'", name, type_of(j));
    if (t->n_normalizers == MAX_STEPS)
        return ASC_FAIL(err, ASC_EINVAL, "%s: more than %d normalizers", name, MAX_STEPS);
    asc__normalizer *grown = asc_reallocarray(t->normalizers, t->n_normalizers + 1, sizeof *grown);
    if (!grown)
        return ASC_NOMEM(err);
    t->normalizers = grown;
    asc__normalizer *one = &t->normalizers[t->n_normalizers++];
    *one = (asc__normalizer){.kind = normal_kinds[k].kind};
    return normal_kinds[k].read(one, name, j, err);
}

static asc_status read_normalizers(asc_tokenizer *t, const char *name, const json_t *j, int depth, asc_error *err)
{
    const json_t *list = json_object_get(j, "normalizers");
    if (!j || json_is_null(j))
        return ASC_OK;
    if (strcmp(type_of(j), "Sequence") != 0)
        return add_normalizer(t, name, j, err);
    if (!json_is_array(list) || depth == MAX_NESTING)
        return bad_field(name, j, "normalizers", "an array", err);
    for (size_t i = 0; i < json_array_size(list); i++)
        ASC_TRY(read_normalizers(t, name, json_array_get(list, i), depth + 1, err));
    return ASC_OK;
}

/* ---- pre-tokenizers ---- */

static asc_status add_pre(asc__pre **out, asc_tokenizer *t, const char *name, asc__pre_kind kind, asc_error *err)
{
    if (t->n_pre == MAX_STEPS)
        return ASC_FAIL(err, ASC_EINVAL, "%s: more than %d pre-tokenizers", name, MAX_STEPS);
    asc__pre *grown = asc_reallocarray(t->pre, t->n_pre + 1, sizeof *grown);
    if (!grown)
        return ASC_NOMEM(err);
    t->pre = grown;
    *out = &t->pre[t->n_pre++];
    **out = (asc__pre){.kind = kind, .behaviour = ASC__ISOLATED};
    return ASC_OK;
}

asc_status asc__pre_add_split(asc_tokenizer *t, const char *name, const char *expression, asc_error *err)
{
    asc__pre *k;
    ASC_TRY(add_pre(&k, t, name, ASC__PRE_SPLIT, err));
    return asc__search_init(&k->search, expression, strlen(expression), true, err);
}

asc_status asc__pre_add_gpt2(asc_tokenizer *t, const char *name, bool prefix_space, asc_error *err)
{
    asc__pre *k;
    if (prefix_space)
        ASC_TRY(add_pre(&k, t, name, ASC__PRE_PREFIX_SPACE, err));
    return asc__pre_add_split(t, name, ASC__GPT2_PATTERN, err);
}

static asc_status read_behaviour(asc__pre *k, const char *name, const json_t *j, asc_error *err)
{
    static const char *const names[] = {"Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"};
    const char *s = json_string_value(json_object_get(j, "behavior"));
    if (!s && k->kind == ASC__PRE_PUNCTUATION)
        return ASC_OK;
    for (int i = 0; s && i < 5; i++)
        if (strcmp(s, names[i]) == 0) {
            k->behaviour = (asc__behaviour)i;
            return ASC_OK;
        }
    return bad_field(name, j, "behavior", "Removed, Isolated, MergedWithPrevious, MergedWithNext or Contiguous", err);
}

static asc_status read_char(uint32_t *c, const char *name, const json_t *j, const char *field, asc_error *err)
{
    const json_t *text = json_object_get(j, field);
    const uint8_t *p = (const uint8_t *)json_string_value(text);
    size_t n = json_string_length(text), len = 0;
    int32_t one = n ? asc__utf8_decode(p, p + n, &len) : -1;
    if (one < 0 || len != n)
        return bad_field(name, j, field, "one character", err);
    *c = (uint32_t)one;
    return ASC_OK;
}

static asc_status read_split(asc__pre *k, const char *name, const json_t *j, asc_error *err)
{
    k->invert = asc__json_flag(j, "invert", false);
    ASC_TRY(read_behaviour(k, name, j, err));
    return read_search(&k->search, name, j, err);
}

static asc_status read_digits(asc__pre *k, const char *name, const json_t *j, asc_error *err)
{
    k->behaviour = asc__json_flag(j, "individual_digits", false) ? ASC__ISOLATED : ASC__CONTIGUOUS;
    return ASC_OK;
}

static asc_status read_metaspace(asc__pre *k, const char *name, const json_t *j, asc_error *err)
{
    const char *scheme = json_string_value(json_object_get(j, "prepend_scheme"));
    bool prefix = asc__json_flag(j, "add_prefix_space", true);
    scheme = !prefix ? "never" : scheme ? scheme : "always";
    k->split = asc__json_flag(j, "split", true);
    k->always = strcmp(scheme, "always") == 0;
    k->first = strcmp(scheme, "first") == 0;
    if (!k->always && !k->first && strcmp(scheme, "never") != 0)
        return bad_field(name, j, "prepend_scheme", "always, first or never", err);
    return read_char(&k->c, name, j, "replacement", err);
}

static asc_status read_delimiter(asc__pre *k, const char *name, const json_t *j, asc_error *err)
{
    k->behaviour = ASC__REMOVED;
    return read_char(&k->c, name, j, "delimiter", err);
}

static asc_status read_removed(asc__pre *k, const char *name, const json_t *j, asc_error *err)
{
    k->behaviour = ASC__REMOVED;
    return ASC_OK;
}

static asc_status read_length(asc__pre *k, const char *name, const json_t *j, asc_error *err)
{
    const json_t *length = json_object_get(j, "length");
    json_int_t n = length ? json_integer_value(length) : 5;
    if (n < 1)
        return bad_field(name, j, "length", "a whole number above 0", err);
    k->length = (size_t)n;
    return ASC_OK;
}

static const struct {
    const char *type;
    asc__pre_kind kind;
    asc_status (*read)(asc__pre *k, const char *name, const json_t *j, asc_error *err);
} pre_kinds[] = {
    {"Split", ASC__PRE_SPLIT, read_split},
    {"Digits", ASC__PRE_DIGITS, read_digits},
    {"Punctuation", ASC__PRE_PUNCTUATION, read_behaviour},
    {"Whitespace", ASC__PRE_WHITESPACE, read_removed},
    {"WhitespaceSplit", ASC__PRE_WHITESPACE_SPLIT, read_removed},
    {"Metaspace", ASC__PRE_METASPACE, read_metaspace},
    {"UnicodeScripts", ASC__PRE_SCRIPTS, read_removed},
    {"CharDelimiterSplit", ASC__PRE_DELIMITER, read_delimiter},
    {"Delimiter", ASC__PRE_DELIMITER, read_delimiter},
    {"BertPreTokenizer", ASC__PRE_BERT, read_removed},
    {"FixedLength", ASC__PRE_FIXED_LENGTH, read_length},
};

/* ByteLevel as its parts; its alphabet only where the model is of characters. */
static asc_status add_byte_level(asc_tokenizer *t, const char *name, const json_t *j, asc_error *err)
{
    asc__pre *k;
    if (asc__json_flag(j, "add_prefix_space", true))
        ASC_TRY(add_pre(&k, t, name, ASC__PRE_PREFIX_SPACE, err));
    if (asc__json_flag(j, "use_regex", true))
        ASC_TRY(asc__pre_add_split(t, name, ASC__GPT2_PATTERN, err));
    return t->byte_level ? ASC_OK : add_pre(&k, t, name, ASC__PRE_VISIBLE, err);
}

static asc_status read_pre(asc_tokenizer *t, const char *name, const json_t *j, int depth, asc_error *err)
{
    const json_t *list = json_object_get(j, "pretokenizers");
    size_t i = 0, n = sizeof pre_kinds / sizeof *pre_kinds;
    asc__pre *k;
    if (!j || json_is_null(j))
        return ASC_OK;
    if (strcmp(type_of(j), "Sequence") == 0) {
        if (!json_is_array(list) || depth == MAX_NESTING)
            return bad_field(name, j, "pretokenizers", "an array", err);
        for (; i < json_array_size(list); i++)
            ASC_TRY(read_pre(t, name, json_array_get(list, i), depth + 1, err));
        return ASC_OK;
    }
    if (strcmp(type_of(j), "ByteLevel") == 0)
        return add_byte_level(t, name, j, err);
    while (i < n && strcmp(pre_kinds[i].type, type_of(j)) != 0)
        i++;
    if (i == n)
        return ASC_FAIL(err, ASC_EINVAL, "%s: unknown pre_tokenizer '%s'", name, type_of(j));
    ASC_TRY(add_pre(&k, t, name, pre_kinds[i].kind, err));
    return pre_kinds[i].read(k, name, j, err);
}

/* How often a kind stands in it, and whether it is the last. */
static void count_kind(const json_t *j, const char *type, int depth, size_t *n, bool *last)
{
    const json_t *list = json_object_get(j, "pretokenizers");
    list = list ? list : json_object_get(j, "normalizers");
    if (!json_is_object(j) || depth == MAX_NESTING)
        return;
    for (size_t i = 0; i < json_array_size(list); i++)
        count_kind(json_array_get(list, i), type, depth + 1, n, last);
    if (strcmp(type_of(j), "Sequence") == 0)
        return;
    *last = strcmp(type_of(j), type) == 0;
    *n += *last;
}

bool asc__json_is_byte_level(const json_t *root)
{
    size_t n_pre = 0, n_normal = 0;
    bool last = false, ignored = false;
    count_kind(json_object_get(root, "pre_tokenizer"), "ByteLevel", 0, &n_pre, &last);
    count_kind(json_object_get(root, "normalizer"), "ByteLevel", 0, &n_normal, &ignored);
    return n_pre == 1 && last && n_normal == 0;
}

static bool streams(const asc_tokenizer *t)
{
    for (size_t i = 0; i < t->n_pre; i++) {
        const asc__pre *k = &t->pre[i];
        if (k->kind != ASC__PRE_SPLIT || k->behaviour != ASC__ISOLATED || !(k->search.gpt2 || k->search.pattern))
            return false;
    }
    return t->n_pre > 0;
}

/* GPT-2's and BERT's ways have encoders of their own. */
static void find_classic(asc_tokenizer *t)
{
    const asc__normalizer *k = t->normalizers;
    size_t at = t->n_pre > 1 && t->pre[0].kind == ASC__PRE_PREFIX_SPACE;
    if (t->kind == ASC__BPE) {
        t->classic = t->byte_level && t->n_normalizers == 0 && t->n_pre == at + 1 &&
                     t->pre[at].kind == ASC__PRE_SPLIT && t->pre[at].search.gpt2 &&
                     t->pre[at].behaviour == ASC__ISOLATED && !t->pre[at].invert;
        t->add_prefix_space = t->classic && at;
        return;
    }
    t->classic = t->kind == ASC__WORDPIECE && t->n_normalizers == 1 && k->kind == ASC__NORMAL_BERT && t->n_pre == 1 &&
                 t->pre[0].kind == ASC__PRE_BERT && t->inside && strcmp(t->inside, "##") == 0;
    if (t->classic) {
        t->lowercase = k->lower;
        t->strip_accents = k->accents;
        t->clean_text = k->clean;
        t->space_cjk = k->chinese;
    }
}

asc_status asc__json_read_way(asc_tokenizer *t, const char *name, const json_t *root, asc_error *err)
{
    ASC_TRY(read_normalizers(t, name, json_object_get(root, "normalizer"), 0, err));
    ASC_TRY(read_pre(t, name, json_object_get(root, "pre_tokenizer"), 0, err));
    t->streams = streams(t);
    find_classic(t);
    return ASC_OK;
}
