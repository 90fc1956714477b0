/* The tensors of a Hugging Face folder: model.safetensors, or the shards that model.safetensors.index.json names. */
#ifndef ASC_MODEL_WEIGHTS_H
#define ASC_MODEL_WEIGHTS_H

#include "safetensors.h"

typedef struct asc__weights {
    asc__st_file *files; /* (n) */
    size_t n;
} asc__weights;

asc_status asc__weights_open(asc__weights *out, const char *dir, asc_error *err);
void asc__weights_close(asc__weights *w);
/* Bytes of all files together; those that are not there count nothing. */
asc_status asc__weights_size(int64_t *out, const char *dir, asc_error *err);
/* The tensor and the file it is read from, or NULL. A name of BERT is also found as a model without head writes it
 * (without "bert.") and with the gain and bias of norms called gamma and beta, as in its first years. */
const asc__st_tensor *asc__weights_find(const asc__st_file **in, const asc__weights *w, const char *name);

#endif
