#include "law_private.h"

#include <math.h>

static double dot(const double *a, const double *b, size_t n)
{
    size_t whole = n / ASC__LANES * ASC__LANES;
    double s = whole ? asc__law_kernels()->dot(a, b, whole) : 0;
    for (size_t k = whole; k < n; k++)
        s += a[k] * b[k];
    return s;
}

bool asc__chol(double *a, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double *ai = a + i * n;
        for (size_t j = 0; j < i; j++)
            ai[j] = (ai[j] - dot(ai, a + j * n, j)) / a[j * n + j];
        double s = ai[i] - dot(ai, ai, i);
        if (!(s > 0) || !isfinite(s))
            return false;
        ai[i] = sqrt(s);
    }
    return true;
}

void asc__chol_forward(const double *l, size_t n, double *b)
{
    for (size_t i = 0; i < n; i++)
        b[i] = (b[i] - dot(l + i * n, b, i)) / l[i * n + i];
}

/* By columns of L^T, that is by rows of L: contiguous. */
void asc__chol_backward(const double *l, size_t n, double *b)
{
    for (size_t i = n; i-- > 0;) {
        b[i] /= l[i * n + i];
        for (size_t k = 0; k < i; k++)
            b[k] -= l[i * n + k] * b[i];
    }
}

void asc__chol_solve(const double *l, size_t n, double *b)
{
    asc__chol_forward(l, n, b);
    asc__chol_backward(l, n, b);
}
