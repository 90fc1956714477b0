/* What there is to say about an answer. */
#include "session.h"

#include <math.h>
#include <string.h>

/* "a, b" of the domains for which yes(i) holds, appended to a note. */
static void list_domains(asc__session *s, const bool *yes, const char *fmt)
{
    asc_buf names = {0};
    for (size_t i = 0; i < s->D; i++)
        if (yes[i])
            asc_buf_printf(&names, "%s%s", names.len ? ", " : "", s->laws->domains[i]);
    if (names.len && !names.oom)
        asc_notes_add(&s->r.notes, "%s: %s", fmt, names.data);
    asc_buf_clear(&names);
}

static void note_bounds(asc__session *s, bool *yes)
{
    for (size_t i = 0; i < s->D; i++)
        yes[i] = s->r.bound[i] == ASC_AT_TRUST && s->o.trust > 0;
    list_domains(s, yes, "limited to the sampled range (--trust off lifts the limit)");
    for (size_t i = 0; i < s->D; i++)
        yes[i] = s->r.epochs[i] > 1;
    list_domains(s, yes,
                 s->o.no_repetition ? "seen more than once"
                                    : "repeated; repeated tokens are discounted (Muennighoff et al. 2023)");
    for (size_t i = 0; i < s->D; i++)
        yes[i] = s->o.limits.prior && s->o.limits.kl > 0 && s->o.limits.prior[i] == 0;
    list_domains(s, yes,
                 "the prior gives these no share, so they are kept at their minimum where the other bounds allow it");
    bool outside = false;
    for (size_t i = 0; i < s->D; i++) {
        double w = s->r.weights[i];
        yes[i] = s->laws->share_lo && (w < s->laws->share_lo[i] / 1.25 || w > s->laws->share_hi[i] * 1.25);
        outside |= yes[i];
    }
    if (outside && !s->ddo && s->o.trust == 0)
        list_domains(s, yes, "outside the sampled range of shares, where the law is a guess");
}

static void note_other_root(asc__session *s)
{
    const asc_law *l = &s->laws->laws[0];
    size_t D = s->D, n_other = 0;
    double *a = s->work + D, *b = a + D, *w = b + D;
    asc_ddo_axes axes = asc_ddo_axes_of(l);
    for (size_t i = 0; l->other && i < D; i++) {
        bool there = isfinite(l->other[i]) && isfinite(l->other[D + i]) && l->other[D + i] > 0;
        a[i] = there ? l->other[i] : axes.a[i];
        b[i] = there ? l->other[D + i] : axes.b[i];
        n_other += there;
    }
    if (n_other == 0 || !s->exact)
        return;
    asc__solve_ddo(s, w, (asc_ddo_axes){.a = a, .b = b}, s->lo, s->hi);
    asc_buf text = {0};
    for (size_t i = 0; i < D; i++)
        asc_buf_printf(&text, "%s%s %.3f", i ? ", " : "", s->laws->domains[i], w[i]);
    if (!text.oom)
        asc_notes_add(&s->r.notes, "%zu domains have a second exact root; with it the optimum would be %s", n_other,
                      text.data);
    asc_buf_clear(&text);
}

static void note_ddo(asc__session *s, bool *yes)
{
    const asc_law *l = &s->laws->laws[0];
    double n_base = 0;
    for (size_t i = 0; i < s->D; i++)
        n_base += l->base[i];
    for (size_t i = 0; i < s->D; i++) {
        double x = s->r.weights[i] * (double)s->o.n_tokens / l->base[i];
        double lo = l->x_lo ? l->x_lo[i] : 1. / 3, hi = l->x_hi ? l->x_hi[i] : 3;
        yes[i] = x < lo * (1 - 1e-9) || x > hi * (1 + 1e-9);
    }
    list_domains(s, yes, "outside the measured range of tokens (base x 1/3 to 3), where the fit is a guess");
    if (fabs((double)s->o.n_tokens / n_base - 1) > 1e-3)
        asc_notes_add(&s->r.notes,
                      "the runs were trained on %.4g tokens and the budget is %.3g: for another budget, measure optima "
                      "at two scales and use `autoscale predict`",
                      n_base, (double)s->o.n_tokens);
    asc_notes_add(
        &s->r.notes,
        "DDO assumes additive effects and overestimates gains (in the paper 1.63 PPL predicted, 1.15 measured)");
    note_other_root(s);
}

asc_status asc__say(asc__session *s)
{
    bool *yes = asc_calloc(s->D, sizeof *yes);
    if (!yes)
        return ASC_NOMEM(s->err);
    note_bounds(s, yes);
    if (s->ddo)
        note_ddo(s, yes);
    if (s->steps)
        asc_notes_add(&s->r.notes, "boosted trees have no gradient: best of 20000 mixtures and of exchanges between "
                                   "shares; no certificate, no intervals of the weights");
    if (s->problem.objective->kind == ASC_OBJ_WORST && !s->ddo)
        asc_notes_add(&s->r.notes,
                      "worst target: the maximum is smoothed by %.0e nats, the answer within %.0e of the optimum",
                      s->problem.smooth, s->problem.smooth * log((double)s->laws->n_targets + 1));
    if (s->r.gain < 0)
        asc_notes_add(&s->r.notes, "predicted worse than uniform because of your bounds or prior");
    else if (s->r.gain_ci[0] <= 0)
        asc_notes_add(&s->r.notes, "the gain over uniform is within its uncertainty");
    asc_mix_support_say(&s->r.notes, &s->r.support, s->laws, s->r.budget, s->o.params);
    if (s->r.support.withheld)
        asc_notes_add(&s->r.notes,
                      "%s: supported by the runs; the table cannot tell whether it holds this far beyond them",
                      isnan(s->r.p_better) ? "the mixture" : "the mixture and P(better than uniform)");
    asc_free(yes);
    return ASC_OK;
}
