/*
 * One run on many processes: what the step loop needs of them. One process: everything is a no-op. More: through the
 * MPI module, a shared library of ours that is loaded only then, so that the command itself needs no MPI.
 */
#ifndef RANKS_H
#define RANKS_H

#include "autoscale/base.h"

/** The module's table; `version` guards against a module of another build. 0 from a function is success. */
enum { ASC_RANKS_VERSION = 1 };
typedef struct asc_ranks_module {
    int version;
    int (*init)(int *rank, int *size);
    int (*sum_float)(float *x, size_t n);   /* in place, in rank order: the same bits on every rank and every time */
    int (*sum_double)(double *x, size_t n); /* the same */
    int (*barrier)(void);
    void (*finalize)(void);
    void (*abort)(int code);
} asc_ranks_module;

typedef struct asc_ranks {
    int rank, size;
    void *handle;
    const asc_ranks_module *module; /* NULL: one process */
} asc_ranks;

/**
 * Join the ranks of this run. wanted = 1 needs nothing.
 * @retval ASC_EMISSING  the module or MPI is not there, or the process was not started with `wanted` ranks
 */
asc_status asc__ranks_init(asc_ranks *r, int wanted, asc_error *err);
/** Leave; with failed the other ranks are ended too, instead of waiting for this one. */
void asc__ranks_clear(asc_ranks *r, bool failed);
/** Sum over ranks in place. Every rank must call it with the same n. */
asc_status asc__ranks_sum_float(asc_ranks *r, float *x, size_t n, asc_error *err);
asc_status asc__ranks_sum_double(asc_ranks *r, double *x, size_t n, asc_error *err);
asc_status asc__ranks_barrier(asc_ranks *r, asc_error *err);
/** True on every rank if `mine` is on any: for interrupts, that all stop at the same step. */
asc_status asc__ranks_any(asc_ranks *r, bool mine, bool *any, asc_error *err);

#endif
