/* The stream that a program reads is the one that the built-in trainer trains on. */
#include "test.h"

#include "autoscale/autoscale.h"
#include "train_fixture.h"

typedef struct place {
    fixture f;
    asc_run_spec spec;
    char *dir;
} place;

static int set_up(void **state)
{
    static place p;
    fixture_init(&p.f);
    fixture_spec(&p.f, &p.spec);
    p.dir = fixture_run(&p.f, &p.spec, "run");
    *state = &p;
    return 0;
}

static int tear_down(void **state)
{
    place *p = *state;
    asc_free(p->dir);
    asc_run_spec_clear(&p->spec);
    fixture_clear(&p->f);
    return 0;
}

enum { T = 32, ROWS = 8 };

static void stream__is_what_the_trainer_trains_on(void **state)
{
    place *p = *state;
    asc_error err = {0};
    asc_stream *s = NULL;
    asc_hosted *h = NULL;
    int32_t rows[ROWS * (T + 1)], ids[ROWS * T], targets[ROWS * T];
    assert_int_equal(asc_stream_open_run(&s, p->dir, &err), ASC_OK);
    assert_int_equal(asc_hosted_open(&h, p->dir, "a test", 0, &err), ASC_OK);
    assert_int_equal(asc_stream_context(s), T);
    assert_int_equal(asc_stream_n_domains(s), 2);
    assert_string_equal(asc_stream_domain(s, 1), "docs");
    assert_null(asc_stream_domain(s, 2));
    assert_int_equal(asc_stream_steps(s), 48);
    assert_int_equal(asc_stream_length(s), 379); /* 12128 tokens */
    int64_t n = 0;
    for (int64_t k = 0; k < 48; k++) {
        assert_int_equal(asc_stream_step_sequences(s, k), asc_hosted_sequences(h, k));
        n += asc_stream_step_sequences(s, k);
        assert_int_equal(asc_stream_batch(s, k, rows, NULL, &err), ASC_OK);
        assert_int_equal(asc_hosted_rows(h, k, 0, asc_hosted_sequences(h, k), ids, targets, &err), ASC_OK);
        for (int64_t b = 0; b < asc_stream_step_sequences(s, k); b++) {
            assert_memory_equal(rows + b * (T + 1), ids + b * T, T * sizeof *ids);
            assert_memory_equal(rows + b * (T + 1) + 1, targets + b * T, T * sizeof *ids);
        }
    }
    assert_int_equal(n, asc_stream_length(s));
    assert_int_equal(asc_stream_step_sequences(s, 48), 0);
    assert_int_equal(asc_stream_step_sequences(s, -1), 0);
    assert_int_equal(asc_stream_batch(s, 48, rows, NULL, &err), ASC_EINVAL);
    assert_string_equal(err.msg, "step: expected 0 to 47, found 48");
    asc_hosted_close(h);
    asc_stream_close(s);
}

/* The same stream from options; steps in any order; the domains' tokens as promised. */
static void stream__resumes_at_any_step(void **state)
{
    place *p = *state;
    asc_error err = {0};
    asc_stream *s = NULL, *t = NULL;
    int64_t tokens[] = {8000, 4128}, used[2] = {0};
    asc_stream_options o = {.size = sizeof o, .n_domains = 2, .files = (const char *const *)p->spec.train_files};
    o.tokens = tokens;
    o.context = T;
    o.seed = p->spec.training.seed;
    o.batch_tokens = ROWS * T;
    int32_t a[ROWS * (T + 1)], b[ROWS * (T + 1)];
    size_t domain[ROWS];
    assert_int_equal(asc_stream_open_run(&s, p->dir, &err), ASC_OK);
    assert_int_equal(asc_stream_open(&t, &o, &err), ASC_OK);
    for (int64_t k = 47; k >= 0; k -= 5) {
        int64_t n = asc_stream_step_sequences(s, k);
        assert_int_equal(asc_stream_batch(s, k, a, domain, &err), ASC_OK);
        assert_int_equal(asc_stream_seek(t, k * ROWS, &err), ASC_OK);
        for (int64_t i = 0; i < n; i++) {
            size_t of = 9;
            assert_int_equal(asc_stream_next(t, b + i * (T + 1), &of, &err), ASC_OK);
            assert_int_equal(of, domain[i]);
        }
        assert_memory_equal(a, b, (size_t)n * (T + 1) * sizeof *a);
    }
    assert_int_equal(asc_stream_seek(t, 0, &err), ASC_OK);
    for (int64_t k = 0; k < asc_stream_length(t); k++) {
        assert_int_equal(asc_stream_next(t, b, &domain[0], &err), ASC_OK);
        used[domain[0]] += T;
    }
    assert_int_equal(asc_stream_next(t, b, NULL, &err), ASC_EINVAL);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(used[i], asc_stream_tokens(t, i));
    assert_int_equal(asc_stream_tokens(t, 2), 0);
    asc_stream_close(s);
    asc_stream_close(t);
}

static void stream__says_what_is_wrong(void **state)
{
    place *p = *state;
    asc_error err = {0};
    asc_stream *s = NULL;
    int64_t tokens[] = {8000, -1};
    asc_stream_options o = {.size = sizeof o, .n_domains = 2, .files = (const char *const *)p->spec.train_files};
    assert_int_equal(asc_stream_open(&s, &o, &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "tokens of each"));
    o.tokens = tokens;
    assert_int_equal(asc_stream_open(&s, &o, &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "context"));
    o.context = T;
    assert_int_equal(asc_stream_open(&s, &o, &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "domain 1"));
    assert_int_equal(asc_stream_open_run(&s, p->f.dir, &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "run.json"));
    assert_int_equal(asc_stream_open_run(NULL, p->f.dir, &err), ASC_EINVAL);
    assert_null(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stream__is_what_the_trainer_trains_on),
        cmocka_unit_test(stream__resumes_at_any_step),
        cmocka_unit_test(stream__says_what_is_wrong),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
