#include "task/task_metrics.h"

#include "num/num.h"

#include <math.h>

double asc_metric_accuracy(const int *truth, const int *guess, size_t n)
{
    size_t hits = 0;
    for (size_t i = 0; i < n; i++)
        hits += truth[i] == guess[i];
    return n ? (double)hits / (double)n : NAN;
}

double asc_metric_f1(const int *truth, const int *guess, size_t n)
{
    size_t both = 0, either = 0;
    for (size_t i = 0; i < n; i++) {
        both += truth[i] == 1 && guess[i] == 1;
        either += (truth[i] == 1) + (guess[i] == 1);
    }
    return either ? 2 * (double)both / (double)either : 0;
}

/* With s samples, c right ones, t_k true and p_k guessed members of class k:
 *   (c s - sum t_k p_k) / sqrt((s^2 - sum p_k^2) (s^2 - sum t_k^2)). */
double asc_metric_matthews(const int *truth, const int *guess, size_t n)
{
    int top = 0;
    for (size_t i = 0; i < n; i++) {
        top = truth[i] > top ? truth[i] : top;
        top = guess[i] > top ? guess[i] : top;
    }
    double s = (double)n, c = 0, tp = 0, pp = 0, tt = 0;
    for (size_t i = 0; i < n; i++)
        c += truth[i] == guess[i];
    for (int k = 0; k <= top; k++) {
        double t = 0, p = 0;
        for (size_t i = 0; i < n; i++) {
            t += truth[i] == k;
            p += guess[i] == k;
        }
        tp += t * p;
        pp += p * p;
        tt += t * t;
    }
    double below = (s * s - pp) * (s * s - tt);
    return below > 0 ? (c * s - tp) / sqrt(below) : 0;
}

/* Examples are never left out: a model that says NaN of one has no figure. */
static bool any_nan(const double *x, const double *y, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (isnan(x[i]) || isnan(y[i]))
            return true;
    return false;
}

double asc_metric_pearson(const double *x, const double *y, size_t n)
{
    return any_nan(x, y, n) ? NAN : asc_pearson(x, y, n);
}

double asc_metric_spearman(const double *x, const double *y, size_t n)
{
    return any_nan(x, y, n) ? NAN : asc_spearman(x, y, n);
}
