/* Student's t. */
#include "num/num.h"

#include <assert.h>
#include <math.h>

/* Regularised incomplete beta I_x(a, b) by Lentz's continued fraction (Numerical Recipes' form of DLMF 8.17.22). */
static double beta_fraction(double a, double b, double x)
{
    const double tiny = 1e-300;
    assert(x > 0 && x < 1 && x < (a + 1) / (a + b + 2) + 1e-12); /* where the fraction converges quickly */
    double c = 1, d = 1 - (a + b) * x / (a + 1);
    d = 1 / (fabs(d) < tiny ? tiny : d);
    double h = d;
    for (int m = 1; m < 300; m++) {
        double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        for (int k = 0; k < 2; k++) {
            double term = k ? odd : even;
            d = 1 + term * d;
            d = 1 / (fabs(d) < tiny ? tiny : d);
            c = 1 + term / c;
            c = fabs(c) < tiny ? tiny : c;
            h *= d * c;
        }
        if (fabs(d * c - 1) < 1e-15)
            break;
    }
    return h;
}

static double incomplete_beta(double a, double b, double x)
{
    assert(a > 0 && b > 0);
    if (x <= 0)
        return 0;
    if (x >= 1)
        return 1;
    double front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x));
    if (x < (a + 1) / (a + b + 2))
        return front * beta_fraction(a, b, x) / a;
    return 1 - front * beta_fraction(b, a, 1 - x) / b;
}

/* P(|T| <= q). */
static double student_within(double q, double df)
{
    /* P(|T| <= q) = 1 - I_x(df/2, 1/2) at x = df / (df + q^2) (DLMF 8.17; Abramowitz and Stegun 26.7.1) */
    if (isinf(df) || df > 1e7)
        return erf(q / sqrt(2));
    return 1 - incomplete_beta(df / 2, .5, df / (df + q * q));
}

/* How much more than the level lies within q. */
typedef struct student {
    double level, df;
} student;

static double beyond(void *ctx, double q)
{
    const student *s = ctx;
    return student_within(q, s->df) - s->level;
}

double asc_student_quantile(double level, double df)
{
    student s = {level, df};
    double lo = 0, hi = 1;
    if (!(level > 0 && level < 1 && df > 0))
        return NAN;
    while (beyond(&s, hi) < 0 && hi < 1e12)
        hi *= 2;
    asc_bisect(&lo, &hi, beyond, &s, 100);
    return .5 * (lo + hi);
}
