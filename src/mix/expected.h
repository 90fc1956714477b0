/* What draws say of a mixture: shared by the optimum and by mixtures that were given. Private to mix. */
#ifndef MIX_EXPECTED_H
#define MIX_EXPECTED_H

#include <stddef.h>

#include "mix/mix.h"

/* Expected objective, gain over a reference and P(better) from the objective of both under the same n draws (n >= 1);
 * gain (n) is room. Values and gains are left sorted. Intervals may lie beside their mean: see asc__hold. */
void asc__expect(asc_expected *e, double *value, const double *reference, double *gain, size_t n, double level);
/* Share of the n draws in which x - minus (NULL: x) is below 0, ties counted as halves: (share n + 1/2) / (n + 1), for
 * n draws tell no more than this from certainty. */
double asc__odds_below(const double *x, const double *minus, size_t n);
/* An interval that holds its estimate. */
void asc__hold(double estimate, double *lo, double *hi);
/* One that holds another. */
void asc__hull(double *lo, double *hi, double other_lo, double other_hi);
/* Wider by what the law may be off beyond its table: independent of the draws, so the squares add. */
void asc__widen(double estimate, double drift, double level, double *lo, double *hi);

#endif
