/**
 * mix_slices: the objective along each domain's share, through one mixture. Pure: arrays in, structs out. Shape
 * letters: D domains, S points of a slice, K draws.
 */
#ifndef AUTOSCALE_MIX_SLICES_H
#define AUTOSCALE_MIX_SLICES_H

#include "mix/mix_what_if.h"

#define ASC_SLICE_POINTS 25

typedef struct asc_slices_opts {
    const double *shares;           /**< (D) the mixture that every slice goes through, sum 1 */
    double n_tokens;                /**< > 0; a budget that the table says nothing of: at its own */
    double params;                  /**< NaN: the largest size of the table */
    const double *available;        /**< (D) unique tokens, infinite where unlimited, or NULL */
    const asc_objective *objective; /**< NULL: the one the law was fitted to */
    size_t most_draws;              /**< of the law's; 0: all */
    double level;                   /**< of the band; 0: .9 */
    int n_threads;                  /**< <= 0: one per processor; no number depends on it */
} asc_slices_opts;

typedef struct asc_slices {
    size_t n_domains;
    double *share;          /**< (D,S) ascending from 0; the mixture's own share is one of them. NaN for a domain whose
                                 share never varied in the table */
    asc_difference *change; /**< (D,S) objective there less that of the mixture itself; the other shares (but those that
                                 never varied) in their proportions */
} asc_slices;
void asc_slices_clear(asc_slices *s);

/**
 * Slices of the objective with bands, each point compared with the mixture draw by draw.
 * @retval ASC_EINVAL  an objective that the law was not fitted to (ddo)
 * Cost: D S (K + 1) predictions of all laws.
 */
asc_status asc_slices_of(asc_slices *out, const asc_law_set *laws, const asc_slices_opts *o, asc_error *err);

#endif
