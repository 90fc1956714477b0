#include "exec/exec_launch.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

static void free_list(char **list)
{
    for (size_t i = 0; list && list[i]; i++)
        asc_free(list[i]);
    asc_free(list);
}

void asc__launch_clear(asc__launch *l)
{
    if (!l)
        return;
    free_list(l->argv);
    free_list(l->env);
    asc_free(l->cwd);
    asc_free(l->run_dir);
    asc_free(l->log);
    *l = (asc__launch){0};
}

/* ---- environment ---- */

/* What OpenMP reads when it is loaded: one thread that blocks. Spinning threads starve the other runs (measured). */
static const char *const ours[] = {"OMP_NUM_THREADS=1", "OMP_WAIT_POLICY=passive"};

/* What mpirun or srun gave the coordinator is no word to its runs, which would take themselves for its ranks. */
static bool is_rank(const char *variable)
{
    static const char *const prefixes[] = {"OMPI_COMM_", "PMIX_", "PMI_"};
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (strncmp(variable, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    return false;
}

static bool same_name(const char *a, const char *b)
{
    size_t n = strcspn(a, "=");
    return strncmp(a, b, n) == 0 && b[n] == '=';
}

/* The coordinator's environment with `set` (NULL after the last) in place of what has the same name. */
static asc_status make_env(char ***out, const char *const *set, asc_error *err)
{
    size_t n_env = 0, n_set = 0, n = 0;
    while (environ[n_env])
        n_env++;
    while (set[n_set])
        n_set++;
    char **env = asc_calloc(n_env + n_set + 1, sizeof *env);
    bool ok = env != NULL;
    for (size_t i = 0; ok && i < n_env; i++) {
        bool replaced = is_rank(environ[i]);
        for (size_t k = 0; k < n_set; k++)
            replaced |= same_name(set[k], environ[i]);
        if (!replaced)
            ok = (env[n++] = asc_strdup(environ[i])) != NULL;
    }
    for (size_t k = 0; ok && k < n_set; k++)
        ok = (env[n++] = asc_strdup(set[k])) != NULL;
    if (!ok) {
        free_list(env);
        return ASC_NOMEM(err);
    }
    *out = env;
    return ASC_OK;
}

/* ---- builtin ---- */

static char **make_argv(const char *const *words)
{
    size_t n = 0;
    while (words[n])
        n++;
    char **argv = asc_calloc(n + 1, sizeof *argv);
    for (size_t i = 0; argv && i < n; i++)
        if (!(argv[i] = asc_strdup(words[i]))) {
            free_list(argv);
            return NULL;
        }
    return argv;
}

static asc_status set_places(asc__launch *l, const char *run_dir, asc_error *err)
{
    l->run_dir = asc_strdup(run_dir);
    l->log = asc_path_join(run_dir, "log.txt");
    return l->run_dir && l->log ? ASC_OK : ASC_NOMEM(err);
}

asc_status asc__launch_words(asc__launch *out, const char *const *words, const char *dir, asc_error *err)
{
    asc__launch l = {0};
    const char *env[] = {ours[0], ours[1], NULL};
    l.argv = make_argv(words);
    asc_status st = l.argv ? set_places(&l, dir, err) : ASC_NOMEM(err);
    if (st == ASC_OK)
        st = make_env(&l.env, env, err);
    if (st == ASC_OK)
        *out = l;
    else
        asc__launch_clear(&l);
    return st;
}

asc_status asc__launch_builtin(asc__launch *out, const asc__launch_facts *f, long parent, asc_error *err)
{
    char pid[32];
    snprintf(pid, sizeof pid, "%ld", parent);
    const char *words[] = {f->program, "train", "--quiet", "--run", f->run_dir, parent ? "--parent" : NULL, pid, NULL};
    return asc__launch_words(out, words, f->run_dir, err);
}

/* ---- words ---- */

/* One word at *p into b; *p behind it. False on an open quote. */
static bool take_word(asc_buf *b, const char **p)
{
    char quote = 0;
    for (; **p && (quote || !strchr(" \t\n", **p)); (*p)++) {
        char c = **p;
        if (quote == '\'' ? c == '\'' : quote == '"' && c == '"')
            quote = 0;
        else if (!quote && (c == '\'' || c == '"'))
            quote = c;
        else if (c == '\\' && quote != '\'' && (*p)[1] && (!quote || strchr("\"\\$`", (*p)[1])))
            asc_buf_putc(b, *++*p);
        else
            asc_buf_putc(b, c);
    }
    return !quote;
}

asc_status asc__split_words(char ***out, const char *line, asc_error *err)
{
    char **words = asc_calloc(1, sizeof *words);
    size_t n = 0, cap = 1;
    asc_status st = words ? ASC_OK : ASC_NOMEM(err);
    for (const char *p = line + strspn(line, " \t\n"); st == ASC_OK && *p; p += strspn(p, " \t\n")) {
        asc_buf b = {0};
        asc_buf_puts(&b, "");
        bool closed = take_word(&b, &p);
        char **more = b.oom ? NULL : asc_grow(words, &cap, n + 2, sizeof *words);
        if (more) {
            words = more;
            words[n++] = b.data ? b.data : asc_strdup("");
            words[n] = NULL;
        } else
            asc_buf_clear(&b);
        if (!more || !words[n - 1])
            st = ASC_NOMEM(err);
        else if (!closed)
            st = ASC_FAIL(err, ASC_EINVAL, "trainer.command: a quote is not closed: %.200s", line);
    }
    if (st == ASC_OK && n == 0)
        st = ASC_FAIL(err, ASC_EINVAL, "trainer.command: no command in '%.200s'", line);
    if (st == ASC_OK)
        *out = words;
    else
        free_list(words);
    return st;
}

char *asc__fill_in(const char *text, const char *const *names, char *const *values, size_t n)
{
    asc_buf b = {0};
    asc_buf_puts(&b, "");
    for (const char *p = text; *p;) {
        size_t i = 0, len = 0;
        for (; *p == '{' && i < n; i++) {
            len = strlen(names[i]);
            if (strncmp(p + 1, names[i], len) == 0 && p[1 + len] == '}')
                break;
        }
        if (*p == '{' && i < n) {
            asc_buf_puts(&b, values[i]);
            p += len + 2;
        } else
            asc_buf_putc(&b, *p++);
    }
    if (!b.oom && b.data)
        return b.data;
    asc_buf_clear(&b);
    return NULL;
}

/* ---- the log ---- */

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

void asc__log_tail(char *out, size_t n, const char *path)
{
    char text[4097], *lines[TAIL_LINES];
    *out = 0;
    int fd = -1;
    struct stat sb;
    if (asc_file_open(&fd, path, O_RDONLY, NULL) != ASC_OK)
        return;
    ssize_t got = -1;
    if (fstat(fd, &sb) == 0) {
        off_t from = sb.st_size > (off_t)sizeof text - 1 ? sb.st_size - (off_t)sizeof text + 1 : 0;
        got = pread(fd, text, sizeof text - 1, from);
    }
    close(fd);
    for (ssize_t i = 0; i < got; i++)
        text[i] = text[i] ? text[i] : ' ';
    text[got > 0 ? got : 0] = 0;
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
    double tokens = -1;
    struct stat sb;
    int fd = -1;
    if (asc_file_open(&fd, path, O_RDONLY, NULL) != ASC_OK)
        return -1;
    if (fstat(fd, &sb) == 0 && (int64_t)sb.st_size != *bytes) {
        off_t from = sb.st_size > (off_t)sizeof text - 1 ? sb.st_size - (off_t)sizeof text + 1 : 0;
        ssize_t n = pread(fd, text, sizeof text - 1, from);
        *bytes = (int64_t)sb.st_size;
        text[n > 0 ? n : 0] = 0;
        char *end = strrchr(text, '\n');
        if (end)
            *end = 0;
        const char *line = strrchr(text, '\n');
        const char *at = strstr(line ? line + 1 : text, "\"tokens\":");
        if (at)
            tokens = strtod(at + 9, NULL);
    }
    close(fd);
    return tokens;
}
