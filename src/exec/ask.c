/* A program asked for an answer: run to its end, what it says kept. */
#include "exec/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_REPLY = 1 << 26 }; /* bytes of an answer */

/** What it writes, on the way here. */
typedef struct stream {
    int fd; /**< -1: closed */
    asc_buf *out;
} stream;

static void close_stream(stream *s)
{
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
}

static void read_some(stream *s)
{
    char chunk[1 << 14];
    ssize_t k = read(s->fd, chunk, sizeof chunk);
    if (k < 0 && errno == EINTR)
        return;
    if (k <= 0)
        close_stream(s);
    else if (s->out->len < MAX_REPLY)
        asc_buf_append(s->out, chunk, (size_t)k);
}

static bool has_exited(pid_t pid)
{
    siginfo_t info = {0};
    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid != 0;
}

/* Until both are closed, or it has ended and nothing more has come: what it left running may keep them open. False: not
 * in time. */
static bool read_all(stream *s, size_t n, pid_t pid, double timeout_s)
{
    double end = timeout_s > 0 ? asc_now_s() + timeout_s : INFINITY;
    for (bool ended = false;;) {
        struct pollfd fds[2];
        size_t open = 0;
        for (size_t i = 0; i < n; i++) {
            fds[i] = (struct pollfd){.fd = s[i].fd, .events = POLLIN};
            open += s[i].fd >= 0;
        }
        if (!open)
            return true;
        int ready = poll(fds, n, ended ? 0 : 50);
        for (size_t i = 0; ready > 0 && i < n; i++)
            if (fds[i].revents)
                read_some(&s[i]);
        if (ready <= 0 && ended)
            return true;
        ended = ready <= 0 && has_exited(pid);
        if (!ended && asc_now_s() > end)
            return false;
    }
}

/* With a timeout in a group of its own, so that what it has started ends with it. */
static int spawn(pid_t *pid, const asc_question *q, int out, int said)
{
    posix_spawn_file_actions_t fa;
    posix_spawnattr_t attr;
    sigset_t none;
    int rc = posix_spawn_file_actions_init(&fa);
    if (rc != 0)
        return rc;
    rc = posix_spawnattr_init(&attr);
    if (rc == 0) {
        if (q->input)
            posix_spawn_file_actions_addopen(&fa, 0, q->input, O_RDONLY, 0);
        posix_spawn_file_actions_adddup2(&fa, out, 1);
        posix_spawn_file_actions_adddup2(&fa, said, 2);
        if (q->cwd)
            posix_spawn_file_actions_addchdir_np(&fa, q->cwd);
        sigemptyset(&none);
        posix_spawnattr_setsigmask(&attr, &none);
        posix_spawnattr_setpgroup(&attr, 0);
        posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | (q->timeout_s > 0 ? POSIX_SPAWN_SETPGROUP : 0));
        rc = posix_spawnp(pid, q->argv[0], &fa, &attr, q->argv, q->env ? q->env : environ);
        posix_spawnattr_destroy(&attr);
    }
    posix_spawn_file_actions_destroy(&fa);
    return rc;
}

static bool open_pipes(int out[2], int said[2])
{
    if (asc_fault_hit(ASC_FAULT_SPAWN) || pipe2(out, O_CLOEXEC) != 0)
        return false;
    if (pipe2(said, O_CLOEXEC) == 0)
        return true;
    close(out[0]);
    close(out[1]);
    return false;
}

asc_status asc_ask_for(asc_answer *a, const asc_question *q, asc_error *err)
{
    int out[2], said[2], status = 0;
    pid_t pid = 0;
    if (!open_pipes(out, said))
        return ASC_FAIL(err, ASC_EIO, "%s: cannot start: %s", q->argv[0], strerror(errno));
    int rc = spawn(&pid, q, out[1], said[1]);
    stream s[2] = {{out[0], &a->out}, {said[0], q->together ? &a->out : &a->said}};
    close(out[1]);
    close(said[1]);
    bool in_time = rc != 0 || read_all(s, 2, pid, q->timeout_s);
    close_stream(&s[0]);
    close_stream(&s[1]);
    if (rc != 0)
        return ASC_FAIL(err, rc == ENOENT ? ASC_EMISSING : ASC_EIO, "%s: cannot start: %s", q->argv[0], strerror(rc));
    if (!in_time)
        kill(-pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (!in_time)
        return ASC_FAIL(err, ASC_EIO, "%s: no answer within %.0f s", q->argv[0], q->timeout_s);
    a->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    asc_buf_puts(&a->out, "");
    asc_buf_puts(&a->said, "");
    return a->out.oom || a->said.oom ? ASC_NOMEM(err) : ASC_OK;
}

void asc_answer_clear(asc_answer *a)
{
    asc_buf_clear(&a->out);
    asc_buf_clear(&a->said);
    *a = (asc_answer){0};
}

asc_status asc_ask(char *const *argv, char *const *env, asc_buf *out, int *exit_code, asc_error *err)
{
    asc_answer a = {.out = *out};
    asc_status st = asc_ask_for(&a, &(asc_question){.argv = argv, .env = env, .together = true}, err);
    *out = a.out;
    *exit_code = st == ASC_OK ? a.exit_code : *exit_code;
    asc_buf_clear(&a.said);
    return st;
}
