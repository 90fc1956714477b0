#include "test.h"

#include <math.h>
#include <stdlib.h>

#include "export/export.h"

enum { D = 5 };
static char *names[D] = {"common crawl", "git\"hub", "bücher", "wiki", "none"};

static asc_mix_file mixture(int64_t total)
{
    asc_mix_file m = {0};
    const double w[D] = {1. / 3, 1. / 7, 1. / 11, 1 - 1. / 3 - 1. / 7 - 1. / 11, 0};
    assert_int_equal(asc_mix_file_init(&m, names, D, NULL), ASC_OK);
    memcpy(m.weights, w, sizeof w);
    m.tokens = asc_calloc(D, sizeof *m.tokens);
    assert_int_equal(asc_mixture_tokens(m.tokens, NULL, w, D, total, NULL, NULL), ASC_OK);
    return m;
}

/* Digits of "0.1234567890" as a whole number of 1e-10. */
static long long units(const char *s)
{
    char *end;
    long long whole = strtoll(s, &end, 10);
    assert_true(*end == '.');
    return whole * 10000000000 + strtoll(end + 1, NULL, 10);
}

/* The numbers with ten decimals that stand behind `before`, summed digit by digit. */
static long long sum_of_weights(const char *text, const char *before)
{
    long long sum = 0;
    for (const char *p = text; (p = strstr(p, before)); p += strlen(before)) {
        const char *n = p + strlen(before);
        if (strspn(n, "0123456789") > 0 && n[strspn(n, "0123456789")] == '.' &&
            strspn(n + strspn(n, "0123456789") + 1, "0123456789") == 10)
            sum += units(n);
    }
    return sum;
}

static char *export_to(const asc_mix_file *m, const char *trainer)
{
    asc_buf b = {0};
    asc_error err = {0};
    asc_export_opts o = {.context = 1024};
    if (asc_export(&b, m, trainer, &o, &err) != ASC_OK)
        fail_msg("%s: %s", trainer, err.msg);
    return b.data;
}

static void export__printed_weights_sum_to_one(void **state)
{
    static const struct {
        const char *trainer, *before;
    } forms[] = {{"megatron", "\n  "},
                 {"nemo", "    - "},
                 {"olmo-core", "target_ratio: "},
                 {"levanter", "\": "},
                 {"hf-datasets", "    \"git\\\"hub\": "},
                 {"csv", ","}};
    for (int64_t total = 999983; total < 1000000000000000; total = total * 31 + 7) {
        asc_mix_file m = mixture(total);
        for (size_t k = 0; k < sizeof forms / sizeof *forms; k++) {
            char *text = export_to(&m, forms[k].trainer);
            long long sum = sum_of_weights(text, forms[k].before);
            if (k == 4)
                assert_true(sum > 0 && sum < 10000000000 / 6); /* that one domain alone */
            else if (sum != 10000000000)
                fail_msg("%s: %lld", forms[k].trainer, sum);
            asc_free(text);
        }
        asc_mix_file_clear(&m);
    }
}

/* A domain that is to be seen exactly k times must not be seen once more by rounding. */
static void export__rounding_never_begins_another_epoch(void **state)
{
    static char *d[] = {"full", "rest"};
    for (int64_t full = 1000003; full < 1000000000000; full = full * 13 + 5) {
        asc_mix_file m = {0};
        assert_int_equal(asc_mix_file_init(&m, d, 2, NULL), ASC_OK);
        m.tokens = asc_calloc(2, sizeof *m.tokens);
        m.available = asc_calloc(2, sizeof *m.available);
        m.tokens[0] = 3 * full;
        m.tokens[1] = 17 * full / 4 + 1;
        m.available[0] = (double)full;
        m.available[1] = NAN;
        int64_t total = m.tokens[0] + m.tokens[1];
        m.weights[0] = (double)m.tokens[0] / (double)total;
        m.weights[1] = 1 - m.weights[0];
        char *text = export_to(&m, "csv"), *line = strstr(text, "\nfull,") + 6;
        double weight = (double)units(line) / 1e10;
        assert_true(weight * (double)total <= (double)m.tokens[0] + .5);
        assert_true(weight * (double)total > (double)m.tokens[0] - 1 - (double)total * 1.01e-10);
        asc_free(text);
        text = export_to(&m, "mosaicml");
        char *choose = strstr(text, "choose: ");
        assert_true(strtoll(choose + 8, NULL, 10) == 3 * full / 1024);
        asc_free(text);
        text = export_to(&m, "olmo-core"); /* its own check: int(requested * ratio) <= population * repetition */
        char *ratio = strstr(text, "target_ratio: "), *repeat = strstr(text, "max_repetition_ratio: ");
        int64_t needed = (int64_t)((double)total * strtod(ratio + 14, NULL));
        assert_true(needed <= (int64_t)((double)full * strtod(repeat + 22, NULL)));
        asc_free(text);
        asc_mix_file_clear(&m);
    }
}

static void export__names_stand_in_every_form(void **state)
{
    asc_mix_file m = mixture(1000000);
    for (const char *const *t = asc_export_names(); *t; t++) {
        char *text = export_to(&m, *t);
        assert_non_null(strstr(text, "wiki"));
        assert_non_null(strstr(text, "b\xc3\xbc"
                                     "cher"));
        asc_free(text);
    }
    asc_mix_file_clear(&m);
}

static void export__refuses_what_it_cannot_write(void **state)
{
    asc_mix_file m = mixture(1000);
    asc_buf b = {0};
    asc_error err;
    assert_int_equal(asc_export(&b, &m, "megatorn", NULL, &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "did you mean 'megatron'?"));
    asc_free(m.tokens);
    m.tokens = NULL;
    assert_int_equal(asc_export(&b, &m, "mosaicml", NULL, &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "--tokens"));
    assert_int_equal(asc_export(&b, &m, "megatron", NULL, &err), ASC_OK);
    assert_int_equal(sum_of_weights(b.data, "\n  "), 10000000000);
    asc_buf_clear(&b);
    asc_mix_file_clear(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(export__printed_weights_sum_to_one),
        cmocka_unit_test(export__rounding_never_begins_another_epoch),
        cmocka_unit_test(export__names_stand_in_every_form),
        cmocka_unit_test(export__refuses_what_it_cannot_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
