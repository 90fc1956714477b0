/* Boosted trees: evaluation of the flattened form; the fit is XGBoost's (xgboost.c). */
#include "private.h"

#include <math.h>
#include <string.h>

void asc__trees_clear(asc_trees *t)
{
    asc_free(t->root);
    asc_free(t->feature);
    asc_free(t->left);
    asc_free(t->right);
    asc_free(t->threshold);
    *t = (asc_trees){0};
}

/* x (n_features) */
static double evaluate(const asc_trees *t, const float *x)
{
    double sum = t->bias;
    for (size_t k = 0; k < t->n_trees; k++) {
        int32_t i = t->root[k];
        while (t->feature[i] >= 0)
            i = x[t->feature[i]] < t->threshold[i] ? t->left[i] : t->right[i];
        sum += t->threshold[i];
    }
    return sum;
}

void asc__trees_row(const asc__features *x, size_t r, float *out)
{
    size_t D = x->n_domains, at = D;
    for (size_t i = 0; i < D; i++)
        out[i] = (float)x->w[i * x->ld + r];
    if (x->has_tokens)
        out[at++] = (float)x->log_n[r];
    if (x->has_params)
        out[at] = (float)x->log_p[r];
}

void asc__trees_apply(const asc_trees *t, const asc__features *x, double *f)
{
    float row[x->n_domains + 2];
    for (size_t r = 0; r < x->n; r++) {
        asc__trees_row(x, r, row);
        f[r] = evaluate(t, row);
    }
}

double asc__trees_point(const asc_law *l, const double *tokens, double P)
{
    size_t D = l->n_domains, at = D;
    float row[D + 2];
    double N = asc__total(tokens, D);
    for (size_t i = 0; i < D; i++)
        row[i] = (float)(tokens[i] / N);
    if (l->has_tokens)
        row[at++] = (float)log(N / l->unit_tokens);
    if (l->has_params)
        row[at] = (float)log(P / l->unit_params);
    return evaluate(&l->trees, row);
}
