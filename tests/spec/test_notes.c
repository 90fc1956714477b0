/* Notes carry codes. */
#include "test.h"

#include "spec/spec_json.h"

static void notes__the_same_sentence_is_kept_once_with_its_code(void **state)
{
    asc_notes n = {0};
    asc_notes_say(&n, ONE_SCALE);
    asc_notes_say(&n, NO_FIT, "too few runs");
    asc_notes_say(&n, ONE_SCALE);
    asc_notes_add(&n, "in passing: %d", 3);
    assert_int_equal(n.n, 3);
    assert_string_equal(n.text[1], "no fit at this scale: too few runs");
    assert_int_equal(n.code[1], ASC_NOTE_NO_FIT);
    assert_int_equal(n.code[2], ASC_NOTE_OTHER);
    assert_true(asc_notes_have(&n, ASC_NOTE_ONE_SCALE));
    assert_false(asc_notes_have(&n, ASC_NOTE_NO_JOINT));
    asc_notes_clear(&n);
    assert_false(asc_notes_have(&n, ASC_NOTE_ONE_SCALE));
}

static void notes__copies_keep_their_codes(void **state)
{
    asc_notes from = {0}, to = {0};
    asc_notes_say(&from, NO_RULE, "why");
    for (int i = 0; i < 100; i++)
        asc_notes_add(&from, "note %d", i);
    asc_notes_copy(&to, &from, "at 1M tokens: ");
    assert_int_equal(to.n, 101);
    assert_int_equal(to.code[0], ASC_NOTE_NO_RULE);
    assert_string_equal(to.text[100], "at 1M tokens: note 99");
    json_t *o = json_object();
    asc_notes_put(o, &to);
    const json_t *text = json_object_get(o, "notes"), *code = json_object_get(o, "note_codes");
    assert_int_equal(json_array_size(text), 101);
    assert_int_equal(json_array_size(code), 101);
    assert_string_equal(json_string_value(json_array_get(code, 0)), "no-rule");
    assert_string_equal(json_string_value(json_array_get(code, 1)), "other");
    json_decref(o);
    asc_notes_clear(&from);
    asc_notes_clear(&to);
}

/* Programs go by them: each is one word of letters and hyphens, and no two are alike. */
static void notes__codes_differ(void **state)
{
    for (int i = 0; i < ASC_N_NOTES; i++) {
        const char *name = asc_note_code_name(i);
        assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz-"), strlen(name));
        assert_true(*asc_note_sentence(i));
        for (int k = 0; k < i; k++)
            assert_string_not_equal(name, asc_note_code_name(k));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(notes__the_same_sentence_is_kept_once_with_its_code),
        cmocka_unit_test(notes__copies_keep_their_codes),
        cmocka_unit_test(notes__codes_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
