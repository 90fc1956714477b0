/**
 * law_finish: how runs that were paused would end, from how others went on from there. Pure: arrays in, structs out.
 * Shape letters: n runs that ended, m that did not, V targets.
 */
#ifndef AUTOSCALE_LAW_FINISH_H
#define AUTOSCALE_LAW_FINISH_H

#include "spec/spec.h"

enum { ASC_FINISH_LEAST = 4 }; /**< runs that must have gone on */

/** What is known of runs of one budget and model at one point of it. */
typedef struct asc_finish_runs {
    size_t n, m, n_targets;
    const double *paused; /**< (n,V) losses of those that ended, at the point [nats per token]; NaN: not measured */
    const double *ended;  /**< (n,V) and at their end */
    const double *open;   /**< (m,V) losses of the others at the point */
    const asc_objective *objective;
} asc_finish_runs;

/** Init to {0}. NaN where nothing can be said. */
typedef struct asc_finish {
    size_t m, n_targets;
    double *loss;    /**< (m,V) expected at the end */
    double *loss_sd; /**< (m,V) standard deviation of what they are off by, that few runs tell it included */
    double *value;   /**< (m) the objective of these */
    double *value_t; /**< (m) scale of its error: (value - true) / value_t is Student's t */
    double *freedom; /**< (m) degrees of freedom of that */
} asc_finish;
void asc_finish_clear(asc_finish *f);

/**
 * Losses at the end, by a regression of each target's change from the point to the end on its loss there (ours;
 * docs/method.md, "Runs that are stopped"). The slope is held near 0 by a prior of standard deviation .2, so that few
 * runs are predicted by their mean change and many by the line. The error of the objective is that of its own
 * residuals over the runs that ended: targets err together.
 * @retval ASC_EINVAL  fewer than ASC_FINISH_LEAST runs ended
 */
asc_status asc_finish_predict(asc_finish *out, const asc_finish_runs *runs, asc_error *err);

#endif
