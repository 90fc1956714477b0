/* Where a domain's data lies and what it is: patterns expanded, token files as their prefixes. */
#include "export_private.h"

#include <math.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "text/text.h"

void asc__where_clear(asc__where *w)
{
    for (size_t i = 0; i < w->n; i++)
        asc_free(w->pieces[i].path);
    asc_free(w->pieces);
    *w = (asc__where){0};
}

static bool ends_in(const char *s, const char *suffix)
{
    size_t n = strlen(s), m = strlen(suffix);
    return n > m && strcasecmp(s + n - m, suffix) == 0;
}

static double file_bytes(const char *path)
{
    struct stat sb;
    return stat(path, &sb) == 0 && S_ISREG(sb.st_mode) ? (double)sb.st_size : NAN;
}

/* path + suffix is a file; *n_bytes (may be NULL) its size. */
static bool has(const char *path, const char *suffix, double *n_bytes)
{
    char *full = asc_strf("%s%s", path, suffix);
    double n = full ? file_bytes(full) : NAN;
    asc_free(full);
    if (n_bytes)
        *n_bytes = n;
    return !isnan(n);
}

/* An index of the right kind within a folder. */
static bool index_says(const char *folder, const char *word)
{
    char *path = asc_path_join(folder, "index.json"), *text = NULL;
    size_t n;
    bool says = path && asc_read_file(path, (size_t)64 << 20, &text, &n, NULL) == ASC_OK && strstr(text, word);
    asc_free(text);
    asc_free(path);
    return says;
}

static int data_of_folder(const char *path)
{
    if (index_says(path, "\"shards\""))
        return ASC__DATA_MDS;
    if (index_says(path, "\"chunks\""))
        return ASC__DATA_LITDATA;
    return has(path, "/state.json", NULL) && has(path, "/dataset_info.json", NULL) ? ASC__DATA_ARROW : ASC__DATA_TEXT;
}

static bool begins_as_parquet(const char *path)
{
    char head[4] = "";
    FILE *f = NULL;
    bool is = asc_file_stream(&f, path, NULL) == ASC_OK && fread(head, 1, 4, f) == 4 && memcmp(head, "PAR1", 4) == 0;
    if (f)
        fclose(f);
    return is;
}

static int data_of_file(const char *path)
{
    static const char *const lines[] = {".jsonl",      ".ndjson",    ".json",      ".jsonl.gz",
                                        ".json.gz",    ".ndjson.gz", ".jsonl.zst", ".json.zst",
                                        ".ndjson.zst", ".jsonl.bz2", ".jsonl.xz"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (ends_in(path, lines[i]))
            return ASC__DATA_LINES;
    if (ends_in(path, ".npy") || ends_in(path, ".bin"))
        return ASC__DATA_ARRAY;
    return begins_as_parquet(path) ? ASC__DATA_PARQUET : ASC__DATA_TEXT;
}

static asc_status add(asc__where *w, const char *path, size_t n, int data, double n_bytes, asc_error *err)
{
    asc__piece *grown = asc_grow(w->pieces, &w->cap, w->n + 1, sizeof *grown);
    if (!grown)
        return ASC_NOMEM(err);
    w->pieces = grown;
    char *copy = asc_strndup(path, n);
    if (!copy)
        return ASC_NOMEM(err);
    w->pieces[w->n++] = (asc__piece){copy, data, n_bytes, false};
    return ASC_OK;
}

/* Files that a pattern or a folder of token files stands for. */
static asc_status add_files(asc__where *w, const char *pattern, bool tokens_only, bool *any, asc_error *err)
{
    char **files, *list[1] = {(char *)(uintptr_t)pattern};
    size_t n;
    bool tokens;
    *any = false;
    if (asc_corpus_files(&files, &n, &tokens, list, 1, NULL, NULL, NULL) != ASC_OK)
        return ASC_OK;
    asc_status st = ASC_OK;
    *any = tokens || !tokens_only;
    for (size_t i = 0; *any && i < n && st == ASC_OK; i++) {
        double n_bytes = file_bytes(files[i]);
        size_t len = strlen(files[i]);
        if (tokens) {
            files[i][len - 4] = 0; /* .idx */
            has(files[i], ".bin", &n_bytes);
        }
        st = add(w, files[i], strlen(files[i]), tokens ? ASC__DATA_TOKENS : data_of_file(files[i]), n_bytes, err);
    }
    asc_text_discover_free(files, n);
    return st;
}

static asc_status add_path(asc__where *w, const char *path, asc_error *err)
{
    bool any = false;
    double n_bytes;
    size_t n = strlen(path);
    if (strstr(path, "://"))
        return add(w, path, n, ASC__DATA_UNKNOWN, NAN, err);
    if (has(path, ".idx", NULL) && has(path, ".bin", &n_bytes))
        return add(w, path, n, ASC__DATA_TOKENS, n_bytes, err);
    if (asc_path_is_dir(path)) {
        int data = data_of_folder(path);
        if (data == ASC__DATA_TEXT)
            ASC_TRY(add_files(w, path, true, &any, err));
        return any ? ASC_OK : add(w, path, n, data, NAN, err);
    }
    if (asc_path_exists(path) || strpbrk(path, "*?["))
        ASC_TRY(add_files(w, path, false, &any, err));
    if (any)
        return ASC_OK;
    ASC_TRY(add(w, path, n, ASC__DATA_UNKNOWN, NAN, err));
    w->pieces[w->n - 1].unmatched = strpbrk(path, "*?[") != NULL;
    return ASC_OK;
}

asc_status asc__where_find(asc__where *w, const asc_mix_file *m, size_t i, asc_error *err)
{
    const asc_mix_shards *s = m->shards && m->shards[i].n > 0 ? &m->shards[i] : NULL;
    const char *one = m->paths ? m->paths[i] : NULL;
    w->known = s || one;
    for (size_t k = 0; s && k < s->n; k++)
        ASC_TRY(add_path(w, s->paths[k], err));
    if (!s)
        ASC_TRY(one ? add_path(w, one, err) : add(w, m->domains[i], strlen(m->domains[i]), 0, NAN, err));
    return ASC_OK;
}

/* Sizes up to piece k, of all; equal where one is unknown. */
static double size_up_to(const asc__where *w, size_t k)
{
    double sum = 0;
    bool known = true;
    for (size_t i = 0; i < w->n; i++)
        known = known && w->pieces[i].n_bytes > 0;
    for (size_t i = 0; i < k; i++)
        sum += known ? w->pieces[i].n_bytes : 1;
    return sum;
}

int64_t asc__split_by_size(const asc__where *w, size_t k, int64_t whole)
{
    double all = size_up_to(w, w->n);
    double from = floor((double)whole * (size_up_to(w, k) / all)),
           to = floor((double)whole * (size_up_to(w, k + 1) / all));
    return (k + 1 == w->n ? whole : (int64_t)to) - (int64_t)from;
}
