#include "text/text_tokens_dir.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void free_strings(char **p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        asc_free(p[i]);
    asc_free(p);
}

void asc_tokens_dir_clear(asc_tokens_dir *d)
{
    free_strings(d->domains, d->n_domains);
    free_strings(d->train_files, d->train_files ? d->n_domains : 0);
    free_strings(d->targets, d->n_targets);
    free_strings(d->valid_files, d->valid_files ? d->n_targets : 0);
    asc_free(d->tokenizer);
    *d = (asc_tokens_dir){0};
}

/* Names of the files NAME<ending> in the folder, sorted. */
static asc_status list_names(char ***out, size_t *n_out, const char *path, const char *ending, asc_error *err)
{
    DIR *dir = opendir(path);
    if (!dir)
        return ASC_FAIL(err, ASC_EINVAL, "%s: cannot open the folder of token files: %s", path, strerror(errno));
    asc_status st = ASC_OK;
    size_t cap = 0, cut = strlen(ending);
    for (struct dirent *e; st == ASC_OK && (e = readdir(dir));) {
        size_t len = strlen(e->d_name);
        if (len <= cut || strcmp(e->d_name + len - cut, ending) != 0)
            continue;
        char **grown = asc_grow(*out, &cap, *n_out + 1, sizeof *grown);
        char *name = grown ? asc_strndup(e->d_name, len - cut) : NULL;
        if (grown)
            *out = grown;
        if (name)
            grown[(*n_out)++] = name;
        else
            st = ASC_NOMEM(err);
    }
    closedir(dir);
    if (*n_out)
        qsort(*out, *n_out, sizeof **out, asc_cmp_strings);
    return st;
}

static asc_status make_prefixes(char ***out, const char *path, char *const *names, size_t n, const char *part,
                                asc_error *err)
{
    *out = asc_calloc(n + 1, sizeof **out);
    if (!*out)
        return ASC_NOMEM(err);
    for (size_t i = 0; i < n; i++)
        if (!((*out)[i] = asc_strf("%s/%s.%s", path, names[i], part)))
            return ASC_NOMEM(err);
    return ASC_OK;
}

static asc_status fill(asc_tokens_dir *d, const char *path, asc_error *err)
{
    ASC_TRY(list_names(&d->domains, &d->n_domains, path, ".train.idx", err));
    ASC_TRY(list_names(&d->targets, &d->n_targets, path, ".valid.idx", err));
    if (d->n_domains + d->n_targets == 0)
        return ASC_FAIL(err, ASC_EINVAL,
                        "%s: no token files (NAME.train.idx, NAME.valid.idx) here; "
                        "`autoscale tokenize` makes them",
                        path);
    ASC_TRY(make_prefixes(&d->train_files, path, d->domains, d->n_domains, "train", err));
    ASC_TRY(make_prefixes(&d->valid_files, path, d->targets, d->n_targets, "valid", err));
    for (size_t i = 0; i < d->n_domains; i++) /* files are named, names are read from them */
        asc_file_name_read(d->domains[i]);
    for (size_t i = 0; i < d->n_targets; i++)
        asc_file_name_read(d->targets[i]);
    char *tokenizer = asc_path_join(path, "tokenizer.json");
    if (!tokenizer)
        return ASC_NOMEM(err);
    if (asc_path_exists(tokenizer))
        d->tokenizer = tokenizer;
    else
        asc_free(tokenizer);
    return ASC_OK;
}

asc_status asc_tokens_dir_open(asc_tokens_dir *out, const char *path, asc_error *err)
{
    asc_tokens_dir d = {0};
    char *full = realpath(path, NULL);
    if (!full)
        return ASC_FAIL(err, ASC_EINVAL, "%s: %s", path, strerror(errno));
    asc_status st = fill(&d, full, err);
    free(full); /* of the C library, not of ours */
    if (st == ASC_OK)
        *out = d;
    else
        asc_tokens_dir_clear(&d);
    return st;
}
