/* What an earlier call left in the folder: token files that are whole, and parts of those that are not. */
#include "corpus.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char *asc_corpus_prefix(const char *out_dir, const char *name, bool valid)
{
    char *file = asc_file_name(name), *prefix = NULL;
    if (file)
        prefix = asc_strf("%s/%s.%s", out_dir, file, valid ? "valid" : "train");
    asc_free(file);
    return prefix;
}

static bool token_file_holds(const char *out_dir, const char *name, bool valid, int64_t n_tokens)
{
    asc_token_file *f = NULL;
    char *prefix = asc_corpus_prefix(out_dir, name, valid);
    bool good = prefix && asc_token_file_open(&f, prefix, NULL) == ASC_OK && asc_token_file_tokens(f) == n_tokens;
    asc_token_file_close(f);
    asc_free(prefix);
    return good;
}

bool asc__corpus_holds(const char *out_dir, const asc_corpus_domain *d, const asc_domain_report *r)
{
    return (d->n_train == 0 || token_file_holds(out_dir, d->name, false, r->n_tokens)) &&
           token_file_holds(out_dir, d->name, true, r->n_valid_tokens);
}

bool asc__corpus_finished(asc_domain_report **out, const asc_corpus_opts *o, const json_t *root, const char *path)
{
    asc_domain_report *r = NULL;
    if (asc__report_read(&r, root, path, o->n_domains, NULL) != ASC_OK)
        return false;
    bool good = true;
    for (size_t k = 0; k < o->n_domains && good; k++) {
        const asc_corpus_domain *d = &o->domains[k];
        good = strcmp(r[k].name, d->name) == 0 && asc__corpus_holds(o->out_dir, d, &r[k]);
    }
    char *tokenizer = asc_path_join(o->out_dir, "tokenizer.json");
    good = good && tokenizer && asc_path_exists(tokenizer);
    asc_free(tokenizer);
    if (!good) {
        asc_domain_reports_free(r, o->n_domains);
        return false;
    }
    *out = r;
    return true;
}

void asc__remove_leftovers(const char *dir)
{
    DIR *d = opendir(dir);
    for (struct dirent *e; d && (e = readdir(d));) {
        const char *tmp = strstr(e->d_name, ".tmp.");
        long pid = tmp ? strtol(tmp + 5, NULL, 10) : 0;
        if (pid <= 0 || kill((pid_t)pid, 0) == 0 || errno != ESRCH)
            continue;
        char *path = asc_path_join(dir, e->d_name);
        if (path)
            unlink(path);
        asc_free(path);
    }
    if (d)
        closedir(d);
}
