#include "executor.h"

/* Adding an executor: its file, its line here. */
asc_status asc__executor_create(asc__executor **out, const asc_study_spec *spec, size_t capacity, asc_error *err)
{
    if (spec->slurm)
        return ASC_FAIL(err, ASC_EMISSING, "%s: executor: this build has no slurm executor; use local", spec->path);
    return asc__executor_local(out, capacity, err);
}
