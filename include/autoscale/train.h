/**
 * train: one model on one mixture. Step loop, schedule, evaluation, checkpoints. Reports by callback.
 * A run is a folder: run.json in; metrics.jsonl, log.txt, checkpoint/ and result.json out.
 */
#ifndef AUTOSCALE_TRAIN_H
#define AUTOSCALE_TRAIN_H

#include "autoscale/spec.h"

/** What run.json says: all that one run needs, so that any machine that sees the folders can make it. */
typedef struct asc_run_spec {
    char *id;             /**< folder name under runs/ */
    asc_model_spec model; /**< vocab set */
    asc_training_spec training;
    asc_isa isa; /**< resolved, never AUTO */
    int threads, ranks;
    char *device;    /**< "cpu", "cuda:0" */
    char *tokenizer; /**< path of tokenizer.json */
    size_t n_domains;
    char **domains;     /**< (D) names */
    char **train_files; /**< (D) token file prefixes */
    double *tokens;     /**< (D) wanted tokens, whole numbers */
    double *max_epochs; /**< (D) NAN: no cap */
    size_t n_targets;
    char **targets;       /**< (V) names */
    char **valid_files;   /**< (V) token file prefixes */
    int64_t valid_tokens; /**< tokens evaluated a target; 0: all */
    int n_curve;          /**< evaluations along the run, beside the last; 0: only the last */
    double checkpoint_s;  /**< seconds between checkpoints */
    char *init_from;      /**< checkpoint folder to start from, or NULL */
    bool keep_checkpoint; /**< keep checkpoint/ after the end */
} asc_run_spec;
void asc_run_spec_clear(asc_run_spec *s);
/** Read DIR/run.json; relative paths in it start at DIR. */
asc_status asc_run_spec_read(asc_run_spec *out, const char *dir, asc_error *err);
/** Write DIR/run.json atomically. */
asc_status asc_run_spec_write(const asc_run_spec *s, const char *dir, asc_error *err);

/** One point of the loss curve. */
typedef struct asc_curve_point {
    double tokens;
    double *loss; /**< (V) nats a token */
} asc_curve_point;

/** What result.json says. */
typedef struct asc_run_result {
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
    double lr; /**< peak rate used (lower after a retry) */
} asc_run_result;
void asc_run_result_clear(asc_run_result *r);
/** Read and check a result.json against the targets expected: missing, NaN or unknown is one clear line. */
asc_status asc_run_result_read(asc_run_result *out, const char *path, char *const *targets, size_t n_targets,
                               asc_error *err);
asc_status asc_run_result_write(const asc_run_result *r, const char *path, asc_error *err);

typedef struct asc_train_status {
    int64_t step, n_steps;
    double tokens, tokens_total, loss_train, lr, tokens_per_s, seconds_left;
} asc_train_status;
typedef void (*asc_train_fn)(void *ctx, const asc_train_status *s);

/**
 * Make the run of DIR/run.json, or go on from DIR/checkpoint. A finished run (result.json) returns at once.
 * A diverged run is a result, not an error.
 * @retval ASC_EINTR  stopped by asc_interrupt_set after writing a checkpoint
 */
asc_status asc_train_run(const char *dir, asc_train_fn progress, void *ctx, asc_error *err);

/** Losses of a checkpoint on token files. */
asc_status asc_eval_checkpoint(double *loss, const char *checkpoint_dir, char *const *valid_files, size_t n_files,
                               int64_t valid_tokens, asc_isa isa, int threads, asc_error *err);

#endif
