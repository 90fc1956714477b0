/* The mixture of `autoscale train`: --mix and --tokens into tokens of each domain, or of each phase. */
#include "train_options.h"

#include <math.h>
#include <string.h>

#include "mixing.h"

/* In proportion to the tokens that there are. */
static asc_status natural_weights(double *w, const asc_run_spec *s, asc_error *err)
{
    double sum = 0;
    for (size_t i = 0; i < s->n_domains; i++) {
        asc_token_file *f = NULL;
        ASC_TRY(asc_token_file_open(&f, s->train_files[i], err));
        w[i] = (double)asc_token_file_tokens(f);
        asc_token_file_close(f);
        sum += w[i];
    }
    for (size_t i = 0; i < s->n_domains; i++)
        w[i] /= sum;
    return ASC_OK;
}

/* books=.5,code=.5; domains left out have no share. */
static asc_status written_weights(double *w, const asc_run_spec *s, const char *text, asc_error *err)
{
    double sum = 0;
    memset(w, 0, s->n_domains * sizeof *w);
    ASC_TRY(asc__cli_inline_shares(w, "mix", text, s->domains, s->n_domains, err));
    for (size_t i = 0; i < s->n_domains; i++)
        sum += w[i];
    if (fabs(sum - 1) > .01)
        return ASC_FAIL(err, ASC_EINVAL, "--mix: the shares sum to %g, expected 1", sum);
    for (size_t i = 0; i < s->n_domains; i++)
        w[i] /= sum;
    return ASC_OK;
}

/* Tokens of each phase of the mixture in s->phase_tokens. */
static asc_status take_phases(asc_run_spec *s, const asc_mix_file *mix, const char *path, int64_t total, asc_error *err)
{
    size_t K = asc_mix_file_n_phases(mix), D = s->n_domains;
    int64_t *whole = asc_calloc(K, D * sizeof *whole);
    s->phase_tokens = asc_calloc(K, D * sizeof *s->phase_tokens);
    asc_status st = whole && s->phase_tokens ? ASC_OK : ASC_NOMEM(err);
    if (st == ASC_OK)
        st = asc_mix_file_phase_tokens(whole, mix, path, s->domains, D, total, err);
    s->n_phases = K;
    for (size_t i = 0; st == ASC_OK && i < K * D; i++) {
        s->phase_tokens[i] = (double)whole[i];
        s->tokens[i % D] += (double)whole[i];
    }
    asc_free(whole);
    return st;
}

/* Of a mixture file, with its total where --tokens says none, and its phases. */
static asc_status file_weights(double *w, asc_run_spec *s, const char *path, int64_t *total, asc_error *err)
{
    asc_mix_file mix = {0};
    ASC_TRY(asc_mix_file_read(&mix, path, err));
    asc_status st = asc_mix_file_weights(w, &mix, path, s->domains, s->n_domains, err);
    if (st == ASC_OK && *total == 0)
        *total = asc_mix_file_total(&mix);
    if (st == ASC_OK && asc_mix_file_n_phases(&mix) > 0 && *total > 0)
        st = take_phases(s, &mix, path, *total, err);
    asc_mix_file_clear(&mix);
    return st;
}

/* w (D) of --mix: uniform, natural, NAME=SHARE,... or a file. */
static asc_status read_weights(double *w, asc_run_spec *s, const char *mix, int64_t *total, asc_error *err)
{
    if (!mix || strcmp(mix, "uniform") == 0) {
        for (size_t i = 0; i < s->n_domains; i++)
            w[i] = 1. / (double)s->n_domains;
        return ASC_OK;
    }
    if (strcmp(mix, "natural") == 0)
        return natural_weights(w, s, err);
    if (strchr(mix, '=') && !asc_path_exists(mix))
        return written_weights(w, s, mix, err);
    return file_weights(w, s, mix, total, err);
}

/* Tokens, or a share of all. */
static asc_status read_stop(const asc_cli_args *a, asc_run_spec *s, int64_t total, asc_error *err)
{
    const char *text = asc__cli_get(a, "stop-at");
    double x = 0;
    if (!text)
        return ASC_OK;
    if (!asc_parse_quantity(text, &x) || !(x > 0))
        return ASC_FAIL(err, ASC_EINVAL, "--stop-at: expected tokens, or a share such as 20%%, found '%s'", text);
    x = x <= 1 ? x * (double)total : x;
    if (x > (double)total)
        return ASC_FAIL(err, ASC_EINVAL, "--stop-at: %.0f tokens, but the run has %lld", x, (long long)total);
    s->stop_tokens = ceil(x);
    return ASC_OK;
}

/* Whole tokens by the one rounding rule. */
static asc_status spread_tokens(double *tokens, const double *w, size_t n, int64_t total, asc_error *err)
{
    int64_t *whole = asc_calloc(n + 1, sizeof *whole);
    asc_status st = whole ? asc_mixture_tokens(whole, NULL, w, n, total, NULL, err) : ASC_NOMEM(err);
    for (size_t i = 0; st == ASC_OK && i < n; i++)
        tokens[i] = (double)whole[i];
    asc_free(whole);
    return st;
}

asc_status asc__cli_train_mixture(asc_run_spec *s, const asc_cli_args *a, asc_error *err)
{
    int64_t total = 0;
    ASC_TRY(asc__cli_count(a, "tokens", &total, err));
    double *w = asc_calloc(s->n_domains + 1, sizeof *w);
    s->tokens = asc_calloc(s->n_domains + 1, sizeof *s->tokens);
    s->max_epochs = asc_calloc(s->n_domains + 1, sizeof *s->max_epochs);
    asc_status st = w && s->tokens && s->max_epochs ? ASC_OK : ASC_NOMEM(err);
    if (st == ASC_OK)
        st = read_weights(w, s, asc__cli_get(a, "mix"), &total, err);
    if (st == ASC_OK && total < 1)
        st = ASC_FAIL(err, ASC_EINVAL, "train: --tokens N is required: how many tokens to train on");
    if (st == ASC_OK && s->n_phases == 0)
        st = spread_tokens(s->tokens, w, s->n_domains, total, err);
    if (st == ASC_OK)
        st = read_stop(a, s, total, err);
    for (size_t i = 0; st == ASC_OK && i < s->n_domains; i++)
        s->max_epochs[i] = NAN;
    asc_free(w);
    return st;
}
