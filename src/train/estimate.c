/* How long a run will take, from a short measurement of its own model. */
#include "run_state.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "device/device.h"
#include "num/num.h"
#include "train/train_scored.h"

#define DISK_BYTES_PER_S 200e6
#define START_S .1
enum { MAX_SAMPLES = 64 };

/* ---- measuring ---- */

typedef struct bench {
    asc_model *model;
    int32_t *ids;     /* (B, T+1) */
    int32_t *targets; /* (B, T+1) of BERT: what is hidden, -1 elsewhere; of GPT-2 NULL */
    int B, T;
    bool cpu_time; /* of this thread: what an idle machine gives; wall time with several threads */
} bench;

static double now(const bench *b)
{
    return b->cpu_time ? asc_thread_cpu_s() : asc_now_s();
}

static asc_status time_pass(double *seconds, const bench *b, bool backward, asc_error *err)
{
    asc_batch batch = asc_batch_lm(b->ids, b->B, b->T);
    if (b->targets)
        batch.targets = b->targets;
    double loss, start = now(b);
    if (backward)
        ASC_TRY(asc_model_forward_backward(b->model, &batch, 1. / ((double)b->B * b->T), &loss, err));
    else
        ASC_TRY(asc_model_loss(b->model, &batch, &loss, NULL, NULL, NULL, err));
    *seconds = now(b) - start;
    return ASC_OK;
}

/* Steps of two micro-batches each: the first after an update also pays for packing the new weights. */
static asc_status measure(asc_train_speed *out, const bench *b, double budget_s, asc_error *err)
{
    double first[MAX_SAMPLES], second[MAX_SAMPLES], update[MAX_SAMPLES], eval[MAX_SAMPLES], warm;
    asc_adamw a = {.lr = 1e-6, .beta1 = .9, .beta2 = .95, .eps = 1e-8, .clip = 1};
    ASC_TRY(time_pass(&warm, b, true, err)); /* touches all memory */
    int n = 0;
    for (double start = now(b); n < MAX_SAMPLES && (n < 2 || now(b) - start < budget_s); n++) {
        if (asc_interrupted())
            return ASC_FAIL(err, ASC_EINTR, "interrupted");
        double t = now(b);
        a.step = n + 1;
        asc_model_step(b->model, &a);
        update[n] = now(b) - t;
        ASC_TRY(time_pass(&first[n], b, true, err));
        ASC_TRY(time_pass(&second[n], b, true, err));
        ASC_TRY(time_pass(&eval[n], b, false, err));
    }
    assert(n >= 2 && n <= MAX_SAMPLES);
    double tokens = (double)b->B * b->T, pass = asc_median(second, (size_t)n);
    out->train_tokens_per_s = tokens / pass;
    out->eval_tokens_per_s = tokens / asc_median(eval, (size_t)n);
    out->update_s = asc_median(update, (size_t)n) + fmax(0, asc_median(first, (size_t)n) - pass);
    return ASC_OK;
}

static void random_ids(int32_t *ids, size_t n, int vocab)
{
    asc_rng r;
    asc_rng_init(&r, 1, "speed", 0);
    for (size_t i = 0; i < n; i++)
        ids[i] = (int32_t)asc_rng_below(&r, (uint64_t)vocab);
}

/* As many of each row as training hides; which ones plays no part. */
static asc_status hide(bench *b, size_t n, asc_error *err)
{
    b->targets = asc_malloc(n * sizeof *b->targets);
    if (!b->targets)
        return ASC_NOMEM(err);
    for (size_t i = 0; i < n; i++)
        b->targets[i] = (int)(i % ((size_t)b->T + 1)) < asc__mask_count(b->T - 2) ? b->ids[i] : -1;
    return ASC_OK;
}

asc_status asc_train_measure(asc_train_speed *out, const asc_model_spec *m, const asc_training_spec *t, asc_isa isa,
                             int threads, double seconds, asc_error *err)
{
    ASC_TRY(asc_device_isa_check(isa, t->dtype, err));
    asc_train_steps steps = asc_train_steps_of(m, t, INT64_MAX / 4);
    bench b = {.T = m->context, .B = (int)steps.micro_batch, .cpu_time = threads <= 1};
    asc_model_opts o = {
        .isa = isa, .dtype = t->dtype, .threads = threads, .micro_batch = (int)steps.micro_batch, .training = true};
    ASC_TRY(asc_model_create(&b.model, m, &o, err));
    size_t n = (size_t)b.B * ((size_t)b.T + 1);
    b.ids = asc_malloc(n * sizeof *b.ids);
    asc_train_speed v = {.checkpoint_s = (double)asc_model_params(m) * 3 * sizeof(float) / DISK_BYTES_PER_S,
                         .start_s = START_S};
    asc_status st = b.ids ? ASC_OK : ASC_NOMEM(err);
    if (st == ASC_OK) {
        random_ids(b.ids, n, m->vocab);
        st = asc_arch_is_encoder(m->arch) ? hide(&b, n, err) : ASC_OK;
    }
    if (st == ASC_OK) {
        asc_model_init_weights(b.model, 1);
        st = measure(&v, &b, seconds, err);
    }
    asc_free(b.ids);
    asc_free(b.targets);
    asc_model_free(b.model);
    if (st == ASC_OK)
        *out = v;
    return st;
}

/* ---- estimating ---- */

double asc_train_seconds(const asc_train_speed *v, const asc_model_spec *m, const asc_training_spec *t, double tokens,
                         int n_evals, double eval_tokens)
{
    asc_train_steps s = asc_train_steps_of(m, t, (int64_t)(tokens / m->context));
    double train = tokens / v->train_tokens_per_s + (double)s.n_steps * v->update_s;
    double eval = n_evals * eval_tokens / v->eval_tokens_per_s;
    return v->start_s + train + eval;
}

/* A task counts the tokens that it reads; text, where a limit is set, that limit. */
static asc_status add_eval_tokens(double *sum, const asc_run_spec *s, size_t v, asc_error *err)
{
    if (s->scored_files && s->scored_files[v]) {
        asc_scored c = {0};
        ASC_TRY(asc_scored_read(&c, s->scored_files[v], err));
        *sum += (double)c.n_ids;
        asc_scored_clear(&c);
    } else if (s->valid_tokens > 0) {
        *sum += (double)s->valid_tokens;
    } else {
        asc_token_file *f = NULL;
        ASC_TRY(asc_token_file_open(&f, s->valid_files[v], err));
        *sum += (double)asc__evaluate_tokens(f, 0);
        asc_token_file_close(f);
    }
    return ASC_OK;
}

/* Tokens that this process of the run makes: not those of the checkpoint it goes on from, nor those after its end. */
static asc_status tokens_to_make(double *out, const asc_run_spec *s, asc_error *err)
{
    init_place at = {0};
    double tokens = 0;
    for (size_t i = 0; i < s->n_domains; i++)
        tokens += s->tokens[i];
    if (s->stop_tokens > 0)
        tokens = fmin(tokens, s->stop_tokens);
    if (s->init_with == ASC_START_POSITION)
        ASC_TRY(asc__init_place(&at, s->init_from, err));
    double batch = (double)asc_train_steps_of(&s->model, &s->training, INT64_MAX / 4).batch * s->model.context;
    *out = fmax(tokens - (double)at.step * batch, 0);
    return ASC_OK;
}

asc_status asc_train_estimate(double *seconds, const asc_run_spec *spec, asc_error *err)
{
    asc_train_speed v;
    double tokens = 0, eval_tokens = 0;
    ASC_TRY(tokens_to_make(&tokens, spec, err));
    for (size_t t = 0; t < spec->n_targets; t++)
        ASC_TRY(add_eval_tokens(&eval_tokens, spec, t, err));
    ASC_TRY(asc_train_measure(&v, &spec->model, &spec->training, spec->isa, spec->threads, 1, err));
    double s = asc_train_seconds(&v, &spec->model, &spec->training, tokens, spec->n_curve + 1, eval_tokens);
    if (spec->checkpoint_s > 0)
        s += floor(s / spec->checkpoint_s) * v.checkpoint_s;
    *seconds = s + (spec->keep_checkpoint ? v.checkpoint_s : 0);
    return ASC_OK;
}
