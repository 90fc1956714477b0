#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { EXIT_INTERRUPTED = 130 };

char *asc__cli_self(void)
{
    char path[4096];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    path[n > 0 ? n : 0] = 0;
    return asc_strdup(path);
}

/* In the child: it dies with us, out of reach of the terminal's Ctrl-C, which is ours to pass on. Nothing but
 * system calls between fork and exec: an OpenMP runtime, which hangs in a bare child, is not met. */
static void become(char *const *argv, pid_t parent)
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
    _exit(ASC__CLI_NOT_STARTED);
}

/* Wait for it. Asked to stop, ask it. */
static int wait_for(pid_t pid, int stop_signal)
{
    bool asked = false;
    for (int status;;) {
        pid_t got = waitpid(pid, &status, WNOHANG);
        if (got == pid)
            return status;
        if (got < 0 && errno != EINTR)
            return EXIT_INTERRUPTED << 8;
        if (asc_interrupted() && !asked) {
            kill(pid, stop_signal);
            asked = true;
        }
        nanosleep(&(struct timespec){.tv_nsec = 20 * 1000 * 1000}, NULL);
    }
}

asc_status asc__cli_child(int *code, char *const *argv, int stop_signal, asc_error *err)
{
    fflush(NULL);
    pid_t parent = getpid(), pid = fork();
    if (pid == 0)
        become(argv, parent);
    if (pid < 0)
        return ASC_FAIL(err, ASC_EIO, "%s: cannot start: %s", argv[0], strerror(errno));
    int status = wait_for(pid, stop_signal);
    *code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    if (asc_interrupted() && *code > 128) /* also one that the signal reached before its handler was there */
        *code = EXIT_INTERRUPTED;
    return ASC_OK;
}

void asc__cli_end_like(int code, const char *dir, const char *who)
{
    if (code > 128 && code < 128 + 65 && code != EXIT_INTERRUPTED) {
        fprintf(stderr, "autoscale: %s: %s was killed by signal %d; rerun to resume from the last checkpoint\n", dir,
                who, code - 128);
        fflush(stdout);
        signal(code - 128, SIG_DFL);
        raise(code - 128);
    }
    exit(code);
}
