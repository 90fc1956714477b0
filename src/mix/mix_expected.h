/**
 * mix_expected: what a law expects of given mixtures at one budget, and the odds that each beats a reference. The same
 * draws, intervals and odds as those of asc_mix_optimum, so that a mixture made elsewhere is measured as the optimum
 * is. What is expected goes by the draws as they are. They are fits to losses that were perturbed and repeat what the
 * fit is off by; as they lie to the fit, so it lies to the truth: laid on its other side, target by target and law by
 * law, they take that off. Intervals hold both. Pure: arrays in, structs out. Shape letters: D domains, M mixtures, K
 * draws.
 */
#ifndef AUTOSCALE_MIX_EXPECTED_H
#define AUTOSCALE_MIX_EXPECTED_H

#include "mix/mix.h"

/**
 * M mixtures by the mean of the objective over the law's draws (docs/method.md#deciding-under-uncertainty); by
 * its estimate where the law has fewer than 20 draws: the intervals and p_better are then NaN.
 * @param[out] out   (M); value NaN where the law has no value there, everything NaN where the table says nothing of the
 *                   loss at this budget or size (out[m].support.withheld, with the reason)
 * @param shares     (M,D) >= 0, rows sum to 1
 * @param reference  index of the mixture that the gains are over; its own gain is 0 and its p_better NaN; ASC_NONE: no
 *                   gains
 * @param o          n_tokens, params, available, no_repetition, objective, level, n_threads; the rest is not looked at
 * @retval ASC_EINVAL  no mixture, tokens not > 0, an objective that the law was not fitted to (ddo)
 * @retval ASC_EINTR   asc_interrupted()
 * Cost: M K predictions of all laws. The same bits for any number of threads.
 */
asc_status asc_mix_expected(asc_expected *out, const asc_law_set *laws, const double *shares, size_t n_mixtures,
                            size_t reference, const asc_mix_opts *o, asc_error *err);

#endif
