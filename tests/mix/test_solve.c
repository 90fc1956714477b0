/* Minima within bounds against closed forms and a grid over the whole simplex; the objective's slopes by differences;
 * the certificate. */
#include "test.h"

#include <math.h>
#include <stdlib.h>

#include "session.h"

enum { D = 3, V = 2 };

static double work[ASC__SOLVE_DOUBLES * D + 2 * D * D];

/* sum of weight_i (w_i - at_i)^2 */
typedef struct bowl {
    double weight[D], at[D];
} bowl;

static double bowl_eval(void *ctx, const double *w, double *gradient)
{
    const bowl *b = ctx;
    double sum = 0;
    for (size_t i = 0; i < D; i++) {
        sum += b->weight[i] * (w[i] - b->at[i]) * (w[i] - b->at[i]);
        if (gradient)
            gradient[i] = 2 * b->weight[i] * (w[i] - b->at[i]);
    }
    return sum;
}

static void solve__a_bowl_is_its_projection(void **state)
{
    static const double lo[D] = {.05, 0, .1}, hi[D] = {.6, .5, .9};
    asc_rng rng;
    asc_rng_init(&rng, 2, "test bowl", 0);
    for (int k = 0; k < 100; k++) {
        bowl b;
        double w[D] = {.3, .3, .4}, want[D], scale[D];
        for (size_t i = 0; i < D; i++) {
            b.weight[i] = .1 + 5 * asc_rng_double(&rng);
            b.at[i] = 2 * asc_rng_double(&rng) - .5;
            scale[i] = 1 / b.weight[i];
        }
        asc__objective_fn f = {bowl_eval, &b, D, lo, hi};
        asc__project(want, b.at, scale, lo, hi, D);
        double value = asc__solve(w, &f, 500, work);
        assert_true(value <= bowl_eval(&b, want, NULL) + 1e-12);
        for (size_t i = 0; i < D; i++)
            assert_true(fabs(w[i] - want[i]) < 1e-6);
        assert_true(asc__kkt(w, &f, work) < 1e-5);
    }
}

static void solve__never_ends_above_its_start(void **state)
{
    static const double lo[D] = {0, 0, 0}, hi[D] = {1, 1, 1};
    for (int steps = 0; steps < 6; steps++) {
        bowl b = {{1, 100, 3}, {.9, .05, .05}};
        double w[D] = {.1, .8, .1}, start = bowl_eval(&b, w, NULL);
        asc__objective_fn f = {bowl_eval, &b, D, lo, hi};
        double value = asc__solve(w, &f, steps, work);
        assert_true(value <= start && fabs(value - bowl_eval(&b, w, NULL)) < 1e-12);
    }
}

/* Stairs: gradients say nothing. */
static double stairs(void *ctx, const double *w, double *gradient)
{
    double sum = 0;
    for (size_t i = 0; i < D; i++) {
        sum += floor(20 * fabs(w[i] - ((const double *)ctx)[i]));
        if (gradient)
            gradient[i] = 0;
    }
    return sum;
}

static void exchange__goes_down_stairs(void **state)
{
    static const double lo[D] = {0, 0, 0}, hi[D] = {1, 1, 1};
    double at[D] = {.62, .3, .08}, w[D] = {.1, .1, .8};
    asc__objective_fn f = {stairs, at, D, lo, hi};
    double before = stairs(at, w, NULL), value = asc__exchange(w, &f, work);
    assert_true(value < before / 4 && value == stairs(at, w, NULL));
    assert_true(fabs(w[0] + w[1] + w[2] - 1) < 1e-12);
}

static void kkt__is_the_steepest_exchange(void **state)
{
    static const double lo[D] = {0, 0, 0}, hi[D] = {1, 1, .4};
    bowl b = {{1, 1, 1}, {.5, .2, .9}};
    double w[D] = {.4, .2, .4}; /* slopes -.2, 0, -1; the third is at its bound */
    asc__objective_fn f = {bowl_eval, &b, D, lo, hi};
    assert_true(fabs(asc__kkt(w, &f, work) - .2) < 1e-5); /* from code to web */
    static const double wide[D] = {1, 1, 1};
    f.hi = wide;
    assert_true(fabs(asc__kkt(w, &f, work) - 1) < 1e-5); /* from code to books, where its bound allows */
}

static void hessian__of_a_bowl_is_its_weights(void **state)
{
    static const double lo[D] = {0, 0, 0}, hi[D] = {1, 1, 1};
    bowl b = {{2, 3, 5}, {.5, .2, .1}};
    double w[D] = {.3, .3, .4}, H[D * D], g[D];
    asc__objective_fn f = {bowl_eval, &b, D, lo, hi};
    asc__hessian(H, g, w, &f, work);
    for (size_t i = 0; i < D; i++) {
        assert_true(fabs(g[i] - 2 * b.weight[i] * (w[i] - b.at[i])) < 1e-5);
        for (size_t j = 0; j < D; j++)
            assert_true(fabs(H[i * D + j] - (i == j ? 2 * b.weight[i] : 0)) < 1e-3);
    }
}

/* ---- of laws ---- */

static asc_law law_of(const double *worth, double E)
{
    asc_law l = {.family = asc_law_family_named("reciprocal-mult", NULL), .n_domains = D, .own = ASC_NONE};
    l.has_tokens = true;
    l.unit_tokens = 1e9;
    l.unit_params = 1;
    l.floor = 1e-4;
    l.tokens_hi = l.params_hi = NAN;
    l.n_params = asc_law_count_params(&l);
    l.params = asc_calloc(l.n_params, sizeof *l.params);
    l.params[0] = E;
    for (size_t i = 0; i < D; i++) {
        l.params[1 + i] = worth[i];
        l.params[1 + D + i] = .3 + .1 * (double)i;
    }
    l.params[1 + 2 * D] = .5;
    l.params[2 + 2 * D] = .3;
    return l;
}

static asc_law_set laws;
static asc_objective objective;
static double weights[V] = {.3, .7}, tokens[D], part[D], losses[V], available[D] = {2e8, INFINITY, 5e8};
static double prior[D] = {.5, .3, .2};
static asc__problem problem;

static int set_up(void **state)
{
    static const double worth[V][D] = {{.9, .2, .4}, {.1, 1.2, .5}};
    laws = (asc_law_set){.n_domains = D, .n_targets = V, .n_laws = V};
    laws.laws = asc_calloc(V, sizeof *laws.laws);
    for (size_t v = 0; v < V; v++)
        laws.laws[v] = law_of(worth[v], 1.5 + .3 * (double)v);
    objective = (asc_objective){.kind = ASC_OBJ_MEAN_LOSS, .n_targets = V};
    problem = (asc__problem){.laws = &laws,
                             .objective = &objective,
                             .n_tokens = 1e9,
                             .params = NAN,
                             .n_threads = 1,
                             .tokens = tokens,
                             .part = part,
                             .loss = losses};
    return 0;
}

static int tear_down(void **state)
{
    for (size_t v = 0; v < V; v++)
        asc_law_clear(&laws.laws[v]);
    asc_free(laws.laws);
    return 0;
}

/* The form of the problem in case k: every objective, with and without repetition, prior and smoothing. */
static void form(size_t k)
{
    static const asc_objective_kind kinds[] = {ASC_OBJ_MEAN_LOSS, ASC_OBJ_MEAN_PPL, ASC_OBJ_WORST, ASC_OBJ_WEIGHTS};
    objective.kind = kinds[k % 4];
    objective.weights = objective.kind == ASC_OBJ_WEIGHTS ? weights : NULL;
    problem.smooth = objective.kind == ASC_OBJ_WORST ? .02 : 0;
    problem.available = k / 4 % 2 ? available : NULL;
    problem.prior = k / 8 % 2 ? prior : NULL;
    problem.kl = .05;
}
enum { FORMS = 16 };

static void slope__is_that_of_differences(void **state)
{
    asc_rng rng;
    asc_rng_init(&rng, 3, "test slopes", 0);
    for (size_t k = 0; k < FORMS; k++) {
        double w[D], g[D], dummy = 0;
        form(k);
        for (size_t i = 0; i < D; i++)
            dummy += w[i] = .05 + asc_rng_double(&rng);
        for (size_t i = 0; i < D; i++)
            w[i] /= dummy;
        double value = asc__problem_eval(&problem, w, g);
        assert_true(fabs(value - asc__problem_eval(&problem, w, NULL)) < 1e-14);
        for (size_t i = 0; i < D; i++) {
            double h = 1e-6, keep = w[i];
            w[i] = keep + h;
            double up = asc__problem_eval(&problem, w, NULL);
            w[i] = keep - h;
            double want = (up - asc__problem_eval(&problem, w, NULL)) / (2 * h);
            w[i] = keep;
            if (fabs(g[i] - want) > 1e-5 * (1 + fabs(want)))
                fail_msg("form %zu, share %zu: slope %g, differences %g", k, i, g[i], want);
        }
    }
}

static void solve__laws_are_no_worse_than_the_best_of_a_grid(void **state)
{
    enum { N = 60 };
    static const double lo[D] = {.02, .05, 0}, hi[D] = {.9, .6, .5};
    for (size_t k = 0; k < FORMS; k++) {
        double w[D] = {.4, .4, .2}, best = INFINITY;
        form(k);
        asc__objective_fn f = {asc__problem_eval, &problem, D, lo, hi};
        double value = asc__solve(w, &f, 400, work);
        for (int a = 0; a <= N; a++)
            for (int b = 0; b <= N - a; b++) {
                double u[D] = {(double)a / N, (double)b / N, (double)(N - a - b) / N};
                bool inside = true;
                for (size_t i = 0; i < D; i++)
                    inside &= u[i] >= lo[i] && u[i] <= hi[i];
                if (inside)
                    best = fmin(best, asc__problem_eval(&problem, u, NULL));
            }
        if (!(value <= best + 1e-9))
            fail_msg("form %zu: %.9g at %g %g %g, the grid has %.9g", k, value, w[0], w[1], w[2], best);
        assert_true(value > best - .01); /* and the grid is fine enough to be a test */
    }
}

static void outer__is_the_objective_and_its_slopes(void **state)
{
    double loss[V] = {2, 3};
    objective.kind = ASC_OBJ_WORST;
    double smooth = asc__outer(&objective, .1, loss, V), e = exp(-10);
    assert_true(fabs(smooth - (3 + .1 * log(1 + e))) < 1e-12);
    assert_true(fabs(loss[1] - 1 / (1 + e)) < 1e-12 && fabs(loss[0] + loss[1] - 1) < 1e-12);
    loss[0] = loss[1] = 4; /* equal: one of them, and not both */
    assert_true(asc__outer(&objective, 0, loss, V) == 4);
    assert_true(loss[0] == 1 && loss[1] == 0);
}

static void objectives__are_the_same_where_their_weights_are(void **state)
{
    double a[V] = {.3, .7}, b[V] = {.3, .7};
    asc_objective x = {ASC_OBJ_WEIGHTS, V, a}, y = {ASC_OBJ_WEIGHTS, V, b};
    assert_true(asc__same_objective(&x, &y));
    b[0] = .31;
    assert_false(asc__same_objective(&x, &y));
    y = (asc_objective){.kind = ASC_OBJ_MEAN_LOSS, .n_targets = V};
    assert_false(asc__same_objective(&x, &y));
    assert_true(asc__target_counts(&x, 0));
    a[0] = 0;
    assert_false(asc__target_counts(&x, 0));
    assert_true(asc__target_counts(&y, 0));
}

static void objective__at_a_mixture_has_no_penalty(void **state)
{
    double w[D] = {.2, .3, .5};
    form(8);
    double bare = asc__problem_objective(&problem, w), kl = 0;
    for (size_t i = 0; i < D; i++)
        kl += w[i] * log(w[i] / prior[i]);
    assert_true(fabs(asc__problem_eval(&problem, w, NULL) - bare - .05 * kl) < 1e-12);
    assert_false(asc__problem_has_steps(&laws));
}

#define WITH_LAWS(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(solve__a_bowl_is_its_projection),
        cmocka_unit_test(solve__never_ends_above_its_start),
        cmocka_unit_test(exchange__goes_down_stairs),
        cmocka_unit_test(kkt__is_the_steepest_exchange),
        cmocka_unit_test(hessian__of_a_bowl_is_its_weights),
        WITH_LAWS(slope__is_that_of_differences),
        WITH_LAWS(solve__laws_are_no_worse_than_the_best_of_a_grid),
        WITH_LAWS(outer__is_the_objective_and_its_slopes),
        WITH_LAWS(objectives__are_the_same_where_their_weights_are),
        WITH_LAWS(objective__at_a_mixture_has_no_penalty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
