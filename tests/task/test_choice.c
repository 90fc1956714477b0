/* Benchmarks of multiple choice in their own fields: what the model is asked, by the task files of the harness. */
#include "test.h"

#include <stdlib.h>
#include <unistd.h>

#include "task/task.h"

static char dir[64];

static int setup(void **state)
{
    strcpy(dir, "/tmp/autoscale-choice-XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
    return asc_remove_tree(dir, NULL) == ASC_OK ? 0 : -1;
}

/* One item of a task as "context|continuation", a line per choice, the right one marked. */
static void expect(const char *task, const char *line, int shots, const char *want)
{
    asc_task t = {0};
    asc_error err = {0};
    asc_task_request *r = NULL;
    size_t n = 0;
    asc_buf seen = {0};
    char *path = asc_strf("%s/%s_val.jsonl", dir, task), *spec = asc_strf("%s=%s", task, path);
    assert_int_equal(asc_write_file(path, line, strlen(line), NULL), ASC_OK);
    if (asc_task_load(&t, spec, &err) != ASC_OK)
        fail_msg("%s", err.msg);
    assert_int_equal(asc_task_requests(&r, &n, &t, &(asc_task_opts){.shots = shots, .limit = 1}, &err), ASC_OK);
    for (size_t i = 0; i < n; i++)
        asc_buf_printf(&seen, "%s%s|%s\n", t.items[r[i].item].right[r[i].choice] ? "*" : "", r[i].context,
                       r[i].continuation);
    assert_string_equal(seen.data, want);
    asc_task_requests_free(r, n);
    asc_task_clear(&t);
    asc_buf_clear(&seen);
    asc_free(path);
    asc_free(spec);
}

static void refuses(const char *task, const char *line, const char *why)
{
    asc_task t = {0};
    asc_error err = {0};
    char *path = asc_strf("%s/%s_bad.jsonl", dir, task), *spec = asc_strf("%s=%s", task, path);
    assert_int_equal(asc_write_file(path, line, strlen(line), NULL), ASC_OK);
    assert_int_equal(asc_task_load(&t, spec, &err), ASC_EINVAL);
    if (!strstr(err.msg, why))
        fail_msg("%s", err.msg);
    asc_free(path);
    asc_free(spec);
}

static void task__arc_and_openbookqa_name_their_answer_by_label(void **state)
{
    expect("arc_easy",
           "{\"id\":\"a\",\"question\":\"What is "
           "wet?\",\"choices\":{\"text\":[\"rain\",\"sand\"],\"label\":[\"A\",\"B\"]},"
           "\"answerKey\":\"A\"}\n",
           0, "*Question: What is wet?\nAnswer:| rain\nQuestion: What is wet?\nAnswer:| sand\n");
    expect("arc_challenge",
           "{\"question\":\"Q?\",\"choices\":{\"text\":[\"x\",\"y\"],\"label\":[\"1\",\"2\"]},\"answerKey\":\"2\"}\n",
           0, "Question: Q?\nAnswer:| x\n*Question: Q?\nAnswer:| y\n");
    expect("openbookqa",
           "{\"question_stem\":\"Water "
           "is\",\"choices\":{\"text\":[\"dry\",\"wet\"],\"label\":[\"A\",\"B\"]},\"answerKey\":\" B\"}\n",
           0, "Water is| dry\n*Water is| wet\n");
    refuses("arc_easy",
            "{\"question\":\"Q\",\"choices\":{\"text\":[\"x\",\"y\"],\"label\":[\"A\",\"B\"]},\"answerKey\":\"C\"}\n",
            "'C' is not one of the labels");
}

static void task__sciq_copa_blimp_mmlu(void **state)
{
    expect("sciq",
           "{\"question\":\"What?\",\"support\":\" "
           "Because.\",\"distractor1\":\"a\",\"distractor2\":\"b\",\"distractor3\":\"c\","
           "\"correct_answer\":\"d\"}\n",
           0,
           "Because.\nQuestion: What?\nAnswer:| a\nBecause.\nQuestion: What?\nAnswer:| b\nBecause.\nQuestion: "
           "What?\nAnswer:| c\n"
           "*Because.\nQuestion: What?\nAnswer:| d\n");
    expect("copa",
           "{\"premise\":\"The grass grew. \",\"choice1\":\"It rained.\",\"choice2\":\"I "
           "slept.\",\"question\":\"cause\",\"label\":0}\n",
           0, "*The grass grew because|  it rained.\nThe grass grew because|  i slept.\n");
    expect("blimp", "{\"sentence_good\":\"It is.\",\"sentence_bad\":\"It are.\"}\n", 0, "*| It is.\n| It are.\n");
    expect(
        "mmlu",
        "{\"question\":\" Two and two? \",\"subject\":\"sums\",\"choices\":[\"3\",\"4\",\"5\",\"6\"],\"answer\":1}\n",
        0,
        "Question: Two and two?\nAnswer:| 3\n*Question: Two and two?\nAnswer:| 4\nQuestion: Two and two?\nAnswer:| 5\n"
        "Question: Two and two?\nAnswer:| 6\n");
    refuses("copa", "{\"premise\":\"P.\",\"choice1\":\"a\",\"choice2\":\"b\",\"question\":\"why\",\"label\":0}\n",
            "expected cause or effect");
}

/* The rest of the sentence is scored after each option; a worked example carries the right one. */
static void task__winogrande_scores_what_follows_the_option(void **state)
{
    static const char two[] =
        "{\"sentence\":\"Ann fed Bea because _ was kind.\",\"option1\":\"Ann\",\"option2\":\"Bea\",\"answer\":\"1\"}\n"
        "{\"sentence\":\"The cup broke, so _ fell.\",\"option1\":\"tea\",\"option2\":\"rain\",\"answer\":\"1\"}\n";
    expect("winogrande", two, 0, "*Ann fed Bea because Ann| was kind.\nAnn fed Bea because Bea| was kind.\n");
    expect("winogrande", two, 1,
           "*The cup broke, so tea fell.\n\nAnn fed Bea because Ann| was kind.\n"
           "The cup broke, so tea fell.\n\nAnn fed Bea because Bea| was kind.\n");
    refuses("winogrande", "{\"sentence\":\"No gap.\",\"option1\":\"a\",\"option2\":\"b\",\"answer\":\"1\"}\n",
            "expected a _");
    refuses("winogrande", "{\"sentence\":\"A _ gap.\",\"option1\":\"a\",\"option2\":\"b\",\"answer\":\"\"}\n",
            "expected 1 or 2");
}

/* A task keeps its contexts when it is written as a file of this project. */
static void task__contexts_of_choices_survive_writing(void **state)
{
    expect("mine",
           "{\"task\":\"mine\"}\n{\"context\":\"x\",\"contexts\":[\"x\",\"y\"],\"choices\":[\"a\",\"a\"],\"labels\":[1,"
           "0]}\n",
           0, "*x| a\ny| a\n");
    refuses(
        "mine",
        "{\"task\":\"mine\"}\n{\"context\":\"x\",\"contexts\":[\"x\"],\"choices\":[\"a\",\"a\"],\"labels\":[1,0]}\n",
        "expected 2 strings, one per choice, found 1");
    asc_task t = {0}, again = {0};
    char *path = asc_strf("%s/w.jsonl", dir), *spec = asc_strf("winogrande=%s", path),
         *own = asc_strf("%s/own.jsonl", dir);
    static const char line[] =
        "{\"sentence\":\"Ann fed Bea because _ was kind.\",\"option1\":\"Ann\",\"option2\":\"Bea\",\"answer\":\"2\"}\n";
    assert_int_equal(asc_write_file(path, line, sizeof line - 1, NULL), ASC_OK);
    assert_int_equal(asc_task_load(&t, spec, NULL), ASC_OK);
    assert_int_equal(asc_task_save(&t, own, NULL), ASC_OK);
    assert_int_equal(asc_task_load(&again, own, NULL), ASC_OK);
    assert_string_equal(again.items[0].contexts[0], "Ann fed Bea because Ann");
    assert_string_equal(again.items[0].context, "Ann fed Bea because Bea");
    asc_task_clear(&t);
    asc_task_clear(&again);
    asc_free(path);
    asc_free(spec);
    asc_free(own);
}

/* One item of a Parquet file as the same line of JSON gives it. */
static void expect_parquet(const char *task, const char *file, size_t item, const char *context, const char *first)
{
    asc_task t = {0};
    asc_error err = {0};
    char *spec = asc_strf("%s=" ASC_SOURCE_DIR "/tests/task/golden/%s", task, file);
    if (asc_task_load(&t, spec, &err) != ASC_OK)
        fail_msg("%s", err.msg);
    assert_true(t.n_items > item);
    assert_string_equal(t.items[item].context, context);
    assert_string_equal(t.items[item].choices[0], first);
    asc_task_clear(&t);
    asc_free(spec);
}

static void task__items_in_parquet(void **state)
{
    expect_parquet("arc_easy", "arc.parquet", 0, "Question: Which of these melts first?\nAnswer:", "ice");
    expect_parquet("arc_challenge", "arc.parquet", 1, "Question: What does a clock show?\nAnswer:", "the rain");
    expect_parquet("hellaswag", "hellaswag.parquet", 0, "Baking: A man opens the oven. He", "takes the bread out.");
    refuses("arc_easy", "PAR1 and the rest of it PAR1", "damaged Parquet file");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(task__arc_and_openbookqa_name_their_answer_by_label),
        cmocka_unit_test(task__sciq_copa_blimp_mmlu),
        cmocka_unit_test(task__winogrande_scores_what_follows_the_option),
        cmocka_unit_test(task__contexts_of_choices_survive_writing),
        cmocka_unit_test(task__items_in_parquet),
    };
    return cmocka_run_group_tests_name("choice", tests, setup, teardown);
}
