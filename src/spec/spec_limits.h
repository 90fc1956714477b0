/**
 * spec: what a mixture may be. One struct for the optimum, the rule, the study and the command line; a view, nothing is
 * owned. All zero: no limits.
 */
#ifndef AUTOSCALE_SPEC_LIMITS_H
#define AUTOSCALE_SPEC_LIMITS_H

#include <stddef.h>

typedef struct asc_limits {
    const double *lo, *hi;   /**< (D) shares, 0 <= lo <= hi <= 1; or NULL for 0 and 1 */
    const double *available; /**< (D) unique tokens, infinite where unlimited; or NULL: no end of them */
    double max_epochs;       /**< times they may be seen, > 0; ignored without available */
    const double *epochs;    /**< (D) the same domain by domain, NaN: max_epochs; or NULL */
    const double *prior;     /**< (D) mixture to stay near, sum 1; or NULL */
    double kl;               /**< weight of KL(w || prior) in the objective, >= 0; ignored without prior */
} asc_limits;

/** Times that tokens of domain i may be seen. */
double asc_limits_epochs(const asc_limits *l, size_t i);

#endif
