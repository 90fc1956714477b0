/**
 * model: GPT-2, BERT and Llama over the device room. Parameter table, forward, backward, AdamW, interchange
 * with Hugging Face folders. Shapes: B sequences, T positions, C width, H heads, L layers, V vocabulary.
 *
 * A model owns flat fp32 arrays of parameters, gradients and AdamW moments, all in the order of its parameter table.
 * Nothing is allocated after asc_model_create. Not for concurrent use; make one model per run.
 */
#ifndef AUTOSCALE_MODEL_H
#define AUTOSCALE_MODEL_H

#include "spec/spec.h"

typedef struct asc_model asc_model;

/* ---- shapes --------------------------------------------------------------------------------------------------- */

/** Sizes with defaults filled in. */
int asc_model_kv_heads(const asc_model_spec *m);
int asc_model_head_dim(const asc_model_spec *m);
int asc_model_mlp_width(const asc_model_spec *m);
/** Epsilon inside the norms' root: its own, or the architecture's. */
double asc_model_norm_eps(const asc_model_spec *m);
/** Rotary positions, with transformers' defaults where the spec is silent. */
typedef struct asc_rope_values {
    double theta, low, high; /**< 10000; llama3: 1, 4 */
    int original;            /**< llama3: 8192 */
} asc_rope_values;
asc_rope_values asc_model_rope(const asc_model_spec *m);
/** Whether the shape holds together; vocab may still be 0. @retval ASC_EINVAL  one line that names the key, without a
 * prefix */
asc_status asc_model_spec_check(const asc_model_spec *m, asc_error *err);

typedef struct asc_model_opts {
    asc_isa isa;     /**< AUTO: the best here */
    asc_dtype dtype; /**< bf16: products in bf16 with fp32 sums; parameters, moments, activations, loss stay fp32 */
    int threads;     /**< 0 or 1: the caller's thread only. Results do not depend on it */
    int micro_batch; /**< B: most sequences of one call; 0: asc_model_micro_batch's choice */
    bool training;   /**< false: no gradients, no moments, activations of one layer only */
    bool storage;    /**< parameters (and with training moments) alone: to be filled, saved, loaded; nothing computes */
} asc_model_opts;

/* ---- life ---------------------------------------------------------------------------------------------------------
 */

/**
 * Make a model with zeroed parameters. spec->vocab must be set; spec->recompute keeps one residual per layer and makes
 * the rest again in the backward pass.
 * @retval ASC_EINVAL    bad shape (one line says which)   @retval ASC_EMISSING  isa or dtype not to be had here
 */
asc_status asc_model_create(asc_model **out, const asc_model_spec *spec, const asc_model_opts *opts, asc_error *err);
void asc_model_free(asc_model *m);
const asc_model_spec *asc_model_get_spec(const asc_model *m);
/** Options as resolved: isa and micro_batch are never AUTO or 0. */
const asc_model_opts *asc_model_get_opts(const asc_model *m);
/** Sequences a micro-batch that run well: about 1024 tokens, at least 1, at most batch_tokens/T.
 */
int asc_model_micro_batch(const asc_model_spec *spec, int64_t batch_tokens);
/** Bytes that a model with these options will hold. */
size_t asc_model_memory(const asc_model_spec *spec, const asc_model_opts *opts);
/** Tokens per window when a rotary model is evaluated and nothing else is asked for. */
enum { ASC_EVAL_CONTEXT = 4096 };
/** At most `most` positions, where a model has no table of them (rotary positions reach any length): what it is
 * evaluated with, lest the 131072 of a config.json be allocated. */
void asc_model_limit_context(asc_model_spec *spec, int most);
/** The same for an evaluation with windows of `context` tokens, 0: the model's own, of rotary models at most
 * ASC_EVAL_CONTEXT. @retval ASC_EINVAL  a model with a table of positions has fewer */
asc_status asc_model_eval_context(asc_model_spec *spec, int context, asc_error *err);
/** All parameters of the model, embeddings included, a tied head counted once. 0 if the shape is invalid. */
int64_t asc_model_params(const asc_model_spec *m);
/** Parameters of the body alone, without embeddings and output layer. */
int64_t asc_model_body_params(const asc_model_spec *m);
/** Parameters of the body's matrices: multiply-adds of one token's pass through them. */
int64_t asc_model_body_products(const asc_model_spec *m);

/* ---- the parameter table --------------------------------------------------------------------------------------------
 */

/** Where a tensor belongs: OUTPUT is what has one row or element for each token of the vocabulary. */
typedef enum asc_param_part { ASC_PART_BODY, ASC_PART_EMBEDDING, ASC_PART_TRANSFORM, ASC_PART_OUTPUT } asc_param_part;
typedef enum asc_init_kind { ASC_INIT_ZERO, ASC_INIT_CONST, ASC_INIT_NORMAL } asc_init_kind;
/** One tensor: the single source of layout, initialisation, decay, checkpoint names. */
typedef struct asc_param {
    char name[64]; /**< Hugging Face's name without prefix: "h.0.attn.c_attn.weight" */
    int n_dims;
    int64_t dims[2];
    size_t n, offset; /**< elements, and first element in the flat arrays (64-byte aligned, unless joined) */
    asc_init_kind init;
    double init_value; /**< standard deviation or constant */
    bool decay;        /**< weight decay applies: matrices yes, gains and biases no */
    double lr_scale;   /**< 1, or the µP multiplier */
    asc_param_part part;
    bool joined; /**< begins where the row before ends, so that both are read as one matrix */
} asc_param;
size_t asc_model_n_tensors(const asc_model *m);
const asc_param *asc_model_tensor(const asc_model *m, size_t i);
/** Table row by name, NULL when there is none. */
const asc_param *asc_model_find_tensor(const asc_model *m, const char *name);

/** Length of the flat arrays (padding between tensors included and always 0). */
size_t asc_model_flat_size(const asc_model *m);
/** Flat arrays (asc_model_flat_size). Whoever writes parameters calls asc_model_params_changed after it. Gradients and
 * moments are NULL without training. */
float *asc_model_params_data(asc_model *m);
float *asc_model_grads_data(asc_model *m);
float *asc_model_moment1_data(asc_model *m);
float *asc_model_moment2_data(asc_model *m);
/** Parameters were written from outside: kept packed copies are stale. */
void asc_model_params_changed(asc_model *m);

/**
 * GPT-2's initialisation: N(0,.02), projections into the residual stream N(0,.02/sqrt(2L)), gains 1, biases 0; each
 * tensor from its own stream of the seed. With spec->mup (Yang et al. 2203.03466, Adam row; heads of constant width):
 * matrices inside the body get std and rate times sqrt(base/C) and base/C, the final norm's gain starts at base/C.
 */
void asc_model_init_weights(asc_model *m, uint64_t seed);

/* ---- forward, backward
 * ------------------------------------------------------------------------------------------------ */

/** Token ids of B sequences of T positions; rows ld apart. */
typedef struct asc_batch {
    const int32_t *ids;     /**< (B,T), rows ld_ids apart, each in [0,V) */
    const int32_t *targets; /**< (B,T), rows ld_targets apart: the token to predict at each position, -1: not counted */
    size_t ld_ids, ld_targets;
    int B, T;                /**< T <= context, B <= micro_batch */
    const int32_t *lengths;  /**< (B) positions that are not padding, or NULL: all (bidirectional models only) */
    const int32_t *segments; /**< (B,T), rows ld_ids apart, or NULL: all 0 (BERT only) */
} asc_batch;
/** Language modelling on rows of T+1 ids: predict each next one. */
asc_batch asc_batch_lm(const int32_t *ids, int B, int T);

/**
 * Add scale * d(sum of token losses)/d(parameter) to the gradients; the first call after create or step overwrites
 * them. For the mean over a step's tokens pass scale = 1 / tokens of the step.
 * @param[out] loss_sum  sum of -log p over the counted tokens [nats]; may be NaN or infinite: a diverged run
 * @retval ASC_EINVAL  an id or target outside the vocabulary (nothing is computed), or B, T too large
 */
asc_status asc_model_forward_backward(asc_model *m, const asc_batch *batch, double scale, double *loss_sum,
                                      asc_error *err);
/** Forget the gradients added since create or step: the next forward_backward starts afresh. */
void asc_model_drop_grads(asc_model *m);
/** Gradients of nothing, where nothing was added since create or step: for a rank without a sequence in a step. */
void asc_model_start_grads(asc_model *m);
/**
 * Forward only.
 * @param[out] loss_sum   sum of -log p over the counted tokens [nats], summed in double
 * @param[out] n          counted tokens (may be NULL)
 * @param[out] nll        (B,T) -log p of each target, 0 where not counted; NULL: not wanted
 * @param[out] is_argmax  (B,T) 1 where the target is the most probable token (ties: lowest id); NULL: not wanted
 */
asc_status asc_model_loss(asc_model *m, const asc_batch *batch, double *loss_sum, int64_t *n, float *nll,
                          uint8_t *is_argmax, asc_error *err);
/**
 * The last hidden states, (B,T,C) in the model's own memory until its next call: GPT-2's after the final norm, BERT's
 * last layer (before the masked-LM transform). For heads that stand outside the model. targets may be NULL.
 */
asc_status asc_model_hidden(asc_model *m, const asc_batch *batch, const float **hidden, asc_error *err);
/**
 * Gradients of the trunk from d_hidden (B,T,C), right after asc_model_hidden on the same batch; added as
 * asc_model_forward_backward adds them. The language-model head gets none.
 */
asc_status asc_model_hidden_backward(asc_model *m, const asc_batch *batch, const float *d_hidden, asc_error *err);
/** Logits (B,T,V) of every position. targets are not read. */
asc_status asc_model_logits(asc_model *m, const asc_batch *batch, float *logits, asc_error *err);

/* ---- AdamW
 * -------------------------------------------------------------------------------------------------------------- */

typedef struct asc_adamw {
    double lr, beta1, beta2, eps;
    double weight_decay; /**< decoupled: p -= lr * weight_decay * p, without the µP multiplier */
    double clip;         /**< largest global gradient norm; 0: no clipping */
    int64_t step;        /**< 1 at the first update: bias correction */
} asc_adamw;
/**
 * One update (Loshchilov & Hutter 1711.05101) from the accumulated gradients; the next forward_backward starts afresh.
 * A norm that is not finite leaves parameters and moments untouched.
 * @return the global gradient norm before clipping
 */
double asc_model_step(asc_model *m, const asc_adamw *a);

/* ---- interchange (Hugging Face folders)
 * ------------------------------------------------------------------------------ */

/** Write DIR/model.safetensors and DIR/config.json, each atomically; DIR must exist. transformers loads them as they
 * are. */
asc_status asc_model_save(const asc_model *m, const char *dir, asc_error *err);
/**
 * Read parameters from DIR/model.safetensors or the shards of model.safetensors.index.json, each tensor from the file
 * that its weight_map names (fp64, fp32, fp16 or bf16). Names may carry what wrappers put before them ("model.",
 * "module.", "_orig_mod.", "transformer.", "bert." ...); BERT's norms may be called gamma and beta; a tied matrix may
 * stand under the embedding's name or the output layer's; GPT-2 without any bias reads them as 0.
 * @retval ASC_EINVAL    a tensor or file is missing or has another shape; parameters untouched (all are looked for
 * first)
 * @retval ASC_ENUMERIC  a tensor holds NaN or infinity; parameters undefined, as after ASC_EIO
 */
asc_status asc_model_load(asc_model *m, const char *dir, asc_error *err);
/** The same but for BERT's masked-LM head and an output layer of its own, which become 0 and may be missing: for heads
 * of one's own. */
asc_status asc_model_load_body(asc_model *m, const char *dir, asc_error *err);
/**
 * The architecture and shape that DIR/config.json states; mup and recompute are false. As transformers 5 does, a head
 * that is in the weights beside the embedding and differs from it is a head of its own, whatever config.json says.
 * @retval ASC_EINVAL  what this build cannot compute, a missing shard, or weights as a pickle (with the command that
 * converts them)
 */
asc_status asc_model_spec_read(asc_model_spec *out, const char *dir, asc_error *err);
/** AdamW's moments as a safetensors file ("m.NAME", "v.NAME"); the step count is the caller's. */
asc_status asc_model_save_optimizer(const asc_model *m, const char *path, asc_error *err);
asc_status asc_model_load_optimizer(asc_model *m, const char *path, asc_error *err);

/* ---- measuring
 * ------------------------------------------------------------------------------------------------------------ */

/** Seconds (thread CPU time of the caller) and arithmetic of one stage of a training step. */
typedef struct asc_stage_time {
    const char *name; /**< "linear forward", "attention backward", ... */
    double seconds;   /**< a step */
    double gflop;     /**< a step: of its products; 0 where there are none */
    double gbytes;    /**< a step: what it must move at least, each array once */
    bool bf16;        /**< its products are bf16 */
} asc_stage_time;
enum { ASC_MODEL_MAX_STAGES = 24 };
typedef struct asc_model_bench_result {
    double tokens_per_s;     /**< median over steps, wall clock */
    double tokens_per_s_cpu; /**< the same by thread CPU time: what an idle machine gives; wall with threads > 1 */
    double peak_gflops;      /**< fp32 FMA peak, the mean of before and after */
    double peak_bf16_gflops; /**< 0 where there is none */
    double fraction; /**< 6 P tokens_per_s_cpu / (threads peak_gflops), of BERT the tied head at the share of hidden
                        tokens */
    double eval_tokens_per_s_cpu; /**< forward and loss alone */
    double spread;                /**< (largest - smallest) / median over steps */
    int steps;
    int64_t step_tokens;
    size_t n_stages;
    asc_stage_time stages[ASC_MODEL_MAX_STAGES];
} asc_model_bench_result;
/** Train on random ids (BERT: with 15 % of them hidden) for about `seconds` (at least three steps after a warm-up one)
 * and time every stage. */
asc_status asc_model_bench(asc_model_bench_result *out, const asc_model_spec *spec, const asc_model_opts *opts,
                           double seconds, asc_error *err);

#endif
