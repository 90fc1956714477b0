/* Rules that learn their weights step by step, against figures computed from the papers' formulas by a few independent
 * lines of Python (numpy 1.26 and 2.x; each formula stands beside its golden values). */
#include "test.h"

#include <math.h>
#include <stdlib.h>

#include "rival/rival_ado.h"
#include "rival/rival_online.h"

static const double prior3[3] = {.5, .3, .2};

static void assert_shares(const double *w, const double *want, size_t n)
{
    for (size_t i = 0; i < n; i++)
        assert_float_equal(w[i], want[i], 1e-12);
}

/* a = a exp(1 lambda); a /= sum; a = (1 - 1e-3) a + 1e-3 / 3, twice from 1/3. */
static void doremi__takes_the_published_steps(void **state)
{
    const asc_online *o = asc_online_named("doremi");
    const asc_online_run r = {.n_domains = 3, .prior = prior3, .n_steps = 10};
    const double excess[2][3] = {{.5, .1, 0}, {.2, .4, .3}};
    const double want[3] = {0.401588657513336, 0.328976063484398, 0.269435279002266};
    double w[3], none[1];
    assert_true(o->excess && !o->gradients && o->n_state(&r) == 0);
    o->begin(none, w, &r);
    assert_shares(w, (double[]){1. / 3, 1. / 3, 1. / 3}, 3);
    for (int k = 0; k < 2; k++)
        o->update(none, w, &r, &(asc_online_seen){.step = k + 1, .excess = excess[k]});
    assert_shares(w, want, 3);
    double before = w[1] / w[0];
    o->update(none, w, &r,
              &(asc_online_seen){.step = 3, .excess = (double[]){0, NAN, 0}}); /* nothing seen: no excess */
    assert_float_equal(w[1] / w[0], before, 1e-3);
}

/* w = softmax(log w + lr clip(score / norm, 0, 5) / .05), twice. */
static void doge__takes_the_published_steps(void **state)
{
    const asc_online *o = asc_online_named("doge");
    const asc_online_run r = {.n_domains = 3, .prior = prior3, .n_steps = 10};
    const double want[3] = {0.321524042979789, 0.376683647212253, 0.301792309807958};
    double w[3], none[1];
    o->begin(none, w, &r);
    o->update(none, w, &r, &(asc_online_seen){.step = 1, .lr = 1e-3, .score = (double[]){2, 1, -1}, .norm = .8});
    o->update(none, w, &r, &(asc_online_seen){.step = 2, .lr = 2e-3, .score = (double[]){.5, 9, .1}, .norm = 1.2});
    assert_shares(w, want, 3);
}

/* R_i = .9 R_i + .1 loss / pi of the arms that were drawn; e_t = min(1/3, sqrt(ln 3 / (3 t)));
 * pi = (1 - 3 e_t) softmax(e_{t-1} R) + e_t at t = 1, 2, 40. */
static void odm__takes_the_published_steps(void **state)
{
    const asc_online *o = asc_online_named("odm");
    const asc_online_run r = {.n_domains = 3, .prior = prior3, .n_steps = 100};
    const double want[3] = {0.346333720962219, 0.276784807689264, 0.376881471348518};
    double w[3], s[4] = {0};
    assert_int_equal(o->n_state(&r), 4);
    o->begin(s, w, &r);
    o->update(s, w, &r, &(asc_online_seen){.step = 1, .loss = (double[]){4, 5, 6}});
    o->update(s, w, &r, &(asc_online_seen){.step = 2, .loss = (double[]){3.9, NAN, 5.5}});
    o->update(s, w, &r, &(asc_online_seen){.step = 40, .loss = (double[]){3, 2, NAN}});
    assert_shares(w, want, 3);
}

/* rho = max(power, .05) B t^-power / t * prior * lately^.5, normalised, at least .01, normalised; w = .9 mean + .1 rho;
 * mean += (rho - mean) / (t + 1). */
static void ado__weighs_slopes_as_published(void **state)
{
    const asc_online_run r = {.n_domains = 3, .prior = prior3, .n_steps = 100};
    const asc_ado_law laws[3] = {{1, 3, .3}, {2, 2, .5}, {0, 4, .02}};
    const double want[3] = {0.435523619066280, 0.376281054694875, 0.188195326238846};
    const double mean[3] = {0.406965415503192, 0.395349226410760, 0.197685358086048};
    double w[3], m[3] = {.4, .4, .2};
    asc_ado_weights(w, m, &r, (double[]){.6, .3, .1}, laws, 50);
    assert_shares(w, want, 3);
    assert_shares(m, mean, 3);
}

static void ado__finds_the_law_of_a_curve(void **state)
{
    static const double truth[][3] = {{2, 3, .4}, {.5, 5, .15}, {3, 1, .7}};
    for (size_t t = 0; t < 3; t++) {
        double n[60], loss[60];
        for (size_t k = 0; k < 60; k++) {
            n[k] = 10 * (double)(k + 1);
            loss[k] = truth[t][0] + truth[t][1] * pow(n[k] / 600, -truth[t][2]);
        }
        asc_ado_law law = asc_ado_fit(n, loss, 60);
        /* what is used of it: the slope at the end */
        assert_float_equal(law.power * law.height, truth[t][2] * truth[t][1], .02 * truth[t][2] * truth[t][1]);
        assert_float_equal(law.floor + law.height, truth[t][0] + truth[t][1], 1e-3);
    }
}

/* A run of which one domain's loss keeps falling and another's has long stopped. */
static void ado__prefers_what_still_learns(void **state)
{
    const asc_online *o = asc_online_named("ado");
    const asc_online_run r = {.n_domains = 2, .prior = (double[]){.5, .5}, .n_steps = 400};
    double w[2], *s = calloc(o->n_state(&r), sizeof *s);
    o->begin(s, w, &r);
    for (int t = 1; t <= 400; t++) {
        double loss[2] = {2 + 5 * pow(t, -.5), 3 + .01 * pow(t, -.5)}, count[2] = {8, 8};
        o->update(s, w, &r, &(asc_online_seen){.step = t, .loss = loss, .count = count});
        assert_float_equal(w[0] + w[1], 1, 1e-9);
    }
    assert_true(w[0] > .9);
    free(s);
}

/* Bursts whose gains are known, whatever their order: A = G W^-1 row by row, at least 0, summing to 1; from the second
 * round on A = .9 A + .1 A_before; p = p exp(.2 column sums), normalised. */
static void aioli__solves_for_the_gains_of_its_bursts(void **state)
{
    static const double gain[2][2][2] = {{{.10, .02}, {.01, .08}}, {{.03, -.02}, {.02, .06}}};
    const asc_online *o = asc_online_named("aioli");
    const asc_online_run r = {.n_domains = 2, .prior = (double[]){.5, .5}, .n_steps = 5000, .seed = 3};
    const double want[2] = {0.507435796360846, 0.492564203639154};
    double w[2], loss[2] = {5, 4}, *s = calloc(o->n_state(&r), sizeof *s);
    int64_t asked = 0;
    o->begin(s, w, &r);
    for (int64_t t = 0; t < 500; t++) {
        if (!o->wants_losses(&r, t))
            continue;
        asked++;
        o->measure(s, w, &r, t, loss);
        int64_t k = t % 250 / 4;
        if (k == 8) { /* four sweeps over two domains */
            assert_float_equal(w[0] + w[1], 1, 1e-12);
            continue;
        }
        size_t burst = w[1] > w[0];
        assert_float_equal(w[burst], .625, 1e-15);
        for (size_t i = 0; i < 2; i++)
            loss[i] -= gain[t / 250][i][burst];
    }
    assert_int_equal(asked, 18);
    assert_shares(w, want, 2);
    assert_int_equal(asc_online_measured(o, &r), 20 * 9);
    free(s);
}

/* A short run has bursts too, in at most half of its steps, and weights that stay shares. */
static void aioli__fits_into_short_runs(void **state)
{
    const asc_online *o = asc_online_named("aioli");
    const asc_online_run r = {.n_domains = 3, .prior = prior3, .n_steps = 63, .seed = 3};
    double w[3], *s = calloc(o->n_state(&r), sizeof *s);
    o->begin(s, w, &r);
    for (int64_t t = 0; t < 63; t++)
        if (o->wants_losses(&r, t)) {
            o->measure(s, w, &r, t, (double[]){5. / (double)(t + 1), 4, 3 - .01 * (double)t});
            assert_float_equal(w[0] + w[1] + w[2], 1, 1e-12);
        }
    int64_t n = asc_online_measured(o, &r);
    assert_true(n >= 40 && n <= 44); /* rounds of 6 steps: 3 bursts, and the end of the last */
    free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(doremi__takes_the_published_steps),
        cmocka_unit_test(doge__takes_the_published_steps),
        cmocka_unit_test(odm__takes_the_published_steps),
        cmocka_unit_test(ado__weighs_slopes_as_published),
        cmocka_unit_test(ado__finds_the_law_of_a_curve),
        cmocka_unit_test(ado__prefers_what_still_learns),
        cmocka_unit_test(aioli__solves_for_the_gains_of_its_bursts),
        cmocka_unit_test(aioli__fits_into_short_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
