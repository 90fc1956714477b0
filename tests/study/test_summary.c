/* What the summary has of scales, prediction, tasks, runs and machine before anything is trained at the target. */
#include "test.h"

#include "study_made.h"

static asc_domain_report reports[D];
static const double strength[D] = {40, 20, 10};

/* A run whose losses follow a n^-0.4 + 2 of its target's own tokens. */
static asc_store_run *one_run(asc_run_kind kind, double scale, size_t domain, double factor)
{
    char id[48];
    snprintf(id, sizeof id, "%d-%zu-%g-%zu", (int)kind, domain, scale, s.n_runs);
    asc_store_run *r = add_done(kind, id, kind == ASC_KIND_BASE ? NULL : names[domain], scale, 0);
    r->tokens[domain] *= factor;
    for (size_t v = 0; v < D; v++)
        r->result->loss[v] = 2 + strength[v] * pow(r->tokens[v], -.4);
    return r;
}

static void star(double scale)
{
    one_run(ASC_KIND_BASE, scale, 0, 1);
    for (size_t i = 0; i < D; i++) {
        one_run(ASC_KIND_UP, scale, i, spec.factor);
        one_run(ASC_KIND_DOWN, scale, i, 1 / spec.down);
    }
}

static void ok(asc_status st)
{
    if (st != ASC_OK)
        fail_msg("%s", err.msg);
}

static int set_up(void **state)
{
    if (study_set_up(state) != 0)
        return 1;
    s.reports = reports;
    for (size_t i = 0; i < D; i++)
        reports[i] = (asc_domain_report){.name = names[i], .n_tokens = 1000 * (int64_t)(i + 1), .n_bytes = 5};
    s.scales = asc_calloc(2, sizeof *s.scales);
    for (size_t k = 0; s.scales && k < 2; k++) {
        s.scales[k].k = k;
        s.scales[k].tokens = scales[k];
        s.scales[k].base = asc_calloc(D, sizeof *s.scales[k].base);
        for (size_t i = 0; i < D; i++)
            s.scales[k].base[i] = (int64_t)scales[k] / D;
    }
    return 0;
}

static int tear_down(void **state)
{
    for (size_t k = 0; k < 2; k++) {
        asc_law_set_clear(&s.scales[k].law);
        asc_ddo_star_clear(&s.scales[k].star);
        asc_mix_result_clear(&s.scales[k].optimum);
        asc_free(s.scales[k].why);
    }
    asc_optima_clear(&s.optima);
    asc_rule_result_clear(&s.rule);
    asc_law_set_clear(&s.joint_law);
    asc_mix_result_clear(&s.joint);
    return study_tear_down(state);
}

static asc_summary *summary(void)
{
    asc_summary *o = asc__study_summary(&s, ASC_STUDY_RUNNING);
    assert_non_null(o);
    return o;
}

/* ---- before anything has ended ---- */

static void summary__of_a_new_study_knows_its_text_and_plan(void **state)
{
    s.created = (asc_store_created){.isa = ASC_ISA_AVX2, .cores = 12, .peak_gflops = 99, .cpu = "a processor"};
    snprintf(s.created.when, sizeof s.created.when, "2026-01-02T03:04:05Z");
    asc_summary *o = summary();
    assert_string_equal(o->study, "tiny");
    assert_string_equal(o->objective, "mean-loss");
    assert_string_equal(o->created, "2026-01-02T03:04:05Z");
    assert_int_equal(o->state, ASC_STUDY_RUNNING);
    assert_true(o->domains[1].tokens == 2000 && isnan(o->domains[1].max_epochs));
    /* the reference, as nothing else is known: a third of 160000 over one epoch */
    assert_true(near(o->domains[1].epochs_at_target, 160000. / 3 / s.epoch_tokens[1]));
    assert_true(o->n_scales == 2 && !o->scales[0].fitted && !o->scales[0].up && o->scales[0].base[2] == 1600);
    assert_false(o->prediction.known || o->target.known || o->answer.known || o->search.known);
    assert_int_equal(o->machine.n, 4);
    assert_string_equal(o->machine.fact[0].text, "a processor");
    assert_string_equal(o->machine.fact[1].text, "avx2");
    assert_true(o->machine.fact[2].count == 12 && o->machine.fact[3].real == 99);
    asc_summary_free(o);
}

static void summary__outlives_its_study(void **state)
{
    char *name = asc_strdup("books");
    names[0] = name;
    asc_summary *o = summary();
    memset(name, '?', 5);
    assert_string_equal(o->domains[0].name, "books");
    assert_string_equal(o->targets[0], "books");
    asc_summary_free(o);
    names[0] = "books";
    asc_free(name);
}

/* ---- scales ---- */

static void scale__has_changes_against_the_mean_of_the_base(void **state)
{
    asc_store_run *a = one_run(ASC_KIND_BASE, 4800, 0, 1);
    double base = a->result->loss[0];
    one_run(ASC_KIND_BASE, 4800, 0, 1)->result->loss[0] = base + .2;
    double up = one_run(ASC_KIND_UP, 4800, 0, 3)->result->loss[0];
    one_run(ASC_KIND_DOWN, 4800, 1, 1. / 3)->state = ASC_RUN_DIVERGED;
    asc_summary *o = summary();
    const asc_summary_scale *x = &o->scales[0];
    assert_true(near(x->up[0], up - (base + .1)));
    for (size_t v = 0; v < D; v++)
        assert_true(isnan(x->up[D + v]) && isnan(x->down[D + v])); /* not there, and diverged */
    assert_null(o->scales[1].up);                                  /* no base there yet */
    assert_true(x->factor == 3 && x->factor_down == 3);
    asc_summary_free(o);
}

static void scale__once_fitted_has_its_law_and_optimum(void **state)
{
    star(4800);
    ok(asc__study_fit_scale(&s, 0, &err));
    assert_true(s.scales[0].fitted);
    asc_summary *o = summary();
    const asc_summary_scale *x = &o->scales[0];
    double sum = 0;
    assert_true(x->fitted && !o->scales[1].fitted);
    for (size_t i = 0; i < D; i++) {
        sum += x->optimum[i];
        assert_int_equal(x->points[i].n, 3); /* less, base, more of the domain */
        for (size_t k = 0; k < 3; k++)       /* the fitted curve goes through the points of a star of three */
            assert_true(isnan(x->a[i]) ||
                        fabs(pow(x->points[i].x[k] + x->a[i], -x->b[i]) + x->c[i] - x->points[i].y[k]) < 1e-6);
    }
    assert_true(near(sum, 1) && x->predicted < x->uniform_objective);
    asc_summary_free(o);
}

static void scale__not_fitted_says_why_in_its_notes(void **state)
{
    one_run(ASC_KIND_BASE, 4800, 0, 1);
    ok(asc__study_fit_scale(&s, 0, &err));
    asc_summary *o = summary();
    assert_true(!o->scales[0].fitted && o->scales[0].notes.n == 1 && !o->scales[0].optimum);
    asc_summary_free(o);
}

/* ---- the prediction ---- */

static void predict(void)
{
    star(4800);
    star(9600);
    ok(asc__study_fit_scale(&s, 0, &err));
    ok(asc__study_fit_scale(&s, 1, &err));
    ok(asc__study_predict(&s, &err));
}

static void prediction__has_its_path_over_budgets(void **state)
{
    predict();
    asc_summary *o = summary();
    const asc_summary_prediction *p = &o->prediction;
    assert_true(p->known && p->tokens == 160000 && p->joint && p->joint_law && p->censored);
    /* from the last scale to a thousand times the target, four steps a decade */
    assert_int_equal(p->n_ladder, (size_t)floor(4 * log10(160000. * 1000 / 9600) + 1e-9) + 1);
    for (size_t k = 0; k < p->n_ladder; k++) {
        double sum = 0;
        for (size_t i = 0; i < D; i++)
            sum += p->ladder[k].weights[i];
        assert_true(near(sum, 1));
        assert_true(k == 0 || near(p->ladder[k].tokens / p->ladder[k - 1].tokens, pow(10, .25)) ||
                    fabs(p->ladder[k].tokens / p->ladder[k - 1].tokens - pow(10, .25)) < 1e-3);
    }
    for (size_t i = 0; i < D; i++) /* it begins where the rule was measured last */
        assert_true(fabs(p->ladder[0].weights[i] - p->keep_last[i]) < 1e-3);
    assert_int_equal(p->n_candidates, 0);
    asc_summary_free(o);
}

static void prediction__of_one_scale_is_its_optimum(void **state)
{
    spec.n_scales = 1;
    star(4800);
    ok(asc__study_fit_scale(&s, 0, &err));
    ok(asc__study_predict(&s, &err));
    assert_false(s.has_rule);
    asc_summary *o = summary();
    const asc_summary_prediction *p = &o->prediction;
    assert_true(p->known && isnan(p->t) && p->n_ladder == 0 && !p->shrunken && !p->ci && !p->censored);
    for (size_t i = 0; i < D; i++)
        assert_true(p->weights[i] == s.scales[0].optimum.weights[i] && p->keep_last[i] == p->weights[i]);
    asc_summary_free(o);
    spec.n_scales = 2;
}

static void prediction__lists_candidates_with_what_is_expected(void **state)
{
    predict();
    own_mixtures = true;
    ok(asc__study_mixtures(&s, &err));
    spec.validate = false;
    asc_summary *o = summary();
    const asc_summary_prediction *p = &o->prediction;
    assert_int_equal(p->n_candidates, s.n_mixtures);
    assert_false(o->target.known); /* none of them is trained */
    for (size_t k = 0; k < p->n_candidates; k++) {
        const asc_summary_candidate *c = &p->candidates[k];
        assert_string_equal(c->name, s.mixtures[k].name);
        assert_int_equal(c->expected.known, !isnan(s.mixtures[k].expected.value));
        if (s.mixtures[k].kind == ASC_MIXTURE_UNIFORM && c->expected.known)
            assert_true(fabs(c->expected.gain) < 1e-12); /* over itself */
    }
    asc_summary_free(o);
}

/* ---- tasks and runs ---- */

static void task_targets__are_those_with_items(void **state)
{
    s.task_items = asc_calloc(D, sizeof *s.task_items);
    s.task_bytes_per_token = asc_calloc(D, sizeof *s.task_bytes_per_token);
    s.task_items[2] = 40;
    s.task_bytes_per_token[2] = 3.5;
    asc_summary *o = summary();
    assert_int_equal(o->n_task_targets, 1);
    assert_string_equal(o->task_targets[0].name, "news");
    assert_true(o->task_targets[0].n_items == 40 && o->task_targets[0].bytes_per_token == 3.5);
    asc_summary_free(o);
}

static void runs__say_what_came_of_them(void **state)
{
    asc_store_run *a = one_run(ASC_KIND_BASE, 4800, 0, 1);
    a->result->wall_s = 2;
    a->result->lr = 1e-3;
    a->result->n_retries = 1;
    asc_store_run *b = one_run(ASC_KIND_UP, 4800, 1, 3);
    b->state = ASC_RUN_FAILED;
    b->why = asc_strdup("exit code 3");
    asc_result_free(b->result);
    b->result = NULL;
    asc_summary *o = summary();
    assert_int_equal(o->n_runs, 2);
    const asc_summary_run *x = &o->runs[0], *y = &o->runs[1];
    assert_true(x->wall_s == 2 && x->lr == 1e-3 && x->n_retries == 1 && x->state == ASC_RUN_DONE && x->tokens == 4800);
    double mean = (x->loss[0] + x->loss[1] + x->loss[2]) / 3;
    assert_true(near(x->objective, mean) && x->params == 0 && !x->domain && !x->why);
    assert_true(isnan(y->objective) && isnan(y->wall_s) && isnan(y->n_retries) && !y->loss);
    assert_string_equal(y->why, "exit code 3");
    assert_string_equal(y->domain, "code");
    asc_summary_free(o);
}

/* ---- publishing ---- */

static size_t n_pages;

static asc_status page(void *ctx, const char *dir, asc_error *why)
{
    n_pages++;
    return dir[0] == '/' ? ASC_OK : ASC_FAIL(why, ASC_EIO, "cannot write");
}

static void publish__is_kept_and_shown_at_most_twice_a_minute(void **state)
{
    asc_summary *read = NULL;
    with_store();
    opts.report = page;
    n_pages = 0;
    ok(asc__publish_summary(&s, 0, &err));
    ok(asc__publish_summary(&s, 0, &err));
    ok(asc__publish_all(&s, 0, &err));
    assert_int_equal(n_pages, 1);
    ok(asc_store_get_summary(&read, s.store, &err));
    assert_int_equal(read->state, ASC_STUDY_RUNNING);
    asc_summary_free(read);
    ok(asc__study_publish(&s, ASC_STUDY_DONE, &err)); /* an end is never left out */
    assert_int_equal(n_pages, 2);
    ok(asc_store_get_summary(&read, s.store, &err));
    assert_int_equal(read->state, ASC_STUDY_DONE);
    asc_summary_free(read);
}

static char said[300];

static void take_note(void *ctx, const char *line)
{
    snprintf(said, sizeof said, "%s", line);
}

static asc_status no_page(void *ctx, const char *dir, asc_error *why)
{
    return ASC_FAIL(why, ASC_EIO, "report.html: cannot write");
}

static void publish__a_report_that_fails_is_a_note(void **state)
{
    with_store();
    opts.report = no_page;
    opts.note = take_note;
    ok(asc__study_publish(&s, ASC_STUDY_DONE, &err));
    assert_string_equal(said, "report: report.html: cannot write");
}

#define WITH_SCALES(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SCALES(summary__of_a_new_study_knows_its_text_and_plan),
        WITH_SCALES(summary__outlives_its_study),
        WITH_SCALES(scale__has_changes_against_the_mean_of_the_base),
        WITH_SCALES(scale__once_fitted_has_its_law_and_optimum),
        WITH_SCALES(scale__not_fitted_says_why_in_its_notes),
        WITH_SCALES(prediction__has_its_path_over_budgets),
        WITH_SCALES(prediction__of_one_scale_is_its_optimum),
        WITH_SCALES(prediction__lists_candidates_with_what_is_expected),
        WITH_SCALES(task_targets__are_those_with_items),
        WITH_SCALES(runs__say_what_came_of_them),
        WITH_SCALES(publish__is_kept_and_shown_at_most_twice_a_minute),
        WITH_SCALES(publish__a_report_that_fails_is_a_note),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
