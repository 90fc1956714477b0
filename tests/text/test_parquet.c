#include "text_test.h"

#include <dirent.h>
#include <math.h>

#include "base/base_json.h"
#include "parquet_private.h"
#include "thrift.h"

/* ---- files that other writers made: FILE.parquet beside FILE.jsonl, an object per row ---- */

static bool same(const asc_parquet_value *v, asc_parquet_kind kind, const json_t *want)
{
    if (json_is_null(want) || v->null)
        return json_is_null(want) && v->null;
    if (kind == ASC_PARQUET_TEXT)
        return json_string_length(want) == v->n_bytes && memcmp(json_string_value(want), v->text, v->n_bytes) == 0;
    if (json_is_string(want))
        return strcmp(json_string_value(want), "nan") == 0 && isnan(v->number);
    return v->number == json_number_value(want) ||
           fabs(v->number - json_number_value(want)) <= 1e-15 * fabs(v->number); /* decimals are divided by 10^scale */
}

static void compare_column(const asc_parquet *p, size_t column, json_t *const *rows, size_t n, const char *file)
{
    const asc_parquet_column *c = asc_parquet_get_column(p, column);
    asc_parquet_cursor *cursor = NULL;
    asc_error err = {0};
    assert_ok(asc_parquet_cursor_open(&cursor, p, column, &err), &err);
    for (size_t i = 0; i <= n; i++) {
        asc_parquet_value v;
        bool more = false;
        assert_ok(asc_parquet_next(cursor, &v, &more, &err), &err);
        if (more != (i < n) || (more && !same(&v, c->kind, json_object_get(rows[i], c->name))))
            fail_msg("%s: column %s, row %zu of %zu", file, c->name, i, n);
    }
    asc_parquet_cursor_close(cursor);
}

static size_t load_rows(json_t ***rows, const char *path)
{
    size_t n = 0, cap = 0;
    char *line = NULL;
    size_t size = 0;
    FILE *f = fopen(path, "r");
    *rows = NULL;
    while (f && getline(&line, &size, f) > 0) {
        *rows = asc_grow(*rows, &cap, n + 1, sizeof **rows);
        (*rows)[n] = json_loads(line, JSON_ALLOW_NUL, NULL);
        assert_non_null((*rows)[n++]);
    }
    if (f)
        fclose(f);
    free(line);
    return n;
}

static void compare_file(const char *path)
{
    asc_error err = {0};
    asc_parquet *p = NULL;
    json_t **rows;
    char *lines = asc_strf("%.*s.jsonl", (int)strlen(path) - 8, path);
    size_t n = load_rows(&rows, lines), compared = 0;
    assert_ok(asc_parquet_open(&p, path, &err), &err);
    if ((size_t)asc_parquet_rows(p) != n)
        fail_msg("%s: %lld rows, expected %zu", path, (long long)asc_parquet_rows(p), n);
    for (size_t c = 0; c < asc_parquet_n_columns(p); c++)
        if (n == 0 || json_object_get(rows[0], asc_parquet_get_column(p, c)->name)) {
            compare_column(p, c, rows, n, path);
            compared++;
        }
    assert_true(compared > 0);
    asc_parquet_close(p);
    for (size_t i = 0; i < n; i++)
        json_decref(rows[i]);
    asc_free(rows);
    asc_free(lines);
}

static int compare_folder(const char *folder)
{
    int n = 0;
    DIR *d = opendir(folder);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));) {
        size_t len = strlen(e->d_name);
        if (len < 9 || strcmp(e->d_name + len - 8, ".parquet") != 0 || strncmp(e->d_name, "refused-", 8) == 0)
            continue;
        char *path = asc_path_join(folder, e->d_name);
        compare_file(path);
        asc_free(path);
        n++;
    }
    closedir(d);
    return n;
}

/* tests/text/parquet_files.py makes them; ASC_PARQUET_DIR names a folder of more. */
static void parquet__reads_what_others_wrote(void **state)
{
    assert_true(compare_folder(ASC_SOURCE_DIR "/tests/text/parquet") > 20);
    const char *more = getenv("ASC_PARQUET_DIR");
    if (more)
        print_message("%d files of %s\n", compare_folder(more), more);
}

/* ---- whole rows, lists and groups: FILE.parquet beside FILE.rows ---- */

static void compare_rows(const char *path)
{
    asc_error err = {0};
    asc_buf got = {0};
    json_t **rows;
    char *beside = asc_strf("%.*s.rows", (int)strlen(path) - 8, path);
    size_t n = load_rows(&rows, beside);
    assert_ok(asc_parquet_to_json_lines(path, 1 << 28, &got, &err), &err);
    char *at = got.data;
    for (size_t i = 0; i < n; i++) {
        char *end = strchr(at, '\n');
        json_t *row = end ? json_loadb(at, (size_t)(end - at), 0, NULL) : NULL;
        if (!row || !json_equal(row, rows[i]))
            fail_msg("%s, row %zu: %.*s", path, i, end ? (int)(end - at) : 0, at);
        at = end + 1;
        json_decref(row);
        json_decref(rows[i]);
    }
    assert_true(n > 0);
    assert_string_equal(at, "");
    asc_error small = {0};
    asc_buf_clear(&got);
    assert_int_equal(asc_parquet_to_json_lines(path, 100, &got, &small), ASC_EINVAL);
    asc_buf_clear(&got);
    asc_free(rows);
    asc_free(beside);
}

static int compare_nested(const char *folder)
{
    int n = 0;
    DIR *d = opendir(folder);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));) {
        char *path = asc_path_join(folder, e->d_name);
        if (asc_ends_with(e->d_name, ".parquet")) {
            compare_rows(path);
            n++;
        }
        asc_free(path);
    }
    closedir(d);
    return n;
}

static void rows__lists_and_groups_come_back_whole(void **state)
{
    assert_int_equal(compare_nested(ASC_SOURCE_DIR "/tests/text/parquet/nested"), 4);
    const char *more = getenv("ASC_PARQUET_DIR");
    char *folder = more ? asc_path_join(more, "nested") : NULL;
    if (folder)
        print_message("%d files of %s\n", compare_nested(folder), folder);
    asc_free(folder);
}

static asc_status read_first_column(const char *path, asc_error *err)
{
    asc_parquet *p = NULL;
    asc_parquet_cursor *c = NULL;
    bool more = true;
    asc_status st = asc_parquet_open(&p, path, err);
    if (st == ASC_OK)
        st = asc_parquet_cursor_open(&c, p, 0, err);
    while (st == ASC_OK && more) {
        asc_parquet_value v;
        st = asc_parquet_next(c, &v, &more, err);
    }
    asc_parquet_cursor_close(c);
    asc_parquet_close(p);
    return st;
}

static char *fixture(const char *name)
{
    return asc_strf(ASC_SOURCE_DIR "/tests/text/parquet/%s.parquet", name);
}

static void parquet__what_is_not_read_is_named(void **state)
{
    asc_error err = {0};
    char *path = fixture("refused-brotli");
    assert_int_equal(read_first_column(path, &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "compressed with Brotli, which is not supported"));
    asc_free(path);
    put_text(in_work("short.parquet"), "PAR1");
    assert_int_equal(read_first_column(in_work("short.parquet"), &err), ASC_EINVAL);
    put_text(in_work("end.parquet"), "PAR1 and then no end of it");
    assert_int_equal(read_first_column(in_work("end.parquet"), &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "its end is missing"));
    put_text(in_work("secret.parquet"), "PARE encrypted footerPARE");
    assert_int_equal(read_first_column(in_work("secret.parquet"), &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "encrypted"));
    asc_parquet *p = NULL;
    asc_parquet_cursor *c = NULL;
    path = fixture("pa-list");
    assert_ok(asc_parquet_open(&p, path, &err), &err);
    size_t list = asc_parquet_find(p, "tags.list.element");
    assert_true(list != SIZE_MAX && asc_parquet_get_column(p, list)->repeated);
    assert_int_equal(asc_parquet_cursor_open(&c, p, list, &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "several values per row"));
    asc_parquet_close(p);
    asc_free(path);
}

static asc_status read_whole_rows(const char *path)
{
    asc_buf rows = {0};
    asc_status st = asc_parquet_to_json_lines(path, 1 << 20, &rows, NULL);
    asc_buf_clear(&rows);
    return st;
}

/* Cut anywhere, or one byte changed: an error or other values, never a read out of range (which the sanitizers see). */
static void parquet__survives_damage_everywhere(void **state)
{
    static const char *const names[] = {"pa-snappy-v1-dict", "pa-delta_byte_array-v2-nulls", "fp-lz4-nulls"};
    int refused = 0;
    for (size_t k = 0; k < 3; k++) {
        char *data = NULL, *path = fixture(names[k]);
        size_t n = 0;
        assert_int_equal(asc_read_file(path, 1 << 20, &data, &n, NULL), ASC_OK);
        for (size_t i = 0; i < n; i += small_run() ? 13 : 3) {
            put_file(in_work("cut.parquet"), data, i);
            assert_int_equal(read_first_column(in_work("cut.parquet"), NULL), ASC_EINVAL);
            data[i] = (char)(data[i] ^ (1 << i % 8));
            put_file(in_work("bit.parquet"), data, n);
            refused += read_first_column(in_work("bit.parquet"), NULL) != ASC_OK;
            data[i] = (char)(data[i] ^ (1 << i % 8));
        }
        asc_free(data);
        asc_free(path);
    }
    assert_true(refused > 100);
}

static void rows__survive_damage_everywhere(void **state)
{
    int refused = 0;
    char *data = NULL, *path = fixture("nested/pa-v2");
    size_t n = 0;
    assert_int_equal(asc_read_file(path, 1 << 20, &data, &n, NULL), ASC_OK);
    for (size_t i = 0; i < n; i += small_run() ? 23 : 5) {
        put_file(in_work("cut.parquet"), data, i);
        assert_int_equal(read_whole_rows(in_work("cut.parquet")), ASC_EINVAL);
        data[i] = (char)(data[i] ^ (1 << i % 8));
        put_file(in_work("bit.parquet"), data, n);
        refused += read_whole_rows(in_work("bit.parquet")) != ASC_OK;
        data[i] = (char)(data[i] ^ (1 << i % 8));
    }
    assert_true(refused > 20);
    asc_free(data);
    asc_free(path);
}

static void parquet__a_changed_page_is_known_by_its_checksum(void **state)
{
    char *data = NULL, *path = fixture("pa-snappy-v1-dict"); /* written with page checksums */
    size_t n = 0;
    asc_error err = {0};
    assert_int_equal(asc_read_file(path, 1 << 20, &data, &n, NULL), ASC_OK);
    data[60] ^= 1; /* inside of the first page */
    put_file(in_work("bit.parquet"), data, n);
    assert_int_equal(read_first_column(in_work("bit.parquet"), &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "checksum differs"));
    asc_free(data);
    asc_free(path);
}

static void parquet__survives_every_failed_allocation(void **state)
{
    char *path = fixture("pa-delta_byte_array-v2-nulls");
    asc_status st = ASC_ENOMEM;
    for (uint64_t nth = 1; st != ASC_OK; nth++) {
        asc_fault_arm(ASC_FAULT_ALLOC, nth);
        st = read_first_column(path, NULL);
        asc_fault_arm(ASC_FAULT_ALLOC, 0);
        assert_true(st == ASC_OK || st == ASC_ENOMEM);
        assert_true(nth < 2000);
    }
    asc_free(path);
}

/* ---- compression ---- */

static void codec__lz4_in_hadoops_frames(void **state)
{
    /* "abcabcabcabcabcabc-tail!": three literals, a copy of 15 from 3 back, six literals */
    static const uint8_t block[] = {0x3b, 'a', 'b', 'c', 3, 0, 0x60, '-', 't', 'a', 'i', 'l', '!'};
    static const char text[] = "abcabcabcabcabcabc-tail!abcabcabcabcabcabc-tail!";
    uint8_t framed[2 * (8 + sizeof block)], out[48];
    for (size_t i = 0; i < 2; i++) {
        uint8_t *p = framed + i * (8 + sizeof block);
        memcpy(p, (uint8_t[]){0, 0, 0, 24, 0, 0, 0, sizeof block}, 8);
        memcpy(p + 8, block, sizeof block);
    }
    assert_true(asc__lz4_decode(out, 24, block, sizeof block));
    assert_memory_equal(out, text, 24);
    assert_true(asc__pq_unpack(ASC__PQ_LZ4, out, 48, framed, sizeof framed));
    assert_memory_equal(out, text, 48);
    assert_false(asc__pq_unpack(ASC__PQ_LZ4, out, 47, framed, sizeof framed));
    for (size_t n = 0; n < sizeof framed; n++)
        assert_false(asc__pq_unpack(ASC__PQ_LZ4, out, 48, framed, n));
}

static void codec__snappy_literals_and_copies(void **state)
{
    /* 14 bytes: literal "ab", copy 4+... with one and with two bytes of offset */
    static const uint8_t packed[] = {14, 1 << 2, 'a', 'b', 1 | 4 << 2, 2, 2 | (4 - 1) << 2, 1, 0};
    uint8_t out[14];
    assert_true(asc__snappy_decode(out, 14, packed, sizeof packed));
    assert_memory_equal(out,
                        "ababababab"
                        "bbbb",
                        14);
    assert_false(asc__snappy_decode(out, 13, packed, sizeof packed));
    for (size_t n = 0; n < sizeof packed; n++)
        assert_false(asc__snappy_decode(out, 14, packed, n));
    static const uint8_t before_start[] = {4, 1 | 0 << 2, 1};
    assert_false(asc__snappy_decode(out, 4, before_start, sizeof before_start));
}

/* ---- runs, differences ---- */

static void rle__runs_and_groups(void **state)
{
    /* a run of five 3s, then a group of eight values 0..7 of three bits */
    static const uint8_t bytes[] = {5 << 1, 3, 1 << 1 | 1, 0x88, 0xc6, 0xfa};
    asc__pq_rle r;
    uint32_t v;
    assert_true(asc__pq_rle_init(&r, bytes, bytes + sizeof bytes, 3));
    for (uint32_t i = 0; i < 13; i++) {
        assert_true(asc__pq_rle_next(&r, &v));
        assert_int_equal(v, i < 5 ? 3 : i - 5);
    }
    assert_false(asc__pq_rle_next(&r, &v));
    assert_false(asc__pq_rle_init(&r, bytes, bytes + sizeof bytes, 33));
}

static void thrift__lists_are_never_longer_than_their_bytes(void **state)
{
    static const uint8_t bytes[] = {0x19, 0xf8, 0xff, 0xff, 0xff, 0x0f}; /* field 1: a list of 2^32 strings */
    asc__thrift t = {bytes, bytes + sizeof bytes, false, false};
    asc__field f = {0};
    int type;
    assert_true(asc__thrift_next(&t, &f) && f.id == 1);
    assert_int_equal(asc__thrift_list(&t, &f, &type), 0);
    assert_true(t.bad);
    static const uint8_t nested[200] = {[0 ... 199] = 0x1c}; /* structs in structs without end */
    t = (asc__thrift){nested, nested + sizeof nested, false, false};
    asc__thrift_skip(&t, ASC__THRIFT_STRUCT);
    assert_true(t.bad);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parquet__reads_what_others_wrote),
        cmocka_unit_test(rows__lists_and_groups_come_back_whole),
        cmocka_unit_test(parquet__what_is_not_read_is_named),
        cmocka_unit_test(parquet__survives_damage_everywhere),
        cmocka_unit_test(rows__survive_damage_everywhere),
        cmocka_unit_test(parquet__a_changed_page_is_known_by_its_checksum),
        cmocka_unit_test(parquet__survives_every_failed_allocation),
        cmocka_unit_test(codec__lz4_in_hadoops_frames),
        cmocka_unit_test(codec__snappy_literals_and_copies),
        cmocka_unit_test(rle__runs_and_groups),
        cmocka_unit_test(thrift__lists_are_never_longer_than_their_bytes),
    };
    return cmocka_run_group_tests_name("parquet", tests, make_work_dir, remove_work_dir);
}
