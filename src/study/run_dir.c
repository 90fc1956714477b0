/* runs/<id>: what goes in, what comes out. */
#include "steps.h"

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
        out->train_files[i] = asc__pool_prefix(s, asc__pool_of(s, r), "../../tokens", i);
        out->tokens[i] = r->tokens[i];
        out->max_epochs[i] = asc__run_max_epochs(s, r, i);
        if (!out->domains[i] || !out->train_files[i])
            return ASC_NOMEM(err);
    }
    for (size_t v = 0; v < V; v++) {
        out->targets[v] = asc_strdup(s->spec->target_names[v]);
        if (!asc__is_text(s, v))
            out->scored_files[v] = asc__scored_path("../..", "tokens", s->spec->target_names[v]);
        else
            out->valid_files[v] = asc_corpus_prefix("../../tokens", s->spec->target_names[v], true);
        if (!out->targets[v] || (!out->valid_files[v] && !out->scored_files[v]))
            return ASC_NOMEM(err);
    }
    return ASC_OK;
}

/* PyTorch evaluates a merged model in one process: there is no step to share. */
static int ranks_of(const asc__study *s, const asc_store_run *r)
{
    return s->spec->trainer.torch && r->kind == ASC_KIND_MERGE ? 1 : s->spec->ranks;
}

asc_status asc__run_spec_make(asc_run_spec *out, const asc__study *s, const asc_store_run *r, asc_error *err)
{
    const asc_study_spec *spec = s->spec;
    bool target = r->kind == ASC_KIND_TARGET;
    asc_run_spec_init(out);
    asc_free(out->id);
    asc_free(out->device);
    asc_free(out->tokenizer);
    out->id = asc_strdup(r->id);
    bool auto_cpu = strcmp(spec->device, "auto") == 0 && !spec->trainer.torch; /* which looks for a card itself */
    out->device = asc_strdup(auto_cpu ? "cpu" : spec->device);
    out->tokenizer = asc_strdup("../../tokens/tokenizer.json");
    const asc__size *z = asc__size_of(s, r->model);
    out->model = z->model;
    out->params = isnan(z->params) ? 0 : z->params;
    out->training = spec->training;
    out->training.seed = r->seed;
    out->isa = s->isa;
    out->threads = spec->threads;
    out->ranks = ranks_of(s, r);
    out->valid_tokens = spec->valid_tokens;
    out->n_curve = target ? spec->curve_points : 0;
    out->checkpoint_s = spec->checkpoint_s;
    out->keep_checkpoint = asc__keeps_checkpoint(spec, r->kind);
    if (!out->id || !out->device || !out->tokenizer)
        return ASC_NOMEM(err);
    ASC_TRY(fill_files(out, s, r, err));
    ASC_TRY(asc__tell_rival(out, s, r, err));
    return asc__tell_run(out, s, r, err);
}

/* ---- mixture.json, for a user's trainer ---- */

asc_status asc__mix_file_begin(asc_mix_file *m, const asc__study *s, const char *tokens, asc_error *err)
{
    ASC_TRY(asc_mix_file_init(m, s->spec->domain_names, s->D, err));
    m->tokens = asc_calloc(s->D, sizeof *m->tokens);
    m->available = asc_calloc(s->D, sizeof *m->available);
    m->max_epochs = asc_calloc(s->D, sizeof *m->max_epochs);
    m->bytes_per_token = asc_calloc(s->D, sizeof *m->bytes_per_token);
    m->paths = asc_calloc(s->D, sizeof *m->paths);
    m->tokenizer = asc_strf("%s/tokenizer.json", tokens);
    bool ok = m->tokens && m->available && m->max_epochs && m->bytes_per_token && m->paths && m->tokenizer;
    for (size_t i = 0; ok && i < s->D; i++) {
        m->available[i] = s->available[i];
        m->max_epochs[i] = s->max_epochs[i];
        m->bytes_per_token[i] = s->reports[i].bytes_per_token;
        ok = (m->paths[i] = asc_corpus_prefix(tokens, s->spec->domain_names[i], false)) != NULL;
    }
    return ok ? ASC_OK : ASC_NOMEM(err);
}

static json_t *phase_shares(const asc_run_spec *spec, size_t k, double sum)
{
    json_t *o = json_object();
    for (size_t i = 0; i < spec->n_domains; i++)
        json_object_set_new(o, spec->domains[i], asc_json_num(spec->phase_tokens[k * spec->n_domains + i] / sum));
    return o;
}

/* Phases as far as the run goes, by the tokens at which each ends; NULL: it has one mixture. */
static json_t *phases_of(const asc_run_spec *spec)
{
    double at = 0, stop = spec->stop_tokens > 0 ? spec->stop_tokens : INFINITY;
    json_t *list = json_array();
    for (size_t k = 0; k < spec->n_phases && at < stop; k++) {
        double sum = 0;
        for (size_t i = 0; i < spec->n_domains; i++)
            sum += spec->phase_tokens[k * spec->n_domains + i];
        at += sum;
        json_array_append_new(
            list, json_pack("{s:I,s:o}", "until", (json_int_t)fmin(at, stop), "weights", phase_shares(spec, k, sum)));
    }
    if (json_array_size(list) > 1)
        return list;
    json_decref(list);
    return NULL;
}

static asc_status write_mixture(const asc__study *s, const asc_store_run *r, const asc_run_spec *spec, const char *dir,
                                asc_error *err)
{
    asc_mix_file m = {0};
    double total = asc__run_tokens(r);
    char digest[65];
    ASC_TRY(asc_run_spec_digest(spec, digest, err));
    char *path = asc_path_join(dir, "mixture.json"), *tokens = asc_path_join(s->dir, "tokens");
    asc_status st = path && tokens ? asc__mix_file_begin(&m, s, tokens, err) : ASC_NOMEM(err);
    for (size_t i = 0; st == ASC_OK && i < s->D; i++) {
        const asc__pool *pool = asc__pool_of(s, r);
        m.weights[i] = r->tokens[i] / total;
        m.tokens[i] = (int64_t)r->tokens[i];
        if (pool) { /* what this run draws from */
            m.available[i] = pool->available[i];
            asc_free(m.paths[i]);
            m.paths[i] = asc__pool_prefix(s, pool, tokens, i);
            st = m.paths[i] ? ASC_OK : ASC_NOMEM(err);
        }
    }
    m.phases = phases_of(spec);
    m.from = json_pack("{s:s,s:s,s:s,s:s,s:I}", "command", "run", "study", s->spec->name, "run", r->id, "digest",
                       digest, "seed", (json_int_t)r->seed);
    if (st == ASC_OK)
        st = asc_mix_file_write(path, &m, err);
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
    bool same = false;
    ASC_TRY(same_file(&same, fresh, dir, "run.json", err));
    if (same)
        return asc_remove_tree(fresh, err);
    if (asc_path_exists(dir)) {
        if (asc_run_held(dir))
            return ASC_FAIL(err, ASC_ESTATE, "%s: a process is still training another run in this folder", dir);
        ASC_TRY(asc_remove_tree(dir, err));
    }
    return asc_rename(fresh, dir, err);
}

asc_status asc__run_dir_prepare(const asc__study *s, const asc_store_run *r, asc_error *err)
{
    asc_run_spec spec = {0};
    char *dir = asc__run_dir(s, r->id), *fresh = dir ? asc_strf("%s.new", dir) : NULL;
    asc_status st = fresh ? asc__run_spec_make(&spec, s, r, err) : ASC_NOMEM(err);
    if (st == ASC_OK)
        st = asc_remove_tree(fresh, err);
    if (st == ASC_OK)
        st = asc_mkdirs(fresh, err);
    if (st == ASC_OK)
        st = asc_run_spec_write(&spec, fresh, err);
    if (st == ASC_OK && s->spec->trainer.command)
        st = write_mixture(s, r, &spec, fresh, err);
    if (st == ASC_OK)
        st = put_in_place(fresh, dir, err);
    asc_run_spec_clear(&spec);
    asc_free(dir);
    asc_free(fresh);
    return st;
}

/* ---- what is started ---- */

static asc_status launch_command(asc_launch *out, const asc__study *s, const asc_store_run *r, const char *dir,
                                 asc_error *err)
{
    asc_launch_value values[ASC_N_OF_RUN] = {0};
    asc_run_spec spec = {0};
    size_t n = 0;
    asc_status st = asc__run_spec_make(&spec, s, r, err);
    if (st == ASC_OK)
        st = asc__launch_values(values, &n, s->spec->name, &spec, dir, asc__run_tokens(r), err);
    asc_error why = {0};
    if (st == ASC_OK) {
        asc_trainer_spec t = s->spec->trainer;
        bool merges = r->kind == ASC_KIND_MERGE;
        t.command = merges ? s->spec->search.merge : t.command;
        st = asc_launch_command(out, &t, s->spec->base_dir, dir, values, n, &why);
        st = st == ASC_OK ? ASC_OK : ASC_FAIL(err, st, "%s: %s", merges ? "search.merge" : "trainer.command", why.msg);
    }
    for (size_t i = 0; i < n; i++)
        asc_free(values[i].text);
    asc_run_spec_clear(&spec);
    return st;
}

/* Merging and evaluating are ours, unless a command is named for it. */
static bool by_command(const asc__study *s, const asc_store_run *r)
{
    return s->spec->trainer.command && (r->kind != ASC_KIND_MERGE || s->spec->search.merge);
}

asc_status asc__run_launch(asc_launch *out, const asc__study *s, const size_t *runs, size_t n, size_t place,
                           asc_error *err)
{
    const asc_trainer_spec *t = &s->spec->trainer;
    long parent = s->spec->executor != ASC_EXECUTOR_LOCAL ? 0 : (long)getpid();
    char **dirs = asc_calloc(n, sizeof *dirs);
    asc_status st = dirs ? ASC_OK : ASC_NOMEM(err);
    for (size_t i = 0; i < n && st == ASC_OK; i++)
        if (!(dirs[i] = asc__run_dir(s, s->runs[runs[i]].id)))
            st = ASC_NOMEM(err);
    if (st == ASC_OK)
        st = t->torch
                 ? asc__torch_launch(out, s, (const char *const *)dirs, n, ranks_of(s, &s->runs[runs[0]]), place, err)
             : by_command(s, &s->runs[runs[0]]) ? launch_command(out, s, &s->runs[runs[0]], dirs[0], err)
                                                : asc_launch_builtin(out, s->program, dirs[0], parent, err);
    for (size_t i = 0; dirs && i < n; i++)
        asc_free(dirs[i]);
    asc_free(dirs);
    return st;
}
