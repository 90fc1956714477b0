/* Text as people have it: what a file is decides, not its name. */
#include "text_test.h"

#include <zlib.h>

#include "text/text_parquet.h"

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

static void expect(const char *name, const char *bytes, size_t n, const char *want)
{
    asc_error err = {0};
    put_file(in_work(name), bytes, n);
    assert_ok(read_all(in_work(name), NULL, &err), &err);
    assert_string_equal(seen.data, want);
}
#define EXPECT(name, text, want) expect(name, text, sizeof text - 1, want)

static void containers__nan_and_infinity_in_other_fields_are_numbers(void **state)
{
    EXPECT("nan.jsonl",
           "{\"a\":NaN,\"text\":\"x\",\"b\":[Infinity,-Infinity]}\n{\"text\":NaN}\n{\"text\":\"y\",\"c\":Inf}\n"
           "{\"text\":\"z\",\"c\":-NaN}\n",
           "[1:x]<2:field 'text' is not a string><3:not a JSON object: column 17: expected a value>"
           "<4:not a JSON object: column 18: expected a value>");
}

static void containers__an_array_is_its_elements(void **state)
{
    EXPECT("a.json",
           "[{\"text\": \"one\"},\n {\"text\": \"t\\\"]o\", \"x\": [\"]\", {}]},\n\"three\", 4, [], {\"t\":1}\n]\n",
           "[1:one][2:t\"]o][3:three]<3:value 4: not a JSON object: column 1: expected an object>"
           "<3:value 5: not a JSON object: column 1: expected an object><3:value 6: no field 'text'>");
    EXPECT("a.jsonl", " [{\"text\":\"one\"}]", "[1:one]");
    EXPECT("b.json", "[]", "");
    EXPECT("cut.json", "[{\"text\":\"one\"},\n{\"text\":\"tw",
           "[1:one]<2:the rest of the file, behind value 1: expected the end of the value that begins there>");
    EXPECT("odd.json", "[{\"text\":\"one\"} {\"text\":\"two\"}]",
           "[1:one]<1:the rest of the file, behind value 1: expected , or ]>");
    EXPECT("two.json", "[\"a\"] [\"b\"]",
           "[1:a]<1:the rest of the file, behind value 1: expected nothing after the array>");
}

static void containers__objects_may_stand_on_several_lines(void **state)
{
    EXPECT("p.json", "{\n  \"text\": \"one\",\n  \"x\": {\"y\": 1}\n}\n\n{\n\"text\":\"two\"}{\"text\":\"three\"}",
           "[1:one][6:two][7:three]");
    EXPECT("lines.json", "{\"text\":\"one\"}\n{\"text\":\"cut\n{\"text\":\"two\"}\n",
           "[1:one]<2:not a JSON object: column 13: the string has no end>[3:two]");
    EXPECT("part-00000", "{\"text\":\"one\"}\n{\"text\":\"two\"}\n", "[1:one][2:two]");
    EXPECT("Makefile", "{not lines}\n", "[0:{not lines}\n]");
}

static void containers__byte_order_marks_are_no_text(void **state)
{
    EXPECT("b.txt", "\xef\xbb\xbfplain", "[0:plain]");
    EXPECT("b.json", "\xef\xbb\xbf[\"a\"]", "[1:a]");
    EXPECT("only.txt", "\xef\xbb\xbf", "<0:empty>");
}

static void containers__utf16_is_converted_where_a_mark_says_so(void **state)
{
    EXPECT("le.jsonl", "\xff\xfe{\0\"\0t\0e\0x\0t\0\"\0:\0\"\0\x3d\xd8\x00\xde\xe9\0\"\0}\0",
           "[1:\xf0\x9f\x98\x80\xc3\xa9]");
    EXPECT("be.txt", "\xfe\xff\0a\x20\xac", "[0:a\xe2\x82\xac]");
    EXPECT("lone.txt", "\xff\xfe\x3d\xd8\x41\0", "<0:not valid UTF-8 at byte 1>");
    EXPECT("odd.txt", "\xff\xfe\x41\0\x42", "<0:not valid UTF-8 at byte 2>");
    EXPECT("no-mark.jsonl", "{\0\"\0t\0e\0x\0t\0\"\0:\0\"\0a\0\"\0}\0",
           "<0:UTF-16 without a byte-order mark; convert it: iconv -f UTF-16LE -t UTF-8>");
    size_t n = 300000; /* more than a chunk, pairs across its ends */
    char *text = malloc(4 * n + 2), *want = malloc(4 * n + 1);
    memcpy(text, "\xff\xfe", 2);
    for (size_t i = 0; i < n; i++) {
        memcpy(text + 2 + 4 * i, "\x3d\xd8\x00\xde", 4);
        memcpy(want + 4 * i, "\xf0\x9f\x98\x80", 4);
    }
    put_file(in_work("long.txt"), text, 4 * n + 2);
    asc_reader *r = NULL;
    asc_document d;
    bool more = false;
    assert_int_equal(asc_reader_open(&r, in_work("long.txt"), NULL, NULL, NULL, NULL), ASC_OK);
    assert_int_equal(asc_reader_next(r, &d, &more, NULL), ASC_OK);
    assert_true(more && d.n_bytes == 4 * n && memcmp(d.text, want, 4 * n) == 0);
    asc_reader_close(r);
    free(text);
    free(want);
}

static const char lines[] = "{\"text\":\"one\"}\n{\"text\":\"two\"}\n";

static void containers__the_first_bytes_decide_not_the_name(void **state)
{
    gzFile f = gzopen(in_work("gz.jsonl"), "wb");
    assert_int_equal(gzwrite(f, lines, sizeof lines - 1), sizeof lines - 1);
    gzclose(f);
    asc_error err = {0};
    assert_ok(read_all(in_work("gz.jsonl"), NULL, &err), &err);
    assert_string_equal(seen.data, "[1:one][2:two]");
    EXPECT("plain.jsonl.gz", lines, "[1:one][2:two]");
    EXPECT("plain.jsonl.zst", lines, "[1:one][2:two]");
    char *p = NULL;
    size_t n = 0;
    assert_int_equal(asc_read_file(in_work("gz.jsonl"), 1 << 20, &p, &n, NULL), ASC_OK);
    char *padded = calloc(1, n + 600);
    memcpy(padded, p, n);
    expect("padded.jsonl.gz", padded, n + 600, "[1:one][2:two]");
    free(padded);
    asc_free(p);
    EXPECT("old.jsonl.lzma", "\x5d\0\0\x80\0\xff\xff\xff",
           "<0:an LZMA file, the format before xz; decompress it first (xz -d)>");
    EXPECT("d/_metadata", "PAR1 and so on", "<0:a summary of the Parquet files beside it>");
    assert_int_equal(asc_read_file(ASC_SOURCE_DIR "/tests/text/parquet/pa-nul.parquet", 1 << 20, &p, &n, NULL), ASC_OK);
    put_file(in_work("rows.txt"), p, n);
    assert_ok(read_all(in_work("rows.txt"), NULL, &err), &err);
    assert_string_equal(seen.data, "[1:a]<2:column 'text' is empty>[3:c]"); /* printf ends at the NUL of "a\\0b" */
    assert_int_equal(read_all(in_work("rows.txt"), "txet", &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "a Parquet file without a column 'txet' (string columns: 'text')"));
    assert_int_equal(read_all(ASC_SOURCE_DIR "/tests/text/parquet/pa-list.parquet", "tags", &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "column 'tags' holds a list or map per row"));
    asc_free(p);
}

/* Made by Python's bz2 and lzma: `lines` and {"text":"three"}; `lines` twice, each padded with zeros. */
static const uint8_t bzip2[] = {
    66,  90,  104, 57,  49,  65,  89,  38,  83, 89,  106, 206, 23,  103, 0,   0,   13, 89,  128, 0,   16, 16, 0,   0,
    16,  2,   1,   132, 202, 32,  0,   49,  0,  211, 77,  2,   84,  209, 234, 109, 39, 169, 6,   40,  86, 54, 101, 139,
    202, 21,  165, 100, 56,  124, 93,  201, 20, 225, 66,  65,  171, 56,  93,  156, 66, 90,  104, 57,  49, 65, 89,  38,
    83,  89,  166, 246, 3,   73,  0,   0,   7,  25,  128, 16,  0,   0,   16,  2,   64, 20,  74,  32,  0,  49, 6,   76,
    64,  208, 97,  10,  105, 54,  208, 113, 5,  217, 226, 238, 72,  167, 10,  18,  20, 222, 192, 105, 32};
static const uint8_t xz[] = {
    253, 55,  122, 88, 90,  0,   0,   4,  230, 214, 180, 70,  2,   0,   33, 1,   22,  0,   0,   0,   116, 47,  229,
    163, 224, 0,   29, 0,   26,  93,  0,  61,  136, 138, 134, 148, 136, 19, 224, 243, 137, 74,  121, 193, 156, 158,
    88,  125, 223, 69, 174, 207, 160, 36, 238, 155, 0,   0,   0,   0,   5,  232, 35,  39,  228, 143, 127, 141, 0,
    1,   54,  30,  61, 25,  149, 83,  31, 182, 243, 125, 1,   0,   0,   0,  0,   4,   89,  90,  0,   0,   0,   0,
    253, 55,  122, 88, 90,  0,   0,   4,  230, 214, 180, 70,  2,   0,   33, 1,   22,  0,   0,   0,   116, 47,  229,
    163, 224, 0,   29, 0,   26,  93,  0,  61,  136, 138, 134, 148, 136, 19, 224, 243, 137, 74,  121, 193, 156, 158,
    88,  125, 223, 69, 174, 207, 160, 36, 238, 155, 0,   0,   0,   0,   5,  232, 35,  39,  228, 143, 127, 141, 0,
    1,   54,  30,  61, 25,  149, 83,  31, 182, 243, 125, 1,   0,   0,   0,  0,   4,   89,  90,  0,   0,   0,   0};

static void containers__bzip2_and_xz(void **state)
{
    uint8_t copy[sizeof xz];
    asc_error err = {0};
    expect("a.jsonl.bz2", (const char *)bzip2, sizeof bzip2, "[1:one][2:two][3:three]");
    put_file(in_work("cut.jsonl.bz2"), bzip2, sizeof bzip2 - 5);
    assert_int_equal(read_all(in_work("cut.jsonl.bz2"), NULL, &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "truncated or damaged"));
    expect("a.jsonl.xz", (const char *)xz, sizeof xz, "[1:one][2:two][3:one][4:two]");
    memcpy(copy, xz, sizeof xz);
    copy[40] ^= 1;
    put_file(in_work("bad.jsonl.xz"), copy, sizeof copy);
    assert_int_equal(read_all(in_work("bad.jsonl.xz"), NULL, &err), ASC_EINVAL);
}

static void containers__what_is_no_text_is_named(void **state)
{
    EXPECT("x.pdf", "%PDF-1.7\n\xe2\xe3\xcf\xd3\n", "<0:a PDF document; extract its text first>");
    EXPECT("x.npy", "\x93NUMPY\1\0", "<0:a NumPy array; give arrays of token ids separately from text, as .npy files>");
    EXPECT("x.jsonl", "ARROW1\0\0", "<0:an Arrow (Feather) file; write it as Parquet or JSON lines>");
    EXPECT("orchestra.txt", "ORChestra and BZh9, GIF8 and PAR", "[0:ORChestra and BZh9, GIF8 and PAR]");
}

/* ../shared/cases: their inputs as they are. */
static int64_t documents_of(const char *path, int64_t *rejected)
{
    asc_error err = {0};
    int64_t n = 0;
    assert_ok(read_all(path, NULL, &err), &err);
    *rejected = 0;
    for (const char *p = seen.data; *p; p++) {
        n += *p == '[';
        *rejected += *p == '<';
    }
    return n;
}

static void containers__shared_cases(void **state)
{
    static const struct {
        const char *file;
        int64_t n;
    } cases[] = {{"J1-nan-metadata/nan.jsonl", 40},          {"J1-nan-metadata/inf.jsonl", 40},
                 {"J2-other-containers/list.json", 40},      {"J2-other-containers/utf16.jsonl", 40},
                 {"J2-other-containers/wrongext.jsonl", 40}, {"J2-other-containers/p.parquet", 40},
                 {"J3-bom-in-text-files/bom.txt", 1}};
    if (!asc_path_exists(ASC_SHARED_DIR "/cases")) {
        print_message("skipped: no shared cases\n");
        skip();
    }
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t rejected;
        char *path = asc_path_join(ASC_SHARED_DIR "/cases", cases[i].file);
        int64_t n = documents_of(path, &rejected);
        print_message("%s: %lld documents\n", cases[i].file, (long long)n);
        assert_true(n == cases[i].n && rejected == 0);
        asc_free(path);
    }
    assert_memory_equal(seen.data, "[0:plain", 8); /* no byte-order mark */
}

static int done(void **state)
{
    asc_buf_clear(&seen);
    return remove_work_dir(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(containers__nan_and_infinity_in_other_fields_are_numbers),
        cmocka_unit_test(containers__an_array_is_its_elements),
        cmocka_unit_test(containers__objects_may_stand_on_several_lines),
        cmocka_unit_test(containers__byte_order_marks_are_no_text),
        cmocka_unit_test(containers__utf16_is_converted_where_a_mark_says_so),
        cmocka_unit_test(containers__the_first_bytes_decide_not_the_name),
        cmocka_unit_test(containers__bzip2_and_xz),
        cmocka_unit_test(containers__what_is_no_text_is_named),
        cmocka_unit_test(containers__shared_cases),
    };
    return cmocka_run_group_tests_name("containers", tests, make_work_dir, done);
}
