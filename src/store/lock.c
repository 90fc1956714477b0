/* One coordinator a study: a lock of the kernel on study.lock, which ends with its process however that dies, and in
 * the file who it is, for people and for hosts that share the folder but not the lock. */
#include "store_private.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { STALE_S = 120 }; /* another host's coordinator without a sign of life for so long is dead */

static char *lock_path(const char *dir)
{
    return asc_path_join(dir, "study.lock");
}

static void host_name(char *buf, size_t n)
{
    if (gethostname(buf, n) != 0)
        snprintf(buf, n, "unknown");
    buf[n - 1] = 0;
}

/* ---- the kernel's lock ---- */

/* Locks of the open file description (OFD): not dropped when another part of the process closes the file. */
static int try_lock(int fd)
{
    struct flock fl = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    return fcntl(fd, F_OFD_SETLK, &fl);
}

static bool held_by_other(int fd)
{
    struct flock fl = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    return fcntl(fd, F_OFD_GETLK, &fl) == 0 && fl.l_type != F_UNLCK;
}

/* ---- who ---- */

/* The record in the file; pid 0 when there is none (new, cut off or released). */
static void read_owner(asc_store_owner *o, int fd)
{
    char text[1024];
    asc_error ignored;
    json_t *j = NULL;
    *o = (asc_store_owner){0};
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    if (n <= 0 || asc_json_parse(&j, "study.lock", text, (size_t)n, &ignored) != ASC_OK)
        return;
    const char *host = json_string_value(json_object_get(j, "host"));
    snprintf(o->host, sizeof o->host, "%s", host ? host : "");
    o->pid = json_integer_value(json_object_get(j, "pid"));
    o->started = json_integer_value(json_object_get(j, "started"));
    if (json_is_true(json_object_get(j, "released")))
        o->pid = -o->pid;
    json_decref(j);
    char here[256];
    host_name(here, sizeof here);
    o->here = strcmp(here, o->host) == 0;
}

static asc_status write_owner(int fd, const char *path, bool released, asc_error *err)
{
    char host[256], *text = NULL;
    host_name(host, sizeof host);
    json_t *j = json_pack("{s:s,s:I,s:I,s:b}", "host", host, "pid", (json_int_t)getpid(), "started",
                          (json_int_t)time(NULL), "released", released);
    asc_status st = asc_json_print(&text, j, 0, err);
    json_decref(j);
    if (st != ASC_OK)
        return st;
    size_t n = strlen(text);
    bool ok = !asc_fault_hit(ASC_FAULT_WRITE) && ftruncate(fd, 0) == 0 && pwrite(fd, text, n, 0) == (ssize_t)n &&
              !asc_fault_hit(ASC_FAULT_FSYNC) && fsync(fd) == 0;
    asc_free(text);
    return ok ? ASC_OK : ASC_FAIL(err, ASC_EIO, "%s: cannot write: %s", path, strerror(errno));
}

/* Seconds since the last sign of life, by the file server's clock; the file's time is put back. */
static double silence_s(int fd)
{
    struct stat before, now;
    if (fstat(fd, &before) != 0 || futimens(fd, NULL) != 0 || fstat(fd, &now) != 0)
        return 0;
    struct timespec back[2] = {before.st_atim, before.st_mtim};
    futimens(fd, back);
    return difftime(now.st_mtim.tv_sec, before.st_mtim.tv_sec);
}

/* A sign of life from the future is an old one too: the clock was set back since, and whoever lives gives another one
 * in seconds. */
static bool recently_alive(int fd)
{
    return fabs(silence_s(fd)) < STALE_S;
}

static asc_status busy(const char *path, const asc_store_owner *o, asc_error *err)
{
    char when[64] = "?";
    time_t t = (time_t)o->started;
    struct tm tm;
    if (localtime_r(&t, &tm))
        strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S", &tm);
    long long pid = (long long)(o->pid < 0 ? -o->pid : o->pid);
    return ASC_FAIL(err, ASC_ESTATE,
                    "this study is being run by process %lld on %s since %s; `autoscale status` shows it (%s)", pid,
                    o->host[0] ? o->host : "this host", when, path);
}

static asc_status take(int fd, const char *path, asc_error *err)
{
    asc_store_owner o;
    int rc = try_lock(fd);
    int why = errno;
    read_owner(&o, fd);
    if (rc != 0 && (why == EAGAIN || why == EACCES))
        return busy(path, &o, err);
    /* No lock from the kernel (a file system without locks), or one that may not reach the other host. */
    if (o.pid > 0 && !o.here && recently_alive(fd))
        return busy(path, &o, err);
    return write_owner(fd, path, false, err);
}

asc_status asc__lock_take(asc__lock *out, const char *dir, asc_error *err)
{
    asc__lock l = {.fd = -1, .path = lock_path(dir)};
    if (!l.path)
        return ASC_NOMEM(err);
    asc_status st = ASC_OK;
    st = asc_file_open(&l.fd, l.path, O_RDWR | O_CREAT, err);
    if (st == ASC_OK)
        st = take(l.fd, l.path, err);
    if (st == ASC_OK) {
        *out = l;
        return ASC_OK;
    }
    if (l.fd >= 0)
        close(l.fd);
    asc_free(l.path);
    return st;
}

void asc__lock_beat(asc__lock *l)
{
    if (l->fd >= 0)
        futimens(l->fd, NULL);
}

void asc__lock_release(asc__lock *l)
{
    if (l->fd >= 0) {
        asc_error ignored;
        write_owner(l->fd, l->path, true, &ignored);
        close(l->fd);
    }
    asc_free(l->path);
    *l = (asc__lock){.fd = -1};
}

asc_status asc_store_owner_get(asc_store_owner *out, const char *dir, asc_error *err)
{
    char *path = lock_path(dir);
    if (!path)
        return ASC_NOMEM(err);
    int fd = -1;
    if (asc_file_open(&fd, path, O_RDWR, NULL) != ASC_OK)
        (void)asc_file_open(&fd, path, O_RDONLY, NULL);
    *out = (asc_store_owner){0};
    if (fd >= 0) {
        read_owner(out, fd);
        bool recent = out->pid > 0 && !out->here && recently_alive(fd);
        out->alive = held_by_other(fd) || recent;
        out->pid = out->pid < 0 ? -out->pid : out->pid;
        close(fd);
    }
    asc_free(path);
    return ASC_OK;
}
