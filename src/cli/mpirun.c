/* A run of several ranks under Open MPI's mpirun: SIGTERM and Ctrl-C ask for a checkpoint, a kill ends all ranks, and
 * the end of a rank is the end of the run. */
#include "mpirun.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "child.h"

enum { MAX_WORDS = 24 };

/* How the ranks wait for each other and where they sit, unless the user's environment says otherwise. */
static void set_defaults(void)
{
    setenv("OMP_NUM_THREADS", "1", 0);
    setenv("OMP_WAIT_POLICY", "passive", 0);
    setenv("OMPI_MCA_mpi_yield_when_idle", "1", 0);                /* a spinning rank starves the runs beside it */
    setenv("OMPI_MCA_hwloc_base_binding_policy", "none", 0);       /* two runs would be bound to the same cores */
    setenv("OMPI_MCA_rmaps_base_oversubscribe", "1", 0);           /* more ranks than cores is the user's choice */
    setenv("OMPI_MCA_btl_vader_single_copy_mechanism", "none", 0); /* what containers forbid, loudly */
    setenv("HWLOC_HIDE_ERRORS", "2", 0);                           /* a sandbox without /sys is no news */
    setenv("OMPI_MCA_orte_base_help_aggregate", "1", 0);
}

asc_status asc__cli_mpirun(const char *dir, int ranks, bool json, bool quiet, asc_error *err)
{
    char *self = asc__cli_self(), *count = asc_strf("%d", ranks), *argv[MAX_WORDS], who[40];
    size_t n = 0;
    int code = 0;
    if (!self || !count) {
        asc_free(self);
        asc_free(count);
        return ASC_NOMEM(err);
    }
    argv[n++] = "mpirun";
    argv[n++] = "--quiet"; /* what went wrong is said by the rank, or by us */
    if (geteuid() == 0)
        argv[n++] = "--allow-run-as-root";
    argv[n++] = "-x";
    argv[n++] = "OMP_NUM_THREADS";
    argv[n++] = "-x";
    argv[n++] = "OMP_WAIT_POLICY";
    argv[n++] = "-np";
    argv[n++] = count;
    argv[n++] = self;
    argv[n++] = "train";
    argv[n++] = "--run";
    argv[n++] = (char *)(uintptr_t)dir;
    if (json)
        argv[n++] = "--json";
    if (quiet)
        argv[n++] = "--quiet";
    argv[n] = NULL;
    set_defaults();
    /* mpirun would answer SIGTERM with a second's grace, but hands SIGUSR1 on to the ranks. */
    asc_status st = asc__cli_child(&code, argv, SIGUSR1, err);
    snprintf(who, sizeof who, "one of %d ranks", ranks);
    asc_free(self);
    asc_free(count);
    if (st == ASC_OK)
        asc__cli_end_like(code, dir, who);
    return st;
}
