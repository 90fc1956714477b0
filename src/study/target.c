/* The target: which mixtures are trained with it, what they gain, and which one is the answer. */
#include "steps.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "num/num.h"
#define LEVEL .9

/* ---- mixtures ---- */

static asc_status alloc_mixture(asc__mixture *m, const asc__study *s, asc_error *err)
{
    size_t seeds = (size_t)s->spec->seeds;
    m->past_error = NAN;
    m->weights = asc_calloc(s->D, sizeof *m->weights);
    m->tokens = asc_calloc(s->D, sizeof *m->tokens);
    m->runs = asc_calloc(seeds, sizeof *m->runs);
    m->objective = asc_calloc(seeds, sizeof *m->objective);
    for (size_t r = 0; m->objective && r < seeds; r++)
        m->objective[r] = NAN;
    return m->weights && m->tokens && m->runs && m->objective ? ASC_OK : ASC_NOMEM(err);
}

/* What bounds or caps made of a mixture that somebody named: the domain that they moved most. */
static void say_moved(asc__study *s, const asc__mixture *m, const double *asked, bool capped)
{
    size_t most = 0;
    for (size_t i = 1; i < s->D; i++)
        if (fabs(m->weights[i] - asked[i]) > fabs(m->weights[most] - asked[most]))
            most = i;
    asc_notes_say(&s->notes, MIXTURE_MOVED, m->word, s->spec->domain_names[most], 100 * m->weights[most],
                  100 * asked[most], capped ? "max_epochs" : "mixture.min or mixture.max");
}

/* Within bounds and caps, whatever it was before: an answer keeps them, whichever mixture becomes it. */
asc_status asc__add_mixture(asc__study *s, asc_mixture_kind kind, const char *word, const double *weights,
                            asc_error *err)
{
    static const char *const suffix[] = {"", " (within bounds)", " (capped)"};
    asc__mixture *m = &s->mixtures[s->n_mixtures++];
    asc__moved moved;
    ASC_TRY(alloc_mixture(m, s, err));
    ASC_TRY(asc__bounded_tokens(m->tokens, m->weights, &moved, s, weights, s->spec->target_tokens, err));
    m->kind = kind;
    m->word = asc_strdup(word);
    m->name = asc_strf("%s%s", word, suffix[moved]);
    if (!m->word || !m->name)
        return ASC_NOMEM(err);
    if (moved != ASC__AS_ASKED)
        say_moved(s, m, weights, moved == ASC__CAPPED);
    return ASC_OK;
}

/* Equal mixtures are one: the earlier one's runs stand for both. */
void asc__find_equal_mixtures(asc__study *s)
{
    for (size_t i = 0; i < s->n_mixtures; i++) {
        asc__mixture *m = &s->mixtures[i];
        m->same_as = i;
        for (size_t j = 0; j < i; j++)
            if (!m->later == !s->mixtures[j].later && m->stage == s->mixtures[j].stage &&
                memcmp(m->tokens, s->mixtures[j].tokens, s->D * sizeof *m->tokens) == 0) {
                m->same_as = s->mixtures[j].same_as;
                break;
            }
    }
}

/* Weights of one of the target's mixtures; false where what it is made of could not be had. w (D): room. */
static bool weights_of(const double **out, const asc__study *s, const asc_mixture_ref *ref, double *w)
{
    const double *last = s->optima.n_scales ? s->optima.weights + (s->optima.n_scales - 1) * s->D : NULL;
    switch (ref->kind) {
    case ASC_MIXTURE_RULE: /* the published rule is printed, its shrunken form taken */
        *out = s->rule.shrunken;
        return true;
    case ASC_MIXTURE_KEEP_LAST:
        *out = s->has_rule ? s->rule.keep_last : last;
        return true;
    case ASC_MIXTURE_JOINT:
        *out = s->joint.weights;
        return s->has_joint;
    case ASC_MIXTURE_RIVAL:
        *out = asc__rival_weights(s, ref->name);
        return *out != NULL;
    default:
        asc__study_weights(w, s, ref);
        *out = w;
        return true;
    }
}

static asc_status add_all(asc__study *s, const asc_mixture_ref *list, size_t n, double *w, asc_error *err)
{
    for (size_t k = 0; k < n; k++) {
        const double *weights;
        if (weights_of(&weights, s, &list[k], w)) {
            assert(weights); /* the list names a rule and a last optimum only where there are some */
            ASC_TRY(asc__add_mixture(s, list[k].kind, list[k].name, weights, err));
        } else if (list[k].kind == ASC_MIXTURE_JOINT) /* what became of a rival is said where it was asked */
            asc_notes_say(&s->notes, NO_JOINT_AGAINST);
    }
    return ASC_OK;
}

asc_status asc__study_mixtures(asc__study *s, asc_error *err)
{
    size_t most = asc__target_most(s->spec);
    double *w = asc_calloc(s->D, sizeof *w);
    asc_mixture_ref *list = asc_calloc(most, sizeof *list);
    s->mixtures = asc_calloc(most, sizeof *s->mixtures);
    asc_status st = w && list && s->mixtures ? ASC_OK : ASC_NOMEM(err);
    if (st == ASC_OK)
        st = add_all(s, list, asc__target_list(list, s->spec, s->has_rule, s->has_joint), w, err);
    asc_free(w);
    asc_free(list);
    if (st == ASC_OK)
        asc__find_equal_mixtures(s);
    return st == ASC_OK ? asc__study_expect(s, err) : st;
}

/* The r-th run of a mixture: that of an equal one where there is one. */
static asc_status add_target_run(asc__study *s, asc__mixture *m, int r, double *tokens, bool store, asc_error *err)
{
    char *id = asc__target_run_id(s->spec, m->word, r);
    if (!id)
        return ASC_NOMEM(err);
    for (size_t i = 0; i < s->D; i++)
        tokens[i] = (double)m->tokens[i];
    /* The r-th runs of all mixtures share a seed: differences between mixtures are paired. */
    asc_store_run want = {.id = id,
                          .kind = ASC_KIND_TARGET,
                          .mixture = m->word,
                          .scale = s->spec->target_tokens,
                          .seed = s->spec->training.seed + (uint64_t)r,
                          .n_domains = s->D,
                          .tokens = tokens};
    asc_status st = asc__study_add_run(&m->runs[r], s, &want, store, err);
    if (st == ASC_OK)
        st = asc__branch_tell_target(s, m, m->runs[r], r, err);
    asc_free(id);
    return st;
}

asc_status asc__study_target_runs(asc__study *s, bool store, asc_error *err)
{
    double *tokens = asc_calloc(s->D, sizeof *tokens);
    asc_status st = tokens ? ASC_OK : ASC_NOMEM(err);
    for (size_t k = 0; k < s->n_mixtures; k++) {
        asc__mixture *m = &s->mixtures[k];
        for (int r = 0; r < s->spec->seeds && st == ASC_OK; r++) {
            if (m->same_as != k)
                m->runs[r] = s->mixtures[m->same_as].runs[r];
            else
                st = add_target_run(s, m, r, tokens, store, err);
        }
    }
    asc_free(tokens);
    return st;
}

/* ---- judging ---- */

/* Final objectives of a mixture's runs that have one; *n of them. */
static const double *measured(asc__study *s, asc__mixture *m, size_t *n)
{
    *n = 0;
    for (int r = 0; s->spec->validate && r < s->spec->seeds; r++) {
        double x = asc__run_objective(s, &s->runs[m->runs[r]]);
        if (!isnan(x))
            m->objective[(*n)++] = x;
    }
    return m->objective;
}

asc__mixture *asc__mixture_of(const asc__study *s, asc_mixture_kind kind)
{
    for (size_t i = 0; i < s->n_mixtures; i++)
        if (s->mixtures[i].kind == kind)
            return &s->mixtures[i];
    return NULL;
}

/* What a seed does to the objective, from the repeats of the base at the largest scale that has some: for targets with
 * one seed. */
asc_noise asc__known_noise(const asc__study *s)
{
    for (size_t k = s->spec->n_scales; k-- > 0;) {
        asc_moments m = {0};
        for (size_t i = 0; i < s->n_runs; i++)
            if (s->runs[i].kind == ASC_KIND_BASE && asc__at_scale(s, &s->runs[i], k))
                asc_moments_add(&m, asc__run_objective(s, &s->runs[i]));
        if (m.n > 1)
            return (asc_noise){asc_moments_sd(&m), m.n - 1};
    }
    return (asc_noise){NAN, INFINITY};
}

/* *shorter: by what a shorter run would end at, not by where the curves cross. */
static asc_status saved_by_pair(double *out, bool *shorter, const asc__study *s, const asc_store_run *a,
                                const asc_store_run *b, asc_error *err)
{
    asc__curve ca = {0}, cb = {0};
    *out = NAN;
    asc_status st = asc__run_curve(&ca, s, a, err);
    if (st == ASC_OK)
        st = asc__run_curve(&cb, s, b, err);
    if (st == ASC_OK && ca.n && cb.n) {
        const asc_curve x = {ca.n, ca.tokens, ca.value}, y = {cb.n, cb.tokens, cb.value};
        double until = s->spec->trainer.command ? 0 : asc_train_constant_until(&s->spec->training);
        *out = until > 0 && until < 1 ? asc_steps_saved_shorter(&x, &y, until) : NAN;
        *shorter = !isnan(*out);
        if (!*shorter)
            *out = asc_steps_saved_or_lost(&x, &y);
    }
    asc__curve_clear(&ca);
    asc__curve_clear(&cb);
    return st;
}

asc_status asc__steps_saved(asc_summary_saved *out, const asc__study *s, const asc__mixture *m,
                            const asc__mixture *uniform, asc_error *err)
{
    asc_summary_saved v = {.mean = NAN, .lo = INFINITY, .hi = -INFINITY, .shorter = true};
    double sum = 0;
    bool shorter = false;
    for (int r = 0; uniform && s->spec->validate && r < s->spec->seeds; r++) {
        double x;
        const asc_store_run *a = &s->runs[m->runs[r]], *b = &s->runs[uniform->runs[r]];
        if (a->state != ASC_RUN_DONE || b->state != ASC_RUN_DONE)
            continue;
        ASC_TRY(saved_by_pair(&x, &shorter, s, a, b, err));
        if (isnan(x))
            continue;
        v.shorter &= shorter;
        sum += x;
        v.lo = fmin(v.lo, x);
        v.hi = fmax(v.hi, x);
        v.pairs++;
    }
    if (v.pairs)
        v.mean = sum / v.pairs;
    v.shorter &= v.pairs > 0;
    *out = v;
    return ASC_OK;
}

/* ---- the answer ---- */

/* Uniform's mean less the answer's, with its interval over seeds. */
static asc_summary_gain gain_over_uniform(asc__study *s, asc__mixture *answer)
{
    asc__mixture *uniform = asc__mixture_of(s, ASC_MIXTURE_UNIFORM);
    size_t n = 0, m = 0;
    const double *a = measured(s, answer, &n), *b = uniform ? measured(s, uniform, &m) : NULL;
    if (n == 0 || m == 0)
        return (asc_summary_gain){.known = false, .mean = NAN};
    asc_gain g = asc_gain_over(a, n, b, m, asc__known_noise(s), LEVEL);
    if (answer->same_as == uniform->same_as)
        g = (asc_gain){.mean = 0, .lo = NAN, .hi = NAN, .noise = g.noise};
    return (asc_summary_gain){.known = true,
                              .mean = g.mean,
                              .lo = g.lo,
                              .hi = g.hi,
                              .noise = g.noise,
                              .beyond_noise = g.beyond_noise && g.mean > 0};
}

/* What a candidate is called in the sentence that says why it was chosen. */
static const char *candidate_name(const asc__mixture *m)
{
    return m->kind == ASC_MIXTURE_RULE ? "the AutoScale prediction" : m->word;
}

static asc_status choose(asc__study *s, asc__answer *answer, asc_error *err)
{
    asc_candidate *c = asc_calloc(s->n_mixtures, sizeof *c);
    size_t *of = asc_calloc(s->n_mixtures, sizeof *of), n = 0;
    if (!c || !of) {
        asc_free(c);
        asc_free(of);
        return ASC_NOMEM(err);
    }
    for (size_t i = 0; i < s->n_mixtures; i++) {
        asc__mixture *m = &s->mixtures[i];
        size_t k;
        const double *value = measured(s, m, &k);
        if (s->spec->validate && k == 0)
            continue; /* every run of it diverged */
        m->past_error = asc__study_past_error(s, m);
        c[n] = (asc_candidate){.name = candidate_name(m),
                               .simplicity = asc_candidate_simplicity(m->kind),
                               .value = value,
                               .n = k,
                               .past_error = m->past_error,
                               .expected = m->expected};
        of[n++] = i;
    }
    if (n)
        answer->mixture = of[asc_choose_answer(c, n, asc__known_noise(s), LEVEL, *s->untold ? s->untold : NULL,
                                               answer->why, sizeof answer->why)];
    asc_free(c);
    asc_free(of);
    if (asc_interrupted()) /* what was asked of laws meanwhile may be unknown for that reason alone */
        return ASC_FAIL(err, ASC_EINTR, "interrupted");
    return n ? ASC_OK
             : ASC_FAIL(err, ASC_ENUMERIC, "every run at the target diverged (training.lr %g)", s->spec->training.lr);
}

/* Interval of each share, of the method that made it. */
static void find_interval(asc__answer *a, const asc__study *s, asc_mixture_kind kind)
{
    const asc__scale *last = asc__last_fitted(s);
    if (kind == ASC_MIXTURE_RULE) {
        a->lo = s->rule.shrunken_lo;
        a->hi = s->rule.shrunken_hi;
    } else if (kind == ASC_MIXTURE_KEEP_LAST && last) {
        a->lo = last->optimum.w_lo;
        a->hi = last->optimum.w_hi;
    } else if (kind == ASC_MIXTURE_JOINT && !asc__by_branches(s)) { /* where branches began: that law may be gone */
        a->lo = s->joint.w_lo;
        a->hi = s->joint.w_hi;
    }
}

/* What the search took: the proxies' tokens and seconds, and where what it saves has paid for them. */
static void find_cost(asc__answer *a, const asc__study *s)
{
    for (size_t i = 0; i < s->n_runs; i++) {
        const asc_store_run *r = &s->runs[i];
        if (!asc__is_search(r->kind) || !r->result)
            continue;
        double begun = asc__run_tokens(r) - asc__run_trained(s, r);
        a->search_tokens += isnan(r->result->tokens) ? 0 : fmax(0, r->result->tokens - begun);
        a->search_seconds += isnan(r->result->wall_s) ? 0 : r->result->wall_s;
    }
    a->search_flops = asc__search_flops(s);
    a->pays_from_tokens = a->gain.beyond_noise && a->saved.mean > 0 ? a->search_tokens / a->saved.mean : NAN;
}

asc_status asc__study_write_answer(const asc__study *s, asc_error *err)
{
    const asc__mixture *a = &s->mixtures[s->answer.mixture];
    asc_mix_file m = {0};
    char *path = asc_path_join(s->dir, "mixture.json");
    asc_status st = path ? asc__mix_file_begin(&m, s, "tokens", err) : ASC_NOMEM(err); /* beside mixture.json */
    for (size_t i = 0; st == ASC_OK && i < s->D; i++) {
        m.weights[i] = a->weights[i];
        m.tokens[i] = a->tokens[i];
    }
    m.from = json_pack("{s:s,s:s,s:s,s:s,s:s}", "command", "run", "study", s->spec->name, "mixture", a->name,
                       "objective", s->spec->objective_text, "why", s->answer.why);
    if (a->kind == ASC_MIXTURE_SCHEDULE)
        m.phases = asc__phases_json(s, a);
    if (st == ASC_OK)
        st = asc_mix_file_write(path, &m, err);
    asc_mix_file_clear(&m);
    asc_free(path);
    return st;
}

asc_status asc__study_answer(asc__study *s, asc_error *err)
{
    asc__answer a = {0};
    ASC_TRY(choose(s, &a, err));
    if (asc__by_branches(s) && !s->spec->validate)
        asc__branch_why(a.why, sizeof a.why, s);
    asc__mixture *m = &s->mixtures[a.mixture];
    ASC_TRY(asc__steps_saved(&a.saved, s, m, asc__mixture_of(s, ASC_MIXTURE_UNIFORM), err));
    a.gain = gain_over_uniform(s, m);
    find_interval(&a, s, m->kind);
    find_cost(&a, s);
    a.known = true;
    s->answer = a;
    asc__say_expected(s);
    return ASC_OK;
}
