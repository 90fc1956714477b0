/* Which mixture is the answer (docs/method.md#how-mixtures-are-judged): steps saved, gain against the noise of seeds,
 * which one is the answer. */
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "mix/mix.h"
#include "num/num.h"

/* Between two points of a the value is taken to fall in a straight line. */
double asc_steps_saved(const asc_curve *a, const asc_curve *b, bool *reached)
{
    if (reached)
        *reached = false;
    if (a->n < 2 || b->n == 0) /* a curve of its end alone does not say when it came by the goal */
        return NAN;
    assert(b->tokens[b->n - 1] > 0);
    double goal = b->value[b->n - 1], whole = b->tokens[b->n - 1];
    for (size_t k = 0; k < a->n; k++) {
        if (!(a->value[k] <= goal))
            continue;
        double at = a->tokens[k];
        if (k > 0 && a->value[k - 1] > goal) {
            double part = (a->value[k - 1] - goal) / (a->value[k - 1] - a->value[k]);
            at = a->tokens[k - 1] + part * (a->tokens[k] - a->tokens[k - 1]);
        }
        if (reached)
            *reached = true;
        return 1 - at / whole;
    }
    return NAN;
}

double asc_steps_saved_or_lost(const asc_curve *a, const asc_curve *b)
{
    bool reached;
    double saved = asc_steps_saved(a, b, &reached);
    return reached ? saved : -asc_steps_saved(b, a, &reached);
}

/* Least squares of the objective on log tokens, over the part of a curve that its end resembles: not before FIRST of
 * the run, where a curve is steeper and, in a schedule, the mixture is another. NaN: too few points, or it does not
 * fall. */
static double slope_while_constant(const asc_curve *c, double until)
{
    enum { LEAST = 3 };
    const double FIRST = .2;
    assert(c->n == 0 || c->tokens[0] <= c->tokens[c->n - 1]);
    double whole = c->n ? c->tokens[c->n - 1] : 0, n = 0, x = 0, y = 0, xx = 0, xy = 0;
    for (size_t k = 0; k < c->n; k++) {
        double share = c->tokens[k] / whole;
        if (share < FIRST || share > until + 1e-9 || !isfinite(c->value[k]))
            continue;
        double dx = log(share) - x, dy = c->value[k] - y;
        x += dx / ++n;
        y += dy / n;
        xx += dx * (log(share) - x);
        xy += dx * (c->value[k] - y);
    }
    double slope = n >= LEAST && xx > 0 ? xy / xx : NAN;
    return slope < 0 ? slope : NAN;
}

double asc_steps_saved_shorter(const asc_curve *a, const asc_curve *b, double until)
{
    if (a->n == 0 || b->n == 0)
        return NAN;
    /* A(N) + s log(n / N) = B(N) for n: log(n / N) = (B - A) / s, and s < 0 */
    double gain = b->value[b->n - 1] - a->value[a->n - 1];
    const asc_curve *better = gain >= 0 ? a : b, *other = gain >= 0 ? b : a;
    double slope = slope_while_constant(better, until);
    double shorter = better->tokens[better->n - 1] * exp(fabs(gain) / slope);
    double saved = 1 - shorter / other->tokens[other->n - 1];
    return gain >= 0 ? saved : -saved;
}

/* ---- gain ---- */

/* Student's t with pooled variance: gain +- q sqrt(s^2 (1/n + 1/m)), q at n + m - 2 degrees of freedom. With one run
 * each there are none, and the noise known from elsewhere stands in with its own. */
asc_gain asc_gain_over(const double *mixture, size_t n, const double *reference, size_t m, asc_noise noise,
                       double level)
{
    double a = asc_mean(mixture, n), b = asc_mean(reference, m);
    asc_gain g = {.mean = b - a, .lo = NAN, .hi = NAN, .noise = noise.sd};
    if (n == 0 || m == 0)
        return g;
    double df = (double)(n + m) - 2, q;
    if (df >= 1) {
        g.noise = sqrt((asc_squares(mixture, n) + asc_squares(reference, m)) / df);
        q = asc_student_quantile(level, df);
    } else
        q = asc_student_quantile(level, noise.df);
    if (isnan(g.noise))
        return g;
    double half = q * g.noise * sqrt(1 / (double)n + 1 / (double)m);
    g.lo = g.mean - half;
    g.hi = g.mean + half;
    g.beyond_noise = g.lo > 0 || g.hi < 0;
    return g;
}

/* ---- the answer ---- */

int asc_candidate_simplicity(asc_mixture_kind kind)
{
    static const asc_mixture_kind order[] = {ASC_MIXTURE_UNIFORM,   ASC_MIXTURE_PRIOR, ASC_MIXTURE_NATURAL,
                                             ASC_MIXTURE_KEEP_LAST, ASC_MIXTURE_RULE,  ASC_MIXTURE_JOINT};
    int k = 0;
    while (k < 6 && order[k] != kind)
        k++;
    return k;
}

/* The best mean over seeds; n: none was trained. */
static size_t best_validated(const asc_candidate *c, size_t n)
{
    size_t best = n;
    for (size_t i = 0; i < n; i++)
        if (c[i].n && (best == n || asc_mean(c[i].value, c[i].n) < asc_mean(c[best].value, c[best].n)))
            best = i;
    return best;
}

/* Nobody knows what a seed does: whatever the runs say, they rank nothing. */
static size_t choose_unranked(const asc_candidate *c, size_t n, char *why, size_t why_size)
{
    size_t pick = n;
    for (size_t i = 0; i < n; i++)
        if (c[i].n && (pick == n || c[i].simplicity < c[pick].simplicity))
            pick = i;
    assert(pick < n); /* somebody asked because there is a best one */
    snprintf(why, why_size,
             "one run per candidate and no repeats to estimate seed noise, so the target runs rank nothing; %s is the "
             "simplest candidate (target.seeds: 2 or design.repeats: 2 would measure the noise)",
             c[pick].name);
    return pick;
}

/* The simplest of those that seed noise cannot tell from the best. */
static size_t choose_validated(const asc_candidate *c, size_t n, size_t best, asc_noise noise, double level, char *why,
                               size_t why_size)
{
    size_t pick = best, others = 0, within = 0;
    assert(best < n && c[best].n > 0);
    bool spread = false;
    for (size_t i = 0; i < n; i++) {
        if (i == best || c[i].n == 0)
            continue;
        asc_gain g = asc_gain_over(c[best].value, c[best].n, c[i].value, c[i].n, noise, level);
        others++;
        spread |= !isnan(g.noise);
        within += !isnan(g.noise) && !g.beyond_noise;
        if (!isnan(g.noise) && !g.beyond_noise && c[i].simplicity < c[pick].simplicity)
            pick = i;
    }
    if (others && !spread)
        return choose_unranked(c, n, why, why_size);
    double value = asc_mean(c[pick].value, c[pick].n);
    if (pick != best)
        snprintf(why, why_size, "%s (%.4f) is within seed noise of the best candidate, %s (%.4f), and simpler",
                 c[pick].name, value, c[best].name, asc_mean(c[best].value, c[best].n));
    else if (within)
        snprintf(why, why_size, "%s (%.4f) is the simplest of %zu candidates within seed noise of one another",
                 c[pick].name, value, within + 1);
    else
        snprintf(why, why_size, "%s has the best objective at the target, %.4f", c[pick].name, value);
    return pick;
}

#define ALIKE 1e-6 /* of expected objectives: what sums of draws differ by, and nobody ever measures */

/* By the law of all runs, as the optimum is found; n: it cannot tell. */
static size_t choose_expected(const asc_candidate *c, size_t n, char *why, size_t why_size)
{
    double least = INFINITY;
    size_t pick = n, known = 0, alike = 0;
    for (size_t i = 0; i < n; i++)
        if (!isnan(c[i].expected.value)) {
            least = fmin(least, c[i].expected.value);
            known++;
        }
    for (size_t i = 0; i < n; i++)
        if (c[i].expected.value <= least + ALIKE) {
            alike++;
            pick = pick == n || c[i].simplicity < c[pick].simplicity ? i : pick;
        }
    if (pick == n)
        return n;
    const asc_expected *e = &c[pick].expected;
    const char *word = isnan(e->lo) ? "predicted" : "expected";
    if (alike > 1 && alike == known)
        snprintf(why, why_size,
                 "not validated at the target; all %zu candidates are %s to reach the same objective there (%.4f), and "
                 "%s is the simplest",
                 known, word, e->value, c[pick].name);
    else {
        char odds[48] = "";
        if (!isnan(e->p_better))
            snprintf(odds, sizeof odds, "; P(better than uniform) %.2f", e->p_better);
        snprintf(why, why_size,
                 "not validated at the target; of %zu candidates %s has the lowest %s objective there, %.4f%s", known,
                 c[pick].name, word, e->value, odds);
    }
    return pick;
}

/* By what each method said of the largest scale from the smaller ones; failing that what was measured, the optimum
 * there. */
static size_t choose_by_past(const asc_candidate *c, size_t n, const char *untold, char *why, size_t why_size)
{
    size_t best = n;
    char no_law[300];
    snprintf(no_law, sizeof no_law, "not validated at the target, and no law can predict it (%s)",
             untold ? untold : "none could be fitted");
    for (size_t i = 0; i < n; i++)
        if (!isnan(c[i].past_error) &&
            (best == n || c[i].past_error < c[best].past_error ||
             (c[i].past_error == c[best].past_error && c[i].simplicity < c[best].simplicity)))
            best = i;
    if (best < n) {
        snprintf(why, why_size, "%s; %s best predicted the largest measured scale from the smaller ones", no_law,
                 c[best].name);
        return best;
    }
    for (size_t i = 0; i < n; i++)
        if (best == n || strncmp(c[i].name, "keep-last", 9) == 0)
            best = i;
    snprintf(why, why_size, "%s, and too few scales to test a prediction: %s is the measured optimum", no_law,
             n ? c[best].name : "nothing");
    return best < n ? best : 0;
}

size_t asc_choose_answer(const asc_candidate *c, size_t n, asc_noise noise, double level, const char *untold, char *why,
                         size_t why_size)
{
    assert(n > 0);
    size_t best = best_validated(c, n);
    if (best < n)
        return choose_validated(c, n, best, noise, level, why, why_size);
    best = choose_expected(c, n, why, why_size);
    return best < n ? best : choose_by_past(c, n, untold, why, why_size);
}
