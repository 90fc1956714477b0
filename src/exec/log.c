/* What a run's files say of it: the end of its log, the tokens that it has reached. */
#include "words.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A line as a terminal would leave it: without colours, and of a progress bar its last state alone. */
static char *clean_line(char *line)
{
    char *from = line, *to = line;
    size_t n = strlen(line);
    while (n > 0 && strchr(" \t\r", line[n - 1]))
        line[--n] = 0;
    for (char *p = line; *p; p++)
        if (*p == '\r')
            from = p + 1;
    for (char *p = from; *p; p++) {
        if (p[0] == 033 && p[1] == '[')
            for (p += 2; *p && !(*p >= '@' && *p <= '~'); p++)
                ;
        else
            *to++ = *p == '\t' ? ' ' : *p;
        if (!*p)
            break;
    }
    *to = 0;
    return asc_text_printable(line, false);
}

enum { TAIL_LINES = 3 };

/* Up to TAIL_LINES last lines of text that differ: each try of a run says the same. Returns their number; last first.
 */
static size_t last_lines(char **lines, char *text)
{
    size_t n = 0;
    for (char *end = text + strlen(text), *line; end > text && n<TAIL_LINES; end = line> text ? line - 1 : text) {
        line = end;
        while (line > text && line[-1] != '\n')
            line--;
        *end = 0;
        clean_line(line);
        bool known = !*line;
        for (size_t i = 0; i < n; i++)
            known |= strcmp(lines[i], line) == 0;
        if (!known)
            lines[n++] = line;
    }
    return n;
}

/* The last bytes of a file that fit into buf (cap) with a 0 behind; how many, -1 where it cannot be read or has *size
 * bytes as before. *size: of the whole file. */
static ssize_t read_end(char *buf, size_t cap, const char *path, int64_t *size)
{
    struct stat sb;
    ssize_t got = -1;
    int fd = -1;
    if (asc_file_open(&fd, path, O_RDONLY, NULL) != ASC_OK)
        return -1;
    if (fstat(fd, &sb) == 0 && (int64_t)sb.st_size != *size) {
        off_t most = (off_t)cap - 1, from = sb.st_size > most ? sb.st_size - most : 0;
        got = pread(fd, buf, cap - 1, from);
        *size = (int64_t)sb.st_size;
    }
    close(fd);
    buf[got > 0 ? got : 0] = 0;
    return got;
}

void asc_log_tail(char *out, size_t n, const char *path)
{
    char text[4097], *lines[TAIL_LINES];
    int64_t size = 0;
    ssize_t got = read_end(text, sizeof text, path, &size);
    *out = 0;
    for (ssize_t i = 0; i < got; i++)
        text[i] = text[i] ? text[i] : ' ';
    if (got <= 0)
        return;
    size_t n_lines = last_lines(lines, text), most = 0, used = 0;
    while (most < n_lines && used + strlen(lines[most]) + 4 < n) /* the newest first, as far as they fit */
        used += strlen(lines[most++]) + 3;
    if (most == 0 && n_lines > 0) /* its end says most */
        snprintf(out, n, "%s", strlen(lines[0]) < n ? lines[0] : lines[0] + strlen(lines[0]) - n + 1);
    for (size_t k = 0; most > 0; most--)
        k += (size_t)snprintf(out + k, n - k, "%s%s", k ? " | " : "", lines[most - 1]);
}

double asc__last_tokens(const char *path, int64_t *bytes)
{
    char text[2048];
    if (read_end(text, sizeof text, path, bytes) <= 0)
        return -1;
    char *end = strrchr(text, '\n');
    if (end)
        *end = 0;
    const char *line = strrchr(text, '\n');
    const char *at = strstr(line ? line + 1 : text, "\"tokens\":");
    return at ? strtod(at + 9, NULL) : -1;
}
