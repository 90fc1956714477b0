/* Where processes run: behind one table of functions. Adding an executor is one file and its line in
 * executor.c. */
#ifndef EXEC_EXECUTOR_H
#define EXEC_EXECUTOR_H

#include "launch.h"

typedef enum asc__job_state {
    ASC__JOB_RUNNING,
    ASC__JOB_ENDED, /**< exit_code or signal say how; what counts is result.json */
    ASC__JOB_LOST   /**< pre-empted, node gone, killed by somebody: no fault of the run, start it again */
} asc__job_state;

/** One run under way. */
typedef struct asc__job {
    size_t run;  /**< index among the study's runs */
    char *dir;   /**< runs/<id> */
    char *id;    /**< a cluster's job id, or NULL */
    long pid;    /**< of a local process; 0: none or not known */
    int pidfd;   /**< -1: none */
    int lock_fd; /**< of an adopted run: waited for until its lock is free; else -1 */
    bool adopted;
    bool stopped; /**< asked to stop by us */
    bool killed;  /**< made to stop */
    double started_s, stopped_s;
    int exit_code, signal;
    const char *why_stopped; /**< "time limit of 10m0s", or NULL */
    /* signs of life */
    int64_t log_bytes, metrics_bytes;
    double grown_s;
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
    /** Ask a job to stop (it writes its checkpoint), or with force end it. */
    void (*stop)(asc__executor *e, asc__job *job, bool force);
    /** Sleep until something may have happened, at most timeout_s. */
    void (*wait)(asc__executor *e, asc__job *const *jobs, size_t n, double timeout_s);
    void (*destroy)(asc__executor *e);
};

/** The executor that the study asks for (executor.c); capacity: local processes at once. */
asc_status asc__executor_create(asc__executor **out, const asc_study_spec *spec, const char *study_dir, size_t capacity,
                                asc_error *err);
asc_status asc__executor_local(asc__executor **out, size_t capacity, asc_error *err);

/* ---- a run's folder (run_dir.c) ---- */

/** The lock that whoever makes a run holds: descriptor, inherited by the run's process; -1 with *held true when a
 * process still makes it, and -1 with *held false where the file system knows no locks. */
int asc__run_lock(const char *dir, bool *held);
/** True while some process holds the lock of an adopted run. */
bool asc__run_locked(int fd);
int asc__run_lock_watch(const char *dir);

#endif
