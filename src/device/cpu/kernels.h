/*
 * The table that an instruction set fills. gemm.c and attention.c are written over it once; kernels_body.h makes it for
 * each vector width; reference.c fills the plain one.
 *
 * A tile is C(mr,nr) = or += A(mr,k) B(k,nr). B comes packed: k rows of nr floats (bf16: k/2 rows of nr pairs). A is
 * read in rows (element i,p at a[i*lda+p]) or in columns (a[p*lda+i]); bf16 columns hold pairs: a[(p/2*lda+i)*2+p%2].
 */
#ifndef ASC_DEVICE_KERNELS_H
#define ASC_DEVICE_KERNELS_H

#include "device/device_kernels.h"

typedef uint16_t asc_bf16;

/* A strip of mr rows of scores s and of the gradient dp of their probabilities, and where the results go. Everything is
 * ld apart (columns in bf16: ld pairs). fp32: p_cols is s, ds_cols and ds_rows are dp. */
typedef struct asc_softmax_grad {
    float *s, *dp;
    void *p_cols, *ds_cols, *ds_rows;
    size_t ld;
} asc_softmax_grad;

/* The epilogue of a product (asc_gemm) on one tile; pointers stand at its first element. */
typedef struct asc_tile_end {
    asc_epilogue epilogue;
    const float *bias;     /* (nr) */
    const float *in, *in2; /* (mr,nr) rows ld apart */
    float *out;            /* (mr,nr) rows ld_out apart */
    size_t ld, ld_out;
    float *row_max; /* (mr,nr) dense: largest value so far of each row at each of nr places */
} asc_tile_end;

/* end NULL: C is not final yet, or there is nothing left to do */
typedef void (*asc_tile_fn)(float *c, size_t ldc, const void *a, size_t lda, const void *b, size_t k, bool accumulate,
                            const asc_tile_end *end);

struct asc_kernels {
    asc_isa isa;
    asc_dtype dtype; /* of the operands of products; sums and all else are float */
    bool reference;  /* naive loops instead of tiles */
    size_t mr, nr;

    size_t k_unit; /* products over k go by so many at a time: 1, in bf16 2 */
    asc_tile_fn tile_rows, tile_cols;
    /* A library's product of a whole block instead of tiles, or NULL: c (m,n) dense = a b, a (m,k) dense rows, b as
     * pack_b leaves it; bf16; m, n, k in whole units of ASC_PRODUCT_M, nr, ASC_PRODUCT_K. False: it could not. */
    bool (*product)(float *c, const void *a, const void *b, size_t m, size_t n, size_t k);

    /* Packing of B: a block of k rows (zero-filled to whole units) and n columns into panels of nr.
     * panel_stride: operands between panels. */
    void (*pack_b)(void *dst, size_t panel_stride, const float *b, size_t ldb, bool transposed, size_t k, size_t n);
    /* A panel of rows <= mr rows of A, zero-filled to mr, lda_out apart. */
    void (*pack_a_rows)(void *dst, size_t lda_out, const float *a, size_t lda, size_t rows, size_t k);
    /* A given transposed: panels of mr columns, the last one zero-filled; bf16: as pairs of k. */
    void (*pack_a_cols)(void *dst, size_t panel_stride, const float *a, size_t lda, size_t rows, size_t k);

    /* The same to rows of a library's product, lda_out apart (NULL in fp32); rows and k are filled up with zeros to a
     * multiple of 16. */
    void (*turn_a_cols)(void *dst, size_t lda_out, const float *a, size_t lda, size_t rows, size_t k);

    /* The end of a tile, or part of one, rows <= mr and n <= nr, whose sums are in memory, ld apart. */
    void (*finish)(float *c, size_t ldc, const float *sums, size_t ld, size_t rows, size_t n, bool accumulate,
                   const asc_tile_end *end);

    /* rows */
    void (*layernorm_row)(float *y, float *mean, float *rstd, const float *x, const float *gain, const float *bias,
                          size_t C, float eps);
    /* adds into dgain, dbias (C) */
    void (*layernorm_back_row)(float *dx, float *dgain, float *dbias, const float *dy, const float *x, float mean,
                               float rstd, const float *gain, size_t C, bool accumulate);
    void (*rmsnorm_row)(float *y, float *rstd, const float *x, const float *gain, const float *add, size_t C,
                        float eps);
    /* adds into dgain (C) */
    void (*rmsnorm_back_row)(float *dx, float *dgain, const float *dy, const float *x, float rstd, const float *gain,
                             size_t C, bool accumulate);
    /* x1 = x1 c - x2 s, x2 = x2 c + x1 s for `half` columns x1 and the `half` behind them */
    void (*rope_head)(float *x, const float *c, const float *s, size_t half, bool inverse);
    void (*add_rows)(float *out, const float *x, size_t ld, size_t R, size_t n); /* out (n) += sum of rows */
    void (*gelu)(float *y, const float *x, size_t n, bool exact);
    void (*add)(float *y, const float *x, size_t n);
    float (*max)(const float *x, size_t n, float start); /* may miss a NaN; the sums after it do not */
    /* x = exp(x - shift), returns the sum */
    float (*exp_sum)(float *x, size_t n, float shift);
    /* exp_sum without writing */
    float (*exp_sum_only)(const float *x, size_t n, float shift);
    void (*scale)(float *x, size_t n, float s);
    /* Attention, a strip of mr rows of scores ld apart, row r of n[r] keys; what lies beyond, up to n_max, becomes 0.
     * p = exp(scale (s - max)), scale > 0, as operands, rows ld apart (fp32: p is s); lse = log of the sum of
     * exp(scale s), inverse = 1 / sum, both (mr), 0 where n is 0 */
    void (*softmax_rows)(void *p, float *s, size_t ld, const size_t *n, size_t n_max, float scale, float *lse,
                         float *inverse);
    /* p = exp(scale s - lse), dp = p (dp - D), as operands in columns and rows for the products after it */
    void (*softmax_grad_rows)(const asc_softmax_grad *g, const size_t *n, size_t n_max, float scale, const float *lse,
                              const float *D);
    void (*copy_scaled)(float *y, const float *x, size_t n, float s, bool accumulate); /* y = or += s x */
    float (*dot)(const float *x, const float *y, size_t n);

    void (*adamw)(float *p, const float *g, float *m, float *v, size_t n, const asc_adamw_args *a);
    double (*sum_squares)(const float *x, size_t n);

    /* Register multiply-adds, `loops` times; returns the floating-point operations done. */
    double (*peak)(size_t loops);
    double (*peak_bf16)(size_t loops);
};

static inline size_t asc__operand_size(const asc_kernels *k)
{
    return k->dtype == ASC_DTYPE_BF16 ? sizeof(asc_bf16) : sizeof(float);
}

/* Operand number `at` of an array of them. */
static inline void *asc__operand(const asc_kernels *k, const void *base, size_t at)
{
    return (char *)base + at * asc__operand_size(k);
}

/* n rounded up to whole units. */
static inline size_t asc__round_up(size_t n, size_t unit)
{
    return (n + unit - 1) / unit * unit;
}

/* Longest run of k that a tile sums in registers. Part of the numbers: equal for every instruction set. */
enum { ASC_GEMM_KC = 256 };

/* Units of a library's product: no remainders of rows, and of k what one instruction of AMX takes. */
enum { ASC_PRODUCT_M = 16, ASC_PRODUCT_K = 32 };

extern const asc_kernels asc__kernels_plain, asc__kernels_base, asc__kernels_avx2, asc__kernels_avx512,
    asc__kernels_avx512bf16;

/* reference.c: naive whole operations, for the plain table and for tests */
void asc__reference_gemm(const asc_gemm *g, size_t part, size_t n_parts);
void asc__reference_attention_forward(const asc_attention *a, size_t part, size_t n_parts);
void asc__reference_attention_backward(const asc_attention *a, size_t part, size_t n_parts);

#endif
