/* A run of several ranks (docs/formats.md, `ranks`): started by itself once more, under mpirun. */
#ifndef CLI_MPIRUN_H
#define CLI_MPIRUN_H

#include "base/base.h"

/**
 * Make the run of DIR/run.json with so many processes; ends this process as the run ends (exit 0, 1, 2 or 130, or the
 * signal that killed a rank). Comes back only with an error.
 * @retval ASC_EIO  mpirun cannot be started
 */
asc_status asc__cli_mpirun(const char *dir, int ranks, bool json, bool quiet, asc_error *err);
#endif
