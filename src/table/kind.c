/* What a file or folder is, by its first bytes: for messages when something else was expected. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "table/table.h"

enum { HEAD = 8192 }; /* bytes looked at */

static bool holds(const char *dir, const char *name)
{
    char *path = asc_path_join(dir, name);
    bool there = path && asc_path_exists(path);
    asc_free(path);
    return there;
}

static asc_file_kind folder(const char *dir)
{
    return holds(dir, "study.db")      ? ASC_FILE_STUDY_FOLDER
           : holds(dir, "run.json")    ? ASC_FILE_RUN_FOLDER
           : holds(dir, "config.json") ? ASC_FILE_CHECKPOINT
                                       : ASC_FILE_UNKNOWN;
}

/* Does "key" stand there, with a value that begins with c? */
static bool has_key(const char *text, const char *key, char c)
{
    size_t n = strlen(key);
    for (const char *p = text; (p = strstr(p, key)); p += n) {
        const char *q = p + n;
        q += strspn(q, " \t\r\n");
        if (*q++ == ':' && q[strspn(q, " \t\r\n")] == c)
            return true;
    }
    return false;
}

/* Rows of a table in JSON may hold maps of shares, too, beside their losses. */
static asc_file_kind json(const char *text)
{
    if (strstr(text, "\"autoscale law ") || has_key(text, "\"laws\"", '['))
        return ASC_FILE_LAW;
    bool mixture = has_key(text, "\"weights\"", '{') || has_key(text, "\"phases\"", '[');
    return mixture && !strstr(text, "\"loss") ? ASC_FILE_MIXTURE : ASC_FILE_UNKNOWN;
}

static bool begins_line(const char *text, const char *word)
{
    for (const char *p = text; (p = strstr(p, word)); p++)
        if (p == text || p[-1] == '\n')
            return true;
    return false;
}

static asc_file_kind by_text(char *text)
{
    static const char *const columns[] = {"weight", "tokens", "loss", "ppl", "params"};
    text += strncmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    text += strspn(text, " \t\r\n");
    if (*text == '{')
        return json(text);
    if (begins_line(text, "domains:") && (strstr(text, "train:") || strstr(text, "name:")))
        return ASC_FILE_STUDY;
    text[strcspn(text, "\r\n")] = 0;
    for (size_t i = 0; strpbrk(text, ",;\t|") && i < sizeof columns / sizeof *columns; i++)
        if (strstr(text, columns[i]))
            return ASC_FILE_TABLE;
    return ASC_FILE_UNKNOWN;
}

asc_file_kind asc_file_kind_of(const char *path)
{
    struct stat s;
    char text[HEAD + 1];
    int fd = -1;
    if (stat(path, &s) != 0)
        return ASC_FILE_UNKNOWN;
    if (S_ISDIR(s.st_mode))
        return folder(path);
    if (!S_ISREG(s.st_mode) || asc_file_open(&fd, path, O_RDONLY, NULL) != ASC_OK)
        return ASC_FILE_UNKNOWN;
    ssize_t n = read(fd, text, HEAD);
    close(fd);
    text[n > 0 ? n : 0] = 0;
    return n > 0 && !memchr(text, 0, (size_t)n) ? by_text(text) : ASC_FILE_UNKNOWN;
}

const char *asc_file_kind_name(asc_file_kind kind)
{
    static const char *const names[] = {
        "something else",   "a law",        "a mixture",          "a table", "a study file",
        "a study's folder", "a checkpoint", "the folder of a run"};
    return names[kind];
}
