/* Rivals by known answers: toys solved by hand, and laws whose optimum is known. */
#include "test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "rival/rival.h"

static char *names[] = {"a", "b", "c", "d"};
static const double zeros[4] = {0}, ones[4] = {1, 1, 1, 1};

static double run(double *w, const char *name, const asc_rival_ask *a)
{
    asc_error err = {0};
    double sum = 0;
    assert_int_equal(asc_rival_named(name)->weights(w, a, &err), ASC_OK);
    for (size_t i = 0; i < a->n_domains; i++)
        sum += w[i];
    return sum;
}

/* By hand: 100 tokens, a of 5 and b of 8 tokens may be seen four times: 20 and 27 (a third of what is left is 26.67,
 * less than 32); so a 20, and the other three 80/3 each. */
static void unimax__is_uniform_under_the_cap(void **state)
{
    double w[4], available[] = {8, 5, 1000, 500};
    asc_rival_ask a = {.n_domains = 4, .n_tokens = 100, .available = available, .lo = zeros, .hi = ones};
    assert_float_equal(run(w, "unimax", &a), 1, 1e-12);
    assert_float_equal(w[1], .2, 1e-12);
    assert_float_equal(w[0], .8 / 3, 1e-12);
    assert_float_equal(w[2], .8 / 3, 1e-12);
    assert_float_equal(w[3], .8 / 3, 1e-12);
    double fewer[] = {2, NAN, NAN, NAN}; /* b 20; a 16; then 32 each */
    a.max_epochs = fewer;
    run(w, "unimax", &a);
    assert_float_equal(w[0], .16, 1e-12);
    assert_float_equal(w[1], .2, 1e-12);
    assert_float_equal(w[3], .32, 1e-12);
    double most[] = {1, 1, .3, 1}; /* a bound of the study's comes last */
    a.hi = most;
    run(w, "unimax", &a);
    assert_float_equal(w[2], .3, 1e-12);
}

enum { R = 64, D = 3, V = 2 };

/* Two targets that are exactly c + exp(t.w), one run far off. */
static void exponential_swarm(asc_runs *s, bool outlier)
{
    static const double t[V][D] = {{.5, -.5, .2}, {-.4, .6, .1}}, c[V] = {1.5, 2};
    static const double natural[D] = {.5, .3, .2};
    double *w = calloc(R * D, sizeof *w);
    asc_error err = {0};
    assert_int_equal(asc_runs_init(s, R, D, V, &err), ASC_OK);
    assert_int_equal(asc_rival_mixtures(w, R, natural, D, NULL, NULL, 7, &err), ASC_OK);
    for (size_t i = 0; i < D; i++)
        s->domains[i] = asc_strdup(names[i]);
    for (size_t v = 0; v < V; v++)
        s->targets[v] = asc_strdup(v ? "y" : "x");
    for (size_t r = 0; r < R; r++) {
        s->total[r] = 1e6;
        s->group[r] = r;
        for (size_t i = 0; i < D; i++)
            s->tokens[r * D + i] = 1e6 * w[r * D + i];
        for (size_t v = 0; v < V; v++) {
            double z = 0;
            for (size_t i = 0; i < D; i++)
                z += t[v][i] * w[r * D + i];
            s->loss[r * V + v] = c[v] + exp(z) + (outlier && r % 16 == 3 ? .5 : 0);
        }
    }
    s->n_groups = R;
    free(w);
}

/* The least of (x + y) / 2 + kl KL(w || natural) on a fine grid, within hi. */
static double best_on_grid(double *w, double kl, const double *natural, double most_b)
{
    double best = INFINITY;
    enum { G = 400 };
    for (int i = 0; i <= G; i++)
        for (int j = 0; i + j <= G; j++) {
            double u[D] = {(double)i / G, (double)j / G, (double)(G - i - j) / G}, k = 0;
            if (u[1] > most_b + 1e-12)
                continue;
            for (size_t d = 0; d < D; d++)
                k += u[d] > 0 ? u[d] * log(u[d] / natural[d]) : 0;
            double value =
                .5 * (1.5 + exp(.5 * u[0] - .5 * u[1] + .2 * u[2]) + 2 + exp(-.4 * u[0] + .6 * u[1] + .1 * u[2])) +
                kl * k;
            if (value < best) {
                best = value;
                memcpy(w, u, sizeof u);
            }
        }
    return best;
}

static void dml_and_olmix__find_the_optimum_of_their_own_law(void **state)
{
    const double natural[D] = {.5, .3, .2}, available[D] = {1e9, 1e9, 1e9};
    double w[D], want[D];
    asc_objective mean = {.kind = ASC_OBJ_MEAN_LOSS, .n_targets = V};
    asc_runs s = {0};
    exponential_swarm(&s, false);
    asc_rival_ask a = {.n_domains = D,
                       .n_tokens = 1e8,
                       .natural = natural,
                       .available = available,
                       .lo = zeros,
                       .hi = ones,
                       .swarm = &s,
                       .objective = &mean,
                       .n_threads = 1};
    run(w, "dml", &a);
    best_on_grid(want, 0, natural, 1);
    for (size_t i = 0; i < D; i++)
        assert_float_equal(w[i], want[i], .01);
    run(w, "olmix", &a);
    best_on_grid(want, .05, natural, 1);
    for (size_t i = 0; i < D; i++)
        assert_float_equal(w[i], want[i], .01);
    double little[D] = {1e9, 2.5e6, 1e9}; /* four epochs of b are a tenth */
    a.available = little;
    run(w, "olmix", &a);
    best_on_grid(want, .05, natural, .1);
    for (size_t i = 0; i < D; i++)
        assert_float_equal(w[i], want[i], .01);
    asc_runs_clear(&s);
}

/* Four runs of 64 lie half a nat too high: least squares follow them, Huber's loss hardly does. */
static void olmix__is_not_led_by_outliers(void **state)
{
    const double natural[D] = {.5, .3, .2}, available[D] = {1e9, 1e9, 1e9};
    double w[D], want[D];
    asc_objective mean = {.kind = ASC_OBJ_MEAN_LOSS, .n_targets = V};
    asc_runs s = {0};
    exponential_swarm(&s, true);
    asc_rival_ask a = {.n_domains = D,
                       .n_tokens = 1e8,
                       .natural = natural,
                       .available = available,
                       .lo = zeros,
                       .hi = ones,
                       .swarm = &s,
                       .objective = &mean,
                       .n_threads = 1};
    run(w, "olmix", &a);
    best_on_grid(want, .05, natural, 1);
    for (size_t i = 0; i < D; i++)
        assert_float_equal(w[i], want[i], .02);
    asc_runs_clear(&s);
}

/* A valley about (.2, .5, .3): the mean of the best is near it, whatever the bounds leave. */
static void regmix__goes_where_the_swarm_was_good(void **state)
{
    if (asc_rival_named("regmix")->missing()) {
        print_message("skipped: %s\n", asc_rival_named("regmix")->missing());
        skip();
    }
    const double natural[D] = {.4, .3, .3}, available[D] = {1e9, 1e9, 1e9};
    double w[D];
    asc_objective mean = {.kind = ASC_OBJ_MEAN_LOSS, .n_targets = V};
    asc_runs s = {0};
    exponential_swarm(&s, false);
    for (size_t r = 0; r < R; r++) {
        const double *n = s.tokens + r * D;
        double far = pow(n[0] / 1e6 - .2, 2) + pow(n[1] / 1e6 - .5, 2) + pow(n[2] / 1e6 - .3, 2);
        s.loss[r * V] = s.loss[r * V + 1] = 3 + far;
    }
    asc_rival_ask a = {.n_domains = D,
                       .n_tokens = 1e8,
                       .natural = natural,
                       .available = available,
                       .lo = zeros,
                       .hi = ones,
                       .swarm = &s,
                       .objective = &mean,
                       .n_threads = 1,
                       .n_candidates = 4000};
    assert_float_equal(run(w, "regmix", &a), 1, 1e-9);
    assert_float_equal(w[0], .2, .12);
    assert_float_equal(w[1], .5, .12);
    double again[D];
    a.n_threads = 3;
    run(again, "regmix", &a);
    assert_memory_equal(w, again, sizeof w);
    double most[D] = {1, .35, 1};
    a.hi = most;
    run(w, "regmix", &a);
    assert_true(w[1] <= .35 + 1e-9);
    asc_runs_clear(&s);
}

static void mixtures__are_the_same_whatever_their_number(void **state)
{
    const double natural[D] = {.5, .3, .2}, lo[D] = {.1, 0, 0}, hi[D] = {1, .4, 1};
    double a[40 * D], b[10 * D], mean[D] = {0};
    asc_error err = {0};
    assert_int_equal(asc_rival_mixtures(a, 40, natural, D, lo, hi, 3, &err), ASC_OK);
    assert_int_equal(asc_rival_mixtures(b, 10, natural, D, lo, hi, 3, &err), ASC_OK);
    assert_memory_equal(a, b, sizeof b);
    for (size_t k = 0; k < 40; k++) {
        double sum = 0;
        for (size_t i = 0; i < D; i++) {
            sum += a[k * D + i];
            mean[i] += a[k * D + i] / 40;
            assert_true(a[k * D + i] >= lo[i] - 1e-9 && a[k * D + i] <= hi[i] + 1e-9);
        }
        assert_float_equal(sum, 1, 1e-9);
    }
    assert_true(mean[0] > .2 && mean[1] > .1 && mean[2] > .1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unimax__is_uniform_under_the_cap),
        cmocka_unit_test(dml_and_olmix__find_the_optimum_of_their_own_law),
        cmocka_unit_test(olmix__is_not_led_by_outliers),
        cmocka_unit_test(regmix__goes_where_the_swarm_was_good),
        cmocka_unit_test(mixtures__are_the_same_whatever_their_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
