/* Mixtures: asc_mixture is the table room's asc_mix_file, so that a file read and one built by hand are the same thing.
 */
#include "facade.h"

#include <math.h>
#include <string.h>

#include "export/export.h"
#include "table/table.h"

static asc_status create(asc_mixture **out, asc_error *err)
{
    *out = asc_calloc(1, sizeof **out);
    return *out ? ASC_OK : ASC_NOMEM(err);
}

/* The caller's pointer is written on success alone. */
static asc_status finish(asc_mixture **out, asc_mixture *m, asc_status st)
{
    if (st == ASC_OK)
        *out = m;
    else
        asc_mixture_free(m);
    return st;
}

asc_status asc_mixture_load(asc_mixture **out, const char *path, asc_error *err)
{
    asc_mixture *m = NULL;
    ASC__NEEDS(out, err);
    ASC__NEEDS(path, err);
    ASC_TRY(create(&m, err));
    return finish(out, m, asc_mix_file_read(m, path, err));
}

asc_status asc_mixture_from_shares(asc_mixture **out, const char *const *domains, const double *shares, size_t n,
                                   asc_error *err)
{
    asc_mixture *m = NULL;
    double sum = 0;
    ASC__NEEDS(out, err);
    if (!n || !domains || !shares)
        return ASC_FAIL(err, ASC_EINVAL, "domains: expected at least one with its share, found none");
    ASC_TRY(asc__names_check("domains", domains, n, err));
    for (size_t i = 0; i < n; i++) {
        if (!(shares[i] >= 0))
            return ASC_FAIL(err, ASC_EINVAL, "share of '%s': expected a number >= 0, found %g", domains[i], shares[i]);
        sum += shares[i];
    }
    if (!(fabs(sum - 1) <= .01))
        return ASC_FAIL(err, ASC_EINVAL, "the shares sum to %g, expected 1", sum);
    ASC_TRY(create(&m, err));
    asc_status st = asc_mix_file_init(m, (char *const *)domains, n, err);
    for (size_t i = 0; st == ASC_OK && i < n; i++)
        m->weights[i] = shares[i] / sum; /* within .01 of 1: rounding of who wrote them */
    return finish(out, m, st);
}

asc_status asc_mixture_save(const asc_mixture *mixture, const char *path, asc_error *err)
{
    ASC__NEEDS(mixture, err);
    ASC__NEEDS(path, err);
    return asc_mix_file_write(path, mixture, err);
}

void asc_mixture_free(asc_mixture *mixture)
{
    if (mixture)
        asc_mix_file_clear(mixture);
    asc_free(mixture);
}

size_t asc_mixture_n_domains(const asc_mixture *mixture)
{
    return mixture->n_domains;
}

const char *asc_mixture_domain(const asc_mixture *mixture, size_t i)
{
    return i < mixture->n_domains ? mixture->domains[i] : NULL;
}

double asc_mixture_share(const asc_mixture *mixture, size_t i)
{
    return i < mixture->n_domains ? mixture->weights[i] : NAN;
}

int64_t asc_mixture_tokens_of(const asc_mixture *mixture, size_t i)
{
    return mixture->tokens && i < mixture->n_domains ? mixture->tokens[i] : -1;
}

const char *asc_mixture_path(const asc_mixture *mixture, size_t i)
{
    return mixture->paths && i < mixture->n_domains ? mixture->paths[i] : NULL;
}

asc_status asc_mixture_set_tokens(asc_mixture *mixture, int64_t total, asc_error *err)
{
    ASC__NEEDS(mixture, err);
    if (total <= 0)
        return ASC_FAIL(err, ASC_EINVAL, "total: expected tokens > 0, found %lld", (long long)total);
    int64_t *tokens = asc_calloc(mixture->n_domains, sizeof *tokens);
    asc_status st = tokens ? asc_mixture_tokens(tokens, NULL, mixture->weights, mixture->n_domains, total, NULL, err)
                           : ASC_NOMEM(err);
    if (st != ASC_OK) {
        asc_free(tokens);
        return st;
    }
    asc_free(mixture->tokens);
    mixture->tokens = tokens;
    return ASC_OK;
}

asc_status asc_mixture_set_path(asc_mixture *mixture, const char *domain, const char *path, asc_error *err)
{
    ASC__NEEDS(mixture, err);
    ASC__NEEDS(domain, err);
    ASC__NEEDS(path, err);
    size_t i = 0;
    while (i < mixture->n_domains && strcmp(mixture->domains[i], domain) != 0)
        i++;
    if (i == mixture->n_domains)
        return ASC_FAIL(err, ASC_EINVAL, "no domain named '%s' in the mixture", domain);
    json_t *text = json_string(path);
    if (!text)
        return ASC_FAIL(err, ASC_EINVAL, "path of '%s': expected UTF-8", domain);
    asc_status st = asc_mix_file_set_paths(mixture, i, text, "mixture", err);
    json_decref(text);
    return st;
}

/* ---- export ---- */

const char *asc_trainer_name(size_t i)
{
    const char *const *names = asc_export_names();
    for (size_t k = 0; names[k]; k++)
        if (k == i)
            return names[k];
    return NULL;
}

asc_status asc_mixture_export(char **text, const asc_mixture *mixture, const char *trainer, int64_t context,
                              asc_error *err)
{
    asc_buf b = {0};
    ASC__NEEDS(text, err);
    ASC__NEEDS(mixture, err);
    ASC__NEEDS(trainer, err);
    asc_export_opts o = {.context = context};
    asc_status st = asc_export(&b, mixture, trainer, &o, err);
    if (st == ASC_OK && b.oom)
        st = ASC_NOMEM(err);
    if (st == ASC_OK)
        *text = b.data;
    else
        asc_buf_clear(&b);
    return st;
}
