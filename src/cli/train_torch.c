#include "train_torch.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "exec/exec_launch.h"

/* The package and the library are found by the child in its environment, which is ours. */
static void take_env(const asc_torch_program *p)
{
    for (size_t i = 0; p->env && p->env[i]; i++) {
        char *equals = strchr(p->env[i], '=');
        *equals = 0;
        setenv(p->env[i], equals + 1, 1);
        *equals = '=';
    }
}

/* *code: its exit code. */
static asc_status make(int *code, const asc_torch_program *p, const char *dir, const char *device, bool quiet,
                       asc_error *err)
{
    char pid[32];
    const char *argv[12] = {p->python, "-m", "autoscale.torch", "--parent", pid};
    size_t n = 5;
    snprintf(pid, sizeof pid, "%ld", (long)getpid());
    if (device) {
        argv[n++] = "--device";
        argv[n++] = device;
    }
    if (quiet)
        argv[n++] = "--quiet";
    argv[n++] = dir;
    take_env(p);
    ASC_TRY(asc__cli_child(code, (char *const *)(uintptr_t)argv, SIGTERM, err));
    return *code != ASC__CLI_NOT_STARTED
               ? ASC_OK
               : ASC_FAIL(err, ASC_EMISSING,
                          "--trainer torch: %s: cannot start; AUTOSCALE_PYTHON names an interpreter that has PyTorch",
                          p->python);
}

static bool is_made(const char *dir)
{
    char *result = asc_path_join(dir, "result.json");
    bool there = result && asc_path_exists(result);
    asc_free(result);
    return there;
}

asc_status asc__cli_train_torch(const char *dir, const char *device, bool quiet, asc_error *err)
{
    asc_torch_program p = {0};
    int code = 0;
    if (is_made(dir))
        return ASC_OK;
    char *self = asc__cli_self();
    asc_status st = self ? asc_torch_program_find(&p, self, NULL, NULL, err) : ASC_NOMEM(err);
    asc_free(self);
    if (st == ASC_OK)
        st = make(&code, &p, dir, device, quiet, err);
    asc_torch_program_clear(&p);
    if (st == ASC_OK && code != 0)
        asc__cli_end_like(code, dir, "its program");
    return st;
}
