#include "task/task_metrics.h"

#include <math.h>
#include <stdlib.h>

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

double asc_metric_pearson(const double *x, const double *y, size_t n)
{
    double mx = 0, my = 0, xx = 0, yy = 0, xy = 0;
    for (size_t i = 0; i < n; i++) {
        mx += x[i] / (double)n;
        my += y[i] / (double)n;
    }
    for (size_t i = 0; i < n; i++) {
        xx += (x[i] - mx) * (x[i] - mx);
        yy += (y[i] - my) * (y[i] - my);
        xy += (x[i] - mx) * (y[i] - my);
    }
    return n >= 2 && xx > 0 && yy > 0 ? xy / sqrt(xx * yy) : NAN;
}

typedef struct ranked {
    double value;
    size_t at;
} ranked;

static int by_value(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    return x->value < y->value ? -1 : x->value > y->value ? 1 : x->at < y->at ? -1 : 1;
}

/* Ranks from 1, equal values at the mean of their ranks. */
static void ranks(double *out, ranked *work, const double *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        work[i] = (ranked){x[i], i};
    qsort(work, n, sizeof *work, by_value);
    for (size_t i = 0, j; i < n; i = j) {
        for (j = i + 1; j < n && work[j].value == work[i].value;)
            j++;
        for (size_t k = i; k < j; k++)
            out[work[k].at] = ((double)i + (double)j + 1) / 2;
    }
}

double asc_metric_spearman(const double *x, const double *y, size_t n)
{
    double *rx = asc_calloc(n + 1, sizeof *rx), *ry = asc_calloc(n + 1, sizeof *ry), rho = NAN;
    ranked *work = asc_calloc(n + 1, sizeof *work);
    if (rx && ry && work) {
        ranks(rx, work, x, n);
        ranks(ry, work, y, n);
        rho = asc_metric_pearson(rx, ry, n);
    }
    asc_free(rx);
    asc_free(ry);
    asc_free(work);
    return rho;
}
