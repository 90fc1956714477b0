/* What a command takes for granted, made so before it begins: three standard descriptors, signals that are heeded, room
 * on the stack, and a line where the kernel would end us without one. */
#include "cli.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { STACK_BYTES = 8 << 20, LEAST_STACK_BYTES = 4 << 20 };

/* A descriptor that was closed is opened the other way round: reading or writing it fails as before, but no file that
 * is opened later gets its number, and with it our progress or our results. */
static bool open_standard(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
            return false;
    return true;
}

/* Asked to stop once: at the next safe point. Twice: the default action; but within a second it is the same request,
 * which came to us and to the script that started us and passes it on. */
static void on_signal(int signal_number)
{
    static struct timespec first;
    struct timespec now = {0};
    clock_gettime(CLOCK_MONOTONIC, &now);
    double since = (double)(now.tv_sec - first.tv_sec) + 1e-9 * (double)(now.tv_nsec - first.tv_nsec);
    if (first.tv_sec == 0 && first.tv_nsec == 0)
        first = now;
    else if (since > 1) {
        signal(signal_number, SIG_DFL);
        raise(signal_number);
        return;
    }
    asc_interrupt_set();
}

static void say(const char *text)
{
    (void)!write(STDERR_FILENO, text, strlen(text));
}

/* A mapped file that became shorter: its missing pages cannot be read, and nothing can go on. */
static void on_bus_error(int signal_number, siginfo_t *info, void *unused)
{
    const char *path = asc_file_map_at(info->si_addr);
    if (!path) {
        signal(signal_number, SIG_DFL);
        return; /* and fails again */
    }
    say("autoscale: ");
    say(path);
    say(": was truncated, or its disk failed, while it was read\n");
    _exit(1);
}

static void catch_signals(void)
{
    static const int stops[] = {SIGINT, SIGTERM, SIGXCPU, SIGHUP};
    struct sigaction stop = {.sa_handler = on_signal}, before;
    struct sigaction bus = {.sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO};
    for (size_t i = 0; i < sizeof stops / sizeof *stops; i++)
        if (stops[i] != SIGHUP || (sigaction(SIGHUP, NULL, &before) == 0 && before.sa_handler != SIG_IGN))
            sigaction(stops[i], &stop, NULL); /* nohup stays nohup */
    sigaction(SIGBUS, &bus, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* `ulimit -f`: the write fails and says so */
}

/* Threads get the usual stack whatever `ulimit -s` is, and so does the command where its own cannot grow to it. */
static bool needs_thread(pthread_attr_t *attr)
{
    struct rlimit r;
    if (getrlimit(RLIMIT_STACK, &r) != 0 || r.rlim_cur >= STACK_BYTES)
        return false;
    r.rlim_cur = r.rlim_max < STACK_BYTES ? r.rlim_max : STACK_BYTES;
    (void)setrlimit(RLIMIT_STACK, &r);
    bool ok = pthread_attr_init(attr) == 0 && pthread_attr_setstacksize(attr, STACK_BYTES) == 0 &&
              pthread_setattr_default_np(attr) == 0;
    return ok && r.rlim_cur < LEAST_STACK_BYTES;
}

/* Below this the C library ends us in the middle, with words of its own. */
static bool has_memory(void)
{
    enum { LEAST_MB = 160 };
    struct rlimit r;
    if (getrlimit(RLIMIT_AS, &r) != 0 || r.rlim_cur >= (rlim_t)LEAST_MB << 20)
        return true;
    fprintf(stderr, "autoscale: address space is limited to %llu MB (`ulimit -v`); %d MB are required\n",
            (unsigned long long)r.rlim_cur >> 20, LEAST_MB);
    return false;
}

struct call {
    int argc, rc;
    char **argv;
};

static void *run_call(void *arg)
{
    struct call *c = arg;
    c->rc = asc__cli_main(c->argc, c->argv);
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_attr_t attr;
    pthread_t thread;
    struct call c = {.argc = argc, .argv = argv};
    asc_json_use_our_memory();
    if (!open_standard())
        return 1; /* not even /dev/null: there is nowhere to say it */
    catch_signals();
    asc__cli_filter_streams();
    if (!has_memory())
        return 1;
    if (!needs_thread(&attr))
        return asc__cli_main(argc, argv);
    if (pthread_create(&thread, &attr, run_call, &c) != 0) {
        say("autoscale: the stack is limited (`ulimit -s`), and no thread with a larger stack can be created\n");
        return 1;
    }
    pthread_join(thread, NULL);
    return c.rc;
}
