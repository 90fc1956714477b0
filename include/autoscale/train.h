/** A small model trained on a mixture of token files, on CPU. */
#ifndef AUTOSCALE_PUBLIC_TRAIN_H
#define AUTOSCALE_PUBLIC_TRAIN_H

#include "autoscale/mixture.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct asc_train_options {
    size_t size;            /**< sizeof (asc_train_options) */
    const char *tokens_dir; /**< folder that asc_prepare (or `autoscale tokenize`) made */
    const char
        *out_dir; /**< the run's folder: run.json, metrics.jsonl, checkpoint/ (as Hugging Face loads it), result.json */
    const asc_mixture *mixture;        /**< domains by name; NULL: uniform */
    int64_t tokens;                    /**< to train on; 0: the mixture's own */
    const char *arch;                  /**< "llama", "gpt2", "bert"; NULL: llama */
    int layers, heads, width, context; /**< 0: 6, 8, 256, 256 */
    int64_t batch_tokens;              /**< per optimizer step; 0: 16384 */
    double lr;                         /**< peak learning rate; 0: 1e-3 */
    const char *dtype;                 /**< "fp32" or "bf16"; NULL: fp32 */
    uint64_t seed;                     /**< 0: 42 */
    int threads;                       /**< 0: 1; part of what decides the numbers */
    const asc_hooks *hooks;            /**< progress in steps; on interruption a checkpoint is written */
} asc_train_options;

/** What came out. Made by the library, only read, freed by asc_trained_free. */
typedef struct asc_trained {
    bool diverged;
    const char *why; /**< one line where it diverged, or NULL */
    double tokens;   /**< trained on */
    double wall_s;   /**< seconds */
    size_t n_targets;
    const char *const *targets; /**< (V) each domain's held-out part */
    const double *losses;       /**< (V) [nats per token] */
} asc_trained;

/**
 * Train, or resume from out_dir's checkpoint; a finished run returns at once. The same options give the same
 * bits on one CPU model. A run that diverges is a result.
 * @retval ASC_EINVAL  token files or a setting that cannot be used  @retval ASC_ESTATE  out_dir holds a run with other
 * settings
 * @retval ASC_EINTR   by a hook, after a checkpoint: call again to resume
 */
ASC_API asc_status asc_train(const asc_trained **out, const asc_train_options *options, asc_error *err);
/** NULL is fine. Its arrays go with it. */
ASC_API void asc_trained_free(const asc_trained *trained);

#ifdef __cplusplus
}
#endif

#endif
