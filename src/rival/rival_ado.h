/** rival_ado: the two formulas of ADO by themselves. */
#ifndef AUTOSCALE_RIVAL_ADO_H
#define AUTOSCALE_RIVAL_ADO_H

#include "rival/rival_online.h"

/** loss = floor + height n^-power. */
typedef struct asc_ado_law {
    double floor, height, power;
} asc_ado_law;
/** The law of `count` (5 .. 100) points n (> 0, rising) and losses (> 0), by Huber's loss of the log, power 0 to .8;
 * height is that of the last n. */
asc_ado_law asc_ado_fit(const double *n, const double *loss, size_t count);
/** Weights w (D) after `step` steps, heights being those of one step: preference slope x prior x lately^.5, at least
 * .01, then nine tenths of its mean so far, which is brought up to date. */
void asc_ado_weights(double *w, double *mean, const asc_online_run *r, const double *lately, const asc_ado_law *laws,
                     int64_t step);

#endif
