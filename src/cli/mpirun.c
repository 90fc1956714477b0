/*
 * A run of several ranks under Open MPI's mpirun. The command that was asked for the run stays in front of it, so that
 * for whoever started it (a terminal, the local executor, a Slurm job) the run is one process like any other: SIGTERM
 * and Ctrl-C ask for a checkpoint, a kill ends all ranks, and the end of a rank is the end of the run, told in the same
 * way.
 */
#include "mpirun.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MAX_WORDS = 24, EXIT_INTERRUPTED = 130 };

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

static char *self_path(void)
{
    char path[4096];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    path[n > 0 ? n : 0] = 0;
    return asc_strdup(path);
}

/* In the child: mpirun dies with us, out of reach of the terminal's Ctrl-C, which is ours to pass on. Nothing but
 * system calls between fork and exec: an OpenMP runtime, which hangs in a bare child, is not met. */
static void become_mpirun(char **argv, pid_t parent)
{
    int null = open("/dev/null", O_RDONLY);
    if (null >= 0)
        dup2(null, STDIN_FILENO);
    setpgid(0, 0);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGINT, SIG_DFL);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() == parent)
        execvp(argv[0], argv);
    _exit(127);
}

/* Wait for it. Asked to stop, ask the ranks: mpirun would answer SIGTERM with a second's grace, but hands SIGUSR1 on.
 */
static int wait_for(pid_t pid)
{
    bool asked = false;
    for (int status;;) {
        pid_t got = waitpid(pid, &status, WNOHANG);
        if (got == pid)
            return status;
        if (got < 0 && errno != EINTR)
            return EXIT_INTERRUPTED << 8;
        if (asc_interrupted() && !asked) {
            kill(pid, SIGUSR1);
            asked = true;
        }
        nanosleep(&(struct timespec){.tv_nsec = 20 * 1000 * 1000}, NULL);
    }
}

/* End as a run of one process would have ended: whoever started us reads the same signs. */
static void end_like(int status, const char *dir, int ranks)
{
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    if (asc_interrupted() && code > 128) /* also one that SIGUSR1 reached before its handler was there */
        exit(EXIT_INTERRUPTED);
    if (code > 128 && code < 128 + 65 && code != EXIT_INTERRUPTED) {
        fprintf(stderr,
                "autoscale: %s: one of %d ranks was killed by signal %d; rerun to resume from the last checkpoint\n",
                dir, ranks, code - 128);
        fflush(stdout);
        signal(code - 128, SIG_DFL);
        raise(code - 128);
    }
    exit(code);
}

asc_status asc__cli_mpirun(const char *dir, int ranks, bool json, bool quiet, asc_error *err)
{
    char *self = self_path(), *count = asc_strf("%d", ranks), *argv[MAX_WORDS];
    size_t n = 0;
    if (!self || !count)
        return ASC_NOMEM(err);
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
    fflush(NULL);
    pid_t parent = getpid(), pid = fork();
    if (pid == 0)
        become_mpirun(argv, parent);
    if (pid > 0)
        end_like(wait_for(pid), dir, ranks);
    asc_status st = ASC_FAIL(err, ASC_EIO, "mpirun: cannot start: %s", strerror(errno));
    asc_free(self);
    asc_free(count);
    return st;
}
