/* The one place where files are opened. Whatever stands under a name (a FIFO that nobody writes, a terminal, a folder),
 * opening it never waits, and no program that is started inherits what was opened. */
#include "files_private.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Descriptors that this process was given are read as they are: /dev/stdin, and /dev/fd/63 of a shell's <(command). */
static bool was_given(const char *path)
{
    static const char *const places[] = {"/dev/stdin", "/dev/fd/", "/proc/self/fd/"};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (strncmp(path, places[i], strlen(places[i])) == 0)
            return true;
    return false;
}

static const char *kind_name(mode_t mode)
{
    return S_ISDIR(mode)    ? "a folder"
           : S_ISFIFO(mode) ? "a FIFO (named pipe)"
           : S_ISSOCK(mode) ? "a socket"
           : S_ISCHR(mode)  ? "a device"
           : S_ISBLK(mode)  ? "a block device"
                            : "something else";
}

static asc_status cannot_open(const char *path, int why, asc_error *err)
{
    struct stat sb;
    asc_status st;
    if (why == ENOENT || why == ENOTDIR)
        st = ASC_FAIL(err, ASC_EINVAL, "%s: no such file", path);
    else if (why == ENXIO || why == EISDIR) /* a FIFO, a socket or a folder */
        st = ASC_FAIL(err, ASC_EINVAL, "%s: expected a file, found %s", path,
                      stat(path, &sb) == 0 ? kind_name(sb.st_mode) : "none");
    else
        st = ASC_FAIL(err, ASC_EIO, "%s: cannot open: %s", path, strerror(why));
    errno = why;
    return st;
}

asc_status asc_file_open(int *out, const char *path, int flags, asc_error *err)
{
    struct stat sb;
    if (asc_fault_hit(ASC_FAULT_OPEN))
        return cannot_open(path, EIO, err);
    int fd = open(path, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0666);
    if (fd < 0)
        return cannot_open(path, errno, err);
    bool known = fstat(fd, &sb) == 0;
    bool given = known && was_given(path) && !S_ISDIR(sb.st_mode) && (flags & O_ACCMODE) == O_RDONLY;
    if (known && (S_ISREG(sb.st_mode) || given)) {
        if (given)
            fcntl(fd, F_SETFL, flags & ~O_CREAT); /* waits for its writer again */
        *out = fd;
        return ASC_OK;
    }
    close(fd);
    asc_status st =
        ASC_FAIL(err, ASC_EINVAL, "%s: expected a file, found %s", path, known ? kind_name(sb.st_mode) : "none");
    errno = EINVAL;
    return st;
}

asc_status asc_file_stream(FILE **out, const char *path, asc_error *err)
{
    int fd = -1;
    ASC_TRY(asc_file_open(&fd, path, O_RDONLY, err));
    FILE *f = fdopen(fd, "rb");
    if (!f) {
        close(fd);
        return ASC_NOMEM(err);
    }
    *out = f;
    return ASC_OK;
}

int asc__open_output(const char *path)
{
    enum { TRIES = 100 }; /* of 50 ms: whoever asked for a FIFO starts its reader soon */
    int fd = open(path, O_WRONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    for (int i = 0; fd < 0 && errno == ENXIO && i < TRIES && !asc_interrupted(); i++) {
        nanosleep(&(struct timespec){.tv_nsec = 50 * 1000 * 1000}, NULL);
        fd = open(path, O_WRONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    }
    if (fd >= 0)
        fcntl(fd, F_SETFL, O_WRONLY);
    return fd;
}

ssize_t asc_file_read(int fd, void *p, size_t n)
{
    for (;;) {
        ssize_t k = read(fd, p, n);
        if (k >= 0 || errno != EINTR || asc_interrupted())
            return k;
    }
}

/* ---- maps ---- */

/* All maps of the process: whoever is hit by the signal of a file that was cut asks which one it was. */
static _Atomic(asc_file_map *) maps;
static pthread_mutex_t maps_lock = PTHREAD_MUTEX_INITIALIZER;

static void list_map(asc_file_map *m)
{
    pthread_mutex_lock(&maps_lock);
    m->next = atomic_load(&maps);
    atomic_store(&maps, m);
    pthread_mutex_unlock(&maps_lock);
}

static void unlist_map(asc_file_map *m)
{
    pthread_mutex_lock(&maps_lock);
    asc_file_map *first = atomic_load(&maps);
    if (first == m)
        atomic_store(&maps, m->next);
    for (asc_file_map *i = first; i; i = i->next)
        if (i->next == m)
            i->next = m->next;
    pthread_mutex_unlock(&maps_lock);
}

asc_status asc_file_map_open(asc_file_map *out, const char *path, asc_error *err)
{
    struct stat sb;
    int fd = -1;
    *out = (asc_file_map){0};
    ASC_TRY(asc_file_open(&fd, path, O_RDONLY, err));
    asc_status st = ASC_OK;
    if (fstat(fd, &sb) != 0)
        st = cannot_open(path, errno, err);
    else if (sb.st_size > 0) {
        char *name = asc_strdup(path);
        void *p = name ? mmap(NULL, (size_t)sb.st_size, PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;
        if (p != MAP_FAILED) {
            *out = (asc_file_map){.p = p, .n = (size_t)sb.st_size, .path = name};
            list_map(out);
        } else {
            st = name ? ASC_FAIL(err, ASC_EIO, "%s: cannot map: %s", path, strerror(errno)) : ASC_NOMEM(err);
            asc_free(name);
        }
    }
    close(fd);
    return st;
}

void asc_file_map_close(asc_file_map *m)
{
    if (m->p) {
        unlist_map(m);
        munmap((void *)(uintptr_t)m->p, m->n);
        asc_free(m->path);
    }
    *m = (asc_file_map){0};
}

const char *asc_file_map_at(const void *address)
{
    const uint8_t *at = address;
    for (const asc_file_map *m = atomic_load(&maps); m; m = m->next)
        if (at >= m->p && at < m->p + m->n)
            return m->path;
    return NULL;
}
