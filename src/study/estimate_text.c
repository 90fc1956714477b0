/* What a plan knows of the text without preparing it. */
#include "estimate.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

asc_status asc__estimate_tokenizer(asc_tokenizer **t, asc__study *s, const char *dir, asc_error *err)
{
    const asc_study_spec *spec = s->spec;
    char *path = spec->tokenizer_path ? asc_path_join(spec->base_dir, spec->tokenizer_path)
                                      : asc_path_join(dir, "tokens/tokenizer.json");
    asc_status st = path ? ASC_OK : ASC_NOMEM(err);
    s->model = spec->model;
    s->model.vocab = (int)spec->tokenizer_vocab;
    asc_error ignored; /* of a learnt one, which can be learnt again */
    if (st == ASC_OK && spec->tokenizer_path)
        st = asc_tokenizer_load(t, path, err);
    else if (st == ASC_OK && asc_path_exists(path) && asc_tokenizer_load(t, path, &ignored) != ASC_OK)
        *t = NULL;
    if (st == ASC_OK && *t)
        s->model.vocab = (int)asc_tokenizer_vocab(*t);
    asc_free(path);
    return st == ASC_OK ? asc__sizes_set(s, err) : st;
}

/* What was counted when the text was prepared before; NaN else. */
static asc_status counted_available(asc__study *s, const char *dir, asc_error *err)
{
    size_t D = s->D;
    ASC_TRY(asc__study_limits_alloc(s, err));
    char *path = asc_path_join(dir, "tokens/report.json");
    json_t *report = NULL;
    asc_error ignored;
    if (path && asc_path_exists(path))
        asc_json_load(&report, path, &ignored);
    asc_free(path);
    const json_t *list = json_object_get(report, "domains");
    for (size_t i = 0; i < D; i++) {
        s->there[i] = NAN;
        for (size_t k = 0; k < json_array_size(list); k++) {
            const json_t *d = json_array_get(list, k), *n = json_object_get(d, "tokens");
            const char *name = json_string_value(json_object_get(d, "name"));
            if (name && strcmp(name, s->spec->domain_names[i]) == 0 && json_is_number(n))
                s->there[i] = json_number_value(n);
        }
    }
    json_decref(report);
    return ASC_OK;
}

/* Text and token files ask for different tokenizers. */
static asc_status check_tokenizer(const asc__study *s, bool are_tokens, const char *file, asc_error *err)
{
    const asc_study_spec *spec = s->spec;
    bool ids = spec->tokenizer_kind == ASC_TOKENIZER_IDS;
    if (are_tokens && !ids && !spec->tokenizer_path)
        return ASC_FAIL(err, ASC_EINVAL,
                        "%s: token files need their tokenizer (tokenizer: PATH), or its vocabulary size and "
                        "end-of-document id (tokenizer: {vocab: N, end: ID})",
                        file);
    if (!are_tokens && ids)
        return ASC_FAIL(err, ASC_EINVAL, "%s: text needs a tokenizer; vocab and end alone are for token files", file);
    return ASC_OK;
}

/* Tokens of a domain's training or held-out files: counted where they are token files, else about four bytes each. Its
 * first file is looked at, so that what cannot be read is said before anything runs. */
static asc_status guess_tokens(double *tokens, const asc__study *s, const asc_study_domain *d, bool valid,
                               asc_error *err)
{
    char **files;
    size_t n_files;
    bool are_tokens;
    int64_t counted = 0;
    asc_error why;
    double bytes = 0;
    asc_status st = asc_corpus_files(&files, &n_files, &are_tokens, valid ? d->valid : d->train,
                                     valid ? d->n_valid : d->n_train, s->spec->base_dir, d->dtype, &why);
    if (st == ASC_OK) {
        st = asc_corpus_probe(files, n_files, are_tokens, d->field, d->dtype, &why);
        if (st == ASC_OK)
            st = check_tokenizer(s, are_tokens, files[0], &why);
        if (st == ASC_OK && are_tokens)
            st = asc_corpus_count_tokens(&counted, files, n_files, d->dtype, &why);
        for (size_t k = 0; k < n_files && !are_tokens; k++)
            bytes += asc_corpus_guess_bytes(files[k], d->field);
        asc_text_discover_free(files, n_files);
        *tokens = are_tokens ? (double)counted : bytes / 4;
    }
    if (st == ASC_OK || st == ASC_ENOMEM)
        return st == ASC_OK ? ASC_OK : ASC_NOMEM(err);
    return ASC_FAIL(err, st, "%s: domain %s: %s", s->spec->path, d->name, why.msg);
}

/* Held-out text that a run would look for in vain. */
static asc_status check_heldout(const asc__study *s, asc_error *err)
{
    double tokens;
    for (size_t i = 0; i < s->V; i++) {
        const asc_study_domain *d = i < s->D ? &s->spec->domains[i] : &s->spec->heldout[i - s->D];
        if (d->n_valid > 0)
            ASC_TRY(guess_tokens(&tokens, s, d, true, err));
    }
    return ASC_OK;
}

/* Files as a set: how many, and a sum of hashes of their real paths. n = 0: token files, which are not compared. */
typedef struct files_of {
    const asc_study_domain *domain;
    bool valid;
    size_t n;
    uint64_t sum;
} files_of;

static asc_status find_files(files_of *f, const asc__study *s, asc_error *err)
{
    const asc_study_domain *d = f->domain;
    char **files;
    size_t n;
    bool are_tokens;
    asc_error ignored; /* said by guess_tokens */
    asc_status st = asc_corpus_files(&files, &n, &are_tokens, f->valid ? d->valid : d->train,
                                     f->valid ? d->n_valid : d->n_train, s->spec->base_dir, d->dtype, &ignored);
    if (st != ASC_OK)
        return st == ASC_ENOMEM ? ASC_NOMEM(err) : ASC_OK;
    for (size_t k = 0; k < n && !are_tokens; k++) {
        char real[PATH_MAX];
        const char *path = realpath(files[k], real) ? real : files[k];
        f->sum += asc_hash64(path, strlen(path), 0);
        f->n++;
    }
    asc_text_discover_free(files, n);
    return ASC_OK;
}

/* All held-out sets, then the training files in the order of the domains: documents of one count where they come first.
 */
static size_t list_sets(files_of *f, const asc__study *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->V; i++) {
        const asc_study_domain *d = i < s->D ? &s->spec->domains[i] : &s->spec->heldout[i - s->D];
        if (d->n_valid > 0)
            f[n++] = (files_of){.domain = d, .valid = true};
    }
    for (size_t i = 0; i < s->D; i++)
        f[n++] = (files_of){.domain = &s->spec->domains[i]};
    return n;
}

/* A domain of nothing but files that are held out, or an earlier domain's, would lose every document. */
static asc_status check_same_files(const asc__study *s, asc_error *err)
{
    files_of *f = asc_calloc(s->V + s->D, sizeof *f);
    asc_status st = f ? ASC_OK : ASC_NOMEM(err);
    size_t n = f ? list_sets(f, s) : 0;
    for (size_t k = 0; k < n && st == ASC_OK; k++) {
        st = find_files(&f[k], s, err);
        for (size_t m = 0; m < k && st == ASC_OK && !f[k].valid && f[k].n; m++)
            if (f[m].n == f[k].n && f[m].sum == f[k].sum)
                st = ASC_FAIL(
                    err, ASC_EINVAL, "%s: domain %s: its files are those %s%s: every document would be left out",
                    s->spec->path, f[k].domain->name, f[m].valid ? "held out for " : "of domain ", f[m].domain->name);
    }
    asc_free(f);
    return st;
}

/* Good enough for epochs in a plan. */
static asc_status guess_available(asc__study *s, bool *guessed, asc_error *err)
{
    *guessed = false;
    for (size_t i = 0; i < s->D; i++) {
        const asc_study_domain *d = &s->spec->domains[i];
        if (isnan(s->there[i])) {
            *guessed = true;
            ASC_TRY(guess_tokens(&s->there[i], s, d, false, err));
            s->there[i] = fmin(s->there[i], asc__sample_tokens(s->spec, i));
            s->there[i] = fmax(floor(s->there[i] * .95), 1); /* without what is held out */
        }
        s->available[i] = d->available > 0 ? d->available : s->there[i];
        asc__study_set_epochs(s, i);
    }
    return ASC_OK;
}

/* Whether the budgets fit into the caps. */
static asc_status check_caps(const asc__study *s, asc_error *err)
{
    int64_t *tokens = asc_calloc(s->D, sizeof *tokens);
    double *shares = asc_calloc(s->D, sizeof *shares);
    asc__moved moved;
    asc_status st = tokens && shares ? ASC_OK : ASC_NOMEM(err);
    for (size_t k = 0; k < s->spec->n_scales && st == ASC_OK; k++)
        st = asc__whole_tokens(tokens, NULL, s, s->reference, s->spec->scales[k], err);
    if (st == ASC_OK)
        st = asc__bounded_tokens(tokens, shares, &moved, s, s->reference, s->spec->target_tokens, err);
    asc_free(tokens);
    asc_free(shares);
    return st;
}

asc_status asc__estimate_text(bool *guessed, asc__study *s, const char *dir, asc_error *err)
{
    ASC_TRY(counted_available(s, dir, err));
    ASC_TRY(guess_available(s, guessed, err));
    ASC_TRY(check_heldout(s, err));
    return check_same_files(s, err);
}

asc_status asc__estimate_caps(asc__study *s, asc_notes *notes, asc_error *err)
{
    asc_error why;
    asc_status st = check_caps(s, &why);
    if (st == ASC_OK || st == ASC_ENOMEM)
        return st == ASC_OK ? ASC_OK : ASC_NOMEM(err);
    bool capped = false;
    for (size_t i = 0; i < s->D; i++) {
        capped |= s->cap_sequences[i] < ASC_NO_CAP;
        s->cap_sequences[i] = ASC_NO_CAP;
        s->cap_epochs[i] = NAN;
        for (size_t k = 0; k < s->n_pools; k++) {
            s->pools[k].cap_sequences[i] = ASC_NO_CAP;
            s->pools[k].cap_epochs[i] = NAN;
        }
    }
    if (!capped)
        return ASC_FAIL(err, st, "%s", why.msg);
    asc_notes_say(notes, WILL_REFUSE_TEXT, why.msg);
    return ASC_OK;
}
