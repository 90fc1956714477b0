#include "text_test.h"

#include <zlib.h>
#include <zstd.h>

#include "base/base_json.h"
#include "reader.h"

/* ---- what a file gives, as one string: "[line:text]" a document, "<line:why>" a rejected one ---- */

static asc_buf seen;

static void on_rejected(void *ctx, const char *file, int64_t line, const char *why)
{
    asc_buf_printf(&seen, "<%lld:%s>", (long long)line, why);
}

static asc_status read_all(const char *path, const char *field, asc_error *err)
{
    asc_reader *r = NULL;
    bool more = true;
    asc_buf_clear(&seen);
    asc_buf_puts(&seen, "");
    asc_status st = asc_reader_open(&r, path, field, on_rejected, NULL, err);
    while (st == ASC_OK && more) {
        asc_document d;
        st = asc_reader_next(r, &d, &more, err);
        if (st == ASC_OK && more)
            asc_buf_printf(&seen, "[%lld:%.*s]", (long long)d.line, d.n_bytes < 100 ? (int)d.n_bytes : 10, d.text);
    }
    asc_reader_close(r);
    return st;
}

static void expect(const char *path, const char *want)
{
    asc_error err = {0};
    assert_ok(read_all(path, NULL, &err), &err);
    assert_string_equal(seen.data, want);
}

static void put_gz(const char *path, const char *text, size_t n, size_t keep)
{
    gzFile f = gzopen(path, "wb");
    assert_int_equal(gzwrite(f, text, (unsigned)n), n);
    gzclose(f);
    char *p = NULL;
    size_t size = 0;
    assert_int_equal(asc_read_file(path, 1 << 20, &p, &size, NULL), ASC_OK);
    put_file(path, p, keep ? keep : size);
    asc_free(p);
}

static size_t put_zst(const char *path, const char *text, size_t n, size_t keep)
{
    size_t bound = ZSTD_compressBound(n);
    char *p = malloc(bound);
    size_t size = ZSTD_compress(p, bound, text, n, 1);
    put_file(path, p, keep ? keep : size);
    free(p);
    return size;
}

static const char lines[] =
    "{\"text\": \"one\"}\n\n{\"id\": 3, \"text\": \"t\\u0077o \\ud83d\\ude00\", \"x\": [1, {\"text\": 5}]}";

static void reader__lines_files_and_packing(void **state)
{
    const char want[] = "[1:one][3:two \xf0\x9f\x98\x80]";
    put_text(in_work("a.jsonl"), lines);
    put_gz(in_work("a.jsonl.gz"), lines, sizeof lines - 1, 0);
    put_zst(in_work("a.ndjson.zst"), lines, sizeof lines - 1, 0);
    expect(in_work("a.jsonl"), want);
    expect(in_work("a.jsonl.gz"), want);
    expect(in_work("a.ndjson.zst"), want);
    put_text(in_work("b.txt"), "a\nb");
    put_zst(in_work("b.c.zst"), "int x;\n", 7, 0);
    expect(in_work("b.txt"), "[0:a\nb]");
    expect(in_work("b.c.zst"), "[0:int x;\n]");
    put_text(in_work("bom.jsonl"), "\xef\xbb\xbf{\"text\":\"x\"}\r\n");
    expect(in_work("bom.jsonl"), "[1:x]");
    asc_error err = {0};
    put_text(in_work("f.jsonl"), "{\"body\":\"x\",\"text\":1}\n{\"b\\u006fdy\":\"y\"}\n");
    assert_ok(read_all(in_work("f.jsonl"), "body", &err), &err);
    assert_string_equal(seen.data, "[1:x][2:y]");
}

static void reader__members_and_frames_follow_each_other(void **state)
{
    static const char *const names[] = {"m.txt.gz", "m.txt.zst"};
    for (int k = 0; k < 2; k++) {
        char *a = NULL, *b = NULL, *path = in_work(names[k]);
        size_t n = 0, m = 0;
        k ? (void)put_zst(path, "one ", 4, 0) : put_gz(path, "one ", 4, 0);
        assert_int_equal(asc_read_file(path, 1000, &a, &n, NULL), ASC_OK);
        k ? (void)put_zst(path, "two", 3, 0) : put_gz(path, "two", 3, 0);
        assert_int_equal(asc_read_file(path, 1000, &b, &m, NULL), ASC_OK);
        char both[2000];
        memcpy(both, a, n);
        memcpy(both + n, b, m);
        put_file(path, both, n + m);
        expect(path, "[0:one two]");
        asc_free(a);
        asc_free(b);
    }
}

static void reader__truncated_or_damaged_packing_is_an_error(void **state)
{
    asc_error err = {0};
    char text[5000];
    asc_rng r;
    asc_rng_init(&r, 1, "noise", 0);
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)('a' + asc_rng_below(&r, 26));
    size_t n = put_zst(in_work("t.txt.zst"), text, sizeof text, 0);
    for (size_t keep = 1; keep < n; keep += keep < 20 ? 1 : 97) {
        put_zst(in_work("t.txt.zst"), text, sizeof text, keep);
        assert_int_equal(read_all(in_work("t.txt.zst"), NULL, &err), ASC_EINVAL);
        assert_non_null(strstr(err.msg, "t.txt.zst: truncated or damaged"));
        put_gz(in_work("t.txt.gz"), text, sizeof text, keep);
        assert_int_equal(read_all(in_work("t.txt.gz"), NULL, &err), ASC_EINVAL);
    }
    put_text(in_work("empty.jsonl.zst"), "");
    assert_int_equal(read_all(in_work("empty.jsonl.zst"), NULL, &err), ASC_EINVAL);
    put_text(in_work("noise.jsonl.gz"), "\x01\xfe\x80 no text and no gzip");
    assert_int_equal(read_all(in_work("noise.jsonl.gz"), NULL, &err), ASC_EINVAL);
    assert_int_equal(read_all(in_work("missing.jsonl"), NULL, &err), ASC_EINVAL);
}

static void reader__bad_lines_are_rejected_with_number_and_reason(void **state)
{
    put_text(in_work("bad.jsonl"), "{\"text\": \"good\"}\n"
                                   "not json\n"
                                   "{\"txet\": \"x\"}\n"
                                   "{\"text\": 5}\n"
                                   "{\"text\": \"\"}\n"
                                   "{\"text\": \"a\xff\"}\n"
                                   "{\"text\": \"\\ud800\"}\n"
                                   "{\"text\": \"a\", \"text\": \"b\"}\n"
                                   "{\"text\": \"cut\n"
                                   "{\"text\": \"x\"} {}\n"
                                   "{\"text\": \"good too\"}\n");
    expect(in_work("bad.jsonl"), "[1:good]"
                                 "<2:not a JSON object: column 1: expected an object>"
                                 "<3:no field 'text'>"
                                 "<4:field 'text' is not a string>"
                                 "<5:field 'text' is empty>"
                                 "<6:not a JSON object: column 12: not valid UTF-8>"
                                 "<7:not a JSON object: column 11: bad escape in a string>"
                                 "<8:not a JSON object: column 23: duplicate field>"
                                 "<9:not a JSON object: column 14: the string has no end>"
                                 "<10:not a JSON object: column 15: trailing text after the object>"
                                 "[11:good too]");
}

static void reader__files_that_are_no_text_are_rejected(void **state)
{
    put_file(in_work("bin.o"), "\1abc\0\1", 6);
    expect(in_work("bin.o"), "<0:a binary file (NUL at byte 5)>");
    put_text(in_work("latin.txt"), "caf\xe9");
    expect(in_work("latin.txt"), "<0:not valid UTF-8 at byte 4>");
    put_text(in_work("none.txt"), "");
    expect(in_work("none.txt"), "<0:empty>");
    put_file(in_work("bin.jsonl"), "\0\1\2\n{\"text\":\"x\"}\n", 17);
    expect(in_work("bin.jsonl"), "<1:not a JSON object: column 1: expected an object>[2:x]");
}

/* A line of 200 MB between two good ones, packed so that it costs nothing to make. */
static void reader__a_line_of_200_mb_is_one_rejection(void **state)
{
    enum { BLOCK = 1 << 20 };
    size_t blocks = 200;
    char *block = malloc(BLOCK), *packed = malloc(ZSTD_compressBound(BLOCK));
    FILE *f = fopen(in_work("long.jsonl.zst"), "wb");
    for (size_t i = 0; i < blocks + 2; i++) {
        size_t n = BLOCK;
        if (i == 0)
            n = (size_t)snprintf(block, BLOCK, "{\"text\":\"a\"}\n{\"text\":\"");
        else if (i == blocks + 1)
            n = (size_t)snprintf(block, BLOCK, "\"}\n{\"text\":\"b\"}\n");
        else
            memset(block, 'x', n);
        size_t size = ZSTD_compress(packed, ZSTD_compressBound(BLOCK), block, n, 1);
        assert_int_equal(fwrite(packed, 1, size, f), size);
    }
    fclose(f);
    expect(in_work("long.jsonl.zst"), "[1:a]<2:a line of more than 128 MiB>[3:b]");
    free(block);
    free(packed);
}

/* ---- as strict as jansson, on lines that are almost JSON ---- */

static bool jansson_takes(const char *line, size_t n, char *text, size_t *n_text)
{
    json_error_t e;
    json_t *j = json_loadb(line, n, JSON_ALLOW_NUL, &e), *v = json_object_get(j, "text");
    bool good = json_is_object(j) && json_string_length(v) > 0;
    if (good) {
        *n_text = json_string_length(v);
        memcpy(text, json_string_value(v), *n_text);
    }
    json_decref(j);
    return good;
}

static void json_field__takes_what_jansson_takes(void **state)
{
    static const char *const seeds[] = {
        "{\"text\": \"plain text of some length\", \"n\": [1, -2.5e3, true, null, {\"a\": \"b\"}]}",
        "{\"a\": {}, \"b\": [], \"text\": \"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00\xc3\xa9\xe2\x82\xac\"}",
        "{ \"x\" : 0.5 , \"text\" : \"\\u0000\" , \"y\" : -0 }",
        "{\"text\":\"01234567890123456789\",\"t\":\"\\u12aB\",\"z\":1E+9}",
    };
    static const char bytes[] = "\"\\{}[],: 01289eE+-.utfnrdD/b\x80\xc3\xe2\xf0\x1f\n\tx";
    asc_rng r;
    int good = 0, bad = 0;
    asc_rng_init(&r, 1, "json", 0);
    for (int i = 0; i < (small_run() ? 20000 : 200000); i++) {
        char line[200], copy[200], want[200], why[200], *text = NULL;
        size_t n = strlen(seeds[i % 4]), n_want = 0, n_text = 0;
        memcpy(line, seeds[i % 4], n);
        for (uint64_t k = 0, m = asc_rng_below(&r, 3); k < m; k++) {
            size_t at = asc_rng_below(&r, n);
            if (asc_rng_below(&r, 3) == 0) { /* drop one */
                memmove(line + at, line + at + 1, n - at - 1);
                n--;
            } else
                line[at] = bytes[asc_rng_below(&r, sizeof bytes - 1)];
        }
        memcpy(copy, line, n);
        bool theirs = jansson_takes(line, n, want, &n_want);
        bool ours = asc__json_field(copy, n, "text", &text, &n_text, why, sizeof why) == NULL;
        /* Keys named twice: jansson takes the last, we reject. Huge exponents and whole numbers: jansson cannot hold
         * them, as text they are fine. */
        if (!ours && theirs && strstr(why, "twice"))
            continue;
        if (ours != theirs) {
            json_error_t e;
            json_t *j = json_loadb(line, n, JSON_ALLOW_NUL, &e);
            json_decref(j);
            if (ours && !j && (json_error_code(&e) == json_error_numeric_overflow))
                continue;
            fail_msg("%.*s: ours %s, jansson %s", (int)n, line, ours ? "takes it" : why, theirs ? "takes it" : e.text);
        }
        if (ours) {
            assert_int_equal(n_text, n_want);
            assert_memory_equal(text, want, n_want);
        }
        *(ours ? &good : &bad) += 1;
    }
    assert_true(good > 1000 && bad > 1000);
}

static int done(void **state)
{
    asc_buf_clear(&seen);
    return remove_work_dir(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reader__lines_files_and_packing),
        cmocka_unit_test(reader__members_and_frames_follow_each_other),
        cmocka_unit_test(reader__truncated_or_damaged_packing_is_an_error),
        cmocka_unit_test(reader__bad_lines_are_rejected_with_number_and_reason),
        cmocka_unit_test(reader__files_that_are_no_text_are_rejected),
        cmocka_unit_test(reader__a_line_of_200_mb_is_one_rejection),
        cmocka_unit_test(json_field__takes_what_jansson_takes),
    };
    return cmocka_run_group_tests_name("reader", tests, make_work_dir, done);
}
