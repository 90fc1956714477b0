/* What people read goes through here: names, notes and errors hold text of files, of trainers and of other people,
 * which must not move the cursor, rename the window or turn the direction of writing. Colours and the progress bar are
 * ours and pass. Data (JSON, CSV, exports) goes by asc__cli_data, byte for byte. */
#include "cli.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { MOST_CARRIED = 32 };

/** One of the two streams. */
typedef struct filter {
    int fd;
    char carried[MOST_CARRIED]; /* the beginning of a character or an escape sequence whose rest is to come */
    size_t n_carried;
} filter;

static bool put(int fd, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t k = write(fd, p, n);
        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0)
            return false;
        p += k;
        n -= (size_t)k;
    }
    return true;
}

/* Bytes of a sequence of ours that begins at p: a colour, or the start of the bar's line. */
static size_t own_sequence(const char *p)
{
    if (strncmp(p, "\r\033[K", 4) == 0)
        return 4;
    if (strncmp(p, "\033[", 2) != 0)
        return 0;
    size_t n = 2 + strspn(p + 2, "0123456789;");
    return n < 16 && p[n] == 'm' ? n + 1 : 0;
}

/* Text up to an end where nothing is cut in two: 0 to MOST_CARRIED bytes are left for later. */
static size_t whole(const char *text, size_t n)
{
    for (size_t back = 1; back <= n && back < MOST_CARRIED; back++) {
        unsigned char c = (unsigned char)text[n - back];
        size_t needs = c == '\r' ? 4 : c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 1;
        if (c == 033) /* without its last letter? */
            return back < 3 || strspn(text + n - back + 2, "0123456789;") == back - 2 ? n - back : n;
        if (needs > 1 && back < needs)
            return n - back;
        if (c == '\n')
            break;
    }
    return n;
}

/* text (0 after n bytes) without what is not for a terminal. */
static bool put_text(int fd, char *text, size_t n)
{
    for (char *p = text, *end = text + n; p < end;) {
        char *next = p;
        while (next < end && own_sequence(next) == 0)
            next++;
        size_t own = next < end ? own_sequence(next) : 0;
        char first = *next;
        *next = 0;
        asc_text_printable(p, true);
        bool ok = put(fd, p, strlen(p));
        *next = first;
        if (!ok || !put(fd, next, own))
            return false;
        p = next + own;
    }
    return true;
}

static ssize_t on_write(void *cookie, const char *p, size_t n)
{
    filter *f = cookie;
    size_t total = f->n_carried + n;
    char *text = asc_malloc(total + 1);
    if (!text) {
        errno = ENOMEM;
        return 0;
    }
    memcpy(text, f->carried, f->n_carried);
    memcpy(text + f->n_carried, p, n);
    text[total] = 0;
    for (char *nul; (nul = memchr(text, 0, total));)
        *nul = '?';
    size_t use = whole(text, total);
    f->n_carried = total - use;
    memcpy(f->carried, text + use, f->n_carried);
    text[use] = 0;
    bool ok = put_text(f->fd, text, use);
    asc_free(text);
    return ok ? (ssize_t)n : 0;
}

static int on_close(void *cookie)
{
    filter *f = cookie;
    f->carried[0] = '?';
    bool ok = f->n_carried == 0 || put(f->fd, f->carried, 1);
    f->n_carried = 0;
    return ok ? 0 : -1;
}

static filter out = {.fd = STDOUT_FILENO}, errors = {.fd = STDERR_FILENO};

void asc__cli_filter_streams(void)
{
    cookie_io_functions_t functions = {.write = on_write, .close = on_close};
    FILE *o = fopencookie(&out, "w", functions), *e = fopencookie(&errors, "w", functions);
    if (o) {
        setvbuf(o, NULL, isatty(STDOUT_FILENO) ? _IOLBF : _IOFBF, BUFSIZ);
        stdout = o;
    }
    if (e) {
        setvbuf(e, NULL, _IONBF, 0);
        stderr = e;
    }
}

asc_status asc__cli_data(const void *p, size_t n, asc_error *err)
{
    bool ok = fflush(stdout) == 0 && put(STDOUT_FILENO, p, n);
    return ok ? ASC_OK : ASC_FAIL(err, ASC_EIO, "standard output: cannot write: %s", strerror(errno));
}
