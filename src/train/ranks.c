#include "ranks.h"

#include <dlfcn.h>
#include <string.h>
#include <unistd.h>

#define MODULE_NAME "autoscale_mpi.so"

/* The module lies beside the command, or in ../lib/autoscale where it was installed. */
static void *open_module(void)
{
    static const char *const places[] = {"", "../lib/autoscale/"};
    char self[4096];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n <= 0)
        return NULL;
    self[n] = 0;
    char *slash = strrchr(self, '/');
    if (slash)
        slash[1] = 0;
    void *handle = NULL;
    for (size_t i = 0; !handle && i < sizeof places / sizeof *places; i++) {
        char *path = asc_strf("%s%s" MODULE_NAME, self, places[i]);
        /* RTLD_GLOBAL: Open MPI opens plugins of its own that look for its symbols. */
        handle = path ? dlopen(path, RTLD_NOW | RTLD_GLOBAL) : NULL;
        asc_free(path);
    }
    return handle;
}

static asc_status load_module(asc_ranks *r, asc_error *err)
{
    r->handle = open_module();
    if (!r->handle) {
        const char *why = dlerror();
        return ASC_FAIL(err, ASC_EMISSING,
                        "ranks > 1 need MPI: install libopenmpi-dev and build again (" MODULE_NAME ": %s)",
                        why ? why : "not found");
    }
    const asc_ranks_module *m = dlsym(r->handle, "asc_ranks_module_table");
    if (!m || m->version != ASC_RANKS_VERSION)
        return ASC_FAIL(err, ASC_EMISSING, MODULE_NAME ": made for another build of autoscale; build again");
    r->module = m;
    return ASC_OK;
}

asc_status asc__ranks_init(asc_ranks *r, int wanted, asc_error *err)
{
    asc_ranks n = {.rank = 0, .size = 1};
    asc_status st = ASC_OK;
    if (wanted > 1) {
        st = load_module(&n, err);
        if (st == ASC_OK && n.module->init(&n.rank, &n.size) != 0)
            st = ASC_FAIL(err, ASC_EMISSING, "MPI could not be started on this machine");
        if (st == ASC_OK && n.size != wanted)
            st = ASC_FAIL(err, ASC_EMISSING, "the run wants %d ranks and was started with %d: mpirun -np %d", wanted,
                          n.size, wanted);
        if (st != ASC_OK) {
            asc__ranks_clear(&n, false);
            return st;
        }
    }
    *r = n;
    return ASC_OK;
}

void asc__ranks_clear(asc_ranks *r, bool failed)
{
    if (!r)
        return;
    if (r->module && failed && r->size > 1)
        r->module->abort(1);
    else if (r->module)
        r->module->finalize();
    /* The library stays mapped: MPI registers handlers that run at exit. */
    *r = (asc_ranks){.rank = 0, .size = 1};
}

static asc_status check(int bad, const char *what, asc_error *err)
{
    return bad ? ASC_FAIL(err, ASC_EIO, "MPI: %s failed; another rank may have ended", what) : ASC_OK;
}

asc_status asc__ranks_sum_float(asc_ranks *r, float *x, size_t n, asc_error *err)
{
    return r->module ? check(r->module->sum_float(x, n), "the sum of gradients", err) : ASC_OK;
}

asc_status asc__ranks_sum_double(asc_ranks *r, double *x, size_t n, asc_error *err)
{
    return r->module ? check(r->module->sum_double(x, n), "the sum of losses", err) : ASC_OK;
}

asc_status asc__ranks_barrier(asc_ranks *r, asc_error *err)
{
    return r->module ? check(r->module->barrier(), "waiting for the other ranks", err) : ASC_OK;
}

asc_status asc__ranks_any(asc_ranks *r, bool mine, bool *any, asc_error *err)
{
    double x = mine;
    ASC_TRY(asc__ranks_sum_double(r, &x, 1, err));
    *any = x > 0;
    return ASC_OK;
}
