/* Tables, laws, optima and mixtures through the library's own names. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>

#include "runs.h"

static asc_error err;

#define OK(call)                                                                                                       \
    do {                                                                                                               \
        if ((call) != ASC_OK)                                                                                          \
            fail_msg("%s", err.msg);                                                                                   \
    } while (0)
#define REFUSES(call, words)                                                                                           \
    do {                                                                                                               \
        err = (asc_error){ASC_OK, ""};                                                                                 \
        assert_int_equal((call), ASC_EINVAL);                                                                          \
        assert_int_equal(err.code, ASC_EINVAL);                                                                        \
        if (!strstr(err.msg, words))                                                                                   \
            fail_msg("'%s' in '%s'", words, err.msg);                                                                  \
        assert_null(strchr(err.msg, '\n'));                                                                            \
        assert_int_equal((call), (asc_status)ASC_EINVAL);                                                              \
    } while (0)

static asc_table *table_of(const asc_table_arrays *a)
{
    asc_table *t = NULL;
    OK(asc_table_from_arrays(&t, a, &err));
    return t;
}

static asc_laws *fit(const asc_table *t, const char *law, size_t draws)
{
    asc_laws *laws = NULL;
    asc_fit_options o = {.size = sizeof o, .law = law, .draws = draws, .no_draws = draws == 0, .threads = 1};
    OK(asc_laws_fit(&laws, t, &o, &err));
    return laws;
}

static void predict(double out[V + 1], const asc_laws *laws)
{
    static const double tokens[D] = {3e8, 2e8, 1e8};
    OK(asc_laws_predict(out, out + V, laws, tokens, NAN, &err));
}

static void table__arrays_and_text_give_the_same_law(void **state)
{
    static run_table runs;
    double a[V + 1], b[V + 1];
    asc_table *text = NULL;
    runs_make(&runs, 0);
    asc_table_arrays arrays = runs_arrays(&runs);
    asc_table *t = table_of(&arrays);
    OK(asc_table_from_text(&text, "runs.csv", runs.text, strlen(runs.text), &err));
    assert_int_equal(asc_table_n_rows(t), R);
    assert_int_equal(asc_table_n_domains(t), D);
    assert_int_equal(asc_table_n_targets(t), V);
    assert_string_equal(asc_table_domain(t, 2), "books");
    assert_null(asc_table_domain(t, D));
    assert_null(asc_table_target(t, V));
    assert_null(asc_table_note(t, 0));
    assert_true(asc_table_tokens(t, 1, 2) == runs.tokens[5] && isnan(asc_table_tokens(t, R, 0)));
    assert_true(asc_table_loss(text, 1, 1) == runs.losses[3] && isnan(asc_table_loss(t, 0, V)));
    for (int k = 0; k < 2; k++) {
        static const char *const names[] = {"dml", "reciprocal-mult"};
        asc_laws *x = fit(t, names[k], 20), *y = fit(text, names[k], 20);
        predict(a, x);
        predict(b, y);
        assert_memory_equal(a, b, sizeof a);
        assert_true(a[0] > 2 && a[0] < 3 && fabs(a[V] - (a[0] + a[1]) / 2) < 1e-12);
        assert_true(asc_laws_error(x, 0) < .02 && asc_laws_cv_error(x, 0) == asc_laws_cv_error(y, 0));
        asc_laws_free(x);
        asc_laws_free(y);
    }
    asc_table_free(t);
    asc_table_free(text);
}

/* Rows of one number are one run; a horizon makes its rows checkpoints: as the columns run and horizon do. */
static void table__runs_and_horizons_count_as_in_a_file(void **state)
{
    static run_table runs;
    static char text[sizeof runs.text + R * 60];
    static size_t of[R];
    static double horizon[R], params[R];
    runs_make(&runs, 0);
    int at = sprintf(text, "run,params,horizon,tokens_web,tokens_code,tokens_books,loss_web,loss_code\n");
    for (int r = 0; r < R; r++) {
        const double *n = runs.tokens + (long)r * D;
        of[r] = (size_t)(100 - r / 2);
        params[r] = r % 4 < 2 ? 1e7 : 4e7;
        horizon[r] = floor((n[0] + n[1] + n[2]) * (r % 2 ? 1 : 2));
        at += sprintf(text + at, "%zu,%.0f,%.0f,%.0f,%.0f,%.0f,%.17g,%.17g\n", of[r], params[r], horizon[r], n[0], n[1],
                      n[2], runs.losses[r * V], runs.losses[r * V + 1]);
    }
    asc_table_arrays arrays = runs_arrays(&runs);
    asc_table *from_text = NULL, *plain = table_of(&arrays);
    arrays.runs = of;
    arrays.horizon = horizon;
    arrays.params = params;
    asc_table *t = table_of(&arrays);
    OK(asc_table_from_text(&from_text, "runs.csv", text, strlen(text), &err));
    asc_laws *x = fit(t, "auto", 0), *y = fit(from_text, "auto", 0), *z = fit(plain, "auto", 0);
    double a[V + 1], b[V + 1], c[V + 1];
    predict(a, x);
    predict(b, y);
    predict(c, z);
    assert_memory_equal(a, b, sizeof a);
    assert_memory_not_equal(a, c, sizeof a);
    assert_true(asc_laws_cv_error(x, 1) == asc_laws_cv_error(y, 1));
    asc_laws_free(x);
    asc_laws_free(y);
    asc_laws_free(z);
    asc_table_free(t);
    asc_table_free(plain);
    asc_table_free(from_text);
}

static void table__says_what_is_wrong(void **state)
{
    static run_table runs;
    runs_make(&runs, 0);
    asc_table *t = NULL;
    asc_table_arrays a = runs_arrays(&runs);
    const char *twice[D] = {"web", "code", "web"}, *none[D] = {"web", "", "books"};
    a.domains = twice;
    REFUSES(asc_table_from_arrays(&t, &a, &err), "domains[2]: 'web' is given twice");
    a.domains = none;
    REFUSES(asc_table_from_arrays(&t, &a, &err), "domains[1]: expected a name");
    a = runs_arrays(&runs);
    runs.tokens[4] = -1;
    REFUSES(asc_table_from_arrays(&t, &a, &err), "row 1: tokens of 'code'");
    runs.tokens[4] = NAN;
    REFUSES(asc_table_from_arrays(&t, &a, &err), "row 1: tokens of 'code'");
    runs.tokens[3] = runs.tokens[4] = runs.tokens[5] = 0;
    REFUSES(asc_table_from_arrays(&t, &a, &err), "row 1: all its tokens are 0");
    runs.tokens[3] = 1e8;
    runs.losses[V] = INFINITY;
    REFUSES(asc_table_from_arrays(&t, &a, &err), "row 1: loss of 'web'");
    a.losses = NULL;
    REFUSES(asc_table_from_arrays(&t, &a, &err), "expected rows");
    REFUSES(asc_table_from_arrays(&t, NULL, &err), "expected rows");
    REFUSES(asc_table_from_arrays(NULL, &a, &err), "out: expected a pointer");
    REFUSES(asc_table_load(&t, "/nowhere/runs.csv", &err), "/nowhere/runs.csv");
    REFUSES(asc_table_from_text(&t, "mine", "tokens_a,loss_a\n1,x\n", 20, &err), "mine:2");
    assert_null(t);
    assert_int_equal(asc_table_load(&t, "/nowhere/runs.csv", NULL), ASC_EINVAL); /* nobody needs the message */
}

static void laws__optimum_keeps_its_limits(void **state)
{
    static run_table runs;
    runs_make(&runs, 0);
    asc_table_arrays arrays = runs_arrays(&runs);
    asc_table *t = table_of(&arrays);
    asc_laws *laws = fit(t, "dml", 40);
    const asc_optimum *best = NULL;
    double max[D] = {1, .3, 1}, available[D] = {INFINITY, INFINITY, 1e8}, epochs[D] = {NAN, NAN, 2};
    asc_limits_options limits = {.size = sizeof limits, .max = max, .available = available, .max_epochs = epochs};
    asc_optimize_options o = {.size = sizeof o, .tokens = 1000000007, .limits = &limits, .threads = 1, .seed = 1};
    OK(asc_laws_optimize(&best, laws, &o, &err));
    double sum = 0;
    int64_t tokens = 0;
    for (size_t i = 0; i < D; i++) {
        sum += best->shares[i];
        tokens += best->tokens[i];
        assert_true(best->share_lo[i] <= best->shares[i] + 1e-9 && best->shares[i] <= best->share_hi[i] + 1e-9);
    }
    assert_int_equal(best->n_domains, D);
    assert_true(fabs(sum - 1) < 1e-12 && tokens == 1000000007);
    assert_true(best->shares[1] <= .3 + 1e-9 && best->shares[2] <= .2 + 1e-9);
    assert_true(best->kkt < 1e-5 && best->objective <= best->uniform && best->p_better >= 0 && best->p_better <= 1);
    assert_true(best->objective_lo <= best->objective && best->objective <= best->objective_hi);
    asc_mixture *m = NULL;
    char *text = NULL;
    OK(asc_optimum_mixture(&m, best, laws, &o, &err));
    assert_int_equal(asc_mixture_n_domains(m), D);
    assert_true(asc_mixture_share(m, 1) == best->shares[1] && asc_mixture_tokens_of(m, 1) == best->tokens[1]);
    assert_null(asc_mixture_path(m, 0));
    OK(asc_mixture_set_path(m, "web", "/data/web", &err));
    assert_string_equal(asc_mixture_path(m, 0), "/data/web");
    OK(asc_mixture_export(&text, m, "megatron", 0, &err));
    assert_non_null(strstr(text, "/data/web"));
    asc_text_free(text);
    REFUSES(asc_mixture_set_path(m, "wbe", "x", &err), "no domain named 'wbe'");
    REFUSES(asc_mixture_export(&text, m, "megatorn", 0, &err), "megatron");
    OK(asc_mixture_set_tokens(m, 10, &err));
    assert_int_equal(asc_mixture_tokens_of(m, 0) + asc_mixture_tokens_of(m, 1) + asc_mixture_tokens_of(m, 2), 10);
    asc_mixture_free(m);
    asc_optimum_free(best);
    best = NULL;

    max[0] = max[2] = .3;
    REFUSES(asc_laws_optimize(&best, laws, &o, &err), "the maximum shares sum to 0.8");
    max[0] = 1.5;
    REFUSES(asc_laws_optimize(&best, laws, &o, &err), "limits: max[0]: expected a share in [0, 1]");
    o = (asc_optimize_options){.size = sizeof o};
    REFUSES(asc_laws_optimize(&best, laws, &o, &err), "tokens: expected a budget > 0");
    o.tokens = 1;
    o.objective = "target:nowhere";
    REFUSES(asc_laws_optimize(&best, laws, &o, &err), "nowhere");
    assert_null(best);
    asc_laws_free(laws);
    asc_table_free(t);
}

/* Of options that a program was compiled with before they grew, the rest is 0. */
static void options__of_an_older_program_are_understood(void **state)
{
    static run_table runs;
    runs_make(&runs, 0);
    struct {
        size_t size;
        const char *law;
        double poison[20];
    } old = {offsetof(asc_fit_options, objective), "dml", {NAN}};
    memset(old.poison, 0xff, sizeof old.poison);
    asc_table_arrays arrays = runs_arrays(&runs);
    asc_table *t = table_of(&arrays);
    asc_laws *a = NULL, *b = fit(t, "dml", 200);
    double x[V + 1], y[V + 1];
    OK(asc_laws_fit(&a, t, (const asc_fit_options *)(const void *)&old, &err));
    assert_string_equal(asc_laws_name(a), "dml");
    predict(x, a);
    predict(y, b);
    assert_memory_equal(x, y, sizeof x);
    asc_laws_free(a);
    asc_laws_free(b);
    asc_table_free(t);
}

static void laws__what_if_and_files(void **state)
{
    static run_table runs;
    runs_make(&runs, 0);
    asc_table_arrays arrays = runs_arrays(&runs);
    asc_table *t = table_of(&arrays);
    asc_laws *laws = fit(t, "dml", 40), *again = NULL;
    const asc_what_if_answer *w = NULL;
    char dir[32], path[64];
    snprintf(dir, sizeof dir, "/tmp/asc-test-XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/law.json", dir);
    const double shares[] = {1. / 3, 1. / 3, 1. / 3, .4, .4, .2};
    asc_what_if_options o = {.size = sizeof o, .tokens = 1e9};
    OK(asc_laws_what_if(&w, laws, shares, 2, &o, &err));
    assert_true(w->n_mixtures == 2 && w->n_targets == V);
    for (size_t m = 0; m < 2; m++) {
        const double *l = w->loss + m * V;
        assert_true(l[0] > 2 && l[0] < 3 && w->loss_lo[m * V] <= l[0] && l[0] <= w->loss_hi[m * V]);
        assert_null(w->why[m]);
    }
    assert_true(w->change[1] < 0 && w->p_better[1] > .5 && w->loss_p_better[V] > .5 && w->change_lo[1] <= w->change[1]);
    asc_what_if_free(w);
    OK(asc_laws_save(laws, path, &err));
    OK(asc_laws_load(&again, path, &err));
    double a[V + 1], b[V + 1];
    predict(a, laws);
    predict(b, again);
    assert_memory_equal(a, b, sizeof a);
    assert_string_equal(asc_laws_domain(again, 1), "code");
    assert_null(asc_laws_target(again, V));
    double bad[] = {.5, .5, .5}, none[D] = {0};
    REFUSES(asc_laws_what_if(&w, laws, bad, 1, &o, &err), "they sum to 1.5");
    REFUSES(asc_laws_predict(a, NULL, laws, none, NAN, &err), "expected a sum > 0");
    REFUSES(asc_laws_load(&again, dir, &err), dir);
    asc_laws_free(laws);
    asc_laws_free(again);
    asc_table_free(t);
    assert_int_equal(remove(path), 0);
    assert_int_equal(remove(dir), 0);
}

static void laws__names_are_those_of_the_table(void **state)
{
    static run_table runs;
    asc_laws *laws = NULL;
    bool dml = false;
    runs_make(&runs, 0);
    asc_table_arrays arrays = runs_arrays(&runs);
    asc_table *t = table_of(&arrays);
    size_t n = 0;
    for (; asc_law_name_at(n); n++)
        dml |= strcmp(asc_law_name_at(n), "dml") == 0;
    assert_true(dml && n > 5);
    asc_fit_options o = {.size = sizeof o, .law = "dlm"};
    REFUSES(asc_laws_fit(&laws, t, &o, &err), "did you mean 'dml'?");
    asc_table_free(t);
    for (n = 0; asc_trainer_name(n); n++)
        ;
    assert_true(n >= 9);
}

/* Optima (0.6, 0.4) at 1e6 and (0.5, 0.5) at 2e6 tokens lie on the rule's curve: tokens of each domain grow as powers.
 */
static void scaling__follows_the_rule(void **state)
{
    const double tokens[] = {1e6, 2e6}, shares[] = {.6, .4, .5, .5};
    const asc_scaling *s = NULL;
    asc_scaling_options o = {.size = sizeof o, .n_scales = 2, .n_domains = 2, .tokens = tokens, .shares = shares};
    o.budget = 4000000;
    OK(asc_scaling_predict(&s, &o, &err));
    assert_int_equal(s->tokens[0] + s->tokens[1], 4000000);
    assert_true(fabs(s->shares[0] + s->shares[1] - 1) < 1e-12 && s->shares[1] > .5 && s->keep_last[0] == .5);
    asc_scaling_free(s);
    o.n_scales = 1;
    REFUSES(asc_scaling_predict(&s, &o, &err), "two or more scales");
    const double down[] = {2e6, 1e6};
    o.n_scales = 2;
    o.tokens = down;
    REFUSES(asc_scaling_predict(&s, &o, &err), "tokens[1]: expected tokens > 0, ascending");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table__arrays_and_text_give_the_same_law),
        cmocka_unit_test(table__runs_and_horizons_count_as_in_a_file),
        cmocka_unit_test(table__says_what_is_wrong),
        cmocka_unit_test(laws__optimum_keeps_its_limits),
        cmocka_unit_test(options__of_an_older_program_are_understood),
        cmocka_unit_test(laws__what_if_and_files),
        cmocka_unit_test(laws__names_are_those_of_the_table),
        cmocka_unit_test(scaling__follows_the_rule),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
