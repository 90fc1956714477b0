/**
 * spec: the nouns of the field, plain structs that every room above may hold. No behaviour beyond init, clear and
 * names. Shape letters: D domains, V targets, R runs.
 */
#ifndef AUTOSCALE_SPEC_H
#define AUTOSCALE_SPEC_H

#include "base/base.h"

/**
 * The architectures, X(ENUM, name, kind): the one line that a new one needs beside its file src/model/NAME.c, which
 * defines asc__NAME. Kind: DECODER is trained on next tokens, ENCODER on hidden ones, READER is only evaluated; readers
 * come last.
 */
#define ASC_ARCHITECTURES(X)                                                                                           \
    X(GPT2, gpt2, DECODER)                                                                                             \
    X(BERT, bert, ENCODER)                                                                                             \
    X(LLAMA, llama, DECODER)                                                                                           \
    ASC_ONE_MORE_ARCHITECTURE(X)                                                                                       \
    X(GPT_NEOX, gpt_neox, READER)
#ifndef ASC_ONE_MORE_ARCHITECTURE /* how a test adds its own */
#define ASC_ONE_MORE_ARCHITECTURE(X)
#endif
typedef enum asc_arch {
#define ASC_ARCH_ENUM(id, name, kind) ASC_ARCH_##id,
    ASC_ARCHITECTURES(ASC_ARCH_ENUM)
#undef ASC_ARCH_ENUM
        ASC_N_ARCHS
} asc_arch;
typedef enum asc_arch_kind { ASC_ARCH_DECODER, ASC_ARCH_ENCODER, ASC_ARCH_READER } asc_arch_kind;
typedef enum asc_dtype { ASC_DTYPE_FP32, ASC_DTYPE_BF16 } asc_dtype;
typedef enum asc_schedule {
    ASC_SCHEDULE_COSINE,
    ASC_SCHEDULE_LINEAR,
    ASC_SCHEDULE_WSD,
    ASC_SCHEDULE_CONSTANT
} asc_schedule;
/** Instruction sets, in order; AUTO is resolved when a study is created. PLAIN: reference C, the only one off x86. */
typedef enum asc_isa {
    ASC_ISA_AUTO,
    ASC_ISA_PLAIN,
    ASC_ISA_SSE41,
    ASC_ISA_AVX2,
    ASC_ISA_AVX512,
    ASC_ISA_AVX512_BF16,
    ASC_ISA_AMX
} asc_isa;

/** What a run of a study is for. */
typedef enum asc_run_kind {
    ASC_KIND_BASE,
    ASC_KIND_UP,
    ASC_KIND_DOWN,
    ASC_KIND_TARGET,
    ASC_KIND_PREFIX,  /**< the target's own run up to where it is branched */
    ASC_KIND_BRANCH,  /**< a short continuation of it on another mixture */
    ASC_KIND_MERGE,   /**< branches averaged: nothing is trained */
    ASC_KIND_MIXTURE, /**< a proxy on a mixture that a swarm chose */
    ASC_KIND_RIVAL,   /**< what a method named in `against` needs (docs/rivals.md) */
    ASC_KIND_PAUSE    /**< a swarm's proxy up to where it is decided whether it goes on */
} asc_run_kind;
/** "base", "up", "down", "target", "prefix", "branch", "merge", "mixture", "rival", "pause". */
const char *asc_run_kind_name(asc_run_kind k);
bool asc_run_kind_parse(const char *s, asc_run_kind *out);

/* Names as users write them ("gpt2", "fp32", "cosine", "avx512_bf16"); parse returns false on an unknown name. */
const char *asc_arch_name(asc_arch a);
bool asc_arch_parse(const char *s, asc_arch *out);
asc_arch_kind asc_arch_kind_of(asc_arch a);
/** Trained on hidden tokens (BERT), not on the next one. */
bool asc_arch_is_encoder(asc_arch a);
/** "gpt2, bert or llama": the architectures that can be trained, for messages. Static storage. */
const char *asc_arch_list(void);
const char *asc_dtype_name(asc_dtype d);
bool asc_dtype_parse(const char *s, asc_dtype *out);
const char *asc_schedule_name(asc_schedule s);
const char *asc_isa_name(asc_isa i);
bool asc_isa_parse(const char *s, asc_isa *out);

typedef enum asc_rope_scaling { ASC_ROPE_NONE, ASC_ROPE_LINEAR, ASC_ROPE_LLAMA3 } asc_rope_scaling;
typedef enum asc_qk_norm { ASC_QK_NORM_NONE, ASC_QK_NORM_HEAD, ASC_QK_NORM_FULL } asc_qk_norm;
typedef enum asc_norm_place { ASC_NORM_BEFORE, ASC_NORM_AFTER } asc_norm_place;

/** Ends of ranges, the same in study files, run.json and on the command line (docs/limits.md). A rate or a factor
 * beyond them does nothing, or nothing that floats can say. */
enum {
    ASC_MAX_LAYERS = 1024,
    ASC_MAX_HEADS = 1024,
    ASC_MAX_WIDTH = 65536,
    ASC_MAX_CONTEXT = 1 << 20,
    ASC_MAX_VOCAB = 1 << 24,
    ASC_MAX_THREADS = 256,
    ASC_MAX_RANKS = 4096,
    ASC_MAX_JOBS = 65536 /* runs at once */
};
#define ASC_MIN_LR 1e-12
#define ASC_MAX_LR 1e6
#define ASC_MIN_EPS 1e-30
#define ASC_MAX_EPS 1.
#define ASC_MIN_FACTOR 1.01
#define ASC_MAX_FACTOR 1000.

/** The shape of a model. Of everything from mlp_width on, 0 is the architecture's default. */
typedef struct asc_model_spec {
    asc_arch arch;
    int n_layers, n_heads, width, context; /**< L, H, C, T; width divisible by n_heads, or head_dim given */
    int vocab;                             /**< V tokens in the vocabulary (unpadded); 0: taken from the tokenizer */
    bool recompute;                        /**< recompute activations in the backward pass to save memory */
    bool mup;                              /**< maximal update parametrisation: lr carries over between widths */
    int mup_base_width;                    /**< width at which lr is stated when mup */

    int mlp_width;   /**< F, inner width of the MLP: 4 C; llama 8/3 C rounded up to a multiple of 64 */
    bool untied;     /**< the output layer has a matrix of its own */
    double norm_eps; /**< inside the norms' root: gpt2 1e-5, bert 1e-12, llama 1e-5 */

    /* llama */
    int n_kv_heads;                    /**< heads of keys and values, a divisor of n_heads: n_heads */
    int head_dim;                      /**< d, even: width / n_heads */
    double rope_theta;                 /**< base of the rotary angles: 10000 */
    asc_rope_scaling rope_scaling;     /**< how the angles are stretched for longer contexts */
    double rope_factor;                /**< by how much */
    double rope_low, rope_high;        /**< llama3: low_freq_factor, high_freq_factor: 1, 4 */
    int rope_original;                 /**< llama3: original_max_position_embeddings: 8192 */
    bool qkv_bias, out_bias, mlp_bias; /**< biases of q, k, v (Qwen2), of attention's output, of the MLP */
    asc_qk_norm qk_norm; /**< RMSNorm of q and k: of each head (Qwen3), of the whole projection (OLMo-2) */
    asc_norm_place norm; /**< before attention and MLP, or after them, before the sum (OLMo-2) */

    /* gpt_neox */
    double rotary_share; /**< of a head's width that is rotated: .25 */
    bool sequential;     /**< the MLP reads attention's sum, not the same input beside it */
} asc_model_spec;

/** How a model is trained; the schedule is re-timed to each run's tokens. */
typedef struct asc_training_spec {
    int64_t batch_tokens; /**< tokens per optimiser step */
    int micro_batch;      /**< sequences per forward pass; 0: chosen */
    double lr;            /**< peak */
    double warmup;        /**< share of the steps, [0,1) */
    double min_lr;        /**< final rate as a share of lr */
    asc_schedule schedule;
    asc_dtype dtype;
    uint64_t seed;
    double weight_decay, clip, beta1, beta2, eps;
    int retry_on_divergence; /**< times a diverged run is tried again */
    double divergence_lr;    /**< factor on lr at each such retry, (0,1] */
} asc_training_spec;

/** Defaults of the study file. */
void asc_model_spec_init(asc_model_spec *m);
void asc_training_spec_init(asc_training_spec *t);
/** Share of the tokens that training hides and the output layer sees, of BERT; of GPT-2 it sees all. */
#define ASC_HIDDEN_SHARE .15

/* ---- mixtures: shares, whole tokens, epochs -----------------------------------------------------------------------
 */

/** As many sequences as no budget reaches: a domain without a cap. */
#define ASC_NO_CAP ((int64_t)1000000000000000)
/** Sequences in one epoch of a domain of n tokens: (n - 1) / T, for a sequence of T tokens needs the one after it too.
 * This is what an epoch is everywhere: in plans, designs, caps and the sampler. */
int64_t asc_epoch_sequences(int64_t n_tokens, int context);
/** Most whole sequences within max_epochs epochs; ASC_NO_CAP where max_epochs is NaN or infinite. */
int64_t asc_cap_sequences(int64_t n_tokens, int context, double max_epochs);

/** Whether n shares are a mixture: none negative or NaN, sum 1 but for rounding. For asserts. */
bool asc_is_mixture(const double *weights, size_t n);

/**
 * The mixture within bounds that keeps the ratios of `weights` where the bounds let it: w_i = clip(s * weights_i, lo_i,
 * hi_i) with sum 1. Weights inside the bounds (to 1e-9) come back bit by bit.
 * @param[out] out  (n) may be weights itself      @param[out] moved  true where a bound bound
 * @param weights   (n) >= 0, sum 1                 @param lo,hi  (n) shares, or NULL for 0 and 1
 * @retval ASC_EINVAL  bounds that no mixture keeps; weights that are negative, NaN or all zero
 */
asc_status asc_mixture_within(double *out, bool *moved, const double *weights, size_t n, const double *lo,
                              const double *hi, asc_error *err);

/**
 * Whole tokens of a mixture: n (D) sums exactly to total, each within .5 + of weights * total (largest remainder, ties
 * to the earlier domain) and never above its cap; what a cap cuts off is shared among the others by their weights
 * (evenly where those are all zero).
 * @param weights  (D) >= 0, sum > 0; normalised here
 * @param cap      (D) or NULL
 * @param[out] capped  (D) may be NULL: true where the cap bound, the mixture being then "NAME (capped)"
 * @retval ASC_EINVAL  caps that together hold less than total; weights that are negative, NaN or all zero
 */
asc_status asc_mixture_tokens(int64_t *n, bool *capped, const double *weights, size_t n_domains, int64_t total,
                              const int64_t *cap, asc_error *err);
/** The same with floors: least (D) or NULL. @retval ASC_EINVAL also floors that together need more than total */
asc_status asc_mixture_whole(int64_t *out, bool *capped, const double *weights, size_t n, int64_t total,
                             const int64_t *least, const int64_t *most, asc_error *err);

/**
 * A table of runs as pure arrays: what laws are fitted to. Row-major. NaN = not measured.
 * Rows with equal group are checkpoints of one run and never fall on both sides of a fold.
 */
typedef struct asc_runs {
    size_t n_runs, n_domains, n_targets; /**< R rows, D, V */
    char **domains, **targets;           /**< (D), (V) names */
    double *tokens;                      /**< (R,D) tokens taken from each domain, >= 0 */
    double *total;                       /**< (R) sum over domains */
    double *params;                      /**< (R) model parameters, NaN where not given */
    double *horizon;                     /**< (R) tokens the run's schedule was made for, NaN where not given */
    double *loss;                        /**< (R,V) nats per token, NaN = not measured */
    double *trust; /**< (R) weight of the row in fits, in (0,1]: a measured run's noise variance over the row's; 1 of
                        measured runs */
    size_t *group; /**< (R) index of the run this row belongs to, 0..n_groups-1 */
    size_t n_groups;
} asc_runs;
/** Allocate all arrays (NaN/0 filled, trust 1, names NULL). */
asc_status asc_runs_init(asc_runs *r, size_t n_runs, size_t n_domains, size_t n_targets, asc_error *err);
void asc_runs_clear(asc_runs *r);
/** out = the rows of r listed in rows (n of them); names copied; groups kept as numbers. */
asc_status asc_runs_select(asc_runs *out, const asc_runs *r, const size_t *rows, size_t n, asc_error *err);

/** What is minimised: J = sum of weight * loss, mean of perplexities, or the largest loss. */
typedef enum asc_objective_kind {
    ASC_OBJ_MEAN_LOSS,
    ASC_OBJ_MEAN_PPL,
    ASC_OBJ_WORST,
    ASC_OBJ_WEIGHTS
} asc_objective_kind;
typedef struct asc_objective {
    asc_objective_kind kind;
    size_t n_targets;
    double *weights; /**< (V) sums to 1 for WEIGHTS; NULL else. `target:NAME` is WEIGHTS with one 1. */
} asc_objective;
void asc_objective_clear(asc_objective *o);
/** J of one row of losses (V) [nats/token]; NaN if any needed loss is NaN. */
double asc_objective_value(const asc_objective *o, const double *loss, size_t n_targets);
/** dJ/dL_v at a loss of L_v: weight_v, e^L_v / V or 1/V. Of the largest loss alone (WORST) it is 0, and 1 for the
 * target that is the largest: which that is only the caller knows. */
double asc_objective_slope(const asc_objective *o, size_t v, double loss, size_t n_targets);

#endif
