/* result.json: checked against the run that it is of, taken into the store, and the numbers of ended runs. */
#include "steps.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* ---- whose result it is ---- */

/* Made for this very run.json? Ours say so; results of before they did say it by their domain_tokens alone. */
static asc_status check_binding(const asc_run_result *r, const asc__study *s, const asc_store_run *run,
                                const char *path, asc_error *err)
{
    asc_run_spec spec;
    char digest[65];
    if (r->id && strcmp(r->id, run->id) != 0)
        return ASC_FAIL(err, ASC_EINVAL, "%s: the result of run '%.100s', not of '%s'", path, r->id, run->id);
    if (!r->digest)
        return ASC_OK;
    asc_status st = asc__run_spec_make(&spec, s, run, err);
    if (st == ASC_OK)
        st = asc_run_spec_digest(&spec, digest, err);
    asc_run_spec_clear(&spec);
    if (st == ASC_OK && strcmp(digest, r->digest) != 0)
        st = ASC_FAIL(err, ASC_EINVAL, "%s: the result of another run.json (digest %.8s..., expected %.8s...)", path,
                      r->digest, digest);
    return st;
}

/* A trainer rounds to its batches; one that trained on something else made another run. */
static asc_status check_tokens(const asc_run_result *r, const asc_store_run *run, const char *path, asc_error *err)
{
    double planned = asc__run_tokens(run);
    if (fabs(r->tokens - planned) <= .1 * planned)
        return ASC_OK;
    return ASC_FAIL(err, ASC_EINVAL, "%s: field 'tokens': %.0f, but the run's budget is %.0f", path, r->tokens,
                    planned);
}

static size_t find_domain(char *const *names, size_t n, const char *name)
{
    size_t i = 0;
    while (i < n && strcmp(names[i], name) != 0)
        i++;
    return i;
}

/* What it says to have taken from each domain: the plan's tokens to within a sequence, in proportion where the whole
 * was rounded to batches. Designs stand on these numbers: a star's runs differ in one domain. A run that learns its
 * mixture takes what it likes. */
static asc_status check_domain_tokens(const asc_run_result *r, const asc__study *s, const asc_store_run *run,
                                      const char *path, asc_error *err)
{
    double scale = r->tokens / asc__run_tokens(run);
    for (size_t i = 0; i < r->n_domains; i++)
        if (find_domain(s->spec->domain_names, s->D, r->domains[i]) == s->D)
            return ASC_FAIL(err, ASC_EINVAL, "%s: domain_tokens: '%.80s' is not a domain of this study", path,
                            r->domains[i]);
    if (asc__learns_mixture(s, run))
        return ASC_OK;
    for (size_t i = 0; i < s->D && r->domain_tokens; i++) {
        size_t at = find_domain(r->domains, r->n_domains, s->spec->domain_names[i]);
        double got = at < r->n_domains ? r->domain_tokens[at] : 0, planned = run->tokens[i] * scale;
        if (fabs(got - planned) > s->model.context)
            return ASC_FAIL(err, ASC_EINVAL,
                            "%s: domain_tokens of '%s': %.0f, but the run's budget is %.0f of them (to within a "
                            "sequence of %d)",
                            path, s->spec->domain_names[i], got, planned, s->model.context);
    }
    return ASC_OK;
}

static bool is_done(const asc_run_result *r)
{
    return strcmp(r->state, "done") == 0;
}

/* All that is asked of a result before anything of it enters the store; its targets were checked as it was read. */
static asc_status check_result(const asc_run_result *r, const asc__study *s, const asc_store_run *run, const char *path,
                               asc_error *err)
{
    if (!r->sealed && !s->spec->trainer.command)
        return ASC_FAIL(err, ASC_ESTATE, "%s: damaged (it has no checksum)", path);
    ASC_TRY(check_binding(r, s, run, path, err));
    if (!is_done(r))
        return ASC_OK;
    ASC_TRY(check_tokens(r, run, path, err));
    return check_domain_tokens(r, s, run, path, err);
}

/* ---- taking it ---- */

/* By the study's own order of domains and targets, once and for all. */
static asc_status decode(asc_result **out, const asc_run_result *r, const asc__study *s, asc_error *err)
{
    assert(r->n_targets == s->V);
    asc_result *x = asc_result_create(s->D, s->V);
    if (!x)
        return ASC_NOMEM(err);
    x->tokens = r->tokens;
    x->wall_s = r->wall_s;
    x->tokens_per_s = r->tokens_per_s;
    x->lr = r->lr;
    x->n_retries = r->n_retries;
    x->bursts = r->bursts;
    memcpy(x->loss, r->loss, s->V * sizeof *x->loss);
    for (size_t i = 0; r->domain_tokens && i < s->D; i++) {
        size_t at = find_domain(r->domains, r->n_domains, s->spec->domain_names[i]);
        x->domain_tokens[i] = at < r->n_domains ? r->domain_tokens[at] : NAN;
    }
    asc_status st = asc_result_set_curve(x, r->n_curve, err);
    for (size_t k = 0; st == ASC_OK && k < r->n_curve; k++) {
        x->curve_tokens[k] = r->curve[k].tokens;
        memcpy(x->curve_loss + k * s->V, r->curve[k].loss, s->V * sizeof *x->curve_loss);
    }
    if (st == ASC_OK)
        *out = x;
    else
        asc_result_free(x);
    return st;
}

asc_status asc__run_result_take(bool *found, asc__study *s, asc_store_run *run, asc_error *err)
{
    asc_run_result r = {0};
    asc_result *result = NULL;
    char *why = NULL, *dir = asc__run_dir(s, run->id), *path = dir ? asc_path_join(dir, "result.json") : NULL;
    asc_status st = path ? ASC_OK : ASC_NOMEM(err);
    *found = path && asc_path_exists(path);
    if (st == ASC_OK && *found)
        st = asc_run_result_read(&r, path, s->spec->target_names, s->V, err);
    if (st == ASC_OK && *found)
        st = check_result(&r, s, run, path, err);
    if (st == ASC_OK && *found && r.n_curve == 0 && s->spec->trainer.command) {
        const char *name = s->spec->trainer.metrics;
        char *metrics = asc_path_join(dir, name ? name : "metrics.jsonl");
        st = metrics ? asc__metrics_curve(&r, s, metrics, err) : ASC_NOMEM(err);
        asc_free(metrics);
    }
    if (st == ASC_OK && *found && r.why && !(why = asc_strdup(r.why)))
        st = ASC_NOMEM(err);
    if (st == ASC_OK && *found)
        st = decode(&result, &r, s, err);
    if (st == ASC_OK && *found) {
        asc_result_free(run->result);
        asc_free(run->why);
        run->result = result;
        run->why = why;
        run->state = is_done(&r) ? ASC_RUN_DONE : ASC_RUN_DIVERGED;
        run->pid = 0;
        why = NULL;
    }
    asc_run_result_clear(&r);
    asc_free(why);
    asc_free(dir);
    asc_free(path);
    return st;
}

/* ---- numbers of an ended run ---- */

const double *asc__run_losses(const asc_store_run *r)
{
    return r->state == ASC_RUN_DONE && r->result ? r->result->loss : NULL;
}

size_t asc__mean_losses(double *mean, const asc__study *s, bool (*counts)(const asc_store_run *r, const void *ctx),
                        const void *ctx)
{
    size_t n = 0;
    memset(mean, 0, s->V * sizeof *mean);
    for (size_t i = 0; i < s->n_runs; i++) {
        const double *loss = asc__run_losses(&s->runs[i]);
        if (!loss || !counts(&s->runs[i], ctx))
            continue;
        n++;
        for (size_t v = 0; v < s->V; v++)
            mean[v] += loss[v];
    }
    for (size_t v = 0; v < s->V; v++)
        mean[v] /= (double)n;
    return n;
}

double asc__run_objective(const asc__study *s, const asc_store_run *r)
{
    const double *loss = asc__run_losses(r);
    return loss ? asc_objective_value(&s->spec->objective, loss, s->V) : NAN;
}

void asc__curve_clear(asc__curve *c)
{
    asc_free(c->tokens);
    asc_free(c->value);
    *c = (asc__curve){0};
}

/* The recorded points that have an objective, and the end as the last one where the curve stops before it. */
asc_status asc__run_curve(asc__curve *out, const asc__study *s, const asc_store_run *r, asc_error *err)
{
    const asc_result *x = r->result;
    size_t m = x ? x->n_curve : 0;
    asc__curve c = {.tokens = asc_calloc(m + 1, sizeof(double)), .value = asc_calloc(m + 1, sizeof(double))};
    if (!c.tokens || !c.value) {
        asc__curve_clear(&c);
        return ASC_NOMEM(err);
    }
    for (size_t i = 0; i < m; i++) {
        double value = asc_objective_value(&s->spec->objective, x->curve_loss + i * s->V, s->V);
        if (isnan(value))
            continue;
        c.tokens[c.n] = x->curve_tokens[i];
        c.value[c.n++] = value;
    }
    if (asc__run_losses(r) && (c.n == 0 || c.tokens[c.n - 1] < x->tokens)) {
        c.tokens[c.n] = x->tokens;
        c.value[c.n++] = asc__run_objective(s, r);
    }
    *out = c;
    return ASC_OK;
}
