/* Text cut so that proxies repeat it as the target will: its files, what a run is told of them, what is said of them.
 */
#include "test.h"

#include "study_made.h"

/* Of each domain 32000 tokens exist and are there: a tenth of the target's budget of 320000 for scales of 32000. */
static void matched(double available, double there)
{
    spec.target_tokens = 320000;
    spec.search.repetition = ASC_REPETITION_MATCHED;
    scales[0] = 16000;
    scales[1] = 32000;
    for (size_t i = 0; i < D; i++) {
        s.available[i] = available;
        s.there[i] = there;
        asc__study_set_epochs(&s, i);
    }
    assert_int_equal(asc__pools_set(&s, &err), ASC_OK);
}

/* ---- files ---- */

static void prefix__of_cut_text_is_the_pools_own(void **state)
{
    matched(32000, 32000);
    char *cut = asc__pool_prefix(&s, &s.pools[1], "tokens", 0), *whole = asc__pool_prefix(&s, NULL, "tokens", 0);
    assert_string_equal(whole, "tokens/books.train");
    assert_string_equal(cut, "tokens/pools/32k/books.train");
    asc_free(cut);
    asc_free(whole);
}

/* A sample that is smaller than the pool is taken whole. */
static void prefix__of_text_that_is_not_cut_is_the_whole(void **state)
{
    matched(32000, 1000);
    char *cut = asc__pool_prefix(&s, &s.pools[1], "tokens", 0);
    assert_string_equal(cut, "tokens/books.train");
    asc_free(cut);
}

static void files__hold_the_pools_tokens(void **state)
{
    matched(32000, 32000);
    in_folder();
    for (size_t i = 0; i < D; i++) {
        char *prefix = asc_corpus_prefix("tokens", names[i], false);
        put_tokens(prefix, 32000);
        asc_free(prefix);
    }
    assert_int_equal(asc__pools_make(&s, &err), ASC_OK);
    for (size_t k = 0; k < s.n_pools; k++)
        for (size_t i = 0; i < D; i++) {
            char *tokens = asc_path_join(folder, "tokens"), *prefix = asc__pool_prefix(&s, &s.pools[k], tokens, i);
            asc_token_file *f = NULL;
            assert_int_equal(asc_token_file_open(&f, prefix, &err), ASC_OK);
            assert_int_equal(asc_token_file_tokens(f), (int64_t)s.pools[k].there[i]);
            assert_int_equal(asc_token_file_tokens(f), k == 0 ? 1600 : 3200);
            asc_token_file_close(f);
            asc_free(prefix);
            asc_free(tokens);
        }
}

static void files__that_are_there_are_left_alone(void **state)
{
    matched(32000, 32000);
    in_folder();
    for (size_t i = 0; i < D; i++) {
        char *prefix = asc_corpus_prefix("tokens", names[i], false);
        put_tokens(prefix, 32000);
        asc_free(prefix);
    }
    assert_int_equal(asc__pools_make(&s, &err), ASC_OK);
    char *path = asc_path_join(folder, "tokens/pools/16k/books.train.bin");
    struct stat before, after;
    assert_int_equal(stat(path, &before), 0);
    assert_int_equal(asc__pools_make(&s, &err), ASC_OK);
    assert_int_equal(stat(path, &after), 0);
    assert_true(before.st_ino == after.st_ino); /* a file that is made is renamed into its place: another one */
    asc_free(path);
}

static void files__without_the_text_are_an_error(void **state)
{
    matched(32000, 32000);
    in_folder();
    assert_true(asc__pools_make(&s, &err) != ASC_OK);
    assert_non_null(strstr(err.msg, "books.train"));
}

/* ---- what a run is told ---- */

static void run__draws_from_the_pool_of_its_scale(void **state)
{
    matched(32000, 32000);
    const asc_store_run base = {.kind = ASC_KIND_BASE, .scale = 32000};
    const asc_store_run target = {.kind = ASC_KIND_TARGET, .scale = 320000};
    assert_true(asc__run_text(&s, &base, 0) == 3200);
    assert_true(asc__run_text(&s, &target, 0) == 32000);
    assert_true(isnan(asc__run_max_epochs(&s, &base, 0)));
}

/* Four epochs of 32000 tokens that exist are forty over a sample of a tenth of them. */
static void run__of_a_sample_may_repeat_it_more_often(void **state)
{
    cap_epochs(0, 4);
    for (size_t i = 0; i < D; i++) {
        s.available[i] = 32001;
        s.there[i] = 3201; /* 200 whole sequences and the token that the last one predicts */
        asc__study_set_epochs(&s, i);
    }
    const asc_store_run target = {.kind = ASC_KIND_TARGET, .scale = 160000};
    assert_true(near(asc__run_max_epochs(&s, &target, 0), (double)s.cap_sequences[0] / 200));
    assert_true(near((double)s.cap_sequences[0], 4 * 2000));
    assert_true(isnan(asc__run_max_epochs(&s, &target, 1)));
    s.there[0] = 32001; /* all of it: as the study says */
    assert_true(asc__run_max_epochs(&s, &target, 0) == 4);
}

static void caps__of_a_budget_are_its_pools(void **state)
{
    cap_epochs(0, 4);
    matched(32000, 32000);
    assert_ptr_equal(asc__caps_at(&s, 32000), s.pools[1].cap_sequences);
    assert_ptr_equal(asc__caps_at(&s, 320000), s.cap_sequences);
    /* of a tenth of the text a tenth of the sequences, give or take the one that is cut */
    assert_true(fabs((double)s.pools[1].cap_sequences[0] * 10 - (double)s.cap_sequences[0]) <= 4 * 10 * 2);
    assert_int_equal(s.pools[1].cap_sequences[1], ASC_NO_CAP);
}

/* ---- what is said ---- */

static void note__says_how_often_text_is_repeated(void **state)
{
    matched(32000, 32000);
    asc__doubt_repetition(&s.notes, &s);
    assert_int_equal(s.notes.n, 2);
    assert_int_equal(s.notes.code[0], ASC_NOTE_REPETITION_MATCHED);
    assert_non_null(strstr(s.notes.text[1], "32k tokens"));
    /* a third of 32000 tokens over 199 whole sequences of 16: as the target's third of 320000 over 32000 */
    assert_non_null(strstr(s.notes.text[1], "books 3.2k tokens, 3.35 epochs"));
}

static void note__a_sample_too_small_for_it_is_named(void **state)
{
    matched(32000, 1600);
    asc__doubt_repetition(&s.notes, &s);
    size_t n = 0;
    for (size_t i = 0; i < s.notes.n; i++)
        if (s.notes.code[i] == ASC_NOTE_SAMPLE_SHORT) {
            assert_non_null(strstr(s.notes.text[i], "2 times as often"));
            n++;
        }
    assert_int_equal(n, D); /* at the larger scale alone: the smaller one takes just these 1600 */
    assert_true(asc_notes_have(&s.notes, ASC_NOTE_TARGET_SAMPLE));
}

static void note__a_target_made_elsewhere_repeats_no_sample(void **state)
{
    matched(32000, 1600);
    spec.validate = false;
    asc__doubt_repetition(&s.notes, &s);
    assert_false(asc_notes_have(&s.notes, ASC_NOTE_TARGET_SAMPLE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STUDY(prefix__of_cut_text_is_the_pools_own),
        WITH_STUDY(prefix__of_text_that_is_not_cut_is_the_whole),
        WITH_STUDY(files__hold_the_pools_tokens),
        WITH_STUDY(files__that_are_there_are_left_alone),
        WITH_STUDY(files__without_the_text_are_an_error),
        WITH_STUDY(run__draws_from_the_pool_of_its_scale),
        WITH_STUDY(run__of_a_sample_may_repeat_it_more_often),
        WITH_STUDY(caps__of_a_budget_are_its_pools),
        WITH_STUDY(note__says_how_often_text_is_repeated),
        WITH_STUDY(note__a_sample_too_small_for_it_is_named),
        WITH_STUDY(note__a_target_made_elsewhere_repeats_no_sample),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
