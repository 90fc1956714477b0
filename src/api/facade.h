/*
 * api: the library's own names (include/autoscale) over the rooms below: opaque handles, options that begin with their
 * size, results that the library owns. Nothing is computed here.
 */
#ifndef API_FACADE_H
#define API_FACADE_H

#include "autoscale/autoscale.h"
#include "base/base.h"
#include "mix/mix.h"

/** Copy options of a caller that may have been compiled against an older header: what it does not know is 0. */
#define ASC__TAKE(out, given)                                                                                          \
    asc__options_take(&(out), sizeof(out), (given), (given) ? *(const size_t *)(const void *)(given) : 0)
void asc__options_take(void *out, size_t size, const void *given, size_t given_size);

/** Ask the caller's hook in this thread, from here to asc__hooks_leave. */
typedef struct asc__hooked {
    asc_hooks hooks; /* size 0: none */
    asc_interrupt before;
} asc__hooked;
void asc__hooks_enter(asc__hooked *h, const asc_hooks *hooks);
void asc__hooks_leave(asc__hooked *h);

/** "ARGUMENT: expected WHAT, found nothing" for a pointer that must not be NULL. */
#define ASC__NEEDS(p, err)                                                                                             \
    do {                                                                                                               \
        if (!(p))                                                                                                      \
            return ASC_FAIL((err), ASC_EINVAL, "%s: expected a pointer, found NULL", #p);                              \
    } while (0)
/** Names: n of them, none empty, none twice, UTF-8 taken as it is. */
asc_status asc__names_check(const char *what, const char *const *names, size_t n, asc_error *err);

/** Limits as the rooms below take them: views of what was given. */
asc_status asc__limits_take(asc_limits *out, const asc_limits_options *given, size_t n_domains, asc_error *err);

#endif
