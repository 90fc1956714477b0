/**
 * The queue: starts runs as there is room, follows them, hands over what they left, tries again what failed. The only
 * part of a study that waits. It keeps nothing that matters: what is to be remembered is told to the caller at once.
 */
#ifndef AUTOSCALE_EXEC_QUEUE_H
#define AUTOSCALE_EXEC_QUEUE_H

#include "exec/exec.h"

/** One run to be made. */
typedef struct asc_queue_item {
    size_t run; /**< the caller's number of it, handed to every call */
    const char *id;
    const char *dir;        /**< its folder, absolute */
    const char *shape;      /**< runs of equal shapes may be made by one program; NULL: alone */
    size_t most;            /**< runs that one program may make at once; 0 and 1: alone */
    double tokens;          /**< that its metrics end at, for progress */
    double from_tokens;     /**< that they begin at: another run's, whose checkpoint it continues */
    bool was_running;       /**< an earlier coordinator left it running: looked at before others */
    int64_t pid, pid_start; /**< the process that it noted; 0: none */
} asc_queue_item;

/** What the queue asks of whoever owns the runs, and tells them. Each is called from the thread that calls the queue.
 */
typedef struct asc_queue_calls {
    void *ctx;
    /** Make the run's folder ready. */
    asc_status (*prepare)(void *ctx, size_t run, asc_error *err);
    /** Say what is to be started for runs (n) whose folders are ready; place: asc_job's. */
    asc_status (*launch)(asc_launch *out, void *ctx, const size_t *runs, size_t n, size_t place, asc_error *err);
    /** Take the result in the run's folder. *found: there is one; with ASC_OK it was good and is the caller's now, else
     * the error says what is wrong with it. wall_s: since it was started, NaN: not known. */
    asc_status (*take)(bool *found, void *ctx, size_t run, double wall_s, asc_error *err);
    /** Whether a whole result is there; nothing is taken. */
    bool (*has_result)(void *ctx, size_t run);
    /** A process or a cluster's job makes it now. counted: it was started, not found again. */
    asc_status (*started)(void *ctx, size_t run, const asc_job *job, bool counted, asc_error *err);
    /** It waits again: after a failure (why), or because all was interrupted (NULL). */
    asc_status (*waits)(void *ctx, size_t run, const char *why, asc_error *err);
    /** It has ended: well (why NULL, its result was taken), or for good without a result. */
    asc_status (*ended)(void *ctx, size_t run, const char *why, asc_error *err);
    /** One line for the user; lasting: worth keeping among the notes of the study. */
    void (*note)(void *ctx, const char *line, bool lasting);
    /** Twice a second: tokens that the runs under way have reached together. */
    void (*progress)(void *ctx, double under_way);
} asc_queue_calls;

/** Exit codes of a program that say what to do about its runs; of a user's own they say nothing. */
enum {
    ASC_EXIT_NO_DEVICE = 69,   /**< nothing here to compute on: of no use to try again on this machine */
    ASC_EXIT_DEVICE_LOST = 74, /**< no fault of the runs: again, at another place where there is one */
    ASC_EXIT_NO_MEMORY = 75    /**< again in smaller groups */
};

typedef struct asc_queue_opts {
    asc_exec_place place;
    bool spread;         /**< every free place is to have a share of the runs before one gets a full group */
    bool external;       /**< a user's program: exit code 2 is no verdict on its arguments */
    int retries;         /**< of a run that failed */
    double backoff_s;    /**< before the first retry, doubled at each next one */
    double time_limit_s; /**< of one run, so many times as long of a group; 0: none */
    double heartbeat_s;  /**< a run whose log and metrics have not grown for so long is ended; 0: never */
    const char *metrics; /**< file in a run's folder; NULL: metrics.jsonl */
} asc_queue_opts;

/** Runs of the next group, 1..most, when n of one shape wait: as few groups as can hold them, but one for each free
 * place, and all about as large. */
size_t asc_queue_group(size_t n, size_t most, size_t free_places);

typedef struct asc_queue asc_queue;

/** @param opts,calls  are copied; strings stay the caller's */
asc_status asc_queue_create(asc_queue **out, const asc_queue_opts *opts, const asc_queue_calls *calls, asc_error *err);
void asc_queue_free(asc_queue *q);
/**
 * Make n runs, in order as there is room; each number once. After a failure or an interruption those under way are
 * asked to stop, and waited for while they write their checkpoints.
 * @retval ASC_EINTR     asc_interrupted()
 * @retval ASC_ENUMERIC  runs failed for good: the first is named
 */
asc_status asc_queue_make(asc_queue *q, const asc_queue_item *items, size_t n, asc_error *err);
/** While something long is computed inside a call: limits are kept, signals passed on and progress shown; ends are
 * taken note of afterwards. */
void asc_queue_tick(asc_queue *q);

#endif
