/**
 * law: what a run would lose, as a function of its tokens from each domain and its parameters. Families, fits,
 * cross-validation, comparison, uncertainty. Pure: arrays in (asc_runs), structs out; no files, no clock, no output.
 *
 * Deterministic: the same runs, options and seed give the same bits for any number of threads.
 * Shape letters: D domains, V targets, R rows, K draws. Losses in nats per token, tokens in tokens (not billions).
 * NaN = not measured / cannot be had. Functions here never keep a pointer to an input.
 *
 * Equations, fitting and draws: docs/method.md#laws. Sources: [K24] AutoScale 2407.20177, [Y24] Data Mixing Laws
 * 2403.16952, [G24] BiMix 2405.14908, [S25] Scaling Laws for Optimal Data Mixtures 2507.09404, [L24] RegMix 2407.01492.
 */
#ifndef AUTOSCALE_LAW_H
#define AUTOSCALE_LAW_H

#include "spec/spec.h"
#include "spec/spec_notes.h"

#define ASC_NONE ((size_t)-1)

/* ---- families ---- */

/**
 * A law of the table in families.c: a form of L for one target, or of the objective. Opaque outside of this room: what
 * a law needs, how many parameters it has and how it is fitted and evaluated is its own affair. w = tokens / N the
 * shares, N the total, P the parameters; equations, sources and the layout of asc_law.params stand at the head of each
 * law's file.
 */
typedef struct asc_law_family asc_law_family;

/** "effective", "ddo-joint", ... */
const char *asc_law_family_name(const asc_law_family *f);
/** One line for people: the equation or the idea, and whose it is. */
const char *asc_law_family_help(const asc_law_family *f);
/** The law of a name as `--law` takes it, with or without "+gp" at its end (*gp; NULL: no such ending); NULL if there
 * is none. */
const asc_law_family *asc_law_family_named(const char *name, bool *gp);
/** Law i of the table, NULL beyond its end: for help and documents. */
const asc_law_family *asc_law_family_at(size_t i);
/** Names that `--law` takes, "auto" first, "+gp" forms last, into names (most, or NULL); returns how many there are. */
size_t asc_law_names(const char **names, size_t most);
/** "auto, effective, ..., or one of them with +gp": for messages and help. */
const char *asc_law_names_text(char *buf, size_t n);

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
#define ASC_GP_LOG_SCALE .2
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

#define ASC_LAW_HELD 400
/** Fewest rows with a loss that a law other than trees is fitted to. */
#define ASC_LAW_LEAST_ROWS 4
#define ASC_LAW_BANDS 3
/** Levels of asc_law.band, in order. */
extern const double asc_law_band_level[ASC_LAW_BANDS]; /* .68, .90, .95 */

typedef struct asc_law {
    const asc_law_family *family;
    char *target;     /**< name of the target; "objective" for ddo */
    size_t n_domains; /**< D */
    size_t own;       /**< domain that the target names, ASC_NONE if none */
    bool has_tokens, has_params;
    double unit_tokens, unit_params;
    double floor;                /**< shares below it are taken as it, where a family takes powers of shares */
    double tokens_hi, params_hi; /**< largest totals and sizes that it was fitted to; NaN: not known */
    double *base;                /**< (D) tokens of the base run for ddo, else NULL */
    size_t n_params;
    double *params; /**< (n_params), see asc_law_param_name */
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
    size_t n_held;
    double *held; /**< (n_held,2) measured loss, and what a fit that did not see its run predicts [nats, as floats]: at
                       most ASC_LAW_HELD rows, evenly taken; NULL: not cross-validated, or the part of a blend */
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
/** Numbers in params by the law's own count, whatever n_params says. */
size_t asc_law_count_params(const asc_law *l);
/** A law that was read from a file: NULL, or which field is wrong (*expected: what it should hold). */
const char *asc_law_check(const asc_law *l, const char **expected);
/** Where a ddo law keeps J0 and, by domain, a, b and c: views of its params (or of a draw's). */
typedef struct asc_ddo_axes {
    double j0;
    const double *a, *b, *c; /**< (D) */
} asc_ddo_axes;
asc_ddo_axes asc_ddo_axes_of(const asc_law *l);
/** Index in params of a ddo law's a, b or c (letter 0, 1, 2) of a domain. */
size_t asc_ddo_param(const asc_law *l, size_t letter, size_t domain);
/** Name of params[i]: "E", "C.arxiv", "gamma.arxiv"; domains (D). Returns buf. */
char *asc_law_param_name(const asc_law *l, size_t i, char *const *domains, char *buf, size_t n);

/* ---- prediction ---- */

/** Loss at tokens (D), parameters P (ignored without has_params). NaN if tokens are not >= 0 with a positive sum. */
double asc_law_predict(const asc_law *l, const double *tokens, double params);
/** The same with dL/dtokens_i into gradient (D) [nats per token, per token]. Of trees: zeros. */
double asc_law_gradient(const asc_law *l, const double *tokens, double params, double *gradient);
/** Loss under draw k (k < n_draws). Gaussian-process part and trees as in the point fit. */
double asc_law_predict_draw(const asc_law *l, size_t k, const double *tokens, double params);
/** Losses at one point under draws 0, stride, 2 stride, ... of l into out (n): each process evaluated once. */
void asc_law_predict_draws(double *out, const asc_law *l, size_t n, size_t stride, const double *tokens, double params);
/** A view of l with draw k in place of params (of a blend: of the part that the draw is of): valid while l lives; never
 * clear it. For optimisers. */
asc_law asc_law_draw_view(const asc_law *l, size_t k);
/** n points: tokens (n,D), params (n) or NULL (then `one_params` for all) -> out (n). Vectorised, in blocks over
 * n_threads; agrees with asc_law_predict to 1e-12 relative. */
asc_status asc_law_predict_many(double *out, const asc_law *l, size_t n, const double *tokens, const double *params,
                                double one_params, int n_threads, asc_error *err);
/** May a mixture be chosen by this law (of a blend: by any part of it)? Not by one whose returns need not diminish
 * (linear), nor by steps (trees), nor by a process alone, whose draws know nothing of what it does not: they predict,
 * and never decide. */
bool asc_law_decides(const asc_law *l);
/** Is it, or a part of it, made of steps, so that gradients say nothing? */
bool asc_law_has_steps(const asc_law *l);
/** Is it a law of the objective itself, one for all targets (ddo)? */
bool asc_law_of_objective(const asc_law *l);
/** Are its draws kept as double? Else each is a float (draws.c rounds them). */
bool asc_law_draws_exact(const asc_law *l);
/** What the law may be off by because it goes on beyond the totals and sizes of its table [nats, a standard deviation]:
 * .12 of the change that it promises from there on (ours; measured on tables whose truth is known,
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
    double *reach_lo, *reach_hi; /**< (D) range that a trust region goes by: the same, and of a star every share that
                                    its token amounts, each within those sampled, can make up; NULL: as sampled */
    double *base_tokens;         /**< (D) base row of a star, else the mean shares x largest total */
    double tokens_lo, tokens_hi; /**< totals in the table */
    double params_lo, params_hi; /**< parameters in the table; NaN: not given */
    double noise;                /**< sd of one run's loss from repeats or as given [nats]; NaN: unknown */
    asc_notes notes;
} asc_law_set;
void asc_law_set_clear(asc_law_set *s);
asc_status asc_law_set_note(asc_law_set *s, asc_error *err, asc_note_code code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/** A note of the table: asc_law_set_say(&set, err, NOT_CONVERGED, target). */
#define asc_law_set_say(set, err, id, ...) asc_law_set_note(set, err, ASC_NOTE_##id, ASC_SAYS_##id, ##__VA_ARGS__)

/** Drift of the objective, all targets being off to the same side [units of the objective]. */
double asc_law_set_drift(const asc_law_set *s, const asc_objective *objective, const double *tokens, double params);
/** Is its one law a law of the objective itself? */
bool asc_law_set_of_objective(const asc_law_set *s);
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
    const char *law;                /**< a name of asc_law_names; NULL: "auto", their blend */
    const asc_objective *objective; /**< NULL: mean loss */
    double noise;       /**< sd of one run's loss [nats, = relative noise of perplexity]; NaN: from repeats */
    size_t n_bootstrap; /**< draws; 0: none */
    size_t n_folds;     /**< of cross-validation; 0 or 1: none */
    double huber;       /**< residuals beyond it (in robust sd) count linearly; 0: plain least squares */
    uint64_t seed;
    int n_threads;            /**< <= 0: one per processor */
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
 * Cost: R V P^2 per step; RegMix (512 x 13, D = 17) with 5 folds < .3 s on one thread, bootstrap apart.
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
 * Validate every law as it will be used: grouped k-fold inside one size and budget; forward (fit the smaller, predict
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

/**
 * Parametric bootstrap of the star alone: draws (n, 1+3D) in the layout of a ddo law, each from losses redrawn with
 * the noise (V) [nats] of each target; vectorised. Domains without a root in a replica take the bounded least squares.
 */
asc_status asc_ddo_bootstrap(double *draws, size_t n, const asc_ddo_star *star, const asc_law *fit,
                             const asc_objective *objective, const double *noise, uint64_t seed, asc_error *err);

#endif
