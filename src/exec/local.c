/* Processes of this machine. A run's lock is inherited by its process: whoever finds it held knows that the run is
 * being made, whatever became of the coordinator that started it. */
#include "executor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* ---- locks ---- */

static int set_lock(int fd, int command)
{
    struct flock fl = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int rc = fcntl(fd, command, &fl);
    return rc != 0 ? -1 : fl.l_type != F_UNLCK;
}

static int open_lock(const char *dir)
{
    char *path = asc_path_join(dir, "lock");
    int fd = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666) : -1;
    asc_free(path);
    return fd;
}

int asc__run_lock(const char *dir, bool *held)
{
    int fd = open_lock(dir);
    *held = false;
    if (fd < 0)
        return -1;
    if (set_lock(fd, F_OFD_SETLK) >= 0)
        return fd;
    *held = errno == EAGAIN || errno == EACCES;
    close(fd);
    return -1;
}

int asc__run_lock_watch(const char *dir)
{
    return open_lock(dir);
}

bool asc__run_locked(int fd)
{
    return set_lock(fd, F_OFD_GETLK) == 1;
}

/* ---- spawning ---- */

static void default_signals(posix_spawnattr_t *attr)
{
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    posix_spawnattr_setsigdefault(attr, &all);
    posix_spawnattr_setsigmask(attr, &none);
}

/* In a process group of its own: Ctrl-C reaches the coordinator alone, which asks the run to stop; and what a user's
 * command starts is stopped with it. */
static int spawn(pid_t *pid, const asc__launch *l, int lock_fd)
{
    posix_spawn_file_actions_t fa;
    posix_spawnattr_t attr;
    if (asc_fault_hit(ASC_FAULT_SPAWN))
        return EAGAIN;
    if (posix_spawn_file_actions_init(&fa) != 0)
        return ENOMEM;
    if (posix_spawnattr_init(&attr) != 0) {
        posix_spawn_file_actions_destroy(&fa);
        return ENOMEM;
    }
    default_signals(&attr);
    posix_spawnattr_setpgroup(&attr, 0);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    int rc = posix_spawn_file_actions_addopen(&fa, 0, "/dev/null", O_RDONLY, 0);
    if (rc == 0)
        rc = posix_spawn_file_actions_addopen(&fa, 1, l->log, O_WRONLY | O_CREAT | O_APPEND, 0666);
    if (rc == 0)
        rc = posix_spawn_file_actions_adddup2(&fa, 1, 2);
    if (rc == 0 && lock_fd >= 0)
        rc = posix_spawn_file_actions_adddup2(&fa, lock_fd, 3);
    if (rc == 0 && l->cwd)
        rc = posix_spawn_file_actions_addchdir_np(&fa, l->cwd);
    if (rc == 0)
        rc = posix_spawnp(pid, l->argv[0], &fa, &attr, l->argv, l->env);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&fa);
    return rc;
}

static int open_pidfd(pid_t pid)
{
#ifdef SYS_pidfd_open
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (fd >= 0)
        fcntl(fd, F_SETFD, FD_CLOEXEC);
    return fd;
#else
    return -1;
#endif
}

static asc_status start_one(asc__job *job, const asc__launch *l, asc_error *err)
{
    bool held;
    pid_t pid = 0;
    int lock_fd = asc__run_lock(job->dir, &held);
    if (held)
        return ASC_FAIL(err, ASC_ESTATE, "%s: another process makes this run", job->dir);
    int rc = spawn(&pid, l, lock_fd);
    if (lock_fd >= 0)
        close(lock_fd); /* the process holds it on */
    if (rc == EAGAIN || rc == ENOMEM)
        return ASC_FAIL(err, ASC_EIO, "cannot start a process for %s: %s", job->dir, strerror(rc));
    if (rc != 0) /* a wrong command: the log says so like any other failure */
        return ASC_FAIL(err, ASC_EINVAL, "cannot start '%s'%s%s: %s", l->argv[0], l->cwd ? " in " : "",
                        l->cwd ? l->cwd : "", strerror(rc));
    job->pid = pid;
    job->pidfd = open_pidfd(pid);
    return ASC_OK;
}

static asc_status local_start(asc__executor *e, asc__job **jobs, const asc__launch *launches, size_t n,
                              size_t *n_started, asc_error *err)
{
    for (*n_started = 0; *n_started < n; ++*n_started)
        ASC_TRY(start_one(jobs[*n_started], &launches[*n_started], err));
    return ASC_OK;
}

/* ---- following ---- */

static asc__job_state local_poll(asc__executor *e, asc__job *job)
{
    int status;
    if (job->adopted)
        return asc__run_locked(job->lock_fd) ? ASC__JOB_RUNNING : ASC__JOB_ENDED;
    pid_t got = waitpid((pid_t)job->pid, &status, WNOHANG);
    if (got == 0 || (got < 0 && errno == EINTR))
        return ASC__JOB_RUNNING;
    job->exit_code = got > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : got > 0 ? -1 : 0;
    job->signal = got > 0 && WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    if (job->stopped) /* nothing of it may go on writing into the run's folder */
        kill(-(pid_t)job->pid, SIGKILL);
    return ASC__JOB_ENDED;
}

static void local_stop(asc__executor *e, asc__job *job, bool force)
{
    if (job->pid <= 0)
        return;
    /* The whole group: what a user's command has started stops with it. */
    kill(-(pid_t)job->pid, force ? SIGKILL : SIGTERM);
}

static void local_wait(asc__executor *e, asc__job *const *jobs, size_t n, double timeout_s)
{
    struct pollfd fds[256];
    size_t k = 0;
    bool all = true;
    for (size_t i = 0; i < n; i++)
        if (jobs[i]->pidfd >= 0 && k < sizeof fds / sizeof *fds)
            fds[k++] = (struct pollfd){.fd = jobs[i]->pidfd, .events = POLLIN};
        else
            all = false;
    double most = all ? timeout_s : .02; /* those without a descriptor have to be asked */
    poll(fds, k, (int)(1000 * (most < timeout_s ? most : timeout_s)) + 1);
}

static void local_destroy(asc__executor *e)
{
    asc_free(e);
}

asc_status asc__executor_local(asc__executor **out, size_t capacity, asc_error *err)
{
    asc__executor *e = asc_calloc(1, sizeof *e);
    if (!e)
        return ASC_NOMEM(err);
    *e = (asc__executor){.name = "local",
                         .capacity = capacity ? capacity : 1,
                         .together = 1,
                         .start = local_start,
                         .poll = local_poll,
                         .stop = local_stop,
                         .wait = local_wait,
                         .destroy = local_destroy};
    *out = e;
    return ASC_OK;
}
