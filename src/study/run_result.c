/* result.json: checked against the run that it is of, taken into the store, and the numbers of ended runs. */
#include "steps.h"

#include <math.h>
#include <string.h>

/* ---- what the store keeps ---- */

static json_t *losses_json(char *const *targets, const double *loss, size_t n)
{
    json_t *o = json_object();
    for (size_t v = 0; v < n; v++)
        json_object_set_new(o, targets[v], asc_json_num(loss[v]));
    return o;
}

/* What the store keeps of a result, in a fixed order. */
static json_t *result_json(const asc_run_result *r, const asc__study *s)
{
    json_t *o = json_object(), *curve = json_array(), *domains = json_object();
    json_object_set_new(o, "tokens", asc_json_num(r->tokens));
    for (size_t i = 0; r->domain_tokens && i < r->n_domains; i++)
        json_object_set_new(domains, r->domains[i], asc_json_num(r->domain_tokens[i]));
    json_object_set_new(o, "domain_tokens", domains);
    json_object_set_new(o, "loss", losses_json(r->targets, r->loss, r->n_targets));
    for (size_t i = 0; i < r->n_curve; i++) {
        json_t *p = json_object();
        json_object_set_new(p, "tokens", asc_json_num(r->curve[i].tokens));
        json_object_set_new(p, "loss", losses_json(r->targets, r->curve[i].loss, r->n_targets));
        json_array_append_new(curve, p);
    }
    json_object_set_new(o, "curve", curve);
    json_object_set_new(o, "wall_s", asc_json_num(r->wall_s));
    json_object_set_new(o, "tokens_per_s", asc_json_num(r->tokens_per_s));
    json_object_set_new(o, "lr", asc_json_num(r->lr));
    json_object_set_new(o, "retries", json_integer(r->n_retries));
    if (r->bursts.n > 0)
        json_object_set_new(o, "bursts", asc_bursts_json(&r->bursts));
    return o;
}

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
    return ASC_FAIL(err, ASC_EINVAL, "%s: field 'tokens': %.0f, but the run was to train on %.0f", path, r->tokens,
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
 * was rounded to batches. Designs stand on these numbers: a star's runs differ in one domain. */
static asc_status check_domain_tokens(const asc_run_result *r, const asc__study *s, const asc_store_run *run,
                                      const char *path, asc_error *err)
{
    double scale = r->tokens / asc__run_tokens(run);
    for (size_t i = 0; i < r->n_domains; i++)
        if (find_domain(s->spec->domain_names, s->D, r->domains[i]) == s->D)
            return ASC_FAIL(err, ASC_EINVAL, "%s: domain_tokens: '%.80s' is no domain of this study", path,
                            r->domains[i]);
    for (size_t i = 0; i < s->D && r->domain_tokens; i++) {
        size_t at = find_domain(r->domains, r->n_domains, s->spec->domain_names[i]);
        double got = at < r->n_domains ? r->domain_tokens[at] : 0, planned = run->tokens[i] * scale;
        if (fabs(got - planned) > s->model.context)
            return ASC_FAIL(err, ASC_EINVAL,
                            "%s: domain_tokens of '%s': %.0f, but the run was to train on %.0f of them (to within a "
                            "sequence of %d)",
                            path, s->spec->domain_names[i], got, planned, s->model.context);
    }
    return ASC_OK;
}

/* All that is asked of a result before anything of it enters the store; its targets were checked as it was read. */
static asc_status check_result(const asc_run_result *r, const asc__study *s, const asc_store_run *run, const char *path,
                               asc_error *err)
{
    if (!r->sealed && !s->spec->trainer.command)
        return ASC_FAIL(err, ASC_ESTATE, "%s: damaged (it has no checksum)", path);
    ASC_TRY(check_binding(r, s, run, path, err));
    if (strcmp(r->state, "done") != 0)
        return ASC_OK;
    ASC_TRY(check_tokens(r, run, path, err));
    return check_domain_tokens(r, s, run, path, err);
}

/* ---- taking it ---- */

asc_status asc__run_result_take(bool *found, asc__study *s, asc_store_run *run, asc_error *err)
{
    asc_run_result r = {0};
    char *dir = asc__run_dir(s, run->id), *path = dir ? asc_path_join(dir, "result.json") : NULL;
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
    if (st == ASC_OK && *found) {
        json_decref(run->result);
        asc_free(run->why);
        run->result = result_json(&r, s);
        run->why = r.why ? asc_strdup(r.why) : NULL;
        run->state = strcmp(r.state, "done") == 0 ? ASC_RUN_DONE : ASC_RUN_DIVERGED;
        run->pid = 0;
        st = run->result && (run->why || !r.why) ? asc_json_whole(err) : ASC_NOMEM(err);
    }
    asc_run_result_clear(&r);
    asc_free(dir);
    asc_free(path);
    return st;
}

/* ---- numbers of an ended run ---- */

static void read_losses(double *loss, const asc__study *s, const json_t *map)
{
    for (size_t v = 0; v < s->V; v++)
        loss[v] = asc_json_number(map, s->spec->target_names[v]);
}

bool asc__run_losses(double *loss, const asc__study *s, const asc_store_run *r)
{
    if (r->state != ASC_RUN_DONE || !r->result)
        return false;
    read_losses(loss, s, json_object_get(r->result, "loss"));
    return true;
}

double asc__run_objective(const asc__study *s, const asc_store_run *r)
{
    double *loss = asc_calloc(s->V, sizeof *loss);
    double x = loss && asc__run_losses(loss, s, r) ? asc_objective_value(&s->spec->objective, loss, s->V) : NAN;
    asc_free(loss);
    return x;
}

/* The recorded points, and the end as the last one where the curve stops before it. */
asc_status asc__run_curve(double **tokens_out, double **value_out, size_t *n_out, const asc__study *s,
                          const asc_store_run *r, asc_error *err)
{
    const json_t *curve = r->result ? json_object_get(r->result, "curve") : NULL;
    size_t m = json_array_size(curve), n = 0;
    double *tokens = asc_calloc(m + 1, sizeof *tokens), *value = asc_calloc(m + 1, sizeof *value);
    double *loss = asc_calloc(s->V, sizeof *loss);
    if (!tokens || !value || !loss) {
        asc_free(tokens);
        asc_free(value);
        asc_free(loss);
        return ASC_NOMEM(err);
    }
    for (size_t i = 0; i < m; i++) {
        const json_t *p = json_array_get(curve, i);
        read_losses(loss, s, json_object_get(p, "loss"));
        double x = asc_objective_value(&s->spec->objective, loss, s->V);
        if (isnan(x))
            continue;
        tokens[n] = json_number_value(json_object_get(p, "tokens"));
        value[n++] = x;
    }
    double end = r->result ? json_number_value(json_object_get(r->result, "tokens")) : 0;
    if (asc__run_losses(loss, s, r) && (n == 0 || tokens[n - 1] < end)) {
        tokens[n] = end;
        value[n++] = asc_objective_value(&s->spec->objective, loss, s->V);
    }
    asc_free(loss);
    *tokens_out = tokens;
    *value_out = value;
    *n_out = n;
    return ASC_OK;
}
