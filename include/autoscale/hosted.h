/**
 * A run whose arithmetic is done by the caller: a trainer on another device. The library reads DIR/run.json, holds the
 * run's lock, provides initial weights, batches, learning rates and evaluation windows, and receives losses; it
 * writes metrics.jsonl, log.txt, checkpoint/ and result.json as its own engine does, so that either can resume a run
 * that the other started. Shapes: P floats of parameters, T positions, V targets.
 *
 *     asc_hosted_open, asc_hosted_start
 *     until asc_hosted_phase is ENDED:
 *         EVALUATE: for each target the mean loss of its windows (asc_hosted_windows), asc_hosted_take_losses
 *         STEP:     gradients of the mean loss over asc_hosted_rows' counted targets, AdamW, asc_hosted_take_step
 *         where asc_hosted_save_due: put parameters and moments into the arrays, asc_hosted_save
 *         where one of the take functions says RESTARTED: fetch parameters and moments from the arrays
 *     asc_hosted_finish, asc_hosted_close
 *
 * asc_hosted_rows and asc_hosted_windows may each be called by one thread beside the one that calls the others, but not
 * during asc_hosted_start, nor while a take function returns RESTARTED.
 */
#ifndef AUTOSCALE_HOSTED_H
#define AUTOSCALE_HOSTED_H

#include <stddef.h>
#include <stdint.h>

#include "autoscale/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/** An open run. */
typedef struct asc_hosted asc_hosted;

/**
 * Open DIR/run.json, wait for the run's lock, open token files and reserve memory for parameters and moments.
 * @param place  what computes, for the log: "NVIDIA H100, bf16"
 * @param rank   0; another process of a run on several devices, which reads batches and writes nothing: > 0; to read
 * run.json alone (asc_hosted_json without steps and windows, and initial weights), with no token files there: < 0
 * @retval ASC_ESTATE  run is in progress in another process
 */
ASC_API asc_status asc_hosted_open(asc_hosted **out, const char *dir, const char *place, int rank, asc_error *err);
/** Give up the run's lock and free everything; NULL is fine. Nothing is saved. */
ASC_API void asc_hosted_close(asc_hosted *h);
/**
 * What there is to compute, as one JSON object that lives as long as h: "id", "digest", "device", "model" (every size
 * stated), "training", "steps" {"n","batch","last","end"} (n of the schedule, sequences of each, of the last; the step
 * that this run ends with), "merged" (checkpoints are merged and evaluated, nothing is trained), "params", "targets"
 * (windows, and whether losses are a mean), and "tensors", the parameters in the arrays: name, shape, offset, decay,
 * lr_scale.
 */
ASC_API const char *asc_hosted_json(const asc_hosted *h);

/** Floats in each of the three arrays. */
ASC_API size_t asc_hosted_size(const asc_hosted *h);
/** The arrays, of asc_hosted_size floats each; they live as long as h: parameters, */
ASC_API float *asc_hosted_params(asc_hosted *h);
/** .. AdamW's first moments, */
ASC_API float *asc_hosted_moment1(asc_hosted *h);
/** .. and its second moments. */
ASC_API float *asc_hosted_moment2(asc_hosted *h);

typedef enum asc_hosted_what {
    ASC_HOSTED_STEP,      /**< a step comes next */
    ASC_HOSTED_EVALUATE,  /**< an evaluation comes next */
    ASC_HOSTED_RESTARTED, /**< diverged and restarted at a lower learning rate: the arrays hold the initial weights */
    ASC_HOSTED_ENDED,     /**< all steps and evaluations are made */
    ASC_HOSTED_DIVERGED   /**< diverged for good */
} asc_hosted_what;

/**
 * Resume from the newest whole checkpoint, or begin, with run.json's `init_from` or `merge`: fills the arrays. ENDED
 * where the run has its result already.
 * @retval ASC_ESTATE  a checkpoint to begin with is not the one that the run was set up with
 */
ASC_API asc_status asc_hosted_start(asc_hosted *h, asc_hosted_what *next, asc_error *err);
/** Steps made. */
ASC_API int64_t asc_hosted_step(const asc_hosted *h);
/** What comes next. */
ASC_API asc_hosted_what asc_hosted_next(const asc_hosted *h);

/** Where step s (counted from 0) stands in AdamW's bias corrections, from 1: behind another run's moments, if the run
 * began with some. */
ASC_API int64_t asc_hosted_adamw_step(const asc_hosted *h, int64_t step);
/** From now on the caller makes n runs at once: each has an equal part of the time in its result. 1 at first. */
ASC_API void asc_hosted_share(asc_hosted *h, int n);

/** Steps that can be made until something else comes (an evaluation, the end); 0 where one does now. */
ASC_API int64_t asc_hosted_steps_ahead(const asc_hosted *h);

/** Sequences of step s, counted from 0; 0 where the run has no such step. */
ASC_API int64_t asc_hosted_sequences(const asc_hosted *h, int64_t step);
/** Learning rate of step s in this attempt; NaN where the run has no such step. */
ASC_API double asc_hosted_lr(const asc_hosted *h, int64_t step);
/**
 * Sequences first .. first+n-1 of a step.
 * @param[out] ids      (n,T)
 * @param[out] targets  (n,T) what is to be predicted at each position, -1: not counted
 */
ASC_API asc_status asc_hosted_rows(asc_hosted *h, int64_t step, int64_t first, int64_t n, int32_t *ids,
                                   int32_t *targets, asc_error *err);
/** The next step was made: its mean loss [nats] and the norm of its gradient before clipping. */
ASC_API asc_status asc_hosted_take_step(asc_hosted *h, double loss, double grad_norm, asc_hosted_what *next,
                                        asc_error *err);

/**
 * Windows first .. first+n-1 of target v. Its loss is the sum of weights[i] times the -log p of window i's counted
 * targets, divided by the number of counted targets in all where the target is a mean.
 * @param[out] ids      (n,T), 0 behind a window's end
 * @param[out] targets  (n,T), -1: not counted
 * @param[out] lengths  (n) positions that are no padding
 * @param[out] weights  (n)
 */
ASC_API asc_status asc_hosted_windows(asc_hosted *h, int64_t v, int64_t first, int64_t n, int32_t *ids,
                                      int32_t *targets, int32_t *lengths, double *weights, asc_error *err);
/** loss: (V) */
ASC_API asc_status asc_hosted_take_losses(asc_hosted *h, const double *loss, asc_hosted_what *next, asc_error *err);

/** 1 where a checkpoint is due by the clock. */
ASC_API int asc_hosted_save_due(const asc_hosted *h);
/** Write a checkpoint of the arrays. */
ASC_API asc_status asc_hosted_save(asc_hosted *h, asc_error *err);
/** Interrupted: save and say so in the log. @retval ASC_EINTR  it was saved; the message is for people */
ASC_API asc_status asc_hosted_stop(asc_hosted *h, asc_error *err);
/** Write result.json of a run that ENDED or DIVERGED (the arrays are saved where the run keeps its checkpoint). */
ASC_API asc_status asc_hosted_finish(asc_hosted *h, asc_error *err);
/** One line into the log. */
ASC_API void asc_hosted_note(asc_hosted *h, const char *text);

#ifdef __cplusplus
}
#endif

#endif
