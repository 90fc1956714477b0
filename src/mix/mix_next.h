/**
 * mix_next: which mixtures to train next, and what they are expected to tell. Pure: arrays in, structs out. Shape
 * letters: D domains, R runs, K draws.
 */
#ifndef AUTOSCALE_MIX_NEXT_H
#define AUTOSCALE_MIX_NEXT_H

#include "mix/mix_what_if.h"

typedef struct asc_next_opts {
    size_t n_runs;                  /**< R, 1 .. ASC_NEXT_MOST */
    int64_t n_tokens;               /**< of each new run, > 0 */
    double params;                  /**< of the new runs' model; NaN: the smallest in the law's table */
    double decide_tokens;           /**< the budget at which a mixture is to be chosen; NaN: n_tokens */
    double decide_params;           /**< and the size; NaN: the largest in the law's table */
    const asc_objective *objective; /**< NULL: the one the law was fitted to */
    asc_limits limits;              /**< of the runs; prior and kl are ignored */
    double trust;                   /**< shares within [least / trust, most * trust] of those sampled; 0: off; NaN: 2 */
    uint64_t seed;
    int n_threads;            /**< <= 0: one per processor; no number depends on it */
    asc_progress_fn progress; /**< or NULL */
    void *progress_ctx;
} asc_next_opts;
#define ASC_NEXT_MOST 1000
/** NaN and 0 throughout, 8 runs. */
void asc_next_opts_init(asc_next_opts *o);

typedef struct asc_next {
    size_t n_runs, n_domains;
    double *weights;        /**< (R,D) rows sum to 1 */
    int64_t *tokens;        /**< (R,D) rows sum to the budget */
    asc_prediction *expect; /**< (R) objective of each run at its own budget, 90 % with its noise; NaN without a law */
    double *spread;  /**< (R+1) standard deviation of what is to be decided before the runs and after each: of the gain
                        of the best mixture over each that could be as good, weighted by its chance of being best; NaN
                        without a law */
    double *gain_sd; /**< (R+1) the same of the best mixture's gain over uniform */
    double gain;     /**< its expected gain over uniform now; NaN without a law */
    double *best;    /**< (D) the mixture that would be chosen now, of those tried; or NULL */
    asc_notes notes;
} asc_next;
void asc_next_clear(asc_next *n);

/**
 * The R mixtures whose losses are expected to tell most about which mixture is best at the budget of the decision
 * (ours; docs/method.md, "Runs to make next"). Some thousand mixtures are tried out under the law's draws, both as runs
 * and as answers. The draws are taken for samples of a Gaussian: a run's loss, measured with the law's noise, narrows
 * everything that it is correlated with (the ensemble Kalman update of Evensen 1994 in its square-root form, Potter
 * 1963). Runs are chosen one after another, each so that the variance of (loss of the mixture now best - loss of
 * another), weighted by the share of draws in which that other is the best, falls most; what as few draws as these
 * would show by chance is taken off. A mixture may come again: its repeat.
 * @retval ASC_EINVAL    a law without draws; limits that leave no mixture; an objective that it was not fitted to
 * @retval ASC_ENUMERIC  the law predicts nothing finite there
 * @retval ASC_EINTR     asc_interrupted()
 */
asc_status asc_next_runs(asc_next *out, const asc_law_set *laws, const asc_next_opts *o, asc_error *err);

/**
 * Sd of one run's objective by the laws' own noise, to first order at the middle of their table, targets independent of
 * each other; of `worst` the largest. 0 where no law knows its noise. objective NULL: the laws' own.
 */
double asc_next_noise(const asc_law_set *laws, const asc_objective *objective, double params);

/**
 * R mixtures that fill the space around a prior mixture, before there is any law: the prior first, then each as far as
 * can be from those before (in the roots of shares), from draws of Dirichlet(D prior) and of Dirichlet(2 D prior): far
 * corners, where losses bend most, teach a law little about the middle.
 * @param prior  (D) > 0 where a domain is to vary, sum 1
 * @retval ASC_EINVAL  limits that leave no mixture
 */
asc_status asc_next_filling(asc_next *out, const double *prior, char *const *domains, size_t n_domains,
                            const asc_next_opts *o, asc_error *err);

#endif
