/*
 * Tokenizers of the shapes that published models have give the ids of Hugging Face's tokenizers, of SentencePiece and
 * of tiktoken: hashes of them were made by golden/make_shapes.py, which says how. The corpora are looked at where they
 * are.
 */
#include "text_test.h"

#include "base/base_json.h"
#include "tokenizer.h"

static const char golden[] = ASC_SOURCE_DIR "/tests/text/golden/";
enum { DOCUMENTS = 5, LONGEST = 10000, MAX_TEXTS = 5000 };

struct text {
    char *p;
    size_t n;
};

struct texts {
    struct text list[MAX_TEXTS];
    size_t n;
};

static struct texts strings, glued, corpus;
static char corpus_name[40];

static void add_text(struct texts *t, const char *p, size_t n)
{
    assert_true(t->n < MAX_TEXTS);
    t->list[t->n].p = malloc(n + 1);
    memcpy(t->list[t->n].p, p, n);
    t->list[t->n].p[n] = 0;
    t->list[t->n++].n = n;
}

static void clear_texts(struct texts *t)
{
    for (size_t i = 0; i < t->n; i++)
        free(t->list[i].p);
    t->n = 0;
}

/* ---- the texts, as the script has them ---- */

static void load_strings(void)
{
    char path[400], line[4000];
    snprintf(path, sizeof path, "%sstrings.txt", golden);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f)) {
        json_t *j = json_loads(line, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        assert_true(json_is_string(j));
        add_text(&strings, json_string_value(j), json_string_length(j));
        json_decref(j);
    }
    fclose(f);
}

static void glue(const asc_tokenizer *t, bool added)
{
    static const char *const before[] = {"", " ", "\n ", "a"}, *const after[] = {"", "  ", "b", "\t"};
    clear_texts(&glued);
    for (size_t i = 0; i + 1 < strings.n; i++) {
        asc_buf b = {0};
        const asc__added *one = added && t->n_added ? &t->added[i % t->n_added] : NULL;
        asc_buf_append(&b, strings.list[i].p, strings.list[i].n);
        asc_buf_puts(&b, before[i % 4]);
        asc_buf_append(&b, one ? one->name : "<none>", one ? one->n_bytes : 6);
        asc_buf_puts(&b, after[i / 4 % 4]);
        asc_buf_append(&b, strings.list[i + 1].p, strings.list[i + 1].n);
        add_text(&glued, b.data, b.len);
        asc_buf_clear(&b);
    }
}

/* The first characters of a text. */
static size_t cut(const char *p, size_t n)
{
    size_t chars = 0, i = 0;
    for (; i < n; i++)
        if (((uint8_t)p[i] & 0xc0) != 0x80 && chars++ == LONGEST)
            break;
    return i;
}

static void load_corpus(const char *name)
{
    char path[400];
    asc_error err = {0};
    asc_reader *r = NULL;
    bool more = true;
    if (strcmp(name, corpus_name) == 0)
        return;
    clear_texts(&corpus);
    snprintf(corpus_name, sizeof corpus_name, "%s", name);
    snprintf(path, sizeof path, "%s/corpora/%s.jsonl.zst", ASC_SHARED_DIR, name);
    assert_ok(asc_reader_open(&r, path, NULL, NULL, NULL, &err), &err);
    while (more && corpus.n < DOCUMENTS) {
        asc_document d;
        assert_ok(asc_reader_next(r, &d, &more, &err), &err);
        if (more)
            add_text(&corpus, d.text, cut(d.text, d.n_bytes));
    }
    asc_reader_close(r);
}

/* ---- ids ---- */

static void hash_ids(const asc_tokenizer *t, const struct texts *texts, size_t *n_ids, char hex[65])
{
    asc_encoder *e = NULL;
    asc_sha256 s;
    asc_error err = {0};
    uint8_t digest[32];
    int32_t *ids = NULL;
    size_t cap = 0;
    assert_ok(asc_encoder_create(&e, t, &err), &err);
    asc_sha256_init(&s);
    *n_ids = 0;
    for (size_t i = 0; i < texts->n; i++) {
        size_t n = 0;
        assert_ok(asc_encode(e, texts->list[i].p, texts->list[i].n, &ids, &n, &cap, &err), &err);
        asc_sha256_update(&s, ids, n * sizeof *ids);
        *n_ids += n;
    }
    asc_sha256_final(&s, digest);
    for (int i = 0; i < 32; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    asc_free(ids);
    asc_encoder_free(e);
}

static void check_saved(const asc_tokenizer *t, asc_tokenizer **saved)
{
    asc_error err = {0};
    char a[65], b[65];
    assert_ok(asc_tokenizer_save(t, in_work("saved.json"), &err), &err);
    assert_ok(asc_tokenizer_load(saved, in_work("saved.json"), &err), &err);
    asc_tokenizer_fingerprint(t, a);
    asc_tokenizer_fingerprint(*saved, b);
    assert_string_equal(a, b);
    assert_int_equal(asc_tokenizer_special(t, NULL), asc_tokenizer_special(*saved, NULL));
    assert_int_equal(asc_tokenizer_vocab(t), asc_tokenizer_vocab(*saved));
}

static bool has_corpora(void)
{
    return asc_path_is_dir(ASC_SHARED_DIR "/corpora");
}

/* One row of shapes.txt; false: a text that is not here, or too much for the sanitizers. */
static bool check_row(const asc_tokenizer *t, const char *shape, const char *text, size_t n_want, const char *want)
{
    const struct texts *texts = &corpus;
    char hex[65];
    size_t n;
    if (strcmp(text, "strings") == 0)
        texts = &strings;
    else if (strcmp(text, "glued") == 0)
        texts = &glued;
    else if (!has_corpora() || (small_run() && strcmp(text, "c4") != 0))
        return false;
    else
        load_corpus(text);
    hash_ids(t, texts, &n, hex);
    if (n != n_want || strcmp(hex, want) != 0) {
        print_error("%s, %s: %zu ids, hash %s; expected %zu, %s\n", shape, text, n, hex, n_want, want);
        return false;
    }
    return true;
}

static void shapes__ids_are_those_of_the_reference(void **state)
{
    char path[400], line[300], shape[60], text[40], hex[80], last[60] = "";
    asc_tokenizer *t = NULL, *saved = NULL;
    asc_error err = {0};
    size_t n, n_shapes = 0, n_rows = 0, n_good = 0;
    load_strings();
    snprintf(path, sizeof path, "%sshapes.txt", golden);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f)) {
        assert_int_equal(sscanf(line, "%59s %39s %zu %79s", shape, text, &n, hex), 4);
        if (strcmp(shape, last) != 0) {
            asc_tokenizer_free(t);
            asc_tokenizer_free(saved);
            t = saved = NULL;
            snprintf(path, sizeof path, "%sshapes/%s", golden, shape);
            assert_ok(asc_tokenizer_load(&t, path, &err), &err);
            check_saved(t, &saved);
            glue(t, strstr(shape, ".json") != NULL);
            snprintf(last, sizeof last, "%s", shape);
            n_shapes++;
        }
        bool skipped = strcmp(text, "strings") != 0 && strcmp(text, "glued") != 0 &&
                       (!has_corpora() || (small_run() && strcmp(text, "c4") != 0));
        if (skipped)
            continue;
        n_rows++;
        n_good += check_row(n_rows % 2 ? t : saved, shape, text, n, hex);
    }
    fclose(f);
    asc_tokenizer_free(t);
    asc_tokenizer_free(saved);
    clear_texts(&strings);
    clear_texts(&glued);
    clear_texts(&corpus);
    if (!has_corpora())
        print_message("no corpora beside the repository: strings alone\n");
    assert_true(n_shapes >= 40);
    assert_int_equal(n_good, n_rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes__ids_are_those_of_the_reference),
    };
    return cmocka_run_group_tests_name("shapes", tests, make_work_dir, remove_work_dir);
}
