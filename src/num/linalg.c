#include "products.h"

#include <assert.h>
#include <math.h>

double asc_dot(const double *a, const double *b, size_t n)
{
    size_t whole = n / ASC_LANES * ASC_LANES;
    double s = whole ? asc__num_products()->dot(a, b, whole) : 0;
    for (size_t k = whole; k < n; k++)
        s += a[k] * b[k];
    return s;
}

void asc_axpy(double *y, double a, const double *x, size_t n)
{
    size_t whole = n / ASC_LANES * ASC_LANES;
    if (whole)
        asc__num_products()->axpy(y, a, x, whole);
    for (size_t k = whole; k < n; k++)
        y[k] += a * x[k];
}

void asc_syrk(double *g, const double *j, const double *w, double *scratch, size_t p, size_t ld, size_t n)
{
    assert(n % ASC_LANES == 0 && n <= ld);
    asc__num_products()->syrk(g, j, w, scratch, p, ld, n);
}

#define PANEL 32 /* columns; a multiple of the lanes */

/* A[i][j] -= L[i].L[j] over the k columns left of a panel, for its columns from..end and all rows below. */
static void update_panel(double *a, size_t n, size_t from, size_t end, size_t k)
{
    const asc__products *products = asc__num_products();
    assert(k % ASC_LANES == 0 && k <= from && from <= end && end <= n);
    for (size_t i = from; i < n; i += 2)
        for (size_t j = from; j < end; j += 4) {
            const double *x[2], *y[4];
            double s[8];
            if (j > i + 1)
                break;
            for (size_t c = 0; c < 2; c++)
                x[c] = a + (i + c < n ? i + c : i) * n;
            for (size_t c = 0; c < 4; c++)
                y[c] = a + (j + c < end ? j + c : j) * n;
            products->block(s, x, y, k);
            for (size_t c = 0; c < 8; c++)
                if (i + c / 4 < n && j + c % 4 < end && j + c % 4 <= i + c / 4)
                    a[(i + c / 4) * n + j + c % 4] -= s[c];
        }
}

/* Left-looking, panel by panel: what lies left of a panel is taken off it in blocks that stay in registers. */
bool asc_chol(double *a, size_t n)
{
    _Static_assert(PANEL % ASC_LANES == 0, "what lies left of a panel is taken off it in whole lanes");
    for (size_t from = 0; from < n; from += PANEL) {
        size_t end = from + PANEL < n ? from + PANEL : n;
        if (from)
            update_panel(a, n, from, end, from);
        for (size_t i = from; i < n; i++) {
            double *ai = a + i * n;
            for (size_t j = from; j < i && j < end; j++)
                ai[j] = (ai[j] - asc_dot(ai + from, a + j * n + from, j - from)) / a[j * n + j];
            if (i >= end)
                continue;
            double s = ai[i] - asc_dot(ai + from, ai + from, i - from);
            if (!(s > 0) || !isfinite(s))
                return false;
            ai[i] = sqrt(s);
        }
    }
    return true;
}

/* b (n) = L^-1 b. */
static void chol_forward(const double *l, size_t n, double *b)
{
    assert(n == 0 || l[0] > 0); /* a factor: its diagonal is positive */
    for (size_t i = 0; i < n; i++)
        b[i] = (b[i] - asc_dot(l + i * n, b, i)) / l[i * n + i];
}

/* b (n) = L^-T b, by columns of L^T, that is by rows of L: contiguous. */
static void chol_backward(const double *l, size_t n, double *b)
{
    for (size_t i = n; i-- > 0;) {
        b[i] /= l[i * n + i];
        for (size_t k = 0; k < i; k++)
            b[k] -= l[i * n + k] * b[i];
    }
}

void asc_chol_solve(const double *l, size_t n, double *b)
{
    chol_forward(l, n, b);
    chol_backward(l, n, b);
}
