/* The target: its mixtures and runs, the file of the answer, and held-out sets that are added when runs have ended. */
#include "test.h"

#include "study_made.h"

static asc_domain_report reports[D];
static asc_mixture_ref against[3];

static void ok(asc_status st)
{
    if (st != ASC_OK)
        fail_msg("%s", err.msg);
}

/* Optima at both scales and the rule between them, as a study of values has them. */
static int set_up(void **state)
{
    static const double shares[2][D] = {{.5, .3, .2}, {.45, .3, .25}};
    if (study_set_up(state) != 0)
        return 1;
    s.reports = reports;
    s.scales = asc_calloc(2, sizeof *s.scales);
    ok(asc_optima_init(&s.optima, 2, D, false, &err));
    for (size_t k = 0; k < 2; k++) {
        s.optima.tokens[k] = s.scales[k].tokens = scales[k];
        memcpy(s.optima.weights + k * D, shares[k], sizeof shares[k]);
    }
    for (size_t i = 0; i < D; i++)
        reports[i] = (asc_domain_report){.name = names[i], .bytes_per_token = 4};
    const asc_rule_opts o = {.n_tokens = 160000, .limits = {.lo = least, .hi = most, .max_epochs = 1}};
    ok(asc_rule_predict(&s.rule, &s.optima, &o, &err));
    s.has_rule = true;
    own_mixtures = true; /* asc__study_mixtures makes them */
    return 0;
}

static int tear_down(void **state)
{
    asc_optima_clear(&s.optima);
    asc_rule_result_clear(&s.rule);
    return study_tear_down(state);
}

static void name_against(size_t n, asc_mixture_kind kind, const char *name)
{
    against[n] = (asc_mixture_ref){.kind = kind, .name = (char *)(uintptr_t)name};
    spec.against = against;
    spec.n_against = n + 1;
}

/* ---- mixtures ---- */

static void mixtures__are_the_prediction_uniform_and_those_named(void **state)
{
    name_against(0, ASC_MIXTURE_KEEP_LAST, "keep-last");
    name_against(1, ASC_MIXTURE_NATURAL, "natural");
    s.available[0] = 2e7;
    ok(asc__study_mixtures(&s, &err));
    const asc__mixture *rule = asc__mixture_of(&s, ASC_MIXTURE_RULE),
                       *last = asc__mixture_of(&s, ASC_MIXTURE_KEEP_LAST);
    const asc__mixture *natural = asc__mixture_of(&s, ASC_MIXTURE_NATURAL);
    assert_true(rule && last && natural && asc__mixture_of(&s, ASC_MIXTURE_UNIFORM));
    for (size_t k = 0; k < s.n_mixtures; k++) {
        double shares = 0;
        int64_t tokens = 0;
        for (size_t i = 0; i < D; i++) {
            shares += s.mixtures[k].weights[i];
            tokens += s.mixtures[k].tokens[i];
            assert_true(s.mixtures[k].tokens[i] % T == 0);
        }
        assert_true(near(shares, 1) && tokens == 160000);
    }
    assert_true(near(rule->weights[0], s.rule.shrunken[0]));
    assert_true(near(last->weights[0], .45) && near(natural->weights[0], .5));
    assert_non_null(strstr(s.untold, "no law"));
}

static void mixtures__without_a_joint_law_that_is_said(void **state)
{
    name_against(0, ASC_MIXTURE_JOINT, "joint");
    ok(asc__study_mixtures(&s, &err));
    assert_null(asc__mixture_of(&s, ASC_MIXTURE_JOINT));
    assert_true(asc_notes_have(&s.notes, ASC_NOTE_NO_JOINT_AGAINST));
}

/* Every candidate keeps bounds and caps, and is called by what they did to it. */
static void mixtures__that_bounds_or_caps_moved_say_so(void **state)
{
    most[0] = .4;
    name_against(0, ASC_MIXTURE_KEEP_LAST, "keep-last");
    ok(asc__study_mixtures(&s, &err));
    const asc__mixture *last = asc__mixture_of(&s, ASC_MIXTURE_KEEP_LAST);
    assert_string_equal(last->name, "keep-last (within bounds)");
    assert_string_equal(last->word, "keep-last");
    assert_true(near(last->weights[0], .4));
    assert_true(asc_notes_have(&s.notes, ASC_NOTE_MIXTURE_MOVED));
    bool said = false;
    for (size_t i = 0; i < s.notes.n; i++)
        said |= strcmp(s.notes.text[i],
                       "keep-last: 'books' at 40 % instead of 45 %, as mixture.min or mixture.max asks") == 0;
    assert_true(said);
}

static void mixtures__that_a_cap_cuts_are_called_capped(void **state)
{
    s.available[0] = 12001;
    cap_epochs(0, 4); /* 48000 of 160000 tokens: 30 % */
    name_against(0, ASC_MIXTURE_KEEP_LAST, "keep-last");
    ok(asc__study_mixtures(&s, &err));
    const asc__mixture *last = asc__mixture_of(&s, ASC_MIXTURE_KEEP_LAST);
    assert_string_equal(last->name, "keep-last (capped)");
    assert_true(near(last->weights[0], .3) && last->tokens[0] == 48000);
}

/* ---- runs ---- */

static void runs__of_a_seed_are_paired_and_equal_mixtures_share_them(void **state)
{
    name_against(0, ASC_MIXTURE_NATURAL, "natural"); /* equal amounts of text: the same as uniform */
    ok(asc__study_mixtures(&s, &err));
    ok(asc__study_target_runs(&s, false, &err));
    const asc__mixture *uniform = asc__mixture_of(&s, ASC_MIXTURE_UNIFORM);
    const asc__mixture *natural = asc__mixture_of(&s, ASC_MIXTURE_NATURAL);
    const asc__mixture *rule = asc__mixture_of(&s, ASC_MIXTURE_RULE);
    for (size_t r = 0; r < 2; r++) {
        assert_int_equal(uniform->runs[r], natural->runs[r]);
        assert_int_not_equal(uniform->runs[r], rule->runs[r]);
        const asc_store_run *a = &s.runs[uniform->runs[r]], *b = &s.runs[rule->runs[r]];
        assert_true(a->seed == 42 + r && b->seed == 42 + r && a->kind == ASC_KIND_TARGET);
        for (size_t i = 0; i < D; i++)
            assert_true(b->tokens[i] == (double)rule->tokens[i]);
    }
    size_t n = s.n_runs;
    ok(asc__study_target_runs(&s, false, &err)); /* once more: the same */
    assert_int_equal(s.n_runs, n);
}

/* ---- the file of the answer ---- */

static void answer__file_has_shares_tokens_and_where_it_came_from(void **state)
{
    asc_mix_file m = {0};
    in_folder();
    ok(asc__study_mixtures(&s, &err));
    s.answer.known = true;
    s.answer.mixture = (size_t)(asc__mixture_of(&s, ASC_MIXTURE_RULE) - s.mixtures);
    snprintf(s.answer.why, sizeof s.answer.why, "it is the best");
    ok(asc__study_write_answer(&s, &err));
    char *path = asc_path_join(folder, "mixture.json");
    ok(asc_mix_file_read(&m, path, &err));
    const asc__mixture *a = &s.mixtures[s.answer.mixture];
    for (size_t i = 0; i < D; i++) {
        assert_string_equal(m.domains[i], names[i]);
        assert_true(near(m.weights[i], a->weights[i]) && m.tokens[i] == a->tokens[i]);
        assert_true(m.available[i] == 1e7 && m.bytes_per_token[i] == 4);
    }
    assert_string_equal(m.paths[1], "tokens/code.train"); /* beside the file: a study can be moved */
    assert_string_equal(json_string_value(json_object_get(m.from, "study")), "tiny");
    assert_string_equal(json_string_value(json_object_get(m.from, "objective")), "mean-loss");
    assert_string_equal(json_string_value(json_object_get(m.from, "why")), "it is the best");
    asc_mix_file_clear(&m);
    asc_free(path);
}

/* ---- held-out sets that come later ---- */

/* Two domains; news is a held-out set that the runs did not measure. The command answers with the file `answer`. */
static void with_new_target(const char *answer)
{
    static const asc_store_names of = {2, D, names, names};
    with_store();
    asc_store_set_names(s.store, &of);
    s.D = 2;
    spec.n_domains = 2;
    spec.n_heldout = 1;
    spec.heldout = &domains[2];
    s.isa = ASC_ISA_AVX2;
    spec.threads = 1;
    put_file("answer", answer);
    s.program = put_program("eval", "#!/bin/sh\necho \"$@\" >>\"${0%/*}/words.log\"\ncat \"${0%/*}/answer\"\n");
    double tokens[D] = {2400, 2400};
    for (size_t k = 0; k < 2; k++) {
        size_t at;
        const asc_store_run want = {
            .id = k ? "b" : "a", .mixture = "base", .scale = 4800, .seed = k, .n_domains = 2, .tokens = tokens};
        ok(asc__study_add_run(&at, &s, &want, true, &err));
        s.runs[at].state = ASC_RUN_DONE;
        s.runs[at].result = asc_result_create(2, D);
        s.runs[at].result->loss[0] = 3;
        s.runs[at].result->loss[1] = 4;
    }
}

static void new__sets_are_measured_on_kept_checkpoints(void **state)
{
    with_new_target("{\"loss\": {\"books\": 3.0001, \"code\": 4, \"news\": 5.5}}");
    put_file("runs/a/checkpoint/config.json", "{}");
    put_file("runs/b/checkpoint/config.json", "{}");
    ok(asc__study_new_targets(&s, &err));
    for (size_t k = 0; k < 2; k++) {
        assert_int_equal(s.runs[k].state, ASC_RUN_DONE);
        assert_true(s.runs[k].result->loss[2] == 5.5 && s.runs[k].result->loss[0] == 3); /* its own stay */
    }
    char *words = read_text("words.log");
    assert_non_null(strstr(words, "/runs/a/checkpoint --tokens-dir"));
    assert_non_null(strstr(words, "--valid-tokens 1000 --isa avx2 --threads 1 --context 16 --json --quiet"));
    size_t n = strlen(words);
    asc_free(words);
    ok(asc__study_new_targets(&s, &err)); /* nothing lacks any more: nobody is asked */
    words = read_text("words.log");
    assert_int_equal(strlen(words), n);
    asc_free(words);
    assert_int_equal(s.notes.n, 0);
    asc_free(s.program);
}

/* One kept none; the other's is of another state than its end. Both are trained once more. */
static void new__sets_send_runs_without_a_good_checkpoint_back(void **state)
{
    with_new_target("{\"loss\": {\"books\": 3.5, \"code\": 4, \"news\": 5.5}}");
    put_file("runs/a/checkpoint/config.json", "{}");
    ok(asc__study_new_targets(&s, &err));
    for (size_t k = 0; k < 2; k++)
        assert_true(s.runs[k].state == ASC_RUN_PENDING && !s.runs[k].result);
    assert_true(asc_notes_have(&s.notes, ASC_NOTE_OTHER_CHECKPOINT));
    assert_true(asc_notes_have(&s.notes, ASC_NOTE_NEW_TARGET));
    asc_free(s.program);
}

static void new__sets_that_cannot_be_evaluated_are_an_error(void **state)
{
    with_new_target("");
    put_file("runs/a/checkpoint/config.json", "{}");
    asc_free(put_program("eval", "#!/bin/sh\necho damaged weights >&2\nexit 1\n"));
    assert_int_equal(asc__study_new_targets(&s, &err), ASC_ENUMERIC);
    assert_non_null(strstr(err.msg, "runs/a/checkpoint: damaged weights"));
    assert_int_equal(s.runs[0].state, ASC_RUN_DONE); /* nothing is lost */
    asc_free(s.program);
}

#define WITH_OPTIMA(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_OPTIMA(mixtures__are_the_prediction_uniform_and_those_named),
        WITH_OPTIMA(mixtures__without_a_joint_law_that_is_said),
        WITH_OPTIMA(mixtures__that_bounds_or_caps_moved_say_so),
        WITH_OPTIMA(mixtures__that_a_cap_cuts_are_called_capped),
        WITH_OPTIMA(runs__of_a_seed_are_paired_and_equal_mixtures_share_them),
        WITH_OPTIMA(answer__file_has_shares_tokens_and_where_it_came_from),
        WITH_OPTIMA(new__sets_are_measured_on_kept_checkpoints),
        WITH_OPTIMA(new__sets_send_runs_without_a_good_checkpoint_back),
        WITH_OPTIMA(new__sets_that_cannot_be_evaluated_are_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
