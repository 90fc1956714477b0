/* A run of BERT: masked language modelling from run.json to result.json. */
#include "test.h"

#include "base/base_json.h"
#include "train_fixture.h"

static fixture f;
static asc_run_spec spec;

/* Any byte is a token; the marks take control characters that the text does not hold. */
static char *byte_tokenizer(const fixture *x)
{
    asc_buf b = {0};
    asc_buf_puts(&b, "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n");
    for (int i = 5; i < 256; i++)
        asc_buf_printf(&b, "t%d\n", i);
    char *path = asc_strf("%s/vocab.txt", x->dir), *json = asc_strf("%s/tokenizer.json", x->dir);
    asc_tokenizer *t = NULL;
    assert_int_equal(asc_write_file(path, b.data, b.len, NULL), ASC_OK);
    assert_int_equal(asc_tokenizer_load(&t, path, NULL), ASC_OK);
    assert_int_equal(asc_tokenizer_save(t, json, NULL), ASC_OK);
    asc_tokenizer_free(t);
    asc_free(path);
    asc_buf_clear(&b);
    return json;
}

static int set_up(void **state)
{
    (void)state;
    fixture_init(&f);
    fixture_spec(&f, &spec);
    spec.model.arch = ASC_ARCH_BERT;
    spec.tokenizer = byte_tokenizer(&f);
    spec.keep_checkpoint = true;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    asc_run_spec_clear(&spec);
    fixture_clear(&f);
    return 0;
}

static void stop_at(void *ctx, const asc_train_status *s)
{
    if (s->step == *(int64_t *)ctx)
        asc_interrupt_set();
}

static void bert_run__learns_and_goes_on_bit_for_bit(void **state)
{
    (void)state;
    asc_error err = {0};
    asc_run_result a = {0}, b = {0};
    char *whole = fixture_run(&f, &spec, "whole"), *stopped = fixture_run(&f, &spec, "stopped");
    if (asc_train_run(whole, NULL, NULL, &err) != ASC_OK)
        fail_msg("%s", err.msg);
    int64_t step = 17;
    assert_int_equal(asc_train_run(stopped, stop_at, &step, &err), ASC_EINTR);
    asc_interrupt_clear();
    assert_int_equal(asc_train_run(stopped, NULL, NULL, &err), ASC_OK);
    fixture_result(whole, &a);
    fixture_result(stopped, &b);
    for (size_t v = 0; v < 2; v++) {
        assert_true(a.loss[v] < log(256) - 1 && a.loss[v] < a.curve[0].loss[v]);
        assert_memory_equal(&a.loss[v], &b.loss[v], sizeof(double));
    }
    /* the same masks from the checkpoint alone */
    char *checkpoint = asc_path_join(whole, "checkpoint");
    double loss[2];
    assert_int_equal(asc_eval_checkpoint(loss, checkpoint, spec.valid_files, 2, spec.valid_tokens, spec.isa, 1, &err),
                     ASC_OK);
    for (size_t v = 0; v < 2; v++)
        assert_true(fabs(loss[v] - a.loss[v]) < 1e-6);
    asc_free(checkpoint);
    asc_free(whole);
    asc_free(stopped);
    asc_run_result_clear(&a);
    asc_run_result_clear(&b);
}

static void bert_run__needs_its_tokenizer(void **state)
{
    (void)state;
    asc_error err = {0};
    char *keep = spec.tokenizer;
    spec.tokenizer = NULL;
    char *dir = fixture_run(&f, &spec, "none");
    spec.tokenizer = keep;
    assert_int_equal(asc_train_run(dir, NULL, NULL, &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "needs its tokenizer"));
    asc_free(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bert_run__learns_and_goes_on_bit_for_bit),
        cmocka_unit_test(bert_run__needs_its_tokenizer),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
