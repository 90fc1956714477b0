#include "test.h"

#include "train_fixture.h"

static char *const names[] = {"books", "code"};

static asc_status parse(asc_run_result *r, const char *text, asc_error *err)
{
    return asc_run_result_parse(r, "result.json", text, strlen(text), names, 2, err);
}

static void result__reads_back_what_was_written(void **state)
{
    char dir[] = "/tmp/asc-result-XXXXXX";
    assert_non_null(mkdtemp(dir));
    char *path = asc_path_join(dir, "result.json");
    asc_error err = {0};
    double loss[] = {.1 + .2, 4.7}, early[] = {6, NAN}, used[] = {640, 384};
    asc_curve_point curve[] = {{512, early}, {1024, loss}};
    asc_run_result w = {.id = "s4k-base-r0",
                        .digest = "0123",
                        .state = "done",
                        .tokens = 1024,
                        .n_domains = 2,
                        .n_targets = 2,
                        .domains = (char **)names,
                        .targets = (char **)names,
                        .domain_tokens = used,
                        .loss = loss,
                        .n_curve = 2,
                        .curve = curve,
                        .wall_s = 2,
                        .tokens_per_s = 512,
                        .lr = 1e-3,
                        .n_retries = 1,
                        .bursts = {2, 43, 8600, 23.3, 79.2, .1 + .3}};
    asc_run_result r = {0};
    assert_int_equal(asc_run_result_write(&w, path, &err), ASC_OK);
    assert_int_equal(asc_run_result_read(&r, path, (char *const *)names, 2, &err), ASC_OK);
    assert_string_equal(r.state, "done");
    assert_null(r.why);
    assert_string_equal(r.id, "s4k-base-r0");
    assert_string_equal(r.digest, "0123");
    assert_true(r.tokens == 1024 && r.wall_s == 2 && r.tokens_per_s == 512 && r.lr == 1e-3 && r.n_retries == 1);
    assert_true(r.loss[0] == loss[0] && r.loss[1] == loss[1]);
    assert_memory_equal(&r.bursts, &w.bursts, sizeof r.bursts);
    assert_int_equal(r.n_curve, 2);
    assert_true(r.curve[0].tokens == 512 && r.curve[0].loss[0] == 6 && isnan(r.curve[0].loss[1]));
    assert_int_equal(r.n_domains, 2);
    assert_true(r.domain_tokens[1] == 384);
    asc_run_result_clear(&r);
    asc_free(path);
    assert_int_equal(asc_remove_tree(dir, NULL), ASC_OK);
}

static void result__an_external_trainer_may_say_the_least(void **state)
{
    asc_run_result r = {0};
    asc_error err = {0};
    assert_int_equal(parse(&r, "{\"tokens\":1e6,\"loss\":{\"code\":3,\"books\":4.5},\"seconds\":9}", &err), ASC_OK);
    assert_string_equal(r.state, "done");
    assert_true(r.loss[0] == 4.5 && r.loss[1] == 3); /* by name, not by order */
    assert_null(r.domain_tokens);
    assert_true(isnan(r.wall_s) && r.bursts.n == 0);
    asc_run_result_clear(&r);
}

static void result__a_diverged_run_has_no_losses(void **state)
{
    asc_run_result r = {0};
    asc_error err = {0};
    assert_int_equal(parse(&r, "{\"state\":\"diverged\",\"why\":\"step 3\",\"tokens\":96,\"loss\":{}}", &err), ASC_OK);
    assert_string_equal(r.why, "step 3");
    assert_true(isnan(r.loss[0]) && isnan(r.loss[1]));
    asc_run_result_clear(&r);
}

/* Python's json.dumps writes NaN, which is not JSON: a loss that is none is a divergence, wherever else it stands does
 * not matter, and in a string it is text. */
static void result__a_loss_of_nan_is_a_divergence(void **state)
{
    static const char *const bad[] = {"NaN", "Infinity", "-Infinity"};
    for (size_t i = 0; i < 3; i++) {
        char text[300], why[80];
        asc_run_result r = {0};
        asc_error err = {0};
        snprintf(text, sizeof text,
                 "{\"tokens\":9,\"note\":\"a \\\"NaN\\\" NaN\",\"grad\":[NaN],\"lr\":NaN,"
                 "\"loss\":{\"books\":1,\"code\":%s},\"curve\":[{\"tokens\":4,\"loss\":{\"code\":%s}}]}",
                 bad[i], bad[i]);
        snprintf(why, sizeof why, "loss of 'code' is %s", bad[i]);
        assert_int_equal(parse(&r, text, &err), ASC_OK);
        assert_string_equal(r.state, "diverged");
        assert_string_equal(r.why, why);
        assert_true(isnan(r.loss[0]) && isnan(r.loss[1]) && isnan(r.lr) && isnan(r.curve[0].loss[1]));
        asc_run_result_clear(&r);
    }
}

static void result__bad_input_is_one_line_that_names_the_field(void **state)
{
    static const struct {
        const char *text, *said;
    } bad[] = {
        {"", "result.json"},
        {"3", "object"},
        {"{}", "'tokens'"},
        {"{\"tokens\":1}", "'loss'"},
        {"{\"tokens\":0,\"loss\":{\"books\":1,\"code\":1}}", "'tokens'"},
        {"{\"tokens\":1,\"loss\":{\"books\":1}}", "'code'"},
        {"{\"tokens\":1,\"loss\":{\"books\":1,\"code\":null}}", "'code'"},
        {"{\"tokens\":NaN,\"loss\":{\"books\":1,\"code\":1}}", "'tokens'"},
        {"{\"tokens\":1,\"loss\":{\"books\":NaNs,\"code\":1}}", "result.json:1"},
        {"{\"tokens\":1,\"loss\":{\"val_loss\":1,\"code\":1}}", "the targets are books, code"},
        {"{\"tokens\":1,\"loss\":{\"books\":\"1\",\"code\":1}}", "'books'"},
        {"{\"tokens\":1,\"loss\":{\"books\":-1,\"code\":1}}", "'books'"},
        {"{\"tokens\":1,\"loss\":{\"books\":1,\"code\":1,\"wiki\":1}}", "'wiki'"},
        {"{\"tokens\":1,\"loss\":{\"books\":1,\"code\":1},\"state\":\"fine\"}", "'state'"},
        {"{\"tokens\":1,\"loss\":{\"books\":1,\"code\":1},\"curve\":{}}", "'curve'"},
        {"{\"tokens\":1,\"loss\":{\"books\":1,\"code\":1},\"curve\":[{\"tokens\":0,\"loss\":{}}]}", "curve[0]"},
        {"{\"tokens\":9,\"loss\":{\"books\":1,\"code\":1},\"curve\":[{\"tokens\":4,\"loss\":{}},{\"tokens\":4,\"loss\":"
         "{}}]}",
         "curve[1]"},
        {"{\"tokens\":1,\"loss\":{\"books\":1,\"code\":1},\"domain_tokens\":{\"books\":-3}}", "'books'"},
        {"{\"tokens\":1,\"loss\":{\"books\":1,\"code\":1},\"bursts\":3}", "'bursts'"},
        {"{\"tokens\":1,\"loss\":{\"books\":1,\"code\":1},\"bursts\":{\"steps\":1,\"step\":-2}}",
         "bursts: field 'step'"},
        {"{\"tokens\":1,\"loss\":{\"books\":1e300,\"code\":1}}", "at most 1e6 [nats/token], found 1e+300"},
        {"{\"tokens\":1,\"loss\":{\"books\":-1,\"code\":1}}", ">= 0 [nats/token], found -1"},
        {"{\"tokens\":9,\"loss\":{\"books\":1,\"code\":1},\"curve\":[{\"tokens\":90,\"loss\":{}}]}",
         "curve[0]: field 'tokens': 90, beyond the run's own 9"},
        {"{\"tokens\":1,\"loss\":{\"books\":1,\"code\":1},\"wall_s\":-1}", "field 'wall_s': expected a number >= 0"},
        {"{\"tokens\":1,\"loss\":{\"books\":1,\"code\":0}}", "above 0 [nats/token], found exactly 0"},
        {"{\"tokens\":1,\"loss\":{\"books\":1e999,\"code\":1}}", "result.json"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        asc_run_result r = {0};
        asc_error err = {0};
        assert_int_equal(parse(&r, bad[i].text, &err), ASC_EINVAL);
        if (!strstr(err.msg, bad[i].said) || strchr(err.msg, '\n'))
            fail_msg("case %zu: '%s' does not say '%s'", i, err.msg, bad[i].said);
        assert_null(r.state);
    }
}

static void result__every_failed_allocation_is_clean(void **state)
{
    const char *text =
        "{\"tokens\":9,\"loss\":{\"books\":1,\"code\":1},\"curve\":[{\"tokens\":4,\"loss\":{\"code\":2}}],"
        "\"domain_tokens\":{\"a\":9}}";
    for (uint64_t n = 1;; n++) {
        asc_run_result r = {0};
        asc_error err = {0};
        asc_fault_arm(ASC_FAULT_ALLOC, n);
        asc_status st = parse(&r, text, &err);
        bool reached = asc_fault_count(ASC_FAULT_ALLOC) >= n;
        asc_fault_arm(ASC_FAULT_ALLOC, 0);
        assert_int_equal(st, reached ? ASC_ENOMEM : ASC_OK);
        asc_run_result_clear(&r);
        if (!reached)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(result__reads_back_what_was_written),
        cmocka_unit_test(result__an_external_trainer_may_say_the_least),
        cmocka_unit_test(result__a_diverged_run_has_no_losses),
        cmocka_unit_test(result__a_loss_of_nan_is_a_divergence),
        cmocka_unit_test(result__bad_input_is_one_line_that_names_the_field),
        cmocka_unit_test(result__every_failed_allocation_is_clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
