/* How far a question lies from the runs behind a law, and what can be said there. */
#include "session.h"

#include <assert.h>
#include <math.h>

#define HARDLY 2.  /* an axis within this factor has hardly varied: it bears its own length, not more */
#define SAME 1.01  /* budgets within it are one */
#define SMALL 2e-3 /* shares below it are as good as none */

static double beyond(double x, double lo, double hi)
{
    if (!(x > 0) || !(lo > 0) || !(hi > 0))
        return NAN;
    return x > hi * 1.001 ? x / hi : x < lo * .999 ? lo / x : 1;
}

/* The factor that an axis sampled between lo and hi can bear. */
static double bears(double lo, double hi)
{
    double range = hi / lo;
    return range >= HARDLY ? INFINITY : range * SAME;
}

static void withhold(asc_mix_support *out, const char *what, const char *unit, double lo, double hi, double factor)
{
    assert(lo <= hi && factor > 1);
    bool varied = hi > lo * 1.001;
    char a[32], b[32];
    asc_format_count(lo, a);
    asc_format_count(hi, b);
    out->withheld = true;
    if (varied)
        snprintf(out->why, sizeof out->why, "the runs span only %s to %s %s, too narrow to extrapolate by %.3g x", a, b,
                 unit, factor);
    else
        snprintf(out->why, sizeof out->why, "%s never varied in the table (all runs: %s %s)", what, b, unit);
}

void asc_mix_support_of(asc_mix_support *out, const asc_law_set *laws, const double *weights, double n_tokens,
                        double params)
{
    *out = (asc_mix_support){.shares = laws->share_hi ? 1 : NAN, .domain = ASC_NONE};
    out->tokens = beyond(n_tokens, laws->tokens_lo, laws->tokens_hi);
    out->params = isnan(params) ? 1 : beyond(params, laws->params_lo, laws->params_hi);
    for (size_t i = 0; weights && laws->share_lo && laws->share_hi && i < laws->n_domains; i++) {
        double w = weights[i];
        double over = (w + SMALL) / (laws->share_hi[i] + SMALL), under = (laws->share_lo[i] + SMALL) / (w + SMALL);
        double f = fmax(over, under);
        if (f > out->shares * 1.001) {
            out->shares = f;
            out->domain = i;
        }
    }
    if (out->params > bears(laws->params_lo, laws->params_hi))
        withhold(out, "parameters", "parameters", laws->params_lo, laws->params_hi, out->params);
    if (out->tokens > bears(laws->tokens_lo, laws->tokens_hi))
        withhold(out, "tokens", "tokens", laws->tokens_lo, laws->tokens_hi, out->tokens);
}

static void say_axis(asc_notes *notes, const char *unit, double asked, double lo, double hi, double factor)
{
    char a[32], b[32], c[32];
    if (!(factor > 1.001))
        return;
    asc_format_count(asked, a);
    asc_format_count(lo, b);
    asc_format_count(hi, c);
    if (hi > lo * 1.001)
        asc_notes_say(notes, EXTRAPOLATED, a, unit, factor, asked > hi ? "above the largest" : "below the smallest", b,
                      c);
    else
        asc_notes_say(notes, EXTRAPOLATED_ONE, a, unit, factor, asked > hi ? "above" : "below", c);
}

void asc_mix_support_say(asc_notes *notes, const asc_mix_support *s, const asc_law_set *laws, double n_tokens,
                         double params)
{
    assert(s->domain == ASC_NONE || s->domain < laws->n_domains);
    say_axis(notes, "tokens", n_tokens, laws->tokens_lo, laws->tokens_hi, s->tokens);
    say_axis(notes, "parameters", params, laws->params_lo, laws->params_hi, s->params);
    if (s->domain != ASC_NONE && s->shares > 1.001)
        asc_notes_say(notes, EXTRAPOLATED_SHARE, laws->domains[s->domain], s->shares, laws->share_lo[s->domain],
                      laws->share_hi[s->domain]);
    if (s->withheld)
        asc_notes_say(notes, WITHHELD, s->why);
}
