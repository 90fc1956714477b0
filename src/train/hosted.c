/* A run whose arithmetic is done by the caller: the same files, batches and rates, none of the products. */
#include "autoscale/hosted.h"

#include <math.h>
#include <string.h>

#include "spec/spec_json.h"

#include "run.h"

struct asc_hosted {
    run run;
    char *dir, *place, *json;
    bool made, diverged; /* made: by another process before this one got the lock */
};

/* ---- what there is to compute ---- */

/* Windows of a target. */
static int64_t n_windows(const run *r, size_t v)
{
    if (!r->valid) /* only described */
        return 0;
    if (!r->valid[v])
        return (int64_t)r->scored[v].n_windows;
    int64_t T = r->spec.model.context, stride = asc__run_is_masked(r) ? T - 2 : T;
    int64_t predicted = asc__evaluate_tokens(r->valid[v], r->spec.valid_tokens);
    int64_t n = asc__run_is_masked(r) ? predicted + 1 : predicted; /* hidden tokens need no one after them */
    return (n + stride - 1) / stride;
}

static json_t *model_json(const run *r)
{
    const asc_model_spec *m = &r->spec.model;
    asc_rope_values rope = asc_model_rope(m);
    static const char *const ropes[] = {"none", "linear", "llama3"}, *const qk[] = {"none", "head", "full"};
    return json_pack("{s:s,s:i,s:i,s:i,s:i,s:i,s:i,s:i,s:i,s:b,s:b,s:f,s:f,s:s,s:f,s:f,s:f,s:i,s:b,s:b,s:b,s:s,s:b}",
                     "arch", asc_arch_name(m->arch), "layers", m->n_layers, "heads", m->n_heads, "kv_heads",
                     asc_model_kv_heads(m), "head_dim", asc_model_head_dim(m), "width", m->width, "mlp",
                     asc_model_mlp_width(m), "context", m->context, "vocab", m->vocab, "tied", !m->untied, "recompute",
                     m->recompute, "norm_eps", asc_model_norm_eps(m), "rope_theta", rope.theta, "rope_scaling",
                     ropes[m->rope_scaling], "rope_factor", m->rope_factor, "rope_low", rope.low, "rope_high",
                     rope.high, "rope_original", rope.original, "qkv_bias", m->qkv_bias, "out_bias", m->out_bias,
                     "mlp_bias", m->mlp_bias, "qk_norm", qk[m->qk_norm], "norm_after", m->norm == ASC_NORM_AFTER);
}

static json_t *training_json(const run *r)
{
    const asc_training_spec *t = &r->spec.training;
    return json_pack("{s:I,s:i,s:f,s:s,s:I,s:f,s:f,s:f,s:f,s:f}", "batch_tokens", (json_int_t)t->batch_tokens,
                     "micro_batch", t->micro_batch, "lr", t->lr, "dtype", asc_dtype_name(t->dtype), "seed",
                     (json_int_t)t->seed, "weight_decay", t->weight_decay, "clip", t->clip, "beta1", t->beta1, "beta2",
                     t->beta2, "eps", t->eps);
}

static json_t *targets_json(const run *r)
{
    json_t *list = json_array();
    for (size_t v = 0; v < r->spec.n_targets; v++)
        json_array_append_new(list, json_pack("{s:s,s:I,s:b}", "name", r->spec.targets[v], "windows",
                                              (json_int_t)n_windows(r, v), "mean", r->spec.valid_files[v] != NULL));
    return list;
}

static json_t *tensors_json(const asc_model *m)
{
    json_t *list = json_array();
    for (size_t i = 0; i < asc_model_n_tensors(m); i++) {
        const asc_param *p = asc_model_tensor(m, i);
        json_t *shape = p->n_dims == 2 ? json_pack("[I,I]", (json_int_t)p->dims[0], (json_int_t)p->dims[1])
                                       : json_pack("[I]", (json_int_t)p->dims[0]);
        json_array_append_new(list, json_pack("{s:s,s:o,s:I,s:b,s:f,s:b}", "name", p->name, "shape", shape, "offset",
                                              (json_int_t)p->offset, "decay", p->decay, "lr_scale", p->lr_scale,
                                              "joined", p->joined));
    }
    return list;
}

static asc_status describe(asc_hosted *h, asc_error *err)
{
    const run *r = &h->run;
    json_t *steps = json_pack("{s:I,s:I,s:I,s:I}", "n", (json_int_t)r->steps.n_steps, "batch",
                              (json_int_t)r->steps.batch, "last", (json_int_t)r->steps.last, "end", (json_int_t)r->end);
    json_t *o = json_pack("{s:s,s:s,s:s,s:i,s:b,s:o,s:o,s:o,s:I,s:o,s:o}", "id", r->spec.id ? r->spec.id : "", "digest",
                          r->digest, "device", r->spec.device, "threads", r->spec.threads, "merged",
                          r->spec.n_parts > 0, "model", model_json(r), "training", training_json(r), "steps", steps,
                          "params", (json_int_t)asc_model_params(&r->spec.model), "targets", targets_json(r), "tensors",
                          tensors_json(r->model));
    asc_status st = o ? asc_json_print(&h->json, o, 0, err) : ASC_NOMEM(err);
    json_decref(o);
    return st;
}

const char *asc_hosted_json(const asc_hosted *h)
{
    return h->json;
}

/* ---- life ---- */

/* What run.json says alone: no other file has to be there. */
static asc_status open_described(asc_hosted *h, asc_error *err)
{
    run *r = &h->run;
    ASC_TRY(asc_run_spec_read(&r->spec, r->dir, err));
    ASC_TRY(asc_run_spec_digest(&r->spec, r->digest, err));
    const asc_training_spec *t = &r->spec.training;
    int64_t batch = t->batch_tokens / r->spec.model.context;
    r->steps = (asc_train_steps){.batch = batch > 1 ? batch : 1};
    asc_model_opts o = {.training = true, .storage = true};
    ASC_TRY(asc_model_create(&r->model, &r->spec.model, &o, err));
    asc_model_init_weights(r->model, t->seed);
    h->made = true; /* there is nothing to make */
    return describe(h, err);
}

static asc_status open_all(asc_hosted *h, const char *dir, const char *place, int rank, asc_error *err)
{
    run *r = &h->run;
    *r = (run){.ranks = {.rank = rank, .size = 1}, .lock = -1, .saved_at = -1};
    r->state.first_loss = NAN;
    h->dir = asc_strdup(dir);
    h->place = asc_strdup(place ? place : "another device");
    if (!h->dir || !h->place)
        return ASC_NOMEM(err);
    r->dir = h->dir;
    r->place = h->place;
    if (rank < 0)
        return open_described(h, err);
    ASC_TRY(asc__run_open(r, err));
    h->made = asc__run_finished(h->dir);
    return describe(h, err);
}

asc_status asc_hosted_open(asc_hosted **out, const char *dir, const char *place, int rank, asc_error *err)
{
    asc_hosted *h = asc_calloc(1, sizeof *h);
    if (!h)
        return ASC_NOMEM(err);
    asc_error why = {0};
    asc_status st = open_all(h, dir, place, rank, &why);
    if (st == ASC_OK) {
        *out = h;
        return ASC_OK;
    }
    if (st != ASC_EINTR && h->run.journal.log)
        asc__journal_note(&h->run.journal, "failed: %s", why.msg);
    asc_hosted_close(h);
    if (err)
        *err = why;
    return st;
}

void asc_hosted_close(asc_hosted *h)
{
    if (!h)
        return;
    asc__run_close(&h->run);
    asc_free(h->json);
    asc_free(h->dir);
    asc_free(h->place);
    asc_free(h);
}

size_t asc_hosted_size(const asc_hosted *h)
{
    return asc_model_flat_size(h->run.model);
}

float *asc_hosted_params(asc_hosted *h)
{
    return asc_model_params_data(h->run.model);
}

float *asc_hosted_moment1(asc_hosted *h)
{
    return asc_model_moment1_data(h->run.model);
}

float *asc_hosted_moment2(asc_hosted *h)
{
    return asc_model_moment2_data(h->run.model);
}

void asc_hosted_note(asc_hosted *h, const char *text)
{
    asc__journal_note(&h->run.journal, "%s", text);
}

/* ---- steps ---- */

asc_hosted_what asc_hosted_next(const asc_hosted *h)
{
    const run *r = &h->run;
    if (h->made)
        return ASC_HOSTED_ENDED;
    if (h->diverged)
        return ASC_HOSTED_DIVERGED;
    if (asc__run_evaluation_due(r))
        return ASC_HOSTED_EVALUATE;
    return r->state.step == r->end ? ASC_HOSTED_ENDED : ASC_HOSTED_STEP;
}

static bool is_merged(const asc_hosted *h)
{
    return h->run.spec.n_parts > 0;
}

asc_status asc_hosted_start(asc_hosted *h, asc_hosted_what *next, asc_error *err)
{
    if (!h->made)
        ASC_TRY(is_merged(h) ? asc__run_begin_merged(&h->run, err) : asc__run_go_on_or_begin(&h->run, err));
    *next = asc_hosted_next(h);
    return ASC_OK;
}

int64_t asc_hosted_step(const asc_hosted *h)
{
    return h->run.state.step;
}

int64_t asc_hosted_adamw_step(const asc_hosted *h, int64_t step)
{
    return h->run.state.moments_at + step + 1;
}

void asc_hosted_share(asc_hosted *h, int n)
{
    asc__run_share(&h->run, n);
}

int64_t asc_hosted_steps_ahead(const asc_hosted *h)
{
    return asc_hosted_next(h) == ASC_HOSTED_STEP ? asc__run_steps_ahead(&h->run) : 0;
}

/* Is it a step of the run? The caller's number. */
static bool is_step(const asc_hosted *h, int64_t step)
{
    return step >= 0 && step < h->run.steps.n_steps;
}

int64_t asc_hosted_sequences(const asc_hosted *h, int64_t step)
{
    return is_step(h, step) ? asc__run_sequences(&h->run, step) : 0;
}

double asc_hosted_lr(const asc_hosted *h, int64_t step)
{
    return is_step(h, step) ? asc__run_lr(&h->run, step) : NAN;
}

/* Both take functions end here: a divergence is no error but news. */
static asc_status after(asc_hosted *h, asc_status st, asc_hosted_what *next, asc_error *err)
{
    bool again = false;
    if (st == ASC_ENUMERIC) {
        if (!is_merged(h))
            ASC_TRY(asc__run_begin_again(&h->run, &again, err));
        h->diverged = !again;
        st = ASC_OK;
    }
    ASC_TRY(st);
    *next = again ? ASC_HOSTED_RESTARTED : asc_hosted_next(h);
    return ASC_OK;
}

asc_status asc_hosted_take_step(asc_hosted *h, double loss, double grad_norm, asc_hosted_what *next, asc_error *err)
{
    if (asc_hosted_next(h) != ASC_HOSTED_STEP)
        return ASC_FAIL(err, ASC_ESTATE, "%s: no step is due", h->dir);
    return after(h, asc__run_take_step(&h->run, loss, grad_norm, err), next, err);
}

static void next_tokens(int32_t *ids, int32_t *targets, const int32_t *row, int n)
{
    memcpy(ids, row, (size_t)n * sizeof *ids);
    memcpy(targets, row + 1, (size_t)n * sizeof *targets);
}

/* What this engine would refuse as it computes. */
static asc_status check_ids(const run *r, const int32_t *ids, const int32_t *targets, int n, asc_error *err)
{
    for (int t = 0; t < n; t++)
        if (ids[t] < 0 || ids[t] >= r->spec.model.vocab || targets[t] >= r->spec.model.vocab)
            return ASC_FAIL(err, ASC_EINVAL, "token %d: the model's vocabulary has %d",
                            ids[t] < 0 || ids[t] >= r->spec.model.vocab ? ids[t] : targets[t], r->spec.model.vocab);
    return ASC_OK;
}

asc_status asc_hosted_rows(asc_hosted *h, int64_t step, int64_t first, int64_t n, int32_t *ids, int32_t *targets,
                           asc_error *err)
{
    run *r = &h->run;
    int T = r->spec.model.context;
    int64_t at = step * r->steps.batch + first;
    if (step < 0 || step >= r->steps.n_steps || first < 0 || n < 0 || first + n > asc__run_sequences(r, step))
        return ASC_FAIL(err, ASC_EINVAL, "sequences %lld to %lld of step %lld: out of range", (long long)first,
                        (long long)(first + n), (long long)step);
    int32_t *row = asc_malloc(((size_t)T + 1) * sizeof *row);
    asc_status st = row ? asc_sampler_seek(r->sampler, at, err) : ASC_NOMEM(err);
    for (int64_t b = 0; st == ASC_OK && b < n; b++, ids += T, targets += T) {
        size_t domain;
        st = asc_sampler_next(r->sampler, row, &domain, err);
        if (st == ASC_OK && asc__run_is_masked(r))
            asc__mask_row(&r->mask, row, targets, T - 2, r->spec.training.seed, "mask", (uint64_t)(at + b));
        if (st == ASC_OK && asc__run_is_masked(r))
            memcpy(ids, row, (size_t)T * sizeof *ids);
        else if (st == ASC_OK)
            next_tokens(ids, targets, row, T);
        if (st == ASC_OK)
            st = check_ids(r, ids, targets, T, err);
    }
    asc_free(row);
    return st;
}

/* ---- evaluation ---- */

static asc_status text_window(run *r, size_t v, int64_t i, int32_t *row, int32_t *ids, int32_t *targets,
                              int32_t *length, asc_error *err)
{
    const asc_token_file *f = r->valid[v];
    bool masked = asc__run_is_masked(r);
    int64_t T = r->spec.model.context, stride = masked ? T - 2 : T;
    int64_t left = asc__evaluate_tokens(f, r->spec.valid_tokens) + masked - i * stride,
            n = left < stride ? left : stride;
    ASC_TRY(asc_token_file_read(f, i * stride, (size_t)n + !masked, row, err));
    *length = (int32_t)(masked ? n + 2 : n);
    if (!masked) {
        next_tokens(ids, targets, row, (int)n);
        return ASC_OK;
    }
    asc__mask_row(&r->mask, row, targets, (int)n, 0, "mask-valid", (uint64_t)i);
    memcpy(ids, row, (size_t)*length * sizeof *ids);
    return ASC_OK;
}

static asc_status scored_window(const run *r, size_t v, int64_t i, int32_t *ids, int32_t *targets, int32_t *length,
                                double *weight, asc_error *err)
{
    const asc_scored *s = &r->scored[v];
    const asc_window *w = &s->windows[i];
    if (w->n > (size_t)r->spec.model.context)
        return ASC_FAIL(err, ASC_EINVAL, "a continuation of %zu tokens, the model's context is %d", w->n,
                        r->spec.model.context);
    next_tokens(ids, targets, s->ids + w->at, (int)w->n);
    for (size_t t = 0; t < w->n - w->n_scored; t++)
        targets[t] = -1;
    *length = (int32_t)w->n;
    *weight = s->weights[i];
    return ASC_OK;
}

asc_status asc_hosted_windows(asc_hosted *h, int64_t v, int64_t first, int64_t n, int32_t *ids, int32_t *targets,
                              int32_t *lengths, double *weights, asc_error *err)
{
    run *r = &h->run;
    int T = r->spec.model.context;
    if (v < 0 || (size_t)v >= r->spec.n_targets || first < 0 || n < 0 || first + n > n_windows(r, (size_t)v))
        return ASC_FAIL(err, ASC_EINVAL, "windows %lld to %lld of target %lld: out of range", (long long)first,
                        (long long)(first + n), (long long)v);
    int32_t *row = asc_malloc(((size_t)T + 2) * sizeof *row);
    asc_status st = row ? ASC_OK : ASC_NOMEM(err);
    for (int64_t i = 0; st == ASC_OK && i < n; i++, ids += T, targets += T) {
        memset(ids, 0, (size_t)T * sizeof *ids);
        memset(targets, -1, (size_t)T * sizeof *targets);
        weights[i] = 1;
        st = r->valid[v] ? text_window(r, (size_t)v, first + i, row, ids, targets, &lengths[i], err)
                         : scored_window(r, (size_t)v, first + i, ids, targets, &lengths[i], &weights[i], err);
        if (st == ASC_OK)
            st = check_ids(r, ids, targets, T, err);
    }
    asc_free(row);
    return st;
}

asc_status asc_hosted_take_losses(asc_hosted *h, const double *loss, asc_hosted_what *next, asc_error *err)
{
    if (asc_hosted_next(h) != ASC_HOSTED_EVALUATE)
        return ASC_FAIL(err, ASC_ESTATE, "%s: no evaluation is due", h->dir);
    return after(h, asc__run_take_losses(&h->run, loss, err), next, err);
}

/* ---- checkpoints and the end ---- */

int asc_hosted_save_due(const asc_hosted *h)
{
    return !h->made && !is_merged(h) && h->run.state.step > 0 && asc__run_save_due(&h->run);
}

asc_status asc_hosted_save(asc_hosted *h, asc_error *err)
{
    return asc__run_save(&h->run, err);
}

asc_status asc_hosted_stop(asc_hosted *h, asc_error *err)
{
    return is_merged(h) ? ASC_FAIL(err, ASC_EINTR, "%s: interrupted", h->dir) : asc__run_stop(&h->run, err);
}

asc_status asc_hosted_finish(asc_hosted *h, asc_error *err)
{
    asc_hosted_what what = asc_hosted_next(h);
    if (h->made)
        return ASC_OK;
    if (what != ASC_HOSTED_ENDED && what != ASC_HOSTED_DIVERGED)
        return ASC_FAIL(err, ASC_ESTATE, "%s: steps or evaluations are left to make", h->dir);
    ASC_TRY((is_merged(h) ? asc__run_finish_merged : asc__run_finish)(&h->run, h->diverged, err));
    h->made = true;
    return ASC_OK;
}
