#include "text_test.h"

#include <fcntl.h>
#include <math.h>

#include "token_format.h"

static const int32_t first[] = {1, 2, 3, 65000}, second[] = {7}, third[] = {0};

static void write_set(const char *prefix, size_t vocab)
{
    asc_error err = {0};
    asc_token_writer *w = NULL;
    assert_ok(asc_token_writer_create(&w, prefix, vocab, &err), &err);
    assert_ok(asc_token_writer_add(w, first, 4, &err), &err);
    assert_ok(asc_token_writer_add(w, second, 1, &err), &err);
    assert_ok(asc_token_writer_add(w, third, 0, &err), &err);
    assert_ok(asc_token_writer_commit(w, &err), &err);
    asc_token_writer_free(w);
}

static void token_file__reads_back_what_was_written(void **state)
{
    asc_error err = {0};
    for (int wide = 0; wide < 2; wide++) {
        asc_token_file *f = NULL;
        int32_t out[5];
        int64_t at, n;
        write_set(in_work("set"), wide ? 70000 : 65499);
        assert_ok(asc_token_file_open(&f, in_work("set"), &err), &err);
        assert_int_equal(asc_token_file_width(f), wide ? 4 : 2);
        assert_int_equal(asc_token_file_tokens(f), 5);
        assert_int_equal(asc_token_file_documents(f), 3);
        assert_ok(asc_token_file_read(f, 0, 5, out, &err), &err);
        assert_memory_equal(out, first, sizeof first);
        assert_int_equal(out[4], 7);
        assert_ok(asc_token_file_document(f, 1, &at, &n, &err), &err);
        assert_true(at == 4 && n == 1);
        assert_ok(asc_token_file_document(f, 2, &at, &n, &err), &err);
        assert_true(at == 5 && n == 0);
        assert_int_equal(asc_token_file_read(f, 4, 2, out, &err), ASC_EINVAL);
        assert_int_equal(asc_token_file_read(f, -1, 1, out, &err), ASC_EINVAL);
        assert_int_equal(asc_token_file_read(f, 1, SIZE_MAX, out, &err), ASC_EINVAL);
        assert_int_equal(asc_token_file_document(f, 3, &at, &n, &err), ASC_EINVAL);
        asc_token_file_close(f);
    }
}

/* Half of one token, a quarter of two others: 1.5 ln 2, and (3-1)/(2 n) for tokens that were not seen. */
static void token_file__entropy_is_that_of_the_frequencies(void **state)
{
    static const int32_t ids[] = {5, 5, 0, 9, 5, 0, 9, 5, 7};
    asc_token_writer *w = NULL;
    asc_token_file *f = NULL;
    double h = 0;
    asc_error err = {0};
    assert_ok(asc_token_writer_create(&w, in_work("words"), 10, &err), &err);
    assert_ok(asc_token_writer_add(w, ids, 9, &err), &err);
    assert_ok(asc_token_writer_commit(w, &err), &err);
    asc_token_writer_free(w);
    assert_ok(asc_token_file_open(&f, in_work("words"), &err), &err);
    assert_ok(asc_token_file_entropy(&h, f, 8, 10, &err), &err);
    assert_true(fabs(h - (1.5 * log(2) + 2. / 16)) < 1e-12);
    assert_ok(asc_token_file_entropy(&h, f, 0, 10, &err), &err);
    assert_true(h > 1.5 * log(2));
    assert_int_equal(asc_token_file_entropy(&h, f, 8, 9, &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "token id 9"));
    asc_token_file_close(f);
}

static void token_file__has_the_layout_of_megatron(void **state)
{
    /* Header, sizes, pointers, documents as Megatron's indexed_dataset.py writes them. */
    static const uint8_t want[] = "MMIDIDX\0\0"
                                  "\1\0\0\0\0\0\0\0"
                                  "\10"
                                  "\3\0\0\0\0\0\0\0"
                                  "\4\0\0\0\0\0\0\0"
                                  "\4\0\0\0"
                                  "\1\0\0\0"
                                  "\0\0\0\0"
                                  "\0\0\0\0\0\0\0\0"
                                  "\10\0\0\0\0\0\0\0"
                                  "\12\0\0\0\0\0\0\0"
                                  "\0\0\0\0\0\0\0\0"
                                  "\1\0\0\0\0\0\0\0"
                                  "\2\0\0\0\0\0\0\0"
                                  "\3\0\0\0\0\0\0\0";
    char *p = NULL;
    size_t n = 0;
    write_set(in_work("layout"), 1000);
    assert_int_equal(asc_read_file(in_work("layout.idx"), 1000, &p, &n, NULL), ASC_OK);
    assert_int_equal(n, sizeof want - 1);
    assert_memory_equal(p, want, n);
    asc_free(p);
}

static void token_file__lying_index_is_an_error(void **state)
{
    asc_rng r;
    char *good = NULL;
    size_t n = 0;
    write_set(in_work("lie"), 1000);
    assert_int_equal(unlink(in_work("lie.sum")), 0); /* else the checksum finds every change */
    assert_int_equal(asc_read_file(in_work("lie.idx"), 1000, &good, &n, NULL), ASC_OK);
    asc_rng_init(&r, 1, "lies", 0);
    for (int i = 0; i < 3000; i++) {
        char bad[200];
        asc_token_file *f = NULL;
        memcpy(bad, good, n);
        size_t len = i % 10 == 0 ? asc_rng_below(&r, n) : n;
        for (uint64_t k = 0, m = 1 + asc_rng_below(&r, 3); k < m; k++)
            bad[asc_rng_below(&r, n)] = (char)(asc_rng_below(&r, 4) ? asc_rng_u64(&r) : 0xff);
        put_file(in_work("lie.idx"), bad, len);
        if (asc_token_file_open(&f, in_work("lie"), NULL) != ASC_OK)
            continue;
        /* What is taken must be readable from end to end. */
        int32_t out[64];
        int64_t tokens = asc_token_file_tokens(f), at, size;
        assert_in_range(tokens, 0, 10);
        assert_int_equal(asc_token_file_read(f, 0, (size_t)tokens, out, NULL), ASC_OK);
        for (int64_t d = 0; d < asc_token_file_documents(f); d++) {
            assert_int_equal(asc_token_file_document(f, d, &at, &size, NULL), ASC_OK);
            assert_true(at >= 0 && size >= 0 && at + size <= tokens);
        }
        asc_token_file_close(f);
    }
    asc_free(good);
}

static void token_file__damage_is_named(void **state)
{
    enum { N = 3 << 20 };
    asc_error err = {0};
    asc_token_writer *w = NULL;
    asc_token_file *f = NULL;
    int32_t *ids = calloc(N, sizeof *ids);
    for (int i = 0; i < N; i++)
        ids[i] = i % 50000;
    assert_ok(asc_token_writer_create(&w, in_work("big"), 50257, &err), &err);
    assert_ok(asc_token_writer_add(w, ids, N, &err), &err);
    assert_ok(asc_token_writer_commit(w, &err), &err);
    asc_token_writer_free(w);

    int fd = open(in_work("big.bin"), O_RDWR);
    char byte;
    assert_int_equal(pread(fd, &byte, 1, 5000001), 1);
    byte ^= 4;
    assert_int_equal(pwrite(fd, &byte, 1, 5000001), 1);
    close(fd);
    assert_ok(asc_token_file_open(&f, in_work("big"), &err), &err);
    assert_ok(asc_token_file_read(f, 0, 1000, ids, &err), &err); /* another block */
    assert_int_equal(asc_token_file_read(f, 2400000, 200000, ids, &err), ASC_ESTATE);
    assert_non_null(strstr(err.msg, "big.bin: damaged between bytes 4194304 and 5242880"));
    asc_token_file_close(f);

    unlink(in_work("big.sum")); /* as of another program: taken as it is */
    assert_ok(asc_token_file_open(&f, in_work("big"), &err), &err);
    assert_ok(asc_token_file_read(f, 2400000, 200000, ids, &err), &err);
    asc_token_file_close(f);

    write_set(in_work("other"), 1000); /* parts of two sets do not go together */
    char *p = NULL;
    size_t n = 0;
    assert_int_equal(asc_read_file(in_work("other.sum"), 1000, &p, &n, NULL), ASC_OK);
    put_file(in_work("big.sum"), p, n);
    asc_free(p);
    assert_int_equal(asc_token_file_open(&f, in_work("big"), &err), ASC_ESTATE);
    free(ids);
}

static void token_file__positions_pass_4_gib(void **state)
{
    /* Three sequences of 2^31 - 1 uint16 tokens in one document, in a file that is all holes but for its end. */
    enum { S = 3 };
    uint8_t idx[ASC__IDX_HEADER + S * 12 + 16];
    uint64_t version = 1, n_sequences = S, n_marks = 2, end = S;
    int32_t size = INT32_MAX;
    uint8_t code = 8, *p = idx;
    memcpy(p, "MMIDIDX\0\0", 9);
    memcpy(p + 9, &version, 8);
    p[17] = code;
    memcpy(p + 18, &n_sequences, 8);
    memcpy(p + 26, &n_marks, 8);
    for (uint64_t i = 0; i < S; i++) {
        uint64_t at = i * 2 * INT32_MAX;
        memcpy(p + ASC__IDX_HEADER + 4 * i, &size, 4);
        memcpy(p + ASC__IDX_HEADER + 4 * S + 8 * i, &at, 8);
    }
    memset(p + ASC__IDX_HEADER + 12 * S, 0, 8);
    memcpy(p + ASC__IDX_HEADER + 12 * S + 8, &end, 8);
    put_file(in_work("far.idx"), idx, sizeof idx);
    int64_t n = (int64_t)S * INT32_MAX;
    int fd = open(in_work("far.bin"), O_RDWR | O_CREAT, 0600);
    uint16_t last[2] = {11, 12};
    if (ftruncate(fd, 2 * n) != 0 || pwrite(fd, last, 4, 2 * n - 4) != 4) {
        close(fd);
        print_message("no sparse files of 12 GiB here: skipped\n");
        skip();
    }
    close(fd);
    asc_error err = {0};
    asc_token_file *f = NULL;
    int32_t out[2];
    int64_t at, len;
    assert_ok(asc_token_file_open(&f, in_work("far"), &err), &err);
    assert_true(asc_token_file_tokens(f) == n);
    assert_ok(asc_token_file_document(f, 0, &at, &len, &err), &err);
    assert_true(at == 0 && len == n);
    assert_ok(asc_token_file_read(f, n - 2, 2, out, &err), &err);
    assert_true(out[0] == 11 && out[1] == 12);
    asc_token_file_close(f);
}

/* One write of a set with the nth call of a kind failing: true when it failed. */
static bool write_fails(asc_fault_kind kind, uint64_t nth)
{
    asc_token_writer *w = NULL;
    asc_fault_arm(kind, nth);
    asc_status st = asc_token_writer_create(&w, in_work("fault"), 1000, NULL);
    if (st == ASC_OK)
        st = asc_token_writer_add(w, first, 3, NULL);
    if (st == ASC_OK)
        st = asc_token_writer_commit(w, NULL);
    asc_token_writer_free(w);
    asc_fault_arm(kind, 0);
    return st != ASC_OK;
}

static void token_file__failed_write_leaves_no_whole_set(void **state)
{
    static const asc_fault_kind kinds[] = {ASC_FAULT_ALLOC, ASC_FAULT_OPEN, ASC_FAULT_WRITE, ASC_FAULT_FSYNC,
                                           ASC_FAULT_RENAME};
    for (size_t k = 0; k < 5; k++) {
        bool failed = true;
        for (uint64_t nth = 1; failed; nth++) {
            asc_token_file *f = NULL;
            unlink(in_work("fault.idx"));
            failed = write_fails(kinds[k], nth);
            /* The last rename and what follows may leave a set behind that is whole; never a broken one. */
            if (failed && asc_token_file_open(&f, in_work("fault"), NULL) == ASC_OK) {
                int32_t out[3];
                assert_int_equal(asc_token_file_read(f, 0, 3, out, NULL), ASC_OK);
                assert_memory_equal(out, first, sizeof out);
                asc_token_file_close(f);
            }
            assert_true(nth < 200);
        }
    }
}

static void token_file__ids_out_of_range_are_refused(void **state)
{
    static const int32_t wide[] = {70000}, negative[] = {-1};
    asc_token_writer *w = NULL;
    assert_int_equal(asc_token_writer_create(&w, in_work("range"), 1000, NULL), ASC_OK);
    assert_int_equal(asc_token_writer_add(w, wide, 1, NULL), ASC_EINVAL);
    assert_int_equal(asc_token_writer_add(w, negative, 1, NULL), ASC_EINVAL);
    asc_token_writer_free(w);
    assert_false(asc_path_exists(in_work("range.bin")));
}

/* A file of 40 documents, the d-th of d + 1 ids that are d. */
static asc_token_file *forty(asc_error *err)
{
    int32_t ids[40];
    asc_token_writer *w = NULL;
    asc_token_file *f = NULL;
    assert_ok(asc_token_writer_create(&w, in_work("forty"), 1000, err), err);
    for (int32_t d = 0; d < 40; d++) {
        for (int32_t i = 0; i <= d; i++)
            ids[i] = d;
        assert_ok(asc_token_writer_add(w, ids, (size_t)d + 1, err), err);
    }
    assert_ok(asc_token_writer_commit(w, err), err);
    asc_token_writer_free(w);
    assert_ok(asc_token_file_open(&f, in_work("forty"), err), err);
    return f;
}

/* Bits of the documents of a part that are whole; *n_cut: those that are not. */
static uint64_t whole_documents(const char *prefix, int64_t tokens, int *n_cut, asc_error *err)
{
    asc_token_file *f = NULL;
    uint64_t bits = 0;
    int32_t id, last = -1;
    int64_t at, n;
    assert_ok(asc_token_file_open(&f, prefix, err), err);
    assert_int_equal(asc_token_file_tokens(f), tokens);
    *n_cut = 0;
    for (int64_t d = 0; d < asc_token_file_documents(f); d++) {
        assert_ok(asc_token_file_document(f, d, &at, &n, err), err);
        assert_ok(asc_token_file_read(f, at, 1, &id, err), err);
        assert_true(id > last); /* in the order of the file */
        last = id;
        if (n == id + 1)
            bits |= (uint64_t)1 << id;
        else
            ++*n_cut;
    }
    asc_token_file_close(f);
    return bits;
}

static void token_file__a_smaller_part_lies_within_a_larger_one(void **state)
{
    static const int64_t sizes[] = {20, 100, 101, 400, 820, 2000};
    asc_error err = {0};
    asc_token_file *f = forty(&err);
    uint64_t before = 0;
    int n_cut;
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        int64_t there = sizes[k] < 820 ? sizes[k] : 820;
        assert_ok(asc_token_file_cut(f, sizes[k], 1000, in_work("part"), &err), &err);
        uint64_t now = whole_documents(in_work("part"), there, &n_cut, &err);
        assert_true((now & before) == before && n_cut <= 1);
        before = now;
    }
    assert_true(before == ((uint64_t)1 << 40) - 1);
    asc_token_file_close(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(token_file__reads_back_what_was_written),
        cmocka_unit_test(token_file__entropy_is_that_of_the_frequencies),
        cmocka_unit_test(token_file__has_the_layout_of_megatron),
        cmocka_unit_test(token_file__lying_index_is_an_error),
        cmocka_unit_test(token_file__damage_is_named),
        cmocka_unit_test(token_file__positions_pass_4_gib),
        cmocka_unit_test(token_file__failed_write_leaves_no_whole_set),
        cmocka_unit_test(token_file__ids_out_of_range_are_refused),
        cmocka_unit_test(token_file__a_smaller_part_lies_within_a_larger_one),
    };
    return cmocka_run_group_tests_name("token_file", tests, make_work_dir, remove_work_dir);
}
