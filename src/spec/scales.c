/* Scales of equal tokens. */
#include "spec/spec_study.h"

static bool is_alike(const asc_study_spec *s, size_t a, size_t b)
{
    return a < s->n_scales && b < s->n_scales && s->scales[a] == s->scales[b];
}

bool asc_scale_shares_budget(const asc_study_spec *s, size_t k)
{
    return is_alike(s, k, k + 1) || (k > 0 && is_alike(s, k - 1, k));
}

bool asc_study_shares_budgets(const asc_study_spec *s)
{
    return asc_study_n_budgets(s) < s->n_scales;
}

size_t asc_study_n_budgets(const asc_study_spec *s)
{
    size_t n = s->n_scales;
    for (size_t k = 1; k < s->n_scales; k++)
        n -= is_alike(s, k - 1, k);
    return n;
}

bool asc_study_has_proxies(const asc_study_spec *s)
{
    return s->search.method != ASC_SEARCH_BRANCH || s->n_scales > 0 || s->search.runs > 0;
}

bool asc_study_has_swarm(const asc_study_spec *s)
{
    const asc_search_spec *o = &s->search;
    return o->method == ASC_SEARCH_SWARM || (o->method == ASC_SEARCH_BRANCH && o->runs > 0);
}

double asc_study_swarm_tokens(const asc_study_spec *s)
{
    double n = s->search.swarm_tokens;
    return n < 1 ? n * s->target_tokens : n;
}
