/* What the files of fine-tuning share: examples as token ids, and the head. */
#ifndef TASK_FINETUNE_PARTS_H
#define TASK_FINETUNE_PARTS_H

#include "model/model.h"
#include "task/task_data.h"
#include "task/task_finetune.h"
#include "text/text.h"

/* ---- finetune.c ---- */

/* Most tokens of an example, and sequences of one pass. */
int asc__finetune_length(const asc_finetune_opts *o, bool glue, int context);
int asc__finetune_micro(const asc_finetune_opts *o, int context);
/* What is trained on and judged by; all is filled where both are of one file. */
asc_status asc__squad_parts(asc_squad_set *all, asc_squad_set *train, asc_squad_set *dev, const char *data,
                            asc_error *err);

/* ---- finetune_encode.c ---- */

/* One sequence for the model. */
typedef struct asc__example {
    int32_t *ids, *segments; /* (n) */
    int n;
    int label;            /* class, or -1 */
    double score;         /* regression target */
    size_t item;          /* question of a SQuAD set */
    int start, end;       /* answer's first and last token; 0, 0: none in this window */
    int first;            /* first token of the passage */
    const int32_t *words; /* (n - first) word of the passage that each token belongs to */
} asc__example;

/* Words of a passage: what lies between white space. */
typedef struct asc__passage {
    size_t n_words;
    int32_t *begin, *end; /* (n_words) byte offsets */
} asc__passage;

typedef struct asc__examples {
    asc__example *x;
    size_t n, cap;
    asc__passage *passages; /* (items) of SQuAD */
    asc_arena memory;
} asc__examples;
void asc__examples_clear(asc__examples *e);

typedef struct asc__sequencer {
    asc_encoder *encoder;
    bool bert;
    int32_t cls, sep; /* of GPT-2 both are the end-of-document token, and cls is not written */
    int max_length;
} asc__sequencer;

asc_status asc__encode_glue(asc__examples *out, const asc__sequencer *q, const asc_glue_set *set, size_t limit,
                            asc_error *err);
/* Windows of long passages overlap by half. */
asc_status asc__encode_squad(asc__examples *out, const asc__sequencer *q, const asc_squad_set *set, size_t limit,
                             asc_error *err);

/* ---- finetune_head.c ---- */

/* y = Wc tanh(Wp x + bp) + bc, or without pooler y = Wc x + bc. Parameters, gradients and moments are flat. */
typedef struct asc__head_params {
    size_t C, K, n; /* width, outputs, parameters */
    bool pooler;
    float *p, *g, *m, *v;
    float *u; /* (rows, C) after tanh */
} asc__head_params;
asc_status asc__head_init(asc__head_params *h, size_t C, size_t K, bool pooler, size_t max_rows, asc_error *err);
void asc__head_clear(asc__head_params *h);
/* Weights N(0, .02) from the stream "head" of seed, all else 0. */
void asc__head_start(asc__head_params *h, uint64_t seed);
/* y (R,K) of x (R,C), rows of x ld apart */
void asc__head_forward(asc__head_params *h, float *y, const float *x, size_t ld, size_t R);
/* Adds to the gradients; dx (R,C) overwritten, rows ld apart as x's. */
void asc__head_backward(asc__head_params *h, float *dx, const float *dy, const float *x, size_t ld, size_t R);
/* AdamW from the gradients, which are then 0. */
void asc__head_step(asc__head_params *h, const asc_adamw *a);

#endif
