#include "test.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "table/table.h"

/* A star of three domains whose losses follow known powers. */
static void star_table(asc_table *t)
{
    asc_buf b = {0};
    asc_error err;
    asc_buf_puts(&b, "run,tokens_a,tokens_b,tokens_c,loss_x,loss_y\n");
    const double base = 1000, factor[3] = {1. / 3, 1, 3}, p[3] = {.7, .5, .9};
    for (size_t i = 0, run = 0; i < 3; i++)
        for (size_t k = 0; k < 3; k++) {
            double x[3] = {1, 1, 1}, sum = 0;
            if (k == 1 && i > 0)
                continue;
            x[i] = factor[k];
            for (size_t j = 0; j < 3; j++)
                sum += pow(x[j] + 1.5 + (double)j, -p[j]);
            asc_buf_printf(&b, "%zu,%.17g,%.17g,%.17g,%.17g,%.17g\n", run++, base * x[0], base * x[1], base * x[2],
                           2 + sum, 2.5 + .5 * sum);
        }
    if (asc_table_parse(t, "star", b.data, b.len, &err) != ASC_OK)
        fail_msg("%s", err.msg);
    asc_buf_clear(&b);
}

/* Rows over shares of three domains and two budgets. */
static void mixed_table(asc_table *t)
{
    asc_buf b = {0};
    asc_error err;
    asc_rng r;
    asc_rng_init(&r, 11, "test/mixed", 0);
    asc_buf_puts(&b, "tokens,weight_a,weight_b,weight_c,loss_a,loss_b\n");
    for (int k = 0; k < 40; k++) {
        double w[3], sum = 0, n = k % 2 ? 1e6 : 4e6;
        for (size_t i = 0; i < 3; i++)
            sum += w[i] = .05 + asc_rng_double(&r);
        for (size_t i = 0; i < 3; i++)
            w[i] /= sum;
        double s = .8 * pow(w[0], .4) + .3 * pow(w[1], .5) + .1 * pow(w[2], .5);
        double u = .1 * pow(w[0], .4) + .9 * pow(w[1], .5) + .2 * pow(w[2], .5);
        asc_buf_printf(&b, "%g,%.17g,%.17g,%.17g,%.17g,%.17g\n", n, w[0], w[1], w[2], 1 + 1 / s + pow(n / 1e6, -.3),
                       1.2 + 1 / u + .8 * pow(n / 1e6, -.3));
    }
    if (asc_table_parse(t, "mixed", b.data, b.len, &err) != ASC_OK)
        fail_msg("%s", err.msg);
    asc_buf_clear(&b);
}

static void fit(asc_law_set *s, const asc_table *t, const char *law)
{
    asc_law_opts o;
    asc_error err = {0};
    asc_law_opts_init(&o);
    o.law = law;
    o.noise = .005;
    o.n_bootstrap = 25;
    o.n_threads = 1;
    if (asc_law_fit(s, &t->runs, &o, &err) != ASC_OK)
        fail_msg("%s: %s", law, err.msg);
}

static void same_predictions(const asc_law_set *a, const asc_law_set *b)
{
    asc_rng r;
    asc_rng_init(&r, 4, "test/points", 0);
    for (int k = 0; k < 50; k++) {
        double n[3];
        for (size_t i = 0; i < 3; i++)
            n[i] = 1e3 * (.1 + asc_rng_double(&r));
        double x = asc_law_set_objective(a, n, NAN), y = asc_law_set_objective(b, n, NAN);
        assert_true(x == y);
        if (a->laws[0].n_draws)
            assert_true(asc_law_predict_draw(&a->laws[0], 7, n, NAN) == asc_law_predict_draw(&b->laws[0], 7, n, NAN));
    }
}

static void law__goes_through_a_file_without_loss(void **state)
{
    static const char *const laws[] = {
        "ddo",   "effective", "dml",      "reciprocal-add", "reciprocal-mult", "reciprocal-joint",
        "bimix", "linear",    "linear+gp"};
    char path[] = "/tmp/asc_law_XXXXXX";
    close(mkstemp(path));
    for (size_t k = 0; k < sizeof laws / sizeof *laws; k++) {
        asc_table t;
        asc_law_set s = {0}, u = {0};
        asc_error err = {0};
        (k == 0 ? star_table : mixed_table)(&t);
        fit(&s, &t, laws[k]);
        assert_int_equal(asc_law_write(path, &s, NULL), ASC_OK);
        if (asc_law_read(&u, path, &err) != ASC_OK)
            fail_msg("%s: %s", laws[k], err.msg);
        same_predictions(&s, &u);
        assert_string_equal(s.law, u.law);
        assert_int_equal(s.notes.n, u.notes.n);
        json_t *a = NULL, *b = NULL;
        assert_int_equal(asc_law_to_json(&a, &s, NULL), ASC_OK);
        assert_int_equal(asc_law_to_json(&b, &u, NULL), ASC_OK);
        assert_true(json_equal(a, b));
        json_decref(a);
        json_decref(b);
        asc_law_set_clear(&s);
        asc_law_set_clear(&u);
        asc_table_clear(&t);
    }
    unlink(path);
}

/* Every value of a law's file replaced by another kind: an error or a law that can be asked, never a crash. */
static void disturb(json_t *root, json_t *node, int *cases)
{
    const char *key;
    json_t *value;
    void *next;
    if (!json_is_object(node))
        return;
    json_object_foreach_safe(node, next, key, value)
    {
        char *name = asc_strdup(key);
        json_t *old = json_incref(value),
               *others[] = {json_null(), json_integer(-3), json_string("x"), json_array(), json_pack("[i,i]", 1, 2)};
        for (size_t k = 0; k < 5; k++) {
            asc_law_set s = {0};
            json_object_set_new(node, name, others[k]);
            if (asc_law_from_json(&s, root, "law", NULL) == ASC_OK) {
                double n[3] = {10, 20, 30};
                (void)asc_law_set_objective(&s, n, 1e6);
                asc_law_set_clear(&s);
            }
            (*cases)++;
        }
        json_object_set(node, name, old);
        if (json_is_object(old))
            disturb(root, old, cases);
        if (json_is_array(old) && json_is_object(json_array_get(old, 0)))
            disturb(root, json_array_get(old, 0), cases);
        json_decref(old);
        asc_free(name);
    }
}

static void law__a_broken_file_is_refused(void **state)
{
    asc_table t;
    asc_law_set s = {0}, u = {0};
    json_t *j = NULL;
    asc_error err = {0};
    int cases = 0;
    star_table(&t);
    fit(&s, &t, "ddo");
    assert_int_equal(asc_law_to_json(&j, &s, NULL), ASC_OK);
    disturb(j, j, &cases);
    assert_true(cases > 200);
    assert_int_equal(asc_law_from_json(&u, j, "law", NULL), ASC_OK);
    asc_law_set_clear(&u);
    json_array_append_new(json_object_get(json_array_get(json_object_get(j, "laws"), 0), "params"), json_real(1));
    assert_int_equal(asc_law_from_json(&u, j, "law.json", &err), ASC_EINVAL);
    assert_string_equal(err.msg, "law.json: laws[0]: field 'params': expected an array of 10 numbers");
    json_decref(j);
    asc_law_set_clear(&s);
    asc_table_clear(&t);
}

/* ---- mixtures and maps ---- */

static asc_status mix_from(asc_mix_file *m, const char *text, asc_error *err)
{
    json_t *j = NULL;
    asc_status st = asc_json_parse(&j, "m.json", text, strlen(text), err);
    if (st == ASC_OK)
        st = asc_mix_file_from_json(m, j, "m.json", err);
    json_decref(j);
    return st;
}

static void mix__keeps_everything(void **state)
{
    const char *text =
        "{\"weights\":{\"a\":0.25,\"b\":0.75},\"tokens\":{\"a\":25,\"b\":75},\"available\":{\"a\":10.0,\"b\":null},"
        "\"paths\":{\"a\":\"tokens/a\",\"b\":null},\"tokenizer\":\"t.json\","
        "\"bytes_per_token\":{\"a\":4.25,\"b\":null},\"from\":{\"command\":\"optimize\"}}";
    asc_mix_file m = {0};
    asc_error err = {0};
    json_t *j = NULL, *want = NULL;
    if (mix_from(&m, text, &err) != ASC_OK)
        fail_msg("%s", err.msg);
    assert_int_equal(asc_mix_file_total(&m), 100);
    assert_int_equal(asc_mix_file_to_json(&j, &m, NULL), ASC_OK);
    assert_int_equal(asc_json_parse(&want, "want", text, strlen(text), NULL), ASC_OK);
    assert_true(json_equal(j, want));
    json_decref(j);
    json_decref(want);
    asc_mix_file_clear(&m);
}

static void mix__a_bare_map_of_shares_is_enough(void **state)
{
    asc_mix_file m = {0};
    asc_error err;
    static char *domains[] = {"books", "code"}, *others[] = {"book", "code"};
    double w[2];
    assert_int_equal(mix_from(&m, "{\"code\": 0.3, \"books\": 0.701}", &err), ASC_OK);
    assert_null(m.tokens);
    assert_int_equal(asc_mix_file_weights(w, &m, "m.json", domains, 2, &err), ASC_OK);
    assert_float_equal(w[1], .3 / 1.001, 1e-15); /* by name, whatever the order */
    assert_int_equal(asc_mix_file_weights(w, &m, "m.json", others, 2, &err), ASC_EINVAL);
    assert_string_equal(err.msg, "m.json: no domain named 'books'; did you mean 'book'?");
    asc_mix_file_clear(&m);
    assert_int_equal(mix_from(&m, "{\"code\": 1}", &err), ASC_OK);
    assert_int_equal(asc_mix_file_weights(w, &m, "m.json", domains, 2, &err), ASC_EINVAL);
    assert_string_equal(err.msg, "m.json: no share for domain 'books'");
    asc_mix_file_clear(&m);
}

static void mix__nonsense_is_refused(void **state)
{
    static const char *const bad[][2] = {
        {"[]", "expected one JSON object"},
        {"{}", "expected 1 to"},
        {"{\"weights\":{\"a\":0.5}}", "sum to 1 within .01, found 0.5"},
        {"{\"weights\":{\"a\":-1,\"b\":2}}", "expected a share"},
        {"{\"weights\":\"x\"}", "expected a map"},
        {"{\"weights\":{\"a\":1},\"tokens\":{\"b\":1}}", "tokens"},
        {"{\"weights\":{\"a\":1},\"tokens\":{\"a\":1.5}}", "whole number"},
        {"{\"weights\":{\"a\":1},\"tokens\":{\"a\":1e16}}", "tokens"},
        {"{\"weights\":{\"a\":0.5,\"b\":0.5},\"tokens\":{\"a\":90,\"b\":10}}", "its weight says 0.5"},
        {"{\"weights\":{\"a\":1},\"paths\":{\"a\":\"x\\ny\"}}", "one line"},
        {"{\"weights\":{\"a\":1},\"bytes_per_token\":{\"a\":0}}", "> 0"},
        {"{\"weights\":{\"a\":1},\"available\":{\"z\":4}}", "no domain named 'z'"},
        {"{\"weights\":{\"a\":1},\"from\":3}", "expected an object"},
        {"{\"weights\":{\"a\":1,\"a\":0}}", "duplicate"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        asc_mix_file m = {0};
        asc_error err = {0};
        if (mix_from(&m, bad[i][0], &err) != ASC_EINVAL || !strstr(err.msg, bad[i][1]))
            fail_msg("%s: '%s'", bad[i][0], err.msg);
    }
}

static void write_text(char *path, const char *text)
{
    close(mkstemp(path));
    assert_int_equal(asc_write_file(path, text, strlen(text), NULL), ASC_OK);
}

static void maps__are_read_by_name(void **state)
{
    static char *d[] = {"a", "b", "c"};
    char path[] = "/tmp/asc_map_XXXXXX";
    double lo[3] = {.01, .01, .01}, hi[3] = {1, 1, 1}, available[3], epochs[3];
    asc_error err = {0};
    write_text(path, "{\"c\": [0.2, 0.5], \"a\": {\"max\": 0.25}}");
    assert_int_equal(asc_bounds_read(lo, hi, path, d, 3, &err), ASC_OK);
    assert_true(lo[2] == .2 && hi[2] == .5 && lo[0] == .01 && hi[0] == .25 && hi[1] == 1);
    assert_int_equal(asc_write_file(path, "{\"a\": [0.6, 0.5]}", 17, NULL), ASC_OK);
    assert_int_equal(asc_bounds_read(lo, hi, path, d, 3, &err), ASC_EINVAL);
    assert_true(hi[0] == .25); /* untouched */
    const char *text =
        "{\"a\": 1e9, \"b\": {\"tokens\": 5, \"max_epochs\": 3, \"path\": \"p\", \"bytes_per_token\": 4.5}}";
    asc_mix_file m = {0};
    assert_int_equal(asc_mix_file_init(&m, d, 3, NULL), ASC_OK);
    assert_int_equal(asc_write_file(path, text, strlen(text), NULL), ASC_OK);
    assert_int_equal(asc_available_read(available, epochs, &m, path, d, 3, &err), ASC_OK);
    assert_true(available[0] == 1e9 && available[1] == 5 && isinf(available[2]) && epochs[1] == 3 && isnan(epochs[0]));
    assert_string_equal(m.paths[1], "p");
    assert_true(m.bytes_per_token[1] == 4.5);
    asc_mix_file_clear(&m);
    assert_int_equal(asc_write_file(path, "{\"aa\": 1}", 9, NULL), ASC_OK);
    assert_int_equal(asc_available_read(available, epochs, NULL, path, d, 3, &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "no domain named 'aa'; did you mean 'a'?"));
    asc_objective o = {0};
    const asc_target_names names = {d, 3, d, 1};
    assert_int_equal(asc_write_file(path, "{\"b\": 3, \"a\": 1}", 16, NULL), ASC_OK);
    assert_int_equal(asc_objective_read(&o, path, &names, &err), ASC_OK);
    assert_true(o.kind == ASC_OBJ_WEIGHTS && o.weights[0] == .25 && o.weights[1] == .75 && o.weights[2] == 0);
    asc_objective_clear(&o);
    assert_int_equal(asc_objective_read(&o, "/nowhere.json", &names, &err), ASC_EINVAL);
    assert_int_equal(asc_objective_read(&o, "target:b", &names, &err), ASC_OK);
    asc_objective_clear(&o);
    unlink(path);
}

static void optima__are_put_in_order_and_written_back(void **state)
{
    const char *text = "weight_a,tokens,weight_b,lo_a,hi_a,note\n0.4,200,0.6,0.3,0.5,x\n0.5,100,0.5,,,\n";
    asc_optima o = {0}, p = {0};
    asc_notes notes = {0};
    asc_error err = {0};
    assert_int_equal(asc_optima_parse(&o, "o.csv", text, strlen(text), &notes, &err), ASC_OK);
    assert_true(o.tokens[0] == 100 && o.weights[2] == .4 && o.lo[2] == .3 && isnan(o.lo[0]) && isnan(o.hi[3]));
    assert_int_equal(notes.n, 1);
    char path[] = "/tmp/asc_optima_XXXXXX";
    close(mkstemp(path));
    assert_int_equal(asc_optima_write(path, &o, NULL), ASC_OK);
    assert_int_equal(asc_optima_read(&p, path, NULL, &err), ASC_OK);
    assert_memory_equal(o.weights, p.weights, sizeof(double[4]));
    unlink(path);
    asc_optima_clear(&o);
    asc_optima_clear(&p);
    asc_notes_clear(&notes);
    static const char *const bad[] = {"tokens,weight_a\n",
                                      "tokens,weight_a\n1,.5\n",
                                      "tokens,weight_a\n-1,1\n",
                                      "weight_a\n1\n",
                                      "tokens,weight_a,lo_b\n1,1,1\n",
                                      "tokens,weight_a\n1,x\n",
                                      "tokens,tokens,weight_a\n1,1,1\n"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(asc_optima_parse(&o, "o.csv", bad[i], strlen(bad[i]), NULL, &err), ASC_EINVAL);
}

static void optima__of_equal_tokens_are_told_apart_by_parameters(void **state)
{
    const char *text = "tokens,params,weight_a,weight_b\n200,9,.4,.6\n200,3,.3,.7\n100,3,.5,.5\n";
    asc_optima o = {0}, p = {0};
    asc_error err = {0};
    assert_int_equal(asc_optima_parse(&o, "o.csv", text, strlen(text), NULL, &err), ASC_OK);
    assert_true(o.tokens[0] == 100 && o.tokens[2] == 200 && o.params[1] == 3 && o.params[2] == 9);
    assert_true(o.weights[2] == .3 && o.weights[4] == .4);
    char path[] = "/tmp/asc_optima_XXXXXX";
    close(mkstemp(path));
    assert_int_equal(asc_optima_write(path, &o, NULL), ASC_OK);
    assert_int_equal(asc_optima_read(&p, path, NULL, &err), ASC_OK);
    assert_memory_equal(o.params, p.params, 3 * sizeof *p.params);
    unlink(path);
    asc_optima_clear(&o);
    asc_optima_clear(&p);
    const char *alike = "tokens,params,weight_a\n200,9,1\n200,9,1\n",
               *blank = "tokens,params,weight_a\n200,,1\n200,9,1\n";
    assert_int_equal(asc_optima_parse(&o, "o.csv", alike, strlen(alike), NULL, &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "duplicate scale 200 of as many parameters"));
    assert_int_equal(asc_optima_parse(&o, "o.csv", blank, strlen(blank), NULL, &err), ASC_EINVAL);
    const char *words = "tokens,params,weight_a\n100,small,1\n200,large,1\n"; /* as before there was such a column */
    assert_int_equal(asc_optima_parse(&o, "o.csv", words, strlen(words), NULL, &err), ASC_OK);
    asc_optima_clear(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(law__goes_through_a_file_without_loss),
        cmocka_unit_test(law__a_broken_file_is_refused),
        cmocka_unit_test(mix__keeps_everything),
        cmocka_unit_test(mix__a_bare_map_of_shares_is_enough),
        cmocka_unit_test(mix__nonsense_is_refused),
        cmocka_unit_test(maps__are_read_by_name),
        cmocka_unit_test(optima__are_put_in_order_and_written_back),
        cmocka_unit_test(optima__of_equal_tokens_are_told_apart_by_parameters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
