/* What is measured of mixtures at the target, which one is the answer, and what the summary says of it. */
#include "test.h"

#include <math.h>
#include <string.h>

#include "steps.h"

enum { D = 2, SEEDS = 3, MIXTURES = 3, RUNS = SEEDS * MIXTURES + 2 };

static char *names[] = {"books", "code"};
static asc_study_domain domains[D];
static asc_domain_report reports[D];
static double scales[] = {4000}, least[D], most[D] = {1, 1};
static asc_study_spec spec;
static asc_study_opts opts;
static asc__study s;
static asc_store_run runs[RUNS];
static double tokens[RUNS][D];
static asc__mixture mixtures[MIXTURES];
static double weights[MIXTURES][D], objective[MIXTURES][SEEDS];
static int64_t whole[MIXTURES][D];
static size_t of[MIXTURES][SEEDS];
static double epoch[D] = {1e6, 1e6}, reference[D] = {.5, .5}, caps[D] = {NAN, NAN};
static asc_error err;

static asc_result *ended(double loss, double wall_s)
{
    asc_result *r = asc_result_create(D, D);
    assert_non_null(r);
    assert_int_equal(asc_result_set_curve(r, 2, NULL), ASC_OK);
    r->tokens = 16000;
    r->wall_s = wall_s;
    for (size_t v = 0; v < D; v++) {
        r->loss[v] = loss;
        r->curve_loss[v] = loss + 2; /* at a quarter and at half of the run */
        r->curve_loss[D + v] = loss + 1;
    }
    r->curve_tokens[0] = 4000;
    r->curve_tokens[1] = 8000;
    return r;
}

static void add_mixture(size_t k, const char *name, asc_mixture_kind kind, double share, double loss)
{
    weights[k][0] = share;
    weights[k][1] = 1 - share;
    for (size_t i = 0; i < D; i++)
        whole[k][i] = (int64_t)(16000 * weights[k][i]);
    for (size_t r = 0; r < SEEDS; r++) {
        size_t i = of[k][r] = k * SEEDS + r;
        runs[i] = (asc_store_run){.id = (char *)name,
                                  .kind = ASC_KIND_TARGET,
                                  .mixture = (char *)name,
                                  .scale = 16000,
                                  .seed = 42 + r,
                                  .n_domains = D,
                                  .tokens = tokens[i],
                                  .state = ASC_RUN_DONE,
                                  .result = ended(loss + .01 * (double)r, 2)};
        for (size_t d = 0; d < D; d++)
            tokens[i][d] = (double)whole[k][d];
    }
    mixtures[k] = (asc__mixture){.name = (char *)name,
                                 .word = (char *)name,
                                 .kind = kind,
                                 .weights = weights[k],
                                 .tokens = whole[k],
                                 .same_as = k,
                                 .past_error = NAN,
                                 .expected = {.value = NAN},
                                 .runs = of[k],
                                 .objective = objective[k]};
}

static int set_up(void **state)
{
    spec = (asc_study_spec){.name = "tiny",
                            .n_domains = D,
                            .n_targets = D,
                            .domains = domains,
                            .domain_names = names,
                            .target_names = names,
                            .n_scales = 1,
                            .scales = scales,
                            .min = least,
                            .max = most,
                            .objective = {.kind = ASC_OBJ_MEAN_LOSS, .n_targets = D},
                            .objective_text = "mean-loss",
                            .target_tokens = 16000,
                            .validate = true,
                            .seeds = SEEDS};
    spec.training = (asc_training_spec){.batch_tokens = 160, .lr = 1e-3, .seed = 42};
    spec.search.at_most = NAN;
    s = (asc__study){.spec = &spec, .opts = &opts, .D = D, .V = D, .runs = runs, .n_runs = RUNS, .mixtures = mixtures};
    s.model = (asc_model_spec){.n_layers = 1, .n_heads = 1, .width = 8, .context = 16, .vocab = 100};
    s.n_mixtures = MIXTURES;
    s.reports = reports;
    s.epoch_tokens = epoch;
    s.max_epochs = caps;
    s.reference = reference;
    s.scales = asc_calloc(1, sizeof *s.scales);
    assert_non_null(s.scales);
    s.scales[0].tokens = 4000;
    add_mixture(0, "predicted", ASC_MIXTURE_RULE, .75, 3);
    add_mixture(1, "keep-last", ASC_MIXTURE_KEEP_LAST, .25, 3.4);
    add_mixture(2, "uniform", ASC_MIXTURE_UNIFORM, .5, 3.5);
    for (size_t i = RUNS - 2; i < RUNS; i++) { /* repeats of the base */
        tokens[i][0] = tokens[i][1] = 2000;
        runs[i] = (asc_store_run){.id = "s4k-base",
                                  .kind = ASC_KIND_BASE,
                                  .mixture = "base",
                                  .scale = 4000,
                                  .seed = 42,
                                  .n_domains = D,
                                  .tokens = tokens[i],
                                  .state = ASC_RUN_DONE,
                                  .result = ended(4, 1.5)};
        runs[i].result->tokens = 4000;
    }
    assert_int_equal(asc__sizes_set(&s, NULL), ASC_OK);
    return 0;
}

static int tear_down(void **state)
{
    for (size_t i = 0; i < RUNS; i++)
        asc_result_free(runs[i].result);
    memset(runs, 0, sizeof runs);
    asc_free(s.scales);
    asc_notes_clear(&s.notes);
    asc__sizes_clear(&s);
    return 0;
}

static bool near(double a, double b)
{
    return fabs(a - b) < 1e-9;
}

static void curve__ends_with_the_run(void **state)
{
    asc__curve c = {0};
    assert_int_equal(asc__run_curve(&c, &s, &runs[0], &err), ASC_OK);
    assert_int_equal(c.n, 3);
    assert_true(c.tokens[0] == 4000 && near(c.value[0], 5));
    assert_true(c.tokens[2] == 16000 && near(c.value[2], 3));
    asc__curve_clear(&c);
    runs[0].result->curve_loss[1] = NAN; /* a target that was not measured there: no objective */
    assert_int_equal(asc__run_curve(&c, &s, &runs[0], &err), ASC_OK);
    assert_int_equal(c.n, 2);
    asc__curve_clear(&c);
    runs[0].state = ASC_RUN_DIVERGED; /* no end that means anything */
    assert_true(isnan(asc__run_objective(&s, &runs[0])));
    assert_int_equal(asc__run_curve(&c, &s, &runs[0], &err), ASC_OK);
    assert_int_equal(c.n, 1);
    asc__curve_clear(&c);
}

static void saved__steps_are_counted_seed_by_seed(void **state)
{
    asc_summary_saved v;
    /* 4 at half of the run, 3 at its end: uniform's 3.5 is reached after three quarters */
    assert_int_equal(asc__steps_saved(&v, &s, &mixtures[0], &mixtures[2], &err), ASC_OK);
    assert_int_equal(v.pairs, SEEDS);
    assert_true(near(v.mean, .25) && near(v.lo, .25) && near(v.hi, .25));
    assert_true(!v.shorter);
    spec.training.schedule = ASC_SCHEDULE_WSD; /* two points before the fall have no slope worth the name */
    assert_int_equal(asc__steps_saved(&v, &s, &mixtures[0], &mixtures[2], &err), ASC_OK);
    assert_true(!v.shorter && near(v.mean, .25));
    runs[of[0][1]].state = ASC_RUN_RUNNING;
    assert_int_equal(asc__steps_saved(&v, &s, &mixtures[0], &mixtures[2], &err), ASC_OK);
    assert_int_equal(v.pairs, SEEDS - 1);
    assert_int_equal(asc__steps_saved(&v, &s, &mixtures[0], NULL, &err), ASC_OK);
    assert_true(v.pairs == 0 && isnan(v.mean));
}

static void answer__is_the_best_beyond_noise(void **state)
{
    assert_int_equal(asc__study_answer(&s, &err), ASC_OK);
    const asc__answer *a = &s.answer;
    assert_true(a->known);
    assert_int_equal(a->mixture, 0);
    assert_true(a->gain.known && a->gain.beyond_noise && near(a->gain.mean, .5));
    assert_true(near(a->gain.noise, .01));
    assert_true(near(a->search_tokens, 8000) && near(a->search_seconds, 3));
    assert_true(near(a->pays_from_tokens, 8000 / .25));
    assert_non_null(strstr(a->why, "AutoScale"));
}

static void answer__within_noise_is_the_simplest(void **state)
{
    for (size_t i = 0; i < SEEDS * MIXTURES; i++)
        for (size_t v = 0; v < D; v++)
            runs[i].result->loss[v] = 3 + .1 * (double)(i % SEEDS) + 1e-3 * (double)(i / SEEDS);
    assert_int_equal(asc__study_answer(&s, &err), ASC_OK);
    assert_int_equal(mixtures[s.answer.mixture].kind, ASC_MIXTURE_UNIFORM);
    assert_true(s.answer.gain.known && s.answer.gain.mean == 0 && !s.answer.gain.beyond_noise);
    assert_true(isnan(s.answer.pays_from_tokens));
}

static void answer__needs_a_run_that_did_not_diverge(void **state)
{
    for (size_t i = 0; i < SEEDS * MIXTURES; i++)
        runs[i].state = ASC_RUN_DIVERGED;
    assert_int_equal(asc__study_answer(&s, &err), ASC_ENUMERIC);
    assert_non_null(strstr(err.msg, "every run at the target diverged"));
    assert_false(s.answer.known);
}

static void mixtures__are_found_by_kind(void **state)
{
    assert_ptr_equal(asc__mixture_of(&s, ASC_MIXTURE_UNIFORM), &mixtures[2]);
    assert_null(asc__mixture_of(&s, ASC_MIXTURE_JOINT));
    mixtures[1].tokens[0] = mixtures[0].tokens[0];
    mixtures[1].tokens[1] = mixtures[0].tokens[1];
    asc__find_equal_mixtures(&s);
    assert_int_equal(mixtures[1].same_as, 0);
    assert_int_equal(mixtures[2].same_as, 2);
}

static void summary__says_what_was_measured(void **state)
{
    assert_int_equal(asc__study_answer(&s, &err), ASC_OK);
    asc_notes_say(&s.notes, ONE_SCALE);
    mixtures[1].same_as = 0;
    asc_summary *o = asc__study_summary(&s, ASC_STUDY_DONE);
    assert_non_null(o);
    assert_int_equal(o->state, ASC_STUDY_DONE);
    assert_int_equal(o->n_runs, RUNS);
    assert_string_equal(o->domains[1].name, "code");
    assert_true(near(o->domains[0].epochs_at_target, 12000 / 1e6));
    assert_int_equal(o->target.n_mixtures, MIXTURES);
    const asc_summary_mixture *m = &o->target.mixtures[0];
    assert_true(near(m->mean, 3.01) && near(m->sd, .01));
    assert_int_equal(m->n_curve, 3);
    assert_true(near(m->curve[2].lo, 3) && near(m->curve[2].hi, 3.02));
    assert_int_equal(m->saved.pairs, SEEDS);
    assert_int_equal(o->target.mixtures[2].saved.pairs, 0); /* uniform itself */
    assert_string_equal(o->target.mixtures[1].same_as, "predicted");
    assert_string_equal(o->answer.name, "predicted");
    assert_true(o->answer.tokens[0] == 12000 && near(o->answer.search_multiple, .5));
    assert_false(o->prediction.known);
    assert_true(asc_notes_have(&o->notes, ASC_NOTE_ONE_SCALE));
    json_t *doc = asc_summary_json(o); /* and as a document it can be kept */
    asc_summary *read = NULL;
    assert_int_equal(asc_summary_read(&read, doc, &err), ASC_OK);
    assert_true(read->answer.weights[0] == .75);
    json_decref(doc);
    asc_summary_free(read);
    asc_summary_free(o);
}

static void summary__without_memory_is_none(void **state)
{
    assert_int_equal(asc__study_answer(&s, &err), ASC_OK);
    for (uint64_t n = 1;; n++) {
        asc_fault_arm(ASC_FAULT_ALLOC, n);
        asc_summary *o = asc__study_summary(&s, ASC_STUDY_RUNNING);
        uint64_t calls = asc_fault_count(ASC_FAULT_ALLOC);
        asc_fault_arm(ASC_FAULT_ALLOC, 0);
        asc_summary_free(o);
        if (calls < n)
            return;
    }
}

#define WITH_STUDY(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STUDY(curve__ends_with_the_run),
        WITH_STUDY(saved__steps_are_counted_seed_by_seed),
        WITH_STUDY(answer__is_the_best_beyond_noise),
        WITH_STUDY(answer__within_noise_is_the_simplest),
        WITH_STUDY(answer__needs_a_run_that_did_not_diverge),
        WITH_STUDY(mixtures__are_found_by_kind),
        WITH_STUDY(summary__says_what_was_measured),
        WITH_STUDY(summary__without_memory_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
