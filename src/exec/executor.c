#include "executor.h"
#include "slurm.h"

/* Adding an executor: its file, its line here. */
asc_status asc__executor_create(asc__executor **out, const asc_study_spec *spec, const char *study_dir, size_t capacity,
                                asc_error *err)
{
    if (spec->slurm)
        return asc__executor_slurm(out, &spec->slurm_opts, study_dir, spec->threads, spec->ranks, err);
    return asc__executor_local(out, capacity, err);
}
