/**
 * mix: the best mixture at a budget, the AutoScale rule across budgets, and which mixture is the answer. Pure: arrays
 * in, structs out; no files, no clock. Shape letters: D domains, S scales, B parameter draws.
 */
#ifndef AUTOSCALE_MIX_H
#define AUTOSCALE_MIX_H

#include "design/design.h"
#include "law/law.h"
#include "spec/spec.h"
#include "spec/spec_limits.h"
#include "spec/spec_notes.h"
#include "spec/spec_study.h"

/* ---- the optimum ------------------------------------------------------------------------------------------------ */

/** What holds a share where it is. */
typedef enum asc_bound { ASC_FREE, ASC_AT_MIN, ASC_AT_MAX, ASC_AT_AVAILABLE, ASC_AT_TRUST } asc_bound;
/** NULL for ASC_FREE, else "min", "max", "available", "trust". */
const char *asc_bound_name(asc_bound b);

typedef struct asc_mix_opts {
    int64_t n_tokens;   /**< the budget N, > 0 */
    double params;      /**< model size; NaN: the largest in the law's table, noted */
    asc_limits limits;  /**< shares, available tokens and their epochs, prior */
    bool no_repetition; /**< true: a token seen again counts as new (the discount of [M23] off) */
    double trust; /**< shares within [min / trust, max * trust] of those sampled; 0: off; NaN: the law's default */
    const asc_objective *objective; /**< NULL: the one the law was fitted to */
    uint64_t seed;                  /**< of the start points */
    int n_threads;                  /**< 0: one */
    double level;                   /**< of the intervals, in (0,1); 0: .9 */
    bool no_intervals;              /**< true: leave the intervals out (NaN) */
    bool trades;                    /**< true: look for pairs of shares that trade off */
    bool point;                     /**< true: optimize the point estimate instead of the mean over the law's draws */
    asc_progress_fn progress;       /**< or NULL */
    void *progress_ctx;
} asc_mix_opts;
/** Defaults: everything off, params and trust NaN, level .9, one epoch. */
void asc_mix_opts_init(asc_mix_opts *o);

/** How far a question lies from the runs behind a law: factors >= 1, 1 inside, NaN where nothing is known. */
typedef struct asc_mix_support {
    double tokens, params; /**< beyond the range of totals and of sizes in the table */
    double shares;         /**< of the domain that lies farthest beyond the shares sampled */
    size_t domain;         /**< that domain; ASC_NONE: all inside */
    bool withheld;         /**< the table says nothing of the loss there: an axis that never (or hardly) varied */
    char why[200];         /**< "" or why it is withheld, the reason alone */
} asc_mix_support;
/** weights (D) or NULL; params NaN: the largest of the table. */
void asc_mix_support_of(asc_mix_support *out, const asc_law_set *laws, const double *weights, double n_tokens,
                        double params);
/** The same in sentences, into notes. */
void asc_mix_support_say(asc_notes *notes, const asc_mix_support *s, const asc_law_set *laws, double n_tokens,
                         double params);

/** What a law expects of one mixture: the objective's mean over the law's draws, and the gain over a reference. NaN:
 * cannot be had. See mix_expected.h. */
typedef struct asc_expected {
    double value, lo, hi;          /**< objective, lower is better; interval */
    double gain, gain_lo, gain_hi; /**< reference - this: > 0 is better */
    double p_better;         /**< P(better than the reference), as gain and its interval have it: see asc_mix_result */
    asc_mix_support support; /**< how far beyond what was sampled this is */
} asc_expected;

/** Two domains between which share can move within the objective's uncertainty, much further than their sum can.
 * "Within" means that the interval of the change holds 0. */
typedef struct asc_trade {
    size_t first, second;       /**< domains; the first has the larger share */
    double sum, sum_lo, sum_hi; /**< of both shares; where it may lie, the others giving and taking in proportion */
    double lo, hi;              /**< where the first's share may lie, the sum being kept */
    double change[2];           /**< of the objective with the first at lo, at hi */
    double change_lo[2], change_hi[2]; /**< its intervals */
} asc_trade;

typedef struct asc_mix_result {
    size_t n_domains;
    double *weights; /**< (D) sums to 1 */
    int64_t *tokens; /**< (D) sums exactly to n_tokens */
    /** Objective at the answer and at the uniform mixture (capped by what is available): means over the law's draws,
     * or at the estimate (point, or no draws). */
    double predicted, uniform;
    /** Of predicted over the law's parameter draws, as they are and about the fit (see mix_expected.h), further to the
     * worse side by what an optimum of uncertain figures promises too much; NaN where there are none. */
    double ci[2];
    double gain, gain_ci[2]; /**< uniform - predicted, with its interval */
    /** P(better than uniform), as gain and its interval have it, the end towards 0 as a normal quantile: .95 and more
     * just where a 90 % interval lies above 0, .05 and less where it lies below; n draws never tell more than (n + 1/2)
     * / (n + 1). NaN where there are none. */
    double p_better;
    double steps_saved;      /**< 1 - tokens that the answer needs to reach uniform's objective / budget; NaN where the
                                table's tokens do not vary, or the law knows nothing of them */
    asc_mix_support support; /**< how far beyond what was sampled this is */
    double *w_lo, *w_hi;     /**< (D) where the draws have their optimum, within the sampled range and without (the
                                  answer keeps to it); NaN where there are none */
    asc_bound *bound;        /**< (D) */
    double *epochs;          /**< (D) tokens / available; NaN without available */
    double kkt;              /**< certificate: largest gain in the objective, to first order, of moving a share of one
                                from one domain to another that its bounds allow; from differences of the objective
                                itself, 0 at an optimum */
    asc_trade *trades;       /**< (n_trades) the widest first, at most three; none unless asked for */
    size_t n_trades;
    double budget; /**< n_tokens */
    double params; /**< used */
    asc_notes notes;
} asc_mix_result;
void asc_mix_result_clear(asc_mix_result *r);

/**
 * The mixture with the least expected objective at a budget: the mean over the law's draws, so that what is uncertain
 * pulls towards the middle (docs/method.md#deciding-under-uncertainty); with opts.point, or without draws, the least at
 * the estimate (docs/method.md#the-optimum).
 * ddo at the estimate: exact, closed form and one bisection. Else: projected quasi-Newton on the bounded simplex from
 * several starts, the best polished; where many laws and draws make an evaluation dear, fewer starts and fewer draws,
 * and the shares' intervals from each draw's expansion to second order about the answer. `worst` through a smooth
 * maximum that is sharpened. Repetition of available tokens is discounted after [M23]: D' = U + U R*(1
 * - exp(-R/R*)), R* = 15.4, applied to the tokens that the law sees.
 * @retval ASC_EINVAL    bounds that leave no mixture (the message says which), an objective that the law was not fitted
 * to
 * @retval ASC_ENUMERIC  the law predicts nothing finite
 * @retval ASC_EINTR     asc_interrupted()
 */
asc_status asc_mix_optimum(asc_mix_result *out, const asc_law_set *laws, const asc_mix_opts *o, asc_error *err);

/** Feasible shares after all limits, and what set each: lo, hi (D); kind_lo, kind_hi (D) say which limit. Exposed
 * because the rule, the study and the tests need the same arithmetic. @retval ASC_EINVAL  no mixture fits */
asc_status asc_mix_limits(double *lo, double *hi, asc_bound *kind_lo, asc_bound *kind_hi, const asc_mix_opts *o,
                          const double *range_lo, const double *range_hi, char *const *domains, size_t n_domains,
                          asc_error *err);

/** Effective tokens of n taken from `unique` ones, [M23] eq. 5 for data: U + U R*(1 - exp(-R/R*)), R = n/U - 1, R*
 * = 15.387756; n itself while n <= unique. */
double asc_effective_tokens(double n, double unique);

/**
 * Exact ddo optimum (docs/method.md#optimum-of-a-star): minimise sum (x_i + a_i)^-b_i over sum w0_i x_i = budget_ratio
 * with lo_i <= w0_i x_i / budget_ratio <= hi_i. One bisection on the multiplier, to the last bit that matters; no
 * allocation.
 * @param[out] x  (D) multipliers of the base tokens
 * @param a,b,w0  (D) b > 0 and a > -x; w0 base shares, sum 1, > 0
 * @param budget_ratio  N_asked / N_base
 * @param lo,hi   (D) shares, feasible
 * @return the multiplier lambda
 */
double asc_ddo_solve(double *x, const double *a, const double *b, const double *w0, double budget_ratio,
                     const double *lo, const double *hi, size_t n_domains);

/* ---- the AutoScale rule ----------------------------------------------------------------------------------------- */

/** Optima at several scales: a file optima.csv. Init to {0}. */
typedef struct asc_optima {
    size_t n_scales, n_domains; /**< S, D */
    char **domains;
    double *tokens;  /**< (S) > 0, ascending */
    double *params;  /**< (S) of the model, ascending where tokens are equal; NULL: none are */
    double *weights; /**< (S,D) shares, rows sum to 1 */
    double *lo, *hi; /**< (S,D) intervals of the shares (level .9), NaN or NULL where there are none */
} asc_optima;
asc_status asc_optima_init(asc_optima *o, size_t n_scales, size_t n_domains, bool intervals, asc_error *err);
void asc_optima_clear(asc_optima *o);

typedef struct asc_rule_opts {
    int64_t n_tokens;    /**< budget, > 0 */
    asc_limits limits;   /**< without shares and available the published rule as it is; prior and kl are ignored */
    int64_t base_tokens; /**< reserved for 0 */
    bool point;          /**< weights, tokens and t alone: nothing is redrawn, no intervals, no shrunken rule */
} asc_rule_opts;

typedef struct asc_rule_result {
    size_t n_domains;
    double *weights;   /**< (D) sums to 1 */
    int64_t *tokens;   /**< (D) sums to n_tokens */
    double t;          /**< 0 at the first scale, 1 at the last (at the second where there are two) */
    bool *censored;    /**< (D) at its bound in the last row: keeps that share */
    asc_bound *bound;  /**< (D) */
    double *keep_last; /**< (D) the largest scale's weights within the same limits */
    /** (D) the rule with growth rates drawn towards equal growth by the optima's own uncertainty: 1 = as published, 0 =
     * as keep-last; and the mixture that this gives, with its interval or NaN. Ours (docs/method.md#the-shrunken-rule).
     */
    double *shrinkage, *shrunken, *shrunken_lo, *shrunken_hi;
    double beyond;       /**< budget / largest scale */
    double *w_lo, *w_hi; /**< (D) or NULL: no interval can be had */
    double residual;     /**< three or more scales: rms of ln n about the lines; else 0 */
    asc_notes notes;
} asc_rule_result;
void asc_rule_result_clear(asc_rule_result *r);

/**
 * Predict the optimum at a budget from optima at two or more scales ([K24], docs/method.md#the-rule): ln n_i affine in
 * a latent t, solved for real t with sum_i clip(n_i(t)) = N exact; the larger root. Three or more scales: alternating
 * least squares. Domains at a bound in the last row are censored; at a bound only earlier they keep their last share.
 * There is no size in it: of rows of equal tokens that params tell apart, the largest model's stands for the budget,
 * and a note says so.
 * @retval ASC_EINVAL   fewer than two scales, equal scales, a share of 0 with no bound that explains it, limits that
 * fit nothing
 * @retval ASC_ENUMERIC the rule's total never reaches the budget (message says the least or most it can)
 */
asc_status asc_rule_predict(asc_rule_result *out, const asc_optima *optima, const asc_rule_opts *o, asc_error *err);

/**
 * How much of each growth rate is kept: s_i = tau^2 / (tau^2 + var_i), tau the sd of true growth about `common`, by
 * maximum likelihood (tau = 0 where the rates differ by no more than their noise).
 * @param[out] s    (n)
 * @param rate,var  (n) measured growth and its variance, >= 0
 */
void asc_rule_shrinkage(double *s, const double *rate, const double *var, double common, size_t n);

/** The published rule at a given t, unclipped: n_i = n_i1 (n_i2/n_i1)^t for the first and last scale; out (D) [tokens].
 */
void asc_rule_at(double *out, const asc_optima *optima, double t);

/* ---- which mixture is the answer (docs/method.md#how-mixtures-are-judged)
 * ---------------------------------------------
 */

/** A validation curve: objective after each number of tokens, ascending in tokens. */
typedef struct asc_curve {
    size_t n;
    const double *tokens, *value;
} asc_curve;
/**
 * Share of steps that a saves over b: 1 - (tokens at which a first reaches b's final value and is at or below it from
 * linear interpolation between points) / b's final tokens. Negative when a reaches it later than b ended (extrapolation
 * is not made: -inf never occurs; when a never reaches it the answer is NaN and *reached false).
 */
double asc_steps_saved(const asc_curve *a, const asc_curve *b, bool *reached);
/** The same with a sign: where a never reaches b's final value, minus what b saves over a, so that no pair of seeds
 * falls out of a mean. NaN only for empty curves, or where neither reaches the other. */
double asc_steps_saved_or_lost(const asc_curve *a, const asc_curve *b);
/** Share of steps that a run of its own length on a's mixture saves, with the same sign, for a learning rate that stays
 * constant up to the share `until` of a run and then falls (wsd). Such a run can end anywhere by falling there, so one
 * of n tokens ends at about A(N) + s log(n / N), s the slope of a's curve on log tokens while the rate was constant;
 * saved is 1 - n / N where that is b's final value (docs/method.md#how-mixtures-are-judged). Crossings of the curves
 * say less: before the fall, a is compared with a b that has fallen. NaN: fewer than three points there, or no fall. */
double asc_steps_saved_shorter(const asc_curve *a, const asc_curve *b, double until);

/** What a seed does to one run's objective: a standard deviation (NaN: unknown), and the degrees of freedom that it is
 * known by (INFINITY: given). */
typedef struct asc_noise {
    double sd, df;
} asc_noise;

/** A difference of means with its spread. */
typedef struct asc_gain {
    double mean;       /**< mean(reference) - mean(mixture): > 0 is better */
    double lo, hi;     /**< interval at `level` from t with pooled variance; NaN where no spread is known */
    double noise;      /**< standard deviation between seeds, pooled or given; NaN unknown */
    bool beyond_noise; /**< the interval lies wholly on one side of 0; false where no spread is known */
} asc_gain;
/**
 * Gain of a mixture over a reference from final objectives of their seeds. noise is used where fewer than three
 * values in all leave no degree of freedom, with Student's quantile for its own.
 */
asc_gain asc_gain_over(const double *mixture, size_t n, const double *reference, size_t m, asc_noise noise,
                       double level);

/** One candidate for the answer. */
typedef struct asc_candidate {
    const char *name;    /**< "the AutoScale prediction", "joint", "keep-last", "natural", "uniform", ... */
    int simplicity;      /**< lower is simpler: uniform 0, natural 1, keep-last 2, rule 3, joint 4, others 5 */
    const double *value; /**< (n) final objectives of its validation runs */
    size_t n;            /**< 0: not validated */
    double
        past_error; /**< error of its method in predicting the largest measured scale from the smaller; NaN unknown */
    asc_expected expected; /**< by the law of all runs; value NaN: it cannot tell */
} asc_candidate;
/** The usual order of simplicity (see asc_candidate). */
int asc_candidate_simplicity(asc_mixture_kind kind);
/**
 * Which mixture is the answer: with validation the best mean, or the simplest one that is within noise of it (the
 * simplest of all where no noise is known: then nothing is ranked); without, the one with the least expected objective,
 * which is what asc_mix_optimum minimises (the simpler of two that are equal). Where the law cannot tell (untold, the
 * reason; NULL: none is known) the one whose method best predicted the largest measured scale from the smaller ones;
 * failing that keep-last (the simplest measured). why: one sentence. @return index in c
 */
size_t asc_choose_answer(const asc_candidate *c, size_t n, asc_noise noise, double level, const char *untold, char *why,
                         size_t why_size);

#endif
