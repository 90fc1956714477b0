/**
 * What the library asks of its caller: memory, whether to stop, where progress goes. It installs no signal handlers,
 * writes nothing to standard output or error, and leaves locale, environment, working directory and umask alone.
 *
 * Threads: functions may be called from any threads at the same time for different objects; one object must not be
 * changed by one thread while another uses it. Objects that are only read (tables, laws, mixtures, once made) may be
 * shared. Work that takes a number of threads starts them for the length of the call (with all signals blocked).
 *
 * Token files are mapped into memory: a file that becomes shorter while it is read raises SIGBUS, as everywhere.
 */
#ifndef AUTOSCALE_RUNTIME_H
#define AUTOSCALE_RUNTIME_H

#include <stdbool.h>
#include <stddef.h>

#include "autoscale/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Progress of long work: done of total in unit ("steps", ..); total 0: not known. What and unit live for the call
 * alone. Called by one thread at a time, not necessarily the caller's.
 */
typedef void (*asc_progress_fn)(void *ctx, const char *what, double done, double total, const char *unit);

/** Hooks into long work; pass NULL for none. They are used during the call alone. */
typedef struct asc_hooks {
    size_t size; /**< sizeof (asc_hooks) */
    /** Asked often, also from several threads at once: true to stop at the next safe point with ASC_EINTR. Or NULL. */
    bool (*interrupted)(void *ctx);
    asc_progress_fn progress; /**< or NULL */
    void *ctx;                /**< handed to both */
} asc_hooks;

/** Where the library's memory comes from. All three are needed; they are called from any thread. */
typedef struct asc_allocator {
    /** n >= 1 bytes, aligned as malloc's; NULL: out of memory. */
    void *(*allocate)(void *ctx, size_t n);
    /** Move p, which is never NULL, to n >= 1 bytes; on NULL p stays as it is. */
    void *(*reallocate)(void *ctx, void *p, size_t n);
    /** p is never NULL. */
    void (*release)(void *ctx, void *p);
    void *ctx;
} asc_allocator;

/**
 * Take memory from another allocator than the C library's, from now on and for the whole process. To be called before
 * anything else of this library. JSON documents are built by jansson, with whatever allocator it has in this process.
 * @retval ASC_EINVAL  a function is NULL
 * @retval ASC_ESTATE  the library has allocated memory already
 */
ASC_API asc_status asc_set_allocator(const asc_allocator *allocator, asc_error *err);

/** Free a text that a function of this library returned for the caller to free. NULL is fine. */
ASC_API void asc_text_free(char *text);

#ifdef __cplusplus
}
#endif

#endif
