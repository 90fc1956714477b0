/**
 * design: which runs to make. Token quantities, never renormalised weights. Shape letters: D domains, R runs.
 */
#ifndef AUTOSCALE_DESIGN_H
#define AUTOSCALE_DESIGN_H

#include "spec/spec.h"

/** What a run is for. */
typedef enum asc_design_kind { ASC_DESIGN_BASE, ASC_DESIGN_UP, ASC_DESIGN_DOWN, ASC_DESIGN_MIXTURE } asc_design_kind;

typedef struct asc_design_run {
    asc_design_kind kind;
    size_t domain;   /**< the domain that is moved (UP, DOWN); 0 else */
    double factor;   /**< the true factor on that domain's base tokens after whole numbers and caps; 1 for the base */
    size_t repeat;   /**< 0 for the first run of a point, 1.. for its repeats (other seeds) */
    int64_t *tokens; /**< (D) whole tokens; borrowed from the design's block */
    int64_t total;   /**< sum over domains */
} asc_design_run;

typedef struct asc_design {
    size_t n_runs, n_domains;
    asc_design_run *runs; /**< (R) base and its repeats first, then up and down of domain 0, 1, ... */
    int64_t *block;       /**< (R,D) */
} asc_design;
void asc_design_clear(asc_design *d);

/** How a DDO star is made. */
typedef struct asc_star_opts {
    size_t n_domains;
    const int64_t *base; /**< (D) base tokens, each >= 1 (asc_mixture_tokens makes them from weights) */
    double factor;       /**< > 1; up runs take base * factor ([K24]: 3 for decoders, 2 for BERT) */
    double down;         /**< > 1; down runs take base / down ([K24]: 3) */
    size_t base_repeats; /**< runs of the base, >= 1; 2 and more measure the noise */
    size_t arm_repeats;  /**< runs of each up and down point, >= 1 */
    const int64_t *cap;  /**< (D) most tokens of a domain that a run may take (available * max epochs), or NULL */
} asc_star_opts;

/**
 * The star of Direct Data Optimization ([K24], docs/method.md#direct-data-optimization): base, and for each domain up
 * and down with the others held. Where base * factor exceeds a cap the largest number that fits is taken and `factor`
 * says the true one; a domain whose cap leaves less than a factor of 1.01 has no up run. 2D+1 points without caps.
 * @retval ASC_EINVAL  factor or down not > 1, a base below 1 or above its cap, repeats of 0
 */
asc_status asc_design_star(asc_design *out, const asc_star_opts *o, asc_error *err);

/**
 * n mixtures drawn from a Dirichlet distribution around w0: concentration * w0 ([L24] draws its mixtures so), each
 * drawn from its own stream of seed, shares outside lo..hi drawn again (at most 1000 times).
 * @param[out] w   (n,D)
 * @param lo,hi    (D) shares or NULL
 * @retval ASC_EINVAL  no draw within the bounds
 */
asc_status asc_design_dirichlet(double *w, size_t n, const double *w0, size_t n_domains, double concentration,
                                const double *lo, const double *hi, uint64_t seed, asc_error *err);

/**
 * Branches about a mixture: the k-th has (1 - pull) * centre + pull * e_k ([2601.17858], docs/method.md), in whole
 * sequences within caps.
 * @param[out] out  (D,D) sequences, rows sum to n_sequences      @param centre  (D) shares, sum 1
 * @param cap       (D) most sequences of a domain that a branch may take, or NULL
 * @retval ASC_EINVAL  caps that leave no mixture
 */
asc_status asc_design_branches(int64_t *out, const double *centre, size_t n_domains, double pull, int64_t n_sequences,
                               const int64_t *cap, asc_error *err);

/**
 * Weights of merged models over D branches: the centre itself, then draws about it, by turns close, even and wide
 * (Dirichlet of concentration 2 D, D, D / 2), each from its own stream of seed.
 * @param[out] a   (n,D) >= 0, rows sum to 1
 */
asc_status asc_design_merges(double *a, size_t n, const double *centre, size_t n_domains, uint64_t seed,
                             asc_error *err);

#endif
