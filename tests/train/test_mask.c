/* Which tokens are hidden, and what stands in their place. */
#include "test.h"

#include "mask.h"

enum { N = 126, VOCAB = 1000 };

static const masker tokens = {.cls = 2, .sep = 3, .mask = 4, .special = {0, 1, 2, 3, 4}, .vocab = VOCAB};

static void fill(int32_t *row)
{
    for (int i = 0; i < N; i++)
        row[i] = i % 11 == 10 ? 3 : 5 + i;
}

static void mask__hides_fifteen_percent_and_never_a_special(void **state)
{
    (void)state;
    for (uint64_t index = 0; index < 200; index++) {
        int32_t row[N + 3], targets[N + 2], before[N];
        fill(row);
        memcpy(before, row, sizeof before);
        int hidden = asc__mask_row(&tokens, row, targets, N, 42, "mask", index), n = 0;
        assert_int_equal(hidden, asc__mask_count(N));
        assert_int_equal(hidden, 19);
        assert_int_equal(row[0], 2);
        assert_int_equal(row[N + 1], 3);
        assert_true(targets[0] == -1 && targets[N + 1] == -1);
        for (int i = 0; i < N; i++) {
            n += targets[i + 1] >= 0;
            if (targets[i + 1] >= 0)
                assert_true(targets[i + 1] == before[i] && before[i] != 3);
            else
                assert_int_equal(row[i + 1], before[i]);
        }
        assert_int_equal(n, hidden);
    }
}

/* 3800 hidden tokens: 80, 10 and 10 % within four standard errors; every place hidden about equally often. */
static void mask__replaces_in_the_stated_shares(void **state)
{
    (void)state;
    int as_mask = 0, stay = 0, other = 0, at[N] = {0};
    for (uint64_t index = 0; index < 200; index++) {
        int32_t row[N + 3], targets[N + 2];
        fill(row);
        asc__mask_row(&tokens, row, targets, N, 7, "mask", index);
        for (int i = 0; i < N; i++) {
            if (targets[i + 1] < 0)
                continue;
            at[i]++;
            as_mask += row[i + 1] == 4;
            stay += row[i + 1] == targets[i + 1];
            other += row[i + 1] != 4 && row[i + 1] != targets[i + 1];
        }
    }
    assert_in_range(as_mask, 3040 - 100, 3040 + 100);
    assert_in_range(stay, 380 - 80, 380 + 80);
    assert_in_range(other, 380 - 80, 380 + 80);
    for (int i = 0; i < N; i++) {
        if (i % 11 != 10)
            assert_in_range(at[i], 12, 58);
    }
}

static void mask__depends_on_seed_and_index_alone(void **state)
{
    (void)state;
    int32_t a[N + 3], b[N + 3], c[N + 3], ta[N + 2], tb[N + 2], tc[N + 2];
    fill(a);
    fill(b);
    fill(c);
    asc__mask_row(&tokens, a, ta, N, 42, "mask", 9);
    asc__mask_row(&tokens, b, tb, N, 42, "mask", 9);
    asc__mask_row(&tokens, c, tc, N, 42, "mask", 10);
    assert_memory_equal(a, b, (N + 2) * sizeof *a);
    assert_memory_equal(ta, tb, sizeof ta);
    assert_true(memcmp(ta, tc, sizeof ta) != 0);
}

static void mask__short_and_special_rows_are_fine(void **state)
{
    (void)state;
    int32_t row[8] = {9}, targets[6];
    assert_int_equal(asc__mask_row(&tokens, row, targets, 1, 1, "mask", 0), 1);
    assert_int_equal(targets[1], 9);
    int32_t all[8] = {3, 3, 3};
    assert_int_equal(asc__mask_row(&tokens, all, targets, 3, 1, "mask", 0), 0);
    assert_true(targets[1] == -1 && targets[2] == -1 && targets[3] == -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mask__hides_fifteen_percent_and_never_a_special),
        cmocka_unit_test(mask__replaces_in_the_stated_shares),
        cmocka_unit_test(mask__depends_on_seed_and_index_alone),
        cmocka_unit_test(mask__short_and_special_rows_are_fine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
