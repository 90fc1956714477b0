/**
 * device kernels: the operations that models are made of, on plain arrays. Only the model room uses them.
 *
 * Every operation has a plain reference (table of ASC_ISA_PLAIN on x86) and fast versions; the tests hold them
 * together. An operation that can be shared between threads takes (part, n_parts); its result does not depend on
 * n_parts. Nothing here allocates, but for products of isa amx, which go through a library: it makes what it needs for
 * a shape when it first sees it, and a short list of arguments each time. Matrices are row-major; ld is the distance of
 * two rows in floats.
 */
#ifndef AUTOSCALE_DEVICE_KERNELS_H
#define AUTOSCALE_DEVICE_KERNELS_H

#include "device/device.h"

/** The kernels of one instruction set and number format. Immutable, static. */
typedef struct asc_kernels asc_kernels;
/** isa as resolved by asc_device_isa_check; NULL where this build has no such kernels. */
const asc_kernels *asc_kernels_get(asc_isa isa, asc_dtype dtype);

/** First and one past the last item of part out of n_parts, in whole units. */
void asc_part_range(size_t n, size_t unit, size_t part, size_t n_parts, size_t *begin, size_t *end);

/* ---- matrix products --------------------------------------------------------------------------------------------- */

/** What is done to rows of C as soon as they are final, while they are in the cache. */
typedef enum asc_epilogue {
    ASC_EPI_NONE,
    ASC_EPI_BIAS,      /**< C += bias */
    ASC_EPI_RESIDUAL,  /**< C += bias + aux_in */
    ASC_EPI_GELU,      /**< C += bias; aux_out = gelu(C), tanh form (Hendrycks & Gimpel 1606.08415) */
    ASC_EPI_GELU_ERF,  /**< the same, exact form x Phi(x) */
    ASC_EPI_DGELU,     /**< C *= gelu'(aux_in), tanh form */
    ASC_EPI_DGELU_ERF, /**< the same, exact form */
    ASC_EPI_SWIGLU,    /**< C += bias; aux_out = silu(C) aux_in (Shazeer 2002.05202): C is the gate */
    ASC_EPI_DSWIGLU,   /**< C = C up silu'(gate), aux_out = C silu(gate); gate is aux_in, up is aux_in2 */
    ASC_EPI_ROW_MAX    /**< C += bias where given; row_max[row] = max(row_max[row], C[row]) */
} asc_epilogue;

/**
 * C(M,N) = A(M,K) B(K,N), or C += with accumulate. With bf16 kernels A and B are rounded to bf16 as they are packed;
 * sums and C are fp32. The order of summation depends on K alone.
 */
typedef struct asc_gemm {
    size_t m, n, k;
    const float *a; /**< (M,K), or with a_transposed its transpose (K,M) */
    size_t lda;
    bool a_transposed;
    const float *b; /**< (K,N), or with b_transposed its transpose (N,K); unused with b_packed */
    size_t ldb;
    bool b_transposed;
    const void *b_packed; /**< B as asc_gemm_pack left it, or NULL: packed block by block as it is used */
    float *c;
    size_t ldc;
    bool accumulate;
    asc_epilogue epilogue;
    const float *bias;             /**< (N) or NULL */
    const float *aux_in, *aux_in2; /**< (M,N) rows ld_aux apart */
    float *aux_out;                /**< (M,N) rows ld_out apart */
    size_t ld_aux, ld_out;         /**< ld_out 0: ld_aux */
    float *row_max;                /**< (M); only with n_parts 1 or a split over rows, which b_packed gives */
} asc_gemm;
void asc_gemm_run(const asc_kernels *k, const asc_gemm *g, void *scratch, size_t part, size_t n_parts);
/** Bytes of scratch (64-byte aligned) a thread for asc_gemm_run. */
size_t asc_gemm_scratch(const asc_kernels *k);
/** Bytes of a packed B(K,N). */
size_t asc_gemm_packed_size(const asc_kernels *k, size_t rows_k, size_t n);
/** Pack B(K,N) (or its transpose (N,K) with transposed). Parts write disjoint columns. */
void asc_gemm_pack(const asc_kernels *k, void *dst, const float *b, size_t ldb, bool transposed, size_t rows_k,
                   size_t n, size_t part, size_t n_parts);

/* ---- attention ----------------------------------------------------------------------------------------------------
 */

/** Softmax attention (Vaswani et al. 1706.03762) in blocks: no (T,T) array, row sums kept as log-sum-exp. */
typedef struct asc_attention {
    int B, T, H, d; /**< head h owns columns h*d .. h*d+d-1 of q; of k and v those of head h / (H / H_kv) */
    int H_kv;       /**< heads of k and v, a divisor of H (Ainslie et al. 2305.13245); 0: H */
    bool by_head;   /**< q, k and v of each head stand side by side (GPT-NeoX); forward only, H_kv = H */
    bool causal;
    float scale;            /**< of q.k, usually 1/sqrt(d) */
    const int32_t *lengths; /**< (B) keys from here on are padding, or NULL */
    const float *qkv;       /**< (B,T,(H + 2 H_kv) d): q, k, v side by side */
    float *out;             /**< (B,T,H d); read by backward */
    float *lse;             /**< (B,H,T) log-sum-exp of the scaled scores; written by forward, read by backward */
    const float *dout;      /**< (B,T,H d) */
    float *dqkv;            /**< as qkv, overwritten by backward */
} asc_attention;
void asc_attention_forward(const asc_kernels *k, const asc_attention *a, void *scratch, size_t part, size_t n_parts);
void asc_attention_backward(const asc_kernels *k, const asc_attention *a, void *scratch, size_t part, size_t n_parts);
/** Bytes of scratch (64-byte aligned) a thread for both directions. */
size_t asc_attention_scratch(const asc_kernels *k, int T, int d);

/* ---- rows
 * ------------------------------------------------------------------------------------------------------------ */

/** y = gain (x - mean) rstd + bias for rows (R,C); mean, rstd (R) are kept for backward (Ba et al. 1607.06450). */
void asc_layernorm_forward(const asc_kernels *k, float *y, float *mean, float *rstd, const float *x, const float *gain,
                           const float *bias, size_t R, size_t C, float eps, size_t part, size_t n_parts);
/** Rows that one partial sum of layernorm_backward covers. */
enum { ASC_LN_CHUNK = 64 };
/** dx (R,C) = or += gradient; partial ((R+63)/64, 2C): sums of dgain and dbias over chunks of rows. */
void asc_layernorm_backward(const asc_kernels *k, float *dx, float *partial, const float *dy, const float *x,
                            const float *mean, const float *rstd, const float *gain, size_t R, size_t C,
                            bool accumulate, size_t part, size_t n_parts);
/** y = gain x / sqrt(mean(x^2) + eps) (+ add) of G groups of C columns in each of R rows, gain shared by the groups
 * (Zhang & Sennrich 1910.07467); and its gradients. */
typedef struct asc_rmsnorm {
    size_t R, G, C;
    const float *x; /**< rows ld_x apart */
    float *rstd;    /**< (R,G) written by forward, read by backward */
    const float *gain;
    float eps;
    size_t ld_x, ld_y; /**< ld_y: of y, add, dy, dx */
    float *y;
    const float *add; /**< or NULL */
    const float *dy;
    float *dx;      /**< = or += with accumulate; may be dy */
    float *partial; /**< ((R+63)/64, C) sums of dgain over chunks of rows */
    bool accumulate;
} asc_rmsnorm;
void asc_rmsnorm_forward(const asc_kernels *k, const asc_rmsnorm *n, size_t part, size_t n_parts);
void asc_rmsnorm_backward(const asc_kernels *k, const asc_rmsnorm *n, size_t part, size_t n_parts);
/** Rotary positions (Su et al. 2104.09864) in place: column i of the first half of each head's rotated columns and
 * column i of the second are turned by angle (position, i). Row r has position r % T. */
typedef struct asc_rope {
    float *x; /**< (R, n_heads step) rows ld apart */
    size_t ld, R, T;
    size_t n_heads, step, half; /**< step: floats from head to head; half: rotated columns / 2 */
    const float *cosine, *sine; /**< (T, half) */
    bool inverse;               /**< turned back: the gradients */
} asc_rope;
void asc_rope_rows(const asc_kernels *k, const asc_rope *x, size_t part, size_t n_parts);
/** out (n) = or += sum over rows of x (R,n), rows ld apart. For bias gradients and partial sums. */
void asc_column_sum(const asc_kernels *k, float *out, const float *x, size_t ld, size_t R, size_t n, bool accumulate,
                    size_t part, size_t n_parts);
/** y = gelu(x) over n elements, tanh or exact form. y may be x. */
void asc_gelu_forward(const asc_kernels *k, float *y, const float *x, size_t n, bool exact, size_t part,
                      size_t n_parts);

/** Cross-entropy over rows of logits: what happens to the logits in place. */
typedef struct asc_cross_entropy {
    float *logits; /**< (R,V) rows ld apart; with grad_scale != 0 replaced by grad_scale * d loss / d logits */
    size_t ld, R, V;
    const int32_t *targets; /**< (R) -1: row not counted, loss 0 and gradient 0 */
    const float *row_max;   /**< (R) largest logit of each row */
    float grad_scale;       /**< 0: losses only (logits are then left undefined) */
    float *nll;             /**< (R) -log p(target) */
} asc_cross_entropy;
void asc_cross_entropy_rows(const asc_kernels *k, const asc_cross_entropy *c, size_t part, size_t n_parts);

/* ---- optimiser
 * --------------------------------------------------------------------------------------------------------- */

/** One AdamW update of n elements; bias corrections folded into lr_t and eps_t by the caller:
 * p -= lr_t m / (sqrt(v) + eps_t) + decay_t p, with g already multiplied by grad_scale. */
typedef struct asc_adamw_args {
    float lr_t, beta1, beta2, eps_t, decay_t, grad_scale;
} asc_adamw_args;
void asc_adamw_update(const asc_kernels *k, float *p, const float *g, float *m, float *v, size_t n,
                      const asc_adamw_args *a);
/** Sum of squares of n <= 65536 floats, in float lanes, as double. */
double asc_sum_squares(const asc_kernels *k, const float *x, size_t n);

#endif
