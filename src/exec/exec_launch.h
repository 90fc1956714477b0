/* The program of one run: what is started, with which words, environment, folder and log. The same for every
 * executor. */
#ifndef AUTOSCALE_EXEC_LAUNCH_H
#define AUTOSCALE_EXEC_LAUNCH_H

#include "config/config.h"
#include "train/train.h"

typedef struct asc__launch {
    char **argv;   /**< NULL after the last */
    char **env;    /**< NULL after the last */
    char *cwd;     /**< NULL: as it is */
    char *run_dir; /**< absolute */
    char *log;     /**< stdout and stderr are appended to it */
} asc__launch;
void asc__launch_clear(asc__launch *l);

/** What the placeholders of a user's command stand for, and what AUTOSCALE_* say. */
typedef struct asc__launch_facts {
    const asc_study_spec *spec;
    const asc_run_spec *run;
    const char *run_dir; /**< absolute */
    const char *program; /**< of builtin runs */
    double total;        /**< tokens of the run */
} asc__launch_facts;

/** words (NULL after the last), logged to DIR/log.txt, in the environment that our own programs want. */
asc_status asc__launch_words(asc__launch *out, const char *const *words, const char *dir, asc_error *err);
/** PROGRAM train --run DIR --parent PID. parent 0: none (a cluster's job has no coordinator beside it). */
asc_status asc__launch_builtin(asc__launch *out, const asc__launch_facts *f, long parent, asc_error *err);
/** `trainer: {command: …}` with its placeholders filled in. */
asc_status asc__launch_command(asc__launch *out, const asc__launch_facts *f, asc_error *err);

/** Split as a shell would (quotes and backslashes, nothing expanded); list ends with NULL. @retval ASC_EINVAL an open
 * quote, no word */
asc_status asc__split_words(char ***out, const char *line, asc_error *err);
/** Fill in {name} from names/values (n); unknown ones stay. NULL when memory is out. */
char *asc__fill_in(const char *text, const char *const *names, char *const *values, size_t n);

/** The last lines of a log as one line for an error: control characters out, at most n-1 bytes. */
void asc__log_tail(char *out, size_t n, const char *path);

/** "tokens" of the last whole line of a metrics file, -1: none, or nothing new. *bytes: the file's size when last
 * asked. */
double asc__last_tokens(const char *path, int64_t *bytes);

#endif
