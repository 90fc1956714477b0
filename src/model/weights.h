/* The tensors of a Hugging Face folder: model.safetensors, or the shards that model.safetensors.index.json names. */
#ifndef ASC_MODEL_WEIGHTS_H
#define ASC_MODEL_WEIGHTS_H

#include "safetensors.h"

/* A tensor, the file it is read from, and its name without what wrappers and models put around it. */
typedef struct asc__weight {
    char *bare;
    const asc__st_tensor *tensor;
    const asc__st_file *file;
} asc__weight;

typedef struct asc__weights {
    asc__st_file *files; /* (n) */
    size_t n;
    asc__weight *all; /* (n_all) sorted by bare name; with an index, each from the file that weight_map names */
    size_t n_all;
} asc__weights;

/* @retval ASC_EINVAL  a file that is named is missing, a tensor is not where the index says, or the only weights are of
 * a form that is not read (a pickle: the message has the command that converts it) */
asc_status asc__weights_open(asc__weights *out, const char *dir, asc_error *err);
/* One file that is no folder's. */
asc_status asc__weights_open_file(asc__weights *out, const char *path, asc_error *err);
void asc__weights_close(asc__weights *w);
/* True where the folder has model.safetensors or its index. */
bool asc__weights_exist(const char *dir);
/* Bytes of all files together. */
asc_status asc__weights_size(int64_t *out, const char *dir, asc_error *err);
/*
 * The tensor of that name, or NULL. What wrappers add is not looked at ("model.", "module.", "_orig_mod.",
 * "transformer.", "bert." and others at the front, "_orig_mod." and the like anywhere), nor whether BERT's norms have
 * weight and bias or, as in its first years, gamma and beta. Where two tensors are left the one of exactly that name
 * wins.
 * @retval ASC_EINVAL  two tensors could be meant
 */
asc_status asc__weights_find(const asc__weight **out, const asc__weights *w, const char *name, asc_error *err);

#endif
