/* A program that makes a run in this command's place: the command stays in front of it, so that for whoever started it
 * (a terminal, the local executor, a Slurm job) the run is one process like any other, and ends as it ends. */
#ifndef CLI_CHILD_H
#define CLI_CHILD_H

#include "base/base.h"

/** The path of this program; free with asc_free. NULL: no memory. */
char *asc__cli_self(void);

enum { ASC__CLI_NOT_STARTED = 127 };
/**
 * Start argv (NULL after the last) and wait for it. It ends with us, and gets stop_signal where we are interrupted.
 * @param[out] code  its exit code, 128 + the signal that killed it, or ASC__CLI_NOT_STARTED
 */
asc_status asc__cli_child(int *code, char *const *argv, int stop_signal, asc_error *err);
/** End this process as that one ended: whoever started us reads the same signs. who: "one of 4 ranks" of the run in
 * dir.
 */
_Noreturn void asc__cli_end_like(int code, const char *dir, const char *who);

#endif
