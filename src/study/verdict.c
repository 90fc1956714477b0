/* The straight answer: one sentence with the chance that it is better, by how much, and what the search took. */
#include "steps.h"

#include <math.h>
#include <string.h>

#include "num/num.h"

#define LEVEL .9 /* of the intervals */

static const char *unit_of(const asc__study *s)
{
    return s->spec->objective.kind == ASC_OBJ_MEAN_PPL ? "PPL" : "nats";
}

/* P(T < t) of Student's distribution, by its two-sided quantiles. */
static double student(double t, double df)
{
    double lo = 1e-9, hi = 1 - 1e-9;
    for (int i = 0; i < 60; i++) {
        double p = .5 * (lo + hi);
        *(asc_student_quantile(p, df) < fabs(t) ? &lo : &hi) = p;
    }
    return .5 + (t < 0 ? -.25 : .25) * (lo + hi);
}

/* Objectives of a mixture's seeds, as far as they ended. */
static size_t values_of(double *x, const asc__study *s, const asc__mixture *m)
{
    size_t n = 0;
    for (int r = 0; r < s->spec->seeds; r++) {
        double v = asc__run_objective(s, &s->runs[m->runs[r]]);
        if (!isnan(v))
            x[n++] = v;
    }
    return n;
}

/* Uniform - m: mean, standard error, degrees of freedom; false where no spread is known. */
static bool gain_of(double *mean, double *se, double *df, const asc__study *s, const asc__mixture *m)
{
    const asc__mixture *uniform = asc__mixture_of(s, ASC_MIXTURE_UNIFORM);
    size_t seeds = (size_t)s->spec->seeds, n = 0, k = 0;
    double *x = asc_calloc(2 * seeds, sizeof *x);
    if (x && uniform) {
        n = values_of(x, s, m);
        k = values_of(x + seeds, s, uniform);
    }
    bool known = n > 0 && k > 0;
    if (known) {
        asc_noise noise = asc__known_noise(s);
        asc_gain g = asc_gain_over(x, n, x + seeds, k, noise, LEVEL);
        *mean = g.mean;
        *df = n + k > 2 ? (double)(n + k) - 2 : noise.df;
        *se = (g.hi - g.mean) / asc_student_quantile(LEVEL, *df);
        known = isfinite(*se) && *se > 0;
    }
    asc_free(x);
    return known;
}

/* The most that any mixture trained may gain over uniform, with 90 % on each of them; NaN. */
static double most_gained(const asc__study *s)
{
    double most = NAN, mean, se, df;
    for (size_t k = 0; k < s->n_mixtures; k++) {
        const asc__mixture *m = &s->mixtures[k];
        if (m->same_as == k && m->kind != ASC_MIXTURE_UNIFORM && gain_of(&mean, &se, &df, s, m))
            most = fmax(isnan(most) ? -INFINITY : most, mean + asc_student_quantile(LEVEL, df) * se);
    }
    return most;
}

static double most_expected(const asc__study *s)
{
    double most = NAN;
    for (size_t k = 0; k < s->n_mixtures; k++) {
        const asc_expected *e = &s->mixtures[k].expected;
        if (s->mixtures[k].kind != ASC_MIXTURE_UNIFORM && !isnan(e->gain_hi))
            most = fmax(isnan(most) ? -INFINITY : most, e->gain_hi);
    }
    return most;
}

static void say_none(asc_buf *b, const asc__study *s, double most, const char *how)
{
    if (most > 0)
        asc_buf_printf(b, "no mixture %s beats uniform by more than %.4f %s (90 %%)", how, most, unit_of(s));
    else
        asc_buf_printf(b, "every mixture %s is worse than uniform", how);
}

static void say_saved(asc_buf *b, const asc_summary_saved *v)
{
    if (v->pairs && v->mean > 0)
        asc_buf_printf(b, ", %.0f %% of the steps saved (%.0f to %.0f)", 100 * v->mean, 100 * v->lo, 100 * v->hi);
}

static void say_measured(asc_buf *b, const asc__study *s, const asc__answer *a)
{
    const asc__mixture *m = &s->mixtures[a->mixture];
    const asc_summary_gain *g = &a->gain;
    double mean, se, df;
    if (isnan(g->noise)) {
        asc_buf_puts(b, "single runs at the target rank nothing: use target.seeds: 2 or more");
        return;
    }
    if (g->beyond_noise && gain_of(&mean, &se, &df, s, m)) {
        asc_buf_printf(b, "P(better than uniform) %.3g: %.4f %s below it (90 %%: %.4f to %.4f)",
                       fmin(student(mean / se, df), .999), g->mean, unit_of(s), g->lo, g->hi);
        say_saved(b, &a->saved);
        return;
    }
    double most = most_gained(s);
    if (isnan(most))
        asc_buf_puts(b, "only uniform was trained at the target");
    else
        say_none(b, s, most, "that was trained");
}

static void say_expected(asc_buf *b, const asc__study *s, const asc__mixture *m)
{
    const asc_expected *e = &m->expected;
    if (m->kind == ASC_MIXTURE_UNIFORM && !isnan(most_expected(s)))
        say_none(b, s, most_expected(s), "among the candidates");
    else if (!isnan(e->p_better))
        asc_buf_printf(b, "P(better than uniform) %.2f: expected %.4f %s below it (90 %%: %.4f to %.4f)", e->p_better,
                       e->gain, unit_of(s), e->gain_lo, e->gain_hi);
    else
        asc_buf_puts(b, "its gain over uniform is unknown");
    asc_buf_puts(b, ", according to the law of all runs; nothing was trained at the target");
}

/* Of each stage that found something: by how much its branch at the optimum beats the one on what the target had. */
static void say_branched(asc_buf *b, const asc__study *s)
{
    size_t n = 0;
    char tokens[24];
    for (size_t k = 0; k < s->n_stages || k == 0; k++) {
        const asc__branching *x = &s->stages[k];
        if (!x->better)
            continue;
        asc_format_count((double)x->length * s->model.context, tokens);
        if (s->n_stages > 1)
            asc_buf_printf(b, "%sat %.3g %%: ", n ? "; " : "", 100 * asc__stage_share(s->spec, k));
        asc_buf_printf(b, "after %s tokens of it the target is %.4f %s lower than on the %s", tokens,
                       x->checks[0].real_value - x->checks[1].real_value, unit_of(s),
                       n || s->start ? "mixture before" : "reference");
        n++;
    }
    asc_buf_puts(b, n          ? "; how much of that remains at the end was not measured (target.validate)"
                    : s->start ? "nothing found that beats what it began with"
                               : "nothing found that beats the reference");
}

void asc__study_verdict(char *out, size_t n, const asc__study *s, const asc__answer *a)
{
    asc_buf b = {0};
    char took[32];
    const asc__mixture *m = &s->mixtures[a->mixture];
    double share = a->search_flops / asc__target_flops(s);
    if (a->gain.known)
        say_measured(&b, s, a);
    else if (asc__by_branches(s))
        say_branched(&b, s);
    else
        say_expected(&b, s, m);
    asc_buf_printf(&b, "; the search took %s of the target's FLOPs", asc_format_percent(share, took));
    snprintf(out, n, "%s", b.oom ? "" : b.data);
    asc_buf_clear(&b);
}
