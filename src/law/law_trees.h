/**
 * law_trees: boosted trees by themselves, for methods that bring their own settings. XGBoost's, loaded at run time.
 */
#ifndef AUTOSCALE_LAW_TREES_H
#define AUTOSCALE_LAW_TREES_H

#include "law/law.h"

typedef struct asc_trees_opts {
    int rounds;           /**< trees */
    double rate;          /**< learning rate */
    int leaves;           /**< most of a tree */
    double least_in_leaf; /**< rows */
    uint64_t seed;
} asc_trees_opts;
/** NULL, or what this machine lacks. Static storage. */
const char *asc_trees_missing(void);
/**
 * Least squares by leaf-wise boosting from the mean of y, on one thread.
 * @param x  (n,F) features      @param y  (n)
 * @retval ASC_EMISSING no XGBoost on this machine      @retval ASC_EINTR asc_interrupted()
 */
asc_status asc_trees_learn(asc_trees *out, const float *x, const float *y, size_t n, size_t F, const asc_trees_opts *o,
                           asc_error *err);
/** Value at x (F). */
double asc_trees_value(const asc_trees *t, const float *x);
void asc_trees_clear(asc_trees *t);

#endif
