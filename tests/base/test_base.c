#include "test.h"

#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base.h"

static void parse__numbers_as_people_write_them(void **state)
{
    double x;
    int64_t n;
    assert_true(asc_parse_double("1.2e9", &x) && x == 1.2e9);
    assert_true(asc_parse_count("4e3", &n) && n == 4000);
    assert_true(asc_parse_count("1e15", &n) && n == 1000000000000000);
    const char *bad[] = {"", "nan", "inf", "0x10", " 1", "1 ", "1e", "--1", ".", "1e400"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(asc_parse_double(bad[i], &x));
    assert_false(asc_parse_count("-1", &n));
    assert_false(asc_parse_count("1.5", &n));
    assert_false(asc_parse_count("2e15", &n));
}

static void parse__quantities_as_people_write_them(void **state)
{
    static const struct {
        const char *text;
        double x;
    } good[] = {{"1.2e9", 1.2e9},
                {"5B", 5e9},
                {"1.2T", 1.2e12},
                {"1.1B", 1.1e9},
                {"50%", .5},
                {"38.23%", .3823},
                {"7b", 7e9},
                {"20G", 2e10},
                {"150M", 1.5e8},
                {"3k", 3000},
                {"1_000", 1000},
                {"1_000.5", 1000.5},
                {"1,000,000", 1e6},
                {"-1,234,567.5", -1234567.5},
                {"50 %", .5},
                {"-.5%", -.005},
                {"12,345,678 k", 12345678e3},
                {"0", 0}};
    static const char *const bad[] = {"",     "B",          "%",    "5BB",  "5 BB",     "1__0",     "_1",      "1_",
                                      "1,0",  "1,000",      "5  B", "1e9B", "1,00,000", "1,000,00", "nan",     "inf%",
                                      "0x10", "1,000,000,", "5KB",  "1._5", "5 ",       "1.5.2B",   ",000,000"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        double x = 0;
        if (!asc_parse_quantity(good[i].text, &x) || x != good[i].x)
            fail_msg("'%s' is %.17g", good[i].text, x);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        double x = 7;
        if (asc_parse_quantity(bad[i], &x) || x != 7)
            fail_msg("'%s' is %.17g", bad[i], x);
    }
    char digits[400];
    memset(digits, '1', sizeof digits - 1);
    digits[sizeof digits - 1] = 0;
    double x;
    assert_false(asc_parse_quantity(digits, &x)); /* too long for a number, and for the buffer */
}

static void format__double_reads_back_to_the_same_bits(void **state)
{
    asc_rng r;
    char buf[32];
    asc_rng_init(&r, 1, "format", 0);
    for (int i = 0; i < 1000; i++) {
        double x = asc_rng_normal(&r) * pow(10, (double)asc_rng_below(&r, 40) - 20), y;
        assert_true(asc_parse_double(asc_format_double(x, buf), &y) && x == y);
    }
    assert_string_equal(asc_format_double(.1, buf), "0.1");
}

static void format__figures_for_people(void **state)
{
    char buf[32];
    assert_string_equal(asc_format_si(1234567, buf), "1.23M");
    assert_string_equal(asc_format_si(4000, buf), "4k");
    assert_string_equal(asc_format_si(999, buf), "999");
    assert_string_equal(asc_format_si(2.5e9, buf), "2.5G");
    assert_string_equal(asc_format_count(2.5e9, buf), "2.5B");
    assert_string_equal(asc_format_count(1e12, buf), "1T");
    assert_string_equal(asc_format_count(4e15, buf), "4000T");
    assert_string_equal(asc_format_duration(75, buf), "1m15s");
    assert_string_equal(asc_format_percent(.1234, buf), "12.3 %");
    assert_string_equal(asc_format_percent(9.994, buf), "999 %");
    assert_string_equal(asc_format_percent(12.38, buf), "1238 %");
}

static void hash__sha256_known_answers(void **state)
{
    char hex[65];
    asc_sha256_hex("", 0, hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    asc_sha256_hex("abc", 3, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    char a[200];
    memset(a, 'a', sizeof a);
    for (size_t n = 0; n < sizeof a; n++) { /* any cut of the input gives the same digest */
        asc_sha256 s;
        uint8_t one[32], two[32];
        asc_sha256_init(&s);
        asc_sha256_update(&s, a, sizeof a);
        asc_sha256_final(&s, one);
        asc_sha256_init(&s);
        asc_sha256_update(&s, a, n);
        asc_sha256_update(&s, a + n, sizeof a - n);
        asc_sha256_final(&s, two);
        assert_memory_equal(one, two, 32);
    }
}

static void rng__streams_are_reproducible_and_apart(void **state)
{
    asc_rng a, b, c;
    asc_rng_init(&a, 42, "data", 0);
    asc_rng_init(&b, 42, "data", 0);
    asc_rng_init(&c, 42, "data", 1);
    uint64_t x = asc_rng_u64(&a);
    assert_true(x == asc_rng_u64(&b));
    assert_true(x != asc_rng_u64(&c));
    double sum = 0, square = 0;
    for (int i = 0; i < 20000; i++) {
        double z = asc_rng_normal(&a);
        sum += z;
        square += z * z;
    }
    assert_true(fabs(sum / 20000) < .03 && fabs(square / 20000 - 1) < .05);
}

static void writer__nothing_is_visible_before_commit(void **state)
{
    char dir[] = "/tmp/asc-test-XXXXXX";
    asc_error err;
    assert_non_null(mkdtemp(dir));
    char *path = asc_path_join(dir, "f");
    asc_writer w = {0};
    assert_int_equal(asc_writer_open(&w, path, &err), ASC_OK);
    assert_int_equal(asc_writer_write(&w, "hello", 5, &err), ASC_OK);
    assert_false(asc_path_exists(path));
    assert_int_equal(asc_writer_commit(&w, &err), ASC_OK);
    char *text;
    size_t n;
    assert_int_equal(asc_read_file(path, 100, &text, &n, &err), ASC_OK);
    assert_string_equal(text, "hello");
    asc_free(text);
    for (int kind = ASC_FAULT_ALLOC; kind <= ASC_FAULT_RENAME; kind++) /* a fault leaves the old file and no litter */
        for (uint64_t nth = 1; nth < 10; nth++) {
            asc_fault_arm((asc_fault_kind)kind, nth);
            asc_status st = asc_write_file(path, "other", 5, &err);
            bool hit = asc_fault_count((asc_fault_kind)kind) >= nth;
            asc_fault_arm((asc_fault_kind)kind, 0);
            assert_int_equal(st == ASC_OK, !hit);
            assert_int_equal(asc_read_file(path, 100, &text, &n, &err), ASC_OK);
            assert_int_equal(n, 5);
            asc_free(text);
        }
    assert_int_equal(asc_remove_tree(dir, &err), ASC_OK);
    asc_free(path);
}

static void add(void *ctx, size_t i)
{
    ((size_t *)ctx)[i] += i;
}

static void writer__keeps_links_and_devices(void **state)
{
    asc_error err = {0};
    char dir[] = "/tmp/asc-writer-XXXXXX";
    assert_non_null(mkdtemp(dir));
    char *file = asc_path_join(dir, "file"), *link = asc_path_join(dir, "link"), *pipe = asc_path_join(dir, "pipe");
    struct stat sb;
    char text[8] = "";
    assert_int_equal(asc_write_file(file, "old", 3, &err), ASC_OK);
    assert_int_equal(symlink("file", link), 0);
    assert_int_equal(asc_write_file(link, "new", 3, &err), ASC_OK);
    assert_true(lstat(link, &sb) == 0 && S_ISLNK(sb.st_mode));
    assert_true(lstat(file, &sb) == 0 && S_ISREG(sb.st_mode) && sb.st_size == 3);

    assert_int_equal(mkfifo(pipe, 0600), 0);
    int fd = open(pipe, O_RDWR | O_NONBLOCK);
    assert_true(fd >= 0);
    assert_int_equal(asc_write_file(pipe, "piped", 5, &err), ASC_OK);
    assert_int_equal(read(fd, text, sizeof text), 5);
    assert_string_equal(text, "piped");
    assert_true(lstat(pipe, &sb) == 0 && S_ISFIFO(sb.st_mode));
    close(fd);
    assert_int_equal(asc_remove_tree(dir, &err), ASC_OK);
    asc_free(file);
    asc_free(link);
    asc_free(pipe);
}

static void parallel_for__visits_each_index_once(void **state)
{
    size_t seen[1000] = {0};
    asc_parallel_for(4, 1000, add, seen);
    for (size_t i = 0; i < 1000; i++)
        assert_int_equal(seen[i], i);
}

static void nearest_name__finds_the_slip(void **state)
{
    const char *names[] = {"domains", "model", "scales"};
    assert_string_equal(asc_nearest_name("domians", names, 3), "domains");
    assert_null(asc_nearest_name("zzzzzz", names, 3));
}

static void names__ends_are_whole_or_part(void **state)
{
    assert_true(asc_ends_with("model.safetensors", ".safetensors"));
    assert_true(asc_ends_with(".gz", ".gz"));
    assert_true(asc_ends_with("x", ""));
    assert_false(asc_ends_with("gz", ".gz"));
    assert_false(asc_ends_with("a.GZ", ".gz"));
}

static void file_names__are_different_and_read_back(void **state)
{
    static const char *const names[][2] = {
        {"code", "code"}, {"cc/en", "cc~2Fen"},       {"a b", "a~20b"},           {"a~2Fb", "a~7E2Fb"},
        {"..", "~2E."},   {"C++-3.1_x", "C++-3.1_x"}, {"s:t, u", "s~3At~2C~20u"}, {"caf\xc3\xa9", "caf\xc3\xa9"},
        {"~", "~7E"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *file = asc_file_name(names[i][0]);
        assert_string_equal(file, names[i][1]);
        asc_file_name_read(file);
        assert_string_equal(file, names[i][0]);
        asc_free(file);
    }
    char odd[] = "a~2fb~2~GG~";
    asc_file_name_read(odd);
    assert_string_equal(odd, "a~2fb~2~GG~");
}

static void base64__known_answers_and_back(void **state)
{
    static const char *const pairs[][2] = {
        {"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foobar", "Zm9vYmFy"}};
    static const char *const wrong[] = {"=", "Zg=", "Zg===", "Z*==", "=Zm9", "Zm9vZg=a"};
    char text[16];
    unsigned char bytes[16];
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        size_t n = strlen(pairs[i][0]);
        asc_base64_encode(text, (const unsigned char *)pairs[i][0], n);
        assert_string_equal(text, pairs[i][1]);
        assert_int_equal(asc_base64_decode(bytes, text, strlen(text)), n);
        assert_memory_equal(bytes, pairs[i][0], n);
    }
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_true(asc_base64_decode(bytes, wrong[i], strlen(wrong[i])) == SIZE_MAX);
}

/* The file cache, which nearly all memory becomes in time, is no reason to start fewer processes. */
static void memory__counts_what_the_file_cache_gives_back(void **state)
{
    char text[4096] = "";
    double total = 0, available = 0;
    FILE *f = fopen("/proc/meminfo", "r");
    if (!f)
        skip();
    size_t n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[n] = 0;
    const char *at = strstr(text, "MemAvailable:");
    if (!at || sscanf(at, "MemAvailable: %lf", &available) != 1 || sscanf(text, "MemTotal: %lf", &total) != 1)
        skip();
    double got = asc_memory_available() / 1024;
    assert_true(got > 0 && got <= total && fabs(got - available) < .1 * total);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(file_names__are_different_and_read_back),
        cmocka_unit_test(names__ends_are_whole_or_part),
        cmocka_unit_test(parse__numbers_as_people_write_them),
        cmocka_unit_test(parse__quantities_as_people_write_them),
        cmocka_unit_test(format__double_reads_back_to_the_same_bits),
        cmocka_unit_test(format__figures_for_people),
        cmocka_unit_test(hash__sha256_known_answers),
        cmocka_unit_test(base64__known_answers_and_back),
        cmocka_unit_test(rng__streams_are_reproducible_and_apart),
        cmocka_unit_test(writer__nothing_is_visible_before_commit),
        cmocka_unit_test(writer__keeps_links_and_devices),
        cmocka_unit_test(parallel_for__visits_each_index_once),
        cmocka_unit_test(nearest_name__finds_the_slip),
        cmocka_unit_test(memory__counts_what_the_file_cache_gives_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
