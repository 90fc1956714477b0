/**
 * Laws: what a run would lose, as a function of its tokens from each domain and its size. Fitted to a table, one law
 * for each target, with an objective over them; or read from LAW.json. Only read once made. D domains, V targets, in
 * the order of the table.
 *
 * Losses are in nats per token, tokens in tokens, shares sum to 1. NaN = not known. The same input gives the same bits
 * for any number of threads. Options begin with their size; all else 0 or NULL is the default, so that
 * `asc_fit_options o = {sizeof o};` are the defaults in C and in C++.
 */
#ifndef AUTOSCALE_PUBLIC_LAW_H
#define AUTOSCALE_PUBLIC_LAW_H

#include <stdint.h>

#include "autoscale/mixture.h"
#include "autoscale/table.h"

#ifdef __cplusplus
extern "C" {
#endif

/** The laws of one table. */
typedef struct asc_law_set asc_laws;

typedef struct asc_fit_options {
    size_t size;           /**< sizeof (asc_fit_options) */
    const char *law;       /**< NULL or "auto": blended by how well they predict; else a name of asc_law_name_at */
    const char *objective; /**< NULL or "mean-loss", "mean-ppl", "worst", "target:NAME", or the path of a JSON file */
    double noise;          /**< sd of one run's loss between seeds [nats]; 0: estimated from repeats */
    size_t draws;          /**< bootstrap draws of the parameters, for intervals; 0: 200 */
    bool no_draws;         /**< no intervals: faster */
    uint64_t seed;
    int threads; /**< 0: one for each processor */
    const asc_hooks *hooks;
} asc_fit_options;

/** "auto", "ddo", ..: what asc_fit_options.law may be, NULL after the last. */
ASC_API const char *asc_law_name_at(size_t i);

/**
 * Fit laws to a table. @param options  NULL: the defaults
 * @retval ASC_EINVAL    unknown law or objective, too few runs (the message says how many it needs), a table whose
 *                       mixtures are all the same
 * @retval ASC_EMISSING  trees asked for and no XGBoost on this machine   @retval ASC_ENUMERIC  no start converged
 * @retval ASC_EINTR     by a hook
 */
ASC_API asc_status asc_laws_fit(asc_laws **out, const asc_table *table, const asc_fit_options *options, asc_error *err);
/** Read a LAW.json. @retval ASC_EINVAL  no such file, or not a law */
ASC_API asc_status asc_laws_load(asc_laws **out, const char *path, asc_error *err);
/** Write LAW.json whole (beside, synced, renamed). @retval ASC_EIO */
ASC_API asc_status asc_laws_save(const asc_laws *laws, const char *path, asc_error *err);
/** NULL is fine. */
ASC_API void asc_laws_free(asc_laws *laws);

/** "reciprocal-mult+gp", "blend", ..: what was asked for or chosen. */
ASC_API const char *asc_laws_name(const asc_laws *laws);
/** D. */
ASC_API size_t asc_laws_n_domains(const asc_laws *laws);
/** V. */
ASC_API size_t asc_laws_n_targets(const asc_laws *laws);
/** Name of domain i < D; NULL beyond. It lives as long as the laws. */
ASC_API const char *asc_laws_domain(const asc_laws *laws, size_t i);
/** Name of target v < V; NULL beyond. */
ASC_API const char *asc_laws_target(const asc_laws *laws, size_t v);
/** Note k about the fit, NULL after the last. */
ASC_API const char *asc_laws_note(const asc_laws *laws, size_t k);
/** Mean relative error of the law of target v on the rows that it was fitted to, a fraction; NaN: not known. */
ASC_API double asc_laws_error(const asc_laws *laws, size_t v);
/** The same on held-out runs (cross-validated; the checkpoints of one run stay on one side). */
ASC_API double asc_laws_cv_error(const asc_laws *laws, size_t v);

/**
 * Losses at tokens (D) and model size, the laws' point estimate.
 * @param[out] losses    (V) [nats per token]; NaN for a law of the objective alone (ddo); or NULL
 * @param[out] objective the objective [its unit: nats per token, a perplexity, or ddo's J]; or NULL
 * @param tokens  (D) >= 0, their sum > 0     @param params  model parameters; NaN: the largest of the table
 */
ASC_API asc_status asc_laws_predict(double *losses, double *objective, const asc_laws *laws, const double *tokens,
                                    double params, asc_error *err);

/** Limits of a mixture; each array (D) or NULL. */
typedef struct asc_limits_options {
    size_t size;              /**< sizeof (asc_limits_options) */
    const double *min, *max;  /**< shares, 0 <= min <= max <= 1 */
    const double *available;  /**< unique tokens, infinite where there is no limit */
    const double *max_epochs; /**< how often they may be seen, NaN or NULL: once */
} asc_limits_options;

typedef struct asc_optimize_options {
    size_t size;    /**< sizeof (asc_optimize_options) */
    int64_t tokens; /**< the budget, > 0 */
    double params;  /**< model parameters; 0: the largest of the table */
    const asc_limits_options *limits;
    const char *objective; /**< NULL: the one that the laws were fitted to */
    double trust;          /**< shares within [min / trust, max * trust] of those sampled, >= 1; 0: the law's default */
    bool no_trust;         /**< anywhere within the limits */
    const double *prior;   /**< (D) a mixture to stay near, with kl > 0; or NULL */
    double kl;             /**< cost of KL(mixture || prior), in units of the objective */
    bool point;            /**< the optimum of the estimate, not of the mean over the draws */
    double level;          /**< of the intervals; 0: .9 */
    uint64_t seed;
    int threads; /**< 0: one for each processor */
    const asc_hooks *hooks;
} asc_optimize_options;

/** The best mixture at a budget. Made by the library, only read, freed by asc_optimum_free. */
typedef struct asc_optimum {
    size_t n_domains;
    const double *shares;              /**< (D) sum 1 */
    const int64_t *tokens;             /**< (D) sum exactly to the budget */
    const double *share_lo, *share_hi; /**< (D) interval of each share, NaN without draws */
    const char *const *bound;          /**< (D) "min", "max", "available", "trust", or NULL where nothing binds */
    const double *epochs;              /**< (D) NaN where the available tokens are not known */
    double objective, uniform;         /**< at the answer, and at the uniform mixture within the limits */
    double objective_lo, objective_hi; /**< interval; NaN without draws */
    double gain, gain_lo, gain_hi;     /**< uniform - objective */
    double p_better;  /**< P(better than uniform): >= .95 just where a 90 % gain interval lies above 0; NaN
                           without draws */
    double kkt;       /**< largest first-order gain of moving a share of one between two domains */
    double params;    /**< model size that was used; NaN: the law knows none */
    bool unsupported; /**< the table says nothing of the losses there: predictions are NaN, with a note */
    size_t n_notes;
    const char *const *notes;
} asc_optimum;

/** @retval ASC_EINVAL  a budget <= 0, limits that leave no mixture (which), an objective the law was not fitted to
 *  @retval ASC_ENUMERIC  the law predicts nothing finite  @retval ASC_EINTR  by a hook */
ASC_API asc_status asc_laws_optimize(const asc_optimum **out, const asc_laws *laws, const asc_optimize_options *options,
                                     asc_error *err);
/** NULL is fine. Its arrays go with it. */
ASC_API void asc_optimum_free(const asc_optimum *optimum);
/** The answer as a mixture that can be written and exported, with its tokens and limits. */
ASC_API asc_status asc_optimum_mixture(asc_mixture **out, const asc_optimum *optimum, const asc_laws *laws,
                                       const asc_optimize_options *options, asc_error *err);

typedef struct asc_what_if_options {
    size_t size;             /**< sizeof (asc_what_if_options) */
    double tokens;           /**< the budget, > 0 */
    double params;           /**< model parameters; 0: the largest of the table */
    const double *available; /**< (D) unique tokens: repeated ones count less; or NULL */
    const char *objective;   /**< NULL: the one that the laws were fitted to */
    double level;            /**< of the intervals; 0: .9 */
} asc_what_if_options;

/** Predictions for M given mixtures, the mean over the draws, and how each differs from the first. NaN: not known. */
typedef struct asc_what_if_answer {
    size_t n_mixtures, n_targets;
    const double *loss, *loss_lo, *loss_hi;                      /**< (M,V) [nats per token] */
    const double *objective, *objective_lo, *objective_hi;       /**< (M) */
    const double *change, *change_lo, *change_hi, *p_better;     /**< (M) objective less that of mixture 0, and the
                                                                      probability that it is lower */
    const double *loss_change, *loss_change_lo, *loss_change_hi; /**< (M,V) the same by target */
    const double *loss_p_better;                                 /**< (M,V) */
    const char *const *why;                                      /**< (M) why nothing is predicted, or NULL */
    size_t n_notes;
    const char *const *notes;
} asc_what_if_answer;

/** @param shares  (M,D) >= 0, each row with a sum of 1 (within 1e-6)
 *  @retval ASC_EINVAL  shares or tokens out of range, an objective the law was not fitted to */
ASC_API asc_status asc_laws_what_if(const asc_what_if_answer **out, const asc_laws *laws, const double *shares,
                                    size_t n_mixtures, const asc_what_if_options *options, asc_error *err);
/** NULL is fine. Its arrays go with it. */
ASC_API void asc_what_if_free(const asc_what_if_answer *answer);

/* ---- the AutoScale rule: the optimum at a budget, from the optima at two or more smaller ones ---- */

typedef struct asc_scaling_options {
    size_t size; /**< sizeof (asc_scaling_options) */
    size_t n_scales, n_domains;
    const double *tokens;             /**< (S) ascending, > 0 */
    const double *shares;             /**< (S,D) the optimum at each, rows sum to 1 */
    int64_t budget;                   /**< > 0 */
    const asc_limits_options *limits; /**< NULL: the published rule as it is */
} asc_scaling_options;

typedef struct asc_scaling {
    size_t n_domains;
    const double *shares;    /**< (D) sum 1 */
    const int64_t *tokens;   /**< (D) sum to the budget */
    const double *keep_last; /**< (D) the largest scale's optimum within the same limits */
    const bool *censored;    /**< (D) at a limit in the last row: that share is kept */
    size_t n_notes;
    const char *const *notes;
} asc_scaling;

/** @retval ASC_EINVAL  fewer than two scales, rows that do not sum to 1, limits that leave no mixture */
ASC_API asc_status asc_scaling_predict(const asc_scaling **out, const asc_scaling_options *options, asc_error *err);
/** NULL is fine. Its arrays go with it. */
ASC_API void asc_scaling_free(const asc_scaling *scaling);

#ifdef __cplusplus
}
#endif

#endif
