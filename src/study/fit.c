/* From runs to optima and the prediction: the same functions as `fit`, `optimize` and `predict`, on the same tables
 * that the study writes, so that these commands give the study's own numbers. */
#include "steps.h"

#include <math.h>
#include <string.h>

/* ---- tables ---- */

/* Tokens really used, where the trainer says; else as planned. */
static double used_tokens(const asc_store_run *r, size_t i)
{
    double said = r->result ? r->result->domain_tokens[i] : NAN;
    return isnan(said) ? r->tokens[i] : said;
}

/* Branches and merged models have tables of their own: they are no runs from the start. So have the rivals' runs, which
 * the study's own search has not paid for. */
static bool is_apart(const asc_store_run *r)
{
    return r->kind == ASC_KIND_RIVAL || r->kind == ASC_KIND_PREFIX || r->kind == ASC_KIND_BRANCH ||
           r->kind == ASC_KIND_MERGE || r->kind == ASC_KIND_PAUSE;
}

static bool is_target(const asc_store_run *r)
{
    return r->kind == ASC_KIND_TARGET;
}

/* A swarm's law is that of the rounds there are: runs that a later round left in the store before a kill are not known
 * yet, so that the round is chosen as it was. Stars are made before any is. */
static bool is_known(const asc__study *s, size_t run)
{
    const asc_store_run *r = &s->runs[run];
    bool known = !asc__has_swarm_step(s) || asc__is_given(r) || asc__is_star(r->kind);
    for (size_t k = 0; !known && k < s->swarm.n; k++)
        known = s->swarm.runs[k] == run;
    return known;
}

/* Whether a run has losses for a table: its own, or those predicted of one that was stopped. */
static bool has_losses(const asc__study *s, size_t run)
{
    const asc_store_run *r = &s->runs[run];
    return (r->state == ASC_RUN_DONE && r->result) || asc__stop_of(s, run);
}

/* Ended star runs of one scale (ASC_NONE: of all), with the target's too where asked for. Indices in order; *n of them.
 */
static asc_status select_runs(size_t **out, size_t *n, const asc__study *s, size_t scale, bool target, asc_error *err)
{
    size_t *list = asc_calloc(s->n_runs + 1, sizeof *list);
    if (!list)
        return ASC_NOMEM(err);
    *n = 0;
    for (size_t i = 0; i < s->n_runs; i++) {
        const asc_store_run *r = &s->runs[i];
        if (has_losses(s, i) && !is_apart(r) && (target || (!is_target(r) && is_known(s, i))) &&
            (scale == ASC_NONE || asc__at_scale(s, r, scale)))
            list[(*n)++] = i;
    }
    *out = list;
    return ASC_OK;
}

static asc_status fill_row(asc_table *t, size_t row, const asc__study *s, size_t run, asc_error *err)
{
    size_t D = s->D, V = s->V;
    const asc_store_run *r = &s->runs[run];
    const asc__stop *stop = asc__stop_of(s, run);
    t->runs.total[row] = 0;
    for (size_t i = 0; i < D; i++) {
        t->runs.tokens[row * D + i] = used_tokens(r, i);
        t->runs.total[row] += t->runs.tokens[row * D + i];
    }
    t->runs.params[row] = asc__size_params(asc__size_of(s, r->model));
    t->runs.group[row] = row;
    t->seed[row] = (double)r->seed;
    t->runs.trust[row] = stop ? stop->trust : 1;
    t->has_trust |= stop != NULL;
    memcpy(t->runs.loss + row * V, stop ? stop->loss : asc__run_losses(r), V * sizeof *t->runs.loss);
    return asc_table_set_run(t, row, r->id, err);
}

asc_status asc__study_table(asc_table *out, const asc__study *s, const size_t *list, size_t n, asc_error *err)
{
    asc_table t = {0};
    asc_status st = asc_table_init(&t, n, s->spec->domain_names, s->D, s->spec->target_names, s->V, err);
    for (size_t i = 0; i < n && st == ASC_OK; i++)
        st = fill_row(&t, i, s, list[i], err);
    t.runs.n_groups = n;
    t.has_run = t.has_seed = t.has_params = t.has_tokens = true;
    if (st == ASC_OK)
        *out = t;
    else
        asc_table_clear(&t);
    return st;
}

static asc_status make_table(asc_table *out, const asc__study *s, size_t scale, bool target, asc_error *err)
{
    size_t *list = NULL, n = 0;
    ASC_TRY(select_runs(&list, &n, s, scale, target, err));
    asc_status st = asc__study_table(out, s, list, n, err);
    asc_free(list);
    return st;
}

static asc_status write_table(const asc__study *s, const char *name, size_t scale, bool target, asc_error *err)
{
    asc_table t = {0};
    char *path = asc_path_join(s->dir, name);
    asc_status st = path ? make_table(&t, s, scale, target, err) : ASC_NOMEM(err);
    if (st == ASC_OK && t.runs.n_runs > 0)
        st = asc_table_write(path, &t, err);
    asc_table_clear(&t);
    asc_free(path);
    return st;
}

asc_status asc__study_write_tables(asc__study *s, asc_error *err)
{
    char label[64], name[80];
    ASC_TRY(write_table(s, "runs.csv", ASC_NONE, true, err));
    for (size_t i = 0; i < s->spec->n_scales; i++) {
        snprintf(name, sizeof name, "scale-%s.csv", asc__scale_label(s, i, label));
        ASC_TRY(write_table(s, name, i, false, err));
    }
    char *path = s->optima.n_scales ? asc_path_join(s->dir, "optima.csv") : NULL;
    asc_status st = path ? asc_optima_write(path, &s->optima, err) : ASC_OK;
    asc_free(path);
    return st;
}

/* ---- one scale ---- */

/* size NULL: that of the law's runs. */
static asc_status optimum_at(asc_mix_result *out, const asc__study *s, const asc_law_set *law, double tokens,
                             const asc__size *size, bool discount, asc_error *err)
{
    asc_mix_opts o;
    asc_mix_opts_init(&o);
    o.params = size && s->n_sizes > 1 ? asc__size_params(size) : NAN;
    o.n_tokens = (int64_t)tokens;
    o.n_threads = s->jobs;
    o.progress = asc__step_tell;
    o.progress_ctx = (void *)(uintptr_t)s;
    o.limits = asc__limits_of(s, tokens, discount);
    o.no_repetition = asc__matches(s->spec); /* its runs repeated text as this does */
    return asc_mix_optimum(out, law, &o, err);
}

static asc_status fit_table(asc_law_set *law, const asc__study *s, const asc_runs *runs, const char *name,
                            asc_error *err)
{
    asc_law_opts o;
    asc_law_opts_init(&o);
    o.law = name;
    o.objective = &s->spec->objective;
    o.n_threads = s->jobs;
    o.progress = asc__step_tell;
    o.progress_ctx = (void *)(uintptr_t)s;
    return asc_law_fit(law, runs, &o, err);
}

static asc_status fit_star(asc__study *s, asc__scale *sc, const asc_runs *runs, asc_error *err)
{
    /* Of an earlier try that was interrupted. */
    asc_law_set_clear(&sc->law);
    asc_ddo_star_clear(&sc->star);
    asc_mix_result_clear(&sc->optimum);
    ASC_TRY(fit_table(&sc->law, s, runs, "ddo", err));
    ASC_TRY(asc_ddo_star_find(&sc->star, runs, &s->spec->objective, err));
    return optimum_at(&sc->optimum, s, &sc->law, sc->tokens, NULL, false, err);
}

/* What is no fault of the law's: not a note, the end of the step. */
static asc_status pass_on(asc_status st, const asc_error *why, asc_error *err)
{
    if (err)
        *err = *why;
    return st;
}

asc_status asc__study_fit_scale(asc__study *s, size_t k, asc_error *err)
{
    asc__scale *sc = &s->scales[k];
    asc_table t = {0};
    asc_error why = {0};
    if (sc->ended)
        return ASC_OK;
    ASC_TRY(make_table(&t, s, k, false, err));
    asc_status st = fit_star(s, sc, &t.runs, &why);
    asc_table_clear(&t);
    if (st == ASC_ENOMEM || st == ASC_EINTR)
        return pass_on(st, &why, err);
    /* A star that lost runs to divergence may not be fitted: said, and the other scales go on. */
    if (st != ASC_OK) {
        asc_notes_say(&sc->notes, NO_FIT, why.msg);
        asc_free(sc->why);
        sc->why = asc_strdup(why.msg);
    }
    sc->fitted = st == ASC_OK;
    sc->ended = true;
    return ASC_OK;
}

/* ---- across scales ---- */

/* The optima of the first n fitted scales as the table that `predict` reads. */
static asc_status make_optima(asc_optima *out, const asc__study *s, size_t n, asc_error *err)
{
    size_t D = s->D, row = 0;
    ASC_TRY(asc_optima_init(out, n, D, true, err));
    if (asc_study_shares_budgets(s->spec) && !(out->params = asc_calloc(n, sizeof *out->params)))
        return ASC_NOMEM(err);
    for (size_t i = 0; i < D; i++)
        if (!(out->domains[i] = asc_strdup(s->spec->domain_names[i])))
            return ASC_NOMEM(err);
    for (size_t k = 0; k < s->spec->n_scales && row < n; k++) {
        const asc__scale *sc = &s->scales[k];
        if (!sc->fitted)
            continue;
        out->tokens[row] = sc->tokens;
        if (out->params)
            out->params[row] = asc__size_params(asc__size_of(s, asc__size_at_scale(s, k)));
        memcpy(out->weights + row * D, sc->optimum.weights, D * sizeof *out->weights);
        for (size_t i = 0; i < D && out->lo && out->hi; i++) {
            out->lo[row * D + i] = sc->optimum.w_lo ? sc->optimum.w_lo[i] : NAN;
            out->hi[row * D + i] = sc->optimum.w_hi ? sc->optimum.w_hi[i] : NAN;
        }
        row++;
    }
    return ASC_OK;
}

static asc_status rule_at(asc_rule_result *out, const asc__study *s, const asc_optima *optima, double tokens,
                          asc_error *err)
{
    const asc_rule_opts o = {.n_tokens = (int64_t)tokens, .limits = asc__limits_of(s, tokens, false)};
    return asc_rule_predict(out, optima, &o, err);
}

/* Of a swarm those runs alone that it has come to: when it is gone through again, runs of its later rounds are there
 * before they are chosen. Before them its stars, and what was made before the study became what it is. */
static asc_status swarm_table(asc_table *out, const asc__study *s, asc_error *err)
{
    size_t n = 0, *done = asc_calloc(s->n_runs + 1, sizeof *done);
    if (!done)
        return ASC_NOMEM(err);
    for (size_t i = 0; i < s->n_runs; i++) {
        const asc_store_run *r = &s->runs[i];
        bool given = asc__is_given(r) || asc__is_star(r->kind);
        if (given && r->state == ASC_RUN_DONE && r->result && !is_apart(r) && !is_target(r))
            done[n++] = i;
    }
    for (size_t k = 0; k < s->swarm.n; k++)
        if (has_losses(s, s->swarm.runs[k]) && !asc__is_given(&s->runs[s->swarm.runs[k]]))
            done[n++] = s->swarm.runs[k];
    asc_status st = asc__study_table(out, s, done, n, err);
    asc_free(done);
    return st;
}

/* A law of tokens and mixture together, from the runs of all scales: its own optimum at the target. */
asc_status asc__study_fit_joint(asc__study *s, asc_error *err)
{
    asc_table t = {0};
    asc_error why = {0};
    ASC_TRY(asc__has_swarm_step(s) ? swarm_table(&t, s, err) : make_table(&t, s, ASC_NONE, false, err));
    asc_status st = fit_table(&s->joint_law, s, &t.runs, "auto", &why);
    if (st == ASC_OK)
        st = optimum_at(&s->joint, s, &s->joint_law, s->spec->target_tokens, asc__target_size(s), true, &why);
    asc_table_clear(&t);
    if (st == ASC_ENOMEM || st == ASC_EINTR)
        return pass_on(st, &why, err);
    if (st != ASC_OK)
        asc_notes_say(&s->notes, NO_JOINT, why.msg);
    s->has_joint = st == ASC_OK;
    return ASC_OK;
}

static asc_status fail_unfitted(const asc__study *s, asc_error *err)
{
    const asc_store_run *first = NULL;
    size_t diverged = 0, n = 0;
    for (size_t i = 0; i < s->n_runs; i++)
        if (!is_target(&s->runs[i]) && !is_apart(&s->runs[i])) {
            n++;
            diverged += s->runs[i].state == ASC_RUN_DIVERGED;
            first = !first && s->runs[i].state == ASC_RUN_DIVERGED ? &s->runs[i] : first;
        }
    if (first)
        return ASC_FAIL(err, ASC_ENUMERIC,
                        "no scale could be fitted: %zu of %zu runs diverged, the first of them %s (%s); to train with "
                        "a training.lr below %g use another --dir",
                        diverged, n, first->id, first->why ? first->why : "no reason recorded", s->spec->training.lr);
    return ASC_FAIL(err, ASC_ENUMERIC, "no scale could be fitted: %s",
                    s->scales[0].why ? s->scales[0].why : "no reason recorded");
}

/* Budgets at which the optima of o, rising in them, were measured. */
static size_t n_budgets(const asc_optima *o)
{
    size_t n = o->n_scales > 0;
    for (size_t k = 1; k < o->n_scales; k++)
        n += o->tokens[k] > o->tokens[k - 1];
    return n;
}

asc_status asc__study_predict(asc__study *s, asc_error *err)
{
    size_t n = 0;
    asc_error why = {0};
    char label[32];
    for (size_t k = 0; k < s->spec->n_scales; k++)
        n += s->scales[k].fitted;
    if (n == 0)
        return fail_unfitted(s, err);
    ASC_TRY(make_optima(&s->optima, s, n, err));
    if (n >= 2 && n_budgets(&s->optima) < 2)
        asc_notes_say(&s->notes, ONE_BUDGET, n, asc_format_count(s->optima.tokens[0], label));
    else if (n >= 2) {
        asc_status st = rule_at(&s->rule, s, &s->optima, s->spec->target_tokens, &why);
        if (st == ASC_ENOMEM || st == ASC_EINTR)
            return pass_on(st, &why, err);
        s->has_rule = st == ASC_OK;
        if (st != ASC_OK)
            asc_notes_say(&s->notes, NO_RULE, why.msg);
    } else
        asc_notes_say(&s->notes, ONE_SCALE);
    return asc__study_fit_joint(s, err);
}

const asc__scale *asc__last_fitted(const asc__study *s)
{
    for (size_t k = s->spec->n_scales; k-- > 0;)
        if (s->scales[k].fitted)
            return &s->scales[k];
    return NULL;
}

/* ---- how well each method would have predicted the largest scale ---- */

static double distance(const double *a, const double *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += fabs(a[i] - b[i]);
    return sum / 2;
}

static double rule_error(const asc__study *s, size_t n, double tokens, const double *truth)
{
    asc_optima before = {0};
    asc_rule_result r = {0};
    asc_error ignored;
    double x = NAN;
    while (n > 0 && !(s->optima.tokens[n - 1] < tokens))
        n--;
    if (n >= 2 && make_optima(&before, s, n, &ignored) == ASC_OK && rule_at(&r, s, &before, tokens, &ignored) == ASC_OK)
        x = distance(r.shrunken, truth, s->D);
    asc_optima_clear(&before);
    asc_rule_result_clear(&r);
    return x;
}

/* Whether a run is below the k-th scale: of at most the tokens of the budget before, or of its own and smaller. */
static bool is_below(const asc__study *s, const asc_store_run *r, size_t k)
{
    double tokens = s->spec->scales[k], most = 0;
    for (size_t i = 0; i < k; i++)
        if (s->spec->scales[i] < tokens)
            most = s->spec->scales[i];
    return r->scale <= most ||
           (r->scale == tokens && asc_scale_shares_budget(s->spec, k) &&
            asc__size_params(asc__size_of(s, r->model)) < asc__size_params(asc__size_of(s, asc__size_at_scale(s, k))));
}

static double joint_error(const asc__study *s, size_t k, const double *truth)
{
    asc_table t = {0};
    asc_law_set law = {0};
    asc_mix_result opt = {0};
    asc_error ignored;
    double x = NAN;
    if (!s->has_joint || make_table(&t, s, ASC_NONE, false, &ignored) != ASC_OK)
        return NAN;
    double tokens = s->spec->scales[k];
    size_t keep = 0, *rows = asc_calloc(t.runs.n_runs + 1, sizeof *rows);
    asc_runs smaller = {0};
    size_t row = 0;
    for (size_t i = 0; rows && i < s->n_runs; i++) {
        const asc_store_run *r = &s->runs[i];
        if (r->state != ASC_RUN_DONE || !r->result || is_target(r) || is_apart(r))
            continue;
        if (is_below(s, r, k))
            rows[keep++] = row;
        row++;
    }
    if (keep && asc_runs_select(&smaller, &t.runs, rows, keep, &ignored) == ASC_OK &&
        fit_table(&law, s, &smaller, s->joint_law.law, &ignored) == ASC_OK &&
        optimum_at(&opt, s, &law, tokens, asc__size_of(s, asc__size_at_scale(s, k)), true, &ignored) == ASC_OK)
        x = distance(opt.weights, truth, s->D);
    asc_free(rows);
    asc_runs_clear(&smaller);
    asc_law_set_clear(&law);
    asc_mix_result_clear(&opt);
    asc_table_clear(&t);
    return x;
}

double asc__study_past_error(const asc__study *s, const asc__mixture *m)
{
    size_t n = s->optima.n_scales, D = s->D;
    if (n < 2)
        return NAN;
    const double *truth = s->optima.weights + (n - 1) * D;
    double tokens = s->optima.tokens[n - 1];
    if (m->kind == ASC_MIXTURE_RULE)
        return rule_error(s, n, tokens, truth);
    if (m->kind == ASC_MIXTURE_JOINT)
        return joint_error(s, asc__last_fitted(s)->k, truth);
    if (m->kind == ASC_MIXTURE_KEEP_LAST)
        return distance(s->optima.weights + (n - 2) * D, truth, D);
    return distance(m->weights, truth, D);
}
