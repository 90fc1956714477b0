/**
 * model: weighted sums of checkpoints of one shape, tensor by tensor: memory does not grow with the model.
 *
 * theta = sum_k w_k theta_k, summed in double and rounded once. A caller that wants theta_0 + sum_k alpha_k (theta_k -
 * theta_0) gives theta_0 the weight 1 - sum_k alpha_k.
 */
#ifndef AUTOSCALE_MODEL_MERGE_H
#define AUTOSCALE_MODEL_MERGE_H

#include "model/model.h"

typedef enum asc_merge_dtype {
    ASC_MERGE_AS_IS, /**< of each tensor the widest type among the checkpoints: fp64 becomes fp32, bf16 with fp16 too */
    ASC_MERGE_FP32,
    ASC_MERGE_BF16
} asc_merge_dtype;

/** The first checkpoint is the reference: its names, its config.json and its tokenizer go into the result. */
typedef struct asc_merge_opts {
    size_t n;                /**< checkpoints, at least 1 */
    const char *const *dirs; /**< (n) Hugging Face folders */
    const double *weights;   /**< (n) finite; a checkpoint of weight 0 is compared and not read */
    bool has_base;           /**< the first is theta_0: how far the others are from it is measured */
    asc_merge_dtype dtype;
    double shard_bytes; /**< files larger than this are split at tensors, with an index; 0: 5e9, as transformers does */
    asc_progress_fn progress; /**< or NULL */
    void *ctx;
} asc_merge_opts;

typedef struct asc_merge_info {
    size_t n_tensors, n_files;
    int64_t n_params;
    double *delta; /**< (n) with has_base: sum|theta_k - theta_0| / (sum|theta_k| + sum|theta_0|); else NAN */
    bool unknown;  /**< config.json is of no architecture known here: names and shapes of tensors were compared alone */
} asc_merge_info;
void asc_merge_info_clear(asc_merge_info *i);

/**
 * Write the merged model.safetensors (or shards with model.safetensors.index.json) and copies of the reference's
 * config.json, tokenizer and other small files into the folder `out`, which must exist. Tensors that are not numbers of
 * a model (integers) must be the same everywhere; masks and tables of positions that old versions of transformers saved
 * are left out.
 * @retval ASC_EINVAL    a tensor is missing or has another shape somewhere, models that differ in what config.json says
 * @retval ASC_ENUMERIC  a tensor holds NaN or infinity: the message names checkpoint, tensor and element
 * @retval ASC_EINTR     interrupted
 */
asc_status asc_model_merge(asc_merge_info *info, const asc_merge_opts *o, const char *out, asc_error *err);
/** The same for AdamW's moments, DIR/optimizer.safetensors of each, into the file `path`. Second moments that negative
 * weights make negative become 0. */
asc_status asc_model_merge_moments(const asc_merge_opts *o, const char *path, asc_error *err);

#endif
