/* Fine-tuning: the head's gradients, and that small models learn what can be learnt from made data. */
#include "test.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "task/task_finetune.h"
#include "finetune_parts.h"

/* ---- the head ---- */

static double head_loss(asc__head_params *h, const float *x, const float *w)
{
    float y[5 * 3];
    double sum = 0;
    asc__head_forward(h, y, x, 4, 5);
    for (size_t i = 0; i < 5 * 3; i++)
        sum += (double)y[i] * (double)w[i];
    return sum;
}

static void check_head(bool pooler)
{
    asc__head_params h;
    float x[5 * 4], dx[5 * 4], w[5 * 3], y[5 * 3];
    asc_rng rng;
    asc_rng_init(&rng, 1, "head test", pooler);
    assert_int_equal(asc__head_init(&h, 4, 3, pooler, 5, NULL), ASC_OK);
    asc__head_start(&h, 3);
    for (size_t i = 0; i < h.n; i++)
        h.p[i] += .5f * (float)asc_rng_normal(&rng);
    for (size_t i = 0; i < 20; i++)
        x[i] = (float)asc_rng_normal(&rng);
    for (size_t i = 0; i < 15; i++)
        w[i] = (float)asc_rng_normal(&rng);
    asc__head_forward(&h, y, x, 4, 5);
    asc__head_backward(&h, dx, w, x, 4, 5);
    for (size_t i = 0; i < h.n + 20; i++) {
        float *at = i < h.n ? &h.p[i] : &x[i - h.n], keep = *at;
        double got = (double)(i < h.n ? h.g[i] : dx[i - h.n]);
        *at = keep + .01f;
        double up = head_loss(&h, x, w);
        *at = keep - .01f;
        double down = head_loss(&h, x, w);
        *at = keep;
        double slope = (up - down) / .02;
        if (fabs(slope - got) > 2e-3 * (1 + fabs(slope)))
            fail_msg("parameter %zu: gradient %g, central difference %g", i, got, slope);
    }
    asc__head_clear(&h);
}

static void head__gradients_match_central_differences(void **state)
{
    (void)state;
    check_head(true);
    check_head(false);
}

/* ---- a small checkpoint with a vocabulary of words ---- */

static char dir[64];

static void write_text(const char *name, const char *text)
{
    char path[160];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    assert_int_equal(asc_write_file(path, text, strlen(text), NULL), ASC_OK);
}

static void make_bert(void)
{
    asc_buf vocab = {0};
    char path[160];
    asc_tokenizer *t = NULL;
    asc_model *m = NULL;
    asc_model_spec spec;
    asc_buf_puts(&vocab, "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\ngood\nbad\nwhat\n");
    for (int i = 0; i < 20; i++)
        asc_buf_printf(&vocab, "w%c\na%c\n", 'a' + i, 'a' + i);
    write_text("vocab.txt", vocab.data);
    asc_buf_clear(&vocab);
    snprintf(path, sizeof path, "%s/vocab.txt", dir);
    assert_int_equal(asc_tokenizer_load(&t, path, NULL), ASC_OK);
    snprintf(path, sizeof path, "%s/tokenizer.json", dir);
    assert_int_equal(asc_tokenizer_save(t, path, NULL), ASC_OK);
    asc_model_spec_init(&spec);
    spec.arch = ASC_ARCH_BERT;
    spec.n_layers = 1;
    spec.n_heads = 2;
    spec.width = 32;
    spec.context = 32;
    spec.vocab = (int)asc_tokenizer_vocab(t);
    assert_int_equal(asc_model_create(&m, &spec, &(asc_model_opts){.micro_batch = 1}, NULL), ASC_OK);
    asc_model_init_weights(m, 5);
    assert_int_equal(asc_model_save(m, dir, NULL), ASC_OK);
    asc_model_free(m);
    asc_tokenizer_free(t);
}

static int set_up(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/asc_finetune_%d", (int)getpid());
    assert_int_equal(asc_mkdirs(dir, NULL), ASC_OK);
    make_bert();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    return asc_remove_tree(dir, NULL) == ASC_OK ? 0 : -1;
}

/* Sentences of other words around one that decides. */
static void sentence(asc_buf *b, asc_rng *rng, const char *word)
{
    size_t n = 4 + asc_rng_below(rng, 6), at = asc_rng_below(rng, n);
    for (size_t i = 0; i < n; i++)
        asc_buf_printf(b, "%s%s%c", i ? " " : "", i == at ? word : "w",
                       i == at ? ' ' : 'a' + (int)asc_rng_below(rng, 20));
}

static void write_tsv(const char *name, size_t n, bool regression, uint64_t seed)
{
    asc_buf b = {0};
    asc_rng rng;
    asc_rng_init(&rng, seed, "tsv", 0);
    asc_buf_puts(&b, regression ? "sentence1\tsentence2\tscore\n" : "sentence\tlabel\n");
    for (size_t i = 0; i < n; i++) {
        int good = (int)asc_rng_below(&rng, 2);
        sentence(&b, &rng, good ? "good" : "bad");
        if (regression) {
            asc_buf_putc(&b, '\t');
            sentence(&b, &rng, "what");
        }
        asc_buf_printf(&b, "\t%d\n", regression ? 1 + 3 * good : good);
    }
    write_text(name, b.data);
    asc_buf_clear(&b);
}

static json_t *tune(const char *checkpoint, const char *task, const char *data, double lr, int epochs)
{
    asc_finetune_opts o;
    asc_error err = {0};
    json_t *j = NULL;
    asc_finetune_opts_init(&o);
    o.checkpoint = checkpoint;
    o.task = task;
    o.data = data;
    o.lr = lr;
    o.epochs = epochs;
    o.seeds = 2;
    o.batch = 16;
    if (asc_finetune(&j, &o, &err) != ASC_OK)
        fail_msg("%s", err.msg);
    return j;
}

static double figure(const json_t *j, const char *metric, const char *which)
{
    return json_number_value(json_object_get(json_object_get(json_object_get(j, "metrics"), metric), which));
}

static void finetune__learns_classes(void **state)
{
    (void)state;
    write_tsv("train.tsv", 320, false, 1);
    write_tsv("dev.tsv", 100, false, 2);
    json_t *j = tune(dir, "sst2", dir, 2e-3, 4);
    assert_string_equal(json_string_value(json_object_get(j, "task")), "SST-2");
    assert_int_equal(json_integer_value(json_object_get(j, "n")), 100);
    if (!(figure(j, "accuracy", "min") > .95))
        fail_msg("accuracy %g", figure(j, "accuracy", "min"));
    assert_true(figure(j, "accuracy", "min") <= figure(j, "accuracy", "median"));
    /* the same seeds, the same figures */
    json_t *again = tune(dir, "sst2", dir, 2e-3, 4);
    assert_true(json_equal(j, again));
    json_decref(j);
    json_decref(again);
}

static void finetune__learns_numbers(void **state)
{
    (void)state;
    write_tsv("train.tsv", 320, true, 1);
    write_tsv("dev.tsv", 100, true, 2);
    json_t *j = tune(dir, "STS-B", dir, 2e-3, 8);
    if (!(figure(j, "pearson", "min") > .95))
        fail_msg("pearson %g", figure(j, "pearson", "min"));
    assert_true(figure(j, "spearman", "median") > .8);
    json_decref(j);
}

static void finetune__learns_from_a_decoder(void **state)
{
    (void)state;
    write_tsv("train.tsv", 320, false, 1);
    write_tsv("dev.tsv", 100, false, 2);
    json_t *j = tune(ASC_SOURCE_DIR "/tests/task/golden/tiny", "SST-2", dir, 2e-3, 3);
    if (!(figure(j, "accuracy", "min") > .9))
        fail_msg("accuracy %g", figure(j, "accuracy", "min"));
    json_decref(j);
}

/* Passages of which one word is an answer; longer than a window, so that several are needed. v2: some have none. */
static void write_squad(const char *name, size_t n, bool v2, uint64_t seed)
{
    asc_buf b = {0};
    asc_rng rng;
    asc_rng_init(&rng, seed, "squad", 0);
    for (size_t i = 0; i < n; i++) {
        bool none = v2 && i % 3 == 0;
        char answer[3] = {'a', (char)('a' + (int)asc_rng_below(&rng, 20)), 0};
        size_t len = 10 + asc_rng_below(&rng, 35), at = asc_rng_below(&rng, len);
        asc_buf_printf(&b, "{\"id\":\"%zu\",\"question\":\"what\",\"context\":\"", i);
        for (size_t w = 0; w < len; w++)
            if (w == at && !none)
                asc_buf_printf(&b, "%s ", answer);
            else
                asc_buf_printf(&b, "w%c ", 'a' + (int)asc_rng_below(&rng, 20));
        if (none)
            asc_buf_puts(&b, "\",\"answers\":[]}\n");
        else
            asc_buf_printf(&b, "\",\"answers\":[\"%s\"]}\n", answer);
    }
    write_text(name, b.data);
    asc_buf_clear(&b);
}

static void finetune__learns_spans_across_windows(void **state)
{
    (void)state;
    for (int v2 = 0; v2 < 2; v2++) {
        write_squad("train.jsonl", 200, v2, 1);
        write_squad("dev.jsonl", 60, v2, 2);
        json_t *j = tune(dir, "squad", dir, 2e-3, 4);
        assert_int_equal(json_integer_value(json_object_get(j, "n")), 60);
        if (!(figure(j, "exact", "min") > .8))
            fail_msg("exact %g", figure(j, "exact", "min"));
        assert_true(figure(j, "f1", "median") >= figure(j, "exact", "median"));
        json_decref(j);
    }
    /* one file is divided, and that is said */
    char path[160];
    snprintf(path, sizeof path, "%s/train.jsonl", dir);
    json_t *j = tune(dir, "squad", path, 2e-3, 1);
    const char *text = json_string_value(json_array_get(json_object_get(j, "notes"), 0));
    assert_non_null(strstr(text, "not the benchmark's own split"));
    json_decref(j);
}

static void expect_error(const char *task, const char *data, const char *part)
{
    asc_finetune_opts o;
    asc_error err = {0};
    json_t *j = NULL;
    asc_finetune_opts_init(&o);
    o.checkpoint = dir;
    o.task = task;
    o.data = data;
    assert_int_equal(asc_finetune(&j, &o, &err), ASC_EINVAL);
    assert_null(j);
    if (!strstr(err.msg, part))
        fail_msg("'%s' does not say '%s'", err.msg, part);
}

static void finetune__errors_say_what_is_missing(void **state)
{
    (void)state;
    expect_error("boolq", dir, "expected CoLA");
    expect_error("RTE", "/nonexistent", "train.tsv");
    expect_error("squad", "/nonexistent.json", "/nonexistent.json");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(head__gradients_match_central_differences),
        cmocka_unit_test(finetune__learns_classes),
        cmocka_unit_test(finetune__learns_numbers),
        cmocka_unit_test(finetune__learns_from_a_decoder),
        cmocka_unit_test(finetune__learns_spans_across_windows),
        cmocka_unit_test(finetune__errors_say_what_is_missing),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
