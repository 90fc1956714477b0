/* Weighted continuations as a target: the file, what it refuses, the loss from raw windows. */
#include "test.h"

#include <math.h>
#include <unistd.h>

#include "train/train_scored.h"

static const char good[] =
    "{\"version\":1,\"items\":2,\"bytes_per_token\":3.5,\"windows\":["
    "{\"ids\":[1,2,3,4],\"scored\":2,\"weight\":0.25},{\"ids\":[5,6],\"scored\":1,\"weight\":2}]}";

static void scored__reads_what_it_writes(void **state)
{
    (void)state;
    char path[64];
    asc_scored a = {0}, b = {0};
    asc_error err = {0};
    snprintf(path, sizeof path, "/tmp/asc_scored_%d.json", (int)getpid());
    assert_int_equal(asc_scored_parse(&a, "good", good, sizeof good - 1, &err), ASC_OK);
    assert_int_equal(asc_scored_write(&a, path, &err), ASC_OK);
    assert_int_equal(asc_scored_read(&b, path, &err), ASC_OK);
    assert_int_equal(b.n_windows, 2);
    assert_int_equal(b.n_items, 2);
    assert_true(b.bytes_per_token == 3.5 && b.weights[0] == .25 && b.weights[1] == 2);
    assert_memory_equal(a.ids, b.ids, 6 * sizeof *a.ids);
    assert_int_equal(b.windows[0].n, 3);
    assert_int_equal(b.windows[1].at, 4);
    asc_scored_clear(&a);
    asc_scored_clear(&b);
    unlink(path);
}

static void refused(const char *text, const char *words)
{
    asc_scored s = {0};
    asc_error err = {0};
    assert_int_equal(asc_scored_parse(&s, "f", text, strlen(text), &err), ASC_EINVAL);
    if (!strstr(err.msg, words))
        fail_msg("no '%s' in: %s", words, err.msg);
}

static void scored__refuses_what_cannot_be_scored(void **state)
{
    (void)state;
#define HEAD "{\"version\":1,\"items\":1,\"bytes_per_token\":3,\"windows\":["
    refused("{\"version\":2,\"items\":1,\"bytes_per_token\":3,\"windows\":[]}", "expected 1, found 2");
    refused(HEAD "]}", "'windows': none");
    refused(HEAD "{\"ids\":[1],\"scored\":1,\"weight\":1}]}", "windows[0]");
    refused(HEAD "{\"ids\":[1,2],\"scored\":2,\"weight\":1}]}", "found 2");
    refused(HEAD "{\"ids\":[1,2],\"scored\":1,\"weight\":0}]}", "expected more than 0");
    refused(HEAD "{\"ids\":[1,-2],\"scored\":1,\"weight\":1}]}", "ids[1]: expected a token id");
    refused("[]", "expected an object");
}

/* The loss is the weighted sum of the windows' own, each scored alone through asc_model_loss. */
static void scored__loss_is_the_weighted_sum(void **state)
{
    (void)state;
    asc_error err = {0};
    asc_scored s = {0};
    asc_model *m = NULL;
    asc_model_spec spec;
    asc_model_spec_init(&spec);
    spec.n_layers = 1;
    spec.n_heads = 2;
    spec.width = 16;
    spec.context = 8;
    spec.vocab = 11;
    assert_int_equal(asc_model_create(&m, &spec, &(asc_model_opts){.threads = 1, .micro_batch = 2}, &err), ASC_OK);
    asc_model_init_weights(m, 7);
    assert_int_equal(asc_scored_parse(&s, "good", good, sizeof good - 1, &err), ASC_OK);
    double loss, one, two;
    assert_int_equal(asc_scored_loss(&loss, &s, m, &err), ASC_OK);
    const int32_t ids[] = {1, 2, 3}, targets[] = {-1, 3, 4}, id = 5, target = 6;
    asc_batch b = {.ids = ids, .targets = targets, .ld_ids = 3, .ld_targets = 3, .B = 1, .T = 3};
    assert_int_equal(asc_model_loss(m, &b, &one, NULL, NULL, NULL, &err), ASC_OK);
    b = (asc_batch){.ids = &id, .targets = &target, .ld_ids = 1, .ld_targets = 1, .B = 1, .T = 1};
    assert_int_equal(asc_model_loss(m, &b, &two, NULL, NULL, NULL, &err), ASC_OK);
    assert_true(fabs(loss - (.25 * one + 2 * two)) < 1e-5);
    s.ids[0] = 11;
    assert_int_equal(asc_scored_loss(&loss, &s, m, &err), ASC_EINVAL);
    asc_scored_clear(&s);
    asc_model_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scored__reads_what_it_writes),
        cmocka_unit_test(scored__refuses_what_cannot_be_scored),
        cmocka_unit_test(scored__loss_is_the_weighted_sum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
