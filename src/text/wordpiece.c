/*
 * WordPiece as BERT has it: text is cleaned, lowered, stripped of accents, cut at white space and around punctuation
 * and Chinese characters; each word is then covered by the longest pieces of the vocabulary, from the left.
 */
#include "tokenizer.h"
#include "way_json.h"
#include "unicode.h"
#include "word_cache.h"

#include <string.h>

/* ---- text to words ---- */

/** Called with each word: bytes that stay valid during the call. */
typedef asc_status (*word_fn)(void *ctx, const uint8_t *p, size_t n, asc_error *err);

struct splitter {
    const asc_tokenizer *t;
    asc_buf *word;
    word_fn fn;
    void *ctx;
};

static asc_status end_word(struct splitter *s, asc_error *err)
{
    if (s->word->oom)
        return ASC_NOMEM(err);
    size_t n = s->word->len;
    s->word->len = 0;
    return n ? s->fn(s->ctx, (const uint8_t *)s->word->data, n, err) : ASC_OK;
}

static void put_char(struct splitter *s, uint32_t c)
{
    uint8_t utf8[4];
    asc_buf_append(s->word, utf8, asc__utf8_encode(c, utf8));
}

/* A character that is normalised already. */
static asc_status put_normal(struct splitter *s, uint32_t c, asc_error *err)
{
    unsigned bits = asc__bert_bits(c);
    if (bits & ASC__BERT_SPACE)
        return end_word(s, err);
    if (!(bits & ASC__BERT_PUNCTUATION)) {
        put_char(s, c);
        return ASC_OK;
    }
    ASC_TRY(end_word(s, err));
    put_char(s, c);
    return end_word(s, err);
}

static asc_status put_lowered(struct splitter *s, uint32_t c, asc_error *err)
{
    uint32_t lower[ASC__MAX_MAPPED];
    if (!s->t->lowercase || !(asc__bert_bits(c) & ASC__BERT_HAS_LOWER))
        return put_normal(s, c, err);
    size_t n = asc__bert_lower_of(c, lower);
    for (size_t i = 0; i < n; i++)
        ASC_TRY(put_normal(s, lower[i], err));
    return ASC_OK;
}

static asc_status put_stripped(struct splitter *s, uint32_t c, asc_error *err)
{
    unsigned bits = asc__bert_bits(c);
    uint32_t plain[ASC__MAX_MAPPED];
    if (!s->t->strip_accents)
        return put_lowered(s, c, err);
    if (bits & ASC__BERT_MARK)
        return ASC_OK;
    size_t n = asc__bert_plain_of(c, plain);
    for (size_t i = 0; i < n; i++)
        ASC_TRY(put_lowered(s, plain[i], err));
    return ASC_OK;
}

/* Any character; what is not UTF-8 comes as U+FFFD. */
static asc_status put_any(struct splitter *s, uint32_t c, asc_error *err)
{
    unsigned bits = asc__bert_bits(c);
    if (s->t->clean_text && bits & ASC__BERT_REMOVED)
        return ASC_OK;
    if (s->t->clean_text && bits & ASC__BERT_BLANK)
        return end_word(s, err);
    bool apart = s->t->space_cjk && bits & ASC__BERT_CHINESE;
    if (apart)
        ASC_TRY(end_word(s, err));
    ASC_TRY(put_stripped(s, c, err));
    return apart ? end_word(s, err) : ASC_OK;
}

/* The run of ASCII letters and figures at p, which is most text, at once. */
static const uint8_t *put_ascii(struct splitter *s, const uint8_t *p, const uint8_t *end)
{
    uint8_t run[64];
    size_t n = 0;
    uint8_t fold = s->t->lowercase ? 0x20 : 0;
    for (; p < end && n < sizeof run; p++) {
        uint8_t letter = (uint8_t)(*p | 0x20);
        if (letter >= 'a' && letter <= 'z')
            run[n++] = *p | fold;
        else if (*p >= '0' && *p <= '9')
            run[n++] = *p;
        else
            break;
    }
    if (n)
        asc_buf_append(s->word, run, n);
    return p;
}

static asc_status split_words(struct splitter *s, const char *text, size_t n_bytes, asc_error *err)
{
    const uint8_t *p = (const uint8_t *)text, *end = p + n_bytes;
    s->word->len = 0;
    while ((p = put_ascii(s, p, end)) < end) {
        size_t len = 1;
        if (*p == ' ')
            ASC_TRY(end_word(s, err));
        else if (*p >= 0x80 || !((*p | 0x20) >= 'a' && (*p | 0x20) <= 'z')) {
            int32_t c = asc__utf8_decode(p, end, &len);
            ASC_TRY(put_any(s, c < 0 ? 0xfffd : (uint32_t)c, err));
        } else
            continue;
        p += len;
    }
    return end_word(s, err);
}

/* ---- words to pieces ---- */

static size_t count_chars(const uint8_t *p, size_t n)
{
    size_t k = 0;
    for (size_t i = 0; i < n; i++)
        k += (p[i] & 0xc0) != 0x80;
    return k;
}

/* The longest piece at the start of n bytes; its length, 0: none. Pieces inside a word have their prefix in front. */
static size_t longest_piece(const asc_tokenizer *t, asc_buf *scratch, const uint8_t *p, size_t n, bool inside,
                            int32_t *id)
{
    scratch->len = 0;
    asc_buf_puts(scratch, inside && t->inside ? t->inside : "");
    size_t mark = scratch->len, len = t->longest_token > mark ? t->longest_token - mark : 0;
    len = len < n ? len : n;
    asc_buf_append(scratch, p, len);
    for (; len > 0 && !scratch->oom; len--) {
        if (len < n && (p[len] & 0xc0) == 0x80)
            continue;
        *id = asc__vocab_find(&t->vocab, scratch->data, mark + len);
        if (*id >= 0)
            return len;
    }
    return 0;
}

/* A word with a part that no piece covers, or of too many characters, is unknown as a whole. */
asc_status asc__wordpiece_word(asc_encoder *e, const uint8_t *p, size_t n, asc__sink *out, asc_error *err)
{
    const asc_tokenizer *t = e->t;
    ASC_TRY(asc__sink_reserve(out, n, err));
    size_t before = *out->n, at = 0;
    bool known = n <= t->max_word_chars || count_chars(p, n) <= t->max_word_chars;
    while (known && at < n) {
        int32_t id = -1;
        size_t len = longest_piece(t, &e->text, p + at, n - at, at > 0, &id);
        if (e->text.oom)
            return ASC_NOMEM(err);
        known = len > 0;
        at += len;
        if (known)
            (*out->ids)[(*out->n)++] = id;
    }
    if (known)
        return ASC_OK;
    if (t->unknown < 0)
        return ASC_FAIL(err, ASC_EINVAL,
                        "no pieces cover '%.*s', and the tokenizer's unk_token is not in its vocabulary",
                        (int)(n < 40 ? n : 40), (const char *)p);
    *out->n = before;
    (*out->ids)[(*out->n)++] = t->unknown;
    return ASC_OK;
}

struct encoding {
    asc_encoder *e;
    asc__sink *out;
};

static asc_status put_word(void *ctx, const uint8_t *p, size_t n, asc_error *err)
{
    struct encoding *c = ctx;
    return asc__remember(c->e, p, n, n, asc__wordpiece_word, c->out, err);
}

asc_status asc__wordpiece_encode(asc_encoder *e, const char *text, size_t n_bytes, asc__sink *out, asc_error *err)
{
    struct encoding c = {e, out};
    struct splitter s = {e->t, &e->word, put_word, &c};
    return split_words(&s, text, n_bytes, err);
}

/* ---- vocab.txt ---- */

static const char *const special_names[] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};

asc_status asc__wordpiece_specials(asc_tokenizer *t, asc_error *err)
{
    for (size_t i = 0; i < sizeof special_names / sizeof *special_names; i++) {
        size_t n = strlen(special_names[i]);
        int32_t id = asc__vocab_find(&t->vocab, special_names[i], n);
        bool there = false;
        for (size_t k = 0; k < t->n_added; k++)
            there = there || strcmp(t->added[k].name, special_names[i]) == 0;
        if (id >= 0 && !there)
            ASC_TRY(asc__tokenizer_add_special(t, special_names[i], id, err));
    }
    t->end_of_document = asc_tokenizer_special(t, "[SEP]");
    return ASC_OK;
}

asc_status asc__vocab_txt_parse(asc_tokenizer **out, const char *name, const char *text, size_t n, asc_error *err)
{
    asc_tokenizer *t = asc__tokenizer_new(ASC__WORDPIECE);
    asc_status st = t ? ASC_OK : ASC_NOMEM(err);
    int32_t id = 0;
    for (const char *p = text, *end = text + n; p < end && st == ASC_OK; id++) {
        const char *eol = memchr(p, '\n', (size_t)(end - p)), *stop = eol ? eol : end;
        size_t len = (size_t)(stop - p);
        len -= len > 0 && p[len - 1] == '\r';
        asc_error why = {0};
        if (id == 1 << 24)
            st = ASC_FAIL(err, ASC_EINVAL, "%s: more than %d tokens", name, id);
        else if ((st = len ? asc__vocab_put(&t->vocab, p, len, id, &why) : asc__vocab_reserve(&t->vocab, id, &why)) !=
                 ASC_OK)
            ASC_FAIL(err, st, "%s:%d: %s", name, id + 1, why.msg);
        p = eol ? eol + 1 : end;
    }
    if (st == ASC_OK)
        st = asc__wordpiece_specials(t, err);
    if (st == ASC_OK)
        t->end_from = asc_strdup("its name");
    if (st == ASC_OK && (t->unknown = asc_tokenizer_special(t, "[UNK]")) < 0)
        st = ASC_FAIL(err, ASC_EINVAL, "%s: no token [UNK]: not a BERT vocabulary", name);
    if (st == ASC_OK)
        st = asc__tokenizer_seal(t, name, err);
    if (st != ASC_OK) {
        asc_tokenizer_free(t);
        return st;
    }
    *out = t;
    return ASC_OK;
}

asc_status asc__vocab_txt_load(asc_tokenizer **out, const char *path, asc_error *err)
{
    char *text = NULL;
    size_t n = 0;
    ASC_TRY(asc_read_file(path, 1 << 28, &text, &n, err));
    char *dir = asc_path_dir(path);
    asc_tokenizer *t = NULL;
    asc_status st = dir ? asc__vocab_txt_parse(&t, path, text, n, err) : ASC_NOMEM(err);
    if (st == ASC_OK)
        st = asc__config_bert(t, dir, err);
    if (st == ASC_OK)
        *out = t;
    else
        asc_tokenizer_free(t);
    asc_free(text);
    asc_free(dir);
    return st;
}

/* ---- learning ---- */

static asc_status count_word(void *ctx, const uint8_t *p, size_t n, asc_error *err)
{
    asc_tokenizer_learner *t = ctx;
    return count_chars(p, n) <= 100 ? asc__words_add(&t->words, (const char *)p, n, 1, err) : ASC_OK;
}

asc_status asc__wordpiece_count(asc_tokenizer_learner *t, const char *text, size_t n_bytes, asc_error *err)
{
    static const asc_tokenizer uncased = {
        .kind = ASC__WORDPIECE, .lowercase = true, .strip_accents = true, .clean_text = true, .space_cjk = true};
    struct splitter s = {&uncased, &t->scratch, count_word, t};
    return split_words(&s, text, n_bytes, err);
}
