#include "text_test.h"

#include <sys/stat.h>

#include "base/base_json.h"
#include "corpus.h"

/* ---- making text ---- */

/* About n_words words; equal seeds give equal text. */
static void make_text(asc_buf *b, uint64_t seed, size_t n_words)
{
    static const char *const words[] = {"the",  "sea",   "and",   "a",       "ship",  "sailed",
                                        "over", "night", "storm", "calm",    "water", "under",
                                        "moon", "light", "then",  "morning", "came",  "caf\xc3\xa9"};
    asc_rng r;
    asc_rng_init(&r, seed, "text", 0);
    for (size_t i = 0; i < n_words; i++) {
        asc_buf_puts(b, words[asc_rng_below(&r, sizeof words / sizeof *words)]);
        asc_buf_puts(b, asc_rng_below(&r, 12) == 0 ? ".\n" : " ");
    }
}

static void add_line(asc_buf *file, const asc_buf *text)
{
    json_t *j = json_pack("{s:s}", "text", text->data);
    char *line = NULL;
    assert_int_equal(asc_json_print(&line, j, 0, NULL), ASC_OK);
    asc_buf_puts(file, line);
    asc_buf_putc(file, '\n');
    asc_free(line);
    json_decref(j);
}

/* Documents seed, seed + 1, ... of n_words each. */
static void put_documents(const char *path, uint64_t seed, size_t n, size_t n_words)
{
    asc_buf file = {0};
    asc_buf_puts(&file, "");
    for (size_t i = 0; i < n; i++) {
        asc_buf text = {0};
        make_text(&text, seed + i, n_words);
        add_line(&file, &text);
        asc_buf_clear(&text);
    }
    put_file(path, file.data, file.len);
    asc_buf_clear(&file);
}

/* ---- preparing ---- */

struct study {
    asc_corpus_domain domains[4];
    asc_corpus_opts o;
    char *globs[4][2]; /* train, valid */
};

static void add_domain(struct study *s, const char *name, const char *train, const char *valid)
{
    size_t k = s->o.n_domains++;
    s->globs[k][0] = (char *)(uintptr_t)train;
    s->globs[k][1] = (char *)(uintptr_t)valid;
    s->domains[k] = (asc_corpus_domain){.name = name,
                                        .train = &s->globs[k][0],
                                        .n_train = train != NULL,
                                        .valid = &s->globs[k][1],
                                        .n_valid = valid != NULL};
}

static void init_study(struct study *s, const char *out)
{
    *s = (struct study){0};
    s->o = (asc_corpus_opts){.domains = s->domains,
                             .base_dir = work_dir,
                             .tokenizer_kind = ASC_TOKENIZER_BPE,
                             .vocab = 320,
                             .valid_tokens = 400,
                             .n_threads = 2,
                             .out_dir = out};
}

static asc_domain_report *prepare(const struct study *s)
{
    asc_error err = {0};
    asc_domain_report *r = NULL;
    assert_ok(asc_corpus_prepare(&r, &s->o, &err), &err);
    return r;
}

static void expect_error(const struct study *s, const char *part)
{
    asc_error err = {0};
    asc_domain_report *r = NULL;
    assert_int_equal(asc_corpus_prepare(&r, &s->o, &err), ASC_EINVAL);
    assert_null(r);
    if (!strstr(err.msg, part))
        fail_msg("'%s' does not say '%s'", err.msg, part);
    char *report = asc_path_join(s->o.out_dir, "report.json");
    assert_false(asc_path_exists(report));
    asc_free(report);
}

static asc_tokenizer *tokenizer_of(const char *out)
{
    asc_error err = {0};
    asc_tokenizer *t = NULL;
    assert_ok(asc_tokenizer_load(&t, out, &err), &err);
    return t;
}

/* All text of a token file, one document a line (their own line ends become blanks), sorted or as it comes. */
static char **documents_of(const char *out, const char *name, bool valid, size_t *n, bool sorted)
{
    asc_error err = {0};
    asc_token_file *f = NULL;
    asc_tokenizer *t = tokenizer_of(out);
    char *prefix = asc_corpus_prefix(out, name, valid);
    assert_ok(asc_token_file_open(&f, prefix, &err), &err);
    *n = (size_t)asc_token_file_documents(f);
    char **docs = calloc(*n + 1, sizeof *docs);
    for (size_t d = 0; d < *n; d++) {
        int64_t at, len;
        asc_buf b = {0};
        asc_buf_puts(&b, "");
        assert_ok(asc_token_file_document(f, (int64_t)d, &at, &len, &err), &err);
        int32_t *ids = malloc((size_t)len * sizeof *ids);
        assert_ok(asc_token_file_read(f, at, (size_t)len, ids, &err), &err);
        assert_int_equal(ids[len - 1], asc_tokenizer_special(t, NULL));
        assert_ok(asc_decode(t, ids, (size_t)len - 1, &b, &err), &err);
        docs[d] = b.data;
        free(ids);
    }
    if (sorted)
        qsort(docs, *n, sizeof *docs, asc_cmp_strings);
    asc_token_file_close(f);
    asc_tokenizer_free(t);
    asc_free(prefix);
    return docs;
}

static void free_documents(char **docs, size_t n)
{
    for (size_t i = 0; i < n; i++)
        asc_free(docs[i]);
    free(docs);
}

static void expect_same_file(const char *a, const char *b)
{
    char *x = NULL, *y = NULL;
    size_t n = 0, m = 0;
    assert_int_equal(asc_read_file(a, 1 << 28, &x, &n, NULL), ASC_OK);
    assert_int_equal(asc_read_file(b, 1 << 28, &y, &m, NULL), ASC_OK);
    assert_int_equal(n, m);
    assert_memory_equal(x, y, n);
    asc_free(x);
    asc_free(y);
}

static void expect_same_tokens(const char *a, const char *b, const char *name)
{
    static const char *const parts[] = {"train.bin", "train.idx", "train.sum", "valid.bin", "valid.idx", "valid.sum"};
    for (size_t i = 0; i < 6; i++) {
        char x[300], y[300];
        snprintf(x, sizeof x, "%s/%s.%s", a, name, parts[i]);
        snprintf(y, sizeof y, "%s/%s.%s", b, name, parts[i]);
        expect_same_file(x, y);
    }
}

/* ---- cutting ---- */

static void cut__pieces_cover_the_text_at_white_space(void **state)
{
    asc_rng r;
    asc_rng_init(&r, 1, "cuts", 0);
    for (int i = 0; i < 300; i++) {
        asc_buf b = {0};
        make_text(&b, (uint64_t)i, 1 + asc_rng_below(&r, 400));
        size_t piece = ASC__LEAST_PIECE + asc_rng_below(&r, 400), ends[64], at = 0;
        size_t k = asc__cut(b.data, b.len, piece, ends, 64);
        assert_int_equal(ends[k - 1], b.len);
        for (size_t p = 0; p < k; at = ends[p++]) {
            assert_true(ends[p] > at && ends[p] - at <= piece + piece / 4);
            assert_true(p == k - 1 || strchr(" \n", b.data[ends[p]]) || b.data[ends[p] - 1] == '\n');
        }
        asc_buf_clear(&b);
    }
    char eur[3 * 200 + 1]; /* no white space at all: still never inside a character */
    for (int i = 0; i < 200; i++)
        memcpy(eur + 3 * i, "\xe2\x82\xac", 4);
    size_t ends[64], k = asc__cut(eur, 600, 64, ends, 64);
    assert_int_equal(k, 10);
    for (size_t p = 0; p < k; p++)
        assert_int_equal(ends[p] % 3, 0);
}

/* ---- the whole ---- */

static void corpus__duplicates_are_dropped_across_domains(void **state)
{
    struct study s;
    size_t n; /* documents of seven words are shorter than the shortest piece: none is cut */
    put_documents(in_work("dup/a.jsonl"), 100, 60, 7);
    put_documents(in_work("dup/a2.jsonl"), 150, 20, 7); /* ten of them again */
    put_documents(in_work("dup/b.jsonl"), 90, 60, 7);   /* fifty of them again */
    put_documents(in_work("dup/b2.jsonl"), 1000, 30, 7);
    put_documents(in_work("dup/v.jsonl"), 1010, 5, 7); /* held-out text that domain b trains on */
    init_study(&s, in_work("dup-out"));
    add_domain(&s, "a", "dup/a*.jsonl", NULL);
    add_domain(&s, "b", "dup/b*.jsonl", NULL);
    add_domain(&s, "v", NULL, "dup/v.jsonl");
    asc_domain_report *r = prepare(&s);
    assert_int_equal(r[0].n_documents_read, 80);
    assert_int_equal(r[0].n_duplicates, 10);
    assert_int_equal(r[0].n_documents + r[0].n_valid_documents, 70);
    assert_int_equal(r[1].n_duplicates, 50 + 5);
    assert_int_equal(r[1].n_documents + r[1].n_valid_documents, 90 - 55);
    assert_int_equal(r[2].n_valid_documents, 5);
    assert_int_equal(r[2].n_duplicates, 0);
    asc_domain_reports_free(r, 3);

    /* No text is in two places. */
    char *all[200];
    size_t n_all = 0;
    static const struct {
        const char *name;
        bool valid;
    } parts[] = {{"a", false}, {"a", true}, {"b", false}, {"b", true}, {"v", true}};
    for (size_t i = 0; i < 5; i++) {
        char **docs = documents_of(s.o.out_dir, parts[i].name, parts[i].valid, &n, false);
        for (size_t d = 0; d < n; d++)
            all[n_all++] = docs[d];
        free(docs);
    }
    assert_int_equal(n_all, 110);
    qsort(all, n_all, sizeof *all, asc_cmp_strings);
    for (size_t i = 0; i + 1 < n_all; i++)
        assert_string_not_equal(all[i], all[i + 1]);
    for (size_t i = 0; i < n_all; i++)
        asc_free(all[i]);
}

static void expect_split(const asc_domain_report *r, int64_t wanted)
{
    double share = (double)r->n_valid_tokens / (double)(r->n_valid_tokens + r->n_tokens);
    assert_true(share > .02 && share < .10);
    if (share > .03 && share < .09) /* not held by either bound: the wanted tokens, and at most one piece more */
        assert_true(r->n_valid_tokens >= wanted && (double)r->n_valid_tokens < 1.15 * (double)wanted);
}

static void corpus__held_out_text_is_2_to_10_percent(void **state)
{
    static const int64_t wanted[] = {1, 1000, 2500, 1000000};
    put_documents(in_work("share/short.jsonl"), 1, 400, 80);
    put_documents(in_work("share/long.jsonl"), 10000, 2, 16000);
    for (size_t i = 0; i < 4; i++) {
        struct study s;
        char out[20];
        snprintf(out, sizeof out, "share-out%zu", i);
        init_study(&s, in_work(out));
        s.o.valid_tokens = wanted[i];
        add_domain(&s, "short", "share/short.jsonl", NULL);
        add_domain(&s, "long", "share/long.jsonl", NULL);
        asc_domain_report *r = prepare(&s);
        expect_split(&r[0], wanted[i]);
        expect_split(&r[1], wanted[i]);
        assert_true(r[1].n_valid_documents >= 15); /* not one novel: pieces of a twentieth */
        assert_true(r[1].n_bytes + r[1].n_valid_bytes == r[1].n_bytes_read);
        assert_true(r[0].bytes_per_token > 1.5);
        asc_domain_reports_free(r, 2);
    }
}

static void corpus__split_does_not_depend_on_the_order_of_files(void **state)
{
    struct study a, b;
    put_documents(in_work("ord/1.jsonl"), 1, 50, 60);
    put_documents(in_work("ord/2.jsonl"), 51, 50, 60);
    put_documents(in_work("ord/3.jsonl"), 500, 1, 5000);
    put_documents(in_work("ord2/z.jsonl"), 1, 50, 60);
    put_documents(in_work("ord2/y.jsonl"), 51, 50, 60);
    put_documents(in_work("ord2/x.jsonl"), 500, 1, 5000);
    init_study(&a, in_work("ord-a"));
    init_study(&b, in_work("ord-b"));
    add_domain(&a, "d", "ord", NULL);
    add_domain(&b, "d", "ord2", NULL);
    asc_domain_reports_free(prepare(&a), 1);
    asc_domain_reports_free(prepare(&b), 1);
    for (int valid = 0; valid < 2; valid++) {
        size_t n, m;
        char **x = documents_of(a.o.out_dir, "d", valid, &n, true),
             **y = documents_of(b.o.out_dir, "d", valid, &m, true);
        assert_int_equal(n, m);
        for (size_t i = 0; i < n; i++)
            assert_string_equal(x[i], y[i]);
        free_documents(x, n);
        free_documents(y, m);
    }
}

static void corpus__threads_do_not_change_a_byte(void **state)
{
    put_documents(in_work("thr/1.jsonl"), 1, 3000, 30);
    put_documents(in_work("thr/2.jsonl"), 5000, 3, 9000);
    for (int threads = 1; threads < 5; threads++) {
        struct study s;
        char out[20];
        snprintf(out, sizeof out, "thr-%d", threads);
        init_study(&s, in_work(out));
        s.o.n_threads = threads;
        add_domain(&s, "d", "thr", NULL);
        asc_domain_reports_free(prepare(&s), 1);
        if (threads > 1)
            expect_same_tokens(in_work("thr-1"), s.o.out_dir, "d");
    }
}

static int64_t changed_ns(const char *path)
{
    struct stat sb;
    assert_int_equal(stat(path, &sb), 0);
    return (int64_t)sb.st_mtim.tv_sec * 1000000000 + sb.st_mtim.tv_nsec;
}

static void corpus__repeated_call_makes_nothing_anew(void **state)
{
    struct study s;
    put_documents(in_work("rep/1.jsonl"), 1, 100, 40);
    init_study(&s, in_work("rep-out"));
    add_domain(&s, "d", "rep", NULL);
    asc_domain_report *r = prepare(&s), *again = NULL;
    int64_t before = changed_ns(in_work("rep-out/d.train.bin"));
    again = prepare(&s);
    assert_true(changed_ns(in_work("rep-out/d.train.bin")) == before);
    assert_true(again->n_tokens == r->n_tokens && again->n_valid_bytes == r->n_valid_bytes);
    assert_true(again->bytes_per_token == r->bytes_per_token);
    asc_domain_reports_free(again, 1);

    s.o.valid_tokens = 500; /* another wish: another split */
    again = prepare(&s);
    assert_true(changed_ns(in_work("rep-out/d.train.bin")) != before);
    asc_domain_reports_free(again, 1);
    before = changed_ns(in_work("rep-out/d.train.bin"));
    put_documents(in_work("rep/2.jsonl"), 1000, 1, 40); /* another file */
    again = prepare(&s);
    assert_true(changed_ns(in_work("rep-out/d.train.bin")) != before);
    assert_int_equal(again->n_documents_read, 101);
    asc_domain_reports_free(again, 1);

    assert_int_equal(truncate(in_work("rep-out/d.train.bin"), 10), 0); /* a damaged result is made again */
    again = prepare(&s);
    assert_true(again->n_tokens > 10);
    asc_domain_reports_free(again, 1);
    asc_domain_reports_free(r, 1);
}

/* Each write, sync, rename, open or allocation in turn fails; the call after it must end as an undisturbed one. */
static void corpus__failure_at_any_point_can_be_repeated(void **state)
{
    static const asc_fault_kind kinds[] = {ASC_FAULT_OPEN, ASC_FAULT_WRITE, ASC_FAULT_FSYNC, ASC_FAULT_RENAME,
                                           ASC_FAULT_ALLOC};
    struct study clean, s;
    put_documents(in_work("fail/1.jsonl"), 1, 40, 30);
    put_documents(in_work("fail/2.jsonl"), 100, 1, 800);
    init_study(&clean, in_work("fail-clean"));
    add_domain(&clean, "d", "fail", NULL);
    clean.o.n_threads = 1; /* so that the Nth call is always the same one */
    clean.o.vocab = 270;
    asc_domain_reports_free(prepare(&clean), 1);
    for (size_t k = 0; k < 5; k++) {
        asc_status st = ASC_EIO;
        uint64_t step = kinds[k] == ASC_FAULT_ALLOC ? (small_run() ? 97 : 23) : 1;
        for (uint64_t nth = 1; st != ASC_OK; nth += step) {
            asc_domain_report *r = NULL;
            assert_int_equal(asc_remove_tree(in_work("fail-out"), NULL), ASC_OK);
            init_study(&s, in_work("fail-out"));
            add_domain(&s, "d", "fail", NULL);
            s.o.n_threads = 1;
            s.o.vocab = 270;
            asc_fault_arm(kinds[k], nth);
            st = asc_corpus_prepare(&r, &s.o, NULL);
            asc_fault_arm(kinds[k], 0);
            asc_domain_reports_free(r, 1);
            if (st != ASC_OK && nth % 5 == 1) {
                asc_domain_reports_free(prepare(&s), 1);
                expect_same_tokens(clean.o.out_dir, s.o.out_dir, "d");
            }
            assert_true(nth < 200000);
        }
    }
}

static void corpus__explicit_held_out_text_is_taken_whole(void **state)
{
    struct study s;
    size_t n;
    put_documents(in_work("exp/t.jsonl"), 1, 60, 40);
    put_documents(in_work("exp/v.jsonl"), 55, 10, 40); /* six of them are in t */
    init_study(&s, in_work("exp-out"));
    add_domain(&s, "d", "exp/t.jsonl", "exp/v.jsonl");
    asc_domain_report *r = prepare(&s);
    assert_int_equal(r->n_documents, 54);
    assert_int_equal(r->n_valid_documents, 10);
    assert_int_equal(r->n_duplicates, 6);
    char **docs = documents_of(s.o.out_dir, "d", true, &n, false);
    asc_buf want = {0};
    make_text(&want, 55, 40);
    assert_string_equal(docs[0], want.data);
    asc_buf_clear(&want);
    free_documents(docs, n);
    asc_domain_reports_free(r, 1);
}

static void corpus__learnt_tokenizer_never_sees_held_out_text(void **state)
{
    /* A word that stands in held-out text alone must not become a token: it is put into every document in turn. */
    struct study s;
    asc_buf file = {0};
    for (uint64_t i = 0; i < 400; i++) {
        asc_buf text = {0};
        make_text(&text, i, 12);
        for (int k = 0; k < 8; k++)
            asc_buf_printf(&text, " zq%c%c%czq", (char)('a' + i / 100), (char)('a' + i / 10 % 10),
                           (char)('a' + i % 10));
        add_line(&file, &text);
        asc_buf_clear(&text);
    }
    put_file(in_work("see/d.jsonl"), file.data, file.len);
    asc_buf_clear(&file);
    init_study(&s, in_work("see-out"));
    s.o.vocab = 3000;
    s.o.valid_tokens = 100000; /* as much as may be: documents are then shorter than a piece */
    add_domain(&s, "d", "see", NULL);
    asc_domain_reports_free(prepare(&s), 1);
    asc_tokenizer *t = tokenizer_of(s.o.out_dir);
    size_t n, n_train = 0;
    char **docs = documents_of(s.o.out_dir, "d", true, &n, false);
    char all[20000] = "";
    for (size_t d = 0; d < n; d++)
        strncat(all, strstr(docs[d], " zq"), 9);
    for (int32_t id = 0; id < (int32_t)asc_tokenizer_vocab(t); id++) {
        size_t len;
        const char *p = asc_tokenizer_token(t, id, &len);
        char token[64] = "";
        if (!p || len >= sizeof token || !memchr(p, 'z', len) || len < 7)
            continue;
        memcpy(token, p, len);
        assert_null(strstr(all, token));
        n_train++;
    }
    assert_true(n >= 20 && n_train > 100); /* the training documents' own words were learnt */
    free_documents(docs, n);
    asc_tokenizer_free(t);
}

static void corpus__bad_input_has_one_clear_error(void **state)
{
    struct study s;
    put_text(in_work("bad/empty.jsonl"), "\n\n");
    put_text(in_work("bad/junk.jsonl"), "\x01\x02\xff\n\n{\n");
    put_text(in_work("bad/tiny.jsonl"), "{\"text\":\"too little\"}\n");
    put_documents(in_work("bad/good.jsonl"), 1, 30, 30);
    static const struct {
        const char *train, *valid, *why;
    } cases[] = {
        {"bad/empty.jsonl", NULL, "domain d: no document in 1 file"},
        {"bad/junk.jsonl", NULL, "first rejected: "},
        {"bad/tiny.jsonl", NULL, "too few to hold some out"},
        {"bad/none.jsonl", NULL, "domain d: "},
        {"bad/good.jsonl", "bad/empty.jsonl", "no document in 1 file"},
        {"bad/good.jsonl", "bad/good.jsonl", "all 30 documents are held out"},
        {NULL, NULL, "domain d: no files given"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        init_study(&s, in_work("bad-out"));
        add_domain(&s, "d", cases[i].train, cases[i].valid);
        expect_error(&s, cases[i].why);
    }
    init_study(&s, in_work("bad-out"));
    add_domain(&s, "", "bad/good.jsonl", NULL);
    expect_error(&s, "domain ''");
    init_study(&s, in_work("bad-out"));
    add_domain(&s, "d", "bad/good.jsonl", NULL);
    add_domain(&s, "d", "bad/good.jsonl", NULL);
    expect_error(&s, "given twice");
    init_study(&s, in_work("bad-out"));
    expect_error(&s, "no domains");
    init_study(&s, in_work("bad-out"));
    s.o.vocab = 100;
    add_domain(&s, "d", "bad/good.jsonl", NULL);
    expect_error(&s, "vocabulary of 100");
    assert_false(asc_path_exists(in_work("bad-out")));
}

static void corpus__rejected_lines_are_reported(void **state)
{
    struct study s;
    asc_buf file = {0};
    for (uint64_t i = 0; i < 30; i++) {
        asc_buf text = {0};
        make_text(&text, i, 30);
        add_line(&file, &text);
        asc_buf_clear(&text);
        for (int k = 0; k < 5; k++)
            asc_buf_puts(&file, "junk\n");
    }
    put_file(in_work("rej/d.jsonl"), file.data, file.len);
    asc_buf_clear(&file);
    init_study(&s, in_work("rej-out"));
    add_domain(&s, "d", "rej", NULL);
    for (int round = 0; round < 2; round++) { /* the second time read back from report.json */
        asc_domain_report *r = prepare(&s);
        assert_int_equal(r->n_rejected, 150);
        assert_int_equal(r->n_rejected_listed, 100);
        assert_int_equal(r->rejected[0].line, 2);
        assert_int_equal(r->rejected[5].line, 8);
        assert_non_null(strstr(r->rejected[0].file, "rej/d.jsonl"));
        assert_non_null(strstr(r->rejected[0].why, "not a JSON object"));
        asc_domain_reports_free(r, 1);
    }
}

static void corpus__wordpiece_documents_end_with_sep(void **state)
{
    struct study s;
    size_t n;
    put_documents(in_work("wp/d.jsonl"), 1, 100, 40);
    init_study(&s, in_work("wp-out"));
    s.o.tokenizer_kind = ASC_TOKENIZER_WORDPIECE;
    s.o.vocab = 200;
    add_domain(&s, "d", "wp", NULL);
    asc_domain_reports_free(prepare(&s), 1);
    asc_tokenizer *t = tokenizer_of(s.o.out_dir);
    assert_int_equal(asc_tokenizer_special(t, NULL), asc_tokenizer_special(t, "[SEP]"));
    char **docs = documents_of(s.o.out_dir, "d", true, &n, false); /* looks at the last id of each */
    assert_true(n > 0);
    free_documents(docs, n);
    asc_tokenizer_free(t);
}

/* ---- token files as domains ---- */

static char made[128], made_tokenizer[160]; /* token files that earlier work left */

static void make_token_files(asc_domain_report **r)
{
    struct study s;
    snprintf(made, sizeof made, "%s/made", work_dir);
    snprintf(made_tokenizer, sizeof made_tokenizer, "%s/tokenizer.json", made);
    put_documents(in_work("tf/a.jsonl"), 1700, 400, 8); /* none is longer than a twentieth of what is held out */
    put_documents(in_work("tf/b.jsonl"), 900, 30, 60);
    put_documents(in_work("tf/v.jsonl"), 990, 9, 50);
    init_study(&s, made);
    add_domain(&s, "a", "tf/a.jsonl", "tf/v.jsonl");
    add_domain(&s, "b", "tf/b.jsonl", "tf/v.jsonl");
    *r = prepare(&s);
}

static void init_from_tokens(struct study *s, const char *out)
{
    init_study(s, out);
    s->o.tokenizer_path = made_tokenizer;
}

static void corpus__token_files_are_taken_as_they_are(void **state)
{
    asc_domain_report *was, *r;
    make_token_files(&was);
    struct study s;
    const char *out = in_work("copy");
    init_from_tokens(&s, out);
    add_domain(&s, "a", "made/a.train", "made/a.valid.idx"); /* a prefix, an index, a glob */
    add_domain(&s, "b", "made/b.train.bi[n]", "made/b.valid.bin");
    r = prepare(&s);
    for (size_t k = 0; k < 2; k++) {
        expect_same_tokens(made, out, s.domains[k].name);
        assert_int_equal(r[k].n_tokens, was[k].n_tokens);
        assert_int_equal(r[k].n_bytes, was[k].n_bytes);
        assert_int_equal(r[k].n_documents, was[k].n_documents);
        assert_int_equal(r[k].n_valid_tokens, was[k].n_valid_tokens);
        assert_true(r[k].bytes_per_token == was[k].bytes_per_token);
    }
    asc_domain_reports_free(r, 2);
    asc_domain_reports_free(was, 2);
}

static void corpus__token_files_are_split_by_document(void **state)
{
    asc_domain_report *was, *r;
    size_t n_all, n_kept, n_held;
    make_token_files(&was);
    struct study s;
    const char *out = in_work("split");
    init_from_tokens(&s, out);
    s.o.valid_tokens = 100000; /* more than there may be: a tenth */
    add_domain(&s, "a", "made/a.train", NULL);
    r = prepare(&s);
    expect_split(r, 100000);
    assert_int_equal(r[0].n_tokens + r[0].n_valid_tokens, was[0].n_tokens);
    assert_int_equal(r[0].n_bytes + r[0].n_valid_bytes, was[0].n_bytes);
    char **all = documents_of(made, "a", false, &n_all, true);
    char **kept = documents_of(out, "a", false, &n_kept, true);
    char **held = documents_of(out, "a", true, &n_held, true);
    assert_int_equal(n_all, n_kept + n_held);
    for (size_t i = 0, k = 0, h = 0; i < n_all; i++) /* every document whole, on one side */
        if (k < n_kept && strcmp(all[i], kept[k]) == 0)
            k++;
        else
            assert_string_equal(all[i], held[h++]);
    free_documents(all, n_all);
    free_documents(kept, n_kept);
    free_documents(held, n_held);
    asc_domain_reports_free(r, 1);
    asc_domain_reports_free(was, 2);
}

static void corpus__token_files_of_another_kind_are_refused(void **state)
{
    asc_domain_report *was;
    make_token_files(&was);
    asc_domain_reports_free(was, 2);
    struct study s;
    const char *out = in_work("refused");
    init_study(&s, out);
    add_domain(&s, "a", "made/a.train", NULL);
    expect_error(&s, "need their tokenizer");
    init_from_tokens(&s, out);
    add_domain(&s, "a", "made", NULL); /* tokenizer.json and report.json lie among them */
    expect_error(&s, "text among token files");
    asc_token_writer *w = NULL;
    asc_error err = {0};
    int32_t ids[3] = {1, 2, 320};
    assert_ok(asc_token_writer_create(&w, in_work("wide"), 70000, &err), &err);
    assert_ok(asc_token_writer_add(w, ids, 2, &err), &err);
    assert_ok(asc_token_writer_add(w, ids, 3, &err), &err);
    assert_ok(asc_token_writer_commit(w, &err), &err);
    asc_token_writer_free(w);
    init_from_tokens(&s, out);
    add_domain(&s, "a", "wide", NULL);
    expect_error(&s, "document 2 has token 320, but the tokenizer has");
    assert_int_equal(unlink(in_work("wide.bin")), 0);
    expect_error(&s, "wide.bin");
}

/* ---- what stays ---- */

static const asc_domain_report *named(const asc_domain_report *r, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(r[i].name, name) == 0)
            return &r[i];
    fail_msg("no %s", name);
    return NULL;
}

static void refuse_kept(struct study *s, const char *part)
{
    asc_error err = {0};
    asc_domain_report *r = NULL;
    assert_int_equal(asc_corpus_prepare(&r, &s->o, &err), ASC_EINVAL);
    if (!strstr(err.msg, part))
        fail_msg("'%s' does not say '%s'", err.msg, part);
}

static void kept__text_and_tokenizer_stay_while_domains_come_and_go(void **state)
{
    struct study one, s;
    put_documents(in_work("keep/a.jsonl"), 8100, 80, 60);
    put_documents(in_work("keep/b.jsonl"), 8200, 80, 60);
    put_documents(in_work("keep/c.jsonl"), 8060, 80, 60); /* 40 of a's documents are in it */
    char out[300], fresh[300];
    snprintf(out, sizeof out, "%s", in_work("keep/out"));
    snprintf(fresh, sizeof fresh, "%s", in_work("keep/fresh"));
    init_study(&one, fresh);
    add_domain(&one, "a", "keep/a.jsonl", NULL);
    add_domain(&one, "b", "keep/b.jsonl", NULL);
    asc_domain_reports_free(prepare(&one), 2);
    one.o.out_dir = out;
    asc_domain_reports_free(prepare(&one), 2);
    init_study(&s, out);
    add_domain(&s, "c", "keep/c.jsonl", NULL); /* first, and yet it gives way */
    add_domain(&s, "a", "keep/a.jsonl", NULL);
    add_domain(&s, "b", "keep/b.jsonl", NULL);
    s.o.kept_for = "here";
    asc_domain_report *r = prepare(&s);
    assert_int_equal(r[0].n_duplicates, 40);
    asc_domain_reports_free(r, 3);
    expect_same_tokens(out, fresh, "a");
    expect_same_tokens(out, fresh, "b");
    char t[320], u[320];
    snprintf(t, sizeof t, "%s/tokenizer.json", out);
    snprintf(u, sizeof u, "%s/tokenizer.json", fresh);
    expect_same_file(t, u);
    one.o.kept_for = "here"; /* c is gone, and remembered */
    asc_domain_reports_free(prepare(&one), 2);
    expect_same_tokens(out, fresh, "a");
    put_documents(in_work("keep/c.jsonl"), 8300, 80, 60);
    refuse_kept(&s, "the text of domain c has changed since the runs in here were made");
    s.domains[0].name = "d"; /* under another name it is another domain */
    asc_domain_reports_free(prepare(&s), 3);
    expect_same_tokens(out, fresh, "b");
    put_documents(in_work("keep/b.jsonl"), 8200, 79, 60);
    refuse_kept(&s, "the text of domain b has changed");
    expect_same_tokens(out, fresh, "b"); /* nothing was written */
}

static void kept__parts_hold_out_what_the_whole_did(void **state)
{
    struct study s;
    asc_error err = {0};
    put_documents(in_work("parts/x.jsonl"), 9000, 30, 60);
    put_documents(in_work("parts/y.jsonl"), 9100, 90, 60);
    init_study(&s, in_work("parts/out"));
    add_domain(&s, "all", "parts/*.jsonl", NULL);
    asc_domain_reports_free(prepare(&s), 1);
    init_study(&s, in_work("parts/out"));
    add_domain(&s, "x", "parts/x.jsonl", NULL);
    add_domain(&s, "y", "parts/y.jsonl", NULL);
    s.domains[0].part_of = s.domains[1].part_of = "all";
    s.o.kept_for = "here";
    asc_domain_report *r = prepare(&s), *all;
    const asc_domain_report *both[2] = {&r[0], &r[1]};
    size_t n;
    assert_ok(asc_corpus_reports(&all, &n, s.o.out_dir, &err), &err);
    assert_int_equal(n, 3); /* what is gone is known */
    const asc_domain_report *whole = named(all, n, "all");
    assert_true(r[0].n_tokens + r[1].n_tokens == whole->n_tokens);
    assert_true(r[0].n_valid_tokens + r[1].n_valid_tokens == whole->n_valid_tokens && r[0].n_valid_tokens > 0);
    assert_true(asc_corpus_adds_up(whole, both, 2));
    assert_false(asc_corpus_adds_up(whole, both, 1));
    asc_domain_reports_free(all, n);
    asc_domain_reports_free(r, 2);
    put_documents(in_work("parts/v.jsonl"), 9100, 9, 60);
    init_study(&s, in_work("parts/out"));
    add_domain(&s, "x", "parts/x.jsonl", NULL);
    add_domain(&s, "y", "parts/y.jsonl", NULL);
    add_domain(&s, "v", NULL, "parts/v.jsonl");
    s.o.kept_for = "here";
    refuse_kept(&s, "the held-out text of v shares documents with the text that the runs in here were trained on");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cut__pieces_cover_the_text_at_white_space),
        cmocka_unit_test(corpus__duplicates_are_dropped_across_domains),
        cmocka_unit_test(corpus__held_out_text_is_2_to_10_percent),
        cmocka_unit_test(corpus__split_does_not_depend_on_the_order_of_files),
        cmocka_unit_test(corpus__threads_do_not_change_a_byte),
        cmocka_unit_test(corpus__repeated_call_makes_nothing_anew),
        cmocka_unit_test(corpus__failure_at_any_point_can_be_repeated),
        cmocka_unit_test(corpus__explicit_held_out_text_is_taken_whole),
        cmocka_unit_test(corpus__learnt_tokenizer_never_sees_held_out_text),
        cmocka_unit_test(corpus__bad_input_has_one_clear_error),
        cmocka_unit_test(corpus__rejected_lines_are_reported),
        cmocka_unit_test(corpus__wordpiece_documents_end_with_sep),
        cmocka_unit_test(corpus__token_files_are_taken_as_they_are),
        cmocka_unit_test(corpus__token_files_are_split_by_document),
        cmocka_unit_test(corpus__token_files_of_another_kind_are_refused),
        cmocka_unit_test(kept__text_and_tokenizer_stay_while_domains_come_and_go),
        cmocka_unit_test(kept__parts_hold_out_what_the_whole_did),
    };
    return cmocka_run_group_tests_name("corpus", tests, make_work_dir, remove_work_dir);
}
