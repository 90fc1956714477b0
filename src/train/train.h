/**
 * train: one model on one mixture. Step loop, schedule, evaluation, checkpoints. Reports by callback.
 * A run is a folder: run.json in; metrics.jsonl, log.txt, checkpoint/ and result.json out.
 */
#ifndef AUTOSCALE_TRAIN_H
#define AUTOSCALE_TRAIN_H

#include "spec/spec_result.h"
#include "spec/spec_run.h"
#include "text/text.h"

/** Defaults: those of model and training, best isa left AUTO, one thread and rank, "cpu", a checkpoint every 300 s. */
void asc_run_spec_init(asc_run_spec *s);
void asc_run_spec_clear(asc_run_spec *s);
/** Read DIR/run.json; relative paths in it start at DIR. Unknown keys are errors with the nearest name. */
asc_status asc_run_spec_read(asc_run_spec *out, const char *dir, asc_error *err);
/** The same from n bytes; `name` stands for the file in errors, relative paths start at dir. */
asc_status asc_run_spec_parse(asc_run_spec *out, const char *name, const char *dir, const char *text, size_t n,
                              asc_error *err);
/** Write DIR/run.json atomically; paths as they are given (absolute, or relative to DIR). */
asc_status asc_run_spec_write(const asc_run_spec *s, const char *dir, asc_error *err);

/** Write DIR/run.json unless DIR holds this very run, which then goes on. A run that never took its first step
 * (settings that were refused) is written anew. @retval ASC_ESTATE  it holds a run with other settings */
asc_status asc_run_spec_begin(const asc_run_spec *s, const char *dir, asc_error *err);

/** The sequences that the run trains on, in their order. @param files  (D) the run's token files, open while it is used
 */
asc_status asc_run_spec_sampler(asc_sampler **out, const asc_run_spec *s, const asc_token_file *const *files,
                                asc_error *err);

/** SHA-256 of all that decides a run's numbers: everything but paths, checkpoints and places. hex: 65 bytes. */
asc_status asc_run_spec_digest(const asc_run_spec *s, char *hex, asc_error *err);
/** Whether two specs give the same numbers: their digests are equal. */
asc_status asc_run_spec_same(bool *same, const asc_run_spec *a, const asc_run_spec *b, asc_error *err);

/** SHA-256 of what a run that begins with the folder dir would take from it: weights and config.json, with moments also
 * those and the step. hex: 65 bytes. @retval ASC_EINVAL  no such folder, no state.json */
asc_status asc_init_digest(char *hex, const char *dir, asc_start with, asc_error *err);

/** One point of the loss curve. */
typedef struct asc_curve_point {
    double tokens;
    double *loss; /**< (V) nats per token */
} asc_curve_point;

/** What result.json says. */
typedef struct asc_run_result {
    char *id;      /**< of the run.json that it is the result of, and that file's digest (asc_run_spec_digest): */
    char *digest;  /**< ours always say both, an external trainer's need not: NULL */
    char *state;   /**< "done" | "diverged" */
    char *why;     /**< one line where not done, or NULL */
    double tokens; /**< tokens trained on, really */
    size_t n_domains, n_targets;
    char **domains, **targets;
    double *domain_tokens; /**< (D) really used; NULL where an external trainer does not say */
    double *loss;          /**< (V) NaN = not measured */
    size_t n_curve;
    asc_curve_point *curve;
    double wall_s, tokens_per_s;
    double lr;     /**< peak rate used (lower after a retry) */
    int n_retries; /**< times the run diverged and was restarted at a lower learning rate */
    asc_bursts bursts;
    bool sealed; /**< read with a checksum that fits; ours always have one, an external trainer's need not */
} asc_run_result;
void asc_run_result_clear(asc_run_result *r);
/** Read and check a result.json against the targets expected: missing or unknown is one clear line. A loss written as
 * NaN or Infinity, as Python does, makes it a run that diverged. */
asc_status asc_run_result_read(asc_run_result *out, const char *path, char *const *targets, size_t n_targets,
                               asc_error *err);
/** The same from n bytes; `name` stands for the file. targets NULL: whatever the file measures is taken. */
asc_status asc_run_result_parse(asc_run_result *out, const char *name, const char *text, size_t n, char *const *targets,
                                size_t n_targets, asc_error *err);
asc_status asc_run_result_write(const asc_run_result *r, const char *path, asc_error *err);

/* ---- steps and schedule --------------------------------------------------------------------------------------- */

/** How a run's sequences fall into optimiser steps: all steps hold `batch` sequences but the last, which may be short.
 */
typedef struct asc_train_steps {
    int64_t n_sequences, n_steps;
    int64_t batch;       /**< sequences per step: batch_tokens / T, rounded down, at least 1, at most n_sequences */
    int64_t last;        /**< sequences of the last step, 1..batch */
    int64_t micro_batch; /**< sequences per forward pass; the choice depends on the specs alone */
} asc_train_steps;
asc_train_steps asc_train_steps_of(const asc_model_spec *m, const asc_training_spec *t, int64_t n_sequences);

/**
 * Learning rate of step s = 0 .. n_steps-1, re-timed to the run's own steps. W = round(warmup * n_steps) steps rise
 * linearly, lr (s+1)/W; then with p = (s-W)/(n_steps-W): cosine min + (lr-min)(1+cos pi p)/2, linear lr + (min-lr) p,
 * wsd lr until the last fifth of the run and then linear to min, constant lr. min = lr * min_lr.
 */
double asc_train_lr(const asc_training_spec *t, int64_t step, int64_t n_steps);
/** The share of a run up to which the rate stays constant after the warm-up: wsd 4/5, constant 1, others 0. */
double asc_train_constant_until(const asc_training_spec *t);

typedef struct asc_train_status {
    int64_t step, n_steps;
    double tokens, tokens_total, loss_train, lr, tokens_per_s, seconds_left;
} asc_train_status;
typedef void (*asc_train_fn)(void *ctx, const asc_train_status *s);

/**
 * Make the run of DIR/run.json, or go on from DIR/checkpoint. A finished run (result.json) returns at once.
 * A diverged run is a result, not an error. Of several ranks each calls it; one that fails ends the others when its
 * process ends.
 * @retval ASC_EINTR  stopped by asc_interrupt_set after writing a checkpoint
 */
asc_status asc_train_run(const char *dir, asc_train_fn progress, void *ctx, asc_error *err);

/* ---- ranks: one run on several processes ------------------------------------------------------------------------
 *
 * A run.json with ranks > 1 is made by that many processes, started together by Open MPI's mpirun (or Slurm's srun).
 * Each takes an equal part of every step's sequences and of every evaluation; gradients are summed in rank order, so
 * that the same run on the same number of ranks gives the same bits. Rank 0 alone writes files and reports progress.
 */

/** Rank of this process by the environment that mpirun or srun gives it; -1: started by none of them. */
int asc_train_rank(void);
/** @retval ASC_EMISSING  ranks > 1, and this build has no MPI module or there is no mpirun on PATH */
asc_status asc_train_ranks_check(int ranks, asc_error *err);

/**
 * Losses of a checkpoint on token files: mean -log p [nats/token] of each file's first valid_tokens tokens (0: all) in
 * windows of T+1 ids, stride T, a last partial one too; summed in double.
 * @param[out] loss  (n_files)
 */
asc_status asc_eval_checkpoint(double *loss, const char *checkpoint_dir, char *const *valid_files, size_t n_files,
                               int64_t valid_tokens, asc_isa isa, int threads, asc_error *err);
/** The same with windows of at most `context` tokens (0: the model's own; rotary models at most ASC_EVAL_CONTEXT). */
asc_status asc_eval_checkpoint_at(double *loss, const char *checkpoint_dir, char *const *valid_files, size_t n_files,
                                  int64_t valid_tokens, int context, asc_isa isa, int threads, asc_error *err);

/* ---- speed and estimates -------------------------------------------------------------------------------------- */

/** What a short measurement of the very model gives; enough to estimate runs of any budget with it. */
typedef struct asc_train_speed {
    double train_tokens_per_s; /**< forward and backward */
    double update_s;           /**< one optimiser step */
    double eval_tokens_per_s;  /**< forward only */
    double checkpoint_s;       /**< writing one checkpoint, by its bytes at a careful 200 MB/s */
    double start_s;            /**< process, files, first touch of memory */
} asc_train_speed;
/**
 * Measure on random ids for about `seconds` of this thread's CPU time (what an idle machine gives); needs no files.
 * Also good for n runs on n cores: they share no state, but memory-bound models may be slower side by side.
 */
asc_status asc_train_measure(asc_train_speed *out, const asc_model_spec *m, const asc_training_spec *t, asc_isa isa,
                             int threads, double seconds, asc_error *err);
/** Seconds of a run of `tokens` tokens that evaluates eval_tokens tokens (all targets) n_evals times. */
double asc_train_seconds(const asc_train_speed *v, const asc_model_spec *m, const asc_training_spec *t, double tokens,
                         int n_evals, double eval_tokens);
/** Both for one run.json: seconds it will take. valid_tokens 0 counts the token files, which must then be there. */
asc_status asc_train_estimate(double *seconds, const asc_run_spec *spec, asc_error *err);

#endif
