/* Validation loss of a model on token files. */
#include "run_state.h"

#include <assert.h>
#include <math.h>

#include "device/device.h"

static int64_t tokens_taken(const asc_token_file *f, int64_t max_tokens)
{
    int64_t n = asc_token_file_tokens(f);
    return max_tokens > 0 && max_tokens < n ? max_tokens : n;
}

int64_t asc__evaluate_tokens(const asc_token_file *f, int64_t max_tokens)
{
    int64_t n = tokens_taken(f, max_tokens);
    return n > 1 ? n - 1 : 0;
}

/* B windows of T predictions from position `at`; they overlap by the one id that ends the one and starts the next. */
static asc_status add_windows(double *sum, asc_model *m, const asc_token_file *f, int64_t at, int B, int T,
                              int32_t *ids, asc_error *err)
{
    assert(at >= 0 && B >= 1 && T >= 1);
    for (int b = 0; b < B; b++)
        ASC_TRY(asc_token_file_read(f, at + (int64_t)b * T, (size_t)T + 1, ids + (size_t)b * ((size_t)T + 1), err));
    asc_batch batch = asc_batch_lm(ids, B, T);
    double loss = 0;
    ASC_TRY(asc_model_loss(m, &batch, &loss, NULL, NULL, NULL, err));
    *sum += loss;
    return ASC_OK;
}

/* ---- masked: windows of T-2 tokens between [CLS] and [SEP], hidden by the window's number alone ---- */

static asc_status add_masked(double *sum, int64_t *counted, asc_model *m, const asc_token_file *f, int64_t window,
                             int B, int n_content, int32_t *ids, masker *k, asc_error *err)
{
    int T = n_content + 2, stride = asc_model_get_spec(m)->context - 2;
    assert(n_content >= 1 && n_content <= stride && B >= 1);
    for (int b = 0; b < B; b++) {
        int32_t *row = ids + (size_t)b * (size_t)T;
        ASC_TRY(asc_token_file_read(f, (window + b) * stride, (size_t)n_content, row, err));
        asc__mask_row(k, row, k->targets + (size_t)b * (size_t)T, n_content, 0, "mask-valid", (uint64_t)(window + b));
    }
    asc_batch batch = {.ids = ids, .targets = k->targets, .ld_ids = (size_t)T, .ld_targets = (size_t)T, .B = B, .T = T};
    double loss = 0;
    int64_t n = 0;
    ASC_TRY(asc_model_loss(m, &batch, &loss, &n, NULL, NULL, err));
    *sum += loss;
    *counted += n;
    return ASC_OK;
}

static asc_status evaluate_masked(double *loss, asc_model *m, const asc_token_file *f, int64_t max_tokens, int32_t *ids,
                                  masker *k, asc_ranks *ranks, asc_error *err)
{
    int64_t n = tokens_taken(f, max_tokens), stride = asc_model_get_spec(m)->context - 2, counted = 0;
    int64_t whole = n / stride, lo, hi;
    int most = asc_model_get_opts(m)->micro_batch, rest = (int)(n % stride);
    double sums[2] = {0}; /* losses, counted tokens */
    asc__ranks_share(ranks, whole, &lo, &hi);
    for (int64_t w = lo; w < hi && !asc_interrupted(); w += most) {
        int B = hi - w < most ? (int)(hi - w) : most;
        ASC_TRY(add_masked(&sums[0], &counted, m, f, w, B, (int)stride, ids, k, err));
    }
    if (rest > 0 && ranks->rank == ranks->size - 1)
        ASC_TRY(add_masked(&sums[0], &counted, m, f, whole, 1, rest, ids, k, err));
    sums[1] = (double)counted;
    ASC_TRY(asc__ranks_sum_or_stop(ranks, sums, err));
    if (sums[1] == 0)
        return ASC_FAIL(err, ASC_EINVAL, "a validation file of %lld tokens, none of which can be masked", (long long)n);
    *loss = sums[0] / sums[1];
    return ASC_OK;
}

asc_status asc__evaluate_file(double *loss, asc_model *m, const asc_token_file *f, int64_t max_tokens, int32_t *ids,
                              masker *mask, asc_ranks *ranks, asc_error *err)
{
    if (mask)
        return evaluate_masked(loss, m, f, max_tokens, ids, mask, ranks, err);
    int64_t n = asc__evaluate_tokens(f, max_tokens), T = asc_model_get_spec(m)->context;
    int most = asc_model_get_opts(m)->micro_batch;
    if (n < 1)
        return ASC_FAIL(err, ASC_EINVAL, "a validation file of %lld tokens: at least 2 are required",
                        (long long)tokens_taken(f, max_tokens));
    double sums[2] = {0}; /* losses; the other is not used */
    int64_t whole = n / T, lo, hi;
    asc__ranks_share(ranks, whole, &lo, &hi);
    for (int64_t w = lo; w < hi && !asc_interrupted(); w += most) {
        int B = hi - w < most ? (int)(hi - w) : most;
        ASC_TRY(add_windows(&sums[0], m, f, w * T, B, (int)T, ids, err));
    }
    if (n % T != 0 && ranks->rank == ranks->size - 1)
        ASC_TRY(add_windows(&sums[0], m, f, whole * T, 1, (int)(n % T), ids, err));
    ASC_TRY(asc__ranks_sum_or_stop(ranks, sums, err));
    *loss = sums[0] / (double)n;
    return ASC_OK;
}

/* ---- a checkpoint by itself ---- */

static asc_status eval_files(double *loss, asc_model *m, char *const *files, size_t n_files, int64_t valid_tokens,
                             int32_t *ids, masker *mask, asc_error *err)
{
    for (size_t v = 0; v < n_files; v++) {
        asc_token_file *f = NULL;
        ASC_TRY(asc_token_file_open(&f, files[v], err));
        asc_ranks alone = {.rank = 0, .size = 1};
        asc_status st = asc__evaluate_file(&loss[v], m, f, valid_tokens, ids, mask, &alone, err);
        asc_token_file_close(f);
        ASC_TRY(st);
        if (!isfinite(loss[v]))
            return ASC_FAIL(err, ASC_ENUMERIC, "%s: the loss is %s: a diverged or damaged model", files[v],
                            isnan(loss[v]) ? "NaN" : "infinite");
    }
    return ASC_OK;
}

asc_status asc_eval_checkpoint(double *loss, const char *checkpoint_dir, char *const *valid_files, size_t n_files,
                               int64_t valid_tokens, asc_isa isa, int threads, asc_error *err)
{
    return asc_eval_checkpoint_at(loss, checkpoint_dir, valid_files, n_files, valid_tokens, 0, isa, threads, err);
}

asc_status asc_eval_checkpoint_at(double *loss, const char *checkpoint_dir, char *const *valid_files, size_t n_files,
                                  int64_t valid_tokens, int context, asc_isa isa, int threads, asc_error *err)
{
    asc_model_spec spec;
    asc_model *m = NULL;
    asc_model_opts opts = {.isa = isa, .dtype = ASC_DTYPE_FP32, .threads = threads};
    ASC_TRY(asc_device_isa_check(isa, opts.dtype, err));
    ASC_TRY(asc_model_spec_read(&spec, checkpoint_dir, err));
    ASC_TRY(asc_model_eval_context(&spec, context, err));
    ASC_TRY(asc_model_create(&m, &spec, &opts, err));
    size_t n_ids = (size_t)asc_model_get_opts(m)->micro_batch * ((size_t)spec.context + 1);
    int32_t *ids = asc_malloc(n_ids * sizeof *ids);
    double *values = asc_calloc(n_files + 1, sizeof *values);
    masker mask = {0};
    bool bert = asc_arch_is_encoder(spec.arch);
    asc_status st = ids && values ? asc_model_load(m, checkpoint_dir, err) : ASC_NOMEM(err);
    if (st == ASC_OK && bert)
        st = asc__masker_init(&mask, checkpoint_dir, &spec, asc_model_get_opts(m)->micro_batch, err);
    if (st == ASC_OK)
        st = eval_files(values, m, valid_files, n_files, valid_tokens, ids, bert ? &mask : NULL, err);
    asc__masker_clear(&mask);
    for (size_t v = 0; st == ASC_OK && v < n_files; v++)
        loss[v] = values[v];
    asc_free(values);
    asc_free(ids);
    asc_model_free(m);
    return st;
}
