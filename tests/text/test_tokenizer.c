#include "text_test.h"

#include "base/base_json.h"
#include "pattern.h"
#include "tokenizer.h"

/* ---- small helpers ---- */

static asc_tokenizer *learn(asc_tokenizer_kind kind, const char *const *docs, size_t n, int64_t vocab)
{
    asc_error err = {0};
    asc_tokenizer_learner *trainer = NULL;
    asc_tokenizer *t = NULL;
    assert_ok(asc_tokenizer_learner_create(&trainer, kind, &err), &err);
    for (size_t i = 0; i < n; i++)
        assert_ok(asc_tokenizer_learner_add(trainer, docs[i], strlen(docs[i]), &err), &err);
    assert_ok(asc_tokenizer_learner_finish(&t, trainer, vocab, &err), &err);
    asc_tokenizer_learner_free(trainer);
    return t;
}

struct ids {
    int32_t *p;
    size_t n, cap;
};

static void encode(const asc_tokenizer *t, const char *text, size_t n, struct ids *out)
{
    asc_error err = {0};
    asc_encoder *e = NULL;
    out->n = 0;
    assert_ok(asc_encoder_create(&e, t, &err), &err);
    assert_ok(asc_encode(e, text, n, &out->p, &out->n, &out->cap, &err), &err);
    asc_encoder_free(e);
}

static const char *const prose[] = {
    "The quick brown fox jumps over the lazy dog. The dog didn't mind; it's a dog's life.",
    "It was the best of times, it was the worst of times, it was the age of wisdom.",
    "In the beginning the words were few, and then there were 12 and then 345 of them!",
    "for (size_t i = 0; i < n; i++)\n        total += values[i];\n\n\treturn total;",
    "Caf\xc3\xa9 na\xc3\xafve \xe4\xb8\xad\xe6\x96\x87 \xd0\xbf\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82 caf\xc3\xa9",
};
enum { N_PROSE = sizeof prose / sizeof *prose };

/* ---- cutting ---- */

static void expect_pieces(const char *text, const char *want)
{
    char got[400] = "";
    for (const uint8_t *p = (const uint8_t *)text, *end = p + strlen(text), *q; p < end; p = q) {
        q = asc__gpt2_piece(p, end);
        strncat(got, (const char *)p, (size_t)(q - p));
        strcat(got, "|");
    }
    assert_string_equal(got, want);
}

static void pretokenize__cuts_as_the_pattern_of_gpt2(void **state)
{
    expect_pieces("Hello world", "Hello| world|");
    expect_pieces("I'll don't 'tis we've'd", "I|'ll| don|'t| '|tis| we|'ve|'d|");
    expect_pieces("a  b   ", "a| | b|   |");
    expect_pieces("x\n\n  y", "x|\n\n | y|");
    expect_pieces("\ta", "\t|a|");
    expect_pieces("a1b2 33", "a|1|b|2| 33|");
    expect_pieces("foo(bar);  // x", "foo|(|bar|);| | //| x|");
    expect_pieces(" \xc2\xa0z", " |\xc2\xa0|z|"); /* a no-break space is white space, no blank */
    expect_pieces("\xc3\xa9t\xc3\xa9 \xc2\xb2", "\xc3\xa9t\xc3\xa9| \xc2\xb2|");
    expect_pieces("'S 's", "'|S| '|s|");
    expect_pieces("'", "'|");
    expect_pieces(" ", " |");
    expect_pieces(" \xff\xfe!a", " \xff\xfe!|a|"); /* what is not UTF-8 is neither letter nor space */
}

static void expect_matches(const char *expression, const char *text, const char *want)
{
    asc__pattern *g = NULL;
    asc_error err = {0};
    char got[400] = "";
    const uint8_t *p = (const uint8_t *)text, *end = p + strlen(text), *from, *to;
    assert_ok(asc__pattern_compile(&g, expression, strlen(expression), &err), &err);
    assert_non_null(g);
    for (; asc__pattern_find(g, p, end, &from, &to) > 0; p = to) {
        strncat(got, (const char *)from, (size_t)(to - from));
        strcat(got, "|");
    }
    assert_string_equal(got, want);
    asc__pattern_free(g);
}

static void pattern__matches_as_oniguruma(void **state)
{
    expect_matches("\\w+|[^\\w\\s]+", "a <\xc2\xbd", "a|<\xc2\xbd|"); /* 1/2 is no word within a class ... */
    expect_matches("\\w+", "a<\xc2\xbd", "a|\xc2\xbd|");              /* ... and one outside */
    expect_matches("(?i:'s|'t)|\\p{L}+", "it'S '\xc5\xbf", "it|'S|'\xc5\xbf|");
    expect_matches("\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*", "12345 !!\r\n", "123|45| !!\r\n|");
    expect_matches("[a-c[x\\-]]+|\\s+(?!\\S)|\\s+", "ab-x   d ", "ab-x|  | | |");
    expect_matches("a(?:b|c)?d|a", "abdacdada", "abd|acd|ad|a|");
    asc__pattern *g = NULL;
    static const char *const others[] = {"a*",    "(a",      "a$",      "(?<=a)b",    "a+?",
                                         "(ab)+", "(?i:ss)", "a{1,2}+", "[[:alpha:]]"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        assert_int_equal(asc__pattern_compile(&g, others[i], strlen(others[i]), NULL), ASC_OK);
        assert_null(g);
    }
}

static void pattern__gives_up_in_the_end(void **state)
{
    asc__pattern *g = NULL;
    size_t n = 100000;
    uint8_t *run = malloc(n);
    const uint8_t *from, *to;
    memset(run, 'a', n);
    assert_int_equal(asc__pattern_compile(&g, "a*a*a*a*b", 9, NULL), ASC_OK);
    assert_int_equal(asc__pattern_find(g, run, run + n, &from, &to), -1);
    asc__pattern_free(g);
    free(run);
}

/* ---- byte-level BPE ---- */

/* Merges as the definition has them: all pairs looked at, the best rank, the leftmost of these, again and again. */
static size_t merge_plainly(const asc_tokenizer *t, const uint8_t *p, size_t n, int32_t *ids)
{
    for (size_t i = 0; i < n; i++)
        ids[i] = t->byte_id[p[i]];
    for (;;) {
        size_t best = n, best_rank = SIZE_MAX;
        for (size_t i = 0; i + 1 < n; i++)
            for (size_t r = 0; r < t->n_merges && r < best_rank; r++)
                if (t->merges[r].a == ids[i] && t->merges[r].b == ids[i + 1]) {
                    best = i;
                    best_rank = r;
                }
        if (best == n)
            return n;
        ids[best] = t->merges[best_rank].made;
        memmove(ids + best + 1, ids + best + 2, (n - best - 2) * sizeof *ids);
        n--;
    }
}

static void bpe__encodes_as_the_plain_definition(void **state)
{
    asc_tokenizer *t = learn(ASC_TOKENIZER_BPE, prose, N_PROSE, 400);
    asc_rng r;
    struct ids got = {0};
    asc_rng_init(&r, 1, "words", 0);
    for (int i = 0; i < 400; i++) {
        char word[300];
        int32_t want[300];
        size_t n =
            1 + asc_rng_below(&r, i % 4 ? 20 : 250); /* short ones through an array, long ones through the heap */
        for (size_t k = 0; k < n; k++)
            word[k] = "etahodinsrwgm"[asc_rng_below(&r, i % 3 ? 13 : 3)];
        size_t n_want = merge_plainly(t, (const uint8_t *)word, n, want);
        encode(t, word, n, &got);
        assert_int_equal(got.n, n_want);
        assert_memory_equal(got.p, want, n_want * sizeof *want);
    }
    asc_free(got.p);
    asc_tokenizer_free(t);
}

static void bpe__decodes_every_byte_string_back(void **state)
{
    asc_tokenizer *t = learn(ASC_TOKENIZER_BPE, prose, N_PROSE, 500);
    asc_rng r;
    asc_error err = {0};
    asc_encoder *e = NULL;
    struct ids ids = {0};
    asc_rng_init(&r, 2, "bytes", 0);
    assert_ok(asc_encoder_create(&e, t, &err), &err);
    for (int i = 0; i < (small_run() ? 500 : 5000); i++) {
        char text[400];
        size_t n = asc_rng_below(&r, sizeof text);
        for (size_t k = 0; k < n; k++) {
            uint64_t x = asc_rng_u64(&r);
            text[k] = (char)(i % 2 ? x : (uint64_t)prose[i % N_PROSE][x % strlen(prose[i % N_PROSE])]);
            if (x >> 60 == 0)
                text[k] = (char)(x >> 8);
        }
        asc_buf back = {0};
        asc_buf_puts(&back, "");
        ids.n = 0;
        assert_ok(asc_encode(e, text, n, &ids.p, &ids.n, &ids.cap, &err), &err);
        assert_ok(asc_decode(t, ids.p, ids.n, &back, &err), &err);
        assert_int_equal(back.len, n);
        assert_memory_equal(back.data, text, n);
        asc_buf_clear(&back);
    }
    asc_encoder_free(e);
    asc_free(ids.p);
    asc_tokenizer_free(t);
}

static void bpe__a_megabyte_of_one_letter_is_no_trouble(void **state)
{
    size_t n = small_run() ? 100000 : 1000000;
    char *run = malloc(n);
    memset(run, 'a', n);
    const char *const docs[] = {"aaaaaaaa aaaaaaaa aaaa aaaa aa aa"};
    asc_tokenizer *t = learn(ASC_TOKENIZER_BPE, docs, 1, 300);
    struct ids ids = {0};
    asc_buf back = {0};
    encode(t, run, n, &ids);
    assert_in_range(ids.n, 1, n / 4);
    assert_int_equal(asc_decode(t, ids.p, ids.n, &back, NULL), ASC_OK);
    assert_int_equal(back.len, n);
    assert_memory_equal(back.data, run, n);
    asc_buf_clear(&back);
    asc_free(ids.p);
    free(run);
    asc_tokenizer_free(t);
}

static void bpe__learns_the_same_from_documents_in_any_order(void **state)
{
    static const asc_tokenizer_kind kinds[] = {ASC_TOKENIZER_BPE, ASC_TOKENIZER_WORDPIECE};
    for (int k = 0; k < 2; k++) {
        const char *turned[N_PROSE];
        char a[65], b[65];
        for (size_t i = 0; i < N_PROSE; i++)
            turned[i] = prose[N_PROSE - 1 - i];
        asc_tokenizer *t = learn(kinds[k], prose, N_PROSE, 350), *u = learn(kinds[k], turned, N_PROSE, 350);
        asc_tokenizer_fingerprint(t, a);
        asc_tokenizer_fingerprint(u, b);
        assert_string_equal(a, b);
        asc_tokenizer_free(t);
        asc_tokenizer_free(u);
    }
}

static void bpe__ties_go_to_the_smaller_pair(void **state)
{
    /* ab, bc and cd all come twice: ab is learnt first, which leaves cd. */
    const char *const docs[] = {"abcd abcd"};
    asc_tokenizer *t = learn(ASC_TOKENIZER_BPE, docs, 1, 260);
    static const char *const want[] = {"ab", "cd", "abcd"};
    size_t n;
    assert_int_equal(asc_tokenizer_vocab(t), 260);
    for (int i = 0; i < 3; i++) {
        const char *p = asc_tokenizer_token(t, 257 + i, &n);
        assert_int_equal(n, strlen(want[i]));
        assert_memory_equal(p, want[i], n);
    }
    assert_int_equal(asc_tokenizer_special(t, NULL), 0);
    assert_int_equal(asc_tokenizer_special(t, "<|endoftext|>"), 0);
    assert_int_equal(asc_tokenizer_special(t, "[MASK]"), -1);
    asc_tokenizer_free(t);
}

static void tokenizer__special_tokens_in_text_are_found(void **state)
{
    asc_tokenizer *t = learn(ASC_TOKENIZER_BPE, prose, N_PROSE, 300);
    static const char text[] = "a<|endoftext|><|endof b<|endoftext|>";
    struct ids ids = {0};
    asc_buf back = {0};
    encode(t, text, sizeof text - 1, &ids);
    int zeros = 0;
    for (size_t i = 0; i < ids.n; i++)
        zeros += ids.p[i] == 0;
    assert_int_equal(zeros, 2);
    assert_int_equal(ids.p[ids.n - 1], 0);
    assert_int_equal(asc_decode(t, ids.p, ids.n, &back, NULL), ASC_OK);
    assert_string_equal(back.data, text);
    asc_buf_clear(&back);
    asc_free(ids.p);
    asc_tokenizer_free(t);
}

static void tokenizer__unknown_ids_do_not_decode(void **state)
{
    asc_tokenizer *t = learn(ASC_TOKENIZER_BPE, prose, N_PROSE, 300);
    int32_t bad[2] = {300, -1};
    asc_buf b = {0};
    assert_int_equal(asc_decode(t, bad, 1, &b, NULL), ASC_EINVAL);
    assert_int_equal(asc_decode(t, bad + 1, 1, &b, NULL), ASC_EINVAL);
    asc_buf_clear(&b);
    asc_tokenizer_free(t);
}

/* ---- WordPiece ---- */

static const char bert_vocab[] =
    "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nun\n##aff\n##able\naffable\nthe\n##s\n'\ncafe\n\xe4\xb8\xad\n"
    "\xe6\x96\x87\n.\n##af\nstrasse\n!\nhan\n";

static void expect_pieces_of(const asc_tokenizer *t, const char *text, const char *want)
{
    struct ids ids = {0};
    char got[200] = "";
    encode(t, text, strlen(text), &ids);
    for (size_t i = 0; i < ids.n; i++) {
        size_t n = 0;
        const char *p = asc_tokenizer_token(t, ids.p[i], &n);
        strncat(got, p, n);
        strcat(got, " ");
    }
    assert_string_equal(got, want);
    asc_free(ids.p);
}

static void wordpiece__splits_as_bert(void **state)
{
    asc_error err = {0};
    asc_tokenizer *t = NULL;
    put_text(in_work("vocab.txt"), bert_vocab);
    assert_ok(asc_tokenizer_load(&t, in_work("vocab.txt"), &err), &err);
    expect_pieces_of(t, "Unaffable the's.", "un ##aff ##able the ' [UNK] . ");
    expect_pieces_of(t, "THES\tCaf\xc3\xa9!cafe\xcc\x81", "the ##s cafe ! cafe ");
    expect_pieces_of(t, "\xe4\xb8\xad\xe6\x96\x87", "\xe4\xb8\xad \xe6\x96\x87 ");
    expect_pieces_of(t, "unx the", "[UNK] the ");
    expect_pieces_of(t, "t\0he", "[UNK] ");
    expect_pieces_of(t, "the\xc2\xa0the\xe2\x80\x8bs\xff", "the the ##s "); /* zero width and bad bytes vanish */
    expect_pieces_of(t, "the[SEP]the", "the [SEP] the ");
    assert_int_equal(asc_tokenizer_special(t, NULL), 3);
    assert_int_equal(asc_tokenizer_special(t, "[MASK]"), 4);
    char longest[120];
    memset(longest, 'x', sizeof longest);
    longest[101] = 0;
    expect_pieces_of(t, longest, "[UNK] ");
    asc_tokenizer_free(t);
}

static void wordpiece__learnt_pieces_cover_the_text(void **state)
{
    asc_tokenizer *t = learn(ASC_TOKENIZER_WORDPIECE, prose, N_PROSE, 200);
    struct ids ids = {0};
    for (size_t i = 0; i < N_PROSE; i++) {
        encode(t, prose[i], strlen(prose[i]), &ids);
        for (size_t k = 0; k < ids.n; k++)
            assert_int_not_equal(ids.p[k], asc_tokenizer_special(t, "[UNK]"));
    }
    expect_pieces_of(t, "the DOG", "the dog ");
    assert_true(asc_tokenizer_vocab(t) <= 200);
    asc_free(ids.p);
    asc_tokenizer_free(t);
}

/* ---- files ---- */

static void tokenizer__file_gives_the_same_tokenizer(void **state)
{
    static const asc_tokenizer_kind kinds[] = {ASC_TOKENIZER_BPE, ASC_TOKENIZER_WORDPIECE};
    for (int k = 0; k < 2; k++) {
        asc_error err = {0};
        asc_tokenizer *t = learn(kinds[k], prose, N_PROSE, 350), *u = NULL;
        char a[65], b[65];
        assert_ok(
            asc_tokenizer_save(t, in_work("saved/tokenizer.json"), &err) == ASC_OK
                ? ASC_OK
                : (asc_mkdirs(in_work("saved"), &err), asc_tokenizer_save(t, in_work("saved/tokenizer.json"), &err)),
            &err);
        assert_ok(asc_tokenizer_load(&u, in_work("saved"), &err), &err);
        asc_tokenizer_fingerprint(t, a);
        asc_tokenizer_fingerprint(u, b);
        assert_string_equal(a, b);
        assert_int_equal(asc_tokenizer_special(t, NULL), asc_tokenizer_special(u, NULL));
        struct ids x = {0}, y = {0};
        for (size_t i = 0; i < N_PROSE; i++) {
            encode(t, prose[i], strlen(prose[i]), &x);
            encode(u, prose[i], strlen(prose[i]), &y);
            assert_int_equal(x.n, y.n);
            assert_memory_equal(x.p, y.p, x.n * sizeof *x.p);
        }
        asc_free(x.p);
        asc_free(y.p);
        asc_tokenizer_free(t);
        asc_tokenizer_free(u);
    }
}

/* The saved file with one of its values set to another. */
static asc_status load_with(const asc_tokenizer *t, const char *section, const char *key, const char *value,
                            asc_error *err)
{
    json_t *root = NULL;
    asc_tokenizer *u = NULL;
    assert_int_equal(asc_mkdirs(in_work("with"), NULL), ASC_OK);
    assert_int_equal(asc_tokenizer_save(t, in_work("with/t.json"), NULL), ASC_OK);
    assert_int_equal(asc_json_load(&root, in_work("with/t.json"), NULL), ASC_OK);
    json_t *v = json_loads(value, JSON_DECODE_ANY, NULL);
    assert_int_equal(json_object_set_new(section ? json_object_get(root, section) : root, key, v), 0);
    char *text = NULL;
    assert_int_equal(asc_json_print(&text, root, 0, NULL), ASC_OK);
    asc_status st = asc__tokenizer_json_parse(&u, "t.json", text, strlen(text), err);
    asc_free(text);
    json_decref(root);
    asc_tokenizer_free(u);
    return st;
}

static void tokenizer__what_would_cut_differently_is_refused(void **state)
{
    asc_tokenizer *t = learn(ASC_TOKENIZER_BPE, prose, N_PROSE, 300);
    asc_error err = {0};
    static const struct {
        const char *section, *key, *value, *why;
    } bad[] = {
        {NULL, "normalizer", "{\"type\":\"NFX\"}", "unknown normalizer 'NFX'"},
        {NULL, "normalizer", "{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"AA\"}", "are not one"},
        {NULL, "pre_tokenizer", "{\"type\":\"Blank\"}", "unknown pre_tokenizer 'Blank'"},
        {NULL, "pre_tokenizer", "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"(a\"},\"behavior\":\"Isolated\"}",
         "regular expression '(a'"},
        {NULL, "pre_tokenizer", "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"a\"},\"behavior\":\"Gone\"}", "behavior"},
        {"model", "type", "\"Bigram\"", "model 'Bigram': expected BPE"},
        {"model", "type", "\"Unigram\"", "an array of [piece, score]"},
        {"model", "dropout", "0.1", "model.dropout"},
        {"model", "merges", "[[\"a\"]]", "merge 1: expected two tokens"},
        {"model", "merges", "[\"a \xe2\x82\xac\"]", "merge 1"},
        {"model", "merges", "[\"zz qq\"]", "is not in the vocabulary"},
        {"model", "vocab", "{\"a\":0,\"b\":0}", "id 0 stands for two"},
        {"model", "vocab", "{}", "expected a vocabulary"},
        {"model", "vocab", "{\"a\":-1}", "out of range"},
        {"model", "vocab", "{\"a\":4000000000}", "out of range"},
        {"model", "vocab", "{\"a\":\"b\"}", "not a whole number"},
        {NULL, "added_tokens", "[{\"id\":0}]", "expected content and id"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        /* A changed vocabulary stands without the merges that need it. */
        assert_int_equal(load_with(t, bad[i].section, bad[i].key, bad[i].value, &err), ASC_EINVAL);
        if (!strstr(err.msg, bad[i].why) && !strstr(err.msg, "is not in the vocabulary"))
            fail_msg("%s: %s, expected %s", bad[i].value, err.msg, bad[i].why);
    }
    assert_ok(load_with(t, NULL, "truncation", "{\"max_length\":5}", &err), &err);
    assert_ok(load_with(t, "pre_tokenizer", "add_prefix_space", "true", &err), &err);
    assert_ok(load_with(t, NULL, "normalizer", "{\"type\":\"Sequence\",\"normalizers\":[]}", &err), &err);
    asc_tokenizer_free(t);
}

static void tokenizer__survives_every_failed_allocation(void **state)
{
    asc_tokenizer *t = learn(ASC_TOKENIZER_BPE, prose, N_PROSE, 270);
    assert_int_equal(asc_mkdirs(in_work("alloc"), NULL), ASC_OK);
    assert_int_equal(asc_tokenizer_save(t, in_work("alloc/t.json"), NULL), ASC_OK);
    asc_tokenizer_free(t);
    asc_status st = ASC_ENOMEM;
    for (uint64_t nth = 1; st != ASC_OK; nth++) {
        asc_tokenizer *u = NULL;
        asc_encoder *e = NULL;
        struct ids ids = {0};
        asc_fault_arm(ASC_FAULT_ALLOC, nth);
        st = asc_tokenizer_load(&u, in_work("alloc/t.json"), NULL);
        if (st == ASC_OK)
            st = asc_encoder_create(&e, u, NULL);
        if (st == ASC_OK)
            st = asc_encode(e, prose[3], strlen(prose[3]), &ids.p, &ids.n, &ids.cap, NULL);
        asc_fault_arm(ASC_FAULT_ALLOC, 0);
        assert_true(st == ASC_OK || (st == ASC_ENOMEM && ids.n == 0));
        asc_encoder_free(e);
        asc_tokenizer_free(u);
        asc_free(ids.p);
        assert_true(nth < 5000);
    }
    st = ASC_ENOMEM;
    for (uint64_t nth = 1; st != ASC_OK; nth++) {
        asc_tokenizer_learner *trainer = NULL;
        asc_tokenizer *u = NULL;
        asc_fault_arm(ASC_FAULT_ALLOC, nth);
        st = asc_tokenizer_learner_create(&trainer, ASC_TOKENIZER_WORDPIECE, NULL);
        if (st == ASC_OK)
            st = asc_tokenizer_learner_add(trainer, prose[0], strlen(prose[0]), NULL);
        if (st == ASC_OK)
            st = asc_tokenizer_learner_finish(&u, trainer, 100, NULL);
        asc_fault_arm(ASC_FAULT_ALLOC, 0);
        asc_tokenizer_learner_free(trainer);
        asc_tokenizer_free(u);
        assert_true(st == ASC_OK || st == ASC_ENOMEM);
        assert_true(nth < 5000);
    }
}

/* Without an unknown token, a character that is no token vanishes, and a merge may join what stood around it: text must
 * not be cut at U+2581 there. */
static void tokenizer__vanished_characters_make_neighbours(void **state)
{
#define MARK "\xe2\x96\x81"
    static const char rest[] =
        "\"vocab\":{\"" MARK "\":0,\"" MARK MARK "\":1,\"a\":2},\"merges\":[[\"" MARK "\",\"" MARK "\"]]}}";
    static const struct {
        const char *unknown, *text;
        int32_t ids[4];
        size_t n;
    } cases[] = {
        {"null", "X" MARK, {0}, 1},
        {"null", MARK "X" MARK, {1}, 1},
        {"null", MARK MARK "\xce\x9b" MARK "a" MARK "a", {1, 0, 2, 0}, 5},
        {"\"a\"", MARK "X" MARK, {0, 2, 0}, 3},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        asc_error err = {0};
        asc_tokenizer *t = NULL;
        struct ids ids = {0};
        char path[] = "/tmp/asc-tokenizer-XXXXXX";
        char *json =
            asc_strf("{\"added_tokens\":[],\"model\":{\"type\":\"BPE\",\"unk_token\":%s,%s", cases[i].unknown, rest);
        close(mkstemp(path));
        assert_ok(asc_write_file(path, json, strlen(json), &err), &err);
        assert_ok(asc_tokenizer_load(&t, path, &err), &err);
        encode(t, cases[i].text, strlen(cases[i].text), &ids);
        assert_int_equal(ids.n, cases[i].n);
        for (size_t k = 0; k < ids.n && k < 4; k++)
            assert_int_equal(ids.p[k], cases[i].ids[k]);
        unlink(path);
        asc_free(json);
        asc_free(ids.p);
        asc_tokenizer_free(t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pretokenize__cuts_as_the_pattern_of_gpt2),
        cmocka_unit_test(pattern__matches_as_oniguruma),
        cmocka_unit_test(pattern__gives_up_in_the_end),
        cmocka_unit_test(bpe__encodes_as_the_plain_definition),
        cmocka_unit_test(bpe__decodes_every_byte_string_back),
        cmocka_unit_test(bpe__a_megabyte_of_one_letter_is_no_trouble),
        cmocka_unit_test(bpe__learns_the_same_from_documents_in_any_order),
        cmocka_unit_test(bpe__ties_go_to_the_smaller_pair),
        cmocka_unit_test(tokenizer__special_tokens_in_text_are_found),
        cmocka_unit_test(tokenizer__unknown_ids_do_not_decode),
        cmocka_unit_test(wordpiece__splits_as_bert),
        cmocka_unit_test(wordpiece__learnt_pieces_cover_the_text),
        cmocka_unit_test(tokenizer__file_gives_the_same_tokenizer),
        cmocka_unit_test(tokenizer__vanished_characters_make_neighbours),
        cmocka_unit_test(tokenizer__what_would_cut_differently_is_refused),
        cmocka_unit_test(tokenizer__survives_every_failed_allocation),
    };
    return cmocka_run_group_tests_name("tokenizer", tests, make_work_dir, remove_work_dir);
}
