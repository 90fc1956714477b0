#include "test.h"

#include "train_fixture.h"

static void assert_specs_equal(const asc_run_spec *a, const asc_run_spec *b)
{
    bool same = false;
    assert_int_equal(asc_run_spec_same(&same, a, b, NULL), ASC_OK);
    assert_true(same);
    assert_string_equal(a->id, b->id);
    assert_int_equal(a->ranks, b->ranks);
    assert_string_equal(a->device, b->device);
    assert_string_equal(a->train_files[1], b->train_files[1]);
    assert_string_equal(a->valid_files[0], b->valid_files[0]);
    assert_true(a->checkpoint_s == b->checkpoint_s);
    assert_int_equal(a->keep_checkpoint, b->keep_checkpoint);
}

static void run_spec__reads_back_what_was_written(void **state)
{
    fixture f;
    asc_run_spec s, back = {0};
    asc_error err = {0};
    fixture_init(&f);
    fixture_spec(&f, &s);
    s.model.recompute = true;
    s.training.schedule = ASC_SCHEDULE_WSD;
    s.training.lr = .1 + .2;
    s.training.seed = INT64_MAX;
    s.max_epochs[1] = 3.5;
    s.keep_checkpoint = true;
    char *dir = fixture_run(&f, &s, "run");
    assert_int_equal(asc_run_spec_read(&back, dir, &err), ASC_OK);
    assert_specs_equal(&s, &back);
    assert_true(back.training.lr == .1 + .2);
    assert_true(back.training.seed == INT64_MAX);
    assert_true(isnan(back.max_epochs[0]) && back.max_epochs[1] == 3.5);
    asc_run_spec_clear(&back);
    asc_run_spec_clear(&s);
    asc_free(dir);
    fixture_clear(&f);
}

static void run_spec__other_numbers_are_another_run(void **state)
{
    fixture f;
    asc_run_spec a, b;
    bool same = true;
    fixture_init(&f);
    fixture_spec(&f, &a);
    fixture_spec(&f, &b);
    b.checkpoint_s = 1; /* decides no number */
    assert_int_equal(asc_run_spec_same(&same, &a, &b, NULL), ASC_OK);
    assert_true(same);
    b.tokens[0] += 1;
    assert_int_equal(asc_run_spec_same(&same, &a, &b, NULL), ASC_OK);
    assert_false(same);
    asc_run_spec_clear(&a);
    asc_run_spec_clear(&b);
    fixture_clear(&f);
}

#define MODEL                                                                                                          \
    "\"model\":{\"arch\":\"gpt2\",\"layers\":2,\"heads\":2,\"width\":8,\"context\":4,\"vocab\":9},"                    \
    "\"training\":{\"batch_tokens\":8,\"lr\":1e-3},"
#define DOMAINS "\"domains\":[{\"name\":\"a\",\"train\":\"t/a\",\"tokens\":8}],"
#define TARGETS "\"targets\":[{\"name\":\"a\",\"valid\":\"/v/a\"}]"

static asc_status parse(asc_run_spec *s, const char *text, asc_error *err)
{
    return asc_run_spec_parse(s, "run.json", "/runs/x", text, strlen(text), err);
}

static void run_spec__relative_paths_start_at_its_folder(void **state)
{
    asc_run_spec s = {0};
    asc_error err = {0};
    assert_int_equal(parse(&s, "{\"id\":\"x\"," MODEL DOMAINS TARGETS "}", &err), ASC_OK);
    assert_string_equal(s.train_files[0], "/runs/x/t/a");
    assert_string_equal(s.valid_files[0], "/v/a");
    assert_string_equal(s.device, "cpu");
    assert_int_equal(s.threads, 1);
    asc_run_spec_clear(&s);
}

static void run_spec__bad_input_is_one_line_that_names_the_field(void **state)
{
    static const struct {
        const char *text, *said;
    } bad[] = {
        {"", "run.json:"},
        {"[]", "object"},
        {"{\"id\":\"x\"}", "'model'"},
        {"{\"id\":7," MODEL DOMAINS TARGETS "}", "'id'"},
        {"{\"id\":\"x\\u0000y\"," MODEL DOMAINS TARGETS "}", "'id'"},
        {"{\"id\":\"x\",\"thread\":2," MODEL DOMAINS TARGETS "}", "did you mean 'threads'"},
        {"{\"id\":\"x\",\"merge\":[{\"from\":\"a\",\"digest\":\"d\",\"weight\":1}]," MODEL DOMAINS TARGETS "}",
         "'merge': needs 'init_from'"},
        {"{\"id\":\"x\",\"merge\":[]," MODEL DOMAINS TARGETS "}", "'merge'"},
        {"{\"id\":\"x\",\"init_from\":\"c\",\"merge\":[{\"from\":\"a\",\"digest\":\"d\"}]," MODEL DOMAINS TARGETS "}",
         "merge[0]"},
        {"{\"id\":\"x\",\"threads\":0," MODEL DOMAINS TARGETS "}", "'threads'"},
        {"{\"id\":\"x\",\"threads\":1.5," MODEL DOMAINS TARGETS "}", "'threads'"},
        {"{\"id\":\"x\",\"isa\":\"mmx\"," MODEL DOMAINS TARGETS "}", "'isa'"},
        {"{\"id\":\"x\",\"keep_checkpoint\":1," MODEL DOMAINS TARGETS "}", "true or false"},
        {"{\"id\":\"x\"," MODEL "\"domains\":[]," TARGETS "}", "'domains'"},
        {"{\"id\":\"x\"," MODEL "\"domains\":[3]," TARGETS "}", "domains[0]"},
        {"{\"id\":\"x\"," MODEL "\"domains\":[{\"name\":\"a\",\"train\":\"t\",\"tokens\":-1}]," TARGETS "}",
         "'tokens'"},
        {"{\"id\":\"x\"," MODEL "\"domains\":[{\"name\":\"a\",\"train\":\"t\",\"tokens\":1.5}]," TARGETS "}", "whole"},
        {"{\"id\":\"x\"," MODEL "\"domains\":[{\"name\":\"a\",\"train\":\"t\",\"tokens\":0}]," TARGETS "}", "tokens"},
        {"{\"id\":\"x\"," MODEL "\"domains\":[{\"name\":\"a\",\"train\":\"t\",\"tokens\":1},{\"name\":\"a\",\"train\":"
         "\"t\",\"tokens\":1}]," TARGETS "}",
         "two domains"},
        {"{\"id\":\"x\"," MODEL DOMAINS "\"targets\":[]}", "'targets'"},
        {"{\"id\":\"x\",\"id\":\"y\"," MODEL DOMAINS TARGETS "}", "run.json:1"},
        {"{\"id\":\"x\",\"model\":{\"arch\":\"gpt2\",\"layers\":2,\"heads\":3,\"width\":8,\"context\":4,\"vocab\":9},"
         "\"training\":{\"batch_tokens\":8,\"lr\":1e-3}," DOMAINS TARGETS "}",
         "not divisible"},
        {"{\"id\":\"x\",\"model\":{\"arch\":\"gpt2\",\"layers\":2,\"heads\":2,\"width\":8,\"context\":4,\"vocab\":9},"
         "\"training\":{\"batch_tokens\":8,\"lr\":0}," DOMAINS TARGETS "}",
         "'lr'"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        asc_run_spec s = {0};
        asc_error err = {0};
        assert_int_equal(parse(&s, bad[i].text, &err), ASC_EINVAL);
        if (!strstr(err.msg, bad[i].said) || strchr(err.msg, '\n'))
            fail_msg("case %zu: '%s' does not say '%s'", i, err.msg, bad[i].said);
        assert_null(s.id); /* untouched */
    }
}

static void run_spec__every_failed_allocation_is_clean(void **state)
{
    const char *text =
        "{\"id\":\"x\",\"init_from\":\"c\",\"merge\":[{\"from\":\"a\",\"digest\":\"d\",\"weight\":1}]," MODEL DOMAINS
            TARGETS "}";
    for (uint64_t n = 1;; n++) {
        asc_run_spec s = {0};
        asc_error err = {0};
        asc_fault_arm(ASC_FAULT_ALLOC, n);
        asc_status st = parse(&s, text, &err);
        bool reached = asc_fault_count(ASC_FAULT_ALLOC) >= n;
        asc_fault_arm(ASC_FAULT_ALLOC, 0);
        assert_int_equal(st, reached ? ASC_ENOMEM : ASC_OK);
        asc_run_spec_clear(&s);
        if (!reached)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(run_spec__reads_back_what_was_written),
        cmocka_unit_test(run_spec__other_numbers_are_another_run),
        cmocka_unit_test(run_spec__relative_paths_start_at_its_folder),
        cmocka_unit_test(run_spec__bad_input_is_one_line_that_names_the_field),
        cmocka_unit_test(run_spec__every_failed_allocation_is_clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
