/**
 * task: the benchmarks' own metrics on arrays, as scikit-learn, scipy and the official SQuAD scripts compute them.
 */
#ifndef AUTOSCALE_TASK_METRICS_H
#define AUTOSCALE_TASK_METRICS_H

#include "base/base.h"

/** Share of equal entries; NaN for n = 0. */
double asc_metric_accuracy(const int *truth, const int *guess, size_t n);
/** F1 of class 1 (binary); 0 when neither truth nor guess holds a 1, as scikit-learn. */
double asc_metric_f1(const int *truth, const int *guess, size_t n);
/** Matthews correlation of any number of classes (0 … k-1) [Gorodkin 2004]; 0 when a side is constant. */
double asc_metric_matthews(const int *truth, const int *guess, size_t n);
/** Pearson's r; NaN when a side is constant, n < 2, or an entry is NaN (no example is left out). */
double asc_metric_pearson(const double *x, const double *y, size_t n);
/** Spearman's rho, ties at their mean rank; NaN as Pearson's, also for n < 3 and when memory is out. */
double asc_metric_spearman(const double *x, const double *y, size_t n);

/** SQuAD's normalisation: lower case, ASCII punctuation out, the words a, an, the out, white space squeezed. */
asc_status asc_squad_normalise(asc_buf *out, const char *text, asc_error *err);
/** The best exact match and F1 over an item's answers (n_answers 0: no answer is the truth). Answers that normalise to
 * nothing are left out, as the v2 script does. */
asc_status asc_squad_score(double *exact, double *f1, char *const *answers, size_t n_answers, const char *guess,
                           asc_error *err);

#endif
