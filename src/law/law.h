/**
 * law: what a run would lose, as a function of its tokens from each domain and its parameters. Families, fits,
 * cross-validation, comparison, uncertainty. Pure: arrays in (asc_runs), structs out; no files, no clock, no output.
 *
 * Deterministic: the same runs, options and seed give the same bits for any number of threads.
 * Shape letters: D domains, V targets, R rows, K draws. Losses in nats a token, tokens in tokens (not billions).
 * NaN = not measured / cannot be had. Functions here never keep a pointer to an input.
 *
 * Sources as in docs/method: [K24] AutoScale 2407.20177, [Y24] Data Mixing Laws 2403.16952, [G24] BiMix 2405.14908,
 * [S25] Scaling Laws for Optimal Data Mixtures 2507.09404, [L24] RegMix 2407.01492.
 */
#ifndef AUTOSCALE_LAW_H
#define AUTOSCALE_LAW_H

#include "spec/spec.h"

#define ASC_NONE ((size_t)-1)

/* ---- families ---- */

/**
 * Forms of L for one target. w = tokens / N the shares, N the total, P the parameters; n_i = tokens_i / unit_tokens,
 * and N, P below are likewise divided by unit_tokens and unit_params of the law. Terms in P and N drop out where that
 * variable did not vary in the table (asc_law.has_tokens, has_params). Layout of asc_law.params in brackets, in this
 * order, terms that dropped out left out; every parameter in the units of the formula (no logarithms).
 */
typedef enum asc_law_family {
    /** J = J0 (1 + sum_i [(x_i+a_i)^-b_i - (1+a_i)^-b_i]), x_i = tokens_i / base_i. [J0, a(D), b(D), c(D)]. [K24] */
    ASC_LAW_DDO,
    /** L = E + sum_i beta_i (a_i + n_i)^-gamma_i + A P^-alpha. [E, beta(D), a(D), gamma(D), A, alpha]. [K24] */
    ASC_LAW_DDO_JOINT,
    /** L = E + (sum_i k_i n_i)^-gamma + A P^-alpha. [E, k(D), gamma, A, alpha]. Ours; convex in n. */
    ASC_LAW_EFFECTIVE,
    /** L = c + exp(t.w) + exp(u.w) N^-beta + exp(v.w) P^-alpha. [c, t(D), u(D), beta, v(D), alpha]. [Y24]: its step
     * and size laws L = c + (D0/D)^alpha with an amplitude that follows the exponential mixing law too. */
    ASC_LAW_DML,
    /** L = c + (w_v+e)^-a (K + B N^-beta + A P^-alpha). [c, K, e, a, B, beta, A, alpha]. [G24]; e and c ours. Only for
     * a target that names a domain (asc_law.own). */
    ASC_LAW_BIMIX,
    /** L = E + 1/sum_i C_i w_i^g_i + A P^-alpha + B N^-beta. [E, C(D), g(D), A, alpha, B, beta]. [S25] */
    ASC_LAW_RECIPROCAL_ADD,
    /** L = E + 1/S + (sum_i a_i w_i)^gA P^-alpha + (sum_i b_i w_i)^gB N^-beta; S as above.
     * [E, C(D), g(D), a(D), gA, alpha, b(D), gB, beta]. [S25] */
    ASC_LAW_RECIPROCAL_JOINT,
    /** L = E + (1 + A P^-alpha + B N^-beta) / sum_i C_i w_i^g_i. [E, C(D), g(D), A, alpha, B, beta]. Ours. */
    ASC_LAW_RECIPROCAL_MULT,
    /** L = E + 1/S + (a^(1/delta) + b^(1/delta))^delta, a and b the two terms of reciprocal-joint: below delta = 1 the
     * scarcer of parameters and tokens rules. [E, C(D), g(D), a(D), gA, alpha, b(D), gB, beta, delta]. [S25] with the
     * join of Kaplan et al. 2001.08361 (eq. 1.5); ours. */
    ASC_LAW_RECIPROCAL_KAPLAN,
    /** L = E + K / sum_i C_i w_i^g_i, K = ((A P^-alpha)^(1/delta) + N^(-beta/delta))^delta; without P: N^-beta, without
     * N: P^-alpha. Nothing but E is left of an ever larger run. [E, C(D), g(D), then alpha | beta | A, alpha, beta,
     * delta]. Ours. */
    ASC_LAW_RECIPROCAL_SCALE,
    /** L = E + B N^-beta + A P^-alpha: no mixture at all, for a Gaussian process on the shares ("constant+gp").
     * [E, B, beta, A, alpha]. Ours. */
    ASC_LAW_CONSTANT,
    /** Ridge on w, sqrt w, log(w+.01), and log N, log P. [intercept, coefficients(3D), log N, log P]. [L24]'s linear */
    ASC_LAW_RIDGE,
    /** Gradient-boosted trees on w, log N, log P; asc_law.trees, no params. Fitted by XGBoost where it is. [L24] */
    ASC_LAW_TREES,
    /** Weighted mean of laws: asc_law.parts, params = weights (n_parts, sum 1); a draw is a draw of one of them
     * (asc_law.pick). Ours; what `auto` takes. */
    ASC_LAW_BLEND,
    ASC_LAW_FAMILIES
} asc_law_family;

/** "ddo", "ddo-joint", "effective", "dml", "bimix", "reciprocal-add", "reciprocal-joint", "reciprocal-mult", "linear",
 * "trees", "blend". */
const char *asc_law_family_name(asc_law_family f);
/** The family of a name, with or without "+gp" at its end ("ridge" is linear too); false if unknown ("auto" is none).
 */
bool asc_law_parse(const char *name, asc_law_family *family, bool *gp);
/** All names that `--law` takes, "auto" first, "+gp" forms last; *n of them. For help and hints. */
const char *const *asc_law_names(size_t *n);

/** Number of params of a family with D domains (0 for trees and blend). */
size_t asc_law_n_params(asc_law_family f, size_t n_domains, bool has_tokens, bool has_params);

/* ---- one fitted law ---- */

/** Boosted trees flattened: trees one after another; a node i goes to left[i] if x[feature[i]] < threshold[i], else
 * to right[i]; a leaf has feature -1 and its value in threshold. Children are absolute indices. */
typedef struct asc_trees {
    size_t n_trees, n_nodes, n_features;
    int32_t *root;         /**< (n_trees) */
    int32_t *feature;      /**< (n_nodes) */
    int32_t *left, *right; /**< (n_nodes) */
    float *threshold;      /**< (n_nodes) */
    double bias;           /**< added to the sum of the leaves */
} asc_trees;

/** Gaussian-process residual on log loss: log L = log f + mean + linear.s + sum_r alpha_r exp(-|s-s_r|^2/(2 l^2)),
 * s = sqrt w, then .2 log N, .2 log P where they vary (over the law's units). n = 0: none. */
typedef struct asc_gp {
    size_t n, n_features;
    double length;     /**< l */
    double signal;     /**< sd of the kernel part [log nats] */
    double noise;      /**< sd of the noise [log nats] */
    double log_linear; /**< log of (sd of the linear part / noise)^2 */
    double mean;
    double *linear; /**< (n_features) */
    double *inputs; /**< (n, n_features) s_r */
    double *alpha;  /**< (n) signal^2 included */
} asc_gp;

/** How well a law does. NaN where a figure cannot be had. */
typedef struct asc_law_stats {
    double r2, mre, spearman;              /**< on the rows it was fitted to */
    double cv_mre, cv_mre_sd, cv_spearman; /**< grouped k-fold at one size and budget; sd over folds, of the mean */
    double cv_mse;                         /**< [nats^2] */
    double forward_mre;                    /**< fit on the smaller sizes or budgets, predict the largest */
    double noise;                          /**< sd of one run's loss about the law [nats] */
    size_t n_rows;                         /**< rows with a loss */
    bool converged;
} asc_law_stats;

#define ASC_LAW_BANDS 3
/** Levels of asc_law.band, in order. */
extern const double asc_law_band_level[ASC_LAW_BANDS]; /* .68, .90, .95 */

typedef struct asc_law {
    asc_law_family family;
    char *target;     /**< name of the target; "objective" for ddo */
    size_t n_domains; /**< D */
    size_t own;       /**< domain that the target names, ASC_NONE if none */
    bool has_tokens, has_params;
    double unit_tokens, unit_params;
    double floor;                /**< shares below it are taken as it, where a family takes powers of shares */
    double tokens_hi, params_hi; /**< largest totals and sizes that it was fitted to; NaN: not known */
    double *base;                /**< (D) tokens of the base run for ddo, else NULL */
    size_t n_params;
    double *params; /**< (n_params), layout as in asc_law_family */
    size_t n_draws;
    double *draws; /**< (n_draws, n_params) bootstrap draws of params; NULL: no interval can be had (see notes) */
    asc_gp gp;
    asc_trees trees;
    size_t n_parts;
    struct asc_law *parts; /**< of a blend */
    int32_t *pick; /**< (n_draws,2) of a blend: which part a draw is of, and which of that part's draws; or NULL */
    /** Bands: L within band[q] * asc_law_spread with probability asc_law_band_level[q]; NaN: none. Calibrated on
     * cross-validated residuals. */
    double band[ASC_LAW_BANDS];
    asc_law_stats stats;
    /* ddo alone */
    int32_t *roots;      /**< (D) exact roots found: 0, 1 or 2; -1: more than three points, least squares; or NULL */
    bool *undetermined;  /**< (D) effect within the noise, or no root: the share is to stay near the base; or NULL */
    double *other;       /**< (3,D) a, b, c of the other (low-b) root, NaN where there is none; or NULL */
    double *x_lo, *x_hi; /**< (D) measured range of x_i; or NULL */
} asc_law;
void asc_law_clear(asc_law *l);
/** Deep copy. */
asc_status asc_law_copy(asc_law *out, const asc_law *l, asc_error *err);
/** Name as users write it, "+gp" included; buf >= 32. Returns buf. */
char *asc_law_name(const asc_law *l, char *buf, size_t n);
/** Name of params[i]: "E", "C.arxiv", "gamma.arxiv"; domains (D). Returns buf. */
char *asc_law_param_name(const asc_law *l, size_t i, char *const *domains, char *buf, size_t n);

/* ---- prediction ---- */

/** Loss at tokens (D), parameters P (ignored without has_params). NaN if tokens are not >= 0 with a positive sum. */
double asc_law_predict(const asc_law *l, const double *tokens, double params);
/** The same with dL/dtokens_i into gradient (D) [nats a token, per token]. Of trees: zeros. */
double asc_law_gradient(const asc_law *l, const double *tokens, double params, double *gradient);
/** Loss under draw k (k < n_draws). Gaussian-process part and trees as in the point fit. */
double asc_law_predict_draw(const asc_law *l, size_t k, const double *tokens, double params);
/** A view of l with draw k in place of params (of a blend: of the part that the draw is of): valid while l lives; never
 * clear it. For optimisers. */
asc_law asc_law_draw_view(const asc_law *l, size_t k);
/** n points: tokens (n,D), params (n) or NULL (then `one_params` for all) -> out (n). Vectorised, in blocks over
 * n_threads; agrees with asc_law_predict to 1e-12 relative. */
asc_status asc_law_predict_many(double *out, const asc_law *l, size_t n, const double *tokens, const double *params,
                                double one_params, int n_threads, asc_error *err);
/** May a mixture be chosen by this family? Not by one whose returns need not diminish (linear), nor by steps (trees),
 * nor by a process alone, whose draws know nothing of what it does not: they predict, and never decide. */
bool asc_law_decides(asc_law_family f);
/** What the law may be off by because it goes on beyond the totals and sizes of its table [nats, a standard deviation]:
 * a fifth of the change that it promises from there on (ours; measured on tables whose truth is known,
 * docs/results/truth.md). 0 within the table. */
double asc_law_drift(const asc_law *l, const double *tokens, double params);
/** Spread at a point: sqrt(noise^2 + variance over the draws + drift^2) [nats]; what asc_law.band multiplies. */
double asc_law_spread(const asc_law *l, const double *tokens, double params);
/** Band of one run's loss at level index q; false (untouched) if there is none. */
bool asc_law_band(const asc_law *l, const double *tokens, double params, size_t q, double *lo, double *hi);

/* ---- the laws of a table ---- */

/** All that optimize and score need; LAW.json holds this. */
typedef struct asc_law_set {
    char *law;   /**< what was asked for or chosen: "reciprocal-mult+gp"; "auto" never */
    bool chosen; /**< by auto */
    size_t n_domains, n_targets;
    char **domains, **targets;   /**< (D), (V) names */
    asc_objective objective;     /**< over the V targets */
    size_t n_laws;               /**< V; 1 for ddo (the objective itself) */
    asc_law *laws;               /**< (n_laws) */
    size_t n_rows, n_runs;       /**< rows and groups of the table */
    double *share_lo, *share_hi; /**< (D) range of shares sampled */
    double *base_tokens;         /**< (D) base row of a star, else the mean shares x largest total */
    double tokens_lo, tokens_hi; /**< totals in the table */
    double params_lo, params_hi; /**< parameters in the table; NaN: not given */
    double noise;                /**< sd of one run's loss from repeats or as given [nats]; NaN: unknown */
    size_t n_notes;
    char **notes;
} asc_law_set;
void asc_law_set_clear(asc_law_set *s);
asc_status asc_law_set_note(asc_law_set *s, asc_error *err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/** Drift of the objective, all targets being off to the same side [units of the objective]. */
double asc_law_set_drift(const asc_law_set *s, const asc_objective *objective, const double *tokens, double params);
/** Objective at tokens (D), P: from the predicted losses, or for ddo its own J. */
double asc_law_set_objective(const asc_law_set *s, const double *tokens, double params);
/** The same with dJ/dtokens into gradient (D); `worst` gives a subgradient. */
double asc_law_set_gradient(const asc_law_set *s, const double *tokens, double params, double *gradient);
/** Draws that all laws have: the smallest n_draws (0: no intervals). Draw k of every law comes from one resample. */
size_t asc_law_set_n_draws(const asc_law_set *s);
/** A view of s with draw k in every law: free with asc_law_set_view_free, while s lives. */
asc_status asc_law_set_draw_view(asc_law_set *out, const asc_law_set *s, size_t k, asc_error *err);
void asc_law_set_view_free(asc_law_set *view);

/* ---- fitting ---- */

typedef struct asc_law_opts {
    const char *law;                /**< a name of asc_law_names; NULL or "auto": chosen by asc_law_compare */
    const asc_objective *objective; /**< NULL: mean loss */
    double noise;       /**< sd of one run's loss [nats, = relative noise of perplexity]; NaN: from repeats */
    size_t n_bootstrap; /**< draws; 0: none */
    size_t n_folds;     /**< of cross-validation; 0 or 1: none */
    double huber;       /**< residuals beyond it (in robust sd) count linearly; 0: plain least squares */
    uint64_t seed;
    int n_threads;            /**< <= 0: one a processor */
    bool no_trees;            /**< leave XGBoost out of auto and compare */
    double (*clock)(void);    /**< seconds, for the column of compare; NULL: NaN. Never changes a result */
    asc_progress_fn progress; /**< or NULL */
    void *progress_ctx;
} asc_law_opts;
/** law auto, mean loss, noise NaN, 200 draws, 5 folds, huber 3, seed 0, all processors. */
void asc_law_opts_init(asc_law_opts *o);

/**
 * Fit a law to every target of a table (ddo: to the objective).
 * @param runs  R rows; NaN losses are left out target by target; rows of one group never fall on both sides of a fold
 * @retval ASC_EINVAL   unknown law, no rows, too few rows or groups for the law (message says how many it needs), a
 *                      target without any loss, a table that is no star (ddo; names the row)
 * @retval ASC_EMISSING trees asked for and no XGBoost on this machine (message says what to install)
 * @retval ASC_ENUMERIC no start converged
 * Cost: R V P^2 a step; RegMix (512 x 13, D = 17) with 5 folds < .3 s on one thread, bootstrap apart.
 */
asc_status asc_law_fit(asc_law_set *out, const asc_runs *runs, const asc_law_opts *opts, asc_error *err);

/** One line of the ranking. */
typedef struct asc_law_score {
    char law[32];
    double cv_mre, cv_mre_sd, cv_spearman, cv_mse, forward_mre; /**< means over targets; NaN: cannot be had */
    double seconds;                                             /**< by opts->clock */
    size_t n_folds_done; /**< fewer than asked where a law clearly behind was dropped */
} asc_law_score;
typedef struct asc_law_skip {
    char law[32];
    char why[200];
} asc_law_skip;
typedef struct asc_law_comparison {
    size_t n_laws;
    asc_law_score *laws; /**< best first */
    size_t n_skipped;
    asc_law_skip *skipped;
    char chosen[32];
    char why[256]; /**< one sentence: what decided */
} asc_law_comparison;
void asc_law_comparison_clear(asc_law_comparison *c);
/**
 * Judge every law as it will be used: grouped k-fold inside one size and budget; forward (fit the smaller, predict
 * the largest) where the table holds several sizes or budgets, and then forward error decides.
 * @retval ASC_EINVAL  no law can be fitted to this table (message: the first reason)
 */
asc_status asc_law_compare(asc_law_comparison *out, const asc_runs *runs, const asc_law_opts *opts, asc_error *err);

/** What `score` prints. rmse in nats; spearman and regret within groups of equal params at the group's largest tokens,
 * averaged. NaN: cannot be had. */
typedef struct asc_law_error {
    char *target;                       /**< or "objective" */
    double mre, rmse, spearman, regret; /**< regret of the objective alone */
    double coverage, width; /**< of the 90 % band: share of rows inside, median width [nats]; NaN: no band */
    size_t n_rows;
} asc_law_error;
/**
 * Error of s on runs it never saw; domains and targets are matched by name.
 * @param[out] targets    (V), or NULL for ddo with *n_targets = 0; free with asc_law_errors_free
 * @param[out] objective  of J
 * @retval ASC_EINVAL  the table lacks a domain or all targets of the law
 */
asc_status asc_law_score_runs(asc_law_error **targets, size_t *n_targets, asc_law_error *objective,
                              const asc_law_set *s, const asc_runs *runs, asc_error *err);
void asc_law_errors_free(asc_law_error *e, size_t n);

/* ---- Direct Data Optimization: the star design ---- */

/** A star read from a table: base row(s) and, for each domain, the points along its axis. y = J/J_base. */
typedef struct asc_ddo_star {
    size_t n_domains, n_rows;
    double *base;      /**< (D) tokens */
    double j_base;     /**< mean J over the base rows */
    size_t n_base;     /**< base rows */
    size_t *n_points;  /**< (D) distinct x on axis i, base included */
    double **x, **y;   /**< (D)(n_points[i]) ascending in x; repeats of one x averaged */
    size_t **n_repeat; /**< (D)(n_points[i]) rows behind each */
    double *loss_base; /**< (V) mean loss of each target at the base */
    double ***loss;    /**< (D)(n_points[i])(V) mean losses, for the parametric bootstrap */
    size_t n_targets;
    double *noise; /**< (V) sd from repeats, NaN where there are none */
} asc_ddo_star;
void asc_ddo_star_clear(asc_ddo_star *s);
/**
 * Find the base (the row, or repeats, from which every other differs in one domain's tokens by more than 1e-6
 * relative) and the axes.
 * @retval ASC_EINVAL  no star: the message names the row (1-based data row) that breaks it and in how many domains
 */
asc_status asc_ddo_star_find(asc_ddo_star *out, const asc_runs *runs, const asc_objective *objective, asc_error *err);

/**
 * Exact roots (a, b, c) of three points (x+a)^-b + c = y, x ascending, a > -x[0], b > 0.
 * @param[out] root  (2,3): highest b first
 * @return 0, 1 or 2. [K24]'s notebook takes the high-b root.
 */
int asc_ddo_roots(double root[2][3], const double x[3], const double y[3]);

/** Fit the star: params, roots, undetermined, other, draws. As asc_law_fit with law ddo, for callers that hold no
 * table of losses by target. opts: objective, noise, n_bootstrap, seed, n_threads. notes go to set. */
asc_status asc_ddo_fit(asc_law_set *out, const asc_runs *runs, const asc_law_opts *opts, asc_error *err);

/**
 * Parametric bootstrap of the star alone: draws (n, 1+3D) in the layout of ASC_LAW_DDO, each from losses redrawn with
 * the noise (V) [nats] of each target; vectorised. Domains without a root in a replica take the bounded least squares.
 */
asc_status asc_ddo_bootstrap(double *draws, size_t n, const asc_ddo_star *star, const asc_law *fit,
                             const asc_objective *objective, const double *noise, uint64_t seed, asc_error *err);

#endif
