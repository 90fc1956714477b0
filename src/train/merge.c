/* A merged checkpoint: written beside its name, with its moments and its place in the run, and swapped in whole. */
#include "train/train_merge.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "run_state.h"

static bool has_file(const char *dir, const char *name)
{
    char *path = asc_path_join(dir, name);
    bool is = path && asc_path_exists(path);
    asc_free(path);
    return is;
}

static bool is_empty(const char *dir)
{
    DIR *d = opendir(dir);
    bool empty = d != NULL;
    for (struct dirent *e; d && empty && (e = readdir(d));)
        empty = strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0;
    if (d)
        closedir(d);
    return empty;
}

static asc_status check_place(const char *out, asc_error *err)
{
    if (!asc_path_exists(out) || has_file(out, "merge.json") || is_empty(out))
        return ASC_OK;
    return ASC_FAIL(err, ASC_ESTATE, "%s: exists and was not made by merge; give a new folder", out);
}

/* ---- where in a run the checkpoints are ---- */

typedef struct place {
    int64_t step, sequences; /* -1: not known, or not the same everywhere */
    int64_t moments_at;      /* step of the moments that the runs started from */
} place;

/* A number of state.json that all must share; -1 in *common: none seen yet. */
static asc_status take_step(place *p, const json_t *state, const char *dir, const char **of, asc_error *err)
{
    int64_t step, moments_at = 0, sequences = -1;
    ASC_TRY(asc_json_get_count(state, dir, "step", &step, err));
    if (json_object_get(state, "moments_at"))
        ASC_TRY(asc_json_get_count(state, dir, "moments_at", &moments_at, err));
    if (json_is_integer(json_object_get(state, "sequences")))
        sequences = json_integer_value(json_object_get(state, "sequences"));
    if (*of && step != p->step)
        return ASC_FAIL(err, ASC_EINVAL,
                        "%s: at step %lld, but %s at step %lld: moments must be merged at the same step", dir,
                        (long long)step, *of, (long long)p->step);
    if (*of && moments_at != p->moments_at)
        return ASC_FAIL(err, ASC_EINVAL,
                        "%s: started with moments of step %lld, but %s with those of step %lld: moments must be merged "
                        "at the same step",
                        dir, (long long)moments_at, *of, (long long)p->moments_at);
    p->moments_at = moments_at;
    p->sequences = *of && sequences != p->sequences ? -1 : sequences;
    p->step = step;
    *of = dir;
    return ASC_OK;
}

/* Checksums of all checkpoints of ours; with moments the step of those that count. */
static asc_status check_states(place *p, const asc_merge_opts *o, bool moments, asc_error *err)
{
    const char *of = NULL;
    *p = (place){-1, -1, 0};
    for (size_t s = 0; s < o->n; s++) {
        json_t *state = NULL;
        bool ours = has_file(o->dirs[s], "state.json"), counts = o->weights[s] != 0 && !(o->has_base && s == 0);
        if (moments && !ours)
            return ASC_FAIL(err, ASC_EINVAL, "%s: no state.json: --moments needs checkpoints of `autoscale train`",
                            o->dirs[s]);
        if (!ours)
            continue;
        ASC_TRY(asc__checkpoint_state(&state, o->dirs[s], err));
        asc_status st = moments && counts ? take_step(p, state, o->dirs[s], &of, err) : ASC_OK;
        json_decref(state);
        ASC_TRY(st);
    }
    return ASC_OK;
}

static asc_status write_state(const char *folder, const place *p, asc_error *err)
{
    json_t *j = json_pack("{s:i,s:I}", "format", 1, "step", (json_int_t)(p->step < 0 ? 0 : p->step));
    bool ok =
        j && (p->sequences < 0 || json_object_set_new(j, "sequences", json_integer((json_int_t)p->sequences)) == 0) &&
        (p->moments_at == 0 || json_object_set_new(j, "moments_at", json_integer((json_int_t)p->moments_at)) == 0);
    asc_status st = ok ? asc__checkpoint_seal(j, folder, err) : ASC_NOMEM(err);
    json_decref(j);
    return st;
}

/* ---- the folder ---- */

static asc_status write_record(const asc_merge_opts *o, const asc_merge_info *info, bool moments, const char *folder,
                               asc_error *err)
{
    json_t *list = json_array(), *j = json_pack("{s:o,s:b}", "checkpoints", list, "moments", moments);
    bool ok = j != NULL;
    for (size_t s = 0; ok && s < o->n; s++) {
        json_t *row = json_pack("{s:o,s:o}", "path", json_string(o->dirs[s]), "weight", asc_json_num(o->weights[s]));
        ok = row && (!o->has_base || json_object_set_new(row, "delta", asc_json_num(info->delta[s])) == 0);
        ok = json_array_append_new(list, row) == 0 && ok;
    }
    char *path = asc_path_join(folder, "merge.json");
    asc_status st = ok && path ? asc_json_write(path, j, 2, err) : ASC_NOMEM(err);
    asc_free(path);
    json_decref(j);
    return st;
}

static asc_status fill(asc_merge_info *info, const asc_merge_opts *o, bool moments, const char *folder, asc_error *err)
{
    place p;
    ASC_TRY(check_states(&p, o, moments, err));
    ASC_TRY(asc_remove_tree(folder, err));
    ASC_TRY(asc_mkdirs(folder, err));
    ASC_TRY(asc_model_merge(info, o, folder, err));
    ASC_TRY(write_record(o, info, moments, folder, err));
    if (!moments)
        return ASC_OK;
    char *optimizer = asc_path_join(folder, "optimizer.safetensors");
    asc_status st = optimizer ? asc_model_merge_moments(o, optimizer, err) : ASC_NOMEM(err);
    asc_free(optimizer);
    return st == ASC_OK ? write_state(folder, &p, err) : st;
}

/* The folder as it is meant: a link's own, without slashes at the end. */
static char *folder_of(const char *out)
{
    char *real = asc_path_exists(out) ? realpath(out, NULL) : NULL;
    char *name = asc_strdup(real ? real : out);
    free(real); /* the C library's */
    for (size_t n = name ? strlen(name) : 0; n > 1 && name[n - 1] == '/'; n--)
        name[n - 1] = 0;
    return name;
}

/* DIR/.NAME.WORD: what a user has there keeps clear of it, and what a killed merge left is found again. */
static char *beside(const char *folder, const char *word)
{
    char *dir = asc_path_dir(folder);
    const char *slash = strrchr(folder, '/');
    char *name = dir ? asc_strf("%s/.%s.%s", dir, slash ? slash + 1 : folder, word) : NULL;
    asc_free(dir);
    return name;
}

asc_status asc_checkpoint_merge(asc_merge_info *info, const asc_merge_opts *o, bool moments, const char *out,
                                asc_error *err)
{
    char *folder = folder_of(out), *dir = folder ? asc_path_dir(folder) : NULL;
    char *fresh = folder ? beside(folder, "merging") : NULL, *old = folder ? beside(folder, "replaced") : NULL;
    asc_merge_info got = {0};
    asc_status st = fresh && old && dir ? check_place(folder, err) : ASC_NOMEM(err);
    if (st == ASC_OK) {
        st = fill(&got, o, moments, fresh, err);
        if (st == ASC_OK)
            st = asc__checkpoint_swap(dir, fresh, folder, old, err);
        if (st != ASC_OK)
            (void)asc_remove_tree(fresh, NULL); /* the error that is known is the better one */
    }
    asc_free(folder);
    asc_free(fresh);
    asc_free(old);
    asc_free(dir);
    if (st == ASC_OK)
        *info = got;
    else
        asc_merge_info_clear(&got);
    return st;
}
