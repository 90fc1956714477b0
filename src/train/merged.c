/* A run that trains nothing: checkpoints merged about another one, for their losses. */
#include "run.h"

#include <assert.h>
#include <math.h>

#include "train/train_merge.h"

static char *folder_of(const run *r)
{
    return asc_path_join(r->dir, "merged");
}

static asc_status check_parts(const asc_run_spec *s, asc_error *err)
{
    ASC_TRY(asc__init_check(s->init_from, ASC_START_WEIGHTS, s->init_digest, err));
    for (size_t k = 0; k < s->n_parts; k++)
        ASC_TRY(asc__init_check(s->part_from[k], ASC_START_WEIGHTS, s->part_digests[k], err));
    return ASC_OK;
}

static asc_status merge_into(const asc_run_spec *s, const char *folder, asc_error *err)
{
    assert(s->n_parts > 0 && s->init_from);
    size_t n = s->n_parts + 1;
    const char **dirs = asc_calloc(n, sizeof *dirs);
    double *weights = asc_calloc(n, sizeof *weights), sum = 0;
    asc_merge_info info = {0};
    asc_status st = dirs && weights ? ASC_OK : ASC_NOMEM(err);
    for (size_t k = 0; st == ASC_OK && k < s->n_parts; k++) {
        dirs[k + 1] = s->part_from[k];
        weights[k + 1] = s->part_weights[k];
        sum += s->part_weights[k];
    }
    if (st == ASC_OK) {
        dirs[0] = s->init_from;
        weights[0] = fabs(1 - sum) < 1e-12 ? 0 : 1 - sum;
        asc_merge_opts o = {.n = n, .dirs = dirs, .weights = weights, .has_base = true};
        st = asc_checkpoint_merge(&info, &o, false, folder, err);
    }
    asc_merge_info_clear(&info);
    asc_free(dirs);
    asc_free(weights);
    return st;
}

asc_status asc__merged_write(const run *r, asc_error *err)
{
    char *folder = folder_of(r);
    asc_status st = folder ? check_parts(&r->spec, err) : ASC_NOMEM(err);
    if (st == ASC_OK)
        st = merge_into(&r->spec, folder, err);
    asc_free(folder);
    return st;
}

asc_status asc__merged_load(run *r, asc_error *err)
{
    char *folder = folder_of(r);
    asc_status st = folder ? asc_model_load(r->model, folder, err) : ASC_NOMEM(err);
    asc_free(folder);
    return st;
}

asc_status asc__merged_remove(const run *r, asc_error *err)
{
    char *folder = folder_of(r), *from = folder ? asc_path_join(folder, "merge.json") : NULL;
    char *to = asc_path_join(r->dir, "merge.json");
    asc_status st = from && to ? ASC_OK : ASC_NOMEM(err);
    if (st == ASC_OK && asc_path_exists(from))
        st = asc_rename(from, to, err);
    if (st == ASC_OK)
        st = asc_remove_tree(folder, err);
    asc_free(folder);
    asc_free(from);
    asc_free(to);
    return st;
}
