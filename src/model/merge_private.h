/* What merging shares: the checkpoints that are merged, and the small files beside the weights. */
#ifndef ASC_MODEL_MERGE_PRIVATE_H
#define ASC_MODEL_MERGE_PRIVATE_H

#include "model/model_merge.h"
#include "weights.h"

typedef struct asc__merge_source {
    asc__weights w;
    bool known; /* config.json is of an architecture of ours, and spec is what it says */
    asc_model_spec spec;
    double moved, size; /* sums of absolute values: distance to the base, both sizes */
} asc__merge_source;

/* Open all folders' weights, (o->n) zeroed sources, and compare what their config.json say.
 * @retval ASC_EINVAL  the models differ: the message names field and values */
asc_status asc__merge_open(asc__merge_source *sources, const asc_merge_opts *o, asc_error *err);
/* Copies of the first folder's small files: config.json, of the type that was asked for, tokenizers and the like. */
asc_status asc__merge_copy_rest(const asc_merge_opts *o, const char *out, asc_error *err);

#endif
