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

static asc_status make(const asc_torch_program *p, const char *dir, const char *device, bool quiet, asc_error *err)
{
    char pid[32];
    int code = 0;
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
    ASC_TRY(asc__cli_child(&code, (char *const *)(uintptr_t)argv, SIGTERM, err));
    if (code == ASC__CLI_NOT_STARTED)
        return ASC_FAIL(err, ASC_EMISSING,
                        "--trainer torch: %s: cannot start; AUTOSCALE_PYTHON names an interpreter "
                        "that has PyTorch",
                        p->python);
    if (code != 0)
        asc__cli_end_like(code, dir, "its program");
    return ASC_OK;
}

asc_status asc__cli_train_torch(const char *dir, const char *device, bool quiet, asc_error *err)
{
    asc_torch_program p = {0};
    char *self = asc__cli_self(), *result = asc_path_join(dir, "result.json");
    bool made = result && asc_path_exists(result);
    asc_free(result);
    if (made) {
        asc_free(self);
        return ASC_OK;
    }
    asc_status st = self ? asc_torch_program_find(&p, self, NULL, NULL, err) : ASC_NOMEM(err);
    if (st == ASC_OK)
        st = make(&p, dir, device, quiet, err);
    asc_torch_program_clear(&p);
    asc_free(self);
    return st;
}
