/* The text of a study: how much of it is read, prepared and counted; mixtures named by it; a plan of it that trains
 * nothing. */
#include "test.h"

#include "study_made.h"

static char *files[D], *file_of[D][1];

/* Three domains of a file each; the held-out text is split off. */
static void with_text(size_t n_lines)
{
    in_folder();
    for (size_t i = 0; i < D; i++) {
        asc_buf b = {0};
        for (size_t k = 0; k < n_lines; k++)
            asc_buf_printf(&b, "{\"text\": \"document %zu of %s: the quick brown fox jumps over dog %zu\"}\n", k,
                           names[i], k * k % 97);
        char *name = asc_strf("%s.jsonl", names[i]);
        put_file(name, b.data);
        files[i] = file_of[i][0] = name;
        domains[i] =
            (asc_study_domain){.name = names[i], .field = "text", .n_train = 1, .train = file_of[i], .max_epochs = NAN};
        asc_buf_clear(&b);
    }
    spec.base_dir = folder;
    spec.tokenizer_kind = ASC_TOKENIZER_BPE;
    spec.tokenizer_vocab = 300;
    spec.valid_tokens = 200;
    spec.threads = spec.ranks = 1;
    spec.device = "cpu";
    spec.model = s.model;
    s.created.isa = ASC_ISA_AUTO;
}

static int free_text(void **state)
{
    for (size_t i = 0; i < D; i++) {
        asc_free(files[i]);
        files[i] = NULL;
    }
    return study_tear_down(state);
}

static void clear_limits(void)
{
    asc_free(s.available);
    asc_free(s.there);
    asc_free(s.epoch_tokens);
    asc_free(s.max_epochs);
    asc_free(s.reference);
    asc_free(s.cap_sequences);
    asc_free(s.cap_epochs);
    asc_free(s.prior);
    s.available = s.there = s.epoch_tokens = s.max_epochs = s.reference = s.cap_epochs = s.prior = NULL;
    s.cap_sequences = NULL;
}

/* ---- how much is read ---- */

/* A star needs its largest arm, a third of 9600 tripled; the target a third of 160000 at the share that it may have. */
static void sample__is_what_the_largest_run_needs(void **state)
{
    for (size_t i = 0; i < D; i++)
        domains[i].available = 1e9;
    spec.search.repetition = ASC_REPETITION_FREE;
    spec.validate = false;
    assert_true(near(asc__sample_tokens(&spec, 0), 9600 + 1000)); /* and the held-out text that is split off */
    spec.validate = true;
    most[0] = .5;
    assert_true(near(asc__sample_tokens(&spec, 0), 80000 + 1000));
    domains[0].n_valid = 1; /* which has a file of its own */
    assert_true(near(asc__sample_tokens(&spec, 0), 80000));
    domains[0].available = 50000; /* no more than there is */
    assert_true(near(asc__sample_tokens(&spec, 0), 50000));
}

static void sample__that_is_named_is_taken(void **state)
{
    domains[0].available = 1e9;
    domains[0].sample = 12345;
    assert_true(asc__sample_tokens(&spec, 0) == 12345);
    domains[0].sample = -1;
    assert_true(isinf(asc__sample_tokens(&spec, 0)));
}

/* Matched repetition: of a proxy's budget, its part of all that exists. */
static void sample__of_matched_text_is_the_budgets_part(void **state)
{
    domains[0].available = 160000;
    spec.validate = false;
    assert_true(near(asc__sample_tokens(&spec, 0), 9600 + 1000));
    spec.search.method = ASC_SEARCH_SWARM;
    spec.search.swarm_tokens = .25;
    assert_true(near(asc__sample_tokens(&spec, 0), 40000 + 1000));
}

/* ---- mixtures by name ---- */

static void weights__of_a_mixture_that_is_named(void **state)
{
    double w[D], own[D] = {.6, .3, .1};
    s.available[0] = 2e7;
    asc__study_weights(w, &s, &(asc_mixture_ref){.kind = ASC_MIXTURE_UNIFORM});
    assert_true(near(w[0], 1. / 3) && near(w[2], 1. / 3));
    asc__study_weights(w, &s, &(asc_mixture_ref){.kind = ASC_MIXTURE_NATURAL});
    assert_true(near(w[0], .5) && near(w[2], .25));
    asc__study_weights(w, &s, &(asc_mixture_ref){.kind = ASC_MIXTURE_WEIGHTS, .weights = own});
    assert_true(w[0] == .6 && w[2] == .1);
}

/* ---- prepared ---- */

static void corpus__is_counted_and_kept(void **state)
{
    with_text(150);
    assert_int_equal(asc_store_open(&s.store, folder, &err), ASC_OK);
    clear_limits();
    if (asc__study_corpus(&s, &err) != ASC_OK)
        fail_msg("%s", err.msg);
    assert_true(s.model.vocab > 256 && s.model.vocab <= 300);
    for (size_t i = 0; i < D; i++) {
        assert_true(s.there[i] == (double)s.reports[i].n_tokens && s.available[i] == s.there[i]);
        assert_true(s.epoch_tokens[i] <= s.there[i] && fmod(s.epoch_tokens[i], T) == 0);
        assert_true(near(s.reference[i], 1. / 3) && isnan(s.cap_epochs[i]));
        /* word frequencies say more than that all words are as likely, and less than all */
        assert_true(s.word_nats[i] > 1 && s.word_nats[i] < log(s.model.vocab));
        assert_true(s.reports[i].n_valid_tokens >= 100);
    }
    asc_summary *kept = NULL;
    assert_int_equal(asc_store_get_corpus(&kept, s.store, &err), ASC_OK);
    assert_true(kept->n_domains == D && kept->domains[1].tokens == s.there[1]);
    asc_summary_free(kept);
    asc_free(s.word_nats);
    asc_domain_reports_free(s.reports, D);
}

static void corpus__too_short_for_a_sequence_is_refused(void **state)
{
    with_text(150);
    assert_int_equal(asc_store_open(&s.store, folder, &err), ASC_OK);
    clear_limits();
    s.model.context = spec.model.context = 1 << 16;
    assert_int_equal(asc__study_corpus(&s, &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "study.yaml: domain 'books' has "));
    assert_non_null(strstr(err.msg, "fewer than one sequence of 65537"));
    asc_domain_reports_free(s.reports, D);
}

static void corpus__that_holds_more_than_is_said_to_exist_is_refused(void **state)
{
    with_text(150);
    assert_int_equal(asc_store_open(&s.store, folder, &err), ASC_OK);
    clear_limits();
    domains[1].available = 100;
    domains[1].sample = -1;
    assert_int_equal(asc__study_corpus(&s, &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "domain 'code': available: 100 tokens, but its files, a sample of them, hold "));
    asc_domain_reports_free(s.reports, D);
}

/* A held-out set that is a task is no text: it has a report with a name and nothing else, in its place. */
static void corpus__has_room_for_targets_that_are_tasks(void **state)
{
    asc_domain_report *r = NULL;
    with_text(150);
    char *tokens = asc_path_join(folder, "tokens");
    spec.n_domains = 2;
    spec.n_heldout = 1;
    spec.heldout = &domains[2];
    domains[2].task = "quiz.jsonl";
    assert_int_equal(asc__corpus_prepare(&r, &spec, tokens, NULL, 1, NULL, NULL, &err), ASC_OK);
    domains[2].task = NULL;
    assert_string_equal(r[2].name, "news");
    assert_true(r[2].n_tokens == 0 && isnan(r[2].bytes_per_token));
    assert_true(r[1].n_tokens > 0);
    asc_domain_reports_free(r, D);
    asc_free(tokens);
}

/* ---- planned without being prepared ---- */

static void plan__of_text_that_nobody_counted(void **state)
{
    asc_plan *p = NULL;
    with_text(150);
    spec.trainer.command = "mine"; /* whose speed nobody knows */
    spec.keep_checkpoints = ASC_KEEP_NONE;
    clear_limits();
    if (asc__study_plan(&p, &s, folder, &err) != ASC_OK)
        fail_msg("%s", err.msg);
    /* two stars of two repeats and two runs a domain; at the target prediction, uniform and the joint law's, two seeds
     */
    size_t search = 2 * (2 + 2 * D), target = 0;
    for (size_t i = 0; i < p->n_runs; i++)
        target += p->runs[i].kind == ASC_KIND_TARGET;
    assert_int_equal(p->n_runs, search + target);
    assert_true(target >= 4 && target % 2 == 0);
    assert_true(isnan(p->seconds) && isnan(p->memory) && p->bytes > 0 && !p->begun);
    double tokens = 0, flops = 0, in_search = 0;
    for (size_t i = 0; i < p->n_runs; i++) {
        const asc_plan_run *r = &p->runs[i];
        tokens += r->tokens;
        flops += r->flops;
        in_search += asc__is_search(r->kind) ? r->tokens : 0;
        assert_int_equal(!r->epochs, r->kind == ASC_KIND_TARGET); /* their mixture is not known yet */
        assert_true(isnan(r->seconds) && !r->there);
    }
    assert_true(near(p->tokens, tokens) && near(p->flops, flops) && near(p->search_tokens, in_search));
    assert_true(near(p->search_multiple, in_search / 160000));
    assert_true(near(p->search.share, p->search.flops / asc__target_flops(&s)));
    assert_true(asc_notes_have(&p->notes, ASC_NOTE_GUESSED_TEXT) && asc_notes_have(&p->notes, ASC_NOTE_UNKNOWN_SPEED));
    assert_true(asc_notes_have(&p->notes, ASC_NOTE_WHOSE_OBJECTIVE));
    assert_false(is_there("tokens")); /* nothing is written */
    asc_plan_free(p);
    spec.trainer.command = NULL;
}

/* Once the text is counted its report is believed, and of a study that was begun what is done is marked. */
static void plan__of_a_study_that_was_begun(void **state)
{
    asc_plan *p = NULL;
    with_text(150);
    spec.trainer.command = "mine";
    put_file("tokens/report.json", "{\"domains\": [{\"name\": \"books\", \"tokens\": 50000}, {\"name\": \"code\", "
                                   "\"tokens\": 60000}, {\"name\": \"news\", \"tokens\": 70000}]}");
    assert_int_equal(asc_store_open(&s.store, folder, &err), ASC_OK);
    assert_int_equal(asc__study_stars(&s, true, &err), ASC_OK);
    s.runs[0].state = ASC_RUN_DONE;
    assert_int_equal(asc_store_update_run(s.store, &s.runs[0], &err), ASC_OK);
    asc__study planned = {.spec = &spec, .opts = &opts, .D = D, .V = D, .jobs = 1};
    if (asc__study_plan(&p, &planned, folder, &err) != ASC_OK)
        fail_msg("%s", err.msg);
    assert_true(planned.there[1] == 60000 && !asc_notes_have(&p->notes, ASC_NOTE_GUESSED_TEXT));
    assert_true(p->begun && p->n_kept == 1);
    assert_string_equal(asc_plan_run_state(p, &p->runs[0]), "done");
    assert_string_equal(asc_plan_run_state(p, &p->runs[1]), "pending");
    asc_plan_free(p);
    spec.trainer.command = NULL;
    asc__study own = s; /* what the plan allocated */
    s = planned;
    study_tear_down(&(void *){NULL});
    s = own;
    test_folder(folder);
}

static void plan__of_files_that_cannot_be_read_is_refused(void **state)
{
    asc_plan *p = NULL;
    with_text(150);
    spec.trainer.command = "mine";
    clear_limits();
    file_of[1][0] = "nowhere.jsonl";
    assert_int_equal(asc__study_plan(&p, &s, folder, &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "study.yaml: domain code: "));
    assert_non_null(strstr(err.msg, "nowhere.jsonl"));
    assert_null(p);
    spec.trainer.command = NULL;
}

#define WITH_TEXT(f) cmocka_unit_test_setup_teardown(f, study_set_up, free_text)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STUDY(sample__is_what_the_largest_run_needs),
        WITH_STUDY(sample__that_is_named_is_taken),
        WITH_STUDY(sample__of_matched_text_is_the_budgets_part),
        WITH_STUDY(weights__of_a_mixture_that_is_named),
        WITH_TEXT(corpus__is_counted_and_kept),
        WITH_TEXT(corpus__too_short_for_a_sequence_is_refused),
        WITH_TEXT(corpus__that_holds_more_than_is_said_to_exist_is_refused),
        WITH_TEXT(corpus__has_room_for_targets_that_are_tasks),
        WITH_TEXT(plan__of_text_that_nobody_counted),
        WITH_TEXT(plan__of_a_study_that_was_begun),
        WITH_TEXT(plan__of_files_that_cannot_be_read_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
