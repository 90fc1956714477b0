/* Where runs are made: how many at once, and whether this machine has what the study asks for, which is asked before it
 * is planned and before it is run. */
#include "steps.h"

#include "device/device.h"
#include "exec/exec.h"
#include "train/train.h"

asc_status asc__study_check_place(const asc__study *s, asc_error *err)
{
    asc_error why;
    if (s->spec->trainer.command)
        return ASC_OK;          /* somebody else's program */
    if (s->spec->trainer.torch) /* what it can do was asked when it was found */
        return ASC_OK;
    if (asc_device_check(s->spec->device, &why) != ASC_OK)
        return ASC_FAIL(err, ASC_EMISSING, "%s: run.%s", s->spec->path, why.msg);
    ASC_TRY(asc_device_isa_check(s->isa, s->spec->training.dtype, err));
    /* A cluster's nodes may have what the login node lacks. */
    return s->spec->executor != ASC_EXECUTOR_LOCAL ? ASC_OK : asc_train_ranks_check(s->spec->ranks, err);
}

asc_status asc__study_check_executor(const asc_study_spec *spec, asc_error *err)
{
    asc_error why;
    const asc_exec_place place = {
        .executor = asc_executor_name(spec->executor), .base_dir = spec->base_dir, .scheduler = &spec->scheduler};
    asc_status st = asc_executor_check(&place, &why);
    return st == ASC_OK ? ASC_OK : ASC_FAIL(err, st, "%s: %s", spec->path, why.msg);
}

int asc__places(const asc__study *s)
{
    return s->places > 0 ? s->places : s->jobs;
}

/* A cluster's places are no cards that stand idle, unless the study says how many it has. */
bool asc__spreads(const asc__study *s)
{
    const asc_study_spec *spec = s->spec;
    return spec->executor == ASC_EXECUTOR_LOCAL ||
           (spec->executor == ASC_EXECUTOR_SLURM ? spec->slurm_opts.array_limit : spec->scheduler.limit) > 0;
}

asc_exec_place asc__exec_place(const asc__study *s)
{
    return (asc_exec_place){.executor = asc_executor_name(s->spec->executor),
                            .dir = s->dir,
                            .base_dir = s->spec->base_dir,
                            .study = s->spec->name,
                            .capacity = (size_t)asc__places(s),
                            .slurm = &s->spec->slurm_opts,
                            .scheduler = &s->spec->scheduler,
                            .threads = s->spec->threads,
                            .ranks = s->spec->ranks};
}
