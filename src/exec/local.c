/* Processes of this machine. A run's process takes the lock of its folder before it becomes the trainer. It is a lock
 * of that one process: whoever finds it held knows that the run is being made, and by whom, whatever became of the
 * coordinator that started it; and nothing that a trainer starts and leaves behind holds it on. */
#include "executors.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define GROUP_GRACE_S 2. /* for what a run that ended well leaves behind in its process group */

/* ---- processes ---- */

/* The fields of /proc/PID/stat behind the name, which may hold anything; NULL: no such process. */
static const char *process_stat(char *text, size_t n, long pid)
{
    char path[64];
    int fd = -1;
    snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    if (asc_file_open(&fd, path, O_RDONLY, NULL) != ASC_OK)
        return NULL;
    ssize_t k = read(fd, text, n - 1);
    close(fd);
    text[k > 0 ? k : 0] = 0;
    const char *p = strrchr(text, ')');
    return p && p[1] == ' ' ? p + 2 : NULL;
}

/* Start time of a process in clock ticks since boot; 0: it is not there, or has ended. */
static int64_t process_start(int64_t pid)
{
    char text[2048];
    const char *p = process_stat(text, sizeof text, (long)pid);
    if (!p || *p == 'Z' || *p == 'X') /* ended, and waited for by nobody */
        return 0;
    for (int field = 3; p && field < 22; field++)
        p = (p = strchr(p, ' ')) ? p + 1 : NULL;
    return p ? strtoll(p, NULL, 10) : 0;
}

/* Seconds since a process began. */
static double process_age_s(int64_t start)
{
    struct timespec t;
    long ticks = sysconf(_SC_CLK_TCK);
    if (start <= 0 || ticks <= 0 || clock_gettime(CLOCK_BOOTTIME, &t) != 0)
        return 0;
    double age = (double)t.tv_sec + 1e-9 * (double)t.tv_nsec - (double)start / (double)ticks;
    return age > 0 ? age : 0;
}

/* Whether a process besides its leader is alive in a group. */
static bool group_lives(long group)
{
    DIR *d = opendir("/proc");
    bool found = false;
    char text[2048];
    for (struct dirent *e; d && !found && (e = readdir(d));) {
        long pid = strtol(e->d_name, NULL, 10);
        const char *p = pid > 0 && pid != group ? process_stat(text, sizeof text, pid) : NULL;
        char state = 0;
        long parent, its = 0;
        found = p && sscanf(p, "%c %ld %ld", &state, &parent, &its) == 3 && its == group && !strchr("ZX", state);
    }
    if (d)
        closedir(d);
    return found;
}

/* ---- locks ---- */

static int open_lock(const char *dir)
{
    int fd = -1;
    char *path = asc_path_join(dir, "lock");
    if (path)
        (void)asc_file_open(&fd, path, O_RDWR | O_CREAT, NULL);
    asc_free(path);
    return fd;
}

/* Whether a process of this host has the file open that fd is: another host's ids mean nothing here. */
static bool has_open(long pid, int fd)
{
    char path[64], link[PATH_MAX];
    struct stat ours, its;
    bool found = false;
    snprintf(path, sizeof path, "/proc/%ld/fd", pid);
    DIR *d = fstat(fd, &ours) == 0 ? opendir(path) : NULL;
    for (struct dirent *e; d && !found && (e = readdir(d));) {
        snprintf(link, sizeof link, "%s/%.20s", path, e->d_name);
        found = e->d_name[0] != '.' && stat(link, &its) == 0 && its.st_dev == ours.st_dev && its.st_ino == ours.st_ino;
    }
    if (d)
        closedir(d);
    return found;
}

/* *pid: who holds it, 0 where that cannot be told. */
static bool locked(int fd, long *pid)
{
    struct flock fl = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    *pid = 0;
    if (fcntl(fd, F_GETLK, &fl) != 0 || fl.l_type == F_UNLCK)
        return false;
    if (fl.l_pid > 0 && has_open(fl.l_pid, fd))
        *pid = fl.l_pid;
    return true;
}

bool asc_run_held(const char *dir)
{
    long pid;
    int fd = open_lock(dir);
    bool held = fd >= 0 && locked(fd, &pid);
    if (fd >= 0)
        close(fd);
    return held;
}

/* ---- jobs ---- */

asc_job *asc_job_create(size_t run, const char *dir)
{
    asc_job *j = asc_calloc(1, sizeof *j);
    if (!j)
        return NULL;
    j->run = run;
    j->pidfd = j->lock_fd = -1;
    j->started_s = j->grown_s = asc_now_s();
    if ((j->dir = asc_strdup(dir)))
        return j;
    asc_free(j);
    return NULL;
}

asc_status asc_job_join(asc_job *j, const char *dir, asc_error *err)
{
    char **more = asc_grow(j->others, &j->cap_others, j->n_others + 1, sizeof *more);
    char *copy = more ? asc_strdup(dir) : NULL;
    j->others = more ? more : j->others;
    if (!copy)
        return ASC_NOMEM(err);
    j->others[j->n_others++] = copy;
    return ASC_OK;
}

void asc_job_free(asc_job *j)
{
    if (!j)
        return;
    if (j->pidfd >= 0)
        close(j->pidfd);
    if (j->lock_fd >= 0)
        close(j->lock_fd);
    for (size_t i = 0; i < j->n_others; i++)
        asc_free(j->others[i]);
    asc_free(j->others);
    asc_free(j->dir);
    asc_free(j->id);
    asc_free(j);
}

static bool adopted_lives(asc_job *job)
{
    long pid = 0;
    if (job->lock_fd >= 0 && locked(job->lock_fd, &pid)) {
        job->pid = pid;
        job->pid_start = pid > 0 ? process_start(pid) : 0;
        return true;
    }
    /* It closed what it did not know, or the file system has no locks. */
    return job->pid > 0 && job->pid_start > 0 && process_start(job->pid) == job->pid_start;
}

bool asc_job_adopt(asc_job *job, int64_t pid, int64_t pid_start)
{
    job->pid = (long)pid;
    job->pid_start = pid_start;
    job->lock_fd = job->lock_fd >= 0 ? job->lock_fd : open_lock(job->dir);
    job->adopted = adopted_lives(job);
    if (job->adopted)
        job->started_s = asc_now_s() - process_age_s(job->pid_start);
    else
        job->pid = 0;
    return job->adopted;
}

/* ---- starting ---- */

/** What a child says before it becomes the trainer, when it does not. */
typedef struct failure {
    enum { BY_LOCK = 1, BY_FOLDER, BY_PROGRAM } by;
    int why;
} failure;

/** All that the child needs, ready before the fork: behind it nothing but system calls is safe. */
typedef struct plan {
    const asc_launch *l;
    int null, log, report;
    int *locks; /* (n_locks) of the folders of all its runs; -1: cannot be had */
    size_t n_locks;
    sigset_t none;
} plan;

static void say_failure(const plan *p, int by)
{
    failure f = {by, errno};
    (void)!write(p->report, &f, sizeof f);
    _exit(127);
}

/* A POSIX lock lives through exec as long as its descriptor does, ends when the process ends or closes any descriptor
 * of that file, and is inherited by nobody. Its number is out of the way of what scripts open. */
static int take_lock(const plan *p, int lock)
{
    struct flock fl = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    static const int numbers[] = {250, 100, 30, 3};
    int fd = -1;
    for (size_t i = 0; lock >= 0 && fd < 0 && i < sizeof numbers / sizeof *numbers; i++)
        fd = fcntl(lock, F_DUPFD, numbers[i]);
    if (fd < 0)
        return -1;
    close(lock);
    if (fcntl(fd, F_SETLK, &fl) != 0 && (errno == EAGAIN || errno == EACCES))
        say_failure(p, BY_LOCK);
    return fd;
}

static void take_locks(plan *p)
{
    for (size_t i = 0; i < p->n_locks; i++)
        p->locks[i] = take_lock(p, p->locks[i]);
#ifdef SYS_close_range
    enum { ON_EXEC = 4 }; /* CLOSE_RANGE_CLOEXEC: also what our own parent left open */
    syscall(SYS_close_range, 3u, ~0u, ON_EXEC);
#endif
    for (size_t i = 0; i < p->n_locks; i++)
        if (p->locks[i] >= 0)
            fcntl(p->locks[i], F_SETFD, 0);
}

/* In a process group of its own: Ctrl-C reaches the coordinator alone, which asks the run to stop; and what a user's
 * command starts is stopped with it. */
static void become(plan *p)
{
    setpgid(0, 0);
    for (int s = 1; s < NSIG; s++)
        signal(s, SIG_DFL);
    sigprocmask(SIG_SETMASK, &p->none, NULL);
    dup2(p->null, 0);
    dup2(p->log, 1);
    dup2(p->log, 2);
    take_locks(p);
    if (p->l->cwd && chdir(p->l->cwd) != 0)
        say_failure(p, BY_FOLDER);
    execvpe(p->l->argv[0], p->l->argv, p->l->env);
    say_failure(p, BY_PROGRAM);
}

/* The child's pid, or -1 and errno; *f: why it did not become the trainer, 0 when it did. */
static pid_t start_process(failure *f, plan *p)
{
    int fds[2];
    *f = (failure){0};
    if (pipe2(fds, O_CLOEXEC) != 0)
        return -1;
    p->report = fds[1];
    pid_t pid = fork();
    if (pid == 0)
        become(p);
    close(fds[1]);
    ssize_t k = 0;
    while (pid > 0 && (k = read(fds[0], f, sizeof *f)) < 0 && errno == EINTR)
        ;
    close(fds[0]);
    if (pid > 0)
        setpgid(pid, pid); /* whoever is first; asked to stop at once, the group is there */
    if (k > 0)
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            ;
    return pid;
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

static asc_status open_plan(plan *p, const asc_job *job, const asc_launch *l, asc_error *err)
{
    *p = (plan){.l = l, .null = -1, .log = -1, .report = -1};
    sigemptyset(&p->none);
    ASC_TRY(asc_file_open(&p->log, l->log, O_WRONLY | O_CREAT | O_APPEND, err));
    if (!(p->locks = asc_calloc(1 + job->n_others, sizeof *p->locks)))
        return ASC_NOMEM(err);
    for (; p->n_locks < 1 + job->n_others; p->n_locks++)
        p->locks[p->n_locks] = open_lock(p->n_locks ? job->others[p->n_locks - 1] : job->dir);
    p->null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return p->null >= 0 ? ASC_OK : ASC_FAIL(err, ASC_EIO, "/dev/null: cannot open: %s", strerror(errno));
}

static void close_plan(plan *p)
{
    const int fds[] = {p->log, p->null};
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    for (size_t i = 0; i < p->n_locks; i++)
        if (p->locks[i] >= 0)
            close(p->locks[i]);
    asc_free(p->locks);
}

static asc_status start_planned(asc_job *job, plan *p, asc_error *err)
{
    const asc_launch *l = p->l;
    failure f;
    pid_t pid = asc_fault_hit(ASC_FAULT_SPAWN) ? (errno = EAGAIN, -1) : start_process(&f, p);
    if (pid < 0)
        return ASC_FAIL(err, ASC_EIO, "cannot start a process for %s: %s", job->dir, strerror(errno));
    if (f.by == BY_LOCK && job->n_others) { /* somebody makes one of these runs: seen when they are looked at again */
        job->adopted = true;
        return ASC_OK;
    }
    if (f.by == BY_LOCK) /* somebody makes this run: waited for like one that was started */
        return asc_job_adopt(job, 0, 0)
                   ? ASC_OK
                   : ASC_FAIL(err, ASC_ESTATE, "%s: this run was completed by another process", job->dir);
    if (f.by) /* a wrong command */
        return ASC_FAIL(err, ASC_EINVAL, "cannot start '%s'%s%s: %s", l->argv[0], l->cwd ? " in " : "",
                        l->cwd ? l->cwd : "", strerror(f.why));
    job->pid = pid;
    job->pid_start = process_start(pid);
    job->pidfd = open_pidfd(pid);
    return ASC_OK;
}

static asc_status start_one(asc_job *job, const asc_launch *l, asc_error *err)
{
    plan p;
    asc_status st = open_plan(&p, job, l, err);
    if (st == ASC_OK)
        st = start_planned(job, &p, err);
    close_plan(&p);
    return st;
}

static asc_status local_start(asc_executor *e, asc_job **jobs, const asc_launch *launches, size_t n, size_t *n_started,
                              asc_error *err)
{
    for (*n_started = 0; *n_started < n; ++*n_started)
        ASC_TRY(start_one(jobs[*n_started], &launches[*n_started], err));
    return ASC_OK;
}

/* ---- following ---- */

/* Its leader has ended, but is not waited for yet: so long the number of its group is nobody else's. What is left of
 * the group ends too, at once after a failure. */
static bool group_ends(asc_job *job, bool well)
{
    double now = asc_now_s();
    if (!job->ending) {
        job->ending = true;
        job->ended_s = now;
        kill(-(pid_t)job->pid, well ? SIGTERM : SIGKILL);
    }
    if (well && now - job->ended_s < GROUP_GRACE_S && group_lives(job->pid))
        return false;
    kill(-(pid_t)job->pid, SIGKILL);
    return true;
}

static asc_job_state local_poll(asc_executor *e, asc_job *job)
{
    siginfo_t info = {0};
    int status = 0;
    if (job->adopted)
        return adopted_lives(job) ? ASC_JOB_RUNNING : ASC_JOB_ENDED;
    int rc = waitid(P_PID, (id_t)job->pid, &info, WEXITED | WNOHANG | WNOWAIT);
    if ((rc == 0 && info.si_pid == 0) || (rc != 0 && errno == EINTR))
        return ASC_JOB_RUNNING;
    if (rc == 0 && !group_ends(job, info.si_code == CLD_EXITED && info.si_status == 0 && !job->stopped))
        return ASC_JOB_RUNNING;
    pid_t got = waitpid((pid_t)job->pid, &status, WNOHANG);
    job->exit_code = got > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : got > 0 ? -1 : 0;
    job->signal = got > 0 && WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    return ASC_JOB_ENDED;
}

static bool local_has_ended(asc_executor *e, const asc_job *job)
{
    siginfo_t info = {0};
    return !job->adopted &&
           (waitid(P_PID, (id_t)job->pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid != 0);
}

static void local_stop(asc_executor *e, asc_job *job, bool force)
{
    if (job->pid <= 0 || job->ending || (job->adopted && !adopted_lives(job)))
        return;
    /* The whole group: what a user's command has started stops with it. */
    if (job->pid > 0 && kill(-(pid_t)job->pid, force ? SIGKILL : SIGTERM) != 0)
        kill((pid_t)job->pid, force ? SIGKILL : SIGTERM);
}

static void local_wait(asc_executor *e, asc_job *const *jobs, size_t n, double timeout_s)
{
    struct pollfd fds[256];
    size_t k = 0;
    bool all = true;
    for (size_t i = 0; i < n; i++)
        if (jobs[i]->pidfd >= 0 && !jobs[i]->ending && k < sizeof fds / sizeof *fds)
            fds[k++] = (struct pollfd){.fd = jobs[i]->pidfd, .events = POLLIN};
        else
            all = false;
    double most = all ? timeout_s : .02; /* those without a descriptor have to be asked */
    poll(fds, k, (int)(1000 * (most < timeout_s ? most : timeout_s)) + 1);
}

static void local_destroy(asc_executor *e)
{
    asc_free(e);
}

asc_status asc__executor_local(asc_executor **out, const asc_exec_place *place, asc_error *err)
{
    asc_executor *e = asc_calloc(1, sizeof *e);
    if (!e)
        return ASC_NOMEM(err);
    *e = (asc_executor){.name = "local",
                        .here = true,
                        .capacity = place->capacity ? place->capacity : 1,
                        .together = 1,
                        .start = local_start,
                        .poll = local_poll,
                        .has_ended = local_has_ended,
                        .stop = local_stop,
                        .wait = local_wait,
                        .destroy = local_destroy};
    *out = e;
    return ASC_OK;
}
