/* Budgets in whole sequences, the runs that a study needs, and what their answers may be: from values alone. */
#include "test.h"

#include <math.h>
#include <string.h>

#include "steps.h"

enum { D = 3, T = 16 };

static char *names[] = {"books", "code", "news"};
static asc_study_domain domains[D];
static asc_study_spec spec;
static double scales[] = {4800, 9600}, least[D], most[D];
static asc_study_opts opts;
static asc__study s;
static asc_error err;

/* 1001 tokens of each domain: 62 sequences an epoch. */
static int set_up(void **state)
{
    for (size_t i = 0; i < D; i++) {
        domains[i] = (asc_study_domain){.name = names[i], .max_epochs = NAN};
        least[i] = 0;
        most[i] = 1;
    }
    spec = (asc_study_spec){.path = "study.yaml",
                            .n_domains = D,
                            .n_targets = D,
                            .domains = domains,
                            .domain_names = names,
                            .target_names = names,
                            .n_scales = 2,
                            .scales = scales,
                            .factor = 3,
                            .down = 3,
                            .repeats = 2,
                            .min = least,
                            .max = most,
                            .target_tokens = 16000,
                            .validate = true,
                            .seeds = 2};
    spec.training = (asc_training_spec){.batch_tokens = 160, .lr = 1e-3, .seed = 42};
    s = (asc__study){.spec = &spec, .opts = &opts, .D = D, .V = D};
    s.model.context = T;
    assert_int_equal(asc__study_limits_alloc(&s, &err), ASC_OK);
    for (size_t i = 0; i < D; i++) {
        s.available[i] = 1001;
        s.reference[i] = 1. / D;
        asc__study_set_epochs(&s, i);
    }
    return 0;
}

static int tear_down(void **state)
{
    asc_free(s.available);
    asc_free(s.there);
    asc_free(s.epoch_tokens);
    asc_free(s.max_epochs);
    asc_free(s.reference);
    asc_free(s.cap_sequences);
    asc_free(s.cap_epochs);
    asc_free(s.prior);
    asc_store_runs_free(s.runs, s.n_runs);
    for (size_t k = 0; s.scales && k < spec.n_scales; k++) {
        asc_free(s.scales[k].base);
        asc_free(s.scales[k].runs);
        asc_notes_clear(&s.scales[k].notes);
    }
    asc_free(s.scales);
    asc_notes_clear(&s.notes);
    return 0;
}

static void cap(size_t i, double epochs)
{
    domains[i].max_epochs = epochs;
    asc__study_set_epochs(&s, i);
}

static double sum(const int64_t *n)
{
    return (double)(n[0] + n[1] + n[2]);
}

static void label__says_tokens_exactly(void **state)
{
    static const struct {
        double tokens;
        const char *label;
    } cases[] = {{1e6, "1M"},      {250e3, "250k"}, {3e9, "3B"},  {2e12, "2T"},
                 {16384, "16384"}, {999, "999"},    {1000, "1k"}, {1234567, "1234567"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char buf[32];
        assert_string_equal(asc__tokens_label(cases[i].tokens, buf), cases[i].label);
    }
}

static void epochs__are_whole_sequences(void **state)
{
    assert_true(s.epoch_tokens[0] == 62 * T);
    assert_true(isnan(s.cap_epochs[0]) && s.cap_sequences[0] == ASC_NO_CAP);
    cap(0, 2);
    assert_int_equal(s.cap_sequences[0], 124);
    assert_true(s.cap_epochs[0] == 124. * T / 1001);
}

static void whole__tokens_are_whole_sequences_that_sum_to_the_budget(void **state)
{
    int64_t n[D];
    const double w[D] = {.5, .3, .2};
    assert_int_equal(asc__whole_tokens(n, NULL, &s, w, 1000, &err), ASC_OK); /* 62 sequences */
    assert_true(sum(n) == 62 * T);
    for (size_t i = 0; i < D; i++) {
        assert_int_equal(n[i] % T, 0);
        assert_true(fabs((double)n[i] / T - 62 * w[i]) < 1);
    }
}

static void whole__what_a_cap_cuts_off_goes_to_the_others(void **state)
{
    int64_t n[D];
    bool capped[D];
    cap(0, 1);
    assert_int_equal(asc__whole_tokens(n, capped, &s, (double[]){.8, .1, .1}, 200 * T, &err), ASC_OK);
    assert_true(capped[0] && !capped[1] && !capped[2]);
    assert_int_equal(n[0], 62 * T);
    assert_true(sum(n) == 200 * T);
    assert_int_equal(n[1], n[2]);
}

static void whole__budgets_that_cannot_be_are_refused_in_one_line(void **state)
{
    int64_t n[D];
    const double w[D] = {.5, .3, .2};
    assert_int_equal(asc__whole_tokens(n, NULL, &s, w, 15, &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "less than one sequence"));
    for (size_t i = 0; i < D; i++)
        cap(i, 1);
    assert_int_equal(asc__whole_tokens(n, NULL, &s, w, 187 * T, &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "max_epochs of all domains allow only 2976"));
    assert_int_equal(asc__whole_tokens(n, NULL, &s, w, 186 * T, &err), ASC_OK);
}

static void bounded__shares_inside_stay_as_they_are(void **state)
{
    int64_t n[D];
    double shares[D];
    asc__moved moved;
    const double w[D] = {.5, .3, .2};
    assert_int_equal(asc__bounded_tokens(n, shares, &moved, &s, w, 1600, &err), ASC_OK);
    assert_int_equal(moved, ASC__AS_ASKED);
    assert_memory_equal(shares, w, sizeof w);
    assert_int_equal(n[0], 800);
    assert_int_equal(n[1], 480);
    assert_int_equal(n[2], 320);
}

static void bounded__bounds_and_caps_say_what_they_did(void **state)
{
    int64_t n[D];
    double shares[D];
    asc__moved moved;
    const double w[D] = {.8, .1, .1};
    most[0] = .5;
    assert_int_equal(asc__bounded_tokens(n, shares, &moved, &s, w, 1600, &err), ASC_OK);
    assert_int_equal(moved, ASC__BOUNDED);
    assert_true(shares[0] == .5 && fabs(shares[1] - .25) < 1e-12);
    most[0] = 1;
    cap(0, 1);
    assert_int_equal(asc__bounded_tokens(n, shares, &moved, &s, w, 200 * T, &err), ASC_OK);
    assert_int_equal(moved, ASC__CAPPED);
    assert_true(shares[0] == 62. / 200); /* what its cap makes of it */
    assert_true(sum(n) == 200 * T);
}

static void bounded__a_minimum_that_the_text_cannot_give_is_named(void **state)
{
    int64_t n[D];
    double shares[D];
    asc__moved moved;
    least[1] = .6;
    cap(1, 1);
    assert_int_equal(asc__bounded_tokens(n, shares, &moved, &s, s.reference, 200 * T, &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "mixture.min of domain 'code'"));
}

static size_t count(asc_run_kind kind, double scale)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n_runs; i++)
        n += s.runs[i].kind == kind && s.runs[i].scale == scale;
    return n;
}

static void stars__have_a_base_with_repeats_and_two_runs_a_domain(void **state)
{
    assert_int_equal(asc__study_stars(&s, false, &err), ASC_OK);
    assert_int_equal(s.n_runs, 2 * (2 + 2 * D));
    for (size_t k = 0; k < 2; k++) {
        assert_int_equal(count(ASC_KIND_BASE, scales[k]), 2);
        assert_int_equal(count(ASC_KIND_UP, scales[k]), D);
        assert_int_equal(count(ASC_KIND_DOWN, scales[k]), D);
        assert_true(sum(s.scales[k].base) == scales[k]);
    }
    assert_string_equal(s.runs[0].id, "s4.8k-base-r0");
    assert_int_equal(s.runs[1].seed, 43);
    for (size_t i = 0; i < s.n_runs; i++) { /* one domain differs from the base, by a factor of 3 */
        const asc_store_run *r = &s.runs[i];
        const int64_t *base = s.scales[r->scale == scales[1]].base;
        for (size_t d = 0; d < D; d++) {
            bool own = r->domain && strcmp(r->domain, names[d]) == 0;
            double factor = r->tokens[d] / (double)base[d];
            assert_true(!own ? factor == 1 : r->kind == ASC_KIND_UP ? factor == 3 : fabs(factor - 1. / 3) < .02);
        }
    }
}

static void stars__planned_twice_are_the_same_runs(void **state)
{
    size_t again;
    assert_int_equal(asc__study_stars(&s, false, &err), ASC_OK);
    size_t n = s.n_runs;
    assert_int_equal(asc__study_add_run(&again, &s, &s.runs[5], false, &err), ASC_OK);
    assert_int_equal(again, 5);
    assert_int_equal(s.n_runs, n);
    double other[D] = {160, 160, 160}; /* an edited study asks for another mixture under a name that has a run */
    asc_store_run want = {.id = s.runs[5].id, .kind = s.runs[5].kind, .mixture = "base", .scale = s.runs[5].scale};
    want.n_domains = D;
    want.tokens = other;
    assert_int_equal(asc__study_add_run(&again, &s, &want, false, &err), ASC_OK);
    assert_int_equal(again, n);
    assert_non_null(strstr(s.runs[n].id, "-v2"));
}

static void stars__a_capped_arm_is_noted(void **state)
{
    cap(2, 2.5); /* 155 sequences: the base of 4800 has 100, three times that is too many */
    assert_int_equal(asc__study_stars(&s, false, &err), ASC_OK);
    assert_true(asc_notes_have(&s.scales[0].notes, ASC_NOTE_UP_CAPPED));
    assert_true(asc_notes_have(&s.scales[1].notes, ASC_NOTE_BASE_CAPPED));
}

static void stars__a_scale_without_room_for_a_sequence_is_refused(void **state)
{
    double small[] = {3 * T, 9600};
    spec.scales = small;
    assert_int_equal(asc__study_stars(&s, false, &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "less than one sequence"));
    assert_non_null(strstr(err.msg, "'books'"));
}

static size_t list_of(asc_mixture_ref *out, size_t n, asc_mixture_ref *against, bool rule, bool joint)
{
    spec.against = against;
    spec.n_against = n;
    return asc__target_list(out, &spec, rule, joint);
}

static void target__lists_each_mixture_once(void **state)
{
    asc_mixture_ref out[16];
    asc_mixture_ref against[] = {{.kind = ASC_MIXTURE_UNIFORM, .name = "uniform"},
                                 {.kind = ASC_MIXTURE_JOINT, .name = "joint"},
                                 {.kind = ASC_MIXTURE_NATURAL, .name = "natural"},
                                 {.kind = ASC_MIXTURE_NATURAL, .name = "natural"}};
    assert_int_equal(list_of(out, 4, against, true, true), 5);
    static const char *const words[] = {"predicted", "keep-last", "uniform", "joint", "natural"};
    for (size_t i = 0; i < 5; i++)
        assert_string_equal(out[i].name, words[i]);
    spec.n_scales = 1; /* joint alone is named, and of one scale it and keep-last ask the same */
    assert_int_equal(list_of(out, 2, against, false, true), 2);
    assert_int_equal(out[1].kind, ASC_MIXTURE_JOINT);
    assert_int_equal(list_of(out, 2, against, false, false), 3); /* no such law: the optimum is kept after all */
    assert_int_equal(out[0].kind, ASC_MIXTURE_KEEP_LAST);
    spec.validate = false; /* every method is a candidate */
    assert_int_equal(list_of(out, 0, NULL, false, true), 4);
    assert_int_equal(out[3].kind, ASC_MIXTURE_JOINT);
    spec.n_scales = 2;
}

/* They are there for a law of sizes, so that its optimum is trained whether or not it is asked for. */
static void target__of_scales_of_equal_tokens_has_the_joint_laws(void **state)
{
    asc_mixture_ref out[16];
    scales[1] = scales[0];
    assert_false(asc__rule_to_come(&spec));
    assert_int_equal(list_of(out, 0, NULL, false, true), 3);
    static const char *const words[] = {"joint", "keep-last", "uniform"};
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(out[i].name, words[i]);
    assert_int_equal(list_of(out, 0, NULL, false, false), 2);
}

static void ids__of_the_target_say_tokens_mixture_and_seed(void **state)
{
    char *id = asc__target_run_id(&spec, "uniform", 1);
    assert_string_equal(id, "t16k-uniform-r1");
    asc_free(id);
}

static void checkpoints__are_kept_as_the_study_says(void **state)
{
    static const struct {
        asc_keep keep;
        bool star, target;
    } cases[] = {{ASC_KEEP_NONE, false, false}, {ASC_KEEP_TARGET, false, true}, {ASC_KEEP_LAST, true, true}};
    for (size_t i = 0; i < 3; i++) {
        spec.keep_checkpoints = cases[i].keep;
        assert_int_equal(asc__keeps_checkpoint(&spec, ASC_KIND_UP), cases[i].star);
        assert_int_equal(asc__keeps_checkpoint(&spec, ASC_KIND_TARGET), cases[i].target);
    }
}

static void limits__of_answers_are_the_plans_own(void **state)
{
    asc_limits l = asc__limits_of(&s, 64e3, false);
    assert_ptr_equal(l.lo, least);
    assert_null(l.available);
    assert_null(l.prior);
    l = asc__limits_of(&s, 64e3, true); /* no caps, and yet repeated tokens count less */
    assert_ptr_equal(l.available, s.available);
    assert_true(isinf(asc_limits_epochs(&l, 0)));
    cap(1, 2);
    l = asc__limits_of(&s, 64e3, false);
    assert_true(asc_limits_epochs(&l, 1) == 124. * T / 1001);
    assert_true(isinf(asc_limits_epochs(&l, 0)));
    spec.prior.name = "mine";
    assert_ptr_equal(asc__limits_of(&s, 64e3, false).prior, s.prior);
}

#define WITH_STUDY(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STUDY(label__says_tokens_exactly),
        WITH_STUDY(epochs__are_whole_sequences),
        WITH_STUDY(whole__tokens_are_whole_sequences_that_sum_to_the_budget),
        WITH_STUDY(whole__what_a_cap_cuts_off_goes_to_the_others),
        WITH_STUDY(whole__budgets_that_cannot_be_are_refused_in_one_line),
        WITH_STUDY(bounded__shares_inside_stay_as_they_are),
        WITH_STUDY(bounded__bounds_and_caps_say_what_they_did),
        WITH_STUDY(bounded__a_minimum_that_the_text_cannot_give_is_named),
        WITH_STUDY(stars__have_a_base_with_repeats_and_two_runs_a_domain),
        WITH_STUDY(stars__planned_twice_are_the_same_runs),
        WITH_STUDY(stars__a_capped_arm_is_noted),
        WITH_STUDY(stars__a_scale_without_room_for_a_sequence_is_refused),
        WITH_STUDY(target__lists_each_mixture_once),
        WITH_STUDY(target__of_scales_of_equal_tokens_has_the_joint_laws),
        WITH_STUDY(ids__of_the_target_say_tokens_mixture_and_seed),
        WITH_STUDY(checkpoints__are_kept_as_the_study_says),
        WITH_STUDY(limits__of_answers_are_the_plans_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
