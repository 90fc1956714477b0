/* Scripts of a cluster's jobs, and what jobs leave where the coordinator sees it. */
#ifndef EXEC_SCRIPT_H
#define EXEC_SCRIPT_H

#include "exec/exec.h"

/** A new folder in dir for the files of jobs that are submitted together, never one that an earlier coordinator used;
 * *next: its number, counted on. */
asc_status asc__batch_dir(char **out, const char *dir, unsigned *next, asc_error *err);

/** The head of a job's script: "# run DIR" for each of its runs, by which a later coordinator knows it, the variables
 * that the launch sets and this process does not have, its folder. */
void asc__script_begin(asc_buf *b, const asc_job *job, const asc_launch *l);
/** The launch's program and words, quoted, its output going to its log. */
void asc__script_program(asc_buf *b, const asc_launch *l);

/** The folders in a script's first comments, each with a newline behind it; NULL: it cannot be read, or there are none.
 */
char *asc__script_run_dirs(const char *path);
/** Whether run_dir is one of them; run_dirs may be NULL. */
bool asc__script_makes(const char *run_dirs, const char *run_dir);

/** Whether every run of the job has a result: of a group that was pre-empted some have theirs. */
bool asc__job_has_result(const asc_job *job);

#endif
