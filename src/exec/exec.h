/**
 * exec: where programs run. It knows folders, processes and a scheduler; not what a run is of or what its result says.
 * Executors stand behind one table of functions: adding one is one file and its line in executor.c.
 */
#ifndef AUTOSCALE_EXEC_H
#define AUTOSCALE_EXEC_H

#include "exec/exec_launch.h"

typedef enum asc_job_state {
    ASC_JOB_RUNNING,
    ASC_JOB_ENDED, /**< exit_code or signal say how; what counts is result.json */
    ASC_JOB_LOST   /**< pre-empted, node gone, killed by somebody: no fault of the run, start it again */
} asc_job_state;

/** One program under way, which makes one run or several. */
typedef struct asc_job {
    size_t run;    /**< the caller's number of it; of its first run */
    char *dir;     /**< the (first) run's folder */
    char **others; /**< (n_others) folders of the other runs that the same program makes */
    size_t n_others, cap_others;
    size_t place;      /**< its number among those under way, below the executor's capacity: which card, say */
    char *id;          /**< a cluster's job id, or NULL */
    long pid;          /**< of a local process; 0: none or not known */
    int pidfd;         /**< -1: none */
    int lock_fd;       /**< of an adopted run: waited for until its lock is free; else -1 */
    int64_t pid_start; /**< clock ticks since boot: with the pid it names one process for ever */
    bool adopted;      /**< started by an earlier coordinator; pid 0 where it is on another host */
    bool ending;       /**< its process has ended, what it left in its group not yet */
    double ended_s;
    bool stopped; /**< asked to stop by us */
    bool killed;  /**< made to stop */
    double started_s, stopped_s;
    int exit_code, signal;
    const char *why_stopped;  /**< "time limit of 10m0s", or NULL */
    char why_ended[300];      /**< what the scheduler says of an end that the program itself cannot explain, or "" */
    double grown_s, looked_s; /**< when its log or metrics grew last, and were looked at */
} asc_job;

typedef struct asc_executor asc_executor;
struct asc_executor {
    const char *name;
    size_t capacity; /**< jobs at once */
    size_t together; /**< most jobs of one call of start */
    bool here;       /**< its processes run on this machine: a device that is missing there stays missing */
    /** Start jobs (n <= free capacity); launches (n) by job. The first *n_started were started; the others are refused
     * for now (a scheduler's limits) and to be tried again: why_refused says what it said. Those that cannot be started
     * ever end as ENDED with exit code 127 at the next poll, or fail the call. */
    asc_status (*start)(asc_executor *e, asc_job **jobs, const asc_launch *launches, size_t n, size_t *n_started,
                        asc_error *err);
    char why_refused[300];
    /** Where a line for the user goes; may be NULL. */
    void (*note)(void *ctx, const char *line);
    void *note_ctx;
    /** Set job->id (asc_malloc'ed) if some job makes the run of job->dir already: after a coordinator's death. NULL
     * where the lock of the run's folder tells. */
    asc_status (*find)(asc_executor *e, asc_job *job, asc_error *err);
    asc_job_state (*poll)(asc_executor *e, asc_job *job);
    /** Whether it has ended, without taking note of it: the next poll tells. NULL: not known. */
    bool (*has_ended)(asc_executor *e, const asc_job *job);
    /** Ask a job to stop (it writes its checkpoint), or with force end it. */
    void (*stop)(asc_executor *e, asc_job *job, bool force);
    /** Sleep until something may have happened, at most timeout_s. */
    void (*wait)(asc_executor *e, asc_job *const *jobs, size_t n, double timeout_s);
    void (*destroy)(asc_executor *e);
};

/** Where programs are to run. Strings stay the caller's and outlive the executor. */
typedef struct asc_exec_place {
    const char *executor;                /**< "local", "slurm" or "scheduler" */
    const char *dir;                     /**< the study's folder */
    const char *base_dir;                /**< in which a user's commands run: the study file's folder */
    const char *study;                   /**< its name */
    size_t capacity;                     /**< local processes at once */
    const asc_slurm_spec *slurm;         /**< of executor slurm; a run is `ranks` tasks of `threads` processors */
    const asc_scheduler_spec *scheduler; /**< of executor scheduler */
    int threads, ranks;
} asc_exec_place;
asc_status asc_executor_create(asc_executor **out, const asc_exec_place *place, asc_error *err);
/** Whether an executor can be had here. Cheap; asked before anything is made.
 * @retval ASC_EMISSING  "executor: NAME: …": its commands are not installed */
asc_status asc_executor_check(const asc_exec_place *place, asc_error *err);

/** A job of the run in folder `dir`, not started yet. NULL: no memory. */
asc_job *asc_job_create(size_t run, const char *dir);
/** The program of the job, not started yet, makes the run in folder `dir` too. */
asc_status asc_job_join(asc_job *job, const char *dir, asc_error *err);
void asc_job_free(asc_job *j);
/** Make the job one of an earlier coordinator's process, which holds the lock of job->dir or is pid, started at
 * pid_start (0: not known). False when there is no such process any more. */
bool asc_job_adopt(asc_job *job, int64_t pid, int64_t pid_start);

/* ---- a run's folder ----------------------------------------------------------------------------------------------
 */

/** True while a process makes the run of this folder: it holds the folder's lock. */
bool asc_run_held(const char *dir);
/** Remove what killed processes left in a folder: half-written files; where a run has ended, its locks and the
 * checkpoints on their way in and out. */
void asc_folder_clean(const char *dir, bool ended);

/** A program to be asked. */
typedef struct asc_question {
    char *const *argv; /**< NULL after the last */
    char *const *env;  /**< NULL after the last; NULL: this process's own */
    const char *cwd;   /**< NULL: as it is */
    const char *input; /**< file for its stdin; NULL: this process's */
    bool together;     /**< stderr goes where stdout goes */
    double timeout_s;  /**< then it is killed, with all of its process group; 0: none */
} asc_question;
typedef struct asc_answer {
    asc_buf out, said; /**< stdout and stderr as text, 0 behind them */
    int exit_code;     /**< as a shell would say it */
} asc_answer;
/** Run it to its end; what it leaves running in the background is not waited for. `a` is to be cleared in any case.
 * @retval ASC_EMISSING  there is no such program  @retval ASC_EIO  it cannot be started, or gave no answer in time */
asc_status asc_ask_for(asc_answer *a, const asc_question *q, asc_error *err);
void asc_answer_clear(asc_answer *a);
/** The same of a command of the user's with its placeholders (asc_launch_command), in base_dir (NULL: as it is); q says
 * the rest. */
asc_status asc_ask_command(asc_answer *a, const asc_question *q, const asc_trainer_spec *words, const char *base_dir,
                           const char *dir, const asc_launch_value *values, size_t n, asc_error *err);
/** Run argv to its end, stdout and stderr into out (as text, 0 behind it); *exit_code as a shell would say it.
 * @param env  NULL after the last; NULL: this process's own
 * @retval ASC_EMISSING  there is no such program  @retval ASC_EIO  it cannot be started */
asc_status asc_ask(char *const *argv, char *const *env, asc_buf *out, int *exit_code, asc_error *err);

/* ---- long computations -------------------------------------------------------------------------------------------
 */

/** fn(ctx) in a thread of its own; tick(tick_ctx, seconds since it began) five times per second meanwhile. Returns what
 * fn did, once it has. */
asc_status asc_background(asc_status (*fn)(void *ctx, asc_error *err), void *ctx,
                          void (*tick)(void *tick_ctx, double elapsed_s), void *tick_ctx, asc_error *err);

#endif
