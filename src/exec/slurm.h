/* The Slurm executor: `executor: {slurm: {…}}`. */
#ifndef EXEC_SLURM_H
#define EXEC_SLURM_H

#include "exec/exec.h"

/**
 * An executor that submits job arrays. `spec` must outlive it; a run is `ranks` tasks of `threads`
 * processors.
 * @retval ASC_EIO  no such folder
 */
asc_status asc__executor_slurm(asc__executor **out, const asc_slurm_spec *spec, const char *study_dir, int threads,
                               int ranks, asc_error *err);
#endif
