/* Mixtures as people have them: tiny shares, several paths, other tokenizers, odd names, caps. */
#include "test.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "export/export.h"

static char work[64];

static int setup(void **state)
{
    strcpy(work, "/tmp/autoscale-export-XXXXXX");
    return mkdtemp(work) ? 0 : -1;
}

static int teardown(void **state)
{
    return asc_remove_tree(work, NULL) == ASC_OK ? 0 : -1;
}

static void put_bytes(const char *name, size_t n)
{
    char *path = asc_path_join(work, name), *bytes = asc_calloc(n ? n : 1, 1);
    assert_int_equal(asc_write_file(path, bytes, n, NULL), ASC_OK);
    asc_free(bytes);
    asc_free(path);
}

/* {"weights": .., "tokens": .., ..}, with every ' as " and @ as the work folder. */
static asc_mix_file mixture(const char *json)
{
    asc_mix_file m = {0};
    asc_error err = {0};
    asc_buf text = {0};
    for (const char *p = json; *p; p++)
        asc_buf_puts(&text, *p == '\'' ? "\"" : *p == '@' ? work : (char[]){*p, 0});
    json_t *j = json_loads(text.data, 0, NULL);
    assert_non_null(j);
    if (asc_mix_file_from_json(&m, j, "test", &err) != ASC_OK)
        fail_msg("%s", err.msg);
    json_decref(j);
    asc_buf_clear(&text);
    return m;
}

static char *export_to(const asc_mix_file *m, const char *trainer, asc_notes *notes)
{
    asc_buf b = {0};
    asc_error err = {0};
    asc_export_opts o = {.notes = notes};
    if (asc_export(&b, m, trainer, &o, &err) != ASC_OK)
        fail_msg("%s: %s", trainer, err.msg);
    return b.data;
}

static void refuses(const asc_mix_file *m, const char *trainer, const char *why)
{
    asc_buf b = {0};
    asc_error err = {0};
    assert_int_equal(asc_export(&b, m, trainer, NULL, &err), ASC_EINVAL);
    if (!strstr(err.msg, why))
        fail_msg("%s", err.msg);
    assert_true(b.len == 0);
    asc_buf_clear(&b);
}

static void expect_in(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("no '%s' in:\n%s", part, text);
}

static void export__a_domain_below_one_sample_is_told(void **state)
{
    asc_mix_file m = mixture("{'weights': {'web': 0.7, 'code': 0.2995, 'books': 0.0005},"
                             " 'tokens': {'web': 700000, 'code': 299500, 'books': 500}}");
    asc_notes notes = {0};
    char *text = export_to(&m, "hf-datasets", &notes);
    assert_int_equal(notes.n, 1);
    expect_in(notes.text[0], "domain 'books': 500 tokens are less than one sample of 2048");
    expect_in(text, "# Note: domain 'books'");
    expect_in(text, "if SAMPLES[name] > 0]"); /* a stream of it would end the mixture */
    expect_in(text, "all_exhausted_without_replacement");
    asc_free(text);
    asc_notes_clear(&notes);
    asc_mix_file_clear(&m);
}

static void export__nothing_to_train_on_is_an_error(void **state)
{
    static const char *const counting[] = {"megatron", "nemo", "mosaicml", "torchtitan", "hf-datasets", "litgpt"};
    asc_mix_file m = mixture("{'weights': {'a': 0.5, 'b': 0.5}, 'tokens': {'a': 1000, 'b': 1000}}");
    for (size_t i = 0; i < 6; i++)
        refuses(&m, counting[i], "no domain has a whole sample of 2048 tokens (the largest has 1000 tokens)");
    asc_free(export_to(&m, "csv", NULL));
    asc_mix_file_clear(&m);
}

static void export__weights_of_what_takes_part_are_above_zero(void **state)
{
    asc_mix_file m = mixture("{'weights': {'web': 0.99999999995, 'code': 5e-11},"
                             " 'tokens': {'web': 999999999950, 'code': 50}}");
    char *text = export_to(&m, "olmo-core", NULL);
    expect_in(text, "target_ratio: 0.9999999999500\n");
    expect_in(text, "target_ratio: 0.0000000000500\n");
    asc_free(text);
    text = export_to(&m, "megatron", NULL);
    expect_in(text, "\n  0.0000000000500 code\n");
    asc_free(text);
    asc_mix_file_clear(&m);
    m = mixture("{'weights': {'a': 1, 'b': 1e-17}}");
    refuses(&m, "megatron", "domain 'b': its share of 1e-17 is too small for the 15 decimals");
    asc_mix_file_clear(&m);
}

static void export__several_prefixes_share_the_weight_by_size(void **state)
{
    asc_mix_file m = mixture("{'weights': {'web': 0.7, 'code': 0.3}, 'tokens': {'web': 700000, 'code': 300000},"
                             " 'paths': {'web': ['@/web-00', '@/web-01'], 'code': '@/code-*'}}");
    static const unsigned char head[34] = "MMIDIDX\0\0\1\0\0\0\0\0\0\0\10";
    const char *const prefixes[] = {"web-00", "web-01", "code-a", "code-b"};
    const size_t sizes[] = {300, 100, 40, 80};
    for (size_t i = 0; i < 4; i++) {
        char name[40], *path;
        snprintf(name, sizeof name, "%s.bin", prefixes[i]);
        put_bytes(name, sizes[i]);
        path = asc_strf("%s/%s.idx", work, prefixes[i]);
        assert_int_equal(asc_write_file(path, head, sizeof head, NULL), ASC_OK);
        asc_free(path);
    }
    asc_notes notes = {0};
    char want[600], *text = export_to(&m, "megatron", &notes);
    assert_int_equal(notes.n, 0);
    snprintf(want, sizeof want,
             "# web\n  0.5250000000 %s/web-00\n  0.1750000000 %s/web-01\n# code\n  0.1000000000 %s/code-a\n"
             "  0.2000000000 %s/code-b\n",
             work, work, work, work);
    expect_in(text, want);
    asc_free(text);
    text = export_to(&m, "olmo-core", NULL);
    snprintf(want, sizeof want, "    paths:\n      - \"%s/web-00.bin\"\n      - \"%s/web-01.bin\"\n", work, work);
    expect_in(text, want);
    asc_free(text);
    asc_mix_file_clear(&m);
    m = mixture("{'weights': {'web': 1}, 'tokens': {'web': 700000}, 'paths': {'web': ['/d/web-00', '/d/web-01', "
                "'/d/web-02']}}");
    text = export_to(&m, "nemo", &notes);
    expect_in(text, "- 0.3333333333  # web\n    - \"/d/web-00\"\n    - 0.3333333333  # web\n    - \"/d/web-01\"\n    - "
                    "0.3333333334");
    assert_int_equal(notes.n, 1);
    expect_in(notes.text[0], "its 3 paths share its weight equally, as their sizes are unknown");
    asc_free(text);
    asc_notes_clear(&notes);
    asc_mix_file_clear(&m);
    m = mixture("{'weights': {'web': 1}, 'tokens': {'web': 700000}, 'paths': {'web': '/nowhere/web-*'}}");
    refuses(&m, "megatron", "domain 'web': /nowhere/web-*: no file matches, and megatron does not expand patterns");
    asc_free(export_to(&m, "levanter", NULL)); /* expands it itself */
    asc_mix_file_clear(&m);
}

static void export__data_that_a_trainer_does_not_read_is_noted(void **state)
{
    static const struct {
        const char *trainer, *path, *says;
    } cases[] = {{"levanter", "t", "Megatron token files (@/t) are not what levanter reads; it reads JSON lines"},
                 {"mosaicml", "t", "not what mosaicml reads; it reads MDS folders"},
                 {"megatron", "x.jsonl", "JSON lines (@/x.jsonl) are not what megatron reads"},
                 {"olmo-core", "x.jsonl", "raw arrays of ids"},
                 {"torchtitan", "x.txt", "token files or JSON lines"},
                 {"litgpt", "x.jsonl", "litdata.optimize"},
                 {"litgpt", "t", "prepare(FOLDER)"},
                 {"megatron", "t", NULL},
                 {"levanter", "x.jsonl", NULL},
                 {"hf-datasets", "t", NULL},
                 {"csv", "t", NULL}};
    put_bytes("t.idx", 40);
    put_bytes("t.bin", 40);
    put_bytes("x.jsonl", 10);
    put_bytes("x.txt", 10);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char json[300];
        asc_notes notes = {0};
        snprintf(json, sizeof json, "{'weights': {'web': 1}, 'tokens': {'web': 7000}, 'paths': {'web': '@/%s'}}",
                 cases[i].path);
        asc_mix_file m = mixture(json);
        char *text = export_to(&m, cases[i].trainer, &notes);
        assert_int_equal(notes.n, cases[i].says != NULL);
        if (cases[i].says && !strchr(cases[i].says, '@'))
            expect_in(notes.text[0], cases[i].says);
        asc_free(text);
        asc_notes_clear(&notes);
        asc_mix_file_clear(&m);
    }
}

static void export__names_cannot_end_a_line_or_begin_a_formula(void **state)
{
    asc_mix_file m = mixture("{'weights': {'a\xc2\x85 b': 0.25, 'c\xe2\x80\xa8 d': 0.25, '=cmd|x': 0.25, '-5': 0.25},"
                             " 'tokens': {'a\xc2\x85 b': 5000, 'c\xe2\x80\xa8 d': 5000, '=cmd|x': 5000, '-5': 5000}}");
    for (const char *const *t = asc_export_names(); *t; t++) {
        char *text = export_to(&m, *t, NULL);
        if (strcmp(*t, "csv") != 0 && strcmp(*t, "megatron") != 0 &&
            (strstr(text, "\xc2\x85") || strstr(text, "\xe2\x80\xa8")))
            fail_msg("%s:\n%s", *t, text);
        asc_free(text);
    }
    char *text = export_to(&m, "nemo", NULL);
    expect_in(text, "\"a\\u0085 b\"");
    expect_in(text, "\"c\\u2028 d\"");
    expect_in(text, "# a? b");
    asc_free(text);
    text = export_to(&m, "csv", NULL);
    expect_in(text, "\n'=cmd|x,");
    expect_in(text, "\n-5,");
    asc_free(text);
    asc_mix_file_clear(&m);
}

static void export__caps_of_the_mixture_are_kept(void **state)
{
    asc_mix_file m = mixture("{'weights': {'code': 0.4, 'web': 0.6}, 'tokens': {'code': 4000000, 'web': 6000000},"
                             " 'available': {'code': 1000000, 'web': null}, 'max_epochs': {'code': 4, 'web': null}}");
    char *text = export_to(&m, "megatron", NULL);
    expect_in(text, "4.000 epochs (at most 4)");
    asc_free(text);
    m.tokens[0] = 8000000;
    m.tokens[1] = 12000000;
    for (const char *const *t = asc_export_names(); *t; t++)
        refuses(&m, *t, "domain 'code': 8M tokens are 8 epochs, above the mixture's cap of 4 (max_epochs)");
    json_t *j = NULL;
    asc_mix_file copy = {0};
    assert_int_equal(asc_mix_file_to_json(&j, &m, NULL), ASC_OK);
    assert_int_equal(asc_mix_file_from_json(&copy, j, "copy", NULL), ASC_OK);
    assert_true(copy.max_epochs[0] == 4 && isnan(copy.max_epochs[1]));
    json_decref(j);
    asc_mix_file_clear(&copy);
    asc_mix_file_clear(&m);
}

static void export__other_tokenizers_keep_the_text(void **state)
{
    asc_error err = {0};
    asc_mix_file m = mixture("{'weights': {'code': 0.5, 'web': 0.5}, 'tokens': {'code': 1000000, 'web': 1000000},"
                             " 'available': {'code': 500000, 'web': null}, 'bytes_per_token': {'code': 3, 'web': 4}}");
    assert_int_equal(asc_export_with_bytes(&m, (double[]){4, 4}, &err), ASC_OK);
    assert_true(m.tokens[0] == 750000 && m.tokens[1] == 1000000);
    assert_true(fabs(m.weights[0] - .75 / 1.75) < 1e-12 && fabs(m.weights[1] - 1 / 1.75) < 1e-12);
    assert_true(m.available[0] == 375000 && isnan(m.available[1])); /* the same two epochs */
    assert_true(m.bytes_per_token[0] == 4);
    asc_mix_file_clear(&m);
    m = mixture("{'weights': {'code': 0.5, 'web': 0.5}}");
    assert_int_equal(asc_export_with_bytes(&m, (double[]){4, 4}, &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "lacks bytes_per_token"));
    asc_mix_file_clear(&m);
}

static void export__phases_go_out_one_by_one(void **state)
{
    asc_error err = {0};
    asc_mix_file m =
        mixture("{'weights': {'a': 0.6, 'b': 0.4}, 'tokens': {'a': 600000, 'b': 400000},"
                " 'phases': [{'until': 0.75, 'weights': {'a': 0.8, 'b': 0.2}}, {'until': 1, 'weights': {'b': 1}}]}");
    refuses(&m, "megatron", "in 2 phases; export them one by one (--phase K)");
    assert_int_equal(asc_mix_file_take_phase(&m, 2, &err), ASC_EINVAL);
    assert_int_equal(asc_mix_file_take_phase(&m, 0, &err), ASC_OK);
    assert_true(m.tokens[0] == 600000 && m.tokens[1] == 150000);
    asc_free(export_to(&m, "megatron", NULL));
    asc_mix_file_clear(&m);
    static const char *const bad[] = {"[{'until': 0.5, 'weights': {'a': 1}}]", "[{'until': 1, 'weights': {'c': 1}}]",
                                      "[]",
                                      "[{'until': 0.6, 'weights': {'a': 1}}, {'until': 0.5, 'weights': {'a': 1}}]",
                                      "[{'until': 1, 'weights': {'a': 0.5}}]"};
    for (size_t i = 0; i < 5; i++) {
        char text[300];
        snprintf(text, sizeof text, "{'weights': {'a': 1}, 'phases': %s}", bad[i]);
        for (char *p = text; *p; p++)
            *p = *p == '\'' ? '"' : *p;
        json_t *j = json_loads(text, 0, NULL);
        assert_non_null(j);
        assert_int_equal(asc_mix_file_from_json(&m, j, "test", &err), ASC_EINVAL);
        json_decref(j);
    }
}

static void export__other_names_of_trainers_are_known(void **state)
{
    asc_mix_file m = mixture("{'weights': {'web': 1}}");
    refuses(&m, "hf", "did you mean 'hf-datasets'?");
    refuses(&m, "llm-foundry", "did you mean 'mosaicml'?");
    asc_mix_file_clear(&m);
}

static void mix_file__keeps_lists_of_paths(void **state)
{
    asc_error err = {0};
    asc_mix_file m = mixture("{'weights': {'a': 0.5, 'b': 0.5}, 'paths': {'a': ['x', 'y'], 'b': 'z'}}"), copy = {0};
    json_t *j = NULL;
    assert_int_equal(asc_mix_file_to_json(&j, &m, NULL), ASC_OK);
    assert_int_equal(asc_mix_file_from_json(&copy, j, "copy", NULL), ASC_OK);
    assert_int_equal(copy.shards[0].n, 2);
    assert_string_equal(copy.shards[0].paths[1], "y");
    assert_string_equal(copy.paths[0], "x");
    assert_string_equal(copy.paths[1], "z");
    assert_int_equal(copy.shards[1].n, 0);
    json_decref(j);
    j = json_loads("[\"p\", 5]", 0, NULL);
    assert_int_equal(asc_mix_file_set_paths(&copy, 0, j, "file", &err), ASC_EINVAL);
    assert_string_equal(err.msg, "file: domain 'a': expected a path on one line, or a list of them");
    assert_string_equal(copy.shards[0].paths[0], "x"); /* untouched */
    json_decref(j);
    asc_mix_file_clear(&m);
    asc_mix_file_clear(&copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(export__a_domain_below_one_sample_is_told),
        cmocka_unit_test(export__nothing_to_train_on_is_an_error),
        cmocka_unit_test(export__weights_of_what_takes_part_are_above_zero),
        cmocka_unit_test(export__several_prefixes_share_the_weight_by_size),
        cmocka_unit_test(export__data_that_a_trainer_does_not_read_is_noted),
        cmocka_unit_test(export__names_cannot_end_a_line_or_begin_a_formula),
        cmocka_unit_test(export__caps_of_the_mixture_are_kept),
        cmocka_unit_test(export__other_tokenizers_keep_the_text),
        cmocka_unit_test(export__phases_go_out_one_by_one),
        cmocka_unit_test(export__other_names_of_trainers_are_known),
        cmocka_unit_test(mix_file__keeps_lists_of_paths),
    };
    return cmocka_run_group_tests_name("people", tests, setup, teardown);
}
