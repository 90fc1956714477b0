/* From paths, folders and globs to a sorted list of files. */
#include "autoscale/text.h"
#include "token_array.h"
#include "token_format.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MAX_DEPTH = 64 };

struct list {
    char **files;
    size_t n, cap;
};

void asc_text_discover_free(char **files, size_t n)
{
    for (size_t i = 0; files && i < n; i++)
        asc_free(files[i]);
    asc_free(files);
}

static asc_status add(struct list *l, const char *path, asc_error *err)
{
    char **grown = asc_grow(l->files, &l->cap, l->n + 1, sizeof *grown);
    if (grown)
        l->files = grown;
    char *copy = grown ? asc_strdup(path) : NULL;
    if (!copy)
        return ASC_NOMEM(err);
    l->files[l->n++] = copy;
    return ASC_OK;
}

static bool is_glob(const char *s)
{
    return strpbrk(s, "*?[") != NULL;
}

static bool is_file(const char *path)
{
    struct stat sb;
    return stat(path, &sb) == 0 && S_ISREG(sb.st_mode);
}

/* A link to a folder is no folder here: links may form circles. */
static bool is_real_dir(const char *path)
{
    struct stat sb;
    return lstat(path, &sb) == 0 && S_ISDIR(sb.st_mode);
}

typedef asc_status (*entry_fn)(struct list *l, const char *path, const char *name, const char *rest, int depth,
                               asc_error *err);

static asc_status each_entry(struct list *l, const char *dir, const char *rest, int depth, entry_fn fn, asc_error *err)
{
    DIR *d = opendir(dir[0] ? dir : ".");
    if (!d && (errno == ENOENT || errno == ENOTDIR))
        return ASC_OK;
    if (!d)
        return ASC_FAIL(err, ASC_EIO, "%s: cannot open the folder: %s", dir, strerror(errno));
    asc_status st = ASC_OK;
    for (struct dirent *e; st == ASC_OK && (e = readdir(d));) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        char *path = asc_path_join(dir, e->d_name);
        st = path ? fn(l, path, e->d_name, rest, depth, err) : ASC_NOMEM(err);
        asc_free(path);
    }
    closedir(d);
    return st;
}

static asc_status add_tree_entry(struct list *l, const char *path, const char *name, const char *rest, int depth,
                                 asc_error *err)
{
    if (name[0] == '.')
        return ASC_OK;
    if (is_file(path))
        return add(l, path, err);
    if (depth >= MAX_DEPTH || !is_real_dir(path))
        return ASC_OK;
    return each_entry(l, path, rest, depth + 1, add_tree_entry, err);
}

static asc_status match(struct list *l, const char *dir, const char *pattern, int depth, asc_error *err);

/* ** stands for no folder or any number of them: it stays in front of what is below a folder. */
static asc_status descend(struct list *l, const char *path, const char *name, const char *rest, int depth,
                          asc_error *err)
{
    if (name[0] == '.' || depth >= MAX_DEPTH || !is_real_dir(path))
        return ASC_OK;
    ASC_TRY(match(l, path, rest, depth + 1, err));
    return each_entry(l, path, rest, depth + 1, descend, err);
}

/* rest is the pattern from this component on. */
static asc_status match_entry(struct list *l, const char *path, const char *name, const char *rest, int depth,
                              asc_error *err)
{
    const char *slash = strchr(rest, '/');
    char *component = asc_strndup(rest, slash ? (size_t)(slash - rest) : strlen(rest));
    if (!component)
        return ASC_NOMEM(err);
    bool fits = fnmatch(component, name, FNM_PERIOD) == 0;
    asc_free(component);
    if (!fits)
        return ASC_OK;
    if (!slash)
        return is_file(path) ? add(l, path, err) : ASC_OK;
    return asc_path_is_dir(path) ? match(l, path, slash + 1, depth + 1, err) : ASC_OK;
}

static asc_status match(struct list *l, const char *dir, const char *pattern, int depth, asc_error *err)
{
    while (*pattern == '/')
        pattern++;
    const char *slash = strchr(pattern, '/');
    size_t n = slash ? (size_t)(slash - pattern) : strlen(pattern);
    if (depth >= MAX_DEPTH)
        return ASC_OK;
    if (n == 2 && strncmp(pattern, "**", 2) == 0) {
        if (!slash)
            return each_entry(l, dir, NULL, depth, add_tree_entry, err);
        ASC_TRY(match(l, dir, slash + 1, depth, err));
        return each_entry(l, dir, slash + 1, depth, descend, err);
    }
    return each_entry(l, dir, pattern, depth, match_entry, err);
}

/* The folder before the first component that is a glob, and the rest. */
static asc_status match_from_root(struct list *l, const char *path, asc_error *err)
{
    const char *cut = path;
    for (const char *p = path, *slash;
         (slash = strchr(p, '/')) && memchr(p, '*', (size_t)(slash - p)) == NULL &&
         memchr(p, '?', (size_t)(slash - p)) == NULL && memchr(p, '[', (size_t)(slash - p)) == NULL;
         p = slash + 1)
        cut = slash + 1;
    char *dir = asc_strndup(path, (size_t)(cut - path));
    asc_status st = dir ? match(l, dir, cut, 0, err) : ASC_NOMEM(err);
    asc_free(dir);
    return st;
}

/* A prefix PREFIX.bin and PREFIX.idx, as Megatron's own options name a data set. */
static asc_status add_token_file(struct list *l, const char *prefix, asc_error *err)
{
    char *index = asc_strf("%s.idx", prefix);
    asc_status st = !index           ? ASC_NOMEM(err)
                    : is_file(index) ? add(l, index, err)
                                     : ASC_FAIL(err, ASC_EINVAL, "%s: no such file or folder", prefix);
    asc_free(index);
    return st;
}

static asc_status expand(struct list *l, const char *pattern, const char *base_dir, asc_error *err)
{
    char *path = asc_path_join(base_dir ? base_dir : "", pattern);
    if (!path)
        return ASC_NOMEM(err);
    size_t before = l->n;
    asc_status st = ASC_OK;
    if (asc_path_is_dir(path))
        st = each_entry(l, path, NULL, 0, add_tree_entry, err);
    else if (is_file(path))
        st = add(l, path, err);
    else if (asc_path_exists(path))
        st = ASC_FAIL(err, ASC_EINVAL, "%s: not a regular file (text is read more than once)", path);
    else if (is_glob(path))
        st = match_from_root(l, path, err);
    else
        st = add_token_file(l, path, err);
    if (st == ASC_OK && l->n == before)
        st = ASC_FAIL(err, ASC_EINVAL, "%s: no file %s", path, is_glob(path) ? "matches" : "in this folder");
    asc_free(path);
    return st;
}

static size_t sort_unique(char **files, size_t n)
{
    qsort(files, n, sizeof *files, asc_cmp_strings);
    size_t k = 0;
    for (size_t i = 0; i < n; i++) {
        if (k > 0 && strcmp(files[i], files[k - 1]) == 0)
            asc_free(files[i]);
        else
            files[k++] = files[i];
    }
    return k;
}

asc_status asc_text_discover(char ***out, size_t *n, char *const *patterns, size_t n_patterns, const char *base_dir,
                             asc_error *err)
{
    struct list l = {0};
    asc_status st = n_patterns ? ASC_OK : ASC_FAIL(err, ASC_EINVAL, "no files named");
    for (size_t i = 0; i < n_patterns && st == ASC_OK; i++)
        st = expand(&l, patterns[i], base_dir, err);
    if (st != ASC_OK) {
        asc_text_discover_free(l.files, l.n);
        return st;
    }
    *n = sort_unique(l.files, l.n);
    *out = l.files;
    return ASC_OK;
}

/* ---- token files among them ---- */

static bool ends_in(const char *path, const char *suffix)
{
    size_t n = strlen(path), k = strlen(suffix);
    return n > k && strcmp(path + n - k, suffix) == 0;
}

static bool begins_as_index(const char *path)
{
    char head[9] = "";
    FILE *f = NULL;
    size_t n = asc_file_stream(&f, path, NULL) == ASC_OK ? fread(head, 1, sizeof head, f) : 0;
    if (f)
        fclose(f);
    return n == sizeof head && memcmp(head, ASC__IDX_MAGIC, sizeof head) == 0;
}

/* PREFIX.bin and PREFIX.sum beside a PREFIX.idx stand for it. */
static asc_status index_of(char **path, asc_error *err)
{
    if (!ends_in(*path, ".bin") && !ends_in(*path, ".sum"))
        return ASC_OK;
    char *index = asc_strf("%.*s.idx", (int)strlen(*path) - 4, *path);
    if (!index)
        return ASC_NOMEM(err);
    if (begins_as_index(index)) {
        asc_free(*path);
        *path = index;
    } else
        asc_free(index);
    return ASC_OK;
}

bool asc_corpus_dtype_known(const char *dtype)
{
    return asc__token_dtype_width(dtype) > 0;
}

/* How many of them are token files; bare arrays where dtype says so, or where they say it themselves. */
static size_t count_token_files(char **files, size_t n, const char *dtype)
{
    size_t k = 0;
    for (size_t i = 0; i < n; i++)
        k += (ends_in(files[i], ".idx") && begins_as_index(files[i])) || dtype || asc__token_array_known(files[i]);
    return k;
}

static const char *first_text(char **files, size_t n, const char *dtype)
{
    size_t i = 0;
    while (i + 1 < n && count_token_files(&files[i], 1, dtype) == 1)
        i++;
    return files[i];
}

asc_status asc_corpus_files(char ***out, size_t *n, bool *are_tokens, char *const *patterns, size_t n_patterns,
                            const char *base_dir, const char *dtype, asc_error *err)
{
    char **files;
    size_t n_files;
    if (dtype && !asc_corpus_dtype_known(dtype))
        return ASC_FAIL(err, ASC_EINVAL, "dtype '%s': expected uint8, uint16, int16, uint32, int32, uint64 or int64",
                        dtype);
    ASC_TRY(asc_text_discover(&files, &n_files, patterns, n_patterns, base_dir, err));
    asc_status st = ASC_OK;
    for (size_t i = 0; i < n_files && st == ASC_OK; i++)
        st = index_of(&files[i], err);
    n_files = sort_unique(files, n_files);
    size_t n_tokens = st == ASC_OK ? count_token_files(files, n_files, dtype) : 0;
    if (st == ASC_OK && n_tokens > 0 && n_tokens < n_files)
        st = ASC_FAIL(err, ASC_EINVAL, "%s: text among token files; a domain is made of one or the other",
                      first_text(files, n_files, dtype));
    if (st != ASC_OK) {
        asc_text_discover_free(files, n_files);
        return st;
    }
    *are_tokens = n_tokens > 0;
    *out = files;
    *n = n_files;
    return ASC_OK;
}
