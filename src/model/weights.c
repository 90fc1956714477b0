#include "weights.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/base_json.h"

/* ---- bare names ---- */

/* What wrappers put before a model's names, or (first ones) anywhere into them. */
static const char *const wrappers[] = {"_orig_mod",
                                       "_fsdp_wrapped_module",
                                       "_checkpoint_wrapped_module",
                                       "module",
                                       "_forward_module",
                                       "model",
                                       "transformer",
                                       "bert",
                                       "gpt_neox",
                                       "base_model",
                                       "language_model",
                                       "net",
                                       "backbone"};
enum { ANYWHERE = 3, N_WRAPPERS = sizeof wrappers / sizeof *wrappers };

static bool is_wrapper(const char *part, size_t n, size_t n_known)
{
    for (size_t i = 0; i < n_known; i++)
        if (strlen(wrappers[i]) == n && memcmp(wrappers[i], part, n) == 0)
            return true;
    return false;
}

/* The name without wrappers; the last part always stays. */
static char *bare_name(const char *name)
{
    char *out = asc_malloc(strlen(name) + 8), *at = out;
    bool front = true;
    if (!out)
        return NULL;
    for (const char *dot; (dot = strchr(name, '.')); name = dot + 1) {
        size_t n = (size_t)(dot - name);
        if (is_wrapper(name, n, front ? N_WRAPPERS : ANYWHERE))
            continue;
        front = false;
        memcpy(at, name, n + 1);
        at += n + 1;
    }
    bool old_gain = strcmp(name, "gamma") == 0, old_bias = strcmp(name, "beta") == 0;
    *at = 0;
    if ((old_gain || old_bias) && asc_ends_with(out, "LayerNorm."))
        name = old_gain ? "weight" : "bias";
    memcpy(at, name, strlen(name) + 1);
    return out;
}

/* ---- which files ---- */

typedef struct paths {
    char **path; /* (n) each once */
    size_t n, cap;
    json_t *map; /* weight_map, or NULL: every tensor of the one file */
    char *index;
} paths;

static void paths_clear(paths *p)
{
    for (size_t i = 0; i < p->n; i++)
        asc_free(p->path[i]);
    asc_free(p->path);
    asc_free(p->index);
    json_decref(p->map);
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

static size_t place_of(const paths *p, const char *name)
{
    size_t i = 0;
    while (i < p->n && strcmp(strrchr(p->path[i], '/') + 1, name) != 0)
        i++;
    return i;
}

static asc_status check_there(const paths *p, const char *dir, asc_error *err)
{
    size_t gone = 0, first = 0;
    for (size_t i = p->n; i-- > 0;)
        if (!asc_path_exists(p->path[i])) {
            gone++;
            first = i;
        }
    if (gone == 0)
        return ASC_OK;
    return ASC_FAIL(err, ASC_EINVAL, "%s: %s is missing%s; model.safetensors.index.json names %zu files, %zu are there",
                    dir, strrchr(p->path[first], '/') + 1, gone > 1 ? ", and others" : "", p->n, p->n - gone);
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
        else if (place_of(p, name) == p->n)
            st = paths_add(p, dir, name, err);
    }
    if (st == ASC_OK && p->n == 0)
        st = ASC_FAIL(err, ASC_EINVAL, "%s: weight_map: expected tensors, found none", index);
    if (st == ASC_OK)
        st = check_there(p, dir, err);
    p->map = json_incref(map);
    p->index = asc_strdup(index);
    json_decref(j);
    return st == ASC_OK && !p->index ? ASC_NOMEM(err) : st;
}

/* Weights of a form that is not read, by the ends of their names; the shortest name stands for all. */
static char *other_weights(const char *dir)
{
    static const char *const ends[] = {".bin", ".pt", ".pth", ".ckpt", ".h5", ".msgpack", ".gguf", ".safetensors"};
    DIR *d = opendir(dir);
    char *best = NULL;
    for (struct dirent *e; d && (e = readdir(d));)
        for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
            bool better = !best || strlen(e->d_name) < strlen(best) ||
                          (strlen(e->d_name) == strlen(best) && strcmp(e->d_name, best) < 0);
            if (!asc_ends_with(e->d_name, ends[i]) || strcmp(e->d_name, "optimizer.safetensors") == 0 || !better)
                continue;
            asc_free(best);
            best = asc_strdup(e->d_name);
        }
    if (d)
        closedir(d);
    return best;
}

static asc_status say_missing(const char *dir, asc_error *err)
{
    char *other = other_weights(dir);
    asc_status st;
    if (!other)
        st = ASC_FAIL(err, ASC_EINVAL, "%s: no model.safetensors and no model.safetensors.index.json", dir);
    else if (asc_ends_with(other, ".safetensors"))
        st = ASC_FAIL(err, ASC_EINVAL,
                      "%s: no model.safetensors; %s is not read: merge an adapter into its model, or rename the file",
                      dir, other);
    else if (strncmp(other, "pytorch_model", 13) == 0)
        st = ASC_FAIL(err, ASC_EINVAL,
                      "%s: weights only in %s, which is not read; convert them: python3 -c \"import transformers as t; "
                      "d='%s'; c=t.AutoConfig.from_pretrained(d); "
                      "getattr(t, c.architectures[0]).from_pretrained(d).save_pretrained(d, safe_serialization=True)\"",
                      dir, other, dir);
    else
        st = ASC_FAIL(err, ASC_EINVAL,
                      "%s: weights only in %s, which is not read; save them as model.safetensors (transformers: "
                      "save_pretrained; else safetensors.torch.save_file)",
                      dir, other);
    asc_free(other);
    return st;
}

static asc_status find_files(paths *p, const char *dir, asc_error *err)
{
    char *whole = asc_path_join(dir, "model.safetensors"), *index = asc_path_join(dir, "model.safetensors.index.json");
    asc_status st = whole && index ? ASC_OK : ASC_NOMEM(err);
    if (st == ASC_OK && asc_path_exists(whole))
        st = paths_add(p, dir, "model.safetensors", err);
    else if (st == ASC_OK && asc_path_exists(index))
        st = read_index(p, dir, index, err);
    else if (st == ASC_OK)
        st = say_missing(dir, err);
    asc_free(whole);
    asc_free(index);
    return st;
}

bool asc__weights_exist(const char *dir)
{
    char *whole = asc_path_join(dir, "model.safetensors"), *index = asc_path_join(dir, "model.safetensors.index.json");
    char *other = other_weights(dir);
    bool found = (whole && asc_path_exists(whole)) || (index && asc_path_exists(index)) || other;
    asc_free(whole);
    asc_free(index);
    asc_free(other);
    return found;
}

/* ---- which tensors ---- */

static asc_status add_weight(asc__weights *w, const asc__st_file *f, const asc__st_tensor *t, asc_error *err)
{
    asc__weight *x = &w->all[w->n_all];
    *x = (asc__weight){.bare = bare_name(t->name), .tensor = t, .file = f};
    if (!x->bare)
        return ASC_NOMEM(err);
    w->n_all++;
    return ASC_OK;
}

static asc_status add_mapped(asc__weights *w, const paths *p, asc_error *err)
{
    const char *name;
    json_t *file;
    json_object_foreach(p->map, name, file)
    {
        const asc__st_file *f = &w->files[place_of(p, json_string_value(file))];
        const asc__st_tensor *t = asc__st_find(f, name);
        if (!t)
            return ASC_FAIL(err, ASC_EINVAL, "%s: tensor '%s' is not in %s, where weight_map places it", p->index, name,
                            json_string_value(file));
        ASC_TRY(add_weight(w, f, t, err));
    }
    return ASC_OK;
}

static int by_bare_name(const void *a, const void *b)
{
    const asc__weight *x = a, *y = b;
    int c = strcmp(x->bare, y->bare);
    return c ? c : strcmp(x->tensor->name, y->tensor->name);
}

static asc_status list_weights(asc__weights *w, const paths *p, asc_error *err)
{
    size_t n = p->map ? json_object_size(p->map) : 0;
    for (size_t i = 0; !p->map && i < w->n; i++)
        n += w->files[i].n_tensors;
    if (!(w->all = asc_calloc(n + 1, sizeof *w->all)))
        return ASC_NOMEM(err);
    if (p->map)
        ASC_TRY(add_mapped(w, p, err));
    for (size_t i = 0; !p->map && i < w->n; i++)
        for (size_t k = 0; k < w->files[i].n_tensors; k++)
            ASC_TRY(add_weight(w, &w->files[i], &w->files[i].tensors[k], err));
    qsort(w->all, w->n_all, sizeof *w->all, by_bare_name);
    return ASC_OK;
}

/* ---- their life ---- */

void asc__weights_close(asc__weights *w)
{
    for (size_t i = 0; i < w->n_all; i++)
        asc_free(w->all[i].bare);
    asc_free(w->all);
    for (size_t i = 0; i < w->n; i++)
        asc__st_close(&w->files[i]);
    asc_free(w->files);
    *w = (asc__weights){0};
}

static asc_status open_files(asc__weights *w, const paths *p, asc_error *err)
{
    if (!(w->files = asc_calloc(p->n, sizeof *w->files)))
        return ASC_NOMEM(err);
    for (size_t i = 0; i < p->n; i++) {
        ASC_TRY(asc__st_open(&w->files[i], p->path[i], err));
        w->n++;
    }
    return list_weights(w, p, err);
}

static asc_status finish_open(asc__weights *out, paths *p, asc_status st, asc_error *err)
{
    asc__weights w = {0};
    if (st == ASC_OK)
        st = open_files(&w, p, err);
    paths_clear(p);
    if (st == ASC_OK)
        *out = w;
    else
        asc__weights_close(&w);
    return st;
}

asc_status asc__weights_open(asc__weights *out, const char *dir, asc_error *err)
{
    paths p = {0};
    asc_status st = find_files(&p, dir, err);
    return finish_open(out, &p, st, err);
}

asc_status asc__weights_open_file(asc__weights *out, const char *path, asc_error *err)
{
    paths p = {0};
    char *dir = asc_path_dir(path);
    const char *slash = strrchr(path, '/');
    asc_status st = dir ? paths_add(&p, dir, slash ? slash + 1 : path, err) : ASC_NOMEM(err);
    asc_free(dir);
    return finish_open(out, &p, st, err);
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

/* ---- one tensor ---- */

/* The first of the tensors with that bare name, n_all where there is none. */
static size_t first_of(const asc__weights *w, const char *bare)
{
    size_t lo = 0, hi = w->n_all;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (strcmp(w->all[mid].bare, bare) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < w->n_all && strcmp(w->all[lo].bare, bare) == 0 ? lo : w->n_all;
}

asc_status asc__weights_find(const asc__weight **out, const asc__weights *w, const char *name, asc_error *err)
{
    char *bare = bare_name(name);
    if (!bare)
        return ASC_NOMEM(err);
    size_t i = first_of(w, bare), end = i;
    *out = i < w->n_all ? &w->all[i] : NULL;
    for (; end < w->n_all && strcmp(w->all[end].bare, bare) == 0; end++)
        if (strcmp(w->all[end].tensor->name, name) == 0) {
            *out = &w->all[end];
            i = w->n_all;
        }
    asc_free(bare);
    if (i < w->n_all && end - i > 1)
        return ASC_FAIL(err, ASC_EINVAL, "%s: both '%s' and '%s' match tensor '%s'", w->all[i].file->path,
                        w->all[i].tensor->name, w->all[i + 1].tensor->name, name);
    return ASC_OK;
}
