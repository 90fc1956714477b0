/* Long computations of a study: what they say meanwhile, and how they end when they are interrupted. */
#include "test.h"

#include <limits.h>
#include <math.h>
#include <stdatomic.h>
#include <string.h>

#include "steps.h"

enum { D = 3, SCALES = 2, PER_SCALE = 2 * D + 2, MOST = SCALES * PER_SCALE };

static char *domains[] = {"books", "code", "news"};
static double scales[] = {1e6, 4e6}, lo[D] = {0}, hi[D] = {1, 1, 1}, available[D] = {1e9, 1e9, 1e9};
static double word_nats[D] = {6, 6, 6}, cap_epochs[D] = {NAN, NAN, NAN};
static int64_t caps[D] = {ASC_NO_CAP, ASC_NO_CAP, ASC_NO_CAP};
static asc_study_domain texts[D];
static asc_study_spec spec;
static asc_study_opts opts;
static asc_store_run runs[MOST];
static double tokens[MOST][D];
static asc__scale parts[SCALES];
static asc__study s;

/* What the user was told last. */
static struct {
    char what[100], unit[80];
    double done, total;
    int n;
} heard;

static void hear(void *ctx, const char *what, double done, double total, const char *unit)
{
    snprintf(heard.what, sizeof heard.what, "%s", what);
    snprintf(heard.unit, sizeof heard.unit, "%s", unit);
    heard.done = done;
    heard.total = total;
    heard.n++;
}

static void add(double scale, asc_run_kind kind, size_t domain, double factor, double off)
{
    size_t k = s.n_runs++;
    asc_store_run *r = &runs[k];
    *r = (asc_store_run){.id = domains[domain], .kind = kind, .mixture = "base", .scale = scale, .state = ASC_RUN_DONE};
    r->domain = kind == ASC_KIND_BASE ? NULL : domains[domain];
    r->tokens = tokens[k];
    r->result = asc_result_create(D, D);
    assert_non_null(r->result);
    for (size_t i = 0; i < D; i++)
        tokens[k][i] = scale / D * (kind != ASC_KIND_BASE && i == domain ? factor : 1);
    for (size_t v = 0; v < D; v++) {
        double n = 0;
        for (size_t i = 0; i < D; i++)
            n += (i == v ? 1 : .1 + .05 * (double)i) * tokens[k][i];
        r->result->loss[v] = 2 + .1 * (double)v + 9 * pow(n, -.12) + off;
    }
}

static int set_up(void **state)
{
    spec = (asc_study_spec){.n_domains = D,
                            .domains = texts,
                            .n_targets = D,
                            .domain_names = domains,
                            .target_names = domains,
                            .n_scales = SCALES,
                            .scales = scales,
                            .min = lo,
                            .max = hi,
                            .target_tokens = 16e6,
                            .seeds = 1};
    memset(&heard, 0, sizeof heard);
    memset(parts, 0, sizeof parts);
    opts = (asc_study_opts){.progress = hear};
    s = (asc__study){.spec = &spec, .opts = &opts, .jobs = 1, .D = D, .V = D, .runs = runs, .scales = parts};
    s.available = available;
    s.word_nats = word_nats;
    s.cap_sequences = caps;
    s.cap_epochs = cap_epochs;
    s.model = (asc_model_spec){.n_layers = 1, .n_heads = 1, .width = 8, .context = 64, .vocab = 100};
    for (size_t k = 0; k < SCALES; k++) {
        parts[k].tokens = scales[k];
        add(scales[k], ASC_KIND_BASE, 0, 1, .001);
        add(scales[k], ASC_KIND_BASE, 0, 1, -.001);
        for (size_t i = 0; i < D; i++) {
            add(scales[k], ASC_KIND_UP, i, 3, 0);
            add(scales[k], ASC_KIND_DOWN, i, 1. / 3, 0);
        }
    }
    assert_int_equal(asc__sizes_set(&s, NULL), ASC_OK);
    return 0;
}

static int tear_down(void **state)
{
    for (size_t i = 0; i < s.n_runs; i++)
        asc_result_free(runs[i].result);
    for (size_t k = 0; k < SCALES; k++) {
        asc_law_set_clear(&parts[k].law);
        asc_ddo_star_clear(&parts[k].star);
        asc_mix_result_clear(&parts[k].optimum);
        asc_notes_clear(&parts[k].notes);
        asc_free(parts[k].why);
    }
    asc_rule_result_clear(&s.rule);
    asc_optima_clear(&s.optima);
    asc_law_set_clear(&s.joint_law);
    asc_mix_result_clear(&s.joint);
    asc_notes_clear(&s.notes);
    asc__sizes_clear(&s);
    return 0;
}

static asc_status fit_scales(asc_error *err)
{
    for (size_t k = 0; k < SCALES; k++)
        ASC_TRY(asc__study_fit_scale(&s, k, err));
    return ASC_OK;
}

/* ---- what is told ---- */

static asc_status count_to_three(asc__study *x, size_t k, asc_error *err)
{
    asc__step_tick(x->step, 1);
    assert_int_equal(heard.n, 0); /* soon done */
    asc__step_tick(x->step, 3);
    assert_string_equal(heard.what, "predicting");
    assert_true(heard.done == 1 && heard.total == 2);
    asc__step_tell(x, "cross-validating laws", 3, 12, "laws");
    asc__step_tick(x->step, 3);
    assert_string_equal(heard.what, "predicting, cross-validating laws");
    assert_string_equal(heard.unit, "laws");
    assert_true(heard.done == 3 && heard.total == 12);
    return ASC_OK;
}

static void step__its_own_words_come_before_how_long_it_takes(void **state)
{
    assert_int_equal(asc__study_step(&s, "predicting", count_to_three, 1, 2, NULL), ASC_OK);
    asc__step_tell(&s, "nobody", 1, 2, "steps"); /* after it: no one is told */
    assert_null(s.step);
}

static asc_status predict(asc__study *x, size_t k, asc_error *err)
{
    ASC_TRY(asc__study_predict(x, err));
    asc__step_tick(x->step, 60);
    return ASC_OK;
}

static void step__fits_pass_their_own_progress_on(void **state)
{
    assert_int_equal(fit_scales(NULL), ASC_OK);
    assert_int_equal(asc__study_step(&s, "predicting", predict, 0, 2, NULL), ASC_OK);
    assert_true(s.has_joint);
    assert_memory_equal(heard.what, "predicting, ", 12);
    assert_true(strlen(heard.what) > 12 && heard.total > 2);
}

/* ---- interrupted ---- */

/* A clock that counts how often it is asked: from `at` on, interrupted. */
typedef struct polls {
    atomic_long n, at;
} polls;

static bool asked(void *ctx)
{
    polls *p = ctx;
    return atomic_fetch_add(&p->n, 1) >= atomic_load(&p->at);
}

static asc_status interrupted_at(polls *p, long at, asc_status (*fn)(asc_error *), asc_error *err)
{
    atomic_store(&p->n, 0);
    atomic_store(&p->at, at);
    asc_interrupt before = asc_interrupt_use((asc_interrupt){asked, p});
    asc_status st = fn(err);
    asc_interrupt_use(before);
    return st;
}

static asc_status predict_again(asc_error *err)
{
    asc_rule_result_clear(&s.rule);
    asc_optima_clear(&s.optima);
    asc_law_set_clear(&s.joint_law);
    asc_mix_result_clear(&s.joint);
    s.has_joint = s.has_rule = false;
    return asc__study_predict(&s, err);
}

/* Polls stand where work is: few of them are left once one of them was answered yes. */
static void interrupt__a_joint_fit_ends_wherever_it_is_and_is_no_note(void **state)
{
    polls p;
    assert_int_equal(fit_scales(NULL), ASC_OK);
    assert_int_equal(interrupted_at(&p, LONG_MAX, predict_again, NULL), ASC_OK);
    long all = atomic_load(&p.n), steps = 7;
    size_t n_notes = s.notes.n;
    assert_true(all > 1000);
    for (long k = 0; k < steps; k++) {
        asc_error err = {0};
        long at = all * (2 * k + 1) / (2 * steps);
        assert_int_equal(interrupted_at(&p, at, predict_again, &err), ASC_EINTR);
        assert_false(s.has_joint);
        if (k + 1 < steps) /* the last of it asks often and does little in between */
            assert_true(atomic_load(&p.n) - at < 100 + all / 40);
        for (size_t i = 0; i < s.notes.n; i++)
            assert_null(strstr(s.notes.text[i], "interrupted"));
    }
    assert_int_equal(predict_again(NULL), ASC_OK);
    assert_true(s.has_joint && s.notes.n >= n_notes);
}

static void interrupt__a_scale_that_was_not_fitted_to_its_end_is_no_failure_of_its_law(void **state)
{
    polls p;
    for (long at = 0; at < 3; at++) {
        assert_int_equal(interrupted_at(&p, at, fit_scales, NULL), ASC_EINTR);
        assert_int_equal(parts[0].notes.n, 0);
        assert_null(parts[0].why);
    }
}

static int n_pages;

static asc_status page(void *ctx, const char *dir, asc_error *err)
{
    n_pages++;
    return ASC_OK;
}

static char last_note[200];

static void take_note(void *ctx, const char *line)
{
    snprintf(last_note, sizeof last_note, "%s", line);
}

/* A hundred domains at three scales: their summary and page take most of a second, which Ctrl-C does not wait for. */
static void interrupt__a_large_study_is_not_summarised_on_the_way_out(void **state)
{
    static asc_study_spec large_spec = {.n_scales = 3};
    static const asc_study_opts large_opts = {.report = page, .note = take_note};
    asc__study large = {.spec = &large_spec, .opts = &large_opts, .D = 100, .V = 100}; /* and no store to write to */
    assert_int_equal(asc__study_publish(&large, ASC_STUDY_INTERRUPTED, NULL), ASC_OK);
    assert_int_equal(n_pages, 0);
    assert_non_null(strstr(last_note, "as of its last update"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(step__its_own_words_come_before_how_long_it_takes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(step__fits_pass_their_own_progress_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(interrupt__a_joint_fit_ends_wherever_it_is_and_is_no_note, set_up, tear_down),
        cmocka_unit_test_setup_teardown(interrupt__a_scale_that_was_not_fitted_to_its_end_is_no_failure_of_its_law,
                                        set_up, tear_down),
        cmocka_unit_test(interrupt__a_large_study_is_not_summarised_on_the_way_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
