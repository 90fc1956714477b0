/* Ids and merges of Hugging Face's tokenizers, kept as hashes: golden/make_golden.py made them and says how. */
#include "text_test.h"

#include "base/base_json.h"
#include "tokenizer.h"

static const char golden[] = ASC_SOURCE_DIR "/tests/text/golden/";

static const char *corpus_path(const char *name)
{
    static char path[400];
    snprintf(path, sizeof path, "%s/corpora/%s.jsonl.zst", ASC_SHARED_DIR, name);
    return path;
}

static void need_shared(void)
{
    if (asc_path_is_dir(ASC_SHARED_DIR "/corpora") && asc_path_is_dir(ASC_SHARED_DIR "/vocab/gpt2"))
        return;
    print_message("no corpora beside the repository: skipped\n");
    skip();
}

/* ---- documents, to a function each ---- */

typedef void (*document_fn)(void *ctx, const char *text, size_t n);

static void each_of_corpus(const char *name, document_fn fn, void *ctx)
{
    asc_error err = {0};
    asc_reader *r = NULL;
    bool more = true;
    assert_ok(asc_reader_open(&r, corpus_path(name), NULL, NULL, NULL, &err), &err);
    while (more) {
        asc_document d;
        assert_ok(asc_reader_next(r, &d, &more, &err), &err);
        if (more)
            fn(ctx, d.text, d.n_bytes);
    }
    asc_reader_close(r);
}

/* Lines of JSON strings, which Python wrote with escapes. */
static void each_string(document_fn fn, void *ctx)
{
    char path[400], line[4000];
    snprintf(path, sizeof path, "%sstrings.txt", golden);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f)) {
        json_t *j = json_loads(line, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        assert_true(json_is_string(j));
        fn(ctx, json_string_value(j), json_string_length(j));
        json_decref(j);
    }
    fclose(f);
}

/* ---- ids ---- */

struct digest {
    asc_encoder *encoder;
    asc_sha256 sha;
    int32_t *ids;
    size_t cap, total;
};

static void add_ids(void *ctx, const char *text, size_t n_bytes)
{
    struct digest *d = ctx;
    asc_error err = {0};
    size_t n = 0;
    assert_ok(asc_encode(d->encoder, text, n_bytes, &d->ids, &n, &d->cap, &err), &err);
    asc_sha256_update(&d->sha, d->ids, n * sizeof *d->ids);
    d->total += n;
}

static void check_ids(const asc_tokenizer *t, const char *corpus, size_t n_want, const char *want)
{
    struct digest d = {0};
    uint8_t bytes[32];
    char hex[65];
    assert_int_equal(asc_encoder_create(&d.encoder, t, NULL), ASC_OK);
    asc_sha256_init(&d.sha);
    if (strcmp(corpus, "strings") == 0)
        each_string(add_ids, &d);
    else
        each_of_corpus(corpus, add_ids, &d);
    asc_sha256_final(&d.sha, bytes);
    for (int i = 0; i < 32; i++)
        snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
    if (d.total != n_want || strcmp(hex, want) != 0)
        fail_msg("%s: %zu ids, hash %s; expected %zu, %s", corpus, d.total, hex, n_want, want);
    asc_encoder_free(d.encoder);
    asc_free(d.ids);
}

/* Under the sanitizers one small corpus of each is enough. */
static void check_tokenizer(const char *name, const char *path)
{
    asc_error err = {0};
    asc_tokenizer *t = NULL;
    char line[300], file[400], tokenizer[20], corpus[40], hex[80];
    size_t n;
    int n_checked = 0;
    assert_ok(asc_tokenizer_load(&t, path, &err), &err);
    snprintf(file, sizeof file, "%sids.txt", golden);
    FILE *f = fopen(file, "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f)) {
        assert_int_equal(sscanf(line, "%19s %39s %zu %79s", tokenizer, corpus, &n, hex), 4);
        bool quick = strcmp(corpus, "strings") == 0 || strcmp(corpus, "c4") == 0;
        if (strcmp(tokenizer, name) != 0 || (small_run() && !quick))
            continue;
        check_ids(t, corpus, n, hex);
        n_checked++;
    }
    fclose(f);
    assert_int_equal(n_checked, small_run() ? 2 : 12);
    asc_tokenizer_free(t);
}

static void bpe__ids_are_those_of_hugging_face_on_all_corpora(void **state)
{
    need_shared();
    check_tokenizer("gpt2", ASC_SHARED_DIR "/vocab/gpt2");
}

static void wordpiece__ids_are_those_of_hugging_face_on_all_corpora(void **state)
{
    need_shared();
    check_tokenizer("bert", ASC_SHARED_DIR "/vocab/bert-base-uncased/vocab.txt");
}

static void bpe__both_forms_of_gpt2_are_one_tokenizer(void **state)
{
    need_shared();
    asc_error err = {0};
    asc_tokenizer *a = NULL, *b = NULL;
    char x[65], y[65], path[400];
    assert_ok(asc_tokenizer_load(&a, ASC_SHARED_DIR "/vocab/gpt2/tokenizer.json", &err), &err);
    assert_int_equal(asc_mkdirs(in_work("gpt2"), NULL), ASC_OK);
    for (int i = 0; i < 2; i++) { /* without the tokenizer.json that a folder is asked for first */
        static const char *const names[] = {"encoder.json", "vocab.bpe"};
        snprintf(path, sizeof path, "%s/vocab/gpt2/%s", ASC_SHARED_DIR, names[i]);
        char link[100];
        snprintf(link, sizeof link, "%s/gpt2/%s", work_dir, names[i]);
        assert_int_equal(symlink(path, link), 0);
    }
    assert_ok(asc_tokenizer_load(&b, in_work("gpt2"), &err), &err);
    asc_tokenizer_fingerprint(a, x);
    asc_tokenizer_fingerprint(b, y);
    assert_string_equal(x, y);
    assert_int_equal(asc_tokenizer_vocab(a), 50257);
    assert_int_equal(asc_tokenizer_special(a, NULL), 50256);
    asc_tokenizer_free(a);
    asc_tokenizer_free(b);
}

/* ---- merges ---- */

static void add_words(void *ctx, const char *text, size_t n)
{
    assert_int_equal(asc_tokenizer_learner_add(ctx, text, n, NULL), ASC_OK);
}

static void check_merges(const char *corpus, int64_t vocab, size_t n_want, const char *want)
{
    asc_error err = {0};
    asc_tokenizer_learner *trainer = NULL;
    asc_tokenizer *t = NULL;
    asc_buf text = {0};
    char hex[65];
    assert_ok(asc_tokenizer_learner_create(&trainer, ASC_TOKENIZER_BPE, &err), &err);
    each_of_corpus(corpus, add_words, trainer);
    assert_ok(asc_tokenizer_learner_finish(&t, trainer, vocab, &err), &err);
    for (size_t i = 0; i < t->n_merges; i++) {
        size_t n = 0;
        const char *p = asc_tokenizer_token(t, t->merges[i].a, &n);
        asc__bytes_to_visible(&text, p, n);
        asc_buf_putc(&text, ' ');
        p = asc_tokenizer_token(t, t->merges[i].b, &n);
        asc__bytes_to_visible(&text, p, n);
        asc_buf_putc(&text, '\n');
    }
    asc_sha256_hex(text.data, text.len, hex);
    assert_int_equal(t->n_merges, n_want);
    assert_string_equal(hex, want);
    asc_buf_clear(&text);
    asc_tokenizer_learner_free(trainer);
    asc_tokenizer_free(t);
}

static void bpe__learns_the_merges_of_hugging_face(void **state)
{
    need_shared();
    char line[300], file[400], corpus[40], hex[80];
    size_t n;
    long long vocab;
    snprintf(file, sizeof file, "%smerges.txt", golden);
    FILE *f = fopen(file, "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f)) {
        assert_int_equal(sscanf(line, "%39s %lld %zu %79s", corpus, &vocab, &n, hex), 4);
        if (!small_run() || strcmp(corpus, "c4") == 0)
            check_merges(corpus, vocab, n, hex);
    }
    fclose(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bpe__ids_are_those_of_hugging_face_on_all_corpora),
        cmocka_unit_test(wordpiece__ids_are_those_of_hugging_face_on_all_corpora),
        cmocka_unit_test(bpe__both_forms_of_gpt2_are_one_tokenizer),
        cmocka_unit_test(bpe__learns_the_merges_of_hugging_face),
    };
    return cmocka_run_group_tests_name("golden", tests, make_work_dir, remove_work_dir);
}
