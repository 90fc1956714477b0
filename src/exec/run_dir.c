/* runs/<id>: what goes in, what comes out. */
#include "study.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

char *asc__run_dir(const asc__study *s, const char *id)
{
    return asc_strf("%s/runs/%s", s->dir, id);
}

/* ---- run.json ---- */

/* Paths relative to the run's folder: a study can be moved. */
static asc_status fill_files(asc_run_spec *out, const asc__study *s, const asc_store_run *r, asc_error *err)
{
    size_t D = s->D, V = s->V;
    out->n_domains = D;
    out->n_targets = V;
    out->domains = asc_calloc(D, sizeof *out->domains);
    out->train_files = asc_calloc(D, sizeof *out->train_files);
    out->tokens = asc_calloc(D, sizeof *out->tokens);
    out->max_epochs = asc_calloc(D, sizeof *out->max_epochs);
    out->targets = asc_calloc(V, sizeof *out->targets);
    out->valid_files = asc_calloc(V, sizeof *out->valid_files);
    out->scored_files = asc_calloc(V, sizeof *out->scored_files);
    if (!out->domains || !out->train_files || !out->tokens || !out->max_epochs || !out->targets || !out->valid_files ||
        !out->scored_files)
        return ASC_NOMEM(err);
    for (size_t i = 0; i < D; i++) {
        out->domains[i] = asc_strdup(s->spec->domain_names[i]);
        out->train_files[i] = asc_corpus_prefix("../../tokens", s->spec->domain_names[i], false);
        out->tokens[i] = r->tokens[i];
        out->max_epochs[i] = s->max_epochs[i];
        if (!out->domains[i] || !out->train_files[i])
            return ASC_NOMEM(err);
    }
    for (size_t v = 0; v < V; v++) {
        out->targets[v] = asc_strdup(s->spec->target_names[v]);
        if (v >= D && s->spec->heldout[v - D].task)
            out->scored_files[v] = asc__scored_path("../..", "tokens", s->spec->target_names[v]);
        else
            out->valid_files[v] = asc_corpus_prefix("../../tokens", s->spec->target_names[v], true);
        if (!out->targets[v] || (!out->valid_files[v] && !out->scored_files[v]))
            return ASC_NOMEM(err);
    }
    return ASC_OK;
}

static asc_status make_spec(asc_run_spec *out, const asc__study *s, const asc_store_run *r, asc_error *err)
{
    const asc_study_spec *spec = s->spec;
    bool target = strcmp(r->kind, "target") == 0;
    asc_run_spec_init(out);
    asc_free(out->id);
    asc_free(out->device);
    asc_free(out->tokenizer);
    out->id = asc_strdup(r->id);
    out->device = asc_strdup(strcmp(spec->device, "auto") == 0 ? "cpu" : spec->device);
    out->tokenizer = asc_strdup("../../tokens/tokenizer.json");
    out->model = s->model;
    out->training = spec->training;
    out->training.seed = r->seed;
    out->isa = s->isa;
    out->threads = spec->threads;
    out->ranks = spec->ranks;
    out->valid_tokens = spec->valid_tokens;
    out->n_curve = target ? spec->curve_points : 0;
    out->checkpoint_s = spec->checkpoint_s;
    out->keep_checkpoint =
        spec->keep_checkpoints == ASC_KEEP_LAST || (target && spec->keep_checkpoints != ASC_KEEP_NONE);
    return out->id && out->device && out->tokenizer ? fill_files(out, s, r, err) : ASC_NOMEM(err);
}

/* ---- mixture.json, for a user's trainer ---- */

static asc_status write_mixture(const asc__study *s, const asc_store_run *r, const char *dir, asc_error *err)
{
    asc_mix_file m = {0};
    double total = asc__run_tokens(r);
    ASC_TRY(asc_mix_file_init(&m, s->spec->domain_names, s->D, err));
    m.tokens = asc_calloc(s->D, sizeof *m.tokens);
    m.available = asc_calloc(s->D, sizeof *m.available);
    m.bytes_per_token = asc_calloc(s->D, sizeof *m.bytes_per_token);
    m.paths = asc_calloc(s->D, sizeof *m.paths);
    m.tokenizer = asc_strf("%s/tokens/tokenizer.json", s->dir);
    char *path = asc_path_join(dir, "mixture.json"), *tokens = asc_path_join(s->dir, "tokens");
    bool ok = m.tokens && m.available && m.bytes_per_token && m.paths && m.tokenizer && path && tokens;
    for (size_t i = 0; ok && i < s->D; i++) {
        m.weights[i] = r->tokens[i] / total;
        m.tokens[i] = (int64_t)r->tokens[i];
        m.available[i] = s->available[i];
        m.bytes_per_token[i] = s->reports[i].bytes_per_token;
        ok = (m.paths[i] = asc_corpus_prefix(tokens, s->spec->domain_names[i], false)) != NULL;
    }
    m.from = json_pack("{s:s,s:s,s:s,s:I}", "command", "run", "study", s->spec->name, "run", r->id, "seed",
                       (json_int_t)r->seed);
    asc_status st = ok ? asc_mix_file_write(path, &m, err) : ASC_NOMEM(err);
    asc_mix_file_clear(&m);
    asc_free(path);
    asc_free(tokens);
    return st;
}

/* ---- the folder ---- */

/* *same: the file `name` stands in both folders, with the same bytes. */
static asc_status same_file(bool *same, const char *dir_a, const char *dir_b, const char *name, asc_error *err)
{
    char *a = asc_path_join(dir_a, name), *b = asc_path_join(dir_b, name), *ta = NULL, *tb = NULL;
    size_t na = 0, nb = 0;
    asc_status st = a && b ? ASC_OK : ASC_NOMEM(err);
    *same = st == ASC_OK && asc_path_exists(b);
    if (*same)
        st = asc_read_file(a, 64 << 20, &ta, &na, err);
    if (*same && st == ASC_OK)
        st = asc_read_file(b, 64 << 20, &tb, &nb, err);
    *same = *same && st == ASC_OK && na == nb && memcmp(ta, tb, na) == 0;
    asc_free(a);
    asc_free(b);
    asc_free(ta);
    asc_free(tb);
    return st;
}

/* DIR.new with run.json -> DIR, unless DIR holds the same plan already (a run to go on with). */
static asc_status put_in_place(const char *fresh, const char *dir, asc_error *err)
{
    bool held = false, same = false;
    ASC_TRY(same_file(&same, fresh, dir, "run.json", err));
    if (same)
        return asc_remove_tree(fresh, err);
    if (asc_path_exists(dir)) {
        int fd = asc__run_lock(dir, &held);
        if (held)
            return ASC_FAIL(err, ASC_ESTATE, "%s: a process is still making another run in this folder", dir);
        asc_status st = asc_remove_tree(dir, err);
        if (fd >= 0)
            close(fd);
        if (st != ASC_OK)
            return st;
    }
    return asc_rename(fresh, dir, err);
}

static asc_status make_launch(asc__launch *out, const asc__study *s, const asc_store_run *r, const asc_run_spec *spec,
                              const char *dir, asc_error *err)
{
    asc__launch_facts f = {
        .spec = s->spec, .run = spec, .run_dir = dir, .program = s->program, .total = asc__run_tokens(r)};
    return s->spec->trainer.command ? asc__launch_command(out, &f, err)
                                    : asc__launch_builtin(out, &f, s->spec->slurm ? 0 : (long)getpid(), err);
}

asc_status asc__run_dir_prepare(asc__launch *launch, const asc__study *s, const asc_store_run *r, asc_error *err)
{
    asc_run_spec spec = {0};
    char *dir = asc__run_dir(s, r->id), *fresh = dir ? asc_strf("%s.new", dir) : NULL;
    asc_status st = fresh ? make_spec(&spec, s, r, err) : ASC_NOMEM(err);
    if (st == ASC_OK)
        st = asc_remove_tree(fresh, err);
    if (st == ASC_OK)
        st = asc_mkdirs(fresh, err);
    if (st == ASC_OK)
        st = asc_run_spec_write(&spec, fresh, err);
    if (st == ASC_OK && s->spec->trainer.command)
        st = write_mixture(s, r, fresh, err);
    if (st == ASC_OK)
        st = put_in_place(fresh, dir, err);
    if (st == ASC_OK)
        st = make_launch(launch, s, r, &spec, dir, err);
    asc_run_spec_clear(&spec);
    asc_free(dir);
    asc_free(fresh);
    return st;
}

/* ---- result.json ---- */

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

/* A trainer rounds to its batches; one that trained on something else made another run. */
static asc_status check_tokens(const asc_run_result *r, const asc_store_run *run, const char *path, asc_error *err)
{
    double planned = asc__run_tokens(run);
    if (strcmp(r->state, "done") != 0 || fabs(r->tokens - planned) <= .1 * planned)
        return ASC_OK;
    return ASC_FAIL(err, ASC_EINVAL, "%s: field 'tokens': %.0f, but the run was to train on %.0f", path, r->tokens,
                    planned);
}

asc_status asc__run_result_take(bool *found, asc__study *s, asc_store_run *run, asc_error *err)
{
    asc_run_result r = {0};
    char *dir = asc__run_dir(s, run->id), *path = dir ? asc_path_join(dir, "result.json") : NULL;
    asc_status st = path ? ASC_OK : ASC_NOMEM(err);
    *found = path && asc_path_exists(path);
    if (st == ASC_OK && *found)
        st = asc_run_result_read(&r, path, s->spec->target_names, s->V, err);
    if (st == ASC_OK && *found && !r.sealed && !s->spec->trainer.command)
        st = ASC_FAIL(err, ASC_ESTATE, "%s: damaged (it has no checksum)", path);
    if (st == ASC_OK && *found)
        st = check_tokens(&r, run, path, err);
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
