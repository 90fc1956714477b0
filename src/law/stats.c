#include "private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

typedef struct ranked {
    double value;
    size_t at;
} ranked;

static int by_rank(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    if (x->value != y->value)
        return x->value < y->value ? -1 : 1;
    return (x->at > y->at) - (x->at < y->at);
}

/* Ranks of v, ties averaged, in place; r is scratch (n). */
static void rank_in_place(double *v, ranked *r, size_t n)
{
    for (size_t i = 0; i < n; i++)
        r[i] = (ranked){v[i], i};
    qsort(r, n, sizeof *r, by_rank);
    for (size_t i = 0; i < n;) {
        size_t j = i;
        while (j < n && r[j].value == r[i].value)
            j++;
        for (size_t k = i; k < j; k++)
            v[r[k].at] = .5 * (double)(i + j - 1);
        i = j;
    }
}

static double correlation(const double *a, const double *b, size_t n)
{
    double ma = 0, mb = 0, aa = 0, bb = 0, ab = 0;
    for (size_t i = 0; i < n; i++) {
        ma += a[i] / (double)n;
        mb += b[i] / (double)n;
    }
    for (size_t i = 0; i < n; i++) {
        aa += (a[i] - ma) * (a[i] - ma);
        bb += (b[i] - mb) * (b[i] - mb);
        ab += (a[i] - ma) * (b[i] - mb);
    }
    return aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : NAN;
}

double asc_spearman(const double *a, const double *b, size_t n)
{
    double *x = asc_malloc(2 * (n + 1) * sizeof *x), rho = NAN;
    ranked *r = asc_malloc((n + 1) * sizeof *r);
    size_t m = 0;
    for (size_t i = 0; x && r && i < n; i++)
        if (!isnan(a[i]) && !isnan(b[i])) {
            x[m] = a[i];
            x[n + m] = b[i];
            m++;
        }
    if (m >= 3) {
        rank_in_place(x, r, m);
        rank_in_place(x + n, r, m);
        rho = correlation(x, x + n, m);
    }
    asc_free(x);
    asc_free(r);
    return rho;
}

double asc_mean_relative_error(const double *pred, const double *y, size_t n)
{
    double sum = 0;
    size_t m = 0;
    for (size_t i = 0; i < n; i++) {
        double e = fabs(pred[i] - y[i]) / fabs(y[i]);
        if (isfinite(e)) {
            sum += e;
            m++;
        }
    }
    return m ? sum / (double)m : NAN;
}

double asc_rmse(const double *pred, const double *y, size_t n)
{
    double sum = 0;
    size_t m = 0;
    for (size_t i = 0; i < n; i++)
        if (!isnan(pred[i]) && !isnan(y[i])) {
            sum += (pred[i] - y[i]) * (pred[i] - y[i]);
            m++;
        }
    return m ? sqrt(sum / (double)m) : NAN;
}

double asc_quantile(double *v, size_t n, double p)
{
    if (n == 0)
        return NAN;
    qsort(v, n, sizeof *v, by_value);
    double at = p * (double)(n - 1);
    size_t i = (size_t)at;
    if (i + 1 >= n)
        return v[n - 1];
    return v[i] + (at - (double)i) * (v[i + 1] - v[i]);
}
