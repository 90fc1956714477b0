/**
 * mix_what_if: what a law predicts for given mixtures, how they differ, and where the law is asked beyond its table.
 * Pure: arrays in, structs out. Shape letters: D domains, V targets, M mixtures, K draws.
 */
#ifndef AUTOSCALE_MIX_WHAT_IF_H
#define AUTOSCALE_MIX_WHAT_IF_H

#include "mix/mix.h"

typedef struct asc_what_if_opts {
    double n_tokens;         /**< the budget N, > 0 */
    double params;           /**< model size; NaN: the largest in the law's table, noted */
    const double *available; /**< (D) unique tokens, infinite where unlimited, or NULL: repeated ones are discounted */
    const asc_objective *objective; /**< NULL: the one the law was fitted to */
    double level;                   /**< of the intervals, in (0,1); 0: .9 */
} asc_what_if_opts;

/** A prediction, the mean over the law's draws (its estimate where it has none) with the interval of the optimum's
 * kind: NaN where the law cannot tell; the interval NaN without draws. */
typedef struct asc_prediction {
    double value, lo, hi;
} asc_prediction;

/** Of two mixtures: the first less the second, and P(the first is lower) by the interval, as the optimum's P(better).
 */
typedef struct asc_difference {
    double value, lo, hi, p_better;
} asc_difference;

typedef struct asc_what_if {
    size_t n_mixtures, n_targets, n_domains;
    size_t n_draws;
    double params;                        /**< used; NaN where the law knows no sizes */
    asc_prediction *loss;                 /**< (M,V); NaN for laws of the objective alone (ddo) */
    asc_prediction *objective;            /**< (M) */
    asc_difference *loss_difference;      /**< (M,M,V) of mixture a and b */
    asc_difference *objective_difference; /**< (M,M) */
    double *beyond; /**< (M,D) 1 within the sampled range of shares, else by which factor outside: infinite for
                       no share at all where all runs had some */
    char **why;     /**< (M) why the losses of a mixture are NaN, or NULL */
    double tokens_beyond, params_beyond; /**< 1 within the table's range, else by which factor outside */
    asc_notes notes;
} asc_what_if;
void asc_what_if_clear(asc_what_if *w);

/**
 * Predict every target and the objective at M mixtures of one budget, and compare each pair draw by draw: what the
 * draws share (the level of a loss, say) does not blur their difference. Losses are NaN, with the reason, where an axis
 * of the question (tokens, parameters, the share of a domain) never varied in the table and lies elsewhere there;
 * differences between mixtures then stand as of the table's own budget, with a note.
 * @param shares  (M,D) >= 0, rows sum to 1
 * @retval ASC_EINVAL  no mixture, an objective that the law was not fitted to (ddo)
 * Cost: M (K + 1) predictions of all laws.
 */
asc_status asc_what_if_predict(asc_what_if *out, const asc_law_set *laws, const double *shares, size_t n_mixtures,
                               const asc_what_if_opts *o, asc_error *err);

#endif
