/* What the law of all runs expects of each mixture at the target: the same objective over the same draws as `optimize`,
 * for every candidate, whether or not it is trained there. */
#include "steps.h"

#include <math.h>

#include "mix/mix_expected.h"

static const asc_expected nothing = {NAN, NAN, NAN, NAN, NAN, NAN, NAN, {.domain = ASC_NONE}};

/* Whole tokens as shares, so that equal mixtures are expected to end equally. */
static void shares_of(double *out, const asc__study *s, const asc__mixture *m)
{
    double sum = 0;
    for (size_t i = 0; i < s->D; i++)
        sum += (double)m->tokens[i];
    for (size_t i = 0; i < s->D; i++)
        out[i] = (double)m->tokens[i] / sum;
}

asc_mix_opts asc__target_opts(const asc__study *s)
{
    asc_mix_opts o;
    asc_mix_opts_init(&o);
    o.n_tokens = (int64_t)s->spec->target_tokens;
    o.n_threads = s->jobs;
    o.params = s->n_sizes > 1 ? asc__size_params(asc__target_size(s)) : NAN;
    o.limits.available = s->available;       /* repeated tokens count less, as for the joint law's own optimum */
    o.no_repetition = asc__matches(s->spec); /* unless its runs repeated text as the target does */
    return o;
}

static asc_status ask(asc_expected *out, const asc__study *s, asc_error *err)
{
    asc_mix_opts o = asc__target_opts(s);
    size_t uniform = ASC_NONE;
    double *shares = asc_calloc(s->n_mixtures, s->D * sizeof *shares);
    if (!shares)
        return ASC_NOMEM(err);
    for (size_t k = 0; k < s->n_mixtures; k++) {
        shares_of(shares + k * s->D, s, &s->mixtures[k]);
        if (s->mixtures[k].kind == ASC_MIXTURE_UNIFORM)
            uniform = k;
    }
    asc_status st = asc_mix_expected(out, &s->joint_law, shares, s->n_mixtures, uniform, &o, err);
    asc_free(shares);
    return st;
}

asc_status asc__study_expect(asc__study *s, asc_error *err)
{
    asc_error why = {0};
    asc_status st = ASC_OK;
    asc_expected *e = asc_calloc(s->n_mixtures + 1, sizeof *e);
    if (!e)
        return ASC_NOMEM(err);
    for (size_t k = 0; k < s->n_mixtures; k++)
        s->mixtures[k].expected = nothing;
    if (!s->has_joint)
        snprintf(s->untold, sizeof s->untold, "no law could be fitted to the runs of all scales");
    else
        st = ask(e, s, &why);
    for (size_t k = 0; s->has_joint && st == ASC_OK && k < s->n_mixtures; k++)
        s->mixtures[k].expected = e[k];
    if (s->has_joint && st == ASC_OK && s->n_mixtures)
        snprintf(s->untold, sizeof s->untold, "%s",
                 e[0].support.withheld ? e[0].support.why
                 : isnan(e[0].value)   ? "the law predicts nothing finite"
                                       : "");
    asc_free(e);
    if (st == ASC_ENOMEM || st == ASC_EINTR) {
        if (err)
            *err = why;
        return st;
    }
    if (st != ASC_OK)
        snprintf(s->untold, sizeof s->untold, "%.*s", (int)sizeof s->untold - 1, why.msg);
    return ASC_OK;
}

void asc__say_expected(asc__study *s)
{
    const asc__mixture *a = &s->mixtures[s->answer.mixture];
    if (s->spec->validate || !s->has_joint)
        return;
    asc_mix_support_say(&s->notes, &a->expected.support, &s->joint_law, s->spec->target_tokens,
                        asc__size_params(asc__target_size(s)));
}
