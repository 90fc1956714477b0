/*
 * tiktoken's lists of ranks: a token in base64 and its rank, a line each. Text is cut by the pattern of the encoding;
 * then the pair whose join has the lowest rank is merged first, which is BPE with every cut of a token as a merge of
 * its rank. Names and special tokens stand in no such file: they are known for the encodings that are public.
 */
#include "tokenizer.h"
#include "way_json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CASED "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]"
#define UNCASED "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]"

static const char gpt2[] = "'(?:[sdmt]|ll|ve|re)| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+\\z|\\s+(?!\\S)|\\s";
static const char cl100k[] =
    "'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s+\\z|"
    "\\s*[\\r\\n]|\\s+(?!\\S)|\\s";
static const char llama3[] = ASC__CONTRACTIONS
    "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
static const char qwen35[] = ASC__CONTRACTIONS
    "|[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+|\\p{N}| ?[^\\s\\p{L}\\p{M}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|"
    "\\s+(?!\\S)|\\s+";
static const char o200k[] =
    "[^\\r\\n\\p{L}\\p{N}]?" CASED "*" UNCASED "+" ASC__CONTRACTIONS "?|[^\\r\\n\\p{L}\\p{N}]?" CASED "+" UNCASED
    "*" ASC__CONTRACTIONS "?|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

/* An encoding that is public: its ranks, special tokens and their ids. */
struct encoding {
    const char *name;
    size_t n; /* ranks */
    const char *pattern;
    bool nfc;
    struct {
        const char *name;
        int32_t id;
    } special[8];
};

static const struct encoding encodings[] = {
    {"r50k_base", 50256, gpt2, false, {{"<|endoftext|>", 50256}}},
    {"p50k_base", 50280, gpt2, false, {{"<|endoftext|>", 50256}}},
    {"cl100k_base",
     100256,
     cl100k,
     false,
     {{"<|endoftext|>", 100257},
      {"<|fim_prefix|>", 100258},
      {"<|fim_middle|>", 100259},
      {"<|fim_suffix|>", 100260},
      {"<|endofprompt|>", 100276}}},
    {"o200k_base", 199998, o200k, false, {{"<|endoftext|>", 199999}, {"<|endofprompt|>", 200018}}},
    {"llama3",
     128000,
     llama3,
     false,
     {{"<|begin_of_text|>", 128000},
      {"<|end_of_text|>", 128001},
      {"<|start_header_id|>", 128006},
      {"<|end_header_id|>", 128007},
      {"<|eot_id|>", 128009}}},
    {"qwen",
     151643,
     ASC__QWEN_PATTERN,
     true,
     {{"<|endoftext|>", 151643}, {"<|im_start|>", 151644}, {"<|im_end|>", 151645}}},
    {"qwen3_5", 248044, qwen35, true, {{"<|endoftext|>", 248044}, {"<|im_start|>", 248045}, {"<|im_end|>", 248046}}},
};

/* By its size and name, else its size, else its name; a list of one's own: GPT-4's pattern. */
static const struct encoding *find_encoding(const char *path, size_t n)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    const struct encoding *sized = NULL, *named = strncmp(name, "gpt2", 4) == 0 ? &encodings[0] : NULL;
    for (size_t i = sizeof encodings / sizeof *encodings; i-- > 0;) {
        sized = encodings[i].n == n ? &encodings[i] : sized;
        named = strncmp(name, encodings[i].name, strlen(encodings[i].name)) == 0 ? &encodings[i] : named;
    }
    return sized ? sized : named;
}

/* ---- the lines ---- */

static asc_status read_line(asc_tokenizer *t, const char *name, size_t line, const char *p, size_t n, asc_buf *bytes,
                            asc_error *err)
{
    const char *space = memchr(p, ' ', n);
    char *after = NULL;
    char number[24] = "";
    bytes->len = 0;
    if (space && (size_t)(p + n - space) < sizeof number)
        memcpy(number, space + 1, (size_t)(p + n - space) - 1);
    long rank = number[0] >= '0' && number[0] <= '9' ? strtol(number, &after, 10) : -1;
    if (!space || rank < 0 || rank >= 1 << 24 || *after || !asc__base64_decode(bytes, p, (size_t)(space - p)))
        return ASC_FAIL(err, ASC_EINVAL, "%s:%zu: expected a token in base64, a blank, and its rank", name, line);
    asc_error why = {0};
    asc_status st = bytes->oom
                        ? ASC_NOMEM(&why)
                        : asc__vocab_add(&t->vocab, bytes->data ? bytes->data : "", bytes->len, (int32_t)rank, &why);
    return st == ASC_OK ? ASC_OK : ASC_FAIL(err, st, "%s:%zu: %s", name, line, why.msg);
}

static asc_status read_lines(asc_tokenizer *t, const char *name, const char *text, size_t n, asc_error *err)
{
    asc_buf bytes = {0};
    asc_status st = ASC_OK;
    size_t line = 1;
    for (const char *p = text, *end = text + n; p < end && st == ASC_OK; line++) {
        const char *eol = memchr(p, '\n', (size_t)(end - p)), *stop = eol ? eol : end;
        size_t len = (size_t)(stop - p);
        len -= len > 0 && p[len - 1] == '\r';
        if (len > 0)
            st = read_line(t, name, line, p, len, &bytes, err);
        p = eol ? eol + 1 : end;
    }
    asc_buf_clear(&bytes);
    return st;
}

bool asc__may_merge(const asc_tokenizer *t, int32_t id)
{
    return !t->scores || (!isnan(t->scores[id]) && !(t->user && t->user[id]));
}

/* ---- every cut of a token into two tokens is a merge of its rank ---- */

struct split {
    int32_t a, b;
};

static int by_parts(const void *x, const void *y)
{
    const struct split *p = x, *q = y;
    if (p->a != q->a)
        return p->a < q->a ? -1 : 1;
    return p->b < q->b ? -1 : p->b > q->b;
}

static asc_status add_splits(asc_tokenizer *t, int32_t id, struct split *splits, asc_error *err)
{
    const char *p = t->vocab.bytes + t->vocab.tokens[id].at;
    size_t len = t->vocab.tokens[id].len, n = 0;
    for (size_t k = 1; k < len; k++) {
        int32_t a = asc__vocab_find(&t->vocab, p, k), b = asc__vocab_find(&t->vocab, p + k, len - k);
        if (a >= 0 && b >= 0 && asc__may_merge(t, a) && asc__may_merge(t, b))
            splits[n++] = (struct split){a, b};
    }
    qsort(splits, n, sizeof *splits, by_parts);
    for (size_t i = 0; i < n; i++)
        ASC_TRY(asc__tokenizer_add_merge(t, splits[i].a, splits[i].b, id, err));
    return ASC_OK;
}

asc_status asc__merges_of_vocab(asc_tokenizer *t, const int32_t *order, size_t n, asc_error *err)
{
    size_t longest = 0;
    for (size_t i = 0; i < t->vocab.n; i++)
        longest = t->vocab.tokens[i].len > longest ? t->vocab.tokens[i].len : longest;
    struct split *splits = asc_reallocarray(NULL, longest + 1, sizeof *splits);
    asc_status st = splits ? ASC_OK : ASC_NOMEM(err);
    for (size_t i = 0; i < n && st == ASC_OK; i++) {
        int32_t id = order ? order[i] : (int32_t)i;
        if (t->vocab.tokens[id].len > 1 && asc__may_merge(t, id))
            st = add_splits(t, id, splits, err);
    }
    asc_free(splits);
    return st;
}

/* ---- the tokenizer ---- */

/* They stand in the vocabulary too, so that their ids are kept by all who read the tokenizer.json. */
static asc_status add_special(asc_tokenizer *t, const char *name, int32_t id, asc_error *err)
{
    if (asc__vocab_find(&t->vocab, name, strlen(name)) < 0)
        ASC_TRY(asc__vocab_add(&t->vocab, name, strlen(name), id, err));
    return asc__tokenizer_add_special(t, name, asc__vocab_find(&t->vocab, name, strlen(name)), err);
}

static asc_status add_specials(asc_tokenizer *t, const struct encoding *e, asc_error *err)
{
    if (!e || e->n != t->vocab.n_set) /* a list of one's own */
        return add_special(t, "<|endoftext|>", (int32_t)t->vocab.n, err);
    for (size_t i = 0; i < 8 && e->special[i].name; i++)
        ASC_TRY(add_special(t, e->special[i].name, e->special[i].id, err));
    return ASC_OK;
}

static asc_status build(asc_tokenizer *t, const char *name, const char *text, size_t n, asc_error *err)
{
    ASC_TRY(read_lines(t, name, text, n, err));
    if (t->vocab.n_set == 0)
        return ASC_FAIL(err, ASC_EINVAL, "%s: no ranks in it", name);
    const struct encoding *e = find_encoding(name, t->vocab.n_set);
    t->ignore_merges = true; /* a word that is a token is that token */
    if (e && e->nfc)
        ASC_TRY(asc__add_nfc(t, err));
    ASC_TRY(asc__pre_add_split(t, name, e ? e->pattern : cl100k, err));
    ASC_TRY(asc__merges_of_vocab(t, NULL, t->vocab.n, err));
    return add_specials(t, e, err);
}

/* By way of a tokenizer.json, so that the one that is saved is the one that is used. */
asc_status asc__tiktoken_parse(asc_tokenizer **out, const char *name, const char *text, size_t n, asc_error *err)
{
    asc_tokenizer *t = asc__tokenizer_new(ASC__BPE);
    asc_status st = t ? build(t, name, text, n, err) : ASC_NOMEM(err);
    if (st == ASC_OK)
        st = asc__tokenizer_through_json(out, name, t, err);
    asc_tokenizer_free(t);
    return st;
}
