/* Branches of one run, and merged models that stand for the mixtures between them (docs/method.md). */
#include "design/design.h"

#include <assert.h>
#include <string.h>

asc_status asc_design_branches(int64_t *out, const double *centre, size_t D, double pull, int64_t n_sequences,
                               const int64_t *cap, asc_error *err)
{
    assert(asc_is_mixture(centre, D) && pull >= 0 && pull <= 1);
    double *w = asc_calloc(D, sizeof *w);
    asc_status st = w ? ASC_OK : ASC_NOMEM(err);
    for (size_t k = 0; st == ASC_OK && k < D; k++) {
        for (size_t i = 0; i < D; i++)
            w[i] = (1 - pull) * centre[i] + (i == k ? pull : 0);
        st = asc_mixture_tokens(out + k * D, NULL, w, D, n_sequences, cap, err);
    }
    asc_free(w);
    return st;
}

asc_status asc_design_merges(double *a, size_t n, const double *centre, size_t D, uint64_t seed, asc_error *err)
{
    static const double width[] = {2, 1, .5};
    assert(asc_is_mixture(centre, D));
    double *draws = asc_calloc(n + 1, D * sizeof *draws);
    asc_status st = draws ? ASC_OK : ASC_NOMEM(err);
    if (st == ASC_OK && n > 0)
        memcpy(a, centre, D * sizeof *a);
    for (size_t turn = 0; st == ASC_OK && turn < 3; turn++) { /* the k-th draw of its turn is the k-th of its stream */
        st = asc_design_dirichlet(draws, n, centre, D, width[turn] * (double)D, NULL, NULL, seed + turn, err);
        for (size_t k = 1 + turn; st == ASC_OK && k < n; k += 3)
            memcpy(a + k * D, draws + k * D, D * sizeof *a);
    }
    asc_free(draws);
    return st;
}
