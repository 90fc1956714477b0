#include "files_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WRITER_BUFFER = 1 << 16 };

/* ---- system calls that tests can make fail ---- */

static int sys_open(const char *path, int flags, mode_t mode)
{
    if (asc_fault_hit(ASC_FAULT_OPEN)) {
        errno = EIO;
        return -1;
    }
    return open(path, flags | O_CLOEXEC | O_NONBLOCK, mode);
}

/* A device, a pipe or a socket that is written to as it is. */
static int sys_open_output(const char *path)
{
    if (asc_fault_hit(ASC_FAULT_OPEN)) {
        errno = EIO;
        return -1;
    }
    return asc__open_output(path);
}

static ssize_t sys_write(int fd, const void *p, size_t n)
{
    size_t room = asc_fault_room(n);
    if (asc_fault_hit(ASC_FAULT_WRITE) || room == 0) {
        errno = ENOSPC;
        return -1;
    }
    return write(fd, p, room);
}

static int sys_fsync(int fd)
{
    if (asc_fault_hit(ASC_FAULT_FSYNC)) {
        errno = EIO;
        return -1;
    }
    return fsync(fd);
}

static int sys_rename(const char *from, const char *to)
{
    if (asc_fault_hit(ASC_FAULT_RENAME)) {
        errno = EIO;
        return -1;
    }
    return rename(from, to);
}

static asc_status io_fail(asc_error *err, const char *path, const char *what)
{
    return ASC_FAIL(err, ASC_EIO, "%s: cannot %s: %s", path, what, strerror(errno));
}

static asc_status write_all(int fd, const char *path, const void *p, size_t n, asc_error *err)
{
    const uint8_t *b = p;
    while (n > 0) {
        ssize_t k = sys_write(fd, b, n < (1u << 30) ? n : (1u << 30));
        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0)
            return io_fail(err, path, "write");
        b += k;
        n -= (size_t)k;
    }
    return ASC_OK;
}

/* ---- writer ---- */

/* The file that a link leads to, so that a rename replaces the file and not the link; else path itself. */
static char *path_to_replace(const char *path)
{
    struct stat sb;
    char *real = lstat(path, &sb) == 0 && S_ISLNK(sb.st_mode) ? realpath(path, NULL) : NULL;
    char *copy = asc_strdup(real ? real : path);
    free(real); /* of the C library, not of ours */
    return copy;
}

/* Devices, pipes and sockets (/dev/null, /dev/stdout) are written to as they are: a rename would replace them. */
static bool is_stream(const char *path)
{
    struct stat sb;
    return stat(path, &sb) == 0 && !S_ISREG(sb.st_mode) && !S_ISDIR(sb.st_mode);
}

asc_status asc_writer_open(asc_writer *w, const char *path, asc_error *err)
{
    static atomic_uint serial;
    asc_writer n = {.fd = -1};
    bool stream = is_stream(path);
    n.path = stream ? asc_strdup(path) : path_to_replace(path);
    if (n.path && !stream)
        n.tmp = asc_strf("%s.tmp.%ld.%u", n.path, (long)getpid(), atomic_fetch_add(&serial, 1));
    n.buf = asc_malloc(WRITER_BUFFER);
    asc_status st = ASC_OK;
    if (!n.path || (!n.tmp && !stream) || !n.buf)
        st = ASC_NOMEM(err);
    else if ((n.fd = stream ? sys_open_output(n.path) : sys_open(n.tmp, O_WRONLY | O_CREAT | O_TRUNC, 0666)) < 0)
        st = errno == ENXIO ? ASC_FAIL(err, ASC_EINVAL, "%s: a FIFO without a reader", path)
                            : io_fail(err, path, "create");
    if (st != ASC_OK) {
        asc_free(n.path);
        asc_free(n.tmp);
        asc_free(n.buf);
        return st;
    }
    n.open = true;
    *w = n;
    return ASC_OK;
}

static asc_status writer_flush(asc_writer *w, asc_error *err)
{
    size_t n = w->n_buf;
    w->n_buf = 0;
    return write_all(w->fd, w->path, w->buf, n, err);
}

asc_status asc_writer_write(asc_writer *w, const void *p, size_t n, asc_error *err)
{
    if (w->n_buf + n > WRITER_BUFFER)
        ASC_TRY(writer_flush(w, err));
    if (n >= WRITER_BUFFER)
        return write_all(w->fd, w->path, p, n, err);
    if (n)
        memcpy(w->buf + w->n_buf, p, n);
    w->n_buf += n;
    return ASC_OK;
}

void asc_writer_abort(asc_writer *w)
{
    if (!w || !w->open)
        return;
    if (w->fd >= 0)
        close(w->fd);
    if (w->tmp)
        unlink(w->tmp);
    asc_free(w->path);
    asc_free(w->tmp);
    asc_free(w->buf);
    *w = (asc_writer){0};
}

asc_status asc_fsync_dir(const char *path, asc_error *err)
{
    int fd = sys_open(path, O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0)
        return io_fail(err, path, "open the folder");
    int bad = sys_fsync(fd);
    close(fd);
    return bad ? io_fail(err, path, "sync the folder") : ASC_OK;
}

asc_status asc_writer_commit(asc_writer *w, asc_error *err)
{
    bool stream = !w->tmp;
    asc_status st = writer_flush(w, err);
    if (st == ASC_OK && !stream && sys_fsync(w->fd) != 0)
        st = io_fail(err, w->path, "sync");
    if (st == ASC_OK) {
        int bad = close(w->fd);
        w->fd = -1;
        if (bad)
            st = io_fail(err, w->path, "close");
    }
    if (st == ASC_OK && !stream && sys_rename(w->tmp, w->path) != 0)
        st = io_fail(err, w->path, "rename into place");
    if (st == ASC_OK && !stream) {
        char *dir = asc_path_dir(w->path);
        st = dir ? asc_fsync_dir(dir, err) : ASC_NOMEM(err);
        asc_free(dir);
    }
    asc_writer_abort(w); /* after a rename the temporary name is gone and unlink does nothing */
    return st;
}

asc_status asc_write_file(const char *path, const void *p, size_t n, asc_error *err)
{
    asc_writer w = {0};
    ASC_TRY(asc_writer_open(&w, path, err));
    asc_status st = asc_writer_write(&w, p, n, err);
    if (st == ASC_OK)
        return asc_writer_commit(&w, err);
    asc_writer_abort(&w);
    return st;
}

/* ---- reading, folders, paths ---- */

asc_status asc_read_file(const char *path, size_t max, char **out, size_t *n, asc_error *err)
{
    bool standard_input = strcmp(path, "-") == 0;
    int fd = STDIN_FILENO;
    if (!standard_input)
        ASC_TRY(asc_file_open(&fd, path, O_RDONLY, err));
    asc_buf b = {0};
    asc_status st = ASC_OK;
    char chunk[1 << 16];
    for (;;) {
        ssize_t k = asc_file_read(fd, chunk, sizeof chunk);
        if (k < 0)
            st = errno == EISDIR  ? ASC_FAIL(err, ASC_EINVAL, "%s: expected a file, found a folder", path)
                 : errno == EINTR ? ASC_FAIL(err, ASC_EINTR, "interrupted")
                                  : io_fail(err, path, "read");
        if (k <= 0)
            break;
        if (b.len + (size_t)k > max) {
            st = ASC_FAIL(err, ASC_EINVAL, "%s: larger than the %zu bytes allowed here", path, max);
            break;
        }
        asc_buf_append(&b, chunk, (size_t)k);
    }
    if (!standard_input)
        close(fd);
    asc_buf_append(&b, "", 0);
    if (st == ASC_OK && b.oom)
        st = ASC_NOMEM(err);
    if (st != ASC_OK) {
        asc_buf_clear(&b);
        return st;
    }
    *out = b.data;
    *n = b.len;
    return ASC_OK;
}

asc_status asc_mkdirs(const char *path, asc_error *err)
{
    char *p = asc_strdup(path);
    if (!p)
        return ASC_NOMEM(err);
    asc_status st = ASC_OK;
    for (char *s = p + 1; st == ASC_OK; s++) {
        if (*s != '/' && *s != 0)
            continue;
        char keep = *s;
        *s = 0;
        if (mkdir(p, 0777) != 0 && errno != EEXIST)
            st = io_fail(err, p, "make the folder");
        else if (!asc_path_is_dir(p))
            st = ASC_FAIL(err, ASC_EIO, "%s: expected a folder, found a file", p);
        *s = keep;
        if (keep == 0)
            break;
    }
    asc_free(p);
    return st;
}

asc_status asc_remove_tree(const char *path, asc_error *err)
{
    struct stat sb;
    if (lstat(path, &sb) != 0)
        return errno == ENOENT ? ASC_OK : io_fail(err, path, "look at");
    if (!S_ISDIR(sb.st_mode))
        return unlink(path) == 0 ? ASC_OK : io_fail(err, path, "remove");
    DIR *d = opendir(path);
    if (!d)
        return io_fail(err, path, "open the folder");
    asc_status st = ASC_OK;
    for (struct dirent *e; st == ASC_OK && (e = readdir(d));) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        char *child = asc_path_join(path, e->d_name);
        st = child ? asc_remove_tree(child, err) : ASC_NOMEM(err);
        asc_free(child);
    }
    closedir(d);
    if (st == ASC_OK && rmdir(path) != 0)
        st = io_fail(err, path, "remove");
    return st;
}

asc_status asc_rename(const char *from, const char *to, asc_error *err)
{
    return sys_rename(from, to) == 0 ? ASC_OK : io_fail(err, from, "rename");
}

asc_status asc_fsync_file(const char *path, asc_error *err)
{
    int fd = sys_open(path, O_WRONLY, 0);
    if (fd < 0)
        return errno == ENOENT ? ASC_OK : io_fail(err, path, "open");
    int bad = sys_fsync(fd);
    close(fd);
    return bad ? io_fail(err, path, "sync") : ASC_OK;
}

asc_status asc_truncate(const char *path, int64_t n, asc_error *err)
{
    struct stat sb;
    if (stat(path, &sb) != 0)
        return errno == ENOENT ? ASC_OK : io_fail(err, path, "look at");
    if (sb.st_size <= n || truncate(path, (off_t)n) == 0)
        return ASC_OK;
    return io_fail(err, path, "cut");
}

bool asc_path_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

bool asc_path_is_dir(const char *path)
{
    struct stat sb;
    return stat(path, &sb) == 0 && S_ISDIR(sb.st_mode);
}

char *asc_path_join(const char *a, const char *b)
{
    if (b[0] == '/' || a[0] == 0)
        return asc_strdup(b);
    return asc_strf("%s%s%s", a, a[strlen(a) - 1] == '/' ? "" : "/", b);
}

char *asc_path_real(const char *a, const char *b)
{
    char real[PATH_MAX];
    char *joined = asc_path_join(a, b);
    if (!joined || !realpath(joined, real))
        return joined;
    asc_free(joined);
    return asc_strdup(real);
}

char *asc_path_dir(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return asc_strdup(".");
    return slash == path ? asc_strdup("/") : asc_strndup(path, (size_t)(slash - path));
}

asc_status asc_append_line(const char *path, const char *line, asc_error *err)
{
    char *text = asc_strf("%s\n", line);
    if (!text)
        return ASC_NOMEM(err);
    int fd = -1;
    asc_status st = asc_file_open(&fd, path, O_WRONLY | O_CREAT | O_APPEND, err);
    if (st == ASC_OK) {
        st = write_all(fd, path, text, strlen(text), err);
        close(fd);
    }
    asc_free(text);
    return st;
}
