/* Mixtures as people name them: files, words, shares. */
#include <math.h>
#include <string.h>

#include "mixing.h"

static asc_status natural(double *w, const asc_law_set *s, const double *available, asc_error *err)
{
    double sum = 0;
    for (size_t i = 0; i < s->n_domains; i++) {
        double n = available ? available[i] : INFINITY;
        if (!isfinite(n))
            return ASC_FAIL(err, ASC_EINVAL, "--mix natural: needs the tokens of '%s': --available %s=N", s->domains[i],
                            s->domains[i]);
        w[i] = n;
        sum += n;
    }
    for (size_t i = 0; i < s->n_domains; i++)
        w[i] /= sum;
    return ASC_OK;
}

/* code=30%,web=.7: domains left out have no share. */
static asc_status inline_shares(double *w, const char *text, const asc_law_set *s, asc_error *err)
{
    double sum = 0;
    size_t D = s->n_domains;
    for (size_t i = 0; i < D; i++)
        w[i] = NAN;
    ASC_TRY(asc__cli_inline_shares(w, "mix", text, s->domains, D, err));
    for (size_t i = 0; i < D; i++) {
        w[i] = isnan(w[i]) ? 0 : w[i];
        sum += w[i];
    }
    if (!(fabs(sum - 1) <= .01 + 1e-12))
        return ASC_FAIL(err, ASC_EINVAL, "--mix %s: expected shares that sum to 1 within .01, found %.6g", text, sum);
    for (size_t i = 0; i < D; i++)
        w[i] /= sum;
    return ASC_OK;
}

static asc_status from_file(double *w, const char *path, const asc_law_set *s, asc_error *err)
{
    asc_mix_file m = {0};
    ASC_TRY(asc_mix_file_read(&m, path, err));
    asc_status st = asc_mix_file_weights(w, &m, path, s->domains, s->n_domains, err);
    asc_mix_file_clear(&m);
    return st;
}

/* Of a star its base, else the mean of the table. */
static void base_shares(double *w, const asc_law_set *s)
{
    double sum = 0;
    for (size_t i = 0; i < s->n_domains; i++)
        sum += s->base_tokens[i];
    for (size_t i = 0; i < s->n_domains; i++)
        w[i] = s->base_tokens[i] / sum;
}

asc_status asc__cli_mixture(double *w, const char *text, const asc_law_set *s, const double *available, asc_error *err)
{
    if (strcmp(text, "natural") == 0)
        return natural(w, s, available, err);
    if (strcmp(text, "uniform") == 0)
        for (size_t i = 0; i < s->n_domains; i++)
            w[i] = 1 / (double)s->n_domains;
    else if (strcmp(text, "base") == 0)
        base_shares(w, s);
    else if (strchr(text, '=') && !asc_path_exists(text))
        return inline_shares(w, text, s, err);
    else if (strcmp(text, "-") != 0 && !asc_path_exists(text))
        return ASC_FAIL(err, ASC_EINVAL, "--mix %s: expected a file, uniform, natural, base, or NAME=SHARE,..", text);
    else
        return from_file(w, text, s, err);
    return ASC_OK;
}
