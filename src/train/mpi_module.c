/*
 * The MPI side of ranks.h, built as a shared library where MPI is installed.
 *
 * Sums are made by hand instead of MPI_Allreduce, whose order of additions may change with the number of elements and
 * the algorithm chosen: rank k adds slice k of all ranks in rank order, then all slices are gathered. The traffic is
 * that of a reduce-scatter and an all-gather, as in a ring.
 */
#include <mpi.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ranks.h"

enum {
    CHUNK = 1 << 20,          /* elements at once: bounds the scratch memory to a few MB */
    LEAST_NAP_NS = 20 * 1000, /* between two looks at whether all ranks are there */
    MOST_NAP_NS = 1000 * 1000
};

static int n_ranks, my_rank;

static int module_init(int *rank, int *size)
{
    int provided;
    if (MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &provided) != MPI_SUCCESS)
        return 1;
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    MPI_Comm_rank(MPI_COMM_WORLD, &my_rank);
    MPI_Comm_size(MPI_COMM_WORLD, &n_ranks);
    *rank = my_rank;
    *size = n_ranks;
    return 0;
}

/* Until all ranks are here. MPI's own waiting spins, and steals the time of the runs beside it and of the very rank
 * that is waited for; only what follows, when all are there, is left to it. */
static int gather_asleep(void)
{
    MPI_Request all;
    int here = 0;
    long nap = LEAST_NAP_NS;
    if (MPI_Ibarrier(MPI_COMM_WORLD, &all) != MPI_SUCCESS)
        return 1;
    for (;;) {
        if (MPI_Test(&all, &here, MPI_STATUS_IGNORE) != MPI_SUCCESS)
            return 1;
        if (here)
            return 0;
        nanosleep(&(struct timespec){.tv_nsec = nap}, NULL);
        nap = nap * 2 < MOST_NAP_NS ? nap * 2 : MOST_NAP_NS;
    }
}

/* Add the n_ranks blocks of `slice` elements each in from, in rank order, into to. */
static void add_blocks(void *to, const void *from, size_t slice, MPI_Datatype type)
{
    for (size_t i = 0; i < slice; i++) {
        if (type == MPI_FLOAT) {
            float sum = 0;
            for (int k = 0; k < n_ranks; k++)
                sum += ((const float *)from)[(size_t)k * slice + i];
            ((float *)to)[i] = sum;
        } else {
            double sum = 0;
            for (int k = 0; k < n_ranks; k++)
                sum += ((const double *)from)[(size_t)k * slice + i];
            ((double *)to)[i] = sum;
        }
    }
}

static int sum_chunk(char *x, size_t n, size_t size, MPI_Datatype type, char *padded, char *mine)
{
    size_t slice = (n + (size_t)n_ranks - 1) / (size_t)n_ranks;
    char *all = padded + slice * size * (size_t)n_ranks;
    memset(padded, 0, slice * size * (size_t)n_ranks);
    memcpy(padded, x, n * size);
    if (MPI_Alltoall(padded, (int)slice, type, all, (int)slice, type, MPI_COMM_WORLD) != MPI_SUCCESS)
        return 1;
    add_blocks(mine, all, slice, type);
    if (MPI_Allgather(mine, (int)slice, type, padded, (int)slice, type, MPI_COMM_WORLD) != MPI_SUCCESS)
        return 1;
    memcpy(x, padded, n * size);
    return 0;
}

static int sum(char *x, size_t n, size_t size, MPI_Datatype type)
{
    static char *scratch; /* kept for the life of the process: no heap in the step loop after the first sum */
    size_t block = ((size_t)CHUNK / (size_t)n_ranks + 1) * sizeof(double);
    if (!scratch)
        scratch = malloc(block * (2 * (size_t)n_ranks + 1));
    if (!scratch || gather_asleep())
        return 1;
    char *mine = scratch + 2 * block * (size_t)n_ranks;
    for (size_t at = 0; at < n; at += CHUNK) {
        size_t part = n - at < CHUNK ? n - at : CHUNK;
        if (sum_chunk(x + at * size, part, size, type, scratch, mine))
            return 1;
    }
    return 0;
}

static int sum_float(float *x, size_t n)
{
    return sum((char *)x, n, sizeof *x, MPI_FLOAT);
}

static int sum_double(double *x, size_t n)
{
    return sum((char *)x, n, sizeof *x, MPI_DOUBLE);
}

static void module_finalize(void)
{
    MPI_Finalize();
}

static void module_abort(int code)
{
    MPI_Abort(MPI_COMM_WORLD, code);
}

extern const asc_ranks_module asc_ranks_module_table;
const asc_ranks_module asc_ranks_module_table = {ASC_RANKS_VERSION, module_init,     sum_float,   sum_double,
                                                 gather_asleep,     module_finalize, module_abort};
