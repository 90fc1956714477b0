/* GLUE and SQuAD readers: the shared files whole, made files for every task, errors. */
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "task/task_data.h"

static bool shared_missing(void)
{
    if (access(ASC_SHARED_DIR "/evals/glue", R_OK) == 0)
        return false;
    print_message("no shared evaluation files: skipped\n");
    return true;
}

static void glue__reads_the_shared_files(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t n_dev;
        const char *first; /* how the first dev row begins */
        int label;
    } sets[] = {{"cola", 1043, "The sailors rode", 1},    {"SST2", 872, "it 's a charming", 1},
                {"MRPC", 408, "He said the foodserv", 1}, {"rte", 277, "Dana Reeve", 1},
                {"sts-b", 1500, "A man with a hard", -1}, {"WNLI", 71, "The drain is clogged", 0}};
    if (shared_missing())
        skip();
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        const asc_glue_info *info = asc_glue_find(sets[i].name);
        asc_glue_set dev = {0}, train = {0};
        asc_error err = {0};
        assert_non_null(info);
        if (asc_glue_load(&dev, info, ASC_SHARED_DIR "/evals/glue", true, &err) != ASC_OK ||
            asc_glue_load(&train, info, ASC_SHARED_DIR "/evals/glue", false, &err) != ASC_OK)
            fail_msg("%s", err.msg);
        print_message("%s: %zu train, %zu dev\n", info->name, train.n, dev.n);
        assert_int_equal(dev.n, sets[i].n_dev);
        assert_true(train.n > 0);
        assert_memory_equal(dev.rows[0].first, sets[i].first, strlen(sets[i].first));
        assert_int_equal(dev.rows[0].label, sets[i].label);
        assert_int_equal(dev.rows[0].second != NULL, info->second != NULL);
        asc_glue_set_clear(&dev);
        asc_glue_set_clear(&train);
    }
}

static char folder[64];

static void write_tsv(const char *name, const char *text)
{
    char path[128];
    snprintf(folder, sizeof folder, "/tmp/asc_glue_%d", (int)getpid());
    assert_int_equal(asc_mkdirs(folder, NULL), ASC_OK);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(asc_write_file(path, text, strlen(text), NULL), ASC_OK);
}

static void glue__reads_the_three_large_tasks(void **state)
{
    (void)state;
    asc_glue_set s = {0};
    write_tsv("dev_matched.tsv",
              "index\tsentence1\tsentence2\tlabel1\tgold_label\n0\tA\tB\tx\tneutral\n1\tC\tD\tx\t-\n");
    assert_int_equal(asc_glue_load(&s, asc_glue_find("mnli"), folder, true, NULL), ASC_OK);
    assert_int_equal(s.n, 1);
    assert_int_equal(s.rows[0].label, 2);
    asc_glue_set_clear(&s);
    write_tsv("dev.tsv", "index\tquestion\tsentence\tlabel\n0\tQ?\tS.\tnot_entailment\n");
    assert_int_equal(asc_glue_load(&s, asc_glue_find("QNLI"), folder, true, NULL), ASC_OK);
    assert_int_equal(s.rows[0].label, 1);
    assert_string_equal(s.rows[0].second, "S.");
    asc_glue_set_clear(&s);
    write_tsv("train.tsv", "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\r\n0\t1\t2\tA?\tB?\t1\r\n");
    assert_int_equal(asc_glue_load(&s, asc_glue_find("qqp"), folder, false, NULL), ASC_OK);
    assert_int_equal(s.rows[0].label, 1);
    asc_glue_set_clear(&s);
    assert_int_equal(asc_remove_tree(folder, NULL), ASC_OK);
    assert_null(asc_glue_find("boolq"));
}

static void load_hub(asc_glue_set *s, const char *task, bool dev)
{
    asc_error err = {0};
    if (asc_glue_load(s, asc_glue_find(task), ASC_SOURCE_DIR "/tests/task/golden/glue", dev, &err) != ASC_OK)
        fail_msg("%s", err.msg);
}

/* tests/task/golden/make_parquet.py made the files. */
static void glue__reads_the_copy_of_hugging_face(void **state)
{
    (void)state;
    static const int classes[] = {1, 2, 0}; /* entailment, neutral, contradiction; the row without a label is no row */
    asc_glue_set s = {0};
    load_hub(&s, "MNLI", true);
    assert_int_equal(s.n, 3);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(s.rows[i].label, classes[i]);
    assert_string_equal(s.rows[2].second, "No animal rests.");
    asc_glue_set_clear(&s);
    load_hub(&s, "MRPC", false);
    assert_int_equal(s.rows[0].label, 1);
    assert_string_equal(s.rows[0].first, "One, two.");
    asc_glue_set_clear(&s);
    load_hub(&s, "STS-B", true);
    assert_true(s.rows[0].score == 4.25 && s.rows[0].label == -1);
    asc_glue_set_clear(&s);
    write_tsv("validation.jsonl", "{\"sentence\": \"Fine.\", \"label\": 1, \"idx\": 0}\n");
    assert_int_equal(asc_glue_load(&s, asc_glue_find("sst2"), folder, true, NULL), ASC_OK);
    assert_int_equal(s.rows[0].label, 1);
    assert_null(s.rows[0].second);
    asc_glue_set_clear(&s);
    assert_int_equal(asc_remove_tree(folder, NULL), ASC_OK);
}

static void hub_error(const char *task, const char *line, const char *part)
{
    asc_glue_set s = {0};
    asc_error err = {0};
    write_tsv("validation.jsonl", line);
    assert_int_equal(asc_glue_load(&s, asc_glue_find(task), folder, true, &err), ASC_EINVAL);
    if (!strstr(err.msg, part))
        fail_msg("'%s' does not say '%s'", err.msg, part);
    assert_null(s.rows);
    assert_int_equal(asc_remove_tree(folder, NULL), ASC_OK);
}

static void glue__errors_name_line_and_field(void **state)
{
    (void)state;
    hub_error("RTE", "{\"sentence1\": \"A\", \"sentence2\": \"B\", \"label\": 2}\n",
              ":1: field 'label': expected a class");
    hub_error("RTE", "{\"sentence1\": \"A\", \"label\": \"entailment\"}\n", ":1: field 'sentence2': expected a text");
    hub_error("RTE", "{\"sentence1\": \"A\", \"sentence2\": \"B\", \"label\": -1}\n", "no rows");
    hub_error("STS-B", "{\"sentence1\": \"A\", \"sentence2\": \"B\", \"label\": \"5\"}\n", "expected a number");
    hub_error("RTE", "{\"sentence1\": \n", "validation.jsonl:1");
}

static void glue_error(const char *task, const char *text, const char *part)
{
    asc_glue_set s = {0};
    asc_error err = {0};
    write_tsv("dev.tsv", text);
    assert_int_equal(asc_glue_load(&s, asc_glue_find(task), folder, true, &err), ASC_EINVAL);
    if (!strstr(err.msg, part))
        fail_msg("'%s' does not say '%s'", err.msg, part);
    assert_null(s.rows);
    assert_int_equal(asc_remove_tree(folder, NULL), ASC_OK);
}

static void glue__errors_name_line_and_column(void **state)
{
    (void)state;
    glue_error("RTE", "index\tsentence1\tlabel\n", "no column 'sentence2'");
    glue_error("RTE", "index\tsentence1\tsentence2\tlabel\n0\tA\tB\tperhaps\n", ":2: column 'label'");
    glue_error("RTE", "index\tsentence1\tsentence2\tlabel\n0\tA\n", ":2: 2 columns");
    glue_error("STS-B", "sentence1\tsentence2\tscore\nA\tB\tfive\n", "expected a number, found 'five'");
    glue_error("RTE", "index\tsentence1\tsentence2\tlabel\n", "no rows");
    asc_glue_set s = {0};
    asc_error err = {0};
    assert_int_equal(asc_glue_load(&s, asc_glue_find("RTE"), "/nonexistent", true, &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "dev.tsv"));
}

/* ---- SQuAD ---- */

static void squad__reads_the_shared_files(void **state)
{
    (void)state;
    if (shared_missing())
        skip();
    static const struct {
        const char *file;
        size_t n;
        bool v2;
    } files[] = {
        {"squad_v1_dev_part", 1680, false}, {"squad_v2_dev_half", 6078, true}, {"squad_v1_olmes_1000", 1000, false}};
    for (size_t f = 0; f < 3; f++) {
        char path[512];
        asc_squad_set s = {0}, a = {0}, b = {0};
        asc_error err = {0};
        snprintf(path, sizeof path, "%s/evals/%s.jsonl.zst", ASC_SHARED_DIR, files[f].file);
        if (asc_squad_load(&s, path, &err) != ASC_OK)
            fail_msg("%s", err.msg);
        assert_int_equal(s.n, files[f].n);
        assert_int_equal(s.v2, files[f].v2);
        for (size_t i = 0; i < s.n; i++) {
            for (size_t k = 0; k < s.items[i].n_answers; k++) {
                assert_true(s.items[i].starts[k] >= 0);
                const char *there = s.items[i].context + s.items[i].starts[k];
                assert_memory_equal(there, s.items[i].answers[k], strlen(s.items[i].answers[k]));
            }
        }
        /* Two parts make the whole, and no passage stands in both. */
        assert_int_equal(asc_squad_part(&a, &s, 0, .8, NULL), ASC_OK);
        assert_int_equal(asc_squad_part(&b, &s, .8, 1, NULL), ASC_OK);
        assert_int_equal(a.n + b.n, s.n);
        assert_true(a.n > s.n / 2 && b.n > s.n / 20);
        for (size_t i = 0; i < b.n; i += 37) {
            for (size_t k = 0; k < a.n; k++)
                assert_true(strcmp(a.items[k].context, b.items[i].context) != 0);
        }
        asc_squad_set_clear(&a);
        asc_squad_set_clear(&b);
        asc_squad_set_clear(&s);
    }
}

static void squad__reads_the_official_json(void **state)
{
    (void)state;
    char path[64];
    snprintf(path, sizeof path, "/tmp/asc_squad_%d.json", (int)getpid());
    /* Offsets count characters: the answer's second occurrence is meant, after two wide ones. */
    const char *text =
        "{\"version\":\"v2.0\",\"data\":[{\"title\":\"t\",\"paragraphs\":[{\"context\":\"éü is red, x is red\","
        "\"qas\":[{\"id\":\"1\",\"question\":\"what\",\"is_impossible\":false,\"answers\":[{\"text\":\"red\","
        "\"answer_start\":16}]},{\"id\":\"2\",\"question\":\"why\",\"is_impossible\":true,\"answers\":[],"
        "\"plausible_answers\":[{\"text\":\"red\",\"answer_start\":6}]}]}]}]}";
    assert_int_equal(asc_write_file(path, text, strlen(text), NULL), ASC_OK);
    asc_squad_set s = {0};
    asc_error err = {0};
    if (asc_squad_load(&s, path, &err) != ASC_OK)
        fail_msg("%s", err.msg);
    assert_int_equal(s.n, 2);
    assert_true(s.v2);
    assert_int_equal(s.items[0].starts[0], 18);
    assert_int_equal(s.items[1].n_answers, 0);
    asc_squad_set_clear(&s);
    unlink(path);
}

/* {text: [..], answer_start: [..]} of Hugging Face's datasets, and OLMES' prompts; a line that is neither. */
static void squad__reads_the_copy_of_hugging_face(void **state)
{
    (void)state;
    asc_squad_set s = {0};
    asc_error err = {0};
    if (asc_squad_load_part(&s, ASC_SOURCE_DIR "/tests/task/golden/glue/squad", true, &err) != ASC_OK)
        fail_msg("%s", err.msg);
    assert_int_equal(s.n, 1);
    assert_string_equal(s.items[0].answers[0], "May");
    assert_int_equal(s.items[0].starts[0], 13);
    asc_squad_set_clear(&s);
}

static void squad__reads_lists_and_prompts(void **state)
{
    (void)state;
    static const char lists[] =
        "{\"id\":\"1\",\"context\":\"red, x is red\",\"question\":\"q\",\"answers\":{\"text\":[\"red\"],"
        "\"answer_start\":[10]}}\n"
        "{\"id\":\"2\",\"context\":\"Title: T\\nBackground: A passage.\\nQuestion: no.\\nQuestion: Who?\\nAnswer:\","
        "\"answers\":[\"passage\"]}\n";
    static const char neither[] = "{\"id\":\"1\",\"context\":\"Question: Who?\\nAnswer:\",\"answers\":[\"x\"]}\n";
    char path[64];
    asc_squad_set s = {0};
    asc_error err = {0};
    snprintf(path, sizeof path, "/tmp/asc_squad_%d.jsonl", (int)getpid());
    assert_int_equal(asc_write_file(path, lists, sizeof lists - 1, NULL), ASC_OK);
    if (asc_squad_load(&s, path, &err) != ASC_OK)
        fail_msg("%s", err.msg);
    assert_int_equal(s.items[0].starts[0], 10);
    assert_string_equal(s.items[1].context, "A passage.\nQuestion: no.");
    assert_string_equal(s.items[1].question, "Who?");
    assert_int_equal(s.items[1].starts[0], 2);
    asc_squad_set_clear(&s);
    assert_int_equal(asc_write_file(path, neither, sizeof neither - 1, NULL), ASC_OK);
    assert_int_equal(asc_squad_load(&s, path, &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "question"));
    assert_true(asc_squad_is("SQuAD-v2.0") && asc_squad_is("squad") && !asc_squad_is("squad3"));
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(glue__reads_the_shared_files),          cmocka_unit_test(glue__reads_the_three_large_tasks),
        cmocka_unit_test(glue__reads_the_copy_of_hugging_face),  cmocka_unit_test(glue__errors_name_line_and_field),
        cmocka_unit_test(glue__errors_name_line_and_column),     cmocka_unit_test(squad__reads_the_shared_files),
        cmocka_unit_test(squad__reads_the_official_json),        cmocka_unit_test(squad__reads_lists_and_prompts),
        cmocka_unit_test(squad__reads_the_copy_of_hugging_face),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
