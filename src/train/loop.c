/* One run from run.json to result.json: the step loop around model, sampler, evaluation and checkpoints. */
#include "run.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "device/device.h"

/* A checkpoint takes at most this share of the time; large models are saved less often than asked for. */
#define CHECKPOINT_SHARE .03
enum { METRIC_LINES = 500, LOCK_WAIT_S = 120 };

/* The rank that writes. */
static bool leads(const run *r)
{
    return r->ranks.rank == 0;
}

/* ---- opening ---- */

/* One process per run: another that still writes its last checkpoint is waited for. */
static asc_status take_lock(run *r, asc_error *err)
{
    char *path = asc_path_join(r->dir, "run.lock");
    if (!path)
        return ASC_NOMEM(err);
    asc_status st = asc_file_open(&r->lock, path, O_RDWR | O_CREAT, err);
    double start = asc_now_s();
    while (st == ASC_OK && flock(r->lock, LOCK_EX | LOCK_NB) != 0) {
        if (asc_interrupted())
            st = ASC_FAIL(err, ASC_EINTR, "interrupted");
        else if (errno != EWOULDBLOCK && errno != EINTR)
            st = ASC_FAIL(err, ASC_EIO, "%s: cannot lock: %s", path, strerror(errno));
        else if (asc_now_s() - start > LOCK_WAIT_S)
            st = ASC_FAIL(err, ASC_ESTATE, "%s: run is in progress in another process", r->dir);
        else
            nanosleep(&(struct timespec){.tv_nsec = 50 * 1000 * 1000}, NULL);
    }
    asc_free(path);
    return st;
}

static asc_status check_place(run *r, asc_error *err)
{
    const asc_run_spec *s = &r->spec;
    if (!r->place) {
        ASC_TRY(asc_device_check(s->device, err));
        ASC_TRY(asc_device_isa_check(s->isa, s->training.dtype, err));
    }
    r->spec.isa = asc_device_isa_resolve(s->isa);
    if (s->tokenizer && !asc_path_exists(s->tokenizer))
        return ASC_FAIL(err, ASC_EINVAL, "%s: no such tokenizer", s->tokenizer);
    return ASC_OK;
}

static asc_status open_files(asc_token_file ***out, char *const *prefixes, size_t n, asc_error *err)
{
    *out = asc_calloc(n + 1, sizeof **out);
    if (!*out)
        return ASC_NOMEM(err);
    for (size_t i = 0; i < n; i++)
        if (prefixes[i])
            ASC_TRY(asc_token_file_open(&(*out)[i], prefixes[i], err));
    return ASC_OK;
}

static asc_status open_scored(run *r, asc_error *err)
{
    size_t V = r->spec.n_targets;
    r->scored = asc_calloc(V + 1, sizeof *r->scored);
    if (!r->scored)
        return ASC_NOMEM(err);
    for (size_t v = 0; v < V; v++) {
        const char *path = r->spec.scored_files ? r->spec.scored_files[v] : NULL;
        if (path && asc_arch_is_encoder(r->spec.model.arch))
            return ASC_FAIL(err, ASC_EINVAL, "%s: target '%s' is a task: task targets require a decoder, not arch %s",
                            path, r->spec.targets[v], asc_arch_name(r->spec.model.arch));
        if (path)
            ASC_TRY(asc_scored_read(&r->scored[v], path, err));
    }
    return ASC_OK;
}

static asc_status check_valid_files(const run *r, asc_error *err)
{
    for (size_t v = 0; v < r->spec.n_targets; v++)
        if (r->valid[v] && asc__evaluate_tokens(r->valid[v], r->spec.valid_tokens) < 1)
            return ASC_FAIL(err, ASC_EINVAL, "%s: target '%s' needs at least 2 validation tokens, found %lld",
                            r->spec.valid_files[v], r->spec.targets[v], (long long)asc_token_file_tokens(r->valid[v]));
    return ASC_OK;
}

static asc_status open_model(run *r, asc_error *err)
{
    const asc_run_spec *s = &r->spec;
    r->steps = asc_train_steps_of(&s->model, &s->training, asc_sampler_sequences(r->sampler));
    r->end = r->steps.n_steps;
    if (s->stop_tokens > 0) {
        double steps = ceil(s->stop_tokens / ((double)r->steps.batch * s->model.context) - 1e-9);
        r->end = steps < 1 ? 1 : steps < (double)r->end ? (int64_t)steps : r->end;
    }
    r->cool = (int64_t)fmin(ceil(s->cool_tokens / ((double)r->steps.batch * s->model.context) - 1e-9), (double)r->end);
    asc_model_opts o = {.isa = s->isa,
                        .dtype = s->training.dtype,
                        .threads = s->threads,
                        .micro_batch = (int)r->steps.micro_batch,
                        .training = true,
                        .storage = r->place != NULL};
    ASC_TRY(asc_model_create(&r->model, &s->model, &o, err));
    size_t n = (size_t)r->steps.micro_batch * ((size_t)s->model.context + 1);
    r->ids = asc_malloc(n * sizeof *r->ids);
    if (!r->ids)
        return ASC_NOMEM(err);
    return asc_arch_is_encoder(s->model.arch)
               ? asc__masker_init(&r->mask, s->tokenizer, &s->model, (int)r->steps.micro_batch, err)
               : ASC_OK;
}

static asc_status open_parts(run *r, asc_error *err)
{
    if (leads(r))
        ASC_TRY(take_lock(r, err));
    ASC_TRY(check_place(r, err));
    ASC_TRY(asc_run_spec_digest(&r->spec, r->digest, err));
    if (leads(r))
        ASC_TRY(asc__journal_open(&r->journal, r->dir, err));
    ASC_TRY(open_files(&r->train, r->spec.train_files, r->spec.n_domains, err));
    ASC_TRY(open_files(&r->valid, r->spec.valid_files, r->spec.n_targets, err));
    ASC_TRY(check_valid_files(r, err));
    ASC_TRY(open_scored(r, err));
    ASC_TRY(asc_run_spec_sampler(&r->sampler, &r->spec, (const asc_token_file *const *)r->train, err));
    ASC_TRY(open_model(r, err));
    return asc__online_open(r, err);
}

asc_status asc__run_open(run *r, asc_error *err)
{
    ASC_TRY(asc_run_spec_read(&r->spec, r->dir, err));
    if (!r->place) /* else its ranks, if there are any, know of each other by means of their own */
        ASC_TRY(asc__ranks_init(&r->ranks, r->spec.ranks, err));
    if (!leads(r))
        r->progress = NULL;
    return asc__ranks_agree(&r->ranks, open_parts(r, err), err);
}

static void close_files(asc_token_file **f, size_t n)
{
    for (size_t i = 0; f && i < n; i++)
        asc_token_file_close(f[i]);
    asc_free(f);
}

void asc__run_close(run *r)
{
    asc__state_clear(&r->state);
    asc__online_close(r);
    asc_free(r->ids);
    asc__masker_clear(&r->mask);
    asc_model_free(r->model);
    asc_sampler_free(r->sampler);
    close_files(r->train, r->spec.n_domains);
    close_files(r->valid, r->spec.n_targets);
    for (size_t v = 0; r->scored && v < r->spec.n_targets; v++)
        asc_scored_clear(&r->scored[v]);
    asc_free(r->scored);
    asc__journal_close(&r->journal);
    asc_run_spec_clear(&r->spec);
    if (r->lock >= 0)
        close(r->lock);
}

/* ---- beginning and going on ---- */

static double attempt_lr(const run *r)
{
    return r->spec.training.lr * pow(r->spec.training.divergence_lr, r->state.attempt);
}

/* Where the checkpoint stands that is gone on from must be a step of this run: the same sequences in as many steps. */
static asc_status check_start(const run *r, int64_t step, int64_t sequences, asc_error *err)
{
    const char *dir = r->spec.init_from;
    if (step > r->end)
        return ASC_FAIL(err, ASC_EINVAL, "%s: stands at step %lld, this run ends at %lld", dir, (long long)step,
                        (long long)r->end);
    if (sequences >= 0 && sequences != step * r->steps.batch)
        return ASC_FAIL(err, ASC_EINVAL,
                        "%s: has seen %lld sequences in %lld steps, this run takes %lld a step: to continue from its "
                        "position, batch and context must be the same",
                        dir, (long long)sequences, (long long)step, (long long)r->steps.batch);
    return ASC_OK;
}

static asc_status begin_with(run *r, asc_error *err)
{
    init_place at;
    ASC_TRY(asc__init_load(&at, r->model, &r->spec, err));
    if (r->spec.init_with != ASC_START_POSITION) {
        r->state.moments_at = at.moments_at + at.step;
        return ASC_OK;
    }
    ASC_TRY(check_start(r, at.step, at.sequences, err));
    r->state.step = at.step;
    r->state.moments_at = at.moments_at;
    return ASC_OK;
}

static asc_status begin(run *r, int attempt, asc_error *err)
{
    size_t n = asc_model_flat_size(r->model) * sizeof(float);
    double elapsed = r->state.elapsed_s;
    asc__state_clear(&r->state);
    ASC_TRY(asc__online_begin(r, err));
    r->state.attempt = attempt;
    r->state.elapsed_s = elapsed;
    r->saved_at = -1;
    r->lr = attempt_lr(r);
    memset(asc_model_moment1_data(r->model), 0, n);
    memset(asc_model_moment2_data(r->model), 0, n);
    asc_model_init_weights(r->model, r->spec.training.seed);
    if (r->spec.init_from)
        ASC_TRY(begin_with(r, err));
    return asc_sampler_seek(r->sampler, asc__run_position(r), err);
}

static checkpoint_opts checkpoint_of(run *r)
{
    return (checkpoint_opts){.dir = r->dir,
                             .digest = r->digest,
                             .tokenizer = r->spec.tokenizer,
                             .n_targets = r->spec.n_targets,
                             .journal = &r->journal};
}

int64_t asc__run_position(const run *r)
{
    assert(r->state.step >= 0 && r->state.step <= r->steps.n_steps);
    int64_t p = r->state.step * r->steps.batch;
    return p < r->steps.n_sequences ? p : r->steps.n_sequences;
}

static double tokens_done(const run *r)
{
    return (double)asc__run_position(r) * r->spec.model.context;
}

/* The first rank looks for the newest whole checkpoint and puts it in its place; the others take the same one. */
static asc_status read_checkpoint(run *r, bool *found, asc_error *err)
{
    checkpoint_opts o = checkpoint_of(r);
    asc_status st = leads(r) ? asc__checkpoint_read(found, &o, r->model, &r->state, err) : ASC_OK;
    ASC_TRY(asc__ranks_agree(&r->ranks, st, err));
    double there = *found ? (double)r->state.step + 1 : 0; /* 0 on the others yet */
    ASC_TRY(asc__ranks_sum_double(&r->ranks, &there, 1, err));
    if (!leads(r) && there > 0) {
        st = asc__checkpoint_read(found, &o, r->model, &r->state, err);
        if (st == ASC_OK && !(*found && (double)r->state.step + 1 == there))
            st = ASC_FAIL(err, ASC_ESTATE, "%s: rank %d does not see the checkpoint of rank 0; ranks need one folder",
                          r->dir, r->ranks.rank);
    }
    return asc__ranks_agree(&r->ranks, st, err);
}

static asc_status go_on_or_begin(run *r, asc_error *err)
{
    bool found = false;
    ASC_TRY(read_checkpoint(r, &found, err));
    if (!found || r->state.step > r->end) {
        ASC_TRY(begin(r, 0, err));
        asc__journal_note(&r->journal, "started: %lld parameters, %lld steps of %lld sequences, %s %s, ranks %d",
                          (long long)asc_model_params(&r->spec.model), (long long)r->steps.n_steps,
                          (long long)r->steps.batch, r->place ? "on" : "isa",
                          r->place ? r->place : asc_isa_name(r->spec.isa), r->place ? r->spec.ranks : r->ranks.size);
        return asc__journal_rewind(&r->journal, 0, err);
    }
    ASC_TRY(asc__online_resume(r, err));
    r->saved_at = r->state.step;
    r->lr = attempt_lr(r);
    asc__journal_note(&r->journal, "resuming from the checkpoint at step %lld of %lld", (long long)r->state.step,
                      (long long)r->steps.n_steps);
    ASC_TRY(asc__journal_rewind(&r->journal, r->state.metrics_bytes, err));
    return asc_sampler_seek(r->sampler, asc__run_position(r), err);
}

static void start_clock(run *r)
{
    r->begun_s = r->saved_s = r->counted_s = asc_now_s();
    r->elapsed_before_s = r->state.elapsed_s;
}

asc_status asc__run_go_on_or_begin(run *r, asc_error *err)
{
    ASC_TRY(go_on_or_begin(r, err));
    start_clock(r);
    return ASC_OK;
}

/* ---- checkpoints ---- */

static double elapsed_s(const run *r)
{
    return r->elapsed_before_s + (asc_now_s() - r->counted_s) / (r->n_sharing > 1 ? r->n_sharing : 1);
}

void asc__run_share(run *r, int n)
{
    if (r->counted_s > 0 && n != r->n_sharing) { /* else the clock has not been started */
        r->elapsed_before_s = elapsed_s(r);
        r->counted_s = asc_now_s();
    }
    r->n_sharing = n;
}

asc_status asc__run_save(run *r, asc_error *err)
{
    if (!leads(r) || (r->saved_at == r->state.step && r->state.step > 0))
        return ASC_OK;
    double start = asc_now_s();
    checkpoint_opts o = checkpoint_of(r);
    o.sequences = asc__run_position(r);
    r->state.elapsed_s = elapsed_s(r);
    r->state.metrics_bytes = r->journal.metrics_bytes;
    ASC_TRY(asc__checkpoint_write(&o, r->model, &r->state, err));
    r->saved_at = r->state.step;
    r->saved_s = asc_now_s();
    r->checkpoint_cost_s = r->saved_s - start;
    return ASC_OK;
}

bool asc__run_save_due(const run *r)
{
    double every = r->spec.checkpoint_s;
    if (every > 0)
        every = fmax(every, r->checkpoint_cost_s / CHECKPOINT_SHARE);
    return asc_now_s() - r->saved_s >= every;
}

/* Interrupted: keep what there is. A failure to save is the graver news. */
asc_status asc__run_stop(run *r, asc_error *err)
{
    if (r->state.step > 0)
        ASC_TRY(asc__run_save(r, err));
    asc__journal_note(&r->journal, "interrupted at step %lld of %lld", (long long)r->state.step,
                      (long long)r->steps.n_steps);
    return ASC_FAIL(err, ASC_EINTR, "%s: interrupted at step %lld of %lld; rerun to resume from there", r->dir,
                    (long long)r->state.step, (long long)r->steps.n_steps);
}

/* ---- one step ---- */

static asc_status fill_batch(run *r, int B, asc_error *err)
{
    assert(B >= 1 && B <= r->steps.micro_batch);
    size_t row = (size_t)r->spec.model.context + 1, domain;
    for (int b = 0; b < B; b++)
        ASC_TRY(asc_sampler_next(r->sampler, r->ids + (size_t)b * row, &domain, err));
    return ASC_OK;
}

bool asc__run_is_masked(const run *r)
{
    return asc_arch_is_encoder(r->spec.model.arch);
}

/* The batch that stands in ids: next-token prediction, or hidden tokens, other ones each time a text is seen again. */
asc_batch asc__run_batch(run *r, int B, int64_t first_sequence, int64_t *counted)
{
    int T = r->spec.model.context;
    *counted = (int64_t)B * T;
    if (!asc__run_is_masked(r))
        return asc_batch_lm(r->ids, B, T);
    size_t row = (size_t)T + 1;
    *counted = 0;
    for (int b = 0; b < B; b++)
        *counted += asc__mask_row(&r->mask, r->ids + (size_t)b * row, r->mask.targets + b * T, T - 2,
                                  r->spec.training.seed, "mask", (uint64_t)(first_sequence + b));
    return (asc_batch){
        .ids = r->ids, .targets = r->mask.targets, .ld_ids = row, .ld_targets = (size_t)T, .B = B, .T = T};
}

/* Gradients of the mean loss over the step's tokens, in micro-batches of this rank's part, then summed over ranks. */
static asc_status accumulate(run *r, int64_t n_sequences, double *loss, asc_error *err)
{
    int T = r->spec.model.context;
    double tokens = (double)n_sequences * (asc__run_is_masked(r) ? asc__mask_count(T - 2) : T), sums[2] = {0};
    int64_t first = asc__run_position(r), lo, hi;
    asc__ranks_share(&r->ranks, n_sequences, &lo, &hi);
    ASC_TRY(asc_sampler_seek(r->sampler, first + lo, err));
    if (lo == hi)
        asc_model_start_grads(r->model);
    for (int64_t at = lo; at < hi && !asc_interrupted();) {
        int B = (int)(hi - at < r->steps.micro_batch ? hi - at : r->steps.micro_batch);
        ASC_TRY(fill_batch(r, B, err));
        int64_t counted = 0;
        asc_batch batch = asc__run_batch(r, B, first + at, &counted);
        double part = 0;
        ASC_TRY(asc_model_forward_backward(r->model, &batch, 1 / tokens, &part, err));
        sums[0] += part;
        sums[1] += (double)counted;
        at += B;
    }
    ASC_TRY(asc__ranks_sum_or_stop(&r->ranks, sums, err));
    *loss = sums[0] / sums[1];
    return asc__ranks_sum_float(&r->ranks, asc_model_grads_data(r->model), asc_model_flat_size(r->model), err);
}

static void report(run *r, double loss, double lr, asc_train_status *out)
{
    int64_t last = r->end < r->steps.n_steps ? r->end * r->steps.batch : r->steps.n_sequences;
    double total = (double)last * r->spec.model.context, spent = asc_now_s() - r->begun_s;
    double here = (double)(r->steps_here * r->steps.batch) * r->spec.model.context;
    double rate = spent > 0 ? here / spent : 0; /* evaluations and checkpoints included: what is left has them too */
    double done = tokens_done(r);
    *out = (asc_train_status){.step = r->state.step,
                              .n_steps = r->end,
                              .tokens = done,
                              .tokens_total = total,
                              .loss_train = loss,
                              .lr = lr,
                              .tokens_per_s = rate,
                              .seconds_left = rate > 0 ? (total - done) / rate : NAN};
}

static bool line_due(const run *r)
{
    int64_t every = r->steps.n_steps / METRIC_LINES + 1;
    return r->state.step % every == 0 || r->state.step == 1 || r->state.step == r->end;
}

int64_t asc__run_sequences(const run *r, int64_t s)
{
    assert(s >= 0 && s < r->steps.n_steps);
    return s == r->steps.n_steps - 1 ? r->steps.last : r->steps.batch;
}

double asc__run_lr(const run *r, int64_t s)
{
    const asc_training_spec *t = &r->spec.training;
    assert(t->lr > 0);
    double lr = asc_train_lr(t, s, r->steps.n_steps) * (r->lr / t->lr);
    return r->end - s < r->cool ? lr * (double)(r->end - s) / (double)r->cool : lr;
}

asc_status asc__run_take_step(run *r, double loss, double norm, asc_error *err)
{
    int64_t s = r->state.step;
    double lr = asc__run_lr(r, s);
    r->state.step++;
    r->steps_here++;
    asc_train_status status;
    report(r, loss, lr, &status);
    if (line_due(r))
        ASC_TRY(asc__journal_step(&r->journal, &status, norm, r->state.attempt, err));
    if (r->progress)
        r->progress(r->ctx, &status);
    if (s < r->steps.n_steps - 1 || r->steps.last == r->steps.batch)
        asc__bursts_watch(&r->state, status.tokens, loss, norm);
    return asc__diverged(&r->state, loss, norm, r->steps.n_steps, r->why) ? ASC_ENUMERIC : ASC_OK;
}

/* @retval ASC_ENUMERIC  the run has diverged, r->why says how */
static asc_status one_step(run *r, asc_error *err)
{
    const asc_training_spec *t = &r->spec.training;
    int64_t s = r->state.step;
    double loss = NAN;
    ASC_TRY(r->online ? asc__online_step(r, asc__run_sequences(r, s), &loss, err)
                      : accumulate(r, asc__run_sequences(r, s), &loss, err));
    asc_adamw a = {.lr = asc__run_lr(r, s),
                   .beta1 = t->beta1,
                   .beta2 = t->beta2,
                   .eps = t->eps,
                   .weight_decay = t->weight_decay,
                   .clip = t->clip,
                   .step = r->state.moments_at + s + 1};
    return asc__run_take_step(r, loss, asc_model_step(r->model, &a), err);
}

/* ---- evaluation along the run ---- */

/* Step of the k-th evaluation, k = 1 .. n_curve+1: evenly spaced, the last at the end. */
static int64_t evaluation_step(const run *r, int64_t k)
{
    assert(k >= 0 && k <= (int64_t)r->spec.n_curve + 1);
    int64_t parts = (int64_t)r->spec.n_curve + 1;
    return (r->steps.n_steps * k + parts / 2) / parts;
}

bool asc__run_evaluation_due(const run *r)
{
    int64_t s = r->state.step;
    double last = r->state.n_curve ? r->state.curve[r->state.n_curve - 1].tokens : 0;
    if (s == 0 || last >= tokens_done(r))
        return false;
    if (s == r->end)
        return true;
    int64_t parts = (int64_t)r->spec.n_curve + 1, k = s * parts / r->steps.n_steps;
    return evaluation_step(r, k) == s || evaluation_step(r, k + 1) == s;
}

int64_t asc__run_steps_ahead(const run *r)
{
    assert(r->state.step < r->end);
    int64_t s = r->state.step, k = s * ((int64_t)r->spec.n_curve + 1) / r->steps.n_steps;
    while (evaluation_step(r, k) <= s)
        k++;
    int64_t next = evaluation_step(r, k);
    return (next < r->end ? next : r->end) - s;
}

static asc_status evaluate_target(double *loss, run *r, size_t v, asc_error *err)
{
    if (!r->valid[v]) /* each rank all of it: a task is short */
        return asc_scored_loss(loss, &r->scored[v], r->model, err);
    return asc__evaluate_file(loss, r->model, r->valid[v], r->spec.valid_tokens, r->ids,
                              asc__run_is_masked(r) ? &r->mask : NULL, &r->ranks, err);
}

asc_status asc__run_take_losses(run *r, const double *loss, asc_error *err)
{
    size_t V = r->spec.n_targets;
    asc_curve_point *p = asc__state_add_point(&r->state, tokens_done(r), V);
    if (!p)
        return ASC_NOMEM(err);
    bool finite = true;
    for (size_t v = 0; v < V; v++) {
        p->loss[v] = loss[v];
        finite = finite && isfinite(loss[v]);
    }
    r->saved_at = -1; /* the point is worth a checkpoint of its own */
    ASC_TRY(asc__journal_valid(&r->journal, r->state.step, p, r->spec.targets, V, r->state.attempt, err));
    if (finite)
        return ASC_OK;
    snprintf(r->why, sizeof r->why, "step %lld of %lld: a validation loss is not finite", (long long)r->state.step,
             (long long)r->steps.n_steps);
    return ASC_ENUMERIC;
}

static asc_status evaluate(run *r, asc_error *err)
{
    size_t V = r->spec.n_targets;
    double *loss = asc_calloc(V + 1, sizeof *loss);
    asc_status st = loss ? ASC_OK : ASC_NOMEM(err);
    for (size_t v = 0; st == ASC_OK && v < V; v++)
        st = evaluate_target(&loss[v], r, v, err);
    if (st == ASC_OK)
        st = asc__run_take_losses(r, loss, err);
    asc_free(loss);
    return st;
}

/* ---- the loop ---- */

static asc_status train_to_end(run *r, asc_error *err)
{
    for (;;) {
        if (asc__run_evaluation_due(r))
            ASC_TRY(evaluate(r, err));
        if (r->state.step == r->end)
            return ASC_OK;
        if (asc__run_save_due(r) && r->state.step > 0)
            ASC_TRY(asc__run_save(r, err));
        ASC_TRY(one_step(r, err));
    }
}

asc_status asc__run_begin_again(run *r, bool *again, asc_error *err)
{
    asc__journal_note(&r->journal, "diverged at learning rate %g: %s", r->lr, r->why);
    *again = r->state.attempt < r->spec.training.retry_on_divergence;
    if (!*again)
        return ASC_OK;
    int attempt = r->state.attempt + 1;
    r->state.elapsed_s = elapsed_s(r);
    ASC_TRY(begin(r, attempt, err));
    asc__journal_note(&r->journal, "restarted at learning rate %g", r->lr);
    return ASC_OK;
}

/* Attempts until one ends or none is left. *diverged: none ended. */
static asc_status train(run *r, bool *diverged, asc_error *err)
{
    for (;;) {
        asc_status st = train_to_end(r, err);
        if (st == ASC_EINTR)
            return asc__run_stop(r, err);
        *diverged = st == ASC_ENUMERIC;
        if (!*diverged)
            return st;
        bool again = false;
        ASC_TRY(asc__run_begin_again(r, &again, err));
        if (!again)
            return ASC_OK;
    }
}

/* ---- the result ---- */

static asc_status fill_domain_tokens(const run *r, double *out, asc_error *err)
{
    if (r->online) {
        asc__online_tokens(r, out);
        return ASC_OK;
    }
    int64_t *used = asc_calloc(r->spec.n_domains, sizeof *used);
    if (!used)
        return ASC_NOMEM(err);
    asc_status st = asc_sampler_seek(r->sampler, asc__run_position(r), err);
    asc_sampler_tokens_so_far(r->sampler, used);
    for (size_t i = 0; i < r->spec.n_domains; i++)
        out[i] = (double)used[i];
    asc_free(used);
    return st;
}

/* The result borrows names and curve from the run. */
static asc_status write_result(run *r, bool diverged, asc_error *err)
{
    assert(diverged || r->state.n_curve > 0); /* the end is always evaluated */
    size_t D = r->spec.n_domains, V = r->spec.n_targets;
    double *used = asc_calloc(D + 1, sizeof *used), *loss = asc_malloc((V + 1) * sizeof *loss);
    char *path = asc_path_join(r->dir, "result.json"), why[300] = "";
    asc_status st = used && loss && path ? fill_domain_tokens(r, used, err) : ASC_NOMEM(err);
    for (size_t v = 0; st == ASC_OK && v < V; v++)
        loss[v] = diverged ? NAN : r->state.curve[r->state.n_curve - 1].loss[v];
    if (diverged)
        snprintf(why, sizeof why, "diverged at learning rate %g: %s", r->lr, r->why);
    double wall = elapsed_s(r), total = tokens_done(r);
    asc_run_result out = {.id = r->spec.id,
                          .digest = r->digest,
                          .state = diverged ? "diverged" : "done",
                          .why = diverged ? why : NULL,
                          .tokens = total,
                          .n_domains = D,
                          .n_targets = V,
                          .domains = r->spec.domains,
                          .targets = r->spec.targets,
                          .domain_tokens = diverged ? NULL : used,
                          .loss = loss,
                          .n_curve = r->state.n_curve,
                          .curve = r->state.curve,
                          .wall_s = wall,
                          .tokens_per_s = wall > 0 ? total / wall : NAN,
                          .lr = r->lr,
                          .n_retries = r->state.attempt,
                          .bursts = r->state.burst.found};
    if (st == ASC_OK)
        st = asc_run_result_write(&out, path, err);
    asc_free(used);
    asc_free(loss);
    asc_free(path);
    return st;
}

/* With a result there the lock has done its work: who comes later returns before it asks for one. */
static void drop_lock_file(const run *r)
{
    char *path = asc_path_join(r->dir, "run.lock");
    if (path)
        unlink(path);
    asc_free(path);
}

asc_status asc__run_finish(run *r, bool diverged, asc_error *err)
{
    if (!leads(r))
        return ASC_OK;
    bool keep = r->spec.keep_checkpoint && !diverged;
    if (keep) /* before the result: a run with a result is never opened again */
        ASC_TRY(asc__run_save(r, err));
    if (!diverged)
        ASC_TRY(asc__online_write(r, err));
    ASC_TRY(write_result(r, diverged, err));
    asc__journal_note(&r->journal, "%s", diverged ? "ended: diverged" : "done");
    drop_lock_file(r);
    return keep ? ASC_OK : asc__checkpoint_remove(r->dir, err);
}

bool asc__run_finished(const char *dir)
{
    char *path = asc_path_join(dir, "result.json");
    bool is = path && asc_path_exists(path);
    asc_free(path);
    return is;
}

asc_status asc__run_begin_merged(run *r, asc_error *err)
{
    start_clock(r);
    r->lr = r->spec.training.lr;
    ASC_TRY(asc__ranks_agree(&r->ranks, leads(r) ? asc__merged_write(r, err) : ASC_OK, err));
    ASC_TRY(asc__merged_load(r, err));
    r->state.step = r->end;
    return ASC_OK;
}

asc_status asc__run_finish_merged(run *r, bool diverged, asc_error *err)
{
    if (leads(r)) /* before the result: a run with a result is never opened again */
        ASC_TRY(asc__merged_remove(r, err));
    return asc__run_finish(r, diverged, err);
}

/* It is evaluated and nothing else. */
static asc_status make_merged(run *r, asc_error *err)
{
    ASC_TRY(asc__run_begin_merged(r, err));
    asc_status st = evaluate(r, err);
    if (st == ASC_EINTR)
        return asc_interrupted() ? ASC_FAIL(err, ASC_EINTR, "%s: interrupted", r->dir) : st;
    return st == ASC_OK || st == ASC_ENUMERIC ? asc__run_finish_merged(r, st == ASC_ENUMERIC, err) : st;
}

static asc_status make_run(run *r, asc_error *err)
{
    bool diverged = false, is_made = false;
    ASC_TRY(asc__run_open(r, err));
    ASC_TRY(asc__ranks_any(&r->ranks, asc__run_finished(r->dir), &is_made, err));
    if (is_made) /* by the process whose lock was waited for */
        return ASC_OK;
    if (r->spec.n_parts)
        return make_merged(r, err);
    ASC_TRY(asc__run_go_on_or_begin(r, err));
    ASC_TRY(train(r, &diverged, err));
    return asc__run_finish(r, diverged, err);
}

asc_status asc_train_run(const char *dir, asc_train_fn progress, void *ctx, asc_error *err)
{
    if (asc_train_rank() < 0 &&
        asc__run_finished(dir)) /* ranks ask each other below, lest some leave and others wait */
        return ASC_OK;
    run r = {.dir = dir, .ranks = {.size = 1}, .lock = -1, .saved_at = -1, .progress = progress, .ctx = ctx};
    r.state.first_loss = NAN;
    asc_error why = {0};
    asc_status st = make_run(&r, &why);
    if (st != ASC_OK && st != ASC_EINTR && r.journal.log)
        asc__journal_note(&r.journal, "failed: %s", why.msg);
    asc__run_close(&r);
    asc__ranks_clear(&r.ranks, st != ASC_OK && st != ASC_EINTR);
    if (st != ASC_OK && err)
        *err = why;
    return st;
}
