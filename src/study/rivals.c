/* The published methods named in `target.against`: the runs they need, their mixtures, and what they took, each counted
 * by itself and apart from the study's own search (docs/rivals.md). */
#include "steps.h"

#include <math.h>
#include <string.h>

enum { DRAWS = 8 };   /* per run of the swarm, of which equal ones are left out */
#define SWARM "swarm" /* the mixture's word of runs that several rivals share */

/* ---- which ---- */

bool asc__rival_has_proxy(const asc__rival *r)
{
    return r->method->need == ASC_RIVAL_PROXY;
}

bool asc__rival_needs_swarm(const asc__rival *r)
{
    return r->method->need == ASC_RIVAL_SWARM;
}

bool asc__rival_has_run(const asc__rival *r, const char *mixture)
{
    return strcmp(mixture, r->method->name) == 0 || (asc__rival_needs_swarm(r) && strcmp(mixture, SWARM) == 0);
}

const double *asc__rival_weights(const asc__study *s, const char *name)
{
    for (size_t k = 0; k < s->rivals.n; k++)
        if (strcmp(s->rivals.list[k].method->name, name) == 0)
            return s->rivals.list[k].weights;
    return NULL;
}

void asc__rivals_clear(asc__study *s)
{
    for (size_t k = 0; k < s->rivals.n; k++)
        asc_free(s->rivals.list[k].weights);
    asc_free(s->rivals.list);
    asc_free(s->rivals.swarm);
    s->rivals = (asc__rivals){0};
}

static asc_status find_rivals(asc__study *s, asc_error *err)
{
    asc__rivals *x = &s->rivals;
    x->list = asc_calloc(s->spec->n_against + 1, sizeof *x->list);
    if (!x->list)
        return ASC_NOMEM(err);
    for (size_t i = 0; i < s->spec->n_against; i++) {
        const asc_mixture_ref *ref = &s->spec->against[i];
        if (ref->kind != ASC_MIXTURE_RIVAL)
            continue;
        const asc_rival *m = asc_rival_named(ref->name);
        const char *missing = m->missing ? m->missing() : NULL;
        if (missing)
            return ASC_FAIL(err, ASC_EMISSING, "%s: against: %s: %s", s->spec->path, m->name, missing);
        x->list[x->n++].method = m;
    }
    return ASC_OK;
}

/* ---- the swarm ---- */

static double whole_tokens(const asc__study *s, double asked)
{
    double T = s->model.context, n = asked <= 1 ? asked * s->spec->target_tokens : asked;
    return fmax(floor(n / T), 1) * T;
}

/* The proxies' model. */
static const asc__size *size_of(const asc__study *s)
{
    return asc__size_of(s, asc__size_of_kind(s, ASC_KIND_RIVAL));
}

static double run_flops(const asc__study *s, double tokens)
{
    const asc__size *z = size_of(s);
    return asc__train_flops(z, tokens) + asc__eval_flops(z, asc__eval_tokens(s));
}

/* Runs and tokens of each within search.at_most: fewer runs first, down to twice what a law of D domains needs, then
 * shorter ones, down to a step. */
static asc_status cut_swarm(int *runs, double *tokens, const asc__study *s, asc_notes *notes, asc_error *err)
{
    double budget = s->spec->search.at_most * asc__target_flops(s), least = 2 * ((double)s->D + 1);
    char was[24], now[24];
    *runs = s->spec->rivals.runs;
    *tokens = whole_tokens(s, s->spec->rivals.run_tokens);
    if (isnan(budget) || *runs * run_flops(s, *tokens) <= budget)
        return ASC_OK;
    double before = *tokens, most = floor(budget / run_flops(s, *tokens));
    if (most < least && most < *runs) {
        most = fmin(least, *runs);
        double left = budget / most - run_flops(s, 0);
        *tokens = left > 0 ? whole_tokens(s, fmax(1, left / (run_flops(s, 1) - run_flops(s, 0)))) : 0;
        if (*tokens < (double)s->spec->training.batch_tokens)
            return ASC_FAIL(err, ASC_EINVAL,
                            "%s: search.at_most %g leaves the rivals' swarm %.0f runs of less than one step: a larger "
                            "share, or less validation.tokens",
                            s->spec->path, s->spec->search.at_most, most);
    }
    *runs = (int)fmin(most, *runs);
    asc_notes_say(notes, CUT_RIVALS, s->spec->search.at_most, *runs, asc_format_count(*tokens, now),
                  s->spec->rivals.runs, asc_format_count(before, was));
    return ASC_OK;
}

static bool in_swarm(const asc__study *s, const double *tokens)
{
    for (size_t k = 0; k < s->rivals.n_swarm; k++)
        if (memcmp(s->runs[s->rivals.swarm[k]].tokens, tokens, s->D * sizeof *tokens) == 0)
            return true;
    return false;
}

/* A run of these tokens (D) for one rival or several; id is freed. */
static asc_status add_run(size_t *run, asc__study *s, char *id, const char *mixture, double *tokens, double total,
                          bool store, asc_error *err)
{
    asc_store_run want = {.id = id,
                          .kind = ASC_KIND_RIVAL,
                          .mixture = (char *)(uintptr_t)mixture,
                          .scale = total,
                          .seed = s->spec->training.seed,
                          .n_domains = s->D,
                          .tokens = tokens};
    asc_status st = id ? asc__study_add_run(run, s, &want, store, err) : ASC_NOMEM(err);
    asc_free(id);
    return st;
}

/* One more run, unless there is one of the same tokens: draws of small strength put all on one domain, again and again.
 */
static asc_status add_drawn(asc__study *s, const double *weights, bool store, asc_error *err)
{
    asc__rivals *x = &s->rivals;
    char label[32];
    double *tokens = asc_calloc(s->D, sizeof *tokens);
    asc_status st = tokens ? asc__run_amounts(tokens, s, weights, x->swarm_tokens, err) : ASC_NOMEM(err);
    if (st == ASC_OK && !in_swarm(s, tokens)) {
        char *id = asc_strf("v%s-mix-%zu", asc__tokens_label(x->swarm_tokens, label), x->n_swarm);
        st = add_run(&x->swarm[x->n_swarm], s, id, SWARM, tokens, x->swarm_tokens, store, err);
        x->n_swarm += st == ASC_OK;
    }
    asc_free(tokens);
    return st;
}

void asc__natural_shares(double *w, const asc__study *s)
{
    asc__study_weights(w, s, &(asc_mixture_ref){.kind = ASC_MIXTURE_NATURAL});
}

static asc_status begin_swarm(asc__study *s, bool store, asc_notes *notes, asc_error *err)
{
    int n = 0;
    ASC_TRY(cut_swarm(&n, &s->rivals.swarm_tokens, s, notes, err));
    size_t drawn = DRAWS * (size_t)n;
    double *natural = asc_calloc(s->D, sizeof *natural), *w = asc_calloc(drawn * s->D, sizeof *w);
    s->rivals.swarm = asc_calloc((size_t)n, sizeof *s->rivals.swarm);
    asc_status st = natural && w && s->rivals.swarm ? ASC_OK : ASC_NOMEM(err);
    if (st == ASC_OK) {
        asc__natural_shares(natural, s);
        st = asc_rival_mixtures(w, drawn, natural, s->D, NULL, NULL, s->spec->training.seed, err);
    }
    for (size_t k = 0; st == ASC_OK && k < drawn && s->rivals.n_swarm < (size_t)n; k++)
        st = add_drawn(s, w + k * s->D, store, err);
    asc_free(natural);
    asc_free(w);
    return st;
}

/* ---- runs that learn their weights ---- */

/* Of a run's rule: its steps are those that the trainer will make. */
static asc_online_run rule_run(const asc__study *s, double tokens)
{
    int64_t n = (int64_t)(tokens / s->model.context);
    return (asc_online_run){.n_domains = s->D,
                            .n_steps = asc_train_steps_of(&size_of(s)->model, &s->spec->training, n).n_steps};
}

/* The text targets that the objective weighs beside the domains' own; NULL: none. (V) of out. */
static bool goal_of(double *out, const asc__study *s)
{
    const asc_objective *o = &s->spec->objective;
    double sum = 0;
    for (size_t v = 0; v < s->V; v++) {
        double w = o->kind == ASC_OBJ_WEIGHTS ? o->weights[v] : o->kind == ASC_OBJ_MEAN_LOSS ? 1 / (double)s->V : 0;
        out[v] = asc__is_text(s, v) ? w : 0;
        sum += v < s->D ? 0 : out[v];
    }
    return sum > 0;
}

static double extra_flops(const asc__study *s, const asc__rival *r, double tokens)
{
    const asc_online *rule = r->method->online;
    const asc_online_run run = rule_run(s, tokens);
    double sum = rule->excess ? 2 * asc__eval_flops(size_of(s), tokens) : 0;
    double step = (double)s->spec->training.batch_tokens,
           *goal = rule->gradients ? asc_calloc(s->V, sizeof *goal) : NULL;
    if (goal && goal_of(goal, s))
        for (size_t v = 0; v < s->V; v++)
            sum += goal[v] > 0 ? asc__train_flops(size_of(s),
                                                  fmax(tokens / (double)s->D, (double)run.n_steps * s->model.context))
                               : 0;
    asc_free(goal);
    return sum + (double)asc_online_measured(rule, &run) * asc__eval_flops(size_of(s), step * (double)s->D);
}

/* The rival that a run belongs to, and which of its runs it is; NULL: none's own. */
static const asc__rival *owner(const asc__study *s, const asc_store_run *r, size_t *k)
{
    for (size_t i = 0; i < s->rivals.n; i++)
        for (*k = 0; *k < s->rivals.list[i].n_runs; ++*k)
            if (&s->runs[s->rivals.list[i].runs[*k]] == r)
                return &s->rivals.list[i];
    return NULL;
}

/* The rival whose mixture a run learns: its last; NULL: none's. */
static const asc__rival *learner(const asc__study *s, const asc_store_run *r)
{
    size_t k;
    const asc__rival *x = r->kind == ASC_KIND_RIVAL ? owner(s, r, &k) : NULL;
    return x && k + 1 == x->n_runs ? x : NULL;
}

bool asc__learns_mixture(const asc__study *s, const asc_store_run *r)
{
    return learner(s, r) != NULL;
}

double asc__rival_extra_flops(const asc__study *s, const asc_store_run *r)
{
    const asc__rival *x = learner(s, r);
    return x ? extra_flops(s, x, asc__run_tokens(r)) : 0;
}

/* Of all its runs of so many tokens. */
static double proxy_flops(const asc__study *s, const asc__rival *r, double tokens)
{
    return (r->method->reference ? 2 : 1) * run_flops(s, tokens) + extra_flops(s, r, tokens);
}

/* Tokens within search.at_most; what they cost rises with them, so that halving finds them. */
static asc_status proxy_tokens(double *tokens, const asc__study *s, const asc__rival *r, asc_notes *notes,
                               asc_error *err)
{
    double budget = s->spec->search.at_most * asc__target_flops(s), batch = (double)s->spec->training.batch_tokens;
    double lo = 0, hi = whole_tokens(s, s->spec->rivals.tokens);
    char was[24], now[24];
    *tokens = hi;
    if (isnan(budget) || proxy_flops(s, r, hi) <= budget)
        return ASC_OK;
    for (int k = 0; k < 40; k++) {
        double middle = (lo + hi) / 2;
        *(proxy_flops(s, r, middle) <= budget ? &lo : &hi) = middle;
    }
    *tokens = whole_tokens(s, fmax(lo, 2));
    if (*tokens < batch)
        return ASC_FAIL(err, ASC_EINVAL,
                        "%s: search.at_most %g leaves %s less than one step: a larger share, or less validation.tokens",
                        s->spec->path, s->spec->search.at_most, r->method->name);
    asc_notes_say(notes, CUT_RIVAL, s->spec->search.at_most, r->method->name, asc_format_count(*tokens, now),
                  asc_format_count(whole_tokens(s, s->spec->rivals.tokens), was));
    return ASC_OK;
}

static asc_status add_own(asc__study *s, asc__rival *r, const char *suffix, const double *weights, double total,
                          bool store, asc_error *err)
{
    char label[32];
    double *tokens = asc_calloc(s->D, sizeof *tokens);
    asc_status st = tokens ? asc__run_amounts(tokens, s, weights, total, err) : ASC_NOMEM(err);
    if (st == ASC_OK) {
        char *id = asc_strf("v%s-%s%s", asc__tokens_label(total, label), r->method->name, suffix);
        st = add_run(&r->runs[r->n_runs], s, id, r->method->name, tokens, total, store, err);
        r->n_runs += st == ASC_OK;
    }
    asc_free(tokens);
    return st;
}

/* A proxy's own tokens are even: how many it really takes of each domain is its method's affair. */
static asc_status begin_proxy(asc__study *s, asc__rival *r, bool store, asc_notes *notes, asc_error *err)
{
    double tokens = 0, *w = asc_calloc(s->D, sizeof *w);
    asc_status st = w ? proxy_tokens(&tokens, s, r, notes, err) : ASC_NOMEM(err);
    if (st == ASC_OK && r->method->reference) {
        asc__natural_shares(w, s);
        st = add_own(s, r, "-reference", w, tokens, store, err);
    }
    for (size_t i = 0; st == ASC_OK && i < s->D; i++)
        w[i] = 1 / (double)s->D;
    if (st == ASC_OK)
        st = add_own(s, r, "", w, tokens, store, err);
    asc_free(w);
    return st;
}

asc_status asc__tell_rival(asc_run_spec *out, const asc__study *s, const asc_store_run *r, asc_error *err)
{
    size_t k;
    const asc__rival *x = r->kind == ASC_KIND_RIVAL ? owner(s, r, &k) : NULL;
    if (!x)
        return ASC_OK;
    if (k + 1 < x->n_runs) { /* the proxy begins with it */
        out->keep_checkpoint = true;
        return ASC_OK;
    }
    out->online = asc_strdup(x->method->name);
    out->online_prior = asc_calloc(s->D, sizeof *out->online_prior);
    out->online_goal = asc_calloc(s->V, sizeof *out->online_goal);
    if (!out->online || !out->online_prior || !out->online_goal)
        return ASC_NOMEM(err);
    asc__natural_shares(out->online_prior, s);
    if (!goal_of(out->online_goal, s)) {
        asc_free(out->online_goal);
        out->online_goal = NULL;
    }
    if (x->n_runs < 2)
        return ASC_OK;
    out->online_reference = asc_strf("../%s/checkpoint", s->runs[x->runs[0]].id);
    return out->online_reference ? ASC_OK : ASC_NOMEM(err);
}

asc_status asc__rivals_begin(asc__study *s, bool store, asc_notes *notes, asc_error *err)
{
    bool swarm = false;
    ASC_TRY(find_rivals(s, err));
    for (size_t k = 0; k < s->rivals.n; k++)
        swarm |= asc__rival_needs_swarm(&s->rivals.list[k]);
    for (size_t k = 0; k < s->rivals.n; k++)
        if (asc__rival_has_proxy(&s->rivals.list[k]))
            ASC_TRY(begin_proxy(s, &s->rivals.list[k], store, notes, err));
    return swarm ? begin_swarm(s, store, notes, err) : ASC_OK;
}

/* ---- what they took ---- */

/* Among those that the study now asks for: one that was edited may have others. */
static bool is_asked(const asc__study *s, size_t run)
{
    for (size_t k = 0; k < s->rivals.n_swarm; k++)
        if (s->rivals.swarm[k] == run)
            return true;
    for (size_t k = 0; k < s->rivals.n; k++)
        for (size_t i = 0; i < s->rivals.list[k].n_runs; i++)
            if (s->rivals.list[k].runs[i] == run)
                return true;
    return false;
}

asc__rival_cost asc__rival_took(const asc__study *s, const asc__rival *r)
{
    asc__rival_cost c = {0};
    for (size_t i = 0; i < s->n_runs; i++) {
        const asc_store_run *x = &s->runs[i];
        bool ended = x->state == ASC_RUN_DONE || x->state == ASC_RUN_DIVERGED;
        if (x->kind != ASC_KIND_RIVAL || !ended || !asc__rival_has_run(r, x->mixture) || !is_asked(s, i))
            continue;
        c.runs++;
        c.tokens += asc__run_tokens(x);
        c.flops += run_flops(s, asc__run_tokens(x)) + asc__rival_extra_flops(s, x);
        c.seconds += x->result ? x->result->wall_s : NAN;
    }
    return c;
}

void asc__put_rivals(asc_summary *o, const asc__study *s)
{
    if (s->rivals.n == 0)
        return;
    o->rivals = asc_summary_alloc(o, s->rivals.n * sizeof *o->rivals);
    for (size_t k = 0; o->rivals && k < s->rivals.n; k++) {
        const asc__rival *r = &s->rivals.list[k];
        asc__rival_cost c = asc__rival_took(s, r);
        o->rivals[o->n_rivals++] =
            (asc_summary_rival){.name = asc_summary_text(o, r->method->name),
                                .method = asc_summary_text(o, r->method->help),
                                .weights = r->weights ? asc_summary_numbers(o, r->weights, s->D) : NULL,
                                .n_runs = (double)c.runs,
                                .tokens = c.tokens,
                                .flops = c.flops,
                                .share = c.flops / asc__target_flops(s),
                                .seconds = c.seconds};
    }
}
