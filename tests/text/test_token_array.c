/* Bare arrays of token ids: NumPy's, llm.c's, and those whose dtype is said. */
#include "corpus.h"
#include "text_test.h"

static void read_documents(asc_buf *out, const char *path, const char *dtype, int32_t end)
{
    asc__token_reader r = {0};
    asc_error err = {0};
    bool more = true;
    assert_ok(asc__token_reader_open(&r, path, dtype, end, &err), &err);
    out->len = 0;
    asc_buf_puts(out, "");
    while (more) {
        asc_document d;
        assert_ok(asc__token_reader_next(&r, &d, &more, &err), &err);
        for (size_t i = 0; more && i < d.n_bytes / 4; i++) {
            int32_t id;
            memcpy(&id, d.text + 4 * i, 4);
            asc_buf_printf(out, "%s%d", i ? " " : "[", id);
        }
        if (more)
            asc_buf_puts(out, "]");
    }
    asc__token_reader_close(&r);
    asc_free(r.ids);
}

static void expect(const char *path, const char *dtype, int32_t end, const char *want)
{
    asc_buf seen = {0};
    read_documents(&seen, path, dtype, end);
    assert_string_equal(seen.data, want);
    asc_buf_clear(&seen);
}

static void put_npy(const char *path, int major, const char *type, const char *shape, const void *data, size_t n)
{
    char file[400], header[200];
    int len = snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': False, 'shape': %s, }\n", type, shape);
    size_t at = major == 1 ? 10 : 12;
    memcpy(file, "\x93NUMPY", 6);
    file[6] = (char)major;
    file[7] = 0;
    memcpy(file + 8, (uint8_t[]){(uint8_t)len, 0, 0, 0}, at - 8);
    memcpy(file + at, header, (size_t)len);
    memcpy(file + at + len, data, n);
    put_file(path, file, at + (size_t)len + n);
}

static void token_array__numpy(void **state)
{
    const uint16_t u2[] = {5, 6, 0, 65000, 0};
    const int64_t i8[] = {1, -1, (int64_t)1 << 40, 2};
    put_npy(in_work("a.npy"), 1, "<u2", "(5,)", u2, sizeof u2);
    expect(in_work("a.npy"), NULL, 0, "[5 6 0][65000 0]");
    expect(in_work("a.npy"), NULL, -1, "[5 6 0 65000 0]");
    put_npy(in_work("b.npy"), 2, "<i8", "(2, 2)", i8, sizeof i8);
    expect(in_work("b.npy"), NULL, -1, "[1 -1 -1 2]"); /* what is no id is -1, and refused with the vocabulary */
    asc_error err = {0};
    asc__token_reader r = {0};
    put_npy(in_work("f.npy"), 1, "<f4", "(2,)", u2, 8);
    assert_int_equal(asc__token_reader_open(&r, in_work("f.npy"), NULL, -1, &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "a NumPy array of type '<f4'"));
    put_npy(in_work("big.npy"), 1, ">u2", "(2,)", u2, 4);
    assert_int_equal(asc__token_reader_open(&r, in_work("big.npy"), NULL, -1, &err), ASC_EINVAL);
    put_npy(in_work("cut.npy"), 1, "<u2", "(50,)", u2, sizeof u2);
    assert_int_equal(asc__token_reader_open(&r, in_work("cut.npy"), NULL, -1, &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "truncated"));
    put_npy(in_work("lie.npy"), 1, "<u2", "(9223372036854775807, 9223372036854775807)", u2, sizeof u2);
    assert_int_equal(asc__token_reader_open(&r, in_work("lie.npy"), NULL, -1, &err), ASC_EINVAL);
}

static void token_array__llm_c(void **state)
{
    uint8_t file[1024 + 8] = {0};
    const uint32_t gpt2[] = {20240520, 1, 4}, llama[] = {20240801, 7, 2};
    memcpy(file, gpt2, sizeof gpt2);
    memcpy(file + 1024, (uint16_t[]){50256, 1, 2, 50256}, 8);
    put_file(in_work("s.bin"), file, sizeof file);
    expect(in_work("s.bin"), NULL, 50256, "[50256][1 2 50256]");
    memcpy(file, llama, sizeof llama);
    memcpy(file + 1024, (uint32_t[]){128000, 9}, 8);
    put_file(in_work("s.bin"), file, sizeof file);
    expect(in_work("s.bin"), NULL, -1, "[128000 9]");
}

static void token_array__bare_with_a_dtype(void **state)
{
    asc_error err = {0};
    asc__token_reader r = {0};
    put_file(in_work("train.bin"), (uint16_t[]){7, 8, 9}, 6);
    expect(in_work("train.bin"), "uint16", 8, "[7 8][9]");
    assert_int_equal(asc__token_reader_open(&r, in_work("train.bin"), "uint32", -1, &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "6 bytes are not a whole number of uint32"));
    assert_int_equal(asc__token_reader_open(&r, in_work("train.bin"), NULL, -1, &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "needs a dtype"));
}

/* Documents that are longer than a buffer, many times over. */
static void token_array__long_documents(void **state)
{
    enum { N = 300000 };
    uint16_t *ids = malloc(N * sizeof *ids);
    for (size_t i = 0; i < N; i++)
        ids[i] = i % 100000 == 99999 ? 0 : (uint16_t)(1 + i % 1000);
    put_file(in_work("long.bin"), ids, N * sizeof *ids);
    asc__token_reader r = {0};
    asc_document d;
    bool more = true;
    assert_int_equal(asc__token_reader_open(&r, in_work("long.bin"), "uint16", 0, NULL), ASC_OK);
    for (int k = 0; k < 4; k++) {
        assert_int_equal(asc__token_reader_next(&r, &d, &more, NULL), ASC_OK);
        assert_true(more == (k < 3) && (!more || d.n_bytes == 400000));
    }
    asc__token_reader_close(&r);
    asc_free(r.ids);
    free(ids);
}

static void corpus_files__knows_arrays_from_text(void **state)
{
    char **files, *all[] = {in_work("d/*")};
    size_t n;
    bool tokens;
    asc_error err = {0};
    put_npy(in_work("d/a.npy"), 1, "<u2", "(1,)", "ab", 2);
    put_npy(in_work("d/b.npy"), 1, "<u2", "(1,)", "ab", 2);
    assert_ok(asc_corpus_files(&files, &n, &tokens, all, 1, NULL, NULL, &err), &err);
    assert_true(tokens && n == 2);
    asc_text_discover_free(files, n);
    put_text(in_work("d/c.txt"), "text");
    assert_int_equal(asc_corpus_files(&files, &n, &tokens, all, 1, NULL, NULL, &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "c.txt: text among token files"));
    assert_ok(asc_corpus_files(&files, &n, &tokens, all, 1, NULL, "uint16", &err), &err);
    assert_true(tokens && n == 3);
    asc_text_discover_free(files, n);
    assert_int_equal(asc_corpus_files(&files, &n, &tokens, all, 1, NULL, "float32", &err), ASC_EINVAL);
}

static void corpus_probe__says_what_would_stop_a_run(void **state)
{
    char *text[] = {in_work("e/a.bin"), in_work("e/b.jsonl")};
    asc_error err = {0};
    put_file(text[0], "a\0b", 3);
    put_text(text[1], "{\"txet\":\"x\"}\n{\"text\":\"y\"}\n");
    assert_int_equal(asc_corpus_probe(text, 1, false, NULL, NULL, &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "no document in 1 file"));
    assert_non_null(strstr(err.msg, "binary file"));
    assert_ok(asc_corpus_probe(text, 2, false, NULL, NULL, &err), &err);
    char *rows[] = {(char *)ASC_SOURCE_DIR "/tests/text/parquet/pa-nul.parquet"};
    assert_int_equal(asc_corpus_probe(rows, 1, false, "body", NULL, &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "without a column 'body'"));
    assert_true(asc_corpus_guess_bytes(rows[0], NULL) > 4 && asc_corpus_guess_bytes(rows[0], NULL) < 200);
}

static void report__lists_names_that_are_no_utf8(void **state)
{
    asc_domain_report *r = asc_calloc(1, sizeof *r), *again = NULL;
    asc_error err = {0};
    json_t *j = NULL;
    r->name = asc_strdup("d");
    assert_ok(asc__report_reject(r, "a\xff\xc3/b.txt", 3, "no", &err), &err);
    assert_ok(asc__report_write(in_work("report.json"), json_object(), r, 1, NULL, 0, &err), &err);
    assert_ok(asc_json_load(&j, in_work("report.json"), &err), &err);
    assert_ok(asc__report_read(&again, j, "report.json", 1, &err), &err);
    assert_true(again->n_rejected == 1 && again->n_rejected_listed == 1);
    assert_string_equal(again->rejected[0].file, "a\\xff\\xc3/b.txt");
    json_decref(j);
    asc_domain_reports_free(r, 1);
    asc_domain_reports_free(again, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(token_array__numpy),
        cmocka_unit_test(token_array__llm_c),
        cmocka_unit_test(token_array__bare_with_a_dtype),
        cmocka_unit_test(token_array__long_documents),
        cmocka_unit_test(corpus_files__knows_arrays_from_text),
        cmocka_unit_test(report__lists_names_that_are_no_utf8),
        cmocka_unit_test(corpus_probe__says_what_would_stop_a_run),
    };
    return cmocka_run_group_tests_name("token_array", tests, make_work_dir, remove_work_dir);
}
