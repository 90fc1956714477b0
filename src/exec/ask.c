/* A program asked for an answer: run to its end, what it says kept. */
#include "exec/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_REPLY = 1 << 26 }; /* bytes of an answer */

static asc_status read_pipe(int fd, asc_buf *out)
{
    char chunk[1 << 14];
    for (;;) {
        ssize_t k = read(fd, chunk, sizeof chunk);
        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0)
            return ASC_OK;
        if (out->len < MAX_REPLY)
            asc_buf_append(out, chunk, (size_t)k);
    }
}

asc_status asc_ask(char *const *argv, char *const *env, asc_buf *out, int *exit_code, asc_error *err)
{
    int fds[2], status;
    pid_t pid;
    posix_spawn_file_actions_t fa;
    if (asc_fault_hit(ASC_FAULT_SPAWN) || pipe2(fds, O_CLOEXEC) != 0)
        return ASC_FAIL(err, ASC_EIO, "%s: cannot start: %s", argv[0], strerror(errno));
    int rc = posix_spawn_file_actions_init(&fa);
    if (rc == 0) {
        posix_spawn_file_actions_adddup2(&fa, fds[1], 1);
        posix_spawn_file_actions_adddup2(&fa, fds[1], 2);
        rc = posix_spawnp(&pid, argv[0], &fa, NULL, argv, env ? env : environ);
        posix_spawn_file_actions_destroy(&fa);
    }
    close(fds[1]);
    if (rc == 0)
        read_pipe(fds[0], out);
    close(fds[0]);
    if (rc != 0)
        return ASC_FAIL(err, rc == ENOENT ? ASC_EMISSING : ASC_EIO, "%s: cannot start: %s", argv[0], strerror(rc));
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    *exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    asc_buf_puts(out, "");
    return out->oom ? ASC_NOMEM(err) : ASC_OK;
}
