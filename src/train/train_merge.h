/** train: checkpoints of one shape averaged into another, with the optimiser's moments where asked for. */
#ifndef AUTOSCALE_TRAIN_MERGE_H
#define AUTOSCALE_TRAIN_MERGE_H

#include "model/model_merge.h"

/**
 * Merge folders into the folder `out`, which appears whole or not at all; it must be new, empty, or of an earlier
 * merge. merge.json there says what it was made of. Checkpoints of ours are checked against their checksums first.
 * moments: also optimizer.safetensors, and a state.json with the step that all have (weight 0 aside), so that
 * `train --init OUT --moments` goes on from it.
 * @retval ASC_ESTATE  out holds something else, a checkpoint is damaged
 * @retval ASC_EINVAL  as asc_model_merge; moments of different steps, or of folders without state.json
 */
asc_status asc_checkpoint_merge(asc_merge_info *info, const asc_merge_opts *o, bool moments, const char *out,
                                asc_error *err);

#endif
