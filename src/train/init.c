/* What a run begins with: the weights of a folder, the moments and the place of a checkpoint of ours. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "run_state.h"

/* ---- which files ---- */

/* Files that decide what a run begins with. */
static bool counts(const char *name, asc_start with)
{
    if (strcmp(name, "optimizer.safetensors") == 0)
        return with != ASC_START_WEIGHTS;
    return asc_ends_with(name, ".safetensors") || strcmp(name, "config.json") == 0;
}

static asc_status list_files(char ***out, size_t *n, const char *dir, asc_start with, asc_error *err)
{
    DIR *d = opendir(dir);
    size_t cap = 0;
    if (!d)
        return ASC_FAIL(err, ASC_EINVAL, "%s: no such folder", dir);
    asc_status st = ASC_OK;
    for (struct dirent *e; st == ASC_OK && (e = readdir(d));) {
        if (!counts(e->d_name, with))
            continue;
        char **more = asc_grow(*out, &cap, *n + 1, sizeof *more);
        if (more)
            *out = more;
        if (!more || !(more[*n] = asc_strdup(e->d_name)))
            st = ASC_NOMEM(err);
        else
            (*n)++;
    }
    closedir(d);
    if (*n)
        qsort(*out, *n, sizeof **out, asc_cmp_strings);
    return st;
}

static asc_status add_digest(asc_buf *b, const char *dir, const char *name, asc_error *err)
{
    char hex[65], *path = asc_path_join(dir, name);
    asc_status st = path ? asc__file_digest(hex, path, err) : ASC_NOMEM(err);
    asc_free(path);
    ASC_TRY(st);
    asc_buf_printf(b, "%s %s\n", name, hex);
    return b->oom ? ASC_NOMEM(err) : ASC_OK;
}

asc_status asc__init_place(init_place *at, const char *dir, asc_error *err)
{
    char *path = asc_path_join(dir, "state.json");
    json_t *state = NULL;
    asc_status st = path ? ASC_OK : ASC_NOMEM(err);
    if (st == ASC_OK && !asc_path_exists(path))
        st =
            ASC_FAIL(err, ASC_EINVAL,
                     "%s: no state.json: moments are those of a checkpoint of `autoscale train` or of `autoscale merge "
                     "--moments`",
                     dir);
    if (st == ASC_OK)
        st = asc__checkpoint_state(&state, dir, err);
    if (st == ASC_OK)
        st = asc_json_get_count(state, path, "step", &at->step, err);
    if (st == ASC_OK && json_object_get(state, "moments_at"))
        st = asc_json_get_count(state, path, "moments_at", &at->moments_at, err);
    const json_t *n = json_object_get(state, "sequences");
    at->sequences = json_is_integer(n) ? json_integer_value(n) : -1;
    json_decref(state);
    asc_free(path);
    return st;
}

asc_status asc_init_digest(char *hex, const char *dir, asc_start with, asc_error *err)
{
    char **names = NULL;
    size_t n = 0;
    init_place at = {0};
    asc_buf b = {0};
    asc_status st = list_files(&names, &n, dir, with, err);
    for (size_t i = 0; i < n && st == ASC_OK; i++)
        st = add_digest(&b, dir, names[i], err);
    if (st == ASC_OK && with != ASC_START_WEIGHTS)
        st = asc__init_place(&at, dir, err);
    asc_buf_printf(&b, "step %lld\n", (long long)at.moments_at + (long long)at.step);
    if (st == ASC_OK && b.oom)
        st = ASC_NOMEM(err);
    if (st == ASC_OK)
        asc_sha256_hex(b.data, b.len, hex);
    asc_buf_clear(&b);
    for (size_t i = 0; i < n; i++)
        asc_free(names[i]);
    asc_free(names);
    return st;
}

/* ---- loading ---- */

asc_status asc__init_check(const char *dir, asc_start with, const char *digest, asc_error *err)
{
    char hex[65];
    if (!digest)
        return ASC_OK;
    ASC_TRY(asc_init_digest(hex, dir, with, err));
    if (strcmp(hex, digest) == 0)
        return ASC_OK;
    return ASC_FAIL(err, ASC_ESTATE, "%s: no longer the checkpoint this run was set up to start from", dir);
}

static asc_status load_moments(asc_model *m, const char *dir, asc_error *err)
{
    char *path = asc_path_join(dir, "optimizer.safetensors");
    asc_status st = path ? ASC_OK : ASC_NOMEM(err);
    if (st == ASC_OK && !asc_path_exists(path))
        st = ASC_FAIL(err, ASC_EINVAL, "%s: no optimizer.safetensors: AdamW's moments are missing", dir);
    if (st == ASC_OK)
        st = asc_model_load_optimizer(m, path, err);
    asc_free(path);
    return st;
}

asc_status asc__init_load(init_place *at, asc_model *m, const asc_run_spec *s, asc_error *err)
{
    *at = (init_place){0};
    ASC_TRY(asc__init_check(s->init_from, s->init_with, s->init_digest, err));
    if (s->init_with != ASC_START_WEIGHTS) {
        ASC_TRY(asc__init_place(at, s->init_from, err));
        ASC_TRY(load_moments(m, s->init_from, err));
    }
    return asc_model_load(m, s->init_from, err);
}
