/* Masked language modelling: which tokens of a sequence are hidden, and what stands in their place. */
#ifndef TRAIN_MASK_H
#define TRAIN_MASK_H

#include "model/model.h"
#include "text/text.h"

typedef struct masker {
    int32_t cls, sep, mask;
    int32_t special[5]; /* never hidden; -1: there is none */
    int vocab;
    int32_t *targets; /* (rows, T) of the batch being made */
} masker;

/** The special tokens of a WordPiece tokenizer, and room for the targets of micro_batch sequences of T. */
asc_status asc__masker_init(masker *k, const char *tokenizer, const asc_model_spec *spec, int micro_batch,
                            asc_error *err);
void asc__masker_clear(masker *k);

/**
 * Turn row (room for n_content + 2 ids, content first) into [CLS] content [SEP], hide max(1, round(.15 n_content)) of
 * the content's tokens that are not special, chosen by the stream `name`/index of seed (Devlin et al. 2018, A.1): 80 %
 * become [MASK], 10 % a random token, 10 % stay. targets (n_content + 2): the hidden tokens, -1 elsewhere.
 * @return tokens hidden
 */
int asc__mask_row(const masker *k, int32_t *row, int32_t *targets, int n_content, uint64_t seed, const char *name,
                  uint64_t index);
/** The hidden tokens of a full row of T: what a step's gradient is divided by. */
int asc__mask_count(int n_content);

#endif
