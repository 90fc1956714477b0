/* Task files, prompts and figures: against the lm-evaluation-harness (golden/harness.py), and by their properties. */
#include "test.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include <zlib.h>

#include "task/task.h"

#define GOLDEN ASC_SOURCE_DIR "/tests/task/golden/"

static void assert_close(double found, double expected)
{
    if (!(fabs(found - expected) <= 1e-9 * (1 + fabs(expected))))
        fail_msg("%.17g, expected %.17g", found, expected);
}

/* The golden script's model: a checksum of what it is asked. */
static asc_task_score checksum_score(const asc_task_request *r)
{
    uLong h = crc32(0, (const Bytef *)r->context, (uInt)strlen(r->context));
    h = crc32(h, (const Bytef *)"\x1f", 1);
    h = crc32(h, (const Bytef *)r->continuation, (uInt)strlen(r->continuation));
    return (asc_task_score){.ll = -(double)(h % 100003) / 5000.0, .greedy = h >> 20 & 1};
}

static void score_all(asc_task_result *out, const asc_task *t, const asc_task_opts *opts, const json_t *wanted)
{
    asc_task_request *r = NULL;
    size_t n = 0;
    asc_error err = {0};
    assert_int_equal(asc_task_requests(&r, &n, t, opts, &err), ASC_OK);
    asc_task_score *scores = calloc(n, sizeof *scores);
    for (size_t i = 0; i < n; i++)
        scores[i] = checksum_score(&r[i]);
    if (wanted) {
        assert_int_equal(json_array_size(wanted), n);
        for (size_t i = 0; i < n; i++) {
            const json_t *pair = json_array_get(wanted, i);
            assert_string_equal(r[i].context, json_string_value(json_array_get(pair, 0)));
            assert_string_equal(r[i].continuation, json_string_value(json_array_get(pair, 1)));
        }
    }
    assert_int_equal(asc_task_judge(out, t, r, scores, n, &err), ASC_OK);
    free(scores);
    asc_task_requests_free(r, n);
}

static double figure(const json_t *figures, const char *key)
{
    const json_t *v = json_object_get(figures, key);
    return v ? json_number_value(v) : NAN;
}

static void check_figures(const asc_task_result *r, const json_t *figures)
{
    assert_int_equal(r->n, (size_t)figure(figures, "sample_len"));
    if (json_object_get(figures, "acc"))
        assert_close(r->acc, figure(figures, "acc"));
    if (json_object_get(figures, "acc_norm"))
        assert_close(r->acc_norm, figure(figures, "acc_norm"));
    if (json_object_get(figures, "perplexity"))
        assert_close(r->perplexity, figure(figures, "perplexity"));
    if (json_object_get(figures, "pct_stereotype")) {
        assert_close(r->pct_stereotype, figure(figures, "pct_stereotype"));
        assert_close(r->likelihood_diff, figure(figures, "likelihood_diff"));
    }
}

/* Prompts equal to the character and figures equal to the digit, without and with two worked examples. */
static void task__prompts_and_figures_as_the_harness(void **state)
{
    (void)state;
    json_t *all = NULL, *run;
    const char *key;
    size_t n_runs = 0;
    asc_error err = {0};
    assert_int_equal(asc_json_load(&all, GOLDEN "harness.json", &err), ASC_OK);
    json_object_foreach(json_object_get(all, "tasks"), key, run)
    {
        char name[64], spec[512];
        int shots = 0;
        assert_int_equal(sscanf(key, "%63[^:]:%d", name, &shots), 2);
        snprintf(spec, sizeof spec, "%s=%sraw/%s.jsonl", name, GOLDEN,
                 strncmp(name, "truthful", 8) == 0 ? "truthfulqa" : name);
        asc_task t = {0};
        if (asc_task_load(&t, spec, &err) != ASC_OK)
            fail_msg("%s", err.msg);
        asc_task_result r;
        score_all(&r, &t, &(asc_task_opts){.shots = shots}, json_object_get(run, "requests"));
        check_figures(&r, json_object_get(run, "figures"));
        asc_task_clear(&t);
        n_runs++;
    }
    assert_true(n_runs >= 28);
    json_decref(all);
}

/* The converted files of the shared folder are read whole, and their prompts have the harness' shape. */
static void task__reads_all_shared_files(void **state)
{
    (void)state;
    static const struct {
        const char *file, *name;
        asc_task_kind kind;
        size_t n;
        const char *ending;
    } files[] = {
        {"boolq_val.jsonl.zst", "boolq", ASC_TASK_CHOICE, 3270, "?\nAnswer:"},
        {"hellaswag_val.jsonl.zst", "hellaswag", ASC_TASK_CHOICE, 10042, ""},
        {"piqa_val.jsonl.zst", "piqa", ASC_TASK_CHOICE, 1838, "\nAnswer:"},
        {"truthfulqa_mc1_817.jsonl.zst", "truthfulqa_mc1", ASC_TASK_CHOICE, 817, "\nA:"},
        {"truthfulqa_mc2_817.jsonl.zst", "truthfulqa_mc2", ASC_TASK_MASS, 817, "\nA:"},
        {"pubmedqa_pqal.jsonl.zst", "pubmedqa", ASC_TASK_CHOICE, 1000, "\nAnswer:"},
        {"crows_pairs.jsonl.zst", "crows_pairs", ASC_TASK_PAIR, 1508, ""},
        {"asdiv.jsonl.zst", "asdiv", ASC_TASK_CLOZE, 2305, "\nAnswer:"},
    };
    if (access(ASC_SHARED_DIR "/evals", R_OK) != 0) {
        print_message("no shared evaluation files: skipped\n");
        skip();
    }
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char path[512];
        asc_task t = {0};
        asc_error err = {0};
        snprintf(path, sizeof path, "%s/evals/%s", ASC_SHARED_DIR, files[i].file);
        if (asc_task_load(&t, path, &err) != ASC_OK)
            fail_msg("%s", err.msg);
        assert_string_equal(t.name, files[i].name);
        assert_int_equal(t.kind, files[i].kind);
        assert_int_equal(t.n_items, files[i].n);
        size_t len = strlen(t.items[7].context), end = strlen(files[i].ending);
        assert_true(len >= end);
        assert_string_equal(t.items[7].context + len - end, files[i].ending);
        asc_task_clear(&t);
    }
}

/* ---- the project's own format ---- */

static char *scratch_file(const char *text)
{
    static char path[64];
    snprintf(path, sizeof path, "/tmp/asc_task_%d.jsonl", (int)getpid());
    assert_int_equal(asc_write_file(path, text, strlen(text), NULL), ASC_OK);
    return path;
}

static void task__own_format_survives_a_round_trip(void **state)
{
    (void)state;
    char *path = scratch_file(
        "{\"task\":\"mine\",\"kind\":\"choice\",\"delimiter\":\"\",\"primer\":\"P \",\"shots\":[{\"context\":\"s:\","
        "\"choices\":[\"u\",\"v\"],\"label\":1}]}\n\n"
        "{\"context\":\"c:\",\"choices\":[\"a\",\"b\"],\"labels\":[1,1],\"id\":\"x\"}\r\n"
        "{\"context\":\"\",\"choices\":[\"é\",\"b\",\"c\"],\"label\":2}");
    asc_task t = {0}, again = {0};
    char *prompt = NULL;
    assert_int_equal(asc_task_load(&t, path, NULL), ASC_OK);
    assert_int_equal(asc_task_save(&t, path, NULL), ASC_OK);
    assert_int_equal(asc_task_load(&again, path, NULL), ASC_OK);
    unlink(path);
    assert_string_equal(again.name, "mine");
    assert_string_equal(again.items[0].id, "x");
    assert_string_equal(again.items[1].id, "4");
    assert_true(again.items[0].right[0] && again.items[0].right[1] && !again.items[1].right[0]);
    assert_int_equal(asc_task_prompt(&prompt, &again, 0, &(asc_task_opts){.shots = 1}, NULL), ASC_OK);
    assert_string_equal(prompt, "P s:v\n\nc:");
    asc_free(prompt);
    asc_task_clear(&t);
    asc_task_clear(&again);
}

static void expect_error(const char *text, const char *part)
{
    char *path = scratch_file(text);
    asc_task t = {0};
    asc_error err = {0};
    assert_int_equal(asc_task_load(&t, path, &err), ASC_EINVAL);
    unlink(path);
    if (!strstr(err.msg, part))
        fail_msg("'%s' does not say '%s'", err.msg, part);
    assert_null(t.items);
}

static void task__errors_name_line_and_field(void **state)
{
    (void)state;
    expect_error("", "found none");
    expect_error("{\"context\":\"c\",\"choices\":[\"a\",\"b\"],\"label\":0}\n{\"context\":1}\n", ":2");
    expect_error("{\"context\":\"c\",\"choices\":[\"a\",\"b\"],\"label\":2}\n", "expected 0 to 1, found 2");
    expect_error("{\"context\":\"c\",\"choices\":[\"a\",\"b\"],\"labels\":[0,0]}\n", "at least one correct");
    expect_error("{\"context\":\"c\",\"choices\":[\"a\",7],\"label\":0}\n", "'choices'");
    expect_error("{\"context\":\"c\",\"choices\":[\"a\",\"\"],\"label\":0}\n", "choice 1 is empty");
    expect_error("{\"task\":\"t\",\"delimeter\":\"\"}\n", "perhaps delimiter");
    expect_error("{\"task\":\"t\",\"kind\":\"chioce\"}\n", "found 'chioce'");
    expect_error(
        "{\"task\":\"t\",\"kind\":\"pair\"}\n{\"context\":\"c\",\"choices\":[\"a\",\"b\",\"c\"],\"label\":0}\n",
        "3 choices");
    expect_error("{\"context\":\"c\",\"continuation\":\"w\"}\n{not json\n", ":2");
}

/* ---- prompts ---- */

static void load_numbers(asc_task *t)
{
    asc_buf b = {0};
    for (int i = 0; i < 20; i++)
        asc_buf_printf(&b, "{\"context\":\"<%d>\",\"continuation\":\"w%d\"}\n", i, i);
    char *path = scratch_file(b.data);
    assert_int_equal(asc_task_load(t, path, NULL), ASC_OK);
    unlink(path);
    asc_buf_clear(&b);
}

static void task__an_item_is_never_its_own_example(void **state)
{
    (void)state;
    asc_task t = {0}, pool = {0};
    load_numbers(&t);
    load_numbers(&pool);
    for (int random = 0; random < 2; random++) {
        for (size_t i = 0; i < t.n_items; i++) {
            asc_task_opts opts = {.shots = 19, .random_shots = random, .seed = 3, .pool = random ? &pool : NULL};
            char *prompt = NULL, own[32];
            assert_int_equal(asc_task_prompt(&prompt, &t, i, &opts, NULL), ASC_OK);
            snprintf(own, sizeof own, "w%zu\n", i);
            assert_null(strstr(prompt, own));
            /* Each of the other 19 once. */
            for (size_t k = 0; k < 20; k++) {
                snprintf(own, sizeof own, "w%zu\n", k);
                char *first = strstr(prompt, own);
                assert_true(k == i ? !first : first && !strstr(first + 1, own));
            }
            asc_free(prompt);
        }
    }
    char *none = NULL;
    asc_error err = {0};
    assert_int_equal(asc_task_prompt(&none, &t, 0, &(asc_task_opts){.shots = 20}, &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "20 few-shot examples"));
    asc_task_clear(&t);
    asc_task_clear(&pool);
}

static void task__drawn_examples_depend_on_seed_alone(void **state)
{
    (void)state;
    asc_task t = {0};
    load_numbers(&t);
    char *a = NULL, *b = NULL, *c = NULL;
    asc_task_opts opts = {.shots = 5, .random_shots = true, .seed = 1};
    assert_int_equal(asc_task_prompt(&a, &t, 4, &opts, NULL), ASC_OK);
    assert_int_equal(asc_task_prompt(&b, &t, 4, &opts, NULL), ASC_OK);
    opts.seed = 2;
    assert_int_equal(asc_task_prompt(&c, &t, 4, &opts, NULL), ASC_OK);
    assert_string_equal(a, b);
    assert_true(strcmp(a, c) != 0);
    asc_free(a);
    asc_free(b);
    asc_free(c);
    asc_task_clear(&t);
}

static void task__excluded_items_and_limit_leave_the_rest(void **state)
{
    (void)state;
    asc_task t = {0};
    load_numbers(&t);
    bool excluded[20] = {[0] = true, [3] = true};
    asc_task_request *r = NULL;
    size_t n = 0;
    assert_int_equal(asc_task_requests(&r, &n, &t, &(asc_task_opts){.excluded = excluded, .limit = 6}, NULL), ASC_OK);
    assert_int_equal(n, 4);
    assert_int_equal(r[0].item, 1);
    assert_int_equal(r[2].item, 4);
    asc_task_requests_free(r, n);
    asc_task_clear(&t);
}

static void task__a_likelihood_that_is_no_number_is_an_error(void **state)
{
    (void)state;
    asc_task t = {0};
    load_numbers(&t);
    asc_task_request *r = NULL;
    size_t n = 0;
    asc_task_result out = {.n = 77};
    assert_int_equal(asc_task_requests(&r, &n, &t, &(asc_task_opts){.limit = 1}, NULL), ASC_OK);
    asc_task_score bad = {.ll = NAN};
    assert_int_equal(asc_task_judge(&out, &t, r, &bad, 1, NULL), ASC_ENUMERIC);
    assert_int_equal(out.n, 77);
    asc_task_requests_free(r, n);
    asc_task_clear(&t);
}

static void task__loading_survives_failed_allocations(void **state)
{
    (void)state;
    asc_status s = ASC_ENOMEM;
    for (uint64_t nth = 1; s != ASC_OK && nth < 3000; nth++) {
        asc_task t = {0};
        asc_fault_arm(ASC_FAULT_ALLOC, nth);
        s = asc_task_load(&t, "hellaswag=" GOLDEN "raw/hellaswag.jsonl", NULL);
        asc_fault_arm(ASC_FAULT_ALLOC, 0);
        if (s != ASC_OK)
            assert_null(t.items);
        asc_task_clear(&t);
    }
    assert_int_equal(s, ASC_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(task__prompts_and_figures_as_the_harness),
        cmocka_unit_test(task__reads_all_shared_files),
        cmocka_unit_test(task__own_format_survives_a_round_trip),
        cmocka_unit_test(task__errors_name_line_and_field),
        cmocka_unit_test(task__an_item_is_never_its_own_example),
        cmocka_unit_test(task__drawn_examples_depend_on_seed_alone),
        cmocka_unit_test(task__excluded_items_and_limit_leave_the_rest),
        cmocka_unit_test(task__a_likelihood_that_is_no_number_is_an_error),
        cmocka_unit_test(task__loading_survives_failed_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
