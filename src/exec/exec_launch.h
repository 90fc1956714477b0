/**
 * The program of one run: what is started, with which words, environment, folder and log. The same for every executor.
 */
#ifndef AUTOSCALE_EXEC_LAUNCH_H
#define AUTOSCALE_EXEC_LAUNCH_H

#include "spec/spec_study.h"

typedef struct asc_launch {
    char **argv;   /**< NULL after the last */
    char **env;    /**< NULL after the last */
    char *cwd;     /**< NULL: as it is */
    char *run_dir; /**< absolute */
    char *log;     /**< stdout and stderr are appended to it */
} asc_launch;
void asc_launch_clear(asc_launch *l);

/** words (NULL after the last), logged to DIR/log.txt, in the environment that our own programs want. */
asc_status asc_launch_words(asc_launch *out, const char *const *words, const char *dir, asc_error *err);
/** PROGRAM train --run DIR --parent PID. parent 0: none (a cluster's job has no coordinator beside it). */
asc_status asc_launch_builtin(asc_launch *out, const char *program, const char *dir, long parent, asc_error *err);

/** How `python3 -m autoscale.torch` is started. */
typedef struct asc_torch_program {
    char *python; /**< the interpreter */
    char **env;   /**< "NAME=value" in which the package is found; NULL after the last; or NULL */
} asc_torch_program;
/**
 * The package and the library beside the command (of an installation, else of a build tree; else where the interpreter
 * finds them), and the interpreter: `own`, else AUTOSCALE_PYTHON, else that of the environment into which pip installed
 * the command, else python3.
 * @param program   the command's path
 * @param own       or NULL; with a / it starts at base_dir
 */
asc_status asc_torch_program_find(asc_torch_program *out, const char *program, const char *own, const char *base_dir,
                                  asc_error *err);
void asc_torch_program_clear(asc_torch_program *p);
/** PYTHON -m autoscale.torch OPTIONS DIR… for the runs of dirs (n), logged to the first one's log.txt.
 * @param options  NULL after the last */
asc_status asc_launch_torch(asc_launch *out, const asc_torch_program *p, const char *const *options,
                            const char *const *dirs, size_t n, asc_error *err);

/** A fact of a run that a user's command may ask for: {name} in its words, AUTOSCALE_NAME in its environment. */
typedef struct asc_launch_value {
    const char *name;
    char *text;
} asc_launch_value;
/** n values of these names (spec/spec_placeholders.h) and texts, which are the caller's. */
void asc_launch_values_of(asc_launch_value *out, const char *const *names, char *const *texts, size_t n);
/**
 * `trainer: {command: …}` with its placeholders filled in, logged to DIR/log.txt. Nothing is expanded and no shell is
 * asked unless trainer->shell says so, so that a domain's name or a path cannot become a command.
 * @param base_dir  where a relative trainer->dir starts
 * @param values    (n)
 */
asc_status asc_launch_command(asc_launch *out, const asc_trainer_spec *trainer, const char *base_dir, const char *dir,
                              const asc_launch_value *values, size_t n, asc_error *err);

/** The last lines of a log as one line for an error: control characters out, at most n-1 bytes. */
void asc_log_tail(char *out, size_t n, const char *path);

#endif
