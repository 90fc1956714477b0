/* Tokens of tasks, counted for estimates, against those of the real thing. */
#include "test.h"

#include <math.h>
#include <stdlib.h>

#include "task/task_cost.h"
#include "task/task_score.h"
#include "finetune_parts.h"
#include "folder.h"

#define GOLDEN ASC_SOURCE_DIR "/tests/task/golden/"

static asc_tokenizer *tokenizer;
static char dir[64];

static int set_up(void **state)
{
    test_folder(dir);
    return asc_tokenizer_load(&tokenizer, GOLDEN "tiny", NULL) == ASC_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    asc_tokenizer_free(tokenizer);
    return asc_remove_tree(dir, NULL) == ASC_OK ? 0 : -1;
}

static void near(double got, double want, double share)
{
    if (!(fabs(got - want) <= share * want))
        fail_msg("%g, expected %g", got, want);
}

static void cost__of_a_target_is_what_it_reads(void **state)
{
    static const char *const specs[] = {"piqa=" GOLDEN "raw/piqa.jsonl", "boolq=" GOLDEN "raw/boolq.jsonl"};
    for (size_t k = 0; k < 2; k++) {
        asc_task t = {0};
        asc_scored made = {0};
        asc_task_cost c, all;
        asc_task_opts o = {.limit = 7};
        double read = 0, predicted = 0;
        assert_int_equal(asc_task_load(&t, specs[k], NULL), ASC_OK);
        assert_int_equal(asc_task_as_target(&made, &t, &o, tokenizer, 96, NULL), ASC_OK);
        for (size_t i = 0; i < made.n_windows; i++) {
            read += (double)made.windows[i].n;
            predicted += (double)made.windows[i].n_scored;
        }
        assert_int_equal(asc_task_cost_of(&c, specs[k], &o, true, tokenizer, 96, NULL), ASC_OK);
        near(c.read, read, .03);
        near(c.predicted, predicted, .03);
        assert_true(c.trained == 0 && c.updates == 0);
        assert_int_equal(asc_task_cost_of(&all, specs[k], &o, false, tokenizer, 96, NULL), ASC_OK);
        near(all.read, 2 * c.read, .2); /* two choices an item */
        assert_int_equal(asc_task_cost_of(&all, specs[k], &o, true, NULL, 96, NULL), ASC_OK);
        assert_true(all.read > .2 * c.read && all.read < 2 * c.read); /* a guess */
        asc_scored_clear(&made);
        asc_task_clear(&t);
    }
}

static void write_file(const char *name, const char *text)
{
    char *path = asc_path_join(dir, name);
    assert_int_equal(asc_write_file(path, text, strlen(text), NULL), ASC_OK);
    asc_free(path);
}

/* Four bytes a token, so that sums can be made by hand: rows of 4+3, 8+3 and 4+3 tokens to train on, one of 12+3. */
static void cost__of_fine_tuning_counts_padding_seeds_and_epochs(void **state)
{
    asc_finetune_opts o;
    asc_task_cost c;
    const asc_model_spec m = {.context = 1024};
    write_file("train.tsv",
               "index\tsentence1\tsentence2\tlabel\n0\taaaaaaaa\tbbbbbbbb\tentailment\n"
               "1\taaaaaaaaaaaaaaaa\tbbbbbbbbbbbbbbbb\tentailment\n2\taaaaaaaa\tbbbbbbbb\tnot_entailment\n");
    write_file(
        "dev.tsv",
        "index\tsentence1\tsentence2\tlabel\n0\taaaaaaaaaaaaaaaaaaaaaaaa\tbbbbbbbbbbbbbbbbbbbbbbbb\tentailment\n");
    asc_finetune_opts_init(&o);
    o.task = "RTE";
    o.data = dir;
    o.seeds = 2;
    o.epochs = 3;
    o.batch = 2; /* context 1024: two sequences a pass */
    assert_int_equal(asc_finetune_cost(&c, &o, NULL, &m, NULL), ASC_OK);
    assert_true(c.read == 2 * 15);                      /* judged once a seed */
    assert_true(c.trained == 2 * 3 * (2 * 11 + 1 * 7)); /* the first pass is padded to 11 */
    assert_true(c.updates == 2 * 3 * 2 && c.predicted == 0);
    o.max_length = 10;
    o.limit_train = 1;
    assert_int_equal(asc_finetune_cost(&c, &o, NULL, &m, NULL), ASC_OK);
    assert_true(c.read == 2 * 10 && c.trained == 2 * 3 * 7);
    o.data = "/nowhere";
    assert_int_equal(asc_finetune_cost(&c, &o, NULL, &m, NULL), ASC_EINVAL);
}

/* Windows over a long passage, as the real encoding cuts them. */
static void cost__of_squad_is_what_its_windows_hold(void **state)
{
    char line[4000], *path = asc_path_join(dir, "squad.jsonl");
    asc_buf b = {0};
    for (int i = 0; i < 10; i++) {
        size_t n =
            (size_t)snprintf(line, sizeof line,
                             "{\"id\":\"%d\",\"question\":\"who are they ?\",\"answers\":[\"we\"],\"context\":\"we", i);
        for (int k = 0; k < 40 * (i + 1); k++)
            n += (size_t)snprintf(line + n, sizeof line - n, " he %d", (k * 7 + i) % 10);
        asc_buf_printf(&b, "%s\"}\n", line);
    }
    assert_int_equal(asc_write_file(path, b.data, b.len, NULL), ASC_OK);
    asc_squad_set all = {0}, train = {0}, dev = {0};
    asc__examples x = {0};
    asc_encoder *encoder = NULL;
    assert_int_equal(asc_encoder_create(&encoder, tokenizer, NULL), ASC_OK);
    asc__sequencer q = {.encoder = encoder, .max_length = 64};
    assert_int_equal(asc__squad_parts(&all, &train, &dev, path, NULL), ASC_OK);
    assert_int_equal(asc__encode_squad(&x, &q, &train, 0, NULL), ASC_OK);
    double tokens = 0;
    for (size_t i = 0; i < x.n; i++)
        tokens += x.x[i].n;
    asc_finetune_opts o;
    asc_task_cost c;
    asc_finetune_opts_init(&o);
    o.task = "squad";
    o.data = path;
    o.seeds = o.epochs = 1;
    o.batch = 1; /* no padding */
    o.max_length = 64;
    assert_int_equal(asc_finetune_cost(&c, &o, tokenizer, &(asc_model_spec){.context = 64}, NULL), ASC_OK);
    near(c.trained, tokens, .1);
    near(c.updates, (double)x.n, .1);
    asc__examples_clear(&x);
    asc_encoder_free(encoder);
    asc_squad_set_clear(&train);
    asc_squad_set_clear(&dev);
    asc_squad_set_clear(&all);
    asc_buf_clear(&b);
    asc_free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cost__of_a_target_is_what_it_reads),
        cmocka_unit_test(cost__of_fine_tuning_counts_padding_seeds_and_epochs),
        cmocka_unit_test(cost__of_squad_is_what_its_windows_hold),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
