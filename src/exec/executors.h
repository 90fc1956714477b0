/* The executors, for the table in executor.c and for tests. */
#ifndef EXEC_EXECUTORS_H
#define EXEC_EXECUTORS_H

#include "exec/exec.h"

/** Processes of this machine, place->capacity at once. */
asc_status asc__executor_local(asc_executor **out, const asc_exec_place *place, asc_error *err);
/** Job arrays of Slurm. @retval ASC_EIO  no such folder */
asc_status asc__executor_slurm(asc_executor **out, const asc_exec_place *place, asc_error *err);
/** A user's commands: submit, poll, cancel. @retval ASC_EIO  no such folder */
asc_status asc__executor_scheduler(asc_executor **out, const asc_exec_place *place, asc_error *err);

#endif
