#include "weights.h"

#include <string.h>
#include <sys/stat.h>

#include "autoscale/base_json.h"

enum { MAX_NAME = 96 };

/* ---- which files ---- */

typedef struct paths {
    char **path; /* (n) each once */
    size_t n, cap;
} paths;

static void paths_clear(paths *p)
{
    for (size_t i = 0; i < p->n; i++)
        asc_free(p->path[i]);
    asc_free(p->path);
    *p = (paths){0};
}

static asc_status paths_add(paths *p, const char *dir, const char *name, asc_error *err)
{
    char *path = asc_path_join(dir, name), **more = asc_grow(p->path, &p->cap, p->n + 1, sizeof *more);
    if (more)
        p->path = more;
    if (!path || !more) {
        asc_free(path);
        return ASC_NOMEM(err);
    }
    p->path[p->n++] = path;
    return ASC_OK;
}

static bool is_there(const paths *p, const char *name)
{
    for (size_t i = 0; i < p->n; i++)
        if (strcmp(strrchr(p->path[i], '/') + 1, name) == 0)
            return true;
    return false;
}

/* weight_map: {tensor: file}. */
static asc_status read_index(paths *p, const char *dir, const char *index, asc_error *err)
{
    json_t *j = NULL, *map = NULL, *file;
    const char *tensor;
    asc_status st = asc_json_load(&j, index, err);
    if (st == ASC_OK)
        st = asc_json_get_object(j, index, "weight_map", &map, err);
    json_object_foreach(map, tensor, file)
    {
        const char *name = json_string_value(file);
        if (st != ASC_OK)
            break;
        if (!name || !*name || strchr(name, '/'))
            st = ASC_FAIL(err, ASC_EINVAL, "%s: weight_map: field '%s': expected a file of this folder", index, tensor);
        else if (!is_there(p, name))
            st = paths_add(p, dir, name, err);
    }
    if (st == ASC_OK && p->n == 0)
        st = ASC_FAIL(err, ASC_EINVAL, "%s: weight_map: expected tensors, found none", index);
    json_decref(j);
    return st;
}

static asc_status find_files(paths *p, const char *dir, asc_error *err)
{
    char *whole = asc_path_join(dir, "model.safetensors"), *index = asc_path_join(dir, "model.safetensors.index.json");
    asc_status st = whole && index ? ASC_OK : ASC_NOMEM(err);
    if (st == ASC_OK && !asc_path_exists(whole) && asc_path_exists(index))
        st = read_index(p, dir, index, err);
    else if (st == ASC_OK)
        st = paths_add(p, dir, "model.safetensors", err);
    asc_free(whole);
    asc_free(index);
    return st;
}

/* ---- their life ---- */

void asc__weights_close(asc__weights *w)
{
    for (size_t i = 0; i < w->n; i++)
        asc__st_close(&w->files[i]);
    asc_free(w->files);
    *w = (asc__weights){0};
}

asc_status asc__weights_open(asc__weights *out, const char *dir, asc_error *err)
{
    paths p = {0};
    asc__weights w = {0};
    asc_status st = find_files(&p, dir, err);
    if (st == ASC_OK && !(w.files = asc_calloc(p.n, sizeof *w.files)))
        st = ASC_NOMEM(err);
    for (size_t i = 0; i < p.n && st == ASC_OK; i++) {
        st = asc__st_open(&w.files[i], p.path[i], err);
        w.n += st == ASC_OK;
    }
    paths_clear(&p);
    if (st == ASC_OK)
        *out = w;
    else
        asc__weights_close(&w);
    return st;
}

asc_status asc__weights_size(int64_t *out, const char *dir, asc_error *err)
{
    paths p = {0};
    struct stat sb;
    int64_t sum = 0;
    asc_status st = find_files(&p, dir, err);
    for (size_t i = 0; i < p.n && st == ASC_OK; i++)
        sum += stat(p.path[i], &sb) == 0 ? (int64_t)sb.st_size : 0;
    paths_clear(&p);
    if (st == ASC_OK)
        *out = sum;
    return st;
}

/* ---- which tensor ---- */

static const asc__st_tensor *find_exactly(const asc__st_file **in, const asc__weights *w, const char *name)
{
    for (size_t i = 0; i < w->n; i++) {
        const asc__st_tensor *t = asc__st_find(&w->files[i], name);
        if (t) {
            *in = &w->files[i];
            return t;
        }
    }
    return NULL;
}

static const asc__st_tensor *find_old_norm(const asc__st_file **in, const asc__weights *w, const char *name)
{
    char old[MAX_NAME];
    size_t n = strlen(name);
    bool gain = n > 16 && strcmp(name + n - 16, "LayerNorm.weight") == 0;
    bool bias = n > 14 && strcmp(name + n - 14, "LayerNorm.bias") == 0;
    if (!gain && !bias)
        return NULL;
    snprintf(old, sizeof old, "%.*s%s", (int)(strrchr(name, '.') - name + 1), name, gain ? "gamma" : "beta");
    return find_exactly(in, w, old);
}

const asc__st_tensor *asc__weights_find(const asc__st_file **in, const asc__weights *w, const char *name)
{
    const asc__st_tensor *t = find_exactly(in, w, name);
    if (!t)
        t = find_old_norm(in, w, name);
    return !t && strncmp(name, "bert.", 5) == 0 ? asc__weights_find(in, w, name + 5) : t;
}
