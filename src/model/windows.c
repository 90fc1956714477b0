/* Windows of tokens, batched by length. */
#include "model/model_windows.h"

#include <assert.h>
#include <stdlib.h>

/* Longest first, so that a batch holds windows of about one length; then in order, so that sorting has one outcome. */
static int by_length(const void *a, const void *b)
{
    const asc_window *x = a, *y = b;
    if (x->n != y->n)
        return x->n > y->n ? -1 : 1;
    return x->at < y->at ? -1 : x->at > y->at;
}

/* Room for one batch. */
typedef struct buffers {
    int32_t *ids, *targets; /* (B,T) */
    float *nll;
    uint8_t *greedy;
} buffers;

static void buffers_clear(buffers *b)
{
    asc_free(b->ids);
    asc_free(b->targets);
    asc_free(b->nll);
    asc_free(b->greedy);
}

static asc_status buffers_init(buffers *b, size_t n, asc_error *err)
{
    *b = (buffers){.ids = asc_calloc(n, sizeof *b->ids),
                   .targets = asc_calloc(n, sizeof *b->targets),
                   .nll = asc_calloc(n, sizeof *b->nll),
                   .greedy = asc_calloc(n, sizeof *b->greedy)};
    return b->ids && b->targets && b->nll && b->greedy ? ASC_OK : ASC_NOMEM(err);
}

/* Shorter ones than the first of a batch are padded at their end, which no counted token sees. */
static void fill_row(const buffers *b, size_t row, size_t T, const asc_window *x, const int32_t *all)
{
    assert(x->n <= T && x->n_scored <= x->n);
    int32_t *ids = b->ids + row * T, *targets = b->targets + row * T;
    for (size_t t = 0; t < T; t++) {
        bool inside = t < x->n, counted = inside && t + x->n_scored >= x->n;
        ids[t] = inside ? all[x->at + t] : 0;
        targets[t] = counted ? all[x->at + t + 1] : -1;
    }
}

static void take_row(asc_window *x, const buffers *b, size_t row, size_t T)
{
    x->nll = 0;
    x->greedy = true;
    for (size_t t = x->n - x->n_scored; t < x->n; t++) {
        x->nll += (double)b->nll[row * T + t];
        x->greedy = x->greedy && b->greedy[row * T + t];
    }
}

static asc_status score_batch(asc_window *x, size_t B, asc_model *m, const buffers *b, const int32_t *all,
                              asc_error *err)
{
    size_t T = x[0].n;
    assert(B > 0 && T >= x[B - 1].n); /* longest first */
    double sum = 0;
    for (size_t row = 0; row < B; row++)
        fill_row(b, row, T, &x[row], all);
    asc_batch batch = {.ids = b->ids, .targets = b->targets, .ld_ids = T, .ld_targets = T, .B = (int)B, .T = (int)T};
    ASC_TRY(asc_model_loss(m, &batch, &sum, NULL, b->nll, b->greedy, err));
    for (size_t row = 0; row < B; row++)
        take_row(&x[row], b, row, T);
    return ASC_OK;
}

asc_status asc_model_score(asc_window *windows, size_t n, asc_model *m, const int32_t *ids, asc_progress_fn progress,
                           void *ctx, asc_error *err)
{
    size_t most = (size_t)asc_model_get_opts(m)->micro_batch;
    buffers b;
    if (n == 0)
        return ASC_OK;
    qsort(windows, n, sizeof *windows, by_length);
    asc_status st = buffers_init(&b, most * windows[0].n, err);
    for (size_t i = 0; st == ASC_OK && i < n;) {
        size_t B = n - i < most ? n - i : most;
        st = asc_interrupted() ? ASC_FAIL(err, ASC_EINTR, "interrupted") : score_batch(windows + i, B, m, &b, ids, err);
        i += B;
        if (st == ASC_OK && progress)
            progress(ctx, "scoring", (double)i, (double)n, "continuations");
    }
    buffers_clear(&b);
    return st;
}
