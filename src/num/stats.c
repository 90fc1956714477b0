#include "num/num.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- means ---- */

double asc_mean(const double *v, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += v[i];
    return n ? sum / (double)n : NAN;
}

double asc_mean_measured(const double *v, size_t n)
{
    double sum = 0, m = 0;
    for (size_t i = 0; i < n; i++)
        if (!isnan(v[i])) {
            sum += v[i];
            m++;
        }
    return m > 0 ? sum / m : NAN;
}

double asc_squares(const double *v, size_t n)
{
    double mean = asc_mean_measured(v, n), sum = 0;
    for (size_t i = 0; i < n; i++)
        if (!isnan(v[i]))
            sum += (v[i] - mean) * (v[i] - mean);
    return sum;
}

void asc_moments_add(asc_moments *m, double x)
{
    if (isnan(x))
        return;
    double d = x - m->mean;
    m->mean += d / ++m->n;
    m->squares += d * (x - m->mean);
}

double asc_moments_mean(const asc_moments *m)
{
    return m->n > 0 ? m->mean : NAN;
}

double asc_moments_variance(const asc_moments *m)
{
    return m->n > 1 ? m->squares / (m->n - 1) : NAN;
}

double asc_moments_sd(const asc_moments *m)
{
    return sqrt(asc_moments_variance(m));
}

/* ---- order statistics ---- */

int asc_compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return isnan(x) || isnan(y) ? !!isnan(x) - !!isnan(y) : (x > y) - (x < y);
}

double asc_quantile_sorted(const double *v, size_t n, double p)
{
    assert(p >= 0 && p <= 1);
    while (n && isnan(v[n - 1]))
        n--;
    if (n == 0)
        return NAN;
    assert(v[0] <= v[n - 1]); /* ascending, NaN last */
    double at = p * (double)(n - 1);
    size_t i = (size_t)at;
    if (i + 1 >= n)
        return v[n - 1];
    return at > (double)i ? v[i] + (at - (double)i) * (v[i + 1] - v[i]) : v[i];
}

double asc_quantile(double *v, size_t n, double p)
{
    if (n)
        qsort(v, n, sizeof *v, asc_compare_doubles);
    return asc_quantile_sorted(v, n, p);
}

double asc_median(double *v, size_t n)
{
    return asc_quantile(v, n, .5);
}

/* ---- correlations: pairs of which one is NaN are left out ---- */

double asc_pearson(const double *a, const double *b, size_t n)
{
    double m = 0, ma = 0, mb = 0, aa = 0, bb = 0, ab = 0;
    size_t first = n;
    bool a_varies = false, b_varies = false; /* asked of the values: the rounding of their mean is no variance */
    for (size_t i = 0; i < n; i++)
        m += !isnan(a[i]) && !isnan(b[i]);
    for (size_t i = 0; i < n; i++)
        if (!isnan(a[i]) && !isnan(b[i])) {
            ma += a[i] / m;
            mb += b[i] / m;
            first = first == n ? i : first;
            a_varies |= a[i] != a[first];
            b_varies |= b[i] != b[first];
        }
    for (size_t i = 0; i < n; i++)
        if (!isnan(a[i]) && !isnan(b[i])) {
            aa += (a[i] - ma) * (a[i] - ma);
            bb += (b[i] - mb) * (b[i] - mb);
            ab += (a[i] - ma) * (b[i] - mb);
        }
    return a_varies && b_varies && aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : NAN;
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
        rho = asc_pearson(x, x + n, m);
    }
    asc_free(x);
    asc_free(r);
    return rho;
}

/* ---- errors of predictions ---- */

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
