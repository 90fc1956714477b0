/* What a model that knows how often each token stands in a text, and nothing of their order, would lose on it. */
#include "text/text.h"

#include <math.h>

enum { CHUNK = 65536 };

static asc_status count(int64_t *counts, int n_vocab, const asc_token_file *f, int64_t n, int32_t *ids, asc_error *err)
{
    for (int64_t at = 0; at < n; at += CHUNK) {
        size_t m = (size_t)(n - at < CHUNK ? n - at : CHUNK);
        ASC_TRY(asc_token_file_read(f, at, m, ids, err));
        for (size_t i = 0; i < m; i++) {
            if (ids[i] < 0 || ids[i] >= n_vocab)
                return ASC_FAIL(err, ASC_EINVAL, "token id %d, but the vocabulary has %d", ids[i], n_vocab);
            counts[ids[i]]++;
        }
    }
    return ASC_OK;
}

/* -sum p log p, and Miller and Madow's (kinds - 1) / 2n: a sample misses rare tokens, and its entropy is too small. */
static double entropy(const int64_t *counts, int n_vocab, int64_t n)
{
    double h = 0, kinds = 0, total = (double)n;
    for (int i = 0; i < n_vocab; i++)
        if (counts[i] > 0) {
            h -= (double)counts[i] / total * log((double)counts[i] / total);
            kinds++;
        }
    return h + (kinds - 1) / (2 * total);
}

asc_status asc_token_file_entropy(double *nats, const asc_token_file *f, int64_t max_tokens, int n_vocab,
                                  asc_error *err)
{
    int64_t n = asc_token_file_tokens(f);
    n = max_tokens > 0 && max_tokens < n ? max_tokens : n;
    if (n < 1)
        return ASC_FAIL(err, ASC_EINVAL, "no tokens to count");
    int64_t *counts = asc_calloc((size_t)n_vocab, sizeof *counts);
    int32_t *ids = asc_malloc(CHUNK * sizeof *ids);
    asc_status st = counts && ids ? count(counts, n_vocab, f, n, ids, err) : ASC_NOMEM(err);
    if (st == ASC_OK)
        *nats = entropy(counts, n_vocab, n);
    asc_free(counts);
    asc_free(ids);
    return st;
}
