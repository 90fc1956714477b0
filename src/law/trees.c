/* Boosted trees: evaluation of the flattened form; the fit is XGBoost's (xgboost.c). */
#include "private.h"

#include <math.h>
#include <string.h>

void asc_trees_clear(asc_trees *t)
{
    asc_free(t->root);
    asc_free(t->feature);
    asc_free(t->left);
    asc_free(t->right);
    asc_free(t->threshold);
    *t = (asc_trees){0};
}

double asc_trees_value(const asc_trees *t, const float *x)
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

static void rows(const asc_law *l, const asc__features *x, double *f)
{
    float row[x->n_domains + 2];
    for (size_t r = 0; r < x->n; r++) {
        asc__trees_row(x, r, row);
        f[r] = asc_trees_value(&l->trees, row);
    }
}

static double point(const asc_law *l, const double *params, const double *tokens, double P, double *gradient)
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
    for (size_t i = 0; gradient && i < D; i++)
        gradient[i] = 0;
    return asc_trees_value(&l->trees, row);
}

static asc_status learn(asc_law *l, const asc__data *d, uint64_t seed, asc_error *err)
{
    return asc__trees_fit(&l->trees, d, seed, err);
}

static const char *check(const asc_law *l, const char **expected)
{
    *expected = "a law's trees";
    return l->trees.n_trees ? NULL : "trees";
}

const asc__family asc__law_trees = {.name = "trees",
                                    .help =
                                        "gradient-boosted trees on w, log N, log P, by XGBoost where it is installed "
                                        "[Liu et al. 2407.01492]; predicts but does not optimize",
                                    .validate = true,
                                    .slow = true,
                                    .corner = true,
                                    .steps = true,
                                    .least_rows = 10,
                                    .missing = asc_trees_missing,
                                    .check = check,
                                    .point = point,
                                    .learn = learn,
                                    .rows = rows};
