/* UniMax [Chung et al. 2304.09151, Algorithm 1]: equal tokens of every domain under a cap of epochs; what a small one
 * cannot give is shared among the larger ones. */
#include "rivals.h"

#include <math.h>
#include <stdlib.h>

#define EPOCHS 4. /* most, unless the study allows fewer */

struct cap {
    double tokens;
    size_t domain;
};

static int by_tokens(const void *a, const void *b)
{
    const struct cap *x = a, *y = b;
    if (x->tokens != y->tokens)
        return x->tokens < y->tokens ? -1 : 1;
    return x->domain < y->domain ? -1 : x->domain > y->domain;
}

static asc_status weights(double *w, const asc_rival_ask *a, asc_error *err)
{
    size_t D = a->n_domains;
    double left = a->n_tokens, sum = 0;
    struct cap *cap = asc_calloc(D, sizeof *cap);
    if (!cap)
        return ASC_NOMEM(err);
    for (size_t i = 0; i < D; i++) {
        double epochs = a->max_epochs && a->max_epochs[i] < EPOCHS ? a->max_epochs[i] : EPOCHS;
        cap[i] = (struct cap){a->available[i] * epochs, i};
    }
    qsort(cap, D, sizeof *cap, by_tokens);
    for (size_t k = 0; k < D; k++) {
        double share = fmin(cap[k].tokens, left / (double)(D - k));
        w[cap[k].domain] = share;
        left -= share;
        sum += share;
    }
    asc_free(cap);
    for (size_t i = 0; i < D; i++)
        w[i] /= sum;
    return asc_mixture_within(w, &(bool){false}, w, D, a->lo, a->hi, err);
}

const asc_rival asc__rival_unimax = {.name = "unimax",
                                     .help = "equal tokens under a cap of 4 epochs [Chung et al. 2304.09151]",
                                     .need = ASC_RIVAL_NOTHING,
                                     .weights = weights};
