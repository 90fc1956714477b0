/* Likelihoods of a checkpoint: against the harness' Hugging Face model (golden/harness_model.py), and by their
 * properties. The tiny model has a context of 96 tokens, so that many prompts are cut. */
#include "test.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "task/task_score.h"

#define GOLDEN ASC_SOURCE_DIR "/tests/task/golden/"

static asc_task_scorer *scorer(int micro_batch)
{
    asc_task_scorer *s = NULL;
    asc_error err = {0};
    asc_task_scorer_opts opts = {.micro_batch = micro_batch};
    if (asc_task_scorer_create(&s, GOLDEN "tiny", &opts, &err) != ASC_OK)
        fail_msg("%s", err.msg);
    return s;
}

static void load(asc_task *t, const char *name)
{
    char spec[512];
    asc_error err = {0};
    snprintf(spec, sizeof spec, "%s=%sraw/%s.jsonl", name, GOLDEN,
             strncmp(name, "truthful", 8) == 0 ? "truthfulqa" : name);
    if (asc_task_load(t, spec, &err) != ASC_OK)
        fail_msg("%s", err.msg);
}

/* Every likelihood to 1e-4, every greedy mark and every decision alike. */
static void check_run(asc_task_scorer *s, const char *key, const json_t *run)
{
    char name[64];
    int shots = 0;
    asc_task t = {0};
    asc_task_request *r = NULL;
    size_t n = 0, at = 0, i, c;
    assert_int_equal(sscanf(key, "%63[^:]:%d", name, &shots), 2);
    load(&t, name);
    assert_int_equal(asc_task_requests(&r, &n, &t, &(asc_task_opts){.shots = shots}, NULL), ASC_OK);
    asc_task_score *scores = calloc(n, sizeof *scores);
    asc_error err = {0};
    if (asc_task_score_requests(scores, s, r, n, NULL, NULL, &err) != ASC_OK)
        fail_msg("%s: %s", key, err.msg);
    json_t *item, *resp;
    json_array_foreach(json_object_get(run, "items"), i, item)
    {
        json_array_foreach(item, c, resp)
        {
            double want = json_number_value(json_array_get(resp, 0));
            if (!(fabs(scores[at].ll - want) < 1e-4))
                fail_msg("%s item %zu choice %zu: %.8g, the harness %.8g", key, i, c, scores[at].ll, want);
            assert_int_equal(scores[at].greedy, json_is_true(json_array_get(resp, 1)));
            at++;
        }
    }
    assert_int_equal(at, n);
    asc_task_result out;
    assert_int_equal(asc_task_judge(&out, &t, r, scores, n, NULL), ASC_OK);
    const json_t *figures = json_object_get(run, "figures");
    if (json_object_get(figures, "acc"))
        assert_true(fabs(out.acc - json_number_value(json_object_get(figures, "acc"))) < 1e-5);
    if (json_object_get(figures, "acc_norm"))
        assert_true(fabs(out.acc_norm - json_number_value(json_object_get(figures, "acc_norm"))) < 1e-5);
    free(scores);
    asc_task_requests_free(r, n);
    asc_task_clear(&t);
}

static void score__agrees_with_the_harness_to_the_last_item(void **state)
{
    (void)state;
    json_t *all = NULL, *run;
    const char *key;
    assert_int_equal(asc_json_load(&all, GOLDEN "harness_model.json", NULL), ASC_OK);
    asc_task_scorer *s = scorer(0);
    json_object_foreach(json_object_get(all, "tasks"), key, run) check_run(s, key, run);
    asc_task_scorer_free(s);
    json_decref(all);
}

/* A task as a target: its loss is the bits per byte that evaluation gives, in nats a token. */
static void score__a_task_as_a_target_is_its_bits_per_byte(void **state)
{
    (void)state;
    static const char *const names[] = {"hellaswag", "truthfulqa_mc2", "asdiv"};
    asc_task_scorer *s = scorer(5);
    asc_tokenizer *tokenizer = NULL;
    asc_model *m = NULL;
    asc_model_spec spec;
    asc_error err = {0};
    assert_int_equal(asc_tokenizer_load(&tokenizer, GOLDEN "tiny", &err), ASC_OK);
    assert_int_equal(asc_model_spec_read(&spec, GOLDEN "tiny", &err), ASC_OK);
    assert_int_equal(asc_model_create(&m, &spec, &(asc_model_opts){.threads = 1, .micro_batch = 3}, &err), ASC_OK);
    assert_int_equal(asc_model_load(m, GOLDEN "tiny", &err), ASC_OK);
    for (size_t i = 0; i < 3; i++) {
        asc_task t = {0};
        asc_scored target = {0};
        asc_task_result out;
        double loss;
        load(&t, names[i]);
        asc_task_opts opts = {.shots = i == 2, .limit = 4};
        assert_int_equal(asc_task_evaluate(&out, s, &t, &opts, NULL, NULL, NULL, &err), ASC_OK);
        assert_int_equal(asc_task_as_target(&target, &t, &opts, tokenizer, spec.context, &err), ASC_OK);
        assert_int_equal(asc_scored_loss(&loss, &target, m, &err), ASC_OK);
        assert_int_equal(target.n_items, out.n);
        assert_true(fabs(loss / log(2) / target.bytes_per_token - out.bits_per_byte) < 1e-5);
        asc_scored_clear(&target);
        asc_task_clear(&t);
    }
    asc_task pair = {0};
    asc_scored none = {0};
    load(&pair, "crows_pairs");
    assert_int_equal(asc_task_as_target(&none, &pair, &(asc_task_opts){0}, tokenizer, spec.context, &err), ASC_EINVAL);
    asc_task_clear(&pair);
    asc_model_free(m);
    asc_tokenizer_free(tokenizer);
    asc_task_scorer_free(s);
}

/* One at a time and many at once: the same up to rounding. */
static void score__does_not_depend_on_batching(void **state)
{
    (void)state;
    asc_task t = {0};
    load(&t, "hellaswag");
    asc_task_request *r = NULL;
    size_t n = 0;
    assert_int_equal(asc_task_requests(&r, &n, &t, &(asc_task_opts){.shots = 1}, NULL), ASC_OK);
    asc_task_score *all = calloc(n, sizeof *all), one;
    asc_task_scorer *many = scorer(7), *single = scorer(1);
    assert_int_equal(asc_task_score_requests(all, many, r, n, NULL, NULL, NULL), ASC_OK);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(asc_task_score_requests(&one, single, &r[i], 1, NULL, NULL, NULL), ASC_OK);
        assert_true(fabs(one.ll - all[i].ll) < 1e-4);
        assert_int_equal(one.greedy, all[i].greedy);
    }
    asc_task_scorer_free(many);
    asc_task_scorer_free(single);
    free(all);
    asc_task_requests_free(r, n);
    asc_task_clear(&t);
}

/* A continuation of several contexts' length: every token counted once. */
static void score__a_long_continuation_is_scored_in_windows(void **state)
{
    (void)state;
    asc_task_scorer *s = scorer(3);
    char text[1500] = "";
    for (int i = 0; i < 100; i++)
        strcat(text, " the tree");
    asc_task_request r[2] = {{.context = (char *)"", .continuation = text},
                             {.context = (char *)"A", .continuation = text}};
    asc_task_score out[2];
    assert_int_equal(asc_task_score_requests(out, s, r, 2, NULL, NULL, NULL), ASC_OK);
    for (int i = 0; i < 2; i++) {
        assert_true(out[i].truncated);
        assert_true(out[i].ll < -100 && isfinite(out[i].ll));
    }
    /* The last windows see the same tokens; only the first few differ. */
    assert_true(fabs(out[0].ll - out[1].ll) < .2 * fabs(out[0].ll));
    asc_task_scorer_free(s);
}

static void score__blanks_belong_to_the_continuation(void **state)
{
    (void)state;
    asc_task_scorer *s = scorer(2);
    asc_task_request r[2] = {{.context = (char *)"Dig a hole. ", .continuation = (char *)"It"},
                             {.context = (char *)"Dig a hole.", .continuation = (char *)" It"}};
    asc_task_score out[2];
    assert_int_equal(asc_task_score_requests(out, s, r, 2, NULL, NULL, NULL), ASC_OK);
    assert_true(fabs(out[0].ll - out[1].ll) < 1e-5);
    asc_task_request none = {.context = (char *)"Dig", .continuation = (char *)""};
    asc_error err = {0};
    assert_int_equal(asc_task_score_requests(out, s, &none, 1, NULL, NULL, &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "no token of its own"));
    asc_task_scorer_free(s);
}

static void score__details_hold_every_item(void **state)
{
    (void)state;
    char path[64];
    snprintf(path, sizeof path, "/tmp/asc_details_%d.jsonl", (int)getpid());
    asc_task t = {0};
    load(&t, "piqa");
    asc_task_scorer *s = scorer(0);
    asc_task_result out;
    bool excluded[16] = {[1] = true};
    assert_int_equal(asc_task_evaluate(&out, s, &t, &(asc_task_opts){.excluded = excluded}, path, NULL, NULL, NULL),
                     ASC_OK);
    assert_int_equal(out.n, t.n_items - 1);
    assert_int_equal(out.n_excluded, 1);
    char *text = NULL;
    size_t n = 0, lines = 0;
    assert_int_equal(asc_read_file(path, 1 << 20, &text, &n, NULL), ASC_OK);
    for (size_t i = 0; i < n; i++)
        lines += text[i] == '\n';
    assert_int_equal(lines, out.n);
    asc_free(text);
    unlink(path);
    asc_task_scorer_free(s);
    asc_task_clear(&t);
}

static void score__an_encoder_is_refused(void **state)
{
    (void)state;
    asc_task_scorer *s = NULL;
    asc_error err = {0};
    asc_task_scorer_opts opts = {.tokenizer = GOLDEN "tiny"};
    assert_int_equal(asc_task_scorer_create(&s, ASC_SOURCE_DIR "/tests/model/golden/bert", &opts, &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "need a decoder"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(score__agrees_with_the_harness_to_the_last_item),
        cmocka_unit_test(score__a_task_as_a_target_is_its_bits_per_byte),
        cmocka_unit_test(score__does_not_depend_on_batching),
        cmocka_unit_test(score__a_long_continuation_is_scored_in_windows),
        cmocka_unit_test(score__blanks_belong_to_the_continuation),
        cmocka_unit_test(score__details_hold_every_item),
        cmocka_unit_test(score__an_encoder_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
