/* n-gram overlap: planted passages, and the known overlaps of the shared corpora. */
#include "test.h"

#include <stdio.h>
#include <unistd.h>

#include "task/task_contamination.h"
#include "task/task_data.h"
#include "task_lines.h"

static const char passage[] = "One two three four five six seven eight nine ten eleven twelve thirteen fourteen.";

static asc_contamination *with_item(int n, const char *text)
{
    asc_contamination *c = NULL;
    size_t set = 9;
    assert_int_equal(asc_contamination_create(&c, n, NULL), ASC_OK);
    assert_int_equal(asc_contamination_add_set(c, "set", &set, NULL), ASC_OK);
    assert_int_equal(set, 0);
    assert_int_equal(asc_contamination_add_item(c, 0, "item", text, NULL), ASC_OK);
    return c;
}

static bool found_in(asc_contamination *c, const char *text)
{
    size_t d = 0;
    assert_int_equal(asc_contamination_add_domain(c, "domain", &d, NULL), ASC_OK);
    assert_int_equal(asc_contamination_scan(c, d, text, strlen(text), NULL), ASC_OK);
    bool found = asc_contamination_count(c, d, 0) == 1;
    assert_int_equal(found, asc_contamination_found(c, 0, 0));
    return found;
}

static void contamination__needs_exactly_n_words(void **state)
{
    (void)state;
    asc_contamination *c = with_item(13, passage);
    assert_false(found_in(c, "two three four five six seven eight nine ten eleven twelve thirteen"));
    assert_false(found_in(c, "one two three four five six seven eight nine ten eleven twelve. thirteenth fourteen"));
    assert_true(found_in(c, "two three four five six seven eight nine ten eleven twelve thirteen fourteen"));
    asc_contamination_free(c);
}

static void contamination__passes_over_case_and_punctuation(void **state)
{
    (void)state;
    asc_contamination *c = with_item(13, passage);
    assert_true(
        found_in(c, "x ONE, two\n(three) four-five: six; seven \"eight\" nine... ten\televen / twelve Thirteen!"));
    asc_contamination_free(c);
    /* Words of other alphabets count. */
    c = with_item(2, "älter über");
    assert_false(found_in(c, "alter uber"));
    assert_true(found_in(c, "wird älter, über uns"));
    asc_contamination_free(c);
}

static void contamination__short_items_are_said_and_never_found(void **state)
{
    (void)state;
    asc_contamination *c = with_item(13, "only five words are here");
    assert_false(found_in(c, "only five words are here only five words are here only five words are here"));
    json_t *j = asc_contamination_json(c), *set = json_array_get(json_object_get(j, "sets"), 0);
    assert_int_equal(json_integer_value(json_object_get(set, "too_short")), 1);
    assert_int_equal(json_integer_value(json_object_get(set, "found")), 0);
    json_decref(j);
    asc_contamination_free(c);
}

static void contamination__documents_do_not_join(void **state)
{
    (void)state;
    asc_contamination *c = with_item(13, passage);
    size_t d = 0;
    assert_int_equal(asc_contamination_add_domain(c, "d", &d, NULL), ASC_OK);
    const char *halves[] = {"one two three four five six seven", "eight nine ten eleven twelve thirteen"};
    for (int i = 0; i < 2; i++)
        assert_int_equal(asc_contamination_scan(c, d, halves[i], strlen(halves[i]), NULL), ASC_OK);
    assert_int_equal(asc_contamination_count(c, d, 0), 0);
    asc_contamination_free(c);
}

static void contamination__mask_excludes_what_the_file_lists(void **state)
{
    (void)state;
    char path[64], list[64];
    snprintf(path, sizeof path, "/tmp/asc_contam_%d.jsonl", (int)getpid());
    snprintf(list, sizeof list, "/tmp/asc_contam_%d.json", (int)getpid());
    const char *lines = "{\"context\":\"a b c d\",\"continuation\":\"e\",\"id\":\"p\"}\n"
                        "{\"context\":\"f g h i\",\"continuation\":\"j\",\"id\":\"q\"}\n";
    assert_int_equal(asc_write_file(path, lines, strlen(lines), NULL), ASC_OK);
    asc_task t = {0};
    char spec[96];
    snprintf(spec, sizeof spec, "mine=%s", path);
    assert_int_equal(asc_task_load(&t, spec, NULL), ASC_OK);
    asc_contamination *c = NULL;
    assert_int_equal(asc_contamination_create(&c, 3, NULL), ASC_OK);
    assert_int_equal(asc_contamination_add_task(c, &t, NULL), ASC_OK);
    /* The answer belongs to the item: "h i j" crosses into it. */
    size_t d = 0;
    assert_int_equal(asc_contamination_add_domain(c, "d", &d, NULL), ASC_OK);
    assert_int_equal(asc_contamination_scan(c, d, "x h i j", 7, NULL), ASC_OK);
    json_t *j = asc_contamination_json(c);
    assert_int_equal(asc_json_write(list, j, 0, NULL), ASC_OK);
    bool *mask = NULL;
    assert_int_equal(asc_contamination_mask(&mask, &t, list, NULL), ASC_OK);
    assert_false(mask[0]);
    assert_true(mask[1]);
    asc_free(mask);
    asc_error err;
    json_t *ids = NULL;
    assert_int_equal(asc_contamination_excluded(&ids, list, "other", &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "has no set 'other'"));
    json_decref(j);
    asc_contamination_free(c);
    asc_task_clear(&t);
    unlink(path);
    unlink(list);
}

static void contamination__survives_failed_allocations(void **state)
{
    (void)state;
    asc_status s = ASC_ENOMEM;
    for (uint64_t nth = 1; s != ASC_OK && nth < 500; nth++) {
        asc_contamination *c = NULL;
        size_t set = 0, d = 0;
        asc_fault_arm(ASC_FAULT_ALLOC, nth);
        s = asc_contamination_create(&c, 3, NULL);
        if (s == ASC_OK)
            s = asc_contamination_add_set(c, "s", &set, NULL);
        if (s == ASC_OK)
            s = asc_contamination_add_item(c, set, "i", passage, NULL);
        if (s == ASC_OK)
            s = asc_contamination_add_domain(c, "d", &d, NULL);
        if (s == ASC_OK)
            s = asc_contamination_scan(c, d, passage, strlen(passage), NULL);
        asc_fault_arm(ASC_FAULT_ALLOC, 0);
        asc_contamination_free(c);
    }
    assert_int_equal(s, ASC_OK);
}

/* ---- the shared corpora: overlaps that an independent scan found ---- */

static void scan_corpus(asc_contamination *c, const char *name)
{
    char path[512], *text = NULL;
    size_t n = 0, length = 0, d = 0;
    snprintf(path, sizeof path, "%s/corpora/%s.jsonl.zst", ASC_SHARED_DIR, name);
    assert_int_equal(asc__task_read(path, &text, &n, NULL), ASC_OK);
    assert_int_equal(asc_contamination_add_domain(c, name, &d, NULL), ASC_OK);
    asc__lines lines = {text, text + n, 0};
    for (char *at; (at = asc__lines_next(&lines, &length));) {
        json_t *j = NULL;
        assert_int_equal(asc_json_parse(&j, path, at, length, NULL), ASC_OK);
        const char *document = json_string_value(json_object_get(j, "text"));
        assert_int_equal(asc_contamination_scan(c, d, document, strlen(document), NULL), ASC_OK);
        json_decref(j);
    }
    asc_free(text);
}

static void contamination__finds_the_known_overlaps(void **state)
{
    (void)state;
    if (access(ASC_SHARED_DIR "/corpora/c4.jsonl.zst", R_OK) != 0) {
        print_message("no shared corpora: skipped\n");
        skip();
    }
    static const char *const files[] = {"boolq_val", "hellaswag_val", "squad_v1_dev_part", "squad_v2_dev_half"};
    asc_contamination *c = NULL;
    assert_int_equal(asc_contamination_create(&c, 13, NULL), ASC_OK);
    for (size_t i = 0; i < 4; i++) {
        char path[512];
        snprintf(path, sizeof path, "%s/evals/%s.jsonl.zst", ASC_SHARED_DIR, files[i]);
        asc_error err = {0};
        if (asc_contamination_add_spec(c, path, &err) != ASC_OK)
            fail_msg("%s", err.msg);
    }
    scan_corpus(c, "c4");
    scan_corpus(c, "wikipedia");
    /* By golden/overlap.py, which shares no code with us. */
    static const size_t expected[2][4] = {{4, 1, 0, 0}, {19, 0, 4, 0}};
    for (size_t d = 0; d < 2; d++) {
        for (size_t set = 0; set < 4; set++)
            assert_int_equal(asc_contamination_count(c, d, set), expected[d][set]);
    }
    asc_contamination_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(contamination__needs_exactly_n_words),
        cmocka_unit_test(contamination__passes_over_case_and_punctuation),
        cmocka_unit_test(contamination__short_items_are_said_and_never_found),
        cmocka_unit_test(contamination__documents_do_not_join),
        cmocka_unit_test(contamination__mask_excludes_what_the_file_lists),
        cmocka_unit_test(contamination__survives_failed_allocations),
        cmocka_unit_test(contamination__finds_the_known_overlaps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
