/* What the files of this room share: the model's inside and the operations that the architectures are written in. */
#ifndef ASC_MODEL_INTERNAL_H
#define ASC_MODEL_INTERNAL_H

#include "base/base_json.h"
#include "device/device_kernels.h"
#include "model/model.h"

/* Stages that a step's time is booked on. */
typedef enum asc__stage {
    ASC__STAGE_EMBEDDING,
    ASC__STAGE_LAYERNORM,
    ASC__STAGE_ROTARY,
    ASC__STAGE_LINEAR_FORWARD,
    ASC__STAGE_LINEAR_DX,
    ASC__STAGE_LINEAR_DW,
    ASC__STAGE_ATTENTION_FORWARD,
    ASC__STAGE_ATTENTION_BACKWARD,
    ASC__STAGE_HEAD_LOGITS,
    ASC__STAGE_HEAD_LOSS,
    ASC__STAGE_HEAD_DX,
    ASC__STAGE_HEAD_DW,
    ASC__STAGE_LAYERNORM_BACKWARD,
    ASC__STAGE_BIAS_GRADIENT,
    ASC__STAGE_PACK,
    ASC__STAGE_OPTIMISER,
    ASC__STAGES
} asc__stage;

/* Lays out one allocation: with base NULL only counts. */
typedef struct asc__layout {
    char *base;
    size_t used;
} asc__layout;
float *asc__take(asc__layout *at, size_t n_floats);

/* What an architecture brings: the trunk, from ids to m->trunk (M,C), and what stands between it and the head, whose
 * input is m->hidden (K,C): only the K rows that have a target, as m->head_index lists them. */
typedef struct asc__arch_ops {
    asc_status (*table)(asc_model *m, asc_error *err);
    void (*layout)(asc_model *m, asc__layout *at);
    void (*start)(asc_model *m); /* fills constants into what was laid out; NULL: there are none */
    void (*forward)(asc_model *m, const asc_batch *batch);  /* to m->trunk */
    void (*backward)(asc_model *m, const asc_batch *batch); /* from m->d_trunk */
    void (*to_head)(asc_model *m);                          /* m->trunk (M,C) to m->hidden (K,C) */
    void (*from_head)(asc_model *m, size_t M);              /* m->d_hidden (K,C) to m->d_trunk (M,C) */
    size_t (*head_bias)(const asc_model *m);                /* row of the logits' bias (V), NULL: there is none */
    bool weights_out_in;                                    /* linear weights are kept as (N,K), as torch's Linear */

    /* interchange */
    const char *const *model_types; /* config.json's model_type, NULL after the last */
    asc_status (*read_config)(asc_model_spec *out, const json_t *j, const char *path, asc_error *err);
    json_t *(*write_config)(const asc_model_spec *s); /* without what is the same for all; NULL: out of memory */
    bool tied_by_default;                             /* where config.json does not say */
    bool biases_optional;                             /* a file without any bias means biases of 0 */
    const char *file_prefix;                          /* before the table's names in a file, but for OUTPUT's */
    const char *embedding, *output; /* rows of the table: (V,C), and the output layer's where it is not tied */
    const char *output_bias;        /* another name of the logits' bias, which wins */
    double norm_eps;                /* where the spec has none */
    int (*mlp_width)(int width);    /* where the spec has none; NULL: 4 C */
    asc_status (*check)(const asc_model_spec *s, asc_error *err); /* whether the shape is one of its own; NULL: it is */
    bool all_keys;    /* every optional key has a meaning, not mlp, tied and norm_eps alone */
    bool any_context; /* no table of positions: sequences of any length */
} asc__arch_ops;
/* The table of architectures, in the enum's order. */
const asc__arch_ops *asc__arch_of(asc_arch arch);
#define ASC__ARCH_OPS(id, name, kind) extern const asc__arch_ops asc__##name;
ASC_ARCHITECTURES(ASC__ARCH_OPS)
#undef ASC__ARCH_OPS

/* Activations of one layer; M rows = B T. */
typedef struct asc__layer_acts {
    float *ln1, *mean1, *rstd1;   /* (M,C), (M), (M) */
    float *qkv, *att, *lse;       /* (M,3C), (M,C), (B,H,T) */
    float *mid;                   /* (M,C) residual after attention */
    float *ln2, *mean2, *rstd2;   /* (M,C), (M), (M) */
    float *fc, *act;              /* (M,F) before and after GELU; llama: up, and the gated product */
    float *gate;                  /* llama: (M,F) */
    float *raw, *rstd_q, *rstd_k; /* llama: q and k before their norms (M,(H+Hkv)d), (M,groups) each */
} asc__layer_acts;

/* What BERT needs beside its layers. */
typedef struct asc__bert_acts {
    float *embedded;             /* (M,C) sum of the three embeddings */
    float *picked, *dense, *act; /* (K,C) counted rows of the trunk, transform before and after GELU */
    float *mean, *rstd;          /* (K) of the transform's norm */
    float *back;                 /* (K,C) */
} asc__bert_acts;

struct asc_model {
    asc_model_spec spec;
    asc_model_opts opts;
    const asc__arch_ops *arch;
    const asc_kernels *kernels;
    asc_pool *pool;

    asc_param *table;
    size_t n_tensors, cap_tensors;
    size_t n_flat;
    bool counting;                             /* the table is only counted: no row is kept */
    int64_t n_params, n_body, n_products;      /* counted: all, the body's, those of its matrices */
    size_t embedding, head_weight;             /* rows (V,C): read by ids, and the output layer's; tied: the same */
    float eps;                                 /* of the norms */
    float *params, *grads, *moment1, *moment2; /* (n_flat) each */
    bool grads_started;                        /* the next backward adds instead of overwriting */

    void *packed_logits, *packed_dx; /* the head's weight packed as (C,V) and as (V,C) */
    bool packed_valid;

    void *memory; /* activations and scratch */
    size_t max_rows;
    float **residual;      /* (L+1) -> (M,C); one and the same without training */
    asc__layer_acts *acts; /* (L); with recompute, or without training, all the same */
    float *mean_f, *rstd_f, *hidden, *d_hidden;
    float *trunk, *d_trunk; /* (M,C); may be the same memory as hidden and d_hidden */
    asc__bert_acts bert;
    int slots[24], per_layer; /* llama: where a layer's tensors stand among its rows, -1: it has none; rows per layer */
    float *cosine, *sine;     /* (T, rotated/2) of the rotary angles */
    float *d_res, *d_wide, *d_row; /* (M,C), (M,4C), (M,C) */
    float *d_att;                  /* llama: (M,H d); where norms stand before, the same as d_row */
    float *ln_partial;             /* (M/64+1, 2C) */
    float *logits, *row_max, *nll; /* (head_rows, ld_logits), (M), (M) */
    int32_t *targets, *head_index; /* (K) targets of the counted rows and where in the batch they stand */
    size_t n_head;                 /* K */
    size_t head_rows, ld_logits;
    double *norm_partial;
    char *scratch; /* one piece a thread */
    size_t scratch_size;

    bool timing;
    double seconds[ASC__STAGES], gflop[ASC__STAGES], gbytes[ASC__STAGES];
    double clock;
};

/* params.c */
/* Append a row; offset and size are worked out. */
asc_status asc__add_param(asc_model *m, asc_param row, asc_error *err);
/* Append the output layer's own matrix where the spec has one; head_weight is set either way. */
asc_status asc__add_output(asc_model *m, const char *name, double sd, double lr_scale, asc_error *err);
static inline bool asc__is_tied(const asc_model *m)
{
    return m->head_weight == m->embedding;
}
static inline float *asc__p(asc_model *m, size_t tensor)
{
    return m->params + m->table[tensor].offset;
}
static inline float *asc__g(asc_model *m, size_t tensor)
{
    return m->grads + m->table[tensor].offset;
}

/* ops.c: device operations on the model's pool, with their time booked */
void asc__stage_begin(asc_model *m);
/* floats: what the stage must read and write at least, each array once */
void asc__stage_end(asc_model *m, asc__stage stage, double flop, double floats);
void asc__gemm(asc_model *m, const asc_gemm *g, asc__stage stage);
/* y (M,N) = x (M,K) W + b, with an epilogue; aux_in or aux_out as the epilogue needs, rows N apart */
typedef struct asc__linear {
    size_t M, K, N;
    size_t weight, bias; /* tensors; bias ASC__NONE: there is none */
    size_t ld_y;         /* distance of rows of y and dy, 0: N */
} asc__linear;
#define ASC__NONE SIZE_MAX
void asc__linear_forward(asc_model *m, const asc__linear *l, float *y, const float *x, asc_epilogue epilogue,
                         const float *aux_in, float *aux_out);
/* dW, db (= or += as gradients are started) and, where dx is not NULL, dx (M,K) = dy W^T with an epilogue on dx */
void asc__linear_backward(asc_model *m, const asc__linear *l, float *dx, const float *dy, const float *x,
                          asc_epilogue epilogue, const float *aux_in);
/* The two parts of it: dW and db; and the product dx = dy W^T, for the caller to add an epilogue and run. */
void asc__linear_dw(asc_model *m, const asc__linear *l, const float *dy, const float *x);
asc_gemm asc__linear_dx(asc_model *m, const asc__linear *l, float *dx, const float *dy);
/* y = rmsnorm(x) (+ add) over M rows of G groups of the gain's size; x rows ld_x apart, y and add rows ld_y apart */
typedef struct asc__rms {
    size_t gain, M, G, ld_x, ld_y;
} asc__rms;
void asc__rmsnorm(asc_model *m, const asc__rms *n, float *y, float *rstd, const float *x, const float *add);
/* dx = or += ; may be dy. The gain's gradient = or += as gradients are started */
void asc__rmsnorm_backward(asc_model *m, const asc__rms *n, float *dx, const float *dy, const float *x,
                           const float *rstd, bool accumulate);
void asc__rope(asc_model *m, float *x, size_t ld, size_t n_heads, size_t step, size_t half, size_t M, size_t T,
               bool inverse);
void asc__layernorm(asc_model *m, size_t gain, float *y, float *mean, float *rstd, const float *x, size_t M, float eps);
/* gain is the tensor, its bias the next one */
void asc__layernorm_backward(asc_model *m, size_t gain, float *dx, const float *dy, const float *x, const float *mean,
                             const float *rstd, size_t M, bool accumulate);
void asc__attention_forward(asc_model *m, const asc_attention *a);
void asc__attention_backward(asc_model *m, const asc_attention *a);
void asc__pack_head(asc_model *m);
void *asc__scratch(asc_model *m, size_t part);

/* head.c: logits = hidden W^T in blocks of rows */
/* dst (K,C) = the rows of src (M,C) that m->head_index lists; dst may be src. And back: all other rows 0. */
void asc__gather_rows(const asc_model *m, float *dst, const float *src);
void asc__scatter_rows(const asc_model *m, float *dst, const float *src, size_t M);
/* Losses of rows [0,M) into m->nll; with scale != 0 also m->d_hidden and the gradients of the head's weight and bias.
 */
void asc__head(asc_model *m, size_t M, float scale, uint8_t *is_argmax);

#endif
