/*
 * One run on many processes: what the step loop needs of them. One process: everything is a no-op. More: through the
 * MPI module, a shared library of ours that is loaded only then, so that the command itself needs no MPI.
 */
#ifndef RANKS_H
#define RANKS_H

#include "base/base.h"

/** The module's table; `version` guards against a module of another build. 0 from a function is success. */
enum { ASC_RANKS_VERSION = 2 };
typedef struct asc_ranks_module {
    int version;
    int (*init)(int *rank, int *size);
    int (*sum_float)(float *x, size_t n);   /* in place, in rank order: the same bits on every rank and every time */
    int (*sum_double)(double *x, size_t n); /* the same */
    int (*barrier)(void);                   /* all three wait asleep for ranks that are not there yet */
    void (*finalize)(void);
    void (*abort)(int code);
} asc_ranks_module;

typedef struct asc_ranks {
    int rank, size;
    const asc_ranks_module *module; /* NULL: one process */
} asc_ranks;

/**
 * Join the ranks of this run. wanted = 1 needs nothing. Until asc__ranks_clear(r, false) an end of this process, with
 * whatever exit code, ends the other ranks with the same one.
 * @retval ASC_EMISSING  the module or MPI is not there, or the process was not started with `wanted` ranks
 */
asc_status asc__ranks_init(asc_ranks *r, int wanted, asc_error *err);
/** Leave: waits for the others, unless failed. */
void asc__ranks_clear(asc_ranks *r, bool failed);
/**
 * What every rank tried went as `mine` (with its err) says here: OK where it went well everywhere, ASC_EINTR on all
 * where the first rank in trouble was interrupted. Otherwise that rank gets its own error back, to report it and end
 * the others, which wait for that in here: one failure, one message.
 */
asc_status asc__ranks_agree(asc_ranks *r, asc_status mine, asc_error *err);
/** Sum over ranks in place. Every rank must call it with the same n. */
asc_status asc__ranks_sum_float(asc_ranks *r, float *x, size_t n, asc_error *err);
asc_status asc__ranks_sum_double(asc_ranks *r, double *x, size_t n, asc_error *err);
/** Sum of two doubles; ASC_EINTR on every rank when any was asked to stop: so all stop at the same step. */
asc_status asc__ranks_sum_or_stop(asc_ranks *r, double x[2], asc_error *err);
/** True on every rank if `mine` is on any. */
asc_status asc__ranks_any(asc_ranks *r, bool mine, bool *any, asc_error *err);
/** This rank's part [*lo, *hi) of n things, in rank order. */
void asc__ranks_share(const asc_ranks *r, int64_t n, int64_t *lo, int64_t *hi);

#endif
