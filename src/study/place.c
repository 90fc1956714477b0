/* Whether this machine has what the study asks for: asked before it is planned and before it is run. */
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
    return s->spec->slurm ? ASC_OK : asc_train_ranks_check(s->spec->ranks, err);
}

asc_status asc__study_check_executor(const asc_study_spec *spec, asc_error *err)
{
    asc_error why;
    asc_status st = asc_executor_check(spec->slurm ? "slurm" : "local", &why);
    return st == ASC_OK ? ASC_OK : ASC_FAIL(err, st, "%s: %s", spec->path, why.msg);
}
