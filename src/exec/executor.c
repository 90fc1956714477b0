#include "executors.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct executor_row {
    const char *name;
    asc_status (*create)(asc_executor **out, const asc_exec_place *place, asc_error *err);
    const char *commands[5]; /* that must be installed */
    const char *of;          /* whose they are */
} executor_row;

/* Adding an executor: its file, its line here. */
static const executor_row executors[] = {
    {"local", asc__executor_local, {0}, NULL},
    {"slurm", asc__executor_slurm, {"sbatch", "squeue", "scontrol", "scancel"}, "Slurm"},
};

static const executor_row *find(const char *name)
{
    for (size_t i = 0; i < sizeof executors / sizeof *executors; i++)
        if (strcmp(executors[i].name, name) == 0)
            return &executors[i];
    return NULL;
}

asc_status asc_executor_create(asc_executor **out, const asc_exec_place *place, asc_error *err)
{
    const executor_row *row = find(place->executor);
    if (!row)
        return ASC_FAIL(err, ASC_EINVAL, "executor: unknown executor '%s'", place->executor);
    return row->create(out, place, err);
}

/* A command on the PATH, as a shell would find it. */
static bool is_installed(const char *name)
{
    const char *path = getenv("PATH");
    for (const char *p = path ? path : "/bin:/usr/bin"; p; p = strchr(p, ':') ? strchr(p, ':') + 1 : NULL) {
        char *file = asc_strf("%.*s/%s", (int)strcspn(p, ":"), p, name);
        bool found = file && access(file, X_OK) == 0 && !asc_path_is_dir(file);
        asc_free(file);
        if (found)
            return true;
    }
    return false;
}

asc_status asc_executor_check(const char *executor, asc_error *err)
{
    const executor_row *row = find(executor);
    for (size_t i = 0; row && row->commands[i]; i++)
        if (!is_installed(row->commands[i]))
            return ASC_FAIL(err, ASC_EMISSING,
                            "executor: %s: `%s` not found; this executor needs %s's commands on this machine",
                            row->name, row->commands[i], row->of);
    return ASC_OK;
}
