#include "exec/exec.h"
#include "slurm.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Adding an executor: its file, its line here. */
asc_status asc__executor_create(asc__executor **out, const asc_study_spec *spec, const char *study_dir, size_t capacity,
                                asc_error *err)
{
    if (spec->slurm)
        return asc__executor_slurm(out, &spec->slurm_opts, study_dir, spec->threads, spec->ranks, err);
    return asc__executor_local(out, capacity, err);
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

asc_status asc__executor_check(const asc_study_spec *spec, asc_error *err)
{
    static const char *const commands[] = {"sbatch", "squeue", "scontrol", "scancel"};
    for (size_t i = 0; spec->slurm && i < sizeof commands / sizeof *commands; i++)
        if (!is_installed(commands[i]))
            return ASC_FAIL(
                err, ASC_EMISSING,
                "%s: executor: slurm: `%s` is not installed here; it needs Slurm's commands on this machine",
                spec->path, commands[i]);
    return ASC_OK;
}
