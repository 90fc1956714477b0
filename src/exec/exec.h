/* Where processes run: behind one table of functions. Adding an executor is one file and its line in
 * executor.c. */
#ifndef AUTOSCALE_EXEC_H
#define AUTOSCALE_EXEC_H

#include "exec/exec_launch.h"

typedef enum asc__job_state {
    ASC__JOB_RUNNING,
    ASC__JOB_ENDED, /**< exit_code or signal say how; what counts is result.json */
    ASC__JOB_LOST   /**< pre-empted, node gone, killed by somebody: no fault of the run, start it again */
} asc__job_state;

/** One run under way. */
typedef struct asc__job {
    size_t run;        /**< index among the study's runs */
    char *dir;         /**< runs/<id> */
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
    const char *why_stopped; /**< "time limit of 10m0s", or NULL */
    /* signs of life */
    int64_t log_bytes, metrics_bytes;
    double grown_s, looked_s;
    double tokens; /**< trained so far, from metrics.jsonl */
} asc__job;

typedef struct asc__executor asc__executor;
struct asc__executor {
    const char *name;
    size_t capacity; /**< jobs at once */
    size_t together; /**< most jobs of one call of start */
    /** Start jobs (n <= free capacity); launches (n) by job. The first *n_started were started; the others are refused
     * for now (a scheduler's limits) and to be tried again: why_refused says what it said. Those that cannot be started
     * ever end as ENDED with exit code 127 at the next poll, or fail the call. */
    asc_status (*start)(asc__executor *e, asc__job **jobs, const asc__launch *launches, size_t n, size_t *n_started,
                        asc_error *err);
    char why_refused[300];
    /** Set job->id (asc_malloc'ed) if some job makes the run of job->dir already: after a coordinator's death. NULL
     * where the lock of the run's folder tells. */
    asc_status (*find)(asc__executor *e, asc__job *job, asc_error *err);
    asc__job_state (*poll)(asc__executor *e, asc__job *job);
    /** Whether it has ended, without taking note of it: the next poll tells. NULL: not known. */
    bool (*has_ended)(asc__executor *e, const asc__job *job);
    /** Ask a job to stop (it writes its checkpoint), or with force end it. */
    void (*stop)(asc__executor *e, asc__job *job, bool force);
    /** Sleep until something may have happened, at most timeout_s. */
    void (*wait)(asc__executor *e, asc__job *const *jobs, size_t n, double timeout_s);
    void (*destroy)(asc__executor *e);
};

/** The executor that the study asks for (executor.c); capacity: local processes at once. */
asc_status asc__executor_create(asc__executor **out, const asc_study_spec *spec, const char *study_dir, size_t capacity,
                                asc_error *err);
/** Whether the executor that the study asks for can be had here. Cheap; asked before anything is made.
 * @retval ASC_EMISSING its commands are not installed */
asc_status asc__executor_check(const asc_study_spec *spec, asc_error *err);
asc_status asc__executor_local(asc__executor **out, size_t capacity, asc_error *err);

void asc__job_free(asc__job *j);
/** Make the job one of an earlier coordinator's process, which holds the lock of job->dir or is pid, started at
 * pid_start (0: not known). False when there is no such process any more. */
bool asc__job_adopt(asc__job *job, int64_t pid, int64_t pid_start);
/** Start time of a process in clock ticks since boot; 0: it is not there, or has ended. */
int64_t asc__process_start(int64_t pid);

/* ---- a run's folder (run_dir.c) ---- */

/** True while a process makes the run of this folder: it holds the folder's lock. */
bool asc__run_held(const char *dir);

#endif
