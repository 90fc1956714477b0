/* One coordinator per study: locks of the kernel on study.lock and study.db, which end with its process however that
 * dies, and in study.lock who it is, for people and for hosts that share the folder but not the lock. A thread of its
 * own renews the file's time, so that a long fit looks no more dead than a long run; and puts the file back where
 * somebody removed it. */
#include "store_private.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    STALE_S = 120, /* another host's coordinator without a sign of life for so long is dead */
    BEAT_S = 10,
    LEFTOVER_MS = 10000, /* how long the locks of a dead process may outlive it */
    RETRY_MS = 20
};
#define DB_BYTE ((off_t)1 << 62) /* of study.db: far from those that SQLite locks, in any file that there will be */

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
static int try_lock(int fd, off_t at)
{
    struct flock fl = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = at, .l_len = at ? 1 : 0};
    return fcntl(fd, F_OFD_SETLK, &fl);
}

static bool held_by_other(int fd, off_t at)
{
    struct flock fl = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = at, .l_len = at ? 1 : 0};
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

/* Seconds since the last sign of life, by the file server's clock where the file is ours; its time is put back. Of
 * somebody else's file the time cannot be put back, and must not be renewed in the coordinator's place. */
static double silence_s(int fd)
{
    struct stat before, now;
    if (fstat(fd, &before) == 0 && before.st_uid != geteuid())
        return difftime(time(NULL), before.st_mtim.tv_sec);
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

/* A coordinator killed between the fork and the exec of a run leaves a child that holds its locks until the exec: on a
 * busy machine for a while. Is that why a lock is not free? Then a little later it is; *waited counts. */
static bool is_leftover(const asc_store_owner *o, int *waited)
{
    if (!o->here || o->pid <= 0 || *waited >= LEFTOVER_MS || kill((pid_t)o->pid, 0) == 0 || errno != ESRCH)
        return false;
    const struct timespec pause = {.tv_nsec = RETRY_MS * 1000000L};
    nanosleep(&pause, NULL);
    *waited += RETRY_MS;
    return true;
}

/* The kernel's lock, unless somebody holds it: on this host, or on another one that the lock does not reach. */
static asc_status take(int fd, const char *path, asc_error *err)
{
    asc_store_owner o;
    int rc, why, waited = 0;
    do {
        rc = try_lock(fd, 0);
        why = errno;
        read_owner(&o, fd);
    } while (rc != 0 && (why == EAGAIN || why == EACCES) && is_leftover(&o, &waited));
    if (rc != 0 && (why == EAGAIN || why == EACCES))
        return busy(path, &o, err);
    return o.pid > 0 && !o.here && recently_alive(fd) ? busy(path, &o, err) : ASC_OK;
}

/* ---- the thread ---- */

/* study.lock is not the file that we hold: put it back. @return false: somebody else holds it now */
static bool put_back(asc__lock *l)
{
    int fd = -1;
    if (asc_file_open(&fd, l->path, O_RDWR | O_CREAT, NULL) != ASC_OK)
        return true; /* the folder is gone, or for now: whatever is written next fails by itself */
    if (take(fd, l->path, NULL) != ASC_OK) {
        close(fd);
        return false;
    }
    (void)write_owner(fd, l->path, false, NULL);
    close(l->fd);
    l->fd = fd;
    return true;
}

static void beat(asc__lock *l)
{
    struct stat ours, there;
    if (fstat(l->fd, &ours) != 0)
        return;
    if (stat(l->path, &there) == 0 && there.st_ino == ours.st_ino && there.st_dev == ours.st_dev)
        futimens(l->fd, NULL);
    else
        l->lost = !put_back(l);
}

static void *live(void *arg)
{
    asc__lock *l = arg;
    struct timespec next;
    pthread_mutex_lock(&l->mutex);
    clock_gettime(CLOCK_MONOTONIC, &next);
    while (!l->stop) {
        next.tv_sec += BEAT_S;
        while (!l->stop && pthread_cond_timedwait(&l->wake, &l->mutex, &next) == 0)
            ;
        if (!l->stop && !l->lost)
            beat(l);
    }
    pthread_mutex_unlock(&l->mutex);
    return NULL;
}

/* Signals are for the threads that work. */
static asc_status begin(asc__lock *l, asc_error *err)
{
    pthread_condattr_t monotonic;
    sigset_t all, before;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&l->mutex, NULL);
    pthread_cond_init(&l->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&l->thread, NULL, live, l);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    l->alive = rc == 0;
    return rc == 0 ? ASC_OK : ASC_FAIL(err, ASC_EIO, "%s: cannot start a thread: %s", l->path, strerror(rc));
}

static void end(asc__lock *l)
{
    if (!l->alive)
        return;
    pthread_mutex_lock(&l->mutex);
    l->stop = true;
    pthread_cond_signal(&l->wake);
    pthread_mutex_unlock(&l->mutex);
    pthread_join(l->thread, NULL);
    pthread_cond_destroy(&l->wake);
    pthread_mutex_destroy(&l->mutex);
    l->alive = false;
}

/* ---- taking and giving back ---- */

/* Made here and not by SQLite, which would keep the group from writing it whatever the umask is. */
static asc_status take_db(asc__lock *l, const char *dir, asc_error *err)
{
    char *path = asc_path_join(dir, "study.db");
    asc_status st = path ? asc_file_open(&l->db_fd, path, O_RDWR | O_CREAT, err) : ASC_NOMEM(err);
    asc_store_owner o;
    int rc = -1, why = 0, waited = 0;
    read_owner(&o, l->fd);
    while (st == ASC_OK && (rc = try_lock(l->db_fd, DB_BYTE), why = errno, rc != 0) &&
           (why == EAGAIN || why == EACCES) && is_leftover(&o, &waited))
        ;
    if (st == ASC_OK && rc != 0 && (why == EAGAIN || why == EACCES))
        st = ASC_FAIL(err, ASC_ESTATE,
                      "%s: this study is being run by another process, although its study.lock was removed", path);
    asc_free(path);
    return st;
}

asc_status asc__lock_take(asc__lock *l, const char *dir, asc_error *err)
{
    *l = (asc__lock){.fd = -1, .db_fd = -1, .path = lock_path(dir)};
    asc_status st = l->path ? asc_file_open(&l->fd, l->path, O_RDWR | O_CREAT, err) : ASC_NOMEM(err);
    if (st == ASC_OK)
        st = take(l->fd, l->path, err);
    if (st == ASC_OK)
        st = take_db(l, dir, err);
    if (st == ASC_OK)
        st = write_owner(l->fd, l->path, false, err);
    if (st == ASC_OK)
        st = begin(l, err);
    if (st == ASC_OK)
        return ASC_OK;
    if (l->fd >= 0)
        close(l->fd); /* nothing was written of us: the owner that stands there stays */
    if (l->db_fd >= 0)
        close(l->db_fd);
    asc_free(l->path);
    *l = (asc__lock){.fd = -1, .db_fd = -1};
    return st;
}

asc_status asc__lock_check(asc__lock *l, asc_error *err)
{
    if (!l->alive)
        return ASC_OK;
    pthread_mutex_lock(&l->mutex);
    bool lost = l->lost;
    pthread_mutex_unlock(&l->mutex);
    return lost
               ? ASC_FAIL(err, ASC_ESTATE, "%s: was removed, and another process now runs this study: exiting", l->path)
               : ASC_OK;
}

void asc__lock_release(asc__lock *l)
{
    end(l);
    if (l->fd >= 0) {
        if (!l->lost)
            write_owner(l->fd, l->path, true, NULL);
        close(l->fd);
    }
    if (l->db_fd >= 0)
        close(l->db_fd);
    asc_free(l->path);
    *l = (asc__lock){.fd = -1, .db_fd = -1};
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
        out->alive = held_by_other(fd, 0) || recent;
        out->pid = out->pid < 0 ? -out->pid : out->pid;
        close(fd);
    }
    asc_free(path);
    return ASC_OK;
}
