/* What draws say of a mixture: shared by the optimum and by mixtures that were given. Private to mix. */
#ifndef MIX_EXPECTED_H
#define MIX_EXPECTED_H

#include <stddef.h>

#include "mix/mix.h"

/* Expected objective and gain over a reference from the objective of both under the same n draws (n >= 1); gain (n) is
 * room. Values and gains are left sorted. Intervals may lie beside their mean: see asc__hold. P(better) is set from the
 * gain's interval when that is complete: asc__odds_above. */
void asc__expect(asc_expected *e, double *value, const double *reference, double *gain, size_t n, double level);
/* P(figure > 0) as its estimate and its interval have it, the end towards 0 as a normal quantile: .95 and more just
 * where a 90 % interval lies above 0, .05 and less where it lies below. An interval holds more than the scatter of the
 * draws (those about the fit, drift, what choosing costs); a count of draws would contradict it. n draws: these tell no
 * more than (n + 1/2) / (n + 1) from certainty. */
double asc__odds_above(double estimate, double lo, double hi, double level, size_t n);
/* An interval that holds its estimate. */
void asc__hold(double estimate, double *lo, double *hi);
/* One that holds another. */
void asc__hull(double *lo, double *hi, double other_lo, double other_hi);
/* Wider by what the law may be off beyond its table: independent of the draws, so the squares add. */
void asc__widen(double estimate, double drift, double level, double *lo, double *hi);

#endif
