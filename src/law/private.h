/* Inside of the room law: data of one target, the table of families, the least-squares core, kernels. */
#ifndef LAW_PRIVATE_H
#define LAW_PRIVATE_H

#include "law/law.h"
#include "law/law_trees.h"
#include "num/num.h"

#include <stdatomic.h>

#define ASC__FLOOR 1e-4
#define ASC__GP_ROWS 768 /* most rows a Gaussian process keeps */

/* ---- kernels beside those of num: the same bits on every instruction set (no fused multiply-add, fixed lanes) ---- */

/** Where Newton's method ended: one element per replica of a star's axis. */
typedef struct asc__ddo_lanes {
    double *u, *b, *f; /**< (n) x0 + a, b, u^-b */
    int64_t *arrived;  /**< (n) 0: not on the branch asked for, or not at all */
} asc__ddo_lanes;

typedef struct asc__kernels {
    /** out = exp(a + b x); x clipped so that no lane overflows. All n here are multiples of ASC_LANES. */
    void (*exp_affine)(double *out, double a, double b, const double *x, size_t n);
    void (*log)(double *out, const double *x, size_t n);
    /** t_i = exp(c_i + g_i x_i), s = sum_i t_i; x, t (D,ld), t NULL: only s. */
    void (*pow_sum)(double *s, double *t, const double *c, const double *g, const double *x, size_t d, size_t ld,
                    size_t n);
    /** out = q * t; out2 = q * t * g * x (out2 NULL: left out). */
    void (*pow_row)(double *out, double *out2, const double *q, const double *t, double g, const double *x, size_t n);
    /** out_r = exp(-k sum_f (x_fr - s_f)^2), x (F,ld), s (F). */
    void (*rbf)(double *out, const double *x, const double *s, double k, size_t f, size_t ld, size_t n);
    /** Roots of u^-b - (u+d1)^-b = y01, (u+d1)^-b - (u+d2)^-b = y12 by Newton's method on (log u, log b) from (u0, b0),
     * on the branch where the determinant has this sign. */
    void (*ddo_newton)(asc__ddo_lanes *out, double u0, double b0, double d1, double d2, const double *y01,
                       const double *y12, double sign, size_t n);
} asc__kernels;
/** The fastest set that this processor runs. */
const asc__kernels *asc__law_kernels(void);
extern const asc__kernels asc__law_kernels_plain;
extern const asc__kernels asc__law_kernels_avx2;

/* ---- data ---- */

/** Features of n rows, domain-major (D,ld), shared by all targets; ld: n padded to a multiple of ASC_LANES, padded rows
 * with weight 0. */
typedef struct asc__features {
    size_t n, ld, n_domains;
    bool has_tokens, has_params;
    double unit_tokens, unit_params, floor;
    double *w, *log_w;     /**< (D,ld); log of max(w, floor) */
    double *log_n, *log_p; /**< (ld) of N, P over their units; 0 where they do not vary */
    double *x;             /**< (D,ld) tokens over unit_tokens */
    double *memory;
} asc__features;
void asc__features_clear(asc__features *f);
/** Memory for up to n rows; units from runs by asc__law_units. */
asc_status asc__features_init(asc__features *f, size_t n, size_t n_domains, asc_error *err);
/** Fill rows from tokens (n,D) and params (n) or one. */
void asc__features_fill(asc__features *f, const double *tokens, const double *params, double one_params, size_t n);

/** What a family sees when it is fitted. */
typedef struct asc__data {
    const asc__features *x;
    const double *y;      /**< (ld) losses, 0 where weight is 0 */
    const double *weight; /**< (ld) 0: not used */
    size_t own;
    const double *pool;    /**< (P) exponents over all targets, in theta's coordinates, or NULL */
    const double *pool_sd; /**< (P) how far targets lie from them, with pool */
    /** Variance of one row about the law as the priors take it [nats^2]; rows of one run together count for one. 0: not
     * known yet, a hundredth of y_var. */
    double noise2;
    double y_min, y_max, y_mean, y_var; /**< over rows with weight */
    size_t n_used;
} asc__data;
/** noise2, or its stand-in. */
double asc__data_noise2(const asc__data *d);
void asc__data_stats(asc__data *d);

/* ---- families ---- */

/** Scratch of an evaluation: enough for every family: (3 D + 10) rows of ld, and 12 (D + 2)^2 for the
 * normal equations of a start. */
size_t asc__scratch_size(size_t n_domains, size_t ld);

/**
 * One law: one row of the table in families.c. All that the rest of the tool knows of it stands here; a law is a file
 * that defines such a row, and a line in the table. Three kinds: a law fitted by least squares (eval and what follows
 * it; it may also carry a Gaussian process on its residual, "+gp"), one that learns in its own way (learn, rows), one
 * that makes a whole set (fit). theta: what the solver moves (logarithms where that is natural); params: what users
 * see. P = n_params.
 */
struct asc_law_family {
    const char *name, *name_gp; /**< name_gp: with "+gp"; NULL: takes none */
    const char *alias;          /**< another name that --law takes, or NULL */
    const char *help;           /**< one line for people */
    /* where it is tried */
    bool validate, validate_gp; /**< by compare: alone, with a process; both come from one validation */
    bool blends;                /**< may matter in a blend */
    bool slow;                  /**< tried on a few folds first, dropped where clearly behind */
    /* what it is like */
    bool corner;       /**< its optimum is a corner or a step whatever the runs say: predicts but does not optimize */
    bool steps;        /**< made of steps */
    bool of_objective; /**< one law of the objective, not one per target */
    bool exact_draws;  /**< draws are kept as double */
    bool needs_own;    /**< only for a target that names a domain */
    size_t least_rows; /**< fewest rows with a loss; 0: ASC_LAW_LEAST_ROWS */
    const char *not_validated; /**< why no run can be held out of it, or NULL */
    /** NULL, or the reason for which it is one and the same as another law on tables without these variables. */
    const char *(*twin)(bool tokens, bool params);
    /** NULL, or what is missing for it on this machine. */
    const char *(*missing)(void);
    /** NULL, or the field that is wrong in a law read from a file. */
    const char *(*check)(const asc_law *l, const char **expected);
    size_t (*n_params)(size_t n_domains, bool has_tokens, bool has_params); /**< NULL: one per part */
    void (*param_name)(const asc_law *l, size_t i, char *const *domains, char *buf, size_t n);
    /** Value and, if not NULL, dL/dtokens at one point, from params. */
    double (*point)(const asc_law *l, const double *params, const double *tokens, double P, double *gradient);

    /* a whole set */
    asc_status (*fit)(asc_law_set *out, const asc_runs *runs, const asc_law_opts *o, asc_error *err);

    /* one target, in its own way */
    asc_status (*learn)(asc_law *l, const asc__data *d, uint64_t seed, asc_error *err); /**< from rows with weight */
    void (*rows)(const asc_law *l, const asc__features *x, double *f);                  /**< predictions (x->n) */

    /* one target, by least squares */
    /** f (ld) and, if J is not NULL, df/dtheta J (P,ld). */
    void (*eval)(const asc__features *x, size_t own, const double *theta, double *f, double *J, double *scratch);
    /** Start point k into theta; false: no such start. */
    bool (*start)(const asc__data *d, size_t k, double *theta, double *scratch);
    /** Gaussian prior: centre in (from a start) and out, strength that lambda scales, fixed strength. */
    void (*prior)(const asc__data *d, double *centre, double *strength, double *fixed);
    void (*bounds)(const asc__data *d, double *lo, double *hi);
    /** Groups of coordinates that a fit with few parameters moves together (the centre of the prior); 0 groups: none.
     */
    size_t (*tie)(const asc__data *d, size_t *tie);
    /** Whether coordinate j of theta is the logarithm of the parameter that users see, which then is positive; NULL:
     * every one is the parameter itself. */
    bool (*is_log)(size_t j, size_t n_domains);
};
typedef asc_law_family asc__family;
#define ASC__NAMES(text) .name = (text), .name_gp = (text "+gp")
/** Parameters with D domains; 0 where the law has none of its own. */
size_t asc__family_params(const asc__family *f, size_t n_domains, bool has_tokens, bool has_params);
/** Users' parameters from coordinates, and back; both as long as asc__family_params says. */
void asc__to_params(const asc__family *f, const asc__features *x, const double *theta, double *params);
void asc__to_theta(const asc__family *f, const asc__features *x, const double *params, double *theta);
/** Fewest rows with a loss that it is fitted to. */
size_t asc__least_rows(const asc__family *f);

/* Shared by families (terms.c). */
/** f += A z^-alpha at theta = [log A, log alpha]; rows of J against both, or NULL (then scratch (ld)). */
void asc__power_term(const asc__kernels *k, const double *theta, const double *log_z, double *f, double *J, size_t ld,
                     double *scratch);
void asc__term_bounds(double *lo, double *hi);
/** Prior on the exponent at `at` (a logarithm): its centre and fixed strength. */
void asc__exponent_prior(const asc__data *d, double *centre, double *fixed, size_t at);
/** Strength of a prior of this sd, in the units of the cost. */
double asc__prior_strength(const asc__data *d, double sd);
/** is_log of a family whose first coordinate is the loss that nothing can reduce. */
bool asc__all_but_first(size_t j, size_t n_domains);
/** Groups of D coordinates: the own domain apart from the others, numbered from next; returns the next free number. */
size_t asc__split(const asc__data *d, size_t *tie, size_t next);

/** Sum of tokens (D); NaN if one is negative or not finite. */
double asc__total(const double *tokens, size_t n_domains);
/** dL/dtokens from dL/dw (D) and dL/dN at fixed shares. */
void asc__shares_gradient(double *gradient, const double *gw, const double *w, double N, double dN, size_t n_domains);

/* ---- least squares ---- */

typedef struct asc__lm {
    size_t p, ld;
    double *J, *JW, *G, *L, *g, *step, *trial, *f, *f_trial, *weight, *scratch;
    double *lo, *hi, *centre, *strength; /**< (P) bounds and prior */
    double *fixed;                       /**< (P) prior strength that lambda does not scale */
    double *z, *full, *z_lo, *z_hi;      /**< (P) scratch of the tied fit */
    size_t *tie;                         /**< (P) group of each coordinate in a tied fit */
    bool *active;
    double *memory;
} asc__lm;
asc_status asc__lm_init(asc__lm *m, size_t p_max, size_t ld, size_t n_domains, asc_error *err);
void asc__lm_clear(asc__lm *m);

typedef struct asc__lm_opts {
    double lambda; /**< of the prior: cost = sum w rho(r) + sum (lambda strength + fixed) (theta - centre)^2 */
    double huber;  /**< absolute threshold, 0: none */
    int max_iter;
    double tol; /**< relative fall of cost that ends */
} asc__lm_opts;
typedef struct asc__lm_result {
    double cost, data_cost; /**< with and without the prior */
    int n_iter;
    bool converged;
} asc__lm_result;
/** Degrees of freedom that a fit at theta spends: trace of (J'WJ + prior)^-1 J'WJ. */
double asc__lm_freedom(asc__lm *m, const asc__family *fam, const asc__data *d, const double *theta,
                       const asc__lm_opts *o);
/** Minimise from theta (P), bounds and prior in m->lo, hi, centre, strength. m->f holds f(theta) at the end. */
asc__lm_result asc__lm_solve(asc__lm *m, const asc__family *fam, const asc__data *d, double *theta,
                             const asc__lm_opts *o);
/** The same with coordinates of one m->tie group moved together, from their mean in theta; no prior but m->fixed. */
asc__lm_result asc__lm_solve_tied(asc__lm *m, const asc__family *fam, const asc__data *d, double *theta,
                                  size_t n_groups, const asc__lm_opts *o);

/* ---- what a table samples ---- */

/** Domains in whose tokens rows a and b differ by more than 1e-6 relative, counted up to `most`; *which: the last. */
size_t asc__rows_differ(const asc_runs *t, size_t a, size_t b, size_t *which, size_t most);
/** Range of shares (D) that a table's runs reach: those sampled, and of a star all that its token amounts make up. */
asc_status asc__reach_of(double *lo, double *hi, const asc_runs *t, asc_error *err);

/* ---- the fit of one target ---- */

#define ASC__STAGES 2 /* most forward validations of one table */
#define ASC__PATH 7
/** Sds of the prior that a fit goes through, tightest first: of worths and exponents about their common centre, in
 * logarithms. The last is no prior to speak of. */
extern const double asc__path_sd[ASC__PATH];

typedef struct asc__path_opts {
    double huber; /**< absolute, 0: none */
    int max_iter; /**< per strength */
    double tol;
} asc__path_opts;
/** A fit on its way from the tightest prior to none: its own bounds and prior, so that many may be under way on one
 * workspace. */
typedef struct asc__path {
    size_t p;
    double *lo, *hi, *centre, *strength, *fixed; /**< (P) */
    double *theta;                               /**< (P) where it stands */
    double *memory;
} asc__path;
asc_status asc__path_init(asc__path *t, size_t p, asc_error *err);
void asc__path_clear(asc__path *t);
/** Bounds, prior and its centre from d. False if no start can be evaluated. */
bool asc__path_begin(asc__path *t, asc__lm *m, const asc__family *fam, const asc__data *d, const asc__path_opts *o);
/** From where t stands to the minimum under the prior of sd asc__path_sd[s]: step through s = 0, 1, 2 ... m->f holds
 * the predictions of all rows, also those of weight 0. */
asc__lm_result asc__path_step(asc__path *t, asc__lm *m, const asc__family *fam, const asc__data *d, size_t s,
                              const asc__path_opts *o);
/** m's bounds and prior become t's. */
void asc__path_load(const asc__path *t, asc__lm *m);

/* ---- a table made ready ---- */

typedef struct asc__prep {
    const asc_runs *runs;
    size_t n, ld, n_domains, n_targets;
    double tokens_hi, params_hi; /* largest of the table; params NaN: not known */
    asc__features x;
    double *y, *weight; /**< (V,ld) loss and 1, or 0 and 0 where not measured */
    size_t *own;        /**< (V) domain that each target names, or ASC_NONE */
    size_t *unit;       /**< (R) rows that stay together: one run, or one mixture */
    size_t n_units;
    int *fold; /**< (R) 0..n_folds-1 by unit */
    int n_folds;
    size_t *cell; /**< (R) rows of one size and budget */
    size_t n_cells;
    size_t n_stages; /**< forward validations, 0: cannot be had */
    int8_t *stage;   /**< (n_stages,R) 0 fitted, 1 predicted, -1 neither */
} asc__prep;
asc_status asc__prep_init(asc__prep *p, const asc_runs *runs, const asc_law_opts *o, asc_error *err);
void asc__prep_clear(asc__prep *p);

/* ---- what targets share (pool.c) ---- */

/** From a first fit of every target. Exponents: medians over targets, in theta's coordinates, and how far the targets
 * lie about them (robust sd); NULL with fewer than three targets. */
typedef struct asc__pooled {
    double *centre, *sd; /**< (P) */
} asc__pooled;
typedef struct asc__pool {
    double *trust;   /**< (ld) weight of each row: by how far its run is off on all targets (1 with fewer than three)
                          and by what its budget counts, see pool.c; near 1 mostly; NULL: all count alike */
    double *noise2;  /**< (V) variance of one row about the law, see asc__data; NULL: not known */
    double rho;      /**< correlation of the targets' residuals in one row, 0..1 */
    asc__pooled all; /**< of all rows */
    asc__pooled early[ASC__STAGES]; /**< of the rows that each forward validation fits */
} asc__pool;
asc_status asc__pool_init(asc__pool *out, const asc__prep *prep, const asc__family *family, int n_threads,
                          asc_error *err);
void asc__pool_clear(asc__pool *p);
/** Coordinates with a prior of their own (fixed > 0: exponents) are held near the pool instead, if there is one. */
void asc__pool_prior(const asc__data *d, size_t n_params, double *centre, double *fixed);

/* ---- progress (meter.c) ---- */

#define ASC__METER_FIT 8 /* one fit along the prior's strengths; a draw is 1 */
/** Steps of the same work on several targets, counted from any thread; told through opts->progress, by one thread at a
 * time. A job has a fixed share: what it does not need is added at its end. */
typedef struct asc__meter {
    const asc_law_opts *opts;
    const char *what, *unit;
    double base, span, end; /**< told: base + span * done / total, of end */
    double total;
    size_t per_job;
    atomic_size_t done;
    atomic_flag busy;
} asc__meter;
/** n_jobs targets, each with the folds of o and n_draws. what: kept, not copied. */
void asc__meter_init(asc__meter *m, const asc_law_opts *o, const char *what, size_t n_jobs, size_t n_draws);
/** From here on the jobs are part i of n_parts (i = n_parts: all done), and parts are what is told. */
void asc__meter_part(asc__meter *m, size_t i, size_t n_parts, const char *unit);
/** The jobs begin again: what they do from here on is the share from..to of this part. */
void asc__meter_round(asc__meter *m, double from, double to);
/** n more steps of a job that has *spent some. m may be NULL. */
void asc__meter_add(asc__meter *m, size_t *spent, size_t n);

/** What the validation of a law on one target finds; handed to a later fit, it need not be found again. */
typedef struct asc__verdict {
    bool known;
    size_t sd;          /**< the prior's width, index into asc__path_sd */
    double huber;       /**< threshold of residuals, 0: none */
    double *held;       /**< (ld) held-out predictions, NaN where there are none; the caller's */
    double forward_mre; /**< NaN: cannot be had */
} asc__verdict;

/** One law on one target. */
typedef struct asc__fit_job {
    const asc__prep *prep;
    const asc_law_opts *opts;
    size_t target;
    const asc__family *family;
    bool gp;
    const asc__pool *pool;
    asc__meter *meter;     /**< or NULL */
    size_t spent;          /**< of the meter's share */
    bool validate_only;    /**< cross-validation and forward alone, no final fit, no draws */
    int max_folds;         /**< folds to do, 0: all */
    size_t n_draws;        /**< of the parameters */
    asc__verdict *verdict; /**< in if known, else out */
    asc__verdict *plain;   /**< out, with gp: the same of the law without its process; or NULL */
} asc__fit_job;
/** Fit one target; law is filled unless validate_only. */
asc_status asc__fit_target(asc_law *law, asc__fit_job *job, asc_error *err);
/** Draws of l's parameters (job->n_draws) about the fit theta, see draws.c. lm, data: of the fit, prior and bounds in
 * lm. */
asc_status asc__law_draws(asc_law *l, const asc__fit_job *job, asc__lm *lm, const asc__data *data, const double *theta,
                          asc_error *err);
/** Figures for the fitted rows from predictions f (ld). */
void asc__fit_stats(asc_law_stats *s, const asc__prep *p, const double *f, const double *y, const double *weight);
/** Figures for held-out predictions (ld, NaN where there are none); sd of the mean over folds. */
void asc__cv_stats(asc_law_stats *s, const asc__prep *p, const double *held, const double *y, const double *weight);
/** Bands from held-out predictions (ld). */
asc_status asc__law_calibrate(asc_law *l, const asc__prep *p, const double *held, const double *y, const double *weight,
                              asc_error *err);
/** Draws that a set of V laws of about n_params each may hold. */
size_t asc__count_draws(const asc_law_opts *o, size_t V, size_t n_params);
/** Bands of single targets, drawn towards the median over targets. */
asc_status asc__steady_bands(asc_law *laws, const asc__prep *prep, asc_error *err);
/** Variance over the draws (and between the parts of a blend) at n points into out; tokens (n,D), params (n). */
asc_status asc__draws_variance(double *out, const asc_law *l, size_t n, const double *tokens, const double *params,
                               asc_error *err);

/* ---- laws validated on a table (validate.c) ---- */

#define ASC__LEAST_WEIGHT .04 /* of the largest: laws of less are no part of a blend */
/** One law, validated on every target. */
typedef struct asc__contender {
    asc_law_score score;
    const asc__family *family;
    bool gp;
    asc__pool *pool;                        /**< one of the field's */
    asc__verdict *verdicts;                 /**< (V) */
    double *held;                           /**< (V,ld) */
    double *mre, *mse, *spearman, *forward; /**< (V) held-out figures */
} asc__contender;
typedef struct asc__field {
    const asc__prep *prep;
    const asc_law_opts *o;
    size_t n;
    asc__contender *laws; /**< in the order in which they were tried */
    size_t n_pools;
    asc__pool *pools; /**< one per family */
    size_t n_skipped;
    asc_law_skip *skipped;
} asc__field;
void asc__field_clear(asc__field *f);
/** Validate the laws of a comparison (all of them), or of a blend (those that can matter there). With many targets all
 * are validated on some, and on the others those that a blend of one of these would hold. */
asc_status asc__field_validate(asc__field *out, const asc__prep *prep, const asc_law_opts *o, bool all, asc_error *err);
/** Squared error by which laws are weighed and ranked: held out, times forward over held-out relative error where the
 * table can test it (forward not NaN): the geometric mean of both squared errors. */
double asc__held_out_error(double held_mse, double held_mre, double forward_mre);
/** The ranking of a field; with no law in it, what else can be said of runs. */
asc_status asc__rank_field(asc_law_comparison *out, const asc__field *f, const asc_runs *runs, const asc_law_opts *o,
                           asc_error *err);
/** How the blend does on the same held-out runs. */
asc_status asc__blend_score(asc_law_score *out, const asc__field *f, asc_error *err);
/** The blend of every target: laws (V) zeroed before. */
asc_status asc__blend_laws(asc_law *laws, asc__field *f, asc_error *err);

/** Mean over cells of Spearman's rank correlation of pred and y (rows with weight and finite pred). */
double asc__cell_spearman(const asc__prep *p, const double *pred, const double *y, const double *weight);

/** Is this law on this table more work than is allowed? Then a sentence into why (n). */
bool asc__too_large(char *why, size_t n, const asc_runs *t, const asc_law_opts *o, const asc__family *family);
/** Runs of a table that is too large, evenly drawn so that a middling law is in reach; out->n_runs = 0: take all. */
asc_status asc__sample_runs(asc_runs *out, const asc_runs *t, const asc_law_opts *o, asc_error *err);

/** A set with names, objective and ranges filled in and n_laws empty laws. */
asc_status asc__law_set_init(asc_law_set *out, const asc_runs *runs, const asc_law_opts *o, size_t n_laws,
                             asc_error *err);

/* ---- Gaussian process, trees ---- */

/** Fit to residual (ld) = log y - log f where weight != 0: length, signal, noise by maximum likelihood, unless `like`
 * gives them. Leaves g->n = 0 where the process explains nothing. */
asc_status asc__gp_fit(asc_gp *g, const asc__features *x, const double *residual, const double *weight,
                       const asc_gp *like, asc_error *err);
/** f (x->ld) *= exp(process). scratch: asc__scratch_size. */
void asc__gp_apply(const asc_gp *g, const asc__features *x, double *f, double *scratch);
/** value * exp(process) at one point; gradient (of value on entry, or NULL) updated. */
double asc__gp_point(const asc_law *l, double value, const double *tokens, double P, double *gradient);
void asc__gp_clear(asc_gp *g);

/** Fit on rows with weight != 0 (XGBoost). */
asc_status asc__trees_fit(asc_trees *t, const asc__data *d, uint64_t seed, asc_error *err);
/** Row r of x as the trees see it: shares, log N, log P where they vary. */
void asc__trees_row(const asc__features *x, size_t r, float *out);

/** `auto`: the laws validated and blended target by target. */
asc_status asc__fit_blend(asc_law_set *out, const asc_runs *runs, const asc_law_opts *o, asc_error *err);

#endif
