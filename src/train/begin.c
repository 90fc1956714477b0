/* The folder of a run that is to begin. */
#include "train/train.h"

static asc_status holds_any(bool *found, const char *dir, const char *const *names, asc_error *err)
{
    *found = false;
    for (; *names && !*found; names++) {
        char *path = asc_path_join(dir, *names);
        if (!path)
            return ASC_NOMEM(err);
        *found = asc_path_exists(path);
        asc_free(path);
    }
    return ASC_OK;
}

asc_status asc_run_spec_begin(const asc_run_spec *s, const char *out, asc_error *err)
{
    static const char *const spec[] = {"run.json", NULL};
    static const char *const made[] = {"metrics.jsonl", "checkpoint", "checkpoint.old", "result.json", NULL};
    asc_run_spec there = {0};
    bool exists, begun, same = false;
    ASC_TRY(holds_any(&exists, out, spec, err));
    ASC_TRY(holds_any(&begun, out, made, err));
    if (!exists || !begun) {
        ASC_TRY(asc_mkdirs(out, err));
        return asc_run_spec_write(s, out, err);
    }
    ASC_TRY(asc_run_spec_read(&there, out, err));
    asc_status st = asc_run_spec_same(&same, s, &there, err);
    asc_run_spec_clear(&there);
    if (st == ASC_OK && !same)
        st = ASC_FAIL(err, ASC_ESTATE,
                      "%s: holds a run with other settings; use another folder, or resume that run with `autoscale "
                      "train --run %s`",
                      out, out);
    return st;
}
