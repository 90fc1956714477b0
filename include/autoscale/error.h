/**
 * Errors are values: what can fail returns an asc_status and, where it is asked to, fills an asc_error with one line
 * for people. Outputs are untouched on failure. Nothing in this library prints, exits, aborts or raises a signal.
 */
#ifndef AUTOSCALE_ERROR_H
#define AUTOSCALE_ERROR_H

#include "autoscale/export_macro.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What went wrong, in the few kinds a caller can act on. */
typedef enum asc_status {
    ASC_OK = 0,
    ASC_EINVAL = -1,   /**< bad input: the message names file, line, field or argument, and what was expected */
    ASC_ENOMEM = -2,   /**< out of memory */
    ASC_EIO = -3,      /**< a read, write, sync, rename or spawn failed */
    ASC_ENUMERIC = -4, /**< no solution, no convergence, a diverged run */
    ASC_ESTATE = -5,   /**< something is in a state that forbids this: locked, edited, damaged, in use */
    ASC_EINTR = -6,    /**< interrupted on request; the work can be resumed */
    ASC_EMISSING = -7  /**< this machine or build lacks what was asked for (instruction set, device, library) */
} asc_status;

/** One error. {ASC_OK, ""} to begin with; every `err` argument may be NULL. */
typedef struct asc_error {
    asc_status code;
    char msg[1024]; /**< one line, no newline at the end, UTF-8 */
} asc_error;

/** "bad input", "out of memory", ..: for logs; the message of an asc_error says more. Never NULL. */
ASC_API const char *asc_status_text(asc_status status);

#ifdef __cplusplus
}
#endif

#endif
