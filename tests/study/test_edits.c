/* A study's file edited after runs exist: what is taken over, what is refused and how that is said; and the text. */
#include "test.h"

#include <math.h>
#include <stdio.h>

#include "folder.h"
#include "steps.h"

#define DOMAINS "domains:\n  - {name: a, train: x}\n  - {name: b, train: y}\n"
#define REST                                                                                                           \
    "model: {layers: 2, heads: 2, width: 8, context: 16}\nscales: [1e3, 4e3]\ntarget: {tokens: 16e3, seeds: 2}\n"      \
    "training: {lr: 1e-3}\n"

static char dir[32];
static asc_study_spec spec;
static asc_study_opts opts;
static asc__study s;
static asc_domain_report reports[3];
static asc_error err;

/* The study as its file now says it, in the folder as it is. */
static void open_study(const char *text)
{
    asc_store *store = s.store;
    asc_store_runs_free(s.runs, s.n_runs);
    asc_notes_clear(&s.notes);
    asc_study_spec_clear(&spec);
    if (asc_study_parse(&spec, "study.yaml", text, strlen(text), &err) != ASC_OK)
        fail_msg("%s", err.msg);
    s = (asc__study){.spec = &spec, .opts = &opts, .dir = dir, .store = store, .reports = reports};
    s.D = spec.n_domains;
    s.V = spec.n_targets;
    s.model = spec.model;
    assert_int_equal(asc_store_runs(&s.runs, &s.n_runs, s.store, &err), ASC_OK);
}

static int set_up(void **state)
{
    test_folder(dir);
    err = (asc_error){0};
    s = (asc__study){0};
    spec = (asc_study_spec){0};
    assert_int_equal(asc_store_open(&s.store, dir, &err), ASC_OK);
    open_study(DOMAINS REST);
    return 0;
}

static int tear_down(void **state)
{
    asc_store_runs_free(s.runs, s.n_runs);
    asc_notes_clear(&s.notes);
    asc_store_close(s.store);
    asc_study_spec_clear(&spec);
    return asc_remove_tree(dir, NULL) != ASC_OK;
}

static void add_run(asc_run_state state)
{
    double tokens[2] = {496, 496};
    asc_store_run r = {.id = "s1k-base-r0", .mixture = "base", .scale = 1000, .n_domains = 2, .tokens = tokens};
    assert_int_equal(asc_store_add_runs(s.store, &r, 1, &err), ASC_OK);
    r.state = state;
    assert_int_equal(asc_store_update_run(s.store, &r, &err), ASC_OK);
    asc_store_runs_free(s.runs, s.n_runs);
    assert_int_equal(asc_store_runs(&s.runs, &s.n_runs, s.store, &err), ASC_OK);
}

static void begun(void)
{
    assert_int_equal(asc__study_check_edits(&s, &err), ASC_OK);
    add_run(ASC_RUN_DONE);
}

static void accepted(const char *text)
{
    open_study(text);
    if (asc__study_check_edits(&s, &err) != ASC_OK)
        fail_msg("%s", err.msg);
}

static void refused(const char *text, const char *words)
{
    open_study(text);
    assert_int_equal(asc__study_check_edits(&s, &err), ASC_EINVAL);
    if (!strstr(err.msg, words))
        fail_msg("expected '%s' in: %s", words, err.msg);
}

/* ---- the file ---- */

static void started__is_a_study_with_a_run_that_was_begun(void **state)
{
    assert_false(asc__study_started(&s));
    add_run(ASC_RUN_PENDING);
    assert_false(asc__study_started(&s));
    s.runs[0].attempts = 1; /* and was interrupted */
    assert_true(asc__study_started(&s));
    s.runs[0].attempts = 0;
    s.runs[0].state = ASC_RUN_FAILED;
    assert_true(asc__study_started(&s));
}

static void edits__that_touch_no_run_are_taken_over(void **state)
{
    begun();
    accepted(DOMAINS REST); /* the same file */
    accepted(DOMAINS "model: {layers: 2, heads: 2, width: 8, context: 16}\nscales: [1e3, 4e3, 8e3]\n"
                     "target: {tokens: 32e3, seeds: 3}\ntraining: {lr: 1e-3}\n");
    accepted(DOMAINS "objective: worst\nmixture: {min: 0.1}\n" REST);
    accepted("domains:\n  - {name: a, train: x, max_epochs: 4}\n  - {name: b, train: y}\n" REST);
    json_t *kept = NULL, *now = asc_study_canonical(&spec);
    assert_int_equal(asc_store_get_doc(&kept, s.store, "spec", &err), ASC_OK);
    assert_true(json_equal(kept, now)); /* and the store has the new one */
    json_decref(kept);
    json_decref(now);
    assert_int_equal(s.n_runs, 1);
}

static void edits__that_would_change_runs_are_refused_with_both_values(void **state)
{
    begun();
    refused(DOMAINS "model: {layers: 3, heads: 2, width: 8, context: 16}\nscales: [1e3]\ntarget: {tokens: 16e3}\n"
                    "training: {lr: 1e-3}\n",
            "study.yaml: key 'model.layers' was changed from 2 to 3");
    refused(DOMAINS "model: {layers: 2, heads: 2, width: 8, context: 16}\nscales: [1e3]\ntarget: {tokens: 16e3}\n"
                    "training: {lr: 2e-3}\n",
            "key 'training.lr' was changed from 0.001 to 0.002");
    refused("domains:\n  - {name: a, train: x}\n  - {name: b, train: other}\n" REST, "key 'domains");
    refused(DOMAINS "design: {factor: 4}\n" REST, "key 'design.factor' was changed from 3 to 4");
    json_t *kept = NULL;
    assert_int_equal(asc_store_get_doc(&kept, s.store, "spec", &err), ASC_OK);
    assert_int_equal(json_integer_value(json_object_get(kept, "model.layers")), 2); /* the former stays */
    json_decref(kept);
}

#define SWARM "search: {method: swarm, runs: 6, tokens: 1e3, rounds: 2}\n"

/* Runs say what they said, whatever is searched for next: those that have ended are noted, others are dropped. */
static void edits__of_the_search_keep_what_was_made(void **state)
{
    json_t *list = NULL;
    begun();
    accepted(DOMAINS SWARM REST);
    assert_int_equal(asc__earlier_list(&list, s.store, NULL, NULL, 0, &err), ASC_OK);
    assert_true(json_object_size(list) == 1 && json_object_get(list, "s1k-base-r0"));
    asc__earlier_mark(&s.notes, s.runs, s.n_runs, list);
    json_decref(list);
    assert_true(s.n_runs == 1 && asc__is_given(&s.runs[0]) && !asc__is_inherited(&s.runs[0]));
    assert_true(asc_notes_have(&s.notes, ASC_NOTE_RUNS_EARLIER));
    assert_int_equal(asc__n_told_before(&s), 1);
    assert_int_equal(asc__n_earlier(&s), 0); /* a star's, not the swarm's */
    accepted(DOMAINS REST);                  /* and back */
}

static void edits__of_the_search_drop_proxies_that_have_not_ended(void **state)
{
    begun();
    s.runs[0].state = ASC_RUN_RUNNING;
    s.runs[0].attempts = 1;
    assert_int_equal(asc_store_update_run(s.store, &s.runs[0], &err), ASC_OK);
    accepted(DOMAINS REST);
    assert_int_equal(s.n_runs, 1); /* nothing changed */
    accepted(DOMAINS SWARM REST);
    assert_int_equal(s.n_runs, 0);
}

static void edits__from_proxies_to_branches_are_refused(void **state)
{
    static const char branch[] = DOMAINS "search: {method: branch, at_most: 1}\n"
                                         "model: {layers: 2, heads: 2, width: 8, context: 16}\n"
                                         "target: {tokens: 16e3, seeds: 2}\ntraining: {lr: 1e-3}\n";
    begun();
    refused(branch, "key 'search.method' was changed from ddo to branch");
    accepted(DOMAINS SWARM REST);
    refused(branch, "key 'search.method' was changed from swarm to branch");
}

/* Nothing was made yet: the new file is the study, and what was planned or prepared for the former goes. */
static void edits__before_the_first_run_begin_anew(void **state)
{
    char *tokens = asc_path_join(dir, "tokens");
    assert_int_equal(asc__study_check_edits(&s, &err), ASC_OK);
    add_run(ASC_RUN_PENDING);
    assert_int_equal(asc_mkdirs(tokens, NULL), ASC_OK);
    accepted(DOMAINS "design: {factor: 4}\n" REST);
    assert_int_equal(s.n_runs, 0);
    assert_false(asc_path_exists(tokens));
    asc_free(tokens);
    asc_store_runs_free(s.runs, s.n_runs);
    assert_int_equal(asc_store_runs(&s.runs, &s.n_runs, s.store, &err), ASC_OK);
    assert_int_equal(s.n_runs, 0);
}

static void edits__another_study_in_the_folder_is_refused(void **state)
{
    begun();
    refused("study: poems\n" DOMAINS REST, "this folder holds the study 'study', but study.yaml is 'poems'");
}

static void edits__a_command_may_be_mended_but_no_other_trainer_named(void **state)
{
    open_study("trainer: {command: \"python train.py --out {out}\"}\n" DOMAINS REST);
    begun();
    accepted("trainer: {command: \"python3 train.py --out {out}\"}\n" DOMAINS REST);
    refused(DOMAINS REST, "key 'trainer.command' was changed from");
}

static void edits__held_out_sets_come_and_go(void **state)
{
    begun();
    accepted("targets: [{name: news, valid: z}]\n" DOMAINS "objective: mean-domains\n" REST);
    accepted(DOMAINS REST);
}

/* Of branches no checkpoint is kept on which a new set could be measured. */
static void edits__of_a_branch_search_may_add_targets(void **state)
{
    static const char rest[] = "search: {method: branch}\n" DOMAINS
                               "model: {layers: 2, heads: 2, width: 8, context: 16}\ntarget: {tokens: 16e3}\n";
    open_study(rest);
    begun();
    char *more = asc_strf("targets: [{name: news, valid: z}]\nobjective: mean-domains\n%s", rest);
    accepted(more);
    asc_free(more);
}

/* An end that was reached is none of the edited file: a kill after the edit must not find it. */
static void edits__reopen_a_study_that_had_ended(void **state)
{
    begun();
    asc_summary *o = asc_summary_create(2, 2), *read = NULL;
    for (size_t i = 0; i < 2; i++)
        o->domains[i].name = o->targets[i] = i ? "b" : "a";
    o->study = "study";
    o->state = ASC_STUDY_DONE;
    assert_int_equal(asc_store_put_summary(s.store, o, &err), ASC_OK);
    asc_summary_free(o);
    accepted(DOMAINS REST);
    assert_int_equal(asc_store_get_summary(&read, s.store, &err), ASC_OK);
    assert_int_equal(read->state, ASC_STUDY_DONE); /* the same file: nothing is reopened */
    asc_summary_free(read);
    accepted(DOMAINS "objective: worst\n" REST);
    assert_int_equal(asc_store_get_summary(&read, s.store, &err), ASC_OK);
    assert_int_equal(read->state, ASC_STUDY_INTERRUPTED);
    asc_summary_free(read);
}

/* ---- defaults that were others when it was begun ---- */

static void set_kept(const char *key, const char *value)
{
    json_t *doc = NULL;
    assert_int_equal(asc_store_get_doc(&doc, s.store, "spec", &err), ASC_OK);
    json_object_set_new(doc, key, json_string(value));
    assert_int_equal(asc_store_put_doc(s.store, "spec", doc, &err), ASC_OK);
    json_decref(doc);
}

static void defaults__an_older_architecture_stays(void **state)
{
    begun();
    asc_arch other = spec.model.arch == ASC_ARCH_GPT2 ? ASC_ARCH_LLAMA : ASC_ARCH_GPT2;
    set_kept("model.arch", asc_arch_name(other));
    accepted(DOMAINS REST); /* the file names none */
    assert_true(s.spec == &s.adopted && s.spec->model.arch == other && s.model.arch == other);
}

static void defaults__an_older_objective_stays_and_is_said(void **state)
{
    static const char text[] = "targets: [{name: news, valid: z}]\n" DOMAINS REST;
    open_study(text);
    begun();
    set_kept("objective", "mean-loss");
    accepted(text);
    assert_int_equal(s.spec->objective.kind, ASC_OBJ_MEAN_LOSS);
    assert_string_equal(s.spec->objective_text, "mean-loss");
    assert_true(asc_notes_have(&s.notes, ASC_NOTE_KEPT_OBJECTIVE));
    asc_notes_clear(&s.notes);
    char *named = asc_strf("objective: mean-targets\n%s", text);
    accepted(named); /* a file that says it is heard */
    assert_string_equal(s.spec->objective_text, "mean-targets");
    assert_int_equal(s.notes.n, 0);
    asc_free(named);
}

static void defaults__a_swarm_of_before_there_were_pauses_has_none(void **state)
{
    static const char text[] = DOMAINS REST "search: {method: swarm}\n";
    static const char named[] = DOMAINS REST "search: {method: swarm, pause: .25}\n";
    open_study(text);
    begun();
    json_t *doc = NULL;
    assert_int_equal(asc_store_get_doc(&doc, s.store, "spec", &err), ASC_OK);
    assert_int_equal(json_object_del(doc, "search.pause"), 0);
    assert_int_equal(asc_store_put_doc(s.store, "spec", doc, &err), ASC_OK);
    json_decref(doc);
    accepted(text);
    assert_true(s.spec == &s.adopted && s.spec->search.pause == 0);
    accepted(named); /* a file that says it is heard */
    assert_true(s.spec == &spec && spec.search.pause == .25);
    accepted(text); /* and stays once it is not named any more */
    assert_true(s.spec == &s.adopted && s.spec->search.pause == .25);
}

/* ---- the text ---- */

static void put_report(const char *key, const char *fingerprint)
{
    char *tokens = asc_path_join(dir, "tokens"), *path = asc_path_join(tokens, "report.json");
    json_t *report = json_pack("{s:s,s:{s:s}}", "key", key, "tokenizer", "fingerprint", fingerprint);
    assert_int_equal(asc_mkdirs(tokens, NULL), ASC_OK);
    assert_int_equal(asc_json_write(path, report, 0, &err), ASC_OK);
    json_decref(report);
    asc_free(tokens);
    asc_free(path);
}

static void count(const char *a, const char *b, const char *c)
{
    const char *list[] = {a, b, c};
    for (size_t i = 0; i < s.V; i++)
        reports[i] = (asc_domain_report){.name = (char *)list[i], .n_bytes = 4000, .n_tokens = 1000};
}

/* Runs were made with the text of this key. */
static void with_text(const char *key)
{
    asc_summary_domain d[3];
    begun();
    count("a", "b", "news");
    for (size_t i = 0; i < s.V; i++)
        d[i] = asc__domain_report(&s, i);
    put_report(key, "tok");
    assert_int_equal(asc__study_check_text(&s, &err), ASC_OK);
    assert_int_equal(asc_store_put_corpus(s.store, d, s.V, &err), ASC_OK);
}

static void text__that_is_the_same_is_taken(void **state)
{
    with_text("one");
    assert_int_equal(asc__study_check_text(&s, &err), ASC_OK);
}

static void text__that_changed_names_the_domain(void **state)
{
    with_text("one");
    put_report("two", "tok");
    reports[1].n_bytes++;
    assert_int_equal(asc__study_check_text(&s, &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "study.yaml: the text of domain b has changed"));
    reports[1].n_bytes--; /* equal counts and yet another key: not what the runs were made with */
    assert_int_equal(asc__study_check_text(&s, &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "the text of the domains has changed"));
}

static void text__of_a_new_held_out_set_is_no_change(void **state)
{
    with_text("one");
    open_study("targets: [{name: news, valid: z}]\n" DOMAINS "objective: mean-domains\n" REST);
    count("a", "b", "news");
    put_report("two", "tok");
    assert_int_equal(asc__study_check_text(&s, &err), ASC_OK);
    put_report("three", "another tokenizer");
    assert_int_equal(asc__study_check_text(&s, &err), ASC_EINVAL);
}

/* Documents that equal the new set's are dropped from the domains: then the runs saw other text. */
static void text__that_a_new_held_out_set_takes_is_said(void **state)
{
    with_text("one");
    open_study("targets: [{name: news, valid: z}]\n" DOMAINS "objective: mean-domains\n" REST);
    count("a", "b", "news");
    reports[0].n_tokens -= 10;
    put_report("two", "tok");
    assert_int_equal(asc__study_check_text(&s, &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "domain a"));
    assert_non_null(strstr(err.msg, "has changed since the runs"));
}

static void report__says_what_is_counted(void **state)
{
    double nats[2] = {5, 6};
    count("a", "b", NULL);
    reports[1].n_valid_tokens = 77;
    asc_summary_domain d = asc__domain_report(&s, 1);
    assert_string_equal(d.name, "b");
    assert_true(d.tokens == 1000 && d.bytes == 4000 && d.valid_tokens == 77);
    assert_true(isnan(d.word_nats) && isnan(d.max_epochs) && isnan(d.epochs_at_target));
    s.word_nats = nats;
    assert_true(asc__domain_report(&s, 1).word_nats == 6);
}

#define WITH_FOLDER(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(started__is_a_study_with_a_run_that_was_begun),
        WITH_FOLDER(edits__that_touch_no_run_are_taken_over),
        WITH_FOLDER(edits__that_would_change_runs_are_refused_with_both_values),
        WITH_FOLDER(edits__before_the_first_run_begin_anew),
        WITH_FOLDER(edits__another_study_in_the_folder_is_refused),
        WITH_FOLDER(edits__a_command_may_be_mended_but_no_other_trainer_named),
        WITH_FOLDER(edits__held_out_sets_come_and_go),
        WITH_FOLDER(edits__of_the_search_keep_what_was_made),
        WITH_FOLDER(edits__of_the_search_drop_proxies_that_have_not_ended),
        WITH_FOLDER(edits__from_proxies_to_branches_are_refused),
        WITH_FOLDER(edits__of_a_branch_search_may_add_targets),
        WITH_FOLDER(edits__reopen_a_study_that_had_ended),
        WITH_FOLDER(defaults__an_older_architecture_stays),
        WITH_FOLDER(defaults__an_older_objective_stays_and_is_said),
        WITH_FOLDER(defaults__a_swarm_of_before_there_were_pauses_has_none),
        WITH_FOLDER(text__that_is_the_same_is_taken),
        WITH_FOLDER(text__that_changed_names_the_domain),
        WITH_FOLDER(text__of_a_new_held_out_set_is_no_change),
        WITH_FOLDER(text__that_a_new_held_out_set_takes_is_said),
        WITH_FOLDER(report__says_what_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
