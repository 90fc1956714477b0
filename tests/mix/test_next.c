#include "test.h"

#include <math.h>
#include <string.h>

#include "mix/mix_next.h"

enum { D = 3, V = 2, K = 40, R = 4 };

/* L_v = E_v + (sum_j k_vj n_j)^-gamma, in billions of tokens, with draws about it. */
static void make(asc_law_set *s, bool tokens_vary)
{
    static const double k[V][D] = {{2, .5, .1}, {.2, 1.5, .6}};
    *s = (asc_law_set){.n_domains = D,
                       .n_targets = V,
                       .n_laws = V,
                       .n_rows = 30,
                       .n_runs = 30,
                       .tokens_lo = 1e9,
                       .tokens_hi = tokens_vary ? 4e9 : 1e9,
                       .params_lo = NAN,
                       .params_hi = NAN,
                       .noise = NAN};
    s->law = asc_strdup("effective");
    s->domains = asc_calloc(D, sizeof *s->domains);
    s->targets = asc_calloc(V, sizeof *s->targets);
    s->laws = asc_calloc(V, sizeof *s->laws);
    s->share_lo = asc_calloc(D, sizeof(double));
    s->share_hi = asc_calloc(D, sizeof(double));
    s->base_tokens = asc_calloc(D, sizeof(double));
    for (size_t i = 0; i < D; i++) {
        s->domains[i] = asc_strf("d%d", (int)i);
        s->share_lo[i] = .1;
        s->share_hi[i] = .6;
        s->base_tokens[i] = 1e9 / 3;
    }
    for (size_t v = 0; v < V; v++) {
        asc_law *l = &s->laws[v];
        s->targets[v] = asc_strf("t%d", (int)v);
        *l = (asc_law){.family = asc_law_family_named("effective", NULL),
                       .n_domains = D,
                       .own = ASC_NONE,
                       .has_tokens = true,
                       .unit_tokens = 1e9,
                       .unit_params = 1,
                       .n_params = D + 2,
                       .n_draws = K,
                       .band = {NAN, NAN, NAN},
                       .stats = {.noise = .01}};
        l->target = asc_strdup(s->targets[v]);
        l->params = asc_calloc(D + 2, sizeof(double));
        l->draws = asc_calloc(K * (D + 2), sizeof(double));
        for (size_t d = 0; d <= K; d++) {
            double *p = d == K ? l->params : l->draws + d * (D + 2);
            double by = d == K ? 0 : ((double)d - (K - 1) / 2.) / K, /* -.5 .. .5 */
                across = d == K ? 0 : ((double)(d * 7 % K) - (K - 1) / 2.) / K;
            p[0] = 2 + by; /* a level that all mixtures share: no run can decide anything by it */
            for (size_t i = 0; i < D; i++)
                p[1 + i] = k[v][i] * (i == 0 ? 1 + .8 * across : 1);
            p[1 + D] = .3;
        }
    }
}

static void assert_close(double found, double expected, double by)
{
    if (!(fabs(found - expected) <= by))
        fail_msg("%.17g, expected %.17g", found, expected);
}

static void next__runs_obey_their_limits_and_never_tell_less_than_nothing(void **state)
{
    asc_law_set s;
    asc_next n;
    asc_next_opts o;
    const double lo[D] = {.05, .05, .05}, hi[D] = {.5, 1, 1};
    make(&s, true);
    asc_next_opts_init(&o);
    o.n_runs = R;
    o.n_tokens = 1000000007;
    o.decide_tokens = 4e9;
    o.limits.lo = lo;
    o.limits.hi = hi;
    assert_int_equal(asc_next_runs(&n, &s, &o, NULL), ASC_OK);
    for (size_t r = 0; r < R; r++) {
        double sum = 0;
        int64_t tokens = 0;
        for (size_t i = 0; i < D; i++) {
            double w = n.weights[r * D + i];
            assert_true(w >= lo[i] - 1e-12 && w <= hi[i] + 1e-12);
            sum += w;
            tokens += n.tokens[r * D + i];
        }
        assert_close(sum, 1, 1e-12);
        assert_int_equal(tokens, o.n_tokens);
        assert_true(n.spread[r + 1] <= n.spread[r] + 1e-12 && n.spread[r + 1] >= 0);
        assert_true(n.expect[r].lo < n.expect[r].value && n.expect[r].value < n.expect[r].hi);
    }
    assert_true(n.spread[R] < .8 * n.spread[0]);
    /* the level and the worth of domain 0 are not known: runs with little and with much of it tell them apart */
    double least = 1, most = 0;
    for (size_t r = 0; r < R; r++) {
        least = fmin(least, n.weights[r * D]);
        most = fmax(most, n.weights[r * D]);
    }
    assert_true(most - least > .3);
    asc_next_clear(&n);
    asc_law_set_clear(&s);
}

/* One run narrows the gain as a measurement with that noise narrows a Gaussian: var - cov^2 / (var of the run +
 * noise^2), worked out here from the law's draws. */
static void next__one_run_is_one_gaussian_measurement(void **state)
{
    asc_law_set s;
    asc_next n;
    asc_next_opts o;
    double draws[3][K] = {{0}}, mean[3] = {0}, c[3][3] = {{0}};
    make(&s, true);
    asc_next_opts_init(&o);
    o.n_runs = 1;
    o.n_tokens = 1000000000;
    o.decide_tokens = 4e9;
    assert_int_equal(asc_next_runs(&n, &s, &o, NULL), ASC_OK);
    const double uniform[D] = {1. / D, 1. / D, 1. / D}, *w[3] = {n.weights, uniform, n.best},
                 budget[3] = {1e9, 4e9, 4e9};
    for (size_t m = 0; m < 3; m++)
        for (size_t v = 0; v < V; v++) {
            double tokens[D], out[K];
            for (size_t i = 0; i < D; i++)
                tokens[i] = w[m][i] * budget[m];
            asc_law_predict_draws(out, &s.laws[v], K, 1, tokens, NAN);
            for (size_t k = 0; k < K; k++)
                draws[m][k] += out[k] / V;
        }
    for (size_t m = 0; m < 3; m++)
        for (size_t k = 0; k < K; k++)
            mean[m] += draws[m][k] / K;
    for (size_t a = 0; a < 3; a++)
        for (size_t b = 0; b < 3; b++)
            for (size_t k = 0; k < K; k++)
                c[a][b] += (draws[a][k] - mean[a]) * (draws[b][k] - mean[b]) / (K - 1);
    double gain = c[1][1] + c[2][2] - 2 * c[1][2], with = c[0][1] - c[0][2], noise = .01 * .01 / V;
    assert_close(n.gain, mean[1] - mean[2], 1e-9);
    assert_close(n.gain_sd[0], sqrt(gain), 1e-9);
    assert_close(n.gain_sd[1], sqrt(gain - with * with / (c[0][0] + noise)), 1e-9);
    asc_next_clear(&n);
    asc_law_set_clear(&s);
}

static void next__no_number_depends_on_threads(void **state)
{
    asc_law_set s;
    asc_next a, b;
    asc_next_opts o;
    make(&s, true);
    asc_next_opts_init(&o);
    o.n_runs = R;
    o.n_tokens = 1000000000;
    o.n_threads = 1;
    assert_int_equal(asc_next_runs(&a, &s, &o, NULL), ASC_OK);
    o.n_threads = 3;
    assert_int_equal(asc_next_runs(&b, &s, &o, NULL), ASC_OK);
    assert_memory_equal(a.weights, b.weights, R * D * sizeof(double));
    assert_memory_equal(a.gain_sd, b.gain_sd, (R + 1) * sizeof(double));
    asc_next_clear(&a);
    asc_next_clear(&b);
    for (size_t v = 0; v < V; v++)
        s.laws[v].n_draws = 0;
    asc_error err = {0};
    assert_int_equal(asc_next_runs(&a, &s, &o, &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "0 draws"));
    asc_law_set_clear(&s);
}

static double nearest_pair(const asc_next *n)
{
    double least = INFINITY;
    for (size_t a = 0; a < n->n_runs; a++)
        for (size_t b = 0; b < a; b++) {
            double d = 0;
            for (size_t i = 0; i < n->n_domains; i++) {
                double x = sqrt(n->weights[a * n->n_domains + i]) - sqrt(n->weights[b * n->n_domains + i]);
                d += x * x;
            }
            least = fmin(least, d);
        }
    return sqrt(least);
}

static void filling__starts_at_the_prior_and_keeps_apart(void **state)
{
    enum { N = 10 };
    static char *names[N] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"};
    double prior[N], hi[N];
    asc_next n;
    asc_next_opts o;
    asc_error err = {0};
    for (size_t i = 0; i < N; i++) {
        prior[i] = (i + 1) / 55.;
        hi[i] = i == 3 ? .1 : 1;
    }
    asc_next_opts_init(&o);
    o.n_runs = 12;
    o.n_tokens = 1000;
    o.limits.hi = hi;
    assert_int_equal(asc_next_filling(&n, prior, names, N, &o, &err), ASC_OK);
    for (size_t i = 0; i < N; i++)
        assert_close(n.weights[i], prior[i], 1e-12);
    for (size_t r = 0; r < 12; r++)
        assert_true(n.weights[r * N + 3] <= .1 + 1e-12);
    assert_true(nearest_pair(&n) > .45); /* of twelve draws at random .2 to .3 */
    asc_next_clear(&n);
    for (size_t i = 0; i < N; i++)
        hi[i] = .05;
    assert_int_equal(asc_next_filling(&n, prior, names, N, &o, &err), ASC_EINVAL);
}

/* A loss that is off by sd moves a mean of perplexities by ppl times as much. */
static void next__noise_of_a_run_is_that_of_its_objective(void **state)
{
    asc_objective ppl = {.kind = ASC_OBJ_MEAN_PPL, .n_targets = V};
    double square[2], sum = 0;
    for (size_t k = 0; k < 2; k++) {
        asc_law_set s;
        asc_next n;
        asc_next_opts o;
        make(&s, true);
        asc_next_opts_init(&o);
        o.n_runs = 1;
        o.n_tokens = 1000000000;
        o.objective = &ppl;
        o.n_threads = 1;
        for (size_t v = 0; v < V; v++) {
            s.laws[v].stats.noise = .01 * (double)(1 + k);
            double slope = exp(asc_law_predict(&s.laws[v], s.base_tokens, NAN)) / V;
            sum += k ? 0 : slope * slope * (.02 * .02 - .01 * .01);
        }
        assert_int_equal(asc_next_runs(&n, &s, &o, NULL), ASC_OK);
        square[k] = pow((n.expect[0].hi - n.expect[0].lo) / (2 * 1.645), 2);
        asc_next_clear(&n);
        asc_law_set_clear(&s);
    }
    assert_close((square[1] - square[0]) / sum, 1, 1e-6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(next__runs_obey_their_limits_and_never_tell_less_than_nothing),
        cmocka_unit_test(next__one_run_is_one_gaussian_measurement),
        cmocka_unit_test(next__no_number_depends_on_threads),
        cmocka_unit_test(filling__starts_at_the_prior_and_keeps_apart),
        cmocka_unit_test(next__noise_of_a_run_is_that_of_its_objective),
    };
    return cmocka_run_group_tests_name("next", tests, NULL, NULL);
}
