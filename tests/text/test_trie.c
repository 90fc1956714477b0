/* Tries of tokens: what is found, and that no key makes building them long. */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "trie.h"

/* One letter many times over: each of its nodes stands behind all those before it. */
static void trie__a_long_run_of_one_letter_is_built_in_one_go(void **state)
{
    enum { N = 400000 };
    char *text = malloc(N);
    assert_non_null(text);
    memset(text, 'x', N);
    asc__trie_key keys[] = {{text, N, 7}, {text, 3, 5}, {"y", 1, 6}};
    asc__trie t = {0};
    assert_int_equal(asc__trie_build(&t, keys, 3, NULL), ASC_OK);
    assert_true(t.n < 3 * N);
    int32_t node = 0;
    for (size_t i = 0; i < N; i++) {
        int32_t next = t.base[node] + 'x';
        assert_true(t.check[next] == node);
        node = next;
        if (i == 2)
            assert_int_equal(t.value[node], 5);
    }
    assert_int_equal(t.value[node], 7);
    asc__trie_clear(&t);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trie__a_long_run_of_one_letter_is_built_in_one_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
