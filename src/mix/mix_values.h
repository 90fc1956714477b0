/**
 * mix_values: what each domain is worth to each target, at one mixture and budget. Pure: arrays in, structs out.
 * Shape letters: D domains, V targets, K draws.
 */
#ifndef AUTOSCALE_MIX_VALUES_H
#define AUTOSCALE_MIX_VALUES_H

#include "mix/mix_what_if.h"

typedef struct asc_values_opts {
    const double *shares;           /**< (D) sum 1, or NULL: the base of a star, else the mean of the table */
    double n_tokens;                /**< NaN: that of the base of a star, else the largest of the table */
    double params;                  /**< NaN: the largest size of the table */
    const asc_objective *objective; /**< NULL: the one the law was fitted to */
    size_t most_draws;              /**< of the law's; 0: all */
    double level;                   /**< of the intervals; 0: .9 */
    int n_threads;                  /**< <= 0: one per processor; no number depends on it */
} asc_values_opts;

/** Losses change by so much (below 0: the domain helps); p_better: P(it helps), by the interval. Column V is the
 * objective. NaN for single targets of a law of the objective alone (ddo). */
typedef struct asc_values {
    size_t n_domains, n_targets, n_draws;
    double *shares; /**< (D) where */
    double n_tokens, params;
    asc_difference
        *per_point; /**< (D,V+1) one point (.01) more of the share, the others (but those that never varied) less in
                       proportion, at the same budget: the transfer matrix; NaN for a domain whose share never varied */
    asc_difference *per_token; /**< (D,V+1) per more token of the domain on top of the budget [nats per token, per
                                  token], from 1 % of the budget more; NaN where the table has one budget only, or one
                                  share of the domain */
} asc_values;
void asc_values_clear(asc_values *v);

/**
 * Value of each domain for each target, draw by draw, from differences of the laws themselves.
 * @retval ASC_EINVAL  an objective that the law was not fitted to (ddo)
 * Cost: (2 D + 1) (K + 1) predictions of all laws.
 */
asc_status asc_values_of(asc_values *out, const asc_law_set *laws, const asc_values_opts *o, asc_error *err);

#endif
