#include "ranks.h"

#include <assert.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "train/train.h"

#define MODULE_NAME "autoscale_mpi.so"

/* ---- what there is ---- */

int asc_train_rank(void)
{
    /* mpirun of Open MPI; Slurm's srun with pmix or pmi2. */
    static const char *const names[] = {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *text = getenv(names[i]);
        int64_t rank;
        if (text && asc_parse_count(text, &rank) && rank < 1 << 20)
            return (int)rank;
    }
    return -1;
}

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
    return handle; /* never closed: MPI registers handlers that run at exit */
}

static asc_status load_module(const asc_ranks_module **out, asc_error *err)
{
    void *handle = open_module();
    if (!handle)
        return ASC_FAIL(err, ASC_EMISSING,
                        "ranks > 1 need Open MPI: install libopenmpi-dev and openmpi-bin, and rebuild (" MODULE_NAME
                        " is not beside the command)");
    const asc_ranks_module *m = dlsym(handle, "asc_ranks_module_table");
    if (!m || m->version != ASC_RANKS_VERSION)
        return ASC_FAIL(err, ASC_EMISSING, MODULE_NAME ": made for another build of autoscale; rebuild");
    *out = m;
    return ASC_OK;
}

static bool on_path(const char *program)
{
    bool found = false;
    char *path = asc_strdup(getenv("PATH") ? getenv("PATH") : ""), *rest = NULL;
    for (char *dir = path ? strtok_r(path, ":", &rest) : NULL; dir && !found; dir = strtok_r(NULL, ":", &rest)) {
        char *file = asc_path_join(dir, program);
        found = file && access(file, X_OK) == 0;
        asc_free(file);
    }
    asc_free(path);
    return found;
}

asc_status asc_train_ranks_check(int ranks, asc_error *err)
{
    const asc_ranks_module *m;
    if (ranks <= 1)
        return ASC_OK;
    ASC_TRY(load_module(&m, err));
    if (!on_path("mpirun"))
        return ASC_FAIL(err, ASC_EMISSING, "ranks %d: Open MPI's mpirun is not on PATH (Debian: openmpi-bin)", ranks);
    return ASC_OK;
}

/* ---- joining and leaving ---- */

/* Of this process, until it has left in good order. */
static const asc_ranks_module *joined;

/* Without this the others would wait for a rank that is gone for ever. */
static void end_others(int status, void *unused)
{
    if (joined)
        joined->abort(status ? status : 1);
}

static asc_status join(asc_ranks *r, int wanted, asc_error *err)
{
    ASC_TRY(load_module(&r->module, err));
    if (r->module->init(&r->rank, &r->size) != 0)
        return ASC_FAIL(err, ASC_EMISSING, "MPI could not be started on this machine");
    joined = r->module;
    on_exit(end_others, NULL);
    if (r->size != wanted)
        return ASC_FAIL(err, ASC_EMISSING, "the run needs %d ranks but was started with %d: mpirun -np %d", wanted,
                        r->size, wanted);
    return ASC_OK;
}

asc_status asc__ranks_init(asc_ranks *r, int wanted, asc_error *err)
{
    asc_ranks n = {.rank = 0, .size = 1};
    if (wanted > 1)
        ASC_TRY(join(&n, wanted, err));
    *r = n;
    return ASC_OK;
}

void asc__ranks_clear(asc_ranks *r, bool failed)
{
    if (!r)
        return;
    if (r->module && !failed) {
        r->module->barrier(); /* asleep, where finalize would spin */
        r->module->finalize();
        joined = NULL;
    }
    *r = (asc_ranks){.rank = 0, .size = 1};
}

/* ---- together ---- */

static asc_status check(int bad, const char *what, asc_error *err)
{
    return bad ? ASC_FAIL(err, ASC_EIO, "MPI: %s failed; another rank may have ended", what) : ASC_OK;
}

asc_status asc__ranks_agree(asc_ranks *r, asc_status mine, asc_error *err)
{
    if (!r->module)
        return mine;
    double *codes = asc_calloc((size_t)r->size, sizeof *codes);
    if (!codes)
        return ASC_NOMEM(err);
    codes[r->rank] = mine;
    asc_status st = r->module->sum_double(codes, (size_t)r->size) ? ASC_EIO : ASC_OK;
    int first = 0;
    while (st == ASC_OK && first < r->size && codes[first] == ASC_OK)
        first++;
    asc_status worst = st == ASC_OK && first < r->size ? (asc_status)codes[first] : ASC_OK;
    asc_free(codes);
    ASC_TRY(check(st != ASC_OK, "the ranks' agreement", err));
    if (worst == ASC_OK || worst == ASC_EINTR || first == r->rank)
        return worst;
    return check(r->module->barrier(), "waiting for the other ranks", err); /* never passed: `first` ends us */
}

asc_status asc__ranks_sum_float(asc_ranks *r, float *x, size_t n, asc_error *err)
{
    return r->module ? check(r->module->sum_float(x, n), "the sum of gradients", err) : ASC_OK;
}

asc_status asc__ranks_sum_double(asc_ranks *r, double *x, size_t n, asc_error *err)
{
    return r->module ? check(r->module->sum_double(x, n), "the sum of losses", err) : ASC_OK;
}

asc_status asc__ranks_sum_or_stop(asc_ranks *r, double x[2], asc_error *err)
{
    double all[3] = {x[0], x[1], asc_interrupted()};
    ASC_TRY(asc__ranks_sum_double(r, all, 3, err));
    memcpy(x, all, 2 * sizeof *x);
    return all[2] > 0 ? ASC_FAIL(err, ASC_EINTR, "interrupted") : ASC_OK;
}

asc_status asc__ranks_any(asc_ranks *r, bool mine, bool *any, asc_error *err)
{
    double x = mine;
    ASC_TRY(asc__ranks_sum_double(r, &x, 1, err));
    *any = x > 0;
    return ASC_OK;
}

void asc__ranks_share(const asc_ranks *r, int64_t n, int64_t *lo, int64_t *hi)
{
    assert(r->size >= 1 && r->rank >= 0 && r->rank < r->size && n >= 0);
    int64_t whole = n / r->size, rest = n % r->size, k = r->rank;
    *lo = k * whole + (k < rest ? k : rest);
    *hi = *lo + whole + (k < rest);
}
