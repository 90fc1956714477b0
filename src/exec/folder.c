/* What killed processes leave behind in a folder. */
#include "exec/exec.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* NAME.tmp.PID.N of a process that is gone. */
static bool is_leftover(const char *name)
{
    const char *tmp = strstr(name, ".tmp.");
    char *end = NULL;
    long pid = tmp ? strtol(tmp + 5, &end, 10) : 0;
    if (!end || *end != '.' || end[1] == 0 || end[1 + strspn(end + 1, "0123456789")] != 0)
        return false; /* a name that only looks alike */
    return pid > 0 && kill((pid_t)pid, 0) != 0 && errno == ESRCH;
}

void asc_folder_clean(const char *dir, bool ended)
{
    static const char *const of_a_run[] = {"lock", "run.lock", "checkpoint.tmp", "checkpoint.old"};
    DIR *d = opendir(dir);
    char *now = asc_path_join(dir, "checkpoint");
    bool whole = now && asc_path_is_dir(now); /* else the old one may be all that there is */
    for (struct dirent *e; d && (e = readdir(d));) {
        bool old = is_leftover(e->d_name);
        for (size_t i = 0; ended && i < sizeof of_a_run / sizeof *of_a_run; i++)
            old |= strcmp(e->d_name, of_a_run[i]) == 0 && (i < 2 || whole);
        char *path = old ? asc_path_join(dir, e->d_name) : NULL;
        if (path)
            (void)asc_remove_tree(path, NULL);
        asc_free(path);
    }
    if (d)
        closedir(d);
    asc_free(now);
}
