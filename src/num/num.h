/**
 * num: the numerical tools that the rooms above share, one of each: products and Cholesky factors, order statistics,
 * correlations, roots. Pure; double precision; row-major; deterministic, and the same bits on every instruction set.
 *
 * NaN means "not measured": order statistics and correlations leave it out (of a pair, both sides), and say NaN where
 * too little is left. Sums that must not hide a failure (asc_dot, asc_mean) pass it on.
 */
#ifndef AUTOSCALE_NUM_H
#define AUTOSCALE_NUM_H

#include "base/base.h"

/* ---- vectors and matrices ---- */

#define ASC_LANES 4 /**< sums run in so many lanes; arrays padded to a multiple of it have no slow remainder */

/** a.b over n: in ASC_LANES partial sums, pairwise added, then what is left over one by one. */
double asc_dot(const double *a, const double *b, size_t n);
/** y += a x over n. */
void asc_axpy(double *y, double a, const double *x, size_t n);
/** G (p,p), lower triangle = J W J^T for J (p,ld) and the diagonal w (n <= ld, a multiple of ASC_LANES); scratch
 * (p,ld), J W afterwards. The upper triangle may be written to. */
void asc_syrk(double *g, const double *j, const double *w, double *scratch, size_t p, size_t ld, size_t n);

/** Lower Cholesky factor of the symmetric A (n,n) in place, from its lower triangle (the upper one is not read); false
 * if A is not positive definite or not finite: then A is partly overwritten. n^3/3 products, in blocks. */
bool asc_chol(double *a, size_t n);
/** b (n) = A^-1 b of the factored A. */
void asc_chol_solve(const double *l, size_t n, double *b);

/* ---- samples ---- */

/** For qsort over doubles: ascending, NaN last. */
int asc_compare_doubles(const void *a, const void *b);
/** Arithmetic mean; NaN if n = 0 or one of them is NaN. */
double asc_mean(const double *v, size_t n);
/** The same of those that are not NaN; NaN if there is none. */
double asc_mean_measured(const double *v, size_t n);
/** Sum of the squared distances from the mean, over those that are not NaN; 0 if there is none. */
double asc_squares(const double *v, size_t n);

/** Mean and spread of values that come one by one, by Welford's recurrence: no large squares are subtracted. {0}: none.
 */
typedef struct asc_moments {
    double n, mean, squares; /**< squares: summed squared distances from the mean */
} asc_moments;

/** One more value; NaN is left out. */
void asc_moments_add(asc_moments *m, double x);
/** Mean; NaN of none. */
double asc_moments_mean(const asc_moments *m);
/** Variance and standard deviation with n - 1; NaN of fewer than two values. */
double asc_moments_variance(const asc_moments *m);
double asc_moments_sd(const asc_moments *m);

/** The p-quantile, 0 <= p <= 1, of those that are not NaN, interpolated between order statistics (Hyndman and Fan's
 * type 7, numpy's default); sorts v in place, NaN last; NaN if there is none. */
double asc_quantile(double *v, size_t n, double p);
/** The same of values in ascending order, NaN last. */
double asc_quantile_sorted(const double *v, size_t n, double p);
/** asc_quantile at one half: the mean of the middle two of an even number. */
double asc_median(double *v, size_t n);

/** Pearson's correlation over the pairs without NaN; NaN below 2 pairs or where a side does not vary. */
double asc_pearson(const double *a, const double *b, size_t n);
/** Spearman's rank correlation: Pearson's of the ranks, ties at their mean rank; pairs with a NaN are left out; NaN
 * below 3 pairs (two say +1 or -1 whatever they hold), where a side does not vary, and when memory is out. */
double asc_spearman(const double *a, const double *b, size_t n);
/** Mean of |pred - y| / |y| where that is finite; NaN if nowhere. */
double asc_mean_relative_error(const double *pred, const double *y, size_t n);
/** Root mean square of pred - y over the pairs without NaN; NaN if there is none. */
double asc_rmse(const double *pred, const double *y, size_t n);

/** Two-sided quantile of Student's t: P(|T| <= q) = level at df > 0 degrees of freedom (infinite: normal). NaN unless
 * 0 < level < 1 and df > 0. */
double asc_student_quantile(double level, double df);

/* ---- roots of one variable ---- */

typedef double (*asc_function)(void *ctx, double x);

/** Halve the bracket until its ends are neighbours or max_steps times: f(*below) < 0 <= f(*above) stays true; the ends
 * may stand in either order, and neither is evaluated. */
void asc_bisect(double *below, double *above, asc_function f, void *ctx, int max_steps);
/** Root of f between `above`, where f > 0, and `below`: false position with the Illinois step, halving where that
 * leaves the bracket; to about 1e-15 of x or of f. NaN unless f(below) < 0. */
double asc_illinois(double above, double below, asc_function f, void *ctx);

#endif
