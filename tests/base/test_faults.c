/* Calls made to fail, and documents when memory runs out while they are read or built. */
#include "test.h"

#include <stdlib.h>

#include "base/base_json.h"

static void fault__fails_once_or_from_then_on_and_counts(void **state)
{
    asc_fault_arm(ASC_FAULT_RENAME, 2);
    assert_false(asc_fault_hit(ASC_FAULT_RENAME));
    assert_true(asc_fault_hit(ASC_FAULT_RENAME));
    assert_false(asc_fault_hit(ASC_FAULT_RENAME));
    assert_int_equal(asc_fault_count(ASC_FAULT_RENAME), 3);
    asc_fault_arm_from(ASC_FAULT_RENAME, 2);
    assert_false(asc_fault_hit(ASC_FAULT_RENAME));
    assert_true(asc_fault_hit(ASC_FAULT_RENAME) && asc_fault_hit(ASC_FAULT_RENAME));
    asc_fault_arm(ASC_FAULT_RENAME, 0);
    assert_false(asc_fault_hit(ASC_FAULT_RENAME));
}

static void fault__a_disk_has_room_for_so_many_bytes(void **state)
{
    asc_fault_arm(ASC_FAULT_BYTES, 10);
    assert_int_equal(asc_fault_room(6), 6);
    assert_int_equal(asc_fault_room(6), 4);
    assert_int_equal(asc_fault_room(1), 0);
    asc_fault_arm(ASC_FAULT_BYTES, 0);
    assert_int_equal(asc_fault_room(1), 1);
}

static void fault__the_environment_names_kind_number_and_command(void **state)
{
    char text[80];
    assert_string_equal(asc_fault_report(text, sizeof text), "");
    setenv("AUTOSCALE_FAULT", "spawn:3+@run", 1);
    assert_false(asc_fault_arm_from_env("train"));
    assert_true(asc_fault_arm_from_env("run"));
    assert_false(asc_fault_hit(ASC_FAULT_SPAWN) || asc_fault_hit(ASC_FAULT_SPAWN));
    assert_true(asc_fault_hit(ASC_FAULT_SPAWN) && asc_fault_hit(ASC_FAULT_SPAWN));
    assert_string_equal(asc_fault_report(text, sizeof text), "spawn: 3 of 4 calls");
    unsetenv("AUTOSCALE_FAULT");
    asc_fault_arm(ASC_FAULT_SPAWN, 0);
}

/* Tokens of all lengths: growing the one under way must be able to fail. */
static void json__reading_survives_every_failed_allocation(void **state)
{
    asc_buf text = {0};
    asc_buf_puts(&text, "{");
    for (int n = 1; n < 400; n += 13)
        asc_buf_printf(&text, "%s\"%0*d\":[\"%0*d\",1.5,{}]", n > 1 ? "," : "", n, n, n, n);
    asc_buf_puts(&text, "}");
    for (uint64_t n = 1;; n++) {
        json_t *j = NULL;
        asc_fault_arm(ASC_FAULT_ALLOC, n);
        asc_status st = asc_json_parse(&j, "text", text.data, text.len, NULL);
        bool hit = asc_fault_count(ASC_FAULT_ALLOC) >= n;
        asc_fault_arm(ASC_FAULT_ALLOC, 0);
        assert_int_equal(st, hit ? ASC_ENOMEM : ASC_OK);
        json_decref(j);
        if (!hit)
            break;
    }
    asc_buf_clear(&text);
}

static void json__a_document_with_holes_is_not_printed(void **state)
{
    for (uint64_t n = 1;; n++) {
        char *text = NULL;
        asc_fault_arm(ASC_FAULT_ALLOC, n);
        json_t *j = json_object();
        json_object_set_new(j, "a", json_string("x"));
        json_object_set_new(j, "b", json_pack("[i,{s:f}]", 1, "c", 2.5));
        asc_status st = asc_json_print(&text, j, 0, NULL);
        bool hit = asc_fault_count(ASC_FAULT_ALLOC) >= n;
        asc_fault_arm(ASC_FAULT_ALLOC, 0);
        assert_int_equal(st, hit ? ASC_ENOMEM : ASC_OK);
        if (!hit)
            assert_string_equal(text, "{\"a\":\"x\",\"b\":[1,{\"c\":2.5}]}");
        asc_free(text);
        json_decref(j);
        if (!hit)
            break;
    }
}

static void json__a_seal_fits_only_what_was_sealed(void **state)
{
    asc_error err = {0};
    bool sealed = false;
    json_t *j = json_pack("{s:f,s:[i,i]}", "loss", 2.5, "curve", 1, 2);
    assert_int_equal(asc_json_unseal(&sealed, j, "x.json", &err), ASC_OK);
    assert_false(sealed);
    assert_int_equal(asc_json_seal(j, &err), ASC_OK);
    json_t *copy = json_deep_copy(j);
    assert_int_equal(asc_json_unseal(&sealed, j, "x.json", &err), ASC_OK);
    assert_true(sealed && !json_object_get(j, "sha256"));
    json_object_set_new(copy, "loss", json_real(2.4));
    assert_int_equal(asc_json_unseal(&sealed, copy, "x.json", &err), ASC_ESTATE);
    assert_non_null(strstr(err.msg, "x.json: damaged"));
    json_decref(copy);
    json_decref(j);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fault__fails_once_or_from_then_on_and_counts),
        cmocka_unit_test(fault__a_disk_has_room_for_so_many_bytes),
        cmocka_unit_test(fault__the_environment_names_kind_number_and_command),
        cmocka_unit_test(json__reading_survives_every_failed_allocation),
        cmocka_unit_test(json__a_document_with_holes_is_not_printed),
        cmocka_unit_test(json__a_seal_fits_only_what_was_sealed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
