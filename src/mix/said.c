/* What there is to say about an answer. */
#include "session.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* "a, b" of the domains for which yes(i) holds; NULL of none. */
static char *listed(const asc__session *s, const bool *yes)
{
    asc_buf names = {0};
    for (size_t i = 0; i < s->D; i++)
        if (yes[i])
            asc_buf_printf(&names, "%s%s", names.len ? ", " : "", s->laws->domains[i]);
    if (!names.oom)
        return names.data;
    asc_buf_clear(&names);
    return NULL;
}

/* A note that names them, if there are some. */
#define SAY_DOMAINS(s, yes, id)                                                                                        \
    do {                                                                                                               \
        char *names_ = listed(s, yes);                                                                                 \
        if (names_)                                                                                                    \
            asc_notes_say(&(s)->r.notes, id, names_);                                                                  \
        asc_free(names_);                                                                                              \
    } while (0)

static void note_bounds(asc__session *s, bool *yes)
{
    for (size_t i = 0; i < s->D; i++)
        yes[i] = s->r.bound[i] == ASC_AT_TRUST && s->o.trust > 0;
    SAY_DOMAINS(s, yes, AT_SAMPLED_RANGE);
    for (size_t i = 0; i < s->D; i++)
        yes[i] = s->r.epochs[i] > 1;
    if (s->o.no_repetition)
        SAY_DOMAINS(s, yes, SEEN_AGAIN);
    else
        SAY_DOMAINS(s, yes, DISCOUNTED);
    for (size_t i = 0; i < s->D; i++)
        yes[i] = s->o.limits.prior && s->o.limits.kl > 0 && s->o.limits.prior[i] == 0;
    SAY_DOMAINS(s, yes, PRIOR_NONE);
    bool outside = false;
    for (size_t i = 0; i < s->D; i++) {
        double w = s->r.weights[i];
        yes[i] = s->laws->share_lo && (w < s->laws->share_lo[i] / 1.25 || w > s->laws->share_hi[i] * 1.25);
        outside |= yes[i];
    }
    if (outside && !s->ddo && s->o.trust == 0)
        SAY_DOMAINS(s, yes, OUTSIDE_RANGE);
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
        asc_notes_say(&s->r.notes, SECOND_ROOT, n_other, text.data);
    asc_buf_clear(&text);
}

static void note_ddo(asc__session *s, bool *yes)
{
    assert(s->ddo && s->laws->laws[0].base);
    const asc_law *l = &s->laws->laws[0];
    double n_base = 0;
    for (size_t i = 0; i < s->D; i++)
        n_base += l->base[i];
    for (size_t i = 0; i < s->D; i++) {
        double x = s->r.weights[i] * (double)s->o.n_tokens / l->base[i];
        double lo = l->x_lo ? l->x_lo[i] : 1. / 3, hi = l->x_hi ? l->x_hi[i] : 3;
        yes[i] = x < lo * (1 - 1e-9) || x > hi * (1 + 1e-9);
    }
    SAY_DOMAINS(s, yes, OUTSIDE_TOKENS);
    if (fabs((double)s->o.n_tokens / n_base - 1) > 1e-3)
        asc_notes_say(&s->r.notes, OTHER_BUDGET, n_base, (double)s->o.n_tokens);
    asc_notes_say(&s->r.notes, DDO_ADDITIVE);
    note_other_root(s);
}

static void note_trades(asc__session *s)
{
    char *const *domains = s->laws->domains;
    for (size_t k = 0; k < s->r.n_trades; k++) {
        const asc_trade *t = &s->r.trades[k];
        assert(t->first < s->D && t->second < s->D && t->first != t->second);
        asc_notes_say(&s->r.notes, TRADE_OFF, domains[t->first], domains[t->second], 100 * t->sum, domains[t->first],
                      100 * t->lo, 100 * t->hi);
    }
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
        asc_notes_say(&s->r.notes, TREES_SEARCHED);
    if (s->problem.objective->kind == ASC_OBJ_WORST && !s->ddo)
        asc_notes_say(&s->r.notes, WORST_SMOOTHED, s->problem.smooth,
                      s->problem.smooth * log((double)s->laws->n_targets + 1));
    if (s->r.gain < 0)
        asc_notes_say(&s->r.notes, WORSE_THAN_UNIFORM);
    else if (s->r.gain_ci[0] <= 0)
        asc_notes_say(&s->r.notes, GAIN_UNCERTAIN);
    note_trades(s);
    asc_mix_support_say(&s->r.notes, &s->r.support, s->laws, s->r.budget, s->o.params);
    if (s->r.support.withheld)
        asc_notes_say(&s->r.notes, SUPPORTED_ONLY,
                      isnan(s->r.p_better) ? "the mixture" : "the mixture and P(better than uniform)");
    asc_free(yes);
    return ASC_OK;
}
