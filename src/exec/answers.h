/* What schedulers say: the number of a job that was submitted, the state of one that was asked for. */
#ifndef EXEC_ANSWERS_H
#define EXEC_ANSWERS_H

#include "base/base.h"

typedef enum asc__seen {
    ASC__SEEN_NOTHING, /**< no answer: nothing is known anew */
    ASC__SEEN_ALIVE,   /**< it waits or runs */
    ASC__SEEN_DONE,
    ASC__SEEN_FAILED,
    ASC__SEEN_GONE /**< cancelled, pre-empted, forgotten */
} asc__seen;

/** What a poll of one job says. Nothing on stdout: GONE, unless stderr or the exit code complains of something else
 * than that there is no such job.
 * @param job   its id: a complaint must name it to say that it is gone
 * @param word  (n) the state as it was said, "" */
asc__seen asc__read_state(const char *out, const char *said, int exit_code, const char *job, char *word, size_t n,
                          bool *known);

/** The same from lines "ID STATE" of all jobs. */
asc__seen asc__find_state(const char *out, const char *job, char *word, size_t n, bool *known);

/** A job's id in what submit printed: what stands for {id} in `pattern`, such as "Job <{id}>", or without one the first
 * word of the last line that holds any. NULL: there is none, or no memory. */
char *asc__read_job_id(const char *out, const char *pattern);

#endif
