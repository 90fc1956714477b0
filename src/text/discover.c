/* From paths, folders and globs to a sorted list of files. Links to folders are followed, each folder being read once;
 * what matches and is passed over is told, so that a part of a corpus never stays away in silence. */
#include "corpus.h"
#include "token_array.h"
#include "token_format.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MAX_DEPTH = 1000 };

/** A link to a folder, read after all that lies in real ones: these give their files the names. */
struct link {
    char *path;
    const char *rest;
    bool whole; /* all below it, else ** before rest */
};

struct list {
    char **files;
    size_t n, cap;
    asc__hash_set visits; /* folders that a ** has come to, and what it was to match there: links may form circles */
    struct link *links;
    size_t n_links, cap_links;
    asc_rejected_fn skipped;
    void *ctx;
};

void asc_text_discover_free(char **files, size_t n)
{
    for (size_t i = 0; files && i < n; i++)
        asc_free(files[i]);
    asc_free(files);
}

/* ---- what was found ---- */

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

static asc_status add_link(struct list *l, const char *path, const char *rest, bool whole, asc_error *err)
{
    struct link *grown = asc_grow(l->links, &l->cap_links, l->n_links + 1, sizeof *grown);
    if (grown)
        l->links = grown;
    char *copy = grown ? asc_strdup(path) : NULL;
    if (!copy)
        return ASC_NOMEM(err);
    l->links[l->n_links++] = (struct link){copy, rest, whole};
    return ASC_OK;
}

static void skip(const struct list *l, const char *path, const char *why)
{
    if (l->skipped)
        l->skipped(l->ctx, path, 0, why);
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

static bool is_link(const char *path)
{
    struct stat sb;
    return lstat(path, &sb) == 0 && S_ISLNK(sb.st_mode);
}

/* What is neither file nor folder. */
static void skip_other(const struct list *l, const char *path)
{
    struct stat sb;
    skip(l, path, stat(path, &sb) == 0 ? "not a regular file" : "a broken link");
}

/* *fresh: this ** has not been here before. */
static asc_status visit(struct list *l, const char *dir, const char *rest, bool *fresh, asc_error *err)
{
    struct stat sb;
    uint8_t key[ASC__HASH_BYTES];
    *fresh = true;
    if (stat(dir[0] ? dir : ".", &sb) != 0)
        return ASC_OK; /* opening it says why */
    uint64_t facts[3] = {sb.st_dev, sb.st_ino, (uintptr_t)rest};
    for (uint64_t half = 0; half < 2; half++) {
        uint64_t h = asc_hash64(facts, sizeof facts, half + 1);
        memcpy(key + 8 * half, &h, sizeof h);
    }
    return asc__hash_set_add(&l->visits, key, fresh, err);
}

/* ---- folders ---- */

typedef asc_status (*entry_fn)(struct list *l, const char *path, const char *name, const char *rest, int depth,
                               asc_error *err);

/* Its names, sorted; the folder is closed before anything in it is looked at, however deep that is. */
static asc_status read_names(struct list *names, const char *dir, asc_error *err)
{
    DIR *d = opendir(dir[0] ? dir : ".");
    if (!d && (errno == ENOENT || errno == ENOTDIR))
        return ASC_OK;
    if (!d)
        return ASC_FAIL(err, ASC_EIO, "%s: cannot open the folder: %s", dir, strerror(errno));
    asc_status st = ASC_OK;
    for (struct dirent *e; st == ASC_OK && (e = readdir(d));)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            st = add(names, e->d_name, err);
    closedir(d);
    if (names->n)
        qsort(names->files, names->n, sizeof *names->files, asc_cmp_strings);
    return st;
}

static asc_status each_entry(struct list *l, const char *dir, const char *rest, int depth, entry_fn fn, asc_error *err)
{
    struct list names = {0};
    asc_status st = read_names(&names, dir, err);
    for (size_t i = 0; i < names.n && st == ASC_OK; i++) {
        char *path = asc_path_join(dir, names.files[i]);
        st = path ? fn(l, path, names.files[i], rest, depth, err) : ASC_NOMEM(err);
        asc_free(path);
    }
    asc_text_discover_free(names.files, names.n);
    return st == ASC_OK && asc_interrupted() ? ASC_FAIL(err, ASC_EINTR, "interrupted") : st;
}

static asc_status add_tree_entry(struct list *l, const char *path, const char *name, const char *rest, int depth,
                                 asc_error *err);

static asc_status add_tree(struct list *l, const char *dir, int depth, asc_error *err)
{
    bool fresh;
    ASC_TRY(visit(l, dir, NULL, &fresh, err));
    return fresh ? each_entry(l, dir, NULL, depth, add_tree_entry, err) : ASC_OK;
}

static asc_status add_tree_entry(struct list *l, const char *path, const char *name, const char *rest, int depth,
                                 asc_error *err)
{
    if (name[0] == '.')
        skip(l, path, "hidden (its name begins with a dot)");
    else if (is_file(path))
        return add(l, path, err);
    else if (!asc_path_is_dir(path))
        skip_other(l, path);
    else if (is_link(path))
        return add_link(l, path, NULL, true, err);
    else if (depth >= MAX_DEPTH)
        skip(l, path, "nested too deeply to read");
    else
        return add_tree(l, path, depth + 1, err);
    return ASC_OK;
}

/* ---- globs ---- */

static asc_status match(struct list *l, const char *dir, const char *pattern, int depth, asc_error *err);
static asc_status descend_entry(struct list *l, const char *path, const char *name, const char *rest, int depth,
                                asc_error *err);

/* ** stands for no folder or any number of them: it stays in front of what is below a folder. */
static asc_status descend(struct list *l, const char *dir, const char *rest, int depth, asc_error *err)
{
    bool fresh;
    ASC_TRY(visit(l, dir, rest, &fresh, err));
    if (!fresh)
        return ASC_OK;
    ASC_TRY(match(l, dir, rest, depth, err));
    return each_entry(l, dir, rest, depth, descend_entry, err);
}

static asc_status descend_entry(struct list *l, const char *path, const char *name, const char *rest, int depth,
                                asc_error *err)
{
    if (!asc_path_is_dir(path))
        return ASC_OK;
    if (name[0] == '.')
        skip(l, path, "a hidden folder (its name begins with a dot)");
    else if (is_link(path))
        return add_link(l, path, rest, false, err);
    else if (depth >= MAX_DEPTH)
        skip(l, path, "nested too deeply to read");
    else
        return descend(l, path, rest, depth + 1, err);
    return ASC_OK;
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
    if (slash)
        return asc_path_is_dir(path) ? match(l, path, slash + 1, depth + 1, err) : ASC_OK;
    if (is_file(path))
        return add(l, path, err);
    if (!asc_path_is_dir(path))
        skip_other(l, path);
    return ASC_OK;
}

static asc_status match(struct list *l, const char *dir, const char *pattern, int depth, asc_error *err)
{
    while (*pattern == '/')
        pattern++;
    const char *slash = strchr(pattern, '/');
    size_t n = slash ? (size_t)(slash - pattern) : strlen(pattern);
    if (n == 2 && strncmp(pattern, "**", 2) == 0)
        return slash ? descend(l, dir, slash + 1, depth, err) : add_tree(l, dir, depth, err);
    return each_entry(l, dir, pattern, depth, match_entry, err);
}

/* Links that were met, and those met behind them. A folder that was read already is not read again. */
static asc_status follow_links(struct list *l, asc_status st, asc_error *err)
{
    for (size_t i = 0; i < l->n_links && st == ASC_OK; i++) {
        const char *path = l->links[i].path, *rest = l->links[i].rest;
        st = l->links[i].whole ? add_tree(l, path, 1, err) : descend(l, path, rest, 1, err);
    }
    for (size_t i = 0; i < l->n_links; i++)
        asc_free(l->links[i].path);
    l->n_links = 0;
    asc__hash_set_clear(&l->visits);
    return st;
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
        st = add_tree(l, path, 0, err);
    else if (is_file(path))
        st = add(l, path, err);
    else if (asc_path_exists(path))
        st = ASC_FAIL(err, ASC_EINVAL, "%s: not a regular file (text is read more than once)", path);
    else if (is_glob(path))
        st = match_from_root(l, path, err);
    else
        st = add_token_file(l, path, err);
    st = follow_links(l, st, err);
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

static asc_status discover(char ***out, size_t *n, char *const *patterns, size_t n_patterns, const char *base_dir,
                           asc_rejected_fn skipped, void *ctx, asc_error *err)
{
    struct list l = {.skipped = skipped, .ctx = ctx};
    asc_status st = n_patterns ? ASC_OK : ASC_FAIL(err, ASC_EINVAL, "no files given");
    for (size_t i = 0; i < n_patterns && st == ASC_OK; i++)
        st = expand(&l, patterns[i], base_dir, err);
    asc__hash_set_clear(&l.visits);
    asc_free(l.links);
    if (st != ASC_OK) {
        asc_text_discover_free(l.files, l.n);
        return st;
    }
    *n = sort_unique(l.files, l.n);
    *out = l.files;
    return ASC_OK;
}

asc_status asc_text_discover(char ***out, size_t *n, char *const *patterns, size_t n_patterns, const char *base_dir,
                             asc_error *err)
{
    return discover(out, n, patterns, n_patterns, base_dir, NULL, NULL, err);
}

/* ---- token files among them ---- */

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
    if (!asc_ends_with(*path, ".bin") && !asc_ends_with(*path, ".sum"))
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
        k +=
            (asc_ends_with(files[i], ".idx") && begins_as_index(files[i])) || dtype || asc__token_array_known(files[i]);
    return k;
}

static const char *first_text(char **files, size_t n, const char *dtype)
{
    size_t i = 0;
    while (i + 1 < n && count_token_files(&files[i], 1, dtype) == 1)
        i++;
    return files[i];
}

asc_status asc_corpus_files_told(char ***out, size_t *n, bool *are_tokens, char *const *patterns, size_t n_patterns,
                                 const char *base_dir, const char *dtype, asc_rejected_fn skipped, void *ctx,
                                 asc_error *err)
{
    char **files;
    size_t n_files;
    if (dtype && !asc_corpus_dtype_known(dtype))
        return ASC_FAIL(err, ASC_EINVAL, "dtype '%s': expected uint8, uint16, int16, uint32, int32, uint64 or int64",
                        dtype);
    ASC_TRY(discover(&files, &n_files, patterns, n_patterns, base_dir, skipped, ctx, err));
    asc_status st = ASC_OK;
    for (size_t i = 0; i < n_files && st == ASC_OK; i++)
        st = index_of(&files[i], err);
    n_files = sort_unique(files, n_files);
    size_t n_tokens = st == ASC_OK ? count_token_files(files, n_files, dtype) : 0;
    if (st == ASC_OK && n_tokens > 0 && n_tokens < n_files)
        st = ASC_FAIL(err, ASC_EINVAL, "%s: text among token files; a domain may contain only one of them",
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

asc_status asc_corpus_files(char ***out, size_t *n, bool *are_tokens, char *const *patterns, size_t n_patterns,
                            const char *base_dir, const char *dtype, asc_error *err)
{
    return asc_corpus_files_told(out, n, are_tokens, patterns, n_patterns, base_dir, dtype, NULL, NULL, err);
}
