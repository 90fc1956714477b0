/* Minimising a function of a mixture within bounds. Private to mix. */
#ifndef MIX_SOLVE_H
#define MIX_SOLVE_H

#include "mix/mix.h"

/* A function of shares w (n); gradient (n) or NULL. Any finite value stands for a feasible point. */
typedef struct asc__objective_fn {
    double (*eval)(void *ctx, const double *w, double *gradient);
    void *ctx;
    size_t n;
    const double *lo, *hi; /* feasible: sum lo <= 1 <= sum hi */
} asc__objective_fn;

/* Derivative of asc_effective_tokens by n. */
double asc__effective_slope(double n, double unique);
/* w = the point of the bounded simplex nearest to v, in the metric of 1/scale (NULL: 1). w may be v. */
void asc__project(double *w, const double *v, const double *scale, const double *lo, const double *hi, size_t n);

enum { ASC__SOLVE_DOUBLES = 16 }; /* work of asc__solve: this many times n, and 2 n n */

/* Improve w (n): scaled projected gradient with Barzilai-Borwein steps, then Newton steps on the free shares.
 * Returns the value reached, never above the start's. */
double asc__solve(double *w, const asc__objective_fn *f, int max_steps, double *work);
/* The same for functions with steps in them (trees): exchanges between pairs of shares, halved until 1e-4. */
double asc__exchange(double *w, const asc__objective_fn *f, double *work);
/* Gradient g (n) and Hessian H (n,n) at w, by differences; work (2n). */
void asc__hessian(double *H, double *g, const double *w, const asc__objective_fn *f, double *work);
/* First-order gain left, from differences of the function itself: see asc_mix_result.kkt. */
double asc__kkt(const double *w, const asc__objective_fn *f, double *work);

#endif
