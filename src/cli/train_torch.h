/* `autoscale train --trainer torch`: the run is made by `python3 -m autoscale.torch`. */
#ifndef CLI_TRAIN_TORCH_H
#define CLI_TRAIN_TORCH_H

#include "base/base.h"

/**
 * Make the run of DIR/run.json with PyTorch. Comes back when it has its result, or with an error; where the program has
 * said itself why it made none, this process ends with its exit code.
 * @param device  auto, cpu, cuda or cuda:N; NULL: as run.json says
 * @retval ASC_EMISSING  the interpreter cannot be started
 */
asc_status asc__cli_train_torch(const char *dir, const char *device, bool quiet, asc_error *err);

#endif
